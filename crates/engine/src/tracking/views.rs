//! Saved views of the run table. One that is deleted or replaced can be brought back for a day.

use anyhow::bail;
use api::{
    ApiError,
    tracking::{DeleteView, DeletedView, ListDeletedViews, ListViews, RestoreView, SaveView, SavedView, Scope},
};
use store::{Connection, Transaction, setting};

use crate::{
    Engine,
    deleted::{self, Kept, Kind},
};

const LONGEST_NAME: usize = 100;
const LONGEST_QUERY: usize = 20_000;

/// Whose views they are, as settings name it.
fn owner(of: Scope) -> String {
    match of {
        Scope::Project(project) => format!("project/{project}"),
        Scope::Experiment(experiment) => format!("experiment/{experiment}"),
        Scope::All => "all".to_owned(),
    }
}

fn setting(of: Scope) -> String {
    format!("views/{}", owner(of))
}

/// What a deleted view is kept by: names may be those of settings, too.
fn id(of: Scope, name: &str) -> String {
    format!("{}/{name}", owner(of))
}

pub async fn list(engine: &Engine, request: ListViews) -> anyhow::Result<Vec<SavedView>> {
    let setting = setting(request.of);
    Ok(engine.store().read(move |c| setting::get(c, &setting)).await?.unwrap_or_default())
}

pub async fn list_deleted(engine: &Engine, request: ListDeletedViews) -> anyhow::Result<Vec<DeletedView>> {
    let now_ms = engine.now_ms();
    let all = engine.store().read(move |c| kept(c, request.of, now_ms)).await?;
    Ok(all.into_iter().map(|Kept { value, deleted_ms, .. }| DeletedView { view: value, deleted_ms }).collect())
}

fn kept(c: &Connection, of: Scope, now_ms: i64) -> store::Result<Vec<Kept<SavedView>>> {
    let mut all = deleted::list::<SavedView>(c, Kind::View, now_ms)?;
    all.retain(|kept| kept.id == id(of, &kept.value.name));
    Ok(all)
}

pub async fn save(engine: &Engine, request: SaveView) -> anyhow::Result<Vec<SavedView>> {
    let name = request.view.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || request.view.query.len() > LONGEST_QUERY {
        bail!(ApiError::invalid("A view needs a name of at most 100 characters."));
    }
    let (view, now_ms) = (SavedView { name, ..request.view }, engine.now_ms());
    change(engine, request.of, move |tx, views| {
        // Saved again as it was, it replaces nothing.
        if let Some(before) = take(views, &view.name).filter(|before| *before != view) {
            keep(tx, request.of, &before, now_ms)?;
        }
        put(views, view);
        Ok(())
    })
    .await
}

pub async fn delete(engine: &Engine, request: DeleteView) -> anyhow::Result<Vec<SavedView>> {
    let now_ms = engine.now_ms();
    change(engine, request.of, move |tx, views| match take(views, &request.name) {
        Some(view) => keep(tx, request.of, &view, now_ms),
        None => Ok(()),
    })
    .await
}

/// Brings back the view of a name that was deleted or replaced last; one that has its name now is kept instead.
pub async fn restore(engine: &Engine, request: RestoreView) -> anyhow::Result<Vec<SavedView>> {
    let (RestoreView { of, name }, now_ms) = (request, engine.now_ms());
    change(engine, of, move |tx, views| {
        let Some(kept) = deleted::newest::<SavedView>(tx, Kind::View, &id(of, &name), now_ms)? else {
            let missing = format!("No view \"{name}\" was deleted or replaced here within a day.");
            return Err(ApiError::not_found(missing).with_hint("Save it anew.").into());
        };
        setting::delete(tx, &kept.name)?;
        if let Some(standing) = take(views, &name) {
            keep(tx, of, &standing, now_ms)?;
        }
        put(views, kept.value);
        Ok(())
    })
    .await
}

fn keep(tx: &Transaction<'_>, of: Scope, view: &SavedView, now_ms: i64) -> store::Result<()> {
    deleted::keep(tx, Kind::View, &id(of, &view.name), view, now_ms)?;
    deleted::let_go(tx, Kind::View, now_ms)
}

fn take(views: &mut Vec<SavedView>, name: &str) -> Option<SavedView> {
    views.iter().position(|view| view.name == name).map(|at| views.remove(at))
}

fn put(views: &mut Vec<SavedView>, view: SavedView) {
    views.push(view);
    views.sort_by(|left, right| left.name.cmp(&right.name));
}

/// Deletes the views of what is deleted for good.
pub(crate) fn forget(tx: &Transaction<'_>, of: Scope, now_ms: i64) -> store::Result<()> {
    for kept in kept(tx, of, now_ms)? {
        setting::delete(tx, &kept.name)?;
    }
    setting::delete(tx, &setting(of))
}

async fn change(
    engine: &Engine,
    of: Scope,
    change: impl FnOnce(&Transaction<'_>, &mut Vec<SavedView>) -> store::Result<()> + Send + 'static,
) -> anyhow::Result<Vec<SavedView>> {
    let setting = setting(of);
    let views = engine
        .store()
        .write_durable(move |tx| {
            let mut views: Vec<SavedView> = setting::get(tx, &setting)?.unwrap_or_default();
            change(tx, &mut views)?;
            setting::put(tx, &setting, &views)?;
            Ok(views)
        })
        .await?;
    engine.changed(of.tag());
    Ok(views)
}
