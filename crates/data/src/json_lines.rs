//! JSON Lines: one object a line, its values as text cells. Nested values stay JSON text.

use std::{
    collections::HashSet,
    fmt,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use crate::{delimited::CELL_LIMIT_BYTES, error::DataError, scan::ScannedFile};

/// A line may hold several cells at the limit, but not a whole file.
const LINE_LIMIT_BYTES: u64 = 64 << 20;

/// An object's cells by key; `None` is missing.
pub(crate) type Cells = Vec<(String, Option<String>)>;

/// The objects of a file, one at a time.
pub(crate) struct Objects {
    file: String,
    path: PathBuf,
    source: BufReader<File>,
    text: Vec<u8>,
    /// The current line, from 1.
    pub(crate) line: u64,
    pub(crate) bytes_read: u64,
}

/// Keys in the file's own order, which `serde_json::Map` doesn't keep.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Objects {
    pub(crate) fn open(file: &ScannedFile) -> Result<Self, DataError> {
        let source = File::open(&file.path).map_err(DataError::io("open", &file.path))?;
        Ok(Self {
            file: file.name.clone(),
            path: file.path.clone(),
            source: BufReader::with_capacity(1 << 16, source),
            text: Vec::new(),
            line: 0,
            bytes_read: 0,
        })
    }

    /// The next object's cells by key; `None` at the end. Blank lines are passed over.
    pub(crate) fn next_object(&mut self) -> Result<Option<Cells>, DataError> {
        loop {
            self.text.clear();
            let mut limited = (&mut self.source).take(LINE_LIMIT_BYTES);
            let read = limited.read_until(b'\n', &mut self.text).map_err(DataError::io("read", &self.path))? as u64;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            self.bytes_read += read;
            if read == LINE_LIMIT_BYTES {
                return Err(self.wrong(format!("it is longer than {} MiB", LINE_LIMIT_BYTES >> 20)));
            }
            let text = self.text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.text);
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let object: Object = serde_json::from_slice(text).map_err(|error| self.wrong(plain(&error)))?;
            return self.cells(object).map(Some);
        }
    }

    fn cells(&self, object: Object) -> Result<Cells, DataError> {
        if let Some(key) = doubled(&object) {
            return Err(DataError::KeyTwice { file: self.file.clone(), line: self.line, key: key.to_owned() });
        }
        let mut cells: Cells = Vec::with_capacity(object.0.len());
        for (name, value) in object.0 {
            let cell = match value {
                Value::Null => None,
                Value::String(text) => Some(text),
                other => Some(other.to_string()),
            };
            if cell.as_ref().is_some_and(|cell| cell.len() > CELL_LIMIT_BYTES) {
                let (file, line) = (self.file.clone(), self.line);
                return Err(DataError::CellTooLong { file, line, column: name, limit: CELL_LIMIT_BYTES });
            }
            cells.push((name, cell));
        }
        Ok(cells)
    }

    fn wrong(&self, reason: String) -> DataError {
        DataError::Json { file: self.file.clone(), line: self.line, reason }
    }
}

/// The first key that stands in an object for the second time.
fn doubled(object: &Object) -> Option<&str> {
    let mut seen = HashSet::with_capacity(object.0.len());
    object.0.iter().map(|(name, _)| name.as_str()).find(|name| !seen.insert(*name))
}

/// serde_json counts lines within the one line that it was given; only the column means something.
fn plain(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "the object is cut off at the end of the line".to_owned();
    }
    let text = error.to_string();
    match text.split_once(" at line 1 column ") {
        Some((reason, column)) => format!("{reason} at character {column}"),
        None => text,
    }
}
