//! Alerts: a drift that lasts is raised, one that stopped is cleared.

use std::collections::BTreeSet;

use api::{
    AlertId, VersionId,
    config::MonitoringConfig,
    drift::Verdict,
    event::{Event, Tag},
    monitor::Alert,
    project::{Happening, Stage, StationState},
};
use data::drift::alert::{AlertChange, AlertState};
use store::{deployment::DeploymentRow, window::WindowRow};

use crate::{
    Engine,
    monitor::window::{intensity, sentence, verdict},
};

/// How far back states are followed.
const HISTORY: u32 = 200;

/// Follows every column of a version through its windows; `new` of them were just closed.
pub(crate) async fn follow(
    engine: &Engine,
    row: &DeploymentRow,
    version: VersionId,
    config: &MonitoringConfig,
    new: usize,
) -> anyhow::Result<()> {
    let id = row.id;
    let (windows, open) = engine
        .store()
        .read(move |c| Ok((store::window::newest(c, id, Some(version), HISTORY)?, store::alert::open(c, id)?)))
        .await?;
    let columns: BTreeSet<&str> =
        windows.iter().flat_map(|window| &window.report.columns).map(|column| column.column.as_str()).collect();
    for column in columns {
        let open = open.iter().find(|(of, alert)| *of == version && alert.column == column).map(|(_, alert)| alert);
        match change(&windows, column, config, new) {
            AlertChange::Raised if open.is_none() => raise(engine, row, version, &windows, column).await?,
            AlertChange::Cleared => clear(engine, row, open).await?,
            _ => lengthen(engine, open, &windows, column).await?,
        }
    }
    Ok(())
}

/// The last change among the newly closed windows.
fn change(windows: &[WindowRow], column: &str, config: &MonitoringConfig, new: usize) -> AlertChange {
    let mut state = AlertState::default();
    let mut last = AlertChange::Nothing;
    for (index, window) in windows.iter().enumerate() {
        // A column that a window doesn't have decides nothing there.
        let verdict = verdict(&window.report, column).unwrap_or(Verdict::NoValues);
        let change = state.after(verdict, config.raise_after, config.clear_after);
        if index + new >= windows.len() && change != AlertChange::Nothing {
            last = change;
        }
    }
    last
}

/// Drifted windows in a row, up to the newest.
fn streak(windows: &[WindowRow], column: &str) -> u32 {
    windows.iter().rev().take_while(|window| verdict(&window.report, column) == Some(Verdict::Drifted)).count() as u32
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
        sentence: format!("[{}](/p/{}/monitor) sees drift: {}", row.name, row.project, alert.sentence),
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

async fn clear(engine: &Engine, row: &DeploymentRow, open: Option<&Alert>) -> anyhow::Result<()> {
    let Some(alert) = open else { return Ok(()) };
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
async fn lengthen(engine: &Engine, open: Option<&Alert>, windows: &[WindowRow], column: &str) -> anyhow::Result<()> {
    let (Some(alert), Some(newest)) = (open, windows.last()) else { return Ok(()) };
    let Some(found) =
        newest.report.columns.iter().find(|found| found.column == column && found.verdict == Verdict::Drifted)
    else {
        return Ok(());
    };
    let (id, sentence, severity) = (alert.id, sentence(found, streak(windows, column)), intensity(found));
    engine.store().write(move |tx| store::alert::update(tx, id, &sentence, severity)).await?;
    Ok(())
}

/// Alerts of versions that no longer run can't be cleared by windows any more.
pub(crate) async fn clear_replaced(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<()> {
    let id = row.id;
    let open = engine.store().read(move |c| store::alert::open(c, id)).await?;
    for (_, alert) in open.iter().filter(|(version, _)| *version != row.version) {
        let (alert, now) = (alert.id, engine.now_ms());
        engine.store().write(move |tx| store::alert::clear(tx, alert, now)).await?;
        engine.changed(Tag::Deployments);
    }
    Ok(())
}
