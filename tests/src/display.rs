//! A display of a test's own, without a window manager.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result};

use crate::process::{Running, wait_until};

/// A display, ended when it goes out of scope.
#[derive(Debug)]
pub struct Display {
    /// What `DISPLAY` names it by, such as `:7`.
    pub name: String,
    _server: Running,
}

impl Display {
    pub fn start(folder: &Path, width: u32, height: u32) -> Result<Self> {
        let mut command = Command::new("Xvfb");
        // It takes the first free display and prints its number: two tests never meet on one.
        command.args(["-displayfd", "1", "-screen", "0", &format!("{width}x{height}x24"), "-nolisten", "tcp"]);
        let server = Running::start("xvfb", &mut command, folder)?;
        let log = folder.join("xvfb.log");
        let number = || fs::read_to_string(&log).ok()?.lines().find_map(|line| line.trim().parse::<u32>().ok());
        wait_until("the display", Duration::from_secs(20), || number().is_some())?;
        Ok(Self { name: format!(":{}", number().context("the display has no number")?), _server: server })
    }
}
