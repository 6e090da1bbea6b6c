//! Experiments by a person's clicks: a folder leads to its runs and is emptied at once; one is made, named, put into a
//! folder, taken as text, deleted, brought back, and deleted for good.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::tracking::{EditExperiment, ListExperiments};
use journeys::{
    browser::{copied, field, fill, gone, keep_copied, press, saved, seen, there},
    desk::{Desk, ROWS},
    process::until,
    tracked::Tracked,
};
use thirtyfour::By;

const SHORT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn experiments_are_made_named_moved_and_deleted() {
    Desk::tried("experiments", experiments).await.unwrap();
}

async fn experiments(desk: &Desk, folder: &Path) -> Result<()> {
    foldered(desk).await.context("a folder")?;
    taken(desk, folder).await.context("the list as Markdown and CSV")?;
    made(desk).await.context("new experiments")?;
    moved(desk).await.context("names and folders")?;
    deleted(desk).await.context("delete, Undo and Restore")?;
    purged(desk).await.context("delete for good")
}

fn link(name: &str) -> String {
    format!("//main//a[normalize-space(.)='{name}']")
}

fn folder_line(name: &str) -> String {
    format!("//main//tr[@aria-label='Folder {name}']")
}

/// The button of the open dialog that does it.
fn confirms(verb: &str) -> String {
    format!("//dialog[@open]//footer//button[normalize-space(.)='{verb}']")
}

fn toast(said: &str) -> String {
    format!("//div[@class='toast'][contains(., '{said}')]")
}

/// Takes back what a note says.
async fn undo(desk: &Desk, said: &str) -> Result<()> {
    press(desk.driver(), &format!("{}//button[normalize-space(.)='Undo']", toast(said))).await
}

/// Chooses from the menu of a line.
async fn asks(desk: &Desk, of: &str, item: &str) -> Result<()> {
    press(desk.driver(), &format!("//main//button[@aria-label='More of {of}']")).await?;
    press(desk.driver(), &format!("//*[@role='menu']//button[normalize-space(.)='{item}']")).await
}

/// Waits until an experiment that is there stands in a folder.
async fn stands_in(desk: &Desk, name: &str, folder: &str) -> Result<()> {
    until(&format!("{name} in the folder {folder:?}"), SHORT, async || {
        let all = desk.client.call(ListExperiments::default()).await?;
        Ok(all.iter().any(|one| one.name == name && one.folder == folder))
    })
    .await
}

/// From the menu of the folder's line; Undo brings back what was deleted.
async fn foldered(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let outside = Tracked::new(&desk.client, "elsewhere").await?;
    outside.log("far", &[], &[("loss", 0, 1.0)]).await?;
    // One stands below the folder, in one whose name is no pattern.
    for (name, run, folder) in [("resnet", "deep", "vision"), ("vit", "wide", "vision/50%_x")] {
        let within = Tracked::new(&desk.client, name).await?;
        let run = within.log(run, &[], &[("loss", 0, 0.5)]).await?;
        within.keep(run, "weights.bin", &[7; 9_000]).await?;
        let folder = Some(folder.to_owned());
        desk.client.call(EditExperiment { folder, ..EditExperiment::of(within.experiment.id) }).await?;
    }
    desk.go("/experiments").await?;
    asks(desk, "the folder vision", "Runs of this folder").await?;
    until("both runs", SHORT, async || Ok(driver.find_all(By::XPath(ROWS)).await?.len() == 2)).await?;
    for run in ["deep", "wide"] {
        seen(driver, &format!("//main//tr[@role='row']//b[.='{run}']")).await?;
    }
    driver.back().await?;
    seen(driver, &link("resnet")).await?;
    let filter = "//main//input[@aria-label='Filter experiments']";
    fill(driver, filter, "folder = 'vision'").await?;
    gone(driver, &link("vit")).await?;
    seen(driver, &link("resnet")).await?;
    fill(driver, filter, "").await?;
    seen(driver, &link("vit")).await?;
    tagged(desk, "resnet").await.context("the tags of an experiment")?;
    asks(desk, "the folder vision", "Delete its experiments…").await?;
    seen(driver, "//dialog[@open]//h2[.='Delete the experiments of vision?']").await?;
    seen(driver, "//dialog[@open]//*[contains(., '2 experiments with 2 runs')]").await?;
    press(driver, &confirms("Delete")).await?;
    gone(driver, &link("resnet")).await?;
    gone(driver, &folder_line("vision")).await?;
    seen(driver, &link("elsewhere")).await?;
    undo(desk, "Deleted 2 experiments of vision").await?;
    for name in ["resnet", "vit"] {
        seen(driver, &link(name)).await.context("brought back")?;
    }
    Ok(())
}

