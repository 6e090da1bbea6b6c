//! Whether "70 %" happens seven times in ten: mean prediction against share of positives, in bins.

use api::evaluation::CalibrationCurve;

use super::bootstrap::percentile;

/// How the bins are laid; scikit-learn's `calibration_curve(strategy=…)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bins {
    Uniform,
    /// Equal numbers of rows: for rare positives, where nearly all rows would share the first bin.
    Quantile,
}

/// The curve over at most `bins` bins; empty ones are left out.
pub fn calibration(
    class: &str,
    positive: impl Fn(usize) -> bool,
    probability: &[f64],
    bins: usize,
    strategy: Bins,
) -> CalibrationCurve {
    let steps = (0..=bins).map(|step| step as f64 / bins as f64);
    let edges: Vec<f64> = match strategy {
        Bins::Uniform => steps.collect(),
        Bins::Quantile => {
            let mut sorted = probability.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            steps.map(|share| percentile(&sorted, share)).collect()
        }
    };
    let inner = &edges[1..bins];
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
