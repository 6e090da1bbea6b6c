//! What takes space, and freeing what nothing uses.

pub mod compact;

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use anyhow::bail;
use api::{
    ApiError, ErrorCode,
    config::ProjectFile,
    event::Tag,
    host::{CollectGarbage, Freed, FreedPart, GetStorage, Storage, StoragePart},
};
use store::blob::BlobHash;

use crate::{
    Engine, error, project,
    run::{aside, uncommitted},
    snapshot::{
        cache::{self, Kind},
        deletion,
    },
    tracking::{gone, logged},
    uploads,
    workspace::Workspace,
};

/// What the parts are called, in figures and in what a collection freed.
const BLOBS: &str = "Data and models";
const RUNS: &str = "Runs";
const TABLES: &str = "Cached tables";
const PROFILES: &str = "Cached profiles and comparisons";
const MODELS: &str = "Cached models";
const NOTES: &str = "Unfinished work";
const FLOORS: &str = "Drift limits";
const UPLOADS: &str = "Uploads";
const DEPLOYMENTS: &str = "Deployments";
const LOGGED: &str = "Logged models";
const ARTIFACTS: &str = "Deleted artifacts";
const CHECKPOINTS: &str = "Deleted checkpoints";

/// What stays free of the workspace's disk, for the database to go on and for something to be deleted. Of a small disk
/// it is a tenth.
const KEEP_FREE_BYTES: u64 = 512 << 20;

/// Whether so many bytes more in a folder leave the workspace's disk room enough.
///
/// # Errors
/// Where the system does not say how much is free.
pub fn has_room(folder: &Path, bytes: u64) -> std::io::Result<bool> {
    let (free, total) = (fs4::available_space(folder)?, fs4::total_space(folder)?);
    Ok(free >= bytes.saturating_add(KEEP_FREE_BYTES.min(total / 10)))
}

/// Lets go of what was deleted longer than a day ago: its records alone, for what only they named to be counted and freed.
async fn let_go(engine: &Engine) -> anyhow::Result<()> {
    gone::sweep(engine).await?;
    let now_ms = engine.now_ms();
    engine.store().write(move |tx| deletion::let_go(tx, now_ms)).await?;
    project::deletion::sweep(engine).await
}

pub async fn get(engine: &Engine, _request: GetStorage) -> anyhow::Result<Storage> {
    // On a full disk nothing is written, and what is there can be looked at all the same.
    if let Err(error) = let_go(engine).await {
        tracing::warn!(error = format!("{error:#}"), "what was deleted long ago stays for now");
    }
    let (collectable, not_counted) = match collect_unused(engine, true).await {
        Ok(freed) => (freed.bytes, None),
        Err(failure) => match error::told(&failure) {
            refused if refused.code == ErrorCode::Conflict => (0, Some(refused)),
            _ => return Err(failure),
        },
    };
    let floors = engine.store().read(|c| store::setting::below(c, store::setting::FLOORS)).await?;
    let floors_bytes = floors.iter().map(|(_, size)| size).sum();
    let workspace = engine.workspace().clone();
    let room = engine.store().read(store::database::compact::room).await?;
    let mut storage = tokio::task::spawn_blocking(move || measure(&workspace, floors_bytes)).await?;
    storage.compactable_bytes = room.unused_bytes;
    (storage.collectable_bytes, storage.not_counted) = (collectable, not_counted);
    Ok(storage)
}

