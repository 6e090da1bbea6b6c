//! Several runs on the whole page: every curve that they have, what differs, and their newest figures.
//! The runs stand in the address, so that a comparison can be sent to somebody.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use api::{
    id::RunId,
    run::{GetRuns, Run},
    run_diff::MOST,
    run_table::{Listing, quoted},
    table_view::{Plotted, TableView},
    tracking::Scope,
};
use leptos::{ev, prelude::*};
use leptos_router::{
    hooks::{use_location, use_navigate},
    params::ParamsMap,
};

use super::{
    Facts, bands,
    code_differs::CodeDiffers,
    colours,
    columns::metrics::ByMetric,
    comparison::{Seen, Tools, is_measured, roles},
    differs::{Differs, Figures},
    last_values::LastValues,
    overlaid::{Compared, Overlaid, offer_own, told_apart},
    overlay::is_system,
    plots::{self, MEDIA, Whose},
    seen_beside::SeenBeside,
};
use crate::{
    client::{query, wire},
    frame::{address, place::Place},
    parts::{
        card::Chip,
        chart::looked::ChartLooks,
        curves::NAMED,
        field::TextField,
        icon::{self, icon},
        row_keys::is_typing,
        states::{Failure, Skeleton},
        words,
    },
};

/// Of very many runs so many charts are drawn; the rest are found by the filter.
const CHARTS: usize = 12;
/// Where the address says which charts are looked for.
pub(super) const FILTERED: &str = "charts";
/// What is said where the filter of charts leaves none.
pub(super) const NONE_FOUND: &str = "No metric is called so.";
/// Of more runs the two tables stand below each other.
const BESIDE: usize = 3;
/// So many runs stand in the head, of more the rest is behind a button: two to four lines of a window.
const UNFOLDED: usize = 16;

/// The runs that the address compares: `?compare=ID,ID`; of more than [`MOST`] the first are. Each with its place among
/// the colours, where the address says that.
pub(super) fn asked(query: Memo<ParamsMap>) -> Memo<Vec<(RunId, Option<usize>)>> {
    Memo::new(move |_| {
        let named = query.with(|query| query.get("compare")).unwrap_or_default();
        let mut runs = Vec::<(RunId, Option<usize>)>::new();
        for (run, place) in named.split(',').filter_map(colours::read) {
            if runs.iter().all(|(other, _)| *other != run) {
                runs.push((run, place));
            }
        }
        runs
    })
}

/// What the address adds of how many runs those are that are compared, where they are more than fit.
pub(super) fn said_of(runs: u64) -> String {
    if runs > MOST as u64 { format!("&of={runs}") } else { String::new() }
}

/// Where the picked rows of a table are compared.
pub(super) fn page_of(place: Place, picked: &[String], places: &HashMap<String, usize>) -> String {
    let of = said_of(picked.len() as u64);
    let runs: Vec<RunId> = picked.iter().take(MOST).filter_map(|id| id.parse().ok()).collect();
    format!("{}?compare={}{of}", place.link("runs"), colours::written_of(&runs, places))
}

/// Which part of the chosen runs is compared; nothing where all are.
fn part(compared: usize, of: Option<u64>) -> Option<String> {
    let of = of.filter(|of| *of > compared as u64 && compared > 0)?;
    Some(format!(
        "{} of {} runs are compared. To compare others, narrow the filter of the table or select fewer rows.",
        words::count(compared as u64),
        words::count(of)
    ))
}

