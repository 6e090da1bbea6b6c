//! Models kept running on a target, their rollouts, and each rollout's steps.

use api::{
    ApiError, DeploymentId, ModelId, ProjectId, RolloutId, TargetId, VersionId,
    deploy::{DeploySpec, DeploymentState, Instance, Rollout, RolloutEnd, RolloutStep},
};
use rusqlite::{Connection, Row, Transaction, params};

use crate::{
    column::{Json, Word},
    error::Result,
    id_column,
};

pub(crate) const CREATE: &str = "
CREATE TABLE deployment (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id),
    model      BLOB NOT NULL REFERENCES model (id),
    version    BLOB NOT NULL REFERENCES version (id),
    target     BLOB NOT NULL REFERENCES target (id),
    name       TEXT NOT NULL,
    spec       TEXT NOT NULL, -- JSON: what is wanted now
    image      TEXT,          -- the reference with its digest, where the target needs one
    state      TEXT NOT NULL,
    problem    TEXT,          -- JSON
    address    TEXT,
    instances  TEXT NOT NULL, -- JSON: as last seen
    monitored  INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (target, name)
) WITHOUT ROWID;
CREATE INDEX deployment_project ON deployment (project);
CREATE INDEX deployment_version ON deployment (version);
CREATE TABLE rollout (
    id         BLOB PRIMARY KEY,
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    version    BLOB NOT NULL REFERENCES version (id),
    kind       TEXT NOT NULL,
    spec       TEXT NOT NULL, -- JSON
    outcome    INTEGER,
    started_ms INTEGER NOT NULL,
    ended_ms   INTEGER
) WITHOUT ROWID;
CREATE INDEX rollout_deployment ON rollout (deployment, started_ms);
CREATE INDEX rollout_version ON rollout (version);
CREATE TABLE rollout_step (
    rollout BLOB NOT NULL REFERENCES rollout (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    title   TEXT NOT NULL,
    detail  TEXT NOT NULL,
    ok      INTEGER,
    at_ms   INTEGER NOT NULL,
    PRIMARY KEY (rollout, number)
) WITHOUT ROWID;
";

#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentRow {
    pub id: DeploymentId,
    pub project: ProjectId,
    pub model: ModelId,
    pub model_name: String,
    pub version: VersionId,
    pub version_number: u32,
    pub target: TargetId,
    pub target_name: String,
    pub name: String,
    pub spec: DeploySpec,
    pub image: Option<String>,
    pub state: DeploymentState,
    pub problem: Option<ApiError>,
    pub address: Option<String>,
    pub instances: Vec<Instance>,
    pub monitored: bool,
    pub created_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RolloutRow {
    pub deployment: DeploymentId,
    pub rollout: Rollout,
    pub spec: DeploySpec,
}

const SELECT: &str = "
SELECT deployment.id, deployment.project, deployment.model, model.name, deployment.version, version.number, deployment.target,
       target.name, deployment.name, deployment.spec, deployment.image, deployment.state, deployment.problem,
       deployment.address, deployment.instances, deployment.monitored, deployment.created_ms
FROM deployment JOIN model ON model.id = deployment.model JOIN version ON version.id = deployment.version
     JOIN target ON target.id = deployment.target";

fn read(row: &Row<'_>) -> rusqlite::Result<DeploymentRow> {
    Ok(DeploymentRow {
        id: id_column!(row, 0, DeploymentId),
        project: id_column!(row, 1, ProjectId),
        model: id_column!(row, 2, ModelId),
        model_name: row.get(3)?,
        version: id_column!(row, 4, VersionId),
        version_number: row.get(5)?,
        target: id_column!(row, 6, TargetId),
        target_name: row.get(7)?,
        name: row.get(8)?,
        spec: row.get::<_, Json<DeploySpec>>(9)?.0,
        image: row.get(10)?,
        state: row.get::<_, Word<DeploymentState>>(11)?.0,
        problem: row.get::<_, Option<Json<ApiError>>>(12)?.map(|Json(error)| error),
        address: row.get(13)?,
        instances: row.get::<_, Json<Vec<Instance>>>(14)?.0,
        monitored: row.get(15)?,
        created_ms: row.get(16)?,
    })
}

fn select(connection: &Connection, rest: &str, parameters: impl rusqlite::Params) -> Result<Vec<DeploymentRow>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} {rest}"))?;
    let rows = statement.query_map(parameters, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn get(connection: &Connection, id: DeploymentId) -> Result<Option<DeploymentRow>> {
    Ok(select(connection, "WHERE deployment.id = ?1", params![id.as_bytes()])?.pop())
}

/// By target and name, under which it is updated.
pub fn by_name(connection: &Connection, target: TargetId, name: &str) -> Result<Option<DeploymentRow>> {
    Ok(select(connection, "WHERE deployment.target = ?1 AND deployment.name = ?2", params![target.as_bytes(), name])?
        .pop())
}

/// Newest first; of one project, or all.
pub fn list(connection: &Connection, project: Option<ProjectId>) -> Result<Vec<DeploymentRow>> {
    let project = project.as_ref().map(ProjectId::as_bytes);
    let rest = "WHERE ?1 IS NULL OR deployment.project = ?1 ORDER BY deployment.created_ms DESC, deployment.id DESC";
    select(connection, rest, params![project])
}

/// Where a version runs now.
pub fn of_version(connection: &Connection, version: VersionId) -> Result<Vec<DeploymentRow>> {
    select(connection, "WHERE deployment.version = ?1 ORDER BY deployment.name", params![version.as_bytes()])
}

/// The names of deployments on a target.
pub fn on_target(connection: &Connection, target: TargetId) -> Result<Vec<String>> {
    let rows = select(connection, "WHERE deployment.target = ?1 ORDER BY deployment.name", params![target.as_bytes()])?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// The names of deployments whose history has this version, now or before: what keeps it from being deleted.
pub fn using_version(connection: &Connection, version: VersionId) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT deployment.name FROM rollout JOIN deployment ON deployment.id = rollout.deployment
         WHERE rollout.version = ?1 ORDER BY deployment.name",
    )?;
    let rows = statement.query_map(params![version.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn insert(transaction: &Transaction<'_>, row: &DeploymentRow) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO deployment (id, project, model, version, target, name, spec, image, state, problem, address, instances,
             monitored, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            row.id.as_bytes(),
            row.project.as_bytes(),
            row.model.as_bytes(),
            row.version.as_bytes(),
            row.target.as_bytes(),
            row.name,
            Json(&row.spec),
            row.image,
            Word(row.state),
            row.problem.as_ref().map(Json),
            row.address,
            Json(&row.instances),
            row.monitored,
            row.created_ms,
        ])?;
    Ok(())
}

/// Writes what is wanted now: model, version, specification, image. Refused where it was deleted meanwhile.
pub fn update_wanted(transaction: &Transaction<'_>, row: &DeploymentRow) -> Result<()> {
    let found = transaction
        .prepare_cached("UPDATE deployment SET model = ?2, version = ?3, spec = ?4, image = ?5 WHERE id = ?1")?
        .execute(params![
            row.id.as_bytes(),
            row.model.as_bytes(),
            row.version.as_bytes(),
            Json(&row.spec),
            row.image
        ])?;
    if found == 0 {
        return Err(ApiError::not_found(format!("The deployment {} was deleted meanwhile.", row.name)).into());
    }
    Ok(())
}

/// Writes what was seen. Returns whether anything differs from before.
pub fn update_seen(
    transaction: &Transaction<'_>,
    id: DeploymentId,
    state: DeploymentState,
    problem: Option<&ApiError>,
    address: Option<&str>,
    instances: &[Instance],
) -> Result<bool> {
    let changed = transaction
        .prepare_cached(
            "UPDATE deployment SET state = ?2, problem = ?3, address = ?4, instances = ?5 WHERE id = ?1
             AND (state IS NOT ?2 OR problem IS NOT ?3 OR address IS NOT ?4 OR instances IS NOT ?5)",
        )?
        .execute(params![id.as_bytes(), Word(state), problem.map(Json), address, Json(instances)])?;
    Ok(changed > 0)
}

pub fn set_state(
    transaction: &Transaction<'_>,
    id: DeploymentId,
    state: DeploymentState,
    problem: Option<&ApiError>,
) -> Result<()> {
    transaction.prepare_cached("UPDATE deployment SET state = ?2, problem = ?3 WHERE id = ?1")?.execute(params![
        id.as_bytes(),
        Word(state),
        problem.map(Json)
    ])?;
    Ok(())
}

pub fn set_monitored(transaction: &Transaction<'_>, id: DeploymentId, monitored: bool) -> Result<()> {
    transaction
        .prepare_cached("UPDATE deployment SET monitored = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), monitored])?;
    Ok(())
}

pub fn delete(transaction: &Transaction<'_>, id: DeploymentId) -> Result<()> {
    transaction.prepare_cached("DELETE FROM deployment WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    Ok(())
}

/// The column's numbers: 0 failed, 1 done, 2 cancelled, 3 cancelled when it was applied.
const fn rollout_end(number: i64) -> RolloutEnd {
    match number {
        1 => RolloutEnd::Done,
        2 => RolloutEnd::Cancelled,
        3 => RolloutEnd::CancelledApplied,
        _ => RolloutEnd::Failed,
    }
}

fn read_rollout(row: &Row<'_>) -> rusqlite::Result<RolloutRow> {
    Ok(RolloutRow {
        deployment: id_column!(row, 1, DeploymentId),
        rollout: Rollout {
            id: id_column!(row, 0, RolloutId),
            version: id_column!(row, 2, VersionId),
            version_number: row.get(3)?,
            kind: row.get(4)?,
            outcome: row.get::<_, Option<i64>>(6)?.map(rollout_end),
            steps: Vec::new(),
            started_ms: row.get(7)?,
            ended_ms: row.get(8)?,
        },
        spec: row.get::<_, Json<DeploySpec>>(5)?.0,
    })
}

fn select_rollouts(connection: &Connection, rest: &str, parameters: impl rusqlite::Params) -> Result<Vec<RolloutRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT rollout.id, rollout.deployment, rollout.version, version.number, rollout.kind, rollout.spec, rollout.outcome,
         rollout.started_ms, rollout.ended_ms FROM rollout JOIN version ON version.id = rollout.version {rest}"
    ))?;
    let mut rows = statement.query_map(parameters, read_rollout)?.collect::<rusqlite::Result<Vec<_>>>()?;
    for row in &mut rows {
        row.rollout.steps = steps(connection, row.rollout.id)?;
    }
    Ok(rows)
}

