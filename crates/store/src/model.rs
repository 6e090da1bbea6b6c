//! Registered names under which versions stand.

use api::{ModelId, ProjectId};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE model (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (project, name)
) WITHOUT ROWID;
";

#[derive(Debug, Clone, PartialEq)]
pub struct ModelRow {
    pub id: ModelId,
    pub project: ProjectId,
    pub name: String,
    pub created_ms: i64,
}

const COLUMNS: &str = "id, project, name, created_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<ModelRow> {
    Ok(ModelRow {
        id: id_column!(row, 0, ModelId),
        project: id_column!(row, 1, ProjectId),
        name: row.get(2)?,
        created_ms: row.get(3)?,
    })
}

pub fn get(connection: &Connection, id: ModelId) -> Result<Option<ModelRow>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM model WHERE id = ?1"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

pub fn of_project(connection: &Connection, project: ProjectId) -> Result<Vec<ModelRow>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM model WHERE project = ?1 ORDER BY name"))?;
    let rows = statement.query_map(params![project.as_bytes()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Models of this name: one a project.
pub fn named(connection: &Connection, name: &str) -> Result<Vec<ModelRow>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM model WHERE name = ?1 ORDER BY id"))?;
    let rows = statement.query_map(params![name], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn insert(transaction: &Transaction<'_>, row: &ModelRow) -> Result<()> {
    transaction.prepare_cached(&format!("INSERT INTO model ({COLUMNS}) VALUES (?1, ?2, ?3, ?4)"))?.execute(params![
        row.id.as_bytes(),
        row.project.as_bytes(),
        row.name,
        row.created_ms
    ])?;
    Ok(())
}

/// Deletes a name that no version stands under.
pub fn delete_if_empty(transaction: &Transaction<'_>, id: ModelId) -> Result<()> {
    transaction
        .prepare_cached("DELETE FROM model WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM version WHERE model = ?1)")?
        .execute(params![id.as_bytes()])?;
    Ok(())
}
