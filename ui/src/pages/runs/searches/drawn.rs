//! What the trials of a search say together: parallel coordinates of their params and the judged value, that value over
//! one of them, and which params it follows, drawn as the run table draws them.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    SearchId,
    search::{AssessTrials, Direction, Search, Trial, TrialOutcome, Written},
    table_view::TableView,
};
use charts::runs::keys::order_of_param;
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_navigate};

use crate::{
    client::{query::query, wire},
    frame::{address, place::Place},
    pages::runs::{
        Facts,
        columns::{METRIC, PARAM},
        overlaid::Compared,
        plots::{Plots, TrialsSwitcher, Whose, importance},
    },
    parts::states::Load,
};

const PARALLEL: &str = "parallel";
const SCATTER: &str = "scatter";
const IMPORTANCE: &str = "importance";
/// Of fewer trials nothing is compared.
const FEWEST: usize = 2;

#[component]
pub(super) fn Drawn(search: Signal<Search>) -> impl IntoView {
    let place = Place::get();
    let navigate = StoredValue::new_local(use_navigate());
    // As a comparison's canvas does, it stands in the address in a part of its own.
    let canvas = use_location().query.with_untracked(|query| query.get("canvas")).unwrap_or_default();
    let mut first = TableView::read(&canvas, wire::decode).plotted;
    let mut numbers = search.with_untracked(numbers_tried).into_iter();
    if first.x.is_empty() {
        first.x = numbers.next().unwrap_or_default();
    }
    if canvas.is_empty() {
        // As they are searched: what is tried by orders of magnitude is seen by them.
        (first.log, first.linear) = search.with_untracked(|search| (by_magnitude(search), evenly(search)));
        first.colour = numbers.next().unwrap_or_default();
    }
    if ![SCATTER, IMPORTANCE].contains(&first.view.as_str()) {
        first.view = PARALLEL.to_owned();
    }
    let plotted = RwSignal::new(first);
    address::keep_in_address(move || {
        let canvas = TableView { plotted: plotted.get(), ..TableView::default() }.address(wire::encode);
        vec![("canvas", canvas.trim_start_matches('?').to_owned())]
    });
    let trials = Memo::new(move |_| search.with(compared));
    let facts = Memo::new(move |_| search.with(facts_of));
    let id = search.with_untracked(|search| search.id);
    let open = Callback::new(move |run: String| {
        navigate.with_value(|navigate| navigate(&place.link(&format!("runs/{run}")), Default::default()));
    });
    let has_any = Memo::new(move |_| trials.with(Vec::len) >= FEWEST);
    let is_importance = Memo::new(move |_| plotted.with(|plotted| plotted.view == IMPORTANCE));
    move || {
        has_any.get().then(|| {
            view! {
                <section class="section" aria-label="The trials drawn">
                    <div class="flex"><TrialsSwitcher plotted /></div>
                    {move || match is_importance.get() {
                        true => view! { <Importance id facts /> }.into_any(),
                        false => {
                            let whose = Whose::Compared(trials, None);
                            view! { <Plots whose plotted facts filter=None on_open=open /> }.into_any()
                        }
                    }}
                </section>
            }
        })
    }
}

/// What the judged value follows of what the trials were given, whichever runs logged it.
#[component]
fn Importance(id: SearchId, facts: Memo<Facts>) -> impl IntoView {
    let answer = query(move || Some(AssessTrials { search: id }));
    let metric = move || {
        let key = facts.with(|facts| facts.ranked_by.as_ref().map(|(key, _)| key.clone()));
        format!("{METRIC}{}", key.unwrap_or_default())
    };
    view! {
        <div class="run-plots">
            <Load query=answer lines=6 let:found>{move || importance::drawn(found.get(), metric())}</Load>
        </div>
    }
}

/// What is tried as numbers, several of them, by the columns' names: a scatter lies along the first and is coloured by the
/// second until a person chooses.
fn numbers_tried(search: &Search) -> Vec<String> {
    let is_of_numbers = |written: &Written| match &written.values {
        Some(values) => values.iter().filter(|value| value.number().is_some()).count() > 1,
        None => true,
    };
    let space = search.config.space.iter();
    let mut names: Vec<&String> = space.filter(|(_, written)| is_of_numbers(written)).map(|(name, _)| name).collect();
    names.sort_by_key(|name| order_of_param(name));
    names.into_iter().map(|name| format!("{PARAM}{name}")).collect()
}

