//! Saved views of the run table by a person's clicks, the table as Markdown and CSV, and a run's tags that come back.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    RunId,
    tracking::{ListViews, SavedView, Scope},
};
use journeys::{
    browser::{copied, field, fill, gone, keep_copied, press, saved, says, seen},
    desk::Desk,
    process::until,
    tracked::Tracked,
};
use serde_json::json;
use thirtyfour::Key;

const SHORT: Duration = Duration::from_secs(10);
const VIEWS: &str = "//main//button[@title='Saved views of this table']";
const STATE: &str = "//main//th[contains(., 'State')]";
const PINNED: &str = "//main//th[contains(@class,'pin') and contains(., 'Took')]";

#[tokio::test(flavor = "multi_thread")]
async fn a_view_brings_back_all_that_was_seen() {
    Desk::tried("run-views", views).await.unwrap();
}

async fn views(desk: &Desk, folder: &Path) -> Result<()> {
    let sweep = Tracked::new(&desk.client, "sweep").await?;
    let mut runs = Vec::new();
    for (name, lr, loss) in [("a", "0.1", 0.5), ("b", "0.2", 0.25), ("c", "0.3", 1.0)] {
        runs.push(sweep.log(name, &[("lr", lr)], &[("loss", 0, loss)]).await.context("log a run")?);
    }
    taken(desk, &sweep, folder).await.context("Markdown and CSV")?;
    kept(desk, &sweep).await.context("a saved view")?;
    replaced(desk, &sweep).await.context("a view of the same name")?;
    tags(desk, &sweep, runs[0]).await.context("tags")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_keeps_the_order_of_its_groups_and_the_table_follows_its_address() {
    Desk::tried("run-views-followed", async |desk, _| followed(desk).await).await.unwrap();
}

async fn followed(desk: &Desk) -> Result<()> {
    let sweep = Tracked::new(&desk.client, "sweep").await?;
    let runs = [("a", "0.1", 0.5), ("b", "0.1", 0.25), ("c", "0.2", 1.0), ("d", "0.3", 2.0), ("e", "0.3", 3.0)];
    for (name, lr, loss) in runs.into_iter().chain([("f", "0.3", 4.0)]) {
        sweep.log(name, &[("lr", lr)], &[("loss", 0, loss)]).await.context("log a run")?;
    }
    grouped(desk, &sweep).await.context("the order of groups")?;
    addressed(desk, &sweep).await.context("links, Back and Forward")
}

/// Sorted by how many runs they have, kept as a view, and opened again.
async fn grouped(desk: &Desk, sweep: &Tracked) -> Result<()> {
    const RUNS: &str = "//main//*[@aria-label='Groups of runs']//th[.//button[starts-with(., 'Runs')]]";
    let driver = desk.driver();
    let groups =
        async |expected: &[&str]| says(driver, "//main//*[@aria-label='Groups of runs']//tbody//b", expected).await;
    desk.go(&sweep.runs("group=param.lr")).await?;
    groups(&["0.1", "0.2", "0.3"]).await?;
    press(driver, &format!("{RUNS}//button")).await?;
    let head = seen(driver, &format!("{RUNS}[@aria-sort]")).await?;
    let by_runs: &[&str] = match head.attr("aria-sort").await?.as_deref() {
        Some("descending") => &["0.3", "0.1", "0.2"],
        _ => &["0.2", "0.1", "0.3"],
    };
    groups(by_runs).await?;
    save(desk, "by runs").await?;
    seen(driver, "//*[contains(@class,'toast')]//*[contains(., 'Saved the view by runs')]").await?;
    desk.go(&sweep.runs("group=param.lr")).await?;
    groups(&["0.1", "0.2", "0.3"]).await?;
    press(driver, VIEWS).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'by runs') and not(contains(., 'Delete'))]").await?;
    groups(by_runs).await.context("the view")?;
    let named = async || Ok(driver.current_url().await?.query().unwrap_or_default().contains("groupsort=runs"));
    until("the order in the address", SHORT, named).await
}

