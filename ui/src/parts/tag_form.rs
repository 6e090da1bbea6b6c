//! Tags as chips, with fields for another one.

use std::collections::BTreeMap;

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
    let add = move || {
        let (tag, text) = written();
        if !tag.is_empty() {
            on_put.run((tag, Some(text)));
        }
    };
    view! {
        <Card title class="h" extra=extra.unwrap_or_default()>
            <div class="form">
                <div class="flex wrap" class:hidden=move || tags.with(BTreeMap::is_empty)>
                    {move || tags.get().into_iter().map(|(tag, text)| {
                        let (name, label) = (tag.clone(), format!("Remove {tag}"));
                        let said = if text.is_empty() { tag } else { format!("{tag}: {text}") };
                        view! { <span class="chip" title=said.clone()><span class="cut">{said.clone()}</span><IconButton label mark=icon::X kind="tiny" on_press=move |_| on_put.run((name.clone(), None)) /></span> }
                    }).collect_view()}
                </div>
                <div class="flex">
                    <TextField value=key name="Tag" placeholder="Tag" class="grow" on_enter=Callback::new(move |()| add()) />
                    <TextField value name="Value" placeholder="Value" class="grow" on_enter=Callback::new(move |()| add()) />
                    <Button label="Add" disabled=Signal::derive(move || busy.get() || key.with(|key| key.trim().is_empty())) on_press=add />
                </div>
            </div>
        </Card>
    }
}
