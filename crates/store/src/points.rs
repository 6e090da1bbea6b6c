//! The points of a series: a hot tail, and sealed, compressed chunks under a pyramid of minimum, maximum, mean and last.
//!
//! New points are appended to the [`crate::tail`] as they come, without reading anything. Once 1,024 of them stand
//! there they are sealed: level 0 holds the raw points in compressed chunks of 1,024; a bucket of level n covers 16ⁿ
//! of them, in chunks of 256 buckets. A level exists once the one below it is too long to be drawn from (2,048). No
//! point is ever dropped: what is drawn from buckets far away is drawn from raw points near by.

mod encoding;
mod join;
pub(crate) mod migrate;

pub(crate) use encoding::{decode_tail, encode_tail};
pub use join::{extremes, join};

use std::ops::Range;

use api::{
    RunId,
    series::{NonFinite, Point, Series},
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::{error::Result, tail};
use encoding::{decode_buckets, decode_sealed, encode_buckets, encode_sealed};

pub(crate) const CREATE: &str = "
CREATE TABLE points (
    series INTEGER NOT NULL REFERENCES metric (number) ON DELETE CASCADE,
    level  INTEGER NOT NULL,
    chunk  INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    first  INTEGER NOT NULL, -- the least step in the chunk
    final  INTEGER NOT NULL, -- the greatest
    bytes  BLOB NOT NULL,
    PRIMARY KEY (series, level, chunk)
) WITHOUT ROWID;
";

/// Version 3: which chunks a viewport needs is asked of rows without the bytes, ten to a thousand times smaller.
/// Of raw points the times are there, too: what is sent again is looked for where its step and time are.
pub(crate) const INDEX: &str = "
ALTER TABLE points ADD COLUMN since_ms INTEGER; -- the least time in a raw chunk
ALTER TABLE points ADD COLUMN until_ms INTEGER; -- the greatest
CREATE INDEX points_steps ON points (series, level, first, final, count, since_ms, until_ms);
";

/// Bytes of all points of a run, sealed or not: what its deletion leaves to the database. Only where they stand is read.
pub fn bytes_of_run(connection: &Connection, run: RunId) -> Result<u64> {
    let bytes: i64 = connection.prepare_cached(BYTES_OF_RUN)?.query_row(params![run.as_bytes()], |row| row.get(0))?;
    Ok(bytes as u64)
}

pub(crate) const BYTES_OF_RUN: &str = "
SELECT coalesce((SELECT sum(length(bytes)) FROM points WHERE series IN (SELECT number FROM metric WHERE run = ?1)), 0)
     + coalesce((SELECT sum(length(bytes)) FROM tail WHERE series IN (SELECT number FROM metric WHERE run = ?1)), 0)";

/// Points in a sealed chunk.
pub(crate) const RAW_CHUNK: u64 = 1024;
const BUCKET_CHUNK: u64 = 256;
const FACTOR: u64 = 16;
/// A level longer than this gets one above it.
const LONG: u64 = 2048;
/// 16⁸ buckets of 2,048: more points than a disk holds.
const LEVELS: u32 = 8;
/// Buckets that are read for one that is drawn, at most: the next level above would be coarser than the screen.
const FINER: u64 = 8;
/// Raw points that are read for one viewport, at most, where buckets would be coarser than the screen: points that came
/// in the order of no axis, as of two that write at once or that all have one step.
const NEAR: u64 = 256 * RAW_CHUNK;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    /// Of the bucket's last point.
    step: i64,
    time_ms: i64,
    /// Of its finite values; NaN where it has none.
    min: f64,
    max: f64,
    sum: f64,
    /// How many of its values are finite.
    numbers: u64,
    last: f64,
    non_finite: NonFinite,
}

impl Bucket {
    fn of(point: Point) -> Self {
        let Point { step, time_ms, value } = point;
        let (extreme, sum, numbers) = if value.is_finite() { (value, value, 1) } else { (f64::NAN, 0.0, 0) };
        let non_finite = NonFinite::of(value);
        Self { step, time_ms, min: extreme, max: extreme, sum, numbers, last: value, non_finite }
    }

    /// What is not finite is left out of the extremes and the mean and counted apart, but stands as the last value.
    fn add(&mut self, later: Self) {
        let mut non_finite = self.non_finite;
        non_finite += later.non_finite;
        *self = Self {
            min: self.min.min(later.min),
            max: self.max.max(later.max),
            sum: self.sum + later.sum,
            numbers: self.numbers + later.numbers,
            non_finite,
            ..later
        };
    }

