//! The trials of a search as a table: sorted by whatever a column shows, and only the rows that are seen are in the
//! document, so that thousands of trials scroll like ten.

use std::cmp::Ordering;

use api::search::{Direction, Search, Trial, TrialOutcome, Value};
use leptos::{html, prelude::*};
use leptos_router::hooks::use_navigate;

use crate::{
    frame::place::Place,
    pages::runs::columns::PARAM,
    parts::{
        card::Chip,
        chart::width_of,
        rows::Rows,
        table::{Column, Order, Table},
        take_table::{Form, TextTable},
        words,
    },
};

/// Rows that stand below each other before the table scrolls.
const SHOWN: usize = 14;
/// Pixels of a row, and of the head.
const ROW: usize = 28;
/// Pixels below the rows, where there are more columns than the window is wide.
const BAR: usize = 14;

const NUMBER: &str = "number";
const NAME: &str = "name";
const OUTCOME: &str = "outcome";
const VALUE: &str = "value";

/// A trial as its row shows it.
#[derive(Clone, PartialEq)]
struct Line {
    trial: Trial,
    is_best: bool,
    why: Option<String>,
}

#[component]
pub(super) fn Trials(search: Signal<Search>) -> impl IntoView {
    let place = Place::get();
    let navigate = StoredValue::new_local(use_navigate());
    let names = Memo::new(move |_| search.with(|search| search.config.space.keys().cloned().collect::<Vec<_>>()));
    let order = RwSignal::new(None::<Order>);
    let sorted = Memo::new(move |_| order.with(|order| search.with(|search| lines(search, order.as_ref()))));
    let has_why =
        Memo::new(move |_| search.with(|search| search.trials.iter().any(|trial| search.why(trial).is_some())));
    let less = Memo::new(move |_| {
        search.with(|search| search.judged.as_ref().is_some_and(|(_, direction)| *direction == Direction::Min))
    });
    let columns =
        Memo::new_with_compare(move |_| names.with(|names| columns(names, less.get(), has_why.get())), |_, _| true);
    let open = Callback::new(move |line: Line| {
        if line.trial.name.is_some() {
            let to = place.link(&format!("runs/{}", line.trial.run));
            navigate.with_value(|navigate| navigate(&to, Default::default()));
        }
    });
    let node = NodeRef::<html::Div>::new();
    let room = width_of(node);
    let bar = Memo::new(move |_| {
        let wide = columns.with(|columns| columns.iter().map(|column| column.width).sum::<f64>());
        if wide > room.get() { BAR } else { 0 }
    });
    let height = Memo::new(move |_| (sorted.with(Vec::len).clamp(1, SHOWN) + 1) * ROW + bar.get());
    view! {
        <div class="fill-table" node_ref=node style:height=move || format!("{}px", height.get())>
            <Table
                rows=Rows::from(sorted)
                columns=Signal::from(columns)
                label="Trials"
                on_open=open
                order
                unsorted=Signal::stored(Some((NUMBER.to_owned(), true)))
                row_class=Callback::new(|line: Line| if line.is_best { "strong" } else { "" })
            />
        </div>
    }
}

fn columns(names: &[String], less_is_better: bool, has_why: bool) -> Vec<Column<Line>> {
    let mut all = vec![
        Column::new("#", 58.0, |line: &Line| {
            let number = line.trial.number;
            view! { <span data-trial=number.to_string()>{number}</span> }
        })
        .number()
        .sorted_by(NUMBER),
        Column::new("Run", 168.0, |line: &Line| match line.trial.name.clone() {
            Some(name) => view! { <span data-name="">{name}</span> }.into_any(),
            None => view! { <span class="faint">"no run"</span> }.into_any(),
        })
        .sorted_by(NAME)
        .grows(),
        Column::new("Outcome", 168.0, |line: &Line| {
            let is_best = line.is_best;
            view! {
                <span class="flex">
                    <OutcomeChip outcome=line.trial.outcome />
                    {is_best.then(|| view! { <Chip text="best" tone="good" /> })}
                </span>
            }
        })
        .sorted_by(OUTCOME),
        Column::new("Value", 104.0, |line: &Line| line.trial.value.map_or_else(|| "–".to_owned(), words::figure))
            .number()
            .sorted_by(VALUE)
            .rising(less_is_better),
    ];
    all.extend(names.iter().map(|name| {
        let own = name.clone();
        let cell = move |line: &Line| {
            let value = line.trial.values.get(&own).map_or_else(|| "–".to_owned(), shown);
            view! { <span class="muted" title=value.clone()>{value.clone()}</span> }
        };
        Column::new(words::param(name), 124.0, cell).number().sorted_by(format!("{PARAM}{name}"))
    }));
    if has_why {
        all.push(Column::new("Why it ended", 250.0, |line: &Line| {
            let why = line.why.clone().unwrap_or_default();
            view! { <span class="muted" data-why="" title=why.clone()>{why.clone()}</span> }
        }));
    }
    all
}

/// The trials in this order; by default the newest stand first, so that what is under way is seen without scrolling.
fn lines(search: &Search, order: Option<&Order>) -> Vec<Line> {
    let mut trials: Vec<&Trial> = search.trials.iter().rev().collect();
    if let Some((by, descending)) = order {
        trials.sort_by(|one, other| compared(one, other, by, *descending));
    }
    let line = |trial: &Trial| Line {
        is_best: search.best == Some(trial.number),
        why: search.why(trial),
        trial: trial.clone(),
    };
    trials.into_iter().map(line).collect()
}

