//! What pages in a browser dropped: staged by the host's HTTP, copied where a project takes it, then of
//! no use. What nobody took is garbage after a while.

use std::{
    path::{Component, Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use api::event::Tag;

use crate::{Engine, storage};

/// A drop may wait in a page for its questions to be answered; one that was not touched for longer is
/// collected.
const WAITS: Duration = Duration::from_secs(3600);

/// Deletes what a project has copied of the drops; paths from elsewhere are not ours.
pub(crate) async fn taken(engine: &Engine, paths: Vec<String>) -> anyhow::Result<()> {
    let uploads = engine.workspace().uploads();
    let freed = tokio::task::spawn_blocking(move || {
        let ours = paths.iter().map(Path::new).filter(|path| is_below(path, &uploads));
        ours.map(|path| {
            let freed = storage::remove_folder(path);
            // A drop goes with the last of its files: only empty folders can be removed so.
            let above = path.ancestors().skip(1).take_while(|folder| *folder != uploads);
            above.map_while(|folder| std::fs::remove_dir(folder).ok()).for_each(drop);
            freed
        })
        .sum::<u64>()
    })
    .await?;
    if freed > 0 {
        engine.changed(Tag::Storage);
    }
    Ok(())
}

fn is_below(path: &Path, uploads: &Path) -> bool {
    path.strip_prefix(uploads).is_ok_and(|rest| {
        let mut parts = rest.components().peekable();
        parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
    })
}

/// Drops that nobody took and nobody will.
pub(crate) fn left(uploads: &Path, now_ms: i64) -> Vec<PathBuf> {
    let Ok(drops) = std::fs::read_dir(uploads) else { return Vec::new() };
    let since_ms = now_ms - WAITS.as_millis() as i64;
    drops.flatten().map(|entry| entry.path()).filter(|drop| touched_ms(drop) < since_ms).collect()
}

/// When something in it was last written.
fn touched_ms(path: &Path) -> i64 {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return 0 };
    let own = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let own = own.map_or(0, |since| since.as_millis() as i64);
    if !metadata.is_dir() {
        return own;
    }
    let below = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| touched_ms(&entry.path())).max();
    below.unwrap_or(0).max(own)
}
