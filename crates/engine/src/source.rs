//! Run logs of other tools: found, read where they lie, and followed while they grow.
//!
//! A reading tells what was added since the last one; [`taking`] commits it in pieces ([`committing`]), each while the
//! next one is told, and the mark with those that a reader says one of, and at the end. A reading that broke off goes on
//! from the last mark; where something behind it was committed, the source is marked so: its points are forgotten and told
//! anew, so that none counts twice. Everything else of a run (a person's notes, tags, its place in an experiment) stays.

mod around;
mod committing;
mod following;
mod forgetting;
mod gathering;
mod heard;
mod mlflow_db;
mod models;
mod taking;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::bail;
use api::{
    ApiError, ErrorCode, ProjectId, SourceId,
    event::Tag,
    figure::counted,
    job::{Job, JobKind, Subject},
    source::{AddSource, FollowSource, FoundLog, Kind, ListSources, LookForLogs, ReadSource, Source, is_address},
};
use foreign::{Found, Mark, Reader};
use store::{Connection, StoreError, source::SourceRow};

pub(crate) use self::following::Following;
use self::following::{end, follow, read_soon, try_begin};
pub use self::forgetting::{list_deleted, remove, restore};
use crate::{
    Engine, Mode, WeakEngine, error,
    jobs::{JobContext, NewJob, retry_with},
    project,
};

/// Follows what was followed before, and reads what was added meanwhile.
pub(crate) async fn start(engine: &Engine) -> anyhow::Result<()> {
    forgetting::sweep(engine).await?;
    if engine.options().mode != Mode::Host {
        return Ok(());
    }
    for row in engine.store().read(store::source::list).await? {
        if row.source.watched {
            // The host answers before.
            tokio::spawn(follow_on(engine.downgrade(), row.source));
        }
    }
    Ok(())
}

/// Follows a log, and reads what was added while no host ran.
async fn follow_on(engine: WeakEngine, source: Source) {
    let Some(engine) = engine.upgrade() else { return };
    follow(&engine, &source).await;
    match find(&engine, source.id).await {
        Ok(row) if row.source.watched => read_soon(&engine, source.id),
        // It was let go of meanwhile.
        _ => following::let_go(&engine, source.id),
    }
}

/// Refused of a project that was deleted: its logs rest until it comes back.
async fn find(engine: &Engine, id: SourceId) -> anyhow::Result<SourceRow> {
    let found = engine.store().read(move |c| {
        let Some(row) = store::source::get(c, id)? else { return Ok(None) };
        refuse_if_resting(c, &row.source)?;
        Ok(Some(row))
    });
    found.await?.ok_or_else(|| error::missing("source", id))
}

fn refuse_if_resting(c: &Connection, source: &Source) -> store::Result<()> {
    project::deletion::refuse_if_deleted(c, source.project, &format!("The log {}", source.path))
}

/// Follows no log of a project any more that was deleted; a reading under way ends.
pub(crate) async fn rest(engine: &Engine, project: ProjectId) -> anyhow::Result<()> {
    for row in engine.store().read(move |c| store::source::of_project(c, project)).await? {
        following::unfollow(engine, row.source.id);
    }
    Ok(())
}

/// Follows the logs of a project again that came back, and reads what was added meanwhile.
pub(crate) async fn go_on(engine: &Engine, project: ProjectId) -> anyhow::Result<()> {
    if engine.options().mode != Mode::Host {
        return Ok(());
    }
    for row in engine.store().read(move |c| store::source::of_project(c, project)).await? {
        if row.source.watched {
            follow(engine, &row.source).await;
            read_soon(engine, row.source.id);
        }
    }
    Ok(())
}

/// The logs in a folder. MLflow's database is no log of a folder's tool: it is known by its tables.
pub async fn look(engine: &Engine, request: LookForLogs) -> anyhow::Result<Vec<FoundLog>> {
    refuse_address(&request.folder)?;
    let folder = project::absolute(&request.folder)?;
    let known = engine.store().read(store::source::list).await?;
    let found = tokio::task::spawn_blocking(move || found_in(&folder)).await?;
    let known_as = |kind: Kind, path: &Path| {
        let is_it = |row: &&SourceRow| Path::new(&row.source.path) == path || covers(&row.source, kind, path);
        known.iter().find(is_it).map(|row| row.source.id)
    };
    let told = |Found { kind, path }: Found, logs: Option<u64>| FoundLog {
        kind,
        known: known_as(kind, &path),
        path: path.to_string_lossy().into_owned(),
        logs,
    };
    let is_free = |path: &Path| !known.iter().any(|row| Path::new(&row.source.path) == path);
    let folders = gathering::folders(&found).into_iter().filter(|(folder, _)| is_free(&folder.path));
    let folders: Vec<FoundLog> = folders.map(|(folder, logs)| told(folder, Some(logs))).collect();
    Ok(found.into_iter().map(|found| told(found, None)).chain(folders).collect())
}

