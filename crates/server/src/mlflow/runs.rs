//! `runs/…`.

use std::{collections::HashMap, net::SocketAddr};

use axum::{
    Extension, Json,
    extract::{ConnectInfo, Request, State},
    response::Response,
};
use engine::{
    ballast::freeing,
    run::{
        board::{Order, Query, View},
        filter::{self, Field},
        name::check_key,
    },
    tracking::client::{self, Batch, Begin, Change},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use api::{
    RunId,
    run::RunState,
    series::Point,
    tracking::{LoggedMetric, RestoreRuns, TrashRuns},
};

use super::{
    Answer, Done,
    cuts::{Cuts, Said},
    datasets::check_named,
    done,
    failure::Failure,
    fields::{AtMost, Fields, Float, Int, Text, many, required, whole, wrong},
    wire::{Pair, RunInfo, WireRun, offset, page_token},
};
use crate::{Host, sending::Composed};

/// MLflow's limits.
const MOST_METRICS: usize = 1_000;
const MOST_TEXTS: usize = 100;
const MOST_OF_ALL: usize = 1_000;
/// Of what is noted of a model, its signature above all.
const LONGEST_MODEL: usize = 1 << 20;
const MOST_RESULTS: i64 = 50_000;
const DEFAULT_RESULTS: i64 = 1_000;

#[derive(Debug, Deserialize)]
pub(super) struct Create {
    experiment_id: Option<String>,
    user_id: Option<String>,
    run_name: Option<String>,
    start_time: Option<Int>,
    #[serde(default)]
    tags: Vec<Pair>,
}

#[derive(Debug, Serialize)]
struct OneRun<'a> {
    run: WireRun<'a>,
}

/// Written here, since the answer borrows from what was read.
fn one_run(told: &client::Told) -> Result<Response, Failure> {
    let bytes = serde_json::to_vec(&OneRun { run: WireRun::of(told) });
    bytes.map(super::metrics::json).map_err(|error| wrong(&error))
}

pub(super) async fn create(
    State(host): State<Host>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(said): Extension<Said>,
    Fields(asked): Fields<Create>,
) -> Result<Response, Failure> {
    let id = required(asked.experiment_id, "experiment_id")?;
    let mut cuts = Cuts::default();
    let begin = Begin {
        user: asked.user_id,
        name: asked.run_name,
        started_ms: asked.start_time.map(|time| time.0),
        tags: cuts.tags(asked.tags)?,
        peer: Some(peer),
    };
    let told = client::begin(&host.engine, &id, begin).await?;
    cuts.say(&said, told.row.run.id);
    one_run(&told)
}

/// The id of a run, by either of its names in the protocol.
pub(super) fn run_id(run_id: Option<String>, run_uuid: Option<String>) -> Result<RunId, Failure> {
    let text = required(run_id.or(run_uuid).filter(|id| !id.is_empty()), "run_id")?;
    parse_run(&text)
}

pub(super) fn parse_run(text: &str) -> Result<RunId, Failure> {
    // MLflow's ids are 32 hexadecimal digits without hyphens: another text is no run's.
    let known = text.len() == 32;
    text.parse().ok().filter(|_| known).ok_or_else(|| Failure::missing(format!("Run with id={text} not found")))
}

#[derive(Debug, Deserialize)]
pub(super) struct ById {
    run_id: Option<String>,
    run_uuid: Option<String>,
}

pub(super) async fn get(State(host): State<Host>, Fields(asked): Fields<ById>) -> Result<Response, Failure> {
    let run = run_id(asked.run_id, asked.run_uuid)?;
    one_run(&client::get(&host.engine, run).await?)
}

