//! A process and all that it started.

use std::{
    collections::{HashMap, HashSet},
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
}

impl Tree {
    pub(crate) fn of(root: u32) -> Self {
        Self {
            system: System::new(),
            root: Pid::from_u32(root),
            members: HashSet::new(),
            seen: HashMap::new(),
            total: Counters::default(),
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
        let rates = elapsed.map(|elapsed| Rates::of(used, elapsed));
        let memory: u64 = alive.iter().map(|process| process.memory()).sum();
        let mut samples = vec![
            (CPU.to_owned(), rates.unwrap_or_default().cpu_percent),
            (MEMORY_BYTES.to_owned(), memory as f64),
            ("system/cpu_seconds".to_owned(), self.total.cpu_ms as f64 / 1000.0),
        ];
        if let Some(rates) = rates {
            samples.push(("system/disk_read_bytes_per_second".to_owned(), rates.read_bytes_per_second));
            samples.push(("system/disk_write_bytes_per_second".to_owned(), rates.written_bytes_per_second));
        }
        let threads: Option<u64> = alive.iter().filter_map(|process| threads(process.pid())).reduce(|a, b| a + b);
        samples.extend(threads.map(|threads| ("system/threads".to_owned(), threads as f64)));
        self.seen = now;
        samples
    }
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
    fn a_process_that_ended_takes_nothing_back_and_a_pid_used_again_starts_anew() {
        let counters = |cpu_ms| Counters { cpu_ms, ..Counters::default() };
        let pid = Pid::from_u32;
        let before = HashMap::from([((pid(1), 5), counters(900)), ((pid(2), 5), counters(700))]);
        let now = HashMap::from([((pid(1), 5), counters(1000)), ((pid(2), 8), counters(30))]);
        assert_eq!(used(&before, &now), counters(130));
    }
}
