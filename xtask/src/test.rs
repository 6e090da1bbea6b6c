//! `cargo xtask test`: sets up the rest, builds the programs that tests start, and passes every test.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{gates, kubernetes, pictures, place, programs, python, shell, skipped, system, window};

/// The newest of MLflow's clients that `pip` installs: 3.18.0, of which the judge's recordings are, asks for parts of itself
/// (`mlflow-skinny` and `mlflow-tracing`) of a version that no registry had when it was judged (`tests/mlflow/README.md`).
const MLFLOW: [&str; 3] = ["mlflow==3.17.2", "scikit-learn", "psutil"];

pub(crate) struct Options {
    /// With the Kubernetes journey, which needs root and changes this machine while it runs.
    pub(crate) cluster: bool,
    /// With PyTorch beside MLflow's client, which takes 5 GB of disk.
    pub(crate) torch: bool,
    pub(crate) only: Option<String>,
}

/// Whether this is a machine that exists to run tests.
pub(crate) fn on_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

pub(crate) fn test(options: &Options) -> Result<()> {
    skipped::forget()?;
    let tested = every(options);
    skipped::tell();
    tested
}

fn every(options: &Options) -> Result<()> {
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| name.contains(only));
    system::for_run()?;
    system::for_test()?;
    window::build(&window::default_out(), false)?;
    programs::host(false)?;
    programs::worker(false)?;
    programs::serving()?;
    if wanted("journeys") || wanted("window") {
        programs::desktop(false)?;
        tauri_driver()?;
    }
    for packages in gates::APART {
        let packages: Vec<&str> = packages.iter().copied().filter(|package| wanted(package)).collect();
        shell::step("Tests: learning and serving", || cargo_test(&packages, options))?;
    }
    if wanted("ui") {
        // What the pages compute needs no browser: figures in words, the filter's completion.
        shell::step("Tests: pages", || shell::run(&mut shell::cargo(&["test", "--quiet", "--package", "ui"])))?;
    }
    if wanted("window") {
        shell::step("Tests: window", || {
            let arguments = ["test", "--quiet", "--package", "slipway-desktop", "--features", "tauri/custom-protocol"];
            shell::run(&mut shell::cargo(&arguments))
        })?;
    }
    if wanted("xtask") {
        // In the profile that it runs in: its dependencies are built there.
        shell::step("Tests: xtask", || {
            shell::run(&mut shell::cargo(&["test", "--quiet", "--package", "xtask", "--profile", "xtask"]))
        })?;
    }
    let packages: Vec<&str> = gates::HOST.iter().copied().filter(|package| wanted(package)).collect();
    if options.cluster && packages.contains(&"journeys") {
        kubernetes::binaries()?;
    }
    shell::step("Tests: host", || cargo_test(&packages, options))
}

/// MLflow's own client, which judges our server.
pub(crate) fn mlflow() -> Result<PathBuf> {
    python::venv("mlflow", &MLFLOW)
}

/// The same with PyTorch, whose flavour the judge tries then.
fn mlflow_and_torch() -> Result<PathBuf> {
    python::venv("mlflow-torch", &[&MLFLOW[..], &["torch"]].concat())
}

fn cargo_test(packages: &[&str], options: &Options) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let mut cargo = shell::cargo(&["test", "--no-fail-fast"]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    programs::environment(&mut cargo, false);
    cargo.env("SLIPWAY_TOOLS", place::cache().join("tools")).env("SLIPWAY_PICTURES", pictures::taken());
    cargo.env("SLIPWAY_SKIPPED", skipped::file());
    if packages.contains(&"journeys") {
        let venv = if options.torch { mlflow_and_torch()? } else { mlflow()? };
        cargo.env("SLIPWAY_MLFLOW", python::program(&venv, "python"));
    }
    if options.cluster {
        cargo.env("SLIPWAY_TEST_CLUSTER", "1").env("SLIPWAY_KUBERNETES", kubernetes::folder());
    }
    shell::run(&mut cargo)
}

/// The WebDriver of the real window, built once from the registry.
fn tauri_driver() -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let tools = place::cache().join("tools");
    if place::program(&tools.join("bin"), "tauri-driver").exists() {
        return Ok(());
    }
    shell::step("The window's WebDriver", || {
        let mut install = Command::new("cargo");
        install
            .args(["install", "--debug", "--locked", "--quiet", "tauri-driver", "--version", "2.1.0", "--root"])
            .arg(&tools);
        install.env("CARGO_TARGET_DIR", place::cache().join("tools-target")).env("CARGO_PROFILE_DEV_DEBUG", "false");
        shell::run(&mut install)
    })
}
