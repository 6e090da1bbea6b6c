//! Runs that stand under a run: nested runs of a client, a search's trials, what a program logged that was started here.

use std::collections::BTreeMap;

use api::{
    id::RunId,
    run::{GetRuns, Nested, Run, RunKind, seconds},
};
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_navigate};

use crate::{
    client::{
        query::{Query, gathered},
        wire,
    },
    frame::place::{ALL_RUNS, Place},
    parts::{
        card::Card,
        icon::{self, icon},
        menu::{Item, MenuButton, Menus},
        row_keys::{is_meant_for_row, move_among_rows, opens_row},
        stage::{RunChip, run_word},
        states::Failure,
        take_table::{Form, TakeTable, TextTable},
        toast::Toasts,
        when::Ago,
        words,
    },
};

/// Figures of a run that the table has room for.
const FIGURES: usize = 4;
/// Runs whose curves can be compared at once.
const COMPARED: usize = 100;

/// The run that this one stands under, as a link beside its name.
#[component]
pub(super) fn Parent(nested: Query<Nested>) -> impl IntoView {
    let parent = Memo::new(move |_| nested.value.with(|nested| nested.as_ref()?.parent.clone()));
    move || {
        parent.get().map(|parent| {
            let title = format!("Its parent run is {}", parent.name);
            view! { <a class="chip" href=parent.page title=title>"child of "{parent.name.clone()}</a> }
        })
    }
}

/// Where the figures are of a run that has none: of a program that logs by a client of its own, and of a sweep, in its
/// child runs.
#[component]
pub(super) fn Elsewhere(run: Signal<Run>, nested: Query<Nested>) -> impl IntoView {
    let here = use_location().pathname;
    let is_empty = Memo::new(move |_| {
        run.with(|run| {
            run.kind == RunKind::Command && run.metrics.iter().all(|metric| metric.key.starts_with("system/"))
        })
    });
    let first = Memo::new(move |_| nested.value.with(|nested| nested.as_ref()?.children.first().cloned()));
    let is_bare = Memo::new(move |_| run.with(|run| run.kind != RunKind::Command && run.metrics.is_empty()));
    let below = Memo::new(move |_| nested.value.with(|nested| nested.as_ref().map_or(0, |nested| nested.total)));
    move || {
        let child = first.get()?;
        if is_empty.get() {
            let said = view! { <p class="small muted">"What its program logged stands in "<a href=child.page>{child.name.clone()}</a>"."</p> };
            return Some(said.into_any());
        }
        is_bare.get().then(|| {
            let label = format!("See its {}", words::counted(below.get(), "child run", "child runs"));
            let to = move || format!("{}?tab=below", here.get());
            view! { <p class="way-on"><a class="btn" href=to>{label}</a></p> }.into_any()
        })
    }
}

/// The keys of the figures that most of the runs have, the commonest first.
fn figures(runs: &[Run]) -> Vec<String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for metric in runs.iter().flat_map(|run| &run.metrics).filter(|metric| !metric.key.starts_with("system/")) {
        *counts.entry(&metric.key).or_default() += 1;
    }
    let mut keys: Vec<(&str, usize)> = counts.into_iter().collect();
    keys.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    keys.into_iter().take(FIGURES).map(|(key, _)| key.to_owned()).collect()
}

fn value(run: &Run, key: &str) -> Option<f64> {
    run.metrics.iter().find(|metric| metric.key == key).map(|metric| metric.last)
}

fn took(run: &Run) -> Option<f64> {
    run.started_ms.zip(run.ended_ms).map(|(from, to)| seconds(from, to))
}

