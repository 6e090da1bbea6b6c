//! What was deleted comes back for a day, or goes for good at once where that is asked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use api::{
    ErrorCode, ModelId, ProjectId, RunId,
    config::ProjectFile,
    deleted::{CHECKPOINTS, ListDeletedArtifacts, PurgeArtifact, RestoreArtifact},
    deploy::{ListDeployments, StartDeploy},
    host::{CollectGarbage, GetStorage},
    model::{DeleteVersion, ListModels},
    project::{
        DeleteProject, DeletedProject, GetProject, ListDeletedProjects, ListProjects, OpenProject, ProjectSummary,
        PurgeProject, RestoreProject, SameId,
    },
    registered::{DeleteModel, PurgeModel, RestoreVersion},
    run::{
        DeleteArtifact, DeleteCheckpoints, GetRun, ListArtifacts, ListRuns, ProjectIdOr, ResumeRun, Run, RunKind,
        RunState,
    },
    tracking::{
        CreateExperiment, DeleteExperiment, Experiment, ListExperiments, MoveExperiment, RestoreExperiment,
        RestoreRuns, TrashRuns,
    },
};
use engine::tracking::{
    client::{self, Begin},
    experiments,
    registry::{
        self, NewVersion,
        searching::{self, Sought},
    },
};
use store::run::RunRow;

use crate::{
    place::{project, spec, version},
    stage::Stage,
};

/// A client's run with two plots and a note.
async fn with_artifacts(stage: &Stage) -> RunId {
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    let run = client::begin(&stage.engine, &sweep.number.to_string(), Begin::default()).await.unwrap().row.run.id;
    let folder = stage.engine.workspace().run(run).join("artifacts");
    fs::create_dir_all(folder.join("plots")).unwrap();
    for (name, text) in [("plots/a.svg", "one"), ("plots/b.svg", "other"), ("note.txt", "kept")] {
        fs::write(folder.join(name), text).unwrap();
    }
    run
}

async fn files(stage: &Stage, run: RunId) -> Vec<String> {
    stage.call(ListArtifacts { run }).await.into_iter().map(|file| file.path).collect()
}

