//! Parquet and Arrow IPC as other programs write them: `fixtures/foreign/record.py` by pyarrow.

use std::{fs, path::PathBuf};

use api::{ApiError, config::ColumnType, config::DataConfig};
use data::{
    error::DataError,
    preview,
    progress::silent,
    scan,
    table::{self, Converted},
};

struct Read {
    _folder: tempfile::TempDir,
    converted: Converted,
    /// By column, as the preview shows them.
    rows: Vec<Vec<Option<String>>>,
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/foreign")
}

fn try_read(name: &str, change: impl FnOnce(&mut DataConfig)) -> Result<Read, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let mut config = DataConfig { paths: vec![name.to_owned()], ..DataConfig::default() };
    change(&mut config);
    let out = folder.path().join("table.parquet");
    let converted = table::convert(&scan::files(&fixtures(), &config)?, &config, &out, &mut silent)?;
    let rows = preview::rows(&out, &config, 0, 100).unwrap().rows;
    Ok(Read { _folder: folder, converted, rows })
}

fn read(name: &str) -> Read {
    try_read(name, |_| {}).unwrap()
}

fn fails(name: &str, message: &str, hint: &str) {
    let error = ApiError::from(try_read(name, |_| {}).err().unwrap_or_else(|| panic!("{name} was read")));
    assert_eq!(error.message, message);
    assert!(error.hint.clone().unwrap_or_default().contains(hint), "{:?}", error.hint);
}

impl Read {
    fn column(&self, name: &str) -> (ColumnType, Vec<Option<&str>>) {
        let place = self.converted.columns.iter().position(|(column, _)| column == name);
        let place = place.unwrap_or_else(|| panic!("no column {name}: {:?}", self.converted.columns));
        (self.converted.columns[place].1, self.rows.iter().map(|row| row[place].as_deref()).collect())
    }
}

/// Every type that pandas, Spark and DuckDB write, by what becomes of it.
fn check_types(read: &Read) {
    use ColumnType::{Boolean, Category, Datetime, Decimal, Integer};
    let (noon, night) = (Some("2026-03-29 12:30:00.25"), Some("1969-12-31 23:00:00"));
    for (name, kind, cells) in [
        ("id", Integer, [Some("1"), Some("2"), Some("3")]),
        ("colour", Category, [Some("red"), Some("green"), None]),
        // Moments, whatever clock they were written by.
        ("berlin", Datetime, [noon, night, None]),
        ("offset", Datetime, [noon, night, None]),
        ("naive", Datetime, [noon, night, None]),
        ("seconds", Datetime, [Some("2026-03-29 12:30:00"), night, None]),
        ("day", Datetime, [Some("2026-03-29"), Some("1969-12-31"), None]),
        ("price", Decimal, [Some("1234.5"), Some("-0.07"), None]),
        ("huge", Decimal, [Some("10000000000000000000000000000000000000000"), Some("-1"), None]),
        ("note", Category, [Some("grüße"), Some(""), None]),
        ("flag", Boolean, [Some("true"), Some("false"), None]),
        // pandas' missing number is NaN.
        ("half", Decimal, [Some("0.5"), None, None]),
        ("small", Integer, [Some("200"), Some("0"), None]),
    ] {
        assert_eq!(read.column(name), (kind, cells.to_vec()), "{name}");
    }
    assert_eq!(read.column("never").1, [None, None, None]);
    assert_eq!((read.converted.rows, read.converted.columns.len()), (3, 14));
    for (name, kind) in [("tags", "List"), ("point", "Struct"), ("raw", "Binary"), ("clock", "Time64")] {
        let start = format!("The column \"{name}\" is left out: values of type {kind}");
        let said = read.converted.notes.iter().find(|note| note.starts_with(&start));
        assert!(said.is_some_and(|note| note.ends_with("don't fit into a table.")), "{:?}", read.converted.notes);
    }
}