#[component]
pub(super) fn Compare(
    /// As many as the address names.
    named: Memo<Vec<(RunId, Option<usize>)>>,
    query: Memo<ParamsMap>,
    ranked_by: Signal<Option<(String, bool)>>,
    /// What a person says of the table's metrics.
    better: Signal<ByMetric>,
    /// The address of the table as it was.
    back: Signal<String>,
) -> impl IntoView {
    let navigate = StoredValue::new_local(use_navigate());
    let runs = Memo::new(move |_| named.with(|named| named.iter().map(|(run, _)| *run).take(MOST).collect::<Vec<_>>()));
    let places = Memo::new(move |_| {
        let first = named.with(|named| named[..named.len().min(MOST)].to_vec());
        let places = colours::places(&first);
        first.into_iter().map(|(run, _)| run).zip(places).collect::<HashMap<RunId, usize>>()
    });
    let seen = Seen { better, ..Seen::of_address(query) };
    let looks = ChartLooks::of_address(query);
    // However many they are, they are one request.
    let asked = query::gathered(move || Some(GetRuns { runs: runs.get() }), |asked| asked.runs.len());
    let found = Memo::new(move |_| {
        let all = asked.value.get().unwrap_or_default();
        all.into_iter().flatten().map(|run| (run.id, run)).collect::<BTreeMap<RunId, Run>>()
    });
    let chosen = Memo::new(move |_| {
        let places = places.get();
        let compared = |found: &BTreeMap<RunId, Run>, run: &RunId| {
            Some(Compared { place: places.get(run).copied().unwrap_or(0), ..Compared::from(found.get(run)?) })
        };
        told_apart(found.with(|found| runs.with(|runs| runs.iter().filter_map(|run| compared(found, run)).collect())))
    });
    // What the canvas is of stands in the address as that of the table does, in a part of its own.
    let canvas = query.with_untracked(|query| query.get("canvas")).unwrap_or_default();
    let plotted = RwSignal::new(TableView::read(&canvas, wire::decode).plotted);
    address::keep_in_address(move || {
        let canvas = TableView { plotted: plotted.get(), ..TableView::default() }.address(wire::encode);
        vec![("canvas", canvas.trim_start_matches('?').to_owned())]
    });
    let facts = Signal::derive(move || chosen.with(|chosen| Facts::of_compared(chosen, ranked_by.get())));
    let is_plotted = Memo::new(move |_| plotted.with(|plotted| !plotted.is_table() || plotted.view == MEDIA));
    let listed = Memo::new(move |_| found.with(listed));
    let (path, search) = {
        let here = use_location();
        (here.pathname, here.search)
    };
    let these = plots::These {
        label: "Keep only these",
        act: Callback::new(move |ids: Vec<String>| {
            let kept = runs.with_untracked(|runs| among(runs, &ids));
            if kept.is_empty() {
                return;
            }
            let kept = places.with_untracked(|places| colours::written(&kept, places));
            let canvas = plotted.with_untracked(unbrushed).address(wire::encode);
            let parts = [("compare", kept), ("canvas", wire::encode(canvas.trim_start_matches('?')))];
            let to = search.with_untracked(|search| address::with(search, &parts));
            let to = format!("{}{to}", path.get_untracked());
            navigate.with_value(|navigate| navigate(&to, Default::default()));
        }),
    };
    // Each run's folder is looked through for it, so only once a person asks.
    let is_media = Memo::new(move |_| plotted.with(|plotted| plotted.view == MEDIA));
    // Stays as it is while the runs log on: what is typed beside a chart would go with it.
    let has_plot = Memo::new(move |_| is_plotted.get() && !is_media.get() && chosen.with(|chosen| !chosen.is_empty()));
    let place = Place::get();
    let open = Callback::new(move |id: String| {
        navigate.with_value(|navigate| navigate(&place.link(&format!("runs/{id}")), Default::default()));
    });
    let of = Memo::new(move |_| query.with(|query| query.get("of")).and_then(|of| of.parse::<u64>().ok()));
    // Those that are not there any more are told below, and not counted.
    let there =
        Memo::new(move |_| if asked.value.with(Option::is_some) { chosen.with(Vec::len) } else { runs.with(Vec::len) });
    let is_unfolded = RwSignal::new(false);
    let shown = Memo::new(move |_| {
        let all = runs.get();
        if is_unfolded.get() { all } else { unfolded(&all, seen.pinned()) }
    });
    let folded = Memo::new(move |_| runs.with(Vec::len) - shown.with(Vec::len));
    let folds = Memo::new(move |_| folded.get() > 0 || (is_unfolded.get() && runs.with(Vec::len) > UNFOLDED));
    let wanted = RwSignal::new(query.with_untracked(|query| query.get(FILTERED)).unwrap_or_default());
    address::keep_in_address(move || vec![(FILTERED, wanted.get())]);
    let keys = Memo::new(move |_| {
        let first = ranked_by.get().map(|(key, _)| key);
        let system = seen.system.get();
        let counts: BTreeMap<String, usize> = chosen.with(|chosen| {
            let mut counts = BTreeMap::new();
            let is_shown = |key: &&String| system || !is_system(key);
            for key in chosen.iter().flat_map(|run| &run.curves).filter(is_shown) {
                *counts.entry(key.clone()).or_default() += 1;
            }
            counts
        });
        let mut all: Vec<String> = counts.keys().cloned().collect();
        // What most of them measured can be compared best.
        all.sort_by_key(|key| {
            let rank = match key.as_str() {
                key if first.as_deref() == Some(key) => 0,
                "loss/validation" => 1,
                "loss/train" => 2,
                key if key.ends_with("/validation") => 3,
                _ => 4,
            };
            (is_system(key), rank, std::cmp::Reverse(counts.get(key).copied()), words::is_more_better(key).is_none())
        });
        // Along a figure that figure itself is a straight line; alone it stays, so that there is something to see.
        if let Some(along) = seen.look.by_metric().filter(|_| all.len() > 1) {
            all.retain(|key| *key != along);
        }
        let words = wanted.with(|wanted| wanted.to_lowercase());
        all.retain(|key| words::has(key, words.trim()));
        all
    });
    let is_many = Memo::new(move |_| runs.with(Vec::len) > NAMED);
    let drawn = Memo::new(move |_| {
        let most = if is_many.get() { CHARTS } else { usize::MAX };
        keys.with(|keys| keys.iter().take(most).cloned().collect::<Vec<_>>())
    });
    offer_own(seen.look, chosen, drawn);
    let cross = RwSignal::new(None);
    // What the machine did lies along time, which other charts may not.
    let (of_machine, cross_of_machine) = (Seen { look: seen.look.by_clock(), ..seen }, RwSignal::new(None));
    on_keys(move |key| match key {
        "Escape" => navigate.with_value(|navigate| navigate(&back.get_untracked(), Default::default())),
        "p" => seen.pin.set(next_pin(&runs.get_untracked(), seen.pinned())),
        _ => {}
    });
    let none = Memo::new(move |_| {
        keys.with(Vec::is_empty) && wanted.with(String::is_empty) && asked.value.with(Option::is_some)
    });
    let has_tools = Memo::new(move |_| !none.get() || chosen.with(|chosen| is_measured(chosen)));
    let waits = Memo::new(move |_| asked.value.with(Option::is_none) && asked.error.with(Option::is_none));
    let none_found = Memo::new(move |_| keys.with(Vec::is_empty) && !wanted.with(String::is_empty));
    view! {
        <section class="body-of-page compare" aria-label="Comparison of runs">
            <div class="head">
                <div class="grow">
                    <h1>{move || format!("{} compared", words::counted(there.get() as u64, "run", "runs"))}</h1>
                    <div class="flex wrap compared">
                        <For each=move || shown.get() key=|run| *run let:run>
                            <OneRun run runs places chosen found is_known=Signal::derive(move || asked.value.with(Option::is_some)) seen />
                        </For>
                        // One button for both ways, so that the focus stays on it.
                        {move || folds.get().then(|| view! {
                            <button type="button" class="btn quiet s" aria-expanded=move || is_unfolded.get().to_string() on:click=move |_| is_unfolded.update(|is| *is = !*is)>
                                {move || if is_unfolded.get() { "Fewer".to_owned() } else { format!("+ {} more", folded.get()) }}
                            </button>
                        })}
                    </div>
                    {move || asked.error.get().map(|error| view! { <Failure error again=move || asked.refresh() /> })}
                    {move || named.with(Vec::len).checked_sub(MOST).filter(|more| *more > 0).map(|more| view! {
                        <p class="small muted">{format!("The first {MOST} are compared; {} left out.", words::counted(more as u64, "more is", "more are"))}</p>
                    })}
                    {move || part(runs.with(Vec::len), of.get()).map(|part| view! { <p class="small muted" data-part="">
                        {part}" "<a href=move || seen.pin.with(|pin| bands::over(&back.get(), pin))>"See the bands of all that the filter matches"</a>
                    </p> })}
                </div>
                <div class="right flex">
                    <plots::CanvasSwitcher plotted />
                    <a class="btn" href=move || back.get()>{icon(icon::X)}"Close"</a>
                </div>
            </div>
            // Where nothing is a curve there is nothing to choose of curves.
            {move || (!is_plotted.get() && has_tools.get()).then(|| view! {
                <div class="flex wrap tools-of-charts">
                    <Tools seen chosen />
                    <TextField value=wanted name="Filter charts" placeholder="Filter charts" mark=icon::LIST_FILTER is_filter=true class="grow" />
                </div>
            })}
            {move || has_plot.get().then(|| view! {
                <plots::Plots whose=Whose::Compared(chosen, Some(seen.bands)) plotted facts filter=None these list=listed on_open=open />
            })}
            {move || is_media.get().then(|| view! { <SeenBeside chosen query seen /> })}
            {move || (none.get() && !is_plotted.get()).then(|| view! {
                <LastValues chosen seen ranked_by />
            })}
            {move || waits.get().then(|| view! { <Skeleton lines=6 /> })}
            {move || (none_found.get() && !is_plotted.get()).then(|| view! { <p class="muted small">{NONE_FOUND}</p> })}
            <div class="charts">
                <For each=move || if is_plotted.get() { Vec::new() } else { drawn.get() } key=Clone::clone let:key>
                    {
                        let (seen, cross) = if is_system(&key) { (of_machine, cross_of_machine) } else { (seen, cross) };
                        let kept = looks.chart(key.clone());
                        view! { <div><Overlaid key chosen cross seen height=height() kept /></div> }
                    }
                </For>
            </div>
            {move || keys.with(Vec::len).checked_sub(drawn.with(Vec::len)).filter(|more| *more > 0 && !is_plotted.get()).map(|more| view! {
                <p class="small muted">{format!("The first {CHARTS} metrics are drawn; {} found by the filter above.", words::counted(more as u64, "more is", "more are"))}</p>
            })}
            <div class="compared-tables" class:below=move || BESIDE.lt(&runs.with(Vec::len))>
                <Figures chosen seen ranked_by />
                <Differs chosen seen ranked_by />
            </div>
            <CodeDiffers chosen seen />
        </section>
    }
}

