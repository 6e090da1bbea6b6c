//! Experiments: made, renamed, put into folders, deleted and restored; runs moved between them, deleted and restored.

use std::cmp::Ordering;

use anyhow::bail;
use api::{
    ApiError, ErrorCode, ExperimentId, ProjectId, RunId,
    event::Tag,
    host::Freed,
    tracking::{
        CreateExperiment, DeleteExperiment, EditExperiment, Experiment, ListExperiments, MoveExperiment, MoveRuns,
        NOTE_TAG, PurgeExperiment, PurgeRuns, RestoreExperiment, RestoreRuns, Scope, TrashRuns,
    },
};

use crate::{
    Engine, error,
    run::{
        self,
        board::View,
        filter::{
            self, Field,
            compare::{self, Cell},
        },
    },
};

/// MLflow's limit.
const LONGEST_NAME: usize = 500;

/// The project's experiment is called as the project is, or as much like it as others allow.
pub(crate) fn name_after_project(
    tx: &store::Transaction<'_>,
    fresh: ExperimentId,
    project: ProjectId,
    name: &str,
    now_ms: i64,
) -> store::Result<()> {
    let known = match store::experiment::of_project(tx, project)? {
        Some(id) => store::experiment::get(tx, id)?,
        None => None,
    };
    match known {
        Some(experiment) => {
            let name = store::experiment::free_name(tx, name, experiment.id)?;
            if experiment.name != name {
                store::experiment::put(tx, &Experiment { name, updated_ms: now_ms, ..experiment })?;
            }
        }
        None => {
            let name = store::experiment::free_name(tx, name, fresh)?;
            let own = Experiment { is_own: true, ..new(fresh, Some(project), name, now_ms) };
            store::experiment::insert(tx, &own)?;
        }
    }
    Ok(())
}

pub(crate) fn new(id: ExperimentId, project: Option<ProjectId>, name: String, now_ms: i64) -> Experiment {
    Experiment {
        id,
        number: 0,
        project,
        is_own: false,
        name,
        folder: String::new(),
        location: None,
        tags: Default::default(),
        runs: 0,
        created_ms: now_ms,
        updated_ms: now_ms,
        deleted_ms: None,
    }
}

pub async fn find(engine: &Engine, id: ExperimentId) -> anyhow::Result<Experiment> {
    let found = engine.store().read(move |c| store::experiment::get(c, id)).await?;
    found.ok_or_else(|| error::missing("experiment", id))
}

/// By its name: one that is there before one that was deleted.
pub async fn named(engine: &Engine, name: String) -> anyhow::Result<Option<Experiment>> {
    Ok(engine.store().read(move |c| store::experiment::named(c, &name)).await?)
}

pub async fn list(engine: &Engine, request: ListExperiments) -> anyhow::Result<Vec<Experiment>> {
    Ok(engine
        .store()
        .read(move |c| {
            let mut all = store::experiment::all(c)?;
            all.retain(|experiment| experiment.deleted_ms.is_some() == request.deleted);
            for experiment in &mut all {
                experiment.runs = store::experiment::runs(c, experiment.id)?;
            }
            Ok(all)
        })
        .await?)
}

const ATTRIBUTES: &[&str] = &["name", "creation_time", "last_update_time", "experiment_id"];

/// The experiments that match, by MLflow's rules: the last that was changed first, unless an order is given.
pub async fn search(
    engine: &Engine,
    view: View,
    text: Option<&str>,
    orders: &[String],
) -> anyhow::Result<Vec<Experiment>> {
    let filter = filter::parse_of(text.unwrap_or_default(), Some(ATTRIBUTES))?;
    let orders = super::registry::orders(orders, ATTRIBUTES)?;
    let mut all = engine.store().read(store::experiment::all).await?;
    all.retain(|experiment| match view {
        View::Active => experiment.deleted_ms.is_none(),
        View::Deleted => experiment.deleted_ms.is_some(),
        View::All => true,
    });
    let word = |experiment: &Experiment, word: &str| experiment.name.to_lowercase().contains(&word.to_lowercase());
    all.retain(|experiment| compare::holds(&filter, &|field| cell(experiment, field), &|text| word(experiment, text)));
    all.sort_by(|left, right| {
        let by = orders
            .iter()
            .map(|order| compare::order(&cell(left, &order.field), &cell(right, &order.field), order.descending));
        let last = right.created_ms.cmp(&left.created_ms).then(right.number.cmp(&left.number));
        by.fold(Ordering::Equal, Ordering::then).then(last)
    });
    Ok(all)
}

