//! The curves of one metric over any number of runs, summed up by groups: what the run table groups by, in the form in
//! which a chart has the mean of a few lines ([`charts::group`]).
//!
//! No curve is kept: each is read at a bounded number of points and added to its group's sums at the places of the
//! axis. The reading ends with its time or with its caller; the runs are taken in such an order that what was read
//! until then is a sample by chance.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::bail;
use api::{
    RunId,
    run_table::{AggregateRuns, BandAxis, BandPoint, RunBand, RunBands},
    series::OverMetric,
};
use charts::group::{self, Moments, Stand};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use store::{
    Connection,
    points::{self, Window},
};

use super::{
    board::{Grouping, Members},
    filter, importance, meant, table,
};
use crate::Engine;

/// Groups of one answer.
const MOST_GROUPS: u32 = 50;
/// Places along the axis where nobody says how many.
const PLACES: u32 = 256;
/// How long curves are read.
const LONGEST: Duration = Duration::from_secs(8);
/// Runs of one read: so few that whoever else reads waits for milliseconds.
const TOGETHER: usize = 64;
/// The same over another metric, where every point of both goes by.
const TOGETHER_OVER: usize = 8;
/// Reads at a time: one of the database's readers is left to everybody else.
const AT_ONCE: usize = 3;
/// How often a part is widened to meet a curve's next points: each time it is three times as wide.
const WIDER: usize = 48;
/// Points of a curve over another metric: up to so many each counts, of more the extremes of each stretch.
const POINTS_OVER: u64 = 16_384;
/// Every step, or every time.
const ALL: (i64, i64) = (i64::MIN, i64::MAX);

/// A run whose curve is read.
#[derive(Debug, Clone, Copy)]
struct Read {
    group: usize,
    run: RunId,
    began_ms: i64,
}

/// What of each curve is read.
#[derive(Debug, Clone)]
struct Asked {
    metric: String,
    along: BandAxis,
    /// Another metric in the place of that.
    over: Option<String>,
    /// That axis is logarithmic.
    log: bool,
    /// Points of a curve.
    points: u64,
    /// The part of the axis that is read, somewhat wider than what is looked at; all where it is none.
    part: Option<(f64, f64)>,
}

/// A run's curve at the places of the axis.
#[derive(Debug, Default)]
struct Sample {
    /// NaN where it does not stand with a number; nothing of one without points.
    values: Vec<f64>,
    /// Which places have a value that is not finite, and that.
    odd: Vec<(usize, f64)>,
    /// From where to where it reaches, as far as it was read, along another metric.
    span: Option<(f64, f64)>,
    /// It has not the other metric.
    is_off_axis: bool,
}

/// What curves come to.
struct Summed {
    /// Each group's sums at the places.
    sums: Vec<Vec<Stand>>,
    /// How many runs of each were read.
    read: Vec<u64>,
    /// How many of these end with no number.
    diverged: Vec<u64>,
    /// What reaches farthest of them along another metric.
    span: Option<(f64, f64)>,
    off_axis: u64,
}

