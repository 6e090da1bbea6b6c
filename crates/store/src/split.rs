//! Which rows train, validate and test: a record that later runs inherit.

use api::{ProjectId, SnapshotId, SplitId, config::SplitConfig, evaluation::PartRows};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{blob::BlobHash, blob_use, column::Json, error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE split (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    snapshot   BLOB NOT NULL REFERENCES snapshot (id),
    parent     BLOB REFERENCES split (id) ON DELETE SET NULL,
    settings   TEXT NOT NULL, -- canonical JSON of the split's settings and of the columns that they name
    config     TEXT NOT NULL,
    record     BLOB NOT NULL, -- blob: row or group hash → part
    parts      BLOB NOT NULL, -- blob: one byte a row of the snapshot
    counts     TEXT NOT NULL,
    remarks    TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX split_settings ON split (project, settings, created_ms);
";

#[derive(Debug, Clone, PartialEq)]
pub struct SplitRow {
    pub id: SplitId,
    pub project: ProjectId,
    pub snapshot: SnapshotId,
    pub parent: Option<SplitId>,
    /// Equal for runs that inherit from each other.
    pub settings: String,
    pub config: SplitConfig,
    pub record: BlobHash,
    pub parts: BlobHash,
    pub counts: PartRows,
    pub remarks: Vec<String>,
    pub created_ms: i64,
}

const COLUMNS: &str = "id, project, snapshot, parent, settings, config, record, parts, counts, remarks, created_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<SplitRow> {
    Ok(SplitRow {
        id: id_column!(row, 0, SplitId),
        project: id_column!(row, 1, ProjectId),
        snapshot: id_column!(row, 2, SnapshotId),
        parent: id_column!(row, 3, Option<SplitId>),
        settings: row.get(4)?,
        config: row.get::<_, Json<SplitConfig>>(5)?.0,
        record: BlobHash::from_bytes(row.get(6)?),
        parts: BlobHash::from_bytes(row.get(7)?),
        counts: row.get::<_, Json<PartRows>>(8)?.0,
        remarks: row.get::<_, Json<Vec<String>>>(9)?.0,
        created_ms: row.get(10)?,
    })
}

pub fn get(connection: &Connection, id: SplitId) -> Result<Option<SplitRow>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM split WHERE id = ?1"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

/// The newest split of a project with these settings: what the next one inherits.
pub fn newest(connection: &Connection, project: ProjectId, settings: &str) -> Result<Option<SplitRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM split WHERE project = ?1 AND settings = ?2 ORDER BY created_ms DESC, id DESC LIMIT 1"
    ))?;
    Ok(statement.query_row(params![project.as_bytes(), settings], read).optional()?)
}

pub fn insert(transaction: &Transaction<'_>, row: &SplitRow) -> Result<()> {
    transaction
        .prepare_cached(&format!(
            "INSERT INTO split ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        ))?
        .execute(params![
            row.id.as_bytes(),
            row.project.as_bytes(),
            row.snapshot.as_bytes(),
            row.parent.as_ref().map(SplitId::as_bytes),
            row.settings,
            Json(&row.config),
            row.record.as_bytes(),
            row.parts.as_bytes(),
            Json(&row.counts),
            Json(&row.remarks),
            row.created_ms,
        ])?;
    blob_use::add(transaction, row.id.as_bytes(), [row.record, row.parts])
}

/// Deletes the splits of a snapshot that no run uses, so that the snapshot can go.
pub fn delete_unused(transaction: &Transaction<'_>, snapshot: SnapshotId) -> Result<()> {
    let mut statement = transaction.prepare_cached(
        "SELECT id FROM split WHERE snapshot = ?1 AND NOT EXISTS (SELECT 1 FROM run WHERE run.split = split.id)",
    )?;
    let unused = statement
        .query_map(params![snapshot.as_bytes()], |row| row.get::<_, [u8; 16]>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for id in unused {
        blob_use::remove(transaction, &id)?;
        transaction.prepare_cached("DELETE FROM split WHERE id = ?1")?.execute(params![id])?;
    }
    Ok(())
}
