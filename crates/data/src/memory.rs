//! How much memory a training on a table will take, before it starts: what a queue admits by.
//!
//! A worker holds its training and validation rows as one matrix of f32, whatever the file was. So the
//! estimate is cells times bytes, and a base for the process. A test in `worker` holds it to within
//! twice of what is measured, either way.

use api::config::{ColumnType, ModelChoice};

/// The program, its libraries and what every training needs.
const BASE_BYTES: u64 = 48 << 20;
/// Categories that are coded; rarer ones share one code. As `infer` has it.
const CODED: u64 = 64;
/// Distinct values of a category that nobody has counted.
const UNKNOWN_DISTINCT: u64 = 16;
/// Parts of a datetime.
const PARTS: u64 = 5;
/// Targets, order, gradients and predictions.
const BYTES_PER_ROW: u64 = 64;
/// f32, and for trees the bin that it falls into.
const BYTES_PER_CELL: u64 = 4;
const BYTES_PER_TREE_CELL: u64 = 8;

/// One column that a model learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    pub kind: ColumnType,
    /// Where it is known.
    pub distinct: Option<u64>,
}

impl Feature {
    /// Columns of the matrix that it becomes at most.
    fn width(self, trees: bool) -> u64 {
        match self.kind {
            ColumnType::Boolean | ColumnType::Integer | ColumnType::Decimal if trees => 1,
            ColumnType::Boolean | ColumnType::Integer | ColumnType::Decimal => 2,
            ColumnType::Category if trees => 1,
            // "Other" and "missing" come beside the known ones.
            ColumnType::Category => self.distinct.unwrap_or(UNKNOWN_DISTINCT).min(CODED) + 2,
            ColumnType::Datetime if trees => PARTS,
            ColumnType::Datetime => PARTS + 1,
            ColumnType::Text | ColumnType::Image => 0,
        }
    }
}

/// Bytes that a worker will have resident at its peak, training on a table of so many rows.
pub fn of_table(model: ModelChoice, rows: u64, features: &[Feature]) -> u64 {
    let trees = matches!(model, ModelChoice::Trees | ModelChoice::Default);
    let width = features.iter().map(|feature| feature.width(trees)).sum::<u64>();
    let cell = if trees { BYTES_PER_TREE_CELL } else { BYTES_PER_CELL };
    BASE_BYTES.saturating_add(rows.saturating_mul(width.saturating_mul(cell).saturating_add(BYTES_PER_ROW)))
}
