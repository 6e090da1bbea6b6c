//! A screen as a person has it: a window manager that gives windows their place and the keyboard, and
//! a hand on the pointer and the keys.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result};

use crate::{
    display::Display,
    process::{Running, read, wait_until},
};

/// A window on a busy machine opens within this.
const PATIENCE: Duration = Duration::from_secs(120);

/// A display with a window manager, both ended when it goes out of scope.
#[derive(Debug)]
pub struct Screen {
    // Before its display.
    manager: Running,
    display: Display,
}

/// Where a window is and how large, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

impl Screen {
    pub fn start(folder: &Path, width: u32, height: u32) -> Result<Self> {
        let display = Display::start(folder, width, height)?;
        let mut screen = Self { manager: manager(&display, folder)?, display };
        let is_managed = || {
            // One that ended at its start, on a display that had just begun, starts once more.
            if screen.manager.has_ended()
                && let Ok(again) = manager(&screen.display, folder)
            {
                screen.manager = again;
            }
            screen.hand(&["get_num_desktops"]).is_ok()
        };
        let said = || std::fs::read_to_string(folder.join("openbox.log")).unwrap_or_default();
        wait_until("the window manager", PATIENCE, is_managed).with_context(|| format!("openbox said: {}", said()))?;
        Ok(screen)
    }

    /// What `DISPLAY` names it by, such as `:7`.
    pub fn name(&self) -> &str {
        &self.display.name
    }

    /// The windows that can be seen, by a regular expression of their title.
    pub fn windows(&self, title: &str) -> Vec<String> {
        // It fails where there is none.
        let found = self.hand(&["search", "--onlyvisible", "--name", title]).unwrap_or_default();
        found.lines().map(str::to_owned).collect()
    }

    /// Waits for a window by a regular expression of its title, and until it has the keyboard.
    pub fn window(&self, title: &str) -> Result<String> {
        let mut found = None;
        wait_until(&format!("a window called {title} in front"), PATIENCE, || {
            found = self.windows(title).into_iter().next();
            found.is_some() && self.hand(&["getactivewindow"]).ok().as_deref().map(str::trim) == found.as_deref()
        })?;
        found.with_context(|| format!("no window is called {title}"))
    }

    /// Waits until no window of that title can be seen.
    pub fn gone(&self, title: &str) -> Result<()> {
        wait_until(&format!("the end of {title}"), PATIENCE, || self.windows(title).is_empty())
    }

    pub fn place(&self, window: &str) -> Result<Place> {
        let told = self.hand(&["getwindowgeometry", "--shell", window])?;
        let number = |name: &str| -> Result<i32> {
            let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            Ok(line.with_context(|| format!("no {name} in {told}"))?.parse()?)
        };
        Ok(Place { x: number("X")?, y: number("Y")?, width: number("WIDTH")?, height: number("HEIGHT")? })
    }

    /// Moves a window and waits until it is somewhere else: it must not stand there already.
    pub fn move_to(&self, window: &str, x: i32, y: i32) -> Result<()> {
        let before = self.place(window)?;
        self.hand(&["windowmove", window, &x.to_string(), &y.to_string()])?;
        wait_until("the window's new place", PATIENCE, || {
            self.place(window).is_ok_and(|now| (now.x, now.y) != (before.x, before.y))
        })
    }

    pub fn resize(&self, window: &str, width: i32, height: i32) -> Result<()> {
        self.hand(&["windowsize", window, &width.to_string(), &height.to_string()])?;
        wait_until("the window's new size", PATIENCE, || {
            self.place(window).is_ok_and(|now| (now.width, now.height) == (width, height))
        })
    }

    /// Closes a window by the button at the end of its title: the window manager gives it to whom the pointer is at,
    /// where a key is lost while the keyboard changes hands (`alt+F4` was, on a busy machine).
    pub fn close(&self, window: &str) -> Result<()> {
        self.point(window, self.place(window)?.width - 11, -10)?;
        self.hand(&["click", "1"]).map(drop)
    }

    /// Presses keys one after another, such as `ctrl+8`, in the window that has the keyboard.
    pub fn press(&self, keys: &[&str]) -> Result<()> {
        self.hand(&[&["key", "--clearmodifiers"], keys].concat()).map(drop)
    }

    pub fn write(&self, text: &str) -> Result<()> {
        self.hand(&["type", "--clearmodifiers", text]).map(drop)
    }

    /// Moves the pointer to a place in a window, or beside it.
    pub fn point(&self, window: &str, x: i32, y: i32) -> Result<()> {
        self.hand(&["mousemove", "--window", window, "--", &x.to_string(), &y.to_string()]).map(drop)
    }

    pub fn click_right(&self) -> Result<()> {
        self.hand(&["click", "3"]).map(drop)
    }

    /// Makes a window as large as the screen, or takes that back: a double click on its title.
    pub fn maximize(&self, window: &str) -> Result<()> {
        self.point(window, 300, -10)?;
        self.hand(&["click", "--repeat", "2", "1"]).map(drop)
    }

    /// Takes up what is under the pointer, without letting go.
    pub fn take_up(&self) -> Result<()> {
        self.hand(&["mousedown", "1"])?;
        // Beyond what toolkits take for an unsteady click.
        for _ in 0..10 {
            self.hand(&["mousemove_relative", "--", "-5", "-5"])?;
        }
        Ok(())
    }

    pub fn let_go(&self) -> Result<()> {
        self.hand(&["mouseup", "1"]).map(drop)
    }

    fn hand(&self, arguments: &[&str]) -> Result<String> {
        read(Command::new("xdotool").args(arguments).env("DISPLAY", self.name()))
    }
}

fn manager(display: &Display, folder: &Path) -> Result<Running> {
    let mut command = Command::new("openbox");
    command.env("DISPLAY", &display.name).env("HOME", folder);
    Running::start("openbox", &mut command, folder)
}
