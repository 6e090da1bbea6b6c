//! Runs by a person's clicks: found by a filter that is completed, compared, and registered beside a champion of
//! other data.

use std::{io::Write as _, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    ProjectId, RunId,
    host::{GetStorage, SecretBackend, SetSecret},
    model::{SetAlias, Version},
    run::{GetRun, ListRuns, ProjectIdOr, Run, RunState},
    tracking::GetTracking,
};
use journeys::{
    browser::{fill, gone, gone_late, press, press_late, seen, seen_late, there, told},
    desk::Desk,
    process::until,
    road,
};
use serde_json::json;
use thirtyfour::{By, Key};

const SHORT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_compared_and_registered() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = runs(&desk).await;
    told(&desk.browser, "runs-compared", result).await.unwrap();
}

async fn runs(desk: &Desk) -> Result<()> {
    let client = &desk.client;
    let opened = road::open_sample(client, "diabetes").await?;
    let project = opened.id;
    let mut all = Vec::new();
    for model in ["linear", "trees"] {
        road::edit(client, project, &[("training.model", json!(model))]).await?;
        all.push(client.call(GetRun { run: road::train(client, project).await? }).await?);
    }
    let version = road::register(client, all[0].id, &["champion"]).await?;
    let mut table = std::fs::OpenOptions::new().append(true).open(Path::new(&opened.path).join("diabetes.csv"))?;
    table.write_all(b"59,2,32.1,101,157,93.2,38,4,4.8598,87,152\n")?;
    drop(table);
    let newer = road::train(client, project).await?;

    found(desk, project).await.context("find runs")?;
    named(desk, project, &version).await.context("what a registered run's chip says")?;
    compared(desk, project, &all).await.context("compare runs")?;
    of_other_data(desk, project, (all[0].id, newer)).await.context("what differs in the data of runs")?;
    beside_another(desk, project, newer).await.context("register beside a champion of other data")?;
    deleted_and_back(desk, project).await.context("delete the champion and take that back")
}

/// From two runs that learned from other data to the drift between both.
async fn of_other_data(desk: &Desk, project: ProjectId, (older, newer): (RunId, RunId)) -> Result<()> {
    let driver = desk.driver();
    desk.go(&format!("/p/{project}/runs?compare={older},{newer}")).await?;
    press_late(driver, "//main//a[normalize-space(.)='What differs in it']").await?;
    seen_late(driver, "//main//*[contains(@class,'drift-line')]//*[contains(., 'drifted')]").await?;
    let address = driver.current_url().await?;
    let query = address.query().unwrap_or_default();
    ensure!(
        address.path().ends_with("/data") && query.contains("v=2") && query.contains("tab=drift"),
        "it leads to {address}"
    );
    Ok(())
}

/// A version that was trained here goes by its row's menu, and Undo brings it back with its name.
async fn deleted_and_back(desk: &Desk, project: ProjectId) -> Result<()> {
    const ROW: &str = "//main//tr[contains(@aria-label, ' v1')]";
    let driver = desk.driver();
    desk.go(&format!("/p/{project}/models")).await?;
    press(driver, &format!("{ROW}//button[starts-with(@aria-label, 'More of')]")).await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Delete…']").await?;
    press(driver, "//dialog[@open]//button[normalize-space(.)='Delete']").await?;
    gone(driver, ROW).await?;
    press(driver, "//*[contains(@class,'toast')]//button[normalize-space(.)='Undo']").await?;
    seen(driver, &format!("{ROW}[contains(., 'champion')]")).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_run_from_the_window_and_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = program(&desk).await;
    told(&desk.browser, "program-run", result).await.unwrap();
}

