//! What a person types and chooses is kept: settings in `slipway.toml`, with what is refused said beside its field;
//! the note of a snapshot; what a page shows, in its address.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    ProjectId,
    dataset::GetDataset,
    host::{GetStorage, ListSecrets, SecretBackend, SetSecret},
    project::{GetProject, Project},
    search::Written,
    tracking::{PurgeRuns, TrashRuns},
};
use journeys::{
    browser::{field, fill, gone, press, seen, there, told},
    desk::Desk,
    process::until,
    road,
    tracked::Tracked,
};
use thirtyfour::{By, Key};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_and_chosen_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = kept(&desk).await;
    told(&desk.browser, "keeping", result).await.unwrap();
}

async fn kept(desk: &Desk) -> Result<()> {
    let project = road::open_sample(&desk.client, "diabetes").await?;
    road::snapshot(&desk.client, project.id).await?;
    settings(desk, project.id).await.context("project settings")?;
    note(desk, &project).await.context("the note of a snapshot")?;
    snapshots(desk, project.id).await.context("the list of snapshots by keys")?;
    exported(desk, project.id).await.context("export by the folder's path")?;
    jobs(desk).await.context("the filter of jobs")?;
    own_log(desk).await.context("the app's own log")?;
    secret(desk).await.context("a secret is deleted")?;
    compacted(desk).await.context("what a deleted run left is given back")
}

/// A value that is refused is told beside its field; a path that is typed is written into the file.
async fn settings(desk: &Desk, project: ProjectId) -> Result<()> {
    const SAVE: &str = "//dialog[@open]//footer//button[normalize-space(.)='Save']";
    const PATHS: &str = "//dialog[@open]//input[@aria-label='Path']";
    const SEARCH: &str = "//dialog[@open]//section[h3='Search']";
    let driver = desk.driver();
    desk.go(&format!("/p/{project}/data?settings=1")).await?;
    fill(driver, &field("Delimiter"), "ab").await?;
    press(driver, SAVE).await?;
    let beside = "//dialog[@open]//label[span='Delimiter']/small[@role='alert']";
    let refusal = seen(driver, beside).await.context("it is refused")?.text().await?;
    ensure!(refusal.contains("one character"), "the refusal reads {refusal}");
    desk.browser.picture("settings-refused").await?;
    fill(driver, &field("Delimiter"), "").await?;

    press(driver, "//dialog[@open]//button[normalize-space(.)='Path']").await?;
    seen(driver, &format!("({PATHS})[2]")).await?;
    fill(driver, &format!("({PATHS})[2]"), "more/*.csv").await?;
    // What a new search starts with.
    fill(driver, &format!("{SEARCH}//label[span='Trials at most']//input"), "7").await?;
    press(driver, &format!("{SEARCH}//button[normalize-space(.)='Hyperparameter']")).await?;
    fill(driver, &format!("{SEARCH}//input[@aria-label='Hyperparameter']"), "learning_rate").await?;
    fill(driver, &format!("{SEARCH}//input[@aria-label='Its values']"), "0.001..0.1:log").await?;
    press(driver, SAVE).await?;
    gone(driver, "//dialog[@open]").await?;
    let file = desk.client.call(GetProject { project }).await?.file;
    let tried = Written { min: Some(0.001), max: Some(0.1), log: true, ..Written::default() };
    ensure!(file.search.trials == 7, "{:?}", file.search);
    ensure!(file.search.space == [("learning_rate".to_owned(), tried)].into(), "{:?}", file.search);
    ensure!(file.data.paths == ["diabetes.csv", "more/*.csv"], "{:?}", file.data.paths);
    ensure!(file.data.delimiter.is_none(), "{:?}", file.data.delimiter);
    Ok(())
}

/// The folder changes, and the person says how.
async fn note(desk: &Desk, project: &Project) -> Result<()> {
    let (driver, id) = (desk.driver(), project.id);
    let more = Path::new(&project.path).join("more");
    std::fs::create_dir_all(&more)?;
    std::fs::copy(Path::new(&project.path).join("diabetes.csv"), more.join("again.csv"))?;
    desk.go(&format!("/p/{id}/data")).await?;
    seen(driver, "//main//button[contains(., 'Take v2')]").await.context("the change is seen")?;
    fill(driver, "//main//input[@aria-label='What changed']", "each of them twice").await?;
    press(driver, "//main//button[contains(., 'Take v2')]").await?;
    let taken = async || {
        let snapshots = desk.client.call(GetDataset { project: id }).await?.snapshots;
        Ok(snapshots.first().is_some_and(|newest| newest.number == 2 && newest.message == "each of them twice"))
    };
    until("the second snapshot with its note", Duration::from_secs(60), taken).await
}

