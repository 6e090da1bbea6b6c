//! Whatever changes a run announces all lists that it stands in: its experiment's, and its project's.

use std::{collections::BTreeMap, time::Duration};

use api::{
    ExperimentId, ProjectId, RunId,
    event::{Event, Tag},
    run::{BeginCommand, EditRun, Ending, ListRuns, MarkEnded, RunState, StopRun},
    search::{Direction, SearchConfig, StartSearch, StopSearch, Value, Written},
    series::Point,
    source::{AddSource, Kind, ListSources, ReadSource},
    tracking::{
        CreateExperiment, Dataset, DeleteExperiment, Experiment, ListExperiments, MoveExperiment, MoveRuns, PARENT_TAG,
        PurgeExperiment, PurgeRuns, RestoreExperiment, RestoreRuns, RunInput, TrashRuns,
    },
};
use engine::tracking::{
    client::{self, Batch, Begin, Change},
    experiments,
};

use crate::{place, stage::Stage};

/// Makes a change, and waits until all lists are announced that it is about.
async fn check<T>(stage: &Stage, what: &str, lists: &[Tag], change: impl Future<Output = T>) -> T {
    let mut events = stage.engine.events().subscribe();
    let done = change.await;
    let mut missing = lists.to_vec();
    while !missing.is_empty() {
        let next = tokio::time::timeout(Duration::from_secs(10), events.recv()).await;
        let Ok(Ok(event)) = next else { panic!("{what} announces no {missing:?}") };
        if let Event::Changed { tag } = event {
            missing.retain(|list| *list != tag);
        }
    }
    done
}

/// An experiment that was moved into a project.
async fn within(stage: &Stage, name: &str, project: ProjectId) -> Experiment {
    let made = stage.call(CreateExperiment { name: name.to_owned(), folder: String::new() }).await;
    stage.call(MoveExperiment { experiment: made.id, to: Some(project) }).await
}

async fn begin(stage: &Stage, number: i64) -> RunId {
    client::begin(&stage.engine, &number.to_string(), Begin::default()).await.unwrap().row.run.id
}

#[tokio::test]
async fn of_a_clients_run_in_an_experiment_of_a_project_both_lists() {
    let stage = Stage::new().await;
    let project = place::project(&stage).await;
    let sweep = within(&stage, "sweep", project).await;
    let engine = &stage.engine;
    let both = [Tag::Experiment(sweep.id), Tag::Runs(project)];
    let run = check(&stage, "beginning", &both, begin(&stage, sweep.number)).await;
    let point = Point { step: 0, time_ms: 1, value: 1.0 };
    let batch = Batch {
        series: vec![("loss".to_owned(), vec![point])],
        tags: vec![("team".to_owned(), "blue".to_owned())],
        ..Batch::default()
    };
    check(&stage, "logging", &both, client::log(engine, run, batch)).await.unwrap();
    check(&stage, "removing a tag", &both, client::delete_tag(engine, run, "team".to_owned())).await.unwrap();
    let dataset = Dataset {
        name: "d".to_owned(),
        digest: "1".to_owned(),
        source_type: "local".to_owned(),
        source: "/d".to_owned(),
        schema: None,
        profile: None,
    };
    let inputs = vec![RunInput { dataset, tags: BTreeMap::new() }];
    check(&stage, "an input", &both, client::inputs(engine, run, inputs, Vec::new())).await.unwrap();
    let edit = EditRun { run, name: Some("renamed".to_owned()), notes: None, tags: BTreeMap::new() };
    check(&stage, "editing", &both, stage.call(edit)).await;
    check(&stage, "marking as ended", &both, stage.call(MarkEnded { run, ending: Ending::Failed })).await;
    let change = Change { state: Some(RunState::Finished), ended_ms: Some(2), ..Change::default() };
    check(&stage, "ending", &both, client::change(engine, run, change)).await.unwrap();
    check(&stage, "deleting", &both, stage.call(TrashRuns { runs: vec![run] })).await;
    check(&stage, "restoring", &both, stage.call(RestoreRuns { runs: vec![run] })).await;

    let other = within(&stage, "other", project).await;
    let three = [both[0].clone(), both[1].clone(), Tag::Experiment(other.id)];
    check(&stage, "moving", &three, stage.call(MoveRuns::alone(vec![run], other.id))).await;
    stage.call(MoveRuns::alone(vec![run], sweep.id)).await;
    stage.call(TrashRuns { runs: vec![run] }).await;
    check(&stage, "deleting for good", &both, stage.call(PurgeRuns { runs: vec![run] })).await;
}

