//! Models that clients logged (MLflow's logged models): what a run made, before and apart from any registered name.

use std::collections::BTreeMap;

use api::{
    ExperimentId, RunId,
    tracking::{LoggedMetric, LoggedModel, LoggedStatus, Scope},
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{column::Word, error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE logged_model (
    id             TEXT PRIMARY KEY, -- 'm-' and 32 hexadecimal digits
    experiment     BLOB NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    name           TEXT NOT NULL,
    run            BLOB REFERENCES run (id) ON DELETE SET NULL,
    kind           TEXT,
    status         TEXT NOT NULL,
    status_message TEXT,
    created_ms     INTEGER NOT NULL,
    updated_ms     INTEGER NOT NULL,
    deleted_ms     INTEGER,
    artifacts      TEXT -- the folder of another tool's log in which its files are read; ours where NULL
) WITHOUT ROWID;
CREATE INDEX logged_model_experiment ON logged_model (experiment);
CREATE INDEX logged_model_run ON logged_model (run);
CREATE TABLE logged_model_text (
    model  TEXT NOT NULL REFERENCES logged_model (id) ON DELETE CASCADE,
    is_tag INTEGER NOT NULL, -- else a param
    key    TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (model, is_tag, key)
) WITHOUT ROWID;
CREATE TABLE logged_model_metric (
    model          TEXT NOT NULL REFERENCES logged_model (id) ON DELETE CASCADE,
    run            BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key            TEXT NOT NULL,
    dataset_name   TEXT NOT NULL, -- '' of none
    dataset_digest TEXT NOT NULL,
    step           INTEGER NOT NULL,
    time_ms        INTEGER NOT NULL,
    value          REAL,          -- NULL stands for NaN
    PRIMARY KEY (model, run, key, dataset_name, dataset_digest, step, time_ms)
) WITHOUT ROWID;
CREATE INDEX logged_model_metric_run ON logged_model_metric (run);
";

const COLUMNS: &str = "id, experiment, name, run, kind, status, status_message, created_ms, updated_ms, deleted_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<LoggedModel> {
    Ok(LoggedModel {
        id: row.get(0)?,
        experiment: id_column!(row, 1, ExperimentId),
        name: row.get(2)?,
        run: id_column!(row, 3, Option<RunId>),
        kind: row.get(4)?,
        status: row.get::<_, Word<LoggedStatus>>(5)?.0,
        status_message: row.get(6)?,
        created_ms: row.get(7)?,
        updated_ms: row.get(8)?,
        deleted_ms: row.get(9)?,
        params: BTreeMap::new(),
        tags: BTreeMap::new(),
        metrics: Vec::new(),
    })
}

/// A figure whose columns begin with its run.
fn figure(row: &Row<'_>, first: usize) -> rusqlite::Result<LoggedMetric> {
    let named = |text: String| (!text.is_empty()).then_some(text);
    Ok(LoggedMetric {
        run: id_column!(row, first, RunId),
        key: row.get(first + 1)?,
        dataset_name: named(row.get(first + 2)?),
        dataset_digest: named(row.get(first + 3)?),
        step: row.get(first + 4)?,
        time_ms: row.get(first + 5)?,
        value: row.get::<_, Option<f64>>(first + 6)?.unwrap_or(f64::NAN),
    })
}

/// A logged model that was read without them, with its params, tags and figures.
pub fn whole(connection: &Connection, mut model: LoggedModel) -> Result<LoggedModel> {
    let mut texts = connection.prepare_cached("SELECT is_tag, key, value FROM logged_model_text WHERE model = ?1")?;
    for text in texts.query_map(params![model.id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))? {
        let (is_tag, key, value): (bool, String, String) = text?;
        if is_tag { &mut model.tags } else { &mut model.params }.insert(key, value);
    }
    let mut metrics = connection.prepare_cached(
        "SELECT run, key, dataset_name, dataset_digest, step, time_ms, value FROM logged_model_metric WHERE model = ?1",
    )?;
    let rows = metrics.query_map(params![model.id], |row| figure(row, 0))?;
    model.metrics = rows.collect::<rusqlite::Result<_>>()?;
    Ok(model)
}

pub fn get(connection: &Connection, id: &str) -> Result<Option<LoggedModel>> {
    bare(connection, id)?.map(|model| whole(connection, model)).transpose()
}

/// A logged model without its params, tags and figures.
pub fn bare(connection: &Connection, id: &str) -> Result<Option<LoggedModel>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM logged_model WHERE id = ?1"))?;
    Ok(statement.query_row(params![id], read).optional()?)
}

