//! Watching a deployment on a target that the test plays: alerts over roll outs and roll backs, and logs
//! that are nobody's.

use std::time::Duration;

use api::{
    AlertId, DeploymentId, ErrorCode, ProjectId, WindowId,
    config::ProjectFile,
    dataset::TakeSnapshot,
    deploy::{DeleteDeployment, DeploySpec, RollBack, ScaleDeployment, StartDeploy},
    drift::Distribution,
    job::Subject,
    model::DeleteVersion,
    monitor::{
        AcknowledgeAlert, CheckNow, ColumnPart, GetMonitoring, GetWindow, GetWindowRows, ListAlerts, ListWindows,
        Monitoring, RowsOf, SetMonitored, WindowRows,
    },
    project::{EditProjectFile, GetOverview, GetProject, Stage as Station},
    run::StartRun,
};
use serde_json::json;

use crate::{
    place::{deploy, deployment_of, project, spec, version},
    stage::{Stage, table},
};

const DRIFTED: f64 = 5.0;

/// One more window of a version, and what is seen then.
async fn window(stage: &Stage, deployment: DeploymentId, content: &str, shift: f64) -> Monitoring {
    stage.place.log(content, shift);
    stage.call(CheckNow { deployment }).await
}

fn open(seen: &Monitoring) -> usize {
    seen.alerts.iter().filter(|alert| alert.cleared_ms.is_none()).count()
}

/// What the road says of watching: its figure and its sentence.
async fn watched(stage: &Stage, project: ProjectId) -> (String, String) {
    let road = stage.call(GetOverview { project }).await.road;
    let watch = road.into_iter().find(|station| station.stage == Station::Watch).unwrap();
    (watch.figure, watch.detail)
}

fn says(figure: &str, detail: &str) -> (String, String) {
    (figure.to_owned(), detail.to_owned())
}

#[tokio::test]
async fn a_drift_that_goes_on_after_a_roll_back_is_raised_again() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let (first, second) = (version(&stage, project).await, version(&stage, project).await);
    let id = deploy(&stage, first).await.id;
    assert_eq!(open(&window(&stage, id, "content-1", DRIFTED).await), 0, "one window raises nothing");
    let told = says("No alert", "1 of 1 columns drifted in the newest window; an alert takes 2 in a row");
    assert_eq!(watched(&stage, project).await, told);
    let raised = window(&stage, id, "content-1", DRIFTED).await;
    assert_eq!((open(&raised), raised.windows.len()), (1, 2), "{raised:?}");

    // A new version: the alert of the one before is over with it, whatever comes late.
    deploy(&stage, second).await;
    let at_once = stage.call(GetMonitoring { deployment: id, hours: None }).await;
    assert_eq!((open(&at_once), at_once.alerts.len()), (0, 1));
    let replaced = stage.call(CheckNow { deployment: id }).await;
    assert_eq!((open(&replaced), replaced.alerts.len()), (0, 1));
    // Windows of the version before say nothing of this one.
    assert_eq!(watched(&stage, project).await, says("–", "No window of v2 has closed yet"));
    let late = window(&stage, id, "content-1", DRIFTED).await;
    assert_eq!((open(&late), late.alerts.len()), (0, 1), "nobody is told of what no longer answers");

    let job = stage.call(RollBack { deployment: id, to: None }).await;
    stage.done(job).await;
    let again = window(&stage, id, "content-1", DRIFTED).await;
    assert_eq!((open(&again), again.alerts.len()), (1, 2), "two windows since it was cleared: {again:?}");
    let longer = window(&stage, id, "content-1", DRIFTED).await;
    assert_eq!((open(&longer), longer.alerts.len()), (1, 2), "one alert, however long it lasts");
    for quiet in 1..=3 {
        let seen = window(&stage, id, "content-1", 0.0).await;
        assert_eq!((open(&seen), seen.alerts.len()), (usize::from(quiet < 3), 2), "after {quiet}");
    }
    assert_eq!(open(&window(&stage, id, "content-1", DRIFTED).await), 0);
    assert_eq!(open(&window(&stage, id, "content-1", DRIFTED).await), 1);
}

