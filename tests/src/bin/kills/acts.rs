//! What is done until somebody dies. Each act writes into the ledger only what an answer said.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use api::{
    ApiError, ErrorCode, RunId, VersionId,
    config::{ModelChoice, ProjectFile, TrainingConfig},
    dataset::{ExportSnapshot, TakeSnapshot},
    deploy::{DeleteDeployment, StartDeploy},
    host::CollectGarbage,
    job::{GetJob, Job, JobState, Subject},
    model::{Predict, RegisterModel},
    project::CreateProject,
    run::{EditRun, GetRun, ResumeRun, RunState, StartRun},
    search::{GetSearch, SearchConfig, SearchMethod, SearchState, StartSearch, Value, Written},
};
use client::call::Client;
use journeys::{host, road};
use rand::{Rng as _, rngs::StdRng};
use serde_json::json;

use crate::ledger::{Ledger, Project, Snapshot};

/// More projects than this would only make the looks longer.
const MOST_PROJECTS: usize = 4;
const LOOK_EVERY: Duration = Duration::from_millis(40);

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Import {
        nonce: u32,
    },
    Snapshot {
        nonce: u32,
    },
    Train {
        nonce: u32,
    },
    TrainLong {
        nonce: u32,
    },
    Resume,
    Search {
        nonce: u32,
    },
    Deploy {
        nonce: u32,
    },
    Export {
        nonce: u32,
    },
    Note {
        nonce: u32,
    },
    Collect,
    /// The program itself, which may be the one that dies.
    Command {
        nonce: u32,
    },
}

impl Act {
    pub(crate) fn any(rng: &mut StdRng) -> Self {
        let nonce = rng.random();
        match rng.random_range(0..22) {
            0..=1 => Self::Import { nonce },
            2..=5 => Self::Snapshot { nonce },
            6..=8 => Self::Train { nonce },
            9..=10 => Self::TrainLong { nonce },
            11..=12 => Self::Resume,
            13..=14 => Self::Deploy { nonce },
            15..=16 => Self::Export { nonce },
            17 => Self::Note { nonce },
            18 => Self::Collect,
            19..=20 => Self::Search { nonce },
            _ => Self::Command { nonce },
        }
    }
}

/// Commands under way, to be killed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commands {
    children: Arc<Mutex<Vec<Child>>>,
}

impl Commands {
    fn keep(&self, child: Child) {
        self.children.lock().unwrap_or_else(PoisonError::into_inner).push(child);
    }

