//! Settings and other single values of the workspace, by name.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::{Serialize, de::DeserializeOwned};

use crate::{column::Json, error::Result};

pub(crate) const CREATE: &str = "
CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL -- JSON
) WITHOUT ROWID;
";

/// What the names of drift floors begin with.
pub const FLOORS: &str = "floors/";

/// What the names of deleted models begin with, which can be brought back.
pub const GONE: &str = "gone/";

/// What the names begin with of what is kept of projects that were deleted and can be brought back, by their ids' digits.
pub(crate) const DELETED_PROJECT: &str = "deleted_project/";

/// Set once a project was deleted: then a workspace without projects is one that was emptied by its user.
pub const EMPTIED: &str = "emptied";

/// The highest number that an experiment ever had: a client that kept the number of one that is gone meets no other.
pub(crate) const EXPERIMENTS: &str = "experiments";

// Names are ordered by their bytes, and none has the last character that there is: behind a prefix with it no name with
// that prefix stands.
const BELOW: &str = "SELECT name, length(CAST(value AS BLOB)) FROM setting
    WHERE name >= ?1 AND name < ?1 || char(0x10ffff) ORDER BY name";

const DELETE_UNUSED: &str = "DELETE FROM setting WHERE name >= ?1 AND name < ?1 || char(0x10ffff)
    AND substr(name, length(?1) + 1) NOT IN (SELECT content FROM version)";

pub fn get<T: DeserializeOwned>(connection: &Connection, name: &str) -> Result<Option<T>> {
    let value = connection
        .prepare_cached("SELECT value FROM setting WHERE name = ?1")?
        .query_row(params![name], |row| row.get::<_, Json<T>>(0))
        .optional()?;
    Ok(value.map(|Json(value)| value))
}

/// Names that begin with `prefix`, with the size of their values.
pub fn below(connection: &Connection, prefix: &str) -> Result<Vec<(String, u64)>> {
    let mut statement = connection.prepare_cached(BELOW)?;
    let rows = statement.query_map(params![prefix], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn put<T: Serialize>(transaction: &Transaction<'_>, name: &str, value: &T) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![name, Json(value)])?;
    Ok(())
}

pub fn delete(transaction: &Transaction<'_>, name: &str) -> Result<()> {
    transaction.prepare_cached("DELETE FROM setting WHERE name = ?1")?.execute(params![name])?;
    Ok(())
}

/// The name under which a model's drift floors are kept: they belong to its content, which has the reference.
pub fn floors_of(content: &str) -> String {
    format!("{FLOORS}{content}")
}

/// Deletes the floors of models that no version is of any more.
pub fn delete_unused_floors(transaction: &Transaction<'_>) -> Result<()> {
    transaction.prepare_cached(DELETE_UNUSED)?.execute(params![FLOORS])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::{check, plan};

    const RANGE: &str = "setting USING PRIMARY KEY (name>? AND name<?)";

    #[test]
    fn of_names_below_a_prefix_no_others_are_read() {
        check(BELOW, &[RANGE]);
        // The contents of versions are gathered once.
        assert!(plan(DELETE_UNUSED).contains(RANGE), "{}", plan(DELETE_UNUSED));
    }

    #[test]
    fn names_beside_a_prefix_are_not_below_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(CREATE).unwrap();
        let transaction = connection.transaction().unwrap();
        for name in ["gone", "gone.", "gone/", "gone/1", "gone/ü😀", "gone0", "gonf/1", "a", "Gone/1", ""] {
            put(&transaction, name, &7).unwrap();
        }
        let names = |prefix: &str| below(&transaction, prefix).unwrap().into_iter().map(|(name, _)| name);
        assert_eq!(names("gone/").collect::<Vec<_>>(), ["gone/", "gone/1", "gone/ü😀"]);
        assert_eq!(names("").count(), 10);
    }
}
