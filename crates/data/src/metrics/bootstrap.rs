//! 95 % percentile intervals by resampling rows with replacement.
//!
//! A resample is a count for each row rather than a copy of rows: figures that hang on order then
//! need no second sorting. Draws are not stratified, so that the uncertainty of the class shares is
//! part of the interval.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// About this many rows are walked for all resamples together before their number is cut down.
const WORK_LIMIT: u64 = 4_000_000_000;
/// But never below this many resamples (or what was asked for).
const FEWEST: usize = 100;

/// How many resamples to draw where `rows` rows are each looked at `passes` times.
pub fn affordable(resamples: usize, rows: usize, passes: usize) -> usize {
    let affordable = WORK_LIMIT / ((rows * passes) as u64).max(1);
    resamples.min((affordable as usize).max(FEWEST))
}

/// For each figure, the 2.5 % and 97.5 % percentiles over `resamples` resamples of `rows` rows;
/// `None` where a resample had no finite value, or nothing was asked for. `measure` gets how often
/// each row was drawn.
pub fn intervals<const N: usize>(
    rows: usize,
    resamples: usize,
    seed: u64,
    mut measure: impl FnMut(&[u32]) -> [f64; N],
) -> [Option<(f64, f64)>; N] {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut counts = vec![0_u32; rows];
    let mut values: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(resamples));
    for _ in 0..resamples {
        counts.fill(0);
        for _ in 0..rows {
            // Multiply-shift: its bias is below rows / 2^32.
            let row = (u64::from(random.next_u32()) * rows as u64) >> 32;
            counts[row as usize] += 1;
        }
        for (list, value) in values.iter_mut().zip(measure(&counts)) {
            list.push(value);
        }
    }
    values.map(|mut list| {
        // Resamples in which a figure is undefined (a class was never drawn) are left out, unless
        // there are so many of them that what remains says little.
        list.retain(|value| value.is_finite());
        if list.is_empty() || list.len() * 10 < resamples * 9 {
            return None;
        }
        list.sort_unstable_by(f64::total_cmp);
        Some((percentile(&list, 0.025), percentile(&list, 0.975)))
    })
}

/// The `share` quantile of sorted values by linear interpolation, as `numpy.percentile`.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    below + (above - below) * position.fract()
}
