//! One writer thread with batched transactions, a few read connections.
//!
//! Writes queue for the writer thread, which takes all that wait into one transaction, each of several behind a
//! savepoint: one that fails rolls back alone. A caller is answered after the commit. An ordinary
//! write survives the death of any process; a durable one is fsynced before it is acknowledged and
//! survives a power cut. A brief one is done at once by whoever asks where nobody else writes: waking the writer, and
//! being woken by it, would take longer than the work.

pub mod compact;

use std::{
    cell::Cell,
    fs::OpenOptions,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, TryLockError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, config::DbConfig};
use tokio::sync::{Semaphore, oneshot};

use crate::{
    blob::Blobs,
    error::{Result, StoreError},
    fold::{Folding, Writer, fits, keep_short},
    migrate,
};

/// Read connections: each holds its own page cache, so few are kept.
const READERS: usize = 4;
/// Of the connection that writes, in KiB. What a reader has not in its own the system has in its.
const WRITERS_CACHE: i32 = 8 * 1024;
const READERS_CACHE: i32 = 6 * 1024;
/// Writes in one transaction at most, so that the first of a flood is not answered last.
const BATCH: usize = 256;
/// Of the one that folds the log, which reads and writes around its own.
const FOLDERS_CACHE: i32 = 64;
/// How long nobody writes or reads before the pages that connections hold are given back: the system has them in its own
/// cache still.
const QUIET: Duration = Duration::from_secs(10);
/// Rows that are written in this time where next to nothing is: as of a run or two that are measured.
const LITTLE: u64 = 1_000;
/// Reads in this time where nobody asks for anything: whoever watches deployments looks for some every few seconds.
const FEW: u64 = 10;

/// Told, after the commit, how the transaction ended.
type Answer = Box<dyn FnOnce(std::result::Result<(), Failure>) + Send>;
/// Runs in the transaction and says how that went; without one, it is only to be told why.
type Work = Box<dyn FnOnce(Option<&Transaction<'_>>) -> (Outcome, Answer) + Send>;

/// Why a whole transaction failed: SQLite's code is kept, so that each caller can tell a full disk.
#[derive(Clone)]
struct Failure {
    code: rusqlite::ffi::Error,
    message: String,
}

/// How one write of a transaction went.
enum Outcome {
    Good,
    /// Its savepoint is rolled back; with SQLite's code where it was SQLite that refused.
    Bad(Option<rusqlite::ffi::Error>),
}

struct Write {
    work: Work,
    durable: bool,
}

/// What there is only while it is open.
struct Opened {
    /// To the writer thread.
    writes: mpsc::Sender<Write>,
    folding: Folding,
}

/// The connections that read, and how many reads there were.
#[derive(Default)]
struct Readers {
    free: Mutex<Vec<Connection>>,
    reads: AtomicU64,
}

/// The open database with its blobs. Clones share it; it closes with the last one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    blobs: Blobs,
    writer: Writer,
    /// The connection that folds the log; `None` while the file is replaced, and once it is closed.
    folder: Writer,
    /// `None` once it is closed.
    opened: Mutex<Option<Opened>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    readers: Arc<Readers>,
    free: Arc<Semaphore>,
    /// Held while the database is written anew.
    compacting: Mutex<()>,
}

