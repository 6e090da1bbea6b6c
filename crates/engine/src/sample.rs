//! The sample projects: copied to the user's documents on first opening, never written in place.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode,
    host::Settings,
    project::{ListSamples, OpenSample, Project, SameId, Sample},
};
use data::samples::{self, SampleProject};

use crate::{Engine, copying, project, project_file};

/// The seed of the generated sample, so that every machine has the same one.
const SEED: u64 = 20_260_101;

pub async fn list(engine: &Engine, _request: ListSamples) -> anyhow::Result<Vec<Sample>> {
    let folder = destination_folder(engine).await?;
    let known = engine.store().read(store::project::all).await?;
    Ok(samples::ALL
        .iter()
        .map(|sample| Sample {
            name: sample.name.to_owned(),
            title: sample.title.to_owned(),
            summary: sample.summary.to_owned(),
            licence: sample.licence.to_owned(),
            destination: folder.join(sample.name).to_string_lossy().into_owned(),
            project: known.iter().find(|row| row.sample.as_deref() == Some(sample.name)).map(|row| row.id),
        })
        .collect())
}

pub async fn open(engine: &Engine, request: OpenSample) -> anyhow::Result<Project> {
    let Some(sample) = samples::ALL.iter().find(|sample| sample.name == request.name) else {
        let names: Vec<&str> = samples::ALL.iter().map(|sample| sample.name).collect();
        bail!(
            ApiError::not_found(format!("There is no sample \"{}\".", request.name))
                .with_hint(format!("There are {}.", names.join(", ")))
        );
    };
    let name = request.name.clone();
    let known = engine.store().read(move |c| store::project::by_sample(c, &name)).await?;
    if let Some(row) = known.filter(|row| Path::new(&row.path).join(project_file::NAME).is_file()) {
        return project::open_folder(engine, PathBuf::from(row.path), SameId::SamePlace, row.sample).await;
    }
    let Some(brought) = engine.options().samples.as_ref().map(|samples| samples.join(sample.name)) else {
        bail!(ApiError::new(ErrorCode::Unsupported, "This installation brings no samples."));
    };
    let destination = destination_folder(engine).await?.join(sample.name);
    let made = destination.clone();
    let sample = *sample;
    tokio::task::spawn_blocking(move || make(sample, &brought, &made)).await??;
    let destination = project::absolute(&destination.to_string_lossy())?;
    project::open_folder(engine, destination, SameId::NewProject, Some(sample.name.to_owned())).await
}

/// Copies the sample beside its place and renames it, so that a crash leaves no half of one.
fn make(sample: SampleProject, brought: &Path, destination: &Path) -> anyhow::Result<()> {
    if destination.join(project_file::NAME).is_file() {
        return Ok(());
    }
    if destination.exists() {
        bail!(
            ApiError::new(
                ErrorCode::Conflict,
                format!("{} is there already, and is not the sample.", destination.display())
            )
            .with_hint("Rename it, or choose another folder for samples in the settings.")
        );
    }
    if !brought.is_dir() {
        bail!(ApiError::new(
            ErrorCode::Unsupported,
            format!("This installation brings no sample at {}.", brought.display())
        ));
    }
    let folder = destination.parent().context("find the folder for samples")?;
    std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    let half = tempfile::Builder::new()
        .prefix(".half-")
        .tempdir_in(folder)
        .with_context(|| format!("write in {}", folder.display()))?;
    let copy = half.path().join(sample.name);
    copying::copy_tree(brought, &copy).with_context(|| format!("copy the sample to {}", destination.display()))?;
    if sample.generated {
        samples::card_fraud(SEED, &copy).map_err(ApiError::from)?;
    }
    std::fs::rename(&copy, destination).with_context(|| format!("copy the sample to {}", destination.display()))?;
    Ok(())
}

async fn destination_folder(engine: &Engine) -> anyhow::Result<PathBuf> {
    let settings: Settings = engine.store().read(|c| store::setting::get(c, "settings")).await?.unwrap_or_default();
    if let Some(folder) = settings.samples_folder {
        return Ok(PathBuf::from(folder));
    }
    let documents = engine.options().documents.clone().unwrap_or_else(|| engine.workspace().folder().to_owned());
    Ok(documents.join("Slipway Samples"))
}
