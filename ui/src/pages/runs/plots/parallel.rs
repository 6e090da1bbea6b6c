//! Parallel coordinates of the runs: an axis a metric or param. What is brushed stays, and can be made the filter.

use std::collections::BTreeMap;

use api::table_view::Plotted;
use charts::{
    parallel::{self, Brush, Coordinate, Kind, Layout, Parallel},
    plot::{Drawing, Scale, Size},
    ramp,
    runs::{Cells, KEY, axis_of, coordinate, is_log, parallel_file, parallel_of},
};
use leptos::{html, prelude::*};
use wasm_bindgen::JsCast as _;

use super::{
    Facts, Legend, These, Whose, axes_known, axis_called, fetched, how_many, options, told,
    values::{between, bound_read, bound_said, brush_read, brush_said, condition, fields, joined, tidy},
};
use crate::{
    pages::runs::columns::Names,
    parts::{
        button::{Button, IconButton},
        card::Card,
        chart::{standalone, width_of},
        field::{Select, TextField},
        icon,
        menu::{Item, MenuButton},
        save,
        states::{Failure, Skeleton},
        tip::beside,
        toast::Toasts,
        words,
    },
};

const HEIGHT: f64 = 340.0;
/// How wide it is saved.
const SAVED: f64 = 1_100.0;
/// Categories of an axis that are offered at most, the first by name.
const CHOICES: usize = 500;
/// How near to an axis a drag begins a brush, and to a line the pointer names its run.
const REACH: f64 = 12.0;
/// Pixels from which a press is a drag.
const FAR: f64 = 4.0;

type Brushes = BTreeMap<String, Brush>;

