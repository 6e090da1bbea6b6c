//! The heat map of drift: columns of the data down, windows across.

use std::collections::BTreeSet;

use api::{
    drift::Verdict,
    monitor::{Gap, ListWindows, Monitoring, WindowSummary},
};
use charts::{
    heat::{self, Cell, HeatMap, Row},
    plot::{Plot, Said, Spot},
    role::Role,
    text_table::csv_line,
    tick::utc,
};
use leptos::{html, prelude::*};

use super::Chosen;
use crate::{
    client::query::query,
    parts::{
        button::Button,
        card::Card,
        chart::{standalone, width_of},
        distribution::verdict,
        icon,
        menu::{Item, MenuButton},
        picture::tip,
        save,
        toast::Toasts,
        words,
    },
};

/// Rows that are shown before a person asks for all.
const FIRST: usize = 16;
/// Windows that fit beside each other and can still be told apart.
const WINDOWS: usize = 40;
/// Gaps that are shown before a person asks for all.
const GAPS: usize = 3;
/// Pixels that the card needs for its title and legend.
const NARROWEST: f64 = 520.0;
/// Pixels of the card beside its map.
const AROUND: f64 = 30.0;

#[component]
pub(super) fn Heat(
    now: Signal<Monitoring>,
    /// The number of the version that is there now.
    version: Memo<Option<u32>>,
    chosen: RwSignal<Option<Chosen>>,
    /// Pixels that the card can use: what is left of the page's width is for what stands beside it.
    useful: RwSignal<Option<f64>>,
) -> impl IntoView {
    let everything = RwSignal::new(false);
    // Windows between the newest and the newest that is shown.
    let back = RwSignal::new(0_u64);
    let windows = shown_windows(now, back);
    let order = Memo::new(move |_| windows.with(|windows| columns(windows)));
    let map = Memo::new(move |_| {
        let shown = if everything.get() { usize::MAX } else { FIRST };
        windows.with(|windows| draw(windows, order.get().into_iter().take(shown), chosen.get().as_ref()))
    });
    Effect::new(move |_| {
        let wide = map.with(|map| (!map.rows.is_empty()).then(|| (heat::widest(map) + AROUND).max(NARROWEST)));
        if useful.get_untracked() != wide {
            useful.set(wide);
        }
    });
    let of_former = Memo::new(move |_| {
        let version = version.get()?;
        let has_own = now.with(|now| now.windows.iter().any(|window| window.version_number == version));
        let shown: Vec<u32> = windows.with(|windows| windows.iter().map(|window| window.version_number).collect());
        whose(&shown, version, has_own)
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
            choose(windows, order, chosen, row, column);
        }
    };
    let toasts = Toasts::get();
    let items = move || {
        let saved = move || standalone(&map.with_untracked(|map| heat::draw(map, heat::widest(map))));
        vec![
            Item::new("Save as SVG", icon::DOWNLOAD, move || save::svg(toasts, "Drift", saved())),
            Item::new("Save as PNG", icon::IMAGE, move || save::png(toasts, "Drift", &saved())),
            Item::new("Save as CSV", icon::TABLE, move || {
                let table = windows.with_untracked(|windows| order.with_untracked(|order| as_csv(windows, order)));
                save::csv(toasts, "Drift", table, None);
            }),
        ]
    };
    let hover = RwSignal::new(None::<(usize, usize)>);
    let told = Memo::new(move |_| {
        let (row, column) = hover.get()?;
        let plot = drawing.with(|drawing| drawing.as_ref().map(|drawing| drawing.plot))?;
        let name = order.with(|order| order.get(row).cloned())?;
        windows.with(|windows| spot(windows, &plot, &name, row, column))
    });
    let step = move |event: web_sys::KeyboardEvent| {
        let count = windows.with_untracked(Vec::len);
        let (row, column) = place(windows, order, chosen).unwrap_or((0, count.saturating_sub(1)));
        let (row, column) = match event.key().as_str() {
            "ArrowDown" => (row + 1, column),
            "ArrowUp" => (row.saturating_sub(1), column),
            "ArrowRight" => (row, column + 1),
            "ArrowLeft" => (row, column.saturating_sub(1)),
            _ => return,
        };
        event.prevent_default();
        choose(windows, order, chosen, row, column);
    };
    view! {
        <Card title="Drift by column and window" extra=ViewFn::from(move || view! {
            <Legend />
            {move || now.with(|now| !now.windows.is_empty()).then(|| view! { <MenuButton items label="Drawing's menu" /> })}
        })>
            <div class="heat-and-notes">
                {move || {
                    if now.with(|now| now.windows.is_empty()) {
                        return view! { <p class="muted small">"No window has closed yet. Requests are compared with the validation data once a window is full."</p> }.into_any();
                    }
                    view! {
                        <div class="plot heat" style:width=move || format!("{}px", map.with(heat::widest).max(NARROWEST - AROUND).ceil()) node_ref=node tabindex="0" role="grid" aria-label="Drift by column and window; arrows choose a cell"
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
                <div class="stack">
                    {move || of_former.get().map(|said| view! { <p class="small muted">{said}</p> })}
                    <Pages now back windows />
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
                        (!hidden.is_empty()).then(|| view! { <p class="small faint">"Not watched (sensitive, pictures, free text): "{hidden.join(", ")}</p> })
                    }}
                    <Gaps now />
                </div>
            </div>
        </Card>
    }
}

/// The windows beside each other: the newest from what is watched anyway, older ones as they are gone back to.
fn shown_windows(now: Signal<Monitoring>, back: RwSignal<u64>) -> Memo<Vec<WindowSummary>> {
    let deployment = now.with_untracked(|now| now.deployment);
    let older = query(move || {
        Some(back.get()).filter(|skip| *skip > 0).map(|skip| ListWindows { deployment, skip, limit: WINDOWS as u32 })
    });
    Memo::new(move |before: Option<&Vec<WindowSummary>>| {
        if back.get() == 0 {
            return now.with(|now| now.windows[now.windows.len().saturating_sub(WINDOWS)..].to_vec());
        }
        // Until they come, what was there stays.
        let page = older.value.with(|page| page.as_ref().map(|page| page.windows.clone()));
        page.or_else(|| before.cloned()).unwrap_or_default()
    })
}

/// Goes further back, and forward again.
#[component]
fn Pages(now: Signal<Monitoring>, back: RwSignal<u64>, windows: Memo<Vec<WindowSummary>>) -> impl IntoView {
    let step = WINDOWS as u64;
    let total = Memo::new(move |_| now.with(|now| now.windows_in_all));
    let is_last = Signal::derive(move || back.get() + step >= total.get());
    let is_first = Signal::derive(move || back.get() == 0);
    let said = move || {
        let last = total.get().saturating_sub(back.get());
        let first = last.saturating_sub(windows.with(Vec::len) as u64) + 1;
        format!("Windows {} to {} of {}", words::count(first), words::count(last), words::count(total.get()))
    };
    view! {
        <Show when=move || total.get().gt(&step)>
            <div class="flex small faint">
                {said}
                <span class="right flex">
                    <Button label="Older" kind="quiet s" disabled=is_last on_press=move || back.update(|back| *back += step) />
                    <Button label="Newer" kind="quiet s" disabled=is_first on_press=move || back.update(|back| *back = back.saturating_sub(step)) />
                </span>
            </div>
        </Show>
    }
}

/// Stretches without data, the newest first.
#[component]
fn Gaps(now: Signal<Monitoring>) -> impl IntoView {
    let all = RwSignal::new(false);
    let gaps = Memo::new(move |_| now.with(|now| now.gaps.clone()));
    let line = |gap: Gap| {
        view! { <p class="small warn">{format!("Gap, {} to {}: {}", words::exact(gap.from_ms), words::clock_with_seconds(gap.to_ms), gap.reason)}</p> }
    };
    view! {
        <div class="gaps">
            {move || {
                let shown = if all.get() { usize::MAX } else { GAPS };
                gaps.get().into_iter().rev().take(shown).map(line).collect_view()
            }}
        </div>
        {move || {
            let (count, shown) = (gaps.with(Vec::len), all.get());
            (count > GAPS).then(|| view! {
                <div class="flex small faint">
                    <Button
                        label=if shown { "Show the newest gaps".to_owned() } else { format!("Show all {} gaps", words::count(count as u64)) }
                        kind="quiet s" on_press=move || all.set(!shown)
                    />
                </div>
            })
        }}
    }
}

#[component]
fn Legend() -> impl IntoView {
    view! {
        <span class="flex caption faint" title="How far over its limit a column is. – is too few rows to decide.">
            {["0", "½", "limit", "1.5 ×", "3 ×"].into_iter().enumerate().map(|(step, from)| view! {
                {from}<i class=format!("swatch heat-{step}")></i>
            }).collect_view()}
            <span class="too-few">"– too few"</span>
        </span>
    }
}

/// Of which versions the shown windows are, oldest first, where they are not all of the one that is there `now`;
/// `has_own`: that one has a window, shown or not.
fn whose(shown: &[u32], now: u32, has_own: bool) -> Option<String> {
    let own = shown.iter().rev().take_while(|version| **version == now).count();
    let former = &shown[..shown.len() - own];
    let newest = former.last()?;
    let all: BTreeSet<&u32> = former.iter().collect();
    let named = all.iter().map(|version| format!("v{version}")).collect::<Vec<_>>().join(", ");
    Some(match own {
        0 if !has_own => format!("These windows are of {named}; v{now} has none yet."),
        0 if all.len() > 1 => format!("These windows are of {named}, the newest of v{newest}."),
        0 => format!("These windows are of {named}."),
        1 => format!("The newest window is of v{now}, those before are of {named}."),
        _ => format!("The newest {own} windows are of v{now}, those before are of {named}."),
    })
}

/// Columns, the loudest in the newest of the windows first.
fn columns(windows: &[WindowSummary]) -> Vec<String> {
    let Some(newest) = windows.last() else { return Vec::new() };
    let mut cells: Vec<_> = newest.cells.iter().filter(|cell| cell.verdict != Verdict::NotWatched).collect();
    cells
        .sort_by(|left, right| right.intensity.total_cmp(&left.intensity).then_with(|| left.column.cmp(&right.column)));
    cells.into_iter().map(|cell| cell.column.clone()).collect()
}

fn draw(windows: &[WindowSummary], columns: impl Iterator<Item = String>, chosen: Option<&Chosen>) -> HeatMap {
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
            let value = newest.map_or_else(|| "–".to_owned(), times);
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
fn spot(windows: &[WindowSummary], plot: &Plot, name: &str, row: usize, column: usize) -> Option<Spot> {
    let window = windows.get(column)?;
    let cell = window.cells.iter().find(|cell| cell.column == name)?;
    let wide = plot.width / windows.len() as f64;
    let said = |name: &str, words: String| Said { name: name.to_owned(), role: None, value: f64::NAN, words };
    let mut figures = vec![said("measured", cell.value.map_or_else(|| "–".to_owned(), words::figure))];
    figures.push(said("of its limit", times(cell)));
    figures.push(said("verdict", verdict(cell.verdict).1.to_owned()));
    Some(Spot {
        left: plot.left + wide * column as f64,
        top: plot.top + heat::ROW * row as f64 + 1.0,
        width: wide - 2.0,
        height: heat::ROW - 2.0,
        head: format!("{name}, {} to {}", words::exact(window.from_ms), words::clock_with_seconds(window.to_ms)),
        figures,
    })
}

/// A line for each column and window, every column however many are shown.
fn as_csv(windows: &[WindowSummary], columns: &[String]) -> String {
    let head = ["column", "from", "to", "version", "rows", "measured", "of its limit", "verdict"];
    let lines = columns.iter().flat_map(|column| {
        windows.iter().filter_map(move |window| {
            let cell = window.cells.iter().find(|cell| cell.column == *column)?;
            Some(csv_line([
                column.clone(),
                utc(window.from_ms),
                utc(window.to_ms),
                format!("v{}", window.version_number),
                window.rows.to_string(),
                cell.value.map(|value| value.to_string()).unwrap_or_default(),
                cell.intensity.to_string(),
                verdict(cell.verdict).1.to_owned(),
            ]))
        })
    });
    csv_line(head) + &lines.collect::<String>()
}

/// "0.47 ×", "12 ×": a column beside its limit, by which columns are ordered and coloured.
fn times(cell: &api::monitor::WindowCell) -> String {
    match (cell.verdict, cell.value) {
        (Verdict::Same, Some(_)) | (Verdict::Drifted, _) if cell.intensity < 10.0 => format!("{:.2} ×", cell.intensity),
        (Verdict::Same, Some(_)) | (Verdict::Drifted, _) => format!("{:.0} ×", cell.intensity),
        _ => "–".to_owned(),
    }
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
    windows: Memo<Vec<WindowSummary>>,
    order: Memo<Vec<String>>,
    chosen: RwSignal<Option<Chosen>>,
    row: usize,
    column: usize,
) {
    let found = windows.with_untracked(|windows| {
        let window = windows.get(column)?.id;
        Some(Chosen { window, column: order.with_untracked(|order| order.get(row).cloned())? })
    });
    if found.is_some() {
        chosen.set(found);
    }
}

fn place(
    windows: Memo<Vec<WindowSummary>>,
    order: Memo<Vec<String>>,
    chosen: RwSignal<Option<Chosen>>,
) -> Option<(usize, usize)> {
    let chosen = chosen.get_untracked()?;
    let row = order.with_untracked(|order| order.iter().position(|column| *column == chosen.column))?;
    windows.with_untracked(|windows| {
        windows.iter().position(|window| window.id == chosen.window).map(|column| (row, column))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_saved_with_a_line_for_each_cell() {
        let cell = |column: &str, value| api::monitor::WindowCell {
            column: column.to_owned(),
            value,
            intensity: 0.5,
            verdict: Verdict::Same,
        };
        let window = WindowSummary {
            id: api::id::WindowId::from_bytes([1; 16]),
            version: api::id::VersionId::from_bytes([2; 16]),
            version_number: 3,
            from_ms: 0,
            to_ms: 60_000,
            rows: 200,
            cells: vec![cell("amount", Some(0.25)), cell("age", None)],
            drifted: 0,
            dataset_drifted: false,
        };
        let columns = ["age", "amount", "gone"].map(str::to_owned);
        assert_eq!(
            as_csv(&[window], &columns),
            "column,from,to,version,rows,measured,of its limit,verdict\r\n\
             age,1970-01-01T00:00:00Z,1970-01-01T00:01:00Z,v3,200,,0.5,same\r\n\
             amount,1970-01-01T00:00:00Z,1970-01-01T00:01:00Z,v3,200,0.25,0.5,same\r\n"
        );
    }

    #[test]
    fn windows_of_a_version_that_was_replaced_are_said_to_be_its_own() {
        let all: [(&[u32], u32, bool, Option<&str>); 7] = [
            (&[], 2, false, None),
            (&[2, 2], 2, true, None),
            (&[1, 1], 2, false, Some("These windows are of v1; v2 has none yet.")),
            (&[1, 1], 2, true, Some("These windows are of v1.")),
            (&[1, 2], 1, true, Some("These windows are of v1, v2, the newest of v2.")),
            (&[1, 1, 2], 2, true, Some("The newest window is of v2, those before are of v1.")),
            (&[1, 2, 2], 2, true, Some("The newest 2 windows are of v2, those before are of v1.")),
        ];
        for (shown, now, has_own, said) in all {
            assert_eq!(whose(shown, now, has_own).as_deref(), said, "{shown:?}");
        }
    }
}
