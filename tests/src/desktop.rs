//! A desktop without a tray, and the real window on it: what a person does to it from outside, and what its pages
//! show by WebDriver.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    browser::{self, Browser},
    bus::Bus,
    host,
    process::{Running, skipped_without, wait_until},
    screen::Screen,
};

/// The window's title ends so, whatever page it shows.
pub const WINDOW: &str = "Slipway$";
/// What its system calls the folder for downloads, in its person's language.
pub const DOWNLOADS: &str = "Loaded";
/// What a program takes to end.
pub const SOON: Duration = Duration::from_secs(60);

/// A screen, a session bus, and a workspace of its own.
#[derive(Debug)]
pub struct Desktop {
    pub screen: Screen,
    pub bus: Bus,
    program: PathBuf,
    folder: tempfile::TempDir,
    /// A cluster beside it took its window manager, its keys and its tray from it, all seen.
    _alone: Option<std::fs::File>,
}

impl Desktop {
    /// Says in one line that there can be no desktop here; `true` where it is so.
    pub fn skipped() -> bool {
        skipped_without(&["Xvfb", "openbox", "xdotool", "dbus-daemon"])
    }

    /// `None`, said in one line, where a program that it needs is missing.
    pub fn new() -> Result<Option<Self>> {
        let programs = ["SLIPWAY_DESKTOP", "SLIPWAY_BIN", "SLIPWAY_WORKER", "SLIPWAY_UI"].map(host::program);
        let [Some(program), Some(_), Some(_), Some(_)] = programs else { return Ok(None) };
        // Where the lock is another user's, nobody's cluster is beside this one's tests.
        let alone = crate::cluster::one_at_a_time().ok();
        let folder = tempfile::tempdir()?;
        let settings = folder.path().join("home/.config");
        std::fs::create_dir_all(&settings)?;
        std::fs::write(settings.join("user-dirs.dirs"), format!("XDG_DOWNLOAD_DIR=\"$HOME/{DOWNLOADS}\"\n"))?;
        let bus = Bus::start(folder.path())?;
        let screen = Screen::start(folder.path(), 1800, 900)?;
        Ok(Some(Self { screen, bus, program, folder, _alone: alone }))
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the window saves what its pages give a person.
    pub fn downloads(&self) -> PathBuf {
        self.folder.path().join("home").join(DOWNLOADS)
    }

    /// Starts the window's program with arguments.
    pub fn start(&self, name: &str, arguments: &[&Path]) -> Result<Running> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("DISPLAY", self.screen.name());
        self.tell(&mut command);
        Running::start(name, &mut command, self.folder())
    }

    /// The same, with its pages in sight.
    pub async fn browse(&self, arguments: &[&Path]) -> Result<Browser> {
        browser::window_on(self.screen.name(), &self.program, arguments, self.folder(), |command| self.tell(command))
            .await
    }

    fn tell(&self, command: &mut Command) {
        host::environment(command, self.folder());
        self.bus.tell(command);
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        // The window started a host of its own: it must not outlive the test.
        let stopped = host::slipway(self.folder(), self.folder(), &["serve", "--stop", "--stop-work"]);
        drop(stopped);
    }
}

/// Waits until a program has ended well.
pub fn ended(program: &mut Running) -> Result<()> {
    wait_until(&format!("the end of {}", program.name().to_owned()), SOON, || program.has_ended())?;
    let status = program.status().context("it has not ended")?;
    ensure!(status.success(), "{} ended with {status}", program.name());
    Ok(())
}
