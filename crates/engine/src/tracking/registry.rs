//! The registry as MLflow's clients see it: models and versions of both kinds, those that we made and those that
//! clients registered.

mod named;
pub mod searching;
pub(super) mod source;

use std::collections::BTreeMap;

use anyhow::bail;
use api::{
    ApiError, ErrorCode, ModelId, ProjectId, RunId, VersionId,
    event::Tag,
    tracking::{ClientVersion, Stage, VersionNotes},
};
use store::{model::ModelRow, version::VersionRow};

use super::texts;
use crate::Engine;

/// A version of either kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    pub id: VersionId,
    pub model: ModelId,
    /// By which clients know its model.
    pub name: String,
    pub number: u32,
    pub run: Option<RunId>,
    /// The run's id as its client told it, which may be none of ours.
    pub run_told: Option<String>,
    pub run_link: Option<String>,
    /// What it was registered from; of one that we made, the run that made it.
    pub source: String,
    /// Where its files lie, whatever became of what the source names.
    pub location: String,
    pub logged: Option<String>,
    pub user: Option<String>,
    pub created_ms: i64,
    pub aliases: Vec<String>,
    pub tags: BTreeMap<String, String>,
    pub notes: VersionNotes,
    /// A client registered it.
    pub of_client: bool,
}

/// A model with all of its versions, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// By which clients know it: its own, with its project's behind it where others have that, too.
    pub name: String,
    pub row: ModelRow,
    pub tags: BTreeMap<String, String>,
    pub versions: Vec<Version>,
}

impl Registered {
    /// The newest version of each stage; first that of the stage in which the oldest version stands, as in MLflow.
    pub fn latest(&self, stages: &[Stage]) -> Vec<&Version> {
        let is_asked = |version: &&Version| stages.is_empty() || stages.contains(&version.notes.stage);
        let mut latest: Vec<&Version> = Vec::new();
        for version in self.versions.iter().rev().filter(is_asked) {
            match latest.iter_mut().find(|known| known.notes.stage == version.notes.stage) {
                Some(known) => *known = version,
                None => latest.push(version),
            }
        }
        latest
    }

    pub fn aliases(&self) -> Vec<(String, u32)> {
        let of = |version: &Version| {
            let number = version.number;
            version.aliases.iter().map(move |alias| (alias.clone(), number)).collect::<Vec<_>>()
        };
        let mut all: Vec<(String, u32)> = self.versions.iter().flat_map(of).collect();
        all.sort_unstable();
        all
    }
}

fn read(c: &store::Connection, row: ModelRow) -> store::Result<Registered> {
    let name = named::told(c, &row)?;
    let mut versions = Vec::new();
    for version in store::version::of_model(c, row.id)? {
        versions.push(of_ours(c, &name, version)?);
    }
    for version in store::client_version::of_model(c, row.id)? {
        versions.push(of_client(c, &name, version)?);
    }
    versions.sort_by_key(|version| std::cmp::Reverse(version.number));
    let tags = store::client_version::tags(c, row.id.as_bytes())?;
    Ok(Registered { name, row, tags, versions })
}

/// Where the files of a version that we made lie.
fn made_by(run: RunId) -> String {
    format!("runs:/{run}/model")
}

fn of_ours(c: &store::Connection, name: &str, row: VersionRow) -> store::Result<Version> {
    let version = row.version;
    Ok(Version {
        id: version.id,
        model: version.model,
        name: name.to_owned(),
        number: version.number,
        run: Some(version.run),
        run_told: Some(version.run.to_string()),
        run_link: None,
        source: made_by(version.run),
        location: made_by(version.run),
        logged: None,
        user: None,
        created_ms: version.created_ms,
        aliases: version.aliases,
        tags: store::client_version::tags(c, version.id.as_bytes())?,
        notes: notes(c, version.id, version.created_ms)?,
        of_client: false,
    })
}

fn of_client(c: &store::Connection, name: &str, version: ClientVersion) -> store::Result<Version> {
    Ok(Version {
        notes: notes(c, version.id, version.created_ms)?,
        id: version.id,
        model: version.model,
        name: name.to_owned(),
        number: version.number,
        run: version.run,
        run_told: version.run_told,
        run_link: version.run_link,
        source: version.source,
        location: version.location,
        logged: version.logged,
        user: version.user,
        created_ms: version.created_ms,
        aliases: version.aliases,
        tags: version.tags,
        of_client: true,
    })
}

