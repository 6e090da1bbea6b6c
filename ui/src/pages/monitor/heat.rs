//! The heat map of drift: columns of the data down, windows across.

use api::{drift::Verdict, monitor::Monitoring};
use charts::{
    heat::{self, Cell, HeatMap, Row},
    plot::{Plot, Said, Spot},
    role::Role,
};
use leptos::{html, prelude::*};

use super::Chosen;
use crate::parts::{button::Button, card::Card, chart::width_of, distribution::verdict, picture::tip, words};

/// Rows that are shown before a person asks for all.
const FIRST: usize = 16;
/// Windows that fit beside each other and can still be told apart.
const WINDOWS: usize = 40;

#[component]
pub(super) fn Heat(now: Signal<Monitoring>, chosen: RwSignal<Option<Chosen>>) -> impl IntoView {
    let everything = RwSignal::new(false);
    let order = Memo::new(move |_| now.with(columns));
    let map = Memo::new(move |_| {
        let shown = if everything.get() { usize::MAX } else { FIRST };
        now.with(|now| draw(now, order.get().into_iter().take(shown), chosen.get().as_ref()))
    });
    let node = NodeRef::<html::Div>::new();
    let width = width_of(node);
    let drawing = Memo::new(move |_| (width.get() > 40.0).then(|| heat::draw(&map.get(), width.get())));
    let under = move |event: &web_sys::MouseEvent| {
        let at = node.get_untracked()?.get_bounding_client_rect();
        let (x, y) = (f64::from(event.client_x()) - at.left(), f64::from(event.client_y()) - at.top());
        drawing.with_untracked(|drawing| heat::cell_at(&map.get_untracked(), &drawing.as_ref()?.plot, x, y))
    };
    let press = move |event: web_sys::MouseEvent| {
        if let Some((row, column)) = under(&event) {
            choose(now, order, chosen, row, column);
        }
    };
    let hover = RwSignal::new(None::<(usize, usize)>);
    let told = Memo::new(move |_| {
        let (row, column) = hover.get()?;
        let plot = drawing.with(|drawing| drawing.as_ref().map(|drawing| drawing.plot))?;
        let name = order.with(|order| order.get(row).cloned())?;
        now.with(|now| spot(now, &plot, &name, row, column))
    });
    let step = move |event: web_sys::KeyboardEvent| {
        let count = now.with_untracked(|now| now.windows.len().min(WINDOWS));
        let (row, column) = place(now, order, chosen).unwrap_or((0, count.saturating_sub(1)));
        let (row, column) = match event.key().as_str() {
            "ArrowDown" => (row + 1, column),
            "ArrowUp" => (row.saturating_sub(1), column),
            "ArrowRight" => (row, column + 1),
            "ArrowLeft" => (row, column.saturating_sub(1)),
            _ => return,
        };
        event.prevent_default();
        choose(now, order, chosen, row, column);
    };
    view! {
        <Card title="Drift by column and window" extra=ViewFn::from(|| view! { <Legend /> })>
            {move || {
                if now.with(|now| now.windows.is_empty()) {
                    return view! { <p class="muted small">"No window has closed yet. Requests are compared with the validation data once a window is full."</p> }.into_any();
                }
                view! {
                    <div class="plot heat" node_ref=node tabindex="0" role="grid" aria-label="Drift by column and window; arrows choose a cell"
                        on:click=press on:keydown=step
                        on:pointermove=move |event: web_sys::PointerEvent| hover.set(under(&event))
                        on:pointerleave=move |_| hover.set(None)
                    >
                        <div inner_html=move || drawing.get().map(|drawing| drawing.svg).unwrap_or_default()></div>
                        {move || told.get().map(|spot| tip(&spot, width.get_untracked()))}
                    </div>
                }
                .into_any()
            }}
            {move || {
                let (all, shown) = (order.with(Vec::len), everything.get());
                (all > FIRST).then(|| view! {
                    <div class="flex small faint">
                        {if shown { String::new() } else { format!("{}, quieter", words::counted((all - FIRST) as u64, "more column", "more columns")) }}
                        <Button label=if shown { "Show the first" } else { "Show all" } kind="quiet s" on_press=move || everything.set(!shown) />
                    </div>
                })
            }}
            {move || now.with(|now| now.monitored).then(|| view! {
                <p class="small faint">"The open window "{now.with(|now| now.open_until.clone())}"."</p>
            })}
            {move || {
                let hidden = now.with(|now| now.not_watched.clone());
                (!hidden.is_empty()).then(|| view! { <p class="small faint">"Not watched: "{hidden.join(", ")}</p> })
            }}
            {move || now.with(|now| now.gaps.clone()).into_iter().rev().take(3).map(|gap| view! {
                <p class="small warn">{format!("Gap, {} to {}: {}", words::exact(gap.from_ms), words::clock(gap.to_ms), gap.reason)}</p>
            }).collect_view()}
        </Card>
    }
}

