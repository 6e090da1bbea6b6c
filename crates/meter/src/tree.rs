//! A process and all that it started.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    time::Duration,
};

use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::{CPU, MEMORY_BYTES, Sample, per_second};

/// What one process has used since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    pub cpu_ms: u64,
    pub read_bytes: u64,
    pub written_bytes: u64,
}

impl Counters {
    /// What was used since `before`; a counter that went back counts as unchanged.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            cpu_ms: self.cpu_ms.saturating_sub(before.cpu_ms),
            read_bytes: self.read_bytes.saturating_sub(before.read_bytes),
            written_bytes: self.written_bytes.saturating_sub(before.written_bytes),
        }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            cpu_ms: self.cpu_ms + other.cpu_ms,
            read_bytes: self.read_bytes + other.read_bytes,
            written_bytes: self.written_bytes + other.written_bytes,
        }
    }
}

/// What a tree uses, per time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Per cent of one core.
    pub cpu_percent: f64,
    pub read_bytes_per_second: f64,
    pub written_bytes_per_second: f64,
}

impl Rates {
    /// The rates at which `used` was used in `elapsed`; 0 where no time went by.
    pub fn of(used: Counters, elapsed: Duration) -> Self {
        Self {
            cpu_percent: per_second(used.cpu_ms, elapsed) / 10.0,
            read_bytes_per_second: per_second(used.read_bytes, elapsed),
            written_bytes_per_second: per_second(used.written_bytes, elapsed),
        }
    }
}

/// A pid, and when its process started: a pid may be used again.
type Known = (Pid, u64);

pub(crate) struct Tree {
    system: System,
    root: Pid,
    members: HashSet<Pid>,
    seen: HashMap<Known, Counters>,
    /// Of all members that were seen, those that have ended too.
    total: Counters,
    /// At the last look, where it had one.
    cpu_percent: Option<f64>,
}

/// Rates over less say nothing: processor time is counted in hundredths of a second.
const SHORTEST: Duration = Duration::from_millis(50);
/// What begins programs: the first process below one is the first of a tree.
const BEGINS: &str = "slipway";

impl Tree {
    pub(crate) fn of(root: u32) -> Self {
        Self {
            system: System::new(),
            root: Pid::from_u32(root),
            members: HashSet::new(),
            seen: HashMap::new(),
            total: Counters::default(),
            cpu_percent: None,
        }
    }

    /// The processes of the last look.
    pub(crate) const fn members(&self) -> &HashSet<Pid> {
        &self.members
    }

    /// What was used until the last look counts no more.
    pub(crate) fn forget_used(&mut self) {
        self.total = Counters::default();
    }

    pub(crate) fn look(&mut self, elapsed: Option<Duration>) -> Vec<Sample> {
        let kind = ProcessRefreshKind::nothing().with_cpu().with_memory().with_disk_usage().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let parents = self.system.processes().iter().map(|(pid, process)| (*pid, process.parent())).collect();
        self.members = descendants(self.root, &parents);
        let alive: Vec<&Process> = self.members.iter().filter_map(|pid| self.system.process(*pid)).collect();
        let now: HashMap<Known, Counters> =
            alive.iter().map(|process| ((process.pid(), process.start_time()), counters(process))).collect();
        let used = used(&self.seen, &now);
        self.total = self.total.plus(used);
        let rates = elapsed.filter(|elapsed| *elapsed >= SHORTEST).map(|elapsed| Rates::of(used, elapsed));
        self.cpu_percent = rates.map(|rates| rates.cpu_percent).or(self.cpu_percent);
        let memory: u64 = alive.iter().map(|process| process.memory()).sum();
        let mut samples = vec![
            (MEMORY_BYTES.to_owned(), memory as f64),
            ("system/cpu_seconds".to_owned(), self.total.cpu_ms as f64 / 1000.0),
        ];
        if rates.is_some() || elapsed.is_none() {
            samples.push((CPU.to_owned(), rates.unwrap_or_default().cpu_percent));
        }
        if let Some(rates) = rates {
            samples.push(("system/disk_read_bytes_per_second".to_owned(), rates.read_bytes_per_second));
            samples.push(("system/disk_write_bytes_per_second".to_owned(), rates.written_bytes_per_second));
        }
        let threads: Option<u64> = alive.iter().filter_map(|process| threads(process.pid())).reduce(|a, b| a + b);
        samples.extend(threads.map(|threads| ("system/threads".to_owned(), threads as f64)));
        self.seen = now;
        samples
    }