async fn program(desk: &Desk) -> Result<()> {
    const HOURS: &str = "//dialog[@open]//label[contains(., 'Hours at most')]//input";
    let driver = desk.driver();
    // A machine without a desktop has no keychain for the token.
    let (name, value) = ("unused".to_owned(), "unused".to_owned());
    desk.client.call(SetSecret { name, value, backend: Some(SecretBackend::File) }).await?;
    let project = road::open_sample(&desk.client, "penguins").await?;
    let script = "echo hello from here; mkdir -p \"$SLIPWAY_ARTIFACTS\"; echo kept > \"$SLIPWAY_ARTIFACTS/note.txt\"\n\
        echo \"it logs to $MLFLOW_TRACKING_URI\"\n\
        echo \"http://slipway:$MLFLOW_TRACKING_PASSWORD@${MLFLOW_TRACKING_URI#http://}\" > address.txt\n";
    let folder = Path::new(&project.path).to_owned();
    std::fs::write(folder.join("hello.sh"), script)?;
    let project = project.id;
    desk.go(&format!("/p/{project}/runs")).await?;
    press(driver, "//main//button[contains(., 'Run a program')]").await?;
    let run = "//dialog[@open]//footer//button[normalize-space(.)='Run']";
    fill(driver, "//dialog[@open]//label[contains(., 'Command')]//input", "sh 'hello.sh").await?;
    press(driver, run).await?;
    seen(driver, "//dialog[@open]//*[contains(., \"quotation marks don't match\")]").await?;
    // What is mistyped becomes no run.
    fill(driver, "//dialog[@open]//label[contains(., 'Command')]//input", "shh hello.sh").await?;
    press(driver, run).await?;
    seen(driver, "//dialog[@open]//*[contains(., 'it is in no folder of PATH')]").await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Command')]//input", "sh hello.sh").await?;
    fill(driver, "//dialog[@open]//label[span[normalize-space(.)='Name']]//input", "greeting").await?;
    press(driver, "//dialog[@open]//summary[normalize-space(.)='Folder and variables']").await?;
    fill(driver, "//dialog[@open]//textarea", "GREETING").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'Line 1 of the variables is no NAME=VALUE.')]").await?;
    fill(driver, "//dialog[@open]//textarea", "GREETING=good day").await?;
    press(driver, "//dialog[@open]//summary[normalize-space(.)='Limits']").await?;
    fill(driver, HOURS, "0").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'Give a number above 0')]").await?;
    fill(driver, HOURS, "2").await?;
    // Nothing costs anything yet.
    there(driver, "//dialog[@open]//label[contains(., 'Cost at most')]//input[@disabled]").await?;
    press(driver, run).await?;
    seen_late(driver, "//main//h1[contains(., 'greeting')]").await?;
    press_late(driver, "//main//button[normalize-space(.)='Run it again']").await?;
    gone_late(driver, "//main//h1[contains(., 'greeting')]").await?;
    let all = async || {
        let list = ListRuns { project: ProjectIdOr(project), ..ListRuns::default() };
        anyhow::Ok(desk.client.call(list).await?.rows)
    };
    let over = async |count: usize| {
        let rows = all().await?;
        anyhow::Ok(rows.len() == count && rows.iter().all(|run| run.state == RunState::Finished))
    };
    until("both runs are over", Duration::from_secs(60), async || over(2).await).await?;
    press(driver, "//main//button[@aria-label='More']").await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Run it again with other limits')]").await?;
    fill(driver, HOURS, "3").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Run it again']").await?;
    until("three runs are over", Duration::from_secs(60), async || over(3).await).await?;
    let (mut hours, mut greeted) = (Vec::new(), 0);
    for row in all().await? {
        let run = desk.client.call(GetRun { run: row.id }).await?;
        greeted += usize::from(run.environment.get("GREETING").is_some_and(|greeting| greeting == "good day"));
        hours.push(run.spent.and_then(|spent| spent.terms.own.max_hours));
    }
    ensure!(greeted == 1, "a variable of one run alone is that of {greeted}");
    let with = |most: f64| hours.iter().filter(|hours| **hours == Some(most)).count();
    ensure!((with(2.0), with(3.0)) == (2, 1), "limits of their own: {hours:?}");

    words_of_the_log(desk).await.context("the words that are searched in a log")?;
    has_an_address(desk, &folder).await.context("where MLflow's client in it logs to")?;
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Artifacts')]").await?;
    press(driver, "//main//button[@aria-label='More of note.txt']").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Delete…']").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'brings it back; so long it keeps its 5 B')]").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Delete']").await?;
    gone(driver, "//main//tr[@aria-label='artifacts/note.txt']").await?;
    seen(driver, "//main//section[.//h2='Deleted artifacts']//tr[contains(., 'artifacts/note.txt')]").await?;
    let toast = "//*[contains(@class,'toast')][contains(., 'Deleted artifacts/note.txt')]";
    press(driver, &format!("{toast}//button[normalize-space(.)='Undo']")).await?;
    seen(driver, "//main//tr[@aria-label='artifacts/note.txt']").await?;
    gone(driver, "//main//section[.//h2='Deleted artifacts']").await?;
    checkpoints(desk).await.context("checkpoints that are deleted and restored")
}

