//! Model versions: registered from runs, immutable, verified at every load.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, ModelId, ProjectId, VersionId,
    evaluation::Evaluation,
    event::Tag,
    figure::counted,
    host::Freed,
    job::{Job, JobKind, Subject},
    model::{
        Bundle, BundleFile, DeleteVersion, GetVersion, ListModels, ListOtherModels, Model, Predict, PredictFile,
        Predictions, RegisterModel, SetAlias, Version, VersionDetail,
    },
    project::{Happening, Stage, StationState},
    run::LineageNode,
};
use infer::bundle;
use store::{Store, blob::BlobHash, model::ModelRow, version::VersionRow};

use crate::{
    Engine, error,
    jobs::{JobContext, NewJob, retry_with},
    model::predict_file::Files,
    output::Output,
    project,
    run::{self, Lists},
    tracking::{
        self,
        gone::{self, Gone},
    },
};

pub mod find;
mod predict_file;
mod searching;

/// Opened models that are kept: the form asks one again and again.
const KEPT: usize = 3;

/// Models opened lately, the newest last.
#[derive(Default)]
pub struct Opened {
    models: Mutex<VecDeque<(VersionId, Arc<infer::model::Model>)>>,
}

/// The version's row, or a plain error.
pub async fn find_row(engine: &Engine, id: VersionId) -> anyhow::Result<VersionRow> {
    let row = engine
        .store()
        .read(move |c| {
            let mut row = store::version::get(c, id)?;
            if let Some(row) = &mut row {
                fill(c, row)?;
            }
            Ok(row)
        })
        .await?;
    row.ok_or_else(|| error::missing("model version", id))
}

fn fill(c: &store::Connection, row: &mut VersionRow) -> store::Result<()> {
    row.version.deployments = store::deployment::of_version(c, row.version.id)?.into_iter().map(|row| row.id).collect();
    row.version.kept_by = store::deployment::using_version(c, row.version.id)?;
    Ok(())
}

/// Registers a finished run's model: its bundle is copied into the blobs, verified.
pub async fn register(engine: &Engine, request: RegisterModel) -> anyhow::Result<Version> {
    let _gate = engine.hold_blobs().await;
    let row = run::find(engine, request.run).await?;
    let lists = Lists::of(&row.run);
    let folder = engine.workspace().run(request.run).join("model");
    if !folder.join(bundle::HEAD_FILE).is_file() {
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("{} has no model to register.", row.run.name))
                .with_hint("A training writes its model when it ends: resume it, or wait for its end.")
        );
    }
    for alias in &request.aliases {
        check_alias(alias)?;
    }
    let project = project::find(engine, run::project_of(&row.run)?).await?;
    let name = match &request.name {
        Some(name) => check_name(name)?,
        None => slug(&project::name_of(&project.file, Path::new(&project.path))),
    };
    let store = engine.store().clone();
    let (head, content, files, fresh) = tokio::task::spawn_blocking(move || take_bundle(&store, &folder)).await??;
    let evaluation = engine.workspace().run(request.run).join("evaluation.json");
    let evaluation: Option<Evaluation> =
        tokio::fs::read(&evaluation).await.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let primary =
        evaluation.as_ref().and_then(|report| report.test.iter().find(|figure| figure.name == report.primary).cloned());
    let now_ms = engine.now_ms();
    let fresh_model = ModelRow {
        id: ModelId::from_bytes(engine.new_id()),
        project: Some(project.id),
        name: name.clone(),
        created_ms: now_ms,
        updated_ms: now_ms,
        notes: String::new(),
    };
    let version = Version {
        id: VersionId::from_bytes(engine.new_id()),
        model: fresh_model.id,
        project: project.id,
        model_name: name.clone(),
        number: 0,
        aliases: Vec::new(),
        run: row.run.id,
        run_name: row.run.name.clone(),
        snapshot: row.run.snapshot,
        snapshot_number: row.run.snapshot_number,
        commit: row.run.code.as_ref().map(|code| code.commit.clone()),
        seed: row.run.seed,
        kind: head.kind,
        task: head.task,
        signature: head.signature.clone(),
        size_bytes: files.iter().map(|file| file.size_bytes).sum(),
        content,
        threshold: head.threshold,
        primary,
        rows: evaluation.as_ref().map(|report| report.rows).unwrap_or_default(),
        deployments: Vec::new(),
        kept_by: Vec::new(),
        created_ms: now_ms,
    };
    let row = VersionRow { version, lineage: head.lineage, files };
    let aliases = request.aliases;
    let id = engine.store().write_durable(move |tx| enter(tx, row, fresh_model, &aliases, fresh)).await?;
    let version = find_row(engine, id).await?.version;
    engine.changed(Tag::Models(project.id));
    run::announce(engine, version.run, lists);
    engine.changed(Tag::Storage);
    Ok(version)
}

