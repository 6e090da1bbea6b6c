//! Overview: the lifecycle as a road, what waits for a person, and what happened lately.

mod requests;

use api::project::{Action, GetOverview, Happening, Overview as Facts, Station, StationState, Waiting};
use leptos::prelude::*;

use crate::{
    client::{query::query, shell},
    frame::{crumbs::crumbs, place::Place},
    parts::{
        button::Button,
        card::{Card, Progress, Sentence},
        icon::{self, icon},
        stage::{stage_icon, stage_name, tone},
        states::{Load, Problem, prose},
        toast::Toasts,
        when::{Ago, Now},
        words,
    },
};

#[component]
pub(crate) fn Overview() -> impl IntoView {
    let place = Place::get();
    crumbs(|| vec![("Overview".to_owned(), None)]);
    let overview = query(move || place.project.get().map(|project| GetOverview { project }));
    view! {
        <div class="body-of-page overview">
            <Load query=overview let:facts>
                <Head facts />
                <Notices facts />
                <Road facts />
                <div class="below">
                    <Happened facts />
                    <div class="beside-happened">
                        <Waits facts />
                        <requests::Requests />
                    </div>
                </div>
            </Load>
        </div>
    }
}

#[component]
fn Head(facts: Signal<Facts>) -> impl IntoView {
    let toasts = Toasts::get();
    let place = Place::get();
    let path = Signal::derive(move || facts.with(|facts| facts.project.path.clone()));
    view! {
        <div class="head">
            <div>
                <h1>{move || facts.with(|facts| facts.project.name.clone())}</h1>
                <div class="sub">{move || facts.with(|facts| facts.headline.clone())}</div>
                {move || facts.with(|facts| facts.project.polled.clone()).map(|told| view! { <div class="sub small">{told}</div> })}
            </div>
            <div class="right flex">
                {shell::is_there().then(|| view! {
                    <Button
                        label="Show folder"
                        tip=path
                        on_press=move || {
                            let path = path.get_untracked();
                            leptos::task::spawn_local(async move {
                                if let Err(error) = shell::reveal(&path).await {
                                    toasts.error(&error);
                                }
                            });
                        }
                    />
                })}
                <a class="btn" href=move || format!("{}?settings=1", place.link(""))>"Settings…"</a>
                <a class="btn primary" href=move || format!("{}?train=1", place.link(""))>{icon(icon::PLAY)}"Train"</a>
            </div>
        </div>
    }
}

/// What is wrong with the folder or its file.
#[component]
fn Notices(facts: Signal<Facts>) -> impl IntoView {
    move || {
        let (missing, wrong) = facts.with(|facts| (facts.project.missing.clone(), facts.project.file_error.clone()));
        let missing = missing.map(|why| {
            api::ApiError::new(api::ErrorCode::NotFound, why)
                .with_hint("What was recorded stays here; open the folder again where it is now.")
        });
        let all: Vec<_> = missing.into_iter().chain(wrong).collect();
        (!all.is_empty()).then(|| view! { <div class="notices">{all.into_iter().map(|error| view! { <Problem error /> }).collect_view()}</div> })
    }
}

#[component]
fn Road(facts: Signal<Facts>) -> impl IntoView {
    let stations = Memo::new(move |_| facts.with(|facts| facts.road.clone()));
    view! {
        <ol class="road">
            {move || stations.get().into_iter().map(|station| view! { <StationCard station /> }).collect_view()}
        </ol>
    }
}

#[component]
fn StationCard(station: Station) -> impl IntoView {
    let live = station.state == StationState::Live;
    let class = if live { "card stage now" } else { "card stage" };
    let dot = format!("dot {}{}", tone(station.state), if live { " live" } else { "" });
    let waits = station.state == StationState::Empty;
    let is_long = station.figure.chars().count() > 9;
    view! {
        <li class=class data-stage=stage_name(station.stage)>
            <div class="k">
                {icon(stage_icon(station.stage))}
                {stage_name(station.stage)}
                <span class="right"><i class=dot></i></span>
            </div>
            <div class="v" class:faint=waits class:long=is_long title=station.figure.clone()>{station.figure.clone()}</div>
            <div class="d" title=station.detail.clone()>{station.detail.clone()}</div>
            {station.progress.map(|progress| view! { <Progress fraction=Some(progress) label=stage_name(station.stage) /> })}
            {station.since_ms.map(|since| view! { <div class="since"><Ago ms=since /></div> })}
            <div class="a">{station.action.map(|action| {
                // What is not there yet is offered quietly: the page's own Train button leads.
                view! { <ActionLink action=Action { primary: action.primary && !waits, ..action } /> }
            })}</div>
        </li>
    }
}

#[component]
fn ActionLink(action: Action) -> impl IntoView {
    view! { <a class=if action.primary { "btn s primary" } else { "btn s" } href=action.link>{action.label}</a> }
}

/// Sentences of what happened that are told before a person asks for the earlier ones.
const FIRST: usize = 8;

