//! What a person may do with experiments and their runs, and what is refused with a way out.

use std::collections::BTreeMap;

use api::{
    ErrorCode, ProjectId, RunId,
    event::{Event, Tag},
    host::{CompactDatabase, GetStorage},
    run::{BeginCommand, EditRun, GetRun, ListRuns, Run, RunKind, StopRun},
    search::{Direction, SearchConfig, StartSearch, StopSearch, Value, Written},
    series::Point,
    tracking::{
        CreateExperiment, DeleteExperiment, DeleteView, EditExperiment, Experiment, GetRunPlaces, ListDeletedViews,
        ListExperiments, ListViews, MoveExperiment, MoveFolder, MoveRuns, PARENT_TAG, PurgeExperiment, PurgeRuns,
        RestoreExperiment, RestoreRuns, RestoreView, RunPlace, SaveView, SavedView, Scope, TrashRuns,
    },
};
use engine::tracking::{
    client::{self, Batch, Begin},
    experiments,
};
use store::run::RunRow;
use tokio::sync::broadcast::error::RecvError;

use crate::{place, stage::Stage};

async fn experiment(stage: &Stage, name: &str, project: Option<ProjectId>) -> Experiment {
    let made = stage.call(CreateExperiment { name: name.to_owned(), folder: String::new() }).await;
    match project {
        Some(_) => stage.call(MoveExperiment { experiment: made.id, to: project }).await,
        None => made,
    }
}

async fn own(stage: &Stage, project: ProjectId) -> Experiment {
    let all = stage.call(ListExperiments::default()).await;
    all.into_iter().find(|one| one.is_own && one.project == Some(project)).unwrap()
}

async fn begin(stage: &Stage, experiment: &Experiment, name: &str) -> RunId {
    let begin = Begin { name: Some(name.to_owned()), ..Begin::default() };
    client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id
}

/// The names of an experiment's runs that are there.
async fn there(stage: &Stage, experiment: &Experiment) -> Vec<String> {
    let request = ListRuns { experiment: Some(experiment.id), ..ListRuns::default() };
    let mut names: Vec<String> = stage.call(request).await.rows.into_iter().map(|row| row.name).collect();
    names.sort();
    names
}

/// A program's run, as long as `pid` lives.
async fn program(stage: &Stage, project: ProjectId, pid: u32) -> RunId {
    let command = BeginCommand {
        run: None,
        trial: None,
        project: Some(project),
        directory: stage.path("p").to_string_lossy().into_owned(),
        command: vec!["python".to_owned(), "train.py".to_owned()],
        environment: BTreeMap::new(),
        code: None,
        pid,
        pid_started_ms: engine::process::started_ms(pid).unwrap_or(0),
        name: Some("crunch".to_owned()),
        budget: Default::default(),
    };
    stage.call(command).await.run
}

#[tokio::test]
async fn a_projects_own_experiment_keeps_its_name() {
    let stage = Stage::new().await;
    let project = place::project(&stage).await;
    let experiment = own(&stage, project).await;
    let edit = |name: &str| EditExperiment {
        name: Some(name.to_owned()),
        folder: Some("vision".to_owned()),
        ..EditExperiment::of(experiment.id)
    };
    let refused = stage.try_call(edit("mine")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InUse);
    assert_eq!(refused.hint.as_deref(), Some("Rename the project instead."), "{refused}");
    let edited = stage.call(edit(&experiment.name)).await;
    assert_eq!((edited.name, edited.folder.as_str()), (experiment.name, "vision"));
}

