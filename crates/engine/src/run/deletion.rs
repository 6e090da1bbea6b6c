//! Deleting runs for good: what keeps them, what goes with them, what that frees; and what of a run is deleted alone.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, ExperimentId, RunId,
    deleted::{CHECKPOINTS, DeletedArtifact},
    event::Tag,
    host::Freed,
    run::{ARTIFACTS, DeleteArtifact, DeleteCheckpoints},
};

use super::{Lists, aside, elsewhere, supervise};
use crate::{
    Engine, error, storage,
    tracking::{
        artifacts, experiments,
        gone::{self, Restorable},
        registered as versions,
    },
};

/// Of many runs so many go in one transaction: others write in between.
const AT_ONCE: usize = 1_000;

/// Refused while one of the runs is under way.
pub async fn delete_checkpoints(engine: &Engine, request: DeleteCheckpoints) -> anyhow::Result<Freed> {
    let DeleteCheckpoints { runs, dry_run, for_good } = request;
    for run in &runs {
        super::find(engine, *run).await?;
    }
    if dry_run {
        let folders: Vec<_> = runs.iter().flat_map(|run| checkpoints(engine, *run, for_good)).collect();
        let held = move || folders.iter().map(|folder| storage::size_of(folder)).sum::<u64>();
        return Ok(Freed { bytes: tokio::task::spawn_blocking(held).await?, ..Freed::default() });
    }
    // Noted first: nobody begins to go on from what is being removed.
    let noted = engine.store().write(move |tx| {
        let mut noted = Vec::with_capacity(runs.len());
        for id in runs {
            let Some(mut row) = store::run::bare(tx, id)? else { continue };
            if let Some(refusal) = under_way(&row) {
                return Err(refusal.into());
            }
            row.run.resumable = false;
            store::run::put(tx, &row)?;
            noted.push((id, Lists::of(&row.run)));
        }
        Ok(noted)
    });
    let noted = noted.await?;
    let (mut bytes, mut failure) = (0, None);
    for (run, _) in &noted {
        let gone =
            if for_good { free_checkpoints(engine, *run).await } else { aside::put_checkpoints(engine, *run).await };
        match gone {
            Ok(held) => bytes += held,
            // What stays can be gone on from.
            Err(error) => {
                supervise::look_for_checkpoint(engine, *run).await?;
                failure = failure.or(Some(error));
            }
        }
    }
    experiments::announce(engine, &noted);
    engine.changed(Tag::Storage);
    match failure {
        Some(error) => Err(error.context("delete the checkpoints of runs")),
        None => Ok(Freed { bytes, ..Freed::default() }),
    }
}

/// Where checkpoints of a run lie, with `also_deleted` those that could be brought back, too.
fn checkpoints(engine: &Engine, run: RunId, also_deleted: bool) -> Vec<PathBuf> {
    let run = engine.workspace().run(run);
    let mut folders = vec![run.join(CHECKPOINTS)];
    folders.extend(also_deleted.then(|| aside::of_checkpoints(&run)));
    folders
}

async fn free_checkpoints(engine: &Engine, run: RunId) -> anyhow::Result<u64> {
    let folders = checkpoints(engine, run, true);
    let removed = move || folders.iter().map(|folder| storage::remove_folder(folder)).sum::<u64>();
    Ok(tokio::task::spawn_blocking(removed).await?)
}

/// Deletes a file or a folder of a run, so that it can be restored.
pub async fn delete_artifact(engine: &Engine, request: DeleteArtifact) -> anyhow::Result<DeletedArtifact> {
    let row = super::find(engine, request.run).await?;
    let (run, name, path) = (row.run.id, row.run.name.clone(), request.path);
    if path.strip_prefix(ARTIFACTS).is_none_or(str::is_empty) {
        bail!(
            ApiError::invalid(format!("\"{path}\" can't be deleted alone: only what lies below {ARTIFACTS} can."))
                .with_hint("The rest goes with the run, or with its checkpoints: `slipway run delete`.")
        );
    }
    let Some(parts) = aside::parts(&path) else { bail!(super::no_artifact(&path)) };
    let (wanted, now_ms) = (parts.clone(), engine.now_ms());
    if let Some(made) = engine.store().read(move |c| versions::made_of(c, run, &wanted, now_ms)).await? {
        bail!(match &made.purged_by {
            None => points_here(&made.version, &name),
            Some(title) => would_point_here(&made.version, &name, title),
        });
    }
    let place = artifacts::of_run(engine, &row, &parts);
    let (size_bytes, deleted_ms) = (artifacts::held_bytes(&place).await?, engine.now_ms());
    if !aside::put(engine, &row, &place).await? {
        bail!(super::no_artifact(&path));
    }
    engine.changed(Tag::Storage);
    Ok(DeletedArtifact { path, size_bytes, deleted_ms })
}