    fn mean(&self) -> f64 {
        if self.numbers == 0 { f64::NAN } else { self.sum / self.numbers as f64 }
    }
}

/// Appends to a series that has `count` points, of which the tail holds those after the last whole chunk.
pub(crate) fn append(transaction: &Transaction<'_>, series: i64, count: u64, new: &[Point]) -> Result<()> {
    let held = count % RAW_CHUNK;
    if held + (new.len() as u64) < RAW_CHUNK {
        return tail::put(transaction, series, count, new);
    }
    let mut open = if held == 0 { Vec::new() } else { tail::take(transaction, series)? };
    open.extend_from_slice(new);
    let whole = open.len() / RAW_CHUNK as usize * RAW_CHUNK as usize;
    let first = count - held;
    let (sealed, rest) = open.split_at(whole);
    seal(transaction, series, first, sealed)?;
    if rest.is_empty() { Ok(()) } else { tail::put(transaction, series, first + whole as u64, rest) }
}

/// Adds whole chunks to a series whose sealed points are `count`.
fn seal(transaction: &Transaction<'_>, series: i64, count: u64, new: &[Point]) -> Result<()> {
    for (index, points) in new.chunks(RAW_CHUNK as usize).enumerate() {
        let chunk = count / RAW_CHUNK + index as u64;
        let steps = points.iter().map(|point| point.step);
        let times = points.iter().map(|point| point.time_ms);
        let times = times.clone().min().zip(times.max());
        save(transaction, series, 0, chunk, points.len(), steps, times, &encode_sealed(points)?)?;
    }
    let total = count + new.len() as u64;
    let mut width = 1;
    for level in 1..=LEVELS {
        // The level below has this many entries.
        let below_before = count.div_ceil(width);
        let below_now = total.div_ceil(width);
        if below_now <= LONG {
            break;
        }
        width *= FACTOR;
        if below_before <= LONG {
            build(transaction, series, level, total)?;
        } else {
            append_buckets(transaction, series, level, width, count, new)?;
        }
    }
    Ok(())
}

fn append_buckets(
    transaction: &Transaction<'_>,
    series: i64,
    level: u32,
    width: u64,
    count: u64,
    new: &[Point],
) -> Result<()> {
    // The bucket under way is the one that the last sealed point fell into.
    let mut chunk = count / width / BUCKET_CHUNK;
    let mut buckets = decode_buckets(&load_optional(transaction, series, level, chunk)?.unwrap_or_default())?;
    for (index, point) in new.iter().enumerate() {
        let at = count + index as u64;
        let bucket = at / width;
        if bucket / BUCKET_CHUNK != chunk {
            save_buckets(transaction, series, level, chunk, &buckets)?;
            buckets.clear();
            chunk = bucket / BUCKET_CHUNK;
        }
        match buckets.get_mut((bucket % BUCKET_CHUNK) as usize) {
            Some(held) => held.add(Bucket::of(*point)),
            None => buckets.push(Bucket::of(*point)),
        }
    }
    save_buckets(transaction, series, level, chunk, &buckets)
}

/// Builds a level of all that stands below it; happens once a level.
fn build(transaction: &Transaction<'_>, series: i64, level: u32, total: u64) -> Result<()> {
    let mut below: Vec<Bucket> = Vec::new();
    if level == 1 {
        for chunk in 0..total.div_ceil(RAW_CHUNK) {
            below.extend(decode_sealed(&load(transaction, series, 0, chunk)?)?.into_iter().map(Bucket::of));
        }
    } else {
        let entries = total.div_ceil(FACTOR.pow(level - 1));
        for chunk in 0..entries.div_ceil(BUCKET_CHUNK) {
            below.extend(decode_buckets(&load(transaction, series, level - 1, chunk)?)?);
        }
    }
    for (chunk, buckets) in merged(&below, FACTOR as usize).chunks(BUCKET_CHUNK as usize).enumerate() {
        save_buckets(transaction, series, level, chunk as u64, buckets)?;
    }
    Ok(())
}

/// Neighbours in groups of `size` as one bucket each.
fn merged(buckets: &[Bucket], size: usize) -> Vec<Bucket> {
    let one = |group: &[Bucket]| {
        let mut bucket = group[0];
        group[1..].iter().for_each(|later| bucket.add(*later));
        bucket
    };
    buckets.chunks(size.max(1)).map(one).collect()
}

/// What of a series is looked at, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub steps: (i64, i64),
    /// Milliseconds since 1970.
    pub times: (i64, i64),
}

