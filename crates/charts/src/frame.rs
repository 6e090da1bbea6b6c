//! The frame of a chart: room for labels, grid lines, ticks; then whatever the chart draws into it.

use std::convert::Infallible;

use plotters::{
    chart::{ChartBuilder, ChartContext},
    coord::{Shift, cartesian::Cartesian2d, types::RangedCoordf64},
    drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _},
    element::{PathElement, Text},
    style::{Color as _, IntoFont as _, ShapeStyle, TextStyle},
};
use plotters_backend::text_anchor::{HPos, Pos, VPos};

use crate::{
    axis::Axis,
    backend::{self, GRID, SvgBackend},
    plot::{Drawing, Plot, Range, Scale, Size},
    role::Role,
    text::{self, Family},
    tick::{Tick, count, ticks},
};

pub(crate) type Failed = DrawingAreaErrorKind<Infallible>;
/// The whole drawing, in steps of the grid.
pub(crate) type Root<'a> = DrawingArea<SvgBackend<'a>, Shift>;
pub(crate) type Context<'a, 'b> = ChartContext<'b, SvgBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Size of the labels of ticks.
pub(crate) const LABEL: f64 = 10.5;
const TOP: f64 = 9.0;
const BOTTOM: f64 = 24.0;
/// Height of a row for the label of an axis.
const LABEL_ROW: f64 = 13.0;
const RIGHT: f64 = 12.0;
/// Least room at the left, so that charts above each other are aligned.
const LEFT: f64 = 40.0;
const BESIDE_LABEL: f64 = 8.0;
/// Least distance between two labels of the horizontal axis, and between two grid lines.
const APART: f64 = 26.0;
const LINES_APART: f64 = 30.0;
/// A tall chart gets no more grid lines than a low one: so many stretches of its height at most.
const STRETCHES: f64 = 6.0;

/// From here on a number is too long for a tick of the horizontal axis.
const LONG: f64 = 1e5;

/// A chart's frame before anything is drawn.
pub(crate) struct Frame {
    pub(crate) plot: Plot,
    size: Size,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    x_label: String,
    /// How far below the ticks the label stands.
    label_down: f64,
    /// Above the vertical axis; mostly nothing.
    y_label: String,
}

/// Lays a chart out: the labels' own widths decide the room, and which ticks fit.
pub(crate) fn lay_out(size: Size, x_axis: &Axis, x: Range, y_axis: &Axis, y: Range) -> Frame {
    let has_label = !x_axis.label.is_empty();
    let (frame, is_crowded) = lay(size, x_axis, x, y_axis, y, has_label && x_axis.label_below);
    // No tick gives way to the label.
    if is_crowded { lay(size, x_axis, x, y_axis, y, has_label).0 } else { frame }
}

/// The frame, and whether the label, without a row of its own, took the place of a tick.
fn lay(size: Size, x_axis: &Axis, x: Range, y_axis: &Axis, y: Range, has_row: bool) -> (Frame, bool) {
    let label_down = if has_row { LABEL_ROW } else { 0.0 };
    let y_label = if y_axis.label_above { y_axis.label.clone() } else { String::new() };
    let top = if y_label.is_empty() { TOP } else { TOP + LABEL_ROW };
    let height = (size.height - top - BOTTOM - label_down).max(10.0);
    let apart = LINES_APART.max(height / STRETCHES);
    let y_ticks = ticks(&y, &y_axis.unit, |ticks| {
        ticks.windows(2).all(|pair| height * (y.fraction(pair[1].value) - y.fraction(pair[0].value)) >= apart)
    });
    let widest = y_ticks.iter().map(|tick| text::width(&tick.label, Family::Mono, LABEL)).fold(0.0, f64::max);
    let left = (widest + BESIDE_LABEL + 4.0).max(LEFT).min(size.width * 0.5).round();
    let width = (size.width - left - RIGHT).max(10.0);
    let label_room =
        if x_axis.label.is_empty() || has_row { 0.0 } else { text::width(&x_axis.label, Family::Sans, LABEL) + 16.0 };
    let span = |tick: &Tick| {
        let middle = left + width * x.fraction(tick.value);
        let half = text::width(&tick.label, Family::Mono, LABEL) / 2.0;
        (middle - half, middle + half)
    };
    let mut x_ticks =
        ticks(&x, &x_axis.unit, |ticks| ticks.windows(2).all(|pair| span(&pair[1]).0 - span(&pair[0]).1 >= APART));
    if x_axis.is_whole {
        keep_whole(&mut x_ticks, LONG);
    }
    let mut is_crowded = false;
    x_ticks.retain(|tick| {
        let (start, end) = span(tick);
        let is_inside = start >= 1.0 && end <= size.width - 1.0;
        let is_free = end <= size.width - 1.0 - label_room;
        is_crowded |= is_inside && !is_free;
        is_inside && is_free
    });
    let plot = Plot { left, top, width, height, x, y };
    (Frame { plot, size, x_ticks, y_ticks, x_label: x_axis.label.clone(), label_down, y_label }, is_crowded)
}

/// Ticks between whole numbers go; those below `most` are said in full.
fn keep_whole(ticks: &mut Vec<Tick>, most: f64) {
    ticks.retain(|tick| (tick.value - tick.value.round()).abs() < 1e-9);
    for tick in ticks.iter_mut().filter(|tick| (0.0..most).contains(&tick.value)) {
        tick.label = count(tick.value.round() as u64);
    }
}