/// Whether a log is read with a source: one of its kind that lies in its folder.
fn covers(source: &Source, kind: Kind, path: &Path) -> bool {
    source.kind == kind && kind.is_gathered() && path.starts_with(&source.path)
}

fn found_in(folder: &Path) -> Vec<Found> {
    let mut found = foreign::look(folder);
    for path in foreign::databases(folder) {
        // Whoever keeps it locked keeps a database; whose one of another name is nobody knows then.
        let is_named =
            path.ends_with("mlflow.db") || path == folder && path.extension().is_some_and(|ending| ending == "db");
        match store::mlflow_db::MlflowDb::open(&path) {
            Ok(_) => found.push(Found { kind: Kind::MlflowDb, path }),
            Err(StoreError::Locked { .. }) if is_named => found.push(Found { kind: Kind::MlflowDb, path }),
            Err(_) => {}
        }
    }
    found
}

/// Servers and databases that are asked over a network, or by an address of MLflow's, are no logs that are read.
fn refuse_address(named: &str) -> anyhow::Result<()> {
    if !is_address(named) {
        return Ok(());
    }
    let hint = match named.split_once("://") {
        Some(("file" | "sqlite", _)) => "Name the folder or file by its path.",
        _ => {
            "Copy its runs into a folder (`mlruns`) or an `mlflow.db` with MLflow's own tools, such as \
             mlflow-export-import, and add that. What is logged from now on can come here directly: `slipway tracking`."
        }
    };
    // It may hold a password.
    let scheme = named.split("://").next().unwrap_or_default();
    bail!(
        ApiError::invalid(format!("{scheme}://… is an address: logs are read from folders and files.")).with_hint(hint)
    )
}

/// Why a file that is named, or a database that lies where MLflow keeps its, can't be read.
fn unreadable(path: &Path) -> Option<String> {
    let database = if path.is_dir() { path.join("mlflow.db") } else { path.to_owned() };
    let named = database.extension().is_some_and(|extension| extension == "db") && database.is_file();
    let refused = if named { store::mlflow_db::MlflowDb::open(&database).err() } else { None };
    refused.map(|error| error.to_string()).or_else(|| foreign::refused(path))
}

/// Enters a source and reads it whole, as a job.
pub async fn add(engine: &Engine, request: AddSource) -> anyhow::Result<Job> {
    refuse_address(&request.path)?;
    let path = project::absolute(&request.path)?;
    let shown = path.to_string_lossy().into_owned();
    if let Some(project) = request.project {
        project::find(engine, project).await?;
    }
    let known = engine.store().read(move |c| store::source::at(c, &shown)).await?;
    let entered = match known {
        Some(row) => Entered::Before(row),
        None => enter(engine, &request, path).await?,
    };
    let row = match entered {
        Entered::Now(row) => row,
        Entered::Before(row) => {
            let row = find(engine, row.source.id).await?;
            as_it_is(&row.source, &request)?;
            set_followed(engine, FollowSource { source: row.source.id, follow: !request.once }).await?;
            find(engine, row.source.id).await?
        }
    };
    engine.changed(Tag::Sources);
    // Before it is read: a reading says what else of it is to be followed.
    if row.source.watched && engine.options().mode == Mode::Host {
        follow(engine, &row.source).await;
    }
    read(engine, ReadSource { source: row.source.id }).await
}

/// A source that is to be read, and whether it was one before.
enum Entered {
    Now(SourceRow),
    Before(SourceRow),
}

async fn enter(engine: &Engine, request: &AddSource, path: PathBuf) -> anyhow::Result<Entered> {
    let Found { kind, path } = match request.kind {
        Some(kind) => Found { kind, path },
        None => only_log(&path).await?,
    };
    refuse_if_covered(engine, kind, &path).await?;
    let source = Source {
        id: SourceId::from_bytes(engine.new_id()),
        kind,
        path: path.to_string_lossy().into_owned(),
        project: request.project,
        watched: !request.once,
        runs: 0,
        warnings: Vec::new(),
        warned: 0,
        error: None,
        added_ms: engine.now_ms(),
        read_ms: None,
    };
    let row = SourceRow { source, mark: serde_json::Value::Null, is_whole: true };
    let entered = engine.store().write_durable(move |tx| {
        // Another may have added it meanwhile.
        if let Some(before) = store::source::at(tx, &row.source.path)? {
            return Ok(Entered::Before(before));
        }
        match forgetting::taken_up(tx, &row)? {
            Some(before) => Ok(Entered::Now(before)),
            None => store::source::put(tx, &row).map(|()| Entered::Now(row)),
        }
    });
    Ok(entered.await?)
}

