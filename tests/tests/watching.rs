//! Watching through the engine, with real requests to a real server and a clock that is turned.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use api::{
    DeploymentId, ProjectId,
    config::ProjectFile,
    deploy::{CallDeployment, DeploySpec, Deployment, SendTraffic, StartDeploy},
    drift::Verdict,
    job::Subject,
    model::GetVersion,
    monitor::{CheckNow, GetMonitoring, GetWindow, GetWindowRows, ListAlerts, Monitoring},
    project::GetOverview,
    run::{GetRun, RunState, StartRun},
};
use journeys::stage::{Stage, table};
use serde_json::json;

/// A deployment whose project has a window of `window` and a file with and one without a shift.
async fn watched(stage: &Stage, window: &str, min_rows: u64) -> Result<(ProjectId, Deployment)> {
    let project = stage.project("big-x").await?;
    let set = [("monitoring.window", json!(window)), ("monitoring.min_rows", json!(min_rows))];
    let set = set.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
    stage.call(api::project::EditProjectFile { project, set }).await?;
    stage.write("big-x/beside/same.csv", &table(4000, 2, 0.0))?;
    stage.write("big-x/beside/shifted.csv", &table(4000, 3, 0.5))?;
    let version = stage.version(project).await?;
    Ok((project, stage.deploy("tumours", version.id).await?))
}

async fn send(stage: &Stage, deployment: DeploymentId, file: &str, rows: u64, offset: u64) -> Result<Monitoring> {
    let path = format!("beside/{file}.csv");
    let job = stage.call(SendTraffic { deployment, path, rows, offset: Some(offset), batch: Some(20) }).await?;
    let job = stage.done(job).await?;
    ensure!(job.message.contains("no errors"), "{}", job.message);
    Ok(stage.call(CheckNow { deployment }).await?)
}

