//! The tasks beside the road's (classes, numbers, pictures), deployed on this machine and asked over HTTP: in
//! each protocol a deployment answers what `model predict` says of the same rows.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    config::ColumnType,
    deploy::DeleteDeployment,
    model::{GetVersion, Predict, Signature, Version},
    project::Project,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use client::call::Client;
use journeys::{
    host::{self, Host},
    road,
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn classes_are_answered_as_predicted() {
    served("penguins", &[("training.rounds", json!(20))], classes).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_answered_as_predicted() {
    served("diabetes", &[("training.rounds", json!(20))], numbers).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_answered_as_predicted() {
    served("digits", &[("training.epochs", json!(2))], pictures).await.unwrap();
}

/// A sample's model, deployed on this machine.
struct Served {
    client: Client,
    project: Project,
    version: Version,
    /// Rows as JSON objects, keyed by input name.
    examples: Vec<Value>,
    address: String,
    http: reqwest::Client,
}

/// Trains a sample with the settings, deploys its model, asks, and deletes the deployment.
async fn served(sample: &str, few: &[(&str, Value)], ask: impl AsyncFnOnce(&Served) -> Result<()>) -> Result<()> {
    let programs = ["SLIPWAY_BIN", "SLIPWAY_WORKER", "SLIPWAY_SERVING"].map(host::program);
    let [Some(slipway), Some(_), Some(_)] = programs else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let host = Host::start(&slipway, folder.path()).await?;
    let client = host.client().await?;
    let project = road::open_sample(&client, sample).await?;
    road::edit(&client, project.id, few).await?;
    let version = road::register(&client, road::train(&client, project.id).await?, &[]).await?;
    let examples = client.call(GetVersion { version: version.id }).await?.examples;
    let target = road::this_machine(&client).await?;
    let deployment = road::deploy(&client, road::spec(sample, target, version.id)).await?;
    let address = deployment.address.context("the deployment has no address")?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let served = Served { client, project, version, examples, address, http };
    let asked = ask(&served).await;
    let job = served.client.call(DeleteDeployment { deployment: deployment.id }).await?;
    road::finished(&served.client, job.id, Duration::from_secs(60)).await?;
    asked
}

async fn classes(served: &Served) -> Result<()> {
    let answered = tables(served).await?;
    are_of_classes(&answered, &["Adelie", "Chinstrap", "Gentoo"])
}

async fn numbers(served: &Served) -> Result<()> {
    let answered = tables(served).await?;
    for row in &answered {
        let only = row.as_object().is_some_and(|row| row.len() == 1);
        let number = row["prediction"].as_f64().with_context(|| format!("no number: {row}"))?;
        ensure!(only && (0.0..400.0).contains(&number), "{row} is no progression of the sample");
    }
    Ok(())
}

async fn pictures(served: &Served) -> Result<()> {
    let digits: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let digits: Vec<&str> = digits.iter().map(String::as_str).collect();
    let images = Path::new(&served.project.path).join("images");
    let files = digits[..3].iter().map(|digit| picture(&images.join(digit))).collect::<Result<Vec<_>>>()?;
    let Signature { inputs, .. } = &served.version.signature;
    let [input] = inputs.as_slice() else { anyhow::bail!("a model of pictures has the inputs {inputs:?}") };
    ensure!(input.kind == ColumnType::Image && input.shape.len() == 3, "{input:?}");
    let name = &input.name;

    // Files, as base64 text.
    let rows: Vec<Value> = files.iter().map(|file| json!({ name: file })).collect();
    let expected = served.predicted(&rows).await?;
    are_of_classes(&expected, &digits)?;
    served.answers_rows(&rows, &expected).await?;
    served.answers_instances(&json!(rows), &expected).await?;
    let tensor = json!({ "name": name, "shape": [rows.len()], "datatype": "BYTES", "data": files });
    served.answers_tensors(&[tensor], &expected).await?;
    // As a page has it at hand.
    let addresses: Vec<Value> =
        files.iter().map(|file| json!({ name: format!("data:image/png;base64,{file}") })).collect();
    served.answers_rows(&addresses, &expected).await?;

    // Pixels, as numbers.
    let rows = &served.examples;
    let expected = served.predicted(rows).await?;
    are_of_classes(&expected, &digits)?;
    served.answers_rows(rows, &expected).await?;
    let pixels: Vec<&Value> = rows.iter().map(|row| &row[name]).collect();
    for instances in [json!(rows), json!(pixels)] {
        served.answers_instances(&instances, &expected).await?;
    }
    let shape: Vec<usize> = std::iter::once(rows.len()).chain(input.shape.iter().copied()).collect();
    let tensor = json!({ "name": name, "shape": shape, "datatype": "UINT8", "data": pixels });
    served.answers_tensors(&[tensor], &expected).await
}

/// Asks a table's examples in every protocol; returns what each of them answered.
async fn tables(served: &Served) -> Result<Vec<Value>> {
    let (rows, inputs) = (&served.examples, &served.version.signature.inputs);
    ensure!(!rows.is_empty(), "the version has no examples");
    let expected = served.predicted(rows).await?;
    served.answers_rows(rows, &expected).await?;
    let by_place: Vec<Vec<&Value>> =
        rows.iter().map(|row| inputs.iter().map(|input| &row[&input.name]).collect()).collect();
    for instances in [json!(rows), json!(by_place)] {
        served.answers_instances(&instances, &expected).await?;
    }
    let described = served.get(&format!("/v2/models/{}", served.version.model_name)).await?;
    let described = described["inputs"].as_array().with_context(|| format!("no inputs: {described}"))?;
    let column = |input: &Value| {
        let data: Vec<&Value> = rows.iter().map(|row| &row[input["name"].as_str().unwrap_or_default()]).collect();
        json!({ "name": input["name"], "shape": [rows.len()], "datatype": input["datatype"], "data": data })
    };
    let tensors: Vec<Value> = described.iter().map(column).collect();
    served.answers_tensors(&tensors, &expected).await?;
    Ok(expected)
}

impl Served {
    /// What `model predict` says.
    async fn predicted(&self, rows: &[Value]) -> Result<Vec<Value>> {
        let predictions = self.client.call(Predict { version: self.version.id, rows: rows.to_vec() }).await?;
        ensure!(predictions.rows.len() == rows.len(), "{} rows are {:?}", rows.len(), predictions.rows);
        Ok(predictions.rows)
    }

    /// JSON rows.
    async fn answers_rows(&self, rows: &[Value], expected: &[Value]) -> Result<()> {
        let Version { model_name, number, .. } = &self.version;
        let answer = self.post("/predict", &json!({ "rows": rows })).await?;
        let expected = json!({ "rows": expected, "model": model_name, "version": number });
        ensure!(answer == expected, "/predict answers {answer} instead of {expected}");
        Ok(())
    }

    /// KServe v1.
    async fn answers_instances(&self, instances: &Value, expected: &[Value]) -> Result<()> {
        let path = format!("/v1/models/{}:predict", self.version.model_name);
        let answer = self.post(&path, &json!({ "instances": instances })).await?;
        let expected = json!({ "predictions": expected });
        ensure!(answer == expected, "{path} answers {answer} instead of {expected}");
        Ok(())
    }

    /// The Open Inference Protocol, version 2: a tensor an output.
    async fn answers_tensors(&self, tensors: &[Value], expected: &[Value]) -> Result<()> {
        let Version { model_name, number, signature, .. } = &self.version;
        let path = format!("/v2/models/{model_name}/versions/{number}/infer");
        let answer = self.post(&path, &json!({ "inputs": tensors })).await?;
        let outputs = signature.outputs.iter().map(|output| {
            let data: Vec<&Value> = expected.iter().map(|row| &row[&output.name]).collect();
            let datatype = if data.iter().all(|value| value.is_f64()) { "FP64" } else { "BYTES" };
            json!({ "name": output.name, "datatype": datatype, "shape": [data.len()], "data": data })
        });
        let outputs: Vec<Value> = outputs.collect();
        let expected = json!({ "model_name": model_name, "model_version": number.to_string(), "outputs": outputs });
        ensure!(answer == expected, "{path} answers {answer} instead of {expected}");
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        told(path, self.http.post(format!("{}{path}", self.address)).json(body).send().await?).await
    }

    async fn get(&self, path: &str) -> Result<Value> {
        told(path, self.http.get(format!("{}{path}", self.address)).send().await?).await
    }
}

async fn told(path: &str, answer: reqwest::Response) -> Result<Value> {
    let status = answer.status();
    let answer: Value = answer.json().await.with_context(|| format!("read the answer of {path}"))?;
    ensure!(status.is_success(), "{path} answers {status}: {answer}");
    Ok(answer)
}

/// Each row has the likeliest of the classes and a probability for every one, which sum to 1.
fn are_of_classes(rows: &[Value], classes: &[&str]) -> Result<()> {
    for row in rows {
        let figures = classes.iter().map(|class| Some((row[format!("probability_{class}")].as_f64()?, *class)));
        let figures = figures.collect::<Option<Vec<_>>>();
        let figures = figures.with_context(|| format!("a class has no probability: {row}"))?;
        ensure!(row.as_object().is_some_and(|row| row.len() == classes.len() + 1), "more than {classes:?}: {row}");
        let sum: f64 = figures.iter().map(|(figure, _)| figure).sum();
        ensure!((sum - 1.0).abs() < 1e-5, "the probabilities sum to {sum}: {row}");
        let (_, likeliest) = figures.into_iter().max_by(|left, right| left.0.total_cmp(&right.0)).unwrap_or_default();
        ensure!(row["prediction"] == likeliest, "{likeliest} is likeliest: {row}");
    }
    Ok(())
}

/// The first picture of a folder, as base64 text.
fn picture(folder: &Path) -> Result<String> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(STANDARD.encode(std::fs::read(files.first().context("a class has no pictures")?)?))
}
