//! What a program writes: on to the terminal at once, into the run's folder, and through the reader
//! of metric lines.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use api::worker::EventBody;
use serde::Deserialize;
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    process::Child,
    task::JoinHandle,
};

use super::journal::Journal;

/// How much is kept before the free space is asked for again.
const ASK_AGAIN_BYTES: u64 = 1 << 20;
/// What a log ends with whose disk has no room for more.
pub(super) const CUT: &str =
    "\nslipway: the workspace's disk is nearly full: what the program wrote from here on is not kept.\n";

/// A longer line is no metric line.
const LONGEST_LINE: usize = 64 * 1024;

/// Whether the workspace's disk takes more of an output.
pub(super) struct Room {
    folder: PathBuf,
    /// Bytes that may come before it is asked again.
    granted: u64,
    has_room: fn(&Path, u64) -> std::io::Result<bool>,
}

impl Room {
    pub(super) fn on_disk_of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), granted: 0, has_room: engine::storage::has_room }
    }

    /// Takes so many bytes of it. Where the system does not say, the write itself will.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        if bytes > self.granted {
            if !(self.has_room)(&self.folder, ASK_AGAIN_BYTES.max(bytes)).unwrap_or(true) {
                return false;
            }
            self.granted = ASK_AGAIN_BYTES.max(bytes);
        }
        self.granted -= bytes;
        true
    }
}

/// Both outputs under way.
pub(super) struct Captured {
    tasks: Vec<JoinHandle<()>>,
}

impl Captured {
    /// Waits until all was written, at most `patience`: what the program left running may hold
    /// its output open for as long as it likes.
    pub(super) async fn finish(self, patience: Duration) {
        let until = tokio::time::Instant::now() + patience;
        for task in self.tasks {
            let abort = task.abort_handle();
            if tokio::time::timeout_at(until, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

pub(super) async fn start(
    child: &mut Child,
    folder: &Path,
    journal: &Journal,
    is_heard: bool,
) -> std::io::Result<Captured> {
    let mut tasks = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let file = File::create(folder.join("stdout.log")).await?;
        let lines = MetricLines::new(journal.clone());
        let room = Room::on_disk_of(folder);
        tasks.push(tokio::spawn(pass_on(stdout, is_heard.then(tokio::io::stdout), file, room, Some(lines))));
    }
    if let Some(stderr) = child.stderr.take() {
        let file = File::create(folder.join("stderr.log")).await?;
        let room = Room::on_disk_of(folder);
        tasks.push(tokio::spawn(pass_on(stderr, is_heard.then(tokio::io::stderr), file, room, None)));
    }
    Ok(Captured { tasks })
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut terminal: Option<impl AsyncWrite + Unpin>,
    mut file: File,
    mut room: Room,
    mut lines: Option<MetricLines>,
) {
    let mut buffer = vec![0; 16 * 1024];
    let mut file_open = true;
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let bytes = &buffer[..read];
        // A terminal or disk that fails must not end the program by a broken pipe.
        if let Some(open) = &mut terminal
            && (open.write_all(bytes).await.is_err() || open.flush().await.is_err())
        {
            terminal = None;
        }
        if file_open && !room.take(read) {
            file_open = false;
            let _ = write(&mut file, CUT.as_bytes()).await;
        }
        if file_open && let Err(error) = write(&mut file, bytes).await {
            file_open = false;
            tracing::error!("the program's output is not kept any more: {error}");
        }
        if let Some(lines) = &mut lines {
            lines.push(bytes);
        }
    }
    if let Some(lines) = &mut lines {
        lines.push(b"\n");
    }
}

async fn write(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes).await?;
    // Whoever follows the log reads the file.
    file.flush().await
}

/// Finds `{"metric": "loss", "value": 0.1, "step": 3}` among a program's lines.
pub(super) struct MetricLines {
    journal: Journal,
    line: Vec<u8>,
    /// The next step of each key whose lines name none.
    steps: HashMap<String, i64>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct MetricLine {
    metric: String,
    #[serde(with = "api::series::float")]
    value: f64,
    #[serde(default)]
    step: Option<i64>,
}

impl MetricLines {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal, line: Vec::new(), steps: HashMap::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + part.len() <= LONGEST_LINE {
                self.line.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                if let Some(found) = read(&line) {
                    self.write(found);
                }
            }
        }
    }

    fn write(&mut self, MetricLine { metric, value, step }: MetricLine) {
        let next = self.steps.entry(metric.clone()).or_insert(0);
        let step = step.unwrap_or(*next);
        *next = step.saturating_add(1);
        self.journal.write(EventBody::Metric { key: metric, step, value });
    }
}

fn read(line: &[u8]) -> Option<MetricLine> {
    let text = std::str::from_utf8(line).ok()?.trim();
    if !text.starts_with('{') || !text.contains("\"metric\"") {
        return None;
    }
    // Python's json writes NaN and Infinity bare, which JSON has no words for.
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&quoted_numbers(text))).ok()
}

fn quoted_numbers(text: &str) -> String {
    let text = text.replace(": NaN", ": \"NaN\"").replace(":NaN", ":\"NaN\"");
    let text = text.replace(": -Infinity", ": \"-Infinity\"").replace(":-Infinity", ":\"-Infinity\"");
    text.replace(": Infinity", ": \"Infinity\"").replace(":Infinity", ":\"Infinity\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_full_disk_has_no_room_for_goes_on_to_the_terminal_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout.log");
        let file = File::create(&path).await.unwrap();
        // One mebibyte, and no more.
        let mut room = Room { has_room: |_, _| Ok(false), ..Room::on_disk_of(folder.path()) };
        room.granted = ASK_AGAIN_BYTES;
        let written = vec![b'x'; 3 << 20];
        let mut heard = Vec::new();
        pass_on(written.as_slice(), Some(&mut heard), file, room, None).await;
        assert_eq!(heard.len(), 3 << 20);
        let kept = std::fs::read_to_string(&path).unwrap();
        let (output, said) = kept.split_at(1 << 20);
        assert!(output.bytes().all(|byte| byte == b'x'));
        assert_eq!(said, CUT);
    }

    #[test]
    fn metric_lines_are_found_among_others() {
        let found = |line: &str| read(line.as_bytes()).map(|found| (found.metric, found.step));
        assert_eq!(found(r#"{"metric": "loss", "value": 0.1, "step": 3}"#), Some(("loss".into(), Some(3))));
        assert_eq!(found("  {\"value\": 1, \"metric\": \"a\", \"epoch\": 2}\r\n"), Some(("a".into(), None)));
        assert_eq!(found("epoch 3: {\"metric\": \"loss\", \"value\": 1}"), None);
        assert_eq!(found(r#"{"metric": "loss"}"#), None);
        assert_eq!(found("nonsense"), None);
        assert!(read(br#"{"metric": "loss", "value": NaN}"#).unwrap().value.is_nan());
        assert_eq!(read(br#"{"metric":"loss","value":-Infinity}"#).unwrap().value, f64::NEG_INFINITY);
    }
}