#[tokio::test]
async fn an_alert_that_was_acknowledged_stays_open_until_it_is_cleared() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let id = deploy(&stage, version(&stage, project).await).await.id;
    window(&stage, id, "content-1", DRIFTED).await;
    let raised = window(&stage, id, "content-1", DRIFTED).await;
    let alert = raised.alerts[0].id;
    let listed = async |open_only: bool| stage.call(ListAlerts { project: Some(project), open_only }).await;

    let seen = stage.call(AcknowledgeAlert { alert }).await;
    assert!(seen.acknowledged_ms.is_some() && seen.cleared_ms.is_none(), "{seen:?}");
    let open = listed(true).await;
    assert_eq!(open.iter().map(|alert| alert.id).collect::<Vec<_>>(), [alert]);
    // Twice is when it was first.
    assert_eq!(stage.call(AcknowledgeAlert { alert }).await.acknowledged_ms, seen.acknowledged_ms);

    for _ in 0..3 {
        window(&stage, id, "content-1", 0.0).await;
    }
    assert!(listed(true).await.is_empty());
    let all = listed(false).await;
    assert_eq!((all.len(), all[0].acknowledged_ms, all[0].cleared_ms.is_some()), (1, seen.acknowledged_ms, true));
    let unknown = AcknowledgeAlert { alert: AlertId::from_bytes([0; 16]) };
    assert_eq!(stage.try_call(unknown).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn an_alert_is_answered_by_one_retraining_of_its_own_project() {
    let stage = Stage::new().await;
    let id = project(&stage).await;
    let deployment = deploy(&stage, version(&stage, id).await).await.id;
    window(&stage, deployment, "content-1", DRIFTED).await;
    let alert = window(&stage, deployment, "content-1", DRIFTED).await.alerts[0].id;
    let file = ProjectFile { name: "Other".to_owned(), ..stage.call(GetProject { project: id }).await.file };
    stage.write("other/data.csv", &table(50, 2));
    let other = stage.create("other", file).await;
    let retrain = |project, alert| StartRun { alert: Some(alert), ..StartRun::of(project) };
    for (project, alert) in [(other, alert), (id, AlertId::from_bytes([7; 16]))] {
        let refused = stage.try_call(retrain(project, alert)).await.unwrap_err();
        assert_eq!(refused.message, "The project has no such alert.");
    }
    let snapshot = stage.done(stage.call(TakeSnapshot { project: other, message: None }).await).await.subject;
    let Subject::Snapshot(snapshot) = snapshot else { panic!("{snapshot:?}") };
    let refused = stage.try_call(StartRun { snapshot: Some(snapshot), ..retrain(id, alert) }).await.unwrap_err();
    assert_eq!(refused.message, "Snapshot v1 is of another project's data.");

    let (first, second) = tokio::join!(stage.try_call(retrain(id, alert)), stage.try_call(retrain(id, alert)));
    let refused = [&first, &second].into_iter().filter_map(|one| one.as_ref().err()).collect::<Vec<_>>();
    assert_eq!(refused.len(), 1, "{first:?} and {second:?}");
    assert_eq!(refused[0].code, ErrorCode::Conflict);
}

#[tokio::test]
async fn an_alert_of_a_column_that_is_sensitive_now_tells_no_value() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let deployment = deploy(&stage, version(&stage, project).await).await.id;
    window(&stage, deployment, "content-1", DRIFTED).await;
    let raised = window(&stage, deployment, "content-1", DRIFTED).await.alerts.remove(0).sentence;
    assert!(raised.starts_with("x drifted: "), "{raised}");
    let set = [("data.sensitive".to_owned(), json!(["x"]))].into();
    stage.call(EditProjectFile { project, set }).await;
    let told = "x drifted; it is sensitive, so its values are not shown";
    let list = ListAlerts { project: None, open_only: true };
    assert_eq!(stage.call(list).await[0].sentence, told);
    assert_eq!(stage.call(GetMonitoring { deployment, hours: None }).await.alerts[0].sentence, told);
    let waits = stage.call(GetOverview { project }).await.waits;
    let leaks = waits.iter().any(|waiting| waiting.title.contains(&raised) || waiting.detail.contains(&raised));
    assert!(!leaks, "{waits:?}");
}

#[tokio::test]
async fn an_update_that_fails_leaves_the_alert_of_what_answers_on() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let (first, second) = (version(&stage, project).await, version(&stage, project).await);
    let id = deploy(&stage, first).await.id;
    window(&stage, id, "content-1", DRIFTED).await;
    assert_eq!(open(&window(&stage, id, "content-1", DRIFTED).await), 1);
    stage.place.break_with(Some("no such place"));
    let job = stage.call(StartDeploy { spec: spec(&stage, second).await }).await;
    assert!(stage.over(job).await.error.is_some());
    let seen = window(&stage, id, "content-1", DRIFTED).await;
    assert_eq!((open(&seen), seen.alerts.len()), (1, 1), "{:?}", seen.alerts);
}

