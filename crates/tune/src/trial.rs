//! Values of hyperparameters, and what became of those that were tried.

use std::{collections::BTreeMap, fmt};

use api::run::RunState;
use serde::{Deserialize, Serialize};

/// One value of one hyperparameter. Its text is the same everywhere and reads back as the same value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a value is a number, a text, true or false")]
pub enum Value {
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

impl Value {
    /// The value as a number; a bool and a text are none.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(whole) => Some(*whole as f64),
            Self::Number(number) => Some(*number),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }

    /// Whether both mean the same: 1 is 1.0, but not "1".
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integer(one), Self::Integer(two)) => one == two,
            _ => match (self.number(), other.number()) {
                (Some(one), Some(two)) => one == two,
                _ => self == other,
            },
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(yes) => write!(formatter, "{yes}"),
            Self::Integer(whole) => write!(formatter, "{whole}"),
            // The shortest that reads back as the same bits, with a point or an exponent; zero has no sign.
            Self::Number(number) => write!(formatter, "{:?}", number + 0.0),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

/// What is tried together: a value of each hyperparameter.
pub type Trial = BTreeMap<String, Value>;

/// Whether less or more of the metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Min,
    Max,
}

impl Direction {
    /// The value as a loss: less is better.
    pub(crate) fn loss(self, value: f64) -> f64 {
        match self {
            Self::Min => value,
            Self::Max => -value,
        }
    }
}

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