    pub(crate) fn kill(&self) {
        for child in self.children.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Does one thing; an error that only a death explains is passed over, any other is printed.
pub(crate) async fn perform(act: Act, client: &Client, ledger: &Ledger, folder: &Path, commands: &Commands) {
    let done = match &act {
        Act::Import { nonce } => import(*nonce, client, ledger, folder).await,
        Act::Snapshot { nonce } => snapshot(*nonce, client, ledger).await,
        Act::Train { nonce } => train(*nonce, client, ledger).await,
        Act::TrainLong { nonce } => train_long(*nonce, client, ledger).await,
        Act::Resume => resume(client, ledger).await,
        Act::Search { nonce } => search(*nonce, client, ledger).await,
        Act::Deploy { nonce } => deploy(*nonce, client, ledger).await,
        Act::Export { nonce } => export(*nonce, client, ledger, folder).await,
        Act::Note { nonce } => note(*nonce, client, ledger).await,
        Act::Collect => client.call(CollectGarbage { dry_run: false }).await.map(|_| ()).map_err(Into::into),
        Act::Command { nonce } => command(*nonce, ledger, folder, commands).await,
    };
    if let Err(error) = done
        && !error.downcast_ref::<ApiError>().is_some_and(|error| error.code == ErrorCode::Unreachable)
    {
        println!("    {act:?}: {error:#}");
    }
}

/// Rows that a tree learns; other for each nonce.
fn rows(nonce: u32, count: u32) -> String {
    let mut text = String::from("x,z,y\n");
    for row in 0..count {
        let mixed = nonce.wrapping_add(row).wrapping_mul(2_654_435_761);
        let (x, z) = (f64::from(mixed >> 16) / 65_536.0, f64::from(mixed & 0xffff) / 65_536.0);
        text.push_str(&format!("{x:.5},{z:.5},{}\n", if x > 0.5 { "yes" } else { "no" }));
    }
    text
}

async fn import(nonce: u32, client: &Client, ledger: &Ledger, folder: &Path) -> Result<()> {
    let count = ledger.open().projects.len();
    if count >= MOST_PROJECTS {
        return Ok(());
    }
    // Made new for every attempt: one that was cut off leaves its folder to the person.
    let outside = folder.join(format!("outside-{nonce:08x}"));
    std::fs::create_dir_all(outside.join("data"))?;
    std::fs::write(outside.join("data/first.csv"), rows(nonce, 4_000))?;
    let path = folder.join(format!("project-{nonce:08x}"));
    let mut file = ProjectFile { name: format!("p{nonce:08x}"), ..ProjectFile::default() };
    file.data.paths = vec!["data".to_owned()];
    file.data.target = Some("y".to_owned());
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let job = client.call(CreateProject { path: text(&path), file, copy_from: vec![text(&outside)] }).await?;
    let job = done(client, ledger, &job).await?;
    let Subject::Project(id) = job.subject else { bail!("a project's subject is {:?}", job.subject) };
    ledger.open().projects.push(Project { id, folder: path, hand: Arc::default() });
    Ok(())
}

async fn over(client: &Client, ledger: &Ledger, job: &Job) -> Result<Job> {
    ledger.open().jobs.insert(job.id);
    loop {
        let now = client.call(GetJob { job: job.id }).await?;
        if now.state.is_over() {
            return Ok(now);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn done(client: &Client, ledger: &Ledger, job: &Job) -> Result<Job> {
    let job = over(client, ledger, job).await?;
    if job.state != JobState::Done {
        bail!("{} is {:?}: {:?}", job.title, job.state, job.error);
    }
    Ok(job)
}

async fn snapshot(nonce: u32, client: &Client, ledger: &Ledger) -> Result<()> {
    let Some(project) = ledger.project(nonce) else { return Ok(()) };
    let _hand = project.hand.lock().await;
    let data = project.folder.join("data");
    for part in 0..3 {
        std::fs::write(
            data.join(format!("part-{}.csv", (nonce >> 8).wrapping_add(part) % 12)),
            rows(nonce ^ part, 3_000),
        )?;
    }
    let job = client.call(TakeSnapshot { project: project.id, message: None }).await?;
    let job = done(client, ledger, &job).await?;
    let Subject::Snapshot(id) = job.subject else { bail!("a snapshot's subject is {:?}", job.subject) };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(&data)? {
        let entry = entry?;
        let name = format!("data/{}", entry.file_name().to_string_lossy());
        files.insert(name, store::blob::BlobHash::of(&std::fs::read(entry.path())?).to_string());
    }
    ledger.open().snapshots.insert(id, Snapshot { project: project.id, files });
    Ok(())
}

/// A small network that is trained to its last epoch.
fn network(nonce: u32, epochs: usize) -> TrainingConfig {
    TrainingConfig {
        model: ModelChoice::Mlp,
        epochs: Some(epochs),
        patience: Some(0),
        batch_size: Some(512),
        hidden: vec![16],
        threads: 1,
        seed: u64::from(nonce),
        ..TrainingConfig::default()
    }
}

async fn train(nonce: u32, client: &Client, ledger: &Ledger) -> Result<()> {
    let Some(project) = ledger.project(nonce) else { return Ok(()) };
    let hand = project.hand.lock().await;
    let training = TrainingConfig {
        model: ModelChoice::Trees,
        rounds: Some(20),
        seed: u64::from(nonce),
        ..TrainingConfig::default()
    };
    let job = client.call(StartRun { training: Some(training), ..StartRun::of(project.id) }).await?;
    let Subject::Run(run) = job.subject else { bail!("a training's subject is {:?}", job.subject) };
    ledger.open().runs.entry(run).or_default();
    done(client, ledger, &job).await?;
    drop(hand);
    ledger.saw(&client.call(GetRun { run }).await?);
    let version = client.call(RegisterModel { run, name: None, aliases: vec![format!("a{}", nonce % 3)] }).await?;
    ledger.open().versions.insert(version.id);
    client.call(Predict { version: version.id, rows: vec![json!({"x": 0.9, "z": 0.1})] }).await?;
    Ok(())
}

/// How a training is called that never ends by itself: one whose start was not acknowledged is known by it.
pub(crate) const LONG: &str = "long-";

async fn train_long(nonce: u32, client: &Client, ledger: &Ledger) -> Result<()> {
    let Some(project) = ledger.project(nonce) else { return Ok(()) };
    let hand = project.hand.lock().await;
    let training = network(nonce, 100_000);
    let name = Some(format!("{LONG}{nonce}"));
    let job = client.call(StartRun { training: Some(training), name, ..StartRun::of(project.id) }).await?;
    let Subject::Run(run) = job.subject else { bail!("a training's subject is {:?}", job.subject) };
    {
        let mut written = ledger.open();
        written.jobs.insert(job.id);
        written.runs.entry(run).or_default().long = true;
    }
    drop(hand);
    watch(client, ledger, run).await
}

/// Reads the run again and again: every count that an answer gave must stay.
async fn watch(client: &Client, ledger: &Ledger, run: RunId) -> Result<()> {
    loop {
        let now = client.call(GetRun { run }).await?;
        ledger.saw(&now);
        if now.state.is_over() {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn resume(client: &Client, ledger: &Ledger) -> Result<()> {
    let long: Vec<RunId> = ledger.open().runs.iter().filter(|(_, seen)| seen.long).map(|(run, _)| *run).collect();
    for run in long {
        let now = client.call(GetRun { run }).await?;
        if now.state.is_over() && now.resumable {
            let job = client.call(ResumeRun { run, budget: Default::default() }).await?;
            ledger.open().jobs.insert(job.id);
            return watch(client, ledger, run).await;
        }
    }
    Ok(())
}

/// A search that ends by itself, whoever dies meanwhile.
async fn search(nonce: u32, client: &Client, ledger: &Ledger) -> Result<()> {
    let Some(project) = ledger.project(nonce) else { return Ok(()) };
    let _hand = project.hand.lock().await;
    let rates = [0.01, 0.02, 0.03].map(Value::Number).to_vec();
    let config = SearchConfig {
        method: SearchMethod::Grid,
        parallel: 2,
        space: BTreeMap::from([("learning_rate".to_owned(), Written { values: Some(rates), ..Written::default() })]),
        ..SearchConfig::default()
    };
    let training = network(nonce, 30);
    let (config, training) = (Some(config), Some(training));
    let request = StartSearch {
        project: project.id,
        config,
        training,
        directory: None,
        environment: None,
        variables: None,
        name: None,
    };
    let search = client.call(request).await?;
    {
        let mut written = ledger.open();
        written.searches.insert(search.id);
        written.jobs.extend(search.job);
    }
    while client.call(GetSearch { search: search.id }).await?.state == SearchState::Running {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

async fn deploy(nonce: u32, client: &Client, ledger: &Ledger) -> Result<()> {
    let versions: Vec<VersionId> = ledger.open().versions.iter().copied().collect();
    if versions.is_empty() {
        return Ok(());
    }
    let (name, version) = (format!("d{}", nonce % 2), versions[(nonce >> 4) as usize % versions.len()]);
    let there = road::deployment(client, &name).await?;
    // From here until the answer nobody knows which of the two stands.
    if !ledger.open().unsure.insert(name.clone()) {
        return Ok(());
    }
    let gone = there.as_ref().filter(|_| nonce.is_multiple_of(3));
    let job = match gone {
        Some(deployment) => client.call(DeleteDeployment { deployment: deployment.id }).await?,
        None => {
            let target = road::this_machine(client).await?;
            client.call(StartDeploy { spec: road::spec(&name, target, version) }).await?
        }
    };
    let job = over(client, ledger, &job).await?;
    let mut written = ledger.open();
    written.unsure.remove(&name);
    match (job.state, gone) {
        (JobState::Done, Some(_)) => drop(written.deployments.remove(&name)),
        (JobState::Done, None) => drop(written.deployments.insert(name, version)),
        (state, _) => {
            written.unsure.insert(name);
            bail!("{} is {state:?}: {:?}", job.title, job.error)
        }
    }
    Ok(())
}

pub(crate) async fn delete_deployments(client: &Client, ledger: &Ledger) -> Result<()> {
    for name in ["d0", "d1"] {
        if let Some(deployment) = road::deployment(client, name).await? {
            let job = client.call(DeleteDeployment { deployment: deployment.id }).await?;
            done(client, ledger, &job).await?;
        }
    }
    Ok(())
}

async fn export(nonce: u32, client: &Client, ledger: &Ledger, folder: &Path) -> Result<()> {
    let snapshots: Vec<api::SnapshotId> = ledger.open().snapshots.keys().copied().collect();
    if snapshots.is_empty() {
        return Ok(());
    }
    let snapshot = snapshots[nonce as usize % snapshots.len()];
    let to: PathBuf = folder.join(format!("export-{nonce:08x}"));
    let job = client.call(ExportSnapshot { snapshot, folder: to.to_string_lossy().into_owned() }).await?;
    // Acknowledged with the job: it ends, before or after a death.
    {
        let mut written = ledger.open();
        written.jobs.insert(job.id);
        written.exported.insert(to, snapshot);
    }
    done(client, ledger, &job).await?;
    Ok(())
}

async fn note(nonce: u32, client: &Client, ledger: &Ledger) -> Result<()> {
    let runs: Vec<RunId> = ledger.open().runs.keys().copied().collect();
    if runs.is_empty() {
        return Ok(());
    }
    let run = runs[nonce as usize % runs.len()];
    for count in 0_u32.. {
        let notes = format!("{nonce:08x}-{count}");
        client.call(EditRun { run, name: None, notes: Some(notes.clone()), tags: BTreeMap::new() }).await?;
        ledger.open().runs.entry(run).or_default().notes = notes;
    }
    Ok(())
}

/// A command that lives until it is killed, or until what it started is done.
async fn command(nonce: u32, ledger: &Ledger, folder: &Path, commands: &Commands) -> Result<()> {
    const LOOP: &str = r#"i=0; while :; do echo "{\"metric\": \"loss\", \"value\": $i}"; i=$((i+1)); sleep 0.05; done"#;
    let Some(project) = ledger.project(nonce) else { return Ok(()) };
    let slipway = std::env::var_os("SLIPWAY_BIN").context("SLIPWAY_BIN names no program")?;
    let mut command = Command::new(slipway);
    match nonce % 3 {
        0 => command.args(["exec", "--", "sh", "-c", LOOP]),
        1 => command.args(["run", "start", "--model", "trees"]),
        _ => command.args(["data", "snapshot"]),
    };
    host::environment(&mut command, folder);
    command.current_dir(&project.folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    commands.keep(command.spawn()?);
    // It lives until it is killed.
    std::future::pending().await
}

/// Whether a run is over for good, or as a stop leaves it.
pub(crate) fn ended_well(state: RunState) -> bool {
    matches!(state, RunState::Finished | RunState::Stopped)
}
