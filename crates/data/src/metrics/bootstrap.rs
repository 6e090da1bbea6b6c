//! 95 % percentile intervals by resampling rows with replacement.
//!
//! A resample is a count for each row rather than a copy of rows: figures that hang on order then
//! need no second sorting. Draws are not stratified, so that the uncertainty of the class shares is
//! part of the interval. Resamples share the threads of the process's pool.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// About this many rows are walked for all resamples together before their number is cut down.
const WORK_LIMIT: u64 = 4_000_000_000;
/// More resamples than these move an interval by less than it is read to.
const MOST: usize = 10_000;
/// But never below this many resamples (or what was asked for).
const FEWEST: usize = 100;

/// How many resamples to draw where `rows` rows are each looked at `passes` times.
pub fn affordable(resamples: usize, rows: usize, passes: usize) -> usize {
    let affordable = WORK_LIMIT / ((rows * passes) as u64).max(1);
    resamples.min((affordable as usize).clamp(FEWEST, MOST))
}

/// For each figure, the 2.5 % and 97.5 % percentiles over `resamples` resamples of `rows` rows;
/// `None` where a resample had no finite value, or nothing was asked for. `measure` gets how often
/// each row was drawn.
///
/// Each resample has a stream of random numbers of its own, so that the result hangs on the seed
/// alone, not on how many threads share the work.
pub fn intervals<const N: usize>(
    rows: usize,
    resamples: usize,
    seed: u64,
    measure: impl Fn(&Counts) -> [f64; N] + Sync,
) -> [Option<(f64, f64)>; N] {
    let one = |counts: &mut Counts, resample: usize| {
        counts.draw(seed, resample as u64);
        measure(counts)
    };
    let values: Vec<[f64; N]> = (0..resamples)
        .into_par_iter()
        .map_init(|| Counts::new(rows), |counts, resample| one(counts, resample))
        .collect();
    std::array::from_fn(|figure| {
        // Resamples in which a figure is undefined (a class was never drawn) are left out, unless
        // there are so many of them that what remains says little.
        let mut list: Vec<f64> = values.iter().map(|values| values[figure]).filter(|value| value.is_finite()).collect();
        if list.is_empty() || list.len() * 10 < resamples * 9 {
            return None;
        }
        list.sort_unstable_by(f64::total_cmp);
        Some((percentile(&list, 0.025), percentile(&list, 0.975)))
    })
}

/// How often a resample drew each row.
///
/// A byte each: the counts of 100,000 rows then stay in the nearest caches while they are drawn in
/// random order. A row that is drawn over 255 times would keep 255, which happens less often than
/// once in 10^500 resamples.
#[derive(Debug)]
pub struct Counts(Vec<u8>);

impl Counts {
    fn new(rows: usize) -> Self {
        Self(vec![0; rows])
    }

    /// Draws as many rows as there are, with replacement.
    fn draw(&mut self, seed: u64, stream: u64) {
        const AT_ONCE: usize = 1024;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        let rows = self.0.len() as u64;
        self.0.fill(0);
        let mut bytes = [0_u8; AT_ONCE * 4];
        let mut left = self.0.len();
        while left > 0 {
            let draws = left.min(AT_ONCE);
            random.fill_bytes(&mut bytes[..draws * 4]);
            for draw in bytes[..draws * 4].chunks_exact(4) {
                let draw = u32::from_le_bytes([draw[0], draw[1], draw[2], draw[3]]);
                // Multiply-shift: its bias is below rows / 2^32.
                let row = ((u64::from(draw) * rows) >> 32) as usize;
                self.0[row] = self.0[row].saturating_add(1);
            }
            left -= draws;
        }
    }

    /// Of a row, by its place.
    #[inline]
    pub fn of(&self, row: usize) -> u32 {
        u32::from(self.0[row])
    }
}

/// The `share` quantile of sorted values by linear interpolation, as `numpy.percentile`.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    let width = above - below;
    let share = position.fract();
    if width.is_finite() { below + width * share } else { below * (1.0 - share) + above * share }
}
