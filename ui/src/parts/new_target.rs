//! A cluster that is told to Slipway: on Settings, and from the Deploy dialog.

use api::deploy::{AddTarget, ListContexts, TargetKind};
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    field::{Labelled, Select, TextField},
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
    let read = Callback::new(move |()| asked.set(file.get_untracked()));
    let problem = Signal::derive(move || contexts.error.get().map(|error| error.to_string()));
    view! {
        <div class="content form">
            <Labelled label="Kubeconfig" hint="Empty: KUBECONFIG, or .kube/config in your home folder" error=problem>
                <TextField value=file class="mono" on_enter=read on_change=read />
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
