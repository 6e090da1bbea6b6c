//! The cache of a snapshot: built in a temporary folder, renamed last, rebuilt where it was lost.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use api::{
    ApiError, SnapshotId,
    config::{DataConfig, DataKind, ProjectFile},
};
use data::{
    images,
    manifest::{Entry, Manifest},
    scan::ScannedFile,
    table::{self, Converted},
};
use store::{Store, blob::BlobHash, snapshot::SnapshotRow};

use super::{Report, referenced, thousands};
use crate::{
    Engine,
    blocking::{self, Step},
    package,
};

const TABLE: &str = "table.parquet";
const FILES: &str = "files";
const IMAGES: &str = "images.json";
const PROFILE: &str = "profile-";
const COMPARISON: &str = "comparison-";

/// What a file of a snapshot's cache is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The rows, or the images and their index.
    Table,
    /// By its name.
    Profile,
    /// With an older snapshot, by its name.
    Comparison,
    /// What was noted of referenced files.
    Note,
    /// Half-made by a process that died.
    Stray,
}

/// Profiles differ by the settings that they were measured with.
pub(crate) fn profile_name(config: &DataConfig) -> anyhow::Result<String> {
    Ok(format!("{PROFILE}{}.json", key_of(config)?))
}

/// Comparisons differ by the settings that they were made with, and by what was compared with.
pub(crate) fn comparison_name(file: &ProjectFile, reference: SnapshotId) -> anyhow::Result<String> {
    Ok(format!("{}{reference}.json", comparisons_of(file)?))
}

/// What the names of the comparisons begin with that a project's settings ask for.
pub(crate) fn comparisons_of(file: &ProjectFile) -> anyhow::Result<String> {
    Ok(format!("{COMPARISON}{}-", key_of(&(&file.data, &file.monitoring))?))
}

fn key_of(settings: &impl serde::Serialize) -> anyhow::Result<String> {
    let mut key = BlobHash::of(&serde_json::to_vec(settings)?).to_string();
    key.truncate(16);
    Ok(key)
}

pub(crate) fn kind_of(name: &str) -> Kind {
    match name {
        TABLE | FILES | IMAGES => Kind::Table,
        referenced::PROVEN => Kind::Note,
        _ if name.starts_with(PROFILE) => Kind::Profile,
        _ if name.starts_with(COMPARISON) => Kind::Comparison,
        _ => Kind::Stray,
    }
}

/// What a cache is built of.
pub(super) struct Source {
    pub(super) id: SnapshotId,
    pub(super) config: DataConfig,
    pub(super) taken: Manifest,
    pub(super) bytes: Bytes,
}

/// Where a snapshot's bytes are.
pub(super) enum Bytes {
    /// As blobs; what the disk lost of them is put anew where it still stands below one of these folders.
    Kept(Vec<PathBuf>),
    /// Below one of these folders.
    Referenced(Vec<PathBuf>),
}

/// Builds a snapshot's cache, or leaves nothing.
pub(super) async fn build(engine: &Engine, source: Source, report: Report<'_>) -> anyhow::Result<Converted> {
    let (store, destination) = (engine.store().clone(), engine.workspace().snapshot_cache(source.id));
    let mut heard = |step: Step| report(step.fraction, &step.message);
    blocking::run(&mut heard, move |tell| build_blocking(&store, &destination, &source, tell)).await
}

fn build_blocking(
    store: &Store,
    destination: &Path,
    source: &Source,
    tell: blocking::Tell<'_, Step>,
) -> anyhow::Result<Converted> {
    let Source { config, taken, bytes, .. } = source;
    let parent = destination.parent().context("find the cache")?;
    std::fs::create_dir_all(parent).with_context(|| format!("make the folder {}", parent.display()))?;
    let half = tempfile::Builder::new().prefix(".half-").tempdir_in(parent).context("make a folder in the cache")?;
    let folder = half.path().join(FILES);
    let (base, files) = match bytes {
        Bytes::Kept(roots) => (folder.clone(), lay_out(store, taken, roots, &folder)?),
        Bytes::Referenced(roots) => referenced::find(roots, taken, half.path(), tell)?,
    };
    let converted = match config.kind {
        DataKind::Table => convert_table(&files, config, half.path(), tell)?,
        DataKind::Images => convert_images(&base, &files, config, half.path(), tell)?,
    };
    match bytes {
        // Only pictures are read again by their names.
        Bytes::Kept(_) if config.kind == DataKind::Table => {
            std::fs::remove_dir_all(&folder).context("tidy the cache")?;
        }
        Bytes::Kept(_) => {}
        // A file that was replaced while it was read would have other rows than its hash says.
        Bytes::Referenced(_) => drop(referenced::find(&[base], taken, half.path(), tell)?),
    }
    let made = half.keep();
    if destination.exists() {
        std::fs::remove_dir_all(destination).context("replace the cache")?;
    }
    std::fs::rename(&made, destination).context("name the cache")?;
    Ok(converted)
}

