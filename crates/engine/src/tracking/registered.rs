//! What a person does with the models that clients registered: the same as the clients, by the same functions.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use api::{
    ApiError, ModelId, RunId, VersionId,
    model::Model,
    registered::{
        ClientVersionDetail, DescribeModel, Described, GetClientVersion, MlModel, PutStages, RenameModel,
        SaveVersionFile, SetStage, Staged, TagModel,
    },
    run::{Artifact, SavedFile},
    tracking::{ClientVersion, VersionNotes},
};
use foreign::mlmodel;

use super::{
    artifacts::{self, Owner, Place},
    gone,
    registry::{
        self,
        source::{Located, locate},
    },
};
use crate::{Engine, error, model, output, run};

/// An `MLmodel` file is a few kilobytes.
const LONGEST_HEAD: u64 = 1 << 20;

async fn find(engine: &Engine, id: VersionId) -> anyhow::Result<(Model, ClientVersion)> {
    let found = engine
        .store()
        .read(move |c| {
            let Some(bare) = store::client_version::get(c, id)? else { return Ok(None) };
            let Some(row) = store::model::get(c, bare.model)? else { return Ok(None) };
            let model = model::of_row(c, row)?;
            let version = model.client_versions.iter().find(|version| version.id == id).cloned();
            Ok(version.map(|version| (model, version)))
        })
        .await?;
    found.ok_or_else(|| error::missing("model version of a client", id))
}

/// The model and the number of a version of either kind.
async fn place_of(engine: &Engine, id: VersionId) -> anyhow::Result<(ModelId, String)> {
    let found = engine
        .store()
        .read(move |c| {
            if let Some(version) = store::client_version::get(c, id)? {
                return Ok(Some((version.model, version.number)));
            }
            Ok(store::version::get(c, id)?.map(|row| (row.version.model, row.version.number)))
        })
        .await?;
    let (model, number) = found.ok_or_else(|| error::missing("model version", id))?;
    Ok((model, number.to_string()))
}

pub async fn get(engine: &Engine, request: GetClientVersion) -> anyhow::Result<ClientVersionDetail> {
    let (model, version) = find(engine, request.version).await?;
    let lineage = run::lineage::of_client_version(engine, &model.name, &version).await?;
    let (mut files, mut described, mut unreadable) = (None, None, None);
    if let Some((place, listed)) = folder(engine, &version).await? {
        if listed.iter().any(|file| file.path == mlmodel::FILE) {
            match head(&place).await {
                Ok(read) => described = Some(read),
                Err(error) => unreadable = Some(error::told(&error).message),
            }
        }
        files = Some(listed);
    }
    Ok(ClientVersionDetail { model, version, lineage, files, described, unreadable })
}

/// The version's folder with its files, where these are read through us: where it says that they lie, else those of the
/// logged model that it is.
async fn folder(engine: &Engine, version: &ClientVersion) -> anyhow::Result<Option<(Place, Vec<Artifact>)>> {
    let mut empty = None;
    for place in [named(engine, &version.location).await?, logged(engine, version).await?].into_iter().flatten() {
        let files = artifacts::files(&place).await?;
        if !files.is_empty() {
            return Ok(Some((place, files)));
        }
        empty.get_or_insert((place, files));
    }
    Ok(empty)
}

async fn named(engine: &Engine, location: &str) -> anyhow::Result<Option<Place>> {
    match locate(location) {
        Some(Located::Run(run, parts)) => {
            let row = engine.store().read(move |c| store::run::bare(c, run)).await?;
            Ok(row.map(|row| artifacts::seen_of_run(engine, &row, &parts)))
        }
        // What was deleted since has no files.
        Some(Located::Proxied(parts)) => Ok(artifacts::place(engine, &parts).await.ok()),
        None => Ok(None),
    }
}

/// A version whose files lie among a run's artifacts.
pub(crate) struct MadeOf {
    /// "churn v3".
    pub(crate) version: String,
    /// Of one that was deleted and can be taken back: by which it is purged.
    pub(crate) purged_by: Option<String>,
}

/// The version whose files lie among a run's artifacts at these parts, above or below them: one that stands before one
/// that can be taken back.
pub(crate) fn made_of(
    c: &store::Connection,
    run: RunId,
    parts: &[String],
    now_ms: i64,
) -> store::Result<Option<MadeOf>> {
    let own = |location: &str| match locate(location)? {
        Located::Run(of, parts) => (of == run).then_some(parts),
        Located::Proxied(all) => match artifacts::owner(&all)? {
            (Owner::Run(of), rest) => (of == run).then(|| rest.to_vec()),
            (Owner::Logged(_), _) => None,
        },
    };
    // Of an address that is not read through us nobody knows which of the files it means.
    let meets = |location: &str| own(location).is_none_or(|own| own.starts_with(parts) || parts.starts_with(&own));
    let id = run.to_string();
    let standing = store::client_version::lying_in(c, &id)?.into_iter().find(|(_, location)| meets(location));
    if let Some((version, _)) = standing {
        return Ok(Some(MadeOf { version, purged_by: None }));
    }
    let deleted = gone::lying_in(c, &id, now_ms)?.into_iter().find(|one| meets(&one.location));
    Ok(deleted.map(|one| MadeOf { version: one.version, purged_by: Some(one.title) }))
}

