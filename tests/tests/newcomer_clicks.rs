//! The New-project dialog by a person's clicks: a table with lines of another width and two times becomes a project.

use std::{fmt::Write as _, path::Path};

use anyhow::{Context as _, Result, ensure};
use api::{
    config::Ragged,
    dataset::{GetDataset, GetProfile},
    project::ListProjects,
};
use journeys::{
    browser::{choose, field, fill, gone, press, seen, seen_late, told},
    desk::Desk,
    road, stage,
};
use serde_json::json;
use thirtyfour::By;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_ragged_lines_and_two_times_becomes_a_project() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = becomes_a_project(&desk, folder.path()).await;
    told(&desk.browser, "newcomer", result).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_a_folder_that_are_uploaded_become_projects() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = uploads_become_projects(&desk, folder.path()).await;
    told(&desk.browser, "uploads", result).await.unwrap();
}

/// Two tables at once, then the folder that they lie in with another: up to the first snapshot.
async fn uploads_become_projects(desk: &Desk, folder: &Path) -> Result<()> {
    let brought = folder.join("brought");
    let tables = brought.join("measures");
    std::fs::create_dir_all(&tables)?;
    let files = ["first.csv", "second.csv"].map(|name| tables.join(name));
    for (seed, file) in (1..).zip(&files) {
        std::fs::write(file, stage::table(50, seed, 0.0))?;
    }
    let files = files.map(|file| file.display().to_string());
    upload(desk, "files", &files.join("\n"), "first").await.context("two files")?;
    upload(desk, "folder", &brought.display().to_string(), "brought").await.context("a folder")?;

    let mut projects = desk.client.call(ListProjects {}).await?;
    projects.sort_by(|left, right| left.project.name.cmp(&right.project.name));
    let [of_folder, of_files] = projects.as_slice() else { anyhow::bail!("{} projects", projects.len()) };
    ensure!(of_files.project.file.data.paths == ["first.csv", "second.csv"], "{:?}", of_files.project);
    ensure!(of_folder.project.file.data.paths == ["measures"], "{:?}", of_folder.project);
    for summary in &projects {
        let project = summary.project.id;
        road::snapshot(&desk.client, project).await?;
        let dataset = desk.client.call(GetDataset { project }).await?;
        ensure!(dataset.snapshots.first().is_some_and(|snapshot| snapshot.rows == 100), "{dataset:?}");
    }
    Ok(())
}

/// Gives `paths` to the page's chooser and makes the project that is proposed, of the name `name`.
async fn upload(desk: &Desk, chooser: &str, paths: &str, name: &str) -> Result<()> {
    let driver = desk.driver();
    desk.go("/").await?;
    seen(driver, "//main//button[contains(., 'Open a path')]").await?;
    driver.find(By::Css(format!("input[data-choose={chooser}]"))).await?.send_keys(paths).await?;
    seen_late(driver, CREATE).await.context("what was uploaded is looked at")?;
    let proposed = driver.find(By::XPath(field("Name"))).await?.prop("value").await?;
    ensure!(proposed.as_deref() == Some(name), "the proposed name is {proposed:?}");
    press(driver, CREATE).await?;
    seen_late(driver, "//nav[contains(@class,'rail')]//a[contains(., 'Data')]").await.context("its page is opened")?;
    Ok(())
}

/// 200 orders, and two lines that a careless hand broke.
fn orders() -> String {
    let mut text = "number,ordered_at,delivered_at,items,late\n".to_owned();
    for row in 0..200 {
        let (day, late) = (row % 28 + 1, if row % 3 == 0 { "yes" } else { "no" });
        let _ = write!(text, "{},", 1000 + row);
        let _ = writeln!(text, "2026-01-{day:02} 08:00:00,2026-02-{day:02} 17:30:00,{},{late}", row % 7 + 1);
        if row % 100 == 50 {
            text.push_str("0,2026-01-09 08:00:00,2026-02-09 17:30:00,4,no,left at the door\n");
        }
    }
    text
}

