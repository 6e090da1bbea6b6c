//! A drawing as PNG: of twice its size, as the window saves it, in the fonts that it was measured by.

use std::{
    io,
    path::{Path, PathBuf},
};

use api::{ApiError, ErrorCode};
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree},
};
use tempfile::TempPath;

/// Pixels of the picture for one of the drawing, a side.
const SCALE: f32 = 2.0;
/// More pixels than this are no picture that anybody looks at, and take half a gigabyte while they are drawn.
const MOST_PIXELS: f32 = 1.2e8;
const SANS: &[u8] = include_bytes!("../../../assets/fonts/inter-regular.ttf");
const MONO: &[u8] = include_bytes!("../../../assets/fonts/jetbrains-mono-regular.ttf");

/// The bytes of a picture of an SVG that stands by itself.
///
/// # Errors
/// It is larger than a picture may be, or no SVG.
pub(crate) fn png(svg: &str) -> Result<Vec<u8>, ApiError> {
    let failed = |why: String| {
        ApiError::new(ErrorCode::Unsupported, format!("The drawing can't be made a PNG: {why}."))
            .with_hint("Write it as SVG.")
    };
    let mut options = Options::default();
    let fonts = options.fontdb_mut();
    fonts.load_font_data(SANS.to_vec());
    fonts.load_font_data(MONO.to_vec());
    fonts.set_sans_serif_family("Inter");
    fonts.set_monospace_family("JetBrains Mono");
    let tree = Tree::from_str(svg, &options).map_err(|error| failed(error.to_string()))?;
    let (width, height) = (tree.size().width() * SCALE, tree.size().height() * SCALE);
    if width * height > MOST_PIXELS {
        return Err(failed(format!("{width:.0} × {height:.0} pixels are too many")));
    }
    let mut pixels =
        Pixmap::new(width.ceil() as u32, height.ceil() as u32).ok_or_else(|| failed("it is empty".to_owned()))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(error.to_string()))
}

/// Refuses a place that a picture can't be written to: a file that is there, unless it is to be replaced.
///
/// # Errors
/// As said.
pub(crate) fn check_place(file: &Path, replaces: bool) -> Result<(), ApiError> {
    place_of(file, replaces).map(drop)
}

/// The file, or where it leads as a link.
fn place_of(file: &Path, replaces: bool) -> Result<PathBuf, ApiError> {
    if file.symlink_metadata().is_err() {
        return Ok(file.to_owned());
    }
    if !replaces {
        return Err(taken(file));
    }
    match file.canonicalize() {
        Ok(place) if place.is_file() => Ok(place),
        _ => Err(ApiError::invalid(format!("{} is no regular file, and is not replaced.", file.display()))
            .with_hint("Name another file.")),
    }
}

fn taken(file: &Path) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{} is there already.", file.display()))
        .with_hint("Name another file, or replace this one with --force.")
}

/// Writes a picture beside its place, and gives it its name once it is whole.
///
/// # Errors
/// As of [`check_place`], or where the system refuses it.
pub(crate) fn save(file: &Path, bytes: &[u8], replaces: bool) -> Result<(), ApiError> {
    let failed =
        |error: io::Error| ApiError::new(ErrorCode::Invalid, format!("Can't write {}: {error}.", file.display()));
    let place = place_of(file, replaces)?;
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = tempfile::Builder::new().prefix(".slipway-").tempdir_in(folder).map_err(failed)?;
    let half = beside.path().join("half");
    std::fs::write(&half, bytes).map_err(failed)?;
    if let Ok(there) = std::fs::metadata(&place) {
        std::fs::set_permissions(&half, there.permissions()).map_err(failed)?;
    }
    let half = TempPath::try_from_path(half).map_err(failed)?;
    let named = if replaces { half.persist(&place) } else { half.persist_noclobber(&place) };
    named.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => taken(file),
        _ => failed(error.error),
    })
}

#[cfg(test)]
mod tests {
    use charts::export::{LIGHT, standalone};

    use super::*;

    fn pixels(svg: &str) -> Pixmap {
        Pixmap::decode_png(&png(svg).unwrap()).unwrap()
    }

    #[test]
    fn a_picture_is_twice_as_large_on_the_themes_ground_with_its_texts() {
        let drawing = |inner: &str| {
            let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 60 20\" width=\"60\" height=\"20\">";
            standalone(&format!("{svg}{inner}</svg>"), &LIGHT)
        };
        let bare = pixels(&drawing(""));
        assert_eq!((bare.width(), bare.height()), (120, 40));
        assert!(bare.data().iter().all(|byte| *byte == 255), "white all over");
        for family in ["sans", "mono"] {
            let text = format!("<text class=\"t-{family} r-text\" font-size=\"12\" x=\"4\" y=\"14\">loss: 0.5</text>");
            assert!(pixels(&drawing(&text)).data() != bare.data(), "{family}");
        }
    }

    #[test]
    fn what_is_no_picture_is_refused_with_the_way_out() {
        for svg in ["", "<svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"90000\" height=\"90000\"/>"] {
            let error = png(svg).unwrap_err();
            assert_eq!(
                (error.code, error.hint.as_deref()),
                (ErrorCode::Unsupported, Some("Write it as SVG.")),
                "{svg}"
            );
        }
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_where_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.svg");
        save(&file, b"one", false).unwrap();
        assert_eq!(save(&file, b"two", false).unwrap_err().code, ErrorCode::Conflict);
        assert_eq!(check_place(&file, false).unwrap_err().code, ErrorCode::Conflict);
        assert_eq!(std::fs::read(&file).unwrap(), b"one");
        save(&file, b"two", true).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert_eq!(check_place(folder.path(), true).unwrap_err().code, ErrorCode::Invalid);
        #[cfg(unix)]
        {
            let link = folder.path().join("link.svg");
            std::os::unix::fs::symlink(&file, &link).unwrap();
            assert_eq!(save(&link, b"three", false).unwrap_err().code, ErrorCode::Conflict);
            save(&link, b"three", true).unwrap();
            assert!(link.is_symlink() && std::fs::read(&file).unwrap() == b"three");
            std::fs::remove_file(&link).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-written is left");
    }
}
