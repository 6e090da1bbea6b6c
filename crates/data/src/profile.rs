//! Every column measured in one streaming pass.

use std::path::Path;

use api::{config::DataConfig, dataset::Profile};

use crate::{error::DataError, progress::Progress};

/// Measures a converted table with the roles, target and sensitive columns of `config`.
/// Progress is in rows.
pub fn profile(_parquet: &Path, _config: &DataConfig, _progress: Progress<'_>) -> Result<Profile, DataError> {
    todo!()
}
