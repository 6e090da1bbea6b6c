//! What an axis is asked to show, and the range that follows from the data.

use crate::plot::{Range, Scale};

/// Times closer than this are one moment.
const MOMENT_MS: f64 = 1000.0;
const HALF_HOUR_MS: f64 = 30.0 * 60_000.0;

/// An axis as it is asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    /// Said once, at the end of the axis ("step"); nothing where the title says it.
    pub label: String,
    /// The label has a row of its own below the ticks, also where none of them would give way to it.
    pub label_below: bool,
    /// The vertical axis has its label above it: in a file, where no heading says what was measured.
    pub label_above: bool,
    /// Said at each tick ("ms").
    pub unit: String,
    pub scale: Scale,
    /// What to show; by default all of the data.
    pub range: Option<(f64, f64)>,
    /// Starts at zero where the data are positive: for amounts.
    pub from_zero: bool,
    /// The horizontal axis has ticks at whole numbers only: for steps and what is numbered.
    pub is_whole: bool,
}

impl Axis {
    /// A plain axis with a label.
    pub fn labelled(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// An axis of steps.
    pub fn steps() -> Self {
        Self { is_whole: true, ..Self::labelled("step") }
    }

    /// An axis from 0 to 1.
    pub fn unit_interval(label: impl Into<String>) -> Self {
        Self { label: label.into(), label_below: true, range: Some((0.0, 1.0)), ..Self::default() }
    }

    /// The range to show: as asked, or that of the data, with some air where `air` says so.
    pub(crate) fn range_of(&self, values: impl Iterator<Item = f64>, air: bool) -> Range {
        if let Some((low, high)) = self.range
            && high > low
            && (self.scale != Scale::Log || low > 0.0)
        {
            return Range { low, high, scale: self.scale };
        }
        let fits = |value: &f64| value.is_finite() && (self.scale != Scale::Log || *value > 0.0);
        let (mut low, mut high) = values
            .filter(fits)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let is_empty = low > high;
        if is_empty {
            (low, high) = if self.scale == Scale::Log { (0.1, 1.0) } else { (0.0, 1.0) };
        }
        if self.from_zero && self.scale == Scale::Linear {
            low = low.min(0.0);
            high = high.max(0.0);
        }
        if self.scale == Scale::Log {
            if high / low < 1.02 {
                (low, high) = (low / 1.5, high * 1.5);
            } else if air {
                let factor = (high / low).powf(0.04);
                (low, high) = (low / factor, high * factor);
            }
        } else if self.from_zero && low == 0.0 && high == 0.0 {
            // An amount of nothing lies on the ground, not in the middle of what can't be.
            high = 1.0;
        } else if matches!(self.scale, Scale::Time { .. }) && high - low < MOMENT_MS && !is_empty {
            // A tenth of a time since 1970 is years: a lone moment stands in the middle of its hour.
            (low, high) = (low - HALF_HOUR_MS, high + HALF_HOUR_MS);
        } else if high - low <= high.abs().max(low.abs()) * 1e-9 {
            let half = if high == 0.0 { 0.5 } else { high.abs() * 0.1 };
            (low, high) = (low - half, high + half);
        } else if air {
            let margin = (high - low) * 0.04;
            let keep = self.from_zero || low == 0.0;
            (low, high) = (if keep && low >= 0.0 { low } else { low - margin }, high + margin);
        }
        Range { low, high, scale: self.scale }
    }
}
