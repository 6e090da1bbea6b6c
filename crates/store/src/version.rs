//! Immutable model versions; their files are blobs.

use std::collections::BTreeMap;

use api::{
    ModelId, ProjectId, RunId, SnapshotId, VersionId,
    config::ModelChoice,
    evaluation::{Figure, PartRows, Task},
    model::{BundleFile, Signature, Version},
};
use rusqlite::{Connection, Row, Transaction, params};

use crate::{
    alias,
    blob::BlobHash,
    blob_use, client_version,
    column::{Json, Word},
    error::Result,
    id_column,
};

pub(crate) const CREATE: &str = "
CREATE TABLE version (
    id         BLOB PRIMARY KEY,
    model      BLOB NOT NULL REFERENCES model (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    run        BLOB NOT NULL REFERENCES run (id),
    run_name   TEXT NOT NULL,
    snapshot   BLOB REFERENCES snapshot (id),
    code       TEXT,          -- the commit
    seed       INTEGER,
    kind       TEXT NOT NULL,
    task       TEXT NOT NULL,
    signature  TEXT NOT NULL, -- JSON
    size_bytes INTEGER NOT NULL,
    content    TEXT NOT NULL, -- BLAKE3 of bundle.json
    threshold  REAL,
    figure     TEXT,          -- JSON
    rows       TEXT NOT NULL, -- JSON
    lineage    TEXT NOT NULL, -- JSON
    files      TEXT NOT NULL, -- JSON
    created_ms INTEGER NOT NULL,
    UNIQUE (model, number)
) WITHOUT ROWID;
CREATE INDEX version_run ON version (run);
CREATE INDEX version_snapshot ON version (snapshot);
";

#[derive(Debug, Clone, PartialEq)]
pub struct VersionRow {
    /// `aliases`, `deployments`, `kept_by` and `snapshot_number` are ignored by the writer; `deployments` and
    /// `kept_by` are the reader's caller's to fill.
    pub version: Version,
    pub lineage: BTreeMap<String, String>,
    /// The bundle's files, `bundle.json` first.
    pub files: Vec<BundleFile>,
}

const SELECT: &str = "
SELECT version.id, version.model, model.project, model.name, version.number, version.run, version.run_name, version.snapshot,
       snapshot.number, version.code, version.seed, version.kind, version.task, version.signature, version.size_bytes,
       version.content, version.threshold, version.figure, version.rows, version.created_ms, version.lineage, version.files
FROM version JOIN model ON model.id = version.model LEFT JOIN snapshot ON snapshot.id = version.snapshot";

fn read(row: &Row<'_>) -> rusqlite::Result<VersionRow> {
    Ok(VersionRow {
        version: Version {
            id: id_column!(row, 0, VersionId),
            model: id_column!(row, 1, ModelId),
            project: id_column!(row, 2, ProjectId),
            model_name: row.get(3)?,
            number: row.get(4)?,
            aliases: Vec::new(),
            run: id_column!(row, 5, RunId),
            run_name: row.get(6)?,
            snapshot: id_column!(row, 7, Option<SnapshotId>),
            snapshot_number: row.get(8)?,
            commit: row.get(9)?,
            seed: row.get::<_, Option<i64>>(10)?.map(|seed| seed as u64),
            kind: row.get::<_, Word<ModelChoice>>(11)?.0,
            task: row.get::<_, Word<Task>>(12)?.0,
            signature: row.get::<_, Json<Signature>>(13)?.0,
            size_bytes: row.get::<_, i64>(14)? as u64,
            content: row.get(15)?,
            threshold: row.get(16)?,
            primary: row.get::<_, Option<Json<Figure>>>(17)?.map(|Json(figure)| figure),
            rows: row.get::<_, Json<PartRows>>(18)?.0,
            deployments: Vec::new(),
            kept_by: Vec::new(),
            created_ms: row.get(19)?,
        },
        lineage: row.get::<_, Json<_>>(20)?.0,
        files: row.get::<_, Json<_>>(21)?.0,
    })
}

fn with_aliases(connection: &Connection, mut rows: Vec<VersionRow>) -> Result<Vec<VersionRow>> {
    for row in &mut rows {
        row.version.aliases = alias::of_version(connection, row.version.id)?;
    }
    Ok(rows)
}

fn select(connection: &Connection, rest: &str, parameters: impl rusqlite::Params) -> Result<Vec<VersionRow>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} {rest}"))?;
    let rows = statement.query_map(parameters, read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    with_aliases(connection, rows)
}

/// What is known of a version without its content.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionHead {
    pub id: VersionId,
    pub model: ModelId,
    pub number: u32,
    pub run: RunId,
    pub created_ms: i64,
}

