//! Settings and other single values of the workspace, by name.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::{Serialize, de::DeserializeOwned};

use crate::{column::Json, error::Result};

pub(crate) const CREATE: &str = "
CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL -- JSON
) WITHOUT ROWID;
";

/// What the names of drift floors begin with.
pub const FLOORS: &str = "floors/";

/// What the names of deleted models begin with, which can be brought back.
pub const GONE: &str = "gone/";

/// Set once a project was deleted: then a workspace without projects is one that was emptied by its user.
pub const EMPTIED: &str = "emptied";

/// The highest number that an experiment ever had: a client that kept the number of one that is gone meets no other.
pub(crate) const EXPERIMENTS: &str = "experiments";

pub fn get<T: DeserializeOwned>(connection: &Connection, name: &str) -> Result<Option<T>> {
    let value = connection
        .prepare_cached("SELECT value FROM setting WHERE name = ?1")?
        .query_row(params![name], |row| row.get::<_, Json<T>>(0))
        .optional()?;
    Ok(value.map(|Json(value)| value))
}

/// Names that begin with `prefix`, with the size of their values.
pub fn below(connection: &Connection, prefix: &str) -> Result<Vec<(String, u64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, length(CAST(value AS BLOB)) FROM setting WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
    )?;
    let rows = statement.query_map(params![prefix], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn put<T: Serialize>(transaction: &Transaction<'_>, name: &str, value: &T) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![name, Json(value)])?;
    Ok(())
}

pub fn delete(transaction: &Transaction<'_>, name: &str) -> Result<()> {
    transaction.prepare_cached("DELETE FROM setting WHERE name = ?1")?.execute(params![name])?;
    Ok(())
}

/// The name under which a model's drift floors are kept: they belong to its content, which has the reference.
pub fn floors_of(content: &str) -> String {
    format!("{FLOORS}{content}")
}

/// Deletes the floors of models that no version is of any more.
pub fn delete_unused_floors(transaction: &Transaction<'_>) -> Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM setting WHERE substr(name, 1, length(?1)) = ?1
             AND substr(name, length(?1) + 1) NOT IN (SELECT content FROM version)",
        )?
        .execute(params![FLOORS])?;
    Ok(())
}
