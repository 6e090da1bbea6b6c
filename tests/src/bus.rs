//! A session bus of a test's own: by it a second start of the window finds the first.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Result;

use crate::process::{Running, read, wait_until};

/// A bus that starts nothing by itself, ended when it goes out of scope.
#[derive(Debug)]
pub struct Bus {
    socket: PathBuf,
    _server: Running,
}

impl Bus {
    pub fn start(folder: &Path) -> Result<Self> {
        let (socket, settings) = (folder.join("bus"), folder.join("bus.conf"));
        let listen = format!("<listen>unix:path={}</listen>", socket.display());
        // No folders of services: what the machine would start on demand is no part of the test.
        let allowed = "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/>";
        let policy = format!("<policy context=\"default\">{allowed}</policy>");
        std::fs::write(&settings, format!("<busconfig><type>session</type>{listen}{policy}</busconfig>\n"))?;
        let mut command = Command::new("dbus-daemon");
        command.arg("--nofork").arg(format!("--config-file={}", settings.display()));
        let server = Running::start("bus", &mut command, folder)?;
        wait_until("the session bus", Duration::from_secs(20), || socket.exists())?;
        Ok(Self { socket, _server: server })
    }

    /// Lets a program find it.
    pub fn tell(&self, command: &mut Command) {
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.socket.display()));
    }

    /// Calls a method of somebody on it; the answer in GVariant's text.
    pub fn call(&self, name: &str, object: &str, method: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("gdbus");
        command.args(["call", "--session", "--dest", name, "--object-path", object, "--method", method]);
        // What begins with a minus is an argument too.
        command.arg("--").args(arguments);
        self.tell(&mut command);
        read(&mut command)
    }
}