fn cell(experiment: &Experiment, field: &Field) -> Cell {
    match field {
        Field::Tag(key) => experiment.tags.get(key).into(),
        Field::Attribute(name) => match name.as_str() {
            "name" => Cell::Text(experiment.name.clone()),
            "creation_time" => Cell::Number(experiment.created_ms as f64),
            "last_update_time" => Cell::Number(experiment.updated_ms as f64),
            _ => Cell::Number(experiment.number as f64),
        },
        _ => Cell::Missing,
    }
}

pub async fn create(engine: &Engine, request: CreateExperiment) -> anyhow::Result<Experiment> {
    let folder = check_folder(&request.folder)?;
    // What a person types has no space around it; what a client asks for is found by the very name.
    let id = add(engine, request.name.trim(), None, Vec::new()).await?;
    if folder.is_empty() {
        return find(engine, id).await;
    }
    edit(engine, EditExperiment { experiment: id, name: None, folder: Some(folder), notes: None }).await
}

/// Makes an experiment that belongs to no project.
pub async fn add(
    engine: &Engine,
    name: &str,
    location: Option<String>,
    tags: Vec<(String, String)>,
) -> anyhow::Result<ExperimentId> {
    let name = check_name(name)?;
    let id = ExperimentId::from_bytes(engine.new_id());
    let experiment = Experiment { location, tags: tags.into_iter().collect(), ..new(id, None, name, engine.now_ms()) };
    engine
        .store()
        .write(move |tx| {
            if let Some(taken) = store::experiment::named(tx, &experiment.name)? {
                return Err(exists(&taken).into());
            }
            store::experiment::insert(tx, &experiment)
        })
        .await?;
    engine.changed(Tag::Experiments);
    Ok(id)
}

fn exists(taken: &Experiment) -> ApiError {
    let name = &taken.name;
    if taken.deleted_ms.is_some() {
        return ApiError::new(ErrorCode::Conflict, format!("Experiment '{name}' already exists in deleted state."))
            .with_hint("Restore it, delete it for good, or choose another name.");
    }
    ApiError::new(ErrorCode::Conflict, format!("Experiment '{name}' already exists.")).with_hint("Choose another name.")
}

pub async fn edit(engine: &Engine, request: EditExperiment) -> anyhow::Result<Experiment> {
    let id = request.experiment;
    let name = request.name.as_deref().map(check_name).transpose()?;
    let folder = request.folder.as_deref().map(check_folder).transpose()?;
    let now_ms = engine.now_ms();
    let found = engine
        .store()
        .write(move |tx| {
            let Some(mut experiment) = store::experiment::get(tx, id)? else { return Ok(false) };
            if experiment.deleted_ms.is_some() {
                return Err(deleted(&experiment).into());
            }
            if let Some(name) = name.filter(|name| *name != experiment.name) {
                let taken = store::experiment::named(tx, &name)?;
                if let Some(taken) = taken.filter(|taken| taken.id != id) {
                    return Err(exists(&taken).into());
                }
                experiment.name = name;
            }
            if let Some(folder) = folder {
                experiment.folder = folder;
            }
            if let Some(notes) = request.notes {
                store::experiment::put_tag(tx, id, NOTE_TAG, &notes)?;
            }
            experiment.updated_ms = now_ms;
            store::experiment::put(tx, &experiment)?;
            Ok(true)
        })
        .await?;
    if !found {
        return Err(error::missing("experiment", id));
    }
    engine.changed(Tag::Experiments);
    find(engine, id).await
}

/// Moves an experiment with its runs into a project, or out of the one that it is in.
pub async fn move_to(engine: &Engine, request: MoveExperiment) -> anyhow::Result<Experiment> {
    let MoveExperiment { experiment: id, to } = request;
    let now_ms = engine.now_ms();
    let from = engine
        .store()
        .write(move |tx| {
            let Some(mut experiment) = store::experiment::get(tx, id)? else { return Err(missing(id).into()) };
            if experiment.deleted_ms.is_some() {
                return Err(deleted(&experiment).into());
            }
            let conflict = |message: String| ApiError::new(ErrorCode::Conflict, message);
            if experiment.is_own {
                let message = format!("{} is the experiment of a project.", experiment.name);
                return Err(conflict(message).with_hint("Move its runs instead.").into());
            }
            if let Some(project) = to
                && store::project::get(tx, project)?.is_none()
            {
                return Err(ApiError::not_found(format!("There is no project {project}.")).into());
            }
            if to != experiment.project && store::run::has_supervised(tx, id)? {
                let message = format!("{} has runs that belong to their project's folder and data.", experiment.name);
                return Err(conflict(message).with_hint("Move the others one by one.").into());
            }
            let from = std::mem::replace(&mut experiment.project, to);
            experiment.updated_ms = now_ms;
            store::experiment::put(tx, &experiment)?;
            Ok(from)
        })
        .await?;
    engine.board().forget(id);
    engine.changed(Tag::Experiments);
    engine.changed(Tag::Experiment(id));
    [from, to].into_iter().flatten().for_each(|project| engine.changed(Scope::Project(project).tag()));
    find(engine, id).await
}

