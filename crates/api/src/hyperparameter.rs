//! What a training uses where its settings leave something open: the form shows it, `learn` uses it.

use crate::config::{ModelChoice, Optimizer};

/// Of a linear model, a perceptron or a convolutional network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkDefaults {
    pub epochs: usize,
    pub learning_rate: f64,
    pub weight_decay: f64,
    pub dropout: f64,
    pub hidden: &'static [usize],
    pub patience: usize,
}

impl NetworkDefaults {
    pub fn of(model: ModelChoice, optimizer: Optimizer) -> Self {
        let (epochs, rate, weight_decay, dropout, hidden): (_, _, _, _, &[usize]) = match model {
            ModelChoice::Linear => (100, 0.01, 1e-4, 0.0, &[]),
            ModelChoice::Cnn => (40, 0.002, 0.01, 0.25, &[128]),
            _ => (60, 0.001, 0.01, 0.1, &[128, 64]),
        };
        // Plain gradients are smaller than Adam's normalised ones.
        let learning_rate = if optimizer == Optimizer::Sgd { rate * 20.0 } else { rate };
        Self { epochs, learning_rate, weight_decay, dropout, hidden, patience: 10 }
    }

    /// Follows the number of training rows, never the validation or test part.
    pub const fn batch_size(training_rows: usize) -> usize {
        match training_rows {
            0..500 => 16,
            500..5_000 => 64,
            5_000..50_000 => 128,
            _ => 512,
        }
    }
}

/// Of gradient-boosted trees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreeDefaults {
    pub rounds: usize,
    pub learning_rate: f64,
    pub max_depth: usize,
    pub l2: f64,
    pub patience: usize,
}

impl Default for TreeDefaults {
    fn default() -> Self {
        Self { rounds: 400, learning_rate: 0.05, max_depth: 5, l2: 5.0, patience: 50 }
    }
}
