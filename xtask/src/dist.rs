//! Installers: a .deb and an .rpm with the window, the command line, the worker and the serving binary.
//!
//! What goes where stands in `src-tauri/Cargo.toml` (`package.metadata.deb`, `…generate-rpm`).

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{place, programs, shell, system};

pub(crate) fn dist() -> Result<()> {
    system::for_run()?;
    programs::all(true)?;
    let out = place::target().join("dist");
    fs::create_dir_all(&out)?;
    let deb = tool("cargo-deb", "3.8.0")?;
    let rpm = tool("cargo-generate-rpm", "0.21.1")?;
    shell::step("The .deb", || {
        let mut command = Command::new(deb);
        command.args(["--package", "slipway-desktop", "--no-build", "--no-strip", "--output"]).arg(&out);
        shell::run(command.current_dir(place::root()).env("CARGO_TARGET_DIR", place::target()))
    })?;
    shell::step("The .rpm", || {
        let mut command = Command::new(rpm);
        command.args(["--package", "src-tauri", "--target-dir"]).arg(place::target()).arg("--output").arg(&out);
        shell::run(command.current_dir(place::root()))
    })?;
    for entry in fs::read_dir(&out)?.flatten() {
        let size = entry.metadata()?.len();
        println!("{} ({:.1} MB)", entry.path().display(), size as f64 / 1e6);
    }
    Ok(())
}

/// A packager, built once from the registry into the cache; optimised, since it compresses.
fn tool(name: &str, version: &str) -> Result<PathBuf> {
    let tools = place::cache().join("tools");
    let program = place::program(&tools.join("bin"), name);
    if !program.exists() {
        shell::step(&format!("{name}, built once"), || {
            let mut install = Command::new("cargo");
            install.args(["install", "--locked", "--quiet", name, "--version", version, "--root"]).arg(&tools);
            install.env("CARGO_TARGET_DIR", place::cache().join("tools-target"));
            shell::run(&mut install)
        })
        .with_context(|| format!("{name} is needed to make installers"))?;
    }
    Ok(program)
}
