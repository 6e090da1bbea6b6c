//! A window into the rows of a table, as text.

use std::path::Path;

use api::{
    config::{ColumnType, DataConfig},
    dataset::{Column, Preview},
};
use arrow_array::{Array as _, RecordBatch};

use crate::{
    column::{self, Values},
    datetime,
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
        preview.rows.extend(cells(&batch?, &preview.columns));
    }
    Ok(preview)
}

/// The cells of `columns` as text, a line a row; missing throughout where the batch has no such column. Whole
/// numbers that are said to be moments are milliseconds since 1970.
pub fn cells(batch: &RecordBatch, columns: &[Column]) -> Vec<Vec<Option<String>>> {
    let values: Vec<_> =
        columns.iter().map(|column| (column.kind, batch.column_by_name(&column.name).and_then(Values::of))).collect();
    let cell = |(kind, values): &(ColumnType, Option<Values<'_>>), row: usize| match (kind, values.as_ref()?) {
        (ColumnType::Datetime, Values::Integer(array)) => {
            (!array.is_null(row)).then(|| datetime::show(array.value(row)))
        }
        (_, values) => values.text(row),
    };
    (0..batch.num_rows()).map(|row| values.iter().map(|values| cell(values, row)).collect()).collect()
}
