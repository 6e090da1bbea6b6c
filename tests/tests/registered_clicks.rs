//! A model that MLflow's client registered, by a person's clicks: opened, named, put into a stage, seen so by its client,
//! its file read, deleted.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use api::{
    host::{SecretBackend, SetSecret},
    tracking::{GetTracking, ListExperiments},
};
use journeys::{
    browser::{choose, fill, gone, press, seen, there},
    desk::Desk,
    process::{read, until},
    road,
    skipped::skipped,
};

const SLOW: Duration = Duration::from_secs(60);
const NAME: &str = "leavers";
/// What the logged model is registered as once more, by a person.
const AGAIN: &str = "stayers";
/// A logged model that nobody registers.
const ALONE: &str = "unregistered";
/// A prompt, which MLflow keeps among the models.
const PROMPT: &str = "greeting";
const PREVIEW: &str = "//main//section[starts-with(@aria-label,'Preview of ')]";

/// MLflow's client, which is told an address.
struct Client<'a> {
    python: PathBuf,
    folder: &'a Path,
    address: String,
}

impl Client<'_> {
    fn run(&self, arguments: &[&str]) -> Result<String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("mlflow/registered.py");
        let mut command = Command::new(&self.python);
        command.arg(script).arg(&self.address).args(arguments).current_dir(self.folder);
        command.env("MLFLOW_DISABLE_TELEMETRY", "true").env("DO_NOT_TRACK", "true").env("HOME", self.folder);
        let said = read(&mut command)?;
        Ok(said.lines().last().unwrap_or_default().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_registered_is_opened_named_and_deleted() -> Result<()> {
    let Some(python) = std::env::var_os("SLIPWAY_MLFLOW").map(PathBuf::from).filter(|path| path.exists()) else {
        skipped("SLIPWAY_MLFLOW names no Python with MLflow's client; `cargo xtask test` sets it");
        return Ok(());
    };
    Desk::tried("registered", async |desk, folder| tried(desk, folder, python.clone()).await).await
}

async fn tried(desk: &Desk, folder: &Path, python: PathBuf) -> Result<()> {
    // A machine without a desktop has no keychain for the token.
    let (name, value) = ("unused".to_owned(), "unused".to_owned());
    desk.client.call(SetSecret { name, value, backend: Some(SecretBackend::File) }).await?;
    let project = road::open_sample(&desk.client, "diabetes").await?;
    let experiments = desk.client.call(ListExperiments::default()).await?;
    let own = experiments.iter().find(|one| one.project == Some(project.id)).context("the project's experiment")?;
    let address = desk.client.call(GetTracking::default()).await?.address;
    let client = Client { python, folder, address };
    client.run(&["register", &own.name, NAME]).context("register a model")?;

    let list = format!("/p/{}/models", project.id);
    opened(desk, &list).await.context("from the list to the version")?;
    logged(desk).await.context("to the logged model and back")?;
    named(desk, &client).await.context("an alias and a stage")?;
    described(desk).await.context("a description and a tag")?;
    ensure!(
        client.run(&["alias", NAME, "champion"])? == "1 Production {'team': 'growth'} [0, 1]",
        "its client sees {}",
        client.run(&["alias", NAME, "champion"])?
    );
    let page = desk.driver().current_url().await?;
    exported(desk, folder, &format!("/p/{}/runs", project.id)).await.context("export its run with it")?;
    desk.driver().goto(page.as_str()).await?;
    // At once: Undo does not wait for a client that takes its time.
    deleted(desk, &list).await.context("delete it")?;
    restored(desk).await.context("take it back")?;
    ensure!(
        client.run(&["alias", NAME, "champion"])? == "1 Production {'team': 'growth'} [0, 1]",
        "its client sees {} again",
        client.run(&["alias", NAME, "champion"])?
    );
    deleted(desk, &list).await.context("delete it again")?;
    stands_below(desk).await.context("below until it goes for good")?;
    ensure!(client.run(&["versions", NAME])? == "[]", "its client still sees a version");
    client.run(&["prompt", PROMPT]).context("register a prompt")?;
    desk.go("/experiments").await?;
    let mark = format!("//main//header[h2='{PROMPT}']/span[.='prompt']");
    seen(desk.driver(), &mark).await.context("a prompt is told from a model")?;
    let run = client.run(&["log", &own.name, ALONE]).context("log a model")?;
    taken_away(desk, &format!("/p/{}/runs/{run}?tab=models", project.id)).await.context("delete a logged model")
}

async fn opened(desk: &Desk, list: &str) -> Result<()> {
    let driver = desk.driver();
    desk.go(list).await?;
    press(driver, &format!("//main//tr[contains(@aria-label, 'Open {NAME} v1')]//td[6]")).await?;
    seen(driver, &format!("//main//h1[contains(., '{NAME} v1')]")).await?;
    // What it is, where it came from, what it is asked.
    seen(driver, "//main//a[.='from python']").await?;
    seen(driver, "//main//dd[contains(., 'python_function') and contains(., 'sklearn')]").await?;
    seen(driver, "//main//td[contains(., 'Tensor of float64')]").await?;
    seen(driver, &format!("//main//pre[contains(., 'models:/{NAME}/1')]")).await?;
    there(driver, "//main//button[normalize-space(.)='Deploy' and @disabled]").await?;
    seen(driver, "//main//*[contains(@class, 'lineage')]//*[contains(., 'Run')]").await?;
    press(driver, "//main//button[.='MLmodel']").await?;
    seen(driver, &format!("{PREVIEW}//pre[contains(., 'flavors:')]")).await?;
    desk.browser.picture("registered-file").await?;
    press(driver, &format!("{PREVIEW}//button[@aria-label='Close the preview']")).await?;
    gone(driver, PREVIEW).await?;
    desk.browser.picture("registered").await
}

/// From the version to the run's logged model that it was made of, to its files, and back. It is registered once more,
/// and the file that is read meanwhile stays open.
async fn logged(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    press(driver, "//main//a[.='from python']").await?;
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Models')]").await?;
    seen(driver, "//main//td[contains(., 'Tensor of float64')]").await?;
    press(driver, "//main//button[.='MLmodel']").await?;
    seen(driver, &format!("{PREVIEW}//pre[contains(., 'flavors:')]")).await?;
    desk.browser.picture("logged-model").await?;
    press(driver, "//main//button[normalize-space(.)='Register…']").await?;
    there(driver, &format!("//dialog[@open]//datalist/option[@value='{NAME}']")).await?;
    fill(driver, "//dialog[@open]//label[contains(., 'Name')]//input", AGAIN).await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Register']").await?;
    let link = format!("//div[@class='toast']//a[contains(@href, '?version=') and .='Registered as {AGAIN} v1']");
    seen(driver, &link).await?;
    seen(driver, &format!("//main//section[.//h2='Registered from it']//a[.='{AGAIN} v1']")).await?;
    there(driver, &format!("{PREVIEW}//pre[contains(., 'flavors:')]")).await.context("the file stays open")?;
    press(driver, &format!("//main//section[.//h2='Registered from it']//a[.='{NAME} v1']")).await?;
    seen(driver, &format!("//main//h1[contains(., '{NAME} v1')]")).await.map(drop)
}

async fn named(desk: &Desk, client: &Client<'_>) -> Result<()> {
    let driver = desk.driver();
    const CHIP: &str = "//main//h1//*[contains(@class,'chip') and .='champion']";
    const REMOVE: &str = "//main//*[contains(@class,'chip')]//button[@aria-label='Remove champion']";
    let undo = |said: &str| format!("//div[@class='toast'][contains(., '{said}')]//button[normalize-space(.)='Undo']");
    let add = async || {
        fill(driver, "//main//input[@aria-label='Alias']", "champion").await?;
        press(driver, "//main//button[normalize-space(.)='Add alias']").await?;
        seen(driver, CHIP).await.map(drop)
    };
    add().await?;
    press(driver, &undo("champion is this version now")).await?;
    gone(driver, CHIP).await.context("undo takes it away")?;
    add().await.context("once more")?;
    // Its chip has the way to take it away.
    press(driver, REMOVE).await?;
    gone(driver, CHIP).await?;
    press(driver, &undo("champion stands nowhere now")).await?;
    seen(driver, CHIP).await.context("undo brings it back")?;
    ensure!(client.run(&["alias", NAME, "champion"])?.starts_with("1 None {} "), "its client sees no alias");
    press(driver, REMOVE).await?;
    gone(driver, CHIP).await.context("taken away again")?;
    press(driver, "//main//button[@aria-label='More of this version']").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Name it champion']").await?;
    seen(driver, CHIP).await?;
    press(driver, "//main//button[@aria-label='More of this version']").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Production']").await?;
    seen(driver, "//main//h1//*[contains(@class,'chip') and .='production']").await.map(drop)
}

async fn described(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let card = "//main//section[.//h2[.='Description']]";
    press(driver, &format!("{card}//button[normalize-space(.)='Add a note']")).await?;
    fill(driver, &format!("{card}//textarea"), "# Who leaves").await?;
    press(driver, &format!("{card}//button[normalize-space(.)='Save notes']")).await?;
    seen(driver, &format!("{card}//h3[.='Who leaves']")).await?;
    let tags = "//main//section[.//h2[.='Tags']]";
    fill(driver, &format!("{tags}//input[@aria-label='Tag']"), "team").await?;
    fill(driver, &format!("{tags}//input[@aria-label='Value']"), "growth").await?;
    press(driver, &format!("{tags}//button[normalize-space(.)='Add']")).await?;
    seen(driver, &format!("{tags}//*[contains(@class,'chip') and contains(., 'team: growth')]")).await.map(drop)
}

/// The runs as an MLflow file store, with what was registered from them only once that is asked for.
async fn exported(desk: &Desk, folder: &Path, runs: &str) -> Result<()> {
    let driver = desk.driver();
    let versions = "//dialog[@open]//label[contains(., 'Add the registered versions')]";
    desk.go(runs).await?;
    press(driver, "//main//button[@aria-label='Copy, save or export the runs']").await?;
    press(driver, "//*[@role='menu']//button[starts-with(normalize-space(.), 'Export')]").await?;
    choose(driver, "Format", "CSV").await?;
    gone(driver, versions).await?;
    choose(driver, "Format", "MLflow").await?;
    press(driver, versions).await?;
    let to = folder.join("sto re");
    fill(driver, "//dialog[@open]//label[contains(., 'New folder')]//input", &to.to_string_lossy()).await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Export')]").await?;
    gone(driver, "//dialog[@open]").await?;
    let version = to.join("models").join(NAME).join("version-1").join("meta.yaml");
    let meta = std::fs::read_to_string(&version).with_context(|| format!("{} is not there", version.display()))?;
    ensure!(meta.contains("team") || meta.contains(NAME), "the version says {meta}");
    Ok(())
}

async fn deleted(desk: &Desk, list: &str) -> Result<()> {
    let driver = desk.driver();
    press(driver, "//main//button[@aria-label='More of this version']").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Delete…']").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'no room is freed')]").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Delete']").await?;
    let is_there = async || Ok(driver.current_url().await?.query().is_none());
    until("the list", SLOW, is_there).await?;
    ensure!(driver.current_url().await?.path() == list, "the page is {}", driver.current_url().await?);
    gone(driver, "//main//tr[contains(@aria-label, 'Open leavers v1')]").await
}

