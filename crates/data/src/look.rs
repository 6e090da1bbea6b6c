//! What a folder or file turns out to be, before anything is stored.

use std::path::Path;

use api::{
    ApiError,
    config::{DataKind, ProjectFile},
    project::LookColumn,
};

use crate::error::DataError;

/// The part of [`api::project::Look`] that this room knows; the engine adds ids and TOML text.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    pub found: Vec<String>,
    pub problems: Vec<ApiError>,
    pub kind: DataKind,
    pub columns: Vec<LookColumn>,
    /// Name, paths, kind, target, ignored, timestamp; version 1 and no id.
    pub proposal: ProjectFile,
    pub size_bytes: u64,
    /// Where it was counted; a large file is only sampled.
    pub rows: Option<u64>,
}

/// Looks at a folder, a table or a folder of images. An error only where there is nothing at the
/// path or it can't be listed; what is wrong with single files stands in `problems`.
pub fn look(_path: &Path) -> Result<Looked, DataError> {
    todo!()
}
