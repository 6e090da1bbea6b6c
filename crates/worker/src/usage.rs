//! What the training uses, appended to its own events from a thread beside it.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use api::{
    PROTOCOL,
    worker::{EventBody, LogLevel, WorkerEvent},
};
use learn::events::EVENTS_FILE;
use meter::{MEMORY_BYTES, Meter};

/// How long the last look may take.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Looks until it is dropped, and then once more; that look is over then, unless it hangs.
pub(crate) struct Usage {
    end: Option<Sender<()>>,
    /// Ends when the thread does.
    looking: Option<Receiver<()>>,
}

impl Usage {
    /// Where it can't be told, the training goes on without it.
    pub(crate) fn watch(folder: &Path, now_ms: fn() -> i64) -> Self {
        let (end, ended) = mpsc::channel();
        let (over, is_over) = mpsc::channel::<()>();
        let folder = folder.to_owned();
        let looking = thread::Builder::new().name("usage".to_owned()).spawn(move || {
            // Dropped when the thread ends, however it does.
            let _over = over;
            let (mut meter, started) = (Meter::new(std::process::id(), &folder), Instant::now());
            let path = folder.join(EVENTS_FILE);
            // Of a training that goes on; each second of a run is told once.
            let mut told = last_step(&path);
            let before = told.unwrap_or(0);
            let reason = meter.without_gpus().map(str::to_owned);
            let mut bodies: Vec<EventBody> =
                reason.into_iter().map(|message| EventBody::Log { level: LogLevel::Info, message }).collect();
            let mut goes_on = true;
            loop {
                let mut step = before + started.elapsed().as_secs() as i64;
                let samples = meter.look().into_iter();
                // The last look counts, also within a second that was told.
                if !goes_on {
                    step = told.map_or(step, |told| step.max(told + 1));
                }
                if told.is_none_or(|told| step > told) {
                    bodies.extend(samples.map(|(key, value)| EventBody::Metric { key, step, value }));
                    told = Some(step);
                }
                // Until the training has opened the file, and cut off what a killed one left half-written, it is held.
                // A full disk is no reason to end a training, and a part of a line is worse than none.
                if is_whole(&path) && append(&path, now_ms(), bodies.drain(..)).is_err() || !goes_on {
                    return;
                }
                let pause = meter::pause(started.elapsed());
                goes_on = ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout);
            }
        });
        Self { end: Some(end), looking: looking.ok().map(|_| is_over) }
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(looking) = self.looking.take() {
            // A driver that hangs must not hold the run's end.
            let _ = looking.recv_timeout(LAST_LOOK);
        }
    }
}

/// Appends all in one write, so that no other line comes between.
fn append(path: &Path, time_ms: i64, bodies: impl Iterator<Item = EventBody>) -> io::Result<()> {
    let mut lines = Vec::new();
    for body in bodies {
        serde_json::to_writer(&mut lines, &WorkerEvent { v: PROTOCOL, time_ms, body })?;
        lines.push(b'\n');
    }
    OpenOptions::new().append(true).open(path)?.write_all(&lines)
}

/// Whether the file is there and ends with a line: the first one is the training's own.
fn is_whole(path: &Path) -> bool {
    let last = || -> io::Result<u8> {
        let (mut file, mut byte) = (File::open(path)?, [0]);
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut byte)?;
        Ok(byte[0])
    };
    last().is_ok_and(|last| last == b'\n')
}

/// Seconds that the run was looked at before it was resumed.
fn last_step(path: &Path) -> Option<i64> {
    let lines = BufReader::new(File::open(path).ok()?).split(b'\n').map_while(Result::ok);
    let steps = lines.filter_map(|line| match serde_json::from_slice::<WorkerEvent>(&line).ok()?.body {
        EventBody::Metric { key, step, .. } if key == MEMORY_BYTES => Some(step),
        _ => None,
    });
    steps.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_of_a_moment_is_looked_at_when_it_begins_and_when_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(EVENTS_FILE);
        std::fs::write(&path, b"{}\n").unwrap();
        drop(Usage::watch(folder.path(), || 7));
        let lines = std::fs::read_to_string(&path).unwrap();
        let used = |key: &str| lines.lines().filter(|line| line.contains(&format!("\"{key}\""))).count();
        assert_eq!((used(MEMORY_BYTES), used("system/cpu_seconds")), (2, 2), "{lines}");
    }

    #[test]
    fn nothing_is_written_behind_half_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(EVENTS_FILE);
        assert!(!is_whole(&path));
        for (bytes, whole) in [("", false), ("{}\n", true), ("{}\n{", false)] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(is_whole(&path), whole, "{bytes:?}");
        }
    }
}
