//! When it is known what the trials of a program need, and how many more may begin meanwhile.
//!
//! A program takes its memory bit by bit: what `python train.py` uses after three seconds are its imports. So a trial is
//! measured once it logs metrics, or once it has stood still for as long as it grew, or has ended well; and as many that
//! are not measured run beside each other as were measured before them: one, one more, two, four. Values decide what a
//! trial needs, too: the first batch size says little of the largest.

use std::collections::HashMap;

/// A trial that computes, or has reached what others needed, must stand still for so long.
const SOON_SECS: i64 = 3;
/// Any other one for as long as it grew, and for no less and no more than this.
const STILL_SECS: (i64, i64) = (10, 300);
/// What a program takes and gives back without growing.
const NOISE_BYTES: u64 = 16_000_000;

/// The machine's memory and that of one GPU, in bytes.
pub(super) type Used = [u64; 2];

/// What a look saw of one trial.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sight {
    /// Seconds since it began, by the meter.
    pub(super) second: i64,
    /// At most, until now.
    pub(super) most: Used,
    /// It has logged a metric: what it needs for that it has.
    pub(super) has_logged: bool,
}

/// The trials of a search, and what is known of their need.
#[derive(Debug, Default)]
pub(super) struct Needs {
    under_way: HashMap<u64, Watched>,
    /// How many that are over were measured.
    over: usize,
    /// What those that were measured used at most.
    known: Option<Used>,
}

/// A trial as it grows.
#[derive(Debug)]
struct Watched {
    /// When it was seen first.
    from: i64,
    /// When it was last seen to have grown, and what it had then.
    since: i64,
    level: Used,
    /// When it was first seen to have logged a metric.
    logged: Option<i64>,
    /// Until it grows again.
    is_measured: bool,
}

impl Needs {
    /// A trial is under way.
    pub(super) fn see(&mut self, trial: u64, sight: Sight) {
        let watched = self.under_way.entry(trial).or_insert_with(|| Watched::new(sight));
        watched.see(sight, self.known);
        if watched.is_measured {
            self.learn(sight.most);
        }
    }

    /// A trial is over. One that failed says only what was known of it before.
    pub(super) fn end(&mut self, trial: u64, sight: Sight, is_well: bool) {
        let before = self.under_way.remove(&trial);
        if is_well || before.is_some_and(|watched| watched.is_measured) {
            self.over += 1;
            self.learn(sight.most);
        }
    }

    /// How many more may begin before others are measured.
    pub(super) fn may_begin(&self) -> usize {
        let measured = self.under_way.values().filter(|watched| watched.is_measured).count();
        let unmeasured = self.under_way.len() - measured;
        (self.over + measured).max(1).saturating_sub(unmeasured)
    }

    /// Why no more may.
    pub(super) fn why(&self) -> String {
        let of = if self.known.is_none() { "the first one needs" } else { "the newest need" };
        format!("how much memory {of} is not measured yet")
    }

    fn learn(&mut self, most: Used) {
        let known = self.known.unwrap_or_default();
        self.known = Some([known[0].max(most[0]), known[1].max(most[1])]);
    }
}

impl Watched {
    const fn new(sight: Sight) -> Self {
        let Sight { second, most, .. } = sight;
        Self { from: second, since: second, level: most, logged: None, is_measured: false }
    }

    /// `known` is what those that were measured before it needed.
    fn see(&mut self, sight: Sight, known: Option<Used>) {
        if exceeds(sight.most, self.level) {
            (self.since, self.level, self.is_measured) = (sight.second, sight.most, false);
        }
        if sight.has_logged {
            self.logged.get_or_insert(sight.second);
        }
        let is_as_known = known.is_some_and(|known| !exceeds(self.level, known) && !exceeds(known, self.level));
        let (least, most) = STILL_SECS;
        let (since, needed) = match self.logged {
            Some(logged) => (self.since.max(logged), SOON_SECS),
            None if is_as_known => (self.since, SOON_SECS),
            None => (self.since, (self.since - self.from).clamp(least, most)),
        };
        self.is_measured |= sight.second - since >= needed;
    }
}

