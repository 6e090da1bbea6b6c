//! The tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization"), each
//! hyperparameter by itself, as Optuna's `TPESampler(multivariate=False)`.
//!
//! Of pruned trials the one that came farther is the better; a failed one says nothing; a running one counts as bad
//! ("constant liar"), so that workers side by side don't all try the same place.

use std::cmp::Ordering;

use crate::{
    parzen::Parzen,
    random,
    space::{Domain, Space},
    trial::{Direction, Outcome, Row, Trial, Value},
};

/// Constants of the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tpe {
    pub direction: Direction,
    /// So many trials are at random before the first that learns from them; running and failed ones don't count.
    pub startup_trials: usize,
    /// How many values are drawn from the good ones' density, the most promising of which is tried.
    pub candidates: usize,
}

impl Tpe {
    /// Optuna's defaults.
    pub fn new(direction: Direction) -> Self {
        Self { direction, startup_trials: 10, candidates: 24 }
    }

    /// The next trial.
    pub fn next(&self, space: &Space, seed: u64, rows: &[Row]) -> Trial {
        if observed(rows) < self.startup_trials {
            return random::next(space, seed, rows);
        }
        let (good, bad) = self.split(rows, good_count(observed(rows)));
        let mut rng = random::rng(seed, rows.len());
        let mut suggest = |name: &str, domain: &Domain| -> Value {
            if domain.is_single() {
                return random::value(domain, &mut rng);
            }
            let coordinates = |part: &[usize]| -> Vec<f64> {
                part.iter().filter_map(|&index| domain.coordinate(rows[index].trial.get(name)?)).collect()
            };
            let (good, bad) = (Parzen::new(domain, &coordinates(&good)), Parzen::new(domain, &coordinates(&bad)));
            let mut best = (f64::NEG_INFINITY, good.sample(&mut rng));
            for candidate in 0..self.candidates.max(1) {
                let at = if candidate == 0 { best.1 } else { good.sample(&mut rng) };
                let gain = good.log_pdf(at) - bad.log_pdf(at);
                if gain > best.0 {
                    best = (gain, at);
                }
            }
            domain.value(best.1)
        };
        space.iter().map(|(name, domain)| (name.clone(), suggest(name, domain))).collect()
    }

    /// Indices of the good rows and of the others, oldest first: the best finished ones are good, and where those
    /// don't suffice, the best of the pruned ones. Failed rows are in neither.
    pub fn split(&self, rows: &[Row], good_count: usize) -> (Vec<usize>, Vec<usize>) {
        let mut ranked: Vec<(usize, Rank)> = rows.iter().map(|row| self.rank(row.outcome)).enumerate().collect();
        ranked.retain(|(_, rank)| *rank != Rank::Nothing);
        // Stable: of equals the older is the better.
        ranked.sort_by(|(_, one), (_, two)| one.compare(two));
        let is_good = |at: usize, rank: Rank| at < good_count && rank != Rank::Running;
        let part = |wanted: bool| {
            let mut part: Vec<usize> = ranked
                .iter()
                .enumerate()
                .filter(|(at, (_, rank))| is_good(*at, *rank) == wanted)
                .map(|(_, (index, _))| *index)
                .collect();
            part.sort_unstable();
            part
        };
        (part(true), part(false))
    }

    fn rank(&self, outcome: Outcome) -> Rank {
        match outcome {
            Outcome::Finished(value) if value.is_nan() => Rank::Nothing,
            Outcome::Finished(value) => Rank::Finished(self.direction.loss(value)),
            Outcome::Pruned(Some((step, value))) if value.is_nan() => Rank::Pruned(step, f64::INFINITY),
            Outcome::Pruned(Some((step, value))) => Rank::Pruned(step, self.direction.loss(value)),
            Outcome::Pruned(None) => Rank::PrunedAtOnce,
            Outcome::Running => Rank::Running,
            Outcome::Failed => Rank::Nothing,
        }
    }
}

/// How good a trial is: the first is the best.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rank {
    /// The loss.
    Finished(f64),
    /// The step and its loss.
    Pruned(i64, f64),
    PrunedAtOnce,
    Running,
    Nothing,
}

impl Rank {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Finished(one), Self::Finished(two)) => one.total_cmp(two),
            (Self::Pruned(one_step, one), Self::Pruned(two_step, two)) => {
                two_step.cmp(one_step).then(one.total_cmp(two))
            }
            _ => self.class().cmp(&other.class()),
        }
    }

    const fn class(self) -> u8 {
        match self {
            Self::Finished(_) => 0,
            Self::Pruned(..) => 1,
            Self::PrunedAtOnce => 2,
            Self::Running => 3,
            Self::Nothing => 4,
        }
    }
}

fn observed(rows: &[Row]) -> usize {
    let is_observed = |row: &&Row| match row.outcome {
        Outcome::Finished(value) => !value.is_nan(),
        Outcome::Pruned(_) => true,
        Outcome::Running | Outcome::Failed => false,
    };
    rows.iter().filter(is_observed).count()
}

/// Optuna's `default_gamma`: how many of so many trials are the good ones.
fn good_count(observed: usize) -> usize {
    observed.div_ceil(10).min(25)
}
