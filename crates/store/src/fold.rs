//! Folds the log into the database, beside those who write.
//!
//! A fold writes each page that changed once and fsyncs twice: tens of milliseconds, on a slow disk a second. It has a
//! thread and a connection of its own, so that no write waits for it. SQLite begins the log anew only once all of it is
//! folded, which it never is beside a client that writes without a pause: of a log that has become long the rest is
//! folded while nobody writes. Where the log grows faster than it is folded, the writer thread waits.
//!
//! On a full disk nothing is folded that does not fit: it would take the last room, in which something can be deleted still.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI32, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use rusqlite::Connection;

/// Pages that are logged before they are folded: 16 MB. What many small commits wrote into the same page is folded once.
const FOLD_PAGES: i32 = 4 * 1024;
/// A log of so many pages is to begin anew.
const ANEW_PAGES: i32 = 2 * FOLD_PAGES;
/// What the log's file keeps: one that grew while another program read for long is cut to it as it begins anew.
const KEPT_BYTES: i64 = 64 << 20;

/// The connection that writes; `None` once it is closed.
pub(crate) type Writer = Arc<Mutex<Option<Connection>>>;

/// Asks for folds. The thread that folds ends with the last of them.
#[derive(Clone)]
pub(crate) struct Folding {
    asks: mpsc::SyncSender<()>,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    /// In it, as the last commit told.
    pages: AtomicI32,
    /// Of them those that stand in the database.
    folded: AtomicI32,
    /// Held while it is folded.
    under_way: Mutex<()>,
}

impl Log {
    fn unfolded(&self) -> i32 {
        self.pages.load(Ordering::Relaxed) - self.folded.load(Ordering::Relaxed)
    }
}

