//! What a training will really use: the plan's settings, with a default for each that it leaves open.
//!
//! Defaults follow the number of training rows, never the validation or test part.

use std::collections::BTreeMap;

use api::{
    config::{ModelChoice, Optimizer, TrainingConfig},
    hyperparameter::{NetworkDefaults, TreeDefaults},
};

/// Of a linear model, a perceptron or a convolutional network.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSettings {
    pub epochs: usize,
    pub batch_size: usize,
    pub optimizer: Optimizer,
    pub learning_rate: f64,
    pub weight_decay: f64,
    pub dropout: f64,
    pub hidden: Vec<usize>,
    /// Epochs without a better validation loss before training stops; 0 never stops.
    pub patience: usize,
    pub balance: bool,
}

/// Of gradient-boosted trees.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeSettings {
    pub rounds: usize,
    pub learning_rate: f64,
    pub max_depth: usize,
    pub l2: f64,
    /// Rounds without a better validation loss before training stops; 0 never stops.
    pub patience: usize,
    /// Share of the rows and of the columns that each tree sees.
    pub row_share: f64,
    pub column_share: f64,
}

impl NetworkSettings {
    pub fn new(config: &TrainingConfig, training_rows: usize) -> Self {
        let open = NetworkDefaults::of(config.model, config.optimizer);
        let batch_size = NetworkDefaults::batch_size(training_rows);
        Self {
            epochs: config.epochs.unwrap_or(open.epochs).max(1),
            batch_size: config.batch_size.unwrap_or(batch_size).clamp(1, training_rows.max(1)),
            optimizer: config.optimizer,
            learning_rate: config.learning_rate.unwrap_or(open.learning_rate),
            weight_decay: config.weight_decay.unwrap_or(open.weight_decay),
            dropout: if config.model == ModelChoice::Linear {
                0.0
            } else {
                config.dropout.unwrap_or(open.dropout).clamp(0.0, 0.95)
            },
            hidden: match config.model {
                ModelChoice::Linear => Vec::new(),
                _ if config.hidden.is_empty() => open.hidden.to_vec(),
                _ => config.hidden.clone(),
            },
            patience: config.patience.unwrap_or(open.patience),
            balance: config.balance,
        }
    }

    /// As the run's params, by the names of `slipway.toml`.
    pub fn params(&self, config: &TrainingConfig) -> BTreeMap<String, String> {
        let mut params = shared_params(config);
        let optimizer = match self.optimizer {
            Optimizer::Adamw => "adamw",
            Optimizer::Sgd => "sgd",
        };
        params.extend([
            ("epochs".to_owned(), self.epochs.to_string()),
            ("batch_size".to_owned(), self.batch_size.to_string()),
            ("optimizer".to_owned(), optimizer.to_owned()),
            ("learning_rate".to_owned(), self.learning_rate.to_string()),
            ("weight_decay".to_owned(), self.weight_decay.to_string()),
            ("dropout".to_owned(), self.dropout.to_string()),
            ("patience".to_owned(), self.patience.to_string()),
        ]);
        if !self.hidden.is_empty() {
            params.insert("hidden".to_owned(), self.hidden.iter().map(usize::to_string).collect::<Vec<_>>().join(", "));
        }
        params
    }
}

impl TreeSettings {
    pub fn new(config: &TrainingConfig) -> Self {
        let open = TreeDefaults::default();
        Self {
            rounds: config.rounds.unwrap_or(open.rounds).max(1),
            learning_rate: config.learning_rate.unwrap_or(open.learning_rate),
            max_depth: config.max_depth.unwrap_or(open.max_depth).max(1),
            l2: config.l2.unwrap_or(open.l2),
            patience: config.patience.unwrap_or(open.patience),
            row_share: 0.8,
            column_share: 0.8,
        }
    }

    /// As the run's params, by the names of `slipway.toml`.
    pub fn params(&self, config: &TrainingConfig) -> BTreeMap<String, String> {
        let mut params = shared_params(config);
        params.extend([
            ("rounds".to_owned(), self.rounds.to_string()),
            ("learning_rate".to_owned(), self.learning_rate.to_string()),
            ("max_depth".to_owned(), self.max_depth.to_string()),
            ("l2".to_owned(), self.l2.to_string()),
            ("patience".to_owned(), self.patience.to_string()),
            ("row_share".to_owned(), self.row_share.to_string()),
            ("column_share".to_owned(), self.column_share.to_string()),
        ]);
        params
    }
}

fn shared_params(config: &TrainingConfig) -> BTreeMap<String, String> {
    [
        ("model", config.model.word().to_owned()),
        ("device", config.device.word().to_owned()),
        ("seed", config.seed.to_string()),
        ("threads", config.threads.to_string()),
        ("balance", config.balance.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
