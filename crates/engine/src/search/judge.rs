//! Which running trials are stopped early: the rungs of each search with all that was reported to them.
//!
//! They are kept in memory and rebuilt from the points of its runs, in the order of their time.

use std::collections::{BTreeSet, HashMap, HashSet};

use api::{
    RunId,
    search::{Direction, Search, TrialOutcome},
    series::Point,
};
use store::Connection;
use tune::asha::{Decision, Report, Rungs};

use super::space;

/// Points that one look reads of one trial.
const POINTS: u64 = 10_000;

#[derive(Debug)]
pub(super) struct Judge {
    rungs: Rungs,
    /// How many points of each trial were reported.
    reported: HashMap<u64, u64>,
    /// Trials that are over, with nothing left to report.
    settled: HashSet<u64>,
    /// Trials that this host asked to stop: a program that is asked twice is ended.
    asked: HashSet<u64>,
}

impl Judge {
    /// `None` where nothing is stopped early.
    pub(super) fn of(search: &Search, direction: Direction) -> Option<Self> {
        let rungs = space::asha(&search.config, direction)?.start().ok()?;
        Some(Self { rungs, reported: HashMap::new(), settled: HashSet::new(), asked: HashSet::new() })
    }

    /// The running trials that are to be stopped, by what their runs logged since the last look.
    pub(super) fn look(&mut self, connection: &Connection, search: &Search, key: &str) -> store::Result<BTreeSet<u64>> {
        let mut new: Vec<(u64, Point)> = Vec::new();
        for trial in &search.trials {
            let is_over = trial.outcome != TrialOutcome::Running;
            if is_over && self.settled.contains(&trial.number) {
                continue;
            }
            let points = self.unreported(connection, trial.number, trial.run, key)?;
            if is_over && points.is_empty() {
                self.settled.insert(trial.number);
            }
            new.extend(points);
        }
        new.sort_by_key(|(trial, point)| (point.time_ms, *trial, point.step));
        let mut stopped = BTreeSet::new();
        for (trial, Point { step, value, .. }) in new {
            if self.rungs.report(Report { trial, step, value }) == Decision::Stop {
                stopped.insert(trial);
            }
        }
        let runs = |number: &u64| {
            search.trials.iter().any(|trial| trial.number == *number && trial.outcome == TrialOutcome::Running)
        };
        stopped.retain(runs);
        Ok(stopped)
    }

    /// Whether a trial that is to be stopped was not asked yet, as after another host's end; now it is.
    pub(super) fn asks(&mut self, trial: u64) -> bool {
        self.asked.insert(trial)
    }

    fn unreported(
        &mut self,
        connection: &Connection,
        trial: u64,
        run: RunId,
        key: &str,
    ) -> store::Result<Vec<(u64, Point)>> {
        let reported = self.reported.entry(trial).or_default();
        let Some(row) = store::run::bare(connection, run)? else { return Ok(Vec::new()) };
        let run = store::run::with_series(connection, run, row.run.created_ms, key)?;
        let series = run.map(|run| store::metric::find(connection, run, key)).transpose()?.flatten();
        let Some((series, count)) = series else { return Ok(Vec::new()) };
        if count <= *reported {
            return Ok(Vec::new());
        }
        let points = store::points::raw_points(connection, series, *reported, POINTS)?;
        *reported += points.len() as u64;
        Ok(points.into_iter().map(|point| (trial, point)).collect())
    }
}
