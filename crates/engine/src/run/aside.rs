//! Artifacts and checkpoints that were deleted: for a day they lie beside the others, in `deleted/TIME` and
//! `deleted/checkpoints/TIME` of their run's folder, by the same paths, and come back from there. No record names them: where
//! they lie says all of it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, RunId,
    deleted::{CHECKPOINTS, DeletedArtifact, ListDeletedArtifacts, PurgeArtifact, RestoreArtifact},
    event::Tag,
    host::Freed,
    run::ARTIFACTS,
};
use store::run::RunRow;

use super::supervise;
use crate::{
    Engine, beneath, storage,
    tracking::{
        artifacts::{self, Place},
        gone::KEPT_MS,
    },
};

/// Where a run's deleted artifacts lie. Nothing else there is called by a time.
fn of_artifacts(run: &Path) -> PathBuf {
    run.join("deleted")
}

/// Where its deleted checkpoints lie.
pub(super) fn of_checkpoints(run: &Path) -> PathBuf {
    of_artifacts(run).join(CHECKPOINTS)
}

/// A deletion: when it was, and where what was deleted lies.
struct Deletion {
    at_ms: i64,
    folder: PathBuf,
}

/// The deletions that lie in a folder, the newest first. Blocks.
fn deletions(aside: &Path) -> Vec<Deletion> {
    let entries = std::fs::read_dir(aside).into_iter().flatten().flatten();
    let read = |entry: std::fs::DirEntry| {
        let at_ms = entry.file_name().to_str()?.parse().ok()?;
        Some(Deletion { at_ms, folder: entry.path() })
    };
    let mut all: Vec<Deletion> = entries.filter_map(read).collect();
    all.sort_by_key(|deletion| std::cmp::Reverse(deletion.at_ms));
    all
}

/// The folders of a run's deleted artifacts that can't be brought back any more. Blocks.
pub(crate) fn past_artifacts(run: &Path, now_ms: i64) -> Vec<PathBuf> {
    past(&of_artifacts(run), now_ms)
}

/// The same of its checkpoints.
pub(crate) fn past_checkpoints(run: &Path, now_ms: i64) -> Vec<PathBuf> {
    past(&of_checkpoints(run), now_ms)
}

fn past(aside: &Path, now_ms: i64) -> Vec<PathBuf> {
    let past = deletions(aside).into_iter().filter(|deletion| deletion.at_ms < now_ms - KEPT_MS);
    past.map(|deletion| deletion.folder).collect()
}

/// What a path names that can be deleted and brought back.
struct Named {
    place: Place,
    /// Where its deletions lie.
    aside: PathBuf,
    /// Its path in each of them.
    within: PathBuf,
}

impl Named {
    fn of(engine: &Engine, row: &RunRow, path: &str) -> Option<Self> {
        let run = engine.workspace().run(row.run.id);
        if is_of_checkpoints(path) {
            let place = artifacts::checkpoints_of_run(engine, row.run.id);
            return Some(Self { place, aside: of_checkpoints(&run), within: PathBuf::from(CHECKPOINTS) });
        }
        let parts = parts(path)?;
        let place = artifacts::of_run(engine, row, &parts);
        Some(Self { place, aside: of_artifacts(&run), within: parts.iter().collect() })
    }
}

fn is_of_checkpoints(path: &str) -> bool {
    path.trim_end_matches('/') == CHECKPOINTS
}

/// The parts of a path below a run's artifacts; none of any other, nor of one that names another place than it shows.
pub(super) fn parts(path: &str) -> Option<Vec<String>> {
    let below = path.strip_prefix(ARTIFACTS)?.trim_end_matches('/');
    let parts: Vec<String> = below.split('/').map(str::to_owned).collect();
    (!parts.iter().any(|part| ["", ".", ".."].contains(&part.as_str()))).then_some(parts)
}

/// Puts a file or a folder of a run aside; whether it was there.
pub(super) async fn put(engine: &Engine, row: &RunRow, place: &Place) -> anyhow::Result<bool> {
    let aside = of_artifacts(&engine.workspace().run(row.run.id));
    artifacts::set_aside(engine, place, aside, engine.now_ms()).await
}

/// Puts the checkpoints of a run aside; how many bytes they hold.
pub(super) async fn put_checkpoints(engine: &Engine, run: RunId) -> anyhow::Result<u64> {
    let place = artifacts::checkpoints_of_run(engine, run);
    let (aside, bytes) = (of_checkpoints(&engine.workspace().run(run)), artifacts::held_bytes(&place).await?);
    artifacts::set_aside(engine, &place, aside, engine.now_ms()).await?;
    Ok(bytes)
}

