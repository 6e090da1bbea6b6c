//! Processes that outlive us, known by pid and start time: a pid alone may be another program after
//! a reboot, or an hour later.

pub(crate) mod peer;

use std::{path::Path, time::Duration};

use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, Signal, System, UpdateKind};

/// Start times are told in whole seconds by some systems, and their clock may be corrected between
/// two readings.
const SAME_START_MS: u64 = 2_500;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A child that writes into a pipe alone opens no console.
#[cfg(windows)]
pub(crate) const NO_WINDOW: u32 = 0x0800_0000;

/// A process by more than its number, which the system gives again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessId {
    pub pid: u32,
    pub started_ms: i64,
}

impl ProcessId {
    /// Whether both are readings of one process.
    pub const fn is_same(self, other: Self) -> bool {
        self.pid == other.pid && self.started_ms.abs_diff(other.started_ms) <= SAME_START_MS
    }
}

/// When the process with this id started; `None` where it is gone, or waits only to be buried.
pub fn started_ms(pid: u32) -> Option<i64> {
    with(pid, start_of)
}

/// Whether that very process still runs.
pub fn is_alive(process: ProcessId) -> bool {
    started_ms(process.pid).is_some_and(|started_ms| process.is_same(ProcessId { started_ms, ..process }))
}

/// Asks it to end, and says whether it could be asked; one that is gone needs no asking.
pub fn ask(process: ProcessId) -> bool {
    !is_alive(process) || with(process.pid, |process| process.kill_with(Signal::Term)).flatten().unwrap_or(false)
}

/// Asks it to end, and ends it after `patience`. Returns once it is gone.
pub async fn stop(process: ProcessId, patience: Duration) {
    if !is_alive(process) {
        return;
    }
    let asked = with(process.pid, |process| process.kill_with(Signal::Term)).flatten().unwrap_or(false);
    let until = tokio::time::Instant::now() + if asked { patience } else { Duration::ZERO };
    while is_alive(process) {
        if tokio::time::Instant::now() >= until {
            with(process.pid, sysinfo::Process::kill);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The process that was started with this path as its only argument, whoever started it.
pub fn started_on(argument: &Path) -> Option<ProcessId> {
    let mut system = System::new();
    let kind = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
    let found = system
        .processes()
        .values()
        .find(|process| is_there(process) && matches!(process.cmd(), [_, only] if Path::new(only) == argument))?;
    Some(ProcessId { pid: found.pid().as_u32(), started_ms: start_of(found) })
}

fn with<T>(pid: u32, work: impl FnOnce(&sysinfo::Process) -> T) -> Option<T> {
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    system.process(pid).filter(|process| is_there(process)).map(work)
}

/// A child of ours that ended stays in the table until it is waited for.
fn is_there(process: &sysinfo::Process) -> bool {
    !matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead)
}

fn start_of(process: &sysinfo::Process) -> i64 {
    process.start_time().saturating_mul(1000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_under_its_own_start_time_only() {
        let pid = std::process::id();
        let own = ProcessId { pid, started_ms: started_ms(pid).unwrap() };
        assert!(is_alive(own));
        assert!(!is_alive(ProcessId { started_ms: own.started_ms - 60_000, ..own }));
    }

    #[test]
    fn nobody_was_started_on_a_folder_that_is_not_there() {
        assert_eq!(started_on(Path::new("/no/such/folder")), None);
    }
}
