//! The first run that MLflow's client begins in a program is the program's own.

use std::collections::BTreeMap;

use api::{
    RunId, SearchId,
    run::{GetNested, GetRun, ListRuns, RunKind, RunState},
    run_diff::{DiffCell, DiffRuns},
    run_table::{FIGURES_OF, Listing, PickRuns, TabulateRuns},
    search::{SEARCH_TAG, Search, SearchConfig, TRIAL_TAG, Trial, TrialOutcome, Value},
    series::Point,
    tracking::{CreateExperiment, Experiment, ListExperiments, PARENT_TAG, PROGRAM_TAG, Scope},
};
use engine::{
    run::name::friendly,
    tracking::client::{self, Batch, Begin, Change},
};

use crate::{place, stage::Stage};

/// The project's experiment, and a program's run under way in it with a name that was made for it.
async fn program(stage: &Stage) -> (Experiment, RunId) {
    let project = place::project(stage).await;
    let own = stage.call(ListExperiments::default()).await;
    let own = own.into_iter().find(|one| one.project == Some(project)).unwrap();
    let mut row = place::bare_run(RunId::from_bytes(stage.engine.new_id()), &own, 1);
    let id = row.run.id;
    (row.run.kind, row.run.state, row.run.ended_ms) = (RunKind::Command, RunState::Running, None);
    row.run.name = friendly(id.as_bytes(), 3);
    stage.engine.store().write(move |tx| store::run::put(tx, &row)).await.unwrap();
    (own, id)
}

/// What the client sends of a run that it begins in the program.
async fn begin(stage: &Stage, experiment: &Experiment, program: RunId, name: Option<&str>) -> RunId {
    let context = [PARENT_TAG, PROGRAM_TAG].map(|tag| (tag.to_owned(), program.to_string()));
    let source = ("mlflow.source.name".to_owned(), "train.py".to_owned());
    let tags = context.into_iter().chain([source]).collect();
    let (user, name) = (Some("ada".to_owned()), name.map(str::to_owned));
    let begin = Begin { user, name, started_ms: Some(1), tags, ..Begin::default() };
    client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id
}

#[tokio::test]
async fn a_client_goes_on_with_its_programs_run_and_further_runs_stand_below_it() {
    let stage = Stage::new().await;
    let (own, program) = program(&stage).await;
    let elsewhere = stage.call(CreateExperiment { name: "elsewhere".to_owned(), folder: String::new() }).await;
    let other = begin(&stage, &elsewhere, program, None).await;
    assert_ne!(other, program, "a run of another experiment is one of its own");

    assert_eq!(begin(&stage, &own, program, Some("deep")).await, program);
    let points = vec![Point { step: 0, time_ms: 5, value: 0.25 }];
    let params = vec![("lr".to_owned(), "0.1".to_owned())];
    let batch = Batch { series: vec![("loss".to_owned(), points)], params, ..Batch::default() };
    client::log(&stage.engine, program, batch).await.unwrap();
    // The program's end is its process', whatever its client says.
    let ended = Change { state: Some(RunState::Finished), ended_ms: Some(9), ..Change::default() };
    client::change(&stage.engine, program, ended).await.unwrap();
    let run = stage.call(GetRun { run: program }).await;
    assert_eq!((run.name.as_str(), run.user.as_deref(), run.kind), ("deep", Some("ada"), RunKind::Command));
    assert_eq!((run.state, run.ended_ms, run.metrics[0].last), (RunState::Running, None, 0.25));
    assert_eq!(run.params["lr"], "0.1");
    assert_eq!((run.tags["mlflow.source.name"].as_str(), run.tags.get(PARENT_TAG)), ("train.py", None));

    let second = begin(&stage, &own, program, None).await;
    assert_ne!(second, program);
    let below = stage.call(GetNested { run: program }).await.children;
    let mut below: Vec<RunId> = below.into_iter().map(|run| run.id).collect();
    below.sort();
    let mut expect = [other, second];
    expect.sort();
    assert_eq!(below, expect);
    assert_eq!(stage.call(GetRun { run: second }).await.tags.get(PROGRAM_TAG), None);
}

