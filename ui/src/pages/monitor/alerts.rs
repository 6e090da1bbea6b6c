//! Alerts, the open ones first: what drifted, since when, and the way to a retraining.

use api::monitor::{AcknowledgeAlert, Alert, Monitoring};
use leptos::prelude::*;

use super::Chosen;
use crate::{
    client::Client,
    frame::{address::asking, place::Place},
    parts::{
        button::{Button, Pending},
        card::Card,
        row_keys::{move_among_rows, opens_row},
        when::Ago,
    },
};

/// Alerts that are over and shown before a person asks for all.
const CLEARED: usize = 3;

#[component]
pub(super) fn Alerts(now: Signal<Monitoring>, chosen: RwSignal<Option<Chosen>>, place: Place) -> impl IntoView {
    let alerts = Memo::new(move |_| {
        let mut alerts = now.with(|now| now.alerts.clone());
        alerts.sort_by(|left, right| {
            left.cleared_ms.is_some().cmp(&right.cleared_ms.is_some()).then(right.severity.total_cmp(&left.severity))
        });
        alerts
    });
    let everything = RwSignal::new(false);
    view! {
        <Card title="Alerts" flush=true>
            {move || {
                let mut alerts = alerts.get();
                if alerts.is_empty() {
                    return view! { <p class="muted small padded">"No alert. One is raised when a column drifts in several windows in a row."</p> }.into_any();
                }
                let open = alerts.iter().filter(|alert| alert.cleared_ms.is_none()).count();
                let hidden = if everything.get() { 0 } else { alerts.len().saturating_sub(open + CLEARED) };
                alerts.truncate(alerts.len() - hidden);
                view! { <div class="list" role="list" on:keydown=move_among_rows>{alerts.into_iter().map(|alert| view! { <Line alert now chosen place /> }).collect_view()}</div>
                    {(hidden > 0).then(|| view! {
                        <div class="padded"><Button label=format!("{hidden} more that are over") kind="quiet s" on_press=move || everything.set(true) /></div>
                    })}
                }.into_any()
            }}
        </Card>
    }
}

#[component]
fn Line(alert: Alert, now: Signal<Monitoring>, chosen: RwSignal<Option<Chosen>>, place: Place) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let id = alert.id;
    let open = alert.cleared_ms.is_none();
    let retrain = asking(vec![("train", "1".to_owned()), ("alert", id.to_string())]);
    let tone = match (open, alert.is_grave()) {
        (false, _) => "faint",
        (true, true) => "bad",
        (true, false) => "warn",
    };
    let column = alert.column.clone();
    // What drifted is seen in the newest window's distributions.
    let show = move || {
        if let Some(window) = now.with_untracked(|now| now.windows.last().map(|newest| newest.id)) {
            chosen.set(Some(Chosen { window, column: column.clone() }));
        }
    };
    let shown = show.clone();
    view! {
        <div
            class="alert"
            role="listitem"
            tabindex="0"
            aria-label=alert.sentence.clone()
            on:keydown=move |event| {
                if opens_row(&event) {
                    show();
                }
            }
        >
            <span class=tone><i class="dot"></i></span>
            <div class="grow">
                <div class="opens" title="Show its distributions" on:click=move |_| shown()>{alert.sentence.clone()}</div>
                <div class="acts">
                    <span class="grow small muted">
                        "raised "<Ago ms=alert.raised_ms />
                        {alert.cleared_ms.map(|ms| view! { ", cleared "<Ago ms /> })}
                        {alert.acknowledged_ms.map(|_| ", acknowledged")}
                    </span>
                    {(open && alert.acknowledged_ms.is_none()).then(|| view! {
                        <Button label="Acknowledge" kind="quiet s" disabled=pending.busy
                            on_press=move || pending.run(async move { client.call(AcknowledgeAlert { alert: id }).await }, |_| {}) />
                    })}
                    {match alert.run {
                        Some(run) => view! { <a class="btn quiet s" href=place.link(&format!("runs/{run}"))>"See its run"</a> }.into_any(),
                        None if open => view! { <a class="btn s" href=retrain>"Retrain"</a> }.into_any(),
                        None => ().into_any(),
                    }}
                </div>
            </div>
        </div>
    }
}