#[derive(Debug, Deserialize)]
pub(super) struct Update {
    run_id: Option<String>,
    run_uuid: Option<String>,
    status: Option<Value>,
    end_time: Option<Int>,
    run_name: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Updated {
    run_info: RunInfo,
}

pub(super) async fn update(
    State(host): State<Host>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Fields(asked): Fields<Update>,
) -> Answer<Updated> {
    let run = run_id(asked.run_id, asked.run_uuid)?;
    let change = Change {
        state: asked.status.as_ref().map(state).transpose()?.flatten(),
        ended_ms: asked.end_time.map(|time| time.0),
        name: asked.run_name,
        peer: Some(peer),
    };
    let told = client::change(&host.engine, run, change).await?;
    Ok(Json(Updated { run_info: RunInfo::of(&told) }))
}

/// MLflow's states, by name or by number. It takes other names and leaves the run as it was, and so do we.
fn state(status: &Value) -> Result<Option<RunState>, Failure> {
    let name = match status {
        Value::String(name) => name.as_str(),
        Value::Number(number) => match number.as_i64() {
            Some(1) => "RUNNING",
            Some(2) => "SCHEDULED",
            Some(3) => "FINISHED",
            Some(4) => "FAILED",
            Some(5) => "KILLED",
            _ => return Err(Failure::invalid(format!("Invalid value {number} for parameter 'status' supplied."))),
        },
        _ => return Ok(None),
    };
    Ok(match name {
        "RUNNING" => Some(RunState::Running),
        "SCHEDULED" => Some(RunState::Queued),
        "FINISHED" => Some(RunState::Finished),
        "FAILED" => Some(RunState::Failed),
        "KILLED" => Some(RunState::Killed),
        _ => None,
    })
}

pub(super) async fn delete(State(host): State<Host>, Fields(asked): Fields<ById>) -> Done {
    let runs = vec![run_id(asked.run_id, asked.run_uuid)?];
    freeing(&host.engine, engine::tracking::experiments::trash_runs(&host.engine, TrashRuns { runs })).await?;
    Ok(done())
}

pub(super) async fn restore(State(host): State<Host>, Fields(asked): Fields<ById>) -> Done {
    let runs = vec![run_id(asked.run_id, asked.run_uuid)?];
    engine::tracking::experiments::restore_runs(&host.engine, RestoreRuns { runs }).await?;
    Ok(done())
}

#[derive(Debug, Deserialize)]
pub(super) struct Search {
    #[serde(default, deserialize_with = "many")]
    experiment_ids: Vec<String>,
    filter: Option<String>,
    run_view_type: Option<Value>,
    max_results: Option<Int>,
    #[serde(default, deserialize_with = "many")]
    order_by: Vec<String>,
    page_token: Option<String>,
}

#[derive(Debug, Serialize)]
struct Found<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<WireRun<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

pub(super) fn view(view: Option<&Value>) -> Result<View, Failure> {
    Ok(match view {
        None | Some(Value::Null) => View::Active,
        Some(Value::String(name)) => match name.as_str() {
            // In an address a number is a text.
            "ACTIVE_ONLY" | "" | "1" => View::Active,
            "DELETED_ONLY" | "2" => View::Deleted,
            "ALL" | "3" => View::All,
            _ => return Err(Failure::invalid(format!("Invalid view type '{name}'."))),
        },
        Some(Value::Number(number)) => match number.as_i64() {
            Some(1) => View::Active,
            Some(2) => View::Deleted,
            Some(3) => View::All,
            _ => return Err(Failure::invalid(format!("Invalid view type '{number}'."))),
        },
        Some(other) => return Err(Failure::invalid(format!("Invalid view type '{other}'."))),
    })
}

pub(super) async fn search(State(host): State<Host>, Fields(asked): Fields<Search>) -> Result<Response, Failure> {
    let most = asked.max_results.map_or(DEFAULT_RESULTS, |most| most.0);
    if !(1..=MOST_RESULTS).contains(&most) {
        return Err(Failure::invalid(format!(
            "Invalid value for request parameter max_results. It must be at least 1 and at most {MOST_RESULTS}, but got value {most}"
        )));
    }
    let offset = offset(asked.page_token.as_deref())?;
    let filter = filter::parse(asked.filter.as_deref().unwrap_or_default())?;
    filter::check_orders(asked.order_by.len())?;
    let orders = asked.order_by.iter().map(|order| order_of(order)).collect::<Result<Vec<_>, _>>()?;
    let query = Query {
        experiments: Vec::new(),
        view: view(asked.run_view_type.as_ref())?,
        filter,
        orders,
        offset,
        limit: most as u64,
    };
    let client::Searched { told, total, place } = client::search(&host.engine, asked.experiment_ids, query).await?;
    let end = offset + told.len() as u64;
    let next_page_token = (end < total).then(|| page_token(end));
    let found = Found { runs: told.iter().map(WireRun::of).collect(), next_page_token };
    let bytes = serde_json::to_vec(&found).map_err(|error| wrong(&error))?;
    let mut response = super::metrics::json(bytes);
    if let Some(place) = place {
        response.extensions_mut().insert(Composed::of(place));
    }
    Ok(response)
}

pub(super) fn order_of(text: &str) -> Result<Order, Failure> {
    let (field, descending) = filter::order_of(text, None)?;
    if matches!(field, Field::Dataset(_)) {
        return Err(Failure::invalid(format!("Runs can't be ordered by '{text}'.")));
    }
    Ok(Order { field, descending })
}

#[derive(Debug, Deserialize)]
pub(super) struct LogText {
    run_id: Option<String>,
    run_uuid: Option<String>,
    key: Option<String>,
    value: Option<String>,
}

impl LogText {
    fn of_run(self) -> Result<(RunId, Pair), Failure> {
        let run = run_id(self.run_id, self.run_uuid)?;
        Ok((run, Pair { key: required(self.key, "key")?, value: self.value.unwrap_or_default() }))
    }
}

pub(super) async fn log_parameter(
    State(host): State<Host>,
    Extension(said): Extension<Said>,
    Fields(asked): Fields<LogText>,
) -> Done {
    let (run, param) = asked.of_run()?;
    let mut cuts = Cuts::default();
    let params = cuts.params(vec![param])?;
    client::log(&host.engine, run, Batch { params, ..Batch::default() }).await?;
    cuts.say(&said, run);
    Ok(done())
}

pub(super) async fn set_tag(
    State(host): State<Host>,
    Extension(said): Extension<Said>,
    Fields(asked): Fields<LogText>,
) -> Done {
    let (run, tag) = asked.of_run()?;
    let mut cuts = Cuts::default();
    let tags = cuts.tags(vec![tag])?;
    client::log(&host.engine, run, Batch { tags, ..Batch::default() }).await?;
    cuts.say(&said, run);
    Ok(done())
}

pub(super) async fn delete_tag(State(host): State<Host>, Fields(asked): Fields<LogText>) -> Done {
    let run = run_id(asked.run_id, asked.run_uuid)?;
    client::delete_tag(&host.engine, run, required(asked.key, "key")?).await?;
    Ok(done())
}

/// Keys borrow from the body: a batch has a thousand of them.
#[derive(Debug, Deserialize)]
struct WireMetric<'a> {
    #[serde(borrow)]
    key: Option<Text<'a>>,
    value: Option<Float>,
    timestamp: Option<Int>,
    step: Option<Int>,
    #[serde(default)]
    model_id: Option<String>,
    #[serde(default)]
    dataset_name: Option<String>,
    #[serde(default)]
    dataset_digest: Option<String>,
}

