//! One row a series: its newest value, extremes, final figure and sparkline.
//!
//! The points stand in [`crate::points`].

use std::collections::BTreeMap;

use api::{
    ProjectId, RunId,
    run::{MetricCell, MetricSummary},
    series::Point,
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::{error::Result, key, points};

pub(crate) const CREATE: &str = "
CREATE TABLE metric (
    number       INTEGER PRIMARY KEY,
    run          BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key          TEXT NOT NULL,
    count        INTEGER NOT NULL,
    step         INTEGER NOT NULL,
    last         REAL,             -- NULL stands for NaN, as SQLite keeps none
    min          REAL,
    max          REAL,
    time_ms      INTEGER NOT NULL,
    figure       REAL,             -- the final validation figure, which may be an earlier step's
    spark_stride INTEGER NOT NULL,
    spark        BLOB NOT NULL,    -- f32s
    UNIQUE (run, key)
);
";

/// Points of a sparkline at most.
const SPARK: usize = 24;

struct Series {
    number: i64,
    count: u64,
    min: f64,
    max: f64,
    stride: u64,
    spark: Vec<f32>,
}

/// The nearest value of half the size: beyond its range the largest one, which infinity is not.
fn nearest(value: f64) -> f32 {
    if value.is_finite() { value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32 } else { value as f32 }
}

/// Appends points to a series, in their order, and returns how many it has then.
pub fn append(transaction: &Transaction<'_>, project: ProjectId, run: RunId, name: &str, new: &[Point]) -> Result<u64> {
    let Some(newest) = new.last() else { return Ok(0) };
    let mut series = open(transaction, project, run, name)?;
    points::append(transaction, series.number, series.count, new)?;
    for point in new {
        // `min` and `max` leave NaN aside: `f64::min` returns the other side.
        series.min = series.min.min(point.value);
        series.max = series.max.max(point.value);
        if series.count.is_multiple_of(series.stride) {
            if series.spark.len() == SPARK {
                series.spark = series.spark.iter().copied().step_by(2).collect();
                series.stride *= 2;
            }
            if series.count.is_multiple_of(series.stride) {
                series.spark.push(nearest(point.value));
            }
        }
        series.count += 1;
    }
    transaction
        .prepare_cached(
            "UPDATE metric SET count = ?2, step = ?3, last = ?4, min = ?5, max = ?6, time_ms = ?7, spark_stride = ?8, spark = ?9
             WHERE number = ?1",
        )?
        .execute(params![
            series.number,
            series.count as i64,
            newest.step,
            newest.value,
            series.min,
            series.max,
            newest.time_ms,
            series.stride as i64,
            series.spark.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>(),
        ])?;
    Ok(series.count)
}

/// Keeps the final validation figure of a metric.
pub fn set_figure(transaction: &Transaction<'_>, project: ProjectId, run: RunId, name: &str, value: f64) -> Result<()> {
    let series = open(transaction, project, run, name)?;
    transaction
        .prepare_cached("UPDATE metric SET figure = ?2 WHERE number = ?1")?
        .execute(params![series.number, value])?;
    Ok(())
}

fn open(transaction: &Transaction<'_>, project: ProjectId, run: RunId, name: &str) -> Result<Series> {
    let found = transaction
        .prepare_cached("SELECT number, count, min, max, spark_stride, spark FROM metric WHERE run = ?1 AND key = ?2")?
        .query_row(params![run.as_bytes(), name], |row| {
            Ok(Series {
                number: row.get(0)?,
                count: row.get::<_, i64>(1)? as u64,
                min: row.get::<_, Option<f64>>(2)?.unwrap_or(f64::NAN),
                max: row.get::<_, Option<f64>>(3)?.unwrap_or(f64::NAN),
                stride: row.get::<_, i64>(4)? as u64,
                spark: floats(&row.get::<_, Vec<u8>>(5)?),
            })
        })
        .optional()?;
    if let Some(series) = found {
        return Ok(series);
    }
    key::note(transaction, project, "metric", name)?;
    transaction
        .prepare_cached(
            "INSERT INTO metric (run, key, count, step, time_ms, spark_stride, spark) VALUES (?1, ?2, 0, 0, 0, 1, x'')",
        )?
        .execute(params![run.as_bytes(), name])?;
    let number = transaction.last_insert_rowid();
    Ok(Series { number, count: 0, min: f64::NAN, max: f64::NAN, stride: 1, spark: Vec::new() })
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
}

/// The series' number and count, for its points.
pub fn find(connection: &Connection, run: RunId, name: &str) -> Result<Option<(i64, u64)>> {
    Ok(connection
        .prepare_cached("SELECT number, count FROM metric WHERE run = ?1 AND key = ?2")?
        .query_row(params![run.as_bytes(), name], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))
        .optional()?)
}

/// Every series of a run in short; the final figure stands as `last` where there is one.
pub fn summaries(connection: &Connection, run: RunId) -> Result<Vec<MetricSummary>> {
    let mut statement = connection.prepare_cached(
        "SELECT key, count, step, coalesce(figure, last), min, max, time_ms, figure FROM metric WHERE run = ?1 ORDER BY key",
    )?;
    let rows = statement.query_map(params![run.as_bytes()], |row| {
        let figure: Option<f64> = row.get(7)?;
        let number =
            |index| -> rusqlite::Result<f64> { Ok(row.get::<_, Option<f64>>(index)?.or(figure).unwrap_or(f64::NAN)) };
        Ok(MetricSummary {
            key: row.get(0)?,
            count: row.get::<_, i64>(1)? as u64,
            step: row.get(2)?,
            last: number(3)?,
            min: number(4)?,
            max: number(5)?,
            time_ms: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Every series of a run as cells of the run table.
pub fn cells(connection: &Connection, run: RunId) -> Result<BTreeMap<String, MetricCell>> {
    let mut statement =
        connection.prepare_cached("SELECT key, coalesce(figure, last), spark FROM metric WHERE run = ?1")?;
    let rows = statement.query_map(params![run.as_bytes()], |row| {
        let last = row.get::<_, Option<f64>>(1)?.unwrap_or(f64::NAN);
        Ok((row.get(0)?, MetricCell { last, spark: floats(&row.get::<_, Vec<u8>>(2)?) }))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
