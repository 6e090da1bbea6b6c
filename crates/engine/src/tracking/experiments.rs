//! Experiments: made, renamed, put into folders, deleted and restored; runs moved between them, deleted and restored.

use std::collections::HashSet;

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

use super::{client, texts};
use crate::{
    Engine, error, project,
    run::{self, Lists, board::View, deletion::Which, nested, surroundings::without_password},
};

mod searching;

/// MLflow's limits.
const LONGEST_NAME: usize = 500;
const LONGEST_KEY: usize = 250;
const LONGEST_TAG: usize = 20_000;

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
        newest_run_ms: None,
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

/// The same as a person is told of it: a client may have put a password into the address of its files, which clients alone need.
async fn told(engine: &Engine, id: ExperimentId) -> anyhow::Result<Experiment> {
    find(engine, id).await.map(masked)
}

fn masked(experiment: Experiment) -> Experiment {
    Experiment { location: experiment.location.as_deref().map(without_password), ..experiment }
}

pub async fn list(engine: &Engine, request: ListExperiments) -> anyhow::Result<Vec<Experiment>> {
    let filter = searching::filter(&request.filter)?;
    let view = if request.deleted { View::Deleted } else { View::Active };
    let (asked, _asking) = engine.board().ask();
    Ok(engine
        .store()
        .read(move |c| {
            let mut all = searching::passing(store::experiment::all(c)?, &asked, view, &filter)?;
            for experiment in &mut all {
                (experiment.runs, experiment.newest_run_ms) =
                    store::experiment::runs(c, experiment.id, experiment.deleted_ms)?;
            }
            Ok(all.into_iter().map(masked).collect())
        })
        .await?)
}

/// The experiments that match, by MLflow's rules: the last that was changed first, unless an order is given.
pub async fn search(
    engine: &Engine,
    view: View,
    text: Option<&str>,
    orders: &[String],
) -> anyhow::Result<Vec<Experiment>> {
    let filter = searching::filter(text.unwrap_or_default())?;
    let orders = super::registry::searching::orders(orders, searching::ATTRIBUTES)?;
    let all = engine.store().read(store::experiment::all).await?;
    let (asked, _asking) = engine.board().ask();
    // There may be tens of thousands. No reader of the database waits for it.
    Ok(tokio::task::spawn_blocking(move || searching::matching(all, &asked, view, (&filter, &orders))).await??)
}

pub async fn create(engine: &Engine, request: CreateExperiment) -> anyhow::Result<Experiment> {
    let folder = check_folder(&request.folder)?;
    // What a person types has no space around it; what a client asks for is found by the very name.
    let id = add(engine, request.name.trim(), None, Vec::new()).await?;
    if folder.is_empty() {
        return told(engine, id).await;
    }
    edit(engine, EditExperiment { folder: Some(folder), ..EditExperiment::of(id) }).await
}

