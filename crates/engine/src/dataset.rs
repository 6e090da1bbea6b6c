//! A project's data: what its folder holds, its snapshots, and looking into them.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode,
    config::{DataConfig, DataKind, ProjectFile, Ragged},
    dataset::{
        AddData, CompareSnapshots, Dataset, ExportSnapshot, GetDataset, GetPreview, GetProfile, PlanSnapshot, Preview,
        Profile, SnapshotPlan, TakeSnapshot,
    },
    drift::DriftReport,
    figure::counted,
    job::{Job, JobKind, Prepared, Subject},
    project::EditProjectFile,
};
use data::{manifest::Manifest, scan};
use serde::{Serialize, de::DeserializeOwned};
use store::{
    blob::{BlobHash, Blobs},
    job::JobRow,
    project::ProjectRow,
    snapshot::SnapshotRow,
};

use crate::{
    Engine, Mode,
    blocking::{Step, Tell},
    copying::{self, Copy},
    folder,
    halves::Half,
    jobs::{JobContext, NewJob, cancelled, retry_with},
    package, project, project_file, settings, snapshot, uploads,
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
        Some(newest) => snapshot::manifest_if_whole(engine, newest).await?,
        None => None,
    };
    let (root, config, store) = (PathBuf::from(&row.path), row.file.data.clone(), engine.store().clone());
    // Equal files that are read otherwise (another type, another delimiter) are another snapshot.
    let read_alike =
        newest.as_ref().is_some_and(|newest| snapshot::reading(&newest.config) == snapshot::reading(&config));
    let newest_kept = newest.as_ref().map(|newest| newest.snapshot.kept);
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
        let new_bytes = if kept {
            files.iter().filter(|file| newest_kept != Some(true) || !is_known(file)).map(|file| file.size_bytes).sum()
        } else {
            0
        };
        Ok(SnapshotPlan {
            files: files.len() as u64,
            size_bytes,
            new_bytes,
            reflink: files.first().is_some_and(|file| store.blobs().can_reflink(&file.path)),
            free_bytes: fs4::available_space(&workspace).unwrap_or(0),
            unchanged: read_alike
                && newest_kept == Some(kept)
                && known.is_some_and(|known| known.change(&files, 0).is_none()),
            referenced: !kept,
        })
    })
    .await?
}

