//! The request log for drift: raw inputs and answers as Parquet segments in a folder of limited
//! size, until the host has fetched them.
//!
//! A row is the model's input columns as they came (never a column marked sensitive, never
//! pixels), the output columns, and `_received_ms`, the server's time of receipt. Rows wait in
//! memory until their segment closes, by rows or by age, or because the control port asks. A
//! segment is written beside and renamed, so that a file with its final name is whole. `kill -9`
//! loses the open segment at the most; whatever is lost in another way is written down as a gap.
//!
//! One thread writes. Handlers hand it rows over a bounded channel and never wait: if the disk
//! can't follow, rows are dropped and counted.

mod folder;
mod segment;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use api::{config::ColumnType, model::Signature};
use arrow_array::RecordBatch;
use serde::Serialize;
use tokio::sync::{oneshot, watch};

use crate::{config::Config, metrics::Metrics, now_ms};
pub(crate) use folder::Gap;
use folder::{Folder, Segment};

/// Requests that may wait for the writer.
const QUEUE: usize = 4_096;

/// The log as handlers and the control port see it.
#[derive(Debug)]
pub(crate) struct RequestLog {
    folder: Arc<Mutex<Folder>>,
    orders: SyncSender<Order>,
    dropped: Dropped,
    metrics: Arc<Metrics>,
    share: f64,
    requests: AtomicU64,
    not_watched: Vec<String>,
    /// Bumped at every change of what is fetched.
    fetched: watch::Sender<u64>,
    instance: String,
}

/// Rows that the writer could not take in, until they are written down as a gap.
type Dropped = Arc<Mutex<Option<Gap>>>;

enum Order {
    Rows { rows: RecordBatch, received_ms: i64 },
    Close(oneshot::Sender<()>),
}

/// The answer of `GET /v1/logs?after=SEGMENT`.
#[derive(Debug, Serialize)]
pub(crate) struct Listing {
    pub(crate) instance: String,
    pub(crate) segments: Vec<Segment>,
    pub(crate) open_rows: u64,
    /// Rows that were lost before they could be fetched, oldest first.
    pub(crate) gaps: Vec<Gap>,
    pub(crate) share: f64,
    /// Input columns that are never logged.
    pub(crate) not_watched: Vec<String>,
}

impl RequestLog {
    pub(crate) fn start(
        path: &Path,
        config: &Config,
        signature: &Signature,
        instance: String,
        model: &str,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let folder = Folder::open(path, config.log_max_bytes, config.log_days, now_ms())?;
        let (orders, inbox) = sync_channel(QUEUE);
        let not_watched = signature
            .inputs
            .iter()
            .filter(|input| {
                input.sensitive || input.kind == ColumnType::Image || config.not_logged.0.contains(&input.name)
            })
            .map(|input| input.name.clone())
            .collect::<Vec<_>>();
        let log = Self {
            folder: Arc::new(Mutex::new(folder)),
            orders,
            dropped: Dropped::default(),
            metrics,
            share: config.log_share,
            requests: AtomicU64::new(0),
            not_watched,
            fetched: watch::Sender::new(0),
            instance,
        };
        log.measure();
        let writer = Writer {
            folder: log.folder.clone(),
            dropped: log.dropped.clone(),
            metrics: log.metrics.clone(),
            open: segment::Open::new(config.log_segment_rows, log.instance.clone(), model.to_owned()),
            longest: Duration::from_secs(config.log_segment_secs),
            opened: None,
        };
        thread::Builder::new().name("request log".into()).spawn(move || writer.run(&inbox))?;
        Ok(log)
    }

    /// Takes in an answered request, if it is one of the share that is logged.
    pub(crate) fn record(&self, inputs: &RecordBatch, outputs: &RecordBatch, received_ms: i64) {
        if inputs.num_rows() == 0 || !self.takes_next() {
            return;
        }
        let rows = match segment::row(inputs, outputs, &self.not_watched, received_ms) {
            Ok(rows) => rows,
            Err(error) => return crate::say(&format!("a request could not be logged: {error}")),
        };
        let count = rows.num_rows() as u64;
        if self.orders.try_send(Order::Rows { rows, received_ms }).is_err() {
            self.note_dropped(count, received_ms);
        }
    }

    /// Only remembers it: whoever answers a request must not wait for the disk that could not follow.
    fn note_dropped(&self, rows: u64, received_ms: i64) {
        let mut dropped = locked(&self.dropped);
        let gap = dropped.get_or_insert_with(|| Gap {
            from_ms: received_ms,
            to_ms: received_ms,
            rows: 0,
            reason: folder::TOO_SLOW.into(),
        });
        gap.rows += rows;
        gap.from_ms = gap.from_ms.min(received_ms);
        gap.to_ms = gap.to_ms.max(received_ms);
        self.metrics.log_dropped_rows.fetch_add(rows, Relaxed);
    }

    /// Spreads the share evenly over requests: multiples of the golden ratio never clump.
    fn takes_next(&self) -> bool {
        let number = self.requests.fetch_add(1, Relaxed) as f64;
        (number * 0.618_033_988_749_894_9).fract() < self.share
    }

    /// Segments behind `after`, which acknowledges everything up to it.
    pub(crate) fn list(&self, after: Option<&str>) -> Listing {
        let mut folder = self.lock();
        // A server that ends may have closed its last segment beside us.
        if let Err(error) = folder.look() {
            crate::say(&format!("the request log can't be looked through: {error:#}"));
        }
        write_down(&mut folder, &self.dropped);
        folder.sweep(now_ms());
        if let Some(after) = after
            && folder.acknowledge(after)
        {
            self.fetched.send_modify(|times| *times += 1);
        }
        let listing = Listing {
            instance: self.instance.clone(),
            segments: folder.after(after),
            open_rows: self.metrics.log_open_rows.load(Relaxed),
            gaps: folder.gaps().to_vec(),
            share: self.share,
            not_watched: self.not_watched.clone(),
        };
        drop(folder);
        self.measure();
        listing
    }

