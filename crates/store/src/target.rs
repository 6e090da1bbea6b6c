//! Places that models are deployed to.

use api::{TargetId, deploy::TargetKind};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{column::Json, error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE target (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL, -- JSON
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;
";

/// A target as kept; what it can do is asked of the target itself.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetRow {
    pub id: TargetId,
    pub name: String,
    pub kind: TargetKind,
    pub created_ms: i64,
}

fn read(row: &Row<'_>) -> rusqlite::Result<TargetRow> {
    Ok(TargetRow {
        id: id_column!(row, 0, TargetId),
        name: row.get(1)?,
        kind: row.get::<_, Json<TargetKind>>(2)?.0,
        created_ms: row.get(3)?,
    })
}

/// Oldest first: this machine is there from the beginning.
pub fn list(connection: &Connection) -> Result<Vec<TargetRow>> {
    let mut statement =
        connection.prepare_cached("SELECT id, name, kind, created_ms FROM target ORDER BY created_ms, id")?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn get(connection: &Connection, id: TargetId) -> Result<Option<TargetRow>> {
    let mut statement = connection.prepare_cached("SELECT id, name, kind, created_ms FROM target WHERE id = ?1")?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

pub fn insert(transaction: &Transaction<'_>, row: &TargetRow) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO target (id, name, kind, created_ms) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![row.id.as_bytes(), row.name, Json(&row.kind), row.created_ms])?;
    Ok(())
}

pub fn delete(transaction: &Transaction<'_>, id: TargetId) -> Result<()> {
    transaction.prepare_cached("DELETE FROM target WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    Ok(())
}
