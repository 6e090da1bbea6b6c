//! CSV, TSV and the like: the dialect is detected, then rows stream by with their line numbers.
//!
//! It builds on `csv-core` instead of `csv`, because a row must be refused while it is being read:
//! a quote that is never closed would else pull the rest of a file into memory as one cell.

use std::{
    cell::Cell,
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    rc::Rc,
};

use api::config::{DataConfig, Ragged};
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use encoding_rs::UTF_8;
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};

use crate::{
    encoding::{self, TextEncoding},
    error::DataError,
    scan::ScannedFile,
    typing,
};

/// The longest cell that is read.
pub const CELL_LIMIT_BYTES: usize = 1 << 20;

/// The byte order mark: joined files have it at the start of a line in their middle, where nobody sees it.
const MARK: char = '\u{FEFF}';

const SAMPLE_BYTES: usize = 256 << 10;
const SAMPLE_ROWS: usize = 200;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dialect {
    pub delimiter: u8,
    pub quote: u8,
    pub header: bool,
    pub encoding: TextEncoding,
}

impl Dialect {
    /// "semicolons, Windows-1252, no header".
    pub fn sentence(&self) -> String {
        let delimiter = match self.delimiter {
            b',' => "commas".to_owned(),
            b';' => "semicolons".to_owned(),
            b'\t' => "tabs".to_owned(),
            b'|' => "bars".to_owned(),
            other => format!("\"{}\" between fields", char::from(other)),
        };
        let quote = if self.quote == b'\'' { ", single quotes" } else { "" };
        let header = if self.header { "" } else { ", no header" };
        format!("{delimiter}, {}{quote}{header}", self.encoding.name)
    }
}

/// Finds encoding, delimiter, quote and header, with the overrides of `config`.
pub fn detect(file: &ScannedFile, config: &DataConfig) -> Result<Dialect, DataError> {
    let encoding = match &config.encoding {
        Some(label) => encoding::named(file, label)?,
        None => encoding::detect(file)?,
    };
    let mut sample = Vec::new();
    decoded(file, encoding, Rc::default())?
        .take(SAMPLE_BYTES as u64)
        .read_to_end(&mut sample)
        .map_err(DataError::io("read", &file.path))?;
    if sample.iter().all(u8::is_ascii_whitespace) {
        return Err(DataError::Empty { file: file.name.clone() });
    }
    let delimiters = match &config.delimiter {
        Some(given) => vec![one_character(file, given)?],
        None if file.name.to_ascii_lowercase().ends_with(".tsv") => vec![b'\t', b',', b';', b'|'],
        None => vec![b',', b';', b'\t', b'|'],
    };
    let mut best: Option<(f64, u8, u8, Vec<Vec<String>>)> = None;
    for delimiter in delimiters {
        for quote in [b'"', b'\''] {
            // A double quote that is never closed spoils its dialect, but makes no other one.
            if quote == b'\'' && !quotes_a_field(&sample, delimiter, quote) {
                continue;
            }
            let rows = sample_rows(&sample, delimiter, quote);
            let score = consistency(&rows, quote);
            // Strictly better only: the first of equals is the commoner dialect.
            if best.as_ref().is_none_or(|(best, ..)| score > *best + 1e-9) {
                best = Some((score, delimiter, quote, rows));
            }
        }
    }
    let Some((_, delimiter, quote, rows)) = best else {
        return Err(DataError::Empty { file: file.name.clone() });
    };
    Ok(Dialect { delimiter, quote, header: has_header(&rows), encoding })
}

fn one_character(file: &ScannedFile, given: &str) -> Result<u8, DataError> {
    delimiter(given).ok_or_else(|| DataError::Delimiter { file: file.name.clone(), delimiter: given.to_owned() })
}

/// The delimiter that `slipway.toml` names: one ASCII character, or "tab".
pub fn delimiter(given: &str) -> Option<u8> {
    let given = match given {
        "\\t" | "tab" => "\t",
        other => other,
    };
    match given.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | b'"') => Some(*byte),
        _ => None,
    }
}

fn reader(delimiter: u8, quote: u8) -> Reader {
    ReaderBuilder::new().delimiter(delimiter).quote(quote).build()
}

fn sample_rows(sample: &[u8], delimiter: u8, quote: u8) -> Vec<Vec<String>> {
    let mut reader = reader(delimiter, quote);
    let mut output = vec![0; sample.len() + 1];
    let mut ends = vec![0; sample.len() + 2];
    let mut rest = sample;
    let mut rows = Vec::new();
    while rows.len() < SAMPLE_ROWS {
        let (mut written, mut fields) = (0, 0);
        loop {
            let (result, read, out, ended) = reader.read_record(rest, &mut output[written..], &mut ends[fields..]);
            rest = &rest[read..];
            written += out;
            fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record => break,
                _ => return whole_rows(rows, sample.len()),
            }
        }
        let mut start = 0;
        let mut row = Vec::with_capacity(fields);
        for end in &ends[..fields] {
            row.push(String::from_utf8_lossy(&output[start..*end]).trim_start_matches(MARK).to_owned());
            start = *end;
        }
        rows.push(row);
    }
    rows
}