#[tokio::test]
async fn an_experiment_comes_back_with_what_went_with_it() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep", None).await;
    begin(&stage, &sweep, "kept").await;
    // Deleted and deleted with the experiment within one millisecond, as a script does.
    let before = begin(&stage, &sweep, "before").await;
    stage.call(TrashRuns { runs: vec![before] }).await;
    stage.call(DeleteExperiment { experiment: sweep.id }).await;
    assert_eq!(there(&stage, &sweep).await, [""; 0]);
    let gone = stage.call(ListExperiments { deleted: true, ..ListExperiments::default() }).await;
    assert_eq!(gone.iter().map(|one| one.runs).collect::<Vec<_>>(), [1]);
    stage.call(RestoreExperiment { experiment: sweep.id }).await;
    assert_eq!(there(&stage, &sweep).await, ["kept"]);
    stage.call(RestoreRuns { runs: vec![before] }).await;
    assert_eq!(there(&stage, &sweep).await, ["before", "kept"]);

    // MLflow's server brings back every run.
    stage.call(TrashRuns { runs: vec![before] }).await;
    stage.call(DeleteExperiment { experiment: sweep.id }).await;
    experiments::restore_whole(&stage.engine, sweep.id).await.unwrap();
    assert_eq!(there(&stage, &sweep).await, ["before", "kept"]);
}

#[tokio::test]
async fn an_experiment_whose_run_is_under_way_is_not_deleted() {
    let stage = Stage::new().await;
    let project = place::project(&stage).await;
    let sweep = experiment(&stage, "sweep", Some(project)).await;
    let run = program(&stage, project, std::process::id()).await;
    stage.call(MoveRuns::alone(vec![run], sweep.id)).await;
    let refused = stage.try_call(DeleteExperiment { experiment: sweep.id }).await.unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (ErrorCode::InUse, "crunch is under way."));
    assert_eq!(there(&stage, &sweep).await, ["crunch"]);
    // A client's run is no reason: only its client knows whether it is under way.
    let of_client = experiment(&stage, "of a client", Some(project)).await;
    begin(&stage, &of_client, "open").await;
    stage.call(DeleteExperiment { experiment: of_client.id }).await;
}

