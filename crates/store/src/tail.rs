//! The newest points of each series, as they were sent: a piece is what one write appended.
//!
//! A series' tail is shorter than a sealed chunk; see [`crate::points`].

use api::series::Point;
use rusqlite::{Connection, Transaction, params};

use crate::{
    error::Result,
    points::{decode_tail, encode_tail},
};

pub(crate) const CREATE: &str = "
CREATE TABLE tail (
    series INTEGER NOT NULL REFERENCES metric (number) ON DELETE CASCADE,
    first  INTEGER NOT NULL, -- how many points of the series stand before these
    bytes  BLOB NOT NULL,
    PRIMARY KEY (series, first)
) WITHOUT ROWID;
";

pub(crate) fn put(transaction: &Transaction<'_>, series: i64, first: u64, points: &[Point]) -> Result<()> {
    transaction.prepare_cached("INSERT INTO tail (series, first, bytes) VALUES (?1, ?2, ?3)")?.execute(params![
        series,
        first as i64,
        encode_tail(points)
    ])?;
    Ok(())
}

/// The tail in its order.
pub(crate) fn of(connection: &Connection, series: i64) -> Result<Vec<Point>> {
    after(connection, series, 0)
}

/// The pieces of the tail that begin at the point `first` or later.
pub(crate) fn after(connection: &Connection, series: i64, first: u64) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    let mut statement =
        connection.prepare_cached("SELECT bytes FROM tail WHERE series = ?1 AND first >= ?2 ORDER BY first")?;
    for bytes in statement.query_map(params![series, first as i64], |row| row.get::<_, Vec<u8>>(0))? {
        points.extend(decode_tail(&bytes?));
    }
    Ok(points)
}

/// The tail, which is empty then.
pub(crate) fn take(transaction: &Transaction<'_>, series: i64) -> Result<Vec<Point>> {
    let points = of(transaction, series)?;
    transaction.prepare_cached("DELETE FROM tail WHERE series = ?1")?.execute(params![series])?;
    Ok(points)
}
