//! The program under way: behind a terminal of its own where we stand at one, so that it shows colours
//! and progress as it does without us; behind pipes otherwise.

use std::{
    ffi::OsString,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use api::{ApiError, ErrorCode};
use tokio::process::{Child, Command};

#[cfg(unix)]
use super::pty;
use super::{
    capture::{self, Captured},
    journal::Journal,
};
use crate::context::Outcome;

/// What its environment has beside the caller's.
pub(super) type Variables = [(&'static str, OsString)];

pub(super) enum Program {
    Piped {
        child: Child,
        captured: Option<Captured>,
    },
    // On Windows a program that is to be read has pipes: a console of its own would need modes of ours.
    #[cfg(unix)]
    AtTerminal(pty::AtTerminal),
}

impl Program {
    pub(super) fn start(command: &[String], variables: &Variables) -> Outcome<Self> {
        let (program, arguments) =
            command.split_first().ok_or_else(|| ApiError::invalid("There is no command to run."))?;
        #[cfg(unix)]
        if pty::stands_at_terminal() {
            return pty::start(program, arguments, variables).map(Self::AtTerminal);
        }
        let mut child = Command::new(program);
        child.args(arguments).envs(variables.iter().cloned());
        child.stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(target_os = "linux")]
        end_with_us(child.as_std_mut());
        let child = child.spawn().map_err(|error| not_started(program, &error))?;
        Ok(Self::Piped { child, captured: None })
    }

    pub(super) fn id(&self) -> Option<u32> {
        match self {
            Self::Piped { child, .. } => child.id(),
            #[cfg(unix)]
            Self::AtTerminal(program) => program.id(),
        }
    }

    /// Keeps what it writes in the run's folder, and passes it on where somebody hears it.
    pub(super) async fn capture(&mut self, folder: &Path, journal: &Journal, is_heard: bool) -> std::io::Result<()> {
        match self {
            Self::Piped { child, captured } => {
                *captured = Some(capture::start(child, folder, journal, is_heard).await?);
                Ok(())
            }
            #[cfg(unix)]
            Self::AtTerminal(program) => program.capture(folder, journal),
        }
    }

    /// Resolves with its end; may be dropped and asked again.
    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        match self {
            Self::Piped { child, .. } => child.wait().await,
            #[cfg(unix)]
            Self::AtTerminal(program) => program.ended().await,
        }
    }

    /// Waits until all that it wrote was passed on, at most `patience`.
    pub(super) async fn last_words(self, patience: Duration) {
        match self {
            Self::Piped { captured: Some(captured), .. } => captured.finish(patience).await,
            Self::Piped { .. } => {}
            #[cfg(unix)]
            Self::AtTerminal(program) => program.last_words(patience).await,
        }
    }
}

/// The system ends the program where we are killed: its run would be over, and it would go on unseen. What the
/// program itself started is not reached.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a process asks for its own death's signal, between fork and exec")]
pub(super) fn end_with_us(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt as _;

    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

    // Told at the end of the thread that starts it: a worker of the runtime, which lives as long as we do.
    let us = Pid::from_raw(std::process::id().cast_signed());
    // SAFETY: prctl and getppid are async-signal-safe, and the closure does nothing else.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // Killed before this was asked for, we would never be noticed.
            let is_ours = getppid() == us;
            if is_ours { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
        });
    }
}

pub(super) fn not_started(program: &str, error: &std::io::Error) -> ApiError {
    let code = if error.kind() == std::io::ErrorKind::NotFound { ErrorCode::NotFound } else { ErrorCode::Invalid };
    ApiError::new(code, format!("Can't run {program}: {error}.")).with_hint("Check the name, or give its full path.")
}
