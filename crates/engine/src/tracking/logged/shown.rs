//! Logged models for a person: those that a run made or experiments hold, and one with its files and versions.

use std::fs::File;

use anyhow::bail;
use api::{
    ApiError, RunId,
    logged::{GetLogged, ListLogged, LoggedBy, LoggedDetail, LoggedList, LoggedVersion, MOST},
    tracking::{LoggedModel, Scope},
};
use foreign::mlmodel;

use super::missing;
use crate::{
    Engine, error,
    run::{self, lineage},
    tracking::{artifacts, registered},
};

pub async fn list(engine: &Engine, request: ListLogged) -> anyhow::Result<LoggedList> {
    if let LoggedBy::Run(run) = request.of {
        run::find(engine, run).await?;
    }
    let models = engine.store().read(move |c| match request.of {
        LoggedBy::Run(run) => {
            let made = lineage::made_by(c, run, &store::run_input::models(c, run)?)?;
            made.iter().map(|id| store::logged_model::get(c, id)).filter_map(Result::transpose).collect()
        }
        LoggedBy::Within(scope) => within(c, scope),
    });
    let mut models: Vec<LoggedModel> = models.await?;
    models.retain(|model| model.deleted_ms.is_none());
    models.sort_by(|left, right| right.created_ms.cmp(&left.created_ms).then(right.id.cmp(&left.id)));
    let total = models.len() as u64;
    models.truncate(MOST);
    Ok(LoggedList { models, total })
}

fn within(c: &store::Connection, scope: Scope) -> store::Result<Vec<LoggedModel>> {
    let experiments = match scope {
        Scope::Project(project) => store::experiment::all_of_project(c, project)?,
        Scope::Experiment(experiment) => vec![experiment],
        Scope::All => store::experiment::there(c)?,
    };
    let each = experiments.into_iter().map(|experiment| store::logged_model::of_experiment(c, experiment));
    Ok(each.collect::<store::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

pub async fn get(engine: &Engine, request: GetLogged) -> anyhow::Result<LoggedDetail> {
    let id = request.model;
    let wanted = id.clone();
    let found = engine
        .store()
        .read(move |c| {
            let Some(model) = store::logged_model::get(c, &wanted)? else { return Ok(None) };
            let experiment = store::experiment::get(c, model.experiment)?.map(|experiment| experiment.name);
            let run = model.run.map(|run| store::run::bare(c, run)).transpose()?.flatten();
            let project = |run: Option<RunId>| -> store::Result<_> {
                let row = run.map(|run| store::run::bare(c, run)).transpose()?.flatten();
                Ok(row.and_then(|row| row.run.project))
            };
            let versions = store::client_version::of_logged(c, &model.id)?.into_iter().map(|(name, version)| {
                Ok(LoggedVersion {
                    page: lineage::version_page(version.id, project(version.run)?),
                    id: version.id,
                    name,
                    number: version.number,
                    aliases: version.aliases,
                })
            });
            let versions = versions.collect::<store::Result<Vec<_>>>()?;
            Ok(Some((model, experiment, run, versions)))
        })
        .await?;
    let Some((model, experiment, run, versions)) = found else {
        bail!(missing(&id).with_hint("List them: `slipway model logged list`."));
    };
    let place = artifacts::of_logged(engine, &model.id, &[]).await?;
    let files = artifacts::files(&place).await?;
    let (mut described, mut unreadable) = (None, None);
    if files.iter().any(|file| file.path == mlmodel::FILE) {
        match registered::head(&place).await {
            Ok(read) => described = Some(read),
            Err(error) => unreadable = Some(error::told(&error).message),
        }
    }
    let lineage = lineage::of_logged(engine, &model).await?;
    Ok(LoggedDetail {
        run: run.map(|row| (row.run.name.clone(), row.run.page())),
        experiment_name: experiment.unwrap_or_default(),
        model,
        versions,
        files,
        described,
        unreadable,
        lineage,
    })
}

/// A file of a logged model, open to be read, if it is one of those that are listed.
pub async fn file(engine: &Engine, model: &str, path: &str) -> anyhow::Result<File> {
    let wanted = model.to_owned();
    if engine.store().read(move |c| store::logged_model::bare(c, &wanted)).await?.is_none() {
        bail!(missing(model));
    }
    let place = artifacts::of_logged(engine, model, &[]).await?;
    if !artifacts::files(&place).await?.iter().any(|file| file.path == path) {
        bail!(ApiError::not_found(format!("The logged model has no file \"{path}\".")));
    }
    artifacts::file(&place.below(path)).await
}
