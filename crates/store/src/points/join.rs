//! A series over the values that another one has at the same steps, for a curve along a metric.
//!
//! Buckets of two series end at different steps, so that joining what is drawn of them would pair values that were
//! never measured together. Here raw points meet: both series go by in the order of their steps, a chunk at a time,
//! and what comes out are pairs that are there.

use std::collections::VecDeque;

use api::series::{OverMetric, Point, Series};
use rusqlite::{Connection, params};

use super::{decode_sealed, load};
use crate::{error::Result, tail};

/// A series' points from `from` to `to` over the other's values at their steps: all of them where they are at most
/// `points`. Else of each of `points` / 2 even stretches of the horizontal axis those of the least and the greatest
/// value, and one of each kind of value that is not finite.
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
    let (low, high) = (over.from.unwrap_or(f64::NEG_INFINITY), over.to.unwrap_or(f64::INFINITY));
    let is_seen = |pair: &Pair| (low..=high).contains(&pair.over);
    let (mut all, mut count, mut span) = (Vec::new(), 0_u64, (f64::INFINITY, f64::NEG_INFINITY));
    let left_out = each_pair(connection, series, other, (from, to), over.log, |pair| {
        if !is_seen(&pair) {
            return;
        }
        count += 1;
        span = (span.0.min(pair.over), span.1.max(pair.over));
        if count <= points {
            all.push(pair);
        }
    })?;
    if count > points {
        let stretches = Stretches::of(span, over.log, (points / 2).max(1) as usize);
        let mut kept = vec![Kept::default(); stretches.count];
        each_pair(connection, series, other, (from, to), over.log, |pair| {
            if is_seen(&pair) {
                kept[stretches.holding(pair.over)].take(pair);
            }
        })?;
        all = kept.into_iter().flat_map(Kept::pairs).collect();
    }
    all.sort_by(|left, right| left.over.total_cmp(&right.over));
    let mut joined = Series { raw: count <= points, left_out, ..Series::default() };
    for Pair { over, point } in all {
        joined.step.push(point.step as f64);
        joined.time_ms.push(point.time_ms as f64);
        joined.last.push(point.value);
        joined.over.push(over);
    }
    Ok(joined)
}

/// A point and what the other series has at its step.
#[derive(Debug, Clone, Copy)]
struct Pair {
    over: f64,
    point: Point,
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
                partner = Some(next);
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

/// A series' points by step, then time, then value, whatever the order of their coming.
///
/// Of the sealed chunks those are held at once whose steps overlap: of a series that came in its order, one.
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
             WHERE series = ?1 AND level = 0 AND final >= ?2 AND first <= ?3 ORDER BY first, chunk",
        )?;
        let chunks = chunks
            .query_map(params![series, from, to], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut tail: Vec<Point> = tail::of(connection, series)?;
        tail.retain(|point| (from..=to).contains(&point.step));
        tail.sort_by(by_step);
        Ok(Self { connection, series, from, to, chunks, tail: tail.into(), held: Vec::new(), at: 0 })
    }

    fn next(&mut self) -> Result<Option<Point>> {
        loop {
            let held = self.held.get(self.at).copied();
            // A chunk that begins no later may hold what comes before.
            let first = held.map_or(i64::MAX, |held| held.step);
            if self.chunks.front().is_some_and(|(begin, _)| *begin <= first) {
                self.read(first)?;
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

    /// Reads the next chunk, and all others that begin at or before `first`.
    fn read(&mut self, first: i64) -> Result<()> {
        self.held.drain(..self.at);
        self.at = 0;
        let mut first = first;
        while let Some((begin, chunk)) = self.chunks.pop_front_if(|(begin, _)| *begin <= first) {
            let points = decode_sealed(&load(self.connection, self.series, 0, chunk)?)?;
            self.held.extend(points.into_iter().filter(|point| (self.from..=self.to).contains(&point.step)));
            first = first.min(begin.max(self.from));
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

/// Even parts of a horizontal axis.
struct Stretches {
    low: f64,
    high: f64,
    log: bool,
    count: usize,
}

impl Stretches {
    fn of((low, high): (f64, f64), log: bool, count: usize) -> Self {
        // Halves, so that the widest span there is has a width, too.
        let place = |value: f64| if log { value.ln() } else { value * 0.5 };
        Self { low: place(low), high: place(high), log, count }
    }

    fn holding(&self, value: f64) -> usize {
        let place = if self.log { value.ln() } else { value * 0.5 };
        let share = (place - self.low) / (self.high - self.low);
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