fn deleted(experiment: &Experiment) -> ApiError {
    ApiError::invalid(format!("Experiment '{}' is deleted.", experiment.name)).with_hint("Restore it first.")
}

/// Changes an experiment's tags; `None` removes one. Whether all that were to be removed were there.
pub async fn tag(engine: &Engine, id: ExperimentId, key: String, value: Option<String>) -> anyhow::Result<()> {
    let now_ms = engine.now_ms();
    engine
        .store()
        .write(move |tx| {
            let Some(mut experiment) = store::experiment::get(tx, id)? else {
                return Err(missing(id).into());
            };
            if experiment.deleted_ms.is_some() {
                return Err(deleted(&experiment).into());
            }
            match value {
                Some(value) => store::experiment::put_tag(tx, id, &key, &value)?,
                None if store::experiment::delete_tag(tx, id, &key)? => {}
                None => {
                    let message = format!("No tag with name: {key} in experiment with id {}", experiment.number);
                    return Err(ApiError::not_found(message).into());
                }
            }
            experiment.updated_ms = now_ms;
            store::experiment::put(tx, &experiment)
        })
        .await?;
    engine.changed(Tag::Experiments);
    Ok(())
}

fn missing(id: ExperimentId) -> ApiError {
    ApiError::not_found(format!("There is no experiment {id}."))
}

/// Deletes an experiment and its runs, so that they can be restored.
pub async fn delete(engine: &Engine, request: DeleteExperiment) -> anyhow::Result<()> {
    mark(engine, request.experiment, true).await
}

pub async fn restore(engine: &Engine, request: RestoreExperiment) -> anyhow::Result<Experiment> {
    mark(engine, request.experiment, false).await?;
    find(engine, request.experiment).await
}

async fn mark(engine: &Engine, id: ExperimentId, delete: bool) -> anyhow::Result<()> {
    let now_ms = engine.now_ms();
    engine
        .store()
        .write_durable(move |tx| {
            let Some(mut experiment) = store::experiment::get(tx, id)? else { return Err(missing(id).into()) };
            if delete && experiment.is_own {
                let message = format!("{} is the experiment of a project.", experiment.name);
                return Err(ApiError::new(ErrorCode::InUse, message).with_hint("Delete the project instead.").into());
            }
            if delete == experiment.deleted_ms.is_some() {
                let state = if delete { "deleted" } else { "active" };
                let message = format!(
                    "Cannot {} experiment '{}': it is {state} already.",
                    if delete { "delete" } else { "restore" },
                    experiment.name
                );
                return Err(ApiError::invalid(message).into());
            }
            if !delete
                && let Some(taken) = store::experiment::named(tx, &experiment.name)?.filter(|taken| taken.id != id)
            {
                return Err(exists(&taken).into());
            }
            experiment.deleted_ms = delete.then_some(now_ms);
            experiment.updated_ms = now_ms;
            store::experiment::put(tx, &experiment)?;
            store::run::mark_all(tx, id, delete, now_ms)
        })
        .await?;
    engine.board().forget(id);
    engine.changed(Tag::Experiments);
    engine.changed(Tag::Experiment(id));
    Ok(())
}

/// Deletes an experiment with its runs and their files for good.
pub async fn purge(engine: &Engine, request: PurgeExperiment) -> anyhow::Result<Freed> {
    let id = request.experiment;
    let experiment = find(engine, id).await?;
    if experiment.number == 0 {
        let message =
            format!("{} can't be deleted for good: clients that name no experiment log there.", experiment.name);
        let hint = "It can stay deleted, and its runs can be deleted for good.";
        bail!(ApiError::new(ErrorCode::Conflict, message).with_hint(hint));
    }
    if experiment.deleted_ms.is_none() {
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("{} is not deleted.", experiment.name))
                .with_hint("Delete it first: it can then be restored, or deleted for good.")
        );
    }
    // Until now models stayed behind where their runs were moved: they go where these are.
    engine.store().write(move |tx| store::logged_model::follow_runs(tx, id)).await?;
    let called = experiment.name;
    let runs = engine
        .store()
        .read(move |c| {
            let logged = store::logged_model::ids_of(c, id)?;
            let pointed = store::client_version::pointed(c)?;
            match run::deletion::registered(&pointed, logged.iter(), &called) {
                Some(refusal) => Err(refusal.into()),
                None => store::run::of_experiment(c, id),
            }
        })
        .await?;
    let mut freed = purge_runs(engine, PurgeRuns { runs }).await?;
    let logged = engine
        .store()
        .write_durable(move |tx| {
            let logged = store::logged_model::ids_of(tx, id)?;
            store::experiment::delete(tx, id)?;
            Ok(logged)
        })
        .await?;
    let folders: Vec<_> = logged.iter().map(|model| engine.workspace().logged(model)).collect();
    freed.bytes += tokio::task::spawn_blocking(move || {
        folders.iter().map(|folder| crate::storage::remove_folder(folder)).sum::<u64>()
    })
    .await?;
    engine.board().forget(id);
    engine.changed(Tag::Experiments);
    freed.records += 1;
    Ok(freed)
}

