//! A sequential scale of colours: which step a value has, and the key that says so.

use plotters::element::{Rectangle, Text};
use plotters_backend::text_anchor::{HPos, VPos};

use crate::{
    axis::Axis,
    frame::{self, LABEL, can_show, fill, grid, label, words},
    plot::{Drawing, Plot, Range, Scale, Size},
    role::{RAMP, Role},
    text::{self, Family},
    tick,
};

/// A metric that colours marks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shade {
    pub name: String,
    /// One for each mark; what is not finite, or not positive on a log scale, is faint.
    pub values: Vec<f64>,
    pub scale: Scale,
}

impl Shade {
    /// The values that the scale spans.
    pub fn range(&self) -> Range {
        let values = self.values.iter().copied().filter(|value| can_show(&self.probe(), *value));
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low <= high {
            Range { low, high, scale: self.scale }
        } else {
            Axis { scale: self.scale, ..Axis::default() }.range_of(std::iter::empty(), false)
        }
    }

    fn probe(&self) -> Range {
        Range { scale: self.scale, ..Range::default() }
    }
}

/// The step of a value in a range; faint where there is none.
pub fn role(range: &Range, value: f64) -> Role {
    if !can_show(range, value) {
        return Role::Faint;
    }
    Role::Ramp((range.fraction(value).clamp(0.0, 1.0) * f64::from(RAMP)).min(f64::from(RAMP - 1)) as u8)
}

/// Height of a key.
pub const KEY: f64 = 34.0;
const BAR: f64 = 8.0;

/// The key of a scale: its name, its steps, its lowest and highest value.
pub fn key(shade: &Shade, width: f64) -> Drawing {
    let range = shade.range();
    let has_values = shade.values.iter().any(|value| can_show(&range, *value));
    let plot = Plot { top: 14.0, width, height: BAR, x: range, ..Plot::default() };
    frame::bare(Size { width, height: KEY }, plot, &shade.name, |root| {
        let name = text::cut(&shade.name, Family::Sans, LABEL, width);
        root.draw(&Text::new(name, (0, 0), words(Role::Muted, LABEL, HPos::Left, VPos::Top)))?;
        if !has_values {
            let at = (0, grid(plot.top + 2.0));
            return root.draw(&Text::new("no values", at, words(Role::Faint, LABEL, HPos::Left, VPos::Top)));
        }
        let step = width / f64::from(RAMP);
        for index in 0..RAMP {
            let left = step * f64::from(index);
            let corners = [(grid(left), grid(plot.top)), (grid(left + step), grid(plot.top + BAR))];
            root.draw(&Rectangle::new(corners, fill(Role::Ramp(index), 1.0)))?;
        }
        let base = grid(plot.top + BAR + 3.0);
        let (low, high) = (tick::said(range.low), tick::said(range.high));
        let room = text::width(&low, Family::Mono, LABEL) + text::width(&high, Family::Mono, LABEL) + 8.0;
        root.draw(&Text::new(low.clone(), (0, base), label(Role::Faint, HPos::Left, VPos::Top)))?;
        if room <= width && low != high {
            root.draw(&Text::new(high, (grid(width), base), label(Role::Faint, HPos::Right, VPos::Top)))?;
        }
        Ok(())
    })
}
