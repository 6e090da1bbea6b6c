//! The road, once, with nothing mocked: sample → snapshot → train → register → package → push to a
//! registry with TLS and a password → real pods → predict → shifted traffic → drift alert → retrain →
//! second version → roll back → delete.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    AlertId, ProjectId, RunId,
    dataset::{AddData, GetDataset, GetProfile},
    deploy::{
        AddTarget, CallDeployment, DeleteDeployment, Deployment, GetDeployment, PlanDeploy, RollBack, TargetKind,
    },
    job::Subject,
    model::{GetVersion, Predict},
    monitor::ListAlerts,
    package::{AddRegistry, BuildPackage, CheckRegistry, ListPackages, PushPackage},
    run::{GetEvaluation, GetRun, RunState, StartRun},
};
use client::call::Client;
use journeys::{
    cluster::{self, Cluster},
    host::{self, Host},
    process::{read, skipped_without, wait_until},
    registry::{PASSWORD, Registry, USER},
    road,
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn from_a_folder_to_a_watched_model_on_this_machine() {
    let (Some(slipway), Some(_), Some(_)) =
        (host::program("SLIPWAY_BIN"), host::program("SLIPWAY_WORKER"), host::program("SLIPWAY_SERVING"))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    this_machine(&slipway, folder.path()).await.unwrap();
}

async fn this_machine(slipway: &Path, folder: &Path) -> Result<()> {
    let host = Host::start(slipway, folder).await?;
    let client = host.client().await?;
    let project = road::open_sample(&client, "breast-cancer").await?;
    road::write_second_period(Path::new(&project.path))?;
    road::edit(&client, project.id, &[("monitoring.window", json!("1000 rows"))]).await?;

    let job = road::snapshot(&client, project.id).await?;
    let Subject::Snapshot(snapshot) = job.subject else { anyhow::bail!("no snapshot: {:?}", job.subject) };
    let profile = road::prepared(&client, GetProfile { snapshot }).await?;
    ensure!(profile.rows == 569, "the sample has 569 rows, the profile says {}", profile.rows);

    let run = road::train(&client, project.id).await?;
    let evaluation = client.call(GetEvaluation { run }).await?;
    let auc = evaluation.test.iter().find(|figure| figure.name == "roc_auc").context("the report has no ROC AUC")?;
    ensure!(auc.value > 0.97, "ROC AUC is {}", auc.value);
    let version = road::register(&client, run, &["champion"]).await?;
    let detail = client.call(GetVersion { version: version.id }).await?;
    let here = client.call(Predict { version: version.id, rows: detail.examples.clone() }).await?;

    let target = road::this_machine(&client).await?;
    let deployment = road::deploy(&client, road::spec("tumours", target, version.id)).await?;
    let there = client.call(CallDeployment { deployment: deployment.id, rows: detail.examples.clone() }).await?;
    ensure!(there.status == 200, "the call failed: {:?}", there.error);
    ensure!(there.rows == here.rows, "served {:?}, predicted {:?}", there.rows, here.rows);

    let alert = drift(&client, &deployment, project.id, "mean_radius").await?;
    // The retrained version rolls out, and back.
    let second = road::register(&client, retrain(&client, project.id, alert).await?, &[]).await?;
    let deployment = road::deploy(&client, road::spec("tumours", target, second.id)).await?;
    ensure!(deployment.version_number == second.number, "version {} is deployed", deployment.version_number);
    let job = client.call(RollBack { deployment: deployment.id, to: None }).await?;
    road::finished(&client, job.id, PATIENCE).await?;
    let deployment = client.call(GetDeployment { deployment: deployment.id }).await?;
    ensure!(deployment.version_number == version.number, "rolled back to {}", deployment.version_number);

    delete(&client, &deployment).await
}

async fn delete(client: &Client, deployment: &Deployment) -> Result<()> {
    let job = client.call(DeleteDeployment { deployment: deployment.id }).await?;
    road::finished(client, job.id, PATIENCE).await?;
    ensure!(road::deployment(client, &deployment.name).await?.is_none(), "{} is still listed", deployment.name);
    Ok(())
}

#[test]
fn from_a_folder_to_a_watched_model_on_kubernetes() {
    if cluster::skipped() {
        return;
    }
    if skipped_without(&["docker-registry", "htpasswd", "skopeo", "podman", "curl"]) {
        return;
    }
    let (Some(slipway), Some(_), Some(_)) =
        (host::program("SLIPWAY_BIN"), host::program("SLIPWAY_WORKER"), host::program("SLIPWAY_SERVING"))
    else {
        return;
    };
    if !cluster::inside("road::from_a_folder_to_a_watched_model_on_kubernetes").unwrap() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::with_tls_and_password(&folder.path().join("registry")).unwrap();
    let authority = registry.ca.clone().unwrap();
    let cluster = Cluster::start(&folder.path().join("cluster"), &[(registry.address.clone(), authority)]).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let result = runtime.block_on(kubernetes(&slipway, folder.path(), &registry, &cluster));
    if let Err(error) = &result {
        println!("the host said:\n{}", std::fs::read_to_string(folder.path().join("host.log")).unwrap_or_default());
        println!("the kubelet said:\n{}", cluster.said("kubelet"));
        println!("failed: {error:?}");
    }
    drop(runtime);
    drop(cluster);
    result.unwrap();
}

async fn kubernetes(slipway: &Path, folder: &Path, registry: &Registry, cluster: &Cluster) -> Result<()> {
    let host = Host::start(slipway, folder).await?;
    let client = host.client().await?;
    let project = road::open_sample(&client, "card-fraud").await?;
    road::edit(&client, project.id, &[("monitoring.window", json!("1000 rows"))]).await?;
    let run = road::train(&client, project.id).await?;
    let version = road::register(&client, run, &["champion"]).await?;

    let known = client
        .call(AddRegistry {
            name: "harbour".to_owned(),
            address: registry.address.clone(),
            username: Some(USER.to_owned()),
            password: Some(PASSWORD.to_owned()),
            plain_http: false,
            ca_pem: Some(std::fs::read_to_string(registry.ca.as_ref().context("no authority")?)?),
        })
        .await?;
    let check = client.call(CheckRegistry { registry: known.id }).await?;
    ensure!(check.ok, "{}", check.message);
    let job = client.call(BuildPackage { version: version.id }).await?;
    road::finished(&client, job.id, PATIENCE).await?;
    let push =
        |version| PushPackage { version, registry: known.id, repository: Some("road/fraud".to_owned()), tag: None };
    let job = client.call(push(version.id)).await?;
    road::finished(&client, job.id, PATIENCE).await?;
    let detail = client.call(GetVersion { version: version.id }).await?;
    let image = format!("road/fraud:v{}", version.number);
    let contained = judged_by_skopeo_and_podman(registry, &image, folder, &detail.examples)?;

    let target = client
        .call(AddTarget {
            name: "journey".to_owned(),
            kind: TargetKind::Kubernetes {
                kubeconfig: Some(cluster.kubeconfig.display().to_string()),
                context: "journey".to_owned(),
                namespace: "models".to_owned(),
                create_namespace: true,
            },
        })
        .await?;
    let spec = |version| api::deploy::DeploySpec {
        registry: Some(known.id),
        repository: Some("road/fraud".to_owned()),
        ..road::spec("fraud", target.id, version)
    };
    let plan = client.call(PlanDeploy { spec: spec(version.id) }).await?;
    ensure!(plan.blocked.is_none(), "the plan is blocked: {:?}", plan.blocked);
    let deployment = road::deploy(&client, spec(version.id)).await?;
    let answer = client.call(CallDeployment { deployment: deployment.id, rows: detail.examples.clone() }).await?;
    ensure!(answer.status == 200, "the call failed: {:?}", answer.error);
    ensure!(answer.through.starts_with("port-forward to pod fraud-"), "it went through {}", answer.through);
    let here = client.call(api::model::Predict { version: version.id, rows: detail.examples }).await?;
    ensure!(answer.rows == here.rows, "the pod says {:?}, the model {:?}", answer.rows, here.rows);
    ensure!(contained == answer.rows, "podman's container says {contained:?}, the pod {:?}", answer.rows);

    let alert = drift(&client, &deployment, project.id, "amount").await?;
    let second = road::register(&client, retrain(&client, project.id, alert).await?, &[]).await?;
    let deployment = road::deploy(&client, spec(second.id)).await?;
    ensure!(deployment.version_number == second.number, "version {} is deployed", deployment.version_number);
    second_push_sends_the_model_only(&client, second.id).await?;

    let job = client.call(RollBack { deployment: deployment.id, to: None }).await?;
    road::finished(&client, job.id, PATIENCE).await?;
    let deployment = client.call(GetDeployment { deployment: deployment.id }).await?;
    ensure!(deployment.version_number == version.number, "rolled back to {}", deployment.version_number);
    delete(&client, &deployment).await
}

/// Traffic of the second period, whose shift is known: one drifted window raises nothing, the second an alert.
async fn drift(client: &Client, deployment: &Deployment, project: ProjectId, column: &str) -> Result<AlertId> {
    let one = road::shifted_window(client, deployment, project, 0).await?;
    ensure!(one.windows[0].drifted > 0, "the first window does not drift: {:?}", one.windows);
    ensure!(one.alerts.is_empty(), "one window raises an alert: {:?}", one.alerts);
    let two = road::shifted_window(client, deployment, project, 1).await?;
    ensure!(two.windows.len() == 2, "two windows were sent, {} closed", two.windows.len());
    let alerts = client.call(ListAlerts { project: Some(project), open_only: true }).await?;
    let alert = alerts.iter().find(|alert| alert.column == column);
    let columns = || alerts.iter().map(|alert| alert.column.as_str()).collect::<Vec<_>>();
    Ok(alert.with_context(|| format!("{column} is not among {:?}", columns()))?.id)
}

/// Retrain from the alert, once the second period is part of the data: the run is of the newest snapshot.
async fn retrain(client: &Client, project: ProjectId, alert: AlertId) -> Result<RunId> {
    let before = client.call(GetDataset { project }).await?.snapshots;
    let paths = vec![road::second_period(client, project).await?];
    let job = client.call(AddData { project, paths }).await?;
    road::finished(client, job.id, PATIENCE).await?;
    let request = StartRun { alert: Some(alert), ..StartRun::of(project) };
    let job = client.call(request).await?;
    let Subject::Run(id) = road::finished(client, job.id, PATIENCE).await?.subject else { anyhow::bail!("no run") };
    let run = client.call(GetRun { run: id }).await?;
    ensure!(run.state == RunState::Finished && run.alert == Some(alert), "the retraining is {:?}", run.state);
    let snapshots = client.call(GetDataset { project }).await?.snapshots;
    ensure!(snapshots.len() == before.len() + 1, "{} snapshots, {} before", snapshots.len(), before.len());
    ensure!(run.snapshot == Some(snapshots[0].id), "it trained on {:?}", run.snapshot_number);
    let alerts = client.call(ListAlerts { project: Some(project), open_only: false }).await?;
    ensure!(alerts.iter().any(|one| one.id == alert && one.run == Some(id)), "the alert names no run: {alerts:?}");
    Ok(id)
}

async fn second_push_sends_the_model_only(client: &Client, version: api::VersionId) -> Result<()> {
    let packages = client.call(ListPackages { version: Some(version) }).await?;
    let package = packages.first().context("no package of the second version")?;
    let serving = package.layers.iter().find(|layer| layer.what == "serving").context("no serving layer")?;
    let push = package.pushes.first().context("no push of the second version")?;
    ensure!(push.skipped_bytes >= serving.size_bytes, "the serving layer was sent again: {push:?}");
    Ok(())
}

/// What the image answers for `rows` where podman runs it.
fn judged_by_skopeo_and_podman(registry: &Registry, image: &str, folder: &Path, rows: &[Value]) -> Result<Vec<Value>> {
    let authority = folder.join("authority");
    std::fs::create_dir_all(&authority)?;
    std::fs::copy(registry.ca.as_ref().context("no authority")?, authority.join("ca.crt"))?;
    let reference = format!("{}/{image}", registry.address);
    let credentials = format!("{USER}:{PASSWORD}");
    let inspected = read(
        Command::new("skopeo")
            .args(["inspect", "--creds", &credentials, "--cert-dir"])
            .arg(&authority)
            .arg(format!("docker://{reference}")),
    )?;
    ensure!(inspected.contains("\"amd64\""), "skopeo says {inspected}");

    let settings = folder.join("containers.conf");
    std::fs::write(
        &settings,
        "[containers]\ndefault_ulimits = [\"nofile=20000:20000\", \"nproc=4096:4096\"]\n[engine]\nruntime = \"runc\"\n\
         cgroup_manager = \"cgroupfs\"\n[engine.runtimes]\nrunc = [\"/usr/sbin/runc\"]\n",
    )?;
    let podman = || {
        let mut command = Command::new("podman");
        command
            .env("CONTAINERS_CONF", &settings)
            .arg("--root")
            .arg(folder.join("podman"))
            .arg("--runroot")
            .arg(folder.join("podman-run"));
        command.args(["--storage-driver", "vfs"]);
        command
    };
    read(podman().args(["pull", "--quiet", "--creds", &credentials, "--cert-dir"]).arg(&authority).arg(&reference))?;
    let run = [
        "run",
        "--detach",
        "--name",
        "judged",
        "--network",
        "host",
        "--read-only",
        "--cap-drop=all",
        "--tmpfs",
        "/tmp",
    ];
    read(
        podman()
            .args(run)
            .args(["--env", "SLIPWAY_LISTEN=127.0.0.1:28080", "--env", "SLIPWAY_CONTROL=127.0.0.1:28081"])
            .arg(&reference),
    )?;
    let answer = asked_by_curl("http://127.0.0.1:28080", rows);
    let said = read(podman().args(["logs", "judged"])).unwrap_or_default();
    let _ = read(podman().args(["rm", "--force", "judged"]));
    answer.with_context(|| format!("the container said: {said}"))
}

fn asked_by_curl(address: &str, rows: &[Value]) -> Result<Vec<Value>> {
    let curl = |path: &str| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--fail", "--noproxy", "*"]).arg(format!("{address}{path}"));
        command
    };
    wait_until("the container", Duration::from_secs(30), || read(&mut curl("/v2/health/ready")).is_ok())?;
    let body = json!({ "rows": rows }).to_string();
    let answer = read(curl("/predict").args(["--header", "content-type: application/json", "--data", &body]))?;
    let answer: Value = serde_json::from_str(&answer)?;
    Ok(answer["rows"].as_array().with_context(|| format!("the answer is {answer}"))?.clone())
}
