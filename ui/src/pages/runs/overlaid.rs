//! What several runs show together: one chart a figure with a line a run, and what differs.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    id::RunId,
    run::{Run, RunRow},
};
use charts::{axis::Axis, line::LineChart, role::Role};
use leptos::prelude::*;

use crate::parts::{
    card::Card,
    chart::ChartCard,
    curve_look::Look,
    curves::{Along, FEW, Wanted, gap_of, lines},
    words,
};

/// At most so many runs are drawn: more colours can't be told apart.
pub(super) const DRAWN: usize = 8;

/// Of a run what is laid beside others.
#[derive(Clone, PartialEq)]
pub(super) struct Compared {
    pub(super) id: RunId,
    pub(super) name: String,
    pub(super) params: BTreeMap<String, String>,
    /// The newest value of each figure.
    pub(super) values: BTreeMap<String, f64>,
    /// Figures that are curves: measured more than once.
    pub(super) curves: BTreeSet<String>,
}

impl From<&RunRow> for Compared {
    fn from(row: &RunRow) -> Self {
        Self {
            id: row.id,
            name: row.name.clone(),
            params: row.params.clone(),
            values: row.metrics.iter().map(|(key, cell)| (key.clone(), cell.last)).collect(),
            curves: row.metrics.keys().cloned().collect(),
        }
    }
}

impl From<&Run> for Compared {
    fn from(run: &Run) -> Self {
        Self {
            id: run.id,
            name: run.name.clone(),
            params: run.params.clone(),
            values: run.metrics.iter().map(|metric| (metric.key.clone(), metric.last)).collect(),
            curves: run.metrics.iter().filter(|metric| metric.count > 1).map(|metric| metric.key.clone()).collect(),
        }
    }
}

/// One figure of all runs.
#[component]
pub(super) fn Overlaid(
    key: String,
    chosen: Memo<Vec<Compared>>,
    cross: RwSignal<Option<f64>>,
    look: Look,
    #[prop(default = 190.0)] height: f64,
) -> impl IntoView {
    let zoom = RwSignal::new(None);
    let (title, asked, name) = (words::key(&key), key.clone(), key.clone());
    let curves = lines(
        move || {
            chosen.with(|chosen| {
                chosen
                    .iter()
                    .enumerate()
                    .filter(|(_, run)| run.curves.contains(&asked))
                    .map(|(index, run)| Wanted {
                        run: run.id,
                        key: asked.clone(),
                        name: run.name.clone(),
                        role: Role::series(index),
                    })
                    .collect()
            })
        },
        move || look.along(),
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
        let is_whole = zoom.with_untracked(Option::is_none);
        if now && before != Some(true) && is_whole && look.along.with_untracked(|along| along == "step") {
            look.along.set("share".to_owned());
        }
        before == Some(true) || now
    });
    let chart = Signal::derive(move || {
        let lines = curves.get();
        let (along, few) = (look.along(), lines.iter().all(|line| line.x.len() < FEW));
        LineChart {
            name: name.clone(),
            gap: if along == Along::Seconds { gap_of(&lines) } else { None },
            lines,
            x: match along {
                // To the end of the run, wherever the last value was measured.
                Along::Share => {
                    Axis { unit: "%".to_owned(), range: Some((0.0, 100.0)), ..Axis::labelled("of the run") }
                }
                Along::Seconds => Axis { unit: "s".to_owned(), ..Axis::default() },
                Along::Step => Axis::labelled("step"),
            },
            smoothing: if few { 0.0 } else { look.smoothing.get() },
            has_marks: true,
            ..LineChart::default()
        }
    });
    let on_zoom = Callback::new(move |to: Option<(f64, f64)>| zoom.set(to));
    let loss = key.starts_with("loss/");
    view! { <ChartCard title chart height cross can_be_log=true prefers_log=loss on_zoom names_each=true /> }
}

/// Params that are not the same in all selected runs.
#[component]
pub(super) fn Differs(chosen: Memo<Vec<Compared>>) -> impl IntoView {
    move || {
        let chosen = chosen.get();
        if chosen.len() < 2 {
            return None;
        }
        let keys: BTreeSet<&String> = chosen.iter().flat_map(|row| row.params.keys()).collect();
        let value = |row: &Compared, key: &String| row.params.get(key).cloned().unwrap_or_else(|| "–".to_owned());
        let different: Vec<(String, Vec<String>)> = keys
            .into_iter()
            .map(|key| (key.clone(), chosen.iter().map(|row| value(row, key)).collect::<Vec<_>>()))
            .filter(|(_, values)| values.windows(2).any(|pair| pair[0] != pair[1]))
            .collect();
        Some(view! {
            <Card title="What differs" class="h" flush=true>
                {if different.is_empty() {
                    view! { <p class="muted small padded">"Their parameters are equal; look at their data and code."</p> }.into_any()
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
                                            <td>{words::param(&key)}</td>
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
