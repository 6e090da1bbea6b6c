//! The window by keyboard: pages by chord and by the palette, rows of a list, the menu of a column.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use api::{ProjectId, RunId, config::ColumnType, config::DataConfig, project::GetProject};
use journeys::{
    browser::{fill, gone, press, seen, told},
    desk::Desk,
    process::until,
    road,
};
use serde_json::json;
use thirtyfour::{Key, TypingData, error::WebDriverErrorInner};

const SHORT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn pages_rows_and_columns_are_reached_by_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = by_keyboard(&desk).await;
    told(&desk.browser, "keyboard", result).await.unwrap();
}

async fn by_keyboard(desk: &Desk) -> Result<()> {
    let client = &desk.client;
    let project = road::open_sample(client, "diabetes").await?.id;
    road::edit(client, project, &[("training.model", json!("linear"))]).await?;
    let mut runs = Vec::new();
    for seed in [0, 1] {
        road::edit(client, project, &[("training.seed", json!(seed))]).await?;
        runs.push(road::train(client, project).await?);
    }
    rows(desk, project).await.context("rows of a list")?;
    menus(desk).await.context("the menu of a row")?;
    pages(desk).await.context("pages")?;
    column(desk, project).await.context("the menu of a column")?;
    wished(desk, project, &runs).await.context("a wish to register")?;
    words(desk, project, &runs).await.context("the words of a run's log in the address")?;
    versions(desk, project, &runs).await.context("versions that are selected")
}

/// Sends keys to what has the keyboard; what is replaced before it heard them is looked for again.
async fn keys(desk: &Desk, keys: impl Into<TypingData>) -> Result<()> {
    let keys: String = keys.into().as_vec().into_iter().collect();
    let sent = async || match desk.driver().active_element().await?.send_keys(&keys).await {
        Err(error) if matches!(*error, WebDriverErrorInner::StaleElementReference(_)) => Ok(false),
        sent => Ok(sent.map(|()| true)?),
    };
    until("an element that hears the keys", SHORT, sent).await
}

async fn is_at(desk: &Desk, path: &str) -> Result<()> {
    let there = async || Ok(desk.driver().current_url().await?.path().ends_with(path));
    until(&format!("the page {path}"), SHORT, there).await
}

/// From Overview to the runs; two of them are chosen, and their curves lie over each other.
async fn rows(desk: &Desk, project: ProjectId) -> Result<()> {
    let driver = desk.driver();
    desk.go(&format!("/p/{project}")).await?;
    seen(driver, "//main//h1[.='Diabetes']").await?;
    keys(desk, "g").await?;
    keys(desk, "r").await?;
    is_at(desk, "/runs").await?;
    let current = |row: u32| format!("//main//tr[@aria-current='true' and @aria-rowindex='{row}']");
    seen(driver, "//main//tr[@aria-selected]").await?;
    // The first press brings the keyboard to the list, and to its first row.
    for row in [2, 3] {
        keys(desk, Key::Down + "").await?;
        seen(driver, &current(row)).await?;
        keys(desk, "x").await?;
        seen(driver, &format!("{}[@aria-selected='true']", current(row))).await?;
    }
    seen(driver, "//main//a[normalize-space(.)='Compare']").await.context("two runs lie over each other")?;
    desk.browser.picture("keyboard-runs").await?;
    // Escape ends the selection from beside the table too, and the keyboard is at the table again.
    seen(driver, "//aside//select[@aria-label='Metric']").await?.focus().await?;
    keys(desk, Key::Escape + "").await?;
    gone(driver, "//aside//select[@aria-label='Metric']").await?;
    let at_table = async || match driver.active_element().await?.attr("role").await {
        Err(error) if matches!(*error, WebDriverErrorInner::StaleElementReference(_)) => Ok(false),
        role => Ok(role?.as_deref() == Some("grid")),
    };
    until("the keyboard at the table", SHORT, at_table).await?;
    keys(desk, Key::Enter + "").await?;
    seen(driver, "//main//nav[contains(@class,'tabs')]//a[contains(., 'Charts')]").await.context("the run")?;
    Ok(())
}

/// From the page's first arrow to what can be done with a row, and back to the row.
async fn menus(desk: &Desk) -> Result<()> {
    const MENU: &str = "//*[@role='menu']//button";
    let driver = desk.driver();
    desk.go("/").await?;
    seen(driver, "//main//section[h2='Recent']//a[contains(., 'Diabetes')]").await?;
    // A row that has the keyboard already stays the one: there is no other.
    for (named, key) in [("the dot", ".".to_owned()), ("Shift and F10", (Key::Shift + Key::F10).to_string())] {
        keys(desk, Key::Down + "").await?;
        keys(desk, key).await?;
        seen(driver, &format!("{MENU}[normalize-space(.)='Forget project…']")).await.context(named)?;
        keys(desk, Key::Escape + "").await?;
        gone(driver, MENU).await?;
    }
    keys(desk, Key::Enter + "").await?;
    seen(driver, "//main//h1[.='Diabetes']").await.context("the row has the keyboard again").map(drop)
}

