//! Runs by two of their values, coloured by a third or over its contours.

use std::borrow::Cow;

use api::{RunId, table_view::Plotted};
use charts::{
    plot::{Drawing, Part, Scale, Size},
    ramp,
    runs::{Cells, KEY, draw_scatter, scatter_file, scatter_of},
    scatter::{self, Scatter},
};
use leptos::prelude::*;

use super::{Facts, Legend, Whose, axes_known, axis_called, fetched, first_metric, how_many, options, told};
use crate::{
    pages::runs::columns::Names,
    parts::{
        card::Card,
        field::{Select, Switch},
        picture::{Picture, Zoom},
        states::{Failure, Skeleton},
        words,
    },
};

const HEIGHT: f64 = 380.0;

/// What is drawn of the points where a part of them is looked at.
fn closer(chart: &Scatter, part: Option<Part>) -> Cow<'_, Scatter> {
    part.map_or(Cow::Borrowed(chart), |part| Cow::Owned(chart.within(part)))
}

#[component]
pub(super) fn ScatterView(
    whose: Whose,
    plotted: RwSignal<Plotted>,
    facts: Signal<Facts>,
    on_open: Callback<String>,
) -> impl IntoView {
    // X, y and colour; the last may be none.
    let axes = Memo::new(move |_| {
        let (x, y, colour) = plotted.with(|now| (now.x.clone(), now.y.clone(), now.colour.clone()));
        let or = |name: String, other: Option<String>| if name.is_empty() { other.unwrap_or_default() } else { name };
        facts.with(|facts| [or(x, facts.keys().first_param()), or(y, first_metric(facts)), colour])
    });
    let names = Memo::new(move |_| {
        let mut names: Names = axes.get().into_iter().filter(|name| !name.is_empty()).collect();
        names.sort();
        names.dedup();
        names
    });
    let data = fetched(whose, names);
    let over_contours = RwSignal::new(plotted.with_untracked(|plotted| plotted.contours));
    Effect::new(move |_| over_contours.set(plotted.with(|plotted| plotted.contours)));
    Effect::new(move |_| {
        let contours = over_contours.get();
        if plotted.with_untracked(|plotted| plotted.contours != contours) {
            plotted.update(|plotted| plotted.contours = contours);
        }
    });
    let picks = [0, 1, 2].map(|at| {
        let pick = RwSignal::new(axes.with_untracked(|axes| axes[at].clone()));
        Effect::new(move |_| pick.set(axes.with(|axes| axes[at].clone())));
        Effect::new(move |_| {
            let name = pick.get();
            if axes.with_untracked(|axes| axes[at] != name) {
                plotted.update(|plotted| match at {
                    0 => plotted.x = name,
                    1 => plotted.y = name,
                    _ => plotted.colour = name,
                });
            }
        });
        pick
    });
    let known = Signal::derive(move || options(facts.with(|facts| axes_known(facts, whose))));
    let colours = Signal::derive(move || {
        let plain = if matches!(whose, Whose::Compared(_, Some(_))) { "Each its own" } else { "One colour" };
        let none = (String::new(), plain.to_owned());
        [none].into_iter().chain(known.get()).collect::<Vec<_>>()
    });
    let chart = Memo::new(move |_| {
        let [x, y, colour] = axes.get();
        data.cells.with(|cells| {
            cells.as_ref().map(|cells| plotted.with(|now| scatter_of(cells, now, [&x, &y, &colour], axis_called)))
        })
    });
    // Built anew for other axes alone: a closer look lasts while runs come and log.
    let shape = Memo::new(move |_| {
        chart.with(|chart| {
            chart.as_ref().map(|chart| (chart.x_name.clone(), chart.y_name.clone(), chart.x.scale, chart.y.scale))
        })
    });
    let [log_x, log_y] = [0, 1].map(|at| {
        let scale_of = move |chart: &Scatter| if at == 0 { chart.x.scale } else { chart.y.scale };
        let is_log = move || chart.with(|chart| chart.as_ref().is_some_and(|chart| scale_of(chart) == Scale::Log));
        let label = if at == 0 { "Logarithmic x" } else { "Logarithmic y" };
        view! {
            <button type="button" class="btn s turns" aria-label=label aria-pressed=move || is_log().to_string() class:on=is_log
                on:click=move |_| {
                    let (name, now) = (axes.with_untracked(|axes| axes[at].clone()), untrack(is_log));
                    plotted.update(|plotted| plotted.choose_log(&name, !now));
                }>
                {if at == 0 { "log x" } else { "log y" }}
            </button>
        }
    });
    let [x, y, colour] = picks;
    let uncoloured = Memo::new(move |_| axes.with(|axes| axes[2].is_empty()));
    // The width that is drawn now, and what is looked at closer: of gathered points they say which stand for one run.
    let drawn_as = StoredValue::new((0.0_f64, None::<Part>));
    // Over contours all points are alike.
    let is_contours = move |chart: &Scatter| chart.shade.is_some() && over_contours.get();
    let has_legend = Memo::new(move |_| chart.with(|chart| chart.as_ref().is_some_and(|chart| !is_contours(chart))));
    let is_shaded = Memo::new(move |_| !uncoloured.get());
    let draw = move |width: f64, part: Option<Part>| {
        let size = Size { width, height: HEIGHT };
        chart.with(|chart| {
            let Some(chart) = chart else { return Drawing::default() };
            let closer = closer(chart, part);
            let chart: &Scatter = &closer;
            if width != SAVED {
                return draw_scatter(chart, over_contours.get(), size);
            }
            let legend = data.cells.with(|cells| told(cells.as_ref()));
            scatter_file(chart, over_contours.get(), legend, size).0
        })
    };
    let opened = Callback::new(move |spot: usize| {
        let ids = data.cells.with_untracked(|cells| cells.as_ref().map(|cells| cells.ids.clone())).unwrap_or_default();
        let chart = chart.get_untracked().map(|chart| Scatter { names: ids, ..chart });
        let (width, part) = drawn_as.get_value();
        let size = Size { width, height: HEIGHT };
        // Named by their ids, the parts say whose they are.
        let head = chart.and_then(|chart| {
            let drawing = scatter::draw(&closer(&chart, part), size);
            drawing.spots.get(spot).map(|spot| spot.head.clone())
        });
        if let Some(id) = head.filter(|id| id.parse::<RunId>().is_ok()) {
            on_open.run(id);
        }
    });
    // A row a run, however many points are drawn for them.
    let rows = Callback::new(move |()| {
        let csv = |cells: &Cells| {
            names.with_untracked(|names| cells.as_csv(names, &(0..cells.ids.len()).collect::<Vec<_>>()))
        };
        data.cells.with_untracked(|cells| cells.as_ref().map(csv)).unwrap_or_default()
    });
    view! {
        <div class="plot-tools flex wrap">
            <span class="tool-group"><label class="named">"x"<Select value=x options=known name="X axis" /></label>{log_x}</span>
            <span class="tool-group"><label class="named">"y"<Select value=y options=known name="Y axis" /></label>{log_y}</span>
            <span class="tool-group">
                <label class="named">"Colour"<Select value=colour options=colours name="Colour" /></label>
                <Switch value=over_contours label="Contours" disabled=uncoloured />
            </span>
            <span class="faint caption" role="status">{move || data.cells.with(|cells| cells.as_ref().map(|cells| how_many(cells, (scatter::MOST, "drawn together where they lie close"))))}</span>
        </div>
        {move || data.error.get().map(|error| view! { <div class="padded"><Failure error again=move || data.again.run(()) /></div> })}
        {move || (data.cells.with(Option::is_none) && data.error.with(Option::is_none)).then(|| view! { <Skeleton lines=6 /> })}
        {move || shape.get().map(|_| view! {
            <Card title=Signal::derive(move || chart.with(|chart| chart.as_ref().map(|chart| chart.name.clone()).unwrap_or_default()))>
                <Picture
                    name="Runs by two values"
                    of="run"
                    zooms=Some(Zoom::Both)
                    draw=move |width, part| {
                        if width != SAVED {
                            drawn_as.set_value((width, part));
                        }
                        draw(width, part)
                    }
                    on_part=Some(opened)
                    csv=Some(rows)
                />
                {move || chart.with(|chart| chart.as_ref().and_then(|chart| chart.shade.as_ref()).map(|shade| {
                    // no menu: the key is saved with its points
                    view! { <div inner_html=ramp::key(shade, KEY).svg></div> }
                }))}
                {move || has_legend.get().then(|| view! { <Legend cells=data.cells of_points=true is_shaded /> })}
                {move || chart.with(|chart| chart.as_ref().map(Scatter::left_out)).filter(|left| *left > 0).map(|left| view! {
                    <p class="faint caption">{words::counted(left as u64, "run has", "runs have")}" no place on these axes: no number there, or none that a logarithm has."</p>
                })}
            </Card>
        })}
    }
}

/// How wide a `Picture` is saved, with the key of its colours in it.
const SAVED: f64 = 860.0;
