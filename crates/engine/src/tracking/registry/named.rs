//! The names by which clients know models. Their registry has each name once; here each project may have a model of it.
//!
//! A name that one model has means that model. Of several the one that belongs to no project is called by the name
//! alone: a client gave it. The others are told with their project's name behind it, `fraud (Payments)`, and found by that.

use std::path::Path;

use api::{ApiError, ProjectId};
use store::model::ModelRow;

use crate::project;

/// The model that a name means; of several that of the project `within`, from which the request comes.
pub(super) fn find(c: &store::Connection, name: &str, within: Option<ProjectId>) -> store::Result<Option<ModelRow>> {
    let mut all = store::model::named(c, name)?;
    let own = all.iter().position(|row| within.is_some() && row.project == within);
    match own.or_else(|| all.iter().position(|row| row.project.is_none())) {
        Some(at) => Ok(Some(all.swap_remove(at))),
        None if all.len() > 1 => Err(ambiguous(c, name, &all)?.into()),
        None if all.is_empty() => with_project(c, name),
        None => Ok(all.pop()),
    }
}

/// Whether a client can't give this name to another model.
pub(super) fn is_taken(c: &store::Connection, name: &str) -> store::Result<bool> {
    Ok(!store::model::named(c, name)?.is_empty() || with_project(c, name)?.is_some())
}

/// The name by which clients know a model.
pub(super) fn told(c: &store::Connection, row: &ModelRow) -> store::Result<String> {
    let Some(project) = row.project else { return Ok(row.name.clone()) };
    let all = store::model::named(c, &row.name)?;
    if all.len() < 2 {
        return Ok(row.name.clone());
    }
    let own = project_name(c, project)?;
    let mut same = 0;
    for project in all.iter().filter_map(|row| row.project) {
        same += usize::from(project_name(c, project)? == own);
    }
    let is_told = if same > 1 { project.to_string() } else { own };
    Ok(format!("{} ({is_told})", row.name))
}

fn ambiguous(c: &store::Connection, name: &str, all: &[ModelRow]) -> store::Result<ApiError> {
    let names = all.iter().map(|row| Ok(format!("\"{}\"", told(c, row)?))).collect::<store::Result<Vec<_>>>()?;
    Ok(ApiError::invalid(format!("{} projects have a model \"{name}\".", all.len()))
        .with_hint(format!("Name the one that is meant: {}.", names.join(" or "))))
}

/// The model that a name with a project's name or id behind it means.
fn with_project(c: &store::Connection, name: &str) -> store::Result<Option<ModelRow>> {
    // No name of a project's model has a space.
    let Some((own, said)) = name.strip_suffix(')').and_then(|name| name.split_once(" (")) else { return Ok(None) };
    let mut meant = None;
    for row in store::model::named(c, own)? {
        let Some(project) = row.project else { continue };
        if project.to_string() == said {
            return Ok(Some(row));
        }
        if project_name(c, project)? == said {
            // Two projects of one name are told by their ids.
            if meant.is_some() {
                return Ok(None);
            }
            meant = Some(row);
        }
    }
    Ok(meant)
}

/// A project's name, without the signs that an address gives another meaning.
fn project_name(c: &store::Connection, id: ProjectId) -> store::Result<String> {
    let row = store::project::get(c, id)?;
    let name = row.map(|row| project::name_of(&row.file, Path::new(&row.path))).unwrap_or_default();
    Ok(name.chars().map(|sign| if matches!(sign, '/' | ':' | '@') || sign.is_control() { '-' } else { sign }).collect())
}