/// From the menu of the experiment's line; what was there is shown, set and removed.
async fn tagged(desk: &Desk, name: &str) -> Result<()> {
    let driver = desk.driver();
    let all = desk.client.call(ListExperiments::default()).await?;
    let experiment = all.into_iter().find(|one| one.name == name).context("the experiment is not there")?.id;
    let tags = [("team".to_owned(), Some("vision".to_owned()))].into();
    desk.client.call(EditExperiment { tags, ..EditExperiment::of(experiment) }).await?;
    asks(desk, name, "Tags…").await?;
    let chip = |text: &str| format!("//dialog[@open]//*[contains(@class,'chip') and contains(., '{text}')]");
    seen(driver, &chip("team: vision")).await?;
    fill(driver, "//dialog[@open]//input[@aria-label='Tag']", "goal").await?;
    fill(driver, "//dialog[@open]//input[@aria-label='Value']", "speed").await?;
    press(driver, "//dialog[@open]//button[normalize-space(.)='Add']").await?;
    seen(driver, &chip("goal: speed")).await?;
    press(driver, "//dialog[@open]//button[@aria-label='Remove team']").await?;
    gone(driver, &chip("team: vision")).await?;
    press(driver, "//dialog[@open]//button[normalize-space(.)='Close']").await?;
    gone(driver, "//dialog[@open]").await
}

/// All that the list shows, by its head's menu: rounded for people, whole for programs.
async fn taken(desk: &Desk, folder: &Path) -> Result<()> {
    const TAKE: &str = "//main//section[.//h2='All experiments']//button[@aria-label='Copy or save the table']";
    let driver = desk.driver();
    keep_copied(driver).await?;
    press(driver, TAKE).await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Copy as Markdown']").await?;
    seen(driver, &format!("{}[contains(., '4 experiments')]", toast("Copied as Markdown"))).await?;
    let text = copied(driver).await?;
    let lines: Vec<&str> = text.lines().collect();
    ensure!(lines.len() == 6, "copied {text:?}");
    ensure!(lines[0] == "| Experiment | Folder | Project | Runs | Last change | Note |", "copied {text:?}");
    let begins = [
        "| Default | – | – | 0 |",
        "| elsewhere | – | – | 1 |",
        "| resnet | vision | – | 1 |",
        "| vit | vision/50%_x |",
    ];
    ensure!(begins.iter().zip(&lines[2..]).all(|(begin, line)| line.starts_with(begin)), "copied {text:?}");

    press(driver, TAKE).await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Save as CSV']").await?;
    let text = saved(folder, "experiments.csv").await?;
    let lines: Vec<&str> = text.lines().collect();
    ensure!(lines.len() == 5 && lines[0] == "Experiment,Folder,Project,Runs,Last change,Note", "saved {text:?}");
    ensure!(lines[3].starts_with("resnet,vision,,1,2") && lines[3].ends_with("Z,"), "saved {text:?}");
    Ok(())
}

/// By the page's button at the top, and from a folder's menu in it.
async fn made(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    press(driver, "//main//button[normalize-space(.)='New experiment…']").await?;
    there(driver, &format!("{}[@disabled]", confirms("Make experiment"))).await.context("without a name")?;
    fill(driver, &field("Name"), "fresh").await?;
    press(driver, &confirms("Make experiment")).await?;
    gone(driver, "//dialog[@open]").await?;
    seen(driver, &link("fresh")).await?;
    stands_in(desk, "fresh", "").await?;

    asks(desk, "the folder vision", "New experiment here…").await?;
    let first = seen(driver, &field("Folder")).await?.prop("value").await?;
    ensure!(first.as_deref() == Some("vision"), "the folder is {first:?}");
    fill(driver, &field("Name"), "beside").await?;
    press(driver, &confirms("Make experiment")).await?;
    gone(driver, "//dialog[@open]").await?;
    seen(driver, &link("beside")).await?;
    stands_in(desk, "beside", "vision").await
}