/// Goes on with the snapshots and exports that an earlier process left; one command leaves them to
/// the next host.
pub(crate) async fn after_start(engine: &Engine) -> anyhow::Result<()> {
    let left = engine.store().read(store::job::unfinished).await?;
    let ours = |row: &JobRow| match row.job.kind {
        JobKind::Snapshot => true,
        JobKind::Export => matches!(row.job.subject, Subject::Snapshot(_)),
        _ => false,
    };
    for row in left.into_iter().filter(ours) {
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
    let mut report = context.reporter(1.0);
    let (taken, new) = snapshot::take(&engine, &row, request.message, &mut report).await?;
    context.set_subject(Subject::Snapshot(taken.id)).await?;
    if new {
        return Ok(format!("v{}: {}", taken.number, taken.message));
    }
    let mended = match snapshot::make_whole(&engine, taken.id, &mut report).await? {
        0 => String::new(),
        1 => "; a stored file was damaged, and is put anew".to_owned(),
        many => format!("; {many} stored files were damaged, and are put anew"),
    };
    Ok(format!("Nothing changed since v{}{mended}", taken.number))
}

/// The project's row behind a snapshot; none of what a deleted project left.
async fn project_of(engine: &Engine, row: &SnapshotRow) -> anyhow::Result<Option<ProjectRow>> {
    let id = row.snapshot.id;
    let found = engine.store().read(move |c| match store::snapshot::project(c, id)? {
        Some(project) => store::project::get(c, project),
        None => Ok(None),
    });
    Ok(found.await?)
}

/// A job that makes a file of a snapshot's cache.
fn making(kind: JobKind, title: String, project: Option<&ProjectRow>, row: &SnapshotRow) -> NewJob {
    NewJob {
        kind,
        title,
        project: project.map(|project| project.id),
        subject: Subject::Snapshot(row.snapshot.id),
        memory_bytes: 0,
        // Who wants it asks again.
        request: None,
    }
}

pub async fn preview(engine: &Engine, request: GetPreview) -> anyhow::Result<Prepared<Preview>> {
    let row = snapshot::find(engine, request.snapshot).await?;
    let project = project_of(engine, &row).await?;
    // The columns have the roles that the project's file gives them now.
    let config = project.as_ref().map_or_else(|| row.config.clone(), |project| project.file.data.clone());
    let parquet = snapshot::cache::table_of(engine, &row);
    if !parquet.is_file() {
        let new = making(JobKind::Cache, format!("Read v{} again", row.snapshot.number), project.as_ref(), &row);
        let work = async move |context: JobContext| {
            snapshot::cache::ready(context.engine(), &row, &mut context.reporter(1.0)).await?;
            context.check()?;
            Ok(counted(row.snapshot.rows, "row", "rows"))
        };
        if let Some(job) = engine.jobs().make(engine, parquet.clone(), new, work).await? {
            return Ok(Prepared::UnderWay(job));
        }
    }
    let (offset, limit) = (request.offset, request.limit.min(1000));
    let rows = tokio::task::spawn_blocking(move || data::preview::rows(&parquet, &config, offset, limit)).await?;
    Ok(Prepared::Ready(rows.map_err(ApiError::from)?))
}

pub async fn profile(engine: &Engine, request: GetProfile) -> anyhow::Result<Prepared<Profile>> {
    let row = snapshot::find(engine, request.snapshot).await?;
    let project = project_of(engine, &row).await?;
    let config = project.as_ref().map_or_else(|| row.config.clone(), |project| project.file.data.clone());
    // Roles, target and sensitive columns are in the profile: other ones, another profile.
    let path = engine.workspace().snapshot_cache(row.snapshot.id).join(snapshot::cache::profile_name(&config)?);
    if let Some(profile) = kept(&path).await {
        return Ok(Prepared::Ready(profile));
    }
    let new = making(JobKind::Profile, format!("Profile of v{}", row.snapshot.number), project.as_ref(), &row);
    let made = path.clone();
    let work = move |context| profile_in_job(context, row, config, made);
    answer(engine.jobs().make(engine, path.clone(), new, work).await?, &path).await
}

async fn profile_in_job(
    context: JobContext,
    row: SnapshotRow,
    config: DataConfig,
    path: PathBuf,
) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    let parquet = snapshot::cache::table_of(&engine, &row);
    let from = if parquet.is_file() { 0.0 } else { 0.5 };
    let mut report = context.reporter(from);
    snapshot::cache::ready(&engine, &row, &mut report).await?;
    // What comes next may be over before it hears that nobody waits for it.
    context.check()?;
    let _building = snapshot::turn(engine.building(*row.snapshot.id.as_bytes()), &mut report).await?;
    let _gate = engine.hold_blobs().await;
    let rows = row.snapshot.rows;
    let columns = row.snapshot.columns;
    context
        .blocking(move |tell| {
            let mut seen = 0;
            let mut progress = |new: u64| {
                seen += new;
                let message = format!(
                    "Measures the columns, {} of {} rows",
                    snapshot::thousands(seen),
                    snapshot::thousands(rows)
                );
                tell(Step { fraction: from + (1.0 - from) * seen as f64 / rows.max(1) as f64, message })
            };
            let profile = data::profile::profile(&parquet, &config, &mut progress).map_err(ApiError::from)?;
            keep(&path, &profile).context("write the profile")
        })
        .await?;
    Ok(format!("{} of {}", counted(columns as u64, "column", "columns"), counted(rows, "row", "rows")))
}