/// A version of either kind; `name` is its model's.
fn by_id(c: &store::Connection, name: &str, id: VersionId) -> store::Result<Option<Version>> {
    if let Some(version) = store::client_version::get(c, id)? {
        return of_client(c, name, store::client_version::whole(c, version)?).map(Some);
    }
    store::version::get(c, id)?.map(|row| of_ours(c, name, row)).transpose()
}

fn numbered(c: &store::Connection, row: &ModelRow, number: u32) -> store::Result<Option<Version>> {
    let name = named::told(c, row)?;
    if let Some(version) = store::client_version::numbered(c, row.id, number)? {
        return of_client(c, &name, version).map(Some);
    }
    store::version::by_number(c, row.id, number)?.map(|row| of_ours(c, &name, row)).transpose()
}

pub(super) fn notes(c: &store::Connection, id: VersionId, created_ms: i64) -> store::Result<VersionNotes> {
    Ok(store::client_version::notes(c, id)?
        .unwrap_or(VersionNotes { updated_ms: created_ms, ..VersionNotes::default() }))
}

/// A model as it is asked for: clients know its name only, and a person's page its id.
#[derive(Debug, Clone)]
pub enum Which {
    Named(String),
    Id(ModelId),
}

impl From<&str> for Which {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl From<&String> for Which {
    fn from(name: &String) -> Self {
        Self::Named(name.clone())
    }
}

impl From<ModelId> for Which {
    fn from(id: ModelId) -> Self {
        Self::Id(id)
    }
}

impl std::fmt::Display for Which {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(name) => to.write_str(name),
            Self::Id(id) => write!(to, "{id}"),
        }
    }
}

impl Which {
    fn row(&self, c: &store::Connection) -> store::Result<Option<ModelRow>> {
        match self {
            Self::Named(name) => named::find(c, name, None),
            Self::Id(id) => store::model::get(c, *id),
        }
    }

    pub(super) fn find(&self, c: &store::Connection) -> store::Result<ModelRow> {
        self.row(c)?.ok_or_else(|| missing(self).into())
    }
}

fn missing(name: &Which) -> ApiError {
    ApiError::not_found(format!("Registered Model with name={name} not found"))
}

fn version_missing(name: &Which, number: &str) -> ApiError {
    ApiError::not_found(format!("Model Version (name={name}, version={number}) not found"))
}

pub async fn get(engine: &Engine, which: impl Into<Which>) -> anyhow::Result<Registered> {
    let which = which.into();
    Ok(engine.store().read(move |c| read(c, which.find(c)?)).await?)
}

/// A version by its number's text.
pub async fn version(engine: &Engine, which: impl Into<Which>, number: &str) -> anyhow::Result<Version> {
    let (which, number) = (which.into(), number.to_owned());
    Ok(engine.store().read(move |c| find_version(c, &which, &number)).await?)
}

fn find_version(c: &store::Connection, which: &Which, number: &str) -> store::Result<Version> {
    let Ok(wanted) = number.trim().parse::<i64>() else {
        return Err(ApiError::invalid(format!("Model version must be an integer, got '{number}'")).into());
    };
    let found = match (which.row(c)?, u32::try_from(wanted)) {
        (Some(row), Ok(wanted)) => numbered(c, &row, wanted)?,
        _ => None,
    };
    found.ok_or_else(|| version_missing(which, number).into())
}

/// Registers a name that no version stands under yet.
pub async fn create(
    engine: &Engine,
    name: &str,
    description: Option<String>,
    tags: Vec<(String, String)>,
) -> anyhow::Result<Registered> {
    check_name(name)?;
    check_description(description.as_deref())?;
    texts::check_record("model", 0, texts::bytes_of(&tags))?;
    let now_ms = engine.now_ms();
    let row = ModelRow {
        id: ModelId::from_bytes(engine.new_id()),
        project: None,
        name: name.to_owned(),
        created_ms: now_ms,
        updated_ms: now_ms,
        notes: description.unwrap_or_default(),
    };
    let id = row.id;
    engine
        .store()
        .write_durable(move |tx| {
            if named::is_taken(tx, &row.name)? {
                return Err(exists(&row.name).into());
            }
            store::model::insert(tx, &row)?;
            tags.iter().try_for_each(|(key, value)| store::client_version::put_tag(tx, row.id.as_bytes(), key, value))
        })
        .await?;
    engine.changed(Tag::ClientModels);
    get(engine, id).await
}

