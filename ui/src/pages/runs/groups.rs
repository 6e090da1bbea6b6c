//! The table grouped: a line a group with mean ± deviation of each metric, opened to the runs that it holds.

use std::collections::BTreeMap;

use api::{
    ApiError, SplitId,
    run::{ListRuns, RunRow},
    run_diff::MOST as COMPARED,
    run_table::{GroupFigure, GroupRuns, Listing, PickRuns, RunGroup, RunGroups, unquoted},
    table_view::sort_of,
    tracking::is_of_client,
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_navigate;

use super::{
    Facts,
    actions::{Actions, OfRun},
    bands,
    columns::{self, METRIC, Names, PARAM, TAG},
    compare::said_of,
    other_rows,
};
use crate::{
    client::{
        Client, pace,
        query::{Query, paced},
        wire,
    },
    frame::place::Place,
    parts::{
        button::{Button, Pending},
        icon,
        menu::{Item, Menus},
        rows::Rows,
        states::{Failure, Skeleton},
        table::{Column, Order, RowMenu, Table},
        take_table::{Form, TakeMenu, TextTable},
        toast::Toasts,
        words,
    },
};

/// Groups that are shown at once.
const MOST: u32 = 2_000;
/// Groups that are asked for at once where all are.
const PIECE: u32 = 5_000;
/// Runs of an opened group; the rest are behind its filter.
const OPENED: u32 = 100;
/// What runs have of their own that they can share.
const OWN: [(&str, &str); 6] = [
    ("state", "State"),
    ("kind", "Kind"),
    ("device", "Device"),
    ("commit", "Commit"),
    ("snapshot", "Data"),
    ("user", "User"),
];

/// A line of the grouped table.
#[derive(Clone, PartialEq)]
pub(super) enum Line {
    Group(RunGroup, bool),
    Run(Box<RunRow>),
    /// So many more runs of the group with this filter.
    More(u64, String),
}

/// The button that chooses what runs are grouped by.
#[component]
pub(super) fn GroupBy(group: RwSignal<Names>, facts: RwSignal<Facts>) -> impl IntoView {
    let menus = Menus::get();
    let items = move || {
        let named = |name: &str, label: String, caption: &'static str| {
            let (own, toggled) = (name.to_owned(), name.to_owned());
            let is_on = move || group.with(|group| group.contains(&own));
            let toggle = move || {
                group.update(|group| match group.iter().position(|other| *other == toggled) {
                    Some(at) => drop(group.remove(at)),
                    None => group.push(toggled.clone()),
                });
            };
            Item::check(label, is_on, toggle).under(caption)
        };
        let all = facts.with_untracked(|facts| choices(facts.param_keys.iter(), facts.tag_keys.iter()));
        all.into_iter().map(|(name, label, caption)| named(&name, label, caption)).collect::<Vec<_>>()
    };
    let label = move || {
        let names = group.with(|group| group.iter().map(|name| title(name)).collect::<Vec<_>>());
        if names.is_empty() { "Group".to_owned() } else { format!("By {}", names.join(", ")) }
    };
    view! {
        <button
            type="button"
            class="btn folds-away"
            class:on=move || group.with(|group| !group.is_empty())
            aria-haspopup="menu"
            title="Group runs by what they share"
            on:click=move |event| menus.open_at(&event, items())
        >
            {icon::icon(icon::GROUP)}
            {label}
        </button>
    }
}

/// What runs are grouped by wherever they are: each with its label, and what it is a part of.
pub(super) fn choices<'keys>(
    params: impl Iterator<Item = &'keys String>,
    tags: impl Iterator<Item = &'keys String>,
) -> Vec<(String, String, &'static str)> {
    let params = params.map(|key| (format!("{PARAM}{key}"), words::param(key), "Parameters"));
    // What MLflow's client notes for itself says nothing that runs share.
    let tags = tags.filter(|key| !is_of_client(key));
    let tags = tags.map(|key| (format!("{TAG}{key}"), key.clone(), "Tags"));
    let own = OWN.iter().map(|(name, label)| ((*name).to_owned(), (*label).to_owned(), "Runs"));
    own.chain(params).chain(tags).collect()
}

/// The same of a name as the engine has it.
pub(super) fn title_of(field: &str) -> String {
    match [PARAM, TAG].iter().find_map(|kind| Some((kind, field.strip_prefix(kind)?))) {
        Some((kind, key)) => title(&format!("{kind}{}", unquoted(key))),
        None => title(field),
    }
}

