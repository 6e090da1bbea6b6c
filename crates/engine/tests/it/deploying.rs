//! What is wanted of a deployment, its rollouts, and the way back, on a target that the test plays.

use api::{
    AlertId, DeploymentId, ErrorCode,
    deleted::{ListDeletedDeployments, RestoreDeployment},
    deploy::{
        AddTarget, DeleteDeployment, DeploySpec, DeploymentState, FollowDeploymentLogs, GetDeployment,
        GetDeploymentEvents, GetDeploymentLogs, ListDeployments, RollBack, RolloutEnd, ScaleDeployment, StartDeploy,
        TargetKind,
    },
    host::{CollectGarbage, Freed},
    job::{CancelJob, GetJob, JobState, RetryJob},
    model::{DeleteVersion, GetVersion},
    monitor::Alert,
    project::{Action, GetOverview, Stage as Stop, StationState},
};

use crate::{
    place::{deploy, deployment_of, measured_version, project, spec, version},
    secrets::registry,
    stage::Stage,
};

/// Goes back, to where it was said that it would go.
async fn back(stage: &Stage, deployment: DeploymentId) -> Option<u32> {
    let said = stage.call(GetDeployment { deployment }).await.back_to;
    let job = stage.call(RollBack { deployment, to: None }).await;
    stage.done(job).await;
    assert_eq!(stage.place.serves(), said);
    said
}

#[tokio::test]
async fn one_roll_back_after_another_leads_to_the_first_version_and_then_says_what_there_was() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let (first, second, third) =
        (version(&stage, project).await, version(&stage, project).await, version(&stage, project).await);
    let id = deploy(&stage, first).await.id;
    let alone = stage.try_call(RollBack { deployment: id, to: None }).await.unwrap_err();
    assert_eq!(
        (alone.code, alone.message.as_str()),
        (ErrorCode::NotFound, "played has no version before v1 to go back to.")
    );
    deploy(&stage, second).await;
    deploy(&stage, third).await;
    // One that it may go back to is kept, too.
    let kept = stage.call(GetVersion { version: first }).await.version;
    assert_eq!((kept.deployments.len(), kept.kept_by.as_slice()), (0, &["played".to_owned()][..]));
    assert_eq!(stage.try_call(DeleteVersion { version: first }).await.unwrap_err().code, ErrorCode::InUse);
    assert_eq!(back(&stage, id).await, Some(2));
    assert_eq!(back(&stage, id).await, Some(1));
    assert_eq!(stage.call(GetDeployment { deployment: id }).await.back_to, None);
    let first_again = stage.try_call(RollBack { deployment: id, to: None }).await.unwrap_err();
    assert_eq!(first_again.code, ErrorCode::NotFound);
    assert!(first_again.hint.unwrap().contains("v1, v2 and v3"));

    // By name it goes anywhere, and back from there.
    let seen = stage.call(GetDeployment { deployment: id }).await;
    let rollout = seen.rollouts.iter().find(|rollout| rollout.version_number == 3).unwrap();
    let job = stage.call(RollBack { deployment: id, to: Some(rollout.id) }).await;
    stage.done(job).await;
    assert_eq!(stage.place.serves(), Some(3));
    assert_eq!(back(&stage, id).await, Some(1));
}

#[tokio::test]
async fn of_two_who_deploy_a_new_name_at_once_one_is_told_that_it_is_being_done() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let version = version(&stage, project).await;
    let spec = spec(&stage, version).await;
    let start = || stage.try_call(StartDeploy { spec: spec.clone() });
    let (first, second, third) = tokio::join!(start(), start(), start());
    let (done, refused): (Vec<_>, Vec<_>) = [first, second, third].into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1, "{refused:?}");
    for error in refused.into_iter().map(Result::unwrap_err) {
        assert_eq!(error.code, ErrorCode::Conflict, "{error:?}");
        assert!(error.message.contains("already"), "{error:?}");
    }
    for job in done {
        stage.done(job.unwrap()).await;
    }
}