/// Those below, live, with what they measured.
#[component]
pub(super) fn BelowTab(run: Memo<RunId>, nested: Query<Nested>) -> impl IntoView {
    let (place, menus, toasts) = (Place::get(), Menus::get(), Toasts::get());
    let navigate = StoredValue::new_local(use_navigate());
    let go = move |page: &str| navigate.with_value(|navigate| navigate(page, Default::default()));
    let ids = Memo::new(move |_| {
        nested
            .value
            .with(|nested| nested.iter().flat_map(|nested| &nested.children).map(|child| child.id).collect::<Vec<_>>())
    });
    let asked = gathered(move || Some(GetRuns { runs: ids.get() }), |asked| asked.runs.len());
    let runs = Memo::new(move |_| asked.value.get().unwrap_or_default().into_iter().flatten().collect::<Vec<Run>>());
    let keys = Memo::new(move |_| runs.with(|runs| figures(runs)));
    let left = Memo::new(move |_| {
        nested.value.with(|nested| nested.as_ref().map_or(0, |nested| nested.total - nested.children.len() as u64))
    });
    let table = move || {
        let filter = format!("parent = \"{}\"", run.get());
        // A program may have chosen another experiment than that of its run here.
        format!("{ALL_RUNS}?filter={}", wire::encode(&filter))
    };
    let compare = move || {
        let ids = ids.with(|ids| ids.iter().take(COMPARED).map(ToString::to_string).collect::<Vec<_>>().join(","));
        place.link(&format!("runs?compare={ids}"))
    };
    let extra = ViewFn::from(move || {
        view! {
            <a class="btn s" href=table>{icon(icon::LIST_FILTER)}"In the run table"</a>
            <a class="btn s" href=compare>{icon(icon::ACTIVITY)}"Compare curves"</a>
            <TakeTable of=("run", "runs") table=move |form| runs.with_untracked(|runs| as_text(runs, &keys.get_untracked(), form)) />
        }
    });
    view! {
        {move || asked.error.get().map(|error| view! { <Failure error again=move || asked.refresh() /> })}
        <Card title="Child runs" class="h" flush=true extra>
            <div class="scrolls">
                <table class="small-table opens" on:keydown=move_among_rows>
                    <thead>
                        <tr>
                            <th>"Run"</th>
                            <th>"State"</th>
                            {move || keys.get().into_iter().map(|key| view! { <th class="num">{words::key(&key)}</th> }).collect_view()}
                            <th class="num">"Took"</th>
                            <th class="num">"Started"</th>
                            <th></th>
                        </tr>
                    </thead>
                    <tbody>
                        {move || runs.get().into_iter().map(|run| {
                            let figures = keys.get().into_iter().map(|key| {
                                let text = value(&run, &key).map_or_else(|| "–".to_owned(), words::figure);
                                view! { <td class="num">{text}</td> }
                            }).collect_view();
                            let took = took(&run).map_or_else(|| "–".to_owned(), words::duration);
                            let (id, name, opened) = (run.id, run.name.clone(), run.page());
                            let (by_click, by_key) = (opened.clone(), opened.clone());
                            let items = move || {
                                let opened = opened.clone();
                                vec![
                                    Item::new("Open", icon::ARROW_RIGHT, move || go(&opened)),
                                    Item::new("Copy id", icon::COPY, move || toasts.copy(&id.to_string())),
                                ]
                            };
                            let by_right = items.clone();
                            view! {
                                <tr
                                    data-below=""
                                    class="opens"
                                    tabindex="0"
                                    on:click=move |event| if is_meant_for_row(&event) { go(&by_click) }
                                    on:contextmenu=move |event| menus.open_at(&event, by_right())
                                    on:keydown=move |event| if opens_row(&event) { go(&by_key) }
                                >
                                    <td><a class="link" tabindex="-1" href=run.page()><b>{run.name.clone()}</b></a></td>
                                    <td><RunChip state=Signal::stored(run.state) kind=run.kind /></td>
                                    {figures}
                                    <td class="num">{took}</td>
                                    <td class="num faint"><Ago ms=run.began_ms() /></td>
                                    <td class="end"><MenuButton items label=format!("More of {name}") /></td>
                                </tr>
                            }
                        }).collect_view()}
                    </tbody>
                </table>
            </div>
            {move || Some(left.get()).filter(|left| *left > 0).map(|left| view! {
                <p class="small muted padded">{words::counted(left, "more child run", "more child runs")}": the run table has all."</p>
            })}
        </Card>
    }
}

fn as_text(runs: &[Run], keys: &[String], form: Form) -> TextTable {
    let own = [("Run".to_owned(), false), ("Id".to_owned(), false), ("State".to_owned(), false)];
    let figures = keys.iter().map(|key| (if form == Form::Markdown { words::key(key) } else { key.clone() }, true));
    let head: Vec<(String, bool)> = own.into_iter().chain(figures).chain([("Started".to_owned(), false)]).collect();
    let row = |run: &Run| {
        let own = [run.name.clone(), run.id.to_string(), run_word(run.state, run.kind).to_owned()];
        let figures = keys.iter().map(|key| form.number(value(run, key)));
        own.into_iter().chain(figures).chain([form.moment(Some(run.began_ms()))]).collect::<Vec<_>>()
    };
    TextTable { head, rows: runs.iter().map(row).collect() }
}