/// Every logged model, deleted ones too.
pub fn ids(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT id FROM logged_model")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The same of one experiment.
pub fn ids_of(connection: &Connection, experiment: ExperimentId) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT id FROM logged_model WHERE experiment = ?1")?;
    let rows = statement.query_map(params![experiment.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The same of one run.
pub fn ids_of_run(connection: &Connection, run: RunId) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT id FROM logged_model WHERE run = ?1 ORDER BY id")?;
    let rows = statement.query_map(params![run.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// An experiment's logged models that are not deleted, each without its params, tags and figures.
pub fn of_experiment(connection: &Connection, experiment: ExperimentId) -> Result<Vec<LoggedModel>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM logged_model WHERE experiment = ?1 AND deleted_ms IS NULL"))?;
    let rows = statement.query_map(params![experiment.as_bytes()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What is there of a key in an experiment's logged models: each one's id with its value. `is_tag` else of a param.
pub fn texts_within(
    connection: &Connection,
    experiment: ExperimentId,
    (is_tag, key): (bool, &str),
) -> Result<Vec<(String, String)>> {
    let mut statement = connection.prepare_cached(
        "SELECT text.model, text.value FROM logged_model JOIN logged_model_text AS text ON text.model = logged_model.id
         WHERE logged_model.experiment = ?1 AND text.is_tag = ?2 AND text.key = ?3",
    )?;
    let rows =
        statement.query_map(params![experiment.as_bytes(), is_tag, key], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Every param and tag of an experiment's logged models: each one's id, whether it is a tag, its key and its value.
pub fn every_text_within(
    connection: &Connection,
    experiment: ExperimentId,
) -> Result<Vec<(String, bool, String, String)>> {
    let mut statement = connection.prepare_cached(
        "SELECT text.model, text.is_tag, text.key, text.value
         FROM logged_model JOIN logged_model_text AS text ON text.model = logged_model.id
         WHERE logged_model.experiment = ?1",
    )?;
    let rows = statement
        .query_map(params![experiment.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The figures of an experiment's logged models, each with its model's id.
pub fn figures_within(connection: &Connection, experiment: ExperimentId) -> Result<Vec<(String, LoggedMetric)>> {
    let mut statement = connection.prepare_cached(
        "SELECT one.model, one.run, one.key, one.dataset_name, one.dataset_digest, one.step, one.time_ms, one.value
         FROM logged_model JOIN logged_model_metric AS one ON one.model = logged_model.id
         WHERE logged_model.experiment = ?1",
    )?;
    let rows = statement.query_map(params![experiment.as_bytes()], |row| Ok((row.get(0)?, figure(row, 1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whose logged models are listed. Of a deleted experiment only who asks for that one sees any.
#[derive(Debug, Clone, Copy)]
pub enum Whose {
    Within(Scope),
    /// Those that no run made.
    NoRun,
}

const OF_THERE: &str = "experiment IN (SELECT id FROM experiment WHERE deleted_ms IS NULL)";

/// The newest `most`, each without its params, tags and figures; with `deleted` of those that were deleted.
pub fn newest(connection: &Connection, whose: Whose, deleted: bool, most: usize) -> Result<Vec<LoggedModel>> {
    let (wanted, id) = condition(whose);
    let is_deleted = if deleted { "IS NOT NULL" } else { "IS NULL" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM logged_model WHERE {wanted} AND deleted_ms {is_deleted}
         ORDER BY created_ms DESC, id DESC LIMIT ?2"
    ))?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(statement.query_map(params![id, most], read)?.collect::<rusqlite::Result<_>>()?)
}

/// How many are there, and how many were deleted.
pub fn counts(connection: &Connection, whose: Whose) -> Result<(u64, u64)> {
    let (wanted, id) = condition(whose);
    let (all, deleted): (i64, i64) = connection
        .prepare_cached(&format!("SELECT COUNT(*), COUNT(deleted_ms) FROM logged_model WHERE {wanted}"))?
        .query_row(params![id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(((all - deleted) as u64, deleted as u64))
}

/// What their rows fulfil, with what `?1` stands for.
fn condition(whose: Whose) -> (String, Option<[u8; 16]>) {
    match whose {
        Whose::Within(Scope::Experiment(id)) => ("experiment = ?1".to_owned(), Some(*id.as_bytes())),
        Whose::Within(Scope::Project(id)) => {
            let of = "experiment IN (SELECT id FROM experiment WHERE project = ?1 AND deleted_ms IS NULL)";
            (of.to_owned(), Some(*id.as_bytes()))
        }
        Whose::Within(Scope::All) => (format!("?1 IS NULL AND {OF_THERE}"), None),
        Whose::NoRun => (format!("?1 IS NULL AND run IS NULL AND {OF_THERE}"), None),
    }
}

/// The ids of the newest `most` of a name, of experiments that are there; with `deleted` of those that were deleted.
pub fn named(connection: &Connection, name: &str, deleted: bool, most: u32) -> Result<Vec<String>> {
    let is_deleted = if deleted { "IS NOT NULL" } else { "IS NULL" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT id FROM logged_model WHERE name = ?1 AND deleted_ms {is_deleted} AND {OF_THERE}
         ORDER BY created_ms DESC, id DESC LIMIT ?2"
    ))?;
    let rows = statement.query_map(params![name, most], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Those that were deleted before a moment, without their params, tags and figures. What a log tells of goes with its
/// log: as long as that is read or can come back, it may bring them back, too.
pub fn deleted_before(connection: &Connection, before_ms: i64) -> Result<Vec<LoggedModel>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM logged_model WHERE deleted_ms < ?1
         AND id NOT IN (SELECT record FROM source_record WHERE kind = ?2)"
    ))?;
    let told = crate::source::RecordKind::Logged.word();
    Ok(statement.query_map(params![before_ms, told], read)?.collect::<rusqlite::Result<_>>()?)
}

/// Enters a logged model, or writes its status and times again; its params and tags are added.
pub fn put(transaction: &Transaction<'_>, model: &LoggedModel) -> Result<()> {
    transaction
        .prepare_cached(&format!(
            "INSERT INTO logged_model ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (id) DO UPDATE SET status = excluded.status, status_message = excluded.status_message,
             updated_ms = excluded.updated_ms, deleted_ms = excluded.deleted_ms"
        ))?
        .execute(params![
            model.id,
            model.experiment.as_bytes(),
            model.name,
            model.run.as_ref().map(RunId::as_bytes),
            model.kind,
            Word(model.status),
            model.status_message,
            model.created_ms,
            model.updated_ms,
            model.deleted_ms,
        ])?;
    for (is_tag, texts) in [(false, &model.params), (true, &model.tags)] {
        for (key, value) in texts {
            put_text(transaction, &model.id, is_tag, key, value)?;
        }
    }
    Ok(())
}

/// Puts a run's models into the experiment that it goes to: an experiment that is deleted takes its models along.
pub(crate) fn move_to(transaction: &Transaction<'_>, run: RunId, experiment: ExperimentId) -> Result<()> {
    transaction
        .prepare_cached("UPDATE logged_model SET experiment = ?2 WHERE run = ?1")?
        .execute(params![run.as_bytes(), experiment.as_bytes()])?;
    Ok(())
}

/// Puts an experiment's models whose run is of another one into that.
pub fn follow_runs(transaction: &Transaction<'_>, experiment: ExperimentId) -> Result<()> {
    transaction
        .prepare_cached(
            "UPDATE logged_model SET experiment = (SELECT experiment FROM run WHERE run.id = logged_model.run)
             WHERE experiment = ?1 AND run IS NOT NULL",
        )?
        .execute(params![experiment.as_bytes()])?;
    Ok(())
}

/// The folder in which its files are read, where they are another tool's.
pub fn artifacts(connection: &Connection, id: &str) -> Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT artifacts FROM logged_model WHERE id = ?1")?;
    Ok(statement.query_row(params![id], |row| row.get(0)).optional()?.flatten())
}

pub fn put_artifacts(transaction: &Transaction<'_>, id: &str, folder: &str) -> Result<()> {
    transaction.prepare_cached("UPDATE logged_model SET artifacts = ?2 WHERE id = ?1")?.execute(params![id, folder])?;
    Ok(())
}

/// Deletes so that it can come back, or brings it back.
pub fn set_deleted(transaction: &Transaction<'_>, id: &str, deleted_ms: Option<i64>) -> Result<()> {
    transaction
        .prepare_cached("UPDATE logged_model SET deleted_ms = ?2 WHERE id = ?1")?
        .execute(params![id, deleted_ms])?;
    Ok(())
}

pub fn delete(transaction: &Transaction<'_>, id: &str) -> Result<()> {
    transaction.prepare_cached("DELETE FROM logged_model WHERE id = ?1")?.execute(params![id])?;
    Ok(())
}

fn put_text(transaction: &Transaction<'_>, model: &str, is_tag: bool, key: &str, value: &str) -> Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO logged_model_text (model, is_tag, key, value) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![model, is_tag, key, value])?;
    Ok(())
}

/// Whether there was such a tag.
pub fn delete_tag(transaction: &Transaction<'_>, model: &str, key: &str) -> Result<bool> {
    let deleted = transaction
        .prepare_cached("DELETE FROM logged_model_text WHERE model = ?1 AND is_tag AND key = ?2")?
        .execute(params![model, key])?;
    Ok(deleted > 0)
}

/// Keeps a figure of a model; of one that was logged before of the same key, run, dataset, step and time, the value.
pub fn put_metric(transaction: &Transaction<'_>, model: &str, metric: &LoggedMetric) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO logged_model_metric (model, run, key, dataset_name, dataset_digest, step, time_ms, value)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (model, run, key, dataset_name, dataset_digest, step, time_ms) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![
            model,
            metric.run.as_bytes(),
            metric.key,
            metric.dataset_name.as_deref().unwrap_or_default(),
            metric.dataset_digest.as_deref().unwrap_or_default(),
            metric.step,
            metric.time_ms,
            metric.value,
        ])?;
    Ok(())
}
