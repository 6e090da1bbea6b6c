//! A project is deleted so that it comes back for a day with all that went with it: it is hidden, and its experiments are
//! marked with their runs, as if each had been deleted. Its records and files stay until it goes for good. Its folder is
//! the user's and is never touched.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use anyhow::bail;
use api::{
    ApiError, ErrorCode, ExperimentId, ProjectId, RunId, SnapshotId,
    event::Tag,
    host::Freed,
    project::{DeleteProject, DeletedProject, ListDeletedProjects, Project, PurgeProject, RestoreProject},
    tracking::{Experiment, Scope},
};
use serde::{Deserialize, Serialize};
use store::{Connection, Transaction, project::ProjectRow};

use super::name_of;
use crate::{
    Engine, error,
    run::{self, Lists},
    snapshot, source, storage,
    tracking::{
        experiments,
        gone::{self, KEPT_MS},
        views,
    },
};

/// What went with a project.
#[derive(Debug, Serialize, Deserialize)]
struct Deletion {
    at_ms: i64,
    runs: u64,
    versions: u64,
    /// The experiments that were not deleted before, each with the moment by which its runs are marked.
    experiments: Vec<(ExperimentId, i64)>,
    /// The same of the one that stays, since clients that name none log there.
    #[serde(default)]
    default: Option<(ExperimentId, i64)>,
}

impl Deletion {
    /// Whether its day is over: the next cleaning takes it, unless something keeps it.
    const fn is_over(&self, now_ms: i64) -> bool {
        self.at_ms < now_ms - KEPT_MS
    }
}

/// The projects that are there, and those of this folder or of the id in its file that were deleted: opening the folder
/// brings such a one back, unless its own folder is another one.
pub(super) fn known_at(c: &Connection, path: &str, id: Option<ProjectId>) -> store::Result<Vec<ProjectRow>> {
    let mut known = store::project::all(c)?;
    for row in store::project::with_deleted(c)? {
        let is_free = |other: &ProjectRow| other.id != row.id && (other.path != row.path || id == Some(row.id));
        if (row.path == path || id == Some(row.id)) && known.iter().all(is_free) {
            known.push(row);
        }
    }
    Ok(known)
}

/// Refused while a run of it is under way, or a model of it deployed.
pub async fn delete(engine: &Engine, request: DeleteProject) -> anyhow::Result<DeletedProject> {
    let (id, now_ms) = (request.project, engine.now_ms());
    let delete = move |tx: &Transaction<'_>| {
        let Some(row) = store::project::get(tx, id)? else { return Ok(None) };
        if let Some(refusal) = refusal(tx, &row)? {
            return Err(refusal.into());
        }
        let (deletion, lists) = mark(tx, id, now_ms)?;
        store::project::mark_deleted(tx, id, &deletion)?;
        let registered = store::client_version::lying_in_any(tx, &places(tx, id)?, &HashSet::from([id]))?;
        Ok(Some((told(&row, &deletion, registered), lists)))
    };
    let deleted = engine.store().write_durable(delete).await?;
    let (deleted, lists) = deleted.ok_or_else(|| error::missing("project", id))?;
    engine.watch().remove(id);
    engine.folders().forget(id);
    source::rest(engine, id).await?;
    announce(engine, id, lists);
    Ok(deleted)
}

/// Marks the experiments of a project, each with its runs.
fn mark(tx: &Transaction<'_>, id: ProjectId, now_ms: i64) -> store::Result<(Deletion, Vec<Lists>)> {
    let versions = store::version::of_project(tx, id)?.len() as u64;
    let mut deletion = Deletion { at_ms: now_ms, runs: 0, versions, experiments: Vec::new(), default: None };
    let mut lists = Vec::new();
    for experiment in store::experiment::all_of_project(tx, id)? {
        let Some(experiment) = store::experiment::get(tx, experiment)? else { continue };
        if experiment.deleted_ms.is_some() {
            continue;
        }
        let of = experiment.id;
        // By this moment its restoring tells what went with it from what was deleted one by one before.
        let at_ms = store::run::last_deleted(tx, of)?.map_or(now_ms, |last_ms| now_ms.max(last_ms + 1));
        deletion.runs += store::experiment::runs(tx, of, None)?.0;
        lists.push(Lists::of_experiment(&experiment));
        store::run::mark_all(tx, of, at_ms)?;
        if experiment.is_default() {
            deletion.default = Some((of, at_ms));
        } else {
            store::experiment::put(tx, &Experiment { deleted_ms: Some(at_ms), updated_ms: now_ms, ..experiment })?;
            deletion.experiments.push((of, at_ms));
        }
    }
    store::experiment::leave(tx, id)?;
    Ok((deletion, lists))
}

