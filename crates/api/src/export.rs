//! Runs as other tools read them.

use serde::{Deserialize, Serialize};

use crate::{RunId, job::Job, run_table::Listing};

/// What runs are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// A file store (`mlruns`): params, metrics with every point, tags, datasets, logged models; artifacts and registered
    /// versions where asked for.
    Mlflow,
    /// A folder of event files a run: every point as `f32`, params as hyperparameters, and the pictures, texts, histograms
    /// and sounds (WAV) that it logged by step or that stand in the log that it came from.
    Tensorboard,
    /// `runs.csv`, a line a run, and `points.csv`, a line a point.
    Csv,
    /// The same two tables as `runs.parquet` and `points.parquet`.
    Parquet,
}

/// Writes runs into a new folder, or an empty one: whole or not there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExportRuns {
    /// All that it lists.
    pub list: Listing,
    /// Only these of them; none: all.
    #[serde(default)]
    pub runs: Vec<RunId>,
    pub format: ExportFormat,
    /// The whole path of the folder. The folder that it is in is there.
    pub to: String,
    /// Copies the artifacts of the runs and of the models that they logged into a file store, and as such the media that
    /// stand in the logs that they came from; in other formats there is no place for artifacts. What has no place is
    /// counted in the job's log.
    #[serde(default)]
    pub artifacts: bool,
    /// Adds the registered versions that point to these runs to a file store.
    #[serde(default)]
    pub models: bool,
}

crate::requests! { METHODS;
    ExportRuns => "run.export" -> Job;
}