/// Bands of the groups with most runs.
pub async fn aggregate(engine: &Engine, request: AggregateRuns) -> anyhow::Result<RunBands> {
    let until = Instant::now() + request.within_ms.map_or(LONGEST, Duration::from_millis).min(LONGEST);
    let of = request.list.of;
    let filter = meant::filter(engine, of, &request.list.filter).await?;
    let by = table::grouped_by(engine, of, &request.by).await?;
    let grouping = Grouping { by, metrics: Vec::new(), validated_on: None, orders: Vec::new(), descending: false };
    let most = u64::from(request.groups.unwrap_or(MOST_GROUPS).min(MOST_GROUPS));
    let (list, metric, over, board) = (request.list, request.metric, request.over, engine.clone());
    let (asked, _asking) = engine.board().ask();
    let (keys, metric, over, notes, (groups, total, runs)) = engine
        .store()
        .read(move |c| {
            let query = table::query(c, &list, filter, Vec::new(), 0, most)?;
            let keys = board.board().keys(c, &asked, &query.experiments)?;
            let metric = importance::key_of(metric, &keys[0]);
            let over = over.map(|key| importance::key_of(key, &keys[0]));
            let members = board.board().members(c, &asked, &query, &grouping, &metric)?;
            let named = grouping.by.iter().map(|(_, field)| field);
            let notes = filter::unknown_fields(named, &keys, &asked.time_for_help());
            Ok((keys, metric, over, notes, members))
        })
        .await?;
    for key in [Some(&metric), over.as_ref()].into_iter().flatten() {
        if !keys[0].is_empty() && keys[0].binary_search(key).is_err() {
            bail!(importance::unmeasured(key, &keys[0]));
        }
    }
    let places = request.points.unwrap_or(PLACES).clamp(2, group::MOST as u32);
    let log = over.is_some() && request.log;
    let asked = Asked { metric, along: request.along, over, log, points: u64::from(places), part: None };
    let mut reads = in_turn(&groups);
    let mut span = request.from.zip(request.to);
    if span.is_none() {
        let found = extent(engine, &asked, &mut reads, until).await?;
        // What is said stands before what was found.
        span = found.map(|(least, most)| (request.from.unwrap_or(least), request.to.unwrap_or(most)));
    }
    let is_part = request.from.is_some() || request.to.is_some();
    let along = |span: Option<(f64, f64)>| {
        span.filter(|(from, to)| from <= to).map_or_else(Vec::new, |span| asked.places(span, places))
    };
    let mut grid = along(span);
    let asked = Asked { part: span.filter(|_| is_part).map(widened), ..asked.clone() };
    let mut found = summed(engine, asked.clone(), reads.clone(), (&grid, groups.len()), until).await?;
    // What the other metric measured where this one did not lies along no curve, and would leave these a corner.
    let narrow = found.span.filter(|own| !is_part && span.is_some_and(|all| !asked.fills(*own, all)));
    if narrow.is_some() && Instant::now() < until {
        grid = along(narrow);
        found = summed(engine, asked, reads, (&grid, groups.len()), until).await?;
    }
    let Summed { sums, read, diverged, off_axis, .. } = found;
    let bands = groups.into_iter().zip(sums).zip(read.into_iter().zip(diverged));
    let bands = bands.map(|((members, sums), counts)| band(members, &grid, &sums, counts)).collect();
    Ok(RunBands { bands, total, runs, off_axis, notes })
}

/// The runs in the order in which they are read: from each group in turn, in each by chance, which the random end of
/// their ids is.
fn in_turn(groups: &[Members]) -> Vec<Read> {
    let mut all = Vec::new();
    for (group, members) in groups.iter().enumerate() {
        let mut own: Vec<Read> =
            members.measured.iter().map(|(run, began_ms)| Read { group, run: *run, began_ms: *began_ms }).collect();
        own.sort_unstable_by_key(|read| {
            let mut bytes = *read.run.as_bytes();
            bytes.reverse();
            bytes
        });
        all.extend(own.into_iter().enumerate());
    }
    all.sort_unstable_by_key(|(turn, read)| (*turn, read.group));
    all.into_iter().map(|(_, read)| read).collect()
}

/// Where the curves of these runs lie along the axis; `None` where none has a point. Runs that there was no time for
/// are left out.
async fn extent(
    engine: &Engine,
    asked: &Asked,
    reads: &mut Vec<Read>,
    until: Instant,
) -> anyhow::Result<Option<(f64, f64)>> {
    let asked = Arc::new(asked.clone());
    let batches = batches(reads, TOGETHER).into_iter().map(|batch| extents(engine, Arc::clone(&asked), batch));
    let mut found = std::pin::pin!(futures::stream::iter(batches).buffered(AT_ONCE));
    let (mut span, mut looked_at) = (None::<(f64, f64)>, 0);
    // To read a curve takes longer than to ask where it lies.
    let until = until.min(Instant::now() + until.saturating_duration_since(Instant::now()) / 2);
    while let Some(extents) = next(&mut found, looked_at, until).await? {
        looked_at += extents.len();
        span = extents.into_iter().fold(span, wider);
    }
    reads.truncate(looked_at);
    Ok(span)
}

async fn extents(engine: &Engine, asked: Arc<Asked>, batch: Vec<Read>) -> store::Result<Vec<Option<(f64, f64)>>> {
    engine.store().read(move |c| batch.iter().map(|read| asked.extent(c, read)).collect()).await
}

