//! Which rows stand in a part of a column's values: from a bar of a distribution back to what was counted in it.

use api::{
    config::ColumnType,
    drift::{ColumnDrift, Distribution},
    monitor::ColumnPart,
};
use arrow_array::{Array as _, RecordBatch, cast::AsArray, types::Float64Type};

use super::{
    DriftError, describe,
    sample::{as_numbers, as_text},
};

/// For each row of a batch whether its value is in that part of a compared column; `None` where the batch
/// doesn't have the column. Without a distribution no row is in a bar.
pub fn rows_in(batch: &RecordBatch, column: &ColumnDrift, part: ColumnPart) -> Result<Option<Vec<bool>>, DriftError> {
    let Some(array) = batch.column_by_name(&column.column) else { return Ok(None) };
    let wanted = match (part, &column.distribution) {
        (ColumnPart::Missing, _) | (_, None) => Vec::new(),
        (ColumnPart::Bar { bar }, Some(distribution)) => one_bar(distribution, bar as usize),
        (ColumnPart::Unseen, Some(distribution)) => unseen(distribution),
    };
    let missing = part == ColumnPart::Missing;
    let is_in = |bar: Option<usize>| bar.is_some_and(|bar| wanted.get(bar) == Some(&true));
    Ok(Some(match column.kind {
        ColumnType::Integer | ColumnType::Decimal | ColumnType::Datetime => {
            let numbers = as_numbers(array, &column.column, column.kind)?;
            let of = |value: f64| column.distribution.as_ref().and_then(|bars| bar_of_number(bars, value));
            let numbers = numbers.as_primitive::<Float64Type>().iter();
            numbers
                .map(|value| match value.filter(|value| value.is_finite()) {
                    Some(value) => !missing && is_in(of(value)),
                    None => missing,
                })
                .collect()
        }
        ColumnType::Boolean | ColumnType::Category => {
            let text = as_text(array, &column.column)?;
            let of = |value: &str| column.distribution.as_ref().and_then(|bars| bar_of_text(bars, value));
            let text = text.as_string::<i32>().iter();
            text.map(|value| value.map_or(missing, |value| !missing && is_in(of(value)))).collect()
        }
        ColumnType::Text | ColumnType::Image => (0..array.len()).map(|row| missing && array.is_null(row)).collect(),
    }))
}

/// How many bars a distribution has.
pub fn bars(distribution: &Distribution) -> usize {
    match distribution {
        Distribution::Numeric { current, .. } => current.counts.len(),
        Distribution::Categories { values, .. } => values.len(),
    }
}

/// The bar, with those that have its name: numbers that read alike can't be told apart.
fn one_bar(distribution: &Distribution, bar: usize) -> Vec<bool> {
    match distribution {
        Distribution::Numeric { current, .. } => (0..current.counts.len()).map(|other| other == bar).collect(),
        Distribution::Categories { values, .. } => values.iter().map(|value| values.get(bar) == Some(value)).collect(),
    }
}

fn unseen(distribution: &Distribution) -> Vec<bool> {
    match distribution {
        Distribution::Numeric { reference, .. } => reference.counts.iter().map(|count| *count == 0).collect(),
        Distribution::Categories { values, reference, .. } => {
            let seen = |name: &String| values.iter().zip(reference).any(|(value, count)| value == name && *count > 0);
            values.iter().map(|value| !seen(value)).collect()
        }
    }
}

/// Half-open bins, the last one closed, what lies outside in the outermost: as [`describe::distribution`] counts.
fn bar_of_number(distribution: &Distribution, value: f64) -> Option<usize> {
    match distribution {
        Distribution::Numeric { current, .. } => {
            let last = current.counts.len().checked_sub(1)?;
            Some(current.edges.partition_point(|edge| *edge <= value).saturating_sub(1).min(last))
        }
        Distribution::Categories { values, .. } => {
            let name = describe::number(value);
            values.iter().position(|value| *value == name)
        }
    }
}

/// A value that is not named is one of the others, which stand last.
fn bar_of_text(distribution: &Distribution, value: &str) -> Option<usize> {
    match distribution {
        Distribution::Numeric { .. } => None,
        Distribution::Categories { values, .. } => {
            let wanted = describe::named(value);
            values.iter().position(|name| *name == wanted).or_else(|| values.len().checked_sub(1))
        }
    }
}
