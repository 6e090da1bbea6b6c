//! Traffic: rows of a table sent as ordinary requests, which are counted, logged and watched.

mod rows;

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::bail;
use api::{
    ApiError, DeploymentId, ErrorCode,
    config::DataKind,
    deploy::{ProposeTraffic, SendTraffic, TrafficFile, TrafficProposal},
    event::Tag,
    figure::{counted, milliseconds},
    job::{Job, JobKind, Subject},
};
use data::drift::window::WindowRule;
use futures::{StreamExt as _, stream};
use serde_json::Value;
use store::deployment::DeploymentRow;

use self::rows::First;
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

/// The file that was sent last, what else was sent or lies beside the data, each with the row that comes next, and rows
/// for as many windows as an alert takes.
pub async fn propose(engine: &Engine, request: ProposeTraffic) -> anyhow::Result<TrafficProposal> {
    let row = find(engine, request.deployment).await?;
    let (id, project) = (row.id, row.project);
    let (next, last) = engine
        .store()
        .read(move |c| {
            let last = store::job::last_request(c, project, JobKind::Traffic, Subject::Deployment(id))?;
            Ok((store::sent_traffic::next_rows(c, id)?, last))
        })
        .await?;
    let project = engine
        .store()
        .read(move |c| store::project::get(c, project))
        .await?
        .ok_or_else(|| error::missing("project", row.project))?;
    // Only tables have rows to send.
    let mut paths: Vec<String> = match project.file.data.kind {
        DataKind::Table => folder::seen(engine, &project).await?.beside.into_iter().map(|found| found.path).collect(),
        DataKind::Images => Vec::new(),
    };
    let folder = Path::new(&project.path);
    // A file that was sent is sent on, though it became part of the data.
    let sent: Vec<&String> = next.keys().filter(|path| !paths.contains(path) && inside(folder, path).is_ok()).collect();
    paths.extend(sent.into_iter().cloned());
    let named = project.file.data.paths.iter().filter(|path| !paths.contains(path) && inside(folder, path).is_ok());
    let data = if project.file.data.kind == DataKind::Table { named.cloned().collect() } else { Vec::new() };
    let last = last.and_then(|call| serde_json::from_value::<SendTraffic>(call["params"].clone()).ok());
    let last = last.and_then(|request| inside(folder, &request.path).ok()).map(|(_, name)| name);
    paths.sort_by_key(|path| Some(path) != last.as_ref());
    let chosen = chosen(&paths, last.as_deref()).map(str::to_owned);
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
    Ok(TrafficProposal { files: paths.into_iter().map(file).collect(), chosen, data, rows, windows })
}

/// The file that is meant where nobody names one; `last` is the one that was sent last, and stands first.
fn chosen<'a>(paths: &'a [String], last: Option<&str>) -> Option<&'a str> {
    match paths {
        [first, ..] if last == Some(first.as_str()) => Some(first),
        [only] => Some(only),
        _ => None,
    }
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
        title: format!("Send up to {} rows of {name} to {}", thousands(request.rows.min(MOST_ROWS)), row.name),
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
            let found = tokio::task::spawn_blocking(move || rows::read(&path, &version, config, first, most)).await??;
            let batch = request.batch.unwrap_or(BATCH).clamp(1, 10_000) as usize;
            let (sent, outcome) = send_rows(&context, &row, &found.rows, batch).await?;
            let outcome = outcome.map(|told| match found.total {
                total if total < most => format!("{told}; the file has {} rows", thousands(total)),
                _ => told,
            });
            let (id, next) = (row.id, (found.first + sent) % found.total.max(1));
            let entered = context.engine().store().write(move |tx| {
                let is_there = store::deployment::get(tx, id)?.is_some();
                if is_there {
                    store::sent_traffic::put(tx, id, &name, next)?;
                }
                Ok(is_there)
            });
            if !entered.await? {
                let (part, whole) = (thousands(sent), thousands(found.rows.len() as u64));
                let message = format!("{} was deleted meanwhile; {part} of {whole} rows were sent.", row.name);
                bail!(ApiError::new(ErrorCode::Conflict, message));
            }
            context.engine().changed(Tag::Deployments);
            outcome
        })
        .await
}

/// Where the last send of a file ended, in the order in which its rows are sent.
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
        let rows = counted(rows, "row", "rows");
        let in_requests = counted(requests, "request", "requests");
        let took = if seconds < 0.1 { milliseconds(seconds) } else { format!("{seconds:.1} s") };
        let first = self.first_error.into_inner().unwrap_or_else(PoisonError::into_inner);
        match first {
            Some(first) if errors == requests => bail!(
                ApiError::invalid(format!("{name} refused all {in_requests}; the first with {first}"))
                    .with_hint("Do the file's columns fit the model's inputs?")
            ),
            Some(first) => {
                Ok(format!("Sent {rows} in {in_requests}, {errors} of them failed, in {took}; the first with {first}"))
            }
            None => Ok(format!("Sent {rows} in {in_requests}, no errors, in {took}")),
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

#[cfg(test)]
mod tests {
    use api::deploy::CallAnswer;

    use super::*;

    #[test]
    fn the_file_that_was_sent_last_is_meant_or_the_only_one_and_never_one_of_several() {
        let check = |paths: &[&str], last: Option<&str>, expect: Option<&str>| {
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            assert_eq!(chosen(&paths, last), expect, "{paths:?}");
        };
        check(&[], None, None);
        check(&["a.csv"], None, Some("a.csv"));
        check(&["a.csv", "b.csv"], None, None);
        check(&["b.csv", "a.csv"], Some("b.csv"), Some("b.csv"));
        check(&["a.csv", "b.csv"], Some("gone.csv"), None);
    }

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
        assert!(tally.told("fraud", 0.5).unwrap().starts_with("Sent 7 rows in 1 request, no errors"));
    }
}
