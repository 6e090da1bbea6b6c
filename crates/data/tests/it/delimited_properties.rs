//! The CSV reader against the `csv` crate's writer, over random tables, dialects and encodings.

use std::fs;

use api::config::{ColumnType, DataConfig, Ragged};
use data::{
    error::DataError,
    preview,
    progress::silent,
    scan,
    table::{self, Converted},
    typing::is_missing,
};
use proptest::prelude::*;

const NAMES: [&str; 3] = ["first", "second", "third"];

type Cells = Vec<Vec<Option<String>>>;

fn read(bytes: &[u8], change: impl FnOnce(&mut DataConfig)) -> Result<(Converted, Cells), DataError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), bytes).unwrap();
    let mut config = DataConfig { paths: vec!["a.csv".to_owned()], ..DataConfig::default() };
    change(&mut config);
    let out = folder.path().join("out.parquet");
    let converted = table::convert(&scan::files(folder.path(), &config)?, &config, &out, &mut silent)?;
    let cells = preview::rows(&out, &config, 0, 100_000).unwrap().rows;
    Ok((converted, cells))
}

fn as_text(config: &mut DataConfig) {
    config.types = NAMES.map(|name| (name.to_owned(), ColumnType::Text)).into();
}

fn written(rows: &[Vec<String>], delimiter: u8, windows: bool) -> String {
    let terminator = if windows { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).from_writer(Vec::new());
    writer.write_record(NAMES).unwrap();
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn encoded(text: &str, encoding: &str) -> Vec<u8> {
    let utf16 = |mark: bool, bytes: fn(u16) -> [u8; 2]| {
        let mark = mark.then_some(0xFEFF);
        mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    match encoding {
        "utf-8 with mark" => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        "utf-16le" => utf16(true, u16::to_le_bytes),
        "utf-16be" => utf16(true, u16::to_be_bytes),
        "windows-1252" => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
        _ => text.as_bytes().to_vec(),
    }
}

fn expected(cell: &str) -> Option<String> {
    if is_missing(cell) { None } else { Some(cell.to_owned()) }
}

/// Cells with everything that has a meaning in some dialect.
fn table_of_texts() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec("[a-zA-Z0-9äé€ ,;|\t\"'\n\r#=-]{0,14}", 3), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever was written, by whatever dialect and in whatever encoding, comes back cell by cell.
    #[test]
    fn texts_come_back(
        rows in table_of_texts(),
        delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|']),
        windows in any::<bool>(),
        encoding in prop::sample::select(vec!["utf-8", "utf-8 with mark", "utf-16le", "utf-16be", "windows-1252"]),
    ) {
        let bytes = encoded(&written(&rows, delimiter, windows), encoding);
        let (converted, cells) = read(&bytes, |config| {
            as_text(config);
            config.delimiter = Some(char::from(delimiter).to_string());
            config.encoding = (encoding == "windows-1252").then(|| encoding.to_owned());
        }).unwrap();
        prop_assert_eq!(converted.rows, rows.len() as u64);
        for (row, found) in rows.iter().zip(&cells) {
            let wanted: Vec<Option<String>> = row.iter().map(|cell| expected(cell)).collect();
            prop_assert_eq!(found, &wanted);
        }
    }

    /// Numbers keep every digit that f64 and i64 have.
    #[test]
    fn numbers_come_back(rows in prop::collection::vec((any::<i64>(), -1e300..1e300_f64, any::<bool>()), 2..40)) {
        let mut text = "whole,part,flag\n".to_owned();
        rows.iter().for_each(|(whole, part, flag)| text.push_str(&format!("{whole},{part},{flag}\n")));
        let (_, cells) = read(text.as_bytes(), |config| {
            config.types = [
                ("whole".to_owned(), ColumnType::Integer),
                ("part".to_owned(), ColumnType::Decimal),
                ("flag".to_owned(), ColumnType::Boolean),
            ]
            .into();
        }).unwrap();
        for ((whole, part, flag), found) in rows.iter().zip(&cells) {
            prop_assert_eq!(found[0].as_deref().map(str::parse::<i64>), Some(Ok(*whole)));
            prop_assert_eq!(found[1].as_deref().map(str::parse::<f64>), Some(Ok(*part)));
            prop_assert_eq!(found[2].as_deref().map(str::parse::<bool>), Some(Ok(*flag)));
        }
    }

    /// A row of another width is named by the line on which it starts, however many lines the cells
    /// before it span and however lines end; left out or filled, all the other rows stay.
    #[test]
    fn a_ragged_row_is_named_by_its_line(
        rows in prop::collection::vec(prop::collection::vec("[a-z \n]{1,6}x", 3), 2..20),
        place in any::<prop::sample::Index>(),
        windows in any::<bool>(),
        width in prop::sample::select(vec![2_usize, 4, 7]),
    ) {
        let place = place.index(rows.len());
        let (end, mut text, mut line) = (if windows { "\r\n" } else { "\n" }, String::new(), 1);
        text.push_str(&NAMES.join(","));
        text.push_str(end);
        for (index, row) in rows.iter().enumerate() {
            if index == place {
                line = 1 + text.matches('\n').count() as u64;
                text.push_str(&vec!["r"; width].join(","));
                text.push_str(end);
            }
            text.push_str(&row.iter().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(","));
            text.push_str(end);
        }
        let comma = |config: &mut DataConfig| {
            as_text(config);
            config.delimiter = Some(",".to_owned());
        };
        let error = read(text.as_bytes(), comma).unwrap_err();
        let expected = format!("Can't read a.csv, line {line}: {width} fields where the header has 3.");
        prop_assert_eq!(error.to_string(), expected);
        for (ragged, kept) in [(Ragged::Skip, rows.len()), (Ragged::Fill, rows.len() + 1)] {
            let (converted, _) = read(text.as_bytes(), |config| {
                comma(config);
                config.ragged = ragged;
            }).unwrap();
            prop_assert_eq!(converted.rows, kept as u64);
        }
    }

    /// The reader's buffers end anywhere: cells longer than them come back whole.
    #[test]
    fn long_cells_cross_buffers(lengths in prop::collection::vec(0..200_000_usize, 1..4), quoted in any::<bool>()) {
        let cell = |length: usize| if quoted { "ab\"\"\nc".repeat(length / 6) } else { "abcde ".repeat(length / 6) };
        let mut text = "first,second,third\n".to_owned();
        for length in &lengths {
            let cell = cell(*length);
            text.push_str(&if quoted { format!("x,\"{cell}\",z\n") } else { format!("x,{cell}y,z\n") });
        }
        let (_, cells) = read(text.as_bytes(), |config| {
            as_text(config);
            config.delimiter = Some(",".to_owned());
        }).unwrap();
        prop_assert_eq!(cells.len(), lengths.len());
        for (length, found) in lengths.iter().zip(&cells) {
            let cell = cell(*length);
            let wanted = if quoted { cell.replace("\"\"", "\"") } else { format!("{cell}y") };
            prop_assert_eq!(found[1].clone().unwrap_or_default().len(), wanted.len());
            prop_assert_eq!(found[2].as_deref(), Some("z"));
        }
    }
}
