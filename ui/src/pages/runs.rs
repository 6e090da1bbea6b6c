//! Runs: the table is the page. Selected runs show their curves over each other in a pane.

mod actions;
mod bands;
mod chooser;
mod code_differs;
mod colours;
mod columns;
mod compare;
mod comparison;
mod delta;
mod differs;
mod export;
mod exporting;
mod figures;
mod groups;
mod in_view;
mod last_values;
mod overlaid;
mod overlay;
mod pick;
mod plots;
mod program;
mod searches;
mod seen_beside;
mod values;
mod views;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use api::{
    ErrorCode,
    run::{FilterNote, ListRuns, RunRow},
    run_table::{BELOW, GroupFigure, Listing, PickRuns, PickedRuns},
    table_view::{TableView, sort_of},
    tracking::{Scope, is_of_client},
};
use charts::runs::keys::{Keys, below, differing_among};
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};

use self::{
    figures::{Figures, figures, other_rows},
    in_view::{Coming, Followed, InView, Matched},
    overlaid::Compared,
};
use crate::{
    client::{Client, pace, paged::paged, query::paced, wire},
    frame::{
        address::{asking, follow_address},
        asked::with_wishes,
        crumbs::crumbs,
        place::Place,
    },
    parts::{
        button::{Button, CopyLine, Pending},
        filter_line::{Chips, FilterLine, Vocabulary, mended},
        icon::{self, icon},
        menu::{Item, MenuButton},
        rows::Rows,
        states::{Empty, Failure, Problem, Skeleton},
        table::Table,
        tracking_address::TrackingAddress,
        words,
    },
};

/// What the page knows of the whole table.
#[derive(Clone, PartialEq, Default)]
struct Facts {
    metric_keys: Vec<String>,
    /// Metrics that fewer than half of the first runs have.
    rare: Vec<String>,
    param_keys: Vec<String>,
    tag_keys: Vec<String>,
    /// What runs below the programs of the rows that were seen have: columns, but nothing that is filtered or sorted by.
    below_metrics: BTreeSet<String>,
    below_params: BTreeSet<String>,
    /// Params that are not the same in all of the first runs.
    differing: Vec<String>,
    ranked_by: Option<(String, bool)>,
    /// The rows that the newest run was validated on, and the best of those that can be compared with it.
    best_split: Option<api::SplitId>,
    /// What the columns follow, which the charts' axes don't: a brush of theirs is made a filter.
    in_view: InView,
    /// Runs of several experiments, so that each says its own.
    is_of_all: bool,
}

impl Facts {
    /// What the runs have, as charts and columns choose from it.
    fn keys(&self) -> Keys<'_> {
        Keys {
            metrics: &self.metric_keys,
            rare: &self.rare,
            params: &self.param_keys,
            tags: &self.tag_keys,
            below_metrics: &self.below_metrics,
            below_params: &self.below_params,
            differing: &self.differing,
            ranked_by: self.ranked_by.as_ref().map(|(key, _)| key.as_str()),
        }
    }

    /// The same by what tells the runs in view apart.
    fn keys_in_view(&self) -> Keys<'_> {
        Keys { rare: &self.in_view.rare, differing: &self.in_view.differing, ..self.keys() }
    }

    /// Whether rows may have the column from a run below them.
    fn is_below(&self, name: &str) -> bool {
        match (name.strip_prefix(columns::METRIC), name.strip_prefix(columns::PARAM)) {
            (Some(key), _) => self.below_metrics.contains(key),
            (_, Some(key)) => self.below_params.contains(key),
            _ => false,
        }
    }

    /// Of compared runs, for charts of them alone.
    fn of_compared(runs: &[Compared], ranked_by: Option<(String, bool)>) -> Self {
        let all = |keys: fn(&Compared) -> Vec<&String>| {
            runs.iter().flat_map(keys).collect::<BTreeSet<_>>().into_iter().cloned().collect::<Vec<_>>()
        };
        let params: Vec<_> = runs.iter().map(|run| &run.params).collect();
        Self {
            metric_keys: all(|run| run.values.keys().collect()),
            param_keys: all(|run| run.params.keys().collect()),
            differing: differing_among(&params),
            tag_keys: all(|run| run.tags.keys().filter(|key| !is_of_client(key)).collect()),
            ranked_by,
            ..Self::default()
        }
    }
}