pub async fn list(engine: &Engine, request: ListDeletedArtifacts) -> anyhow::Result<Vec<DeletedArtifact>> {
    let row = super::find(engine, request.run).await?;
    let (run, now_ms) = (engine.workspace().run(row.run.id), engine.now_ms());
    Ok(tokio::task::spawn_blocking(move || list_at(&run, now_ms)).await?)
}

fn list_at(run: &Path, now_ms: i64) -> Vec<DeletedArtifact> {
    let mut all = Vec::new();
    for Deletion { at_ms, folder } in kept(&of_artifacts(run), now_ms) {
        let mut found = Vec::new();
        if let Ok(folder) = beneath::folder(&folder) {
            super::list_files(&folder, Path::new(""), &mut found);
        }
        all.extend(found.into_iter().map(|file| DeletedArtifact {
            path: format!("{ARTIFACTS}{}", file.path),
            size_bytes: file.size_bytes,
            deleted_ms: at_ms,
        }));
    }
    all.extend(kept(&of_checkpoints(run), now_ms).map(|Deletion { at_ms, folder }| DeletedArtifact {
        path: CHECKPOINTS.to_owned(),
        size_bytes: storage::size_of(&folder),
        deleted_ms: at_ms,
    }));
    all.sort_by_key(|one| std::cmp::Reverse(one.deleted_ms));
    all
}

/// The deletions that can be taken back.
fn kept(aside: &Path, now_ms: i64) -> impl Iterator<Item = Deletion> {
    deletions(aside).into_iter().filter(move |deletion| deletion.at_ms >= now_ms - KEPT_MS)
}

/// Those of them that have something at a path. Blocks.
fn with(aside: &Path, path: &Path, now_ms: i64) -> Vec<Deletion> {
    let has = |deletion: &Deletion| {
        beneath::folder(&deletion.folder).is_ok_and(|folder| folder.symlink_metadata(path).is_ok())
    };
    kept(aside, now_ms).filter(has).collect()
}

fn not_deleted(path: &str) -> ApiError {
    ApiError::not_found(format!("No artifact \"{path}\" of this run was deleted within a day."))
        .with_hint("`slipway run artifacts RUN --deleted` lists what was.")
}

pub async fn restore(engine: &Engine, request: RestoreArtifact) -> anyhow::Result<DeletedArtifact> {
    let row = super::find(engine, request.run).await?;
    let path = request.path;
    let Some(Named { place, aside, within }) = Named::of(engine, &row, &path) else { bail!(not_deleted(&path)) };
    let now_ms = engine.now_ms();
    let deletion = tokio::task::spawn_blocking(move || with(&aside, &within, now_ms).into_iter().next()).await?;
    let Some(Deletion { at_ms, folder }) = deletion else { bail!(not_deleted(&path)) };
    if !artifacts::bring_back(engine, &place, folder.clone()).await? {
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("Something else stands at \"{path}\" now."))
                .with_hint("Delete that first, or restore single files of a folder.")
        );
    }
    tokio::task::spawn_blocking(move || remove_if_empty(&folder)).await?;
    if is_of_checkpoints(&path) {
        supervise::look_for_checkpoint(engine, row.run.id).await?;
    }
    engine.changed(Tag::Storage);
    Ok(DeletedArtifact { path, size_bytes: artifacts::held_bytes(&place).await?, deleted_ms: at_ms })
}

/// Removes the folder of a deletion that has no file any more, only folders that files lay in.
fn remove_if_empty(folder: &Path) {
    let mut left = Vec::new();
    let Ok(opened) = beneath::folder(folder) else { return };
    super::list_files(&opened, Path::new(""), &mut left);
    if left.is_empty() {
        storage::remove_folder(folder);
    }
}

pub async fn purge(engine: &Engine, request: PurgeArtifact) -> anyhow::Result<Freed> {
    let row = super::find(engine, request.run).await?;
    let path = request.path;
    let Some(Named { aside, within, .. }) = Named::of(engine, &row, &path) else { bail!(not_deleted(&path)) };
    let now_ms = engine.now_ms();
    let freed = tokio::task::spawn_blocking(move || purge_at(&aside, &within, now_ms)).await?;
    let (records, bytes) = freed.context("delete artifacts for good")?;
    if records == 0 {
        bail!(not_deleted(&path));
    }
    engine.changed(Tag::Run(row.run.id));
    engine.changed(Tag::Storage);
    Ok(Freed { bytes, ..Freed::default() })
}

/// How many deletions had something there, and the bytes of it.
fn purge_at(aside: &Path, path: &Path, now_ms: i64) -> std::io::Result<(usize, u64)> {
    let (mut count, mut bytes) = (0, 0);
    for deletion in with(aside, path, now_ms) {
        let folder = beneath::folder(&deletion.folder)?;
        bytes += artifacts::held_at(&folder, path);
        artifacts::remove(&folder, path)?;
        remove_if_empty(&deletion.folder);
        count += 1;
    }
    Ok((count, bytes))
}
