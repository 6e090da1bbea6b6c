//! Snapshots: the content of a dataset at one moment, and the cache that can be rebuilt of it.
//!
//! The files are kept as blobs, or referenced by hash where they stand ([`referenced`]). Beside them, in
//! the cache ([`mod@cache`]): the Parquet form that previews, profiles, splits and trainings read, the
//! profiles, and for images the files under their names.

pub mod cache;
pub mod deletion;
pub(crate) mod referenced;

use std::{
    collections::BTreeMap,
    io::Write as _,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
pub(crate) use api::figure::count as thousands;
use api::{
    ApiError, DatasetId, ErrorCode, SnapshotId,
    config::{DataConfig, DataKind},
    dataset::{Column, Snapshot},
    event::Tag,
    figure::counted,
    project::{Happening, Stage, StationState},
};
use data::{
    manifest::{self, Entry, Hashes, Manifest},
    scan::{self, ScannedFile},
    table::Converted,
};
use store::{Store, StoreError, blob::BlobHash, project::ProjectRow, snapshot::SnapshotRow};

use self::cache::{Bytes, Source};
use crate::{
    Engine,
    blocking::{self, Step},
    error, folder,
    jobs::cancelled,
    settings,
};

/// Told how far it is, from 0 to 1; `Break` stops the work.
pub type Report<'a> = &'a mut (dyn FnMut(f64, &str) -> ControlFlow<()> + Send);

/// A report for callers that neither show progress nor stop.
pub(crate) fn unheard(_fraction: f64, _message: &str) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The snapshot's row, or a plain error.
pub async fn find(engine: &Engine, id: SnapshotId) -> anyhow::Result<SnapshotRow> {
    let row = engine.store().read(move |c| store::snapshot::get(c, id)).await?;
    row.ok_or_else(|| error::missing("snapshot", id))
}

/// Which files a snapshot is made of.
pub async fn manifest(engine: &Engine, row: &SnapshotRow) -> anyhow::Result<Manifest> {
    let (store, hash) = (engine.store().clone(), row.manifest);
    let bytes = tokio::task::spawn_blocking(move || store.blobs().read(&hash)).await??;
    Ok(serde_json::from_slice(&bytes)?)
}

/// As [`manifest()`]; `None` where the disk lost or damaged it, so that taking the snapshot puts it anew.
pub(crate) async fn manifest_if_whole(engine: &Engine, row: &SnapshotRow) -> anyhow::Result<Option<Manifest>> {
    match manifest(engine, row).await {
        Ok(manifest) => Ok(Some(manifest)),
        Err(error) if error.downcast_ref::<StoreError>().is_some_and(StoreError::is_lost) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads through what a snapshot keeps, and puts anew what the disk lost or damaged of it where the project's
/// folder still has it as it was. Returns how many files that were.
pub(crate) async fn make_whole(engine: &Engine, id: SnapshotId, report: Report<'_>) -> anyhow::Result<usize> {
    let row = find(engine, id).await?;
    if !row.snapshot.kept {
        return Ok(0);
    }
    let _gate = engine.hold_blobs().await;
    let (taken, roots) = (manifest(engine, &row).await?, referenced::roots(engine, &row).await?);
    let store = engine.store().clone();
    let mut heard = |step: Step| report(0.5 + 0.5 * step.fraction, &step.message);
    let work = move |tell: blocking::Tell<'_, Step>| {
        let (size_bytes, mut read_bytes, mut mended) = (taken.size_bytes().max(1), 0, 0);
        for entry in &taken.entries {
            let message = format!("Checks what is stored of {}", entry.name);
            if tell(Step { fraction: read_bytes as f64 / size_bytes as f64, message }).is_break() {
                bail!(cancelled());
            }
            mended += usize::from(cache::is_mended(&store, entry, &roots)?);
            read_bytes += entry.size_bytes;
        }
        Ok(mended)
    };
    blocking::run(&mut heard, work).await
}

/// What decides how the same bytes are read.
pub(crate) fn reading(config: &DataConfig) -> impl PartialEq + use<> {
    let image_target = (config.kind == DataKind::Images).then(|| config.target.clone());
    (config.kind, config.types.clone(), config.ragged, config.delimiter.clone(), config.encoding.clone(), image_target)
}

/// Takes a snapshot of a project's data, or returns the newest where nothing changed: neither the data, nor how they are
/// read, nor whether copies or hashes are kept.
pub async fn take(
    engine: &Engine,
    project: &ProjectRow,
    message: Option<String>,
    report: Report<'_>,
) -> anyhow::Result<(Snapshot, bool)> {
    let id = project.id;
    // The second of two at once finds what the first took.
    let _taking = turn(engine.building(*id.as_bytes()), report).await?;
    let _gate = engine.hold_blobs().await;
    let (dataset, newest) = engine
        .store()
        .read(move |c| {
            let dataset = store::dataset::of_project(c, id)?;
            let newest = dataset.as_ref().map(|dataset| store::snapshot::newest(c, dataset.id)).transpose()?.flatten();
            Ok((dataset, newest))
        })
        .await?;
    let dataset = dataset.context("find the project's dataset")?;
    let before = match &newest {
        Some(row) => manifest_if_whole(engine, row).await?,
        None => None,
    };
    let (root, config) = (PathBuf::from(&project.path), project.file.data.clone());
    let files = {
        let (root, config) = (root.clone(), config.clone());
        tokio::task::spawn_blocking(move || scan::files(&root, &config)).await?.map_err(ApiError::from)?
    };
    let size_bytes: u64 = files.iter().map(|file| file.size_bytes).sum();
    let kept = !config.reference && size_bytes <= settings::current(engine).await?.reference_above_bytes;
    let kept_so_far = KeptSoFar::of(engine, dataset.id);
    let taken = keep(engine, &files, before.as_ref(), &kept_so_far, kept, size_bytes, report).await?;
    let content = taken.content();
    if let Some(row) = &newest
        && row.snapshot.content == content
        && (before.is_some() || put_manifest(engine, &taken).await? == row.manifest)
        && reading(&row.config) == reading(&config)
        && row.snapshot.kept == kept
    {
        return Ok((row.snapshot.clone(), false));
    }
    let new_id = SnapshotId::from_bytes(engine.new_id());
    let bytes = if kept { Bytes::Kept(vec![root.clone()]) } else { Bytes::Referenced(vec![root.clone()]) };
    let source = Source { id: new_id, config: config.clone(), taken: taken.clone(), bytes };
    let mut half = |fraction: f64, message: &str| report(0.5 + 0.45 * fraction, message);
    let converted = cache::build(engine, source, &mut half).await?;
    if report(0.95, "Writes the record").is_break() {
        let made = engine.workspace().snapshot_cache(new_id);
        tokio::task::spawn_blocking(move || crate::storage::remove_folder(&made)).await?;
        bail!(cancelled());
    }
    let message = message.unwrap_or_else(|| describe(before.as_ref(), &taken, newest.as_ref(), &converted, kept));
    let row =
        row_of(engine, new_id, dataset.id, newest.as_ref(), &config, &root, &taken, kept, &converted, message).await?;
    let hashes: Vec<BlobHash> =
        if kept { taken.entries.iter().filter_map(|entry| entry.blake3.parse().ok()).collect() } else { Vec::new() };
    let written = row.clone();
    let happened_ms = engine.now_ms();
    let number = engine
        .store()
        .write_durable(move |tx| {
            let number = store::snapshot::insert(tx, &written, hashes)?;
            let sentence = format!("[Snapshot v{number}](/p/{id}/data) taken: {}", written.snapshot.message);
            let happening = Happening { at_ms: happened_ms, stage: Stage::Data, state: StationState::Good, sentence };
            store::happening::add(tx, id, &happening)?;
            Ok(number)
        })
        .await?;
    kept_so_far.forget();
    engine.changed(Tag::Data(id));
    engine.changed(Tag::Storage);
    folder::look(engine, id).await?;
    Ok((Snapshot { number, ..row.snapshot }, true))
}

/// Puts the bytes of every file that is new, and lists them all.
async fn keep(
    engine: &Engine,
    files: &[ScannedFile],
    before: Option<&Manifest>,
    kept_so_far: &KeptSoFar,
    kept: bool,
    size_bytes: u64,
    report: Report<'_>,
) -> anyhow::Result<Manifest> {
    let before = before.map(|before| before.entries.clone()).unwrap_or_default();
    let known = before.into_iter().chain(kept_so_far.entries());
    let known: BTreeMap<String, Entry> = known.map(|entry| (entry.name.clone(), entry)).collect();
    let mut taken = Manifest::default();
    let mut done_bytes = 0;
    for file in files {
        let mut heard = |read_bytes: u64| {
            done_bytes += read_bytes;
            // A file that is read again counts again.
            let fraction = (done_bytes as f64 / size_bytes.max(1) as f64).min(1.0);
            report(0.5 * fraction, &format!("Reads {}", file.name))
        };
        if heard(0).is_break() {
            bail!(cancelled());
        }
        let unread = known.get(&file.name).filter(|entry| {
            (entry.size_bytes, entry.modified_ms, entry.inode) == (file.size_bytes, file.modified_ms, file.inode)
        });
        let store = engine.store().clone();
        let there = unread
            .filter(|entry| !kept || entry.blake3.parse::<BlobHash>().is_ok_and(|hash| store.blobs().contains(&hash)));
        let entry = match there {
            Some(entry) => {
                done_bytes += file.size_bytes;
                entry.clone()
            }
            None => {
                let (file, kept_so_far) = (file.clone(), kept_so_far.clone());
                blocking::run(&mut heard, move |tell| {
                    let entry = hash_still(&store, file, kept, tell)?;
                    kept_so_far.add(&entry)?;
                    Ok(entry)
                })
                .await?
            }
        };
        taken.entries.push(entry);
    }
    taken.entries.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(taken)
}

/// What a snapshot under way has read already: one that is interrupted goes on there. A line a file,
/// in the cache; gone once the snapshot is recorded.
#[derive(Clone)]
struct KeptSoFar {
    path: PathBuf,
}

impl KeptSoFar {
    fn of(engine: &Engine, dataset: DatasetId) -> Self {
        Self { path: engine.workspace().cache().join(format!("reading-{dataset}.jsonl")) }
    }

    /// A line that a death cut off is no entry; its file is read again.
    fn entries(&self) -> Vec<Entry> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn add(&self, entry: &Entry) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let file = std::fs::File::options().create(true).append(true).open(&self.path);
        file.and_then(|mut file| file.write_all(&line)).with_context(|| format!("write {}", self.path.display()))
    }

    fn forget(&self) {
        // Left behind it costs a look: each entry is checked against the file as it is.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Waits for other work on the same snapshot, unless it is stopped meanwhile.
pub(crate) async fn turn<T>(turn: impl Future<Output = T>, report: Report<'_>) -> anyhow::Result<T> {
    const ASK_EVERY: Duration = Duration::from_millis(100);
    tokio::pin!(turn);
    loop {
        match tokio::time::timeout(ASK_EVERY, &mut turn).await {
            Ok(turn) => return Ok(turn),
            Err(_) if report(0.0, "Waits for other work on these data").is_break() => bail!(cancelled()),
            Err(_) => {}
        }
    }
}

/// As [`hash`], of a file that was the same before and after: bytes of two moments are no content.
fn hash_still(
    store: &Store,
    mut file: ScannedFile,
    kept: bool,
    tell: blocking::Tell<'_, u64>,
) -> anyhow::Result<Entry> {
    const READINGS: usize = 3;
    for _ in 0..READINGS {
        let entry = hash(store, &file, kept, tell)?;
        let now = file.again().map_err(ApiError::from)?;
        if now == file && entry.size_bytes == now.size_bytes {
            return Ok(entry);
        }
        file = now;
    }
    bail!(
        ApiError::new(ErrorCode::Conflict, format!("{} changes while it is read.", file.name))
            .with_hint("Take the snapshot once nothing writes to it.")
    )
}

fn hash(store: &Store, file: &ScannedFile, kept: bool, tell: blocking::Tell<'_, u64>) -> anyhow::Result<Entry> {
    if !kept {
        let one = manifest::build(std::slice::from_ref(file), None, Hashes::Blake3, tell);
        return one.map_err(ApiError::from)?.entries.pop().with_context(|| format!("read {}", file.name));
    }
    let stored = store.blobs().put_file(&file.path, false, tell).with_context(|| format!("keep {}", file.name))?;
    Ok(Entry {
        name: file.name.clone(),
        size_bytes: stored.size_bytes,
        blake3: stored.hash.to_string(),
        sha256: None,
        modified_ms: file.modified_ms,
        inode: file.inode,
    })
}

async fn put_manifest(engine: &Engine, taken: &Manifest) -> anyhow::Result<BlobHash> {
    let (store, bytes) = (engine.store().clone(), serde_json::to_vec(taken)?);
    Ok(tokio::task::spawn_blocking(move || store.blobs().put_bytes(&bytes)).await??.hash)
}

#[expect(clippy::too_many_arguments, reason = "each is a column of the record, and it is called once")]
async fn row_of(
    engine: &Engine,
    id: SnapshotId,
    dataset: DatasetId,
    newest: Option<&SnapshotRow>,
    config: &DataConfig,
    root: &Path,
    taken: &Manifest,
    kept: bool,
    converted: &Converted,
    message: String,
) -> anyhow::Result<SnapshotRow> {
    let manifest = put_manifest(engine, taken).await?;
    let columns: Vec<Column> = converted
        .columns
        .iter()
        .map(|(name, kind)| Column { name: name.clone(), kind: *kind, role: data::column::role(name, config) })
        .collect();
    Ok(SnapshotRow {
        snapshot: Snapshot {
            id,
            dataset,
            number: 0,
            parent: newest.map(|row| row.snapshot.id),
            content: taken.content(),
            message,
            rows: converted.rows,
            columns: columns.len() as u32,
            size_bytes: taken.size_bytes(),
            files: taken.entries.len() as u64,
            kept,
            created_ms: engine.now_ms(),
        },
        manifest,
        config: config.clone(),
        columns,
        root: root.to_string_lossy().into_owned(),
    })
}

/// "transactions-2026-11.csv added, 8,210 rows".
fn describe(
    before: Option<&Manifest>,
    now: &Manifest,
    newest: Option<&SnapshotRow>,
    converted: &Converted,
    kept: bool,
) -> String {
    let rows = counted(converted.rows, "row", "rows");
    let (Some(before), Some(newest)) = (before, newest) else {
        let count = now.entries.len();
        return match now.entries.as_slice() {
            [only] => format!("{}, {rows}", only.name),
            _ => format!("{} files, {rows}", thousands(count as u64)),
        };
    };
    let old: BTreeMap<&str, &str> =
        before.entries.iter().map(|entry| (entry.name.as_str(), entry.blake3.as_str())).collect();
    let new: BTreeMap<&str, &str> =
        now.entries.iter().map(|entry| (entry.name.as_str(), entry.blake3.as_str())).collect();
    let added: Vec<&str> = new.keys().filter(|name| !old.contains_key(*name)).copied().collect();
    let removed: Vec<&str> = old.keys().filter(|name| !new.contains_key(*name)).copied().collect();
    let changed: Vec<&str> = new
        .iter()
        .filter(|(name, hash)| old.get(*name).is_some_and(|old| old != *hash))
        .map(|(name, _)| *name)
        .collect();
    let parts: Vec<String> = [(added, "added"), (changed, "changed"), (removed, "removed")]
        .into_iter()
        .filter_map(|(names, what)| match names.as_slice() {
            [] => None,
            [only] => Some(format!("{only} {what}")),
            many => Some(format!("{} files {what}", thousands(many.len() as u64))),
        })
        .collect();
    if parts.is_empty() && newest.snapshot.kept != kept {
        return format!("{}, {rows}", if kept { "Kept as copies now" } else { "Kept as hashes now" });
    }
    if parts.is_empty() {
        return format!("Read with other settings, {rows}");
    }
    let difference = converted.rows as i64 - newest.snapshot.rows as i64;
    let rows = match difference {
        0 => rows,
        more if more > 0 => format!("{} more rows", thousands(more as u64)),
        fewer => format!("{} fewer rows", thousands(fewer.unsigned_abs())),
    };
    format!("{}, {rows}", parts.join(", "))
}