    /// What was used in all, once the first process is over and its own figures are gone with it: `waited` is the
    /// processor time of what ended, as the system keeps it for who waited for that. Without it the tree is taken to
    /// have gone on as at the last look. The memory that it had is told by the looks before.
    pub(crate) fn last(&mut self, elapsed: Option<Duration>, waited: Option<Duration>) -> Vec<Sample> {
        let before = self.total.cpu_ms;
        let as_before = || {
            let busy = elapsed.zip(self.cpu_percent).map(|(elapsed, percent)| elapsed.as_secs_f64() * percent * 10.0);
            before + busy.unwrap_or(0.0) as u64
        };
        let waited = waited.map(|waited| u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
        // A tree may have processes that nobody waited for.
        self.total.cpu_ms = waited.unwrap_or_else(as_before).max(before);
        let mut samples = vec![("system/cpu_seconds".to_owned(), self.total.cpu_ms as f64 / 1000.0)];
        // Later what short processes used between all looks would count as of the last moment.
        if let (None, Some(elapsed)) = (self.cpu_percent, elapsed.filter(|elapsed| *elapsed >= SHORTEST)) {
            let used = Counters { cpu_ms: self.total.cpu_ms - before, ..Counters::default() };
            samples.push((CPU.to_owned(), Rates::of(used, elapsed).cpu_percent));
        }
        samples
    }

    /// How many other trees these processes are of, as the last look saw them.
    pub(crate) fn others(&self, pids: impl Iterator<Item = Pid>) -> usize {
        let others: HashSet<Pid> = pids.filter(|pid| !self.members.contains(pid)).collect();
        if others.is_empty() {
            return 0;
        }
        let processes = self.system.processes();
        let parents = processes.iter().map(|(pid, process)| (*pid, process.parent())).collect();
        let begins = |pid: Pid| processes.get(&pid).is_some_and(|process| begins(process.name()));
        others.iter().map(|pid| first(*pid, &parents, &others, begins)).collect::<HashSet<_>>().len()
    }
}

fn begins(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.trim_end_matches(".exe") == BEGINS)
}

/// The first process of the tree that a process is of: the one that a program of ours began, else the topmost of
/// `among`.
fn first(pid: Pid, parents: &HashMap<Pid, Option<Pid>>, among: &HashSet<Pid>, begins: impl Fn(Pid) -> bool) -> Pid {
    let (mut at, mut topmost) = (pid, pid);
    // No further than there are processes: a table that was read while it changed may have a circle.
    for _ in 0..parents.len() {
        let Some(parent) = parents.get(&at).copied().flatten() else { break };
        if begins(parent) {
            return at;
        }
        if among.contains(&parent) {
            topmost = parent;
        }
        at = parent;
    }
    topmost
}

