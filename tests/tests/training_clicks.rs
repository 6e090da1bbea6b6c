//! Training by a person's clicks: what can't train here and what is no input is said in the dialog, which lies over the
//! run table as it stands; newer files are added where nothing else is new, and runs that were validated on other rows
//! are marked. The log of a program's run begins with the stream that has lines, one that failed leads to it, and a run
//! that is come back to has its own curves.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    ProjectId, RunId,
    dataset::{GetDataset, PlanSnapshot},
    host::{GetHardware, NamedDevice},
    project::GetProject,
    run::{GetRun, ListRuns, ProjectIdOr, RunState, RunTable},
    run_table::{GroupRuns, Listing},
    tracking::Scope,
    worker::Device,
};
use journeys::{
    browser::{gone, press, seen, seen_late, there, told},
    desk::Desk,
    host,
    process::{read, until},
    road,
};
use serde_json::json;
use thirtyfour::{By, Key};

const SHORT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn the_dialog_says_what_cannot_train_here_and_what_is_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = said_before(&desk).await;
    told(&desk.browser, "train-dialog", result).await.unwrap();
}

async fn said_before(desk: &Desk) -> Result<()> {
    let (driver, client) = (desk.driver(), &desk.client);
    let project = road::open_sample(client, "penguins").await?.id;
    desk.go(&format!("/p/{project}/runs?train=1")).await?;
    seen(driver, "//dialog[@open]//p[contains(., 'First a snapshot of the data is taken: ')]").await?;
    seen(driver, "//dialog[@open]//p[.='Not used as input: year (ignored).']").await.context("what is no input")?;
    let devices = client.call(GetHardware { probe: false }).await?.devices;
    let somewhere = devices.iter().find(|named| named.trees.is_some()).context("everything trains here")?;
    devices_are(desk, &devices, false).await.context("of trees")?;
    desk.browser.picture("train-devices").await?;
    press(driver, "//dialog[@open]//label[span='Model']//option[.='MLP']").await?;
    devices_are(desk, &devices, true).await.context("of networks")?;

    // What the file asks for all the same is said where it is chosen, and can't be started.
    let device = serde_json::to_value(somewhere.device)?;
    road::edit(client, project, &[("training.device", device), ("training.model", json!("trees"))]).await?;
    desk.go(&format!("/p/{project}/runs?train=1")).await?;
    let error = seen(driver, "//dialog[@open]//label[span='Device']/small[@role='alert']").await?.text().await?;
    ensure!(Some(&error) == somewhere.trees.as_ref(), "the field says {error}");
    let start = driver.find(By::XPath("//dialog[@open]//button[normalize-space(.)='Start training']")).await?;
    ensure!(!start.is_enabled().await?, "it can be started");
    desk.browser.picture("train-refused").await?;
    press(driver, "//dialog[@open]//label[span='Device']//option[.='CPU']").await?;
    gone(driver, "//dialog[@open]//*[@role='alert']").await?;
    seen(driver, "//dialog[@open]//button[normalize-space(.)='Start training']").await.map(drop)
}

