//! Curves in a terminal: braille dots, eight to a character.

use api::series::NonFinite;

use crate::words;

/// A curve, as `(x, value)` in order of x; values that are no numbers leave a gap.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// The colours of lines that lie over each other: what terminals show apart on light and dark grounds.
const COLOURS: [u8; 6] = [36, 33, 35, 32, 34, 31];

/// How values lie along the axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Axes {
    /// Powers of ten: what is not positive is left out.
    pub(crate) log_x: bool,
    pub(crate) log_y: bool,
    /// x is in milliseconds since the epoch.
    pub(crate) is_clock: bool,
}

impl Axes {
    /// Where a point lies on even axes; what has no place there is no number.
    fn place(self, (x, y): (f64, f64)) -> (f64, f64) {
        let log = |value: f64, is_log: bool| match is_log {
            true if value > 0.0 => value.log10(),
            true => f64::NAN,
            false => value,
        };
        let (x, y) = (log(x, self.log_x && !self.is_clock), log(y, self.log_y));
        if x.is_finite() { (x, y) } else { (0.0, f64::NAN) }
    }

    fn x_label(self, at: f64) -> String {
        match (self.is_clock, self.log_x) {
            (true, _) => words::time(at as i64),
            (false, true) => words::figure(10_f64.powf(at)),
            (false, false) => words::figure(at),
        }
    }

    fn y_label(self, at: f64) -> String {
        words::figure(if self.log_y { 10_f64.powf(at) } else { at })
    }
}

/// Curves on the same axes: over each other where colours tell them apart, else below each other.
pub(crate) fn plot(lines: &[Line], width: usize, height: usize, axes: Axes, colours: bool) -> String {
    let placed = |line: &Line| Line {
        name: line.name.clone(),
        points: line.points.iter().map(|point| axes.place(*point)).collect(),
    };
    let odd = not_finite(lines);
    let lines: Vec<Line> = lines.iter().map(placed).collect();
    let lines = lines.as_slice();
    let Some(view) = View::of(lines, width, height, axes) else {
        return if odd.is_none() { "No points to draw.".to_owned() } else { format!("No value is finite: {odd}.") };
    };
    let several = lines.len() > 1;
    if colours && several {
        let mut cells = vec![Cell::default(); view.width * view.height];
        for (index, line) in lines.iter().enumerate() {
            view.draw(&line.points, colour(index), &mut cells);
        }
        let name = |(index, line): (usize, &Line)| format!("{} {}", tinted("━━", colour(index)), line.name);
        let names: Vec<String> = lines.iter().enumerate().map(name).collect();
        return format!("{}\n{}", view.framed(&cells), names.join("\n"));
    }
    let drawn = lines.iter().map(|line| {
        let mut cells = vec![Cell::default(); view.width * view.height];
        view.draw(&line.points, 0, &mut cells);
        let name = if several { format!("{}\n", line.name) } else { String::new() };
        format!("{name}{}", view.framed(&cells))
    });
    drawn.collect::<Vec<_>>().join("\n")
}

/// What of all lines is no finite number.
fn not_finite(lines: &[Line]) -> NonFinite {
    let mut odd = NonFinite::default();
    lines.iter().flat_map(|line| &line.points).for_each(|(_, value)| odd += NonFinite::of(*value));
    odd
}

/// The colour of one of several, where colours tell them apart.
pub(crate) fn colour(index: usize) -> u8 {
    COLOURS[index % COLOURS.len()]
}

/// Points on axes, a character for all that lie at the same place: `mark` says which of these, and its colour, 0 being none.
/// `None` where no point has a place.
pub(crate) fn scatter(
    points: &[(f64, f64)],
    (width, height): (usize, usize),
    axes: Axes,
    mark: impl Fn(&[usize]) -> (char, u8),
) -> Option<String> {
    let all = Line { name: String::new(), points: points.iter().map(|point| axes.place(*point)).collect() };
    let view = View::of(std::slice::from_ref(&all), width, height, axes)?;
    let mut cells = vec![Vec::new(); view.width * view.height];
    for (index, (x, y)) in all.points.iter().enumerate().filter(|(_, (_, y))| y.is_finite()) {
        let (column, row) = (place(*x, view.x, view.width), place(*y, view.y, view.height));
        cells[(view.height - 1 - row) * view.width + column].push(index);
    }
    let drawn = |members: &Vec<usize>| match members.as_slice() {
        [] => " ".to_owned(),
        members => {
            let (letter, colour) = mark(members);
            tinted(&letter.to_string(), colour)
        }
    };
    Some(view.with_axes(cells.chunks(view.width).map(|row| row.iter().map(&drawn).collect())))
}

