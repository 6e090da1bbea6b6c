//! Deployments through the engine, on this machine, with the real serving program: what is wanted, what
//! is said when it can't be had, and what serves meanwhile.

#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use api::{
    ErrorCode, RolloutId,
    dataset::AddData,
    deploy::{
        CallDeployment, DeleteDeployment, Deployment, DeploymentState, GetDeployment, GetDeploymentLogs,
        ListDeployments, PlanDeploy, ProposeTraffic, RollBack, Rollout, RolloutEnd, ScaleDeployment, SendTraffic,
        StartDeploy,
    },
    job::{CancelJob, JobState},
    model::{GetVersion, RegisterModel},
};
#[cfg(unix)]
use journeys::process::until;
use journeys::{process::read, stage::Stage};
#[cfg(unix)]
use serde_json::json;
use store::deployment::RolloutRow;

/// Ends before it answers, as a program of the wrong machine or a broken model does.
const BROKEN_PROGRAM: &str = "#!/bin/sh\necho 'failed: no such instruction: vpdpbusd' >&2\nexit 3\n";

async fn now(stage: &Stage, deployment: &Deployment) -> Result<Deployment> {
    Ok(stage.call(GetDeployment { deployment: deployment.id }).await?)
}

async fn answers_as(stage: &Stage, deployment: &Deployment, number: u32) -> Result<()> {
    let version = now(stage, deployment).await?.spec.version;
    let rows = stage.call(GetVersion { version }).await?.examples;
    let answer = stage.call(CallDeployment { deployment: deployment.id, rows }).await?;
    ensure!(answer.status == 200, "{answer:?}");
    let serving = now(stage, deployment).await?.instances.first().and_then(|instance| instance.version_number);
    ensure!(serving == Some(number), "version {serving:?} answers");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_lives_fails_and_goes_back() {
    let Some(stage) = Stage::new().await.unwrap() else { return };
    life(&stage).await.unwrap();
}

async fn life(stage: &Stage) -> Result<()> {
    let project = stage.project("big-x").await?;
    let (first, second) = (stage.version(project).await?, stage.version(project).await?);
    let deployment = stage.deploy("tumours", first.id).await?;
    ensure!(deployment.state == DeploymentState::Ready && deployment.problem.is_none(), "{deployment:?}");
    ensure!(deployment.rollouts[0].steps.iter().all(|step| step.ok == Some(true)), "{:?}", deployment.rollouts);
    answers_as(stage, &deployment, 1).await.context("the first version")?;

    a_version_that_does_not_start(stage, &deployment, second.id).await.context("a version that doesn't start")?;
    a_version_whose_files_the_disk_lost(stage, &deployment, project).await.context("lost files")?;
    names_that_are_taken(stage, &deployment, first.id).await.context("taken names")?;
    a_process_that_dies(stage, &deployment).await.context("a process that dies")?;

    let deployment = stage.deploy("tumours", second.id).await.context("the second version")?;
    answers_as(stage, &deployment, 2).await?;
    let job = stage.call(RollBack { deployment: deployment.id, to: None }).await?;
    stage.done(job).await?;
    answers_as(stage, &deployment, 1).await.context("rolled back")?;
    ensure!(now(stage, &deployment).await?.rollouts[0].kind == "roll back");

    let more = stage.call(ScaleDeployment { deployment: deployment.id, replicas: 3 }).await;
    let more = more.err().context("one process became three")?;
    ensure!(more.code == ErrorCode::Unsupported && more.message.contains("uses every core"), "{more}");
    let logs = GetDeploymentLogs { deployment: deployment.id, instance: None, lines: Some(50) };
    ensure!(stage.call(logs).await?.iter().any(|line| line.contains("answers on")));

    let job = stage.call(DeleteDeployment { deployment: deployment.id }).await?;
    stage.done(job).await?;
    let left = stage.call(ListDeployments { project: None }).await?;
    ensure!(left.iter().all(|one| one.id != deployment.id), "{left:?}");
    ensure!(!stage.engine.workspace().deployment(deployment.id).exists(), "its folder is left");
    Ok(())
}

/// The reason stands with the deployment and in the rollout's step; the version of before serves on.
async fn a_version_that_does_not_start(stage: &Stage, deployment: &Deployment, version: api::VersionId) -> Result<()> {
    stage.replace_serving(Some(BROKEN_PROGRAM))?;
    let job = stage.call(StartDeploy { spec: stage.spec("tumours", version).await? }).await?;
    let failure = stage.failed(job).await?;
    stage.replace_serving(None)?;
    ensure!(failure.message.contains("no such instruction: vpdpbusd"), "{failure}");
    ensure!(failure.hint.as_deref().unwrap_or_default().contains("serving.log"), "{failure:?}");
    let seen = now(stage, deployment).await?;
    ensure!(seen.state == DeploymentState::Degraded, "{:?}", seen.state);
    ensure!(seen.problem.as_ref() == Some(&failure), "{:?}", seen.problem);
    let rollout = &seen.rollouts[0];
    let step = rollout.steps.last().context("no steps")?;
    ensure!(
        rollout.outcome == Some(RolloutEnd::Failed) && step.ok == Some(false) && step.detail == failure.message,
        "{rollout:?}"
    );
    answers_as(stage, deployment, 1).await
}

/// A blob that the disk lost is said before anything is changed.
async fn a_version_whose_files_the_disk_lost(
    stage: &Stage,
    deployment: &Deployment,
    project: api::ProjectId,
) -> Result<()> {
    let version = stage.version(project).await?;
    let id = version.id;
    let row = stage.engine.store().read(move |c| store::version::get(c, id)).await?.context("no version")?;
    let weights = row.files.iter().max_by_key(|file| file.size_bytes).context("no files")?;
    let blob = stage.engine.blobs().path(&weights.blake3.parse()?);
    let kept = std::fs::read(&blob)?;
    std::fs::remove_file(&blob)?;
    let job = stage.call(StartDeploy { spec: stage.spec("tumours", version.id).await? }).await?;
    let failure = stage.failed(job).await?;
    std::fs::write(&blob, kept)?;
    ensure!(failure.hint.as_deref().unwrap_or_default().contains("register the model again"), "{failure:?}");
    answers_as(stage, deployment, 1).await
}

async fn names_that_are_taken(stage: &Stage, deployment: &Deployment, version: api::VersionId) -> Result<()> {
    // By a deployment of another model.
    let other = stage.project("other").await?;
    let run = stage.train(other).await?;
    let stranger = stage.call(RegisterModel { run, name: None, aliases: Vec::new() }).await?;
    let spec = stage.spec("tumours", stranger.id).await?;
    let taken = stage.call(StartDeploy { spec: spec.clone() }).await.err().context("it took another's name")?;
    ensure!(taken.code == ErrorCode::Conflict && taken.message.contains("big-x"), "{taken}");
    ensure!(stage.call(PlanDeploy { spec }).await.is_err());
    // By a program that listens there.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let spec =
        api::deploy::DeploySpec { port: Some(port.local_addr()?.port()), ..stage.spec("beside", version).await? };
    let job = stage.call(StartDeploy { spec }).await?;
    let failure = stage.failed(job).await?;
    ensure!(failure.code == ErrorCode::Conflict && failure.message.contains("taken by another program"), "{failure}");
    for name in ["Tumours", "1tumours", "", "tumours!", &"t".repeat(41)] {
        let spec = stage.spec(name, version).await?;
        let wrong = stage.call(StartDeploy { spec }).await.err().context("a wrong name was taken")?;
        ensure!(wrong.code == ErrorCode::Invalid, "{wrong}");
    }
    answers_as(stage, deployment, 1).await
}

/// It is started again at its old address, and the restart is counted.
async fn a_process_that_dies(stage: &Stage, deployment: &Deployment) -> Result<()> {
    let before = now(stage, deployment).await?;
    let pid = before.instances[0].name.replace("process ", "");
    read(std::process::Command::new("kill").args(["-9", &pid]))?;
    let restarted = async |stage: &Stage| {
        let seen = now(stage, deployment).await?;
        Ok(seen.instances.first().is_some_and(|one| one.ready && one.restarts == 1).then_some(seen))
    };
    let after = stage.until("the process is started again", restarted).await?;
    ensure!(after.address == before.address, "it moved from {:?} to {:?}", before.address, after.address);
    answers_as(stage, deployment, 1).await
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_all_through_an_update_and_a_roll_back_is_always_answered() {
    let Some(stage) = Stage::new().await.unwrap() else { return };
    asked_all_through(&stage).await.unwrap();
}

/// The versions that answered, and whatever went wrong.
#[cfg(unix)]
type Answers = (std::collections::BTreeMap<u64, u64>, Vec<String>);

/// Asks again and again until told to stop, over one connection or over a new one each time.
#[cfg(unix)]
async fn ask_on(address: String, row: serde_json::Value, kept_alive: bool, stop: &AtomicBool) -> Result<Answers> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(usize::from(kept_alive)).build()?;
    let mut answers = Answers::default();
    while !stop.load(Ordering::Relaxed) {
        let answer = match client.post(format!("{address}/predict")).json(&json!({ "rows": [&row] })).send().await {
            Ok(answer) => answer.json::<serde_json::Value>().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => match answer["version"].as_u64() {
                Some(version) => *answers.0.entry(version).or_default() += 1,
                None => answers.1.push(answer.to_string()),
            },
            Err(error) => answers.1.push(format!("{error:?}")),
        }
    }
    Ok(answers)
}

#[cfg(unix)]
async fn asked_all_through(stage: &Stage) -> Result<()> {
    let project = stage.project("big-x").await?;
    let (first, second) = (stage.version(project).await?, stage.version(project).await?);
    let deployment = stage.deploy("tumours", first.id).await?;
    let plan = stage.call(PlanDeploy { spec: stage.spec("tumours", second.id).await? }).await?;
    ensure!(plan.steps.iter().any(|step| step.contains("none is refused")), "{:?}", plan.steps);
    let address = deployment.address.clone().context("no address")?;
    let row = stage.call(GetVersion { version: first.id }).await?.examples.remove(0);
    let stop = AtomicBool::new(false);
    let asking = futures::future::try_join_all(
        [true, false, true, false].map(|kept| ask_on(address.clone(), row.clone(), kept, &stop)),
    );
    let change = async {
        let changed = change_and_go_back(stage, &deployment, second.id, &address, &row).await;
        stop.store(true, Ordering::Relaxed);
        changed
    };
    let (answers, changed) = tokio::join!(asking, change);
    changed?;
    for (versions, wrong) in answers? {
        ensure!(wrong.is_empty(), "{} of them: {:?}", wrong.len(), wrong.first());
        ensure!(versions.keys().eq(&[1, 2]), "{versions:?}");
    }
    Ok(())
}

/// Meanwhile a request that the old version had begun takes longer than any update.
#[cfg(unix)]
async fn change_and_go_back(
    stage: &Stage,
    deployment: &Deployment,
    second: api::VersionId,
    address: &str,
    row: &serde_json::Value,
) -> Result<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (host, body) = (address.trim_start_matches("http://"), json!({ "rows": [row] }).to_string());
    let mut slow = tokio::net::TcpStream::connect(host).await?;
    let head = format!("POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n", body.len());
    slow.write_all(head.as_bytes()).await?;
    let job = stage.call(StartDeploy { spec: stage.spec("tumours", second).await? }).await?;
    let replaced = async |stage: &Stage| {
        let seen = now(stage, deployment).await?;
        Ok(seen.rollouts[0].steps.iter().any(|step| step.title == "Stop version 1").then_some(()))
    };
    stage.until("the new version takes over", replaced).await?;
    // The old one answers nobody else from here on, and has longer than any request may take.
    until("the old version's end", Duration::from_secs(60), async || {
        let logs = GetDeploymentLogs { deployment: deployment.id, instance: None, lines: Some(50) };
        Ok(stage.call(logs).await?.iter().any(|line| line.contains("answering the requests that are under way")))
    })
    .await?;
    let steps = &now(stage, deployment).await?.rollouts[0].steps;
    ensure!(steps.last().is_some_and(|step| step.detail.contains("31 s at the most")), "{steps:?}");
    slow.write_all(body.as_bytes()).await?;
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"version\":1"), "{answer}");
    stage.done(job).await?;
    answers_as(stage, deployment, 2).await?;
    let job = stage.call(RollBack { deployment: deployment.id, to: None }).await?;
    stage.done(job).await?;
    answers_as(stage, deployment, 1).await?;
    ensure!(now(stage, deployment).await?.address == deployment.address, "it moved");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_host_adopts_what_runs_and_starts_what_ended() {
    let Some(stage) = Stage::new().await.unwrap() else { return };
    adopted(stage).await.unwrap();
}

