//! What a run had not committed when it began: a patch of the files that git tracks, kept beside its artifacts and
//! listed with them. Files that git ignores or does not know are never read.
//!
//! A search begins thousands of runs on the same changes, so that a patch is one file of all runs that have it: links
//! to it, where the disk has such. The cache holds a link to those that were kept last, which the next run finds by
//! content.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use api::{RunId, run::Code};

use super::git;
use crate::{tracking::artifacts::half_name, workspace::Workspace};

/// Below the run's folder; a program makes what folders it likes among its artifacts.
pub(super) const FOLDER: &str = "code";
const NAME: &str = "uncommitted.patch";
/// A longer patch is kept up to the last file that fits whole.
const MOST_BYTES: usize = 1 << 20;
/// The last line of a patch that is not whole; `git apply` passes over it.
const CUT: &str = "# More files differed than are kept here.\n";

/// A patch of what is not committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    /// Further files differed.
    pub(super) is_cut: bool,
}

impl Kept {
    /// As it was written down, or as a client tags it.
    pub(super) fn read(mut bytes: Vec<u8>) -> Self {
        let is_cut = bytes.ends_with(CUT.as_bytes());
        if is_cut {
            bytes.truncate(bytes.len() - CUT.len());
        }
        // Clients take the last line's end away.
        if bytes.last().is_some_and(|last| *last != b'\n') {
            bytes.push(b'\n');
        }
        Self { bytes, is_cut }
    }
}

/// The patch of a folder's repository as it is now, whose state is this; `None` where nothing differs, or git can't
/// tell.
pub async fn taken(folder: &Path, code: Option<&Code>) -> Option<Vec<u8>> {
    if !code.is_some_and(|code| code.dirty) {
        return None;
    }
    let arguments: Vec<&str> = git::DIFF.into_iter().chain(["HEAD", "--"]).collect();
    let said = git::ask(folder, &[], &arguments, MOST_BYTES).await?;
    (!said.bytes.is_empty()).then(|| if said.is_cut { whole_files(said.bytes) } else { said.bytes })
}

/// A patch that was cut anywhere, without its last file, which is not whole.
fn whole_files(mut bytes: Vec<u8>) -> Vec<u8> {
    let start = b"\ndiff --git ";
    let last = bytes.windows(start.len()).rposition(|window| window == start);
    bytes.truncate(last.map_or(0, |at| at + 1));
    bytes.extend_from_slice(CUT.as_bytes());
    bytes
}

/// Keeps a patch with a run. Blocks.
///
/// # Errors
/// Where the run's folder can't be written.
pub fn keep(workspace: &Workspace, run: RunId, patch: &[u8]) -> io::Result<()> {
    let folder = workspace.run(run).join(FOLDER);
    fs::create_dir_all(&folder)?;
    let hash = blake3::hash(patch).to_hex().to_string();
    let (kept, half) = (folder.join(NAME), folder.join(half_name(&hash[..32])));
    // Sixteen of them and no more, whatever changes.
    let last = workspace.patches_cache().join(&hash[..1]);
    if fs::hard_link(&last, &half).is_ok() {
        // Read once it is linked: another takes its place at any time, and a program may have written over it.
        if fs::read(&half).is_ok_and(|linked| linked == patch) {
            return fs::rename(&half, &kept);
        }
        fs::remove_file(&half)?;
    }
    fs::write(&half, patch)?;
    // What is written over in place is written over in every run. Windows deletes no file that is only read.
    if cfg!(unix) {
        let mut permissions = fs::metadata(&half)?.permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&half, permissions)?;
    }
    fs::rename(&half, &kept)?;
    // Only a help: without it the next run keeps its own. No two runs leave one at once under this name.
    let coming = last.with_file_name(run.to_string());
    let left = fs::create_dir_all(workspace.patches_cache())
        .and_then(|()| fs::hard_link(&kept, &coming))
        .and_then(|()| fs::rename(&coming, &last));
    if left.is_err() {
        let _ = fs::remove_file(&coming);
    }
    Ok(())
}

/// Keeps with a run of a log what a file beside that log says that it had not committed. Blocks.
///
/// # Errors
/// Where the file can't be read, or a link leads to it, or the run's folder can't be written.
pub(crate) fn keep_file(workspace: &Workspace, run: RunId, path: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let mut bytes = Vec::new();
    let file = crate::beneath::file(&crate::beneath::folder(folder)?, Path::new(name))?;
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Ok(());
    }
    if bytes.len() > MOST_BYTES {
        bytes = whole_files(bytes);
    }
    // A log is told again as often as something of it changed.
    let is_kept = fs::read(path_of(workspace, run)).is_ok_and(|kept| kept == bytes);
    if is_kept { Ok(()) } else { keep(workspace, run, &bytes) }
}

