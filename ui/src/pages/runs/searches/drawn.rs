//! What the trials of a search say together: parallel coordinates of their params and the judged value, and which params
//! that follows, drawn as the run table draws them.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    run_table::Listing,
    search::{Direction, SEARCH_TAG, Search, Trial, TrialOutcome},
    table_view::TableView,
    tracking::Scope,
};
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_navigate};

use crate::{
    client::wire,
    frame::{address, place::Place},
    pages::runs::{
        Facts,
        overlaid::Compared,
        plots::{Plots, TrialsSwitcher, Whose},
    },
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
    let (id, project) = search.with_untracked(|search| (search.id, search.project));
    let listing = Signal::stored(Some(Listing {
        of: Scope::Project(project),
        deleted: false,
        filter: format!("tag.{SEARCH_TAG} = \"{id}\""),
        sort: None,
        descending: false,
    }));
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
                    {move || {
                        // What a program logged counts by its run; the axes are the trials' own.
                        let whose = if is_importance.get() { Whose::Listed(listing) } else { Whose::Compared(trials, None) };
                        view! { <Plots whose plotted facts filter=None on_open=open /> }
                    }}
                </section>
            }
        })
    }
}

/// The trials that reached a value, each with its params.
fn compared(search: &Search) -> Vec<Compared> {
    let Some((key, _)) = &search.judged else { return Vec::new() };
    let one = |trial: &Trial| {
        let value = trial.value.filter(|_| trial.outcome != TrialOutcome::Interrupted)?;
        Some(Compared {
            id: trial.run,
            name: trial.name.clone()?,
            began_ms: search.created_ms,
            params: trial.values.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
            tags: BTreeMap::new(),
            values: BTreeMap::from([(key.clone(), value)]),
            curves: BTreeSet::new(),
        })
    };
    search.trials.iter().filter_map(one).collect()
}

/// Of all that runs have, what the search tries and what it is judged by.
fn facts_of(search: &Search) -> Facts {
    let names: Vec<String> = search.config.space.keys().cloned().collect();
    Facts {
        metric_keys: search.judged.iter().map(|(key, _)| key.clone()).collect(),
        param_keys: names.clone(),
        differing: names,
        ranked_by: search.judged.clone().map(|(key, direction)| (key, direction == Direction::Max)),
        ..Facts::default()
    }
}
