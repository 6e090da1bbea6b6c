//! The system's own dialogs and the native menu, driven by keys, and what the window saves without a dialog.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{ProjectId, RunId, package::BuildPackage, run::ListArtifacts};
use client::call::Client;
use journeys::{
    browser::{self, Browser, press, seen, seen_late, told},
    desktop::{DOWNLOADS, Desktop, SOON, WINDOW},
    host,
    process::wait_until,
    road, stage,
};

#[tokio::test(flavor = "multi_thread")]
async fn folders_and_tables_are_opened_and_images_saved_by_the_systems_dialogs() {
    if browser::window_skipped() || Desktop::skipped() {
        return;
    }
    // What is packaged is the inference server too.
    let (Some(_), Some(desktop)) = (host::program("SLIPWAY_SERVING"), Desktop::new().unwrap()) else { return };
    let browser = desktop.browse(&[]).await.unwrap();
    let result = chosen(&desktop, &browser).await;
    told(&browser, "dialogs", result).await.unwrap();
}

async fn chosen(desktop: &Desktop, browser: &Browser) -> Result<()> {
    let (driver, screen) = (&browser.driver, &desktop.screen);
    let folder = desktop.folder().join("measures of May");
    fs::create_dir_all(&folder)?;
    let table = folder.join("measures.csv");
    fs::write(&table, stage::table(50, 1, 0.0))?;
    seen_late(driver, "//*[@data-sample='card-fraud']").await?;

    press(driver, "//main//button[contains(., 'Open folder…')]").await?;
    screen.window("^Open a folder$").context("the dialog for folders")?;
    screen.press(&["Escape"])?;
    screen.gone("^Open a folder$")?;
    press(driver, "//main//button[contains(., 'Open folder…')]").await.context("again, after none was chosen")?;
    answer(desktop, "^Open a folder$", &folder)?;
    looked_at(browser, &folder).await?;
    press(driver, "//dialog[@open]//button[normalize-space(.)='Cancel']").await?;

    // By the native menu, which the pages only hear of.
    screen.window(WINDOW)?;
    screen.press(&["ctrl+shift+o"])?;
    answer(desktop, "^Open tables$", &table)?;
    looked_at(browser, &table).await?;
    press(driver, "//dialog[@open]//button[normalize-space(.)='Cancel']").await?;
    screen.window(WINDOW)?;
    screen.press(&["ctrl+8"])?;
    seen(driver, "//nav[contains(@class,'rail')]//a[@href='/jobs' and @aria-current='page']").await.context("Jobs")?;
    exported(desktop, browser).await
}

async fn looked_at(browser: &Browser, path: &Path) -> Result<()> {
    let looked_at = format!("//dialog[@open]//*[contains(@class,'newcomer') and .//*[@title='{}']]", path.display());
    seen_late(&browser.driver, &looked_at).await.context("what was chosen is looked at").map(drop)
}

/// A package is saved as a file.
async fn exported(desktop: &Desktop, browser: &Browser) -> Result<()> {
    let driver = &browser.driver;
    let client = host::client(desktop.folder()).await?;
    let project = road::open_sample(&client, "breast-cancer").await?;
    road::edit(&client, project.id, &[("training.rounds", serde_json::json!(5))]).await?;
    let run = road::train(&client, project.id).await?;
    let version = road::register(&client, run, &[]).await?;
    let job = client.call(BuildPackage { version: version.id }).await?;
    road::finished(&client, job.id, Duration::from_secs(300)).await?;
    let page = driver.current_url().await?.join(&format!("/p/{}/models/{}", project.id, version.id))?;
    driver.goto(page.as_str()).await?;
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Package')]").await?;
    press(driver, "//main//button[contains(., 'Export…')]").await?;
    // The ending of the name that stands there stays.
    answer(desktop, "^Export the image$", &desktop.folder().join("taken away"))?;
    seen_late(driver, "//*[contains(., 'Written: ')]").await.context("the window says where it is")?;
    ensure!(fs::metadata(desktop.folder().join("taken away.tar"))?.len() > 1_000_000, "the image is small");
    saved(desktop, browser, &client, project.id, run).await
}

