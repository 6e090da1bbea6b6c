//! `slipway.toml`, parsed: what a project says of itself.
//!
//! Reading, editing and checking the file is the engine's (`toml_edit`, key by key); these are the
//! values, with their defaults. Every key has a line in `docs/slipway-toml.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{id::ProjectId, search::SearchConfig, spending::BudgetConfig, worker::Device};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectFile {
    pub version: u32,
    pub id: Option<ProjectId>,
    pub name: String,
    pub description: Option<String>,
    pub data: DataConfig,
    pub split: SplitConfig,
    pub training: TrainingConfig,
    pub search: SearchConfig,
    pub evaluation: EvaluationConfig,
    pub packaging: PackagingConfig,
    pub monitoring: MonitoringConfig,
    pub budget: BudgetConfig,
}

impl Default for ProjectFile {
    fn default() -> Self {
        Self {
            version: 1,
            id: None,
            name: String::new(),
            description: None,
            data: DataConfig::default(),
            split: SplitConfig::default(),
            training: TrainingConfig::default(),
            search: SearchConfig::default(),
            evaluation: EvaluationConfig::default(),
            packaging: PackagingConfig::default(),
            monitoring: MonitoringConfig::default(),
            budget: BudgetConfig::default(),
        }
    }
}

/// `[data]`: where the rows are and what the columns mean.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Files, folders and globs, relative to the project; together they are one dataset.
    pub paths: Vec<String>,
    pub kind: DataKind,
    /// The column to predict; the class folder's name for images.
    pub target: Option<String>,
    /// Of a target with two values the one that probabilities, precision, recall and F1 are of; by default
    /// see [`crate::evaluation::usual_positive`].
    pub positive: Option<String>,
    /// Columns that are never trained on (ids, notes).
    pub ignore: Vec<String>,
    /// Type overrides by column.
    pub types: BTreeMap<String, ColumnType>,
    /// Columns whose rows belong together in a split.
    pub group: Option<String>,
    /// The column that says when a row happened; splits go by time where it is named.
    pub timestamp: Option<String>,
    /// Columns that are never logged by serving; they stand as "not watched".
    pub sensitive: Vec<String>,
    /// What to do with rows of another width than the header's.
    pub ragged: Ragged,
    /// Overrides what was detected.
    pub delimiter: Option<String>,
    pub encoding: Option<String>,
    /// Referenced by hash instead of copied into the workspace.
    pub reference: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    #[default]
    Table,
    /// A folder with one sub-folder of images per class.
    Images,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ragged {
    /// The default: say the line and stop.
    #[default]
    Error,
    /// Leave such rows out, and say how many.
    Skip,
    /// Short rows are filled with missing values, long ones cut.
    Fill,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    Boolean,
    Integer,
    Decimal,
    Datetime,
    /// Text with few distinct values, trained on as categories.
    Category,
    /// Free text; not trained on.
    Text,
    /// Pixels.
    Image,
}

impl ColumnType {
    pub const ALL: [Self; 7] =
        [Self::Boolean, Self::Integer, Self::Decimal, Self::Datetime, Self::Category, Self::Text, Self::Image];

    /// Its word in `slipway.toml`, and wherever it is named.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Datetime => "datetime",
            Self::Category => "category",
            Self::Text => "text",
            Self::Image => "image",
        }
    }
}

