//! What must hold after every death.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use api::{
    JobId, RunId,
    dataset::GetDataset,
    deploy::{DeploymentState, ListDeployments},
    job::{GetJob, Job, JobKind, JobState, ListJobs, Subject},
    model::Predict,
    run::{GetRun, ListRuns, ProjectIdOr, Run, RunKind, RunState, StopRun},
    search::{GetSearch, SearchState, TrialOutcome},
    series::{Viewport, Viewports},
};
use client::call::Client;
use serde_json::json;
use store::blob::BlobHash;

use crate::{acts, ledger::Ledger, processes};

/// Trainings of a few rounds and deployments end within this, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(120);
/// What may pass between a process's end and the word of it.
pub(crate) const SOON: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) async fn until<T>(
    what: &str,
    patience: Duration,
    mut ask: impl AsyncFnMut() -> Result<std::result::Result<T, String>>,
) -> Result<T> {
    let end = tokio::time::Instant::now() + patience;
    loop {
        let why = match ask().await? {
            Ok(answer) => return Ok(answer),
            Err(why) => why,
        };
        if tokio::time::Instant::now() >= end {
            bail!("{what}: not within {} s: {why}", patience.as_secs());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until nothing is under way but trainings that never end by themselves.
pub(crate) async fn settled(client: &Client, ledger: &Ledger, folder: &Path) -> Result<()> {
    until("every interrupted job ends or goes on", PATIENCE, async || {
        for job in unfinished(client).await? {
            let long = match job.subject {
                // Its host died before it could say which run it is.
                Subject::Run(run) if job.title.contains(acts::LONG) => {
                    ledger.open().runs.entry(run).or_default().long = true;
                    true
                }
                _ => false,
            };
            if !long {
                return Ok(Err(format!("{} is {:?}: {}", job.title, job.state, job.message)));
            }
        }
        Ok(Ok(()))
    })
    .await?;
    until("every running run has its process, and every process its run", SOON, async || {
        processes_match(client, ledger, folder).await
    })
    .await
}

async fn unfinished(client: &Client) -> Result<Vec<Job>> {
    let jobs = client.call(ListJobs { project: None, limit: Some(1000) }).await?;
    Ok(jobs.into_iter().filter(|job| !job.state.is_over()).collect())
}

/// The jobs that a death of the window must not touch.
pub(crate) async fn under_way(client: &Client) -> Result<Vec<JobId>> {
    Ok(unfinished(client).await?.into_iter().map(|job| job.id).collect())
}

/// Each of these goes on, or is done.
pub(crate) async fn untouched(client: &Client, jobs: &[JobId]) -> Result<()> {
    for id in jobs {
        let job = client.call(GetJob { job: *id }).await?;
        let well = matches!(job.state, JobState::Queued | JobState::Running | JobState::Done);
        ensure!(well, "{} is {:?}: {:?}", job.title, job.state, job.error);
    }
    Ok(())
}

/// Every run of every project, acknowledged or not.
async fn runs(client: &Client, ledger: &Ledger) -> Result<Vec<Run>> {
    let projects: Vec<_> = ledger.open().projects.iter().map(|project| project.id).collect();
    let mut runs = Vec::new();
    for project in projects {
        let request = ListRuns { project: ProjectIdOr(project), limit: Some(1000), ..ListRuns::default() };
        for row in client.call(request).await?.rows {
            runs.push(client.call(GetRun { run: row.id }).await?);
        }
    }
    Ok(runs)
}

async fn processes_match(client: &Client, ledger: &Ledger, folder: &Path) -> Result<std::result::Result<(), String>> {
    let runs = runs(client, ledger).await?;
    let found = processes::of(folder);
    let mut workers: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for worker in found.iter().filter(|found| found.program == "slipway-worker") {
        let run = worker.line.rsplit('/').next().unwrap_or_default().trim().to_owned();
        workers.entry(run).or_default().push(worker.pid);
    }
    for run in &runs {
        let own = workers.remove(&run.id.to_string()).unwrap_or_default();
        let training = run.kind == RunKind::Training;
        match run.state {
            RunState::Running if training && own.len() != 1 => {
                return Ok(Err(format!("{} is running with the workers {own:?}", run.name)));
            }
            // Its job begins its trials, which have the processes.
            RunState::Running if run.kind == RunKind::Search => {}
            RunState::Running if !training => return Ok(Err(format!("{} is running without its command", run.name))),
            RunState::Queued => {
                let job = match run.job {
                    Some(job) => Some(client.call(GetJob { job }).await?),
                    None => None,
                };
                if job.as_ref().is_none_or(|job| job.state.is_over()) {
                    return Ok(Err(format!("{} is queued and its job is {job:?}", run.name)));
                }
            }
            state if state.is_over() && !own.is_empty() => {
                return Ok(Err(format!("{} is {state:?} and has the workers {own:?}", run.name)));
            }
            state if state.is_over() && !acts::ended_well(state) && run.ended_because.is_none() => {
                return Ok(Err(format!("{} is {state:?} and says not why", run.name)));
            }
            _ => {}
        }
    }
    if !workers.is_empty() {
        return Ok(Err(format!("workers of no run: {workers:?}")));
    }
    serving_match(client, &found).await
}

async fn serving_match(client: &Client, found: &[processes::Found]) -> Result<std::result::Result<(), String>> {
    let deployments = client.call(ListDeployments { project: None }).await?;
    let mut serving: Vec<&processes::Found> = found.iter().filter(|found| found.program == "slipway-serving").collect();
    for deployment in &deployments {
        let own = deployment.id.to_string();
        let (its, others): (Vec<_>, Vec<_>) = serving.into_iter().partition(|found| found.line.contains(&own));
        serving = others;
        if its.len() > 1 {
            return Ok(Err(format!("{} is served by {its:?}", deployment.name)));
        }
    }
    if serving.is_empty() { Ok(Ok(())) } else { Ok(Err(format!("served for no deployment: {serving:?}"))) }
}

/// Nothing that was acknowledged is gone or changed.
pub(crate) async fn whole(client: &Client, ledger: &Ledger, folder: &Path) -> Result<()> {
    let workspace = folder.join("workspace");
    let problems = store::integrity::problems(&workspace)?;
    ensure!(problems.is_empty(), "the database: {problems:?}");
    let blobs = blobs(&workspace)?;
    jobs(client, ledger).await?;
    seen_runs(client, ledger).await?;
    searches(client, ledger).await?;
    snapshots(client, ledger, &workspace, blobs).await?;
    let versions: Vec<_> = ledger.open().versions.iter().copied().collect();
    for version in versions {
        // The hash of every file of the model is checked before it answers.
        let rows = vec![json!({"x": 0.9, "z": 0.1})];
        client.call(Predict { version, rows }).await.with_context(|| format!("ask the version {version}"))?;
    }
    deployments(client, ledger).await?;
    exported(ledger)
}

/// Every blob is what its name says; how many there are.
fn blobs(workspace: &Path) -> Result<usize> {
    let mut count = 0;
    for shelf in std::fs::read_dir(workspace.join("blobs"))? {
        let shelf = shelf?;
        let first = shelf.file_name().to_string_lossy().into_owned();
        if first.len() != 2 {
            continue;
        }
        for blob in std::fs::read_dir(shelf.path())? {
            let blob = blob?;
            let name = format!("{first}{}", blob.file_name().to_string_lossy());
            let hash = BlobHash::of(&std::fs::read(blob.path())?).to_string();
            ensure!(hash == name, "the blob {name} holds {hash}");
            count += 1;
        }
    }
    Ok(count)
}

async fn jobs(client: &Client, ledger: &Ledger) -> Result<()> {
    let jobs: Vec<_> = ledger.open().jobs.iter().copied().collect();
    for id in jobs {
        let job = client.call(GetJob { job: id }).await.context("a job that was answered is gone")?;
        let resumed = matches!(job.kind, JobKind::Snapshot | JobKind::Export | JobKind::Search);
        ensure!(
            !(resumed && job.state == JobState::Failed),
            "{} was to go on after a death and failed: {:?}",
            job.title,
            job.error
        );
        ensure!(job.state != JobState::Failed || job.error.is_some(), "{} failed and says not why", job.title);
    }
    Ok(())
}

async fn seen_runs(client: &Client, ledger: &Ledger) -> Result<()> {
    let seen = ledger.open().runs.clone();
    for (id, seen) in seen {
        let run = client.call(GetRun { run: id }).await.context("a run that was answered is gone")?;
        ensure!(!seen.finished || run.state == RunState::Finished, "{} was finished and is {:?}", run.name, run.state);
        // The answer to the newest note may have been cut off.
        ensure!(
            note_number(&run.notes) >= note_number(&seen.notes) || run.notes[..8] != seen.notes[..8],
            "{}'s note was {} and is {}",
            run.name,
            seen.notes,
            run.notes
        );
        for (key, count) in &seen.counts {
            let now = run.metrics.iter().find(|metric| metric.key == *key).map_or(0, |metric| metric.count);
            ensure!(now >= *count, "{} had {count} points of {key} and has {now}", run.name);
            if seen.long && key.starts_with("loss") {
                let viewport = Viewport::whole(id, key.as_str());
                let viewports = Viewports { series: vec![viewport], points: 20_000 };
                let series = client.series(&viewports).await?.remove(0);
                let series = series.with_context(|| format!("{} has no series {key}", run.name))?;
                let rising = !series.raw || series.step.windows(2).all(|pair| pair[0] < pair[1]);
                ensure!(rising, "{} has a step of {key} twice", run.name);
            }
        }
    }
    Ok(())
}

/// Each search went on to its end, and tried nothing twice.
async fn searches(client: &Client, ledger: &Ledger) -> Result<()> {
    let searches: Vec<_> = ledger.open().searches.iter().copied().collect();
    for id in searches {
        let search = client.call(GetSearch { search: id }).await.context("a search that was answered is gone")?;
        let (name, trials) = (&search.name, &search.trials);
        ensure!(search.state == SearchState::Finished, "{name} is {:?}: {:?}", search.state, search.error);
        ensure!(search.over() == search.planned, "{name} planned {} trials: {trials:?}", search.planned);
        let finished: Vec<_> = trials.iter().filter(|trial| trial.outcome == TrialOutcome::Finished).collect();
        let again = finished.iter().find(|one| finished.iter().filter(|other| other.values == one.values).count() > 1);
        ensure!(again.is_none() && !finished.is_empty(), "{name} tried twice, or nothing: {trials:?}");
    }
    Ok(())
}

fn note_number(note: &str) -> Option<u32> {
    note.split_once('-')?.1.parse().ok()
}

async fn snapshots(client: &Client, ledger: &Ledger, workspace: &Path, blobs: usize) -> Result<()> {
    let (snapshots, projects) = {
        let written = ledger.open();
        (written.snapshots.clone(), written.projects.clone())
    };
    let mut listed = Vec::new();
    for project in projects {
        listed.extend(client.call(GetDataset { project: project.id }).await?.snapshots);
    }
    for (id, snapshot) in snapshots {
        let found = listed.iter().find(|found| found.id == id);
        let found = found.with_context(|| format!("the snapshot {id} of {} is gone", snapshot.project))?;
        ensure!(found.files as usize == snapshot.files.len(), "{found:?} has not the files {:?}", snapshot.files);
        for (name, hash) in &snapshot.files {
            let path = workspace.join("blobs").join(&hash[..2]).join(&hash[2..]);
            ensure!(path.is_file(), "{name} of snapshot v{} is not among the {blobs} blobs", found.number);
        }
    }
    Ok(())
}

async fn deployments(client: &Client, ledger: &Ledger) -> Result<()> {
    let (deployments, unsure) = {
        let written = ledger.open();
        (written.deployments.clone(), written.unsure.clone())
    };
    for (name, version) in deployments.into_iter().filter(|(name, _)| !unsure.contains(name)) {
        until(&format!("{name} answers"), PATIENCE, async || {
            let deployment = journeys::road::deployment(client, &name).await?;
            let deployment = deployment.with_context(|| format!("the deployment {name} is gone"))?;
            ensure!(deployment.spec.version == version, "{name} is of {}, not {version}", deployment.spec.version);
            Ok(match deployment.state {
                DeploymentState::Ready => Ok(()),
                state => Err(format!("it is {state:?}: {:?}", deployment.problem)),
            })
        })
        .await?;
    }
    // What was cut off was settled by the next host, and is known from here on.
    for name in unsure {
        let now = journeys::road::deployment(client, &name).await?;
        let mut written = ledger.open();
        match now.filter(|deployment| deployment.state == DeploymentState::Ready) {
            Some(deployment) => drop(written.deployments.insert(name.clone(), deployment.spec.version)),
            None => drop(written.deployments.remove(&name)),
        }
        written.unsure.remove(&name);
    }
    Ok(())
}

fn exported(ledger: &Ledger) -> Result<()> {
    let written = ledger.open();
    for (folder, snapshot) in &written.exported {
        for (name, hash) in &written.snapshots[snapshot].files {
            let path: PathBuf = folder.join(name);
            let bytes = std::fs::read(&path).with_context(|| format!("read the exported {}", path.display()))?;
            ensure!(BlobHash::of(&bytes).to_string() == *hash, "{} is not what was kept", path.display());
        }
    }
    Ok(())
}

/// Stops the trainings that never end by themselves.
pub(crate) async fn stop_all(client: &Client, ledger: &Ledger) -> Result<()> {
    let long: Vec<RunId> = ledger.open().runs.iter().filter(|(_, seen)| seen.long).map(|(run, _)| *run).collect();
    for run in long {
        if client.call(GetRun { run }).await?.state.is_over() {
            continue;
        }
        client.call(StopRun { run }).await?;
        until("a stopped training ends", PATIENCE, async || {
            let now = client.call(GetRun { run }).await?;
            ledger.saw(&now);
            Ok(if now.state.is_over() { Ok(()) } else { Err(format!("{} is {:?}", now.name, now.state)) })
        })
        .await?;
    }
    until("the stopped trainings' jobs end", SOON, async || {
        let left = unfinished(client).await?;
        Ok(if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) })
    })
    .await
}

/// Hosts that lost the race for the workspace have given up.
pub(crate) async fn one_host(folder: &Path) -> Result<()> {
    until("one host alone", SOON, async || {
        let hosts = processes::hosts(folder);
        Ok(if hosts.len() == 1 { Ok(()) } else { Err(format!("{hosts:?}")) })
    })
    .await
}

/// A host that ended when asked leaves one whole file.
pub(crate) fn nothing_open(folder: &Path) -> Result<()> {
    for name in ["slipway.db-wal", "slipway.db-shm", "host.json"] {
        ensure!(!folder.join("workspace").join(name).exists(), "{name} is left after the host ended");
    }
    Ok(())
}
