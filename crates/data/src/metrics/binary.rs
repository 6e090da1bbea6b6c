//! Figures of two classes, measured on the positive one.

use api::evaluation::Figure;

use super::{Metric, bootstrap, confusion::Tally, ranking::Ranking};

/// In the order to show.
pub const METRICS: [Metric; 10] = [
    Metric::more("average_precision"),
    Metric::more("roc_auc"),
    Metric::more("f1"),
    Metric::more("precision"),
    Metric::more("recall"),
    Metric::more("balanced_accuracy"),
    Metric::more("accuracy"),
    Metric::more("matthews_corrcoef"),
    Metric::less("log_loss"),
    Metric::less("brier_score"),
];

/// Predictions of one part, sorted, with what each row costs.
#[derive(Debug, Clone)]
pub struct Scored {
    pub ranking: Ranking,
    /// By rank.
    log_loss: Vec<f64>,
    /// By rank.
    squared_error: Vec<f64>,
}

impl Scored {
    /// `actual` is 1 for the positive class.
    pub fn new(actual: &[u32], probability: &[f64]) -> Self {
        let ranking = Ranking::new(actual.len(), |row| actual[row] == 1, |row| probability[row]);
        let of_rank = |cost: fn(bool, f64) -> f64| {
            ranking.order.iter().map(|row| cost(actual[*row as usize] == 1, probability[*row as usize])).collect()
        };
        let (log_loss, squared_error) = (of_rank(row_log_loss), of_rank(row_squared_error));
        Self { ranking, log_loss, squared_error }
    }

    /// Counts at a threshold: a row is called positive if its probability is at least that.
    pub fn tally(&self, threshold: f64) -> Tally {
        self.weighted_tally(self.ranking.ranks_from(threshold), |_| 1)
    }

    fn weighted_tally(&self, cutoff: usize, weight: impl Fn(usize) -> u32) -> Tally {
        let mut counts = [[0_u64; 2]; 2];
        for (called, ranks) in [(1, 0..cutoff), (0, cutoff..self.ranking.positive.len())] {
            for rank in ranks {
                counts[usize::from(self.ranking.positive[rank])][called] += u64::from(weight(rank));
            }
        }
        Tally::binary(counts[0][0], counts[0][1], counts[1][0], counts[1][1])
    }

    fn values(&self, cutoff: usize, weight: impl Fn(usize) -> u32 + Copy) -> [f64; METRICS.len()] {
        let (roc_auc, average_precision) = self.ranking.areas(weight);
        let tally = self.weighted_tally(cutoff, weight);
        let (mut log_loss, mut squared_error, mut rows) = (0.0, 0.0, 0_u64);
        for rank in 0..self.log_loss.len() {
            let count = weight(rank);
            rows += u64::from(count);
            log_loss += f64::from(count) * self.log_loss[rank];
            squared_error += f64::from(count) * self.squared_error[rank];
        }
        [
            average_precision,
            roc_auc,
            tally.f1(1),
            tally.precision(1),
            tally.recall(1),
            tally.balanced_accuracy(),
            tally.accuracy(),
            tally.matthews(),
            log_loss / rows as f64,
            squared_error / rows as f64,
        ]
    }

    /// Every figure of [`METRICS`] at a threshold, without intervals.
    pub fn figures(&self, threshold: f64) -> [f64; METRICS.len()] {
        self.values(self.ranking.ranks_from(threshold), |_| 1)
    }

    /// The 95 % interval of every figure of [`METRICS`].
    pub fn intervals(&self, threshold: f64, resamples: usize, seed: u64) -> [Option<(f64, f64)>; METRICS.len()] {
        let cutoff = self.ranking.ranks_from(threshold);
        // Draws are equally likely at every rank, so that ranks are drawn rather than rows.
        bootstrap::intervals(self.log_loss.len(), resamples, seed, |counts| self.values(cutoff, |rank| counts[rank]))
    }
}

/// Every figure of a binary task at a threshold, without intervals or baseline.
pub fn evaluate_binary(actual: &[u32], probability: &[f64], threshold: f64) -> Vec<Figure> {
    super::report::plain_figures(&METRICS, &Scored::new(actual, probability).figures(threshold))
}

/// Clipped as scikit-learn's `log_loss`.
fn row_log_loss(positive: bool, probability: f64) -> f64 {
    let probability = probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    -(if positive { probability } else { 1.0 - probability }).ln()
}

fn row_squared_error(positive: bool, probability: f64) -> f64 {
    (probability - f64::from(u8::from(positive))).powi(2)
}
