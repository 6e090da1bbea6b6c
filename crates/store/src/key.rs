//! The keys that occur among a project's runs, so that completing and choosing columns reads few rows.

use api::ProjectId;
use rusqlite::{Connection, Transaction, params};

use crate::error::Result;

pub(crate) const CREATE: &str = "
CREATE TABLE key (
    project BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    kind    TEXT NOT NULL, -- 'metric' or 'param'
    name    TEXT NOT NULL,
    PRIMARY KEY (project, kind, name)
) WITHOUT ROWID;
";

pub fn note(transaction: &Transaction<'_>, project: ProjectId, kind: &str, name: &str) -> Result<()> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO key (project, kind, name) VALUES (?1, ?2, ?3)")?
        .execute(params![project.as_bytes(), kind, name])?;
    Ok(())
}

pub fn of_project(connection: &Connection, project: ProjectId, kind: &str) -> Result<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT name FROM key WHERE project = ?1 AND kind = ?2 ORDER BY name")?;
    let rows = statement.query_map(params![project.as_bytes(), kind], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
