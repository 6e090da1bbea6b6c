//! Where the axes stand, and the way from pixels to values for brushing.

use super::Parallel;
use crate::{
    axis::Axis,
    frame::can_show,
    plot::{Range, Scale, Size},
};

/// What an axis counts in.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Numbers(Scale),
    /// Values are indices of these names.
    Categories(Vec<String>),
}

/// An axis: its name and a value for each run, NaN where a run has none.
#[derive(Debug, Clone, PartialEq)]
pub struct Coordinate {
    pub name: String,
    pub kind: Kind,
    pub values: Vec<f64>,
    pub brush: Option<Brush>,
}

/// What of an axis is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Brush {
    /// From the lower to the higher value, both included.
    Between(f64, f64),
    /// The runs without a value.
    Missing,
}

impl Coordinate {
    pub fn new(name: impl Into<String>, kind: Kind, values: Vec<f64>) -> Self {
        Self { name: name.into(), kind, values, brush: None }
    }

    /// A run's value; NaN where it has none.
    pub fn value(&self, run: usize) -> f64 {
        self.values.get(run).copied().unwrap_or(f64::NAN)
    }

    pub(super) fn is_brushed(&self, run: usize) -> bool {
        match self.brush {
            None => true,
            Some(Brush::Between(low, high)) => {
                !self.is_missing(self.value(run)) && (low..=high).contains(&self.value(run))
            }
            Some(Brush::Missing) => self.is_missing(self.value(run)),
        }
    }

    fn probe(&self) -> Range {
        let scale = if let Kind::Numbers(scale) = self.kind { scale } else { Scale::Linear };
        Range { scale, ..Range::default() }
    }

    /// NaN, a category that is none, or what a log axis can't show.
    fn is_missing(&self, value: f64) -> bool {
        match &self.kind {
            Kind::Categories(names) => !(0.0..names.len() as f64).contains(&value),
            Kind::Numbers(_) => !can_show(&self.probe(), value) && !stands_at_an_end(&self.probe(), value),
        }
    }

    fn range(&self) -> Range {
        match &self.kind {
            Kind::Categories(names) => Range { low: -0.5, high: names.len().max(1) as f64 - 0.5, scale: Scale::Linear },
            Kind::Numbers(scale) => {
                Axis { scale: *scale, ..Axis::default() }.range_of(self.values.iter().copied(), false)
            }
        }
    }
}

/// Whether a value is one of the infinities that an axis has an end for: a log axis has none below.
fn stands_at_an_end(range: &Range, value: f64) -> bool {
    value.is_infinite() && (value > 0.0 || range.scale != Scale::Log)
}

/// A place on an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    Value(f64),
    Missing,
}

/// An axis as it stands in a drawing, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Along {
    pub x: f64,
    pub top: f64,
    pub height: f64,
    /// Where runs without a value pass.
    pub missing: f64,
    pub range: Range,
    limit: f64,
}

impl Along {
    /// Pixel of a value: ±∞ at the axis's ends, what can't be shown where runs without a value pass.
    pub fn pixel(&self, value: f64) -> f64 {
        let is_category_missing = self.limit >= 0.0 && !(0.0..self.limit).contains(&value);
        if is_category_missing || !(can_show(&self.range, value) || stands_at_an_end(&self.range, value)) {
            return self.missing;
        }
        let share = if value.is_infinite() { f64::from(u8::from(value > 0.0)) } else { self.range.fraction(value) };
        self.top + self.height * (1.0 - share.clamp(0.0, 1.0))
    }

    /// What stands at a pixel.
    pub fn at(&self, y: f64) -> Place {
        let bottom = self.top + self.height;
        if self.missing > bottom && y > f64::midpoint(bottom, self.missing) {
            return Place::Missing;
        }
        Place::Value(self.range.at((1.0 - (y - self.top) / self.height).clamp(0.0, 1.0)))
    }

    /// The brush between two pixels of the axis: open where it reaches an end, so that ±∞ is in it;
    /// where both mean the runs without a value, those.
    pub fn brush(&self, one: f64, other: f64) -> Brush {
        let (upper, lower) = (one.min(other), one.max(other));
        let Place::Value(high) = self.at(upper) else { return Brush::Missing };
        let high = if upper <= self.top { f64::INFINITY } else { high };
        match self.at(lower) {
            Place::Value(low) if lower < self.top + self.height => Brush::Between(low, high),
            _ => Brush::Between(f64::NEG_INFINITY, high),
        }
    }
}

/// Where everything of a drawing stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    pub axes: Vec<Along>,
    pub top: f64,
    pub height: f64,
    /// Where runs without a value pass; the plot's bottom where every run has all.
    pub missing: f64,
    /// Distance between two axes.
    pub apart: f64,
    /// Room at either side for half a name.
    pub side: f64,
}

impl Layout {
    /// The axis that is nearest to a point and the place on it, for brushing.
    pub fn at(&self, x: f64, y: f64) -> Option<(usize, Place)> {
        let distance = |axis: &Along| (axis.x - x).abs();
        let nearest =
            self.axes.iter().enumerate().min_by(|left, right| distance(left.1).total_cmp(&distance(right.1)))?;
        Some((nearest.0, nearest.1.at(y)))
    }
}

/// Names stand above the axes.
const TOP: f64 = 26.0;
const BOTTOM: f64 = 8.0;
/// Room for the runs without a value, with its word.
const MISSING: f64 = 30.0;
const WIDEST_SIDE: f64 = 72.0;

pub(super) fn lay_out(chart: &Parallel, size: Size) -> Layout {
    let count = chart.coordinates.len();
    let runs = chart.runs();
    let has_missing = chart.coordinates.iter().any(|coordinate| {
        coordinate.values.len() < runs || coordinate.values.iter().any(|value| coordinate.is_missing(*value))
    });
    let side = (size.width / count.max(1) as f64 / 2.0).min(WIDEST_SIDE);
    let apart = if count > 1 { (size.width - 2.0 * side) / (count - 1) as f64 } else { 0.0 };
    let height = (size.height - TOP - BOTTOM - if has_missing { MISSING } else { 0.0 }).max(10.0);
    let missing = TOP + height + if has_missing { 14.0 } else { 0.0 };
    let axes = chart.coordinates.iter().enumerate().map(|(index, coordinate)| Along {
        x: if count > 1 { side + apart * index as f64 } else { size.width / 2.0 },
        top: TOP,
        height,
        missing,
        range: coordinate.range(),
        limit: if let Kind::Categories(names) = &coordinate.kind { names.len() as f64 } else { -1.0 },
    });
    Layout { axes: axes.collect(), top: TOP, height, missing, apart, side }
}
