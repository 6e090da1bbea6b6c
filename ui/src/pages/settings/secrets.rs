//! Secrets: names only; values go straight to the keychain or the encrypted file.

use api::host::{
    DeleteSecret, ListSecrets, MoveSecrets, MovedSecrets, SecretBackend, SecretName, SecretsState, SetSecret,
};
use leptos::prelude::*;

use crate::{
    client::{Client, query::query},
    parts::{
        button::{Button, IconButton, Pending},
        card::Card,
        dialog::Confirm,
        field::{Labelled, Segments, TextField},
        icon,
        states::{Load, Problem},
        toast::Toasts,
    },
};

#[component]
pub(super) fn Secrets() -> impl IntoView {
    let secrets = query(|| Some(ListSecrets {}));
    view! {
        <Load query=secrets let:secrets>
            {
                // What is typed or asked stays there while the secrets change.
                let backend = Memo::new(move |_| secrets.with(|secrets| secrets.backend));
                let is_lost = Memo::new(move |_| secrets.with(|secrets| secrets.problem.is_some()));
                let deleting = RwSignal::new(None::<SecretName>);
                view! {
                    {move || secrets.get().problem.map(|error| view! { <Problem error /> })}
                    <Card title="Kept secrets" flush=true class="section">{move || names(secrets.get(), deleting)}</Card>
                    <Delete deleting />
                    {move || view! { <New backend=backend.get() /> }}
                    {move || backend.get().map(|backend| view! { <Move backend is_lost=is_lost.get() /> })}
                }
            }
        </Load>
    }
}

fn names(state: SecretsState, deleting: RwSignal<Option<SecretName>>) -> AnyView {
    if state.names.is_empty() {
        return view! { <p class="muted small padded">"None yet. A registry's password is kept here when you add the registry."</p> }.into_any();
    }
    let rows = state.names.into_iter().map(|secret| {
        let (asked, label) = (secret.clone(), format!("Delete {}…", secret.name));
        let used = if secret.used_by.is_empty() {
            "not used".to_owned()
        } else {
            format!("used by {}", secret.used_by.join(", "))
        };
        view! {
            <div>
                <span class="mono grow cut">{secret.name}</span>
                <span class="small muted">{used}</span>
                <IconButton label mark=icon::TRASH on_press=move |_| deleting.set(Some(asked.clone())) />
            </div>
        }
    });
    view! { <div class="list">{rows.collect_view()}</div> }.into_any()
}

#[component]
fn Delete(deleting: RwSignal<Option<SecretName>>) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if deleting.with(Option::is_some) {
            open.set(true);
        }
    });
    let delete = move || {
        let Some(secret) = deleting.get_untracked() else { return };
        pending.run(async move { client.call(DeleteSecret { name: secret.name }).await }, |_| {});
    };
    let title = Signal::derive(move || {
        deleting.with(|secret| secret.as_ref().map_or_else(String::new, |secret| format!("Delete {}?", secret.name)))
    });
    let text = Signal::derive(move || {
        let used_by = deleting.with(|secret| secret.as_ref().map(|secret| secret.used_by.join(", ")));
        match used_by.filter(|used_by| !used_by.is_empty()) {
            Some(used_by) => {
                format!(
                    "Its value goes for good: nothing brings it back. It is used by {used_by}, which goes without it until it is set again."
                )
            }
            None => "Its value goes for good: nothing brings it back. Nothing uses it.".to_owned(),
        }
    });
    view! { <Confirm open title text verb="Delete" on_confirm=delete /> }
}

#[component]
fn New(backend: Option<SecretBackend>) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let name = RwSignal::new(String::new());
    let value = RwSignal::new(String::new());
    let place = RwSignal::new("keychain".to_owned());
    let save = move || {
        let chosen = if place.get_untracked() == "file" { SecretBackend::File } else { SecretBackend::Keychain };
        let request = SetSecret {
            name: name.get_untracked().trim().to_owned(),
            value: value.get_untracked(),
            backend: backend.is_none().then_some(chosen),
        };
        pending.run(async move { client.call(request).await }, move |_| {
            name.set(String::new());
            value.set(String::new());
            toasts.done("Kept");
        });
    };
    let incomplete =
        Signal::derive(move || pending.busy.get() || name.get().trim().is_empty() || value.get().is_empty());
    view! {
        <Card title="Add or replace" class="section">
            <form class="form" on:submit=move |event| { event.prevent_default(); if !incomplete.get_untracked() { save(); } }>
                {backend.is_none().then(|| view! {
                    <Labelled label="Where secrets are kept" hint="Chosen once for this workspace. A machine without a desktop has no keychain: take the file.">
                        <Segments value=place name="Secret store" options=vec![("keychain", "The system's keychain"), ("file", "An encrypted file")] />
                    </Labelled>
                })}
                <Labelled label="Name"><TextField value=name class="mono" placeholder="registry/harbour" /></Labelled>
                <Labelled label="Value"><TextField value=value kind="password" class="mono" /></Labelled>
                <div class="flex">
                    <Button label="Keep secret" kind="primary" mark=icon::LOCK disabled=incomplete on_press=save />
                </div>
                // Enter sends, from any field.
                <button type="submit" class="hidden" tabindex="-1" aria-hidden="true"></button>
            </form>
        </Card>
    }
}

/// `is_lost`: the store can't be reached, so that nothing can be moved out of it.
#[component]
fn Move(backend: SecretBackend, is_lost: bool) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let (now, other, to) = match backend {
        SecretBackend::Keychain => {
            ("Secrets are in the system's keychain.", "Move them to an encrypted file", SecretBackend::File)
        }
        SecretBackend::File => {
            ("Secrets are in an encrypted file in the workspace.", "Move them to the keychain", SecretBackend::Keychain)
        }
    };
    let sure = RwSignal::new(false);
    let done = move |moved: MovedSecrets| {
        if moved.forgotten.is_empty() {
            return toasts.done("Moved");
        }
        let names: Vec<String> = moved.forgotten.into_iter().map(|secret| secret.name).collect();
        toasts.note("Forgotten, to be set again where it is needed", Some(names.join(", ")), None);
    };
    let go = move |forget| pending.run(async move { client.call(MoveSecrets { to, forget }).await }, done);
    view! {
        <Card title="Where" class="section">
            <div class="flex">
                <span class="grow">{now}</span>
                {is_lost.then(|| view! {
                    <Button label="Forget what can't be read…" kind="quiet" disabled=pending.busy on_press=move || sure.set(true) />
                    <Confirm open=sure title="Forget what can't be read?" verb="Forget"
                        text="What can still be read is moved to the other store. What can't is forgotten: set it again where it is needed."
                        on_confirm=move || go(true) />
                })}
                <Button label=other disabled=pending.busy on_press=move || go(false) />
            </div>
        </Card>
    }
}
