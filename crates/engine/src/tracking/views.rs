//! Saved views of the run table.

use anyhow::bail;
use api::{
    ApiError,
    tracking::{DeleteView, ListViews, SaveView, SavedView, Scope},
};

use crate::Engine;

const LONGEST_NAME: usize = 100;
const LONGEST_QUERY: usize = 20_000;

fn setting(of: Scope) -> String {
    match of {
        Scope::Project(project) => format!("views/project/{project}"),
        Scope::Experiment(experiment) => format!("views/experiment/{experiment}"),
        Scope::All => "views/all".to_owned(),
    }
}

pub async fn list(engine: &Engine, request: ListViews) -> anyhow::Result<Vec<SavedView>> {
    let setting = setting(request.of);
    Ok(engine.store().read(move |c| store::setting::get(c, &setting)).await?.unwrap_or_default())
}

pub async fn save(engine: &Engine, request: SaveView) -> anyhow::Result<Vec<SavedView>> {
    let name = request.view.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || request.view.query.len() > LONGEST_QUERY {
        bail!(ApiError::invalid("A view needs a name of at most 100 characters."));
    }
    let view = SavedView { name, ..request.view };
    change(engine, request.of, move |views| {
        views.retain(|other| other.name != view.name);
        views.push(view);
        views.sort_by(|left, right| left.name.cmp(&right.name));
    })
    .await
}

pub async fn delete(engine: &Engine, request: DeleteView) -> anyhow::Result<Vec<SavedView>> {
    change(engine, request.of, move |views| views.retain(|view| view.name != request.name)).await
}

/// Deletes the views of what is deleted for good.
pub(crate) fn forget(tx: &store::Transaction<'_>, of: Scope) -> store::Result<()> {
    store::setting::delete(tx, &setting(of))
}

async fn change(
    engine: &Engine,
    of: Scope,
    change: impl FnOnce(&mut Vec<SavedView>) + Send + 'static,
) -> anyhow::Result<Vec<SavedView>> {
    let setting = setting(of);
    let views = engine
        .store()
        .write_durable(move |tx| {
            let mut views: Vec<SavedView> = store::setting::get(tx, &setting)?.unwrap_or_default();
            change(&mut views);
            store::setting::put(tx, &setting, &views)?;
            Ok(views)
        })
        .await?;
    engine.changed(of.tag());
    Ok(views)
}