impl Window {
    /// These steps, whenever they were logged.
    pub const fn steps(from: i64, to: i64) -> Self {
        Self { steps: (from, to), times: (i64::MIN, i64::MAX) }
    }

    pub fn has(&self, step: i64, time_ms: i64) -> bool {
        (self.steps.0..=self.steps.1).contains(&step) && (self.times.0..=self.times.1).contains(&time_ms)
    }
}

/// One viewport in at most about `points` points: raw where they are few enough, else buckets of the finest level that
/// can be read at once, put together until they are. By their steps: what was logged late, or again, stands where it
/// belongs.
pub fn view(connection: &Connection, series: i64, window: Window, points: u64) -> Result<Series> {
    let tail = tail::of(connection, series)?;
    let open: Vec<Point> = tail.into_iter().filter(|point| window.has(point.step, point.time_ms)).collect();
    let levels = levels_in(connection, series, window)?;
    // Chunks at the borders reach beyond the viewport: half a chunk at each side is forgiven.
    let fits = |at: &&Level| match at.level {
        0 => (at.count + open.len() as u64).saturating_sub(RAW_CHUNK) <= points,
        _ => at.count.saturating_sub(BUCKET_CHUNK) <= points.saturating_mul(FINER),
    };
    let found = levels.iter().find(fits).or(levels.iter().rfind(|level| !level.chunks.is_empty()));
    let Some(Level { level, chunks, .. }) = found else { return Ok(raw(open.into_iter())) };
    let decoded = |chunks: &[u64]| -> Result<Vec<Point>> {
        let mut all = Vec::with_capacity(chunks.len() * RAW_CHUNK as usize);
        for chunk in chunks {
            let points = decode_sealed(&load(connection, series, 0, *chunk)?)?;
            all.extend(points.into_iter().filter(|point| window.has(point.step, point.time_ms)));
        }
        all.extend(&open);
        Ok(all)
    };
    if *level == 0 {
        return Ok(raw(decoded(chunks)?.into_iter()));
    }
    let mut all = Vec::new();
    for chunk in chunks {
        let buckets = decode_buckets(&load(connection, series, *level, *chunk)?)?;
        all.extend(buckets.into_iter().filter(|bucket| window.has(bucket.step, bucket.time_ms)));
    }
    if let Some(near) = levels.first().filter(|lowest| lowest.count <= NEAR)
        && (all.len() as u64) < points / 2
    {
        let all = decoded(&near.chunks)?;
        if all.len() as u64 <= points {
            return Ok(raw(all.into_iter()));
        }
        return Ok(put_together(all.into_iter().map(Bucket::of).collect(), points));
    }
    let open: Vec<Bucket> = open.into_iter().map(Bucket::of).collect();
    // What is not sealed yet is put together as wide as the level before it is joined to it.
    all.extend(merged(&open, FACTOR.pow(*level) as usize));
    Ok(put_together(all, points))
}

/// The chunks of a level that a window may hold something of, in the order of their coming.
struct Level {
    level: u32,
    /// Points or buckets in them.
    count: u64,
    chunks: Vec<u64>,
}

/// The levels that a series has, raw points first. Of what raw chunks say steps and times, and so they do of the buckets over
/// them: a bucket alone knows only when its last point came.
fn levels_in(connection: &Connection, series: i64, window: Window) -> Result<Vec<Level>> {
    let ((from, to), (since, until)) = (window.steps, window.times);
    let mut all = connection.prepare_cached(
        "SELECT level, chunk, count, ifnull(until_ms, ?4) >= ?4 AND ifnull(since_ms, ?5) <= ?5
         FROM points INDEXED BY points_steps WHERE series = ?1 AND final >= ?2 AND first <= ?3 ORDER BY level",
    )?;
    let mut rows = all.query(params![series, from, to, since, until])?;
    let mut levels: Vec<Level> = Vec::new();
    while let Some(row) = rows.next()? {
        let (level, chunk, count) = (row.get::<_, u32>(0)?, row.get::<_, i64>(1)? as u64, row.get::<_, i64>(2)? as u64);
        if levels.last().is_none_or(|last| last.level != level) {
            if let [raw] = levels.as_mut_slice() {
                raw.chunks.sort_unstable();
            }
            levels.push(Level { level, count: 0, chunks: Vec::new() });
        }
        let is_in = match levels.first().filter(|_| level > 0) {
            None => row.get(3)?,
            Some(raw) => {
                let wide = FACTOR.pow(level) * BUCKET_CHUNK / RAW_CHUNK;
                let at = raw.chunks.partition_point(|raw| *raw < chunk * wide);
                raw.chunks.get(at).is_some_and(|raw| *raw < (chunk + 1) * wide)
            }
        };
        if let Some(last) = levels.last_mut().filter(|_| is_in) {
            last.count += count;
            last.chunks.push(chunk);
        }
    }
    levels.iter_mut().for_each(|level| level.chunks.sort_unstable());
    Ok(levels)
}

