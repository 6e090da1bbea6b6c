//! What goes wrong with a cluster, each said in the cluster's own words and with a way out.

use std::{path::Path, time::Duration};

use adapters::{
    kubernetes::{Kubernetes, Places},
    outside::Surroundings,
};
use anyhow::{Context as _, Result, ensure};
use api::ErrorCode;
use engine::ports::{Credentials, PortError, Target, Wanted};
use journeys::{
    cluster::Cluster,
    process::{free_port, wait_until},
};
use serde_json::json;

use super::{Told, ground, up};

pub(crate) async fn all(cluster: &mut Cluster, target: &Kubernetes, wanted: &Wanted) -> Result<()> {
    a_cluster_that_is_not_there(&cluster.kubeconfig, wanted).await.context("unreachable")?;
    who_may_nothing_is_told_what(&cluster.powerless()?, wanted).await.context("forbidden")?;
    who_is_not_known_is_told_so(&cluster.kubeconfig, wanted).await.context("unauthorised")?;
    who_signs_in_by_a_program_is_let_in(&cluster.kubeconfig).await.context("sign-in program")?;
    an_image_for_other_nodes_is_blocked(target, wanted).await.context("architecture")?;
    a_pull_secret_goes_once_nothing_needs_it(cluster, target, wanted).await.context("pull secret")?;
    a_quota_is_told_in_the_clusters_words(cluster, target, wanted).await.context("quota")?;
    a_cluster_that_vanishes_for_a_moment_is_waited_for(cluster, target, wanted).await.context("vanish")?;
    a_cluster_that_vanishes_is_said_and_taken_up_again(cluster, wanted).await.context("vanish for good")
}

fn expect(failure: Option<PortError>, code: ErrorCode, words: &str) -> Result<PortError> {
    let failure = failure.context("nothing failed")?;
    ensure!(failure.error.code == code && failure.error.message.contains(words), "{code:?}, {words}: {failure:?}");
    ensure!(failure.error.hint.is_some(), "there is no way out of {failure}");
    Ok(failure)
}

/// A copy of a kubeconfig with something else in it.
fn changed(kubeconfig: &Path, from: &str, to: &str) -> Result<std::path::PathBuf> {
    let text = std::fs::read_to_string(kubeconfig)?;
    ensure!(text.contains(from), "the kubeconfig has no {from}");
    let copy = kubeconfig.with_extension("changed");
    std::fs::write(&copy, text.replace(from, to))?;
    Ok(copy)
}

async fn a_cluster_that_is_not_there(kubeconfig: &Path, wanted: &Wanted) -> Result<()> {
    let nobody = changed(kubeconfig, ":26443", &format!(":{}", free_port()?))?;
    let target = ground::kubernetes(&nobody, "models").await?;
    let failure = expect(target.check().await.err(), ErrorCode::Unreachable, "models of journey")?;
    ensure!(failure.temporary, "it may come back");
    expect(target.apply(wanted, &Told::default()).await.err(), ErrorCode::Unreachable, "refused")?;
    Ok(())
}

async fn who_may_nothing_is_told_what(kubeconfig: &Path, wanted: &Wanted) -> Result<()> {
    let target = ground::kubernetes(kubeconfig, "default").await?;
    let check = target.check().await?;
    ensure!(!check.ok && check.hint.as_deref().unwrap_or_default().contains("cannot list"), "{check:?}");
    let failure =
        expect(target.plan(wanted).await.err(), ErrorCode::Forbidden, "system:serviceaccount:default:powerless")?;
    ensure!(!failure.temporary && failure.error.message.contains("cannot"), "{failure}");
    expect(target.apply(wanted, &Told::default()).await.err(), ErrorCode::Forbidden, "powerless")?;
    expect(target.delete(wanted.deployment, &wanted.name).await.err(), ErrorCode::Forbidden, "powerless")?;
    Ok(())
}

async fn who_is_not_known_is_told_so(kubeconfig: &Path, wanted: &Wanted) -> Result<()> {
    let stranger = ground::kubernetes(&changed(kubeconfig, "admintoken", "stolen")?, "models").await?;
    expect(stranger.plan(wanted).await.err(), ErrorCode::Forbidden, "Unauthorized")?;
    Ok(())
}