fn exists(name: &str) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("Registered Model (name={name}) already exists."))
}

fn check_name(name: &str) -> anyhow::Result<()> {
    if name.trim().is_empty() {
        bail!(ApiError::invalid("Registered model name cannot be empty."));
    }
    if name.contains(['/', ':']) || name.chars().count() > 256 || name.chars().any(char::is_control) {
        bail!(ApiError::invalid(format!(
            "Invalid name for registered model: '{name}'. It has at most 256 characters, and no '/' and ':'."
        )));
    }
    if name == "." || name.starts_with("..") {
        bail!(ApiError::invalid(format!(
            "Invalid name for registered model: '{name}'. As a path it would be another one."
        )));
    }
    Ok(())
}

/// Characters of what is written about a model or a version.
const LONGEST_DESCRIPTION: usize = 100_000;

fn check_description(description: Option<&str>) -> Result<(), ApiError> {
    let length = description.unwrap_or_default().chars().count();
    if length > LONGEST_DESCRIPTION {
        let message = format!("A description has at most {LONGEST_DESCRIPTION} characters, not {length}.");
        return Err(ApiError::invalid(message));
    }
    Ok(())
}

/// Changes a model's own values. A project's model keeps to the names that its packages can have.
pub async fn edit(
    engine: &Engine,
    which: impl Into<Which>,
    new_name: Option<String>,
    description: Option<String>,
) -> anyhow::Result<Registered> {
    if let Some(new_name) = &new_name {
        check_name(new_name)?;
    }
    check_description(description.as_deref())?;
    let now_ms = engine.now_ms();
    let which = which.into();
    let id = engine
        .store()
        .write_durable(move |tx| {
            let mut row = which.find(tx)?;
            if let Some(new) = new_name {
                if new != row.name && named::is_taken(tx, &new)? {
                    return Err(exists(&new).into());
                }
                if row.project.is_some() && new != row.name {
                    crate::model::check_name(&new)?;
                }
                row.name = new;
            }
            if let Some(description) = description {
                row.notes = description;
            }
            row.updated_ms = now_ms;
            store::model::put(tx, &row)?;
            Ok(row.id)
        })
        .await?;
    changed(engine, id).await?;
    get(engine, id).await
}

/// Announces a model's change.
async fn changed(engine: &Engine, which: impl Into<Which>) -> anyhow::Result<()> {
    let which = which.into();
    let row = engine.store().read(move |c| which.find(c)).await?;
    engine.changed(row.project.map_or(Tag::ClientModels, Tag::Models));
    Ok(())
}

/// Writes when a model changed.
fn touch(tx: &store::Transaction<'_>, row: ModelRow, now_ms: i64) -> store::Result<()> {
    store::model::put(tx, &ModelRow { updated_ms: now_ms, ..row })
}

/// Deletes a name for good, as a client asks it, with the versions that clients registered.
pub async fn delete(engine: &Engine, name: &str) -> anyhow::Result<()> {
    let which = Which::from(name);
    engine
        .store()
        .write_durable(move |tx| {
            let row = which.find(tx)?;
            check_deletable(tx, &row)?;
            store::model::delete(tx, row.id)
        })
        .await?;
    engine.changed(Tag::ClientModels);
    Ok(())
}

/// A model is not deleted while a version that we made stands under it.
pub(super) fn check_deletable(c: &store::Connection, row: &ModelRow) -> store::Result<()> {
    if store::version::of_model(c, row.id)?.is_empty() {
        return Ok(());
    }
    let message = format!("{} has versions that were trained here.", row.name);
    let hint = "Delete these in Slipway first: what is deployed must not vanish.";
    Err(ApiError::new(ErrorCode::InUse, message).with_hint(hint).into())
}

/// A version that a client registers.
#[derive(Debug, Clone, Default)]
pub struct NewVersion {
    pub source: String,
    /// A run's id; one that is not ours is known to the client only.
    pub run: Option<String>,
    pub run_link: Option<String>,
    pub description: Option<String>,
    pub logged: Option<String>,
    pub user: Option<String>,
    pub tags: Vec<(String, String)>,
}

