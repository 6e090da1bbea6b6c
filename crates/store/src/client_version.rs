//! Model versions that clients registered: an address of files instead of a bundle of ours.
//!
//! They share a model's numbers, aliases and tags with the versions that we made.

use std::collections::{BTreeMap, HashMap, HashSet};

use api::{
    ModelId, ProjectId, RunId, VersionId,
    tracking::{ClientVersion, Stage, VersionNotes},
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{
    alias,
    column::Word,
    error::Result,
    id_column,
    model::{self, ModelRow},
};

pub(crate) const CREATE: &str = "
CREATE TABLE client_version (
    id         BLOB PRIMARY KEY,
    model      BLOB NOT NULL REFERENCES model (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    run        BLOB REFERENCES run (id) ON DELETE SET NULL,
    run_told   TEXT, -- its id as the client told it
    run_link   TEXT,
    source     TEXT NOT NULL,
    location   TEXT NOT NULL, -- of the files: the source, resolved
    logged     TEXT, -- the logged model
    user       TEXT,
    created_ms INTEGER NOT NULL,
    UNIQUE (model, number)
) WITHOUT ROWID;
CREATE INDEX client_version_run ON client_version (run);
CREATE TABLE version_notes (
    version    BLOB PRIMARY KEY, -- of either kind
    notes      TEXT NOT NULL,
    stage      TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE registry_tag (
    owner BLOB NOT NULL, -- a model, or a version of either kind
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (owner, key)
) WITHOUT ROWID;
";

const COLUMNS: &str = "client_version.id, model, number, run, run_link, source, logged, user, client_version.created_ms, run_told, location";

fn read(row: &Row<'_>) -> rusqlite::Result<ClientVersion> {
    Ok(ClientVersion {
        id: id_column!(row, 0, VersionId),
        model: id_column!(row, 1, ModelId),
        number: row.get(2)?,
        run: id_column!(row, 3, Option<RunId>),
        run_link: row.get(4)?,
        source: row.get(5)?,
        logged: row.get(6)?,
        user: row.get(7)?,
        created_ms: row.get(8)?,
        run_told: row.get(9)?,
        location: row.get(10)?,
        aliases: Vec::new(),
        stage: Stage::None,
        tags: BTreeMap::new(),
        notes: String::new(),
    })
}

/// Newest first.
pub fn of_model(connection: &Connection, model: ModelId) -> Result<Vec<ClientVersion>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM client_version WHERE model = ?1 ORDER BY number DESC"))?;
    let mut rows = statement.query_map(params![model.as_bytes()], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    for version in &mut rows {
        fill(connection, version)?;
    }
    Ok(rows)
}

fn fill(connection: &Connection, version: &mut ClientVersion) -> Result<()> {
    version.aliases = alias::of_version(connection, version.id)?;
    version.tags = tags(connection, version.id.as_bytes())?;
    if let Some(written) = notes(connection, version.id)? {
        (version.stage, version.notes) = (written.stage, written.notes);
    }
    Ok(())
}

/// A version that was read without them, with its aliases, tags and notes.
pub fn whole(connection: &Connection, mut version: ClientVersion) -> Result<ClientVersion> {
    fill(connection, &mut version)?;
    Ok(version)
}

/// The version of a model that has a number.
pub fn numbered(connection: &Connection, model: ModelId, number: u32) -> Result<Option<ClientVersion>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM client_version WHERE model = ?1 AND number = ?2"))?;
    let found = statement.query_row(params![model.as_bytes(), number], read).optional()?;
    found.map(|version| whole(connection, version)).transpose()
}

/// Every version, without its aliases, tags and notes.
pub fn all(connection: &Connection) -> Result<Vec<ClientVersion>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM client_version"))?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The versions that were registered of a run or of what it logged, each with its model's name; the oldest first.
pub fn of_run(connection: &Connection, run: RunId) -> Result<Vec<(String, ClientVersion)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, model.name FROM client_version JOIN model ON model.id = client_version.model
         WHERE run = ?1 ORDER BY client_version.created_ms, client_version.number, client_version.id"
    ))?;
    let rows = statement.query_map(params![run.as_bytes()], |row| Ok((row.get(11)?, read(row)?)))?;
    let mut rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    for (_, version) in &mut rows {
        version.aliases = alias::of_version(connection, version.id)?;
    }
    Ok(rows)
}

/// The versions that were registered from a logged model, each with its model's name; the oldest first.
pub fn of_logged(connection: &Connection, logged: &str) -> Result<Vec<(String, ClientVersion)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, model.name FROM client_version JOIN model ON model.id = client_version.model
         WHERE logged = ?1 ORDER BY client_version.created_ms, client_version.number, client_version.id"
    ))?;
    let rows = statement.query_map(params![logged], |row| Ok((row.get(11)?, read(row)?)))?;
    let mut rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    for (_, version) in &mut rows {
        version.aliases = alias::of_version(connection, version.id)?;
    }
    Ok(rows)
}

