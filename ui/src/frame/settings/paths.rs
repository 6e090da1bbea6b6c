//! The data's paths: one line each.

use leptos::prelude::*;
use serde_json::Value;

use crate::parts::{
    button::{Button, IconButton},
    field::TextField,
    icon,
};

pub(super) const KEY: &str = "data.paths";

#[derive(Clone, Copy, PartialEq, Eq)]
struct Line {
    id: usize,
    path: RwSignal<String>,
}

/// The lines, and what the file had.
#[derive(Clone, Copy)]
pub(super) struct Paths {
    lines: RwSignal<Vec<Line>>,
    next: StoredValue<usize>,
    before: StoredValue<Vec<String>>,
}

impl Paths {
    pub(super) fn of(paths: &[String]) -> Self {
        let all = Self {
            lines: RwSignal::new(Vec::new()),
            next: StoredValue::new(0),
            before: StoredValue::new(paths.to_vec()),
        };
        paths.iter().for_each(|path| all.add(path.clone()));
        all
    }

    fn add(self, path: String) {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.lines.update(|lines| lines.push(Line { id, path: RwSignal::new(path) }));
    }

    /// What must be written, where it differs from the file.
    pub(super) fn change(self) -> Option<(String, Value)> {
        let texts: Vec<String> = self.lines.get_untracked().iter().map(|line| line.path.get_untracked()).collect();
        self.before.with_value(|before| change(before, &texts))
    }

    pub(super) fn is_wrong(self) -> bool {
        self.lines.get().iter().any(|line| self.is_twice(line))
    }

    /// Whether an earlier line says the same.
    fn is_twice(self, line: &Line) -> bool {
        let path = line.path.get();
        let lines = self.lines.get();
        let mut earlier = lines.iter().take_while(|other| other.id != line.id);
        !path.trim().is_empty() && earlier.any(|other| other.path.get().trim() == path.trim())
    }
}

/// An empty line stands for nothing; without any path the key leaves the file.
fn change(before: &[String], texts: &[String]) -> Option<(String, Value)> {
    // A line that was not touched stays as it is, spaces and all.
    let written = |text: &String| if before.contains(text) { text.clone() } else { text.trim().to_owned() };
    let now: Vec<String> = texts.iter().map(written).filter(|text| !text.is_empty()).collect();
    let value = if now.is_empty() { Value::Null } else { Value::from(now.clone()) };
    (now != before).then(|| (KEY.to_owned(), value))
}

#[component]
pub(super) fn DataPaths(paths: Paths, error: Signal<Option<String>>) -> impl IntoView {
    view! {
        <div class="by-column">
            <span class="small muted">"Files, folders and globs, relative to the project's folder or from the root; together they are one dataset."</span>
            <For each=move || paths.lines.get() key=|line| line.id let:line>
                <div class="flex">
                    <span class="grow"><TextField value=line.path name="Path" placeholder="data/*.csv" class="mono" /></span>
                    <IconButton label="Remove this path" mark=icon::X on_press=move |_| paths.lines.update(|lines| lines.retain(|other| other.id != line.id)) />
                    {move || paths.is_twice(&line).then(|| view! { <small class="bad" role="alert">"This path stands above."</small> })}
                </div>
            </For>
            {move || error.get().map(|error| view! { <small class="bad" role="alert">{error}</small> })}
            <Button label="Path" mark=icon::PLUS kind="quiet s" on_press=move || paths.add(String::new()) />
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_written_and_empty_lines_are_not() {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let before = texts(&["data", "more/*.csv"]);
        assert_eq!(change(&before, &texts(&["data", " more/*.csv", ""])), None);
        assert_eq!(change(&before, &texts(&["data"])), Some((KEY.to_owned(), Value::from(vec!["data"]))));
        assert_eq!(change(&before, &texts(&["", " "])), Some((KEY.to_owned(), Value::Null)));
        assert_eq!(change(&[], &[]), None);
        let odd = texts(&["a name with a space "]);
        assert_eq!(change(&odd, &odd), None);
    }
}