/// The last row of a full sample may be cut.
fn whole_rows(mut rows: Vec<Vec<String>>, sampled: usize) -> Vec<Vec<String>> {
    if sampled == SAMPLE_BYTES && rows.len() > 1 {
        rows.pop();
    }
    rows
}

/// High where most rows have the first row's width and that is more than one; the other quote
/// character, left standing at both ends of a cell a row, speaks against a dialect. Fewer are text.
fn consistency(rows: &[Vec<String>], quote: u8) -> f64 {
    let Some(width) = rows.first().map(Vec::len) else { return 0.0 };
    let other = if quote == b'"' { b'\'' } else { b'"' };
    let same = rows.iter().filter(|row| row.len() == width).count() as f64 / rows.len() as f64;
    let cells = rows.iter().map(Vec::len).sum::<usize>().max(1) as f64;
    let standing = rows.iter().flatten().filter(|cell| stands_around(other, cell)).count();
    let quoted = if standing < rows.len() { 0.0 } else { standing as f64 / cells };
    let width_score = if width == 1 { 0.1 } else { 1.0 + (width as f64).ln() * 0.1 };
    same * width_score * (1.0 - 0.5 * quoted)
}

fn stands_around(quote: u8, cell: &str) -> bool {
    matches!(cell.as_bytes(), [first, .., last] if *first == quote && *last == quote)
}

/// Whether some field of some line begins and ends with this quote.
fn quotes_a_field(sample: &[u8], delimiter: u8, quote: u8) -> bool {
    let ends = |byte: &u8| *byte == delimiter || matches!(byte, b'\n' | b'\r');
    let begins = sample.first() == Some(&quote) || sample.windows(2).any(|pair| ends(&pair[0]) && pair[1] == quote);
    let closes = sample.last() == Some(&quote) || sample.windows(2).any(|pair| pair[0] == quote && ends(&pair[1]));
    begins && closes
}

/// Each column that holds numbers or dates votes: does its first cell look like the rest of it? An empty one (pandas
/// gives an index no name) counts against a header only where another cell does, or all are empty.
fn has_header(rows: &[Vec<String>]) -> bool {
    let Some((first, body)) = rows.split_first() else { return true };
    let (mut with, mut without, mut unnamed) = (0, 0, 0);
    let mut is_value = false;
    for (index, name) in first.iter().enumerate() {
        let mut column = typing::Typing::default();
        body.iter().filter_map(|row| row.get(index)).for_each(|cell| column.see(cell));
        let empty = name.trim().is_empty();
        if column.is_textual() {
            is_value |= !empty && body.iter().any(|row| row.get(index) == Some(name));
        } else if empty {
            unnamed += 1;
        } else if typing::is_missing(name) || column.fits(name) {
            without += 1;
        } else {
            with += 1;
        }
    }
    let says_nothing = without == 0 && !is_value && first.iter().any(|name| !name.trim().is_empty());
    with >= without + if says_nothing { 0 } else { unnamed }
}

type Decoded = DecodeReaderBytes<CountingReader, Vec<u8>>;

fn decoded(file: &ScannedFile, encoding: TextEncoding, read: Rc<Cell<u64>>) -> Result<Decoded, DataError> {
    let source = File::open(&file.path).map_err(DataError::io("open", &file.path))?;
    Ok(DecodeReaderBytesBuilder::new()
        .encoding(Some(encoding.encoding))
        .utf8_passthru(encoding.encoding == UTF_8)
        .strip_bom(true)
        .build(CountingReader { source, read }))
}

/// Counts the file's own bytes, which decoding hides.
struct CountingReader {
    source: File,
    read: Rc<Cell<u64>>,
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.read.set(self.read.get() + read as u64);
        Ok(read)
    }
}

/// The rows of a file, one at a time.
pub struct Rows {
    file: String,
    path: std::path::PathBuf,
    reader: Reader,
    source: BufReader<Decoded>,
    bytes_read: Rc<Cell<u64>>,
    output: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    names: Vec<String>,
    /// The first row of a file without a header, until it was given.
    pending_first: bool,
    ragged: Ragged,
    line: u64,
    /// Rows left out because of their width.
    pub skipped: u64,
    /// Rows cut or filled because of their width.
    pub filled: u64,
    /// The row of another width that spans the most lines, where one spans several: its line, and how many.
    pub longest: Option<(u64, u64)>,
}

