//! Follows the sources: hears of changes, and reads on once they are over.
//!
//! A network mount tells nothing of what others write there: a log on one is looked at from time to time. Sizes and
//! times to the millisecond are compared, where a watcher that polls would miss what happens twice in a second.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    fs::Metadata,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use api::{
    SourceId,
    event::Tag,
    source::{Kind, Source, SourceWarning},
};
use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, NoCache, new_debouncer_opt};
use tokio::task::AbortHandle;

use super::taking::Taken;
use crate::{Engine, Mode, WeakEngine, watching::mounts};

/// Quiet before a log that grows is read on.
const QUIET: Duration = Duration::from_millis(500);
/// When a log is looked at again that another program keeps locked.
const LOCKED: Duration = Duration::from_secs(5);
/// When a log is looked at again that doesn't say itself whether its runs are over: a little later than its reader
/// takes a file that doesn't change for one that nobody writes to.
const SETTLED: Duration = Duration::from_secs(130);
/// The same of TensorBoard, whose files change as seldom as every two minutes.
const SETTLED_EVENTS: Duration = Duration::from_secs(310);

/// How often a log on a network mount is looked at, where that takes no time.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// How often one is looked at of which the system does not tell, and whether a folder is still the one that it tells of.
const LOOK_INSTEAD: Duration = Duration::from_secs(10);
/// Of the time, at most this part is spent on looking at a log.
const LOOK_SHARE: u32 = 20;
/// Folders within folders that are looked at.
const DEPTH: usize = 32;

/// What is followed of a source.
struct Followed {
    places: Places,
    watcher: Watcher,
    #[expect(dead_code, reason = "it is kept for what it does, and does it until it is dropped")]
    guard: Option<Task>,
    /// Why the system does not tell of its changes, where it should.
    why: Option<String>,
}

/// Where a source changes.
#[derive(Clone, PartialEq)]
struct Places {
    folders: Vec<(PathBuf, RecursiveMode)>,
    /// What it names beside itself.
    files: Vec<PathBuf>,
}

/// What tells of a source's changes.
#[expect(dead_code, reason = "it is kept for what it does, and does it until it is dropped")]
enum Watcher {
    System(Debouncer<RecommendedWatcher, NoCache>),
    Polling(Task),
}

/// Ends when it is let go of.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What watches the sources, and which are being read.
#[derive(Default)]
pub(crate) struct Following {
    watchers: Mutex<HashMap<SourceId, Followed>>,
    reading: Mutex<HashMap<SourceId, Reading>>,
    /// Those that are read again at a time, whether or not something is heard of them.
    waiting: Mutex<HashMap<SourceId, AbortHandle>>,
}

