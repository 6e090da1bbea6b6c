//! Registries that images are pushed to, and targets that models are deployed to.

use api::{
    deploy::{CheckTarget, ListTargets, RemoveTarget, Target, TargetKind},
    package::{CheckRegistry, ListRegistries, Registry, RemoveRegistry},
};
use leptos::prelude::*;

use crate::{
    client::{Client, query::query},
    parts::{
        button::{Button, Pending},
        card::Card,
        dialog::{Confirm, Dialog},
        icon,
        new_registry::NewRegistry,
        new_target::NewTarget,
        states::Load,
        toast::Toasts,
    },
};

#[component]
pub(super) fn Outside() -> impl IntoView {
    let registries = query(|| Some(ListRegistries {}));
    let targets = query(|| Some(ListTargets {}));
    let add_registry = RwSignal::new(false);
    let add_target = RwSignal::new(false);
    view! {
        <Card title="Registries" flush=true extra=move || view! { <Button label="Registry…" kind="s" mark=icon::PLUS on_press=move || add_registry.set(true) /> }>
            <Load query=registries lines=2 let:registries>
                {move || match registries.get() {
                    none if none.is_empty() => view! { <p class="muted small padded">"None yet. A cluster pulls a model's image from a registry; this machine needs none."</p> }.into_any(),
                    some => view! { <div class="list">{some.into_iter().map(|registry| view! { <RegistryLine registry /> }).collect_view()}</div> }.into_any(),
                }}
            </Load>
        </Card>
        <Card title="Targets" flush=true class="section" extra=move || view! { <Button label="Cluster…" kind="s" mark=icon::PLUS on_press=move || add_target.set(true) /> }>
            <Load query=targets lines=2 let:targets>
                <div class="list">{move || targets.get().into_iter().map(|target| view! { <TargetLine target /> }).collect_view()}</div>
            </Load>
        </Card>
        <Dialog open=add_registry title="Add a registry"><NewRegistry open=add_registry /></Dialog>
        <Dialog open=add_target title="Add a cluster"><NewTarget open=add_target /></Dialog>
    }
}

#[component]
fn RegistryLine(registry: Registry) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let sure = RwSignal::new(false);
    let id = registry.id;
    let check = move || {
        pending.run(async move { client.call(CheckRegistry { registry: id }).await }, move |check| match check.ok {
            true => toasts.done(check.message),
            false => toasts.note(check.message, check.hint, None),
        });
    };
    let who = registry.username.clone().map_or_else(|| "no user".to_owned(), |user| format!("as {user}"));
    view! {
        <div>
            <div class="grow">
                <div>{registry.name.clone()}</div>
                <div class="small muted cut"><span class="mono">{registry.address}</span>" · "{who}" · "{registry.credentials}</div>
            </div>
            <Button label="Check" kind="s" disabled=pending.busy on_press=check />
            <Button label="Remove" kind="quiet s" on_press=move || sure.set(true) />
            <Confirm open=sure title=format!("Remove {}?", registry.name) text="Its password is deleted from the secret store. Images that were pushed stay there." verb="Remove"
                on_confirm=move || pending.run(async move { client.call(RemoveRegistry { registry: id }).await }, |()| {}) />
        </div>
    }
}

#[component]
fn TargetLine(target: Target) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let sure = RwSignal::new(false);
    let id = target.id;
    let (detail, removable) = match &target.kind {
        TargetKind::ThisMachine => ("A supervised process here; no registry needed".to_owned(), false),
        TargetKind::Kubernetes { context, namespace, .. } => {
            (format!("Kubernetes · context {context} · namespace {namespace}"), true)
        }
    };
    let check = move || {
        pending.run(async move { client.call(CheckTarget { target: id }).await }, move |check| match check.ok {
            true => toasts.done(check.message),
            false => toasts.note(check.message, check.hint, None),
        });
    };
    view! {
        <div>
            <div class="grow"><div>{target.name.clone()}</div><div class="small muted cut">{detail}</div></div>
            <Button label="Check" kind="s" disabled=pending.busy on_press=check />
            {removable.then(|| view! {
                <Button label="Remove" kind="quiet s" on_press=move || sure.set(true) />
                <Confirm open=sure title=format!("Remove {}?", target.name) text="Deployments on it must be deleted first. The cluster itself is not touched." verb="Remove"
                    on_confirm=move || pending.run(async move { client.call(RemoveTarget { target: id }).await }, |()| {}) />
            })}
        </div>
    }
}
