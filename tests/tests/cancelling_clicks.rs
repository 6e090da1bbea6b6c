//! A rollout is cancelled by a person's clicks, in the dialog and in the pane. It takes as long as a request that the
//! version before had begun to answer.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use api::{
    DeploymentId,
    deploy::{Deployment, DeploymentState, GetDeployment, RolloutEnd, StartDeploy},
    job::{JobState, ListJobs},
    model::GetVersion,
};
use journeys::{
    browser::{choose, field, fill, gone, gone_late, press, seen, seen_late, told},
    desk::Desk,
    process::until,
    road,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_rollout_says_what_holds() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = cancelled_twice(&desk).await;
    told(&desk.browser, "cancelling", result).await.unwrap();
}

/// A request whose body is still to come: the version that has begun it is waited for.
struct Begun {
    stream: TcpStream,
    body: String,
}

impl Begun {
    async fn at(address: &str, row: &serde_json::Value) -> Result<Self> {
        let (host, body) = (address.trim_start_matches("http://"), json!({ "rows": [row] }).to_string());
        let mut stream = TcpStream::connect(host).await?;
        let head = format!("POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await?;
        Ok(Self { stream, body })
    }

    /// Sends the rest and reads the answer.
    async fn answered(mut self) -> Result<String> {
        self.stream.write_all(self.body.as_bytes()).await?;
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

async fn cancelled_twice(desk: &Desk) -> Result<()> {
    let (driver, client) = (desk.driver(), &desk.client);
    let project = road::open_sample(client, "breast-cancer").await?.id;
    let mut versions = Vec::new();
    for _ in 0..2 {
        versions.push(road::register(client, road::train(client, project).await?, &[]).await?);
    }
    let target = road::this_machine(client).await?;
    let deployment = road::deploy(client, road::spec("tumours", target, versions[0].id)).await?;
    let row = client.call(GetVersion { version: versions[0].id }).await?.examples.remove(0);
    let address = deployment.address.clone().context("no address")?;

    // In the dialog: the rollout waits for version 1's last answer.
    desk.go(&format!("/p/{project}/deploy")).await?;
    press(driver, "//main//button[contains(., 'Deploy v2')]").await?;
    choose(driver, "Version", "v2").await?;
    fill(driver, &field("Name"), "tumours").await?;
    press(driver, "//dialog[@open]//button[contains(., 'See what will be done')]").await?;
    seen_late(driver, "//dialog[@open]//ol[contains(@class,'steps')]").await.context("see the plan")?;
    let begun = Begun::at(&address, &row).await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Deploy']").await?;
    waits_for(desk, deployment.id, "Stop version 1").await?;
    seen_late(driver, "//dialog[@open]//*[contains(., 'until you roll back or delete')]").await?;
    desk.browser.picture("cancel-dialog").await?;
    press(driver, "//dialog[@open]//button[normalize-space(.)='Cancel rollout']").await?;
    gone(driver, "//dialog[@open]//button[normalize-space(.)='Cancel rollout']").await?;
    let answer = begun.answered().await?;
    ensure!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"version\":1"), "{answer}");
    let said = seen_late(driver, "//dialog[@open]//*[contains(., 'It was cancelled after it was applied')]").await?;
    let said = said.text().await?;
    ensure!(said.contains("v2 on this machine goes on"), "the dialog says {said}");
    desk.browser.picture("cancelled-dialog").await?;
    holds(desk, deployment.id, 2).await.context("cancelled in the dialog")?;
    press(driver, "//dialog[@open]//button[@aria-label='Close']").await?;

    // In the pane: the way back is cancelled as well, and version 1 holds.
    press(driver, "//main//button[contains(@class,'placed')]").await?;
    let said = "//aside//ol//*[contains(., 'It was cancelled after it was applied: v2 on this machine goes on.')]";
    seen_late(driver, said).await.context("the rollout says what holds")?;
    let back = "//aside//button[normalize-space(.)='Roll back to v1']";
    seen_late(driver, back).await.context("there is a way back")?;
    desk.browser.picture("cancelled-pane").await?;
    let begun = Begun::at(&address, &row).await?;
    press(driver, back).await?;
    waits_for(desk, deployment.id, "Stop version 2").await?;
    desk.browser.picture("cancel-pane").await?;
    press(driver, "//aside//button[normalize-space(.)='Cancel rollout']").await?;
    seen(driver, "//aside//*[contains(., 'Being cancelled')]").await?;
    let answer = begun.answered().await?;
    ensure!(answer.contains("\"version\":2"), "{answer}");
    gone_late(driver, "//aside//button[contains(., 'cancel')]").await?;
    holds(desk, deployment.id, 1).await.context("cancelled in the pane")?;
    seen_late(driver, "//aside//ol//*[contains(., 'v1 on this machine goes on.')]")
        .await
        .context("it says what holds")?;

    // What is deployed again is whole.
    let job = client.call(StartDeploy { spec: road::spec("tumours", target, versions[0].id) }).await?;
    road::finished(client, job.id, Duration::from_secs(60)).await?;
    let done = "//aside//details[contains(@class,'rollout')][1]/summary[contains(., 'done')]";
    seen_late(driver, done).await.context("the next rollout")?;
    seen_late(driver, "//aside//span[contains(@class,'chip') and contains(., 'ready')]").await.map(drop)
}

async fn now(desk: &Desk, deployment: DeploymentId) -> Result<Deployment> {
    Ok(desk.client.call(GetDeployment { deployment }).await?)
}

/// The rollout has come to a step that lasts.
async fn waits_for(desk: &Desk, deployment: DeploymentId, step: &str) -> Result<()> {
    let begun = async || {
        let seen = now(desk, deployment).await?;
        Ok(seen.rollouts[0].steps.iter().any(|one| one.title == step))
    };
    until(step, Duration::from_secs(30), begun).await
}

/// The job is cancelled, and the version that was applied answers.
async fn holds(desk: &Desk, deployment: DeploymentId, number: u32) -> Result<()> {
    let is_over = async || {
        let jobs = desk.client.call(ListJobs { project: None, limit: Some(50) }).await?;
        let newest = jobs.iter().max_by_key(|job| job.created_ms).context("no job")?;
        ensure!(!newest.state.is_over() || newest.state == JobState::Cancelled, "{newest:?}");
        Ok(newest.state.is_over())
    };
    until("the job's end", Duration::from_secs(30), is_over).await?;
    let seen = now(desk, deployment).await?;
    let serving = seen.instances.first().and_then(|one| one.version_number.filter(|_| one.ready));
    ensure!(serving == Some(number), "{:?} serve", seen.instances);
    ensure!(
        seen.version_number == number && seen.rollouts[0].outcome == Some(RolloutEnd::CancelledApplied),
        "{seen:?}"
    );
    ensure!(seen.state != DeploymentState::Rolling, "it rolls still");
    Ok(())
}