#[tokio::test]
async fn artifacts_that_were_deleted_come_back_whole_or_in_part() {
    let stage = Stage::new().await;
    let run = with_artifacts(&stage).await;
    let all = files(&stage, run).await;
    let (delete, restore) = (
        |path: &str| DeleteArtifact { run, path: path.to_owned() },
        |path: &str| RestoreArtifact { run, path: path.to_owned() },
    );
    assert_eq!(stage.call(delete("artifacts/plots")).await.size_bytes, 8);
    assert_eq!(files(&stage, run).await, ["artifacts/note.txt"]);
    let deleted = stage.call(ListDeletedArtifacts { run }).await;
    let paths: Vec<&str> = deleted.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["artifacts/plots/a.svg", "artifacts/plots/b.svg"]);

    assert_eq!(stage.call(restore("artifacts/plots/b.svg")).await.size_bytes, 5);
    // The folder stands again, so that the rest of it comes back by its own path.
    assert_eq!(stage.try_call(restore("artifacts/plots")).await.unwrap_err().code, ErrorCode::Conflict);
    stage.call(restore("artifacts/plots/a.svg")).await;
    assert_eq!(files(&stage, run).await, all);
    assert!(stage.call(ListDeletedArtifacts { run }).await.is_empty());
    for wrong in ["artifacts/plots", "artifacts/", "artifacts/../stdout.log", "plan.json", ""] {
        assert_eq!(stage.try_call(restore(wrong)).await.unwrap_err().code, ErrorCode::NotFound, "{wrong}");
    }

    // What was deleted last comes back first, and nothing that stands is replaced.
    let note = stage.engine.workspace().run(run).join("artifacts/note.txt");
    stage.call(delete("artifacts/note.txt")).await;
    fs::write(&note, "newer").unwrap();
    assert_eq!(stage.try_call(restore("artifacts/note.txt")).await.unwrap_err().code, ErrorCode::Conflict);
    stage.call(delete("artifacts/note.txt")).await;
    stage.call(restore("artifacts/note.txt")).await;
    assert_eq!(fs::read_to_string(&note).unwrap(), "newer");
    let purge = PurgeArtifact { run, path: "artifacts/note.txt".to_owned() };
    assert_eq!(stage.call(purge.clone()).await.bytes, 4);
    assert_eq!(stage.try_call(purge).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_day_later_cleaning_frees_deleted_artifacts() {
    let stage = Stage::new().await;
    let run = with_artifacts(&stage).await;
    stage.call(DeleteArtifact { run, path: "artifacts/plots".to_owned() }).await;
    let collect = |dry_run| CollectGarbage { dry_run };
    assert_eq!(stage.call(collect(true)).await.bytes, 0);

    age_aside(&stage.engine.workspace().run(run).join("deleted"));
    assert!(stage.call(ListDeletedArtifacts { run }).await.is_empty());
    let late = RestoreArtifact { run, path: "artifacts/plots".to_owned() };
    assert_eq!(stage.try_call(late).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(stage.call(collect(true)).await.bytes, 8);
    let freed = stage.call(collect(false)).await;
    assert_eq!((freed.bytes, freed.parts[0].name.as_str()), (8, "Deleted artifacts"));
    assert_eq!(files(&stage, run).await, ["artifacts/note.txt"]);
}

/// Moves the only deletion that lies in a folder more than a day back.
fn age_aside(aside: &Path) {
    let at = fs::read_dir(aside).unwrap().next().unwrap().unwrap();
    let at_ms: i64 = at.file_name().to_str().unwrap().parse().unwrap();
    fs::rename(at.path(), aside.join(format!("{:013}", at_ms - 24 * 3_600_000 - 60_000))).unwrap();
}

/// A training of a project, so or so, with a checkpoint of four bytes.
async fn trained(stage: &Stage, project: ProjectId, state: RunState) -> RunId {
    let id = RunId::from_bytes(stage.engine.new_id());
    let experiment = stage.engine.store().read(move |c| store::experiment::of_project(c, project)).await.unwrap();
    let row = RunRow::new(id, (experiment.unwrap(), Some(project)), "trained".to_owned(), RunKind::Training, 1);
    let run = Run { state, resumable: state == RunState::Stopped, ..row.run };
    let row = RunRow { run, ..row };
    stage.engine.store().write(move |tx| store::run::put(tx, &row)).await.unwrap();
    let last = stage.engine.workspace().run(id).join("checkpoints/last");
    fs::create_dir_all(&last).unwrap();
    fs::write(last.join("weights"), "four").unwrap();
    id
}

#[tokio::test]
async fn checkpoints_that_were_deleted_come_back_and_can_be_gone_on_from() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let (stopped, finished) =
        (trained(&stage, project, RunState::Stopped).await, trained(&stage, project, RunState::Finished).await);
    let delete = DeleteCheckpoints { runs: vec![stopped, finished], dry_run: false, for_good: false };
    assert_eq!(stage.call(delete).await.bytes, 8);
    assert!(!stage.call(GetRun { run: stopped }).await.resumable);
    for run in [stopped, finished] {
        let weights = stage.engine.workspace().run(run).join("checkpoints/last/weights");
        let deleted = stage.call(ListDeletedArtifacts { run }).await;
        assert_eq!((deleted.len(), deleted[0].path.as_str(), deleted[0].size_bytes), (1, CHECKPOINTS, 4));
        assert!(!weights.exists() && files(&stage, run).await.is_empty());
        let restore = RestoreArtifact { run, path: CHECKPOINTS.to_owned() };
        assert_eq!(stage.call(restore.clone()).await.size_bytes, 4);
        assert!(weights.exists());
        assert_eq!(stage.call(GetRun { run }).await.resumable, run == stopped, "only what was cut short goes on");
        assert!(stage.call(ListDeletedArtifacts { run }).await.is_empty());
        assert_eq!(stage.try_call(restore).await.unwrap_err().code, ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn deleted_checkpoints_are_freed_by_a_cleaning_a_day_later_or_at_once() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let run = trained(&stage, project, RunState::Stopped).await;
    let freed = async |dry_run| {
        let parts = stage.call(CollectGarbage { dry_run }).await.parts;
        parts.into_iter().find(|part| part.name == "Deleted checkpoints").map(|part| part.bytes)
    };
    stage.call(DeleteCheckpoints { runs: vec![run], dry_run: false, for_good: false }).await;
    assert_eq!(freed(false).await, None, "for a day they are kept");
    age_aside(&stage.engine.workspace().run(run).join("deleted/checkpoints"));
    let late = RestoreArtifact { run, path: CHECKPOINTS.to_owned() };
    assert_eq!(stage.try_call(late).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!((freed(true).await, freed(false).await, freed(true).await), (Some(4), Some(4), None));

    for at_once in [true, false] {
        let run = trained(&stage, project, RunState::Stopped).await;
        let runs = vec![run];
        stage.call(DeleteCheckpoints { runs: runs.clone(), dry_run: false, for_good: false }).await;
        let bytes = if at_once {
            let held = stage.call(DeleteCheckpoints { runs: runs.clone(), dry_run: true, for_good: true }).await.bytes;
            assert_eq!(held, 4);
            stage.call(DeleteCheckpoints { runs, dry_run: false, for_good: true }).await.bytes
        } else {
            stage.call(PurgeArtifact { run, path: CHECKPOINTS.to_owned() }).await.bytes
        };
        assert_eq!(bytes, 4);
        assert!(stage.call(ListDeletedArtifacts { run }).await.is_empty());
    }
}

#[tokio::test]
async fn a_forgotten_project_comes_back_with_all_that_went_with_it() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    version(&stage, project).await;
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    stage.call(MoveExperiment { experiment: sweep.id, to: Some(project) }).await;
    let begun = async || client::begin(&stage.engine, &sweep.number.to_string(), Begin::default()).await.unwrap();
    let (kept, trashed) = (begun().await.row.run.id, begun().await.row.run.id);
    stage.call(TrashRuns { runs: vec![trashed] }).await;
    let list = || ListRuns { project: ProjectIdOr(project), ..ListRuns::default() };
    let state = async || {
        let runs = stage.call(list()).await.rows.into_iter().map(|run| run.id).collect::<Vec<_>>();
        let experiments = stage.call(ListExperiments::default()).await;
        let experiments = experiments.into_iter().map(|one| (one.id, one.name, one.project, one.runs));
        (runs, experiments.collect::<Vec<_>>(), stage.call(ListModels::of(project)).await)
    };
    let before = state().await;
    let file = fs::read_to_string(stage.path("p/slipway.toml")).unwrap();
    let alive = stage.try_call(PurgeProject { project }).await.unwrap_err();
    assert_eq!(alive.code, ErrorCode::Conflict);

    let deleted = stage.call(DeleteProject { project }).await;
    assert_eq!(stage.call(ListDeletedProjects {}).await, std::slice::from_ref(&deleted));
    assert_eq!(deleted.versions, 1);
    assert!(stage.call(ListProjects {}).await.is_empty());
    assert_eq!(stage.try_call(GetProject { project }).await.unwrap_err().code, ErrorCode::NotFound);
    let all = ListRuns { everywhere: true, ..ListRuns::default() };
    assert_eq!(stage.call(all).await.total, 0);
    for deleted in [false, true] {
        let names: Vec<String> = stage
            .call(ListExperiments { deleted, ..ListExperiments::default() })
            .await
            .into_iter()
            .map(|experiment| experiment.name)
            .collect();
        assert_eq!(names.iter().filter(|name| *name != "Default").count(), 0, "{names:?}");
    }
    // Parts of it come back with it alone.
    let part = stage.try_call(RestoreRuns { runs: vec![kept] }).await.unwrap_err();
    assert_eq!(part.code, ErrorCode::Conflict);
    let part = stage.try_call(RestoreExperiment { experiment: sweep.id }).await.unwrap_err();
    assert_eq!(part.code, ErrorCode::Conflict);
    // Its names are free meanwhile.
    let other = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;

    stage.call(CollectGarbage { dry_run: false }).await;
    stage.call(RestoreProject { project }).await;
    let (runs, experiments, models) = state().await;
    assert_eq!((&runs, &models), (&before.0, &before.2));
    assert!(runs.contains(&kept) && !runs.contains(&trashed), "{runs:?}");
    let names: Vec<&str> = experiments.iter().map(|experiment| experiment.1.as_str()).collect();
    assert!(names.contains(&"sweep 2"), "{names:?}");
    let own = experiments.into_iter().filter(|experiment| experiment.0 != other.id);
    let own: Vec<_> = own.map(|experiment| (experiment.0, experiment.2, experiment.3)).collect();
    assert_eq!(own, before.1.into_iter().map(|one| (one.0, one.2, one.3)).collect::<Vec<_>>());
    assert!(stage.call(ListDeletedProjects {}).await.is_empty());
    assert_eq!(fs::read_to_string(stage.path("p/slipway.toml")).unwrap(), file);
    assert_eq!(stage.try_call(RestoreProject { project }).await.unwrap_err().code, ErrorCode::NotFound);
}

/// Where it is being forgotten between two looks at it, it alone is left out.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_projects_stays_while_one_of_them_is_forgotten() {
    let stage = Stage::new().await;
    let going = project(&stage).await;
    stage.write("q/train.py", "print(1)");
    let file = ProjectFile { name: "Kept".to_owned(), ..ProjectFile::default() };
    let kept = stage.create("q", file).await;
    // While a list is made it goes or comes once, so that it is looked at twice at most, wherever the two meet.
    let has_kept = |all: &[ProjectSummary]| assert!(all.iter().any(|one| one.project.id == kept), "{all:?}");
    for _ in 0..25 {
        let (_, all) = tokio::join!(stage.call(DeleteProject { project: going }), stage.call(ListProjects {}));
        has_kept(&all);
        let (_, all) = tokio::join!(stage.call(RestoreProject { project: going }), stage.call(ListProjects {}));
        has_kept(&all);
    }
}

#[tokio::test]
async fn a_forgotten_project_comes_back_where_its_folder_is_opened_and_goes_for_good_where_that_is_asked() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    version(&stage, project).await;
    let path = stage.call(GetProject { project }).await.path;
    let open = OpenProject { path: path.clone(), same_id: SameId::Ask };
    stage.call(DeleteProject { project }).await;
    assert_eq!(stage.call(open.clone()).await.id, project);
    assert_eq!(stage.call(ListModels::of(project)).await.len(), 1);

    let deleted: DeletedProject = stage.call(DeleteProject { project }).await;
    assert_eq!(deleted.path, path);
    assert!(stage.call(PurgeProject { project }).await.records > 0);
    assert_eq!(stage.engine.blobs().list().unwrap(), vec![]);
    assert!(stage.call(ListDeletedProjects {}).await.is_empty());
    assert_eq!(stage.try_call(RestoreProject { project }).await.unwrap_err().code, ErrorCode::NotFound);
    // The folder is as it was, and begins anew.
    assert_eq!(stage.call(open).await.id, project);
    assert!(stage.call(ListModels::of(project)).await.is_empty());
}

#[tokio::test]
async fn of_what_is_deleted_nothing_is_trained_or_deployed() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let version = version(&stage, project).await;
    let id = RunId::from_bytes(stage.engine.new_id());
    let experiment = stage.engine.store().read(move |c| store::experiment::of_project(c, project)).await.unwrap();
    let row = RunRow::new(id, (experiment.unwrap(), Some(project)), "stopped".to_owned(), RunKind::Training, 1);
    let run = Run { state: RunState::Stopped, resumable: true, deleted_ms: Some(2), ..row.run };
    let row = RunRow { run, ..row };
    stage.engine.store().write(move |tx| store::run::put(tx, &row)).await.unwrap();
    let refused = stage.try_call(ResumeRun { run: id, budget: Default::default() }).await.unwrap_err();
    assert!(refused.code == ErrorCode::Conflict && refused.message.contains("is deleted"), "{refused}");

    let spec = spec(&stage, version).await;
    stage.call(DeleteProject { project }).await;
    let refused = stage.try_call(StartDeploy { spec }).await.unwrap_err();
    assert!(refused.code == ErrorCode::Conflict && refused.message.contains("deleted"), "{refused}");
    assert!(stage.call(ListDeployments::default()).await.is_empty());
}

