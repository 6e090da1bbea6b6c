//! A chart of lines that lives: crosshair with the values of all series, drag to zoom, double click
//! to reset, a legend that filters, and one menu to export. Other drawings stand in `picture`.

mod keyboard;
pub(crate) mod looked;
mod saved;
mod standing;

use std::collections::BTreeSet;

use charts::{
    axis::Axis,
    export,
    line::{self, Line, LineChart, Weight},
    plot::{Drawing, Scale, Size},
    smooth::smooth,
};
use leptos::{html, prelude::*};
use wasm_bindgen::{JsCast as _, closure::Closure};

use self::{
    looked::{Kept, Looked},
    standing::Standing,
};
use super::{
    card::Card,
    curves::{Fetching, InView, NAMED},
    icon,
    menu::{Item, MenuButton},
    save,
    tip::beside,
    toast::Toasts,
    words,
};
use crate::client::Client;

/// The width of an element, for as long as it is there.
pub(crate) fn width_of(node: NodeRef<html::Div>) -> Signal<f64> {
    let size = size_of(node);
    Memo::new(move |_| size.get().0).into()
}

/// The height of an element, for as long as it is there.
pub(crate) fn height_of(node: NodeRef<html::Div>) -> Signal<f64> {
    let size = size_of(node);
    Memo::new(move |_| size.get().1).into()
}

/// Both of an element, for as long as it is there.
pub(crate) fn size_of(node: NodeRef<html::Div>) -> ReadSignal<(f64, f64)> {
    let (size, set_size) = signal((0.0_f64, 0.0_f64));
    Effect::new(move |_| {
        let Some(element) = node.get() else { return };
        set_size.set((f64::from(element.client_width()), f64::from(element.client_height())));
        let changed = Closure::<dyn Fn(js_sys::Array)>::new(move |entries: js_sys::Array| {
            let entry = entries.get(0).dyn_into::<web_sys::ResizeObserverEntry>();
            if let Ok(entry) = entry {
                let room = entry.content_rect();
                set_size.try_set((room.width().floor(), room.height().floor()));
            }
        });
        if let Ok(observer) = web_sys::ResizeObserver::new(changed.as_ref().unchecked_ref()) {
            observer.observe(&element);
            let kept = StoredValue::new_local((observer, changed));
            on_cleanup(move || kept.with_value(|(observer, _)| observer.disconnect()));
        }
    });
    size
}

/// A small drawing of a fixed size.
pub(crate) fn spark(drawing: Drawing) -> impl IntoView {
    // no menu: it stands in a table, which has one
    view! { <span class="spark" aria-hidden="true" inner_html=drawing.svg></span> }
}