#[component]
pub(crate) fn Runs() -> impl IntoView {
    let place = Place::get();
    let asked = use_location().query;
    let comparing = compare::asked(asked);
    let banding = bands::asked(asked);
    let is_compared = Memo::new(move |_| banding.get() || !comparing.with(Vec::is_empty));
    let searching = searches::asked(asked);
    // A page of its own over the table, which keeps its place.
    let is_covered = Memo::new(move |_| searching.with(Option::is_some) || is_compared.get());
    let search_named = RwSignal::new(String::new());
    crumbs(move || {
        if let Some(searching) = searching.get() {
            let all = (searching != searches::Asked::All).then(|| place.link("runs?searches=1"));
            let one = all.is_some().then(|| (search_named.get(), None));
            let to_all = [("Runs".to_owned(), Some(place.runs())), ("Searches".to_owned(), all)];
            to_all.into_iter().chain(one).collect()
        } else if !is_compared.get() {
            vec![("Runs".to_owned(), None)]
        } else {
            vec![("Runs".to_owned(), Some(place.runs())), ("Compare".to_owned(), None)]
        }
    });
    let navigate = StoredValue::new_local(use_navigate());
    let filter = RwSignal::new(asked.with_untracked(|asked| asked.get("filter")).unwrap_or_default());
    let named = views::renewed(untrack(|| TableView::read(&use_location().search.get(), wire::decode)));
    let order = RwSignal::new(named.order);
    let further = RwSignal::new(named.further);
    let group = RwSignal::new(named.group);
    let group_order = RwSignal::new(named.group_order);
    let group_further = RwSignal::new(named.group_further);
    let plotted = RwSignal::new(named.plotted);
    let curve = RwSignal::new(named.curve);
    let chosen_columns = columns::Chosen::of(place);
    chosen_columns.show(named.columns, named.pinned);
    let facts = RwSignal::new(Facts::default());
    let picked = RwSignal::new(Vec::<String>::new());
    let deleted = RwSignal::new(asked.with_untracked(|asked| asked.get("deleted").is_some()));
    let asks = actions::Asked::new();
    let programs = RwSignal::new(false);
    let begins = move || {
        vec![
            Item::new("Run a program…", icon::PLAY, move || programs.set(true)),
            Item::new("New search…", icon::SLIDERS_HORIZONTAL, move || {
                let to = untrack(|| place.link("runs?search=new"));
                navigate.with_value(|navigate| navigate(&to, Default::default()));
            }),
        ]
    };
    follow_address("filter", filter);
    follow_deleted(deleted, picked);
    let settable = views::Settable {
        filter,
        order,
        further,
        group,
        group_order,
        group_further,
        deleted,
        plotted,
        curve,
        columns: chosen_columns,
        facts,
    };
    views::follow_view(settable);
    let here = move || {
        let (filter, order, further) = (filter.get(), order.get(), further.get());
        let (group, group_order, group_further) = (group.get(), group_order.get(), group_further.get());
        let (deleted, plotted, curve) = (deleted.get(), plotted.get(), curve.get());
        let (columns, pinned) = chosen_columns.named();
        let rest = TableView::default();
        TableView {
            filter,
            order,
            further,
            group,
            group_order,
            group_further,
            deleted,
            columns,
            pinned,
            plotted,
            curve,
            ..rest
        }
        .address(wire::encode)
    };
    let location = use_location();
    // What the table shows stands in the address, so that it can be copied.
    Effect::new(move |before: Option<String>| {
        let now = here();
        if before.as_ref().is_some_and(|before| *before != now) {
            let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
            let query = with_wishes(&now, &location.search.get_untracked());
            navigate.with_value(|navigate| navigate(&format!("{}{query}", place.link("runs")), options));
        }
        now
    });
    // The ways back lead to the table as it was left. Another page's address, while this one is left, is none of its, nor
    // is that of what lies over it: opened from elsewhere, it says nothing of the table.
    Effect::new(move |_| {
        let now = here();
        if !is_covered.get() && location.pathname.with(|path| *path == place.link("runs")) {
            place.keep_table(now);
        }
    });
    // Of another order than the last the rows are another list: what a stretch of rows is asked by.
    let listing = Signal::derive(move || {
        let (sort, descending) = sort_of(order.get().as_ref(), &further.get());
        Some(Listing { of: place.scope.get()?, deleted: deleted.get(), filter: filter.get(), sort, descending })
    });
    // While a filter is written no column comes or goes.
    let is_writing = RwSignal::new(false);
    let followed = StoredValue::new(Followed::default());
    let matched = move || {
        listing.get_untracked().map(|Listing { of, deleted, filter, .. }| Matched { scope: of, deleted, filter })
    };
    Effect::new(move |_| {
        let is_writing = is_writing.get();
        let Some(of) = matched().filter(|_| !is_writing) else { return };
        if let Some(Some(now)) = followed.try_update_value(|followed| followed.applied(&of)) {
            facts.update(|facts| facts.in_view = now);
        }
    });
    let offered = values::Offered::of(listing);
    let selected = RwSignal::new(None::<Range<usize>>);
    let notes = RwSignal::new(Vec::<FilterNote>::new());
    let list = paged(
        move |offset, limit| listing.get().map(|list| ListRuns::of(list, offset, limit)),
        move |table| {
            // By the first rows: no column comes or goes while the table is scrolled.
            let (mut below_metrics, mut below_params) = below(&table);
            let is_first = facts.with_untracked(|facts| {
                if facts.param_keys != table.param_keys || facts.metric_keys != table.metric_keys {
                    return true;
                }
                // Other rows have other runs below them: what was seen stays.
                below_metrics.extend(facts.below_metrics.iter().cloned());
                below_params.extend(facts.below_params.iter().cloned());
                (&below_metrics, &below_params) != (&facts.below_metrics, &facts.below_params)
            });
            let (differing, rare, in_view) =
                facts.with_untracked(|facts| (facts.differing.clone(), facts.rare.clone(), facts.in_view.clone()));
            let is_writing = is_writing.get_untracked();
            let coming = Coming { is_new: is_first, is_writing, differing: &differing };
            let came = |of: Matched| followed.try_update_value(|followed| followed.came(&of, &table, coming));
            let in_view = matched().and_then(came).unwrap_or(in_view);
            let (differing, rare) = if is_first || differing.is_empty() {
                (in_view.differing.clone(), in_view.rare.clone())
            } else {
                (differing, rare)
            };
            let scope = place.scope.get_untracked();
            let now = Facts {
                rare,
                metric_keys: table.metric_keys,
                param_keys: table.param_keys,
                tag_keys: table.tag_keys,
                below_metrics,
                below_params,
                differing,
                ranked_by: table.ranked_by,
                best_split: table.best_split,
                in_view,
                is_of_all: scope == Some(Scope::All),
            };
            if facts.with_untracked(|facts| *facts != now) {
                facts.set(now);
            }
            if notes.with_untracked(|notes| *notes != table.notes) {
                notes.set(table.notes);
            }
            Some((table.rows, table.total))
        },
    );
    list.rests_while(is_covered);
    let names = Memo::new(move |_| facts.with(|facts| chosen_columns.names(facts)));
    let seen_list = Signal::derive(move || listing.get().filter(|_| !is_covered.get()));
    let figures = figures(seen_list, names, facts);
    let ranges = Memo::new(move |_| {
        let usual = |(key, figure): (&String, &GroupFigure)| Some((key.clone(), figure.usual?));
        figures.with(|figures| figures.of.iter().filter_map(usual).collect::<columns::Ranges>())
    });
    let places = colours::of_picked(picked);
    let actions = actions::Actions::new(asks, picked, places, deleted);
    let columns = Memo::new_with_compare(
        move |_| {
            let named = names.get();
            facts.with(|facts| {
                ranges.with(|ranges| columns::columns(facts, &named, chosen_columns, ranges, places, actions))
            })
        },
        |_, _| true,
    );
    let rows = StoredValue::new(Rows::from(list));
    let menu = StoredValue::new_local({
        Box::new(move |row: RunRow| actions.items(&actions::OfRun::from(&row))) as Box<dyn Fn(RunRow) -> Vec<Item>>
    });
    // What was picked stays known when its row is scrolled away or filtered out.
    let known = StoredValue::new(BTreeMap::<String, Compared>::new());
    let chosen = Memo::new(move |_| {
        picked.with(|picked| {
            // Only the first are drawn: of a selection of all runs no more is looked at.
            let drawn = &picked[..picked.len().min(overlaid::DRAWN)];
            known.update_value(|known| {
                known.retain(|id, _| drawn.contains(id));
                if drawn.is_empty() {
                    return;
                }
                let ids: Vec<Option<api::RunId>> = drawn.iter().map(|id| id.parse().ok()).collect();
                list.each(|row: &RunRow| {
                    if ids.contains(&Some(row.id)) {
                        known.insert(row.id.to_string(), Compared::from(row));
                    }
                });
            });
            let at = places
                .with(|places| drawn.iter().map(|id| places.get(id).copied().unwrap_or(0)).collect::<Vec<usize>>());
            let placed = |known: &BTreeMap<String, Compared>, (id, place): (&String, &usize)| {
                Some(Compared { place: *place, ..known.get(id)?.clone() })
            };
            overlaid::told_apart(
                known.with_value(|known| drawn.iter().zip(&at).filter_map(|one| placed(known, one)).collect()),
            )
        })
    });
    let ranked_by = Signal::derive(move || facts.with(|facts| facts.ranked_by.clone()));
    let better = Signal::derive(move || chosen_columns.told.with(|told| told.better.clone()));
    let back = Signal::derive(move || format!("{}{}", place.link("runs"), untrack(here)));
    let compare =
        Signal::derive(move || picked.with(|picked| places.with(|places| compare::page_of(place, picked, places))));
    compare::on_keys(move |key| {
        if key == "c" && picked.with_untracked(Vec::len) > 1 && !is_covered.get_untracked() {
            navigate.with_value(|navigate| navigate(&compare.get_untracked(), Default::default()));
        }
    });
    let these = plots::These {
        label: "Compare these",
        act: Callback::new(move |ids: Vec<String>| {
            let to = untrack(|| places.with(|places| compare::page_of(place, &ids, places)));
            navigate.with_value(|navigate| navigate(&to, Default::default()));
        }),
    };
    let of_all = all_of(listing, is_covered);
    let empty = Memo::new(move |_| list.total.get() == Some(0) && filter.with(String::is_empty));
    let none = Memo::new(move |_| empty.get() && !deleted.get());
    let has_project = Memo::new(move |_| place.project.get().is_some());
    // Over the table as it stands, which the address says.
    let train_at = asking(vec![("train", "1".to_owned())]);
    let train = move || train_at.get();
    let more = move || {
        let mut items = if has_project.get_untracked() { begins() } else { Vec::new() };
        let (label, next) =
            if deleted.get_untracked() { ("Back to the runs", false) } else { ("See deleted runs", true) };
        items.push(Item::new(label, icon::TRASH, move || deleted.set(next)));
        items
    };
    // What was said of the filter before is not said of what is being typed.
    let is_typed = RwSignal::new(false);
    let unfit = Memo::new(move |_| list.total.get() == Some(0) && !filter.with(String::is_empty));
    let clear = move || filter.set(String::new());
    let heading = move || {
        let name = place.experiment.with(|experiment| experiment.as_ref().map(|experiment| experiment.name.clone()));
        let is_all = place.scope.get() == Some(Scope::All);
        name.unwrap_or_else(|| if is_all { "Runs of all experiments" } else { "Runs" }.to_owned())
    };
    let failed = Memo::new(move |_| list.error.get());
    let is_plotted = Memo::new(move |_| plotted.with(|plotted| !plotted.is_table()));
    let grouped = Memo::new(move |_| !is_plotted.get() && group.with(|group| !group.is_empty()));
    let groups = groups::groups(
        listing,
        group,
        (group_order, group_further),
        names,
        facts,
        Memo::new(move |_| grouped.get() && !is_covered.get()),
    );
    // Not by the number itself: what is brushed stays while runs come and go.
    let shows_plot =
        Memo::new(move |_| is_plotted.get() && failed.with(Option::is_none) && list.total.get() != Some(0));
    let open_id = Callback::new(move |id: String| {
        navigate.with_value(|navigate| navigate(&place.link(&format!("runs/{id}")), Default::default()));
    });
    let has_below = Signal::derive(move || facts.with(|facts| !facts.below_metrics.is_empty()));
    let sight = Callback::new(move |()| list.in_sight());
    let showing = export::Showing { list: listing, names: names.into(), has_below, picked, sight };
    let on_stretch = stretch(listing, picked);
    let vocabulary = Signal::derive(move || {
        let (metrics, params, tags) =
            facts.with(|facts| (facts.metric_keys.clone(), facts.param_keys.clone(), facts.tag_keys.clone()));
        Vocabulary { metrics, params, tags, values: offered.values() }
    });
    let open = Callback::new(move |row: RunRow| {
        navigate.with_value(|navigate| navigate(&place.link(&format!("runs/{}", row.id)), Default::default()));
    });
    view! {
        <div class="split-runs">
            <div class="left" class:hidden=is_covered>
                {move || none.get().then(|| view! { <div class="head"><h1>{heading}</h1></div> })}
                <div class="tools" class:hidden=none>
                    <FilterLine
                        value=filter
                        vocabulary
                        selected
                        on_wanted=Callback::new(move |wanted| offered.ask(wanted))
                        name="Filter runs"
                        placeholder="Filter, such as metric.loss < 0.1"
                        is_typed
                        is_writing
                    />
                    <plots::Switcher plotted />
                    <span class="tool-group">
                        <views::Views settable />
                        <groups::GroupBy group facts />
                        <chooser::ColumnChooser chosen=chosen_columns facts />
                        {move || if grouped.get() {
                            view! { <groups::Take groups=groups /> }.into_any()
                        } else {
                            view! { <export::Export showing /> }.into_any()
                        }}
                    </span>
                    {move || deleted.get().then(|| view! {
                        <button type="button" class="btn turns" aria-pressed="true" title="Back to the runs" on:click=move |_| deleted.set(false)>
                            {icon(icon::TRASH)}"Deleted"{icon(icon::X)}
                        </button>
                    })}
                    <span class="faint caption">{move || list.total.get().map(|total| counted_of(total, of_all.get()))}</span>
                    <span class="tool-group to-end">
                        {move || has_project.get().then(|| view! {
                            <a class="btn folds-away" title="Searches for hyperparameters" href=move || place.link("runs?searches=1")>{icon(icon::SLIDERS_HORIZONTAL)}"Searches"</a>
                            <a class="btn primary" href=train>{icon(icon::PLAY)}"Train"</a>
                        })}
                        <MenuButton items=more label="What else can be done here" />
                    </span>
                </div>
                <Chips value=filter selected />
                // The pane stands beside the rows and below the tools: no row moves down where a run is selected.
                <div class="rows-and-pane">
                    <div class="rows-of-runs">
                        {move || failed.get().map(|error| {
                            // A filter that can't be read is no better the second time.
                            if error.code == ErrorCode::Invalid && is_typed.get() {
                                view! { <p class="faint padded">{TYPED}</p> }.into_any()
                            } else if error.code == ErrorCode::Invalid && !filter.with(String::is_empty) {
                                view! { <div class="padded stack"><Problem error /><div><Button label="Clear the filter" on_press=clear /></div></div> }.into_any()
                            } else {
                                view! { <div class="padded"><Failure error again=move || list.again() /></div> }.into_any()
                            }
                        })}
                        {move || (list.total.get().is_none() && failed.get().is_none()).then(|| view! { <div class="padded"><Skeleton lines=9 /></div> })}
                        {move || empty.get().then(|| view! { <Nothing deleted has_project programs train /> })}
                        {move || (unfit.get() && failed.with(Option::is_none)).then(|| view! {
                            <Unfit filter notes is_typed />
                        })}
                        {move || (grouped.get() && failed.with(Option::is_none) && !empty.get()).then(|| view! {
                            <groups::Grouped groups filter actions on_open=open />
                        })}
                        {move || shows_plot.get().then(|| view! {
                            <plots::Plots whose=plots::Whose::Listed(seen_list) plotted facts filter=Some(filter) these on_open=open_id />
                        })}
                        <div class="fill-table" class:hidden=move || grouped.get() || is_plotted.get() || list.total.get().unwrap_or(0) == 0>
                            // no menu: that of runs/export.rs takes all that match
                            <Table
                                rows=rows.get_value()
                                columns=Signal::from(columns)
                                label="Runs"
                                key=Callback::new(|row: RunRow| row.id.to_string())
                                selected=picked
                                on_open=open
                                menu
                                order
                                further
                                on_stretch
                                on_resize=Callback::new(move |(name, width)| chosen_columns.widen(name, width))
                                unsorted=Signal::derive(move || facts.with(|facts| {
                                    facts.ranked_by.as_ref().map(|(key, more)| (format!("metric.{key}"), *more))
                                }))
                            />
                        </div>
                        <Foot hidden=Signal::derive(move || empty.get() || grouped.get() || is_plotted.get()) facts names chosen=chosen_columns figures picked />
                    </div>
                    {move || (!picked.with(Vec::is_empty) && !is_covered.get()).then(|| view! {
                        <overlay::Overlay picked chosen ranked_by curve compare=compare better on_open=open_id />
                    })}
                </div>
            </div>
            {move || (!comparing.with(Vec::is_empty)).then(|| view! {
                <compare::Compare named=comparing query=asked ranked_by better back=back />
            })}
            {move || banding.get().then(|| view! { <bands::CompareGroups query=asked back=back /> })}
            <searches::Searches asked=searching named=search_named />
            <program::RunProgram open=programs />
            <actions::Dialogs actions />
        </div>
    }
}