/// The runs that stand in the head: the first, and the baseline wherever it is; all where one more would fit.
fn unfolded(runs: &[RunId], pinned: Option<RunId>) -> Vec<RunId> {
    if runs.len() <= UNFOLDED + 1 {
        return runs.to_vec();
    }
    let (first, rest) = runs.split_at(UNFOLDED);
    let baseline = rest.iter().filter(|run| Some(**run) == pinned);
    first.iter().chain(baseline).copied().collect()
}

/// The runs as a list of their experiment, or of all where they are of several; none of none.
fn listed(found: &BTreeMap<RunId, Run>) -> Option<Listing> {
    let mut experiments = found.values().map(|run| run.experiment);
    let first = experiments.next()?;
    let of = if experiments.all(|other| other == first) { Scope::Experiment(first) } else { Scope::All };
    let ids = found.keys().map(|id| quoted(&id.to_string())).collect::<Vec<_>>().join(", ");
    Some(Listing { of, deleted: false, filter: format!("id in ({ids})"), sort: None, descending: false })
}

/// Those of the runs that have these ids, in their order.
fn among(runs: &[RunId], ids: &[String]) -> Vec<RunId> {
    let wanted: BTreeSet<RunId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    runs.iter().filter(|run| wanted.contains(run)).copied().collect()
}