/// The ids of the runs and logged models that a version's files lie in, by their address and the logged model that it is.
///
/// An address may be `runs:/RUN/…`, `models:/m-…`, or that of the proxy: the id is a part of each.
pub fn places(location: &str, logged: Option<&str>) -> impl Iterator<Item = String> {
    let is_id = |part: &&str| part.starts_with("m-") || part.len() == 32;
    // An id's digits may be written large.
    location.split(['/', ':']).filter(is_id).map(str::to_ascii_lowercase).chain(logged.map(str::to_owned))
}

/// What the versions' files lie in, by the id of the run or of the logged model: a version of each (`churn v3`).
pub fn pointed(connection: &Connection) -> Result<HashMap<String, String>> {
    let mut pointed = HashMap::new();
    each_located(connection, |_, version, location, logged| {
        for place in places(location, logged) {
            pointed.entry(place).or_insert_with(|| version.to_owned());
        }
    })?;
    Ok(pointed)
}

/// The versions (`churn v3`) whose files lie in this run or logged model, each with the address of its files.
pub fn lying_in(connection: &Connection, id: &str) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    each_located(connection, |_, version, location, logged| {
        if places(location, logged).any(|place| place == id) {
            found.push((version.to_owned(), location.to_owned()));
        }
    })?;
    Ok(found)
}

/// The versions (`churn v3`) whose files lie in one of these runs and logged models, without those of the models of some
/// projects: they go with them.
pub fn lying_in_any(
    connection: &Connection,
    ids: &HashSet<String>,
    beside: &HashSet<ProjectId>,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    each_located(connection, |project, version, location, logged| {
        if project.is_none_or(|project| !beside.contains(&project))
            && places(location, logged).any(|place| ids.contains(&place))
        {
            found.push(version.to_owned());
        }
    })?;
    Ok(found)
}

/// Tells of each version its model's project, its name with its number, the address of its files and the logged model that
/// it is.
fn each_located(
    connection: &Connection,
    mut tell: impl FnMut(Option<ProjectId>, &str, &str, Option<&str>),
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT model.name, client_version.number, client_version.location, client_version.logged, model.project
         FROM client_version JOIN model ON model.id = client_version.model",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (name, number): (String, u32) = (row.get(0)?, row.get(1)?);
        let (location, logged): (String, Option<String>) = (row.get(2)?, row.get(3)?);
        let project = id_column!(row, 4, Option<ProjectId>);
        tell(project, &format!("{name} v{number}"), &location, logged.as_deref());
    }
    Ok(())
}

/// Models of no project under which a version stands that a run of this project made.
pub fn models_of_project(connection: &Connection, project: ProjectId) -> Result<Vec<ModelRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT model.id FROM model JOIN client_version ON client_version.model = model.id
         JOIN run ON run.id = client_version.run WHERE model.project IS NULL AND run.project = ?1 ORDER BY model.name",
    )?;
    let ids = statement.query_map(params![project.as_bytes()], |row| Ok(id_column!(row, 0, ModelId)))?;
    models(connection, &ids.collect::<rusqlite::Result<Vec<_>>>()?)
}

/// Models of no project under which no version stands that a run of a project made.
pub fn models_of_none(connection: &Connection) -> Result<Vec<ModelRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM model WHERE project IS NULL AND NOT EXISTS
         (SELECT 1 FROM client_version JOIN run ON run.id = client_version.run
          WHERE client_version.model = model.id AND run.project IS NOT NULL) ORDER BY name",
    )?;
    let ids = statement.query_map([], |row| Ok(id_column!(row, 0, ModelId)))?;
    models(connection, &ids.collect::<rusqlite::Result<Vec<_>>>()?)
}

fn models(connection: &Connection, ids: &[ModelId]) -> Result<Vec<ModelRow>> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.extend(model::get(connection, *id)?);
    }
    Ok(rows)
}

pub fn get(connection: &Connection, id: VersionId) -> Result<Option<ClientVersion>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM client_version WHERE id = ?1"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

/// Enters a version under the model's next number, which is returned.
pub fn insert(transaction: &Transaction<'_>, version: &ClientVersion) -> Result<u32> {
    let number = crate::version::next_number(transaction, version.model)?;
    insert_as(transaction, version, number)?;
    Ok(number)
}

/// The same under its own number where that is free, else under the next one, which is returned.
pub fn insert_numbered(transaction: &Transaction<'_>, version: &ClientVersion) -> Result<u32> {
    if is_taken(transaction, version.model, version.number)? {
        return insert(transaction, version);
    }
    insert_as(transaction, version, version.number)?;
    Ok(version.number)
}

/// Whether a version of either kind has the number.
pub fn is_taken(connection: &Connection, model: ModelId, number: u32) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM version WHERE model = ?1 AND number = ?2)
             OR EXISTS (SELECT 1 FROM client_version WHERE model = ?1 AND number = ?2)",
        )?
        .query_row(params![model.as_bytes(), number], |row| row.get(0))?)
}

