//! MLflow's SQLite store as a log that is read on: runs by their rows, points as they were logged.

use std::{collections::HashMap, path::PathBuf};

use foreign::{ForeignError, Head, Mark, Reader, Result, Sink, Told};
use serde::{Deserialize, Serialize};
use store::{
    StoreError,
    mlflow_db::{MlflowDb, Run},
};

/// Rows of one short read: a server that writes is not kept waiting.
const RUNS: u32 = 500;
const POINTS: u32 = 20_000;

pub(super) struct Database {
    path: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    runs: i64,
    points: i64,
    /// Runs that were not over: looked at again.
    open: Vec<String>,
}

impl Database {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Reader for Database {
    /// While another program keeps the database locked for longer than [`MlflowDb`] waits, what was read until then
    /// is told and counts: the next reading goes on there.
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        let mut progress: Progress = serde_json::from_value(mark.0.clone()).unwrap_or_default();
        match self.read_on(&mut progress, sink) {
            Err(Stop::Locked) => {
                let why = format!(
                    "{} is locked by a program that writes to it: what was added since is read once it is done.",
                    self.path.display()
                );
                sink(Told::Waits { why }).map_err(ForeignError::NotTaken)?;
            }
            Err(Stop::Failed(error)) => return Err(error),
            Ok(()) => {}
        }
        Ok(Mark(serde_json::to_value(progress).unwrap_or_default()))
    }
}

/// Why a reading ended early.
enum Stop {
    Locked,
    Failed(ForeignError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Locked { .. } => Self::Locked,
            error => Self::Failed(ForeignError::NotTaken(Box::new(error))),
        }
    }
}

impl Database {
    /// Leaves `progress` at what was told, also where it ends early.
    fn read_on(&self, progress: &mut Progress, sink: &mut Sink<'_>) -> std::result::Result<(), Stop> {
        let database = MlflowDb::open(&self.path)?;
        let experiments = database.experiments()?;
        let groups: HashMap<i64, String> = experiments.into_iter().map(|one| (one.id, one.name)).collect();
        let mut tell = |told: Told| sink(told).map_err(|error| Stop::Failed(ForeignError::NotTaken(error)));
        let is_open = |run: &Run| run.ended_ms.is_none() && !run.deleted;
        for id in progress.open.clone() {
            let run = database.run(&id)?;
            if !run.as_ref().is_some_and(is_open) {
                progress.open.retain(|open| *open != id);
            }
            run.map_or(Ok(()), |run| tell(Told::Run(head(run, &groups))))?;
        }
        loop {
            let piece = database.points(progress.points, POINTS)?;
            // Behind the points, so that none is of a run that was entered meanwhile and is not told yet.
            loop {
                let runs = database.runs(progress.runs, RUNS)?;
                let Some(last) = runs.last().map(|run| run.cursor) else { break };
                progress.open.extend(runs.iter().filter(|run| is_open(run)).map(|run| run.id.clone()));
                for run in runs {
                    tell(Told::Run(head(run, &groups)))?;
                }
                progress.runs = last;
            }
            let mut series: HashMap<(String, String), Vec<api::series::Point>> = HashMap::new();
            for (run, key, point) in piece.points {
                series.entry((run, key)).or_default().push(point);
            }
            for ((run, key), points) in series {
                tell(Told::Points { run, key, points })?;
            }
            if piece.left_out > 0 {
                let place = format!("{}, metrics up to row {}", self.path.display(), piece.cursor);
                let message = format!("{} rows hold no number, and are left out", piece.left_out);
                tell(Told::Warning { place, message })?;
            }
            progress.points = piece.cursor;
            if piece.last {
                return Ok(());
            }
        }
    }
}

fn head(run: Run, groups: &HashMap<i64, String>) -> Head {
    let (own, mut tags): (Vec<_>, Vec<_>) =
        run.tags.into_iter().partition(|(key, _)| key == api::tracking::NOTE_TAG || key == api::tracking::NAME_TAG);
    let of = |wanted: &str| own.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.clone());
    if run.deleted {
        tags.push(("mlflow.lifecycle_stage".to_owned(), "deleted".to_owned()));
    }
    let id = run.id.parse::<api::RunId>().ok().map(|id| *id.as_bytes());
    // Only what lies on this machine can be read in place.
    let artifacts = run.artifact_uri.as_deref().and_then(|uri| {
        let path = uri.strip_prefix("file://").unwrap_or(uri);
        Some(PathBuf::from(path)).filter(|path| path.is_absolute() && path.is_dir())
    });
    Head {
        key: run.id.clone(),
        id,
        name: run.name.or_else(|| of(api::tracking::NAME_TAG)).unwrap_or(run.id),
        group: groups.get(&run.experiment).cloned().unwrap_or_default(),
        state: run.state.unwrap_or(api::run::RunState::Finished),
        created_ms: run.started_ms.unwrap_or_default(),
        ended_ms: run.ended_ms,
        user: run.user,
        notes: of(api::tracking::NOTE_TAG),
        params: run.params,
        tags,
        artifacts,
        commit: None,
        command: None,
    }
}
