//! The database's version and the way from each earlier one.
//!
//! A released migration is never changed: the next release appends one. Before the first release,
//! a new table only adds its `CREATE` to the first.

use std::path::Path;

use rusqlite::Connection;

use crate::error::{Result, StoreError};

/// Each migration is the statements that lead from the version before it.
const MIGRATIONS: &[&[&str]] = &[&[
    crate::blob_use::CREATE,
    crate::setting::CREATE,
    crate::project::CREATE,
    crate::happening::CREATE,
    crate::dataset::CREATE,
    crate::snapshot::CREATE,
    crate::split::CREATE,
    crate::experiment::CREATE,
    crate::run::CREATE,
    crate::param::CREATE,
    crate::tag::CREATE,
    crate::key::CREATE,
    crate::metric::CREATE,
    crate::points::CREATE,
    crate::model::CREATE,
    crate::version::CREATE,
    crate::alias::CREATE,
    crate::registry::CREATE,
    crate::package::CREATE,
    crate::target::CREATE,
    crate::deployment::CREATE,
    crate::window::CREATE,
    crate::alert::CREATE,
    crate::traffic::CREATE,
    crate::sent_traffic::CREATE,
    crate::job::CREATE,
    crate::job_log::CREATE,
]];

/// The version that this program writes.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings the database to [`VERSION`], each step in a transaction of its own.
pub fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    for (index, statements) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let transaction = connection.transaction()?;
        for statement in *statements {
            transaction.execute_batch(statement)?;
        }
        transaction.pragma_update(None, "user_version", index as u32 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
