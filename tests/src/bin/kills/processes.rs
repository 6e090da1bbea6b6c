//! The processes that belong to the test's workspace: those that name its folder, on their command
//! line or as their workspace.

use std::path::Path;

use journeys::host;
use rand::{Rng as _, rngs::StdRng};
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) pid: u32,
    /// "slipway" (a host or a command), "slipway-worker", "slipway-serving", "slipway-desktop".
    pub(crate) program: String,
    /// The command line, in one piece.
    pub(crate) line: String,
}

fn all() -> System {
    let mut system = System::new();
    let kind =
        ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).with_environ(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
    system
}

fn is_alive(process: &sysinfo::Process) -> bool {
    !matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead)
}

/// Our programs on the workspace, alive; those that only look at the machine are left out.
pub(crate) fn of(folder: &Path) -> Vec<Found> {
    let system = all();
    let home = format!("SLIPWAY_HOME={}", host::workspace(folder).display());
    let folder = folder.to_string_lossy().into_owned();
    let found = system.processes().values().filter(|process| is_alive(process)).filter_map(|process| {
        let words: Vec<String> = process.cmd().iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let program = Path::new(words.first()?).file_name()?.to_string_lossy().into_owned();
        let line = words.join(" ");
        let ours = line.contains(&folder) || process.environ().iter().any(|word| word.to_string_lossy() == home);
        let is_probe = words.iter().any(|word| word == "--probe");
        (program.starts_with("slipway") && ours && !is_probe).then(|| Found {
            pid: process.pid().as_u32(),
            program,
            line,
        })
    });
    found.collect()
}

/// The hosts of the workspace, those that wait for it included.
pub(crate) fn hosts(folder: &Path) -> Vec<Found> {
    let is_host = |found: &Found| found.program == "slipway" && found.line.contains(" serve");
    of(folder).into_iter().filter(is_host).collect()
}

/// The processes of a window's web view: WebKit's below it, hosts and their workers excepted.
pub(crate) fn below(window: u32) -> Vec<Pid> {
    let system = all();
    let window = Pid::from_u32(window);
    let of_window = |process: &&sysinfo::Process| {
        process.parent() == Some(window) && process.name().to_string_lossy().starts_with("WebKit")
    };
    system.processes().values().filter(of_window).map(sysinfo::Process::pid).collect()
}

/// Which of these are still there, by name.
pub(crate) fn alive(pids: &[Pid]) -> Vec<String> {
    let mut system = System::new();
    let kind = ProcessRefreshKind::nothing();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(pids), true, kind);
    let left = pids.iter().filter_map(|pid| system.process(*pid)).filter(|process| is_alive(process));
    left.map(|process| format!("{} {}", process.pid(), process.name().to_string_lossy())).collect()
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