pub async fn add_version(engine: &Engine, name: &str, new: NewVersion) -> anyhow::Result<Version> {
    check_description(new.description.as_deref())?;
    texts::check_record("version", 0, texts::bytes_of(&new.tags))?;
    let (id, now_ms) = (VersionId::from_bytes(engine.new_id()), engine.now_ms());
    let wanted = name.to_owned();
    let add = move |tx: &store::Transaction<'_>| -> store::Result<(ModelId, u32)> {
        let found = named::find(tx, &wanted, project_of(tx, &new)?)?;
        let row = found.ok_or_else(|| missing(&Which::Named(wanted)))?;
        Ok((row.id, enter_version(tx, row, id, new, now_ms)?))
    };
    let (model, number) = engine.store().write_durable(add).await?;
    entered(engine, model, number).await
}

/// The same under a name that may not be registered yet, as a client does it in two steps: either both come or neither.
pub async fn register(engine: &Engine, name: &str, new: NewVersion) -> anyhow::Result<Version> {
    check_name(name)?;
    check_description(new.description.as_deref())?;
    texts::check_record("version", 0, texts::bytes_of(&new.tags))?;
    let (id, now_ms) = (VersionId::from_bytes(engine.new_id()), engine.now_ms());
    let fresh = ModelRow {
        id: ModelId::from_bytes(engine.new_id()),
        project: None,
        name: name.to_owned(),
        created_ms: now_ms,
        updated_ms: now_ms,
        notes: String::new(),
    };
    let add = move |tx: &store::Transaction<'_>| -> store::Result<(ModelId, u32)> {
        let row = match named::find(tx, &fresh.name, project_of(tx, &new)?)? {
            Some(row) => row,
            None => {
                store::model::insert(tx, &fresh)?;
                fresh
            }
        };
        Ok((row.id, enter_version(tx, row, id, new, now_ms)?))
    };
    let (model, number) = engine.store().write_durable(add).await?;
    entered(engine, model, number).await
}

async fn entered(engine: &Engine, model: ModelId, number: u32) -> anyhow::Result<Version> {
    changed(engine, model).await?;
    let entered = version(engine, model, &number.to_string()).await?;
    if entered.logged.is_some() {
        // It stands on the logged model's page, too.
        engine.changed(Tag::ClientModels);
    }
    Ok(entered)
}

/// The project that a version comes from: its run's, else that of the run of the logged model that it is.
fn project_of(c: &store::Connection, new: &NewVersion) -> store::Result<Option<ProjectId>> {
    let run = match (new.run.as_deref().and_then(|run| run.parse::<RunId>().ok()), &new.logged) {
        (Some(run), _) => Some(run),
        (None, Some(logged)) => store::logged_model::bare(c, logged)?.and_then(|model| model.run),
        (None, None) => None,
    };
    let row = run.map(|run| store::run::bare(c, run)).transpose()?.flatten();
    Ok(row.and_then(|row| row.run.project))
}

/// Enters a version under a model's next number, which is the answer.
fn enter_version(
    tx: &store::Transaction<'_>,
    row: ModelRow,
    id: VersionId,
    new: NewVersion,
    now_ms: i64,
) -> store::Result<u32> {
    let resolved = source::resolve(tx, &new)?;
    let run = match resolved.run.as_deref().and_then(|run| run.parse::<RunId>().ok()) {
        Some(run) => store::run::standing(tx, run)?.map(|_| run),
        None => None,
    };
    let version = ClientVersion {
        id,
        model: row.id,
        number: 0,
        run,
        run_told: resolved.run,
        run_link: new.run_link,
        source: resolved.source,
        location: resolved.location,
        logged: resolved.logged.clone(),
        user: new.user,
        created_ms: now_ms,
        aliases: Vec::new(),
        stage: Stage::None,
        tags: BTreeMap::new(),
        notes: String::new(),
    };
    let number = store::client_version::insert(tx, &version)?;
    let notes = new.description.unwrap_or_default();
    store::client_version::put_notes(tx, id, &VersionNotes { notes, stage: Stage::None, updated_ms: now_ms })?;
    for (key, value) in &new.tags {
        store::client_version::put_tag(tx, id.as_bytes(), key, value)?;
    }
    if let Some(logged) = resolved.logged.filter(|_| !source::is_prompt(&new.tags)) {
        tell_logged(tx, &logged, &named::told(tx, &row)?, number)?;
    }
    touch(tx, row, now_ms)?;
    Ok(number)
}

