//! Reads Arrow columns of whatever type a file, a client or a test sent as what a column's type
//! says, and names the canonical Arrow type of each.
//!
//! Leniency lives here once: an integer column that arrives as text is parsed, not refused; what
//! can't be parsed is missing. Precise errors about a client's JSON are made before, in `rows`.

use api::config::ColumnType;
use arrow_array::{
    Array, ArrayRef, RecordBatch, StringArray,
    cast::AsArray,
    types::{Float64Type, Int64Type, TimestampMillisecondType},
};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, TimeUnit};

/// The Arrow type of a column of this kind, in every record batch that we make. Images need a
/// shape: see [`crate::images::arrow_type`].
pub fn arrow_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Decimal => DataType::Float64,
        ColumnType::Datetime => DataType::Timestamp(TimeUnit::Millisecond, None),
        ColumnType::Category | ColumnType::Text | ColumnType::Image => DataType::Utf8,
    }
}

/// A column by name, or `None`.
pub(crate) fn find<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a ArrayRef> {
    batch.column_by_name(name)
}

/// Numbers, booleans as 0 and 1; NaN where missing or not finite.
pub fn numbers(array: &ArrayRef) -> Result<Vec<f64>, ArrowError> {
    let values: Vec<f64> = match array.data_type() {
        DataType::Float64 => {
            let column = array.as_primitive::<Float64Type>();
            if column.null_count() == 0 {
                column.values().to_vec()
            } else {
                column.iter().map(|value| value.unwrap_or(f64::NAN)).collect()
            }
        }
        DataType::Int64 => {
            array.as_primitive::<Int64Type>().iter().map(|value| value.map_or(f64::NAN, |value| value as f64)).collect()
        }
        DataType::Boolean => array.as_boolean().iter().map(|value| value.map_or(f64::NAN, f64::from)).collect(),
        _ => {
            let column = cast(array, &DataType::Float64)?;
            column.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect()
        }
    };
    Ok(values.into_iter().map(|value| if value.is_finite() { value } else { f64::NAN }).collect())
}

/// Like [`numbers`], for a boolean column: text such as "true" and "no" counts too.
pub fn booleans(array: &ArrayRef) -> Result<Vec<f64>, ArrowError> {
    if matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        return numbers(&cast(array, &DataType::Boolean)?);
    }
    numbers(array)
}

/// Text of categories; null where missing. Empty text is missing, as in a CSV file.
pub fn texts(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    match array.data_type() {
        DataType::Utf8 => Ok(array.as_string::<i32>().clone()),
        _ => Ok(cast(array, &DataType::Utf8)?.as_string::<i32>().clone()),
    }
}

/// Milliseconds since the epoch, UTC.
pub fn instants(array: &ArrayRef) -> Result<Vec<Option<i64>>, ArrowError> {
    let column = cast(array, &arrow_type(ColumnType::Datetime))?;
    Ok(column.as_primitive::<TimestampMillisecondType>().iter().collect())
}
