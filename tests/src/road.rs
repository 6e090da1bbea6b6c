//! The road in calls: what every journey does with the host, as a client does it.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use api::{
    DeploymentId, JobId, ProjectId, Request, RunId, TargetId, VersionId,
    dataset::{GetDataset, TakeSnapshot},
    deploy::{
        DeploySpec, Deployment, DeploymentState, ListDeployments, ListTargets, SendTraffic, StartDeploy, TargetKind,
    },
    job::{GetJob, Job, JobState, Prepared, Subject},
    model::{RegisterModel, Version},
    monitor::{CheckNow, Monitoring},
    project::{EditProjectFile, GetProject, OpenSample, Project},
    run::StartRun,
};
use client::call::Client;
use serde_json::Value;

/// Waits for a job's end; fails with its own words where it fails.
pub async fn finished(client: &Client, job: JobId, patience: Duration) -> Result<Job> {
    let until = tokio::time::Instant::now() + patience;
    loop {
        let now = client.call(GetJob { job }).await?;
        match now.state {
            JobState::Done => return Ok(now),
            JobState::Failed | JobState::Cancelled => {
                bail!("{}: {:?} {} {:?}", now.title, now.state, now.message, now.error)
            }
            JobState::Queued | JobState::Running if tokio::time::Instant::now() > until => {
                bail!("{} did not end within {} s: {}", now.title, patience.as_secs(), now.message)
            }
            JobState::Queued | JobState::Running => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Opens a sample project in the test's documents folder.
pub async fn open_sample(client: &Client, name: &str) -> Result<Project> {
    let job = client.call(OpenSample { name: name.to_owned() }).await?;
    match finished(client, job.id, Duration::from_secs(600)).await?.subject {
        Subject::Project(project) => Ok(client.call(GetProject { project }).await?),
        other => bail!("the sample's subject is {other:?}"),
    }
}

/// Sets keys of the project's file.
pub async fn edit(client: &Client, project: ProjectId, set: &[(&str, Value)]) -> Result<Project> {
    let set = set.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Ok(client.call(EditProjectFile { project, set }).await?)
}

/// The answer to a question that may have to be computed first.
pub async fn prepared<T, R: Request<Response = Prepared<T>> + Clone>(client: &Client, request: R) -> Result<T> {
    loop {
        match client.call(request.clone()).await? {
            Prepared::Ready(answer) => return Ok(answer),
            Prepared::UnderWay(job) => finished(client, job, Duration::from_secs(300)).await.map(drop)?,
        }
    }
}

/// Takes a snapshot and waits for it.
pub async fn snapshot(client: &Client, project: ProjectId) -> Result<Job> {
    let job = client.call(TakeSnapshot { project, message: None }).await?;
    finished(client, job.id, Duration::from_secs(300)).await
}

/// Trains with the project's settings and waits for the end.
pub async fn train(client: &Client, project: ProjectId) -> Result<RunId> {
    let job = client.call(StartRun::of(project)).await?;
    let job = finished(client, job.id, Duration::from_secs(600)).await?;
    match job.subject {
        Subject::Run(run) => Ok(run),
        other => bail!("the training's subject is {other:?}"),
    }
}

/// Registers a run's model.
pub async fn register(client: &Client, run: RunId, aliases: &[&str]) -> Result<Version> {
    let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
    Ok(client.call(RegisterModel { run, name: None, aliases }).await?)
}

/// The target that is there from the beginning.
pub async fn this_machine(client: &Client) -> Result<TargetId> {
    let targets = client.call(ListTargets {}).await?;
    targets
        .iter()
        .find(|target| target.kind == TargetKind::ThisMachine)
        .map(|target| target.id)
        .context("this machine is no target")
}

/// A deployment with the defaults that the window proposes.
pub fn spec(name: &str, target: TargetId, version: VersionId) -> DeploySpec {
    DeploySpec {
        name: name.to_owned(),
        target,
        version,
        replicas: 1,
        registry: None,
        repository: None,
        cpu_millis: None,
        memory_mb: None,
        log_share: 1.0,
        log_days: 14,
        not_logged: Vec::new(),
        create_namespace: true,
        port: None,
    }
}

/// Deploys and waits until it is ready.
pub async fn deploy(client: &Client, spec: DeploySpec) -> Result<Deployment> {
    let name = spec.name.clone();
    let job = client.call(StartDeploy { spec }).await?;
    finished(client, job.id, Duration::from_secs(300)).await?;
    let deployment = deployment(client, &name).await?.with_context(|| format!("{name} is not in the list"))?;
    if deployment.state != DeploymentState::Ready {
        bail!("{name} is {:?}: {:?}", deployment.state, deployment.problem);
    }
    Ok(deployment)
}

/// The deployment of a name, where there is one.
pub async fn deployment(client: &Client, name: &str) -> Result<Option<Deployment>> {
    let all = client.call(ListDeployments { project: None }).await?;
    Ok(all.into_iter().find(|deployment| deployment.name == name))
}

/// Sends a window of 1,000 rows of the second period beside the data, and has it looked at until it is
/// closed. Windows count from 0.
pub async fn shifted_window(
    client: &Client,
    deployment: &Deployment,
    project: ProjectId,
    window: u64,
) -> Result<Monitoring> {
    let path = second_period(client, project).await?;
    sent_window(client, deployment.id, path, window * 1000, window as usize + 1).await
}

/// Sends 1,000 rows of a table from `offset` on, and has them looked at until so many windows are closed.
pub async fn sent_window(
    client: &Client,
    deployment: DeploymentId,
    path: String,
    offset: u64,
    closed: usize,
) -> Result<Monitoring> {
    let traffic = SendTraffic { deployment, path, rows: 1000, offset: Some(offset), batch: Some(50) };
    let job = client.call(traffic).await?;
    finished(client, job.id, Duration::from_secs(120)).await?;
    let until = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let seen = client.call(CheckNow { deployment }).await?;
        if seen.windows.len() >= closed {
            return Ok(seen);
        }
        if tokio::time::Instant::now() > until {
            bail!("window {closed} stays open with {} rows: {:?}", seen.open_rows, seen.problem);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Lays a second period beside the data of the sample breast cancer: two windows, with every radius half as large again.
pub fn write_second_period(project: &Path) -> Result<()> {
    write_shifted(project, "second-period", "mean_radius", 2000)
}

/// Lays a folder beside the data of the sample breast cancer: its rows again and again, with every value of a column
/// half as large again.
pub fn write_shifted(project: &Path, folder: &str, column: &str, rows: usize) -> Result<()> {
    let text = std::fs::read_to_string(project.join("breast-cancer.csv"))?;
    let (head, lines) = text.split_once('\n').context("the sample has no rows")?;
    let place = head.split(',').position(|name| name == column).with_context(|| format!("no column {column}"))?;
    let mut shifted = format!("{head}\n");
    for line in lines.lines().cycle().take(rows) {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        let value: f64 = cells[place].parse().with_context(|| format!("{column} is {}", cells[place]))?;
        cells[place] = format!("{:.2}", value * 1.5);
        shifted.push_str(&format!("{}\n", cells.join(",")));
    }
    let folder = project.join(folder);
    std::fs::create_dir_all(&folder)?;
    Ok(std::fs::write(folder.join("breast-cancer.csv"), shifted)?)
}

/// The file of the second period, while it lies beside the data.
pub async fn second_period(client: &Client, project: ProjectId) -> Result<String> {
    let dataset = client.call(GetDataset { project }).await?;
    let file = dataset.beside.into_iter().find(|file| file.path.contains("second-period"));
    Ok(file.context("no second period beside the data")?.path)
}
