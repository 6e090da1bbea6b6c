//! Asking a deployment: sample calls, which are marked and not counted, and traffic, which is.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use anyhow::{Context as _, bail};
use api::{
    ApiError,
    deploy::{CallAnswer, CallDeployment, SendTraffic, TrafficSent},
};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use store::{blob::BlobHash, deployment::DeploymentRow, version::VersionRow};

use crate::{
    Engine,
    deploy::find,
    error, package,
    ports::{Connection, HttpRequest, Port},
    target,
};

/// Requests under way at once while traffic is sent.
const AT_ONCE: usize = 8;
const BATCH: u32 = 20;
const MOST_ROWS: u64 = 1_000_000;

async fn connect(
    engine: &Engine,
    row: &DeploymentRow,
    instance: Option<&str>,
    port: Port,
) -> anyhow::Result<Box<dyn Connection>> {
    let place = target::connect(engine, &target::find(engine, row.target).await?).await?;
    Ok(place.connect(row.id, &row.name, instance, port).await?)
}

/// The rows of `/predict`, or the server's own words.
async fn predict(connection: &dyn Connection, rows: &[Value], sample: bool) -> anyhow::Result<CallAnswer> {
    let mut headers = Vec::new();
    if sample {
        headers.push(("x-slipway-sample", "1".to_owned()));
    }
    let body = serde_json::to_vec(&json!({ "rows": rows }))?;
    let started = Instant::now();
    let answer = connection.send(HttpRequest { path: "/predict".to_owned(), headers, body: Some(body) }).await?;
    let latency_ms = started.elapsed().as_secs_f64() * 1e3;
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let good = answer.status == 200;
    let rows = value.get("rows").and_then(Value::as_array).cloned().unwrap_or_default();
    let error = (!good).then(|| match &value["error"] {
        Value::String(text) => text.clone(),
        _ => String::from_utf8_lossy(&answer.body).into_owned(),
    });
    Ok(CallAnswer {
        rows: if good { rows } else { Vec::new() },
        latency_ms,
        through: connection.through(),
        status: answer.status,
        error,
    })
}

pub async fn call(engine: &Engine, request: CallDeployment) -> anyhow::Result<CallAnswer> {
    let row = find(engine, request.deployment).await?;
    let connection = connect(engine, &row, None, Port::Serving).await?;
    predict(&*connection, &request.rows, true).await
}

/// Asks the version's first example; the answer is a short sentence.
pub(crate) async fn sample(engine: &Engine, row: &DeploymentRow, version: &VersionRow) -> anyhow::Result<String> {
    let Some(file) = version.files.iter().find(|file| file.path == "examples.json") else {
        return Ok("The model has no example row".to_owned());
    };
    let hash: BlobHash = file.blake3.parse().context("read the hash of the examples")?;
    let examples: Vec<Value> = serde_json::from_slice(&engine.blobs().read(&hash)?).context("read the examples")?;
    let Some(example) = examples.into_iter().next() else { return Ok("The model has no example row".to_owned()) };
    let connection = connect(engine, row, None, Port::Serving).await?;
    let answer = predict(&*connection, &[example], true).await?;
    if let Some(error) = answer.error {
        bail!(ApiError::new(
            api::ErrorCode::Internal,
            format!("{} answers its own example with {}: {error}", row.name, answer.status)
        ));
    }
    let said = answer.rows.first().map(Value::to_string).unwrap_or_default();
    Ok(format!("{said} in {:.1} ms through {}", answer.latency_ms, answer.through))
}

/// Sends rows of a table in the project's folder, spread over the instances.
pub async fn send_traffic(engine: &Engine, request: SendTraffic) -> anyhow::Result<TrafficSent> {
    let row = find(engine, request.deployment).await?;
    let version = package::version(engine, row.version).await?;
    let id = row.project;
    let project =
        engine.store().read(move |c| store::project::get(c, id)).await?.ok_or_else(|| error::missing("project", id))?;
    let path = inside(Path::new(&project.path), &request.path)?;
    let (offset, most) = (request.offset, request.rows.min(MOST_ROWS));
    let rows =
        tokio::task::spawn_blocking(move || read_rows(&path, &version, project.file.data, offset, most)).await??;
    let port = target::connect(engine, &target::find(engine, row.target).await?).await?;
    let mut connections = Vec::new();
    for instance in port.instances(row.id, &row.name).await?.iter().filter(|instance| instance.ready) {
        connections.push(port.connect(row.id, &row.name, Some(&instance.name), Port::Serving).await?);
    }
    if connections.is_empty() {
        bail!(
            ApiError::new(api::ErrorCode::Unreachable, format!("No instance of {} answers.", row.name))
                .with_hint("Look at its logs.")
        );
    }
    let started = Instant::now();
    let batch = request.batch.unwrap_or(BATCH).clamp(1, 10_000) as usize;
    let errors = AtomicU64::new(0);
    let requests = rows.chunks(batch).count() as u64;
    let sends = rows.chunks(batch).enumerate().map(|(number, rows)| {
        let connection = &connections[number % connections.len()];
        let errors = &errors;
        async move {
            match predict(&**connection, rows, false).await {
                Ok(answer) if answer.error.is_none() => {}
                Ok(answer) => {
                    tracing::debug!(status = answer.status, error = answer.error, "traffic was refused");
                    errors.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    tracing::debug!(%error, "traffic was lost");
                    errors.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    // Collected, since a lazy iterator of borrowing futures can't be sent between threads.
    let sends: Vec<_> = sends.collect();
    stream::iter(sends).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    Ok(TrafficSent {
        rows: rows.len() as u64,
        requests,
        errors: errors.into_inner(),
        duration_secs: started.elapsed().as_secs_f64(),
    })
}

/// The file, which must be in the project's folder, links resolved.
fn inside(folder: &Path, path: &str) -> anyhow::Result<PathBuf> {
    let wrong = || {
        error::told(&anyhow::Error::new(
            ApiError::invalid(format!("\"{path}\" is not a file in the project's folder {}.", folder.display()))
                .with_hint("Name a table in it, such as second-period/transactions.csv."),
        ))
    };
    let root = folder.canonicalize().map_err(|_| wrong())?;
    let found = root.join(path).canonicalize().map_err(|_| wrong())?;
    if !found.starts_with(&root) {
        bail!(wrong());
    }
    Ok(found)
}

/// Rows as JSON objects with the model's inputs only, typed as the model has them.
fn read_rows(
    path: &Path,
    version: &VersionRow,
    config: api::config::DataConfig,
    offset: u64,
    most: u64,
) -> anyhow::Result<Vec<Value>> {
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
    data::table::convert(&files, &config, &table, &mut data::progress::silent)?;
    let mut rows = Vec::new();
    let mut skip = offset;
    for batch in data::table::batches(&table, None)? {
        let batch = batch?;
        let count = batch.num_rows() as u64;
        if skip >= count {
            skip -= count;
            continue;
        }
        let take = (count - skip).min(most - rows.len() as u64);
        let batch = batch.slice(skip as usize, take as usize);
        skip = 0;
        let kept: Vec<usize> = batch
            .schema()
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| inputs.iter().any(|input| &input.name == field.name()))
            .map(|(index, _)| index)
            .collect();
        rows.extend(infer::rows::to_json(&batch.project(&kept)?)?);
        if rows.len() as u64 >= most {
            break;
        }
    }
    Ok(rows)
}