fn convert_table(
    files: &[ScannedFile],
    config: &DataConfig,
    half: &Path,
    tell: blocking::Tell<'_, Step>,
) -> anyhow::Result<Converted> {
    let size: u64 = files.iter().map(|file| file.size_bytes).sum();
    let mut read = 0;
    // Every byte is read twice: first for the types, then for the rows.
    let mut progress = |bytes: u64| {
        read += bytes;
        let (doing, now) = if read <= size { ("Looks through", read) } else { ("Converts", read - size) };
        let message = format!("{doing} the rows, {} of {}", package::size(now.min(size)), package::size(size));
        tell(Step { fraction: read as f64 / (2 * size).max(1) as f64, message })
    };
    Ok(table::convert(files, config, &half.join(TABLE), &mut progress).map_err(ApiError::from)?)
}

fn convert_images(
    base: &Path,
    files: &[ScannedFile],
    config: &DataConfig,
    half: &Path,
    tell: blocking::Tell<'_, Step>,
) -> anyhow::Result<Converted> {
    let count = files.len() as u64;
    let mut seen = 0;
    let mut progress = |images: u64| {
        seen += images;
        let message = format!("Looks through the images, {} of {}", thousands(seen), thousands(count));
        tell(Step { fraction: seen as f64 / count.max(1) as f64, message })
    };
    let index = images::index_files(base, files, &mut progress).map_err(ApiError::from)?;
    let target = config.target.as_deref().unwrap_or("class");
    let converted = images::to_parquet(&index, target, &half.join(TABLE)).map_err(ApiError::from)?;
    let list: Vec<(String, String)> = index.entries.into_iter().map(|entry| (entry.path, entry.class)).collect();
    std::fs::write(half.join(IMAGES), serde_json::to_vec(&list)?).context("write the index of images")?;
    Ok(converted)
}

/// Gives kept files their names again, sharing the bytes where possible.
fn lay_out(store: &Store, taken: &Manifest, roots: &[PathBuf], folder: &Path) -> anyhow::Result<Vec<ScannedFile>> {
    let mut files = Vec::with_capacity(taken.entries.len());
    for entry in &taken.entries {
        let path = folder.join(relative(&entry.name));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("make the folder {}", parent.display()))?;
        }
        is_mended(store, entry, roots)?;
        let hash: BlobHash = entry.blake3.parse().context("read the manifest")?;
        link(store, &hash, &path).with_context(|| format!("read {} of the snapshot", entry.name))?;
        files.push(scanned(entry, path));
    }
    Ok(files)
}

/// Verifies what is kept of a file. Where the disk lost or damaged it, it is put anew from the first of the folders
/// that still has the file as it was, and the answer is true; it errs where none has it.
pub(super) fn is_mended(store: &Store, entry: &Entry, roots: &[PathBuf]) -> anyhow::Result<bool> {
    let hash: BlobHash = entry.blake3.parse().context("read the manifest")?;
    let Err(lost) = store.blobs().verify(&hash) else { return Ok(false) };
    let is_as_it_was = |path: &PathBuf| path.is_file() && BlobHash::of_file(path).is_ok_and(|found| found == hash);
    let there = roots.iter().map(|root| root.join(&entry.name)).find(is_as_it_was).filter(|_| lost.is_lost());
    let Some(path) = there else {
        return Err(lost).with_context(|| format!("read {} of the snapshot", entry.name));
    };
    store.blobs().put_file(&path, false, &mut data::progress::silent).context("put the stored file anew")?;
    tracing::warn!(file = %path.display(), "what was stored of a file was lost or damaged, and is put anew");
    Ok(true)
}

