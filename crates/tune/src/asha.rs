//! Asynchronous successive halving: which trials go on (Li et al. 2020, "A System for Massively Parallel
//! Hyperparameter Tuning"), in the form in which no trial is paused: one that is not among the best of its rung so
//! far is stopped, as Ray Tune and Optuna do it.

use std::collections::BTreeMap;

use crate::trial::Direction;

/// How trials are thinned out. A resource is a step of the metric, such as an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asha {
    pub direction: Direction,
    /// What each trial gets at least (the paper's r).
    pub min_resource: u64,
    /// What the best ones get (R).
    pub max_resource: u64,
    /// One of so many goes on from each rung (η).
    pub reduction_factor: u64,
    /// The first rung is at `min_resource` times η to the power of this (s): 0 stops the earliest.
    pub early_stopping_rate: u32,
}

/// What is wrong with the constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AshaError {
    #[error("the least resource must be at least 1")]
    NoResource,
    #[error("the reduction factor must be at least 2")]
    Reduction,
    #[error("the first rung at {first} is not below the largest resource, {max}: no trial would be stopped")]
    NoRung { first: u64, max: u64 },
}

/// A value that a trial reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Names the trial, such as by its place among the rows.
    pub trial: u64,
    pub step: i64,
    pub value: f64,
}

/// What is to happen with the trial that reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Continue,
    Stop,
    /// It had the largest resource: it may end, and counts as finished.
    Complete,
}

/// The rungs with what was reported at each. The same reports in the same order lead to the same decisions, so that
/// an interrupted search goes on by reporting all again.
#[derive(Debug, Clone, PartialEq)]
pub struct Rungs {
    direction: Direction,
    max_resource: u64,
    reduction_factor: u64,
    rungs: Vec<Rung>,
    /// Of each trial how many rungs it climbed, or that it was stopped.
    trials: BTreeMap<u64, Standing>,
}

#[derive(Debug, Clone, PartialEq)]
struct Rung {
    resource: u64,
    /// The best first, each with its trial.
    losses: Vec<(f64, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Climbed(usize),
    /// At the rung of this place; at none where its value was not a number.
    Stopped(Option<usize>),
}

impl Asha {
    /// The resources at which trials are compared, rising; at the largest resource nothing is left to decide.
    ///
    /// # Errors
    /// Where the constants leave no rung.
    pub fn rungs(&self) -> Result<Vec<u64>, AshaError> {
        if self.min_resource == 0 {
            return Err(AshaError::NoResource);
        }
        if self.reduction_factor < 2 {
            return Err(AshaError::Reduction);
        }
        let first = self.min_resource.saturating_mul(self.reduction_factor.saturating_pow(self.early_stopping_rate));
        let next = |rung: &u64| rung.checked_mul(self.reduction_factor);
        let rungs: Vec<u64> =
            std::iter::successors(Some(first), next).take_while(|rung| *rung < self.max_resource).collect();
        if rungs.is_empty() { Err(AshaError::NoRung { first, max: self.max_resource }) } else { Ok(rungs) }
    }

    /// The rungs, with nothing reported yet.
    ///
    /// # Errors
    /// Where the constants leave no rung.
    pub fn start(&self) -> Result<Rungs, AshaError> {
        let rungs = self.rungs()?.into_iter().map(|resource| Rung { resource, losses: Vec::new() }).collect();
        Ok(Rungs {
            direction: self.direction,
            max_resource: self.max_resource,
            reduction_factor: self.reduction_factor,
            rungs,
            trials: BTreeMap::new(),
        })
    }
}

impl Rungs {
    /// Takes a report and decides. A trial's first report at or beyond a rung stands for it there; one that was
    /// stopped stays so, and a value that is not a number stops at any step.
    pub fn report(&mut self, report: Report) -> Decision {
        let Standing::Climbed(climbed) = self.trials.get(&report.trial).copied().unwrap_or(Standing::Climbed(0)) else {
            return Decision::Stop;
        };
        let (standing, decision) = self.climb(climbed, report);
        self.trials.insert(report.trial, standing);
        decision
    }

    /// The rung at which a trial was stopped, from 1; `None` of one that was not, or whose value was not a number.
    pub fn stopped_at(&self, trial: u64) -> Option<u64> {
        match self.trials.get(&trial) {
            Some(Standing::Stopped(Some(rung))) => u64::try_from(*rung).ok().map(|rung| rung + 1),
            _ => None,
        }
    }

    /// Takes all back that a trial reported, as of one that was interrupted and begins again as another.
    pub fn forget(&mut self, trial: u64) {
        if self.trials.remove(&trial).is_some() {
            self.rungs.iter_mut().for_each(|rung| rung.losses.retain(|(_, of)| *of != trial));
        }
    }

    fn climb(&mut self, climbed: usize, report: Report) -> (Standing, Decision) {
        if report.value.is_nan() {
            return (Standing::Stopped(None), Decision::Stop);
        }
        let resource = u64::try_from(report.step).unwrap_or(0);
        let loss = self.direction.loss(report.value);
        let mut climbed = climbed;
        while let Some(rung) = self.rungs.get_mut(climbed).filter(|rung| rung.resource <= resource) {
            if !rung.is_among_best(loss, report.trial, self.reduction_factor) {
                return (Standing::Stopped(Some(climbed)), Decision::Stop);
            }
            climbed += 1;
        }
        let decision = if resource >= self.max_resource { Decision::Complete } else { Decision::Continue };
        (Standing::Climbed(climbed), decision)
    }
}

impl Rung {
    /// Takes a loss in, and says whether it is one of the best ⌊n/η⌋ of the n so far; of fewer than η the best one
    /// is. Equal to the last of the best is good enough.
    fn is_among_best(&mut self, loss: f64, trial: u64, reduction_factor: u64) -> bool {
        let at = self.losses.partition_point(|(other, _)| *other <= loss);
        self.losses.insert(at, (loss, trial));
        let best = (self.losses.len() as u64 / reduction_factor).max(1);
        loss <= self.losses[best as usize - 1].0
    }
}
