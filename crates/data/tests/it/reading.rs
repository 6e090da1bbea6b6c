//! Files of every kind and encoding, good and bad, through `table::convert`.

use std::{fs, path::Path};

use api::{
    ApiError,
    config::{ColumnType, DataConfig, Ragged},
};
use data::{
    error::DataError,
    preview,
    progress::silent,
    scan,
    table::{self, Converted},
};
use proptest::prelude::*;

fn config(path: &str) -> DataConfig {
    DataConfig { paths: vec![path.to_owned()], ..DataConfig::default() }
}

fn convert(folder: &Path, config: &DataConfig) -> Result<Converted, DataError> {
    let files = scan::files(folder, config)?;
    table::convert(&files, config, &folder.join("out/table.parquet"), &mut silent)
}

fn cells(folder: &Path) -> Vec<Vec<Option<String>>> {
    preview::rows(&folder.join("out/table.parquet"), &DataConfig::default(), 0, 10_000).unwrap().rows
}

/// Converts one file of that name and content.
fn read(
    name: &str,
    bytes: &[u8],
    change: impl FnOnce(&mut DataConfig),
) -> (tempfile::TempDir, Result<Converted, DataError>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    let mut config = config(name);
    change(&mut config);
    let converted = convert(folder.path(), &config);
    (folder, converted)
}

fn fails(name: &str, bytes: &[u8], message: &str, hint: &str) {
    let (folder, converted) = read(name, bytes, |_| {});
    let error = ApiError::from(converted.unwrap_err());
    assert!(error.message.contains(message), "{}", error.message);
    assert!(error.hint.clone().unwrap_or_default().contains(hint), "{:?}", error.hint);
    assert!(!folder.path().join("out/table.parquet").exists(), "nothing half done is left");
}

fn kinds(converted: &Converted) -> Vec<ColumnType> {
    converted.columns.iter().map(|(_, kind)| *kind).collect()
}

#[test]
fn types_are_found_over_all_rows() {
    let mut text = "flag,count,price,when,code,sort,note,late\n".to_owned();
    for row in 0..3000 {
        let late = if row == 2999 { "x".to_owned() } else { row.to_string() };
        text.push_str(&format!(
            "{},{row},{}.5,2026-01-{:02}T10:00:00Z,{:05},{},free text {row},{late}\n",
            row % 2 == 0,
            row,
            row % 28 + 1,
            row,
            row % 7
        ));
    }
    let (_folder, converted) = read("a.csv", text.as_bytes(), |_| {});
    use ColumnType::{Boolean, Datetime, Decimal, Integer, Text};
    assert_eq!(kinds(&converted.unwrap()), [Boolean, Integer, Decimal, Datetime, Text, Integer, Text, Text]);
}

#[test]
fn semicolons_decimal_commas_and_windows_1252() {
    let text = b"name;preis;tag\nM\xFCller \x80;1,5;31.12.2025\nKr\xF6ger;2;01.01.2026\n";
    let (folder, converted) = read("a.csv", text, |_| {});
    let converted = converted.unwrap();
    assert_eq!(kinds(&converted), [ColumnType::Category, ColumnType::Decimal, ColumnType::Datetime]);
    assert_eq!(converted.notes[0], "semicolons, Windows-1252");
    assert_eq!(
        cells(folder.path())[0],
        [Some("Müller €".to_owned()), Some("1.5".to_owned()), Some("2025-12-31".to_owned())]
    );
}