/// Arrows go from snapshot to snapshot, and Enter shows one.
async fn snapshots(desk: &Desk, project: ProjectId) -> Result<()> {
    const LIST: &str = "//main//aside[@aria-label='Snapshots']";
    let driver = desk.driver();
    desk.go(&format!("/p/{project}/data")).await?;
    seen(driver, &format!("({LIST}/a)[2]")).await?;
    seen(driver, &format!("({LIST}/a)[1]")).await?.send_keys(Key::Down + "").await?;
    driver.active_element().await?.send_keys(Key::Enter + "").await?;
    seen(driver, &format!("({LIST}/a)[2][@aria-current='true']")).await?;
    let named = async || Ok(driver.current_url().await?.query().unwrap_or_default().contains("v=1"));
    until("the first snapshot in the address", Duration::from_secs(10), named).await?;
    driver.active_element().await?.send_keys(Key::Home + "").await?;
    driver.active_element().await?.send_keys(Key::Enter + "").await?;
    seen(driver, &format!("({LIST}/a)[1][@aria-current='true']")).await?;
    // The menu of a line is about that one, whatever the page shows.
    seen(driver, &format!("({LIST}/a)[2]")).await?.send_keys(".").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Delete snapshot…']").await?;
    seen(driver, "//dialog[@open]//h2[.='Delete snapshot v1?']").await?;
    driver.active_element().await?.send_keys(Key::Escape + "").await?;
    gone(driver, "//dialog[@open]").await
}

/// A browser has no dialog of the host's folders: the path is typed. One that is no absolute path is refused beside it.
async fn exported(desk: &Desk, project: ProjectId) -> Result<()> {
    const EXPORT: &str = "//dialog[@open]//footer//button[normalize-space(.)='Export']";
    let driver = desk.driver();
    let to = tempfile::tempdir()?;
    let folder = to.path().join("taken out");
    desk.go(&format!("/p/{project}/data")).await?;
    press(driver, "//main//div[contains(@class,'head')]//button[@aria-label='More']").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Export files…']").await?;
    seen(driver, "//dialog[@open]//h2[.='Export the files of v2']").await?;
    there(driver, &format!("{EXPORT}[@disabled]")).await?;
    fill(driver, &field("Folder"), "taken out").await?;
    press(driver, EXPORT).await?;
    seen(driver, "//dialog[@open]//label[span='Folder']/small[@role='alert']").await.context("it is refused")?;
    fill(driver, &field("Folder"), &folder.to_string_lossy()).await?;
    press(driver, EXPORT).await?;
    gone(driver, "//dialog[@open]").await?;
    let whole = async || Ok(folder.join("diabetes.csv").exists());
    until("the files of the snapshot", Duration::from_secs(60), whole).await
}

/// The filter and the open log stand in the address, and a reload shows the same.
async fn jobs(desk: &Desk) -> Result<()> {
    const FILTER: &str = "//main//input[@aria-label='Filter jobs']";
    const LINE: &str = "//main//section[contains(@class,'jobs')]//*[@role='listitem']";
    const BAR: &str = "//main//div[contains(@class,'picked-bar')]";
    let driver = desk.driver();
    desk.go("/jobs").await?;
    let all = async || anyhow::Ok(driver.find_all(By::XPath(LINE)).await?.len());
    seen(driver, LINE).await?;
    let before = all().await?;
    // A right click opens what the button of the line opens.
    let line = seen(driver, &format!("({LINE})[1]")).await?;
    driver.action_chain().context_click_element(&line).perform().await?;
    seen(driver, "//*[@role='menu']//button[normalize-space(.)='Show its log']").await?;
    driver.active_element().await?.send_keys(Key::Escape + "").await?;
    gone(driver, "//*[@role='menu']").await?;
    // Its lines are rows of the same fields, and are taken as a table is.
    press(driver, "//main//section[contains(@class,'jobs')]//header//button[@aria-label='Copy or save the table']")
        .await?;
    seen(driver, "//*[@role='menu']//button[normalize-space(.)='Save as CSV']").await?;
    driver.active_element().await?.send_keys(Key::Escape + "").await?;
    gone(driver, "//*[@role='menu']").await?;
    fill(driver, FILTER, "snapshot diabetes").await?;
    until("the snapshots alone", Duration::from_secs(10), async || Ok(all().await? == 2)).await?;
    ensure!(before > 2, "{before} jobs, before the filter");
    seen(driver, &format!("({LINE})[1]")).await?.send_keys("x").await?;
    seen(driver, &format!("({LINE})[2]")).await?.send_keys("x").await?;
    seen(driver, &format!("{BAR}//*[.='2 jobs selected']")).await?;
    press(driver, &format!("{BAR}//button[normalize-space(.)='Clear']")).await?;
    gone(driver, BAR).await?;
    press(driver, &format!("({LINE})[1]//button[starts-with(@aria-label,'Log of')]")).await?;
    seen(driver, "//aside//h2").await.context("the log")?;
    let named = async || {
        let address = driver.current_url().await?;
        let query = address.query().unwrap_or_default().to_owned();
        Ok(query.contains("log=") && query.contains("filter=snapshot"))
    };
    until("both in the address", Duration::from_secs(10), named).await?;
    driver.refresh().await?;
    seen(driver, "//aside//h2").await.context("the log after a reload")?;
    let filter = seen(driver, FILTER).await?.prop("value").await?;
    ensure!(filter.as_deref() == Some("snapshot diabetes"), "the filter is {filter:?}");
    until("the snapshots after a reload", Duration::from_secs(10), async || Ok(all().await? == 2)).await?;
    // A link to the page that is open.
    let click = "const link = document.body.appendChild(document.createElement('a'));
        link.href = '/jobs?filter=nothing-of-this-name';
        link.click();
        link.remove();";
    driver.execute(click, Vec::new()).await?;
    seen(driver, "//main//*[contains(., 'No job fits this filter')]").await?;
    let filter = seen(driver, FILTER).await?.prop("value").await?;
    ensure!(filter.as_deref() == Some("nothing-of-this-name"), "the filter is {filter:?}");
    Ok(())
}

