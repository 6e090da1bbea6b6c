//! `cargo xtask run`: from a fresh machine with Rust to the open window.

use std::{
    fs,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::{place, programs, system, window};

/// Builds what the first minutes need, opens the window (or prints the address), then builds the
/// inference server; whoever needs that one earlier waits for it.
pub(crate) fn run(project: Option<&str>) -> Result<()> {
    let cold = !place::program(&place::programs(false), "slipway").exists();
    println!(
        "Slipway: set up, build, open. {}",
        if cold {
            "The first time every dependency is built, which takes a while; later only what changed."
        } else {
            "Only what changed is built."
        }
    );
    let display = cfg!(windows)
        || cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if display {
        system::for_run()?;
    } else {
        system::wasm_target()?;
    }
    window::build(&window::default_out(), false)?;
    programs::host(false)?;
    programs::worker(false)?;
    if display {
        programs::desktop(false)?;
    }

    // The host waits for the inference server while this file is there.
    let pending = place::programs(false).join("slipway-serving.building");
    fs::write(&pending, "")?;
    let (name, arguments): (&str, Vec<&str>) =
        if display { ("slipway-desktop", project.into_iter().collect()) } else { ("slipway", vec!["serve", "--keep"]) };
    let program = place::program(&place::programs(false), name);
    let mut command = Command::new(&program);
    command.args(arguments).stdin(Stdio::null());
    programs::environment(&mut command, false);
    let mut child = command.spawn().with_context(|| format!("start {}", program.display()))?;
    let built = programs::serving();
    let _ = fs::remove_file(&pending);
    if let Err(error) = built {
        eprintln!("The inference server was not built, so nothing can be deployed yet: {error:#}");
    }
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "{name} ended with {status}");
    Ok(())
}
