//! What a point is drawn as, so that series are told apart also without their colours.

use crate::role::Role;

/// A shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    #[default]
    Circle,
    Square,
    Diamond,
    Triangle,
}

const ALL: [Shape; 4] = [Shape::Circle, Shape::Square, Shape::Diamond, Shape::Triangle];
/// After so many series their colours come again.
const COLOURS: usize = 8;

impl Shape {
    /// The shape of the `index`-th series: neighbours differ, and so do those whose colour is the same.
    pub const fn series(index: usize) -> Self {
        ALL[(index + index / COLOURS) % ALL.len()]
    }

    /// The class of a swatch of this shape.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Circle => "shape-circle",
            Self::Square => "shape-square",
            Self::Diamond => "shape-diamond",
            Self::Triangle => "shape-triangle",
        }
    }

    /// Its corners around its middle, as large as a circle of this radius is; a circle has none.
    pub(crate) fn corners(self, radius: f64) -> Vec<(f64, f64)> {
        match self {
            Self::Circle => Vec::new(),
            Self::Square => {
                let half = 0.886 * radius;
                vec![(-half, -half), (half, -half), (half, half), (-half, half)]
            }
            Self::Diamond => {
                let half = 1.253 * radius;
                vec![(0.0, -half), (half, 0.0), (0.0, half), (-half, 0.0)]
            }
            Self::Triangle => {
                let (tip, half, base) = (1.555 * radius, 1.347 * radius, 0.778 * radius);
                vec![(0.0, -tip), (half, base), (-half, base)]
            }
        }
    }
}

/// What a run, or a group of them, is known by wherever it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub role: Role,
    pub is_dashed: bool,
    pub shape: Shape,
}

impl Mark {
    /// Of the `index`-th of several.
    pub const fn series(index: usize) -> Self {
        Self { role: Role::series(index), is_dashed: is_dashed_at(index), shape: Shape::series(index) }
    }
}

/// Whether what has this place has the colour of one before it, so that its line is dashed.
pub const fn is_dashed_at(place: usize) -> bool {
    place % (2 * COLOURS) >= COLOURS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ_and_a_colour_that_comes_again_has_another_shape() {
        for at in 0..40 {
            assert_ne!(Shape::series(at), Shape::series(at + 1), "{at}");
            assert_ne!(Shape::series(at), Shape::series(at + COLOURS), "{at}");
        }
    }

    #[test]
    fn every_shape_is_as_large_as_the_circle() {
        for shape in &ALL[1..] {
            let corners = shape.corners(10.0);
            let next = corners.iter().cycle().skip(1);
            let twice: f64 = corners.iter().zip(next).map(|(one, other)| one.0 * other.1 - other.0 * one.1).sum();
            assert!((twice.abs() / 2.0 / (std::f64::consts::PI * 100.0) - 1.0).abs() < 0.01, "{shape:?}");
        }
    }
}
