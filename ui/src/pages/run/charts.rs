//! The charts of a run, live: one a figure, training and validation in one. Their order is the
//! person's, remembered.

use std::collections::BTreeMap;

use api::run::Run;
use charts::{axis::Axis, line::LineChart, role::Role};
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::{figures::AllFigures, logs::Tail};
use crate::{
    frame::address::filter_of_address,
    parts::{
        button::Button,
        chart::{
            ChartCard,
            looked::{ChartLooks, Kept},
        },
        curve_look::{Look, LookChoice, keep, kept, shared},
        curves::{Wanted, counted, lines_of_runs, most_points, scale},
        field::TextField,
        icon,
        states::Empty,
        words,
    },
};

const ORDER: &str = "slipway.charts";
/// More charts than are seen at a glance: from here on they can be searched.
const MANY: usize = 8;
/// So many are drawn until a person asks for all: each asks for its points.
const DRAWN: usize = 24;

/// One row of charts, or two, fill the window as it is when the page opens.
fn height(rows: f64) -> f64 {
    let window = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(800.0);
    ((window - 440.0) / rows - 84.0).clamp(190.0, 320.0)
}

/// Rows of what a run has measured; one that is under way may measure more.
fn rows(run: &Run, system: bool) -> f64 {
    // As many stand beside each other wherever the window has its usual width; that of the loss takes two places.
    const BESIDE: usize = 3;
    let groups = groups(run, system);
    let places = groups.len() + usize::from(!system && groups.iter().any(|(name, _)| name == "loss"));
    if run.state.is_over() && places <= BESIDE { 1.0 } else { 2.0 }
}

/// Charts by figure, each with its series.
fn groups(run: &Run, system: bool) -> Vec<(String, Vec<String>)> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for metric in &run.metrics {
        // A figure that was measured once is a number, not a curve: it stands among the figures.
        if metric.key.starts_with("system/") != system || metric.count < 2 {
            continue;
        }
        let name = if system { metric.key.clone() } else { words::figure_of(&metric.key).0.to_owned() };
        groups.entry(name).or_default().push(metric.key.clone());
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    let rank = |name: &str| match name {
        "loss" => 0,
        "learning_rate" | "gradient_norm" => 3,
        name if words::is_more_better(name).is_some() => 1,
        _ => 2,
    };
    groups.sort_by_key(|(name, _)| rank(name));
    for (_, keys) in &mut groups {
        keys.sort_by_key(|key| !words::figure_of(key).1.is_some_and(|part| part.starts_with("train")));
    }
    groups
}

/// Whether it measured nothing but what its machine used.
fn has_no_own(run: &Run) -> bool {
    run.metrics.iter().all(|metric| metric.key.starts_with("system/"))
}

/// What the run measured more than once.
fn curves(run: &Run) -> Vec<String> {
    run.metrics.iter().filter(|metric| metric.count > 1).map(|metric| metric.key.clone()).collect()
}

/// The names with one of them at another place; beyond the last it is the last.
fn moved_to(mut names: Vec<String>, name: &str, to: usize) -> Vec<String> {
    names.retain(|other| other != name);
    names.insert(to.min(names.len()), name.to_owned());
    names
}

/// The order that was chosen here, and behind it what was chosen before of charts that this run or tab has not.
fn with_others(mut names: Vec<String>, before: &[String]) -> Vec<String> {
    let others: Vec<String> = before.iter().filter(|name| !names.contains(name)).cloned().collect();
    names.extend(others);
    names
}

