//! A project's dataset: one a project today, named so that more fit.

use api::{DatasetId, ProjectId};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::{error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE dataset (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (project, name)
) WITHOUT ROWID;
";

#[derive(Debug, Clone, PartialEq)]
pub struct DatasetRow {
    pub id: DatasetId,
    pub project: ProjectId,
    pub name: String,
    pub created_ms: i64,
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<DatasetRow> {
    Ok(DatasetRow {
        id: id_column!(row, 0, DatasetId),
        project: id_column!(row, 1, ProjectId),
        name: row.get(2)?,
        created_ms: row.get(3)?,
    })
}

pub fn of_project(connection: &Connection, project: ProjectId) -> Result<Option<DatasetRow>> {
    let mut statement = connection
        .prepare_cached("SELECT id, project, name, created_ms FROM dataset WHERE project = ?1 ORDER BY id LIMIT 1")?;
    Ok(statement.query_row(params![project.as_bytes()], read).optional()?)
}

pub fn get(connection: &Connection, id: DatasetId) -> Result<Option<DatasetRow>> {
    let mut statement = connection.prepare_cached("SELECT id, project, name, created_ms FROM dataset WHERE id = ?1")?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

pub fn insert(transaction: &Transaction<'_>, row: &DatasetRow) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO dataset (id, project, name, created_ms) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![row.id.as_bytes(), row.project.as_bytes(), row.name, row.created_ms])?;
    Ok(())
}
