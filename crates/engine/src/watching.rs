//! Watching project folders: a hint from the system, then a rescan that decides.
//!
//! Local folders are watched by the system. A network mount tells nothing of what others change, so its
//! folders are rescanned from time to time: the rescan compares sizes and times to the millisecond, where
//! a watcher that polls would miss what happens twice in a second or is replaced by something older.
//! Whatever is told, also that events were lost, leads to the same thing: [`folder::look`], which says too
//! what is to be watched outside of the folder: the places of absolute data paths.

pub(crate) mod mounts;

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api::{ProjectId, event::Tag};
use data::scan::Place;
use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::sync::mpsc;

use crate::{Engine, Mode, WeakEngine, folder};

/// Quiet before a hint is told: a file that is being written tells itself often.
const QUIET: Duration = Duration::from_millis(400);
/// What is told is seen within 2 s, of which a look takes milliseconds.
const _: () = assert!(QUIET.as_millis() <= 1_000, "a change would be seen too late");
/// A folder on a network mount, one that is gone, or one that can't be watched is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How the host hears of changes in a project's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The system tells.
    Told,
    /// It is looked at from time to time: a network mount.
    Polled,
    /// It is gone, or beyond what the system can watch: looked at from time to time.
    Unwatched,
}

enum Watcher {
    /// Held to keep watching; dropping it ends that.
    System {
        _debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
    },
    Polling,
}

/// A place with what watches it.
type Watched = (Place, Option<Watcher>);

