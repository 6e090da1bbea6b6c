//! The first pass over a dataset's files: which columns there are, what each holds over all rows,
//! and how the files are written.

use std::collections::{BTreeSet, HashMap, HashSet};

use api::config::{ColumnType, DataConfig};
use arrow_schema::DataType;

use crate::{
    delimited::{self, Dialect, Rows},
    error::{DataError, thousands},
    json_lines::Objects,
    progress::{Progress, report},
    scan::{self, FileFormat, ScannedFile},
    typed_source::{self, TypedSource},
    typing::{Reading, Typing},
};

/// How a file is to be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    Delimited(Dialect),
    JsonLines,
    Typed(FileFormat),
}

/// What the first pass found.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// In the order of the first file.
    pub columns: Vec<(String, Reading)>,
    /// One a file.
    pub sources: Vec<Source>,
    pub notes: Vec<String>,
    pub rows: u64,
}

/// One file's columns, and what was left out of it.
pub(crate) struct FileSurvey {
    pub source: Source,
    pub columns: Vec<(String, Typing)>,
    pub rows: u64,
    pub notes: Vec<String>,
    /// Columns that don't fit into a table.
    pub left_out: Vec<String>,
    /// Whether the whole file was seen, or only its first rows.
    pub complete: bool,
}

/// Surveys all files. Progress is in bytes.
pub fn survey(files: &[ScannedFile], config: &DataConfig, progress: Progress<'_>) -> Result<Survey, DataError> {
    let mut columns: Vec<(String, Typing)> = Vec::new();
    let (mut sources, mut notes, mut left_out, mut rows) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (index, file) in files.iter().enumerate() {
        let found = survey_file(file, config, None, progress)?;
        if index == 0 {
            columns = found.columns;
        } else {
            merge(&mut columns, found.columns, file, &files[0])?;
        }
        rows += found.rows;
        left_out.extend(found.left_out);
        for note in found.notes {
            let note = if files.len() > 1 { format!("{}: {note}", file.name) } else { note };
            notes.push(note);
        }
        sources.push(found.source);
    }
    known_names(&columns, &left_out, config)?;
    let columns = decide(columns, config, &mut notes);
    Ok(Survey { columns, sources, notes, rows })
}

/// The reading of each column, with what a person should know about it.
pub(crate) fn decide(
    columns: Vec<(String, Typing)>,
    config: &DataConfig,
    notes: &mut Vec<String>,
) -> Vec<(String, Reading)> {
    let mut decided = Vec::with_capacity(columns.len());
    for (name, typing) in columns {
        let reading = typing.decide(config.types.get(&name).copied());
        if reading.kind() == ColumnType::Datetime && typing.is_ambiguous_date() {
            notes.push(format!("month/day/year in \"{name}\", whose dates fit both orders of day and month"));
        }
        if reading == Reading::DecimalComma {
            notes.push(format!("decimal commas in \"{name}\""));
        }
        decided.push((name, reading));
    }
    decided
}

/// A name with a typo would train on what should be ignored, and log what is sensitive.
fn known_names(columns: &[(String, Typing)], left_out: &[String], config: &DataConfig) -> Result<(), DataError> {
    let known: HashSet<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
    let types = config.types.keys().map(|name| (name, "types"));
    let ignored = config.ignore.iter().filter(|name| !left_out.contains(name)).map(|name| (name, "ignore"));
    let sensitive = config.sensitive.iter().filter(|name| !left_out.contains(name)).map(|name| (name, "sensitive"));
    match types.chain(ignored).chain(sensitive).find(|(name, _)| !known.contains(name.as_str())) {
        None => Ok(()),
        Some((name, role)) => {
            let columns = columns.iter().map(|(column, _)| column.clone()).collect();
            Err(DataError::NoColumn { column: name.clone(), columns, role })
        }
    }
}

