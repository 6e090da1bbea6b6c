//! Runs: trainings and executed commands, from the start to the report.
//!
//! A run's folder is its whole conversation with its process (see `api::worker`): [`start`] writes
//! the plan, [`process`] spawns, [`supervise`] reads what is appended and commits it.

pub mod aside;
pub mod bands;
pub mod board;
pub mod called;
pub mod called_program;
pub mod code_diff;
pub mod command;
pub mod deletion;
pub mod diff;
pub(crate) mod elsewhere;
pub mod exec;
pub mod export;
pub mod filter;
mod git;
pub mod importance;
pub mod lineage;
mod meant;
pub mod media;
mod memory;
pub mod name;
pub mod named;
pub mod nested;
mod parent;
mod patch;
pub mod process;
pub(crate) mod requirements;
pub(crate) mod spending;
pub mod split;
pub mod start;
pub mod supervise;
pub mod surroundings;
pub mod table;
pub mod uncommitted;

use std::{collections::HashSet, fs, io, path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, ExperimentId, ProjectId, RunId,
    evaluation::Evaluation,
    event::Tag,
    run::{
        ARTIFACTS, Artifact, EditRun, Ending, GetEvaluation, GetRun, GetRunLog, GetRuns, ListArtifacts, ListRuns,
        LogChunk, LogStream, MarkEnded, Run, RunKind, RunState, RunTable, SaveArtifact, SavedFile, StopRun,
    },
    run_diff::MOST,
    search::StopSearch,
    series::{MOST_VIEWPORTS, Series, Viewport, Viewports},
    tracking::{Experiment, Scope},
};
use cap_std::fs::Dir;
use futures::{StreamExt as _, TryStreamExt as _};
use store::run::RunRow;

use crate::{
    Engine, beneath, error, output,
    tracking::{
        artifacts as kept,
        texts::{MOST_TEXT, bytes_in},
    },
};
use board::{Query, View};

/// The run's row with all that hangs on it, or a plain error.
pub async fn find(engine: &Engine, id: RunId) -> anyhow::Result<RunRow> {
    let row = engine.store().read(move |c| store::run::get(c, id)).await?;
    row.ok_or_else(|| error::missing("run", id))
}

/// Whether a run is over, without all that hangs on it: who follows its output asks four times a second.
pub async fn is_over(engine: &Engine, id: RunId) -> anyhow::Result<bool> {
    let row = engine.store().read(move |c| store::run::bare(c, id)).await?;
    row.map(|row| row.run.state.is_over()).ok_or_else(|| error::missing("run", id))
}

pub async fn get(engine: &Engine, request: GetRun) -> anyhow::Result<Run> {
    let id = request.run;
    let found = engine.store().read(move |c| {
        let Some(row) = store::run::get(c, id)? else { return Ok(None) };
        let files_at = elsewhere::of(c, &row)?;
        Ok(Some(Run { files_at, ..row.run }))
    });
    let run = found.await?.ok_or_else(|| error::missing("run", id))?;
    Ok(Run { spent: spending::spent(engine, id).await?, ..run })
}

/// Several runs in their order, all of one moment.
pub async fn get_many(engine: &Engine, request: GetRuns) -> anyhow::Result<Vec<Option<Run>>> {
    let given = request.runs.len();
    if given > MOST {
        bail!(
            ApiError::invalid(format!("{MOST} runs are asked for at once, and {given} were named."))
                .with_hint("Ask for the others apart.")
        );
    }
    let all = engine.store().read(move |c| {
        let mut bytes = 0_usize;
        let one = |id| {
            let run = store::run::get(c, id)?.map(|row| row.run);
            bytes += run.as_ref().map_or(0, |run| bytes_in(&run.params) + bytes_in(&run.tags));
            if bytes > SEVERAL_BYTES {
                let message = format!("These runs have more than {SEVERAL_BYTES} bytes of params and tags together.");
                return Err(ApiError::invalid(message).with_hint("Ask for fewer of them at once.").into());
            }
            Ok(run)
        };
        request.runs.into_iter().map(one).collect::<store::error::Result<Vec<_>>>()
    });
    Ok(all.await?)
}

/// Bytes of the params and tags of runs that are asked for by their ids, at most: of two with as many as they may have.
const SEVERAL_BYTES: usize = 2 * MOST_TEXT;

/// Bytes of what the runs of a page have, at most: of runs with many and long texts it has fewer than it may.
pub const PAGE_BYTES: usize = 32 << 20;

