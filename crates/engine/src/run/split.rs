//! Which rows train, validate and test: assigned once, then inherited by later runs.

use std::path::PathBuf;

use api::{
    ApiError, SplitId,
    config::{ProjectFile, SplitConfig},
    evaluation::PartRows,
};
use data::{split, split_record::SplitRecord};
use store::{snapshot::SnapshotRow, split::SplitRow};

use crate::{Engine, snapshot};

/// What decides a row's part besides the data: equal settings share one growing record.
fn settings(file: &ProjectFile) -> anyhow::Result<String> {
    let SplitConfig { method, validation, test, seed } = &file.split;
    let data = &file.data;
    Ok(serde_json::to_string(&serde_json::json!({
        "method": method, "validation": validation, "test": test, "seed": seed,
        "target": data.target, "group": data.group, "timestamp": data.timestamp, "kind": data.kind,
    }))?)
}

/// The split of a snapshot by the project's settings: the one that is there, or a new one that
/// inherits from the newest with the same settings.
pub async fn of(
    engine: &Engine,
    project: api::ProjectId,
    file: &ProjectFile,
    taken: &SnapshotRow,
) -> anyhow::Result<SplitRow> {
    // Of two that begin at once the second takes what the first assigned: their figures are of the same rows.
    let _alone = engine.building(*project.as_bytes()).await;
    let _gate = engine.hold_blobs().await;
    let settings = settings(file)?;
    let key = settings.clone();
    let previous = engine.store().read(move |c| store::split::newest(c, project, &key)).await?;
    if let Some(row) = &previous
        && row.snapshot == taken.snapshot.id
    {
        return Ok(row.clone());
    }
    let parquet = snapshot::cache::table(engine, taken).await?;
    let (store, data, config) = (engine.store().clone(), file.data.clone(), file.split.clone());
    let record = previous.as_ref().map(|row| row.record);
    let (assigned, record, parts) = tokio::task::spawn_blocking(move || {
        let known = match record {
            Some(hash) => Some(SplitRecord::from_bytes(&store.blobs().read(&hash)?).map_err(|reason| {
                ApiError::new(api::ErrorCode::Internal, format!("The split's record is damaged: {reason}."))
            })?),
            None => None,
        };
        let assigned = split::assign(&parquet, &data, &config, known.as_ref()).map_err(ApiError::from)?;
        let record = store.blobs().put_bytes(&assigned.record.to_bytes())?.hash;
        let parts = store.blobs().put_bytes(&assigned.parts)?.hash;
        anyhow::Ok((assigned, record, parts))
    })
    .await??;
    let [training, validation, test, _] = assigned.counts;
    let row = SplitRow {
        id: SplitId::from_bytes(engine.new_id()),
        project,
        snapshot: taken.snapshot.id,
        parent: previous.map(|row| row.id),
        settings,
        // What `auto` became is part of the record.
        config: SplitConfig { method: assigned.method, ..file.split.clone() },
        record,
        parts,
        counts: PartRows { training, validation, test },
        remarks: assigned.notes,
        created_ms: engine.now_ms(),
    };
    let written = row.clone();
    engine.store().write_durable(move |tx| store::split::insert(tx, &written)).await?;
    Ok(row)
}

/// Writes the one-byte-a-row file of a plan.
pub async fn write_parts(engine: &Engine, row: &SplitRow, path: PathBuf) -> anyhow::Result<()> {
    let (store, parts) = (engine.store().clone(), row.parts);
    Ok(tokio::task::spawn_blocking(move || store.blobs().copy_to(&parts, &path)).await??)
}