/// Moves a project's deletion more than a day back.
async fn age(stage: &Stage, project: ProjectId) {
    let older = move |tx: &store::Transaction<'_>| {
        let mut deletion: serde_json::Value = store::project::deletion(tx, project)?.unwrap();
        let at_ms = deletion["at_ms"].as_i64().unwrap() - 24 * 3_600_000 - 60_000;
        deletion["at_ms"] = at_ms.into();
        store::project::mark_deleted(tx, project, &deletion)
    };
    stage.engine.store().write(older).await.unwrap();
}

/// A project, a file of a run of it, and the model of no project whose version has that file alone.
async fn registered_from(stage: &Stage) -> (ProjectId, PathBuf, ModelId) {
    let project = project(stage).await;
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    stage.call(MoveExperiment { experiment: sweep.id, to: Some(project) }).await;
    let run = client::begin(&stage.engine, &sweep.number.to_string(), Begin::default()).await.unwrap().row.run.id;
    let file = stage.engine.workspace().run(run).join("artifacts/model/MLmodel");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "flavors: {}").unwrap();
    let model = registry::create(&stage.engine, "churn", None, Vec::new()).await.unwrap().row.id;
    let new = NewVersion { source: format!("runs:/{run}/model"), run: Some(run.to_string()), ..NewVersion::default() };
    registry::add_version(&stage.engine, "churn", new).await.unwrap();
    (project, file, model)
}

