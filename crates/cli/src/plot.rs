//! A curve in a terminal: braille dots, eight to a character.

/// One curve, as `(step, value)` in order of steps; values that are no numbers leave a gap.
pub(crate) fn plot(points: &[(f64, f64)], width: usize, height: usize) -> String {
    let good = || points.iter().filter(|(_, value)| value.is_finite());
    let Some(first) = good().next() else { return "No points to draw.".to_owned() };
    let fold = |pick: fn(&(f64, f64)) -> f64| {
        good()
            .map(pick)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (left, right) = fold(|point| point.0);
    let (bottom, top) = fold(|point| point.1);
    let (columns, rows) = (width.max(2) * 2, height.max(2) * 4);
    let place = |value: f64, low: f64, high: f64, cells: usize| {
        if high > low { ((value - low) / (high - low) * (cells - 1) as f64).round() as usize } else { cells / 2 }
    };
    let mut dots = vec![0_u8; width.max(2) * height.max(2)];
    let mut mark = |x: usize, y: usize| {
        // Braille numbers its dots down the left column, then the right, the last row apart.
        const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        let row = rows - 1 - y;
        dots[row / 4 * (columns / 2) + x / 2] |= BITS[x % 2][row % 4];
    };
    let mut before: Option<(usize, usize)> = None;
    for (step, value) in points {
        if !value.is_finite() {
            before = None;
            continue;
        }
        let here = (place(*step, left, right, columns), place(*value, bottom, top, rows));
        let from = before.unwrap_or(here);
        let stride = here.0.abs_diff(from.0).max(here.1.abs_diff(from.1)).max(1);
        for part in 0..=stride {
            let between =
                |a: usize, b: usize| (a as f64 + (b as f64 - a as f64) * part as f64 / stride as f64).round() as usize;
            mark(between(from.0, here.0), between(from.1, here.1));
        }
        before = Some(here);
    }
    let labels = [crate::words::figure(top), crate::words::figure(bottom)];
    let margin = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = dots
        .chunks(columns / 2)
        .enumerate()
        .map(|(row, dots)| {
            let label = match row {
                0 => labels[0].as_str(),
                row if row + 1 == rows / 4 => labels[1].as_str(),
                _ => "",
            };
            let drawn: String =
                dots.iter().map(|dot| char::from_u32(0x2800 + u32::from(*dot)).unwrap_or(' ')).collect();
            format!("{label:>margin$} ┤{drawn}")
        })
        .collect();
    let (from, to) = (crate::words::figure(first.0.min(left)), crate::words::figure(right));
    let space = (columns / 2).saturating_sub(from.len() + to.len());
    lines.push(format!("{:margin$}  {from}{}{to}", "", " ".repeat(space)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_falling_line_falls() {
        let points: Vec<(f64, f64)> = (0..8).map(|step| (f64::from(step), 8.0 - f64::from(step))).collect();
        assert_eq!(plot(&points, 4, 2), "8 ┤⠑⢄⠀⠀\n1 ┤⠀⠀⠑⢄\n   0  7");
    }

    #[test]
    fn nothing_to_draw_is_said() {
        assert_eq!(plot(&[(1.0, f64::NAN)], 10, 4), "No points to draw.");
        assert!(plot(&[(1.0, 2.0)], 10, 4).contains('2'));
    }
}
