//! How far a file's rows were sent to a deployment, so that the next send goes on there.

use std::collections::BTreeMap;

use api::DeploymentId;
use rusqlite::{Connection, Transaction, params};

use crate::error::Result;

pub(crate) const CREATE: &str = "
CREATE TABLE sent_traffic (
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    path       TEXT NOT NULL, -- in the project's folder
    next_row   INTEGER NOT NULL,
    PRIMARY KEY (deployment, path)
) WITHOUT ROWID;
";

/// The place that comes next, by file: rows are sent in an order of their own, in which places count from 0.
pub fn next_rows(connection: &Connection, deployment: DeploymentId) -> Result<BTreeMap<String, u64>> {
    let mut statement =
        connection.prepare_cached("SELECT path, next_row FROM sent_traffic WHERE deployment = ?1 ORDER BY path")?;
    let rows =
        statement.query_map(params![deployment.as_bytes()], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn put(transaction: &Transaction<'_>, deployment: DeploymentId, path: &str, next_row: u64) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO sent_traffic (deployment, path, next_row) VALUES (?1, ?2, ?3)
             ON CONFLICT (deployment, path) DO UPDATE SET next_row = excluded.next_row",
        )?
        .execute(params![deployment.as_bytes(), path, next_row as i64])?;
    Ok(())
}
