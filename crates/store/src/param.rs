//! A run's resolved hyperparameters and other inputs, as text.

use api::RunId;
use rusqlite::{Transaction, params};

use crate::error::Result;

crate::run_pairs::table!("param");

/// Enters a value where the key has none; `Some` is the value that stands there already.
pub fn enter(transaction: &Transaction<'_>, run: RunId, key: &str, value: &str) -> Result<Option<String>> {
    let entered = transaction
        .prepare_cached("INSERT INTO param (run, key, value) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
        .execute(params![run.as_bytes(), key, value])?;
    if entered > 0 { Ok(None) } else { get(transaction, run, key) }
}
