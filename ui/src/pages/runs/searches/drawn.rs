//! What the trials of a search say together: parallel coordinates of their params and the judged value, and which params
//! that follows, drawn as the run table draws them.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    SearchId,
    search::{AssessTrials, Direction, Search, Trial, TrialOutcome},
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
    if canvas.is_empty() {
        // As they are searched: what is tried by orders of magnitude is seen by them.
        (first.log, first.linear) = search.with_untracked(|search| (by_magnitude(search), evenly(search)));
    }
    if first.view != IMPORTANCE {
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
        search::{SearchConfig, Value, Written},
    };

    use super::*;

    #[test]
    fn what_is_tried_by_orders_of_magnitude_is_drawn_by_them() {
        let range = |log| Written { min: Some(0.001), max: Some(0.1), log, ..Written::default() };
        let listed = Written { values: Some(vec![Value::Integer(1)]), ..Written::default() };
        let space = [("lr", range(true)), ("dropout", range(false)), ("depth", listed)];
        let space = space.into_iter().map(|(name, written)| (name.to_owned(), written)).collect();
        let config = SearchConfig { space, ..SearchConfig::default() };
        let (id, project) = (SearchId::from_bytes([1; 16]), ProjectId::from_bytes([2; 16]));
        let search = Search::begun(id, project, "bowl".to_owned(), config, 0);
        assert_eq!(by_magnitude(&search), ["param.lr"]);
        assert_eq!(evenly(&search), ["param.dropout"], "of a list its values say");
    }
}