#[tokio::test]
async fn a_failed_change_is_retried_by_its_job_and_a_second_retry_changes_nothing() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let (first, second) = (version(&stage, project).await, version(&stage, project).await);
    // The first of all, an update, a size and a way back.
    stage.place.break_with(Some("no such place"));
    let job = stage.call(StartDeploy { spec: spec(&stage, first).await }).await;
    let id = retried(&stage, job).await;
    assert_eq!(stage.place.serves(), Some(1));

    stage.place.break_with(Some("no such place"));
    let job = stage.call(StartDeploy { spec: spec(&stage, second).await }).await;
    assert_eq!(retried(&stage, job).await, id);
    assert_eq!(stage.place.serves(), Some(2));

    stage.place.break_with(Some("no such place"));
    let job = stage.call(ScaleDeployment { deployment: id, replicas: 3 }).await;
    retried(&stage, job).await;
    assert_eq!(stage.call(GetDeployment { deployment: id }).await.instances.len(), 3);

    stage.place.break_with(Some("no such place"));
    let job = stage.call(RollBack { deployment: id, to: None }).await;
    retried(&stage, job).await;
    let seen = stage.call(GetDeployment { deployment: id }).await;
    assert_eq!((seen.rollouts[0].kind.as_str(), seen.version_number, seen.spec.replicas), ("roll back", 1, 3));
    assert_eq!((stage.place.serves(), seen.state), (Some(1), DeploymentState::Ready));
}

#[tokio::test]
async fn a_deployment_that_failed_waits_for_a_person_until_it_runs() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let version = version(&stage, project).await;
    let waits = async || {
        let waits = stage.call(GetOverview { project }).await.waits;
        waits.into_iter().find(|waiting| waiting.title.starts_with("played"))
    };
    stage.place.break_with(Some("no such place"));
    let job = stage.call(StartDeploy { spec: spec(&stage, version).await }).await;
    let id = deployment_of(&stage.over(job).await);
    let waiting = waits().await.expect("it failed");
    assert_eq!((waiting.title.as_str(), waiting.detail.as_str()), ("played on this machine failed", "no such place"));
    assert_eq!(waiting.actions[0].link, format!("/p/{project}/deploy?deployment={id}"));
    stage.place.break_with(None);
    deploy(&stage, version).await;
    assert_eq!(waits().await, None);
}

/// Expects the job to fail, mends the place, and retries it twice.
async fn retried(stage: &Stage, job: api::job::Job) -> DeploymentId {
    let job = stage.over(job).await;
    let failure = job.error.clone().unwrap();
    assert_eq!((job.state, failure.message.as_str()), (JobState::Failed, "no such place"));
    assert!(stage.call(GetJob { job: job.id }).await.retryable, "{}", job.title);
    stage.place.break_with(None);
    let (first, serves) = (stage.call(RetryJob { job: job.id }).await, stage.place.serves());
    let id = deployment_of(&stage.done(first).await);
    let now = stage.place.serves();
    assert!(serves != now || job.title.starts_with("Scale"), "{serves:?}");
    let second = stage.call(RetryJob { job: job.id }).await;
    assert_eq!(deployment_of(&stage.done(second).await), id);
    assert_eq!(stage.place.serves(), now);
    id
}

#[tokio::test]
async fn a_plan_does_not_wait_for_a_serving_program_that_is_being_built() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let version = version(&stage, project).await;
    stage.place.build();
    let registry = Some(registry(&stage).await);
    let spec = api::deploy::DeploySpec { registry, ..spec(&stage, version).await };
    let plan = stage.call(api::deploy::PlanDeploy { spec }).await;
    assert_eq!(plan.blocked, None);
    assert_eq!(plan.steps[0], "Wait until `cargo xtask run` has built the inference server");
    assert_eq!(plan.steps[2], "Push it to harbour/big-x");
    assert!(plan.warnings.iter().any(|warning| warning.contains("once the serving program is built")), "{plan:?}");
}

