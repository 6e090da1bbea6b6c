//! What a process uses, and which of its runs bear it.
//!
//! Processor, memory and the machine are the process's in each of its runs; what is counted is counted from each run's
//! own begin. The energy of the process and the price of its time are divided: runs that go on together bear equal parts
//! of them, look by look, so that they add up to what the process used.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use api::{RunId, run::CLIENT_MEASURED_SECS, spending::ENERGY_JOULES};
use store::spending::Spending;
use tokio::sync::Notify;

use crate::process::ProcessId;

/// A client that measures itself tells it for the first time after 10 s; until then nothing of ours is entered.
const HELD: Duration = Duration::from_secs(CLIENT_MEASURED_SECS);
/// Series that `slipway meter` counts from its own begin.
const COUNTED: [&str; 3] =
    ["system/cpu_seconds", "system/network_receive_megabytes", "system/network_transmit_megabytes"];

/// A process that is measured, and its runs that go on.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) process: ProcessId,
    pub(super) runs: BTreeMap<RunId, Share>,
    /// What it runs on, once its meter has told.
    pub(super) machine: Option<BTreeMap<String, String>>,
    /// Told where a run joined: its meter is asked to look soon.
    pub(super) joined: Arc<Notify>,
    /// What the newest look counted, and its energy.
    counted: BTreeMap<String, f64>,
    joules: f64,
}

/// A run's share.
#[derive(Debug)]
pub(super) struct Share {
    begun: Instant,
    /// When it last bore its part of the time.
    looked: Instant,
    /// Its seconds are those before it was over and set back to running; the rest is up to the newest look.
    used: Spending,
    /// What the process had counted when the run joined.
    counted: BTreeMap<String, f64>,
    told: Option<i64>,
    held: Vec<Look>,
}

/// Values that were told together.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) step: i64,
    pub(super) time_ms: i64,
    pub(super) values: BTreeMap<String, f64>,
}

/// What is to be entered of a run, and what it used so far.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) run: RunId,
    pub(super) looks: Vec<Look>,
    pub(super) used: Spending,
}

/// What was used between two looks, as each run bears it.
#[derive(Clone, Copy)]
struct Part {
    /// Of one, which is all.
    of_time: f64,
    joules: Option<f64>,
}

impl Shared {
    pub(super) fn new(process: ProcessId, run: RunId, share: Share) -> Self {
        let runs = BTreeMap::from([(run, share)]);
        Self { process, runs, machine: None, joined: Arc::default(), counted: BTreeMap::new(), joules: 0.0 }
    }

    /// A further run goes on beside the others.
    pub(super) fn join(&mut self, run: RunId, share: Share) {
        self.runs.insert(run, Share { counted: self.counted.clone(), ..share });
        self.joined.notify_one();
    }

    /// Divides what was used since the look before; returns what is to be entered by now.
    pub(super) fn look(&mut self, now: Instant, time_ms: i64, values: &BTreeMap<String, f64>) -> Vec<Due> {
        let of_time = 1.0 / self.runs.len() as f64;
        let joules = values.get(ENERGY_JOULES).map(|joules| {
            let before = std::mem::replace(&mut self.joules, *joules);
            (joules - before).max(0.0) * of_time
        });
        for key in COUNTED {
            if let Some(count) = values.get(key) {
                self.counted.insert(key.to_owned(), *count);
            }
        }
        let part = Part { of_time, joules };
        let mut due = Vec::new();
        for (run, share) in &mut self.runs {
            share.look(now, time_ms, values, part);
            if now.saturating_duration_since(share.begun) >= HELD {
                let used = Spending { seconds: share.seconds(now), ..share.used.clone() };
                due.push(Due { run: *run, looks: std::mem::take(&mut share.held), used });
            }
        }
        due
    }
}

impl Share {
    /// `before` is what the run used before it was over and set back to running, under its terms from now on.
    pub(super) const fn new(begun: Instant, before: Spending) -> Self {
        Self { begun, looked: begun, used: before, counted: BTreeMap::new(), told: None, held: Vec::new() }
    }

    /// How long it went on, in all.
    fn seconds(&self, now: Instant) -> f64 {
        self.used.seconds + now.saturating_duration_since(self.begun).as_secs_f64()
    }

    fn look(&mut self, now: Instant, time_ms: i64, values: &BTreeMap<String, f64>, part: Part) {
        let since = std::mem::replace(&mut self.looked, now);
        let others = now.saturating_duration_since(since).as_secs_f64() * (1.0 - part.of_time);
        self.used.terms.shared_seconds += others;
        if let Some(joules) = part.joules {
            self.used.joules = Some(self.used.joules.unwrap_or(0.0) + joules);
        }
        let own = values.iter().map(|(key, value)| {
            let value = match (key.as_str(), self.counted.get(key)) {
                (ENERGY_JOULES, _) => self.used.joules.unwrap_or(*value),
                (_, Some(before)) => (value - before).max(0.0),
                _ => *value,
            };
            (key.clone(), value)
        });
        let values: BTreeMap<String, f64> = own.collect();
        // Each second of a run is told once.
        let step = self.told.map_or(0, |told| told + 1).max(self.seconds(now) as i64);
        self.told = Some(step);
        self.held.push(Look { step, time_ms, values });
    }
}

#[cfg(test)]
mod tests {
    use api::spending::Terms;

    use super::*;