#[test]
fn every_encoding_reads_the_same() {
    let text = "stadt,n\nZürich,1\nÅlesund,2\n";
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let with = |mark: &[u8], bytes: Vec<u8>| [mark, &bytes].concat();
    let latin: Vec<u8> = text.chars().map(|character| character as u8).collect();
    for (bytes, name) in [
        (text.as_bytes().to_vec(), "UTF-8"),
        (with(b"\xEF\xBB\xBF", text.as_bytes().to_vec()), "UTF-8"),
        (utf16(u16::to_le_bytes), "UTF-16 LE"),
        (utf16(u16::to_be_bytes), "UTF-16 BE"),
        (with(b"\xFF\xFE", utf16(u16::to_le_bytes)), "UTF-16 LE"),
        (with(b"\xFE\xFF", utf16(u16::to_be_bytes)), "UTF-16 BE"),
        (latin, "Latin-1"),
    ] {
        let (folder, converted) = read("a.csv", &bytes, |_| {});
        let converted = converted.unwrap();
        assert_eq!(converted.columns[0].0, "stadt");
        assert!(converted.notes[0].ends_with(name), "{}", converted.notes[0]);
        assert_eq!(cells(folder.path())[1], [Some("Ålesund".to_owned()), Some("2".to_owned())], "{name}");
    }
}

#[test]
fn a_named_encoding_is_taken_or_refused() {
    let (cyrillic, _, _) = encoding_rs::WINDOWS_1251.encode("город,n\nМосква,1\nКазань,2\n");
    fails("a.csv", &cyrillic, "can't decide its encoding", "encoding = \"windows-1251\"");
    let (folder, converted) = read("a.csv", &cyrillic, |config| config.encoding = Some("windows-1251".to_owned()));
    converted.unwrap();
    assert_eq!(cells(folder.path())[0][0].as_deref(), Some("Москва"));
    let (_folder, refused) = read("a.csv", b"a,b\n1,2\n\xFF,3\n", |config| config.encoding = Some("utf-8".to_owned()));
    assert!(matches!(refused.unwrap_err(), DataError::Undecodable { line: 3, .. }));
}

#[test]
fn missing_cells_and_quotes() {
    let (folder, converted) = read("a.csv", b"a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\nNA,\r\n3,w\r\n", |_| {});
    assert_eq!(kinds(&converted.unwrap()), [ColumnType::Integer, ColumnType::Category]);
    let expected = [[Some("1"), Some("x, \"y\"\nz")], [None, None], [Some("3"), Some("w")]];
    let cells = cells(folder.path());
    let cells: Vec<Vec<Option<&str>>> = cells.iter().map(|row| row.iter().map(Option::as_deref).collect()).collect();
    assert_eq!(cells, expected);
}

#[test]
fn bad_files_say_where_and_what_to_do() {
    fails("a.csv", b"", "Can't read a.csv: it is empty", "Fill the file");
    fails("a.csv", b"a,b,c\n", "line 1 is a header with 3 columns, but no row follows", "Add rows");
    fails(
        "a.csv",
        b"a,b\n1,2\n1,2,3\n",
        "Can't read a.csv, line 3: 3 fields where the header has 2.",
        "import with `ragged = \"skip\"`",
    );
    fails("a.csv", b"a,b,a\n1,2,3\n", "the column \"a\" stands there twice, as columns 1 and 3", "Rename one");
    fails("a.csv", b"a,b\n\x00\x01\x02\x03,\x00\n", "can't decide its encoding", "Save the file as UTF-8");
    fails("a.csv", b"a,b\n1,\x81\x8D\n", "can't decide its encoding", "Save the file as UTF-8");
    let huge = ["a,b\n1,2\n3,\"".as_bytes(), &vec![b'x'; 10 << 20], b"\"\n"].concat();
    fails("a.csv", &huge, "line 3, column \"b\": the cell is longer than 1,048,576 bytes", "quote");
    fails(
        "a.jsonl",
        b"{\"a\": 1}\n{\"a\": \n",
        "Can't read a.jsonl, line 2: the object is cut off at the end of the line.",
        "one JSON object",
    );
    fails(
        "a.jsonl",
        b"{\"a\": 1, \"b\": 2, \"a\": 3}\n",
        "Can't read a.jsonl, line 1: the key \"a\" stands there twice.",
        "Rename one of the two keys.",
    );
    fails("a.parquet", b"PAR1 and then nothing", "it is not a whole Parquet file", "cut short");
    fails("a.arrow", b"ARROW1\0\0 and then nothing", "it is not a whole Arrow IPC file", "cut short");
    fails("a.xlsx", b"PK", "files ending in \".xlsx\" are not a table", "Use CSV");
}

