//! Series of runs as lines: fetched for a viewport, fetched again as they grow or are zoomed.

use std::{cell::Cell, rc::Rc};

use api::{event::Event, id::RunId, series::Series};
use charts::{line::Line, role::Role};
use leptos::{prelude::*, task::spawn_local};

use crate::client::Client;

/// Points that a chart asks for: about one a pixel.
const POINTS: u32 = 900;

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
}

/// The lines of some series, kept fresh. `zoom` is in steps, and asks for its part in full.
pub(crate) fn lines(
    wanted: impl Fn() -> Vec<Wanted> + Send + Sync + 'static,
    along: impl Fn() -> Along + Copy + Send + Sync + 'static,
    zoom: RwSignal<Option<(f64, f64)>>,
) -> Signal<Vec<Line>> {
    let client = Client::get();
    let fetched = RwSignal::new(Vec::<(Wanted, Series)>::new());
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
                    let (Some(all), Some(part)) = (wanted.try_get_untracked(), zoom.try_get_untracked()) else {
                        return;
                    };
                    let (from, to) =
                        part.map_or((None, None), |(from, to)| (Some(from.floor() as i64), Some(to.ceil() as i64)));
                    let mut found = Vec::with_capacity(all.len());
                    for one in all {
                        // A series that isn't there yet is no error: the run has only begun.
                        if let Ok(series) = client.series(one.run, &one.key, from, to, POINTS).await {
                            found.push((one, series));
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
        Effect::new(move |_| {
            wanted.track();
            zoom.track();
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
        fetched.with(|fetched| fetched.iter().map(|(one, series)| line(one, series, along)).collect())
    })
}

fn line(one: &Wanted, series: &Series, along: Along) -> Line {
    let x = match along {
        Along::Step => series.step.clone(),
        Along::Seconds => {
            let first = series.time_ms.first().copied().unwrap_or(0.0);
            series.time_ms.iter().map(|time| (time - first) / 1000.0).collect()
        }
    };
    let mut line = Line::new(one.name.clone(), one.role, x, series.last.clone());
    if !series.raw {
        line.band = series.min.iter().copied().zip(series.max.iter().copied()).collect();
    }
    line
}
