//! Registries that images are pushed to, and targets that models are deployed to.

use api::{
    deleted::{RestoreRegistry, RestoreTarget},
    deploy::{CheckTarget, ListTargets, RemoveTarget, Target, TargetKind},
    package::{CheckRegistry, ListRegistries, Registry, RemoveRegistry, SetRegistryPassword},
};
use leptos::prelude::*;

use crate::{
    client::{Client, query::query},
    parts::{
        button::{Button, Pending},
        card::Card,
        dialog::{Confirm, Dialog},
        field::{Labelled, TextField},
        icon,
        new_registry::NewRegistry,
        new_target::NewTarget,
        removed::{RemovedRegistries, RemovedTargets},
        states::Load,
        take_table::{Form, TakeTable, TextTable},
        toast::Toasts,
    },
};

#[component]
pub(super) fn Outside() -> impl IntoView {
    let registries = query(|| Some(ListRegistries {}));
    let targets = query(|| Some(ListTargets {}));
    let add_registry = RwSignal::new(false);
    let add_target = RwSignal::new(false);
    // Beside the list, which is made anew when a package is built: what is typed stays.
    let (sign_in, signing) = (RwSignal::new(false), RwSignal::new(None::<Registry>));
    let password = move |registry: Registry| {
        signing.set(Some(registry));
        sign_in.set(true);
    };
    let whose = Signal::derive(move || {
        signing.with(|registry| {
            registry.as_ref().map_or_else(String::new, |registry| format!("Sign in to {}", registry.name))
        })
    });
    view! {
        <Card title="Registries" flush=true extra=move || view! {
            <Button label="Registry…" kind="s" mark=icon::PLUS on_press=move || add_registry.set(true) />
            <Show when=move || registries.value.with(|all| all.as_ref().is_some_and(|all| !all.is_empty()))>
                <TakeTable of=("registry", "registries") table=move |form| registries.value.with_untracked(|all| registries_as_text(all.as_deref().unwrap_or_default(), form)) />
            </Show>
        }>
            <Load query=registries lines=2 let:registries>
                {move || match registries.get() {
                    none if none.is_empty() => view! { <p class="muted small padded">"None yet. A cluster pulls a model's image from a registry; this machine needs none."</p> }.into_any(),
                    some => view! { <div class="list">{some.into_iter().map(|registry| view! { <RegistryLine registry on_password=password /> }).collect_view()}</div> }.into_any(),
                }}
            </Load>
        </Card>
        <RemovedRegistries />
        <Card title="Targets" flush=true class="section" extra=move || view! {
            <Button label="Cluster…" kind="s" mark=icon::PLUS on_press=move || add_target.set(true) />
            <TakeTable of=("target", "targets") table=move |form| targets.value.with_untracked(|all| targets_as_text(all.as_deref().unwrap_or_default(), form)) />
        }>
            <Load query=targets lines=2 let:targets>
                <div class="list">{move || targets.get().into_iter().map(|target| view! { <TargetLine target /> }).collect_view()}</div>
            </Load>
        </Card>
        <RemovedTargets />
        <Dialog open=add_registry title="Add a registry"><NewRegistry open=add_registry /></Dialog>
        <Dialog open=sign_in title=whose>{move || signing.get_untracked().map(|registry| view! { <SignIn open=sign_in registry /> })}</Dialog>
        <Dialog open=add_target title="Add a cluster"><NewTarget open=add_target /></Dialog>
    }
}

/// With where a password is kept, never with the password itself.
fn registries_as_text(all: &[Registry], form: Form) -> TextTable {
    let row = |one: &Registry| {
        [one.name.clone(), one.address.clone(), form.text(one.username.as_deref()), one.credentials.clone()]
    };
    TextTable::of(
        [("Registry", false), ("Address", false), ("User", false), ("Credentials", false)],
        all.iter().map(row),
    )
}

fn targets_as_text(all: &[Target], form: Form) -> TextTable {
    let row = |one: &Target| {
        let (kind, context, namespace) = match &one.kind {
            TargetKind::ThisMachine => ("this machine", None, None),
            TargetKind::Kubernetes { context, namespace, .. } => ("Kubernetes", Some(context), Some(namespace)),
        };
        let [context, namespace] = [context, namespace].map(|part| form.text(part.map(String::as_str)));
        [one.name.clone(), kind.to_owned(), context, namespace]
    };
    TextTable::of([("Target", false), ("Kind", false), ("Context", false), ("Namespace", false)], all.iter().map(row))
}

