//! All runs that a filter matches on the whole page, however many they are: of each group the mean of their curves ±
//! standard deviation, which the host sums up. Filter and groups stand in the address (`?compare=groups&filter=…&group=…`).

mod baseline;

use api::{
    run::ListRuns,
    run_table::{AggregateRuns, BandAxis, Listing, RunBand, RunBands},
    table_view::{TableView, field},
};
use charts::{
    axis::Axis,
    group,
    line::{Line, LineChart},
    role::Role,
};
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
    params::ParamsMap,
};

use baseline::Baseline;

use super::{
    colours::is_dashed_at,
    columns::Names,
    compare,
    comparison::{SYSTEM, SystemSwitch, said_of},
    groups::{both, choices, title},
    overlaid::Compared,
    overlay::{by_worth, is_system},
};
use crate::{
    client::{pace, query::paced, wire},
    frame::{
        address::{self, keep_in_address},
        place::Place,
    },
    parts::{
        chart::ChartCard,
        curve_look::{CURVES, Look, LookChoice},
        curves::{Along, NAMED, Over, RunLines, lines_of_runs, most_points, scale},
        field::{Select, TextField},
        icon::{self, icon},
        states::{Empty, Failure, Skeleton},
        words,
    },
};

/// What the address says in the place of ids.
const GROUPS: &str = "groups";
/// Each chart is a read of all runs: so many are drawn, the rest are found by the filter.
const CHARTS: usize = 4;
/// Runs that say which figures are curves.
const FIRST: u32 = 100;
/// Milliseconds after which a first look is drawn of what was read until then.
const FIRST_LOOK_MS: u64 = 700;

/// Whether the address compares groups.
pub(super) fn asked(query: Memo<ParamsMap>) -> Memo<bool> {
    Memo::new(move |_| query.with(|query| query.get("compare")).as_deref() == Some(GROUPS))
}

/// The address over that of the table, whose filter and groups it has, beside this baseline.
pub(super) fn over(table: &str, pin: &str) -> String {
    let (path, query) = table.split_once('?').unwrap_or((table, ""));
    format!("{path}{}", address::with(query, &[("compare", GROUPS.to_owned()), ("pin", pin.to_owned())]))
}

/// The address behind that of a project or experiment, for the runs of a table grouped by this.
pub(super) fn of_table(list: &Listing, group: &Names) -> String {
    let view =
        TableView { filter: list.filter.clone(), group: group.clone(), deleted: list.deleted, ..TableView::default() };
    over(&format!("runs{}", view.address(wire::encode)), "")
}

/// Names as an address has them.
fn joined(names: &Names, encode: impl Fn(&str) -> String) -> String {
    names.iter().map(|name| encode(name)).collect::<Vec<_>>().join(",")
}

/// What runs are grouped by, as a choice: what is chosen is always among it.
fn options(
    chosen: &Names,
    params: &[String],
    tags: &[String],
    encode: impl Fn(&str) -> String,
) -> Vec<(String, String)> {
    let label = |names: &Names| format!("By {}", names.iter().map(|name| title(name)).collect::<Vec<_>>().join(", "));
    let each: Vec<Names> = choices(params.iter(), tags.iter()).into_iter().map(|(name, ..)| vec![name]).collect();
    let own = Some(chosen.clone()).filter(|chosen| !chosen.is_empty() && !each.contains(chosen));
    let named = own.into_iter().chain(each).map(|names| (joined(&names, &encode), label(&names)));
    [(String::new(), "No groups".to_owned())].into_iter().chain(named).collect()
}

/// The figures that are drawn, of what was measured: what the machine did where it is asked for, behind the others.
fn shown_of(mut measured: Vec<String>, system: bool) -> Vec<String> {
    measured.retain(|key| system || !is_system(key));
    measured.sort_by_key(|key| is_system(key));
    measured
}

/// What is asked of each figure.
#[derive(Debug, Clone, PartialEq)]
struct Whose {
    list: Listing,
    /// As the engine names it.
    by: Names,
}

/// What the page says of all figures: how many runs in how many groups, and the groups, each with the filter of its runs.
#[derive(Debug, Clone, PartialEq, Default)]
struct Told {
    said: String,
    groups: Vec<(String, String)>,
}