#[tokio::test]
async fn a_newer_version_waits_to_be_deployed_until_it_was() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let id = deploy(&stage, first).await.id;
    let waits = async |stage: &Stage| {
        let overview = stage.call(GetOverview { project }).await;
        let actions = overview.waits.into_iter().flat_map(|waiting| waiting.actions);
        let offers = actions.filter(|action| action.label.starts_with("Deploy v"));
        offers.map(|action| (action.label, action.link)).collect::<Vec<_>>()
    };
    assert!(waits(&stage).await.is_empty());
    let second = version(&stage, project).await;
    // The deployment is not called as its model is: what updates it names it.
    let offer = |label: &str, id: DeploymentId| {
        (label.to_owned(), format!("/p/{project}/deploy?version={second}&deployment={id}"))
    };
    assert_eq!(waits(&stage).await, [offer("Deploy v2", id)]);

    let again = DeploySpec { name: "again".to_owned(), ..spec(&stage, first).await };
    let job = stage.call(StartDeploy { spec: again }).await;
    let other = deployment_of(&stage.done(job).await);
    let mut each = waits(&stage).await;
    each.sort();
    let both = [offer("Deploy v2 as again on this machine", other), offer("Deploy v2 as played on this machine", id)];
    assert_eq!(each, both);
    let job = stage.call(DeleteDeployment { deployment: other }).await;
    stage.done(job).await;
    deploy(&stage, second).await;
    assert!(waits(&stage).await.is_empty());
    // Who went back from it does not want it.
    back(&stage, id).await;
    assert!(waits(&stage).await.is_empty());
}

#[tokio::test]
async fn a_worse_version_is_not_urged_and_stands_behind_the_alerts() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = measured_version(&stage, project, Some(0.5299)).await;
    let deployment = deploy(&stage, first).await.id;
    let alert = Alert {
        id: AlertId::from_bytes(stage.engine.new_id()),
        project,
        deployment,
        deployment_name: "played".to_owned(),
        column: "x".to_owned(),
        sentence: "x drifted".to_owned(),
        severity: 4.0,
        raised_ms: 1,
        cleared_ms: None,
        acknowledged_ms: None,
        run: None,
    };
    let raise = move |tx: &store::Transaction<'_>| store::alert::insert(tx, first, &alert);
    stage.engine.store().write(raise).await.unwrap();
    let waits = async |stage: &Stage| {
        let waits = stage.call(GetOverview { project }).await.waits;
        waits.into_iter().map(|waiting| (waiting.actions[0].clone(), waiting.detail)).collect::<Vec<_>>()
    };
    let urged = |(action, _): &(Action, String)| match action.primary {
        true => format!("{}!", action.label),
        false => action.label.clone(),
    };

    measured_version(&stage, project, Some(0.0443)).await;
    let worse = waits(&stage).await;
    assert_eq!(worse.iter().map(urged).collect::<Vec<_>>(), ["Retrain!", "Deploy v2"]);
    let place = stage.call(GetDeployment { deployment }).await.target_name;
    let said = format!("Its average precision on test is 0.0443. What answers now is v1 on {place}, with 0.5299.");
    assert_eq!(worse[1].1.to_lowercase(), said.to_lowercase());

    measured_version(&stage, project, Some(0.61)).await;
    let better = waits(&stage).await;
    assert_eq!(better.iter().map(urged).collect::<Vec<_>>(), ["Retrain", "Deploy v3!"]);
    let road = stage.call(GetOverview { project }).await.road;
    // Four times the limit is no mere warning.
    let watch = road.iter().find(|station| station.stage == Stop::Watch).unwrap();
    assert_eq!(watch.state, StationState::Bad);
    let deploy = road.iter().find(|station| station.stage == Stop::Deploy).unwrap();
    assert!(deploy.action.as_ref().is_some_and(|action| action.primary && action.label == "Deploy v3"), "{deploy:?}");
}

