//! Models and versions by the names that people use.

use std::path::Path;

use anyhow::bail;
use api::{
    ApiError, ErrorCode, ModelId, ProjectId, VersionId,
    model::{FindVersion, Model, Version},
    registered::{FindModel, NOT_DEPLOYABLE, NamedVersion, ResolveVersion, models_uri},
};
use store::model::ModelRow;

use super::{find_row, of_row};
use crate::{Engine, error, project, tracking::experiments::in_a_shell};

/// Which version of a model is meant.
enum Selector {
    Newest,
    Alias(String),
    Number(String),
}

/// A version of either kind.
struct Known<'a> {
    id: VersionId,
    number: u32,
    aliases: &'a [String],
    of_client: bool,
}

/// Newest first.
fn versions(model: &Model) -> Vec<Known<'_>> {
    let ours = model.versions.iter().map(|one| Known {
        id: one.id,
        number: one.number,
        aliases: &one.aliases,
        of_client: false,
    });
    let clients = model.client_versions.iter().map(|one| Known {
        id: one.id,
        number: one.number,
        aliases: &one.aliases,
        of_client: true,
    });
    let mut all: Vec<Known<'_>> = ours.chain(clients).collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.number));
    all
}

/// `NAME`, `NAME@ALIAS`, `NAME:NUMBER`, or `NAME/NUMBER` as MLflow has it: the ways in which it can be read, a whole
/// name first.
fn readings(reference: &str) -> Vec<(String, Selector)> {
    let mut all = vec![(reference.to_owned(), Selector::Newest)];
    if let Some((name, alias)) = reference.rsplit_once('@') {
        all.push((name.to_owned(), Selector::Alias(alias.to_owned())));
    }
    if let Some((name, number)) = reference.rsplit_once([':', '/']) {
        all.push((name.to_owned(), Selector::Number(number.trim_start_matches('v').to_owned())));
    }
    all
}

/// The models of a name: those of a project, then those that belong to none, where a project is given; else all.
async fn named(
    engine: &Engine,
    name: &str,
    project: Option<ProjectId>,
) -> anyhow::Result<(Vec<Model>, Option<ProjectId>)> {
    let wanted = name.to_owned();
    Ok(engine
        .store()
        .read(move |c| {
            let rows = store::model::named(c, &wanted)?;
            let elsewhere = rows.iter().find_map(|row| row.project.filter(|own| Some(*own) != project));
            let is_meant = |row: &ModelRow| project.is_none() || row.project.is_none() || row.project == project;
            let mut meant: Vec<ModelRow> = rows.into_iter().filter(is_meant).collect();
            // The project's own stands before a client's of the same name.
            if project.is_some() && meant.iter().any(|row| row.project.is_some()) {
                meant.retain(|row| row.project.is_some());
            }
            Ok((meant.into_iter().map(|row| of_row(c, row)).collect::<store::Result<Vec<_>>>()?, elsewhere))
        })
        .await?)
}

/// The only model of a name.
async fn only(engine: &Engine, name: &str, project: Option<ProjectId>) -> anyhow::Result<Model> {
    let (mut models, elsewhere) = named(engine, name, project).await?;
    match (models.len(), elsewhere) {
        (1, _) => Ok(models.remove(0)),
        (0, Some(other)) => {
            let other = project::find(engine, other).await?;
            let other = project::name_of(&other.file, Path::new(&other.path));
            bail!(
                ApiError::not_found(format!("This project has no model \"{name}\"."))
                    .with_hint(format!("{other} has one: name that project with `--project`."))
            )
        }
        (0, None) => bail!(
            ApiError::not_found(format!("There is no model \"{name}\".")).with_hint("`slipway model list` names them.")
        ),
        (many, _) => {
            let ids = models.iter().map(|model| model.id.to_string()).collect::<Vec<_>>().join(", ");
            bail!(
                ApiError::new(ErrorCode::Conflict, format!("{many} models are called \"{name}\"."))
                    .with_hint(format!("Say which project is meant (`--project`), or name one by its id: {ids}."))
            )
        }
    }
}

/// A model by its name or id.
pub async fn model(engine: &Engine, request: FindModel) -> anyhow::Result<Model> {
    let name = request.name.trim();
    if let Ok(id) = name.parse::<ModelId>() {
        let found = engine.store().read(move |c| store::model::get(c, id)?.map(|row| of_row(c, row)).transpose());
        return found.await?.ok_or_else(|| error::missing("model", id));
    }
    only(engine, name, request.project).await
}