/// An experiment's, then those of the folder that it was put into.
async fn moved(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    asks(desk, "fresh", "Rename…").await?;
    seen(driver, "//dialog[@open]//h2[.='Rename fresh']").await?;
    fill(driver, &field("Name"), "stale").await?;
    press(driver, &confirms("Rename")).await?;
    seen(driver, &link("stale")).await?;
    gone(driver, &link("fresh")).await?;
    asks(desk, "stale", "Move to a folder…").await?;
    fill(driver, &field("Folder"), "vision/deep").await?;
    press(driver, &confirms("Move")).await?;
    seen(driver, &folder_line("deep")).await?;
    stands_in(desk, "stale", "vision/deep").await?;

    asks(desk, "the folder deep", "Rename…").await?;
    fill(driver, &field("Name"), "a/b").await?;
    seen(driver, "//dialog[@open]//label[span='Name']/small[@role='alert'][starts-with(., 'A name has no /')]").await?;
    fill(driver, &field("Name"), "wide").await?;
    press(driver, &confirms("Rename")).await?;
    seen(driver, &folder_line("wide")).await?;
    undo(desk, "Renamed vision/deep to vision/wide").await?;
    seen(driver, &folder_line("deep")).await?;
    stands_in(desk, "stale", "vision/deep").await.context("by Undo")?;
    // To the top, with what is in it.
    asks(desk, "the folder deep", "Move to a folder…").await?;
    fill(driver, &field("Into the folder"), "").await?;
    press(driver, &confirms("Move")).await?;
    seen(driver, &toast("Moved vision/deep to deep")).await?;
    stands_in(desk, "stale", "deep").await
}

/// It comes back by Undo, and from where the deleted ones stand.
async fn deleted(desk: &Desk) -> Result<()> {
    const LINE: &str = "//main//tr[@aria-label='Open stale']";
    let driver = desk.driver();
    asks(desk, "stale", "Delete").await?;
    gone(driver, &link("stale")).await?;
    undo(desk, "Deleted stale with its runs").await?;
    seen(driver, &link("stale")).await?;

    asks(desk, "stale", "Delete").await?;
    gone(driver, &link("stale")).await?;
    seen(driver, &toast("Deleted stale with its runs")).await?;
    show_deleted(desk).await?;
    seen(driver, "//main//h2[.='Deleted experiments']").await?;
    seen(driver, LINE).await?;
    asks(desk, "stale", "Restore").await?;
    seen(driver, &toast("Restored stale with its runs")).await?;
    gone(driver, LINE).await?;
    show_deleted(desk).await?;
    seen(driver, &link("stale")).await?;
    stands_in(desk, "stale", "deep").await.context("by Restore")
}

/// Turns the page to those that were deleted, and back.
async fn show_deleted(desk: &Desk) -> Result<()> {
    press(desk.driver(), "//main//label[contains(@class,'switch')][normalize-space(.)='Deleted']").await
}

/// It is asked about first, and said what it gave back.
async fn purged(desk: &Desk) -> Result<()> {
    const LINE: &str = "//main//tr[@aria-label='Open resnet']";
    let driver = desk.driver();
    let is_kept = async || {
        let all = desk.client.call(ListExperiments { deleted: true, ..ListExperiments::default() }).await?;
        anyhow::Ok(all.iter().any(|one| one.name == "resnet"))
    };
    asks(desk, "resnet", "Delete").await?;
    gone(driver, &link("resnet")).await?;
    seen(driver, &toast("Deleted resnet with its runs")).await?;
    show_deleted(desk).await?;
    seen(driver, LINE).await?;
    for verb in ["Cancel", "Delete for good"] {
        asks(desk, "resnet", "Delete for good…").await?;
        seen(driver, "//dialog[@open]//h2[.='Delete resnet for good?']").await?;
        ensure!(is_kept().await?, "it is gone before it was asked about");
        press(driver, &confirms(verb)).await?;
        gone(driver, "//dialog[@open]").await?;
    }
    // Of its run there were a file of 9 kB, and points.
    seen(driver, &format!("{}[contains(., ' kB freed')]", toast("Deleted resnet for good; "))).await?;
    gone(driver, LINE).await?;
    ensure!(!is_kept().await?, "it is still there");
    Ok(())
}
