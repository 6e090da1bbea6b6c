//! The sample projects: copied to the user's documents on first opening, never written in place.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode,
    host::Settings,
    job::{Job, JobKind, Subject},
    project::{ListSamples, OpenSample, SameId, Sample},
};
use data::samples::{self, SampleProject};

use crate::{
    Engine,
    blocking::{Step, Tell},
    copying,
    halves::Half,
    jobs::{JobContext, NewJob, retry_with},
    project, project_file,
    snapshot::thousands,
};

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

pub async fn open(engine: &Engine, request: OpenSample) -> anyhow::Result<Job> {
    let Some(sample) = samples::ALL.iter().find(|sample| sample.name == request.name).copied() else {
        let names: Vec<&str> = samples::ALL.iter().map(|sample| sample.name).collect();
        bail!(
            ApiError::not_found(format!("There is no sample \"{}\".", request.name))
                .with_hint(format!("There are {}.", names.join(", ")))
        );
    };
    let known = engine.store().read(move |c| store::project::by_sample(c, sample.name)).await?;
    let known = known.filter(|row| Path::new(&row.path).join(project_file::NAME).is_file());
    let destination = destination_folder(engine).await?.join(sample.name);
    let brought = match &known {
        Some(_) => None,
        None => brought(engine, sample, &destination)?,
    };
    let new = NewJob {
        kind: JobKind::Copy,
        title: format!("Open the sample {}", sample.title),
        project: known.as_ref().map(|row| row.id),
        subject: known.as_ref().map_or(Subject::None, |row| Subject::Project(row.id)),
        memory_bytes: 0,
        request: retry_with(&request),
    };
    let work = async move |context: JobContext| {
        let engine = context.engine().clone();
        let project = if let Some(row) = known {
            project::open_folder(&engine, PathBuf::from(row.path), SameId::SamePlace, row.sample).await?
        } else {
            if let Some(brought) = brought {
                let (made, halves) = (destination.clone(), engine.workspace().halves());
                context.blocking(move |tell| make(sample, &brought, &made, &halves, tell)).await?;
            }
            let destination = project::absolute(&destination.to_string_lossy())?;
            project::open_folder(&engine, destination, SameId::NewProject, Some(sample.name.to_owned())).await?
        };
        context.set_subject(Subject::Project(project.id)).await?;
        Ok(format!("{} is open in {}", project.name, project.path))
    };
    engine.jobs().start(engine, new, work).await
}

/// What is to be copied to the destination; nothing where the sample stands there.
fn brought(engine: &Engine, sample: SampleProject, destination: &Path) -> anyhow::Result<Option<PathBuf>> {
    if destination.join(project_file::NAME).is_file() {
        return Ok(None);
    }
    if copying::is_taken(destination) {
        bail!(
            ApiError::new(
                ErrorCode::Conflict,
                format!("{} is there already, and is not the sample.", destination.display())
            )
            .with_hint("Rename it, or choose another folder for samples in the settings.")
        );
    }
    let Some(brought) = engine.options().samples.as_ref().map(|samples| samples.join(sample.name)) else {
        bail!(ApiError::new(ErrorCode::Unsupported, "This installation brings no samples."));
    };
    if !brought.is_dir() {
        bail!(ApiError::new(
            ErrorCode::Unsupported,
            format!("This installation brings no sample at {}.", brought.display())
        ));
    }
    Ok(Some(brought))
}

/// Copies the sample beside its place and renames it, so that a crash leaves no half of one.
fn make(
    sample: SampleProject,
    brought: &Path,
    destination: &Path,
    halves: &Path,
    tell: Tell<'_, Step>,
) -> anyhow::Result<()> {
    let folder = destination.parent().context("find the folder for samples")?;
    std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    let half = Half::begin(folder, halves)?;
    let copy = half.path().join(sample.name);
    // Beside the generated rows the few files of such a sample take no time.
    let share = if sample.generated { 0.0 } else { 1.0 };
    let mut copied = |step: Step| tell(Step { fraction: share * step.fraction, ..step });
    copying::copy_tree(brought, &copy, &mut copied)
        .with_context(|| format!("copy the sample to {}", destination.display()))?;
    if sample.generated {
        let (mut made, all) = (0, samples::CARD_FRAUD_ROWS);
        let mut progress = |rows: u64| {
            made += rows;
            let message = format!("Generates the rows, {} of {}", thousands(made), thousands(all));
            tell(Step { fraction: made as f64 / all as f64, message })
        };
        samples::card_fraud(SEED, &copy, &mut progress).map_err(ApiError::from)?;
    }
    match std::fs::rename(&copy, destination) {
        // Somebody else was faster with the same sample.
        Err(_) if destination.join(project_file::NAME).is_file() => Ok(()),
        named => named.with_context(|| format!("copy the sample to {}", destination.display())),
    }
}

async fn destination_folder(engine: &Engine) -> anyhow::Result<PathBuf> {
    let settings: Settings = engine.store().read(|c| store::setting::get(c, "settings")).await?.unwrap_or_default();
    if let Some(folder) = settings.samples_folder {
        return Ok(PathBuf::from(folder));
    }
    let documents = engine.options().documents.clone().unwrap_or_else(|| engine.workspace().folder().to_owned());
    Ok(documents.join("Slipway Samples"))
}
