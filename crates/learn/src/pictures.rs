//! Image files as batches: one shape for a whole project, chosen from the training part.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use data::images::brought_to;
use image::ImageReader;
use infer::{
    images::{self, ImageError, Shape},
    preprocessing::{IMAGE_COLUMN, Mode},
};
use rayon::prelude::*;

use crate::error::LearnError;

/// Images that are decoded at once.
pub const AT_ONCE: usize = 1024;

/// Training images that are looked at for colour.
const LOOKED_AT: usize = 64;

/// The shape that all pictures are brought to: the median height and width of the training images
/// within limits, and three channels if any of a sample has colour.
pub fn shape<'a>(folder: &Path, paths: impl Iterator<Item = &'a str>) -> Result<Shape, LearnError> {
    let paths: Vec<PathBuf> = paths.map(|path| folder.join(path)).collect();
    let sizes: Vec<(u32, u32)> = paths.par_iter().map(|path| size(path)).collect::<Result<_, _>>()?;
    let median = |side: &dyn Fn(&(u32, u32)) -> u32| {
        let mut sides: Vec<u32> = sizes.iter().map(side).collect();
        sides.sort_unstable();
        brought_to(sides[sides.len() / 2])
    };
    let (width, height) = (median(&|size| size.0), median(&|size| size.1));
    let probe = Shape { height: 8, width: 8, channels: 3 };
    let every = paths.len().div_ceil(LOOKED_AT);
    let mut coloured = false;
    for path in paths.iter().step_by(every.max(1)) {
        coloured |= decode(path, probe)?.chunks_exact(3).any(|pixel| pixel[0] != pixel[1] || pixel[1] != pixel[2]);
    }
    Ok(Shape { height, width, channels: if coloured { 3 } else { 1 } })
}

/// Decodes images into a batch of one column.
pub fn batch<'a>(folder: &Path, paths: impl Iterator<Item = &'a str>, mode: Mode) -> Result<RecordBatch, LearnError> {
    let Mode::Images(shape) = mode else {
        return Err(LearnError::Plan {
            reason: "its model does not take images".to_owned(),
            hint: "Choose the model \"cnn\".",
        });
    };
    let paths: Vec<&str> = paths.collect();
    let pictures: Vec<Vec<u8>> =
        paths.par_iter().map(|path| decode(&folder.join(path), shape)).collect::<Result<_, _>>()?;
    let column = images::column(pictures.concat(), shape);
    let schema = Schema::new(vec![Field::new(IMAGE_COLUMN, column.data_type().clone(), true)]);
    Ok(RecordBatch::try_new(schema.into(), vec![column])?)
}

fn decode(path: &Path, shape: Shape) -> Result<Vec<u8>, LearnError> {
    let bytes = std::fs::read(path).map_err(LearnError::io("read", path))?;
    images::decode(&bytes, shape).map_err(|source| LearnError::Image { file: path.to_owned(), source })
}

fn size(path: &Path) -> Result<(u32, u32), LearnError> {
    let wrong = |source: ImageError| LearnError::Image { file: path.to_owned(), source };
    let reader =
        ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(LearnError::io("read", path))?;
    reader.into_dimensions().map_err(|error| wrong(error.into()))
}
