//! Follows the sources: hears of changes, and reads on once they are over.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api::{
    SourceId,
    source::{Kind, Source},
};
use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::task::AbortHandle;

use super::taking::Taken;
use crate::{Engine, Mode};

/// Quiet before a log that grows is read on.
const QUIET: Duration = Duration::from_millis(500);
/// When a log is looked at again that another program keeps locked.
const LOCKED: Duration = Duration::from_secs(5);
/// When a log is looked at again that doesn't say itself whether its runs are over: a little later than its reader
/// takes a file that doesn't change for one that nobody writes to.
const SETTLED: Duration = Duration::from_secs(130);

/// What watches the sources, and which are being read.
#[derive(Default)]
pub(crate) struct Following {
    watchers: Mutex<HashMap<SourceId, Debouncer<RecommendedWatcher, RecommendedCache>>>,
    /// Being read; `true` where more came meanwhile.
    reading: Mutex<HashMap<SourceId, bool>>,
    /// Those that are read again at a time, whether or not something is heard of them.
    waiting: Mutex<HashMap<SourceId, AbortHandle>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether nobody reads it now; then it is ours to read until [`end`].
pub(super) fn begin(engine: &Engine, id: SourceId) -> bool {
    let mut reading = lock(&engine.following().reading);
    match reading.get_mut(&id) {
        Some(more) => {
            *more = true;
            false
        }
        None => {
            reading.insert(id, false);
            true
        }
    }
}

/// Whether more came while it was read.
pub(super) fn end(engine: &Engine, id: SourceId) -> bool {
    lock(&engine.following().reading).remove(&id).unwrap_or(false)
}

/// Reads on without a job: what a hint of the system leads to.
pub(super) fn read_soon(engine: &Engine, id: SourceId) {
    if !begin(engine, id) {
        return;
    }
    let weak = engine.downgrade();
    tokio::spawn(async move {
        let Some(engine) = weak.upgrade() else { return };
        if let Err(failure) = super::take_in(&engine, id, None).await {
            tracing::warn!(error = format!("{failure:#}"), "a source can't be read on");
        }
        if end(&engine, id) {
            read_soon(&engine, id);
        }
    });
}

/// Reads a followed source again at a time, where what it waits for is no change of its files.
pub(super) fn read_later(engine: &Engine, source: &Source, taken: Taken) {
    let ages = matches!(source.kind, Kind::TensorBoard | Kind::Wandb | Kind::DvcLive | Kind::Metrics);
    let after = match taken {
        Taken { waits: true, .. } => LOCKED,
        Taken { is_open: true, .. } if ages => SETTLED,
        _ => return forget_later(engine, source.id),
    };
    if !source.watched || engine.options().mode != Mode::Host {
        return;
    }
    let (weak, id) = (engine.downgrade(), source.id);
    let task = tokio::spawn(async move {
        tokio::time::sleep(after).await;
        if let Some(engine) = weak.upgrade() {
            read_soon(&engine, id);
        }
    });
    if let Some(before) = lock(&engine.following().waiting).insert(id, task.abort_handle()) {
        before.abort();
    }
}

fn forget_later(engine: &Engine, id: SourceId) {
    if let Some(task) = lock(&engine.following().waiting).remove(&id) {
        task.abort();
    }
}

/// Hears of changes below a source.
pub(super) fn follow(engine: &Engine, source: &Source) {
    let (weak, id) = (engine.downgrade(), source.id);
    let runtime = tokio::runtime::Handle::current();
    let heard = move |result: DebounceEventResult| {
        // That a file was opened is told, too, of our own reading. An error says that something happened.
        if result.is_ok_and(|events| events.iter().all(|event| event.kind.is_access())) {
            return;
        }
        let _entered = runtime.enter();
        if let Some(engine) = weak.upgrade() {
            read_soon(&engine, id);
        }
    };
    let made = new_debouncer(QUIET, None, heard).and_then(|mut debouncer| {
        for (path, how) in watched(source) {
            debouncer.watch(path, how)?;
        }
        Ok(debouncer)
    });
    match made {
        Ok(debouncer) => {
            lock(&engine.following().watchers).insert(id, debouncer);
        }
        Err(failure) => tracing::warn!(%failure, path = source.path, "a source can't be followed"),
    }
}

/// The folders whose changes are a source's.
fn watched(source: &Source) -> Vec<(PathBuf, RecursiveMode)> {
    let path = PathBuf::from(&source.path);
    if source.kind == Kind::Dvc {
        // A commit changes nothing beside `dvc.yaml`, but where its branch's head is kept.
        return foreign::dvc::heads(&path).into_iter().map(|folder| (folder, RecursiveMode::Recursive)).collect();
    }
    if path.is_dir() {
        return vec![(path, RecursiveMode::Recursive)];
    }
    // A file that is replaced is another one: its folder tells.
    let folder = path.parent().map_or(path.clone(), Path::to_owned);
    vec![(folder, RecursiveMode::NonRecursive)]
}

pub(super) fn unfollow(engine: &Engine, id: SourceId) {
    lock(&engine.following().watchers).remove(&id);
    forget_later(engine, id);
}