#[component]
pub(super) fn ParallelView(
    whose: Whose,
    plotted: RwSignal<Plotted>,
    facts: Signal<Facts>,
    filter: Option<RwSignal<String>>,
    these: Option<These>,
    on_open: Callback<String>,
) -> impl IntoView {
    // Whether the focus is in the fields of the axes.
    let is_worked_on = RwSignal::new(false);
    let first = Memo::new(move |before: Option<&Names>| {
        first_axes(before, is_worked_on.get(), || facts.with(|facts| facts.keys().first_axes()))
    });
    let axes = Memo::new(move |_| {
        let chosen = plotted.with(|plotted| plotted.axes.clone());
        if chosen.is_empty() { first.get() } else { chosen }
    });
    let brushes = RwSignal::new(plotted.with_untracked(brushes_of));
    // The axis that is dragged on, and from which pixel. The address says what is brushed once it is let go.
    let dragged = RwSignal::new(None::<(usize, f64)>);
    let kept = Memo::new(move |_| plotted.with(brushes_of));
    Effect::new(move |_| {
        let kept = kept.get();
        if brushes.with_untracked(|brushes| *brushes != kept) {
            brushes.set(kept);
        }
    });
    Effect::new(move |_| {
        let now = brushes.get();
        if dragged.with(Option::is_none) && kept.with_untracked(|kept| *kept != now) {
            let said = now.iter().map(|(name, brush)| brush_said(name, *brush)).collect();
            plotted.update(|plotted| plotted.brushes = said);
        }
    });
    let data = fetched(whose, axes);
    // Apart from the rest of the address: the values of many runs are read anew only where their axis turns.
    let logs = Memo::new(move |_| {
        let is_log = |now: &Plotted, name: &String| {
            let of = |cells: &Cells| is_log(cells, now, name);
            data.cells.with(|cells| cells.as_ref().is_some_and(of))
        };
        plotted.with(|now| axes.with(|axes| axes.iter().map(|name| is_log(now, name)).collect::<Vec<_>>()))
    });
    let coordinates = Memo::new(move |_| {
        let axis = |(name, is_log): (&String, &bool)| {
            let label = axis_called(name);
            data.cells.with(|cells| match cells {
                Some(cells) => axis_of(cells, name, label, *is_log),
                None => coordinate(label, &[], *is_log),
            })
        };
        axes.with(|axes| logs.with(|logs| axes.iter().zip(logs).map(axis).collect::<Vec<Coordinate>>()))
    });
    let chart = Memo::new(move |_| {
        let mut coordinates = coordinates.get();
        brushes.with(|brushes| {
            for (name, axis) in axes.with(Vec::clone).iter().zip(&mut coordinates) {
                axis.brush = brushes.get(name).copied();
            }
        });
        let marks = data.cells.with(|cells| cells.as_ref().map(|cells| cells.marks.clone())).unwrap_or_default();
        Parallel { is_moving: dragged.with(Option::is_some), ..parallel_of(coordinates, &marks) }
    });
    let conditions = Memo::new(move |_| {
        chart.with(|chart| {
            let named = axes.with(Vec::clone).into_iter().zip(&chart.coordinates);
            named.filter_map(|(name, axis)| condition(&name, axis)).collect::<Vec<_>>()
        })
    });
    let within = Memo::new(move |_| chart.with(|chart| (0..chart.runs()).filter(|run| chart.is_brushed(*run)).count()));
    let write = move |filter: RwSignal<String>| {
        let further = conditions.get_untracked();
        filter.update(|filter| *filter = joined(filter, &further));
        brushes.update(BTreeMap::clear);
    };
    let adding = RwSignal::new(String::new());
    Effect::new(move |_| {
        let name = adding.get();
        if !name.is_empty() {
            let mut now = axes.get_untracked();
            now.push(name);
            plotted.update(|plotted| plotted.axes = now);
            adding.set(String::new());
        }
    });
    let others = Signal::derive(move || {
        let axes = axes.get();
        let known = facts.with(|facts| axes_known(facts, whose)).into_iter().filter(|name| !axes.contains(name));
        [(String::new(), "Add an axis".to_owned())].into_iter().chain(options(known)).collect::<Vec<_>>()
    });
    let none = Memo::new(move |_| conditions.with(Vec::is_empty));
    let nobody = Memo::new(move |_| none.get() || within.get() == 0);
    let those = move || {
        let of = |cells: &Cells| chart.with_untracked(|chart| brushed(cells, chart));
        data.cells.with_untracked(|cells| cells.as_ref().map(of)).unwrap_or_default()
    };
    view! {
        <div class="plot-tools flex wrap">
            <Select value=adding options=others name="Add an axis" />
            {filter.map(|filter| view! {
                <Button label="Filter to these" mark=icon::LIST_FILTER disabled=none on_press=move || write(filter) />
            })}
            {these.map(|These { label, act }| view! {
                <Button label mark=icon::LAYERS disabled=nobody on_press=move || act.run(those()) />
            })}
            <Button label="Clear" kind="quiet" disabled=none on_press=move || brushes.update(BTreeMap::clear) />
            <span class="faint caption" role="status">{move || data.cells.with(|cells| cells.as_ref().map(|cells| {
                let shown = how_many(cells, (parallel::MOST, "drawn as a density"));
                if none.get() { shown } else { format!("{} brushed of {shown}", words::count(within.get() as u64)) }
            }))}</span>
        </div>
        {move || data.error.get().map(|error| view! { <div class="padded"><Failure error again=move || data.again.run(()) /></div> })}
        {move || (data.cells.with(Option::is_none) && data.error.with(Option::is_none)).then(|| view! { <Skeleton lines=6 /> })}
        <Lines
            chart
            axes
            brushes
            dragged
            cells=data.cells
            on_open
        />
        <div
            class="axis-rows"
            role="list"
            aria-label="Axes"
            on:focusin=move |_| is_worked_on.set(true)
            on:focusout=move |event| is_worked_on.set(is_of_axes(event.related_target()))
        >
            <For each=move || axes.get() key=Clone::clone let:name>
                <AxisRow name axes plotted brushes coordinates />
            </For>
        </div>
    }
}

/// The axes until a person chooses: while somebody is in their fields they stay, so that none goes with what is typed.
fn first_axes(before: Option<&Names>, is_worked_on: bool, now: impl FnOnce() -> Names) -> Names {
    before.filter(|before| is_worked_on && !before.is_empty()).cloned().unwrap_or_else(now)
}

