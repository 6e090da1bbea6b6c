//! Starts of the window: with a path, as it was left, and a second one, which hands what it was given to the first.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use journeys::{
    browser::{self, Browser, press_late, seen, seen_late, told},
    bus::Bus,
    desktop::{Desktop, SOON, WINDOW, ended},
    host,
    process::{Running, skipped_without, wait_until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_hands_its_path_to_the_first() {
    if browser::window_skipped() || skipped_without(&["dbus-daemon"]) {
        return;
    }
    let programs = ["SLIPWAY_DESKTOP", "SLIPWAY_BIN", "SLIPWAY_WORKER", "SLIPWAY_UI"].map(host::program);
    let [Some(window), Some(_), Some(_), Some(_)] = programs else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("home")).unwrap();
    let bus = Bus::start(folder.path()).unwrap();
    let set = |command: &mut Command| {
        host::environment(command, folder.path());
        bus.tell(command);
    };
    let browser = browser::window(&window, folder.path(), 1280, 800, set).await.unwrap();
    let mut second = Command::new(&window);
    set(&mut second);
    let result = handed_over(&browser, second, &folder.path().join("home")).await;
    let result = told(&browser, "second-start", result).await;
    // The window started a host of its own: it must not outlive the test.
    let stopped = host::slipway(folder.path(), folder.path(), &["serve", "--stop"]);
    drop(stopped);
    result.unwrap();
}

/// The first window stands elsewhere; the second is started in `home` with a path from there.
async fn handed_over(browser: &Browser, mut second: Command, home: &Path) -> Result<()> {
    let driver = &browser.driver;
    press_late(driver, "//nav[contains(@class,'rail')]//a[@href='/jobs']").await.context("go to Jobs")?;
    seen(driver, "//nav[contains(@class,'rail')]//a[@href='/jobs' and @aria-current='page']").await?;
    let data = home.join("measures");
    std::fs::create_dir_all(&data)?;
    std::fs::write(data.join("measures.csv"), journeys::stage::table(50, 1, 0.0))?;

    second.arg("measures").current_dir(home);
    second.env("DISPLAY", browser.display().context("the window has no display")?);
    let mut second = Running::start("second", &mut second, home)?;
    wait_until("the second start's end", Duration::from_secs(60), || second.has_ended())?;
    let status = second.status().context("it has not ended")?;
    ensure!(status.success(), "the second start ended with {status}");

    let path = data.canonicalize()?;
    // Not the path itself: WebKit's driver says of a text that may be cut that it can't be seen.
    let looked_at = format!("//dialog[@open]//*[contains(@class,'newcomer') and .//*[@title='{}']]", path.display());
    seen_late(driver, &looked_at).await.context("the first window looks at what the second was given")?;
    seen(driver, "//dialog[@open]//button[contains(., 'Create project')]").await?;
    let address = driver.current_url().await?;
    ensure!(address.path().trim_matches('/').is_empty(), "the first window stands at {address}");
    browser.picture("second-start").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_a_projects_folder_opens_it() {
    if browser::window_skipped() || Desktop::skipped() {
        return;
    }
    let Some(desktop) = Desktop::new().unwrap() else { return };
    let project = desktop.folder().join("measures of May");
    std::fs::create_dir_all(&project).unwrap();
    std::fs::write(project.join("measures.csv"), journeys::stage::table(50, 1, 0.0)).unwrap();
    std::fs::write(
        project.join("slipway.toml"),
        "name = \"May\"\n\n[data]\npaths = [\"measures.csv\"]\ntarget = \"y\"\n",
    )
    .unwrap();
    let browser = desktop.browse(&[&project]).await.unwrap();
    let result = opened(&browser).await;
    told(&browser, "started-with", result).await.unwrap();
}

async fn opened(browser: &Browser) -> Result<()> {
    let driver = &browser.driver;
    let overview = "//nav[contains(@class,'rail')]//a[contains(., 'Overview') and @aria-current='page']";
    seen_late(driver, overview).await.context("the project is opened")?;
    seen(driver, "//main//h1[contains(., 'May')]").await.context("it is the one that was named").map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_opens_where_and_as_large_as_it_was_left() {
    if Desktop::skipped() {
        return;
    }
    let Some(desktop) = Desktop::new().unwrap() else { return };
    left(&desktop).unwrap();
}

fn left(desktop: &Desktop) -> Result<()> {
    let screen = &desktop.screen;
    let close = |mut program: Running, window: &str| -> Result<()> {
        screen.close(window)?;
        ended(&mut program)
    };
    let program = desktop.start("window", &[])?;
    let window = screen.window(WINDOW)?;
    screen.resize(&window, 1000, 700)?;
    screen.move_to(&window, 70, 90)?;
    let place = screen.place(&window)?;
    close(program, &window)?;

    let program = desktop.start("window", &[])?;
    let window = screen.window(WINDOW)?;
    let is_back = |window: &str| screen.place(window).is_ok_and(|now| now == place);
    wait_until("the place and size that it had", SOON, || is_back(&window))?;
    screen.maximize(&window)?;
    let is_maximized = |window: &str| screen.place(window).is_ok_and(|now| now.width > 1700);
    wait_until("the whole screen", SOON, || is_maximized(&window))?;
    close(program, &window)?;

    let program = desktop.start("window", &[])?;
    let window = screen.window(WINDOW)?;
    wait_until("the whole screen again", SOON, || is_maximized(&window))?;
    screen.maximize(&window)?;
    let is_smaller = || screen.place(&window).is_ok_and(|now| (now.width, now.height) == (place.width, place.height));
    wait_until("the size before", SOON, is_smaller)?;
    close(program, &window)
}
