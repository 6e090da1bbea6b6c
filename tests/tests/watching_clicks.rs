//! Watching by a person's clicks, in headless Chromium: traffic is sent from Monitor, an alert stands there, and a
//! drifted cell leads to the distributions and to the rows behind them, and a bar to its own rows.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    DeploymentId, ProjectId,
    monitor::{ColumnPart, GetMonitoring, GetWindowRows, RowsOf},
    project::GetProject,
};
use client::call::Client;
use journeys::{
    browser::{gone, press, seen, seen_late, told},
    desk::Desk,
    process::until,
    road,
};
use serde_json::json;
use thirtyfour::{Key, WebElement};

#[tokio::test(flavor = "multi_thread")]
async fn from_traffic_to_an_alert_and_the_rows_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let (project, deployment) = deployed(&desk.client).await.unwrap();
    let result = watched(&desk, project, deployment).await;
    told(&desk.browser, "watching", result).await.unwrap();
}

async fn deployed(client: &Client) -> Result<(ProjectId, DeploymentId)> {
    let project = road::open_sample(client, "breast-cancer").await?;
    road::write_second_period(Path::new(&project.path))?;
    road::edit(client, project.id, &[("monitoring.window", json!("1000 rows"))]).await?;
    let version = road::register(client, road::train(client, project.id).await?, &[]).await?;
    let target = road::this_machine(client).await?;
    Ok((project.id, road::deploy(client, road::spec("tumours", target, version.id)).await?.id))
}

const COUNT: &str = "//*[h3[.='Logged']]/span[contains(@class,'muted')]";

async fn watched(desk: &Desk, project: ProjectId, deployment: DeploymentId) -> Result<()> {
    let driver = desk.driver();
    desk.go(&format!("/p/{project}/monitor/{deployment}")).await?;
    let form = "//main//section[.//h2[.='Send traffic']]";
    let hint = seen(driver, &format!("{form}//p[contains(., 'close')]")).await?.text().await?;
    ensure!(hint.contains("2,000 rows close 2 windows"), "the hint reads {hint}");
    press(driver, &format!("{form}//button[normalize-space(.)='Send']")).await?;
    seen_late(driver, "//main//*[contains(., 'mean_radius drifted')]").await.context("an alert stands there")?;
    let alerts = seen(driver, "//main//section[.//h2[.='Alerts']]").await?.rect().await?;
    ensure!(alerts.y < 700.0, "the alerts begin at {}, below the first screen", alerts.y);

    // The loudest cell of the newest window; from it the arrows choose another one and lead back.
    let heat = seen(driver, "//main//*[@role='grid' and contains(@class,'heat')]").await?;
    heat.send_keys(Key::Left + "").await?;
    heat.send_keys(Key::Right + "").await?;
    seen(driver, &format!("{COUNT}[starts-with(., '1,000 rows')]")).await.context("all rows of the window")?;
    seen(driver, "//*[contains(@class,'window-rows')]//tbody//td[normalize-space(.)!='']")
        .await
        .context("the rows are shown")?;
    press(driver, "//*[h3[.='Logged']]//*[self::button or self::label][normalize-space(.)='Not in validation']")
        .await?;
    let unseen = count(desk, |text| !text.starts_with("1,000 ")).await?;
    let rows: u64 = unseen.split(' ').next().unwrap_or_default().parse().with_context(|| format!("read {unseen}"))?;
    ensure!(rows < 1000, "{unseen} are beyond the validation data");
    desk.browser.picture("monitor-rows").await?;
    bars(desk, deployment).await.context("the rows of a bar")?;
    kept_in_the_address(desk).await.context("the stretch and the cell in the address")?;
    open_and_cleared(desk, project, deployment).await.context("alerts, open and cleared")
}

