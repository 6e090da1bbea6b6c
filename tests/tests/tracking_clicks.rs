//! Tracking by a person's clicks: the runs that a program logs over HTTP are found under Experiments, deleted, and
//! brought back; the token in the address is never shown, is renewed, and is not asked for where a person says so.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use api::{
    ProjectId, RunId,
    host::{GetSettings, SecretBackend, SetSecret, Settings},
    run::{GetRun, RunState, StartCommand},
    spending::BudgetConfig,
    tracking::{CreateExperiment, Experiment, GetTracking, ListExperiments, RenewTracking},
};
use journeys::{
    browser::{choose, copied, fill, gone, keep_copied, press, seen, there, told},
    desk::Desk,
    process::{free_port, until},
    road,
    tracked::Tracked,
};
use serde_json::{Value, json};
use thirtyfour::{By, Key};

const SHORT: Duration = Duration::from_secs(10);
const ROWS: &str = "//main//tr[@role='row' and @aria-selected]";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_logs_is_found_deleted_and_brought_back() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = tracked(&desk).await;
    told(&desk.browser, "tracking", result).await.unwrap();
}

async fn tracked(desk: &Desk) -> Result<()> {
    // A machine without a desktop has no keychain for the token.
    let (name, value) = ("unused".to_owned(), "unused".to_owned());
    desk.client.call(SetSecret { name, value, backend: Some(SecretBackend::File) }).await?;
    let address = desk.client.call(GetTracking::default()).await?.address;
    let asked = CreateExperiment { name: "resnet-baseline".to_owned(), folder: "vision".to_owned() };
    let experiment = desk.client.call(asked).await?;
    let deep = log(&address, &experiment, "deep", &[0.9, 0.4]).await.context("log a run")?;
    log(&address, &experiment, "wide", &[0.8, 0.6]).await.context("log another run")?;

    found(desk, &experiment).await.context("from the experiments to the runs")?;
    of_status_line(desk, &address).await.context("the address in the status line")?;
    linked(desk, &address, &experiment, deep).await.context("the link that MLflow's client prints")?;
    nested(desk, &address, &experiment, deep).await.context("a run below another")?;
    moved(desk, &experiment).await.context("into a project and back")?;
    unowned(desk, &address).await.context("a model without a project")?;
    brought_back(desk, &experiment, deep).await.context("delete and undo")?;
    deleted(desk, &experiment, deep).await.context("the deleted runs")?;
    ended(desk, &address).await.context("runs whose client died")?;
    // Last: the address opens nothing any more.
    desk.go("/settings?tab=tracking").await?;
    renewed(desk, &address).await.context("another token")?;
    opened(desk).await.context("who needs no token")?;
    ported(desk).await.context("another port")?;
    limited(desk).await.context("limits of runs without a project")
}

/// How a look at an experiment is answered, asked of the host by its own name or another.
async fn answered(address: &str, name: Option<&str>) -> Result<u16> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut request = client.get(format!("{address}/api/2.0/mlflow/experiments/get?experiment_id=0"));
    if let Some(name) = name {
        request = request.header("Host", name);
    }
    Ok(request.send().await?.status().as_u16())
}

async fn settings(desk: &Desk) -> Result<Settings> {
    Ok(desk.client.call(GetSettings {}).await?)
}

/// Here, and by somebody else while the page is open: the address that is copied then is the one that opens.
async fn renewed(desk: &Desk, before: &str) -> Result<()> {
    const COPY: &str = "//main//button[normalize-space(.)='Copy with its token']";
    let driver = desk.driver();
    keep_copied(driver).await?;
    ensure!(answered(before, None).await? == 200, "the first token opens nothing");
    press(driver, "//main//button[normalize-space(.)='Renew token…']").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'Addresses that were copied before stop working')]").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Renew token']").await?;
    until("the token before opens nothing", SHORT, async || Ok(answered(before, None).await? == 401)).await?;
    let mut now = String::new();
    until("the new address is copied", SHORT, async || {
        press(driver, COPY).await?;
        now = copied(driver).await?;
        Ok(!now.is_empty() && now != before)
    })
    .await?;
    ensure!(answered(&now, None).await? == 200, "the new token opens nothing");
    let elsewhere = desk.client.call(RenewTracking {}).await?.address;
    until("the address that was renewed elsewhere is copied", SHORT, async || {
        press(driver, COPY).await?;
        Ok(copied(driver).await? == elsewhere)
    })
    .await
}

