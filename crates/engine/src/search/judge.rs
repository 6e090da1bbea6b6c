//! Which running trials are stopped early: the rungs of each search with all that was reported to them.
//!
//! They are kept in memory and rebuilt from the points of its runs, in the order of their time.

use std::collections::{BTreeSet, HashMap};

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
}

impl Judge {
    /// `None` where nothing is stopped early.
    pub(super) fn of(search: &Search, direction: Direction) -> Option<Self> {
        let rungs = space::asha(&search.config, direction)?.start().ok()?;
        Some(Self { rungs, reported: HashMap::new() })
    }

    /// The running trials that are to be stopped, by what their runs logged since the last look.
    pub(super) fn look(&mut self, connection: &Connection, search: &Search, key: &str) -> store::Result<BTreeSet<u64>> {
        let mut new: Vec<(u64, Point)> = Vec::new();
        for trial in &search.trials {
            new.extend(self.unreported(connection, trial.number, trial.run, key)?);
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
