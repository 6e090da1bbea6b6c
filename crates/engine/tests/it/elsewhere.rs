//! Runs whose client puts its files at a place of its own choice.

use std::fs;

use api::{
    RunId,
    export::{ExportFormat, ExportRuns},
    job::GetJobLog,
    run::{GetRun, ListArtifacts},
    run_table::Listing,
    tracking::{DeleteExperiment, EditExperiment, Experiment, ListExperiments, MoveRuns, PurgeExperiment, Scope},
};
use engine::tracking::{
    client::{self, Begin},
    experiments,
};

use crate::stage::Stage;

/// A run of an experiment whose client named this place.
async fn begun(stage: &Stage, name: &str, location: &str) -> (Experiment, RunId) {
    let id = experiments::add(&stage.engine, name, Some(location.to_owned()), Vec::new()).await.unwrap();
    let experiment = experiments::find(&stage.engine, id).await.unwrap();
    let run = client::begin(&stage.engine, &experiment.number.to_string(), Begin::default()).await.unwrap();
    (experiment, run.row.run.id)
}

#[tokio::test]
async fn files_at_a_clients_own_place_are_not_read_and_stay_and_that_is_said() {
    let stage = Stage::new().await;
    // One that could be read, by whoever names it.
    let place = stage.path("private");
    let address = format!("file://{}", place.display());
    let (far, run) = begun(&stage, "far", &address).await;
    let kept = place.join(run.to_string()).join("artifacts/model.txt");
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    fs::write(&kept, "weights").unwrap();
    assert!(stage.call(ListArtifacts { run }).await.is_empty());
    let said = format!("Files that its client logs go to {address}/{run}/artifacts: Slipway does not read there.");
    assert_eq!(stage.call(GetRun { run }).await.said_of_files(), Some(said.clone()));

    let list =
        Listing { of: Scope::Experiment(far.id), deleted: false, filter: String::new(), sort: None, descending: false };
    let to = stage.path("out").to_string_lossy().into_owned();
    let format = ExportFormat::Mlflow;
    let export = ExportRuns { list, runs: Vec::new(), format, to, artifacts: true, models: false };
    let job = stage.call(export).await;
    let job = stage.done(job).await;
    assert!(job.message.contains("1 thing was left out"), "{}", job.message);
    let log = stage.call(GetJobLog { job: job.id }).await;
    assert!(log.iter().any(|line| line.starts_with("Files that 1 run's client logs lie where Slipway")), "{log:?}");

    // They lie where they lay, wherever the run is moved; what is begun there has its files here.
    let all = stage.call(ListExperiments::default()).await;
    let default = all.into_iter().find(Experiment::is_default).unwrap();
    let here = client::begin(&stage.engine, &default.number.to_string(), Begin::default()).await.unwrap().row.run.id;
    assert_eq!(stage.call(GetRun { run: here }).await.said_of_files(), None);
    stage.call(MoveRuns::alone(vec![here], far.id)).await;
    assert_eq!(stage.call(GetRun { run: here }).await.said_of_files(), None);
    stage.call(MoveRuns::alone(vec![run], default.id)).await;
    assert_eq!(stage.call(GetRun { run }).await.said_of_files(), Some(said));
    stage.call(MoveRuns::alone(vec![run], far.id)).await;

    stage.call(DeleteExperiment { experiment: far.id }).await;
    let freed = stage.call(PurgeExperiment { experiment: far.id }).await;
    assert_eq!((freed.records, freed.elsewhere), (3, 1), "both runs and the experiment");
    assert!(freed.said().ends_with("; the files of 1 run lie where its client put them, and stay there"));
    assert_eq!(fs::read_to_string(&kept).unwrap(), "weights");
}

#[tokio::test]
async fn the_password_of_a_clients_own_place_is_not_said() {
    let stage = Stage::new().await;
    let (far, run) = begun(&stage, "far", "ftp://me:hunter2@files/models").await;
    let said = stage.call(GetRun { run }).await.said_of_files().unwrap();
    assert!(said.contains("ftp://me:") && said.contains("@files/models/") && !said.contains("hunter2"), "{said}");
    let all = stage.call(ListExperiments::default()).await;
    let listed = all.into_iter().find(|one| one.id == far.id).unwrap();
    let edited = stage.call(EditExperiment { folder: Some("a".to_owned()), ..EditExperiment::of(far.id) }).await;
    for told in [listed, edited] {
        let location = told.location.unwrap();
        assert!(location.starts_with("ftp://me:") && !location.contains("hunter2"), "{location}");
    }
    // Its client needs it.
    assert_eq!(far.location.as_deref(), Some("ftp://me:hunter2@files/models"));
}
