//! Figures of two classes, measured on the positive one.

use api::evaluation::Figure;

use super::{
    Metric, bootstrap,
    confusion::Tally,
    ranking::{Ranking, Walk},
};

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
        let (called, all) = self.called_and_all(self.ranking.groups_from(threshold), |_| 1);
        tally(&called, &all)
    }

    /// The walk down to the last row that is called positive, and down to the last row.
    fn called_and_all(&self, groups: usize, mut weight: impl FnMut(usize) -> u32) -> (Walk, Walk) {
        let mut walk = Walk::default();
        self.ranking.walk(&mut walk, 0..groups, &mut weight);
        let called = walk;
        self.ranking.walk(&mut walk, groups..self.ranking.ends.len(), &mut weight);
        (called, walk)
    }

    /// All figures in one walk, where `groups` distinct scores are called positive.
    fn values(&self, groups: usize, weight: impl Fn(usize) -> u32) -> [f64; METRICS.len()] {
        let (mut log_loss, mut squared_error) = (0.0, 0.0);
        let (called, all) = self.called_and_all(groups, |rank| {
            let count = weight(rank);
            log_loss += f64::from(count) * self.log_loss[rank];
            squared_error += f64::from(count) * self.squared_error[rank];
            count
        });
        let tally = tally(&called, &all);
        let rows = (all.hits + all.misses) as f64;
        [
            all.average_precision(),
            all.area(),
            tally.f1(1),
            tally.precision(1),
            tally.recall(1),
            tally.balanced_accuracy(),
            tally.accuracy(),
            tally.matthews(),
            log_loss / rows,
            squared_error / rows,
        ]
    }

    /// Every figure of [`METRICS`] at a threshold, without intervals.
    pub fn figures(&self, threshold: f64) -> [f64; METRICS.len()] {
        self.values(self.ranking.groups_from(threshold), |_| 1)
    }

    /// The 95 % interval of every figure of [`METRICS`].
    pub fn intervals(&self, threshold: f64, resamples: usize, seed: u64) -> [Option<(f64, f64)>; METRICS.len()] {
        let groups = self.ranking.groups_from(threshold);
        // Draws are equally likely at every rank, so that ranks are drawn rather than rows.
        bootstrap::intervals(self.log_loss.len(), resamples, seed, |counts| self.values(groups, |rank| counts.of(rank)))
    }
}

fn tally(called: &Walk, all: &Walk) -> Tally {
    Tally::binary(all.misses - called.misses, called.misses, all.hits - called.hits, called.hits)
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
