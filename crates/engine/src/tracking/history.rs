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

/// The same page to be told in pieces: of a long one never all is in memory.
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
    Series { number: i64, next: u64, end: u64 },
    /// Its points came in another order.
    Sorted {
        blocks: Blocks,
        /// Of the block that is told.
        ready: std::vec::IntoIter<Point>,
        /// How many are not told yet.
        left: u64,
    },
}

impl Telling {
    fn nothing() -> Self {
        Self { rest: Rest::Series { number: 0, next: 0, end: 0 }, has_more: false }
    }

    pub fn is_over(&self) -> bool {
        match &self.rest {
            Rest::Series { next, end, .. } => next >= end,
            Rest::Sorted { left, .. } => *left == 0,
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
                let points = store::points::raw_points(c, *number, *next, TOLD.min(*end - *next))?;
                *next += points.len() as u64;
                whole(points)
            }
            Self::Sorted { left: 0, .. } => Ok(Vec::new()),
            Self::Sorted { blocks, ready, left } => {
                if ready.as_slice().is_empty() {
                    *ready = blocks.next(c, *left, &|_| true)?.into_iter();
                }
                let points: Vec<Point> = ready.by_ref().take(TOLD as usize).collect();
                *left = left.saturating_sub(points.len() as u64);
                whole(points)
            }
        }
    }
}

/// Half a series is no answer.
fn whole(points: Vec<Point>) -> store::Result<Vec<Point>> {
    if points.is_empty() {
        return Err(ApiError::not_found("The run was deleted while its points were read.").into());
    }
    Ok(points)
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
    let left = end - skip;
    if left == 0 {
        return Ok(Telling { has_more, ..Telling::nothing() });
    }
    let mut blocks = Blocks::new(number, count, by_time);
    let mut skipped = 0;
    let ready = loop {
        let mut block = blocks.next(c, end - skipped, &|_| true)?;
        let here = block.len() as u64;
        if here == 0 || skipped + here > skip {
            block.drain(..block.len().min((skip - skipped) as usize));
            break block;
        }
        skipped += here;
    };
    Ok(Telling { rest: Rest::Sorted { blocks, ready: ready.into_iter(), left }, has_more })
}

/// By times, steps and values.
fn by_time(left: &Point, right: &Point) -> Ordering {
    (left.time_ms, left.step).cmp(&(right.time_ms, right.step)).then(left.value.total_cmp(&right.value))
}

/// Points that are read at once: of a long series never all are in memory.
const AT_ONCE: u64 = 65_536;
/// Points that are told at once. As text they take a hundred bytes each, and a client that does not read keeps them in memory
/// until its connection is closed.
const TOLD: u64 = 8_192;
/// Points at once of those that are brought into another order than they came in; a client that does not read keeps them, too.
const HELD: usize = 1 << 18;

/// A point and the place where it came.
#[derive(Debug, Clone, Copy)]
struct Placed {
    at: u64,
    point: Point,
}

/// The points of a series in another order than they came in, block by block: for each of them the series goes by once.
#[derive(Debug)]
struct Blocks {
    number: i64,
    count: u64,
    order: fn(&Point, &Point) -> Ordering,
    /// The last of the block before.
    after: Option<Placed>,
    /// Points of a block at most; twice as many are in memory.
    most: usize,
}

impl Blocks {
    const fn new(number: i64, count: u64, order: fn(&Point, &Point) -> Ordering) -> Self {
        Self { number, count, order, after: None, most: HELD }
    }

    /// The next points that pass, `wanted` at most and not more than a block holds.
    fn next(
        &mut self,
        c: &store::Connection,
        wanted: u64,
        passes: &dyn Fn(&Point) -> bool,
    ) -> store::Result<Vec<Point>> {
        let Self { order, after, .. } = *self;
        // Of those that are the same, the one that came first.
        let order = |left: &Placed, right: &Placed| order(&left.point, &right.point).then(left.at.cmp(&right.at));
        let most = usize::try_from(wanted).unwrap_or(usize::MAX).clamp(1, self.most);
        let mut held: Vec<Placed> = Vec::new();
        // Nothing from this one on is among them.
        let mut end: Option<Placed> = None;
        each(c, self.number, self.count, |at, point| {
            let one = Placed { at, point };
            let is_next = after.is_none_or(|after| order(&one, &after).is_gt());
            if !is_next || end.is_some_and(|end| order(&one, &end).is_ge()) || !passes(&point) {
                return;
            }
            held.push(one);
            if held.len() == 2 * most {
                let (_, last, _) = held.select_nth_unstable_by(most - 1, order);
                end = Some(*last);
                held.truncate(most);
            }
        })?;
        held.sort_unstable_by(order);
        held.truncate(most);
        self.after = held.last().copied().or(after);
        Ok(held.into_iter().map(|one| one.point).collect())
    }
}

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
    let passes = |point: &Point| range.contains(&point.step);
    let mut found = 0;
    each(c, number, count, |_, point| found += u64::from(passes(&point)))?;
    at_places_of(c, &mut Blocks::new(number, count, by_step), &even_places(found, most), &passes)
}