/// Which of so many places on an axis a value has.
fn place(value: f64, (low, high): (f64, f64), places: usize) -> usize {
    if high > low { ((value - low) / (high - low) * (places - 1) as f64).round() as usize } else { places / 2 }
}

fn tinted(text: &str, colour: u8) -> String {
    if colour == 0 { text.to_owned() } else { format!("\x1b[{colour}m{text}\x1b[0m") }
}

/// A character: its dots, and the colour of the line that drew there last.
#[derive(Clone, Copy, Default)]
struct Cell {
    dots: u8,
    colour: u8,
}

/// What is shown of the axes, on so many characters.
struct View {
    x: (f64, f64),
    y: (f64, f64),
    width: usize,
    height: usize,
    axes: Axes,
}

impl View {
    /// All that is finite; `None` where nothing is.
    fn of(lines: &[Line], width: usize, height: usize, axes: Axes) -> Option<Self> {
        let good = || lines.iter().flat_map(|line| &line.points).filter(|(_, value)| value.is_finite());
        good().next()?;
        let fold = |pick: fn(&(f64, f64)) -> f64| {
            good()
                .map(pick)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
        };
        let (x, y) = (fold(|point| point.0), fold(|point| point.1));
        Some(Self { x, y, width: width.max(2), height: height.max(2), axes })
    }

    fn draw(&self, points: &[(f64, f64)], colour: u8, cells: &mut [Cell]) {
        let (columns, rows) = (self.width * 2, self.height * 4);
        let mut mark = |x: usize, y: usize| {
            // Braille numbers its dots down the left column, then the right, the last row apart.
            const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
            let row = rows - 1 - y;
            let cell = &mut cells[row / 4 * self.width + x / 2];
            cell.dots |= BITS[x % 2][row % 4];
            cell.colour = colour;
        };
        let mut before: Option<(usize, usize)> = None;
        for (x, value) in points {
            if !value.is_finite() {
                before = None;
                continue;
            }
            let here = (place(*x, self.x, columns), place(*value, self.y, rows));
            let from = before.unwrap_or(here);
            let stride = here.0.abs_diff(from.0).max(here.1.abs_diff(from.1)).max(1);
            for part in 0..=stride {
                let between = |a: usize, b: usize| {
                    (a as f64 + (b as f64 - a as f64) * part as f64 / stride as f64).round() as usize
                };
                mark(between(from.0, here.0), between(from.1, here.1));
            }
            before = Some(here);
        }
    }

    /// The dots as characters, on the axes.
    fn framed(&self, cells: &[Cell]) -> String {
        let row = |cells: &[Cell]| -> String {
            cells.chunk_by(|left, right| left.colour == right.colour).map(run_of).collect()
        };
        self.with_axes(cells.chunks(self.width).map(row))
    }

    /// Rows of characters with the axes' ends beside and below them.
    fn with_axes(&self, rows: impl Iterator<Item = String>) -> String {
        let (top, bottom) = (self.axes.y_label(self.y.1), self.axes.y_label(self.y.0));
        let margin = top.chars().count().max(bottom.chars().count());
        let row = |(row, drawn): (usize, String)| {
            let label = match row {
                0 => top.as_str(),
                row if row + 1 == self.height => bottom.as_str(),
                _ => "",
            };
            format!("{label:>margin$} ┤{drawn}")
        };
        let mut lines: Vec<String> = rows.enumerate().map(row).collect();
        let (from, to) = (self.axes.x_label(self.x.0), self.axes.x_label(self.x.1));
        let space = self.width.saturating_sub(from.chars().count() + to.chars().count());
        lines.push(format!("{:margin$}  {from}{}{to}", "", " ".repeat(space)));
        lines.join("\n")
    }
}