pub(super) fn title(name: &str) -> String {
    let own = OWN.iter().find(|(own, _)| *own == name);
    own.map_or_else(|| columns::called(name).1, |(_, label)| (*label).to_owned())
}

/// The groups with what they were asked by; nothing is asked while they are not shown.
#[derive(Clone, Copy)]
pub(super) struct Groups {
    asking: Asking,
    group: RwSignal<Names>,
    is_shown: Memo<bool>,
    answer: Query<RunGroups>,
}

#[derive(Clone, Copy)]
struct Asking {
    list: Signal<Option<Listing>>,
    /// What they are grouped by, as the engine names it.
    by: Memo<Names>,
    metrics: Memo<Vec<String>>,
    /// The rows that the figures are of, by the rule of the table's foot.
    validated_on: Memo<Option<SplitId>>,
    order: RwSignal<Option<Order>>,
    /// The orders among groups that are equal by it.
    further: RwSignal<Vec<Order>>,
}

/// What groups are made by, and their order; `names` are those of the columns, of which the metrics are summed up.
pub(super) fn groups(
    list: Signal<Option<Listing>>,
    group: RwSignal<Names>,
    (order, further): (RwSignal<Option<Order>>, RwSignal<Vec<Order>>),
    names: Memo<Names>,
    facts: RwSignal<Facts>,
    is_shown: Memo<bool>,
) -> Groups {
    let metrics = Memo::new(move |_| {
        let keys =
            names.with(|names| names.iter().filter_map(|name| name.strip_prefix(METRIC)).map(str::to_owned).collect());
        let keys: Vec<String> = keys;
        keys
    });
    let by = Memo::new(move |_| group.get().iter().map(|name| api::table_view::field(name)).collect::<Names>());
    let validated_on = Memo::new(move |_| facts.with(|facts| facts.best_split));
    let asking = Asking { list, by, metrics, validated_on, order, further };
    let asked = move || if is_shown.get() { asking.request(MOST) } else { None };
    let answer = paced(asked, pace::LIST_MS);
    Groups { asking, group, is_shown, answer }
}

impl Asking {
    /// Asks for the first groups; nothing where it is not known whose runs they are.
    fn request(self, limit: u32) -> Option<GroupRuns> {
        let (by, metrics) = (self.by.get(), self.metrics.get());
        let (sort, descending) = sort_of_known(self.order.get().into_iter().chain(self.further.get()), &by);
        let list = Listing { sort, descending, ..self.list.get()? };
        Some(GroupRuns { list, by, metrics, validated_on: self.validated_on.get(), offset: 0, limit: Some(limit) })
    }
}

/// The orders of groups as the engine is asked for them: one by what is not grouped by any more is none.
fn sort_of_known(orders: impl Iterator<Item = Order>, by: &Names) -> (Option<String>, bool) {
    let is_known = |(sort, _): &Order| sort == "runs" || by.contains(sort) || sort.starts_with(METRIC);
    let known: Vec<Order> = orders.filter(is_known).collect();
    sort_of(known.first(), known.get(1..).unwrap_or_default())
}

/// All groups, also those that are not shown, piece by piece.
async fn all(client: Client, first: GroupRuns) -> Result<Vec<RunGroup>, ApiError> {
    let mut groups = Vec::new();
    loop {
        let RunGroups { groups: more, total, .. } =
            client.call(GroupRuns { offset: groups.len() as u64, ..first.clone() }).await?;
        let is_last = more.is_empty();
        groups.extend(more);
        if is_last || groups.len() as u64 >= total {
            return Ok(groups);
        }
    }
}

/// The menu that copies or saves all groups: for people mean ± deviation, for programs each of them in a column of its own.
#[component]
pub(super) fn Take(groups: Groups) -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let take = move |form: Form| {
        let Some(first) = untrack(|| groups.asking.request(PIECE)) else { return };
        let (group, metrics) = (groups.group.get_untracked(), first.metrics.clone());
        pending.run(async move { all(client, first).await }, move |all: Vec<RunGroup>| {
            as_text(&group, &metrics, &all, form).taken(toasts, ("group", "groups"), form);
        });
    };
    view! { <TakeMenu take /> }
}

