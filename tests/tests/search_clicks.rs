//! A search for hyperparameters and another tool's log by a person's clicks.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use api::{
    host::{SecretBackend, SetSecret},
    search::{ListSearches, SearchState},
    source::ListSources,
};
use journeys::{
    browser::{fill, press, seen, told},
    desk::Desk,
    process::until,
    road,
};

const LONG: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_begun_in_its_dialog_and_its_best_trial_opened() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = search(&desk).await;
    told(&desk.browser, "search", result).await.unwrap();
}

async fn search(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let (name, value) = ("unused".to_owned(), "unused".to_owned());
    desk.client.call(SetSecret { name, value, backend: Some(SecretBackend::File) }).await?;
    let project = road::open_sample(&desk.client, "penguins").await?.id;
    desk.go(&format!("/p/{project}/runs")).await?;
    press(driver, "//main//a[contains(., 'Search for settings')]").await?;
    press(driver, "//main//button[contains(., 'New search')]").await?;
    seen(driver, "//dialog[@open]//*[@data-tried]").await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Trials at most')]//input", "0").await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Search')]").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'from 1 to 100,000')]").await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Trials at most')]//input", "3").await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Search')]").await?;
    seen(driver, "//main//section[@data-search]").await?;
    let over = async || {
        let all = desk.client.call(ListSearches { project }).await?;
        Ok(all.first().is_some_and(|search| search.state == SearchState::Finished && search.counted() == 3))
    };
    until("the search is finished", LONG, over).await?;
    seen(driver, "//main//tr[@data-trial='3']").await?;
    let best = seen(driver, "//main//tr[@data-trial][contains(., 'best')]//a").await?;
    let name = best.text().await?;
    best.click().await?;
    seen(driver, &format!("//main//h1[contains(., '{name}')]")).await.context("the run of the best trial").map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tools_log_is_found_read_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = source(&desk, folder.path()).await;
    told(&desk.browser, "source", result).await.unwrap();
}

async fn source(desk: &Desk, folder: &std::path::Path) -> Result<()> {
    let driver = desk.driver();
    let logs = folder.join("lo gs");
    std::fs::create_dir(&logs)?;
    std::fs::write(logs.join("metrics.jsonl"), "{\"step\": 1, \"loss\": 0.5}\n{\"step\": 2, \"loss\": 0.25}\n")?;
    desk.go("/experiments").await?;
    press(driver, "//main//button[contains(., 'Read a log')]").await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Folder')]//input", &logs.to_string_lossy()).await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Look')]").await?;
    press(driver, "//dialog[@open]//tr[@data-found='Metrics files']//button[contains(., 'Read')]").await?;
    seen(driver, "//main//*[@data-sources]//tr[contains(., 'Metrics files')][contains(., 'followed')]").await?;
    let read = async || Ok(desk.client.call(ListSources {}).await?.first().is_some_and(|source| source.runs == 1));
    until("its run is read", LONG, read).await?;
    press(driver, "//main//*[@data-sources]//button[starts-with(@aria-label, 'More of')]").await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Forget')]").await?;
    press(driver, "//dialog[@open]//button[contains(., 'Delete the runs too')]").await?;
    let gone = async || Ok(desk.client.call(ListSources {}).await?.is_empty());
    until("the log is forgotten", LONG, gone).await?;
    ensure!(logs.join("metrics.jsonl").is_file(), "the log itself is never touched");
    Ok(())
}
