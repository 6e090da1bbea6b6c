//! A page that stops by a fault of its own says so, in front of an open dialog too, and can be loaded again.

use std::time::Duration;

use anyhow::{Context as _, Result};
use journeys::{
    browser::{press, seen, told},
    desk::Desk,
    process::until,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_panicked_says_so_and_is_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = panics(&desk).await;
    told(&desk.browser, "breaking", result).await.unwrap();
}

/// A browser that can't do what every page is built with, and a press that leads to another page.
const BROKEN: &str = "
    Node.prototype.cloneNode = () => { throw new Error('broken by the test'); };
    document.body.appendChild(document.createElement('dialog')).showModal();
    document.querySelector('nav.rail a[href=\"/jobs\"]').click();";

const WHOLE: &str = "return !document.documentElement.hasAttribute('data-fault')";

async fn panics(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    driver.execute(BROKEN, Vec::new()).await?;
    seen(driver, "//*[@role='alert'][contains(., 'This page stopped by a fault of its own')]").await?;
    desk.browser.picture("fault").await?;
    press(driver, "//*[@role='alert']//a[.='Load the page again']").await?;
    let is_whole = async || {
        let answer = driver.execute(WHOLE, Vec::new()).await;
        Ok(answer.is_ok_and(|answer| answer.convert::<bool>().unwrap_or(false)))
    };
    until("a page without the fault", Duration::from_secs(30), is_whole).await?;
    seen(driver, "//nav[contains(@class,'rail')]//a[contains(., 'Jobs')]").await.context("the page is there again")?;
    Ok(())
}
