//! What a deployment is proposed to be: as it runs, else as `slipway.toml` says.

use api::{
    ErrorCode,
    deleted::{ListRemovedTargets, RestoreTarget},
    deploy::{
        AddTarget, CheckTarget, DeleteDeployment, DeploySpec, Deployment, ListTargets, LookAtTarget, PlanDeploy,
        ProposeDeploy, RemoveTarget, StartDeploy, TargetKind,
    },
    monitor::GetMonitoring,
    project::{EditProjectFile, GetOverview},
};
use serde_json::json;

use crate::{
    place::{deployment_of, project, spec, version},
    stage::Stage,
};

async fn proposed(stage: &Stage, version: api::VersionId, name: Option<&str>) -> DeploySpec {
    stage.call(ProposeDeploy { version, name: name.map(str::to_owned), target: None }).await
}

async fn start(stage: &Stage, spec: DeploySpec) -> Deployment {
    let job = stage.call(StartDeploy { spec }).await;
    let deployment = deployment_of(&stage.done(job).await);
    stage.call(api::deploy::GetDeployment { deployment }).await
}

#[tokio::test]
async fn a_new_deployment_starts_from_the_projects_file() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let set = [
        ("monitoring.log_share", json!(0.005)),
        ("monitoring.log_days", json!(3)),
        ("packaging.repository", json!("team/big")),
    ];
    let set = set.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    stage.call(EditProjectFile { project, set }).await;
    let version = version(&stage, project).await;
    let new = proposed(&stage, version, None).await;
    assert_eq!(
        (new.name.as_str(), new.log_share, new.log_days, new.repository.as_deref()),
        ("big-x", 0.005, 3, Some("team/big"))
    );
    assert_eq!((new.replicas, new.registry, new.cpu_millis), (1, None, None));
}

#[tokio::test]
async fn an_update_starts_from_how_the_deployment_runs_and_another_name_or_target_is_another_one() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let (first, second) = (version(&stage, project).await, version(&stage, project).await);
    let runs = DeploySpec {
        replicas: 3,
        cpu_millis: Some(250),
        memory_mb: Some(512),
        log_share: 0.1,
        log_days: 7,
        not_logged: Vec::new(),
        port: Some(18_080),
        repository: Some("team/big".to_owned()),
        ..spec(&stage, first).await
    };
    start(&stage, runs.clone()).await;
    let update = proposed(&stage, second, Some("played")).await;
    assert_eq!(update, DeploySpec { version: second, ..runs.clone() });
    let after = start(&stage, update).await;
    assert_eq!((after.version_number, after.instances.len(), after.spec.log_share), (2, 3, 0.1));

    let other = proposed(&stage, second, Some("else")).await;
    assert_eq!((other.replicas, other.memory_mb, other.port), (1, None, None));
    let elsewhere = api::TargetId::from_bytes(stage.engine.new_id());
    let elsewhere = ProposeDeploy { version: second, name: Some("played".to_owned()), target: Some(elsewhere) };
    assert_eq!(stage.call(elsewhere).await.replicas, 1);
}

#[tokio::test]
async fn a_column_marked_after_training_is_said_waited_for_and_kept_out_by_the_next_rollout() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let version = version(&stage, project).await;
    let first = start(&stage, spec(&stage, version).await).await;
    let waits = async || {
        let waits = stage.call(GetOverview { project }).await.waits;
        waits.into_iter().find(|waiting| waiting.title == "played logs a sensitive column")
    };
    assert_eq!(waits().await, None);
    assert!(first.spec.not_logged.is_empty());

    let set = [("data.sensitive".to_owned(), json!(["x", "other"]))].into();
    stage.call(EditProjectFile { project, set }).await;
    let waiting = waits().await.expect("it is logged still");
    assert!(waiting.detail.starts_with("x: "), "{waiting:?}");
    assert_eq!(waiting.actions[0].link, format!("/p/{project}/deploy?version={version}&deployment={}", first.id));
    let update = proposed(&stage, version, Some("played")).await;
    assert_eq!(update.not_logged, ["x"]);

    // Whatever a caller names, the host knows better.
    let after = start(&stage, DeploySpec { not_logged: Vec::new(), ..update }).await;
    assert_eq!(after.spec.not_logged, ["x"]);
    assert_eq!(waits().await, None);
    let watched = stage.call(GetMonitoring { deployment: after.id, hours: None }).await;
    assert_eq!(watched.not_watched, ["x"]);
}