#[tokio::test]
async fn what_stands_below_a_run_moves_with_it() {
    let stage = Stage::new().await;
    let (old, new) = (experiment(&stage, "old", None).await, experiment(&stage, "new", None).await);
    let own = experiment(&stage, "own", None).await;
    let below = async |experiment: &Experiment, name: &str, parent: RunId| {
        let tags = [(PARENT_TAG.to_owned(), parent.to_string())].into_iter().collect();
        let begin = Begin { name: Some(name.to_owned()), tags, ..Begin::default() };
        client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id
    };
    let top = begin(&stage, &old, "top").await;
    let child = below(&old, "child", top).await;
    let deep = below(&old, "deep", child).await;
    // Put elsewhere by its script, deleted, and a run that names a run below it as its parent.
    below(&own, "elsewhere", top).await;
    let gone = below(&old, "gone", top).await;
    stage.call(TrashRuns { runs: vec![gone] }).await;
    let tags = [(PARENT_TAG.to_owned(), Some(deep.to_string()))].into();
    stage.call(EditRun { run: top, name: None, notes: None, tags }).await;
    let places = stage.call(GetRunPlaces { runs: vec![top] }).await;
    let told = |places: &[RunPlace]| places.iter().map(|place| (place.id, place.experiment)).collect::<Vec<_>>();
    assert_eq!(told(&places.named), [(top, old.id)]);
    assert_eq!(told(&places.below), [(child, old.id), (deep, old.id)]);

    stage.call(MoveRuns { runs: vec![top], to: new.id, with_children: true }).await;
    assert_eq!(there(&stage, &new).await, ["child", "deep", "top"]);
    assert_eq!((there(&stage, &old).await, there(&stage, &own).await), (vec![], vec!["elsewhere".to_owned()]));
    // Undo names them all.
    stage.call(MoveRuns::alone(vec![top, child, deep], old.id)).await;
    assert_eq!(there(&stage, &old).await, ["child", "deep", "top"]);
    stage.call(MoveRuns::alone(vec![top], new.id)).await;
    assert_eq!((there(&stage, &new).await, there(&stage, &old).await.len()), (vec!["top".to_owned()], 2));
    let missing = stage.try_call(GetRunPlaces { runs: vec![RunId::from_bytes([9; 16])] }).await.unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn what_we_supervise_moves_within_its_project_only() {
    let stage = Stage::new().await;
    let project = place::project(&stage).await;
    let [inside, outside] =
        [experiment(&stage, "inside", Some(project)).await, experiment(&stage, "outside", None).await];
    let run = program(&stage, project, std::process::id()).await;
    let refused = stage.try_call(MoveRuns::alone(vec![run], outside.id)).await.unwrap_err();
    assert_eq!(refused.message, "crunch belongs to its project's folder and data.");
    stage.call(MoveRuns::alone(vec![run], inside.id)).await;
    assert_eq!(there(&stage, &inside).await, ["crunch"]);
    let refused = stage.try_call(MoveExperiment { experiment: inside.id, to: None }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict, "{refused}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_search_is_not_carried_into_another_project() {
    let stage = Stage::new().await;
    let project = place::project(&stage).await;
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
    let search = stage.call(start).await;
    let run = search.run.unwrap();
    assert_eq!(stage.call(GetRun { run }).await.kind, RunKind::Search);
    let [inside, outside] =
        [experiment(&stage, "inside", Some(project)).await, experiment(&stage, "outside", None).await];
    let refused = stage.try_call(MoveRuns::alone(vec![run], outside.id)).await.unwrap_err();
    assert!(refused.message.ends_with("belongs to its project's folder and data."), "{refused}");
    stage.call(MoveRuns::alone(vec![run], inside.id)).await;
    // Neither does its experiment carry it away, nor does it go with that while it is under way.
    let refused = stage.try_call(MoveExperiment { experiment: inside.id, to: None }).await.unwrap_err();
    assert!(refused.message.contains("belong to their project's folder and data"), "{refused}");
    assert_eq!(stage.try_call(DeleteExperiment { experiment: inside.id }).await.unwrap_err().code, ErrorCode::InUse);
    // By its run it is stopped.
    stage.call(StopRun { run }).await;
    assert!(stage.call(GetRun { run }).await.state.is_over());
    stage.call(StopSearch { search: search.id }).await;
}

#[tokio::test]
async fn only_what_was_deleted_goes_for_good() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep", None).await;
    let [kept, gone] = [begin(&stage, &sweep, "kept").await, begin(&stage, &sweep, "gone").await];
    stage.call(TrashRuns { runs: vec![gone] }).await;
    let refused = stage.try_call(PurgeRuns { runs: vec![gone, kept] }).await.unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (ErrorCode::Conflict, "kept is not deleted."));
    // All or nothing.
    assert!(stage.call(GetRun { run: gone }).await.deleted_ms.is_some());
    assert_eq!(stage.call(PurgeRuns { runs: vec![gone] }).await.records, 1);
    // With its experiment goes also what was restored by itself after it was deleted.
    stage.call(DeleteExperiment { experiment: sweep.id }).await;
    stage.call(RestoreRuns { runs: vec![kept] }).await;
    assert_eq!(stage.call(PurgeExperiment { experiment: sweep.id }).await.records, 2);
}