impl Store {
    /// Opens `folder/slipway.db` and `folder/blobs`, making and migrating them as needed. The caller
    /// holds the workspace's lock. Errs with `Lost` where there would be a new database over content that an
    /// earlier one knew.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("slipway.db");
        if !path.exists() {
            refuse_if_in_use(folder, &path)?;
            begin(&path)?;
        }
        let mut connection = Connection::open(&path)?;
        configure(&connection, WRITERS_CACHE)?;
        // An empty file, as some file systems leave it after a power cut, is a database without a table.
        if connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))? {
            refuse_if_in_use(folder, &path)?;
        }
        compact::forget_half(&path.canonicalize().unwrap_or_else(|_| path.clone()));
        log_ahead(&connection)?;
        migrate::migrate(&mut connection, &path)?;
        let blobs = Blobs::open(folder.join("blobs"))?;
        let readers = open_readers(&path)?;
        let (writes, receiver) = mpsc::channel();
        let writer: Writer = Arc::new(Mutex::new(Some(connection)));
        let readers = Arc::new(Readers { free: Mutex::new(readers), reads: AtomicU64::new(0) });
        let no_thread = |source| StoreError::File { what: "no thread can be started for", path: path.clone(), source };
        let folder: Writer = Arc::new(Mutex::new(Some(open_folder(&path)?)));
        let (folding, folds) = Folding::begin(Arc::clone(&folder), Arc::clone(&writer)).map_err(no_thread)?;
        let of_thread = (Arc::clone(&writer), Arc::clone(&readers), Arc::clone(&folder), folding.clone());
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let (writer, readers, folder, folding) = of_thread;
                write_all(&writer, &readers, &folding, &receiver);
                // Its thread ends with the last who asks.
                drop(folding);
                let _ = folds.join();
                lock(&folder).take();
                close(&writer);
            })
            .map_err(no_thread)?;
        Ok(Self {
            inner: Arc::new(Inner {
                path,
                blobs,
                writer,
                folder,
                opened: Mutex::new(Some(Opened { writes, folding })),
                thread: Mutex::new(Some(thread)),
                readers,
                free: Arc::new(Semaphore::new(READERS)),
                compacting: Mutex::new(()),
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
        self.enqueue(prepared(work), false).await
    }

    /// The same of what takes a millisecond or so. It is done on this thread where nobody else writes, and so may come before
    /// what queues.
    pub async fn write_briefly<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (work, receiver) = prepared(work);
        let folding = lock(&self.inner.opened).as_ref().ok_or(StoreError::Closed)?.folding.clone();
        let work = {
            let mut writer = match self.inner.writer.try_lock() {
                // Who queues waits until the log is folded.
                _ if folding.is_behind() => None,
                Ok(writer) => Some(writer),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            };
            match writer.as_mut().and_then(|writer| writer.as_mut()) {
                Some(connection) => {
                    write_batch(connection, vec![Write { work, durable: false }]);
                    None
                }
                None => Some(work),
            }
        };
        match work {
            Some(work) => self.enqueue((work, receiver), false).await,
            None => {
                tell(&folding);
                receiver.await.map_err(|_| StoreError::Closed)?
            }
        }
    }

    /// The same, fsynced before it is acknowledged: survives a power cut.
    pub async fn write_durable<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.enqueue(prepared(work), true).await
    }

    async fn enqueue<T>(&self, (work, receiver): Prepared<T>, durable: bool) -> Result<T> {
        let write = Write { work, durable };
        lock(&self.inner.opened)
            .as_ref()
            .and_then(|opened| opened.writes.send(write).ok())
            .ok_or(StoreError::Closed)?;
        receiver.await.map_err(|_| StoreError::Closed)?
    }

    /// Closes it for every clone: what is queued is written, what is being read ends, and the database
    /// is one file again. Afterwards each use errs with `Closed`.
    pub async fn close(&self) {
        // Every place of a reader: whoever reads now has ended, and nobody begins.
        let readers = self.inner.free.acquire_many(READERS as u32).await;
        self.inner.free.close();
        let inner = Arc::clone(&self.inner);
        let _ = tokio::task::spawn_blocking(move || inner.close()).await;
        drop(readers);
    }

    /// Reads a consistent state on a blocking thread.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        let permit = Arc::clone(&inner.free).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let task = tokio::task::spawn_blocking(move || {
            // Given back with the connection, also where the caller has gone meanwhile.
            let _permit = permit;
            inner.readers.reads.fetch_add(1, Ordering::Relaxed);
            let connection = lock(&inner.readers.free).pop().ok_or(StoreError::Closed)?;
            // A panic in one read must not take the connection.
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                connection.unchecked_transaction().map_err(StoreError::from).and_then(|transaction| work(&transaction))
            }));
            lock(&inner.readers.free).push(connection);
            match done {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        });
        match task.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(StoreError::Closed),
        }
    }
}