/// A page of the run table: by default ranked by the validation metric, the best first. The next begins behind the rows that it
/// has.
pub async fn list(engine: &Engine, request: ListRuns) -> anyhow::Result<RunTable> {
    let scope = request.scope();
    let filter = meant::filter(engine, scope, &request.filter).await?;
    let sort = meant::orders(request.sort.as_deref(), request.descending);
    let sort = meant::or_meant(engine, scope, sort).await?;
    let limit = u64::from(request.limit.unwrap_or(100).min(1000));
    let board = engine.clone();
    let (asked, _asking) = engine.board().ask();
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
            let page = board.board().page(c, &asked, &query)?;
            let keys = board.board().keys(c, &asked, &query.experiments)?;
            table::check_keys(&keys, scope)?;
            let notes = match page.total {
                0 => filter::unknown_keys(&query.filter, &keys, &asked.time_for_help()),
                _ => Vec::new(),
            };
            let [metric_keys, param_keys, tag_keys] = keys;
            let best = project.map(|project| store::run::best(c, project)).transpose()?.flatten();
            Ok(RunTable {
                rows: store::run_row::within(c, &page.runs, PAGE_BYTES)?,
                total: page.total,
                metric_keys,
                param_keys,
                tag_keys,
                best_split: best.and_then(|best| best.run.split),
                ranked_by: ranking,
                notes,
            })
        })
        .await?)
}

/// The lists that a run stands in: its experiment's, and that of the project which this belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Lists {
    pub(crate) experiment: ExperimentId,
    pub(crate) project: Option<ProjectId>,
}

impl Lists {
    pub(crate) const fn of(run: &Run) -> Self {
        Self { experiment: run.experiment, project: run.project }
    }

    pub(crate) const fn of_experiment(experiment: &Experiment) -> Self {
        Self { experiment: experiment.id, project: experiment.project }
    }

    fn tags(self) -> impl Iterator<Item = Tag> {
        std::iter::once(Tag::Experiment(self.experiment)).chain(self.project.map(Tag::Runs))
    }
}

/// Announces that lists of runs changed: each once, whatever stands in it.
pub(crate) fn announce_lists(engine: &Engine, lists: impl IntoIterator<Item = Lists>) {
    let tags: HashSet<Tag> = lists.into_iter().flat_map(Lists::tags).collect();
    tags.into_iter().for_each(|tag| engine.changed(tag));
}

/// Announces a run that changed, with the lists that it stands in.
pub(crate) fn announce(engine: &Engine, run: RunId, lists: Lists) {
    engine.changed(Tag::Run(run));
    announce_lists(engine, [lists]);
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

/// One viewport of one series: raw where the points are few, else the pyramid's finest level that fits. Over another
/// metric: pairs of raw points, see [`store::points::join()`].
pub async fn series_view(engine: &Engine, viewport: Viewport, points: u32) -> anyhow::Result<Series> {
    let key = viewport.key.clone();
    let found = view(engine, viewport, points).await?;
    found.ok_or_else(|| ApiError::not_found(format!("The run has no series \"{key}\".")).into())
}

/// As many viewports as are asked for, in their order; `None` where a run has no such series.
pub async fn series_views(engine: &Engine, viewports: Viewports) -> anyhow::Result<Vec<Option<Series>>> {
    let Viewports { series, points } = viewports;
    let given = series.len();
    if given > MOST_VIEWPORTS {
        bail!(
            ApiError::invalid(format!("{MOST_VIEWPORTS} series are asked for at once, and {given} were named."))
                .with_hint("Ask for the others apart.")
        );
    }
    // Each is a read of its own, so that a write that waits for the database need not wait for all of them.
    let all = series.into_iter().map(|viewport| view(engine, viewport, points));
    futures::stream::iter(all).buffered(AT_ONCE).try_collect().await
}

/// Series that are read at a time.
const AT_ONCE: usize = 4;

async fn view(engine: &Engine, viewport: Viewport, points: u32) -> anyhow::Result<Option<Series>> {
    let Viewport { run, key, from, to, from_ms, to_ms, over } = viewport;
    let between = |from: Option<i64>, to: Option<i64>| (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX));
    let window = store::points::Window { steps: between(from, to), times: between(from_ms, to_ms) };
    let points = u64::from(points);
    let found = engine
        .store()
        .read(move |c| {
            let Some((number, _)) = store::metric::find(c, run, &key)? else { return Ok(None) };
            let Some(over) = over else { return store::points::view(c, number, window, points).map(Some) };
            let other = store::metric::find(c, run, &over.key)?.map(|(other, _)| other);
            store::points::join(c, number, other, window.steps, &over, points).map(Some)
        })
        .await?;
    Ok(found)
}