/// Refuses a log that is read with others of its folder: its points would count twice. TensorBoard's are left to whoever
/// names them: one run of many may be of another project.
async fn refuse_if_covered(engine: &Engine, kind: Kind, path: &Path) -> anyhow::Result<()> {
    if kind == Kind::TensorBoard {
        return Ok(());
    }
    let sources = engine.store().read(store::source::list).await?;
    let mut above = sources.iter().map(|row| &row.source).filter(|source| Path::new(&source.path) != path);
    let Some(source) = above.find(|source| covers(source, kind, path)) else { return Ok(()) };
    let said = format!("{} is read already, with the other logs in {}.", path.display(), source.path);
    let way = format!("`slipway source read {}` reads them on. To read it alone, forget that one first.", source.path);
    bail!(ApiError::new(ErrorCode::Conflict, said).with_hint(way))
}

/// Refuses to read a known log as another tool's, or into another project.
fn as_it_is(known: &Source, request: &AddSource) -> anyhow::Result<()> {
    let other_kind = request.kind.is_some_and(|kind| kind != known.kind);
    if other_kind || request.project.is_some_and(|project| Some(project) != known.project) {
        let (what, way) = if other_kind {
            ("another tool's log", "Forget it first (`slipway source remove`), then add it as what it is.")
        } else if known.project.is_some() {
            ("the log of another project", "Forget it first (`slipway source remove`), then add it in this one.")
        } else {
            ("the log of no project", "Move its experiments into the project: `slipway experiment move`.")
        };
        bail!(ApiError::new(ErrorCode::Conflict, format!("{} is read already, as {what}.", known.path)).with_hint(way));
    }
    Ok(())
}

/// Follows a log from now on, or no more.
pub async fn set_followed(engine: &Engine, request: FollowSource) -> anyhow::Result<Source> {
    let (id, follows) = (request.source, request.follow);
    let mark = move |tx: &store::Transaction<'_>| store::source::set_watched(tx, id, follows);
    let before = find(engine, id).await?.source;
    if before.watched == follows {
        return Ok(before);
    }
    engine.store().write_durable(mark).await?;
    let source = find(engine, id).await?.source;
    if engine.options().mode == Mode::Host {
        if follows {
            follow(engine, &source).await;
            // What was added while nobody followed it.
            read_soon(engine, id);
        } else {
            following::let_go(engine, id);
        }
    }
    engine.changed(Tag::Sources);
    Ok(source)
}

/// The log that lies at a path, or alone below it; the folder itself where it holds several of one kind.
async fn only_log(path: &Path) -> anyhow::Result<Found> {
    let looked = path.to_owned();
    let looked = tokio::task::spawn_blocking(move || {
        let found = found_in(&looked);
        let unread = if found.is_empty() { unreadable(&looked) } else { None };
        (found, unread)
    });
    let (found, unread) = looked.await?;
    if let Some(error) = unread {
        bail!(ApiError::invalid(error).with_hint("Nothing was read of it, and it stays as it is."));
    }
    let own: HashSet<Kind> = found.iter().filter(|found| found.path == path).map(|found| found.kind).collect();
    let mut own = own.into_iter();
    match (own.next(), own.next(), found.as_slice()) {
        (Some(kind), None, _) => Ok(Found { kind, path: path.to_owned() }),
        (None, _, [one]) => Ok(one.clone()),
        (None, _, []) => bail!(
            ApiError::not_found(format!("There is no run log that we can read at {}.", path.display())).with_hint(
                "MLflow's mlruns folder or mlflow.db, TensorBoard's event files, W&B's offline runs, DVCLive, dvc.yaml, metrics.json, metrics.csv and JSON Lines are read."
            )
        ),
        (None, _, several) if gathering::is_of_one_kind(several) => {
            Ok(Found { kind: several[0].kind, path: path.to_owned() })
        }
        _ => {
            const NAMED: usize = 5;
            let named = found.iter().take(NAMED).map(|one| format!("{} ({})", one.path.display(), one.kind.tool()));
            let more = if found.len() > NAMED { " …" } else { "" };
            bail!(
                ApiError::new(ErrorCode::Conflict, format!("There are several logs at {}.", path.display())).with_hint(
                    format!("Name one by its path, and of two at one path its kind, or say the kind of which all below it are read: {}{more}.", named.collect::<Vec<_>>().join(", "))
                )
            )
        }
    }
}

