//! What stands on the disk of a deployment's process, so that the next host knows it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use engine::{
    ports::{Result, Wanted},
    process::{self, ProcessId},
};
use serde::{Deserialize, Serialize};

use super::disk;

/// A process that lived for this long did not fail at once.
const LASTED_MS: i64 = 10 * 60 * 1000;
/// The longest wait before a process that fails again and again is started once more.
const LONGEST_WAIT_MS: i64 = 5 * 60 * 1000;

/// `process.json`: the process that serves a deployment, or the last one that did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ServingProcess {
    pub(super) pid: u32,
    pub(super) started_ms: i64,
    pub(super) version_number: u32,
    pub(super) serving: String,
    pub(super) control: String,
    /// What it was started with, to see whether something else is wanted now.
    pub(super) log_share: f64,
    pub(super) log_days: u32,
    #[serde(default)]
    pub(super) not_logged: Vec<String>,
    pub(super) restarts: u32,
    /// Restarts in a row that did not last: the next one waits longer.
    #[serde(default)]
    pub(super) quick_ends: u32,
    /// Whether the next one can take its port over; one of an earlier Slipway can't.
    #[serde(default)]
    pub(super) hands_over: bool,
    /// The one before, until it has ended.
    #[serde(default)]
    pub(super) replaces: Option<Known>,
}

/// A process as it stands in a file. `starting.json` has one that has not answered yet: a host that is
/// killed meanwhile leaves it to the next one, which ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pid: u32,
    started_ms: i64,
}

impl From<ProcessId> for Known {
    fn from(process: ProcessId) -> Self {
        Self { pid: process.pid, started_ms: process.started_ms }
    }
}

impl From<Known> for ProcessId {
    fn from(known: Known) -> Self {
        Self { pid: known.pid, started_ms: known.started_ms }
    }
}

impl ServingProcess {
    pub(super) fn is_alive(&self) -> bool {
        process::is_alive(self.process())
    }

    pub(super) fn process(&self) -> ProcessId {
        ProcessId { pid: self.pid, started_ms: self.started_ms }
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.serving.rsplit(':').next()?.parse().ok()
    }

    pub(super) fn serves(&self, wanted: &Wanted) -> bool {
        self.version_number == wanted.version_number
            && self.log_share == wanted.log_share
            && self.log_days == wanted.log_days
            && self.not_logged == wanted.not_logged
            && wanted.port.is_none_or(|port| self.port() == Some(port))
    }

    pub(super) fn name(&self) -> String {
        process_name(self.pid)
    }

    /// How often it ended at once, looked at from now on.
    pub(super) fn quick_ends_at(&self, now_ms: i64) -> u32 {
        if now_ms - self.started_ms >= LASTED_MS { 0 } else { self.quick_ends }
    }

    /// When it may be started again: at once the first time, then ever later.
    pub(super) fn next_start_ms(&self, now_ms: i64) -> i64 {
        match self.quick_ends_at(now_ms) {
            0 => now_ms,
            ends => self.started_ms + LONGEST_WAIT_MS.min(5_000_i64.saturating_mul(1 << ends.min(10))),
        }
    }
}

/// What people know a process by, in lists and events.
pub(super) fn process_name(pid: u32) -> String {
    format!("process {pid}")
}

/// The files in a deployment's folder.
pub(super) struct ProcessFiles {
    folder: PathBuf,
}

impl ProcessFiles {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn process(&self) -> PathBuf {
        self.folder.join("process.json")
    }

    fn starting(&self) -> PathBuf {
        self.folder.join("starting.json")
    }

    /// The process that serves, or the last one that did.
    pub(super) fn read(&self) -> Option<ServingProcess> {
        serde_json::from_slice(&fs::read(self.process()).ok()?).ok()
    }

    /// Enters the process that serves from now on.
    pub(super) fn write(&self, state: &ServingProcess) -> Result<()> {
        write_json(&self.process(), state)?;
        let _ = fs::remove_file(self.starting());
        Ok(())
    }

    /// Enters a process that is being started, before it answers.
    pub(super) fn begin(&self, process: ProcessId) -> Result<()> {
        write_json(&self.starting(), &Known::from(process))
    }

    /// Ends what a killed host was starting, unless it came so far as to be entered. It may have taken the
    /// port over and have requests, so it is asked first.
    pub(super) async fn end_half_started(&self, patience: Duration) {
        let file = self.starting();
        let Some(left) = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Known>(&bytes).ok()) else {
            return;
        };
        if self.read().is_none_or(|known| known.pid != left.pid) {
            process::stop(left.into(), patience).await;
        }
        let _ = fs::remove_file(file);
    }
}

fn write_json(path: &Path, state: &impl Serialize) -> Result<()> {
    let written = serde_json::to_vec_pretty(state).map_err(io::Error::from).and_then(|bytes| {
        let folder = path.parent().unwrap_or(Path::new("."));
        let file = tempfile::NamedTempFile::new_in(folder)?;
        fs::write(file.path(), bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map(|_| ()).map_err(|error| error.error)
    });
    written.map_err(|error| disk("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(started_ms: i64, quick_ends: u32) -> ServingProcess {
        ServingProcess {
            pid: 0,
            started_ms,
            version_number: 1,
            serving: "http://127.0.0.1:1".to_owned(),
            control: "http://127.0.0.1:2".to_owned(),
            log_share: 1.0,
            log_days: 14,
            not_logged: Vec::new(),
            restarts: quick_ends,
            quick_ends,
            hands_over: false,
            replaces: None,
        }
    }

    #[test]
    fn what_ends_at_once_again_and_again_waits_longer_each_time_and_what_lasted_does_not() {
        let waits: Vec<i64> = [0, 1, 2, 3, 9].map(|ends| ended(0, ends).next_start_ms(1) / 1000).to_vec();
        assert_eq!(waits, [0, 10, 20, 40, 300]);
        assert_eq!(ended(0, 9).next_start_ms(LASTED_MS), LASTED_MS);
        assert_eq!(ended(0, 9).quick_ends_at(LASTED_MS), 0);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_process_that_a_killed_host_was_starting_is_ended_and_an_entered_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = ProcessFiles::new(folder.path().to_owned());
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let known = ProcessId { pid: child.id(), started_ms: process::started_ms(child.id()).unwrap() };
        files.begin(known).unwrap();
        files.write(&ServingProcess { pid: known.pid, ..ended(known.started_ms, 0) }).unwrap();
        files.begin(known).unwrap();
        files.end_half_started(Duration::ZERO).await;
        assert!(child.try_wait().unwrap().is_none(), "it serves");

        fs::remove_file(files.process()).unwrap();
        files.begin(known).unwrap();
        files.end_half_started(Duration::ZERO).await;
        assert!(!child.wait().unwrap().success());
        assert!(!files.starting().exists());
    }
}
