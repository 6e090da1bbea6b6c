//! Parallel coordinates: an axis a parameter or metric, a line a run.
//!
//! Above [`MOST`] lines, what lies between two axes is gathered into cells of a bin on the one and a
//! bin on the other, drawn as one line as dark as the logarithm of their number and in the colour of
//! their mean (Novotný and Hauser, 2006): however many runs, so many marks. Those that are brushed,
//! if few, are drawn line by line over it.

mod axes;
mod density;
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
    /// A brush is being dragged: of a density fewer marks are drawn, so that each frame is quick.
    pub is_moving: bool,
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
}
