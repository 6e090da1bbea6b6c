//! Python programs that a check needs, each in a venv of its own under the cache.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{place, shell};

/// The folder of a venv with these packages. Made once: the mark is written when all of it is there.
pub(crate) fn venv(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let venv = place::cache().join("venvs").join(name);
    let marker = venv.join("complete");
    if !marker.exists() {
        shell::step(&format!("Python packages: {name}, once"), || {
            shell::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            shell::run(Command::new(program(&venv, "pip")).args(["install", "--quiet"]).args(packages))?;
            std::fs::write(&marker, "").map_err(Into::into)
        })?;
    }
    Ok(venv)
}

/// A program of a venv.
pub(crate) fn program(venv: &std::path::Path, name: &str) -> PathBuf {
    place::program(&venv.join(if cfg!(windows) { "Scripts" } else { "bin" }), name)
}
