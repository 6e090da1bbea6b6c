//! Measures: beside a peer in the same run, and the release build beside its bars.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, bail};

use crate::{place, programs, shell, system, window};

pub(crate) fn bench(name: &str, parts: &[String]) -> Result<()> {
    match name {
        "fraud" => fraud(),
        "release" => release(parts),
        other => bail!("There is no bench \"{other}\". There are: fraud, release."),
    }
}

/// The bars of a release build: its start, its memory, its pages' requests, its images.
fn release(parts: &[String]) -> Result<()> {
    system::for_test()?;
    programs::all(true)?;
    shell::step("The bars of the release build", || {
        let mut cargo = shell::cargo(&["run", "--quiet", "--package", "journeys", "--bin", "release", "--"]);
        programs::environment(&mut cargo, true);
        shell::run(cargo.args(parts))
    })
}

/// Average precision on the fraud sample beside XGBoost's on the same rows.
fn fraud() -> Result<()> {
    window::build(&window::default_out(), false)?;
    programs::host(false)?;
    programs::worker(false)?;
    let python = peer("xgboost", &["xgboost==3.2.0", "pyarrow", "pandas", "scikit-learn"])?;
    shell::step("Fraud beside XGBoost", || {
        let mut cargo = shell::cargo(&["run", "--quiet", "--package", "journeys", "--bin", "fraud"]);
        programs::environment(&mut cargo, false);
        shell::run(cargo.env("SLIPWAY_PEER_PYTHON", python))
    })
}

/// A peer's Python, in a venv of its own under the cache.
fn peer(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let venv = place::cache().join("venvs").join(name);
    let python = venv.join("bin/python");
    let marker = venv.join("complete");
    if !marker.exists() {
        shell::step(&format!("The peer {name}"), || {
            shell::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            shell::run(Command::new(venv.join("bin/pip")).args(["install", "--quiet"]).args(packages))?;
            std::fs::write(&marker, "").map_err(Into::into)
        })?;
    }
    Ok(python)
}
