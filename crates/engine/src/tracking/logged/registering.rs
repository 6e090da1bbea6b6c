//! A person registers what a client logged, by the rules that hold for the client.

use anyhow::bail;
use api::{
    ApiError, ErrorCode, RunId,
    logged::{LoggedAt, LoggedVersion, RegisterLogged},
};
use foreign::mlmodel;

use super::{missing, named};
use crate::{
    Engine,
    run::{self, lineage},
    tracking::{
        artifacts,
        registry::{self, NewVersion},
    },
};

pub async fn register(engine: &Engine, request: RegisterLogged) -> anyhow::Result<LoggedVersion> {
    let new = match request.from {
        LoggedAt::Model(called) => of_model(engine, called).await?,
        LoggedAt::Folder { run, path } => of_folder(engine, run, &path).await?,
    };
    let version = registry::register(engine, request.name.trim(), new).await?;
    let run = version.run;
    let read = move |c: &store::Connection| {
        let row = run.map(|run| store::run::bare(c, run)).transpose()?.flatten();
        Ok(row.and_then(|row| row.run.project))
    };
    let page = lineage::version_page(version.id, engine.store().read(read).await?);
    let registry::Version { id, name, number, aliases, .. } = version;
    Ok(LoggedVersion { id, name, number, aliases, page })
}

async fn of_model(engine: &Engine, called: String) -> anyhow::Result<NewVersion> {
    let find = move |c: &store::Connection| {
        let id = named(c, &called, false)?;
        Ok(store::logged_model::bare(c, &id)?.ok_or_else(|| missing(&id))?)
    };
    let model = engine.store().read(find).await?;
    if model.deleted_ms.is_some() {
        let hint = format!("Bring it back first: `slipway model logged restore {}`.", model.id);
        bail!(ApiError::new(ErrorCode::Conflict, format!("{} is deleted.", model.name)).with_hint(hint));
    }
    Ok(NewVersion { source: format!("models:/{}", model.id), logged: Some(model.id), ..NewVersion::default() })
}

/// Characters that an address gives another meaning: whoever loads the version would look elsewhere.
const SIGNS: [char; 5] = ['%', '?', '#', '\\', '\0'];

async fn of_folder(engine: &Engine, run: RunId, path: &str) -> anyhow::Result<NewVersion> {
    let row = run::find(engine, run).await?;
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let path = parts.join("/");
    if parts.iter().any(|part| matches!(part.as_str(), "." | "..") || part.contains(SIGNS)) {
        let message = format!("The folder \"{path}\" can't be registered: no address of a version can name it.");
        bail!(ApiError::invalid(message).with_hint("Log the model into a folder without ., .., %, ?, # and \\."));
    }
    let place = artifacts::of_run(engine, &row, &parts);
    let is_head = |entry: &artifacts::Entry| entry.name == mlmodel::FILE && entry.size_bytes.is_some();
    if !artifacts::list(&place).await?.iter().any(is_head) {
        let message = format!("{} has no folder \"{path}\" with an MLmodel file among its artifacts.", row.run.name);
        let hint = "`slipway run artifacts` lists what it has; the path begins below `artifacts/`.";
        bail!(ApiError::not_found(message).with_hint(hint));
    }
    let source = format!("runs:/{run}/{path}");
    Ok(NewVersion { source, run: Some(run.to_string()), ..NewVersion::default() })
}
