//! A file of a person's that we write: whole or not there, and over nothing but what they said.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use api::{ApiError, ErrorCode, run::SavedFile};
use tempfile::TempPath;

use crate::{Engine, halves::Half};

/// Where to write, named by the caller.
pub(crate) struct Output {
    pub(crate) path: PathBuf,
    /// Whether a file that is there is replaced, and what a link leads to; `None` where nobody can ask for that.
    pub(crate) overwrite: Option<bool>,
}

/// What is half-written; dropped before [`Self::finish`], nothing is left of it.
pub(crate) struct Writing<'a> {
    output: &'a Output,
    // Dropped before the folder that it is in.
    half: TempPath,
    beside: Half,
    place: PathBuf,
}

impl Output {
    /// What can be refused before anything is written, not after an hour's work: no folder, something that is
    /// there (`conflict`), or that is no regular file.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.place().map(drop)
    }

    /// Begins to write, beside the place. `halves` has the notes of what is half-written.
    pub(crate) fn begin(&self, halves: &Path) -> anyhow::Result<(File, Writing<'_>)> {
        let writing = || format!("write {}", self.path.display());
        let place = self.place()?;
        let beside = Half::begin(place.parent().with_context(writing)?, halves)?;
        let half = beside.path().join("half");
        let file = File::create_new(&half).with_context(writing)?;
        let half = TempPath::try_from_path(half).with_context(writing)?;
        Ok((file, Writing { output: self, half, beside, place }))
    }

    /// The path, or where it leads as a link.
    fn place(&self) -> anyhow::Result<PathBuf> {
        let path = &self.path;
        let Some(folder) = path.parent().filter(|folder| folder.is_dir()) else {
            let folder = path.parent().unwrap_or(path);
            bail!(
                ApiError::not_found(format!("There is no folder {}.", folder.display())).with_hint("Check the path.")
            );
        };
        let Ok(there) = path.symlink_metadata() else { return Ok(folder.join(path.file_name().unwrap_or_default())) };
        if there.is_dir() {
            bail!(ApiError::invalid(format!("{} is a folder.", path.display())).with_hint("Name a file in it."));
        }
        if self.overwrite != Some(true) {
            bail!(self.taken());
        }
        match path.canonicalize() {
            Ok(place) if place.is_file() => Ok(place),
            _ => bail!(
                ApiError::invalid(format!("{} is no regular file, and is not replaced.", path.display()))
                    .with_hint("Name another file.")
            ),
        }
    }

    fn taken(&self) -> ApiError {
        let way_out = match self.overwrite {
            Some(_) => "Name another file, or ask for this one to be overwritten (`--force`).",
            None => "Name another file, or delete this one first.",
        };
        ApiError::new(ErrorCode::Conflict, format!("{} is there already.", self.path.display())).with_hint(way_out)
    }
}

impl Writing<'_> {
    /// Gives the file its name, with the rights of the one that it replaces.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let Self { output, half, beside: _beside, place } = self;
        let writing = || format!("write {}", output.path.display());
        File::open(&half).and_then(|file| file.sync_all()).with_context(writing)?;
        let named = if output.overwrite == Some(true) {
            // What came to stand there meanwhile may be anything.
            output.check()?;
            if let Ok(there) = fs::metadata(&place) {
                fs::set_permissions(&half, there.permissions()).with_context(writing)?;
            }
            half.persist(&place)
        } else {
            half.persist_noclobber(&place)
        };
        match named {
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => bail!(output.taken()),
            named => named.map_err(|error| error.error).with_context(writing),
        }
    }
}