/// By the switch, and of this machine alone: a page of another's that reaches the port by a name of its own is refused.
async fn opened(desk: &Desk) -> Result<()> {
    const SWITCH: &str =
        "//main//label[contains(@class,'switch')][normalize-space(.)='Clients on this machine need no token']";
    let driver = desk.driver();
    let port = desk.client.call(GetTracking::default()).await?.port;
    let (bare, stranger) = (format!("http://127.0.0.1:{port}"), format!("stranger.example:{port}"));
    ensure!(answered(&bare, None).await? == 401, "it is open before anybody said so");
    for (said, status) in [("a request without a token is answered", 200), ("it is refused again", 401)] {
        press(driver, SWITCH).await?;
        until(said, SHORT, async || Ok(answered(&bare, None).await? == status)).await?;
        let status = answered(&bare, Some(&stranger)).await?;
        ensure!(status == 403, "by the name of a stranger it answers {status}");
    }
    // Turned while the other one is being kept, the second is kept, too.
    let both = "const [done] = arguments;
        const [open, measured] = document.querySelectorAll('main .switch input');
        open.click();
        setTimeout(() => { measured.click(); done(true); }, 0);";
    driver.execute_async(both, Vec::new()).await?;
    until("both switches are kept", SHORT, async || {
        let now = settings(desk).await?;
        Ok(now.tracking_open && !now.tracking_measured)
    })
    .await
}

/// From the host's next start on, so that it is only kept here; none is one that is chosen then.
async fn ported(desk: &Desk) -> Result<()> {
    const PORT: &str = "//main//label[span='Port']";
    const SAVE: &str = "//main//button[normalize-space(.)='Save port']";
    let (driver, free) = (desk.driver(), free_port()?);
    let field = format!("{PORT}//input");
    fill(driver, &field, "70000").await?;
    seen(driver, &format!("{PORT}/small[@role='alert'][.='A number from 1 to 65535']")).await?;
    there(driver, &format!("{SAVE}[@disabled]")).await?;
    for (typed, kept) in [(free.to_string(), Some(free)), (String::new(), None)] {
        fill(driver, &field, &typed).await?;
        press(driver, SAVE).await?;
        until("the port is kept", SHORT, async || Ok(settings(desk).await?.tracking_port == kept)).await?;
    }
    Ok(())
}

/// What the other forms keep stays.
async fn limited(desk: &Desk) -> Result<()> {
    const CARD: &str = "//main//section[.//h2='Limits of runs without a project']";
    let driver = desk.driver();
    let of = |label: &str| format!("{CARD}//label[span='{label}']");
    let save = format!("{CARD}//button[normalize-space(.)='Save limits']");
    fill(driver, &format!("{}//input", of("Hours at most")), "0").await?;
    seen(driver, &format!("{}/small[@role='alert'][contains(., 'a number above 0')]", of("Hours at most"))).await?;
    there(driver, &format!("{save}[@disabled]")).await?;
    // Nothing costs anything yet.
    there(driver, &format!("{}//input[@disabled]", of("Cost at most"))).await?;
    fill(driver, &format!("{}//input", of("Hours at most")), "2.5").await?;
    fill(driver, &format!("{}//input", of("kWh at most")), "0.5").await?;
    press(driver, &save).await?;
    until("the limits are kept", SHORT, async || {
        let now = settings(desk).await?;
        Ok((now.tracking_max_hours, now.tracking_max_kwh) == (Some(2.5), Some(0.5)))
    })
    .await?;
    let now = settings(desk).await?;
    ensure!(now.tracking_max_cost.is_none() && now.tracking_open && !now.tracking_measured, "{now:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_logs_elsewhere_stands_at_its_row_with_a_mark() {
    Desk::tried("borrowed", async |desk, _| borrowed(desk).await).await.unwrap();
}

async fn borrowed(desk: &Desk) -> Result<()> {
    let (driver, project) = (desk.driver(), road::open_sample(&desk.client, "diabetes").await?.id);
    let elsewhere = Tracked::new(&desk.client, "elsewhere").await?;
    let inner = elsewhere.log("inner", &[("depth", "3")], &[("val_loss", 0, 0.625)]).await?;
    let program = StartCommand {
        project,
        command: vec!["true".to_owned()],
        directory: None,
        environment: None,
        variables: None,
        name: Some("outer".to_owned()),
        budget: BudgetConfig::default(),
    };
    let outer = desk.client.call(program).await?.id;
    let parent = json!({"run_id": inner, "key": "mlflow.parentRunId", "value": outer.to_string()});
    elsewhere.post("set-tag", parent).await?;
    desk.go(&format!("/p/{project}/runs")).await?;
    let figure = "//main//tr[contains(., 'outer')]//*[contains(@title, 'Of inner')][contains(., '0.625')]";
    seen(driver, &format!("{figure}[contains(., '†')]")).await.map(drop)
}

async fn post(address: &str, route: &str, body: Value) -> Result<Value> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let to = format!("{address}/api/2.0/mlflow/runs/{route}");
    Ok(client.post(to).json(&body).send().await?.error_for_status()?.json().await?)
}

