//! A window into the rows of a table, as text.

use std::path::Path;

use api::{
    config::DataConfig,
    dataset::{Column, Preview},
};

use crate::{
    column::{self, Values},
    error::DataError,
    table,
};

/// More than fits any screen; a larger limit is cut to it.
const MOST_ROWS: u32 = 10_000;

/// Rows `offset .. offset + limit` of a converted table. Row groups and pages before the offset
/// are never decoded, so that the last rows of millions come as fast as the first.
pub fn rows(parquet: &Path, config: &DataConfig, offset: u64, limit: u32) -> Result<Preview, DataError> {
    let described = table::describe(parquet)?;
    let columns = described
        .columns
        .into_iter()
        .map(|(name, kind)| Column { role: column::role(&name, config), name, kind })
        .collect();
    let mut preview = Preview { columns, total_rows: described.rows, offset, rows: Vec::new() };
    if offset >= described.rows || limit == 0 {
        return Ok(preview);
    }
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    for batch in table::window(parquet, None, start, Some(limit.min(MOST_ROWS) as usize))? {
        let batch = batch?;
        let values: Vec<_> = batch.columns().iter().map(Values::of).collect();
        for row in 0..batch.num_rows() {
            preview
                .rows
                .push(values.iter().map(|values| values.as_ref().and_then(|values| values.text(row))).collect());
        }
    }
    Ok(preview)
}
