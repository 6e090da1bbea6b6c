//! Series of runs as lines: fetched for a viewport, fetched again as they grow or are zoomed.

use std::{borrow::Cow, cell::Cell, collections::HashMap, rc::Rc};

use api::{
    ApiError,
    event::Event,
    id::RunId,
    series::{OverMetric, Series, Viewport, Viewports},
};
use charts::{line::Line, role::Role};
use leptos::{prelude::*, task::spawn_local};

use crate::client::{Client, pace};

/// Points that a chart asks for: about one a pixel, and more than one stored stretch of raw points
/// (1,024), so that a short part that lies over two of them still comes raw.
const POINTS: u32 = 1_100;
/// Of very many series each: a chart of a hundred lines has no room for more.
const POINTS_OF_MANY: u32 = 256;
/// More lines than this are many: their colours can't be told apart, and names would fill the card.
pub(crate) const NAMED: usize = 12;

/// The points of the longest line.
pub(crate) fn most_points(lines: &[Line]) -> usize {
    lines.iter().map(|line| line.x.len()).max().unwrap_or(0)
}

/// One series to show.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Wanted {
    pub(crate) run: RunId,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Milliseconds since 1970 at which the run began.
    pub(crate) began_ms: i64,
}

/// What lies along the horizontal axis.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Along {
    Step,
    /// Seconds since the run began.
    Seconds,
    /// Milliseconds since the epoch: the clock's time.
    Clock,
    /// Percent of the run's steps, so that runs of different lengths can be compared.
    Share,
}

/// What the whole of a series says of its axes: a part of it is still a part of that.
#[derive(Clone, Copy, Default)]
struct Whole {
    last_step: f64,
}

/// What is asked for, open where `None`: steps, and along time also times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Part {
    steps: (Option<i64>, Option<i64>),
    times: (Option<i64>, Option<i64>),
}

/// The parts of several, by run and key.
type Parts = HashMap<(RunId, String), Part>;

/// Another metric as the axis, and whether that is logarithmic.
#[derive(Clone, PartialEq)]
pub(crate) struct Over {
    pub(crate) key: String,
    pub(crate) log: bool,
}

/// Series of which every point is read for a picture where some would be quicker: each takes a second.
const MOST_WHOLE: usize = 4;

/// The points of a line that lie in view, as the host has them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InView {
    /// The line's.
    pub(crate) name: String,
    /// Over another metric all of the series, and of the other: a point stands at a step.
    pub(crate) asked: Viewport,
    /// How many they are, where that is known.
    pub(crate) count: Option<u64>,
}

/// Lines, each with its run: what is not there yet is missing.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct RunLines {
    pub(crate) lines: Vec<(RunId, Line)>,
    /// Of each line.
    pub(crate) in_view: Vec<InView>,
    /// Over another metric: points that have no value of it at their step.
    pub(crate) left_out: u64,
    /// Over another metric: one point in about so many was looked at; 0 where all were.
    pub(crate) one_in: u64,
}

/// The series that are shown.
#[derive(Default)]
struct Fetched {
    over: Option<Over>,
    series: Vec<(Wanted, Series, Whole)>,
}

/// How the fetching of lines stands.
#[derive(Clone, Copy)]
pub(crate) struct Fetching {
    /// Why the newest points are not there.
    pub(crate) error: Signal<Option<ApiError>>,
    /// The first points are on their way.
    pub(crate) waits: Signal<bool>,
    /// Asks for them again, after a failure.
    pub(crate) again: Callback<()>,
}

/// Whether what was fetched lies along the axis that is asked for.
fn is_along(fetched: &Fetched, over: Option<&Over>) -> bool {
    fetched.over.as_ref().map(|over| &over.key) == over.map(|over| &over.key)
}

