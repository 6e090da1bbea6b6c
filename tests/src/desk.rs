//! A person before the pages: a host of the test's own, and headless Chromium that is signed in to it.

use std::path::Path;

use anyhow::{Context as _, Result};
use api::host::MakeKey;
use client::call::Client;
use thirtyfour::WebDriver;

use crate::{
    browser::{self, Browser, says, seen_late, told},
    host::{self, Host},
    process::skipped_without,
};

/// The rows of the run table.
pub const ROWS: &str = "//main//*[@aria-label='Runs']//tr[@role='row' and @aria-selected]";

/// The host ends after the browser.
#[derive(Debug)]
pub struct Desk {
    pub browser: Browser,
    pub client: Client,
    pub host: Host,
    /// The pages' address without a path.
    origin: String,
}

impl Desk {
    /// `None`, said in one line, where a program that it needs is missing.
    pub async fn new(folder: &Path) -> Result<Option<Self>> {
        if skipped_without(&["chromium", "chromedriver"]) {
            return Ok(None);
        }
        let programs = ["SLIPWAY_BIN", "SLIPWAY_WORKER", "SLIPWAY_SERVING", "SLIPWAY_UI"].map(host::program);
        let [Some(slipway), Some(_), Some(_), Some(_)] = programs else { return Ok(None) };
        let host = Host::start(&slipway, folder).await?;
        let client = host.client().await?;
        let address = client.call(MakeKey {}).await?.address;
        let origin = address.split("/#").next().context("the address has no key")?.to_owned();
        let browser = browser::chromium(folder, 1280, 800).await?;
        browser.driver.goto(&address).await?;
        seen_late(&browser.driver, "//*[@data-sample='card-fraud']").await.context("the key opens the page")?;
        Ok(Some(Self { browser, client, host, origin }))
    }

    /// A click test from its begin to its end; it is named after what is looked at, which its pictures are called.
    /// Skipped, said in one line, where a program that it needs is missing.
    pub async fn tried(name: &str, test: impl AsyncFnOnce(&Self, &Path) -> Result<()>) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let Some(desk) = Self::new(folder.path()).await? else { return Ok(()) };
        let result = test(&desk, folder.path()).await;
        told(&desk.browser, name, result).await
    }

    pub fn driver(&self) -> &WebDriver {
        &self.browser.driver
    }

    /// Goes to a page by its path, such as `/p/ID/runs`.
    pub async fn go(&self, path: &str) -> Result<()> {
        Ok(self.browser.driver.goto(format!("{}{path}", self.origin)).await?)
    }

    /// Waits until the run table has the runs of these names, in this order.
    pub async fn shows_runs(&self, names: &[&str]) -> Result<()> {
        says(self.driver(), &format!("{ROWS}//b"), names).await
    }
}
