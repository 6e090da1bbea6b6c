//! Registries that images are pushed to, and targets that models are deployed to.

use api::{
    deploy::{AddTarget, CheckTarget, ListContexts, ListTargets, RemoveTarget, Target, TargetKind},
    package::{AddRegistry, CheckRegistry, ListRegistries, Registry, RemoveRegistry},
};
use leptos::prelude::*;

use crate::{
    client::{Client, query::query},
    parts::{
        button::{Button, Pending},
        card::Card,
        dialog::{Confirm, Dialog},
        field::{Labelled, Select, Switch, TextField},
        icon,
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

/// A registry with its address and credentials.
#[component]
pub(crate) fn NewRegistry(open: RwSignal<bool>) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let [name, address, user, password, authority] = std::array::from_fn(|_| RwSignal::new(String::new()));
    let plain = RwSignal::new(false);
    let optional =
        |text: RwSignal<String>| Some(text.get_untracked().trim().to_owned()).filter(|text| !text.is_empty());
    let add = move || {
        let request = AddRegistry {
            name: name.get_untracked().trim().to_owned(),
            address: address.get_untracked().trim().to_owned(),
            username: optional(user),
            password: Some(password.get_untracked()).filter(|text| !text.is_empty()),
            plain_http: plain.get_untracked(),
            ca_pem: optional(authority),
        };
        pending.run(async move { client.call(request).await }, move |registry| {
            open.set(false);
            toasts.done(format!("{} is known", registry.name));
        });
    };
    let incomplete =
        Signal::derive(move || pending.busy.get() || name.get().trim().is_empty() || address.get().trim().is_empty());
    view! {
        <div class="content form">
            <Labelled label="Name"><TextField value=name placeholder="harbour" /></Labelled>
            <Labelled label="Address" hint="Host and port, with a path where the registry has one"><TextField value=address class="mono" placeholder="registry.example:5000" /></Labelled>
            <Labelled label="User" hint="Empty: as Docker's configuration says, or nobody"><TextField value=user /></Labelled>
            <Labelled label="Password or token" hint="Goes to the secret store"><TextField value=password kind="password" /></Labelled>
            <Labelled label="Its own certificate authority (PEM)" hint="Only where the system does not trust its certificate">
                <span class="field area">
                    <textarea rows="3" class="mono" spellcheck="false" prop:value=move || authority.get() on:input=move |event| authority.set(event_target_value(&event))></textarea>
                </span>
            </Labelled>
            <Switch value=plain label="Plain HTTP, without TLS: only for a registry on this machine" />
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Add" kind="primary" disabled=incomplete on_press=add />
        </footer>
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

/// A cluster from a context of the kubeconfig.
#[component]
pub(crate) fn NewTarget(open: RwSignal<bool>) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let [name, file, context, namespace] = std::array::from_fn(|_| RwSignal::new(String::new()));
    let asked = RwSignal::new(String::new());
    let contexts = query(move || {
        Some(ListContexts { kubeconfig: Some(asked.get().trim().to_owned()).filter(|file| !file.is_empty()) })
    });
    Effect::new(move |_| {
        let known = contexts.value.get().unwrap_or_default();
        if let Some(one) = known.iter().find(|one| one.current).or(known.first())
            && !known.iter().any(|other| other.name == context.get_untracked())
        {
            context.set(one.name.clone());
            namespace.set(one.namespace.clone().unwrap_or_else(|| "default".to_owned()));
            if name.get_untracked().is_empty() {
                name.set(one.name.clone());
            }
        }
    });
    let options = Signal::derive(move || {
        let known = contexts.value.get().unwrap_or_default();
        known.into_iter().map(|one| (one.name.clone(), format!("{} ({})", one.name, one.server))).collect::<Vec<_>>()
    });
    let add = move || {
        let kubeconfig = Some(asked.get_untracked().trim().to_owned()).filter(|file| !file.is_empty());
        let kind = TargetKind::Kubernetes {
            kubeconfig,
            context: context.get_untracked(),
            namespace: namespace.get_untracked().trim().to_owned(),
        };
        let request = AddTarget { name: name.get_untracked().trim().to_owned(), kind };
        pending.run(async move { client.call(request).await }, move |target| {
            open.set(false);
            toasts.done(format!("{} is a target", target.name));
        });
    };
    let incomplete = Signal::derive(move || {
        pending.busy.get() || [name, context, namespace].iter().any(|text| text.with(|text| text.trim().is_empty()))
    });
    let problem = Signal::derive(move || contexts.error.get().map(|error| error.to_string()));
    view! {
        <div class="content form">
            <Labelled label="Kubeconfig" hint="Empty: KUBECONFIG, or .kube/config in your home folder. Enter reads it." error=problem>
                <TextField value=file class="mono" on_enter=Callback::new(move |()| asked.set(file.get_untracked())) />
            </Labelled>
            <Labelled label="Context"><Select value=context options name="Context" /></Labelled>
            <Labelled label="Namespace" hint="Made at the first deployment where it is missing"><TextField value=namespace class="mono" /></Labelled>
            <Labelled label="Name" hint="What this target is called here"><TextField value=name /></Labelled>
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Add" kind="primary" disabled=incomplete on_press=add />
        </footer>
    }
}
