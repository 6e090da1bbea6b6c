//! Watching deployments: traffic, windows of drift, alerts.
//!
//! A pass reads each instance's counters and fetches its closed log segments once, closes the windows
//! that are due, and raises or clears alerts. The reference is what the model version brought along:
//! a sample of its validation rows, raw, with the model's own predictions on them.

pub(crate) mod alert;
mod fetch;
mod pass;
pub(crate) mod rows;
mod scrape;
pub(crate) mod window;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use api::{
    ApiError, DeploymentId, ProjectId,
    config::{ColumnType, MonitoringConfig},
    event::Tag,
    monitor::{
        AcknowledgeAlert, Alert, CheckNow, GetMonitoring, GetWindow, ListAlerts, ListWindows, Monitoring, SetMonitored,
        Traffic, TrafficPoint, WindowDetail, WindowPage,
    },
};
use data::drift::window::WindowRule;
use jiff::tz::TimeZone;
use store::{deployment::DeploymentRow, traffic::Counts};

use crate::{Engine, Mode, WeakEngine, deploy, error, package, project};

/// How often a host looks at each watched deployment.
pub(crate) const EVERY: Duration = Duration::from_secs(15);
/// The points of one chart, whatever stretch it shows.
const POINTS: i64 = 240;
/// The longest stretch: traffic is kept for 7 days.
const MOST_HOURS: u32 = 7 * 24;
const WINDOWS: u32 = 200;
const ALERTS: u32 = 200;
const GAPS: u32 = 1000;

/// One pass of a deployment at a time; the engine keeps it.
#[derive(Debug, Default)]
pub struct Passes {
    under_way: Mutex<HashMap<DeploymentId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Passes {
    pub(crate) fn of(&self, deployment: DeploymentId) -> Arc<tokio::sync::Mutex<()>> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(under_way.entry(deployment).or_default())
    }
}