/// The tag by which MLflow's pages know which versions a logged model became.
const VERSIONS_TAG: &str = "mlflow.modelVersions";

fn tell_logged(tx: &store::Transaction<'_>, logged: &str, name: &str, number: u32) -> store::Result<()> {
    let Some(mut model) = store::logged_model::get(tx, logged)? else { return Ok(()) };
    let known = model.tags.get(VERSIONS_TAG).and_then(|text| serde_json::from_str(text).ok());
    let mut versions: Vec<serde_json::Value> = known.unwrap_or_default();
    let own = serde_json::json!({ "name": name, "version": number });
    if !versions.contains(&own) {
        versions.push(own);
        model.tags.insert(VERSIONS_TAG.to_owned(), serde_json::Value::Array(versions).to_string());
        store::logged_model::put(tx, &model)?;
    }
    Ok(())
}

/// Changes what is written about a version, in one transaction: what others change beside it stays.
pub async fn edit_version(
    engine: &Engine,
    which: impl Into<Which>,
    number: &str,
    change: impl FnOnce(&mut VersionNotes) + Send + 'static,
) -> anyhow::Result<Version> {
    let (which, of, now_ms) = (which.into(), number.to_owned(), engine.now_ms());
    let wanted = which.clone();
    engine
        .store()
        .write(move |tx| {
            let found = find_version(tx, &wanted, &of)?;
            let mut notes = found.notes;
            change(&mut notes);
            check_description(Some(&notes.notes)).map_err(store::StoreError::from)?;
            notes.updated_ms = now_ms;
            store::client_version::put_notes(tx, found.id, &notes)
        })
        .await?;
    changed(engine, which.clone()).await?;
    version(engine, which, number).await
}

/// Moves a version to a stage; with `archive` those that stand there are archived.
pub async fn transition(
    engine: &Engine,
    which: impl Into<Which>,
    number: &str,
    stage: Stage,
    archive: bool,
) -> anyhow::Result<Version> {
    let (which, of, now_ms) = (which.into(), number.to_owned(), engine.now_ms());
    let wanted = which.clone();
    engine
        .store()
        .write(move |tx| {
            let row = wanted.find(tx)?;
            let moved = find_version(tx, &wanted, &of)?;
            if archive && !matches!(stage, Stage::Staging | Stage::Production) {
                return Err(ApiError::invalid(
                    "Model version transition cannot archive existing model versions because the target stage is not an active stage. Valid stages are Staging, Production."
                ).into());
            }
            let others = if archive { read(tx, row.clone())?.versions } else { Vec::new() };
            for other in others.into_iter().filter(|other| other.notes.stage == stage && other.id != moved.id) {
                let notes = VersionNotes { stage: Stage::Archived, updated_ms: now_ms, ..other.notes };
                store::client_version::put_notes(tx, other.id, &notes)?;
            }
            let notes = VersionNotes { stage, updated_ms: now_ms, ..moved.notes };
            store::client_version::put_notes(tx, moved.id, &notes)?;
            touch(tx, row, now_ms)
        })
        .await?;
    changed(engine, which.clone()).await?;
    version(engine, which, number).await
}

pub async fn delete_version(engine: &Engine, which: impl Into<Which>, number: &str) -> anyhow::Result<()> {
    let which = which.into();
    let found = version(engine, which.clone(), number).await?;
    let (model, run, now_ms) = (found.model, found.run, engine.now_ms());
    if !found.of_client {
        // What we made may be deployed: its own deletion says so.
        crate::model::delete_own(engine, found.id, false).await?;
    }
    let is_there = engine
        .store()
        .write_durable(move |tx| {
            if found.of_client {
                store::client_version::delete(tx, found.id)?;
            }
            // The name of what we made goes with its last version.
            let Some(row) = store::model::get(tx, model)? else { return Ok(false) };
            touch(tx, row, now_ms)?;
            Ok(true)
        })
        .await?;
    if is_there {
        changed(engine, model).await?;
    }
    if let Some(run) = run {
        engine.changed(Tag::Run(run));
    }
    Ok(())
}