/// A reading under way.
#[derive(Default)]
struct Reading {
    /// More came meanwhile.
    more: bool,
    /// Its source was forgotten, or its project.
    stopped: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether nobody reads it now; then it is ours to read until [`end`].
fn begin(engine: &Engine, id: SourceId) -> bool {
    let mut reading = lock(&engine.following().reading);
    match reading.get_mut(&id) {
        Some(reading) => {
            reading.more = true;
            false
        }
        None => {
            reading.insert(id, Reading::default());
            true
        }
    }
}

/// The same for one who reads in any case, so that the reading under way need not be told of more.
pub(super) fn try_begin(engine: &Engine, id: SourceId) -> bool {
    match lock(&engine.following().reading).entry(id) {
        Entry::Occupied(_) => false,
        Entry::Vacant(free) => {
            free.insert(Reading::default());
            true
        }
    }
}

/// Whether the reading under way is to end, since its source was forgotten, or its project.
pub(super) fn is_stopped(engine: &Engine, id: SourceId) -> bool {
    lock(&engine.following().reading).get(&id).is_some_and(|reading| reading.stopped)
}

/// Whether more came while it was read.
pub(super) fn end(engine: &Engine, id: SourceId) -> bool {
    lock(&engine.following().reading).remove(&id).is_some_and(|reading| reading.more)
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

/// How long the files of a log stand still before its runs are over, where it does not say so itself.
pub(super) const fn settles(kind: Kind) -> Option<Duration> {
    match kind {
        Kind::TensorBoard => Some(SETTLED_EVENTS),
        Kind::Wandb | Kind::DvcLive | Kind::Metrics => Some(SETTLED),
        Kind::MlflowFiles | Kind::MlflowDb | Kind::Dvc => None,
    }
}

/// Reads a followed source again at a time, where what it waits for is no change of its files.
pub(super) fn read_later(engine: &Engine, source: &Source, taken: &Taken) {
    let after = match settles(source.kind) {
        _ if taken.waits => LOCKED,
        Some(settled) if taken.is_open => settled,
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

/// Hears of changes below a source. A folder of thousands of runs takes a second, and a drive that hangs holds a thread and
/// not the host.
pub(super) async fn follow(engine: &Engine, source: &Source) {
    let (engine, source) = (engine.clone(), source.clone());
    let followed = tokio::task::spawn_blocking(move || {
        follow_at(&engine, &source, Places { folders: watched(&source, &[]), files: Vec::new() });
    });
    if let Err(failure) = followed.await {
        tracing::error!(%failure, "a source can't be followed");
    }
}

/// Hears, too, of changes of the files that a followed source names beside itself.
pub(super) fn follow_files(engine: &Engine, source: &Source, files: Vec<PathBuf>) {
    let places = Places { folders: watched(source, &files), files };
    let is_other = |followed: &Followed| followed.places != places;
    // One that was let go of meanwhile has none.
    if !lock(&engine.following().watchers).get(&source.id).is_some_and(is_other) {
        return;
    }
    follow_at(engine, source, places);
    // What was written between the reading and now.
    read_soon(engine, source.id);
}

fn follow_at(engine: &Engine, source: &Source, places: Places) {
    let table = engine.options().mounts.as_deref();
    let followed = if places.folders.iter().any(|(path, _)| mounts::is_network(path, table)) {
        let watcher = Watcher::Polling(looking(engine, source, &places.files, LOOK_AGAIN));
        Followed { places, watcher, guard: None, why: None }
    } else {
        let guard = Some(guarding(engine, source, &places));
        match hearing(engine, source, &places) {
            Ok(debouncer) => Followed { places, watcher: Watcher::System(debouncer), guard, why: None },
            Err(failure) => {
                tracing::warn!(%failure, path = source.path, "nothing tells of a source's changes: it is looked at");
                let watcher = Watcher::Polling(looking(engine, source, &places.files, LOOK_INSTEAD));
                Followed { places, watcher, guard, why: Some(why_unheard(&failure)) }
            }
        }
    };
    lock(&engine.following().watchers).insert(source.id, followed);
}

/// Has the system tell of a source's changes.
fn hearing(
    engine: &Engine,
    source: &Source,
    places: &Places,
) -> notify::Result<Debouncer<RecommendedWatcher, NoCache>> {
    let (weak, source) = (engine.downgrade(), source.clone());
    let runtime = tokio::runtime::Handle::current();
    let heard = move |result: DebounceEventResult| {
        // That a file was opened is told, too, of our own reading. An error says that something happened.
        if result.as_ref().is_ok_and(|events| events.iter().all(|event| event.kind.is_access())) {
            return;
        }
        let _entered = runtime.enter();
        let Some(engine) = weak.upgrade() else { return };
        // Of a folder that was made meanwhile nothing will be heard.
        let failures = result.err().unwrap_or_default();
        if let Some(full) = failures.iter().find(|failure| is_full(failure)) {
            let (engine, source, why) = (engine.clone(), source.clone(), why_unheard(full));
            // Not here: who tells of it ends with that.
            tokio::spawn(async move { look_instead(&engine, &source, why) });
        }
        read_soon(&engine, source.id);
    };
    // No reader follows links: one to a large folder would have all of that watched. What a renamed file was called before is
    // of no use here, and where the system does not say it, a cache of it looks behind links, too.
    let config = notify::Config::default().with_follow_symlinks(false);
    let mut debouncer = new_debouncer_opt::<_, RecommendedWatcher, _>(QUIET, None, heard, NoCache::new(), config)?;
    for (path, how) in &places.folders {
        // The folder itself may be a link.
        let folder = path.canonicalize().unwrap_or_else(|_| path.clone());
        debouncer.watch(&folder, *how)?;
    }
    Ok(debouncer)
}

const fn is_full(failure: &notify::Error) -> bool {
    matches!(failure.kind, notify::ErrorKind::MaxFilesWatch)
}

fn why_unheard(failure: &notify::Error) -> String {
    if is_full(failure) {
        return "the system tells of changes in no more folders (on Linux raise fs.inotify.max_user_watches)"
            .to_owned();
    }
    format!("the system does not tell of its changes ({failure})")
}

/// Looks at a source that the system told of until now.
fn look_instead(engine: &Engine, source: &Source, why: String) {
    if let Some(followed) = lock(&engine.following().watchers).get_mut(&source.id) {
        followed.watcher = Watcher::Polling(looking(engine, source, &followed.places.files, LOOK_INSTEAD));
        followed.why = Some(why);
    }
    engine.changed(Tag::Sources);
}

/// A source with why the system does not tell of its changes, where it should.
pub(super) fn noted(engine: &Engine, mut source: Source) -> Source {
    let why = lock(&engine.following().watchers).get(&source.id).and_then(|followed| followed.why.clone());
    if let Some(why) = why {
        let message = format!("{why}: it is looked at every {} seconds instead", LOOK_INSTEAD.as_secs());
        source.warnings.push(SourceWarning { place: source.path.clone(), message, of_rows: false });
        source.warned += 1;
    }
    source
}

fn looking(engine: &Engine, source: &Source, files: &[PathBuf], every: Duration) -> Task {
    Task(tokio::spawn(poll(engine.downgrade(), source.clone(), files.to_vec(), every)).abort_handle())
}

/// Follows a source anew once its folders are others than those that the system tells of: it was made anew, or the drive
/// that it lies on is back.
fn guarding(engine: &Engine, source: &Source, places: &Places) -> Task {
    let (weak, source, files) = (engine.downgrade(), source.clone(), places.files.clone());
    let before = made(&places.folders);
    let task = tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK_INSTEAD).await;
            let (of, named) = (source.clone(), files.clone());
            let now = tokio::task::spawn_blocking(move || {
                let folders = watched(&of, &named);
                (made(&folders), folders)
            });
            let Ok((now, folders)) = now.await else { return };
            if now == before {
                continue;
            }
            let Some(engine) = weak.upgrade() else { return };
            // One that was let go of meanwhile is followed no more.
            if lock(&engine.following().watchers).contains_key(&source.id) {
                follow_at(&engine, &source, Places { folders, files });
                read_soon(&engine, source.id);
            }
            return;
        }
    });
    Task(task.abort_handle())
}

