//! A long series over another that was logged at the same steps, from a bounded number of buckets.
//!
//! Where the buckets of both end at one step, and hold as many points, the extremes of the one belong to the stretch of the
//! axis that the other's span. As long as that stretch is narrow on the screen nothing more need be read of it: a
//! count of tokens, a share of an epoch or a learning rate moves little within a bucket. Where it is wide, or holds what
//! the axis can't show, finer buckets are read, and at last the points.

use std::{collections::BinaryHeap, ops::RangeInclusive};

use api::series::{NonFinite, OverMetric, Series};
use rusqlite::{Connection, params};

use super::{
    super::{Bucket, FACTOR, FINER, NEAR, RAW_CHUNK, decode_buckets, load, merged},
    Pair, Stretches, all_pairs, each_pair, place, seen,
};
use crate::error::Result;

/// What is read for one viewport, at most, in chunks of both series.
const BUDGET: u64 = 320;
/// Parts that are read apart, at most: each is some reads of its own.
const PARTS: usize = 64;
/// Points of what is looked at that are read each as it is, at most.
const FEW: u64 = NEAR / 2;

/// What of both series lies between two steps.
#[derive(Debug, Clone)]
struct Part {
    steps: RangeInclusive<i64>,
    level: u32,
    value: Bucket,
    over: Bucket,
}

/// What the axis shows of a part.
#[derive(PartialEq, Eq)]
enum Shown {
    All,
    Nothing,
    /// Some of it, or nobody knows: the buckets differ in their count.
    Some,
}

impl Part {
    fn shown(&self, log: bool) -> Shown {
        let Bucket { numbers, min, max, non_finite, .. } = self.over;
        if count(&self.value) != count(&self.over) {
            Shown::Some
        } else if numbers == 0 || log && max <= 0.0 {
            Shown::Nothing
        } else if !non_finite.is_none() || log && min <= 0.0 {
            Shown::Some
        } else {
            Shown::All
        }
    }
}

fn count(bucket: &Bucket) -> u64 {
    let NonFinite { nan, plus, minus } = bucket.non_finite;
    bucket.numbers + nan + plus + minus
}

/// The viewport, or `None` where the two can't be laid side by side, or where the other goes to and fro so fast that its
/// buckets say nothing.
pub(super) fn view(
    connection: &Connection,
    series: i64,
    other: i64,
    over: &OverMetric,
    points: u64,
) -> Result<Option<Series>> {
    let axis = Axis { seen: seen(over), log: over.log };
    let most = points.saturating_mul(FINER);
    let mut sides = Sides { connection, series, other, left: BUDGET, pairs: Vec::new(), left_out: 0, axis };
    let Some(mut level) = sides.level_of(most)? else { return Ok(None) };
    let Some(mut parts) = sides.parts(level, i64::MIN..=i64::MAX)? else { return Ok(None) };
    let rest = parts.last().map_or(i64::MIN, |last| last.steps.end().saturating_add(1));
    if sides.points_after(rest)? > FEW {
        return Ok(None);
    }
    sides.read(rest..=i64::MAX)?;
    loop {
        let Some(seen) = sides.seen(parts)? else { return Ok(None) };
        parts = seen;
        let near = ranges(&parts);
        let held: u64 = parts.iter().map(|part| count(&part.value)).sum();
        if near.len() > PARTS {
            break;
        }
        if held <= FEW {
            // So near that each point is read: what is drawn of them is what is drawn of few.
            for steps in near {
                sides.read(steps)?;
            }
            return Ok(Some(all_pairs(sides.pairs, sides.left_out, over.log, points)));
        }
        if level == 1 || held / FACTOR.pow(level - 1) > most {
            break;
        }
        level -= 1;
        // Some are that fine already: those in which the axis can't show something.
        let (coarse, mut fine): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| part.level > level);
        for steps in ranges(&coarse) {
            let Some(finer) = sides.finer(level, steps)? else { return Ok(None) };
            fine.extend(finer);
        }
        fine.sort_by_key(|part| *part.steps.start());
        parts = fine;
    }
    let Some(parts) = sides.narrowed(parts, points)? else { return Ok(None) };
    if parts.is_empty() {
        return Ok(Some(all_pairs(sides.pairs, sides.left_out, over.log, points)));
    }
    Ok(Some(sides.drawn(parts, points)))
}

/// Neighbours as one.
fn ranges(parts: &[Part]) -> Vec<RangeInclusive<i64>> {
    let mut all: Vec<RangeInclusive<i64>> = Vec::new();
    for part in parts {
        match all.last_mut() {
            Some(last) if last.end().checked_add(1) == Some(*part.steps.start()) => {
                *last = *last.start()..=*part.steps.end();
            }
            _ => all.push(part.steps.clone()),
        }
    }
    all
}

/// The horizontal axis: what of it is looked at.
struct Axis {
    seen: RangeInclusive<f64>,
    log: bool,
}

impl Axis {
    fn meets(&self, bucket: &Bucket) -> bool {
        bucket.max >= *self.seen.start() && bucket.min <= *self.seen.end()
    }

