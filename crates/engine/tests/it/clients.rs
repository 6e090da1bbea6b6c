//! Clients' runs beyond the run table: what keeps the host, files that come, lineage.

use std::collections::BTreeMap;

use api::{
    ErrorCode, RunId,
    event::{Event, Tag},
    host::GetHost,
    run::{
        BeginCommand, Code, Ending, GetLineage, GetNested, GetRun, GetRuns, LineageNode, ListArtifacts, ListRuns,
        MarkEnded, RunState, StopRun,
    },
    run_table::{Listing, PARENT, SparseRow, TabulateRuns},
    series::Point,
    tracking::{
        CreateExperiment, Dataset, DeleteExperiment, Experiment, GIT_BRANCH_TAG, GIT_COMMIT_TAG, GIT_DIRTY_TAG,
        ListExperiments, PARENT_TAG, RunInput, Scope, TrashRuns,
    },
};
use engine::{
    Engine,
    tracking::{
        artifacts,
        client::{self, Batch, Begin, Change},
        logged,
        registry::{self, NewVersion},
    },
};

use tokio::{sync::broadcast::Receiver, time::timeout};

use crate::{
    place,
    stage::{PATIENCE, Stage},
};

async fn experiment(stage: &Stage, name: &str) -> Experiment {
    stage.call(CreateExperiment { name: name.to_owned(), folder: String::new() }).await
}

/// A run that its client says began at 1 ms after 1970.
async fn begin(stage: &Stage, experiment: &Experiment, name: &str, tags: Vec<(String, String)>) -> RunId {
    let begin = Begin { name: Some(name.to_owned()), started_ms: Some(1), tags, ..Begin::default() };
    client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id
}

async fn work(engine: &Engine) -> Vec<String> {
    engine::dispatch::call(engine, GetHost {}).await.unwrap().work
}

#[tokio::test]
async fn a_clients_run_keeps_the_host_until_it_is_over_or_quiet_for_a_day() {
    let mut stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep").await;
    let (one, two) = (begin(&stage, &sweep, "one", vec![]).await, begin(&stage, &sweep, "two", vec![]).await);
    // Those that began in the same millisecond stand in no order.
    let mut both = work(&stage.engine).await;
    both.sort();
    assert_eq!(both, ["Run one of an MLflow client", "Run two of an MLflow client"]);
    let ended = Change { state: Some(RunState::Finished), ended_ms: Some(2), ..Change::default() };
    client::change(&stage.engine, one, ended).await.unwrap();
    assert_eq!(work(&stage.engine).await, ["Run two of an MLflow client"]);
    // A person ends what its client never ended.
    stage.call(StopRun { run: two }).await;
    assert!(work(&stage.engine).await.is_empty());

    let quiet = begin(&stage, &sweep, "quiet", vec![]).await;
    let logging = begin(&stage, &sweep, "logging", vec![]).await;
    let ahead = begin(&stage, &sweep, "ahead", vec![]).await;
    let gone = begin(&stage, &sweep, "gone", vec![]).await;
    let now_ms = stage.engine.now_ms();
    for (run, time_ms) in [(logging, now_ms - 1_000), (ahead, i64::MAX)] {
        let points = vec![Point { step: 0, time_ms, value: 1.0 }];
        let batch = Batch { series: vec![("loss".to_owned(), points)], ..Batch::default() };
        client::log(&stage.engine, run, batch).await.unwrap();
    }
    stage.call(TrashRuns { runs: vec![gone] }).await;
    assert_eq!(work(&stage.engine).await.len(), 3);
    // The next host knows of the last day by the points alone, until it is written to.
    stage.reopen().await;
    assert_eq!(work(&stage.engine).await, ["Run logging of an MLflow client"]);
    let batch = Batch { tags: vec![("still".to_owned(), "here".to_owned())], ..Batch::default() };
    client::log(&stage.engine, quiet, batch).await.unwrap();
    let mut both = work(&stage.engine).await;
    both.sort_unstable();
    assert_eq!(both, ["Run logging of an MLflow client", "Run quiet of an MLflow client"]);
}