/// `[split]`: which rows train, validate and test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitConfig {
    pub method: SplitMethod,
    pub validation: f64,
    pub test: f64,
    pub seed: u64,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self { method: SplitMethod::Auto, validation: 0.15, test: 0.2, seed: 0 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitMethod {
    /// By time where a timestamp is named, by group where a group is, stratified for classes, else random.
    #[default]
    Auto,
    Random,
    Stratified,
    Time,
    Group,
}

/// `[training]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    pub model: ModelChoice,
    pub device: Device,
    pub seed: u64,
    /// 0: as many as the machine has cores.
    pub threads: usize,
    pub epochs: Option<usize>,
    pub batch_size: Option<usize>,
    pub optimizer: Optimizer,
    pub learning_rate: Option<f64>,
    pub weight_decay: Option<f64>,
    pub dropout: Option<f64>,
    /// Widths of the hidden layers of an MLP.
    pub hidden: Vec<usize>,
    /// Epochs (or rounds) without a better validation figure before training stops; 0 never stops early.
    pub patience: Option<usize>,
    /// Boosting rounds.
    pub rounds: Option<usize>,
    pub max_depth: Option<usize>,
    pub l2: Option<f64>,
    /// Prefer rare classes: networks weigh them up, and of more than two classes they are called more readily.
    pub balance: bool,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            model: ModelChoice::Default,
            device: Device::Auto,
            seed: 0,
            threads: 0,
            epochs: None,
            batch_size: None,
            optimizer: Optimizer::Adamw,
            learning_rate: None,
            weight_decay: None,
            dropout: None,
            hidden: Vec::new(),
            patience: None,
            rounds: None,
            max_depth: None,
            l2: None,
            balance: true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelChoice {
    /// Trees for tables, a small CNN for images.
    #[default]
    Default,
    /// Linear or logistic regression.
    Linear,
    Mlp,
    /// Gradient-boosted trees.
    Trees,
    Cnn,
}

impl ModelChoice {
    /// Its word in `slipway.toml`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Linear => "linear",
            Self::Mlp => "mlp",
            Self::Trees => "trees",
            Self::Cnn => "cnn",
        }
    }

    /// What is trained on such data: where nobody chose, trees on tables and a network on images.
    #[must_use]
    pub const fn on(self, data: DataKind) -> Self {
        match (self, data) {
            (Self::Default, DataKind::Table) => Self::Trees,
            (Self::Default, DataKind::Images) => Self::Cnn,
            (model, _) => model,
        }
    }

    /// Whether a key of `[training]` changes its training.
    pub fn uses(self, key: &str) -> bool {
        let is_trees = matches!(self, Self::Trees | Self::Default);
        let is_network = !matches!(self, Self::Trees);
        match key {
            "rounds" | "max_depth" | "l2" => is_trees,
            "epochs" | "batch_size" | "optimizer" | "weight_decay" => is_network,
            "hidden" | "dropout" => is_network && self != Self::Linear,
            _ => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    #[default]
    Adamw,
    Sgd,
}

/// `[evaluation]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// The metric that runs are ranked by; by default the task's own.
    pub metric: Option<String>,
    /// How the decision threshold of a binary model is chosen on validation.
    pub threshold: ThresholdRule,
    /// What a missed positive costs, where the rule is `cost`.
    pub cost_false_negative: f64,
    pub cost_false_positive: f64,
    /// Resamples of the bootstrap behind the 95 % intervals.
    pub bootstrap: usize,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            metric: None,
            threshold: ThresholdRule::F1,
            cost_false_negative: 1.0,
            cost_false_positive: 1.0,
            bootstrap: 500,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdRule {
    #[default]
    F1,
    Cost,
}

/// `[packaging]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PackagingConfig {
    /// The registry's name in this workspace.
    pub registry: Option<String>,
    /// The repository in it; by default the project's name.
    pub repository: Option<String>,
}

/// `[monitoring]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitoringConfig {
    /// `"1 day"`, `"6 hours"`, or `"1000 rows"` to count rows only.
    pub window: String,
    /// Rows that a window by time needs before it closes.
    pub min_rows: u64,
    /// Consecutive drifted windows before an alert is raised.
    pub raise_after: u32,
    /// Consecutive quiet windows before it is cleared.
    pub clear_after: u32,
    /// Share of requests that serving logs for drift, 0 to 1.
    pub log_share: f64,
    /// Days that logged requests are kept.
    pub log_days: u32,
    /// A test by column instead of Evidently's default.
    pub tests: BTreeMap<String, crate::drift::DriftTest>,
    /// A threshold by column instead of the default.
    pub thresholds: BTreeMap<String, f64>,
    /// Share of drifted columns from which the dataset counts as drifted.
    pub drift_share: f64,
}

impl Default for MonitoringConfig {
    fn default() -> Self {
        Self {
            window: "1 day".to_owned(),
            min_rows: 1000,
            raise_after: 2,
            clear_after: 3,
            log_share: 1.0,
            log_days: 14,
            tests: BTreeMap::new(),
            thresholds: BTreeMap::new(),
            drift_share: 0.5,
        }
    }
}
