//! Every point of a series, for clients that ask for it.

use api::{RunId, series::Point};

use crate::Engine;

/// The points of a series in the order of their times, steps and values; none where there is no such series.
pub async fn all(engine: &Engine, run: RunId, key: String) -> anyhow::Result<Vec<Point>> {
    let points = engine
        .store()
        .read(move |c| match store::metric::find(c, run, &key)? {
            Some((number, count)) => store::points::raw_points(c, number, 0, count),
            None => Ok(Vec::new()),
        })
        .await?;
    Ok(sorted(points))
}

fn sorted(mut points: Vec<Point>) -> Vec<Point> {
    let key = |point: &Point| (point.time_ms, point.step);
    // Nearly always sorted as they came.
    if !points.is_sorted_by(|left, right| key(left) < key(right)) {
        points.sort_by(|left, right| key(left).cmp(&key(right)).then(left.value.total_cmp(&right.value)));
    }
    points
}