/// The grouped table.
#[component]
pub(super) fn Grouped(
    groups: Groups,
    filter: RwSignal<String>,
    actions: Actions,
    on_open: Callback<RunRow>,
) -> impl IntoView {
    let (client, pending) = (Client::get(), Pending::new());
    let Groups { asking: Asking { list, by, metrics, order, further, .. }, group, is_shown, answer } = groups;
    // The runs of opened groups, by the group's filter.
    let opened = RwSignal::new(BTreeMap::<String, Vec<RunRow>>::new());
    Effect::new(move |_| {
        by.track();
        list.track();
        opened.set(BTreeMap::new());
    });
    // What is announced of the groups is of their runs: those of opened ones are asked for anew.
    Effect::new(move |before: Option<()>| {
        answer.value.track();
        let Some(now) = list.get_untracked().filter(|_| before.is_some()) else { return };
        for own in opened.with_untracked(|opened| opened.keys().cloned().collect::<Vec<_>>()) {
            let (asked, request) = (now.clone(), runs_of(now.clone(), both(&now.filter, &own)));
            spawn_local(async move {
                // What fails is asked for with the next news.
                let Ok(table) = client.call(request).await else { return };
                if list.try_get_untracked().flatten() == Some(asked) {
                    opened.try_update(|opened| {
                        // A group that was closed meanwhile stays so.
                        if let Some(runs) = opened.get_mut(&own) {
                            *runs = table.rows;
                        }
                    });
                }
            });
        }
    });
    let lines = Memo::new(move |_| {
        let groups =
            answer.value.with(|answer| answer.as_ref().map(|answer| answer.groups.clone()).unwrap_or_default());
        opened.with(|opened| {
            let mut lines = Vec::with_capacity(groups.len());
            for group in groups {
                let runs = opened.get(&group.filter);
                let (filter, count) = (group.filter.clone(), group.runs);
                lines.push(Line::Group(group, runs.is_some()));
                let Some(runs) = runs else { continue };
                lines.extend(runs.iter().cloned().map(Box::new).map(Line::Run));
                if count > runs.len() as u64 {
                    lines.push(Line::More(count - runs.len() as u64, filter));
                }
            }
            lines
        })
    });
    let within = move |group: &str| list.get_untracked().map(|list| both(&list.filter, group));
    let narrow_to = move |own: &str| {
        if let Some(narrow) = within(own) {
            group.set(Names::new());
            filter.set(narrow);
        }
    };
    let open = Callback::new(move |line: Line| match line {
        Line::Run(row) => on_open.run(*row),
        Line::More(_, own) => narrow_to(&own),
        Line::Group(own, true) => opened.update(|opened| drop(opened.remove(&own.filter))),
        Line::Group(own, false) => {
            let (Some(list), Some(filter)) = (list.get_untracked(), within(&own.filter)) else { return };
            let request = runs_of(list, filter);
            pending.run(async move { client.call(request).await }, move |table| {
                opened.try_update(|opened| opened.insert(own.filter, table.rows));
            });
        }
    });
    let items = move |line: Line| {
        let narrow = |own: String| Item::new("Filter to this group", icon::LIST_FILTER, move || narrow_to(&own));
        match line {
            Line::Run(row) => actions.items(&OfRun::from(&*row)),
            Line::More(_, own) => vec![narrow(own)],
            Line::Group(own, is_open) => {
                let (label, mark) = if is_open { ("Close", icon::CHEVRON_RIGHT) } else { ("Open", icon::CHEVRON_DOWN) };
                let (filter, line) = (own.filter.clone(), Line::Group(own, is_open));
                vec![Item::new(label, mark, move || open.run(line.clone())), narrow(filter)]
            }
        }
    };
    let menu: RowMenu<Line> = StoredValue::new_local(Box::new(items) as Box<dyn Fn(Line) -> Vec<Item>>);
    let navigate = StoredValue::new_local(use_navigate());
    let place = Place::get();
    let compare = move || {
        let Some(list) = list.get_untracked() else { return };
        let bands = by.with_untracked(|by| by.join(","));
        // Of each group some, so that it has its band.
        let evenly_by = Some(bands.clone());
        let request = PickRuns { list, offset: 0, limit: Some(COMPARED as u64), evenly_by };
        pending.run(async move { client.call(request).await }, move |picked| {
            let runs = picked.runs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let of = said_of(picked.total);
            let to = place.link(&format!("runs?compare={runs}{of}&bands={}", wire::encode(&bands)));
            navigate.try_with_value(|navigate| navigate(&to, Default::default()));
        });
    };
    let compare_groups = move || {
        let Some(list) = list.get_untracked() else { return };
        let to = place.link(&group.with_untracked(|group| bands::of_table(&list, group)));
        navigate.try_with_value(|navigate| navigate(&to, Default::default()));
    };
    let scales = Memo::new(move |_| {
        let count = metrics.with(Vec::len);
        answer.value.with(|answer| answer.as_ref().map(|answer| scales_of(&answer.groups, count))).unwrap_or_default()
    });
    let columns =
        Memo::new_with_compare(move |_| columns_of(&group.get(), &by.get(), &metrics.get(), scales), |_, _| true);
    let row_class = Callback::new(|line: Line| match line {
        Line::Group(_, true) => "group-line opened",
        Line::Group(_, false) => "group-line",
        _ => "",
    });
    let failed = Memo::new(move |_| answer.error.get());
    // Below a comparison nothing is asked for, so nothing comes either.
    let waits =
        Memo::new(move |_| is_shown.get() && answer.value.with(Option::is_none) && failed.with(Option::is_none));
    view! {
        {move || failed.get().map(|error| view! {
            <div class="padded stack">
                <Failure error again=move || answer.refresh() />
                <div><Button label="Don't group" on_press=move || group.set(Names::new()) /></div>
            </div>
        })}
        {move || waits.get().then(|| view! { <div class="padded"><Skeleton lines=9 /></div> })}
        <div class="fill-table grouped" class:hidden=move || lines.with(Vec::is_empty)>
            <Table rows=Rows::from(lines) columns=Signal::from(columns) label="Groups of runs" on_open=open menu order further row_class />
        </div>
        <div class="foot">
            <span>{move || answer.value.with(|answer| answer.as_ref().map(|answer| {
                let shown = answer.groups.len() as u64;
                let groups = words::counted(answer.total, "group", "groups");
                let runs = words::counted(answer.runs, "run", "runs");
                let others = other_rows(answer.other_rows).unwrap_or_default();
                if shown < answer.total {
                    format!("The first {} of {groups}, {runs}{others}", words::count(shown))
                } else {
                    format!("{groups}, {runs}{others}")
                }
            }))}</span>
            <Button label="Compare groups" tip="The mean of each group's curves, of all its runs" kind="quiet s" mark=icon::ACTIVITY on_press=compare_groups />
            <Button label="Compare curves" kind="quiet s" mark=icon::LAYERS on_press=compare />
            <span class="right flex">
                <span>"mean ± standard deviation (n − 1)"</span>
                <span><kbd>"Enter"</kbd>" open a group"</span>
            </span>
        </div>
    }
}