/// Characters of one colour.
fn run_of(cells: &[Cell]) -> String {
    let drawn: String = cells.iter().map(|cell| char::from_u32(0x2800 + u32::from(cell.dots)).unwrap_or(' ')).collect();
    tinted(&drawn, cells.first().map_or(0, |cell| cell.colour))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn falling(name: &str, from: f64) -> Line {
        Line { name: name.to_owned(), points: (0..8).map(|x| (f64::from(x), from - f64::from(x))).collect() }
    }

    #[test]
    fn a_falling_line_falls() {
        assert_eq!(plot(&[falling("", 8.0)], 4, 2, Axes::default(), true), "8 ┤⠑⢄⠀⠀\n1 ┤⠀⠀⠑⢄\n   0  7");
    }

    #[test]
    fn nothing_to_draw_is_said() {
        let line = |value: f64| [Line { name: String::new(), points: vec![(1.0, value)] }];
        assert_eq!(plot(&[], 10, 4, Axes::default(), false), "No points to draw.");
        // There are points, of which none is a number.
        assert_eq!(plot(&line(f64::NAN), 10, 4, Axes::default(), false), "No value is finite: 1 NaN.");
        assert_eq!(plot(&line(f64::NEG_INFINITY), 10, 4, Axes::default(), false), "No value is finite: 1 −∞.");
        assert!(plot(&line(2.0), 10, 4, Axes::default(), false).contains('2'));
    }

    #[test]
    fn logarithmic_axes_leave_out_what_is_not_positive() {
        let axes = Axes { log_x: true, log_y: true, is_clock: false };
        let line = [Line { name: String::new(), points: vec![(0.0, 5.0), (1.0, 1.0), (10.0, 0.0), (100.0, 100.0)] }];
        let drawn = plot(&line, 8, 4, axes, false);
        assert!(drawn.starts_with("100 ┤") && drawn.contains("\n  1 ┤"), "{drawn}");
        assert!(drawn.lines().last().is_some_and(|last| last.trim() == "1    100"), "{drawn}");
        let none = [Line { name: String::new(), points: vec![(1.0, -1.0)] }];
        assert_eq!(plot(&none, 8, 4, axes, false), "No points to draw.");
    }

    #[test]
    fn points_are_characters_where_they_lie() {
        let points = [(1.0, 1.0), (1.0, 1.0), (100.0, 3.0), (f64::NAN, 2.0), (10.0, f64::NAN)];
        let mark = |members: &[usize]| if members.len() > 1 { ('2', 0) } else { ('o', 36) };
        let axes = Axes { log_x: true, ..Axes::default() };
        let drawn = scatter(&points, (5, 3), axes, mark).unwrap();
        assert_eq!(drawn, "3 ┤    \x1b[36mo\x1b[0m\n  ┤     \n1 ┤2    \n   1 100");
        assert_eq!(scatter(&points[3..], (5, 3), axes, mark), None);
    }

    #[test]
    fn several_lines_share_their_axes() {
        let lines = [falling("high", 16.0), falling("low", 8.0)];
        let apart = plot(&lines, 4, 4, Axes::default(), false);
        assert!(apart.starts_with("high\n16 ┤⠑⢄⠀⠀\n   ┤⠀⠀⠑⢄\n   ┤⠀⠀⠀⠀\n 1 ┤⠀⠀⠀⠀\n"), "{apart}");
        assert!(apart.ends_with("low\n16 ┤⠀⠀⠀⠀\n   ┤⠀⠀⠀⠀\n   ┤⠑⢄⠀⠀\n 1 ┤⠀⠀⠑⢄\n    0  7"), "{apart}");
        let over = plot(&lines, 4, 4, Axes::default(), true);
        assert!(over.contains("\x1b[36m⠑⢄\x1b[0m⠀⠀\n"), "{over:?}");
        assert!(over.ends_with("\x1b[36m━━\x1b[0m high\n\x1b[33m━━\x1b[0m low"), "{over:?}");
    }
}
