//! What the newest deployment is asked, beside what waits: the road's last station at a glance.

use api::{
    deploy::{Deployment, ListDeployments},
    monitor::{GetMonitoring, Monitoring},
};
use charts::{
    axis::Axis,
    line::{Line, LineChart},
    plot::Scale,
    role::Role,
};
use leptos::prelude::*;

use crate::{
    client::query::query,
    frame::place::Place,
    parts::{
        chart::ChartCard,
        traffic::{each, step_ms, stretch},
        words,
    },
};

/// A low window has room for a glance only.
const TALL_WINDOW: f64 = 900.0;
/// What is looked at.
const HOURS: u32 = 6;

#[component]
pub(super) fn Requests() -> impl IntoView {
    let place = Place::get();
    let deployments = query(move || place.project.get().map(|project| ListDeployments { project: Some(project) }));
    let newest = Memo::new(move |_| {
        deployments.value.with(|all| {
            let newest = all.as_ref()?.iter().max_by_key(|deployment: &&Deployment| deployment.created_ms)?;
            Some((newest.id, newest.name.clone()))
        })
    });
    let seen = query(move || newest.get().map(|(deployment, _)| GetMonitoring { deployment, hours: Some(HOURS) }));
    // A line of zeros says nothing that the road doesn't say.
    let was_asked = |seen: &Monitoring| seen.traffic.history.iter().any(|point| point.requests > 0);
    let has_history = Memo::new(move |_| seen.value.with(|seen| seen.as_ref().is_some_and(was_asked)));
    move || {
        let (_, name) = newest.get().filter(|_| has_history.get())?;
        let room = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(0.0);
        let height = if room >= TALL_WINDOW { 210.0 } else { 116.0 };
        let chart = Signal::derive(move || seen.value.with(|seen| seen.as_ref().map(chart).unwrap_or_default()));
        let note = Signal::derive(move || seen.value.with(|seen| seen.as_ref().map(remark).unwrap_or_default()));
        Some(view! { <ChartCard title=format!("Requests to {name}") note chart height /> })
    }
}

fn remark(seen: &Monitoring) -> String {
    let all = format!("{} · {} in {HOURS} h", each(seen), words::count(seen.traffic.requests));
    match seen.traffic.p99_ms {
        Some(p99) => format!("{all} · p99 {p99:.1} ms"),
        None => all,
    }
}

fn chart(seen: &Monitoring) -> LineChart {
    let history = &seen.traffic.history;
    let x: Vec<f64> = history.iter().map(|point| point.at_ms as f64).collect();
    let of = |take: fn(&api::monitor::TrafficPoint) -> u64| history.iter().map(|point| take(point) as f64).collect();
    let mut lines = vec![Line::new("answered", Role::Series(1), x.clone(), of(|point| point.requests))];
    if seen.traffic.errors > 0 {
        lines.push(Line::new("failed", Role::Bad, x, of(|point| point.errors)));
    }
    let offset_minutes = -js_sys::Date::new_0().get_timezone_offset() as i32;
    LineChart {
        name: "Requests".to_owned(),
        lines,
        x: Axis { scale: Scale::Time { offset_minutes }, range: Some(stretch(seen)), ..Axis::default() },
        y: Axis { from_zero: true, ..Axis::default() },
        bar_width: Some(step_ms(seen)),
        ..LineChart::default()
    }
}