#[tokio::test]
async fn a_run_whose_client_died_is_marked_as_ended_and_taken_on_with() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep").await;
    let run = begin(&stage, &sweep, "one", vec![]).await;
    let mark = MarkEnded { run, ending: Ending::Failed };
    let ended = stage.call(mark.clone()).await;
    assert_eq!((ended.state, ended.ended_ms >= ended.started_ms), (RunState::Failed, true));
    // One that logged ended with its last point, as far as anybody knows.
    let begun = Begin { started_ms: Some(1_000), ..Begin::default() };
    let begun = client::begin(&stage.engine, &sweep.number.to_string(), begun).await.unwrap().row.run.id;
    let points = vec![Point { step: 0, time_ms: 5_000, value: 1.0 }];
    let batch = Batch { series: vec![("loss".to_owned(), points)], ..Batch::default() };
    client::log(&stage.engine, begun, batch).await.unwrap();
    let ended = stage.call(MarkEnded { run: begun, ending: Ending::Killed }).await;
    assert_eq!((ended.state, ended.ended_ms), (RunState::Killed, Some(5_000)));
    assert!(work(&stage.engine).await.is_empty());
    assert_eq!(stage.try_call(mark).await.unwrap_err().message, "one is over already.");
    // Its client lives after all: what it logs is taken as MLflow takes it, and its word counts.
    let points = vec![Point { step: 0, time_ms: 1, value: 1.0 }];
    let batch = Batch { series: vec![("loss".to_owned(), points)], ..Batch::default() };
    client::log(&stage.engine, run, batch).await.unwrap();
    let logged = stage.call(GetRun { run }).await;
    assert_eq!((logged.state, logged.metrics.len()), (RunState::Failed, 1));
    let ended = Change { state: Some(RunState::Finished), ended_ms: Some(2), ..Change::default() };
    client::change(&stage.engine, run, ended).await.unwrap();
    let logged = stage.call(GetRun { run }).await;
    assert_eq!((logged.state, logged.ended_ms), (RunState::Finished, Some(2)));

    let gone = begin(&stage, &sweep, "gone", vec![]).await;
    stage.call(TrashRuns { runs: vec![gone] }).await;
    let refused = stage.try_call(MarkEnded { run: gone, ending: Ending::Killed }).await.unwrap_err();
    assert_eq!(refused.message, "gone is deleted.");
    let project = place::project(&stage).await;
    let program = BeginCommand {
        run: None,
        trial: None,
        project: Some(project),
        directory: stage.path("p").to_string_lossy().into_owned(),
        command: vec!["python".to_owned()],
        environment: BTreeMap::new(),
        code: None,
        pid: std::process::id(),
        pid_started_ms: engine::process::started_ms(std::process::id()).unwrap_or(0),
        name: Some("crunch".to_owned()),
        budget: Default::default(),
    };
    let run = stage.call(program).await.run;
    let refused = stage.try_call(MarkEnded { run, ending: Ending::Killed }).await.unwrap_err();
    assert_eq!(refused.hint.as_deref(), Some("Stop it instead."), "{refused}");
}

#[tokio::test]
async fn a_run_below_a_program_that_is_over_keeps_nothing() {
    let stage = Stage::new().await;
    let project = place::project(&stage).await;
    let own = stage.call(ListExperiments::default()).await;
    let own = own.into_iter().find(|one| one.project == Some(project)).unwrap();
    let mut row = place::bare_run(RunId::from_bytes(stage.engine.new_id()), &own, 1);
    (row.run.kind, row.run.state) = (api::run::RunKind::Command, RunState::Killed);
    let parent = row.run.id;
    stage.engine.store().write(move |tx| store::run::put(tx, &row)).await.unwrap();
    begin(&stage, &own, "below", vec![(PARENT_TAG.to_owned(), parent.to_string())]).await;
    assert!(work(&stage.engine).await.is_empty());
    begin(&stage, &own, "beside", vec![(PARENT_TAG.to_owned(), "no run".to_owned())]).await;
    assert_eq!(work(&stage.engine).await, ["Run beside of an MLflow client"]);
    for at in 0..7 {
        begin(&stage, &own, &at.to_string(), vec![]).await;
    }
    let work = work(&stage.engine).await;
    assert_eq!((work.len(), work[5].as_str()), (6, "3 more runs of MLflow clients"));
}

