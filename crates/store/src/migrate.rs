//! The database's version and the way from each earlier one.
//!
//! A migration that people's workspaces went through is never changed: the next one is appended.

use std::path::Path;

use rusqlite::{Connection, Transaction};

use crate::error::{Result, StoreError};

/// Each migration is the statements that lead from the version before it.
const MIGRATIONS: &[&[Step]] = &[
    FIRST,
    &[Sql(crate::window::CREATE_PIECE), Sql(crate::sent_traffic::CREATE)],
    TRACKING,
    OPEN_CHUNKS,
    SEVERAL,
    LONG_MARKS,
];

enum Step {
    Sql(&'static str),
    /// What SQL alone can't do.
    Code(fn(&Transaction<'_>) -> Result<()>),
}

use Step::{Code, Sql};

const TRACKING: &[Step] = &[
    Sql(crate::experiment::REBUILD),
    Sql(crate::run::REBUILD),
    Sql(crate::run_input::CREATE),
    Sql(crate::spending::CREATE),
    Sql(crate::model::REBUILD),
    Sql(crate::alias::REBUILD),
    Sql(crate::logged_model::CREATE),
    Sql(crate::source::CREATE),
    Sql(crate::medium::CREATE),
    Sql(crate::client_version::CREATE),
    Sql(crate::search::CREATE),
    Sql(crate::tail::CREATE),
    Sql(crate::metric::ORDER),
    Sql(crate::points::INDEX),
    Code(crate::points::migrate::rebuild),
    Sql(crate::key::DROP),
    Sql(crate::tag::PARENT),
];

/// No table differs, but what may stand in one: chunks of buckets that are not packed yet (`points::encoding`), which an
/// earlier program takes for damaged. What it left is read as it is.
const OPEN_CHUNKS: &[Step] = &[];

/// A key has several media at one step.
const SEVERAL: &[Step] = &[Sql(crate::medium::REBUILD)];

/// What has megabytes is not copied by who looks for something else.
const LONG_MARKS: &[Step] = &[Sql(crate::source::REBUILD)];

const FIRST: &[Step] = &[
    Sql(crate::blob_use::CREATE),
    Sql(crate::setting::CREATE),
    Sql(crate::project::CREATE),
    Sql(crate::happening::CREATE),
    Sql(crate::dataset::CREATE),
    Sql(crate::snapshot::CREATE),
    Sql(crate::split::CREATE),
    Sql(crate::experiment::CREATE),
    Sql(crate::run::CREATE),
    Sql(crate::param::CREATE),
    Sql(crate::tag::CREATE),
    Sql(crate::key::CREATE),
    Sql(crate::metric::CREATE),
    Sql(crate::points::CREATE),
    Sql(crate::model::CREATE),
    Sql(crate::version::CREATE),
    Sql(crate::alias::CREATE),
    Sql(crate::registry::CREATE),
    Sql(crate::package::CREATE),
    Sql(crate::target::CREATE),
    Sql(crate::deployment::CREATE),
    Sql(crate::window::CREATE),
    Sql(crate::alert::CREATE),
    Sql(crate::traffic::CREATE),
    Sql(crate::job::CREATE),
    Sql(crate::job_log::CREATE),
];

/// The version that this program writes.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// How many indexes a database of [`VERSION`] has, and how many characters their statements: one that an earlier
/// program of this version made may lack some.
pub const INDEXES: (i64, i64) = (37, 2_157);

/// Brings the database to [`VERSION`], each step in a transaction of its own, and gives it the indexes that came since.
pub fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    migrate_to(connection, path, VERSION)?;
    complete_indexes(connection, path)
}

/// Nothing that a table holds depends on an index: one that is missing, or is of other columns, is made anew. Over a
/// million rows that takes seconds, once; the opening waits for it.
fn complete_indexes(connection: &mut Connection, path: &Path) -> Result<()> {
    const OWN: &str = "FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    let sizes = format!("SELECT count(*), coalesce(sum(length(sql)), 0) {OWN}");
    let found = connection.query_row(&sizes, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if found == INDEXES {
        return Ok(());
    }
    let statements = |connection: &Connection| -> Result<Vec<(String, String)>> {
        let mut all = connection.prepare(&format!("SELECT name, sql {OWN} ORDER BY rowid"))?;
        let all = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(all.collect::<rusqlite::Result<_>>()?)
    };
    let mut new = Connection::open_in_memory()?;
    migrate_to(&mut new, path, VERSION)?;
    let (wanted, found) = (statements(&new)?, statements(connection)?);
    for (name, sql) in wanted.into_iter().filter(|index| !found.contains(index)) {
        tracing::info!("the database lacks the index {name}, and makes it: over a million rows that takes seconds");
        let started = std::time::Instant::now();
        let transaction = connection.transaction()?;
        transaction.execute_batch(&format!("DROP INDEX IF EXISTS {name}; {sql}"))?;
        transaction.commit()?;
        tracing::info!(seconds = started.elapsed().as_secs_f64(), "the index {name} is made");
    }
    Ok(())
}

/// The same to an earlier version, as an earlier program left it.
pub fn migrate_to(connection: &mut Connection, path: &Path, version: u32) -> Result<()> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    // Rebuilding a table drops the old one, which must not take what points at it.
    connection.pragma_update(None, "foreign_keys", false)?;
    let migrated = steps(connection, found, version);
    connection.pragma_update(None, "foreign_keys", true)?;
    migrated
}

fn steps(connection: &mut Connection, found: u32, version: u32) -> Result<()> {
    for (index, steps) in MIGRATIONS.iter().enumerate().take(version as usize).skip(found as usize) {
        let transaction = connection.transaction()?;
        for step in *steps {
            match step {
                Sql(statements) => transaction.execute_batch(statements)?,
                Code(change) => change(&transaction)?,
            }
        }
        transaction.pragma_update(None, "user_version", index as u32 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