/// An answer that was computed before. One that can't be read is of no use: it goes, and is computed again.
async fn kept<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let answer = serde_json::from_slice(&tokio::fs::read(path).await.ok()?);
    if let Err(error) = &answer {
        tracing::warn!(path = %path.display(), %error, "an answer in the cache can't be read");
        let _ = tokio::fs::remove_file(path).await;
    }
    answer.ok()
}

/// What a job made, or that job.
async fn answer<T: DeserializeOwned>(under_way: Option<api::JobId>, path: &Path) -> anyhow::Result<Prepared<T>> {
    match under_way {
        Some(job) => Ok(Prepared::UnderWay(job)),
        None => kept(path).await.map(Prepared::Ready).with_context(|| format!("read {}", path.display())),
    }
}

/// Writes an answer into the cache, whole or not at all; an error where it could not be read again.
fn keep<T: Serialize + DeserializeOwned>(path: &Path, answer: &T) -> anyhow::Result<()> {
    let folder = path.parent().context("find the cache")?;
    let bytes = serde_json::to_vec(answer)?;
    serde_json::from_slice::<T>(&bytes).context("a figure is no finite number")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&bytes)?;
    file.persist(path)?;
    Ok(())
}

pub async fn compare(engine: &Engine, request: CompareSnapshots) -> anyhow::Result<Prepared<DriftReport>> {
    let reference = snapshot::find(engine, request.reference).await?;
    let current = snapshot::find(engine, request.current).await?;
    let project = project_of(engine, &reference).await?;
    let file = project.as_ref().map(|project| project.file.clone()).unwrap_or_default();
    let name = snapshot::cache::comparison_name(&file, reference.snapshot.id)?;
    let path = engine.workspace().snapshot_cache(current.snapshot.id).join(name);
    if let Some(report) = kept(&path).await {
        return Ok(Prepared::Ready(report));
    }
    let title = format!("Compare v{} with v{}", current.snapshot.number, reference.snapshot.number);
    let new = making(JobKind::Compare, title, project.as_ref(), &current);
    let made = path.clone();
    let work = move |context| compare_in_job(context, reference, current, file, made);
    answer(engine.jobs().make(engine, path.clone(), new, work).await?, &path).await
}

async fn compare_in_job(
    context: JobContext,
    reference: SnapshotRow,
    current: SnapshotRow,
    file: ProjectFile,
    path: PathBuf,
) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    for row in [&reference, &current] {
        snapshot::cache::ready(&engine, row, &mut context.reporter(0.0)).await?;
        context.check()?;
    }
    let _gate = engine.hold_blobs().await;
    let (older, newer) = (snapshot::cache::table_of(&engine, &reference), snapshot::cache::table_of(&engine, &current));
    let report = context
        .blocking(move |tell| {
            let report = crate::snapshot_drift::compare(&older, &newer, &file, tell)?;
            keep(&path, &report).context("write the comparison")?;
            Ok(report)
        })
        .await?;
    Ok(format!("{} of {} columns drifted", report.drifted, report.columns.len()))
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
    let (count, place) = (taken.entries.len(), folder.clone());
    let (blobs, halves) = (engine.blobs().clone(), engine.workspace().halves());
    context.blocking(move |tell| write_out(&blobs, &taken, &place, &halves, tell)).await?;
    Ok(format!("{count} {} in {}", if count == 1 { "file" } else { "files" }, folder.display()))
}

