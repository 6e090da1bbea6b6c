//! Runs over each other by a person's clicks: along a metric, by groups, beside a baseline, all of it in the address.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use api::{
    host::{SecretBackend, SetSecret},
    tracking::{CreateExperiment, Experiment, GetTracking},
};
use journeys::{
    browser::{gone, press, seen, told},
    desk::Desk,
    process::until,
};
use serde_json::json;
use thirtyfour::By;

const SHORT: Duration = Duration::from_secs(10);
const LOSS: &str = "//main//*[contains(@class,'chart-card')][.//*[@role='slider' and @aria-label='loss']]";
const DIFFERS: &str = "//main//*[contains(@class,'card')][.//*[.='What differs']]";

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_compared_along_a_metric_by_groups_and_beside_a_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = compared(&desk).await;
    told(&desk.browser, "compare", result).await.unwrap();
}

async fn compared(desk: &Desk) -> Result<()> {
    // A machine without a desktop has no keychain for the token.
    let (name, value) = ("unused".to_owned(), "unused".to_owned());
    desk.client.call(SetSecret { name, value, backend: Some(SecretBackend::File) }).await?;
    let address = desk.client.call(GetTracking {}).await?.address;
    let asked = CreateExperiment { name: "sweep".to_owned(), folder: String::new() };
    let experiment = desk.client.call(asked).await?;
    let mut runs = Vec::new();
    for (at, lr) in ["0.1", "0.1", "0.2", "0.2"].into_iter().enumerate() {
        runs.push(log(&address, &experiment, at, lr).await.context("log a run")?);
    }
    let driver = desk.driver();
    desk.go(&format!("/e/{}/runs?compare={}", experiment.id, runs.join(","))).await?;
    lines(desk, 4).await?;
    seen(driver, &format!("{DIFFERS}//tr[contains(., 'Lr') and contains(., '0.1') and contains(., '0.2')]")).await?;
    seen(driver, &format!("{DIFFERS}//tr[contains(., 'dataset wine') and contains(., 'd0') and contains(., 'd3')]"))
        .await?;

    choose(desk, "Along", "Accuracy").await.context("along a metric")?;
    // Each run has ten losses and, but for the last of them, accuracies.
    seen(driver, &format!("{LOSS}//*[contains(., '4 points without Accuracy')]")).await?;
    seen(driver, &format!("{LOSS}//*[name()='text'][contains(., 'Accuracy')]")).await?;
    choose(desk, "Groups", "Lr").await.context("groups")?;
    for group in ["0.1 (2 runs)", "0.2 (2 runs)"] {
        seen(driver, &format!("{LOSS}//*[@class='legend']//button[contains(., '{group}')]")).await?;
    }
    seen(driver, &format!("{LOSS}//*[name()='path'][contains(@d, 'Z')]")).await.context("a band")?;
    desk.browser.picture("compare-groups").await?;
    press(driver, "//main//button[@aria-label='Pin r1 as the baseline']").await?;
    seen(driver, &format!("{LOSS}//*[@class='legend']//button[normalize-space(.)='r1']")).await?;
    seen(driver, &format!("{DIFFERS}//td//*[contains(@class,'delta') and contains(@class,'bad')]")).await?;
    desk.browser.picture("compare-baseline").await?;
    let search = driver.current_url().await?.query().unwrap_or_default().to_owned();
    for part in ["along=metric.accuracy", "bands=param.lr", &format!("pin={}", runs[1])] {
        ensure!(search.contains(part), "the address has {search}, without {part}");
    }
    // What the address says is what a person who is sent it sees.
    desk.go(&format!("/e/{}/runs?{search}", experiment.id)).await?;
    seen(driver, &format!("{LOSS}//*[@class='legend']//button[contains(., '0.2 (2 runs)')]")).await?;
    seen(driver, "//main//button[@aria-label='Pin r1 as the baseline' and @aria-pressed='true']").await?;
    many(desk, &address, &experiment).await.context("very many runs")
}

/// More runs than can be named: no legend, and all of them lines.
async fn many(desk: &Desk, address: &str, experiment: &Experiment) -> Result<()> {
    let mut runs = Vec::new();
    for at in 4..24 {
        runs.push(log(address, experiment, at, "0.3").await?);
    }
    desk.go(&format!("/e/{}/runs?compare={}", experiment.id, runs.join(","))).await?;
    seen(desk.driver(), "//main//h1[.='20 runs compared']").await?;
    let count = "return [...document.querySelectorAll('main [role=slider][aria-label=loss] path')]
        .filter(path => /\\br-[1-8]\\b/.test(path.getAttribute('class'))).length;";
    let all = async || Ok(desk.driver().execute(count, Vec::new()).await?.convert::<u64>()? == 20);
    until("20 lines", SHORT, all).await?;
    desk.browser.picture("compare-many").await?;
    gone(desk.driver(), &format!("{LOSS}//*[@class='legend']")).await
}

/// Chooses above the charts.
async fn choose(desk: &Desk, label: &str, part: &str) -> Result<()> {
    let option = format!("//main//select[@aria-label='{label}']/option[contains(., '{part}')]");
    Ok(seen(desk.driver(), &option).await?.click().await?)
}

async fn lines(desk: &Desk, count: usize) -> Result<()> {
    let entries = format!("{LOSS}//*[@class='legend']//button");
    let there = async || Ok(desk.driver().find_all(By::XPath(entries.as_str())).await?.len() == count);
    until(&format!("{count} lines"), SHORT, there).await
}

/// A run of ten losses with their accuracies, but for the last step, and a dataset of its own.
async fn log(address: &str, experiment: &Experiment, at: usize, lr: &str) -> Result<String> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let post = async |route: &str, body: serde_json::Value| -> Result<serde_json::Value> {
        let to = format!("{address}/api/2.0/mlflow/runs/{route}");
        Ok(client.post(to).json(&body).send().await?.error_for_status()?.json().await?)
    };
    let name = format!("r{at}");
    let begin =
        json!({"experiment_id": experiment.number.to_string(), "run_name": name, "start_time": 1_700_000_000_000_i64});
    let id = post("create", begin).await?["run"]["info"]["run_id"].as_str().context("no run")?.to_owned();
    let mut metrics = Vec::new();
    for step in 0..10_i64 {
        let (loss, time) = ((1.0 + at as f64 / 8.0) / (step + 1) as f64, 1_700_000_000_000 + step * 1_000);
        metrics.push(json!({"key": "loss", "value": loss, "timestamp": time, "step": step}));
        if step < 9 {
            let accuracy = 0.9 - 0.5 / (step + 1) as f64 - at as f64 / 100.0;
            metrics.push(json!({"key": "accuracy", "value": accuracy, "timestamp": time, "step": step}));
        }
    }
    post("log-batch", json!({"run_id": id, "metrics": metrics, "params": [{"key": "lr", "value": lr}]})).await?;
    let dataset = json!({"name": "wine", "digest": format!("d{at}"), "source_type": "local", "source": "wine.csv"});
    let context = json!([{"key": "mlflow.data.context", "value": "training"}]);
    post("log-inputs", json!({"run_id": id, "datasets": [{"dataset": dataset, "tags": context}]})).await?;
    Ok(id)
}
