//! The bars of reading other tools' logs: 100 MB of TensorBoard's events at 50 MB a second, in memory that does not grow
//! with them, and 10,000 runs of an `mlruns` folder at 2,000 a second; whole, from the request to the last commit, the
//! median of three each.
//!
//! `cargo xtask bench track` builds the host and starts this one with its place in the environment. Where the machine
//! was too busy to judge a time, its code is 3.

#[path = "../release/figure.rs"]
#[allow(dead_code, reason = "the release bench's own, of which this one takes a part")]
mod figure;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use api::{
    job::{GetJob, JobState},
    series::Point,
    source::{AddSource, Kind, ListSources},
};
use figure::Figures;
use foreign::tensorboard::write::EventFile;
use journeys::{
    host::{self, Host},
    process::until,
};

const MEGABYTES: u64 = 100;
/// Time for so many megabytes at the bar's rate.
const EVENTS_BAR: Duration = Duration::from_secs(MEGABYTES / 50);
/// What the host may hold more than before: less than the log is long.
const MEMORY_BAR: u64 = 64_000_000;
const SERIES: usize = 20;
/// Each is imported so often.
const TIMES: usize = 3;
const RUNS: u32 = 10_000;
const RUNS_BAR: Duration = Duration::from_secs(RUNS as u64 / 2_000);
const KEYS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let slipway = host::program("SLIPWAY_BIN")
        .context("SLIPWAY_BIN names no program: start this by `cargo xtask bench track`")?;
    let mut figures = Figures::default();

    let events: Vec<PathBuf> = (0..TIMES).map(|time| folder.path().join(format!("events{time}"))).collect();
    let (mut bytes, mut points) = (0, 0);
    for events in &events {
        (bytes, points) = write_events(&events.join("train"))?;
    }
    let host = Host::start(&slipway, folder.path()).await?;
    let before = peak(host.id())?;
    let took = import(&host, &events, Kind::TensorBoard, 1).await?;
    let grown = peak(host.id())?.saturating_sub(before);
    let rate = bytes as f64 / 1e6 / took.as_secs_f64();
    let note = format!("{rate:.0} MB/s of 50, {points} points");
    figures.time(format!("import {MEGABYTES} MB of events"), took, EVENTS_BAR, note);
    figures.size("memory that the events took", grown, MEMORY_BAR, "the host's peak, less its peak before");

    let stores: Vec<PathBuf> = (0..TIMES).map(|time| folder.path().join(format!("mlruns{time}"))).collect();
    for (time, store) in stores.iter().enumerate() {
        write_runs(store, time)?;
    }
    let took = import(&host, &stores, Kind::MlflowFiles, u64::from(RUNS)).await?;
    let rate = f64::from(RUNS) / took.as_secs_f64();
    let note = format!("{rate:.0} runs/s of 2,000, {KEYS} params and {KEYS} metrics each");
    figures.time(format!("import {RUNS} runs of mlruns"), took, RUNS_BAR, note);
    host.stop().await?;
    figures.print();
    figures.judge()
}

/// The median over these logs.
async fn import(host: &Host, paths: &[PathBuf], kind: Kind, runs: u64) -> Result<Duration> {
    let mut took = Vec::with_capacity(paths.len());
    for path in paths {
        took.push(import_one(host, path, kind, runs).await?);
    }
    took.sort_unstable();
    Ok(took[took.len() / 2])
}

/// From the request to the end of the job.
async fn import_one(host: &Host, path: &Path, kind: Kind, runs: u64) -> Result<Duration> {
    let client = host.client().await?;
    let path = path.to_string_lossy().into_owned();
    let begun = Instant::now();
    let job = client.call(AddSource { path: path.clone(), kind: Some(kind), project: None, once: true }).await?;
    let over = async || {
        let job = client.call(GetJob { job: job.id }).await?;
        ensure!(!matches!(job.state, JobState::Failed | JobState::Cancelled), "the import failed: {:?}", job.error);
        Ok(job.state == JobState::Done)
    };
    until("the end of the import", PATIENCE, over).await?;
    let took = begun.elapsed();
    let source = client.call(ListSources {}).await?.into_iter().find(|source| source.path == path);
    let source = source.context("the source is gone")?;
    ensure!(source.runs == runs && source.warned == 0, "the import is not whole: {source:?}");
    Ok(took)
}

/// The most memory that a process held, as Linux says it.
fn peak(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("read the host's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("its status has no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// A run's event file of [`MEGABYTES`]: its bytes and points.
fn write_events(folder: &Path) -> Result<(u64, u64)> {
    let mut file = EventFile::create(folder, 1_700_000_000_000)?;
    let path = fs::read_dir(folder)?.next().context("the event file is gone")??.path();
    let (mut step, mut points) = (0, 0);
    let keys: Vec<String> = (0..SERIES).map(|series| format!("train/series_{series:02}")).collect();
    // As a trainer logs them: of every step a point of each series.
    while fs::metadata(&path)?.len() < MEGABYTES * 1_000_000 {
        for key in &keys {
            let point = Point { step, time_ms: 1_700_000_000_000 + step * 10, value: (step as f64 / 100.0).sin() };
            file.points(key, &[point])?;
        }
        (step, points) = (step + 1, points + keys.len() as u64);
    }
    file.finish()?;
    Ok((fs::metadata(&path)?.len(), points))
}

/// Runs as MLflow's client leaves them.
fn write_runs(folder: &Path, time: usize) -> Result<()> {
    let experiment = folder.join("1");
    fs::create_dir_all(&experiment)?;
    let meta = format!(
        "artifact_location: file:///mlruns/1\ncreation_time: 1700000000000\nexperiment_id: '1'\n\
         last_update_time: 1700000000000\nlifecycle_stage: active\nname: speed {time}\n"
    );
    fs::write(experiment.join("meta.yaml"), meta)?;
    for run in 0..RUNS {
        let id = format!("{time:02x}{run:030x}");
        let folder = experiment.join(&id);
        for name in ["params", "metrics", "tags", "artifacts"] {
            fs::create_dir_all(folder.join(name))?;
        }
        let meta = format!(
            "artifact_uri: file:///mlruns/1/{id}/artifacts\nend_time: 1700000001000\nentry_point_name: ''\n\
             experiment_id: '1'\nlifecycle_stage: active\nrun_id: {id}\nrun_name: run-{run}\nsource_name: ''\n\
             source_type: 4\nsource_version: ''\nstart_time: 1700000000000\nstatus: 3\ntags: []\nuser_id: ada\n"
        );
        fs::write(folder.join("meta.yaml"), meta)?;
        for key in 0..KEYS {
            fs::write(folder.join(format!("params/param{key}")), (run * key).to_string())?;
            let mut lines = String::new();
            for step in 0..3 {
                writeln!(lines, "{} 0.{run} {step}", 1_700_000_000_000_u64 + step)?;
            }
            fs::write(folder.join(format!("metrics/metric{key}")), lines)?;
        }
        fs::write(folder.join("tags/mlflow.user"), "ada")?;
    }
    Ok(())
}