#[tokio::test]
async fn an_update_that_failed_hides_nothing_of_what_logs_still() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let (first, second) = (version(&stage, project).await, version(&stage, project).await);
    start(&stage, spec(&stage, first).await).await;
    let set = [("data.sensitive".to_owned(), json!(["x"]))].into();
    stage.call(EditProjectFile { project, set }).await;
    stage.place.break_with(Some("no such place"));
    let update = proposed(&stage, second, Some("played")).await;
    assert_eq!(update.not_logged, ["x"]);
    let job = stage.call(StartDeploy { spec: update }).await;
    assert_eq!(stage.over(job).await.state, api::job::JobState::Failed);
    assert_eq!(stage.place.serves(), Some(1));
    let waits = stage.call(GetOverview { project }).await.waits;
    assert!(waits.iter().any(|waiting| waiting.title == "played logs a sensitive column"), "{waits:?}");
}

#[tokio::test]
async fn what_is_started_again_logs_what_may_be_logged_now() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let version = version(&stage, project).await;
    start(&stage, spec(&stage, version).await).await;
    let set = [("data.sensitive".to_owned(), json!(["x"]))].into();
    stage.call(EditProjectFile { project, set }).await;
    let is_waited_for = async |stage: &Stage| {
        let waits = stage.call(GetOverview { project }).await.waits;
        waits.iter().any(|waiting| waiting.title == "played logs a sensitive column")
    };
    assert!(is_waited_for(&stage).await);
    stage.place.end();
    stage.until("it logs x no more", async |stage| (!is_waited_for(stage).await).then_some(())).await;
}

#[tokio::test]
async fn a_new_deployment_makes_the_namespace_where_its_target_says_so() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let version = version(&stage, project).await;
    for create_namespace in [false, true] {
        let kind = TargetKind::Kubernetes {
            kubeconfig: None,
            context: "c".to_owned(),
            namespace: "models".to_owned(),
            create_namespace,
        };
        assert!(stage.call(LookAtTarget { kind: kind.clone() }).await.ok, "it is asked before it is a target");
        let target = stage.call(AddTarget { name: format!("cluster {create_namespace}"), kind }).await.id;
        let proposed = stage.call(ProposeDeploy { version, name: None, target: Some(target) }).await;
        assert_eq!(proposed.create_namespace, create_namespace);
    }
}

#[tokio::test]
async fn a_target_is_asked_and_stays_while_something_runs_on_it() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let version = version(&stage, project).await;
    let kind = TargetKind::Kubernetes {
        kubeconfig: None,
        context: "c".to_owned(),
        namespace: "models".to_owned(),
        create_namespace: false,
    };
    let target = stage.call(AddTarget { name: "cluster".to_owned(), kind }).await.id;
    assert_eq!(stage.call(CheckTarget { target }).await.message, "Played");
    let spec = DeploySpec { target, ..spec(&stage, version).await };
    let deployment = start(&stage, spec.clone()).await;
    let refused = stage.try_call(RemoveTarget { target }).await.unwrap_err();
    assert_eq!((refused.code, refused.message), (ErrorCode::InUse, format!("Still on cluster: {}.", spec.name)));

    let job = stage.call(DeleteDeployment { deployment: deployment.id }).await;
    stage.done(job).await;
    stage.call(RemoveTarget { target }).await;
    let left = stage.call(ListTargets {}).await;
    assert_eq!(left.iter().map(|target| &target.kind).collect::<Vec<_>>(), [&TargetKind::ThisMachine]);
    let removed = stage.call(ListRemovedTargets {}).await;
    assert_eq!(removed.iter().map(|one| (one.target, one.name.as_str())).collect::<Vec<_>>(), [(target, "cluster")]);
    let kind = removed[0].kind.clone();
    let other = stage.call(AddTarget { name: "cluster".to_owned(), kind: kind.clone() }).await.id;
    assert_eq!(stage.try_call(RestoreTarget { target }).await.unwrap_err().code, ErrorCode::Conflict);
    stage.call(RemoveTarget { target: other }).await;
    let back = stage.call(RestoreTarget { target }).await;
    assert_eq!((back.id, back.name.as_str(), back.kind), (target, "cluster", kind));
    stage.call(RemoveTarget { target }).await;
    let refused = stage.try_call(RemoveTarget { target: left[0].id }).await.unwrap_err();
    assert_eq!(refused.message, "This machine is always a target.");
}

#[tokio::test]
async fn an_update_that_turns_the_log_on_is_watched_and_its_plan_says_so() {
    const WATCH: &str = "Watch it: requests are logged from now on";
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let version = version(&stage, project).await;
    let quiet = DeploySpec { log_share: 0.0, ..spec(&stage, version).await };
    assert!(!start(&stage, quiet.clone()).await.monitored);
    let plan = stage.call(PlanDeploy { spec: quiet.clone() }).await;
    assert!(!plan.steps.iter().any(|step| step == WATCH), "{plan:?}");

    let logged = DeploySpec { log_share: 0.5, ..quiet };
    let plan = stage.call(PlanDeploy { spec: logged.clone() }).await;
    assert_eq!(plan.steps.last().map(String::as_str), Some(WATCH), "{plan:?}");
    assert!(start(&stage, logged).await.monitored);
}
