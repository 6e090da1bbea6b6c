//! Files in, one typed Parquet out: the cache form of a snapshot that every later step reads.
//!
//! Conversion goes over the files twice: the first pass finds each column's type over all rows
//! ([`crate::survey`]), the second writes. Both stream, so that memory is bounded by a batch.

use std::{collections::HashMap, fs::File, path::Path, sync::Arc};

use api::config::{ColumnType, DataConfig};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use parquet::{
    arrow::{
        ArrowWriter, ProjectionMask,
        arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::{KeyValue, PageIndexPolicy},
        properties::{EnabledStatistics, WriterProperties},
    },
};

use crate::{
    column,
    column_builder::ColumnBuilder,
    delimited::Rows,
    error::{DataError, thousands},
    json_lines::Objects,
    progress::{Progress, report},
    scan::ScannedFile,
    survey::{self, Source, Survey},
    typed_source::{self, TypedSource},
    typing::Reading,
    whole_file,
};

pub(crate) const BATCH_ROWS: usize = 8192;
/// Small enough that a preview decodes little, large enough that dictionaries pay.
const ROW_GROUP_ROWS: usize = 131_072;
const NOTES: &str = "slipway:notes";

/// What became of the files.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    pub columns: Vec<(String, ColumnType)>,
    pub rows: u64,
    /// How the files were read, as sentences; they are kept in the Parquet file too.
    pub notes: Vec<String>,
}

/// Reads all files as one table, finds each column's type over all rows, and writes the typed
/// Parquet form (see [`mod@column`]): equal input gives equal bytes. Files must have the same columns,
/// in any order; rows stand in the order of `files`. Progress is in bytes read, each file twice.
pub fn convert(
    files: &[ScannedFile],
    config: &DataConfig,
    out_parquet: &Path,
    progress: Progress<'_>,
) -> Result<Converted, DataError> {
    let survey = survey::survey(files, config, progress)?;
    let mut rows = 0;
    let mut notes = survey.notes.clone();
    whole_file::write(out_parquet, |file| {
        let mut table = Writer::new(file, out_parquet, &survey.columns)?;
        for (file, source) in files.iter().zip(&survey.sources) {
            let before = table.rows;
            write_file(&mut table, file, source, config, &survey, progress)?;
            if files.len() > 1 {
                notes.push(format!("{}: {} rows", file.name, thousands(table.rows - before)));
            }
        }
        rows = table.finish(&notes)?;
        Ok(())
    })?;
    let columns = survey.columns.iter().map(|(name, reading)| (name.clone(), reading.kind())).collect();
    Ok(Converted { columns, rows, notes })
}

fn write_file(
    table: &mut Writer<'_>,
    file: &ScannedFile,
    source: &Source,
    config: &DataConfig,
    survey: &Survey,
    progress: Progress<'_>,
) -> Result<(), DataError> {
    match source {
        Source::Delimited(dialect) => {
            let rows = Rows::open(file, dialect, config.ragged)?;
            write_delimited(table, file, rows, progress)
        }
        Source::JsonLines => write_objects(table, file, progress),
        Source::Typed(format) => {
            let typed = TypedSource::open(file, *format)?;
            write_typed(table, file, typed, survey, progress)
        }
    }
}

fn write_delimited(
    table: &mut Writer<'_>,
    file: &ScannedFile,
    mut rows: Rows,
    progress: Progress<'_>,
) -> Result<(), DataError> {
    let places = table.places(rows.names());
    let mut reported = 0;
    while rows.advance()? {
        for (cell, place) in rows.cells().zip(&places) {
            table.push(*place, Some(cell), file, rows.line())?;
        }
        if table.end_row()? {
            report(progress, rows.bytes_read() - reported)?;
            reported = rows.bytes_read();
        }
    }
    report(progress, rows.bytes_read() - reported)
}

fn write_objects(table: &mut Writer<'_>, file: &ScannedFile, progress: Progress<'_>) -> Result<(), DataError> {
    let mut objects = Objects::open(file)?;
    let mut reported = 0;
    let mut row: Vec<Option<String>> = vec![None; table.columns.len()];
    while let Some(cells) = objects.next_object()? {
        row.fill(None);
        for (name, cell) in cells {
            if let Some(place) = table.place(&name) {
                row[place] = cell;
            }
        }
        for (place, cell) in row.iter().enumerate() {
            table.push(place, cell.as_deref(), file, objects.line)?;
        }
        if table.end_row()? {
            report(progress, objects.bytes_read - reported)?;
            reported = objects.bytes_read;
        }
    }
    report(progress, objects.bytes_read - reported)
}

