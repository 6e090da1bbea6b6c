//! Figures of a model on rows that it did not train on, with scikit-learn's names and values.
//!
//! [`report::assemble`] makes the whole report of a run from two parts: what is chosen (the threshold, the factors of
//! classes) is chosen on validation; the test part is only measured. Everything below it is a pure function
//! over slices and works on one sorting of the scores ([`ranking::Ranking`]), which the curves,
//! the threshold and all resamples of the bootstrap share.
//!
//! It knows nothing of models, tables and files: actual values, scores and a seed are given.

pub mod baseline;
pub mod binary;
pub mod bootstrap;
pub mod calibration;
pub mod confusion;
pub mod curve;
pub mod decision;
pub mod multiclass;
pub mod ranking;
pub mod regression;
pub mod report;
pub mod threshold;

/// What a model said of the rows of one part, beside what was true.
#[derive(Debug, Clone, Copy)]
pub enum Predictions<'a> {
    /// `actual` is 0 or 1 (the positive class), `probability` that of the positive class.
    Binary {
        actual: &'a [u32],
        probability: &'a [f64],
    },
    /// `probability` has one row of `classes` values after another.
    Multiclass {
        actual: &'a [u32],
        probability: &'a [f64],
        classes: usize,
    },
    Regression {
        actual: &'a [f64],
        predicted: &'a [f64],
    },
}

impl Predictions<'_> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Binary { actual, .. } | Self::Multiclass { actual, .. } => actual.len(),
            Self::Regression { actual, .. } => actual.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks lengths, class numbers and that every number is finite; scores in `[0, 1]`.
    pub fn check(&self, part: &'static str) -> Result<(), MetricsError> {
        if self.is_empty() {
            return Err(MetricsError::NoRows { part });
        }
        let (rows, scores, width, classes) = match self {
            Self::Binary { actual, probability } => (actual.len(), *probability, 1, 2),
            Self::Multiclass { actual, probability, classes } => (actual.len(), *probability, *classes, *classes),
            Self::Regression { actual, predicted } => {
                if let Some(row) = actual.iter().position(|value| !value.is_finite()) {
                    return Err(MetricsError::NotFinite { part, what: "actual value", row });
                }
                (actual.len(), *predicted, 1, 0)
            }
        };
        if scores.len() != rows * width {
            return Err(MetricsError::Lengths { part, rows, expected: rows * width, found: scores.len() });
        }
        if let Some(at) = scores.iter().position(|value| !value.is_finite()) {
            return Err(MetricsError::NotFinite { part, what: "prediction", row: at / width });
        }
        if let Self::Binary { actual, .. } | Self::Multiclass { actual, .. } = self {
            if let Some(at) = scores.iter().position(|value| !(-1e-6..=1.0 + 1e-6).contains(value)) {
                return Err(MetricsError::NotAProbability { part, row: at / width, value: scores[at] });
            }
            if let Some(row) = actual.iter().position(|class| *class as usize >= classes) {
                return Err(MetricsError::NoSuchClass { part, row, class: actual[row], classes });
            }
        }
        Ok(())
    }
}

/// Why predictions can't be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricsError {
    #[error("Can't evaluate: the {part} part has no rows. Give it a larger share in [split].")]
    NoRows { part: &'static str },
    #[error("Can't evaluate the {part} part: {rows} rows need {expected} predictions, but there are {found}.")]
    Lengths { part: &'static str, rows: usize, expected: usize, found: usize },
    #[error(
        "Can't evaluate the {part} part: the {what} of row {row} is not a finite number. The training diverged; a lower learning rate may help."
    )]
    NotFinite { part: &'static str, what: &'static str, row: usize },
    #[error("Can't evaluate the {part} part: {value} of row {row} is not a probability.")]
    NotAProbability { part: &'static str, row: usize, value: f64 },
    #[error("Can't evaluate the {part} part: row {row} has class {class}, but there are {classes} classes.")]
    NoSuchClass { part: &'static str, row: usize, class: u32, classes: usize },
    #[error("Can't evaluate: the model has {classes} classes, but {names} have a name.")]
    ClassNames { names: usize, classes: usize },
    #[error("Can't evaluate: validation and test part are of different tasks.")]
    TasksDiffer,
    #[error("Can't rank runs by \"{name}\": it is none of {known}. Correct evaluation.metric in slipway.toml.", known = known.join(", "))]
    UnknownMetric { name: String, known: Vec<&'static str> },
}

/// One figure's name, scikit-learn's where it has one, and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub more_is_better: bool,
}

impl Metric {
    pub(crate) const fn more(name: &'static str) -> Self {
        Self { name, more_is_better: true }
    }

    pub(crate) const fn less(name: &'static str) -> Self {
        Self { name, more_is_better: false }
    }
}
