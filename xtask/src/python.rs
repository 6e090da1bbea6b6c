//! Python programs that a check needs, each in a venv of its own under the cache.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{place, shell};

/// The folder of a venv with these packages. Made once: the mark is written when all of it is there, and names them, so that
/// a venv of other versions is brought to these.
pub(crate) fn venv(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let venv = place::cache().join("venvs").join(name);
    let marker = venv.join("complete");
    if !is_made(std::fs::read_to_string(&marker).ok().as_deref(), packages) {
        shell::step(&format!("Python packages: {name}, once"), || {
            shell::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            shell::run(Command::new(program(&venv, "pip")).args(["install", "--quiet"]).args(packages))?;
            std::fs::write(&marker, mark(packages)).map_err(Into::into)
        })?;
    }
    Ok(venv)
}

fn mark(packages: &[&str]) -> String {
    packages.join("\n")
}

/// Whether a mark is of these packages; `None` where there is none.
fn is_made(marked: Option<&str>, packages: &[&str]) -> bool {
    marked == Some(mark(packages).as_str())
}

/// A program of a venv.
pub(crate) fn program(venv: &std::path::Path, name: &str) -> PathBuf {
    place::program(&venv.join(if cfg!(windows) { "Scripts" } else { "bin" }), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_venv_of_other_versions_is_not_taken_for_these() {
        let packages = ["mlflow==3.18.0", "psutil"];
        assert!(is_made(Some(&mark(&packages)), &packages));
        // The mark was empty before it named them.
        for other in [None, Some(""), Some("mlflow==3.17.2\npsutil"), Some("mlflow==3.18.0")] {
            assert!(!is_made(other, &packages), "{other:?}");
        }
    }
}