impl Told {
    fn of(bands: &RunBands) -> Self {
        let groups = bands.bands.iter().map(|band| (group::name_of(band), band.filter.clone())).collect();
        Self { said: bands.said().into_iter().next().unwrap_or_default(), groups }
    }
}

/// The bands as lines, each in the colour of its group's place; of very many groups the means alone, for their bands would
/// be a fog.
fn lines(bands: &RunBands) -> Vec<Line> {
    let is_many = bands.bands.len() > NAMED;
    let line = |(at, band): (usize, &RunBand)| {
        let mut line = Line { is_dashed: is_dashed_at(at), ..group::of_band(band, Role::series(at)) };
        if is_many {
            line.band.clear();
        }
        line
    };
    bands.bands.iter().enumerate().map(line).filter(|line| !line.x.is_empty()).collect()
}

/// The means, and the baseline's curve over them.
fn with_baseline(mut means: Vec<Line>, beside: &RunLines) -> Vec<Line> {
    means.extend(beside.lines.iter().map(|(_, line)| line.clone().over_groups()));
    means
}

#[component]
pub(super) fn CompareGroups(
    query: Memo<ParamsMap>,
    /// The address of the table as it was.
    back: Signal<String>,
) -> impl IntoView {
    let (place, here) = (Place::get(), use_location());
    let navigate = StoredValue::new_local(use_navigate());
    let search = here.search;
    let path = here.pathname;
    let look = Look::new().of_address(query, CURVES);
    // A mean has no clock's time.
    if look.along.get_untracked() == "clock" {
        look.along.set("step".to_owned());
    }
    let view = Memo::new(move |_| TableView::read(&search.get(), wire::decode));
    let whose = Memo::new(move |_| {
        let of = place.scope.get()?;
        view.with(|view| {
            let (deleted, filter) = (view.deleted, view.filter.clone());
            let by = view.group.iter().map(|name| field(name)).collect();
            Some(Whose { list: Listing { of, deleted, filter, sort: None, descending: false }, by })
        })
    });
    let chosen = RwSignal::new(view.with_untracked(|view| joined(&view.group, wire::encode)));
    Effect::new(move |before: Option<String>| {
        let now = chosen.get();
        if before.is_some_and(|before| before != now) {
            let query = address::with(&search.get_untracked(), &[("group", now.clone())]);
            let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
            navigate.with_value(|navigate| navigate(&format!("{}{query}", path.get_untracked()), options));
        }
        now
    });
    let table = paced(move || Some(ListRuns::of(whose.get()?.list, 0, FIRST)), pace::BANDS_MS);
    let baseline = Baseline::of_address(query);
    let may_be_baseline = Signal::derive(move || {
        table.value.with(|table| baseline.options(table.as_ref().map_or(&[][..], |table| table.rows.as_slice())))
    });
    let measured = Memo::new(move |_| {
        table.value.with(|table| {
            let Some(table) = table else { return Vec::new() };
            let runs: Vec<Compared> = table.rows.iter().map(Compared::from).collect();
            let ranked = table.ranked_by.as_ref().map(|(key, _)| key.as_str());
            let keys = by_worth(&runs, ranked).into_iter().map(|(key, _)| key);
            keys.collect::<Vec<_>>()
        })
    });
    let system = RwSignal::new(query.with_untracked(|query| query.get(SYSTEM)).as_deref() == Some("1"));
    keep_in_address(move || vec![(SYSTEM, said_of(system))]);
    let is_measured = Memo::new(move |_| measured.with(|all| all.iter().any(|key| is_system(key))));
    let known = Memo::new(move |_| shown_of(measured.get(), system.get()));
    let of_machine = (look.by_clock(), RwSignal::new(None));
    let grouped_by = Signal::derive(move || {
        let group = view.with(|view| view.group.clone());
        table.value.with(|table| match table {
            Some(table) => options(&group, &table.param_keys, &table.tag_keys, wire::encode),
            None => options(&group, &[], &[], wire::encode),
        })
    });
    let wanted = RwSignal::new(query.with_untracked(|query| query.get(compare::FILTERED)).unwrap_or_default());
    address::keep_in_address(move || vec![(compare::FILTERED, wanted.get())]);
    let found = Memo::new(move |_| {
        let words = wanted.with(|wanted| wanted.to_lowercase());
        let mut keys = known.get();
        keys.retain(|key| words::has(key, words.trim()));
        keys
    });
    let drawn = Memo::new(move |_| found.with(|found| found.iter().take(CHARTS).cloned().collect::<Vec<_>>()));
    let more = Memo::new(move |_| found.with(Vec::len) - drawn.with(Vec::len));
    let none = Memo::new(move |_| table.value.with(Option::is_some) && known.with(Vec::is_empty));
    let waits = Memo::new(move |_| table.value.with(Option::is_none) && table.error.with(Option::is_none));
    let none_found = Memo::new(move |_| found.with(Vec::is_empty) && !known.with(Vec::is_empty));
    let told = RwSignal::new(Told::default());
    // What was said of other runs is not said of these; the charts' answers come after it.
    Effect::new(move |_| {
        whose.track();
        if told.with_untracked(|told| *told != Told::default()) {
            told.set(Told::default());
        }
    });
    let cross = RwSignal::new(None);
    compare::on_keys(move |key| {
        if key == "Escape" {
            navigate.with_value(|navigate| navigate(&back.get_untracked(), Default::default()));
        }
    });
    let narrowed = move |filter: &str| {
        let of_group = view.with(|view| TableView {
            filter: both(&view.filter, filter),
            deleted: view.deleted,
            ..TableView::default()
        });
        place.link(&format!("runs{}", of_group.address(wire::encode)))
    };
    view! {
        <section class="body-of-page compare" aria-label="Comparison of groups of runs">
            <div class="head">
                <div class="grow">
                    <h1>"Groups compared"</h1>
                    <p class="small muted" data-bands="">{move || told.with(|told| told.said.clone())}</p>
                    <div class="flex wrap compared">
                        {move || told.with(|told| told.groups.clone()).into_iter().enumerate().map(|(at, (name, filter))| {
                            let role = Role::series(at).class();
                            view! {
                                <span class="chip compared-run">
                                    <i class=format!("swatch fill {role}") class:dashed=is_dashed_at(at)></i>
                                    <a class="plain" title="The runs of this group" href=narrowed(&filter)>{name}</a>
                                </span>
                            }
                        }).collect_view()}
                    </div>
                    {move || table.error.get().map(|error| view! { <Failure error again=move || table.refresh() /> })}
                </div>
                <div class="right flex">
                    <a class="btn" href=move || back.get()>{icon(icon::X)}"Close"</a>
                </div>
            </div>
            <div class="flex wrap tools-of-charts">
                <LookChoice look keys=known of_runs=false />
                <Select value=chosen options=grouped_by name="Groups" />
                <Select value=baseline.pin options=may_be_baseline name="Baseline" />
                <SystemSwitch value=system is_there=is_measured />
                <TextField value=wanted name="Filter charts" placeholder="Filter charts" mark=icon::LIST_FILTER is_filter=true class="grow" />
            </div>
            {move || none.get().then(|| view! {
                <Empty mark=icon::ACTIVITY title="No curve here" text="None of the first runs that the filter matches measured a metric more than once." />
            })}
            {move || waits.get().then(|| view! { <Skeleton lines=6 /> })}
            {move || none_found.get().then(|| view! { <p class="muted small">{compare::NONE_FOUND}</p> })}
            <div class="charts">
                <For each=move || drawn.get() key=Clone::clone let:key>
                    {
                        let (look, cross) = if is_system(&key) { of_machine } else { (look, cross) };
                        view! { <div><Banded metric=key whose look baseline cross told /></div> }
                    }
                </For>
            </div>
            {move || (more.get() > 0).then(|| view! {
                <p class="small muted">{format!("The first {CHARTS} metrics are drawn; {} found by the filter above.", words::counted(more.get() as u64, "more is", "more are"))}</p>
            })}
        </section>
    }
}