/// What one transaction deleted.
#[derive(Default)]
struct Gone {
    runs: Vec<(RunId, Lists)>,
    logged: Vec<String>,
    /// Of the points that went.
    points_bytes: u64,
    /// Those of the runs whose clients put their files elsewhere.
    elsewhere: u64,
    refusal: Option<ApiError>,
}

/// Which runs may go for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those alone that were deleted before, so that they could have been restored.
    Deleted,
    /// All of an experiment, as long as they are of it and it is deleted itself.
    Of(ExperimentId),
}

/// Deletes runs with the models that they logged, and the files of both. All are checked before the first is deleted;
/// a run that is begun or registered again meanwhile stays.
pub(crate) async fn for_good(engine: &Engine, mut runs: Vec<RunId>, which: Which) -> anyhow::Result<Freed> {
    let mut seen = HashSet::new();
    runs.retain(|run| seen.insert(*run));
    let (asked, now_ms) = (runs.clone(), engine.now_ms());
    let missing = engine
        .store()
        .read(move |c| {
            if let Some(refusal) = restored(c, which)? {
                return Err(refusal.into());
            }
            let pointed = Pointed::of(c, now_ms)?;
            for id in asked {
                let Some(row) = store::run::bare(c, id)? else { return Ok(Some(id)) };
                if let Some(refusal) = refusal(c, &pointed, &row, which)? {
                    return Err(refusal.into());
                }
            }
            Ok(None)
        })
        .await?;
    if let Some(id) = missing {
        return Err(error::missing("run", id));
    }
    let mut freed = Freed::default();
    for some in runs.chunks(AT_ONCE) {
        let some = some.to_vec();
        let gone = engine.store().write_durable(move |tx| delete_rows(tx, some, which, now_ms)).await?;
        freed.records += gone.runs.len() as u64;
        freed.bytes += gone.points_bytes + remove_files(engine, &gone).await?;
        freed.in_database += gone.points_bytes;
        freed.elsewhere += gone.elsewhere;
        experiments::announce(engine, &gone.runs);
        if !gone.logged.is_empty() {
            engine.changed(Tag::ClientModels);
        }
        match gone.refusal {
            // Nothing is deleted yet: the refusal is the whole answer.
            Some(refusal) if freed.records == 0 => return Err(refusal.into()),
            Some(refusal) => tracing::warn!(%refusal, "a run that was to be deleted stays"),
            None => {}
        }
    }
    engine.changed(Tag::Storage);
    Ok(freed)
}

fn delete_rows(tx: &store::Transaction<'_>, runs: Vec<RunId>, which: Which, now_ms: i64) -> store::Result<Gone> {
    if let Some(refusal) = restored(tx, which)? {
        return Ok(Gone { refusal: Some(refusal), ..Gone::default() });
    }
    let pointed = Pointed::of(tx, now_ms)?;
    let mut gone = Gone::default();
    for id in runs {
        let Some(row) = store::run::bare(tx, id)? else { continue };
        if let Some(refusal) = refusal(tx, &pointed, &row, which)? {
            gone.refusal = Some(refusal);
            continue;
        }
        for model in store::logged_model::ids_of_run(tx, id)? {
            store::logged_model::delete(tx, &model)?;
            gone.logged.push(model);
        }
        gone.points_bytes += store::points::bytes_of_run(tx, id)?;
        gone.elsewhere += u64::from(elsewhere::of(tx, &row)?.is_some());
        store::run::delete(tx, id)?;
        gone.runs.push((id, Lists::of(&row.run)));
    }
    Ok(gone)
}

async fn remove_files(engine: &Engine, gone: &Gone) -> anyhow::Result<u64> {
    let workspace = engine.workspace();
    let of_runs = gone.runs.iter().map(|(run, _)| workspace.run(*run));
    let folders: Vec<_> = of_runs.chain(gone.logged.iter().map(|model| workspace.logged(model))).collect();
    let workspace = workspace.clone();
    let removed = tokio::task::spawn_blocking(move || {
        let bytes = folders.iter().map(|folder| storage::remove_folder(folder)).sum::<u64>();
        // What they had not committed goes with the last of them, as which it was counted.
        for patch in storage::unused_patches(&workspace) {
            storage::remove_folder(&patch);
        }
        bytes
    });
    removed.await.context("remove the files of deleted runs")
}

