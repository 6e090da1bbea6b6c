//! The run table by a person's clicks: conditions as chips, groups that open, several orders, a selection of all that
//! match, columns found and pinned.

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
use thirtyfour::{By, Key};

const SHORT: Duration = Duration::from_secs(10);
const ROWS: &str = "//main//*[@aria-label='Runs']//tr[@role='row' and @aria-selected]";

#[tokio::test(flavor = "multi_thread")]
async fn the_run_table_is_filtered_grouped_sorted_and_selected() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = table(&desk).await;
    told(&desk.browser, "run-table", result).await.unwrap();
}

async fn table(desk: &Desk) -> Result<()> {
    // A machine without a desktop has no keychain for the token.
    let (name, value) = ("unused".to_owned(), "unused".to_owned());
    desk.client.call(SetSecret { name, value, backend: Some(SecretBackend::File) }).await?;
    let address = desk.client.call(GetTracking {}).await?.address;
    let asked = CreateExperiment { name: "sweep".to_owned(), folder: String::new() };
    let experiment = desk.client.call(asked).await?;
    for (name, lr, loss) in [("a", "0.1", 0.5), ("b", "0.1", 0.25), ("c", "0.2", 1.0), ("d", "0.2", 0.5)] {
        log(&address, &experiment, name, lr, loss).await.context("log a run")?;
    }
    chips(desk, &experiment).await.context("chips")?;
    orders(desk, &experiment).await.context("several orders")?;
    selected(desk).await.context("select all")?;
    columns(desk).await.context("columns")?;
    groups(desk, &experiment).await.context("groups")?;
    for (name, lr, loss) in [("e", "0.3", 1.25), ("f", "0.4", 1.5)] {
        log(&address, &experiment, name, lr, loss).await.context("log a run")?;
    }
    plots(desk, &experiment).await.context("charts of the runs")
}

async fn log(address: &str, experiment: &Experiment, name: &str, lr: &str, loss: f64) -> Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let post = async |route: &str, body: serde_json::Value| -> Result<serde_json::Value> {
        let to = format!("{address}/api/2.0/mlflow/runs/{route}");
        Ok(client.post(to).json(&body).send().await?.error_for_status()?.json().await?)
    };
    let begin =
        json!({"experiment_id": experiment.number.to_string(), "run_name": name, "start_time": 1_700_000_000_000_i64});
    let id = post("create", begin).await?["run"]["info"]["run_id"].as_str().context("no run")?.to_owned();
    let metric = json!({"key": "loss", "value": loss, "timestamp": 1, "step": 0});
    let batch = json!({"run_id": id, "metrics": [metric], "params": [{"key": "lr", "value": lr}]});
    post("log-batch", batch).await.map(drop)
}

async fn names(desk: &Desk, expected: &[&str]) -> Result<()> {
    let there = async || {
        let mut found = Vec::new();
        for name in desk.driver().find_all(By::XPath(format!("{ROWS}//b"))).await? {
            found.push(name.text().await?);
        }
        Ok(found == expected)
    };
    until(&format!("the runs {expected:?}"), SHORT, there).await
}

async fn chips(desk: &Desk, experiment: &Experiment) -> Result<()> {
    let driver = desk.driver();
    desk.go(&format!(
        "/e/{}/runs?sort=name&way=up&filter=param.lr%20%3D%200.1%20and%20metric.loss%20%3C%200.4",
        experiment.id
    ))
    .await?;
    names(desk, &["b"]).await?;
    press(driver, "//main//button[@aria-label='Take metric.loss < 0.4 away']").await?;
    names(desk, &["a", "b"]).await?;
    let line = seen(driver, "//main//input[@data-filter]").await?;
    let text = line.prop("value").await?.unwrap_or_default();
    ensure!(text == "param.lr = 0.1", "the line has {text:?}");
    press(driver, "//main//button[@aria-label='Take param.lr = 0.1 away']").await?;
    names(desk, &["a", "b", "c", "d"]).await
}

async fn orders(desk: &Desk, experiment: &Experiment) -> Result<()> {
    desk.go(&format!("/e/{}/runs?sort=param.lr&then=%2Bmetric.loss", experiment.id)).await?;
    names(desk, &["d", "c", "b", "a"]).await?;
    // With Shift an order that is ascending goes, and comes again as a descending one.
    let shifted = "const head = [...document.querySelectorAll('main th button.sort')].find(head => head.textContent.startsWith('Loss'));
        head.dispatchEvent(new MouseEvent('click', {bubbles: true, shiftKey: true}));";
    desk.driver().execute(shifted, Vec::new()).await?;
    gone(desk.driver(), "//main//th[contains(., 'Loss') and @aria-sort]").await?;
    desk.driver().execute(shifted, Vec::new()).await?;
    names(desk, &["c", "d", "a", "b"]).await?;
    let search = desk.driver().current_url().await?.query().unwrap_or_default().to_owned();
    ensure!(search.contains("then=-metric.loss"), "the address has {search}");
    Ok(())
}

