//! The Parzen estimator of one hyperparameter: a density made of one kernel per observation and a broad one, the
//! prior, as in Optuna's `_ParzenEstimator` (prior weight 1, magic clip, no endpoints) after Bergstra et al. 2011,
//! "Algorithms for Hyper-Parameter Optimization".

use std::f64::consts::{PI, SQRT_2};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use statrs::function::erf::{erf, erfc, erfc_inv};

use crate::{
    random::Bounds,
    space::{Domain, Range},
};

const PRIOR_WEIGHT: f64 = 1.0;
/// So many newest observations weigh fully; older ones weigh less the older they are.
const FULL_WEIGHTS: usize = 25;

/// A mixture of kernels; the last one is the prior. Its arguments are coordinates ([`Domain::coordinate`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Parzen {
    /// They add up to 1.
    pub weights: Vec<f64>,
    pub kernels: Kernels,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kernels {
    /// Normal distributions cut off at the range's bounds; of a log range over logarithms.
    Normal { means: Vec<f64>, sigmas: Vec<f64>, range: Range },
    /// Probabilities of the categories, a row a kernel.
    Categories(Vec<Vec<f64>>),
}

impl Parzen {
    /// Estimates from coordinates, oldest first.
    pub fn new(domain: &Domain, observations: &[f64]) -> Self {
        let mut weights = ramp(observations.len());
        weights.push(PRIOR_WEIGHT);
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let kernels = match domain {
            Domain::Values(values) => categories(values.len(), observations),
            Domain::Range(range) => normals(range, observations),
        };
        Self { weights, kernels }
    }

    /// The logarithm of the density at a coordinate; of a range with strides, of the probability.
    pub fn log_pdf(&self, at: f64) -> f64 {
        let logs: Vec<f64> =
            self.weights.iter().enumerate().map(|(kernel, weight)| weight.ln() + self.log_kernel(kernel, at)).collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if most == f64::NEG_INFINITY {
            return most;
        }
        logs.iter().map(|log| (log - most).exp()).sum::<f64>().ln() + most
    }

    /// Draws a coordinate.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> f64 {
        let kernel = pick(&self.weights, rng.random());
        let uniform: f64 = rng.random();
        match &self.kernels {
            Kernels::Categories(rows) => pick(&rows[kernel], uniform) as f64,
            Kernels::Normal { means, sigmas, range } => {
                let Bounds { low, high } = Bounds::of(range);
                let (mean, sigma) = (means[kernel], sigmas[kernel]);
                // Means lie within the bounds, so that neither end of the interval is far in a tail.
                let (from, to) = (normal_cdf((low - mean) / sigma), normal_cdf((high - mean) / sigma));
                let drawn = mean - SQRT_2 * sigma * erfc_inv(2.0 * (from + (to - from) * uniform));
                let drawn = drawn.clamp(low, high);
                let value = range.value(if range.log { drawn.exp() } else { drawn });
                value.number().unwrap_or(range.min)
            }
        }
    }

    fn log_kernel(&self, kernel: usize, at: f64) -> f64 {
        match &self.kernels {
            Kernels::Categories(rows) => rows[kernel].get(at as usize).map_or(f64::NEG_INFINITY, |share| share.ln()),
            Kernels::Normal { means, sigmas, range } => {
                let Bounds { low, high } = Bounds::of(range);
                let scaled = |place: f64| (place - means[kernel]) / sigmas[kernel];
                let place = |number: f64| scaled(if range.log { number.ln() } else { number });
                let whole = log_mass(scaled(low), scaled(high));
                if let Some(stride) = range.stride() {
                    return log_mass(place(at - stride / 2.0), place(at + stride / 2.0)) - whole;
                }
                if !(range.min..=range.max).contains(&at) {
                    return f64::NEG_INFINITY;
                }
                -place(at).powi(2) / 2.0 - (2.0 * PI).sqrt().ln() - sigmas[kernel].ln() - whole
            }
        }
    }
}

/// Weights of observations, oldest first.
fn ramp(count: usize) -> Vec<f64> {
    let older = count.saturating_sub(FULL_WEIGHTS);
    let first = 1.0 / count as f64;
    let step = (1.0 - first) / (older.max(2) - 1) as f64;
    (0..count).map(|at| if at < older { first + step * at as f64 } else { 1.0 }).collect()
}

fn categories(choices: usize, observations: &[f64]) -> Kernels {
    let kernels = observations.len() + 1;
    let prior = vec![1.0 / choices as f64; choices];
    let each = PRIOR_WEIGHT / kernels as f64;
    let sum = 1.0 + each * choices as f64;
    let row = |observed: &f64| {
        let share = |choice| if choice == *observed as usize { each + 1.0 } else { each };
        (0..choices).map(|choice| share(choice) / sum).collect()
    };
    Kernels::Categories(observations.iter().map(row).chain([prior]).collect())
}

fn normals(range: &Range, observations: &[f64]) -> Kernels {
    let Bounds { low, high } = Bounds::of(range);
    let width = high - low;
    let mut means: Vec<f64> = observations.iter().map(|number| if range.log { number.ln() } else { *number }).collect();
    let mut order: Vec<usize> = (0..means.len()).collect();
    order.sort_by(|one, two| means[*one].total_cmp(&means[*two]));
    // The magic clip: no kernel is narrower than this.
    let narrowest = width / (means.len() as f64 + 2.0).min(100.0);
    let mut sigmas = vec![width; means.len() + 1];
    for (at, &index) in order.iter().enumerate() {
        let below = at.checked_sub(1).map(|before| means[index] - means[order[before]]);
        let above = order.get(at + 1).map(|after| means[*after] - means[index]);
        // To the farther neighbour; the bounds are neighbours only of a single observation.
        let sigma = match (below, above) {
            (Some(below), Some(above)) => below.max(above),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => (means[index] - low).max(high - means[index]),
        };
        sigmas[index] = sigma.clamp(narrowest, width);
    }
    means.push(0.5 * (low + high));
    Kernels::Normal { means, sigmas, range: *range }
}

/// The first index up to which the shares add up to more than `uniform`.
fn pick(shares: &[f64], uniform: f64) -> usize {
    let mut sum = 0.0;
    let over = |share: &f64| {
        sum += share;
        sum > uniform
    };
    shares.iter().position(over).unwrap_or(shares.len() - 1)
}

fn normal_cdf(at: f64) -> f64 {
    0.5 * erfc(-at / SQRT_2)
}

/// log Φ(at) for `at` ≤ 0; far out by the asymptotic series, as scipy does, since Φ itself is 0 there.
fn log_normal_cdf(at: f64) -> f64 {
    if at > -20.0 {
        return normal_cdf(at).ln();
    }
    let (mut sum, mut term) = (1.0, 1.0);
    for index in 1..=20 {
        term *= -f64::from(2 * index - 1) / (at * at);
        sum += term;
        if term.abs() < f64::EPSILON {
            break;
        }
    }
    -0.5 * at * at - (-at).ln() - 0.5 * (2.0 * PI).ln() + f64::ln(sum)
}

/// log(Φ(to) − Φ(from)), as scipy's `_log_gauss_mass`: in the left tail, where differences are exact.
fn log_mass(from: f64, to: f64) -> f64 {
    if to <= 0.0 {
        let (log_to, log_from) = (log_normal_cdf(to), log_normal_cdf(from));
        log_to + (-(log_from - log_to).exp()).ln_1p()
    } else if from > 0.0 {
        log_mass(-to, -from)
    } else {
        // Both halves are positive: nothing cancels.
        (0.5 * (erf(to / SQRT_2) + erf(-from / SQRT_2))).ln()
    }
}
