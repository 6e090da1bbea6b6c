//! Filled contours of a metric over two parameters, with the runs as points on top.
//!
//! Between the runs the metric is a mean of theirs weighted by a Gaussian kernel (Nadaraya, 1964;
//! Watson, 1964) of the distance on the plot, whose sides count as one each; the bandwidth is
//! Scott's rule for two dimensions, `n^(-1/6)` of the spread (Scott, 1992, section 6.3), held
//! between 0.04 and 0.12. What lies more than [`REACH`] bandwidths from every run stays empty.

use plotters::element::{Circle, Polygon, Rectangle};

use crate::{
    frame::{self, Context, Failed, can_show, fill, stroke},
    plot::{Drawing, Plot, Range, Size},
    ramp::{self, Shade},
    role::{RAMP, Role},
    scatter::{self, Scatter},
};

/// Bandwidths from the nearest run beyond which nothing is said.
const REACH: f64 = 2.5;
/// Nodes across and up.
const COLUMNS: usize = 56;
const ROWS: usize = 40;
/// More runs than this are gathered by cells of a grid before they are interpolated.
const MOST: usize = 1000;
/// Cells of that grid, a side.
const CELLS: f64 = 31.0;

/// A run on the plot: fractions of its sides, and what the metric was.
#[derive(Debug, Clone, Copy)]
struct Sample {
    x: f64,
    y: f64,
    value: f64,
    weight: f64,
}

/// Draws contours of `chart.shade` over the chart's axes; without three runs of different places
/// there are only the points.
pub fn draw(chart: &Scatter, size: Size) -> Drawing {
    let x = chart.x.range_of(chart.x_values.iter().copied(), true);
    let y = chart.y.range_of(chart.y_values.iter().copied(), true);
    let frame = frame::lay_out(size, &chart.x, x, &chart.y, y);
    let plot = frame.plot;
    let range = chart.shade.as_ref().map(Shade::range);
    let nodes = range.map(|range| nodes(&samples(chart, &plot, &range)));
    let points = scatter::draw(&Scatter { shade: None, ..chart.clone() }, size);
    let told = scatter::draw(chart, size);
    let drawing = frame.draw(&chart.name, |context, _| {
        if let Some((nodes, range)) = nodes.as_ref().zip(range) {
            for step in 0..RAMP {
                level(context, &plot, nodes, &range, step)?;
            }
        }
        // The more runs, the less of what lies under them each may hide.
        let (radius, opacity) = match points.spots.len() {
            0..=100 => (26, 0.9),
            101..=500 => (15, 0.7),
            _ => (8, 0.4),
        };
        for spot in &points.spots {
            let (across, down) = (spot.left + spot.width / 2.0, spot.top + spot.height / 2.0);
            let at = (plot.x.place(plot.x_value(across)), plot.y.place(plot.y_value(down)));
            if points.spots.len() <= 100 {
                context.draw_series([Circle::new(at, radius + 8, fill(Role::Ground, 0.9))])?;
            }
            context.draw_series([Circle::new(at, radius, fill(Role::Text, opacity))])?;
        }
        for index in [chart.baseline, chart.chosen].into_iter().flatten() {
            let Some((x, y)) = chart.x_values.get(index).zip(chart.y_values.get(index)) else { continue };
            if can_show(&plot.x, *x) && can_show(&plot.y, *y) {
                let at = (plot.x.place(*x), plot.y.place(*y));
                context.draw_series([Circle::new(at, 62, stroke(Role::Ground, 3.4, 1.0))])?;
                context.draw_series([Circle::new(at, 62, stroke(Role::Text, 1.6, 1.0))])?;
            }
        }
        Ok(())
    });
    Drawing { spots: told.spots, ..drawing }
}

fn samples(chart: &Scatter, plot: &Plot, range: &Range) -> Vec<Sample> {
    let Some(shade) = &chart.shade else { return Vec::new() };
    let one = |((x, y), value): ((&f64, &f64), &f64)| {
        let is_seen = |range: &Range, value: f64| can_show(range, value) && (range.low..=range.high).contains(&value);
        (is_seen(&plot.x, *x) && is_seen(&plot.y, *y) && can_show(range, *value)).then(|| Sample {
            x: plot.x.fraction(*x),
            y: plot.y.fraction(*y),
            value: range.fraction(*value),
            weight: 1.0,
        })
    };
    let all: Vec<Sample> = chart.x_values.iter().zip(&chart.y_values).zip(&shade.values).filter_map(one).collect();
    if all.len() <= MOST {
        return all;
    }
    let mut cells: std::collections::BTreeMap<(u32, u32), Sample> = std::collections::BTreeMap::new();
    for sample in all {
        let key = ((sample.x * CELLS) as u32, (sample.y * CELLS) as u32);
        let cell = cells.entry(key).or_insert(Sample { x: 0.0, y: 0.0, value: 0.0, weight: 0.0 });
        cell.weight += 1.0;
        cell.x += (sample.x - cell.x) / cell.weight;
        cell.y += (sample.y - cell.y) / cell.weight;
        cell.value += (sample.value - cell.value) / cell.weight;
    }
    cells.into_values().collect()
}