fn measure(workspace: &Workspace, floors_bytes: u64) -> Storage {
    let folder = |name: &str| size_of(&workspace.folder().join(name));
    let part = |name: &str, size_bytes: u64, detail: &str| StoragePart {
        name: name.to_owned(),
        size_bytes,
        detail: detail.to_owned(),
    };
    let database: u64 = ["slipway.db", "slipway.db-wal", "slipway.db-shm"].iter().map(|name| folder(name)).sum();
    let files = snapshot_files(workspace);
    let snapshots = |kinds: &[Kind]| -> u64 {
        files.iter().filter(|file| kinds.contains(&file.kind)).map(|file| size_of(&file.path)).sum()
    };
    let (tables, profiles) = (snapshots(&[Kind::Table]), snapshots(&[Kind::Profile, Kind::Comparison]));
    let models = size_of(&workspace.models_cache());
    Storage {
        workspace: workspace.folder().to_string_lossy().into_owned(),
        parts: vec![
            part(BLOBS, folder("blobs"), "Files of snapshots and versions, each stored once"),
            part(RUNS, folder("runs"), "Checkpoints, output and artifacts"),
            part(TABLES, tables, "Snapshots as Parquet, rebuilt when needed"),
            part(PROFILES, profiles, "Rebuilt when needed"),
            part(MODELS, models, "Unpacked for predictions, rebuilt when needed"),
            part(
                NOTES,
                folder("cache").saturating_sub(tables + profiles + models),
                "Lets work that was interrupted go on",
            ),
            part(FLOORS, floors_bytes, "How far data drift by chance alone, measured again when needed"),
            part(UPLOADS, size_of(&workspace.uploads()), "Files dropped on a page that no project uses yet"),
            part(
                DEPLOYMENTS,
                size_of(&workspace.deployments()),
                "Request logs, and the models and output of those on this machine",
            ),
            part(LOGGED, folder("logged"), "Files of models that programs logged"),
            part("Database", database.saturating_sub(floors_bytes), "Records and metrics"),
            part("Logs", folder("logs"), "Slipway's own log"),
        ],
        free_bytes: fs4::available_space(workspace.folder()).unwrap_or(0),
        collectable_bytes: 0,
        compactable_bytes: 0,
        not_counted: None,
    }
}

/// A file in the cache of a snapshot, or in what a dead process left beside them.
struct SnapshotFile {
    /// The folder's name: the snapshot's id.
    snapshot: String,
    name: String,
    kind: Kind,
    path: PathBuf,
}

fn snapshot_files(workspace: &Workspace) -> Vec<SnapshotFile> {
    let folders = entries(&workspace.snapshots_cache());
    let files = folders.into_iter().flat_map(|(snapshot, folder)| {
        entries(&folder).into_iter().map(move |(name, path)| SnapshotFile {
            snapshot: snapshot.clone(),
            kind: cache::kind_of(&name),
            name,
            path,
        })
    });
    files.collect()
}

pub async fn collect(engine: &Engine, request: CollectGarbage) -> anyhow::Result<Freed> {
    if !request.dry_run {
        let_go(engine).await?;
    }
    let freed = collect_unused(engine, request.dry_run).await?;
    if !request.dry_run {
        tracing::info!(bytes = freed.bytes, records = freed.records, "collected what nothing uses");
        engine.changed(Tag::Storage);
    }
    Ok(freed)
}

/// What the records name.
struct Used {
    blobs: HashSet<BlobHash>,
    runs: HashSet<String>,
    /// Snapshots with what their project's settings ask for.
    snapshots: HashMap<String, Wanted>,
    versions: Vec<String>,
    /// Models that clients logged.
    logged: HashSet<String>,
    /// Floors of no version's content, with their size.
    floors: Vec<(String, u64)>,
    /// Folders of deployments that are gone.
    gone: Vec<PathBuf>,
    /// There is no project and no run, and no project was ever deleted: these are the records of another workspace, or none.
    knows_nothing: bool,
}

/// The names in a snapshot's cache that its project's settings ask for.
#[derive(Clone)]
struct Wanted {
    profile: String,
    /// What the names of comparisons begin with; the snapshot that was compared with follows.
    comparisons: String,
}

impl Wanted {
    fn of(file: &ProjectFile) -> Self {
        Self {
            profile: cache::profile_name(&file.data).unwrap_or_default(),
            comparisons: cache::comparisons_of(file).unwrap_or_default(),
        }
    }
}

/// Folders of records, by their names.
struct There {
    deployments: Vec<(String, PathBuf)>,
    runs: Vec<(String, PathBuf)>,
    logged: Vec<(String, PathBuf)>,
}

impl There {
    fn list(workspace: &Workspace) -> Self {
        Self {
            deployments: entries(&workspace.deployments()),
            runs: entries(&workspace.runs()),
            logged: entries(&workspace.all_logged()),
        }
    }
}