/// A version of either kind, by its id or as [`ResolveVersion`] says.
pub async fn resolve(engine: &Engine, request: ResolveVersion) -> anyhow::Result<NamedVersion> {
    let reference = request.reference.trim();
    // As MLflow addresses a version.
    let reference = reference.strip_prefix("models:/").unwrap_or(reference);
    if let Ok(id) = reference.parse::<VersionId>() {
        return by_id(engine, id).await;
    }
    let readings = readings(reference);
    let mut chosen = None;
    for (name, selector) in &readings {
        if !named(engine, name, request.project).await?.0.is_empty() {
            chosen = Some((name, selector));
            break;
        }
    }
    // Where no reading names a model, the last says it: its name is without the version.
    let Some((name, selector)) = chosen.or_else(|| readings.last().map(|(name, selector)| (name, selector))) else {
        bail!(ApiError::invalid("A version needs a name."))
    };
    let model = only(engine, name, request.project).await?;
    let all = versions(&model);
    let found = match selector {
        Selector::Newest => all.first(),
        Selector::Alias(alias) => all.iter().find(|version| version.aliases.contains(alias)),
        Selector::Number(number) => all.iter().find(|version| version.number.to_string() == *number),
    };
    let Some(found) = found else {
        let known: Vec<String> = all
            .iter()
            .flat_map(|version| {
                let aliases = version.aliases.iter().map(|alias| format!("@{alias}"));
                aliases.chain([format!(":{}", version.number)])
            })
            .take(8)
            .collect();
        let known = if known.is_empty() { "no version yet".to_owned() } else { known.join(", ") };
        bail!(
            ApiError::not_found(format!("There is no version \"{reference}\"."))
                .with_hint(format!("{name} has {known}."))
        )
    };
    Ok(NamedVersion {
        model: model.id,
        name: model.name.clone(),
        version: found.id,
        number: found.number,
        of_client: found.of_client,
    })
}

async fn by_id(engine: &Engine, id: VersionId) -> anyhow::Result<NamedVersion> {
    let found = engine
        .store()
        .read(move |c| {
            let own = store::version::get(c, id)?.map(|row| (row.version.model, row.version.number, false));
            let found = match own {
                Some(own) => Some(own),
                None => store::client_version::get(c, id)?.map(|version| (version.model, version.number, true)),
            };
            let Some((model, number, of_client)) = found else { return Ok(None) };
            let name = store::model::get(c, model)?.map(|row| row.name).unwrap_or_default();
            Ok(Some(NamedVersion { model, name, version: id, number, of_client }))
        })
        .await?;
    found.ok_or_else(|| error::missing("model version", id))
}

/// A version that we made.
pub async fn find(engine: &Engine, request: FindVersion) -> anyhow::Result<Version> {
    let FindVersion { reference, project } = request;
    let found = resolve(engine, ResolveVersion { reference, project }).await?;
    if found.of_client {
        bail!(not_ours(&found));
    }
    Ok(find_row(engine, found.version).await?.version)
}

/// What serves a version of a client's instead of us.
fn not_ours(found: &NamedVersion) -> ApiError {
    let address = in_a_shell(&models_uri(&found.name, found.number));
    ApiError::new(ErrorCode::Conflict, format!("{}:{}: {NOT_DEPLOYABLE}", found.name, found.number)).with_hint(format!(
        "MLflow serves it: `mlflow models serve -m {address}`, where MLFLOW_TRACKING_URI is what `slipway tracking` prints. \
         `slipway model show {}` says how Python loads it.",
        found.version
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reference: &str) -> Vec<(String, String)> {
        let told = |selector| match selector {
            Selector::Newest => "newest".to_owned(),
            Selector::Alias(alias) => format!("@{alias}"),
            Selector::Number(number) => format!(":{number}"),
        };
        readings(reference).into_iter().map(|(name, selector)| (name, told(selector))).collect()
    }

    #[test]
    fn a_reference_is_read_as_a_name_first() {
        let pair = |name: &str, what: &str| (name.to_owned(), what.to_owned());
        assert_eq!(read("fraud"), [pair("fraud", "newest")]);
        assert_eq!(read("fraud:v2"), [pair("fraud:v2", "newest"), pair("fraud", ":2")]);
        assert_eq!(read("fraud/2"), [pair("fraud/2", "newest"), pair("fraud", ":2")]);
        assert_eq!(read("a@b@champion"), [pair("a@b@champion", "newest"), pair("a@b", "@champion")]);
    }
}
