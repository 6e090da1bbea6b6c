//! The database's version and the way from each earlier one.
//!
//! A migration that people's workspaces went through is never changed: the next one is appended.

use std::path::Path;

use rusqlite::Connection;

use crate::error::{Result, StoreError};

/// Each migration is the statements that lead from the version before it.
const MIGRATIONS: &[&[&str]] = &[FIRST, &[crate::window::CREATE_PIECE, crate::sent_traffic::CREATE]];

const FIRST: &[&str] = &[
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
    crate::job::CREATE,
    crate::job_log::CREATE,
];

/// The version that this program writes.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings the database to [`VERSION`], each step in a transaction of its own.
pub fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    migrate_to(connection, path, VERSION)
}

/// The same to an earlier version, as an earlier program left it.
pub fn migrate_to(connection: &mut Connection, path: &Path, version: u32) -> Result<()> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    for (index, statements) in MIGRATIONS.iter().enumerate().take(version as usize).skip(found as usize) {
        let transaction = connection.transaction()?;
        for statement in *statements {
            transaction.execute_batch(statement)?;
        }
        transaction.pragma_update(None, "user_version", index as u32 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
