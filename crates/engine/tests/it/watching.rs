//! Watching a deployment on a target that the test plays: alerts over roll outs and roll backs, and logs
//! that are nobody's.

use api::{
    DeploymentId,
    deploy::{DeleteDeployment, RollBack, StartDeploy},
    model::DeleteVersion,
    monitor::{CheckNow, Monitoring},
};

use crate::{
    place::{deploy, project, spec, version},
    stage::Stage,
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

#[tokio::test]
async fn a_drift_that_goes_on_after_a_roll_back_is_raised_again() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let (first, second) = (version(&stage, project).await, version(&stage, project).await);
    let id = deploy(&stage, first).await.id;
    assert_eq!(open(&window(&stage, id, "content-1", DRIFTED).await), 0, "one window raises nothing");
    let raised = window(&stage, id, "content-1", DRIFTED).await;
    assert_eq!((open(&raised), raised.windows.len()), (1, 2), "{raised:?}");

    // A new version: the alert of the one before is over with it, whatever comes late.
    deploy(&stage, second).await;
    let replaced = stage.call(CheckNow { deployment: id }).await;
    assert_eq!((open(&replaced), replaced.alerts.len()), (0, 1));
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