async fn selected(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let table = seen(driver, "//main//*[@role='grid' and @aria-label='Runs']").await?;
    table.send_keys(Key::Control + "a").await?;
    seen(driver, "//main//*[contains(@class,'foot')]//*[.='4 selected']").await?;
    press(driver, "//main//button[@aria-label='Copy, save or export the runs']").await?;
    seen(driver, "//*[@role='menu']//button[contains(., 'Copy 4 selected runs as Markdown')]").await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Export 4 selected runs')]").await?;
    exported(desk).await.context("export")
}

/// A place that is taken is refused and said; another one is written.
async fn exported(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("taken"), "kept")?;
    let choose = "const select = document.querySelector('dialog[open] select');
        select.value = 'csv'; select.dispatchEvent(new Event('change', {bubbles: true}));";
    driver.execute(choose, Vec::new()).await?;
    seen(driver, "//dialog[@open]//*[contains(., 'points.csv')]").await?;
    let field = "//dialog[@open]//label[contains(., 'New folder')]//input";
    seen(driver, field).await?.send_keys(folder.path().join("taken").to_string_lossy()).await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Export')]").await?;
    seen(driver, "//*[contains(., 'is there already')]").await?;
    seen(driver, field).await?.send_keys("-not").await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Export')]").await?;
    gone(driver, "//dialog[@open]").await?;
    let runs = std::fs::read_to_string(folder.path().join("taken-not/runs.csv"))?;
    ensure!(runs.lines().count() == 5 && runs.contains(",param.lr,metric.loss"), "runs.csv has {runs:?}");
    ensure!(std::fs::read_to_string(folder.path().join("taken"))? == "kept", "what was there was replaced");
    Ok(())
}

async fn columns(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    press(driver, "//main//button[@aria-label='Columns']").await?;
    seen(driver, "//dialog//input[@aria-label='Search columns']").await?.send_keys("loss").await?;
    gone(driver, "//dialog//*[@role='listitem'][contains(., 'Lr')]").await?;
    press(driver, "//dialog//button[@aria-label='Pin Loss']").await?;
    seen(driver, "//dialog//button[@aria-label='Pin Loss' and @aria-pressed='true']").await?;
    driver.active_element().await?.send_keys(Key::Escape + "").await?;
    seen(driver, "//main//th[contains(@class,'pin') and contains(., 'Loss')]").await.map(drop)
}

async fn groups(desk: &Desk, experiment: &Experiment) -> Result<()> {
    let driver = desk.driver();
    desk.go(&format!("/e/{}/runs?group=param.lr", experiment.id)).await?;
    let line = |value: &str| format!("//main//*[@aria-label='Groups of runs']//tr[.//b[.='{value}']]");
    let first = seen(driver, &line("0.1")).await?.text().await?;
    ensure!(first.contains("0.375") && first.contains('±'), "the first group says {first:?}");
    desk.browser.picture("run-groups").await?;
    press(driver, &line("0.2")).await?;
    for run in ["c", "d"] {
        seen(driver, &format!("//main//*[contains(@class,'group-run') and .='{run}']")).await?;
    }
    press(driver, &line("0.2")).await?;
    gone(driver, "//main//*[contains(@class,'group-run')]").await
}

async fn plots(desk: &Desk, experiment: &Experiment) -> Result<()> {
    let driver = desk.driver();
    desk.go(&format!("/e/{}/runs", experiment.id)).await?;
    press(driver, "//main//button[@role='radio' and @aria-label='Parallel']").await?;
    seen(driver, "//main//*[@role='status' and .='6 runs']").await?;
    let most = seen(driver, "//main//*[@aria-label='Axes']//input[@aria-label='Greatest Lr']").await?;
    most.send_keys("0.15").await?;
    most.send_keys(Key::Enter + "").await?;
    seen(driver, "//main//*[@role='status' and .='2 brushed of 6 runs']").await?;
    desk.browser.picture("run-parallel").await?;
    press(driver, "//main//button[normalize-space(.)='Filter to these']").await?;
    seen(driver, "//main//*[@role='status' and .='2 runs']").await?;
    let line = seen(driver, "//main//input[@data-filter]").await?;
    let text = line.prop("value").await?.unwrap_or_default();
    ensure!(text == "param.lr <= 0.15", "the line has {text:?}");
    let search = driver.current_url().await?.query().unwrap_or_default().to_owned();
    ensure!(search.contains("view=parallel") && search.contains("filter="), "the address has {search}");
    desk.go(&format!("/e/{}/runs?view=scatter&x=param.lr&y=metric.loss&colour=metric.loss", experiment.id)).await?;
    seen(driver, "//main//*[@role='status' and .='6 runs']").await?;
    seen(driver, "//main//*[@aria-label='Runs by two values']//*[name()='circle']").await?;
    desk.browser.picture("run-scatter").await?;
    desk.go(&format!("/e/{}/runs?view=importance", experiment.id)).await?;
    seen(driver, "//main//p[starts-with(., '6 runs; by itself each')]").await?;
    desk.browser.picture("run-importance").await
}
