//! The content of a dataset at one moment; never changes.

use api::{
    DatasetId, ProjectId, SnapshotId,
    config::DataConfig,
    dataset::{Column, Snapshot},
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{blob::BlobHash, blob_use, column::Json, error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE snapshot (
    id         BLOB PRIMARY KEY,
    dataset    BLOB NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    parent     BLOB REFERENCES snapshot (id) ON DELETE SET NULL,
    content    TEXT NOT NULL,
    manifest   BLOB NOT NULL,   -- blob: the files with their hashes
    config     TEXT NOT NULL,   -- JSON: how the files were read
    columns    TEXT NOT NULL,   -- JSON: the schema
    message    TEXT NOT NULL,
    rows       INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    files      INTEGER NOT NULL,
    kept       INTEGER NOT NULL,
    root       TEXT NOT NULL,   -- where referenced files were seen
    created_ms INTEGER NOT NULL,
    UNIQUE (dataset, number)
) WITHOUT ROWID;
";

#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotRow {
    pub snapshot: Snapshot,
    pub manifest: BlobHash,
    pub config: DataConfig,
    pub columns: Vec<Column>,
    /// The project's folder when it was taken; referenced files are looked for where it is now first.
    pub root: String,
}

const COLUMNS: &str = "id, dataset, number, parent, content, manifest, config, columns, message, rows, size_bytes, files, kept, root, created_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<SnapshotRow> {
    let columns = row.get::<_, Json<Vec<Column>>>(7)?.0;
    Ok(SnapshotRow {
        snapshot: Snapshot {
            id: id_column!(row, 0, SnapshotId),
            dataset: id_column!(row, 1, DatasetId),
            number: row.get(2)?,
            parent: id_column!(row, 3, Option<SnapshotId>),
            content: row.get(4)?,
            message: row.get(8)?,
            rows: row.get::<_, i64>(9)? as u64,
            columns: columns.len() as u32,
            size_bytes: row.get::<_, i64>(10)? as u64,
            files: row.get::<_, i64>(11)? as u64,
            kept: row.get(12)?,
            created_ms: row.get(14)?,
        },
        manifest: BlobHash::from_bytes(row.get(5)?),
        config: row.get::<_, Json<DataConfig>>(6)?.0,
        columns,
        root: row.get(13)?,
    })
}

pub fn get(connection: &Connection, id: SnapshotId) -> Result<Option<SnapshotRow>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM snapshot WHERE id = ?1"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

/// Newest first.
pub fn of_dataset(connection: &Connection, dataset: DatasetId) -> Result<Vec<SnapshotRow>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM snapshot WHERE dataset = ?1 ORDER BY number DESC"))?;
    let rows = statement.query_map(params![dataset.as_bytes()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn newest(connection: &Connection, dataset: DatasetId) -> Result<Option<SnapshotRow>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM snapshot WHERE dataset = ?1 ORDER BY number DESC LIMIT 1"))?;
    Ok(statement.query_row(params![dataset.as_bytes()], read).optional()?)
}

/// The project that a snapshot belongs to.
pub fn project(connection: &Connection, id: SnapshotId) -> Result<Option<ProjectId>> {
    Ok(connection
        .prepare_cached(
            "SELECT dataset.project FROM snapshot JOIN dataset ON dataset.id = snapshot.dataset WHERE snapshot.id = ?1",
        )?
        .query_row(params![id.as_bytes()], |row| Ok(id_column!(row, 0, ProjectId)))
        .optional()?)
}

/// Enters a snapshot under the dataset's next number, which is returned; `blobs` are the kept files.
pub fn insert(
    transaction: &Transaction<'_>,
    row: &SnapshotRow,
    blobs: impl IntoIterator<Item = BlobHash>,
) -> Result<u32> {
    let number = next_number(transaction, row.snapshot.dataset)?;
    enter(transaction, row, number)?;
    blob_use::add(transaction, row.snapshot.id.as_bytes(), blobs.into_iter().chain([row.manifest]))?;
    Ok(number)
}

fn next_number(connection: &Connection, dataset: DatasetId) -> Result<u32> {
    Ok(connection
        .prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM snapshot WHERE dataset = ?1")?
        .query_row(params![dataset.as_bytes()], |row| row.get(0))?)
}

fn enter(transaction: &Transaction<'_>, row: &SnapshotRow, number: u32) -> Result<()> {
    let snapshot = &row.snapshot;
    transaction
        .prepare_cached(&format!(
            "INSERT INTO snapshot ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
        ))?
        .execute(params![
            snapshot.id.as_bytes(),
            snapshot.dataset.as_bytes(),
            number,
            snapshot.parent.as_ref().map(SnapshotId::as_bytes),
            snapshot.content,
            row.manifest.as_bytes(),
            Json(&row.config),
            Json(&row.columns),
            snapshot.message,
            snapshot.rows as i64,
            snapshot.size_bytes as i64,
            snapshot.files as i64,
            snapshot.kept,
            row.root,
            snapshot.created_ms,
        ])?;
    Ok(())
}

/// The snapshots that were taken after this one.
pub fn children(connection: &Connection, id: SnapshotId) -> Result<Vec<SnapshotId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM snapshot WHERE parent = ?1")?;
    let rows = statement.query_map(params![id.as_bytes()], |row| Ok(id_column!(row, 0, SnapshotId)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Enters a snapshot again that was set aside, under its number or the next one where another has it, which is returned,
/// as the parent of those that have none since.
pub fn put_back(transaction: &Transaction<'_>, row: &SnapshotRow, children: &[SnapshotId]) -> Result<u32> {
    let (dataset, number) = (row.snapshot.dataset, row.snapshot.number);
    let is_taken: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM snapshot WHERE dataset = ?1 AND number = ?2)")?
        .query_row(params![dataset.as_bytes(), number], |row| row.get(0))?;
    let number = if is_taken { next_number(transaction, dataset)? } else { number };
    enter(transaction, row, number)?;
    let mut statement =
        transaction.prepare_cached("UPDATE snapshot SET parent = ?2 WHERE id = ?1 AND parent IS NULL")?;
    for child in children {
        statement.execute(params![child.as_bytes(), row.snapshot.id.as_bytes()])?;
    }
    Ok(number)
}

/// Deletes a snapshot; its files stay noted as used by its id, so that [`put_back`] finds them.
pub fn set_aside(transaction: &Transaction<'_>, id: SnapshotId) -> Result<()> {
    transaction.prepare_cached("DELETE FROM snapshot WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    Ok(())
}
