//! A drawing for a file: roles become the colours of a theme, classes become attributes, so that it
//! stands without our style sheet.

use crate::{
    backend::escape,
    plot::{Drawing, Size},
    ramp,
    role::Role,
    shape::Shape,
    text::{self, Family},
};

/// The colours of a theme by token, as `ui/src/style/tokens.css` has them; a test compares both.
pub struct Theme {
    pub name: &'static str,
    colours: &'static [(&'static str, &'static str)],
}

pub const DARK: Theme = Theme {
    name: "dark",
    colours: &[
        ("text", "#e8ecef"),
        ("text-muted", "#abb5be"),
        ("text-faint", "#87929d"),
        ("grid", "#1d2329"),
        ("line-strong", "#323a43"),
        ("surface-1", "#12161a"),
        ("accent", "#36b9a6"),
        ("good", "#46b881"),
        ("warn", "#dba53c"),
        ("bad", "#ec6a67"),
        ("info", "#5ea6e3"),
        ("chart-1", "#5aaeea"),
        ("chart-2", "#e5a13a"),
        ("chart-3", "#36b9a6"),
        ("chart-4", "#d082b3"),
        ("chart-5", "#e4d95a"),
        ("chart-6", "#939dff"),
        ("chart-7", "#ee8560"),
        ("chart-8", "#9aa5b0"),
        ("heat-0", "#1b2127"),
        ("heat-1", "#1f3a3a"),
        ("heat-2", "#76642a"),
        ("heat-3", "#b05f35"),
        ("heat-4", "#e0605c"),
        ("ramp-0", "#5b74c4"),
        ("ramp-1", "#3f8dbf"),
        ("ramp-2", "#2fa5ac"),
        ("ramp-3", "#45bb8c"),
        ("ramp-4", "#82cd63"),
        ("ramp-5", "#c3db45"),
        ("ramp-6", "#fdec6c"),
    ],
};

pub const LIGHT: Theme = Theme {
    name: "light",
    colours: &[
        ("text", "#15191d"),
        ("text-muted", "#48525c"),
        ("text-faint", "#5f6a75"),
        ("grid", "#eceff1"),
        ("line-strong", "#cbd2d8"),
        ("surface-1", "#ffffff"),
        ("accent", "#09736a"),
        ("good", "#147044"),
        ("warn", "#865800"),
        ("bad", "#c23331"),
        ("info", "#1767ae"),
        ("chart-1", "#0f72b5"),
        ("chart-2", "#b06a00"),
        ("chart-3", "#0a7d70"),
        ("chart-4", "#a8467f"),
        ("chart-5", "#857800"),
        ("chart-6", "#4f59c9"),
        ("chart-7", "#c4502c"),
        ("chart-8", "#5f6a75"),
        ("heat-0", "#eef1f3"),
        ("heat-1", "#a9d3ca"),
        ("heat-2", "#c08b1f"),
        ("heat-3", "#b9581f"),
        ("heat-4", "#a82b2b"),
        ("ramp-0", "#a68500"),
        ("ramp-1", "#6f8a1c"),
        ("ramp-2", "#2c8048"),
        ("ramp-3", "#136d74"),
        ("ramp-4", "#2b5484"),
        ("ramp-5", "#3f3a7c"),
        ("ramp-6", "#3d1252"),
    ],
};

impl Theme {
    /// The colour behind a token's name.
    pub fn colour(&self, token: &str) -> &'static str {
        self.colours.iter().find(|(name, _)| *name == token).map_or("#808080", |(_, colour)| colour)
    }
}

/// A drawing's SVG as a file of its own, on the theme's ground.
pub fn standalone(svg: &str, theme: &Theme) -> String {
    let mut out = svg.to_owned();
    for role in Role::all() {
        let (class, colour) = (role.class(), theme.colour(&role.token()));
        out = out
            .replace(
                &format!("class=\"s {class}\""),
                &format!("fill=\"none\" stroke-linejoin=\"round\" stroke=\"{colour}\""),
            )
            .replace(&format!("class=\"f {class}\""), &format!("fill=\"{colour}\""))
            .replace(
                &format!("class=\"t-mono {class}\""),
                &format!("font-family=\"JetBrains Mono, monospace\" fill=\"{colour}\""),
            )
            .replace(
                &format!("class=\"t-sans {class}\""),
                &format!("font-family=\"Inter, sans-serif\" fill=\"{colour}\""),
            );
    }
    let ground = format!("<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>", theme.colour("surface-1"));
    match out.find('>') {
        Some(end) => format!("{}{ground}{}", &out[..=end], &out[end + 1..]),
        None => out,
    }
}