/// Waits until the newest rollout is at the target.
async fn applied(stage: &Stage, deployment: DeploymentId) {
    stage
        .until("it is applied", async |stage| {
            let seen = stage.call(GetDeployment { deployment }).await;
            seen.rollouts[0].steps.last().filter(|step| step.title == "Apply").map(drop)
        })
        .await;
}

#[tokio::test]
async fn a_cancelled_rollout_says_what_it_leaves() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let (first, second) = (version(&stage, project).await, version(&stage, project).await);
    let id = deploy(&stage, first).await.id;
    let gate = stage.place.hold();
    let job = stage.call(StartDeploy { spec: spec(&stage, second).await }).await;
    applied(&stage, id).await;
    stage.call(CancelJob { job: job.id }).await;
    gate.notify_one();
    let job = stage.over(job).await;
    assert_eq!(job.state, JobState::Cancelled);
    assert_eq!(job.message, "It was cancelled after it was applied: v2 on this machine goes on.");
    let seen = stage.call(GetDeployment { deployment: id }).await;
    assert_eq!((seen.rollouts[0].outcome, stage.place.serves()), (Some(RolloutEnd::CancelledApplied), Some(2)));
    assert_eq!(back(&stage, id).await, Some(1), "the way out");

    // A roll back that was applied is one, too: the next press leads further back, here to nothing.
    deploy(&stage, second).await;
    let gate = stage.place.hold();
    let job = stage.call(RollBack { deployment: id, to: None }).await;
    applied(&stage, id).await;
    stage.call(CancelJob { job: job.id }).await;
    gate.notify_one();
    assert_eq!(stage.over(job).await.state, JobState::Cancelled);
    assert_eq!(stage.place.serves(), Some(1));
    assert_eq!(stage.call(GetDeployment { deployment: id }).await.back_to, None);
}

#[tokio::test]
async fn a_rollout_cancelled_before_it_is_applied_leaves_what_ran_as_what_is_wanted() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let (first, second) = (version(&stage, project).await, version(&stage, project).await);
    let id = deploy(&stage, first).await.id;
    let job = stage.call(StartDeploy { spec: spec(&stage, second).await }).await;
    // Its task has had no turn yet.
    assert!(stage.engine.jobs().cancel(job.id));
    let job = stage.over(job).await;
    assert_eq!(
        (job.state, job.message.as_str()),
        (JobState::Cancelled, "It was cancelled before anything was applied.")
    );
    let seen = stage.call(GetDeployment { deployment: id }).await;
    assert_eq!((seen.rollouts[0].outcome, stage.place.serves()), (Some(RolloutEnd::Cancelled), Some(1)));
    assert_eq!((seen.version_number, seen.state), (1, DeploymentState::Ready), "{seen:?}");
    assert_eq!((seen.spec.version, seen.problem), (first, None));
    assert_eq!(seen.back_to, None, "the only one runs already");
}

