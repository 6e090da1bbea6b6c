//! Registered names under which versions stand.

use api::{ModelId, ProjectId};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{error::Result, id_column, project};

pub(crate) const CREATE: &str = "
CREATE TABLE model (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (project, name)
) WITHOUT ROWID;
";

/// Version 3: models that clients registered belong to no project, and have notes.
pub(crate) const REBUILD: &str = "
CREATE TABLE model_new (
    id         BLOB PRIMARY KEY,
    project    BLOB REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    notes      TEXT NOT NULL,
    UNIQUE (project, name)
) WITHOUT ROWID;
INSERT INTO model_new SELECT id, project, name, created_ms, created_ms, '' FROM model;
DROP TABLE model;
ALTER TABLE model_new RENAME TO model;
CREATE INDEX model_name ON model (name);
";

#[derive(Debug, Clone, PartialEq)]
pub struct ModelRow {
    pub id: ModelId,
    /// None of a model that a client registered.
    pub project: Option<ProjectId>,
    pub name: String,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// Markdown.
    pub notes: String,
}

const COLUMNS: &str = "id, project, name, created_ms, updated_ms, notes";

fn read(row: &Row<'_>) -> rusqlite::Result<ModelRow> {
    Ok(ModelRow {
        id: id_column!(row, 0, ModelId),
        project: id_column!(row, 1, Option<ProjectId>),
        name: row.get(2)?,
        created_ms: row.get(3)?,
        updated_ms: row.get(4)?,
        notes: row.get(5)?,
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

/// Models of this name: one a project; none of a project that was deleted.
pub fn named(connection: &Connection, name: &str) -> Result<Vec<ModelRow>> {
    let there = project::is_there("model.project");
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM model WHERE name = ?1 AND {there} ORDER BY id"))?;
    let rows = statement.query_map(params![name], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A name that no other model has, of a project or of none: `wanted`, or with the first free number behind it.
pub fn free_name(connection: &Connection, wanted: &str) -> Result<String> {
    let mut name = wanted.to_owned();
    let mut next = 2;
    while !named(connection, &name)?.is_empty() {
        name = format!("{wanted} {next}");
        next += 1;
    }
    Ok(name)
}

pub fn insert(transaction: &Transaction<'_>, row: &ModelRow) -> Result<()> {
    transaction.prepare_cached(&format!("INSERT INTO model ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"))?.execute(
        params![
            row.id.as_bytes(),
            row.project.as_ref().map(ProjectId::as_bytes),
            row.name,
            row.created_ms,
            row.updated_ms,
            row.notes,
        ],
    )?;
    Ok(())
}

/// Every model, by name; none of a project that was deleted.
pub fn all(connection: &Connection) -> Result<Vec<ModelRow>> {
    let there = project::is_there("model.project");
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM model WHERE {there} ORDER BY name, id"))?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Writes what can change of a model: its name, notes, and when that was.
pub fn put(transaction: &Transaction<'_>, row: &ModelRow) -> Result<()> {
    transaction
        .prepare_cached("UPDATE model SET name = ?2, notes = ?3, updated_ms = ?4 WHERE id = ?1")?
        .execute(params![row.id.as_bytes(), row.name, row.notes, row.updated_ms])?;
    Ok(())
}

/// Deletes a name with the versions that clients registered under it.
pub fn delete(transaction: &Transaction<'_>, id: ModelId) -> Result<()> {
    for version in crate::client_version::of_model(transaction, id)? {
        crate::client_version::delete(transaction, version.id)?;
    }
    transaction.prepare_cached("DELETE FROM registry_tag WHERE owner = ?1")?.execute(params![id.as_bytes()])?;
    transaction.prepare_cached("DELETE FROM model WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    Ok(())
}

/// Deletes a name that no version stands under.
pub fn delete_if_empty(transaction: &Transaction<'_>, id: ModelId) -> Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM model WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM version WHERE model = ?1)
             AND NOT EXISTS (SELECT 1 FROM client_version WHERE model = ?1)",
        )?
        .execute(params![id.as_bytes()])?;
    Ok(())
}
