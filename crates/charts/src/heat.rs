//! A heat map: columns of the data down, windows of time across, a step of colour in each cell.

use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters_backend::text_anchor::{HPos, VPos};

use crate::{
    frame::{self, LABEL, fill, grid, label, stroke, words},
    plot::{Drawing, Plot, Size},
    role::Role,
    text::{self, Family},
};

/// What a cell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// A step of colour, 0 to 4.
    Step(u8),
    /// Measured, but too little to say anything.
    Undecided,
    /// Nothing was measured: a gap.
    Missing,
}

/// A row: its name, its cells, a short text at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub name: String,
    pub is_strong: bool,
    pub cells: Vec<Cell>,
    pub end: String,
    /// The state at its end: a filled dot in its colour, or an empty one.
    pub state: Option<Role>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeatMap {
    pub name: String,
    pub rows: Vec<Row>,
    /// Names of the columns; those that fit are written.
    pub columns: Vec<String>,
    /// Row and column that are outlined.
    pub chosen: Option<(usize, usize)>,
}

/// Height of a row.
pub const ROW: f64 = 19.0;
const NAMES: f64 = 92.0;
/// Names take no more of the width than this.
const NAMES_SHARE: f64 = 0.3;
const ENDS: f64 = 74.0;
const FOOT: f64 = 20.0;
/// The width of a cell for which a map asks at most; its cells share whatever it is given.
const WIDEST: f64 = 64.0;
const DOT: f64 = 3.0;

/// The height that a map of so many rows takes.
pub fn height(rows: usize) -> f64 {
    ROW * rows as f64 + FOOT
}

/// The width that a map asks for: what is left is for something beside it.
pub fn widest(map: &HeatMap) -> f64 {
    let names = names(map).min(2.0 * NAMES);
    (names + WIDEST * map.columns.len().max(1) as f64 + ENDS).max(names / NAMES_SHARE)
}

fn names(map: &HeatMap) -> f64 {
    map.rows.iter().map(|row| text::width(&row.name, Family::Sans, 12.0) + 12.0).fold(NAMES, f64::max)
}

/// Draws a heat map.
pub fn draw(map: &HeatMap, width: f64) -> Drawing {
    let size = Size { width, height: height(map.rows.len()) };
    let count = map.columns.len().max(1);
    let names = names(map).min(width * NAMES_SHARE);
    let cell = (width - names - ENDS) / count as f64;
    let plot = Plot { left: names, width: cell * count as f64, height: ROW * map.rows.len() as f64, ..Plot::default() };
    frame::bare(size, plot, &map.name, |root| {
        for (index, row) in map.rows.iter().enumerate() {
            let top = ROW * index as f64;
            let middle = grid(top + ROW / 2.0);
            let role = if row.is_strong { Role::Text } else { Role::Muted };
            let name = text::cut(&row.name, Family::Sans, 12.0, names - 10.0);
            root.draw(&Text::new(name, (0, middle), words(role, 12.0, HPos::Left, VPos::Center)))?;
            for (column, value) in row.cells.iter().enumerate().take(count) {
                let left = names + cell * column as f64;
                let corners = [(grid(left), grid(top + 1.0)), (grid(left + cell - 2.0), grid(top + ROW - 1.0))];
                match value {
                    Cell::Step(step) => root.draw(&Rectangle::new(corners, fill(Role::Heat((*step).min(4)), 1.0)))?,
                    Cell::Undecided => {
                        let dash = (grid(left + cell / 2.0 - 3.0), grid(left + cell / 2.0 + 1.0));
                        root.draw(&Rectangle::new(corners, fill(Role::Heat(0), 0.6)))?;
                        root.draw(&PathElement::new(
                            vec![(dash.0, middle), (dash.1, middle)],
                            stroke(Role::Faint, 1.0, 1.0),
                        ))?;
                    }
                    Cell::Missing => {}
                }
                if map.chosen == Some((index, column)) {
                    root.draw(&Rectangle::new(corners, stroke(Role::Text, 1.5, 1.0)))?;
                }
            }
            let end = (grid(width - 18.0), middle);
            root.draw(&Text::new(row.end.clone(), end, label(role, HPos::Right, VPos::Center)))?;
            let dot = (grid(width - DOT - 2.0), middle);
            let style = row.state.map_or_else(|| stroke(Role::Faint, 1.0, 1.0), |state| fill(state, 1.0));
            root.draw(&Circle::new(dot, grid(DOT), style))?;
        }
        let mut free = f64::NEG_INFINITY;
        let mut written = None;
        for (column, name) in map.columns.iter().enumerate() {
            let left = names + cell * column as f64;
            let wide = text::width(name, Family::Mono, LABEL);
            // Windows of the same minute share its name.
            if left >= free && left + wide <= width && written != Some(name) {
                let at = (grid(left), grid(plot.height + 7.0));
                root.draw(&Text::new(name.clone(), at, label(Role::Faint, HPos::Left, VPos::Top)))?;
                free = left + wide + 14.0;
                written = Some(name);
            }
        }
        Ok(())
    })
}

/// The cell under a pixel of a drawn map.
pub fn cell_at(map: &HeatMap, plot: &Plot, x: f64, y: f64) -> Option<(usize, usize)> {
    if !plot.contains(x, y) {
        return None;
    }
    let column = ((x - plot.left) / plot.width * map.columns.len() as f64) as usize;
    let row = ((y - plot.top) / ROW) as usize;
    (row < map.rows.len() && column < map.columns.len()).then_some((row, column))
}
