//! One row a series: its newest value, extremes, final figure and sparkline.
//!
//! The points stand in [`crate::points`].

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
};

use api::{
    RunId,
    run::{MetricCell, MetricSummary},
    series::{KeptFigure, Point},
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::{error::Result, id_column, of_runs, points};

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

/// Version 3: whether the points came in the order in which they are told; of earlier series nobody knows.
pub(crate) const ORDER: &str = "ALTER TABLE metric ADD COLUMN in_order INTEGER NOT NULL DEFAULT 0;";

/// Points of a sparkline at most.
const SPARK: usize = 24;
/// Points of a series that is built again are read at once: of a long one never all are in memory.
const AT_ONCE: u64 = 64 * points::RAW_CHUNK;

#[derive(Debug)]
struct Series {
    count: u64,
    /// The newest by step, then time, then value; `None` of a series without points.
    newest: Option<Point>,
    min: f64,
    max: f64,
    stride: u64,
    spark: Vec<f32>,
    /// Each point came with a later time or a greater step than the one before, and with neither smaller.
    in_order: bool,
}

/// The nearest value of half the size: beyond its range the largest one, which infinity is not.
fn nearest(value: f64) -> f32 {
    if value.is_finite() { value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32 } else { value as f32 }
}

/// Appends points to a series, in their order, and returns how many it has then. What was sent before, as a client
/// does that got no answer, is not counted twice: a point of the same step, time and value, however long ago it came.
pub fn append(transaction: &Transaction<'_>, run: RunId, name: &str, new: &[Point]) -> Result<u64> {
    let Some((number, mut series)) = known(transaction, run, name)? else {
        return begin(transaction, run, name, &once(new, &[]));
    };
    let place = |point: &Point| (point.step, point.time_ms);
    let newest = series.newest.as_ref().map(place);
    // What stands behind the newest was never sent. The usual batch is this alone, and nothing is read for it.
    let sought: Vec<Point> = new.iter().filter(|point| Some(place(point)) <= newest).copied().collect();
    let held = if sought.is_empty() { Vec::new() } else { points::around(transaction, number, &sought)? };
    let fresh = once(new, &held);
    if fresh.is_empty() {
        return Ok(series.count);
    }
    points::append(transaction, number, series.count, &fresh)?;
    for point in fresh.iter() {
        series.add(*point);
    }
    save(transaction, number, &series)?;
    Ok(series.count)
}

/// Writes what is known of a series again, once points were added to it.
fn save(transaction: &Transaction<'_>, number: i64, series: &Series) -> Result<()> {
    let Some(newest) = series.newest else { return Ok(()) };
    transaction
        .prepare_cached(
            "UPDATE metric SET count = ?2, step = ?3, last = ?4, min = ?5, max = ?6, time_ms = ?7, spark_stride = ?8, spark = ?9,
             in_order = ?10 WHERE number = ?1",
        )?
        .execute(params![
            number,
            series.count as i64,
            newest.step,
            newest.value,
            series.min,
            series.max,
            newest.time_ms,
            series.stride as i64,
            bytes(&series.spark),
            series.in_order,
        ])?;
    Ok(())
}

/// Deletes all series of a run with their points.
pub fn forget(transaction: &Transaction<'_>, run: RunId) -> Result<()> {
    transaction.prepare_cached("DELETE FROM metric WHERE run = ?1")?.execute(params![run.as_bytes()])?;
    Ok(())
}

/// Deletes one series of a run with its points.
pub fn forget_series(transaction: &Transaction<'_>, run: RunId, name: &str) -> Result<()> {
    transaction
        .prepare_cached("DELETE FROM metric WHERE run = ?1 AND key = ?2")?
        .execute(params![run.as_bytes(), name])?;
    Ok(())
}

/// Deletes the points of a run's series from a step on, where it went on from an earlier one.
pub fn forget_from(transaction: &Transaction<'_>, run: RunId, step: i64) -> Result<()> {
    let later: Vec<(i64, String, u64)> = {
        let mut statement =
            transaction.prepare_cached("SELECT number, key, count FROM metric WHERE run = ?1 AND step >= ?2")?;
        let rows = statement.query_map(params![run.as_bytes(), step], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)? as u64))
        })?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    for (number, name, count) in later {
        keep_before(transaction, run, (number, name.as_str(), count), step)?;
    }
    Ok(())
}

