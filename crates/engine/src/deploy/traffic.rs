//! Traffic: rows of a table sent as ordinary requests, which are counted, logged and watched.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, DeploymentId, ErrorCode,
    config::DataKind,
    deploy::{ProposeTraffic, SendTraffic, TrafficFile, TrafficProposal},
    event::Tag,
    job::{Job, JobKind, Subject},
    model::Input,
};
use data::drift::window::WindowRule;
use futures::{StreamExt as _, stream};
use serde_json::Value;
use store::{deployment::DeploymentRow, version::VersionRow};

use crate::{
    Engine,
    deploy::{ask, find},
    error, folder,
    jobs::{self, JobContext, NewJob},
    package,
    ports::{Connection, Port},
    snapshot::thousands,
    target,
};

/// Requests under way at once.
const AT_ONCE: usize = 8;
const BATCH: u32 = 20;
const MOST_ROWS: u64 = 1_000_000;
/// What is proposed where rows don't close a window.
const ROWS: u64 = 1000;

/// The files beside the data with the row that comes next, and rows for as many windows as an alert takes.
pub async fn propose(engine: &Engine, request: ProposeTraffic) -> anyhow::Result<TrafficProposal> {
    let row = find(engine, request.deployment).await?;
    let (id, project) = (row.id, row.project);
    let project = engine
        .store()
        .read(move |c| store::project::get(c, project))
        .await?
        .ok_or_else(|| error::missing("project", row.project))?;
    // Only tables have rows to send.
    let beside = match project.file.data.kind {
        DataKind::Table => folder::seen(engine, &project).await?.beside,
        DataKind::Images => Vec::new(),
    };
    let next = engine.store().read(move |c| store::sent_traffic::next_rows(c, id)).await?;
    let config = &project.file.monitoring;
    let (rows, windows) = match WindowRule::parse(&config.window, config.min_rows) {
        Ok(WindowRule::Rows { rows }) => {
            let windows = config.raise_after.max(1);
            (rows.saturating_mul(u64::from(windows)).min(MOST_ROWS), windows)
        }
        // A window that can't be understood is Monitor's to tell.
        Ok(WindowRule::Time { .. }) | Err(_) => (ROWS, 0),
    };
    let file = |path: String| TrafficFile { next_row: next.get(&path).copied().unwrap_or(0), path };
    Ok(TrafficProposal { files: beside.into_iter().map(|found| file(found.path)).collect(), rows, windows })
}

/// Sends rows of a table in the project's folder, spread over the instances.
pub async fn send(engine: &Engine, request: SendTraffic) -> anyhow::Result<Job> {
    let row = find(engine, request.deployment).await?;
    let id = row.project;
    let project =
        engine.store().read(move |c| store::project::get(c, id)).await?.ok_or_else(|| error::missing("project", id))?;
    let (path, name) = inside(Path::new(&project.path), &request.path)?;
    let new = NewJob {
        kind: JobKind::Traffic,
        title: format!("Send {} rows to {}", thousands(request.rows.min(MOST_ROWS)), row.name),
        project: Some(row.project),
        subject: Subject::Deployment(row.id),
        memory_bytes: 0,
        request: jobs::retry_with(&request),
    };
    let config = project.file.data;
    engine
        .jobs()
        .start(engine, new, async move |context: JobContext| {
            context.progress(0.0, "Reads the rows");
            let version = package::version(context.engine(), row.version).await?;
            let most = request.rows.min(MOST_ROWS);
            let first = match request.offset {
                Some(row) => First::Row(row),
                None => First::After(next_row(context.engine(), row.id, &name).await?),
            };
            let found = tokio::task::spawn_blocking(move || read_rows(&path, &version, config, first, most)).await??;
            let batch = request.batch.unwrap_or(BATCH).clamp(1, 10_000) as usize;
            let (sent, outcome) = send_rows(&context, &row, &found.rows, batch).await?;
            let (id, next) = (row.id, (found.first + sent) % found.total.max(1));
            context.engine().store().write(move |tx| store::sent_traffic::put(tx, id, &name, next)).await?;
            context.engine().changed(Tag::Deployments);
            outcome
        })
        .await
}

/// Where the last send of a file ended.
async fn next_row(engine: &Engine, deployment: DeploymentId, name: &str) -> anyhow::Result<u64> {
    let next = engine.store().read(move |c| store::sent_traffic::next_rows(c, deployment)).await?;
    Ok(next.get(name).copied().unwrap_or(0))
}

