//! The OS lock on a workspace: whoever holds it may open the database.
//!
//! The operating system frees it when its holder dies, however that happens; who holds it stands
//! in a file beside it, which is believed only while the lock is held.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    time::Duration,
};

use api::{ApiError, ErrorCode};
use serde::{Deserialize, Serialize};

use crate::workspace::Workspace;

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    /// What it is, for the sentence: "slipway serve", "slipway run start".
    pub command: String,
}

/// The lock, held until this is dropped.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

/// How often a taken lock is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// Takes the lock, waiting at most `wait` for another holder, and then naming it.
pub async fn hold(workspace: &Workspace, command: &str, wait: Duration) -> Result<Held, ApiError> {
    let until = tokio::time::Instant::now() + wait;
    loop {
        if let Some(held) = try_hold(workspace, command)? {
            return Ok(held);
        }
        if tokio::time::Instant::now() >= until {
            return Err(busy(workspace));
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Takes the lock if nobody holds it.
pub fn try_hold(workspace: &Workspace, command: &str) -> Result<Option<Held>, ApiError> {
    workspace.make().map_err(|error| unusable(workspace, "make", &error))?;
    let Some(file) = try_lock(workspace)? else { return Ok(None) };
    let holder = Holder { pid: std::process::id(), command: command.to_owned() };
    let text = serde_json::to_vec(&holder).unwrap_or_default();
    match std::fs::write(workspace.holder_path(), text) {
        // It is only who others are told; whoever frees space needs the lock.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
        written => written.map_err(|error| unusable(workspace, "write in", &error))?,
    }
    Ok(Some(Held { _file: file }))
}

/// Who holds the lock now; `None` where nobody does.
pub fn holder(workspace: &Workspace) -> Result<Option<Holder>, ApiError> {
    if !workspace.lock_path().exists() || try_lock(workspace)?.is_some() {
        return Ok(None);
    }
    let unknown = Holder { pid: 0, command: "another program".to_owned() };
    Ok(Some(read_holder(workspace).unwrap_or(unknown)))
}

/// The error that names who has the workspace open.
pub fn busy(workspace: &Workspace) -> ApiError {
    let who = match read_holder(workspace) {
        Some(Holder { pid, command }) => format!("`{command}` (process {pid})"),
        None => "another program".to_owned(),
    };
    ApiError::new(ErrorCode::Busy, format!("{who} has the workspace at {} open.", workspace.folder().display()))
        .with_hint("Wait until it has ended, or end it, and try again.")
}

fn read_holder(workspace: &Workspace) -> Option<Holder> {
    serde_json::from_slice(&std::fs::read(workspace.holder_path()).ok()?).ok()
}

fn try_lock(workspace: &Workspace) -> Result<Option<File>, ApiError> {
    let path = workspace.lock_path();
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
    let file = file.map_err(|error| unusable(workspace, "open the lock in", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unusable(workspace, "lock", &error)),
    }
}

fn unusable(workspace: &Workspace, what: &str, error: &io::Error) -> ApiError {
    let code = if error.kind() == io::ErrorKind::StorageFull { ErrorCode::NoSpace } else { ErrorCode::Internal };
    ApiError::new(code, format!("Can't {what} the workspace folder {}: {error}.", workspace.folder().display()))
        .with_hint(
            "Name another folder in SLIPWAY_HOME, or mend the rights of this one. It must not lie on a network mount.",
        )
}
