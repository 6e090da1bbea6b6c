//! A model as everyone uses it: raw rows in, answers out.

use std::sync::Arc;

use api::{
    evaluation::{Task, class_of},
    model::Bundle,
};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, Field, Schema};

use crate::{
    columns,
    forward::{Forward, ForwardError, Scores},
    preprocessing::{Preprocessing, PreprocessingError},
};

/// An opened bundle (see [`crate::bundle::open`]). It is `Send + Sync`; predicting needs `&self`.
#[derive(Debug)]
pub struct Model {
    head: Bundle,
    content: String,
    preprocessing: Preprocessing,
    forward: Forward,
}

#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
    #[error(transparent)]
    Forward(#[from] ForwardError),
    #[error("the answers could not be put into columns: {0}")]
    Arrow(#[from] ArrowError),
}

impl Model {
    pub(crate) fn new(head: Bundle, content: String, preprocessing: Preprocessing, forward: Forward) -> Self {
        Self { head, content, preprocessing, forward }
    }

    /// `bundle.json`: signature, classes, threshold, lineage.
    pub fn head(&self) -> &Bundle {
        &self.head
    }

    /// BLAKE3 of `bundle.json`.
    pub fn content(&self) -> &str {
        &self.content
    }

    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    pub fn forward(&self) -> &Forward {
        &self.forward
    }

    /// Probabilities or values, without class names and threshold.
    pub fn scores(&self, batch: &RecordBatch) -> Result<Scores, PredictError> {
        let matrix = self.preprocessing.apply(batch)?;
        Ok(self.forward.scores(&matrix, self.head.task, self.head.classes.len())?)
    }

    /// Answers rows: one column for each of the signature's outputs, in their order.
    pub fn predict(&self, batch: &RecordBatch) -> Result<RecordBatch, PredictError> {
        self.answers(&self.scores(batch)?)
    }

    /// The columns that scores stand for; [`Model::predict`] without the computing.
    pub fn answers(&self, scores: &Scores) -> Result<RecordBatch, PredictError> {
        let columns = answers(scores, &self.head);
        let fields: Vec<Field> = self
            .head
            .signature
            .outputs
            .iter()
            .map(|output| Field::new(&output.name, columns::arrow_type(output.kind), false))
            .collect();
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }
}

/// The threshold where none was chosen.
pub const DEFAULT_THRESHOLD: f64 = 0.5;

/// The class index of each row: by the threshold for two classes, else by the factors of the classes
/// ([`class_of`]).
pub fn classes_of(scores: &Scores, task: Task, threshold: Option<f64>, class_factors: &[f64]) -> Vec<usize> {
    match task {
        Task::Regression => Vec::new(),
        Task::BinaryClassification => {
            let threshold = threshold.unwrap_or(DEFAULT_THRESHOLD);
            scores.values.iter().map(|probability| usize::from(*probability >= threshold)).collect()
        }
        Task::MulticlassClassification => {
            scores.values.chunks_exact(scores.width).map(|row| class_of(row, class_factors)).collect()
        }
    }
}

fn answers(scores: &Scores, head: &Bundle) -> Vec<ArrayRef> {
    if head.task == Task::Regression {
        return vec![Arc::new(Float64Array::from(scores.values.clone()))];
    }
    let called = classes_of(scores, head.task, head.threshold, &head.class_factors);
    let names = called.into_iter().map(|class| head.classes[class].as_str());
    let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values(names))];
    for class in 0..scores.width {
        let probabilities = scores.values.iter().skip(class).step_by(scores.width).copied();
        columns.push(Arc::new(Float64Array::from_iter_values(probabilities)));
    }
    columns
}