/// Writes the files of a snapshot below a folder, each whole or not there. What stands there otherwise is refused before
/// the first is written.
fn write_out(
    blobs: &Blobs,
    taken: &Manifest,
    folder: &Path,
    halves: &Path,
    tell: Tell<'_, Step>,
) -> anyhow::Result<()> {
    let mut left = Vec::new();
    for entry in &taken.entries {
        if tell(Step { fraction: 0.0, message: format!("Looks for {}", entry.name) }).is_break() {
            bail!(cancelled());
        }
        let hash: BlobHash = entry.blake3.parse().context("read the manifest")?;
        // A name with `..` or a root in it would leave the folder.
        let name = Path::new(&entry.name).components().filter(|part| matches!(part, std::path::Component::Normal(_)));
        let path = folder.join(name.collect::<PathBuf>());
        if !copying::is_taken(&path) {
            left.push((entry, hash, path));
        } else if !path.is_file() || !is_the_same(&path, &hash, entry.size_bytes)? {
            // What an interrupted export wrote, or an equal file, stays; nothing else is to be replaced.
            bail!(is_there(&path));
        }
    }
    let (all_bytes, mut done_bytes) = (left.iter().map(|(entry, ..)| entry.size_bytes).sum::<u64>(), 0);
    copying::check_space(folder, all_bytes)?;
    std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    let half = Half::begin(folder, halves)?;
    for (index, (entry, hash, path)) in left.iter().enumerate() {
        let mut progress = |bytes: u64| {
            done_bytes += bytes;
            let fraction = done_bytes as f64 / all_bytes.max(1) as f64;
            let (done, all) = (package::size(done_bytes), package::size(all_bytes));
            tell(Step { fraction, message: format!("Writes {}, {done} of {all}", entry.name) })
        };
        if progress(0).is_break() {
            bail!(cancelled());
        }
        let copy = half.path().join(index.to_string());
        let copied = blobs.copy_telling(hash, &copy, &mut progress);
        copied.with_context(|| format!("read {} of the snapshot", entry.name))?;
        let writing = || format!("write {}", path.display());
        std::fs::create_dir_all(path.parent().with_context(writing)?).with_context(writing)?;
        match tempfile::TempPath::try_from_path(&copy).with_context(writing)?.persist_noclobber(path) {
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => bail!(is_there(path)),
            named => named.map_err(|error| error.error).with_context(writing)?,
        }
    }
    Ok(())
}

fn is_there(path: &Path) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{} is there already.", path.display()))
        .with_hint("Choose an empty folder.")
}

fn is_the_same(path: &Path, hash: &BlobHash, size_bytes: u64) -> anyhow::Result<bool> {
    let reading = || format!("read {}", path.display());
    if std::fs::metadata(path).with_context(reading)?.len() != size_bytes {
        return Ok(false);
    }
    Ok(BlobHash::of_file(path).with_context(reading)? == *hash)
}

/// Adds files to the data paths, copying in what lies outside of the folder.
pub async fn add(engine: &Engine, request: AddData) -> anyhow::Result<Job> {
    let row = project::find(engine, request.project).await?;
    let (folder, paths) = (PathBuf::from(&row.path), request.paths.clone());
    let bringing = tokio::task::spawn_blocking(move || Bringing::of(&folder, &paths)).await??;
    let what = match request.paths.as_slice() {
        [only] => Path::new(only).file_name().map_or_else(|| only.into(), |name| name.to_string_lossy()).into_owned(),
        [] => bail!(ApiError::invalid("No path is named.").with_hint("Name the files or folders to add.")),
        many => format!("{} paths", many.len()),
    };
    let new = NewJob {
        kind: JobKind::Copy,
        title: format!("Add {what} to {}", project::name_of(&row.file, Path::new(&row.path))),
        project: Some(row.id),
        subject: Subject::Project(row.id),
        memory_bytes: 0,
        request: retry_with(&request),
    };
    engine.jobs().start(engine, new, move |context| add_in_job(context, row, bringing, request.paths)).await
}