/// Takes the marks away where the project was deleted; none where it was not. Of an experiment whose name another took
/// the next free one is its own.
pub(super) fn bring_back(tx: &Transaction<'_>, id: ProjectId, now_ms: i64) -> store::Result<Option<Vec<Lists>>> {
    let Some(deletion) = store::project::deletion::<Deletion>(tx, id)? else { return Ok(None) };
    store::project::unmark_deleted(tx, id)?;
    let mut lists = Vec::new();
    for (of, at_ms) in deletion.experiments {
        let marked = store::experiment::get(tx, of)?.filter(|experiment| experiment.deleted_ms == Some(at_ms));
        let Some(experiment) = marked else { continue };
        let name = store::experiment::free_name(tx, &experiment.name, of)?;
        store::experiment::put(tx, &Experiment { name, deleted_ms: None, updated_ms: now_ms, ..experiment })?;
        store::run::unmark(tx, of, Some(at_ms))?;
        lists.push(Lists { experiment: of, project: Some(id) });
    }
    if let Some((of, at_ms)) = deletion.default
        && let Some(experiment) = store::experiment::get(tx, of)?
    {
        // Another project may have it by now: its runs belong where it does.
        let project = experiment.project.or(Some(id));
        store::experiment::put(tx, &Experiment { project, ..experiment })?;
        store::run::unmark(tx, of, Some(at_ms))?;
        lists.push(Lists { experiment: of, project });
    }
    Ok(Some(lists))
}

/// Announces that a project was deleted or brought back, with all that it has.
pub(super) fn announce(engine: &Engine, id: ProjectId, lists: Vec<Lists>) {
    lists.iter().for_each(|lists| engine.board().forget(lists.experiment));
    for tag in [
        Tag::Projects,
        Tag::Data(id),
        Tag::Sources,
        Tag::Experiments,
        Tag::EveryRun,
        Tag::Searches(id),
        Tag::Models(id),
        Tag::ClientModels,
        Tag::Packages,
        Tag::Jobs,
        Tag::Storage,
    ] {
        engine.changed(tag);
    }
    run::announce_lists(engine, lists);
}

fn told(row: &ProjectRow, deletion: &Deletion, registered: Vec<String>) -> DeletedProject {
    let name = name_of(&row.file, Path::new(&row.path));
    let Deletion { at_ms: deleted_ms, runs, versions, .. } = *deletion;
    let (project, path) = (row.id, row.path.clone());
    DeletedProject { project, name, path, deleted_ms, runs, versions, registered, kept_because: None }
}

/// What goes for good with a deleted project and files of clients' versions may lie in: its runs, and the models that were
/// logged in its experiments.
fn places(c: &Connection, id: ProjectId) -> store::Result<HashSet<String>> {
    let mut places: HashSet<String> = store::run::ids(c, Some(id))?.iter().map(ToString::to_string).collect();
    for experiment in store::experiment::all_of_project(c, id)? {
        places.extend(store::logged_model::ids_of(c, experiment)?);
    }
    Ok(places)
}

/// Why a deleted project can't go for good: versions that outlive it have no files but those of its runs.
fn pointed_at(c: &Connection, row: &ProjectRow, now_ms: i64) -> store::Result<Option<ApiError>> {
    let (places, name) = (places(c, row.id)?, name_of(&row.file, Path::new(&row.path)));
    // Projects whose day is over hold no other.
    let over = deleted(c)?.into_iter().filter(|(_, deletion)| deletion.is_over(now_ms));
    let going: HashSet<ProjectId> = over.map(|(row, _)| row.id).chain([row.id]).collect();
    if let Some(version) = store::client_version::lying_in_any(c, &places, &going)?.first() {
        return Ok(Some(run::deletion::points_here(version, &name)));
    }
    let restorable = gone::lying_in_any(c, &places, row.id, now_ms)?;
    Ok(restorable.map(|one| run::deletion::would_point_here(&one.version, &name, &one.title)))
}

/// Why a deleted project stays here when its day is over, if it does.
fn kept_because(c: &Connection, row: &ProjectRow, now_ms: i64) -> store::Result<Option<ApiError>> {
    match refusal(c, row)? {
        Some(refusal) => Ok(Some(refusal)),
        None => pointed_at(c, row, now_ms),
    }
}

