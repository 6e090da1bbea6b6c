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

    fn failed(&self, error: StoreError) -> ForeignError {
        ForeignError::NotTaken(Box::new(error))
    }
}

impl Reader for Database {
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        let progress: Progress = serde_json::from_value(mark.0.clone()).unwrap_or_default();
        let database = MlflowDb::open(&self.path).map_err(|error| self.failed(error))?;
        let experiments = database.experiments().map_err(|error| self.failed(error))?;
        let groups: HashMap<i64, String> = experiments.into_iter().map(|one| (one.id, one.name)).collect();
        let mut next = Progress { runs: progress.runs, points: progress.points, open: Vec::new() };
        let mut tell = |run: Run, open: &mut Vec<String>| {
            if run.ended_ms.is_none() && !run.deleted {
                open.push(run.id.clone());
            }
            let head = head(run, &groups);
            sink(Told::Run(head)).map_err(ForeignError::NotTaken)
        };
        for id in progress.open {
            if let Some(run) = database.run(&id).map_err(|error| self.failed(error))? {
                tell(run, &mut next.open)?;
            }
        }
        loop {
            let runs = database.runs(next.runs, RUNS).map_err(|error| self.failed(error))?;
            let Some(last) = runs.last().map(|run| run.cursor) else { break };
            for run in runs {
                tell(run, &mut next.open)?;
            }
            next.runs = last;
        }
        let mut left_out = 0;
        loop {
            let piece = database.points(next.points, POINTS).map_err(|error| self.failed(error))?;
            left_out += piece.left_out;
            let mut series: HashMap<(String, String), Vec<api::series::Point>> = HashMap::new();
            for (run, key, point) in piece.points {
                series.entry((run, key)).or_default().push(point);
            }
            for ((run, key), points) in series {
                sink(Told::Points { run, key, points }).map_err(ForeignError::NotTaken)?;
            }
            next.points = piece.cursor;
            if piece.last {
                break;
            }
        }
        if left_out > 0 {
            let message = format!("{left_out} rows of metrics hold no number, and are left out.");
            sink(Told::Warning { place: self.path.display().to_string(), message }).map_err(ForeignError::NotTaken)?;
        }
        Ok(Mark(serde_json::to_value(next).unwrap_or_default()))
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
