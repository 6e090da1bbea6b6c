//! Running other programs, saying what is done and how long it took.

use std::{
    process::{Command, Stdio},
    sync::LazyLock,
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{place, record};

/// Does a step under a heading, says how long it took, and remembers it for the next forecast.
pub(crate) fn step<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let cold = is_cold();
    println!("\n── {title}");
    let started = Instant::now();
    let result = work().with_context(|| title.to_owned());
    let seconds = started.elapsed().as_secs_f64();
    println!("   {} after {}", if result.is_ok() { "done" } else { "failed" }, spoken(seconds));
    if result.is_ok() {
        record::note(title, cold, seconds);
    }
    result
}

/// Whether nothing was built in this build folder when this process began.
pub(crate) fn is_cold() -> bool {
    static COLD: LazyLock<bool> = LazyLock::new(|| !place::program(&place::programs(false), "slipway").exists());
    *COLD
}

/// "3 min 20 s".
pub(crate) fn spoken(seconds: f64) -> String {
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        let seconds = seconds.round() as u64;
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

/// Runs a command with this terminal's output; fails with the command line where it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("start {line}"))?;
    if !status.success() {
        bail!("{line} ended with {status}");
    }
    Ok(())
}

/// Runs a command and returns what it printed.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {line}"))?;
    if !output.status.success() {
        bail!("{line} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a command starts and succeeds; its output is thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether a program of this name is on the PATH.
pub(crate) fn is_there(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| place::program(&folder, program).is_file()))
}

/// Cargo, in the checkout, with the build folder that this process was given.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(place::root());
    // The variables of the cargo that runs xtask must not leak into the one that xtask runs.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION", "CARGO_MANIFEST_PATH"] {
        command.env_remove(name);
    }
    command
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
