//! Groups of runs: each project has one of its name.

use api::{ExperimentId, ProjectId};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::{error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE experiment (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (project, name)
) WITHOUT ROWID;
";

/// The project's first experiment.
pub fn of_project(connection: &Connection, project: ProjectId) -> Result<Option<ExperimentId>> {
    Ok(connection
        .prepare_cached("SELECT id FROM experiment WHERE project = ?1 ORDER BY id LIMIT 1")?
        .query_row(params![project.as_bytes()], |row| Ok(id_column!(row, 0, ExperimentId)))
        .optional()?)
}

pub fn rename(transaction: &Transaction<'_>, id: ExperimentId, name: &str) -> Result<()> {
    transaction
        .prepare_cached("UPDATE experiment SET name = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), name])?;
    Ok(())
}

pub fn insert(
    transaction: &Transaction<'_>,
    id: ExperimentId,
    project: ProjectId,
    name: &str,
    now_ms: i64,
) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO experiment (id, project, name, created_ms) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id.as_bytes(), project.as_bytes(), name, now_ms])?;
    Ok(())
}