    /// From where to where what is looked at of a bucket lies.
    fn within(&self, bucket: &Bucket) -> (f64, f64) {
        (bucket.min.max(*self.seen.start()), bucket.max.min(*self.seen.end()))
    }

    fn width(&self, (low, high): (f64, f64)) -> f64 {
        place(high, self.log) - place(low, self.log)
    }
}

/// Both series, and what was read of them.
struct Sides<'c> {
    connection: &'c Connection,
    series: i64,
    other: i64,
    axis: Axis,
    /// Of the budget.
    left: u64,
    pairs: Vec<Pair>,
    left_out: u64,
}

impl Sides<'_> {
    /// The finest level that both have and of which not too much is read at once.
    fn level_of(&self, most: u64) -> Result<Option<u32>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT level, sum(count) FROM points INDEXED BY points_steps
             WHERE series = ?1 AND level > 0 GROUP BY level ORDER BY level",
        )?;
        let mut levels = |series: i64| {
            let rows =
                statement.query_map([series], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)? as u64)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let (ours, others) = (levels(self.series)?, levels(self.other)?);
        let fits = |levels: &[(u32, u64)], level| levels.iter().any(|(of, count)| *of == level && *count <= most);
        Ok(ours.iter().map(|(level, _)| *level).find(|level| fits(&ours, *level) && fits(&others, *level)))
    }

    /// What of a level lies within some steps, wherever both end at one; `None` where one of them did not come in the
    /// order of its steps.
    fn parts(&mut self, level: u32, steps: RangeInclusive<i64>) -> Result<Option<Vec<Part>>> {
        let values = self.buckets(self.series, level, &steps)?;
        let others = self.buckets(self.other, level, &steps)?;
        let ascends = |buckets: &[Bucket]| buckets.is_sorted_by(|left, right| left.step < right.step);
        Ok((ascends(&values) && ascends(&others)).then(|| met(*steps.start(), level, &values, &others)))
    }

    fn buckets(&mut self, series: i64, level: u32, steps: &RangeInclusive<i64>) -> Result<Vec<Bucket>> {
        let mut chunks = self.connection.prepare_cached(
            "SELECT chunk FROM points INDEXED BY points_steps
             WHERE series = ?1 AND level = ?2 AND final >= ?3 AND first <= ?4",
        )?;
        let named = chunks.query_map(params![series, level, steps.start(), steps.end()], |row| row.get::<_, i64>(0))?;
        let mut named = named.collect::<rusqlite::Result<Vec<i64>>>()?;
        named.sort_unstable();
        let mut all = Vec::new();
        for chunk in named {
            self.left = self.left.saturating_sub(1);
            let buckets = decode_buckets(&load(self.connection, series, level, chunk as u64)?)?;
            all.extend(buckets.into_iter().filter(|bucket| steps.contains(&bucket.step)));
        }
        Ok(all)
    }

    /// How many points of the longer of both come from a step on, about.
    fn points_after(&self, step: i64) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(
            "SELECT ifnull(sum(count), 0) FROM points INDEXED BY points_steps
             WHERE series = ?1 AND level = 0 AND first >= ?2",
        )?;
        let mut longest = 0;
        for series in [self.series, self.other] {
            longest = longest.max(statement.query_row(params![series, step], |row| row.get::<_, i64>(0))? as u64);
        }
        Ok(longest)
    }

    /// Reads each point between two steps.
    fn read(&mut self, steps: RangeInclusive<i64>) -> Result<()> {
        let Self { connection, series, other, axis, pairs, .. } = self;
        let mut read = 0_u64;
        self.left_out += each_pair(connection, *series, Some(*other), steps.into_inner(), axis.log, |pair| {
            read += 1;
            if axis.seen.contains(&pair.over) {
                pairs.push(pair);
            }
        })?;
        self.left = self.left.saturating_sub(2 * (read / RAW_CHUNK + 1));
        Ok(())
    }

    /// Finer parts of one, or none where its points were read.
    fn split(&mut self, part: &Part) -> Result<Option<Vec<Part>>> {
        // Of a few chunks of points more is known than of a chunk of buckets, and it is as quickly read.
        let longest = count(&part.value).max(count(&part.over));
        if part.level <= 2 && longest <= FEW {
            self.read(part.steps.clone())?;
            return Ok(Some(Vec::new()));
        }
        if part.level <= 1 {
            return Ok(None);
        }
        self.finer(part.level - 1, part.steps.clone())
    }

    /// The same steps at a finer level; `None` where both don't end at the last of them there.
    fn finer(&mut self, level: u32, steps: RangeInclusive<i64>) -> Result<Option<Vec<Part>>> {
        let end = *steps.end();
        let finer = self.parts(level, steps)?;
        Ok(finer.filter(|parts| parts.last().is_some_and(|last| *last.steps.end() == end)))
    }

    /// The parts that the axis shows wholly and that are looked at; of the others their points are counted, or read.
    fn seen(&mut self, parts: Vec<Part>) -> Result<Option<Vec<Part>>> {
        let (mut open, mut seen) = (parts, Vec::new());
        open.reverse();
        while let Some(part) = open.pop() {
            match part.shown(self.axis.log) {
                Shown::All if self.axis.meets(&part.over) => seen.push(part),
                Shown::All => {}
                Shown::Nothing => self.left_out += count(&part.value),
                Shown::Some => {
                    let Some(finer) = self.split(&part)? else { return Ok(None) };
                    if self.left == 0 {
                        return Ok(None);
                    }
                    open.extend(finer.into_iter().rev());
                }
            }
        }
        Ok(Some(seen))
    }

    /// Splits the widest until none is wider on the axis than a few pixels.
    fn narrowed(&mut self, parts: Vec<Part>, points: u64) -> Result<Option<Vec<Part>>> {
        let within = parts.iter().map(|part| self.axis.within(&part.over));
        let within = within.chain(self.pairs.iter().map(|pair| (pair.over, pair.over)));
        let span = within.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)));
        let widest = span.map_or(0.0, |span| self.axis.width(span)) / (points / 4).max(1) as f64;
        let is_wide = |sides: &Self, part: &Part| sides.axis.width(sides.axis.within(&part.over)) > widest;
        let (wide, mut narrow): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| is_wide(self, part));
        if wide.len() as u64 > self.left {
            return Ok(None);
        }
        let of_width = |sides: &Self, part: Part| Wide(sides.axis.width(sides.axis.within(&part.over)), part);
        let mut wide: BinaryHeap<Wide> = wide.into_iter().map(|part| of_width(self, part)).collect();
        while let Some(Wide(_, part)) = wide.pop() {
            if self.left == 0 {
                return Ok(None);
            }
            let Some(finer) = self.split(&part)? else { return Ok(None) };
            let Some(finer) = self.seen(finer)? else { return Ok(None) };
            for part in finer {
                if is_wide(self, &part) {
                    wide.push(of_width(self, part));
                } else {
                    narrow.push(part);
                }
            }
        }
        Ok(Some(narrow))
    }

    /// Parts and points in the order of the axis, neighbours put together until they are few enough.
    fn drawn(self, parts: Vec<Part>, points: u64) -> Series {
        let parts = parts.into_iter().map(|part| (part.over.last, part.value));
        let pairs = self.pairs.into_iter().map(|pair| (pair.over, Bucket::of(pair.point)));
        let mut all: Vec<(f64, Bucket)> = parts.chain(pairs).collect();
        all.sort_by(|left, right| left.0.total_cmp(&right.0).then_with(|| left.1.step.cmp(&right.1.step)));
        let ends = all.first().zip(all.last()).map(|(first, last)| (first.0, last.0));
        let stretches = Stretches::of(ends.unwrap_or_default(), self.axis.log, points.max(1) as usize);
        let mut series = Series { left_out: self.left_out, ..Series::default() };
        let mut buckets: Vec<Bucket> = Vec::new();
        for stretch in all.chunk_by(|left, right| stretches.holding(left.0) == stretches.holding(right.0)) {
            let group: Vec<Bucket> = stretch.iter().map(|(_, bucket)| *bucket).collect();
            buckets.extend(merged(&group, group.len()));
            series.over.extend(stretch.last().map(|(over, _)| *over));
        }
        let Series { step, time_ms, min, max, mean, last, non_finite, .. } = super::super::drawn(&buckets);
        Series { step, time_ms, min, max, mean, last, non_finite, ..series }
    }
}

