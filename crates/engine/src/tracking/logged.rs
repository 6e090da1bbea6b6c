//! Models that clients logged.

pub mod deletion;
pub mod registering;
pub mod shown;

use std::collections::btree_map::Entry;

use anyhow::bail;
use api::{
    ApiError, RunId,
    event::Tag,
    tracking::{Experiment, LoggedMetric, LoggedModel, LoggedStatus},
};

use crate::{
    Engine,
    run::{
        board::Order,
        filter::{
            self, Field,
            compare::{self, Cell},
        },
    },
};

/// A logged model that a client begins.
#[derive(Debug, Clone, Default)]
pub struct New {
    pub name: Option<String>,
    pub kind: Option<String>,
    pub run: Option<RunId>,
    pub params: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
}

/// With the number of its experiment.
pub type Told = (LoggedModel, i64);

pub async fn create(engine: &Engine, experiment: &Experiment, new: New) -> anyhow::Result<Told> {
    if experiment.deleted_ms.is_some() {
        bail!(ApiError::invalid(format!(
            "The experiment {} must be in the 'active' state. Current state is deleted.",
            experiment.number
        )));
    }
    let (id, now_ms) = (RunId::from_bytes(engine.new_id()), engine.now_ms());
    let model = LoggedModel {
        id: format!("m-{id}"),
        experiment: experiment.id,
        name: new.name.filter(|name| !name.is_empty()).unwrap_or_else(|| crate::run::name::friendly(id.as_bytes(), 0)),
        run: new.run,
        kind: new.kind,
        status: LoggedStatus::Pending,
        status_message: None,
        created_ms: now_ms,
        updated_ms: now_ms,
        deleted_ms: None,
        params: new.params.into_iter().collect(),
        tags: new.tags.into_iter().collect(),
        metrics: Vec::new(),
    };
    let written = model.clone();
    engine.store().write(move |tx| store::logged_model::put(tx, &written)).await?;
    announce(engine, &model);
    Ok((model, experiment.number))
}

fn announce(engine: &Engine, model: &LoggedModel) {
    if let Some(run) = model.run {
        engine.changed(Tag::Run(run));
    }
    engine.changed(Tag::ClientModels);
}

fn told(c: &store::Connection, id: &str) -> store::Result<Option<Told>> {
    let Some(model) = store::logged_model::get(c, id)? else { return Ok(None) };
    let number = store::experiment::get(c, model.experiment)?.map_or(0, |experiment| experiment.number);
    Ok(Some((model, number)))
}

/// Where clients find the files of a logged model; `number` is its experiment's.
pub fn artifact_uri(number: i64, id: &str) -> String {
    format!("mlflow-artifacts:/{number}/models/{id}/artifacts")
}

pub(super) fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Logged model with ID '{id}' not found."))
}

/// Whether a text is an id, and no name.
pub(crate) fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix("m-").unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Of several of a name so many are told apart.
const TOLD_APART: u32 = 5;

/// The id of a logged model that a person names by it, or by its name where no other has that: among those that are
/// there, or among those that were deleted.
fn named(c: &store::Connection, named: &str, deleted: bool) -> store::Result<String> {
    if is_id(named) {
        return Ok(named.to_owned());
    }
    let mut same = store::logged_model::named(c, named, deleted, TOLD_APART)?;
    let what = if deleted { "deleted logged model" } else { "logged model" };
    match same.len() {
        1 => Ok(same.remove(0)),
        0 => {
            let missing = ApiError::not_found(format!("No {what} is called {named}."));
            let other = store::logged_model::named(c, named, !deleted, 1)?;
            let hint = match (other.first(), deleted) {
                (Some(id), false) => {
                    format!("A deleted one is: `slipway model logged restore {id}` brings it back.")
                }
                (_, false) => "`slipway model logged list` shows them.".to_owned(),
                (_, true) => "`slipway model logged list --deleted` shows them.".to_owned(),
            };
            Err(missing.with_hint(hint).into())
        }
        _ => {
            let several = ApiError::invalid(format!("Several {what}s are called {named}."));
            Err(several.with_hint(format!("Name one by its id: {}.", same.join(", "))).into())
        }
    }
}