fn merge(
    columns: &mut [(String, Typing)],
    found: Vec<(String, Typing)>,
    file: &ScannedFile,
    first: &ScannedFile,
) -> Result<(), DataError> {
    let known: BTreeSet<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let new: BTreeSet<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let differs = |difference: String| DataError::SchemaDiffers {
        file: file.name.clone(),
        first: first.name.clone(),
        difference,
    };
    if let Some(missing) = known.difference(&new).next() {
        return Err(differs(format!("the column \"{missing}\" is missing in it")));
    }
    if let Some(extra) = new.difference(&known).next() {
        return Err(differs(format!("it has the column \"{extra}\", which the first file has not")));
    }
    let found: HashMap<String, Typing> = found.into_iter().collect();
    for (name, known) in columns {
        if let Some(typing) = found.get(name.as_str()) {
            known.merge(typing);
        }
    }
    Ok(())
}

/// Surveys one file, all of it or its first rows.
pub(crate) fn survey_file(
    file: &ScannedFile,
    config: &DataConfig,
    most_rows: Option<u64>,
    progress: Progress<'_>,
) -> Result<FileSurvey, DataError> {
    match source(file, config)? {
        Source::Delimited(dialect) => survey_delimited(file, dialect, config, most_rows, progress),
        Source::JsonLines => survey_objects(file, most_rows, progress),
        Source::Typed(format) => survey_typed(file, format, most_rows, progress),
    }
}

fn source(file: &ScannedFile, config: &DataConfig) -> Result<Source, DataError> {
    let extension =
        file.path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let unknown = || DataError::UnknownFormat { file: file.name.clone(), extension: extension.clone() };
    Ok(match scan::format(&file.path) {
        Some(format @ (FileFormat::Parquet | FileFormat::ArrowIpc)) => Source::Typed(format),
        Some(FileFormat::JsonLines) => Source::JsonLines,
        Some(FileFormat::Image) => return Err(unknown()),
        Some(FileFormat::Delimited) => Source::Delimited(delimited::detect(file, config)?),
        // A file that was named by itself: text is tried, whatever it is called.
        None => match extension.as_str() {
            "json" => Source::JsonLines,
            "xlsx" | "xls" | "ods" | "zip" | "gz" | "xz" | "zst" | "pdf" | "db" | "sqlite" | "pkl" | "npy" | "npz" => {
                return Err(unknown());
            }
            _ => Source::Delimited(delimited::detect(file, config)?),
        },
    })
}

const REPORT_ROWS: u64 = 4096;

fn survey_delimited(
    file: &ScannedFile,
    dialect: Dialect,
    config: &DataConfig,
    most_rows: Option<u64>,
    progress: Progress<'_>,
) -> Result<FileSurvey, DataError> {
    let mut rows = Rows::open(file, &dialect, config.ragged)?;
    let empty = if dialect.delimiter == b',' { Typing::without_decimal_comma() } else { Typing::default() };
    let mut columns: Vec<(String, Typing)> = rows.names().iter().map(|name| (name.clone(), empty.clone())).collect();
    let (mut count, mut reported, mut complete) = (0, 0, true);
    while rows.advance()? {
        if most_rows == Some(count) {
            complete = false;
            break;
        }
        count += 1;
        for (cell, (_, typing)) in rows.cells().zip(&mut columns) {
            typing.see(cell);
        }
        if count.is_multiple_of(REPORT_ROWS) {
            report(progress, rows.bytes_read() - reported)?;
            reported = rows.bytes_read();
        }
    }
    report(progress, rows.bytes_read() - reported)?;
    if count == 0 {
        return Err(DataError::HeaderOnly { file: file.name.clone(), columns: columns.len() });
    }
    let mut notes = vec![dialect.sentence()];
    if rows.skipped > 0 {
        notes.push(format!("{} of another width left out", lines(rows.skipped)));
    }
    if rows.filled > 0 {
        notes.push(format!("{} of another width cut or filled", lines(rows.filled)));
    }
    if let Some((line, count)) = rows.longest {
        notes.push(format!(
            "the longest begins on line {} and spans {}: perhaps a quote is not closed, and took the rows behind it",
            thousands(line),
            lines(count)
        ));
    }
    Ok(FileSurvey { source: Source::Delimited(dialect), columns, rows: count, notes, left_out: Vec::new(), complete })
}

