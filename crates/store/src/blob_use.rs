//! Which record uses which blob: what nothing uses is garbage.

use std::collections::HashSet;

use rusqlite::{Connection, Transaction, params};

use crate::{blob::BlobHash, error::Result};

pub(crate) const CREATE: &str = "
CREATE TABLE blob_use (
    hash  BLOB NOT NULL,
    owner BLOB NOT NULL, -- the id of the snapshot, split, version, package …
    PRIMARY KEY (hash, owner)
) WITHOUT ROWID;
CREATE INDEX blob_use_owner ON blob_use (owner);
";

/// Notes in the record's own transaction that it uses these blobs. `owner` is the record's id.
pub fn add(transaction: &Transaction<'_>, owner: &[u8; 16], hashes: impl IntoIterator<Item = BlobHash>) -> Result<()> {
    let mut statement = transaction.prepare_cached("INSERT OR IGNORE INTO blob_use (hash, owner) VALUES (?1, ?2)")?;
    for hash in hashes {
        statement.execute(params![hash.as_bytes(), owner])?;
    }
    Ok(())
}

/// Forgets what a deleted record used.
pub fn remove(transaction: &Transaction<'_>, owner: &[u8; 16]) -> Result<()> {
    transaction.prepare_cached("DELETE FROM blob_use WHERE owner = ?1")?.execute(params![owner])?;
    Ok(())
}

/// The blobs that this record uses, and no other.
pub fn only_of(connection: &Connection, owner: &[u8; 16]) -> Result<Vec<BlobHash>> {
    let mut statement = connection.prepare_cached(
        "SELECT hash FROM blob_use AS own WHERE owner = ?1
         AND NOT EXISTS (SELECT 1 FROM blob_use AS other WHERE other.hash = own.hash AND other.owner <> ?1)",
    )?;
    let rows = statement.query_map(params![owner], |row| Ok(BlobHash::from_bytes(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Every blob that something uses.
pub fn all(connection: &Connection) -> Result<HashSet<BlobHash>> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT hash FROM blob_use")?;
    let rows = statement.query_map([], |row| Ok(BlobHash::from_bytes(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
