//! Parallel coordinates: an axis a parameter or metric, a line a run.
//!
//! Above [`MOST`] lines, what lies between two axes is gathered into cells of a bin on the one and a
//! bin on the other, drawn as one line as dark as the logarithm of their number and in the colour of
//! their mean (Novotný and Hauser, 2006): however many runs, so many marks. Those that are brushed,
//! if few, are drawn line by line over it.

mod axes;
mod layout;

pub use layout::{Along, Brush, Coordinate, Kind, Layout, Place};
use plotters::{
    element::PathElement,
    style::{Color as _, ShapeStyle},
};

use crate::{
    frame::{self, Failed, Root, grid, stroke},
    plot::{Drawing, Plot, Range, Size},
    ramp::{self, Shade},
    role::Role,
};

/// More lines than this are drawn as a density.
pub const MOST: usize = 2000;
/// Marks of a density, over all pairs of axes.
const MARKS: usize = 8000;

/// Runs over several axes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parallel {
    pub name: String,
    pub coordinates: Vec<Coordinate>,
    /// Colours the lines; without, each has its own role, or all the first series' colour.
    pub shade: Option<Shade>,
    /// One for each run, or none.
    pub roles: Vec<Role>,
    /// Whether a run's line is dashed, as it is where its role comes again: one for each run, or none.
    pub dashed: Vec<bool>,
    /// The run under the pointer, and those that stay strong.
    pub hovered: Option<usize>,
    pub pinned: Vec<usize>,
}

impl Parallel {
    /// How many runs there are: as many as the longest axis has values.
    pub fn runs(&self) -> usize {
        self.coordinates.iter().map(|coordinate| coordinate.values.len()).max().unwrap_or(0)
    }

    /// Whether a run lies within every brush.
    pub fn is_brushed(&self, run: usize) -> bool {
        self.coordinates.iter().all(|coordinate| coordinate.is_brushed(run))
    }

    /// The run whose line is nearest to a point, no further from it than `reach` pixels up or down;
    /// of those brushed only.
    pub fn nearest(&self, layout: &Layout, x: f64, y: f64, reach: f64) -> Option<usize> {
        let right = layout.axes.iter().position(|axis| axis.x >= x)?.max(1);
        let (from, to) = (layout.axes.get(right - 1)?, layout.axes.get(right)?);
        let share = ((x - from.x) / (to.x - from.x)).clamp(0.0, 1.0);
        (0..self.runs())
            .filter(|run| self.is_brushed(*run))
            .map(|run| {
                let at = |index: usize| layout.axes[index].pixel(self.coordinates[index].value(run));
                (run, (at(right - 1) * (1.0 - share) + at(right) * share - y).abs())
            })
            .filter(|(_, distance)| *distance <= reach)
            .min_by(|left, right| left.1.total_cmp(&right.1))
            .map(|(run, _)| run)
    }
}

/// Draws the lines, then the axes with their labels over them.
pub fn draw(chart: &Parallel, size: Size) -> (Drawing, Layout) {
    let layout = layout::lay_out(chart, size);
    let plot = Plot { left: 0.0, top: layout.top, width: size.width, height: layout.height, ..Plot::default() };
    let drawing = frame::bare(size, plot, &chart.name, |root| {
        let (mut inside, outside): (Vec<usize>, Vec<usize>) = (0..chart.runs()).partition(|run| chart.is_brushed(*run));
        let range = chart.shade.as_ref().map(Shade::range);
        let ink = Ink { chart, layout: &layout, range };
        if outside.len() > MOST {
            ink.density(root, &outside, true)?;
        } else {
            for run in &outside {
                ink.line(root, *run, stroke(Role::Faint, 1.0, 0.3))?;
            }
        }
        if inside.len() > MOST {
            ink.density(root, &inside, false)?;
        } else {
            // The best and the worst are over those between.
            let strength = |run: &usize| ink.value(*run).map_or(-1.0, |share| (share - 0.5).abs());
            inside.sort_by(|left, right| strength(left).total_cmp(&strength(right)));
            let opacity = match inside.len() {
                0..=60 => 0.85,
                61..=400 => 0.55,
                _ => 0.32,
            };
            for run in &inside {
                ink.line(root, *run, ink.own(*run, 1.3, opacity))?;
            }
        }
        for run in chart.pinned.iter().chain(&chart.hovered).filter(|run| **run < chart.runs()) {
            ink.line(root, *run, stroke(Role::Ground, 5.0, 0.9))?;
            let is_hovered = chart.hovered == Some(*run);
            let style = if is_hovered { stroke(Role::Text, 2.6, 1.0) } else { ink.own(*run, 2.6, 1.0) };
            ink.line(root, *run, style)?;
        }
        axes::draw(root, chart, &layout)
    });
    (drawing, layout)
}

