//! Drifts that lasted.

use std::collections::BTreeMap;

use api::{AlertId, DeploymentId, ProjectId, RunId, monitor::Alert};
use rusqlite::{Connection, Row, Transaction, params};

use crate::{error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE alert (
    id              BLOB PRIMARY KEY,
    project         BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    deployment      BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    version         BLOB NOT NULL,
    feature         TEXT NOT NULL, -- the column, or 'prediction'
    sentence        TEXT NOT NULL,
    severity        REAL NOT NULL,
    raised_ms       INTEGER NOT NULL,
    cleared_ms      INTEGER,
    acknowledged_ms INTEGER
) WITHOUT ROWID;
CREATE INDEX alert_deployment ON alert (deployment, raised_ms);
CREATE INDEX alert_project ON alert (project, raised_ms);
-- The retraining that was started from an alert names it.
CREATE INDEX run_alert ON run (alert) WHERE alert IS NOT NULL;
";

const SELECT: &str = "
SELECT alert.id, alert.project, alert.deployment, deployment.name, alert.feature, alert.sentence, alert.severity,
       alert.raised_ms, alert.cleared_ms, alert.acknowledged_ms,
       (SELECT run.id FROM run WHERE run.alert = alert.id ORDER BY run.id DESC LIMIT 1)
FROM alert JOIN deployment ON deployment.id = alert.deployment";

fn read(row: &Row<'_>) -> rusqlite::Result<Alert> {
    Ok(Alert {
        id: id_column!(row, 0, AlertId),
        project: id_column!(row, 1, ProjectId),
        deployment: id_column!(row, 2, DeploymentId),
        deployment_name: row.get(3)?,
        column: row.get(4)?,
        sentence: row.get(5)?,
        severity: row.get(6)?,
        raised_ms: row.get(7)?,
        cleared_ms: row.get(8)?,
        acknowledged_ms: row.get(9)?,
        run: id_column!(row, 10, Option<RunId>),
    })
}

fn select(connection: &Connection, rest: &str, parameters: impl rusqlite::Params) -> Result<Vec<Alert>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} {rest}"))?;
    let rows = statement.query_map(parameters, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn get(connection: &Connection, id: AlertId) -> Result<Option<Alert>> {
    Ok(select(connection, "WHERE alert.id = ?1", params![id.as_bytes()])?.pop())
}

/// Open ones first, the gravest of them first; then the newest.
pub fn list(connection: &Connection, project: Option<ProjectId>, open_only: bool, limit: u32) -> Result<Vec<Alert>> {
    let project = project.as_ref().map(ProjectId::as_bytes);
    select(
        connection,
        "WHERE (?1 IS NULL OR alert.project = ?1) AND (NOT ?2 OR alert.cleared_ms IS NULL)
         ORDER BY alert.cleared_ms IS NOT NULL, CASE WHEN alert.cleared_ms IS NULL THEN alert.severity END DESC,
         alert.raised_ms DESC, alert.id DESC LIMIT ?3",
        params![project, open_only, limit],
    )
}

/// The same order, of one deployment.
pub fn of_deployment(connection: &Connection, deployment: DeploymentId, limit: u32) -> Result<Vec<Alert>> {
    select(
        connection,
        "WHERE alert.deployment = ?1 ORDER BY alert.cleared_ms IS NOT NULL,
         CASE WHEN alert.cleared_ms IS NULL THEN alert.severity END DESC, alert.raised_ms DESC, alert.id DESC LIMIT ?2",
        params![deployment.as_bytes(), limit],
    )
}

/// Open alerts with the version that they are about.
pub fn open(connection: &Connection, deployment: DeploymentId) -> Result<Vec<(api::VersionId, Alert)>> {
    let mut statement = connection.prepare_cached(
        "SELECT version, id FROM alert WHERE deployment = ?1 AND cleared_ms IS NULL ORDER BY raised_ms, id",
    )?;
    let ids = statement
        .query_map(params![deployment.as_bytes()], |row| {
            Ok((id_column!(row, 0, api::VersionId), id_column!(row, 1, AlertId)))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut found = Vec::new();
    for (version, id) in ids {
        found.extend(get(connection, id)?.map(|alert| (version, alert)));
    }
    Ok(found)
}

/// When the last alert of each column of a version was cleared.
pub fn last_cleared(
    connection: &Connection,
    deployment: DeploymentId,
    version: api::VersionId,
) -> Result<BTreeMap<String, i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT feature, max(cleared_ms) FROM alert
         WHERE deployment = ?1 AND version = ?2 AND cleared_ms IS NOT NULL GROUP BY feature",
    )?;
    let rows = statement
        .query_map(params![deployment.as_bytes(), version.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn insert(transaction: &Transaction<'_>, version: api::VersionId, alert: &Alert) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO alert (id, project, deployment, version, feature, sentence, severity, raised_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            alert.id.as_bytes(),
            alert.project.as_bytes(),
            alert.deployment.as_bytes(),
            version.as_bytes(),
            alert.column,
            alert.sentence,
            alert.severity,
            alert.raised_ms,
        ])?;
    Ok(())
}

/// An open alert keeps its newest sentence.
pub fn update(transaction: &Transaction<'_>, id: AlertId, sentence: &str, severity: f64) -> Result<()> {
    transaction.prepare_cached("UPDATE alert SET sentence = ?2, severity = ?3 WHERE id = ?1")?.execute(params![
        id.as_bytes(),
        sentence,
        severity
    ])?;
    Ok(())
}

pub fn clear(transaction: &Transaction<'_>, id: AlertId, at_ms: i64) -> Result<()> {
    transaction
        .prepare_cached("UPDATE alert SET cleared_ms = ?2 WHERE id = ?1 AND cleared_ms IS NULL")?
        .execute(params![id.as_bytes(), at_ms])?;
    Ok(())
}

pub fn acknowledge(transaction: &Transaction<'_>, id: AlertId, at_ms: i64) -> Result<()> {
    transaction
        .prepare_cached("UPDATE alert SET acknowledged_ms = ?2 WHERE id = ?1 AND acknowledged_ms IS NULL")?
        .execute(params![id.as_bytes(), at_ms])?;
    Ok(())
}
