//! The programs, each group by a cargo call of its own.
//!
//! `worker` and `serving` are never built together with the host: cargo would unify their features
//! (wgpu, later cuda) into it, and the host would not start where the GPU's libraries are missing.

use std::{
    env::consts::ARCH,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use crate::{place, shell, system, window};

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
    shell::step(HOST, || build(&["--package", "cli"], release))?;
    lay_samples_beside(&place::programs(release))
}

/// `slipway`, started from a terminal's path, finds the samples beside itself as in an installation.
#[cfg(unix)]
fn lay_samples_beside(folder: &Path) -> Result<()> {
    let (samples, link) = (place::root().join("sample-projects"), folder.join("sample-projects"));
    if fs::read_link(&link).ok().as_ref() != Some(&samples) {
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&samples, &link)?;
    }
    Ok(())
}

/// Links take rights there that people don't have: `SLIPWAY_SAMPLES` names them.
#[cfg(not(unix))]
fn lay_samples_beside(_: &Path) -> Result<()> {
    Ok(())
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
/// A copy lies beside the programs of every build. A Linux machine that is no x86_64 makes that of images
/// too, where it has what that takes; without it all but packaging works.
pub(crate) fn serving() -> Result<PathBuf> {
    shell::step(SERVING, || {
        let built = serving_built();
        if cfg!(target_os = "linux") {
            shell::run(&mut static_serving(&linux_triple(ARCH)))?;
        } else {
            shell::run(shell::cargo(&["build", "--package", "serving", "--release"]).env(LTO.0, LTO.1))?;
        }
        lay_beside(&built, "slipway-serving")?;
        if let Some(image) = image_serving_built()
            && let Err(error) = serving_of_images().and_then(|()| lay_beside(&image, "slipway-serving-linux-amd64"))
        {
            println!("   Models can't be packaged here: {error:#}");
        }
        Ok(built)
    })
}

/// What answers requests is optimised as a whole; the other programs are not worth the minutes.
const LTO: (&str, &str) = ("CARGO_PROFILE_RELEASE_LTO", "thin");

fn static_serving(triple: &str) -> Command {
    let mut cargo = shell::cargo(&["build", "--package", "serving", "--release", "--target", triple]);
    // A variable of its own would be lost behind an inherited RUSTFLAGS.
    cargo
        .env(LTO.0, LTO.1)
        .env_remove("RUSTFLAGS")
        .env(cargo_variable(triple, "RUSTFLAGS"), "-Ctarget-feature=+crt-static");
    cargo
}

/// The inference server of images, for linux/amd64, by a cross linker.
fn serving_of_images() -> Result<()> {
    const LINKER: &str = "x86_64-linux-gnu-gcc";
    let triple = linux_triple(IMAGE_ARCH);
    ensure!(
        shell::is_there(LINKER),
        "there is no {LINKER}. Install it (Debian: apt-get install {}), then run `cargo xtask build`.",
        system::IMAGES.join(" ")
    );
    if shell::is_there("rustup") {
        shell::run(Command::new("rustup").args(["target", "add", &triple]).current_dir(place::root()))?;
    }
    shell::run(static_serving(&triple).env(cargo_variable(&triple, "LINKER"), LINKER))
}

fn cargo_variable(triple: &str, name: &str) -> String {
    format!("CARGO_TARGET_{}_{name}", triple.to_uppercase().replace('-', "_"))
}

/// Copies a program beside those of each build that is there.
fn lay_beside(built: &Path, name: &str) -> Result<()> {
    for release in [false, true] {
        let folder = place::programs(release);
        let beside = place::program(&folder, name);
        if folder.is_dir() && beside != built {
            // Rename, so that a running server keeps its file.
            let fresh = beside.with_extension("new");
            fs::copy(built, &fresh)?;
            fs::rename(&fresh, &beside)?;
        }
    }
    Ok(())
}

/// Every place where a host may look for an inference server that `serving` makes: where cargo leaves it, which
/// `environment` names, and the copies beside the programs, for a host that was started without.
pub(crate) fn servings() -> Vec<PathBuf> {
    let folders = || [false, true].map(place::programs).into_iter().filter(|folder| folder.is_dir());
    let copies = |name: &'static str| folders().map(move |folder| place::program(&folder, name));
    let mut servings = vec![serving_built()];
    servings.extend(copies("slipway-serving"));
    if let Some(image) = image_serving_built() {
        servings.push(image);
        servings.extend(copies("slipway-serving-linux-amd64"));
    }
    // Elsewhere than on Linux cargo leaves it beside the programs, and a lock is taken once.
    servings.sort();
    servings.dedup();
    servings
}

/// Where cargo leaves the inference server. Tests take it from here: `cargo test -p serving` builds
/// one that is not static beside the other programs, in the copy's place.
pub(crate) fn serving_built() -> PathBuf {
    let folder = if cfg!(target_os = "linux") { built_for(ARCH) } else { place::programs(true) };
    place::program(&folder, "slipway-serving")
}

/// Where cargo leaves the inference server of images, where that is another than this machine's.
pub(crate) fn image_serving_built() -> Option<PathBuf> {
    let is_another = cfg!(target_os = "linux") && ARCH != IMAGE_ARCH;
    is_another.then(|| place::program(&built_for(IMAGE_ARCH), "slipway-serving"))
}

/// Images are linux/amd64.
const IMAGE_ARCH: &str = "x86_64";

fn built_for(arch: &str) -> PathBuf {
    place::target().join(linux_triple(arch)).join("release")
}

fn linux_triple(arch: &str) -> String {
    format!("{arch}-unknown-linux-gnu")
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
    if let Some(image) = image_serving_built() {
        command.env("SLIPWAY_SERVING_IMAGE", image);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_beside_the_programs_are_marked_as_being_built_too() {
        let servings = servings();
        assert!(servings.contains(&serving_built()), "{servings:?}");
        for folder in [false, true].map(place::programs).into_iter().filter(|folder| folder.is_dir()) {
            let beside = place::program(&folder, "slipway-serving");
            assert_eq!(servings.iter().filter(|one| **one == beside).count(), 1, "{servings:?}");
        }
    }

    #[test]
    fn each_machine_has_a_build_of_its_own_and_images_are_amd64() {
        assert_eq!(linux_triple("aarch64"), "aarch64-unknown-linux-gnu");
        assert_eq!(cargo_variable(&linux_triple(IMAGE_ARCH), "LINKER"), "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER");
        assert_ne!(built_for("aarch64"), built_for(IMAGE_ARCH));
        let is_another = cfg!(all(target_os = "linux", not(target_arch = "x86_64")));
        assert_eq!(image_serving_built().is_some(), is_another, "an x86_64 Linux packages its own");
    }
}
