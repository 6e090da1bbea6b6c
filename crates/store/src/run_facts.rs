//! Facts that are noted of a run while it goes on, such as its machine: the columns that these are, and no others. Of a
//! thousand runs that clients begin at once, whole rows would be written with all of their indexes.

use std::collections::BTreeMap;

use api::{ProjectId, RunId, run::RunKind};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::{
    column::{Json, Word},
    error::Result,
    id_column,
};

/// What says whether and how a run's process is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    pub kind: RunKind,
    pub project: Option<ProjectId>,
    /// It is under way, and not deleted.
    pub is_going: bool,
}

pub fn outline(connection: &Connection, id: RunId) -> Result<Option<Outline>> {
    let mut statement = connection
        .prepare_cached("SELECT kind, project, state = 'running' AND deleted_ms IS NULL FROM run WHERE id = ?1")?;
    let found = statement.query_row(params![id.as_bytes()], |row| {
        Ok(Outline {
            kind: row.get::<_, Word<RunKind>>(0)?.0,
            project: id_column!(row, 1, Option<ProjectId>),
            is_going: row.get(2)?,
        })
    });
    Ok(found.optional()?)
}

/// Adds facts to a run's environment; `false` where there is no such run.
pub fn note(transaction: &Transaction<'_>, id: RunId, facts: BTreeMap<String, String>) -> Result<bool> {
    let known = transaction
        .prepare_cached("SELECT environment FROM run WHERE id = ?1")?
        .query_row(params![id.as_bytes()], |row| row.get::<_, Json<BTreeMap<String, String>>>(0))
        .optional()?;
    let Some(Json(mut environment)) = known else { return Ok(false) };
    environment.extend(facts);
    transaction
        .prepare_cached("UPDATE run SET environment = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), Json(&environment)])?;
    Ok(true)
}
