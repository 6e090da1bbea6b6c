//! The record of a split, which later runs inherit.

use std::path::Path;
use crate::error::DataError;

/// Which part each known row (or group) belongs to, by hash. Two records of one project and one
/// set of split settings are one growing record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SplitRecord {
    pub(crate) parts: std::collections::HashMap<u128, u8>,
}

impl SplitRecord {
    pub fn read(_path: &Path) -> Result<Self, DataError> { todo!() }
    /// Written to a temporary name, synced, renamed; equal records have equal bytes.
    pub fn write(&self, _path: &Path) -> Result<(), DataError> { todo!() }
    pub fn len(&self) -> usize { self.parts.len() }
    pub fn is_empty(&self) -> bool { self.parts.is_empty() }
}
