//! What a drawing is: its SVG, and the transform between its pixels and the data.

use crate::role::Role;

/// Size in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    pub width: f64,
    pub height: f64,
}

/// How values lie along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    #[default]
    Linear,
    /// Powers of ten; what is not positive can't be shown on it.
    Log,
    /// Milliseconds since the epoch, said in a time zone so many minutes east of Greenwich.
    Time { offset_minutes: i32 },
}

/// The values that an axis shows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Range {
    pub low: f64,
    pub high: f64,
    pub scale: Scale,
}

impl Range {
    /// A value's place along the axis, on the scale that the pixels are even on.
    pub(crate) fn place(&self, value: f64) -> f64 {
        if self.scale == Scale::Log { value.max(f64::MIN_POSITIVE).log10() } else { value }
    }

    fn value(&self, place: f64) -> f64 {
        if self.scale == Scale::Log { 10_f64.powf(place) } else { place }
    }

    /// 0 at the low end, 1 at the high end.
    pub fn fraction(&self, value: f64) -> f64 {
        let (low, high) = (self.place(self.low), self.place(self.high));
        if high > low { (self.place(value) - low) / (high - low) } else { 0.5 }
    }

    /// The value at a fraction of the axis.
    pub fn at(&self, fraction: f64) -> f64 {
        let (low, high) = (self.place(self.low), self.place(self.high));
        self.value(low + (high - low) * fraction)
    }
}

/// What is looked at closer: from the lower to the higher value of each axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    pub x: (f64, f64),
    pub y: (f64, f64),
}

/// Where the data lie in the drawing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Plot {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub x: Range,
    pub y: Range,
}

impl Plot {
    /// Pixel of a value of the horizontal axis.
    pub fn x_pixel(&self, value: f64) -> f64 {
        self.left + self.width * self.x.fraction(value)
    }

    /// Pixel of a value of the vertical axis.
    pub fn y_pixel(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - self.y.fraction(value))
    }

    /// Value of the horizontal axis at a pixel.
    pub fn x_value(&self, pixel: f64) -> f64 {
        self.x.at((pixel - self.left) / self.width.max(1.0))
    }

    /// Value of the vertical axis at a pixel.
    pub fn y_value(&self, pixel: f64) -> f64 {
        self.y.at(1.0 - (pixel - self.top) / self.height.max(1.0))
    }

    /// The values between two points in pixels, as far as data lie there.
    pub fn part(&self, one: (f64, f64), other: (f64, f64)) -> Part {
        let x = |pixel: f64| self.x_value(pixel.clamp(self.left, self.left + self.width));
        let y = |pixel: f64| self.y_value(pixel.clamp(self.top, self.top + self.height));
        Part { x: (x(one.0.min(other.0)), x(one.0.max(other.0))), y: (y(one.1.max(other.1)), y(one.1.min(other.1))) }
    }

    /// Whether a point lies where the data are.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        (self.left..=self.left + self.width).contains(&x) && (self.top..=self.top + self.height).contains(&y)
    }
}

/// A drawing: a whole `<svg>` whose colours are classes, and where the data lie in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drawing {
    pub svg: String,
    pub plot: Plot,
    /// Its parts that have figures to tell, in reading order; none where the whole axis tells (lines).
    pub spots: Vec<Spot>,
}

impl Drawing {
    /// The part under a point; of several the one whose middle is nearest.
    pub fn spot_at(&self, x: f64, y: f64) -> Option<usize> {
        let under = self.spots.iter().enumerate().filter(|(_, spot)| spot.contains(x, y));
        under.min_by(|(_, left), (_, right)| left.distance(x, y).total_cmp(&right.distance(x, y))).map(|(at, _)| at)
    }
}

/// A part of a drawing, in its pixels, with the figures that stand there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spot {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    /// What it is: "12.5 to 15", "actual Adelie, predicted Gentoo".
    pub head: String,
    pub figures: Vec<Said>,
}

impl Spot {
    fn contains(&self, x: f64, y: f64) -> bool {
        (self.left..=self.left + self.width).contains(&x) && (self.top..=self.top + self.height).contains(&y)
    }

    fn distance(&self, x: f64, y: f64) -> f64 {
        (self.left + self.width / 2.0 - x).hypot(self.top + self.height / 2.0 - y)
    }
}

/// A figure in words, and as the number that an export writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub name: String,
    pub role: Option<Role>,
    pub value: f64,
    pub words: String,
}