/// Every version's head, in no order.
pub fn heads(connection: &Connection) -> Result<Vec<VersionHead>> {
    let mut statement = connection.prepare_cached("SELECT id, model, number, run, created_ms FROM version")?;
    let rows = statement.query_map([], |row| {
        Ok(VersionHead {
            id: id_column!(row, 0, VersionId),
            model: id_column!(row, 1, ModelId),
            number: row.get(2)?,
            run: id_column!(row, 3, RunId),
            created_ms: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Every version with its content, in no order.
pub fn contents(connection: &Connection) -> Result<Vec<(VersionId, String)>> {
    let mut statement = connection.prepare_cached("SELECT id, content FROM version")?;
    let rows = statement.query_map([], |row| Ok((id_column!(row, 0, VersionId), row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn get(connection: &Connection, id: VersionId) -> Result<Option<VersionRow>> {
    Ok(select(connection, "WHERE version.id = ?1", params![id.as_bytes()])?.pop())
}

/// Newest first.
pub fn of_model(connection: &Connection, model: ModelId) -> Result<Vec<VersionRow>> {
    select(connection, "WHERE version.model = ?1 ORDER BY version.number DESC", params![model.as_bytes()])
}

/// Newest first, over all models of a project.
pub fn of_project(connection: &Connection, project: ProjectId) -> Result<Vec<VersionRow>> {
    select(
        connection,
        "WHERE model.project = ?1 ORDER BY version.created_ms DESC, version.number DESC, version.id DESC",
        params![project.as_bytes()],
    )
}

pub fn of_run(connection: &Connection, run: RunId) -> Result<Vec<VersionRow>> {
    select(connection, "WHERE version.run = ?1 ORDER BY version.id", params![run.as_bytes()])
}

/// The names (`fraud v7`) of versions that came from a snapshot.
pub fn using_snapshot(connection: &Connection, snapshot: SnapshotId) -> Result<Vec<String>> {
    let rows = select(connection, "WHERE version.snapshot = ?1 ORDER BY version.id", params![snapshot.as_bytes()])?;
    Ok(rows.into_iter().map(|row| format!("{} v{}", row.version.model_name, row.version.number)).collect())
}

pub fn by_number(connection: &Connection, model: ModelId, number: u32) -> Result<Option<VersionRow>> {
    Ok(select(connection, "WHERE version.model = ?1 AND version.number = ?2", params![model.as_bytes(), number])?.pop())
}

/// The number that a model's next version gets, of either kind.
pub(crate) fn next_number(connection: &Connection, model: ModelId) -> Result<u32> {
    Ok(connection
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(number) FROM version WHERE model = ?1), 0),
                        coalesce((SELECT max(number) FROM client_version WHERE model = ?1), 0)) + 1",
        )?
        .query_row(params![model.as_bytes()], |row| row.get(0))?)
}

/// Enters a version under the model's next number, which is returned.
pub fn insert(
    transaction: &Transaction<'_>,
    row: &VersionRow,
    blobs: impl IntoIterator<Item = BlobHash>,
) -> Result<u32> {
    let number = next_number(transaction, row.version.model)?;
    insert_as(transaction, row, number, blobs)?;
    Ok(number)
}

/// The same under a number that no other version of the model has.
pub fn insert_as(
    transaction: &Transaction<'_>,
    row: &VersionRow,
    number: u32,
    blobs: impl IntoIterator<Item = BlobHash>,
) -> Result<()> {
    let version = &row.version;
    transaction
        .prepare_cached(
            "INSERT INTO version (id, model, number, run, run_name, snapshot, code, seed, kind, task, signature, size_bytes,
             content, threshold, figure, rows, lineage, files, created_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        )?
        .execute(params![
            version.id.as_bytes(),
            version.model.as_bytes(),
            number,
            version.run.as_bytes(),
            version.run_name,
            version.snapshot.as_ref().map(SnapshotId::as_bytes),
            version.commit,
            version.seed.map(|seed| seed as i64),
            Word(version.kind),
            Word(version.task),
            Json(&version.signature),
            version.size_bytes as i64,
            version.content,
            version.threshold,
            version.primary.as_ref().map(Json),
            Json(version.rows),
            Json(&row.lineage),
            Json(&row.files),
            version.created_ms,
        ])?;
    blob_use::add(transaction, version.id.as_bytes(), blobs)
}

pub fn delete(transaction: &Transaction<'_>, id: VersionId) -> Result<()> {
    blob_use::remove(transaction, id.as_bytes())?;
    transaction.prepare_cached("DELETE FROM version WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    client_version::forget(transaction, id)
}
