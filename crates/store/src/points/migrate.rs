//! Version 3 of the database: chunks are compressed and the newest points stand in the tail.
//!
//! Knows the form of versions 1 and 2: level 0 in chunks of up to 1,024, the last of which may be open, as a
//! count, varints of the differences of steps and times, and the values.

use rusqlite::{Transaction, params};

use super::encoding::{decode_tail, encode_tail};
use crate::error::Result;

/// Writes every series anew.
pub(crate) fn rebuild(transaction: &Transaction<'_>) -> Result<()> {
    let mut statement = transaction.prepare("SELECT DISTINCT series FROM points WHERE level = 0")?;
    let all = statement.query_map([], |row| row.get::<_, i64>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    for series in all {
        rebuild_one(transaction, series)?;
    }
    Ok(())
}

fn rebuild_one(transaction: &Transaction<'_>, series: i64) -> Result<()> {
    transaction.execute("DELETE FROM points WHERE series = ?1 AND level > 0", [series])?;
    let chunks: i64 =
        transaction
            .query_row("SELECT count(*) FROM points WHERE series = ?1 AND level = 0", [series], |row| row.get(0))?;
    let mut count = 0;
    for chunk in 0..chunks {
        let key = params![series, chunk];
        let bytes: Vec<u8> = transaction
            .prepare_cached("SELECT bytes FROM points WHERE series = ?1 AND level = 0 AND chunk = ?2")?
            .query_row(key, |row| row.get(0))?;
        transaction
            .prepare_cached("DELETE FROM points WHERE series = ?1 AND level = 0 AND chunk = ?2")?
            .execute(key)?;
        // The open chunk of the old form is what a piece of the tail is.
        let points = decode_tail(&bytes);
        debug_assert_eq!(encode_tail(&points), bytes);
        super::append(transaction, series, count, &points)?;
        count += points.len() as u64;
    }
    Ok(())
}