/// Parts of two series from a step on, each up to where buckets of both end at one step. What comes after the last such
/// step is in none.
fn met(from: i64, level: u32, values: &[Bucket], others: &[Bucket]) -> Vec<Part> {
    let mut all = Vec::with_capacity(values.len());
    let (mut values, mut others) = (values.iter(), others.iter());
    let (mut value, mut over): (Option<Bucket>, Option<Bucket>) = (None, None);
    let mut begin = from;
    let grow = |held: &mut Option<Bucket>, next: &Bucket| match held {
        Some(held) => held.add(*next),
        None => *held = Some(*next),
    };
    loop {
        let order = match (&value, &over) {
            (Some(value), Some(over)) => value.step.cmp(&over.step),
            (None, _) => std::cmp::Ordering::Less,
            (_, None) => std::cmp::Ordering::Greater,
        };
        let (side, more) = match order {
            std::cmp::Ordering::Less => (&mut value, values.next()),
            std::cmp::Ordering::Greater => (&mut over, others.next()),
            std::cmp::Ordering::Equal => {
                if let (Some(value), Some(over)) = (value.take(), over.take()) {
                    let end = value.step;
                    all.push(Part { steps: begin..=end, level, value, over });
                    begin = end.saturating_add(1);
                }
                continue;
            }
        };
        let Some(more) = more else { return all };
        grow(side, more);
    }
}

/// A part by how wide it is.
struct Wide(f64, Part);

impl PartialEq for Wide {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Wide {}

impl PartialOrd for Wide {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Wide {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
