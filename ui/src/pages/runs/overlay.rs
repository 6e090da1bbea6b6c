//! Selected runs over each other: their curves, and what differs between their params.

use std::collections::BTreeSet;

use api::run::RunRow;
use charts::{axis::Axis, line::LineChart, role::Role};
use leptos::prelude::*;

use crate::parts::{
    card::Card,
    chart::ChartCard,
    curves::{Along, Wanted, lines},
    pane::Pane,
    words,
};

/// At most so many runs are drawn: more colours can't be told apart.
const DRAWN: usize = 8;

#[component]
pub(super) fn Overlay(
    picked: RwSignal<Vec<String>>,
    rows: Signal<Vec<RunRow>>,
    ranked_by: Signal<Option<(String, bool)>>,
) -> impl IntoView {
    let chosen = Memo::new(move |_| {
        let rows = rows.get();
        picked.with(|picked| {
            picked
                .iter()
                .take(DRAWN)
                .filter_map(|id| rows.iter().find(|row| row.id.to_string() == *id).cloned())
                .collect::<Vec<_>>()
        })
    });
    let keys = Memo::new(move |_| {
        let mut keys: Vec<String> = ranked_by.get().into_iter().map(|(key, _)| key).collect();
        let present: BTreeSet<String> =
            chosen.with(|chosen| chosen.iter().flat_map(|row| row.metrics.keys().cloned()).collect());
        for key in ["loss/validation", "loss/train"] {
            if present.contains(key) && !keys.iter().any(|other| other == key) {
                keys.push(key.to_owned());
            }
        }
        keys.retain(|key| present.contains(key));
        keys
    });
    let cross = RwSignal::new(None);
    view! {
        <Pane
            title=Signal::derive(move || words::counted(picked.with(Vec::len) as u64, "run", "runs"))
            on_close=move || picked.set(Vec::new())
        >
            <For each=move || keys.get() key=Clone::clone let:key>
                <Overlaid key chosen cross />
            </For>
            <Differs chosen />
        </Pane>
    }
}

#[component]
fn Overlaid(key: String, chosen: Memo<Vec<RunRow>>, cross: RwSignal<Option<f64>>) -> impl IntoView {
    let zoom = RwSignal::new(None);
    let (title, asked, name) = (words::key(&key), key.clone(), key.clone());
    let curves = lines(
        move || {
            chosen.with(|chosen| {
                chosen
                    .iter()
                    .enumerate()
                    .filter(|(_, row)| row.metrics.contains_key(&asked))
                    .map(|(index, row)| Wanted {
                        run: row.id,
                        key: asked.clone(),
                        name: row.name.clone(),
                        role: Role::series(index),
                    })
                    .collect()
            })
        },
        || Along::Step,
        zoom,
    );
    let chart = Signal::derive(move || LineChart {
        name: name.clone(),
        lines: curves.get(),
        x: Axis::labelled("step"),
        smoothing: if curves.with(|curves| curves.iter().all(|line| line.x.len() < 40)) { 0.0 } else { 0.6 },
        ..LineChart::default()
    });
    view! { <ChartCard title chart cross can_be_log=true on_zoom=Callback::new(move |to| zoom.set(to)) /> }
}

/// Params that are not the same in all selected runs.
#[component]
fn Differs(chosen: Memo<Vec<RunRow>>) -> impl IntoView {
    move || {
        let chosen = chosen.get();
        if chosen.len() < 2 {
            return None;
        }
        let keys: BTreeSet<&String> = chosen.iter().flat_map(|row| row.params.keys()).collect();
        let value = |row: &RunRow, key: &String| row.params.get(key).cloned().unwrap_or_else(|| "–".to_owned());
        let different: Vec<(String, Vec<String>)> = keys
            .into_iter()
            .map(|key| (key.clone(), chosen.iter().map(|row| value(row, key)).collect::<Vec<_>>()))
            .filter(|(_, values)| values.windows(2).any(|pair| pair[0] != pair[1]))
            .collect();
        Some(view! {
            <Card title="What differs" class="h" flush=true>
                {if different.is_empty() {
                    view! { <p class="muted small padded">"Their params are equal; look at their data and code."</p> }.into_any()
                } else {
                    view! {
                        <div class="scrolls">
                            <table class="small-table">
                                <thead>
                                    <tr>
                                        <th>"Parameter"</th>
                                        {chosen.iter().enumerate().map(|(index, row)| view! {
                                            <th class="num"><i class=format!("swatch fill {}", Role::series(index).class())></i>" "{row.name.clone()}</th>
                                        }).collect_view()}
                                    </tr>
                                </thead>
                                <tbody>
                                    {different.into_iter().map(|(key, values)| view! {
                                        <tr>
                                            <td>{key.replace('_', " ")}</td>
                                            {values.into_iter().map(|value| view! { <td class="num">{value}</td> }).collect_view()}
                                        </tr>
                                    }).collect_view()}
                                </tbody>
                            </table>
                        </div>
                    }.into_any()
                }}
            </Card>
        })
    }
}
