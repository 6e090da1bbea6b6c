//! Figures of a number to predict, and its residuals.

use api::{
    dataset::Histogram,
    evaluation::{Figure, Residuals},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Metric, bootstrap};

/// In the order to show.
pub const METRICS: [Metric; 4] =
    [Metric::less("rmse"), Metric::less("mae"), Metric::more("r2"), Metric::less("median_absolute_error")];

/// Points of the residual plot.
const SAMPLE: usize = 2000;
const BINS: usize = 40;

/// Predictions of one part, by rising absolute error.
#[derive(Debug, Clone)]
pub struct Scored {
    /// Rising.
    absolute_error: Vec<f64>,
    /// Actual values less their mean, in the same order: centred, so that sums of squares keep their digits.
    centred: Vec<f64>,
}

impl Scored {
    pub fn new(actual: &[f64], predicted: &[f64]) -> Self {
        let mean = actual.iter().sum::<f64>() / actual.len() as f64;
        let mut rows: Vec<(f64, f64)> = actual
            .iter()
            .zip(predicted)
            .map(|(actual, predicted)| ((actual - predicted).abs(), actual - mean))
            .collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (absolute_error, centred) = rows.into_iter().unzip();
        Self { absolute_error, centred }
    }

    fn values(&self, weight: impl Fn(usize) -> u32) -> [f64; METRICS.len()] {
        let (mut count, mut error, mut squared, mut sum, mut sum_squared) = (0_u64, 0.0, 0.0, 0.0, 0.0);
        for (row, (absolute, centred)) in self.absolute_error.iter().zip(&self.centred).enumerate() {
            let times = weight(row);
            count += u64::from(times);
            let times = f64::from(times);
            error += times * absolute;
            squared += times * absolute * absolute;
            sum += times * centred;
            sum_squared += times * centred * centred;
        }
        let rows = count as f64;
        let spread = sum_squared - sum * sum / rows;
        [(squared / rows).sqrt(), error / rows, r2(count, squared, spread, sum_squared), self.median(count, weight)]
    }

    /// The middle absolute error of `count` weighted rows; the mean of both middles where it is even.
    fn median(&self, count: u64, weight: impl Fn(usize) -> u32) -> f64 {
        let (lower, upper) = ((count - 1) / 2, count / 2);
        let (mut seen, mut low) = (0_u64, None);
        for (row, absolute) in self.absolute_error.iter().enumerate() {
            seen += u64::from(weight(row));
            if seen > lower && low.is_none() {
                low = Some(*absolute);
            }
            if seen > upper {
                return f64::midpoint(low.unwrap_or(*absolute), *absolute);
            }
        }
        f64::NAN
    }

    /// Every figure of [`METRICS`], without intervals.
    pub fn figures(&self) -> [f64; METRICS.len()] {
        self.values(|_| 1)
    }

    /// The 95 % interval of every figure of [`METRICS`].
    pub fn intervals(&self, resamples: usize, seed: u64) -> [Option<(f64, f64)>; METRICS.len()] {
        let rows = self.centred.len();
        bootstrap::intervals(rows, resamples, seed, |counts| self.values(|row| counts.of(row)))
    }
}

/// Every figure of a regression, without intervals or baseline.
pub fn evaluate_regression(actual: &[f64], predicted: &[f64]) -> Vec<Figure> {
    super::report::plain_figures(&METRICS, &Scored::new(actual, predicted).figures())
}

/// As `r2_score`: 1 for a perfect prediction of a constant, 0 for any other, NaN for fewer than two rows.
fn r2(rows: u64, squared_error: f64, spread: f64, scale: f64) -> f64 {
    if rows < 2 {
        f64::NAN
    } else if spread > scale * 1e-15 {
        1.0 - squared_error / spread
    } else if squared_error == 0.0 {
        1.0
    } else {
        0.0
    }
}

/// A seeded sample for the scatter plot, and the histogram of `actual - predicted` over all rows.
pub fn residuals(actual: &[f64], predicted: &[f64], seed: u64) -> Residuals {
    let mut rows: Vec<usize> = if actual.len() <= SAMPLE {
        (0..actual.len()).collect()
    } else {
        rand::seq::index::sample(&mut ChaCha8Rng::seed_from_u64(seed), actual.len(), SAMPLE).into_vec()
    };
    rows.sort_unstable();
    let all: Vec<f64> = actual.iter().zip(predicted).map(|(actual, predicted)| actual - predicted).collect();
    Residuals {
        predicted: rows.iter().map(|row| predicted[*row]).collect(),
        actual: rows.iter().map(|row| actual[*row]).collect(),
        histogram: histogram(&all),
    }
}

fn histogram(values: &[f64]) -> Histogram {
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
    let (low, high) = if high > low { (low, high) } else { (low - 0.5, high + 0.5) };
    let width = (high - low) / BINS as f64;
    let mut counts = vec![0_u64; BINS];
    for value in values {
        counts[(((value - low) / width) as usize).min(BINS - 1)] += 1;
    }
    Histogram { edges: (0..=BINS).map(|edge| low + width * edge as f64).collect(), counts }
}
