//! What a run says while it works: lines of `events.jsonl`, as `api::worker` has them.
//!
//! Lines are gathered and written together, whole lines in one write each, so that a step of a
//! tenth of a millisecond isn't spent on the file. A resumed run does not say again what the file
//! already has: on the CPU those values would be equal.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use api::worker::{EventBody, LogLevel, WorkerEvent};

use crate::{error::LearnError, run::Surroundings};

pub const EVENTS_FILE: &str = "events.jsonl";

const FLUSH_EVERY_MS: i64 = 200;
const FLUSH_AT_BYTES: usize = 64 * 1024;

/// The open end of `events.jsonl`.
pub struct Events<'a> {
    file: File,
    path: PathBuf,
    pending: Vec<u8>,
    flushed_ms: i64,
    /// The last step of each metric that the file had when it was opened.
    written: HashMap<String, i64>,
    surroundings: &'a Surroundings<'a>,
}

impl<'a> Events<'a> {
    /// Opens the file to append to it. A half line at its end (a power cut) is cut off.
    pub fn open(folder: &Path, surroundings: &'a Surroundings<'a>) -> Result<Self, LearnError> {
        let path = folder.join(EVENTS_FILE);
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&path)
            .map_err(LearnError::io("open", &path))?;
        let (written, whole) = read_written(&file).map_err(LearnError::io("read", &path))?;
        if file.metadata().map_err(LearnError::io("read", &path))?.len() > whole {
            file.set_len(whole).map_err(LearnError::io("cut", &path))?;
        }
        Ok(Self { file, path, pending: Vec::new(), flushed_ms: (surroundings.now_ms)(), written, surroundings })
    }

    /// Appends an event; metrics may stay in memory for a fifth of a second.
    pub fn send(&mut self, body: EventBody) -> Result<(), LearnError> {
        let urgent = !matches!(body, EventBody::Metric { .. } | EventBody::Progress { .. });
        let time_ms = (self.surroundings.now_ms)();
        let event = WorkerEvent { v: api::PROTOCOL, time_ms, body };
        serde_json::to_writer(&mut self.pending, &event)
            .map_err(|error| LearnError::io("write", &self.path)(error.into()))?;
        self.pending.push(b'\n');
        if urgent || self.pending.len() > FLUSH_AT_BYTES || time_ms - self.flushed_ms > FLUSH_EVERY_MS {
            self.flush()?;
        }
        Ok(())
    }

    /// Appends a metric unless the file already has that step of it.
    pub fn metric(&mut self, key: &str, step: u64, value: f64) -> Result<(), LearnError> {
        let step = step as i64;
        if self.written.get(key).is_some_and(|last| step <= *last) {
            return Ok(());
        }
        self.send(EventBody::Metric { key: key.to_owned(), step, value })
    }

    pub fn log(&mut self, level: LogLevel, message: impl Into<String>) -> Result<(), LearnError> {
        self.send(EventBody::Log { level, message: message.into() })
    }

    /// Hands all lines to the operating system: from here on they outlive this process.
    pub fn flush(&mut self) -> Result<(), LearnError> {
        self.file.write_all(&self.pending).map_err(LearnError::io("write", &self.path))?;
        self.pending.clear();
        self.flushed_ms = (self.surroundings.now_ms)();
        Ok(())
    }
}

/// The last step of each metric, and the length of the file's whole lines.
fn read_written(file: &File) -> std::io::Result<(HashMap<String, i64>, u64)> {
    let mut reader = BufReader::new(file);
    let (mut written, mut whole, mut line) = (HashMap::new(), 0, Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
        whole += line.len() as u64;
        if let Ok(WorkerEvent { body: EventBody::Metric { key, step, .. }, .. }) = serde_json::from_slice(&line) {
            let last = written.entry(key).or_insert(step);
            *last = step.max(*last);
        }
        line.clear();
    }
    Ok((written, whole))
}
