//! The points of a series, compact, under a pyramid of minimum, maximum and last value.
//!
//! Level 0 holds the raw points in chunks of 1,024; a bucket of level n covers 16ⁿ of them, in chunks
//! of 256 buckets. A level exists once the one below it is too long to be drawn from (2,048), so a
//! short series costs one row. Appending touches the last chunk of each level only.
//!
//! A raw chunk is columns of steps and times as zigzag varints of their differences, then the values
//! as little-endian f64; a bucket is step, time, min, max, last, 8 bytes each.

use api::series::{Point, Series};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::error::Result;

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

const RAW_CHUNK: u64 = 1024;
const BUCKET_CHUNK: u64 = 256;
const FACTOR: u64 = 16;
/// A level longer than this gets one above it.
const LONG: u64 = 2048;
/// 16⁸ buckets of 2,048: more points than a disk holds.
const LEVELS: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    /// Of the bucket's last point.
    step: i64,
    time_ms: i64,
    min: f64,
    max: f64,
    last: f64,
}

impl Bucket {
    fn of(point: Point) -> Self {
        Self { step: point.step, time_ms: point.time_ms, min: point.value, max: point.value, last: point.value }
    }

    /// NaN is left out of the extremes, but stands as the last value.
    fn add(&mut self, later: Self) {
        *self = Self { min: self.min.min(later.min), max: self.max.max(later.max), ..later };
    }
}

/// Appends to a series that has `count` points.
pub(crate) fn append(transaction: &Transaction<'_>, series: i64, count: u64, new: &[Point]) -> Result<()> {
    append_raw(transaction, series, count, new)?;
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

fn append_raw(transaction: &Transaction<'_>, series: i64, count: u64, mut new: &[Point]) -> Result<()> {
    let mut at = count;
    while !new.is_empty() {
        let chunk = at / RAW_CHUNK;
        let held = at % RAW_CHUNK;
        let mut points = if held == 0 { Vec::new() } else { decode_raw(&load(transaction, series, 0, chunk)?) };
        let room = (RAW_CHUNK - held) as usize;
        let (now, later) = new.split_at(new.len().min(room));
        points.extend_from_slice(now);
        let steps = points.iter().map(|point| point.step);
        save(transaction, series, 0, chunk, points.len(), steps, &encode_raw(&points))?;
        at += now.len() as u64;
        new = later;
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
    // The bucket under way is the one that the last committed point fell into.
    let mut chunk = count / width / BUCKET_CHUNK;
    let mut buckets = decode_buckets(&load_optional(transaction, series, level, chunk)?.unwrap_or_default());
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
    let below: Vec<Bucket> = if level == 1 {
        (0..total.div_ceil(RAW_CHUNK))
            .map(|chunk| {
                Ok(decode_raw(&load(transaction, series, 0, chunk)?).into_iter().map(Bucket::of).collect::<Vec<_>>())
            })
            .collect::<Result<Vec<_>>>()?
            .concat()
    } else {
        let entries = total.div_ceil(FACTOR.pow(level - 1));
        (0..entries.div_ceil(BUCKET_CHUNK))
            .map(|chunk| Ok(decode_buckets(&load(transaction, series, level - 1, chunk)?)))
            .collect::<Result<Vec<_>>>()?
            .concat()
    };
    let buckets: Vec<Bucket> = below
        .chunks(FACTOR as usize)
        .map(|group| {
            let mut bucket = group[0];
            group[1..].iter().for_each(|later| bucket.add(*later));
            bucket
        })
        .collect();
    for (chunk, buckets) in buckets.chunks(BUCKET_CHUNK as usize).enumerate() {
        save_buckets(transaction, series, level, chunk as u64, buckets)?;
    }
    Ok(())
}

/// One viewport: steps from `from` to `to`, in at most about `points` points: raw where they are few
/// enough, else the finest level that is.
pub fn view(connection: &Connection, series: i64, from: i64, to: i64, points: u64) -> Result<Series> {
    let mut counts = connection.prepare_cached(
        "SELECT level, sum(count) FROM points WHERE series = ?1 AND final >= ?2 AND first <= ?3 GROUP BY level ORDER BY level",
    )?;
    let levels = counts
        .query_map(params![series, from, to], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)? as u64)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    // Chunks at the borders reach beyond the viewport: half a chunk at each side is forgiven.
    let Some((level, _)) = levels
        .iter()
        .find(|(level, count)| count.saturating_sub(if *level == 0 { RAW_CHUNK } else { BUCKET_CHUNK }) <= points)
        .or(levels.last())
    else {
        return Ok(Series { raw: true, ..Series::default() });
    };
    let mut chunks = connection.prepare_cached(
        "SELECT bytes FROM points WHERE series = ?1 AND level = ?2 AND final >= ?3 AND first <= ?4 ORDER BY chunk",
    )?;
    let rows = chunks.query_map(params![series, level, from, to], |row| row.get::<_, Vec<u8>>(0))?;
    let mut view = Series { raw: *level == 0, ..Series::default() };
    for bytes in rows {
        let bytes = bytes?;
        if view.raw {
            for point in decode_raw(&bytes).into_iter().filter(|point| (from..=to).contains(&point.step)) {
                view.step.push(point.step as f64);
                view.time_ms.push(point.time_ms as f64);
                view.last.push(point.value);
            }
        } else {
            for bucket in decode_buckets(&bytes).into_iter().filter(|bucket| (from..=to).contains(&bucket.step)) {
                view.step.push(bucket.step as f64);
                view.time_ms.push(bucket.time_ms as f64);
                view.min.push(bucket.min);
                view.max.push(bucket.max);
                view.last.push(bucket.last);
            }
        }
    }
    Ok(view)
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
    save(transaction, series, level, chunk, buckets.len(), steps, &encode_buckets(buckets))
}

fn save(
    transaction: &Transaction<'_>,
    series: i64,
    level: u32,
    chunk: u64,
    count: usize,
    steps: impl Iterator<Item = i64> + Clone,
    bytes: &[u8],
) -> Result<()> {
    let (first, last) = (steps.clone().min().unwrap_or(0), steps.max().unwrap_or(0));
    transaction
        .prepare_cached(
            "INSERT INTO points (series, level, chunk, count, first, final, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (series, level, chunk) DO UPDATE SET count = excluded.count, first = excluded.first,
             final = excluded.final, bytes = excluded.bytes",
        )?
        .execute(params![series, level, chunk as i64, count as i64, first, last, bytes])?;
    Ok(())
}

fn encode_raw(points: &[Point]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + points.len() * 12);
    bytes.extend_from_slice(&(points.len() as u32).to_le_bytes());
    for column in [|point: &Point| point.step, |point: &Point| point.time_ms] {
        let mut before = 0_i64;
        for point in points {
            let value = column(point);
            put_varint(&mut bytes, value.wrapping_sub(before));
            before = value;
        }
    }
    for point in points {
        bytes.extend_from_slice(&point.value.to_le_bytes());
    }
    bytes
}

