//! Monitor: traffic, latency, errors, the heat map of drift, ranked alerts; from a cell to the two
//! distributions and to the rows, from an alert to a retraining.

use api::{
    deploy::{Deployment, ListDeployments, in_sentence},
    id::{DeploymentId, VersionId, WindowId},
    monitor::{Alert, CheckNow, GetMonitoring, Monitoring, SetMonitored},
};
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_navigate, use_params_map};

use crate::{
    client::{Client, query::query},
    frame::{
        address::{asking, keep_in_address},
        crumbs::crumbs,
        place::Place,
    },
    parts::{
        button::{Button, Pending},
        card::{Chip, Figure, Figures},
        field::{Segments, Select},
        icon,
        send_traffic::Traffic,
        states::{Empty, Load, Problem},
        when::Ago,
        words,
    },
};

mod alerts;
mod heat;
mod rows;
mod silent;
mod traffic;
mod window;

/// Stretches of the traffic: hours, and how they are called.
const STRETCHES: [(&str, &str); 3] = [("1", "1 h"), ("24", "24 h"), ("168", "7 d")];

/// The stretch that an address without one shows.
fn usual() -> String {
    STRETCHES[1].0.to_owned()
}

/// A column of a window, chosen in the heat map.
#[derive(Debug, Clone, PartialEq)]
struct Chosen {
    window: WindowId,
    column: String,
}

#[component]
pub(crate) fn Monitor() -> impl IntoView {
    let place = Place::get();
    let params = use_params_map();
    let deployments = query(move || Some(ListDeployments { project: place.project.get() }));
    let asked = Memo::new(move |_| {
        params.with(|params| params.get("deployment").and_then(|id| id.parse::<DeploymentId>().ok()))
    });
    let shown = Memo::new(move |_| {
        let all = deployments.value.get().unwrap_or_default();
        let wanted = asked.get();
        all.iter().find(|one| Some(one.id) == wanted).or(all.first()).cloned()
    });
    crumbs(move || {
        let mut line = vec![("Monitor".to_owned(), Some(place.link("monitor")))];
        line.extend(shown.get().map(|deployment| (deployment.name, None)));
        line
    });
    let id = Memo::new(move |_| shown.get().map(|deployment| deployment.id));
    view! {
        <div class="body-of-page">
            <Load query=deployments let:deployments>
                {move || match id.get() {
                    None => view! {
                        <div class="head"><h1>"Monitor"</h1></div>
                        <Empty mark=icon::EYE title="Nothing is deployed" text="A deployed model is watched: what it is asked, how fast it answers, and whether the data drifts.">
                            <a class="btn primary" href=move || place.link("deploy")>"Deploy a model"</a>
                        </Empty>
                    }
                    .into_any(),
                    Some(id) => view! { <Watched id deployment=shown all=deployments place /> }.into_any(),
                }}
            </Load>
        </div>
    }
}

