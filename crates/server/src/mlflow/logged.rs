//! `logged-models/…`.

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use engine::{
    ballast::freeing,
    run::filter::check_orders,
    tracking::{
        artifacts, client,
        logged::{
            self, New, Told,
            searching::{self, Sought},
        },
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use api::tracking::LoggedStatus;

use super::{
    Answer, Done,
    artifacts::{Listed, info_of},
    cuts::{Cuts, Said},
    datasets::at_most,
    done,
    failure::Failure,
    fields::{Fields, Int, Many, Unread, required},
    wire::{Pair, offset, page_token, pairs},
};
use crate::Host;

const DEFAULT_RESULTS: i64 = 100;
const MOST_DATASETS: usize = 1_000;
/// MLflow's limit.
const LONGEST_TYPE: usize = 500;

#[derive(Debug, Serialize)]
pub(super) struct WireModel {
    info: Info,
    data: Data,
}

#[derive(Debug, Serialize)]
struct Info {
    model_id: String,
    experiment_id: String,
    name: String,
    creation_timestamp_ms: i64,
    last_updated_timestamp_ms: i64,
    artifact_uri: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair>,
}

#[derive(Debug, Serialize)]
struct Data {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<Pair>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<Figure>,
}

#[derive(Debug, Serialize)]
struct Figure {
    key: String,
    #[serde(serialize_with = "super::wire::float")]
    value: f64,
    timestamp: i64,
    step: i64,
    model_id: String,
    run_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset_digest: Option<String>,
}

impl From<Told> for WireModel {
    fn from((model, number): Told) -> Self {
        let figures = model.metrics.iter().map(|metric| Figure {
            key: metric.key.clone(),
            value: metric.value,
            timestamp: metric.time_ms,
            step: metric.step,
            model_id: model.id.clone(),
            run_id: metric.run.to_string(),
            dataset_name: metric.dataset_name.clone(),
            dataset_digest: metric.dataset_digest.clone(),
        });
        let data = Data { params: pairs(&model.params), metrics: figures.collect() };
        let info = Info {
            experiment_id: number.to_string(),
            artifact_uri: logged::artifact_uri(number, &model.id),
            creation_timestamp_ms: model.created_ms,
            last_updated_timestamp_ms: model.updated_ms,
            status: logged::status(model.status),
            model_type: model.kind,
            source_run_id: model.run.map(|run| run.to_string()),
            status_message: model.status_message,
            tags: pairs(&model.tags),
            name: model.name,
            model_id: model.id,
        };
        Self { info, data }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct One {
    model: WireModel,
}

fn one(told: Told) -> Json<One> {
    Json(One { model: told.into() })
}

#[derive(Debug, Deserialize)]
pub(super) struct Create {
    experiment_id: Option<String>,
    name: Option<String>,
    model_type: Option<String>,
    source_run_id: Option<String>,
    #[serde(default)]
    params: Vec<Pair>,
    #[serde(default)]
    tags: Vec<Pair>,
}

pub(super) async fn create(
    State(host): State<Host>,
    Extension(said): Extension<Said>,
    Fields(asked): Fields<Create>,
) -> Answer<One> {
    let experiment = client::experiment(&host.engine, &required(asked.experiment_id, "experiment_id")?).await?;
    if let Some(name) = &asked.name
        && (name.contains(['/', ':', '.', '%', '"', '\'']) || name.chars().count() > 256)
    {
        return Err(Failure::invalid(format!(
            "Invalid model name ('{name}') provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )));
    }
    at_most("The type of a model", asked.model_type.as_deref().unwrap_or_default(), LONGEST_TYPE)?;
    let run = asked.source_run_id.filter(|run| !run.is_empty());
    let mut cuts = Cuts::default();
    let new = New {
        name: asked.name,
        kind: asked.model_type.filter(|kind| !kind.is_empty()),
        run: run.map(|run| super::runs::parse_run(&run)).transpose()?,
        params: cuts.params(asked.params)?,
        tags: cuts.tags(asked.tags)?,
    };
    if let Some(run) = new.run {
        client::get(&host.engine, run).await?;
    }
    let told = logged::create(&host.engine, &experiment, new).await?;
    cuts.say(&said, &told.0.id);
    Ok(one(told))
}

#[derive(Debug, Deserialize)]
pub(super) struct Get {
    allow_deleted: Option<String>,
}

pub(super) async fn get(State(host): State<Host>, Path(id): Path<String>, Fields(asked): Fields<Get>) -> Answer<One> {
    let is_allowed = asked.allow_deleted.is_some_and(|allow| allow.eq_ignore_ascii_case("true"));
    let told = if is_allowed { logged::get(&host.engine, &id).await? } else { there(&host, &id).await? };
    Ok(one(told))
}

/// One that is not deleted.
async fn there(host: &Host, id: &str) -> Result<Told, Failure> {
    let told = logged::get(&host.engine, id).await?;
    if told.0.deleted_ms.is_some() {
        return Err(Failure::missing(format!("Logged model with ID '{id}' not found.")));
    }
    Ok(told)
}

#[derive(Debug, Deserialize)]
pub(super) struct Finalize {
    status: Option<Value>,
}

pub(super) async fn finalize(
    State(host): State<Host>,
    Path(id): Path<String>,
    Fields(asked): Fields<Finalize>,
) -> Answer<One> {
    let status = match required(asked.status, "status")? {
        Value::String(word) if word == "LOGGED_MODEL_READY" => LoggedStatus::Ready,
        Value::String(word) if word == "LOGGED_MODEL_UPLOAD_FAILED" => LoggedStatus::Failed,
        Value::String(word) if word == "LOGGED_MODEL_PENDING" => LoggedStatus::Pending,
        Value::Number(number) if number.as_i64() == Some(1) => LoggedStatus::Pending,
        Value::Number(number) if number.as_i64() == Some(2) => LoggedStatus::Ready,
        Value::Number(number) if number.as_i64() == Some(3) => LoggedStatus::Failed,
        other => return Err(Failure::invalid(format!("Invalid model status: {other}"))),
    };
    Ok(one(logged::change(&host.engine, &id, move |model| model.status = status).await?))
}

pub(super) async fn delete(State(host): State<Host>, Path(id): Path<String>, _: Unread) -> Done {
    let now_ms = host.engine.now_ms();
    let deleting = logged::change(&host.engine, &id, move |model| model.deleted_ms = Some(now_ms));
    freeing(&host.engine, deleting).await?;
    Ok(done())
}

#[derive(Debug, Deserialize)]
pub(super) struct SetTags {
    #[serde(default)]
    tags: Vec<Pair>,
}

pub(super) async fn set_tags(
    State(host): State<Host>,
    Path(id): Path<String>,
    Extension(said): Extension<Said>,
    Fields(asked): Fields<SetTags>,
) -> Answer<One> {
    let mut cuts = Cuts::default();
    let tags = cuts.tags(asked.tags)?;
    let told = logged::change(&host.engine, &id, move |model| model.tags.extend(tags)).await?;
    cuts.say(&said, &id);
    Ok(one(told))
}

pub(super) async fn delete_tag(State(host): State<Host>, Path((id, key)): Path<(String, String)>, _: Unread) -> Done {
    logged::delete_tag(&host.engine, &id, key).await?;
    Ok(done())
}

#[derive(Debug, Deserialize)]
pub(super) struct LogParams {
    #[serde(default)]
    params: Vec<Pair>,
}

pub(super) async fn log_params(
    State(host): State<Host>,
    Path(id): Path<String>,
    Extension(said): Extension<Said>,
    Fields(asked): Fields<LogParams>,
) -> Done {
    let mut cuts = Cuts::default();
    let params = cuts.params(asked.params)?;
    logged::log_params(&host.engine, &id, params).await?;
    cuts.say(&said, &id);
    Ok(done())
}

#[derive(Debug, Deserialize)]
pub(super) struct Search {
    experiment_ids: Option<Many>,
    filter: Option<String>,
    #[serde(default)]
    datasets: Vec<OfDataset>,
    max_results: Option<Int>,
    #[serde(default)]
    order_by: Vec<OrderBy>,
    page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct OfDataset {
    dataset_name: Option<String>,
    dataset_digest: Option<String>,
}

#[derive(Debug, Deserialize)]
struct OrderBy {
    field_name: Option<String>,
    ascending: Option<bool>,
    dataset_name: Option<String>,
    dataset_digest: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Found {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    models: Vec<WireModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

pub(super) async fn search(State(host): State<Host>, Fields(asked): Fields<Search>) -> Answer<Found> {
    check_orders(asked.order_by.len())?;
    if asked.datasets.len() > MOST_DATASETS {
        return Err(Failure::invalid(format!(
            "A search of logged models is on at most {MOST_DATASETS} datasets. Got {}.",
            asked.datasets.len()
        )));
    }
    let Many(numbers) = required(asked.experiment_ids, "experiment_ids")?;
    let experiments = client::experiments(&host.engine, numbers).await?;
    let most = asked.max_results.map(|most| most.0).filter(|most| *most != 0).unwrap_or(DEFAULT_RESULTS);
    let most = u64::try_from(most).ok().filter(|most| *most > 0);
    let most = most.ok_or_else(|| Failure::invalid("max_results must be a positive number."))?;
    let mut datasets = Vec::new();
    for dataset in asked.datasets {
        datasets.push((required(dataset.dataset_name, "dataset_name")?, dataset.dataset_digest));
    }
    let mut orders = Vec::new();
    for order in asked.order_by {
        let field = required(order.field_name, "field_name")?;
        let dataset = order.dataset_name.map(|name| (name, order.dataset_digest));
        orders.push(searching::order(&field, order.ascending.unwrap_or(true), dataset)?);
    }
    let skip = offset(asked.page_token.as_deref())?;
    let filter = asked.filter.unwrap_or_default();
    let found = searching::search(&host.engine, Sought { experiments, filter, datasets, orders, skip, most }).await?;
    let next_page_token = found.has_more.then(|| page_token(found.end));
    Ok(Json(Found { models: found.models.into_iter().map(WireModel::from).collect(), next_page_token }))
}

#[derive(Debug, Deserialize)]
pub(super) struct Directory {
    artifact_directory_path: Option<String>,
}

pub(super) async fn artifacts(
    State(host): State<Host>,
    Path(id): Path<String>,
    Fields(asked): Fields<Directory>,
) -> Answer<Listed> {
    let (model, number) = there(&host, &id).await?;
    let under = super::artifacts::safe(asked.artifact_directory_path.as_deref().unwrap_or_default())?;
    let place = artifacts::of_logged(&host.engine, &model.id, &under).await?;
    let files = artifacts::list(&place).await?;
    Ok(Json(info_of(logged::artifact_uri(number, &id), files, &under.join("/"))))
}