impl Inner {
    /// The readers first: the connection that closes last folds the log into the one file, and only
    /// one that may write can.
    fn close(&self) {
        let _alone = lock(&self.compacting);
        lock(&self.readers.free).clear();
        // The writer ends when its channel does, after all that was queued.
        lock(&self.opened).take();
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes an empty file, which is its user's alone: others may enter a workspace in a folder that was there before it. SQLite gives its
/// log the rights of the database, whichever it has.
fn begin(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        // A link to a place where no file is yet: SQLite makes that.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop).map_err(|source| StoreError::File { what: "make", path: path.to_owned(), source }),
    }
}

/// Errs where the folder holds blobs or runs: a new database would take them for garbage.
fn refuse_if_in_use(folder: &Path, path: &Path) -> Result<()> {
    let blobs = folder.join("blobs");
    let blobs = if blobs.is_dir() { Blobs::open(blobs)?.list()? } else { Vec::new() };
    let runs = entries(&folder.join("runs")).len();
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let held: Vec<String> = counted(blobs.len(), "stored file", "stored files")
        .into_iter()
        .chain(counted(runs, "run's folder", "runs' folders"))
        .collect();
    if held.is_empty() {
        return Ok(());
    }
    let own = ["slipway.db", "slipway.db-wal", "slipway.db-shm", "slipway.db-journal"];
    let mut copies: Vec<PathBuf> = entries(folder)
        .into_iter()
        .filter(|copy| {
            let name = copy.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("slipway.db") && !own.contains(&&*name)
        })
        .collect();
    copies.sort();
    Err(StoreError::Lost { path: path.to_owned(), held: held.join(" and "), copies })
}

/// What a folder holds; nothing where there is no such folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn configure(connection: &Connection, cache_kib: i32) -> Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// The connection that writes, to a database that is there.
fn open_writer(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    configure(&connection, WRITERS_CACHE)?;
    log_ahead(&connection)?;
    Ok(connection)
}

/// What is written stands in a log before it is folded into the database; how long the log is, is told to the thread.
fn log_ahead(connection: &Connection) -> Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    keep_short(connection)?;
    connection.wal_hook(Some(|_, pages| {
        LOGGED.set(pages);
        Ok(())
    }));
    Ok(())
}

/// What folds that log.
fn open_folder(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    configure(&connection, FOLDERS_CACHE)?;
    // One that has read nothing does not know of the log.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn open_readers(path: &Path) -> Result<Vec<Connection>> {
    let reader = |_: usize| -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(path, flags)?;
        configure(&reader, READERS_CACHE)?;
        Ok(reader)
    };
    (0..READERS).map(reader).collect()
}

/// What is done in the transaction, and where its answer comes.
type Prepared<T> = (Work, oneshot::Receiver<Result<T>>);

fn prepared<T: Send + 'static>(work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static) -> Prepared<T> {
    let (sender, receiver) = oneshot::channel();
    let work: Work = Box::new(move |transaction| {
        let result = transaction.map(work);
        let outcome = match &result {
            Some(Ok(_)) => Outcome::Good,
            Some(Err(StoreError::Sqlite(error))) => Outcome::Bad(error.sqlite_error().copied()),
            Some(Err(_)) | None => Outcome::Bad(None),
        };
        let answer: Answer = Box::new(move |committed| {
            let result = match (committed, result) {
                (Ok(()), Some(result)) => result,
                // What the work itself said comes first: the commit only failed after it.
                (Err(_), Some(Err(own))) => Err(own),
                (Err(failure), _) => Err(failure.into()),
                (Ok(()), None) => Err(StoreError::Closed),
            };
            // The caller may have gone; what it asked for is written all the same.
            let _ = sender.send(result);
        });
        (outcome, answer)
    });
    (work, receiver)
}