#[component]
fn Watched(
    id: DeploymentId,
    deployment: Memo<Option<Deployment>>,
    all: Signal<Vec<Deployment>>,
    place: Place,
) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let asked = use_location().query;
    let named = |key: &str| asked.with_untracked(|asked| asked.get(key));
    // The stretch of the traffic, in hours.
    let stretch = RwSignal::new(
        named("hours").filter(|hours| STRETCHES.iter().any(|(key, _)| key == hours)).unwrap_or_else(usual),
    );
    let monitoring = query(move || Some(GetMonitoring { deployment: id, hours: stretch.get().parse().ok() }));
    let chosen = RwSignal::new(
        named("window")
            .and_then(|id| id.parse().ok())
            .zip(named("column"))
            .map(|(window, column)| Chosen { window, column }),
    );
    keep_in_address(move || {
        let (window, column) =
            chosen.get().map(|chosen| (chosen.window.to_string(), chosen.column)).unwrap_or_default();
        let hours = Some(stretch.get()).filter(|hours| *hours != usual()).unwrap_or_default();
        vec![("hours", hours), ("window", window), ("column", column)]
    });
    let retrain = asking(vec![("train", "again".to_owned())]);
    let version = Memo::new(move |_| deployment.with(|deployment| deployment.as_ref().map(|one| one.version_number)));
    let useful = RwSignal::new(None::<f64>);
    let silent = Memo::new(move |_| {
        monitoring
            .value
            .with(|now| now.as_ref().is_some_and(|now| now.traffic.requests_in_all == 0 && now.windows.is_empty()))
    });
    let name = move || {
        deployment
            .get()
            .map(|deployment| format!("{} on {}", deployment.model_name, in_sentence(&deployment.target_name)))
            .unwrap_or_default()
    };
    let check = move || {
        pending.run(async move { client.call(CheckNow { deployment: id }).await }, move |_| monitoring.refresh());
    };
    // What was just sent stands in the figures at once.
    let count = move || {
        leptos::task::spawn_local(async move {
            if client.call(CheckNow { deployment: id }).await.is_ok() {
                monitoring.refresh();
            }
        });
    };
    let watch = move |monitored: bool| {
        pending.run(async move { client.call(SetMonitored { deployment: id, monitored }).await }, move |_| {
            monitoring.refresh();
        });
    };
    view! {
        <div class="head">
            <div>
                <h1 class="flex">{name}{move || monitoring.value.get().map(|now| state(&now, deployment.get().map(|deployment| deployment.spec.version)))}</h1>
                <div class="sub">
                    {move || monitoring.value.with(|now| now.as_ref().map(|now| now.headline.clone()))}
                    {move || monitoring.value.with(|now| now.as_ref().map(when_counted))}
                </div>
            </div>
            <span class="right flex">
                <Others id all place />
                <Segments value=stretch options=STRETCHES.to_vec() name="Stretch of the traffic" />
                {move || monitoring.value.get().map(|now| {
                    let (label, to) = if now.monitored { ("Stop watching", false) } else { ("Watch it", true) };
                    view! { <Button label=label kind="quiet" disabled=pending.busy on_press=move || watch(to) /> }
                })}
                <Button label="Check now" mark=icon::REFRESH_CW disabled=pending.busy on_press=check />
                <a class="btn primary" href=retrain>"Retrain"</a>
            </span>
        </div>
        <Load query=monitoring let:now>
            {move || now.get().problem.map(|error| view! { <Problem error /> })}
            <Figures figures=Signal::derive(move || figures(&now.get())) />
            <div class="watch section" style=move || useful.get().map(|wide| format!("--heat: {wide:.0}px"))>
                <div class="stack">
                    <heat::Heat now version chosen useful />
                    {move || if silent.get() {
                        deployment.get().map(|deployment| view! { <silent::Silent deployment place /> }).into_any()
                    } else {
                        view! { <traffic::Traffic now /> }.into_any()
                    }}
                </div>
                <div class="stack">
                    <alerts::Alerts now chosen place />
                    <window::Detail now chosen />
                    <Traffic id boxed=true on_sent=Callback::new(move |()| count()) />
                </div>
            </div>
        </Load>
    }
}

/// The other deployments of this project, where there are some.
#[component]
fn Others(id: DeploymentId, all: Signal<Vec<Deployment>>, place: Place) -> impl IntoView {
    let navigate = use_navigate();
    let value = RwSignal::new(id.to_string());
    Effect::new(move |_| {
        let wanted = value.get();
        if wanted != id.to_string() {
            navigate(&place.link(&format!("monitor/{wanted}")), leptos_router::NavigateOptions::default());
        }
    });
    let options =
        Signal::derive(move || all.get().into_iter().map(|one| (one.id.to_string(), one.name)).collect::<Vec<_>>());
    view! { <Show when=move || all.with(Vec::len).gt(&1)><Select value options name="Deployment" /></Show> }
}