#[tokio::test]
async fn what_is_still_coming_is_no_artifact_and_what_a_killed_host_left_of_it_goes() {
    let mut stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep").await;
    let run = begin(&stage, &sweep, "one", vec![]).await;
    let (model, _) = logged::create(&stage.engine, &sweep, logged::New::default()).await.unwrap();
    let half = artifacts::half_name(&"0f".repeat(16));
    let of_run = stage.engine.workspace().run(run).join("artifacts/deep");
    let of_model = stage.engine.workspace().logged(&model.id).join("artifacts");
    let (own, long_ago) =
        (of_run.join(".notes.half"), std::time::SystemTime::now() - std::time::Duration::from_secs(9));
    for folder in [&of_run, &of_model] {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::File::create(folder.join(&half)).unwrap().set_modified(long_ago).unwrap();
    }
    std::fs::File::create(&own).unwrap().set_modified(long_ago).unwrap();
    let listed = async |stage: &Stage| {
        let all = stage.call(ListArtifacts { run }).await;
        all.into_iter().map(|artifact| artifact.path).collect::<Vec<_>>()
    };
    assert_eq!(listed(&stage).await, ["artifacts/deep/.notes.half"]);
    assert!(of_run.join(&half).exists());
    stage.reopen().await;
    // What comes now is younger than this host, and stays.
    let coming = of_run.join(artifacts::half_name(&"1e".repeat(16)));
    // A file's time as the system notes it may be some milliseconds behind the clock, and before the host's start.
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
    std::fs::File::create(&coming).unwrap().set_modified(soon).unwrap();
    let swept = async {
        while of_run.join(&half).exists() || of_model.join(&half).exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), swept).await.expect("it is swept");
    assert!(own.exists() && coming.exists());
    assert_eq!(listed(&stage).await, ["artifacts/deep/.notes.half"]);
}

#[tokio::test]
async fn the_params_and_tags_of_a_run_have_an_end_together() {
    let mut stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep").await;
    let run = begin(&stage, &sweep, "one", vec![]).await;
    let pair = |key: &str, bytes: usize| vec![(key.to_owned(), "x".repeat(bytes))];
    let tag = async |stage: &Stage, key: &str, bytes: usize| {
        client::log(&stage.engine, run, Batch { tags: pair(key, bytes), ..Batch::default() }).await
    };
    tag(&stage, "long", 40 << 20).await.unwrap();
    let params = Batch { params: pair("prompt", 23 << 20), ..Batch::default() };
    client::log(&stage.engine, run, params).await.unwrap();
    let refused = |result: anyhow::Result<()>| {
        let said = engine::error::told(&result.unwrap_err());
        assert_eq!(said.code, ErrorCode::Invalid);
        assert!(said.hint.is_some_and(|hint| hint.contains("as artifacts")));
        said.message
    };
    let why = refused(tag(&stage, "more", 1 << 20).await);
    let expect = format!("The params and tags of run {run} would have 67108878 bytes together, more than 67108864.");
    assert_eq!(why, expect);
    // Nothing of it stays, what is small has room still, and the same again takes none.
    for (key, bytes) in [("more", 1_000), ("long", 40 << 20), ("long", 40 << 20)] {
        tag(&stage, key, bytes).await.unwrap();
    }
    refused(tag(&stage, "more", 2 << 20).await);
    // The next host counts as well, and metrics are taken in any case.
    stage.reopen().await;
    refused(tag(&stage, "more", 2 << 20).await);
    let points = vec![Point { step: 0, time_ms: 1, value: 1.0 }];
    let batch = Batch { series: vec![("loss".to_owned(), points)], ..Batch::default() };
    client::log(&stage.engine, run, batch).await.unwrap();
    // What is deleted makes room.
    client::delete_tag(&stage.engine, run, "long".to_owned()).await.unwrap();
    tag(&stage, "more", 2 << 20).await.unwrap();
    // Small ones have an end as well.
    tag(&stage, "long", 38 << 20).await.unwrap();
    let mut count = 0;
    while tag(&stage, &format!("small{count}"), 60_000).await.is_ok() {
        count += 1;
    }
    assert_eq!(count, (1 << 20) / 60_006, "up to the bound");
}

