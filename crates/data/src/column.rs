//! The typed form of a column: which Arrow type stands for which [`ColumnType`], how a cell is
//! shown, and which role the project's file gives it.
//!
//! Every table of Slipway, once converted, has only these Arrow types: boolean `Boolean`, integer
//! `Int64`, decimal `Float64`, datetime `Timestamp(Millisecond)` in UTC, and category, text and
//! image (its path) `Utf8`. Null is missing. The kind stands in the field's metadata.

use std::collections::HashMap;

use api::{
    config::{ColumnType, DataConfig, DataKind},
    dataset::Role,
    evaluation::Task,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMillisecondArray,
    cast::AsArray,
    types::{Float64Type, Int64Type, TimestampMillisecondType},
};
use arrow_schema::{DataType, Field, TimeUnit};

use crate::images;

const KIND: &str = "slipway:kind";

/// The Arrow type that stands for a kind.
pub fn arrow_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Decimal => DataType::Float64,
        ColumnType::Datetime => DataType::Timestamp(TimeUnit::Millisecond, None),
        ColumnType::Category | ColumnType::Text | ColumnType::Image => DataType::Utf8,
    }
}

/// A nullable field of that kind.
pub fn field(name: &str, kind: ColumnType) -> Field {
    Field::new(name, arrow_type(kind), true).with_metadata(HashMap::from([(KIND.to_owned(), kind.word().to_owned())]))
}

/// The kind of a field that [`field`] made; of a foreign one, what its Arrow type says.
pub fn kind(field: &Field) -> ColumnType {
    match field.metadata().get(KIND).and_then(|word| from_word(word)) {
        Some(kind) => kind,
        None => match field.data_type() {
            DataType::Boolean => ColumnType::Boolean,
            DataType::Int64 => ColumnType::Integer,
            DataType::Float64 => ColumnType::Decimal,
            DataType::Timestamp(..) => ColumnType::Datetime,
            _ => ColumnType::Category,
        },
    }
}

/// What `slipway.toml` makes of a column.
pub fn role(name: &str, config: &DataConfig) -> Role {
    let is = |named: &Option<String>| named.as_deref() == Some(name);
    if is(&config.target) {
        Role::Target
    } else if is(&config.timestamp) {
        Role::Timestamp
    } else if is(&config.group) {
        Role::Group
    } else if config.ignore.iter().any(|ignored| ignored == name)
        || (config.kind == DataKind::Images && name != images::IMAGE)
    {
        // Of an index of images only the picture itself is learned from; its size and its hash are
        // for people and splits.
        Role::Ignored
    } else {
        Role::Feature
    }
}

/// Up to this many integers are classes.
const MOST_INTEGER_CLASSES: u64 = 20;

/// What predicting a column means: two values make two classes; text, booleans and a few integers
/// make classes; other numbers are a regression.
pub fn task(kind: ColumnType, distinct: u64) -> Task {
    match kind {
        _ if distinct == 2 => Task::BinaryClassification,
        ColumnType::Decimal | ColumnType::Datetime => Task::Regression,
        ColumnType::Integer if distinct > MOST_INTEGER_CLASSES => Task::Regression,
        _ => Task::MulticlassClassification,
    }
}

/// The columns of a table in its typed form, one variant a storage type.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    Boolean(&'a BooleanArray),
    Integer(&'a Int64Array),
    Decimal(&'a Float64Array),
    Datetime(&'a TimestampMillisecondArray),
    Text(&'a StringArray),
}

impl<'a> Values<'a> {
    /// `None` for an array that is not of the typed form.
    pub fn of(array: &'a ArrayRef) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            DataType::Int64 => Values::Integer(array.as_primitive::<Int64Type>()),
            DataType::Float64 => Values::Decimal(array.as_primitive::<Float64Type>()),
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                Values::Datetime(array.as_primitive::<TimestampMillisecondType>())
            }
            DataType::Utf8 => Values::Text(array.as_string::<i32>()),
            _ => return None,
        })
    }

    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Values::Boolean(array) => array.is_null(row),
            Values::Integer(array) => array.is_null(row),
            Values::Decimal(array) => array.is_null(row),
            Values::Datetime(array) => array.is_null(row),
            Values::Text(array) => array.is_null(row),
        }
    }

    /// The cell as text, ready to show; `None` is missing.
    pub fn text(&self, row: usize) -> Option<String> {
        if self.is_missing(row) {
            return None;
        }
        Some(match self {
            Values::Boolean(array) => array.value(row).to_string(),
            Values::Integer(array) => array.value(row).to_string(),
            Values::Decimal(array) => array.value(row).to_string(),
            Values::Datetime(array) => crate::datetime::show(array.value(row)),
            Values::Text(array) => array.value(row).to_owned(),
        })
    }

    /// The cell as a number (booleans 0 and 1, datetimes in milliseconds); `None` for text or missing.
    pub fn number(&self, row: usize) -> Option<f64> {
        if self.is_missing(row) {
            return None;
        }
        match self {
            Values::Boolean(array) => Some(f64::from(u8::from(array.value(row)))),
            Values::Integer(array) => Some(array.value(row) as f64),
            Values::Decimal(array) => Some(array.value(row)),
            Values::Datetime(array) => Some(array.value(row) as f64),
            Values::Text(_) => None,
        }
    }
}

fn from_word(text: &str) -> Option<ColumnType> {
    ColumnType::ALL.into_iter().find(|kind| kind.word() == text)
}