/// What was asked since the last count stands in the figures with the next one.
fn when_counted(now: &Monitoring) -> impl IntoView + use<> {
    let every = now.monitored.then(|| format!(" · Counted every {} s", now.traffic.counted_every_secs));
    let last = now
        .traffic
        .counted_ms
        .map(|ms| view! { {if every.is_some() { ", last: " } else { " · Last counted: " }}<Ago ms /> });
    view! { {every}{last} }
}

/// How the version that is there now stands: windows of the one before it say nothing of it.
fn state(now: &Monitoring, version: Option<VersionId>) -> impl IntoView + use<> {
    let newest = now.windows.last().filter(|window| version.is_none_or(|version| window.version == version));
    let (text, tone) = match newest {
        _ if !now.monitored => ("not watched".to_owned(), ""),
        None => ("no window yet".to_owned(), ""),
        Some(window) if window.drifted > 0 => {
            (format!("{} of {} columns drifted", window.drifted, window.cells.len()), drift_tone(&now.alerts))
        }
        Some(window) if window.is_decided() => ("no drift".to_owned(), "good"),
        Some(_) => ("no column decided".to_owned(), ""),
    };
    view! { <Chip text=text tone=tone dot=true /> }
}

/// The colour of a window that drifted: before an alert it may be chance, as Overview has it.
fn drift_tone(alerts: &[Alert]) -> &'static str {
    let is_grave = alerts.iter().any(|alert| alert.cleared_ms.is_none() && alert.is_grave());
    if is_grave { "bad" } else { "warn" }
}

/// The stretch as its button says it: "1 h", "24 h", "7 d".
fn stretch_of(hours: u32) -> String {
    if hours > 24 { format!("{} d", hours / 24) } else { format!("{hours} h") }
}

/// Exact while it is short.
fn counted(value: u64) -> String {
    if value < 100_000 { words::count(value) } else { words::short(value as f64) }
}

/// A rate moves: two digits say it.
fn rate(per_second: f64) -> String {
    if per_second < 0.0095 {
        return if per_second > 0.0 { "< 0.01" } else { "0" }.to_owned();
    }
    let digits = (1 - per_second.log10().floor() as i32).clamp(0, 2) as usize;
    if digits == 0 { words::count(per_second.round() as u64) } else { format!("{per_second:.digits$}") }
}

fn figures(now: &Monitoring) -> Vec<Figure> {
    let traffic = &now.traffic;
    // One digit behind the point: three figures stand beside each other.
    let ms = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    let of_stretch = |name: &str| format!("{name}, {}", stretch_of(traffic.hours));
    // Of no request there is no share.
    let share = match traffic.requests {
        0 => "–".to_owned(),
        requests => words::percent(traffic.errors as f64 / requests as f64),
    };
    let mut errors = Figure::new(
        of_stretch("Errors"),
        share,
        format!("{} of {}", counted(traffic.errors), counted(traffic.requests)),
    );
    if traffic.errors > 0 {
        errors.tone = "warn";
    }
    vec![
        Figure::new(
            of_stretch("Requests"),
            counted(traffic.requests),
            format!("{} / s now", rate(traffic.requests_per_second)),
        ),
        Figure::new(of_stretch("Rows"), counted(traffic.rows), "in these requests"),
        Figure::new(
            of_stretch("p95 latency"),
            traffic.p95_ms.map_or_else(|| "–".to_owned(), |p95| format!("{p95:.1} ms")),
            format!("p50 {}, p99 {} ms", ms(traffic.p50_ms), ms(traffic.p99_ms)),
        ),
        errors,
        Figure::new("Windows", words::count(now.windows_in_all), "closed"),
        Figure::new("Open window", counted(now.open_rows), "rows so far"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_two_digits() {
        let said = [0.0, 0.004, 0.0123, 0.8769, 2.556, 25.56, 1234.0].map(rate);
        assert_eq!(said, ["0", "< 0.01", "0.01", "0.88", "2.6", "26", "1,234"]);
    }
}
