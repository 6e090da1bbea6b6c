//! One value of each of several runs: a bar a run that begins at nothing, with the value at its end.

use plotters::element::{Rectangle, Text};
use plotters_backend::text_anchor::{HPos, VPos};

use crate::{
    frame::{self, LABEL, fill, grid, label, words},
    plot::{Drawing, Plot, Said, Size, Spot},
    role::Role,
    text::{self, Family},
};

/// A run's value.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    pub name: String,
    pub role: Role,
    pub value: f64,
}

/// Height of a row.
pub const ROW: f64 = 20.0;
/// Size of a name.
const NAME: f64 = 12.0;
const NAMES_SHARE: f64 = 0.4;
const APART: f64 = 12.0;

/// Where a bar begins and how long it is, as parts of its track; nothing of a value that is no number. Nothing lies at the
/// left, or where the values on both sides of it meet.
fn bar(value: f64, values: &[Value]) -> Option<(f64, f64)> {
    let finite = || values.iter().map(|row| row.value).filter(|value| value.is_finite());
    let (least, most) = (finite().fold(0.0, f64::min), finite().fold(0.0, f64::max));
    let whole = most - least;
    (value.is_finite() && whole > 0.0).then(|| ((value.min(0.0) - least) / whole, value.abs() / whole))
}

/// Draws the values in the order given; `figure` is what they are of.
pub fn draw(figure: &str, rows: &[Value], width: f64) -> Drawing {
    let size = Size { width, height: ROW * rows.len().max(1) as f64 };
    let said: Vec<String> = rows.iter().map(|row| api::figure::measured(row.value)).collect();
    let names = rows.iter().map(|row| text::width(&row.name, Family::Sans, NAME)).fold(0.0, f64::max);
    let figures = said.iter().map(|text| text::width(text, Family::Mono, LABEL)).fold(0.0, f64::max);
    let left = (names + APART).min(width * NAMES_SHARE);
    let plot = Plot { left, width: (width - left - figures - APART).max(10.0), height: size.height, ..Plot::default() };
    let drawing = frame::bare(size, plot, figure, |root| {
        for (index, (row, said)) in rows.iter().zip(&said).enumerate() {
            let top = ROW * index as f64;
            let middle = grid(top + ROW / 2.0);
            let name = text::cut_in_middle(&row.name, Family::Sans, NAME, left - APART);
            let style = words(Role::Muted, NAME, HPos::Left, VPos::Center);
            root.draw(&Text::new(name, (0, middle), style))?;
            if let Some((from, long)) = bar(row.value, rows) {
                let start = left + plot.width * from;
                let end = start + (plot.width * long).max(0.5);
                let corners = [(grid(start), grid(top + 5.0)), (grid(end), grid(top + ROW - 5.0))];
                root.draw(&Rectangle::new(corners, fill(row.role, 0.85)))?;
            }
            let tone = if row.value.is_finite() { Role::Text } else { Role::Bad };
            let at = (grid(width - 2.0), middle);
            root.draw(&Text::new(said.clone(), at, label(tone, HPos::Right, VPos::Center)))?;
        }
        Ok(())
    });
    let spots = rows.iter().zip(said).enumerate().map(|(index, (row, words))| Spot {
        left: 0.0,
        top: ROW * index as f64,
        width,
        height: ROW,
        head: row.name.clone(),
        figures: vec![Said { name: figure.to_owned(), role: Some(row.role), value: row.value, words }],
    });
    Drawing { spots: spots.collect(), ..drawing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_begin_at_nothing_on_both_sides() {
        let of = |value: f64, all: &[f64]| {
            let row = |value: &f64| Value { name: String::new(), role: Role::Text, value: *value };
            bar(value, &all.iter().map(row).collect::<Vec<_>>())
        };
        assert_eq!(of(2.0, &[2.0, 4.0]), Some((0.0, 0.5)));
        assert_eq!(of(-1.0, &[-1.0, 3.0]), Some((0.0, 0.25)));
        assert_eq!(of(3.0, &[-1.0, 3.0]), Some((0.25, 0.75)));
        assert_eq!(of(f64::NAN, &[f64::NAN, 3.0]), None);
        assert_eq!(of(0.0, &[0.0]), None);
    }

    #[test]
    fn each_value_is_told_with_all_its_digits() {
        let row = |name: &str, value: f64| Value { name: name.to_owned(), role: Role::Series(1), value };
        let rows = [row("brisk-heron", 0.123_456_789), row("calm-otter", f64::NAN)];
        let drawing = draw("Accuracy", &rows, 320.0);
        assert_eq!(drawing.svg.matches("<rect").count(), 1, "what is no number has no bar");
        assert_eq!(drawing.spots.len(), 2);
        let told = &drawing.spots[0];
        assert_eq!((told.head.as_str(), told.figures[0].name.as_str()), ("brisk-heron", "Accuracy"));
        assert!(told.figures[0].value == 0.123_456_789);
        assert_eq!(drawing.spot_at(10.0, ROW * 1.5), Some(1));
    }

    #[test]
    fn names_that_begin_alike_are_told_apart() {
        let name = |end: &str| format!("model-with-quite-a-long-name-and-more-{end}");
        let row = |end: &str| Value { name: name(end), role: Role::Series(1), value: 0.5 };
        let svg = draw("Accuracy", &[row("a1"), row("b2")], 320.0).svg;
        assert!(svg.contains("a1<") && svg.contains("b2<") && svg.contains(">model-"), "{svg}");
    }
}
