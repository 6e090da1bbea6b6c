//! The confusion matrix: what was (down) against what was predicted (across).

use plotters::element::{Rectangle, Text};
use plotters_backend::text_anchor::{HPos, VPos};

use crate::{
    frame::{self, fill, grid, styled, words},
    plot::{Drawing, Plot, Said, Size, Spot},
    role::Role,
    text::{self, Family},
    tick,
};

const NAME: f64 = 10.5;

/// Draws counts, each cell shaded by its share of its row, so that rare classes are seen.
pub fn draw(classes: &[String], counts: &[Vec<u64>], size: Size) -> Drawing {
    let number = classes.len().max(1);
    let names = classes.iter().map(|class| text::width(class, Family::Sans, NAME)).fold(12.0, f64::max);
    let left = (names + 30.0).min(size.width * 0.34);
    let top = 34.0;
    let cell_width = (size.width - left - 4.0) / number as f64;
    let cell_height = ((size.height - top - 2.0) / number as f64).min(cell_width.max(24.0) * 1.2);
    let plot =
        Plot { left, top, width: cell_width * number as f64, height: cell_height * number as f64, ..Plot::default() };
    let drawing = frame::bare(size, plot, "Confusion matrix", |root| {
        let across = (grid(left + plot.width / 2.0), grid(4.0));
        root.draw(&Text::new("predicted", across, words(Role::Faint, NAME, HPos::Center, VPos::Top)))?;
        root.draw(&Text::new(
            "actual",
            (grid(2.0), grid(top - 12.0)),
            words(Role::Faint, NAME, HPos::Left, VPos::Center),
        ))?;
        for (index, class) in classes.iter().enumerate() {
            let name = text::cut(class, Family::Sans, NAME, cell_width - 4.0);
            let at = (grid(left + cell_width * (index as f64 + 0.5)), grid(top - 12.0));
            root.draw(&Text::new(name, at, words(Role::Muted, NAME, HPos::Center, VPos::Center)))?;
            let name = text::cut(class, Family::Sans, NAME, left - 12.0);
            let at = (grid(left - 8.0), grid(top + cell_height * (index as f64 + 0.5)));
            root.draw(&Text::new(name, at, words(Role::Muted, NAME, HPos::Right, VPos::Center)))?;
        }
        for (row, line) in counts.iter().enumerate().take(number) {
            let total = line.iter().sum::<u64>().max(1) as f64;
            for (column, count) in line.iter().enumerate().take(number) {
                let (x, y) = (left + cell_width * column as f64, top + cell_height * row as f64);
                let corners = [(grid(x), grid(y)), (grid(x + cell_width - 2.0), grid(y + cell_height - 2.0))];
                let share = *count as f64 / total;
                let role = if row == column { Role::Accent } else { Role::Bad };
                root.draw(&Rectangle::new(corners, fill(Role::Grid, 1.0)))?;
                if *count > 0 {
                    root.draw(&Rectangle::new(corners, fill(role, 0.06 + 0.48 * share)))?;
                }
                let said = tick::count(*count);
                let large = if number <= 4 { 13.0 } else { 10.5 };
                if text::width(&said, Family::Mono, large) <= cell_width - 4.0 && cell_height >= 13.0 {
                    let role = if *count == 0 { Role::Faint } else { Role::Text };
                    let middle = (grid(x + cell_width / 2.0 - 1.0), grid(y + cell_height / 2.0 - 1.0));
                    root.draw(&Text::new(said, middle, styled(Family::Mono, large, role, HPos::Center, VPos::Center)))?;
                }
            }
        }
        Ok(())
    });
    let mut spots = Vec::new();
    for (row, line) in counts.iter().enumerate().take(number) {
        let total = line.iter().sum::<u64>().max(1) as f64;
        for (column, count) in line.iter().enumerate().take(number) {
            let name = |index: usize| classes.get(index).map_or("", String::as_str);
            let share = *count as f64 / total;
            let said = |name: String, value: f64, words: String| Said { name, role: None, value, words };
            spots.push(Spot {
                left: left + cell_width * column as f64,
                top: top + cell_height * row as f64,
                width: cell_width - 2.0,
                height: cell_height - 2.0,
                head: format!("actual {}, predicted {}", name(row), name(column)),
                figures: vec![
                    said("rows".to_owned(), *count as f64, tick::count(*count)),
                    said(format!("of all that are {}", name(row)), share, tick::percent(share)),
                ],
            });
        }
    }
    Drawing { spots, ..drawing }
}