impl Frame {
    /// Without the labels and lines of the vertical axis, where only shapes are compared.
    pub(crate) fn without_vertical(mut self) -> Self {
        self.y_ticks.clear();
        let right = self.plot.left + self.plot.width;
        self.plot.left = RIGHT;
        self.plot.width = right - RIGHT;
        let plot = self.plot;
        let size = self.size;
        self.x_ticks.retain(|tick| {
            let half = text::width(&tick.label, Family::Mono, LABEL) / 2.0;
            let middle = plot.x_pixel(tick.value);
            middle - half >= 0.0 && middle + half <= size.width
        });
        self
    }

    /// Ticks of the vertical axis at whole numbers only, for what is counted.
    pub(crate) fn with_counts(mut self) -> Self {
        keep_whole(&mut self.y_ticks, f64::INFINITY);
        self
    }

    /// Draws grid and labels, then `body` over them.
    pub(crate) fn draw(
        &self,
        name: &str,
        body: impl FnOnce(&mut Context<'_, '_>, &Root<'_>) -> Result<(), Failed>,
    ) -> Drawing {
        let mut inner = String::new();
        // The only error of the backend is one that can't be: what is drawn is text in memory.
        let _ = self.draw_into(&mut inner, body);
        Drawing { svg: wrap(self.size, name, &inner), plot: self.plot, spots: Vec::new() }
    }

    fn draw_into(
        &self,
        out: &mut String,
        body: impl FnOnce(&mut Context<'_, '_>, &Root<'_>) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let root = SvgBackend::new(out, self.size.width, self.size.height).into_drawing_area();
        self.grid(&root)?;
        let place = |range: &Range| range.place(range.low)..range.place(range.high);
        let Plot { left, top, width, height, .. } = self.plot;
        let mut chart = ChartBuilder::on(&root)
            .margin_left(grid(left))
            .margin_top(grid(top))
            .margin_right(grid(self.size.width - left - width))
            .margin_bottom(grid(self.size.height - top - height))
            .build_cartesian_2d(place(&self.plot.x), place(&self.plot.y))?;
        body(&mut chart, &root)?;
        root.present()
    }

    fn grid(&self, root: &Root<'_>) -> Result<(), Failed> {
        let plot = &self.plot;
        let line = stroke(Role::Grid, 1.0, 1.0);
        let (start, end) = (grid(plot.left), grid(plot.left + plot.width));
        for tick in &self.y_ticks {
            let y = grid(plot.y_pixel(tick.value));
            root.draw(&PathElement::new(vec![(start, y), (end, y)], line))?;
            let at = (start - grid(BESIDE_LABEL), y);
            root.draw(&Text::new(tick.label.clone(), at, label(Role::Faint, HPos::Right, VPos::Center)))?;
        }
        let base = grid(plot.top + plot.height + 10.0);
        for tick in &self.x_ticks {
            let at = (grid(plot.x_pixel(tick.value)), base);
            root.draw(&Text::new(tick.label.clone(), at, label(Role::Faint, HPos::Center, VPos::Top)))?;
        }
        if !self.x_label.is_empty() {
            let at = (grid(self.size.width - 4.0), base + grid(self.label_down));
            root.draw(&Text::new(self.x_label.clone(), at, words(Role::Faint, LABEL, HPos::Right, VPos::Top)))?;
        }
        if !self.y_label.is_empty() {
            let said = text::cut_in_middle(&self.y_label, Family::Sans, LABEL, self.size.width - 8.0);
            let at = (grid(4.0), grid(2.0));
            root.draw(&Text::new(said, at, words(Role::Faint, LABEL, HPos::Left, VPos::Top)))?;
        }
        Ok(())
    }
}

/// A drawing without axes.
pub(crate) fn bare(size: Size, plot: Plot, name: &str, body: impl FnOnce(&Root<'_>) -> Result<(), Failed>) -> Drawing {
    let mut inner = String::new();
    {
        let root = SvgBackend::new(&mut inner, size.width, size.height).into_drawing_area();
        let _ = body(&root).and_then(|()| root.present());
    }
    Drawing { svg: wrap(size, name, &inner), plot, spots: Vec::new() }
}

/// The document around what was drawn.
pub(crate) fn wrap(size: Size, name: &str, inner: &str) -> String {
    let mut title = String::new();
    backend::escape(name, &mut title);
    let (width, height) = (size.width.round(), size.height.round());
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{title}\">{inner}</svg>"
    )
}

/// Pixels as steps of the grid.
pub(crate) fn grid(pixels: f64) -> i32 {
    (pixels * f64::from(GRID)).round() as i32
}

/// A line's style.
pub(crate) fn stroke(role: Role, width: f64, opacity: f64) -> ShapeStyle {
    ShapeStyle { color: role.colour().mix(opacity), filled: false, stroke_width: grid(width) as u32 }
}

/// A surface's style.
pub(crate) fn fill(role: Role, opacity: f64) -> ShapeStyle {
    ShapeStyle { color: role.colour().mix(opacity), filled: true, stroke_width: 0 }
}

/// The style of a number.
pub(crate) fn label(role: Role, across: HPos, down: VPos) -> TextStyle<'static> {
    styled(Family::Mono, LABEL, role, across, down)
}

/// The style of words.
pub(crate) fn words(role: Role, size: f64, across: HPos, down: VPos) -> TextStyle<'static> {
    styled(Family::Sans, size, role, across, down)
}

pub(crate) fn styled(family: Family, size: f64, role: Role, across: HPos, down: VPos) -> TextStyle<'static> {
    TextStyle {
        font: (family.name(), size * f64::from(GRID)).into_font(),
        color: role.colour().to_backend_color(),
        pos: Pos::new(across, down),
    }
}

/// Whether a value can stand on an axis.
pub(crate) fn can_show(range: &Range, value: f64) -> bool {
    value.is_finite() && (range.scale != Scale::Log || value > 0.0)
}
