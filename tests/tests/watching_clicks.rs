//! Watching by a person's clicks, in headless Chromium: traffic is sent from Monitor, an alert stands there, and a
//! drifted cell leads to the distributions and to the rows behind them.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use api::{DeploymentId, ProjectId, host::MakeKey};
use client::call::Client;
use journeys::{
    browser::{self, Browser, press, seen, told},
    host::{self, Host},
    process::skipped_without,
    road,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn from_traffic_to_an_alert_and_the_rows_behind_it() {
    if skipped_without(&["chromium", "chromedriver"]) {
        return;
    }
    let programs = ["SLIPWAY_BIN", "SLIPWAY_WORKER", "SLIPWAY_SERVING", "SLIPWAY_UI"].map(host::program);
    let [Some(slipway), Some(_), Some(_), Some(_)] = programs else { return };
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(&slipway, folder.path()).await.unwrap();
    let client = host.client().await.unwrap();
    let (project, deployment) = deployed(&client).await.unwrap();
    let address = client.call(MakeKey {}).await.unwrap().address;
    let browser = browser::chromium(folder.path(), 1280, 800).await.unwrap();
    browser.driver.goto(&address).await.unwrap();
    let result = watched(&browser, &address, project, deployment).await;
    told(&browser, "watching", result).await.unwrap();
}

async fn deployed(client: &Client) -> Result<(ProjectId, DeploymentId)> {
    let project = road::open_sample(client, "breast-cancer").await?;
    road::write_second_period(Path::new(&project.path))?;
    road::edit(client, project.id, &[("monitoring.window", json!("1000 rows"))]).await?;
    let version = road::register(client, road::train(client, project.id).await?, &[]).await?;
    let target = road::this_machine(client).await?;
    Ok((project.id, road::deploy(client, road::spec("tumours", target, version.id)).await?.id))
}

async fn watched(browser: &Browser, address: &str, project: ProjectId, deployment: DeploymentId) -> Result<()> {
    let driver = &browser.driver;
    seen(driver, "//*[@data-sample='card-fraud']").await.context("the key opens the page")?;
    let origin = address.split("/#").next().context("the address has no key")?;
    driver.goto(format!("{origin}/p/{project}/monitor/{deployment}")).await?;

    let form = "//main//section[.//h2[.='Send traffic']]";
    let hint = seen(driver, &format!("{form}//p[contains(., 'close')]")).await?.text().await?;
    ensure!(hint.contains("2,000 rows close 2 windows"), "the hint reads {hint}");
    press(driver, &format!("{form}//button[normalize-space(.)='Send']")).await?;
    seen(driver, "//main//*[contains(., 'mean_radius drifted')]").await.context("an alert stands there")?;

    // The loudest cell of the newest window; from it the arrows choose another one and lead back.
    let heat = seen(driver, "//main//*[@role='grid' and contains(@class,'heat')]").await?;
    heat.send_keys(thirtyfour::Key::Left + "").await?;
    heat.send_keys(thirtyfour::Key::Right + "").await?;
    let rows = "//*[h3[.='Rows']]/span[contains(@class,'muted')]";
    ensure!(counted(browser, rows, "1,000").await?, "all rows of the window are told");
    seen(driver, "//*[contains(@class,'window-rows')]//tbody//td[normalize-space(.)!='']")
        .await
        .context("the rows are shown")?;
    press(driver, "//*[h3[.='Rows']]//*[self::button or self::label][normalize-space(.)='Not in validation']").await?;
    let all = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    let unseen = loop {
        let text = seen(driver, rows).await?.text().await?;
        if !text.starts_with("1,000 ") {
            break text;
        }
        ensure!(tokio::time::Instant::now() < all, "the rows stay as many: {text}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    let count: u64 = unseen.split(' ').next().unwrap_or_default().parse().with_context(|| format!("read {unseen}"))?;
    ensure!(count < 1000, "{unseen} are beyond the validation data");
    browser.picture("monitor-rows").await
}

async fn counted(browser: &Browser, path: &str, number: &str) -> Result<bool> {
    let with_number = format!("{path}[starts-with(., '{number}')]");
    Ok(seen(&browser.driver, &with_number).await.is_ok())
}