/// What `slipway.toml` says now; the defaults where the project is gone.
pub(crate) async fn config(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<MonitoringConfig> {
    let id = row.project;
    let project = engine.store().read(move |c| store::project::get(c, id)).await?;
    Ok(project.map(|project| project.file.monitoring).unwrap_or_default())
}

/// Why the last pass failed, where it did.
pub(crate) fn problem_name(deployment: DeploymentId) -> String {
    format!("watch/{deployment}")
}

pub async fn get(engine: &Engine, request: GetMonitoring) -> anyhow::Result<Monitoring> {
    let row = deploy::find(engine, request.deployment).await?;
    let version = package::version(engine, row.version).await?.version;
    let config = config(engine, &row).await?;
    let rule = WindowRule::parse(&config.window, config.min_rows);
    let hours = request.hours.unwrap_or(MOST_HOURS).clamp(1, MOST_HOURS);
    let from_ms = engine.now_ms() - i64::from(hours) * 3_600_000;
    let (id, current) = (row.id, row.version);
    let name = problem_name(id);
    let (total, points, windows, windows_in_all, open_rows, opened_ms, mut alerts, gaps, problem) = engine
        .store()
        .read(move |c| {
            let open = store::window::open_segments(c, id, current)?;
            Ok((
                store::traffic::total(c, id)?,
                store::traffic::points(c, id, from_ms)?,
                store::window::newest(c, id, None, WINDOWS)?,
                store::window::count(c, id)?,
                store::window::open_rows(c, id, current)?,
                open.first().map(|segment| segment.from_ms),
                store::alert::of_deployment(c, id, ALERTS)?,
                store::window::gaps(c, id, GAPS)?,
                store::setting::get::<ApiError>(c, &name)?,
            ))
        })
        .await?;
    let sensitive = deploy::sensitive::of(engine, &version).await?;
    alert::hide(&mut alerts, &sensitive);
    let (every, open_until, wrong) = match &rule {
        Ok(rule) => {
            // The host's clock on the wall is that of whoever looks: it answers this machine alone.
            let until = window::until(*rule, open_rows, opened_ms, engine.now_ms(), &TimeZone::system());
            (window::every(*rule), until, None)
        }
        Err(error) => (String::new(), String::new(), Some(ApiError::invalid(error.to_string()))),
    };
    let not_watched = version
        .signature
        .inputs
        .iter()
        .filter(|input| {
            let is_logged = !sensitive.contains(&input.name) && !row.spec.not_logged.contains(&input.name);
            !is_logged || matches!(input.kind, ColumnType::Image | ColumnType::Text)
        })
        .map(|input| input.name.clone())
        .collect();
    Ok(Monitoring {
        deployment: id,
        monitored: row.monitored,
        headline: format!("v{}, compared with its validation data, {every}", version.number),
        traffic: traffic(total, &points, hours),
        windows: windows.iter().map(window::summary).collect(),
        windows_in_all,
        open_rows,
        open_until,
        alerts,
        gaps,
        not_watched,
        problem: wrong.or(problem),
    })
}

fn traffic(total: Option<store::traffic::Total>, points: &[(i64, Counts)], hours: u32) -> Traffic {
    let counted_every_secs = EVERY.as_secs() as u32;
    let Some(total) = total else { return Traffic { hours, counted_every_secs, ..Traffic::default() } };
    let milliseconds =
        |counts: &Counts, quantile: f64| scrape::quantile(&counts.buckets, quantile).map(|seconds| seconds * 1e3);
    let mut whole = Counts::default();
    points.iter().for_each(|(_, counts)| whole.add(counts));
    Traffic {
        hours,
        requests: whole.requests,
        rows: whole.rows,
        errors: whole.errors,
        requests_per_second: rate(points),
        p50_ms: milliseconds(&whole, 0.5),
        p95_ms: milliseconds(&whole, 0.95),
        p99_ms: milliseconds(&whole, 0.99),
        history: thinned(points, hours)
            .iter()
            .map(|(at_ms, counts)| TrafficPoint {
                at_ms: *at_ms,
                requests: counts.requests,
                errors: counts.errors,
                p50_ms: milliseconds(counts, 0.5),
                p95_ms: milliseconds(counts, 0.95),
                p99_ms: milliseconds(counts, 0.99),
            })
            .collect(),
        requests_in_all: total.counts.requests,
        since_ms: Some(total.since_ms),
        counted_every_secs,
        counted_ms: Some(total.seen_ms),
    }
}

/// Requests a second over the newest minute, or over what there is.
fn rate(points: &[(i64, Counts)]) -> f64 {
    let newest = points.last().map_or(0, |(at_ms, _)| *at_ms);
    let before = points.iter().rev().find(|(at_ms, _)| newest - at_ms >= 60_000).or_else(|| points.first());
    let Some((first, _)) = before else { return 0.0 };
    let seconds = (newest - first) as f64 / 1e3;
    let counted: u64 = points.iter().filter(|(at_ms, _)| at_ms > first).map(|(_, counts)| counts.requests).sum();
    if seconds > 0.0 { counted as f64 / seconds } else { 0.0 }
}

/// Points of the same step of the stretch become one, at the time of the last of them.
fn thinned(points: &[(i64, Counts)], hours: u32) -> Vec<(i64, Counts)> {
    let step = i64::from(hours) * 3_600_000 / POINTS;
    let mut thin: Vec<(i64, Counts)> = Vec::new();
    for (at_ms, counts) in points {
        match thin.last_mut() {
            Some((last, sum)) if last.div_euclid(step) == at_ms.div_euclid(step) => {
                *last = *at_ms;
                sum.add(counts);
            }
            _ => thin.push((*at_ms, counts.clone())),
        }
    }
    thin
}

pub async fn windows(engine: &Engine, request: ListWindows) -> anyhow::Result<WindowPage> {
    let id = deploy::find(engine, request.deployment).await?.id;
    let limit = request.limit.min(WINDOWS);
    let (windows, total) = engine
        .store()
        .read(move |c| Ok((store::window::page(c, id, request.skip, limit)?, store::window::count(c, id)?)))
        .await?;
    Ok(WindowPage { windows: windows.iter().map(window::summary).collect(), total })
}

pub async fn window(engine: &Engine, request: GetWindow) -> anyhow::Result<WindowDetail> {
    let (row, _) = window::shown(engine, request.window).await?;
    Ok(WindowDetail { summary: window::summary(&row), report: row.report })
}

/// One pass now; segments that are still open are closed for it, so that everything asked so far counts.
pub async fn check(engine: &Engine, request: CheckNow) -> anyhow::Result<Monitoring> {
    pass::run(engine, request.deployment, true).await?;
    get(engine, GetMonitoring { deployment: request.deployment, hours: None }).await
}

pub async fn set(engine: &Engine, request: SetMonitored) -> anyhow::Result<Monitoring> {
    turn(engine, request.deployment, request.monitored).await?;
    get(engine, GetMonitoring { deployment: request.deployment, hours: None }).await
}

/// Turns watching on or off.
pub(crate) async fn turn(engine: &Engine, id: DeploymentId, monitored: bool) -> anyhow::Result<()> {
    let row = deploy::find(engine, id).await?;
    let is_other = row.monitored != monitored;
    if is_other {
        // What was till now is a gap of its own: whoever turns watching on again is told that it was off.
        pass::note_gap(engine, &row).await?;
    }
    let now = engine.now_ms();
    engine
        .store()
        .write_durable(move |tx| {
            if is_other {
                store::traffic::set_seen(tx, id, now)?;
            }
            store::deployment::set_monitored(tx, id, monitored)
        })
        .await?;
    engine.changed(Tag::Monitor(id));
    engine.changed(Tag::Deployments);
    Ok(())
}

pub async fn alerts(engine: &Engine, request: ListAlerts) -> anyhow::Result<Vec<Alert>> {
    let list = engine.store().read(move |c| store::alert::list(c, request.project, request.open_only, ALERTS));
    let mut alerts = list.await?;
    let projects: BTreeSet<ProjectId> = alerts.iter().map(|alert| alert.project).collect();
    for id in projects {
        let sensitive = project::find(engine, id).await?.file.data.sensitive;
        let own = alerts.iter_mut().filter(|alert| alert.project == id);
        own.for_each(|alert| alert::hide(std::slice::from_mut(alert), &sensitive));
    }
    Ok(alerts)
}

pub async fn acknowledge(engine: &Engine, request: AcknowledgeAlert) -> anyhow::Result<Alert> {
    let (id, now) = (request.alert, engine.now_ms());
    engine.store().write(move |tx| store::alert::acknowledge(tx, id, now)).await?;
    let found = engine.store().read(move |c| store::alert::get(c, id)).await?;
    let alert = found.ok_or_else(|| error::missing("alert", id))?;
    engine.changed(Tag::Monitor(alert.deployment));
    engine.changed(Tag::Deployments);
    Ok(alert)
}

/// Looks at every watched deployment, again and again, and lets the logs of the others grow old. Only in the host.
pub(crate) fn start(engine: &Engine) {
    if engine.options().mode == Mode::Host {
        tokio::spawn(watch(engine.downgrade()));
    }
}

async fn watch(weak: WeakEngine) {
    let mut rounds = deploy::rounds::Rounds::default();
    while let Some(engine) = weak.upgrade() {
        let rows = engine.store().read(|c| store::deployment::list(c, None)).await.unwrap_or_default();
        for row in rows {
            let engine = engine.clone();
            rounds.go(row.id, async move {
                let looked = if row.monitored {
                    pass::run(&engine, row.id, false).await
                } else {
                    pass::expire_unwatched(&engine, row.id).await
                };
                if let Err(error) = looked {
                    tracing::debug!(name = row.name, error = format!("{error:#}"), "a deployment can't be watched");
                }
            });
        }
        let clock = Arc::clone(engine.clock());
        // While it waits, it must not keep the workspace open.
        drop(engine);
        clock.sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at_ms: i64, requests: u64) -> (i64, Counts) {
        (at_ms, Counts { requests, buckets: vec![requests], ..Counts::default() })
    }

    #[test]
    fn a_long_stretch_has_no_more_points_than_a_short_one_and_loses_no_request() {
        let day: Vec<_> = (0..24 * 240).map(|index| point(index * 15_000, 2)).collect();
        let thin = thinned(&day, 24);
        assert!(thin.len() <= 241, "{}", thin.len());
        assert_eq!(thin.iter().map(|(_, counts)| counts.requests).sum::<u64>(), 24 * 240 * 2);
        assert_eq!(thinned(&day[..240], 1).len(), 240, "an hour keeps each reading");
    }

    #[test]
    fn the_rate_is_of_the_newest_minute() {
        let points: Vec<_> = (0..20).map(|index| point(index * 15_000, if index < 16 { 0 } else { 30 })).collect();
        assert!((rate(&points) - 2.0).abs() < 1e-9, "{}", rate(&points));
        assert_eq!(rate(&[]), 0.0);
    }
}