/// Whether the focus goes on to another field of the axes.
fn is_of_axes(to: Option<web_sys::EventTarget>) -> bool {
    let to = to.and_then(|to| to.dyn_into::<web_sys::Element>().ok());
    to.is_some_and(|to| to.closest(".axis-rows").ok().flatten().is_some())
}

/// What is brushed by the address; what is no brush is passed over.
fn brushes_of(plotted: &Plotted) -> Brushes {
    plotted.brushes.iter().filter_map(|said| brush_read(said)).collect()
}

/// The ids of the runs that are brushed.
fn brushed(cells: &Cells, chart: &Parallel) -> Vec<String> {
    let all = cells.ids.iter().enumerate();
    all.filter(|(run, _)| chart.is_brushed(*run)).map(|(_, id)| id.clone()).collect()
}

/// The categories of an axis that are offered, and the one that is brushed wherever it stands.
fn choices(names: &[String], brushed: Option<usize>) -> Vec<(String, String)> {
    let later = brushed.filter(|at| *at >= CHOICES);
    let offered = (0..names.len().min(CHOICES)).chain(later);
    let named = offered.filter_map(|at| Some((at.to_string(), names.get(at)?.clone())));
    [(String::new(), "any".to_owned())].into_iter().chain(named).collect()
}

fn set_brush(brushes: RwSignal<Brushes>, name: String, brush: Option<Brush>) {
    brushes.update(|brushes| match brush {
        Some(brush) => {
            brushes.insert(name, brush);
        }
        None => {
            brushes.remove(&name);
        }
    });
}