/// A link to the page that is open, and the way back and forward, change filter, order and columns.
async fn addressed(desk: &Desk, sweep: &Tracked) -> Result<()> {
    const DEVICE: &str = "//main//th[contains(., 'Device')]";
    let driver = desk.driver();
    let follow = async |query: &str| {
        let click = "const link = document.body.appendChild(document.createElement('a'));
            link.href = arguments[0];
            link.click();
            link.remove();";
        driver.execute(click, vec![json!(sweep.runs(query))]).await
    };
    desk.go(&sweep.runs("filter=param.lr%20%3D%200.1&sort=name&way=up")).await?;
    desk.shows_runs(&["a", "b"]).await?;
    gone(driver, DEVICE).await?;
    follow("filter=param.lr%20%3D%200.3&sort=metric.loss&columns=name,metric.loss,device").await?;
    desk.shows_runs(&["f", "e", "d"]).await.context("the link")?;
    seen(driver, DEVICE).await.context("the columns of the link")?;
    let filter = seen(driver, "//main//input[@aria-label='Filter runs']").await?.prop("value").await?;
    ensure!(filter.as_deref() == Some("param.lr = 0.3"), "the filter is {filter:?}");
    for turn in ["once", "twice"] {
        driver.back().await?;
        desk.shows_runs(&["a", "b"]).await.context(turn).context("back")?;
        gone(driver, DEVICE).await.context("the columns as they were")?;
        driver.forward().await?;
        desk.shows_runs(&["f", "e", "d"]).await.context(turn).context("forward")?;
        seen(driver, DEVICE).await?;
    }
    // What a person chooses stands in the address.
    press(driver, "//main//button[@aria-label='Columns']").await?;
    press(driver, "//dialog[@open]//*[@role='listitem'][contains(., 'User')]//input").await?;
    close_dialog(desk).await?;
    let named = async || {
        let query = driver.current_url().await?.query().unwrap_or_default().to_owned();
        Ok(query.contains("columns=") && query.contains("user"))
    };
    until("the columns in the address", SHORT, named).await
}

/// What is copied and saved has the columns that are shown, and the rows that the filter passes.
async fn taken(desk: &Desk, sweep: &Tracked, folder: &Path) -> Result<()> {
    const TAKE: &str = "//main//button[@aria-label='Copy, save or export the runs']";
    let driver = desk.driver();
    desk.go(&sweep.runs("sort=name&way=up&filter=name%20!%3D%20c")).await?;
    desk.shows_runs(&["a", "b"]).await?;
    keep_copied(driver).await?;
    press(driver, TAKE).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Copy the rows in sight as Markdown')]").await?;
    seen(driver, "//*[contains(@class,'toast')][contains(., 'Copied as Markdown') and contains(., '2 runs')]").await?;
    let text = copied(driver).await?;
    let lines: Vec<&str> = text.lines().collect();
    ensure!(lines.len() == 4 && lines[0] == "| Run | State | Loss | lr | Took | Started |", "copied {text:?}");
    ensure!(lines[2].starts_with("| a | running | 0.5") && lines[3].starts_with("| b | running"), "copied {text:?}");

    press(driver, TAKE).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Save all that match as CSV')]").await?;
    let text = saved(folder, "runs.csv").await?;
    let lines: Vec<&str> = text.lines().collect();
    ensure!(lines.len() == 3 && lines[0] == "id,name,state,metric.loss,param.lr,duration,started", "saved {text:?}");
    ensure!(lines[1].ends_with(",a,running,0.5,0.1,,2023-11-14T22:13:20Z"), "saved {text:?}");
    Ok(())
}

async fn width(desk: &Desk) -> Result<f64> {
    let edge = seen(desk.driver(), "//main//th//*[@role='separator' and @aria-label='Width of lr']").await?;
    let text = edge.attr("aria-valuenow").await?.unwrap_or_default();
    text.parse().with_context(|| format!("the width is {text:?}"))
}

/// Draws the column `lr` to another width by a key.
async fn widen(desk: &Desk) -> Result<f64> {
    let before = width(desk).await?;
    let edge = seen(desk.driver(), "//main//th//*[@role='separator' and @aria-label='Width of lr']").await?;
    edge.send_keys("" + Key::Right).await?;
    until("a wider column", SHORT, async || Ok(width(desk).await? > before)).await?;
    width(desk).await
}

async fn close_dialog(desk: &Desk) -> Result<()> {
    desk.driver().active_element().await?.send_keys(Key::Escape + "").await?;
    gone(desk.driver(), "//dialog[@open]").await
}

async fn save(desk: &Desk, name: &str) -> Result<()> {
    let driver = desk.driver();
    press(driver, VIEWS).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Save this view as')]").await?;
    fill(driver, &field("Name"), name).await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Save view']").await
}

async fn known(desk: &Desk, sweep: &Tracked) -> Result<Vec<SavedView>> {
    Ok(desk.client.call(ListViews { of: Scope::Experiment(sweep.experiment.id) }).await?)
}

