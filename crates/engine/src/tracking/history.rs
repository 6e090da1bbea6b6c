//! The points of a series, for clients that ask for them.

use std::{cmp::Ordering, ops::RangeInclusive};

use api::{ApiError, RunId, series::Point};

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
    let read = move |c: &store::Connection| {
        let mut telling = open(c, run, &key, skip, limit)?;
        let mut points = Vec::new();
        while !telling.is_over() {
            points.append(&mut telling.rest.piece(c)?);
        }
        Ok(Page { points, has_more: telling.has_more })
    };
    Ok(engine.store().read(read).await?)
}

/// The same page to be told in pieces: of a long one never all is in memory, but where its points came in another order.
pub async fn tell(engine: &Engine, run: RunId, key: String, skip: u64, limit: u64) -> anyhow::Result<Telling> {
    Ok(engine.store().read(move |c| open(c, run, &key, skip, limit)).await?)
}

/// What of a page was not told yet.
#[derive(Debug)]
pub struct Telling {
    rest: Rest,
    /// There are points behind the page.
    pub has_more: bool,
}

#[derive(Debug)]
enum Rest {
    /// Read as it is told.
    Series {
        number: i64,
        next: u64,
        end: u64,
    },
    Sorted(std::vec::IntoIter<Point>),
}

impl Telling {
    fn nothing() -> Self {
        Self { rest: Rest::Sorted(Vec::new().into_iter()), has_more: false }
    }

    pub fn is_over(&self) -> bool {
        match &self.rest {
            Rest::Series { next, end, .. } => next >= end,
            Rest::Sorted(points) => points.as_slice().is_empty(),
        }
    }

    /// The next points, and what is left behind them.
    pub async fn next(mut self, engine: &Engine) -> anyhow::Result<(Vec<Point>, Self)> {
        Ok(engine.store().read(move |c| Ok((self.rest.piece(c)?, self))).await?)
    }
}

impl Rest {
    fn piece(&mut self, c: &store::Connection) -> store::Result<Vec<Point>> {
        match self {
            Self::Series { next, end, .. } if *next >= *end => Ok(Vec::new()),
            Self::Series { number, next, end } => {
                let points = store::points::raw_points(c, *number, *next, AT_ONCE.min(*end - *next))?;
                // Half a series is no answer.
                if points.is_empty() {
                    return Err(ApiError::not_found("The run was deleted while its points were read.").into());
                }
                *next += points.len() as u64;
                Ok(points)
            }
            Self::Sorted(points) => Ok(points.by_ref().take(AT_ONCE as usize).collect()),
        }
    }
}

fn open(c: &store::Connection, run: RunId, key: &str, skip: u64, limit: u64) -> store::Result<Telling> {
    let Some((number, count)) = store::metric::find(c, run, key)? else { return Ok(Telling::nothing()) };
    if skip >= count {
        return Ok(Telling::nothing());
    }
    let end = skip.saturating_add(limit).min(count);
    let has_more = end < count;
    if store::metric::is_in_order(c, number)? {
        return Ok(Telling { rest: Rest::Series { number, next: skip, end }, has_more });
    }
    let mut points = sorted(store::points::raw_points(c, number, 0, count)?);
    points.truncate(end as usize);
    points.drain(..(skip as usize).min(points.len()));
    Ok(Telling { rest: Rest::Sorted(points.into_iter()), has_more })
}

fn sorted(mut points: Vec<Point>) -> Vec<Point> {
    let key = |point: &Point| (point.time_ms, point.step);
    if !points.is_sorted_by(|left, right| key(left) < key(right)) {
        points.sort_by(|left, right| key(left).cmp(&key(right)).then(left.value.total_cmp(&right.value)));
    }
    points
}

/// Points that are read at once: of a long series never all are in memory.
const AT_ONCE: u64 = 65_536;
/// Places of a series that are read together lie in one such stretch: as many points as are compressed together.
const STRETCH: u64 = 1_024;

/// At most `most` points of a series whose steps lie in a range, evenly over them by step, time and value, as MLflow
/// takes them: the first of each of so many equal parts, but of the last part the last point.
pub async fn sampled(
    engine: &Engine,
    run: RunId,
    key: String,
    range: RangeInclusive<i64>,
    most: u64,
) -> anyhow::Result<Vec<Point>> {
    Ok(engine.store().read(move |c| sample(c, run, &key, &range, most)).await?)
}