async fn pages(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    keys(desk, "?").await?;
    seen(driver, "//dialog[@open]//h2[.='Keyboard shortcuts']").await?;
    keys(desk, Key::Escape + "").await?;
    gone(driver, "//dialog[@open]").await?;
    keys(desk, Key::Control + "k").await?;
    seen(driver, "//dialog[@open and @aria-label='Search or run a command']//input").await?;
    keys(desk, "hardw").await?;
    seen(driver, "//dialog[@open]//*[@role='option' and @aria-selected='true' and contains(., 'Hardware')]").await?;
    keys(desk, Key::Enter + "").await?;
    is_at(desk, "/hardware").await?;
    keys(desk, "g").await?;
    keys(desk, "j").await?;
    is_at(desk, "/jobs").await?;
    seen(driver, "//main//input[@aria-label='Filter jobs']").await?;
    keys(desk, "/").await?;
    let named = driver.active_element().await?.attr("aria-label").await?;
    ensure!(named.as_deref() == Some("Filter jobs"), "the keyboard is at {named:?}");
    // A note that is closed leaves the keyboard where it was.
    press(driver, "//footer//button[contains(@aria-label, 'Copy the address for MLflow')]").await?;
    press(driver, "//*[@class='toast']//button[@aria-label='Close']").await?;
    gone(driver, "//*[@class='toast']").await?;
    let named = driver.active_element().await?.attr("aria-label").await?;
    let is_back = named.as_ref().is_some_and(|named| named.starts_with("Copy the address for MLflow"));
    ensure!(is_back, "after a note the keyboard is at {named:?}");
    Ok(())
}

/// A column is ignored by a letter, another is marked by a press, and another is read as text.
async fn column(desk: &Desk, project: ProjectId) -> Result<()> {
    let driver = desk.driver();
    desk.go(&format!("/p/{project}/data?tab=profile")).await?;
    let menu = async |column: &str| press(driver, &format!("//main//button[@aria-label='Use of {column}']")).await;
    menu("bmi").await?;
    seen(driver, "//*[@role='menu']").await?;
    keys(desk, "i").await?;
    keys(desk, Key::Enter + "").await?;
    becomes(desk, project, "bmi is ignored", |data| data.ignore == ["bmi"]).await?;
    menu("age").await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Sensitive')]").await?;
    becomes(desk, project, "age is sensitive", |data| data.sensitive == ["age"]).await?;
    menu("sex").await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Read as')]").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Category']").await?;
    becomes(desk, project, "sex is a category", |data| data.types.get("sex") == Some(&ColumnType::Category)).await
}

async fn becomes(desk: &Desk, project: ProjectId, what: &str, is: impl Fn(&DataConfig) -> bool) -> Result<()> {
    let now = async || Ok(is(&desk.client.call(GetProject { project }).await?.file.data));
    until(what, SHORT, now).await
}

/// An address that wishes for it opens the dialog, and wishes for nothing any more.
async fn wished(desk: &Desk, project: ProjectId, runs: &[RunId]) -> Result<()> {
    let driver = desk.driver();
    let run = runs.first().context("no run")?;
    desk.go(&format!("/p/{project}/runs/{run}?register=1")).await?;
    seen(driver, "//dialog[@open]//h2[.='Register model']").await?;
    let forgotten = async || Ok(!driver.current_url().await?.query().unwrap_or_default().contains("register"));
    until("an address without the wish", SHORT, forgotten).await?;
    keys(desk, Key::Escape + "").await?;
    gone(driver, "//dialog[@open]").await
}

/// A reload searches for the same.
async fn words(desk: &Desk, project: ProjectId, runs: &[RunId]) -> Result<()> {
    const SEARCH: &str = "//main//input[@aria-label='Search in the log']";
    let driver = desk.driver();
    let run = runs.first().context("no run")?;
    desk.go(&format!("/p/{project}/runs/{run}?tab=logs")).await?;
    fill(driver, SEARCH, "nowhere-to-be-read").await?;
    let named = async || Ok(driver.current_url().await?.query().unwrap_or_default().contains("words=nowhere"));
    until("the words in the address", SHORT, named).await?;
    driver.refresh().await?;
    let words = seen(driver, SEARCH).await?.prop("value").await?;
    ensure!(words.as_deref() == Some("nowhere-to-be-read"), "the words are {words:?}");
    seen(driver, "//main//*[contains(., 'No line contains what is searched for.')]").await.map(drop)
}

/// Two versions are selected by `x`, let go of, selected again, and their runs are compared.
async fn versions(desk: &Desk, project: ProjectId, runs: &[RunId]) -> Result<()> {
    const BAR: &str = "//main//div[contains(@class,'picked-bar')]";
    let driver = desk.driver();
    for run in runs {
        road::register(&desk.client, *run, &[]).await?;
    }
    desk.go(&format!("/p/{project}/models")).await?;
    let row = |at: usize| format!("(//main//tr[contains(@class,'opens') and @tabindex])[{at}]");
    seen(driver, &row(2)).await?;
    keys(desk, Key::Down + "").await?;
    keys(desk, "x").await?;
    seen(driver, &format!("{}[contains(@class,'sel')]", row(1))).await?;
    keys(desk, "x").await?;
    gone(driver, BAR).await.context("let go of")?;
    keys(desk, "x").await?;
    keys(desk, Key::Down + "").await?;
    keys(desk, "x").await?;
    seen(driver, &format!("{BAR}//*[.='2 versions selected']")).await?;
    seen(driver, &format!("{BAR}//button[normalize-space(.)='Delete 2 versions…']")).await?;
    desk.browser.picture("versions-selected").await?;
    // The menu of one that is selected is about both.
    keys(desk, ".").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Compare their runs']").await?;
    let compared = async || {
        let query = driver.current_url().await?.query().unwrap_or_default().to_owned();
        Ok(query.contains("compare=") && runs.iter().all(|run| query.contains(&run.to_string())))
    };
    until("both runs compared", SHORT, compared).await
}
