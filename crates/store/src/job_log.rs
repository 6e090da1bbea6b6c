//! The lines that a job wrote.

use api::JobId;
use rusqlite::{Connection, Transaction, params};

use crate::error::Result;

pub(crate) const CREATE: &str = "
CREATE TABLE job_log (
    number INTEGER PRIMARY KEY,
    job    BLOB NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    line   TEXT NOT NULL
);
CREATE INDEX job_log_job ON job_log (job, number);
";

pub fn add(transaction: &Transaction<'_>, job: JobId, line: &str) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO job_log (job, line) VALUES (?1, ?2)")?
        .execute(params![job.as_bytes(), line])?;
    Ok(())
}

/// Oldest first; the newest `limit` lines.
pub fn of_job(connection: &Connection, job: JobId, limit: u32) -> Result<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT line FROM job_log WHERE job = ?1 ORDER BY number DESC LIMIT ?2")?;
    let rows = statement.query_map(params![job.as_bytes(), limit], |row| row.get(0))?;
    let mut lines: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    lines.reverse();
    Ok(lines)
}