/// Another column drifts while the first is calm again: each kind of alert is to be had alone.
async fn open_and_cleared(desk: &Desk, project: ProjectId, deployment: DeploymentId) -> Result<()> {
    const ALERTS: &str = "//main//section[.//h2[.='Alerts']]";
    const BAR: &str = "//main//div[contains(@class,'picked-bar')]";
    let (driver, client) = (desk.driver(), &desk.client);
    let folder = client.call(GetProject { project }).await?.path;
    road::write_shifted(Path::new(&folder), "third-period", "mean_texture", 3000)?;
    for window in 0..3 {
        let path = "third-period/breast-cancer.csv".to_owned();
        road::sent_window(client, deployment, path, window * 1000, window as usize + 3).await?;
    }
    let choose = async |which: &str| press(driver, &format!("{ALERTS}//*[@role='radio' and .='{which}']")).await;
    let alert = |column: &str| format!("{ALERTS}//*[@role='listitem' and contains(., '{column} drifted')]");
    let (radius, texture) = (alert("mean_radius"), alert("mean_texture"));
    desk.go(&format!("/p/{project}/monitor/{deployment}")).await?;
    choose("Cleared").await?;
    seen(driver, &radius).await.context("mean_radius is cleared")?;
    gone(driver, &texture).await.context("mean_texture is open")?;
    choose("Open").await?;
    let named = async || Ok(driver.current_url().await?.query().unwrap_or_default().contains("alerts=open"));
    until("which alerts, in the address", Duration::from_secs(10), named).await?;
    driver.refresh().await?;
    seen(driver, &format!("{ALERTS}//*[@role='radio' and .='Open' and @aria-checked='true']")).await?;
    seen(driver, &texture).await?;
    gone(driver, &radius).await?;
    choose("All").await?;
    seen(driver, &radius).await?;
    let line = seen(driver, &texture).await?;
    // A right click opens what the button of the line opens.
    driver.action_chain().context_click_element(&line).perform().await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Show its distributions']").await?;
    seen(driver, "//main//section[.//h3[.='Logged']]//h2[contains(., 'mean_texture')]").await?;
    // What is selected is acknowledged above the list, and is not selected any more.
    seen(driver, &texture).await?.send_keys("x").await?;
    seen(driver, &format!("{BAR}//*[.='1 alert selected']")).await?;
    press(driver, &format!("{BAR}//button[normalize-space(.)='Acknowledge']")).await?;
    seen(driver, &format!("{texture}//*[contains(., ', acknowledged')]")).await?;
    gone(driver, BAR).await?;
    placed(desk, project, deployment).await.context("the table of deployments by keys")
}

/// The first arrow goes to the deployment, and its menu leads to what is watched of it.
async fn placed(desk: &Desk, project: ProjectId, deployment: DeploymentId) -> Result<()> {
    let driver = desk.driver();
    desk.go(&format!("/p/{project}/deploy")).await?;
    seen(driver, "//main//button[contains(@class,'placed') and contains(., 'tumours')]").await?;
    driver.active_element().await?.send_keys(Key::Down + "").await?;
    let is_placed = async || {
        let class = driver.active_element().await?.attr("class").await?;
        Ok(class.is_some_and(|class| class.contains("placed")))
    };
    until("the keyboard at the deployment", Duration::from_secs(10), is_placed).await?;
    driver.active_element().await?.send_keys(".").await?;
    let back = "//*[@role='menu']//button[@aria-disabled='true' and contains(., 'There is no earlier version')]";
    seen(driver, back).await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Watch']").await?;
    let there = async || Ok(driver.current_url().await?.path().ends_with(&format!("/monitor/{deployment}")));
    until("what is watched of it", Duration::from_secs(10), there).await
}

/// A reload shows the stretch and the cell that were chosen.
async fn kept_in_the_address(desk: &Desk) -> Result<()> {
    const WEEK: &str = "//*[@role='radiogroup' and @aria-label='Stretch of the traffic']/button[.='7 d']";
    let driver = desk.driver();
    let title = seen(driver, "//main//section[.//h3[.='Logged']]//h2").await?.text().await?;
    press(driver, WEEK).await?;
    let named = async || {
        let address = driver.current_url().await?;
        let query = address.query().unwrap_or_default().to_owned();
        Ok(["hours=168", "window=", "column="].iter().all(|part| query.contains(part)))
    };
    until("both in the address", Duration::from_secs(10), named).await?;
    driver.refresh().await?;
    let shown = seen(driver, "//main//section[.//h3[.='Logged']]//h2").await.context("the cell")?.text().await?;
    ensure!(shown == title, "{title} was chosen, {shown} is shown");
    seen(driver, &format!("{WEEK}[@aria-checked='true']")).await.context("the stretch")?;
    Ok(())
}