/// What lines are drawn with.
struct Ink<'a> {
    chart: &'a Parallel,
    layout: &'a Layout,
    range: Option<Range>,
}

/// Runs that lie together between two axes.
#[derive(Default, Clone, Copy)]
struct Bundle {
    count: f64,
    left: f64,
    right: f64,
    shade: f64,
    shaded: f64,
}

impl Ink<'_> {
    fn shade(&self, run: usize) -> f64 {
        self.chart.shade.as_ref().and_then(|shade| shade.values.get(run)).copied().unwrap_or(f64::NAN)
    }

    /// A run's place on the scale of colours.
    fn value(&self, run: usize) -> Option<f64> {
        let (range, value) = (self.range?, self.shade(run));
        frame::can_show(&range, value).then(|| range.fraction(value))
    }

    fn role(&self, run: usize) -> Role {
        let own = || self.chart.roles.get(run).copied().unwrap_or(Role::Series(1));
        self.range.map_or_else(own, |range| ramp::role(&range, self.shade(run)))
    }

    /// The style of a run's own line.
    fn own(&self, run: usize, width: f64, opacity: f64) -> ShapeStyle {
        let role = self.role(run);
        let style = stroke(role, width, opacity);
        let is_dashed = self.chart.dashed.get(run).copied().unwrap_or(false);
        if is_dashed { ShapeStyle { color: role.dashed().mix(opacity), ..style } } else { style }
    }

    fn line(&self, root: &Root<'_>, run: usize, style: ShapeStyle) -> Result<(), Failed> {
        let axes = self.layout.axes.iter().zip(&self.chart.coordinates);
        let points: Vec<(i32, i32)> =
            axes.map(|(axis, coordinate)| (grid(axis.x), grid(axis.pixel(coordinate.value(run))))).collect();
        if let [(x, y)] = points.as_slice() {
            return root.draw(&PathElement::new(vec![(x - 40, *y), (x + 40, *y)], style));
        }
        root.draw(&PathElement::new(points, style))
    }

    /// The bundles of `runs` between each two axes, the thinnest first.
    fn density(&self, root: &Root<'_>, runs: &[usize], is_faint: bool) -> Result<(), Failed> {
        let pairs = self.layout.axes.len().saturating_sub(1).max(1);
        let bins = ((MARKS / pairs) as f64).sqrt().clamp(6.0, 40.0);
        let bottom = self.layout.missing.max(self.layout.top + self.layout.height);
        let bin = |pixel: f64| ((pixel - self.layout.top) / (bottom - self.layout.top).max(1.0) * (bins - 1.0)) as u32;
        for (axes, coordinates) in self.layout.axes.windows(2).zip(self.chart.coordinates.windows(2)) {
            let mut bundles: std::collections::BTreeMap<(u32, u32), Bundle> = std::collections::BTreeMap::new();
            for run in runs {
                let (left, right) =
                    (axes[0].pixel(coordinates[0].value(*run)), axes[1].pixel(coordinates[1].value(*run)));
                let bundle = bundles.entry((bin(left), bin(right))).or_default();
                bundle.count += 1.0;
                bundle.left += left;
                bundle.right += right;
                if let Some(value) = self.value(*run) {
                    bundle.shade += value;
                    bundle.shaded += 1.0;
                }
            }
            let mut bundles: Vec<Bundle> = bundles.into_values().collect();
            bundles.sort_by(|left, right| left.count.total_cmp(&right.count));
            let most = bundles.last().map_or(1.0, |bundle| bundle.count);
            for bundle in bundles {
                let share = (1.0 + bundle.count).ln() / (1.0 + most).ln();
                let style = if is_faint {
                    stroke(Role::Faint, 1.0, 0.12 + 0.28 * share * share)
                } else {
                    stroke(self.mean_role(&bundle), 1.0 + 2.0 * share * share, 0.06 + 0.6 * share * share)
                };
                let ends = vec![
                    (grid(axes[0].x), grid(bundle.left / bundle.count)),
                    (grid(axes[1].x), grid(bundle.right / bundle.count)),
                ];
                root.draw(&PathElement::new(ends, style))?;
            }
        }
        Ok(())
    }

    fn mean_role(&self, bundle: &Bundle) -> Role {
        match self.range {
            None => Role::Series(1),
            Some(range) if bundle.shaded > 0.0 => ramp::role(&range, range.at(bundle.shade / bundle.shaded)),
            Some(_) => Role::Faint,
        }
    }
}