fn write_typed(
    table: &mut Writer<'_>,
    file: &ScannedFile,
    mut source: TypedSource,
    survey: &Survey,
    progress: Progress<'_>,
) -> Result<(), DataError> {
    table.flush()?;
    let (mut first_row, mut reported) = (1, 0);
    let schema = source.schema.clone();
    let fields = schema.fields().iter().enumerate();
    let places: HashMap<&str, usize> = fields
        .filter(|(_, field)| typed_source::is_supported(field.data_type()))
        .map(|(place, field)| (field.name().as_str(), place))
        .collect();
    while let Some(batch) = source.next_batch()? {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(survey.columns.len());
        for (name, reading) in &survey.columns {
            let Some(place) = places.get(name.as_str()) else {
                let difference = format!("the column \"{name}\" is missing");
                return Err(DataError::SchemaDiffers { file: file.name.clone(), first: file.name.clone(), difference });
            };
            let array = batch.column(*place);
            let direct = typed_source::convert(array, *reading).map_err(|error| source.misfit(name, &error))?;
            arrays.push(match direct {
                Some(array) => array,
                None => through_text(array, name, *reading, file, &source, first_row)?,
            });
        }
        first_row += batch.num_rows() as u64;
        table.write_arrays(arrays)?;
        report(progress, source.bytes_read() - reported)?;
        reported = source.bytes_read();
    }
    report(progress, file.size_bytes - reported)
}

fn through_text(
    array: &ArrayRef,
    name: &str,
    reading: Reading,
    file: &ScannedFile,
    source: &TypedSource,
    first_row: u64,
) -> Result<ArrayRef, DataError> {
    let text = typed_source::text(array).map_err(|error| source.misfit(name, &error))?;
    let mut builder = ColumnBuilder::new(reading);
    for (row, cell) in text.iter().enumerate() {
        match cell {
            None => builder.push_missing(),
            Some(cell) => {
                builder.push(cell).map_err(|_| misfit(file, first_row + row as u64, name, cell, reading))?;
            }
        }
    }
    Ok(builder.finish())
}

fn misfit(file: &ScannedFile, line: u64, column: &str, cell: &str, reading: Reading) -> DataError {
    const SHOWN: usize = 40;
    let mut shown: String = cell.chars().take(SHOWN).collect();
    if shown.len() < cell.len() {
        shown.push('…');
    }
    DataError::Cell {
        file: file.name.clone(),
        line,
        column: column.to_owned(),
        cell: shown,
        expected: reading.expected(),
    }
}

/// The Parquet file under construction, with one builder a column.
struct Writer<'a> {
    columns: &'a [(String, Reading)],
    /// Each column's place by its name.
    places: HashMap<&'a str, usize>,
    builders: Vec<ColumnBuilder>,
    pending: usize,
    rows: u64,
    parquet: ParquetOut<'a>,
}

impl<'a> Writer<'a> {
    fn new(file: &'a File, path: &'a Path, columns: &'a [(String, Reading)]) -> Result<Self, DataError> {
        let named: Vec<_> = columns.iter().map(|(name, reading)| (name.clone(), reading.kind())).collect();
        let builders = columns.iter().map(|(_, reading)| ColumnBuilder::new(*reading)).collect();
        let places = columns.iter().enumerate().map(|(place, (name, _))| (name.as_str(), place)).collect();
        Ok(Self { columns, places, builders, pending: 0, rows: 0, parquet: ParquetOut::new(file, path, &named)? })
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    fn places(&self, names: &[String]) -> Vec<usize> {
        // The survey has compared the names of all files.
        names.iter().filter_map(|name| self.place(name)).collect()
    }

    fn push(&mut self, place: usize, cell: Option<&str>, file: &ScannedFile, line: u64) -> Result<(), DataError> {
        match cell {
            None => self.builders[place].push_missing(),
            Some(cell) => {
                let (name, reading) = &self.columns[place];
                self.builders[place].push(cell).map_err(|_| misfit(file, line, name, cell, *reading))?;
            }
        }
        Ok(())
    }

    /// Whether a batch was written.
    fn end_row(&mut self) -> Result<bool, DataError> {
        self.pending += 1;
        if self.pending < BATCH_ROWS {
            return Ok(false);
        }
        self.flush()?;
        Ok(true)
    }

    fn flush(&mut self) -> Result<(), DataError> {
        if self.pending == 0 {
            return Ok(());
        }
        self.pending = 0;
        let arrays = self.builders.iter_mut().map(ColumnBuilder::finish).collect();
        self.write_arrays(arrays)
    }

    fn write_arrays(&mut self, arrays: Vec<ArrayRef>) -> Result<(), DataError> {
        self.rows += arrays.first().map_or(0, |array| array.len()) as u64;
        self.parquet.write(arrays)
    }

    fn finish(mut self, notes: &[String]) -> Result<u64, DataError> {
        self.flush()?;
        self.parquet.finish(notes)?;
        Ok(self.rows)
    }
}

/// A Parquet file in the typed form.
pub(crate) struct ParquetOut<'a> {
    path: &'a Path,
    schema: SchemaRef,
    writer: ArrowWriter<&'a File>,
}