    /// Where a segment lies, by its id.
    pub(crate) fn path(&self, id: &str) -> Option<std::path::PathBuf> {
        self.lock().path(id)
    }

    /// Closes the open segment; returns when it is on disk.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        let orders = self.orders.clone();
        let sent = tokio::task::spawn_blocking(move || orders.send(Order::Close(done)).is_ok()).await;
        if matches!(sent, Ok(true)) {
            let _ = closed.await;
        }
        self.measure();
    }

    /// Closes the open segment and waits until all is fetched; says how many segments are not.
    pub(crate) async fn drain(&self, longest: Duration) -> usize {
        self.close().await;
        let mut fetched = self.fetched.subscribe();
        let until = tokio::time::Instant::now() + longest;
        loop {
            let left = self.lock().unfetched();
            if left == 0 {
                return 0;
            }
            if !matches!(tokio::time::timeout_at(until, fetched.changed()).await, Ok(Ok(()))) {
                return left;
            }
        }
    }

    fn measure(&self) {
        measure(&self.lock(), &self.dropped, &self.metrics);
    }

    fn lock(&self) -> MutexGuard<'_, Folder> {
        locked(&self.folder)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a gap of what was dropped since.
fn write_down(folder: &mut Folder, dropped: &Mutex<Option<Gap>>) {
    // Taken first, since the disk is waited for: meanwhile handlers may drop more.
    let gap = locked(dropped).take();
    if let Some(gap) = gap {
        folder.lose(gap);
    }
}

fn measure(folder: &Folder, dropped: &Mutex<Option<Gap>>, metrics: &Metrics) {
    metrics.log_segments.store(folder.count() as u64, Relaxed);
    metrics.log_bytes.store(folder.bytes(), Relaxed);
    // Held while it is stored, so that the counter never goes back.
    let dropped = locked(dropped);
    let waiting = dropped.as_ref().map_or(0, |gap| gap.rows);
    metrics.log_dropped_rows.store(folder.lost_rows() + waiting, Relaxed);
}

struct Writer {
    folder: Arc<Mutex<Folder>>,
    dropped: Dropped,
    metrics: Arc<Metrics>,
    open: segment::Open,
    longest: Duration,
    opened: Option<Instant>,
}

impl Writer {
    /// Until every sender is gone; then the open segment is closed.
    fn run(mut self, inbox: &Receiver<Order>) {
        loop {
            let left =
                self.opened.map_or(Duration::from_secs(3_600), |opened| self.longest.saturating_sub(opened.elapsed()));
            match inbox.recv_timeout(left) {
                Ok(Order::Rows { rows, received_ms }) => {
                    self.metrics.log_rows.fetch_add(rows.num_rows() as u64, Relaxed);
                    self.opened.get_or_insert_with(Instant::now);
                    self.open.push(rows, received_ms);
                    while self.open.is_full() {
                        self.close();
                    }
                }
                Ok(Order::Close(done)) => {
                    self.close();
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => self.close(),
                Err(RecvTimeoutError::Disconnected) => return self.close(),
            }
            self.metrics.log_open_rows.store(self.open.rows() as u64, Relaxed);
        }
    }

    fn close(&mut self) {
        let mut folder = locked(&self.folder);
        write_down(&mut folder, &self.dropped);
        if let Some(closed) = self.open.close() {
            let gap = closed.gap();
            if let Err(error) = folder.add(closed, now_ms()) {
                crate::say(&format!(
                    "a segment of the request log could not be written, {} rows are lost: {error:#}",
                    gap.rows
                ));
                folder.lose(gap);
            }
        }
        folder.sweep(now_ms());
        measure(&folder, &self.dropped, &self.metrics);
        self.opened = (self.open.rows() > 0).then(Instant::now);
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Float64Array};

    use super::*;

    #[test]
    fn rows_that_the_writer_cannot_take_in_are_a_gap_and_nobody_waits_for_the_disk() {
        let home = tempfile::tempdir().unwrap();
        let (orders, _inbox) = sync_channel(1);
        let log = RequestLog {
            folder: Arc::new(Mutex::new(Folder::open(home.path(), u64::MAX, 14, 0).unwrap())),
            orders,
            dropped: Dropped::default(),
            metrics: Arc::default(),
            share: 1.0,
            requests: AtomicU64::new(0),
            not_watched: Vec::new(),
            fetched: watch::Sender::new(0),
            instance: "one".into(),
        };
        let column: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
        let rows = RecordBatch::try_from_iter([("x", column)]).unwrap();
        let writing = log.lock();
        for received_ms in [10, 30, 20] {
            log.record(&rows, &rows, received_ms);
        }
        drop(writing);
        assert_eq!(log.metrics.log_dropped_rows.load(Relaxed), 4);
        log.measure();
        assert_eq!(log.metrics.log_dropped_rows.load(Relaxed), 4, "a counter never goes back");
        let gap = Gap { from_ms: 20, to_ms: 30, rows: 4, reason: folder::TOO_SLOW.into() };
        assert_eq!(log.list(None).gaps, [gap]);
        assert_eq!(log.metrics.log_dropped_rows.load(Relaxed), 4);
    }
}
