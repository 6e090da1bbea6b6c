//! What a run had not committed when it began: a patch of the files that git tracks, kept beside its artifacts and
//! listed with them. Files that git ignores or does not know are never read.

use std::{fs, io, path::Path};

use api::run::Code;

use super::git;

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
pub fn keep(run_folder: &Path, patch: &[u8]) -> io::Result<()> {
    let folder = run_folder.join(FOLDER);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(NAME), patch)
}

/// What was kept with a run, if anything was. Blocks.
pub(super) fn kept(run_folder: &Path) -> Option<Kept> {
    use std::io::Read as _;
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
}
