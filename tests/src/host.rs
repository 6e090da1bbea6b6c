//! The product's own programs, in a workspace of the test's.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use client::{call::Client, find, workspace::Workspace};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, UpdateKind};

use crate::{process::Running, skipped::skipped};

/// A start beside trainings and builds on every core.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that `cargo xtask test` built, by the variable that names it; `None` (said in one
/// line) where the test was started by hand without it.
pub fn program(variable: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    if found.is_none() {
        skipped(&format!("{variable} names no built program; `cargo xtask test` sets it"));
    }
    found
}

/// A running host with its own workspace, documents folder and secrets.
#[derive(Debug)]
pub struct Host {
    pub folder: PathBuf,
    process: Running,
    // After the host, which would start them again.
    servers: Servers,
}

/// The inference servers of a test's workspace, ended when it goes out of scope: they outlive their host.
#[derive(Debug)]
pub struct Servers {
    folder: PathBuf,
    are_left: bool,
}

impl Servers {
    pub fn of(folder: &Path) -> Self {
        Self { folder: workspace(folder).join("deployments"), are_left: false }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if self.are_left {
            return;
        }
        let mut system = sysinfo::System::new();
        let kind = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let is_ours =
            |process: &&sysinfo::Process| process.cmd().iter().any(|word| Path::new(word).starts_with(&self.folder));
        for process in system.processes().values().filter(is_ours) {
            process.kill();
        }
    }
}

impl Host {
    /// Starts `slipway serve` and waits until it answers.
    pub async fn start(slipway: &Path, folder: &Path) -> Result<Self> {
        Self::start_with(slipway, folder, |_| {}).await
    }

    /// The same with more said to the command.
    pub async fn start_with(slipway: &Path, folder: &Path, set: impl FnOnce(&mut Command)) -> Result<Self> {
        std::fs::create_dir_all(folder.join("home"))?;
        let mut command = Command::new(slipway);
        command.args(["serve", "--keep"]);
        environment(&mut command, folder);
        set(&mut command);
        let process = Running::start("host", &mut command, folder)?;
        let host = Self { folder: folder.to_owned(), process, servers: Servers::of(folder) };
        let said = || std::fs::read_to_string(folder.join("host.log")).unwrap_or_default();
        host.client().await.with_context(|| format!("the host said: {}", said()))?;
        Ok(host)
    }

    pub async fn client(&self) -> Result<Client> {
        client(&self.folder).await
    }

    /// Leaves its inference servers: the next host is to find them.
    pub fn kill(&mut self) {
        self.leave_servers();
        self.process.kill();
    }

    /// They outlive this one, whatever its end is.
    pub fn leave_servers(&mut self) {
        self.servers.are_left = true;
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to end, as `slipway serve --stop` does, and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        self.client().await?.call(api::host::StopHost { stop_work: false }).await?;
        crate::process::wait_until("the host's end", Duration::from_secs(30), || self.process.has_ended())
    }
}

/// A client of the host of the test's workspace, whoever started it.
pub async fn client(folder: &Path) -> Result<Client> {
    install_tls();
    let workspace = Workspace::at(workspace(folder));
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        match find::find(&workspace).await {
            Ok(find::Found::Host(client)) => return Ok(client),
            _ if tokio::time::Instant::now() > until => {
                anyhow::bail!("the host did not answer within {} s", PATIENCE.as_secs())
            }
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Every client of HTTP wants to know who would encrypt, on loopback too.
pub fn install_tls() {
    // A second test in this process finds it installed: that is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The test's workspace, in its folder.
pub fn workspace(folder: &Path) -> PathBuf {
    folder.join("workspace")
}

/// A workspace, a home and a documents folder that belong to the test alone.
pub fn environment(command: &mut Command, folder: &Path) {
    command
        .env("SLIPWAY_HOME", workspace(folder))
        .env("HOME", folder.join("home"))
        .env("XDG_DOCUMENTS_DIR", folder.join("home/Documents"))
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("KUBECONFIG")
        .env_remove("DBUS_SESSION_BUS_ADDRESS");
}

/// Runs a `slipway` command in that workspace with `--json` and reads its answer.
pub fn slipway(folder: &Path, directory: &Path, arguments: &[&str]) -> Result<serde_json::Value> {
    let program = std::env::var_os("SLIPWAY_BIN").context("SLIPWAY_BIN is not set")?;
    let mut command = Command::new(program);
    command.args(arguments).arg("--json").current_dir(directory);
    environment(&mut command, folder);
    let text = crate::process::read(&mut command)?;
    serde_json::from_str(&text).with_context(|| format!("slipway {} printed {text}", arguments.join(" ")))
}