/// What the curves come to at the places.
async fn summed(
    engine: &Engine,
    asked: Asked,
    reads: Vec<Read>,
    (grid, groups): (&[f64], usize),
    until: Instant,
) -> anyhow::Result<Summed> {
    let sums = vec![vec![Stand::default(); grid.len()]; groups];
    let mut all = Summed { sums, read: vec![0; groups], diverged: vec![0; groups], span: None, off_axis: 0 };
    let (asked, places): (Arc<Asked>, Arc<[f64]>) = (Arc::new(asked), grid.into());
    let together = if asked.over.is_some() { TOGETHER_OVER } else { TOGETHER };
    let batches = batches(&reads, together).into_iter();
    let batches = batches.map(|batch| sampled(engine, Arc::clone(&asked), Arc::clone(&places), batch));
    let mut found = std::pin::pin!(futures::stream::iter(batches).buffered(AT_ONCE));
    let mut looked_at = 0;
    while let Some(curves) = next(&mut found, looked_at, until).await? {
        for (read, Sample { values, odd, span, is_off_axis }) in reads.iter().skip(looked_at).zip(&curves) {
            all.read[read.group] += 1;
            all.diverged[read.group] += u64::from(has_diverged(values, odd));
            all.off_axis += u64::from(*is_off_axis);
            all.span = wider(all.span, *span);
            let mut odd = odd.iter().peekable();
            for (at, (stand, value)) in all.sums[read.group].iter_mut().zip(values).enumerate() {
                let odd = odd.next_if(|(place, _)| *place == at).map(|(_, value)| *value);
                stand.add(Some(*value).filter(|value| value.is_finite()), odd);
            }
        }
        looked_at += curves.len();
    }
    Ok(all)
}

/// A batch of curves at the places.
async fn sampled(
    engine: &Engine,
    asked: Arc<Asked>,
    places: Arc<[f64]>,
    batch: Vec<Read>,
) -> store::Result<Vec<Sample>> {
    engine.store().read(move |c| batch.iter().map(|read| asked.sample(c, read, &places)).collect()).await
}

/// The next batch; `None` behind the last, and once the time is up. The first comes in any case.
async fn next<T>(
    found: &mut (impl Stream<Item = store::Result<Vec<T>>> + Unpin),
    looked_at: usize,
    until: Instant,
) -> anyhow::Result<Option<Vec<T>>> {
    if looked_at > 0 && Instant::now() >= until {
        return Ok(None);
    }
    Ok(found.try_next().await?)
}

fn batches(reads: &[Read], together: usize) -> Vec<Vec<Read>> {
    reads.chunks(together).map(<[Read]>::to_vec).collect()
}

impl Asked {
    /// Places along a part of the axis.
    fn places(&self, span: (f64, f64), most: u32) -> Vec<f64> {
        if self.over.is_none() {
            return places_of(self.along, span, most);
        }
        if !self.log || span.0 <= 0.0 {
            return places_of(BandAxis::Seconds, span, most);
        }
        let mut places = places_of(BandAxis::Seconds, (span.0.ln(), span.1.ln()), most);
        places.iter_mut().for_each(|place| *place = place.exp());
        // Both ends as they are: what stands there is met.
        if let Some(last) = places.last_mut() {
            *last = span.1;
        }
        if let Some(first) = places.first_mut() {
            *first = span.0;
        }
        places
    }

    /// Whether curves that reach so far lie along at least half of an axis, and begin on it.
    fn fills(&self, own: (f64, f64), all: (f64, f64)) -> bool {
        if self.log {
            return all.0 > 0.0 && (own.1.ln() - own.0.ln()) * 2.0 >= all.1.ln() - all.0.ln();
        }
        (own.1 - own.0) * 2.0 >= all.1 - all.0
    }

    /// From where to where along the axis a run's curve reaches; along another metric what that one reaches, which may be
    /// more.
    fn extent(&self, c: &Connection, read: &Read) -> store::Result<Option<(f64, f64)>> {
        if let Some(over) = &self.over {
            let Some((other, _)) = store::metric::find(c, read.run, over)? else { return Ok(None) };
            return match points::extremes(c, other)? {
                Some(span) => Ok(Some(span)),
                None => {
                    Ok(self.over_curve(c, read, None)?.and_then(|(x, _)| x.first().copied().zip(x.last().copied())))
                }
            };
        }
        let Some((number, _)) = store::metric::find(c, read.run, &self.metric)? else { return Ok(None) };
        let seconds = |time_ms: i64| (time_ms as f64 - read.began_ms as f64) / 1000.0;
        Ok(points::extent(c, number)?.map(|Window { steps, times }| match self.along {
            BandAxis::Step => (steps.0 as f64, steps.1 as f64),
            BandAxis::Seconds => (seconds(times.0), seconds(times.1)),
            BandAxis::Share => (share(steps.0 as f64, whole(steps.1)), share(steps.1 as f64, whole(steps.1))),
        }))
    }