/// Another user or password for a registry that is known.
#[component]
fn SignIn(open: RwSignal<bool>, registry: Registry) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let id = registry.id;
    let user = RwSignal::new(registry.username.unwrap_or_default());
    let password = RwSignal::new(String::new());
    let keep = move || {
        let request = SetRegistryPassword {
            registry: id,
            username: Some(user.get_untracked()),
            password: password.get_untracked(),
        };
        pending.run(async move { client.call(request).await }, move |registry| {
            open.set(false);
            toasts.done(format!("{} has another password", registry.name));
        });
    };
    let incomplete =
        Signal::derive(move || pending.busy.get() || user.get().trim().is_empty() || password.get().is_empty());
    view! {
        <form class="content form" id="sign-in" on:submit=move |event| { event.prevent_default(); if !incomplete.get_untracked() { keep(); } }>
            <p class="small muted">"What is deployed from it goes on; a cluster has the new password with the next rollout."</p>
            <Labelled label="User"><TextField value=user /></Labelled>
            <Labelled label="Password or token" hint="Goes to the secret store"><TextField value=password kind="password" /></Labelled>
            // Enter sends, from any field.
            <button type="submit" class="hidden" tabindex="-1" aria-hidden="true"></button>
        </form>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Keep password" kind="primary" disabled=incomplete on_press=keep />
        </footer>
    }
}

#[component]
fn RegistryLine(registry: Registry, on_password: impl Fn(Registry) + Copy + Send + Sync + 'static) -> impl IntoView {
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
    let known = StoredValue::new(registry.clone());
    view! {
        <div>
            <div class="grow">
                <div>{registry.name.clone()}</div>
                <div class="small muted cut"><span class="mono">{registry.address}</span>" · "{who}" · "{registry.credentials}</div>
            </div>
            <Button label="Check" kind="s" disabled=pending.busy on_press=check />
            <Button label="Password…" kind="quiet s" on_press=move || on_password(known.get_value()) />
            <Button label="Remove…" kind="quiet s" on_press=move || sure.set(true) />
            <Confirm open=sure title=format!("Remove {}?", registry.name) text="Its password is deleted from the secret store: Undo, or Restore on this page, brings it back within ten minutes, and the registry without it for a day. Images that were pushed stay there." verb="Remove"
                on_confirm=move || {
                    let name = known.with_value(|registry| registry.name.clone());
                    pending.run(async move { client.call(RemoveRegistry { registry: id }).await }, move |()| {
                        toasts.undoable(client, format!("Removed {name}"), RestoreRegistry { registry: id });
                    });
                } />
        </div>
    }
}

#[component]
fn TargetLine(target: Target) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let sure = RwSignal::new(false);
    let (id, name) = (target.id, StoredValue::new(target.name.clone()));
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
                <Button label="Remove…" kind="quiet s" on_press=move || sure.set(true) />
                <Confirm open=sure title=format!("Remove {}?", target.name) text="Deployments on it must be deleted first. The cluster itself is not touched. For a day Undo, or Restore on this page, brings it back." verb="Remove"
                    on_confirm=move || {
                        let name = name.get_value();
                        pending.run(async move { client.call(RemoveTarget { target: id }).await }, move |()| {
                            toasts.undoable(client, format!("Removed {name}"), RestoreTarget { target: id });
                        });
                    } />
            })}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use api::{
        deploy::Capability,
        id::{RegistryId, TargetId},
    };

    use super::*;

    #[test]
    fn what_is_outside_is_taken_with_how_it_is_reached() {
        let registry = Registry {
            id: RegistryId::from_bytes([1; 16]),
            name: "harbour".to_owned(),
            address: "127.0.0.1:5000".to_owned(),
            username: None,
            plain_http: true,
            ca_pem: None,
            credentials: "secret store".to_owned(),
            created_ms: 0,
        };
        let all = registries_as_text(&[registry], Form::Markdown);
        assert_eq!(all.rows, [["harbour", "127.0.0.1:5000", "–", "secret store"]]);
        let target = |kind| Target {
            id: TargetId::from_bytes([1; 16]),
            name: "sea".to_owned(),
            kind,
            capability: Capability::default(),
            created_ms: 0,
        };
        let cluster = TargetKind::Kubernetes {
            kubeconfig: None,
            context: "kind".to_owned(),
            namespace: "models".to_owned(),
            create_namespace: false,
        };
        let all = targets_as_text(&[target(TargetKind::ThisMachine), target(cluster)], Form::Csv);
        assert_eq!(all.rows, [["sea", "this machine", "", ""], ["sea", "Kubernetes", "kind", "models"]]);
    }
}
