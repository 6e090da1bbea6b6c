//! What a search tries, `[search.space]`: one hyperparameter a line, in the words of the command line.

use std::collections::BTreeMap;

use api::search::Written;
use leptos::prelude::*;
use serde_json::Value;

use super::tests_by_column::changes;
use crate::parts::{
    button::{Button, IconButton},
    field::TextField,
    icon,
};

pub(super) const KEY: &str = "search.space";

#[derive(Clone, Copy, PartialEq, Eq)]
struct Line {
    id: usize,
    name: RwSignal<String>,
    values: RwSignal<String>,
}

/// The lines, and what the file had.
#[derive(Clone, Copy)]
pub(super) struct Space {
    lines: RwSignal<Vec<Line>>,
    next: StoredValue<usize>,
    before: StoredValue<Vec<(String, Value)>>,
}

impl Space {
    pub(super) fn of(file: &BTreeMap<String, Written>) -> Self {
        let all =
            Self { lines: RwSignal::new(Vec::new()), next: StoredValue::new(0), before: StoredValue::new(Vec::new()) };
        file.iter().for_each(|(name, written)| all.add(name.clone(), written.to_string()));
        all.before.set_value(all.keys());
        all
    }

    fn add(self, name: String, values: String) {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.lines.update(|lines| lines.push(Line { id, name: RwSignal::new(name), values: RwSignal::new(values) }));
    }

    /// The keys that the lines stand for.
    fn keys(self) -> Vec<(String, Value)> {
        let lines = self.lines.get_untracked();
        lines.iter().filter_map(|line| key(&line.name.get_untracked(), &line.values.get_untracked())).collect()
    }

    /// What must be written: new and changed keys, and those that are gone. A line that was not touched stays as it is.
    pub(super) fn changes(self) -> Vec<(String, Value)> {
        self.before.with_value(|before| changes(before, &self.keys()))
    }

    pub(super) fn is_wrong(self) -> bool {
        self.lines.get().iter().any(|line| self.mistake(line).is_some())
    }

    /// What is wrong with a line; an earlier one of the same name is right.
    fn mistake(self, line: &Line) -> Option<String> {
        let name = line.name.get();
        let lines = self.lines.get();
        let mut earlier = lines.iter().take_while(|other| other.id != line.id);
        let is_twice = !name.trim().is_empty() && earlier.any(|other| other.name.get().trim() == name.trim());
        mistake(&name, &line.values.get()).or_else(|| is_twice.then(|| "It stands above.".to_owned()))
    }
}

/// A line as the file has it; `None` of one that says nothing yet.
fn key(name: &str, values: &str) -> Option<(String, Value)> {
    let (name, values) = (name.trim(), values.trim());
    if name.is_empty() || values.is_empty() {
        return None;
    }
    let written = serde_json::to_value(values.parse::<Written>().ok()?).ok()?;
    Some((format!("{KEY}.{}", Value::from(name)), written))
}

fn mistake(name: &str, values: &str) -> Option<String> {
    // A line that was added and not filled in yet stands for nothing.
    match (name.trim().is_empty(), values.trim().is_empty()) {
        (true, true) => None,
        (true, false) => Some("Name the hyperparameter.".to_owned()),
        (false, true) => Some("Give its values, such as 64,128 or 0.001..0.1:log.".to_owned()),
        (false, false) => values.trim().parse::<Written>().err().map(|wrong| format!("{wrong}.")),
    }
}

#[component]
pub(super) fn Tried(space: Space, error: Signal<Option<String>>) -> impl IntoView {
    view! {
        <div class="by-column">
            <span class="small muted">"What is tried: values by commas, such as 64,128, or a range, such as 0.1..0.5. 0.001..0.1:log is drawn by its logarithm, 2..8:int in whole numbers."</span>
            <For each=move || space.lines.get() key=|line| line.id let:line>
                <div class="flex">
                    <span class="grow"><TextField value=line.name name="Hyperparameter" placeholder="learning_rate" class="mono" /></span>
                    <span class="grow"><TextField value=line.values name="Its values" placeholder="0.001..0.1:log" class="mono" /></span>
                    <IconButton label="Don't try it" mark=icon::X on_press=move |_| space.lines.update(|lines| lines.retain(|other| other.id != line.id)) />
                    {move || space.mistake(&line).map(|mistake| view! { <small class="bad" role="alert">{mistake}</small> })}
                </div>
            </For>
            {move || error.get().map(|error| view! { <small class="bad" role="alert">{error}</small> })}
            <Button
                label="Hyperparameter"
                mark=icon::PLUS
                kind="quiet s"
                on_press=move || space.add(String::new(), String::new())
            />
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_as_the_file_has_it() {
        let range = serde_json::json!({"min": 0.001, "max": 0.1, "log": true});
        assert_eq!(
            key(" learning_rate ", "0.001..0.1:log"),
            Some(("search.space.\"learning_rate\"".to_owned(), range))
        );
        let values = serde_json::json!({"values": [64, "wide"]});
        assert_eq!(key("width", "64, wide"), Some(("search.space.\"width\"".to_owned(), values)));
        assert_eq!((key("", "1,2"), key("width", " "), key("width", "1..wide")), (None, None, None));
    }

    #[test]
    fn a_line_that_says_nothing_that_can_be_tried_is_told_and_an_empty_one_is_not_yet_wrong() {
        assert_eq!((mistake(" ", ""), mistake("width", "64,128"), mistake("lr", "1e-4..0.1:log")), (None, None, None));
        for (name, values) in [("", "1,2"), ("width", ""), ("lr", "1..wide"), ("lr", "1..2:lag")] {
            assert!(mistake(name, values).is_some(), "{name} {values}");
        }
    }
}