/// The lines of some series, kept fresh, and how their fetching stands. `zoom` is in the units of the axis: its part is
/// asked for again, so that looking closer ends at the raw points. Over another metric, where `over` names one, the host
/// joins the points, for only it has them all; where some of millions of points come first, all of them follow. However
/// many there are, they are one request.
pub(crate) fn lines_of_runs(
    wanted: impl Fn() -> Vec<Wanted> + Send + Sync + 'static,
    along: impl Fn() -> Along + Copy + Send + Sync + 'static,
    over: impl Fn() -> Option<Over> + Send + Sync + 'static,
    zoom: RwSignal<Option<(f64, f64)>>,
) -> (Signal<RunLines>, Fetching) {
    let client = Client::get();
    let fetched = RwSignal::new(Fetched::default());
    let (error, has_come, again) = (RwSignal::new(None::<ApiError>), RwSignal::new(false), RwSignal::new(0_u32));
    // Of each series the steps of the part that is looked at, found once a zoom.
    let parts = StoredValue::new(Parts::new());
    let wanted = Memo::new(move |_| wanted());
    let over = Memo::new(move |_| over());
    let generation = Rc::new(Cell::new(0_u64));
    let busy = Rc::new(Cell::new(false));
    let stale = Rc::new(Cell::new(false));
    // Every point is asked for, since some would not do.
    let whole = Rc::new(Cell::new(false));

    let load: Rc<dyn Fn(bool)> = {
        let (generation, busy, stale) = (generation.clone(), busy.clone(), stale.clone());
        Rc::new(move |is_new: bool| {
            if is_new {
                whole.set(false);
                generation.set(generation.get() + 1);
            } else if busy.get() {
                stale.set(true);
                return;
            }
            busy.set(true);
            let (generation, busy, stale) = (generation.clone(), busy.clone(), stale.clone());
            let whole = whole.clone();
            let ours = generation.get();
            spawn_local(async move {
                loop {
                    stale.set(false);
                    let (Some(all), Some(over), Some(looked_at)) =
                        (wanted.try_get_untracked(), over.try_get_untracked(), zoom.try_get_untracked())
                    else {
                        return;
                    };
                    let asked = parts.try_with_value(|parts| {
                        let of = |one| viewport(one, over.as_ref(), whole.get(), looked_at, parts);
                        all.iter().map(of).collect::<Vec<_>>()
                    });
                    let Some(asked) = asked else { return };
                    let points = if all.len() > NAMED { POINTS_OF_MANY } else { POINTS };
                    let is_asked = !asked.is_empty();
                    let answer = if asked.is_empty() {
                        Ok(Vec::new())
                    } else {
                        client.series(&Viewports { series: asked.clone(), points }).await
                    };
                    if generation.get() != ours {
                        return;
                    }
                    // What can't be asked now stays as it was, and is said; the next announcement asks again.
                    let (answer, failed) = match answer {
                        Ok(answer) => (Some(answer), None),
                        Err(error) => (None, Some(error)),
                    };
                    if error.try_get_untracked().is_some_and(|before| before != failed) {
                        error.try_set(failed);
                    }
                    if let Some(answer) = answer {
                        let are_some = answer.iter().flatten().any(|series| series.one_in > 0);
                        // The whole that was read in part, too, is not asked for again.
                        if are_some && !whole.get() && all.len() <= MOST_WHOLE {
                            whole.set(true);
                            stale.set(true);
                        }
                        let kept = |one: &Wanted| {
                            fetched.try_with_untracked(|fetched| {
                                fetched.series.iter().find(|(other, ..)| other == one).map(|(_, _, whole)| *whole)
                            })
                        };
                        // A series that isn't there yet is no error: the run has only begun.
                        let there = all.into_iter().zip(asked).zip(answer);
                        let there = there.filter_map(|((one, asked), series)| Some((one, asked, series?)));
                        let series = there.map(|(one, asked, series)| {
                            let is_part = asked.from.or(asked.to).or(asked.from_ms).or(asked.to_ms).is_some();
                            let whole = kept(&one).flatten().filter(|_| is_part);
                            let whole = whole.unwrap_or_else(|| Whole::of(&series));
                            (one, series, whole)
                        });
                        let series = series.collect();
                        if fetched.try_set(Fetched { over, series }).is_some() {
                            return;
                        }
                        if is_asked {
                            has_come.try_set(true);
                        }
                        // A part that was looked at before anything was here is found now.
                        if let Some(looked_at) =
                            looked_at.filter(|_| parts.try_with_value(Parts::is_empty) == Some(true))
                        {
                            let along = untrack(along);
                            let found = fetched.with_untracked(|fetched| parts_in(fetched, along, looked_at));
                            if !found.is_empty() {
                                parts.try_update_value(|parts| *parts = found);
                                stale.set(true);
                            }
                        }
                    }
                    if !stale.get() {
                        break;
                    }
                }
                busy.set(false);
            });
        })
    };
    {
        let load = load.clone();
        let zoom = Memo::new(move |_| zoom.get());
        Effect::new(move |_| {
            wanted.with(|_| ());
            over.with(|_| ());
            again.track();
            let along = untrack(along);
            let looked_at = zoom.get();
            let found =
                looked_at.map(|looked_at| fetched.with_untracked(|fetched| parts_in(fetched, along, looked_at)));
            parts.set_value(found.unwrap_or_default());
            load(true);
        });
    }
    let series = move || wanted.try_with_untracked(Vec::len).unwrap_or_default();
    let grown = pace::spaced(move || pace::of_series(series()), {
        let load = load.clone();
        move || load(false)
    });
    client.on_event(move |event| match event {
        Event::Points { run, newest } => {
            let also = over.try_get_untracked().flatten();
            let is_ours = |one: &Wanted, key: &str| {
                one.run == *run && (one.key == key || also.as_ref().is_some_and(|over| over.key == key))
            };
            let ours = wanted.try_with_untracked(|wanted| {
                wanted.iter().any(|one| newest.iter().any(|point| is_ours(one, &point.key)))
            });
            if ours == Some(true) {
                grown();
            }
        }
        Event::Hello { .. } => load(false),
        _ => {}
    });
    let fetching = Fetching {
        error: error.into(),
        waits: Signal::derive(move || {
            let is_asked = wanted.with(|wanted| !wanted.is_empty());
            let is_there = has_come.get() && over.with(|over| fetched.with(|fetched| is_along(fetched, over.as_ref())));
            is_asked && !is_there && error.with(Option::is_none)
        }),
        again: Callback::new(move |()| again.update(|again| *again += 1)),
    };
    let lines = Signal::derive(move || {
        let (along, over) = (along(), over.get());
        fetched.with(|fetched| {
            // Another axis was chosen, and its points are on their way.
            if !is_along(fetched, over.as_ref()) {
                return RunLines::default();
            }
            let line = |(one, series, whole): &(Wanted, Series, Whole)| {
                let series = match along {
                    Along::Seconds | Along::Clock if over.is_none() => series.in_time_order(),
                    _ => Cow::Borrowed(series),
                };
                let x = match over {
                    Some(_) => series.over.clone(),
                    None => series_x(&series, *whole, one.began_ms, along),
                };
                (one.run, Line::of_series(one.name.clone(), one.role, x, &series))
            };
            let lines: Vec<(RunId, Line)> = fetched.series.iter().map(line).collect();
            let looked_at = if over.is_some() { None } else { zoom.get() };
            let seen = fetched.series.iter().zip(&lines).map(|((one, series, whole), (_, line))| {
                let has = |x: &&f64| looked_at.is_none_or(|(from, to)| (from..=to).contains(*x));
                let count = (series.raw && over.is_none()).then(|| line.x.iter().filter(has).count() as u64);
                InView { name: line.name.clone(), asked: in_view(one, *whole, along, looked_at), count }
            });
            // What they lie along belongs to them.
            let along_it = fetched.series.iter().filter_map(|(one, ..)| {
                let asked = Viewport::whole(one.run, over.as_ref()?.key.clone());
                Some(InView { name: one.name.clone(), asked, count: None })
            });
            RunLines {
                in_view: seen.chain(along_it).collect(),
                lines,
                left_out: fetched.series.iter().map(|(_, series, _)| series.left_out).sum(),
                one_in: fetched.series.iter().map(|(_, series, _)| series.one_in).max().unwrap_or_default(),
            }
        })
    });
    (lines, fetching)
}