fn sample(
    c: &store::Connection,
    run: RunId,
    key: &str,
    range: &RangeInclusive<i64>,
    most: u64,
) -> store::Result<Vec<Point>> {
    let Some((number, count)) = store::metric::find(c, run, key)? else { return Ok(Vec::new()) };
    if store::metric::is_in_order(c, number)? {
        // Their steps ascend, too: nothing but what is taken is read.
        let first = before(c, number, count, &|step| step < *range.start())?;
        let end = before(c, number, count, &|step| step <= *range.end())?;
        let places: Vec<u64> =
            even_places(end.saturating_sub(first), most).into_iter().map(|place| first + place).collect();
        return at_places(c, number, &places);
    }
    let mut points = Vec::new();
    each(c, number, count, |point| points.extend(Some(point).filter(|point| range.contains(&point.step))))?;
    points.sort_by(by_step);
    Ok(even_places(points.len() as u64, most).into_iter().map(|place| points[place as usize]).collect())
}

/// MLflow's order: NaN stands as 0, behind it.
fn by_step(left: &Point, right: &Point) -> Ordering {
    let value = |point: &Point| if point.value.is_nan() { 0.0 } else { point.value };
    (left.step, left.time_ms)
        .cmp(&(right.step, right.time_ms))
        .then_with(|| value(left).partial_cmp(&value(right)).unwrap_or(Ordering::Equal))
        .then_with(|| left.value.is_nan().cmp(&right.value.is_nan()))
}

/// How many points of a series whose steps ascend stand before the first whose step does not pass.
fn before(c: &store::Connection, series: i64, count: u64, passes: &dyn Fn(i64) -> bool) -> store::Result<u64> {
    let (mut least, mut most) = (0, count);
    while least < most {
        let middle = u64::midpoint(least, most);
        let point = store::points::raw_points(c, series, middle, 1)?;
        if point.first().is_some_and(|point| passes(point.step)) {
            least = middle + 1;
        } else {
            most = middle;
        }
    }
    Ok(least)
}

/// The first place of each of `most` parts of so many, as SQL's `NTILE` divides them, but the last place of all instead
/// of the last part's; every place where there are no more.
fn even_places(count: u64, most: u64) -> Vec<u64> {
    let most = most.max(1);
    let (size, larger) = (count / most, count % most);
    let mut places: Vec<u64> = (0..most.min(count)).map(|part| part * size + part.min(larger)).collect();
    if let Some(last) = places.last_mut() {
        *last = count - 1;
    }
    places
}

/// The points that stand at ascending places of a series.
fn at_places(c: &store::Connection, series: i64, places: &[u64]) -> store::Result<Vec<Point>> {
    let mut points = Vec::with_capacity(places.len());
    for near in places.chunk_by(|left, right| left / STRETCH == right / STRETCH) {
        let (first, last) = (near[0], near[near.len() - 1]);
        let stretch = store::points::raw_points(c, series, first, last - first + 1)?;
        points.extend(near.iter().filter_map(|place| stretch.get((place - first) as usize)));
    }
    Ok(points)
}

/// Every point of a series, in the order in which they came.
fn each(c: &store::Connection, series: i64, count: u64, mut see: impl FnMut(Point)) -> store::Result<()> {
    for skip in (0..count).step_by(AT_ONCE as usize) {
        store::points::raw_points(c, series, skip, AT_ONCE.min(count - skip))?.into_iter().for_each(&mut see);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_ntile_and_the_last() {
        for (count, most, expected) in [
            (0, 3, vec![]),
            (1, 1, vec![0]),
            (9, 1, vec![8]),
            (3, 3, vec![0, 1, 2]),
            (2, 5, vec![0, 1]),
            // NTILE(3) makes parts of 4, 3 and 3.
            (10, 3, vec![0, 4, 9]),
            (60_000, 4, vec![0, 15_000, 30_000, 59_999]),
        ] {
            assert_eq!(even_places(count, most), expected, "{most} of {count}");
        }
    }

    #[test]
    fn points_of_one_step_stand_by_time_and_value() {
        let point = |step, time_ms, value| Point { step, time_ms, value };
        let mut points =
            [point(1, 0, 0.0), point(0, 1, f64::NAN), point(0, 1, 0.5), point(0, 1, 0.0), point(0, 0, 9.0)];
        points.sort_by(by_step);
        let told = points.map(|point| (point.step, point.time_ms, point.value.to_string()));
        let expected = [(0, 0, "9"), (0, 1, "0"), (0, 1, "NaN"), (0, 1, "0.5"), (1, 0, "0")];
        assert_eq!(told, expected.map(|(step, time_ms, value)| (step, time_ms, value.to_owned())));
    }
}