#[tokio::test]
async fn a_log_of_an_unknown_model_is_fetched_once_and_told() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let id = deploy(&stage, first).await.id;
    window(&stage, id, "a-stranger", DRIFTED).await;
    let seen = stage.call(CheckNow { deployment: id }).await;
    assert_eq!(stage.place.fetched(), ["segment-0000"]);
    assert_eq!((seen.open_rows, seen.windows.len()), (0, 0));
    let told: Vec<&str> = seen.gaps.iter().map(|gap| gap.reason.as_str()).collect();
    assert_eq!(told, ["200 rows of played-0 are of a model that this workspace doesn't know"]);
    let kept = stage.engine.workspace().deployment(id).join("fetched");
    assert_eq!(std::fs::read_dir(kept).unwrap().count(), 0, "its rows are of no use");
}

#[tokio::test]
async fn lost_rows_that_grow_more_are_told_once() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let deployment = deploy(&stage, version(&stage, project).await).await.id;
    for rows in [1000, 11_000] {
        stage.place.lose(rows);
        let seen = stage.call(CheckNow { deployment }).await;
        let told: Vec<_> = seen.gaps.iter().map(|gap| (gap.to_ms, gap.reason.clone())).collect();
        assert_eq!(told, [(1000 + rows as i64, format!("{rows} rows of played-0: the log was too large"))]);
    }
}

#[tokio::test]
async fn instances_are_added_up_and_rows_that_went_with_one_are_a_gap() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let two = DeploySpec { replicas: 2, ..spec(&stage, first).await };
    let deployment = deployment_of(&stage.done(stage.call(StartDeploy { spec: two }).await).await);
    stage.place.count(5, true);
    stage.place.count_logged(30);
    let seen = stage.call(CheckNow { deployment }).await;
    assert_eq!((seen.traffic.requests_in_all, seen.gaps.len()), (10, 0));
    stage.done(stage.call(ScaleDeployment { deployment, replicas: 1 }).await).await;
    // A place that takes images keeps no log beyond its instance.
    stage.place.build();
    let seen = stage.call(CheckNow { deployment }).await;
    let told: Vec<&str> = seen.gaps.iter().map(|gap| gap.reason.as_str()).collect();
    assert_eq!(told, ["played-1 was gone before at least 30 of its last rows were fetched"]);
    assert_eq!(stage.call(CheckNow { deployment }).await.gaps.len(), 1, "told once");
}

#[tokio::test]
async fn requests_are_counted_also_while_the_log_can_not_be_fetched() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let deployment = deploy(&stage, version(&stage, project).await).await.id;
    stage.place.count(7, false);
    let failure = stage.try_call(CheckNow { deployment }).await.unwrap_err();
    assert!(failure.message.contains("503"), "{failure:?}");
    stage.place.count(9, true);
    assert_eq!(stage.call(CheckNow { deployment }).await.traffic.requests_in_all, 9);
}

#[tokio::test]
async fn a_gap_says_whether_watching_was_off_or_nobody_looked() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let deployment = deploy(&stage, first).await.id;
    stage.call(CheckNow { deployment }).await;
    let an_hour_passes = async || {
        stage
            .engine
            .store()
            .write(|tx| {
                tx.execute("UPDATE traffic_total SET seen_ms = seen_ms - 3600000", [])?;
                Ok(())
            })
            .await
            .unwrap();
    };
    let reasons = |seen: &Monitoring| seen.gaps.iter().map(|gap| gap.reason.clone()).collect::<Vec<_>>();
    let set = |monitored| SetMonitored { deployment, monitored };

    assert_eq!(reasons(&stage.call(set(false)).await), Vec::<String>::new());
    an_hour_passes().await;
    let seen = stage.call(set(true)).await;
    assert_eq!(reasons(&seen), ["It was not watched"]);
    assert!(seen.gaps[0].to_ms - seen.gaps[0].from_ms >= 3_600_000, "{:?}", seen.gaps);
    // It was counted as looked at: the next pass finds no second gap.
    assert_eq!(reasons(&stage.call(CheckNow { deployment }).await), ["It was not watched"]);
    assert_eq!(reasons(&stage.call(set(true)).await), ["It was not watched"], "it was on already");

    an_hour_passes().await;
    // Whether a pass of the host's or this call comes first: it was watched, and nobody looked.
    let both = reasons(&stage.call(set(false)).await);
    assert_eq!((both.len(), both.iter().any(|reason| reason == "No host looked at it")), (2, true), "{both:?}");
    // Looked at by hand meanwhile, it was off still.
    an_hour_passes().await;
    let last = reasons(&stage.call(CheckNow { deployment }).await);
    assert_eq!(last.iter().filter(|reason| *reason == "It was not watched").count(), 2, "{last:?}");
}

