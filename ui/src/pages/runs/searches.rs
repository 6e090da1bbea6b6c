//! Searches for hyperparameters: those of the project, one with its trials, and the dialog that begins one.
//!
//! They stand in the address of the runs: `?searches=1`, `?search=ID`, `?search=new`.

mod acts;
mod deleted;
mod drawn;
mod going_on;
mod new;
mod trials;

use api::{
    SearchId,
    search::{Direction, GetSearch, ListSearches, Search, SearchState, Trial, TrialOutcome},
    spending::Spent,
};
use charts::{
    axis::Axis,
    line::{Line, LineChart},
    role::Role,
};
use leptos::prelude::*;
use leptos_router::{
    hooks::{use_location, use_navigate},
    params::ParamsMap,
};

use self::{
    acts::{Acts, FORGET, runs_of},
    deleted::DeletedSearches,
    drawn::Drawn,
    going_on::GoOn,
    new::NewSearch,
    trials::{Trials, as_text},
};
use super::{colours, compare};
use crate::{
    client::query::query,
    frame::place::Place,
    parts::{
        button::Button,
        card::{Card, Chip},
        chart::ChartCard,
        field::TextField,
        icon::{self, icon},
        menu::{Item, MenuButton, Menus},
        row_keys::{is_meant_for_row, move_among_rows, opens_row},
        states::{Empty, Load, Problem},
        take_table::{Form, TakeTable, TextTable},
        when::Ago,
        words,
    },
};

/// Further trials that are offered of a search that is over.
const MORE: u64 = 10;

/// What of the searches the address asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    All,
    One(SearchId),
}

pub(super) fn asked(query: Memo<ParamsMap>) -> Memo<Option<Asked>> {
    Memo::new(move |_| {
        query.with(|query| match query.get("search").and_then(|id| id.parse().ok()) {
            Some(id) => Some(Asked::One(id)),
            None => query.get("searches").map(|_| Asked::All),
        })
    })
}

/// The pages of the searches, where one is asked for, and the dialog.
#[component]
pub(super) fn Searches(
    asked: Memo<Option<Asked>>,
    /// The name of the one that is shown, for who says where this is.
    named: RwSignal<String>,
) -> impl IntoView {
    let (place, query) = (Place::get(), use_location().query);
    let navigate = StoredValue::new_local(use_navigate());
    let is_new = Memo::new(move |_| query.with(|query| query.get("search").as_deref() == Some("new")));
    let beginning = RwSignal::new(false);
    Effect::new(move |_| beginning.set(is_new.get()));
    // Closed, the dialog leaves the address too.
    Effect::new(move |before: Option<bool>| {
        let now = beginning.get();
        if before == Some(true) && !now && is_new.get_untracked() {
            navigate.try_with_value(|navigate| navigate(&place.link("runs?searches=1"), Default::default()));
        }
        now
    });
    view! {
        {move || match asked.get() {
            None => ().into_any(),
            Some(Asked::All) => view! { <All beginning /> }.into_any(),
            Some(Asked::One(id)) => view! { <One id named /> }.into_any(),
        }}
        <NewSearch open=beginning />
    }
}

#[component]
fn All(beginning: RwSignal<bool>) -> impl IntoView {
    let place = Place::get();
    let all = query(move || Some(ListSearches { project: place.project.get()?, deleted: false }));
    let has_any = Memo::new(move |_| all.value.with(|all| all.as_ref().is_some_and(|all| !all.is_empty())));
    view! {
        <section class="body-of-page compare" aria-label="Searches">
            <div class="head">
                <div><h1>"Searches"</h1><div class="sub">"The best hyperparameters, found by trying"</div></div>
                <div class="right flex">
                    {move || has_any.get().then(|| view! {
                        <TakeTable of=("search", "searches") table=move |form| all.value.with_untracked(|all| all_as_text(all.as_deref().unwrap_or_default(), form)) />
                    })}
                    <Button label="New search…" mark=icon::PLUS kind="primary" on_press=move || beginning.set(true) />
                </div>
            </div>
            <Load query=all let:all>
                {
                    let none = Memo::new(move |_| all.with(Vec::is_empty));
                    move || if none.get() {
                        view! {
                            <Empty mark=icon::SLIDERS_HORIZONTAL title="No search yet" text="A search trains, or runs a program, with many values of its hyperparameters and keeps the best. Say which may vary; each trial is a run like any other.">
                                <Button label="New search…" mark=icon::PLUS kind="primary" on_press=move || beginning.set(true) />
                            </Empty>
                        }.into_any()
                    } else {
                        view! { <List all /> }.into_any()
                    }
                }
            </Load>
            <DeletedSearches />
        </section>
    }
}

