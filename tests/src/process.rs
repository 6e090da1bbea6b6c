//! Child processes that end with the test that started them.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::skipped::skipped;

/// A child that is ended when it goes out of scope: politely, then not.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
}

impl Running {
    /// Starts a command with its output in `folder/NAME.log`.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = File::create(folder.join(format!("{name}.log")))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("start {name}"))?;
        Ok(Self { name: name.to_owned(), child })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.status().is_some()
    }

    /// How it ended, once it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it: a polite signal, then after `patience` a hard one.
    pub fn end(&mut self, patience: Duration) {
        if self.has_ended() {
            return;
        }
        let _ = Command::new("kill").arg(self.child.id().to_string()).stderr(Stdio::null()).status();
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill();
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(Duration::from_secs(5));
    }
}

/// Waits until `ready` says so; fails with what was waited for.
pub fn wait_until(what: &str, patience: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
    let until = Instant::now() + patience;
    while !ready() {
        if Instant::now() > until {
            bail!("waited {} s for {what}", patience.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The same for what is asked over a wire: a page, a cluster and another process tell nothing by themselves.
pub async fn until(what: &str, patience: Duration, mut ready: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let until = tokio::time::Instant::now() + patience;
    while !ready().await? {
        if tokio::time::Instant::now() > until {
            bail!("waited {} s for {what}", patience.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Runs a command to its end and returns what it printed.
pub fn read(command: &mut Command) -> Result<String> {
    let line = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {line}"))?;
    if !output.status.success() {
        let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
        bail!("{line} ended with {}: {said}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A free port on loopback.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Whether a program is on the PATH (or where Debian keeps programs for root).
pub fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}

/// Says in one line that a test is skipped for want of a counterpart; `true` where it is. On CI, a
/// counterpart that is missing is a failure.
pub fn skipped_without(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !is_there(program)).collect();
    if !missing.is_empty() {
        skipped(&format!("{} not installed", missing.join(", ")));
    }
    !missing.is_empty()
}

/// Set in the inner process of [`again_behind`].
pub const INSIDE: &str = "SLIPWAY_TEST_INSIDE";

/// Whether this is the inner process of [`again_behind`].
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs one test of this binary again behind another program (`unshare`, `setpriv`), and fails where it
/// fails. `false` in the outer process, which is done then; `true` in the inner one, which goes on.
pub fn again_behind(program: &[&str], test: &str) -> Result<bool> {
    if is_inside() {
        return Ok(true);
    }
    let (first, more) = program.split_first().context("no program to stand behind")?;
    let mut command = Command::new(first);
    command.args(more).arg(std::env::current_exe()?);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(INSIDE, "1");
    let status = command.status().with_context(|| format!("start {first}"))?;
    anyhow::ensure!(status.success(), "{test} failed behind {}: {status}", program.join(" "));
    Ok(false)
}