/// Where a run's is kept.
pub(crate) fn path_of(workspace: &Workspace, run: RunId) -> PathBuf {
    workspace.run(run).join(FOLDER).join(NAME)
}

/// Whether a path of the workspace is that of a patch, which is a file of several runs.
pub(crate) fn is_patch(path: &Path) -> bool {
    path.ends_with(Path::new(FOLDER).join(NAME))
}

/// What was kept with a run, if anything was. Blocks.
pub(super) fn kept(run_folder: &Path) -> Option<Kept> {
    let folder = crate::beneath::folder(run_folder).ok()?;
    let file = crate::beneath::file(&folder, &Path::new(FOLDER).join(NAME)).ok()?;
    let mut bytes = Vec::new();
    // A program may have written over it.
    file.take((MOST_BYTES + CUT.len()) as u64).read_to_end(&mut bytes).ok()?;
    Some(Kept::read(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_patch_is_kept_up_to_the_last_file_that_is_whole() {
        let cut = whole_files(b"diff --git a/one b/one\n-1\n+2\ndiff --git a/two b/two\n-1".to_vec());
        let kept = Kept::read(cut);
        assert_eq!(kept, Kept { bytes: b"diff --git a/one b/one\n-1\n+2\n".to_vec(), is_cut: true });
        assert_eq!(Kept::read(whole_files(b"diff --git a/one b/one\n-1".to_vec())).bytes, b"");
        assert_eq!(Kept::read(b"-1\n+2".to_vec()), Kept { bytes: b"-1\n+2\n".to_vec(), is_cut: false });
    }

    #[test]
    fn a_file_beside_a_log_is_kept_up_to_the_last_file_that_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let run = RunId::from_bytes([7; 16]);
        let (beside, first) = (folder.path().join("diff.patch"), "diff --git a/one b/one\n-1\n+2\n");
        let long = format!("{first}diff --git a/two b/two\n{}", "+more\n".repeat(MOST_BYTES / 6));
        for (text, is_cut) in [(first, false), (long.as_str(), true), (first, false)] {
            fs::write(&beside, text).unwrap();
            keep_file(&workspace, run, &beside).unwrap();
            assert_eq!(kept(&workspace.run(run)), Some(Kept { bytes: first.as_bytes().to_vec(), is_cut }));
        }
        assert_eq!(fs::read(path_of(&workspace, run)).unwrap(), first.as_bytes());
        // Nothing is nothing that was not committed, and what can't be read says so.
        fs::write(&beside, "").unwrap();
        keep_file(&workspace, RunId::from_bytes([8; 16]), &beside).unwrap();
        assert_eq!(kept(&workspace.run(RunId::from_bytes([8; 16]))), None);
        fs::remove_file(&beside).unwrap();
        keep_file(&workspace, run, &beside).unwrap_err();
    }

    #[test]
    fn runs_that_began_with_the_same_have_one_file_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let run = |at: u8| RunId::from_bytes([at; 16]);
        let read = |at: u8| kept(&workspace.run(run(at))).unwrap().bytes;
        let patch = b"diff --git a/one b/one\n-1\n+2\n".as_slice();
        for at in [1, 2, 3] {
            keep(&workspace, run(at), patch).unwrap();
            assert_eq!(read(at), patch);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

            let path = |at: u8| workspace.run(run(at)).join(FOLDER).join(NAME);
            let inode = |at: u8| fs::metadata(path(at)).unwrap().ino();
            assert_eq!([inode(2), inode(3)], [inode(1); 2]);
            // Together they are counted as what they take.
            let size = crate::storage::size_of(&workspace.run(run(1)));
            assert_eq!(size, patch.len() as u64 / 3);
            assert_eq!(crate::storage::unused_patches(&workspace).len(), 0);
            assert_eq!(fs::metadata(path(1)).unwrap().permissions().mode() & 0o222, 0);
            // Written over by a program that takes the right to: the next run has what it began with.
            fs::set_permissions(path(1), fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(path(1), "none").unwrap();
            keep(&workspace, run(5), patch).unwrap();
            assert_eq!(read(5), patch);
        }
        keep(&workspace, run(4), b"diff --git a/two b/two\n").unwrap();
        assert_eq!(read(4), b"diff --git a/two b/two\n");
        // Each run's goes with it alone.
        fs::remove_dir_all(workspace.run(run(2))).unwrap();
        assert!(kept(&workspace.run(run(2))).is_none() && kept(&workspace.run(run(3))).is_some());
        fs::remove_dir_all(workspace.runs()).unwrap();
        assert_ne!(crate::storage::unused_patches(&workspace).len(), 0, "nobody has them any more");
    }
}
