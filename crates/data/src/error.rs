//! What can be wrong with data: one variant for each thing that a caller or a test tells apart.
//!
//! The `Display` of an error says what failed, where and why; [`DataError::hint`] says the way out.
//! Both travel on as an [`ApiError`] by `From`.

use std::path::{Path, PathBuf};

pub(crate) use api::figure::count as thousands;
use api::{ApiError, ErrorCode};

/// The one error of this room.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("Can't {doing} {path}: {source}.", path = path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("There is nothing at {path}.", path = path.display())]
    Missing { path: PathBuf },
    #[error("Can't read {path}: it is no regular file, but a pipe, a socket or a device.", path = path.display())]
    NotAFile { path: PathBuf },
    #[error("{}", no_files(root, paths, what))]
    NoFiles { root: PathBuf, paths: Vec<String>, what: &'static str },
    #[error("The name of {file} is not UTF-8: as it is shown here, it can't be found again.")]
    NotUtf8 { file: String },
    #[error("The data path \"{path}\" leaves the project's folder {root}.", root = root.display())]
    Outside { root: PathBuf, path: String },
    #[error("The link {link} leads out of the folder {folder}, which is to be copied.", link = link.display(), folder = folder.display())]
    LinkOut { folder: PathBuf, link: PathBuf },
    #[error("The data path \"{path}\" is not a valid glob: {reason}.")]
    Glob { path: String, reason: String },
    #[error("Can't read {file}: it is empty, where a table with a header line was expected.")]
    Empty { file: String },
    #[error("Can't read {file}: line 1 is a header with {columns} columns, but no row follows.")]
    HeaderOnly { file: String, columns: usize },
    #[error("Can't read {file}: it has {columns} columns, but no row.")]
    NoRows { file: String, columns: usize },
    #[error("Can't read {file}, line {line}: {found} {fields} where the header has {expected}.{note}",
        line = thousands(*line), fields = if *found == 1 { "field" } else { "fields" },
        note = if *lines > 1 { format!(" The row spans {} lines; perhaps a quote is not closed.", thousands(*lines)) } else { String::new() })]
    Ragged { file: String, line: u64, lines: u64, found: usize, expected: usize },
    #[error("Can't read {file}: can't decide its encoding ({reason}).")]
    UndecidableEncoding { file: String, reason: String },
    #[error("Can't read {file}: \"{label}\" is not the name of an encoding.")]
    UnknownEncoding { file: String, label: String },
    #[error("Can't read {file}, line {line}: the bytes there are not {encoding}.", line = thousands(*line))]
    Undecodable { file: String, line: u64, encoding: String },
    #[error("Can't read {file}: the delimiter \"{delimiter}\" is not a single ASCII character.")]
    Delimiter { file: String, delimiter: String },
    #[error("Can't read {file}, line 1: the column \"{column}\" stands there twice, as columns {first} and {second}.")]
    DuplicateColumn { file: String, column: String, first: usize, second: usize },
    #[error("Can't read {file}, line {line}, column \"{column}\": the cell is longer than {limit} bytes.", line = thousands(*line), limit = thousands(*limit as u64))]
    CellTooLong { file: String, line: u64, column: String, limit: usize },
    #[error("Can't read {file}, line {line}, column \"{column}\": \"{cell}\" is not {expected}.", line = thousands(*line))]
    Cell { file: String, line: u64, column: String, cell: String, expected: &'static str },
    #[error("Can't read {file}, line {line}: {reason}.", line = thousands(*line))]
    Json { file: String, line: u64, reason: String },
    #[error("Can't read {file}, line {line}: the key \"{key}\" stands there twice.", line = thousands(*line))]
    KeyTwice { file: String, line: u64, key: String },
    #[error("Can't read {file}: {reason}.")]
    Parquet { file: String, reason: String },
    #[error("Can't read {file}: {reason}.")]
    ArrowIpc { file: String, reason: String },
    #[error("Can't read {file}, column \"{column}\": {reason}.")]
    Unconvertible { file: String, column: String, reason: String },
    #[error("Can't read {file}: none of its columns fits into a table ({columns}).", columns = quoted(columns))]
    NoColumns { file: String, columns: Vec<String> },
    #[error("Can't read {file} together with {first}: {difference}.")]
    SchemaDiffers { file: String, first: String, difference: String },
    #[error("Can't read {file}: files ending in \".{extension}\" are not a table that Slipway knows.")]
    UnknownFormat { file: String, extension: String },
    #[error("Can't decode the image {file}: {reason}.{more}",
        more = if *others > 0 { format!(" {others} more can't be decoded either.") } else { String::new() })]
    CorruptImage { file: String, reason: String, others: u64 },
    #[error("The images in {folder} don't lie in folders by class ({file} has no class folder).", folder = folder.display())]
    ImageWithoutClass { folder: PathBuf, file: String },
    #[error("The data has no column \"{column}\"; it has {columns}.", columns = quoted(columns))]
    NoColumn { column: String, columns: Vec<String>, role: &'static str },
    #[error("The target \"{column}\" is missing in all {rows} rows.", rows = thousands(*rows))]
    TargetAllMissing { column: String, rows: u64 },
    #[error("The target \"{column}\" has the value \"{value}\" in all {rows} rows: there is nothing to learn.", rows = thousands(*rows))]
    TargetConstant { column: String, value: String, rows: u64 },
    #[error("The class \"{class}\" of the target \"{column}\" has {rows} distinct {word}; at least 3 are needed, one each to train, validate and test.",
        word = if *rows == 1 { "row" } else { "rows" })]
    ClassTooSmall { column: String, class: String, rows: u64 },
    #[error("There are too few rows to split: {rows} distinct, and at least {needed} are needed.")]
    TooFewRows { rows: u64, needed: u64 },
    #[error("The split's shares are wrong: validation = {validation}, test = {test}.")]
    Shares { validation: f64, test: f64 },
    #[error("The split by {method} needs a column: `{key}` is not set in `[data]`.")]
    SplitColumnMissing { method: &'static str, key: &'static str },
    #[error("The timestamp column \"{column}\" holds {kind}, not dates or numbers.")]
    TimestampType { column: String, kind: &'static str },
    #[error("{path} is not a split record of this version: {reason}.", path = path.display())]
    SplitRecord { path: PathBuf, reason: String },
    #[error("{path} is not the file that the snapshot was taken of: expected {expected}, found {found}.", path = path.display())]
    NotAsTaken { path: PathBuf, expected: String, found: String },
    #[error("Stopped.")]
    Cancelled,
}

