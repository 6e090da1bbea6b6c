//! The store as its callers use it.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod blobs;
mod compacting;
mod crash;
mod joined;
mod metrics;
mod migrations;
mod mlflow_db;
mod runs;
mod transactions;

use api::{
    ExperimentId, ProjectId, RunId,
    config::ProjectFile,
    run::{Run, RunKind, RunState},
    tracking::Experiment,
};
use store::{Store, project::ProjectRow, run::RunRow};

/// A store in a folder of its own.
fn open() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

fn id(number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn project() -> ProjectId {
    ProjectId::from_bytes(id(1))
}

fn run_id(number: u64) -> RunId {
    RunId::from_bytes(id(1000 + number))
}

fn experiment() -> Experiment {
    Experiment {
        id: ExperimentId::from_bytes(id(2)),
        number: 0,
        project: Some(project()),
        is_own: true,
        name: "p".to_owned(),
        folder: String::new(),
        location: None,
        tags: Default::default(),
        runs: 0,
        newest_run_ms: None,
        created_ms: 1,
        updated_ms: 1,
        deleted_ms: None,
    }
}

/// A project with an experiment.
async fn with_project(store: &Store) {
    store
        .write(|tx| {
            let row = ProjectRow {
                id: project(),
                path: "/p".to_owned(),
                file: ProjectFile::default(),
                sample: None,
                created_ms: 1,
                opened_ms: 1,
            };
            store::project::put(tx, &row)?;
            store::experiment::insert(tx, &experiment()).map(drop)
        })
        .await
        .unwrap();
}

fn run_row(number: u64) -> RunRow {
    let of = (ExperimentId::from_bytes(id(2)), Some(project()));
    let row = RunRow::new(run_id(number), of, format!("run-{number}"), RunKind::Training, number as i64);
    let run = Run {
        state: RunState::Finished,
        seed: Some(number),
        device: Some("cpu".to_owned()),
        started_ms: Some(0),
        ended_ms: Some(number as i64 * 1000),
        ..row.run
    };
    RunRow { run, model: Some("trees".to_owned()), ..row }
}
