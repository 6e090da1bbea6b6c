//! Runs as MLflow's clients log them, in an experiment of their own: what click tests about runs begin with.

use anyhow::{Context as _, Result};
use api::{
    RunId,
    host::{SecretBackend, SetSecret},
    tracking::{CreateExperiment, Experiment, GetTracking},
};
use client::call::Client;
use serde_json::{Value, json};

/// When the first of them began, in milliseconds since the epoch.
pub const BEGAN_MS: i64 = 1_700_000_000_000;
/// MLflow's clients send no more metrics at once.
const BATCH: usize = 1_000;

/// An experiment, and where its runs are logged.
#[derive(Debug)]
pub struct Tracked {
    pub experiment: Experiment,
    address: String,
    http: reqwest::Client,
}

impl Tracked {
    /// A new experiment of a host.
    pub async fn new(client: &Client, name: &str) -> Result<Self> {
        // A machine without a desktop has no keychain for the token.
        let (unused, value) = ("unused".to_owned(), "unused".to_owned());
        client.call(SetSecret { name: unused, value, backend: Some(SecretBackend::File) }).await?;
        let address = client.call(GetTracking::default()).await?.address;
        let experiment = client.call(CreateExperiment { name: name.to_owned(), folder: String::new() }).await?;
        Ok(Self { experiment, address, http: reqwest::Client::builder().no_proxy().build()? })
    }

    /// The path of the page of its runs, with what follows the `?`.
    pub fn runs(&self, query: &str) -> String {
        format!("/e/{}/runs?{query}", self.experiment.id)
    }

    /// A run with params and points: each a key, a step and a value, a second a step.
    pub async fn log(&self, name: &str, params: &[(&str, &str)], points: &[(&str, i64, f64)]) -> Result<RunId> {
        let number = self.experiment.number.to_string();
        let begin = json!({"experiment_id": number, "run_name": name, "start_time": BEGAN_MS});
        let id = self.post("create", begin).await?["run"]["info"]["run_id"].as_str().context("no run")?.to_owned();
        let params: Vec<Value> = params.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        self.post("log-batch", json!({"run_id": id, "params": params})).await?;
        let run: RunId = id.parse()?;
        self.points(run, points).await?;
        Ok(run)
    }

    /// More points of a run, as a program logs them while it goes on.
    pub async fn points(&self, run: RunId, points: &[(&str, i64, f64)]) -> Result<()> {
        for points in points.chunks(BATCH) {
            let metric = |(key, step, value): &(&str, i64, f64)| {
                // JSON has no number for what is none.
                let value = if value.is_finite() { json!(value) } else { json!(value.to_string()) };
                json!({"key": key, "value": value, "timestamp": BEGAN_MS + step * 1_000, "step": step})
            };
            let metrics: Vec<Value> = points.iter().map(metric).collect();
            self.post("log-batch", json!({"run_id": run, "metrics": metrics})).await?;
        }
        Ok(())
    }

    /// A file of a run.
    pub async fn keep(&self, run: RunId, path: &str, bytes: &'static [u8]) -> Result<()> {
        let number = self.experiment.number;
        let to = format!("{}/api/2.0/mlflow-artifacts/artifacts/{number}/{run}/artifacts/{path}", self.address);
        self.http.put(to).body(bytes).send().await?.error_for_status()?;
        Ok(())
    }

    /// A model that is whole, of a run where one made it; its id.
    pub async fn model(&self, name: &str, run: Option<RunId>) -> Result<String> {
        let to = format!("{}/api/2.0/mlflow/logged-models", self.address);
        let (number, run) = (self.experiment.number.to_string(), run.map(|run| run.to_string()));
        let asked = json!({"experiment_id": number, "name": name, "source_run_id": run});
        let made: Value = self.http.post(&to).json(&asked).send().await?.error_for_status()?.json().await?;
        let id = made["model"]["info"]["model_id"].as_str().context("no model")?.to_owned();
        let whole = json!({"model_id": id, "status": "LOGGED_MODEL_READY"});
        self.http.patch(format!("{to}/{id}")).json(&whole).send().await?.error_for_status()?;
        Ok(id)
    }

    /// A request about runs, such as `log-inputs`.
    pub async fn post(&self, route: &str, body: Value) -> Result<Value> {
        let to = format!("{}/api/2.0/mlflow/runs/{route}", self.address);
        Ok(self.http.post(to).json(&body).send().await?.error_for_status()?.json().await?)
    }
}
