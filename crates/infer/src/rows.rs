//! Rows as JSON objects, to and from record batches: what HTTP, the command line and the form speak.
//!
//! Errors name the row, the column, what was expected and what was found; a wrong name gets the
//! nearest known one.

use std::sync::Arc;

use api::{
    config::ColumnType,
    model::{Input, Signature},
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMillisecondArray,
    cast::AsArray,
    types::{Float64Type, Int64Type, TimestampMillisecondType},
};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    columns,
    images::{self, Shape},
};

/// Why JSON rows are no input of a model. `row` counts from 0, as a client's array does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    #[error("row {row} has no value for \"{column}\", which the model needs: send it, as {expected}")]
    MissingColumn { row: usize, column: String, expected: String },
    #[error("row {row}, column \"{column}\": expected {expected}, found {found}")]
    WrongType { row: usize, column: String, expected: String, found: String },
    #[error("row {row} has the column \"{column}\", which the model does not know{}", nearest_sentence(.nearest))]
    UnknownColumn { row: usize, column: String, nearest: Option<String> },
    #[error("row {row} must be an object of column names and values, found {found}")]
    NotAnObject { row: usize, found: String },
    #[error("row {row}, column \"{column}\": the picture can't be used: {reason}")]
    Picture { row: usize, column: String, reason: String },
    #[error("the rows could not be put into columns: {0}")]
    Columns(String),
    #[error("reading the rows was stopped")]
    Stopped,
}

/// Asked before each picture, which may take a second to decode; `false` stops the reading.
pub type GoOn<'a> = &'a dyn Fn() -> bool;

fn nearest_sentence(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(|| ": leave it out".to_owned(), |nearest| format!(": did you mean \"{nearest}\"?"))
}

/// Rows (objects keyed by input name) as a batch in the signature's order and types.
pub fn from_json(signature: &Signature, rows: &[Value]) -> Result<RecordBatch, RowError> {
    from_json_while(signature, rows, &|| true)
}

/// The same for a caller whose time is limited; errs with `Stopped` where `go_on` says so.
pub fn from_json_while(signature: &Signature, rows: &[Value], go_on: GoOn<'_>) -> Result<RecordBatch, RowError> {
    let objects = rows
        .iter()
        .enumerate()
        .map(|(row, value)| value.as_object().ok_or_else(|| RowError::NotAnObject { row, found: found(value) }))
        .collect::<Result<Vec<_>, _>>()?;
    for (row, object) in objects.iter().enumerate() {
        known_columns(signature, row, object)?;
    }
    let mut fields = Vec::with_capacity(signature.inputs.len());
    let mut arrays = Vec::with_capacity(signature.inputs.len());
    for input in &signature.inputs {
        let cells = objects.iter().map(|object| object.get(&input.name).unwrap_or(&Value::Null));
        let array = column(input, cells, go_on)?;
        fields.push(Field::new(&input.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    batch(fields, arrays, rows.len()).map_err(|source| RowError::Columns(source.to_string()))
}

/// A batch's rows as objects. NaN and infinities, which JSON does not have, become null; instants
/// become RFC 3339 text; pixels become nested arrays.
pub fn to_json(batch: &RecordBatch) -> Result<Vec<Value>, ArrowError> {
    let mut rows = vec![Map::with_capacity(batch.num_columns()); batch.num_rows()];
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        for (row, value) in rows.iter_mut().zip(cells(array)?) {
            row.insert(field.name().clone(), value);
        }
    }
    Ok(rows.into_iter().map(Value::Object).collect())
}

/// One column from values in row order: how a signature's input is read from any protocol.
pub fn column<'a>(
    input: &Input,
    cells: impl Iterator<Item = &'a Value>,
    go_on: GoOn<'_>,
) -> Result<ArrayRef, RowError> {
    let cells = cells.enumerate().map(|(row, value)| {
        if value.is_null() && !input.optional {
            return Err(RowError::MissingColumn { row, column: input.name.clone(), expected: expected(input) });
        }
        Ok((row, value))
    });
    let wrong = |row: usize, value: &Value| RowError::WrongType {
        row,
        column: input.name.clone(),
        expected: expected(input),
        found: found(value),
    };
    Ok(match input.kind {
        ColumnType::Boolean => Arc::new(collect::<bool, BooleanArray>(cells, boolean, wrong)?),
        ColumnType::Integer => Arc::new(collect::<i64, Int64Array>(cells, integer, wrong)?),
        ColumnType::Decimal => Arc::new(collect::<f64, Float64Array>(cells, Value::as_f64, wrong)?),
        ColumnType::Datetime => Arc::new(collect::<i64, TimestampMillisecondArray>(cells, instant, wrong)?),
        ColumnType::Category | ColumnType::Text => Arc::new(collect::<String, StringArray>(cells, text, wrong)?),
        ColumnType::Image => return pictures(input, cells, go_on),
    })
}

fn collect<'a, T, A: FromIterator<Option<T>>>(
    cells: impl Iterator<Item = Result<(usize, &'a Value), RowError>>,
    read: impl Fn(&Value) -> Option<T>,
    wrong: impl Fn(usize, &Value) -> RowError,
) -> Result<A, RowError> {
    cells
        .map(|cell| match cell? {
            (_, Value::Null) => Ok(None),
            (row, value) => read(value).map(Some).ok_or_else(|| wrong(row, value)),
        })
        .collect()
}

fn known_columns(signature: &Signature, row: usize, object: &Map<String, Value>) -> Result<(), RowError> {
    for name in object.keys() {
        if !signature.inputs.iter().any(|input| input.name == *name) {
            return Err(RowError::UnknownColumn { row, column: name.clone(), nearest: nearest(signature, name) });
        }
    }
    Ok(())
}

/// The input whose name is nearest to a wrong one, where one is near at all.
pub fn nearest(signature: &Signature, name: &str) -> Option<String> {
    let likeness = |input: &Input| strsim::jaro_winkler(&input.name.to_lowercase(), &name.to_lowercase());
    let best = signature.inputs.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    (likeness(best) >= 0.7).then(|| best.name.clone())
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => None,
        },
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9.0e18).then_some(number as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(whole))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// RFC 3339, a date, a date and time (taken as UTC), or milliseconds since the epoch.
fn instant(value: &Value) -> Option<i64> {
    let Value::String(text) = value else { return value.as_i64() };
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(instant.as_millisecond());
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

fn pictures<'a>(
    input: &Input,
    cells: impl Iterator<Item = Result<(usize, &'a Value), RowError>>,
    go_on: GoOn<'_>,
) -> Result<ArrayRef, RowError> {
    let shape = Shape::from_slice(&input.shape).ok_or_else(|| {
        RowError::Columns(format!("the model's input \"{}\" has the impossible shape {:?}", input.name, input.shape))
    })?;
    let mut pixels = Vec::new();
    for cell in cells {
        let (row, value) = cell?;
        if !go_on() {
            return Err(RowError::Stopped);
        }
        let bad = |reason: String| RowError::Picture { row, column: input.name.clone(), reason };
        match value {
            Value::String(text) => {
                // A data URL is what browsers have at hand.
                let base64 = text
                    .strip_prefix("data:")
                    .and_then(|rest| rest.split_once(";base64,"))
                    .map_or(text.as_str(), |(_, data)| data);
                let bytes =
                    STANDARD.decode(base64.trim()).map_err(|source| bad(format!("it is not base64: {source}")))?;
                pixels.extend(images::decode(&bytes, shape).map_err(|source| bad(source.to_string()))?);
            }
            Value::Array(_) => {
                let from = pixels.len();
                flatten(value, &mut pixels)
                    .map_err(|found| bad(format!("expected numbers from 0 to 255, found {found}")))?;
                if pixels.len() - from != shape.values() {
                    return Err(bad(format!(
                        "expected {} numbers ({:?}), found {}",
                        shape.values(),
                        input.shape,
                        pixels.len() - from
                    )));
                }
            }
            other => {
                return Err(RowError::WrongType {
                    row,
                    column: input.name.clone(),
                    expected: expected(input),
                    found: found(other),
                });
            }
        }
    }
    Ok(images::column(pixels, shape))
}

fn flatten(value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| flatten(value, out)),
        _ => {
            let number = value.as_f64().filter(|number| (0.0..=255.0).contains(number)).ok_or_else(|| found(value))?;
            out.push(number.round() as u8);
            Ok(())
        }
    }
}