/// A deleted version stands in a list of its own until it goes for good, which is asked first.
async fn stands_below(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let line = format!("//main//section[.//h2='Deleted models']//tr[contains(., '{NAME}:1')]");
    press(driver, &format!("{line}//button[normalize-space(.)='Delete for good…']")).await?;
    seen(driver, "//dialog[@open]//*[contains(., 'Nothing brings it back')]").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Cancel']").await?;
    seen(driver, &line).await.map(drop)
}

/// A logged model is deleted and comes back, by Undo and from the list of what was deleted.
async fn taken_away(desk: &Desk, page: &str) -> Result<()> {
    let driver = desk.driver();
    let line = format!("//main//section[.//h2='Deleted models']//tr[contains(., '{ALONE}')]");
    let undo = format!("//div[@class='toast'][contains(., 'Deleted {ALONE}')]//button[normalize-space(.)='Undo']");
    desk.go(page).await?;
    for back in [undo, format!("{line}//button[normalize-space(.)='Restore']")] {
        press(driver, &format!("//main//button[@aria-label='More of {ALONE}']")).await?;
        press(driver, "//*[@role='menu']//button[normalize-space(.)='Delete']").await?;
        seen(driver, &line).await?;
        press(driver, &back).await?;
        gone(driver, &line).await?;
        seen(driver, "//main//button[normalize-space(.)='Register…']").await?;
    }
    Ok(())
}

/// Undo brings the row back, which opens as before.
async fn restored(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let toast = format!("//div[@class='toast'][contains(., 'Deleted {NAME} v1')]");
    press(driver, &format!("{toast}//button[normalize-space(.)='Undo']")).await?;
    press(driver, &format!("//main//tr[contains(@aria-label, 'Open {NAME} v1')]//td[6]")).await?;
    seen(driver, &format!("//main//h1[contains(., '{NAME} v1')]")).await?;
    seen(driver, "//main//h1//*[contains(@class,'chip') and .='champion']").await.map(drop)
}
