//! Parquet and Arrow IPC: sources that say their types themselves.

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
};

use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray,
    cast::AsArray,
    make_array,
    types::{Int64Type, UInt64Type},
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::{
    arrow::arrow_reader::{
        ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    },
    basic::Type as PhysicalType,
    errors::ParquetError,
};

use crate::{
    error::DataError,
    scan::{FileFormat, ScannedFile},
    typing::{Reading, Typing},
};

const BATCH_ROWS: usize = 8192;
/// Numbers are counted and shown as examples from the first rows only.
const COUNTED_ROWS: u64 = 65_536;

/// The batches of a file.
pub(crate) struct TypedSource {
    file: String,
    format: FileFormat,
    pub(crate) schema: SchemaRef,
    batches: Batches,
    size_bytes: u64,
    /// What came out of the file, of how much: rows of Parquet, batches of Arrow IPC. A stream says
    /// no total.
    given: u64,
    total: Option<u64>,
}

enum Batches {
    Parquet(Box<ParquetRecordBatchReader>),
    File(Box<FileReader<BufReader<File>>>),
    Stream(Box<StreamReader<BufReader<File>>>),
}

impl TypedSource {
    pub(crate) fn open(file: &ScannedFile, format: FileFormat) -> Result<Self, DataError> {
        let mut source = File::open(&file.path).map_err(DataError::io("open", &file.path))?;
        if file.size_bytes == 0 {
            return Err(DataError::Empty { file: file.name.clone() });
        }
        let name = file.name.clone();
        let of = |schema: SchemaRef, batches: Batches, total: Option<u64>| Self {
            file: file.name.clone(),
            format,
            schema,
            batches,
            size_bytes: file.size_bytes,
            given: 0,
            total,
        };
        if format == FileFormat::Parquet {
            let damaged = |error: ParquetError| wrong(&name, format, &error.to_string());
            let metadata = ArrowReaderMetadata::load(&source, ArrowReaderOptions::new()).map_err(damaged)?;
            let metadata = in_milliseconds(metadata).map_err(damaged)?;
            let schema = metadata.schema().clone();
            let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).ok();
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, metadata);
            let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(damaged)?;
            return Ok(of(schema, Batches::Parquet(Box::new(reader)), rows));
        }
        let damaged = |error: ArrowError| wrong(&name, format, &error.to_string());
        let mut magic = [0; 6];
        let read = source.read(&mut magic).map_err(DataError::io("read", &file.path))?;
        source.rewind().map_err(DataError::io("read", &file.path))?;
        let source = BufReader::new(source);
        if &magic[..read] == b"ARROW1" {
            let reader = FileReader::try_new(source, None).map_err(damaged)?;
            let batches = u64::try_from(reader.num_batches()).ok();
            return Ok(of(reader.schema(), Batches::File(Box::new(reader)), batches));
        }
        let reader = StreamReader::try_new(source, None).map_err(damaged)?;
        Ok(of(reader.schema(), Batches::Stream(Box::new(reader)), None))
    }

    /// About how many of the file's bytes the batches so far stand for.
    pub(crate) fn bytes_read(&self) -> u64 {
        let Some(total) = self.total.filter(|total| *total > 0) else { return 0 };
        let bytes = u128::from(self.size_bytes) * u128::from(self.given.min(total)) / u128::from(total);
        u64::try_from(bytes).unwrap_or(self.size_bytes)
    }

    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>, DataError> {
        let next = match &mut self.batches {
            Batches::Parquet(reader) => reader.next(),
            Batches::File(reader) => reader.next(),
            Batches::Stream(reader) => reader.next(),
        };
        let damaged = |error: ArrowError| wrong(&self.file, self.format, &error.to_string());
        let batch = next.transpose().map_err(damaged)?.map(without_zones).transpose().map_err(damaged)?;
        if let Some(batch) = &batch {
            self.given += if self.format == FileFormat::Parquet { batch.num_rows() as u64 } else { 1 };
        }
        Ok(batch)
    }

    /// An error of a value that doesn't fit its column's type: the file itself is whole.
    pub(crate) fn misfit(&self, column: &str, error: &ArrowError) -> DataError {
        DataError::Unconvertible { file: self.file.clone(), column: column.to_owned(), reason: error.to_string() }
    }
}

/// Reads INT96 as milliseconds: Spark's and Impala's old timestamps reach far beyond the 584 years
/// that nanoseconds in 64 bits have, and would come out as other dates.
fn in_milliseconds(metadata: ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
    let leaves = metadata.parquet_schema().columns();
    let is_int96 = |name: &str| {
        leaves.iter().any(|leaf| leaf.path().parts() == [name] && leaf.physical_type() == PhysicalType::INT96)
    };
    let old = metadata.schema();
    if !old.fields().iter().any(|field| is_int96(field.name())) {
        return Ok(metadata);
    }
    let fields: Vec<Field> = old
        .fields()
        .iter()
        .map(|field| match is_int96(field.name()) {
            true => field.as_ref().clone().with_data_type(DataType::Timestamp(TimeUnit::Millisecond, None)),
            false => field.as_ref().clone(),
        })
        .collect();
    let schema = Schema::new_with_metadata(fields, old.metadata().clone());
    ArrowReaderMetadata::try_new(
        metadata.metadata().clone(),
        ArrowReaderOptions::new().with_schema(std::sync::Arc::new(schema)),
    )
}

fn wrong(file: &str, format: FileFormat, reason: &str) -> DataError {
    let file = file.to_owned();
    match format {
        FileFormat::Parquet => {
            DataError::Parquet { file, reason: format!("it is not a whole Parquet file ({reason})") }
        }
        _ => DataError::ArrowIpc { file, reason: format!("it is not a whole Arrow IPC file ({reason})") },
    }
}

