//! Where the media of other tools' logs stand, to be read there when they are shown.

use api::{RunId, SourceId, media::MediumKind};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{
    column::{Json, Word},
    error::Result,
    id_column,
};

pub(crate) const CREATE: &str = "
CREATE TABLE medium (
    run      BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key      TEXT NOT NULL,
    step     INTEGER NOT NULL,
    time_ms  INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    source   BLOB NOT NULL REFERENCES source (id) ON DELETE CASCADE,
    location TEXT NOT NULL, -- JSON: the place in the log's file
    PRIMARY KEY (run, key, step)
) WITHOUT ROWID;
CREATE INDEX medium_source ON medium (source);
";

/// Version 5: a log may tell several of a key at one step, as TensorBoard's does of pictures without a step. The key's columns stand
/// first: where they don't, an integrity check of SQLite 3.40 finds NULLs in a table without rowids that has none.
pub(crate) const REBUILD: &str = "
CREATE TABLE medium_new (
    run      BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key      TEXT NOT NULL,
    step     INTEGER NOT NULL,
    time_ms  INTEGER NOT NULL,
    location TEXT NOT NULL, -- JSON: the place in the log's file
    kind     TEXT NOT NULL,
    source   BLOB NOT NULL REFERENCES source (id) ON DELETE CASCADE,
    PRIMARY KEY (run, key, step, time_ms, location)
) WITHOUT ROWID;
INSERT INTO medium_new SELECT run, key, step, time_ms, location, kind, source FROM medium;
DROP TABLE medium;
ALTER TABLE medium_new RENAME TO medium;
CREATE INDEX medium_source ON medium (source);
";

#[derive(Debug, Clone, PartialEq)]
pub struct MediumRow {
    pub key: String,
    pub step: i64,
    pub time_ms: i64,
    pub kind: MediumKind,
    pub source: SourceId,
    pub location: serde_json::Value,
}

/// The one medium of its key at its step: what was told of it before is gone.
pub fn put(transaction: &Transaction<'_>, run: RunId, row: &MediumRow) -> Result<()> {
    transaction.prepare_cached("DELETE FROM medium WHERE run = ?1 AND key = ?2 AND step = ?3")?.execute(params![
        run.as_bytes(),
        row.key,
        row.step
    ])?;
    put_beside(transaction, run, row)
}

/// Beside what else was told of its key at its step; at the same place of the log it is the same.
pub fn put_beside(transaction: &Transaction<'_>, run: RunId, row: &MediumRow) -> Result<()> {
    let MediumRow { key, step, time_ms, kind, source, location } = row;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO medium (run, key, step, time_ms, kind, source, location)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![run.as_bytes(), key, step, time_ms, Word(*kind), source.as_bytes(), Json(location)])?;
    Ok(())
}

/// Key, step and kind of each, by key, step and time.
pub fn list(connection: &Connection, run: RunId) -> Result<Vec<(String, i64, MediumKind)>> {
    let mut statement = connection
        .prepare_cached("SELECT key, step, kind FROM medium WHERE run = ?1 ORDER BY key, step, time_ms, location")?;
    let rows = statement.query_map(params![run.as_bytes()], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, Word<MediumKind>>(2)?.0))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The steps of a key, each with its kind; one as often as it has media, by their time.
pub fn steps(connection: &Connection, run: RunId, key: &str) -> Result<Vec<(i64, MediumKind)>> {
    let mut statement = connection
        .prepare_cached("SELECT step, kind FROM medium WHERE run = ?1 AND key = ?2 ORDER BY step, time_ms, location")?;
    let rows = statement
        .query_map(params![run.as_bytes(), key], |row| Ok((row.get(0)?, row.get::<_, Word<MediumKind>>(1)?.0)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<MediumRow> {
    Ok(MediumRow {
        key: row.get(0)?,
        step: row.get(1)?,
        time_ms: row.get(2)?,
        kind: row.get::<_, Word<MediumKind>>(3)?.0,
        source: id_column!(row, 4, SourceId),
        location: row.get::<_, Json<serde_json::Value>>(5)?.0,
    })
}

/// What stands at this place, from 0, among the media of a key at a step, by their time.
pub fn get(connection: &Connection, run: RunId, key: &str, (step, at): (i64, u64)) -> Result<Option<MediumRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT key, step, time_ms, kind, source, location FROM medium WHERE run = ?1 AND key = ?2 AND step = ?3
         ORDER BY time_ms, location LIMIT 1 OFFSET ?4",
    )?;
    Ok(statement.query_row(params![run.as_bytes(), key, step, at as i64], read).optional()?)
}

/// What a log told of a run's media from a step on, where the run went on from an earlier one.
pub fn forget_from(transaction: &Transaction<'_>, source: SourceId, run: RunId, step: i64) -> Result<()> {
    transaction
        .prepare_cached("DELETE FROM medium WHERE run = ?1 AND source = ?2 AND step >= ?3")?
        .execute(params![run.as_bytes(), source.as_bytes(), step])?;
    Ok(())
}

/// What a log told of media, which is then told anew.
pub fn forget(transaction: &Transaction<'_>, source: SourceId) -> Result<()> {
    transaction.prepare_cached("DELETE FROM medium WHERE source = ?1")?.execute(params![source.as_bytes()])?;
    Ok(())
}