const START_MS: i64 = 1_700_000_000_000;

/// A run that goes on, as MLflow's client begins it.
async fn begin(address: &str, experiment: &Experiment, name: &str) -> Result<RunId> {
    let begin = json!({"experiment_id": experiment.number.to_string(), "run_name": name, "start_time": START_MS});
    let begun = post(address, "create", begin).await?;
    Ok(begun["run"]["info"]["run_id"].as_str().context("the answer has no run")?.parse()?)
}

/// A finished run with a curve, as MLflow's client logs it.
async fn log(address: &str, experiment: &Experiment, name: &str, losses: &[f64]) -> Result<RunId> {
    let run = begin(address, experiment, name).await?;
    let id = run.to_string();
    for (step, loss) in losses.iter().enumerate() {
        let point = json!({"run_id": id, "key": "loss", "value": loss, "timestamp": START_MS + 1_000, "step": step});
        post(address, "log-metric", point).await?;
    }
    post(address, "update", json!({"run_id": id, "status": "FINISHED", "end_time": START_MS + 2_000})).await?;
    Ok(run)
}

async fn rows(desk: &Desk, count: usize) -> Result<()> {
    let there = async || Ok(desk.driver().find_all(By::XPath(ROWS)).await?.len() == count);
    until(&format!("{count} runs in the table"), SHORT, there).await
}

/// By the rail's shortcut, through the folder, which can be folded.
async fn found(desk: &Desk, experiment: &Experiment) -> Result<()> {
    let driver = desk.driver();
    desk.go("/hardware").await?;
    seen(driver, "//main//h1[.='Hardware']").await?;
    for key in ["g", "e"] {
        driver.active_element().await?.send_keys(key).await?;
    }
    seen(driver, "//main//h1[.='Experiments']").await?;
    let link = format!("//main//a[normalize-space(.)='{}']", experiment.name);
    let folder = "//main//tr[@aria-label='Folder vision']";
    seen(driver, &link).await?;
    seen(driver, folder).await?.send_keys(Key::Left + "").await?;
    gone(driver, &link).await.context("the folder is folded")?;
    seen(driver, folder).await?.send_keys(Key::Right + "").await?;
    desk.browser.picture("experiments").await?;
    press(driver, &link).await?;
    rows(desk, 2).await?;
    let path = driver.current_url().await?.path().to_owned();
    ensure!(path == format!("/e/{}/runs", experiment.id), "the runs are at {path}");
    // Among the runs of all experiments, too, each with its own.
    desk.go("/experiments").await?;
    press(driver, "//main//a[normalize-space(.)='All runs']").await?;
    rows(desk, 2).await?;
    seen(driver, &format!("//main//tr[@role='row'][contains(., 'deep') and contains(., '{}')]", experiment.name))
        .await?;
    desk.browser.picture("all-runs").await?;
    press(driver, "//main//tr[@role='row']//b[.='deep']").await?;
    seen(driver, "//main//h1[.='deep']").await?;
    desk.go(&format!("/e/{}/runs", experiment.id)).await?;
    rows(desk, 2).await?;
    // It has no data to train on.
    gone(driver, "//main//a[contains(., 'Train') or contains(., 'Searches')]").await
}

