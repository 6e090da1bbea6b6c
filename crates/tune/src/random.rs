//! Values at random, each hyperparameter by itself.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    space::{Domain, Range, Space},
    trial::{Row, Trial, Value},
};

/// The next trial.
pub fn next(space: &Space, seed: u64, rows: &[Row]) -> Trial {
    let mut rng = rng(seed, rows.len());
    space.iter().map(|(name, domain)| (name.clone(), value(domain, &mut rng))).collect()
}

/// Random numbers of the trial after so many: each trial has a stream of its own, so that the numbers of one don't
/// follow from how many another drew.
pub(crate) fn rng(seed: u64, trials: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(trials as u64);
    rng
}

pub(crate) fn value(domain: &Domain, rng: &mut ChaCha8Rng) -> Value {
    match domain {
        Domain::Values(values) => values[rng.random_range(0..values.len())].clone(),
        Domain::Range(range) => {
            let Bounds { low, high } = Bounds::of(range);
            let number = low + (high - low) * rng.random::<f64>();
            range.value(if range.log { number.exp() } else { number })
        }
    }
}

/// The interval that is drawn from: of a log range the logarithms; of one with strides half a stride wider on both
/// sides, so that the first and last values are as likely as the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Bounds {
    pub(crate) fn of(range: &Range) -> Self {
        let half = range.stride().unwrap_or(0.0) / 2.0;
        let (low, high) = (range.min - half, range.last() + half);
        if range.log { Self { low: low.ln(), high: high.ln() } } else { Self { low, high } }
    }
}
