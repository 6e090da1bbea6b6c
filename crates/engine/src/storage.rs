//! What takes space, and freeing what nothing uses.

use std::path::{Path, PathBuf};

use api::{
    ApiError, ErrorCode,
    event::Tag,
    host::{CollectGarbage, Freed, GetStorage, Storage, StoragePart},
};

use crate::Engine;

pub async fn get(engine: &Engine, _request: GetStorage) -> anyhow::Result<Storage> {
    let collectable = collect_unused(engine, true).await?;
    let workspace = engine.workspace().folder().to_owned();
    let mut storage = tokio::task::spawn_blocking(move || measure(&workspace)).await?;
    storage.collectable_bytes = collectable.bytes;
    Ok(storage)
}

fn measure(workspace: &Path) -> Storage {
    let folder = |name: &str| size_of(&workspace.join(name));
    let part = |name: &str, size_bytes: u64, detail: &str| StoragePart {
        name: name.to_owned(),
        size_bytes,
        detail: detail.to_owned(),
    };
    let database = ["slipway.db", "slipway.db-wal", "slipway.db-shm"].iter().map(|name| folder(name)).sum();
    Storage {
        workspace: workspace.to_string_lossy().into_owned(),
        parts: vec![
            part("Data and models", folder("blobs"), "Files of snapshots and versions, each kept once"),
            part("Runs", folder("runs"), "Checkpoints, output and artifacts"),
            part("Cache", folder("cache"), "Rebuilt when it is needed"),
            part("Deployments", folder("deployments"), "Request logs and output of what runs on this machine"),
            part("Database", database, "Records and metrics"),
            part("Logs", folder("logs"), "Slipway's own log"),
        ],
        free_bytes: fs4::available_space(workspace).unwrap_or(0),
        collectable_bytes: 0,
    }
}

pub async fn collect(engine: &Engine, request: CollectGarbage) -> anyhow::Result<Freed> {
    let freed = collect_unused(engine, request.dry_run).await?;
    if !request.dry_run {
        tracing::info!(bytes = freed.bytes, records = freed.records, "collected what nothing uses");
        engine.changed(Tag::Storage);
    }
    Ok(freed)
}

/// Deletes blobs, run folders and caches that no record names; a dry run only counts them.
pub(crate) async fn collect_unused(engine: &Engine, dry_run: bool) -> anyhow::Result<Freed> {
    // Work under way has put blobs whose record comes last.
    let Ok(_alone) = engine.blob_gate().try_write() else {
        if dry_run {
            return Ok(Freed::default());
        }
        anyhow::bail!(
            ApiError::new(ErrorCode::Conflict, "A snapshot or a registration is under way.")
                .with_hint("Collect again once it is done.")
        );
    };
    let (used, runs, snapshots) = engine
        .store()
        .read(|c| {
            let mut snapshots = Vec::new();
            for project in store::project::all(c)? {
                if let Some(dataset) = store::dataset::of_project(c, project.id)? {
                    snapshots.extend(
                        store::snapshot::of_dataset(c, dataset.id)?.into_iter().map(|row| row.snapshot.id.to_string()),
                    );
                }
            }
            let runs: Vec<String> = store::run::ids(c, None)?.iter().map(ToString::to_string).collect();
            Ok((store::blob_use::all(c)?, runs, snapshots))
        })
        .await?;
    let (store, workspace) = (engine.store().clone(), engine.workspace().clone());
    tokio::task::spawn_blocking(move || {
        let mut freed = Freed::default();
        for (hash, size) in store.blobs().list()? {
            if !used.contains(&hash) {
                freed.bytes += if dry_run { size } else { store.blobs().delete(&hash)? };
                freed.records += 1;
            }
        }
        let caches = strangers(&workspace.cache().join("snapshots"), &snapshots);
        for folder in strangers(&workspace.runs(), &runs).into_iter().chain(caches) {
            freed.bytes += if dry_run { size_of(&folder) } else { remove_folder(&folder) };
            freed.records += 1;
        }
        Ok(freed)
    })
    .await?
    .map_err(|error: store::StoreError| anyhow::Error::new(error).context("collect what nothing uses"))
}

/// Entries of a folder whose names no record has.
fn strangers(folder: &Path, known: &[String]) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| !known.iter().any(|name| *name == *entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect()
}

/// Bytes of a file or of everything below a folder. Images in the cache are links to blobs: they
/// are counted with the blobs.
pub(crate) fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return 0 };
    if !metadata.is_dir() {
        let in_cache = path.components().any(|part| part.as_os_str() == "cache");
        return if in_cache && is_linked(&metadata) { 0 } else { metadata.len() };
    }
    std::fs::read_dir(path).map(|entries| entries.flatten().map(|entry| size_of(&entry.path())).sum()).unwrap_or(0)
}

#[cfg(unix)]
fn is_linked(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.nlink() > 1
}

#[cfg(not(unix))]
fn is_linked(_metadata: &std::fs::Metadata) -> bool {
    false
}

/// Deletes a folder and says how many bytes that freed; what can't be deleted is left for the next
/// collection.
pub(crate) fn remove_folder(path: &Path) -> u64 {
    let before = size_of(path);
    let result = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match result {
        Ok(()) => before,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "can't be deleted now");
            before.saturating_sub(size_of(path))
        }
    }
}
