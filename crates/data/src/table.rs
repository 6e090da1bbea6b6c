//! Files in, one typed Parquet out: the cache form of a snapshot that every later step reads.

use std::path::Path;

use api::config::{ColumnType, DataConfig};
use arrow_array::RecordBatch;

use crate::{error::DataError, progress::Progress, scan::ScannedFile};

/// What became of the files.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    pub columns: Vec<(String, ColumnType)>,
    pub rows: u64,
    /// How the files were read, as sentences; they are kept in the Parquet file too.
    pub notes: Vec<String>,
}

/// Reads all files as one table, finds each column's type over all rows, and writes the typed
/// Parquet form: equal input gives equal bytes. Files must have the same columns (in any order).
/// Memory is bounded by the batch. Progress is in bytes read, each file twice.
pub fn convert(_files: &[ScannedFile], _config: &DataConfig, _out_parquet: &Path, _progress: Progress<'_>) -> Result<Converted, DataError> {
    todo!()
}

/// Columns, rows and reading notes of a converted table, from its footer alone.
pub fn describe(_parquet: &Path) -> Result<Converted, DataError> {
    todo!()
}

/// The rows of a converted table in order, as batches of at most 8,192 rows; all columns, or the
/// named ones in the table's order.
pub fn batches(_parquet: &Path, _columns: Option<&[&str]>) -> Result<Batches, DataError> {
    todo!()
}

/// See [`batches`].
pub struct Batches {}

impl Iterator for Batches {
    type Item = Result<RecordBatch, DataError>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}
