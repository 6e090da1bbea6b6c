//! Points: what a regression predicted against what was, with the line where both are equal; runs
//! by two of their values, coloured by a third.

use plotters::{
    element::{Circle, EmptyElement, PathElement, Polygon},
    series::LineSeries,
};

use crate::{
    axis::Axis,
    frame::{self, can_show, fill, grid, stroke},
    plot::{Drawing, Part, Plot, Range, Said, Scale, Size, Spot},
    ramp::{self, Shade},
    role::Role,
    shape::Shape,
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

/// Runs, or groups of them, by two of their values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scatter {
    pub name: String,
    /// One for each point, or none.
    pub names: Vec<String>,
    pub x_name: String,
    pub y_name: String,
    /// Points that an axis can't show are left out: see [`Scatter::left_out`].
    pub x_values: Vec<f64>,
    pub y_values: Vec<f64>,
    /// Colours the points; without, each has its own role, or all the first series' colour.
    pub shade: Option<Shade>,
    /// One for each point, or none.
    pub roles: Vec<Role>,
    /// One for each point, or none: then, and where points are gathered, all are circles.
    pub shapes: Vec<Shape>,
    /// How many runs a point stands for: its area; one each where there are none.
    pub counts: Vec<u64>,
    pub x: Axis,
    pub y: Axis,
    /// Ringed, with lines to both axes: what the others are compared with.
    pub baseline: Option<usize>,
    /// Ringed: what is pointed at elsewhere.
    pub chosen: Option<usize>,
}

/// More points than this are gathered by the cells they lie in.
pub const MOST: usize = 3000;
/// Radius of a point that stands for one, and of the largest.
const LEAST_RADIUS: f64 = 3.0;
const MOST_RADIUS: f64 = 11.0;

/// A drawn point: of one, its index; of several, their means.
struct Dot {
    x: f64,
    y: f64,
    shade: f64,
    count: u64,
    one: Option<usize>,
}

impl Scatter {
    /// How many points have no place on the axes: without a value, or not positive on a log axis.
    pub fn left_out(&self) -> usize {
        let can = |axis: &Axis, value: f64| can_show(&Range { scale: axis.scale, ..Range::default() }, value);
        let shown = self.x_values.iter().zip(&self.y_values).filter(|(x, y)| can(&self.x, **x) && can(&self.y, **y));
        self.x_values.len().max(self.y_values.len()) - shown.count()
    }

    /// The same where a part is looked at closer: what lies in it is drawn anew, points that were gathered by themselves
    /// again where no more are left than can be told apart.
    pub fn within(&self, part: Part) -> Self {
        let looked_at = |axis: &Axis, range| Axis { range: Some(range), ..axis.clone() };
        Self { x: looked_at(&self.x, part.x), y: looked_at(&self.y, part.y), ..self.clone() }
    }

    fn count(&self, index: usize) -> u64 {
        self.counts.get(index).copied().unwrap_or(1)
    }

    fn shade_of(&self, index: usize) -> f64 {
        self.shade.as_ref().and_then(|shade| shade.values.get(index)).copied().unwrap_or(f64::NAN)
    }
}

/// Draws points; above [`MOST`], one for each cell that has some, at their mean place, as large as
/// their number and in the colour of their mean.
pub fn draw(chart: &Scatter, size: Size) -> Drawing {
    let x = chart.x.range_of(chart.x_values.iter().copied(), true);
    let y = chart.y.range_of(chart.y_values.iter().copied(), true);
    let frame = frame::lay_out(size, &chart.x, x, &chart.y, y);
    let plot = frame.plot;
    let dots = dots(chart, &plot);
    let range = chart.shade.as_ref().map(Shade::range);
    let most = dots.iter().map(|dot| dot.count).max().unwrap_or(1).max(1) as f64;
    // What is gathered stays within its cell, more or less.
    let is_gathered = dots.iter().any(|dot| dot.one.is_none());
    let (least, largest) =
        if is_gathered { (1.4, (cell(&plot) * 0.7).min(MOST_RADIUS)) } else { (LEAST_RADIUS, MOST_RADIUS) };
    let radius = |count: u64| {
        let share = if most > 1.0 { ((count as f64 - 1.0).max(0.0) / (most - 1.0)).sqrt() } else { 0.0 };
        least + (largest - least) * share
    };
    let role = |dot: &Dot| {
        let own = || dot.one.and_then(|index| chart.roles.get(index).copied()).unwrap_or(Role::Series(1));
        range.map_or_else(own, |range| ramp::role(&range, dot.shade))
    };
    let drawing = frame.draw(&chart.name, |context, _| {
        let opacity = if dots.len() > 500 { 0.5 } else { 0.75 };
        // The largest first, so that they hide none.
        let mut order: Vec<&Dot> = dots.iter().collect();
        order.sort_by_key(|dot| std::cmp::Reverse(dot.count));
        for dot in order {
            let at = (x.place(dot.x), y.place(dot.y));
            let (radius, style) = (radius(dot.count), fill(role(dot), opacity));
            let shape = dot.one.and_then(|index| chart.shapes.get(index).copied()).unwrap_or_default();
            let corners: Vec<(i32, i32)> =
                shape.corners(radius).into_iter().map(|(across, down)| (grid(across), grid(down))).collect();
            if corners.is_empty() {
                context.draw_series([Circle::new(at, grid(radius), style)])?;
            } else {
                context.draw_series([EmptyElement::at(at) + Polygon::new(corners, style)])?;
            }
        }
        for (index, is_baseline) in [(chart.baseline, true), (chart.chosen, false)] {
            let Some((index, at)) = index.and_then(|index| Some((index, place(chart, &plot, index)?))) else {
                continue;
            };
            if is_baseline {
                let line = stroke(Role::Text, 1.0, 0.45);
                let (left, low) = (x.place(x.low), y.place(y.low));
                context.draw_series([PathElement::new(vec![(left, at.1), at, (at.0, low)], line)])?;
            }
            let ring = Circle::new((0, 0), grid(radius(chart.count(index)) + 2.0), stroke(Role::Text, 1.6, 1.0));
            context.draw_series([EmptyElement::at(at) + ring])?;
        }
        Ok(())
    });
    let spots = dots.iter().map(|dot| {
        let reach = radius(dot.count).max(REACH);
        Spot {
            left: plot.x_pixel(dot.x) - reach,
            top: plot.y_pixel(dot.y) - reach,
            width: 2.0 * reach,
            height: 2.0 * reach,
            head: dot.one.and_then(|index| chart.names.get(index).cloned()).unwrap_or_else(|| runs_said(dot.count)),
            figures: figures(chart, dot, range),
        }
    });
    Drawing { spots: spots.collect(), ..drawing }
}