/// Builds a series again of its points before a step, and what is built over them.
fn keep_before(
    transaction: &Transaction<'_>,
    run: RunId,
    (number, name, count): (i64, &str, u64),
    step: i64,
) -> Result<()> {
    // It gives its name to the one that takes its place, a name that nobody logs by.
    transaction
        .prepare_cached("UPDATE metric SET key = ?2 WHERE number = ?1")?
        .execute(params![number, format!("\u{1}{number}")])?;
    let mut series = Series::default();
    let fresh = insert(transaction, run, name, &series)?;
    for skip in (0..count).step_by(AT_ONCE as usize) {
        let mut kept = points::raw_points(transaction, number, skip, AT_ONCE.min(count - skip))?;
        kept.retain(|point| point.step < step);
        if !kept.is_empty() {
            points::append(transaction, fresh, series.count, &kept)?;
            kept.into_iter().for_each(|point| series.add(point));
        }
    }
    save(transaction, fresh, &series)?;
    let ended = if series.count == 0 { [Some(number), Some(fresh)] } else { [Some(number), None] };
    for number in ended.into_iter().flatten() {
        transaction.prepare_cached("DELETE FROM metric WHERE number = ?1")?.execute([number])?;
    }
    Ok(())
}

/// The points that are not among those that are held, each once.
fn once<'a>(new: &'a [Point], held: &[Point]) -> Cow<'a, [Point]> {
    // Each later than the one before: none is there twice.
    let ascends = new.is_sorted_by(|left, right| (left.step, left.time_ms) < (right.step, right.time_ms));
    if held.is_empty() && ascends {
        return Cow::Borrowed(new);
    }
    let key = |point: &Point| (point.step, point.time_ms, point.value.to_bits());
    let mut seen: HashSet<_> = held.iter().map(key).collect();
    Cow::Owned(new.iter().filter(|point| seen.insert(key(point))).copied().collect())
}

/// Enters a series with its first points, and returns how many they are.
fn begin(transaction: &Transaction<'_>, run: RunId, name: &str, first: &[Point]) -> Result<u64> {
    let mut series = Series::default();
    for point in first {
        series.add(*point);
    }
    let number = insert(transaction, run, name, &series)?;
    points::append(transaction, number, 0, first)?;
    Ok(series.count)
}

/// Enters a series, and returns its number.
fn insert(transaction: &Transaction<'_>, run: RunId, name: &str, series: &Series) -> Result<i64> {
    transaction
        .prepare_cached(
            "INSERT INTO metric (run, key, count, step, last, min, max, time_ms, spark_stride, spark, in_order)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            run.as_bytes(),
            name,
            series.count as i64,
            series.newest.map_or(0, |newest| newest.step),
            series.newest.map(|newest| newest.value),
            series.min,
            series.max,
            series.newest.map_or(0, |newest| newest.time_ms),
            series.stride as i64,
            bytes(&series.spark),
            series.in_order,
        ])?;
    Ok(transaction.last_insert_rowid())
}

impl Default for Series {
    fn default() -> Self {
        Self { count: 0, newest: None, min: f64::NAN, max: f64::NAN, stride: 1, spark: Vec::new(), in_order: true }
    }
}

impl Series {
    fn add(&mut self, point: Point) {
        // `min` and `max` leave NaN aside: `f64::min` returns the other side.
        self.min = self.min.min(point.value);
        self.max = self.max.max(point.value);
        if self.count.is_multiple_of(self.stride) {
            if self.spark.len() == SPARK {
                self.spark = self.spark.iter().copied().step_by(2).collect();
                self.stride *= 2;
            }
            if self.count.is_multiple_of(self.stride) {
                self.spark.push(nearest(point.value));
            }
        }
        self.count += 1;
        // As long as they came in order, the newest is the one that came before.
        self.in_order &= self.newest.is_none_or(|before| {
            let (time, step) = (point.time_ms.cmp(&before.time_ms), point.step.cmp(&before.step));
            time.is_ge() && step.is_ge() && (time.is_gt() || step.is_gt())
        });
        if self.newest.is_none_or(|newest| is_newer(point, newest)) {
            self.newest = Some(point);
        }
    }
}

/// MLflow's rule for the value that stands for a series: the greatest step, then time, then value, where NaN counts as 0.
fn is_newer(point: Point, newest: Point) -> bool {
    let value = |point: Point| if point.value.is_nan() { 0.0 } else { point.value };
    let order = (point.step, point.time_ms).cmp(&(newest.step, newest.time_ms));
    order.then_with(|| value(point).partial_cmp(&value(newest)).unwrap_or(std::cmp::Ordering::Equal)).is_gt()
}

/// Keeps the final validation figure of a metric.
pub fn set_figure(transaction: &Transaction<'_>, run: RunId, name: &str, value: f64) -> Result<()> {
    let number = match known(transaction, run, name)? {
        Some((number, _)) => number,
        None => insert(transaction, run, name, &Series::default())?,
    };
    transaction.prepare_cached("UPDATE metric SET figure = ?2 WHERE number = ?1")?.execute(params![number, value])?;
    Ok(())
}

