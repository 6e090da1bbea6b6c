//! A cluster that is told to Slipway: on Settings, and from the Deploy dialog.

use api::deploy::{AddTarget, ListContexts, LookAtTarget, TargetCheck, TargetKind};
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    field::{Labelled, Select, Switch, TextField},
    toast::Toasts,
};
use crate::client::{Client, query::query};

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
    let creates = RwSignal::new(false);
    let kind = move || TargetKind::Kubernetes {
        kubeconfig: Some(asked.get_untracked().trim().to_owned()).filter(|file| !file.is_empty()),
        context: context.get_untracked(),
        namespace: namespace.get_untracked().trim().to_owned(),
        create_namespace: creates.get_untracked(),
    };
    // What the cluster answered, of this file and context only.
    let looking = Pending::new();
    let found = RwSignal::new(None::<TargetCheck>);
    Effect::new(move |_| {
        asked.track();
        context.track();
        found.set(None);
    });
    let look = move || {
        let request = LookAtTarget { kind: kind() };
        let of = context.get_untracked();
        looking.run(async move { client.call(request).await }, move |check| {
            if context.try_get_untracked().as_ref() == Some(&of) {
                found.set(Some(check));
            }
        });
    };
    let namespaces = Memo::new(move |_| found.get().map(|check| check.namespaces).unwrap_or_default());
    let hint = Signal::derive(move || {
        let wanted = namespace.get().trim().to_owned();
        namespaces.with(|known| match known.contains(&wanted) {
            _ if known.is_empty() => String::new(),
            true => "It is there.".to_owned(),
            false => "The cluster has no such namespace yet.".to_owned(),
        })
    });
    let add = move || {
        let request = AddTarget { name: name.get_untracked().trim().to_owned(), kind: kind() };
        pending.run(async move { client.call(request).await }, move |target| {
            open.set(false);
            toasts.done(format!("{} is a target", target.name));
        });
    };
    let incomplete = Signal::derive(move || {
        pending.busy.get() || [name, context, namespace].iter().any(|text| text.with(|text| text.trim().is_empty()))
    });
    let read = Callback::new(move |()| asked.set(file.get_untracked()));
    let problem = Signal::derive(move || contexts.error.get().map(|error| error.to_string()));
    view! {
        <div class="content form">
            <Labelled label="Kubeconfig" hint="Empty: KUBECONFIG, or .kube/config in your home folder" error=problem>
                <TextField value=file class="mono" on_enter=read on_change=read />
            </Labelled>
            <Labelled label="Context"><Select value=context options name="Context" /></Labelled>
            {move || found.get().map(|check| view! {
                <p class="small" class:good=check.ok class:warn=!check.ok role="status">{check.message}" "{check.hint.map(|hint| view! { <span class="muted">{hint}</span> })}</p>
            })}
            <div class="with-button">
                <Labelled label="Namespace" hint=hint><TextField value=namespace class="mono" offers="cluster-namespaces" /></Labelled>
                <Button label="Ask the cluster" tip="Whether it lets you in, and which namespaces it has" disabled=Signal::derive(move || looking.busy.get() || context.with(String::is_empty) || namespace.with(|text| text.trim().is_empty())) on_press=look />
            </div>
            <datalist id="cluster-namespaces">{move || namespaces.get().into_iter().map(|name| view! { <option value=name></option> }).collect_view()}</datalist>
            <Switch value=creates label="Make it with a deployment if it is missing" />
            <Labelled label="Name" hint="What this target is called here"><TextField value=name /></Labelled>
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Add" kind="primary" disabled=incomplete on_press=add />
        </footer>
    }
}
