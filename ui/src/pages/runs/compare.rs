//! Several runs on the whole page: every curve that they have, what differs, and their newest figures.
//! The runs stand in the address, so that a comparison can be sent to somebody.

use std::collections::{BTreeMap, BTreeSet};

use api::{id::RunId, run::GetRun};
use charts::role::Role;
use leptos::{ev, prelude::*};
use leptos_router::{
    hooks::{use_location, use_navigate},
    params::ParamsMap,
};

use super::overlaid::{Compared, DRAWN, Differs, Overlaid};
use crate::{
    client::query::query,
    frame::place::Place,
    parts::{
        card::Card,
        curve_look::{Look, LookChoice},
        field::TextField,
        icon::{self, icon},
        stage::RunChip,
        states::{Empty, Failure},
        words,
    },
};

/// The runs that the address compares: `?compare=ID,ID`.
pub(super) fn asked(query: Memo<ParamsMap>) -> Memo<Vec<RunId>> {
    Memo::new(move |_| {
        let named = query.with(|query| query.get("compare")).unwrap_or_default();
        let mut runs = Vec::new();
        for run in named.split(',').filter_map(|id| id.parse::<RunId>().ok()) {
            if !runs.contains(&run) {
                runs.push(run);
            }
        }
        runs.truncate(DRAWN);
        runs
    })
}

#[component]
pub(super) fn Compare(
    runs: Memo<Vec<RunId>>,
    ranked_by: Signal<Option<(String, bool)>>,
    /// The address of the table as it was.
    back: Signal<String>,
) -> impl IntoView {
    let navigate = StoredValue::new_local(use_navigate());
    let found = RwSignal::new(BTreeMap::<RunId, Compared>::new());
    let chosen = Memo::new(move |_| {
        found.with(|found| runs.with(|runs| runs.iter().filter_map(|run| found.get(run).cloned()).collect::<Vec<_>>()))
    });
    let wanted = RwSignal::new(String::new());
    let keys = Memo::new(move |_| {
        let first = ranked_by.get().map(|(key, _)| key);
        let all: BTreeSet<String> = chosen.with(|chosen| {
            chosen.iter().flat_map(|run| run.curves.iter().filter(|key| !key.starts_with("system/")).cloned()).collect()
        });
        let mut all: Vec<String> = all.into_iter().collect();
        all.sort_by_key(|key| match key.as_str() {
            key if first.as_deref() == Some(key) => 0,
            "loss/validation" => 1,
            "loss/train" => 2,
            key if key.ends_with("/validation") => 3,
            _ => 4,
        });
        let words = wanted.with(|wanted| wanted.to_lowercase());
        all.retain(|key| words::key(key).to_lowercase().contains(words.trim()));
        all
    });
    let look = Look::new();
    let cross = RwSignal::new(None);
    let escape = window_event_listener(ev::keydown, move |event| {
        let is_other = || document().query_selector("dialog[open], .menu").ok().flatten().is_some();
        let in_field =
            event.target().is_some_and(|target| wasm_bindgen::JsCast::has_type::<web_sys::HtmlInputElement>(&target));
        if event.key() == "Escape" && !event.default_prevented() && !is_other() && !in_field {
            navigate.with_value(|navigate| navigate(&back.get_untracked(), Default::default()));
        }
    });
    on_cleanup(move || escape.remove());
    let none = Memo::new(move |_| {
        keys.with(Vec::is_empty)
            && wanted.with(String::is_empty)
            && found.with(|found| found.len()) == runs.with(Vec::len)
    });
    view! {
        <section class="body-of-page compare" aria-label="Comparison of runs">
            <div class="head">
                <div>
                    <h1>{move || format!("{} compared", words::counted(runs.with(Vec::len) as u64, "run", "runs"))}</h1>
                    <div class="flex wrap compared">
                        <For each=move || runs.get() key=|run| *run let:run>
                            <OneRun run runs found />
                        </For>
                    </div>
                </div>
                <div class="right flex wrap">
                    <LookChoice look has_share=true />
                    <TextField value=wanted name="Filter charts" placeholder="Filter charts" mark=icon::LIST_FILTER is_filter=true />
                    <a class="btn" href=move || back.get()>{icon(icon::X)}"Close"</a>
                </div>
            </div>
            {move || none.get().then(|| view! {
                <Empty mark=icon::ACTIVITY title="No curve to compare" text="None of these runs measured a figure more than once; their newest figures stand below." />
            })}
            <div class="charts">
                <For each=move || keys.get() key=Clone::clone let:key>
                    <div><Overlaid key chosen cross look height=height() /></div>
                </For>
            </div>
            <div class="compared-tables">
                <Figures chosen />
                <Differs chosen />
            </div>
        </section>
    }
}