pub async fn get(engine: &Engine, id: &str) -> anyhow::Result<Told> {
    let wanted = id.to_owned();
    let found = engine.store().read(move |c| told(c, &wanted)).await?;
    found.ok_or_else(|| missing(id).into())
}

/// Changes a logged model, in one transaction: what others change beside it stays.
pub async fn change(
    engine: &Engine,
    id: &str,
    change: impl FnOnce(&mut LoggedModel) + Send + 'static,
) -> anyhow::Result<Told> {
    let (wanted, now_ms) = (id.to_owned(), engine.now_ms());
    let told = engine
        .store()
        .write(move |tx| {
            let Some((mut model, number)) = told(tx, &wanted)? else { return Err(missing(&wanted).into()) };
            change(&mut model);
            model.updated_ms = now_ms;
            store::logged_model::put(tx, &model)?;
            Ok((model, number))
        })
        .await?;
    announce(engine, &told.0);
    Ok(told)
}

/// Adds params: one that was logged stays as it was, and another value of it is refused.
pub async fn log_params(engine: &Engine, id: &str, params: Vec<(String, String)>) -> anyhow::Result<()> {
    let (wanted, now_ms) = (id.to_owned(), engine.now_ms());
    let model = engine
        .store()
        .write(move |tx| {
            let Some((mut model, _)) = told(tx, &wanted)? else { return Err(missing(&wanted).into()) };
            for (key, value) in params {
                match model.params.entry(key) {
                    Entry::Vacant(place) => drop(place.insert(value)),
                    Entry::Occupied(known) if *known.get() == value => {}
                    Entry::Occupied(known) => return Err(changed(&wanted, known.key(), known.get(), &value).into()),
                }
            }
            model.updated_ms = now_ms;
            store::logged_model::put(tx, &model)?;
            Ok(model)
        })
        .await?;
    announce(engine, &model);
    Ok(())
}

fn changed(id: &str, key: &str, known: &str, value: &str) -> ApiError {
    ApiError::invalid(format!(
        "Changing param values is not allowed. Param with key='{key}' was already logged with value='{known}' for model ID='{id}'. Attempted logging new value '{value}'."
    ))
}

pub async fn delete_tag(engine: &Engine, id: &str, key: String) -> anyhow::Result<()> {
    let (model, _) = get(engine, id).await?;
    let (wanted, tag) = (id.to_owned(), key.clone());
    if !engine.store().write(move |tx| store::logged_model::delete_tag(tx, &wanted, &tag)).await? {
        bail!(ApiError::not_found(format!("No tag with key '{key}' found for model with ID '{id}'.")));
    }
    announce(engine, &model);
    Ok(())
}

/// An order of logged models; a metric may be of one dataset.
#[derive(Debug, Clone)]
pub struct ModelOrder {
    pub order: Order,
    pub dataset: Option<(String, Option<String>)>,
}

const ATTRIBUTES: &[&str] = &[
    "name",
    "model_id",
    "model_type",
    "status",
    "source_run_id",
    "creation_timestamp",
    "creation_time",
    "creation_timestamp_ms",
    "last_updated_timestamp",
    "last_updated_time",
];

/// Field and order of a name in the protocol.
pub fn order(field: &str, ascending: bool, dataset: Option<(String, Option<String>)>) -> anyhow::Result<ModelOrder> {
    let parsed = filter::field_of(field, Some(ATTRIBUTES))?;
    Ok(ModelOrder { order: Order { field: parsed, descending: !ascending }, dataset })
}

