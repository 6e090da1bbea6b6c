//! `experiments/…`.

use axum::{Json, extract::State};
use engine::{
    ballast::freeing,
    run::name::check_key,
    tracking::{client, experiments},
};
use serde::{Deserialize, Serialize};

use api::tracking::{DeleteExperiment, EditExperiment, Experiment};

use super::{
    Answer, Done,
    datasets::at_most,
    done,
    failure::Failure,
    fields::{Fields, Int, many, required},
    wire::{Pair, WireExperiment, page},
};
use crate::Host;

/// MLflow's limits.
const LONGEST_LOCATION: usize = 2_048;
const MOST_RESULTS: i64 = 50_000;

#[derive(Debug, Deserialize)]
pub(super) struct Create {
    name: Option<String>,
    artifact_location: Option<String>,
    #[serde(default)]
    tags: Vec<Pair>,
}

#[derive(Debug, Serialize)]
pub(super) struct Created {
    experiment_id: String,
}

pub(super) async fn create(State(host): State<Host>, Fields(asked): Fields<Create>) -> Answer<Created> {
    let name = required(asked.name.filter(|name| !name.is_empty()), "name")?;
    for tag in &asked.tags {
        experiments::check_tag(&tag.key, &tag.value)?;
    }
    let location = asked.artifact_location.filter(|location| !location.is_empty());
    if let Some(location) = &location {
        check_location(location)?;
    }
    let tags = asked.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    let id = experiments::add(&host.engine, &name, location, tags).await.map_err(Failure::of_name)?;
    let experiment = experiments::find(&host.engine, id).await?;
    Ok(Json(Created { experiment_id: experiment.number.to_string() }))
}

/// MLflow's rule. What lies at a location that a client chose is read and written by clients alone, never by us.
fn check_location(location: &str) -> Result<(), Failure> {
    at_most("The artifact location", location, LONGEST_LOCATION)?;
    if location.contains(['#', '?']) && !location.contains("://") {
        return Err(Failure::invalid(format!("Invalid artifact location: '{location}'")));
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
pub(super) struct ById {
    experiment_id: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct One {
    experiment: WireExperiment,
}

async fn find(host: &Host, id: Option<String>) -> Result<Experiment, Failure> {
    let id = required(id, "experiment_id")?;
    Ok(client::experiment(&host.engine, &id).await?)
}

pub(super) async fn get(State(host): State<Host>, Fields(asked): Fields<ById>) -> Answer<One> {
    let experiment = find(&host, asked.experiment_id).await?.into();
    Ok(Json(One { experiment }))
}

#[derive(Debug, Deserialize)]
pub(super) struct ByName {
    experiment_name: Option<String>,
}

pub(super) async fn get_by_name(State(host): State<Host>, Fields(asked): Fields<ByName>) -> Answer<One> {
    let name = required(asked.experiment_name.filter(|name| !name.is_empty()), "experiment_name")?;
    let wanted = name.clone();
    let found = experiments::named(&host.engine, wanted).await?;
    let missing = || Failure::missing(format!("Could not find experiment with name '{name}'"));
    Ok(Json(One { experiment: found.ok_or_else(missing)?.into() }))
}

#[derive(Debug, Deserialize)]
pub(super) struct Search {
    max_results: Option<Int>,
    page_token: Option<String>,
    #[serde(default)]
    filter: Option<String>,
    #[serde(default, deserialize_with = "many")]
    order_by: Vec<String>,
    view_type: Option<serde_json::Value>,
}

#[derive(Debug, Serialize)]
pub(super) struct Found {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    experiments: Vec<WireExperiment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

pub(super) async fn search(State(host): State<Host>, Fields(asked): Fields<Search>) -> Answer<Found> {
    let most = asked.max_results.map_or(0, |most| most.0);
    if !(1..=MOST_RESULTS).contains(&most) {
        return Err(Failure::invalid(format!(
            "Invalid value {most} for parameter 'max_results' supplied. It must be between 1 and {MOST_RESULTS}."
        )));
    }
    let view = super::runs::view(asked.view_type.as_ref())?;
    let all = experiments::search(&host.engine, view, asked.filter.as_deref(), &asked.order_by).await?;
    let (page, next_page_token) = page(all, asked.page_token.as_deref(), most as u64, bytes_of)?;
    Ok(Json(Found { experiments: page.into_iter().map(WireExperiment::from).collect(), next_page_token }))
}

/// Of its tags, and beside them, about.
fn bytes_of(experiment: &Experiment) -> usize {
    const BESIDE: usize = 400;
    BESIDE + experiment.tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
}

#[derive(Debug, Deserialize)]
pub(super) struct Update {
    experiment_id: Option<String>,
    new_name: Option<String>,
}

pub(super) async fn update(State(host): State<Host>, Fields(asked): Fields<Update>) -> Done {
    let experiment = find(&host, asked.experiment_id).await?.id;
    let name = Some(required(asked.new_name.filter(|name| !name.is_empty()), "new_name")?);
    let edit = EditExperiment { name, ..EditExperiment::of(experiment) };
    experiments::edit(&host.engine, edit).await.map_err(Failure::of_name)?;
    Ok(done())
}

pub(super) async fn delete(State(host): State<Host>, Fields(asked): Fields<ById>) -> Done {
    let found = find(&host, asked.experiment_id).await?;
    if found.deleted_ms.is_some() {
        return Err(Failure::missing(format!("No active experiment with id={} exists", found.number)));
    }
    freeing(&host.engine, experiments::delete(&host.engine, DeleteExperiment { experiment: found.id })).await?;
    Ok(done())
}

pub(super) async fn restore(State(host): State<Host>, Fields(asked): Fields<ById>) -> Done {
    let found = find(&host, asked.experiment_id).await?;
    if found.deleted_ms.is_none() {
        return Err(Failure::missing(format!("No deleted experiment with id={} exists", found.number)));
    }
    experiments::restore_whole(&host.engine, found.id).await?;
    Ok(done())
}

#[derive(Debug, Deserialize)]
pub(super) struct SetTag {
    experiment_id: Option<String>,
    key: Option<String>,
    value: Option<String>,
}

pub(super) async fn set_tag(State(host): State<Host>, Fields(asked): Fields<SetTag>) -> Done {
    let (key, value) = (required(asked.key, "key")?, asked.value.unwrap_or_default());
    experiments::check_tag(&key, &value)?;
    check_key(&key)?;
    let experiment = find(&host, asked.experiment_id).await?.id;
    experiments::tag(&host.engine, experiment, key, Some(value)).await?;
    Ok(done())
}

pub(super) async fn delete_tag(State(host): State<Host>, Fields(asked): Fields<SetTag>) -> Done {
    let key = required(asked.key, "key")?;
    let experiment = find(&host, asked.experiment_id).await?.id;
    experiments::tag(&host.engine, experiment, key, None).await?;
    Ok(done())
}
