//! What the suite stands on: two versions of a real model, and the ways of each target.

use std::path::{Path, PathBuf};

use adapters::{
    kubernetes::{Kubernetes, Places},
    outside::Surroundings,
};
use anyhow::{Context as _, Result, ensure};
use api::{
    DeploymentId,
    deploy::Instance,
    model::{GetVersion, Version},
    package::{AddRegistry, ListPackages, PushPackage},
};
use engine::ports::{Image, Target, Wanted};
use journeys::{cluster::Cluster, process::read, registry::Registry, stage::Stage};
use serde_json::Value;

/// Versions 1 and 2 of one model, and rows that they answer.
pub(crate) struct Versions {
    versions: [Version; 2],
    rows: Vec<Value>,
}

impl Versions {
    pub(crate) async fn trained(stage: &Stage) -> Result<Self> {
        let project = stage.project("big-x").await?;
        let versions = [stage.version(project).await?, stage.version(project).await?];
        let rows = stage.call(GetVersion { version: versions[0].id }).await?.examples;
        ensure!(!rows.is_empty(), "the model has no examples");
        Ok(Self { versions, rows })
    }
}

type Kill<'a> = Box<dyn Fn(&Instance) -> Result<()> + Send + Sync + 'a>;

/// One target, and what the suite asks of it.
pub(crate) struct Ground<'a> {
    pub(crate) target: &'a dyn Target,
    pub(crate) first: Wanted,
    pub(crate) second: Wanted,
    /// A version that can't start, and what is then said of it.
    pub(crate) broken: Wanted,
    pub(crate) reason: &'static str,
    /// Another deployment, that wants what the first one has.
    pub(crate) rival: Wanted,
    pub(crate) rows: Vec<Value>,
    /// Ends an instance as a fault would.
    pub(crate) kill: Kill<'a>,
}

fn wanted(number: u32) -> Wanted {
    Wanted {
        deployment: DeploymentId::from_bytes([1; 16]),
        name: "big-x".to_owned(),
        model_name: "big-x".to_owned(),
        version_number: number,
        replicas: 1,
        cpu_millis: None,
        memory_mb: Some(128),
        log_share: 1.0,
        log_days: 14,
        not_logged: Vec::new(),
        create_namespace: true,
        port: None,
        image: None,
        bundle: None,
    }
}

impl<'a> Ground<'a> {
    pub(crate) async fn on_this_machine(stage: &Stage, target: &'a dyn Target, versions: &Versions) -> Result<Self> {
        let port = journeys::process::free_port()?;
        let at = |number: u32, bundle: PathBuf| Wanted {
            bundle: Some(bundle),
            port: Some(port),
            memory_mb: None,
            ..wanted(number)
        };
        let [first, second] = &versions.versions;
        let damaged = lay_out(stage, second, "damaged").await?;
        let (first, second) = (lay_out(stage, first, "v1").await?, lay_out(stage, second, "v2").await?);
        std::fs::write(damaged.join("bundle.json"), "{")?;
        let first = at(1, first);
        Ok(Self {
            target,
            second: at(2, second),
            broken: at(3, damaged),
            reason: "bundle.json",
            // The port is taken, whatever the name is.
            rival: Wanted { deployment: DeploymentId::from_bytes([2; 16]), ..first.clone() },
            first,
            rows: versions.rows.clone(),
            kill: Box::new(|instance| {
                let pid = instance.name.strip_prefix("process ").context("an instance is a process")?;
                read(std::process::Command::new("kill").args(["-9", pid])).map(|_| ())
            }),
        })
    }

    pub(crate) async fn on_kubernetes(
        stage: &Stage,
        target: &'a dyn Target,
        cluster: &'a Cluster,
        registry: &Registry,
        versions: &Versions,
    ) -> Result<Self> {
        let known = stage
            .call(AddRegistry {
                name: "harbour".to_owned(),
                address: registry.address.clone(),
                plain_http: true,
                ..AddRegistry::default()
            })
            .await?;
        let mut images = Vec::new();
        for version in &versions.versions {
            let push = PushPackage { version: version.id, registry: known.id, repository: None, tag: None };
            let job = stage.call(push).await?;
            stage.done(job).await?;
            let packages = stage.call(ListPackages { version: Some(version.id) }).await?;
            let package = packages.first().context("no package")?;
            let push = package.pushes.first().context("no push")?;
            images.push(image(&push.repository, &package.digest, &registry.address));
        }
        let repository = images[0].reference.split('@').next().unwrap_or_default().to_owned();
        let absent = image(&repository, &format!("sha256:{}", "0".repeat(64)), &registry.address);
        let at = |number: u32, image: Image| Wanted { image: Some(image), ..wanted(number) };
        let first = at(1, images[0].clone());
        Ok(Self {
            target,
            second: at(2, images[1].clone()),
            broken: at(3, absent),
            reason: "ImagePull",
            rival: Wanted { deployment: DeploymentId::from_bytes([2; 16]), ..first.clone() },
            first,
            rows: versions.rows.clone(),
            kill: Box::new(|instance| cluster.kill_container("models", &instance.name)),
        })
    }
}

fn image(repository: &str, digest: &str, registry: &str) -> Image {
    Image {
        reference: format!("{repository}@{digest}"),
        platform: "linux/amd64".to_owned(),
        registry_address: registry.to_owned(),
        credentials: None,
    }
}

/// A version's files as a folder, as the engine lays them out.
async fn lay_out(stage: &Stage, version: &Version, name: &str) -> Result<PathBuf> {
    let id = version.id;
    let folder = stage.folder.path().join("bundles").join(name);
    let row = stage.engine.store().read(move |c| store::version::get(c, id)).await?.context("no such version")?;
    for file in &row.files {
        stage.engine.blobs().copy_to(&file.blake3.parse()?, &folder.join(&file.path))?;
    }
    Ok(folder)
}

/// The adapter itself, in a namespace of the journey's cluster.
pub(crate) async fn kubernetes(kubeconfig: &Path, namespace: &str) -> Result<Kubernetes> {
    let places = Places::new(kubeconfig.to_str(), &Surroundings::default());
    Ok(Kubernetes::connect(&places, "journey", namespace).await?)
}
