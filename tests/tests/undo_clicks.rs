//! A snapshot, a project and a registry that a person deletes come back by Undo, and where their kind stands; so does a
//! deployment, which is deployed again.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use api::{
    ProjectId,
    dataset::GetDataset,
    deploy::{DeploymentState, ListDeployments},
    host::{SecretBackend, SetSecret},
    package::{AddRegistry, ListRegistries, RemoveRegistry},
    project::ListProjects,
};
use journeys::{
    browser::{gone, press, press_late, seen},
    desk::Desk,
    process::until,
    road,
};

const SHORT: Duration = Duration::from_secs(10);
/// For a deployment to begin.
const LATE: Duration = Duration::from_secs(60);
const MORE: &str = "//main//button[@aria-label='More']";

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_a_project_and_a_registry_come_back() {
    Desk::tried("undo", come_back).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_deployed_again() {
    Desk::tried("undo-deployment", deployed_again).await.unwrap();
}

async fn deployed_again(desk: &Desk, _folder: &Path) -> Result<()> {
    const LINE: &str = "//main//section[.//h2='Deleted deployments']//tr[contains(., 'tumours')]";
    let (driver, client) = (desk.driver(), &desk.client);
    let project = road::open_sample(client, "breast-cancer").await?.id;
    let version = road::register(client, road::train(client, project).await?, &[]).await?;
    let target = road::this_machine(client).await?;
    let before = road::deploy(client, road::spec("tumours", target, version.id)).await?.id;
    desk.go(&format!("/p/{project}/deploy?deployment={before}")).await?;
    press(driver, "//aside//button[contains(., 'Delete…')]").await?;
    seen(driver, "//dialog[@open]//*[contains(., 'For a day Undo')]").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Delete']").await?;
    press_late(driver, &undo("Deleted tumours")).await?;
    until("it answers again", LATE, async || {
        let all = client.call(ListDeployments { project: Some(project) }).await?;
        Ok(all.iter().any(|one| one.id != before && one.name == "tumours" && one.state == DeploymentState::Ready))
    })
    .await?;
    gone(driver, LINE).await
}

async fn come_back(desk: &Desk, _folder: &Path) -> Result<()> {
    let project = road::open_sample(&desk.client, "diabetes").await?.id;
    road::snapshot(&desk.client, project).await?;
    snapshot(desk, project).await.context("a snapshot")?;
    forgotten(desk, project).await.context("a project")?;
    registry(desk).await.context("a registry")
}

/// Without its toast.
async fn registry(desk: &Desk) -> Result<()> {
    const LINE: &str = "//main//section[.//h2='Removed registries']//tr[contains(., 'harbour')]";
    let (driver, client) = (desk.driver(), &desk.client);
    // A machine without a desktop has no keychain that could be asked for the password.
    let (unused, value) = ("unused".to_owned(), "unused".to_owned());
    client.call(SetSecret { name: unused, value, backend: Some(SecretBackend::File) }).await?;
    let request = AddRegistry {
        name: "harbour".to_owned(),
        address: "127.0.0.1:5000".to_owned(),
        plain_http: true,
        ..AddRegistry::default()
    };
    let registry = client.call(request).await?.id;
    client.call(RemoveRegistry { registry }).await?;
    desk.go("/settings?tab=outside").await?;
    press(driver, &format!("{LINE}//button[normalize-space(.)='Restore']")).await?;
    until("the registry again", SHORT, async || Ok(client.call(ListRegistries {}).await?.len() == 1)).await?;
    gone(driver, LINE).await
}

fn undo(said: &str) -> String {
    format!("//*[contains(@class,'toast')][contains(., '{said}')]//button[normalize-space(.)='Undo']")
}

/// The only one, which leaves a page without a snapshot.
async fn snapshot(desk: &Desk, project: ProjectId) -> Result<()> {
    const LINE: &str = "//main//section[.//h2='Deleted snapshots']//tr[contains(., 'v1')]";
    let driver = desk.driver();
    let count = async || anyhow::Ok(desk.client.call(GetDataset { project }).await?.snapshots.len());
    for by_undo in [true, false] {
        desk.go(&format!("/p/{project}/data")).await?;
        press(driver, MORE).await?;
        press(driver, "//*[@role='menu']//button[normalize-space(.)='Delete snapshot…']").await?;
        seen(driver, "//dialog[@open]//*[contains(., 'For a day Undo')]").await?;
        press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Delete snapshot']").await?;
        until("no snapshot", SHORT, async || Ok(count().await? == 0)).await?;
        seen(driver, LINE).await?;
        match by_undo {
            true => press(driver, &undo("Deleted snapshot v1")).await?,
            false => press(driver, &format!("{LINE}//button[normalize-space(.)='Restore']")).await?,
        }
        until("the snapshot again", SHORT, async || Ok(count().await? == 1)).await?;
        gone(driver, LINE).await?;
    }
    Ok(())
}

async fn forgotten(desk: &Desk, project: ProjectId) -> Result<()> {
    const LINE: &str = "//main//section[.//h2='Forgotten projects']//tr[contains(., 'iabetes')]";
    const OF_PROJECT: &str = "//main//section[h2='Recent']//button[@aria-label='More of Diabetes']";
    let driver = desk.driver();
    let is_there = async |wanted: bool| {
        let known = desk.client.call(ListProjects {}).await?;
        anyhow::Ok(known.iter().any(|summary| summary.project.id == project) == wanted)
    };
    for by_undo in [true, false] {
        desk.go("/").await?;
        press(driver, OF_PROJECT).await?;
        press(driver, "//*[@role='menu']//button[normalize-space(.)='Forget project…']").await?;
        press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Forget project']").await?;
        until("it is forgotten", SHORT, async || is_there(false).await).await?;
        seen(driver, LINE).await?;
        match by_undo {
            true => press(driver, &undo("Forgot")).await?,
            false => press(driver, &format!("{LINE}//button[normalize-space(.)='Restore']")).await?,
        }
        until("it is back", SHORT, async || is_there(true).await).await?;
        gone(driver, LINE).await?;
    }
    Ok(())
}
