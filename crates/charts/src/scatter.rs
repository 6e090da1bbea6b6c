//! Points: what a regression predicted against what was, with the line where both are equal.

use plotters::{element::Circle, series::LineSeries};

use crate::{
    axis::Axis,
    frame::{self, fill, stroke},
    plot::{Drawing, Part, Range, Said, Size, Spot},
    role::Role,
    tick,
};

/// How far from a point's middle it is still pointed at, in pixels.
const REACH: f64 = 6.0;

/// Predicted (up) over actual (across) on one scale; or a part of it, its axes each on their own.
pub fn predicted_over_actual(actual: &[f64], predicted: &[f64], unit: &str, part: Option<Part>, size: Size) -> Drawing {
    let both = Axis::default().range_of(actual.iter().chain(predicted).copied(), true);
    let looked_at = |part: Option<(f64, f64)>| part.map_or(both, |(low, high)| Range { low, high, ..both });
    let (x, y) = (looked_at(part.map(|part| part.x)), looked_at(part.map(|part| part.y)));
    let points: Vec<(f64, f64)> = actual
        .iter()
        .zip(predicted)
        .map(|(actual, predicted)| (*actual, *predicted))
        .filter(|point| (x.low..=x.high).contains(&point.0) && (y.low..=y.high).contains(&point.1))
        .collect();
    let x_axis = Axis { label: "actual".to_owned(), unit: unit.to_owned(), ..Axis::default() };
    let y_axis = Axis { unit: unit.to_owned(), ..Axis::default() };
    let frame = frame::lay_out(size, &x_axis, x, &y_axis, y);
    let drawing = frame.draw("Predicted over actual", |context, _| {
        // The more points, the fainter each, so that density is seen.
        let opacity = if actual.len() > 500 { 0.35 } else { 0.65 };
        context.draw_series(points.iter().map(|point| Circle::new(*point, 18, fill(Role::Series(1), opacity))))?;
        let (low, high) = (x.low.max(y.low), x.high.min(y.high));
        if low < high {
            context.draw_series(LineSeries::new([(low, low), (high, high)], stroke(Role::Series(8), 1.2, 1.0)))?;
        }
        Ok(())
    });
    let plot = drawing.plot;
    let spots = points.iter().map(|(x, y)| {
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