impl<'a> ParquetOut<'a> {
    pub(crate) fn new(file: &'a File, path: &'a Path, columns: &[(String, ColumnType)]) -> Result<Self, DataError> {
        let fields: Vec<_> = columns.iter().map(|(name, kind)| column::field(name, *kind)).collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            // The version of a library is no part of the content: equal rows give equal bytes.
            .set_created_by("slipway".to_owned())
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_data_page_row_count_limit(BATCH_ROWS)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let writer =
            ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(|error| written(path, error))?;
        Ok(Self { path, schema, writer })
    }

    pub(crate) fn write(&mut self, arrays: Vec<ArrayRef>) -> Result<(), DataError> {
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(|error| written(self.path, ParquetError::General(error.to_string())))?;
        self.writer.write(&batch).map_err(|error| written(self.path, error))
    }

    pub(crate) fn finish(mut self, notes: &[String]) -> Result<(), DataError> {
        let notes = serde_json::Value::from(notes).to_string();
        self.writer.append_key_value_metadata(KeyValue::new(NOTES.to_owned(), notes));
        self.writer.close().map(|_| ()).map_err(|error| written(self.path, error))
    }
}

/// A full disk stays one: the error of the system is inside the library's.
fn written(path: &Path, error: ParquetError) -> DataError {
    let source = match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(source) => *source,
            Err(inner) => std::io::Error::other(inner.to_string()),
        },
        other => std::io::Error::other(other.to_string()),
    };
    DataError::Io { doing: "write", path: path.to_owned(), source }
}

/// Columns, rows and reading notes of a converted table, from its footer alone.
pub fn describe(parquet: &Path) -> Result<Converted, DataError> {
    let builder = open(parquet)?;
    let columns = builder.schema().fields().iter().map(|field| (field.name().clone(), column::kind(field))).collect();
    let metadata = builder.metadata().file_metadata();
    let notes = metadata.key_value_metadata().into_iter().flatten().find(|entry| entry.key == NOTES);
    let notes = notes.and_then(|entry| serde_json::from_str(entry.value.as_deref()?).ok()).unwrap_or_default();
    Ok(Converted { columns, rows: u64::try_from(metadata.num_rows()).unwrap_or(0), notes })
}

/// The rows of a converted table in order, as batches of at most 8,192 rows; all columns, or the
/// named ones in the table's order.
pub fn batches(parquet: &Path, columns: Option<&[&str]>) -> Result<Batches, DataError> {
    window(parquet, columns, 0, None)
}

/// [`batches`] from a row on; pages before it are not read.
pub(crate) fn window(
    parquet: &Path,
    columns: Option<&[&str]>,
    offset: usize,
    limit: Option<usize>,
) -> Result<Batches, DataError> {
    let mut builder = open(parquet)?.with_batch_size(BATCH_ROWS);
    if let Some(names) = columns {
        let schema = builder.schema().clone();
        let known: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let mut places = Vec::with_capacity(names.len());
        for name in names {
            let missing =
                || DataError::NoColumn { column: (*name).to_owned(), columns: known.clone(), role: "columns" };
            places.push(known.iter().position(|column| column == name).ok_or_else(missing)?);
        }
        // Every column of the typed form is one leaf.
        let mask = ProjectionMask::leaves(builder.parquet_schema(), places);
        builder = builder.with_projection(mask);
    }
    if offset > 0 {
        builder = builder.with_offset(offset);
    }
    if let Some(limit) = limit {
        builder = builder.with_limit(limit);
    }
    let path = parquet.to_owned();
    let reader = builder.build().map_err(|error| damaged(parquet, &error.to_string()))?;
    Ok(Batches { path, schema: arrow_array::RecordBatchReader::schema(&reader), reader })
}

fn open(parquet: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, DataError> {
    let file = File::open(parquet).map_err(DataError::io("open", parquet))?;
    let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
    ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
        .map_err(|error| damaged(parquet, &error.to_string()))
}

fn damaged(parquet: &Path, reason: &str) -> DataError {
    DataError::Parquet {
        file: parquet.display().to_string(),
        reason: format!("it is not a whole Parquet file ({reason})"),
    }
}

/// See [`batches`].
pub struct Batches {
    path: std::path::PathBuf,
    schema: SchemaRef,
    reader: ParquetRecordBatchReader,
}

impl Batches {
    /// The fields of each batch; [`column::kind`] says what they hold.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.reader.next()?;
        Some(next.map_err(|error| damaged(&self.path, &error.to_string())))
    }
}