/// Whether a column of that type can stand in a table; lists and structs can't.
pub(crate) fn is_supported(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_supported(values),
        _ => kind.is_numeric() || textual(kind) || temporal(kind) || matches!(kind, DataType::Boolean | DataType::Null),
    }
}

fn textual(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn temporal(kind: &DataType) -> bool {
    matches!(kind, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

/// Lets a column's typing see an array of it.
pub(crate) fn survey(typing: &mut Typing, array: &ArrayRef) -> Result<(), ArrowError> {
    use api::config::ColumnType as Kind;
    let missing = array.logical_null_count() as u64;
    let present = array.len() as u64 - missing;
    typing.see_missing(missing);
    if present == 0 {
        return Ok(());
    }
    let mut kind = array.data_type();
    if let DataType::Dictionary(_, values) = kind {
        kind = values;
    }
    if !textual(kind) && typing.present() < COUNTED_ROWS {
        text(array)?.iter().flatten().for_each(|cell| typing.see_value(cell));
    }
    if kind.is_integer() {
        match largest(array, kind)? {
            Some(largest) => typing.see_typed(Kind::Integer, present, largest),
            None => typing.see_typed(Kind::Decimal, present, 0),
        }
    } else if kind.is_numeric() {
        typing.see_typed(Kind::Decimal, present, 0);
    } else if temporal(kind) {
        typing.see_typed(Kind::Datetime, present, 0);
    } else if *kind == DataType::Boolean {
        typing.see_typed(Kind::Boolean, present, 0);
    } else {
        text(array)?.iter().flatten().for_each(|cell| typing.see_text(cell));
    }
    Ok(())
}

/// The largest of an array's integers; `None` where it is beyond what an integer column holds.
fn largest(array: &ArrayRef, kind: &DataType) -> Result<Option<i64>, ArrowError> {
    if *kind == DataType::UInt64 {
        let numbers = cast(array, &DataType::UInt64)?;
        let largest = numbers.as_primitive::<UInt64Type>().iter().flatten().max().unwrap_or(0);
        return Ok(i64::try_from(largest).ok());
    }
    let numbers = cast(array, &DataType::Int64)?;
    Ok(Some(numbers.as_primitive::<Int64Type>().iter().flatten().max().unwrap_or(0)))
}

/// The array in the typed form, where its type leads there directly; `None` where it must go
/// through text.
pub(crate) fn convert(array: &ArrayRef, reading: Reading) -> Result<Option<ArrayRef>, ArrowError> {
    let mut kind = array.data_type();
    if let DataType::Dictionary(_, values) = kind {
        kind = values;
    }
    Ok(match reading {
        Reading::Boolean if *kind == DataType::Boolean => Some(cast(array, &DataType::Boolean)?),
        Reading::Integer if kind.is_integer() => Some(cast(array, &DataType::Int64)?),
        Reading::Decimal if kind.is_numeric() => Some(without_nan(&cast(array, &DataType::Float64)?)),
        Reading::Datetime(_) if temporal(kind) => Some(cast(array, &DataType::Timestamp(TimeUnit::Millisecond, None))?),
        Reading::EpochMilliseconds if kind.is_integer() => Some(epoch(array, 1)?),
        Reading::EpochSeconds if kind.is_integer() => Some(epoch(array, 1000)?),
        Reading::Category | Reading::Text | Reading::Image if textual(kind) => Some(cast(array, &DataType::Utf8)?),
        _ => None,
    })
}

/// The array as text, to be read again as another type.
pub(crate) fn text(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    Ok(cast(array, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// Values that don't fit are errors, not nulls.
fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() })
}

/// pandas writes missing numbers as NaN.
fn without_nan(array: &ArrayRef) -> ArrayRef {
    let numbers = array.as_primitive::<arrow_array::types::Float64Type>();
    std::sync::Arc::new(
        numbers.iter().map(|value| value.filter(|value| !value.is_nan())).collect::<arrow_array::Float64Array>(),
    )
}

/// Drops zones and keeps the moments, which stand in UTC: a cast would shift the clock, and knows
/// zones by their offset only, where pandas writes "Europe/Berlin".
fn without_zones(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let is_zoned = |field: &Field| matches!(field.data_type(), DataType::Timestamp(_, Some(_)));
    let old = batch.schema();
    if !old.fields().iter().any(|field| is_zoned(field)) {
        return Ok(batch);
    }
    let (mut fields, mut columns) = (Vec::with_capacity(old.fields().len()), Vec::with_capacity(old.fields().len()));
    for (field, column) in old.fields().iter().zip(batch.columns()) {
        match field.data_type() {
            DataType::Timestamp(unit, Some(_)) => {
                let kind = DataType::Timestamp(*unit, None);
                fields.push(field.as_ref().clone().with_data_type(kind.clone()));
                columns.push(make_array(column.to_data().into_builder().data_type(kind).build()?));
            }
            _ => {
                fields.push(field.as_ref().clone());
                columns.push(column.clone());
            }
        }
    }
    RecordBatch::try_new(std::sync::Arc::new(Schema::new(fields)), columns)
}

fn epoch(array: &ArrayRef, scale: i64) -> Result<ArrayRef, ArrowError> {
    let integers = cast(array, &DataType::Int64)?;
    let moments: Int64Array = integers.as_primitive::<Int64Type>().unary(|value: i64| value.saturating_mul(scale));
    Ok(std::sync::Arc::new(moments.reinterpret_cast::<arrow_array::types::TimestampMillisecondType>()))
}
