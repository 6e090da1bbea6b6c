//! The real cluster's forms, by a person's clicks: a registry with its own authority and a password, a
//! cluster from a kubeconfig; then a version's whole way there: the plan and its differences, the
//! rollout, a call, more replicas, a second version, the way back, the end.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{host::MakeKey, job::ListJobs};
use client::call::Client;
use journeys::{
    browser::{self, Browser, choose, field, fill, gone, gone_late, press, press_late, seen, seen_late, told},
    cluster::{self, Cluster},
    host::{self, Host},
    process::{skipped_without, until},
    registry::{PASSWORD, Registry, USER},
    road,
};
use thirtyfour::{By, Key, WebDriver};

const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_deployment_on_kubernetes_by_clicks() {
    if cluster::skipped() || skipped_without(&["docker-registry", "htpasswd", "curl", "chromium", "chromedriver"]) {
        return;
    }
    let needed = ["SLIPWAY_BIN", "SLIPWAY_WORKER", "SLIPWAY_SERVING", "SLIPWAY_UI"].map(host::program);
    let [Some(slipway), Some(_), Some(_), Some(_)] = needed else { return };
    if !cluster::inside("cluster_clicks::a_deployment_on_kubernetes_by_clicks").unwrap() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::with_tls_and_password(&folder.path().join("registry")).unwrap();
    let authority = registry.ca.clone().unwrap();
    let cluster = Cluster::start(&folder.path().join("cluster"), &[(registry.address.clone(), authority)]).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let result = runtime.block_on(by_clicks(&slipway, folder.path(), &registry, &cluster));
    if let Err(error) = &result {
        println!("the host said:\n{}", std::fs::read_to_string(folder.path().join("host.log")).unwrap_or_default());
        println!("failed: {error:?}");
    }
    drop(runtime);
    drop(cluster);
    result.unwrap();
}

async fn by_clicks(slipway: &Path, folder: &Path, registry: &Registry, cluster: &Cluster) -> Result<()> {
    let host = Host::start(slipway, folder).await?;
    let client = host.client().await?;
    two_versions(&client).await?;
    let address = client.call(MakeKey {}).await?.address;
    let browser = browser::chromium(folder, 1280, 800).await?;
    browser.driver.goto(&address).await?;
    let result = clicks(&browser, registry, cluster).await;
    if result.is_err() {
        println!("the host's jobs: {:#?}", client.call(ListJobs::default()).await);
        println!("the deployment: {:#?}", road::deployment(&client, "tumours").await);
    }
    told(&browser, "cluster", result).await?;
    ensure!(road::deployment(&client, "tumours").await?.is_none(), "the deployment is still listed");
    let left = cluster.get("/apis/apps/v1/namespaces/models/deployments")?;
    ensure!(left.replace(' ', "").contains("\"items\":[]"), "the cluster still has {left}");
    Ok(())
}

/// What the forms have to choose from. How a person comes to a model is shown by `clicks`.
async fn two_versions(client: &Client) -> Result<()> {
    let project = road::open_sample(client, "breast-cancer").await?;
    for _ in 0..2 {
        road::register(client, road::train(client, project.id).await?, &[]).await?;
    }
    Ok(())
}

async fn clicks(browser: &Browser, registry: &Registry, cluster: &Cluster) -> Result<()> {
    let driver = &browser.driver;
    press(driver, "//nav[contains(@class,'rail')]//a[contains(., 'Settings')]").await?;
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Registries and targets')]").await?;
    add_registry(browser, registry).await.context("add the registry")?;
    add_cluster(browser, cluster).await.context("add the cluster")?;

    press(driver, "//nav[contains(@class,'rail')]//a[contains(@class,'brand')]").await?;
    press_late(driver, "//main//a[contains(., 'breast-cancer')]").await.context("open the project")?;
    press(driver, "//nav[contains(@class,'rail')]//a[contains(., 'Deploy')]").await?;
    deploy(browser, "v1").await.context("deploy the first version")?;
    chip(driver, "ready").await?;
    chip(driver, "v1").await?;
    call(driver).await.context("call the first version")?;
    browser.picture("cluster-deployed").await?;
    events_and_log(driver).await?;

    fill(driver, "//aside//input[@aria-label='Replicas']", "2").await?;
    press(driver, "//aside//button[normalize-space(.)='Scale']").await?;
    ready_instances(driver, 2).await.context("scale to two")?;
    browser.picture("cluster-scaled").await?;

    deploy(browser, "v2").await.context("deploy the second version")?;
    chip(driver, "v2").await?;
    chip(driver, "ready").await?;
    call(driver).await.context("call the second version")?;
    press_late(driver, "//aside//button[normalize-space(.)='Roll back to v1']").await?;
    chip(driver, "v1").await.context("roll back")?;
    chip(driver, "ready").await?;
    browser.picture("cluster-rolled-back").await?;

    press(driver, "//aside//button[contains(., 'Delete…')]").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Delete']").await?;
    gone_late(driver, "//main//button[contains(@class,'placed')]").await.context("delete the deployment")?;
    browser.picture("cluster-deleted").await
}

async fn add_registry(browser: &Browser, registry: &Registry) -> Result<()> {
    let driver = &browser.driver;
    let authority = std::fs::read_to_string(registry.ca.as_ref().context("no authority")?)?;
    press(driver, "//main//button[contains(., 'Registry…')]").await?;
    for (label, text) in [
        ("Name", "harbour"),
        ("Address", registry.address.as_str()),
        ("User", USER),
        ("Password or token", PASSWORD),
        ("Its own certificate authority (PEM)", authority.trim()),
    ] {
        fill(driver, &field(label), text).await.with_context(|| format!("fill in {label}"))?;
    }
    browser.picture("cluster-registry-form").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Add']").await?;
    check(driver, "harbour").await
}

