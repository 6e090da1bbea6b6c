//! Watching project folders: a hint from the system, then a rescan that decides.
//!
//! Local folders are watched by the system, network mounts are polled. Whatever is told, also that
//! events were lost, leads to the same thing: [`folder::look`].

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api::ProjectId;
use notify::{Config, PollWatcher, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer, new_debouncer_opt};
use tokio::sync::mpsc;

use crate::{Engine, Mode, folder};

/// Quiet before a hint is told: a file that is being written tells itself often.
const QUIET: Duration = Duration::from_millis(400);
/// Between two looks at a network mount.
const POLL: Duration = Duration::from_secs(5);
/// A folder that is gone, or that can't be watched, is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Held to keep watching; dropping it ends that.
enum Watcher {
    System { _debouncer: Debouncer<RecommendedWatcher, RecommendedCache> },
    Polling { _debouncer: Debouncer<PollWatcher, RecommendedCache> },
}

/// The watched folders.
#[derive(Default)]
pub struct Watching {
    watchers: Mutex<HashMap<ProjectId, (PathBuf, Option<Watcher>)>>,
    hints: Mutex<Option<mpsc::UnboundedSender<ProjectId>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watching {
    /// Begins to watch a project; does nothing before [`start`] or in mode `once`.
    pub fn add(&self, project: ProjectId, path: PathBuf) {
        let Some(hints) = lock(&self.hints).clone() else { return };
        let mut watchers = lock(&self.watchers);
        if watchers.get(&project).is_some_and(|(known, watcher)| *known == path && watcher.is_some()) {
            return;
        }
        let watcher = watch(project, &path, &hints);
        watchers.insert(project, (path, watcher));
    }

    pub fn remove(&self, project: ProjectId) {
        lock(&self.watchers).remove(&project);
    }

    fn unwatched(&self) -> Vec<(ProjectId, PathBuf)> {
        let watchers = lock(&self.watchers);
        watchers
            .iter()
            .filter(|(_, (path, watcher))| watcher.is_none() || !path.is_dir())
            .map(|(id, (path, _))| (*id, path.clone()))
            .collect()
    }

    /// A folder that went away takes its watch with it.
    fn lose(&self, project: ProjectId) {
        if let Some((_, watcher)) = lock(&self.watchers).get_mut(&project) {
            *watcher = None;
        }
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
        engine.watch().add(row.id, PathBuf::from(&row.path));
        // What changed while no host ran is a hint too.
        let _ = sender.send(row.id);
    }
    tokio::spawn(listen(engine.downgrade(), receiver));
    tokio::spawn(look_again(engine.downgrade()));
    Ok(())
}

async fn listen(engine: crate::WeakEngine, mut hints: mpsc::UnboundedReceiver<ProjectId>) {
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

/// Folders that can't be watched now: gone, on a mount that is away, or beyond the system's limit.
async fn look_again(engine: crate::WeakEngine) {
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        let Some(engine) = engine.upgrade() else { return };
        for (project, path) in engine.watch().unwatched() {
            if path.is_dir() {
                engine.watch().add(project, path);
            } else {
                engine.watch().lose(project);
            }
            if let Err(error) = folder::look(&engine, project).await {
                tracing::debug!(%project, error = format!("{error:#}"), "a folder can't be looked at");
            }
        }
    }
}

fn watch(project: ProjectId, path: &Path, hints: &mpsc::UnboundedSender<ProjectId>) -> Option<Watcher> {
    if !path.is_dir() {
        return None;
    }
    let hints = hints.clone();
    // Errors (an overflow, a folder that went away) are hints like any other.
    let tell = move |result: DebounceEventResult| {
        let ours =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".slipway-"));
        let worth = match &result {
            Ok(events) => events.iter().any(|event| !event.kind.is_access() && !event.paths.iter().all(ours)),
            Err(_) => true,
        };
        if worth {
            let _ = hints.send(project);
        }
    };
    let made = if is_network(path) {
        let config = Config::default().with_poll_interval(POLL);
        new_debouncer_opt::<_, PollWatcher, _>(QUIET, None, tell, RecommendedCache::new(), config).and_then(
            |mut debouncer| {
                debouncer.watch(path, RecursiveMode::Recursive).map(|()| Watcher::Polling { _debouncer: debouncer })
            },
        )
    } else {
        new_debouncer(QUIET, None, tell).and_then(|mut debouncer| {
            debouncer.watch(path, RecursiveMode::Recursive).map(|()| Watcher::System { _debouncer: debouncer })
        })
    };
    match made {
        Ok(watcher) => {
            let how = if matches!(watcher, Watcher::System { .. }) { "by the system" } else { "by polling" };
            tracing::info!(path = %path.display(), how, "watches a folder");
            Some(watcher)
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a folder can't be watched; it is looked at from time to time");
            None
        }
    }
}

/// Whether the folder is on a mount whose changes by others the system doesn't tell.
#[cfg(target_os = "linux")]
fn is_network(path: &Path) -> bool {
    const NETWORK: [&str; 9] = ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "afs", "ceph", "fuse.rclone"];
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mounts") else { return false };
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (_, point, kind) = (fields.next()?, fields.next()?, fields.next()?);
            path.starts_with(point.replace("\\040", " ")).then_some((point.len(), kind.to_owned()))
        })
        .max_by_key(|(length, _)| *length)
        .is_some_and(|(_, kind)| NETWORK.contains(&kind.as_str()))
}

#[cfg(not(target_os = "linux"))]
fn is_network(path: &Path) -> bool {
    let disks = sysinfo::Disks::new_with_refreshed_list();
    disks
        .iter()
        .filter(|disk| path.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().as_os_str().len())
        .is_some_and(|disk| {
            let kind = disk.file_system().to_string_lossy().to_ascii_lowercase();
            ["nfs", "smbfs", "afpfs", "webdav", "cifs"].iter().any(|network| kind.contains(network))
        })
        || path.to_string_lossy().starts_with("\\\\")
}
