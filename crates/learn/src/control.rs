//! Listens for a stop: one line, `stop`, in the run's `control` file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::run::Surroundings;

const LOOK_EVERY_MS: i64 = 100;

pub struct Control<'a> {
    path: PathBuf,
    looked_ms: Option<i64>,
    surroundings: &'a Surroundings<'a>,
}

impl<'a> Control<'a> {
    pub fn new(run: &Path, surroundings: &'a Surroundings<'a>) -> Self {
        Self { path: run.join("control"), looked_ms: None, surroundings }
    }

    /// Whether a stop was asked for. Called between steps; looks at the file ten times a second.
    pub fn stop(&mut self) -> bool {
        let now = (self.surroundings.now_ms)();
        if self.looked_ms.is_some_and(|looked| now - looked < LOOK_EVERY_MS) {
            return false;
        }
        self.looked_ms = Some(now);
        fs::read_to_string(&self.path).is_ok_and(|text| text.trim() == "stop")
    }

    /// Takes the line away once it was followed, so that a resumed run doesn't stop at once.
    pub fn followed(&self) {
        // Whoever resumes may have taken it away already; a folder that can't be written says so
        // elsewhere.
        let _ = fs::remove_file(&self.path);
    }
}
