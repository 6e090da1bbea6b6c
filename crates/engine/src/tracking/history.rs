//! The points of a series, for clients that ask for them.

use api::{RunId, series::Point};

use crate::Engine;

/// Some of a series' points, and whether there are more behind them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    pub points: Vec<Point>,
    pub has_more: bool,
}

/// The points of a series in the order of their times, steps and values; none where there is no such series.
pub async fn all(engine: &Engine, run: RunId, key: String) -> anyhow::Result<Vec<Point>> {
    Ok(page(engine, run, key, 0, u64::MAX).await?.points)
}

/// The same, `limit` of them after the first `skip`. Of a series whose points came in that order, as nearly all do,
/// nothing else is read.
pub async fn page(engine: &Engine, run: RunId, key: String, skip: u64, limit: u64) -> anyhow::Result<Page> {
    Ok(engine.store().read(move |c| read(c, run, &key, skip, limit)).await?)
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