#[tokio::test]
async fn a_forgotten_project_keeps_its_records_while_a_version_of_a_client_has_no_other_files() {
    let stage = Stage::new().await;
    let (project, file, model) = registered_from(&stage).await;
    let because = async || {
        let mut listed = stage.call(ListDeletedProjects {}).await;
        listed.pop().and_then(|one| one.kept_because).map(|because| because.to_string())
    };
    let deleted = stage.call(DeleteProject { project }).await;
    assert_eq!(deleted.registered, ["churn v1"]);
    assert_eq!(stage.call(ListDeletedProjects {}).await, [deleted]);
    let refusal = stage.try_call(PurgeProject { project }).await.unwrap_err();
    assert!(refusal.code == ErrorCode::InUse && refusal.message.contains("churn v1"), "{refusal}");
    age(&stage, project).await;
    stage.call(GetStorage {}).await;
    stage.call(CollectGarbage { dry_run: false }).await;
    assert!(file.is_file());
    let said = because().await.unwrap();
    assert!(said.contains("churn v1 was registered from") && said.contains("Delete that version first"), "{said}");
    // Nor while the version can be brought back.
    stage.call(DeleteModel { model }).await;
    let said = because().await.unwrap();
    assert!(said.contains("can still be restored") && said.contains("slipway model purge"), "{said}");
    assert_eq!(stage.try_call(PurgeProject { project }).await.unwrap_err().code, ErrorCode::InUse);
    stage.call(PurgeModel { model, version: None }).await;
    assert!(stage.call(ListDeletedProjects {}).await.is_empty(), "nothing keeps it any more");
    stage.call(GetStorage {}).await;
    stage.call(CollectGarbage { dry_run: false }).await;
    assert!(!file.exists());
}