/// A folder, and by what it is another than one of its name before: `None` while there is none.
type Made = (PathBuf, Option<(u64, Option<SystemTime>)>);

fn made(folders: &[(PathBuf, RecursiveMode)]) -> Vec<Made> {
    let of = |path: &PathBuf| std::fs::metadata(path).ok().map(|found| (number(&found), found.created().ok()));
    folders.iter().map(|(path, _)| (path.clone(), of(path))).collect()
}

#[cfg(unix)]
fn number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
const fn number(_: &Metadata) -> u64 {
    0
}

/// Looks at a source's files again and again, and reads on where they are others.
async fn poll(engine: WeakEngine, source: Source, files: Vec<PathBuf>, every: Duration) {
    let mut before = None;
    let mut wait = every;
    loop {
        tokio::time::sleep(wait).await;
        let (of, named, begun) = (source.clone(), files.clone(), Instant::now());
        let Ok(now) = tokio::task::spawn_blocking(move || stamp(&of, &named)).await else { return };
        wait = every.max(begun.elapsed() * LOOK_SHARE);
        let Some(engine) = engine.upgrade() else { return };
        // The first look does not know what the reading before it saw.
        if before.replace(now) != Some(now) {
            read_soon(&engine, source.id);
        }
    }
}

/// A number that changes with the names, sizes and times of a source's files. Blocks.
fn stamp(source: &Source, files: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    // MLflow's artifacts are read when they are shown.
    let passed = (source.kind == Kind::MlflowFiles).then_some("artifacts");
    for (folder, how) in watched(source, files) {
        if how == RecursiveMode::Recursive {
            add(&folder, passed, 0, &mut hasher);
        }
    }
    let file = Path::new(&source.path);
    if !file.is_dir() {
        // Beside a database lies the log of its writes.
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        for path in [file, Path::new(&log)].into_iter().chain(files.iter().map(PathBuf::as_path)) {
            add_one(path, std::fs::symlink_metadata(path).ok().as_ref(), &mut hasher);
        }
    }
    hasher.finish()
}

