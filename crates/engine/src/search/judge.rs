//! Which running trials are stopped early: the rungs of each search with all that was reported to them.
//!
//! They are kept in memory and rebuilt from the points of its runs, in the order of their time.

use std::collections::{BTreeMap, HashMap, HashSet};

use api::{
    RunId,
    search::{Direction, EarlyStopping, Search, TrialOutcome},
    series::Point,
};
use store::Connection;
use tune::asha::{Decision, Report, Rungs};

use super::space;
use crate::Engine;

/// Points that one look reads of one trial.
const POINTS: u64 = 10_000;
/// Finished trials that are looked at for whether any told its value while it went.
const LOOKED_AT: usize = 20;

#[derive(Debug)]
pub(super) struct Judge {
    rungs: Rungs,
    /// Of each run its trial, and how many points were reported: a trial's series may go on in a newer run below it.
    reported: HashMap<RunId, (u64, u64)>,
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

    /// The running trials that are to be stopped, by what their runs logged since the last look, each with the rung that
    /// it did not climb; none where its value was not a number.
    pub(super) fn look(
        &mut self,
        connection: &Connection,
        search: &Search,
        key: &str,
    ) -> store::Result<BTreeMap<u64, Option<u64>>> {
        let mut new: Vec<(u64, Point)> = Vec::new();
        for trial in &search.trials {
            if trial.outcome == TrialOutcome::Interrupted {
                self.forget(trial.number);
                continue;
            }
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
        let mut stopped = BTreeMap::new();
        for (trial, Point { step, value, .. }) in new {
            if self.rungs.report(Report { trial, step, value }) == Decision::Stop {
                stopped.insert(trial, self.rungs.stopped_at(trial));
            }
        }
        let runs = |number: &u64| {
            search.trials.iter().any(|trial| trial.number == *number && trial.outcome == TrialOutcome::Running)
        };
        stopped.retain(|number, _| runs(number));
        Ok(stopped)
    }

    /// Whether a trial that is to be stopped was not asked yet, as after another host's end; now it is.
    pub(super) fn asks(&mut self, trial: u64) -> bool {
        self.asked.insert(trial)
    }

    /// An interrupted trial is judged once it goes on, by all its points; as another it is judged by that one's.
    fn forget(&mut self, trial: u64) {
        self.rungs.forget(trial);
        self.reported.retain(|_, (of, _)| *of != trial);
        self.settled.remove(&trial);
        self.asked.remove(&trial);
    }

    fn unreported(
        &mut self,
        connection: &Connection,
        trial: u64,
        run: RunId,
        key: &str,
    ) -> store::Result<Vec<(u64, Point)>> {
        let Some(row) = store::run::bare(connection, run)? else { return Ok(Vec::new()) };
        let Some(run) = store::run::with_series(connection, run, row.run.created_ms, key)? else {
            return Ok(Vec::new());
        };
        let Some((series, count)) = store::metric::find(connection, run, key)? else { return Ok(Vec::new()) };
        let (_, reported) = self.reported.entry(run).or_insert((trial, 0));
        if count <= *reported {
            return Ok(Vec::new());
        }
        let points = store::points::raw_points(connection, series, *reported, POINTS)?;
        *reported += points.len() as u64;
        Ok(points.into_iter().map(|point| (trial, point)).collect())
    }
}

/// What is said of a search with early stopping whose trials told their value once, when they were over.
pub(super) async fn remark(engine: &Engine, search: &Search) -> anyhow::Result<Option<String>> {
    let Some((key, _)) = search.judged.clone().filter(|_| search.config.early_stopping == EarlyStopping::Asha) else {
        return Ok(None);
    };
    let are = |outcome: TrialOutcome| search.trials.iter().rev().filter(move |trial| trial.outcome == outcome);
    let finished: Vec<RunId> = are(TrialOutcome::Finished).take(LOOKED_AT).map(|trial| trial.run).collect();
    if finished.is_empty() || are(TrialOutcome::StoppedEarly).next().is_some() {
        return Ok(None);
    }
    let told = format!(
        "No trial reported `{key}` while it went: nothing could be ended early. Let `metric` of `[search]` name a \
         series that they log step by step."
    );
    let any_went = engine.store().read(move |c| {
        for run in finished {
            if points(c, run, &key)? > 1 {
                return Ok(true);
            }
        }
        Ok(false)
    });
    Ok((!any_went.await?).then_some(told))
}

/// How many points a trial's series has.
fn points(connection: &Connection, run: RunId, key: &str) -> store::Result<u64> {
    let Some(row) = store::run::bare(connection, run)? else { return Ok(0) };
    let Some(run) = store::run::with_series(connection, run, row.run.created_ms, key)? else { return Ok(0) };
    Ok(store::metric::find(connection, run, key)?.map_or(0, |(_, count)| count))
}

#[cfg(test)]
mod tests {
    use api::{ExperimentId, run::RunKind, search::SearchConfig, tracking::PARENT_TAG};
    use store::Transaction;

    use super::*;
    use crate::tracking::{client, experiments};

    /// A run of this number, below another, with so many points.
    fn log(tx: &Transaction<'_>, number: u8, below: Option<u8>, points: i64) -> RunId {
        let id = RunId::from_bytes([number; 16]);
        let experiment = experiments::new(ExperimentId::from_bytes([1; 16]), None, "sweep".to_owned(), 0);
        let row = client::new_row(id, &experiment, format!("run {number}"), RunKind::Client, i64::from(number));
        store::run::put(tx, &row).unwrap();
        if let Some(below) = below {
            store::tag::put(tx, id, PARENT_TAG, &RunId::from_bytes([below; 16]).to_string()).unwrap();
        }
        let points: Vec<Point> = (0..points).map(|step| Point { step, time_ms: step, value: 0.5 }).collect();
        if !points.is_empty() {
            store::metric::append(tx, id, "loss", &points).unwrap();
        }
        id
    }

    #[test]
    fn what_a_newer_run_below_a_trial_logs_is_judged_from_its_first_point() {
        let mut connection = Connection::open_in_memory().unwrap();
        store::migrate::migrate(&mut connection, std::path::Path::new("in memory")).unwrap();
        let tx = connection.transaction().unwrap();
        let experiment = experiments::new(ExperimentId::from_bytes([1; 16]), None, "sweep".to_owned(), 0);
        store::experiment::insert(&tx, &experiment).unwrap();
        let config = SearchConfig { early_stopping: EarlyStopping::Asha, ..SearchConfig::default() };
        let rungs = space::asha(&config, Direction::Min).unwrap().start().unwrap();
        let mut judge = Judge { rungs, reported: HashMap::new(), settled: HashSet::new(), asked: HashSet::new() };
        let trial = log(&tx, 2, None, 0);
        log(&tx, 3, Some(2), 5);
        let mut steps = |tx: &Transaction<'_>| -> Vec<i64> {
            let new = judge.unreported(tx, 1, trial, "loss").unwrap();
            new.into_iter().map(|(_, point)| point.step).collect()
        };
        assert_eq!(steps(&tx), [0, 1, 2, 3, 4]);
        log(&tx, 4, Some(2), 2);
        assert_eq!(steps(&tx), [0, 1]);
        assert_eq!(steps(&tx), [0; 0]);
        // Interrupted and going on, it is judged by all that it told, once.
        judge.forget(1);
        assert_eq!(judge.unreported(&tx, 1, trial, "loss").unwrap().len(), 2);
        assert!(judge.unreported(&tx, 1, trial, "loss").unwrap().is_empty());
    }
}
