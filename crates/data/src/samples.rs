//! The sample projects that the app brings along.

use std::path::Path;

use crate::{card_fraud, error::DataError, progress::Progress};

/// What the list of samples says of one; its folder is `sample-projects/NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleProject {
    pub name: &'static str,
    pub title: &'static str,
    pub summary: &'static str,
    pub licence: &'static str,
    /// Its data is made by [`card_fraud()`] on first opening, instead of lying in the folder.
    pub generated: bool,
}

/// In the order in which they are offered.
pub const ALL: [SampleProject; 5] = [
    SampleProject {
        name: "card-fraud",
        title: "Card fraud",
        summary: "Find the one fraud in 200 payments, by time, place, amount and merchant. Synthetic; a second period drifts.",
        licence: "CC0-1.0 (made by Slipway's own generator)",
        generated: true,
    },
    SampleProject {
        name: "digits",
        title: "Handwritten digits",
        summary: "1,797 small pictures of handwritten digits, 0 to 9.",
        licence: "CC BY 4.0 (UCI, E. Alpaydin and C. Kaynak)",
        generated: false,
    },
    SampleProject {
        name: "penguins",
        title: "Penguins",
        summary: "Three species of penguin by bill, flipper and weight; with missing values.",
        licence: "CC0-1.0 (Palmer Station LTER, K. Gorman)",
        generated: false,
    },
    SampleProject {
        name: "breast-cancer",
        title: "Breast cancer",
        summary: "Malignant or benign, from 30 measures of cell nuclei.",
        licence: "CC BY 4.0 (UCI, W. Wolberg, N. Street and O. Mangasarian)",
        generated: false,
    },
    SampleProject {
        name: "diabetes",
        title: "Diabetes",
        summary: "A number to predict: how the disease progressed in a year, from ten measures of 442 patients.",
        licence: "None stated by the authors (Efron, Hastie, Johnstone, Tibshirani 2004); from scikit-learn, whose package is BSD-3-Clause",
        generated: false,
    },
];

/// Writes the synthetic card payments into a project's folder: the first period to
/// `data/transactions.parquet`, the second, shifted one to `second-period/transactions.parquet`.
/// The same seed gives the same bytes. Progress is in rows, of [`CARD_FRAUD_ROWS`].
pub fn card_fraud(seed: u64, folder: &Path, progress: Progress<'_>) -> Result<(), DataError> {
    card_fraud::generate(seed, folder, progress)
}

/// Of both periods.
pub const CARD_FRAUD_ROWS: u64 = card_fraud::ROWS;