#[tokio::test]
async fn what_points_take_is_counted_and_stays_with_the_database() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep", None).await;
    let run = begin(&stage, &sweep, "long").await;
    let points = (0..3_000).map(|step| Point { step, time_ms: step, value: (step as f64).sin() });
    let series = vec![("loss".to_owned(), points.collect())];
    client::log(&stage.engine, run, Batch { series, ..Batch::default() }).await.unwrap();
    let held = stage.engine.store().read(move |c| store::points::bytes_of_run(c, run)).await.unwrap();
    // Of each at least the bits of its value, whatever else is compressed.
    assert!(held > 3_000 * 4, "{held} bytes");
    let folder = stage.engine.workspace().run(run).join("artifacts");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("x.bin"), vec![0; 500]).unwrap();
    stage.call(TrashRuns { runs: vec![run] }).await;
    let freed = stage.call(PurgeRuns { runs: vec![run] }).await;
    assert_eq!((freed.in_database, freed.records), (held, 1));
    assert!(freed.bytes >= held + 500, "{freed:?}");
    let left = stage.engine.store().read(move |c| store::points::bytes_of_run(c, run)).await.unwrap();
    assert_eq!(left, 0);
    assert!(stage.call(GetStorage {}).await.compactable_bytes > 0);
    let job = stage.call(CompactDatabase {}).await;
    let job = stage.done(job).await;
    assert!(job.message.contains("given back to the disk; the database takes"), "{}", job.message);
    // All of it is there, and goes on.
    let again = begin(&stage, &sweep, "again").await;
    assert_eq!(there(&stage, &sweep).await, ["again"]);
    assert_eq!(stage.call(GetRun { run: again }).await.name, "again");
}

#[tokio::test]
async fn an_experiment_that_is_restored_while_it_goes_for_good_stays() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep", None).await;
    let first = begin(&stage, &sweep, "first").await;
    // They go a thousand at a time.
    let copies = stage.engine.store().write(move |tx| {
        let row = store::run::bare(tx, first)?.unwrap();
        (1..=5_000_u128).try_for_each(|number| {
            let run = Run { id: RunId::from_bytes(number.to_be_bytes()), ..row.run.clone() };
            store::run::put(tx, &RunRow { run, ..row.clone() })
        })
    });
    copies.await.unwrap();
    stage.call(DeleteExperiment { experiment: sweep.id }).await;
    let mut events = stage.engine.events().subscribe();
    let (engine, id) = (stage.engine.clone(), sweep.id);
    let purge = tokio::spawn(async move { experiments::purge(&engine, PurgeExperiment { experiment: id }).await });
    // Once the first thousand are gone; that the first run began is announced late.
    let is_gone = |event| match event {
        Ok(Event::Changed { tag: Tag::Run(run) }) => run != first,
        // So many at once are one announcement.
        Ok(Event::Changed { tag: Tag::EveryRun }) => true,
        event => matches!(event, Err(RecvError::Lagged(_))),
    };
    while !is_gone(events.recv().await) {}
    stage.call(RestoreExperiment { experiment: sweep.id }).await;
    let refused = engine::error::told(&purge.await.unwrap().unwrap_err());
    assert_eq!((refused.code, refused.message.as_str()), (ErrorCode::Conflict, "sweep is not deleted."));
    let there = stage.call(ListRuns { experiment: Some(sweep.id), ..ListRuns::default() }).await.total;
    assert!((1..=4_001).contains(&there), "{there}");
}

#[tokio::test]
async fn saved_views_go_with_what_they_are_of() {
    let stage = Stage::new().await;
    let project = place::project(&stage).await;
    let loose = experiment(&stage, "loose", None).await;
    let inside = experiment(&stage, "inside", Some(project)).await;
    let scopes = [Scope::Experiment(loose.id), Scope::Experiment(inside.id), Scope::Project(project)];
    for of in scopes {
        let view = SavedView { name: "best".to_owned(), query: "sort=name".to_owned() };
        stage.call(SaveView { of, view }).await;
    }
    stage.call(DeleteExperiment { experiment: loose.id }).await;
    // It comes back with its views.
    assert_eq!(stage.call(ListViews { of: scopes[0] }).await.len(), 1);
    stage.call(PurgeExperiment { experiment: loose.id }).await;
    stage.call(api::project::DeleteProject { project }).await;
    stage.call(api::project::PurgeProject { project }).await;
    for of in scopes {
        assert_eq!(stage.call(ListViews { of }).await, [], "{of:?}");
    }
}

