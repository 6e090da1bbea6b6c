//! Whether "70 %" happens seven times in ten: mean prediction against share of positives, in bins.

use api::evaluation::CalibrationCurve;

use super::bootstrap::percentile;

/// How the bins are laid; scikit-learn's `calibration_curve(strategy=…)`.
#[derive(Debug, Clone, PartialEq)]
pub enum Bins {
    /// So many of equal width.
    Uniform(usize),
    /// Bins that end at these shares of the rows, ascending, and one above them; tenths are the strategy "quantile" with
    /// ten bins.
    Quantiles(Vec<f64>),
}

impl Bins {
    /// For rare positives, where nearly all rows would share the first of equal bins: each has half of the rows above
    /// the one before, so that the last ones stand where the positives are called. None has fewer rows than `fewest`.
    pub fn halving(rows: usize, fewest: u64) -> Self {
        let above = std::iter::successors(Some(0.5), |share| Some(share / 2.0));
        Self::Quantiles(
            above.take_while(|share| rows as f64 * share >= fewest as f64).map(|share| 1.0 - share).collect(),
        )
    }
}

/// The curve over the bins; empty ones are left out.
pub fn calibration(
    class: &str,
    positive: impl Fn(usize) -> bool,
    probability: &[f64],
    bins: &Bins,
) -> CalibrationCurve {
    let inner: Vec<f64> = match bins {
        Bins::Uniform(bins) => (1..*bins).map(|step| step as f64 / *bins as f64).collect(),
        Bins::Quantiles(shares) => {
            let mut sorted = probability.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            shares.iter().map(|share| percentile(&sorted, *share)).collect()
        }
    };
    let bins = inner.len() + 1;
    let (mut counts, mut hits, mut sums) = (vec![0_u64; bins], vec![0_u64; bins], vec![0.0; bins]);
    for (row, value) in probability.iter().enumerate() {
        let bin = inner.partition_point(|edge| edge < value);
        counts[bin] += 1;
        sums[bin] += value;
        hits[bin] += u64::from(positive(row));
    }
    let mut curve = CalibrationCurve {
        class: class.to_owned(),
        mean_predicted: Vec::new(),
        fraction_positive: Vec::new(),
        counts: Vec::new(),
    };
    for bin in (0..bins).filter(|bin| counts[*bin] > 0) {
        curve.mean_predicted.push(sums[bin] / counts[bin] as f64);
        curve.fraction_positive.push(hits[bin] as f64 / counts[bin] as f64);
        curve.counts.push(counts[bin]);
    }
    curve
}