/// The watched folders.
#[derive(Default)]
pub struct Watching {
    watchers: Mutex<HashMap<ProjectId, (PathBuf, Option<Watcher>)>>,
    /// Where data outside of the folders come from.
    outside: Mutex<HashMap<ProjectId, Vec<Watched>>>,
    hints: Mutex<Option<mpsc::UnboundedSender<ProjectId>>>,
    /// Folders under a look of the loop: a mount that hangs is not looked at twice.
    looking: Mutex<HashSet<ProjectId>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watching {
    fn has(&self, project: ProjectId, path: &Path) -> bool {
        lock(&self.watchers).get(&project).is_some_and(|(known, watcher)| known == path && watcher.is_some())
    }

    pub fn remove(&self, project: ProjectId) {
        lock(&self.watchers).remove(&project);
        lock(&self.outside).remove(&project);
    }

    /// `None` where the project is not known, or nothing is watched in this mode.
    pub fn how(&self, project: ProjectId) -> Option<How> {
        lock(&self.watchers).get(&project).map(|(_, watcher)| how(watcher.as_ref()))
    }

    /// Whether the system tells of all changes of the project's folder and of what its data outside come from: nothing of it
    /// is looked at without a hint.
    pub fn is_told_of_all(&self, project: ProjectId) -> bool {
        let outside = self.outside(project);
        self.how(project) == Some(How::Told) && outside.iter().all(|(_, how)| *how == How::Told)
    }

    /// How often what is on a network drive is looked at, for the person; `None` where the system tells
    /// of everything.
    pub(crate) fn polled(&self, project: ProjectId) -> Option<String> {
        let what = if self.how(project) == Some(How::Polled) {
            "This folder is"
        } else if self.outside(project).iter().any(|(_, how)| *how == How::Polled) {
            "Some of its data is"
        } else {
            return None;
        };
        Some(format!("{what} on a network drive: it is looked at every {} s.", LOOK_AGAIN.as_secs()))
    }

    /// The folders outside of the project's that its data come from.
    fn outside(&self, project: ProjectId) -> Vec<(PathBuf, How)> {
        let outside = lock(&self.outside);
        let places = outside.get(&project).into_iter().flatten();
        places.map(|(place, watcher)| (place.folder.clone(), how(watcher.as_ref()))).collect()
    }

    /// Lets go of every other place of a project, and says which of these are not watched yet.
    fn keep(&self, project: ProjectId, places: Vec<Place>) -> Vec<Place> {
        let mut outside = lock(&self.outside);
        let known = outside.entry(project).or_default();
        known.retain(|(place, _)| places.contains(place));
        for place in places {
            if !known.iter().any(|(other, _)| *other == place) {
                known.push((place, None));
            }
        }
        known.iter().filter(|(_, watcher)| watcher.is_none()).map(|(place, _)| place.clone()).collect()
    }

    /// A place that another look meanwhile let go of, or watches already, stays as it is.
    fn put(&self, project: ProjectId, place: &Place, new: Watcher) {
        let mut outside = lock(&self.outside);
        let known = outside.get_mut(&project).into_iter().flatten().find(|(other, _)| other == place);
        if let Some((_, watcher @ None)) = known {
            *watcher = Some(new);
        }
    }

    fn all(&self) -> Vec<(ProjectId, PathBuf, How)> {
        let watchers = lock(&self.watchers);
        watchers.iter().map(|(id, (path, watcher))| (*id, path.clone(), how(watcher.as_ref()))).collect()
    }

    /// A folder that went away takes its watch with it.
    fn lose(&self, project: ProjectId) {
        if let Some((_, watcher)) = lock(&self.watchers).get_mut(&project) {
            *watcher = None;
        }
    }

    fn lose_outside(&self, project: ProjectId, folder: &Path) {
        let mut outside = lock(&self.outside);
        for (place, watcher) in outside.get_mut(&project).into_iter().flatten() {
            if place.folder == folder {
                *watcher = None;
            }
        }
    }
}

fn how(watcher: Option<&Watcher>) -> How {
    match watcher {
        Some(Watcher::System { .. }) => How::Told,
        Some(Watcher::Polling) => How::Polled,
        None => How::Unwatched,
    }
}

/// Starts the loop that looks at every folder that something was said of. Only in the host.
pub async fn start(engine: &Engine) -> anyhow::Result<()> {
    if engine.options().mode != Mode::Host {
        return Ok(());
    }
    let (sender, receiver) = mpsc::unbounded_channel();
    *lock(&engine.watch().hints) = Some(sender.clone());
    let rows = engine.store().read(store::project::all).await?;
    for row in rows {
        let (weak, sender) = (engine.downgrade(), sender.clone());
        // A mount that is away must not keep the host from starting.
        tokio::spawn(async move {
            add(&weak, row.id, PathBuf::from(&row.path)).await;
            // What changed while no host ran is a hint too.
            let _ = sender.send(row.id);
        });
    }
    tokio::spawn(listen(engine.downgrade(), receiver));
    tokio::spawn(look_again(engine.downgrade()));
    Ok(())
}

async fn listen(engine: WeakEngine, mut hints: mpsc::UnboundedReceiver<ProjectId>) {
    while let Some(project) = hints.recv().await {
        let mut told = vec![project];
        while let Ok(more) = hints.try_recv() {
            if !told.contains(&more) {
                told.push(more);
            }
        }
        let Some(engine) = engine.upgrade() else { return };
        for project in told {
            if let Err(error) = folder::look(&engine, project).await {
                tracing::debug!(%project, error = format!("{error:#}"), "a folder can't be looked at");
            }
        }
    }
}

/// Begins to watch a project; does nothing before [`start`] or in mode `once`. A mount that hangs holds a
/// thread, and neither the engine nor the list of what is watched.
pub(crate) async fn add(engine: &WeakEngine, project: ProjectId, path: PathBuf) {
    let (hints, table) = match engine.upgrade() {
        Some(engine) if !engine.watch().has(project, &path) => {
            (lock(&engine.watch().hints).clone(), engine.options().mounts.clone())
        }
        _ => return,
    };
    let Some(hints) = hints else { return };
    let at = path.clone();
    let place = Place { folder: at, deep: true, only: None };
    let watched = tokio::task::spawn_blocking(move || watch(project, &place, table.as_deref(), &hints)).await;
    let (Some(engine), Ok(watcher)) = (engine.upgrade(), watched) else { return };
    let polled = matches!(watcher, Some(Watcher::Polling));
    lock(&engine.watch().watchers).insert(project, (path, watcher));
    if polled {
        // Whoever shows the project says so.
        engine.changed(Tag::Projects);
    }
}

/// Watches the places outside of a project's folder that its data come from, and no others; does nothing
/// before [`start`] or in mode `once`.
pub(crate) async fn follow(engine: &Engine, project: ProjectId, places: Vec<Place>) {
    let Some(hints) = lock(&engine.watch().hints).clone() else { return };
    let unwatched = engine.watch().keep(project, places);
    if unwatched.is_empty() {
        return;
    }
    let (table, again) = (engine.options().mounts.clone(), hints.clone());
    let watching = tokio::task::spawn_blocking(move || {
        let watched = |place: Place| Some((watch(project, &place, table.as_deref(), &hints)?, place));
        unwatched.into_iter().filter_map(watched).collect::<Vec<_>>()
    });
    for (watcher, place) in watching.await.unwrap_or_default() {
        let is_polled = matches!(watcher, Watcher::Polling);
        engine.watch().put(project, &place, watcher);
        // What changed between the look and the watch is told by nobody else.
        let _ = again.send(project);
        if is_polled {
            engine.changed(Tag::Projects);
        }
    }
}

/// Looks at the folders of which the system tells nothing: on a network mount, gone, or beyond what it
/// can watch.
async fn look_again(engine: WeakEngine) {
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        let Some(engine) = engine.upgrade() else { return };
        for (project, path, how) in engine.watch().all() {
            if lock(&engine.watch().looking).insert(project) {
                tokio::spawn(look_once(engine.downgrade(), project, path, how));
            }
        }
    }
}

