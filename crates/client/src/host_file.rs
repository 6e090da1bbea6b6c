//! `host.json`: how clients find the host. Readable by its user only, replaced whole. Beside it `host.port`
//! outlives the host, so that the next one answers where open pages still ask.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
};

use api::host::HostFile;

use crate::workspace::Workspace;

/// Reads it; `None` where there is none or it can't be understood, which is the same to a client.
pub fn read(workspace: &Workspace) -> Option<HostFile> {
    serde_json::from_slice(&std::fs::read(workspace.host_path()).ok()?).ok()
}

/// Writes it beside its name and renames it, so that nobody reads half of it.
pub fn write(workspace: &Workspace, host: &HostFile) -> io::Result<()> {
    let path = workspace.host_path();
    let half = path.with_extension("json.new");
    // A left-over of a crash may have other rights: it is never written into.
    match std::fs::remove_file(&half) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_private(&half)?;
    file.write_all(&serde_json::to_vec_pretty(host)?)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&half, &path)
}

/// Removes it, if it is still that of this process.
pub fn remove(workspace: &Workspace) {
    if read(workspace).is_some_and(|host| host.pid == std::process::id())
        && let Err(error) = std::fs::remove_file(workspace.host_path())
    {
        tracing::warn!("can't remove {}: {error}", workspace.host_path().display());
    }
}

/// The port of the first host, or the one that was asked for since; 0, which is any free one, where none is known.
pub fn last_port(workspace: &Workspace) -> u16 {
    let text = std::fs::read_to_string(workspace.port_path()).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// Where MLflow's clients are answered first: not 5000, which is MLflow's own and AirPlay's.
pub const TRACKING_PORT: u16 = 5577;

/// The port on which MLflow's clients were answered first, if they ever were: an address that was copied stays good.
pub fn tracking_port(workspace: &Workspace) -> Option<u16> {
    let text = std::fs::read_to_string(workspace.tracking_port_path()).unwrap_or_default();
    text.trim().parse().ok().filter(|port| *port != 0)
}

pub fn remember_tracking_port(workspace: &Workspace, port: u16) {
    if let Err(error) = std::fs::write(workspace.tracking_port_path(), port.to_string()) {
        tracing::warn!("can't write {}: {error}", workspace.tracking_port_path().display());
    }
}

/// Keeps the port for the next host. Without it that one takes any: a failure is only logged.
pub fn remember_port(workspace: &Workspace, port: u16) {
    if let Err(error) = std::fs::write(workspace.port_path(), port.to_string()) {
        tracing::warn!("can't write {}: {error}", workspace.port_path().display());
    }
}

#[cfg(unix)]
fn create_private(path: &std::path::Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

// On Windows a file of the user's data folder inherits rights that keep other users out.
#[cfg(not(unix))]
fn create_private(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}