async fn becomes_a_project(desk: &Desk, folder: &Path) -> Result<()> {
    let driver = desk.driver();
    let file = folder.join("orders.csv");
    std::fs::write(&file, orders())?;
    press(driver, "//main//button[contains(., 'Open a path')]").await?;
    // A mistyped path is put right where it stands.
    let mistyped = folder.join("oders.csv").display().to_string();
    fill(driver, &field("Path on this machine"), &mistyped).await?;
    press(driver, "//dialog[@open]//button[contains(., 'Look at it')]").await?;
    let refused = "//dialog[@open]//label[contains(., 'Path on this machine')]//small[contains(@class,'bad')]";
    seen(driver, refused).await.context("the mistyped path is refused beside its field")?;
    let kept = seen(driver, &field("Path on this machine")).await?.prop("value").await?;
    ensure!(kept.as_deref() == Some(mistyped.as_str()), "the field holds {kept:?}");
    fill(driver, &field("Path on this machine"), &file.display().to_string()).await?;
    press(driver, "//dialog[@open]//button[contains(., 'Look at it')]").await?;

    let problem = "//dialog[@open]//*[contains(@class,'problem')]";
    let said = seen_late(driver, problem).await.context("the ragged line is said")?.text().await?;
    ensure!(said.contains("orders.csv") && said.contains("line 53: 6 fields"), "the problem reads {said}");
    ensure!(driver.find_all(By::XPath(CREATE)).await?.is_empty(), "a file that can't be read becomes a project");
    desk.browser.picture("newcomer-ragged").await?;
    press(driver, "//dialog[@open]//button[normalize-space(.)='Skip such lines']").await?;

    seen_late(driver, CREATE).await.context("the file is looked at again")?;
    gone(driver, problem).await?;
    let found = seen(driver, "//dialog[@open]//ul[contains(@class,'found')]").await?.text().await?;
    ensure!(
        found.contains("200 rows") && found.contains("2 lines of another width left out"),
        "what was found reads {found}"
    );
    choose(driver, "What shall be predicted?", "late").await?;
    choose(driver, "When did a row happen?", "delivered_at").await?;
    seen(driver, "//dialog[@open]//span[.='\"number\" has its own value in every row, as an id has.']").await?;
    press(driver, "//dialog[@open]//button[normalize-space(.)='Ignore number']").await?;
    seen(driver, "//dialog[@open]//button[normalize-space(.)='Use number']").await.context("it is ignored")?;
    fill(driver, &field("Name"), "Late orders").await?;
    desk.browser.picture("newcomer-times").await?;
    press(driver, CREATE).await?;

    seen_late(driver, "//nav[contains(@class,'rail')]//a[contains(., 'Data')]").await.context("its page is opened")?;
    seen(driver, "//main//*[contains(., 'Late orders')]").await?;
    let projects = desk.client.call(ListProjects {}).await?;
    let [only] = projects.as_slice() else { anyhow::bail!("{} projects", projects.len()) };
    let data = &only.project.file.data;
    ensure!(only.project.name == "Late orders" && data.target.as_deref() == Some("late"), "{:?}", only.project);
    ensure!(data.ignore == ["number"], "{data:?}");
    ensure!(data.ragged == Ragged::Skip && data.timestamp.as_deref() == Some("delivered_at"), "{data:?}");
    let written = std::fs::read_to_string(Path::new(&only.project.path).join("slipway.toml"))?;
    ensure!(written.contains("ragged = \"skip\"") && written.contains("timestamp = \"delivered_at\""), "{written}");
    rows_are_read(desk, folder, only.project.id).await
}

/// The lines that fit are there, those that don't are counted on the Data page.
async fn rows_are_read(desk: &Desk, folder: &Path, project: api::ProjectId) -> Result<()> {
    road::snapshot(&desk.client, project).await?;
    let dataset = desk.client.call(GetDataset { project }).await?;
    let snapshot = dataset.snapshots.first().context("no snapshot")?.id;
    ensure!(road::prepared(&desk.client, GetProfile { snapshot }).await?.rows == 200);
    desk.go(&format!("/p/{project}/data?tab=profile")).await?;
    seen(desk.driver(), "//main//*[contains(., '2 lines of another width left out')]")
        .await
        .context("the skipped lines are told")?;
    desk.browser.picture("newcomer-data").await?;

    // What is brought later is looked at as the project reads its data.
    let more = folder.join("more.csv");
    std::fs::write(&more, orders())?;
    desk.driver().find(By::Css("input[data-choose=files]")).await?.send_keys(more.display().to_string()).await?;
    let looked = "//main//div[contains(@class,'drop')]";
    seen(desk.driver(), &format!("{looked}//div[contains(., '2 lines of another width left out')]"))
        .await
        .context("a file that was brought is looked at")?;
    let problems = desk.driver().find_all(By::XPath(format!("{looked}//*[contains(@class,'problem')]"))).await?;
    ensure!(problems.is_empty(), "a file that the project would read is shown with a problem");
    press(desk.driver(), &format!("{looked}//button[@aria-label='Leave it']")).await?;

    // Taken back in, it is said again where a training begins.
    road::edit(&desk.client, project, &[("data.ignore", json!([]))]).await?;
    desk.go(&format!("/p/{project}/runs?train=1")).await?;
    seen(desk.driver(), "//dialog[@open]//span[contains(., '\"number\" has its own value in nearly every row')]")
        .await?;
    let ignore = "//dialog[@open]//button[normalize-space(.)='Ignore number']";
    desk.browser.picture("train-doubt").await?;
    press(desk.driver(), ignore).await?;
    seen(desk.driver(), "//dialog[@open]//p[contains(., 'Not used as input: ') and contains(., 'number (ignored)')]")
        .await
        .context("it is ignored")?;
    gone(desk.driver(), ignore).await?;
    // Without a finished run there is none to choose: the way to a model is a training.
    for page in ["models", "deploy"] {
        desk.go(&format!("/p/{project}/{page}")).await?;
        seen(desk.driver(), "//main//a[normalize-space(.)='Train a model']").await.with_context(|| page.to_owned())?;
    }
    // A page of the machine that is opened by its address has the project at hand.
    desk.go("/jobs").await?;
    let rail = format!("//nav[contains(@class,'rail')]//a[@href='/p/{project}/data']");
    seen(desk.driver(), &rail).await.context("the rail names the project")?;
    Ok(())
}

const CREATE: &str = "//dialog[@open]//button[normalize-space(.)='Create project']";