/// Of each series the part of it that is looked at. Over another metric the host finds it.
fn parts_in(fetched: &Fetched, along: Along, looked_at: (f64, f64)) -> Parts {
    let series = fetched.series.iter().filter(|_| fetched.over.is_none());
    let part = |(one, series, whole): &(Wanted, Series, Whole)| {
        ((one.run, one.key.clone()), part_of(series, *whole, one.began_ms, along, looked_at))
    };
    series.map(part).collect()
}

/// What is asked of a series: the steps of the part that is looked at, or the other metric's values in it.
fn viewport(one: &Wanted, over: Option<&Over>, whole: bool, looked_at: Option<(f64, f64)>, parts: &Parts) -> Viewport {
    let (run, key) = (one.run, one.key.clone());
    let Some(Over { key: other, log }) = over.cloned() else {
        let Part { steps: (from, to), times: (from_ms, to_ms) } =
            parts.get(&(run, key.clone())).copied().unwrap_or_default();
        return Viewport { from, to, from_ms, to_ms, ..Viewport::whole(run, key) };
    };
    // A little more at each side, so that the line reaches the edges.
    let beside = looked_at.map_or(0.0, |(from, to)| (to - from) * 0.05);
    let (from, to) = looked_at.map(|(from, to)| (from - beside, to + beside)).unzip();
    Viewport { over: Some(OverMetric { key: other, from, to, log, whole }), ..Viewport::whole(run, key) }
}

