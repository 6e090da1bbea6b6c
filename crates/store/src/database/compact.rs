//! Gives back to the disk what deleted records left: the database is written anew beside itself, without the pages that
//! hold nothing, and takes its own place.
//!
//! SQLite's own `VACUUM` would need the room twice, once in a folder that may be small and once in the log. Written beside
//! itself it needs what it holds once, and until the one rename that ends it the old file is whole: a process that dies
//! before leaves a half that the next start removes. Who writes meanwhile is served, and it is written once more, since what
//! came would be lost with the old file; only beside one who writes again and again, who writes waits at last. Who reads
//! waits for the rename alone.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    sync::{Arc, MutexGuard},
    time::Duration,
};

use api::{ApiError, ErrorCode};
use rusqlite::Connection;
use tokio::runtime::Handle;

use super::{Inner, READERS, Store, begin, lock, open_folder, open_readers, open_writer};
use crate::error::{Result, StoreError};

/// How often it is written while others may write, before they wait.
const TRIES: usize = 3;

/// What the database's file takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub used_bytes: u64,
    /// Of pages that hold nothing: what is written next uses them.
    pub unused_bytes: u64,
}

/// Bytes of the file before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    pub before: u64,
    pub after: u64,
}

pub fn room(connection: &Connection) -> Result<Room> {
    let of = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).map(|value| value as u64);
    let (size, all, free) = (of("PRAGMA page_size")?, of("PRAGMA page_count")?, of("PRAGMA freelist_count")?);
    Ok(Room { used_bytes: size * all.saturating_sub(free), unused_bytes: size * free })
}

impl Store {
    /// Writes the database anew without what holds nothing. The caller sees that the disk has room for what is used.
    pub async fn compact(&self) -> Result<Compacted> {
        let (inner, handle) = (Arc::clone(&self.inner), Handle::current());
        let done = tokio::task::spawn_blocking(move || compact(&inner, &handle)).await;
        match done {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(StoreError::Closed),
        }
    }
}

fn compact(inner: &Inner, handle: &Handle) -> Result<Compacted> {
    // Once at a time. Who closes the database waits, too.
    let _under_way = lock(&inner.compacting);
    if lock(&inner.opened).is_none() {
        return Err(StoreError::Closed);
    }
    let path = inner.path.canonicalize().map_err(file("look for", &inner.path))?;
    let half = half_of(&path);
    // Nobody writes from here on until it is over: that would be lost with the old file.
    let (mut writer, before) = match write_whole(inner, &path, &half) {
        Ok(written) => written,
        Err(error) => {
            forget_half(&path);
            return Err(error);
        }
    };
    let Ok(alone) = handle.block_on(Arc::clone(&inner.free).acquire_many_owned(READERS as u32)) else {
        forget_half(&path);
        return Err(StoreError::Closed);
    };
    lock(&inner.readers.free).clear();
    lock(&inner.folder).take();
    let swapped = swap(writer.take(), before, &path, &half);
    if swapped.is_err() {
        forget_half(&path);
    }
    // Whichever file is there now is whole.
    *writer = Some(open_writer(&inner.path)?);
    *lock(&inner.readers.free) = open_readers(&inner.path)?;
    *lock(&inner.folder) = Some(open_folder(&inner.path)?);
    drop(alone);
    swapped
}

/// The connection that writes, which nobody else has until this is dropped, and what [`changes_of_others`] said to it.
type Held<'i> = (MutexGuard<'i, Option<Connection>>, i64);

/// Writes a new file of all that the database holds as nobody else can write to it any more.
fn write_whole<'i>(inner: &'i Inner, path: &Path, half: &Path) -> Result<Held<'i>> {
    for _ in 0..TRIES {
        if let Some(held) = write_beside_others(inner, path, half)? {
            return Ok(held);
        }
    }
    let writer = lock(&inner.writer);
    let Some(connection) = writer.as_ref() else { return Err(StoreError::Closed) };
    let before = changes_of_others(connection)?;
    write(connection, path, half)?;
    Ok((writer, before))
}

/// The same while others may write; `None` where somebody did.
fn write_beside_others<'i>(inner: &'i Inner, path: &Path, half: &Path) -> Result<Option<Held<'i>>> {
    // To a connection of its own all are others, our own writer too.
    let copying = open_writer(path)?;
    let begun = changes_of_others(&copying)?;
    write(&copying, path, half)?;
    let writer = lock(&inner.writer);
    let Some(connection) = writer.as_ref() else { return Err(StoreError::Closed) };
    // Asked first: what another program writes from here on, it says as the files are swapped.
    let before = changes_of_others(connection)?;
    let is_whole = changes_of_others(&copying)? == begun;
    Ok(is_whole.then_some((writer, before)))
}

