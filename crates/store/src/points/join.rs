//! A series over the values that another one has at the same steps, for a curve along a metric.
//!
//! Buckets of two series end at different steps, so that joining what is drawn of them would pair values that were
//! never measured together. Here raw points meet: both series go by in the order of their steps, a chunk at a time,
//! and what comes out are pairs that are there. However long they are, they go by once: the extremes of the other metric,
//! which are known, say where the axis begins and ends.
//!
//! Of long ones that would take too long for a picture. Where both were logged at the same steps, buckets do ([`near`]);
//! else some chunks of them say what it looks like, and how many they are is said ([`sample`]).

mod near;
mod sample;

use std::{collections::VecDeque, ops::RangeInclusive};

use api::series::{OverMetric, Point, Series};
use rusqlite::{Connection, params};

use super::{NEAR, RAW_CHUNK, decode_sealed, load};
use crate::{error::Result, tail};

/// Points of both that go by each, at most, unless all are asked for.
const MANY: u64 = 2 * NEAR;

/// A series' points from `from` to `to` over the other's values at their steps: all of them where they are at most
/// `points`. Else of each of `points` / 2 even stretches of the horizontal axis those of the least and the greatest
/// value, and one of each kind of value that is not finite. Of many points that are not asked for as a whole, buckets of
/// both, or such pairs of some of them.
///
/// Of several values of the other at one step the last counts: the one of the latest time. Where that is not finite, or
/// there is none, a point is left out and counted. The points come in the order of the other's values.
pub fn join(
    connection: &Connection,
    series: i64,
    other: Option<i64>,
    (from, to): (i64, i64),
    over: &OverMetric,
    points: u64,
) -> Result<Series> {
    let whole = other.filter(|_| !over.whole && (from, to) == (i64::MIN, i64::MAX));
    if let Some(other) = whole
        && sealed(connection, series)? + sealed(connection, other)? > MANY
    {
        if let Some(found) = near::view(connection, series, other, over, points)? {
            return Ok(found);
        }
        if let Some(found) = sample::view(connection, series, other, over, points)? {
            return Ok(found);
        }
    }
    each(connection, series, other, (from, to), over, points)
}

/// How many points of a series are sealed.
fn sealed(connection: &Connection, series: i64) -> Result<u64> {
    let count = "SELECT count FROM metric WHERE number = ?1";
    Ok(connection.prepare_cached(count)?.query_row([series], |row| row.get::<_, i64>(0))? as u64 / RAW_CHUNK
        * RAW_CHUNK)
}

/// Of every point.
fn each(
    connection: &Connection,
    series: i64,
    other: Option<i64>,
    (from, to): (i64, i64),
    over: &OverMetric,
    points: u64,
) -> Result<Series> {
    let seen = seen(over);
    let is_seen = |pair: &Pair| seen.contains(&pair.over);
    let stretched = |span| Stretches::of(span, over.log, (points / 2).max(1) as usize);
    // Where only some steps are asked for, their extremes are not those of the series.
    let whole = other.filter(|_| (from, to) == (i64::MIN, i64::MAX));
    let extremes = whole.map(|other| extremes(connection, other)).transpose()?.flatten();
    let expected = extremes.map(|(least, most)| (least.max(*seen.start()), most.min(*seen.end())));
    let expected = expected.filter(|(least, most)| least <= most && (!over.log || *least > 0.0)).map(&stretched);
    let (mut all, mut count, mut span) = (Vec::new(), 0_u64, (f64::INFINITY, f64::NEG_INFINITY));
    let mut kept = Vec::new();
    let left_out = each_pair(connection, series, other, (from, to), over.log, |pair| {
        if !is_seen(&pair) {
            return;
        }
        count += 1;
        span = (span.0.min(pair.over), span.1.max(pair.over));
        if count <= points {
            all.push(pair);
        }
        if let Some(expected) = &expected {
            if count > points && kept.is_empty() {
                kept = vec![Kept::default(); expected.count];
                all.iter().for_each(|pair: &Pair| kept[expected.holding(pair.over)].take(*pair));
            }
            if let Some(kept) = kept.get_mut(expected.holding(pair.over)) {
                kept.take(pair);
            }
        }
    })?;
    if count > points {
        // Where the other's extremes have no partner, what has one may lie in a few of the stretches.
        if !expected.is_some_and(|expected| expected.fits(span)) {
            let stretches = stretched(span);
            kept = vec![Kept::default(); stretches.count];
            each_pair(connection, series, other, (from, to), over.log, |pair| {
                if is_seen(&pair) {
                    kept[stretches.holding(pair.over)].take(pair);
                }
            })?;
        }
        all = kept.into_iter().flat_map(Kept::pairs).collect();
    }
    Ok(in_order(all, count <= points, left_out))
}