/// A series with its number.
fn known(transaction: &Transaction<'_>, run: RunId, name: &str) -> Result<Option<(i64, Series)>> {
    let mut statement = transaction.prepare_cached(
        "SELECT number, count, min, max, spark_stride, spark, step, time_ms, last, in_order FROM metric WHERE run = ?1 AND key = ?2",
    )?;
    let found = statement.query_row(params![run.as_bytes(), name], |row| {
        let count = row.get::<_, i64>(1)? as u64;
        let value = row.get::<_, Option<f64>>(8)?.unwrap_or(f64::NAN);
        let newest = Point { step: row.get(6)?, time_ms: row.get(7)?, value };
        let series = Series {
            count,
            newest: (count > 0).then_some(newest),
            min: row.get::<_, Option<f64>>(2)?.unwrap_or(f64::NAN),
            max: row.get::<_, Option<f64>>(3)?.unwrap_or(f64::NAN),
            stride: row.get::<_, i64>(4)? as u64,
            spark: floats(&row.get::<_, Vec<u8>>(5)?),
            in_order: row.get(9)?,
        };
        Ok((row.get(0)?, series))
    });
    Ok(found.optional()?)
}

fn bytes(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|value| value.to_le_bytes()).collect()
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

/// Whether a series' points are known to have come in the order of their times and steps.
pub fn is_in_order(connection: &Connection, number: i64) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT in_order FROM metric WHERE number = ?1")?
        .query_row([number], |row| row.get(0))?)
}

const SUMMARY: &str = "key, count, step, coalesce(figure, last), min, max, time_ms, figure, last";
/// By what a training chooses the model that it keeps: the first of the least.
const CHOSEN_BY: &str = "loss/validation";

fn read_summary(row: &rusqlite::Row<'_>) -> rusqlite::Result<MetricSummary> {
    let figure: Option<f64> = row.get(7)?;
    let number =
        |index| -> rusqlite::Result<f64> { Ok(row.get::<_, Option<f64>>(index)?.or(figure).unwrap_or(f64::NAN)) };
    // The final figure stands as the last value, so it is among those that the least and the most are of.
    let among = |value: f64, of: fn(f64, f64) -> f64| figure.map_or(value, |figure| of(value, figure));
    let count = row.get::<_, i64>(1)? as u64;
    let logged = row.get::<_, Option<f64>>(8)?.unwrap_or(f64::NAN);
    let is_other = figure.is_some_and(|figure| count > 0 && figure != logged);
    Ok(MetricSummary {
        key: row.get(0)?,
        count,
        step: row.get(2)?,
        last: number(3)?,
        min: among(number(4)?, f64::min),
        max: among(number(5)?, f64::max),
        time_ms: row.get(6)?,
        kept: is_other.then_some(KeptFigure { step: None, logged }),
    })
}

/// The step of the model that a training kept, as far as its curve says it.
fn kept_step(connection: &Connection, run: RunId) -> Result<Option<i64>> {
    let Some((number, count)) = find(connection, run, CHOSEN_BY)? else { return Ok(None) };
    let mut least: Option<Point> = None;
    for skip in (0..count).step_by(AT_ONCE as usize) {
        let piece = points::raw_points(connection, number, skip, AT_ONCE.min(count - skip))?;
        for point in piece.into_iter().filter(|point| point.value.is_finite()) {
            if least.is_none_or(|least| point.value < least.value) {
                least = Some(point);
            }
        }
    }
    Ok(least.map(|least| least.step))
}

/// Every series of a run in short; the final figure stands as `last` where there is one.
pub fn summaries(connection: &Connection, run: RunId) -> Result<Vec<MetricSummary>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {SUMMARY} FROM metric WHERE run = ?1 ORDER BY key"))?;
    let rows = statement.query_map(params![run.as_bytes()], read_summary)?;
    let mut all = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    if all.iter().any(|series| series.kept.is_some()) {
        let step = kept_step(connection, run)?;
        all.iter_mut().filter_map(|series| series.kept.as_mut()).for_each(|kept| kept.step = step);
    }
    Ok(all)
}

/// The same of several runs, of those that have any.
pub fn summaries_of(connection: &Connection, runs: &[RunId]) -> Result<HashMap<RunId, Vec<MetricSummary>>> {
    let mut found: HashMap<RunId, Vec<MetricSummary>> = HashMap::new();
    of_runs::each(connection, &format!("SELECT {SUMMARY}, run FROM metric WHERE run"), runs, &mut |row| {
        found.entry(id_column!(row, 9, RunId)).or_default().push(read_summary(row)?);
        Ok(())
    })?;
    found.values_mut().for_each(|of_run| of_run.sort_unstable_by(|left, right| left.key.cmp(&right.key)));
    Ok(found)
}

/// One series of a run in short.
pub fn summary(connection: &Connection, run: RunId, name: &str) -> Result<Option<MetricSummary>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {SUMMARY} FROM metric WHERE run = ?1 AND key = ?2"))?;
    Ok(statement.query_row(params![run.as_bytes(), name], read_summary).optional()?)
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
