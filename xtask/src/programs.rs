//! The programs, each group by a cargo call of its own.
//!
//! `worker` and `serving` are never built together with the host: cargo would unify their features
//! (wgpu, later cuda) into it, and the host would not start where the GPU's libraries are missing.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;

use crate::{place, shell, window};

/// The steps' titles.
pub(crate) const HOST: &str = "The host and the command line";
pub(crate) const WORKER: &str = "The worker";
pub(crate) const WINDOW: &str = "The window";
pub(crate) const SERVING: &str = "The inference server";

/// Everything, pages included, into one folder.
pub(crate) fn all(release: bool) -> Result<()> {
    window::build(&place::programs(release).join("ui"), release)?;
    host(release)?;
    worker(release)?;
    desktop(release)?;
    serving().map(drop)
}

pub(crate) fn host(release: bool) -> Result<()> {
    shell::step(HOST, || build(&["--package", "cli"], release))
}

pub(crate) fn worker(release: bool) -> Result<()> {
    shell::step(WORKER, || build(&["--package", "worker"], release))
}

pub(crate) fn desktop(release: bool) -> Result<()> {
    shell::step(WINDOW, || {
        // Without this feature tauri would look for a development server instead of its own pages.
        build(&["--package", "slipway-desktop", "--features", "tauri/custom-protocol"], release)
    })
}

/// The inference server: always optimised; on Linux static, so that an image can be made of it alone.
/// A copy lies beside the programs of every build.
pub(crate) fn serving() -> Result<PathBuf> {
    shell::step(SERVING, || {
        let built = serving_built();
        // What answers requests is optimised as a whole; the other programs are not worth the minutes.
        const LTO: (&str, &str) = ("CARGO_PROFILE_RELEASE_LTO", "thin");
        if cfg!(target_os = "linux") {
            let triple = linux_triple();
            let mut cargo = shell::cargo(&["build", "--package", "serving", "--release", "--target", &triple]);
            // A variable of its own would be lost behind an inherited RUSTFLAGS.
            cargo.env(LTO.0, LTO.1).env_remove("RUSTFLAGS").env(
                format!("CARGO_TARGET_{}_RUSTFLAGS", triple.to_uppercase().replace('-', "_")),
                "-Ctarget-feature=+crt-static",
            );
            shell::run(&mut cargo)?;
        } else {
            shell::run(shell::cargo(&["build", "--package", "serving", "--release"]).env(LTO.0, LTO.1))?;
        }
        for release in [false, true] {
            let folder = place::programs(release);
            let beside = place::program(&folder, "slipway-serving");
            if folder.is_dir() && beside != built {
                // Rename, so that a running server keeps its file.
                let fresh = beside.with_extension("new");
                fs::copy(&built, &fresh)?;
                fs::rename(&fresh, &beside)?;
            }
        }
        Ok(built)
    })
}

/// Where cargo leaves the inference server. Tests take it from here: `cargo test -p serving` builds
/// one that is not static beside the other programs, in the copy's place.
pub(crate) fn serving_built() -> PathBuf {
    let folder = if cfg!(target_os = "linux") {
        place::target().join(linux_triple()).join("release")
    } else {
        place::programs(true)
    };
    place::program(&folder, "slipway-serving")
}

fn linux_triple() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

fn build(arguments: &[&str], release: bool) -> Result<()> {
    let mut cargo = shell::cargo(&["build"]);
    cargo.args(arguments);
    if release {
        cargo.arg("--release");
    }
    shell::run(&mut cargo)
}

/// The variables by which programs and tests find each other's builds and the samples.
pub(crate) fn environment(command: &mut Command, release: bool) {
    let folder = place::programs(release);
    command
        .env("SLIPWAY_WORKER", place::program(&folder, "slipway-worker"))
        .env("SLIPWAY_SERVING", serving_built())
        .env("SLIPWAY_UI", folder.join("ui"))
        .env("SLIPWAY_SAMPLES", place::root().join("sample-projects"))
        .env("SLIPWAY_BIN", place::program(&folder, "slipway"))
        .env("SLIPWAY_DESKTOP", place::program(&folder, "slipway-desktop"));
}
