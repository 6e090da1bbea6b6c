//! A logged model is deleted so that it can be restored; after a day the next cleaning takes it for good, with its
//! files.

use api::{
    ApiError, ErrorCode,
    logged::{DeleteLogged, RestoreLogged},
    tracking::LoggedModel,
};
use store::{Connection, Transaction};

use super::{announce, missing, named};
use crate::{
    Engine, run,
    tracking::gone::{self, KEPT_MS},
};

/// Refused while a version points at its files, as deleting its run for good is.
pub async fn delete(engine: &Engine, request: DeleteLogged) -> anyhow::Result<LoggedModel> {
    let now_ms = engine.now_ms();
    let delete = move |tx: &Transaction<'_>| {
        let mut model = find(tx, &request.model, false)?;
        if model.deleted_ms.is_some() {
            let hint = format!("`slipway model logged restore {}` brings it back.", model.id);
            return Err(conflict(format!("{} is deleted already.", model.name), hint).into());
        }
        let pointed = store::client_version::pointed(tx)?;
        if let Some(refusal) = run::deletion::registered(&pointed, std::iter::once(&model.id), &model.name) {
            return Err(refusal.into());
        }
        store::logged_model::set_deleted(tx, &model.id, Some(now_ms))?;
        model.deleted_ms = Some(now_ms);
        Ok(model)
    };
    let model = engine.store().write_durable(delete).await?;
    announce(engine, &model);
    Ok(model)
}

pub async fn restore(engine: &Engine, request: RestoreLogged) -> anyhow::Result<LoggedModel> {
    let restore = move |tx: &Transaction<'_>| {
        let mut model = find(tx, &request.model, true)?;
        if model.deleted_ms.take().is_none() {
            let hint = "`slipway model logged list --deleted` shows what is.".to_owned();
            return Err(conflict(format!("{} is not deleted.", model.name), hint).into());
        }
        store::logged_model::set_deleted(tx, &model.id, None)?;
        Ok(model)
    };
    let model = engine.store().write_durable(restore).await?;
    announce(engine, &model);
    Ok(model)
}

fn find(c: &Connection, called: &str, deleted: bool) -> store::Result<LoggedModel> {
    let id = named(c, called, deleted)?;
    Ok(store::logged_model::get(c, &id)?.ok_or_else(|| missing(&id))?)
}

fn conflict(message: String, hint: String) -> ApiError {
    ApiError::new(ErrorCode::Conflict, message).with_hint(hint)
}

/// Those that were deleted too long ago to be kept, and whose files no version has, nor one that can still be restored.
fn past(c: &Connection, now_ms: i64) -> store::Result<Vec<LoggedModel>> {
    let mut past = store::logged_model::deleted_before(c, now_ms - KEPT_MS)?;
    if !past.is_empty() {
        let (pointed, kept) = (store::client_version::pointed(c)?, gone::places(c, now_ms)?);
        past.retain(|model| !pointed.contains_key(&model.id) && !kept.contains(&model.id));
    }
    Ok(past)
}

/// Deletes the records of those for good, unless it is a `dry_run`, and answers their ids: their files go with what no
/// record names.
pub(crate) async fn let_go(engine: &Engine, dry_run: bool) -> anyhow::Result<Vec<String>> {
    let now_ms = engine.now_ms();
    let mut gone = engine.store().read(move |c| past(c, now_ms)).await?;
    if !dry_run && !gone.is_empty() {
        // Read anew: one may have been restored or registered meanwhile.
        let delete = move |tx: &Transaction<'_>| {
            let gone = past(tx, now_ms)?;
            gone.iter().try_for_each(|model| store::logged_model::delete(tx, &model.id))?;
            Ok(gone)
        };
        gone = engine.store().write_durable(delete).await?;
        gone.iter().for_each(|model| announce(engine, model));
    }
    Ok(gone.into_iter().map(|model| model.id).collect())
}
