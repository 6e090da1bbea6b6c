//! Room that is kept for making room. On a full disk nothing could be deleted: that is written down too, and the host
//! that does it writes its address first.
//!
//! A file of the workspace holds it. A host makes it where there is room; one that starts on a full disk takes a part
//! of it, and whatever deletes takes the rest ([`freeing`]), and makes it anew once there is room. Killed in between, it leaves a
//! file that is short or missing, which the next one completes.

use std::{fs::OpenOptions, io::Write as _, path::PathBuf};

use crate::{Engine, storage::has_room, workspace::Workspace};

/// Of a small disk it is a thirty-second part.
const BYTES: u64 = 8 << 20;

/// What gives room back, and so may take the ballast: whatever deletes records of some size, or files.
const FREES: &[&str] = &[
    "storage.collect",
    "project.delete",
    "project.purge",
    "data.delete",
    "data.purge",
    "run.delete_checkpoints",
    "run.trash",
    "run.purge",
    "run.purge_artifact",
    "experiment.delete",
    "experiment.purge",
    "model.delete",
    "model.delete_name",
    "model.delete_logged",
    "model.purge",
    "deploy.delete",
    "registry.remove",
    "search.delete",
    "source.remove",
];

pub(crate) fn frees(method: &str) -> bool {
    FREES.contains(&method)
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.folder().join("ballast")
}

/// How much of the disk it takes; nothing where the disk does not say how large it is.
fn size(workspace: &Workspace) -> u64 {
    fs4::total_space(workspace.folder()).map_or(0, |total| BYTES.min(total / 32))
}

/// Whether less is free than the ballast would hold.
fn is_full(workspace: &Workspace) -> bool {
    fs4::available_space(workspace.folder()).is_ok_and(|free| free < size(workspace))
}

/// Gives a part back where the disk is full, for a host to start. Whatever goes wrong is left to whoever needs the room.
pub(crate) fn give_some(workspace: &Workspace) {
    if is_full(workspace)
        && let Ok(file) = OpenOptions::new().write(true).open(path(workspace))
        && let Ok(metadata) = file.metadata()
    {
        // A second start on a disk that filled again finds some, too.
        let _ = file.set_len(metadata.len() / 2);
    }
}

/// Does what deletes, with the ballast's room where the disk is full; makes the ballast anew behind it.
pub async fn freeing<T>(engine: &Engine, deleting: impl Future<Output = T>) -> T {
    give(engine).await;
    let done = deleting.await;
    make(engine).await;
    done
}

/// Gives all of it back where the disk is full, for something to be deleted.
async fn give(engine: &Engine) {
    let workspace = engine.workspace().clone();
    let given = tokio::task::spawn_blocking(move || {
        if is_full(&workspace) {
            let _ = std::fs::remove_file(path(&workspace));
        }
    });
    let _ = given.await;
}

/// Makes it where it is missing or short and there is room.
pub(crate) async fn make(engine: &Engine) {
    let workspace = engine.workspace().clone();
    let made = tokio::task::spawn_blocking(move || put(&workspace)).await;
    if let Ok(Err(error)) = made {
        tracing::warn!(%error, "no room can be kept for making room");
    }
}

fn put(workspace: &Workspace) -> std::io::Result<()> {
    let (path, size) = (path(workspace), size(workspace));
    let held = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    if held >= size || !has_room(workspace.folder(), size - held)? {
        return Ok(());
    }
    // What a file system can't make smaller.
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    let written = OpenOptions::new().create(true).write(true).truncate(true).open(&path)?.write_all(&bytes);
    if written.is_err() {
        // Somebody else took the room meanwhile.
        let _ = std::fs::remove_file(&path);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deletes_is_a_call_that_there_is() {
        let known = api::call::methods();
        let unknown: Vec<_> = FREES.iter().filter(|method| !known.contains(method)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let purges: Vec<_> = known.iter().filter(|method| method.contains(".purge") && !frees(method)).collect();
        assert!(purges.is_empty(), "{purges:?} delete for good, and a full disk may need just that");
    }

    #[test]
    fn it_is_whole_after_a_kill_and_stays_where_the_disk_has_room() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let (path, size) = (path(&workspace), size(&workspace));
        if !has_room(folder.path(), size).unwrap() {
            return;
        }
        let held = || std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        put(&workspace).unwrap();
        assert!(held() == size && size > 0);
        give_some(&workspace);
        assert_eq!(held(), size, "the disk is not full");
        OpenOptions::new().write(true).open(&path).unwrap().set_len(7).unwrap();
        put(&workspace).unwrap();
        assert_eq!(held(), size);
    }
}