async fn add_in_job(
    context: JobContext,
    row: ProjectRow,
    bringing: Bringing,
    taken: Vec<String>,
) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    let (folder, halves) = (PathBuf::from(&row.path), engine.workspace().halves());
    let was_empty = row.file.data.paths.is_empty();
    let (added, copied, first) = context
        .blocking(move |tell| {
            let (added, copied) = bringing.bring(&halves, tell)?;
            // The first data of a project decide whether it is one of tables or of images.
            let first = (was_empty && !added.is_empty()).then(|| {
                let places: Vec<PathBuf> = added.iter().map(|path| folder.join(path)).collect();
                data::look::look(&places, Ragged::default()).map_err(|error| {
                    copying::remove(&copied);
                    ApiError::from(error)
                })
            });
            let first = first.transpose()?.map(|looked| looked.proposal.data);
            anyhow::Ok((added, copied, first))
        })
        .await?;
    // Others may have added theirs while this copied.
    let _editing = engine.editing().await;
    let mut paths = paths_now(PathBuf::from(&row.path)).await.inspect_err(|_| copying::remove(&copied))?;
    let first = first.filter(|_| paths.is_empty());
    let there = paths.len();
    for path in added {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    let count = paths.len() - there;
    let mut set = vec![("data.paths".to_owned(), serde_json::to_value(paths)?)];
    if let Some(first) = first.filter(|first| first.kind == DataKind::Images) {
        set.push(("data.kind".to_owned(), serde_json::to_value(first.kind)?));
        set.push(("data.target".to_owned(), serde_json::to_value(first.target)?));
    }
    let edited = match context.check() {
        Ok(()) => project::edit_held(&engine, EditProjectFile { project: row.id, set }).await.map(drop),
        Err(cancelled) => Err(cancelled.into()),
    };
    if let Err(error) = edited {
        tokio::task::spawn_blocking(move || copying::remove(&copied)).await?;
        return Err(error);
    }
    uploads::taken(&engine, taken).await?;
    Ok(match count {
        0 => "All of it is among the data paths already".to_owned(),
        1 => "1 path is added to the data paths".to_owned(),
        many => format!("{many} paths are added to the data paths"),
    })
}

/// The data paths that the project's file names now.
async fn paths_now(folder: PathBuf) -> anyhow::Result<Vec<String>> {
    let read = move || Ok(project_file::parse(&folder::read_text(&folder)?, project_file::NAME)?.file.data.paths);
    tokio::task::spawn_blocking(read).await?
}

/// What is named for a project: what lies in its folder, and what is copied into it.
struct Bringing {
    root: PathBuf,
    reals: Vec<PathBuf>,
    copy: Copy,
}

impl Bringing {
    fn of(folder: &Path, paths: &[String]) -> anyhow::Result<Self> {
        let root = folder.canonicalize().with_context(|| format!("read {}", folder.display()))?;
        let mut reals = Vec::with_capacity(paths.len());
        for path in paths {
            let given = folder.join(path);
            if !given.exists() {
                bail!(
                    ApiError::not_found(format!("There is nothing at {}.", given.display()))
                        .with_hint("Check the path.")
                );
            }
            reals.push(given.canonicalize().with_context(|| format!("read {}", given.display()))?);
        }
        let outside: Vec<PathBuf> = reals.iter().filter(|real| !real.starts_with(&root)).cloned().collect();
        let copy = Copy::plan(&outside, &root)?;
        Ok(Self { root, reals, copy })
    }

    /// The paths below the project's folder, after copying what lay outside, and the copies.
    fn bring(self, halves: &Path, tell: Tell<'_, Step>) -> anyhow::Result<(Vec<String>, Vec<PathBuf>)> {
        let Self { root, reals, copy } = self;
        let copied = copy.make(halves, tell)?;
        let mut copies = copied.iter();
        let added = reals.iter().map(|real| {
            let place = if real.starts_with(&root) { Some(real) } else { copies.next() };
            let inside = place.and_then(|place| place.strip_prefix(&root).ok()).unwrap_or(real);
            let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            // The project's folder itself.
            if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
        });
        Ok((added.collect(), copied))
    }
}
