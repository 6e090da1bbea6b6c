//! The rows of a large table that are compared: evenly spread, bounded in memory, and said.

use std::path::Path;

use arrow_array::RecordBatch;

use crate::{
    error::{DataError, thousands},
    progress::{Progress, report},
    table,
};

/// Rows of a side that are compared at most.
pub const MOST_ROWS: u64 = 500_000;

/// A side to compare.
#[derive(Debug)]
pub struct Side {
    pub batches: Vec<RecordBatch>,
    /// Of the whole table.
    pub rows: u64,
    /// A sentence where only some of the rows were read.
    pub remark: Option<String>,
}

/// Reads a converted table, or every n-th batch of it where it has more than `most` rows; `name` is
/// what the remark calls it. Progress is in rows of the whole table.
pub fn read(parquet: &Path, name: &str, most: u64, progress: Progress<'_>) -> Result<Side, DataError> {
    let rows = table::describe(parquet)?.rows;
    let every = usize::try_from(rows.div_ceil(most.max(1)).max(1)).unwrap_or(usize::MAX);
    let mut batches: Vec<RecordBatch> = Vec::new();
    for (number, batch) in table::batches(parquet, None)?.enumerate() {
        let batch = batch?;
        report(progress, batch.num_rows() as u64)?;
        if number.is_multiple_of(every) {
            batches.push(batch);
        }
    }
    let read: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let remark = (read < rows).then(|| {
        format!("Of {name}, {} of {} rows were compared: every {}.", thousands(read), thousands(rows), ordinal(every))
    });
    Ok(Side { batches, rows, remark })
}

/// "2nd stretch of 8,192 rows".
fn ordinal(every: usize) -> String {
    let ending = match (every % 10, every % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{every}{ending} stretch of {} rows", thousands(table::BATCH_ROWS as u64))
}
