//! Run logs of other tools, read where they lie: nothing is copied but what a table of runs needs.

use serde::{Deserialize, Serialize};

use crate::{
    event::Tag,
    id::{ProjectId, RunId, SourceId},
    job::Job,
};

/// Whose log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `mlruns/`: MLflow's file store.
    MlflowFiles,
    /// `mlflow.db`: MLflow's SQLite store.
    MlflowDb,
    /// `events.out.tfevents.*` in any depth; a folder of them is a run.
    TensorBoard,
    /// `wandb/offline-run-*/run-*.wandb`.
    Wandb,
    /// `dvclive/`: `metrics.json`, `params.yaml`, `plots/metrics/*.tsv`.
    DvcLive,
    /// `metrics.json`, `metrics.csv`, `*.jsonl` of metrics by step.
    Metrics,
    /// `dvc.yaml`'s metrics and params, a run a git commit.
    Dvc,
}

impl Kind {
    pub const ALL: [Self; 7] =
        [Self::MlflowFiles, Self::MlflowDb, Self::TensorBoard, Self::Wandb, Self::DvcLive, Self::Metrics, Self::Dvc];

    /// The tool by its own name.
    pub const fn tool(self) -> &'static str {
        match self {
            Self::MlflowFiles => "MLflow files",
            Self::MlflowDb => "MLflow database",
            Self::TensorBoard => "TensorBoard",
            Self::Wandb => "W&B offline",
            Self::DvcLive => "DVCLive",
            Self::Metrics => "Metrics files",
            Self::Dvc => "DVC",
        }
    }

    /// Whether a folder with several of its logs below it can be read as one, with those that come.
    pub const fn is_gathered(self) -> bool {
        matches!(self, Self::TensorBoard | Self::Wandb | Self::DvcLive | Self::Metrics)
    }
}

/// Whether what is named as a log is an address (`postgresql://…`, `https://…`) and no path.
pub fn is_address(path: &str) -> bool {
    let is_scheme = |scheme: &str| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    path.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// A log that was found in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundLog {
    pub kind: Kind,
    pub path: String,
    /// It is a source already, or read with one.
    pub known: Option<SourceId>,
    /// Of a folder that can be read as one, with what comes: how many of the logs that were found lie below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<u64>,
}

/// A log that is read, and read on while it grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub id: SourceId,
    pub kind: Kind,
    pub path: String,
    /// Whose runs they become; `None` stand in experiments of no project.
    pub project: Option<ProjectId>,
    /// Followed while the host runs.
    pub watched: bool,
    pub runs: u64,
    /// What could not be read, the first hundred: of the newest reading, and of the rows that those before read.
    pub warnings: Vec<SourceWarning>,
    /// How many there were.
    pub warned: u64,
    /// Why it could not be read at all.
    pub error: Option<crate::ApiError>,
    pub added_ms: i64,
    pub read_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceWarning {
    /// A path, with the byte or line where known.
    pub place: String,
    pub message: String,
    /// It is of rows or a commit that were read and holds as long as they do; another until more of the log is read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_rows: bool,
}

/// The logs in a folder, the outermost only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LookForLogs {
    pub folder: String,
}

/// Reads a log whole, then follows it. Of one that is read already it reads on, and whether it is followed is as asked
/// here; another kind or project than it has is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddSource {
    pub path: String,
    /// Where the path itself does not say it.
    #[serde(default)]
    pub kind: Option<Kind>,
    #[serde(default)]
    pub project: Option<ProjectId>,
    /// Read it once, and no more.
    #[serde(default)]
    pub once: bool,
}

/// Reads on now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadSource {
    pub source: SourceId,
}

/// Follows a log from now on, or no more; it can still be read by [`ReadSource`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FollowSource {
    pub source: SourceId,
    pub follow: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListSources {}

/// Forgets a source. Its runs are deleted so that [`crate::tracking::RestoreRuns`] brings them back, and what of its
/// models came from it, unless they are to stay; the log itself is never touched. For a day [`RestoreSource`] brings all
/// of it back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoveSource {
    pub source: SourceId,
    #[serde(default)]
    pub keep_runs: bool,
}

/// A log that was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedSource {
    pub kind: Kind,
    /// By which [`RestoreSource`] finds it.
    pub path: String,
    pub project: Option<ProjectId>,
    /// Those of its runs that were deleted with it and come back with it; none where they were kept.
    pub runs: u64,
    pub deleted_ms: i64,
}

/// The logs that were forgotten within a day, the newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListDeletedSources {}

/// Brings back a source that was forgotten, with what was deleted with it, and reads on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreSource {
    /// Its path, as [`ListDeletedSources`] has it.
    pub path: String,
}

/// Answer to [`RemoveSource`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedSource {
    /// Those of its runs that were deleted with it; not those that were deleted before.
    pub runs: Vec<RunId>,
    /// Where its log lies, by which [`RestoreSource`] finds it.
    pub path: String,
}

crate::requests! { METHODS;
    LookForLogs => "source.look" -> Vec<FoundLog>;
    AddSource => "source.add" -> Job;
    ReadSource => "source.read" -> Job;
    FollowSource => "source.follow" -> Source;
    ListSources => "source.list" -> Vec<Source>, |_me| vec![Tag::Sources];
    RemoveSource => "source.remove" -> RemovedSource;
    ListDeletedSources => "source.list_deleted" -> Vec<DeletedSource>, |_me| vec![Tag::Sources];
    RestoreSource => "source.restore" -> Source;
}
