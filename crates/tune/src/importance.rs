//! Which hyperparameters a metric follows: fANOVA over a random forest (Hutter et al. 2014, "An Efficient Approach
//! for Assessing Hyperparameter Importance"), and Spearman's correlation for the sign.
//!
//! Optuna's `FanovaImportanceEvaluator` takes each hyperparameter as uniform between its bounds. Runs that were not
//! sampled have no bounds, and a learning rate is rarely uniform, so here each is as the runs have it: numbers are
//! sorted into bins of about equally many runs, and a bin weighs its share of them. Logarithms change nothing then.

use std::collections::HashMap;

use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;

mod forest;

/// Runs that are looked at, at most: more change the shares by less than a chart shows.
pub const MOST_ROWS: usize = 4096;

/// Values of one param, one a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// NaN where a run has none.
    Numbers(Vec<f64>),
    /// Numbers of categories; `None` where a run has none.
    Categories(Vec<Option<u32>>),
}

/// What each param means for a metric, the most important first.
#[derive(Debug, Clone, PartialEq)]
pub struct Importances {
    /// How many runs have a finite value of the metric.
    pub rows: usize,
    /// How many of them, chosen at random, were looked at.
    pub rows_used: usize,
    /// How much of the forest's variance the params explain each by itself, together; what is missing to 1 is of
    /// several params in concert.
    pub alone: f64,
    pub params: Vec<Importance>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    pub name: String,
    /// They add up to 1, or are all 0 where the metric or every param is constant.
    pub share: f64,
    /// Spearman's, of the runs that have both; `None` of categories, and where either is constant.
    pub correlation: Option<f64>,
}

impl Column {
    /// Reads params as runs have them: numbers where every one that is there is a number, else categories.
    pub fn of_texts<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let texts: Vec<Option<&str>> = texts.into_iter().collect();
        let number = |text: &Option<&str>| text.map_or(Some(f64::NAN), |text| text.trim().parse().ok());
        if let Some(numbers) = texts.iter().map(number).collect() {
            return Self::Numbers(numbers);
        }
        let mut known = HashMap::new();
        let mut category = |text| {
            let next = known.len() as u32;
            *known.entry(text).or_insert(next)
        };
        Self::Categories(texts.into_iter().map(|text| text.map(&mut category)).collect())
    }

    /// The rows at the indices; a row beyond the column's end has no value.
    fn take(&self, rows: &[usize]) -> Self {
        match self {
            Self::Numbers(numbers) => {
                Self::Numbers(rows.iter().map(|row| numbers.get(*row).copied().unwrap_or(f64::NAN)).collect())
            }
            Self::Categories(categories) => {
                Self::Categories(rows.iter().map(|row| categories.get(*row).copied().flatten()).collect())
            }
        }
    }
}

/// Which of so many rows are looked at: all, or [`MOST_ROWS`] of them by chance, the same of the same seed.
pub fn sample(rows: usize, seed: u64) -> Vec<usize> {
    chosen(rows, &mut ChaCha8Rng::seed_from_u64(seed))
}

fn chosen(rows: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    if rows > MOST_ROWS { index::sample(rng, rows, MOST_ROWS).into_vec() } else { (0..rows).collect() }
}

/// Assesses the params for a metric, NaN where a run has none. The same seed gives the same answer.
pub fn assess(params: &[(String, Column)], metric: &[f64], seed: u64) -> Importances {
    let rows: Vec<usize> = (0..metric.len()).filter(|row| metric[*row].is_finite()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let used: Vec<usize> = chosen(rows.len(), &mut rng).into_iter().map(|at| rows[at]).collect();
    let values: Vec<f64> = used.iter().map(|row| metric[*row]).collect();
    let columns: Vec<Column> = params.iter().map(|(_, column)| column.take(&used)).collect();
    let shares = forest::shares(&columns, &values, &mut rng);
    let alone: f64 = shares.iter().sum();
    let of = |((name, _), (column, share)): (&(String, Column), (&Column, f64))| Importance {
        name: name.clone(),
        share: if alone > 0.0 { share / alone } else { 0.0 },
        correlation: match column {
            Column::Numbers(numbers) => spearman(numbers, &values),
            Column::Categories(_) => None,
        },
    };
    let mut params: Vec<Importance> = params.iter().zip(columns.iter().zip(shares)).map(of).collect();
    params.sort_by(|one, two| two.share.total_cmp(&one.share));
    Importances { rows: rows.len(), rows_used: used.len(), alone, params }
}

/// Spearman's rank correlation of the pairs of which both are numbers; equal values share their mean rank. `None`
/// where either side is constant.
pub fn spearman(one: &[f64], two: &[f64]) -> Option<f64> {
    let (one, two): (Vec<f64>, Vec<f64>) =
        one.iter().zip(two).filter(|(one, two)| !one.is_nan() && !two.is_nan()).unzip();
    let (one, two) = (ranks(&one), ranks(&two));
    let mean = (one.len() as f64 + 1.0) / 2.0;
    let product = |left: &[f64], right: &[f64]| -> f64 {
        left.iter().zip(right).map(|(left, right)| (left - mean) * (right - mean)).sum()
    };
    let spread = (product(&one, &one) * product(&two, &two)).sqrt();
    (spread > 0.0).then(|| (product(&one, &two) / spread).clamp(-1.0, 1.0))
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|one, two| values[*one].total_cmp(&values[*two]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for same in order.chunk_by(|one, two| values[*one] == values[*two]) {
        let rank = before as f64 + (same.len() as f64 + 1.0) / 2.0;
        same.iter().for_each(|at| ranks[*at] = rank);
        before += same.len();
    }
    ranks
}
