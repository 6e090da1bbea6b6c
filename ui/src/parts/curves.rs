//! Series of runs as lines: fetched for a viewport, fetched again as they grow or are zoomed.

use std::{cell::Cell, collections::HashMap, rc::Rc};

use api::{event::Event, id::RunId, series::Series};
use charts::{line::Line, role::Role};
use leptos::{prelude::*, task::spawn_local};

use crate::client::Client;

/// Points that a chart asks for: about one a pixel, and more than one stored stretch of raw points
/// (1,024), so that a short part that lies over two of them still comes raw.
const POINTS: u32 = 1_100;
/// Of very many series each: a chart of a hundred lines has no room for more.
const POINTS_OF_MANY: u32 = 256;
/// More lines than this are many: their colours can't be told apart, and names would fill the card.
pub(crate) const NAMED: usize = 12;
/// A curve of fewer points is shown as it is: smoothing would only shift it.
pub(crate) const FEW: usize = 120;

/// One series to show.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Wanted {
    pub(crate) run: RunId,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// What lies along the horizontal axis.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Along {
    Step,
    /// Seconds since the run's first point.
    Seconds,
    /// Milliseconds since the epoch: the clock's time.
    Clock,
    /// Percent of the run's steps, so that runs of different lengths can be compared.
    Share,
}

/// What the whole of a series says of its axes: a part of it still counts from the run's beginning.
#[derive(Clone, Copy, Default)]
struct Whole {
    first_ms: f64,
    last_step: f64,
}

/// The steps that are asked for; open where `None`.
type Part = (Option<i64>, Option<i64>);

/// The lines of some series, kept fresh. `zoom` is in the units of the axis: its part is asked for
/// again, so that looking closer ends at the raw points.
pub(crate) fn lines(
    wanted: impl Fn() -> Vec<Wanted> + Send + Sync + 'static,
    along: impl Fn() -> Along + Copy + Send + Sync + 'static,
    zoom: RwSignal<Option<(f64, f64)>>,
) -> Signal<Vec<Line>> {
    let all = lines_of_runs(wanted, along, zoom);
    Signal::derive(move || all.get().into_iter().map(|(_, line)| line).collect())
}

/// The same, each with its run: what is not there yet is left out.
pub(crate) fn lines_of_runs(
    wanted: impl Fn() -> Vec<Wanted> + Send + Sync + 'static,
    along: impl Fn() -> Along + Copy + Send + Sync + 'static,
    zoom: RwSignal<Option<(f64, f64)>>,
) -> Signal<Vec<(RunId, Line)>> {
    let client = Client::get();
    let fetched = RwSignal::new(Vec::<(Wanted, Series, Whole)>::new());
    // Of each series the steps of the part that is looked at, found once a zoom.
    let parts = StoredValue::new(HashMap::<(RunId, String), Part>::new());
    let wanted = Memo::new(move |_| wanted());
    let generation = Rc::new(Cell::new(0_u64));
    let busy = Rc::new(Cell::new(false));
    let stale = Rc::new(Cell::new(false));

    let load: Rc<dyn Fn(bool)> = {
        let (generation, busy, stale) = (generation.clone(), busy.clone(), stale.clone());
        Rc::new(move |is_new: bool| {
            if is_new {
                generation.set(generation.get() + 1);
            } else if busy.get() {
                stale.set(true);
                return;
            }
            busy.set(true);
            let (generation, busy, stale) = (generation.clone(), busy.clone(), stale.clone());
            let ours = generation.get();
            spawn_local(async move {
                loop {
                    stale.set(false);
                    let (Some(all), Some(before)) = (wanted.try_get_untracked(), fetched.try_get_untracked()) else {
                        return;
                    };
                    let points = if all.len() > NAMED { POINTS_OF_MANY } else { POINTS };
                    let mut found = Vec::with_capacity(all.len());
                    for one in all {
                        // A series that isn't there yet is no error: the run has only begun.
                        let name = (one.run, one.key.clone());
                        let Some(part) = parts.try_with_value(|parts| parts.get(&name).copied().unwrap_or_default())
                        else {
                            return;
                        };
                        if let Ok(series) = client.series(one.run, &one.key, part.0, part.1, points).await {
                            let kept = before.iter().find(|(other, ..)| *other == one).map(|(_, _, whole)| *whole);
                            let whole = match kept {
                                Some(whole) if part != (None, None) => whole,
                                _ => Whole::of(&series),
                            };
                            found.push((one, series, whole));
                        }
                    }
                    if generation.get() != ours {
                        return;
                    }
                    if fetched.try_set(found).is_some() {
                        return;
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
            let along = untrack(along);
            let looked_at = zoom.get();
            parts.update_value(|parts| {
                parts.clear();
                let Some((from, to)) = looked_at else { return };
                fetched.with_untracked(|fetched| {
                    for (one, series, whole) in fetched {
                        let x = series_x(series, *whole, along);
                        parts.insert((one.run, one.key.clone()), part_of(&series.step, &x, from, to));
                    }
                });
            });
            load(true);
        });
    }
    client.on_event(move |event| match event {
        Event::Points { run, newest } => {
            let ours = wanted.try_with_untracked(|wanted| {
                wanted.iter().any(|one| one.run == *run && newest.iter().any(|point| point.key == one.key))
            });
            if ours == Some(true) {
                load(false);
            }
        }
        Event::Hello { .. } => load(false),
        _ => {}
    });
    Signal::derive(move || {
        let along = along();
        fetched.with(|fetched| {
            fetched.iter().map(|(one, series, whole)| (one.run, line(one, series, *whole, along))).collect()
        })
    })
}

impl Whole {
    fn of(series: &Series) -> Self {
        Self {
            first_ms: series.time_ms.first().copied().unwrap_or(0.0),
            last_step: series.step.last().copied().unwrap_or(0.0),
        }
    }
}

/// The steps between two places of the axis and one beside each, so that the line reaches the edges.
fn part_of(steps: &[f64], x: &[f64], from: f64, to: f64) -> Part {
    let first = x.partition_point(|value| *value < from).checked_sub(1);
    let last = x.partition_point(|value| *value <= to);
    let step = |index: usize| steps.get(index).map(|step| *step as i64);
    (first.and_then(step), step(last))
}

fn series_x(series: &Series, whole: Whole, along: Along) -> Vec<f64> {
    match along {
        Along::Step => series.step.clone(),
        Along::Share => series.step.iter().map(|step| step / whole.last_step.max(1.0) * 100.0).collect(),
        Along::Clock => series.time_ms.clone(),
        Along::Seconds => series.time_ms.iter().map(|time| (time - whole.first_ms) / 1000.0).collect(),
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

fn line(one: &Wanted, series: &Series, whole: Whole, along: Along) -> Line {
    Line::of_series(one.name.clone(), one.role, series_x(series, whole, along), series)
}