impl Folding {
    /// `folder` may write, and is used for nothing else; nothing is folded while there is none.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub(crate) fn begin(folder: Writer, writer: Writer) -> io::Result<(Self, JoinHandle<()>)> {
        // One that waits is asked for all that is logged by then.
        let (asks, asked) = mpsc::sync_channel(1);
        let log = Arc::new(Log::default());
        let of_thread = Arc::clone(&log);
        let thread = std::thread::Builder::new()
            .name("store-folder".to_owned())
            .spawn(move || fold_all(&folder, &writer, &asked, &of_thread))?;
        Ok((Self { asks, log }, thread))
    }

    /// To be told after each commit how many pages stand in the log.
    pub(crate) fn logged(&self, pages: i32) {
        self.log.pages.store(pages, Ordering::Relaxed);
        // A log that began anew is shorter than what was folded of the one before.
        if pages < self.log.folded.load(Ordering::Relaxed) {
            self.log.folded.store(0, Ordering::Relaxed);
        }
        if self.log.unfolded() >= FOLD_PAGES {
            let _ = self.asks.try_send(());
        }
    }

    /// Whether the log grows faster than it is folded.
    pub(crate) fn is_behind(&self) -> bool {
        self.log.unfolded() >= ANEW_PAGES
    }

    /// Waits for the fold that is under way, where the log grows faster than it is folded. Whoever asks holds no
    /// connection.
    pub(crate) fn catch_up(&self) {
        if self.is_behind() {
            drop(self.log.under_way.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// A connection, or none for now.
type Held = Mutex<Option<Connection>>;

fn fold_all(folder: &Held, writer: &Held, asked: &mpsc::Receiver<()>, log: &Log) {
    while asked.recv().is_ok() {
        let under_way = log.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if folder.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(fits) {
            // What can't be folded now, since somebody still reads it, is with the next.
            match fold(folder, writer) {
                Ok(folded) => log.folded.store(folded, Ordering::Relaxed),
                Err(error) => tracing::warn!("the database's log can't be folded into it: {error}"),
            }
        }
        drop(under_way);
        // Whoever asked meanwhile meant what is folded by now, or asks again after the next commit.
        asked.try_iter().for_each(drop);
    }
}

/// To be said to the connection that writes.
pub(crate) fn keep_short(writer: &Connection) -> rusqlite::Result<()> {
    writer.pragma_update(None, "journal_size_limit", KEPT_BYTES)
}

/// Whether the disk has room for all of the log in the database, as far as that is known. A fold that breaks off for want of
/// it ends no log, and takes what room there is.
pub(crate) fn fits(connection: &Connection) -> bool {
    let free = connection.path().and_then(|path| fs4::available_space(path).ok());
    match (growth(connection), free) {
        (Ok(growth), Some(free)) => growth <= free,
        _ => true,
    }
}

/// Bytes that the database's file grows by when all of its log is folded.
fn growth(connection: &Connection) -> rusqlite::Result<u64> {
    let of = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).map(|value| value as u64);
    let size = of("PRAGMA page_size")? * of("PRAGMA page_count")?;
    let file = connection.path().and_then(|path| std::fs::metadata(path).ok());
    Ok(file.map_or(0, |file| size.saturating_sub(file.len())))
}

/// How many of the log's pages stand in the database by now.
fn fold(folder: &Held, writer: &Held) -> rusqlite::Result<i32> {
    // One lock after the other: who replaces the file has the writer's while it takes the folder away.
    let by = |held: &Held| match &*held.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(connection) => checkpoint(connection).map(Some),
        None => Ok(None),
    };
    let Some((pages, folded)) = by(folder)? else { return Ok(0) };
    if pages < ANEW_PAGES {
        return Ok(folded);
    }
    Ok(by(writer)?.map_or(folded, |(_, folded)| folded))
}

/// The pages of the log, and how many of them stand in the database.
fn checkpoint(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILL: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO filled SELECT randomblob(3500) FROM n";

    fn opened(path: &std::path::Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        connection
    }

    /// Pages in the log, read without folding any.
    fn pages(path: &std::path::Path) -> i32 {
        let length = std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
        i32::try_from(length / 4120).unwrap()
    }

    #[test]
    fn a_log_is_folded_while_somebody_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.db");
        let (writer, folder) = (opened(&path), opened(&path));
        writer.execute_batch("CREATE TABLE filled(data BLOB)").unwrap();
        for _ in 0..3 {
            writer.execute_batch(FILL).unwrap();
        }
        writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO filled VALUES('under way')").unwrap();
        let writer = Mutex::new(Some(writer));
        // Whoever writes has the writer's lock, too.
        let writes = writer.lock().unwrap();
        let (logged, folded) = checkpoint(&folder).unwrap();
        let folder = Mutex::new(Some(folder));
        assert!(logged >= 6_000 && folded == logged, "{folded} of {logged}");
        assert!(fold(&folder, &writer).is_ok_and(|folded| folded == logged));
        writes.as_ref().unwrap().execute_batch("COMMIT").unwrap();
    }

    #[test]
    fn a_long_log_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.db");
        let (writer, other) = (opened(&path), opened(&path));
        writer.execute_batch("CREATE TABLE filled(data BLOB)").unwrap();
        while pages(&path) < ANEW_PAGES {
            writer.execute_batch(FILL).unwrap();
        }
        let long = pages(&path);
        let (writer, other) = (Mutex::new(Some(writer)), Mutex::new(Some(other)));
        assert!(fold(&other, &writer).unwrap() >= ANEW_PAGES);
        let writer = writer.into_inner().unwrap().unwrap();
        writer.execute_batch("INSERT INTO filled VALUES('after')").unwrap();
        assert_eq!(pages(&path), long, "the file is written from its beginning");
        let (logged, _) = checkpoint(other.lock().unwrap().as_ref().unwrap()).unwrap();
        assert!(logged < 10, "{logged} pages are logged");
    }

    #[test]
    fn a_log_that_grew_beside_a_reader_is_cut_as_it_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.db");
        let (writer, other, reader) = (opened(&path), opened(&path), opened(&path));
        keep_short(&writer).unwrap();
        writer.execute_batch("CREATE TABLE filled(data BLOB)").unwrap();
        let reading = reader.unchecked_transaction().unwrap();
        let _: i64 = reading.query_row("SELECT count(*) FROM filled", [], |row| row.get(0)).unwrap();
        let size = || std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
        let kept = KEPT_BYTES as u64;
        while size() <= kept + (1 << 20) {
            writer.execute_batch(FILL).unwrap();
        }
        drop(reading);
        let (writer, other) = (Mutex::new(Some(writer)), Mutex::new(Some(other)));
        fold(&other, &writer).unwrap();
        let writer = writer.into_inner().unwrap().unwrap();
        writer.execute_batch("INSERT INTO filled VALUES('after')").unwrap();
        assert!(size() <= kept, "{}", size());
    }

    #[test]
    fn what_the_database_grows_by_is_known_before_its_log_is_folded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.db");
        let (writer, other) = (opened(&path), opened(&path));
        writer.execute_batch("CREATE TABLE filled(data BLOB)").unwrap();
        writer.execute_batch(FILL).unwrap();
        let size = || std::fs::metadata(&path).unwrap().len();
        let (before, grows) = (size(), growth(&other).unwrap());
        assert!(grows > 2000 * 3500, "{grows}");
        assert!(fits(&other));
        checkpoint(&other).unwrap();
        assert_eq!((size(), growth(&other).unwrap()), (before + grows, 0));
        // What stands in its pages already takes no room.
        writer.execute_batch("UPDATE filled SET data = randomblob(3500)").unwrap();
        assert_eq!(growth(&other).unwrap(), 0);
    }

    #[test]
    fn it_is_asked_for_by_what_is_not_folded_yet() {
        let (asks, asked) = mpsc::sync_channel(1);
        let folding = Folding { asks, log: Arc::default() };
        folding.logged(FOLD_PAGES - 1);
        assert!(asked.try_recv().is_err());
        folding.logged(FOLD_PAGES);
        assert!(asked.try_recv().is_ok() && !folding.is_behind());
        folding.log.folded.store(FOLD_PAGES, Ordering::Relaxed);
        folding.logged(2 * FOLD_PAGES - 1);
        assert!(asked.try_recv().is_err());
        // It began anew, and grows past where the one before was folded to.
        folding.logged(7);
        folding.logged(FOLD_PAGES + 1);
        assert!(asked.try_recv().is_ok());
        folding.logged(ANEW_PAGES);
        assert!(folding.is_behind());
        folding.catch_up();
    }
}
