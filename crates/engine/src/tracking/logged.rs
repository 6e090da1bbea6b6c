//! Models that clients logged.

pub mod deletion;
pub mod registering;
pub mod searching;
pub mod shown;

use std::collections::btree_map::Entry;

use anyhow::bail;
use api::{
    ApiError, RunId,
    event::Tag,
    tracking::{Experiment, LoggedModel, LoggedStatus},
};

use super::texts;
use crate::Engine;

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
    texts::check_record("model", 0, texts::bytes_of(&new.params) + texts::bytes_of(&new.tags))?;
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
            let before = bytes_of(&model);
            change(&mut model);
            texts::check_record("model", before, bytes_of(&model))?;
            model.updated_ms = now_ms;
            store::logged_model::put(tx, &model)?;
            Ok((model, number))
        })
        .await?;
    announce(engine, &told.0);
    Ok(told)
}

/// Bytes of a model's params and tags.
fn bytes_of(model: &LoggedModel) -> usize {
    texts::bytes_in(&model.params) + texts::bytes_in(&model.tags)
}

/// Adds params: one that was logged stays as it was, and another value of it is refused.
pub async fn log_params(engine: &Engine, id: &str, params: Vec<(String, String)>) -> anyhow::Result<()> {
    let (wanted, now_ms) = (id.to_owned(), engine.now_ms());
    let model = engine
        .store()
        .write(move |tx| {
            let Some((mut model, _)) = told(tx, &wanted)? else { return Err(missing(&wanted).into()) };
            let before = bytes_of(&model);
            for (key, value) in params {
                match model.params.entry(key) {
                    Entry::Vacant(place) => drop(place.insert(value)),
                    Entry::Occupied(known) if *known.get() == value => {}
                    Entry::Occupied(known) => return Err(changed(&wanted, known.key(), known.get(), &value).into()),
                }
            }
            texts::check_record("model", before, bytes_of(&model))?;
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

/// MLflow's word for a status.
pub const fn status(status: LoggedStatus) -> &'static str {
    match status {
        LoggedStatus::Pending => "LOGGED_MODEL_PENDING",
        LoggedStatus::Ready => "LOGGED_MODEL_READY",
        LoggedStatus::Failed => "LOGGED_MODEL_UPLOAD_FAILED",
    }
}
