//! A search for hyperparameters and another tool's log by a person's clicks.

use std::{io::Write as _, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    ProjectId,
    host::{SecretBackend, SetSecret},
    search::{ListSearches, SearchState},
    source::{ListSources, RemoveSource},
};
use journeys::{
    browser::{fill, gone, press, press_late, seen, seen_late, told},
    desk::Desk,
    process::until,
    road,
};
use thirtyfour::Key;

const LONG: Duration = Duration::from_secs(120);
const MORE: &str = "//main//button[@aria-label='More of this search']";

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_begun_in_its_dialog_and_its_best_trial_opened() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = search(&desk).await;
    told(&desk.browser, "search", result).await.unwrap();
}

async fn search(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let (name, value) = ("unused".to_owned(), "unused".to_owned());
    desk.client.call(SetSecret { name, value, backend: Some(SecretBackend::File) }).await?;
    let project = road::open_sample(&desk.client, "penguins").await?.id;
    desk.go(&format!("/p/{project}/runs")).await?;
    press(driver, "//main//a[contains(., 'Search hyperparameters')]").await?;
    press(driver, "//main//button[contains(., 'New search')]").await?;
    seen(driver, "//dialog[@open]//*[@data-tried]").await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Trials at most')]//input", "0").await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Search')]").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'from 1 to 100,000')]").await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Trials at most')]//input", "3").await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Search')]").await?;
    seen(driver, "//main//section[@data-search]").await?;
    let name =
        desk.client.call(ListSearches { project, deleted: false }).await?.first().context("no search")?.name.clone();
    seen(driver, &format!("//nav[@aria-label='Where you are']//b[.='{name}']")).await?;
    until("the search is finished", LONG, async || counted(desk, project, 3).await).await?;
    seen(driver, "//main//tr[.//*[@data-trial='3']]").await?;
    sorted_and_drawn(desk).await.context("the table and the drawings of the trials")?;
    brushed_and_compared(desk).await.context("some of the trials alone")?;
    fill(driver, "//main//input[@aria-label='Further trials']", "1").await?;
    press(driver, "//main//button[@title='Try 1 more']").await?;
    until("one more trial is finished", LONG, async || counted(desk, project, 4).await).await?;
    seen(driver, "//main//tr[.//*[@data-trial='4']][contains(., 'finished')]").await?;
    forget_and_undo(desk, project).await?;
    let best = "//main//tr[.//*[@data-trial]][contains(., 'best')]//*[@data-name]";
    let name = seen(driver, best).await?.text().await?;
    press(driver, best).await?;
    seen_late(driver, &format!("//main//h1[contains(., '{name}')]"))
        .await
        .context("the run of the best trial")
        .map(drop)
}

/// Sorted by a press of a head, the rows stand by it; below the curve the params stand beside the value.
async fn sorted_and_drawn(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let first = "//main//*[@aria-label='Trials']//tr[@aria-rowindex='2']";
    seen(driver, &format!("{first}//*[@data-trial='3']")).await?;
    press(driver, "//main//*[@aria-label='Trials']//th//button[normalize-space(.)='#']").await?;
    seen(driver, &format!("{first}//*[@data-trial='1']")).await.context("the oldest first")?;
    press(driver, "//main//*[@aria-label='Trials']//th//button[normalize-space(.)='Value']").await?;
    seen(driver, "//main//*[@aria-label='Trials']//th[@aria-sort][contains(., 'Value')]").await?;
    // A trial is a run, with the menu of one.
    press(driver, &format!("{first}//button[@aria-label='What can be done with this trial']")).await?;
    for label in ["Open", "Rename…", "Copy id", "Delete"] {
        seen(driver, &format!("//*[@role='menu']//button[normalize-space(.)='{label}']")).await?;
    }
    driver.action_chain().send_keys(Key::Escape).perform().await?;
    gone(driver, "//*[@role='menu']").await?;
    // Each ended as it was to: there is nothing to say of why.
    gone(driver, "//main//*[@aria-label='Trials']//th[contains(., 'Why it ended')]").await?;
    let drawn = "//main//section[@aria-label='The trials drawn']";
    seen(
        driver,
        &format!("{drawn}//*[starts-with(@aria-label, 'Runs in parallel coordinates')]//*[local-name()='svg']"),
    )
    .await?;
    // The judged value over what is tried as numbers, a point a trial, without a choice.
    press(driver, &format!("{drawn}//button[@role='radio' and .='Scatter']")).await?;
    seen(driver, &format!("{drawn}//*[@aria-label='Runs by two values']//*[name()='circle']")).await?;
    press(driver, &format!("{drawn}//button[@role='radio'][contains(., 'Importance')]")).await?;
    // Of three trials nothing is said.
    seen(driver, &format!("{drawn}//*[contains(., 'Too few runs')]")).await.map(drop)
}