/// Copied by its button, and nowhere on the page.
async fn of_status_line(desk: &Desk, address: &str) -> Result<()> {
    let driver = desk.driver();
    let token = address.split([':', '@']).nth(2).context("the address has no token")?;
    press(driver, "//footer//button[contains(@aria-label, 'Copy the address for MLflow')]").await?;
    seen(driver, "//*[contains(@class,'toast')]//*[contains(., 'MLFLOW_TRACKING_URI')]").await?;
    let page = driver.source().await?;
    ensure!(!page.contains(token), "the page shows the token");
    let port = address.rsplit(':').next().context("the address has no port")?;
    seen(driver, &format!("//footer//*[normalize-space(.)='127.0.0.1:{port}']")).await.map(drop)
}

/// Followed in a browser that shows our pages already, and pasted into the palette.
async fn linked(desk: &Desk, address: &str, experiment: &Experiment, run: RunId) -> Result<()> {
    let driver = desk.driver();
    let link = format!("{address}/#/experiments/{}/runs/{run}", experiment.number);
    driver.goto(&link).await?;
    seen(driver, &format!("//h1[.='Run {run}']")).await?;
    seen(driver, &format!("//code[.='slipway open --run {run}']")).await?;
    desk.browser.picture("tracking-link").await?;
    press(driver, "//a[.='Open the run']").await?;
    seen(driver, "//main//h1[.='deep']").await?;
    let page = format!("/e/{}/runs/{run}", experiment.id);
    let is_there = async || Ok(driver.current_url().await?.path() == page);
    until("the run's own address", SHORT, is_there).await?;

    desk.go("/hardware").await?;
    seen(driver, "//main//h1[.='Hardware']").await?;
    driver.active_element().await?.send_keys(Key::Control + "k").await?;
    seen(driver, "//dialog[@open]//input").await?.send_keys(&link).await?;
    seen(driver, "//dialog[@open]//*[@role='option'][contains(., 'deep') and contains(., 'Run')]").await?;
    seen(driver, "//dialog[@open]//input").await?.send_keys(Key::Enter + "").await?;
    seen(driver, "//main//h1[.='deep']").await?;

    // By its name, too, though its experiment belongs to no project.
    desk.go("/hardware").await?;
    seen(driver, "//main//h1[.='Hardware']").await?;
    driver.active_element().await?.send_keys(Key::Control + "k").await?;
    seen(driver, "//dialog[@open]//input").await?.send_keys("dee").await?;
    press(driver, &format!("//dialog[@open]//*[@role='option'][contains(., 'deep of {}')]", experiment.name)).await?;
    seen(driver, "//main//h1[.='deep']").await.map(drop)
}

