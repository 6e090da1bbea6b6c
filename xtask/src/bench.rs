//! Measures: beside a peer in the same run, and the release build beside its bars.

use std::{
    fmt,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{place, programs, python, shell, system, test, window};

pub(crate) fn bench(name: &str, parts: &[String]) -> Result<()> {
    match name {
        "fraud" => fraud(),
        "import" => measured("import", "Reading other tools' logs"),
        "kills" => kills(parts),
        "release" => release(parts, Duration::ZERO),
        "table" => table(),
        "track" => all(&[
            &|| beside_mlflow("track.py", "Tracking beside MLflow", parts),
            &|| beside_mlflow("track_crowd.py", "64 clients at once, and a kill", &[]),
            &|| measured("import", "Reading other tools' logs"),
            &table,
        ]),
        other => bail!("There is no bench \"{other}\". There are: fraud, import, kills, release, table, track."),
    }
}

/// No bar was missed, but the machine was too busy to judge each time.
#[derive(Debug)]
pub(crate) struct NotJudged;

impl fmt::Display for NotJudged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a time was not judged: the machine was busy")
    }
}

impl std::error::Error for NotJudged {}

/// The code that the bench of the release build ends with where a time was not judged.
const NOT_JUDGED: i32 = 3;
/// The 1-minute load under which times are judged.
const QUIET: f64 = 2.0;

/// Kills host, worker and window at random moments: `--times N --seed S --keep`.
fn kills(parts: &[String]) -> Result<()> {
    window::build(&window::default_out(), false)?;
    programs::host(false)?;
    programs::worker(false)?;
    programs::serving()?;
    programs::desktop(false)?;
    shell::step("Kills at random moments", || {
        let mut cargo = shell::cargo(&["run", "--quiet", "--package", "journeys", "--bin", "kills", "--"]);
        programs::environment(&mut cargo, false);
        shell::run(cargo.args(parts))
    })
}

/// The bars of a release build: its start, its memory, its pages' requests, its images. Once it is built, waits
/// so long for a quiet machine.
///
/// # Errors
/// [`NotJudged`] where no bar was missed and the machine was too busy for one of the times.
pub(crate) fn release(parts: &[String], patience: Duration) -> Result<()> {
    system::for_test()?;
    programs::all(true)?;
    shell::run(&mut shell::cargo(&["build", "--quiet", "--package", "journeys", "--bin", "release"]))?;
    wait_for_quiet(patience);
    shell::step("The bars of the release build", || {
        let mut cargo = shell::cargo(&["run", "--quiet", "--package", "journeys", "--bin", "release", "--"]);
        programs::environment(&mut cargo, true);
        let status = cargo.args(parts).stdin(Stdio::null()).status().context("start the bench of the release build")?;
        match status.code() {
            Some(0) => Ok(()),
            Some(NOT_JUDGED) => bail!(NotJudged),
            _ => bail!("the bench of the release build ended with {status}"),
        }
    })
}

/// Every one is measured, whatever the others say; what was missed is said before what was not judged.
fn all(measures: &[&dyn Fn() -> Result<()>]) -> Result<()> {
    let failed: Vec<_> = measures.iter().filter_map(|measure| measure().err()).collect();
    let (idle, missed): (Vec<_>, Vec<_>) = failed.into_iter().partition(anyhow::Error::is::<NotJudged>);
    match &*missed {
        [] => idle.into_iter().next().map_or(Ok(()), Err),
        missed => bail!("{}", missed.iter().map(|error| format!("{error:#}")).collect::<Vec<_>>().join("; ")),
    }
}

/// A bench in Python, by one that has MLflow, of a release build of the host.
fn beside_mlflow(script: &str, what: &str, parts: &[String]) -> Result<()> {
    programs::host(true)?;
    let venv = test::mlflow()?;
    shell::step(what, || {
        let mut command = Command::new(python::program(&venv, "python"));
        command
            .arg(place::root().join("tests/peers").join(script))
            .arg("--slipway")
            .arg(place::program(&place::programs(true), "slipway"))
            .args(parts);
        // Whole bytecode, as a user's MLflow has it: without it each start would look slow.
        command.env_remove("PYTHONDONTWRITEBYTECODE");
        let status = command.status().with_context(|| format!("start {script}"))?;
        match status.code() {
            Some(0) => Ok(()),
            Some(NOT_JUDGED) => bail!(NotJudged),
            _ => bail!("a bar was missed ({status})"),
        }
    })
}

/// The frames of the run table over 100,000 runs, in Chromium.
///
/// # Errors
/// [`NotJudged`] where no bar was missed and the machine was too busy for one of the times.
fn table() -> Result<()> {
    system::for_test()?;
    window::build(&place::programs(true).join("ui"), true)?;
    measured("table", "The run table over 100,000 runs")
}

/// A program of the journeys' that measures a release build of the host.
///
/// # Errors
/// [`NotJudged`] where no bar was missed and the machine was too busy for one of the times.
fn measured(bin: &str, what: &str) -> Result<()> {
    programs::host(true)?;
    shell::step(what, || {
        let mut cargo = shell::cargo(&["run", "--quiet", "--package", "journeys", "--bin", bin]);
        programs::environment(&mut cargo, true);
        let status = cargo.stdin(Stdio::null()).status().with_context(|| format!("start the bench {bin}"))?;
        match status.code() {
            Some(0) => Ok(()),
            Some(NOT_JUDGED) => bail!(NotJudged),
            _ => bail!("the bench {bin} ended with {status}"),
        }
    })
}

/// Where the system doesn't say its load, nothing is waited for.
fn wait_for_quiet(patience: Duration) {
    let until = Instant::now() + patience;
    while load().is_some_and(|load| load >= QUIET) && Instant::now() < until {
        thread::sleep(Duration::from_secs(5));
    }
}

/// The machine's 1-minute load.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_bar_keeps_no_other_from_being_measured() {
        let measured = std::cell::Cell::new(0);
        let count = |result: fn() -> Result<()>| {
            measured.set(measured.get() + 1);
            result()
        };
        let ends =
            all(&[&|| count(|| bail!(NotJudged)), &|| count(|| bail!("too slow")), &|| count(|| Ok(())), &|| {
                count(|| bail!("lost a point"))
            }]);
        assert_eq!(measured.get(), 4);
        let error = ends.unwrap_err();
        assert_eq!(error.to_string(), "too slow; lost a point");
        assert!(!error.is::<NotJudged>());
        assert!(all(&[&|| Ok(()), &|| bail!(NotJudged)]).unwrap_err().is::<NotJudged>());
        assert!(all(&[&|| Ok(())]).is_ok());
    }
}