fn expected(input: &Input) -> String {
    match input.kind {
        ColumnType::Boolean => "true or false".into(),
        ColumnType::Integer => "a whole number".into(),
        ColumnType::Decimal => "a number".into(),
        ColumnType::Datetime => "a date and time such as \"2026-11-01T12:00:00Z\"".into(),
        ColumnType::Category | ColumnType::Text => match input.categories.first() {
            Some(category) => format!("text such as {category:?}"),
            None => "text".into(),
        },
        ColumnType::Image => {
            format!("a picture as base64 text of a PNG or JPEG file, or nested arrays of {:?}", input.shape)
        }
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if text.chars().count() > 40 => format!("text of {} characters", text.chars().count()),
        Value::String(text) => format!("the text {text:?}"),
        Value::Array(values) => format!("an array of {} values", values.len()),
        Value::Object(_) => "an object".into(),
    }
}

fn batch(fields: Vec<Field>, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new_with_options(
        Arc::new(Schema::new(fields)),
        arrays,
        &RecordBatchOptions::new().with_row_count(Some(rows)),
    )
}

fn cells(array: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    Ok(match array.data_type() {
        DataType::Boolean => array.as_boolean().iter().map(|value| json!(value)).collect(),
        DataType::Float64 => array.as_primitive::<Float64Type>().iter().map(|value| json!(value)).collect(),
        DataType::Int64 => array.as_primitive::<Int64Type>().iter().map(|value| json!(value)).collect(),
        DataType::Utf8 => array.as_string::<i32>().iter().map(|value| json!(value)).collect(),
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => {
            let instants = cast(array, &columns::arrow_type(ColumnType::Datetime))?;
            let rfc3339 =
                |instant: i64| jiff::Timestamp::from_millisecond(instant).ok().map(|instant| instant.to_string());
            instants
                .as_primitive::<TimestampMillisecondType>()
                .iter()
                .map(|value| json!(value.and_then(rfc3339)))
                .collect()
        }
        DataType::FixedSizeList(_, _) | DataType::List(_) => (0..array.len())
            .map(|row| {
                let values = array
                    .as_fixed_size_list_opt()
                    .map_or_else(|| array.as_list::<i32>().value(row), |list| list.value(row));
                Ok(Value::Array(cells(&values)?))
            })
            .collect::<Result<_, ArrowError>>()?,
        kind if kind.is_integer() => cells(&cast(array, &DataType::Int64)?)?,
        kind if kind.is_numeric() => cells(&cast(array, &DataType::Float64)?)?,
        _ => cells(&cast(array, &DataType::Utf8)?)?,
    })
}