/// Asks the worker to stop after its step.
pub async fn stop(engine: &Engine, request: StopRun) -> anyhow::Result<Run> {
    let row = find(engine, request.run).await?;
    if row.run.state.is_over() {
        return Ok(row.run);
    }
    if row.run.kind == RunKind::Search {
        if let Some(search) = crate::search::of_run(engine, &row.run).await? {
            Box::pin(crate::search::stop(engine, StopSearch { search })).await?;
        }
        return get(engine, GetRun { run: request.run }).await;
    }
    if !row.run.kind.is_supervised() {
        // Its process is its client's; that it is over is all that we can note.
        return mark_ended(engine, MarkEnded { run: request.run, ending: Ending::Killed }).await;
    }
    process::ask_to_stop(engine, &row).await?;
    if let Some(job) = row.run.job {
        engine.jobs().cancel(job);
    }
    get(engine, GetRun { run: request.run }).await
}

/// Notes that a run is over whose client can't say so.
pub async fn mark_ended(engine: &Engine, request: MarkEnded) -> anyhow::Result<Run> {
    let MarkEnded { run: id, ending } = request;
    let now_ms = engine.now_ms();
    let marked = engine.store().write(move |tx| {
        let Some(mut row) = store::run::bare(tx, id)? else { return Ok(None) };
        let refused = |what: &str, hint: &str| {
            ApiError::new(ErrorCode::Conflict, format!("{} {what}.", row.run.name)).with_hint(hint)
        };
        // Its client may have said it meanwhile.
        if row.run.state.is_over() {
            return Err(refused("is over already", "Its page says how it ended.").into());
        }
        if row.run.kind.is_supervised() {
            return Err(refused("is watched over here, and ends as its process does", "Stop it instead.").into());
        }
        if row.run.deleted_ms.is_some() {
            return Err(refused("is deleted", "Restore it first.").into());
        }
        // Its last sign of life is nearer to its end than the moment at which a person sees that it is gone.
        let last_ms = store::metric::summaries(tx, id)?.iter().map(|series| series.time_ms).max();
        let began_ms = row.run.started_ms.unwrap_or(row.run.created_ms);
        let ended_ms = last_ms.filter(|last_ms| (began_ms..=now_ms).contains(last_ms)).unwrap_or(now_ms);
        (row.run.state, row.run.ended_ms) = (ending.state(), Some(ended_ms));
        store::run::set_end(tx, &row.run)?;
        Ok(Some(Lists::of(&row.run)))
    });
    announce(engine, id, marked.await?.ok_or_else(|| error::missing("run", id))?);
    get(engine, GetRun { run: id }).await
}

pub async fn edit(engine: &Engine, request: EditRun) -> anyhow::Result<Run> {
    if let Some(name) = &request.name {
        name::check(name)?;
    }
    name::check_notes(request.notes.as_deref().unwrap_or_default())?;
    // One that is refused now may stand there from before, and is removed by its name.
    for (key, value) in &request.tags {
        value.as_ref().map_or(Ok(()), |value| name::check_tag(key, value))?;
    }
    let id = request.run;
    let texts = Arc::clone(engine.texts());
    let lists = engine
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
                    Some(value) => {
                        store::tag::put(tx, id, key, value)?;
                        texts.check(tx, id, key.len() + value.len())?;
                    }
                    None => drop(store::tag::remove(tx, id, key)?),
                }
            }
            Ok(Some(Lists::of(&row.run)))
        })
        .await?;
    announce(engine, id, lists.ok_or_else(|| error::missing("run", id))?);
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

/// What a run wrote to the terminal.
pub(crate) fn output_of(workspace: &crate::workspace::Workspace, run: RunId) -> std::path::PathBuf {
    workspace.run(run).join("stdout.log")
}

/// A stretch of a run's output, cut at whole characters.
pub async fn log(engine: &Engine, request: GetRunLog) -> anyhow::Result<LogChunk> {
    let path = match request.stream {
        LogStream::Stdout => output_of(engine.workspace(), request.run),
        LogStream::Stderr => engine.workspace().run(request.run).join("stderr.log"),
    };
    tokio::task::spawn_blocking(move || {
        read_log(&path, request.after, request.limit_bytes.unwrap_or(256 * 1024).min(4 << 20))
    })
    .await?
}

