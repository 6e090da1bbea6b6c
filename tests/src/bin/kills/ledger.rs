//! What was acknowledged: written down the moment that a call is answered, never before.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use api::{JobId, ProjectId, RunId, SearchId, SnapshotId, VersionId, run::Run};

#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    inner: Arc<Mutex<Written>>,
}

#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) projects: Vec<Project>,
    pub(crate) jobs: BTreeSet<JobId>,
    pub(crate) snapshots: BTreeMap<SnapshotId, Snapshot>,
    pub(crate) runs: BTreeMap<RunId, SeenRun>,
    pub(crate) searches: BTreeSet<SearchId>,
    pub(crate) versions: BTreeSet<VersionId>,
    /// By name: the version that answers.
    pub(crate) deployments: BTreeMap<String, VersionId>,
    /// Names whose change was asked for and not answered: they may stand at either side of it.
    pub(crate) unsure: BTreeSet<String>,
    pub(crate) exported: BTreeMap<PathBuf, SnapshotId>,
}

#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) id: ProjectId,
    pub(crate) folder: PathBuf,
    /// One hand at a time in a project's folder, so that what a snapshot must hold is known.
    pub(crate) hand: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) project: ProjectId,
    /// Path below the project's folder → BLAKE3.
    pub(crate) files: BTreeMap<String, String>,
}

/// What answers said of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeenRun {
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) finished: bool,
    /// It never ends by itself.
    pub(crate) long: bool,
    pub(crate) notes: String,
}

impl Ledger {
    pub(crate) fn open(&self) -> MutexGuard<'_, Written> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn project(&self, nonce: u32) -> Option<Project> {
        let written = self.open();
        let count = written.projects.len();
        (count > 0).then(|| written.projects[nonce as usize % count].clone())
    }

    pub(crate) fn saw(&self, run: &Run) {
        let mut written = self.open();
        let seen = written.runs.entry(run.id).or_default();
        for metric in &run.metrics {
            let count = seen.counts.entry(metric.key.clone()).or_default();
            *count = metric.count.max(*count);
        }
        seen.finished |= run.state == api::run::RunState::Finished;
    }
}
