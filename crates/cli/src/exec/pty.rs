//! A terminal of the program's own between it and ours.
//!
//! Ours is raw meanwhile: each key goes through as it is, so that Ctrl-C, editing and colours are the
//! program's, and its size is followed. What the program writes on stdout and stderr is one stream,
//! as a terminal shows it, and is kept as stdout.

use std::{
    fs::File,
    io::{IsTerminal as _, Read as _, Write as _},
    os::unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Command, ExitStatus},
    thread::JoinHandle,
    time::Duration,
};

use api::{ApiError, ErrorCode};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

#[cfg(target_os = "linux")]
use super::program::end_with_us;
use super::{
    capture::{CUT, MetricLines, Room},
    journal::Journal,
    program::{Variables, not_started},
};
use crate::context::Outcome;

pub(super) struct AtTerminal {
    pid: u32,
    /// Our side of the program's terminal.
    terminal: File,
    end: oneshot::Receiver<std::io::Result<ExitStatus>>,
    resized: Signal,
    reader: Option<JoinHandle<()>>,
    _raw: Raw,
}

/// Whether a person looks and types here.
pub(super) fn stands_at_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

pub(super) fn start(program: &str, arguments: &[String], variables: &Variables) -> Outcome<AtTerminal> {
    let (terminal, its) = open().map_err(|error| no_terminal(&error))?;
    take_size(&terminal);
    let resized = signal(SignalKind::window_change()).map_err(|error| no_terminal(&error))?;
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().cloned());
    lead_session(&mut command, its).map_err(|error| no_terminal(&error))?;
    #[cfg(target_os = "linux")]
    end_with_us(&mut command);
    let mut child = command.spawn().map_err(|error| not_started(program, &error))?;
    // What the command holds of the program's side goes, or its end would never be seen.
    drop(command);
    let raw = Raw::enter().map_err(|error| no_terminal(&error))?;
    let pid = child.id();
    let (sender, end) = oneshot::channel();
    std::thread::spawn(move || sender.send(child.wait()));
    Ok(AtTerminal { pid, terminal, end, resized, reader: None, _raw: raw })
}

/// A new terminal: our side and the program's. Neither is left open in other programs.
fn open() -> std::io::Result<(File, File)> {
    #[cfg(target_os = "linux")]
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::CLOEXEC)?;
    let name = ptsname(&ours, Vec::new())?;
    let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    let its = File::options()
        .read(true)
        .write(true)
        .custom_flags(rustix::fs::OFlags::NOCTTY.bits().cast_signed())
        .open(path)?;
    Ok((File::from(ours), its))
}

/// Makes the program the first of a session whose terminal is this one, as a shell's window does.
#[expect(unsafe_code, reason = "a session and its terminal can only be taken between fork and exec")]
fn lead_session(command: &mut Command, its: File) -> std::io::Result<()> {
    command.stdin(its.try_clone()?).stdout(its.try_clone()?).stderr(its);
    // SAFETY: setsid and the ioctl are async-signal-safe, and the closure does nothing else.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
            Ok(())
        });
    }
    Ok(())
}

/// Gives the program's terminal the size of ours.
fn take_size(terminal: &File) {
    // One without a size (a serial line) stays as it is.
    if let Ok(size) = tcgetwinsize(std::io::stdout()) {
        let _ = tcsetwinsize(terminal, size);
    }
}

impl AtTerminal {
    pub(super) fn id(&self) -> Option<u32> {
        Some(self.pid)
    }

    pub(super) fn capture(&mut self, folder: &Path, journal: &Journal) -> std::io::Result<()> {
        let (from, to) = (self.terminal.try_clone()?, self.terminal.try_clone()?);
        let file = File::create(folder.join("stdout.log"))?;
        File::create(folder.join("stderr.log"))?;
        let (lines, room) = (MetricLines::new(journal.clone()), Room::on_disk_of(folder));
        self.reader = Some(std::thread::spawn(move || pass_on(from, file, room, lines)));
        // Threads of their own: a read of the terminal never ends, and must not keep the runtime.
        std::thread::spawn(move || type_on(to));
        Ok(())
    }

    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        loop {
            tokio::select! {
                end = &mut self.end => return end.map_err(std::io::Error::other)?,
                _ = self.resized.recv() => take_size(&self.terminal),
            }
        }
    }

    pub(super) async fn last_words(mut self, patience: Duration) {
        // The program's side is closed with it; what it left running may hold it open.
        let Some(reader) = self.reader.take() else { return };
        let until = tokio::time::Instant::now() + patience;
        while !reader.is_finished() && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn pass_on(mut from: File, mut file: File, mut room: Room, mut lines: MetricLines) {
    let mut buffer = vec![0; 16 * 1024];
    let (mut stdout, mut file_open) = (std::io::stdout(), true);
    // Linux ends a terminal with an error, other systems with nothing more to read.
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..read];
        let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
        if file_open && !room.take(read) {
            file_open = false;
            let _ = file.write_all(CUT.as_bytes());
        }
        if file_open && let Err(error) = file.write_all(bytes) {
            file_open = false;
            tracing::error!("the program's output is not kept any more: {error}");
        }
        lines.push(bytes);
    }
    lines.push(b"\n");
}

fn type_on(mut to: File) {
    let mut buffer = [0; 1024];
    let mut stdin = std::io::stdin().lock();
    while let Ok(read @ 1..) = stdin.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
}

/// Our terminal passing every key on; as it was once dropped.
struct Raw {
    before: Termios,
}

impl Raw {
    fn enter() -> std::io::Result<Self> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, &self.before);
    }
}

fn no_terminal(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::Internal, format!("The program can't be given a terminal: {error}."))
        .with_hint("Pipe its output: `slipway exec -- PROGRAM | cat`.")
}