/// Enters a version. One that is entered already is refused, unless what was stored of it was damaged and is
/// `mended` now: then it is the answer, and gets the aliases.
fn enter(
    tx: &store::Transaction<'_>,
    mut row: VersionRow,
    fresh: ModelRow,
    aliases: &[String],
    mended: bool,
) -> store::Result<VersionId> {
    let known = store::model::of_project(tx, row.version.project)?.into_iter().find(|model| model.name == fresh.name);
    let model = match known {
        Some(model) => model.id,
        None => {
            store::model::insert(tx, &fresh)?;
            fresh.id
        }
    };
    row.version.model = model;
    let held =
        store::version::of_model(tx, model)?.into_iter().find(|held| held.version.content == row.version.content);
    if let Some(held) = held {
        if mended {
            for alias in aliases {
                store::alias::put(tx, model, alias, held.version.id, row.version.created_ms)?;
            }
            return Ok(held.version.id);
        }
        return Err(ApiError::new(
            ErrorCode::Conflict,
            format!("This model is {} v{} already.", held.version.model_name, held.version.number),
        )
        .with_hint("Set its alias instead.")
        .into());
    }
    let blobs: Vec<BlobHash> = row.files.iter().filter_map(|file| file.blake3.parse().ok()).collect();
    let number = store::version::insert(tx, &row, blobs)?;
    for alias in aliases {
        store::alias::put(tx, model, alias, row.version.id, row.version.created_ms)?;
    }
    let (project, name, run_name, run) = (row.version.project, &fresh.name, &row.version.run_name, row.version.run);
    let sentence = format!(
        "[{name} v{number}](/p/{project}/models/{}) registered from [{run_name}](/p/{project}/runs/{run})",
        row.version.id
    );
    let happening =
        Happening { at_ms: row.version.created_ms, stage: Stage::Model, state: StationState::Good, sentence };
    store::happening::add(tx, project, &happening)?;
    Ok(row.version.id)
}

