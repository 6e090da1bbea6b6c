//! What a deployment was asked: counters as last read per instance, and what they grew by.
//!
//! Histograms are kept as counts per bucket, so that instances and intervals can be added.

use api::DeploymentId;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::{column::Json, error::Result};

pub(crate) const CREATE: &str = "
CREATE TABLE scrape (
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    instance   TEXT NOT NULL,
    started    REAL NOT NULL, -- the server's own start: another one begins at zero
    counts     TEXT NOT NULL, -- JSON
    at_ms      INTEGER NOT NULL,
    PRIMARY KEY (deployment, instance)
) WITHOUT ROWID;
CREATE TABLE traffic (
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    at_ms      INTEGER NOT NULL,
    counts     TEXT NOT NULL, -- JSON: what came since the point before
    PRIMARY KEY (deployment, at_ms)
) WITHOUT ROWID;
CREATE TABLE traffic_total (
    deployment BLOB PRIMARY KEY REFERENCES deployment (id) ON DELETE CASCADE,
    counts     TEXT NOT NULL, -- JSON: since `since_ms`
    since_ms   INTEGER NOT NULL,
    seen_ms    INTEGER NOT NULL
) WITHOUT ROWID;
";

/// Counters of a serving process, or what they grew by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub requests: u64,
    pub rows: u64,
    pub errors: u64,
    /// Rows written to the request log.
    #[serde(default)]
    pub logged: u64,
    /// By bucket, not cumulative; the last is everything above the highest bound.
    pub buckets: Vec<u64>,
}

impl Counts {
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.rows += other.rows;
        self.errors += other.errors;
        self.logged += other.logged;
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
    }

    /// What came since an earlier reading of the same process.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let bucket = |index: usize| earlier.buckets.get(index).copied().unwrap_or(0);
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            rows: self.rows.saturating_sub(earlier.rows),
            errors: self.errors.saturating_sub(earlier.errors),
            logged: self.logged.saturating_sub(earlier.logged),
            buckets: self
                .buckets
                .iter()
                .enumerate()
                .map(|(index, count)| count.saturating_sub(bucket(index)))
                .collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.requests == 0 && self.rows == 0 && self.errors == 0
    }
}

/// The totals of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    pub counts: Counts,
    pub since_ms: i64,
    /// When it was last looked at.
    pub seen_ms: i64,
}

/// Reads an instance's counters in: what they grew by is returned. A process that started anew, or
/// one never seen, counts from zero.
pub fn read_in(
    transaction: &Transaction<'_>,
    deployment: DeploymentId,
    instance: &str,
    started: f64,
    counts: &Counts,
    at_ms: i64,
) -> Result<Counts> {
    let last = transaction
        .prepare_cached("SELECT started, counts FROM scrape WHERE deployment = ?1 AND instance = ?2")?
        .query_row(params![deployment.as_bytes(), instance], |row| {
            Ok((row.get::<_, f64>(0)?, row.get::<_, Json<Counts>>(1)?.0))
        })
        .optional()?;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO scrape (deployment, instance, started, counts, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![deployment.as_bytes(), instance, started, Json(counts), at_ms])?;
    Ok(match last {
        Some((before, last)) if before == started => counts.since(&last),
        _ => counts.clone(),
    })
}

/// Adds what came since the point before, and prunes points from before `keep_from_ms`.
pub fn add(
    transaction: &Transaction<'_>,
    deployment: DeploymentId,
    at_ms: i64,
    counts: &Counts,
    keep_from_ms: i64,
) -> Result<()> {
    let mut total =
        total(transaction, deployment)?.unwrap_or(Total { counts: Counts::default(), since_ms: at_ms, seen_ms: at_ms });
    total.counts.add(counts);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO traffic_total (deployment, counts, since_ms, seen_ms) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![deployment.as_bytes(), Json(&total.counts), total.since_ms, at_ms])?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO traffic (deployment, at_ms, counts) VALUES (?1, ?2, ?3)")?
        .execute(params![deployment.as_bytes(), at_ms, Json(counts)])?;
    transaction
        .prepare_cached("DELETE FROM traffic WHERE deployment = ?1 AND at_ms < ?2")?
        .execute(params![deployment.as_bytes(), keep_from_ms])?;
    Ok(())
}

/// Says that it was looked at; nothing where it never was before.
pub fn set_seen(transaction: &Transaction<'_>, deployment: DeploymentId, at_ms: i64) -> Result<()> {
    transaction
        .prepare_cached("UPDATE traffic_total SET seen_ms = ?2 WHERE deployment = ?1")?
        .execute(params![deployment.as_bytes(), at_ms])?;
    Ok(())
}

pub fn total(connection: &Connection, deployment: DeploymentId) -> Result<Option<Total>> {
    Ok(connection
        .prepare_cached("SELECT counts, since_ms, seen_ms FROM traffic_total WHERE deployment = ?1")?
        .query_row(params![deployment.as_bytes()], |row| {
            Ok(Total { counts: row.get::<_, Json<Counts>>(0)?.0, since_ms: row.get(1)?, seen_ms: row.get(2)? })
        })
        .optional()?)
}

/// The points from a moment on, oldest first.
pub fn points(connection: &Connection, deployment: DeploymentId, from_ms: i64) -> Result<Vec<(i64, Counts)>> {
    let mut statement = connection
        .prepare_cached("SELECT at_ms, counts FROM traffic WHERE deployment = ?1 AND at_ms >= ?2 ORDER BY at_ms")?;
    let rows = statement.query_map(params![deployment.as_bytes(), from_ms], |row| {
        Ok((row.get(0)?, row.get::<_, Json<Counts>>(1)?.0))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Every instance as last read: its counters and when.
pub fn instances(connection: &Connection, deployment: DeploymentId) -> Result<Vec<(String, Counts, i64)>> {
    let mut statement = connection
        .prepare_cached("SELECT instance, counts, at_ms FROM scrape WHERE deployment = ?1 ORDER BY instance")?;
    let rows = statement.query_map(params![deployment.as_bytes()], |row| {
        Ok((row.get(0)?, row.get::<_, Json<Counts>>(1)?.0, row.get(2)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Forgets an instance that is gone.
pub fn forget(transaction: &Transaction<'_>, deployment: DeploymentId, instance: &str) -> Result<()> {
    transaction
        .prepare_cached("DELETE FROM scrape WHERE deployment = ?1 AND instance = ?2")?
        .execute(params![deployment.as_bytes(), instance])?;
    Ok(())
}