/// Those of the run that is open: they go by its menu, and come back from the list of what was deleted.
async fn checkpoints(desk: &Desk) -> Result<()> {
    const LISTED: &str = "//main//section[.//h2='Deleted artifacts']//tr[contains(., 'checkpoints')]";
    let driver = desk.driver();
    let run: RunId = driver.current_url().await?.path().rsplit('/').next().unwrap_or_default().parse()?;
    let workspace = desk.client.call(GetStorage {}).await?.workspace;
    let last = Path::new(&workspace).join("runs").join(run.to_string()).join("checkpoints/last");
    std::fs::create_dir_all(&last)?;
    std::fs::write(last.join("weights"), "four")?;
    press(driver, "//main//button[@aria-label='More']").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Delete checkpoints…']").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'so long they keep their 4 B')]").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Delete checkpoints']").await?;
    seen(driver, LISTED).await?;
    ensure!(!last.exists(), "the checkpoints still stand");
    press(driver, &format!("{LISTED}//button[normalize-space(.)='Restore']")).await?;
    gone(driver, LISTED).await?;
    ensure!(last.join("weights").exists(), "the checkpoints are not back");
    Ok(())
}

/// They stand in the address of the run that is open, and a reload searches for them.
async fn words_of_the_log(desk: &Desk) -> Result<()> {
    const FIELD: &str = "//main//input[@aria-label='Search in the log']";
    const LOG: &str = "//main//*[@role='log' and contains(., 'hello from here')]";
    let driver = desk.driver();
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Logs')]").await?;
    seen(driver, LOG).await?;
    fill(driver, FIELD, "nobody").await?;
    seen(driver, "//main//*[contains(., 'No line contains what is searched for.')]").await?;
    let named = async || Ok(driver.current_url().await?.query().unwrap_or_default().contains("words=nobody"));
    until("the words in the address", SHORT, named).await?;
    driver.refresh().await?;
    seen(driver, "//main//*[contains(., 'No line contains what is searched for.')]").await.context("after a reload")?;
    let words = seen(driver, FIELD).await?.prop("value").await?;
    ensure!(words.as_deref() == Some("nobody"), "the field has {words:?}");
    fill(driver, FIELD, "").await?;
    seen(driver, LOG).await.map(drop)
}

/// What MLflow's client in the program is told: an address that can be printed, and beside it what opens that.
async fn has_an_address(desk: &Desk, folder: &Path) -> Result<()> {
    let tracking = desk.client.call(GetTracking::default()).await?;
    let line = format!("it logs to http://127.0.0.1:{}", tracking.port);
    seen(desk.driver(), &format!("//main//*[@role='log' and contains(., '{line}')]")).await?;
    let whole = std::fs::read_to_string(folder.join("address.txt"))?;
    ensure!(whole.trim() == tracking.address, "it was told {whole}");
    Ok(())
}