fn runs_said(count: u64) -> String {
    api::figure::counted(count, "run", "runs")
}

fn figures(chart: &Scatter, dot: &Dot, range: Option<Range>) -> Vec<Said> {
    let said = |name: &str, role: Option<Role>, value: f64, (scale, unit): (Scale, &str)| Said {
        name: name.to_owned(),
        role,
        value,
        words: match scale {
            _ if !value.is_finite() => "–".to_owned(),
            Scale::Time { offset_minutes } => tick::moment(value, offset_minutes),
            Scale::Linear | Scale::Log => format!("{} {unit}", tick::said(value)).trim_end().to_owned(),
        },
    };
    let along = |name: &str, value: f64, axis: &Axis| said(name, None, value, (axis.scale, axis.unit.as_str()));
    let mut figures = vec![along(&chart.x_name, dot.x, &chart.x), along(&chart.y_name, dot.y, &chart.y)];
    if let Some((shade, range)) = chart.shade.as_ref().zip(range) {
        figures.push(said(&shade.name, Some(ramp::role(&range, dot.shade)), dot.shade, (shade.scale, "")));
    }
    if dot.one.is_some() && dot.count > 1 {
        let (value, words) = (dot.count as f64, tick::count(dot.count));
        figures.push(Said { name: "runs".to_owned(), role: None, value, words });
    }
    figures
}

/// Where a point lies on the axes' even scale, if it is seen.
fn place(chart: &Scatter, plot: &Plot, index: usize) -> Option<(f64, f64)> {
    let (x, y) = (*chart.x_values.get(index)?, *chart.y_values.get(index)?);
    let is_seen = |range: &Range, value: f64| can_show(range, value) && (range.low..=range.high).contains(&value);
    (is_seen(&plot.x, x) && is_seen(&plot.y, y)).then(|| (plot.x.place(x), plot.y.place(y)))
}

fn dots(chart: &Scatter, plot: &Plot) -> Vec<Dot> {
    let seen: Vec<usize> = (0..chart.x_values.len()).filter(|index| place(chart, plot, *index).is_some()).collect();
    if seen.len() <= MOST {
        let one = |index: usize| Dot {
            x: chart.x_values[index],
            y: chart.y_values[index],
            shade: chart.shade_of(index),
            count: chart.count(index),
            one: Some(index),
        };
        return seen.into_iter().map(one).collect();
    }
    let cell = cell(plot);
    let columns = (plot.width / cell).ceil() as usize + 1;
    let mut cells: std::collections::BTreeMap<usize, Vec<usize>> = std::collections::BTreeMap::new();
    for index in seen {
        let across = (plot.width * plot.x.fraction(chart.x_values[index]) / cell) as usize;
        let up = (plot.height * plot.y.fraction(chart.y_values[index]) / cell) as usize;
        cells.entry(up * columns + across).or_default().push(index);
    }
    cells.values().map(|members| gathered(chart, plot, members)).collect()
}

/// Side of the cells that points are gathered by, in pixels.
fn cell(plot: &Plot) -> f64 {
    (plot.width * plot.height / MOST as f64).sqrt().max(6.0)
}

/// One dot for several points, at the mean of their places on the axes.
fn gathered(chart: &Scatter, plot: &Plot, members: &[usize]) -> Dot {
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        sum / count
    };
    let x = mean(&mut members.iter().map(|index| plot.x.fraction(chart.x_values[*index])));
    let y = mean(&mut members.iter().map(|index| plot.y.fraction(chart.y_values[*index])));
    Dot {
        x: plot.x.at(x),
        y: plot.y.at(y),
        shade: mean(&mut members.iter().map(|index| chart.shade_of(*index)).filter(|value| value.is_finite())),
        count: members.iter().map(|index| chart.count(*index)).sum(),
        one: if let [only] = members { Some(*only) } else { None },
    }
}