/// The same of pairs that are there: all of them where they are few.
fn all_pairs(mut all: Vec<Pair>, left_out: u64, log: bool, points: u64) -> Series {
    let raw = all.len() as u64 <= points;
    if !raw {
        let beginning = (f64::INFINITY, f64::NEG_INFINITY);
        let span = all.iter().fold(beginning, |span, pair| (span.0.min(pair.over), span.1.max(pair.over)));
        let stretches = Stretches::of(span, log, (points / 2).max(1) as usize);
        let mut kept = vec![Kept::default(); stretches.count];
        all.iter().for_each(|pair| kept[stretches.holding(pair.over)].take(*pair));
        all = kept.into_iter().flat_map(Kept::pairs).collect();
    }
    in_order(all, raw, left_out)
}

fn in_order(mut all: Vec<Pair>, raw: bool, left_out: u64) -> Series {
    all.sort_by(|left, right| left.over.total_cmp(&right.over).then_with(|| by_step(&left.point, &right.point)));
    let mut joined = Series { raw, left_out, ..Series::default() };
    for Pair { over, point } in all {
        joined.step.push(point.step as f64);
        joined.time_ms.push(point.time_ms as f64);
        joined.last.push(point.value);
        joined.over.push(over);
    }
    joined
}

/// A point and what the other series has at its step.
#[derive(Debug, Clone, Copy)]
struct Pair {
    over: f64,
    point: Point,
}

/// The least and the greatest finite value of a series; `None` where nobody knows.
pub fn extremes(connection: &Connection, series: i64) -> Result<Option<(f64, f64)>> {
    let found = connection
        .prepare_cached("SELECT min, max FROM metric WHERE number = ?1")?
        .query_row([series], |row| Ok((row.get::<_, Option<f64>>(0)?, row.get::<_, Option<f64>>(1)?)))?;
    Ok(match found {
        (Some(least), Some(most)) if least.is_finite() && most.is_finite() => Some((least, most)),
        _ => None,
    })
}

/// Tells every pair by step, and returns how many points have no partner that the axis can show.
fn each_pair(
    connection: &Connection,
    series: i64,
    other: Option<i64>,
    (from, to): (i64, i64),
    log: bool,
    mut tell: impl FnMut(Pair),
) -> Result<u64> {
    let mut points = ByStep::of(connection, series, from, to)?;
    let mut others = other.map(|other| ByStep::of(connection, other, from, to)).transpose()?;
    let (mut partner, mut ahead, mut left_out) = (None::<Point>, None::<Point>, 0);
    while let Some(point) = points.next()? {
        if let Some(others) = &mut others {
            loop {
                if ahead.is_none() {
                    ahead = others.next()?;
                }
                let Some(next) = ahead.take_if(|next| next.step <= point.step) else { break };
                // Of one step the latest, whichever comes first.
                let is_earlier = |held: &Point| held.step == next.step && by_step(held, &next).is_gt();
                if !partner.as_ref().is_some_and(is_earlier) {
                    partner = Some(next);
                }
            }
        }
        let over = partner.filter(|partner| partner.step == point.step).map(|partner| partner.value);
        match over.filter(|over| over.is_finite() && (!log || *over > 0.0)) {
            Some(over) => tell(Pair { over, point }),
            None => left_out += 1,
        }
    }
    Ok(left_out)
}

/// The least step with which a chunk begins that reaches a step. Of a series that came in the order of its steps it is that
/// of the chunk around it, so that those before are not even looked through.
fn begin(connection: &Connection, series: i64, from: i64) -> Result<i64> {
    let mut before = connection.prepare_cached(
        "SELECT max(first) FROM points INDEXED BY points_steps WHERE series = ?1 AND level = 0 AND first < ?2
         AND (SELECT in_order FROM metric WHERE number = ?1)",
    )?;
    Ok(before.query_row(params![series, from], |row| row.get::<_, Option<i64>>(0))?.unwrap_or(i64::MIN))
}

/// A series' points by step, whatever the order of their coming; those of one step in any order.
///
/// Of the sealed chunks those are held at once whose steps overlap: of a series that came in its order, one, and one of
/// a series that has a single step.
struct ByStep<'c> {
    connection: &'c Connection,
    series: i64,
    from: i64,
    to: i64,
    /// The least step of each chunk that is still to be read, ascending, and the chunk.
    chunks: VecDeque<(i64, u64)>,
    tail: VecDeque<Point>,
    /// In their order; what is before `at` was told.
    held: Vec<Point>,
    at: usize,
}