/// Each device can be chosen or says why not, as the host knows it.
async fn devices_are(desk: &Desk, devices: &[NamedDevice], networks: bool) -> Result<()> {
    for named in devices.iter().filter(|named| named.device != Device::Auto) {
        let key = serde_json::to_value(named.device)?;
        let key = key.as_str().context("a device has a name")?;
        let reason = if networks { &named.networks } else { &named.trees };
        let path = format!("//dialog[@open]//label[span='Device']//option[@value='{key}']");
        let state = match reason {
            Some(_) => "[@disabled and contains(., 'not here')]",
            None => "[not(@disabled) and not(contains(., 'not here'))]",
        };
        there(desk.driver(), &format!("{path}{state}")).await.with_context(|| format!("{key}: {reason:?}"))?;
        let title = desk.driver().find(By::XPath(&path)).await?.attr("title").await?;
        ensure!(&title == reason, "{key} says {title:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_table_stays_as_it_is_below_the_dialog_and_on_the_ways_back() {
    Desk::tried("train-over-the-table", async |desk, _| over_the_table(desk).await).await.unwrap();
}

async fn over_the_table(desk: &Desk) -> Result<()> {
    const TABLE: &str = "filter=state%20%3D%20finished&sort=name&way=up&group=state";
    const DIALOG: &str = "//dialog[@open]//h2[.='Train']";
    const TRAIN: &str = "//main//a[normalize-space(.)='Train']";
    const CRUMB: &str = "//nav[@aria-label='Where you are']//a[.='Runs']";
    const RAIL: &str = "//nav[contains(@class,'rail')]//a[@title='Runs']";
    let driver = desk.driver();
    let opened = road::open_sample(&desk.client, "penguins").await?;
    let project = opened.id;
    execute(desk, Path::new(&opened.path), "exit 0")?;
    let run = runs(desk, project).await?.rows.into_iter().next().context("no run")?;
    let asks = async |query: &str| {
        let is = async || Ok(driver.current_url().await?.query() == Some(query));
        until(&format!("the address with {query}"), SHORT, is).await
    };
    let stands = async || {
        asks(TABLE).await?;
        seen(driver, "//main//*[@aria-label='Groups of runs']").await.context("its groups")?;
        let filter = seen(driver, "//main//input[@aria-label='Filter runs']").await?.prop("value").await?;
        ensure!(filter.as_deref() == Some("state = finished"), "the filter is {filter:?}");
        anyhow::Ok(())
    };
    let close = async || {
        press(driver, "//dialog[@open]//button[@aria-label='Close']").await?;
        gone(driver, "//dialog[@open]").await?;
        stands().await
    };
    let asked = format!("{TABLE}&train=1");
    desk.go(&format!("/p/{project}/runs?{TABLE}")).await?;
    stands().await.context("as it is opened")?;
    press(driver, TRAIN).await?;
    seen(driver, DIALOG).await.context("the dialog, by the button")?;
    asks(&asked).await.context("below the dialog")?;
    desk.browser.picture("train-over-the-table").await?;
    driver.refresh().await?;
    seen(driver, DIALOG).await.context("the dialog, by a reload")?;
    asks(&asked).await.context("after a reload")?;
    close().await.context("after the dialog")?;
    driver.active_element().await?.send_keys(Key::Control + "k").await?;
    seen(driver, "//dialog[@open and @aria-label='Search or run a command']//input")
        .await?
        .send_keys("retrain")
        .await?;
    press(driver, "//dialog[@open]//*[@role='option' and contains(., 'Train or retrain')]").await?;
    seen(driver, DIALOG).await.context("the dialog, by the palette")?;
    asks(&asked).await.context("below the dialog of the palette")?;
    close().await.context("after the dialog of the palette")?;

    // From what lies over the table, from a run's page, and from another page.
    let follow = async |page: &str| {
        driver.execute(FOLLOW, vec![json!(format!("/p/{project}/{page}"))]).await.with_context(|| page.to_owned())
    };
    let page_of_run = format!("runs/{}", run.id);
    let pages = [
        ("runs?searches=1", "Searches", CRUMB),
        (page_of_run.as_str(), run.name.as_str(), CRUMB),
        ("models", "Models", RAIL),
    ];
    for (page, name, back) in pages {
        follow(page).await?;
        seen(driver, &format!("//nav[@aria-label='Where you are']//b[.='{name}']")).await?;
        press(driver, back).await.with_context(|| page.to_owned())?;
        stands().await.with_context(|| format!("back from {page}"))?;
    }
    // What lies over the table, opened from another page, says nothing of it.
    for (page, name) in [("models", "Models"), ("runs?searches=1", "Searches")] {
        follow(page).await?;
        seen(driver, &format!("//nav[@aria-label='Where you are']//b[.='{name}']")).await?;
    }
    press(driver, CRUMB).await?;
    stands().await.context("back from Searches, opened from Models")
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_data_are_said_and_newer_files_added() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = newer_files(&desk).await;
    told(&desk.browser, "retrain", result).await.unwrap();
}

async fn newer_files(desk: &Desk) -> Result<()> {
    let (driver, client) = (desk.driver(), &desk.client);
    let project = road::open_sample(client, "card-fraud").await?.id;
    road::edit(client, project, &[("training.rounds", json!(5))]).await?;
    road::train(client, project).await?;
    ensure!(client.call(PlanSnapshot { project }).await?.unchanged, "the data changed by themselves");
    let beside = road::second_period(client, project).await?;

    desk.go(&format!("/p/{project}/runs?train=1")).await?;
    seen(driver, "//dialog[@open]//p[contains(., 'have not changed since') and contains(., 'the same model')]").await?;
    seen(driver, "//dialog[@open]//p[.='Not used as input: timestamp (the time of a row).']")
        .await
        .context("the time")?;
    seen(driver, &format!("//dialog[@open]//span[.='{beside} lies beside the data.']")).await?;
    desk.browser.picture("train-unchanged").await?;
    press(driver, ADD).await.context("add the newer files")?;
    gone(driver, ADD).await?;
    seen(driver, "//dialog[@open]//p[contains(., 'The data changed: a new snapshot of')]").await?;
    desk.browser.picture("train-added").await?;
    let file = client.call(GetProject { project }).await?.file;
    ensure!(file.data.paths.contains(&beside), "the data are of {:?}", file.data.paths);
    ensure!(!client.call(PlanSnapshot { project }).await?.unchanged, "nothing is new");
    let dataset = client.call(GetDataset { project }).await?;
    ensure!(dataset.beside.is_empty(), "{:?} lies beside the data still", dataset.beside);

    press(driver, "//dialog[@open]//button[normalize-space(.)='Start training']").await?;
    seen_late(driver, "//button[contains(., 'Register model')]").await.context("the run ends")?;
    let run = runs(desk, project).await?.rows.into_iter().max_by_key(|row| row.created_ms).context("no run")?;
    ensure!(run.snapshot_number == Some(2), "it trained on {:?}", run.snapshot_number);

    // A snapshot that no run has seen is something new, though nothing changed since it was taken.
    let paths: Vec<String> = file.data.paths.into_iter().filter(|path| path != &beside).collect();
    road::edit(client, project, &[("data.paths", json!(paths))]).await?;
    road::snapshot(client, project).await?;
    desk.go(&format!("/p/{project}/monitor?train=again")).await?;
    seen(driver, "//dialog[@open]//h2[.='Retrain']").await.context("its title")?;
    let new = format!("{} was trained on data v2; this run takes data v", run.name);
    seen(driver, &format!("//dialog[@open]//p[contains(., '{new}') and contains(., ' fewer rows.')]")).await?;
    gone(driver, "//dialog[@open]//p[contains(., 'the same model')]").await?;
    desk.browser.picture("retrain-other-data").await
}

const ADD: &str = "//dialog[@open]//button[contains(., 'Add the newer files')]";

async fn runs(desk: &Desk, project: ProjectId) -> Result<RunTable> {
    let request = ListRuns {
        project: ProjectIdOr(project),
        filter: String::new(),
        sort: None,
        descending: true,
        offset: 0,
        limit: None,
        ..ListRuns::default()
    };
    Ok(desk.client.call(request).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_other_rows_are_marked() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = marked(&desk).await;
    told(&desk.browser, "other-rows", result).await.unwrap();
}

async fn marked(desk: &Desk) -> Result<()> {
    let (driver, client) = (desk.driver(), &desk.client);
    let opened = road::open_sample(client, "breast-cancer").await?;
    let (project, path) = (opened.id, opened.path);
    for seed in [1, 1, 2] {
        road::edit(client, project, &[("split.seed", json!(seed))]).await?;
        road::train(client, project).await?;
    }
    let table = runs(desk, project).await?;
    let others: Vec<&str> =
        table.rows.iter().filter(|row| row.has_other_rows(table.best_split)).map(|row| row.name.as_str()).collect();
    ensure!(!others.is_empty() && others.len() < 3, "of other rows: {others:?}");
    desk.go(&format!("/p/{}/runs", project)).await?;
    for row in &table.rows {
        let name = format!("//main//span[b='{}']", row.name);
        seen(driver, &name).await.with_context(|| format!("{} is not in the list", row.name))?;
        let chips = driver.find_all(By::XPath(format!("{name}/span[.='other rows']"))).await?;
        ensure!(
            chips.len() == usize::from(others.contains(&row.name.as_str())),
            "{} has {} chips",
            row.name,
            chips.len()
        );
    }
    let chip = seen(driver, "//main//span[.='other rows']").await?.attr("title").await?.unwrap_or_default();
    ensure!(chip.contains("can't be compared"), "the chip says {chip}");
    // What can't be compared is no part of the best and the mean.
    let key = table.ranked_by.as_ref().context("nothing ranks")?.0.clone();
    let compared: Vec<f64> = table
        .rows
        .iter()
        .filter(|row| !row.has_other_rows(table.best_split))
        .filter_map(|row| row.metrics.get(&key).map(|cell| cell.last))
        .collect();
    let list =
        Listing { of: Scope::Project(project), deleted: false, filter: String::new(), sort: None, descending: false };
    let validated_on = table.best_split;
    let asked = GroupRuns { list, by: Vec::new(), metrics: vec![key], validated_on, offset: 0, limit: None };
    let groups = client.call(asked.clone()).await?;
    let figure = groups.groups[0].figures[0].context("no figure")?;
    ensure!(
        (groups.runs, groups.other_rows, figure.runs) == (3, others.len() as u64, compared.len() as u64)
            && compared.contains(&figure.max)
            && compared.contains(&figure.min),
        "{groups:?} of {compared:?}"
    );
    let mixed = client.call(GroupRuns { validated_on: None, ..asked }).await?;
    ensure!((mixed.other_rows, mixed.groups[0].figures[0].map(|all| all.runs)) == (0, Some(3)), "{mixed:?}");
    let (one, others) = (compared.len(), others.len());
    let said = match (one, others) {
        (1, _) => format!("of 1 run; {others} are validated on other rows"),
        _ => format!("of {one} runs; {others} is validated on other rows"),
    };
    seen(driver, &format!("//main//*[contains(@class,'foot')]//*[normalize-space(.)='{said}']")).await.context(said)?;
    desk.browser.picture("runs-other-rows").await?;
    // The figures of groups leave them out, too, and say so.
    desk.go(&format!("/p/{project}/runs?group=state")).await?;
    let said = if others == 1 { "; 1 is validated on other rows" } else { "are validated on other rows" };
    seen(driver, &format!("//main//*[contains(@class,'foot')][contains(., '1 group, 3 runs')][contains(., '{said}')]"))
        .await?;
    let mut command = Command::new(host::program("SLIPWAY_BIN").context("no slipway")?);
    command.args(["--json", "run", "list", "--group-by", "state"]).current_dir(path);
    host::environment(&mut command, &desk.host.folder);
    let told: serde_json::Value = serde_json::from_str(&read(&mut command)?)?;
    ensure!(told["other_rows"] == others && told["groups"][0]["figures"][0]["runs"] == one, "{told}");
    Ok(())
}

/// A run of a program: a line of a shell's.
fn execute(desk: &Desk, folder: &Path, line: &str) -> Result<()> {
    let mut command = Command::new(host::program("SLIPWAY_BIN").context("no slipway")?);
    command.args(["exec", "--", "sh", "-c", line]).current_dir(folder);
    host::environment(&mut command, &desk.host.folder);
    read(&mut command).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_shows_the_stream_that_has_lines_until_one_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = streams(&desk).await;
    told(&desk.browser, "log-streams", result).await.unwrap();
}

async fn streams(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let project = road::open_sample(&desk.client, "penguins").await?;
    execute(desk, Path::new(&project.path), "echo only an error >&2")?;
    let run = runs(desk, project.id).await?.rows.first().context("no run")?.id;
    desk.go(&format!("/p/{}/runs/{run}?tab=logs", project.id)).await?;
    seen(driver, "//main//*[@role='log'][contains(., 'only an error')]").await.context("the stream with lines")?;
    seen(driver, "//main//button[@role='radio'][@aria-checked='true'][.='Errors']").await?;
    press(driver, "//main//button[@role='radio'][.='Output']").await?;
    seen(driver, "//main//*[contains(., 'It wrote nothing here.')]").await.context("the stream that was chosen")?;
    seen(driver, "//main//button[@role='radio'][@aria-checked='true'][.='Output']").await?;
    broke_off(desk, project.id, Path::new(&project.path)).await.context("a program that failed")
}

/// Why it failed stands at the head of its page, the last lines of its errors beside the charts, and both lead to all.
async fn broke_off(desk: &Desk, project: ProjectId, folder: &Path) -> Result<()> {
    const ALL: &str = "//main//*[@role='log' and @data-follow][contains(., 'why it broke')]";
    let driver = desk.driver();
    ensure!(execute(desk, folder, "echo some output; echo why it broke >&2; exit 3").is_err(), "it was to fail");
    let rows = runs(desk, project).await?.rows;
    let run = rows.iter().find(|run| run.state == RunState::Failed).context("no run failed")?.id;
    desk.go(&format!("/p/{project}/runs/{run}")).await?;
    seen(driver, "//main//*[@role='log' and not(@data-follow)][contains(., 'why it broke')]")
        .await
        .context("the tail")?;
    desk.browser.picture("run-broke-off").await?;
    for way in [
        "//main//*[@role='alert'][contains(., 'exit code 3')]//a[normalize-space(.)='Log']",
        "//main//section[.//h2='Log']//a[normalize-space(.)='Whole log']",
    ] {
        seen(driver, way).await?.send_keys(Key::Enter + "").await.context("by the keyboard")?;
        seen(driver, ALL).await.with_context(|| format!("by {way}"))?;
        seen(driver, "//main//button[@role='radio'][@aria-checked='true'][.='Errors']").await?;
        press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Charts')]").await?;
        gone(driver, ALL).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_come_back_to_from_another_has_its_own_curves() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = own_curves(&desk).await;
    told(&desk.browser, "own-curves", result).await.unwrap();
}

/// Follows a link to an address within the page, as from the palette; what was asked until then is forgotten.
const FOLLOW: &str = "
    if (!window.asked) {
        const ask = window.fetch.bind(window);
        window.fetch = (to, how) => { window.asked.push(String(to) + (how?.body ?? '')); return ask(to, how); };
    }
    window.asked = [];
    const link = document.body.appendChild(document.createElement('a'));
    link.href = arguments[0];
    link.click();
    link.remove();";
/// Whether a curve of a run was asked for.
const ASKED: &str = "return window.asked.some(asked => asked.includes('/api/series') && asked.includes(arguments[0]));";

async fn own_curves(desk: &Desk) -> Result<()> {
    let (driver, client) = (desk.driver(), &desk.client);
    let project = road::open_sample(client, "penguins").await?.id;
    let first = road::train(client, project).await?;
    let second = road::train(client, project).await?;
    let page = |run: RunId| format!("/p/{project}/runs/{run}");
    let asked = async |run: RunId| {
        let name = client.call(GetRun { run }).await?.name;
        seen(driver, &format!("//main//h1[.='{name}']")).await?;
        let is_asked = async || Ok(driver.execute(ASKED, vec![json!(run.to_string())]).await?.convert::<bool>()?);
        until("its curves", Duration::from_secs(30), is_asked).await
    };
    desk.go(&page(first)).await?;
    let name = client.call(GetRun { run: first }).await?.name;
    seen(driver, &format!("//main//h1[.='{name}']")).await.context("the first")?;
    driver.execute(FOLLOW, vec![json!(page(second))]).await?;
    asked(second).await.context("the second")?;
    // Its answer is known: the page has it at once.
    driver.execute(FOLLOW, vec![json!(page(first))]).await?;
    asked(first).await.context("the first again")
}
