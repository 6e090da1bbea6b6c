//! Datasets and logged models that runs were given or made.

use axum::{Json, extract::State};
use engine::tracking::client;
use serde::{Deserialize, Serialize};

use api::tracking::RunInput;

use super::{
    Answer, Done, done,
    failure::Failure,
    fields::{Fields, many, required},
    runs::run_id,
    wire::{DatasetInput, ModelInput, ModelOutput},
};
use crate::Host;

/// MLflow's limits.
const LONGEST_NAME: usize = 500;
const LONGEST_DIGEST: usize = 36;
const LONGEST_MODEL_ID: usize = 36;
const LONGEST_SOURCE: usize = 65_535;
const LONGEST_SCHEMA: usize = 1_048_575;
const LONGEST_PROFILE: usize = 16_777_215;
const LONGEST_TAG_KEY: usize = 255;
const LONGEST_TAG: usize = 500;
const MOST_EXPERIMENTS: usize = 20;
const MOST_SUMMARIES: usize = 1_000;

#[derive(Debug, Deserialize)]
pub(super) struct LogInputs {
    run_id: Option<String>,
    #[serde(default)]
    datasets: Vec<DatasetInput>,
    #[serde(default)]
    models: Vec<ModelInput>,
}

pub(super) async fn log_inputs(State(host): State<Host>, Fields(asked): Fields<LogInputs>) -> Done {
    let run = run_id(asked.run_id, None)?;
    let mut inputs = Vec::with_capacity(asked.datasets.len());
    for input in asked.datasets {
        check(&input)?;
        let tags = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        inputs.push(RunInput { dataset: input.dataset, tags });
    }
    let models: Vec<String> = asked.models.into_iter().map(|model| model.model_id).collect();
    models.iter().try_for_each(|model| check_model(model))?;
    client::inputs(&host.engine, run, inputs, models).await?;
    Ok(done())
}

fn check(input: &DatasetInput) -> Result<(), Failure> {
    let dataset = &input.dataset;
    for (what, text, most) in [
        ("name", Some(&dataset.name), LONGEST_NAME),
        ("digest", Some(&dataset.digest), LONGEST_DIGEST),
        ("source", Some(&dataset.source), LONGEST_SOURCE),
        ("schema", dataset.schema.as_ref(), LONGEST_SCHEMA),
        ("profile", dataset.profile.as_ref(), LONGEST_PROFILE),
    ] {
        if text.is_some_and(|text| is_longer(text, most)) {
            return Err(Failure::invalid(format!("Dataset {what} exceeds the maximum length of {most}.")));
        }
    }
    for (what, text) in [("name", &dataset.name), ("digest", &dataset.digest)] {
        if text.is_empty() {
            return Err(Failure::required(what));
        }
    }
    for tag in &input.tags {
        if is_longer(&tag.key, LONGEST_TAG_KEY) || is_longer(&tag.value, LONGEST_TAG) {
            return Err(Failure::invalid(format!(
                "A tag of a dataset has at most {LONGEST_TAG_KEY} characters as its key and {LONGEST_TAG} as its value."
            )));
        }
    }
    Ok(())
}

/// As MLflow counts: by characters, of which each is a byte at least.
fn is_longer(text: &str, most: usize) -> bool {
    text.len() > most && text.chars().count() > most
}

fn check_model(id: &str) -> Result<(), Failure> {
    at_most("The id of a logged model", id, LONGEST_MODEL_ID)
}

/// Refuses the dataset that a figure is said to be on, where a run could not be given it.
pub(super) fn check_named(name: Option<&str>, digest: Option<&str>) -> Result<(), Failure> {
    at_most("The name of a metric's dataset", name.unwrap_or_default(), LONGEST_NAME)?;
    at_most("The digest of a metric's dataset", digest.unwrap_or_default(), LONGEST_DIGEST)
}

/// Refuses a text of more characters than MLflow keeps.
pub(super) fn at_most(what: &str, text: &str, most: usize) -> Result<(), Failure> {
    let length = text.chars().count();
    if length > most {
        return Err(Failure::invalid(format!("{what} has {length} characters, more than {most}.")));
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
pub(super) struct LogOutputs {
    run_id: Option<String>,
    models: Option<Vec<ModelOutput>>,
}

pub(super) async fn log_outputs(State(host): State<Host>, Fields(asked): Fields<LogOutputs>) -> Done {
    let run = run_id(asked.run_id, None)?;
    let models = required(asked.models, "models")?;
    let models: Vec<(String, i64)> = models.into_iter().map(|model| (model.model_id, model.step)).collect();
    models.iter().try_for_each(|(model, _)| check_model(model))?;
    client::outputs(&host.engine, run, models).await?;
    Ok(done())
}

#[derive(Debug, Deserialize)]
pub(super) struct Search {
    #[serde(default, deserialize_with = "many")]
    experiment_ids: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Summary {
    experiment_id: String,
    name: String,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Found {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dataset_summaries: Vec<Summary>,
}

/// The distinct datasets of experiments.
pub(super) async fn search(State(host): State<Host>, Fields(asked): Fields<Search>) -> Answer<Found> {
    let count = asked.experiment_ids.len();
    if !(1..=MOST_EXPERIMENTS).contains(&count) {
        return Err(Failure::invalid(format!(
            "SearchDatasets request must specify between 1 and {MOST_EXPERIMENTS} experiment_ids. Received {count}."
        )));
    }
    let found = client::datasets(&host.engine, asked.experiment_ids, MOST_SUMMARIES).await?;
    let summaries = found.into_iter().map(|(number, dataset)| Summary {
        experiment_id: number.to_string(),
        name: dataset.name,
        digest: dataset.digest,
        context: dataset.context,
    });
    Ok(Json(Found { dataset_summaries: summaries.collect() }))
}