/// The processor time of what this process started and waited for, with all that it waited for in turn; `None` where
/// the system does not tell.
#[cfg(target_os = "linux")]
pub fn waited() -> Option<Duration> {
    waited_in(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

#[cfg(not(target_os = "linux"))]
pub const fn waited() -> Option<Duration> {
    None
}

/// The fields `cutime` and `cstime` of proc(5), in hundredths of a second on all that we build for.
#[cfg(target_os = "linux")]
fn waited_in(stat: &str) -> Option<Duration> {
    // The name before it, in parentheses, may have spaces and parentheses itself.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut ticks = rest.split_whitespace().skip(13).map(|field| field.parse::<u64>().ok());
    Some(Duration::from_millis((ticks.next()?? + ticks.next()??) * 10))
}

fn counters(process: &Process) -> Counters {
    let disk = process.disk_usage();
    Counters {
        cpu_ms: process.accumulated_cpu_time(),
        read_bytes: disk.total_read_bytes,
        written_bytes: disk.total_written_bytes,
    }
}

/// What the processes that are there now used since the look before; a new one used all that it has.
fn used(before: &HashMap<Known, Counters>, now: &HashMap<Known, Counters>) -> Counters {
    now.iter().fold(Counters::default(), |sum, (process, counters)| {
        sum.plus(counters.since(before.get(process).copied().unwrap_or_default()))
    })
}

#[cfg(target_os = "linux")]
fn threads(pid: Pid) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Threads:")).and_then(|count| count.trim().parse().ok())
}

#[cfg(not(target_os = "linux"))]
const fn threads(_pid: Pid) -> Option<u64> {
    None
}

fn descendants(root: Pid, parents: &HashMap<Pid, Option<Pid>>) -> HashSet<Pid> {
    let mut members = HashSet::from([root]);
    loop {
        let before = members.len();
        let children = parents.iter().filter(|(_, parent)| parent.is_some_and(|parent| members.contains(&parent)));
        let children: Vec<Pid> = children.map(|(pid, _)| *pid).collect();
        members.extend(children);
        if members.len() == before {
            return members;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_all_generations_and_nobody_else() {
        let pid = Pid::from_u32;
        let parents =
            HashMap::from([(pid(1), None), (pid(2), Some(pid(1))), (pid(3), Some(pid(2))), (pid(9), Some(pid(8)))]);
        assert_eq!(descendants(pid(1), &parents), HashSet::from([pid(1), pid(2), pid(3)]));
    }

    #[test]
    fn processes_are_of_the_tree_that_was_begun_and_else_of_the_topmost() {
        let pid = Pid::from_u32;
        // 10 begins 11 and 21, both with workers below a process that computes nothing; 31 is nobody's, with a worker.
        let below = [(11, 10), (12, 11), (13, 12), (14, 12), (21, 10), (22, 21), (31, 1), (32, 31)];
        let parents: HashMap<_, _> = below.into_iter().map(|(of, parent)| (pid(of), Some(pid(parent)))).collect();
        let among = HashSet::from([13, 14, 22, 31, 32, 99].map(pid));
        let first = |of: u32| first(pid(of), &parents, &among, |parent| parent == pid(10));
        assert_eq!([13, 14, 22, 31, 32, 99].map(first), [11, 11, 21, 31, 31, 99].map(pid));
        let circle = HashMap::from([(pid(1), Some(pid(2))), (pid(2), Some(pid(1)))]);
        assert_eq!(super::first(pid(1), &circle, &HashSet::new(), |_| false), pid(1));
        assert!(begins("slipway".as_ref()) && begins("slipway.exe".as_ref()) && !begins("slipway-worker".as_ref()));
    }

    #[test]
    fn the_last_look_has_what_the_system_kept_of_what_ended_and_else_goes_on_as_before() {
        let seconds = Duration::from_secs;
        let last = |cpu_percent, waited| {
            let mut tree = Tree::of(1);
            (tree.total.cpu_ms, tree.cpu_percent) = (1_000, cpu_percent);
            tree.last(Some(seconds(2)), waited).into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!(last(Some(50.0), Some(seconds(3))), [3.0]);
        assert_eq!(last(Some(50.0), Some(seconds(0))), [1.0], "nothing is taken back");
        assert_eq!(last(Some(50.0), None), [2.0]);
        assert_eq!(last(None, Some(seconds(3))), [3.0, 100.0], "the only rate of a short program");
        assert_eq!(last(None, None), [1.0, 0.0]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_was_waited_for_is_read_behind_a_name_of_any_letters() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 200 0 0 11 12 130 25 20 0 1 0 500 9 9";
        assert_eq!(waited_in(stat), Some(Duration::from_millis(1_550)));
        assert_eq!(waited_in("7 (a) S 1"), None);
        assert!(waited().is_some());
    }

    #[test]
    fn a_process_that_ended_takes_nothing_back_and_a_pid_used_again_starts_anew() {
        let counters = |cpu_ms| Counters { cpu_ms, ..Counters::default() };
        let pid = Pid::from_u32;
        let before = HashMap::from([((pid(1), 5), counters(900)), ((pid(2), 5), counters(700))]);
        let now = HashMap::from([((pid(1), 5), counters(1000)), ((pid(2), 8), counters(30))]);
        assert_eq!(used(&before, &now), counters(130));
    }
}
