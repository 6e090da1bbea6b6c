//! Folders of images by class.

use std::path::Path;

use crate::{error::DataError, progress::Progress, scan::ScannedFile, table::Converted};

/// The images of a dataset, sorted by path.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageIndex {
    pub entries: Vec<ImageEntry>,
    /// Sorted.
    pub classes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ImageEntry {
    /// Relative to the folder, with forward slashes: "7/0042.png".
    pub path: String,
    pub class: String,
    pub width: u32,
    pub height: u32,
    /// BLAKE3 of the file's bytes, in hexadecimal: equal images stay in one part of a split.
    pub content: String,
}

/// Finds the images below `folder`, whose first level is the classes, and decodes each once.
/// Progress is in images.
pub fn index(_folder: &Path, _progress: Progress<'_>) -> Result<ImageIndex, DataError> {
    todo!()
}

/// The same for files that `scan::files` found: the class is the name of an image's own folder,
/// `path` is the scanned name. Made for snapshots of `paths = ["images"]` and of several folders.
pub fn index_files(_files: &[ScannedFile], _progress: Progress<'_>) -> Result<ImageIndex, DataError> {
    todo!()
}

/// Writes the index as a table, so that preview, profile and split work on images too: columns
/// `image` (its path), the target (the class; named `target`), `width`, `height`, `content`.
pub fn to_parquet(_index: &ImageIndex, _target: &str, _out_parquet: &Path) -> Result<Converted, DataError> {
    todo!()
}
