//! What the window tells through the desktop's own notifications.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::deploy::DeleteDeployment;
use journeys::{
    browser::{self, told},
    bus::Bus,
    display::Display,
    host,
    process::{Running, skipped_without, wait_until},
    road,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_a_notification_of_the_desktop() {
    if browser::window_skipped() || skipped_without(&["dbus-daemon", "dunst"]) {
        return;
    }
    let programs = ["SLIPWAY_DESKTOP", "SLIPWAY_BIN", "SLIPWAY_WORKER", "SLIPWAY_SERVING", "SLIPWAY_UI"];
    let [Some(window), Some(_), Some(_), Some(_), Some(_)] = programs.map(host::program) else { return };
    let folder = tempfile::tempdir().unwrap();
    let desktop = folder.path().join("desktop");
    for name in [&desktop, &folder.path().join("home")] {
        std::fs::create_dir_all(name).unwrap();
    }
    let bus = Bus::start(folder.path()).unwrap();
    let display = Display::start(&desktop, 640, 480).unwrap();
    let mut notifier = Command::new("dunst");
    notifier.arg("-print").env("DISPLAY", &display.name).env("HOME", &desktop);
    bus.tell(&mut notifier);
    let _notifier = Running::start("dunst", &mut notifier, &desktop).unwrap();

    let set = |command: &mut Command| {
        host::environment(command, folder.path());
        bus.tell(command);
    };
    let browser = browser::window(&window, folder.path(), 1280, 800, set).await.unwrap();
    let result = drifts(folder.path(), &desktop.join("dunst.log")).await;
    let result = told(&browser, "notified", result).await;
    // The window started a host of its own: it must not outlive the test.
    let stopped = host::slipway(folder.path(), folder.path(), &["serve", "--stop"]);
    drop(stopped);
    drop(host::Servers::of(folder.path()));
    result.unwrap();
}

/// Two windows of shifted traffic, and the sentence about them on the screen.
async fn drifts(folder: &Path, log: &Path) -> Result<()> {
    let client = host::client(folder).await?;
    let project = road::open_sample(&client, "breast-cancer").await?;
    road::write_second_period(Path::new(&project.path))?;
    road::edit(&client, project.id, &[("monitoring.window", json!("1000 rows"))]).await?;
    let version = road::register(&client, road::train(&client, project.id).await?, &[]).await?;
    let target = road::this_machine(&client).await?;
    let deployment = road::deploy(&client, road::spec("tumours", target, version.id)).await?;
    for window in 0..2 {
        road::shifted_window(&client, &deployment, project.id, window).await?;
    }
    let said = || std::fs::read_to_string(log).unwrap_or_default();
    wait_until("the notification", Duration::from_secs(60), || said().contains("mean_radius drifted"))
        .with_context(|| format!("the desktop was told {}", said()))?;
    ensure!(said().contains("Drift on tumours"), "the desktop was told {}", said());
    let job = client.call(DeleteDeployment { deployment: deployment.id }).await?;
    road::finished(&client, job.id, Duration::from_secs(60)).await.map(drop)
}
