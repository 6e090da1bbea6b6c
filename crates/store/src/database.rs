//! One writer thread with batched transactions, a few read connections.
//!
//! Writes queue for the writer thread, which takes all that wait into one transaction, each behind a
//! savepoint: one that fails rolls back alone. A caller is answered after the commit. An ordinary
//! write survives the death of any process; a durable one is fsynced before it is acknowledged and
//! survives a power cut.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot};

use crate::{
    blob::Blobs,
    error::{Result, StoreError},
    migrate,
};

/// Read connections: each holds its own page cache, so few are kept.
const READERS: usize = 4;
/// Writes in one transaction at most, so that the first of a flood is not answered last.
const BATCH: usize = 256;

/// Told, after the commit, how the transaction ended.
type Answer = Box<dyn FnOnce(std::result::Result<(), String>) + Send>;
/// Runs in the transaction; `false` rolls its savepoint back.
type Work = Box<dyn FnOnce(&Transaction<'_>) -> (bool, Answer) + Send>;

struct Write {
    work: Work,
    durable: bool,
}

/// The open database with its blobs. Clones share it; it closes with the last one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    blobs: Blobs,
    writes: Option<mpsc::Sender<Write>>,
    thread: Option<JoinHandle<()>>,
    readers: Mutex<Vec<Connection>>,
    free: Semaphore,
}

impl Store {
    /// Opens `folder/slipway.db` and `folder/blobs`, making and migrating them as needed. The caller
    /// holds the workspace's lock.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("slipway.db");
        let mut connection = Connection::open(&path)?;
        configure(&connection)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        migrate::migrate(&mut connection, &path)?;
        let blobs = Blobs::open(folder.join("blobs"))?;
        let readers = (0..READERS)
            .map(|_| {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let reader = Connection::open_with_flags(&path, flags)?;
                configure(&reader)?;
                Ok(reader)
            })
            .collect::<Result<Vec<_>>>()?;
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_all(connection, &receiver))
            .map_err(|source| StoreError::File { what: "no thread can be started for", path: path.clone(), source })?;
        Ok(Self {
            inner: Arc::new(Inner {
                path,
                blobs,
                writes: Some(sender),
                thread: Some(thread),
                readers: Mutex::new(readers),
                free: Semaphore::new(READERS),
            }),
        })
    }

    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    pub fn blobs(&self) -> &Blobs {
        &self.inner.blobs
    }

    /// Writes in a transaction; answered after the commit. Survives kill -9 of anything.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.enqueue(work, false).await
    }

    /// The same, fsynced before it is acknowledged: survives a power cut.
    pub async fn write_durable<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.enqueue(work, true).await
    }

    async fn enqueue<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
        durable: bool,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let work: Work = Box::new(move |transaction| {
            let result = work(transaction);
            let good = result.is_ok();
            let answer: Answer = Box::new(move |committed| {
                let result = match committed {
                    Ok(()) => result,
                    // What the work itself said comes first: the commit only failed after it.
                    Err(reason) => result.and(Err(StoreError::Sqlite(rusqlite::Error::SqliteFailure(
                        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR),
                        Some(reason),
                    )))),
                };
                // The caller may have gone; what it asked for is written all the same.
                let _ = sender.send(result);
            });
            (good, answer)
        });
        let writes = self.inner.writes.as_ref().ok_or(StoreError::Closed)?;
        writes.send(Write { work, durable }).map_err(|_| StoreError::Closed)?;
        receiver.await.map_err(|_| StoreError::Closed)?
    }

    /// Reads a consistent state on a blocking thread.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        let permit = inner.free.acquire().await.map_err(|_| StoreError::Closed)?;
        let task = {
            let inner = Arc::clone(&self.inner);
            tokio::task::spawn_blocking(move || {
                let connection = lock(&inner.readers).pop().ok_or(StoreError::Closed)?;
                let result = connection
                    .unchecked_transaction()
                    .map_err(StoreError::from)
                    .and_then(|transaction| work(&transaction));
                lock(&inner.readers).push(connection);
                result
            })
        };
        let result = task.await;
        drop(permit);
        match result {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(StoreError::Closed),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The writer ends when its channel does, after all that was queued.
        self.writes = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn configure(connection: &Connection) -> Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -8 * 1024)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

fn write_all(mut connection: Connection, receiver: &mpsc::Receiver<Write>) {
    while let Ok(first) = receiver.recv() {
        let mut batch = vec![first];
        batch.extend(receiver.try_iter().take(BATCH - 1));
        write_batch(&mut connection, batch);
    }
    // Leaves one file behind instead of three; failing to is harmless.
    let _ = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE");
}

fn write_batch(connection: &mut Connection, batch: Vec<Write>) {
    let durable = batch.iter().any(|write| write.durable);
    let mut answers = Vec::with_capacity(batch.len());
    let committed = commit_batch(connection, batch, durable, &mut answers).map_err(|error| {
        tracing::error!(%error, "a transaction failed");
        error.to_string()
    });
    for answer in answers {
        answer(committed.clone());
    }
}

fn commit_batch(
    connection: &mut Connection,
    batch: Vec<Write>,
    durable: bool,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    if durable {
        // With FULL the commit fsyncs the log, and with it every commit before.
        connection.pragma_update(None, "synchronous", "FULL")?;
    }
    let result = run_batch(connection, batch, answers);
    if durable {
        connection.pragma_update(None, "synchronous", "NORMAL")?;
    }
    result
}

fn run_batch(connection: &mut Connection, batch: Vec<Write>, answers: &mut Vec<Answer>) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for write in batch {
        transaction.execute_batch("SAVEPOINT one")?;
        let work = write.work;
        // A panic in one write must not take the thread, and with it everybody's writes.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&transaction)));
        let good = match done {
            Ok((good, answer)) => {
                answers.push(answer);
                good
            }
            Err(_) => false,
        };
        transaction.execute_batch(if good { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" })?;
    }
    transaction.commit()
}