async fn look_once(engine: WeakEngine, project: ProjectId, path: PathBuf, how: How) {
    let at = path.clone();
    let outside = engine.upgrade().map(|engine| engine.watch().outside(project)).unwrap_or_default();
    let seeing = tokio::task::spawn_blocking(move || {
        let outside = outside.into_iter().map(|(folder, how)| (folder.is_dir(), how, folder));
        (at.is_dir(), outside.collect::<Vec<_>>())
    });
    let (is_there, outside) = seeing.await.unwrap_or_default();
    let Some(engine) = engine.upgrade() else { return };
    let mut look_outside = false;
    for (is_there, how, folder) in outside {
        look_outside |= !is_there || how != How::Told;
        if !is_there {
            engine.watch().lose_outside(project, &folder);
        }
    }
    let look = match (is_there, how) {
        (true, How::Told) => false,
        (true, How::Polled) => true,
        (true, How::Unwatched) => {
            add(&engine.downgrade(), project, path).await;
            true
        }
        (false, _) => {
            engine.watch().lose(project);
            true
        }
    };
    if (look || look_outside)
        && let Err(error) = folder::look(&engine, project).await
    {
        tracing::debug!(%project, error = format!("{error:#}"), "a folder can't be looked at");
    }
    lock(&engine.watch().looking).remove(&project);
}

fn watch(
    project: ProjectId,
    place: &Place,
    table: Option<&Path>,
    hints: &mpsc::UnboundedSender<ProjectId>,
) -> Option<Watcher> {
    let path = place.folder.as_path();
    // All of a disk is more than the system can watch.
    if !path.is_dir() || (place.deep && path.parent().is_none()) {
        return None;
    }
    if mounts::is_network(path, table) {
        tracing::info!(path = %path.display(), every_secs = LOOK_AGAIN.as_secs(), "polls a folder on a network mount");
        return Some(Watcher::Polling);
    }
    let hints = hints.clone();
    let (folder, only) = (place.folder.clone(), place.only.clone());
    // Errors (an overflow, a folder that went away) are hints like any other.
    let tell = move |result: DebounceEventResult| {
        let ours = |path: &PathBuf| {
            let is_own = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".slipway-"));
            is_own || only.as_ref().is_some_and(|only| path != only && *path != folder)
        };
        let worth = match &result {
            Ok(events) => events.iter().any(|event| !event.kind.is_access() && !event.paths.iter().all(ours)),
            Err(_) => true,
        };
        if worth {
            let _ = hints.send(project);
        }
    };
    let made = new_debouncer(QUIET, None, tell).and_then(|mut debouncer| {
        let mode = if place.deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        debouncer.watch(path, mode).map(|()| Watcher::System { _debouncer: debouncer })
    });
    match made {
        Ok(watcher) => {
            tracing::info!(path = %path.display(), "watches a folder");
            Some(watcher)
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a folder can't be watched; it is looked at from time to time");
            None
        }
    }
}
