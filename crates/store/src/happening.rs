//! What happened in a project, as sentences for its overview.

use api::{ProjectId, project::Happening};
use rusqlite::{Connection, Transaction, params};

use crate::{column::Word, error::Result};

pub(crate) const CREATE: &str = "
CREATE TABLE happening (
    number   INTEGER PRIMARY KEY,
    project  BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    at_ms    INTEGER NOT NULL,
    stage    TEXT NOT NULL,
    state    TEXT NOT NULL,
    sentence TEXT NOT NULL
);
CREATE INDEX happening_project ON happening (project, number);
";

pub fn add(transaction: &Transaction<'_>, project: ProjectId, happening: &Happening) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO happening (project, at_ms, stage, state, sentence) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            project.as_bytes(),
            happening.at_ms,
            Word(happening.stage),
            Word(happening.state),
            happening.sentence
        ])?;
    Ok(())
}

/// Newest first.
pub fn newest(connection: &Connection, project: ProjectId, limit: u32) -> Result<Vec<Happening>> {
    let mut statement = connection.prepare_cached(
        "SELECT at_ms, stage, state, sentence FROM happening WHERE project = ?1 ORDER BY number DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![project.as_bytes(), limit], |row| {
        Ok(Happening {
            at_ms: row.get(0)?,
            stage: row.get::<_, Word<_>>(1)?.0,
            state: row.get::<_, Word<_>>(2)?.0,
            sentence: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
