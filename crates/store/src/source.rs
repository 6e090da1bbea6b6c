//! Run logs of other tools that are read where they lie, how far, and what became of them.

use api::{
    ApiError, ExperimentId, ProjectId, RunId, SourceId,
    source::{Kind, Source, SourceWarning},
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{
    column::{Json, Word},
    error::Result,
    id_column, project,
};

pub(crate) const CREATE: &str = "
CREATE TABLE source (
    id       BLOB PRIMARY KEY,
    kind     TEXT NOT NULL,
    path     TEXT NOT NULL UNIQUE,
    project  BLOB REFERENCES project (id) ON DELETE SET NULL,
    watched  INTEGER NOT NULL,
    mark     TEXT NOT NULL,    -- JSON: how far it was read
    is_whole INTEGER NOT NULL, -- what was told up to the mark is committed, and nothing behind it
    warnings TEXT NOT NULL,    -- JSON
    warned   INTEGER NOT NULL,
    error    TEXT,             -- JSON
    added_ms INTEGER NOT NULL,
    read_ms  INTEGER,
    forgotten TEXT -- JSON: what brings it back; NULL while it is read
) WITHOUT ROWID;
CREATE TABLE source_group (
    source     BLOB NOT NULL REFERENCES source (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    experiment BLOB NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    PRIMARY KEY (source, name)
) WITHOUT ROWID;
CREATE TABLE source_run (
    source BLOB NOT NULL REFERENCES source (id) ON DELETE CASCADE,
    key    TEXT NOT NULL,
    run    BLOB REFERENCES run (id) ON DELETE SET NULL, -- none of one that was deleted for good
    name   TEXT NOT NULL, -- what the log calls it, which a person may call otherwise
    PRIMARY KEY (source, key)
) WITHOUT ROWID;
CREATE INDEX source_run_run ON source_run (run);
CREATE TABLE source_record (
    source BLOB NOT NULL REFERENCES source (id) ON DELETE CASCADE,
    kind   TEXT NOT NULL, -- 'named', 'logged', 'model', 'version', 'heard'
    key    TEXT NOT NULL, -- in the log
    record TEXT NOT NULL, -- the id of what it became, which a person may have deleted since; of 'heard' JSON
    PRIMARY KEY (source, kind, key)
) WITHOUT ROWID;
";

/// A source of its own rowid. Its mark has megabytes: where the table was ordered by its ids, whoever looked for one, as for each
/// run and record that was entered below it, had the whole of other sources' rows copied to compare them.
pub(crate) const REBUILD: &str = "
CREATE TABLE source_new (
    id       BLOB NOT NULL PRIMARY KEY,
    kind     TEXT NOT NULL,
    path     TEXT NOT NULL UNIQUE,
    project  BLOB REFERENCES project (id) ON DELETE SET NULL,
    watched  INTEGER NOT NULL,
    mark     TEXT NOT NULL,    -- JSON: how far it was read
    is_whole INTEGER NOT NULL, -- what was told up to the mark is committed, and nothing behind it
    warnings TEXT NOT NULL,    -- JSON
    warned   INTEGER NOT NULL,
    error    TEXT,             -- JSON
    added_ms INTEGER NOT NULL,
    read_ms  INTEGER,
    forgotten TEXT -- JSON: what brings it back; NULL while it is read
);
INSERT INTO source_new SELECT id, kind, path, project, watched, mark, is_whole, warnings, warned, error, added_ms, read_ms,
    forgotten FROM source ORDER BY id;
DROP TABLE source;
ALTER TABLE source_new RENAME TO source;
";

/// A source with how far it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRow {
    /// `runs` is ignored by writers.
    pub source: Source,
    pub mark: serde_json::Value,
    /// The last reading ended: what was told up to the mark is committed, and nothing behind it.
    pub is_whole: bool,
}

const COLUMNS: &str = "id, kind, path, project, watched, mark, is_whole, warnings, warned, error, added_ms, read_ms,
    (SELECT count(run) FROM source_run WHERE source_run.source = source.id)";

fn read(row: &Row<'_>) -> rusqlite::Result<SourceRow> {
    Ok(SourceRow {
        source: Source {
            id: id_column!(row, 0, SourceId),
            kind: row.get::<_, Word<Kind>>(1)?.0,
            path: row.get(2)?,
            project: id_column!(row, 3, Option<ProjectId>),
            watched: row.get(4)?,
            runs: row.get::<_, i64>(12)? as u64,
            warnings: row.get::<_, Json<Vec<SourceWarning>>>(7)?.0,
            warned: row.get::<_, i64>(8)? as u64,
            error: row.get::<_, Option<Json<ApiError>>>(9)?.map(|Json(error)| error),
            added_ms: row.get(10)?,
            read_ms: row.get(11)?,
        },
        mark: row.get::<_, Json<serde_json::Value>>(5)?.0,
        is_whole: row.get(6)?,
    })
}

pub fn get(connection: &Connection, id: SourceId) -> Result<Option<SourceRow>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM source WHERE id = ?1 AND forgotten IS NULL"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

/// The one of this path, unless it was forgotten.
pub fn at(connection: &Connection, path: &str) -> Result<Option<SourceRow>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM source WHERE path = ?1 AND forgotten IS NULL"))?;
    Ok(statement.query_row(params![path], read).optional()?)
}

