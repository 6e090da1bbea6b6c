//! Alerts: a drift that lasts is raised, one that stopped is cleared.

use std::collections::BTreeSet;

use api::{
    AlertId, DeploymentId, VersionId,
    config::MonitoringConfig,
    drift::Verdict,
    event::{Event, Tag},
    monitor::Alert,
    project::{Happening, Stage, StationState},
};
use data::drift::alert::AlertState;
use store::{deployment::DeploymentRow, window::WindowRow};

use crate::{
    Engine,
    monitor::window::{intensity, sentence, verdict},
};

/// How far back states are followed.
const HISTORY: u32 = 200;

/// Follows every column of a version through its windows.
///
/// The alerts are the memory: an open one is followed from where it was raised, and where none is open
/// the windows count that were closed after the last one was cleared. So what a roll out cleared is
/// raised again after a roll back, by the same rule as the first time, and windows whose host died
/// before this call count with the next ones.
pub(crate) async fn follow(
    engine: &Engine,
    row: &DeploymentRow,
    version: VersionId,
    config: &MonitoringConfig,
) -> anyhow::Result<()> {
    let id = row.id;
    let (windows, open, cleared, live) = engine
        .store()
        .read(move |c| {
            Ok((
                store::window::newest(c, id, Some(version), HISTORY)?,
                store::alert::open(c, id)?,
                store::alert::last_cleared(c, id, version)?,
                live(c, id)?,
            ))
        })
        .await?;
    // Rows of a replaced version that came late make a window, and no alert.
    if !live.contains(&version) {
        return Ok(());
    }
    let columns: BTreeSet<&str> =
        windows.iter().flat_map(|window| &window.report.columns).map(|column| column.column.as_str()).collect();
    for column in columns {
        let open = open.iter().find(|(of, alert)| *of == version && alert.column == column).map(|(_, alert)| alert);
        let since = open.map(|alert| alert.raised_ms).or_else(|| cleared.get(column).copied());
        let state = AlertState { raised: open.is_some(), streak: 0 };
        // By the time of closing, since rows of several instances come in any order.
        let counted = windows.iter().filter(|window| since.is_none_or(|since| window.id.made_ms() > since));
        match (open, raised(state, counted, column, config)) {
            (None, true) => raise(engine, row, version, &windows, column).await?,
            (None, false) => {}
            (Some(alert), true) => lengthen(engine, alert, &windows, column).await?,
            (Some(alert), false) => clear(engine, row, alert).await?,
        }
    }
    Ok(())
}

/// Whether an alert should be open after these windows.
fn raised<'a>(
    mut state: AlertState,
    windows: impl Iterator<Item = &'a WindowRow>,
    column: &str,
    config: &MonitoringConfig,
) -> bool {
    for window in windows {
        // A column that a window doesn't have decides nothing there.
        let verdict = verdict(&window.report, column).unwrap_or(Verdict::NoValues);
        state.after(verdict, config.raise_after, config.clear_after);
    }
    state.raised
}

/// The versions that answer: what is wanted now, and what was good last. While a rollout is under way, or
/// after one that failed, those are two.
fn live(c: &store::Connection, id: DeploymentId) -> store::Result<Vec<VersionId>> {
    let wanted = store::deployment::get(c, id)?.map(|row| row.version);
    let good = store::deployment::newest_good(c, id)?.map(|row| row.rollout.version);
    Ok(wanted.into_iter().chain(good).collect())
}

/// Drifted windows in a row, up to the newest.
fn streak(windows: &[WindowRow], column: &str) -> u32 {
    windows.iter().rev().take_while(|window| verdict(&window.report, column) == Some(Verdict::Drifted)).count() as u32
}

/// Leaves the values out of what was said of columns that are `sensitive` now.
pub(crate) fn hide(alerts: &mut [Alert], sensitive: &[String]) {
    for alert in alerts.iter_mut().filter(|alert| sensitive.contains(&alert.column)) {
        alert.sentence = format!("{} drifted; it is sensitive, so its values are not shown", alert.column);
    }
}

async fn raise(
    engine: &Engine,
    row: &DeploymentRow,
    version: VersionId,
    windows: &[WindowRow],
    column: &str,
) -> anyhow::Result<()> {
    let found = windows.iter().rev().find_map(|window| {
        window.report.columns.iter().find(|found| found.column == column && found.verdict == Verdict::Drifted)
    });
    let Some(found) = found else { return Ok(()) };
    let alert = Alert {
        id: AlertId::from_bytes(engine.new_id()),
        project: row.project,
        deployment: row.id,
        deployment_name: row.name.clone(),
        column: column.to_owned(),
        sentence: sentence(found, streak(windows, column).max(1)),
        severity: intensity(found),
        raised_ms: engine.now_ms(),
        cleared_ms: None,
        acknowledged_ms: None,
        run: None,
    };
    let happening = Happening {
        at_ms: alert.raised_ms,
        stage: Stage::Watch,
        state: StationState::Warn,
        sentence: format!("On [{}](/p/{}/monitor), {}", row.name, row.project, alert.sentence),
    };
    let (written, project) = (alert.clone(), row.project);
    engine
        .store()
        .write_durable(move |tx| {
            store::alert::insert(tx, version, &written)?;
            store::happening::add(tx, project, &happening)
        })
        .await?;
    engine.events().send(Event::AlertRaised { alert });
    engine.changed(Tag::Deployments);
    Ok(())
}

async fn clear(engine: &Engine, row: &DeploymentRow, alert: &Alert) -> anyhow::Result<()> {
    let happening = Happening {
        at_ms: engine.now_ms(),
        stage: Stage::Watch,
        state: StationState::Good,
        sentence: format!("[{}](/p/{}/monitor): {} no longer drifts", row.name, row.project, alert.column),
    };
    let (id, now, project) = (alert.id, engine.now_ms(), row.project);
    engine
        .store()
        .write(move |tx| {
            store::alert::clear(tx, id, now)?;
            store::happening::add(tx, project, &happening)
        })
        .await?;
    engine.changed(Tag::Deployments);
    Ok(())
}

/// An open alert says what the newest window says.
async fn lengthen(engine: &Engine, alert: &Alert, windows: &[WindowRow], column: &str) -> anyhow::Result<()> {
    let Some(newest) = windows.last() else { return Ok(()) };
    let Some(found) =
        newest.report.columns.iter().find(|found| found.column == column && found.verdict == Verdict::Drifted)
    else {
        return Ok(());
    };
    let (id, sentence, severity) = (alert.id, sentence(found, streak(windows, column)), intensity(found));
    engine.store().write(move |tx| store::alert::update(tx, id, &sentence, severity)).await?;
    Ok(())
}

/// Clears the alerts of versions that no longer answer: no window can do it any more. Whether there was one.
pub(crate) fn clear_replaced(tx: &store::Transaction<'_>, id: DeploymentId, now_ms: i64) -> store::Result<bool> {
    let live = live(tx, id)?;
    let open = store::alert::open(tx, id)?;
    let replaced: Vec<AlertId> =
        open.iter().filter(|(version, _)| !live.contains(version)).map(|(_, alert)| alert.id).collect();
    for alert in &replaced {
        store::alert::clear(tx, *alert, now_ms)?;
    }
    Ok(!replaced.is_empty())
}
