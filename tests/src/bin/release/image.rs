//! How long the image of a 10 MB model takes once the serving program's layer is cached, how large
//! that layer is, and that a second push sends the model alone.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use api::{
    JobId, VersionId,
    config::{ModelChoice, TrainingConfig},
    job::{GetJob, JobState, Subject},
    package::{AddRegistry, BuildPackage, ListPackages, Package, PushPackage},
    run::StartRun,
};
use client::call::Client;
use journeys::{
    host::Host,
    process::skipped_without,
    registry::{PASSWORD, Registry, USER},
    road,
};

use crate::{
    built,
    figure::{Figures, median},
};

const BUILT_WITHIN: Duration = Duration::from_secs(1);
const SERVING_LAYER: u64 = 25_000_000;
const MODEL: u64 = 10_000_000;
const ROUNDS: u64 = 3;
const BUILDS: u64 = 3;
/// Two hidden layers of this width are 2.6 million weights of four bytes.
const WIDTH: usize = 1600;
/// What a push sends beside layers: two small documents.
const DOCUMENTS: u64 = 50_000;

pub(crate) async fn measure(figures: &mut Figures) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let host = Host::start(&built("SLIPWAY_BIN")?, folder.path()).await?;
    let client = host.client().await?;
    let first = model(&client, 0).await?;
    build(&client, first).await.context("the build that fills the cache")?;
    let mut best = Duration::MAX;
    for round in 1..=ROUNDS {
        let mut builds = Vec::new();
        for number in 0..BUILDS {
            // Each of its own weights: an image that was built before would be found again.
            let version = model(&client, round * BUILDS + number).await?;
            builds.push(build(&client, version).await?);
        }
        let median = median(builds);
        println!("image, round {round}: median {} ms", median.as_millis());
        best = best.min(median);
    }
    figures.time("image of a 10 MB model, serving layer cached", best, BUILT_WITHIN, "");
    let package = package(&client, first).await?;
    let serving = layer(&package, "serving")?;
    figures.size("serving layer as stored", serving, SERVING_LAYER + 1, "");
    second_push(figures, &client, first, folder.path()).await
}

/// A second version's push, whose model has other weights.
async fn second_push(figures: &mut Figures, client: &Client, first: VersionId, folder: &std::path::Path) -> Result<()> {
    if skipped_without(&["docker-registry", "htpasswd", "openssl"]) {
        return Ok(());
    }
    let registry = Registry::with_tls_and_password(&folder.join("registry"))?;
    let known = client
        .call(AddRegistry {
            name: "harbour".to_owned(),
            address: registry.address.clone(),
            username: Some(USER.to_owned()),
            password: Some(PASSWORD.to_owned()),
            plain_http: false,
            ca_pem: Some(std::fs::read_to_string(registry.ca.as_ref().context("no authority")?)?),
        })
        .await?;
    let second = model(client, 1).await?;
    for version in [first, second] {
        let push = PushPackage { version, registry: known.id, repository: Some("bench".to_owned()), tag: None };
        let job = client.call(push).await?;
        road::finished(client, job.id, Duration::from_secs(300)).await?;
    }
    let package = package(client, second).await?;
    let push = package.pushes.first().context("the second version was not pushed")?;
    let (serving, model) = (layer(&package, "serving")?, layer(&package, "model")?);
    ensure!(push.skipped_bytes >= serving, "the serving layer ({serving} bytes) was sent again: {push:?}");
    let note = format!("the model's layer has {:.1} MB, {:.1} MB were there", mb(model), mb(push.skipped_bytes));
    figures.size("sent by a second push", push.sent_bytes, model + DOCUMENTS, note);
    Ok(())
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// A registered model of 10 MB, with weights of its own for each seed.
async fn model(client: &Client, seed: u64) -> Result<VersionId> {
    let project = road::open_sample(client, "breast-cancer").await?.id;
    let training = TrainingConfig {
        model: ModelChoice::Mlp,
        hidden: vec![WIDTH, WIDTH],
        epochs: Some(1),
        seed,
        ..TrainingConfig::default()
    };
    let start = StartRun { training: Some(training), ..StartRun::of(project) };
    let job = client.call(start).await?;
    let Subject::Run(run) = road::finished(client, job.id, Duration::from_secs(600)).await?.subject else {
        anyhow::bail!("the training made no run")
    };
    let version = road::register(client, run, &[]).await?;
    ensure!(version.size_bytes >= MODEL, "the model has {} bytes, 10 MB are wanted", version.size_bytes);
    Ok(version.id)
}

/// From the request to the end of its job, as a client sees it.
async fn build(client: &Client, version: VersionId) -> Result<Duration> {
    let started = Instant::now();
    let job = client.call(BuildPackage { version }).await?;
    ended(client, job.id).await?;
    Ok(started.elapsed())
}

async fn ended(client: &Client, job: JobId) -> Result<()> {
    loop {
        let now = client.call(GetJob { job }).await?;
        match now.state {
            JobState::Done => return Ok(()),
            state if state.is_over() => anyhow::bail!("{}: {state:?} {:?}", now.title, now.error),
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn package(client: &Client, version: VersionId) -> Result<Package> {
    let packages = client.call(ListPackages { version: Some(version) }).await?;
    packages.into_iter().next().context("the version has no package")
}

fn layer(package: &Package, what: &str) -> Result<u64> {
    let found = package.layers.iter().find(|layer| layer.what == what);
    found.map(|layer| layer.size_bytes).with_context(|| format!("the image has no layer \"{what}\""))
}