/// What of a series lies between two places of the axis, and no more; without these all of it.
fn in_view(one: &Wanted, whole: Whole, along: Along, looked_at: Option<(f64, f64)>) -> Viewport {
    let viewport = Viewport::whole(one.run, one.key.clone());
    let Some((from, to)) = looked_at else { return viewport };
    let within = |of: &dyn Fn(f64) -> f64| (Some(of(from).ceil() as i64), Some(of(to).floor() as i64));
    let steps = |(from, to)| Viewport { from, to, ..viewport.clone() };
    let times = |(from_ms, to_ms)| Viewport { from_ms, to_ms, ..viewport.clone() };
    match along {
        Along::Step => steps(within(&|at| at)),
        Along::Share => steps(within(&|at| at / 100.0 * whole.last_step.max(1.0))),
        Along::Clock => times(within(&|at| at)),
        Along::Seconds => times(within(&|at| one.began_ms as f64 + at * 1000.0)),
    }
}

/// The same, of whole series with how many points they have: a run knows it where the lines are drawn from fewer.
pub(crate) fn counted(points: Vec<InView>, known: impl Fn(RunId, &str) -> Option<u64>) -> Vec<InView> {
    let counted = |point: InView| {
        let (run, key) = (point.asked.run, point.asked.key.as_str());
        let is_whole = point.asked == Viewport::whole(run, key);
        let count = point.count.or_else(|| known(run, key).filter(|_| is_whole));
        InView { count, ..point }
    };
    points.into_iter().map(counted).collect()
}

impl Whole {
    fn of(series: &Series) -> Self {
        Self { last_step: series.step.last().copied().unwrap_or(0.0) }
    }
}

/// What lies between two places of the axis and a little more, so that the line reaches the edges.
///
/// Along time the times alone say what it is: the steps of a stretch may be any, where several log at once or a resumed
/// run logs again.
fn part_of(series: &Series, whole: Whole, began_ms: i64, along: Along, (from, to): (f64, f64)) -> Part {
    let beside = (to - from) * 0.05;
    let times = |time_ms: fn(f64, i64) -> f64| {
        let at = |place: f64| Some(time_ms(place, began_ms) as i64);
        Part { times: (at(from - beside), at(to + beside)), ..Part::default() }
    };
    match along {
        Along::Clock => times(|at, _| at),
        Along::Seconds => times(|at, began_ms| began_ms as f64 + at * 1000.0),
        Along::Step | Along::Share => {
            // In the order of the steps.
            let x = series_x(series, whole, began_ms, along);
            let first = x.partition_point(|value| *value < from).checked_sub(1);
            let last = x.partition_point(|value| *value <= to);
            let step = |index: usize| series.step.get(index).map(|step| *step as i64);
            Part { steps: (first.and_then(step), step(last)), ..Part::default() }
        }
    }
}

fn series_x(series: &Series, whole: Whole, began_ms: i64, along: Along) -> Vec<f64> {
    match along {
        Along::Step => series.step.clone(),
        Along::Share => series.step.iter().map(|step| step / whole.last_step.max(1.0) * 100.0).collect(),
        Along::Clock => series.time_ms.clone(),
        Along::Seconds => series.seconds_since(began_ms),
    }
}

/// Lines in a unit in which their values are so many times as great.
pub(crate) fn scale(lines: &mut [Line], times: f64) {
    if times == 1.0 {
        return;
    }
    for line in lines {
        line.y.iter_mut().for_each(|value| *value *= times);
        line.band.iter_mut().for_each(|band| *band = (band.0 * times, band.1 * times));
    }
}