/// The logged models that match, newest first unless an order is given. Metrics are looked at on `datasets` where any
/// are given.
pub async fn search(
    engine: &Engine,
    experiments: Vec<Experiment>,
    text: Option<&str>,
    datasets: Vec<(String, Option<String>)>,
    orders: Vec<ModelOrder>,
) -> anyhow::Result<Vec<Told>> {
    let filter = filter::parse_of(text.unwrap_or_default(), Some(ATTRIBUTES))?;
    let mut found = engine
        .store()
        .read(move |c| {
            let mut found = Vec::new();
            for experiment in experiments {
                let models = store::logged_model::of_experiment(c, experiment.id)?;
                found.extend(models.into_iter().map(|model| (model, experiment.number)));
            }
            Ok(found)
        })
        .await?;
    let word = |model: &LoggedModel, word: &str| model.name.to_lowercase().contains(&word.to_lowercase());
    found.retain(|(model, _)| {
        let looked_at = |field: &Field| match field {
            // Of the figures of a key each one counts.
            Field::Metric(key) => Cell::Numbers(figures(model, key, &datasets).map(|one| one.value).collect()),
            _ => cell(model, field, &datasets),
        };
        compare::holds(&filter, &looked_at, &|text| word(model, text))
    });
    found.sort_by(|(left, _), (right, _)| {
        let by = orders.iter().map(|one| {
            let of = |model| cell(model, &one.order.field, one.dataset.as_slice());
            compare::order(&of(left), &of(right), one.order.descending)
        });
        let last = right.created_ms.cmp(&left.created_ms).then(right.id.cmp(&left.id));
        by.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then(last)
    });
    Ok(found)
}

/// MLflow's word for a status.
pub const fn status(status: LoggedStatus) -> &'static str {
    match status {
        LoggedStatus::Pending => "LOGGED_MODEL_PENDING",
        LoggedStatus::Ready => "LOGGED_MODEL_READY",
        LoggedStatus::Failed => "LOGGED_MODEL_UPLOAD_FAILED",
    }
}

/// A model's figures of a key, on one of these datasets where any are given.
fn figures<'m>(
    model: &'m LoggedModel,
    key: &'m str,
    datasets: &'m [(String, Option<String>)],
) -> impl Iterator<Item = &'m LoggedMetric> {
    let counts = move |name: Option<&String>, digest: Option<&String>| {
        datasets.is_empty()
            || datasets.iter().any(|(wanted, version)| {
                name == Some(wanted) && version.as_ref().is_none_or(|version| digest == Some(version))
            })
    };
    let is_sought = move |metric: &&LoggedMetric| {
        metric.key == key && counts(metric.dataset_name.as_ref(), metric.dataset_digest.as_ref())
    };
    model.metrics.iter().filter(is_sought)
}

fn cell(model: &LoggedModel, field: &Field, datasets: &[(String, Option<String>)]) -> Cell {
    let text = |text: Option<String>| text.map_or(Cell::Missing, Cell::Text);
    match field {
        Field::Metric(key) => figures(model, key, datasets)
            .max_by_key(|metric| (metric.time_ms, metric.step))
            .map_or(Cell::Missing, |metric| Cell::Number(metric.value)),
        Field::Param(key) => model.params.get(key).into(),
        Field::Tag(key) => model.tags.get(key).into(),
        Field::Attribute(name) => match name.as_str() {
            "name" => Cell::Text(model.name.clone()),
            "model_id" => Cell::Text(model.id.clone()),
            "model_type" => text(model.kind.clone()),
            "status" => Cell::Text(status(model.status).trim_start_matches("LOGGED_MODEL_").to_owned()),
            "source_run_id" => text(model.run.map(|run| run.to_string())),
            "creation_timestamp" | "creation_time" | "creation_timestamp_ms" => Cell::Number(model.created_ms as f64),
            _ => Cell::Number(model.updated_ms as f64),
        },
        _ => Cell::Missing,
    }
}