fn runs_of(list: Listing, filter: String) -> ListRuns {
    ListRuns::of(Listing { filter, ..list }, 0, OPENED)
}

/// A filter that what passes both passes.
pub(super) fn both(one: &str, other: &str) -> String {
    match (one.trim().is_empty(), other.is_empty()) {
        (true, _) => other.to_owned(),
        (_, true) => one.to_owned(),
        _ => format!("({one}) and {other}"),
    }
}

/// Of each metric the least and the greatest value that the spread of a group reaches, where groups differ in it.
type Scales = Vec<Option<(f64, f64)>>;

fn scales_of(groups: &[RunGroup], metrics: usize) -> Scales {
    let reach = |figure: GroupFigure| {
        let sd = figure.sd.unwrap_or_default();
        (figure.mean - sd, figure.mean + sd)
    };
    let scale = |at: usize| {
        let figures = groups.iter().filter_map(|group| group.figures.get(at).copied().flatten());
        let reaches: Vec<_> = figures.map(reach).filter(|(low, high)| low.is_finite() && high.is_finite()).collect();
        let low = reaches.iter().map(|reach| reach.0).fold(f64::INFINITY, f64::min);
        let high = reaches.iter().map(|reach| reach.1).fold(f64::NEG_INFINITY, f64::max);
        (reaches.len() > 1 && low < high).then_some((low, high))
    };
    (0..metrics).map(scale).collect()
}

/// Where a group's spread begins on the scale of its metric, where its mean stands, and where it ends: percent.
fn along(figure: GroupFigure, (low, high): (f64, f64)) -> Option<[f64; 3]> {
    let sd = figure.sd.unwrap_or_default();
    let places = [figure.mean - sd, figure.mean, figure.mean + sd];
    let percent = places.map(|value| ((value - low) / (high - low)).clamp(0.0, 1.0) * 100.0);
    places.iter().all(|value| value.is_finite()).then_some(percent)
}