/// The curve of the best so far, the trials that a brush leaves, and two of them compared, from where Back leads here.
async fn brushed_and_compared(desk: &Desk) -> Result<()> {
    const DRAWN: &str = "//main//section[@aria-label='The trials drawn']";
    const PICK: &str = "//main//*[@aria-label='Trials']//tr[@role='row']//*[@role='checkbox']";
    const COMPARE: &str = "//main//a[normalize-space(.)='Compare']";
    let driver = desk.driver();
    let said = |text: &str| format!("{DRAWN}//*[@role='status' and .='{text}']");
    let curve = "//*[@class='chart']/*[name()='path' and not(contains(@class,'r-grid'))]";
    seen(driver, &format!("//main//section[.//h2='Best so far']{curve}")).await?;
    press(driver, &format!("{DRAWN}//button[@role='radio' and .='Parallel']")).await?;
    seen(driver, &said("3 runs")).await?;
    // The last axis is of shares that were right.
    let least = seen(driver, &format!("({DRAWN}//input[starts-with(@aria-label,'Least ')])[last()]")).await?;
    least.send_keys("2").await?;
    least.send_keys(Key::Enter + "").await?;
    seen(driver, &said("0 brushed of 3 runs")).await?;
    press(driver, &format!("{DRAWN}//button[normalize-space(.)='Clear']")).await?;
    seen(driver, &said("3 runs")).await?;
    press(driver, &format!("({PICK})[1]")).await?;
    gone(driver, COMPARE).await?;
    press(driver, &format!("({PICK})[2]")).await?;
    press(driver, COMPARE).await?;
    seen(driver, "//main//h1[.='2 runs compared']").await?;
    driver.back().await?;
    seen(driver, "//main//section[@data-search]").await.context("after Back").map(drop)
}

/// Whether the newest search is finished with so many trials.
async fn counted(desk: &Desk, project: ProjectId, trials: u64) -> Result<bool> {
    let all = desk.client.call(ListSearches { project, deleted: false }).await?;
    Ok(all.first().is_some_and(|search| search.state == SearchState::Finished && search.counted() == trials))
}

/// From the page of a search and back to it.
async fn forget_and_undo(desk: &Desk, project: ProjectId) -> Result<()> {
    let driver = desk.driver();
    press(driver, MORE).await?;
    press(driver, "//*[@role='menu']//button[starts-with(normalize-space(.), 'Forget')]").await?;
    seen(driver, "//main//*[contains(., 'No search yet')]").await?;
    press(driver, "//main//table[@data-deleted]//button[normalize-space(.)='Restore']").await?;
    press(driver, "//main//section[@aria-label='Searches']//tbody//tr//a").await?;
    seen(driver, "//main//section[@data-search]").await.context("the search is restored")?;
    press(driver, MORE).await?;
    press(driver, "//*[@role='menu']//button[starts-with(normalize-space(.), 'Forget')]").await?;
    seen(driver, "//main//*[contains(., 'No search yet')]").await?;
    ensure!(desk.client.call(ListSearches { project, deleted: false }).await?.is_empty(), "it is forgotten");
    press(driver, "//*[contains(@class,'toast')]//button[normalize-space(.)='Undo']").await?;
    press(driver, "//main//section[@aria-label='Searches']//tbody//tr//a").await?;
    seen(driver, "//main//section[@data-search]").await.context("the search is back").map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_searched_and_gone_on_with_in_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = program(&desk).await;
    told(&desk.browser, "program", result).await.unwrap();
}

