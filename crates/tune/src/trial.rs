//! Values of hyperparameters, and what became of those that were tried.

use std::collections::BTreeMap;

use api::run::RunState;
pub use api::search::{Direction, Value};

/// What is tried together: a value of each hyperparameter.
pub type Trial = BTreeMap<String, Value>;

/// A trial that was started.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub trial: Trial,
    pub outcome: Outcome,
}

/// What became of a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    Running,
    /// The metric at the end; one that is not a number counts as failed.
    Finished(f64),
    /// Stopped early, after the step and its value, where there was one.
    Pruned(Option<(i64, f64)>),
    Failed,
}

impl Outcome {
    /// What a run's state means for its trial; `last` is the newest step of the metric and its value.
    pub fn of(state: RunState, last: Option<(i64, f64)>) -> Self {
        match (state, last) {
            (RunState::Queued | RunState::Running, _) => Self::Running,
            (RunState::Finished, Some((_, value))) => Self::Finished(value),
            (RunState::Stopped, last) => Self::Pruned(last),
            (RunState::Finished, None) | (RunState::Failed | RunState::Killed, _) => Self::Failed,
        }
    }
}
