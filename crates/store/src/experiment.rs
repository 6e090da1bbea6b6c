//! Groups of runs: each project has one of its name, others belong to none; folders group them.

use api::{ExperimentId, ProjectId, tracking::Experiment};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{error::Result, id_column, project, setting};

pub(crate) const CREATE: &str = "
CREATE TABLE experiment (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (project, name)
) WITHOUT ROWID;
";

/// Version 3: experiments without a project, numbers by which clients know them, folders, deletion that can be
/// undone. Number 0 is MLflow's `Default`, which is always there.
pub(crate) const REBUILD: &str = "
CREATE TABLE experiment_new (
    id         BLOB PRIMARY KEY,
    number     INTEGER NOT NULL UNIQUE,
    project    BLOB REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    folder     TEXT NOT NULL, -- 'vision/resnet', '' at the top
    location   TEXT,          -- where a client wants its artifacts; ours where NULL
    is_own     INTEGER NOT NULL, -- a project's own, not one that was moved into it
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    deleted_ms INTEGER
) WITHOUT ROWID;
INSERT INTO experiment_new VALUES (zeroblob(16), 0, NULL, 'Default', '', NULL, 0, 0, 0, NULL);
INSERT INTO experiment_new
    SELECT id, number, project,
           name || CASE WHEN earlier = 0 AND name <> 'Default' THEN '' ELSE ' ' || number END,
           '', NULL, 1, created_ms, created_ms, NULL
    FROM (SELECT *, row_number() OVER (ORDER BY id) AS number, row_number() OVER (PARTITION BY name ORDER BY id) - 1 AS earlier
          FROM experiment);
DROP TABLE experiment;
ALTER TABLE experiment_new RENAME TO experiment;
CREATE INDEX experiment_project ON experiment (project);
CREATE UNIQUE INDEX experiment_name ON experiment (name) WHERE deleted_ms IS NULL;
CREATE TABLE experiment_tag (
    experiment BLOB NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL,
    PRIMARY KEY (experiment, key)
) WITHOUT ROWID;
";

const COLUMNS: &str = "id, number, project, name, folder, location, is_own, created_ms, updated_ms, deleted_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<Experiment> {
    Ok(Experiment {
        id: id_column!(row, 0, ExperimentId),
        number: row.get(1)?,
        project: id_column!(row, 2, Option<ProjectId>),
        name: row.get(3)?,
        folder: row.get(4)?,
        location: row.get(5)?,
        is_own: row.get(6)?,
        created_ms: row.get(7)?,
        updated_ms: row.get(8)?,
        deleted_ms: row.get(9)?,
        tags: Default::default(),
        runs: 0,
        newest_run_ms: None,
    })
}

