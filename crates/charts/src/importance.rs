//! How much each parameter says about a metric: a bar a parameter, with the sign of its correlation.

use plotters::element::{Rectangle, Text};
use plotters_backend::text_anchor::{HPos, VPos};

use crate::{
    frame::{self, LABEL, fill, grid, label, words},
    plot::{Drawing, Plot, Said, Size, Spot},
    role::Role,
    text::{self, Family},
    tick,
};

/// A parameter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Importance {
    pub name: String,
    /// From 0; bars are as long as it is of the largest. NaN where nothing could be said.
    pub importance: f64,
    /// −1 to 1; none where there is none, as of a category.
    pub correlation: Option<f64>,
}

/// Height of a row.
pub const ROW: f64 = 20.0;
/// More rows than these are not drawn, and said.
pub const MOST: usize = 60;
const NAMES_SHARE: f64 = 0.4;
/// Room of "100 %" and of "+0.99".
const FIGURE: f64 = 44.0;

/// The height that so many parameters take.
pub fn height(count: usize) -> f64 {
    ROW * (count.min(MOST) + usize::from(count > MOST)).max(1) as f64
}

/// Draws bars in the order given: blue with a plus where more goes with more, orange with a minus
/// where more goes with less, grey where neither is said.
pub fn draw(name: &str, rows: &[Importance], width: f64) -> Drawing {
    let size = Size { width, height: height(rows.len()) };
    let shown = &rows[..rows.len().min(MOST)];
    let longest = shown.iter().map(|row| text::width(&row.name, Family::Sans, 12.0)).fold(20.0, f64::max);
    let left = (longest + 12.0).min(width * NAMES_SHARE);
    let plot = Plot {
        left,
        width: (width - left - 2.0 * FIGURE).max(10.0),
        height: ROW * shown.len() as f64,
        ..Plot::default()
    };
    let weight = |row: &Importance| if row.importance.is_finite() { row.importance.max(0.0) } else { 0.0 };
    let most = shown.iter().map(weight).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let drawing = frame::bare(size, plot, name, |root| {
        if rows.is_empty() {
            let at = (0, grid(ROW / 2.0));
            return root.draw(&Text::new("no parameters", at, words(Role::Faint, 12.0, HPos::Left, VPos::Center)));
        }
        for (index, row) in shown.iter().enumerate() {
            let top = ROW * index as f64;
            let middle = grid(top + ROW / 2.0);
            let cut = text::cut(&row.name, Family::Sans, 12.0, left - 12.0);
            let at = (grid(left - 8.0), middle);
            root.draw(&Text::new(cut, at, words(Role::Muted, 12.0, HPos::Right, VPos::Center)))?;
            let end = left + (plot.width * weight(row) / most).max(0.5);
            let corners = [(grid(left), grid(top + 5.0)), (grid(end), grid(top + ROW - 5.0))];
            root.draw(&Rectangle::new(corners, fill(role(row), 0.85)))?;
            let figures = [(width - FIGURE, importance_said(row)), (width - 2.0, correlation_said(row))];
            for (right, said) in figures {
                let at = (grid(right), middle);
                root.draw(&Text::new(said, at, label(Role::Faint, HPos::Right, VPos::Center)))?;
            }
        }
        if rows.len() > MOST {
            let more = format!("and {} more", tick::count((rows.len() - MOST) as u64));
            let at = (grid(left), grid(plot.height + ROW / 2.0));
            root.draw(&Text::new(more, at, words(Role::Faint, LABEL, HPos::Left, VPos::Center)))?;
        }
        Ok(())
    });
    let spots = shown.iter().enumerate().map(|(index, row)| {
        let said =
            |name: &str, value: f64, words: String| Said { name: name.to_owned(), role: Some(role(row)), value, words };
        let mut figures = vec![said("importance", row.importance, importance_said(row))];
        figures.extend(row.correlation.map(|value| said("correlation", value, correlation_said(row))));
        Spot { left: 0.0, top: ROW * index as f64, width, height: ROW, head: row.name.clone(), figures }
    });
    Drawing { spots: spots.collect(), ..drawing }
}

fn role(row: &Importance) -> Role {
    match row.correlation {
        Some(value) if value > 0.0 => Role::Series(1),
        Some(value) if value < 0.0 => Role::Series(2),
        _ => Role::Series(8),
    }
}

fn importance_said(row: &Importance) -> String {
    if row.importance.is_finite() { format!("{:.2}", row.importance) } else { "–".to_owned() }
}

fn correlation_said(row: &Importance) -> String {
    match row.correlation {
        Some(value) if value.is_finite() => api::figure::minus(&format!("{value:+.2}")),
        _ => "–".to_owned(),
    }
}
