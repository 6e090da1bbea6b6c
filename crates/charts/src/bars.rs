//! Bars: one distribution, or two laid over each other, of numbers or of categories.

use plotters::element::{PathElement, Rectangle, Text};
use plotters_backend::text_anchor::{HPos, VPos};

use crate::{
    axis::Axis,
    frame::{self, fill, grid, label, stroke, words},
    plot::{Drawing, Plot, Range, Said, Scale, Size, Spot},
    role::Role,
    text::{self, Family},
    tick::{self, percent},
};

/// One set of bars.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    pub name: String,
    pub role: Role,
    /// Heights, none below 0; several sets are compared by their shares, so that sets of any size can be. Those of a
    /// density are no whole numbers.
    pub counts: Vec<f64>,
}

impl Bars {
    /// Of things that were counted one by one.
    pub fn counted(name: impl Into<String>, role: Role, counts: &[u64]) -> Self {
        Self { name: name.into(), role, counts: counts.iter().map(|count| *count as f64).collect() }
    }
}

/// Bars between edges.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    pub name: String,
    /// One more than counts.
    pub edges: Vec<f64>,
    pub sets: Vec<Bars>,
    pub x: Axis,
    /// The vertical axis says how many each bar has: of one set, whose shares are compared with nothing.
    pub has_counts: bool,
}

/// Draws one or more distributions of a number over the same edges.
pub fn histogram(chart: &Histogram, size: Size) -> Drawing {
    let shares = shares(&chart.sets);
    let x_axis = axis_of(chart);
    let x = x_axis.range_of(chart.edges.iter().copied(), false);
    let is_shown = |edges: &[f64]| edges[0] < x.high && edges[1] > x.low;
    // The tallest of those that are shown fills the height.
    let tall = |shares: &Vec<f64>| {
        let shown = chart.edges.windows(2).zip(shares).filter(|(edges, _)| is_shown(edges));
        shown.map(|(_, share)| *share).fold(0.0, f64::max)
    };
    let most = shares.iter().map(tall).fold(1e-12, f64::max);
    let high = if chart.has_counts { tallest(chart, is_shown) } else { most };
    let y = Range { low: 0.0, high, ..Range::default() };
    let y_axis = Axis::default();
    let frame = frame::lay_out(size, &x_axis, x, &y_axis, y);
    let frame = match chart.has_counts {
        true if is_whole(&chart.sets) => frame.with_counts(),
        true => frame,
        false => frame.without_vertical(),
    };
    let plot = frame.plot;
    let opacity = if chart.sets.len() > 1 { 0.45 } else { 0.75 };
    let drawing = frame.draw(&chart.name, |_, root| {
        for (set, shares) in chart.sets.iter().zip(&shares) {
            let bars = chart.edges.windows(2).zip(shares);
            for (edges, share) in bars.filter(|(edges, share)| **share > 0.0 && is_shown(edges)) {
                let (left, right) = sides(&plot, edges);
                let air = if right - left > 4.0 { 1.0 } else { 0.0 };
                bar(root, &plot, left, (right - air).max(left + 0.5), share / most, set.role, opacity)?;
            }
        }
        base(root, &plot)
    });
    let name = |bar: usize| match chart.x.scale {
        Scale::Time { offset_minutes } => {
            let edge = |at: usize| tick::moment(chart.edges[at], offset_minutes);
            format!("{} to {}", edge(bar), edge(bar + 1))
        }
        Scale::Linear | Scale::Log => bar_name(&chart.edges, bar).unwrap_or_default(),
    };
    let shown = chart.edges.windows(2).enumerate().filter(|(_, edges)| is_shown(edges));
    let spots = shown.map(|(index, edges)| {
        let (left, right) = sides(&plot, edges);
        let head = format!("{} {}", name(index), chart.x.unit).trim_end().to_owned();
        let figures = told(&chart.sets, &shares, index);
        Spot { left, top: plot.top, width: right - left, height: plot.height, head, figures }
    });
    Drawing { spots: spots.collect(), ..drawing }
}