/// A field and its value are offered while they are typed, and taken by Tab.
async fn found(desk: &Desk, project: ProjectId) -> Result<()> {
    const LINE: &str = "//main//input[@aria-label='Filter runs']";
    let driver = desk.driver();
    desk.go(&format!("/p/{project}/runs")).await?;
    let rows =
        async || anyhow::Ok(driver.find_all(By::XPath("//main//tr[@role='row' and @aria-selected]")).await?.len());
    until("all runs", SHORT, async || Ok(rows().await? == 3)).await?;
    let line = seen(driver, LINE).await?;
    line.send_keys("param.mod").await?;
    there(driver, "//*[@id='filter-offers']//*[@role='option' and contains(., 'param.model')]").await?;
    line.send_keys(Key::Tab + "").await?;
    let text = async || anyhow::Ok(seen(driver, LINE).await?.prop("value").await?.unwrap_or_default());
    ensure!(text().await?.starts_with("param.model"), "Tab makes it {}", text().await?);
    fill(driver, LINE, "param.model = li").await?;
    there(driver, "//*[@id='filter-offers']//*[@role='option' and contains(., 'linear')]").await?;
    line.send_keys(Key::Tab + "").await?;
    ensure!(text().await? == "param.model = linear ", "Tab makes it {}", text().await?);
    until("the linear run alone", SHORT, async || Ok(rows().await? == 1)).await?;
    // One condition alone is a chip, too.
    there(driver, "//*[contains(@class,'filter-chips')]//button[@aria-label='Change param.model = linear']").await?;
    // The offers first, then the line.
    line.send_keys(Key::Escape + "").await?;
    line.send_keys(Key::Escape + "").await?;
    ensure!(text().await?.is_empty(), "Escape leaves {}", text().await?);
    // What was emptied comes back, and goes again.
    line.send_keys(Key::Control + "z").await?;
    ensure!(text().await? == "param.model = linear ", "Ctrl+Z makes it {}", text().await?);
    until("the linear run alone again", SHORT, async || Ok(rows().await? == 1)).await?;
    line.send_keys(Key::Escape + "").await?;
    line.send_keys(Key::Escape + "").await?;
    until("all runs again", SHORT, async || Ok(rows().await? == 3)).await
}

/// The alias of its version, or that there is one; a run without a version has no chip.
async fn named(desk: &Desk, project: ProjectId, version: &Version) -> Result<()> {
    const CHIP: &str = "//main//tr[@role='row']//*[contains(@class,'chip') and starts-with(@title,'Registered as')]";
    let driver = desk.driver();
    let own = format!("{CHIP}[ancestor::tr//b[.='{}']]", version.run_name);
    for (stands_at, said) in [(None, "model"), (Some(version.id), "champion")] {
        let request = SetAlias { model: version.model, alias: "champion".to_owned(), version: stands_at };
        desk.client.call(request).await?;
        desk.go(&format!("/p/{project}/runs")).await?;
        seen(driver, &format!("{own}[.='{said}']")).await?;
        let chips = driver.find_all(By::XPath(CHIP)).await?.len();
        ensure!(chips == 1, "{chips} of three runs have a chip");
    }
    Ok(())
}

/// Two rows are chosen, one by the mouse and one by `x`, and their curves and figures stand side by side.
async fn compared(desk: &Desk, project: ProjectId, runs: &[Run]) -> Result<()> {
    let driver = desk.driver();
    desk.go(&format!("/p/{project}/runs")).await?;
    for run in runs {
        press(driver, &format!("//main//*[@role='checkbox' and @aria-label='Select {}']", run.name)).await?;
    }
    press(driver, "//main//a[normalize-space(.)='Compare']").await?;
    let page = "//section[@aria-label='Comparison of runs']";
    seen(driver, &format!("{page}//h1[.='2 runs compared']")).await?;
    for run in runs {
        seen(driver, &format!("{page}//*[contains(@class,'compared-run')]/a[.='{}']", run.name)).await?;
    }
    for value in ["linear", "trees"] {
        seen(driver, &format!("{page}//td[normalize-space(.)='{value}']")).await.context("what differs")?;
    }
    desk.browser.picture("runs-compared").await?;
    press(driver, &format!("{page}//a[@aria-label='Leave {} out']", runs[0].name)).await?;
    seen(driver, &format!("{page}//h1[.='1 run compared']")).await.map(drop)
}

async fn beside_another(desk: &Desk, project: ProjectId, run: RunId) -> Result<()> {
    let driver = desk.driver();
    desk.go(&format!("/p/{project}/runs/{run}")).await?;
    press(driver, "//button[contains(., 'Register model')]").await?;
    let said = "//dialog[@open]//small[.='Each is measured on the test part of its own data: v2, and v1.']";
    seen(driver, said).await.map(drop)
}
