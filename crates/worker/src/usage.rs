//! What the training uses, appended to its own events from a thread beside it.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Instant,
};

use api::{
    PROTOCOL,
    worker::{EventBody, LogLevel, WorkerEvent},
};
use learn::events::EVENTS_FILE;
use meter::{MEMORY_BYTES, Meter};

/// Looks until it is dropped; the last look is over then.
pub(crate) struct Usage {
    end: Option<Sender<()>>,
    looking: Option<JoinHandle<()>>,
}

impl Usage {
    /// Where it can't be told, the training goes on without it.
    pub(crate) fn watch(folder: &Path, now_ms: fn() -> i64) -> Self {
        let (end, ended) = mpsc::channel();
        let folder = folder.to_owned();
        let looking = thread::Builder::new().name("usage".to_owned()).spawn(move || {
            let (mut meter, started) = (Meter::new(std::process::id(), &folder), Instant::now());
            let path = folder.join(EVENTS_FILE);
            let before = last_step(&path).unwrap_or(0);
            let reason = meter.without_gpus().map(str::to_owned);
            let mut bodies: Vec<EventBody> =
                reason.into_iter().map(|message| EventBody::Log { level: LogLevel::Info, message }).collect();
            // The first look is due after a pause: by then the training has opened the file.
            while ended.recv_timeout(meter::pause(started.elapsed())) == Err(RecvTimeoutError::Timeout) {
                let step = before + started.elapsed().as_secs() as i64;
                let samples = meter.look().into_iter();
                bodies.extend(samples.map(|(key, value)| EventBody::Metric { key, step, value }));
                // A full disk is no reason to end a training, and a part of a line is worse than none.
                if append(&path, now_ms(), bodies.drain(..)).is_err() {
                    return;
                }
            }
        });
        Self { end: Some(end), looking: looking.ok() }
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(looking) = self.looking.take() {
            drop(looking.join());
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

/// Seconds that the run was looked at before it was resumed.
fn last_step(path: &Path) -> Option<i64> {
    let lines = BufReader::new(File::open(path).ok()?).split(b'\n').map_while(Result::ok);
    let steps = lines.filter_map(|line| match serde_json::from_slice::<WorkerEvent>(&line).ok()?.body {
        EventBody::Metric { key, step, .. } if key == MEMORY_BYTES => Some(step),
        _ => None,
    });
    steps.max()
}