#[tokio::test]
async fn a_project_that_is_kept_past_its_day_comes_back_whole() {
    let stage = Stage::new().await;
    let (project, file, _) = registered_from(&stage).await;
    stage.call(DeleteProject { project }).await;
    age(&stage, project).await;
    stage.call(CollectGarbage { dry_run: false }).await;
    stage.call(RestoreProject { project }).await;
    assert!(stage.call(ListDeletedProjects {}).await.is_empty() && file.is_file());
    assert!(stage.call(GetProject { project }).await.missing.is_none());
}

#[tokio::test]
async fn a_day_later_a_forgotten_project_is_garbage() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    version(&stage, project).await;
    stage.call(DeleteProject { project }).await;
    assert_eq!(stage.call(GetStorage {}).await.collectable_bytes, 0);
    age(&stage, project).await;
    assert!(stage.call(ListDeletedProjects {}).await.is_empty());
    assert_eq!(stage.try_call(RestoreProject { project }).await.unwrap_err().code, ErrorCode::NotFound);
    let held: u64 = stage.engine.blobs().list().unwrap().iter().map(|(_, size)| size).sum();
    assert!(held > 0 && stage.call(GetStorage {}).await.collectable_bytes >= held);
    stage.call(CollectGarbage { dry_run: false }).await;
    assert_eq!(stage.engine.blobs().list().unwrap(), vec![]);
    assert!(stage.path("p/slipway.toml").is_file());
}

