//! Runs: the table is the page. Selected runs show their curves over each other in a pane.

mod actions;
mod columns;
mod compare;
mod overlaid;
mod overlay;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use api::{
    ErrorCode,
    run::{ListRuns, ProjectIdOr, RunRow},
    tracking::Scope,
};
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};

use self::{overlaid::Compared, views::Shown};
use crate::{
    client::{paged::paged, wire},
    frame::{address::follow_address, crumbs::crumbs, place::Place},
    parts::{
        button::Button,
        field::Switch,
        filter_line::{FilterLine, Vocabulary},
        icon::{self, icon},
        menu::Item,
        rows::Rows,
        states::{Empty, Failure, Problem, Skeleton},
        table::{Order, Table},
        words,
    },
};

/// What the page knows of the whole table.
#[derive(Clone, PartialEq, Default)]
struct Facts {
    metric_keys: Vec<String>,
    param_keys: Vec<String>,
    tag_keys: Vec<String>,
    /// Params that are not the same in all of the first runs.
    differing: Vec<String>,
    ranked_by: Option<(String, bool)>,
    /// The rows that the newest run was validated on, and the best of those that can be compared with it.
    best_split: Option<api::SplitId>,
    /// One of the first runs says what it cost.
    has_cost: bool,
}

#[component]
pub(crate) fn Runs() -> impl IntoView {
    let place = Place::get();
    let asked = use_location().query;
    let comparing = compare::asked(asked);
    crumbs(move || {
        if comparing.with(Vec::is_empty) {
            vec![("Runs".to_owned(), None)]
        } else {
            vec![("Runs".to_owned(), Some(place.link("runs"))), ("Compare".to_owned(), None)]
        }
    });
    let navigate = StoredValue::new_local(use_navigate());
    let filter = RwSignal::new(asked.with_untracked(|asked| asked.get("filter")).unwrap_or_default());
    let order = RwSignal::new(
        asked.with_untracked(|asked| asked.get("sort").map(|key| (key, asked.get("way").as_deref() != Some("up")))),
    );
    let facts = RwSignal::new(Facts::default());
    let picked = RwSignal::new(Vec::<String>::new());
    let deleted = RwSignal::new(asked.with_untracked(|asked| asked.get("deleted").is_some()));
    let asks = actions::Asked::new();
    follow_address("filter", filter);
    follow_deleted(deleted, picked);
    // Filter and order stand in the address, so that they can be copied.
    Effect::new(move |before: Option<String>| {
        let now = address_of(filter.get(), order.get(), deleted.get());
        if before.as_ref().is_some_and(|before| *before != now) {
            let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
            navigate.with_value(|navigate| navigate(&format!("{}{now}", place.link("runs")), options));
        }
        now
    });
    let list = paged(
        move |offset, limit| {
            let (project, experiment) = match place.scope.get()? {
                Scope::Project(project) => (ProjectIdOr(project), None),
                Scope::Experiment(experiment) => (ProjectIdOr::default(), Some(experiment)),
            };
            let (sort, descending) = order.get().map_or((None, false), |(key, descending)| (Some(key), descending));
            Some(ListRuns {
                project,
                experiment,
                deleted: deleted.get(),
                filter: filter.get(),
                sort,
                descending,
                offset,
                limit: Some(limit),
            })
        },
        move |table| {
            let mut differing = table.param_keys.clone();
            differing.retain(|key| {
                let mut values = table.rows.iter().map(|row| row.params.get(key));
                values.next().is_some_and(|first| values.any(|other| other != first))
            });
            let now = Facts {
                metric_keys: table.metric_keys,
                param_keys: table.param_keys,
                tag_keys: table.tag_keys,
                differing,
                ranked_by: table.ranked_by,
                best_split: table.best_split,
                has_cost: table.rows.iter().any(|row| row.cost.is_some()),
            };
            if facts.with_untracked(|facts| *facts != now) {
                facts.set(now);
            }
            Some((table.rows, table.total))
        },
    );
    let actions = actions::Actions::new(asks, picked, deleted);
    let chosen_columns = columns::Chosen::of(place);
    let columns = Memo::new_with_compare(
        move |_| facts.with(|facts| columns::columns(facts, &chosen_columns.names(facts), picked, actions)),
        |_, _| true,
    );
    let rows = StoredValue::new(Rows::from(list));
    let menu = StoredValue::new_local({
        Box::new(move |row: RunRow| actions.items(&row)) as Box<dyn Fn(RunRow) -> Vec<Item>>
    });
    // What was seen is offered also while a half-written filter leaves no row.
    let params = Memo::new(move |before: Option<&(Option<Scope>, Params)>| {
        let scope = place.scope.get();
        let same = before.filter(|(of, _)| *of == scope);
        let mut params = same.map(|(_, params)| params.clone()).unwrap_or_default();
        note(&mut params, &list.seen());
        (scope, params)
    });
    // What was picked stays known when its row is scrolled away or filtered out.
    let known = StoredValue::new(BTreeMap::<String, Compared>::new());
    let chosen = Memo::new(move |_| {
        let rows = list.seen();
        picked.with(|picked| {
            known.update_value(|known| {
                known.retain(|id, _| picked.contains(id));
                for row in &rows {
                    let id = row.id.to_string();
                    if picked.contains(&id) {
                        known.insert(id, Compared::from(row));
                    }
                }
            });
            known.with_value(|known| {
                picked.iter().take(overlaid::DRAWN).filter_map(|id| known.get(id).cloned()).collect::<Vec<_>>()
            })
        })
    });
    let settable = views::Settable { filter, order, deleted, columns: chosen_columns };
    let ranked_by = Signal::derive(move || facts.with(|facts| facts.ranked_by.clone()));
    let back = Signal::derive(move || {
        let now = address_of(filter.get_untracked(), order.get_untracked(), deleted.get_untracked());
        format!("{}{now}", place.link("runs"))
    });
    let compare = Signal::derive(move || {
        let picked = picked.with(|picked| picked.iter().take(overlaid::DRAWN).cloned().collect::<Vec<_>>().join(","));
        format!("{}?compare={picked}", place.link("runs"))
    });
    let empty = Memo::new(move |_| list.total.get() == Some(0) && filter.with(String::is_empty));
    let none = Memo::new(move |_| empty.get() && !deleted.get());
    let has_project = Memo::new(move |_| place.project.get().is_some());
    let train = move || format!("{}?train=1", place.link("runs"));
    let unfit = Memo::new(move |_| list.total.get() == Some(0) && !filter.with(String::is_empty));
    let clear = move || filter.set(String::new());
    let failed = Memo::new(move |_| list.error.get());
    let open = Callback::new(move |row: RunRow| {
        navigate.with_value(|navigate| navigate(&place.link(&format!("runs/{}", row.id)), Default::default()));
    });
    view! {
        <div class="split-runs">
            <div class="left" class:hidden=move || !comparing.with(Vec::is_empty)>
                {move || none.get().then(|| view! { <div class="head"><h1>"Runs"</h1></div> })}
                <div class="tools" class:hidden=none>
                    <FilterLine
                        value=filter
                        vocabulary=Signal::derive(move || vocabulary(&facts.get(), &params.get().1))
                        name="Filter runs"
                        placeholder="Filter: metric.\"loss/validation\" < 0.1 and param.model = \"trees\""
                    />
                    <views::Views settable />
                    <columns::ColumnChooser chosen=chosen_columns facts />
                    <Switch value=deleted label="Deleted" />
                    <span class="faint caption">{move || list.total.get().map(|total| words::counted(total, "run", "runs"))}</span>
                    {move || if has_project.get() {
                        view! { <a class="btn primary" href=train>{icon(icon::PLAY)}"Train"</a> }.into_any()
                    } else {
                        view! { <span class="faint caption" title=NO_PROJECT>"no project, so no training"</span> }.into_any()
                    }}
                </div>
                {move || failed.get().map(|error| {
                    // A filter that can't be read is no better the second time.
                    if error.code == ErrorCode::Invalid && !filter.with(String::is_empty) {
                        view! { <div class="padded stack"><Problem error /><div><Button label="Clear the filter" on_press=clear /></div></div> }.into_any()
                    } else {
                        view! { <div class="padded"><Failure error again=move || list.again() /></div> }.into_any()
                    }
                })}
                {move || (list.total.get().is_none() && failed.get().is_none()).then(|| view! { <div class="padded"><Skeleton lines=9 /></div> })}
                {move || empty.get().then(|| view! { <Nothing deleted has_project train /> })}
                {move || (unfit.get() && failed.with(Option::is_none)).then(|| view! {
                    <Empty mark=icon::LIST_FILTER title="No run fits this filter" text="A word is looked for in names, models and tags; a condition names a field, like state = finished.">
                        <Button label="Clear the filter" on_press=clear />
                    </Empty>
                })}
                <div class="fill-table" class:hidden=move || list.total.get().unwrap_or(0) == 0>
                    <Table
                        rows=rows.get_value()
                        columns=Signal::from(columns)
                        label="Runs"
                        key=Callback::new(|row: RunRow| row.id.to_string())
                        selected=picked
                        on_open=open
                        menu
                        order
                        unsorted=Signal::derive(move || facts.with(|facts| {
                            facts.ranked_by.as_ref().map(|(key, more)| (format!("metric.{key}"), *more))
                        }))
                    />
                </div>
                <Foot none rows=Signal::derive(move || list.seen()) facts picked />
            </div>
            {move || (!picked.with(Vec::is_empty) && comparing.with(Vec::is_empty)).then(|| view! {
                <overlay::Overlay picked chosen ranked_by compare=compare />
            })}
            {move || (!comparing.with(Vec::is_empty)).then(|| view! {
                <compare::Compare runs=comparing ranked_by back=back />
            })}
            <actions::Rename renaming=asks.renaming />
            <actions::Register registering=asks.registering />
            <actions::Moving moving=asks.moving />
            <actions::Purge actions />
        </div>
    }
}

