//! The request log of one instance: each closed segment is fetched once, by its id.

use std::{collections::HashMap, path::Path};

use anyhow::{Context as _, bail};
use api::{VersionId, monitor::Gap};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde::Deserialize;
use store::{deployment::DeploymentRow, window::SegmentRow};

use crate::{
    Engine,
    ports::{Connection, HttpRequest},
};

/// Segments are kept here, in the deployment's folder.
pub(crate) const FOLDER: &str = "fetched";
/// `slipway.model`: the content hash of the model that answered.
const MODEL: &str = "slipway.model";

/// Stands in a fetched segment's row where its model is unknown.
const NO_VERSION: VersionId = VersionId::from_bytes([0; 16]);

#[derive(Debug, Deserialize)]
struct Listing {
    segments: Vec<Segment>,
    #[serde(default)]
    gaps: Vec<LostRows>,
}

#[derive(Debug, Deserialize)]
struct Segment {
    id: String,
    rows: u64,
    from_ms: i64,
    to_ms: i64,
}

#[derive(Debug, Deserialize)]
struct LostRows {
    from_ms: i64,
    to_ms: i64,
    rows: u64,
    reason: String,
}

/// The versions of a deployment's model, by the hash of their content.
async fn versions(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<HashMap<String, VersionId>> {
    let model = row.model;
    let versions = engine.store().read(move |c| store::version::of_model(c, model)).await?;
    Ok(versions.into_iter().map(|row| (row.version.content, row.version.id)).collect())
}

async fn ask(connection: &dyn Connection, path: String, post: bool) -> anyhow::Result<Vec<u8>> {
    let answer =
        connection.send(HttpRequest { path: path.clone(), headers: Vec::new(), body: post.then(Vec::new) }).await?;
    if answer.status != 200 {
        bail!(
            "the request log of {} answers {} to {path}: {}",
            connection.instance(),
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
    Ok(answer.body)
}

/// Whether the server has a log: one of an earlier Slipway has none where nothing is to be logged.
async fn has_log(connection: &dyn Connection) -> anyhow::Result<bool> {
    let request = HttpRequest { path: "/v1/logs".to_owned(), headers: Vec::new(), body: None };
    Ok(connection.send(request).await?.status != 404)
}

/// Fetches what is new, enters it, and only then acknowledges it. Returns the rows that came.
pub(crate) async fn run(
    engine: &Engine,
    row: &DeploymentRow,
    connection: &dyn Connection,
    close: bool,
) -> anyhow::Result<u64> {
    if row.spec.log_share <= 0.0 && !has_log(connection).await? {
        return Ok(0);
    }
    let (id, instance) = (row.id, connection.instance());
    let from = instance.clone();
    let (_, newest) = engine.store().read(move |c| store::window::fetched(c, id, &from)).await?;
    let cursor = newest.as_deref().map(|newest| format!("?after={newest}")).unwrap_or_default();
    if close {
        ask(connection, "/v1/logs/close".to_owned(), true).await?;
    }
    let listing: Listing = serde_json::from_slice(&ask(connection, format!("/v1/logs{cursor}"), false).await?)
        .with_context(|| format!("read the request log's list of {instance}"))?;
    let folder = engine.workspace().deployment(id).join(FOLDER);
    tokio::fs::create_dir_all(&folder).await.with_context(|| format!("make {}", folder.display()))?;
    // Asked after the list: what answered had been registered by then.
    let versions = versions(engine, row).await?;
    let mut came = 0;
    for segment in &listing.segments {
        let name = segment.id.clone();
        if !plain(&name) {
            bail!("the request log of {instance} names a segment \"{name}\", which is no segment's name");
        }
        if engine.store().read(move |c| store::window::has_segment(c, id, &name)).await? {
            continue;
        }
        let bytes = ask(connection, format!("/v1/logs/{}", segment.id), false).await?;
        came += enter(engine, row, &instance, segment, bytes, &folder, &versions).await?;
    }
    if let Some(last) = listing.segments.last() {
        ask(connection, format!("/v1/logs?after={}", last.id), false).await?;
    }
    for lost in listing.gaps {
        let what = format!(" rows of {instance}: {}", lost.reason);
        let gap = Gap { from_ms: lost.from_ms, to_ms: lost.to_ms, reason: format!("{}{what}", lost.rows) };
        engine.store().write(move |tx| store::window::grow_gap(tx, id, &gap, &what)).await?;
    }
    Ok(came)
}

/// A segment's name becomes a file's: nothing in it may leave the folder.
fn plain(name: &str) -> bool {
    !name.is_empty() && name.len() < 200 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

async fn enter(
    engine: &Engine,
    row: &DeploymentRow,
    instance: &str,
    segment: &Segment,
    bytes: Vec<u8>,
    folder: &Path,
    versions: &HashMap<String, VersionId>,
) -> anyhow::Result<u64> {
    let path = folder.join(format!("{}.parquet", segment.id));
    let (file, target) = (path.clone(), folder.to_owned());
    let model = tokio::task::spawn_blocking(move || write(&target, &file, &bytes)).await??;
    let known = versions.get(&model).copied();
    let (id, rows) = (row.id, segment.rows);
    // A log of a model that this workspace doesn't know is of no use; entered all the same, as taken, so
    // that it is not fetched at each look, and told as a gap.
    let entered = SegmentRow {
        deployment: id,
        name: segment.id.clone(),
        instance: instance.to_owned(),
        version: known.unwrap_or(NO_VERSION),
        rows,
        taken: if known.is_some() { 0 } else { rows },
        from_ms: segment.from_ms,
        to_ms: segment.to_ms,
        file: if known.is_some() { format!("{FOLDER}/{}.parquet", segment.id) } else { String::new() },
    };
    let gap = known.is_none().then(|| Gap {
        from_ms: segment.from_ms,
        to_ms: segment.to_ms,
        reason: format!("{rows} rows of {instance} are of a model that this workspace doesn't know"),
    });
    // Acknowledged next, it is gone where it came from.
    let new = engine
        .store()
        .write_durable(move |tx| {
            if let Some(gap) = gap {
                store::window::add_gap(tx, id, &gap)?;
            }
            store::window::add_segment(tx, &entered)
        })
        .await?;
    if known.is_none() {
        tracing::warn!(segment = segment.id, "a log segment is of an unknown model");
        let _ = tokio::fs::remove_file(&path).await;
        return Ok(0);
    }
    Ok(if new { rows } else { 0 })
}

/// Writes the segment whole, and reads which model it is of.
fn write(folder: &Path, path: &Path, bytes: &[u8]) -> anyhow::Result<String> {
    use std::io::Write as _;
    let named = || format!("write {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(named)?;
    file.write_all(bytes).with_context(named)?;
    file.as_file().sync_all().with_context(named)?;
    let reader = SerializedFileReader::new(file.reopen().with_context(named)?).context("read a fetched log segment")?;
    let entries = reader.metadata().file_metadata().key_value_metadata();
    let model = entries.into_iter().flatten().find(|entry| entry.key == MODEL).and_then(|entry| entry.value.clone());
    file.persist(path).map_err(|error| error.error).with_context(named)?;
    model.context("find the model in a log segment")
}