#[tokio::test]
async fn a_page_of_the_table_ends_before_the_run_that_is_too_much() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep").await;
    // Whatever their order: two long ones never stand on one page, and one that is too long for any has its own.
    let sizes = [20 << 20, 20 << 20, 33 << 20, 1_000, 1_000];
    let mut ids = Vec::new();
    for (at, bytes) in sizes.into_iter().enumerate() {
        let run = begin(&stage, &sweep, &format!("r{at}"), vec![]).await;
        let tags = vec![("long".to_owned(), "x".repeat(bytes))];
        client::log(&stage.engine, run, Batch { tags, ..Batch::default() }).await.unwrap();
        ids.push(run);
    }
    let (sort, limit) = (Some("name asc".to_owned()), Some(1_000));
    let mut next = Some(ListRuns { experiment: Some(sweep.id), sort, limit, ..ListRuns::default() });
    let (mut pages, mut names) = (Vec::new(), Vec::new());
    while let Some(request) = next {
        let table = stage.call(request.clone()).await;
        assert_eq!(table.total, sizes.len() as u64);
        pages.push(table.rows.len());
        next = request.lacking(table.rows.len(), table.total);
        names.extend(table.rows.into_iter().map(|row| row.name));
    }
    assert_eq!(pages, [1, 1, 1, 2]);
    assert_eq!(names, ["r0", "r1", "r2", "r3", "r4"]);
    // What was asked for is whole where it has its rows.
    let two = ListRuns { limit: Some(2), offset: 3, experiment: Some(sweep.id), ..ListRuns::default() };
    assert!(two.lacking(2, 5).is_none() && two.lacking(0, 5).is_none() && two.lacking(1, 4).is_none());
    assert_eq!(two.lacking(1, 5).map(|rest| (rest.offset, rest.limit)), Some((4, Some(1))));
    // Who asks by ids gets all or is told why not.
    for at in [5, 6] {
        let run = begin(&stage, &sweep, &format!("r{at}"), vec![]).await;
        let tags = vec![("long".to_owned(), "x".repeat(33 << 20))];
        client::log(&stage.engine, run, Batch { tags, ..Batch::default() }).await.unwrap();
        ids.push(run);
    }
    let told = stage.call(GetRuns { runs: ids[..5].to_vec() }).await;
    assert!(told.iter().all(Option::is_some));
    let refused = stage.try_call(GetRuns { runs: ids }).await.unwrap_err();
    assert_eq!((refused.code, refused.hint.as_deref()), (ErrorCode::Invalid, Some("Ask for fewer of them at once.")));
}

/// Kind, label, and the labels of what it came from.
fn told(nodes: &[LineageNode]) -> Vec<(&str, &str, Vec<&str>)> {
    let from = |node: &LineageNode| node.from.iter().map(|at| nodes[*at].label.as_str()).collect();
    nodes.iter().map(|node| (node.kind.as_str(), node.label.as_str(), from(node))).collect()
}

#[tokio::test]
async fn a_clients_datasets_models_and_versions_stand_in_the_lineage() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep").await;
    let run = begin(&stage, &sweep, "one", vec![]).await;
    let dataset = Dataset {
        name: "iris".to_owned(),
        digest: "f00d".to_owned(),
        source_type: "local".to_owned(),
        source: "iris.csv".to_owned(),
        schema: None,
        profile: None,
    };
    let tags = BTreeMap::from([("mlflow.data.context".to_owned(), "training".to_owned())]);
    let logged = async |name: &str, run: Option<RunId>| {
        let new = logged::New { name: Some(name.to_owned()), run, ..logged::New::default() };
        logged::create(&stage.engine, &sweep, new).await.unwrap().0.id
    };
    let (base, made) = (logged("base", None).await, logged("made", Some(run)).await);
    client::inputs(&stage.engine, run, vec![RunInput { dataset, tags }], vec![base]).await.unwrap();
    client::outputs(&stage.engine, run, vec![(made.clone(), 3)]).await.unwrap();
    registry::create(&stage.engine, "churn", None, Vec::new()).await.unwrap();
    let of_model = NewVersion { source: format!("models:/{made}"), logged: Some(made), ..NewVersion::default() };
    registry::add_version(&stage.engine, "churn", of_model).await.unwrap();
    let of_files =
        NewVersion { source: format!("runs:/{run}/model"), run: Some(run.to_string()), ..NewVersion::default() };
    registry::add_version(&stage.engine, "churn", of_files).await.unwrap();
    registry::set_alias(&stage.engine, "churn", "champion", Some("1")).await.unwrap();

    let nodes = stage.call(GetLineage { run }).await;
    assert_eq!(
        told(&nodes),
        [
            ("dataset", "iris", vec![]),
            ("logged model", "base", vec![]),
            ("run", "one", vec!["iris", "base"]),
            ("logged model", "made", vec!["one"]),
            ("version", "churn v1", vec!["made"]),
            ("version", "churn v2", vec!["one"]),
        ]
    );
    assert_eq!((nodes[0].detail.as_str(), nodes[4].detail.as_str()), ("training, f00d", "champion"));
    // It belongs to no project, and has a page all the same.
    assert_eq!(nodes[2].link, Some(format!("/e/{}/runs/{run}", sweep.id)));
}