/// Why nothing is trained in an experiment.
const NO_PROJECT: &str =
    "This experiment belongs to no project: it has no data to train on. Programs log their runs into it.";

/// The table without a row: what would stand there.
#[component]
fn Nothing(
    deleted: RwSignal<bool>,
    has_project: Memo<bool>,
    /// Where a training is started.
    train: impl Fn() -> String + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let see_deleted =
        move || view! { <Button label="See deleted runs" kind="quiet" on_press=move || deleted.set(true) /> };
    move || {
        match (deleted.get(), has_project.get()) {
        (true, _) => view! {
            <Empty mark=icon::TRASH title="No deleted run" text="What is deleted stands here until it is restored or deleted for good.">
                <Button label="Back to the runs" on_press=move || deleted.set(false) />
            </Empty>
        }
        .into_any(),
        (false, true) => view! {
            <Empty mark=icon::ACTIVITY title="No run yet" text="A run trains a model on one version of the data and writes down all that it took, so that it can be done again.">
                <a class="btn primary" href=train>{icon(icon::PLAY)}"Train"</a>
                {see_deleted()}
            </Empty>
        }
        .into_any(),
        (false, false) => view! {
            <Empty mark=icon::ACTIVITY title="No run yet" text="Programs log their runs here with MLflow: copy the address from the status line into MLFLOW_TRACKING_URI, and name this experiment. Nothing is trained here, since it belongs to no project.">
                {see_deleted()}
            </Empty>
        }
        .into_any(),
    }
    }
}

