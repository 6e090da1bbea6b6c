//! Measures: beside a peer in the same run, and the release build beside its bars.

use anyhow::{Result, bail};

use crate::{programs, python, shell, system, window};

pub(crate) fn bench(name: &str, parts: &[String]) -> Result<()> {
    match name {
        "fraud" => fraud(),
        "release" => release(parts),
        other => bail!("There is no bench \"{other}\". There are: fraud, release."),
    }
}

/// Kills host, worker and window at random moments.
pub(crate) fn kills(times: u32) -> Result<()> {
    shell::step(&format!("{times} kills at random moments"), || {
        let times = times.to_string();
        let mut cargo = shell::cargo(&["run", "--quiet", "--package", "journeys", "--bin", "kills", "--"]);
        programs::environment(&mut cargo, false);
        shell::run(cargo.args(["--times", &times]))
    })
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
    let venv = python::venv("xgboost", &["xgboost==3.2.0", "pyarrow", "pandas", "scikit-learn"])?;
    shell::step("Fraud beside XGBoost", || {
        let mut cargo = shell::cargo(&["run", "--quiet", "--package", "journeys", "--bin", "fraud"]);
        programs::environment(&mut cargo, false);
        shell::run(cargo.env("SLIPWAY_PEER_PYTHON", python::program(&venv, "python")))
    })
}
