//! A snapshot is deleted so that it comes back for a day. Its row is kept as it was; its files stay noted as used by its id,
//! and what the cache has of it stays as well: of one that only references its files that may be all there is of them.

use anyhow::Context as _;
use api::{
    ApiError, ErrorCode, ProjectId, SnapshotId,
    config::DataConfig,
    dataset::{Column, DeleteSnapshot, Snapshot},
    deleted::{DeletedSnapshot, ListDeletedSnapshots, PurgeSnapshot, RestoreSnapshot},
    event::Tag,
    host::Freed,
};
use serde::{Deserialize, Serialize};
use store::{Connection, Transaction, blob::BlobHash, blob_use, setting, snapshot::SnapshotRow};

use crate::{
    Engine,
    deleted::{self, Kept, Kind},
    error, project, storage,
};

/// A snapshot as it was deleted.
#[derive(Debug, Serialize, Deserialize)]
struct Gone {
    project: ProjectId,
    snapshot: Snapshot,
    manifest: String,
    config: DataConfig,
    columns: Vec<Column>,
    root: String,
    /// Those that were taken after it.
    children: Vec<SnapshotId>,
}

/// Refused while a run or a version points at it.
pub async fn delete(engine: &Engine, request: DeleteSnapshot) -> anyhow::Result<DeletedSnapshot> {
    let (id, now_ms) = (request.snapshot, engine.now_ms());
    let delete = move |tx: &Transaction<'_>| {
        let Some(row) = store::snapshot::get(tx, id)? else { return Ok(None) };
        let Some(project) = store::snapshot::project(tx, id)? else { return Ok(None) };
        let mut users = store::version::using_snapshot(tx, id)?;
        users.extend(store::run::using_snapshot(tx, id)?);
        if let Some(user) = users.first() {
            let more = if users.len() > 1 { format!(" and {} more", users.len() - 1) } else { String::new() };
            let message = format!("Snapshot v{} is used by {user}{more}.", row.snapshot.number);
            let refusal = ApiError::new(ErrorCode::InUse, message);
            return Err(refusal.with_hint("Delete what came from it first.").into());
        }
        let SnapshotRow { snapshot, manifest, config, columns, root } = row;
        let children = store::snapshot::children(tx, id)?;
        let gone = Gone { project, snapshot, manifest: manifest.to_string(), config, columns, root, children };
        store::split::delete_unused(tx, id)?;
        store::snapshot::set_aside(tx, id)?;
        deleted::keep(tx, Kind::Snapshot, &id.to_string(), &gone, now_ms)?;
        Ok(Some(gone))
    };
    let gone = engine.store().write_durable(delete).await?.ok_or_else(|| error::missing("snapshot", id))?;
    announce(engine, gone.project);
    told(engine, &gone, now_ms).await
}

fn announce(engine: &Engine, project: ProjectId) {
    engine.changed(Tag::Data(project));
    engine.changed(Tag::Storage);
}

async fn told(engine: &Engine, gone: &Gone, deleted_ms: i64) -> anyhow::Result<DeletedSnapshot> {
    let (project, snapshot, number) = (gone.project, gone.snapshot.id, gone.snapshot.number);
    let rows = gone.snapshot.rows;
    let only = engine.store().read(move |c| blob_use::only_of(c, snapshot.as_bytes())).await?;
    let (blobs, cache) = (engine.blobs().clone(), engine.workspace().snapshot_cache(snapshot));
    let held = move || {
        let files = only.iter().filter_map(|hash| std::fs::metadata(blobs.path(hash)).ok());
        storage::size_of(&cache) + files.map(|file| file.len()).sum::<u64>()
    };
    let frees_bytes = tokio::task::spawn_blocking(held).await?;
    Ok(DeletedSnapshot { project, snapshot, number, rows, deleted_ms, frees_bytes })
}

pub async fn list(engine: &Engine, request: ListDeletedSnapshots) -> anyhow::Result<Vec<DeletedSnapshot>> {
    let now_ms = engine.now_ms();
    let all = engine.store().read(move |c| deleted::list::<Gone>(c, Kind::Snapshot, now_ms)).await?;
    let mut told_all = Vec::new();
    for kept in all.into_iter().filter(|kept| kept.value.project == request.project) {
        told_all.push(told(engine, &kept.value, kept.deleted_ms).await?);
    }
    Ok(told_all)
}

