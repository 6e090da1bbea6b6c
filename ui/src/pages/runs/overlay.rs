//! Selected runs over each other: their curves, and what differs between their params.

use std::collections::BTreeSet;

use api::run::RunRow;
use charts::{axis::Axis, line::LineChart, role::Role};
use leptos::prelude::*;

use crate::parts::{
    card::Card,
    chart::ChartCard,
    curves::{Along, FEW, Wanted, lines},
    field::Segments,
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
    let along = RwSignal::new("step".to_owned());
    view! {
        <Pane
            title=Signal::derive(move || words::counted(picked.with(Vec::len) as u64, "run", "runs"))
            on_close=move || picked.set(Vec::new())
        >
            <Segments value=along name="Along" options=vec![("step", "Step"), ("share", "Share of the run"), ("time", "Time")] />
            <For each=move || keys.get() key=Clone::clone let:key>
                <Overlaid key chosen cross along />
            </For>
            <Differs chosen />
        </Pane>
    }
}

#[component]
fn Overlaid(
    key: String,
    chosen: Memo<Vec<RunRow>>,
    cross: RwSignal<Option<f64>>,
    along: RwSignal<String>,
) -> impl IntoView {
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
        move || match along.get().as_str() {
            "share" => Along::Share,
            "time" => Along::Seconds,
            _ => Along::Step,
        },
        zoom,
    );
    // Sixty rounds beside two thousand steps are a stroke at the edge: such runs start as shares.
    let differ = Memo::new(move |_| {
        let ends = curves.with(|curves| curves.iter().filter_map(|line| line.x.last().copied()).collect::<Vec<_>>());
        let most = ends.iter().copied().fold(0.0, f64::max);
        ends.iter().any(|end| *end > 0.0 && most / end > 5.0)
    });
    Effect::new(move |before: Option<bool>| {
        let now = differ.get();
        if now && before != Some(true) && along.with_untracked(|along| along == "step") {
            along.set("share".to_owned());
        }
        before == Some(true) || now
    });
    let chart = Signal::derive(move || LineChart {
        name: name.clone(),
        lines: curves.get(),
        x: match along.get().as_str() {
            "share" => Axis { unit: "%".to_owned(), ..Axis::default() },
            "time" => Axis { unit: "s".to_owned(), ..Axis::default() },
            _ => Axis::labelled("step"),
        },
        smoothing: if curves.with(|curves| curves.iter().all(|line| line.x.len() < FEW)) { 0.0 } else { 0.6 },
        ..LineChart::default()
    });
    // Series are asked by step: along another axis a zoom keeps what is here.
    let on_zoom = Callback::new(move |to: Option<(f64, f64)>| {
        if along.with_untracked(|along| along == "step") {
            zoom.set(to);
        }
    });
    let loss = key.starts_with("loss/");
    view! { <ChartCard title chart cross can_be_log=true prefers_log=loss on_zoom /> }
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