fn with_tags(connection: &Connection, mut experiment: Experiment) -> Result<Experiment> {
    let mut statement = connection.prepare_cached("SELECT key, value FROM experiment_tag WHERE experiment = ?1")?;
    let tags = statement.query_map(params![experiment.id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    experiment.tags = tags.collect::<rusqlite::Result<_>>()?;
    Ok(experiment)
}

fn one(connection: &Connection, rest: &str, parameters: impl rusqlite::Params) -> Result<Option<Experiment>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM experiment WHERE {rest}"))?;
    let found = statement.query_row(parameters, read).optional()?;
    found.map(|experiment| with_tags(connection, experiment)).transpose()
}

pub fn get(connection: &Connection, id: ExperimentId) -> Result<Option<Experiment>> {
    one(connection, "id = ?1", params![id.as_bytes()])
}

pub fn numbered(connection: &Connection, number: i64) -> Result<Option<Experiment>> {
    one(connection, "number = ?1", params![number])
}

/// The number by which clients know an experiment, and where these want its artifacts.
pub fn address(connection: &Connection, id: ExperimentId) -> Result<Option<(i64, Option<String>)>> {
    let mut statement = connection.prepare_cached("SELECT number, location FROM experiment WHERE id = ?1")?;
    Ok(statement.query_row(params![id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// By its name: one that is there before one that was deleted, the newest of these; none of a project that was deleted.
pub fn named(connection: &Connection, name: &str) -> Result<Option<Experiment>> {
    let there = project::is_there("experiment.project");
    let rest = format!("name = ?1 AND {there} ORDER BY deleted_ms IS NOT NULL, deleted_ms DESC LIMIT 1");
    one(connection, &rest, params![name])
}

/// All of them, deleted ones too, oldest first; not those of a project that was deleted.
pub fn all(connection: &Connection) -> Result<Vec<Experiment>> {
    let there = project::is_there("experiment.project");
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM experiment WHERE {there} ORDER BY number"))?;
    let rows = statement.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    rows.into_iter().map(|experiment| with_tags(connection, experiment)).collect()
}

/// The ids of those that are not deleted.
pub fn there(connection: &Connection) -> Result<Vec<ExperimentId>> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM experiment WHERE deleted_ms IS NULL ORDER BY number")?;
    let rows = statement.query_map([], |row| Ok(id_column!(row, 0, ExperimentId)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) const RUNS: &str = "SELECT count(*), max(created_ms) FROM run WHERE experiment = ?1 AND deleted_ms IS ?2";

/// How many runs that are not deleted an experiment has, and when the newest of them was made; of one that was deleted those
/// that went with it, at the same moment.
pub fn runs(connection: &Connection, id: ExperimentId, deleted_ms: Option<i64>) -> Result<(u64, Option<i64>)> {
    let of = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?));
    let (count, newest_ms) = connection.prepare_cached(RUNS)?.query_row(params![id.as_bytes(), deleted_ms], of)?;
    Ok((count as u64, newest_ms))
}

/// The project's own experiment.
pub fn of_project(connection: &Connection, project: ProjectId) -> Result<Option<ExperimentId>> {
    Ok(connection
        .prepare_cached("SELECT id FROM experiment WHERE project = ?1 AND is_own")?
        .query_row(params![project.as_bytes()], |row| Ok(id_column!(row, 0, ExperimentId)))
        .optional()?)
}

/// Every experiment of a project: its own first, then those that were moved into it.
pub fn all_of_project(connection: &Connection, project: ProjectId) -> Result<Vec<ExperimentId>> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM experiment WHERE project = ?1 ORDER BY is_own DESC, number")?;
    let rows = statement.query_map(params![project.as_bytes()], |row| Ok(id_column!(row, 0, ExperimentId)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A name that no other experiment has: `wanted`, or with the first free number behind it.
pub fn free_name(connection: &Connection, wanted: &str, own: ExperimentId) -> Result<String> {
    free_name_but_of(connection, wanted, Some(own))
}

/// The same; also what `own` is called is free, where there is one.
fn free_name_but_of(connection: &Connection, wanted: &str, own: Option<ExperimentId>) -> Result<String> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM experiment WHERE name = ?1 AND deleted_ms IS NULL AND id IS NOT ?2)",
    )?;
    let own = own.as_ref().map(ExperimentId::as_bytes);
    let mut name = wanted.to_owned();
    let mut next = 2;
    while statement.query_row(params![name, own], |row| row.get(0))? {
        name = format!("{wanted} {next}");
        next += 1;
    }
    Ok(name)
}

/// An experiment that nobody sees, since its project was deleted, has no name that another wants: it gets the next free one
/// already now, as those do that come back with their project.
fn step_aside(transaction: &Transaction<'_>, for_whom: &Experiment) -> Result<()> {
    let there = project::is_there("experiment.project");
    let hidden: Option<ExperimentId> = transaction
        .prepare_cached(&format!(
            "SELECT id FROM experiment WHERE name = ?1 AND deleted_ms IS NULL AND id <> ?2 AND NOT ({there})"
        ))?
        .query_row(params![for_whom.name, for_whom.id.as_bytes()], |row| Ok(id_column!(row, 0, ExperimentId)))
        .optional()?;
    let Some(hidden) = hidden else { return Ok(()) };
    // The other may still be called by that one: it gets its new name only then.
    let name = free_name_but_of(transaction, &for_whom.name, None)?;
    transaction
        .prepare_cached("UPDATE experiment SET name = ?2 WHERE id = ?1")?
        .execute(params![hidden.as_bytes(), name])?;
    Ok(())
}

/// Enters an experiment under the next number, which is returned and never comes again; `number` and `runs` of
/// `experiment` are ignored.
pub fn insert(transaction: &Transaction<'_>, experiment: &Experiment) -> Result<i64> {
    step_aside(transaction, experiment)?;
    let number = highest(transaction)? + 1;
    setting::put(transaction, setting::EXPERIMENTS, &number)?;
    transaction
        .prepare_cached(&format!(
            "INSERT INTO experiment ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ))?
        .execute(params![
            experiment.id.as_bytes(),
            number,
            experiment.project.as_ref().map(ProjectId::as_bytes),
            experiment.name,
            experiment.folder,
            experiment.location,
            experiment.is_own,
            experiment.created_ms,
            experiment.updated_ms,
            experiment.deleted_ms,
        ])?;
    for (key, value) in &experiment.tags {
        put_tag(transaction, experiment.id, key, value)?;
    }
    Ok(number)
}

/// The highest number that an experiment has or had; 0 where none is known.
fn highest(connection: &Connection) -> Result<i64> {
    let there: Option<i64> =
        connection.prepare_cached("SELECT max(number) FROM experiment")?.query_row([], |row| row.get(0))?;
    let known: Option<i64> = setting::get(connection, setting::EXPERIMENTS)?;
    Ok(there.max(known).unwrap_or_default())
}

/// Takes out of a project that is to be deleted what outlives it: number 0, whose runs stay the project's, and how far the
/// numbers came.
pub fn leave(transaction: &Transaction<'_>, project: ProjectId) -> Result<()> {
    setting::put(transaction, setting::EXPERIMENTS, &highest(transaction)?)?;
    transaction
        .prepare_cached("UPDATE experiment SET project = NULL WHERE project = ?1 AND number = 0")?
        .execute(params![project.as_bytes()])?;
    Ok(())
}

/// Writes what can change of an experiment: its project, name, folder, times.
pub fn put(transaction: &Transaction<'_>, experiment: &Experiment) -> Result<()> {
    if experiment.deleted_ms.is_none() {
        step_aside(transaction, experiment)?;
    }
    // Its runs belong where it belongs. Where it stays those do, too, that a deleted project left there: they are its own.
    transaction
        .prepare_cached(
            "UPDATE run SET project = ?2 WHERE experiment = ?1 AND project IS NOT ?2
             AND EXISTS (SELECT 1 FROM experiment WHERE id = ?1 AND project IS NOT ?2)",
        )?
        .execute(params![experiment.id.as_bytes(), experiment.project.as_ref().map(ProjectId::as_bytes)])?;
    transaction
        .prepare_cached(
            "UPDATE experiment SET project = ?2, name = ?3, folder = ?4, updated_ms = ?5, deleted_ms = ?6 WHERE id = ?1",
        )?
        .execute(params![
            experiment.id.as_bytes(),
            experiment.project.as_ref().map(ProjectId::as_bytes),
            experiment.name,
            experiment.folder,
            experiment.updated_ms,
            experiment.deleted_ms,
        ])?;
    Ok(())
}

/// Says when an experiment was made elsewhere.
pub fn put_created(transaction: &Transaction<'_>, id: ExperimentId, created_ms: i64) -> Result<()> {
    transaction
        .prepare_cached("UPDATE experiment SET created_ms = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), created_ms])?;
    Ok(())
}

/// Puts an experiment into another folder.
pub fn put_folder(transaction: &Transaction<'_>, id: ExperimentId, folder: &str, updated_ms: i64) -> Result<()> {
    transaction
        .prepare_cached("UPDATE experiment SET folder = ?2, updated_ms = ?3 WHERE id = ?1")?
        .execute(params![id.as_bytes(), folder, updated_ms])?;
    Ok(())
}

pub fn put_tag(transaction: &Transaction<'_>, id: ExperimentId, key: &str, value: &str) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO experiment_tag (experiment, key, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (experiment, key) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![id.as_bytes(), key, value])?;
    Ok(())
}

/// Whether there was such a tag.
pub fn delete_tag(transaction: &Transaction<'_>, id: ExperimentId, key: &str) -> Result<bool> {
    let deleted = transaction
        .prepare_cached("DELETE FROM experiment_tag WHERE experiment = ?1 AND key = ?2")?
        .execute(params![id.as_bytes(), key])?;
    Ok(deleted > 0)
}

/// Deletes an experiment with its runs, for good; its number does not come again.
pub fn delete(transaction: &Transaction<'_>, id: ExperimentId) -> Result<()> {
    setting::put(transaction, setting::EXPERIMENTS, &highest(transaction)?)?;
    transaction.prepare_cached("DELETE FROM experiment WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    Ok(())
}