/// The points that stand at ascending places of those that pass, once they are in order.
fn at_places_of(
    c: &store::Connection,
    blocks: &mut Blocks,
    mut places: &[u64],
    passes: &dyn Fn(&Point) -> bool,
) -> store::Result<Vec<Point>> {
    let mut points = Vec::with_capacity(places.len());
    let mut first = 0;
    while let Some(last) = places.last() {
        let block = blocks.next(c, last + 1 - first, passes)?;
        if block.is_empty() {
            break;
        }
        let end = first + block.len() as u64;
        let (here, later) = places.split_at(places.partition_point(|place| *place < end));
        points.extend(here.iter().filter_map(|place| block.get((place - first) as usize)));
        (places, first) = (later, end);
    }
    Ok(points)
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

/// Every point of a series with its place, in the order in which they came.
fn each(c: &store::Connection, series: i64, count: u64, mut see: impl FnMut(u64, Point)) -> store::Result<()> {
    for skip in (0..count).step_by(AT_ONCE as usize) {
        let points = store::points::raw_points(c, series, skip, AT_ONCE.min(count - skip))?;
        (skip..).zip(points).for_each(|(at, point)| see(at, point));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use api::{ExperimentId, run::RunKind};
    use store::Connection;

    use super::*;
    use crate::tracking::{client, experiments};

    fn a_run(tx: &store::Transaction<'_>) -> RunId {
        let experiment = experiments::new(ExperimentId::from_bytes([1; 16]), None, "sweep".to_owned(), 0);
        store::experiment::insert(tx, &experiment).unwrap();
        let run = RunId::from_bytes([2; 16]);
        store::run::put(tx, &client::new_row(run, &experiment, "one".to_owned(), RunKind::Client, 0)).unwrap();
        run
    }

    #[test]
    fn points_out_of_order_are_told_in_blocks_as_if_all_were_sorted_at_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        store::migrate::migrate(&mut connection, std::path::Path::new("in memory")).unwrap();
        let tx = connection.transaction().unwrap();
        let run = a_run(&tx);
        let came = |at: i64| Point { step: at * 7 % 100, time_ms: at * 13 % 11, value: (at % 3) as f64 };
        let came: Vec<Point> = (0..500).map(came).collect();
        store::metric::append(&tx, run, "loss", &came).unwrap();
        let (number, count) = store::metric::find(&tx, run, "loss").unwrap().unwrap();
        assert!(count == 500 && !store::metric::is_in_order(&tx, number).unwrap());

        let passes = |point: &Point| point.step >= 20;
        for order in [by_time as fn(&Point, &Point) -> Ordering, by_step] {
            let mut sorted: Vec<Point> = came.iter().copied().filter(passes).collect();
            sorted.sort_by(order);
            let places = even_places(sorted.len() as u64, 9);
            let expected: Vec<Point> = places.iter().map(|place| sorted[*place as usize]).collect();
            for most in [1, 7, 200, 1_000] {
                let blocks = || Blocks { most, ..Blocks::new(number, count, order) };
                let (mut of, mut told) = (blocks(), Vec::new());
                loop {
                    let block = of.next(&tx, u64::MAX, &passes).unwrap();
                    assert!(block.len() <= most);
                    if block.is_empty() {
                        break;
                    }
                    told.extend(block);
                }
                assert_eq!(told, sorted, "{most} at once");
                assert_eq!(at_places_of(&tx, &mut blocks(), &places, &passes).unwrap(), expected, "{most} at once");
            }
        }
        // Pages of them go on where the one before ended.
        let mut told = Vec::new();
        for skip in [0, 200, 400] {
            let mut page = open(&tx, run, "loss", skip, 200).unwrap();
            assert_eq!(page.has_more, skip < 300);
            while !page.is_over() {
                told.append(&mut page.rest.piece(&tx).unwrap());
            }
        }
        let mut sorted = came;
        sorted.sort_by(by_time);
        assert_eq!(told, sorted);
    }

    #[test]
    fn a_long_series_is_told_in_pieces_that_are_small_in_whatever_order_it_came() {
        let mut connection = Connection::open_in_memory().unwrap();
        store::migrate::migrate(&mut connection, std::path::Path::new("in memory")).unwrap();
        let tx = connection.transaction().unwrap();
        let run = a_run(&tx);
        let in_order: Vec<Point> = (0..20_000).map(|at| Point { step: at, time_ms: at, value: at as f64 }).collect();
        let mut turned = in_order.clone();
        turned.rotate_left(1);
        for (key, came) in [("in order", &in_order), ("turned", &turned)] {
            store::metric::append(&tx, run, key, came).unwrap();
            let mut telling = open(&tx, run, key, 0, u64::MAX).unwrap();
            let mut told = Vec::new();
            while !telling.is_over() {
                let mut piece = telling.rest.piece(&tx).unwrap();
                assert!(piece.len() as u64 <= TOLD, "{key}: {} points", piece.len());
                told.append(&mut piece);
            }
            assert_eq!(told, in_order, "{key}");
        }
    }

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
