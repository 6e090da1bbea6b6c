//! The server that clients of the MLflow protocol write to: its address, who needs a token, its port.

use api::{
    host::{GetSettings, PORTS, PutSettings, Settings},
    tracking::RenewTracking,
};
use leptos::prelude::*;

use crate::{
    client::{Client, query::query},
    parts::{
        button::{Button, Pending},
        card::Card,
        dialog::Confirm,
        field::{Labelled, Switch, TextField},
        icon,
        limits::{LimitFields, Limits},
        states::{Load, Problem},
        toast::Toasts,
        tracking_address::{TrackingAddress, shown},
    },
};

#[component]
pub(super) fn TrackingServer() -> impl IntoView {
    let settings = query(|| Some(GetSettings {}));
    view! {
        <Address />
        <Load query=settings lines=3 let:settings>
            <Form first=settings.get_untracked() />
            <RunLimits first=settings.get_untracked() is_measured=Signal::derive(move || settings.with(|now| now.tracking_measured)) />
        </Load>
    }
}

#[component]
fn Address() -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let address = TrackingAddress::new();
    let sure = RwSignal::new(false);
    address.ask();
    let renew = move || {
        pending.run(async move { client.call(RenewTracking {}).await }, move |tracking| {
            address.take(tracking);
            toasts.done("The token is renewed: copy the address again");
        });
    };
    let is_refused = Signal::derive(move || address.refused.with(Option::is_some));
    let renewing = Signal::derive(move || pending.busy.get() || is_refused.get());
    view! {
        <Card title="Address for MLflow's clients">
            <div class="form">
                {move || address.refused.get().map(|error| view! { <Problem error /> })}
                <div class="flex wrap" class:hidden=is_refused>
                    <span class="mono grow">{move || format!("http://{}", shown(address.port.get()))}</span>
                    <Button label="Copy with its token" mark=icon::COPY disabled=is_refused on_press=move || address.copy() />
                    <Button label="Renew token…" kind="quiet" mark=icon::ROTATE_CW disabled=renewing on_press=move || sure.set(true) />
                </div>
                <p class="small muted">"Programs that log with MLflow write here: set MLFLOW_TRACKING_URI to the address. Their runs stand under Experiments, and in a project where their experiment has its name."</p>
            </div>
            <Confirm
                open=sure
                title="Renew the token?"
                text="Addresses that were copied before stop working: programs that have one are refused until they are given the new one."
                verb="Renew token"
                on_confirm=renew
            />
        </Card>
    }
}

/// The port that a text names; `None` where it names none.
fn port_of(text: &str) -> Option<u16> {
    text.trim().parse().ok().filter(|port| PORTS.contains(port))
}

#[component]
fn Form(first: Settings) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let (open, measured) = (RwSignal::new(first.tracking_open), RwSignal::new(first.tracking_measured));
    let port = RwSignal::new(first.tracking_port.map(|port| port.to_string()).unwrap_or_default());
    let saved = RwSignal::new(first.tracking_port);
    let wrong = Signal::derive(move || {
        let is_wrong = port.with(|port| !port.trim().is_empty() && port_of(port).is_none());
        is_wrong.then(|| "A number from 1 to 65535".to_owned())
    });
    let put = move |change: Box<dyn FnOnce(Settings) -> Settings>, said: Option<&'static str>| {
        let call = async move {
            let settings = client.call(GetSettings {}).await?;
            client.call(PutSettings { settings: change(settings) }).await
        };
        pending.run(call, move |settings: Settings| {
            saved.try_set(settings.tracking_port);
            if let Some(said) = said {
                toasts.done(said);
            }
        });
    };
    // A switch acts at once.
    pending.at_each(
        move || (open.get(), measured.get()),
        move |(tracking_open, tracking_measured)| {
            let change = move |settings: Settings| Settings { tracking_open, tracking_measured, ..settings };
            put(Box::new(change), None);
        },
    );
    let save = move || {
        let tracking_port = port.with_untracked(|port| port_of(port));
        let change = Box::new(move |settings: Settings| Settings { tracking_port, ..settings });
        put(change, Some("Saved: clients are answered on that port from the host's next start on"));
    };
    let is_saved = move || port.with(|port| port_of(port)) == saved.get();
    let blocked = Signal::derive(move || pending.busy.get() || wrong.with(Option::is_some) || is_saved());
    view! {
        <Card title="Access" class="section">
            <div class="form">
                <Switch value=open label="Clients on this machine need no token" />
                <p class="small muted">"Then every program on this machine, of any user, can read and write runs here."</p>
                <Switch value=measured label="Measure what clients' programs use on this machine" />
                <p class="small muted">"Processor, memory, disk, network and GPU of runs that last more than a few seconds; not of runs whose client measures them itself."</p>
                <Labelled label="Port" hint="From the host's next start on. Empty: the one that it had last, or a free one where that is taken." error=wrong>
                    <TextField value=port class="mono short" placeholder="automatic" />
                </Labelled>
                <div class="flex"><Button label="Save port" kind="primary" disabled=blocked on_press=save /></div>
            </div>
        </Card>
    }
}

/// What runs may use for which no project says it.
#[component]
fn RunLimits(
    first: Settings,
    /// Whether what clients' programs use is measured: of the others nobody knows what they used.
    is_measured: Signal<bool>,
) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let saved = RwSignal::new(first.tracking_budget());
    let limits = Limits::of(&first.tracking_budget());
    let save = move || {
        let Ok(budget) = untrack(|| limits.budget()) else { return };
        let put = async move {
            let settings = client.call(GetSettings {}).await?;
            client.call(PutSettings { settings: settings.with_tracking_budget(&budget) }).await
        };
        pending.run(put, move |settings| {
            saved.try_set(settings.tracking_budget());
            toasts.done("Saved: they hold for runs that begin from now on");
        });
    };
    let is_change = move || limits.budget().is_ok_and(|budget| saved.with(|saved| budget != *saved));
    let blocked = Signal::derive(move || pending.busy.get() || !is_change());
    view! {
        <Card title="Limits of runs without a project" class="section">
            <div class="form">
                <p class="small muted">"A client's run that is measured here ends at the first limit that it reaches; its program goes on. Runs of a project have that project's limits."</p>
                {move || (!is_measured.get()).then(|| view! {
                    <p class="small warn" role="note">"Nothing is measured now, so that no run reaches a limit. What clients' programs use is measured once that is turned on under Access."</p>
                })}
                <LimitFields limits in_settings=true />
                <div class="flex"><Button label="Save limits" kind="primary" disabled=blocked on_press=save /></div>
            </div>
        </Card>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number_that_can_be_listened_on() {
        assert_eq!(port_of(" 5577 "), Some(5577));
        assert!(["", "0", "65536", "-1", "http"].iter().all(|text| port_of(text).is_none()));
    }
}