/// A chart of lines in a card with its title and menu.
#[component]
pub(crate) fn ChartCard(
    #[prop(into)] title: String,
    /// A remark at the right of the title.
    #[prop(into, optional)]
    note: Signal<String>,
    #[prop(into)] chart: Signal<LineChart>,
    #[prop(default = 190.0)] height: f64,
    #[prop(into, optional)] class: String,
    /// The person looks closer at a part of the horizontal axis; `None` is all of it.
    #[prop(optional, into)]
    on_zoom: Option<Callback<Option<(f64, f64)>>>,
    /// Charts with the same signal show their crosshairs together.
    #[prop(optional)]
    cross: Option<RwSignal<Option<f64>>>,
    #[prop(optional)] can_be_log: bool,
    /// Starts on a logarithmic axis where the values span it.
    #[prop(optional)]
    prefers_log: bool,
    /// Says whose a line is where there is only one.
    #[prop(optional)]
    names_each: bool,
    /// The person moves the chart among its neighbours: back, or on where it is true.
    #[prop(optional)]
    on_move: Option<Callback<bool>>,
    /// What of series the host holds in view, where the lines are drawn from these.
    #[prop(optional)]
    points: Option<Signal<Vec<InView>>>,
    /// Where it is kept how a person looks at it.
    #[prop(optional_no_strip)]
    kept: Option<Kept>,
    /// How the fetching of the lines stands, where they are fetched.
    #[prop(optional)]
    fetching: Option<Fetching>,
) -> impl IntoView {
    let (client, toasts) = (Client::get(), Toasts::get());
    let Looked { log: first_log, zoom: first_zoom, hidden: first_hidden, bounded: first_bounded } =
        kept.as_ref().map(Kept::looked).unwrap_or_default();
    // `None` until a person chooses.
    let chosen_log = RwSignal::new(first_log);
    // Also a chart that comes with a logarithmic axis can be made linear.
    let log = Memo::new(move |_| {
        let asked = || chart.with(|chart| chart.y.scale == Scale::Log || prefers_log && spans_decades(chart));
        chosen_log.get().unwrap_or_else(asked)
    });
    let hidden = RwSignal::new(first_hidden);
    let zoom = RwSignal::new(first_zoom);
    let bounded = RwSignal::new(first_bounded);
    Effect::new(move |before: Option<Looked>| {
        let now = Looked { log: chosen_log.get(), zoom: zoom.get(), hidden: hidden.get(), bounded: bounded.get() };
        if let Some(kept) = kept.as_ref().filter(|_| before.is_some_and(|before| before != now)) {
            kept.keep(now.clone());
        }
        now
    });
    // Another axis has another range.
    let along = Memo::new(move |_| chart.with(|chart| (chart.x.label.clone(), chart.x.unit.clone())));
    Effect::new(move |before: Option<(String, String)>| {
        let now = along.get();
        if before.is_some_and(|before| before != now) {
            zoom.set(None);
            if let Some(on_zoom) = on_zoom {
                on_zoom.run(None);
            }
        }
        now
    });
    let shown = Memo::new(move |_| {
        let mut chart = chart.get();
        hidden.with(|hidden| chart.lines.retain(|line| !hidden.contains(&line.key)));
        if log.get() {
            chart.y.scale = Scale::Log;
        } else if chart.y.scale == Scale::Log {
            chart.y.scale = Scale::Linear;
        }
        if zoom.get().is_some() {
            chart.x.range = zoom.get();
        }
        if bounded.get() {
            chart.y.range = chart.usual_range();
        }
        chart
    });
    // What lies far from all else is offered to be left out where it presses the rest flat, and to be shown again.
    let offers_bounds = Memo::new(move |_| can_be_log && (bounded.get() || shown.with(LineChart::is_pressed_flat)));
    let far_lines = Memo::new(move |_| if bounded.get() { shown.with(LineChart::far_lines) } else { 0 });
    let is_covered = Memo::new(move |_| standing::covers(fetching, chart.with(|chart| chart.lines.is_empty())));
    let name = title.clone();
    let items = move || {
        let (svg_name, png_name, csv_name) = (name.clone(), name.clone(), name.clone());
        let drawn = move |name: &str| picture(name, &shown.get_untracked());
        let mut items = Vec::new();
        if can_be_log {
            let label = if log.get_untracked() { "Linear axis" } else { "Logarithmic axis" };
            items.push(Item::new(label, icon::ACTIVITY, move || chosen_log.set(Some(!log.get_untracked()))));
        }
        if can_be_log {
            let is_bounded = bounded.get_untracked();
            items.push(Item::new(bounding(is_bounded), icon::ACTIVITY, move || bounded.set(!is_bounded)));
        }
        if let Some(on_move) = on_move {
            items.push(Item::new("Move back (Alt ←)", icon::ARROW_LEFT, move || on_move.run(false)));
            items.push(Item::new("Move on (Alt →)", icon::ARROW_RIGHT, move || on_move.run(true)));
        }
        if zoom.get_untracked().is_some() {
            items.push(Item::new("Show all", icon::UNDO_2, move || {
                zoom.set(None);
                if let Some(on_zoom) = on_zoom {
                    on_zoom.run(None);
                }
            }));
        }
        items.push(Item::new("Save as SVG", icon::DOWNLOAD, move || {
            save::svg(toasts, &svg_name, drawn(&svg_name));
        }));
        items.push(Item::new("Save as PNG", icon::IMAGE, move || {
            save::png(toasts, &png_name, &drawn(&png_name));
        }));
        if let Some(points) = points {
            let saved = hidden.with_untracked(|hidden| saved::Points::of(points.get_untracked(), hidden));
            let (label, blocked) = (saved.label(), saved.blocked());
            let file = format!("{csv_name} points.csv");
            let act = move || save::file(client, toasts, file.clone(), saved.address.clone());
            items.push(Item::new(label, icon::TABLE, act).blocked(blocked));
        }
        let label = saved::drawn_label(shown.with_untracked(|chart| chart.smoothing > 0.0), points.is_some());
        items.push(Item::new(label, icon::TABLE, move || {
            save::csv(toasts, &csv_name, saved::drawn(&shown.get_untracked()), None);
        }));
        items
    };
    let items = StoredValue::new_local(items);
    let beside = move || said_beside(&without_lines(noted(&note.get(), bounded.get()), far_lines.get()), log.get());
    let menu = if on_move.is_some() { "Chart's menu; Alt ← and Alt → move the chart" } else { "Chart's menu" };
    view! {
        <Card
            title
            class=format!("h chart-card {class}")
            extra=ViewFn::from(move || view! {
                <span class="faint caption" title=beside>{beside}</span>
                {move || (offers_bounds.get() && !is_covered.get()).then(|| view! {
                    <button type="button" class="btn s outliers" title=OUTLIERS on:click=move |_| bounded.update(|is| *is = !*is)>
                        {move || bounding(bounded.get())}
                    </button>
                })}
                <MenuButton items=move || items.with_value(|items| items()) label=menu />
            })
        >
            <div class:hidden=move || is_covered.get()>
                <LivePlot
                    chart=shown
                    height
                    cross=cross.unwrap_or_else(|| RwSignal::new(None))
                    zoom
                    zoomed=Callback::new(move |to: Option<(f64, f64)>| {
                        zoom.set(to);
                        if let Some(on_zoom) = on_zoom {
                            on_zoom.run(to);
                        }
                    })
                />
            </div>
            {fetching.map(|fetching| view! { <Standing fetching height /> })}
            <Legend chart hidden names_each />
        </Card>
    }
}