fn steps(connection: &Connection, rollout: RolloutId) -> Result<Vec<RolloutStep>> {
    let mut statement = connection
        .prepare_cached("SELECT title, detail, ok, at_ms FROM rollout_step WHERE rollout = ?1 ORDER BY number")?;
    let rows = statement.query_map(params![rollout.as_bytes()], |row| {
        Ok(RolloutStep { title: row.get(0)?, detail: row.get(1)?, ok: row.get(2)?, at_ms: row.get(3)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Newest first.
pub fn rollouts(connection: &Connection, deployment: DeploymentId, limit: u32) -> Result<Vec<RolloutRow>> {
    let rest = "WHERE rollout.deployment = ?1 ORDER BY rollout.started_ms DESC, rollout.id DESC LIMIT ?2";
    select_rollouts(connection, rest, params![deployment.as_bytes(), limit])
}

/// The newest that succeeded, or that was left applied: what answers, unless a newer one is under way.
pub fn newest_good(connection: &Connection, deployment: DeploymentId) -> Result<Option<RolloutRow>> {
    let rest = "WHERE rollout.deployment = ?1 AND rollout.outcome IN (1, 3) ORDER BY rollout.started_ms DESC, rollout.id DESC LIMIT 1";
    Ok(select_rollouts(connection, rest, params![deployment.as_bytes()])?.pop())
}

pub fn rollout(connection: &Connection, id: RolloutId) -> Result<Option<RolloutRow>> {
    Ok(select_rollouts(connection, "WHERE rollout.id = ?1", params![id.as_bytes()])?.pop())
}

pub fn insert_rollout(transaction: &Transaction<'_>, row: &RolloutRow) -> Result<()> {
    let rollout = &row.rollout;
    transaction
        .prepare_cached(
            "INSERT INTO rollout (id, deployment, version, kind, spec, started_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            rollout.id.as_bytes(),
            row.deployment.as_bytes(),
            rollout.version.as_bytes(),
            rollout.kind,
            Json(&row.spec),
            rollout.started_ms,
        ])?;
    Ok(())
}

/// Writes with what a rollout's version runs since it was started again.
pub fn set_rollout_spec(transaction: &Transaction<'_>, id: RolloutId, spec: &DeploySpec) -> Result<()> {
    transaction
        .prepare_cached("UPDATE rollout SET spec = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), Json(spec)])?;
    Ok(())
}

/// Ends a rollout, once.
pub fn end_rollout(transaction: &Transaction<'_>, id: RolloutId, outcome: RolloutEnd, ended_ms: i64) -> Result<()> {
    let number = match outcome {
        RolloutEnd::Failed => 0,
        RolloutEnd::Done => 1,
        RolloutEnd::Cancelled => 2,
        RolloutEnd::CancelledApplied => 3,
    };
    transaction
        .prepare_cached("UPDATE rollout SET outcome = ?2, ended_ms = ?3 WHERE id = ?1 AND ended_ms IS NULL")?
        .execute(params![id.as_bytes(), number, ended_ms])?;
    Ok(())
}

/// Writes the steps as they stand.
pub fn put_steps(transaction: &Transaction<'_>, rollout: RolloutId, steps: &[RolloutStep]) -> Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT OR REPLACE INTO rollout_step (rollout, number, title, detail, ok, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (number, step) in steps.iter().enumerate() {
        statement.execute(params![rollout.as_bytes(), number as i64, step.title, step.detail, step.ok, step.at_ms])?;
    }
    Ok(())
}
