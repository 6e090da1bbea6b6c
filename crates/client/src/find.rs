//! Finds the host of a workspace, and settles what happens where versions differ.
//!
//! A newer client asks an older host to end (its workers and serving processes go on and are
//! adopted by the next); an older client is told to update.

use std::{path::Path, time::Duration};

use api::{
    ApiError, ErrorCode, PROTOCOL,
    host::{GetHost, HostFile, StopHost},
};

use crate::{
    call::Client,
    host_file,
    lock::{self, Holder},
    start,
    workspace::Workspace,
};

/// Who has the workspace open.
#[derive(Debug)]
pub enum Found {
    Host(Client),
    Nobody,
    /// A command in mode `once`, or a host that starts or ends.
    Held(Holder),
}

/// How long another process may take to start, to end, or to finish its command.
pub const PATIENCE: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(50);

/// Looks once, ending an older host if there is one.
pub async fn find(workspace: &Workspace) -> Result<Found, ApiError> {
    let Some(host) = host_file::read(workspace) else { return unanswered(workspace) };
    let client = Client::new(host)?.of(workspace);
    let answer = tokio::time::timeout(PATIENCE, client.call(GetHost {})).await;
    match answer {
        Ok(Ok(info)) => match meet(info.protocol, &info.version) {
            Meeting::Speak => Ok(Found::Host(client)),
            Meeting::Replace => replace(workspace, &client).await,
            Meeting::Update => Err(told_to_update(client.host())),
        },
        // A host of another protocol may answer in words that we can't read.
        Ok(Err(error)) if error.code == ErrorCode::WrongProtocol => {
            match meet(client.host().protocol, &client.host().version) {
                Meeting::Replace => replace(workspace, &client).await,
                _ => Err(told_to_update(client.host())),
            }
        }
        // The file may be that of a host that died, and its port may belong to a stranger now.
        Ok(Err(_)) | Err(_) => unanswered(workspace),
    }
}

/// The host, waiting for one that is just starting; `None` where nobody has the workspace open.
pub async fn host(workspace: &Workspace) -> Result<Option<Client>, ApiError> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        match find(workspace).await? {
            Found::Host(client) => return Ok(Some(client)),
            Found::Nobody => return Ok(None),
            Found::Held(_) if tokio::time::Instant::now() >= until => return Err(lock::busy(workspace)),
            Found::Held(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

/// The host, started with `program` (a `slipway`) where there is none.
pub async fn host_or_start(workspace: &Workspace, program: &Path) -> Result<Client, ApiError> {
    match host(workspace).await? {
        Some(client) => Ok(client),
        None => start::start(workspace, program, None).await,
    }
}

/// The same for one command: a host that is started for it ends `idle` after its last client and its
/// last work, instead of staying at hand.
pub async fn host_or_start_for(workspace: &Workspace, program: &Path, idle: Duration) -> Result<Client, ApiError> {
    match host(workspace).await? {
        Some(client) => Ok(client),
        None => start::start(workspace, program, Some(idle)).await,
    }
}

fn unanswered(workspace: &Workspace) -> Result<Found, ApiError> {
    Ok(match lock::holder(workspace)? {
        Some(holder) => Found::Held(holder),
        None => Found::Nobody,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meeting {
    Speak,
    /// The host is older: it ends.
    Replace,
    /// We are older.
    Update,
}

fn meet(protocol: u32, version: &str) -> Meeting {
    if protocol > PROTOCOL {
        return Meeting::Update;
    }
    let older = match (semver::Version::parse(version), semver::Version::parse(env!("CARGO_PKG_VERSION"))) {
        (Ok(theirs), Ok(ours)) => theirs < ours,
        _ => false,
    };
    if protocol < PROTOCOL || older { Meeting::Replace } else { Meeting::Speak }
}

/// Asks an older host to end and waits until it has let go of the workspace.
async fn replace(workspace: &Workspace, client: &Client) -> Result<Found, ApiError> {
    tracing::info!("asking the older host {} (process {}) to end", client.host().version, client.host().pid);
    // The answer may be cut off by the end itself; what counts is the lock.
    let _ = tokio::time::timeout(PATIENCE, client.call(StopHost { stop_work: false })).await;
    let until = tokio::time::Instant::now() + PATIENCE;
    while lock::holder(workspace)?.is_some_and(|holder| holder.pid == client.host().pid) {
        if tokio::time::Instant::now() >= until {
            return Err(ApiError::new(
                ErrorCode::Busy,
                format!(
                    "The older host {} (process {}) was asked to end and has not.",
                    client.host().version,
                    client.host().pid
                ),
            )
            .with_hint("End that process and try again."));
        }
        tokio::time::sleep(RETRY).await;
    }
    unanswered(workspace)
}

fn told_to_update(host: &HostFile) -> ApiError {
    ApiError::new(
        ErrorCode::WrongProtocol,
        format!(
            "The host (Slipway {}, protocol {}) is newer than this program ({}, protocol {PROTOCOL}).",
            host.version,
            host.protocol,
            env!("CARGO_PKG_VERSION")
        ),
    )
    .with_hint("Update this program, or end the host.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_side_wins() {
        let ours = env!("CARGO_PKG_VERSION");
        assert_eq!(meet(PROTOCOL, ours), Meeting::Speak);
        assert_eq!(meet(PROTOCOL, "999.0.0"), Meeting::Speak);
        assert_eq!(meet(PROTOCOL, "0.0.1"), Meeting::Replace);
        assert_eq!(meet(PROTOCOL - 1, ours), Meeting::Replace);
        assert_eq!(meet(PROTOCOL + 1, ours), Meeting::Update);
    }
}
