//! Labels that a person or a tool put on a run, as text.

use api::RunId;
use rusqlite::{Transaction, params};

use crate::error::Result;

crate::run_pairs::table!("tag");

/// Version 3: the runs that clients logged below a run, by [`api::tracking::PARENT_TAG`].
pub(crate) const PARENT: &str = "CREATE INDEX tag_parent ON tag (value) WHERE key = 'mlflow.parentRunId';";

/// Whether there was such a tag.
pub fn remove(transaction: &Transaction<'_>, run: RunId, key: &str) -> Result<bool> {
    let removed = transaction
        .prepare_cached("DELETE FROM tag WHERE run = ?1 AND key = ?2")?
        .execute(params![run.as_bytes(), key])?;
    Ok(removed > 0)
}