fn columns_of(group: &Names, by: &Names, metrics: &[String], scales: Memo<Scales>) -> Vec<Column<Line>> {
    let mut columns = Vec::new();
    for (at, (name, field)) in group.iter().zip(by).enumerate() {
        let own = name.clone();
        let column = Column::new(title(name), 150.0, move |line: &Line| {
            match line {
            Line::Group(group, is_open) => {
                let mark = if *is_open { icon::CHEVRON_DOWN } else { icon::CHEVRON_RIGHT };
                let value = group.values.get(at).cloned().flatten();
                view! {
                    <span class=if at == 0 { "flex group-name" } else { "flex" }>
                        {(at == 0).then(|| icon::icon(mark))}
                        {match value {
                            Some(value) => view! { <b class="cut">{value}</b> }.into_any(),
                            None => view! { <span class="faint">"none"</span> }.into_any(),
                        }}
                    </span>
                }
                .into_any()
            }
            Line::Run(row) if at == 0 => view! { <div class="group-run">{columns::name_cell(row, None)}</div> }.into_any(),
            Line::Run(row) => view! { <span class="faint cut">{value_of(row, &own)}</span> }.into_any(),
            Line::More(count, _) if at == 0 => {
                view! { <span class="muted group-run">{format!("{} more…", words::counted(*count, "run", "runs"))}</span> }.into_any()
            }
            Line::More(..) => ().into_any(),
        }
        });
        let column = column.sorted_by(field.clone()).pinned(at == 0);
        columns.push(if at == 0 { column.grows() } else { column });
    }
    columns.push(
        Column::new("Runs", 70.0, |line: &Line| match line {
            Line::Group(group, _) => words::count(group.runs),
            _ => String::new(),
        })
        .number()
        .sorted_by("runs"),
    );
    for (at, key) in metrics.iter().enumerate() {
        let own = key.clone();
        columns.push(
            Column::new(words::key(key), 160.0, move |line: &Line| match line {
                Line::Group(group, _) => match group.figures.get(at).copied().flatten() {
                    Some(figure) => {
                        let range = format!(
                            "{} to {}, of {}",
                            words::figure(figure.min),
                            words::figure(figure.max),
                            words::counted(figure.runs, "run", "runs")
                        );
                        let scale = scales.with(|scales| scales.get(at).copied().flatten());
                        let bar = scale.and_then(|scale| along(figure, scale)).map(|[from, mean, to]| {
                            let width = to - from;
                            view! {
                                <i style=format!("left:{from:.1}%;width:{width:.1}%")></i>
                                <u style=format!("left:{mean:.1}%")></u>
                            }
                        });
                        view! { <span class="spread" class:bad=!figure.mean.is_finite() title=range>{spread(figure)}{bar}</span> }.into_any()
                    }
                    None => view! { <span class="faint">"–"</span> }.into_any(),
                },
                Line::Run(row) => row
                    .metrics
                    .get(&own)
                    .map(|cell| view! { <span class="muted">{words::figure(cell.last)}</span> })
                    .into_any(),
                Line::More(..) => ().into_any(),
            })
            .number()
            .sorted_by(api::run_table::named("metric", key))
            .rising(columns::metrics::less_is_better(None, key)),
        );
    }
    columns
}

fn as_text(by: &[String], metrics: &[String], groups: &[RunGroup], form: Form) -> TextTable {
    let mut head: Vec<(String, bool)> = by.iter().map(|name| (title(name), false)).collect();
    head.push(("Runs".to_owned(), true));
    for key in metrics {
        let name = words::key(key);
        match form {
            Form::Markdown => head.push((name, true)),
            Form::Csv => head.extend(FIGURES.map(|figure| (format!("{name}, {figure}"), true))),
        }
    }
    let row = |group: &RunGroup| {
        let mut cells: Vec<String> = group.values.iter().map(|value| form.text(value.as_deref())).collect();
        cells.push(group.runs.to_string());
        for figure in &group.figures {
            match form {
                Form::Markdown => {
                    cells.push(form.text(figure.map(|figure| api::figure::hyphen(&spread(figure))).as_deref()));
                }
                Form::Csv => cells.extend(FIGURES.iter().zip(exact(*figure)).map(|(_, value)| form.number(value))),
            }
        }
        cells
    };
    TextTable { head, rows: groups.iter().map(row).collect() }
}

/// What is said of a metric in a group, a column each.
const FIGURES: [&str; 5] = ["n", "mean", "standard deviation", "min", "max"];

fn exact(figure: Option<GroupFigure>) -> [Option<f64>; 5] {
    figure.map_or([None; 5], |GroupFigure { runs, mean, sd, min, max, .. }| {
        [Some(runs as f64), Some(mean), sd, Some(min), Some(max)]
    })
}