#[tokio::test]
async fn a_view_that_is_deleted_or_replaced_comes_back() {
    let stage = Stage::new().await;
    let of = Scope::Experiment(experiment(&stage, "loose", None).await.id);
    let view = |query: &str| SavedView { name: "best/1".to_owned(), query: query.to_owned() };
    let (restore, list) = (RestoreView { of, name: "best/1".to_owned() }, ListDeletedViews { of });
    let nothing = stage.try_call(restore.clone()).await.unwrap_err();
    assert_eq!(nothing.code, ErrorCode::NotFound);
    for query in ["sort=name", "sort=name"] {
        stage.call(SaveView { of, view: view(query) }).await;
    }
    assert!(stage.call(list.clone()).await.is_empty(), "saved as it was, it replaces nothing");

    stage.call(SaveView { of, view: view("sort=state") }).await;
    assert_eq!(stage.call(restore.clone()).await, [view("sort=name")]);
    // The other one is kept in its stead.
    assert_eq!(stage.call(restore.clone()).await, [view("sort=state")]);

    stage.call(DeleteView { of, name: "best/1".to_owned() }).await;
    let deleted = stage.call(list.clone()).await;
    assert_eq!(deleted.first().map(|deleted| &deleted.view), Some(&view("sort=state")));
    assert!(stage.call(ListDeletedViews { of: Scope::All }).await.is_empty(), "of nobody else");
    assert_eq!(stage.call(restore).await, [view("sort=state")]);
}

#[tokio::test]
async fn a_folder_is_renamed_and_moved_with_all_that_is_in_it() {
    let stage = Stage::new().await;
    for (name, folder) in
        [("a", "vision"), ("b", "vision/resnet"), ("c", "visionary"), ("d", "text"), ("gone", "vision")]
    {
        stage.call(CreateExperiment { name: name.to_owned(), folder: folder.to_owned() }).await;
    }
    let named = async |name: &str, deleted: bool| {
        let all = stage.call(ListExperiments { deleted, ..ListExperiments::default() }).await;
        all.into_iter().find(|one| one.name == name).unwrap()
    };
    stage.call(DeleteExperiment { experiment: named("gone", false).await.id }).await;
    let folders = async || {
        let mut all = Vec::new();
        for name in ["a", "b", "c", "d"] {
            all.push(named(name, false).await.folder);
        }
        all
    };
    let go = |from: &str, to: &str| MoveFolder { from: from.to_owned(), to: to.to_owned() };
    assert_eq!(stage.call(go("vision", " images / all ")).await, 2);
    assert_eq!(folders().await, ["images/all", "images/all/resnet", "visionary", "text"]);
    // What was deleted comes back where it would be.
    assert_eq!(named("gone", true).await.folder, "images/all");
    // A clash, itself and nothing are refused, and nothing of them is done.
    for (from, to, why) in [
        ("images/all", "text", "There is a folder text already."),
        ("text", "images", "There is a folder images already."),
        ("images", "images/deeper", "can't stand in itself"),
        ("images", "images", "is called images already"),
        ("none", "other", "There is no folder none."),
        ("text", " / ", "needs a path"),
    ] {
        let error = stage.try_call(go(from, to)).await.unwrap_err();
        assert!(error.message.contains(why), "{from} to {to}: {error:?}");
    }
    // One that can't be moved keeps all where they are.
    let long = "x".repeat(495);
    let error = stage.try_call(go("images/all", &long)).await.unwrap_err();
    assert!(error.message.contains("500 characters"), "{error:?}");
    assert_eq!(folders().await, ["images/all", "images/all/resnet", "visionary", "text"]);
    stage.call(go("images/all", "vision")).await;
    assert_eq!(folders().await, ["vision", "vision/resnet", "visionary", "text"]);
    // What was deleted there would go along when the move is undone.
    stage.call(DeleteExperiment { experiment: named("d", false).await.id }).await;
    let error = stage.try_call(go("vision", "text")).await.unwrap_err();
    assert!(error.message.contains("The folder text holds a deleted experiment, d."), "{error:?}");
    assert_eq!(named("a", false).await.folder, "vision");
}
