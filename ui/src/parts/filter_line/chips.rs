//! The filter's conditions as chips: what is typed stands there, what is taken away there goes from the text, and what is
//! pressed is selected in the line, so that it is changed by writing.

use std::ops::Range;

use leptos::prelude::*;

use super::complete::{Wants, after, is_field, pieces};
use crate::parts::{button::IconButton, icon::X};

#[component]
pub(crate) fn Chips(
    value: RwSignal<String>,
    /// Where the condition stands that was pressed: for the line.
    selected: RwSignal<Option<Range<usize>>>,
) -> impl IntoView {
    let shown = Memo::new(move |_| {
        value.with(|text| conditions(text).into_iter().map(|place| text[place].to_owned()).collect::<Vec<_>>())
    });
    let take = move |at: usize| {
        let text = value.get_untracked();
        value.set(without(&text, at));
    };
    let select = move |at: usize| selected.set(value.with_untracked(|text| conditions(text).into_iter().nth(at)));
    view! {
        <div class="filter-chips flex wrap" role="list" aria-label="Conditions of the filter" class:hidden=move || shown.with(Vec::is_empty)>
            {move || shown.get().into_iter().enumerate().map(|(at, text)| view! {
                <span class="chip mono" role="listitem">
                    <button
                        type="button"
                        class="cut"
                        title=format!("Change {text}")
                        aria-label=format!("Change {text}")
                        on:click=move |_| select(at)
                    >
                        {text.clone()}
                    </button>
                    <IconButton label=format!("Take {text} away") mark=X on_press=move |_| take(at) />
                </span>
            }).collect_view()}
        </div>
    }
}

/// Where words stand now that stood there: text may have come before them.
pub(super) fn place_now(text: &str, words: &str, before: Range<usize>) -> Option<Range<usize>> {
    if text.get(before.clone()) == Some(words) {
        return Some(before);
    }
    let start = text.find(words).filter(|_| !words.is_empty())?;
    Some(start..start + words.len())
}

/// Where the conditions stand that all must hold: parted by `and` outside of quotes and parentheses, or by nothing where a
/// field begins the next. With an `or` on the outside it is one.
fn conditions(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut start, mut end, mut depth) = (Vec::new(), None, 0, 0_u32);
    let mut wants = Wants::Condition;
    for piece in pieces(text) {
        let word = &text[piece.place.clone()];
        let is_outer = depth == 0 && !piece.is_operator;
        if is_outer && word.eq_ignore_ascii_case("or") {
            return trimmed(text, 0..text.len()).into_iter().collect();
        }
        if is_outer && word.eq_ignore_ascii_case("and") {
            found.extend(start.take().map(|start: usize| start..end));
        } else {
            if is_outer && wants == Wants::Join && is_field(word) {
                found.extend(start.take().map(|start| start..end));
            }
            start.get_or_insert(piece.place.start);
        }
        match word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        wants = match wants {
            // The host knows fields by further names; what stands behind the operator begins nothing.
            Wants::Join if piece.is_operator => Wants::Value(String::new()),
            wants => after(wants, word, piece.is_operator),
        };
        end = piece.place.end;
    }
    found.extend(start.map(|start| start..end));
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
        assert_eq!(parts("state = failed"), ["state = failed"]);
        assert_eq!(parts(" (a or b) "), ["(a or b)"]);
        assert_eq!(parts("tag.x in (a, b) AND state is not null"), ["tag.x in (a, b)", "state is not null"]);
        assert_eq!(parts("size = ü and 'ß and"), ["size = ü", "'ß and"]);
    }

    #[test]
    fn a_field_begins_a_condition_without_an_and() {
        assert_eq!(parts("state = failed param.\"a b\" = 1"), ["state = failed", "param.\"a b\" = 1"]);
        assert_eq!(parts("resnet night metric.loss < 1"), ["resnet night", "metric.loss < 1"]);
        assert_eq!(parts("run_name = model"), ["run_name = model"]);
        assert_eq!(parts("(state = failed name = b) cost > 1"), ["(state = failed name = b)", "cost > 1"]);
        assert_eq!(parts("not state = failed"), ["not state = failed"]);
        assert_eq!(without("state = failed cost > 1", 0), "cost > 1");
    }

    #[test]
    fn what_is_pressed_is_found_in_the_line() {
        let line = "a = 1 and b = 2";
        assert_eq!(place_now(line, "b = 2", 10..15), Some(10..15));
        assert_eq!(place_now("ü and a = 1 and b = 2", "b = 2", 10..15), Some(17..22));
        assert_eq!(place_now(line, "c = 3", 10..15), None);
        assert_eq!(place_now(line, "b = 2", 90..95), Some(10..15));
    }

    #[test]
    fn what_is_taken_away_goes_from_the_text() {
        assert_eq!(without("a = 1 and b = 2 and c", 1), "a = 1 and c");
        assert_eq!(without("a = 1", 0), "");
        assert_eq!(without("a or b", 0), "");
        assert_eq!(without("a", 7), "a");
    }
}
