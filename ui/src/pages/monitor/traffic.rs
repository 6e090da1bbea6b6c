//! Requests and latency over time; a time without a host is a gap, not a line.

use api::monitor::Monitoring;
use charts::{
    axis::Axis,
    line::{Line, LineChart},
    role::Role,
};
use leptos::prelude::*;

use crate::parts::chart::ChartCard;

/// Scrapes further apart than this are not joined.
const GAP_MINUTES: f64 = 5.0;

#[component]
pub(super) fn Traffic(now: Signal<Monitoring>) -> impl IntoView {
    view! {
        <div class="columns">
            <ChartCard title="Latency" note="ms, by percentile" chart=Signal::derive(move || now.with(latency)) />
            <ChartCard title="Requests" note="per reading" chart=Signal::derive(move || now.with(requests)) />
        </div>
    }
}

/// Minutes before the newest reading.
fn minutes(now: &Monitoring) -> Vec<f64> {
    let newest = now.traffic.history.last().map_or(0, |point| point.at_ms);
    now.traffic.history.iter().map(|point| (point.at_ms - newest) as f64 / 60_000.0).collect()
}

fn chart(name: &str, lines: Vec<Line>, unit: &str) -> LineChart {
    LineChart {
        name: name.to_owned(),
        lines,
        x: Axis::labelled("min"),
        y: Axis { unit: unit.to_owned(), from_zero: true, ..Axis::default() },
        smoothing: 0.0,
        gap: Some(GAP_MINUTES),
        has_marks: true,
    }
}

fn latency(now: &Monitoring) -> LineChart {
    let line = |name: &str, index: usize, of: fn(&api::monitor::TrafficPoint) -> Option<f64>| {
        let (x, y) =
            minutes(now).into_iter().zip(&now.traffic.history).filter_map(|(x, point)| Some((x, of(point)?))).unzip();
        Line::new(name, Role::series(index), x, y)
    };
    chart(
        "Latency",
        vec![
            line("p50", 0, |point| point.p50_ms),
            line("p95", 1, |point| point.p95_ms),
            line("p99", 3, |point| point.p99_ms),
        ],
        "ms",
    )
}

fn requests(now: &Monitoring) -> LineChart {
    let series =
        |of: fn(&api::monitor::TrafficPoint) -> u64| now.traffic.history.iter().map(|point| of(point) as f64).collect();
    let mut lines = vec![Line::new("requests", Role::series(0), minutes(now), series(|point| point.requests))];
    if now.traffic.errors > 0 {
        lines.push(Line::new("errors", Role::series(1), minutes(now), series(|point| point.errors)));
    }
    chart("Requests", lines, "")
}