/// Copies a file to an absolute path of a person's that isn't there yet.
pub(crate) async fn save(engine: &Engine, mut from: File, to: &str) -> anyhow::Result<SavedFile> {
    let path = PathBuf::from(to);
    if !path.is_absolute() {
        bail!(ApiError::invalid(format!("{} is no absolute path.", path.display())));
    }
    let (output, halves) = (Output { path, overwrite: None }, engine.workspace().halves());
    tokio::task::spawn_blocking(move || {
        let (mut file, writing) = output.begin(&halves)?;
        let shown = output.path.display();
        let size_bytes = std::io::copy(&mut from, &mut file).with_context(|| format!("write {shown}"))?;
        drop(file);
        writing.finish()?;
        Ok(SavedFile { path: output.path.to_string_lossy().into_owned(), size_bytes })
    })
    .await?
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Writes "new" to a name in `folder`.
    fn write(folder: &Path, name: &str, overwrite: bool) -> anyhow::Result<()> {
        let notes = tempfile::tempdir()?;
        let output = Output { path: folder.join(name), overwrite: Some(overwrite) };
        output.check()?;
        let (mut file, writing) = output.begin(notes.path())?;
        file.write_all(b"new")?;
        writing.finish()
    }

    fn code(written: anyhow::Result<()>) -> ErrorCode {
        written.unwrap_err().downcast::<ApiError>().unwrap().code
    }

    #[test]
    fn what_is_there_is_replaced_only_where_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        write(here, "a.csv", false).unwrap();
        assert_eq!(code(write(here, "a.csv", false)), ErrorCode::Conflict);
        write(here, "a.csv", true).unwrap();
        assert_eq!(code(write(here, "none/a.csv", false)), ErrorCode::NotFound);
        fs::create_dir(here.join("folder")).unwrap();
        assert_eq!(code(write(here, "folder", true)), ErrorCode::Invalid);
        // What came there while it was written stays.
        let notes = tempfile::tempdir().unwrap();
        let output = Output { path: here.join("b.csv"), overwrite: None };
        let (_, writing) = output.begin(notes.path()).unwrap();
        fs::write(here.join("b.csv"), "precious").unwrap();
        assert_eq!(code(writing.finish()), ErrorCode::Conflict);
        assert_eq!(fs::read_to_string(here.join("b.csv")).unwrap(), "precious");
        assert_eq!(fs::read_dir(here).unwrap().count(), 3, "nothing half-written is left");
    }

    #[test]
    fn the_way_out_is_one_that_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "").unwrap();
        let hint = |overwrite| {
            let refused = Output { path: path.clone(), overwrite }.check().unwrap_err();
            refused.downcast::<ApiError>().unwrap().hint.unwrap()
        };
        assert!(hint(Some(false)).contains("--force"), "{}", hint(Some(false)));
        assert_eq!(hint(None), "Name another file, or delete this one first.");
    }

    #[cfg(unix)]
    #[test]
    fn rights_and_links_stay_and_pipes_are_not_replaced() {
        use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let rights = |name: &str| fs::metadata(here.join(name)).unwrap().permissions().mode() & 0o777;
        fs::write(here.join("usual"), "").unwrap();
        write(here, "new", false).unwrap();
        assert_eq!(rights("new"), rights("usual"));
        fs::set_permissions(here.join("new"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("new", here.join("link")).unwrap();
        assert_eq!(code(write(here, "link", false)), ErrorCode::Conflict);
        fs::write(here.join("new"), "old").unwrap();
        write(here, "link", true).unwrap();
        assert!(here.join("link").symlink_metadata().unwrap().is_symlink());
        assert_eq!((fs::read_to_string(here.join("new")).unwrap().as_str(), rights("new")), ("new", 0o640));

        symlink("nowhere", here.join("astray")).unwrap();
        assert_eq!(code(write(here, "astray", true)), ErrorCode::Invalid);
        assert!(std::process::Command::new("mkfifo").arg(here.join("pipe")).status().unwrap().success());
        assert_eq!(code(write(here, "pipe", true)), ErrorCode::Invalid);
        assert!(here.join("pipe").symlink_metadata().unwrap().file_type().is_fifo());
    }
}
