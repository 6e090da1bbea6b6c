//! Applying a fitted record to rows: column by column into the row-major matrix.

use std::collections::HashMap;

use api::config::ColumnType;
use arrow_array::{Array, ArrayRef, RecordBatch};

use super::{ColumnRule, DATETIME_PARTS, Matrix, Mode, Preprocessing, PreprocessingError, Rule};
use crate::{columns, images};

impl Preprocessing {
    /// Turns raw rows into features. Columns are found by name; further columns are ignored. A
    /// column that is optional may be absent.
    pub fn apply(&self, batch: &RecordBatch) -> Result<Matrix, PreprocessingError> {
        let (rows, width) = (batch.num_rows(), self.width());
        let mut matrix = Matrix { values: vec![0.0; rows * width], rows, width };
        let mut offset = 0;
        for column in &self.columns {
            let values = columns::find(batch, &column.name);
            if values.is_none() && !column.optional {
                return Err(PreprocessingError::MissingColumn(column.name.clone()));
            }
            column.apply(values, self.mode, offset, &mut matrix)?;
            offset += column.width(self.mode);
        }
        Ok(matrix)
    }
}

/// The parts of an instant, in the order of [`DATETIME_PARTS`]; `None` out of the calendar's range.
pub(super) fn parts(instant_ms: i64, origin_ms: i64) -> Option<[f64; DATETIME_PARTS.len()]> {
    let at = jiff::Timestamp::from_millisecond(instant_ms).ok()?.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let days = (instant_ms as f64 - origin_ms as f64) / 86_400_000.0;
    Some([
        f64::from(at.year()),
        f64::from(at.month()),
        f64::from(at.weekday().to_monday_zero_offset()),
        f64::from(at.hour()),
        days,
    ])
}

/// The largest feature either way. Not f32's own: sums of features, and a split's border beyond the
/// largest value, have to stay finite too.
const LARGEST: f32 = 1e30;

/// f32 within what a model computes with: a value beyond becomes the largest.
fn narrow(value: f64) -> f32 {
    (value as f32).clamp(-LARGEST, LARGEST)
}

impl ColumnRule {
    fn apply(
        &self,
        values: Option<&ArrayRef>,
        mode: Mode,
        offset: usize,
        matrix: &mut Matrix,
    ) -> Result<(), PreprocessingError> {
        match &self.rule {
            Rule::Number { median, mean, std, .. } => {
                self.apply_number(values, mode, offset, matrix, (*median, *mean, *std))
            }
            Rule::Category { known } => self.apply_category(values, mode, offset, matrix, known),
            Rule::Datetime { origin_ms, parts, .. } => {
                self.apply_datetime(values, mode, offset, matrix, (*origin_ms, parts))
            }
            Rule::Image(shape) => self.apply_image(values, offset, matrix, *shape),
            Rule::Empty => Ok(()),
        }
    }

    fn unreadable(&self, source: arrow_schema::ArrowError) -> PreprocessingError {
        PreprocessingError::Unreadable { column: self.name.clone(), kind: self.kind, source }
    }

    fn apply_number(
        &self,
        values: Option<&ArrayRef>,
        mode: Mode,
        offset: usize,
        matrix: &mut Matrix,
        (median, mean, std): (f64, f64, f64),
    ) -> Result<(), PreprocessingError> {
        let values = match values {
            Some(values) if self.kind == ColumnType::Boolean => columns::booleans(values),
            Some(values) => columns::numbers(values),
            None => Ok(vec![f64::NAN; matrix.rows]),
        }
        .map_err(|source| self.unreadable(source))?;
        let cells = matrix.values.chunks_exact_mut(matrix.width);
        for (value, row) in values.into_iter().zip(cells) {
            let missing = value.is_nan();
            match mode {
                Mode::Trees => row[offset] = if missing { f32::NAN } else { narrow(value) },
                Mode::Scaled | Mode::Images(_) => {
                    let value = if missing { median } else { value };
                    let distance = value - mean;
                    let scaled = if distance.is_finite() { distance / std } else { value / std - mean / std };
                    row[offset] = narrow(scaled);
                    if missing && self.optional {
                        row[offset + 1] = 1.0;
                    }
                }
            }
        }
        Ok(())
    }

