//! Where everything of a workspace lies, and the lock that one process holds on it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use api::{ApiError, DeploymentId, ErrorCode, RunId, SnapshotId};
use serde::{Deserialize, Serialize};

/// The workspace's folder; the caller says where (`SLIPWAY_HOME` is read at the edge).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    folder: PathBuf,
}

/// The OS lock, held until this is dropped; the operating system frees it if its holder dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Who holds the lock, as `workspace.holder` says; believed only while the lock is held.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    command: String,
}

impl Workspace {
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    /// The caches of all snapshots.
    pub fn snapshots_cache(&self) -> PathBuf {
        self.cache().join("snapshots")
    }

    /// The Parquet form and profile of a snapshot: rebuilt when missing.
    pub fn snapshot_cache(&self, snapshot: SnapshotId) -> PathBuf {
        self.snapshots_cache().join(snapshot.to_string())
    }

    /// Bundles laid out as folders, by version: rebuilt when missing.
    pub fn models_cache(&self) -> PathBuf {
        self.cache().join("models")
    }

    /// Links to what runs had not committed, for the next ones that begin with the same.
    pub fn patches_cache(&self) -> PathBuf {
        self.cache().join("patches")
    }

    /// What pages in a browser dropped, until a project takes it; a folder a drop.
    pub fn uploads(&self) -> PathBuf {
        self.folder.join("uploads")
    }

    pub fn runs(&self) -> PathBuf {
        self.folder.join("runs")
    }

    pub fn run(&self, run: RunId) -> PathBuf {
        self.runs().join(run.to_string())
    }

    /// The files of a model that a client logged.
    pub fn logged(&self, model: &str) -> PathBuf {
        self.all_logged().join(model)
    }

    /// A folder a logged model.
    pub fn all_logged(&self) -> PathBuf {
        self.folder.join("logged")
    }

    /// A folder a deployment: what was fetched of its log; on this machine its models and output, too.
    pub fn deployments(&self) -> PathBuf {
        self.folder.join("deployments")
    }

    pub fn deployment(&self, deployment: DeploymentId) -> PathBuf {
        self.deployments().join(deployment.to_string())
    }

    /// Notes of what is half-written elsewhere.
    pub(crate) fn halves(&self) -> PathBuf {
        self.folder.join("halves")
    }

    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// Makes the folders; the workspace is its user's alone.
    pub(crate) fn make(&self) -> anyhow::Result<()> {
        make_private(&self.folder).with_context(|| format!("make the workspace folder {}", self.folder.display()))?;
        let own = [self.cache(), self.runs(), self.deployments(), self.logs(), self.halves()];
        for folder in own {
            make_private(&folder).with_context(|| format!("make the folder {}", folder.display()))?;
        }
        Ok(())
    }

    pub(crate) fn lock(&self, command: &str) -> anyhow::Result<Lock> {
        let path = self.folder.join("workspace.lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(|| format!("open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => anyhow::bail!(self.busy()),
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("lock {}", path.display())),
        }
        let holder = serde_json::to_vec(&Holder { pid: std::process::id(), command: command.to_owned() })?;
        std::fs::write(self.holder_path(), holder).context("note who holds the workspace")?;
        Ok(Lock { _file: file })
    }

    fn holder_path(&self) -> PathBuf {
        // Beside the lock, since Windows lets nobody read a locked file.
        self.folder.join("workspace.holder")
    }

    fn busy(&self) -> ApiError {
        let holder =
            std::fs::read(self.holder_path()).ok().and_then(|bytes| serde_json::from_slice::<Holder>(&bytes).ok());
        let who = match holder {
            Some(Holder { pid, command }) => format!("`{command}` (process {pid})"),
            None => "another program".to_owned(),
        };
        ApiError::new(ErrorCode::Busy, format!("{who} has the workspace at {} open.", self.folder.display()))
            .with_hint("Wait until it has ended, or end it, and try again.")
    }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_workspace_has_the_folders_that_something_is_written_into() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(root.path().join("slipway"));
        workspace.make().unwrap();
        let entries = std::fs::read_dir(workspace.folder()).unwrap();
        let mut folders: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        folders.sort();
        assert_eq!(folders, ["cache", "deployments", "halves", "logs", "runs"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_made_is_its_users_alone_and_what_is_there_keeps_its_rights() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(root.path());
        std::fs::create_dir(workspace.logs()).unwrap();
        for folder in [root.path(), &workspace.logs()] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        workspace.make().unwrap();
        let mode = |folder: &Path| folder.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(root.path()), mode(&workspace.logs())], [0o755; 2]);
        assert_eq!([mode(&workspace.runs()), mode(&workspace.cache())], [0o700; 2]);
    }
}
