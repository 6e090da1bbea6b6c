//! From raw columns to a dense matrix of f32: one readable record, fitted on training rows only and
//! applied by everyone.
//!
//! `mode` decides the form. Scaled (linear, perceptrons): numbers are imputed by the median and
//! brought to mean 0 and standard deviation 1, categories are one-hot. Trees: numbers stay as they
//! are, categories are codes by frequency, missing is NaN. Images: pixels from 0 to 1, channels
//! first.
//!
//! Only columns whose role is `Feature` are inputs; free text is not. A column that never had a
//! value in training stays an optional input without features.

mod apply;
mod fit;

use api::{
    config::ColumnType,
    evaluation::Task,
    model::{Input, Output, Signature},
};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use serde::{Deserialize, Serialize};

pub use fit::Fit;

use crate::{columns, images::Shape};

/// Categories that get a column of their own in the scaled form; the rest share "other".
pub const ONE_HOT_CATEGORIES: usize = 64;
/// Categories that get a code of their own for trees; the rest share "other".
pub const CODED_CATEGORIES: usize = 1_000;

/// The input of an image model.
pub const IMAGE_COLUMN: &str = "image";

/// How one model's rows become features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    pub mode: Mode,
    /// Training rows that it was fitted on.
    pub rows: u64,
    /// In the order of the signature's inputs.
    pub columns: Vec<ColumnRule>,
}

/// The form of the features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For linear models and perceptrons.
    Scaled,
    /// For boosted trees.
    Trees,
    /// For convolutional networks: one image column.
    Images(Shape),
}

/// What becomes of one input column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnRule {
    pub name: String,
    pub kind: ColumnType,
    pub sensitive: bool,
    /// Training had rows without a value; a request may leave it out.
    pub optional: bool,
    pub rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum Rule {
    /// Numbers; booleans as 0 and 1. `median` fills gaps in the scaled form. The standard
    /// deviation is the population's (as scikit-learn's StandardScaler), 1 where it would be 0.
    Number { median: f64, mean: f64, std: f64, minimum: f64, maximum: f64 },
    /// Known values, commonest first (ties by name). A value that is not here is "other".
    Category { known: Vec<String> },
    /// Parts of an instant (UTC): year, month, weekday (Monday 0), hour, days since `origin_ms`,
    /// each scaled by its `(mean, std)` in the scaled form.
    Datetime { origin_ms: i64, latest_ms: i64, parts: [(f64, f64); 5] },
    /// Pixels.
    Image(Shape),
    /// Nothing was ever there in training.
    Empty,
}

/// The names of a datetime's parts, in order.
pub const DATETIME_PARTS: [&str; 5] = ["year", "month", "weekday", "hour", "days"];

/// A dense matrix, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    pub values: Vec<f32>,
    pub rows: usize,
    pub width: usize,
}

impl Matrix {
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..(index + 1) * self.width]
    }
}

/// One column of the matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// "amount", "amount (missing)", "country = DE", "country = (other)", "at (hour)".
    pub name: String,
    /// The input column that it comes from.
    pub column: String,
    /// For trees: codes 0..n of a category, "other" included; `None` for numbers.
    pub codes: Option<usize>,
}

#[derive(Debug, thiserror::Error)]
pub enum PreprocessingError {
    #[error("the column \"{0}\" is missing from the rows, and the model needs it")]
    MissingColumn(String),
    #[error("the column \"{column}\" can't be read as {kind:?}: {source}")]
    Unreadable { column: String, kind: ColumnType, source: ArrowError },
    #[error("the column \"{column}\" does not hold pictures of {shape:?} without gaps")]
    Picture { column: String, shape: Shape },
    #[error("there are no training rows to fit the preprocessing on")]
    NoRows,
    #[error("no column is left to learn from: every one is the target, ignored, free text or empty")]
    NoFeatures,
}

impl Preprocessing {
    /// The record of an image model, which has nothing to fit: one input named [`IMAGE_COLUMN`].
    pub fn images(shape: Shape, rows: u64) -> Self {
        let rule = Rule::Image(shape);
        let column =
            ColumnRule { name: IMAGE_COLUMN.into(), kind: ColumnType::Image, sensitive: false, optional: false, rule };
        Self { mode: Mode::Images(shape), rows, columns: vec![column] }
    }