/// Whether deleted runs are shown follows the address; those of the other table are not picked in this one.
fn follow_deleted(deleted: RwSignal<bool>, picked: RwSignal<Vec<String>>) {
    let text = |is: bool| if is { "1".to_owned() } else { String::new() };
    let named = RwSignal::new(text(deleted.get_untracked()));
    follow_address("deleted", named);
    Effect::new(move |before: Option<bool>| {
        let is = deleted.get();
        if before.is_some_and(|before| before != is) {
            picked.set(Vec::new());
            named.set(text(is));
        }
        is
    });
    Effect::new(move |_| {
        let is = named.with(|named| !named.is_empty());
        if deleted.get_untracked() != is {
            deleted.set(is);
        }
    });
}

/// The part of the address that says what is shown and in which order.
fn address_of(filter: String, order: Option<Order>, deleted: bool) -> String {
    Shown { filter, order, deleted, columns: None }.address(wire::encode)
}

/// What a filter can name here: the values are those of the rows that are here.
/// Params with their values, in rows that were seen.
type Params = BTreeMap<String, BTreeSet<String>>;

/// Values of a param that are offered.
const OFFERED: usize = 50;

fn note(params: &mut Params, rows: &[RunRow]) {
    for (key, value) in rows.iter().flat_map(|row| &row.params) {
        let values = params.entry(key.clone()).or_default();
        if values.len() < OFFERED {
            values.insert(value.clone());
        }
    }
}

fn vocabulary(facts: &Facts, params: &Params) -> Vocabulary {
    let metrics = facts.metric_keys.iter().filter(|key| !key.starts_with("system/")).cloned().collect();
    let params = params.iter().map(|(key, values)| (key.clone(), values.iter().cloned().collect())).collect();
    Vocabulary { metrics, params, tags: facts.tag_keys.clone() }
}

#[component]
fn Foot(
    none: Memo<bool>,
    rows: Signal<Vec<RunRow>>,
    facts: RwSignal<Facts>,
    picked: RwSignal<Vec<String>>,
) -> impl IntoView {
    let figures = Memo::new(move |_| {
        let (key, more, best_split) = facts.with(|facts| {
            let (key, more) = facts.ranked_by.clone()?;
            Some((key, more, facts.best_split))
        })?;
        // Figures of other rows can't be compared with these.
        let values: Vec<f64> = rows.with(|rows| {
            rows.iter()
                .filter(|row| !row.has_other_rows(best_split))
                .filter_map(|row| row.metrics.get(&key).map(|cell| cell.last))
                .filter(|value| value.is_finite())
                .collect()
        });
        if values.is_empty() {
            return None;
        }
        let best = values.iter().copied().reduce(|left, right| if more { left.max(right) } else { left.min(right) })?;
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        let name = words::key(&key);
        let name = name.strip_suffix(", validation").map_or(name.clone(), ToOwned::to_owned);
        Some((name, values.len(), best, mean, spread))
    });
    view! {
        <div class="foot" class:hidden=move || none.get()>
            <span>{move || match picked.with(Vec::len) { 0 => "None selected".to_owned(), count => format!("{count} selected") }}</span>
            {move || figures.get().map(|(name, count, best, mean, spread)| view! {
                <span>{name}": best "<span class="num">{words::figure(best)}</span></span>
                // The spread of one value is nothing.
                {(count > 1).then(|| view! { <span>"mean "<span class="num">{words::figure(mean)}" ± "{words::figure(spread)}</span></span> })}
            })}
            <span class="right flex"><kbd>"x"</kbd>" select "<kbd>"Enter"</kbd>" open "<kbd>"/"</kbd>" filter"</span>
        </div>
    }
}