impl Used {
    /// `folders` are those of deployments, listed before.
    fn read(c: &store::Connection, folders: Vec<(String, PathBuf)>) -> store::Result<Self> {
        let mut snapshots = HashMap::new();
        let projects = store::project::with_deleted(c)?;
        let runs = store::run::ids(c, None)?;
        let was_emptied = store::setting::get::<bool>(c, store::setting::EMPTIED)?.is_some();
        let knows_nothing = projects.is_empty() && runs.is_empty() && !was_emptied;
        for project in &projects {
            let Some(dataset) = store::dataset::of_project(c, project.id)? else { continue };
            let wanted = Wanted::of(&project.file);
            let rows = store::snapshot::of_dataset(c, dataset.id)?;
            snapshots.extend(rows.into_iter().map(|row| (row.snapshot.id.to_string(), wanted.clone())));
        }
        for (id, of) in deletion::kept(c)? {
            if let Some(project) = projects.iter().find(|project| project.id == of) {
                snapshots.insert(id.to_string(), Wanted::of(&project.file));
            }
        }
        let versions = store::version::contents(c)?;
        let contents: HashSet<String> =
            versions.iter().map(|(_, content)| store::setting::floors_of(content)).collect();
        let floors = store::setting::below(c, store::setting::FLOORS)?;
        let deployments: HashSet<String> =
            store::deployment::list(c, None)?.iter().map(|row| row.id.to_string()).collect();
        let gone = folders.into_iter().filter(|(name, _)| !knows_nothing && !deployments.contains(name));
        Ok(Self {
            blobs: store::blob_use::all(c)?,
            runs: runs.iter().map(ToString::to_string).collect(),
            logged: store::logged_model::ids(c)?.into_iter().collect(),
            snapshots,
            versions: versions.iter().map(|(id, _)| id.to_string()).collect(),
            floors: floors.into_iter().filter(|(name, _)| !contents.contains(name)).collect(),
            gone: gone.map(|(_, path)| path).collect(),
            knows_nothing,
        })
    }
}

/// Deletes blobs, run folders, caches and drops that no record names, and logged models that were deleted long ago; a
/// dry run only counts them.
pub(crate) async fn collect_unused(engine: &Engine, dry_run: bool) -> anyhow::Result<Freed> {
    // Work under way has put blobs whose record comes last.
    let Ok(_alone) = engine.blob_gate().try_write() else {
        bail!(
            ApiError::new(
                ErrorCode::Conflict,
                "Work on snapshots or models is under way: what is unused is known once it is done."
            )
            .with_hint("Look again once it is done.")
        );
    };
    // Before the records: what is begun meanwhile is no stranger, for its record is entered before its folder is made.
    let workspace = engine.workspace().clone();
    let there = tokio::task::spawn_blocking(move || There::list(&workspace)).await?;
    let deployments = there.deployments;
    let mut used = engine.store().read(move |c| Used::read(c, deployments)).await?;
    let (store, workspace, now_ms) = (engine.store().clone(), engine.workspace().clone(), engine.now_ms());
    if used.knows_nothing {
        let (blobs, runs) = (store.blobs().clone(), workspace.runs());
        let (blobs, runs) =
            tokio::task::spawn_blocking(move || blobs.list().map(|list| (list.len(), entries(&runs).len()))).await??;
        if blobs + runs > 0 {
            let held = format!("{blobs} stored files and {runs} runs' folders");
            let message =
                format!("The database knows no project, but the workspace holds {held}: nothing was deleted.");
            bail!(ApiError::new(ErrorCode::Conflict, message).with_hint(
                "Put the workspace's own slipway.db back. If nothing of it is wanted, delete the folders blobs and runs by hand."
            ));
        }
    }
    let past = logged::deletion::let_go(engine, dry_run).await?;
    for model in &past {
        used.logged.remove(model);
    }
    let floors = used.floors.clone();
    let mut freed = tokio::task::spawn_blocking(move || {
        let mut freed = Freed::default();
        // Those with files are found by their folders.
        for _ in past.iter().filter(|model| !workspace.logged(model).exists()) {
            add(&mut freed, LOGGED, 0);
        }
        // First what may be a link to a blob: the bytes are counted where they are freed.
        for (part, path) in unused_files(&workspace, there.runs, there.logged, &used, now_ms) {
            let bytes = if dry_run { size_of(&path) } else { remove_folder(&path) };
            add(&mut freed, part, bytes);
        }
        for (hash, size) in store.blobs().list()? {
            if !used.blobs.contains(&hash) {
                let bytes = if dry_run { size } else { store.blobs().delete(&hash)? };
                add(&mut freed, BLOBS, bytes);
            }
        }
        Ok(freed)
    })
    .await?
    .map_err(|error: store::StoreError| anyhow::Error::new(error).context("collect what nothing uses"))?;
    for (_, size) in &floors {
        add(&mut freed, FLOORS, *size);
    }
    if !dry_run && !floors.is_empty() {
        engine
            .store()
            .write(move |tx| floors.iter().try_for_each(|(name, _)| store::setting::delete(tx, name)))
            .await?;
    }
    Ok(freed)
}

