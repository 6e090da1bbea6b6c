//! The bar of the run table: 100,000 runs are scrolled and sorted in Chromium with no frame over 50 ms.
//!
//! `cargo xtask bench table` builds the host and the pages and starts this one with their places in the environment. Where
//! the machine was too busy to judge a time, its code is 3.

#[path = "../release/figure.rs"]
#[allow(dead_code, reason = "the release bench's own, of which this one takes times alone")]
mod figure;

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use api::{
    RunId,
    host::MakeKey,
    run::{RunKind, RunState},
    series::Point,
    tracking::{CreateExperiment, Experiment},
};
use figure::Figures;
use journeys::{
    browser::{self, seen_late},
    host::{self, Host},
    process::until,
};
use serde::Deserialize;
use store::{
    Store, metric, param,
    run::{self, RunRow},
};

const RUNS: u64 = 100_000;
const BATCH: u64 = 2_000;
/// Figures and params that each run has.
const KEYS: u64 = 8;
/// A frame may take so long.
const BAR: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let slipway = host::program("SLIPWAY_BIN")
        .context("SLIPWAY_BIN names no program: start this by `cargo xtask bench table`")?;
    ensure!(host::program("SLIPWAY_UI").is_some(), "SLIPWAY_UI names no folder of pages");
    let experiment = filled(&slipway, folder.path()).await?;
    let host = Host::start(&slipway, folder.path()).await?;
    let told = measured(&host, folder.path(), &experiment).await?;
    let mut figures = Figures::default();
    for Told { what, worst, p99, median, frames, seconds } in told {
        let note = format!("median {median:.1} ms, p99 {p99:.1} ms of {frames} frames in {seconds:.1} s");
        figures.time(format!("worst frame: {what}"), Duration::from_secs_f64(worst / 1000.0), BAR, note);
    }
    figures.print();
    figures.judge()
}

/// What the page says of one way of using the table; milliseconds.
#[derive(Debug, Deserialize)]
struct Told {
    what: String,
    worst: f64,
    p99: f64,
    median: f64,
    frames: u64,
    seconds: f64,
}

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    told: Vec<Told>,
    failed: Option<String>,
}

async fn measured(host: &Host, folder: &Path, experiment: &Experiment) -> Result<Vec<Told>> {
    let address = host.client().await?.call(MakeKey {}).await?.address;
    let origin = address.split("/#").next().context("the address has no key")?.to_owned();
    let browser = browser::chromium(folder, 1280, 800).await?;
    let driver = &browser.driver;
    driver.goto(&address).await?;
    seen_late(driver, "//main").await.context("the key opens the page")?;
    driver.goto(format!("{origin}/e/{}/runs", experiment.id)).await?;
    let counted = "//main//*[contains(., '100,000 runs')]";
    let there = async || Ok(!driver.find_all(thirtyfour::By::XPath(counted)).await?.is_empty());
    until("100,000 runs in the table", PATIENCE, there).await?;
    driver.set_script_timeout(PATIENCE * 3).await?;
    let answer = driver.execute_async(include_str!("frames.js"), Vec::new()).await?;
    let answer: Answer = answer.convert()?;
    browser.picture("hundred-thousand-runs").await?;
    match answer.failed {
        Some(failed) => bail!("the page could not be measured: {failed}"),
        None => Ok(answer.told),
    }
}

/// A workspace with the runs, written through the store: a host that ran before has made it.
async fn filled(slipway: &Path, folder: &Path) -> Result<Experiment> {
    let host = Host::start(slipway, folder).await?;
    let request = CreateExperiment { name: "a hundred thousand".to_owned(), folder: String::new() };
    let experiment = host.client().await?.call(request).await?;
    host.stop().await?;
    let template = Arc::new(template(&experiment));
    let store = Store::open(&host::workspace(folder))?;
    for first in (0..RUNS).step_by(BATCH as usize) {
        let template = template.clone();
        let runs = first..(first + BATCH).min(RUNS);
        store.write(move |tx| runs.into_iter().try_for_each(|index| write(tx, &template, index))).await?;
    }
    Ok(experiment)
}

/// What every run has in common.
fn template(experiment: &Experiment) -> RunRow {
    let of = (experiment.id, experiment.project);
    RunRow::new(id(0), of, String::new(), RunKind::Client, 1_700_000_000_000)
}

fn id(index: u64) -> RunId {
    let mut bytes = [1; 16];
    bytes[8..].copy_from_slice(&index.to_be_bytes());
    RunId::from_bytes(bytes)
}

fn write(tx: &store::Transaction<'_>, template: &RunRow, index: u64) -> store::Result<()> {
    let mut row = template.clone();
    row.run.id = id(index);
    row.run.name = format!("run-{index}");
    row.run.created_ms += index as i64 * 1_000;
    row.run.started_ms = Some(row.run.created_ms);
    row.run.ended_ms = Some(row.run.created_ms + (index % 977) as i64 * 100);
    row.run.state = if index.is_multiple_of(50) { RunState::Failed } else { RunState::Finished };
    run::put(tx, &row)?;
    for key in 0..KEYS {
        // No two columns in the same order.
        let value = (index * (7_919 + 2 * key) % 100_003) as f64 / 100_003.0;
        metric::append(tx, row.run.id, &format!("metric_{key}"), &[Point { step: 0, time_ms: 1, value }])?;
        param::put(tx, row.run.id, &format!("param_{key}"), &(index / 10_u64.pow(key as u32 % 5) % 13).to_string())?;
    }
    Ok(())
}
