//! Sparklines: a series in the height of a line of text.

use plotters::element::PathElement;

use crate::{
    frame::{self, grid, stroke},
    plot::{Drawing, Plot, Size},
    role::Role,
};

/// Draws values from left to right; what is not finite leaves a gap.
pub fn draw(values: &[f64], role: Role, size: Size) -> Drawing {
    let plot = Plot { width: size.width, height: size.height, ..Plot::default() };
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    frame::bare(size, plot, "", |root| {
        if low > high {
            return Ok(());
        }
        let last = values.len().saturating_sub(1).max(1) as f64;
        let place = |index: usize, value: f64| {
            let share = if high > low { (value - low) / (high - low) } else { 0.5 };
            let x = 1.0 + (size.width - 2.0) * index as f64 / last;
            (grid(x), grid(2.0 + (size.height - 4.0) * (1.0 - share)))
        };
        for run in values.iter().enumerate().collect::<Vec<_>>().split(|(_, value)| !value.is_finite()) {
            let mut points: Vec<(i32, i32)> = run.iter().map(|(index, value)| place(*index, **value)).collect();
            if let [only] = points.as_slice() {
                points.push((only.0 + 10, only.1));
            }
            if points.len() > 1 {
                root.draw(&PathElement::new(points, stroke(role, 1.3, 1.0)))?;
            }
        }
        Ok(())
    })
}