/// What a press does where the vertical axis leaves out what lies far from all else, or could.
const fn bounding(is_bounded: bool) -> &'static str {
    if is_bounded { "Show outliers" } else { "Ignore outliers" }
}

/// What that is.
const OUTLIERS: &str = "Few values, or lines, are so far from the others that these look flat beside them";

/// The same remark where whole lines are among it.
fn without_lines(note: String, count: usize) -> String {
    match count {
        0 => note,
        count => format!("{note} without {}", words::counted(count as u64, "line far off", "lines far off")),
    }
}

/// The remark of a chart whose vertical axis leaves something out.
fn noted(note: &str, is_bounded: bool) -> String {
    const LEFT_OUT: &str = "1st to 99th percentile";
    match (note, is_bounded) {
        (_, false) => note.to_owned(),
        ("", true) => LEFT_OUT.to_owned(),
        (_, true) => format!("{note}, {LEFT_OUT}"),
    }
}

/// What stands in a chart's title line.
fn said_beside(note: &str, is_log: bool) -> String {
    match (note, is_log) {
        (_, false) => note.to_owned(),
        ("", true) => "log scale".to_owned(),
        (_, true) => format!("{note}, log scale"),
    }
}

/// Whether a linear axis would press most of the values flat onto its ground.
fn spans_decades(chart: &LineChart) -> bool {
    const SPAN: f64 = 30.0;
    let values = chart.lines.iter().flat_map(|line| line.y.iter().copied()).filter(|value| value.is_finite());
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    low > 0.0 && high / low >= SPAN
}

#[component]
fn Legend(
    #[prop(into)] chart: Signal<LineChart>,
    hidden: RwSignal<BTreeSet<String>>,
    names_each: bool,
) -> impl IntoView {
    let entries = Memo::new(move |_| {
        chart.with(|chart| {
            let entry = |line: &Line| (line.key.clone(), line.name.clone(), line.role.class(), line.is_dashed);
            chart.lines.iter().map(entry).collect::<Vec<_>>()
        })
    });
    move || {
        let entries = entries.get();
        let is_told = entries.len() > 1 || names_each && !entries.is_empty();
        (is_told && entries.len() <= NAMED).then(|| {
            view! {
                <div class="legend">
                    {entries
                        .into_iter()
                        .map(|(key, name, class, dashed)| {
                            let own = key.clone();
                            let is_off = move || hidden.with(|hidden| hidden.contains(&own));
                            let (off, pressed, other) = (is_off.clone(), is_off, key);
                            view! {
                                <button
                                    type="button"
                                    class:off=off
                                    aria-pressed=move || (!pressed()).to_string()
                                    on:click=move |_| {
                                        hidden.update(|hidden| {
                                            if !hidden.remove(&other) {
                                                hidden.insert(other.clone());
                                            }
                                        });
                                    }
                                >
                                    <i class=format!("swatch fill {class}") class:dashed=dashed></i>
                                    {name}
                                </button>
                            }
                        })
                        .collect_view()}
                </div>
            }
        })
    }
}