/// Columns, one that every run has among them, its pin, a width and the order come back; the view is deleted and restored.
async fn kept(desk: &Desk, sweep: &Tracked) -> Result<()> {
    let driver = desk.driver();
    desk.go(&sweep.runs("sort=metric.loss&way=up")).await?;
    desk.shows_runs(&["b", "a", "c"]).await?;
    press(driver, "//main//button[@aria-label='Columns']").await?;
    press(driver, "//dialog[@open]//*[@role='listitem'][contains(., 'State')]//input").await?;
    press(driver, "//dialog[@open]//button[@aria-label='Pin Took']").await?;
    close_dialog(desk).await?;
    for head in [STATE, PINNED] {
        seen(driver, head).await?;
    }
    let drawn = widen(desk).await?;
    save(desk, "best").await?;
    seen(driver, "//*[contains(@class,'toast')]//*[contains(., 'Saved the view best')]").await?;

    desk.go(&sweep.runs("sort=name&way=up")).await?;
    desk.shows_runs(&["a", "b", "c"]).await?;
    press(driver, "//main//button[@aria-label='Columns']").await?;
    press(driver, "//dialog[@open]//button[@aria-label='Pin Took']").await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Let Slipway choose')]").await?;
    close_dialog(desk).await?;
    for head in [STATE, PINNED] {
        gone(driver, head).await?;
    }
    widen(desk).await?;

    press(driver, VIEWS).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'best') and not(contains(., 'Delete'))]").await?;
    desk.shows_runs(&["b", "a", "c"]).await?;
    for head in [STATE, PINNED] {
        seen(driver, head).await?;
    }
    until("the width that was drawn", SHORT, async || Ok((width(desk).await? - drawn).abs() < 1.0)).await?;
    desk.browser.picture("run-view").await?;

    press(driver, VIEWS).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Delete best')]").await?;
    let toast = "//*[contains(@class,'toast')][contains(., 'Deleted the view best')]";
    seen(driver, toast).await?;
    ensure!(known(desk, sweep).await?.is_empty(), "the view is there");
    press(driver, &format!("{toast}//button[normalize-space(.)='Undo']")).await?;
    until("the view again", SHORT, async || Ok(known(desk, sweep).await?.len() == 1)).await?;

    // Without the toast, too.
    desk.go(&sweep.runs("sort=name&way=up")).await?;
    desk.shows_runs(&["a", "b", "c"]).await?;
    press(driver, VIEWS).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Delete best')]").await?;
    until("no view", SHORT, async || Ok(known(desk, sweep).await?.is_empty())).await?;
    press(driver, VIEWS).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Restore a view')]").await?;
    press(driver, "//dialog[@open]//tr[contains(., 'best')]//button[normalize-space(.)='Restore']").await?;
    until("the view once more", SHORT, async || Ok(known(desk, sweep).await?.len() == 1)).await?;
    seen(driver, "//dialog[@open]//p[contains(., 'No view of this table was deleted')]").await?;
    press(driver, "//dialog[@open]//button[@aria-label='Close']").await?;
    gone(driver, "//dialog[@open]").await
}

/// The one that was replaced comes back by Undo.
async fn replaced(desk: &Desk, sweep: &Tracked) -> Result<()> {
    let driver = desk.driver();
    let before = known(desk, sweep).await?;
    desk.go(&sweep.runs("sort=name&way=up")).await?;
    desk.shows_runs(&["a", "b", "c"]).await?;
    // Its menu has the view before another takes its name.
    press(driver, VIEWS).await?;
    seen(driver, "//*[@role='menu']//button[contains(., 'Delete best')]").await?;
    driver.active_element().await?.send_keys(Key::Escape + "").await?;
    gone(driver, "//*[@role='menu']").await?;
    save(desk, "best").await?;
    let toast = "//*[contains(@class,'toast')][contains(., 'Replaced the view best')]";
    seen(driver, toast).await?;
    ensure!(known(desk, sweep).await? != before, "the view is as it was");
    press(driver, &format!("{toast}//button[normalize-space(.)='Undo']")).await?;
    until("the view as it was", SHORT, async || Ok(known(desk, sweep).await? == before)).await
}

/// A tag that is removed, and one that takes another value, come back by Undo.
async fn tags(desk: &Desk, sweep: &Tracked, run: RunId) -> Result<()> {
    let driver = desk.driver();
    sweep.post("set-tag", json!({"run_id": run.to_string(), "key": "team", "value": "risk"})).await?;
    desk.go(&format!("/e/{}/runs/{run}?tab=params", sweep.experiment.id)).await?;
    let chip = |value: &str| {
        format!(
            "//main//*[contains(@class,'chip')][.//button[@aria-label='Remove team']][contains(., 'team: {value}')]"
        )
    };
    let undo =
        |said: &str| format!("//*[contains(@class,'toast')][contains(., '{said}')]//button[normalize-space(.)='Undo']");
    seen(driver, &chip("risk")).await?;
    press(driver, "//main//button[@aria-label='Remove team']").await?;
    gone(driver, &chip("risk")).await?;
    press(driver, &undo("Removed the tag team")).await?;
    seen(driver, &chip("risk")).await.context("removed and back")?;

    fill(driver, "//main//input[@aria-label='Tag']", "team").await?;
    fill(driver, "//main//input[@aria-label='Value']", "fraud").await?;
    press(driver, "//main//button[normalize-space(.)='Add']").await?;
    seen(driver, &chip("fraud")).await?;
    press(driver, &undo("Replaced the tag team")).await?;
    seen(driver, &chip("risk")).await.context("replaced and back").map(drop)
}