fn decode_raw(bytes: &[u8]) -> Vec<Point> {
    let Some((head, mut rest)) = bytes.split_first_chunk::<4>() else { return Vec::new() };
    let count = u32::from_le_bytes(*head) as usize;
    let mut column = || {
        let mut before = 0_i64;
        (0..count)
            .map(|_| {
                before = before.wrapping_add(take_varint(&mut rest));
                before
            })
            .collect::<Vec<_>>()
    };
    let steps = column();
    let times = column();
    let values = rest.as_chunks::<8>().0.iter().map(|chunk| f64::from_le_bytes(*chunk));
    steps.into_iter().zip(times).zip(values).map(|((step, time_ms), value)| Point { step, time_ms, value }).collect()
}

fn put_varint(bytes: &mut Vec<u8>, value: i64) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    while zigzag >= 0x80 {
        bytes.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    bytes.push(zigzag as u8);
}

fn take_varint(bytes: &mut &[u8]) -> i64 {
    let mut zigzag = 0_u64;
    let mut shift = 0;
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        zigzag |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 || shift > 63 {
            break;
        }
    }
    (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)
}

fn encode_buckets(buckets: &[Bucket]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(buckets.len() * 40);
    for bucket in buckets {
        bytes.extend_from_slice(&bucket.step.to_le_bytes());
        bytes.extend_from_slice(&bucket.time_ms.to_le_bytes());
        for value in [bucket.min, bucket.max, bucket.last] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }
    bytes
}

fn decode_buckets(bytes: &[u8]) -> Vec<Bucket> {
    let (records, _) = bytes.as_chunks::<40>();
    records
        .iter()
        .map(|record| {
            let (words, _) = record.as_chunks::<8>();
            Bucket {
                step: i64::from_le_bytes(words[0]),
                time_ms: i64::from_le_bytes(words[1]),
                min: f64::from_le_bytes(words[2]),
                max: f64::from_le_bytes(words[3]),
                last: f64::from_le_bytes(words[4]),
            }
        })
        .collect()
}
