//! The window by keyboard: pages by chord and by the palette, rows of a list, the menu of a column.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use api::{ProjectId, config::ColumnType, config::DataConfig, project::GetProject};
use journeys::{
    browser::{gone, press, seen, told},
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
    for seed in [0, 1] {
        road::edit(client, project, &[("training.seed", json!(seed))]).await?;
        road::train(client, project).await?;
    }
    rows(desk, project).await.context("rows of a list")?;
    pages(desk).await.context("pages")?;
    column(desk, project).await.context("the menu of a column")
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
    keys(desk, Key::Enter + "").await?;
    seen(driver, "//main//nav[contains(@class,'tabs')]//a[contains(., 'Charts')]").await.context("the run")?;
    Ok(())
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
