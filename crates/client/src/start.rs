//! Starts a host that outlives the program that starts it, and waits until it answers.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use api::{ApiError, ErrorCode};

use crate::{
    call::Client,
    find::{Found, PATIENCE, find},
    workspace::{HOME_VARIABLE, Workspace},
};

/// `slipway` beside the running program, or where an installation keeps it.
pub fn program() -> Result<PathBuf, ApiError> {
    let name = format!("slipway{}", std::env::consts::EXE_SUFFIX);
    let own =
        std::env::current_exe().map_err(|error| missing(&format!("this program's own place is not known: {error}")))?;
    let folder = own.parent().unwrap_or(Path::new("."));
    let places = [folder.join(&name), folder.join("../bin").join(&name), folder.join("../lib/slipway").join(&name)];
    let found = places.iter().find(|place| place.is_file()).cloned();
    found.ok_or_else(|| missing(&format!("there is no {name} in {}", folder.display())))
}

fn missing(why: &str) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("Can't start the host: {why}."))
        .with_hint("Install Slipway again, or start `slipway serve` by hand.")
}

/// Starts `program serve`, detached, and waits until it answers. `idle` is how long it stays without
/// a client and without work, where that is not to be the usual while.
pub async fn start(workspace: &Workspace, program: &Path, idle: Option<Duration>) -> Result<Client, ApiError> {
    let log = workspace.logs().join("host-start.log");
    let mut child = spawn(workspace, program, idle, &log).map_err(|error| {
        ApiError::new(ErrorCode::Internal, format!("Can't start the host {}: {error}.", program.display()))
    })?;
    let answer = answer(workspace, &mut child, &log).await;
    // Buried as soon as it ends: a host that dies while its starter lives on would stay a zombie.
    std::thread::spawn(move || child.wait());
    answer
}

/// Waits until the host that was started, or one that was quicker, answers.
async fn answer(workspace: &Workspace, child: &mut Child, log: &Path) -> Result<Client, ApiError> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Found::Host(client) = find(workspace).await? {
            return Ok(client);
        }
        // Where another starter was quicker, ours ends at once and the other's answers soon.
        let ended = child.try_wait().ok().flatten();
        if let Some(status) = ended.filter(|_| matches!(find_quietly(workspace), Quiet::Nobody)) {
            return Err(not_started(log, &format!("it ended at once ({status})")));
        }
        if tokio::time::Instant::now() >= until {
            return Err(not_started(log, &format!("it did not answer within {} s", PATIENCE.as_secs())));
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

enum Quiet {
    Nobody,
    Somebody,
}

fn find_quietly(workspace: &Workspace) -> Quiet {
    match crate::lock::holder(workspace) {
        Ok(None) => Quiet::Nobody,
        Ok(Some(_)) | Err(_) => Quiet::Somebody,
    }
}

fn not_started(log: &Path, why: &str) -> ApiError {
    let said = std::fs::read_to_string(log).unwrap_or_default();
    let lines = said.lines().rev().take(5).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(" ");
    let message = if lines.is_empty() {
        format!("The host did not start: {why}.")
    } else {
        format!("The host did not start: {why}. It said: {lines}")
    };
    ApiError::new(ErrorCode::Unreachable, message).with_hint(format!("Its output is in {}.", log.display()))
}

fn spawn(workspace: &Workspace, program: &Path, idle: Option<Duration>, log: &Path) -> std::io::Result<Child> {
    workspace.make()?;
    std::fs::create_dir_all(workspace.logs())?;
    let output = File::create(log)?;
    let errors = output.try_clone()?;
    let mut command = Command::new(program);
    // `--detached` makes the host leave our session and terminal by itself, as its first act.
    command.args(["serve", "--detached"]).env(HOME_VARIABLE, workspace.folder());
    if let Some(idle) = idle {
        command.args(["--idle-secs", &idle.as_secs().to_string()]);
    }
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    // Its own folder must not keep ours from being deleted or unmounted.
    command.current_dir(workspace.folder());
    spawn_apart(command)
}

#[cfg(not(windows))]
fn spawn_apart(mut command: Command) -> std::io::Result<Child> {
    command.spawn()
}

#[cfg(windows)]
fn spawn_apart(mut command: Command) -> std::io::Result<Child> {
    use std::os::windows::process::CommandExt as _;
    const DETACHED_PROCESS: u32 = 0x0000_0008;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_BREAKAWAY_FROM_JOB: u32 = 0x0100_0000;
    let apart = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP;
    // A job object may forbid to leave it: then the host lives inside of it.
    command.creation_flags(apart | CREATE_BREAKAWAY_FROM_JOB);
    command.spawn().or_else(|_| command.creation_flags(apart).spawn())
}