/// Why a project can't be deleted, if it can't.
fn refusal(c: &Connection, row: &ProjectRow) -> store::Result<Option<ApiError>> {
    for experiment in store::experiment::all_of_project(c, row.id)? {
        if let Some(run) = store::run::under_way(c, experiment)? {
            let name = name_of(&row.file, Path::new(&row.path));
            let message = format!("The run {run} of \"{name}\" is under way.");
            return Ok(Some(ApiError::new(ErrorCode::InUse, message).with_hint("Stop it first.")));
        }
    }
    let deployed = store::deployment::list(c, Some(row.id))?;
    Ok(deployed.first().map(|deployed| {
        let target = api::deploy::in_sentence(&deployed.target_name);
        let message = format!("\"{}\" runs a model of this project on {target}.", deployed.name);
        ApiError::new(ErrorCode::InUse, message).with_hint("Delete that deployment first.")
    }))
}

/// Those that were deleted and did not go for good yet, the newest deletion first.
fn deleted(c: &Connection) -> store::Result<Vec<(ProjectRow, Deletion)>> {
    let mut all = Vec::new();
    for row in store::project::with_deleted(c)? {
        if let Some(deletion) = store::project::deletion::<Deletion>(c, row.id)? {
            all.push((row, deletion));
        }
    }
    all.sort_by_key(|(_, deletion)| std::cmp::Reverse(deletion.at_ms));
    Ok(all)
}

pub async fn list(engine: &Engine, _request: ListDeletedProjects) -> anyhow::Result<Vec<DeletedProject>> {
    let now_ms = engine.now_ms();
    let read = move |c: &Connection| {
        let mut kept = Vec::new();
        for (row, deletion) in deleted(c)? {
            let is_over = deletion.is_over(now_ms);
            let kept_because = if is_over { kept_because(c, &row, now_ms)? } else { None };
            if is_over && kept_because.is_none() {
                continue;
            }
            let registered = store::client_version::lying_in_any(c, &places(c, row.id)?, &HashSet::from([row.id]))?;
            kept.push(DeletedProject { kept_because, ..told(&row, &deletion, registered) });
        }
        Ok(kept)
    };
    Ok(engine.store().read(read).await?)
}

fn not_deleted(id: ProjectId) -> ApiError {
    ApiError::not_found(format!("No project with the id {id} was deleted here within a day."))
        .with_hint("`slipway project list --deleted` names those that were.")
}

pub async fn restore(engine: &Engine, request: RestoreProject) -> anyhow::Result<Project> {
    let (id, now_ms) = (request.project, engine.now_ms());
    let fresh = ExperimentId::from_bytes(engine.new_id());
    let restore = move |tx: &Transaction<'_>| {
        let Some(deletion) = store::project::deletion::<Deletion>(tx, id)? else { return Err(not_deleted(id).into()) };
        let Some(row) = store::project::get_any(tx, id)? else { return Err(not_deleted(id).into()) };
        if deletion.is_over(now_ms) && kept_because(tx, &row, now_ms)?.is_none() {
            return Err(not_deleted(id).into());
        }
        if let Some(other) = store::project::all(tx)?.into_iter().find(|other| other.path == row.path) {
            let name = name_of(&other.file, Path::new(&other.path));
            let message = format!("Another project, \"{name}\", is open in {} now.", row.path);
            return Err(ApiError::new(ErrorCode::Conflict, message).with_hint("Forget that one first.").into());
        }
        let lists = bring_back(tx, id, now_ms)?.unwrap_or_default();
        let name = name_of(&row.file, Path::new(&row.path));
        experiments::name_after_project(tx, fresh, id, &name, now_ms)?;
        Ok((row, lists))
    };
    let (row, lists) = engine.store().write_durable(restore).await?;
    announce(engine, id, lists);
    source::go_on(engine, id).await?;
    super::follow(engine, row).await
}

/// Deletes a project for good that was deleted.
pub async fn purge(engine: &Engine, request: PurgeProject) -> anyhow::Result<Freed> {
    let id = request.project;
    if !engine.store().read(move |c| store::project::is_deleted(c, id)).await? {
        let row = super::find(engine, id).await?;
        let name = name_of(&row.file, Path::new(&row.path));
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("\"{name}\" is not deleted."))
                .with_hint("Forget it first: it can then be restored, or deleted for good.")
        );
    }
    for_good(engine, id).await
}