#[tokio::test]
async fn a_run_knows_what_it_stands_under_and_what_stands_below_it() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep").await;
    let number = sweep.number.to_string();
    let begin = async |started_ms: i64, name: &str, parent: Option<String>| {
        let tags = parent.map(|parent| (PARENT_TAG.to_owned(), parent)).into_iter().collect();
        let begin = Begin { name: Some(name.to_owned()), started_ms: Some(started_ms), tags, ..Begin::default() };
        client::begin(&stage.engine, &number, begin).await.unwrap().row.run.id
    };
    let top = begin(1, "top", None).await;
    let one = begin(2, "one", Some(top.to_string())).await;
    let two = begin(3, "two", Some(top.to_string())).await;
    let lost = begin(4, "lost", Some(RunId::from_bytes([7; 16]).to_string())).await;
    let nested = async |run: RunId| {
        let found = stage.call(GetNested { run }).await;
        let names = found.children.into_iter().map(|child| child.name).collect::<Vec<_>>();
        (found.parent.map(|parent| parent.name), names, found.total)
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(nested(top).await, (None, names(&["one", "two"]), 2));
    assert_eq!(nested(one).await, (Some("top".to_owned()), Vec::new(), 0));
    assert_eq!(nested(lost).await, (None, Vec::new(), 0), "its parent was never here");
    let sort = Some("started".to_owned());
    let list = ListRuns { experiment: Some(sweep.id), sort, ..ListRuns::default() };
    let parents: Vec<Option<String>> = stage.call(list).await.rows.into_iter().map(|row| row.parent).collect();
    assert_eq!(parents, [None, Some("top".to_owned()), Some("top".to_owned()), None], "in any order a row says it");
    let list = Listing {
        of: Scope::Experiment(sweep.id),
        deleted: false,
        filter: String::new(),
        sort: Some("started".to_owned()),
        descending: false,
    };
    let columns = ["name", PARENT, "state"].map(str::to_owned).to_vec();
    let cells = stage.call(TabulateRuns { list, columns, offset: 0, limit: None, runs: Vec::new() }).await;
    let of = |row: &SparseRow| row.iter().find(|(at, _)| *at == 1).map(|(_, text)| text.clone());
    assert_eq!(cells.rows.iter().map(of).collect::<Vec<_>>(), parents, "a column says the same");
    let mut events = stage.engine.events().subscribe();
    stage.call(TrashRuns { runs: vec![two] }).await;
    announced(&mut events, top).await;
    assert_eq!(nested(top).await, (None, names(&["one"]), 1));
    // Nested and taken out again by tags that come later.
    let tags = vec![(PARENT_TAG.to_owned(), top.to_string())];
    client::log(&stage.engine, lost, Batch { tags, ..Batch::default() }).await.unwrap();
    announced(&mut events, top).await;
    assert_eq!(nested(top).await.1, names(&["one", "lost"]));
    client::delete_tag(&stage.engine, lost, PARENT_TAG.to_owned()).await.unwrap();
    announced(&mut events, top).await;
    assert_eq!(nested(top).await.1, names(&["one"]));
    let list = |filter: &str| ListRuns { experiment: Some(sweep.id), filter: filter.to_owned(), ..ListRuns::default() };
    let of = async |filter: &str| {
        let rows = stage.call(list(filter)).await.rows;
        rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(of(&format!("parent = \"{top}\"")).await, ["one"]);
    // By its name too, while one run alone is called so.
    assert_eq!(of("parent = 'top'").await, ["one"]);
    assert_eq!(of("name = 'one' and not parent in ('top', 'other')").await, [""; 0]);
    let unknown = stage.call(list("parent = 'tip'")).await.notes;
    assert_eq!(unknown[0].sentence, "A parent is told by its run's id or name, and \"tip\" is none.");
    let second = begin(9, "top", None).await;
    let several = stage.try_call(list("parent = 'top'")).await.unwrap_err();
    assert!(several.message.contains("2 runs are called so"), "{several}");
    assert!(several.hint.is_some_and(|hint| hint.contains(&second.to_string()) && hint.contains("in sweep")));
    stage.call(TrashRuns { runs: vec![second] }).await;
    assert_eq!(of("parent = 'top'").await, ["one"], "one that is deleted is not meant where another is there");
}

/// Waits until a run's page is told of a change.
async fn announced(events: &mut Receiver<Event>, of: RunId) {
    let is_it = |event| matches!(event, Event::Changed { tag: Tag::Run(run) } if run == of);
    while !is_it(timeout(PATIENCE, events.recv()).await.unwrap().unwrap()) {}
}

#[tokio::test]
async fn a_run_hears_of_those_below_it_once_for_many() {
    let stage = Stage::new().await;
    let mut events = stage.engine.events().subscribe();
    // It was never here, so that nothing else is told of it.
    let top = RunId::from_bytes([7; 16]);
    let tags = vec![(PARENT_TAG.to_owned(), top.to_string())];
    for _ in 0..100 {
        client::begin(&stage.engine, "0", Begin { tags: tags.clone(), ..Begin::default() }).await.unwrap();
    }
    announced(&mut events, top).await;
    let mut more = 0;
    while let Ok(event) = events.try_recv() {
        more += u32::from(matches!(event, Event::Changed { tag: Tag::Run(run) } if run == top));
    }
    assert!(more < 50, "{more} more of 100 runs");
}

#[tokio::test]
async fn a_run_hears_of_one_that_is_placed_below_it_later() {
    let stage = Stage::new().await;
    let mut events = stage.engine.events().subscribe();
    let top = RunId::from_bytes([7; 16]);
    let tags = vec![(PARENT_TAG.to_owned(), top.to_string())];
    let late = client::begin(&stage.engine, "0", Begin::default()).await.unwrap().row.run.id;
    client::log(&stage.engine, late, Batch { tags, ..Batch::default() }).await.unwrap();
    announced(&mut events, top).await;
}

#[tokio::test]
async fn the_git_tags_of_a_clients_run_are_its_code() {
    let stage = Stage::new().await;
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let begin = Begin { tags: vec![tag(GIT_COMMIT_TAG, "c0ffee"), tag(GIT_BRANCH_TAG, "main")], ..Begin::default() };
    let run = client::begin(&stage.engine, "0", begin).await.unwrap().row.run.id;
    let code = async || stage.call(GetRun { run }).await.code;
    let expected = |dirty| Some(Code { commit: "c0ffee".to_owned(), branch: Some("main".to_owned()), dirty });
    assert_eq!(code().await, expected(false));
    let batch = Batch { tags: vec![tag(GIT_DIRTY_TAG, "true")], ..Batch::default() };
    client::log(&stage.engine, run, batch).await.unwrap();
    assert_eq!(code().await, expected(true), "a tag that comes later counts too");
}

#[tokio::test]
async fn runs_of_all_experiments_are_one_table() {
    let stage = Stage::new().await;
    let (one, other) = (experiment(&stage, "one").await, experiment(&stage, "other").await);
    begin(&stage, &one, "a", Vec::new()).await;
    begin(&stage, &other, "b", Vec::new()).await;
    let list = async |filter: &str| {
        let request = ListRuns {
            everywhere: true,
            filter: filter.to_owned(),
            sort: Some("name".to_owned()),
            ..ListRuns::default()
        };
        let rows = stage.call(request).await.rows;
        rows.into_iter().map(|row| format!("{} of {}", row.name, row.experiment)).collect::<Vec<_>>()
    };
    assert_eq!(list("").await, ["a of one", "b of other"]);
    assert_eq!(list("name = \"b\"").await, ["b of other"]);
    stage.call(DeleteExperiment { experiment: one.id }).await;
    assert_eq!(list("").await, ["b of other"], "those of a deleted experiment are not there");
}

#[tokio::test]
async fn a_commit_that_is_none_is_shortened_all_the_same() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep").await;
    let run = begin(&stage, &sweep, "one", vec![(GIT_COMMIT_TAG.to_owned(), "aäöüäöüäöü".to_owned())]).await;
    assert_eq!(stage.call(GetLineage { run }).await[0].detail, "commit aäöüäöüä");
}
