//! A distribution over steps: bands between percentiles of each step's histogram, as TensorBoard's
//! "distributions" draws them, the median as a line.

use plotters::{element::Polygon, series::LineSeries};

use crate::{
    axis::Axis,
    frame::{self, can_show, fill, stroke},
    plot::{Drawing, Plot, Said, Size, Spot},
    role::Role,
    tick,
};

/// The shares that TensorBoard's distribution view draws: the ends, 1.5, 1 and 0.5 standard
/// deviations of a normal distribution, the median (`compressor.py`, `NORMAL_HISTOGRAM_BPS`).
pub const SHARES: [f64; 9] = [0.0, 0.0668, 0.1587, 0.3085, 0.5, 0.6915, 0.8413, 0.9332, 1.0];
const MEDIAN: usize = 4;
/// More steps than this are thinned evenly, the first and the last kept.
pub const MOST: usize = 400;

/// A histogram at a step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Step {
    pub x: f64,
    /// Ascending, one more than `counts`.
    pub edges: Vec<f64>,
    pub counts: Vec<f64>,
}

/// A chart of a distribution.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Distribution {
    pub name: String,
    pub steps: Vec<Step>,
    pub x: Axis,
    pub y: Axis,
}

/// The values beneath which [`SHARES`] of a histogram lie, by linear interpolation within its bars;
/// none where nothing was counted or the histogram is not one.
pub fn percentiles(edges: &[f64], counts: &[f64]) -> Option<[f64; SHARES.len()]> {
    let is_whole = edges.len() == counts.len() + 1
        && edges.iter().all(|edge| edge.is_finite())
        && edges.is_sorted()
        && counts.iter().all(|count| count.is_finite() && *count >= 0.0);
    let total: f64 = counts.iter().sum();
    if !is_whole || total <= 0.0 || !total.is_finite() {
        return None;
    }
    let last = counts.iter().rposition(|count| *count > 0.0)?;
    Some(SHARES.map(|share| {
        // By adding up it would be reached early: a last bar of little is lost in rounding.
        if share >= 1.0 {
            return edges[last + 1];
        }
        let mut before = 0.0;
        for (index, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            if before + count >= share * total || index == last {
                let part = ((share * total - before) / count).clamp(0.0, 1.0);
                return edges[index] + (edges[index + 1] - edges[index]) * part;
            }
            before += count;
        }
        edges[last + 1]
    }))
}

/// Draws bands, the outer ones fainter; a step without a histogram is a gap.
pub fn draw(chart: &Distribution, size: Size) -> Drawing {
    let found = places(chart);
    let shown = found.iter().filter_map(|(x, values)| Some((*x, (*values)?)));
    let x = chart.x.range_of(found.iter().map(|(x, _)| *x), false);
    let y = chart.y.range_of(shown.clone().filter(|(at, _)| within(&x, *at)).flat_map(|(_, values)| values), true);
    let frame = frame::lay_out(size, &chart.x, x, &chart.y, y);
    let plot = frame.plot;
    let drawing = frame.draw(&chart.name, |context, _| {
        let mut runs = runs(&found, &plot);
        for run in &mut runs {
            // A lone step is as wide as can be seen.
            if let [(at, values)] = run.as_slice() {
                let half = (x.place(x.high) - x.place(x.low)) * 1.5 / plot.width;
                *run = vec![(at - half, *values), (at + half, *values)];
            }
            for outer in 0..MEDIAN {
                let mut outline: Vec<(f64, f64)> = run.iter().map(|(x, values)| (*x, values[outer])).collect();
                outline.extend(run.iter().rev().map(|(x, values)| (*x, values[SHARES.len() - 1 - outer])));
                context.draw_series([Polygon::new(outline, fill(Role::Series(1), 0.17))])?;
            }
            let median = run.iter().map(|(x, values)| (*x, values[MEDIAN]));
            context.draw_series(LineSeries::new(median, stroke(Role::Series(1), 1.6, 1.0)))?;
        }
        Ok(())
    });
    Drawing { spots: spots(&found, &plot), ..drawing }
}

fn within(range: &crate::plot::Range, value: f64) -> bool {
    can_show(range, value) && (range.low..=range.high).contains(&value)
}

type Place = (f64, Option<[f64; SHARES.len()]>);

/// The percentiles of the steps to draw, by x.
fn places(chart: &Distribution) -> Vec<Place> {
    let mut steps: Vec<&Step> = chart.steps.iter().filter(|step| step.x.is_finite()).collect();
    steps.sort_by(|left, right| left.x.total_cmp(&right.x));
    let count = steps.len().min(MOST);
    let last = steps.len().saturating_sub(1);
    (0..count)
        .map(|index| steps[if count == steps.len() { index } else { index * last / (count - 1) }])
        .map(|step| (step.x, percentiles(&step.edges, &step.counts)))
        .collect()
}

/// Stretches of steps that have percentiles, on the axes' even scale and inside of the plot.
fn runs(found: &[Place], plot: &Plot) -> Vec<Vec<(f64, [f64; SHARES.len()])>> {
    let (low, high) = (plot.y.place(plot.y.low), plot.y.place(plot.y.high));
    found
        .split(|(x, values)| values.is_none() || !within(&plot.x, *x))
        .map(|run| {
            run.iter()
                .filter_map(|(x, values)| {
                    Some((plot.x.place(*x), values.as_ref()?.map(|value| plot.y.place(value).clamp(low, high))))
                })
                .collect()
        })
        .filter(|run: &Vec<_>| !run.is_empty())
        .collect()
}

fn spots(found: &[Place], plot: &Plot) -> Vec<Spot> {
    let seen: Vec<(f64, [f64; SHARES.len()])> =
        found.iter().filter(|(x, _)| within(&plot.x, *x)).filter_map(|(x, values)| Some((*x, (*values)?))).collect();
    let pixel = |index: usize| plot.x_pixel(seen[index].0);
    (0..seen.len())
        .map(|index| {
            let here = pixel(index);
            let left = if index == 0 { plot.left } else { f64::midpoint(pixel(index - 1), here) };
            let right =
                if index + 1 == seen.len() { plot.left + plot.width } else { f64::midpoint(here, pixel(index + 1)) };
            let (x, values) = seen[index];
            let names = [("highest", 8), ("median", MEDIAN), ("lowest", 0)];
            let figures = names.map(|(name, at)| Said {
                name: name.to_owned(),
                role: Some(Role::Series(1)),
                value: values[at],
                words: tick::said(values[at]),
            });
            let (top, height) = (plot.top, plot.height);
            Spot { left, top, width: right - left, height, head: tick::said(x), figures: figures.to_vec() }
        })
        .collect()
}