/// The drawing with what answers the pointer over it.
#[component]
fn LivePlot(
    #[prop(into)] chart: Signal<LineChart>,
    height: f64,
    cross: RwSignal<Option<f64>>,
    zoom: RwSignal<Option<(f64, f64)>>,
    zoomed: Callback<Option<(f64, f64)>>,
) -> impl IntoView {
    let node = NodeRef::<html::Div>::new();
    let width = width_of(node);
    let drawing = Memo::new(move |_| {
        let width = width.get();
        if width < 40.0 { Drawing::default() } else { line::draw(&chart.get(), Size { width, height }) }
    });
    let hover = RwSignal::new(None::<(f64, f64)>);
    let brush = RwSignal::new(None::<(f64, f64)>);
    let at = move |event: &web_sys::PointerEvent| {
        let element = node.get_untracked()?;
        let place = element.get_bounding_client_rect();
        Some((f64::from(event.client_x()) - place.left(), f64::from(event.client_y()) - place.top()))
    };
    // What was looked at before the present part, to go back to.
    let before = StoredValue::new(Vec::<(f64, f64)>::new());
    let look_closer = move |to: (f64, f64)| {
        before.update_value(|before| match zoom.get_untracked() {
            Some(now) => before.push(now),
            None => before.clear(),
        });
        zoomed.run(Some(to));
    };
    // By keyboard the crosshair goes from point to point, and its values stand at it.
    let move_cross = move |way: keyboard::Way| {
        let plot = drawing.with_untracked(|drawing| drawing.plot);
        let to =
            chart.with_untracked(|chart| keyboard::moved(chart, (plot.x.low, plot.x.high), cross.get_untracked(), way));
        if let Some(to) = to {
            cross.set(Some(to));
            hover.set(Some((plot.x_pixel(to), plot.top)));
        }
    };
    let pressed = move |event: web_sys::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let plot = drawing.with_untracked(|drawing| drawing.plot);
        match event.key().as_str() {
            "Escape" if brush.get_untracked().is_some() => brush.set(None),
            "Escape" if zoom.get_untracked().is_some() => zoomed.run(None),
            "Escape" if cross.get_untracked().is_some() => {
                hover.set(None);
                cross.set(None);
            }
            "+" | "=" => look_closer(keyboard::closer((plot.x.low, plot.x.high), cross.get_untracked())),
            "-" => zoomed.run(before.try_update_value(Vec::pop).flatten()),
            key => match keyboard::Way::of(key, event.shift_key()) {
                Some(way) => move_cross(way),
                None => return,
            },
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let value_now = move || cross.get().map(|x| x.to_string());
    let value_text = move || cross.get().map(|x| chart.with(|chart| keyboard::said(chart, x)));
    view! {
        <div
            class="plot"
            node_ref=node
            tabindex="0"
            role="slider"
            aria-label=move || chart.with(|chart| chart.name.clone())
            aria-valuenow=value_now
            aria-valuetext=value_text
            on:keydown=pressed
            on:blur=move |_| {
                hover.set(None);
                cross.set(None);
            }
            style:height=format!("{height}px")
            on:pointermove=move |event| {
                let Some((x, y)) = at(&event) else { return };
                let plot = drawing.with_untracked(|drawing| drawing.plot);
                if brush.get_untracked().is_some() {
                    brush.update(|brush| if let Some(brush) = brush { brush.1 = x.clamp(plot.left, plot.left + plot.width) });
                }
                let inside = plot.contains(x, plot.top);
                hover.set(inside.then_some((x, y)));
                cross.set(inside.then(|| plot.x_value(x)));
            }
            on:pointerleave=move |_| {
                hover.set(None);
                cross.set(None);
            }
            on:pointerdown=move |event| {
                let plot = drawing.with_untracked(|drawing| drawing.plot);
                if let Some((x, y)) = at(&event)
                    && event.button() == 0
                    && plot.contains(x, y)
                {
                    if let Some(element) = node.get_untracked() {
                        let _ = element.set_pointer_capture(event.pointer_id());
                    }
                    brush.set(Some((x, x)));
                }
            }
            on:pointerup=move |_| {
                if let Some((from, to)) = brush.get_untracked() {
                    brush.set(None);
                    let plot = drawing.with_untracked(|drawing| drawing.plot);
                    if (from - to).abs() > 6.0 {
                        look_closer((plot.x_value(from.min(to)), plot.x_value(from.max(to))));
                    }
                }
            }
            on:pointercancel=move |_| brush.set(None)
            on:dblclick=move |_| zoomed.run(None)
        >
            <div inner_html=move || drawing.with(|drawing| drawing.svg.clone())></div>
            {move || {
                let x = cross.get()?;
                Some(crosshair(&chart.get(), &drawing.get(), width.get(), x, hover.get()))
            }}
            {move || {
                brush.get().map(|(from, to)| {
                    let plot = drawing.with(|drawing| drawing.plot);
                    view! {
                        <div
                            class="brush"
                            style:left=format!("{}px", from.min(to))
                            style:width=format!("{}px", (from - to).abs())
                            style:top=format!("{}px", plot.top)
                            style:height=format!("{}px", plot.height)
                        ></div>
                    }
                })
            }}
        </div>
    }
}

/// The dotted line, the spots on the lines, and where the pointer is, the values.
fn crosshair(
    chart: &LineChart,
    drawing: &Drawing,
    width: f64,
    x: f64,
    hover: Option<(f64, f64)>,
) -> impl IntoView + use<> {
    let plot = drawing.plot;
    let mut rows = Vec::new();
    let mut spots = Vec::new();
    let mut nearest = x;
    let mut best = f64::INFINITY;
    let held = hover.and_then(|(_, y)| held(chart, drawing, x, y));
    for (at, line) in chart.lines.iter().enumerate().filter(|(_, line)| !line.is_reference) {
        // Of very many lines that at the pointer is told, beside the one that all are compared with.
        if chart.lines.len() > NAMED && held != Some(at) && line.weight != Weight::Strong {
            continue;
        }
        let Some(index) = line.nearest(x) else { continue };
        if (line.x[index] - x).abs() < best {
            best = (line.x[index] - x).abs();
            nearest = line.x[index];
        }
        let (value, raw) = values_at(chart, line, index);
        if value.is_finite() {
            spots.push((plot.x_pixel(line.x[index]), plot.y_pixel(value), line.role.class()));
        }
        let class = format!("{}{}", line.role.class(), if line.is_dashed { " dashed" } else { "" });
        rows.push((line.name.clone(), class, raw, line.said_odd(index).map(|odd| format!(" · {odd}"))));
    }
    let traced = held.and_then(|at| chart.lines.get(at)).map(|line| {
        let (left, top) = (format!("{}px", plot.left), format!("{}px", plot.top));
        let (width, height) = (format!("{}px", plot.width), format!("{}px", plot.height));
        view! {
            <svg class="held" style:left=left style:top=top style:width=width style:height=height>
                <polyline class=line.role.class() points=trace(chart, drawing, line)></polyline>
            </svg>
        }
    });
    let left = plot.x_pixel(nearest);
    let unit = chart.y.unit.clone();
    let head = match chart.x.scale {
        Scale::Time { .. } => words::exact(nearest as i64),
        _ if chart.x.label.is_empty() => words::figure(nearest),
        _ => format!("{} {}", chart.x.label, words::step(nearest)),
    };
    let inside = plot.x.low <= nearest && nearest <= plot.x.high;
    inside.then(|| {
        view! {
            {traced}
            <div class="cross" style:left=format!("{left}px") style:top=format!("{}px", plot.top) style:height=format!("{}px", plot.height)></div>
            {spots
                .into_iter()
                .filter(|(_, y, _)| (plot.top - 1.0..=plot.top + plot.height + 1.0).contains(y))
                .map(|(x, y, class)| view! { <i class=format!("spot {class}") style:left=format!("{x}px") style:top=format!("{y}px")></i> })
                .collect_view()}
            {hover.map(|(_, y)| view! {
                <div class="at-part" style=beside((left, left), y - 30.0, width)>
                    <div class="tip">
                        <div class="faint">{head}</div>
                        {rows
                            .into_iter()
                            .map(|(name, class, value, odd)| view! {
                                <div><i class=format!("swatch fill {class}")></i><span class="cut">{name}</span><span class="num">{words::figure(value)}" "{unit.clone()}{odd}</span></div>
                            })
                            .collect_view()}
                    </div>
                </div>
            })}
        }
    })
}

/// Which of very many lines is at the pointer, by its height.
fn held(chart: &LineChart, drawing: &Drawing, x: f64, y: f64) -> Option<usize> {
    if chart.lines.len() <= NAMED {
        return None;
    }
    let away = |line: &Line| {
        let value = values_at(chart, line, line.nearest(x)?).0;
        value.is_finite().then(|| (drawing.plot.y_pixel(value) - y).abs())
    };
    let lines = chart.lines.iter().enumerate().filter_map(|(at, line)| Some((at, away(line)?)));
    lines.min_by(|left, right| left.1.total_cmp(&right.1)).map(|(at, _)| at)
}

/// A line's places within the plot, for what is drawn over it.
fn trace(chart: &LineChart, drawing: &Drawing, line: &Line) -> String {
    let plot = &drawing.plot;
    let values = if chart.smoothing > 0.0 { smooth(&line.y, chart.smoothing) } else { line.y.clone() };
    let places = line.x.iter().zip(values).map(|(x, y)| (plot.x_pixel(*x) - plot.left, plot.y_pixel(y) - plot.top));
    let shown = places.filter(|(x, y)| x.is_finite() && y.is_finite());
    shown.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

/// Where the seen line is at a point, and the value that was measured there.
fn values_at(chart: &LineChart, line: &Line, index: usize) -> (f64, f64) {
    let raw = line.y.get(index).copied().unwrap_or(f64::NAN);
    if chart.smoothing > 0.0 {
        let seen = smooth(&line.y[..=index.min(line.y.len().saturating_sub(1))], chart.smoothing);
        (seen.last().copied().unwrap_or(raw), raw)
    } else {
        (raw, raw)
    }
}

/// The chart as a picture of its own, with the title of its card and the names that its legend has.
fn picture(title: &str, chart: &LineChart) -> String {
    let size = Size { width: 860.0, height: 420.0 };
    let y = Axis { label: saved::titled(title, chart.smoothing), label_above: true, ..chart.y.clone() };
    let drawing = line::draw(&LineChart { y, ..chart.clone() }, size);
    let named = |line: &Line| (line.role, export::Sign::of_line(line.is_dashed), line.name.clone());
    let names: Vec<_> = chart.lines.iter().map(named).collect();
    if (2..=NAMED).contains(&names.len()) {
        themed(&export::with_names(&drawing, size, &names))
    } else {
        themed(&drawing.svg)
    }
}

/// A drawing as a picture of its own, in the theme that is shown.
pub(crate) fn standalone(drawing: &Drawing) -> String {
    themed(&drawing.svg)
}

fn themed(svg: &str) -> String {
    let light =
        document().document_element().and_then(|root| root.get_attribute("data-theme")).as_deref() == Some("light");
    export::standalone(svg, if light { &export::LIGHT } else { &export::DARK })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_chart_is_told_apart() {
        assert_eq!(said_beside("mean ± sd", true), "mean ± sd, log scale");
        assert_eq!(said_beside("", true), "log scale");
        assert_eq!(said_beside("validation", false), "validation");
        assert_eq!(said_beside(&noted("", true), true), "1st to 99th percentile, log scale");
        assert_eq!([noted("validation", true), noted("", false)], ["validation, 1st to 99th percentile", ""]);
        assert_eq!(without_lines(noted("", true), 0), "1st to 99th percentile");
        assert_eq!(without_lines(noted("", true), 2), "1st to 99th percentile without 2 lines far off");
    }
}