impl WireMetric<'_> {
    fn add(self, run: RunId, gathered: &mut Gathered) -> Result<(), Failure> {
        let key = required(self.key, "key")?.0;
        let value = required(self.value, "value")?.0;
        let time_ms = required(self.timestamp, "timestamp")?.0;
        if time_ms < 0 {
            return Err(Failure::invalid(format!(
                "Got invalid timestamp {time_ms} for metric '{key}' (value={value}). Timestamp must be a nonnegative long (64-bit integer)"
            )));
        }
        let step = self.step.unwrap_or_default().0;
        let point = Point { step, time_ms, value };
        let Gathered { batch, at } = gathered;
        match at.get(&*key) {
            Some(at) => batch.series[*at].1.push(point),
            None => {
                check_key(&key)?;
                at.insert(key.clone().into_owned(), batch.series.len());
                batch.series.push((key.clone().into_owned(), vec![point]));
            }
        }
        if let Some(model) = self.model_id.filter(|model| !model.is_empty()) {
            let (dataset_name, dataset_digest) = (self.dataset_name, self.dataset_digest);
            check_named(dataset_name.as_deref(), dataset_digest.as_deref())?;
            let metric =
                LoggedMetric { run, key: key.into_owned(), dataset_name, dataset_digest, step, time_ms, value };
            batch.of_models.push((model, metric));
        }
        Ok(())
    }
}