#[tokio::test]
async fn a_first_deployment_cancelled_before_it_is_applied_leaves_nothing() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let spec = spec(&stage, version(&stage, project).await).await;
    let job = stage.call(StartDeploy { spec: spec.clone() }).await;
    // Its task has had no turn yet.
    assert!(stage.engine.jobs().cancel(job.id));
    let job = stage.over(job).await;
    assert_eq!(
        (job.state, job.message.as_str()),
        (JobState::Cancelled, "It was cancelled before anything was applied.")
    );
    let id = deployment_of(&job);
    assert!(stage.call(ListDeployments { project: None }).await.is_empty());
    assert_eq!(stage.try_call(GetDeployment { deployment: id }).await.unwrap_err().code, ErrorCode::NotFound);
    assert!(!stage.engine.workspace().deployment(id).exists());
    // The same is deployed as if nothing had been.
    let job = stage.call(StartDeploy { spec }).await;
    stage.done(job).await;
    assert_eq!(stage.place.serves(), Some(1));

    // One that failed before is there still, as it was said to be.
    let stage = Stage::new().await;
    let project = self::project(&stage).await;
    let spec = self::spec(&stage, version(&stage, project).await).await;
    stage.place.break_with(Some("no such place"));
    let job = stage.call(StartDeploy { spec: spec.clone() }).await;
    assert_eq!(stage.over(job).await.state, JobState::Failed);
    let job = stage.call(StartDeploy { spec }).await;
    assert!(stage.engine.jobs().cancel(job.id));
    assert_eq!(stage.over(job).await.state, JobState::Cancelled);
    assert_eq!(stage.call(ListDeployments { project: None }).await.len(), 1);
}

#[tokio::test]
async fn a_first_deployment_that_can_not_be_taken_back_ends_and_can_be_deleted_later() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let spec = spec(&stage, version(&stage, project).await).await;
    stage.place.keep_all(true);
    let job = stage.call(StartDeploy { spec }).await;
    // Its task has had no turn yet.
    assert!(stage.engine.jobs().cancel(job.id));
    let id = deployment_of(&stage.over(job).await);
    let seen = stage.call(GetDeployment { deployment: id }).await;
    assert_eq!((seen.rollouts[0].outcome, seen.state), (Some(RolloutEnd::Cancelled), DeploymentState::Failed));
    stage.place.keep_all(false);
    let job = stage.call(DeleteDeployment { deployment: id }).await;
    stage.done(job).await;
    assert!(stage.call(ListDeployments { project: None }).await.is_empty());
    let happened = stage.call(GetOverview { project }).await.happened;
    assert!(happened.iter().any(|one| one.sentence == "played was deleted from this machine"), "{happened:?}");
}