impl<'c> ByStep<'c> {
    fn of(connection: &'c Connection, series: i64, from: i64, to: i64) -> Result<Self> {
        let mut chunks = connection.prepare_cached(
            "SELECT first, chunk FROM points INDEXED BY points_steps
             WHERE series = ?1 AND level = 0 AND final >= ?2 AND first BETWEEN ?4 AND ?3 ORDER BY first, chunk",
        )?;
        let begin = begin(connection, series, from)?;
        let chunks = chunks
            .query_map(params![series, from, to, begin], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut tail: Vec<Point> = tail::of(connection, series)?;
        tail.retain(|point| (from..=to).contains(&point.step));
        tail.sort_by(by_step);
        Ok(Self { connection, series, from, to, chunks, tail: tail.into(), held: Vec::new(), at: 0 })
    }

    fn next(&mut self) -> Result<Option<Point>> {
        loop {
            let held = self.held.get(self.at).copied();
            // A chunk that begins earlier may hold what comes before.
            let is_before = |begin: i64| held.is_none_or(|held| begin < held.step);
            if self.chunks.front().is_some_and(|(begin, _)| is_before(*begin)) {
                self.read()?;
                continue;
            }
            let tail = self.tail.front().copied();
            return Ok(match (held, tail) {
                (Some(held), Some(tail)) if by_step(&tail, &held).is_lt() => self.tail.pop_front(),
                (Some(held), _) => {
                    self.at += 1;
                    Some(held)
                }
                (None, _) => self.tail.pop_front(),
            });
        }
    }

    /// Reads the next chunk to those that are held.
    fn read(&mut self) -> Result<()> {
        self.held.drain(..self.at);
        self.at = 0;
        if let Some((_, chunk)) = self.chunks.pop_front() {
            let points = decode_sealed(&load(self.connection, self.series, 0, chunk)?)?;
            self.held.extend(points.into_iter().filter(|point| (self.from..=self.to).contains(&point.step)));
        }
        if !self.held.is_sorted_by(|left, right| by_step(left, right).is_le()) {
            self.held.sort_by(by_step);
        }
        Ok(())
    }
}

fn by_step(left: &Point, right: &Point) -> std::cmp::Ordering {
    (left.step, left.time_ms).cmp(&(right.step, right.time_ms)).then_with(|| left.value.total_cmp(&right.value))
}

/// What is looked at of the other metric's values.
fn seen(over: &OverMetric) -> RangeInclusive<f64> {
    over.from.unwrap_or(f64::NEG_INFINITY)..=over.to.unwrap_or(f64::INFINITY)
}

/// Where a value lies on the horizontal axis: halves, so that the widest span there is has a width, too.
fn place(value: f64, log: bool) -> f64 {
    if log { value.ln() } else { value * 0.5 }
}

/// Even parts of a horizontal axis.
struct Stretches {
    low: f64,
    high: f64,
    log: bool,
    count: usize,
}

impl Stretches {
    fn of((low, high): (f64, f64), log: bool, count: usize) -> Self {
        Self { low: place(low, log), high: place(high, log), log, count }
    }

    /// Whether what lies between two values lies in at least half of them.
    fn fits(&self, (low, high): (f64, f64)) -> bool {
        (self.holding(high) - self.holding(low) + 1) * 2 >= self.count || self.low == self.high
    }

    fn holding(&self, value: f64) -> usize {
        let share = (place(value, self.log) - self.low) / (self.high - self.low);
        // All at one place are one stretch: 0 / 0.
        if share.is_nan() { 0 } else { ((share * self.count as f64) as usize).min(self.count - 1) }
    }
}

/// What is kept of a stretch.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    least: Option<Pair>,
    most: Option<Pair>,
    nan: Option<Pair>,
    plus: Option<Pair>,
    minus: Option<Pair>,
}

impl Kept {
    fn take(&mut self, pair: Pair) {
        let value = pair.point.value;
        if value.is_finite() {
            if self.least.is_none_or(|least| value < least.point.value) {
                self.least = Some(pair);
            }
            if self.most.is_none_or(|most| value > most.point.value) {
                self.most = Some(pair);
            }
        } else if value.is_nan() {
            self.nan.get_or_insert(pair);
        } else if value > 0.0 {
            self.plus.get_or_insert(pair);
        } else {
            self.minus.get_or_insert(pair);
        }
    }

    fn pairs(self) -> impl Iterator<Item = Pair> {
        let is_one = self.least.zip(self.most).is_some_and(|(least, most)| least.point == most.point);
        let most = self.most.filter(|_| !is_one);
        [self.least, most, self.nan, self.plus, self.minus].into_iter().flatten()
    }
}