/// From the run to the one below it and back; the one below is gone again afterwards.
async fn nested(desk: &Desk, address: &str, experiment: &Experiment, parent: RunId) -> Result<()> {
    let driver = desk.driver();
    let tab = "//main//nav[contains(@class,'tabs')]//a[contains(., 'Child runs')]";
    desk.go(&format!("/e/{}/runs/{parent}", experiment.id)).await?;
    seen(driver, "//main//h1[.='deep']").await?;
    gone(driver, tab).await?;
    // While the page is open.
    let tags = json!([{"key": "mlflow.parentRunId", "value": parent.to_string()}]);
    let begin = json!({"experiment_id": experiment.number.to_string(), "run_name": "fold", "start_time": START_MS, "tags": tags});
    let fold = post(address, "create", begin).await?["run"]["info"]["run_id"].as_str().context("no run")?.to_owned();
    press(driver, tab).await.context("the tab of the page that was open")?;
    seen(driver, "//main//tr[@data-below][contains(., 'fold')][contains(., 'running')]").await?;
    desk.browser.picture("runs-below").await?;
    post(address, "update", json!({"run_id": fold, "status": "FINISHED", "end_time": START_MS + 1_000})).await?;
    seen(driver, "//main//tr[@data-below][contains(., 'finished')]").await?;
    press(driver, "//main//tr[@data-below]//a").await?;
    seen(driver, "//main//h1[.='fold']").await?;
    press(driver, "//main//a[contains(@class,'chip')][contains(., 'child of deep')]").await?;
    seen(driver, "//main//h1[.='deep']").await?;
    seen(driver, tab).await?;
    // Who moves it is asked about what stands below it.
    press(driver, "//main//div[contains(@class,'head')]//button[@aria-label='More']").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Move to experiment…']").await?;
    seen(driver, "//dialog[@open]//label[contains(., 'Move the child run, too')]").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Cancel']").await?;
    gone(driver, "//dialog[@open]").await?;
    post(address, "delete", json!({"run_id": fold})).await?;
    gone(driver, tab).await.context("the tab of a run that has none below it any more")
}

/// By the menu of its row; Undo takes it out again.
async fn moved(desk: &Desk, experiment: &Experiment) -> Result<()> {
    let driver = desk.driver();
    let project = road::open_sample(&desk.client, "penguins").await?;
    let place = async || -> Result<Option<ProjectId>> {
        let all = desk.client.call(ListExperiments::default()).await?;
        Ok(all.iter().find(|one| one.id == experiment.id).context("the experiment is gone")?.project)
    };
    desk.go("/experiments").await?;
    let row = format!("//main//tr[.//a[normalize-space(.)='{}']]", experiment.name);
    press(driver, &format!("{row}//button[starts-with(@aria-label, 'More of')]")).await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Move to a project…']").await?;
    there(driver, "//dialog[@open]//footer//button[normalize-space(.)='Move' and @disabled]").await?;
    choose(driver, "Project", &project.name).await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Move']").await?;
    until("it stands in the project", SHORT, async || Ok(place().await? == Some(project.id))).await?;
    press(driver, "//*[contains(@class,'toast')][contains(., 'Moved')]//button[normalize-space(.)='Undo']").await?;
    until("it stands in no project", SHORT, async || Ok(place().await?.is_none())).await?;
    // What programs log to that name no experiment is not deleted by one press.
    press(driver, "//main//tr[.//a[normalize-space(.)='Default']]//button[starts-with(@aria-label, 'More of')]")
        .await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Delete…']").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'Programs that name no experiment log here')]").await?;
    desk.browser.picture("delete-default").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Cancel']").await?;
    gone(driver, "//dialog[@open]").await
}

/// The empty Models page of a project says which models belong to none, and leads down to them.
async fn unowned(desk: &Desk, address: &str) -> Result<()> {
    post(address, "../registered-models/create", json!({"name": "churn"})).await?;
    let all = desk.client.call(ListExperiments::default()).await?;
    let project = all.iter().find_map(|one| one.project).context("a project is open")?;
    let driver = desk.driver();
    desk.go(&format!("/p/{project}/models")).await?;
    // It stands there in a group of its own, and is found by what was written about it.
    post(address, "../registered-models/set-tag", json!({"name": "churn", "key": "team", "value": "growth"})).await?;
    post(address, "../model-versions/create", json!({"name": "churn", "source": "s3://bucket/churn"})).await?;
    seen(driver, "//main//h2[.='Without a project']").await?;
    let version = "//main//tr[@aria-label='Open churn v1, registered by a client']//a[.='v1']";
    seen(driver, version).await?;
    let filter = "//main//input[@aria-label='Filter models']";
    fill(driver, filter, "version > 1").await?;
    gone(driver, version).await?;
    fill(driver, filter, "growth and version = 1").await?;
    press(driver, version).await?;
    seen(driver, "//main//h1[contains(., 'churn')]").await?;
    desk.go(&format!("/p/{project}/models")).await?;
    press(driver, "//main//a[normalize-space(.)='1 model without a project']").await?;
    until("the address", SHORT, async || Ok(driver.current_url().await?.as_str().contains("/models#"))).await?;
    seen(driver, "//main//h2[.='churn']").await.map(drop)
}