/// Makes an experiment that belongs to no project.
pub async fn add(
    engine: &Engine,
    name: &str,
    location: Option<String>,
    tags: Vec<(String, String)>,
) -> anyhow::Result<ExperimentId> {
    let name = check_name(name)?;
    texts::check_record("experiment", 0, texts::bytes_of(&tags))?;
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
    // One that is refused now may stand there from before, and is removed by its name.
    for (key, value) in &request.tags {
        value.as_ref().map_or(Ok(()), |value| check_tag(key, value))?;
    }
    let now_ms = engine.now_ms();
    let found = engine
        .store()
        .write(move |tx| {
            let Some(mut experiment) = store::experiment::get(tx, id)? else { return Ok(false) };
            if experiment.deleted_ms.is_some() {
                return Err(deleted(&experiment).into());
            }
            if let Some(name) = name.filter(|name| *name != experiment.name) {
                if experiment.is_own {
                    return Err(own(&experiment, ErrorCode::InUse, "Rename the project instead.").into());
                }
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
            for (key, value) in &request.tags {
                match value {
                    Some(value) => store::experiment::put_tag(tx, id, key, value)?,
                    None => {
                        store::experiment::delete_tag(tx, id, key)?;
                    }
                }
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
    told(engine, id).await
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
            if experiment.is_own {
                return Err(own(&experiment, ErrorCode::Conflict, "Move its runs instead.").into());
            }
            if let Some(project) = to
                && store::project::get(tx, project)?.is_none()
            {
                return Err(ApiError::not_found(format!("There is no project {project}.")).into());
            }
            if to != experiment.project && store::run::has_supervised(tx, id)? {
                let message = format!("{} has runs that belong to their project's folder and data.", experiment.name);
                let refusal = ApiError::new(ErrorCode::Conflict, message).with_hint("Move the others one by one.");
                return Err(refusal.into());
            }
            let from = std::mem::replace(&mut experiment.project, to);
            experiment.updated_ms = now_ms;
            store::experiment::put(tx, &experiment)?;
            Ok(from)
        })
        .await?;
    engine.board().forget(id);
    engine.changed(Tag::Experiments);
    engine.changed(Tag::EveryRun);
    run::announce_lists(engine, [from, to].map(|project| Lists { experiment: id, project }));
    told(engine, id).await
}

/// Why something can't be done with a project's own experiment, and what can be done.
fn own(experiment: &Experiment, code: ErrorCode, instead: &str) -> ApiError {
    ApiError::new(code, format!("{} is the experiment of a project.", experiment.name)).with_hint(instead)
}

/// A name as it is typed behind a command.
pub(crate) fn in_a_shell(name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:".contains(letter);
    match name {
        plain if plain.chars().all(is_plain) => plain.to_owned(),
        _ => format!("'{}'", name.replace('\'', r"'\''")),
    }
}

fn deleted(experiment: &Experiment) -> ApiError {
    ApiError::invalid(format!("Experiment '{}' is deleted.", experiment.name)).with_hint("Restore it first.")
}

/// What a tag of an experiment can be.
///
/// # Errors
/// Where the key or the value is too long.
pub fn check_tag(key: &str, value: &str) -> Result<(), ApiError> {
    if key.is_empty() || key.chars().count() > LONGEST_KEY {
        return Err(ApiError::invalid(format!("A tag's key has 1 to {LONGEST_KEY} characters.")));
    }
    if value.chars().count() > LONGEST_TAG {
        return Err(ApiError::invalid(format!(
            "The value of the tag '{key}' is longer than {LONGEST_TAG} characters."
        ))
        .with_hint("Keep a long text as notes, or as an artifact of a run."));
    }
    Ok(())
}

/// Changes an experiment's tags; `None` removes one. Whether all that were to be removed were there.
pub async fn tag(engine: &Engine, id: ExperimentId, key: String, value: Option<String>) -> anyhow::Result<()> {
    engine
        .store()
        .write(move |tx| {
            let Some(experiment) = store::experiment::get(tx, id)? else {
                return Err(missing(id).into());
            };
            if experiment.deleted_ms.is_some() {
                return Err(deleted(&experiment).into());
            }
            // When it was updated last is said by its name, and by what was deleted and restored, as in MLflow.
            match value {
                Some(value) => {
                    let before = texts::bytes_in(&experiment.tags);
                    let replaced = experiment.tags.get(&key).map_or(0, |replaced| key.len() + replaced.len());
                    texts::check_record("experiment", before, before - replaced + key.len() + value.len())?;
                    store::experiment::put_tag(tx, id, &key, &value)
                }
                None if store::experiment::delete_tag(tx, id, &key)? => Ok(()),
                None => {
                    let message = format!("No tag with name: {key} in experiment with id {}", experiment.number);
                    Err(ApiError::not_found(message).into())
                }
            }
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
    let (id, now_ms) = (request.experiment, engine.now_ms());
    let marked = engine.store().write_durable(move |tx| {
        let Some(mut experiment) = store::experiment::get(tx, id)? else { return Err(missing(id).into()) };
        if experiment.is_own {
            let name = in_a_shell(&experiment.name);
            let instead = format!(
                "Delete the project instead: `slipway project forget {name}` deletes what is known of it, and leaves its folder."
            );
            return Err(own(&experiment, ErrorCode::InUse, &instead).into());
        }
        if experiment.deleted_ms.is_some() {
            let message = format!("Cannot delete experiment '{}': it is deleted already.", experiment.name);
            return Err(ApiError::invalid(message).into());
        }
        if let Some(name) = store::run::under_way(tx, id)? {
            return Err(run::deletion::is_under_way(&name).into());
        }
        // By this moment a restoring tells what went with the experiment from what was deleted one by one before.
        let last_ms = store::run::last_deleted(tx, id)?;
        let at_ms = last_ms.map_or(now_ms, |last_ms| now_ms.max(last_ms + 1));
        experiment.deleted_ms = Some(at_ms);
        experiment.updated_ms = now_ms;
        store::experiment::put(tx, &experiment)?;
        store::run::mark_all(tx, id, at_ms)?;
        Ok(Lists::of_experiment(&experiment))
    });
    announce_whole(engine, marked.await?);
    Ok(())
}

/// Restores an experiment with what was deleted with it.
pub async fn restore(engine: &Engine, request: RestoreExperiment) -> anyhow::Result<Experiment> {
    bring_back(engine, request.experiment, Back::WentWithIt).await?;
    told(engine, request.experiment).await
}

/// Restores an experiment with all its runs, as MLflow's server does.
pub async fn restore_whole(engine: &Engine, id: ExperimentId) -> anyhow::Result<()> {
    bring_back(engine, id, Back::All).await
}

/// Which of its runs come back with an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    WentWithIt,
    All,
}

async fn bring_back(engine: &Engine, id: ExperimentId, back: Back) -> anyhow::Result<()> {
    let now_ms = engine.now_ms();
    let marked = engine.store().write_durable(move |tx| {
        let Some(mut experiment) = store::experiment::get(tx, id)? else { return Err(missing(id).into()) };
        let Some(at_ms) = experiment.deleted_ms else {
            let message = format!("Cannot restore experiment '{}': it is active already.", experiment.name);
            return Err(ApiError::invalid(message).into());
        };
        project::deletion::refuse_if_deleted(tx, experiment.project, &format!("Experiment '{}'", experiment.name))?;
        if let Some(taken) = store::experiment::named(tx, &experiment.name)?.filter(|taken| taken.id != id) {
            return Err(exists(&taken).into());
        }
        experiment.deleted_ms = None;
        experiment.updated_ms = now_ms;
        store::experiment::put(tx, &experiment)?;
        store::run::unmark(tx, id, (back == Back::WentWithIt).then_some(at_ms))?;
        Ok(Lists::of_experiment(&experiment))
    });
    announce_whole(engine, marked.await?);
    Ok(())
}

/// Announces what was done to all runs of an experiment at once.
fn announce_whole(engine: &Engine, lists: Lists) {
    engine.board().forget(lists.experiment);
    engine.changed(Tag::Experiments);
    engine.changed(Tag::EveryRun);
    run::announce_lists(engine, [lists]);
}

/// Deletes an experiment with its runs and their files for good.
pub async fn purge(engine: &Engine, request: PurgeExperiment) -> anyhow::Result<Freed> {
    let (id, now_ms) = (request.experiment, engine.now_ms());
    let experiment = find(engine, id).await?;
    if experiment.is_default() {
        let message =
            format!("{} can't be deleted for good: clients that name no experiment log there.", experiment.name);
        let hint = "It can stay deleted, and its runs can be deleted for good.";
        bail!(ApiError::new(ErrorCode::Conflict, message).with_hint(hint));
    }
    if experiment.deleted_ms.is_none() {
        bail!(not_deleted(&experiment));
    }
    // Until now models stayed behind where their runs were moved: they go where these are.
    engine.store().write(move |tx| store::logged_model::follow_runs(tx, id)).await?;
    let called = experiment.name.clone();
    let runs = engine
        .store()
        .read(move |c| {
            let logged = store::logged_model::ids_of(c, id)?;
            match run::deletion::Pointed::of(c, now_ms)?.refusal(logged.iter(), &called) {
                Some(refusal) => Err(refusal.into()),
                None => store::run::of_experiment(c, id),
            }
        })
        .await?;
    // Also those that were restored by themselves meanwhile: they are of what goes.
    let mut freed = run::deletion::for_good(engine, runs, Which::Of(id)).await?;
    let logged = engine
        .store()
        .write_durable(move |tx| {
            if let Some(refusal) = stays(tx, id)? {
                return Err(refusal.into());
            }
            let logged = store::logged_model::ids_of(tx, id)?;
            store::experiment::delete(tx, id)?;
            super::views::forget(tx, Scope::Experiment(id), now_ms)?;
            Ok(logged)
        })
        .await?;
    let folders: Vec<_> = logged.iter().map(|model| engine.workspace().logged(model)).collect();
    freed.bytes += tokio::task::spawn_blocking(move || {
        folders.iter().map(|folder| crate::storage::remove_folder(folder)).sum::<u64>()
    })
    .await?;
    announce_whole(engine, Lists::of_experiment(&experiment));
    freed.records += 1;
    Ok(freed)
}

/// Why an experiment can't go for good now: it was restored while its runs were deleted, or has some that can't go.
fn stays(tx: &store::Transaction<'_>, id: ExperimentId) -> store::Result<Option<ApiError>> {
    let Some(experiment) = store::experiment::get(tx, id)? else { return Ok(Some(missing(id))) };
    if experiment.deleted_ms.is_none() {
        return Ok(Some(not_deleted(&experiment)));
    }
    let Some(left) = store::run::of_experiment(tx, id)?.first().copied() else { return Ok(None) };
    let name = store::run::bare(tx, left)?.map_or_else(String::new, |row| row.run.name);
    let message =
        format!("{name} stays, and {} with it: it came, started or was registered meanwhile.", experiment.name);
    Ok(Some(ApiError::new(ErrorCode::InUse, message).with_hint("Try again: what keeps it is said then.")))
}

pub(crate) fn not_deleted(experiment: &Experiment) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{} is not deleted.", experiment.name))
        .with_hint("Delete it first: it can then be restored, or deleted for good.")
}

pub async fn trash_runs(engine: &Engine, request: TrashRuns) -> anyhow::Result<()> {
    mark_runs(engine, request.runs, true).await
}

pub async fn restore_runs(engine: &Engine, request: RestoreRuns) -> anyhow::Result<()> {
    mark_runs(engine, request.runs, false).await
}

/// Every other write waits for one of runs, and would for a run that is named again and again.
fn each_once(mut runs: Vec<RunId>) -> Vec<RunId> {
    let mut seen = HashSet::new();
    runs.retain(|run| seen.insert(*run));
    runs
}

async fn mark_runs(engine: &Engine, runs: Vec<RunId>, delete: bool) -> anyhow::Result<()> {
    let (runs, now_ms) = (each_once(runs), engine.now_ms());
    let (changed, parents) = engine
        .store()
        .write_durable(move |tx| {
            let (mut changed, mut parents) = (Vec::with_capacity(runs.len()), Vec::new());
            for id in runs {
                let Some(mut row) = store::run::bare(tx, id)? else { return Err(client::missing(id).into()) };
                if let Some(refusal) = run::deletion::under_way(&row).filter(|_| delete) {
                    return Err(refusal.into());
                }
                if !delete {
                    project::deletion::refuse_if_deleted(tx, row.run.project, &row.run.name)?;
                }
                row.run.deleted_ms = delete.then_some(row.run.deleted_ms.unwrap_or(now_ms));
                store::run::put(tx, &row)?;
                changed.push((id, Lists::of(&row.run)));
                parents.extend(nested::parent_of(&store::tag::of_run(tx, id)?));
            }
            Ok((changed, parents))
        })
        .await?;
    announce(engine, &changed);
    nested::announce(engine, parents);
    Ok(())
}

pub(crate) fn announce(engine: &Engine, changed: &[(RunId, Lists)]) {
    engine.changed_runs(&changed.iter().map(|(run, _)| *run).collect::<Vec<_>>());
    run::announce_lists(engine, changed.iter().map(|(_, lists)| *lists));
    engine.changed(Tag::Experiments);
}

/// Deletes deleted runs with their files for good; refused while a model version points at one.
pub async fn purge_runs(engine: &Engine, request: PurgeRuns) -> anyhow::Result<Freed> {
    run::deletion::for_good(engine, request.runs, Which::Deleted).await
}

/// Moves runs into another experiment, and so into its project.
pub async fn move_runs(engine: &Engine, request: MoveRuns) -> anyhow::Result<()> {
    let request = MoveRuns { runs: each_once(request.runs), ..request };
    let changed = engine
        .store()
        .write(move |tx| {
            let Some(to) = store::experiment::get(tx, request.to)? else { return Err(missing(request.to).into()) };
            if to.deleted_ms.is_some() {
                return Err(deleted(&to).into());
            }
            let mut runs = request.runs;
            if request.with_children {
                let named = nested::named(tx, &runs)?;
                runs.extend(nested::below(tx, &named)?.into_iter().map(|place| place.id));
            }
            let mut changed = Vec::with_capacity(runs.len() * 2);
            for id in runs {
                let Some(row) = store::run::bare(tx, id)? else { return Err(client::missing(id).into()) };
                if let Some(why) = row.run.kind.stays_because(row.run.project, to.project) {
                    let message = format!("{} {why}.", row.run.name);
                    return Err(ApiError::new(ErrorCode::Conflict, message)
                        .with_hint("It can be moved among its project's experiments; runs of clients and imported runs anywhere.")
                        .into());
                }
                changed.push((id, Lists::of(&row.run)));
                // Its files stay where they are: where its client was told to put them.
                let (number, location) = store::experiment::address(tx, row.run.experiment)?.unwrap_or_default();
                let address = run::artifact_uri(&row, number, location.as_deref());
                store::run::move_to(tx, id, to.id, to.project, &address)?;
                changed.push((id, Lists::of_experiment(&to)));
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
pub(super) fn check_folder(folder: &str) -> anyhow::Result<String> {
    let parts: Vec<&str> = folder.split('/').map(str::trim).filter(|part| !part.is_empty()).collect();
    let folder = parts.join("/");
    if folder.chars().count() > LONGEST_NAME || folder.chars().any(char::is_control) {
        bail!(ApiError::invalid("A folder's path has at most 500 characters, and no line breaks."));
    }
    Ok(folder)
}