/// Along time, points so far apart are not joined: the run stood still between them.
pub(crate) fn gap_of(lines: &[Line]) -> Option<f64> {
    const TIMES: f64 = 12.0;
    let mut steps: Vec<f64> = lines.iter().flat_map(|line| line.x.windows(2).map(|pair| pair[1] - pair[0])).collect();
    steps.retain(|step| *step > 0.0);
    let middle = steps.len() / 2;
    (steps.len() >= 4).then(|| *steps.select_nth_unstable_by(middle, f64::total_cmp).1 * TIMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(steps: &[f64], times: &[f64]) -> Series {
        Series { step: steps.to_vec(), time_ms: times.to_vec(), last: steps.to_vec(), ..Series::default() }
    }

    #[test]
    fn time_counts_from_the_begin_of_the_run_and_not_from_the_first_bucket() {
        // Buckets say the time of their last point; validation comes after the first epoch.
        let (train, validation) = (series(&[99.0, 199.0], &[11_000.0, 12_000.0]), series(&[200.0], &[12_100.0]));
        let x = |series: &Series| series_x(series, Whole::of(series), 10_000, Along::Seconds);
        assert_eq!((x(&train), x(&validation)), (vec![1.0, 2.0], vec![2.1]));
    }

    #[test]
    fn what_is_saved_of_a_view_is_what_lies_in_it() {
        let run = RunId::from_bytes([1; 16]);
        let one = Wanted { run, key: "loss".to_owned(), name: "a".to_owned(), role: Role::Series(1), began_ms: 1_000 };
        let view = |along, looked_at| in_view(&one, Whole { last_step: 200.0 }, along, looked_at);
        let whole = Viewport::whole(run, "loss");
        assert_eq!(view(Along::Step, None), whole);
        let steps = |from, to| Viewport { from: Some(from), to: Some(to), ..whole.clone() };
        assert_eq!(view(Along::Step, Some((1.5, 7.5))), steps(2, 7));
        assert_eq!(view(Along::Share, Some((10.0, 50.0))), steps(20, 100));
        let times = |from, to| Viewport { from_ms: Some(from), to_ms: Some(to), ..whole.clone() };
        assert_eq!(view(Along::Seconds, Some((1.0, 2.0))), times(2_000, 3_000));
        assert_eq!(view(Along::Clock, Some((1_500.5, 2_000.0))), times(1_501, 2_000));
    }

    #[test]
    fn a_part_that_an_address_names_is_found_in_what_came() {
        let run = RunId::from_bytes([1; 16]);
        let one = Wanted { run, key: "loss".to_owned(), name: "a".to_owned(), role: Role::Series(1), began_ms: 0 };
        let all = series(&[0.0, 10.0, 20.0, 30.0], &[0.0, 1e3, 2e3, 3e3]);
        let whole = Whole::of(&all);
        let came = Fetched { over: None, series: vec![(one, all, whole)] };
        let parts = parts_in(&came, Along::Step, (12.0, 18.0));
        assert_eq!(parts[&(run, "loss".to_owned())].steps, (Some(10), Some(20)));
        let over = Some(Over { key: "tokens".to_owned(), log: false });
        assert!(parts_in(&Fetched { over, ..came }, Along::Step, (12.0, 18.0)).is_empty());
        assert!(parts_in(&Fetched::default(), Along::Step, (12.0, 18.0)).is_empty());
    }

    #[test]
    fn points_of_another_axis_are_still_on_their_way() {
        let over = |key: &str, log| Over { key: key.to_owned(), log };
        let tokens = Fetched { over: Some(over("tokens", false)), series: Vec::new() };
        assert!(is_along(&Fetched::default(), None) && is_along(&tokens, Some(&over("tokens", true))));
        assert!(!is_along(&tokens, None) && !is_along(&tokens, Some(&over("samples", false))));
    }

    #[test]
    fn a_line_and_its_band_are_told_in_one_unit() {
        let mut lines = [Line::new("a", Role::Series(1), vec![0.0], vec![2_000.0])];
        lines[0].band = vec![(1_000.0, 3_000.0)];
        scale(&mut lines, 1e-3);
        assert_eq!((lines[0].y.as_slice(), lines[0].band.as_slice()), (&[2.0][..], &[(1.0, 3.0)][..]));
    }

    #[test]
    fn of_whole_series_a_run_knows_how_many_points_they_have() {
        let run = RunId::from_bytes([1; 16]);
        let whole = InView { name: "a".to_owned(), asked: Viewport::whole(run, "loss"), count: None };
        let part = InView { asked: Viewport { from: Some(5), ..whole.asked.clone() }, ..whole.clone() };
        let drawn = InView { count: Some(7), ..part.clone() };
        let told = counted(vec![whole, part, drawn], |_, key| (key == "loss").then_some(9_000));
        assert_eq!(told.iter().map(|point| point.count).collect::<Vec<_>>(), [Some(9_000), None, Some(7)]);
    }

    #[test]
    fn a_stretch_of_time_is_asked_for_by_its_times_whatever_its_steps_are() {
        // Steps 2 and 3 again, by a resumed run: in the order of the steps the times go to and fro.
        let again = series(&[1.0, 2.0, 2.0, 3.0, 3.0, 4.0], &[1e3, 2e3, 102e3, 3e3, 103e3, 104e3]);
        let whole = Whole::of(&again);
        let part = part_of(&again, whole, 1_000, Along::Seconds, (100.0, 110.0));
        assert_eq!(part, Part { steps: (None, None), times: (Some(100_500), Some(111_500)) });
        let part = part_of(&again, whole, 1_000, Along::Clock, (100e3, 110e3));
        assert_eq!(part.times, (Some(99_500), Some(110_500)));
        let part = part_of(&again, whole, 1_000, Along::Step, (2.0, 3.0));
        assert_eq!(part, Part { steps: (Some(1), Some(4)), times: (None, None) });
    }
}
