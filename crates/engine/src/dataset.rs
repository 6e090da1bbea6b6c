//! A project's data: what its folder holds, its snapshots, and looking into them.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode,
    config::{DataConfig, DataKind, Ragged},
    dataset::{
        AddData, CompareSnapshots, Dataset, DeleteSnapshot, ExportSnapshot, GetDataset, GetPreview, GetProfile,
        PlanSnapshot, Preview, Profile, SnapshotPlan, TakeSnapshot,
    },
    drift::DriftReport,
    event::Tag,
    host::Freed,
    job::{Job, JobKind, Subject},
    project::EditProjectFile,
};
use data::scan;
use store::{blob::BlobHash, job::JobRow, snapshot::SnapshotRow};

use crate::{
    Engine, Mode, copying, folder,
    jobs::{JobContext, NewJob, retry_with},
    project, settings, snapshot, uploads,
};

pub async fn get(engine: &Engine, request: GetDataset) -> anyhow::Result<Dataset> {
    let id = request.project;
    let row = project::find(engine, id).await?;
    let seen = folder::seen(engine, &row).await?;
    let (dataset, snapshots) = engine
        .store()
        .read(move |c| {
            let dataset = store::dataset::of_project(c, id)?;
            let rows = dataset.as_ref().map(|dataset| store::snapshot::of_dataset(c, dataset.id)).transpose()?;
            Ok((dataset, rows.unwrap_or_default()))
        })
        .await?;
    let dataset = dataset.context("find the project's dataset")?;
    Ok(Dataset {
        id: dataset.id,
        project: id,
        name: dataset.name,
        kind: row.file.data.kind,
        changed: seen.change,
        files: seen.files,
        size_bytes: seen.size_bytes,
        problem: seen.problem,
        snapshots: snapshots.into_iter().map(|row| row.snapshot).collect(),
        beside: seen.beside,
    })
}

pub async fn plan(engine: &Engine, request: PlanSnapshot) -> anyhow::Result<SnapshotPlan> {
    let (row, _) = folder::look(engine, request.project).await?;
    let id = row.id;
    let newest = engine
        .store()
        .read(move |c| match store::dataset::of_project(c, id)? {
            Some(dataset) => store::snapshot::newest(c, dataset.id),
            None => Ok(None),
        })
        .await?;
    let before = match &newest {
        Some(newest) => Some(snapshot::manifest(engine, newest).await?),
        None => None,
    };
    let (root, config, store) = (PathBuf::from(&row.path), row.file.data.clone(), engine.store().clone());
    // Equal files that are read otherwise (another type, another delimiter) are another snapshot.
    let read_alike =
        newest.as_ref().is_some_and(|newest| snapshot::reading(&newest.config) == snapshot::reading(&config));
    let limit = settings::current(engine).await?.reference_above_bytes;
    let workspace = engine.workspace().folder().to_owned();
    tokio::task::spawn_blocking(move || {
        let files = scan::files(&root, &config).map_err(ApiError::from)?;
        let size_bytes: u64 = files.iter().map(|file| file.size_bytes).sum();
        let known = before.as_ref();
        let is_known = |file: &scan::ScannedFile| {
            known.is_some_and(|known| {
                known.entries.iter().any(|entry| {
                    (entry.name.as_str(), entry.size_bytes, entry.modified_ms)
                        == (file.name.as_str(), file.size_bytes, file.modified_ms)
                })
            })
        };
        let kept = !config.reference && size_bytes <= limit;
        let new_bytes =
            if kept { files.iter().filter(|file| !is_known(file)).map(|file| file.size_bytes).sum() } else { 0 };
        Ok(SnapshotPlan {
            files: files.len() as u64,
            size_bytes,
            new_bytes,
            reflink: files.first().is_some_and(|file| store.blobs().can_reflink(&file.path)),
            free_bytes: fs4::available_space(&workspace).unwrap_or(0),
            unchanged: read_alike && known.is_some_and(|known| known.change(&files, 0).is_none()),
            referenced: !kept,
        })
    })
    .await?
}