/// How many rows were sent, from the first on, and how that ended; an error where none was.
async fn send_rows(
    context: &JobContext,
    row: &DeploymentRow,
    rows: &[Value],
    batch: usize,
) -> anyhow::Result<(u64, anyhow::Result<String>)> {
    if rows.is_empty() {
        bail!(ApiError::invalid("There are no rows to send.").with_hint("The file ends before the first of them."));
    }
    let connections = connect_all(context.engine(), row).await?;
    let started = Instant::now();
    let tally = Tally::default();
    let sends = rows.chunks(batch).enumerate().map(|(number, part)| {
        let (connection, tally) = (&connections[number % connections.len()], &tally);
        async move {
            // What is under way is answered; nothing new is asked.
            if !context.is_cancelled() {
                tally.count(part.len(), ask::predict(&**connection, part, false).await);
                let sent = tally.rows.load(Ordering::Relaxed);
                let said = format!("{} of {} rows sent", thousands(sent), thousands(rows.len() as u64));
                context.progress(sent as f64 / rows.len() as f64, said);
            }
        }
    });
    // Collected, since a lazy iterator of borrowing futures can't be sent between threads.
    let sends: Vec<_> = sends.collect();
    stream::iter(sends).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    let sent = tally.rows.load(Ordering::Relaxed);
    if context.is_cancelled() {
        let (part, whole) = (thousands(sent), thousands(rows.len() as u64));
        let message = format!("It was cancelled; {part} of {whole} rows were sent, and count.");
        return Ok((sent, Err(ApiError::new(ErrorCode::Cancelled, message).into())));
    }
    Ok((sent, Ok(tally.told(&row.name, started.elapsed().as_secs_f64())?)))
}

/// A way to each instance that answers.
async fn connect_all(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<Vec<Box<dyn Connection>>> {
    let port = target::connect(engine, &target::find(engine, row.target).await?).await?;
    let mut connections = Vec::new();
    for instance in port.instances(row.id, &row.name).await?.iter().filter(|instance| instance.ready) {
        connections.push(port.connect(row.id, &row.name, Some(&instance.name), Port::Serving).await?);
    }
    if connections.is_empty() {
        bail!(
            ApiError::new(ErrorCode::Unreachable, format!("No instance of {} answers.", row.name))
                .with_hint("Look at its logs.")
        );
    }
    Ok(connections)
}

/// What was sent and what came back.
#[derive(Default)]
struct Tally {
    rows: AtomicU64,
    requests: AtomicU64,
    errors: AtomicU64,
    first_error: Mutex<Option<String>>,
}

impl Tally {
    fn count(&self, rows: usize, outcome: anyhow::Result<api::deploy::CallAnswer>) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        let failure = match outcome {
            Ok(answer) => answer.error.map(|error| format!("{}: {error}", answer.status)),
            Err(error) => Some(format!("{error:#}")),
        };
        if let Some(failure) = failure {
            self.errors.fetch_add(1, Ordering::Relaxed);
            self.first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        }
    }

    /// How it ended, in one sentence; an error where nothing was answered.
    fn told(self, name: &str, seconds: f64) -> anyhow::Result<String> {
        let (rows, requests, errors) = (self.rows.into_inner(), self.requests.into_inner(), self.errors.into_inner());
        let rows = thousands(rows);
        let took = if seconds < 0.1 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") };
        let first = self.first_error.into_inner().unwrap_or_else(PoisonError::into_inner);
        match first {
            Some(first) if errors == requests => bail!(
                ApiError::invalid(format!("{name} refused all {requests} requests; the first with {first}"))
                    .with_hint("Do the file's columns fit the model's inputs?")
            ),
            Some(first) => Ok(format!(
                "Sent {rows} rows in {requests} requests, {errors} of them failed, in {took}; the first with {first}"
            )),
            None => Ok(format!("Sent {rows} rows in {requests} requests, no errors, in {took}")),
        }
    }
}

/// The file, which must be in the project's folder, links resolved, and its name there.
fn inside(folder: &Path, path: &str) -> anyhow::Result<(PathBuf, String)> {
    let wrong = || {
        error::told(&anyhow::Error::new(
            ApiError::invalid(format!("\"{path}\" is not a file in the project's folder {}.", folder.display()))
                .with_hint("Name a table in it, such as second-period/transactions.csv."),
        ))
    };
    let root = folder.canonicalize().map_err(|_| wrong())?;
    let found = root.join(path).canonicalize().map_err(|_| wrong())?;
    let name = found.strip_prefix(&root).map_err(|_| wrong())?;
    let name = name.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
    Ok((found, name))
}