fn insert_as(transaction: &Transaction<'_>, version: &ClientVersion, number: u32) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO client_version (id, model, number, run, run_link, source, logged, user, created_ms, run_told, location)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            version.id.as_bytes(),
            version.model.as_bytes(),
            number,
            version.run.as_ref().map(RunId::as_bytes),
            version.run_link,
            version.source,
            version.logged,
            version.user,
            version.created_ms,
            version.run_told,
            version.location,
        ])?;
    Ok(())
}

/// Writes where a version's files lie and what made it again.
pub fn put_source(transaction: &Transaction<'_>, version: &ClientVersion) -> Result<()> {
    transaction
        .prepare_cached("UPDATE client_version SET run = ?2, run_told = ?3, run_link = ?4, source = ?5, location = ?6, logged = ?7 WHERE id = ?1",
        )?
        .execute(params![
            version.id.as_bytes(),
            version.run.as_ref().map(RunId::as_bytes),
            version.run_told,
            version.run_link,
            version.source,
            version.location,
            version.logged,
        ])?;
    Ok(())
}

pub fn delete(transaction: &Transaction<'_>, id: VersionId) -> Result<()> {
    transaction.prepare_cached("DELETE FROM client_version WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    forget(transaction, id)
}

/// What hangs on a version of either kind without a reference that SQLite knows.
pub(crate) fn forget(transaction: &Transaction<'_>, id: VersionId) -> Result<()> {
    for sql in [
        "DELETE FROM alias WHERE version = ?1",
        "DELETE FROM version_notes WHERE version = ?1",
        "DELETE FROM registry_tag WHERE owner = ?1",
    ] {
        transaction.prepare_cached(sql)?.execute(params![id.as_bytes()])?;
    }
    Ok(())
}

/// What was written about a version of either kind, if anything was.
pub fn notes(connection: &Connection, id: VersionId) -> Result<Option<VersionNotes>> {
    Ok(connection
        .prepare_cached("SELECT notes, stage, updated_ms FROM version_notes WHERE version = ?1")?
        .query_row(params![id.as_bytes()], |row| {
            Ok(VersionNotes { notes: row.get(0)?, stage: row.get::<_, Word<Stage>>(1)?.0, updated_ms: row.get(2)? })
        })
        .optional()?)
}

/// The stage of each version of either kind of which anything was written, and when that was.
pub fn stages(connection: &Connection) -> Result<HashMap<VersionId, (Stage, i64)>> {
    let mut statement = connection.prepare_cached("SELECT version, stage, updated_ms FROM version_notes")?;
    let rows = statement
        .query_map([], |row| Ok((id_column!(row, 0, VersionId), (row.get::<_, Word<Stage>>(1)?.0, row.get(2)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What was written about versions of either kind, by version.
pub fn noted(connection: &Connection) -> Result<Vec<(VersionId, String)>> {
    let mut statement = connection.prepare_cached("SELECT version, notes FROM version_notes WHERE notes <> ''")?;
    let rows = statement.query_map([], |row| Ok((id_column!(row, 0, VersionId), row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn put_notes(transaction: &Transaction<'_>, id: VersionId, notes: &VersionNotes) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO version_notes (version, notes, stage, updated_ms) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![id.as_bytes(), notes.notes, Word(notes.stage), notes.updated_ms])?;
    Ok(())
}

/// The tags of a model, or of a version of either kind, by its id's bytes.
pub fn tags(connection: &Connection, owner: &[u8; 16]) -> Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare_cached("SELECT key, value FROM registry_tag WHERE owner = ?1")?;
    let rows = statement.query_map(params![owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Every tag's key and value, by the bytes of the id of the model or version.
pub fn all_tags(connection: &Connection) -> Result<Vec<([u8; 16], String, String)>> {
    let mut statement = connection.prepare_cached("SELECT owner, key, value FROM registry_tag")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The values of a tag, by the bytes of the id of the model or version.
pub fn tagged(connection: &Connection, key: &str) -> Result<HashMap<[u8; 16], String>> {
    let mut statement = connection.prepare_cached("SELECT owner, value FROM registry_tag WHERE key = ?1")?;
    let rows = statement.query_map(params![key], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn put_tag(transaction: &Transaction<'_>, owner: &[u8; 16], key: &str, value: &str) -> Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO registry_tag (owner, key, value) VALUES (?1, ?2, ?3)")?
        .execute(params![owner, key, value])?;
    Ok(())
}

pub fn delete_tag(transaction: &Transaction<'_>, owner: &[u8; 16], key: &str) -> Result<()> {
    transaction
        .prepare_cached("DELETE FROM registry_tag WHERE owner = ?1 AND key = ?2")?
        .execute(params![owner, key])?;
    Ok(())
}