async fn program(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let project = road::open_sample(&desk.client, "penguins").await?;
    let loss = "sleep 2; echo \"{\\\"metric\\\": \\\"loss\\\", \\\"value\\\": $1}\"\n";
    std::fs::write(std::path::Path::new(&project.path).join("train.sh"), loss)?;
    let project = project.id;
    desk.go(&format!("/p/{project}/runs?search=new")).await?;
    press(driver, "//dialog[@open]//button[@role='radio'][contains(., 'A program')]").await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Command')]//input", "sh train.sh ${x}").await?;
    // Left, the field brings a line for each name in it.
    fill(driver, "//dialog[@open]//label[contains(., 'Trials at most')]//input", "2").await?;
    let name = seen(driver, "//dialog[@open]//*[@data-tried]//input[@aria-label='Hyperparameter']").await?;
    ensure!(name.prop("value").await?.as_deref() == Some("x"), "the name of the command is offered");
    press(driver, "//dialog[@open]//footer//button[contains(., 'Search')]").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'Which series that the program logs is judged?')]").await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Judged by')]//input", "loss").await?;
    fill(driver, "//dialog[@open]//*[@data-tried]//input[@aria-label='Its values']", "1..9:int").await?;
    fill(driver, "//dialog[@open]//*[@data-tried]//input[@aria-label='Hyperparameter']", "y").await?;
    seen(driver, "//dialog[@open]//*[@role='status'][contains(., 'The command has no ${y}')]").await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Search')]").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'name that in')]").await?;
    fill(driver, "//dialog[@open]//*[@data-tried]//input[@aria-label='Hyperparameter']", "x").await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Search')]").await?;
    seen(driver, "//main//section[@data-search]//*[@data-command][contains(., 'train.sh')]").await?;
    press(driver, "//main//button[normalize-space(.)='Stop']").await?;
    press_late(driver, "//main//button[normalize-space(.)='Go on']").await?;
    until("the search is finished", LONG, async || counted(desk, project, 2).await).await?;
    press(driver, MORE).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Go on with other limits')]").await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Trials at most')]//input", "3").await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Hours at most')]//input", "5").await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Go on')]").await?;
    until("one more trial is finished", LONG, async || counted(desk, project, 3).await).await?;
    let all = desk.client.call(ListSearches { project, deleted: false }).await?;
    ensure!(all[0].config.budget.max_hours == Some(5.0), "it goes on with the budget that was typed");
    press(driver, "//main//a[contains(., 'Search as a run')]").await?;
    press(driver, "//main//a[contains(., 'Its trials')]").await?;
    seen(driver, "//main//section[@data-search]//tr[.//*[@data-trial]][contains(., 'best')]").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tools_log_is_found_read_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = source(&desk, folder.path()).await;
    told(&desk.browser, "source", result).await.unwrap();
}

