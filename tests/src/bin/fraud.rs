//! The fraud bar: three seeds of the generator, first period only, split by time, default settings,
//! beside XGBoost on the same rows and parts. Prints a line a seed and the mean difference.
//!
//! `cargo xtask bench fraud`; the peer's Python is named by `SLIPWAY_PEER_PYTHON`.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};
use api::{
    project::{OpenProject, SameId},
    run::GetEvaluation,
};
use journeys::{host::Host, process::read, road};

/// How far the average precision may stay behind XGBoost's, on average.
const BAR: f64 = -0.02;

#[tokio::main]
async fn main() -> Result<()> {
    let python = std::env::var_os("SLIPWAY_PEER_PYTHON").context("SLIPWAY_PEER_PYTHON is not set")?;
    let slipway = PathBuf::from(std::env::var_os("SLIPWAY_BIN").context("SLIPWAY_BIN is not set")?);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/fraud_xgboost.py");
    let folder = tempfile::tempdir()?;
    let host = Host::start(&slipway, folder.path()).await?;
    let client = host.client().await?;
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../sample-projects/card-fraud/slipway.toml");
    let mut differences = Vec::new();
    for seed in 1..=3 {
        let project = folder.path().join(format!("fraud-{seed}"));
        std::fs::create_dir_all(&project)?;
        data::samples::card_fraud(seed, &project, &mut data::progress::silent)?;
        std::fs::copy(sample, project.join("slipway.toml"))?;
        let path = project.display().to_string();
        let project = client.call(OpenProject { path, same_id: SameId::NewProject }).await?;
        let run = road::train(&client, project.id).await?;
        let evaluation = client.call(GetEvaluation { run }).await?;
        let ours = evaluation
            .test
            .iter()
            .find(|figure| figure.name == "average_precision")
            .context("no average precision")?
            .value;
        let runs = folder.path().join("workspace/runs").join(run.to_string());
        let theirs: serde_json::Value = serde_json::from_str(&read(Command::new(&python).arg(script).arg(&runs))?)?;
        let theirs = theirs["average_precision"].as_f64().context("the peer said no figure")?;
        println!("seed {seed}: ours {ours:.4}, XGBoost {theirs:.4}, difference {:+.4}", ours - theirs);
        differences.push(ours - theirs);
    }
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    println!("mean difference {mean:+.4} (the bar: not lower than {BAR})");
    anyhow::ensure!(mean >= BAR, "on average {mean:+.4} beside XGBoost, and the bar is {BAR}");
    Ok(())
}
