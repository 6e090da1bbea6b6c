//! Runs: trainings and executed commands, from the start to the report.
//!
//! A run's folder is its whole conversation with its process (see `api::worker`): [`start`] writes
//! the plan, [`process`] spawns, [`supervise`] reads what is appended and commits it.

pub mod board;
pub mod command;
pub mod deletion;
pub mod diff;
pub mod export;
pub mod filter;
pub mod importance;
pub mod lineage;
pub mod media;
mod memory;
pub mod name;
pub mod process;
mod spending;
pub mod split;
pub mod start;
pub mod supervise;
pub mod surroundings;
pub mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, ProjectId, RunId,
    evaluation::Evaluation,
    event::Tag,
    run::{
        Artifact, EditRun, GetEvaluation, GetRun, GetRunLog, ListArtifacts, ListRuns, LogChunk, LogStream, Run,
        RunState, RunTable, StopRun,
    },
    series::Series,
    tracking::Scope,
};
use store::run::RunRow;

use crate::{
    Engine, error,
    tracking::{artifacts as kept, client::Change},
};
use board::{Query, View};

/// The run's row with all that hangs on it, or a plain error.
pub async fn find(engine: &Engine, id: RunId) -> anyhow::Result<RunRow> {
    let row = engine.store().read(move |c| store::run::get(c, id)).await?;
    row.ok_or_else(|| error::missing("run", id))
}

pub async fn get(engine: &Engine, request: GetRun) -> anyhow::Result<Run> {
    let run = find(engine, request.run).await?.run;
    Ok(Run { spent: spending::spent(engine, run.id).await?, ..run })
}

/// A page of the run table: by default ranked by the validation metric, the best first.
pub async fn list(engine: &Engine, request: ListRuns) -> anyhow::Result<RunTable> {
    let scope = request.scope();
    let filter = filter::parse(&request.filter)?;
    let sort = table::orders(request.sort.as_deref(), request.descending)?;
    let limit = u64::from(request.limit.unwrap_or(100).min(1000));
    let board = engine.clone();
    let moment = engine.board().moment();
    Ok(engine
        .store()
        .read(move |c| {
            let project = if let Scope::Project(project) = scope { Some(project) } else { None };
            let ranking = project.map(|project| store::run::ranking(c, project)).transpose()?.flatten();
            let orders = sort.unwrap_or_else(|| vec![table::by_rank(ranking.as_ref())]);
            let experiments = table::experiments(c, scope)?;
            let view = if request.deleted { View::Deleted } else { View::Active };
            let offset = request.offset;
            let query = Query { experiments, view, filter, orders, offset, limit };
            let page = board.board().page(c, moment, &query)?;
            let [metric_keys, param_keys, tag_keys] = board.board().keys(c, moment, &query.experiments)?;
            let best = project.map(|project| store::run::best(c, project)).transpose()?.flatten();
            Ok(RunTable {
                rows: store::run_row::of(c, &page.runs)?,
                total: page.total,
                metric_keys,
                param_keys,
                tag_keys,
                best_split: best.and_then(|best| best.run.split),
                ranked_by: ranking,
            })
        })
        .await?)
}

/// Whose run it is.
pub fn scope(run: &Run) -> Scope {
    run.project.map_or(Scope::Experiment(run.experiment), Scope::Project)
}

/// The page of a run.
pub fn link(run: &Run) -> String {
    match run.project {
        Some(project) => format!("/p/{project}/runs/{}", run.id),
        None => format!("/e/{}/runs/{}", run.experiment, run.id),
    }
}

/// The project of a run, which a training always has.
pub(crate) fn project_of(run: &Run) -> anyhow::Result<ProjectId> {
    run.project.ok_or_else(|| {
        ApiError::new(ErrorCode::Conflict, format!("{} belongs to no project.", run.name))
            .with_hint("Move it into the experiment of a project first.")
            .into()
    })
}

