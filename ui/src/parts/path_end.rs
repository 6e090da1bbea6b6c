//! A text with a path in it: where there is no room its middle gives way, since its end tells it from others, and its first
//! word what is done.

use leptos::prelude::*;

/// Names at the end of a path that stay.
const KEPT: usize = 2;
/// Letters of these names: of longer ones fewer stay.
const MOST: usize = 44;

/// The text as what is in an element of the class `keeps-end`.
pub(crate) fn path_end(text: &str) -> AnyView {
    let (start, end) = parted(text);
    let (verb, middle) = verb_of(start);
    let part = |class: &'static str, text: &str| {
        let text = (!text.is_empty()).then(|| text.to_owned());
        text.map(|text| view! { <span class=class>{text}</span> })
    };
    view! { {part("whole", verb)}{part("middle", middle)}{part("", end)} }.into_any()
}

/// The first word with the space behind it, which stays, and the rest; nothing where a path begins at once.
fn verb_of(start: &str) -> (&str, &str) {
    let at = start.find(' ').map(|at| at + 1).filter(|at| !start[..*at].contains(['/', '\\']));
    start.split_at(at.unwrap_or(0))
}

/// What of the text may be cut, and the end of a path that stays; without a path there is no such end.
fn parted(text: &str) -> (&str, &str) {
    let separator = if text.contains('/') { '/' } else { '\\' };
    // A folder may be written with a separator behind it.
    let named = text.trim_end_matches(separator);
    let starts = named.rmatch_indices(separator).map(|(at, _)| at).take(KEPT);
    let fits = |at: &usize| *at > 0 && text[*at..].chars().count() <= MOST;
    text.split_at(starts.filter(fits).last().unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_stays_whole() {
        for (text, verb, middle, end) in [
            ("Send 20 rows of data/b.csv to churn", "Send ", "20 rows of data", "/b.csv to churn"),
            ("Train brisk-heron", "Train ", "brisk-heron", ""),
            ("/home/ada/my runs/a", "", "/home/ada", "/my runs/a"),
            (r"C:\Users\ada\out", "", r"C:\Users", r"\ada\out"),
            ("Train", "", "Train", ""),
        ] {
            let (start, rest) = parted(text);
            assert_eq!((verb_of(start), rest), ((verb, middle), end), "{text}");
        }
    }

    #[test]
    fn of_a_path_the_end_stays() {
        for (text, start, end) in [
            ("Read /home/ada/experiments/a/logs", "Read /home/ada/experiments", "/a/logs"),
            ("Read /home/ada/experiments/b/logs/", "Read /home/ada/experiments", "/b/logs/"),
            (r"Export v3 to C:\Users\ada\out", r"Export v3 to C:\Users", r"\ada\out"),
            ("/runs", "/runs", ""),
            ("Train brisk-heron", "Train brisk-heron", ""),
            ("", "", ""),
        ] {
            assert_eq!(parted(text), (start, end), "{text}");
        }
        // Of names that are too long the last alone stays, and of one that is too long by itself none.
        let long = "n".repeat(40);
        assert_eq!(parted(&format!("Read /a/{long}/{long}")).1, format!("/{long}"));
        let longer = format!("Read /a/{long}{long}");
        assert_eq!(parted(&longer), (longer.as_str(), ""));
        assert_eq!(parted("Read /größe/ü").1, "/größe/ü");
    }
}