    /// A run's curve over the other metric, in the order of that one's values, each once; `None` where it has not both.
    fn over_curve(
        &self,
        c: &Connection,
        read: &Read,
        part: Option<(f64, f64)>,
    ) -> store::Result<Option<(Vec<f64>, Vec<f64>)>> {
        let Some(key) = &self.over else { return Ok(None) };
        let find = |key: &str| store::metric::find(c, read.run, key);
        let Some(((number, _), (other, _))) = find(&self.metric)?.zip(find(key)?) else { return Ok(None) };
        let (from, to) = part.unzip();
        let over = OverMetric { key: key.clone(), from, to, log: self.log, whole: false };
        let series = points::join(c, number, Some(other), ALL, &over, POINTS_OVER)?;
        Ok(Some(once(&series.over, &series.last)))
    }

    /// A run's curve at places along another metric.
    fn sample_over(&self, c: &Connection, read: &Read, places: &[f64]) -> store::Result<Sample> {
        let Some((mut x, mut y)) = self.over_curve(c, read, self.part)? else {
            return Ok(Sample { is_off_axis: true, ..Sample::default() });
        };
        if let (Some(part), Some((from, to))) = (self.part, places.first().zip(places.last())) {
            // Where its points stand farther apart than was read beside the part, all are looked through.
            let is_met = x.first().is_some_and(|x| x <= from) && x.last().is_some_and(|x| x >= to);
            let ends = if is_met { None } else { self.extent(c, read)? };
            if ends.is_some_and(|ends| ends.0 < part.0 || ends.1 > part.1) {
                let all = self.over_curve(c, read, None)?.unwrap_or_default();
                let beside = |at: usize| all.0.get(at).copied().zip(all.1.get(at).copied());
                let first = x.first().copied().unwrap_or(*from);
                let before = all.0.partition_point(|x| *x < first.min(*from)).checked_sub(1).and_then(beside);
                let last = x.last().copied().unwrap_or(*to);
                let after = beside(all.0.partition_point(|x| *x <= last.max(*to)));
                for (place, value) in [before, after].into_iter().flatten() {
                    x.push(place);
                    y.push(value);
                }
            }
        }
        let span = x.first().copied().zip(x.last().copied());
        let (values, odd) = at_places(&x, &y, places);
        Ok(Sample { values, odd, span, is_off_axis: false })
    }

    /// A run's values at the places.
    fn sample(&self, c: &Connection, read: &Read, places: &[f64]) -> store::Result<Sample> {
        if self.over.is_some() {
            return self.sample_over(c, read, places);
        }
        let Some((number, _)) = store::metric::find(c, read.run, &self.metric)? else { return Ok(Sample::default()) };
        // The end of the whole is asked for where the axis is told by it.
        let last = match self.along {
            BandAxis::Share => points::extent(c, number)?.map_or(0, |window| window.steps.1),
            BandAxis::Step | BandAxis::Seconds => 0,
        };
        let of = (number, read.began_ms, whole(last));
        let (mut x, mut y) = self.curve(c, of, self.part)?;
        if let (Some(part), Some((from, to))) = (self.part, places.first().zip(places.last())) {
            let Some((begin, end)) = self.extent(c, read)? else { return Ok(Sample::default()) };
            let is_met = |x: &[f64]| {
                (begin >= *from || x.iter().any(|x| x <= from)) && (end <= *to || x.iter().any(|x| x >= to))
            };
            // Where its points stand farther apart than was read beside the part.
            let mut part = part;
            for _ in 0..WIDER {
                if is_met(&x) || part.0 <= begin && part.1 >= end {
                    break;
                }
                part = widened(part);
                let beginning = (f64::INFINITY, f64::NEG_INFINITY);
                let (least, most) = x.iter().fold(beginning, |ends, x| (ends.0.min(*x), ends.1.max(*x)));
                let (more_x, more_y) = self.curve(c, of, Some(part))?;
                for (at, value) in more_x.into_iter().zip(more_y).filter(|(at, _)| *at < least || *at > most) {
                    x.push(at);
                    y.push(value);
                }
            }
        }
        let (values, odd) = at_places(&x, &y, places);
        Ok(Sample { values, odd, ..Sample::default() })
    }

