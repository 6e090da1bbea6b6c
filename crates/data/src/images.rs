//! Folders of images by class: which images there are, whether they decode, and their index as a
//! table, so that preview, profile and split treat images as they treat rows.

use std::{collections::BTreeSet, io::Cursor, path::Path, sync::Arc};

use api::config::{ColumnType, DataConfig, DataKind};
use arrow_array::{ArrayRef, Int64Array, StringArray, cast::AsArray, types::Int64Type};
use arrow_schema::Schema;
use image::ImageReader;

use crate::{
    error::{DataError, thousands},
    progress::{Progress, report},
    scan::{self, ScannedFile},
    table::{BATCH_ROWS, Converted, ParquetOut, batches},
    whole_file,
};

pub(crate) const IMAGE: &str = "image";
pub(crate) const CONTENT: &str = "content";

/// The largest side that a small network is trained on; larger pictures are brought down to it.
const LARGEST_SIDE: u32 = 64;
/// Pictures below this side are brought up, so that a network can pool them.
const SMALLEST_SIDE: u32 = 8;

/// The side, in pixels, that pictures of this usual side are trained at.
pub fn brought_to(side: u32) -> usize {
    side.clamp(SMALLEST_SIDE, LARGEST_SIDE) as usize
}

/// The images of a dataset, sorted by path.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageIndex {
    pub entries: Vec<ImageEntry>,
    /// Sorted.
    pub classes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ImageEntry {
    /// Relative to the folder, with forward slashes: "7/0042.png".
    pub path: String,
    pub class: String,
    pub width: u32,
    pub height: u32,
    /// BLAKE3 of the file's bytes, in hexadecimal: equal images stay in one part of a split.
    pub content: String,
}

/// Finds the images below `folder`, one folder a class, and decodes each once. Progress is in images.
pub fn index(folder: &Path, progress: Progress<'_>) -> Result<ImageIndex, DataError> {
    let config = DataConfig { paths: vec![".".to_owned()], kind: DataKind::Images, ..DataConfig::default() };
    let files = scan::files(folder, &config)?;
    index_files(folder, &files, progress)
}

/// The same for files that `scan::files` found below `root`: the class is the name of an image's
/// own folder, the path is the scanned name.
pub fn index_files(root: &Path, files: &[ScannedFile], progress: Progress<'_>) -> Result<ImageIndex, DataError> {
    let mut entries = Vec::with_capacity(files.len());
    let mut classes = BTreeSet::new();
    let mut corrupt: Option<(String, String)> = None;
    let mut others = 0;
    for file in files {
        let Some(class) = class(&file.name) else {
            return Err(DataError::ImageWithoutClass { folder: root.to_owned(), file: file.name.clone() });
        };
        let bytes = std::fs::read(&file.path).map_err(DataError::io("read", &file.path))?;
        match decode(&bytes) {
            Ok((width, height)) => {
                classes.insert(class.to_owned());
                let content = blake3::hash(&bytes).to_hex().to_string();
                entries.push(ImageEntry { path: file.name.clone(), class: class.to_owned(), width, height, content });
            }
            Err(reason) if corrupt.is_none() => corrupt = Some((file.name.clone(), reason)),
            Err(_) => others += 1,
        }
        report(progress, 1)?;
    }
    if let Some((file, reason)) = corrupt {
        return Err(DataError::CorruptImage { file, reason, others });
    }
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(ImageIndex { entries, classes: classes.into_iter().collect() })
}

/// The folder that an image lies in.
pub(crate) fn class(name: &str) -> Option<&str> {
    name.rsplit('/').nth(1)
}

/// Width and height, after all pixels were decoded: a file cut short has a whole header.
pub(crate) fn decode(bytes: &[u8]) -> Result<(u32, u32), String> {
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        return Err("its bytes are no PNG, JPEG, BMP, GIF or WebP".to_owned());
    }
    let image = reader.decode().map_err(|error| error.to_string())?;
    Ok((image.width(), image.height()))
}

/// Writes the index as a table: columns `image` (its path), the class under the name `target`,
/// `width`, `height` and `content`.
pub fn to_parquet(index: &ImageIndex, target: &str, out_parquet: &Path) -> Result<Converted, DataError> {
    let columns = vec![
        (IMAGE.to_owned(), ColumnType::Image),
        (target.to_owned(), ColumnType::Category),
        ("width".to_owned(), ColumnType::Integer),
        ("height".to_owned(), ColumnType::Integer),
        (CONTENT.to_owned(), ColumnType::Text),
    ];
    let notes = vec![sentence(index)];
    whole_file::write(out_parquet, |file| {
        let mut out = ParquetOut::new(file, out_parquet, &columns)?;
        for entries in index.entries.chunks(BATCH_ROWS) {
            let text = |field: fn(&ImageEntry) -> &str| -> ArrayRef {
                Arc::new(entries.iter().map(|entry| Some(field(entry))).collect::<StringArray>())
            };
            let number = |field: fn(&ImageEntry) -> u32| -> ArrayRef {
                Arc::new(entries.iter().map(|entry| i64::from(field(entry))).collect::<Int64Array>())
            };
            out.write(vec![
                text(|entry| &entry.path),
                text(|entry| &entry.class),
                number(|entry| entry.width),
                number(|entry| entry.height),
                text(|entry| &entry.content),
            ])?;
        }
        out.finish(&notes)
    })?;
    Ok(Converted { columns, rows: index.entries.len() as u64, notes })
}

/// The median width and height of the images of an index; nothing where it has none.
pub fn sides(index_parquet: &Path) -> Result<Option<(u32, u32)>, DataError> {
    let (mut widths, mut heights) = (Vec::new(), Vec::new());
    for batch in batches(index_parquet, Some(&["width", "height"]))? {
        let batch = batch?;
        for (name, sides) in [("width", &mut widths), ("height", &mut heights)] {
            let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
            sides.extend(column.into_iter().flat_map(|column| column.iter().flatten()));
        }
    }
    let median = |sides: &mut Vec<i64>| {
        sides.sort_unstable();
        sides.get(sides.len() / 2).and_then(|side| u32::try_from(*side).ok())
    };
    Ok(median(&mut widths).zip(median(&mut heights)))
}

/// "1,797 images in 10 classes, 8 × 8 pixels".
pub(crate) fn sentence(index: &ImageIndex) -> String {
    let sizes: BTreeSet<(u32, u32)> = index.entries.iter().map(|entry| (entry.width, entry.height)).collect();
    let size = match sizes.iter().next() {
        Some((width, height)) if sizes.len() == 1 => format!("{width} × {height} pixels"),
        _ => format!("{} different sizes", sizes.len()),
    };
    format!("{} images in {} classes, {size}", thousands(index.entries.len() as u64), index.classes.len())
}

/// Whether a table is an index of images.
pub(crate) fn is_index(schema: &Schema) -> bool {
    schema.field_with_name(IMAGE).is_ok_and(|field| crate::column::kind(field) == ColumnType::Image)
        && schema.field_with_name(CONTENT).is_ok()
}