/// The axes of what is tried by orders of magnitude, by their columns' names.
fn by_magnitude(search: &Search) -> Vec<String> {
    let space = search.config.space.iter();
    space.filter(|(_, written)| written.log).map(|(name, _)| format!("{PARAM}{name}")).collect()
}

/// The axes of what is tried evenly from a least to a greatest value: decades that these span don't make them another.
fn evenly(search: &Search) -> Vec<String> {
    let space = search.config.space.iter();
    space
        .filter(|(_, written)| written.min.is_some() && !written.log)
        .map(|(name, _)| format!("{PARAM}{name}"))
        .collect()
}

/// The trials that reached a value, each with its params.
fn compared(search: &Search) -> Vec<Compared> {
    let Some((key, _)) = &search.judged else { return Vec::new() };
    let one = |trial: &Trial| {
        let value = trial.value.filter(|_| trial.outcome != TrialOutcome::Interrupted)?;
        Some(Compared {
            id: trial.run,
            name: trial.name.clone()?,
            place: 0,
            began_ms: search.created_ms,
            duration_secs: None,
            params: trial.values.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
            tags: BTreeMap::new(),
            own: Default::default(),
            values: BTreeMap::from([(key.clone(), value)]),
            curves: BTreeSet::new(),
            is_deleted: false,
            of_kept: Vec::new(),
            counts: BTreeMap::new(),
        })
    };
    search.trials.iter().filter_map(one).collect()
}

/// Of all that runs have, what the search tries and what it is judged by.
fn facts_of(search: &Search) -> Facts {
    let names: Vec<String> = search.config.space.keys().cloned().collect();
    let mut differing = names.clone();
    differing.sort_by_key(|name| order_of_param(name));
    Facts {
        metric_keys: search.judged.iter().map(|(key, _)| key.clone()).collect(),
        param_keys: names,
        differing,
        ranked_by: search.judged.clone().map(|(key, direction)| (key, direction == Direction::Max)),
        ..Facts::default()
    }
}

#[cfg(test)]
mod tests {
    use api::{
        id::ProjectId,
        search::{SearchConfig, Value},
    };

    use super::*;

    fn search_of(space: &[(&str, Written)]) -> Search {
        let space = space.iter().map(|(name, written)| ((*name).to_owned(), written.clone())).collect();
        let config = SearchConfig { space, ..SearchConfig::default() };
        Search::begun(SearchId::from_bytes([1; 16]), ProjectId::from_bytes([2; 16]), "bowl".to_owned(), config, 0)
    }

    fn range(log: bool) -> Written {
        Written { min: Some(0.001), max: Some(0.1), log, ..Written::default() }
    }

    fn listed(values: Vec<Value>) -> Written {
        Written { values: Some(values), ..Written::default() }
    }

    #[test]
    fn what_is_tried_by_orders_of_magnitude_is_drawn_by_them() {
        let depth = listed(vec![Value::Integer(1)]);
        let search = search_of(&[("lr", range(true)), ("dropout", range(false)), ("depth", depth)]);
        assert_eq!(by_magnitude(&search), ["param.lr"]);
        assert_eq!(evenly(&search), ["param.dropout"], "of a list its values say");
    }

    #[test]
    fn a_scatter_of_trials_begins_with_what_is_tried_as_numbers() {
        let (text, alone) = (|text: &str| Value::Text(text.to_owned()), listed(vec![Value::Integer(1)]));
        let search = search_of(&[
            ("activation", listed(vec![text("relu"), text("tanh")])),
            ("batch", listed(vec![Value::Integer(16), Value::Integer(32)])),
            ("dropout", range(false)),
            ("lr", range(true)),
            ("seed", alone),
        ]);
        assert_eq!(numbers_tried(&search), ["param.lr", "param.batch", "param.dropout"]);
    }
}
