//! Requests and latency over time; a time without a host is a gap, not a line.

use api::monitor::{Monitoring, TrafficPoint};
use charts::{
    axis::Axis,
    line::{Line, LineChart},
    plot::Scale,
    role::Role,
};
use leptos::prelude::*;

use crate::parts::{
    chart::ChartCard,
    traffic::{each, step_ms, stretch},
};

/// Readings further apart than this, or than two steps of the chart, are not joined: nobody asked in between.
const GAP_MS: f64 = 5.0 * 60_000.0;

#[component]
pub(super) fn Traffic(now: Signal<Monitoring>) -> impl IntoView {
    let cross = RwSignal::new(None::<f64>);
    let note = Signal::derive(move || now.with(each));
    view! {
        <div class="columns">
            <ChartCard title="Latency" note="by percentile" chart=Signal::derive(move || now.with(latency)) cross />
            <ChartCard title="Requests" note chart=Signal::derive(move || now.with(requests)) cross />
        </div>
    }
}

fn chart(now: &Monitoring, name: &str, lines: Vec<Line>, unit: &str) -> LineChart {
    let offset_minutes = -js_sys::Date::new_0().get_timezone_offset() as i32;
    LineChart {
        name: name.to_owned(),
        lines,
        x: Axis { scale: Scale::Time { offset_minutes }, range: Some(stretch(now)), ..Axis::default() },
        y: Axis { unit: unit.to_owned(), from_zero: true, ..Axis::default() },
        smoothing: 0.0,
        gap: Some(GAP_MS.max(2.5 * step_ms(now))),
        has_marks: true,
        bar_width: None,
    }
}

fn latency(now: &Monitoring) -> LineChart {
    let line = |name: &str, index: usize, of: fn(&TrafficPoint) -> Option<f64>| {
        let points = now.traffic.history.iter().filter_map(|point| Some((point.at_ms as f64, of(point)?)));
        let (x, y) = points.unzip();
        Line::new(name, Role::series(index), x, y)
    };
    let lines = vec![
        line("p50", 0, |point| point.p50_ms),
        line("p95", 1, |point| point.p95_ms),
        line("p99", 3, |point| point.p99_ms),
    ];
    chart(now, "Latency", lines, "ms")
}

fn requests(now: &Monitoring) -> LineChart {
    let history = &now.traffic.history;
    let times = || history.iter().map(|point| point.at_ms as f64).collect();
    let series = |of: fn(&TrafficPoint) -> u64| history.iter().map(|point| of(point) as f64).collect();
    let mut lines = vec![Line::new("requests", Role::series(0), times(), series(|point| point.requests))];
    if now.traffic.errors > 0 {
        lines.push(Line::new("errors", Role::Bad, times(), series(|point| point.errors)));
    }
    LineChart { bar_width: Some(step_ms(now)), ..chart(now, "Requests", lines, "") }
}
