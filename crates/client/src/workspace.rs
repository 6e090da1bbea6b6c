//! Where the workspace lies, and the names of the files that processes meet at.

use std::path::{Path, PathBuf};

use api::{ApiError, ErrorCode};

/// The variable that moves the workspace.
pub const HOME_VARIABLE: &str = "SLIPWAY_HOME";

/// The folder that holds everything of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    folder: PathBuf,
}

impl Workspace {
    /// A workspace at a given folder, which is made when it is first locked.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder that `SLIPWAY_HOME` names, else `slipway` in the platform's data folder.
    pub fn locate() -> Result<Self, ApiError> {
        if let Some(folder) = std::env::var_os(HOME_VARIABLE).filter(|value| !value.is_empty()) {
            let folder = std::path::absolute(&folder).map_err(|error| {
                ApiError::invalid(format!(
                    "{HOME_VARIABLE} names {}, which is no usable path: {error}.",
                    Path::new(&folder).display()
                ))
            })?;
            return Ok(Self::at(folder));
        }
        let directories = directories::BaseDirs::new().ok_or_else(|| {
            ApiError::new(ErrorCode::Unsupported, "This account has no home folder to keep the workspace in.")
                .with_hint(format!("Name a folder in {HOME_VARIABLE}."))
        })?;
        Ok(Self::at(directories.data_local_dir().join("slipway")))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder where there is none, for its user alone.
    pub(crate) fn make(&self) -> std::io::Result<()> {
        if self.folder.is_dir() { Ok(()) } else { make_private(&self.folder) }
    }

    /// The file whose OS lock says that somebody has the workspace open.
    pub fn lock_path(&self) -> PathBuf {
        self.folder.join("workspace.lock")
    }

    /// Who took the lock last. Beside the lock, since Windows lets nobody read a locked file.
    pub fn holder_path(&self) -> PathBuf {
        self.folder.join("workspace.holder")
    }

    pub fn host_path(&self) -> PathBuf {
        self.folder.join("host.json")
    }

    /// The port that the last host answered at.
    pub(crate) fn port_path(&self) -> PathBuf {
        self.folder.join("host.port")
    }

    /// The same for MLflow's clients.
    pub(crate) fn tracking_port_path(&self) -> PathBuf {
        self.folder.join("tracking.port")
    }

    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}
