//! Files that are there whole or not at all.

use std::{fs::File, path::Path};

use crate::error::DataError;

/// Lets `write` fill a file under a temporary name beside `path`, syncs it, and renames it last: a
/// crash leaves the old file, or none.
pub(crate) fn write(path: &Path, write: impl FnOnce(&File) -> Result<(), DataError>) -> Result<(), DataError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(DataError::io("make the folder", folder))?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = path.with_file_name(name);
    let result = File::create(&partial).map_err(DataError::io("write", &partial)).and_then(|file| {
        write(&file)?;
        file.sync_all().map_err(DataError::io("write", &partial))
    });
    match result {
        Ok(()) => std::fs::rename(&partial, path).map_err(DataError::io("write", path)),
        Err(error) => {
            // The first error is the one to tell; a leftover is overwritten by the next attempt.
            let _ = std::fs::remove_file(&partial);
            Err(error)
        }
    }
}
