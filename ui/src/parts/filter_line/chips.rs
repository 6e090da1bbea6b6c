//! The filter's conditions as chips: what is typed stands there, and what is taken away there goes from the text. One
//! alone stands in the field, and nowhere again.

use std::ops::Range;

use api::run_table::quote_length;
use leptos::prelude::*;

use crate::parts::{button::IconButton, icon::X};

#[component]
pub(crate) fn Chips(value: RwSignal<String>) -> impl IntoView {
    let shown = Memo::new(move |_| {
        value.with(|text| conditions(text).into_iter().map(|place| text[place].to_owned()).collect::<Vec<_>>())
    });
    let take = move |at: usize| {
        let text = value.get_untracked();
        value.set(without(&text, at));
    };
    view! {
        <div class="filter-chips flex wrap" role="list" aria-label="Conditions of the filter" class:hidden=move || shown.with(|shown| shown.len() < 2)>
            {move || shown.get().into_iter().enumerate().map(|(at, text)| view! {
                <span class="chip mono" role="listitem">
                    <span class="cut" title=text.clone()>{text.clone()}</span>
                    <IconButton label=format!("Take {text} away") mark=X on_press=move |_| take(at) />
                </span>
            }).collect_view()}
        </div>
    }
}

/// Where the conditions stand that all must hold: parted by `and` outside of quotes and parentheses. With an `or` on the
/// outside it is one.
fn conditions(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut start) = (Vec::new(), 0);
    for (place, word) in outer_words(text) {
        if word.eq_ignore_ascii_case("or") {
            return trimmed(text, 0..text.len()).into_iter().collect();
        }
        if word.eq_ignore_ascii_case("and") {
            found.extend(trimmed(text, start..place.start));
            start = place.end;
        }
    }
    found.extend(trimmed(text, start..text.len()));
    found
}

/// The text without one of its conditions.
fn without(text: &str, at: usize) -> String {
    let kept = conditions(text).into_iter().enumerate().filter(|(index, _)| *index != at);
    kept.map(|(_, place)| &text[place]).collect::<Vec<_>>().join(" and ")
}

fn trimmed(text: &str, place: Range<usize>) -> Option<Range<usize>> {
    let part = &text[place.clone()];
    let start = place.start + (part.len() - part.trim_start().len());
    let end = start + part.trim().len();
    (start < end).then_some(start..end)
}

/// The words outside of quotes and parentheses.
fn outer_words(text: &str) -> Vec<(Range<usize>, &str)> {
    let (mut words, mut start, mut depth, mut quoted_to) = (Vec::new(), None, 0_u32, 0);
    for (at, character) in text.char_indices() {
        let is_quoted = at < quoted_to;
        let is_word = !is_quoted && depth == 0 && !character.is_whitespace() && !"()\"'`".contains(character);
        match (is_word, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((from..at, &text[from..at]));
                start = None;
            }
            _ => {}
        }
        match character {
            _ if is_quoted => {}
            '"' | '\'' | '`' => quoted_to = at + quote_length(&text[at..]).unwrap_or(text.len() - at),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if let Some(from) = start {
        words.push((from..text.len(), &text[from..]));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        conditions(text).into_iter().map(|place| &text[place]).collect()
    }

    #[test]
    fn conditions_are_parted_where_all_must_hold() {
        assert_eq!(parts(""), [""; 0]);
        assert_eq!(
            parts("metric.loss < 0.1 and param.model = \"trees\""),
            ["metric.loss < 0.1", "param.model = \"trees\""]
        );
        assert_eq!(
            parts("name = \"this and that\" AND (a and b) and not c"),
            ["name = \"this and that\"", "(a and b)", "not c"]
        );
        assert_eq!(parts("a and b or c"), ["a and b or c"]);
        assert_eq!(parts("name = \"a \\\" and b\" and x"), ["name = \"a \\\" and b\"", "x"]);
        assert_eq!(parts("name = \"a\\\" and x"), ["name = \"a\\\"", "x"]);
        assert_eq!(parts("a and "), ["a"]);
        assert_eq!(parts("size = ü and 'ß and"), ["size = ü", "'ß and"]);
    }

    #[test]
    fn what_is_taken_away_goes_from_the_text() {
        assert_eq!(without("a = 1 and b = 2 and c", 1), "a = 1 and c");
        assert_eq!(without("a = 1", 0), "");
        assert_eq!(without("a or b", 0), "");
        assert_eq!(without("a", 7), "a");
    }
}
