//! Files and folders that are dragged from a file manager onto the window.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use api::project::ListProjects;
use journeys::{
    browser::{self, Browser, press, seen, seen_late, told},
    desktop::{Desktop, SOON, WINDOW},
    host,
    process::{Running, skipped_without, until},
    stage,
};
use thirtyfour::By;

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_file_and_a_dropped_folder_become_projects() {
    if browser::window_skipped() || Desktop::skipped() || skipped_without(&["rox-filer"]) {
        return;
    }
    let Some(desktop) = Desktop::new().unwrap() else { return };
    let browser = desktop.browse(&[]).await.unwrap();
    let result = dropped(&desktop, &browser).await;
    told(&browser, "dropped", result).await.unwrap();
}

async fn dropped(desktop: &Desktop, browser: &Browser) -> Result<()> {
    let table = stage::table(50, 1, 0.0);
    // As people name their files: a file manager sends it as an address.
    let file = desktop.folder().join("shown/Größen 100 %.csv");
    let folder = desktop.folder().join("shown-too/my measures");
    fs::create_dir_all(desktop.folder().join("shown"))?;
    fs::create_dir_all(&folder)?;
    fs::write(&file, &table)?;
    fs::write(folder.join("measures.csv"), &table)?;

    // Room beside it for the file manager.
    desktop.screen.move_to(&desktop.screen.window(WINDOW)?, 10, 20)?;
    let filer = drag(desktop, browser, &file).await.context("a file")?;
    become_project(browser, &file).await.context("a file")?;
    press(&browser.driver, "//nav[contains(@class,'rail')]//a[@href='/']").await.context("go to Start")?;
    drop(filer);
    let _filer = drag(desktop, browser, &folder).await.context("a folder")?;
    become_project(browser, &folder).await.context("a folder")?;

    let projects = host::client(desktop.folder()).await?.call(ListProjects {}).await?;
    let paths: Vec<PathBuf> = projects.into_iter().map(|summary| PathBuf::from(summary.project.path)).collect();
    ensure!(paths.len() == 2, "the projects are {paths:?}");
    ensure!(paths.contains(&folder), "a folder becomes a project where it lies: {paths:?}");
    let copy = paths.iter().find(|path| **path != folder).context("the file became no project")?;
    ensure!(fs::read_to_string(copy.join("Größen 100 %.csv"))? == table, "the file is copied into its project");
    browser.picture("dropped").await
}

/// Drags what lies alone in its folder from a file manager, which goes on, onto the window.
async fn drag(desktop: &Desktop, browser: &Browser, path: &Path) -> Result<Running> {
    let screen = &desktop.screen;
    let shown = path.parent().context("it lies in no folder")?;
    let mut command = Command::new("rox-filer");
    command.arg("--new").arg(format!("--dir={}", shown.display()));
    command.env("DISPLAY", screen.name()).env("HOME", desktop.folder().join("home"));
    let filer = Running::start("filer", &mut command, desktop.folder())?;
    let shown = screen.window(&format!("^{}$", shown.display()))?;
    let window = screen.windows(WINDOW).into_iter().next().context("the window is not there")?;
    screen.move_to(&shown, 1350, 100)?;
    // The one icon stands in the last row.
    screen.point(&shown, 50, screen.place(&shown)?.height - 35)?;
    screen.take_up()?;
    // Whoever a thing is dragged over is told of it only while the pointer moves.
    let mut step = 0;
    let is_told = until("the window to say that it takes it", SOON, async || {
        step = (step + 1) % 50;
        screen.point(&window, 500 + step, 400)?;
        let layer = browser.driver.find_all(By::XPath("//*[contains(@class,'drop-layer')]")).await?;
        Ok(!layer.is_empty())
    });
    let result = is_told.await;
    screen.let_go()?;
    result?;
    Ok(filer)
}

/// Answers the New-project dialog.
async fn become_project(browser: &Browser, path: &Path) -> Result<()> {
    let driver = &browser.driver;
    let looked_at = format!("//dialog[@open]//*[contains(@class,'newcomer') and .//*[@title='{}']]", path.display());
    seen_late(driver, &looked_at).await.context("it is looked at")?;
    let facts =
        "//dialog[@open]//*[contains(@class,'newcomer')]/div/div[2][starts-with(normalize-space(.), '50 rows · ')]";
    seen(driver, facts).await.context("it says what was found")?;
    let select = "//dialog[@open]//label[contains(., 'What shall be predicted?')]//select";
    press(driver, &format!("{select}/option[@value='y']")).await.context("its columns are offered")?;
    press(driver, "//dialog[@open]//button[contains(., 'Create project')]").await?;
    seen_late(driver, "//nav[contains(@class,'rail')]//a[contains(., 'Overview') and @aria-current='page']")
        .await
        .map(drop)
}