/// A chart, a file of the host's and a table, in the folder for downloads; and the table copied.
async fn saved(desktop: &Desktop, browser: &Browser, client: &Client, project: ProjectId, run: RunId) -> Result<()> {
    let driver = &browser.driver;
    let origin = driver.current_url().await?;
    let go = async |path: String| -> Result<()> { Ok(driver.goto(origin.join(&path)?.as_str()).await?) };
    let item = |label: &str| format!("//*[@role='menu']//button[normalize-space(.)='{label}']");

    go(format!("/p/{project}/runs/{run}")).await?;
    for (label, ending, head) in
        [("Save as SVG", ".svg", b"<svg".as_slice()), ("Save as PNG", ".png", b"\x89PNG\r\n\x1a\n".as_slice())]
    {
        press(driver, "//main//button[starts-with(@aria-label, \"Chart's menu\")]").await?;
        press(driver, &item(label)).await?;
        let bytes = loaded(desktop, ending)?;
        ensure!(bytes.starts_with(head), "the {ending} file begins with {:?}", &bytes[..bytes.len().min(20)]);
    }

    go(format!("/p/{project}/runs/{run}?tab=artifacts")).await?;
    let button = "//main//*[contains(@class,'files')]//button[starts-with(@aria-label,'Save ')]";
    let label = seen(driver, button).await?.attr("aria-label").await?.context("the button has no name")?;
    let name = label.strip_prefix("Save ").context("no file is named")?;
    press(driver, button).await?;
    seen(driver, &note(&format!("Saved {name}"))).await?;
    let size_bytes = fs::metadata(desktop.downloads().join(name))?.len();
    let artifacts = client.call(ListArtifacts { run }).await?;
    let is_it = artifacts.iter().any(|one| one.path.ends_with(name) && one.size_bytes == size_bytes);
    ensure!(is_it, "{name} has {size_bytes} bytes, of {artifacts:?}");

    go(format!("/p/{project}/runs")).await?;
    let menu = "//main//button[@aria-label='Copy, save or export the runs']";
    press(driver, menu).await?;
    press(driver, &item("Save all that match as CSV")).await?;
    let text = String::from_utf8(loaded(desktop, "runs.csv")?)?;
    ensure!(text.starts_with("id,") && text.contains(&run.to_string()), "the table is {text:?}");
    seen(driver, &format!("{}//button[normalize-space(.)='Show']", note("Saved runs.csv"))).await?;
    press(driver, menu).await?;
    press(driver, &item("Save all that match as CSV")).await.context("once more")?;
    seen(driver, &note("Saved runs (2).csv")).await.context("what is there stays")?;
    press(driver, menu).await?;
    press(driver, &item("Copy the rows in sight as Markdown")).await?;
    seen(driver, "//*[@class='toast'][contains(., 'Copied as Markdown')]").await.map(drop)
}

/// What the window says of a file.
fn note(said: &str) -> String {
    format!("//*[@class='toast'][contains(., '{said} in {DOWNLOADS}')]")
}

/// The file of an ending among the downloads, once it is whole: an empty one keeps its name free until then.
fn loaded(desktop: &Desktop, ending: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    wait_until(&format!("a file *{ending} among the downloads"), SOON, || {
        let files = fs::read_dir(desktop.downloads()).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut of_ending = files.filter(|file| file.to_string_lossy().ends_with(ending));
        bytes = of_ending.find_map(|file| fs::read(file).ok()).unwrap_or_default();
        !bytes.is_empty()
    })?;
    Ok(bytes)
}

/// Writes a path into a dialog and takes it.
fn answer(desktop: &Desktop, dialog: &str, path: &Path) -> Result<()> {
    let screen = &desktop.screen;
    screen.window(dialog)?;
    // A dialog that saves has the name selected, without its ending; the others open a field at the first slash, and
    // lose keys on the way to it. More slashes than one mean the same.
    screen.write(&format!("///////{}", path.display()))?;
    screen.press(&["Return"])?;
    wait_until("the dialog's end", SOON, || screen.windows(dialog).is_empty())
}
