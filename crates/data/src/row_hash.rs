//! Equal rows have equal hashes, in this snapshot and in every later one.
//!
//! A row's hash is over the text of its cells and the names of its columns in alphabetical order:
//! a column that is moved, or an integer column that becomes one of decimals when a file is added
//! (`3` and `3.0` are written alike), leaves the hashes of old rows as they were.

use arrow_array::RecordBatch;
use arrow_schema::Schema;

use crate::column::Values;

/// 128 bits: among 10⁹ rows two different ones are equal with a chance below 10⁻²⁰.
pub type RowHash = u128;

/// The order in which a table's columns enter the hash.
pub struct RowHasher {
    order: Vec<usize>,
    names: Vec<String>,
}

impl RowHasher {
    /// Over the columns that `wanted` keeps.
    pub fn new(schema: &Schema, wanted: impl Fn(&str) -> bool) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let mut order: Vec<usize> = (0..names.len()).filter(|index| wanted(&names[*index])).collect();
        order.sort_by(|left, right| names[*left].cmp(&names[*right]));
        Self { order, names }
    }

    /// The hash of each row, in order.
    pub fn hashes(&self, batch: &RecordBatch) -> Vec<RowHash> {
        let values: Vec<Option<Values<'_>>> = batch.columns().iter().map(Values::of).collect();
        let mut bytes = Vec::with_capacity(256);
        (0..batch.num_rows())
            .map(|row| {
                bytes.clear();
                for index in &self.order {
                    if let Some(values) = &values[*index] {
                        append(&mut bytes, &self.names[*index], values, row);
                    }
                }
                digest(&bytes)
            })
            .collect()
    }
}

/// A missing cell adds nothing, so that a column that is added later and empty in old rows changes
/// none of them.
fn append(bytes: &mut Vec<u8>, name: &str, values: &Values<'_>, row: usize) {
    if values.is_missing(row) {
        return;
    }
    bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
    bytes.extend_from_slice(name.as_bytes());
    match values {
        Values::Text(array) => {
            let text = array.value(row).as_bytes();
            bytes.push(b't');
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text);
        }
        Values::Integer(array) => {
            let value = array.value(row);
            // Integers that a decimal holds exactly hash as that decimal.
            if value.unsigned_abs() <= 1 << 53 { decimal(bytes, value as f64) } else { other(bytes, b'i', value) }
        }
        Values::Decimal(array) => decimal(bytes, array.value(row)),
        Values::Datetime(array) => other(bytes, b'd', array.value(row)),
        Values::Boolean(array) => other(bytes, b'b', i64::from(array.value(row))),
    }
}

fn decimal(bytes: &mut Vec<u8>, value: f64) {
    // 0.0 and -0.0 are one value.
    let value = if value == 0.0 { 0.0 } else { value };
    bytes.push(b'n');
    bytes.extend_from_slice(&value.to_le_bytes());
}

fn other(bytes: &mut Vec<u8>, kind: u8, value: i64) {
    bytes.push(kind);
    bytes.extend_from_slice(&value.to_le_bytes());
}

fn digest(bytes: &[u8]) -> RowHash {
    let mut first = [0; 16];
    first.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    u128::from_le_bytes(first)
}