/// By a program that only the user's own folder has, as for an app that was not started from a shell.
async fn who_signs_in_by_a_program_is_let_in(kubeconfig: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir()?;
    let program = home.path().join(".local/bin/journey-sign-in");
    std::fs::create_dir_all(home.path().join(".local/bin"))?;
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": { "token": "admintoken" }
    });
    std::fs::write(&program, format!("#!/bin/sh\necho '{credential}'\n"))?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    let exec = "exec: {apiVersion: client.authentication.k8s.io/v1, command: journey-sign-in, interactiveMode: Never}";
    let file = changed(kubeconfig, "token: admintoken", exec)?;
    let surroundings = |home: &Path| Surroundings {
        home: Some(home.to_owned()),
        path: Some("/nowhere".into()),
        ..Surroundings::default()
    };
    let places = Places::new(file.to_str(), &surroundings(home.path()));
    let check = Kubernetes::connect(&places, "journey", "models").await?.check().await?;
    ensure!(check.ok, "{check:?}");
    let elsewhere = Places::new(file.to_str(), &surroundings(&home.path().join("elsewhere")));
    expect(Kubernetes::connect(&elsewhere, "journey", "models").await.err(), ErrorCode::NotFound, "journey-sign-in")?;
    Ok(())
}

async fn an_image_for_other_nodes_is_blocked(target: &Kubernetes, wanted: &Wanted) -> Result<()> {
    let mut other = wanted.clone();
    other.image.as_mut().context("no image")?.platform = "linux/arm64".to_owned();
    let plan = target.plan(&other).await?;
    let blocked = plan.blocked.context("an image for other nodes is not blocked")?;
    ensure!(blocked.message.contains("linux/arm64") && blocked.message.contains("linux/amd64"), "{blocked}");
    ensure!(blocked.hint.is_some() && plan.diff.is_empty(), "{blocked:?}");
    Ok(())
}

/// The registry asks for no password, and takes one all the same.
async fn a_pull_secret_goes_once_nothing_needs_it(
    cluster: &Cluster,
    target: &Kubernetes,
    wanted: &Wanted,
) -> Result<()> {
    let secret = format!("/api/v1/namespaces/models/secrets/{}-pull", wanted.name);
    let mut signed = wanted.clone();
    signed.image.as_mut().context("no image")?.credentials =
        Some(Credentials { username: "ann".to_owned(), password: "secret".to_owned() });
    up(target, &signed).await?;
    ensure!(cluster.get(&secret)?.contains("dockerconfigjson"), "there is no pull secret");
    up(target, wanted).await?;
    ensure!(!cluster.get(&secret).unwrap_or_default().contains("dockerconfigjson"), "the password stays");
    target.delete(wanted.deployment, &wanted.name).await?;
    Ok(())
}

async fn a_quota_is_told_in_the_clusters_words(cluster: &Cluster, target: &Kubernetes, wanted: &Wanted) -> Result<()> {
    let quotas = "/api/v1/namespaces/models/resourcequotas";
    cluster.create(quotas, &json!({ "metadata": { "name": "none" }, "spec": { "hard": { "pods": "0" } } }))?;
    // Until its controller has counted, a quota says only that it has not.
    wait_until("the quota is in force", Duration::from_secs(20), || {
        cluster.get(&format!("{quotas}/none")).is_ok_and(|text| text.contains("\"used\""))
    })?;
    let failure = expect(up(target, wanted).await.err(), ErrorCode::Internal, "exceeded quota: none")?;
    ensure!(failure.error.hint.as_deref().unwrap_or_default().contains("quota"), "{failure:?}");
    cluster.delete(&format!("{quotas}/none"))?;
    target.delete(wanted.deployment, &wanted.name).await?;
    Ok(())
}

async fn a_cluster_that_vanishes_for_a_moment_is_waited_for(
    cluster: &mut Cluster,
    target: &Kubernetes,
    wanted: &Wanted,
) -> Result<()> {
    let told = Told::default();
    target.apply(wanted, &told).await?;
    cluster.lose_api_server()?;
    let back = async {
        told.heard("doesn't answer, asked again").await;
        tokio::task::block_in_place(|| cluster.bring_api_server_back())
    };
    let (waited, back) = tokio::join!(target.wait(wanted, &told), back);
    back?;
    waited?;
    ensure!(told.all().last().is_some_and(|line| line.contains("1 of 1")), "{:?}", told.all());
    target.delete(wanted.deployment, &wanted.name).await?;
    Ok(())
}

async fn a_cluster_that_vanishes_is_said_and_taken_up_again(cluster: &mut Cluster, wanted: &Wanted) -> Result<()> {
    let target = ground::kubernetes(&cluster.kubeconfig, "models").await?.vanished_after(Duration::from_secs(2));
    target.apply(wanted, &Told::default()).await?;
    cluster.lose_api_server()?;
    let failure = target.wait(wanted, &Told::default()).await.err();
    let failure = expect(failure, ErrorCode::Unreachable, "vanished while big-x rolled out")?;
    ensure!(!failure.temporary, "{failure}");
    cluster.bring_api_server_back()?;
    // Deploying again leaves what is done already as it is.
    up(&target, wanted).await?;
    target.delete(wanted.deployment, &wanted.name).await?;
    Ok(())
}