/// Goes on with the snapshots and exports that an earlier process left; one command leaves them to
/// the next host.
pub(crate) async fn after_start(engine: &Engine) -> anyhow::Result<()> {
    let left = engine.store().read(store::job::unfinished).await?;
    for row in left.into_iter().filter(|row| matches!(row.job.kind, JobKind::Snapshot | JobKind::Export)) {
        if engine.options().mode == Mode::Once {
            engine.jobs().leave_waiting(engine, row).await?;
        } else if let Err(failure) = take_up(engine, row.clone()).await {
            tracing::warn!(job = %row.job.id, error = format!("{failure:#}"), "a job can't be taken up again");
            engine.jobs().end_interrupted(engine, row, Err(failure)).await?;
        }
    }
    Ok(())
}

async fn take_up(engine: &Engine, row: JobRow) -> anyhow::Result<()> {
    let params = row.request.as_ref().map(|call| call["params"].clone()).context("find what the job was asked")?;
    match row.job.kind {
        JobKind::Export => {
            let request: ExportSnapshot = serde_json::from_value(params)?;
            let snapshot = snapshot::find(engine, request.snapshot).await?;
            let folder = PathBuf::from(request.folder);
            engine.jobs().resume(engine, row, move |context| export_in_job(context, snapshot, folder)).await?;
        }
        _ => {
            let request: TakeSnapshot = serde_json::from_value(params)?;
            engine.jobs().resume(engine, row, move |context| take_in_job(context, request)).await?;
        }
    }
    Ok(())
}

pub async fn take(engine: &Engine, request: TakeSnapshot) -> anyhow::Result<Job> {
    let row = project::find(engine, request.project).await?;
    let new = NewJob {
        kind: JobKind::Snapshot,
        title: format!("Snapshot of {}", project::name_of(&row.file, Path::new(&row.path))),
        project: Some(row.id),
        subject: Subject::None,
        memory_bytes: 0,
        request: retry_with(&request),
    };
    engine.jobs().start(engine, new, move |context| take_in_job(context, request)).await
}

async fn take_in_job(context: JobContext, request: TakeSnapshot) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    let (row, seen) = folder::look(&engine, request.project).await?;
    if let Some(error) = seen.file_error {
        bail!(error);
    }
    let mut report = reporter(&context, 1.0);
    let (taken, new) = snapshot::take(&engine, &row, request.message, &mut report).await?;
    context.set_subject(Subject::Snapshot(taken.id)).await?;
    Ok(if new {
        format!("v{}: {}", taken.number, taken.message)
    } else {
        format!("Nothing changed since v{}", taken.number)
    })
}