pub async fn trash_runs(engine: &Engine, request: TrashRuns) -> anyhow::Result<()> {
    mark_runs(engine, request.runs, true).await
}

pub async fn restore_runs(engine: &Engine, request: RestoreRuns) -> anyhow::Result<()> {
    mark_runs(engine, request.runs, false).await
}

async fn mark_runs(engine: &Engine, runs: Vec<RunId>, delete: bool) -> anyhow::Result<()> {
    let now_ms = engine.now_ms();
    let changed = engine
        .store()
        .write_durable(move |tx| {
            let mut changed = Vec::with_capacity(runs.len());
            for id in runs {
                let Some(mut row) = store::run::bare(tx, id)? else { return Err(run_missing(id).into()) };
                if delete && row.run.kind.is_supervised() && !row.run.state.is_over() {
                    let message = format!("{} is under way.", row.run.name);
                    return Err(ApiError::new(ErrorCode::InUse, message).with_hint("Stop it first.").into());
                }
                row.run.deleted_ms = delete.then_some(row.run.deleted_ms.unwrap_or(now_ms));
                store::run::put(tx, &row)?;
                changed.push((id, run::scope(&row.run)));
            }
            Ok(changed)
        })
        .await?;
    announce(engine, &changed);
    Ok(())
}

fn run_missing(id: RunId) -> ApiError {
    ApiError::not_found(format!("Run with id={id} not found"))
}

pub(crate) fn announce(engine: &Engine, changed: &[(RunId, Scope)]) {
    let mut scopes: Vec<Scope> = Vec::new();
    for (run, scope) in changed {
        engine.changed(Tag::Run(*run));
        if !scopes.contains(scope) {
            scopes.push(*scope);
        }
    }
    scopes.into_iter().for_each(|scope| engine.changed(scope.tag()));
    engine.changed(Tag::Experiments);
}

/// Deletes runs with their files for good; refused while a model version points at one.
pub async fn purge_runs(engine: &Engine, request: PurgeRuns) -> anyhow::Result<Freed> {
    run::deletion::for_good(engine, request.runs).await
}

/// Moves runs into another experiment, and so into its project.
pub async fn move_runs(engine: &Engine, request: MoveRuns) -> anyhow::Result<()> {
    let to = find(engine, request.to).await?;
    if to.deleted_ms.is_some() {
        bail!(deleted(&to));
    }
    let changed = engine
        .store()
        .write(move |tx| {
            let mut changed = Vec::with_capacity(request.runs.len() * 2);
            for id in request.runs {
                let Some(row) = store::run::bare(tx, id)? else { return Err(run_missing(id).into()) };
                if row.run.kind.is_supervised() && to.project != row.run.project {
                    let message = format!("{} belongs to its project's folder and data.", row.run.name);
                    return Err(ApiError::new(ErrorCode::Conflict, message)
                        .with_hint("Runs of clients and imported runs can be moved.")
                        .into());
                }
                changed.push((id, run::scope(&row.run)));
                // Its files stay where they are: where its client was told to put them.
                let (number, location) = store::experiment::address(tx, row.run.experiment)?.unwrap_or_default();
                let address = run::artifact_uri(&row, number, location.as_deref());
                store::run::move_to(tx, id, to.id, to.project, &address)?;
                changed.push((id, to.project.map_or(Scope::Experiment(to.id), Scope::Project)));
            }
            Ok(changed)
        })
        .await?;
    announce(engine, &changed);
    Ok(())
}

fn check_name(name: &str) -> anyhow::Result<String> {
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
        bail!(ApiError::invalid("An experiment needs a name of at most 500 characters."));
    }
    Ok(name.to_owned())
}

/// A folder's path as it is kept: names joined by "/", without empty ones.
fn check_folder(folder: &str) -> anyhow::Result<String> {
    let parts: Vec<&str> = folder.split('/').map(str::trim).filter(|part| !part.is_empty()).collect();
    let folder = parts.join("/");
    if folder.chars().count() > LONGEST_NAME || folder.chars().any(char::is_control) {
        bail!(ApiError::invalid("A folder's path has at most 500 characters, and no line breaks."));
    }
    Ok(folder)
}