/// Verifies a bundle and puts its files; `bundle.json` stands first. Last: whether any was not there before, or damaged.
fn take_bundle(store: &Store, folder: &Path) -> anyhow::Result<(Bundle, String, Vec<BundleFile>, bool)> {
    let (head, content) = bundle::verify(folder).map_err(|error| damaged(&error))?;
    let mut files = Vec::with_capacity(head.files.len() + 1);
    let mut fresh = false;
    let mut put = |path: &str| -> anyhow::Result<BundleFile> {
        let stored = store
            .blobs()
            .put_file(&folder.join(path), true, &mut data::progress::silent)
            .with_context(|| format!("keep {path}"))?;
        fresh |= stored.new;
        let sha256 = stored.sha256.context("hash the file")?;
        Ok(BundleFile {
            path: path.to_owned(),
            size_bytes: stored.size_bytes,
            blake3: stored.hash.to_string(),
            sha256: sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    };
    let first = put(bundle::HEAD_FILE)?;
    if first.blake3 != content {
        bail!(
            ApiError::new(ErrorCode::Conflict, "The model changed while it was being registered.")
                .with_hint("Register it again.")
        );
    }
    files.push(first);
    for file in &head.files {
        let stored = put(&file.path)?;
        if stored != *file {
            bail!(
                ApiError::new(
                    ErrorCode::Conflict,
                    format!("{} changed while the model was being registered.", file.path)
                )
                .with_hint("Register it again.")
            );
        }
        files.push(stored);
    }
    Ok((head, content, files, fresh))
}

fn damaged(error: &bundle::BundleError) -> ApiError {
    ApiError::new(ErrorCode::Internal, format!("The model can't be used: {error}.")).with_hint("Train it again.")
}

pub async fn list(engine: &Engine, request: ListModels) -> anyhow::Result<Vec<Model>> {
    let project = request.project;
    let filter = searching::filter(&request.filter)?;
    let (asked, _asking) = engine.board().ask();
    Ok(engine
        .store()
        .read(move |c| {
            let mut models = Vec::new();
            for row in store::model::of_project(c, project)? {
                models.push(of_row(c, row)?);
            }
            // What clients registered belongs where its runs do.
            for row in store::client_version::models_of_project(c, project)? {
                models.push(of_row(c, row)?);
            }
            searching::passing(c, models, &asked, &filter)
        })
        .await?)
}

/// What clients registered and no project has.
pub async fn list_other(engine: &Engine, request: ListOtherModels) -> anyhow::Result<Vec<Model>> {
    let filter = searching::filter(&request.filter)?;
    let (asked, _asking) = engine.board().ask();
    let read = move |c: &store::Connection| {
        let rows = store::client_version::models_of_none(c)?;
        let models = rows.into_iter().map(|row| of_row(c, row)).collect::<store::Result<_>>()?;
        searching::passing(c, models, &asked, &filter)
    };
    Ok(engine.store().read(read).await?)
}

pub(crate) fn of_row(c: &store::Connection, row: ModelRow) -> store::Result<Model> {
    let mut versions = store::version::of_model(c, row.id)?;
    for version in &mut versions {
        fill(c, version)?;
    }
    Ok(Model {
        id: row.id,
        project: row.project,
        name: row.name,
        versions: versions.into_iter().map(|row| row.version).collect(),
        client_versions: store::client_version::of_model(c, row.id)?,
        tags: store::client_version::tags(c, row.id.as_bytes())?,
        notes: row.notes,
        created_ms: row.created_ms,
    })
}

pub async fn version(engine: &Engine, request: GetVersion) -> anyhow::Result<VersionDetail> {
    let row = find_row(engine, request.version).await?;
    let store = engine.store().clone();
    let (files, name) = (row.files.clone(), name_of(&row.version));
    let (evaluation, examples) = tokio::task::spawn_blocking(move || {
        Ok::<_, anyhow::Error>((
            read_json::<Evaluation>(&store, &files, &name, bundle::EVALUATION_FILE)?,
            read_json::<Vec<serde_json::Value>>(&store, &files, &name, bundle::EXAMPLES_FILE)?.unwrap_or_default(),
        ))
    })
    .await??;
    let id = request.version;
    let read = move |c: &store::Connection| {
        let notes = store::client_version::notes(c, id)?.unwrap_or_default();
        Ok((store::client_version::tags(c, id.as_bytes())?, notes))
    };
    let (tags, notes) = engine.store().read(read).await?;
    let VersionRow { version, lineage, files, .. } = row;
    Ok(VersionDetail { version, evaluation, examples, lineage, files, tags, notes })
}

fn read_json<T: serde::de::DeserializeOwned>(
    store: &Store,
    files: &[BundleFile],
    model: &str,
    path: &str,
) -> anyhow::Result<Option<T>> {
    let Some(file) = files.iter().find(|file| file.path == path) else { return Ok(None) };
    let hash = file.blake3.parse().context("read the version's files")?;
    let bytes = store.blobs().read(&hash).with_context(|| format!("read {path} of {model}"))?;
    Ok(Some(serde_json::from_slice(&bytes).with_context(|| format!("read {path} of {model}"))?))
}

pub async fn set_alias(engine: &Engine, request: SetAlias) -> anyhow::Result<Model> {
    let id = request.model;
    if tracking::registered::set_alias(engine, id, &request.alias, request.version).await? {
        let model =
            engine.store().read(move |c| store::model::get(c, id)?.map(|row| of_row(c, row)).transpose()).await?;
        return model.ok_or_else(|| error::missing("model", id));
    }
    // One that a client gave may be none of ours, and is removed by its name.
    if request.version.is_some() {
        check_alias(&request.alias)?;
    }
    let now_ms = engine.now_ms();
    let model = engine
        .store()
        .write_durable(move |tx| {
            let Some(row) = store::model::get(tx, id)? else {
                return Err(ApiError::not_found(format!("There is no model {id} in this workspace.")).into());
            };
            match request.version {
                None => store::alias::delete(tx, id, &request.alias)?,
                Some(version) => {
                    if store::version::get(tx, version)?.is_none_or(|row| row.version.model != id) {
                        return Err(ApiError::not_found(format!("{} has no such version.", row.name)).into());
                    }
                    store::alias::put(tx, id, &request.alias, version, now_ms)?;
                }
            }
            of_row(tx, row)
        })
        .await?;
    engine.changed(model.project.map_or(Tag::ClientModels, Tag::Models));
    Ok(model)
}

/// Deletes a version of either kind.
pub async fn delete(engine: &Engine, request: DeleteVersion) -> anyhow::Result<Freed> {
    match tracking::gone::delete_version(engine, request.version).await? {
        Some(freed) => Ok(freed),
        None => delete_own(engine, request.version, true).await,
    }
}

/// Refused while a deployment runs it, or may roll back to it. What a person deletes can come back for a day: its files
/// stay so long.
pub(crate) async fn delete_own(engine: &Engine, id: VersionId, can_come_back: bool) -> anyhow::Result<Freed> {
    let row = find_row(engine, id).await?;
    let now_ms = engine.now_ms();
    let (name, model, run) = (name_of(&row.version), row.version.model, row.version.run);
    let run = engine
        .store()
        .write_durable(move |tx| {
            if let Some(deployment) = store::deployment::using_version(tx, id)?.first() {
                return Err(ApiError::new(
                    ErrorCode::InUse,
                    format!("{name} is deployed as \"{deployment}\", or was before."),
                )
                .with_hint("Delete that deployment first.")
                .into());
            }
            let gone = match store::version::get(tx, id)?.filter(|_| can_come_back) {
                Some(row) => Some(Gone::of_own(tx, row)?),
                None => None,
            };
            store::package::delete_of_version(tx, id)?;
            store::version::delete(tx, id)?;
            store::setting::delete_unused_floors(tx)?;
            store::model::delete_if_empty(tx, model)?;
            if let Some(gone) = &gone {
                gone::keep_own(tx, gone, now_ms)?;
            }
            store::run::bare(tx, run)
        })
        .await?;
    engine.opened().forget(id);
    let cache = cache_folder(engine, id);
    let bytes = tokio::task::spawn_blocking(move || crate::storage::remove_folder(&cache)).await?;
    let unused = crate::storage::collect_unused(engine, false).await.unwrap_or_default();
    engine.changed(Tag::Models(row.version.project));
    run.into_iter().for_each(|row| run::announce(engine, row.run.id, Lists::of(&row.run)));
    engine.changed(Tag::Packages);
    engine.changed(Tag::Storage);
    Ok(Freed { bytes: bytes + unused.bytes, records: 1, ..unused })
}

/// Predicts rows in this process.
pub async fn predict(engine: &Engine, request: Predict) -> anyhow::Result<Predictions> {
    let model = open(engine, request.version).await?;
    tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        let batch = infer::rows::from_json(&model.head().signature, &request.rows).map_err(|error| {
            ApiError::invalid(format!("The rows don't fit the model: {error}."))
                .with_hint("The version's page shows the columns that it needs.")
        })?;
        let answers =
            model.predict(&batch).map_err(|error| ApiError::invalid(format!("The model can't answer: {error}.")))?;
        let rows = infer::rows::to_json(&answers)?;
        Ok(Predictions { rows, duration_secs: begun.elapsed().as_secs_f64() })
    })
    .await?
}