#[test]
fn parquet_by_pyarrow() {
    let read = read("types.parquet");
    assert_eq!(read.converted.notes[0], "Parquet");
    check_types(&read);
}

#[test]
fn arrow_ipc_by_pyarrow_as_file_and_as_stream() {
    for name in ["types.feather", "stream.arrow"] {
        let read = read(name);
        assert_eq!(read.converted.notes[0], "Arrow IPC");
        check_types(&read);
    }
}

#[test]
fn every_codec() {
    for name in ["none.parquet", "gzip.parquet", "zstd.parquet", "lz4.parquet", "brotli.parquet", "lz4.feather"] {
        let read = read(name);
        assert_eq!(read.column("id").1, [Some("1"), Some("2"), Some("3")], "{name}");
        assert_eq!(read.column("note").1, [Some("grüße"), Some(""), None], "{name}");
    }
}

#[test]
fn old_timestamps_of_96_bits_beyond_what_nanoseconds_hold() {
    let read = read("int96.parquet");
    assert_eq!(
        read.column("at"),
        (ColumnType::Datetime, vec![Some("2026-03-29 12:30:00.25"), Some("9999-12-31"), None])
    );
}

#[test]
fn what_fits_into_no_table_is_said() {
    fails(
        "nested.parquet",
        "Can't read nested.parquet: none of its columns fits into a table (\"tags\", \"point\").",
        "columns of their own",
    );
    fails("no_rows.parquet", "Can't read no_rows.parquet: it has 14 columns, but no row.", "Add rows");
}

#[test]
fn whole_numbers_beyond_64_bits_with_a_sign_are_decimals() {
    let read = read("unsigned.parquet");
    assert_eq!(read.column("hash"), (ColumnType::Decimal, vec![Some("18446744073709552000"), Some("1")]));
    assert!(read.converted.notes[1].starts_with("whole numbers over 9.2e18 in \"hash\""), "{:?}", read.converted.notes);
    let set = |config: &mut DataConfig| {
        config.types.insert("hash".to_owned(), ColumnType::Integer);
    };
    let error = ApiError::from(try_read("unsigned.parquet", set).err().unwrap());
    assert!(
        error.message.starts_with("Can't read unsigned.parquet, column \"hash\": ")
            && error.message.contains("18446744073709551615"),
        "{}",
        error.message
    );
    assert!(error.hint.unwrap().contains("as text"));
}

#[test]
fn a_foreign_column_can_be_given_another_type() {
    let set = |column: &str, kind| {
        let column = column.to_owned();
        move |config: &mut DataConfig| {
            config.types.insert(column, kind);
        }
    };
    let read = try_read("types.parquet", set("small", ColumnType::Category)).unwrap();
    assert_eq!(read.column("small"), (ColumnType::Category, vec![Some("200"), Some("0"), None]));
    let error = try_read("types.parquet", set("colour", ColumnType::Integer)).err().unwrap();
    assert_eq!(error.to_string(), "Can't read types.parquet, line 1, column \"colour\": \"red\" is not an integer.");
}

/// Any end that a broken copy may have is an error, or has all rows: never fewer, and never a panic.
#[test]
fn files_cut_anywhere() {
    for name in ["types.parquet", "types.feather", "stream.arrow", "int96.parquet"] {
        let whole = fs::read(fixtures().join(name)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = DataConfig { paths: vec![name.to_owned()], ..DataConfig::default() };
        for length in (0..whole.len()).step_by(97) {
            fs::write(folder.path().join(name), &whole[..length]).unwrap();
            let files = scan::files(folder.path(), &config).unwrap();
            match table::convert(&files, &config, &folder.path().join("out.parquet"), &mut silent) {
                Ok(converted) => assert_eq!(converted.rows, 3, "{name} cut to {length} bytes"),
                Err(error) => {
                    let (message, hint) = (error.to_string(), error.hint());
                    assert!(message.starts_with(&format!("Can't read {name}")) && hint.is_some(), "{message}");
                }
            }
        }
    }
}
