//! Searches for hyperparameters and their trials.

use std::collections::BTreeMap;

use api::{
    ApiError, JobId, ProjectId, RunId, SearchId,
    config::TrainingConfig,
    search::{
        Direction, KILLED_TAG, RUNG_TAG, Search, SearchCommand, SearchConfig, SearchState, Trial, TrialOutcome, Value,
    },
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::{
    column::{Json, Word},
    error::Result,
    id_column,
};

pub(crate) const CREATE: &str = "
CREATE TABLE search (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    plan       TEXT NOT NULL, -- JSON: what is searched, with what
    planned    INTEGER NOT NULL,
    state      TEXT NOT NULL,
    job        BLOB,
    error      TEXT,          -- JSON
    judged_by  TEXT,          -- the key of a series
    direction  TEXT,
    created_ms INTEGER NOT NULL,
    ended_ms   INTEGER,
    deleted_ms INTEGER        -- forgotten, until it is restored or its project goes
) WITHOUT ROWID;
CREATE INDEX search_project ON search (project, created_ms);
CREATE TABLE trial (
    search  BLOB NOT NULL REFERENCES search (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    run     BLOB NOT NULL, -- which may not be begun yet, or be deleted
    tried   TEXT NOT NULL, -- JSON: the value of each hyperparameter
    outcome TEXT NOT NULL,
    step    INTEGER,
    value   REAL,
    PRIMARY KEY (search, number)
) WITHOUT ROWID;
";

#[derive(Serialize, Deserialize)]
struct Plan {
    config: SearchConfig,
    training: Option<TrainingConfig>,
    command: Option<SearchCommand>,
    run: Option<RunId>,
}

const COLUMNS: &str =
    "id, project, name, plan, planned, state, job, error, judged_by, direction, created_ms, ended_ms, deleted_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<Search> {
    let Json(Plan { config, training, command, run }) = row.get::<_, Json<Plan>>(3)?;
    let judged_by: Option<String> = row.get(8)?;
    let direction = row.get::<_, Option<Word<Direction>>>(9)?.map(|Word(direction)| direction);
    Ok(Search {
        id: id_column!(row, 0, SearchId),
        project: id_column!(row, 1, ProjectId),
        name: row.get(2)?,
        config,
        training,
        command,
        run,
        planned: row.get::<_, i64>(4)? as u64,
        state: row.get::<_, Word<SearchState>>(5)?.0,
        job: id_column!(row, 6, Option<JobId>),
        error: row.get::<_, Option<Json<ApiError>>>(7)?.map(|Json(error)| error),
        judged: judged_by.zip(direction),
        best: None,
        held_back: None,
        spent: None,
        remark: None,
        trials: Vec::new(),
        created_ms: row.get(10)?,
        ended_ms: row.get(11)?,
        deleted_ms: row.get(12)?,
    })
}

/// With its trials; which is the best is for who knows what is better. One that is forgotten is none.
pub fn get(connection: &Connection, id: SearchId) -> Result<Option<Search>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM search WHERE id = ?1 AND deleted_ms IS NULL"))?;
    let Some(mut search) = statement.query_row(params![id.as_bytes()], read).optional()? else { return Ok(None) };
    search.trials = trials(connection, id)?;
    Ok(Some(search))
}

/// A project's searches with their trials, newest first, or those that are forgotten, the last one first.
pub fn of_project(connection: &Connection, project: ProjectId, deleted: bool) -> Result<Vec<Search>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM search WHERE project = ?1 AND (deleted_ms IS NOT NULL) = ?2
         ORDER BY deleted_ms DESC, created_ms DESC, id DESC"
    ))?;
    let rows = statement.query_map(params![project.as_bytes(), deleted], read)?;
    let mut found = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    for search in &mut found {
        search.trials = trials(connection, search.id)?;
    }
    Ok(found)
}

/// Those that are not over; one that is forgotten is none.
pub fn running(connection: &Connection) -> Result<Vec<Search>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM search WHERE state = ?1 AND deleted_ms IS NULL"))?;
    let rows = statement.query_map(params![Word(SearchState::Running)], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn trials(connection: &Connection, id: SearchId) -> Result<Vec<Trial>> {
    let mut statement = connection.prepare_cached(
        "SELECT trial.number, trial.run, run.name, trial.tried, trial.outcome, trial.step, trial.value, run.ended_because,
                rung.value, killed.value
         FROM trial LEFT JOIN run ON run.id = trial.run LEFT JOIN tag AS rung ON rung.run = trial.run AND rung.key = ?2
         LEFT JOIN tag AS killed ON killed.run = trial.run AND killed.key = ?3
         WHERE trial.search = ?1 ORDER BY trial.number",
    )?;
    let rows = statement.query_map(params![id.as_bytes(), RUNG_TAG, KILLED_TAG], |row| {
        Ok(Trial {
            number: row.get::<_, i64>(0)? as u64,
            run: id_column!(row, 1, RunId),
            name: row.get(2)?,
            values: row.get::<_, Json<BTreeMap<String, Value>>>(3)?.0,
            outcome: row.get::<_, Word<TrialOutcome>>(4)?.0,
            step: row.get(5)?,
            value: row.get(6)?,
            because: row.get::<_, Option<Json<ApiError>>>(7)?.map(|Json(because)| because),
            rung: row.get::<_, Option<String>>(8)?.and_then(|rung| rung.parse().ok()),
            killed: row.get::<_, Option<String>>(9)?.and_then(|killed| killed.parse().ok()).unwrap_or(0),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Enters a search, or writes what changes of it; its trials are written by [`put_trial`].
pub fn put(transaction: &Transaction<'_>, search: &Search) -> Result<()> {
    let plan = Plan {
        config: search.config.clone(),
        training: search.training.clone(),
        command: search.command.clone(),
        run: search.run,
    };
    let (judged_by, direction) = search.judged.clone().unzip();
    transaction
        .prepare_cached(
            "INSERT INTO search (id, project, name, plan, planned, state, job, error, judged_by, direction, created_ms, ended_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (id) DO UPDATE SET plan = excluded.plan, planned = excluded.planned, state = excluded.state,
             job = excluded.job, error = excluded.error, judged_by = excluded.judged_by, direction = excluded.direction,
             ended_ms = excluded.ended_ms",
        )?
        .execute(params![
            search.id.as_bytes(),
            search.project.as_bytes(),
            search.name,
            Json(&plan),
            search.planned as i64,
            Word(search.state),
            search.job.as_ref().map(JobId::as_bytes),
            search.error.as_ref().map(Json),
            judged_by,
            direction.map(Word),
            search.created_ms,
            search.ended_ms,
        ])?;
    Ok(())
}

/// Enters a trial, or writes what became of it.
pub fn put_trial(transaction: &Transaction<'_>, id: SearchId, trial: &Trial) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO trial (search, number, run, tried, outcome, step, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (search, number) DO UPDATE SET outcome = excluded.outcome, step = excluded.step,
             value = excluded.value",
        )?
        .execute(params![
            id.as_bytes(),
            trial.number as i64,
            trial.run.as_bytes(),
            Json(&trial.values),
            Word(trial.outcome),
            trial.step,
            trial.value,
        ])?;
    Ok(())
}

/// Forgets a search, or with `None` takes that back; whether there is one.
pub fn mark_deleted(transaction: &Transaction<'_>, id: SearchId, deleted_ms: Option<i64>) -> Result<bool> {
    let mut statement = transaction.prepare_cached("UPDATE search SET deleted_ms = ?2 WHERE id = ?1")?;
    Ok(statement.execute(params![id.as_bytes(), deleted_ms])? > 0)
}