/// Why nothing of an experiment can go for good: it was restored meanwhile.
fn restored(c: &store::Connection, which: Which) -> store::Result<Option<ApiError>> {
    let Which::Of(experiment) = which else { return Ok(None) };
    let found = store::experiment::get(c, experiment)?.filter(|experiment| experiment.deleted_ms.is_none());
    Ok(found.map(|experiment| experiments::not_deleted(&experiment)))
}

/// Why a run can't be deleted for good, if it can't.
fn refusal(
    c: &store::Connection,
    pointed: &Pointed,
    row: &store::run::RunRow,
    which: Which,
) -> store::Result<Option<ApiError>> {
    if which == Which::Deleted && row.run.deleted_ms.is_none() {
        let refusal = ApiError::new(ErrorCode::Conflict, format!("{} is not deleted.", row.run.name));
        return Ok(Some(
            refusal
                .with_hint("Delete it first, with `slipway run delete`: it can then be restored, or deleted for good."),
        ));
    }
    if matches!(which, Which::Of(experiment) if experiment != row.run.experiment) {
        let message = format!("{} was moved into another experiment.", row.run.name);
        return Ok(Some(ApiError::new(ErrorCode::Conflict, message).with_hint("Try again: it stays where it is now.")));
    }
    if let Some(refusal) = under_way(row) {
        return Ok(Some(refusal));
    }
    let (id, name) = (row.run.id, &row.run.name);
    if let Some(one) = store::version::of_run(c, id)?.first() {
        let version = format!("{} v{}", one.version.model_name, one.version.number);
        let refusal = ApiError::new(ErrorCode::InUse, format!("{version} was made of {name}."));
        return Ok(Some(refusal.with_hint("Delete the model version first, or delete only the checkpoints.")));
    }
    let logged = store::logged_model::ids_of_run(c, id)?;
    Ok(pointed.refusal(std::iter::once(&id.to_string()).chain(&logged), name))
}

/// The runs and logged models that the files of clients' versions lie in.
pub(crate) struct Pointed {
    /// By place, a version that stands.
    standing: HashMap<String, String>,
    /// The same of those that were deleted and can be restored.
    restorable: HashMap<String, Restorable>,
}

impl Pointed {
    pub(crate) fn of(c: &store::Connection, now_ms: i64) -> store::Result<Self> {
        Ok(Self { standing: store::client_version::pointed(c)?, restorable: gone::pointed(c, now_ms)? })
    }

    /// Why what stands at one of these places, all of `name`, can't go for good: a version that a client registered has no
    /// files but these, or would have none once it is restored.
    pub(crate) fn refusal<'a>(
        &self,
        mut places: impl Iterator<Item = &'a String> + Clone,
        name: &str,
    ) -> Option<ApiError> {
        registered(&self.standing, places.clone(), name).or_else(|| {
            let restorable = places.find_map(|place| self.restorable.get(place));
            restorable.map(|one| would_point_here(&one.version, name, &one.title))
        })
    }
}

/// Why what stands at one of these places, all of `name`, must stay: a version that a client registered has no files
/// but these.
pub(crate) fn registered<'a>(
    pointed: &HashMap<String, String>,
    mut places: impl Iterator<Item = &'a String>,
    name: &str,
) -> Option<ApiError> {
    places.find_map(|place| pointed.get(place)).map(|version| points_here(version, name))
}

pub(crate) fn points_here(version: &str, name: &str) -> ApiError {
    let refusal = ApiError::new(ErrorCode::InUse, format!("{version} was registered from the files of {name}."));
    refusal.with_hint("Delete that version first: in Models, with `slipway model delete`, or with MLflow's client.")
}

/// The same of a version that was deleted: brought back, it would have no files.
pub(crate) fn would_point_here(version: &str, name: &str, title: &str) -> ApiError {
    let message =
        format!("{version}, which is deleted and can still be restored, was registered from the files of {name}.");
    let purge = experiments::in_a_shell(title);
    let hint = format!("Delete it for good first: under Deleted models, or with `slipway model purge {purge}`.");
    ApiError::new(ErrorCode::InUse, message).with_hint(hint)
}

/// Of what we don't supervise only its client knows whether it is under way: a deletion is a person's word.
pub(crate) fn under_way(row: &store::run::RunRow) -> Option<ApiError> {
    (row.run.kind.is_supervised() && !row.run.state.is_over()).then(|| is_under_way(&row.run.name))
}

pub(crate) fn is_under_way(name: &str) -> ApiError {
    ApiError::new(ErrorCode::InUse, format!("{name} is under way.")).with_hint("Stop it first.")
}
