//! Names that stand at one version of a model: "champion".

use api::{ModelId, VersionId};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::{error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE alias (
    model   BLOB NOT NULL REFERENCES model (id) ON DELETE CASCADE,
    name    TEXT NOT NULL,
    version BLOB NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    set_ms  INTEGER NOT NULL,
    PRIMARY KEY (model, name)
) WITHOUT ROWID;
CREATE INDEX alias_version ON alias (version);
";

/// Version 3: an alias may stand at a version that a client registered, which is of another table.
pub(crate) const REBUILD: &str = "
CREATE TABLE alias_new (
    model   BLOB NOT NULL REFERENCES model (id) ON DELETE CASCADE,
    name    TEXT NOT NULL,
    version BLOB NOT NULL, -- of either kind
    set_ms  INTEGER NOT NULL,
    PRIMARY KEY (model, name)
) WITHOUT ROWID;
INSERT INTO alias_new SELECT * FROM alias;
DROP TABLE alias;
ALTER TABLE alias_new RENAME TO alias;
CREATE INDEX alias_version ON alias (version);
";

pub fn of_version(connection: &Connection, version: VersionId) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM alias WHERE version = ?1 ORDER BY name")?;
    let rows = statement.query_map(params![version.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Every alias with its model and version.
pub fn all(connection: &Connection) -> Result<Vec<(ModelId, VersionId, String)>> {
    let mut statement = connection.prepare_cached("SELECT model, version, name FROM alias")?;
    let rows =
        statement.query_map([], |row| Ok((id_column!(row, 0, ModelId), id_column!(row, 1, VersionId), row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn find(connection: &Connection, model: ModelId, name: &str) -> Result<Option<VersionId>> {
    Ok(connection
        .prepare_cached("SELECT version FROM alias WHERE model = ?1 AND name = ?2")?
        .query_row(params![model.as_bytes(), name], |row| Ok(id_column!(row, 0, VersionId)))
        .optional()?)
}

pub fn put(transaction: &Transaction<'_>, model: ModelId, name: &str, version: VersionId, now_ms: i64) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO alias (model, name, version, set_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (model, name) DO UPDATE SET version = excluded.version, set_ms = excluded.set_ms",
        )?
        .execute(params![model.as_bytes(), name, version.as_bytes(), now_ms])?;
    Ok(())
}

pub fn delete(transaction: &Transaction<'_>, model: ModelId, name: &str) -> Result<()> {
    transaction
        .prepare_cached("DELETE FROM alias WHERE model = ?1 AND name = ?2")?
        .execute(params![model.as_bytes(), name])?;
    Ok(())
}
