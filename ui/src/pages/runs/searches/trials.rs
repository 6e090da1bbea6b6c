//! The trials of a search as a table: sorted by whatever a column shows, and only the rows that are seen are in the
//! document, so that thousands of trials scroll like ten.

use std::cmp::Ordering;

use api::{
    RunId,
    run::{RunKind, RunState},
    search::{Direction, Search, SearchState, Trial, TrialOutcome, Value},
};
use leptos::{html, prelude::*};
use leptos_router::hooks::use_navigate;

use crate::{
    frame::place::Place,
    pages::runs::{
        actions::{Actions, Asked, Dialogs, OfRun},
        colours,
        columns::PARAM,
        pick,
    },
    parts::{
        card::Chip,
        chart::width_of,
        icon,
        menu::{Item, MenuButton},
        rows::Rows,
        table::{Column, Order, RowMenu, Table},
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
    /// Its run, while it has one.
    run: Option<OfRun>,
    /// The run of the best trial, where that is another.
    best: Option<RunId>,
}

/// The run of a trial, as far as the search tells: what a person can do with it, the search goes on from by itself.
fn run_of(search: &Search, trial: &Trial) -> Option<OfRun> {
    let state = match trial.outcome {
        TrialOutcome::Running => RunState::Running,
        TrialOutcome::Finished => RunState::Finished,
        TrialOutcome::StoppedEarly | TrialOutcome::Stopped => RunState::Stopped,
        TrialOutcome::Interrupted => RunState::Killed,
        TrialOutcome::Failed => RunState::Failed,
    };
    let kind = if search.command.is_some() { RunKind::Command } else { RunKind::Training };
    let name = trial.name.clone()?;
    Some(OfRun { id: trial.run, name, kind, state, resumable: false, has_version: false })
}

/// The menu of a row: that of its run, and what a search adds.
fn items(actions: Actions, line: &Line) -> Vec<Item> {
    let Some(run) = &line.run else {
        let why = "It has no run: that was not begun, or is deleted.";
        return vec![Item::new("Open", icon::ARROW_RIGHT, || {}).blocked(Some(why.to_owned()))];
    };
    let mut items = actions.items(run);
    if let Some(best) = line.best {
        items.insert(1, actions.compare("Compare with the best trial", best, &[best, run.id]));
    }
    items
}

#[component]
pub(super) fn Trials(
    search: Signal<Search>,
    /// The ids of the picked trials' runs.
    picked: RwSignal<Vec<String>>,
) -> impl IntoView {
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
    let without = Memo::new(move |_| search.with(without_trials));
    let places = colours::of_picked(picked);
    let actions = Actions::new(Asked::new(), picked, places, RwSignal::new(false));
    let columns = Memo::new_with_compare(
        move |_| {
            let mut columns = names.with(|names| columns(names, less.get(), has_why.get()));
            columns.insert(0, pick::column(places, |line: &Line| (line.trial.run.to_string(), called(&line.trial))));
            columns.push(Column::new("", 44.0, move |line: &Line| {
                let line = line.clone();
                view! { <MenuButton items=move || items(actions, &line) label="What can be done with this trial" /> }
            }));
            columns
        },
        |_, _| true,
    );
    let menu: RowMenu<Line> =
        StoredValue::new_local(Box::new(move |line: Line| items(actions, &line)) as Box<dyn Fn(Line) -> Vec<Item>>);
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
    let height = Memo::new(move |_| (sorted.with(Vec::len).min(SHOWN) + 1) * ROW + bar.get());
    view! {
        <div class="fill-table trials" node_ref=node style:height=move || format!("{}px", height.get())>
            <Table
                rows=Rows::from(sorted)
                columns=Signal::from(columns)
                label="Trials"
                key=Callback::new(|line: Line| line.trial.run.to_string())
                selected=picked
                on_open=open
                menu
                order
                unsorted=Signal::stored(Some((NUMBER.to_owned(), true)))
                row_class=Callback::new(|line: Line| if line.is_best { "strong" } else { "" })
            />
        </div>
        {move || without.get().map(|why| view! { <p class="padded small muted" role="status" data-no-trial="">{why}</p> })}
        <Dialogs actions />
    }
}

/// What stands in the place of trials where there are none.
fn without_trials(search: &Search) -> Option<&'static str> {
    let why = match search.state {
        SearchState::Running => "No trial yet: the first begins as soon as there is room for it.",
        SearchState::Stopped | SearchState::Finished | SearchState::Failed => "No trial was begun.",
    };
    search.trials.is_empty().then_some(why)
}

fn called(trial: &Trial) -> &str {
    trial.name.as_deref().unwrap_or("a trial without a run")
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
    let best = search.best_trial().filter(|best| best.name.is_some()).map(|best| best.run);
    let line = |trial: &Trial| Line {
        is_best: search.best == Some(trial.number),
        why: search.why(trial),
        run: run_of(search, trial),
        best: best.filter(|best| *best != trial.run),
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

/// A tried value as it is read: rounded, as a metric is.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => words::figure(*number),
        Value::Integer(whole) => words::minus(&whole.to_string()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use api::{ProjectId, SearchId, search::SearchConfig};

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
    fn a_row_has_the_run_of_its_trial_and_the_best_one_beside_it() {
        let config = SearchConfig::default();
        let mut search =
            Search::begun(SearchId::from_bytes([1; 16]), ProjectId::from_bytes([2; 16]), "s".to_owned(), config, 0);
        let named = |number: u8, outcome| Trial {
            run: RunId::from_bytes([number; 16]),
            name: Some(format!("r{number}")),
            outcome,
            ..trial(u64::from(number), Some(0.5), None)
        };
        search.trials = vec![named(1, TrialOutcome::Finished), named(2, TrialOutcome::Running), trial(3, None, None)];
        search.best = Some(1);
        let told: Vec<_> = lines(&search, None).into_iter().map(|line| (line.run, line.best)).collect();
        let [none, running, best] = &told[..] else { panic!("three rows") };
        assert!(none.0.is_none(), "one that was not begun, or is deleted, has nothing to be done with");
        let run = running.0.as_ref().unwrap();
        assert_eq!((run.name.as_str(), run.state, run.kind), ("r2", RunState::Running, RunKind::Training));
        assert_eq!((running.1, best.1), (Some(RunId::from_bytes([1; 16])), None));
    }

    #[test]
    fn a_search_without_trials_says_whether_they_come() {
        let (id, project) = (SearchId::from_bytes([1; 16]), ProjectId::from_bytes([2; 16]));
        let begun = Search::begun(id, project, "s".to_owned(), SearchConfig::default(), 0);
        assert!(without_trials(&begun).is_some_and(|why| why.starts_with("No trial yet")));
        let failed = Search { state: SearchState::Failed, ..begun.clone() };
        assert_eq!(without_trials(&failed), Some("No trial was begun."));
        assert_eq!(without_trials(&Search { trials: vec![trial(1, None, None)], ..begun }), None);
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
