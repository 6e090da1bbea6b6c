//! From features to scores, whatever the model is: the one place that both evaluation and serving
//! go through.

use api::evaluation::Task;
use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::{
    network::{Network, NetworkError, Weights},
    preprocessing::Matrix,
    trees::{Trees, TreesError},
};

/// What stands in `bundle.json` under `architecture`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Architecture {
    /// With `weights.safetensors` beside it.
    Network(Network),
    /// With `trees.ubj` beside it; the figures are for people.
    Trees { rounds: usize, features: usize },
}

/// A model without its words: numbers in, numbers out.
#[derive(Debug)]
pub enum Forward {
    Network {
        network: Network,
        weights: Weights,
        device: Device,
    },
    /// The objective must be `binary:logistic`, `multi:softprob` or a regression in the target's
    /// own unit.
    Trees(Trees),
}

/// What a model says of rows: `values` is row-major, `width` numbers a row.
///
/// Two classes: the probability of the positive class (`width` 1). More classes: a probability
/// each. Regression: the predicted value (`width` 1).
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    pub values: Vec<f64>,
    pub width: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Trees(#[from] TreesError),
    #[error(
        "the model gives {found} numbers a row where {expected} are expected: its bundle is not consistent, train it again"
    )]
    Width { expected: usize, found: usize },
}

/// Values of the input computed at once: bounds the memory of wide and convolutional networks.
const CHUNK_VALUES: usize = 1 << 20;

impl Forward {
    /// How it is written down.
    pub fn architecture(&self) -> Architecture {
        match self {
            Self::Network { network, .. } => Architecture::Network(network.clone()),
            Self::Trees(trees) => {
                Architecture::Trees { rounds: trees.booster().num_boost_rounds(), features: trees.features() }
            }
        }
    }

    /// Scores rows. `classes` is the number of classes (ignored for regression).
    pub fn scores(&self, matrix: &Matrix, task: Task, classes: usize) -> Result<Scores, ForwardError> {
        let width = if task == Task::MulticlassClassification { classes } else { 1 };
        if matrix.rows == 0 {
            return Ok(Scores { values: Vec::new(), width });
        }
        let mut values = Vec::with_capacity(matrix.rows * width);
        match self {
            Self::Trees(trees) => values.extend(trees.predict(&matrix.values)?.into_iter().map(f64::from)),
            Self::Network { network, weights, device } => {
                let rows_at_once = (CHUNK_VALUES / matrix.width.max(1)).max(1);
                for chunk in matrix.values.chunks(rows_at_once * matrix.width) {
                    let raw = network.compute(weights, chunk, chunk.len() / matrix.width, device)?;
                    match task {
                        Task::BinaryClassification => {
                            values.extend(raw.into_iter().map(|logit| sigmoid(f64::from(logit))))
                        }
                        Task::MulticlassClassification => {
                            raw.chunks(width).for_each(|logits| softmax(logits, &mut values))
                        }
                        Task::Regression => {
                            values.extend(
                                raw.into_iter()
                                    .map(|value| f64::from(value) * network.target.std + network.target.mean),
                            );
                        }
                    }
                }
            }
        }
        if values.len() != matrix.rows * width {
            return Err(ForwardError::Width { expected: width, found: values.len() / matrix.rows });
        }
        Ok(Scores { values, width })
    }
}

/// 1 / (1 + e⁻ˣ), without overflow on either side.
pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// Appends the probabilities of one row's logits.
pub fn softmax(logits: &[f32], out: &mut Vec<f64>) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let from = out.len();
    out.extend(logits.iter().map(|logit| f64::from(logit - largest).exp()));
    let sum: f64 = out[from..].iter().sum();
    out[from..].iter_mut().for_each(|value| *value /= sum);
}