/// The last line that a run wrote to stderr, where a program says why it failed.
pub(crate) async fn last_said(engine: &Engine, run: RunId) -> Option<String> {
    const TAIL_BYTES: u64 = 4096;
    const LONGEST: usize = 300;
    let part = |after: u64| GetRunLog { run, stream: LogStream::Stderr, after, limit_bytes: Some(TAIL_BYTES) };
    let total = log(engine, part(u64::MAX)).await.ok()?.total;
    let tail = log(engine, part(total.saturating_sub(TAIL_BYTES))).await.ok()?.text;
    let line = tail.rsplit(['\n', '\r']).map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(LONGEST).collect())
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
    let (base, names) = match &row.artifacts {
        Some(elsewhere) => (Path::new(elsewhere), &[""][..]),
        None => (folder, &["artifacts", "model", "evaluation.json", uncommitted::FOLDER][..]),
    };
    let Ok(base) = beneath::folder(base) else { return found };
    for name in names {
        let start = found.len();
        let is_folder = base.symlink_metadata(name).is_ok_and(|found| found.is_dir());
        // A link of theirs leads to another of theirs, and to nothing else of the run's folder.
        match is_folder.then(|| base.open_dir(name)) {
            Some(Ok(folder)) => list_files(&folder, Path::new(""), &mut found),
            _ => list_files(&base, Path::new(name), &mut found),
        }
        let below = found.iter_mut().skip(start).filter(|_| is_folder);
        below.for_each(|artifact| artifact.path = format!("{name}/{}", artifact.path));
    }
    // As before what was made here.
    if row.artifacts.is_some() {
        found.iter_mut().for_each(|artifact| artifact.path = format!("{ARTIFACTS}{}", artifact.path));
    }
    found
}

/// Opens an artifact that was listed. Blocks.
fn open_artifact(row: &RunRow, folder: &Path, path: &str) -> io::Result<fs::File> {
    match (&row.artifacts, path.strip_prefix(ARTIFACTS)) {
        (Some(elsewhere), Some(rest)) => beneath::file(&beneath::folder(Path::new(elsewhere))?, Path::new(rest)),
        _ => match path.split_once('/') {
            Some((name, rest)) => beneath::file(&beneath::folder(folder)?.open_dir(name)?, Path::new(rest)),
            None => beneath::file(&beneath::folder(folder)?, Path::new(path)),
        },
    }
}

/// The files at and below a path. A link to a file below `base` is one; no other is followed.
pub(crate) fn list_files(base: &Dir, path: &Path, found: &mut Vec<Artifact>) {
    let is_base = path.as_os_str().is_empty();
    let metadata = if is_base { base.dir_metadata() } else { base.symlink_metadata(path) };
    let Ok(metadata) = metadata else { return };
    if metadata.is_dir() {
        let entries = if is_base { base.entries() } else { base.read_dir(path) };
        let Ok(entries) = entries else { return };
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        names.iter().for_each(|name| list_files(base, &path.join(name), found));
        return;
    }
    let file = if metadata.is_symlink() { beneath::linked(base, path) } else { Some(metadata) };
    if let Some(metadata) = file
        && metadata.is_file()
        && !path.file_name().is_some_and(|name| kept::is_half(&name.to_string_lossy()))
    {
        found.push(Artifact {
            path: path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"),
            size_bytes: metadata.len(),
            modified_ms: beneath::modified_ms(&metadata),
        });
    }
}

pub async fn save_artifact(engine: &Engine, request: SaveArtifact) -> anyhow::Result<SavedFile> {
    let from = artifact(engine, request.run, &request.path).await?;
    output::save(engine, from, &request.to).await
}

/// Opens an artifact, if it is one: nothing else of the disk is ever read by name.
pub async fn artifact(engine: &Engine, run: RunId, path: &str) -> anyhow::Result<fs::File> {
    let row = find(engine, run).await?;
    if !artifacts(engine, ListArtifacts { run }).await?.iter().any(|artifact| artifact.path == path) {
        bail!(no_artifact(path));
    }
    listed_artifact(engine, row, path.to_owned()).await
}

fn no_artifact(path: &str) -> ApiError {
    ApiError::not_found(format!("The run has no artifact \"{path}\"."))
}

/// Opens an artifact of a run that was just listed.
async fn listed_artifact(engine: &Engine, row: RunRow, path: String) -> anyhow::Result<fs::File> {
    let folder = engine.workspace().run(row.run.id);
    tokio::task::spawn_blocking(move || {
        let missing = || no_artifact(&path);
        match open_artifact(&row, &folder, &path) {
            Ok(file) => Ok(file),
            // It went, or a link took its place, since it was listed.
            Err(error) if beneath::is_nothing(&error) || beneath::leads_out(&error) => bail!(missing()),
            Err(error) => Err(error).with_context(|| format!("read the artifact {path}")),
        }
    })
    .await?
}