fn value_of(row: &RunRow, name: &str) -> Option<String> {
    match (name.strip_prefix(PARAM), name.strip_prefix(TAG)) {
        (Some(key), _) => row.params.get(key).cloned(),
        (_, Some(key)) => row.tags.get(key).cloned(),
        _ => row.own().remove(name),
    }
}

/// The spread of one value is nothing.
fn spread(figure: GroupFigure) -> String {
    match figure.sd {
        Some(sd) => format!("{} ± {}", words::figure(figure.mean), words::figure(sd)),
        None => words::figure(figure.mean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_narrows_the_filter_that_is_there() {
        assert_eq!(both("", "param.a = \"1\""), "param.a = \"1\"");
        assert_eq!(both("a or b", "param.a = \"1\""), "(a or b) and param.a = \"1\"");
        assert_eq!(both("a", ""), "a");
    }

    #[test]
    fn groups_are_sorted_by_several_and_by_nothing_that_they_lack() {
        let by = vec!["param.lr".to_owned()];
        let sort = |orders: &[(&str, bool)]| {
            sort_of_known(orders.iter().map(|(key, descending)| ((*key).to_owned(), *descending)), &by)
        };
        assert_eq!(sort(&[]), (None, false));
        assert_eq!(sort(&[("runs", true)]), (Some("runs".to_owned()), true));
        let several = sort(&[("param.l2", true), ("param.lr", false), ("metric.loss", true)]);
        assert_eq!(several, (Some("param.lr asc, metric.loss desc".to_owned()), false));
    }

    #[test]
    fn groups_are_taken_as_groups() {
        let figure = GroupFigure { runs: 2, mean: 0.5, sd: Some(0.25), min: 0.25, max: 0.75, usual: None };
        let group = |value: Option<&str>, figure: Option<GroupFigure>| RunGroup {
            values: vec![value.map(str::to_owned)],
            runs: 3,
            figures: vec![figure],
            filter: String::new(),
        };
        let groups = [group(Some("trees"), Some(figure)), group(None, None)];
        let (by, metrics) = (["param.model".to_owned()], ["loss".to_owned()]);
        let csv = as_text(&by, &metrics, &groups, Form::Csv);
        let head: Vec<&str> = csv.head.iter().map(|(title, _)| title.as_str()).collect();
        assert_eq!(head[1..], ["Runs", "Loss, n", "Loss, mean", "Loss, standard deviation", "Loss, min", "Loss, max"]);
        assert_eq!(csv.rows[0], ["trees", "3", "2", "0.5", "0.25", "0.25", "0.75"]);
        assert_eq!(csv.rows[1], ["", "3", "", "", "", "", ""]);
        let text = as_text(&by, &metrics, &groups, Form::Markdown);
        assert_eq!(text.head.len(), 3);
        assert!(text.rows[0][2].contains(" ± ") && text.rows[1] == ["–", "3", "–"], "{text:?}");
    }

    #[test]
    fn groups_stand_on_one_scale_of_a_metric() {
        let figure = |mean, sd| Some(GroupFigure { runs: 2, mean, sd, min: 0.0, max: 1.0, usual: None });
        let group = |figures: Vec<Option<GroupFigure>>| RunGroup {
            values: Vec::new(),
            runs: 2,
            figures,
            filter: String::new(),
        };
        let groups = [
            group(vec![figure(0.5, Some(0.25)), figure(1.0, None), figure(f64::NAN, None)]),
            group(vec![figure(1.0, None), None, figure(2.0, None)]),
        ];
        // Of one group alone nothing is compared.
        assert_eq!(scales_of(&groups, 3), [Some((0.25, 1.0)), None, None]);
        let at = |figure: Option<GroupFigure>| along(figure.unwrap(), (0.0, 2.0));
        assert_eq!(at(figure(0.5, Some(0.25))), Some([12.5, 25.0, 37.5]));
        assert_eq!((at(figure(f64::NAN, None)), at(figure(1.0, None))), (None, Some([50.0; 3])));
    }

    #[test]
    fn one_value_has_no_spread() {
        let figure = GroupFigure { runs: 2, mean: 0.5, sd: Some(0.25), min: 0.25, max: 0.75, usual: None };
        assert!(spread(figure).contains(" ± "));
        assert!(!spread(GroupFigure { sd: None, ..figure }).contains('±'));
    }
}
