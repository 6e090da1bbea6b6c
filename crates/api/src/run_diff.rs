//! What differs between runs, said once for the window and the command line.

use serde::{Deserialize, Serialize};

use crate::{event::Tag, id::RunId};

/// So many runs are laid beside each other at most.
pub const MOST: usize = 100;

/// Compares 2 to [`MOST`] runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffRuns {
    pub runs: Vec<RunId>,
    /// What is equal is told too.
    #[serde(default)]
    pub all: bool,
}

/// Runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDiff {
    /// As they were asked for.
    pub runs: Vec<DiffedRun>,
    /// By part, then by key.
    pub rows: Vec<DiffRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffedRun {
    pub id: RunId,
    pub name: String,
}

/// One thing of all runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffRow {
    pub part: DiffPart,
    pub key: String,
    /// In the order of the runs; `None` where a run has none.
    pub values: Vec<Option<DiffCell>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiffPart {
    Params,
    Environment,
    Code,
    /// Snapshots, and the datasets that clients logged.
    Data,
    Command,
    /// Without those that clients set for themselves (`mlflow.…`).
    Tags,
    /// The last values, without what is about the machine.
    Metrics,
}

/// A value: of metrics a number, else a text. A number that is none (`NaN`, `Infinity`, `-Infinity`) is a text on the
/// wire, and so comes back as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DiffCell {
    Text(String),
    #[serde(with = "crate::series::float")]
    Number(f64),
}

crate::requests! { METHODS;
    DiffRuns => "run.diff" -> RunDiff, |me| me.runs.iter().map(|run| Tag::Run(*run)).collect();
}