#[component]
fn Happened(facts: Signal<Facts>) -> impl IntoView {
    let now = Now::get();
    let happened = Memo::new(move |_| facts.with(|facts| facts.happened.clone()));
    let newest = move || happened.with(|all| all.first().map(|first| words::day(first.at_ms, now.get())));
    let everything = RwSignal::new(false);
    let earlier = Memo::new(move |_| happened.with(|all| all.len().saturating_sub(FIRST)));
    view! {
        <Card title="What happened" flush=true extra=ViewFn::from(move || view! { <span class="small faint">{newest}</span> })>
            <div class="list">
                {move || {
                    let all = happened.get();
                    if all.is_empty() {
                        return view! { <p class="muted small">"Nothing yet. What is done here is written down as sentences."</p> }.into_any();
                    }
                    let newest = all.first().map_or(0, |first| first.at_ms);
                    let shown = if everything.get() { usize::MAX } else { FIRST };
                    all.into_iter().take(shown).map(|happening| view! { <Line happening newest /> }).collect_view().into_any()
                }}
                {move || (earlier.get() > 0).then(|| {
                    let label = if everything.get() { "Show the newest".to_owned() } else { format!("Show {} earlier", earlier.get()) };
                    view! { <div><Button label kind="quiet s" on_press=move || everything.update(|everything| *everything = !*everything) /></div> }
                })}
            </div>
        </Card>
    }
}

#[component]
fn Line(happening: Happening, newest: i64) -> impl IntoView {
    let same_day = words::day(happening.at_ms, newest) == "Today";
    let when = if same_day { words::clock(happening.at_ms) } else { words::date(happening.at_ms) };
    let title = words::exact(happening.at_ms);
    let mark = if happening.state == StationState::Bad { icon::TRIANGLE_ALERT } else { stage_icon(happening.stage) };
    let class = match happening.state {
        StationState::Empty | StationState::Live => "muted flex",
        StationState::Good => "good flex",
        StationState::Warn => "warn flex",
        StationState::Bad => "bad flex",
    };
    view! {
        <div>
            <time class="when" title=title>{when}</time>
            <span class=class>{icon(mark)}</span>
            <span class="grow two-lines"><Sentence text=happening.sentence /></span>
        </div>
    }
}

#[component]
fn Waits(facts: Signal<Facts>) -> impl IntoView {
    let waits = Memo::new(move |_| facts.with(|facts| facts.waits.clone()));
    view! {
        <Card title="Waits for you" flush=true>
            <div class="list">
                {move || {
                    let all = waits.get();
                    if all.is_empty() {
                        return view! { <p class="muted small">"Nothing waits for you."</p> }.into_any();
                    }
                    grouped(all)
                        .into_iter()
                        .map(|group| view! { <WaitingGroup group /> })
                        .collect_view()
                        .into_any()
                }}
            </div>
        </Card>
    }
}

/// Sentences of a group that are told: the rest is counted, and stands on the page that the group leads to.
const TOLD: usize = 2;

/// What leads to the same page waits together: four drifted columns are one decision.
fn grouped(all: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let place = |waiting: &Waiting| waiting.actions.last().map(|action| action.link.clone());
    let mut groups: Vec<Vec<Waiting>> = Vec::new();
    for waiting in all {
        let same = |group: &Vec<Waiting>| group.first().is_some_and(|first| place(first) == place(&waiting));
        match groups.last_mut().filter(|group| same(group)) {
            Some(group) => group.push(waiting),
            None => groups.push(vec![waiting]),
        }
    }
    groups
}

#[component]
fn WaitingGroup(group: Vec<Waiting>) -> impl IntoView {
    let actions = group.first().map(|first| first.actions.clone()).unwrap_or_default();
    // The rest of them stands where their last button leads.
    let place = actions.last().map(|action| action.link.clone());
    let text = match group.as_slice() {
        [only] => view! {
            <div>{only.title.clone()}</div>
            <div class="small muted">{prose(&only.detail)}</div>
        }
        .into_any(),
        // Each sentence names its own column; the shared title would only repeat it.
        several => {
            let rest = several.len().saturating_sub(TOLD);
            let more = several.iter().skip(TOLD).map(|waiting| waiting.detail.clone()).collect::<Vec<_>>().join("\n");
            view! {
                {several
                    .iter()
                    .take(TOLD)
                    .map(|waiting| view! { <div class="one" title=waiting.title.clone()>{waiting.detail.clone()}</div> })
                    .collect_view()}
                {(rest > 0).then(|| {
                    let said = format!("and {rest} more");
                    match place {
                        Some(link) => view! { <a class="one link" title=more href=link>{said}</a> }.into_any(),
                        None => view! { <div class="one muted" title=more>{said}</div> }.into_any(),
                    }
                })}
            }
            .into_any()
        }
    };
    view! {
        <div class="waiting">
            <span class="warn flex">{icon(icon::TRIANGLE_ALERT)}</span>
            <div class="grow">{text}</div>
            <span class="flex">{actions.into_iter().map(|action| view! { <ActionLink action /> }).collect_view()}</span>
        </div>
    }
}
