//! Points: what a regression predicted against what was, with the line where both are equal.

use plotters::{element::Circle, series::LineSeries};

use crate::{
    axis::Axis,
    frame::{self, fill, stroke},
    plot::{Drawing, Size},
    role::Role,
};

/// Predicted (up) over actual (across) on one scale.
pub fn predicted_over_actual(actual: &[f64], predicted: &[f64], unit: &str, size: Size) -> Drawing {
    let both = Axis::default().range_of(actual.iter().chain(predicted).copied(), true);
    let x_axis = Axis { label: "actual".to_owned(), unit: unit.to_owned(), ..Axis::default() };
    let y_axis = Axis { unit: unit.to_owned(), ..Axis::default() };
    let frame = frame::lay_out(size, &x_axis, both, &y_axis, both);
    frame.draw("Predicted over actual", |context, _| {
        let points = actual.iter().zip(predicted).filter(|(x, y)| x.is_finite() && y.is_finite());
        // The more points, the fainter each, so that density is seen.
        let opacity = if actual.len() > 500 { 0.35 } else { 0.65 };
        context.draw_series(points.map(|(x, y)| Circle::new((*x, *y), 18, fill(Role::Series(1), opacity))))?;
        context.draw_series(LineSeries::new(
            [(both.low, both.low), (both.high, both.high)],
            stroke(Role::Series(8), 1.2, 1.0),
        ))?;
        Ok(())
    })
}