/// An axis by keyboard: its bounds, its scale and its place.
#[component]
fn AxisRow(
    name: String,
    axes: Memo<Names>,
    plotted: RwSignal<Plotted>,
    brushes: RwSignal<Brushes>,
    coordinates: Memo<Vec<Coordinate>>,
) -> impl IntoView {
    let label = axis_called(&name);
    let name = StoredValue::new(name);
    let own = move || name.get_value();
    let brush = Memo::new(move |_| brushes.with(|brushes| brushes.get(&own()).copied()));
    let (least, most) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    Effect::new(move |_| {
        let (low, high) = fields(brush.get());
        least.set(bound_said(&own(), &low));
        most.set(bound_said(&own(), &high));
    });
    let at = move || axes.with(|axes| axes.iter().position(|axis| *axis == own()));
    let kind = Memo::new(move |_| {
        coordinates.with(|coordinates| at().and_then(|at| coordinates.get(at)).map(|axis| axis.kind.clone()))
    });
    // Its fields are made anew for this alone: what is typed outlasts another scale.
    let has_categories = Memo::new(move |_| kind.with(|kind| matches!(kind, Some(Kind::Categories(_)))));
    let typed = Callback::new(move |()| {
        // A browser says it also of a field that goes because the axis has categories now: these have no bounds.
        if has_categories.get_untracked() {
            return;
        }
        let read = |text: RwSignal<String>| bound_read(&own(), &text.get_untracked());
        let now = between(&read(least), &read(most));
        set_brush(brushes, own(), now);
    });
    let category = RwSignal::new(String::new());
    Effect::new(move |_| {
        let low = if let Some(Brush::Between(low, high)) = brush.get()
            && low == high
        {
            low.to_string()
        } else {
            String::new()
        };
        category.set(low);
    });
    let chosen = move || {
        let chosen = category.get_untracked().parse::<f64>().ok();
        set_brush(brushes, own(), chosen.map(|at| Brush::Between(at, at)));
    };
    let offered = Signal::derive(move || {
        let brushed = category.with(|at| at.parse::<usize>().ok());
        kind.with(|kind| match kind {
            Some(Kind::Categories(names)) => choices(names, brushed),
            _ => Vec::new(),
        })
    });
    let rest = Signal::derive(move || {
        let has_more = kind.with(|kind| matches!(kind, Some(Kind::Categories(names)) if names.len() > CHOICES));
        has_more.then(|| format!("the first {} by name", words::count(CHOICES as u64)))
    });
    let change = move |change: &dyn Fn(&mut Names, usize)| {
        let mut now = axes.get_untracked();
        if let Some(at) = now.iter().position(|axis| *axis == own()) {
            change(&mut now, at);
            plotted.update(|plotted| plotted.axes = now);
        }
    };
    let away = move || {
        set_brush(brushes, own(), None);
        change(&|names, at| drop(names.remove(at)));
    };
    let is_log = move || kind.with(|kind| matches!(kind, Some(Kind::Numbers(Scale::Log))));
    let (least_label, most_label, log_label) =
        (format!("Least {label}"), format!("Greatest {label}"), format!("Logarithmic axis of {label}"));
    let (back, on, gone, only) = (
        format!("Move {label} back"),
        format!("Move {label} on"),
        format!("Take {label} away"),
        format!("Only {label}"),
    );
    view! {
        <div class="axis-row flex" role="listitem">
            <b class="cut grow">{label}</b>
            {move || match has_categories.get() {
                true => {
                    view! { <span class="either" on:change=move |_| chosen()><Select value=category options=offered rest name=only.clone() /></span> }.into_any()
                }
                false => view! {
                    <TextField value=least name=least_label.clone() placeholder="least" class="short" on_enter=typed on_change=typed />
                    <TextField value=most name=most_label.clone() placeholder="greatest" class="short" on_enter=typed on_change=typed />
                    <button type="button" class="btn s turns" aria-label=log_label.clone() aria-pressed=move || is_log().to_string()
                        class:on=is_log on:click=move |_| { let now = untrack(is_log); plotted.update(|plotted| plotted.choose_log(&own(), !now)); }>"log"</button>
                }.into_any(),
            }}
            <IconButton label=back mark=icon::ARROW_LEFT on_press=move |_| change(&|names, at| if at > 0 { names.swap(at, at - 1) }) />
            <IconButton label=on mark=icon::ARROW_RIGHT on_press=move |_| change(&|names, at| if at + 1 < names.len() { names.swap(at, at + 1) }) />
            <IconButton label=gone mark=icon::X on_press=move |_| away() />
        </div>
    }
}

