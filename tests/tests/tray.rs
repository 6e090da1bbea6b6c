//! Closing the window: into the tray where somebody shows trays, for good elsewhere, and with a question while
//! work is under way.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, bail, ensure};
use api::{
    config::{ModelChoice, TrainingConfig},
    host::GetHost,
    job::Subject,
    run::{GetRun, StartRun},
};
use journeys::{
    bus::Bus,
    desktop::{Desktop, SOON, WINDOW, ended},
    host,
    process::{Running, skipped_without, wait_until},
    road,
    screen::Screen,
};

const TRAY: &str = "gtk-sni-tray-standalone";
const QUESTION: &str = "^Quit Slipway";

#[tokio::test(flavor = "multi_thread")]
async fn the_window_closes_into_the_tray_and_is_brought_back_from_it() {
    if Desktop::skipped() || skipped_without(&["gdbus", TRAY]) {
        return;
    }
    let Some(desktop) = Desktop::new().unwrap() else { return };
    hidden(&desktop).await.unwrap();
}

async fn hidden(desktop: &Desktop) -> Result<()> {
    let Desktop { screen, bus, .. } = desktop;
    let mut tray = Command::new(TRAY);
    tray.args(["--watcher", "--bottom", "--beginning"]).env("DISPLAY", screen.name());
    bus.tell(&mut tray);
    let _tray = Running::start("tray", &mut tray, desktop.folder())?;
    // A window that finds no watcher shows its icon by the old protocol, for good.
    wait_until("the tray's watcher", SOON, || entries(bus).is_some())?;
    let mut window = desktop.start("window", &[])?;
    let shown = screen.window(WINDOW)?;
    wait_until("the icon in the tray", SOON, || icon(bus).is_some())?;
    let (name, path) = icon(bus).context("there is no icon")?;
    let layout = bus.call(&name, &format!("{path}/Menu"), "com.canonical.dbusmenu.GetLayout", &["0", "-1", "[]"])?;
    let items: Vec<&str> = layout.split("'label': <'").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
    ensure!(items == ["Show Slipway", "Quit…"], "the menu is {layout}");

    screen.close(&shown)?;
    screen.gone(WINDOW)?;
    ensure!(!window.has_ended(), "the window was to be hidden only");
    host::client(desktop.folder()).await?.call(GetHost {}).await.context("the host goes on")?;
    choose(screen, 1).context("Show Slipway")?;
    let shown = screen.window(WINDOW).context("the tray brings it back")?;

    // Who starts the program again wants to see it.
    screen.close(&shown)?;
    screen.gone(WINDOW)?;
    let mut second = desktop.start("second", &[])?;
    ended(&mut second)?;
    let shown = screen.window(WINDOW).context("a second start brings it back")?;

    screen.close(&shown)?;
    screen.gone(WINDOW)?;
    choose(screen, 2).context("Quit…")?;
    ended(&mut window)?;
    wait_until("the icon's end", SOON, || icon(bus).is_none())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tray_closing_quits_and_asks_while_work_is_under_way() {
    if Desktop::skipped() {
        return;
    }
    let Some(desktop) = Desktop::new().unwrap() else { return };
    asked(&desktop).await.unwrap();
}

async fn asked(desktop: &Desktop) -> Result<()> {
    let screen = &desktop.screen;
    let mut window = desktop.start("window", &[])?;
    let shown = screen.window(WINDOW)?;
    screen.close(&shown)?;
    ended(&mut window)?;

    let mut window = desktop.start("window", &[])?;
    let shown = screen.window(WINDOW)?;
    let client = host::client(desktop.folder()).await?;
    let project = road::open_sample(&client, "breast-cancer").await?;
    // Nobody waits for its end.
    let training = TrainingConfig {
        model: ModelChoice::Mlp,
        epochs: Some(100_000),
        patience: Some(0),
        threads: 1,
        ..TrainingConfig::default()
    };
    let request = StartRun { training: Some(training), ..StartRun::of(project.id) };
    let Subject::Run(run) = client.call(request).await?.subject else { bail!("a training is of a run") };

    screen.close(&shown)?;
    screen.window(QUESTION).context("closing asks")?;
    screen.press(&["Escape"])?;
    screen.gone(QUESTION)?;
    let shown = screen.window(WINDOW).context("Escape leaves everything as it was")?;
    screen.close(&shown)?;
    screen.window(QUESTION)?;
    screen.press(&["Return"]).context("Keep working")?;
    ended(&mut window)?;
    let state = client.call(GetRun { run }).await?.state;
    ensure!(!state.is_over(), "the run was to go on, and is {state:?}");

    let mut window = desktop.start("window", &[])?;
    let shown = screen.window(WINDOW)?;
    screen.close(&shown)?;
    screen.window(QUESTION)?;
    screen.press(&["Tab", "Return"]).context("Stop it and quit")?;
    ended(&mut window)?;
    let told = host::slipway(desktop.folder(), Path::new(&project.path), &["run", "show", &run.to_string()])?;
    ensure!(told["state"] == "stopped", "the run was to be stopped, and is {told}");
    Ok(())
}

/// What the watcher tells of the tray; `None` where there is no watcher yet.
fn entries(bus: &Bus) -> Option<String> {
    let (watcher, object) = ("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher");
    // The standard's own list leaves out the objects in this watcher.
    let asked = [watcher, "RegisteredSNIEntries"];
    bus.call(watcher, object, "org.freedesktop.DBus.Properties.Get", &asked).ok()
}

/// The bus name and the object of what stands in the tray.
fn icon(bus: &Bus) -> Option<(String, String)> {
    let told = entries(bus)?;
    let mut words = told.split('\'').skip(1).step_by(2).map(str::to_owned);
    words.next().zip(words.next())
}

/// Opens the icon's menu and takes an item of it, counted from 1.
fn choose(screen: &Screen, item: usize) -> Result<()> {
    let bar = screen.windows(TRAY);
    screen.point(bar.first().context("the tray is not shown")?, 15, 15)?;
    screen.click_right()?;
    wait_until("the menu", SOON, || screen.windows(TRAY).len() > bar.len())?;
    screen.press(&[vec!["Down"; item], vec!["Return"]].concat())?;
    wait_until("the menu's end", SOON, || screen.windows(TRAY).len() <= bar.len())
}
