//! A connection that loses what the page asks: a change of network cuts requests off and leaves the stream of
//! announcements, so that nothing but the page itself would ask again.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::host::MakeKey;
use journeys::{
    browser::{self, Browser, press_late, seen, told},
    host::{self, Host},
    process::{skipped_without, until},
    road,
};
use thirtyfour::By;

/// More than the page waits between two tries.
const PATIENCE: Duration = Duration::from_secs(20);

/// Every question to the host is lost while `isCutOff` is true; the stream of announcements goes on.
const CUT_OFF: &str = "
    const real = window.fetch;
    window.isCutOff = true;
    window.lost = 0;
    window.fetch = (address, asked) => {
        if (!window.isCutOff || !String(address).endsWith('/api/call')) return real(address, asked);
        window.lost += 1;
        return Promise.reject(new TypeError('Failed to fetch'));
    };";

#[test]
fn what_the_page_asks_while_its_network_changes_is_asked_again() {
    if skipped_without(&["chromium", "chromedriver"]) {
        return;
    }
    let needed = ["SLIPWAY_BIN", "SLIPWAY_UI", "SLIPWAY_SAMPLES"].map(host::program);
    let [Some(slipway), Some(_), Some(_)] = needed else { return };
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(asked_again(&slipway, folder.path())).unwrap();
}

async fn asked_again(slipway: &Path, folder: &Path) -> Result<()> {
    let host = Host::start(slipway, folder).await?;
    let browser = browser::chromium(folder, 1280, 800).await?;
    browser.driver.goto(&host.client().await?.call(MakeKey {}).await?.address).await?;
    let result = cut_off(&browser, &host).await;
    told(&browser, "losing", result).await
}

async fn cut_off(browser: &Browser, host: &Host) -> Result<()> {
    let driver = &browser.driver;
    press_late(driver, "//nav[contains(@class,'rail')]//a[contains(., 'Jobs')]").await?;
    seen(driver, "//main//*[contains(., 'Nothing has run yet')]").await.context("see that nothing ran")?;
    driver.execute(CUT_OFF, Vec::new()).await?;
    road::open_sample(&host.client().await?, "penguins").await?;
    let lost = async || driver.execute("return window.lost", Vec::new()).await?.convert::<u32>();
    until("questions that are lost", PATIENCE, async || Ok(lost().await? > 1)).await?;
    ensure!(driver.find_all(By::XPath(DONE)).await?.is_empty(), "the page knows what it can't have heard");
    driver.execute("window.isCutOff = false", Vec::new()).await?;
    // The job is over: nothing more is announced.
    until("the job's end on the page", PATIENCE, async || Ok(!driver.find_all(By::XPath(DONE)).await?.is_empty())).await
}

const DONE: &str = "//main//section[.//h2[.='Finished']]//*[contains(., 'Open the sample')]";