/// How many runs there are whatever the filter says; nothing where it says nothing.
fn all_of(list: Signal<Option<Listing>>, is_covered: Memo<bool>) -> Signal<Option<u64>> {
    // The same for each filter and order.
    let whole = Memo::new(move |_| {
        let list = list.get().filter(|list| !list.filter.is_empty() && !is_covered.get())?;
        Some(Listing { filter: String::new(), sort: None, descending: false, ..list })
    });
    let answer = paced(move || Some(ListRuns::of(whole.get()?, 0, 1)), pace::LIST_MS);
    Signal::derive(move || {
        let is_filtered = list.with(|list| list.as_ref().is_some_and(|list| !list.filter.is_empty()));
        answer.value.with(|table| table.as_ref().map(|table| table.total)).filter(|_| is_filtered)
    })
}

/// "1,284 of 104,211 runs", or how many there are.
fn counted_of(total: u64, all: Option<u64>) -> String {
    match all.filter(|all| *all > total) {
        Some(all) => format!("{} of {}", words::count(total), words::counted(all, "run", "runs")),
        None => words::counted(total, "run", "runs"),
    }
}

/// What is said while a filter is written that can't be asked yet.
const TYPED: &str = "Press Enter to apply what stands in the filter.";

/// No run that the filter matches: what may be wrong with it, and the way out.
#[component]
fn Unfit(filter: RwSignal<String>, notes: RwSignal<Vec<FilterNote>>, is_typed: RwSignal<bool>) -> impl IntoView {
    const WHAT_IT_TAKES: &str = "A word is looked for in names, models, params, tags, notes and the names of datasets; a \
                                 condition names a field, like state = finished.";
    move || {
        if is_typed.get() {
            return view! { <Empty mark=icon::LIST_FILTER title="No run fits the filter so far" text=TYPED /> }
                .into_any();
        }
        let (text_now, notes) = (filter.get(), notes.get());
        let told = notes.iter().map(|note| note.sentence.as_str()).collect::<Vec<_>>().join(" ");
        let text = if told.is_empty() { WHAT_IT_TAKES.to_owned() } else { told };
        let mended = notes.iter().find_map(|note| mended(&text_now, note));
        view! {
            <Empty mark=icon::LIST_FILTER title="No run fits this filter" text>
                {mended.map(|(meant, mended)| view! {
                    <Button label=format!("Use {meant}") kind="primary" on_press=move || filter.set(mended.clone()) />
                })}
                <Button label="Clear the filter" on_press=move || filter.set(String::new()) />
            </Empty>
        }
        .into_any()
    }
}