/// The ids of all that are kept, with their projects: the cache has more of them.
pub(crate) fn kept(c: &Connection) -> store::Result<Vec<(SnapshotId, ProjectId)>> {
    let all = deleted::list_any::<Gone>(c, Kind::Snapshot)?;
    Ok(all.into_iter().map(|kept| (kept.value.snapshot.id, kept.value.project)).collect())
}

fn take(tx: &Connection, id: SnapshotId, now_ms: i64) -> store::Result<Kept<Gone>> {
    let missing = || {
        ApiError::not_found(format!("No snapshot with the id {id} was deleted here within a day."))
            .with_hint("`slipway data list --deleted` names those that were.")
    };
    let kept = deleted::newest::<Gone>(tx, Kind::Snapshot, &id.to_string(), now_ms)?;
    Ok(kept.ok_or_else(missing)?)
}

/// Brings it back under its number, or under the next one where another has it now.
pub async fn restore(engine: &Engine, request: RestoreSnapshot) -> anyhow::Result<Snapshot> {
    let (id, now_ms) = (request.snapshot, engine.now_ms());
    let restore = move |tx: &Transaction<'_>| {
        let Kept { name, value, .. } = take(tx, id, now_ms)?;
        let Gone { project, mut snapshot, manifest, config, columns, root, children } = value;
        project::deletion::refuse_if_deleted(tx, Some(project), &format!("Snapshot v{}", snapshot.number))?;
        let Ok(manifest) = manifest.parse::<BlobHash>() else {
            let broken = "What is kept of the snapshot can't be read.";
            return Err(ApiError::new(ErrorCode::Internal, broken).into());
        };
        if let Some(parent) = snapshot.parent
            && store::snapshot::get(tx, parent)?.is_none()
        {
            snapshot.parent = None;
        }
        let mut row = SnapshotRow { snapshot, manifest, config, columns, root };
        row.snapshot.number = store::snapshot::put_back(tx, &row, &children)?;
        setting::delete(tx, &name)?;
        Ok((project, row.snapshot))
    };
    let (project, snapshot) = engine.store().write_durable(restore).await?;
    announce(engine, project);
    Ok(snapshot)
}

/// Deletes it for good. Where other work holds the blobs, the next collection frees them.
pub async fn purge(engine: &Engine, request: PurgeSnapshot) -> anyhow::Result<Freed> {
    let (id, now_ms) = (request.snapshot, engine.now_ms());
    let purge = move |tx: &Transaction<'_>| {
        let kept = take(tx, id, now_ms)?;
        forget(tx, &kept.name, id)?;
        Ok(kept.value.project)
    };
    let project = engine.store().write_durable(purge).await?;
    let cache = engine.workspace().snapshot_cache(id);
    let removed = tokio::task::spawn_blocking(move || storage::remove_folder(&cache));
    let bytes = removed.await.context("remove the cache of a snapshot")?;
    let unused = storage::collect_unused(engine, false).await.unwrap_or_default();
    announce(engine, project);
    Ok(Freed { bytes: bytes + unused.bytes, records: 1, ..unused })
}

fn forget(tx: &Transaction<'_>, name: &str, id: SnapshotId) -> store::Result<()> {
    blob_use::remove(tx, id.as_bytes())?;
    setting::delete(tx, name)
}

/// Lets go of those that were deleted longer than a day ago: their files are garbage from now on.
pub(crate) fn let_go(tx: &Transaction<'_>, now_ms: i64) -> store::Result<()> {
    for (name, id) in deleted::past(tx, Kind::Snapshot, now_ms)? {
        match id.parse::<SnapshotId>() {
            Ok(id) => forget(tx, &name, id)?,
            Err(_) => setting::delete(tx, &name)?,
        }
    }
    Ok(())
}

/// Lets go of those of a project that is deleted for good; their ids are answered.
pub(crate) fn forget_of(tx: &Transaction<'_>, project: ProjectId) -> store::Result<Vec<SnapshotId>> {
    let mut ids = Vec::new();
    for kept in deleted::list_any::<Gone>(tx, Kind::Snapshot)? {
        if kept.value.project == project {
            let id = kept.value.snapshot.id;
            forget(tx, &kept.name, id)?;
            ids.push(id);
        }
    }
    Ok(ids)
}