#[test]
fn a_parquet_file_cut_short_is_an_error() {
    let (folder, converted) = read("a.csv", b"a,b\n1,2\n3,4\n", |_| {});
    converted.unwrap();
    let whole = fs::read(folder.path().join("out/table.parquet")).unwrap();
    fails("b.parquet", &whole[..whole.len() / 2], "Can't read b.parquet", "cut short");
}

#[test]
fn ragged_rows_are_skipped_or_filled_on_request() {
    let text = b"a,b,c\n1,2,3\n4,5\n6,7,8,9\n";
    let (folder, skipped) = read("a.csv", text, |config| config.ragged = Ragged::Skip);
    assert_eq!(skipped.unwrap().notes[1], "2 lines of another width left out");
    assert_eq!(cells(folder.path()).len(), 1);
    let (folder, filled) = read("a.csv", text, |config| config.ragged = Ragged::Fill);
    assert_eq!(filled.unwrap().notes[1], "2 lines of another width cut or filled");
    assert_eq!(cells(folder.path())[1], [Some("4".to_owned()), Some("5".to_owned()), None]);
    assert_eq!(cells(folder.path())[2][2].as_deref(), Some("8"));
}

#[test]
fn types_can_be_overridden_and_misfits_are_named() {
    let set = |kind| {
        move |config: &mut DataConfig| {
            config.types.insert("a".to_owned(), kind);
        }
    };
    let (_folder, converted) = read("a.csv", b"a,b\n1,2\n3,4\n", set(ColumnType::Category));
    assert_eq!(converted.unwrap().columns[0].1, ColumnType::Category);
    let (_folder, refused) = read("a.csv", b"a,b\n1,2\nx,4\n", set(ColumnType::Integer));
    let error = refused.unwrap_err();
    assert_eq!(error.to_string(), "Can't read a.csv, line 3, column \"a\": \"x\" is not an integer.");
}

#[test]
fn several_files_and_formats_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("data")).unwrap();
    fs::write(root.join("data/1.csv"), "a,b\n1,x\n").unwrap();
    fs::write(root.join("data/2.jsonl"), "{\"b\": \"y\", \"a\": 2.5}\n").unwrap();
    convert(root, &config("data")).unwrap();
    fs::rename(root.join("out/table.parquet"), root.join("data/3.parquet")).unwrap();
    let converted = convert(root, &config("data")).unwrap();
    assert_eq!((converted.rows, kinds(&converted)), (4, vec![ColumnType::Decimal, ColumnType::Category]));
    let first = fs::read(root.join("out/table.parquet")).unwrap();
    convert(root, &config("data")).unwrap();
    assert_eq!(first, fs::read(root.join("out/table.parquet")).unwrap(), "equal input gives equal bytes");

    fs::write(root.join("data/4.csv"), "a,c\n1,x\n").unwrap();
    let error = convert(root, &config("data")).unwrap_err();
    assert!(matches!(&error, DataError::SchemaDiffers { file, .. } if file == "data/4.csv"), "{error}");
}

#[test]
fn a_preview_begins_anywhere() {
    let text: String = std::iter::once("n\n".to_owned()).chain((0..300_000).map(|row| format!("{row}\n"))).collect();
    let (folder, converted) = read("a.csv", text.as_bytes(), |_| {});
    assert_eq!(converted.unwrap().rows, 300_000);
    let parquet = folder.path().join("out/table.parquet");
    for offset in [0, 8191, 131_071, 262_144, 299_998] {
        let preview = preview::rows(&parquet, &DataConfig::default(), offset, 2).unwrap();
        assert_eq!(preview.rows, [vec![Some(offset.to_string())], vec![Some((offset + 1).to_string())]]);
    }
    assert!(preview::rows(&parquet, &DataConfig::default(), 300_000, 2).unwrap().rows.is_empty());
}

