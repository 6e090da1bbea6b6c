//! A run's resolved hyperparameters and other inputs, as text.

use api::RunId;
use rusqlite::{Transaction, params};

use crate::error::Result;

crate::run_pairs::table!("param");

/// Deletes all of a run's.
pub fn forget(transaction: &Transaction<'_>, run: RunId) -> Result<()> {
    transaction.prepare_cached("DELETE FROM param WHERE run = ?1")?.execute(params![run.as_bytes()])?;
    Ok(())
}

/// Enters a value where the key has none; `Some` is the value that stands there already.
pub fn enter(transaction: &Transaction<'_>, run: RunId, key: &str, value: &str) -> Result<Option<String>> {
    let entered = transaction
        .prepare_cached("INSERT INTO param (run, key, value) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
        .execute(params![run.as_bytes(), key, value])?;
    if entered > 0 { Ok(None) } else { get(transaction, run, key) }
}
