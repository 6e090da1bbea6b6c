//! The processes that belong to the test's workspace: those that name its folder.

use std::path::Path;

use rand::{Rng as _, rngs::StdRng};
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) pid: u32,
    /// "slipway-worker", "slipway-serving".
    pub(crate) program: String,
    /// The command line, in one piece.
    pub(crate) line: String,
}

/// Workers and serving processes of the workspace, alive.
pub(crate) fn of(folder: &Path) -> Vec<Found> {
    let mut system = System::new();
    let kind = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
    let folder = folder.to_string_lossy().into_owned();
    let alive = |process: &&sysinfo::Process| !matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
    let found = system.processes().values().filter(alive).filter_map(|process| {
        let words: Vec<String> = process.cmd().iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let program = Path::new(words.first()?).file_name()?.to_string_lossy().into_owned();
        let line = words.join(" ");
        (program.starts_with("slipway-") && line.contains(&folder)).then(|| Found {
            pid: process.pid().as_u32(),
            program,
            line,
        })
    });
    found.collect()
}

pub(crate) fn kill(pid: u32) {
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    system.process(pid).map(sysinfo::Process::kill);
}

/// Kills one of the workers, where there is one.
pub(crate) fn kill_worker(folder: &Path, rng: &mut StdRng) {
    let mut workers: Vec<Found> = of(folder).into_iter().filter(|found| found.program == "slipway-worker").collect();
    workers.sort_by_key(|found| found.pid);
    if !workers.is_empty() {
        kill(workers[rng.random_range(0..workers.len())].pid);
    }
}

/// Ends what is left, and says what it was.
pub(crate) fn end_all(folder: &Path) -> Vec<Found> {
    let left = of(folder);
    left.iter().for_each(|found| kill(found.pid));
    left
}