#[tokio::test]
async fn a_deleted_deployment_is_deployed_again_as_it_was_wanted_last() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    deploy(&stage, version(&stage, project).await).await;
    let second = version(&stage, project).await;
    let before = deploy(&stage, second).await;
    let list = || ListDeletedDeployments { project: Some(project) };
    assert!(stage.call(list()).await.is_empty());
    let job = stage.call(DeleteDeployment { deployment: before.id }).await;
    stage.done(job).await;
    let deleted = stage.call(list()).await;
    assert_eq!(deleted.iter().map(|one| (one.deployment, one.version_number)).collect::<Vec<_>>(), [(before.id, 2)]);

    let restore = RestoreDeployment { deployment: before.id };
    let job = stage.call(restore.clone()).await;
    let id = deployment_of(&stage.done(job).await);
    let after = stage.call(GetDeployment { deployment: id }).await;
    assert_ne!(after.id, before.id);
    assert_eq!((after.name, after.spec, after.version_number), (before.name, before.spec, 2));
    assert!(stage.call(list()).await.is_empty());
    assert_eq!(stage.try_call(restore).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn what_a_target_says_happened_is_told() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let id = deploy(&stage, version(&stage, project).await).await.id;
    let told = stage.call(GetDeploymentEvents { deployment: id }).await;
    assert_eq!(told.iter().map(|event| event.message.as_str()).collect::<Vec<_>>(), ["Version 1 is played"]);
    let unknown = DeploymentId::from_bytes([0; 16]);
    let refused = stage.try_call(GetDeploymentEvents { deployment: unknown }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_log_that_is_followed_goes_on_where_the_last_answer_ended() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let deployment = deploy(&stage, version(&stage, project).await).await.id;
    let follow = FollowDeploymentLogs { deployment, instance: None, lines: Some(2), after: None };
    let first = stage.call(follow.clone()).await;
    assert_eq!(first.lines, ["all two", "all three"]);
    let then = stage.call(FollowDeploymentLogs { after: Some(first.end.clone()), ..follow.clone() }).await;
    assert_eq!((then.lines.is_empty(), then.end), (true, first.end));
    let of_one = GetDeploymentLogs { deployment, instance: Some("played-0".to_owned()), lines: Some(1) };
    assert_eq!(stage.call(of_one).await, ["played-0 three"]);
    let unknown = FollowDeploymentLogs { deployment: DeploymentId::from_bytes([0; 16]), ..follow };
    assert_eq!(stage.try_call(unknown).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn deploying_again_mends_what_is_damaged() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let id = deploy(&stage, first).await.id;
    let models = stage.engine.workspace().deployment(id).join("models");
    let folder = std::fs::read_dir(&models).unwrap().next().unwrap().unwrap().path();
    let damages: [&dyn Fn(&std::path::Path); 3] =
        [&|file| std::fs::write(file, b"{ ").unwrap(), &|file| std::fs::remove_file(file).unwrap(), &|file| {
            std::fs::remove_dir_all(file.parent().unwrap()).unwrap()
        }];
    for damage in damages {
        damage(&folder.join("bundle.json"));
        assert_eq!(deploy(&stage, first).await.id, id);
        assert_eq!(std::fs::read(folder.join("bundle.json")).unwrap(), b"{}");
    }
    assert_eq!(std::fs::read_dir(&models).unwrap().count(), 1);
}

#[tokio::test]
async fn a_change_of_what_was_deleted_meanwhile_is_told_as_such() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let id = deploy(&stage, first).await.id;
    // As it looks to a change that read the deployment before its deletion was over.
    let row = stage.engine.store().read(move |c| store::deployment::get(c, id)).await.unwrap().unwrap();
    let job = stage.call(api::deploy::DeleteDeployment { deployment: id }).await;
    stage.done(job).await;
    let late = stage.engine.store().write(move |tx| store::deployment::update_wanted(tx, &row)).await.unwrap_err();
    assert!(late.to_string().contains("played was deleted meanwhile"), "{late}");
}

#[tokio::test]
async fn the_road_names_each_target_that_something_runs_on() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let version = version(&stage, project).await;
    deploy(&stage, version).await;
    let kind = TargetKind::Kubernetes {
        kubeconfig: None,
        context: "c".to_owned(),
        namespace: "models".to_owned(),
        create_namespace: false,
    };
    let target = stage.call(AddTarget { name: "staging".to_owned(), kind }).await.id;
    let job = stage.call(StartDeploy { spec: DeploySpec { target, ..spec(&stage, version).await } }).await;
    stage.done(job).await;
    let road = stage.call(GetOverview { project }).await.road;
    let station = road.into_iter().find(|station| station.stage == Stop::Deploy).unwrap();
    assert_eq!((station.figure.as_str(), station.detail.as_str()), ("2", "deployments on staging, this machine"));
}

#[tokio::test]
async fn the_folder_of_a_deployment_that_is_gone_is_collected_and_no_other() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let id = deploy(&stage, version(&stage, project).await).await.id;
    let [kept, gone] = [id, DeploymentId::from_bytes([9; 16])].map(|id| stage.engine.workspace().deployment(id));
    for folder in [&kept, &gone] {
        std::fs::create_dir_all(folder.join("fetched")).unwrap();
        std::fs::write(folder.join("fetched/segment-0000.parquet"), [0; 100]).unwrap();
    }
    let part = |freed: &Freed| {
        freed.parts.iter().find(|part| part.name == "Deployments").map(|part| (part.bytes, part.records))
    };
    assert_eq!(part(&stage.call(CollectGarbage { dry_run: true }).await), Some((100, 1)));
    assert!(gone.exists());
    assert_eq!(part(&stage.call(CollectGarbage { dry_run: false }).await), Some((100, 1)));
    assert_eq!((gone.exists(), kept.join("fetched/segment-0000.parquet").exists()), (false, true));
}