#[component]
fn Legend() -> impl IntoView {
    view! {
        <span class="flex caption faint">
            "none" {(0..5).map(|step| view! { <i class=format!("swatch heat-{step}")></i> }).collect_view()} "over the limit, – too few to decide"
        </span>
    }
}

/// Columns, the loudest in the newest window first.
fn columns(now: &Monitoring) -> Vec<String> {
    let Some(newest) = now.windows.last() else { return Vec::new() };
    let mut cells: Vec<_> = newest.cells.iter().filter(|cell| cell.verdict != Verdict::NotWatched).collect();
    cells
        .sort_by(|left, right| right.intensity.total_cmp(&left.intensity).then_with(|| left.column.cmp(&right.column)));
    cells.into_iter().map(|cell| cell.column.clone()).collect()
}

fn draw(now: &Monitoring, columns: impl Iterator<Item = String>, chosen: Option<&Chosen>) -> HeatMap {
    let windows = &now.windows[now.windows.len().saturating_sub(WINDOWS)..];
    let mut outlined = None;
    let rows = columns
        .enumerate()
        .map(|(index, column)| {
            let of = |at: usize| windows[at].cells.iter().find(|cell| cell.column == column);
            if let Some(chosen) = chosen.filter(|chosen| chosen.column == column)
                && let Some(at) = windows.iter().position(|window| window.id == chosen.window)
            {
                outlined = Some((index, at));
            }
            let newest = windows.len().checked_sub(1).and_then(of);
            let drifted = newest.is_some_and(|cell| cell.verdict == Verdict::Drifted);
            let value = newest.and_then(|cell| cell.value).map_or_else(|| "–".to_owned(), words::figure);
            Row {
                is_strong: drifted,
                end: value,
                state: newest.filter(|_| drifted).map(|cell| if cell.intensity < 3.0 { Role::Warn } else { Role::Bad }),
                cells: (0..windows.len()).map(|at| of(at).map_or(Cell::Missing, cell)).collect(),
                name: column,
            }
        })
        .collect();
    let names = windows.iter().map(|window| words::clock(window.to_ms)).collect();
    HeatMap { name: "Drift by column and window".to_owned(), rows, columns: names, chosen: outlined }
}

/// What a cell says when it is pointed at: the window, the column's verdict and its figure.
fn spot(now: &Monitoring, plot: &Plot, name: &str, row: usize, column: usize) -> Option<Spot> {
    let windows = &now.windows[now.windows.len().saturating_sub(WINDOWS)..];
    let window = windows.get(column)?;
    let cell = window.cells.iter().find(|cell| cell.column == name)?;
    let wide = plot.width / windows.len() as f64;
    let said = |name: &str, words: String| Said { name: name.to_owned(), role: None, value: f64::NAN, words };
    let mut figures = vec![said("measured", cell.value.map_or_else(|| "–".to_owned(), words::figure))];
    figures.push(said("verdict", verdict(cell.verdict).1.to_owned()));
    Some(Spot {
        left: plot.left + wide * column as f64,
        top: plot.top + heat::ROW * row as f64 + 1.0,
        width: wide - 2.0,
        height: heat::ROW - 2.0,
        head: format!("{name}, {} to {}", words::exact(window.from_ms), words::clock(window.to_ms)),
        figures,
    })
}

fn cell(cell: &api::monitor::WindowCell) -> Cell {
    match cell.verdict {
        Verdict::TooFewToDecide => Cell::Undecided,
        Verdict::NotWatched | Verdict::NoValues => Cell::Missing,
        Verdict::Same | Verdict::Drifted => Cell::Step(match cell.intensity {
            low if low < 0.5 => 0,
            low if low < 1.0 => 1,
            over if over < 1.5 => 2,
            over if over < 3.0 => 3,
            _ => 4,
        }),
    }
}

fn choose(
    now: Signal<Monitoring>,
    order: Memo<Vec<String>>,
    chosen: RwSignal<Option<Chosen>>,
    row: usize,
    column: usize,
) {
    let found = now.with_untracked(|now| {
        let windows = &now.windows[now.windows.len().saturating_sub(WINDOWS)..];
        let window = windows.get(column)?.id;
        Some(Chosen { window, column: order.with_untracked(|order| order.get(row).cloned())? })
    });
    if found.is_some() {
        chosen.set(found);
    }
}

fn place(
    now: Signal<Monitoring>,
    order: Memo<Vec<String>>,
    chosen: RwSignal<Option<Chosen>>,
) -> Option<(usize, usize)> {
    let chosen = chosen.get_untracked()?;
    let row = order.with_untracked(|order| order.iter().position(|column| *column == chosen.column))?;
    now.with_untracked(|now| {
        let windows = &now.windows[now.windows.len().saturating_sub(WINDOWS)..];
        windows.iter().position(|window| window.id == chosen.window).map(|column| (row, column))
    })
}