/// The canvas without what was brushed on it: that is all that is left.
fn unbrushed(plotted: &Plotted) -> TableView {
    TableView { plotted: Plotted { brushes: Vec::new(), ..plotted.clone() }, ..TableView::default() }
}

/// The run after the one that is pinned; none after the last.
fn next_pin(runs: &[RunId], pinned: Option<RunId>) -> String {
    let at = pinned.and_then(|pinned| runs.iter().position(|run| *run == pinned));
    runs.get(at.map_or(0, |at| at + 1)).map(ToString::to_string).unwrap_or_default()
}

/// Hears the keys that are pressed on a page over the table and are nobody else's.
pub(super) fn on_keys(heard: impl Fn(&str) + 'static) {
    let listener = window_event_listener(ev::keydown, move |event| {
        let is_other = || document().query_selector("dialog[open], .menu").ok().flatten().is_some();
        let has_modifier = event.ctrl_key() || event.meta_key() || event.alt_key();
        if !(event.default_prevented() || is_other() || is_typing(&event) || has_modifier) {
            heard(&event.key());
        }
    });
    on_cleanup(move || listener.remove());
}

/// Two rows of charts fill the window as it is when the page opens.
pub(super) fn height() -> f64 {
    let window = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(800.0);
    ((window - 300.0) / 2.0 - 60.0).clamp(200.0, 380.0)
}