async fn adopted(stage: Stage) -> Result<()> {
    let project = stage.project("big-x").await?;
    let version = stage.version(project).await?;
    let deployment = stage.deploy("tumours", version.id).await?;
    let name = deployment.instances[0].name.clone();
    let stage = stage.reopen().await?;
    ensure!(now(&stage, &deployment).await?.instances[0].name == name, "it was started again for nothing");
    answers_as(&stage, &deployment, 1).await?;

    // As after a reboot: nothing runs any more.
    let pid = name.replace("process ", "");
    let stage = stage.reopen_after(|| read(std::process::Command::new("kill").args(["-9", &pid])).map(|_| ())).await?;
    let back = async |stage: &Stage| {
        let seen = now(stage, &deployment).await?;
        Ok(seen.instances.first().is_some_and(|one| one.ready && one.name != name).then_some(seen))
    };
    let seen = stage.until("it is brought back", back).await?;
    ensure!(seen.address == deployment.address, "it moved");
    answers_as(&stage, &deployment, 1).await?;
    killed_between_two_commits(stage, &seen).await
}

/// A change that was entered and whose job was not: the next host does it all the same.
async fn killed_between_two_commits(stage: Stage, deployment: &Deployment) -> Result<()> {
    let id = deployment.id;
    let rollout = Rollout {
        id: RolloutId::from_bytes(stage.engine.new_id()),
        version: deployment.spec.version,
        version_number: 1,
        kind: "update".to_owned(),
        outcome: None,
        steps: Vec::new(),
        started_ms: stage.engine.now_ms(),
        ended_ms: None,
    };
    let row = RolloutRow { deployment: id, rollout, spec: deployment.spec.clone() };
    let entered = move |tx: &store::Transaction<'_>| {
        store::deployment::set_state(tx, id, DeploymentState::Rolling, None)?;
        store::deployment::insert_rollout(tx, &row)
    };
    stage.engine.store().write_durable(entered).await?;
    let busy = stage.call(DeleteDeployment { deployment: id }).await.err().context("deleted in the middle")?;
    ensure!(busy.code == ErrorCode::Conflict && busy.hint.is_some(), "{busy}");
    let stage = stage.reopen().await?;
    let rolled = async |stage: &Stage| {
        let seen = now(stage, deployment).await?;
        Ok((seen.rollouts[0].outcome == Some(RolloutEnd::Done) && seen.state == DeploymentState::Ready).then_some(()))
    };
    stage.until("the rollout goes on", rolled).await?;

    let entered =
        move |tx: &store::Transaction<'_>| store::deployment::set_state(tx, id, DeploymentState::Deleting, None);
    stage.engine.store().write_durable(entered).await?;
    let again = stage.call(RollBack { deployment: id, to: Some(RolloutId::from_bytes([9; 16])) }).await;
    ensure!(again.is_err(), "it is changed while it is deleted");
    let stage = stage.reopen().await?;
    let gone = async |stage: &Stage| {
        let left = stage.call(ListDeployments { project: None }).await?;
        Ok(left.is_empty().then_some(()))
    };
    stage.until("the deletion goes on", gone).await
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_is_a_job_that_tells_refuses_and_stops() {
    let Some(stage) = Stage::new().await.unwrap() else { return };
    traffic(&stage).await.unwrap();
}

