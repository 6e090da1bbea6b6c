//! `registered-models/…` and, in [`versions`], `model-versions/…`.

pub(super) mod versions;

use axum::{Json, extract::State};
use engine::{
    ballast::freeing,
    tracking::registry::{
        self, Registered,
        searching::{self, Sought},
    },
};
use serde::{Deserialize, Serialize};

use api::tracking::Stage;

use super::{
    Answer, Done, done,
    failure::Failure,
    fields::{Fields, Int, many, required},
    wire::{Pair, offset, page_token, pairs},
};
use crate::Host;
use versions::WireVersion;

const DEFAULT_RESULTS: i64 = 100;
const MOST_RESULTS: i64 = 1_000;

#[derive(Debug, Serialize)]
pub(super) struct WireModel {
    name: String,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    latest_versions: Vec<WireVersion>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<Alias>,
}

#[derive(Debug, Serialize)]
struct Alias {
    alias: String,
    version: String,
}

impl From<Registered> for WireModel {
    fn from(model: Registered) -> Self {
        let aliases = model.aliases().into_iter().map(|(alias, number)| Alias { alias, version: number.to_string() });
        Self {
            latest_versions: model.latest(&[]).into_iter().cloned().map(WireVersion::from).collect(),
            aliases: aliases.collect(),
            tags: pairs(&model.tags),
            name: model.name,
            creation_timestamp: model.row.created_ms,
            last_updated_timestamp: model.row.updated_ms,
            description: model.row.notes,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct One {
    registered_model: WireModel,
}

fn one(model: Registered) -> Json<One> {
    Json(One { registered_model: model.into() })
}

/// The name of a model; an empty one is none.
pub(super) fn name(name: Option<String>) -> Result<String, Failure> {
    required(name.filter(|name| !name.is_empty()), "name")
}

pub(super) fn check_tag(key: Option<String>, value: &str) -> Result<String, Failure> {
    let key = required(key.filter(|key| !key.is_empty()), "key")?;
    registry::check_tag(&key, value)?;
    Ok(key)
}

pub(super) fn tags(list: Vec<Pair>) -> Result<Vec<(String, String)>, Failure> {
    list.into_iter().map(|tag| Ok((check_tag(Some(tag.key), &tag.value)?, tag.value))).collect()
}

#[derive(Debug, Deserialize)]
pub(super) struct Create {
    name: Option<String>,
    #[serde(default)]
    tags: Vec<Pair>,
    description: Option<String>,
}

pub(super) async fn create(State(host): State<Host>, Fields(asked): Fields<Create>) -> Answer<One> {
    let tags = tags(asked.tags)?;
    let created = registry::create(&host.engine, &name(asked.name)?, asked.description, tags).await;
    Ok(one(created.map_err(Failure::of_name)?))
}

#[derive(Debug, Deserialize)]
pub(super) struct Edit {
    name: Option<String>,
    new_name: Option<String>,
    description: Option<String>,
}

pub(super) async fn rename(State(host): State<Host>, Fields(asked): Fields<Edit>) -> Answer<One> {
    let new_name = required(asked.new_name.filter(|name| !name.is_empty()), "new_name")?;
    let renamed = registry::edit(&host.engine, &name(asked.name)?, Some(new_name), None).await;
    Ok(one(renamed.map_err(Failure::of_name)?))
}

pub(super) async fn update(State(host): State<Host>, Fields(asked): Fields<Edit>) -> Answer<One> {
    Ok(one(registry::edit(&host.engine, &name(asked.name)?, None, asked.description).await?))
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    name: Option<String>,
    #[serde(default, deserialize_with = "many")]
    stages: Vec<String>,
}

pub(super) async fn delete(State(host): State<Host>, Fields(asked): Fields<Named>) -> Done {
    freeing(&host.engine, registry::delete(&host.engine, &name(asked.name)?)).await?;
    Ok(done())
}

pub(super) async fn get(State(host): State<Host>, Fields(asked): Fields<Named>) -> Answer<One> {
    Ok(one(registry::get(&host.engine, &name(asked.name)?).await?))
}

#[derive(Debug, Serialize)]
pub(super) struct Latest {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_versions: Vec<WireVersion>,
}

pub(super) async fn latest_versions(State(host): State<Host>, Fields(asked): Fields<Named>) -> Answer<Latest> {
    let stages = asked.stages.iter().map(|text| stage(text)).collect::<Result<Vec<_>, _>>()?;
    let model = registry::get(&host.engine, &name(asked.name)?).await?;
    let model_versions = model.latest(&stages).into_iter().cloned().map(WireVersion::from).collect();
    Ok(Json(Latest { model_versions }))
}

/// A stage by its name in any case.
pub(super) fn stage(text: &str) -> Result<Stage, Failure> {
    Stage::ALL.into_iter().find(|stage| stage.word().eq_ignore_ascii_case(text)).ok_or_else(|| {
        Failure::invalid(format!(
            "Invalid Model Version stage: {text}. Value must be one of None, Staging, Production, Archived."
        ))
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    filter: Option<String>,
    max_results: Option<Int>,
    #[serde(default, deserialize_with = "many")]
    order_by: Vec<String>,
    page_token: Option<String>,
}

impl Search {
    fn sought(self, default: i64, limit: i64) -> Result<Sought, Failure> {
        let most = results(self.max_results, default, limit)?;
        let skip = offset(self.page_token.as_deref())?;
        Ok(Sought { filter: self.filter.unwrap_or_default(), order: self.order_by, skip, most })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Found {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    registered_models: Vec<WireModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

fn results(most: Option<Int>, default: i64, limit: i64) -> Result<u64, Failure> {
    let most = most.map_or(default, |most| most.0);
    u64::try_from(most).ok().filter(|_| (1..=limit).contains(&most)).ok_or_else(|| {
        Failure::invalid(format!(
            "Invalid value for max_results. It must be between 1 and {limit}, but got value {most}"
        ))
    })
}

pub(super) async fn search(State(host): State<Host>, Fields(asked): Fields<Search>) -> Answer<Found> {
    let sought = asked.sought(DEFAULT_RESULTS, MOST_RESULTS)?;
    let found = searching::models_found(&host.engine, sought).await?;
    let next_page_token = found.has_more.then(|| page_token(found.end));
    Ok(Json(Found { registered_models: found.page.into_iter().map(WireModel::from).collect(), next_page_token }))
}

#[derive(Debug, Deserialize)]
pub(super) struct Tag {
    name: Option<String>,
    key: Option<String>,
    #[serde(default)]
    value: String,
}

pub(super) async fn set_tag(State(host): State<Host>, Fields(asked): Fields<Tag>) -> Done {
    let key = check_tag(asked.key, &asked.value)?;
    registry::tag(&host.engine, &name(asked.name)?, None, key, Some(asked.value)).await?;
    Ok(done())
}

pub(super) async fn delete_tag(State(host): State<Host>, Fields(asked): Fields<Tag>) -> Done {
    let key = check_tag(asked.key, "")?;
    registry::tag(&host.engine, &name(asked.name)?, None, key, None).await?;
    Ok(done())
}

#[derive(Debug, Deserialize)]
pub(super) struct OfAlias {
    name: Option<String>,
    alias: Option<String>,
    version: Option<String>,
}

pub(super) async fn set_alias(State(host): State<Host>, Fields(asked): Fields<OfAlias>) -> Done {
    let (alias, version) = (required(asked.alias, "alias")?, required(asked.version, "version")?);
    registry::set_alias(&host.engine, &name(asked.name)?, &alias, Some(&version)).await?;
    Ok(done())
}

pub(super) async fn delete_alias(State(host): State<Host>, Fields(asked): Fields<OfAlias>) -> Done {
    registry::set_alias(&host.engine, &name(asked.name)?, &required(asked.alias, "alias")?, None).await?;
    Ok(done())
}

pub(super) async fn by_alias(State(host): State<Host>, Fields(asked): Fields<OfAlias>) -> Answer<versions::One> {
    let alias = required(asked.alias, "alias")?;
    Ok(versions::one(registry::by_alias(&host.engine, &name(asked.name)?, &alias).await?))
}