std::thread_local! {
    /// Pages that stand in the log since this thread's last commit, as SQLite tells them.
    static LOGGED: Cell<i32> = const { Cell::new(0) };
}

/// Tells how long the log is, where this thread has committed something.
fn tell(folding: &Folding) {
    let pages = LOGGED.take();
    if pages > 0 {
        folding.logged(pages);
    }
}

fn write_all(
    writer: &Mutex<Option<Connection>>,
    readers: &Readers,
    folding: &Folding,
    receiver: &mpsc::Receiver<Write>,
) {
    let mut rest = Rest::default();
    let mut looked = Instant::now();
    loop {
        let first = receiver.recv_timeout(QUIET);
        if looked.elapsed() >= QUIET {
            looked = Instant::now();
            rest.look(writer, readers);
        }
        let first = match first {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        folding.catch_up();
        let batch: Vec<Write> = std::iter::once(first).chain(receiver.try_iter().take(BATCH - 1)).collect();
        if let Some(connection) = lock(writer).as_mut() {
            write_batch(connection, batch);
        }
        tell(folding);
    }
}

/// Leaves one file behind instead of three: the connection that closes last folds what is left. Failing to is harmless. What does
/// not fit on the disk stays in its log, for the room that is left.
fn close(writer: &Mutex<Option<Connection>>) {
    if let Some(connection) = lock(writer).take() {
        let _ = if fits(&connection) {
            connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")
        } else {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(|_| ())
        };
    }
}

/// Gives back what connections hold, those that read and the one that writes each by what was done with them: beside runs
/// that are measured something is written every second, and next to nothing is read.
#[derive(Debug, Default)]
struct Rest {
    reading: Quiet,
    writing: Quiet,
}

/// What was done when it was last looked at, and by when pages were given back.
#[derive(Debug, Default)]
struct Quiet {
    before: u64,
    given_back: u64,
}

impl Quiet {
    /// Whether pages are to be given back: no more than `little` was done since the last look, and something since they were.
    fn is_over(&mut self, done: u64, little: u64) -> bool {
        let over = done.saturating_sub(self.before) <= little && done != self.given_back;
        if over {
            self.given_back = done;
        }
        self.before = done;
        over
    }
}

impl Rest {
    fn look(&mut self, writer: &Mutex<Option<Connection>>, readers: &Readers) {
        if self.reading.is_over(readers.reads.load(Ordering::Relaxed), FEW) {
            lock(&readers.free).iter().for_each(give_back);
        }
        if let Some(writer) = &*lock(writer)
            && self.writing.is_over(writer.total_changes(), LITTLE)
        {
            give_back(writer);
        }
    }
}

/// Lets a connection forget the pages that it holds.
fn give_back(connection: &Connection) {
    if let Err(error) = connection.execute_batch("PRAGMA shrink_memory") {
        tracing::debug!("the database's pages can't be given back: {error}");
    }
}

fn write_batch(connection: &mut Connection, batch: Vec<Write>) {
    let mut waiting = batch.into_iter();
    while waiting.len() > 0 {
        let before = waiting.len();
        let mut answers = Vec::with_capacity(before);
        let committed = commit_batch(connection, &mut waiting, &mut answers).map_err(Failure::from);
        if let Err(failure) = &committed {
            tracing::error!(code = failure.code.extended_code, "a transaction failed: {}", failure.message);
        }
        if committed.is_err() && waiting.len() == before {
            // It did not even begin: nobody who waits is served better by another try.
            answers.extend(waiting.by_ref().map(|write| (write.work)(None).1));
        }
        for answer in answers {
            answer(committed.clone());
        }
    }
}

/// Takes writes into one transaction: all of them, but for those after one that made SQLite give the
/// whole transaction up (a full disk can). These wait for the next.
fn commit_batch(
    connection: &mut Connection,
    waiting: &mut std::vec::IntoIter<Write>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    let durable = waiting.as_slice().iter().any(|write| write.durable);
    if durable {
        // With FULL the commit fsyncs the log, and with it every commit before.
        connection.pragma_update(None, "synchronous", "FULL")?;
    }
    let result = run_batch(connection, waiting, answers);
    if durable {
        connection.pragma_update(None, "synchronous", "NORMAL")?;
    }
    result
}

fn run_batch(
    connection: &mut Connection,
    waiting: &mut std::vec::IntoIter<Write>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // One that is alone stands or falls with the transaction: for a savepoint each page is copied before it is changed.
    let is_alone = waiting.len() == 1;
    for write in waiting.by_ref() {
        let work = write.work;
        if !is_alone && let Err(error) = transaction.execute_batch("SAVEPOINT one") {
            answers.push(work(None).1);
            return Err(error);
        }
        // A panic in one write must not take the thread, and with it everybody's writes.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(Some(&transaction))));
        let outcome = match done {
            Ok((outcome, answer)) => {
                answers.push(answer);
                outcome
            }
            Err(_) => Outcome::Bad(None),
        };
        if transaction.is_autocommit() {
            // SQLite has rolled all of it back by itself.
            let code = match outcome {
                Outcome::Bad(Some(code)) => code,
                _ => rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
            };
            return Err(rusqlite::Error::SqliteFailure(code, None));
        }
        let is_good = matches!(outcome, Outcome::Good);
        if is_alone {
            return if is_good { transaction.commit() } else { transaction.rollback() };
        }
        transaction.execute_batch(if is_good { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" })?;
    }
    transaction.commit()
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let unknown = || rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR);
        Self { code: error.sqlite_error().copied().unwrap_or_else(unknown), message: error.to_string() }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::Sqlite(rusqlite::Error::SqliteFailure(failure.code, Some(failure.message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back_once_in_each_rest() {
        let mut quiet = Quiet::default();
        let mut looks = |done: &[u64]| -> Vec<bool> { done.iter().map(|done| quiet.is_over(*done, 10)).collect() };
        // Nothing was done yet, then much, then nothing, twice.
        assert_eq!(looks(&[0, 500, 500, 500]), [false, false, true, false]);
        // A little is rest as well; a connection that was replaced counts from its beginning.
        assert_eq!(looks(&[505, 900, 3, 3]), [true, false, true, false]);
    }

    #[tokio::test]
    async fn readers_rest_while_something_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let cached = |connection: &Connection| -> i32 {
            let (mut now, mut most) = (0, 0);
            // SAFETY: the connection is open, and both are ours.
            #[expect(unsafe_code, reason = "no call of rusqlite's tells it")]
            unsafe {
                let status = rusqlite::ffi::SQLITE_DBSTATUS_CACHE_USED;
                rusqlite::ffi::sqlite3_db_status(connection.handle(), status, &raw mut now, &raw mut most, 0);
            }
            now
        };
        let read = async || {
            let counted = store.read(|c| Ok(c.query_row("SELECT count(*) FROM run", [], |row| row.get::<_, i64>(0))?));
            counted.await.unwrap()
        };
        for _ in 0..=FEW {
            read().await;
        }
        let held = || lock(&store.inner.readers.free).iter().map(cached).sum::<i32>();
        let before = held();
        let mut rest = Rest::default();
        rest.look(&store.inner.writer, &store.inner.readers);
        assert_eq!(held(), before, "much was read since the last look");
        // As those that look for deployments do.
        read().await;
        let of_begin = rest.writing.given_back;
        store
            .write(|tx| {
                for number in 0..2 * LITTLE {
                    tx.execute("INSERT INTO setting(name, value) VALUES(?1, '1')", [number.to_string()])?;
                }
                Ok(())
            })
            .await
            .unwrap();
        rest.look(&store.inner.writer, &store.inner.readers);
        assert!(held() < before, "{} of {before}", held());
        assert_eq!(rest.writing.given_back, of_begin, "the one that writes had much to do");
    }
}
