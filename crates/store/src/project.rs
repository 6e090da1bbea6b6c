//! Folders of the user's that are projects, with the last good form of their file.

use api::{ProjectId, config::ProjectFile};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{column::Json, error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE project (
    id         BLOB PRIMARY KEY,
    path       TEXT NOT NULL,
    file       TEXT NOT NULL, -- JSON: the last good slipway.toml
    sample     TEXT,
    created_ms INTEGER NOT NULL,
    opened_ms  INTEGER NOT NULL
) WITHOUT ROWID;
";

#[derive(Debug, Clone, PartialEq)]
pub struct ProjectRow {
    pub id: ProjectId,
    pub path: String,
    pub file: ProjectFile,
    pub sample: Option<String>,
    pub created_ms: i64,
    pub opened_ms: i64,
}

const COLUMNS: &str = "id, path, file, sample, created_ms, opened_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<ProjectRow> {
    Ok(ProjectRow {
        id: id_column!(row, 0, ProjectId),
        path: row.get(1)?,
        file: kept_file(&row.get::<_, String>(2)?),
        sample: row.get(3)?,
        created_ms: row.get(4)?,
        opened_ms: row.get(5)?,
    })
}

/// One project's form that can't be read costs that project a look at its folder, never the list.
fn kept_file(text: &str) -> ProjectFile {
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::error!(%error, "the kept form of a project's file can't be read; its defaults stand in until it is looked at");
        ProjectFile::default()
    })
}

/// Most recently opened first.
pub fn all(connection: &Connection) -> Result<Vec<ProjectRow>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM project ORDER BY opened_ms DESC, id DESC"))?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn get(connection: &Connection, id: ProjectId) -> Result<Option<ProjectRow>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM project WHERE id = ?1"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

pub fn by_sample(connection: &Connection, sample: &str) -> Result<Option<ProjectRow>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM project WHERE sample = ?1 ORDER BY opened_ms DESC LIMIT 1"))?;
    Ok(statement.query_row(params![sample], read).optional()?)
}

/// Enters a project, or replaces what is known of it.
pub fn put(transaction: &Transaction<'_>, row: &ProjectRow) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO project (id, path, file, sample, created_ms, opened_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET path = excluded.path, file = excluded.file, sample = excluded.sample,
             opened_ms = excluded.opened_ms",
        )?
        .execute(params![row.id.as_bytes(), row.path, Json(&row.file), row.sample, row.created_ms, row.opened_ms])?;
    Ok(())
}

pub fn set_file(transaction: &Transaction<'_>, id: ProjectId, file: &ProjectFile) -> Result<()> {
    transaction
        .prepare_cached("UPDATE project SET file = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), Json(file)])?;
    Ok(())
}

/// Deletes the project with all records below it; the blobs that only they used become garbage.
pub fn delete(transaction: &Transaction<'_>, id: ProjectId) -> Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM blob_use WHERE owner IN (
                SELECT snapshot.id FROM snapshot JOIN dataset ON dataset.id = snapshot.dataset WHERE dataset.project = ?1
                UNION ALL SELECT id FROM split WHERE project = ?1
                UNION ALL SELECT version.id FROM version JOIN model ON model.id = version.model WHERE model.project = ?1
                UNION ALL SELECT package.id FROM package JOIN version ON version.id = package.version
                    JOIN model ON model.id = version.model WHERE model.project = ?1)",
        )?
        .execute(params![id.as_bytes()])?;
    crate::experiment::leave(transaction, id)?;
    transaction.prepare_cached("DELETE FROM project WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    crate::setting::put(transaction, crate::setting::EMPTIED, &true)
}