async fn brought_back(desk: &Desk, experiment: &Experiment, run: RunId) -> Result<()> {
    let driver = desk.driver();
    desk.go(&format!("/e/{}/runs", experiment.id)).await?;
    rows(desk, 2).await?;
    press(driver, "//main//tr[@role='row']//b[.='deep']").await?;
    seen(driver, "//main//h1[.='deep']").await?;
    seen(driver, "//main//*[contains(@class,'chip') and contains(., 'logged by a client')]").await?;
    press(driver, "//main//div[contains(@class,'head')]//button[@aria-label='More']").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Delete run']").await?;
    rows(desk, 1).await?;
    let is_deleted = async || anyhow::Ok(desk.client.call(GetRun { run }).await?.deleted_ms.is_some());
    ensure!(is_deleted().await?, "the run is not deleted");
    press(driver, "//*[contains(@class,'toast')]//button[normalize-space(.)='Undo']").await?;
    rows(desk, 2).await?;
    ensure!(!is_deleted().await?, "the run is still deleted");
    Ok(())
}

/// One from its row, the other from its page.
async fn ended(desk: &Desk, address: &str) -> Result<()> {
    let driver = desk.driver();
    let asked = CreateExperiment { name: "abandoned".to_owned(), folder: String::new() };
    let experiment = desk.client.call(asked).await?;
    let [lost, crashed] = [begin(address, &experiment, "lost").await?, begin(address, &experiment, "crashed").await?];
    desk.go(&format!("/e/{}/runs", experiment.id)).await?;
    rows(desk, 2).await?;
    press(driver, "//main//tr[.//b[.='lost']]//button[@aria-label='What can be done with this run']").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Mark as ended…']").await?;
    seen(driver, "//dialog[@open]//h2[.='Mark lost as ended?']").await?;
    desk.browser.picture("mark-ended").await?;
    press(driver, "//dialog[@open]//button[@role='radio' and .='Killed']").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Mark as ended']").await?;
    let is = async |run: RunId, state: RunState| Ok(desk.client.call(GetRun { run }).await?.state == state);
    until("the killed run", SHORT, async || is(lost, RunState::Killed).await).await?;

    press(driver, "//main//tr[@role='row']//b[.='crashed']").await?;
    seen(driver, "//main//h1[.='crashed']").await?;
    press(driver, "//main//div[contains(@class,'head')]//button[@aria-label='More']").await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Mark as ended…']").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Mark as ended']").await?;
    until("the failed run", SHORT, async || is(crashed, RunState::Failed).await).await?;
    // What is over is not marked again.
    press(driver, "//main//div[contains(@class,'head')]//button[@aria-label='More']").await?;
    seen(driver, "//*[@role='menu']//button[normalize-space(.)='Delete run']").await?;
    gone(driver, "//*[@role='menu']//button[normalize-space(.)='Mark as ended…']").await?;
    driver.active_element().await?.send_keys(Key::Escape + "").await.map_err(Into::into)
}

/// From its row; then it stands under the switch, and is gone for good from there.
async fn deleted(desk: &Desk, experiment: &Experiment, run: RunId) -> Result<()> {
    let driver = desk.driver();
    let more = "//main//tr[.//b[.='deep']]//button[@aria-label='What can be done with this run']";
    press(driver, more).await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Delete']").await?;
    rows(desk, 1).await?;
    desk.go(&format!("/e/{}/runs?deleted=1", experiment.id)).await?;
    seen(driver, "//main//tr[@role='row']//b[.='deep']").await?;
    press(driver, more).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Delete for good')]").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Delete for good']").await?;
    seen(driver, "//*[contains(@class,'toast')]//*[contains(., 'freed')]").await?;
    let is_gone = async || Ok(desk.client.call(GetRun { run }).await.is_err());
    until("the run's end", SHORT, is_gone).await
}
