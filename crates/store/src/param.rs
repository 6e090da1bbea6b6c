//! A run's resolved hyperparameters and other inputs, as text.

use std::collections::BTreeMap;

use api::RunId;
use rusqlite::{Connection, Transaction, params};

use crate::error::Result;

pub(crate) const CREATE: &str = "
CREATE TABLE param (
    run   BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
";

pub fn of_run(connection: &Connection, run: RunId) -> Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare_cached("SELECT key, value FROM param WHERE run = ?1")?;
    let rows = statement.query_map(params![run.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn put(transaction: &Transaction<'_>, run: RunId, key: &str, value: &str) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO param (run, key, value) VALUES (?1, ?2, ?3) ON CONFLICT (run, key) DO UPDATE SET value = excluded.value")?
        .execute(params![run.as_bytes(), key, value])?;
    Ok(())
}
