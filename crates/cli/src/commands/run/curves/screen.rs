//! What is followed, as the terminal shows it now: on one screen, whatever size that has become. What stood above its
//! upper edge could not be drawn over, and lines that are broken would leave no drawing.

/// Clears the screen, and goes to its upper left.
pub(in crate::commands::run) const FRESH: &str = "\x1b[H\x1b[2J";
/// Characters that the labels of an axis take beside a drawing.
const LABELS: usize = 13;
/// Characters and lines of a drawing at least, however small the screen is.
const LEAST: usize = 3;
/// Stands in the last line where the others are too many.
const CUT: &str = "More doesn't fit: --metric KEY chooses.";

/// So many drawings as `draw` makes them of a width and a height, in a size that a screen has room for; `shown` are its
/// characters and, where it says so, its lines.
pub(super) fn fitted(
    (width, height): (usize, usize),
    drawings: usize,
    shown: (usize, Option<usize>),
    draw: impl Fn(usize, usize) -> String,
) -> String {
    let (columns, rows) = shown;
    let width = width.min(columns.saturating_sub(LABELS).max(LEAST));
    let whole = draw(width, height);
    // The cursor has the last line.
    let Some(room) = rows.map(|rows| rows.saturating_sub(1)) else { return whole };
    let over = whole.lines().count().saturating_sub(room);
    if over == 0 {
        return whole;
    }
    let flat = height.saturating_sub(over.div_ceil(drawings.max(1))).max(LEAST.min(height));
    cut(draw(width, flat), room)
}

/// The first lines; where that is not all of them, it is said.
fn cut(text: String, room: usize) -> String {
    if text.lines().count() <= room {
        return text;
    }
    text.lines().take(room.saturating_sub(1)).chain([CUT]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two drawings, each with a heading.
    fn two(width: usize, height: usize) -> String {
        let one = |name: &str| [name.to_owned()].into_iter().chain(vec!["·".repeat(width); height]).collect::<Vec<_>>();
        [one("loss"), one("accuracy")].concat().join("\n")
    }

    #[test]
    fn drawings_have_the_size_that_was_asked_for_where_the_screen_has_it() {
        let asked = two(72, 12);
        assert_eq!(fitted((72, 12), 2, (200, Some(60)), two), asked);
        assert_eq!(fitted((72, 12), 2, (200, None), two), asked);
    }

    #[test]
    fn on_a_smaller_screen_they_are_narrower_and_flatter() {
        let shown = fitted((72, 12), 2, (60, Some(24)), two);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines.len() <= 23 && lines.len() > 20, "{shown}");
        assert!(lines[1].chars().count() == 60 - LABELS && lines.contains(&"accuracy"), "{shown}");
    }

    #[test]
    fn what_no_size_makes_fit_is_cut_below_and_said() {
        let shown = fitted((72, 12), 2, (80, Some(6)), two);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[4]), (5, "loss", CUT), "{shown}");
        assert_eq!(fitted((72, 12), 2, (0, Some(0)), two), CUT);
    }
}
