//! The road up to "deployed on this machine", by a person's clicks: in headless Chromium against
//! `slipway serve`, and in the real window under a display of its own.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use api::host::MakeKey;
use journeys::{
    browser::{self, Browser, press, press_late, seen, seen_late, told},
    host::{self, Host},
    process::skipped_without,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_road_in_chromium() {
    if skipped_without(&["chromium", "chromedriver"]) {
        return;
    }
    let Some(slipway) = programs() else { return };
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(&slipway, folder.path()).await.unwrap();
    let address = host.client().await.unwrap().call(MakeKey {}).await.unwrap().address;
    let browser = browser::chromium(folder.path(), 1280, 800).await.unwrap();
    browser.driver.goto(&address).await.unwrap();
    let result = road(&browser, "chromium").await;
    told(&browser, "chromium", result).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn further_tabs_take_the_session_of_the_first_or_a_pasted_key() {
    if skipped_without(&["chromium", "chromedriver"]) {
        return;
    }
    let Some(slipway) = programs() else { return };
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(&slipway, folder.path()).await.unwrap();
    let client = host.client().await.unwrap();
    let addresses = [client.call(MakeKey {}).await.unwrap().address, client.call(MakeKey {}).await.unwrap().address];
    let browser = browser::chromium(folder.path(), 1280, 800).await.unwrap();
    let result = tabs(&browser, &addresses).await;
    told(&browser, "tabs", result).await.unwrap();
}

async fn tabs(browser: &Browser, [address, another]: &[String; 2]) -> Result<()> {
    let driver = &browser.driver;
    let origin = address.split("/#").next().context("the address has no key")?;
    driver.goto(origin).await?;
    seen_late(driver, "//main//*[contains(., 'no key to the host')]")
        .await
        .context("without a key nothing is shown")?;
    // Only what stands behind # differs: the browser loads nothing by itself.
    driver.goto(address).await?;
    seen_late(driver, "//*[@data-sample='card-fraud']").await.context("the pasted key opens the page")?;
    let first = driver.window().await?;
    let second = driver.new_tab().await?;
    driver.switch_to_window(second).await?;
    driver.goto(format!("{origin}/jobs")).await?;
    seen(driver, "//nav[contains(@class,'rail')]//a[@href='/jobs' and @aria-current='page']").await?;
    driver.refresh().await?;
    seen(driver, "//main//*[contains(., 'Jobs')]").await.context("the second tab has kept the session")?;
    driver.switch_to_window(first).await?;
    driver.goto(another).await?;
    seen(driver, "//*[@data-sample='card-fraud']").await.context("a second key in an open page changes nothing")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_road_in_the_window() {
    if browser::window_skipped() {
        return;
    }
    let (Some(_), Some(window)) = (programs(), host::program("SLIPWAY_DESKTOP")) else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("home")).unwrap();
    let browser = browser::window(&window, folder.path(), 1280, 800, |command| {
        host::environment(command, folder.path());
    });
    let browser = browser.await.unwrap();
    let result = road(&browser, "window").await;
    let result = told(&browser, "window", result).await;
    // The window started a host of its own: it must not outlive the test.
    let stopped = host::slipway(folder.path(), folder.path(), &["serve", "--stop"]);
    drop(stopped);
    drop(host::Servers::of(folder.path()));
    result.unwrap();
}

fn programs() -> Option<PathBuf> {
    let all = ["SLIPWAY_BIN", "SLIPWAY_WORKER", "SLIPWAY_SERVING", "SLIPWAY_UI"].map(host::program);
    all.iter().all(Option::is_some).then(|| all.into_iter().flatten().next()).flatten()
}

async fn road(browser: &Browser, name: &str) -> Result<()> {
    let driver = &browser.driver;
    press_late(driver, "//*[@data-sample='card-fraud']//button").await.context("open the sample")?;
    press_late(driver, "//a[contains(., 'Train') and contains(@class, 'primary')]").await.context("press Train")?;
    // Long enough to be stopped by a person on any machine: with the defaults it may be over before the first curve
    // is drawn.
    press(driver, "//dialog[@open]//button[contains(., 'More settings')]").await.context("see more settings")?;
    for (field, text) in [("Rounds at most", "1200"), ("Patience", "0")] {
        let path = format!("//dialog[@open]//label[contains(., '{field}')]//input");
        seen(driver, &path).await?.send_keys(text).await.with_context(|| format!("type {field}"))?;
    }
    press(driver, "//dialog[@open]//button[contains(., 'Start training')]").await.context("start the training")?;
    seen_late(driver, "//main//*[contains(@class,'plot')]").await.context("watch the first curve")?;
    press(driver, "//button[normalize-space(.)='Stop']").await.context("stop the training")?;
    press_late(driver, "//button[normalize-space(.)='Resume']").await.context("resume the training")?;
    seen_late(driver, "//button[contains(., 'Register model')]").await.context("the training ends")?;
    let log = "//main//*[@role='log'][contains(., 'round 1200 of 1200')]";
    seen_late(driver, log).await.context("the log of what was resumed, to its end")?;
    press_late(driver, "//button[contains(., 'Register model')]").await.context("press Register model")?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Register']")
        .await
        .context("register the model")?;
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Report')]").await.context("open the report")?;
    seen(driver, "//*[contains(text(), 'ROC AUC')]").await.context("read the report")?;
    browser.picture(&format!("{name}-report")).await?;
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Try it')]").await.context("open the form")?;
    press(driver, "//button[contains(., 'Predict')]").await.context("predict the example")?;
    seen(driver, "//*[contains(., 'answered in') and contains(@class, 'small')]")
        .await
        .context("read the prediction")?;
    press(driver, "//*[contains(@class,'rail')]//a[contains(., 'Deploy')]").await.context("go to Deploy")?;
    press(driver, "//button[contains(., 'Deploy v1')]").await.context("press Deploy")?;
    press(driver, "//dialog[@open]//button[contains(., 'See what will be done')]").await.context("see the plan")?;
    press_late(driver, "//dialog[@open]//footer//button[normalize-space(.)='Deploy']")
        .await
        .context("confirm the plan")?;
    press_late(driver, "//button[contains(., 'Call it')]").await.context("call the deployment")?;
    let answer = seen(driver, "//*[contains(@class,'answer')]").await.context("read the answer")?.text().await?;
    ensure!(answer.contains("prediction") && answer.contains("ms"), "the answer reads {answer}");
    browser.picture(&format!("{name}-deployed")).await
}