async fn logged(engine: &Engine, version: &ClientVersion) -> anyhow::Result<Option<Place>> {
    let Some(id) = version.logged.clone() else { return Ok(None) };
    let known = engine.store().read(move |c| store::logged_model::bare(c, &id)).await?;
    match known {
        Some(model) => Ok(Some(artifacts::of_logged(engine, &model.id, &[]).await?)),
        None => Ok(None),
    }
}

/// What the `MLmodel` file of a folder says.
pub(super) async fn head(place: &Place) -> anyhow::Result<MlModel> {
    let file = artifacts::file(&place.below(mlmodel::FILE)).await?;
    tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        let read = file.take(LONGEST_HEAD + 1).read_to_string(&mut text);
        read.map_err(|error| ApiError::invalid(format!("MLmodel can't be read: {error}.")))?;
        if text.len() as u64 > LONGEST_HEAD {
            bail!(ApiError::invalid("MLmodel is larger than 1 MiB, which no model's is."));
        }
        mlmodel::read(&text).map_err(|why| ApiError::invalid(format!("MLmodel can't be read: {why}.")).into())
    })
    .await?
}

/// A file of a version, open to be read, if it is one of those that are listed.
pub async fn file(engine: &Engine, version: VersionId, path: &str) -> anyhow::Result<std::fs::File> {
    let (model, version) = find(engine, version).await?;
    let found = folder(engine, &version).await?;
    match found.filter(|(_, files)| files.iter().any(|file| file.path == path)) {
        Some((place, _)) => artifacts::file(&place.below(path)).await,
        None => bail!(
            ApiError::not_found(format!("{}:{} has no file \"{path}\".", model.name, version.number))
                .with_hint("`slipway model show` lists its files.")
        ),
    }
}

pub async fn save_file(engine: &Engine, request: SaveVersionFile) -> anyhow::Result<SavedFile> {
    let from = file(engine, request.version, &request.path).await?;
    output::save(engine, from, &request.to).await
}

/// Moves a version to a stage, and says where those stood that moved.
pub async fn set_stage(engine: &Engine, request: SetStage) -> anyhow::Result<Vec<Staged>> {
    let (model, number) = place_of(engine, request.version).await?;
    let before = registry::get(engine, model).await?;
    registry::transition(engine, model, &number, request.stage, request.archive).await?;
    let after = registry::get(engine, model).await?;
    let moved = |version: &&registry::Version| {
        let now = after.versions.iter().find(|after| after.id == version.id);
        now.is_some_and(|now| now.notes.stage != version.notes.stage)
    };
    let staged = |version: &registry::Version| Staged { version: version.id, stage: version.notes.stage };
    Ok(before.versions.iter().filter(moved).map(staged).collect())
}

pub async fn put_stages(engine: &Engine, request: PutStages) -> anyhow::Result<()> {
    for Staged { version, stage } in request.stages {
        let (model, number) = place_of(engine, version).await?;
        registry::transition(engine, model, &number, stage, false).await?;
    }
    Ok(())
}

pub async fn tag(engine: &Engine, request: TagModel) -> anyhow::Result<()> {
    let (model, number) = match request.of {
        Described::Model(model) => (model, None),
        Described::Version(version) => {
            let (model, number) = place_of(engine, version).await?;
            (model, Some(number))
        }
    };
    registry::tag(engine, model, number.as_deref(), request.key, request.value).await
}

pub async fn describe(engine: &Engine, request: DescribeModel) -> anyhow::Result<()> {
    match request.of {
        Described::Model(model) => drop(registry::edit(engine, model, None, Some(request.notes)).await?),
        Described::Version(version) => {
            let (model, number) = place_of(engine, version).await?;
            let change = |notes: &mut VersionNotes| notes.notes = request.notes;
            drop(registry::edit_version(engine, model, &number, change).await?);
        }
    }
    Ok(())
}

pub async fn rename(engine: &Engine, request: RenameModel) -> anyhow::Result<Model> {
    let name = request.name.trim().to_owned();
    registry::edit(engine, request.model, Some(name), None).await?;
    let id = request.model;
    let found = engine.store().read(move |c| store::model::get(c, id)?.map(|row| model::of_row(c, row)).transpose());
    found.await?.with_context(|| format!("read the model {id}"))
}

/// Points an alias at a version that a client registered, or removes it from a model that one registered. `false` where
/// it is about neither.
pub(crate) async fn set_alias(
    engine: &Engine,
    model: ModelId,
    alias: &str,
    version: Option<VersionId>,
) -> anyhow::Result<bool> {
    let (row, found) = engine
        .store()
        .read(move |c| {
            let found = version.map(|id| store::client_version::get(c, id)).transpose()?.flatten();
            Ok((store::model::get(c, model)?, found))
        })
        .await?;
    let Some(row) = row else { bail!(error::missing("model", model)) };
    match (found, version) {
        (Some(found), _) if found.model != model => {
            bail!(ApiError::not_found(format!("{} has no such version.", row.name)))
        }
        (Some(found), _) => registry::set_alias(engine, model, alias, Some(&found.number.to_string())).await?,
        (None, None) if row.project.is_none() => registry::set_alias(engine, model, alias, None).await?,
        _ => return Ok(false),
    }
    Ok(true)
}
