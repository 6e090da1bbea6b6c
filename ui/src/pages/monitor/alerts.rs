//! Alerts, the open ones first: what drifted, since when, and the way to a retraining.

use api::{
    id::AlertId,
    monitor::{AcknowledgeAlert, Alert, Monitoring},
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::Chosen;
use crate::{
    client::Client,
    frame::{
        address::{asking, keep_in_address},
        place::Place,
    },
    parts::{
        button::{Button, Pending},
        card::Card,
        field::Segments,
        icon,
        menu::{Item, MenuButton, Menus},
        picked::{Picked, PickedBar, call_all, of_several},
        row_keys::{move_among_rows, opens_row},
        take_table::{Form, TakeTable, TextTable},
        when::Ago,
    },
};

/// Alerts that were cleared and are shown before a person asks for all.
const CLEARED: usize = 3;
const ALERTS: (&str, &str) = ("alert", "alerts");
/// Which alerts a person asks for.
const WHICH: [(&str, &str); 3] = [("all", "All"), ("open", "Open"), ("cleared", "Cleared")];

#[component]
pub(super) fn Alerts(now: Signal<Monitoring>, chosen: RwSignal<Option<Chosen>>, place: Place) -> impl IntoView {
    let alerts = Memo::new(move |_| {
        let mut alerts = now.with(|now| now.alerts.clone());
        alerts.sort_by(|left, right| {
            let is_cleared = left.cleared_ms.is_some().cmp(&right.cleared_ms.is_some());
            let newest = right.cleared_ms.cmp(&left.cleared_ms);
            is_cleared.then(newest).then(right.severity.total_cmp(&left.severity))
        });
        alerts
    });
    let which = RwSignal::new(WHICH[0].0.to_owned());
    let everything = RwSignal::new(false);
    let named = leptos_router::hooks::use_location().query.with_untracked(|asked| asked.get("alerts"));
    if let Some(named) = named.filter(|named| WHICH.iter().any(|(key, _)| key == named)) {
        which.set(named);
    }
    keep_in_address(move || {
        vec![("alerts", Some(which.get()).filter(|which| which != WHICH[0].0).unwrap_or_default())]
    });
    // Of one kind alone there is nothing to choose.
    let are_both = Memo::new(move |_| {
        alerts.with(|alerts| {
            let open = alerts.iter().filter(|alert| is_open(alert)).count();
            open > 0 && open < alerts.len()
        })
    });
    let wanted = Memo::new(move |_| if are_both.get() { which.get() } else { WHICH[0].0.to_owned() });
    let listed = Memo::new(move |_| shown(alerts.get(), &wanted.get(), everything.get()));
    let picked = Picked::<AlertId>::new();
    // What is not listed is not meant, though it stays selected.
    let selected = Memo::new(move |_| {
        let is_meant = |alert: &&Alert| picked.has(alert.id);
        listed.with(|(alerts, _)| alerts.iter().filter(is_meant).cloned().collect::<Vec<_>>())
    });
    let acts = Acts::new(now, chosen, place, picked, selected);
    view! {
        <Card title="Alerts" flush=true extra=ViewFn::from(move || view! {
            <Show when=move || are_both.get()><Segments value=which options=WHICH.to_vec() name="Which alerts" /></Show>
            // Also those that were cleared and are left out below.
            <Show when=move || !alerts.with(Vec::is_empty)>
                <TakeTable of=ALERTS table=move |form| as_text(&shown(alerts.get_untracked(), &wanted.get_untracked(), true).0, form) />
            </Show>
        })>
            <PickedBar count=Signal::derive(move || selected.with(Vec::len)) of=ALERTS items=move || acts.acknowledging(&selected.get()).into_iter().collect() on_clear=move || picked.clear() />
            {move || {
                if alerts.with(Vec::is_empty) {
                    return view! { <p class="muted small padded">"No alert. One is raised when a column drifts in several windows in a row."</p> }.into_any();
                }
                let (alerts, hidden) = listed.get();
                view! { <div class="list" role="list" on:keydown=move_among_rows>{alerts.into_iter().map(|alert| view! { <Line alert acts place /> }).collect_view()}</div>
                    {(hidden > 0).then(|| view! {
                        <div class="padded"><Button label=format!("{hidden} more that were cleared") kind="quiet s" on_press=move || everything.set(true) /></div>
                    })}
                }.into_any()
            }}
        </Card>
    }
}

const fn is_open(alert: &Alert) -> bool {
    alert.cleared_ms.is_none()
}

/// Whether nobody has seen it yet.
const fn waits(alert: &Alert) -> bool {
    is_open(alert) && alert.acknowledged_ms.is_none()
}

/// The alerts that are asked for, in their order, the open ones first; and how many that were cleared are left out.
fn shown(mut alerts: Vec<Alert>, which: &str, everything: bool) -> (Vec<Alert>, usize) {
    alerts.retain(|alert| match which {
        "open" => is_open(alert),
        "cleared" => !is_open(alert),
        _ => true,
    });
    let open = alerts.iter().filter(|alert| is_open(alert)).count();
    let hidden = if everything || which == "cleared" { 0 } else { alerts.len().saturating_sub(open + CLEARED) };
    alerts.truncate(alerts.len() - hidden);
    (alerts, hidden)
}

fn as_text(alerts: &[Alert], form: Form) -> TextTable {
    let row = |alert: &Alert| {
        [
            alert.sentence.clone(),
            alert.column.clone(),
            form.number(Some(alert.severity)),
            form.moment(Some(alert.raised_ms)),
            form.moment(alert.cleared_ms),
            form.moment(alert.acknowledged_ms),
            form.text(alert.run.map(|run| run.to_string()).as_deref()),
        ]
    };
    let head = [
        ("Alert", false),
        ("Column", false),
        ("Severity", true),
        ("Raised", false),
        ("Cleared", false),
        ("Acknowledged", false),
        ("Run", false),
    ];
    TextTable::of(head, alerts.iter().map(row))
}

/// What can be done with an alert: its line goes with each look at what is watched, and the menu outlives it.
#[derive(Clone, Copy)]
struct Acts {
    client: Client,
    pending: Pending,
    menus: Menus,
    now: Signal<Monitoring>,
    chosen: RwSignal<Option<Chosen>>,
    place: Place,
    picked: Picked<AlertId>,
    /// The alerts that are selected and stand here.
    selected: Memo<Vec<Alert>>,
    go: StoredValue<Box<dyn Fn(String)>, LocalStorage>,
}

impl Acts {
    fn new(
        now: Signal<Monitoring>,
        chosen: RwSignal<Option<Chosen>>,
        place: Place,
        picked: Picked<AlertId>,
        selected: Memo<Vec<Alert>>,
    ) -> Self {
        let navigate = use_navigate();
        let go: Box<dyn Fn(String)> = Box::new(move |to: String| navigate(&to, Default::default()));
        Self {
            client: Client::get(),
            pending: Pending::new(),
            menus: Menus::get(),
            now,
            chosen,
            place,
            picked,
            selected,
            go: StoredValue::new_local(go),
        }
    }

    /// What drifted is seen in the newest window's distributions.
    fn show(self, column: &str) {
        if let Some(window) = self.now.with_untracked(|now| now.windows.last().map(|newest| newest.id)) {
            self.chosen.set(Some(Chosen { window, column: column.to_owned() }));
        }
    }

    fn acknowledge(self, alerts: Vec<AlertId>) {
        let requests = alerts.iter().map(|alert| AcknowledgeAlert { alert: *alert }).collect::<Vec<_>>();
        self.pending.run(call_all(self.client, requests), move |()| self.picked.leave(&alerts));
    }

    /// What acknowledges those of the alerts that wait for it.
    fn acknowledging(self, alerts: &[Alert]) -> Option<Item> {
        let ids: Vec<AlertId> = alerts.iter().filter(|alert| waits(alert)).map(|alert| alert.id).collect();
        let label = of_several("Acknowledge", ids.len(), alerts.len() == 1, ALERTS);
        (!ids.is_empty()).then(|| Item::new(label, icon::CHECK, move || self.acknowledge(ids.clone())))
    }

    /// The lines of an alert's menu; `retrain` is the address that asks for its training.
    fn items(self, alert: &Alert, retrain: String) -> Vec<Item> {
        let (id, column) = (alert.id, alert.column.clone());
        let mut items = vec![Item::new("Show its distributions", icon::ACTIVITY, move || self.show(&column))];
        // Of an alert that is selected it is about all that are.
        let selected = self.selected.get_untracked();
        let is_selected = selected.iter().any(|one| one.id == id);
        items.extend(self.acknowledging(if is_selected { selected.as_slice() } else { std::slice::from_ref(alert) }));
        let to = match alert.run {
            Some(run) => Some(("See its run", untrack(|| self.place.link(&format!("runs/{run}"))))),
            None => Some(("Retrain", retrain)).filter(|_| is_open(alert)),
        };
        items.extend(
            to.map(|(label, to)| Item::new(label, icon::ARROW_RIGHT, move || self.go.with_value(|go| go(to.clone())))),
        );
        items.push(self.picked.item(id));
        items
    }
}

#[component]
fn Line(alert: Alert, acts: Acts, place: Place) -> impl IntoView {
    let id = alert.id;
    let open = is_open(&alert);
    let retrain = asking(vec![("train", "1".to_owned()), ("alert", id.to_string())]);
    let known = StoredValue::new(alert.clone());
    let items = move || known.with_value(|alert| acts.items(alert, retrain.get_untracked()));
    let show = move || known.with_value(|alert| acts.show(&alert.column));
    let tone = match (open, alert.is_grave()) {
        (false, _) => "faint",
        (true, true) => "bad",
        (true, false) => "warn",
    };
    let more = format!("More for {}", alert.column);
    view! {
        <div
            class="alert"
            class:sel=move || acts.picked.has(id)
            role="listitem"
            tabindex="0"
            aria-label=move || known.with_value(|alert| acts.picked.named(id, &alert.sentence))
            on:contextmenu=move |event| acts.menus.open_at(&event, items())
            on:click=move |event| {
                acts.picked.by_press(&event, id);
            }
            on:keydown=move |event| {
                if acts.picked.by_key(&event, id) {
                    return;
                }
                if opens_row(&event) {
                    show();
                }
            }
        >
            <span class=tone><i class="dot"></i></span>
            <div class="grow">
                <div class="opens" title="Show its distributions" on:click=move |event| if !event.ctrl_key() && !event.meta_key() { show() }>{alert.sentence.clone()}</div>
                <div class="acts">
                    <span class="grow small muted">
                        "raised "<Ago ms=alert.raised_ms />
                        {alert.cleared_ms.map(|ms| view! { ", cleared "<Ago ms /> })}
                        {alert.acknowledged_ms.map(|_| ", acknowledged")}
                    </span>
                    {waits(&alert).then(|| view! {
                        <Button label="Acknowledge" kind="quiet s" disabled=acts.pending.busy on_press=move || acts.acknowledge(vec![id]) />
                    })}
                    {match alert.run {
                        Some(run) => view! { <a class="btn quiet s" href=place.link(&format!("runs/{run}"))>"See its run"</a> }.into_any(),
                        None if open => view! { <a class="btn s" href=retrain>"Retrain"</a> }.into_any(),
                        None => ().into_any(),
                    }}
                    <MenuButton items label=more />
                </div>
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use api::id::{DeploymentId, ProjectId};

    use super::*;

    fn alert(number: u8, cleared_ms: Option<i64>) -> Alert {
        Alert {
            id: AlertId::from_bytes([number; 16]),
            project: ProjectId::from_bytes([0; 16]),
            deployment: DeploymentId::from_bytes([0; 16]),
            deployment_name: String::new(),
            column: String::new(),
            sentence: String::new(),
            severity: 1.0,
            raised_ms: 0,
            cleared_ms,
            acknowledged_ms: None,
            run: None,
        }
    }

    #[test]
    fn an_alert_is_taken_with_its_times() {
        let named = alert(1, Some(60_000));
        let drifted = Alert { sentence: "amount drifted".to_owned(), column: "amount".to_owned(), ..named };
        let (raised, cleared) = ("1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z");
        let csv = as_text(&[drifted], Form::Csv);
        assert_eq!(csv.rows, [["amount drifted", "amount", "1", raised, cleared, "", ""]]);
        assert_eq!(csv.head.len(), 7);
        assert_eq!(as_text(&[alert(2, None)], Form::Markdown).rows[0][4..], ["–", "–", "–"]);
    }

    #[test]
    fn open_alerts_are_never_left_out_and_cleared_ones_on_demand() {
        let all: Vec<Alert> = (0..7).map(|number| alert(number, (number > 1).then_some(5))).collect();
        for (which, everything, count, hidden) in
            [("all", false, 5, 2), ("all", true, 7, 0), ("open", false, 2, 0), ("cleared", false, 5, 0)]
        {
            let (seen, left) = shown(all.clone(), which, everything);
            assert_eq!((seen.len(), left), (count, hidden), "{which}");
            assert!(seen.iter().all(|alert| which == "all" || is_open(alert) == (which == "open")), "{which}");
        }
    }
}