fn add(freed: &mut Freed, part: &str, bytes: u64) {
    freed.bytes += bytes;
    freed.records += 1;
    match freed.parts.iter_mut().find(|known| known.name == part) {
        Some(known) => (known.bytes, known.records) = (known.bytes + bytes, known.records + 1),
        None => freed.parts.push(FreedPart { name: part.to_owned(), bytes, records: 1 }),
    }
}

/// Files and folders that nothing needs, by their part.
fn unused_files(
    workspace: &Workspace,
    runs: Vec<(String, PathBuf)>,
    logged: Vec<(String, PathBuf)>,
    used: &Used,
    now_ms: i64,
) -> Vec<(&'static str, PathBuf)> {
    let mut unused: Vec<(&'static str, PathBuf)> = Vec::new();
    for (_, run) in runs.iter().filter(|(name, _)| used.runs.contains(name)) {
        unused.extend(aside::past_artifacts(run, now_ms).into_iter().map(|folder| (ARTIFACTS, folder)));
        unused.extend(aside::past_checkpoints(run, now_ms).into_iter().map(|folder| (CHECKPOINTS, folder)));
    }
    let gone = runs.into_iter().filter(|(name, _)| !used.runs.contains(name));
    unused.extend(gone.map(|(_, path)| (RUNS, path)));
    let gone = logged.into_iter().filter(|(name, _)| !used.logged.contains(name));
    unused.extend(gone.map(|(_, path)| (LOGGED, path)));
    let mut strangers = |part, folder: &Path, is_known: &dyn Fn(&str) -> bool| {
        let strange = entries(folder).into_iter().filter(|(name, _)| !is_known(name));
        unused.extend(strange.map(|(_, path)| (part, path)));
    };
    strangers(TABLES, &workspace.snapshots_cache(), &|name| used.snapshots.contains_key(name));
    strangers(MODELS, &workspace.models_cache(), &|name| used.versions.iter().any(|version| version == name));
    // Notes of a snapshot that was interrupted help only beside the bytes that it kept, and those go too.
    let folders = [workspace.snapshots_cache(), workspace.models_cache(), workspace.patches_cache()];
    strangers(NOTES, &workspace.cache(), &|name| folders.iter().any(|folder| folder.ends_with(name)));
    unused.extend(unused_patches(workspace).into_iter().map(|path| (NOTES, path)));
    for file in snapshot_files(workspace) {
        let Some(wanted) = used.snapshots.get(&file.snapshot) else { continue };
        let is_wanted = |name: &str| {
            let other = name.strip_prefix(&wanted.comparisons).and_then(|rest| rest.strip_suffix(".json"));
            other.is_some_and(|other| used.snapshots.contains_key(other))
        };
        match file.kind {
            Kind::Profile if file.name != wanted.profile => unused.push((PROFILES, file.path)),
            Kind::Comparison if !is_wanted(&file.name) => unused.push((PROFILES, file.path)),
            Kind::Stray => unused.push((NOTES, file.path)),
            _ => {}
        }
    }
    unused.extend(used.gone.iter().map(|path| (DEPLOYMENTS, path.clone())));
    unused.extend(uploads::left(&workspace.uploads(), now_ms).into_iter().map(|path| (UPLOADS, path)));
    unused
}

/// Patches in the cache that no run has any more: links to nothing else. Where links can't be counted, all of them.
pub(crate) fn unused_patches(workspace: &Workspace) -> Vec<PathBuf> {
    let all = entries(&workspace.patches_cache()).into_iter().map(|(_, path)| path);
    all.filter(|path| size_of(path) > 0).collect()
}

/// What a folder holds: names and paths. Nothing where there is no such folder.
fn entries(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect()
}

/// Bytes of a file or of everything below a folder. What is linked in the cache is counted where else it lies: images
/// with the blobs, and what runs had not committed with these, each its share.
pub(crate) fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return 0 };
    if !metadata.is_dir() {
        let in_cache = path.components().any(|part| part.as_os_str() == "cache");
        return match links(&metadata) {
            0 | 1 => metadata.len(),
            _ if in_cache => 0,
            // One of them is the cache's.
            links if uncommitted::is_patch(path) => metadata.len() / (links - 1),
            _ => metadata.len(),
        };
    }
    std::fs::read_dir(path).map(|entries| entries.flatten().map(|entry| size_of(&entry.path())).sum()).unwrap_or(0)
}

#[cfg(unix)]
fn links(metadata: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    metadata.nlink()
}

#[cfg(not(unix))]
fn links(_metadata: &std::fs::Metadata) -> u64 {
    1
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
