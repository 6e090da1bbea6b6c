//! What a model must beat: the prior of the training part, or its mean.
//!
//! scikit-learn's `DummyClassifier(strategy="prior")` and `DummyRegressor(strategy="mean")`.

use super::{binary, multiclass, regression};

/// A model that looks at no column, fitted on the training part.
#[derive(Debug, Clone, PartialEq)]
pub enum Baseline {
    /// The share of each class, in the model's order.
    Prior(Vec<f64>),
    Mean(f64),
}

impl Baseline {
    /// From the rows of each class in the training part.
    pub fn of_counts(counts: &[u64]) -> Self {
        let total = counts.iter().sum::<u64>().max(1) as f64;
        Self::Prior(counts.iter().map(|count| *count as f64 / total).collect())
    }

    /// From the target of the training part.
    pub fn of_values(values: &[f64]) -> Self {
        Self::Mean(values.iter().sum::<f64>() / values.len().max(1) as f64)
    }

    /// The baseline's figures on the rows of a binary part.
    pub fn binary(&self, actual: &[u32]) -> Option<[f64; binary::METRICS.len()]> {
        let Self::Prior(shares) = self else { return None };
        let share = *shares.get(1)?;
        // It predicts the more frequent class; of two equally frequent ones the first.
        let threshold = if share > 0.5 { share } else { share.next_up() };
        Some(binary::Scored::new(actual, &vec![share; actual.len()]).figures(threshold))
    }

    /// The baseline's figures on the rows of a multiclass part.
    pub fn multiclass(&self, actual: &[u32]) -> Option<[f64; multiclass::METRICS.len()]> {
        let Self::Prior(shares) = self else { return None };
        if actual.iter().any(|class| *class as usize >= shares.len()) {
            return None;
        }
        Some(multiclass::Scored::new(actual, &shares.repeat(actual.len()), shares.len()).figures(&[]))
    }

    /// The baseline's figures on the rows of a regression's part.
    pub fn regression(&self, actual: &[f64]) -> Option<[f64; regression::METRICS.len()]> {
        let Self::Mean(mean) = self else { return None };
        Some(regression::Scored::new(actual, &vec![*mean; actual.len()]).figures())
    }
}