/// What the means of a chart lie along.
#[derive(Debug, Clone, PartialEq)]
struct Lies {
    along: BandAxis,
    /// Another metric in the place of that.
    over: Option<String>,
    /// Places stand evenly on a logarithmic axis: over another metric alone.
    log: bool,
}

impl Lies {
    fn of(along: Along, over: Option<Over>) -> Self {
        let along = match along {
            Along::Seconds => BandAxis::Seconds,
            Along::Share => BandAxis::Share,
            Along::Step | Along::Clock => BandAxis::Step,
        };
        match over {
            Some(Over { key, log }) => Self { along, over: Some(key), log },
            None => Self { along, over: None, log: false },
        }
    }
}

/// One figure of all groups.
#[component]
fn Banded(
    metric: String,
    whose: Memo<Option<Whose>>,
    look: Look,
    baseline: Baseline,
    cross: RwSignal<Option<f64>>,
    told: RwSignal<Told>,
) -> impl IntoView {
    let zoom = RwSignal::new(None::<(f64, f64)>);
    let lies = Memo::new(move |_| Lies::of(look.along(), look.over()));
    // All is read once a first look was not at all of it.
    let is_patient = RwSignal::new(false);
    Effect::new(move |_| {
        whose.track();
        lies.track();
        zoom.track();
        is_patient.set(false);
    });
    let own = metric.clone();
    let answer = paced(
        move || {
            let Whose { list, by } = whose.get()?;
            let (from, to) = zoom.get().unzip();
            let within_ms = (!is_patient.get()).then_some(FIRST_LOOK_MS);
            let (metric, Lies { along, over, log }) = (own.clone(), lies.get());
            Some(AggregateRuns { list, by, metric, along, over, log, from, to, points: None, groups: None, within_ms })
        },
        pace::BANDS_MS,
    );
    // What is drawn stays while a closer look is on its way, but not on another axis or of other groups.
    let shown = RwSignal::new(None::<(Lies, Option<Whose>, RunBands)>);
    Effect::new(move |_| {
        let Some(bands) = answer.value.get() else { return };
        if !bands.is_whole() {
            is_patient.set(true);
        }
        let now = Told::of(&bands);
        if told.with_untracked(|told| *told != now) {
            told.set(now);
        }
        shown.set(Some((lies.get_untracked(), whose.get_untracked(), bands)));
    });
    let bands = Memo::new(move |_| {
        let (lies, whose) = (lies.get(), whose.get());
        shown.with(|shown| {
            let there = shown.as_ref().filter(|(of, by, _)| *of == lies && *by == whose);
            there.map(|(_, _, bands)| bands.clone())
        })
    });
    let name = metric.clone();
    let (heading, unit, part) = words::in_unit(&metric);
    let from_zero = is_system(&metric);
    let loss = metric.starts_with("loss/");
    let key = metric.clone();
    let (beside, _) = lines_of_runs(move || baseline.wanted(&key), move || look.along(), move || look.over(), zoom);
    let drawn = Memo::new(move |_| {
        let means = bands.with(|bands| bands.as_ref().map(lines).unwrap_or_default());
        let mut all = beside.with(|beside| with_baseline(means, beside));
        scale(&mut all, part);
        all
    });
    // By the means alone: a baseline of many points is no reason to smooth them.
    let points = move || bands.with(|bands| bands.as_ref().map_or(0, |bands| most_points(&lines(bands))));
    let smoothing = look.smoothing_of(points, zoom);
    let chart = Signal::derive(move || LineChart {
        name: name.clone(),
        lines: drawn.get(),
        // Along a metric the neighbours of a point are not those before it, and what a machine did has no noise.
        smoothing: if from_zero || look.by_metric().is_some() { 0.0 } else { smoothing.get() },
        x: look.x_axis(),
        y: Axis { unit: unit.to_owned(), from_zero, scale: look.y_scale(), ..Axis::default() },
        has_marks: true,
        ..LineChart::default()
    });
    let is_many = Memo::new(move |_| bands.with(|bands| bands.as_ref().is_some_and(|bands| bands.bands.len() > NAMED)));
    let note = Signal::derive(move || {
        let drawn = if is_many.get() { "mean" } else { "mean ± sd" };
        if unit.is_empty() { drawn.to_owned() } else { format!("{drawn}, {unit}") }
    });
    let left_out = Memo::new(move |_| {
        let reading = Reading::of(answer.error.with(Option::is_some), answer.value.with(Option::is_some));
        bands.with(|bands| bands.as_ref().map(|bands| said(bands, reading)).unwrap_or_default())
    });
    let is_there = Memo::new(move |_| bands.with(Option::is_some));
    let has_lines = Memo::new(move |_| chart.with(|chart| !chart.lines.is_empty()) || zoom.with(Option::is_some));
    let on_zoom = Callback::new(move |to: Option<(f64, f64)>| zoom.set(to));
    let title = StoredValue::new(heading);
    move || {
        if !is_there.get() {
            return match answer.error.get() {
                Some(error) => view! { <Failure error again=move || answer.refresh() /> }.into_any(),
                None => view! { <Skeleton lines=6 /> }.into_any(),
            };
        }
        if !has_lines.get() {
            let text = match lies.get().over {
                Some(over) => {
                    format!("None of these runs measured {} together with {}.", title.get_value(), words::key(&over))
                }
                None => format!("None of these runs measured {} more than once.", title.get_value()),
            };
            return view! { <p class="muted small padded">{text}</p> }.into_any();
        }
        view! {
            <ChartCard title=title.get_value() note chart height=compare::height() cross can_be_log=true prefers_log=loss on_zoom names_each=true />
            {move || left_out.with(|said| !said.is_empty()).then(|| view! { <p class="small muted">{left_out.get()}</p> })}
            {move || answer.error.get().map(|error| view! { <Failure error again=move || answer.refresh() /> })}
        }
        .into_any()
    }
}