/// Writes what is used into a new file, which is on the disk then.
fn write(connection: &Connection, path: &Path, half: &Path) -> Result<()> {
    forget_half(path);
    begin(half)?;
    connection.execute("VACUUM INTO ?1", [half.to_string_lossy()])?;
    let permissions = path.metadata().map_err(file("look at", path))?.permissions();
    let written = OpenOptions::new().write(true).open(half).and_then(|half| half.sync_all());
    written.and_then(|()| fs::set_permissions(half, permissions)).map_err(file("write", half))
}

/// A number that is another one once a program that is not this one has written.
fn changes_of_others(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
}

/// Puts the new file into the place of the old one, which nobody has open then. `before` is what [`changes_of_others`] said as the
/// new one was begun: what others wrote since stands in the old one alone.
fn swap(old: Option<Connection>, before: i64, path: &Path, half: &Path) -> Result<Compacted> {
    let size = |path: &Path| path.metadata().map(|file| file.len()).map_err(file("look at", path));
    if let Some(old) = &old {
        // Of ours nobody has it open: who else does is not waited for.
        old.busy_timeout(Duration::ZERO)?;
        old.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        if changes_of_others(old)? != before {
            let refusal =
                ApiError::new(ErrorCode::Busy, "Another program wrote to the workspace's slipway.db meanwhile.");
            return Err(refusal.with_hint("Nothing is lost. Close that program, and try again.").into());
        }
    }
    drop(old);
    // The last that closes it removes the log. One that is still there is another's, who would go on in it with the old
    // file, and what stands in it would be folded into the new one.
    if with_ending(path, "-wal").symlink_metadata().is_ok() {
        let refusal = ApiError::new(ErrorCode::Busy, "Another program has the workspace's slipway.db open.");
        return Err(refusal.with_hint("Close it, such as a browser of databases or a backup, and try again.").into());
    }
    let sizes = Compacted { before: size(path)?, after: size(half)? };
    fs::rename(half, path).map_err(file("replace", path))?;
    // Without it a power cut may bring the old file back, which is whole, too.
    if let Some(folder) = path.parent() {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(sizes)
}

fn half_of(path: &Path) -> PathBuf {
    with_ending(path, "-compacting")
}

/// Removes what a process left that died while it wrote.
pub(super) fn forget_half(path: &Path) {
    let half = half_of(path);
    for left in [with_ending(&half, "-journal"), half] {
        let _ = fs::remove_file(left);
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { what, path, source }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_writes_while_the_new_file_is_written_is_served_and_that_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let half = half_of(&store.path().canonicalize().unwrap());
        let compacting = {
            // Whoever writes has this.
            let writer = lock(&store.inner.writer);
            let of_task = store.clone();
            let compacting = tokio::spawn(async move { of_task.compact().await });
            let until = Instant::now() + Duration::from_secs(60);
            while half.metadata().map_or(0, |half| half.len()) == 0 {
                assert!(Instant::now() < until, "it waits for who writes");
                std::thread::yield_now();
            }
            let transaction = writer.as_ref().unwrap().unchecked_transaction().unwrap();
            crate::setting::put(&transaction, "meanwhile", &7_u32).unwrap();
            transaction.commit().unwrap();
            compacting
        };
        compacting.await.unwrap().unwrap();
        let found: Option<u32> = store.read(|c| crate::setting::get(c, "meanwhile")).await.unwrap();
        assert_eq!(found, Some(7));
        assert!(!half.exists());
    }

    #[test]
    fn what_another_program_wrote_meanwhile_is_not_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slipway.db");
        let half = half_of(&path);
        let opened = || open_writer(&path).unwrap();
        let count = || opened().query_row("SELECT count(*) FROM kept", [], |row| row.get::<_, i64>(0)).unwrap();
        opened().execute_batch("CREATE TABLE kept(x); INSERT INTO kept VALUES (1)").unwrap();

        let writer = opened();
        let before = changes_of_others(&writer).unwrap();
        write(&writer, &path, &half).unwrap();
        opened().execute_batch("INSERT INTO kept VALUES (2)").unwrap();
        let refused = swap(Some(writer), before, &path, &half).unwrap_err();
        assert!(refused.to_string().contains("Another program wrote"), "{refused}");
        assert_eq!(count(), 2);

        let writer = opened();
        let before = changes_of_others(&writer).unwrap();
        write(&writer, &path, &half).unwrap();
        swap(Some(writer), before, &path, &half).unwrap();
        assert_eq!(count(), 2);
        assert!(!half.exists());
    }
}