    fn apply_category(
        &self,
        values: Option<&ArrayRef>,
        mode: Mode,
        offset: usize,
        matrix: &mut Matrix,
        known: &[String],
    ) -> Result<(), PreprocessingError> {
        let own = if mode == Mode::Scaled { self.one_hot(known) } else { known };
        // Making a table of a thousand categories costs more than looking a few rows up one by one.
        let table = (matrix.rows * 4 > own.len()).then(|| {
            own.iter().enumerate().map(|(code, value)| (value.as_str(), code)).collect::<HashMap<&str, usize>>()
        });
        let code_of = |text: &str| match &table {
            Some(table) => table.get(text).copied(),
            None => own.iter().position(|value| value == text),
        };
        let texts = values.map(columns::texts).transpose().map_err(|source| self.unreadable(source))?;
        for (index, row) in matrix.values.chunks_exact_mut(matrix.width).enumerate() {
            let text = texts
                .as_ref()
                .and_then(|texts| texts.is_valid(index).then(|| texts.value(index)))
                .filter(|text| !text.is_empty());
            let code = text.map(|text| code_of(text).unwrap_or(own.len()));
            match (mode, code) {
                (Mode::Trees, Some(code)) => row[offset] = code as f32,
                (Mode::Trees, None) => row[offset] = f32::NAN,
                (_, Some(code)) => row[offset + code] = 1.0,
                // Behind the known ones and "other" stands "missing", where training had it.
                (_, None) => row[offset + own.len() + usize::from(self.optional)] = 1.0,
            }
        }
        Ok(())
    }

    fn apply_datetime(
        &self,
        values: Option<&ArrayRef>,
        mode: Mode,
        offset: usize,
        matrix: &mut Matrix,
        (origin_ms, scales): (i64, &[(f64, f64); DATETIME_PARTS.len()]),
    ) -> Result<(), PreprocessingError> {
        let instants = match values {
            Some(values) => columns::instants(values).map_err(|source| self.unreadable(source))?,
            None => vec![None; matrix.rows],
        };
        for (instant, row) in instants.into_iter().zip(matrix.values.chunks_exact_mut(matrix.width)) {
            let cells = &mut row[offset..];
            match (instant.and_then(|instant| parts(instant, origin_ms)), mode) {
                (Some(parts), Mode::Trees) => cells.iter_mut().zip(parts).for_each(|(cell, part)| *cell = narrow(part)),
                (None, Mode::Trees) => cells[..scales.len()].fill(f32::NAN),
                (Some(parts), _) => {
                    for ((cell, part), (mean, std)) in cells.iter_mut().zip(parts).zip(scales) {
                        *cell = narrow((part - mean) / std);
                    }
                }
                // The mean of each part is 0 after scaling: the cells are already that.
                (None, _) if self.optional => cells[scales.len()] = 1.0,
                (None, _) => {}
            }
        }
        Ok(())
    }

    fn apply_image(
        &self,
        values: Option<&ArrayRef>,
        offset: usize,
        matrix: &mut Matrix,
        shape: images::Shape,
    ) -> Result<(), PreprocessingError> {
        let picture = || PreprocessingError::Picture { column: self.name.clone(), shape };
        let pixels = values.and_then(|values| images::pixels(values, shape)).ok_or_else(picture)?;
        let plane = shape.height * shape.width;
        for (picture, row) in pixels.chunks_exact(shape.values()).zip(matrix.values.chunks_exact_mut(matrix.width)) {
            for (at, pixel) in picture.chunks_exact(shape.channels).enumerate() {
                for (channel, value) in pixel.iter().enumerate() {
                    row[offset + channel * plane + at] = f32::from(*value) / 255.0;
                }
            }
        }
        Ok(())
    }
}