/// The interpolated metric at each node, rows from below, as a fraction of its scale.
fn nodes(samples: &[Sample]) -> Vec<Option<f64>> {
    let places = samples.iter().map(|sample| (sample.x.to_bits(), sample.y.to_bits()));
    if places.collect::<std::collections::BTreeSet<_>>().len() < 3 {
        return vec![None; (COLUMNS + 1) * (ROWS + 1)];
    }
    let count: f64 = samples.iter().map(|sample| sample.weight).sum();
    // A third of the plot's side: the deviation of what is spread evenly over it.
    let bandwidth = (count.powf(-1.0 / 6.0) / 3.0).clamp(0.04, 0.12);
    let node = |index: usize| {
        let x = (index % (COLUMNS + 1)) as f64 / COLUMNS as f64;
        let y = (index / (COLUMNS + 1)) as f64 / ROWS as f64;
        let (mut sum, mut total, mut nearest) = (0.0, 0.0, f64::INFINITY);
        for sample in samples {
            let square = ((sample.x - x).powi(2) + (sample.y - y).powi(2)) / bandwidth.powi(2);
            let weight = sample.weight * (-square / 2.0).exp();
            nearest = nearest.min(square);
            sum += weight * sample.value;
            total += weight;
        }
        (nearest <= REACH * REACH && total > 0.0).then(|| sum / total)
    };
    (0..(COLUMNS + 1) * (ROWS + 1)).map(node).collect()
}

/// Paints where the metric reaches a step, over the steps below it.
fn level(
    context: &mut Context<'_, '_>,
    plot: &Plot,
    nodes: &[Option<f64>],
    range: &Range,
    step: u8,
) -> Result<(), Failed> {
    let least = if step == 0 { f64::NEG_INFINITY } else { f64::from(step) / f64::from(RAMP) };
    let middle = range.at((f64::from(step) + 0.5) / f64::from(RAMP));
    let style = fill(if range.high > range.low { ramp::role(range, middle) } else { Role::Ramp(RAMP / 2) }, 1.0);
    let point = |x: f64, y: f64| {
        let (x, y) = (x / COLUMNS as f64, y / ROWS as f64);
        (plot.x.place(plot.x.at(x)), plot.y.place(plot.y.at(y)))
    };
    let corners = |column: usize, row: usize| {
        let at = |column: usize, row: usize| nodes[row * (COLUMNS + 1) + column];
        Some([at(column, row)?, at(column + 1, row)?, at(column + 1, row + 1)?, at(column, row + 1)?])
    };
    let is_full =
        |column: usize, row: usize| corners(column, row).is_some_and(|all| all.iter().all(|value| *value >= least));
    for row in 0..ROWS {
        let mut from = None;
        for column in 0..=COLUMNS {
            let full = column < COLUMNS && is_full(column, row);
            match (full, from) {
                (true, None) => from = Some(column),
                (false, Some(start)) => {
                    // Reaches a little into the row below where that is full, too, so that no seam is seen.
                    let below = row > 0 && (start..column).all(|column| is_full(column, row - 1));
                    let (low, high) = (row as f64 - if below { 0.15 } else { 0.0 }, row as f64 + 1.0);
                    context
                        .draw_series([Rectangle::new([point(start as f64, high), point(column as f64, low)], style)])?;
                    from = None;
                }
                _ => {}
            }
            if column < COLUMNS
                && !full
                && let Some(values) = corners(column, row)
            {
                let outline: Vec<(f64, f64)> =
                    part(values, least).into_iter().map(|(x, y)| point(column as f64 + x, row as f64 + y)).collect();
                if outline.len() > 2 {
                    context.draw_series([Polygon::new(outline, style)])?;
                }
            }
        }
    }
    Ok(())
}

/// The part of a unit cell where the values between its corners reach a level: its sides are cut by
/// linear interpolation (marching squares; of the two ways through a saddle the joined one).
fn part(corners: [f64; 4], least: f64) -> Vec<(f64, f64)> {
    const PLACES: [(f64, f64); 4] = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
    let mut outline = Vec::new();
    for index in 0..4 {
        let next = (index + 1) % 4;
        let (value, after) = (corners[index], corners[next]);
        let (from, to) = (PLACES[index], PLACES[next]);
        if value >= least {
            outline.push(from);
        }
        if (value >= least) != (after >= least) {
            let along = (least - value) / (after - value);
            outline.push((from.0 + (to.0 - from.0) * along, from.1 + (to.1 - from.1) * along));
        }
    }
    outline
}
