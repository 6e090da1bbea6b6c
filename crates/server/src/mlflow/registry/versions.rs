//! `model-versions/…`.

use axum::{Json, extract::State};
use engine::{
    ballast::freeing,
    tracking::registry::{self, NewVersion, Version, searching},
};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Answer, Done, done,
        failure::Failure,
        fields::{Fields, required},
        wire::{Pair, page_token, pairs},
    },
    Search, check_tag, name, stage, tags,
};
use crate::Host;

const DEFAULT_RESULTS: i64 = 200_000;
const MOST_RESULTS: i64 = 200_000;

#[derive(Debug, Serialize)]
pub(in crate::mlflow) struct WireVersion {
    name: String,
    version: String,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    current_stage: &'static str,
    description: String,
    source: String,
    run_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair>,
    run_link: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_id: Option<String>,
}

impl From<Version> for WireVersion {
    fn from(version: Version) -> Self {
        Self {
            version: version.number.to_string(),
            creation_timestamp: version.created_ms,
            last_updated_timestamp: version.notes.updated_ms,
            user_id: version.user,
            current_stage: version.notes.stage.word(),
            description: version.notes.notes,
            source: version.source,
            run_id: version.run_told.unwrap_or_default(),
            status: "READY",
            tags: pairs(&version.tags),
            run_link: version.run_link.unwrap_or_default(),
            aliases: version.aliases,
            model_id: version.logged,
            name: version.name,
        }
    }
}

#[derive(Debug, Serialize)]
pub(in crate::mlflow) struct One {
    model_version: WireVersion,
}

pub(super) fn one(version: Version) -> Json<One> {
    Json(One { model_version: version.into() })
}

#[derive(Debug, Deserialize)]
pub(in crate::mlflow) struct Create {
    name: Option<String>,
    source: Option<String>,
    run_id: Option<String>,
    #[serde(default)]
    tags: Vec<Pair>,
    run_link: Option<String>,
    description: Option<String>,
    model_id: Option<String>,
}

pub(in crate::mlflow) async fn create(State(host): State<Host>, Fields(asked): Fields<Create>) -> Answer<One> {
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let source = required(filled(asked.source), "source")?;
    let new = NewVersion {
        source,
        run: filled(asked.run_id),
        run_link: filled(asked.run_link),
        description: asked.description,
        logged: filled(asked.model_id),
        user: None,
        tags: tags(asked.tags)?,
    };
    Ok(one(registry::add_version(&host.engine, &name(asked.name)?, new).await?))
}

#[derive(Debug, Deserialize)]
pub(in crate::mlflow) struct Edit {
    name: Option<String>,
    version: Option<String>,
    description: Option<String>,
    stage: Option<String>,
    #[serde(default)]
    archive_existing_versions: Option<serde_json::Value>,
    key: Option<String>,
    #[serde(default)]
    value: String,
}

impl Edit {
    fn which(&self) -> Result<(String, String), Failure> {
        let version = self.version.clone().filter(|version| !version.is_empty());
        Ok((name(self.name.clone())?, required(version, "version")?))
    }
}

pub(in crate::mlflow) async fn update(State(host): State<Host>, Fields(asked): Fields<Edit>) -> Answer<One> {
    let (name, version) = asked.which()?;
    let description = asked.description;
    let change = |notes: &mut api::tracking::VersionNotes| {
        if let Some(description) = description {
            notes.notes = description;
        }
    };
    Ok(one(registry::edit_version(&host.engine, &name, &version, change).await?))
}

pub(in crate::mlflow) async fn transition(State(host): State<Host>, Fields(asked): Fields<Edit>) -> Answer<One> {
    let (name, version) = asked.which()?;
    let stage = stage(&required(asked.stage, "stage")?)?;
    let archive = asked.archive_existing_versions.is_some_and(|archive| match archive {
        serde_json::Value::Bool(archive) => archive,
        serde_json::Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    });
    Ok(one(registry::transition(&host.engine, &name, &version, stage, archive).await?))
}

pub(in crate::mlflow) async fn delete(State(host): State<Host>, Fields(asked): Fields<Edit>) -> Done {
    let (name, version) = asked.which()?;
    freeing(&host.engine, registry::delete_version(&host.engine, &name, &version)).await?;
    Ok(done())
}

pub(in crate::mlflow) async fn get(State(host): State<Host>, Fields(asked): Fields<Edit>) -> Answer<One> {
    let (name, version) = asked.which()?;
    Ok(one(registry::version(&host.engine, &name, &version).await?))
}

#[derive(Debug, Serialize)]
pub(in crate::mlflow) struct Found {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_versions: Vec<WireVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

pub(in crate::mlflow) async fn search(State(host): State<Host>, Fields(asked): Fields<Search>) -> Answer<Found> {
    let sought = asked.sought(DEFAULT_RESULTS, MOST_RESULTS)?;
    let found = searching::versions_found(&host.engine, sought).await?;
    let next_page_token = found.has_more.then(|| page_token(found.end));
    Ok(Json(Found { model_versions: found.page.into_iter().map(WireVersion::from).collect(), next_page_token }))
}

#[derive(Debug, Serialize)]
pub(in crate::mlflow) struct Uri {
    artifact_uri: String,
}

pub(in crate::mlflow) async fn download_uri(State(host): State<Host>, Fields(asked): Fields<Edit>) -> Answer<Uri> {
    let (name, version) = asked.which()?;
    let version = registry::version(&host.engine, &name, &version).await?;
    Ok(Json(Uri { artifact_uri: version.location }))
}

pub(in crate::mlflow) async fn set_tag(State(host): State<Host>, Fields(asked): Fields<Edit>) -> Done {
    let (name, version) = asked.which()?;
    let key = check_tag(asked.key, &asked.value)?;
    registry::tag(&host.engine, &name, Some(&version), key, Some(asked.value)).await?;
    Ok(done())
}

pub(in crate::mlflow) async fn delete_tag(State(host): State<Host>, Fields(asked): Fields<Edit>) -> Done {
    let (name, version) = asked.which()?;
    let key = check_tag(asked.key, "")?;
    registry::tag(&host.engine, &name, Some(&version), key, None).await?;
    Ok(done())
}
