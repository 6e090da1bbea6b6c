//! Tables of one text by key for each run: what [`crate::param`] and [`crate::tag`] both are.

/// The table's statement, its reader and its writer, for the module that names the table.
macro_rules! table {
    ($name:literal) => {
        pub(crate) const CREATE: &str = concat!(
            "\nCREATE TABLE ",
            $name,
            " (
    run   BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
"
        );

        pub fn of_run(
            connection: &rusqlite::Connection,
            run: api::RunId,
        ) -> crate::error::Result<std::collections::BTreeMap<String, String>> {
            let mut statement =
                connection.prepare_cached(concat!("SELECT key, value FROM ", $name, " WHERE run = ?1"))?;
            let rows = statement.query_map(rusqlite::params![run.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        }

        /// The same of several runs, of those that have any.
        pub fn of_runs(
            connection: &rusqlite::Connection,
            runs: &[api::RunId],
        ) -> crate::error::Result<std::collections::HashMap<api::RunId, std::collections::BTreeMap<String, String>>> {
            let mut found = std::collections::HashMap::<_, std::collections::BTreeMap<String, String>>::new();
            let select = concat!("SELECT run, key, value FROM ", $name, " WHERE run");
            crate::of_runs::each(connection, select, runs, &mut |row| {
                let run = crate::id_column!(row, 0, api::RunId);
                found.entry(run).or_default().insert(row.get(1)?, row.get(2)?);
                Ok(())
            })?;
            Ok(found)
        }

        /// Bytes of a run's keys and values together.
        pub fn bytes_of(connection: &rusqlite::Connection, run: api::RunId) -> crate::error::Result<u64> {
            let mut statement = connection.prepare_cached(concat!(
                "SELECT coalesce(sum(octet_length(key) + octet_length(value)), 0) FROM ",
                $name,
                " WHERE run = ?1"
            ))?;
            Ok(statement.query_row(rusqlite::params![run.as_bytes()], |row| row.get::<_, i64>(0))? as u64)
        }

        pub fn get(
            connection: &rusqlite::Connection,
            run: api::RunId,
            key: &str,
        ) -> crate::error::Result<Option<String>> {
            use rusqlite::OptionalExtension as _;
            Ok(connection
                .prepare_cached(concat!("SELECT value FROM ", $name, " WHERE run = ?1 AND key = ?2"))?
                .query_row(rusqlite::params![run.as_bytes(), key], |row| row.get(0))
                .optional()?)
        }

        pub fn put(
            transaction: &rusqlite::Transaction<'_>,
            run: api::RunId,
            key: &str,
            value: &str,
        ) -> crate::error::Result<()> {
            transaction
                .prepare_cached(concat!(
                    "INSERT INTO ",
                    $name,
                    " (run, key, value) VALUES (?1, ?2, ?3) ON CONFLICT (run, key) DO UPDATE SET value = excluded.value"
                ))?
                .execute(rusqlite::params![run.as_bytes(), key, value])?;
            Ok(())
        }
    };
}
pub(crate) use table;