/// Reads on, as a job.
pub async fn read(engine: &Engine, request: ReadSource) -> anyhow::Result<Job> {
    let row = find(engine, request.source).await?;
    let new = NewJob {
        kind: JobKind::Import,
        title: format!("Read {}", row.source.path),
        project: row.source.project,
        subject: Subject::None,
        memory_bytes: 0,
        request: retry_with(&request),
    };
    let id = request.source;
    engine.jobs().start(engine, new, move |context| read_as_job(context, id)).await
}

async fn read_as_job(context: JobContext, id: SourceId) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    // Were the one that reads told of more, it would go on at once, and so for as long as somebody waits.
    while !try_begin(&engine, id) {
        tokio::select! {
            () = context.cancelled() => bail!(crate::jobs::cancelled()),
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
    let told = take_in(&engine, id, Some(&context)).await;
    if end(&engine, id) {
        read_soon(&engine, id);
    }
    let told = told?;
    let rest = if told.waits { "; the rest once its writer lets go of it" } else { "" };
    // Nobody reads it again unasked: its runs would stay as they are now, and its last line may be left out.
    let grows = told.is_open
        && find(&engine, id)
            .await
            .is_ok_and(|row| !row.source.watched && following::settles(row.source.kind).is_some());
    let on = if grows { "; it may still be written: `slipway source read` reads on" } else { "" };
    // They are in no list, where who reads this looks for them.
    let deleted = engine.store().read(move |c| {
        let (all, live) = (store::source::runs(c, id)?.len(), store::source::live_runs(c, id)?.len());
        Ok(all.saturating_sub(live) as u64)
    });
    let deleted = match deleted.await? {
        0 => String::new(),
        some => format!("; {} deleted", counted(some, "of its runs is", "of its runs are")),
    };
    // Which they are stands with the log itself.
    let warned = match told.warned {
        0 => String::new(),
        some => format!("; {} not read (`slipway source list`)", counted(some, "thing was", "things were")),
    };
    let (runs, points) = (counted(told.runs, "run", "runs"), counted(told.points, "point", "points"));
    Ok(format!("{runs} and {points} read{}{rest}{deleted}{warned}{on}", into(&told.experiments)))
}

/// " into churn", or how many experiments there are, behind what was read.
fn into(experiments: &[String]) -> String {
    const NAMED: usize = 3;
    match experiments {
        [] => String::new(),
        few if few.len() <= NAMED => format!(" into {}", few.join(", ")),
        many => format!(" into {} experiments: {} …", many.len(), many[..NAMED].join(", ")),
    }
}

async fn take_in(engine: &Engine, id: SourceId, context: Option<&JobContext>) -> anyhow::Result<taking::Taken> {
    let row = find(engine, id).await?;
    let others = others(engine, &row.source).await?;
    let (of, context) = (engine.clone(), context.cloned());
    let taken = tokio::task::spawn_blocking(move || {
        let reader = reader(&row.source, &others);
        taking::take(&of, row, &*reader, context.as_ref())
    })
    .await?;
    engine.changed(Tag::Sources);
    let taken = taken?;
    // It may have been let go of meanwhile.
    if let Ok(now) = find(engine, id).await {
        following::read_later(engine, &now.source, &taken);
        if now.source.kind == Kind::Dvc {
            let (path, mark) = (PathBuf::from(&now.source.path), Mark(now.mark));
            let files = tokio::task::spawn_blocking(move || foreign::dvc::files(&path, &mark)).await?;
            following::follow_files(engine, &now.source, files);
        }
    }
    Ok(taken)
}

/// The logs of a source's kind in its folder that are read by themselves.
async fn others(engine: &Engine, source: &Source) -> anyhow::Result<Vec<PathBuf>> {
    if !source.kind.is_gathered() {
        return Ok(Vec::new());
    }
    let rows = engine.store().read(store::source::list).await?;
    let paths = rows.into_iter().filter(|row| row.source.id != source.id).map(|row| (row.source.kind, row.source.path));
    let below =
        paths.map(|(kind, path)| (kind, PathBuf::from(path))).filter(|(kind, path)| covers(source, *kind, path));
    Ok(below.map(|(_, path)| path).collect())
}

fn reader(source: &Source, others: &[PathBuf]) -> Box<dyn Reader> {
    let path = PathBuf::from(&source.path);
    match source.kind {
        Kind::MlflowDb => Box::new(mlflow_db::Database::new(path)),
        kind => foreign::open_beside(&Found { kind, path }, others),
    }
}

pub async fn list(engine: &Engine, _: ListSources) -> anyhow::Result<Vec<Source>> {
    let rows = engine.store().read(store::source::list).await?;
    Ok(rows.into_iter().map(|row| following::noted(engine, row.source)).collect())
}
