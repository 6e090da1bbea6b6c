//! A log is forgotten with what came of it, and for a day comes back with it.

use std::collections::HashSet;

use anyhow::Context as _;
use api::{
    ApiError, ModelId, RunId, SourceId, VersionId,
    event::Tag,
    source::{DeletedSource, ListDeletedSources, RemoveSource, RemovedSource, RestoreSource, Source},
    tracking::RestoreRuns,
};
use serde::{Deserialize, Serialize};
use store::{
    Connection, Transaction,
    source::{
        RecordKind::{Logged, Model, Version},
        SourceRow,
    },
};

use super::{find, following, read_soon};
use crate::{
    Engine, Mode, project,
    run::Lists,
    tracking::{
        experiments,
        gone::{Gone, KEPT_MS, enter_version},
    },
};

/// So many runs are deleted or restored in one transaction: others write in between.
const AT_ONCE: usize = 1_000;

/// What was deleted with a log.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Forgotten {
    at_ms: i64,
    /// Its runs stay: a log that is added again at its path goes on with them.
    #[serde(default)]
    kept: bool,
    /// Some of its runs may not be deleted yet.
    #[serde(default)]
    going: bool,
    runs: Vec<RunId>,
    logged: Vec<String>,
    /// Each with those of its versions that came from the log.
    models: Vec<Gone>,
}

/// Forgets a source; the log itself is never touched.
pub async fn remove(engine: &Engine, request: RemoveSource) -> anyhow::Result<RemovedSource> {
    let (id, at_ms) = (request.source, engine.now_ms());
    let path = find(engine, id).await?.source.path;
    following::unfollow(engine, id);
    // With one commit it is forgotten, and what of it goes is written down.
    let forget = move |tx: &Transaction<'_>| {
        // Another may have forgotten it meanwhile: what that wrote down stays.
        if store::source::get(tx, id)?.is_none() {
            return Err(ApiError::not_found(format!("There is no source {id}.")).into());
        }
        let mut forgotten = Forgotten { at_ms, kept: request.keep_runs, ..Forgotten::default() };
        if !request.keep_runs {
            // What a person deleted before is not brought back with the rest.
            forgotten.runs = store::source::live_runs(tx, id)?;
            forgotten.going = true;
            forgotten.models = take_models(tx, id)?;
            forgotten.logged = take_logged(tx, id, at_ms)?;
        }
        store::source::set_forgotten(tx, id, Some(&serde_json::to_value(&forgotten)?))?;
        Ok(forgotten.runs)
    };
    let runs = engine.store().write_durable(forget).await?;
    announce(engine);
    trash(engine, id, at_ms, &runs).await?;
    Ok(RemovedSource { runs, path })
}

/// Deletes the runs of a source that was forgotten, so that they can be restored, unless it is brought back meanwhile.
async fn trash(engine: &Engine, id: SourceId, at_ms: i64, runs: &[RunId]) -> anyhow::Result<()> {
    for some in runs.chunks(AT_ONCE) {
        let some = some.to_vec();
        let deleted = engine.store().write(move |tx| {
            // Of one whose log was added anew its runs go all the same.
            if !store::source::is_going(tx, id)?.unwrap_or(true) {
                return Ok(None);
            }
            let mut deleted = Vec::with_capacity(some.len());
            for run in some {
                let Some(mut row) = store::run::bare(tx, run)?.filter(|row| row.run.deleted_ms.is_none()) else {
                    continue;
                };
                row.run.deleted_ms = Some(at_ms);
                store::run::put(tx, &row)?;
                deleted.push((run, Lists::of(&row.run)));
            }
            Ok(Some(deleted))
        });
        let Some(deleted) = deleted.await? else { return Ok(()) };
        experiments::announce(engine, &deleted);
    }
    Ok(engine.store().write(move |tx| store::source::set_gone(tx, id)).await?)
}

fn announce(engine: &Engine) {
    for tag in [Tag::Sources, Tag::Experiments, Tag::ClientModels] {
        engine.changed(tag);
    }
}

/// Deletes the logged models that came from the log; those that were deleted before are not brought back.
fn take_logged(tx: &Transaction<'_>, id: SourceId, at_ms: i64) -> store::Result<Vec<String>> {
    let mut taken = Vec::new();
    for model in store::source::records(tx, id, Logged)? {
        if store::logged_model::get(tx, &model)?.is_some_and(|model| model.deleted_ms.is_none()) {
            store::logged_model::set_deleted(tx, &model, Some(at_ms))?;
            taken.push(model);
        }
    }
    Ok(taken)
}

