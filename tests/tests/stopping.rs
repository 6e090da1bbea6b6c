//! A program's run is stopped in the window as by `slipway run stop`.
#![cfg(unix)]

use std::{process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    host::MakeKey,
    run::{ListRuns, ProjectIdOr},
};
use journeys::{
    browser::{self, Browser, press, seen, seen_late, told},
    host::{self, Host},
    process::{Running, skipped_without, wait_until},
    road,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_asked_to_stop_and_then_ended_on_its_page() {
    if skipped_without(&["chromium", "chromedriver"]) {
        return;
    }
    let needed = ["SLIPWAY_BIN", "SLIPWAY_UI"].map(host::program);
    let [Some(slipway), Some(_)] = needed else { return };
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(&slipway, folder.path()).await.unwrap();
    let client = host.client().await.unwrap();
    let project = road::open_sample(&client, "breast-cancer").await.unwrap();
    // Deaf to requests, for a minute at most.
    let script = "trap '' TERM; echo ready; for i in $(seq 600); do sleep 0.1; done";
    let mut command = Command::new(&slipway);
    command.args(["exec", "--name", "deaf", "--", "sh", "-c", script]).current_dir(&project.path);
    host::environment(&mut command, folder.path());
    let mut program = Running::start("exec", &mut command, folder.path()).unwrap();
    let said = || std::fs::read_to_string(folder.path().join("exec.log")).unwrap_or_default();
    wait_until("the program", Duration::from_secs(60), || said().contains("ready")).unwrap();
    let request = ListRuns {
        project: ProjectIdOr(project.id),
        filter: String::new(),
        sort: None,
        descending: true,
        offset: 0,
        limit: None,
        ..ListRuns::default()
    };
    let run = client.call(request).await.unwrap().rows[0].id;
    let address = client.call(MakeKey {}).await.unwrap().address;
    let browser = browser::chromium(folder.path(), 1280, 800).await.unwrap();
    let result = stopped(&browser, &address, &format!("/p/{}/runs/{run}", project.id), &mut program).await;
    told(&browser, "program", result).await.unwrap();
}

async fn stopped(browser: &Browser, address: &str, page: &str, program: &mut Running) -> Result<()> {
    let driver = &browser.driver;
    let origin = address.split("/#").next().context("the address has no key")?;
    driver.goto(address).await?;
    seen_late(driver, "//*[@data-sample='card-fraud']").await.context("the first page")?;
    driver.goto(format!("{origin}{page}")).await?;
    press(driver, "//button[normalize-space(.)='Stop']").await.context("ask it to stop")?;
    let end = "//button[normalize-space(.)='End at once']";
    seen(driver, end).await.context("it may not listen")?;
    ensure!(!program.has_ended(), "it was to be asked first");
    press(driver, end).await.context("end it")?;
    seen_late(driver, "//main//*[contains(@class,'sub') and contains(., 'exit code 137')]")
        .await
        .context("read its end")?;
    wait_until("the program's end", Duration::from_secs(30), || program.has_ended())
}