/// The greatest height that is shown of the first set.
fn tallest(chart: &Histogram, is_shown: impl Fn(&[f64]) -> bool) -> f64 {
    let counts = chart.sets.first().map(|set| set.counts.as_slice()).unwrap_or_default();
    let shown = chart.edges.windows(2).zip(counts).filter(|(edges, _)| is_shown(edges));
    match shown.map(|(_, count)| *count).fold(0.0, f64::max) {
        none if none <= 0.0 => 1.0,
        most => most,
    }
}

/// Whether things were counted one by one.
fn is_whole(sets: &[Bars]) -> bool {
    sets.iter().flat_map(|set| &set.counts).all(|count| count.fract() == 0.0)
}

/// An outermost bar so many times wider than the next holds what lies far out. It is drawn as wide as that, or the others
/// would be too narrow to see.
const FAR_OUT: f64 = 3.0;

/// The axis as it is asked for; where no range is, that of the bars as wide as they are drawn, and at its end how far a
/// bar reaches that is cut.
fn axis_of(chart: &Histogram) -> Axis {
    let mut axis = chart.x.clone();
    let edges = chart.edges.as_slice();
    let ([first, second, third, ..], [.., before, next, last], None) = (edges, edges, axis.range) else {
        return axis;
    };
    let (low, high) = (drawn_end(*first, *second, *third), drawn_end(*last, *next, *before));
    let scale = axis.scale;
    let told = |edge: f64| match scale {
        Scale::Time { offset_minutes } => tick::moment(edge, offset_minutes),
        Scale::Linear | Scale::Log => tick::said(edge),
    };
    let label = match (low > *first, high < *last) {
        (false, false) => return axis,
        (true, false) => format!("first bar from {}", told(*first)),
        (false, true) => format!("last bar to {}", told(*last)),
        (true, true) => format!("in all {} to {}", told(*first), told(*last)),
    };
    axis.range = Some((low, high));
    if axis.label.is_empty() {
        axis.label = label;
    }
    axis
}

fn drawn_end(end: f64, next: f64, before: f64) -> f64 {
    let width = next - before;
    if (end - next).abs() > FAR_OUT * width.abs() { next + width } else { end }
}

/// What a bar stands for: "12.5 to 15"; where all edges lie on half-integers the whole numbers between them, "7" or
/// "7 to 9".
pub fn bar_name(edges: &[f64], bar: usize) -> Option<String> {
    let (low, high) = (*edges.get(bar)?, *edges.get(bar + 1)?);
    let (low, high) =
        if edges.iter().all(|edge| edge.fract().abs() == 0.5) { (low + 0.5, high - 0.5) } else { (low, high) };
    Some(if low == high { tick::said(low) } else { format!("{} to {}", tick::said(low), tick::said(high)) })
}

/// A bar's left and right, as far as it lies in the plot.
fn sides(plot: &Plot, edges: &[f64]) -> (f64, f64) {
    let within = |edge: f64| plot.x_pixel(edge).clamp(plot.left, plot.left + plot.width);
    (within(edges[0]), within(edges[1]))
}

/// What each set has at one place.
fn told(sets: &[Bars], shares: &[Vec<f64>], index: usize) -> Vec<Said> {
    let one = |(set, shares): (&Bars, &Vec<f64>)| {
        let (count, share) = (*set.counts.get(index)?, *shares.get(index)?);
        let many = if count.fract() == 0.0 { tick::count(count as u64) } else { tick::said(count) };
        let words = format!("{many} · {}", percent(share));
        Some(Said { name: set.name.clone(), role: Some(set.role), value: count, words })
    };
    sets.iter().zip(shares).filter_map(one).collect()
}

/// Bars of named values, one group a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Categories {
    pub name: String,
    pub values: Vec<String>,
    pub sets: Vec<Bars>,
}