pub async fn set_alias(
    engine: &Engine,
    which: impl Into<Which>,
    alias: &str,
    number: Option<&str>,
) -> anyhow::Result<()> {
    let plain = |one: char| one.is_alphanumeric() || one == '_' || one == '-';
    let like_number = alias
        .strip_prefix(['v', 'V'])
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|one| one.is_ascii_digit()));
    // What no version has may be removed all the same.
    let is_reserved = number.is_some() && (like_number || alias.eq_ignore_ascii_case("latest"));
    if alias.is_empty() || alias.chars().count() > 255 || !alias.chars().all(plain) || is_reserved {
        bail!(
            ApiError::invalid(format!("Invalid alias name: '{alias}'."))
                .with_hint("Use letters, digits, \"-\" and \"_\"; neither \"latest\" nor the like of \"v3\".")
        );
    }
    let (which, number, alias, now_ms) = (which.into(), number.map(str::to_owned), alias.to_owned(), engine.now_ms());
    let wanted = which.clone();
    engine
        .store()
        .write_durable(move |tx| {
            let row = wanted.find(tx)?;
            match number {
                Some(number) => {
                    let version = find_version(tx, &wanted, &number)?.id;
                    store::alias::put(tx, row.id, &alias, version, now_ms)
                }
                None => store::alias::delete(tx, row.id, &alias),
            }
        })
        .await?;
    changed(engine, which).await?;
    Ok(())
}

pub async fn by_alias(engine: &Engine, name: &str, alias: &str) -> anyhow::Result<Version> {
    let (which, wanted) = (Which::from(name), alias.to_owned());
    let is_latest = alias.eq_ignore_ascii_case(source::LATEST);
    let found = move |c: &store::Connection| {
        let row = which.find(c)?;
        if is_latest {
            // The newest stands first.
            return Ok(read(c, row)?.versions.into_iter().next());
        }
        let Some(id) = store::alias::find(c, row.id, &wanted)? else { return Ok(None) };
        by_id(c, &named::told(c, &row)?, id)
    };
    let found = engine.store().read(found).await?;
    let missing = || match is_latest {
        true => ApiError::not_found(format!("Latest version not found for model {name}.")),
        false => ApiError::invalid(format!("Registered model alias {alias} not found.")),
    };
    found.ok_or_else(|| missing().into())
}

/// MLflow's limits.
const LONGEST_KEY: usize = 250;
const LONGEST_TAG: usize = 100_000;

/// What a tag of a model or a version can be.
pub fn check_tag(key: &str, value: &str) -> Result<(), ApiError> {
    if key.is_empty() || key.chars().count() > LONGEST_KEY || value.chars().count() > LONGEST_TAG {
        return Err(ApiError::invalid(format!(
            "A tag has 1 to {LONGEST_KEY} characters as its key and at most {LONGEST_TAG} as its value."
        )));
    }
    Ok(())
}

/// Sets or removes a tag of a model, or of one of its versions.
pub async fn tag(
    engine: &Engine,
    which: impl Into<Which>,
    number: Option<&str>,
    key: String,
    value: Option<String>,
) -> anyhow::Result<()> {
    check_tag(&key, value.as_deref().unwrap_or_default())?;
    let (which, number) = (which.into(), number.map(str::to_owned));
    let wanted = which.clone();
    engine
        .store()
        .write(move |tx| {
            let owner = match number {
                Some(number) => *find_version(tx, &wanted, &number)?.id.as_bytes(),
                None => *wanted.find(tx)?.id.as_bytes(),
            };
            match value {
                Some(value) => {
                    let known = store::client_version::tags(tx, &owner)?;
                    let before = texts::bytes_in(&known);
                    let replaced = known.get(&key).map_or(0, |replaced| key.len() + replaced.len());
                    texts::check_record("model", before, before - replaced + key.len() + value.len())?;
                    store::client_version::put_tag(tx, &owner, &key, &value)
                }
                None => store::client_version::delete_tag(tx, &owner, &key),
            }
        })
        .await?;
    changed(engine, which).await?;
    Ok(())
}

/// Every model with its versions, by name.
pub(crate) fn all(c: &store::Connection) -> store::Result<Vec<Registered>> {
    store::model::all(c)?.into_iter().map(|row| read(c, row)).collect()
}
