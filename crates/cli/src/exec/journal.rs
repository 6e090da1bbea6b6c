//! The run's `events.jsonl`, appended by one thread, each event in one write.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
};

use api::{
    PROTOCOL,
    worker::{EventBody, WorkerEvent},
};
use tokio::sync::{mpsc, oneshot};

enum Entry {
    Event(EventBody),
    Close(oneshot::Sender<()>),
}

/// A handle to write by; clones write to the same file, in order.
#[derive(Clone)]
pub(super) struct Journal {
    sender: mpsc::UnboundedSender<Entry>,
}

impl Journal {
    pub(super) fn open(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = OpenOptions::new().create(true).append(true).open(folder.join("events.jsonl"))?;
        let (sender, receiver) = mpsc::unbounded_channel();
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || append(file, receiver))?;
        Ok(Self { sender })
    }

    pub(super) fn write(&self, body: EventBody) {
        // The writer ends only after `close`; what comes later belongs to no run.
        let _ = self.sender.send(Entry::Event(body));
    }

    /// Returns once everything that was written is on the disk.
    pub(super) async fn close(&self) {
        let (done, written) = oneshot::channel();
        if self.sender.send(Entry::Close(done)).is_ok() {
            let _ = written.await;
        }
    }
}

fn append(mut file: File, mut receiver: mpsc::UnboundedReceiver<Entry>) {
    while let Some(entry) = receiver.blocking_recv() {
        let result = match entry {
            Entry::Event(body) => {
                let event = WorkerEvent { v: PROTOCOL, time_ms: crate::words::now_ms(), body };
                serde_json::to_vec(&event).map_err(std::io::Error::other).and_then(|mut line| {
                    line.push(b'\n');
                    file.write_all(&line)
                })
            }
            Entry::Close(done) => {
                let result = file.sync_all();
                let _ = done.send(());
                if result.is_ok() {
                    return;
                }
                result
            }
        };
        if let Err(error) = result {
            tracing::error!("an event of the run can't be written: {error}");
        }
    }
}