/// Where to begin in a file.
#[derive(Debug, Clone, Copy)]
enum First {
    /// That row, which must be there.
    Row(u64),
    /// Behind what was sent; at the file's first row where that was its end.
    After(u64),
}

/// Rows of a file, from `first` on, and over its end from its beginning.
#[derive(Debug)]
struct Found {
    rows: Vec<Value>,
    first: u64,
    /// Rows of the whole file.
    total: u64,
}

/// At most `most` rows as JSON objects with the model's inputs only, typed as the model has them.
fn read_rows(
    path: &Path,
    version: &VersionRow,
    config: api::config::DataConfig,
    first: First,
    most: u64,
) -> anyhow::Result<Found> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let inputs = &version.version.signature.inputs;
    let mut config =
        api::config::DataConfig { paths: vec![name], target: None, timestamp: None, group: None, ..config };
    config.ignore.clear();
    config.types = inputs.iter().map(|input| (input.name.clone(), input.kind)).collect();
    // A folder of tables is one table.
    let (root, config) = if path.is_dir() {
        (path, api::config::DataConfig { paths: vec![".".to_owned()], ..config })
    } else {
        (folder, config)
    };
    let files = data::scan::files(root, &config)?;
    let work = tempfile::tempdir().context("make a folder for the rows")?;
    let table = work.path().join("traffic.parquet");
    let total = data::table::convert(&files, &config, &table, &mut data::progress::silent)?.rows;
    let first = match first {
        First::Row(row) => row,
        First::After(row) => row % total.max(1),
    };
    let (until_end, wanted) = (total.saturating_sub(first), most.min(total));
    let mut rows = Vec::new();
    if until_end > 0 {
        take(&table, inputs, first, wanted.min(until_end), &mut rows)?;
        take(&table, inputs, 0, wanted.saturating_sub(until_end), &mut rows)?;
    }
    Ok(Found { rows, first, total })
}

/// Adds `count` rows of a converted table behind its first `skip`.
fn take(table: &Path, inputs: &[Input], mut skip: u64, mut count: u64, rows: &mut Vec<Value>) -> anyhow::Result<()> {
    for batch in data::table::batches(table, None)? {
        if count == 0 {
            break;
        }
        let batch = batch?;
        let there = batch.num_rows() as u64;
        if skip >= there {
            skip -= there;
            continue;
        }
        let part = (there - skip).min(count);
        let batch = batch.slice(skip as usize, part as usize);
        (skip, count) = (0, count - part);
        let kept: Vec<usize> = batch
            .schema()
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| inputs.iter().any(|input| &input.name == field.name()))
            .map(|(index, _)| index)
            .collect();
        rows.extend(infer::rows::to_json(&batch.project(&kept)?)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use api::deploy::CallAnswer;

    use super::*;

    fn answer(error: Option<&str>) -> anyhow::Result<CallAnswer> {
        let status = if error.is_some() { 400 } else { 200 };
        let (through, error) = ("process 1".to_owned(), error.map(str::to_owned));
        Ok(CallAnswer { rows: Vec::new(), latency_ms: 1.0, through, status, error })
    }

    #[test]
    fn what_was_refused_is_said_with_its_first_reason_and_fails_only_where_nothing_was_answered() {
        let tally = Tally::default();
        tally.count(20, answer(None));
        tally.count(5, answer(Some("no amount")));
        tally.count(5, answer(Some("no country")));
        let told = tally.told("fraud", 1.26).unwrap();
        assert_eq!(told, "Sent 30 rows in 3 requests, 2 of them failed, in 1.3 s; the first with 400: no amount");
        let tally = Tally::default();
        tally.count(5, answer(Some("no amount")));
        tally.count(5, Err(anyhow::anyhow!("connection refused")));
        let failure = crate::error::told(&tally.told("fraud", 1.0).unwrap_err());
        assert!(failure.message.contains("refused all 2 requests; the first with 400: no amount"), "{failure}");
        let tally = Tally::default();
        tally.count(7, answer(None));
        assert!(tally.told("fraud", 0.5).unwrap().starts_with("Sent 7 rows in 1 requests, no errors"));
    }
}