/// A run in the head: its colour, its name, its state, and a way to leave it out.
#[component]
fn OneRun(
    run: RunId,
    runs: Memo<Vec<RunId>>,
    /// Their places among the colours.
    places: Memo<HashMap<RunId, usize>>,
    chosen: Memo<Vec<Compared>>,
    found: Memo<BTreeMap<RunId, Run>>,
    /// The host has answered: what it did not tell isn't there.
    is_known: Signal<bool>,
    seen: Seen,
) -> impl IntoView {
    let place = Place::get();
    let here = use_location();
    // By the name that tells it from another of the same.
    let own = Memo::new(move |_| {
        let name = chosen.with(|chosen| chosen.iter().find(|one| one.id == run).map(|one| one.name.clone()))?;
        found.with(|found| found.get(&run).map(|run| (name, run.state, run.deleted_ms.is_some())))
    });
    let role = Memo::new(move |_| {
        let roles = chosen.with(|chosen| seen.bands.with(|bands| roles(chosen, bands)));
        roles.get(&run).map(|role| role.class()).unwrap_or_default()
    });
    let is_dashed = Memo::new(move |_| {
        let is_dashed = chosen.with(|chosen| chosen.iter().find(|one| one.id == run).is_some_and(Compared::is_dashed));
        is_dashed && seen.bands.with(String::is_empty)
    });
    let without = move || {
        let others: Vec<RunId> = runs.with(|runs| runs.iter().filter(|other| **other != run).copied().collect());
        // Those that stay keep their colours.
        let others = places.with(|places| colours::written(&others, places));
        let path = here.pathname.get();
        let search = here.search.get();
        if others.is_empty() { path } else { format!("{path}{}", address::with(&search, &[("compare", others)])) }
    };
    let is_pinned = Memo::new(move |_| seen.pinned() == Some(run));
    move || {
        let Some((name, state, is_deleted)) = own.get() else {
            let text = if is_known.get() { format!("No run {run} is here") } else { "…".to_owned() };
            return view! {
                <span class="chip compared-run">
                    {text}
                    <a class="plain flex faint" href=without aria-label="Leave it out" title="Leave it out">{icon(icon::X)}</a>
                </span>
            }
            .into_any();
        };
        let leave = format!("Leave {name} out");
        let pin = format!("Pin {name} as the baseline");
        view! {
            <span class="chip compared-run" class:on=move || is_pinned.get()>
                <i class=move || format!("swatch fill {}", role.get()) class:dashed=move || is_dashed.get()></i>
                <a class="plain" href=place.link(&format!("runs/{run}"))>{name}</a>
                {is_deleted.then(|| view! { <Chip text="deleted" tone="warn" /> })}
                {(!state.is_over()).then(|| view! { <i class="dot live" role="img" aria-label="under way" title="under way"></i> })}
                <button
                    type="button"
                    class="btn quiet s"
                    aria-pressed=move || is_pinned.get().to_string()
                    aria-label=pin.clone()
                    title=pin.clone()
                    on:click=move |_| seen.toggle_pin(run)
                >
                    {icon(icon::PIN)}
                    {move || is_pinned.get().then_some("Baseline")}
                </button>
                <a class="plain flex faint" href=without aria-label=leave.clone() title=leave.clone()>{icon(icon::X)}</a>
            </span>
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_not_all_runs_are_compared_is_said() {
        assert_eq!([said_of(100), said_of(200)], ["", "&of=200"]);
        assert!(part(100, Some(2_000)).is_some_and(|said| said.starts_with("100 of 2,000 runs are compared.")));
        assert_eq!([part(100, None), part(4, Some(4)), part(0, Some(200))], [None, None, None]);
    }

    #[test]
    fn what_is_brushed_is_kept_and_the_brush_is_gone() {
        let runs: Vec<RunId> = (0..5).map(|number| RunId::from_bytes([number; 16])).collect();
        let ids = [3, 1].map(|at: usize| runs[at].to_string());
        assert_eq!(among(&runs, &ids), [runs[1], runs[3]]);
        let brushes = vec!["0.1~~param.lr".to_owned()];
        let plotted = Plotted { view: "parallel".to_owned(), brushes, ..Plotted::default() };
        assert_eq!(unbrushed(&plotted).address(str::to_owned), "?view=parallel");
        assert_eq!(listed(&BTreeMap::new()), None);
    }

    #[test]
    fn of_very_many_runs_the_first_stand_in_the_head_and_the_baseline_too() {
        let runs: Vec<RunId> = (0..100).map(|number| RunId::from_bytes([number; 16])).collect();
        assert_eq!(unfolded(&runs, None), runs[..UNFOLDED]);
        assert_eq!(unfolded(&runs, Some(runs[3])), runs[..UNFOLDED]);
        let with = unfolded(&runs, Some(runs[70]));
        assert_eq!((with.len(), with.last()), (UNFOLDED + 1, Some(&runs[70])));
        assert_eq!(unfolded(&runs[..UNFOLDED + 1], None).len(), UNFOLDED + 1, "no button hides a single run");
    }
}