#[component]
pub(super) fn ChartsTab(run: Signal<Run>, look: Look, looks: ChartLooks, system: bool) -> impl IntoView {
    let all = Memo::new(move |_| run.with(|run| groups(run, system)));
    let order = RwSignal::new(
        kept(ORDER).map(|kept| kept.split('\n').map(ToOwned::to_owned).collect::<Vec<_>>()).unwrap_or_default(),
    );
    let sorted = Memo::new(move |_| {
        let mut all = all.get();
        order.with(|order| {
            all.sort_by_key(|(name, _)| order.iter().position(|other| other == name).unwrap_or(usize::MAX))
        });
        all
    });
    let (wanted, is_whole) = (filter_of_address("charts"), RwSignal::new(false));
    let fitting = Memo::new(move |_| {
        let wanted = wanted.with(|wanted| wanted.trim().to_lowercase());
        let fits = |(name, keys): &(String, Vec<String>)| {
            words::has(name, &wanted) || keys.iter().any(|key| words::has(key, &wanted))
        };
        sorted.with(|sorted| sorted.iter().filter(|group| fits(group)).cloned().collect::<Vec<_>>())
    });
    let shown = move || {
        let most = if is_whole.get() { usize::MAX } else { DRAWN };
        fitting.with(|fitting| fitting.iter().take(most).cloned().collect::<Vec<_>>())
    };
    let left = Memo::new(move |_| if is_whole.get() { 0 } else { fitting.with(Vec::len).saturating_sub(DRAWN) });
    let is_many = Memo::new(move |_| sorted.with(Vec::len) > MANY);
    let dragged = RwSignal::new(None::<String>);
    let names = move || sorted.with_untracked(|sorted| sorted.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    let put = move |names: Vec<String>| {
        let all = order.with_untracked(|order| with_others(names, order));
        keep(ORDER, &all.join("\n"));
        order.set(all);
    };
    let drop_on = move |target: String| {
        let Some(name) = dragged.get_untracked().filter(|name| *name != target) else { return };
        let names = names();
        let to = names.iter().position(|other| *other == target).unwrap_or(0);
        put(moved_to(names, &name, to));
        dragged.set(None);
    };
    // By keyboard and menu: one place back or on, with the focus where it was.
    let step = move |name: &str, on: bool| {
        let names = names();
        let Some(at) = names.iter().position(|other| other == name) else { return };
        let held = document().active_element().and_then(|held| held.dyn_into::<web_sys::HtmlElement>().ok());
        put(moved_to(names, name, if on { at + 1 } else { at.saturating_sub(1) }));
        request_animation_frame(move || {
            if let Some(held) = held {
                let _ = held.focus();
            }
        });
    };
    // What a machine used has no noise that a person would take away.
    let smooths = !system;
    // And was measured at no step of the run's: it lies along nothing else that was.
    let axes = Signal::derive(move || if system { Vec::new() } else { run.with(curves) });
    // What a log says of its metrics is known with the run, or while it is under way.
    let has_own =
        Memo::new(move |_| !system && run.with(|run| curves(run).iter().any(|key| run.step_metric(key).is_some())));
    if has_own.get_untracked() {
        look.offer_own();
    }
    Effect::new(move |before: Option<bool>| {
        let now = has_own.get();
        if now && before == Some(false) {
            look.offer_own();
        }
        now
    });
    let cross = RwSignal::new(None);
    let has_log = run.with_untracked(|run| run.kind.has_log());
    let height = height(run.with_untracked(|run| rows(run, system)));
    view! {
        <div class="plot-tools flex wrap" class:hidden=move || sorted.with(Vec::is_empty)>
            <LookChoice look keys=axes smooths />
            {move || is_many.get().then(|| view! {
                <TextField value=wanted name="Filter charts" placeholder="Filter charts" mark=icon::LIST_FILTER is_filter=true />
                <span class="faint caption" role="status">{move || {
                    let (all, fit) = (sorted.with(Vec::len), fitting.with(Vec::len));
                    let all = words::counted(all as u64, "chart", "charts");
                    if wanted.with(|wanted| wanted.trim().is_empty()) { all } else { format!("{fit} of {all}") }
                }}</span>
            })}
        </div>
        <div class="charts">
            <For each=shown key=move |group: &(String, Vec<String>)| (run.with_untracked(|run| run.id), group.clone()) let:group>
                {
                    let (name, keys) = group;
                    let (over, moved, target) = (RwSignal::new(false), name.clone(), name.clone());
                    let stepped = name.clone();
                    let kept = looks.chart(name.clone());
                    let wide = !system && name == "loss";
                    view! {
                        <div
                            class:span2=wide
                            class:over-me=move || over.get()
                            on:dragover=move |event| {
                                if dragged.with_untracked(Option::is_some) {
                                    event.prevent_default();
                                    event.stop_propagation();
                                    over.set(true);
                                }
                            }
                            on:dragleave=move |_| over.set(false)
                            on:drop=move |event| {
                                if dragged.with_untracked(Option::is_some) {
                                    event.prevent_default();
                                    event.stop_propagation();
                                    over.set(false);
                                    drop_on(target.clone());
                                }
                            }
                        >
                            <MetricChart
                                run
                                name
                                keys
                                look
                                height
                                cross
                                kept
                                grab=Callback::new(move |held: bool| dragged.set(held.then(|| moved.clone())))
                                on_move=Callback::new(move |on: bool| step(&stepped, on))
                            />
                        </div>
                    }
                }
            </For>
            {(has_log && !system).then(|| view! {
                <Tail run=Memo::new(move |_| run.with(|run| run.id)) state=Memo::new(move |_| run.with(|run| run.state)) />
            })}
        </div>
        {move || (sorted.with(Vec::is_empty) && (system || run.with(has_no_own))).then(|| {
            let (title, text) = if system {
                ("Nothing measured yet", "Processor and memory are measured while the run is under way.")
            } else if run.with(|run| run.state.is_over()) {
                ("No metric here", "The run is over, and none was logged to it.")
            } else {
                ("Nothing measured yet", "The first metrics come with the first steps. A program's run shows here what it prints as JSON lines.")
            };
            view! { <Empty mark=icon::ACTIVITY title text /> }
        })}
        {move || Some(left.get()).filter(|left| *left > 0).map(|left| {
            let label = format!("Draw the other {}", words::counted(left as u64, "chart", "charts"));
            view! { <div class="section"><Button label on_press=move || is_whole.set(true) /></div> }
        })}
        {(!system).then(|| view! { <AllFigures run /> })}
    }
}

#[component]
fn MetricChart(
    run: Signal<Run>,
    name: String,
    keys: Vec<String>,
    look: Look,
    /// Pixels.
    height: f64,
    cross: RwSignal<Option<f64>>,
    /// Where it is kept how a person looks at it.
    kept: Kept,
    grab: Callback<bool>,
    /// One place back, or on where it is true.
    on_move: Callback<bool>,
) -> impl IntoView {
    let id = run.with_untracked(|run| run.id);
    let zoom = RwSignal::new(kept.zoom());
    let single = keys.len() == 1;
    let is_system = name.starts_with("system/");
    let own = {
        let keys = keys.clone();
        Memo::new(move |_| run.with(|run| shared(keys.iter().map(|key| run.step_metric(key))).map(ToOwned::to_owned)))
    };
    let look = look.of_chart(own);
    // What lies along something of its own has no place in common with the others.
    let cross = if own.with_untracked(Option::is_some) { RwSignal::new(None) } else { cross };
    let wanted: Vec<Wanted> = keys
        .iter()
        .enumerate()
        .map(|(index, key)| {
            let part = if is_system {
                key.split_once('/').map_or(key.as_str(), |(_, part)| part)
            } else {
                words::figure_of(key).1.unwrap_or(key)
            };
            // Training is blue and validation amber wherever they stand.
            let role = match part {
                "train" | "training" => Role::Series(1),
                "val" | "valid" | "validation" => Role::Series(2),
                _ if single => Role::Series(6),
                _ => Role::series(index + 2),
            };
            Wanted { run: id, key: key.clone(), name: words::part_of(part), role, began_ms: 0 }
        })
        .collect();
    // Queued runs begin while they are looked at.
    let began = Memo::new(move |_| run.with(Run::began_ms));
    let (fetched, fetching) = lines_of_runs(
        move || {
            let began_ms = began.get();
            wanted.iter().cloned().map(|one| Wanted { began_ms, ..one }).collect()
        },
        move || look.along(),
        move || look.over(),
        zoom,
    );
    let curves = Signal::derive(move || fetched.get().lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>());
    let (title, unit, part) = match is_system {
        true => words::system(&name),
        false => (words::metric(&name), "", 1.0),
    };
    let said = title.clone();
    // A schedule has no noise.
    let is_schedule = name == "learning_rate";
    let is_loss = name == "loss";
    let smoothing = look.smoothing_of(move || curves.with(|lines| most_points(lines)), zoom);
    let chart = Signal::derive(move || {
        let mut lines = curves.get();
        scale(&mut lines, part);
        LineChart {
            name: said.clone(),
            gap: look.gap_of(&lines),
            lines,
            x: look.x_axis(),
            y: Axis { unit: unit.to_owned(), from_zero: is_system, scale: look.y_scale(), ..Axis::default() },
            // Along a metric the neighbours of a point are not those before it.
            smoothing: if is_system || is_schedule || look.by_metric().is_some() { 0.0 } else { smoothing.get() },
            has_marks: true,
            bar_width: None,
        }
    });
    let on_zoom = Callback::new(move |to: Option<(f64, f64)>| zoom.set(to));
    let points = Signal::derive(move || {
        run.with(|run| {
            let count = |key: &str| run.metrics.iter().find(|metric| metric.key == key).map(|metric| metric.count);
            counted(fetched.get().in_view, |_, key| count(key))
        })
    });
    // Two figures of one part of the machine, such as its disk in bytes and in per cent, have one title.
    let part_of_one = if is_system {
        unit.to_owned()
    } else if single {
        words::figure_of(&keys[0]).1.map(words::part_of).unwrap_or_default()
    } else {
        String::new()
    };
    let note = Signal::derive(move || {
        let (without, one_in) = fetched.with(|fetched| (fetched.left_out, fetched.one_in));
        let left_out = look.left_out(without, one_in, chart);
        if left_out.is_empty() { part_of_one.clone() } else { left_out.join(", ") }
    });
    view! {
        <div
            draggable="true"
            class="grab"
            on:dragstart=move |event| {
                // Only its header moves a chart: within the plot a drag zooms.
                let place = event.offset_y();
                if place > 36 {
                    event.prevent_default();
                } else {
                    grab.run(true);
                }
            }
            on:dragend=move |_| grab.run(false)
            on:keydown=move |event| {
                let on = match event.key().as_str() {
                    "ArrowLeft" | "ArrowUp" => false,
                    "ArrowRight" | "ArrowDown" => true,
                    _ => return,
                };
                if event.alt_key() {
                    // In a browser Alt and the left arrow would leave the page.
                    event.prevent_default();
                    on_move.run(on);
                }
            }
        >
            <ChartCard title note chart height cross can_be_log=true prefers_log=is_loss on_zoom on_move points kept=Some(kept) fetching />
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_was_chosen_elsewhere_stays() {
        let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let before = all(&["f1", "loss", "system/cpu"]);
        assert_eq!(with_others(all(&["loss", "accuracy"]), &before), ["loss", "accuracy", "f1", "system/cpu"]);
    }

    #[test]
    fn a_chart_has_an_axis_of_its_own_where_all_of_its_metrics_lie_over_one() {
        let shared = |over: &[Option<&'static str>]| shared(over.iter().copied());
        assert_eq!(shared(&[Some("epoch"), Some("epoch")]), Some("epoch"));
        assert_eq!(shared(&[Some("epoch"), None]), None);
        assert_eq!(shared(&[Some("epoch"), Some("tokens")]), None);
        assert_eq!(shared(&[None]), None);
        assert_eq!(shared(&[]), None);
    }

    #[test]
    fn a_chart_moves_among_the_others_and_stays_at_the_ends() {
        let names = || ["loss", "f1", "learning_rate"].map(str::to_owned).to_vec();
        assert_eq!(moved_to(names(), "f1", 0), ["f1", "loss", "learning_rate"]);
        assert_eq!(moved_to(names(), "f1", 2), ["loss", "learning_rate", "f1"]);
        assert_eq!(moved_to(names(), "learning_rate", 3), names());
        assert_eq!(moved_to(names(), "loss", 0), names());
    }
}