/// The drawing: dragging along an axis brushes it, a line names its run and opens it.
#[component]
fn Lines(
    chart: Memo<Parallel>,
    axes: Memo<Names>,
    brushes: RwSignal<Brushes>,
    dragged: RwSignal<Option<(usize, f64)>>,
    cells: RwSignal<Option<Cells>>,
    on_open: Callback<String>,
) -> impl IntoView {
    let node = NodeRef::<html::Div>::new();
    let width = width_of(node);
    let drawn = Memo::new(move |_| match width.get() {
        narrow if narrow <= 40.0 => (Drawing::default(), Layout::default()),
        width => chart.with(|chart| parallel::draw(chart, Size { width, height: HEIGHT })),
    });
    let hovered = RwSignal::new(None::<usize>);
    let at = move |event: &web_sys::PointerEvent| {
        let place = node.get_untracked()?.get_bounding_client_rect();
        Some((f64::from(event.client_x()) - place.left(), f64::from(event.client_y()) - place.top()))
    };
    let nearest = move |x: f64, y: f64| {
        drawn.with_untracked(|(_, layout)| chart.with_untracked(|chart| chart.nearest(layout, x, y, REACH)))
    };
    let axis_at = move |x: f64, y: f64| {
        drawn.with_untracked(|(_, layout)| {
            let (axis, _) = layout.at(x, y)?;
            layout.axes.get(axis).filter(|along| (along.x - x).abs() <= REACH).map(|_| axis)
        })
    };
    let brush_to = move |axis: usize, from: f64, to: f64| {
        let Some(name) = axes.with_untracked(|axes| axes.get(axis).cloned()) else { return };
        let brush = drawn.with_untracked(|(_, layout)| layout.axes.get(axis).map(|along| along.brush(from, to)));
        let kind = chart.with_untracked(|chart| chart.coordinates.get(axis).map(|axis| axis.kind.clone()));
        let brush = brush.zip(kind).and_then(|(brush, kind)| tidy(brush, &kind));
        set_brush(brushes, name, brush);
    };
    let grabbed = move |event: web_sys::PointerEvent| {
        let Some((x, y)) = at(&event).filter(|_| event.button() == 0) else { return };
        if let Some(axis) = axis_at(x, y) {
            if let Some(element) = node.get_untracked() {
                let _ = element.set_pointer_capture(event.pointer_id());
            }
            dragged.set(Some((axis, y)));
        }
    };
    let pointed = move |event: web_sys::PointerEvent| {
        let Some((x, y)) = at(&event) else { return };
        match dragged.get_untracked() {
            Some((axis, from)) if (y - from).abs() > FAR => brush_to(axis, from, y),
            Some(_) => {}
            None => {
                let now = nearest(x, y);
                if hovered.get_untracked() != now {
                    hovered.set(now);
                }
            }
        }
    };
    let open = move |run: usize| {
        if let Some(id) = cells.with_untracked(|cells| cells.as_ref()?.ids.get(run).cloned()) {
            on_open.run(id);
        }
    };
    let released = move |event: web_sys::PointerEvent| {
        let Some((x, y)) = at(&event).filter(|_| event.button() == 0) else { return };
        match dragged.get_untracked() {
            Some((axis, from)) => {
                dragged.set(None);
                // A click on an axis takes its brush away.
                if (y - from).abs() <= FAR
                    && let Some(name) = axes.with_untracked(|axes| axes.get(axis).cloned())
                {
                    set_brush(brushes, name, None);
                }
            }
            None => {
                if let Some(run) = nearest(x, y) {
                    open(run);
                }
            }
        }
    };
    let pressed = move |event: web_sys::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let within =
            chart.with_untracked(|chart| (0..chart.runs()).filter(|run| chart.is_brushed(*run)).collect::<Vec<_>>());
        let now = hovered.get_untracked();
        let place = now.and_then(|now| within.iter().position(|run| *run == now));
        let to = match event.key().as_str() {
            "ArrowDown" | "ArrowRight" => Some(place.map_or(0, |at| at + 1).min(within.len().saturating_sub(1))),
            "ArrowUp" | "ArrowLeft" => Some(place.unwrap_or(within.len()).saturating_sub(1)),
            "Escape" if now.is_some() => None,
            "Enter" => {
                if let Some(run) = now {
                    open(run);
                }
                return;
            }
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        hovered.set(to.and_then(|at| within.get(at).copied()));
    };
    let saved = move || {
        let size = Size { width: SAVED, height: HEIGHT };
        let legend = cells.with_untracked(|cells| told(cells.as_ref()));
        chart.with_untracked(|chart| standalone(&parallel_file(chart, legend, size)))
    };
    let toasts = Toasts::get();
    let items = move || {
        vec![
            Item::new("Save as SVG", icon::DOWNLOAD, move || save::svg(toasts, "Parallel coordinates", saved())),
            Item::new("Save as PNG", icon::IMAGE, move || save::png(toasts, "Parallel coordinates", &saved())),
            Item::new("Save as CSV", icon::TABLE, move || {
                let rows = cells.with_untracked(|cells| {
                    let within = chart.with_untracked(|chart| {
                        (0..chart.runs()).filter(|run| chart.is_brushed(*run)).collect::<Vec<_>>()
                    });
                    axes.with_untracked(|axes| cells.as_ref().map(|cells| cells.as_csv(axes, &within)))
                });
                save::csv(toasts, "Parallel coordinates", rows.unwrap_or_default(), None);
            }),
        ]
    };
    // The line under the pointer, over the drawing: the others are not drawn anew for it.
    let over = move || {
        let run = hovered.get()?;
        let points = drawn.with(|(_, layout)| {
            chart.with(|chart| {
                let axes = layout.axes.iter().zip(&chart.coordinates);
                axes.map(|(axis, coordinate)| (axis.x, axis.pixel(coordinate.value(run)))).collect::<Vec<_>>()
            })
        });
        let (x, y) = *points.first()?;
        let line = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ");
        let name = cells.with(|cells| cells.as_ref()?.names.get(run).cloned()).unwrap_or_default();
        Some(view! {
            <svg class="over" width="100%" height=HEIGHT aria-hidden="true" style="pointer-events: none">
                <polyline points=line fill="none" stroke="var(--text)" stroke-width="2.4" />
            </svg>
            <div class="at-part" style=beside((x, x), y - 14.0, width.get())><div class="tip" role="status">{name}</div></div>
        })
    };
    view! {
        <Card title="Runs in parallel coordinates" extra=ViewFn::from(move || view! { <MenuButton items label="Drawing's menu" /> })>
        <div
            class="plot picture opens"
            node_ref=node
            tabindex="0"
            role="group"
            aria-label="Runs in parallel coordinates: arrows go from run to run, Enter opens one"
            style:height=format!("{HEIGHT}px")
            on:pointerdown=grabbed
            on:pointermove=pointed
            on:pointerup=released
            on:pointercancel=move |_| dragged.set(None)
            on:pointerleave=move |_| hovered.set(None)
            on:blur=move |_| hovered.set(None)
            on:keydown=pressed
        >
            <div inner_html=move || drawn.with(|(drawing, _)| drawing.svg.clone())></div>
            {over}
        </div>
        {move || chart.with(|chart| chart.shade.as_ref().map(|shade| {
            // no menu: the key is saved with its lines
            view! { <div class="plot-key" inner_html=ramp::key(shade, KEY).svg></div> }
        }))}
        <Legend cells is_shaded=false />
        </Card>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_that_are_brushed_are_told_by_their_ids() {
        let ids: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        let rates = [Some("0.1"), None, Some("0.5")].map(|rate| rate.map(str::to_owned)).to_vec();
        let cells = Cells { ids, columns: [("param.lr".to_owned(), rates)].into(), total: 3, ..Cells::default() };
        let chart = |brush| {
            let mut axis = axis_of(&cells, "param.lr", "lr".to_owned(), false);
            axis.brush = brush;
            parallel_of(vec![axis], &[])
        };
        assert_eq!(brushed(&cells, &chart(Some(Brush::Between(0.2, 1.0)))), ["c"]);
        assert_eq!(brushed(&cells, &chart(Some(Brush::Missing))), ["b"]);
        assert_eq!(brushed(&cells, &chart(None)).len(), 3);
    }

    #[test]
    fn the_first_axes_stay_while_somebody_is_in_their_fields() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Names>();
        let (before, now) = (names(&["param.lr", "metric.loss"]), names(&["param.depth", "metric.loss"]));
        let first = |before: Option<&Names>, is_worked_on| first_axes(before, is_worked_on, || now.clone());
        assert_eq!(first(Some(&before), true), before);
        assert_eq!(first(Some(&before), false), now, "once they are left, others may come");
        assert_eq!(first(Some(&Names::new()), true), now, "of none nothing is held");
        assert_eq!(first(None, true), now);
    }

    #[test]
    fn the_category_that_is_brushed_is_offered_however_many_there_are() {
        let names: Vec<String> = (0..700).map(|at| format!("n{at:03}")).collect();
        let offered = |brushed| choices(&names, brushed);
        let last = |brushed| offered(brushed).pop();
        assert_eq!(offered(None).len(), CHOICES + 1);
        assert_eq!(last(Some(3)), Some(("499".to_owned(), "n499".to_owned())));
        assert_eq!(last(Some(612)), Some(("612".to_owned(), "n612".to_owned())));
        assert_eq!(last(Some(900)), last(None), "what is no category is not offered");
        assert_eq!(choices(&names[..2], None).len(), 3);
    }
}