#[component]
fn List(all: Signal<Vec<Search>>) -> impl IntoView {
    let (place, menus, acts) = (Place::get(), Menus::get(), Acts::new());
    let navigate = StoredValue::new_local(use_navigate());
    let line = move |search: Search| {
        let to = place.link(&format!("runs?search={}", search.id));
        let opened = to.clone();
        let open = move || navigate.with_value(|navigate| navigate(&opened, Default::default()));
        let on_key = open.clone();
        let best = search.best_trial().and_then(|trial| trial.value);
        let known = StoredValue::new(search.clone());
        let items = move || known.with_value(|search| acts.items(search));
        view! {
            <tr
                class="opens"
                tabindex="0"
                on:click=move |event| if is_meant_for_row(&event) { open() }
                on:contextmenu=move |event| menus.open_at(&event, items())
                on:keydown=move |event| if opens_row(&event) { on_key() }
            >
                <td><a class="link strong" tabindex="-1" href=to>{search.name.clone()}</a></td>
                <td><StateChip state=search.state /></td>
                <td class="muted">{tried(&search)}</td>
                <td class="num">{format!("{} of {}", words::count(search.over()), words::count(search.planned))}</td>
                <td class="num">{best.map_or_else(|| "–".to_owned(), words::figure)}</td>
                <td class="num faint"><Ago ms=search.created_ms /></td>
                <td class="end"><MenuButton items label=format!("More of {}", search.name) /></td>
            </tr>
        }
    };
    view! {
        <section class="card">
            <div class="scrolls">
                <table class="small-table opens" on:keydown=move_among_rows>
                    <thead>
                        <tr>
                            <th>"Search"</th><th>"State"</th><th>"Hyperparameters"</th><th class="num">"Trials"</th>
                            <th class="num">"Best"</th><th class="num">"Started"</th><th></th>
                        </tr>
                    </thead>
                    <tbody>{move || all.get().into_iter().map(line).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
}

const fn state_of(state: SearchState) -> (&'static str, &'static str) {
    match state {
        SearchState::Running => ("running", "accent"),
        SearchState::Stopped => ("stopped", "warn"),
        SearchState::Finished => ("finished", "good"),
        SearchState::Failed => ("failed", "bad"),
    }
}

/// A line a search.
fn all_as_text(all: &[Search], form: Form) -> TextTable {
    let row = |search: &Search| {
        let tries = match form {
            Form::Markdown => tried(search),
            Form::Csv => search.config.space.keys().cloned().collect::<Vec<_>>().join(" "),
        };
        let best = search.best_trial().and_then(|trial| trial.value);
        let (over, planned) = (search.over().to_string(), search.planned.to_string());
        let state = state_of(search.state).0.to_owned();
        [search.name.clone(), state, tries, over, planned, form.number(best), form.moment(Some(search.created_ms))]
    };
    let head = [
        ("Search", false),
        ("State", false),
        ("Hyperparameters", false),
        ("Trials", true),
        ("Planned", true),
        ("Best", true),
        ("Started", false),
    ];
    TextTable::of(head, all.iter().map(row))
}

#[component]
fn StateChip(state: SearchState) -> impl IntoView {
    let (text, tone) = state_of(state);
    view! { <Chip text tone dot=true /> }
}

/// "learning rate, max depth".
fn tried(search: &Search) -> String {
    search.config.space.keys().map(|name| words::param(name)).collect::<Vec<_>>().join(", ")
}

#[component]
fn One(id: SearchId, named: RwSignal<String>) -> impl IntoView {
    let search = query(move || Some(GetSearch { search: id }));
    Effect::new(move |_| {
        let name = search.value.with(|search| search.as_ref().map(|search| search.name.clone()));
        let name = name.unwrap_or_default();
        if named.with_untracked(|named| *named != name) {
            named.set(name);
        }
    });
    view! {
        <section class="body-of-page compare" aria-label="A search" data-search=id.to_string()>
            <Load query=search let:search><Whole search /></Load>
        </section>
    }
}

#[component]
fn Whole(search: Signal<Search>) -> impl IntoView {
    let place = Place::get();
    let acts = Acts::new();
    let busy = acts.pending.busy;
    let id = search.with_untracked(|search| search.id);
    let state = Memo::new(move |_| search.with(|search| search.state));
    let going_on = RwSignal::new(false);
    let more = RwSignal::new(MORE.to_string());
    let further = Memo::new(move |_| more.with(|more| more.trim().parse::<u64>().ok().filter(|more| *more > 0)));
    let try_more = move || {
        let Some(further) = further.get_untracked() else { return };
        acts.go_on(id, Some(search.with_untracked(|search| search.planned.saturating_add(further))));
    };
    let forget = move || acts.forget(id, search.with_untracked(|search| search.name.clone()));
    let runs = move || place.link(&runs_of(id));
    let sub = move || {
        search.with(|search| {
            let judged = search.judged.as_ref().map(|(key, direction)| match direction {
                Direction::Min => format!(" · {}, less is better", words::key(key)),
                Direction::Max => format!(" · {}, more is better", words::key(key)),
            });
            let trials = format!("{} of {} trials", words::count(search.over()), words::count(search.planned));
            let held_back = search.held_back.as_ref().map(|why| format!(" · {why}"));
            format!("{trials}{}{}", judged.unwrap_or_default(), held_back.unwrap_or_default())
        })
    };
    let chart = Memo::new(move |_| search.with(progress_of));
    let has_curve = Memo::new(move |_| chart.with(|chart| !chart.lines.is_empty()));
    let picked = RwSignal::new(Vec::<String>::new());
    let places = colours::of_picked(picked);
    let compare = move || picked.with(|picked| places.with(|places| compare::page_of(place, picked, places)));
    let items = move || {
        vec![
            Item::new("Go on with other limits…", icon::PLAY, move || going_on.set(true)),
            Item::new(FORGET, icon::TRASH, forget).danger(),
        ]
    };
    view! {
        <div class="head">
            <div>
                <h1 class="flex">{move || search.with(|search| search.name.clone())}" "{move || view! { <StateChip state=state.get() /> }}</h1>
                <div class="sub">{sub}</div>
                {move || search.with(best).map(|(text, link)| view! { <div class="sub" data-best="">
                    "Best so far: "<a class="link" href=place.link(&link)>{text}</a>
                </div> })}
                {move || search.with(command).map(|command| view! { <div class="sub mono" data-command="">{command}</div> })}
                {move || search.with(|search| search.remark.clone()).map(|remark| view! { <div class="sub" data-remark="">{remark}</div> })}
                {move || search.with(|search| search.spent.as_ref().map(used)).map(|used| view! { <div class="sub" data-budget="">{used}</div> })}
            </div>
            <div class="right flex">
                {move || search.with(|search| search.run).map(|run| view! { <a class="btn quiet" href=place.link(&format!("runs/{run}"))>"Search as a run"</a> })}
                <a class="btn quiet" href=runs>"Trials as runs"</a>
                {move || match state.get() {
                    SearchState::Running => view! { <Button label="Stop" mark=icon::SQUARE disabled=busy on_press=move || acts.stop(id) /> }.into_any(),
                    SearchState::Stopped | SearchState::Failed => {
                        view! { <Button label="Go on" mark=icon::PLAY kind="primary" disabled=busy on_press=move || acts.go_on(id, None) /> }.into_any()
                    }
                    SearchState::Finished => view! {
                        <span class="joined">
                            <TextField value=more name="Further trials" class="tiny" on_enter=Callback::new(move |()| try_more()) />
                            <Button
                                label="More trials"
                                tip=Signal::derive(move || further.get().map_or_else(
                                    || "Type a whole number of trials".to_owned(),
                                    |further| format!("Try {} more", words::count(further)),
                                ))
                                disabled=Signal::derive(move || busy.get() || further.get().is_none())
                                on_press=try_more
                            />
                        </span>
                    }.into_any(),
                }}
                {move || (state.get() != SearchState::Running).then(|| view! { <MenuButton items label="More of this search" /> })}
            </div>
        </div>
        <GoOn open=going_on search />
        {move || search.with(|search| search.error.clone()).map(|error| view! { <Problem error /> })}
        {move || has_curve.get().then(|| view! { <ChartCard title="Best so far" chart height=170.0 class="section" can_be_log=true /> })}
        <Drawn search />
        <Card title="Trials" class="section" flush=true extra=ViewFn::from(move || view! {
            {move || (picked.with(Vec::len) > 1).then(|| view! { <a class="btn s" href=compare>{icon(icon::LAYERS)}"Compare"</a> })}
            <TakeTable of=("trial", "trials") table=move |form| search.with_untracked(|search| as_text(search, form)) />
        })><Trials search picked /></Card>
    }
}

/// The best trial so far, with what was tried in it, and its run's page.
fn best(search: &Search) -> Option<(String, String)> {
    let trial = search.best_trial()?;
    let value = trial.value.map_or_else(|| "–".to_owned(), words::figure);
    let tried: Vec<String> =
        trial.values.iter().map(|(name, value)| format!("{} {}", words::param(name), trials::shown(value))).collect();
    let name = trial.name.clone().unwrap_or_else(|| format!("trial {}", trial.number));
    Some((format!("{value} by {name} ({})", tried.join(", ")), format!("runs/{}", trial.run)))
}

/// The program that is searched with, as it is typed.
fn command(search: &Search) -> Option<String> {
    let command = search.command.as_ref()?;
    Some(shlex::try_join(command.words.iter().map(String::as_str)).unwrap_or_else(|_| command.words.join(" ")))
}

/// "Together 0.4 h of at most 2 h".
fn used(spent: &Spent) -> String {
    let limits: Vec<String> = spent.limits().into_iter().map(|limit| spent.told(limit)).collect();
    format!("Together {}", limits.join(", "))
}

/// Each trial's value, and the best one up to it, by the trial's number.
fn progress_of(search: &Search) -> LineChart {
    let Some((key, direction)) = &search.judged else { return LineChart::default() };
    let valued = |trial: &Trial| match trial.outcome {
        TrialOutcome::Finished => trial.value.map(|value| (trial.number as f64, value)),
        _ => None,
    };
    let values: Vec<(f64, f64)> =
        search.trials.iter().filter_map(valued).filter(|(_, value)| !value.is_nan()).collect();
    if values.is_empty() {
        return LineChart::default();
    }
    let mut best = f64::INFINITY;
    let so_far = |(_, value): &(f64, f64)| {
        best = best.min(direction.loss(*value));
        direction.loss(best)
    };
    let so_far: Vec<f64> = values.iter().map(so_far).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
    let name = words::key(key);
    LineChart {
        name: name.clone(),
        lines: vec![
            Line::new("best so far", Role::series(0), x.clone(), so_far),
            Line { is_dashed: true, ..Line::new("each trial", Role::series(3), x, y) },
        ],
        x: Axis { is_whole: true, ..Axis::labelled("trial") },
        has_marks: true,
        ..LineChart::default()
    }
}