#[tokio::test]
async fn what_was_drawn_of_a_versions_reference_goes_with_it() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let id = deploy(&stage, first).await.id;
    window(&stage, id, "content-1", DRIFTED).await;
    let floors = async || {
        let name = store::setting::floors_of("content-1");
        let found = stage.engine.store().read(move |c| store::setting::get::<serde_json::Value>(c, &name)).await;
        found.unwrap()
    };
    assert!(floors().await.is_some());
    let job = stage.call(DeleteDeployment { deployment: id }).await;
    stage.done(job).await;
    assert!(floors().await.is_some(), "the version is still there");
    stage.call(DeleteVersion { version: first }).await;
    assert_eq!(floors().await, None);
}

fn asks(window: WindowId, offset: u64, limit: u32, part: Option<ColumnPart>) -> GetWindowRows {
    let only = part.map(|part| RowsOf { column: "x".to_owned(), part });
    GetWindowRows { window, offset, limit, only }
}

fn values(found: &WindowRows) -> Vec<f64> {
    found.page.rows.iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn the_rows_of_a_window_are_there_until_the_log_no_longer_keeps_them() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let set = [("monitoring.window".to_owned(), json!("300 rows"))].into_iter().collect();
    stage.call(EditProjectFile { project, set }).await;
    let first = version(&stage, project).await;
    let id = deploy(&stage, first).await.id;
    stage.place.log_since(stage.engine.now_ms());
    for shift in [0.0, DRIFTED, 0.0] {
        stage.place.log("content-1", shift);
    }
    let seen = stage.call(CheckNow { deployment: id }).await;
    let windows: Vec<WindowId> = seen.windows.iter().map(|window| window.id).collect();
    assert_eq!(windows.len(), 2, "{seen:?}");

    // A window has 200 rows of the first segment and 100 of the second, the next one the rest of it.
    let across = stage.call(asks(windows[0], 195, 10, None)).await;
    assert_eq!((across.page.total_rows, across.gone_rows, across.page.columns[0].name.as_str()), (300, 0, "x"));
    let moved: Vec<bool> = values(&across).iter().map(|value| *value >= DRIFTED).collect();
    assert_eq!(moved, [[false; 5], [true; 5]].concat());
    let next = stage.call(asks(windows[1], 0, 1, None)).await;
    assert_eq!((next.page.total_rows, values(&next)), (300, vec![5.5]), "row 100 of the second segment");
    assert_eq!(stage.call(asks(windows[0], 300, 10, None)).await.page.rows.len(), 0);

    // Each bar leads to exactly what was counted in it.
    let report = stage.call(GetWindow { window: windows[0] }).await.report;
    let Some(Distribution::Numeric { current, .. }) = &report.columns[0].distribution else { panic!("{report:?}") };
    for (bar, count) in current.counts.iter().enumerate() {
        let found = stage.call(asks(windows[0], 0, 1000, Some(ColumnPart::Bar { bar: bar as u32 }))).await;
        assert_eq!((found.page.total_rows, found.page.rows.len() as u64), (*count, *count), "bar {bar}");
    }
    let unseen = stage.call(asks(windows[0], 98, 10, Some(ColumnPart::Unseen))).await;
    assert_eq!(unseen.page.total_rows, 100);
    assert!(values(&unseen).len() == 2 && values(&unseen).iter().all(|value| *value >= DRIFTED), "{unseen:?}");
    assert_eq!(stage.call(asks(windows[0], 0, 10, Some(ColumnPart::Missing))).await.page.total_rows, 0);
    let wrong = stage.try_call(asks(windows[0], 0, 10, Some(ColumnPart::Bar { bar: 30 }))).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::Invalid, "{wrong:?}");

    // Rows older than the log's days go with the next look, also those that no window has yet.
    stage.place.log_since(0);
    stage.place.log("content-1", 0.0);
    stage.place.log("content-1", 0.0);
    let seen = stage.call(CheckNow { deployment: id }).await;
    let left = stage.call(asks(seen.windows[0].id, 0, 10, None)).await;
    assert_eq!((left.page.total_rows, left.gone_rows, left.log_days), (0, 300, 14), "{left:?}");
    let told: Vec<&str> = seen.gaps.iter().map(|gap| gap.reason.as_str()).collect();
    assert_eq!(told, ["100 rows were in no window when the log's days were over"]);
    assert_eq!(seen.open_rows, 0);
    let newer = stage.call(asks(windows[0], 0, 10, None)).await;
    assert_eq!((newer.page.total_rows, newer.gone_rows), (300, 0), "what is younger stays");

    // What is marked sensitive is shown no more, whatever the log has of it.
    let set = [("data.sensitive".to_owned(), json!(["x"]))].into_iter().collect();
    stage.call(EditProjectFile { project, set }).await;
    let hidden = stage.call(asks(windows[0], 0, 10, None)).await;
    assert!(hidden.page.columns.iter().all(|column| column.name != "x"), "{hidden:?}");
    assert_eq!(hidden.not_logged, ["x"]);
    let report = stage.call(GetWindow { window: windows[0] }).await.report;
    assert_eq!(report.columns[0].distribution, None, "{report:?}");
    let wrong = stage.try_call(asks(windows[0], 0, 10, Some(ColumnPart::Bar { bar: 0 }))).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::Invalid, "{wrong:?}");
}

