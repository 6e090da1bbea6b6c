//! A drift test or a threshold of a column's own, instead of Evidently's default.

use api::{config::MonitoringConfig, drift::DriftTest};
use leptos::prelude::*;
use serde_json::Value;

use crate::parts::{
    button::{Button, IconButton},
    distribution::test_name,
    field::{Select, TextField},
    icon,
};

const TESTS: [DriftTest; 6] = [
    DriftTest::Ks,
    DriftTest::Chisquare,
    DriftTest::Z,
    DriftTest::Wasserstein,
    DriftTest::Jensenshannon,
    DriftTest::Psi,
];

#[derive(Clone, Copy, PartialEq, Eq)]
struct Line {
    id: usize,
    column: RwSignal<String>,
    test: RwSignal<String>,
    threshold: RwSignal<String>,
}

/// The lines, and what the file had.
#[derive(Clone, Copy)]
pub(super) struct ByColumn {
    lines: RwSignal<Vec<Line>>,
    next: StoredValue<usize>,
    before: StoredValue<Vec<(String, Value)>>,
}

impl ByColumn {
    pub(super) fn of(file: &MonitoringConfig) -> Self {
        let all =
            Self { lines: RwSignal::new(Vec::new()), next: StoredValue::new(0), before: StoredValue::new(Vec::new()) };
        let columns: std::collections::BTreeSet<&String> = file.tests.keys().chain(file.thresholds.keys()).collect();
        for column in columns {
            let test = file.tests.get(column).map(|test| key_of(*test)).unwrap_or_default();
            let threshold = file.thresholds.get(column).map(ToString::to_string).unwrap_or_default();
            all.add(column.clone(), test, threshold);
        }
        all.before.set_value(all.keys());
        all
    }

    fn add(self, column: String, test: String, threshold: String) {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        let line =
            Line { id, column: RwSignal::new(column), test: RwSignal::new(test), threshold: RwSignal::new(threshold) };
        self.lines.update(|lines| lines.push(line));
    }

    /// The keys that the lines stand for.
    fn keys(self) -> Vec<(String, Value)> {
        let mut keys = Vec::new();
        for line in self.lines.get_untracked() {
            if line.column.with_untracked(|column| column.trim().is_empty()) {
                continue;
            }
            let column = Value::from(line.column.get_untracked().trim()).to_string();
            let test = line.test.get_untracked();
            if !test.is_empty() {
                keys.push((format!("monitoring.tests.{column}"), Value::from(test)));
            }
            if let Ok(threshold) = line.threshold.get_untracked().trim().parse::<f64>() {
                keys.push((format!("monitoring.thresholds.{column}"), Value::from(threshold)));
            }
        }
        keys
    }

    /// What must be written: new and changed keys, and those that are gone.
    pub(super) fn changes(self) -> Vec<(String, Value)> {
        changes(&self.before.get_value(), &self.keys())
    }

    pub(super) fn is_wrong(self) -> bool {
        self.lines.get().iter().any(|line| self.mistake(line).is_some())
    }

    /// What is wrong with a line; an earlier one of the same column is right.
    fn mistake(self, line: &Line) -> Option<&'static str> {
        let column = line.column.get();
        let lines = self.lines.get();
        let mut earlier = lines.iter().take_while(|other| other.id != line.id);
        let is_twice = !column.trim().is_empty() && earlier.any(|other| other.column.get().trim() == column.trim());
        mistake(&column, &line.test.get(), &line.threshold.get()).or(is_twice.then_some("This column stands above."))
    }
}

fn mistake(column: &str, test: &str, threshold: &str) -> Option<&'static str> {
    let (column, threshold) = (column.trim(), threshold.trim());
    // A line that was added and not filled in yet stands for nothing.
    match (column.is_empty(), test.is_empty() && threshold.is_empty()) {
        (true, true) => return None,
        (true, false) => return Some("Name the column."),
        (false, true) => return Some("Choose a test or give a threshold."),
        (false, false) => {}
    }
    let is_fine = threshold.is_empty() || threshold.parse::<f64>().is_ok_and(|value| value.is_finite() && value >= 0.0);
    (!is_fine).then_some("Give a threshold from 0, such as 0.1, or leave it empty.")
}

/// What must be written of keys that a person adds and takes out: new and changed ones, and those that are gone.
pub(super) fn changes(before: &[(String, Value)], now: &[(String, Value)]) -> Vec<(String, Value)> {
    let gone = before.iter().filter(|(key, _)| now.iter().all(|(other, _)| other != key));
    let gone = gone.map(|(key, _)| (key.clone(), Value::Null));
    gone.chain(now.iter().filter(|pair| !before.contains(pair)).cloned()).collect()
}

/// The test as the file says it.
fn key_of(test: DriftTest) -> String {
    serde_json::to_value(test).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[component]
pub(super) fn TestsByColumn(by_column: ByColumn) -> impl IntoView {
    let options: Vec<(String, String)> = std::iter::once((String::new(), "Default test".to_owned()))
        .chain(TESTS.into_iter().map(|test| (key_of(test), test_name(test).to_owned())))
        .collect();
    let options = Signal::stored(options);
    view! {
        <div class="by-column">
            <For each=move || by_column.lines.get() key=|line| line.id let:line>
                <div class="flex">
                    <span class="grow"><TextField value=line.column name="Column" placeholder="column" class="mono" /></span>
                    <span class="grow"><Select value=line.test options name="Test" /></span>
                    <TextField value=line.threshold name="Threshold" placeholder="default threshold" class="mono" />
                    <IconButton label="Remove" mark=icon::X on_press=move |_| by_column.lines.update(|lines| lines.retain(|other| other.id != line.id)) />
                    {move || by_column.mistake(&line).map(|mistake| view! { <small class="bad" role="alert">{mistake}</small> })}
                </div>
            </For>
            <Button
                label="Test or threshold of a column"
                mark=icon::PLUS
                kind="quiet s"
                on_press=move || by_column.add(String::new(), String::new(), String::new())
            />
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_taken_out_and_what_is_the_same_is_not_written() {
        let pair = |key: &str, value: f64| (key.to_owned(), Value::from(value));
        let before = [pair("a", 0.1), pair("b", 0.2), pair("c", 0.3)];
        let now = [pair("a", 0.1), pair("c", 0.5), pair("d", 1.0)];
        assert_eq!(changes(&before, &now), [("b".to_owned(), Value::Null), pair("c", 0.5), pair("d", 1.0)]);
    }

    #[test]
    fn a_line_that_says_nothing_or_no_number_is_told_and_an_empty_one_is_not_yet_wrong() {
        assert_eq!(mistake("", "", " "), None);
        assert_eq!(mistake("amount", "psi", ""), None);
        assert_eq!(mistake("amount", "", "0.25"), None);
        for (column, test, threshold) in
            [("", "psi", ""), ("", "", "0.1"), ("amount", "", ""), ("amount", "ks", "0,1"), ("amount", "ks", "-1")]
        {
            assert!(mistake(column, test, threshold).is_some(), "{column} {test} {threshold}");
        }
    }

    #[test]
    fn tests_are_written_as_the_file_says_them() {
        assert_eq!(TESTS.map(key_of), ["ks", "chisquare", "z", "wasserstein", "jensenshannon", "psi"]);
    }
}