/// What stands before a name below a drawing: what it is drawn as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Line,
    Dashed,
    Point(Shape),
}

impl Sign {
    /// Of a line.
    pub const fn of_line(is_dashed: bool) -> Self {
        if is_dashed { Self::Dashed } else { Self::Line }
    }

    /// From `left` to `right` at a height, as elements.
    fn drawn(self, role: Role, (left, right): (f64, f64), y: f64) -> String {
        let class = role.class();
        let shape = match self {
            Self::Line => return format!("<path class=\"s {class}\" stroke-width=\"2\" d=\"M{left} {y}H{right}\"/>"),
            Self::Dashed => {
                let dashes = "stroke-dasharray=\"5 3\"";
                return format!("<path class=\"s {class}\" stroke-width=\"2\" {dashes} d=\"M{left} {y}H{right}\"/>");
            }
            Self::Point(shape) => shape,
        };
        let middle = (left + right) / 2.0;
        let corners = shape.corners(SIGN);
        if corners.is_empty() {
            return format!("<circle class=\"f {class}\" cx=\"{middle}\" cy=\"{y}\" r=\"{SIGN}\"/>");
        }
        let at: Vec<String> =
            corners.iter().map(|(across, down)| format!("{:.1} {:.1}", middle + across, y + down)).collect();
        format!("<path class=\"f {class}\" d=\"M{}Z\"/>", at.join("L"))
    }
}

/// A drawing with the names of its series below it, a row each, for where no legend stands beside it.
pub fn with_names(drawing: &Drawing, size: Size, names: &[(Role, Sign, String)]) -> String {
    let Size { width, height } = size_with_names(size, names.len());
    let mut rows = String::new();
    for (index, (role, sign, name)) in names.iter().enumerate() {
        let y = size.height + NAME_ROW * index as f64 + NAME_ROW / 2.0;
        let (class, end) = (Role::Text.class(), INDENT * 3.0);
        let left = end + INDENT / 2.0;
        rows.push_str(&sign.drawn(*role, (INDENT, end), y));
        rows.push_str(&format!("<text class=\"t-sans {class}\" font-size=\"{NAME}\" x=\"{left}\" y=\"{}\">", y + 4.0));
        // What is longer would end at the picture's edge.
        escape(&text::cut_in_middle(name, Family::Sans, NAME, width - left - INDENT), &mut rows);
        rows.push_str("</text>");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\">{}{rows}</svg>",
        drawing.svg
    )
}

/// Drawings below each other, each an SVG of this size.
pub fn stacked(drawings: &[(String, Size)]) -> String {
    let width = drawings.iter().map(|(_, size)| size.width).fold(0.0, f64::max);
    let (mut height, mut inner) = (0.0, String::new());
    for (svg, size) in drawings {
        inner.push_str(&format!("<g transform=\"translate(0 {height})\">{svg}</g>"));
        height += size.height;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\">{inner}</svg>"
    )
}

/// The size of a drawing with so many names below it.
pub fn size_with_names(size: Size, names: usize) -> Size {
    Size { height: size.height + NAME_ROW * names as f64 + NAME_ROW / 2.0, ..size }
}

/// How far from the left what stands below a drawing begins, and from the lower edge it ends.
const INDENT: f64 = 12.0;
/// Radius of a point before a name.
const SIGN: f64 = 4.0;
/// The size of a name below a drawing.
const NAME: f64 = 12.0;
/// The height of a name below a drawing.
const NAME_ROW: f64 = 20.0;

/// A drawing with the key of its colours below it, for where none stands beside it.
pub fn with_key(drawing: Drawing, size: Size, key: &Drawing) -> Drawing {
    let Size { width, height } = size_with_key(size);
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\">{}<g transform=\"translate({INDENT} {})\">{}</g></svg>",
        drawing.svg, size.height, key.svg
    );
    Drawing { svg, ..drawing }
}

/// The size of a drawing with the key of its colours below it.
pub fn size_with_key(size: Size) -> Size {
    Size { height: size.height + ramp::KEY + INDENT, ..size }
}
