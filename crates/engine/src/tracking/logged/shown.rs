//! Logged models for a person: those that a run made or experiments hold, and one with its files and versions.

use std::{collections::BTreeMap, fs::File};

use anyhow::bail;
use api::{
    ApiError, RunId,
    logged::{GetLogged, ListLogged, LoggedBy, LoggedDetail, LoggedList, LoggedPlace, LoggedVersion, MOST},
    tracking::LoggedModel,
};
use foreign::mlmodel;
use store::logged_model::Whose;

use super::missing;
use crate::{
    Engine, error,
    run::{self, lineage},
    tracking::{artifacts, registered},
};

pub async fn list(engine: &Engine, request: ListLogged) -> anyhow::Result<LoggedList> {
    let ListLogged { of, deleted } = request;
    if let LoggedBy::Run(run) = of {
        run::find(engine, run).await?;
    }
    let read = move |c: &store::Connection| {
        let (listed, there, gone) = match of {
            LoggedBy::Run(run) => of_run(c, run, deleted)?,
            LoggedBy::Within(scope) => of_many(c, Whose::Within(scope), deleted)?,
            LoggedBy::NoRun => of_many(c, Whose::NoRun, deleted)?,
        };
        let models = listed.into_iter().map(|model| store::logged_model::whole(c, model));
        let models = models.collect::<store::Result<Vec<_>>>()?;
        let mut experiments = BTreeMap::new();
        let mut places = Vec::with_capacity(models.len());
        for model in &models {
            let experiment = match experiments.get(&model.experiment) {
                Some(name) => String::clone(name),
                None => {
                    let found = store::experiment::get(c, model.experiment)?;
                    let name = found.map(|found| found.name).unwrap_or_default();
                    experiments.insert(model.experiment, name.clone());
                    name
                }
            };
            let run = model.run.map(|run| store::run::bare(c, run)).transpose()?.flatten();
            places.push(LoggedPlace { run: run.map(|row| row.run.name), experiment });
        }
        Ok(LoggedList { models, places, total: if deleted { gone } else { there }, deleted: gone })
    };
    Ok(engine.store().read(read).await?)
}

/// Those that are listed, without their params, tags and figures; how many are there, and how many were deleted.
type Found = (Vec<LoggedModel>, u64, u64);

fn of_run(c: &store::Connection, run: RunId, deleted: bool) -> store::Result<Found> {
    let made = lineage::made_by(c, run, &store::run_input::models(c, run)?)?;
    let all = made.iter().map(|id| store::logged_model::bare(c, id)).filter_map(Result::transpose);
    let all = all.collect::<store::Result<Vec<_>>>()?;
    let (gone, there): (Vec<_>, Vec<_>) = all.into_iter().partition(|model| model.deleted_ms.is_some());
    let counts = (there.len() as u64, gone.len() as u64);
    let mut listed = if deleted { gone } else { there };
    listed.sort_by(|left, right| right.created_ms.cmp(&left.created_ms).then(right.id.cmp(&left.id)));
    listed.truncate(MOST);
    Ok((listed, counts.0, counts.1))
}

fn of_many(c: &store::Connection, whose: Whose, deleted: bool) -> store::Result<Found> {
    let (there, gone) = store::logged_model::counts(c, whose)?;
    Ok((store::logged_model::newest(c, whose, deleted, MOST)?, there, gone))
}

pub async fn get(engine: &Engine, request: GetLogged) -> anyhow::Result<LoggedDetail> {
    let id = request.model;
    let wanted = id.clone();
    let found = engine
        .store()
        .read(move |c| {
            let wanted = super::named(c, &wanted, false)?;
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