    const RUNS: [RunId; 3] = [RunId::from_bytes([1; 16]), RunId::from_bytes([2; 16]), RunId::from_bytes([3; 16])];

    /// A process whose clock and counters are told by hand.
    struct Played {
        begun: Instant,
        shared: Shared,
    }

    impl Played {
        fn at(&self, seconds: u64) -> Instant {
            self.begun + Duration::from_secs(seconds)
        }

        fn join(&mut self, run: RunId, seconds: u64) {
            self.shared.join(run, Share::new(self.at(seconds), Spending::new(priced())));
        }

        fn look(&mut self, seconds: u64, joules: f64, cpu_seconds: f64) -> Vec<Due> {
            let values = [(ENERGY_JOULES, joules), ("system/cpu_seconds", cpu_seconds), ("system/cpu", 50.0)];
            let values: BTreeMap<_, _> = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            self.shared.look(self.at(seconds), 0, &values)
        }

        /// What its runs bear so far.
        fn joules(&self) -> Vec<Option<f64>> {
            self.shared.runs.values().map(|share| share.used.joules).collect()
        }
    }

    /// One of a second, so that the price of time is the time that is borne.
    fn priced() -> Terms {
        Terms { per_hour: Some(3600.0), ..Terms::default() }
    }

    fn played(before: Spending) -> Played {
        let begun = Instant::now();
        let process = ProcessId { pid: 7, started_ms: 1 };
        Played { begun, shared: Shared::new(process, RUNS[0], Share::new(begun, before)) }
    }

    #[test]
    fn runs_that_go_on_together_bear_equal_parts_of_the_energy_and_one_alone_bears_all() {
        let mut played = played(Spending::new(priced()));
        played.look(2, 8.0, 1.0);
        assert_eq!(played.joules(), [Some(8.0)]);
        played.join(RUNS[1], 2);
        played.look(4, 12.0, 2.0);
        assert_eq!(played.joules(), [Some(10.0), Some(2.0)]);
        played.join(RUNS[2], 4);
        played.join(RunId::from_bytes([4; 16]), 4);
        played.look(6, 20.0, 3.0);
        assert_eq!(played.joules(), [12.0, 4.0, 2.0, 2.0].map(Some));
        // What one that ended has borne is not borne again, and a counter that went back takes nothing back.
        played.shared.runs.remove(&RUNS[1]);
        played.shared.runs.remove(&RunId::from_bytes([4; 16]));
        played.look(8, 30.0, 4.0);
        played.look(10, 29.0, 4.0);
        assert_eq!(played.joules(), [17.0, 7.0].map(Some));
    }

    #[test]
    fn the_price_of_their_time_adds_up_while_the_hours_are_each_ones_own() {
        let mut played = played(Spending::new(priced()));
        played.join(RUNS[1], 0);
        let due = played.look(20, 0.0, 0.0);
        let spent: Vec<_> = due.iter().map(|due| due.used.spent(0)).collect();
        assert_eq!(spent.iter().map(|spent| (spent.seconds, spent.cost)).collect::<Vec<_>>(), [(20.0, Some(10.0)); 2]);
        // Alone again, it bears all of it.
        played.shared.runs.remove(&RUNS[1]);
        let due = played.look(30, 0.0, 0.0);
        assert_eq!(due[0].used.spent(0).cost, Some(20.0));
    }

    #[test]
    fn what_is_counted_is_counted_from_each_runs_join_and_the_rest_is_the_processs() {
        let mut played = played(Spending::new(priced()));
        played.look(2, 0.0, 5.0);
        played.join(RUNS[1], 2);
        let due = played.look(30, 0.0, 9.0);
        let newest = |due: &Due, key: &str| due.looks.last().unwrap().values[key];
        assert_eq!([0, 1].map(|at| newest(&due[at], "system/cpu_seconds")), [9.0, 4.0]);
        assert_eq!([0, 1].map(|at| newest(&due[at], "system/cpu")), [50.0, 50.0]);
        assert_eq!([0, 1].map(|at| due[at].looks.last().unwrap().step), [30, 28], "seconds of the run");
    }

    #[test]
    fn nothing_is_entered_before_a_client_that_measures_itself_has_said_so() {
        let mut played = played(Spending::new(priced()));
        assert!(played.look(5, 1.0, 1.0).is_empty());
        played.join(RUNS[1], 10);
        let due = played.look(13, 2.0, 2.0);
        assert_eq!(due.iter().map(|due| (due.run, due.looks.len())).collect::<Vec<_>>(), [(RUNS[0], 2)]);
        let due = played.look(23, 3.0, 3.0);
        assert_eq!(due.iter().map(|due| (due.run, due.looks.len())).collect::<Vec<_>>(), [(RUNS[0], 1), (RUNS[1], 2)]);
    }

    #[test]
    fn a_run_that_was_set_back_to_running_goes_on_where_it_was() {
        let terms = Terms { shared_seconds: 60.0, ..priced() };
        let mut played = played(Spending { seconds: 100.0, joules: Some(5.0), ..Spending::new(terms) });
        let due = played.look(20, 7.0, 1.0);
        let spent = due[0].used.spent(0);
        assert_eq!((spent.seconds, spent.joules, spent.cost), (120.0, Some(12.0), Some(60.0)));
        let newest = due[0].looks.last().unwrap();
        assert_eq!((newest.step, newest.values[ENERGY_JOULES]), (120, 12.0));
    }
}