/// Draws horizontal bars, a line a value, with the share of each set at its end.
pub fn categories(chart: &Categories, size: Size) -> Drawing {
    const LINE: f64 = 10.5;
    let shares = shares(&chart.sets);
    let most = shares.iter().flatten().copied().fold(0.0, f64::max).max(1e-12);
    let rows = chart.values.len().max(1) as f64;
    let row = (size.height / rows).min(30.0);
    let names = chart.values.iter().map(|value| text::width(value, Family::Sans, LINE)).fold(20.0, f64::max);
    let left = (names + 14.0).min(size.width * 0.36);
    let right = 46.0;
    let plot =
        Plot { left, top: 0.0, width: (size.width - left - right).max(10.0), height: row * rows, ..Plot::default() };
    let drawing = frame::bare(size, plot, &chart.name, |root| {
        let thick = ((row - 8.0) / chart.sets.len().max(1) as f64).clamp(2.0, 9.0);
        for (index, value) in chart.values.iter().enumerate() {
            let middle = row * (index as f64 + 0.5);
            let name = text::cut(value, Family::Sans, LINE, left - 14.0);
            root.draw(&Text::new(
                name,
                (grid(left - 8.0), grid(middle)),
                words(Role::Muted, LINE, HPos::Right, VPos::Center),
            ))?;
            let start = middle - thick * chart.sets.len() as f64 / 2.0;
            for (number, (set, shares)) in chart.sets.iter().zip(&shares).enumerate() {
                let share = shares.get(index).copied().unwrap_or(0.0);
                let top = start + thick * number as f64;
                let end = left + plot.width * share / most;
                let corners = [(grid(left), grid(top)), (grid(end.max(left + 0.5)), grid(top + thick - 1.0))];
                root.draw(&Rectangle::new(corners, fill(set.role, 0.8)))?;
                if number == chart.sets.len() - 1 {
                    let said = percent(share);
                    let at = (grid(size.width - 2.0), grid(middle));
                    root.draw(&Text::new(said, at, label(Role::Faint, HPos::Right, VPos::Center)))?;
                }
            }
        }
        Ok(())
    });
    let spots = chart.values.iter().enumerate().map(|(index, value)| Spot {
        left: 0.0,
        top: row * index as f64,
        width: size.width,
        height: row,
        head: value.clone(),
        figures: told(&chart.sets, &shares, index),
    });
    Drawing { spots: spots.collect(), ..drawing }
}

/// A few bars without axes, for the head of a column.
pub fn mini(counts: &[u64], role: Role, size: Size) -> Drawing {
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let plot = Plot { width: size.width, height: size.height, ..Plot::default() };
    let wide = size.width / counts.len().max(1) as f64;
    frame::bare(size, plot, "", |root| {
        for (index, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let left = wide * index as f64;
            let air = if wide > 3.0 { 1.0 } else { 0.2 };
            // What is there at all is seen.
            let share = (*count as f64 / most).max(0.7 / size.height);
            bar(root, &plot, left, left + wide - air, share, role, 0.75)?;
        }
        Ok(())
    })
}

fn bar(
    root: &frame::Root<'_>,
    plot: &Plot,
    left: f64,
    right: f64,
    share: f64,
    role: Role,
    opacity: f64,
) -> Result<(), frame::Failed> {
    let bottom = plot.top + plot.height;
    let corners = [(grid(left), grid(bottom - plot.height * share)), (grid(right), grid(bottom))];
    root.draw(&Rectangle::new(corners, fill(role, opacity)))
}

fn base(root: &frame::Root<'_>, plot: &Plot) -> Result<(), frame::Failed> {
    let y = grid(plot.top + plot.height);
    let line = stroke(Role::Grid, 1.0, 1.0);
    root.draw(&PathElement::new(vec![(grid(plot.left), y), (grid(plot.left + plot.width), y)], line))
}

fn shares(sets: &[Bars]) -> Vec<Vec<f64>> {
    sets.iter()
        .map(|set| {
            let total: f64 = set.counts.iter().sum();
            set.counts.iter().map(|count| if total > 0.0 { count / total } else { 0.0 }).collect()
        })
        .collect()
}