/// How many rows are shown, in the page's words, once they are as wanted.
async fn count(desk: &Desk, wanted: impl Fn(&str) -> bool) -> Result<String> {
    let mut text = String::new();
    until("another count of rows", Duration::from_secs(30), async || {
        text = seen(desk.driver(), COUNT).await?.text().await?;
        Ok(wanted(&text))
    })
    .await?;
    Ok(text)
}

const PLOT: &str = "//main//section[.//h3[.='Logged']]//div[contains(@class,'opens')]";

/// A bar that is chosen by keyboard, then another one that is clicked: its rows, and no others.
async fn bars(desk: &Desk, deployment: DeploymentId) -> Result<()> {
    let driver = desk.driver();
    let plot = seen(driver, PLOT).await?;
    plot.scroll_into_view().await?;
    let first = next_bar(desk, &plot, 0).await?;
    plot.send_keys(Key::Enter + "").await?;
    shows(desk, deployment, &first).await.context("chosen by keyboard")?;

    let second = next_bar(desk, &plot, first.place + 1).await?;
    let outline = seen(driver, &format!("{PLOT}//div[contains(@class,'spot-outline')]")).await?.rect().await?;
    plot.send_keys(Key::Escape + "").await?;
    // At its foot: the rows of the first bar may have moved its head out of sight.
    let (x, y) = (outline.x + outline.width / 2.0, outline.y + outline.height - 4.0);
    driver.action_chain().move_to(x as i64, y as i64).click().perform().await?;
    shows(desk, deployment, &second).await.context("clicked")?;
    let row = "//*[contains(@class,'window-rows')]//tbody//td[normalize-space(.)!='']";
    let shown = async || {
        let (place, height) =
            (seen(driver, row).await?.rect().await?, driver.execute("return innerHeight", vec![]).await?);
        Ok(place.y + place.height < height.convert::<f64>()?)
    };
    until("the rows come into sight", Duration::from_secs(10), shown).await?;
    desk.browser.picture("monitor-bar").await
}

/// A bar of the distributions, as what is said at it.
#[derive(Debug)]
struct Bar {
    place: u32,
    name: String,
    /// Of the window.
    rows: u64,
}

/// Goes from bar to bar until one from `first` on has rows of the window.
async fn next_bar(desk: &Desk, plot: &WebElement, first: u32) -> Result<Bar> {
    const TIP: &str = "div[contains(@class,'tip')]";
    plot.send_keys(Key::Escape + "").await?;
    for place in 0..60 {
        plot.send_keys(Key::Right + "").await?;
        let name = seen(desk.driver(), &format!("{PLOT}//{TIP}/div[contains(@class,'faint')]")).await?.text().await?;
        let figure = seen(desk.driver(), &format!("{PLOT}//{TIP}/div[last()]/span")).await?.text().await?;
        let rows = figure.split(' ').next().unwrap_or_default().replace(',', "");
        let rows = rows.parse().with_context(|| format!("{name} says {figure}"))?;
        if place >= first && rows > 0 {
            return Ok(Bar { place, name, rows });
        }
    }
    anyhow::bail!("no bar from {first} on has rows")
}

/// The page and the host tell the same rows of a bar.
async fn shows(desk: &Desk, deployment: DeploymentId, bar: &Bar) -> Result<()> {
    let said = count(desk, |text| text.ends_with(&format!(": {}", bar.name))).await?;
    ensure!(said.replace(',', "").starts_with(&format!("{} row", bar.rows)), "{bar:?}, and {said} are shown");
    let windows = desk.client.call(GetMonitoring { deployment, hours: None }).await?.windows;
    let window = windows.last().context("no window")?.id;
    let title = seen(desk.driver(), "//main//section[.//h3[.='Logged']]//h2").await?.text().await?;
    let only = Some(RowsOf { column: title, part: ColumnPart::Bar { bar: bar.place } });
    let rows = desk.client.call(GetWindowRows { window, offset: 0, limit: 10, only }).await?.page;
    ensure!(rows.total_rows == bar.rows, "{bar:?}, and the host has {}", rows.total_rows);
    Ok(())
}
