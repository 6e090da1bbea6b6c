//! A page that stops by a fault of its own says so, in front of an open dialog too, and can be loaded again; an answer
//! that comes when its dialog is closed stops none.

use std::time::Duration;

use anyhow::{Context as _, Result};
use journeys::{
    browser::{gone, press, seen, told},
    desk::Desk,
    process::until,
    road,
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

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_after_its_dialog_was_closed_breaks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = answered_late(&desk).await;
    told(&desk.browser, "answered-late", result).await.unwrap();
}

/// The answer to the start of a training is kept back until `window.answer` is called.
const LATE: &str = "
    const real = window.fetch;
    window.fetch = async (address, asked) => {
        const answer = await real(address, asked);
        if (!String(asked?.body).includes('run.start')) return answer;
        return new Promise(done => { window.answer = () => done(answer); });
    };";

async fn answered_late(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let project = road::open_sample(&desk.client, "penguins").await?.id;
    desk.go(&format!("/p/{project}/runs?train=1")).await?;
    seen(driver, TRAIN).await.context("the dialog")?;
    driver.execute(LATE, Vec::new()).await?;
    press(driver, TRAIN).await?;
    let is_kept = async || Ok(driver.execute("return !!window.answer", Vec::new()).await?.convert::<bool>()?);
    until("the answer that is kept back", Duration::from_secs(30), is_kept).await?;
    press(driver, "//dialog[@open]//header//button[@aria-label='Close']").await?;
    gone(driver, "//dialog[@open]").await?;
    driver.execute("window.answer()", Vec::new()).await?;
    press(driver, "//nav[contains(@class,'rail')]//a[contains(., 'Jobs')]").await?;
    seen(driver, "//main//h1[.='Jobs']").await.context("the page goes on")?;
    Ok(())
}

const TRAIN: &str = "//dialog[@open]//button[normalize-space(.)='Start training']";