/// MLflow's word for a state.
pub const fn mlflow_status(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "SCHEDULED",
        RunState::Running => "RUNNING",
        RunState::Finished => "FINISHED",
        RunState::Failed => "FAILED",
        RunState::Stopped | RunState::Killed => "KILLED",
    }
}

/// Where MLflow's clients find a run's artifacts: where they did before it was moved, else by its experiment's `number`
/// and `location`.
pub fn artifact_uri(row: &RunRow, number: i64, location: Option<&str>) -> String {
    row.address.clone().unwrap_or_else(|| address_in(number, location, row.run.id))
}

/// Where MLflow's clients find the artifacts of a run that began in an experiment: behind the proxy of the host.
///
/// A `location` that a client chose for its experiment is written to by the client itself.
pub(crate) fn address_in(number: i64, location: Option<&str>, run: RunId) -> String {
    match location {
        Some(location) => format!("{}/{run}/artifacts", location.trim_end_matches('/')),
        None => format!("mlflow-artifacts:/{number}/{run}/artifacts"),
    }
}

/// One viewport of one series, steps inclusive, open where not given: raw where the points are few,
/// else the pyramid's finest level that fits.
pub async fn series_view(
    engine: &Engine,
    run: RunId,
    key: &str,
    from: Option<i64>,
    to: Option<i64>,
    points: u32,
) -> anyhow::Result<Series> {
    let name = key.to_owned();
    let (from, to, points) = (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX), u64::from(points));
    let found = engine
        .store()
        .read(move |c| match store::metric::find(c, run, &name)? {
            Some((number, _)) => store::points::view(c, number, from, to, points).map(Some),
            None => Ok(None),
        })
        .await?;
    found.ok_or_else(|| ApiError::not_found(format!("The run has no series \"{key}\".")).into())
}

/// Asks the worker to stop after its step.
pub async fn stop(engine: &Engine, request: StopRun) -> anyhow::Result<Run> {
    let row = find(engine, request.run).await?;
    if row.run.state.is_over() {
        return Ok(row.run);
    }
    if !row.run.kind.is_supervised() {
        // Its process is its client's; that it is over is all that we can note.
        let change = Change { state: Some(RunState::Killed), ended_ms: Some(engine.now_ms()), name: None };
        crate::tracking::client::change(engine, request.run, change).await?;
        return get(engine, GetRun { run: request.run }).await;
    }
    process::ask_to_stop(engine, &row).await?;
    if let Some(job) = row.run.job {
        engine.jobs().cancel(job);
    }
    get(engine, GetRun { run: request.run }).await
}

pub async fn edit(engine: &Engine, request: EditRun) -> anyhow::Result<Run> {
    if let Some(name) = &request.name {
        name::check(name)?;
    }
    name::check_notes(request.notes.as_deref().unwrap_or_default())?;
    let id = request.run;
    let scope_of = engine
        .store()
        .write(move |tx| {
            let Some(mut row) = store::run::bare(tx, id)? else { return Ok(None) };
            if let Some(name) = request.name {
                row.run.name = name.trim().to_owned();
            }
            if let Some(notes) = request.notes {
                row.run.notes = notes;
            }
            store::run::put(tx, &row)?;
            for (key, value) in &request.tags {
                match value {
                    Some(value) => store::tag::put(tx, id, key, value)?,
                    None => drop(store::tag::remove(tx, id, key)?),
                }
            }
            Ok(Some(scope(&row.run)))
        })
        .await?;
    let scope = scope_of.ok_or_else(|| error::missing("run", id))?;
    engine.changed(Tag::Run(id));
    engine.changed(scope.tag());
    get(engine, GetRun { run: id }).await
}