/// Buckets by their steps, neighbours put together until they are few enough.
fn put_together(mut all: Vec<Bucket>, points: u64) -> Series {
    if !all.is_sorted_by_key(|bucket| bucket.step) {
        all.sort_by_key(|bucket| (bucket.step, bucket.time_ms));
    }
    let size = (all.len() as u64).div_ceil(points.max(1)) as usize;
    drawn(&merged(&all, size))
}

fn raw(points: impl Iterator<Item = Point>) -> Series {
    let mut points: Vec<Point> = points.collect();
    if !points.is_sorted_by_key(|point| point.step) {
        points.sort_by_key(|point| (point.step, point.time_ms));
    }
    let mut view = Series { raw: true, ..Series::default() };
    for point in points {
        view.step.push(point.step as f64);
        view.time_ms.push(point.time_ms as f64);
        view.last.push(point.value);
    }
    view
}

fn drawn(buckets: &[Bucket]) -> Series {
    let column = |value: fn(&Bucket) -> f64| buckets.iter().map(value).collect::<Vec<f64>>();
    let all_finite = buckets.iter().all(|bucket| bucket.non_finite.is_none());
    Series {
        raw: false,
        step: column(|bucket| bucket.step as f64),
        time_ms: column(|bucket| bucket.time_ms as f64),
        min: column(|bucket| bucket.min),
        max: column(|bucket| bucket.max),
        mean: column(Bucket::mean),
        last: column(|bucket| bucket.last),
        non_finite: if all_finite { Vec::new() } else { buckets.iter().map(|bucket| bucket.non_finite).collect() },
        ..Series::default()
    }
}

