//! OCI registries that the workspace knows; their passwords are in the secret store.

use api::{RegistryId, package::Registry};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE registry (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    address    TEXT NOT NULL,
    username   TEXT,
    plain_http INTEGER NOT NULL,
    ca_pem     TEXT,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;
";

const COLUMNS: &str = "id, name, address, username, plain_http, ca_pem, created_ms";

/// `credentials` is the caller's to fill: it depends on the secret store and on Docker's config.
fn read(row: &Row<'_>) -> rusqlite::Result<Registry> {
    Ok(Registry {
        id: id_column!(row, 0, RegistryId),
        name: row.get(1)?,
        address: row.get(2)?,
        username: row.get(3)?,
        plain_http: row.get(4)?,
        ca_pem: row.get(5)?,
        credentials: String::new(),
        created_ms: row.get(6)?,
    })
}

pub fn list(connection: &Connection) -> Result<Vec<Registry>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM registry ORDER BY name"))?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn get(connection: &Connection, id: RegistryId) -> Result<Option<Registry>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM registry WHERE id = ?1"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

pub fn by_name(connection: &Connection, name: &str) -> Result<Option<Registry>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM registry WHERE name = ?1"))?;
    Ok(statement.query_row(params![name], read).optional()?)
}

pub fn insert(transaction: &Transaction<'_>, registry: &Registry) -> Result<()> {
    transaction
        .prepare_cached(&format!("INSERT INTO registry ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"))?
        .execute(params![
            registry.id.as_bytes(),
            registry.name,
            registry.address,
            registry.username,
            registry.plain_http,
            registry.ca_pem,
            registry.created_ms,
        ])?;
    Ok(())
}

pub fn set_username(transaction: &Transaction<'_>, id: RegistryId, username: &str) -> Result<()> {
    transaction
        .prepare_cached("UPDATE registry SET username = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), username])?;
    Ok(())
}

/// Its pushes go with it; the packages stay.
pub fn delete(transaction: &Transaction<'_>, id: RegistryId) -> Result<()> {
    transaction.prepare_cached("DELETE FROM registry WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    Ok(())
}