/// The project that a source's runs go to, also of one that was forgotten.
pub fn project_of(connection: &Connection, id: SourceId) -> Result<Option<ProjectId>> {
    let mut statement = connection.prepare_cached("SELECT project FROM source WHERE id = ?1")?;
    let found = statement.query_row(params![id.as_bytes()], |row| Ok(id_column!(row, 0, Option<ProjectId>)));
    Ok(found.optional()?.flatten())
}

/// Where a source's log lies, also of one that was forgotten.
pub fn path(connection: &Connection, id: SourceId) -> Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT path FROM source WHERE id = ?1")?;
    Ok(statement.query_row(params![id.as_bytes()], |row| row.get(0)).optional()?)
}

/// What brings a source back that was forgotten.
pub fn forgotten(connection: &Connection, id: SourceId) -> Result<Option<serde_json::Value>> {
    let mut statement = connection.prepare_cached("SELECT forgotten FROM source WHERE id = ?1")?;
    let found = statement.query_row(params![id.as_bytes()], |row| row.get::<_, Option<Json<_>>>(0)).optional()?;
    Ok(found.flatten().map(|Json(value)| value))
}

/// Those that were forgotten, each with what brings it back; not those of a project that was deleted, which comes first.
pub fn list_forgotten(connection: &Connection) -> Result<Vec<(Source, serde_json::Value)>> {
    let there = project::is_there("source.project");
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, forgotten FROM source WHERE forgotten IS NOT NULL AND {there} ORDER BY id"
    ))?;
    let rows = statement.query_map([], |row| Ok((read(row)?.source, row.get::<_, Json<serde_json::Value>>(13)?.0)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The one of this path that was forgotten.
pub fn forgotten_at(connection: &Connection, path: &str) -> Result<Option<SourceId>> {
    Ok(connection
        .prepare_cached("SELECT id FROM source WHERE path = ?1 AND forgotten IS NOT NULL")?
        .query_row(params![path], |row| Ok(id_column!(row, 0, SourceId)))
        .optional()?)
}

/// Forgets a source so that it can come back, or brings it back.
pub fn set_forgotten(transaction: &Transaction<'_>, id: SourceId, what: Option<&serde_json::Value>) -> Result<()> {
    transaction
        .prepare_cached("UPDATE source SET forgotten = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), what.map(Json)])?;
    Ok(())
}

/// Whether the runs of a source that was forgotten are still to be deleted; `None` where there is no such source.
pub fn is_going(connection: &Connection, id: SourceId) -> Result<Option<bool>> {
    Ok(connection
        .prepare_cached("SELECT coalesce(json_extract(forgotten, '$.going'), 0) FROM source WHERE id = ?1")?
        .query_row(params![id.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// Those of which a host that was killed left runs to be deleted.
pub fn going(connection: &Connection) -> Result<Vec<SourceId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM source WHERE json_extract(forgotten, '$.going')")?;
    let rows = statement.query_map([], |row| Ok(id_column!(row, 0, SourceId)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Notes that no run of a forgotten source is to be deleted any more.
pub fn set_gone(transaction: &Transaction<'_>, id: SourceId) -> Result<()> {
    transaction
        .prepare_cached("UPDATE source SET forgotten = json_remove(forgotten, '$.going') WHERE id = ?1")?
        .execute(params![id.as_bytes()])?;
    Ok(())
}

/// Notes that a forgotten source is brought back: no run of it is to be deleted any more.
pub fn set_returning(transaction: &Transaction<'_>, id: SourceId) -> Result<()> {
    transaction
        .prepare_cached(
            "UPDATE source SET forgotten = json_set(json_remove(forgotten, '$.going'), '$.returning', json('true')) WHERE id = ?1",
        )?
        .execute(params![id.as_bytes()])?;
    Ok(())
}

/// Notes that a forgotten source is not brought back after all.
pub fn set_staying(transaction: &Transaction<'_>, id: SourceId) -> Result<()> {
    transaction
        .prepare_cached("UPDATE source SET forgotten = json_remove(forgotten, '$.returning') WHERE id = ?1")?
        .execute(params![id.as_bytes()])?;
    Ok(())
}

/// Those that a host that was killed left half brought back.
pub fn returning(connection: &Connection) -> Result<Vec<SourceId>> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM source WHERE json_extract(forgotten, '$.returning')")?;
    let rows = statement.query_map([], |row| Ok(id_column!(row, 0, SourceId)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Deletes for good what was forgotten before, unless its runs were kept.
pub fn delete_forgotten(transaction: &Transaction<'_>, before_ms: i64) -> Result<()> {
    transaction
        .prepare_cached("DELETE FROM source WHERE json_extract(forgotten, '$.at_ms') < ?1 AND NOT coalesce(json_extract(forgotten, '$.kept'), 0)")?
        .execute(params![before_ms])?;
    Ok(())
}

/// Those that are read; not those of a project that was deleted, which rest until it comes back.
pub fn list(connection: &Connection) -> Result<Vec<SourceRow>> {
    let there = project::is_there("source.project");
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM source WHERE forgotten IS NULL AND {there} ORDER BY added_ms, id"
    ))?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Those of a project that are read, whether or not it was deleted.
pub fn of_project(connection: &Connection, project: ProjectId) -> Result<Vec<SourceRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM source WHERE forgotten IS NULL AND project = ?1 ORDER BY added_ms, id"
    ))?;
    let rows = statement.query_map(params![project.as_bytes()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Enters a source, or writes again how far it was read and with what; what it is and whether it is followed stay.
pub fn put(transaction: &Transaction<'_>, row: &SourceRow) -> Result<()> {
    let source = &row.source;
    transaction
        .prepare_cached(
            "INSERT INTO source (id, kind, path, project, watched, mark, is_whole, warnings, warned, error, added_ms, read_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (id) DO UPDATE SET mark = excluded.mark, is_whole = excluded.is_whole,
             warnings = excluded.warnings, warned = excluded.warned, error = excluded.error, read_ms = excluded.read_ms",
        )?
        .execute(params![
            source.id.as_bytes(),
            Word(source.kind),
            source.path,
            source.project.as_ref().map(ProjectId::as_bytes),
            source.watched,
            Json(&row.mark),
            row.is_whole,
            Json(&source.warnings),
            source.warned as i64,
            source.error.as_ref().map(Json),
            source.added_ms,
            source.read_ms,
        ])?;
    Ok(())
}

/// Writes how far a source was read, unless it was forgotten meanwhile.
pub fn keep(transaction: &Transaction<'_>, row: &SourceRow) -> Result<()> {
    if get(transaction, row.source.id)?.is_some() { put(transaction, row) } else { Ok(()) }
}

/// Whether it is followed: a reading under way leaves it as it is.
pub fn set_watched(transaction: &Transaction<'_>, id: SourceId, watched: bool) -> Result<()> {
    transaction
        .prepare_cached("UPDATE source SET watched = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), watched])?;
    Ok(())
}

/// Of a project that goes for good no log is followed any more.
pub(crate) fn let_go_of(transaction: &Transaction<'_>, project: ProjectId) -> Result<()> {
    transaction
        .prepare_cached("UPDATE source SET watched = 0 WHERE project = ?1")?
        .execute(params![project.as_bytes()])?;
    Ok(())
}

pub fn delete(transaction: &Transaction<'_>, id: SourceId) -> Result<()> {
    transaction.prepare_cached("DELETE FROM source WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    Ok(())
}

/// The experiment that a group of the log became.
pub fn group(connection: &Connection, id: SourceId, name: &str) -> Result<Option<ExperimentId>> {
    Ok(connection
        .prepare_cached("SELECT experiment FROM source_group WHERE source = ?1 AND name = ?2")?
        .query_row(params![id.as_bytes(), name], |row| Ok(id_column!(row, 0, ExperimentId)))
        .optional()?)
}

pub fn put_group(transaction: &Transaction<'_>, id: SourceId, name: &str, experiment: ExperimentId) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO source_group (source, name, experiment) VALUES (?1, ?2, ?3)")?
        .execute(params![id.as_bytes(), name, experiment.as_bytes()])?;
    Ok(())
}

/// Keeps what a group became under another name, which none of the log's has.
pub fn move_group(transaction: &Transaction<'_>, id: SourceId, name: &str, to: &str) -> Result<()> {
    transaction
        .prepare_cached("UPDATE source_group SET name = ?3 WHERE source = ?1 AND name = ?2")?
        .execute(params![id.as_bytes(), name, to])?;
    Ok(())
}

/// What the log's run of a key became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It was not told yet.
    Unknown,
    Run(RunId),
    /// A person deleted it for good.
    Gone,
}

impl Became {
    pub const fn run(self) -> Option<RunId> {
        match self {
            Self::Run(run) => Some(run),
            Self::Unknown | Self::Gone => None,
        }
    }
}

/// What the log's run of this key became.
pub fn run(connection: &Connection, id: SourceId, key: &str) -> Result<Became> {
    let found = connection
        .prepare_cached("SELECT run FROM source_run WHERE source = ?1 AND key = ?2")?
        .query_row(params![id.as_bytes(), key], |row| Ok(id_column!(row, 0, Option<RunId>)))
        .optional()?;
    Ok(match found {
        None => Became::Unknown,
        Some(None) => Became::Gone,
        Some(Some(run)) => Became::Run(run),
    })
}

/// Keeps what the log's run of this key became, and what the log calls it.
pub fn put_run(transaction: &Transaction<'_>, id: SourceId, key: &str, run: RunId, name: &str) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO source_run (source, key, run, name) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (source, key) DO UPDATE SET run = excluded.run, name = excluded.name",
        )?
        .execute(params![id.as_bytes(), key, run.as_bytes(), name])?;
    Ok(())
}

/// What the log called its run of this key when it was last read.
pub fn name_of_run(connection: &Connection, id: SourceId, key: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT name FROM source_run WHERE source = ?1 AND key = ?2")?
        .query_row(params![id.as_bytes(), key], |row| row.get(0))
        .optional()?)
}

/// Every run of a source.
pub fn runs(connection: &Connection, id: SourceId) -> Result<Vec<RunId>> {
    let mut statement =
        connection.prepare_cached("SELECT run FROM source_run WHERE source = ?1 AND run IS NOT NULL")?;
    let rows = statement.query_map(params![id.as_bytes()], |row| Ok(id_column!(row, 0, RunId)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Those of its runs that are not deleted.
pub fn live_runs(connection: &Connection, id: SourceId) -> Result<Vec<RunId>> {
    let mut statement = connection.prepare_cached(
        "SELECT run.id FROM source_run JOIN run ON run.id = source_run.run WHERE source = ?1 AND run.deleted_ms IS NULL",
    )?;
    let rows = statement.query_map(params![id.as_bytes()], |row| Ok(id_column!(row, 0, RunId)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What of a log beside its runs becomes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// A logged model that was named, whether or not it was told: only that it has an id here.
    Named,
    Logged,
    Model,
    Version,
    /// By the record's own kind and id: what the log said of it, whether or not it is a record beside a run.
    Heard,
}

impl RecordKind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Logged => "logged",
            Self::Model => "model",
            Self::Version => "version",
            Self::Heard => "heard",
        }
    }
}

/// The id of the record that became of this key, whether or not it is still there.
pub fn record(connection: &Connection, id: SourceId, kind: RecordKind, key: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT record FROM source_record WHERE source = ?1 AND kind = ?2 AND key = ?3")?
        .query_row(params![id.as_bytes(), kind.word(), key], |row| row.get(0))
        .optional()?)
}

pub fn put_record(
    transaction: &Transaction<'_>,
    id: SourceId,
    kind: RecordKind,
    key: &str,
    record: &str,
) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO source_record (source, kind, key, record) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id.as_bytes(), kind.word(), key, record])?;
    Ok(())
}

/// The same where there may be one of this key, which is replaced.
pub fn keep_record(
    transaction: &Transaction<'_>,
    id: SourceId,
    kind: RecordKind,
    key: &str,
    record: &str,
) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO source_record (source, kind, key, record) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (source, kind, key) DO UPDATE SET record = excluded.record",
        )?
        .execute(params![id.as_bytes(), kind.word(), key, record])?;
    Ok(())
}

/// The records of a kind whose keys stand between these, with their keys: `from` among them, `before` not.
pub fn keyed(
    connection: &Connection,
    id: SourceId,
    kind: RecordKind,
    (from, before): (&str, &str),
) -> Result<Vec<(String, String)>> {
    let mut statement = connection.prepare_cached(
        "SELECT key, record FROM source_record WHERE source = ?1 AND kind = ?2 AND key >= ?3 AND key < ?4 ORDER BY key",
    )?;
    let rows =
        statement.query_map(params![id.as_bytes(), kind.word(), from, before], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Keeps what became of a key under another one, to which the log moved it.
pub fn move_record(transaction: &Transaction<'_>, id: SourceId, kind: RecordKind, key: &str, to: &str) -> Result<()> {
    transaction
        .prepare_cached("UPDATE OR REPLACE source_record SET key = ?4 WHERE source = ?1 AND kind = ?2 AND key = ?3")?
        .execute(params![id.as_bytes(), kind.word(), key, to])?;
    Ok(())
}

/// Forgets what became of a key that the log has no more: where it comes anew it is another.
pub fn forget_record(transaction: &Transaction<'_>, id: SourceId, kind: RecordKind, key: &str) -> Result<()> {
    transaction
        .prepare_cached("DELETE FROM source_record WHERE source = ?1 AND kind = ?2 AND key = ?3")?
        .execute(params![id.as_bytes(), kind.word(), key])?;
    Ok(())
}

/// The ids of all records of a kind.
pub fn records(connection: &Connection, id: SourceId, kind: RecordKind) -> Result<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT record FROM source_record WHERE source = ?1 AND kind = ?2 ORDER BY key")?;
    let rows = statement.query_map(params![id.as_bytes(), kind.word()], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether a run of a source is not over yet.
pub fn is_open(connection: &Connection, id: SourceId) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM source_run JOIN run ON run.id = source_run.run
             WHERE source = ?1 AND run.state IN ('queued', 'running'))",
        )?
        .query_row(params![id.as_bytes()], |row| row.get(0))?)
}

/// Forgets the points of a source's runs: after a reading that broke off they are told anew, from the beginning.
pub fn forget_points(transaction: &Transaction<'_>, id: SourceId) -> Result<()> {
    transaction
        .prepare_cached("DELETE FROM metric WHERE run IN (SELECT run FROM source_run WHERE source = ?1)")?
        .execute(params![id.as_bytes()])?;
    Ok(())
}