fn compared(one: &Trial, other: &Trial, by: &str, descending: bool) -> Ordering {
    let number = |trial: &Trial| trial.value.filter(|value| !value.is_nan());
    match by {
        NAME => sided(one.name.as_ref(), other.name.as_ref(), descending, Ord::cmp),
        OUTCOME => {
            let (one, other) = (outcome(one.outcome).0, outcome(other.outcome).0);
            sided(Some(one), Some(other), descending, Ord::cmp)
        }
        VALUE => sided(number(one), number(other), descending, f64::total_cmp),
        by => match by.strip_prefix(PARAM) {
            Some(name) => {
                sided(one.values.get(name), other.values.get(name), descending, |one, other| by_value(one, other))
            }
            None => sided(Some(one.number), Some(other.number), descending, u64::cmp),
        },
    }
}

/// What has no value stands last, whichever way the others are turned.
fn sided<T>(one: Option<T>, other: Option<T>, descending: bool, compare: impl FnOnce(&T, &T) -> Ordering) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => {
            let order = compare(&one, &other);
            if descending { order.reverse() } else { order }
        }
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}

/// Numbers by their size, and before what is none.
fn by_value(one: &Value, other: &Value) -> Ordering {
    match (one.number(), other.number()) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        (None, None) => one.to_string().cmp(&other.to_string()),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}

/// The trials as they were begun, with the value of each hyperparameter.
pub(super) fn as_text(search: &Search, form: Form) -> TextTable {
    let names: Vec<&String> = search.config.space.keys().collect();
    let mut head =
        ["#", "Run", "Outcome", "Value"].map(|title| (title.to_owned(), matches!(title, "#" | "Value"))).to_vec();
    head.extend(names.iter().map(|name| match form {
        Form::Markdown => (words::param(name), true),
        Form::Csv => ((*name).clone(), true),
    }));
    head.push(("Why it ended".to_owned(), false));
    let row = |trial: &Trial| {
        let mut cells = vec![
            trial.number.to_string(),
            form.text(trial.name.as_deref()),
            outcome(trial.outcome).0.to_owned(),
            form.number(trial.value),
        ];
        cells.extend(names.iter().map(|name| match trial.values.get(*name) {
            Some(Value::Number(number)) => form.number(Some(*number)),
            other => form.text(other.map(ToString::to_string).as_deref()),
        }));
        cells.push(form.text(search.why(trial).as_deref()));
        cells
    };
    TextTable { head, rows: search.trials.iter().map(row).collect() }
}

const fn outcome(outcome: TrialOutcome) -> (&'static str, &'static str) {
    match outcome {
        TrialOutcome::Running => ("running", "accent"),
        TrialOutcome::Finished => ("finished", ""),
        TrialOutcome::StoppedEarly => ("stopped early", "info"),
        TrialOutcome::Stopped => ("stopped", "warn"),
        TrialOutcome::Interrupted => ("interrupted", "warn"),
        TrialOutcome::Failed => ("failed", "bad"),
    }
}

#[component]
fn OutcomeChip(outcome: TrialOutcome) -> impl IntoView {
    let (text, tone) = self::outcome(outcome);
    view! { <Chip text tone dot=outcome == TrialOutcome::Running /> }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => words::figure(*number),
        Value::Integer(whole) => words::minus(&whole.to_string()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use api::id::RunId;

    use super::*;

    fn trial(number: u64, value: Option<f64>, rate: Option<Value>) -> Trial {
        Trial {
            number,
            run: RunId::from_bytes([7; 16]),
            name: None,
            values: rate.map(|rate| ("rate".to_owned(), rate)).into_iter().collect(),
            outcome: TrialOutcome::Finished,
            step: None,
            value,
            rung: None,
            killed: 0,
            because: None,
        }
    }

    #[test]
    fn whole_and_other_numbers_have_one_minus() {
        assert_eq!([Value::Integer(-3), Value::Number(-0.5)].map(|value| shown(&value)), ["−3", "−0.5000"]);
        assert_eq!(shown(&Value::Text("l1-l2".to_owned())), "l1-l2", "a text stands as it was given");
    }

    #[test]
    fn trials_are_sorted_by_what_a_column_shows_and_what_has_none_stands_last() {
        let trials = [
            trial(1, Some(0.5), Some(Value::Number(0.1))),
            trial(2, None, Some(Value::Integer(10))),
            trial(3, Some(f64::NAN), Some(Value::Text("auto".to_owned()))),
            trial(4, Some(0.25), None),
        ];
        let sorted = |by: &str, descending: bool| {
            let mut all: Vec<&Trial> = trials.iter().collect();
            all.sort_by(|one, other| compared(one, other, by, descending));
            all.into_iter().map(|trial| trial.number).collect::<Vec<_>>()
        };
        assert_eq!(sorted(VALUE, false), [4, 1, 2, 3]);
        assert_eq!(sorted(VALUE, true), [1, 4, 2, 3]);
        assert_eq!(sorted("param.rate", false), [1, 2, 3, 4]);
        assert_eq!(sorted("param.rate", true), [3, 2, 1, 4]);
        assert_eq!(sorted(NUMBER, true), [4, 3, 2, 1]);
    }
}
