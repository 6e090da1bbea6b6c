//! Folders of the user's that are projects, with the last good form of their file. One that was deleted keeps its records
//! until it goes for good; a setting says that it is deleted, and what went with it.

use std::fmt::Write as _;

use api::{ProjectId, config::ProjectFile};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::{Serialize, de::DeserializeOwned};

use crate::{column::Json, error::Result, id_column, setting};

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

/// The condition that the project which a column names is not deleted; it holds of none, too.
pub(crate) fn is_there(column: &str) -> String {
    let prefix = setting::DELETED_PROJECT;
    format!("NOT EXISTS (SELECT 1 FROM setting WHERE setting.name = '{prefix}' || lower(hex({column})))")
}

/// Most recently opened first.
pub fn all(connection: &Connection) -> Result<Vec<ProjectRow>> {
    let there = is_there("project.id");
    list(connection, &format!("WHERE {there}"))
}

/// Those that were deleted and can be brought back, too.
pub fn with_deleted(connection: &Connection) -> Result<Vec<ProjectRow>> {
    list(connection, "")
}

fn list(connection: &Connection, rest: &str) -> Result<Vec<ProjectRow>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM project {rest} ORDER BY opened_ms DESC, id DESC"))?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn get(connection: &Connection, id: ProjectId) -> Result<Option<ProjectRow>> {
    let there = is_there("project.id");
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM project WHERE id = ?1 AND {there}"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

/// Also one that was deleted.
pub fn get_any(connection: &Connection, id: ProjectId) -> Result<Option<ProjectRow>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM project WHERE id = ?1"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

pub fn by_sample(connection: &Connection, sample: &str) -> Result<Option<ProjectRow>> {
    let there = is_there("project.id");
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM project WHERE sample = ?1 AND {there} ORDER BY opened_ms DESC LIMIT 1"
    ))?;
    Ok(statement.query_row(params![sample], read).optional()?)
}

fn deletion_of(id: ProjectId) -> String {
    let mut name = setting::DELETED_PROJECT.to_owned();
    for byte in id.as_bytes() {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// What went with a project that was deleted; nothing of one that is there.
pub fn deletion<T: DeserializeOwned>(connection: &Connection, id: ProjectId) -> Result<Option<T>> {
    setting::get(connection, &deletion_of(id))
}

/// Whether it was deleted and can be brought back.
pub fn is_deleted(connection: &Connection, id: ProjectId) -> Result<bool> {
    let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM setting WHERE name = ?1)")?;
    Ok(statement.query_row(params![deletion_of(id)], |row| row.get(0))?)
}

/// Marks a project as deleted, with what went with it.
pub fn mark_deleted<T: Serialize>(transaction: &Transaction<'_>, id: ProjectId, what: &T) -> Result<()> {
    setting::put(transaction, &deletion_of(id), what)
}

pub fn unmark_deleted(transaction: &Transaction<'_>, id: ProjectId) -> Result<()> {
    setting::delete(transaction, &deletion_of(id))
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

/// Deletes the project for good with all records below it; the blobs that only they used become garbage.
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
    crate::source::let_go_of(transaction, id)?;
    transaction.prepare_cached("DELETE FROM project WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    unmark_deleted(transaction, id)?;
    setting::put(transaction, setting::EMPTIED, &true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_project_is_hidden_until_it_is_brought_back() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(CREATE).unwrap();
        connection.execute_batch(setting::CREATE).unwrap();
        let transaction = connection.transaction().unwrap();
        // Digits above nine, in the case that SQLite writes them in.
        let id = ProjectId::from_bytes([0xab; 16]);
        let row = ProjectRow {
            id,
            path: "/p".to_owned(),
            file: ProjectFile::default(),
            sample: Some("digits".to_owned()),
            created_ms: 1,
            opened_ms: 2,
        };
        put(&transaction, &row).unwrap();
        let shown = |transaction: &Transaction<'_>| {
            let found = [get(transaction, id).unwrap(), by_sample(transaction, "digits").unwrap()];
            (found.map(|found| found.is_some()), all(transaction).unwrap().len())
        };
        assert_eq!(shown(&transaction), ([true; 2], 1));
        mark_deleted(&transaction, id, &7).unwrap();
        assert_eq!(shown(&transaction), ([false; 2], 0));
        assert!(is_deleted(&transaction, id).unwrap() && get_any(&transaction, id).unwrap().is_some());
        assert_eq!(with_deleted(&transaction).unwrap().len(), 1);
        assert_eq!(deletion::<i64>(&transaction, id).unwrap(), Some(7));
        unmark_deleted(&transaction, id).unwrap();
        assert_eq!(shown(&transaction), ([true; 2], 1));
    }
}
