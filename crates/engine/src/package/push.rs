//! A package's way into a registry: what is there is not sent again, what may pass is tried again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use api::{
    ApiError, ErrorCode,
    event::Tag,
    package::{Push, Registry},
};
use store::{
    package::{PackageBlob, PackageRow},
    version::VersionRow,
};

use crate::{
    Engine,
    package::size,
    ports::{self, PortError, PushBlob, PushManifest},
    registry,
};

/// Tries of one blob; between them it waits longer and longer.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Where a package goes.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) registry: Registry,
    pub(crate) repository: String,
    pub(crate) tag: String,
}

impl Place {
    /// By default the repository of the project's file, else the model's name; the tag is `vNUMBER`.
    pub(crate) async fn of(
        engine: &Engine,
        row: &VersionRow,
        registry: Registry,
        repository: Option<&str>,
        tag: Option<&str>,
    ) -> anyhow::Result<Self> {
        let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let repository = match given(repository) {
            Some(repository) => repository,
            None => {
                let project = row.version.project;
                let file = engine.store().read(move |c| store::project::get(c, project)).await?.map(|row| row.file);
                file.and_then(|file| file.packaging.repository)
                    .unwrap_or_else(|| repository_of(&row.version.model_name))
            }
        };
        let tag = given(tag).unwrap_or_else(|| format!("v{}", row.version.number));
        let good_repository = repository.split('/').all(|part| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-'))
        });
        if !good_repository || repository.len() > 200 {
            bail!(
                ApiError::invalid(format!("\"{repository}\" is not a repository's name.")).with_hint(
                    "It has small letters, digits, dots, dashes and underscores, in parts divided by slashes."
                )
            );
        }
        let good_tag = tag.len() <= 128
            && !tag.starts_with(['.', '-'])
            && tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if !good_tag {
            bail!(
                ApiError::invalid(format!("\"{tag}\" is not a tag."))
                    .with_hint("It has letters, digits, dots, dashes and underscores.")
            );
        }
        Ok(Self { registry, repository, tag })
    }

    /// `host/repository@sha256:…`.
    pub(crate) fn reference(&self, digest: &str) -> String {
        format!("{}/{}@{digest}", self.registry.address, self.repository)
    }
}

/// A name as a registry takes it.
pub(crate) fn repository_of(name: &str) -> String {
    let text: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_') { c } else { '-' })
        .collect();
    let text = text.trim_matches(['-', '.', '_']).to_owned();
    if text.is_empty() { "model".to_owned() } else { text }
}

/// Told the fraction and a sentence; `false` stops the push.
pub(crate) type Told<'a> = &'a (dyn Fn(f64, String) -> bool + Send + Sync);

/// Layers that the registry lacks, with their size together.
pub(crate) async fn missing(engine: &Engine, row: &PackageRow, place: &Place) -> anyhow::Result<(usize, u64)> {
    let port = registry::connect(engine, &place.registry).await?;
    let mut found = (0, 0);
    for layer in &row.blobs.layers {
        if !port.blob_exists(&place.repository, &layer.digest).await? {
            found = (found.0 + 1, found.1 + layer.size_bytes);
        }
    }
    Ok(found)
}

/// Pushes the layers, the configuration, then the manifest: the tag appears when all is there.
pub(crate) async fn run(engine: &Engine, row: &PackageRow, place: &Place, told: Told<'_>) -> anyhow::Result<Push> {
    let port = registry::connect(engine, &place.registry).await?;
    let mut push = Push {
        registry: place.registry.id,
        registry_name: place.registry.name.clone(),
        repository: format!("{}/{}", place.registry.address, place.repository),
        tag: place.tag.clone(),
        sent_bytes: 0,
        skipped_bytes: 0,
        pushed_ms: 0,
    };
    let blobs: Vec<&PackageBlob> = row.blobs.layers.iter().chain([&row.blobs.config]).collect();
    let all: u64 = blobs.iter().map(|blob| blob.size_bytes).sum();
    let stopped = Arc::new(AtomicBool::new(false));
    for blob in blobs {
        let before = push.sent_bytes + push.skipped_bytes;
        let say = |sent: u64, sentence: String| {
            if !told((before + sent) as f64 / all.max(1) as f64, sentence) {
                stopped.store(true, Ordering::Relaxed);
            }
        };
        say(0, format!("Asks for the {} layer", blob.what));
        if stopped.load(Ordering::Relaxed) {
            bail!(ApiError::new(
                ErrorCode::Cancelled,
                "It was cancelled; the layers that were finished stay in the registry."
            ));
        }
        let exists = tried(engine, || port.blob_exists(&place.repository, &blob.digest)).await?;
        if exists {
            push.skipped_bytes += blob.size_bytes;
            continue;
        }
        send(engine, &*port, place, blob, &stopped, &say).await?;
        push.sent_bytes += blob.size_bytes;
    }
    told(1.0, "Names the image".to_owned());
    let manifest = PushManifest {
        digest: row.blobs.manifest.digest.clone(),
        media_type: row.blobs.manifest.media_type.clone(),
        bytes: engine.blobs().read(&row.blobs.manifest.hash)?,
    };
    tried(engine, || port.push_manifest(&place.repository, &place.tag, &manifest)).await?;
    push.pushed_ms = engine.now_ms();
    let (package, noted) = (row.package.id, push.clone());
    engine.store().write(move |tx| store::package::add_push(tx, package, &noted)).await?;
    engine.changed(Tag::Packages);
    Ok(push)
}

/// Sends one blob, from its start again where it was cut off.
async fn send(
    engine: &Engine,
    port: &dyn ports::Registry,
    place: &Place,
    blob: &PackageBlob,
    stopped: &AtomicBool,
    say: &(dyn Fn(u64, String) + Send + Sync),
) -> anyhow::Result<()> {
    let source =
        PushBlob { digest: blob.digest.clone(), size_bytes: blob.size_bytes, path: engine.blobs().path(&blob.hash) };
    let progress =
        |sent: u64| say(sent, format!("Sends the {} layer, {} of {}", blob.what, size(sent), size(blob.size_bytes)));
    let work = tried(engine, || port.push_blob(&place.repository, &source, &progress));
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done?),
            () = tokio::time::sleep(Duration::from_millis(100)) => {
                if stopped.load(Ordering::Relaxed) {
                    bail!(ApiError::new(ErrorCode::Cancelled, "It was cancelled; the layers that were finished stay in the registry."));
                }
            }
        }
    }
}

/// Tries again what may pass by itself.
pub(crate) async fn tried<T, F>(engine: &Engine, mut work: impl FnMut() -> F) -> Result<T, PortError>
where
    F: Future<Output = Result<T, PortError>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match work().await {
            Err(error) if error.temporary => tracing::info!(%error, "tried again in {wait:?}"),
            done => return done,
        }
        engine.clock().sleep(wait).await;
        wait *= 3;
    }
    work().await
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_models_name_becomes_a_repository() {
        assert_eq!(super::repository_of("Card fraud!"), "card-fraud");
        assert_eq!(super::repository_of("__"), "model");
    }
}