#[tokio::test]
async fn a_program_without_figures_of_its_own_shows_those_of_the_newest_run_below_it() {
    let stage = Stage::new().await;
    let (own, program) = program(&stage).await;
    let elsewhere = stage.call(CreateExperiment { name: "elsewhere".to_owned(), folder: String::new() }).await;
    let log = async |run: RunId, key: &str, value: f64| {
        let series = vec![(key.to_owned(), vec![Point { step: 0, time_ms: 5, value }])];
        let params = vec![("lr".to_owned(), value.to_string())];
        client::log(&stage.engine, run, Batch { series, params, ..Batch::default() }).await.unwrap();
    };
    let below = async |name: &str, started_ms: i64| {
        let tags = vec![(PARENT_TAG.to_owned(), program.to_string())];
        let begin = Begin { name: Some(name.to_owned()), started_ms: Some(started_ms), tags, ..Begin::default() };
        client::begin(&stage.engine, &elsewhere.number.to_string(), begin).await.unwrap().row.run.id
    };
    let (first, newest, bare) = (below("first", 1).await, below("newest", 2).await, below("bare", 3).await);
    log(first, "loss", 0.5).await;
    log(newest, "loss", 0.25).await;
    log(bare, "system/cpu", 50.0).await;
    let row = async || {
        let list = ListRuns { experiment: Some(own.id), ..ListRuns::default() };
        stage.call(list).await.rows.into_iter().find(|row| row.id == program).unwrap()
    };
    let below = row().await.below.unwrap();
    assert_eq!((below.run, below.name.as_str()), (newest, "newest"));
    assert_eq!((below.metrics["loss"].last, below.params["lr"].as_str()), (0.25, "0.25"));
    let list =
        Listing { of: Scope::Experiment(own.id), deleted: false, filter: String::new(), sort: None, descending: false };
    let columns = ["name", FIGURES_OF, "metric.loss", "param.lr"].map(str::to_owned).to_vec();
    let table = TabulateRuns { list, columns, offset: 0, limit: None, runs: vec![program] };
    let cells = stage.call(table.clone()).await;
    let told: Vec<(u32, &str)> = cells.rows[0].iter().skip(1).map(|(at, text)| (*at, text.as_str())).collect();
    assert_eq!(told, [(1, "newest"), (2, "0.25"), (3, "0.25")]);
    assert_eq!((cells.below.as_slice(), cells.notes.len()), (&[(0, 2), (0, 3)][..], 0));
    assert_eq!(cells.own_rows()[0].len(), 2);
    // Where nobody chose the columns, what is borrowed has some, and whose it is.
    let all = stage.call(TabulateRuns { columns: Vec::new(), ..table.clone() }).await;
    assert!(["metric.loss", "param.lr", FIGURES_OF].iter().all(|name| all.columns.iter().any(|own| own == name)));
    // What is filtered by is a run's own.
    let filtered = Listing { filter: "metric.loss < 1".to_owned(), ..table.list.clone() };
    assert_eq!(stage.call(PickRuns { list: filtered, offset: 0, limit: None, evenly_by: None }).await.total, 0);
    let diff = stage.call(DiffRuns { runs: vec![program, first], all: false, system: false }).await;
    let told: Vec<Option<&str>> = diff.runs.iter().map(|run| run.figures_of.as_deref()).collect();
    assert_eq!(told, [Some("newest"), None]);
    let loss = diff.rows.iter().find(|row| row.key == "loss").unwrap();
    assert_eq!(loss.values, [0.25, 0.5].map(|value| Some(DiffCell::Number(value))));

    // What it measures itself is all of it.
    log(program, "accuracy", 0.75).await;
    assert_eq!(row().await.below, None);
    let cells = stage.call(table).await;
    assert!(cells.below.is_empty() && cells.rows[0].len() == 2 && cells.notes.len() == 1, "{cells:?}");
}

#[tokio::test]
async fn a_name_that_somebody_gave_stays_and_a_run_that_is_over_is_not_gone_on_with() {
    let stage = Stage::new().await;
    let (own, program) = program(&stage).await;
    let named = async |name: &'static str, state: RunState| {
        let written = stage.engine.store().write(move |tx| {
            let mut row = store::run::bare(tx, program)?.unwrap();
            (row.run.name, row.run.state) = (name.to_owned(), state);
            store::run::put(tx, &row)
        });
        written.await.unwrap();
    };
    named("chosen", RunState::Finished).await;
    assert_ne!(begin(&stage, &own, program, Some("late")).await, program);
    named("chosen", RunState::Running).await;
    assert_eq!(begin(&stage, &own, program, Some("deep")).await, program);
    assert_eq!(stage.call(GetRun { run: program }).await.name, "chosen");
}

#[tokio::test]
async fn a_trials_program_says_in_its_own_words_what_it_was_given() {
    let stage = Stage::new().await;
    let (own, program) = program(&stage).await;
    let (id, project) = (SearchId::from_bytes([7; 16]), own.project.unwrap());
    let search = Search::begun(id, project, "bowl".to_owned(), SearchConfig::default(), 1);
    let given = Value::Number(0.00001).to_string();
    let trial = Trial {
        number: 1,
        run: program,
        name: None,
        values: BTreeMap::from([("lr".to_owned(), Value::Number(0.00001))]),
        outcome: TrialOutcome::Running,
        step: None,
        value: None,
        rung: None,
        killed: 0,
        because: None,
    };
    let written = stage.engine.store().write(move |tx| {
        store::search::put(tx, &search)?;
        store::search::put_trial(tx, search.id, &trial)?;
        store::tag::put(tx, program, SEARCH_TAG, &search.id.to_string())?;
        store::tag::put(tx, program, TRIAL_TAG, "1")?;
        store::param::put(tx, program, "lr", &given)
    });
    written.await.unwrap();
    let log = async |value: &str| {
        let params = vec![("lr".to_owned(), value.to_owned())];
        client::log(&stage.engine, program, Batch { params, ..Batch::default() }).await
    };
    log("1e-05 of Python").await.unwrap();
    log("1e-05 of Python").await.unwrap();
    assert_eq!(stage.call(GetRun { run: program }).await.params["lr"], "1e-05 of Python");
    log("another").await.unwrap_err();
}