impl Rows {
    /// Opens a file and reads its header.
    pub fn open(file: &ScannedFile, dialect: &Dialect, ragged: Ragged) -> Result<Self, DataError> {
        let bytes_read = Rc::new(Cell::new(0));
        let source = BufReader::with_capacity(1 << 16, decoded(file, dialect.encoding, bytes_read.clone())?);
        let mut rows = Self {
            file: file.name.clone(),
            path: file.path.clone(),
            reader: reader(dialect.delimiter, dialect.quote),
            source,
            bytes_read,
            output: vec![0; 1 << 12],
            ends: vec![0; 64],
            fields: 0,
            names: Vec::new(),
            pending_first: !dialect.header,
            ragged,
            line: 1,
            skipped: 0,
            filled: 0,
            longest: None,
        };
        if !rows.read_record()? {
            return Err(DataError::Empty { file: file.name.clone() });
        }
        rows.names =
            if dialect.header { rows.header()? } else { (1..=rows.fields).map(|at| format!("column_{at}")).collect() };
        Ok(rows)
    }

    /// The columns' names; a column without one is called by its place.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Bytes of the file read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.get()
    }

    /// The line on which the current row starts, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Goes to the next row of the right width; `false` at the end.
    pub fn advance(&mut self) -> Result<bool, DataError> {
        if std::mem::take(&mut self.pending_first) {
            return Ok(true);
        }
        loop {
            if !self.read_record()? {
                return Ok(false);
            }
            let expected = self.names.len();
            if self.fields == expected {
                return Ok(true);
            }
            if self.fields == 1 && self.output[..self.ends[0]].iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let lines = self.lines_spanned();
            if lines > 1 && self.longest.is_none_or(|(_, most)| lines > most) {
                self.longest = Some((self.line, lines));
            }
            match self.ragged {
                Ragged::Error => {
                    let (file, line, found) = (self.file.clone(), self.line, self.fields);
                    return Err(DataError::Ragged { file, line, lines, found, expected });
                }
                Ragged::Skip => self.skipped += 1,
                Ragged::Fill => {
                    let end = self.ends[..self.fields].last().copied().unwrap_or(0);
                    self.ends.resize(self.ends.len().max(expected), 0);
                    if self.fields < expected {
                        self.ends[self.fields..expected].fill(end);
                    }
                    self.fields = expected;
                    self.filled += 1;
                    return Ok(true);
                }
            }
        }
    }

    /// The current row's cells.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends[..self.fields].iter().map(move |end| {
            let cell = &self.output[start..*end];
            start = *end;
            // The source decodes to UTF-8 and fields end at ASCII characters.
            std::str::from_utf8(cell).unwrap_or_default().trim_start_matches(MARK)
        })
    }

    fn header(&self) -> Result<Vec<String>, DataError> {
        let mut names: Vec<String> = Vec::with_capacity(self.fields);
        let mut places: HashMap<String, usize> = HashMap::with_capacity(self.fields);
        for (index, cell) in self.cells().enumerate() {
            let trimmed = cell.trim();
            let name = if trimmed.is_empty() { format!("column_{}", index + 1) } else { trimmed.to_owned() };
            if let Some(first) = places.insert(name.clone(), index) {
                let file = self.file.clone();
                return Err(DataError::DuplicateColumn { file, column: name, first: first + 1, second: index + 1 });
            }
            names.push(name);
        }
        Ok(names)
    }

    fn lines_spanned(&self) -> u64 {
        (self.reader.line() - self.line).max(1)
    }

    /// Reads one record into `output` and `ends`; `false` at the end of the file.
    fn read_record(&mut self) -> Result<bool, DataError> {
        self.skip_line_ends()?;
        self.line = self.reader.line();
        let (mut written, mut fields) = (0, 0);
        loop {
            let input = self.source.fill_buf().map_err(DataError::io("read", &self.path))?;
            let (result, read, out, ended) =
                self.reader.read_record(input, &mut self.output[written..], &mut self.ends[fields..]);
            self.source.consume(read);
            written += out;
            self.check_cells(fields, ended, written)?;
            fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    self.fields = fields;
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    /// `csv-core` leaves the `\n` of `\r\n` to the next record, which would then start a line early.
    fn skip_line_ends(&mut self) -> Result<(), DataError> {
        loop {
            let input = self.source.fill_buf().map_err(DataError::io("read", &self.path))?;
            let blank = input.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            if blank == 0 {
                return Ok(());
            }
            let lines = input[..blank].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.reader.set_line(self.reader.line() + lines);
            self.source.consume(blank);
        }
    }

    /// Cells that ended just now, and the one that is still open.
    fn check_cells(&self, fields: usize, ended: usize, written: usize) -> Result<(), DataError> {
        let mut start = if fields == 0 { 0 } else { self.ends[fields - 1] };
        let open = std::iter::once(written);
        for (offset, end) in self.ends[fields..fields + ended].iter().copied().chain(open).enumerate() {
            if end.saturating_sub(start) > CELL_LIMIT_BYTES {
                let at = fields + offset;
                let column = self.names.get(at).cloned().unwrap_or_else(|| format!("column_{}", at + 1));
                return Err(DataError::CellTooLong {
                    file: self.file.clone(),
                    line: self.line,
                    column,
                    limit: CELL_LIMIT_BYTES,
                });
            }
            start = end;
        }
        Ok(())
    }
}