/// Whether one of both is noticeably more than it was.
fn exceeds(used: Used, before: Used) -> bool {
    used.iter().zip(before).any(|(used, before)| *used > before + (before / 10).max(NOISE_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    fn sight(second: i64, most: u64) -> Sight {
        Sight { second, most: [most, 0], has_logged: false }
    }

    /// What may begin beside a trial after each second of it, as its memory grows.
    fn beside(trial: u64, needs: &mut Needs, seconds: i64, most: impl Fn(i64) -> u64) -> Vec<usize> {
        let mut may = Vec::new();
        for second in 0..seconds {
            needs.see(trial, sight(second, most(second)));
            may.push(needs.may_begin());
        }
        may
    }

    #[test]
    fn what_still_grows_is_not_measured_and_one_runs_alone() {
        let mut needs = Needs::default();
        assert_eq!(needs.may_begin(), 1, "one always runs");
        // Imports until second 5, data until 20, the model at 25, nothing more.
        let grows = |second: i64| match second {
            0..5 => GB * 4 / 10,
            5..20 => GB * (second as u64) / 10,
            20..25 => 2 * GB,
            _ => 6 * GB,
        };
        let may = beside(1, &mut needs, 60, grows);
        let first = may.iter().position(|may| *may > 0);
        assert_eq!(first, Some(50), "it has stood still for as long as it grew");
        assert!(may[50..].iter().all(|may| *may == 1), "one more, and not all the rest: {may:?}");
        // The same without an end: no moment is a standstill.
        let may = beside(1, &mut Needs::default(), 250, |second| GB / 10 * (second as u64 + 1));
        assert!(may.iter().all(|may| *may == 0), "{may:?}");
        // A small one that changes little is not held up for long.
        let may = beside(1, &mut Needs::default(), 12, |second| 3_000_000 + 200_000 * second as u64);
        assert_eq!(may.iter().position(|may| *may > 0), Some(10));
    }

    #[test]
    fn a_program_that_logs_a_metric_has_what_it_needs_for_it() {
        let mut needs = Needs::default();
        let mut may = Vec::new();
        for second in [0, 1, 2, 4, 6, 8, 10, 12] {
            let most = if second < 6 { GB } else { 4 * GB };
            needs.see(1, Sight { has_logged: second >= 8, ..sight(second, most) });
            may.push((second, needs.may_begin()));
        }
        assert_eq!(may.iter().find(|(_, may)| *may > 0), Some(&(12, 1)), "one look after the metric is not enough");
        // What it takes later holds up whoever is next, until it stands again.
        needs.see(1, Sight { has_logged: true, ..sight(14, 8 * GB) });
        assert_eq!(needs.may_begin(), 0);
        needs.see(1, Sight { has_logged: true, ..sight(18, 8 * GB) });
        assert_eq!(needs.may_begin(), 1);
    }

    #[test]
    fn a_gpus_memory_is_waited_for_as_the_machines_is() {
        let mut needs = Needs::default();
        let on_gpu = |second: i64| if second < 20 { 0 } else { 10 * GB };
        let see = |second: i64| {
            let most = [if second < 8 { GB } else { 2 * GB }, on_gpu(second)];
            needs.see(1, Sight { second, most, has_logged: false });
            needs.may_begin()
        };
        let may: Vec<usize> = (0..50).map(see).collect();
        assert_eq!(may[8..20].iter().position(|may| *may > 0), Some(10), "nobody knows that it will use one");
        assert!(may[20..40].iter().all(|may| *may == 0), "it takes one: {may:?}");
        assert_eq!(may[40], 1);
    }

    #[test]
    fn as_many_begin_as_were_measured_before() {
        let mut needs = Needs::default();
        beside(1, &mut needs, 11, |_| GB);
        assert_eq!(needs.may_begin(), 1);
        needs.see(2, Sight::default());
        assert_eq!(needs.may_begin(), 0, "the newest is not measured");
        // It has reached what the first one needed, and stands.
        assert_eq!(beside(2, &mut needs, 5, |_| GB), [0, 0, 0, 2, 2]);
        needs.see(3, Sight::default());
        needs.see(4, Sight::default());
        assert_eq!(needs.may_begin(), 0);
        // One that needs more than is known is measured as the first one was.
        assert_eq!(beside(3, &mut needs, 11, |_| 3 * GB)[9..], [0, 2]);
        assert_eq!(beside(4, &mut needs, 4, |_| 3 * GB)[3], 4);
    }

    #[test]
    fn short_trials_are_measured_by_their_end_and_failed_ones_are_not() {
        let mut needs = Needs::default();
        for trial in 1..=3 {
            needs.see(trial, sight(1, GB));
            needs.end(trial, sight(2, GB), false);
            assert_eq!(needs.may_begin(), 1, "what failed at once says nothing");
        }
        assert!(needs.why().contains("the first one needs"));
        let mut began = Vec::new();
        for trial in 4..=7 {
            began.push(needs.may_begin());
            needs.see(trial, sight(1, GB));
            needs.end(trial, sight(2, GB), true);
        }
        assert_eq!(began, [1, 1, 2, 3]);
        needs.see(8, Sight::default());
        assert_eq!((needs.may_begin(), needs.why().contains("the newest need")), (3, true));
        // One that failed after it was measured was measured.
        beside(8, &mut needs, 5, |_| GB);
        needs.end(8, sight(5, GB), false);
        assert_eq!(needs.may_begin(), 5);
    }
}