#[tokio::test]
async fn of_an_experiment_in_a_project_both_lists() {
    let stage = Stage::new().await;
    let project = place::project(&stage).await;
    let sweep = within(&stage, "sweep", project).await;
    begin(&stage, sweep.number).await;
    let experiment = sweep.id;
    // Pages of its runs may be open: which, nobody knows.
    let both = [Tag::Experiment(experiment), Tag::Runs(project), Tag::EveryRun];
    check(&stage, "deleting", &both, stage.call(DeleteExperiment { experiment })).await;
    check(&stage, "restoring", &both, stage.call(RestoreExperiment { experiment })).await;
    stage.call(DeleteExperiment { experiment }).await;
    let restored = experiments::restore_whole(&stage.engine, experiment);
    check(&stage, "a client's restoring", &both, restored).await.unwrap();
    check(&stage, "moving out", &both, stage.call(MoveExperiment { experiment, to: None })).await;
    check(&stage, "moving in", &both, stage.call(MoveExperiment { experiment, to: Some(project) })).await;
    stage.call(DeleteExperiment { experiment }).await;
    check(&stage, "deleting for good", &both, stage.call(PurgeExperiment { experiment })).await;
}

#[tokio::test]
async fn many_runs_that_change_together_are_one_announcement_and_each_is_read_anew() {
    let stage = Stage::new().await;
    let made = stage.call(CreateExperiment { name: "many".to_owned(), folder: String::new() }).await;
    let mut runs = Vec::new();
    for _ in 0..120 {
        runs.push(begin(&stage, made.number).await);
    }
    let list = ListRuns { experiment: Some(made.id), ..ListRuns::default() };
    assert_eq!(stage.call(list.clone()).await.total, 120);
    let mut events = stage.engine.events().subscribe();
    let mut announced = async || {
        let mut tags = Vec::new();
        while !tags.contains(&Tag::Experiments) {
            let Ok(Ok(event)) = tokio::time::timeout(Duration::from_secs(10), events.recv()).await else {
                panic!("{tags:?}")
            };
            if let Event::Changed { tag } = event {
                tags.push(tag);
            }
        }
        tags
    };
    stage.call(TrashRuns { runs: runs.clone() }).await;
    let tags = announced().await;
    assert!(tags.contains(&Tag::EveryRun) && tags.len() < 10, "{} announcements", tags.len());
    assert_eq!(stage.call(list.clone()).await.total, 0);
    // One that is named again and again is one.
    let again = || vec![runs[0]; 200];
    stage.call(RestoreRuns { runs: again() }).await;
    let tags = announced().await;
    assert_eq!(tags.iter().filter(|tag| matches!(tag, Tag::Run(_) | Tag::EveryRun)).count(), 1, "{tags:?}");
    assert_eq!(stage.call(list).await.total, 1);
    let other = stage.call(CreateExperiment { name: "other".to_owned(), folder: String::new() }).await;
    announced().await;
    stage.call(MoveRuns::alone(again(), other.id)).await;
    let tags = announced().await;
    assert!(tags.iter().all(|tag| *tag != Tag::EveryRun), "{tags:?}");
}