/// Level and words of the app's own log stand in the address, and a reload shows the same.
async fn own_log(desk: &Desk) -> Result<()> {
    const WORDS: &str = "//main//input[@aria-label='Filter the log']";
    const ERRORS: &str = "//main//*[@role='radiogroup' and @aria-label='Level']/button[.='Errors']";
    let driver = desk.driver();
    desk.go("/settings?tab=log").await?;
    press(driver, ERRORS).await?;
    fill(driver, WORDS, "nowhere-to-be-read").await?;
    let named = async || {
        let query = driver.current_url().await?.query().unwrap_or_default().to_owned();
        Ok(query.contains("level=error") && query.contains("filter=nowhere"))
    };
    until("both in the address", Duration::from_secs(10), named).await?;
    driver.refresh().await?;
    seen(driver, &format!("{ERRORS}[@aria-checked='true']")).await.context("the level after a reload")?;
    let words = seen(driver, WORDS).await?.prop("value").await?;
    ensure!(words.as_deref() == Some("nowhere-to-be-read"), "the words are {words:?}");
    seen(driver, "//main//*[contains(., 'Nothing to read')]").await.map(drop)
}

/// A secret goes once it was asked about, and stays where the answer is no.
async fn secret(desk: &Desk) -> Result<()> {
    const DELETE: &str = "//main//button[@aria-label='Delete unused…']";
    let driver = desk.driver();
    // A machine without a desktop has no keychain.
    let (name, value) = ("unused".to_owned(), "unused".to_owned());
    desk.client.call(SetSecret { name, value, backend: Some(SecretBackend::File) }).await?;
    desk.go("/settings?tab=secrets").await?;
    for verb in ["Cancel", "Delete"] {
        press(driver, DELETE).await?;
        seen(driver, "//dialog[@open]//*[contains(., 'nothing brings it back. Nothing uses it.')]").await?;
        press(driver, &format!("//dialog[@open]//footer//button[normalize-space(.)='{verb}']")).await?;
        gone(driver, "//dialog[@open]").await?;
        let is_kept = desk.client.call(ListSecrets {}).await?.names.iter().any(|secret| secret.name == "unused");
        ensure!(verb == "Delete" || is_kept, "it is gone though the answer was no");
    }
    gone(driver, DELETE).await?;
    let names = desk.client.call(ListSecrets {}).await?.names;
    ensure!(names.iter().all(|secret| secret.name != "unused"), "it is still there");
    Ok(())
}

/// What a run that is gone for good left in the database goes back to the disk; the page and the job say so.
async fn compacted(desk: &Desk) -> Result<()> {
    const DATABASE: &str = "//main//section[.//h2='Database']";
    let (driver, said) = (desk.driver(), format!("{DATABASE}//span[contains(@class,'grow')]"));
    let sweep = Tracked::new(&desk.client, "sweep").await?;
    // More than a page of the database holds.
    let points: Vec<_> = (0..3_000_i64).map(|step| ("loss", step, (step as f64).sin())).collect();
    let runs = vec![sweep.log("long", &[], &points).await.context("log a run")?];
    desk.client.call(TrashRuns { runs: runs.clone() }).await?;
    desk.client.call(PurgeRuns { runs }).await?;
    let unused = async || anyhow::Ok(desk.client.call(GetStorage {}).await?.compactable_bytes);
    let before = unused().await?;
    desk.go("/settings?tab=storage").await?;
    let first = seen(driver, &format!("{said}[contains(., 'is unused since something was deleted')]")).await?;
    let first = first.text().await?;
    press(driver, &format!("{DATABASE}//button[normalize-space(.)='Compact it']")).await?;
    seen(driver, "//*[contains(@class,'toast')]//*[contains(., 'Compacting the database')]").await?;
    until("the room that is given back", Duration::from_secs(60), async || Ok(unused().await? < before)).await?;
    let says_so = async || Ok(seen(driver, &said).await?.text().await.is_ok_and(|now| now != first));
    until("the page says so", Duration::from_secs(10), says_so).await?;
    desk.go("/jobs").await?;
    let line = "//main//*[@role='listitem'][contains(., 'Compact')][contains(., 'given back to the disk')]";
    seen(driver, line).await.map(drop)
}
