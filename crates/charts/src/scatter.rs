//! Points: what a regression predicted against what was, with the line where both are equal.

use plotters::{element::Circle, series::LineSeries};

use crate::{
    axis::Axis,
    frame::{self, fill, stroke},
    plot::{Drawing, Said, Size, Spot},
    role::Role,
    tick,
};

/// How far from a point's middle it is still pointed at, in pixels.
const REACH: f64 = 6.0;

/// Predicted (up) over actual (across) on one scale.
pub fn predicted_over_actual(actual: &[f64], predicted: &[f64], unit: &str, size: Size) -> Drawing {
    let both = Axis::default().range_of(actual.iter().chain(predicted).copied(), true);
    let x_axis = Axis { label: "actual".to_owned(), unit: unit.to_owned(), ..Axis::default() };
    let y_axis = Axis { unit: unit.to_owned(), ..Axis::default() };
    let frame = frame::lay_out(size, &x_axis, both, &y_axis, both);
    let drawing = frame.draw("Predicted over actual", |context, _| {
        let points = actual.iter().zip(predicted).filter(|(x, y)| x.is_finite() && y.is_finite());
        // The more points, the fainter each, so that density is seen.
        let opacity = if actual.len() > 500 { 0.35 } else { 0.65 };
        context.draw_series(points.map(|(x, y)| Circle::new((*x, *y), 18, fill(Role::Series(1), opacity))))?;
        context.draw_series(LineSeries::new(
            [(both.low, both.low), (both.high, both.high)],
            stroke(Role::Series(8), 1.2, 1.0),
        ))?;
        Ok(())
    });
    let plot = drawing.plot;
    let points = actual.iter().zip(predicted).filter(|(x, y)| x.is_finite() && y.is_finite());
    let spots = points.map(|(x, y)| {
        let said = |name: &str, value: f64| Said {
            name: name.to_owned(),
            role: None,
            value,
            words: format!("{} {unit}", tick::said(value)).trim_end().to_owned(),
        };
        Spot {
            left: plot.x_pixel(*x) - REACH,
            top: plot.y_pixel(*y) - REACH,
            width: 2.0 * REACH,
            height: 2.0 * REACH,
            head: format!("actual {} {unit}", tick::said(*x)).trim_end().to_owned(),
            figures: vec![said("predicted", *y), said("actual − predicted", x - y)],
        }
    });
    Drawing { spots: spots.collect(), ..drawing }
}
