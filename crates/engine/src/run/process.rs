//! Starting a worker in a session of its own, so that it outlives us, and asking it to stop.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use api::{ApiError, ErrorCode, run::RunKind};
use store::run::RunRow;

use crate::{
    Engine,
    process::{self, ProcessId},
};

/// Starts the worker on a run's folder, with these variables beside ours; its output goes to files, and it survives us.
pub fn spawn(
    program: &Path,
    folder: &Path,
    variables: &[(&'static str, String)],
) -> anyhow::Result<(Child, ProcessId)> {
    let output = |name: &str| -> anyhow::Result<File> {
        let path: PathBuf = folder.join(name);
        File::options().create(true).append(true).open(&path).with_context(|| format!("open {}", path.display()))
    };
    let mut command = Command::new(program);
    command
        .arg(folder)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output("stdout.log")?)
        .stderr(output("stderr.log")?);
    detach(&mut command);
    let child = command.spawn().map_err(|error| {
        ApiError::new(ErrorCode::Unsupported, format!("The worker {} can't be started: {error}.", program.display()))
            .with_hint("Hardware says which workers start here, and how to mend the others.")
    })?;
    let pid = child.id();
    let started_ms = process::started_ms(pid).unwrap_or_else(|| jiff::Timestamp::now().as_millisecond());
    Ok((child, ProcessId { pid, started_ms }))
}

/// Asks a run's process to stop: a worker after its step, a command by the signal for that, which `slipway
/// exec` passes on (and ends the command when it is asked again). A worker whose folder is gone hears
/// nothing more and has nothing to write its work to: it is ended.
pub async fn ask_to_stop(engine: &Engine, row: &RunRow) -> anyhow::Result<()> {
    let Some((pid, started_ms)) = row.pid.zip(row.pid_started_ms) else { return Ok(()) };
    let process = ProcessId { pid, started_ms };
    if row.run.kind == RunKind::Command {
        let asked = tokio::task::spawn_blocking(move || process::ask(process)).await?;
        return if asked {
            Ok(())
        } else {
            Err(ApiError::new(ErrorCode::Unreachable, format!("{} can't be asked to stop from here.", row.run.name))
                .with_hint("Press Ctrl-C in its terminal.")
                .into())
        };
    }
    let path = engine.workspace().run(row.run.id).join("control");
    match tokio::fs::write(&path, "stop\n").await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            process::stop(process, Duration::ZERO).await;
            Ok(())
        }
        written => written.with_context(|| format!("write {}", path.display())),
    }
}

/// A session of its own: neither our terminal's Ctrl-C nor our end reaches it.
#[cfg(unix)]
#[expect(unsafe_code, reason = "a session can only be left between fork and exec")]
pub(crate) fn detach(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    // SAFETY: setsid is async-signal-safe, and the closure does nothing else.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}

/// Outside of our job object, without a console.
#[cfg(windows)]
pub(crate) fn detach(command: &mut Command) {
    use std::os::windows::process::CommandExt as _;
    const DETACHED_PROCESS: u32 = 0x0000_0008;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_BREAKAWAY_FROM_JOB: u32 = 0x0100_0000;
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP | CREATE_BREAKAWAY_FROM_JOB);
}