/// Two rows of charts fill the window as it is when the page opens.
fn height() -> f64 {
    let window = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(800.0);
    ((window - 300.0) / 2.0 - 60.0).clamp(200.0, 380.0)
}

/// A run in the head: its colour, its name, its state, and a way to leave it out. It is asked for here.
#[component]
fn OneRun(run: RunId, runs: Memo<Vec<RunId>>, found: RwSignal<BTreeMap<RunId, Compared>>) -> impl IntoView {
    let place = Place::get();
    let here = use_location().pathname;
    let asked = query(move || Some(GetRun { run }));
    Effect::new(move |_| {
        let Some(compared) = asked.value.with(|run| run.as_ref().map(Compared::from)) else { return };
        if found.with_untracked(|found| found.get(&run) != Some(&compared)) {
            found.update(|found| drop(found.insert(run, compared)));
        }
    });
    on_cleanup(move || {
        found.try_update(|found| found.remove(&run));
    });
    let at = Memo::new(move |_| runs.with(|runs| runs.iter().position(|other| *other == run).unwrap_or(0)));
    let without = move || {
        let others = runs.with(|runs| {
            runs.iter().filter(|other| **other != run).map(ToString::to_string).collect::<Vec<_>>().join(",")
        });
        if others.is_empty() { here.get() } else { format!("{}?compare={others}", here.get()) }
    };
    move || {
        if let Some(error) = asked.error.get() {
            return view! { <Failure error again=move || asked.refresh() /> }.into_any();
        }
        let Some((name, state)) = asked.value.with(|run| run.as_ref().map(|run| (run.name.clone(), run.state))) else {
            return view! { <span class="chip">"…"</span> }.into_any();
        };
        let leave = format!("Leave {name} out");
        view! {
            <span class="chip compared-run">
                <i class=move || format!("swatch fill {}", Role::series(at.get()).class())></i>
                <a class="plain" href=place.link(&format!("runs/{run}"))>{name}</a>
                {(!state.is_over()).then(|| view! { <RunChip state=Signal::derive(move || state) /> })}
                <a class="plain flex faint" href=without aria-label=leave.clone() title=leave.clone()>{icon(icon::X)}</a>
            </span>
        }
        .into_any()
    }
}

/// The best of several values of a figure, where they differ.
fn best_of(key: &str, values: &[Option<f64>]) -> Option<f64> {
    let finite = || values.iter().flatten().copied().filter(|value| value.is_finite());
    let (least, most) = (finite().reduce(f64::min)?, finite().reduce(f64::max)?);
    (least < most).then_some(if words::more_is_better(key) { most } else { least })
}

/// The newest value of each figure.
#[component]
fn Figures(chosen: Memo<Vec<Compared>>) -> impl IntoView {
    move || {
        let chosen = chosen.get();
        let keys: BTreeSet<String> = chosen
            .iter()
            .flat_map(|run| {
                // A classifier's loss is its log loss: it is not said twice.
                let is_twice = |key: &str| key == "loss/validation" && run.values.contains_key("log_loss/validation");
                run.values
                    .keys()
                    .filter(move |key| (key.ends_with("/validation") || key.starts_with("loss")) && !is_twice(key))
                    .cloned()
            })
            .collect();
        (!keys.is_empty()).then(|| {
            view! {
                <Card title="Newest figures" class="h" flush=true>
                    <div class="scrolls">
                        <table class="small-table">
                            <thead>
                                <tr>
                                    <th>"Figure"</th>
                                    {chosen.iter().enumerate().map(|(index, run)| view! {
                                        <th class="num"><i class=format!("swatch fill {}", Role::series(index).class())></i>" "{run.name.clone()}</th>
                                    }).collect_view()}
                                </tr>
                            </thead>
                            <tbody>
                                {keys.into_iter().map(|key| {
                                    let values: Vec<Option<f64>> = chosen.iter().map(|run| run.values.get(&key).copied()).collect();
                                    let best = best_of(&key, &values);
                                    let cells = values.into_iter().map(|value| match value {
                                        Some(value) => {
                                            let is_best = best == Some(value);
                                            let is_other = best.is_some() && !is_best;
                                            view! { <td class="num" class:bad=!value.is_finite() class:strong=is_best class:muted=is_other>{words::figure(value)}</td> }.into_any()
                                        }
                                        None => view! { <td class="num faint">"–"</td> }.into_any(),
                                    }).collect_view();
                                    view! { <tr><td>{words::key(&key)}</td>{cells}</tr> }
                                }).collect_view()}
                            </tbody>
                        </table>
                    </div>
                </Card>
            }
        })
    }
}