pub async fn evaluation(engine: &Engine, request: GetEvaluation) -> anyhow::Result<Evaluation> {
    let row = find(engine, request.run).await?;
    let path = engine.workspace().run(request.run).join("evaluation.json");
    match tokio::fs::read(&path).await {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!(
                ApiError::not_found(format!("{} has no evaluation.", row.run.name))
                    .with_hint("A training is evaluated when it ends, also when it was stopped early by its patience.")
            )
        }
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// A stretch of a run's output, cut at whole characters.
pub async fn log(engine: &Engine, request: GetRunLog) -> anyhow::Result<LogChunk> {
    let path = engine.workspace().run(request.run).join(match request.stream {
        LogStream::Stdout => "stdout.log",
        LogStream::Stderr => "stderr.log",
    });
    tokio::task::spawn_blocking(move || {
        read_log(&path, request.after, request.limit_bytes.unwrap_or(256 * 1024).min(4 << 20))
    })
    .await?
}

fn read_log(path: &Path, after: u64, limit_bytes: u64) -> anyhow::Result<LogChunk> {
    use std::io::{Read as _, Seek as _};
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(LogChunk { text: String::new(), start: 0, end: 0, total: 0 });
        }
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let total = file.metadata()?.len();
    let start = after.min(total);
    file.seek(std::io::SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(limit_bytes).read_to_end(&mut bytes)?;
    // A character may be half written, or half within the limit: it comes with the next answer.
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    let end = start + bytes.len() as u64;
    Ok(LogChunk { text: String::from_utf8_lossy(&bytes).into_owned(), start, end, total })
}

pub async fn artifacts(engine: &Engine, request: ListArtifacts) -> anyhow::Result<Vec<Artifact>> {
    let row = find(engine, request.run).await?;
    let folder = engine.workspace().run(request.run);
    Ok(tokio::task::spawn_blocking(move || artifacts_of(&row, &folder)).await?)
}

/// What lies in a run's folder for a person, or where an imported run's artifacts lie. Blocks.
fn artifacts_of(row: &RunRow, folder: &Path) -> Vec<Artifact> {
    let mut found = Vec::new();
    if let Some(elsewhere) = row.artifacts.as_ref().map(Path::new) {
        list_files(elsewhere, elsewhere, &mut found);
        found.iter_mut().for_each(|artifact| artifact.path = format!("{IMPORTED}{}", artifact.path));
        return found;
    }
    for name in ["artifacts", "model", "evaluation.json"] {
        list_files(folder, &folder.join(name), &mut found);
    }
    found
}

/// Where an artifact that was listed lies, and the folder that it must lie in.
fn place_of(row: &RunRow, folder: &Path, path: &str) -> (PathBuf, PathBuf) {
    match (&row.artifacts, path.strip_prefix(IMPORTED)) {
        (Some(elsewhere), Some(rest)) => (Path::new(elsewhere).join(rest), PathBuf::from(elsewhere)),
        _ => (folder.join(path), folder.to_path_buf()),
    }
}

/// What stands before the path of an imported run's artifact, as before one that was made here.
const IMPORTED: &str = "artifacts/";

fn list_files(base: &Path, path: &Path, found: &mut Vec<Artifact>) {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return };
    if metadata.is_dir() {
        let Ok(entries) = std::fs::read_dir(path) else { return };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().for_each(|path| list_files(base, path, found));
    } else if metadata.is_file() && !path.file_name().is_some_and(|name| kept::is_half(&name.to_string_lossy())) {
        let relative = path.strip_prefix(base).unwrap_or(path);
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        found.push(Artifact {
            path: relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"),
            size_bytes: metadata.len(),
            modified_ms: modified.map_or(0, |elapsed| elapsed.as_millis() as i64),
        });
    }
}

/// The path of an artifact, if it is one: nothing else of the disk is ever read by name.
pub async fn artifact_path(engine: &Engine, run: RunId, path: &str) -> anyhow::Result<PathBuf> {
    let known = artifacts(engine, ListArtifacts { run }).await?;
    if !known.iter().any(|artifact| artifact.path == path) {
        bail!(ApiError::not_found(format!("The run has no artifact \"{path}\".")));
    }
    let row = find(engine, run).await?;
    Ok(place_of(&row, &engine.workspace().run(run), path).0)
}