/// Predicts a file, or a folder of pictures, into a file, streaming.
pub async fn predict_file(engine: &Engine, request: PredictFile) -> anyhow::Result<Job> {
    let row = find_row(engine, request.version).await?;
    let files = Files {
        input: PathBuf::from(&request.input),
        output: Output { path: PathBuf::from(&request.output), overwrite: Some(request.overwrite) },
    };
    let (files, signature) = (files, row.version.signature.clone());
    let files = tokio::task::spawn_blocking(move || files.check(&signature).map(|()| files)).await??;
    let name = files.input.file_name().unwrap_or(files.input.as_os_str()).to_string_lossy().into_owned();
    let new = NewJob {
        kind: JobKind::Predict,
        title: format!("Predict {name} with {} v{}", row.version.model_name, row.version.number),
        project: Some(row.version.project),
        subject: Subject::Version(request.version),
        memory_bytes: 0,
        request: retry_with(&request),
    };
    let work = async move |context: JobContext| {
        let engine = context.engine().clone();
        let model = open(&engine, request.version).await?;
        // What a killed host leaves there goes at the next start.
        let (halves, output) = (engine.workspace().halves(), request.output);
        let done = context.blocking(move |tell| files.predict(&model, &halves, tell)).await?;
        let apart =
            done.renamed.iter().map(|(name, new)| format!("; it has a column \"{name}\", the answer is \"{new}\""));
        let rows = counted(done.rows, "row", "rows");
        Ok(format!("{rows} predicted into {output}{}", apart.collect::<String>()))
    };
    engine.jobs().start(engine, new, work).await
}