/// How a program logs into this experiment.
#[component]
fn LogHere() -> impl IntoView {
    let (place, address) = (Place::get(), TrackingAddress::new());
    address.ask();
    let line = move || {
        let name = place.experiment.with(|experiment| experiment.as_ref().map(|experiment| experiment.name.clone()))?;
        // Python's own way to write a text is JSON's, but for what no name has.
        Some(format!("mlflow.set_experiment({})", serde_json::to_string(&name).ok()?))
    };
    let has_line = Memo::new(move |_| line().is_some());
    view! {
        <div class="log-here">
            <Button label="Copy the address" kind="primary" mark=icon::COPY on_press=move || address.copy() />
            <span class="small muted">"It is what MLFLOW_TRACKING_URI is set to."{move || has_line.get().then_some(" In the program:")}</span>
            {move || line().map(|text| view! { <CopyLine text /> })}
        </div>
    }
}

/// The table without a row: what would stand there.
#[component]
fn Nothing(
    deleted: RwSignal<bool>,
    has_project: Memo<bool>,
    /// Whether the dialog that runs a program is open.
    programs: RwSignal<bool>,
    /// Where a training is started.
    train: impl Fn() -> String + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let place = Place::get();
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
                <a class="btn" href=move || place.link("runs?searches=1")>{icon(icon::SLIDERS_HORIZONTAL)}"Search hyperparameters"</a>
                <Button label="Run a program…" on_press=move || programs.set(true) />
                {see_deleted()}
            </Empty>
        }
        .into_any(),
        (false, false) if place.scope.get() == Some(Scope::All) => view! {
            <Empty mark=icon::ACTIVITY title="No run yet" text="The runs of every experiment stand here: those of projects, and those that programs log with MLflow's client.">
                <LogHere />
                {see_deleted()}
            </Empty>
        }
        .into_any(),
        (false, false) => view! {
            <Empty mark=icon::ACTIVITY title="No run yet" text="Programs log their runs here with MLflow's client, with this experiment's name. It belongs to no project, so nothing is trained here.">
                <LogHere />
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

/// Adds a stretch of the table to what is picked, whether its rows were fetched or not.
fn stretch(list: Signal<Option<Listing>>, picked: RwSignal<Vec<String>>) -> Callback<Range<u64>> {
    let (client, pending) = (Client::get(), Pending::new());
    Callback::new(move |rows: Range<u64>| {
        let Some(list) = list.get_untracked() else { return };
        let request = PickRuns { list, offset: rows.start, limit: Some(rows.end - rows.start), evenly_by: None };
        pending.run(async move { client.call(request).await }, move |answer: PickedRuns| {
            picked.try_update(|picked| {
                let known: BTreeSet<&String> = picked.iter().collect();
                let new: Vec<String> =
                    answer.runs.iter().map(ToString::to_string).filter(|id| !known.contains(id)).collect();
                picked.extend(new);
            });
        });
    })
}

#[component]
fn Foot(
    hidden: Signal<bool>,
    facts: RwSignal<Facts>,
    /// The columns that are shown.
    names: Memo<columns::Names>,
    chosen: columns::Chosen,
    figures: Memo<Figures>,
    picked: RwSignal<Vec<String>>,
) -> impl IntoView {
    // What a mark stands for is said where one can stand.
    let has_marks =
        Memo::new(move |_| names.with(|names| facts.with(|facts| names.iter().any(|name| facts.is_below(name)))));
    let ranked = Memo::new(move |_| {
        let (key, more) = chosen.told.with(|told| facts.with(|facts| names.with(|names| told.lead(facts, names))))?;
        let figure = figures.with(|figures| figures.of.get(&key).copied())?;
        let name = words::key(&key);
        let name = name.strip_suffix(", validation").map_or(name.clone(), ToOwned::to_owned);
        Some((name, if more { figure.max } else { figure.min }, figure))
    });
    let others = Memo::new(move |_| figures.with(|figures| other_rows(figures.other_rows)));
    view! {
        <div class="foot" class:hidden=move || hidden.get()>
            <span>{move || match picked.with(Vec::len) { 0 => "None selected".to_owned(), count => format!("{} selected", words::count(count as u64)) }}</span>
            {move || ranked.get().map(|(name, best, GroupFigure { runs, mean, sd, .. })| view! {
                <span>{name}": best "<span class="num">{words::figure(best)}</span></span>
                // The spread of one value is nothing.
                {sd.map(|sd| view! { <span title="Mean ± standard deviation (n − 1) over all runs that match and were validated on the same rows">"mean "<span class="num">{words::figure(mean)}" ± "{words::figure(sd)}</span></span> })}
                <span class="faint">{format!("of {}", words::counted(runs, "run", "runs"))}{move || others.get()}</span>
            })}
            {move || has_marks.get().then(|| view! { <span>{format!("{BELOW} of a run that the program started in another experiment")}</span> })}
            <span class="right flex">
                <span><kbd>"x"</kbd>" select"</span>
                <span><kbd>"c"</kbd>" compare"</span>
                <span><kbd>"Enter"</kbd>" open"</span>
                <span><kbd>"/"</kbd>" filter"</span>
            </span>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_filtered_runs_is_said_of_how_many() {
        assert_eq!(counted_of(1_284, Some(104_211)), "1,284 of 104,211 runs");
        // What is counted at another moment is not said.
        assert_eq!([counted_of(1, None), counted_of(3, Some(2))], ["1 run", "3 runs"]);
    }
}