impl DataError {
    /// The way out, as a sentence.
    pub fn hint(&self) -> Option<String> {
        use DataError as E;
        Some(match self {
            E::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::PermissionDenied => "Give yourself the right to read it, and try again.".to_owned(),
                std::io::ErrorKind::StorageFull => "Free some space on that disk, and try again.".to_owned(),
                std::io::ErrorKind::NotFound => "It may be a link to what is gone: bring that back, or delete the link.".to_owned(),
                _ => return None,
            },
            E::Missing { .. } => "Check the path; the file may have been moved or deleted.".to_owned(),
            E::NotAFile { .. } => "Write its content into a file, and name that one in `paths`.".to_owned(),
            E::NoFiles { paths, .. } if paths.is_empty() => {
                "Drop a file on the Data page, or name it: `slipway project edit 'data.paths=[\"rows.csv\"]'`.".to_owned()
            }
            E::NotUtf8 { .. } => "Rename it.".to_owned(),
            E::NoFiles { .. } => "Put the files there, or change `paths` in `[data]` of slipway.toml.".to_owned(),
            E::Outside { .. } => "Name it by its absolute path if you mean that place, or copy it into the project.".to_owned(),
            E::LinkOut { .. } => "Put the file itself in its place, or delete the link.".to_owned(),
            E::Glob { .. } => "Write it like \"data/*.csv\" or \"data/**/*.parquet\".".to_owned(),
            E::Empty { .. } => "Fill the file, or leave it out of `paths`.".to_owned(),
            E::HeaderOnly { .. } | E::NoRows { .. } => "Add rows, or leave the file out of `paths`.".to_owned(),
            E::Ragged { .. } => "Open the file at that line, or import with `ragged = \"skip\"`.".to_owned(),
            E::UndecidableEncoding { .. } => {
                "Save the file as UTF-8, or name its encoding in `[data]`, for instance `encoding = \"windows-1251\"`.".to_owned()
            }
            E::UnknownEncoding { .. } => {
                "Use a name such as \"utf-8\", \"utf-16le\", \"latin1\", \"windows-1252\" or \"shift_jis\".".to_owned()
            }
            E::Undecodable { .. } => "Remove `encoding` from `[data]` to have it detected, or name the right one.".to_owned(),
            E::Delimiter { .. } => "Use one character, such as `delimiter = \";\"`.".to_owned(),
            E::DuplicateColumn { .. } => "Rename one of the two in the file.".to_owned(),
            E::CellTooLong { .. } => "Check the quotes before that line; a quote that is not closed swallows what follows. Long texts belong in files of their own.".to_owned(),
            E::Cell { column, .. } => format!("Mend the cell, or change the type of \"{column}\" under `[data.types]`."),
            E::KeyTwice { .. } => "Rename one of the two keys.".to_owned(),
            E::Json { .. } => "Each line must hold one JSON object, such as {\"amount\": 12.5}.".to_owned(),
            E::Parquet { .. } | E::ArrowIpc { .. } => "The file may have been cut short while it was copied or written; copy or export it again.".to_owned(),
            E::SchemaDiffers { .. } => "Files of one dataset need the same columns; leave the other out of `paths`, or mend its header.".to_owned(),
            E::UnknownFormat { extension, .. } if ["zip", "tar", "gz", "tgz", "7z"].contains(&extension.as_str()) => {
                "Unpack it first; pictures go into a folder with one folder for each class.".to_owned()
            }
            E::UnknownFormat { .. } => "Use CSV, TSV, Parquet, JSON Lines (.jsonl) or Arrow IPC (.arrow).".to_owned(),
            E::Unconvertible { .. } => "Export the column as text, or as a type that holds all its values: 64-bit integers, numbers, timestamps.".to_owned(),
            E::NoColumns { .. } => "Export lists and structs as columns of their own.".to_owned(),
            E::CorruptImage { .. } => "Replace it or delete it, and try again.".to_owned(),
            E::ImageWithoutClass { .. } => "Put each image into a folder named after its class, such as images/cat/1.png.".to_owned(),
            E::NoColumn { role, .. } => format!("Change `{role}` in `[data]` of slipway.toml to one of them."),
            E::TargetAllMissing { .. } | E::TargetConstant { .. } => "Choose another target, or add rows with other values of it.".to_owned(),
            E::ClassTooSmall { .. } => "Add rows of that class, or remove it from the data.".to_owned(),
            E::TooFewRows { .. } => "Add rows.".to_owned(),
            E::Shares { .. } => "Both must be above 0 and their sum below 1, such as `validation = 0.15` and `test = 0.2`.".to_owned(),
            E::SplitColumnMissing { key, .. } => format!("Set `{key}` to a column's name, or choose another `method` in `[split]`."),
            E::TimestampType { column, .. } => format!("Name another column as `timestamp`, or set `{column} = \"datetime\"` under `[data.types]`."),
            E::SplitRecord { .. } => "Start a new split; the rows will be assigned afresh.".to_owned(),
            E::NotAsTaken { .. } => "The snapshot only references its files: bring back what was there, or take a new snapshot.".to_owned(),
            E::Cancelled => return None,
        })
    }

    fn code(&self) -> ErrorCode {
        match self {
            DataError::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull => ErrorCode::NoSpace,
                std::io::ErrorKind::NotFound => ErrorCode::NotFound,
                std::io::ErrorKind::PermissionDenied => ErrorCode::Invalid,
                _ => ErrorCode::Internal,
            },
            DataError::Missing { .. } => ErrorCode::NotFound,
            DataError::SplitRecord { .. } => ErrorCode::Internal,
            DataError::NotAsTaken { .. } => ErrorCode::Conflict,
            DataError::Cancelled => ErrorCode::Cancelled,
            _ => ErrorCode::Invalid,
        }
    }

    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            std::io::ErrorKind::NotFound => Self::Missing { path },
            _ => Self::Io { doing, path, source },
        }
    }
}

impl From<DataError> for ApiError {
    fn from(error: DataError) -> Self {
        let api = ApiError::new(error.code(), error.to_string());
        match error.hint() {
            Some(hint) => api.with_hint(hint),
            None => api,
        }
    }
}

fn no_files(root: &Path, paths: &[String], what: &str) -> String {
    match paths {
        [] => "The project names no data: `paths` in `[data]` of slipway.toml is empty.".to_owned(),
        paths => format!("The data paths {} match no {what} in {}.", quoted(paths), root.display()),
    }
}

fn quoted(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut text = names.iter().take(SHOWN).map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