#[tokio::test]
async fn the_logs_days_pass_where_nothing_is_watched_and_where_nothing_answers() {
    let mut stage = Stage::new().await;
    let project = project(&stage).await;
    let set = [("monitoring.window".to_owned(), json!("1000 rows"))].into_iter().collect();
    stage.call(EditProjectFile { project, set }).await;
    let first = version(&stage, project).await;
    let id = deploy(&stage, first).await.id;
    let kept = stage.engine.workspace().deployment(id).join("fetched");
    let files = || std::fs::read_dir(&kept).unwrap().count();
    let grow_old = async |stage: &Stage| {
        stage
            .engine
            .store()
            .write(|tx| {
                tx.execute("UPDATE segment SET from_ms = 1, to_ms = 9", [])?;
                Ok(())
            })
            .await
            .unwrap();
    };
    stage.place.log_since(stage.engine.now_ms());
    assert_eq!((window(&stage, id, "content-1", 0.0).await.open_rows, files()), (200, 1), "no window takes them yet");

    // Watching is off: the host's round alone deletes them.
    stage.call(SetMonitored { deployment: id, monitored: false }).await;
    grow_old(&stage).await;
    stage.reopen().await;
    let gone = async {
        while files() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("an old log of what is not watched goes");
    let seen = stage.call(GetMonitoring { deployment: id, hours: None }).await;
    let told: Vec<&str> = seen.gaps.iter().map(|gap| gap.reason.as_str()).collect();
    assert_eq!(told, ["200 rows were in no window when the log's days were over"]);
    assert_eq!(seen.open_rows, 0);

    assert_eq!((window(&stage, id, "content-1", 0.0).await.open_rows, files()), (200, 1));
    grow_old(&stage).await;
    stage.place.fall_silent();
    assert!(stage.try_call(CheckNow { deployment: id }).await.is_err());
    assert_eq!(files(), 0, "old rows go where the target can't be asked");
}

#[tokio::test]
async fn windows_further_back_come_page_by_page() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let id = deploy(&stage, first).await.id;
    for _ in 0..3 {
        stage.place.log("content-1", 0.0);
    }
    let all = stage.call(CheckNow { deployment: id }).await;
    assert_eq!((all.windows.len(), all.windows_in_all), (3, 3));
    let page = stage.call(ListWindows { deployment: id, skip: 1, limit: 5 }).await;
    assert_eq!((&page.windows[..], page.total), (&all.windows[..2], 3));
}

#[tokio::test]
async fn one_window_that_cant_be_read_hides_no_other() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let id = deploy(&stage, first).await.id;
    window(&stage, id, "content-1", 0.0).await;
    assert_eq!(watched(&stage, project).await, says("Calm", "No drift"));
    // As an earlier program wrote what is not finite.
    stage
        .engine
        .store()
        .write(|tx| {
            tx.execute(
                "UPDATE window SET report = replace(report, '\"current_rows\":200', '\"current_rows\":null')",
                [],
            )?;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(watched(&stage, project).await, says("–", "The newest window decides no column"));
    let seen = window(&stage, id, "content-1", 0.0).await;
    assert_eq!(seen.windows.len(), 2, "{seen:?}");
    assert!(seen.windows[0].cells.is_empty() && !seen.windows[1].cells.is_empty(), "{:?}", seen.windows);
    let broken = stage.call(api::monitor::GetWindow { window: seen.windows[0].id }).await;
    assert!(broken.report.remarks[0].contains("can't be read"), "{:?}", broken.report.remarks);
    // What a client sends can't do it again: its numbers are finite, however large.
    for shift in [1e308, -1e308] {
        let seen = window(&stage, id, "content-1", shift).await;
        assert!(!seen.windows.last().unwrap().cells.is_empty(), "{:?}", seen.windows);
    }
}