    /// The columns of the matrix, in order. Images have none by name.
    pub fn features(&self) -> Vec<Feature> {
        self.columns.iter().flat_map(|column| column.features(self.mode)).collect()
    }

    /// Numbers a row.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.width(self.mode)).sum()
    }

    /// What a model with this preprocessing is asked and answers: the only maker of signatures.
    pub fn signature(&self, task: Task, classes: &[String]) -> Signature {
        let prediction = |kind| Output { name: "prediction".into(), kind, class: None };
        let probability =
            |name, class: Option<&String>| Output { name, kind: ColumnType::Decimal, class: class.cloned() };
        let outputs = match task {
            Task::BinaryClassification => {
                vec![prediction(ColumnType::Category), probability("probability".into(), classes.get(1))]
            }
            Task::MulticlassClassification => std::iter::once(prediction(ColumnType::Category))
                .chain(classes.iter().map(|class| probability(format!("probability_{class}"), Some(class))))
                .collect(),
            Task::Regression => vec![prediction(ColumnType::Decimal)],
        };
        Signature { inputs: self.columns.iter().map(ColumnRule::input).collect(), outputs }
    }

    /// The canonical schema of raw rows.
    pub fn schema(&self) -> Schema {
        Schema::new(
            self.columns.iter().map(|column| Field::new(&column.name, column.arrow_type(), true)).collect::<Vec<_>>(),
        )
    }
}

impl ColumnRule {
    fn arrow_type(&self) -> DataType {
        match self.rule {
            Rule::Image(shape) => crate::images::arrow_type(shape),
            _ => columns::arrow_type(self.kind),
        }
    }

    /// Whoever may ask the model may read this: of a sensitive column it tells no value.
    fn input(&self) -> Input {
        let (mut categories, mut range, mut shape) = (Vec::new(), None, Vec::new());
        match &self.rule {
            Rule::Number { .. } | Rule::Category { .. } | Rule::Datetime { .. } if self.sensitive => {}
            Rule::Number { minimum, maximum, .. } if self.kind != ColumnType::Boolean => {
                range = Some((*minimum, *maximum))
            }
            Rule::Datetime { origin_ms, latest_ms, .. } => range = Some((*origin_ms as f64, *latest_ms as f64)),
            Rule::Category { known } => categories.clone_from(known),
            Rule::Image(picture) => shape = picture.to_vec(),
            Rule::Number { .. } | Rule::Empty => {}
        }
        Input {
            name: self.name.clone(),
            kind: self.kind,
            optional: self.optional,
            sensitive: self.sensitive,
            categories,
            range,
            shape,
        }
    }

    /// Categories with a column of their own in the scaled form.
    fn one_hot<'a>(&self, known: &'a [String]) -> &'a [String] {
        &known[..known.len().min(ONE_HOT_CATEGORIES)]
    }

    fn width(&self, mode: Mode) -> usize {
        let indicator = usize::from(self.optional && mode == Mode::Scaled);
        match &self.rule {
            Rule::Number { .. } => 1 + indicator,
            Rule::Category { known } if mode == Mode::Scaled => self.one_hot(known).len() + 1 + indicator,
            Rule::Category { .. } => 1,
            Rule::Datetime { .. } => DATETIME_PARTS.len() + indicator,
            Rule::Image(shape) => shape.values(),
            Rule::Empty => 0,
        }
    }

    fn features(&self, mode: Mode) -> Vec<Feature> {
        let named = |name: String, codes| Feature { name, column: self.name.clone(), codes };
        let mut features = match &self.rule {
            Rule::Number { .. } => vec![named(self.name.clone(), None)],
            Rule::Category { known } if mode == Mode::Scaled => self
                .one_hot(known)
                .iter()
                .map(|value| named(format!("{} = {value}", self.name), None))
                .chain([named(format!("{} = (other)", self.name), None)])
                .collect(),
            Rule::Category { known } => vec![named(self.name.clone(), Some(known.len() + 1))],
            Rule::Datetime { .. } => {
                DATETIME_PARTS.iter().map(|part| named(format!("{} ({part})", self.name), None)).collect()
            }
            Rule::Image(_) | Rule::Empty => return Vec::new(),
        };
        if self.optional && mode == Mode::Scaled {
            features.push(named(format!("{} (missing)", self.name), None));
        }
        features
    }
}