async fn add_cluster(browser: &Browser, cluster: &Cluster) -> Result<()> {
    let driver = &browser.driver;
    press(driver, "//main//button[contains(., 'Cluster…')]").await?;
    fill(driver, &field("Kubeconfig"), &cluster.kubeconfig.display().to_string()).await?;
    // Going on to the next field reads the file.
    seen(driver, &field("Kubeconfig")).await?.send_keys(Key::Tab + "").await?;
    choose(driver, "Context", "journey").await?;
    fill(driver, &field("Namespace"), "models").await?;
    press(driver, "//dialog[@open]//button[normalize-space(.)='Ask the cluster']").await?;
    let said = seen_late(driver, "//dialog[@open]//*[@role='status']").await.context("ask the cluster")?.text().await?;
    ensure!(said.contains("Kubernetes"), "the cluster says {said}");
    seen(driver, "//dialog[@open]//small[contains(., 'no such namespace yet')]").await?;
    press(driver, "//dialog[@open]//label[contains(., 'Make it with a deployment')]").await?;
    fill(driver, &field("Name"), "the real one").await?;
    browser.picture("cluster-target-form").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Add']").await?;
    check(driver, "the real one").await
}

/// Presses Check on a line of Settings, which asks the real counterpart.
async fn check(driver: &WebDriver, name: &str) -> Result<()> {
    gone(driver, "//dialog[@open]").await?;
    let line = format!("//main//div[contains(@class,'list')]/div[contains(., '{name}')]");
    press(driver, &format!("{line}//button[normalize-space(.)='Check']")).await?;
    let answered =
        "//div[contains(@class,'toast') and @data-tone and not(contains(., 'is known') or contains(., 'is a target'))]";
    let said = seen_late(driver, answered).await?;
    let (tone, text) = (said.attr("data-tone").await?.unwrap_or_default(), said.text().await?);
    ensure!(tone == "good", "the check of {name} says {text}");
    // It would stand before what is pressed next.
    press(driver, &format!("{answered}//button")).await?;
    gone(driver, answered).await
}

/// Through the dialog: the choice, the plan with its differences, the rollout to its end.
async fn deploy(browser: &Browser, version: &str) -> Result<()> {
    let driver = &browser.driver;
    press(driver, "//main//button[contains(., 'Deploy v2')]").await?;
    choose(driver, "Version", version).await?;
    choose(driver, "Target", "the real one").await?;
    fill(driver, &field("Name"), "tumours").await?;
    choose(driver, "Registry", "harbour").await?;
    fill(driver, &field("Repository"), "clicks/tumours").await?;
    press(driver, "//dialog[@open]//button[contains(., 'See what will be done')]").await?;
    let steps = seen_late(driver, "//dialog[@open]//ol[contains(@class,'steps')]").await.context("see the plan")?;
    let steps = steps.text().await?;
    ensure!(steps.lines().count() >= 2, "the plan reads {steps}");
    press(driver, "//dialog[@open]//details[contains(@class,'diff')]/summary[contains(., 'deployment/tumours')]")
        .await?;
    let difference = seen(driver, "//dialog[@open]//details[contains(@class,'diff') and @open]/pre").await?;
    let difference = difference.text().await?;
    ensure!(difference.contains("clicks/tumours"), "the difference reads {difference}");
    browser.picture(&format!("cluster-plan-{version}")).await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Deploy']").await?;
    let over = "//dialog[@open]//*[contains(@class,'problem') or contains(@class,'failure')]";
    until("the rollout's end", PATIENCE, async || {
        if let Some(problem) = driver.find_all(By::XPath(over)).await?.first() {
            anyhow::bail!("the rollout failed: {}", problem.text().await?);
        }
        Ok(driver.find_all(By::XPath("//dialog[@open]")).await?.is_empty())
    })
    .await
}

async fn call(driver: &WebDriver) -> Result<()> {
    press_late(driver, "//aside//button[contains(., 'Call it')]").await?;
    let answer = seen_late(driver, "//aside//*[contains(@class,'answer')]").await?.text().await?;
    ensure!(answer.contains("status 200") && answer.contains("prediction"), "the answer reads {answer}");
    Ok(())
}

/// What the cluster says happened, and what one pod wrote.
async fn events_and_log(driver: &WebDriver) -> Result<()> {
    const EVENTS: &str = "//aside//div[h3='Events']/following-sibling::div[1]";
    seen_late(driver, &format!("{EVENTS}//span[contains(., 'pod/tumours-')]"))
        .await
        .context("see events of the pod")?;
    press(driver, "//aside//button[normalize-space(.)='Show']").await?;
    let pod = seen(driver, "//aside//select[@aria-label='Instance']/option[contains(., 'tumours-')]").await?;
    pod.click().await.context("choose the pod")?;
    let log = "//aside//div[@role='log' and contains(., 'answers on')]";
    seen_late(driver, log).await.context("read the pod's log").map(drop)
}

/// The pane's chip with the deployment's state or version.
async fn chip(driver: &WebDriver, text: &str) -> Result<()> {
    let path = format!("//aside//span[contains(@class,'chip') and contains(., '{text}')]");
    seen_late(driver, &path).await.map(drop)
}

async fn ready_instances(driver: &WebDriver, count: usize) -> Result<()> {
    const READY: &str = "//aside//div[h3='Instances']/following-sibling::div[1]/div[i[contains(@class,'good')]]";
    let ready = async || Ok(driver.find_all(By::XPath(READY)).await?.len() == count);
    until(&format!("{count} ready instances"), PATIENCE, ready).await
}