/// The opened model of a version; its bundle is checked against its hashes when it is opened.
pub async fn open(engine: &Engine, id: VersionId) -> anyhow::Result<Arc<infer::model::Model>> {
    if let Some(model) = engine.opened().get(id) {
        return Ok(model);
    }
    let folder = bundle_folder(engine, id).await?;
    let model = tokio::task::spawn_blocking(move || bundle::open(&folder)).await?.map_err(|error| damaged(&error))?;
    let model = Arc::new(model);
    engine.opened().put(id, Arc::clone(&model));
    Ok(model)
}

/// The version's bundle as a folder in the cache, laid out of the blobs where it is missing.
pub async fn bundle_folder(engine: &Engine, id: VersionId) -> anyhow::Result<PathBuf> {
    let folder = cache_folder(engine, id);
    if folder.join(bundle::HEAD_FILE).is_file() {
        return Ok(folder);
    }
    let row = find_row(engine, id).await?;
    let _gate = engine.hold_blobs().await;
    lay_out(engine, &row, folder.clone()).await?;
    Ok(folder)
}

/// Writes a version's bundle into a folder that is not there yet, verified, whole or not at all.
pub async fn lay_out(engine: &Engine, row: &VersionRow, folder: PathBuf) -> anyhow::Result<()> {
    let (store, files, name) = (engine.store().clone(), row.files.clone(), name_of(&row.version));
    tokio::task::spawn_blocking(move || {
        let parent = folder.parent().context("find the folder for the model")?;
        std::fs::create_dir_all(parent).with_context(|| format!("make the folder {}", parent.display()))?;
        let half =
            tempfile::Builder::new().prefix(".half-").tempdir_in(parent).context("make a folder for the model")?;
        for file in &files {
            let hash = file.blake3.parse().context("read the version's files")?;
            let copied = store.blobs().copy_to(&hash, &half.path().join(&file.path));
            copied.with_context(|| format!("read {} of {name}", file.path))?;
        }
        let made = half.keep();
        match std::fs::rename(&made, &folder) {
            Ok(()) => Ok(()),
            // Somebody else was faster with the same bytes.
            Err(_) if folder.join(bundle::HEAD_FILE).is_file() => {
                crate::storage::remove_folder(&made);
                Ok(())
            }
            Err(error) => Err(error).with_context(|| format!("name the folder {}", folder.display())),
        }
    })
    .await?
}

/// "fraud v7".
fn name_of(version: &Version) -> String {
    format!("{} v{}", version.model_name, version.number)
}

fn cache_folder(engine: &Engine, id: VersionId) -> PathBuf {
    engine.workspace().models_cache().join(id.to_string())
}

