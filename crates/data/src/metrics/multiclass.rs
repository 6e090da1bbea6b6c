//! Figures of three and more classes: macro averages, each class against the rest.

use api::evaluation::{Figure, class_of};

use super::{Metric, bootstrap, confusion::Tally, ranking::Ranking};

/// In the order to show; names of scikit-learn's scorers.
pub const METRICS: [Metric; 10] = [
    Metric::more("accuracy"),
    Metric::more("balanced_accuracy"),
    Metric::more("f1_macro"),
    Metric::more("precision_macro"),
    Metric::more("recall_macro"),
    Metric::more("roc_auc_ovr"),
    Metric::more("average_precision_macro"),
    Metric::more("matthews_corrcoef"),
    Metric::less("log_loss"),
    Metric::less("brier_score"),
];

/// Predictions of one part: each class's ranking, and what each row costs.
#[derive(Debug, Clone)]
pub struct Scored<'a> {
    classes: usize,
    actual: &'a [u32],
    probability: &'a [f64],
    log_loss: Vec<f64>,
    squared_error: Vec<f64>,
    /// One a class, against the rest.
    pub rankings: Vec<Ranking>,
}

impl<'a> Scored<'a> {
    /// `probability` has `classes` values a row.
    pub fn new(actual: &'a [u32], probability: &'a [f64], classes: usize) -> Self {
        let rows = probability.chunks_exact(classes);
        let log_loss = rows
            .clone()
            .zip(actual)
            .map(|(row, class)| -row[*class as usize].clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln())
            .collect();
        let squared_error = rows
            .zip(actual)
            .map(|(row, actual)| {
                row.iter()
                    .enumerate()
                    .map(|(class, p)| (p - f64::from(u8::from(class == *actual as usize))).powi(2))
                    .sum()
            })
            .collect();
        let rankings = (0..classes)
            .map(|class| {
                Ranking::new(
                    actual.len(),
                    |row| actual[row] as usize == class,
                    |row| probability[row * classes + class],
                )
            })
            .collect();
        Self { classes, actual, probability, log_loss, squared_error, rankings }
    }

    /// Counts where classes are called by factors; without factors the most probable is.
    pub fn tally(&self, factors: &[f64]) -> Tally {
        self.weighted_tally(&self.called(factors), |_| 1)
    }

    fn called(&self, factors: &[f64]) -> Vec<u32> {
        self.probability.chunks_exact(self.classes).map(|row| class_of(row, factors) as u32).collect()
    }

    fn weighted_tally(&self, called: &[u32], weight: impl Fn(usize) -> u32) -> Tally {
        let mut tally = Tally::new(self.classes);
        for (row, (actual, predicted)) in self.actual.iter().zip(called).enumerate() {
            tally.add(*actual as usize, *predicted as usize, u64::from(weight(row)));
        }
        tally
    }

    /// The classes without a row, against which no ranking can be measured.
    pub fn absent(&self) -> Vec<usize> {
        (0..self.classes).filter(|class| self.rankings[*class].positives() == 0).collect()
    }

    fn values(&self, called: &[u32], weight: impl Fn(usize) -> u32 + Copy) -> [f64; METRICS.len()] {
        let tally = self.weighted_tally(called, weight);
        let averages = tally.macro_average();
        let (mut area_sum, mut precision_sum, mut measured) = (0.0, 0.0, 0.0);
        for ranking in &self.rankings {
            let (area, precision) = ranking.areas(|rank| weight(ranking.order[rank] as usize));
            // A class that doesn't occur has no area; the mean is over those that do.
            if area.is_finite() {
                area_sum += area;
                precision_sum += precision;
                measured += 1.0;
            }
        }
        let (mut log_loss, mut squared_error, mut rows) = (0.0, 0.0, 0_u64);
        for row in 0..self.actual.len() {
            let count = weight(row);
            rows += u64::from(count);
            log_loss += f64::from(count) * self.log_loss[row];
            squared_error += f64::from(count) * self.squared_error[row];
        }
        [
            tally.accuracy(),
            tally.balanced_accuracy(),
            averages.f1,
            averages.precision,
            averages.recall,
            area_sum / measured,
            precision_sum / measured,
            tally.matthews(),
            log_loss / rows as f64,
            squared_error / rows as f64,
        ]
    }

    /// Every figure of [`METRICS`] where classes are called by factors, without intervals.
    pub fn figures(&self, factors: &[f64]) -> [f64; METRICS.len()] {
        self.values(&self.called(factors), |_| 1)
    }

    /// The 95 % interval of every figure of [`METRICS`].
    pub fn intervals(&self, factors: &[f64], resamples: usize, seed: u64) -> [Option<(f64, f64)>; METRICS.len()] {
        let (rows, called) = (self.actual.len(), self.called(factors));
        let resamples = bootstrap::affordable(resamples, rows, self.classes + 2);
        bootstrap::intervals(rows, resamples, seed, |counts| self.values(&called, |row| counts.of(row)))
    }
}

/// Every figure of a multiclass task by the most probable class, without intervals or baseline.
pub fn evaluate_multiclass(actual: &[u32], probability: &[f64], classes: usize) -> Vec<Figure> {
    super::report::plain_figures(&METRICS, &Scored::new(actual, probability, classes).figures(&[]))
}
