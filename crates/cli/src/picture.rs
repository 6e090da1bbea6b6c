//! A drawing as PNG: of twice its size, as the window saves it, in the fonts that it was measured by.

use api::{ApiError, ErrorCode};
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree},
};

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
}
