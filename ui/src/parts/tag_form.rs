//! Tags as chips, with fields for another one.

use std::collections::BTreeMap;

use api::tracking::is_of_client;
use leptos::prelude::*;

use super::{
    button::{Button, IconButton},
    card::Card,
    field::TextField,
    icon,
};

/// What is said of a change by which something is lost that stood there.
pub(crate) fn lost(tag: &str, was: Option<&String>, now: Option<&String>) -> Option<String> {
    match (was, now) {
        (_, None) => Some(format!("Removed the tag {tag}")),
        (Some(was), Some(now)) if was != now => Some(format!("Replaced the tag {tag}")),
        _ => None,
    }
}

type Pairs = BTreeMap<String, String>;

/// A person's tags, and those that the client writes and reads for itself.
fn parted(tags: &Pairs) -> (Pairs, Pairs) {
    tags.clone().into_iter().partition(|(tag, _)| !is_of_client(tag))
}

/// A tag in one line.
fn said(tag: &str, text: &str) -> String {
    if text.is_empty() { tag.to_owned() } else { format!("{tag}: {text}") }
}

/// Why a tag can't be written here.
fn refused(tag: &str) -> &'static str {
    if is_of_client(tag.trim()) { "Tags that begin with mlflow. are written by MLflow's client." } else { "" }
}

#[component]
pub(crate) fn TagForm(
    #[prop(into)] tags: Signal<BTreeMap<String, String>>,
    #[prop(into, default = "Tags".into())] title: Signal<String>,
    #[prop(into)] busy: Signal<bool>,
    /// At the right of the title.
    #[prop(optional, into)]
    extra: Option<ViewFn>,
    /// Sets a tag, or removes it where it has no value. What is written goes once `tags` has it.
    on_put: Callback<(String, Option<String>)>,
) -> impl IntoView {
    let (key, value) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let written = move || (key.get_untracked().trim().to_owned(), value.get_untracked().trim().to_owned());
    Effect::new(move |before: Option<()>| {
        tags.track();
        let (tag, text) = written();
        let is_there = tags.with_untracked(|tags| tags.get(&tag) == Some(&text));
        if before.is_some() && is_there {
            key.set(String::new());
            value.set(String::new());
        }
    });
    let parts = Memo::new(move |_| tags.with(parted));
    let (own, of_client) = (
        Memo::new(move |_| parts.with(|(own, _)| own.clone())),
        Memo::new(move |_| parts.with(|(_, rest)| rest.clone())),
    );
    let tip = Memo::new(move |_| key.with(|key| refused(key)));
    let add = move || {
        let (tag, text) = written();
        if !tag.is_empty() && refused(&tag).is_empty() {
            on_put.run((tag, Some(text)));
        }
    };
    view! {
        <Card title class="h" extra=extra.unwrap_or_default()>
            <div class="form">
                <div class="flex wrap" class:hidden=move || own.with(BTreeMap::is_empty)>
                    {move || own.get().into_iter().map(|(tag, text)| {
                        let (said, label) = (said(&tag, &text), format!("Remove {tag}"));
                        view! { <span class="chip" title=said.clone()><span class="cut">{said.clone()}</span><IconButton label mark=icon::X kind="tiny" on_press=move |_| on_put.run((tag.clone(), None)) /></span> }
                    }).collect_view()}
                </div>
                <div class="flex">
                    <TextField value=key name="Tag" placeholder="Tag" class="grow" on_enter=Callback::new(move |()| add()) />
                    <TextField value name="Value" placeholder="Value" class="grow" on_enter=Callback::new(move |()| add()) />
                    <Button
                        label="Add"
                        disabled=Signal::derive(move || busy.get() || key.with(|key| key.trim().is_empty()) || !tip.get().is_empty())
                        tip=Signal::derive(move || tip.get().to_owned())
                        on_press=add
                    />
                </div>
                <p class="muted small" role="status" class:hidden=move || tip.get().is_empty()>{move || tip.get()}</p>
                <details class="folded" class:hidden=move || of_client.with(BTreeMap::is_empty)>
                    <summary>"From the client"</summary>
                    <div class="flex wrap">
                        {move || of_client.get().into_iter().map(|(tag, text)| {
                            let said = said(&tag, &text);
                            view! { <span class="chip" title=said.clone()><span class="cut">{said.clone()}</span></span> }
                        }).collect_view()}
                    </div>
                </details>
            </div>
        </Card>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_writes_for_itself_stands_apart_and_is_not_written_here() {
        let tags = [("mlflow.source.git.commit", "ab12"), ("mlflow.user", "me"), ("mlflowish", ""), ("team", "vision")];
        let tags = tags.map(|(tag, text)| (tag.to_owned(), text.to_owned())).into_iter().collect();
        let (own, of_client) = parted(&tags);
        let lines = |pairs: &Pairs| pairs.iter().map(|(tag, text)| said(tag, text)).collect::<Vec<_>>();
        assert_eq!(lines(&own), ["mlflowish", "team: vision"]);
        assert_eq!(lines(&of_client), ["mlflow.source.git.commit: ab12", "mlflow.user: me"]);
        assert!(refused("team").is_empty() && !refused(" mlflow.user").is_empty());
    }
}
