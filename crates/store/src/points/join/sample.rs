//! A long series over another that it can't be laid beside, from pairs of some of its chunks.

use std::ops::RangeInclusive;

use api::series::{OverMetric, Series};
use rusqlite::{Connection, params};

use super::{Pair, all_pairs, each_pair, seen};
use crate::error::Result;

/// Chunks that are read of the series, about; of the other those that lie beside.
const CHUNKS: usize = 96;
/// Chunks of one series whose steps a chunk of the other may meet, at most.
const BESIDE: usize = 8;

/// Pairs of chunks that lie evenly in the series, its ends among them. `None` where its chunks lie across each other, or
/// where so few are no less than all.
pub(super) fn view(
    connection: &Connection,
    series: i64,
    other: i64,
    over: &OverMetric,
    points: u64,
) -> Result<Option<Series>> {
    let (ours, others) = (Chunks::of(connection, series)?, Chunks::of(connection, other)?);
    let all = ours.steps.len();
    if all <= CHUNKS {
        return Ok(None);
    }
    let seen = seen(over);
    let (mut pairs, mut left_out, mut looked_at) = (Vec::new(), 0, 0);
    let mut reach = None::<i64>;
    for at in 0..CHUNKS {
        let steps = ours.steps[at * (all - 1) / (CHUNKS - 1)].clone();
        // What was logged again lies across what was logged before.
        let begin = reach.map_or(*steps.start(), |reach| reach.saturating_add(1).max(*steps.start()));
        let steps = begin..=*steps.end();
        if steps.is_empty() || ours.beside(&steps) > BESIDE || others.beside(&steps) > BESIDE {
            continue;
        }
        reach = Some(*steps.end());
        left_out += each_pair(connection, series, Some(other), steps.into_inner(), over.log, |pair: Pair| {
            looked_at += 1;
            if seen.contains(&pair.over) {
                pairs.push(pair);
            }
        })?;
    }
    looked_at += left_out;
    if looked_at == 0 {
        return Ok(None);
    }
    let one_in = ours.points.div_ceil(looked_at).max(2);
    // About so many of all.
    let left_out = left_out.saturating_mul(one_in);
    Ok(Some(Series { raw: false, one_in, ..all_pairs(pairs, left_out, over.log, points) }))
}

/// The sealed chunks of a series.
struct Chunks {
    /// Of each, in the order of their first.
    steps: Vec<RangeInclusive<i64>>,
    /// The greatest step up to each.
    reach: Vec<i64>,
    points: u64,
}

impl Chunks {
    fn of(connection: &Connection, series: i64) -> Result<Self> {
        let mut statement = connection.prepare_cached(
            "SELECT first, final, count FROM points INDEXED BY points_steps
             WHERE series = ?1 AND level = 0 ORDER BY first",
        )?;
        let mut rows = statement.query(params![series])?;
        let mut all = Self { steps: Vec::new(), reach: Vec::new(), points: 0 };
        while let Some(row) = rows.next()? {
            let (first, last): (i64, i64) = (row.get(0)?, row.get(1)?);
            all.reach.push(all.reach.last().map_or(last, |reach| last.max(*reach)));
            all.steps.push(first..=last);
            all.points += row.get::<_, i64>(2)? as u64;
        }
        Ok(all)
    }

    /// How many meet some steps.
    fn beside(&self, steps: &RangeInclusive<i64>) -> usize {
        let begin = self.reach.partition_point(|reach| reach < steps.start());
        let end = self.steps.partition_point(|chunk| chunk.start() <= steps.end());
        self.steps[begin.min(end)..end].iter().filter(|chunk| chunk.end() >= steps.start()).count()
    }
}
