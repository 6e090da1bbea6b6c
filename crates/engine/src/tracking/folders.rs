//! Folders of experiments. A folder is nothing but the path that its experiments carry, so that it is there while one of
//! them is, and is renamed by giving all of them another path at once.

use anyhow::bail;
use api::{ApiError, ErrorCode, event::Tag, tracking::MoveFolder};

use super::experiments::check_folder;
use crate::Engine;

pub async fn move_to(engine: &Engine, request: MoveFolder) -> anyhow::Result<u64> {
    let (from, to) = (check_folder(&request.from)?, check_folder(&request.to)?);
    if from.is_empty() || to.is_empty() {
        bail!(ApiError::invalid("A folder needs a path: names joined by /, such as vision/resnet."));
    }
    if from == to {
        bail!(ApiError::invalid(format!("The folder is called {from} already.")));
    }
    if below(&to, &from).is_some() {
        bail!(
            ApiError::invalid(format!("The folder {from} can't stand in itself."))
                .with_hint("Move it to a folder beside it, or above.")
        );
    }
    let now_ms = engine.now_ms();
    let moved = engine
        .store()
        .write(move |tx| {
            let all = store::experiment::all(tx)?;
            let is_there = |path: &str| {
                all.iter().filter(|one| one.deleted_ms.is_none()).any(|one| below(&one.folder, path).is_some())
            };
            if !is_there(&from) {
                return Err(ApiError::not_found(format!("There is no folder {from}."))
                    .with_hint("`slipway experiment list` shows each experiment's folder.")
                    .into());
            }
            if is_there(&to) {
                return Err(ApiError::new(ErrorCode::Conflict, format!("There is a folder {to} already."))
                    .with_hint("Choose another name, or move the experiments into it one by one.")
                    .into());
            }
            // They would go along when the move is undone.
            if let Some(gone) = all.iter().find(|one| below(&one.folder, &to).is_some()) {
                let told = format!("The folder {to} holds a deleted experiment, {}.", gone.name);
                return Err(ApiError::new(ErrorCode::Conflict, told)
                    .with_hint("Choose another name, or delete it for good or restore it elsewhere first.")
                    .into());
            }
            let mut count = 0;
            for experiment in &all {
                let Some(rest) = below(&experiment.folder, &from) else { continue };
                let folder = check_folder(&format!("{to}/{rest}")).map_err(|_| too_long(&experiment.name))?;
                store::experiment::put_folder(tx, experiment.id, &folder, now_ms)?;
                count += u64::from(experiment.deleted_ms.is_none());
            }
            Ok(count)
        })
        .await?;
    engine.changed(Tag::Experiments);
    Ok(moved)
}

fn too_long(name: &str) -> ApiError {
    ApiError::invalid(format!("The path of {name} would be longer than 500 characters."))
}

/// What of a folder's path comes behind another that it is or lies in.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}
