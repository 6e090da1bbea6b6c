//! The system's own dialogs and the native menu, driven by keys.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::package::BuildPackage;
use journeys::{
    browser::{self, Browser, press, seen, told},
    desktop::{Desktop, SOON, WINDOW},
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
    seen(driver, "//*[@data-sample='card-fraud']").await?;

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
    seen(&browser.driver, &looked_at).await.context("what was chosen is looked at").map(drop)
}

/// A package is saved as a file.
async fn exported(desktop: &Desktop, browser: &Browser) -> Result<()> {
    let driver = &browser.driver;
    let client = host::client(desktop.folder()).await?;
    let project = road::open_sample(&client, "breast-cancer").await?;
    road::edit(&client, project.id, &[("training.rounds", serde_json::json!(5))]).await?;
    let version = road::register(&client, road::train(&client, project.id).await?, &[]).await?;
    let job = client.call(BuildPackage { version: version.id }).await?;
    road::finished(&client, job.id, Duration::from_secs(300)).await?;
    let page = driver.current_url().await?.join(&format!("/p/{}/models/{}", project.id, version.id))?;
    driver.goto(page.as_str()).await?;
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Package')]").await?;
    press(driver, "//main//button[contains(., 'Export…')]").await?;
    // The ending of the name that stands there stays.
    answer(desktop, "^Export the image$", &desktop.folder().join("taken away"))?;
    seen(driver, "//*[contains(., 'Written: ')]").await.context("the window says where it is")?;
    ensure!(fs::metadata(desktop.folder().join("taken away.tar"))?.len() > 1_000_000, "the image is small");
    Ok(())
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
