//! From what a person asks for to what a target is told.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use api::{ApiError, DeploymentId, ErrorCode, deploy::DeploySpec, model::BundleFile};
use store::{blob::BlobHash, deployment::DeploymentRow, target::TargetRow, version::VersionRow};

use crate::{
    Engine,
    deploy::sensitive,
    package::{self, push::Place},
    ports::{Image, Wanted},
    registry, target,
};

/// A specification with the records that it names.
pub(crate) struct Asked {
    pub(crate) version: VersionRow,
    pub(crate) target: TargetRow,
    /// The deployment that it updates.
    pub(crate) existing: Option<DeploymentRow>,
    /// The version's columns that are never logged, as they are marked now.
    not_logged: Vec<String>,
}

impl Asked {
    pub(crate) async fn of(engine: &Engine, spec: &DeploySpec) -> anyhow::Result<Self> {
        if spec.name.len() > 40
            || !target::is_label(&spec.name)
            || !spec.name.starts_with(|c: char| c.is_ascii_lowercase())
        {
            bail!(ApiError::invalid(format!("\"{}\" can't be a deployment's name.", spec.name)).with_hint(
                "It has small letters, digits and dashes, begins with a letter, and has at most 40 of them."
            ));
        }
        if !(0.0..=1.0).contains(&spec.log_share) {
            bail!(ApiError::invalid("The share of logged requests is a number from 0 to 1."));
        }
        if !(1..=100).contains(&spec.replicas) {
            bail!(ApiError::invalid("A deployment has 1 to 100 replicas."));
        }
        let version = package::version(engine, spec.version).await?;
        let not_logged = sensitive::of(engine, &version.version).await?;
        let target = target::find(engine, spec.target).await?;
        let (id, name) = (target.id, spec.name.clone());
        let existing = engine.store().read(move |c| store::deployment::by_name(c, id, &name)).await?;
        if let Some(other) = existing.as_ref().filter(|row| row.model != version.version.model) {
            bail!(
                ApiError::new(
                    ErrorCode::Conflict,
                    format!(
                        "{} on {} is a deployment of the model {}.",
                        other.name,
                        api::deploy::in_sentence(&target.name),
                        other.model_name
                    )
                )
                .with_hint("Choose another name.")
            );
        }
        Ok(Self { version, target, existing, not_logged })
    }

    /// Where the image goes; only asked for targets that need one.
    pub(crate) async fn place(&self, engine: &Engine, spec: &DeploySpec) -> anyhow::Result<Place> {
        let Some(id) = spec.registry else {
            bail!(
                ApiError::invalid(format!("{} needs a registry to pull the image from.", self.target.name))
                    .with_hint("Choose one, or add one under Settings, Registries (`slipway registry add`).")
            );
        };
        Place::of(engine, &self.version, registry::find(engine, id).await?, spec.repository.as_deref(), None).await
    }

    pub(crate) async fn wanted(
        &self,
        engine: &Engine,
        spec: &DeploySpec,
        deployment: DeploymentId,
        image: Option<(&Place, &str)>,
    ) -> anyhow::Result<Wanted> {
        let image = match image {
            Some((place, digest)) => {
                let port = registry::connect(engine, &place.registry).await?;
                Some(Image {
                    reference: place.reference(digest),
                    platform: "linux/amd64".to_owned(),
                    registry_address: place.registry.address.clone(),
                    credentials: port.credentials().0,
                })
            }
            None => None,
        };
        let version = &self.version.version;
        Ok(Wanted {
            deployment,
            name: spec.name.clone(),
            model_name: version.model_name.clone(),
            version_number: version.number,
            replicas: spec.replicas,
            cpu_millis: spec.cpu_millis,
            memory_mb: spec.memory_mb,
            log_share: spec.log_share,
            log_days: spec.log_days,
            not_logged: self.not_logged.clone(),
            create_namespace: spec.create_namespace,
            port: spec.port,
            bundle: image.is_none().then(|| bundle_folder(engine, deployment, &self.version)),
            image,
        })
    }
}

/// Where a version's files lie for a deployment on this machine.
fn bundle_folder(engine: &Engine, deployment: DeploymentId, row: &VersionRow) -> PathBuf {
    let short: String = row.version.content.chars().take(12).collect();
    engine.workspace().deployment(deployment).join("models").join(format!("v{}-{short}", row.version.number))
}

/// Lays a version's files out, verified. What lies there already is read through, and laid out anew where it
/// is not what the version has: deploying again mends it.
pub(crate) async fn lay_out(engine: &Engine, deployment: DeploymentId, row: &VersionRow) -> anyhow::Result<()> {
    let folder = bundle_folder(engine, deployment, row);
    let mut files = row.files.clone();
    files.retain(|file| infer::bundle::travels(&file.path));
    let (blobs, name) = (engine.blobs().clone(), format!("{} v{}", row.version.model_name, row.version.number));
    tokio::task::spawn_blocking(move || {
        let there = folder.exists();
        if there && is_whole(&folder, &files) {
            return Ok(());
        }
        let part = folder.with_extension("part");
        if part.exists() {
            std::fs::remove_dir_all(&part).with_context(|| format!("clear {}", part.display()))?;
        }
        for file in &files {
            let hash: BlobHash = file.blake3.parse().with_context(|| format!("read the hash of {}", file.path))?;
            if let Err(error) = blobs.copy_to(&hash, &part.join(&file.path)) {
                // What can't be completed is not kept; what is left of it is cleared by the next deployment.
                let _ = std::fs::remove_dir_all(&part);
                return Err(error).with_context(|| format!("read {} of {name}", file.path));
            }
        }
        if there {
            tracing::warn!(folder = %folder.display(), "a deployment's model was damaged, and is laid out anew");
            std::fs::remove_dir_all(&folder).with_context(|| format!("clear {}", folder.display()))?;
        }
        // Rename last: a folder with its name was whole.
        std::fs::rename(&part, &folder).with_context(|| format!("name {}", folder.display()))
    })
    .await?
}

/// Whether each file lies there with the bytes that the version has.
fn is_whole(folder: &Path, files: &[BundleFile]) -> bool {
    let is_good = |file: &BundleFile| {
        BlobHash::of_file(&folder.join(&file.path)).is_ok_and(|found| found.to_string() == file.blake3)
    };
    files.iter().all(is_good)
}
