//! Everything that takes time, as a row that survives the process.

use api::{
    ApiError, JobId, ProjectId,
    job::{Job, JobKind, JobState, Subject},
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{
    column::{Json, Word},
    error::Result,
    id_column,
};

pub(crate) const CREATE: &str = "
CREATE TABLE job (
    id           BLOB PRIMARY KEY,
    project      BLOB REFERENCES project (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL,
    title        TEXT NOT NULL,
    state        TEXT NOT NULL,
    fraction     REAL,
    message      TEXT NOT NULL,
    error        TEXT,          -- JSON
    waits_for    TEXT,
    subject      TEXT NOT NULL, -- JSON
    request      TEXT,          -- JSON: the call that a retry sends again
    memory_bytes INTEGER NOT NULL,
    created_ms   INTEGER NOT NULL,
    started_ms   INTEGER,
    ended_ms     INTEGER
) WITHOUT ROWID;
CREATE INDEX job_state ON job (state, created_ms);
CREATE INDEX job_project ON job (project, created_ms);
";

#[derive(Debug, Clone, PartialEq)]
pub struct JobRow {
    pub job: Job,
    /// The call that a retry sends again: `{"method", "params"}`.
    pub request: Option<serde_json::Value>,
    /// What it is estimated to need while it runs.
    pub memory_bytes: u64,
}

const COLUMNS: &str = "id, project, kind, title, state, fraction, message, error, waits_for, subject, request, memory_bytes, created_ms, started_ms, ended_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    let state = row.get::<_, Word<JobState>>(4)?.0;
    let request = row.get::<_, Option<Json<serde_json::Value>>>(10)?.map(|Json(request)| request);
    Ok(JobRow {
        job: Job {
            id: id_column!(row, 0, JobId),
            project: id_column!(row, 1, Option<ProjectId>),
            kind: row.get::<_, Word<JobKind>>(2)?.0,
            title: row.get(3)?,
            state,
            fraction: row.get(5)?,
            message: row.get(6)?,
            error: row.get::<_, Option<Json<ApiError>>>(7)?.map(|Json(error)| error),
            seconds_left: None,
            waits_for: row.get(8)?,
            subject: row.get::<_, Json<Subject>>(9)?.0,
            created_ms: row.get(12)?,
            started_ms: row.get(13)?,
            ended_ms: row.get(14)?,
            retryable: request.is_some() && matches!(state, JobState::Failed | JobState::Cancelled),
        },
        request,
        memory_bytes: row.get::<_, i64>(11)? as u64,
    })
}

pub fn get(connection: &Connection, id: JobId) -> Result<Option<JobRow>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM job WHERE id = ?1"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

/// Running and queued first, then newest first; none of a project that was deleted.
pub fn list(connection: &Connection, project: Option<ProjectId>, limit: u32) -> Result<Vec<JobRow>> {
    // State by state, so that the index gives the newest of each: sorting a year's jobs takes too long.
    let there = crate::project::is_there("job.project");
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM job WHERE state = ?1 AND (?2 IS NULL OR project = ?2) AND {there}
         ORDER BY created_ms DESC, id DESC LIMIT ?3"
    ))?;
    let mut of = |state| -> Result<Vec<JobRow>> {
        let rows = statement.query_map(params![Word(state), project.as_ref().map(ProjectId::as_bytes), limit], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    };
    let mut jobs = of(JobState::Running)?;
    jobs.extend(of(JobState::Queued)?);
    let mut over = [of(JobState::Done)?, of(JobState::Failed)?, of(JobState::Cancelled)?].concat();
    over.sort_by_key(|row| std::cmp::Reverse((row.job.created_ms, *row.job.id.as_bytes())));
    jobs.extend(over);
    jobs.truncate(limit as usize);
    Ok(jobs)
}

/// The call of a project's newest job of a kind about one thing that did not fail.
pub fn last_request(
    connection: &Connection,
    project: ProjectId,
    kind: JobKind,
    subject: Subject,
) -> Result<Option<serde_json::Value>> {
    let mut statement = connection.prepare_cached(
        "SELECT request FROM job
         WHERE project = ?1 AND kind = ?2 AND subject = ?3 AND state != 'failed' AND request IS NOT NULL
         ORDER BY created_ms DESC, id DESC LIMIT 1",
    )?;
    let request = statement.query_row(params![project.as_bytes(), Word(kind), Json(subject)], |row| row.get(0));
    Ok(request.optional()?.map(|Json(request)| request))
}

/// What was queued or running when this was asked: after a start, what a crash interrupted.
pub fn unfinished(connection: &Connection) -> Result<Vec<JobRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM job WHERE state IN ('queued', 'running') ORDER BY created_ms, id"
    ))?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn insert(transaction: &Transaction<'_>, row: &JobRow) -> Result<()> {
    let job = &row.job;
    transaction
        .prepare_cached(&format!(
            "INSERT INTO job ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
        ))?
        .execute(params![
            job.id.as_bytes(),
            job.project.as_ref().map(ProjectId::as_bytes),
            Word(job.kind),
            job.title,
            Word(job.state),
            job.fraction,
            job.message,
            job.error.as_ref().map(Json),
            job.waits_for,
            Json(job.subject),
            row.request.as_ref().map(Json),
            row.memory_bytes as i64,
            job.created_ms,
            job.started_ms,
            job.ended_ms,
        ])?;
    Ok(())
}

/// Writes what moves while a job lives.
pub fn update(transaction: &Transaction<'_>, job: &Job) -> Result<()> {
    transaction
        .prepare_cached(
            "UPDATE job SET title = ?2, state = ?3, fraction = ?4, message = ?5, error = ?6, waits_for = ?7, subject = ?8,
             started_ms = ?9, ended_ms = ?10 WHERE id = ?1",
        )?
        .execute(params![
            job.id.as_bytes(),
            job.title,
            Word(job.state),
            job.fraction,
            job.message,
            job.error.as_ref().map(Json),
            job.waits_for,
            Json(job.subject),
            job.started_ms,
            job.ended_ms,
        ])?;
    Ok(())
}