    /// Where the points of a series stand along a part of the axis, and their values; of a run that began then, of so
    /// many steps.
    fn curve(
        &self,
        c: &Connection,
        (number, began_ms, whole): (i64, i64, f64),
        part: Option<(f64, f64)>,
    ) -> store::Result<(Vec<f64>, Vec<f64>)> {
        let series = points::view(c, number, self.window(part, began_ms, whole), self.points_read())?;
        let x = match self.along {
            BandAxis::Step => series.step,
            BandAxis::Seconds => series.seconds_since(began_ms),
            BandAxis::Share => series.step.iter().map(|step| share(*step, whole)).collect(),
        };
        Ok((x, series.last))
    }

    /// What is read for a part of the axis of a run that began then, of so many steps.
    fn window(&self, part: Option<(f64, f64)>, began_ms: i64, whole: f64) -> Window {
        let Some((from, to)) = part else { return Window { steps: ALL, times: ALL } };
        let ms = |seconds: f64| (began_ms as f64 + seconds * 1000.0) as i64;
        match self.along {
            BandAxis::Step => Window { steps: (from.floor() as i64, to.ceil() as i64), times: ALL },
            BandAxis::Seconds => Window { steps: ALL, times: (ms(from), ms(to)) },
            BandAxis::Share => {
                let step = |share: f64| share / 100.0 * whole;
                Window { steps: (step(from).floor() as i64, step(to).ceil() as i64), times: ALL }
            }
        }
    }

    /// Of a wider part there are more points.
    fn points_read(&self) -> u64 {
        if self.part.is_some() { self.points * 3 } else { self.points }
    }
}

/// What a curve has at places of the axis, NaN where it does not stand with a number; and what is not finite there.
fn at_places(x: &[f64], y: &[f64], places: &[f64]) -> (Vec<f64>, Vec<(usize, f64)>) {
    let member = group::Member::of(x, y);
    let odd = places.iter().enumerate().filter_map(|(at, place)| Some((at, member.odd_at(*place)?)));
    (places.iter().map(|place| member.at(*place).unwrap_or(f64::NAN)).collect(), odd.collect())
}

/// Whether a curve is not finite at the last of the places at which it stands, and has no number there.
fn has_diverged(values: &[f64], odd: &[(usize, f64)]) -> bool {
    odd.last().is_some_and(|(at, _)| values.iter().skip(*at).all(|value| !value.is_finite()))
}

/// Places that ascend, each once, and the mean of the finite values that stand there; where none is finite, the first.
fn once(x: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut places, mut means) = (Vec::new(), Vec::new());
    let mut at = 0;
    for same in x.chunk_by(|left, right| left.total_cmp(right).is_eq()) {
        let Some(first) = y.get(at).copied() else { break };
        let mut moments = Moments::default();
        let values = y.iter().skip(at).take(same.len());
        values.filter(|value| value.is_finite()).for_each(|value| moments.add(*value));
        at += same.len();
        places.extend(same.first());
        means.push(if moments.count > 0 { moments.mean } else { first });
    }
    (places, means)
}

/// What reaches over both.
fn wider(one: Option<(f64, f64)>, other: Option<(f64, f64)>) -> Option<(f64, f64)> {
    one.into_iter().chain(other).reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}

/// The steps of a curve that ends with this one, as a chart of single runs counts them.
fn whole(last: i64) -> f64 {
    (last as f64).max(1.0)
}

/// Of so many steps, in percent.
fn share(step: f64, whole: f64) -> f64 {
    step / whole * 100.0
}

/// As much again at each side: a curve stands between the points beside the part that is looked at, too. Of most curves
/// these are among what is read so.
fn widened((from, to): (f64, f64)) -> (f64, f64) {
    let beside = (to - from).max(1.0);
    (from - beside, to + beside)
}

