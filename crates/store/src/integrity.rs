//! Whether a database is whole, asked from outside of the process that has it open.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::error::Result;

/// What SQLite finds wrong with `folder/slipway.db`: damaged pages, indexes that disagree with their
/// tables, rows that point at nothing. Empty where all is well. Only reads, beside an open host.
pub fn problems(folder: &Path) -> Result<Vec<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(folder.join("slipway.db"), flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    let mut found: Vec<String> = connection
        .prepare("PRAGMA integrity_check")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    found.retain(|line| line != "ok");
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let dangling = statement.query_map([], |row| {
        Ok(format!("a row of {} points at nothing in {}", row.get::<_, String>(0)?, row.get::<_, String>(2)?))
    })?;
    for line in dangling {
        found.push(line?);
    }
    Ok(found)
}