fn lines(count: u64) -> String {
    api::figure::counted(count, "line", "lines")
}

fn survey_objects(file: &ScannedFile, most_rows: Option<u64>, progress: Progress<'_>) -> Result<FileSurvey, DataError> {
    let mut objects = Objects::open(file)?;
    let mut columns: Vec<(String, Typing)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let (mut count, mut reported, mut complete) = (0, 0, true);
    while let Some(cells) = objects.next_object()? {
        if most_rows == Some(count) {
            complete = false;
            break;
        }
        count += 1;
        for (name, cell) in cells {
            let place = places.get(&name).copied().unwrap_or_else(|| {
                let place = columns.len();
                columns.push((name.clone(), Typing::without_decimal_comma()));
                places.insert(name, place);
                place
            });
            match cell {
                Some(cell) => columns[place].1.see(&cell),
                None => columns[place].1.see_missing(1),
            }
        }
        if count.is_multiple_of(REPORT_ROWS) {
            report(progress, objects.bytes_read - reported)?;
            reported = objects.bytes_read;
        }
    }
    report(progress, objects.bytes_read - reported)?;
    if count == 0 {
        return Err(DataError::Empty { file: file.name.clone() });
    }
    // Keys that an object doesn't name are missing there.
    for (_, typing) in &mut columns {
        let seen = typing.present() + typing.missing();
        typing.see_missing(count - seen);
    }
    Ok(FileSurvey {
        source: Source::JsonLines,
        columns,
        rows: count,
        notes: vec!["JSON Lines".to_owned()],
        left_out: Vec::new(),
        complete,
    })
}

fn survey_typed(
    file: &ScannedFile,
    format: FileFormat,
    most_rows: Option<u64>,
    progress: Progress<'_>,
) -> Result<FileSurvey, DataError> {
    let mut source = TypedSource::open(file, format)?;
    let mut notes = vec![if format == FileFormat::Parquet { "Parquet" } else { "Arrow IPC" }.to_owned()];
    let (mut columns, mut left_out): (Vec<(String, Typing)>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut places, mut known): (Vec<usize>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    for (index, field) in source.schema.fields().iter().enumerate() {
        let name = field.name();
        if !typed_source::is_supported(field.data_type()) {
            notes.push(format!(
                "The column \"{name}\" is left out: values of type {} don't fit into a table.",
                field.data_type()
            ));
            left_out.push(name.clone());
            continue;
        }
        if let Some(first) = known.insert(name.clone(), index) {
            let file = file.name.clone();
            return Err(DataError::DuplicateColumn { file, column: name.clone(), first: first + 1, second: index + 1 });
        }
        columns.push((name.clone(), Typing::default()));
        places.push(index);
    }
    if columns.is_empty() {
        let columns = source.schema.fields().iter().map(|field| field.name().clone()).collect();
        return Err(DataError::NoColumns { file: file.name.clone(), columns });
    }
    let (mut count, mut reported, mut complete) = (0, 0, true);
    while let Some(batch) = source.next_batch()? {
        if most_rows.is_some_and(|most| count >= most) {
            complete = false;
            break;
        }
        count += batch.num_rows() as u64;
        for ((name, typing), place) in columns.iter_mut().zip(&places) {
            typed_source::survey(typing, batch.column(*place)).map_err(|error| source.misfit(name, &error))?;
        }
        report(progress, source.bytes_read() - reported)?;
        reported = source.bytes_read();
    }
    report(progress, file.size_bytes - reported)?;
    if count == 0 {
        return Err(DataError::NoRows { file: file.name.clone(), columns: columns.len() });
    }
    for ((name, typing), place) in columns.iter().zip(&places) {
        let unsigned = *source.schema.field(*place).data_type() == DataType::UInt64;
        if unsigned && typing.present() > 0 && typing.decide(None) == Reading::Decimal {
            notes.push(format!("whole numbers over 9.2e18 in \"{name}\", which is read as decimals and rounded"));
        }
    }
    Ok(FileSurvey { source: Source::Typed(format), columns, rows: count, notes, left_out, complete })
}
