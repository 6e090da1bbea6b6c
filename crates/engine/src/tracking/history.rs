//! The points of a series, for clients that ask for them.

use std::{collections::HashSet, ops::RangeInclusive};

use api::{RunId, series::Point};

use crate::Engine;

/// Some of a series' points, and whether there are more behind them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    pub points: Vec<Point>,
    pub has_more: bool,
}

/// The points of a series in the order of their times, steps and values, `limit` of them after the first `skip`; none
/// where there is no such series. Of a series whose points came in that order, as nearly all do, nothing else is read.
pub async fn page(engine: &Engine, run: RunId, key: String, skip: u64, limit: u64) -> anyhow::Result<Page> {
    Ok(engine.store().read(move |c| read(c, run, &key, skip, limit)).await?)
}

/// Points of a series looked through at once: of a long one never all are in memory.
const AT_ONCE: u64 = 65_536;

/// The points of at most about `most` of a series' steps in a range, evenly over them, the first and last step among
/// them; in the order of their steps and times.
pub async fn sampled(
    engine: &Engine,
    run: RunId,
    key: String,
    range: RangeInclusive<i64>,
    most: usize,
) -> anyhow::Result<Vec<Point>> {
    Ok(engine
        .store()
        .read(move |c| {
            let Some((number, count)) = store::metric::find(c, run, &key)? else { return Ok(Vec::new()) };
            let mut steps = Vec::new();
            each(c, number, count, |point| steps.extend(Some(point.step).filter(|step| range.contains(step))))?;
            steps.sort_unstable();
            steps.dedup();
            let kept: HashSet<i64> = evenly(&steps, most).collect();
            drop(steps);
            let mut points = Vec::new();
            each(c, number, count, |point| points.extend(Some(point).filter(|point| kept.contains(&point.step))))?;
            points.sort_by(|left: &Point, right| {
                (left.step, left.time_ms).cmp(&(right.step, right.time_ms)).then(left.value.total_cmp(&right.value))
            });
            Ok(points)
        })
        .await?)
}

/// Every point of a series, in the order in which they came.
fn each(c: &store::Connection, series: i64, count: u64, mut see: impl FnMut(Point)) -> store::Result<()> {
    for skip in (0..count).step_by(AT_ONCE as usize) {
        store::points::raw_points(c, series, skip, AT_ONCE.min(count - skip))?.into_iter().for_each(&mut see);
    }
    Ok(())
}

/// About `most` of these, the first and the last among them.
fn evenly(steps: &[i64], most: usize) -> impl Iterator<Item = i64> + '_ {
    let taken = steps.len().min(most);
    let every = steps.len() as f64 / taken.max(1) as f64;
    let at = move |at: usize| steps[((at as f64 * every) as usize).min(steps.len() - 1)];
    (0..taken).map(at).chain(steps.last().copied())
}

fn read(c: &store::Connection, run: RunId, key: &str, skip: u64, limit: u64) -> store::Result<Page> {
    let Some((number, count)) = store::metric::find(c, run, key)? else { return Ok(Page::default()) };
    let has_more = skip.saturating_add(limit) < count;
    if skip >= count {
        return Ok(Page::default());
    }
    if store::metric::is_in_order(c, number)? {
        return Ok(Page { points: store::points::raw_points(c, number, skip, limit.min(count - skip))?, has_more });
    }
    let all = sorted(store::points::raw_points(c, number, 0, count)?);
    let points = if skip == 0 && !has_more {
        all
    } else {
        all.into_iter().skip(skip as usize).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
    };
    Ok(Page { points, has_more })
}

fn sorted(mut points: Vec<Point>) -> Vec<Point> {
    let key = |point: &Point| (point.time_ms, point.step);
    if !points.is_sorted_by(|left, right| key(left) < key(right)) {
        points.sort_by(|left, right| key(left).cmp(&key(right)).then(left.value.total_cmp(&right.value)));
    }
    points
}