/// Deletes the versions that came from the log, and their models where nothing else stands under these.
fn take_models(tx: &Transaction<'_>, id: SourceId) -> store::Result<Vec<Gone>> {
    let own: HashSet<VersionId> =
        store::source::records(tx, id, Version)?.iter().filter_map(|id| id.parse().ok()).collect();
    let mut taken = Vec::new();
    for model in store::source::records(tx, id, Model)?.iter().filter_map(|id| id.parse::<ModelId>().ok()) {
        let Some(row) = store::model::get(tx, model)? else { continue };
        let mut versions = store::client_version::of_model(tx, model)?;
        let whole = versions.iter().all(|version| own.contains(&version.id));
        versions.retain(|version| own.contains(&version.id));
        let gone = Gone::of(tx, row, versions)?;
        for (version, _) in &gone.versions {
            store::client_version::delete(tx, version.id)?;
        }
        if whole && store::version::of_model(tx, model)?.is_empty() {
            store::model::delete(tx, model)?;
        }
        taken.push(gone);
    }
    Ok(taken)
}

/// The source of this path and kind that was forgotten with its runs left where they are: it goes on with them. Any other
/// of this path is not brought back any more.
pub(super) fn taken_up(tx: &Transaction<'_>, wanted: &SourceRow) -> store::Result<Option<SourceRow>> {
    let Some(id) = store::source::forgotten_at(tx, &wanted.source.path)? else { return Ok(None) };
    let forgotten = store::source::forgotten(tx, id)?.map(serde_json::from_value::<Forgotten>).transpose()?;
    if forgotten.is_some_and(|forgotten| forgotten.kept) {
        let what = format!("The log {}", wanted.source.path);
        project::deletion::refuse_if_deleted(tx, store::source::project_of(tx, id)?, &what)?;
        store::source::set_forgotten(tx, id, None)?;
        if let Some(mut row) = store::source::get(tx, id)?
            && row.source.kind == wanted.source.kind
        {
            row.source.watched = wanted.source.watched;
            store::source::set_watched(tx, id, row.source.watched)?;
            return Ok(Some(row));
        }
    }
    store::source::delete(tx, id)?;
    Ok(None)
}

/// The logs that were forgotten within a day, the newest first.
pub async fn list_deleted(engine: &Engine, _: ListDeletedSources) -> anyhow::Result<Vec<DeletedSource>> {
    let oldest_ms = engine.now_ms() - KEPT_MS;
    let mut all = Vec::new();
    for (source, forgotten) in engine.store().read(store::source::list_forgotten).await? {
        let forgotten: Forgotten = serde_json::from_value(forgotten).context("what was deleted with the log")?;
        // One whose runs were kept stays longer, for whoever adds its log again.
        if forgotten.at_ms >= oldest_ms {
            let Source { kind, path, project, .. } = source;
            let runs = forgotten.runs.len() as u64;
            all.push(DeletedSource { kind, path, project, runs, deleted_ms: forgotten.at_ms });
        }
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.deleted_ms));
    Ok(all)
}

/// Brings back a source with what was deleted with it, and reads on.
pub async fn restore(engine: &Engine, request: RestoreSource) -> anyhow::Result<Source> {
    // The log itself may be gone since, and its runs are wanted all the same.
    let path = project::absolute(&request.path)
        .map_or_else(|_| request.path.clone(), |path| path.to_string_lossy().into_owned());
    let wanted = path.clone();
    let found = engine
        .store()
        .write(move |tx| {
            let Some(id) = store::source::forgotten_at(tx, &wanted)? else { return Ok(None) };
            let Some(forgotten) = store::source::forgotten(tx, id)? else { return Ok(None) };
            // Before anything of it comes back.
            refuse_without_project(tx, id, &wanted, &forgotten)?;
            // Whoever still deletes its runs ends, and where we are killed the next host goes on.
            store::source::set_returning(tx, id)?;
            Ok(Some((id, forgotten)))
        })
        .await?;
    let (id, forgotten) = found.ok_or_else(|| {
        ApiError::not_found(format!("No log at {path} was forgotten within a day.")).with_hint(
            "`slipway source list --deleted` names those that were; `slipway source add` reads one from its beginning.",
        )
    })?;
    try_to_come_back(engine, id, forgotten).await?;
    let source = find(engine, id).await?.source;
    if source.watched && engine.options().mode == Mode::Host {
        following::follow(engine, &source).await;
        read_soon(engine, id);
    }
    Ok(source)
}