/// What of a project lies in folders.
struct Left {
    runs: Vec<RunId>,
    snapshots: Vec<SnapshotId>,
    /// Of the points of its runs, which went with their records.
    points_bytes: u64,
    /// Those of the runs whose clients put their files elsewhere.
    elsewhere: u64,
}

/// Deletes the records of a project that was deleted and frees what only they named.
async fn for_good(engine: &Engine, id: ProjectId) -> anyhow::Result<Freed> {
    let Left { runs, snapshots, points_bytes, elsewhere } = delete_records(engine, id).await?;
    let records = (runs.len() + snapshots.len()) as u64 + 1;
    let (runs, snapshots) = (runs.into_iter(), snapshots.into_iter());
    let folders: Vec<PathBuf> = runs
        .map(|run| engine.workspace().run(run))
        .chain(snapshots.map(|snapshot| engine.workspace().snapshot_cache(snapshot)))
        .collect();
    let bytes: u64 =
        tokio::task::spawn_blocking(move || folders.iter().map(|folder| storage::remove_folder(folder)).sum()).await?;
    // Where other work holds the blobs, the next collection frees them.
    let unused = storage::collect_unused(engine, false).await.unwrap_or_default();
    announce(engine, id, Vec::new());
    let bytes = bytes + points_bytes + unused.bytes;
    Ok(Freed { bytes, in_database: points_bytes, records, elsewhere, parts: unused.parts })
}

async fn delete_records(engine: &Engine, id: ProjectId) -> anyhow::Result<Left> {
    let now_ms = engine.now_ms();
    let delete = move |tx: &Transaction<'_>| {
        let Some(row) = store::project::get_any(tx, id)? else { return Err(not_deleted(id).into()) };
        // It may have been brought back meanwhile.
        if !store::project::is_deleted(tx, id)? {
            return Err(not_deleted(id).into());
        }
        if let Some(refusal) = refusal(tx, &row)? {
            return Err(refusal.into());
        }
        if let Some(refusal) = pointed_at(tx, &row, now_ms)? {
            // Who forgets it and deletes it for good at once is told how far that went.
            let name = name_of(&row.file, Path::new(&row.path));
            let message = format!("{} {name} stays forgotten.", refusal.message);
            return Err(ApiError { message, ..refusal }.into());
        }
        let dataset = store::dataset::of_project(tx, id)?;
        let taken = dataset.map(|dataset| store::snapshot::of_dataset(tx, dataset.id)).transpose()?.unwrap_or_default();
        let mut snapshots = snapshot::deletion::forget_of(tx, id)?;
        snapshots.extend(taken.iter().map(|row| row.snapshot.id));
        let runs = store::run::ids(tx, Some(id))?;
        let mut points_bytes = 0;
        for run in &runs {
            points_bytes += store::points::bytes_of_run(tx, *run)?;
        }
        let elsewhere = run::elsewhere::count(tx, &runs)?;
        let experiments = store::experiment::all_of_project(tx, id)?.into_iter().map(Scope::Experiment);
        for of in experiments.chain([Scope::Project(id)]) {
            views::forget(tx, of, now_ms)?;
        }
        store::project::delete(tx, id)?;
        store::setting::delete_unused_floors(tx)?;
        Ok(Left { runs, snapshots, points_bytes, elsewhere })
    };
    Ok(engine.store().write_durable(delete).await?)
}

/// Deletes the records of what was deleted longer than a day ago: its files are garbage from now on.
pub(crate) async fn sweep(engine: &Engine) -> anyhow::Result<()> {
    let now_ms = engine.now_ms();
    let past = engine.store().read(deleted).await?.into_iter().filter(|(_, deletion)| deletion.is_over(now_ms));
    for (row, _) in past {
        match delete_records(engine, row.id).await {
            Ok(_) => announce(engine, row.id, Vec::new()),
            Err(error) => {
                tracing::warn!(project = %row.id, error = format!("{error:#}"), "a deleted project stays for now");
            }
        }
    }
    Ok(())
}

/// Refuses what belongs to a project that was deleted: it comes back with that alone.
pub(crate) fn refuse_if_deleted(c: &Connection, project: Option<ProjectId>, what: &str) -> store::Result<()> {
    let Some(id) = project else { return Ok(()) };
    if !store::project::is_deleted(c, id)? {
        return Ok(());
    }
    let message = format!("{what} belongs to a project that was deleted.");
    let hint = format!("Bring the project back: `slipway project restore {id}`.");
    Err(ApiError::new(ErrorCode::Conflict, message).with_hint(hint).into())
}
