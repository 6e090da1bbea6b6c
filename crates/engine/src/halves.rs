//! What is half-written in a folder of a person's, beside the place that it is for. Each is noted in the
//! workspace before it is made: what a killed host leaves is removed at the next start.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use tempfile::{NamedTempFile, TempDir};

use crate::storage;

/// A hidden folder is no data, whoever looks meanwhile.
const PREFIX: &str = ".half-";

/// A folder that goes with what is in it; whoever is done renames things out of it.
pub(crate) struct Half {
    folder: TempDir,
    // Dropped after the folder.
    _note: NamedTempFile,
}

impl Half {
    /// Makes the folder in `beside`, noted in `notes`.
    pub(crate) fn begin(beside: &Path, notes: &Path) -> anyhow::Result<Self> {
        let beside = std::path::absolute(beside).with_context(|| format!("write in {}", beside.display()))?;
        let writing = || format!("write in {}", beside.display());
        let mut note =
            tempfile::Builder::new().prefix(PREFIX).tempfile_in(notes).context("note what is half-written")?;
        let name = note.path().file_name().context("note what is half-written")?.to_owned();
        // A path that is no text can't be noted; it is cleaned up where nothing kills the host.
        let text = beside.join(&name).to_str().unwrap_or_default().to_owned();
        note.write_all(text.as_bytes()).context("note what is half-written")?;
        let name = name.to_string_lossy();
        let folder =
            tempfile::Builder::new().prefix(name.as_ref()).rand_bytes(0).tempdir_in(&beside).with_context(writing)?;
        Ok(Self { folder, _note: note })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes what killed hosts left half-written, by the notes in `notes`, and what work under way kept beside them.
pub(crate) fn clear(notes: &Path) -> anyhow::Result<()> {
    let reading = || format!("read {}", notes.display());
    for entry in fs::read_dir(notes).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let note = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            storage::remove_folder(&note);
            continue;
        }
        let left = PathBuf::from(fs::read_to_string(&note).unwrap_or_default());
        // Nothing is removed but a folder of the note's own name.
        if left.is_absolute() && left.file_name() == note.file_name() && left.is_dir() {
            tracing::info!(path = %left.display(), "half-written by an earlier host: removed");
            storage::remove_folder(&left);
        }
        if !left.is_dir() || left.file_name() != note.file_name() {
            storage::remove_folder(&note);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_half_written_is_removed_and_nothing_else() {
        let (notes, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let half = Half::begin(place.path(), notes.path()).unwrap();
        fs::write(half.path().join("a.csv"), "a\n1\n").unwrap();
        assert_eq!(fs::read_dir(notes.path()).unwrap().count(), 1);
        drop(half);
        assert_eq!(fs::read_dir(notes.path()).unwrap().count() + fs::read_dir(place.path()).unwrap().count(), 0);

        // A host was killed: folder and note stay.
        std::mem::forget(Half::begin(place.path(), notes.path()).unwrap());
        let data = place.path().join("data");
        fs::create_dir(&data).unwrap();
        // A note that names something else is no leave to remove it.
        fs::write(notes.path().join(".half-foreign"), data.to_str().unwrap()).unwrap();
        fs::write(notes.path().join("predict-1.parquet"), [0xff; 9]).unwrap();
        clear(notes.path()).unwrap();
        assert_eq!(fs::read_dir(notes.path()).unwrap().count(), 0);
        let left: Vec<PathBuf> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [data]);
    }
}