/// What the road says of watching: its figure and its detail.
async fn watch(stage: &Stage, project: ProjectId) -> Result<(String, String)> {
    let road = stage.call(GetOverview { project }).await?.road;
    let watch = road.into_iter().find(|station| station.stage == api::project::Stage::Watch);
    let watch = watch.context("the road has no station for watching")?;
    Ok((watch.figure, watch.detail))
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_alerts_and_what_is_not_watched() {
    let Some(stage) = Stage::new().await.unwrap() else { return };
    by_rows(stage).await.unwrap();
}

async fn by_rows(stage: Stage) -> Result<()> {
    let (project, deployment) = watched(&stage, "200 rows", 1).await?;
    let id = deployment.id;

    // The app's own calls are not traffic.
    let rows = stage.call(GetVersion { version: deployment.spec.version }).await?.examples;
    stage.call(CallDeployment { deployment: id, rows }).await?;
    let quiet = stage.call(CheckNow { deployment: id }).await?;
    ensure!((quiet.traffic.requests, quiet.open_rows) == (0, 0), "a sample call counts: {quiet:?}");
    ensure!(quiet.traffic.counted_every_secs == 15 && quiet.traffic.counted_ms.is_some(), "{:?}", quiet.traffic);
    ensure!(quiet.not_watched == ["z"] && quiet.problem.is_none(), "{quiet:?}");
    ensure!(watch(&stage, project).await? == ("–".to_owned(), "Not asked yet".to_owned()));

    // Rows are counted once, however often they are asked for, and by whichever host.
    let part = send(&stage, id, "same", 150, 0).await?;
    ensure!((part.traffic.rows, part.open_rows, part.windows.len()) == (150, 150, 0), "{part:?}");
    ensure!(part.open_until.contains("50 more rows"), "{}", part.open_until);
    ensure!(watch(&stage, project).await? == ("–".to_owned(), "No window has closed yet".to_owned()));
    let again = stage.call(CheckNow { deployment: id }).await?;
    ensure!((again.traffic.rows, again.open_rows) == (150, 150), "{again:?}");
    let stage = stage.reopen().await?;
    let again = stage.call(CheckNow { deployment: id }).await?;
    ensure!((again.traffic.rows, again.open_rows) == (150, 150), "the next host counts twice: {again:?}");

    // A window takes exactly its rows; what is over opens the next one.
    let first = send(&stage, id, "same", 100, 150).await?;
    ensure!((first.windows.len(), first.windows[0].rows, first.open_rows) == (1, 200, 50), "{first:?}");
    let road = watch(&stage, project).await?;
    // By chance a column of one window exceeds its 99 %.
    ensure!(["Calm", "No alert"].contains(&road.0.as_str()), "{road:?}: {:?}", first.windows[0].cells);
    let columns: Vec<&str> = first.windows[0].cells.iter().map(|cell| cell.column.as_str()).collect();
    ensure!(columns.contains(&"x") && columns.contains(&"colour") && columns.contains(&"prediction"), "{columns:?}");
    let report = stage.call(GetWindow { window: first.windows[0].id }).await?.report;
    let hidden = report.columns.iter().find(|column| column.column == "z");
    ensure!(hidden.is_none_or(|column| column.verdict == Verdict::NotWatched && column.value.is_none()), "{hidden:?}");
    ensure!(first.alerts.is_empty(), "{:?}", first.alerts);

    // From the window to its rows: what was asked and answered, without the sensitive column.
    let asked = GetWindowRows { window: first.windows[0].id, offset: 195, limit: 10, only: None };
    let rows = stage.call(asked).await?;
    let names: Vec<&str> = rows.page.columns.iter().map(|column| column.name.as_str()).collect();
    ensure!(names[0] == "_received_ms" && names.contains(&"x") && names.contains(&"prediction"), "{names:?}");
    ensure!((rows.page.total_rows, rows.page.rows.len(), rows.gone_rows) == (200, 5, 0), "{rows:?}");
    ensure!(rows.not_logged == ["z"], "{rows:?}");

    let alert = raised_after_two_and_cleared_after_three(&stage, project, id).await?;
    retrained(&stage, project, alert).await
}

async fn raised_after_two_and_cleared_after_three(
    stage: &Stage,
    project: ProjectId,
    id: DeploymentId,
) -> Result<api::AlertId> {
    // 50 rows are open: this fills that window, and leaves 0.
    send(stage, id, "same", 150, 250).await?;
    let one = send(stage, id, "shifted", 200, 0).await?;
    ensure!(one.windows.last().is_some_and(|window| window.drifted > 0), "{:?}", one.windows.last());
    ensure!(one.alerts.is_empty(), "one window raises nothing: {:?}", one.alerts);
    let two = send(stage, id, "shifted", 200, 200).await?;
    let alert = two.alerts.iter().find(|alert| alert.column == "x").context("no alert after two windows")?;
    ensure!(alert.sentence.contains("x drifted") && alert.cleared_ms.is_none(), "{alert:?}");
    let open = ListAlerts { project: Some(project), open_only: true };
    ensure!(stage.call(open.clone()).await?.iter().any(|open| open.id == alert.id));
    for window in 0..3 {
        ensure!(stage.call(open.clone()).await?.iter().any(|open| open.id == alert.id), "cleared after {window}");
        send(stage, id, "same", 200, 600 + window * 200).await?;
    }
    ensure!(stage.call(open).await?.iter().all(|open| open.id != alert.id), "not cleared after three quiet windows");
    let all = stage.call(GetMonitoring { deployment: id, hours: None }).await?.alerts;
    ensure!(all.iter().any(|one| one.id == alert.id && one.cleared_ms.is_some()), "{all:?}");
    Ok(alert.id)
}

async fn retrained(stage: &Stage, project: ProjectId, alert: api::AlertId) -> Result<()> {
    let request = StartRun { alert: Some(alert), ..StartRun::of(project) };
    let job = stage.call(request).await?;
    let Subject::Run(run) = stage.done(job).await?.subject else { anyhow::bail!("no run") };
    let run = stage.call(GetRun { run }).await?;
    ensure!(run.state == RunState::Finished && run.alert == Some(alert), "{run:?}");
    let alerts = stage.call(ListAlerts { project: Some(project), open_only: false }).await?;
    ensure!(alerts.iter().any(|one| one.id == alert && one.run == Some(run.id)), "{alerts:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_rows_before_the_log_is_turned_off_are_counted() {
    let Some(stage) = Stage::new().await.unwrap() else { return };
    turned_off(&stage).await.unwrap();
}

async fn turned_off(stage: &Stage) -> Result<()> {
    let (_, deployment) = watched(stage, "200 rows", 1).await?;
    let (id, path) = (deployment.id, "beside/same.csv".to_owned());
    let asked = SendTraffic { deployment: id, path, rows: 150, offset: Some(0), batch: Some(20) };
    stage.done(stage.call(asked).await?).await?;
    // Nobody closes the segment in between: the process that ends does.
    let spec = DeploySpec { log_share: 0.0, ..deployment.spec };
    stage.done(stage.call(StartDeploy { spec }).await?).await?;
    let after = stage.call(CheckNow { deployment: id }).await?;
    ensure!(after.open_rows == 150 && after.problem.is_none(), "{after:?}");
    let more = send(stage, id, "same", 20, 150).await?;
    ensure!(more.open_rows == 150, "logged, though the log is off: {more:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_closes_at_its_interval_and_a_silence_is_a_gap() {
    let Some(stage) = Stage::new().await.unwrap() else { return };
    by_time(&stage).await.unwrap();
}

async fn by_time(stage: &Stage) -> Result<()> {
    ensure!(ProjectFile::default().monitoring.window == "1 day", "the default is a day");
    let (_, deployment) = watched(stage, "1 hour", 100).await?;
    let id = deployment.id;
    let early = send(stage, id, "same", 120, 0).await?;
    ensure!((early.windows.len(), early.open_rows) == (0, 120), "it closed before its hour: {early:?}");
    stage.clock.turn(Duration::from_secs(3601));
    let due = stage.call(CheckNow { deployment: id }).await?;
    ensure!((due.windows.len(), due.windows[0].rows, due.open_rows) == (1, 120, 0), "{due:?}");

    // Nobody looked for an hour: it is said.
    let gap = due.gaps.first().context("no gap")?;
    ensure!(gap.to_ms - gap.from_ms >= 3_600_000 && gap.reason.contains("No host"), "{gap:?}");

    // Too few rows at the interval: it waits for them, and closes with the row that was missing.
    let few = send(stage, id, "same", 40, 120).await?;
    ensure!((few.windows.len(), few.open_rows) == (1, 40), "{few:?}");
    stage.clock.turn(Duration::from_secs(7200));
    let few = stage.call(CheckNow { deployment: id }).await?;
    ensure!((few.windows.len(), few.open_rows) == (1, 40), "40 rows are too few: {few:?}");
    ensure!(few.open_until.contains("60 more rows"), "{}", few.open_until);
    let full = send(stage, id, "same", 80, 160).await?;
    ensure!((full.windows.len(), full.windows[1].rows) == (2, 120), "{full:?}");
    ensure!(full.windows[0].to_ms <= full.windows[1].from_ms, "windows overlap");
    Ok(())
}
