//! What stands above and below a run.

use serde::{Deserialize, Serialize};

use super::{Run, RunKind, RunState};
use crate::id::RunId;

/// The run that a run stands under, and those that stand under it: nested runs of a client, the trials of a search, what
/// a program logged that `slipway exec` started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetNested {
    pub run: RunId,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Nested {
    pub parent: Option<NestedRun>,
    /// Oldest first, the deleted left out; at most [`NESTED`] of them.
    pub children: Vec<NestedRun>,
    /// How many there are.
    pub total: u64,
}

/// Runs below another that are told.
pub const NESTED: u32 = 100;

/// What a list of related runs shows of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NestedRun {
    pub id: RunId,
    pub name: String,
    pub kind: RunKind,
    pub state: RunState,
    pub created_ms: i64,
    pub ended_ms: Option<i64>,
    /// Where its page is.
    pub page: String,
    pub deleted: bool,
}

impl NestedRun {
    pub fn of(run: &Run) -> Self {
        Self {
            id: run.id,
            name: run.name.clone(),
            kind: run.kind,
            state: run.state,
            created_ms: run.created_ms,
            ended_ms: run.ended_ms,
            page: run.page(),
            deleted: run.deleted_ms.is_some(),
        }
    }
}