async fn traffic(stage: &Stage) -> Result<()> {
    let project = stage.project("big-x").await?;
    let version = stage.version(project).await?;
    let deployment = stage.deploy("tumours", version.id).await?;
    let send = |path: &str, rows: u64, offset: u64| SendTraffic {
        deployment: deployment.id,
        path: path.to_owned(),
        rows,
        offset: Some(offset),
        batch: Some(10),
    };
    let job = stage.call(send("data.csv", 100, 0)).await?;
    let job = stage.done(job).await?;
    ensure!(job.message.starts_with("Sent 100 rows in 10 requests, no errors"), "{}", job.message);

    // Without a row to begin with it goes on where the last send ended, over the file's end from its beginning.
    stage.write("big-x/beside/few.csv", &journeys::stage::table(25, 3, 0.0))?;
    let windows = async |window: &str| {
        let set = [("monitoring.window".to_owned(), serde_json::json!(window))].into_iter().collect();
        stage.call(api::project::EditProjectFile { project, set }).await
    };
    windows("1 day").await?;
    let lies_beside = async |stage: &Stage| {
        let files = stage.call(ProposeTraffic { deployment: deployment.id }).await?.files;
        Ok(files.iter().any(|file| file.path == "beside/few.csv").then_some(()))
    };
    stage.until("the file is seen beside the data", lies_beside).await?;
    for (rows, sent, next) in
        [(10, "Sent 10 rows", 10), (10, "Sent 10 rows", 20), (10, "Sent 10 rows", 5), (99, "Sent 25 rows", 5)]
    {
        let job = stage.call(SendTraffic { offset: None, ..send("beside/few.csv", rows, 0) }).await?;
        let job = stage.done(job).await?;
        ensure!(job.message.starts_with(sent), "{}", job.message);
        ensure!(job.message.ends_with("; the file has 25 rows") == (rows > 25), "{}", job.message);
        let proposal = stage.call(ProposeTraffic { deployment: deployment.id }).await?;
        let few = proposal.files.iter().find(|file| file.path == "beside/few.csv");
        ensure!(few.is_some_and(|few| few.next_row == next), "{proposal:?}");
        ensure!((proposal.rows, proposal.windows) == (1000, 0), "time closes the windows: {proposal:?}");
    }
    windows("300 rows").await?;
    let proposal = stage.call(ProposeTraffic { deployment: deployment.id }).await?;
    ensure!((proposal.rows, proposal.windows) == (600, 2), "{proposal:?}");
    // A file that became part of the data is sent on all the same.
    let added = stage.call(AddData { project, paths: vec!["beside/few.csv".to_owned()] }).await?;
    stage.done(added).await?;
    let proposal = stage.call(ProposeTraffic { deployment: deployment.id }).await?;
    let first = proposal.files.first().map(|file| (file.path.as_str(), file.next_row));
    ensure!(first == Some(("beside/few.csv", 5)), "{proposal:?}");
    ensure!(proposal.chosen.as_deref() == Some("beside/few.csv"), "{proposal:?}");

    stage.write("big-x/beside/wrong.csv", "w\n1\n2\n")?;
    let job = stage.call(send("beside/wrong.csv", 10, 0)).await?;
    let failure = stage.failed(job).await?;
    ensure!(failure.message.contains("no column") && failure.message.contains("it has \"w\""), "{failure}");
    let job = stage.call(send("data.csv", 10, 1_000_000)).await?;
    ensure!(stage.failed(job).await?.message.contains("no rows to send"));
    stage.write("outside.csv", "x,z,colour\n1,2,red\n")?;
    for path in ["../outside.csv", "nowhere.csv", "/etc/passwd"] {
        let outside = stage.call(send(path, 10, 0)).await.err().context("it left the project's folder")?;
        ensure!(outside.code == ErrorCode::Invalid && outside.hint.is_some(), "{outside}");
    }

    stage.write("big-x/beside/long.csv", &journeys::stage::table(200_000, 3, 0.0))?;
    let job = stage.call(SendTraffic { batch: Some(1), ..send("beside/long.csv", 200_000, 0) }).await?;
    let id = job.id;
    let under_way = async |stage: &Stage| {
        let now = stage.call(api::job::GetJob { job: id }).await?;
        ensure!(!now.state.is_over(), "{now:?}");
        Ok((now.fraction.unwrap_or(0.0) > 0.0).then_some(()))
    };
    stage.until("traffic is under way", under_way).await?;
    stage.call(CancelJob { job: id }).await?;
    let ended = tokio::time::timeout(Duration::from_secs(60), stage.over(job)).await??;
    ensure!(ended.state == JobState::Cancelled, "{ended:?}");
    let said = ended.error.map(|error| error.message).unwrap_or(ended.message);
    ensure!(said.contains("of 200,000 rows were sent"), "{said}");
    Ok(())
}
