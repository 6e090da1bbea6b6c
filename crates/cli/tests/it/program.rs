//! `slipway` with a home, a workspace and a project that belong to one test alone.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(place.project()).unwrap();
        place
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// A folder with a small table and a `slipway.toml`.
    pub(crate) fn with_project() -> Self {
        let place = Self::new();
        std::fs::write(
            place.project().join("slipway.toml"),
            "version = 1\nname = \"small\"\n\n[data]\npaths = [\"rows.csv\"]\ntarget = \"y\"\n",
        )
        .unwrap();
        std::fs::write(place.project().join("rows.csv"), "x,y\n1,a\n2,b\n3,a\n").unwrap();
        place
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.args(arguments).current_dir(self.project());
        command
            .env("SLIPWAY_HOME", self.workspace())
            .env("HOME", self.folder.path())
            .env("XDG_DOCUMENTS_DIR", self.folder.path());
        // What the test run itself may stand in, a `slipway exec` for one.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MLFLOW_") || name == "SLIPWAY_RUN" {
                command.env_remove(name);
            }
        }
        command
            .env_remove("KUBECONFIG")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// A command that succeeds, with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A host that a command started would go on for seconds in a folder that is gone.
impl Drop for Place {
    fn drop(&mut self) {
        if self.workspace().join("host.json").exists() {
            let _ = self.command(&["serve", "--stop"]).output();
        }
    }
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