fn add(folder: &Path, passed: Option<&str>, depth: usize, hasher: &mut DefaultHasher) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        // Links are not followed.
        let metadata = std::fs::symlink_metadata(&path).ok();
        if !metadata.as_ref().is_some_and(Metadata::is_dir) {
            add_one(&path, metadata.as_ref(), hasher);
        } else if depth < DEPTH && !passed.is_some_and(|passed| path.ends_with(passed)) {
            add(&path, passed, depth + 1, hasher);
        }
    }
}

fn add_one(path: &Path, metadata: Option<&Metadata>, hasher: &mut DefaultHasher) {
    let told = metadata.map(|found| (found.len(), found.modified().ok()));
    (path, told).hash(hasher);
}

/// The folders whose changes are a source's, and those of the files that it names beside itself.
fn watched(source: &Source, files: &[PathBuf]) -> Vec<(PathBuf, RecursiveMode)> {
    let path = PathBuf::from(&source.path);
    if source.kind == Kind::Dvc {
        // A commit changes nothing beside `dvc.yaml`, but where its branch's head is kept. What is not committed yet
        // stands in folders that hold anything else, too: what lies below them is not heard of.
        let heads = foreign::dvc::heads(&path).into_iter().map(|folder| (folder, RecursiveMode::Recursive));
        // There may be a hundred thousand files in one folder, which is looked at once. Of a folder that is still to be made
        // the one above it tells.
        let folders: BTreeSet<&Path> = std::iter::once(&path).chain(files).filter_map(|file| file.parent()).collect();
        let nearest = |folder: &Path| folder.ancestors().find(|folder| folder.is_dir()).map(Path::to_owned);
        let beside: BTreeSet<PathBuf> = folders.into_iter().filter_map(nearest).collect();
        return heads.chain(beside.into_iter().map(|folder| (folder, RecursiveMode::NonRecursive))).collect();
    }
    if path.is_dir() {
        return vec![(path, RecursiveMode::Recursive)];
    }
    // A file that is replaced is another one: its folder tells.
    let folder = path.parent().map_or(path.clone(), Path::to_owned);
    vec![(folder, RecursiveMode::NonRecursive)]
}

/// Of a source that is read on by hand alone: a reading under way goes to its end.
pub(super) fn let_go(engine: &Engine, id: SourceId) {
    lock(&engine.following().watchers).remove(&id);
    forget_later(engine, id);
}

/// Of a source that is forgotten, or whose project is: a reading under way ends, too.
pub(super) fn unfollow(engine: &Engine, id: SourceId) {
    if let Some(reading) = lock(&engine.following().reading).get_mut(&id) {
        // What comes from now on is of one who brought it back.
        *reading = Reading { more: false, stopped: true };
    }
    let_go(engine, id);
}