/// Where a series lies: from its least to its greatest step, and the same of its times; `None` of one without points.
/// No sealed point is read for it.
pub fn extent(connection: &Connection, series: i64) -> Result<Option<Window>> {
    let mut sealed = connection.prepare_cached(
        "SELECT min(first), max(final), min(since_ms), max(until_ms) FROM points INDEXED BY points_steps
         WHERE series = ?1 AND level = 0",
    )?;
    let (first, last, since, until): (Option<i64>, Option<i64>, Option<i64>, Option<i64>) =
        sealed.query_row([series], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let tail = tail::of(connection, series)?;
    let ends = |sealed: Option<(i64, i64)>, of: fn(&Point) -> i64| {
        let all = tail.iter().map(of).chain(sealed.into_iter().flat_map(|(least, most)| [least, most]));
        all.clone().min().zip(all.max())
    };
    let steps = ends(first.zip(last), |point| point.step);
    Ok(steps.zip(ends(since.zip(until), |point| point.time_ms)).map(|(steps, times)| Window { steps, times }))
}

/// The raw points of a series in the order of their coming, `limit` of them after the first `skip`.
pub fn raw_points(connection: &Connection, series: i64, skip: u64, limit: u64) -> Result<Vec<Point>> {
    let mut found = Vec::new();
    let first = skip / RAW_CHUNK;
    let last = skip.saturating_add(limit).div_ceil(RAW_CHUNK);
    let mut chunks = connection.prepare_cached(
        "SELECT bytes FROM points WHERE series = ?1 AND level = 0 AND chunk >= ?2 AND chunk < ?3 ORDER BY chunk",
    )?;
    let last_chunk = i64::try_from(last).unwrap_or(i64::MAX);
    for bytes in chunks.query_map(params![series, first as i64, last_chunk], |row| row.get::<_, Vec<u8>>(0))? {
        found.extend(decode_sealed(&bytes?)?);
    }
    // Whole chunks came, so the tail follows where the last of them was among these.
    if (found.len() as u64) < limit.saturating_add(skip % RAW_CHUNK) {
        found.extend(tail::after(connection, series, first * RAW_CHUNK)?);
    }
    let skipped = (skip % RAW_CHUNK) as usize;
    Ok(found.into_iter().skip(skipped).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
}

/// Where in the order of their coming those of a series' first `end` points stand that a window may hold something of: chunks
/// that touch it, as wholes, and what was not sealed. No point is read for it.
pub fn touched(connection: &Connection, series: i64, window: Window, end: u64) -> Result<Vec<Range<u64>>> {
    let ((from, to), (since, until)) = (window.steps, window.times);
    let sealed = end / RAW_CHUNK;
    let mut chunks = connection.prepare_cached(
        "SELECT chunk FROM points INDEXED BY points_steps
         WHERE series = ?1 AND level = 0 AND final >= ?2 AND first <= ?3
           AND ifnull(until_ms, ?4) >= ?4 AND ifnull(since_ms, ?5) <= ?5 AND chunk < ?6",
    )?;
    let found = chunks.query_map(params![series, from, to, since, until, sealed as i64], |row| row.get::<_, i64>(0))?;
    let mut found = found.collect::<rusqlite::Result<Vec<i64>>>()?;
    found.sort_unstable();
    let wholes = found.into_iter().map(|chunk| chunk as u64 * RAW_CHUNK..(chunk as u64 + 1) * RAW_CHUNK);
    let open = sealed * RAW_CHUNK..end;
    let mut spans: Vec<Range<u64>> = Vec::new();
    for span in wholes.chain((!open.is_empty()).then_some(open)) {
        match spans.last_mut().filter(|last| last.end == span.start) {
            Some(last) => last.end = span.end,
            None => spans.push(span),
        }
    }
    Ok(spans)
}

/// The points of a series among which one of these may stand already: the tail, and each chunk that begins and ends
/// around the step and the time of one.
pub(crate) fn around(connection: &Connection, series: i64, sought: &[Point]) -> Result<Vec<Point>> {
    let mut found = tail::of(connection, series)?;
    let steps = sought.iter().map(|point| point.step);
    let Some((least, greatest)) = steps.clone().min().zip(steps.max()) else { return Ok(found) };
    let mut chunks = connection.prepare_cached(
        "SELECT chunk, first, final, since_ms, until_ms FROM points INDEXED BY points_steps
         WHERE series = ?1 AND level = 0 AND final >= ?2 AND first <= ?3",
    )?;
    let mut rows = chunks.query(params![series, least, greatest])?;
    while let Some(row) = rows.next()? {
        let (first, last): (i64, i64) = (row.get(1)?, row.get(2)?);
        let (since, until): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
        let times = since.unwrap_or(i64::MIN)..=until.unwrap_or(i64::MAX);
        if sought.iter().any(|point| (first..=last).contains(&point.step) && times.contains(&point.time_ms)) {
            found.extend(decode_sealed(&load(connection, series, 0, row.get::<_, i64>(0)? as u64)?)?);
        }
    }
    Ok(found)
}

fn load(connection: &Connection, series: i64, level: u32, chunk: u64) -> Result<Vec<u8>> {
    Ok(connection
        .prepare_cached("SELECT bytes FROM points WHERE series = ?1 AND level = ?2 AND chunk = ?3")?
        .query_row(params![series, level, chunk as i64], |row| row.get(0))?)
}

fn load_optional(connection: &Connection, series: i64, level: u32, chunk: u64) -> Result<Option<Vec<u8>>> {
    Ok(connection
        .prepare_cached("SELECT bytes FROM points WHERE series = ?1 AND level = ?2 AND chunk = ?3")?
        .query_row(params![series, level, chunk as i64], |row| row.get(0))
        .optional()?)
}

fn save_buckets(transaction: &Transaction<'_>, series: i64, level: u32, chunk: u64, buckets: &[Bucket]) -> Result<()> {
    let steps = buckets.iter().map(|bucket| bucket.step);
    save(transaction, series, level, chunk, buckets.len(), steps, None, &encode_buckets(buckets)?)
}

#[expect(clippy::too_many_arguments, reason = "one for each column")]
fn save(
    transaction: &Transaction<'_>,
    series: i64,
    level: u32,
    chunk: u64,
    count: usize,
    steps: impl Iterator<Item = i64> + Clone,
    times: Option<(i64, i64)>,
    bytes: &[u8],
) -> Result<()> {
    let (first, last) = (steps.clone().min().unwrap_or(0), steps.max().unwrap_or(0));
    transaction
        .prepare_cached(
            "INSERT INTO points (series, level, chunk, count, first, final, bytes, since_ms, until_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (series, level, chunk) DO UPDATE SET count = excluded.count, first = excluded.first,
             final = excluded.final, bytes = excluded.bytes, since_ms = excluded.since_ms, until_ms = excluded.until_ms",
        )?
        .execute(params![
            series,
            level,
            chunk as i64,
            count as i64,
            first,
            last,
            bytes,
            times.map(|(since, _)| since),
            times.map(|(_, until)| until),
        ])?;
    Ok(())
}