impl Opened {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(VersionId, Arc<infer::model::Model>)>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: VersionId) -> Option<Arc<infer::model::Model>> {
        self.lock().iter().find(|(known, _)| *known == id).map(|(_, model)| Arc::clone(model))
    }

    fn put(&self, id: VersionId, model: Arc<infer::model::Model>) {
        let mut models = self.lock();
        models.push_back((id, model));
        while models.len() > KEPT {
            models.pop_front();
        }
    }

    fn forget(&self, id: VersionId) {
        self.lock().retain(|(known, _)| *known != id);
    }
}

/// Adds what was made of a version to a run's lineage.
pub(crate) async fn downstream(
    engine: &Engine,
    project: ProjectId,
    version: &Version,
    node: usize,
    nodes: &mut Vec<LineageNode>,
) -> anyhow::Result<()> {
    let id = version.id;
    let (packages, deployments) = engine
        .store()
        .read(move |c| Ok((store::package::list(c, Some(id))?, store::deployment::of_version(c, id)?)))
        .await?;
    let mut from = vec![node];
    for row in packages {
        nodes.push(LineageNode {
            kind: "package".to_owned(),
            id: row.package.id.to_string(),
            label: row.package.digest.chars().take(19).collect(),
            detail: row
                .package
                .pushes
                .iter()
                .map(|push| format!("{}:{}", push.repository, push.tag))
                .collect::<Vec<_>>()
                .join(", "),
            link: None,
            from: vec![node],
        });
        from = vec![nodes.len() - 1];
    }
    for row in deployments {
        nodes.push(LineageNode {
            kind: "deployment".to_owned(),
            id: row.id.to_string(),
            label: row.name,
            detail: row.target_name,
            link: Some(format!("/p/{project}/deploy")),
            from: from.clone(),
        });
    }
    Ok(())
}

/// Windows takes such a name, also with an ending, for a device: no file or folder can have it.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || numbered.is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']))
}

pub(crate) fn check_name(name: &str) -> Result<String, ApiError> {
    let good = !name.is_empty()
        && name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !good {
        return Err(ApiError::invalid(format!("\"{name}\" can't be a model's name.")).with_hint(
            "Use letters, digits, \"-\", \"_\" and \".\", at most 64; begin and end with a letter or a digit.",
        ));
    }
    if is_device(name) {
        return Err(ApiError::invalid(format!("\"{name}\" can't be a model's name: on Windows it is a device."))
            .with_hint("Choose another name."));
    }
    Ok(name.to_owned())
}

fn check_alias(alias: &str) -> anyhow::Result<()> {
    let good = !alias.is_empty()
        && alias.len() <= 64
        && alias.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !alias.chars().all(|c| c.is_ascii_digit());
    if !good {
        bail!(
            ApiError::invalid(format!("\"{alias}\" can't be an alias."))
                .with_hint("Use letters, digits, \"-\", \"_\" and \".\", and not digits alone.")
        );
    }
    Ok(())
}

/// "Card fraud" → "card-fraud", "Verkäufe" → "verkaufe"; other scripts by the sound of their letters.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in deunicode::deunicode(name).chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(64);
    let slug = slug.trim_end_matches('-');
    match slug {
        "" => "model".to_owned(),
        device if is_device(device) => format!("{device}-model"),
        slug => slug.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{check_name, slug};

    #[test]
    fn a_models_name_begins_and_ends_with_a_letter_or_a_digit() {
        for name in [".", "..", "-", "-x", "_", "x.", "", "a b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["x", "card-fraud", "v1.2_b", "console", "com0", "lpt10"] {
            assert_eq!(check_name(name).unwrap(), name);
        }
        for name in ["CON", "nul", "Com1", "aux.v2"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_project_name_becomes_a_model_name() {
        assert_eq!(slug("Card fraud (2026)"), "card-fraud-2026");
        assert_eq!(slug("Verkäufe à Łódź"), "verkaufe-a-lodz");
        assert_eq!(slug("Продажи"), "prodazhi");
        assert_eq!(slug("…"), "model");
        assert_eq!(slug("Con"), "con-model");
    }
}