/// A batch, and where in it each key stands.
#[derive(Debug, Default)]
struct Gathered {
    batch: Batch,
    at: HashMap<String, usize>,
}

pub(super) async fn log_metric(State(host): State<Host>, request: Request) -> Done {
    let body = whole(request, &host).await?;
    // Two looks at a short body: one struct for both would copy what it only passes on.
    let of: ById = serde_json::from_slice(&body).map_err(|error| wrong(&error))?;
    let run = run_id(of.run_id, of.run_uuid)?;
    let metric: WireMetric<'_> = serde_json::from_slice(&body).map_err(|error| wrong(&error))?;
    let mut gathered = Gathered::default();
    metric.add(run, &mut gathered)?;
    client::log(&host.engine, run, gathered.batch).await?;
    Ok(done())
}

#[derive(Debug, Deserialize)]
struct LogBatch<'a> {
    run_id: Option<String>,
    #[serde(default, borrow)]
    metrics: AtMost<WireMetric<'a>, MOST_METRICS>,
    #[serde(default)]
    params: AtMost<Pair, MOST_TEXTS>,
    #[serde(default)]
    tags: AtMost<Pair, MOST_TEXTS>,
}

pub(super) async fn log_batch(State(host): State<Host>, Extension(said): Extension<Said>, request: Request) -> Done {
    let body = whole(request, &host).await?;
    let asked: LogBatch<'_> = serde_json::from_slice(&body).map_err(|error| wrong(&error))?;
    let run = run_id(asked.run_id, None)?;
    for (what, count, most) in [
        ("metrics", asked.metrics.count, MOST_METRICS),
        ("params", asked.params.count, MOST_TEXTS),
        ("tags", asked.tags.count, MOST_TEXTS),
    ] {
        if count > most {
            return Err(Failure::invalid(format!(
                "A batch logging request can contain at most {most} {what}. Got {count} {what}. Please split up {what} across multiple requests and try again."
            )));
        }
    }
    let all = asked.metrics.count + asked.params.count + asked.tags.count;
    if all > MOST_OF_ALL {
        return Err(Failure::invalid(format!(
            "A batch logging request can contain at most {MOST_OF_ALL} metrics, params, and tags. Got {all}."
        )));
    }
    let mut gathered = Gathered::default();
    for metric in asked.metrics.kept {
        metric.add(run, &mut gathered)?;
    }
    let (mut batch, mut cuts) = (gathered.batch, Cuts::default());
    batch.params = cuts.params(asked.params.kept)?;
    for (at, (key, _)) in batch.params.iter().enumerate() {
        if batch.params[..at].iter().any(|(before, _)| before == key) {
            return Err(Failure::invalid(format!(
                "Duplicate parameter keys have been submitted: ['{key}']. Please ensure the request contains only one param value per param key."
            )));
        }
    }
    batch.tags = cuts.tags(asked.tags.kept)?;
    client::log(&host.engine, run, batch).await?;
    cuts.say(&said, run);
    Ok(done())
}

#[derive(Debug, Deserialize)]
pub(super) struct LogModel {
    run_id: Option<String>,
    model_json: Option<String>,
}

/// The tag in which MLflow lists the models of a run.
const HISTORY: &str = "mlflow.log-model.history";

pub(super) async fn log_model(State(host): State<Host>, Fields(asked): Fields<LogModel>) -> Done {
    let run = run_id(asked.run_id, None)?;
    let model = required(asked.model_json, "model_json")?;
    if model.len() > LONGEST_MODEL {
        return Err(Failure::invalid(format!("The model json has {} bytes, more than {LONGEST_MODEL}.", model.len())));
    }
    let invalid = || Failure::invalid("Malformed model info: it is no JSON object.");
    let model: Value = serde_json::from_str(&model).map_err(|_| invalid())?;
    let missing: Vec<&str> = ["artifact_path", "flavors", "utc_time_created", "run_id"]
        .into_iter()
        .filter(|key| model.get(key).is_none())
        .collect();
    if !missing.is_empty() {
        return Err(Failure::invalid(format!("Model json is missing mandatory fields: {}", missing.join(", "))));
    }
    client::add_to_list(&host.engine, run, HISTORY, model).await?;
    Ok(done())
}