/// How the reading of what is drawn stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    GoesOn,
    IsOver,
    /// The error stands in the place of what is left out.
    Failed,
}

impl Reading {
    fn of(has_failed: bool, has_answer: bool) -> Self {
        match (has_failed, has_answer) {
            (true, _) => Self::Failed,
            (false, true) => Self::IsOver,
            (false, false) => Self::GoesOn,
        }
    }
}

/// What is said below a chart: what its bands leave out, or how far the reading is.
fn said(bands: &RunBands, reading: Reading) -> String {
    if reading == Reading::Failed {
        return String::new();
    }
    if reading == Reading::GoesOn && !bands.is_whole() {
        let sum = |of: fn(&RunBand) -> u64| bands.bands.iter().map(of).sum::<u64>();
        let (read, all) = (sum(|band| band.read), sum(|band| band.measured));
        return format!(
            "So far {} of {}; the others are being read.",
            words::count(read),
            words::counted(all, "curve", "curves")
        );
    }
    bands.said().into_iter().skip(1).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use api::{run_table::BandPoint, series::NonFinite};
    use charts::line::Weight;

    use super::*;

    fn band(value: &str, read: u64) -> RunBand {
        let point = |x| BandPoint {
            x,
            runs: 2,
            mean: 2.0,
            sd: Some(0.5),
            min: 1.5,
            max: 2.5,
            non_finite: NonFinite::default(),
            diverged: 0,
        };
        RunBand {
            values: vec![Some(value.to_owned())],
            runs: 4_000,
            measured: 4_000,
            read,
            diverged: 0,
            filter: format!("param.lr = \"{value}\""),
            points: vec![point(0.0), point(1.0)],
        }
    }

    fn bands(all: Vec<RunBand>) -> RunBands {
        let (total, runs) = (all.len() as u64, all.iter().map(|band| band.runs).sum());
        RunBands { bands: all, total, runs, off_axis: 0, notes: Vec::new() }
    }

    #[test]
    fn a_group_is_a_line_with_its_band_and_of_very_many_the_mean_alone() {
        let few = lines(&bands(vec![band("0.1", 4_000), band("0.2", 4_000)]));
        assert_eq!(few[1].name, "0.2 (4,000 runs)");
        // The legend hides it by this, also while runs come.
        assert_eq!(few[1].key, "0.2");
        assert_eq!((few[1].role, few[1].y.as_slice()), (Role::series(1), &[2.0, 2.0][..]));
        assert_eq!(few[0].band, [(1.5, 2.5), (1.5, 2.5)]);
        let many = lines(&bands((0..20).map(|at| band(&at.to_string(), 4_000)).collect()));
        assert!(many.len() == 20 && many.iter().all(|line| line.band.is_empty()));
        assert!(!many[7].is_dashed && many[8].is_dashed);
    }

    #[test]
    fn the_baseline_lies_over_the_means() {
        let means = || lines(&bands(vec![band("0.1", 4_000)]));
        let curve = Line::new("heron", Role::series(3), vec![0.0, 1.0], vec![3.0, 1.0]);
        let beside = RunLines { lines: vec![(api::RunId::from_bytes([1; 16]), curve)], ..RunLines::default() };
        let all = with_baseline(means(), &beside);
        assert_eq!(all.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["0.1 (4,000 runs)", "heron"]);
        assert!(all[1].is_dashed && all[1].role == Role::Text && all[1].weight == Weight::Strong);
        assert_eq!(with_baseline(means(), &RunLines::default()).len(), 1);
    }

    #[test]
    fn a_group_of_which_runs_diverge_is_marked_and_says_it() {
        let mut of_two = band("0.1", 4_000);
        of_two.diverged = 1;
        of_two.points[1].runs = 1;
        (of_two.points[1].non_finite, of_two.points[1].diverged) = (NonFinite { nan: 1, plus: 0, minus: 0 }, 1);
        let all = bands(vec![of_two]);
        let line = lines(&all).remove(0);
        assert_eq!((line.said_odd(0), line.said_odd(1).as_deref()), (None, Some("1 of 2 diverged")));
        assert_eq!(
            said(&all, Reading::IsOver),
            "1 curve diverged: where one is not finite, the mean is of the others."
        );
    }

    #[test]
    fn a_reading_that_goes_on_says_how_far_it_is() {
        let part = bands(vec![band("0.1", 1_000), band("0.2", 1_000)]);
        assert_eq!(said(&part, Reading::of(false, false)), "So far 2,000 of 8,000 curves; the others are being read.");
        assert!(said(&part, Reading::of(false, true)).starts_with("2,000 of 8,000 curves were read"));
        assert_eq!(said(&bands(vec![band("0.1", 4_000)]), Reading::GoesOn), "");
        // What failed goes on no more, whether something was answered before or not.
        assert!([true, false].iter().all(|has_answer| said(&part, Reading::of(true, *has_answer)).is_empty()));
        assert_eq!(Told::of(&part).said, "Bands of 8,000 runs in 2 groups.");
        assert_eq!(Told::of(&part).groups[0], ("0.1 (4,000 runs)".to_owned(), "param.lr = \"0.1\"".to_owned()));
    }

    #[test]
    fn what_the_machine_did_is_drawn_where_it_is_asked_for() {
        let all = || ["system/gpu_0_energy_joules", "loss"].map(str::to_owned).to_vec();
        assert_eq!(shown_of(all(), false), ["loss"]);
        assert_eq!(shown_of(all(), true), ["loss", "system/gpu_0_energy_joules"]);
    }

    #[test]
    fn the_address_keeps_what_the_table_shows() {
        assert_eq!(over("/e/1/runs", ""), "/e/1/runs?compare=groups");
        assert_eq!(over("/e/1/runs", "12ab"), "/e/1/runs?compare=groups&pin=12ab");
        let table = "/e/1/runs?filter=a%20%3D%201&group=param.lr";
        assert_eq!(over(table, ""), format!("{table}&compare=groups"));
    }

    #[test]
    fn means_lie_along_what_is_chosen() {
        let over = |log| Some(Over { key: "tokens".to_owned(), log });
        let plain = |along| Lies { along, over: None, log: false };
        assert_eq!(Lies::of(Along::Seconds, None), plain(BandAxis::Seconds));
        // A mean has no clock's time.
        assert_eq!(Lies::of(Along::Clock, None), plain(BandAxis::Step));
        let of_tokens = Lies { over: Some("tokens".to_owned()), log: true, ..plain(BandAxis::Step) };
        assert_eq!(Lies::of(Along::Step, over(true)), of_tokens);
        assert_ne!(Lies::of(Along::Step, over(false)), of_tokens);
    }

    #[test]
    fn what_is_chosen_is_among_the_choices() {
        let both = vec!["param.lr".to_owned(), "tag.team".to_owned()];
        let plain = |text: &str| text.to_owned();
        let all = options(&both, &["lr".to_owned()], &["mlflow.user".to_owned(), "team".to_owned()], plain);
        // Beside these what runs have of their own: state, kind, device, commit, data and user.
        assert_eq!(all.len(), 4 + 6, "{all:?}");
        assert!(all.contains(&("state".to_owned(), "By State".to_owned())), "{all:?}");
        assert_eq!(all[0], (String::new(), "No groups".to_owned()));
        assert!(all[1].1.contains(", "), "{all:?}");
        assert_eq!(options(&vec!["param.lr".to_owned()], &["lr".to_owned()], &[], plain).len(), 2 + 6);
    }
}