async fn source(desk: &Desk, folder: &std::path::Path) -> Result<()> {
    const FORGOTTEN: &str =
        "//main//section[.//h2='Forgotten logs']//tr[contains(., 'lo gs')][contains(., 'with 1 run')]";
    let driver = desk.driver();
    let logs = folder.join("lo gs");
    std::fs::create_dir(&logs)?;
    let lines = "{\"step\": 1, \"loss\": 0.5}\n{\"step\": 2, \"loss\": 0.25}\n";
    std::fs::write(logs.join("metrics.jsonl"), lines)?;
    desk.go("/experiments").await?;
    press(driver, "//main//button[contains(., 'Read a log')]").await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Folder')]//input", &logs.to_string_lossy()).await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Look')]").await?;
    press(driver, "//dialog[@open]//tr[@data-found='Metrics files']//button[contains(., 'Read')]").await?;
    seen(driver, "//main//*[@data-sources]//tr[contains(., 'Metrics files')][contains(., 'followed')]").await?;
    let read = async || Ok(desk.client.call(ListSources {}).await?.first().is_some_and(|source| source.runs == 1));
    until("its run is read", LONG, read).await?;
    let more = "//main//*[@data-sources]//button[starts-with(@aria-label, 'More of')]";
    not_read(desk, &logs, more).await.context("what was not read")?;
    press(driver, more).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Follow no more')]").await?;
    seen(driver, "//main//*[@data-sources]//tr[contains(., 'read once')]").await?;
    press(driver, more).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Forget')]").await?;
    press(driver, "//dialog[@open]//button[contains(., 'Delete the runs too')]").await?;
    let gone = async || Ok(desk.client.call(ListSources {}).await?.is_empty());
    until("the log is forgotten", LONG, gone).await?;
    ensure!(logs.join("metrics.jsonl").is_file(), "the log itself is never touched");
    press(driver, "//*[contains(@class,'toast')]//button[normalize-space(.)='Undo']").await?;
    until("Undo brings the log and its run back", LONG, read).await?;

    // Without its toast it stands below the logs that are read.
    let source = desk.client.call(ListSources {}).await?.first().context("the log is gone")?.id;
    desk.client.call(RemoveSource { source, keep_runs: false }).await?;
    press(driver, &format!("{FORGOTTEN}//button[normalize-space(.)='Restore']")).await?;
    until("the log and its run again", LONG, read).await?;
    journeys::browser::gone(driver, FORGOTTEN).await?;
    several(desk, folder).await.context("several logs")
}

/// Several logs of one folder are read as one, and what nothing is known of as what a person says it is.
async fn several(desk: &Desk, folder: &std::path::Path) -> Result<()> {
    let driver = desk.driver();
    let look = async |path: &std::path::Path| -> Result<()> {
        desk.go("/experiments").await?;
        press(driver, "//main//button[contains(., 'Read a log')]").await?;
        fill(driver, "//dialog[@open]//label[contains(., 'Folder')]//input", &path.to_string_lossy()).await?;
        press(driver, "//dialog[@open]//footer//button[contains(., 'Look')]").await
    };
    let logs = folder.join("lightning_logs");
    for version in ["version_0", "version_1"] {
        std::fs::create_dir_all(logs.join(version))?;
        std::fs::write(logs.join(version).join("metrics.csv"), "step,loss\n0,0.5\n")?;
    }
    look(&logs).await?;
    press(driver, "//dialog[@open]//tr[@data-found][contains(., 'all 2')]//button[contains(., 'Read as one')]").await?;
    let is_read = async |end: &str, runs: u64| -> Result<bool> {
        let sources = desk.client.call(ListSources {}).await?;
        Ok(sources.iter().any(|source| source.path.ends_with(end) && source.runs == runs))
    };
    until("both are read as one", LONG, async || is_read("lightning_logs", 2).await).await?;
    let odd = folder.join("values.txt");
    std::fs::write(&odd, "{\"loss\": 0.5}\n")?;
    look(&odd).await?;
    press(driver, "//dialog[@open]//button[normalize-space(.)='Read']").await?;
    until("it is read as files of metrics", LONG, async || is_read("values.txt", 1).await).await
}

/// A line that is none of the log's comes while it is followed: its row says so, and the dialog where and why, from the
/// menu and from what the row says.
async fn not_read(desk: &Desk, logs: &std::path::Path, more: &str) -> Result<()> {
    let driver = desk.driver();
    let mut log = std::fs::OpenOptions::new().append(true).open(logs.join("metrics.jsonl"))?;
    writeln!(log, "no line of ours")?;
    let told = "//main//*[@data-sources]//tr[contains(., '1 not read')]";
    seen(driver, told).await?;
    let line = "//dialog[@open]//*[@data-not-read]//tr[contains(., 'metrics.jsonl')]";
    press(driver, more).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'What was not read')]").await?;
    seen(driver, line).await?;
    desk.browser.picture("not-read").await?;
    driver.action_chain().send_keys(Key::Escape).perform().await?;
    gone(driver, line).await?;
    press(driver, &format!("{told}//button[@title='What was not read, and why']")).await?;
    seen(driver, line).await?;
    driver.action_chain().send_keys(Key::Escape).perform().await?;
    gone(driver, line).await
}