#[tokio::test]
async fn versions_of_a_forgotten_project_are_found_by_nobody_and_come_back_with_it_alone() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let found = async || {
        let sought = Sought { most: 10, ..Sought::default() };
        searching::versions_found(&stage.engine, sought).await.unwrap().page.len()
    };
    assert_eq!(found().await, 1);
    stage.call(DeleteProject { project }).await;
    assert_eq!(found().await, 0);
    stage.call(RestoreProject { project }).await;
    assert_eq!(found().await, 1);

    // Deleted before its project was: it would come back to no project.
    stage.call(DeleteVersion { version: first }).await;
    stage.call(DeleteProject { project }).await;
    let refused = stage.try_call(RestoreVersion { version: first }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict);
    assert!(refused.hint.unwrap().contains("slipway project restore"));
    stage.call(RestoreProject { project }).await;
    stage.call(RestoreVersion { version: first }).await;
    assert_eq!(stage.call(ListModels::of(project)).await[0].versions.len(), 1);
}

#[tokio::test]
async fn runs_of_a_forgotten_project_in_the_experiment_of_all_stay_its_own() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let default = stage.call(ListExperiments::default()).await.into_iter().find(|one| one.number == 0).unwrap();
    stage.call(MoveExperiment { experiment: default.id, to: Some(project) }).await;
    let run = client::begin(&stage.engine, "0", Begin::default()).await.unwrap().row.run.id;
    stage.call(DeleteProject { project }).await;
    // What changes of the experiment meanwhile gives its runs to nobody else.
    experiments::tag(&stage.engine, default.id, "team".to_owned(), Some("growth".to_owned())).await.unwrap();
    let part = stage.try_call(RestoreRuns { runs: vec![run] }).await.unwrap_err();
    assert_eq!(part.code, ErrorCode::Conflict);
    let own = async || stage.engine.store().read(move |c| store::run::bare(c, run)).await.unwrap();
    stage.call(DeleteExperiment { experiment: default.id }).await;
    experiments::restore_whole(&stage.engine, default.id).await.unwrap();
    assert!(own().await.unwrap().run.deleted_ms.is_some(), "a client restores all others");
    stage.call(RestoreProject { project }).await;
    assert!(own().await.unwrap().run.deleted_ms.is_none());

    stage.call(DeleteProject { project }).await;
    stage.call(PurgeProject { project }).await;
    assert!(own().await.is_none());
}

#[tokio::test]
async fn the_name_of_an_experiment_that_a_forgotten_project_hides_is_free() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    stage.call(MoveExperiment { experiment: sweep.id, to: Some(project) }).await;
    stage.call(DeleteProject { project }).await;
    // As a log left it that was read on.
    let active = move |tx: &store::Transaction<'_>| {
        let hidden = store::experiment::get(tx, sweep.id)?.unwrap();
        store::experiment::put(tx, &Experiment { deleted_ms: None, ..hidden })
    };
    stage.engine.store().write(active).await.unwrap();
    let made = experiments::add(&stage.engine, "sweep", None, Vec::new()).await.unwrap();
    let found = experiments::named(&stage.engine, "sweep".to_owned()).await.unwrap();
    assert_eq!(found.map(|found| found.id), Some(made));
    let taken = experiments::add(&stage.engine, "sweep", None, Vec::new()).await.unwrap_err();
    assert!(taken.to_string().contains("already exists"), "{taken:#}");
    stage.call(RestoreProject { project }).await;
    let back = stage.call(ListExperiments::default()).await.into_iter().find(|one| one.id == sweep.id).unwrap();
    assert_eq!((back.name.as_str(), back.project), ("sweep 2", Some(project)));
}
