//! Asking a deployment: sample calls are marked and not counted; traffic (`deploy::traffic`) is.

use std::time::Instant;

use anyhow::{Context as _, bail};
use api::{
    ApiError,
    deploy::{CallAnswer, CallDeployment},
    figure,
};
use data::drift::describe;
use serde_json::{Value, json};
use store::{blob::BlobHash, deployment::DeploymentRow, version::VersionRow};

use crate::{
    Engine,
    deploy::find,
    ports::{Connection, HttpRequest, Port},
    target,
};

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
pub(crate) async fn predict(connection: &dyn Connection, rows: &[Value], sample: bool) -> anyhow::Result<CallAnswer> {
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
    let said = answer.rows.first().map(in_words).unwrap_or_default();
    Ok(format!("{said} in {:.1} ms through {}", answer.latency_ms, answer.through))
}

/// A predicted row as it is said: "0, probability 0.0021".
fn in_words(row: &Value) -> String {
    let Some(fields) = row.as_object() else { return row.to_string() };
    let value = |value: &Value| match value {
        Value::Number(number) => Some(number.as_f64().map_or_else(|| number.to_string(), describe::number)),
        Value::String(text) => Some(text.clone()),
        Value::Bool(is) => Some(is.to_string()),
        // The shares of all classes are a table, and none of them is a sentence.
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let predicted = fields.get("prediction").and_then(value);
    // Of many classes the one that was predicted says enough.
    let own = predicted.as_ref().map(|class| format!("probability_{class}"));
    let are_many = fields.keys().filter(|name| name.starts_with("probability_")).count() > 2;
    let is_said = |name: &String| {
        name != "prediction" && !(are_many && name.starts_with("probability_") && Some(name) != own.as_ref())
    };
    let named = fields.iter().filter(|(name, _)| is_said(name)).filter_map(|(name, found)| {
        let said = match found.as_f64() {
            Some(share) if name.starts_with("probability") => figure::probability(share),
            _ => value(found)?,
        };
        let name = if are_many && Some(name) == own.as_ref() { "probability" } else { name };
        Some(format!("{} {said}", name.replace('_', " ")))
    });
    predicted.clone().into_iter().chain(named).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_is_said_without_digits_that_say_nothing() {
        let said = |row| in_words(&row);
        assert_eq!(
            said(json!({ "prediction": "0", "probability": 0.002_101_717_051_118_612_3 })),
            "0, probability 0.0021"
        );
        assert_eq!(
            said(json!({ "prediction": "a", "probability_a": 0.998, "probability_b": 0.000_653 })),
            "a, probability a 0.9980, probability b 0.0007"
        );
        let digits =
            json!({ "prediction": "7", "probability_1": 0.0005, "probability_2": 0.0, "probability_7": 0.9995 });
        assert_eq!(said(digits), "7, probability 0.9995");
        assert_eq!(said(json!({ "prediction": 990.384 })), "990");
        assert_eq!(said(json!({ "prediction": "red", "probabilities": { "red": 0.7 } })), "red");
    }
}