/// Places along a part of the axis, both ends among them: each step where there are few, else evenly.
fn places_of(along: BandAxis, (from, to): (f64, f64), most: u32) -> Vec<f64> {
    let is_step = along == BandAxis::Step;
    let (from, to) = if is_step { (from.ceil(), to.floor()) } else { (from, to) };
    let span = to - from;
    let last = f64::from(most - 1);
    if span <= 0.0 {
        return if span == 0.0 { vec![from] } else { Vec::new() };
    }
    if is_step && span <= last {
        return (0..=span as u32).map(|at| from + f64::from(at)).collect();
    }
    // Whole steps: what was measured there is met as it is.
    let place = |at: u32| from + span * f64::from(at) / last;
    (0..most).map(|at| if is_step { place(at).round() } else { place(at) }).collect()
}

fn band(members: Members, grid: &[f64], sums: &[Stand], (read, diverged): (u64, u64)) -> RunBand {
    let Members { group, measured } = members;
    let point = |(x, stand): (&f64, &Stand)| {
        let (min, max) = stand.extremes();
        BandPoint {
            x: *x,
            runs: stand.moments.count,
            mean: stand.mean(),
            sd: stand.moments.deviation(),
            min,
            max,
            non_finite: stand.non_finite,
            diverged: stand.diverged,
        }
    };
    let there = grid.iter().zip(sums).filter(|(_, stand)| !stand.is_none());
    RunBand {
        values: group.values,
        runs: group.runs,
        measured: measured.len() as u64,
        read,
        diverged,
        filter: group.filter,
        points: there.map(point).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_steps_are_a_place_each_and_many_stand_evenly() {
        assert_eq!(places_of(BandAxis::Step, (1.0, 4.0), 256), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(places_of(BandAxis::Step, (0.4, 2.6), 256), [1.0, 2.0]);
        assert_eq!(places_of(BandAxis::Step, (0.0, 1_000.0), 5), [0.0, 250.0, 500.0, 750.0, 1_000.0]);
        assert_eq!(places_of(BandAxis::Seconds, (0.0, 1.0), 3), [0.0, 0.5, 1.0]);
        assert_eq!(places_of(BandAxis::Seconds, (2.0, 2.0), 3), [2.0]);
        assert_eq!(places_of(BandAxis::Share, (0.0, 100.0), 5), [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert_eq!(places_of(BandAxis::Step, (0.2, 0.8), 3), [0.0; 0]);
    }

    #[test]
    fn over_another_metric_places_stand_evenly_on_a_logarithmic_axis_too() {
        let asked = |log| Asked {
            metric: "loss".to_owned(),
            along: BandAxis::Step,
            over: Some("tokens".to_owned()),
            log,
            points: 256,
            part: None,
        };
        assert_eq!(asked(false).places((0.0, 1.0), 3), [0.0, 0.5, 1.0]);
        let logarithmic = asked(true).places((0.1, 1_000.0), 5);
        assert_eq!((logarithmic.len(), logarithmic[0], logarithmic[4]), (5, 0.1, 1_000.0));
        assert!((logarithmic[2] - 10.0).abs() < 1e-9, "{logarithmic:?}");
        // Until it is known from where on there is something.
        assert_eq!(asked(true).places((0.0, 1.0), 3), [0.0, 0.5, 1.0]);
        assert!(!asked(true).fills((0.5, 1.0), (0.0, 1.0)) && asked(false).fills((0.5, 1.0), (0.0, 1.0)));
        assert!(!asked(false).fills((0.0, 2.0), (0.0, 100.0)));
    }

    #[test]
    fn of_several_values_at_one_place_the_mean_stands_there() {
        let (x, y) = once(&[1.0, 1.0, 1.0, 2.0, 3.0], &[4.0, f64::NAN, 8.0, f64::INFINITY, 5.0]);
        // A place at which nothing is finite is one at which the curve is not.
        assert_eq!((x, y), (vec![1.0, 2.0, 3.0], vec![6.0, f64::INFINITY, 5.0]));
    }

    #[test]
    fn runs_are_read_from_each_group_in_turn() {
        let members = |first: u128, count: u128| Members {
            group: api::run_table::RunGroup {
                values: Vec::new(),
                runs: count as u64,
                figures: Vec::new(),
                filter: String::new(),
            },
            measured: (first..first + count).map(|id| (RunId::from_bytes(id.to_be_bytes()), 0)).collect(),
        };
        let order: Vec<usize> = in_turn(&[members(1, 4), members(10, 2)]).iter().map(|read| read.group).collect();
        assert_eq!(order, [0, 1, 0, 1, 0, 0]);
    }
}
