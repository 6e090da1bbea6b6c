//! A registry that is told to Slipway: on Settings, and wherever an image needs one.

use api::package::AddRegistry;
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    field::{Labelled, Switch, TextField},
    toast::Toasts,
};
use crate::client::Client;

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
            toasts.done(format!("{} was added", registry.name));
        });
    };
    let incomplete =
        Signal::derive(move || pending.busy.get() || name.get().trim().is_empty() || address.get().trim().is_empty());
    view! {
        <form class="content form" id="new-registry" on:submit=move |event| { event.prevent_default(); if !incomplete.get_untracked() { add(); } }>
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
            // Enter sends, from any field.
            <button type="submit" class="hidden" tabindex="-1" aria-hidden="true"></button>
        </form>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Add" kind="primary" disabled=incomplete on_press=add />
        </footer>
    }
}
