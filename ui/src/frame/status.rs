//! The status line: the host, the address for MLflow's clients, and what this machine has left.

use api::{
    ErrorCode,
    host::{GetHost, Hardware},
};
use leptos::prelude::*;

use super::machine::Machine;
use crate::{
    client::{Client, Link, query::query},
    parts::{
        button::IconButton,
        icon,
        tracking_address::{TrackingAddress, shown},
        words,
    },
};

#[component]
pub(crate) fn StatusLine() -> impl IntoView {
    let client = Client::get();
    let hardware = Machine::get().now;
    let state = move || match client.link.get() {
        Link::Up => ("good", "host", None),
        Link::Connecting => ("faint", "connecting", None),
        Link::Lost { why, .. } => ("warn", "host lost, trying again", Some(why)),
        Link::Refused(error) => ("bad", "no access to the host", Some(error.message)),
    };
    view! {
        <footer class="status">
            <span role="status" title=move || state().2>
                <i class=move || format!("dot {}", state().0)></i>
                {move || state().1}
            </span>
            <Mlflow />
            {move || hardware.value.get().map(machine)}
        </footer>
    }
}

/// Where clients of the MLflow protocol are answered; the address is asked for as soon as somebody is at it.
#[component]
fn Mlflow() -> impl IntoView {
    let address = TrackingAddress::new();
    let host = query(|| Some(GetHost {}));
    let port = move || {
        address.port.get().or_else(|| host.value.with(|host| host.as_ref().and_then(|host| host.tracking_port)))
    };
    let why = move || address.refused.get().map(|error| error.to_string());
    view! {
        <span class="mlflow" title=why on:pointerenter=move |_| address.ask() on:focusin=move |_| address.ask()>
            "MLflow "
            {move || match address.refused.get().map(|error| error.code) {
                None => view! { <span class="mono">{shown(port())}</span> }.into_any(),
                Some(ErrorCode::Unsupported) => view! { <span class="warn">"not answered"</span> }.into_any(),
                Some(_) => view! { <span class="warn">"no address"</span> }.into_any(),
            }}
            <IconButton label="Copy the address for MLflow's clients, with its token" mark=icon::COPY kind="copy" on_press=move |_| address.copy() />
        </span>
    }
}

fn machine(hardware: Hardware) -> impl IntoView {
    let cores = words::counted(u64::from(hardware.cores), "core", "cores");
    let gpu = hardware.gpus.iter().find(|gpu| gpu.kind != "software").map(|gpu| gpu.name.clone());
    let memory = format!("{} / {}", gigabytes(hardware.memory_used_bytes), words::bytes(hardware.memory_bytes));
    view! {
        <span>"CPU "{cores}" "<span class="mono">{words::percent((hardware.cpu_load.clamp(0.0, 1.0) * 100.0).round() / 100.0)}</span></span>
        <span>"memory "<span class="mono">{memory}</span></span>
        {gpu.map(|gpu| view! { <span class="cut">"GPU "<span class="mono">{gpu}</span></span> })}
        <span class="right">"disk free "<span class="mono">{words::bytes(hardware.disk_free_bytes)}</span></span>
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e9)
}