/// A job's progress and cancelling as a snapshot's report, over the first `share` of the job.
pub(crate) fn reporter(context: &JobContext, share: f64) -> impl FnMut(f64, &str) -> ControlFlow<()> + Send + use<> {
    let context = context.clone();
    move |fraction, message| {
        context.progress(share * fraction, message);
        if context.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The snapshot's columns with the roles that the project's file gives them now.
async fn in_force(engine: &Engine, row: &SnapshotRow) -> anyhow::Result<DataConfig> {
    let id = row.snapshot.id;
    let found = engine
        .store()
        .read(move |c| match store::snapshot::project(c, id)? {
            Some(project) => store::project::get(c, project),
            None => Ok(None),
        })
        .await?;
    Ok(found.map_or_else(|| row.config.clone(), |project| project.file.data))
}

pub async fn preview(engine: &Engine, request: GetPreview) -> anyhow::Result<Preview> {
    let row = snapshot::find(engine, request.snapshot).await?;
    let config = in_force(engine, &row).await?;
    let parquet = snapshot::cache::table(engine, &row).await?;
    let (offset, limit) = (request.offset, request.limit.min(1000));
    Ok(tokio::task::spawn_blocking(move || data::preview::rows(&parquet, &config, offset, limit))
        .await?
        .map_err(ApiError::from)?)
}

pub async fn profile(engine: &Engine, request: GetProfile) -> anyhow::Result<Profile> {
    let row = snapshot::find(engine, request.snapshot).await?;
    let config = in_force(engine, &row).await?;
    let parquet = snapshot::cache::table(engine, &row).await?;
    // Roles, target and sensitive columns are in the profile: other ones, another profile.
    let path = parquet.with_file_name(snapshot::cache::profile_name(&config)?);
    if let Some(profile) = profiled(&path).await {
        return Ok(profile);
    }
    let _building = engine.building(*row.snapshot.id.as_bytes()).await;
    let _gate = engine.hold_blobs().await;
    if let Some(profile) = profiled(&path).await {
        return Ok(profile);
    }
    tokio::task::spawn_blocking(move || {
        let profile = data::profile::profile(&parquet, &config, &mut data::progress::silent).map_err(ApiError::from)?;
        let folder = path.parent().context("find the cache")?;
        let mut file = tempfile::NamedTempFile::new_in(folder).context("write the profile")?;
        serde_json::to_writer(&mut file, &profile)?;
        file.persist(&path).context("write the profile")?;
        Ok(profile)
    })
    .await?
}

/// The profile that was measured before.
async fn profiled(path: &Path) -> Option<Profile> {
    serde_json::from_slice(&tokio::fs::read(path).await.ok()?).ok()
}

pub async fn compare(engine: &Engine, request: CompareSnapshots) -> anyhow::Result<DriftReport> {
    let reference = snapshot::find(engine, request.reference).await?;
    let current = snapshot::find(engine, request.current).await?;
    let paths = (snapshot::cache::table(engine, &reference).await?, snapshot::cache::table(engine, &current).await?);
    let id = reference.snapshot.id;
    let file = engine
        .store()
        .read(move |c| match store::snapshot::project(c, id)? {
            Some(project) => store::project::get(c, project),
            None => Ok(None),
        })
        .await?
        .map(|row| row.file)
        .unwrap_or_default();
    tokio::task::spawn_blocking(move || crate::snapshot_drift::compare(&paths.0, &paths.1, &file)).await?
}

/// Writes a snapshot's files into a folder; files that are there already are never replaced.
pub async fn export(engine: &Engine, request: ExportSnapshot) -> anyhow::Result<Job> {
    let row = snapshot::find(engine, request.snapshot).await?;
    let folder = PathBuf::from(&request.folder);
    if !folder.is_absolute() {
        bail!(ApiError::invalid(format!("\"{}\" is not an absolute path.", request.folder)));
    }
    if !row.snapshot.kept {
        let roots = snapshot::referenced::roots(engine, &row).await?;
        let place = roots.first().context("find the project's folder")?;
        bail!(
            ApiError::new(
                ErrorCode::Unsupported,
                format!("Snapshot v{} only references its files.", row.snapshot.number)
            )
            .with_hint(format!("They are at {}.", place.display()))
        );
    }
    let id = row.snapshot.id;
    let project = engine.store().read(move |c| store::snapshot::project(c, id)).await?;
    let new = NewJob {
        kind: JobKind::Export,
        title: format!("Export v{} to {}", row.snapshot.number, folder.display()),
        project,
        subject: Subject::Snapshot(id),
        memory_bytes: 0,
        request: retry_with(&request),
    };
    engine.jobs().start(engine, new, move |context| export_in_job(context, row, folder)).await
}

async fn export_in_job(context: JobContext, row: SnapshotRow, folder: PathBuf) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    let taken = snapshot::manifest(&engine, &row).await?;
    let count = taken.entries.len();
    for (index, entry) in taken.entries.into_iter().enumerate() {
        context.check()?;
        context.progress(index as f64 / count as f64, format!("Writes {}", entry.name));
        // A name with `..` or a root in it would leave the folder.
        let name: PathBuf = Path::new(&entry.name)
            .components()
            .filter(|part| matches!(part, std::path::Component::Normal(_)))
            .collect();
        let (store, path) = (engine.store().clone(), folder.join(name));
        tokio::task::spawn_blocking(move || {
            let hash: BlobHash = entry.blake3.parse().context("read the manifest")?;
            if path.exists() {
                // What an interrupted export wrote, or an equal file: nothing is to be replaced.
                if is_the_same(&path, &hash, entry.size_bytes)? {
                    return Ok(());
                }
                bail!(
                    ApiError::new(ErrorCode::Conflict, format!("{} is there already.", path.display()))
                        .with_hint("Choose an empty folder.")
                );
            }
            Ok(store.blobs().copy_to(&hash, &path)?)
        })
        .await??;
    }
    Ok(format!("{count} {} in {}", if count == 1 { "file" } else { "files" }, folder.display()))
}

fn is_the_same(path: &Path, hash: &BlobHash, size_bytes: u64) -> anyhow::Result<bool> {
    let reading = || format!("read {}", path.display());
    if std::fs::metadata(path).with_context(reading)?.len() != size_bytes {
        return Ok(false);
    }
    Ok(BlobHash::of_file(path).with_context(reading)? == *hash)
}

/// Refused while a run or version points at it.
pub async fn delete(engine: &Engine, request: DeleteSnapshot) -> anyhow::Result<Freed> {
    let row = snapshot::find(engine, request.snapshot).await?;
    let id = row.snapshot.id;
    let number = row.snapshot.number;
    let project = engine
        .store()
        .write_durable(move |tx| {
            let users: Vec<String> = store::version::using_snapshot(tx, id)?
                .into_iter()
                .chain(store::run::using_snapshot(tx, id)?)
                .collect();
            if let Some(user) = users.first() {
                let more = if users.len() > 1 { format!(" and {} more", users.len() - 1) } else { String::new() };
                return Err(ApiError::new(ErrorCode::InUse, format!("Snapshot v{number} is used by {user}{more}."))
                    .with_hint("Delete what came from it first.")
                    .into());
            }
            let project = store::snapshot::project(tx, id)?;
            store::split::delete_unused(tx, id)?;
            store::snapshot::delete(tx, id)?;
            Ok(project)
        })
        .await?;
    let cache = engine.workspace().snapshot_cache(id);
    let bytes = tokio::task::spawn_blocking(move || crate::storage::remove_folder(&cache)).await?;
    // Where other work holds the blobs, the next collection frees them.
    let unused = crate::storage::collect_unused(engine, false).await.unwrap_or_default();
    if let Some(project) = project {
        engine.changed(Tag::Data(project));
    }
    engine.changed(Tag::Storage);
    Ok(Freed { bytes: bytes + unused.bytes, records: 1, parts: unused.parts })
}

/// Adds files to the data paths, copying in what lies outside of the folder.
pub async fn add(engine: &Engine, request: AddData) -> anyhow::Result<Dataset> {
    let row = project::find(engine, request.project).await?;
    let folder = PathBuf::from(&row.path);
    let (wanted, taken) = (request.paths.clone(), request.paths);
    let is_first = row.file.data.paths.is_empty();
    let (added, copied, first) = tokio::task::spawn_blocking(move || {
        let (added, copied) = bring_in(&folder, &wanted)?;
        // The first data of a project decide whether it is one of tables or of images.
        let first = added.first().filter(|_| is_first).map(|path| {
            data::look::look(&folder.join(path), Ragged::default()).map_err(|error| {
                copying::remove(&copied);
                ApiError::from(error)
            })
        });
        let first = first.transpose()?.map(|looked| looked.proposal.data);
        anyhow::Ok((added, copied, first))
    })
    .await??;
    let mut paths = row.file.data.paths.clone();
    paths.extend(added.into_iter().filter(|path| !row.file.data.paths.contains(path)));
    let mut set = vec![("data.paths".to_owned(), serde_json::to_value(paths)?)];
    if let Some(first) = first.filter(|first| first.kind == DataKind::Images) {
        set.push(("data.kind".to_owned(), serde_json::to_value(first.kind)?));
        set.push(("data.target".to_owned(), serde_json::to_value(first.target)?));
    }
    if let Err(error) = project::edit(engine, EditProjectFile { project: row.id, set }).await {
        tokio::task::spawn_blocking(move || copying::remove(&copied)).await?;
        return Err(error);
    }
    uploads::taken(engine, taken).await?;
    get(engine, GetDataset { project: row.id }).await
}

/// The paths below the project's folder, after copying what lay outside, and the copies.
fn bring_in(folder: &Path, paths: &[String]) -> anyhow::Result<(Vec<String>, Vec<PathBuf>)> {
    let root = folder.canonicalize().with_context(|| format!("read {}", folder.display()))?;
    let mut reals = Vec::with_capacity(paths.len());
    for path in paths {
        let given = folder.join(path);
        if !given.exists() {
            bail!(
                ApiError::not_found(format!("There is nothing at {}.", given.display())).with_hint("Check the path.")
            );
        }
        reals.push(given.canonicalize().with_context(|| format!("read {}", given.display()))?);
    }
    let outside: Vec<PathBuf> = reals.iter().filter(|real| !real.starts_with(&root)).cloned().collect();
    let copied = copying::copy_into(&outside, &root)?;
    let mut copies = copied.iter();
    let added = reals.iter().map(|real| {
        let place = if real.starts_with(&root) { Some(real) } else { copies.next() };
        let inside = place.and_then(|place| place.strip_prefix(&root).ok()).unwrap_or(real);
        inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    });
    Ok((added.collect(), copied))
}
