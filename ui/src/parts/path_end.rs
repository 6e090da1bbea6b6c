//! A text with a path in it: where there is no room its middle gives way, since its end tells it from others.

use leptos::prelude::*;

/// Names at the end of a path that stay.
const KEPT: usize = 2;
/// Letters of these names: of longer ones fewer stay.
const MOST: usize = 44;

/// The text as what is in an element of the class `keeps-end`.
pub(crate) fn path_end(text: &str) -> AnyView {
    let (start, end) = parted(text);
    let (start, end) = (start.to_owned(), (!end.is_empty()).then(|| end.to_owned()));
    view! { <span>{start}</span>{end.map(|end| view! { <span>{end}</span> })} }.into_any()
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