/// What is noted of a run's machine, and what begins below it, stands in no list.
#[tokio::test]
async fn what_a_runs_page_alone_shows_has_no_row_of_the_run_table_read_anew() {
    let stage = Stage::new().await;
    let made = stage.call(CreateExperiment { name: "one".to_owned(), folder: String::new() }).await;
    let parent = begin(&stage, made.number).await;
    let named =
        |name: &str| ListRuns { experiment: Some(made.id), filter: format!("name = '{name}'"), ..ListRuns::default() };
    assert_eq!(stage.call(named("renamed")).await.total, 0);
    // Unannounced: only who reads the row anew finds it.
    stage.engine.store().write(move |tx| store::run::rename(tx, parent, "renamed")).await.unwrap();
    let (number, tags) = (made.number.to_string(), vec![(PARENT_TAG.to_owned(), parent.to_string())]);
    let below = client::begin(&stage.engine, &number, Begin { tags, ..Begin::default() });
    check(&stage, "a run below", &[Tag::Run(parent)], below).await.unwrap();
    assert_eq!(stage.call(named("renamed")).await.total, 0);
    stage.engine.changed(Tag::Run(parent));
    assert_eq!(stage.call(named("renamed")).await.total, 1);
}

/// The project's own experiment.
async fn own(stage: &Stage, project: ProjectId) -> ExperimentId {
    let all = stage.call(ListExperiments::default()).await;
    all.into_iter().find(|one| one.is_own && one.project == Some(project)).unwrap().id
}

#[cfg(unix)]
#[tokio::test]
async fn of_what_runs_under_us_both_lists() {
    let stage = Stage::new().await;
    let project = place::project(&stage).await;
    let both = [Tag::Experiment(own(&stage, project).await), Tag::Runs(project)];
    let mut child = tokio::process::Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
    let pid = child.id().unwrap();
    let command = BeginCommand {
        run: None,
        trial: None,
        project: Some(project),
        directory: stage.path("p").to_string_lossy().into_owned(),
        command: vec!["sleep".to_owned(), "600".to_owned()],
        environment: BTreeMap::new(),
        code: None,
        pid,
        pid_started_ms: engine::process::started_ms(pid).unwrap(),
        name: None,
        budget: Default::default(),
    };
    let run = check(&stage, "beginning", &both, stage.call(command)).await.run;
    let end = async {
        // Asked, then ended at once.
        stage.call(StopRun { run }).await;
        child.kill().await.unwrap();
    };
    check(&stage, "ending", &both, end).await;

    stage.program("exec sleep 600");
    let values = Written { values: Some(vec![Value::Number(0.1)]), ..Written::default() };
    let config = SearchConfig {
        command: Some(vec!["true".to_owned(), "${lr}".to_owned()]),
        metric: Some("loss".to_owned()),
        goal: Some(Direction::Min),
        space: BTreeMap::from([("lr".to_owned(), values)]),
        ..SearchConfig::default()
    };
    let start = StartSearch {
        project,
        config: Some(config),
        training: None,
        directory: None,
        environment: None,
        variables: None,
        name: None,
    };
    let search = check(&stage, "a search", &both, stage.call(start)).await.id;
    check(&stage, "the end of a search", &both, stage.call(StopSearch { search })).await;
}

#[tokio::test]
async fn of_a_log_that_is_read_for_a_project_both_lists() {
    let stage = Stage::new().await;
    let project = place::project(&stage).await;
    let path = stage.write("p/metrics.csv", "step,loss\n0,1\n1,0.5\n").to_string_lossy().into_owned();
    let add = AddSource { path, kind: Some(Kind::Metrics), project: Some(project), once: true };
    check(&stage, "reading", &[Tag::Runs(project)], async {
        let job = stage.call(add).await;
        stage.done(job).await
    })
    .await;
    let all = stage.call(ListExperiments::default()).await;
    let imported = all.iter().find(|one| !one.is_own && one.project == Some(project)).unwrap();
    let runs = ListRuns { experiment: Some(imported.id), ..ListRuns::default() };
    let run = stage.call(runs).await.rows[0].id;
    let both = [Tag::Experiment(imported.id), Tag::Runs(project)];
    stage.write("p/metrics.csv", "step,loss\n0,1\n1,0.5\n2,0.25\n");
    let source = stage.call(ListSources {}).await[0].id;
    check(&stage, "reading on", &both, async {
        let job = stage.call(ReadSource { source }).await;
        stage.done(job).await
    })
    .await;
    check(&stage, "deleting", &both, stage.call(TrashRuns { runs: vec![run] })).await;
}