#[test]
fn quotes_that_belong_to_a_cell_are_no_dialect() {
    let (folder, converted) = read("a.csv", "first,second,third\n\"\"\",a\"\"\",\"\n€\",\",\"\n".as_bytes(), |_| {});
    assert_eq!(converted.unwrap().rows, 1);
    assert_eq!(cells(folder.path())[0][0].as_deref(), Some("\",a\""));
}

proptest! {
    /// Whatever the `csv` crate writes, quoted as it must be, comes back cell by cell.
    #[test]
    fn what_was_written_is_read(rows in prop::collection::vec(prop::collection::vec("[a-zé€ ,;\"\n']{1,12}", 3), 1..20)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["first", "second", "third"]).unwrap();
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        let (folder, converted) = read("a.csv", &writer.into_inner().unwrap(), |config| config.delimiter = Some(",".to_owned()));
        prop_assert_eq!(converted.unwrap().rows, rows.len() as u64);
        for (row, read) in rows.iter().zip(cells(folder.path())) {
            for (cell, read) in row.iter().zip(read) {
                let expected = if data::typing::is_missing(cell) { None } else { Some(cell.clone()) };
                prop_assert_eq!(expected, read);
            }
        }
    }

    /// Any bytes at all are a table or an error, never a panic.
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), name in prop::sample::select(vec!["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.arrow"])) {
        drop(read(name, &bytes, |_| {}));
    }
}

#[test]
fn a_quote_that_is_never_closed_is_named_and_no_other_dialect() {
    let mut text = "a,b,y\n".to_owned();
    (0..300)
        .for_each(|row| text.push_str(&if row == 149 { "\"never,1,u\n".to_owned() } else { format!("{row},1,u\n") }));
    fails("d.csv", text.as_bytes(), "line 151: 1 field where the header has 3.", "Open the file at that line");
    fails("d.csv", text.as_bytes(), "perhaps a quote is not closed", "Open the file at that line");
    let (_folder, skipped) = read("d.csv", text.as_bytes(), |config| config.ragged = Ragged::Skip);
    let skipped = skipped.unwrap();
    assert_eq!((skipped.rows, skipped.notes[1].as_str()), (149, "1 line of another width left out"));
    let lost = "the longest begins on line 151 and spans 151 lines: perhaps a quote is not closed";
    assert!(skipped.notes[2].starts_with(lost), "{:?}", skipped.notes);
}

#[test]
fn names_left_empty_are_a_header_where_the_others_are_one() {
    let names = |text: &str| {
        let (_folder, converted) = read("a.csv", text.as_bytes(), |_| {});
        let converted = converted.unwrap();
        let names: Vec<String> = converted.columns.into_iter().map(|(name, _)| name).collect();
        (names.join(" "), converted.rows)
    };
    // pandas, with an index of two levels.
    assert_eq!(names(",,y\n0,1,u\n0,2,v\n1,1,u\n"), ("column_1 column_2 y".to_owned(), 3));
    assert_eq!(names(",,y\n0,1,5\n0,2,6\n1,1,7\n"), ("column_1 column_2 y".to_owned(), 3));
    // The first row of a file without a header.
    assert_eq!(names(",,u\n0,1,u\n0,2,v\n1,1,u\n"), ("column_1 column_2 column_3".to_owned(), 4));
    assert_eq!(names(",,4\n0,1,5\n0,2,6\n1,1,7\n"), ("column_1 column_2 column_3".to_owned(), 4));
    assert_eq!(names(",,\n0,1,5\n0,2,6\n1,1,7\n"), ("column_1 column_2 column_3".to_owned(), 4));
}

#[test]
fn byte_order_marks_of_joined_files_are_no_text() {
    let mut text = "a,b\n".to_owned();
    (0..20).for_each(|row| text.push_str(&format!("{}{row},1\n", if row >= 10 { "\u{FEFF}" } else { "" })));
    let (_folder, converted) = read("d.csv", text.as_bytes(), |_| {});
    assert_eq!(kinds(&converted.unwrap())[0], ColumnType::Integer);
}