/// Refuses what belongs to a project that was deleted: a log, or one of its runs, comes back with that alone.
fn refuse_without_project(
    c: &Connection,
    id: SourceId,
    path: &str,
    forgotten: &serde_json::Value,
) -> store::Result<()> {
    project::deletion::refuse_if_deleted(c, store::source::project_of(c, id)?, &format!("The log {path}"))?;
    for run in Forgotten::deserialize(forgotten)?.runs {
        if let Some(row) = store::run::bare(c, run)? {
            project::deletion::refuse_if_deleted(c, row.run.project, &row.run.name)?;
        }
    }
    Ok(())
}

/// Brings a source back. Where that fails it stays forgotten, and nobody tries it again but who asks for it.
async fn try_to_come_back(engine: &Engine, id: SourceId, forgotten: serde_json::Value) -> anyhow::Result<()> {
    let failure = match come_back(engine, id, forgotten).await {
        Ok(()) => return Ok(()),
        Err(failure) => failure,
    };
    if let Err(error) = engine.store().write(move |tx| store::source::set_staying(tx, id)).await {
        tracing::warn!(source = %id, %error, "a log that did not come back is tried again at the next start");
    }
    Err(failure)
}

/// Brings back what was deleted with a source, and at last the source.
async fn come_back(engine: &Engine, id: SourceId, forgotten: serde_json::Value) -> anyhow::Result<()> {
    let forgotten: Forgotten = serde_json::from_value(forgotten).context("what was deleted with the log")?;
    let (runs, now_ms) = (forgotten.runs, engine.now_ms());
    let (models, logged) = (forgotten.models, forgotten.logged);
    // A person may have deleted some of them for good.
    let there = move |c: &Connection| {
        let mut there = Vec::new();
        for run in runs {
            there.extend(store::run::bare(c, run)?.map(|_| run));
        }
        Ok(there)
    };
    let runs = engine.store().read(there).await?;
    for some in runs.chunks(AT_ONCE) {
        experiments::restore_runs(engine, RestoreRuns { runs: some.to_vec() }).await?;
    }
    let bring_back = move |tx: &Transaction<'_>| {
        for model in &logged {
            store::logged_model::set_deleted(tx, model, None)?;
        }
        models.into_iter().try_for_each(|gone| put_back(tx, gone, now_ms))?;
        store::source::set_forgotten(tx, id, None)
    };
    engine.store().write_durable(bring_back).await?;
    announce(engine);
    Ok(())
}

fn put_back(tx: &Transaction<'_>, gone: Gone, now_ms: i64) -> store::Result<()> {
    if store::model::get(tx, gone.id)?.is_none() {
        gone.enter_model(tx, store::model::free_name(tx, &gone.name)?)?;
    }
    gone.versions.into_iter().try_for_each(|(version, notes)| enter_version(tx, version, &notes, now_ms))
}

/// Goes on with what a host that was killed was forgetting or bringing back, and deletes for good what was forgotten longer ago.
pub(super) async fn sweep(engine: &Engine) -> anyhow::Result<()> {
    for id in engine.store().read(store::source::going).await? {
        let forgotten = engine.store().read(move |c| store::source::forgotten(c, id)).await?;
        let Some(forgotten) = forgotten else { continue };
        let forgotten: Forgotten = serde_json::from_value(forgotten).context("what is deleted with the log")?;
        trash(engine, id, forgotten.at_ms, &forgotten.runs).await?;
    }
    for id in engine.store().read(store::source::returning).await? {
        if let Some(forgotten) = engine.store().read(move |c| store::source::forgotten(c, id)).await? {
            // It stays as it is and can be restored by hand; the workspace opens all the same.
            if let Err(error) = try_to_come_back(engine, id, forgotten).await {
                tracing::warn!(source = %id, error = format!("{error:#}"), "a log is only half brought back");
            }
        }
    }
    let before_ms = engine.now_ms() - KEPT_MS;
    Ok(engine.store().write(move |tx| store::source::delete_forgotten(tx, before_ms)).await?)
}
