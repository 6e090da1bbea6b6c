//! Gradient-boosted trees behind one module: the rest of the program knows neither the crate nor
//! the file format.
//!
//! Stored in XGBoost's UBJSON form, so that XGBoost reads what we trained and we read what it
//! trained. A missing value is NaN.

use hessboost::model::{BoostedModel, Iterations, ModelFormat};

/// A booster, ready to predict.
#[derive(Debug)]
pub struct Trees {
    /// Boxed: a model is one of these or a few pointers of a network.
    booster: Box<BoostedModel>,
}

#[derive(Debug, thiserror::Error)]
#[error("the trees could not be used: {0}")]
pub struct TreesError(#[from] hessboost::error::HessboostError);

impl Trees {
    /// Reads XGBoost UBJSON.
    pub fn from_ubjson(bytes: &[u8]) -> Result<Self, TreesError> {
        Ok(Self::new(BoostedModel::decode(bytes, ModelFormat::XgboostUbjson)?))
    }

    /// Takes a booster that was just trained.
    pub fn new(booster: BoostedModel) -> Self {
        Self { booster: Box::new(booster) }
    }

    /// Only the rounds that predict: the file has no place for early stopping's best round, and
    /// would otherwise answer with all of them.
    pub fn to_ubjson(&self) -> Result<Vec<u8>, TreesError> {
        if let Some(best) = self.booster.best_iteration() {
            return Ok(self.booster.slice(..=best, 1)?.encode(ModelFormat::XgboostUbjson)?);
        }
        Ok(self.booster.encode(ModelFormat::XgboostUbjson)?)
    }

    /// Numbers a row that [`Trees::predict`] gives: 1, or one a class.
    pub fn width(&self) -> usize {
        self.booster.prediction_width()
    }

    pub fn features(&self) -> usize {
        self.booster.n_features()
    }

    pub fn booster(&self) -> &BoostedModel {
        &self.booster
    }

    /// Predicts rows (row-major) in the objective's space: probabilities for `binary:logistic` and
    /// `multi:softprob`, values for regression. A single row never enters a thread pool.
    pub fn predict(&self, values: &[f32]) -> Result<Vec<f32>, TreesError> {
        if values.len() == self.features() && !values.is_empty() {
            let mut out = vec![0.0; self.width()];
            self.booster.predict_row_into(values, Iterations::Best, &mut out)?;
            return Ok(out);
        }
        Ok(self.booster.predict_rows(values, Iterations::Best)?.into_vec())
    }
}
