//! The store as its callers use it.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod blobs;
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
    RunRow {
        run: Run {
            id: run_id(number),
            project: Some(project()),
            experiment: ExperimentId::from_bytes(id(2)),
            name: format!("run-{number}"),
            kind: RunKind::Training,
            state: RunState::Finished,
            ended_because: None,
            snapshot: None,
            snapshot_number: None,
            split: None,
            job: None,
            alert: None,
            code: None,
            seed: Some(number),
            device: Some("cpu".to_owned()),
            params: Default::default(),
            tags: Default::default(),
            notes: String::new(),
            metrics: Vec::new(),
            progress: None,
            command: None,
            exit_code: None,
            environment: Default::default(),
            versions: Vec::new(),
            has_evaluation: false,
            resumable: false,
            user: None,
            spent: None,
            deleted_ms: None,
            created_ms: number as i64,
            started_ms: Some(0),
            ended_ms: Some(number as i64 * 1000),
        },
        model: Some("trees".to_owned()),
        ranked: None,
        pid: None,
        pid_started_ms: None,
        events_offset: 0,
        artifacts: None,
        address: None,
    }
}
