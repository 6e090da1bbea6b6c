//! Pictures as columns: decoded, resized and reduced to one fixed shape, the same for training and
//! for serving.
//!
//! An image column is a `FixedSizeList<UInt8>` of `height × width × channels` values, rows of
//! pixels from the top, channels innermost (the layout of a decoded picture).

use std::{io::Cursor, sync::Arc};

use arrow_array::{Array, ArrayRef, FixedSizeListArray, UInt8Array, cast::AsArray, types::UInt8Type};
use arrow_schema::{DataType, Field};
use image::{ImageReader, Limits, imageops::FilterType};
use serde::{Deserialize, Serialize};

/// The fixed shape that every picture is brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    pub height: usize,
    pub width: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
}

impl Shape {
    pub const fn values(self) -> usize {
        self.height * self.width * self.channels
    }

    /// `[height, width, channels]`, as a signature's input has it.
    pub fn to_vec(self) -> Vec<usize> {
        vec![self.height, self.width, self.channels]
    }

    /// The reverse of [`Shape::to_vec`].
    pub fn from_slice(shape: &[usize]) -> Option<Self> {
        match *shape {
            [height, width, channels @ (1 | 3)] if height > 0 && width > 0 => Some(Self { height, width, channels }),
            _ => None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("it is not a readable PNG, JPEG, BMP, GIF or WebP picture: {0}")]
    Unreadable(#[from] image::ImageError),
    #[error("it is not a readable picture: {0}")]
    Read(#[from] std::io::Error),
    #[error("it has {width} × {height} pixels: {} million at most are read", LARGEST_PIXELS / 1_000_000)]
    TooLarge { width: u32, height: u32 },
}

/// The most pixels that are decoded; a larger picture in a request is an attack or a mistake: a few
/// hundred kilobytes of one colour would take seconds and gigabytes.
const LARGEST_PIXELS: u64 = 64_000_000;
/// What one picture may take while it is decoded: four bytes for each of the most pixels.
const LARGEST_BYTES: u64 = 4 * LARGEST_PIXELS;

/// Decodes a picture and brings it to a shape. The filter is triangle (bilinear); transparency is
/// dropped; grey is ITU-R BT.709 luma. Errs before decoding where it says that it is too large.
pub fn decode(bytes: &[u8], shape: Shape) -> Result<Vec<u8>, ImageError> {
    let open = || ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let (width, height) = open()?.into_dimensions()?;
    if u64::from(width) * u64::from(height) > LARGEST_PIXELS {
        return Err(ImageError::TooLarge { width, height });
    }
    let mut reader = open()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(LARGEST_BYTES);
    reader.limits(limits);
    let picture = reader.decode()?;
    let (width, height) = (shape.width as u32, shape.height as u32);
    let picture = if (picture.width(), picture.height()) == (width, height) {
        picture
    } else {
        picture.resize_exact(width, height, FilterType::Triangle)
    };
    Ok(if shape.channels == 1 { picture.into_luma8().into_raw() } else { picture.into_rgb8().into_raw() })
}

/// The Arrow type of a column of pictures.
pub fn arrow_type(shape: Shape) -> DataType {
    DataType::FixedSizeList(item(), shape.values() as i32)
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::UInt8, false))
}

/// A column from pictures laid one after another, each `shape.values()` long.
pub fn column(pixels: Vec<u8>, shape: Shape) -> ArrayRef {
    Arc::new(FixedSizeListArray::new(item(), shape.values() as i32, Arc::new(UInt8Array::from(pixels)), None))
}

/// The pixels of a column, or `None` where it is no column of this shape without missing values.
pub(crate) fn pixels(array: &ArrayRef, shape: Shape) -> Option<&[u8]> {
    let list = array.as_fixed_size_list_opt()?;
    if list.value_length() as usize != shape.values() || list.null_count() > 0 {
        return None;
    }
    let from = list.value_offset(0) as usize;
    let values = list.values().as_primitive_opt::<UInt8Type>()?.values();
    Some(&values[from..from + list.len() * shape.values()])
}
