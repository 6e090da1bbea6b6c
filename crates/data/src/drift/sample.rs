//! One column of one side, in the form that every test reads: sorted numbers, or counted values.

use std::collections::HashMap;

use api::config::ColumnType;
use arrow_array::{Array as _, ArrayRef, RecordBatch, cast::AsArray, types::Float64Type};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, TimeUnit};

use super::DriftError;

/// Values without what is missing (null, NaN, ±∞, as Evidently leaves them out).
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub rows: u64,
    pub missing: u64,
    pub values: Values,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Rising; dates are milliseconds since 1970.
    Numbers(Vec<f64>),
    /// Each distinct value once, in the order of its bytes.
    Categories(Vec<(String, u64)>),
}

impl Sample {
    /// The column `name` of all batches; `None` where a batch doesn't have it. Free text and images
    /// can't be compared: they are `None` too.
    pub fn read(batches: &[RecordBatch], name: &str, kind: ColumnType) -> Result<Option<Self>, DriftError> {
        match kind {
            ColumnType::Integer | ColumnType::Decimal | ColumnType::Datetime => Self::numbers(batches, name, kind),
            ColumnType::Boolean | ColumnType::Category => Self::categories(batches, name),
            ColumnType::Text | ColumnType::Image => Ok(None),
        }
    }

    fn numbers(batches: &[RecordBatch], name: &str, kind: ColumnType) -> Result<Option<Self>, DriftError> {
        let mut values = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
        let mut rows = 0;
        for batch in batches {
            let Some(array) = batch.column_by_name(name) else { return Ok(None) };
            let array = as_numbers(array, name, kind)?;
            rows += array.len() as u64;
            values.extend(array.as_primitive::<Float64Type>().iter().flatten().filter(|value| value.is_finite()));
        }
        values.sort_unstable_by(f64::total_cmp);
        Ok(Some(Self { rows, missing: rows - values.len() as u64, values: Values::Numbers(values) }))
    }

    fn categories(batches: &[RecordBatch], name: &str) -> Result<Option<Self>, DriftError> {
        let mut counts: HashMap<String, u64> = HashMap::new();
        let (mut rows, mut missing) = (0, 0);
        for batch in batches {
            let Some(array) = batch.column_by_name(name) else { return Ok(None) };
            let array = as_text(array, name)?;
            rows += array.len() as u64;
            // Counted by borrowed text first: one allocation a distinct value, not a row.
            let mut of_batch: HashMap<&str, u64> = HashMap::new();
            for value in array.as_string::<i32>() {
                match value {
                    Some(value) => *of_batch.entry(value).or_default() += 1,
                    None => missing += 1,
                }
            }
            for (value, count) in of_batch {
                match counts.get_mut(value) {
                    Some(total) => *total += count,
                    None => {
                        counts.insert(value.to_owned(), count);
                    }
                }
            }
        }
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_unstable();
        Ok(Some(Self { rows, missing, values: Values::Categories(counts) }))
    }

    /// Rows that have a value.
    pub const fn present(&self) -> u64 {
        self.rows - self.missing
    }

    pub fn missing_share(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.missing as f64 / self.rows as f64 }
    }
}

/// A column of numbers or moments as `Float64`; moments are milliseconds since 1970.
pub(super) fn as_numbers(array: &ArrayRef, name: &str, kind: ColumnType) -> Result<ArrayRef, DriftError> {
    let cast_all = || -> Result<_, ArrowError> {
        if kind == ColumnType::Datetime && !array.data_type().is_numeric() {
            let moment = cast(array, &DataType::Timestamp(TimeUnit::Millisecond, None))?;
            return cast(&cast(&moment, &DataType::Int64)?, &DataType::Float64);
        }
        cast(array, &DataType::Float64)
    };
    cast_all().map_err(|source| DriftError::Column { column: name.to_owned(), expected: "numbers", source })
}

/// A column of categories as `Utf8`.
pub(super) fn as_text(array: &ArrayRef, name: &str) -> Result<ArrayRef, DriftError> {
    cast(array, &DataType::Utf8).map_err(|source| DriftError::Column {
        column: name.to_owned(),
        expected: "text",
        source,
    })
}

/// Distinct numbers with their counts.
pub fn counted(sorted: &[f64]) -> Vec<(f64, u64)> {
    sorted.chunk_by(|a, b| a == b).map(|chunk| (chunk[0], chunk.len() as u64)).collect()
}

/// Two counted lists over the keys of both: `(keys, reference, current)`, in the keys' order.
pub fn aligned<K: PartialOrd + Clone>(reference: &[(K, u64)], current: &[(K, u64)]) -> (Vec<K>, Vec<u64>, Vec<u64>) {
    let (mut keys, mut left, mut right) = (Vec::new(), Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < reference.len() || j < current.len() {
        let take_left = j == current.len() || (i < reference.len() && reference[i].0 <= current[j].0);
        let take_right = i == reference.len() || (j < current.len() && current[j].0 <= reference[i].0);
        keys.push(if take_left { reference[i].0.clone() } else { current[j].0.clone() });
        left.push(if take_left { reference[i].1 } else { 0 });
        right.push(if take_right { current[j].1 } else { 0 });
        i += usize::from(take_left);
        j += usize::from(take_right);
    }
    (keys, left, right)
}