/// A hard link takes no room, and blobs are read-only; elsewhere a copy.
fn link(store: &Store, hash: &BlobHash, path: &Path) -> anyhow::Result<()> {
    if cfg!(unix) && std::fs::hard_link(store.blobs().path(hash), path).is_ok() {
        return Ok(());
    }
    Ok(store.blobs().copy_to(hash, path)?)
}

/// An absolute name (a data path outside of the project) as one below a folder, with forward slashes.
fn relative(name: &str) -> String {
    let parts =
        name.split(['/', '\\']).filter(|part| !part.is_empty() && *part != "..").map(|part| part.replace(':', "_"));
    parts.collect::<Vec<_>>().join("/")
}

fn scanned(entry: &Entry, path: PathBuf) -> ScannedFile {
    ScannedFile {
        path,
        name: entry.name.clone(),
        size_bytes: entry.size_bytes,
        modified_ms: entry.modified_ms,
        inode: entry.inode,
    }
}

/// Where the Parquet form of a snapshot stands, whether or not it is there.
pub(crate) fn table_of(engine: &Engine, row: &SnapshotRow) -> PathBuf {
    engine.workspace().snapshot_cache(row.snapshot.id).join(TABLE)
}

/// The Parquet form of a snapshot, built again where the cache lost it.
pub async fn table(engine: &Engine, row: &SnapshotRow) -> anyhow::Result<PathBuf> {
    let folder = ready(engine, row, &mut super::unheard).await?;
    Ok(folder.join(TABLE))
}

/// Images: the folder that holds them, and path and class of each in the table's order. Kept ones are
/// all below the cache, whatever their data path was; referenced ones are checked, every one of them.
pub async fn pictures(engine: &Engine, row: &SnapshotRow) -> anyhow::Result<(PathBuf, Vec<(String, String)>)> {
    let folder = ready(engine, row, &mut super::unheard).await?;
    let list = listed(&folder).await?;
    Ok(match referenced::check(engine, row, &mut super::unheard).await? {
        Some(base) => (base, list),
        // An absolute name would lead out of the folder, to the person's own file.
        None => (folder.join(FILES), list.into_iter().map(|(name, class)| (relative(&name), class)).collect()),
    })
}

/// The file of one picture; `None` where the snapshot has none of that name.
pub async fn picture(engine: &Engine, row: &SnapshotRow, name: &str) -> anyhow::Result<Option<PathBuf>> {
    let folder = ready(engine, row, &mut super::unheard).await?;
    if !listed(&folder).await?.iter().any(|(known, _)| known == name) {
        return Ok(None);
    }
    if row.snapshot.kept {
        return Ok(Some(folder.join(FILES).join(relative(name))));
    }
    referenced::one(engine, row, name).await.map(Some)
}

async fn listed(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let list = folder.join(IMAGES);
    let bytes = tokio::fs::read(&list).await.with_context(|| format!("read {}", list.display()))?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// The snapshot's Parquet form, if it is there.
pub(crate) fn built_table(engine: &Engine, row: &SnapshotRow) -> Option<PathBuf> {
    Some(engine.workspace().snapshot_cache(row.snapshot.id).join(TABLE)).filter(|table| table.is_file())
}

/// The snapshot's cache folder.
pub(crate) async fn ready(engine: &Engine, row: &SnapshotRow, report: Report<'_>) -> anyhow::Result<PathBuf> {
    let folder = engine.workspace().snapshot_cache(row.snapshot.id);
    if folder.join(TABLE).is_file() {
        return Ok(folder);
    }
    // One rebuild at a time: a page asks for preview and profile at once.
    let _building = super::turn(engine.building(*row.snapshot.id.as_bytes()), report).await?;
    let _gate = engine.hold_blobs().await;
    if folder.join(TABLE).is_file() {
        return Ok(folder);
    }
    let roots = referenced::roots(engine, row).await?;
    let bytes = if row.snapshot.kept { Bytes::Kept(roots) } else { Bytes::Referenced(roots) };
    let taken = super::manifest(engine, row).await?;
    build(engine, Source { id: row.snapshot.id, config: row.config.clone(), taken, bytes }, report).await?;
    Ok(folder)
}
