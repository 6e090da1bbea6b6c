//! Drift: how one set of rows differs from another, column by column.

use serde::{Deserialize, Serialize};

use crate::{config::ColumnType, dataset::Histogram};

/// The tests, by Evidently's names; which one is the default by size and type stands in `data::drift`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftTest {
    /// Two-sample Kolmogorov–Smirnov; p-value.
    Ks,
    /// Pearson's chi²; p-value.
    Chisquare,
    /// Z test of a proportion; p-value.
    Z,
    /// Wasserstein normed by the reference's standard deviation; distance.
    Wasserstein,
    /// Jensen–Shannon distance, natural logarithm (Evidently's), Sturges bins over both for numbers.
    Jensenshannon,
    /// Population stability index, Sturges bins over both, zeros filled with 0.0001.
    Psi,
}

impl DriftTest {
    /// Whether the figure is a p-value (small means drift) rather than a distance (large means drift).
    pub const fn is_p_value(self) -> bool {
        matches!(self, Self::Ks | Self::Chisquare | Self::Z)
    }
}

/// What a comparison says of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Same,
    Drifted,
    /// The window is so small that no drift at all often exceeds the threshold.
    TooFewToDecide,
    /// Sensitive: never logged.
    NotWatched,
    /// The column is missing on one side, or has no values.
    NoValues,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnDrift {
    pub column: String,
    pub kind: ColumnType,
    pub test: DriftTest,
    /// The p-value or distance; `None` where there was nothing to compare.
    #[serde(with = "crate::series::float::option", default)]
    pub value: Option<f64>,
    /// Benjamini–Hochberg over the columns, for p-values.
    pub adjusted: Option<f64>,
    #[serde(with = "crate::series::float")]
    pub threshold: f64,
    /// The 99 % quantile of the distance over windows of this size drawn from the reference.
    pub floor: Option<f64>,
    pub verdict: Verdict,
    /// The plain verdict, as Evidently has it, beside ours: without correction and chance.
    pub evidently_drifted: Option<bool>,
    pub reference_missing: f64,
    pub current_missing: f64,
    /// Whether the share of missing values alone counts as drift, whatever the values there say.
    #[serde(default)]
    pub missing_drifted: bool,
    /// Both sides over the same edges (numbers) or the same values (categories).
    pub distribution: Option<Distribution>,
    /// "Median 31 → 58".
    pub sentence: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Distribution {
    Numeric { reference: Histogram, current: Histogram },
    Categories { values: Vec<String>, reference: Vec<u64>, current: Vec<u64> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    pub reference_rows: u64,
    pub current_rows: u64,
    pub columns: Vec<ColumnDrift>,
    pub drifted: u32,
    /// Share of drifted columns among those that could be decided.
    pub share: f64,
    /// Whether the dataset as a whole counts as drifted (share ≥ the project's, 0.5 by default).
    pub dataset_drifted: bool,
    /// What a reader must know, as sentences: that only a sample of the rows was compared.
    #[serde(default)]
    pub remarks: Vec<String>,
}
