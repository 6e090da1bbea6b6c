//! Text cells in, a typed Arrow array out.

use std::sync::Arc;

use arrow_array::{
    ArrayRef,
    builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder},
};

use crate::{
    datetime,
    typing::{self, Reading},
};

/// One column of the batch under construction.
pub(crate) struct ColumnBuilder {
    reading: Reading,
    values: Values,
}

enum Values {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Decimal(Float64Builder),
    Datetime(TimestampMillisecondBuilder),
    Text(StringBuilder),
}

/// The cell is not what the column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misfit;

impl ColumnBuilder {
    pub(crate) fn new(reading: Reading) -> Self {
        let values = match reading {
            Reading::Boolean => Values::Boolean(BooleanBuilder::new()),
            Reading::Integer => Values::Integer(Int64Builder::new()),
            Reading::Decimal | Reading::DecimalComma => Values::Decimal(Float64Builder::new()),
            Reading::Datetime(_) | Reading::EpochSeconds | Reading::EpochMilliseconds => {
                Values::Datetime(TimestampMillisecondBuilder::new())
            }
            Reading::Category | Reading::Text | Reading::Image => Values::Text(StringBuilder::new()),
        };
        Self { reading, values }
    }

    pub(crate) fn push_missing(&mut self) {
        match &mut self.values {
            Values::Boolean(builder) => builder.append_null(),
            Values::Integer(builder) => builder.append_null(),
            Values::Decimal(builder) => builder.append_null(),
            Values::Datetime(builder) => builder.append_null(),
            Values::Text(builder) => builder.append_null(),
        }
    }

    pub(crate) fn push(&mut self, cell: &str) -> Result<(), Misfit> {
        if typing::is_missing(cell) {
            self.push_missing();
            return Ok(());
        }
        let trimmed = cell.trim();
        match &mut self.values {
            Values::Boolean(builder) => builder.append_value(typing::boolean(trimmed).ok_or(Misfit)?),
            Values::Integer(builder) => builder.append_value(integer(trimmed).ok_or(Misfit)?),
            Values::Decimal(builder) if self.reading == Reading::DecimalComma => {
                builder.append_value(typing::decimal_comma(trimmed).ok_or(Misfit)?);
            }
            Values::Decimal(builder) => {
                builder.append_value(trimmed.parse::<f64>().ok().filter(|value| !value.is_nan()).ok_or(Misfit)?)
            }
            Values::Datetime(builder) => builder.append_value(moment(trimmed, self.reading).ok_or(Misfit)?),
            // As it stands, with its spaces: what a model sees is what the file says.
            Values::Text(builder) => builder.append_value(cell),
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Boolean(builder) => Arc::new(builder.finish()),
            Values::Integer(builder) => Arc::new(builder.finish()),
            Values::Decimal(builder) => Arc::new(builder.finish()),
            Values::Datetime(builder) => Arc::new(builder.finish()),
            Values::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Where a person asked for integers, `3.0` and `007` are some too.
fn integer(cell: &str) -> Option<i64> {
    cell.parse().ok().or_else(|| {
        let value = cell.parse::<f64>().ok()?;
        (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
    })
}

fn moment(cell: &str, reading: Reading) -> Option<i64> {
    match reading {
        Reading::Datetime(order) => datetime::parse(cell, order),
        Reading::EpochSeconds => cell.parse::<i64>().ok()?.checked_mul(1000),
        _ => cell.parse().ok(),
    }
}
