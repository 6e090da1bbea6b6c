//! Processes known by pid and start time: a pid alone may be another program after a reboot.

use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, Signal, System};

/// The clock that start times come from may be corrected by this much between two readings.
const SAME_START_MS: i64 = 2_000;

/// When the process with this id started, if it lives.
pub(crate) fn started_ms(pid: u32) -> Option<i64> {
    with(pid, |process| process.start_time().saturating_mul(1000) as i64)
}

/// Whether that process still lives.
pub(crate) fn is_alive(pid: u32, started: i64) -> bool {
    started_ms(pid).is_some_and(|found| (found - started).abs() <= SAME_START_MS)
}

/// Asks it to end, and ends it after `patience`. Returns once it is gone.
pub(crate) async fn stop(pid: u32, started: i64, patience: Duration) {
    if !is_alive(pid, started) {
        return;
    }
    let asked = with(pid, |process| process.kill_with(Signal::Term)).flatten().unwrap_or(false);
    let until = tokio::time::Instant::now() + if asked { patience } else { Duration::ZERO };
    while is_alive(pid, started) {
        if tokio::time::Instant::now() >= until {
            with(pid, sysinfo::Process::kill);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn with<T>(pid: u32, work: impl FnOnce(&sysinfo::Process) -> T) -> Option<T> {
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    let process = system.process(pid)?;
    // A child of ours that ended stays in the table until it is waited for.
    (!matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead)).then(|| work(process))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_under_its_own_start_time_only() {
        let pid = std::process::id();
        let started = started_ms(pid).unwrap();
        assert!(is_alive(pid, started));
        assert!(!is_alive(pid, started - 60_000));
    }
}
