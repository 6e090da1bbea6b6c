//! The axes themselves: names, ticks, brushes and the place of what is missing.

use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters_backend::text_anchor::{HPos, VPos};

use super::{Along, Brush, Coordinate, Kind, Layout, Parallel};
use crate::{
    frame::{Failed, LABEL, Root, fill, grid, label, stroke, words},
    role::Role,
    text::{self, Family},
    tick::ticks,
};

const NAME: f64 = 11.5;
/// Least distance between two labels of an axis.
const LABELS_APART: f64 = 24.0;
const BRUSH: f64 = 5.0;

pub(super) fn draw(root: &Root<'_>, chart: &Parallel, layout: &Layout) -> Result<(), Failed> {
    if chart.coordinates.is_empty() {
        let at = (0, grid(layout.top));
        return root.draw(&Text::new("no axes", at, words(Role::Faint, NAME, HPos::Left, VPos::Center)));
    }
    let has_missing = layout.missing > layout.top + layout.height;
    for (index, (axis, coordinate)) in layout.axes.iter().zip(&chart.coordinates).enumerate() {
        let x = grid(axis.x);
        let (top, bottom) = (grid(axis.top), grid(axis.top + axis.height));
        root.draw(&PathElement::new(vec![(x, top), (x, bottom)], stroke(Role::Muted, 1.0, 1.0)))?;
        let is_last = index > 0 && index + 1 == layout.axes.len();
        let room = if is_last { layout.side - 8.0 } else { room(layout, index) };
        labels(root, axis, coordinate, room, is_last)?;
        // A name is as wide as what lies between its neighbours, and stays within the drawing.
        let wide = if layout.axes.len() > 1 { layout.apart.min(2.0 * layout.side) } else { 2.0 * layout.side };
        let name = text::cut(&coordinate.name, Family::Sans, NAME, wide - 8.0);
        let role = if coordinate.brush.is_some() { Role::Text } else { Role::Muted };
        root.draw(&Text::new(name, (x, grid(4.0)), words(role, NAME, HPos::Center, VPos::Top)))?;
        if has_missing {
            let at = (x, grid(layout.missing));
            root.draw(&Circle::new(at, 28, fill(Role::Ground, 1.0)))?;
            root.draw(&Circle::new(at, 28, stroke(Role::Muted, 1.0, 1.0)))?;
            let wide = text::width("missing", Family::Sans, LABEL);
            if layout.axes.len() == 1 || layout.apart > wide + 8.0 || index == 0 {
                // At the edge of a narrow drawing the word begins with it.
                let across = if axis.x < wide / 2.0 { HPos::Left } else { HPos::Center };
                let at = (if axis.x < wide / 2.0 { 0 } else { x }, grid(layout.missing + 7.0));
                root.draw(&Text::new("missing", at, words(Role::Faint, LABEL, across, VPos::Top)))?;
            }
        }
        brush(root, axis, coordinate)?;
    }
    Ok(())
}

/// Room for the labels at the left of an axis.
fn room(layout: &Layout, index: usize) -> f64 {
    if index == 0 { layout.axes.first().map_or(0.0, |axis| axis.x) - 8.0 } else { layout.apart * 0.6 - 8.0 }
}

/// Ticks and their labels: at the left of an axis, where lines go on to its right; at the right of the last one.
fn labels(root: &Root<'_>, axis: &Along, coordinate: &Coordinate, room: f64, at_right: bool) -> Result<(), Failed> {
    let side = if at_right { 1.0 } else { -1.0 };
    let (family, labels) = match &coordinate.kind {
        Kind::Categories(names) => {
            let stride = ((names.len() as f64 * 14.0 / axis.height).ceil() as usize).max(1);
            let every = names.iter().enumerate().step_by(stride);
            (Family::Sans, every.map(|(index, name)| (index as f64, name.clone())).collect::<Vec<_>>())
        }
        Kind::Numbers(_) => {
            let apart = LABELS_APART.max(axis.height / 6.0);
            let fits = |ticks: &[crate::tick::Tick]| {
                ticks.windows(2).all(|pair| axis.pixel(pair[0].value) - axis.pixel(pair[1].value) >= apart)
            };
            let ticks = ticks(&axis.range, "", fits);
            (Family::Mono, ticks.into_iter().map(|tick| (tick.value, tick.label)).collect())
        }
    };
    for (value, name) in labels {
        let y = axis.pixel(value);
        let (x, middle) = (grid(axis.x), grid(y));
        root.draw(&PathElement::new(
            vec![(x, middle), (grid(axis.x + side * 3.0), middle)],
            stroke(Role::Muted, 1.0, 1.0),
        ))?;
        let cut = text::cut(&name, family, LABEL, room);
        // A number cut in the middle is another number.
        if cut == "…" || (family == Family::Mono && cut != name) {
            continue;
        }
        let wide = text::width(&cut, family, LABEL);
        let (one, other) = (axis.x + side * (7.0 + wide), axis.x + side * 4.0);
        let behind = [(grid(one.min(other)), grid(y - 6.5)), (grid(one.max(other)), grid(y + 6.5))];
        root.draw(&Rectangle::new(behind, fill(Role::Ground, 0.75)))?;
        let at = (grid(axis.x + side * 6.0), middle);
        let across = if at_right { HPos::Left } else { HPos::Right };
        let style = match family {
            Family::Sans => words(Role::Muted, LABEL, across, VPos::Center),
            Family::Mono => label(Role::Muted, across, VPos::Center),
        };
        root.draw(&Text::new(cut, at, style))?;
    }
    Ok(())
}

fn brush(root: &Root<'_>, axis: &Along, coordinate: &Coordinate) -> Result<(), Failed> {
    let (top, bottom) = match coordinate.brush {
        None => return Ok(()),
        Some(Brush::Missing) => (axis.missing - 6.0, axis.missing + 6.0),
        Some(Brush::Between(low, high)) => {
            let edge = |value: f64| {
                let share = axis.range.fraction(value).clamp(0.0, 1.0);
                axis.top + axis.height * (1.0 - share)
            };
            (edge(high), edge(low))
        }
    };
    let corners = [(grid(axis.x - BRUSH), grid(top)), (grid(axis.x + BRUSH), grid(bottom.max(top + 1.0)))];
    root.draw(&Rectangle::new(corners, fill(Role::Accent, 0.25)))?;
    root.draw(&Rectangle::new(corners, stroke(Role::Accent, 1.0, 1.0)))
}
