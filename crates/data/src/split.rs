//! Which rows train, which validate, which test.

use std::path::Path;

use api::config::{DataConfig, SplitConfig, SplitMethod};

use crate::{error::DataError, split_record::SplitRecord};

/// The bytes of a parts file.
pub const TRAINING: u8 = 0;
pub const VALIDATION: u8 = 1;
pub const TEST: u8 = 2;
/// The target is missing there.
pub const LEFT_OUT: u8 = 3;

/// The part of each row, in the table's order, and the record that the next split inherits.
#[derive(Debug, Clone, PartialEq)]
pub struct Assigned {
    /// One byte a row.
    pub parts: Vec<u8>,
    pub record: SplitRecord,
    /// What `auto` became.
    pub method: SplitMethod,
    /// Rows by part: training, validation, test, left out.
    pub counts: [u64; 4],
    /// Rows whose part came from the previous record.
    pub inherited: u64,
    /// Sentences that the person should read ("412 rows have no target and are left out").
    pub notes: Vec<String>,
}

/// Assigns each row of a converted table (or image index) to a part. Equal rows (equal in all
/// columns; images: equal bytes) stay together, groups too; rows that `previous` knows keep their
/// part and only new ones are assigned. The same input and seed give the same parts.
pub fn assign(_parquet: &Path, _data: &DataConfig, _split: &SplitConfig, _previous: Option<&SplitRecord>) -> Result<Assigned, DataError> {
    todo!()
}

/// Writes the one-byte-a-row file of a plan: to a temporary name, synced, renamed.
pub fn write_parts(_path: &Path, _parts: &[u8]) -> Result<(), DataError> {
    todo!()
}

/// Reads a parts file.
pub fn read_parts(_path: &Path) -> Result<Vec<u8>, DataError> {
    todo!()
}
