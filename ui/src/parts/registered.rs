//! What is said of models and their versions, by clients and people: stage, tags, a description in Markdown.

use std::collections::BTreeMap;

use api::{
    id::VersionId,
    registered::{DescribeModel, Described, PutStages, SetStage, TagModel},
    tracking::Stage,
};
use leptos::prelude::*;

use super::{
    button::Pending,
    card::{Card, Chip},
    icon,
    markdown::Markdown,
    menu::Item,
    notes::Notes,
    tag_form::TagForm,
    toast::Toasts,
};
use crate::client::Client;

/// A version's way from stage to stage, in its menu.
#[derive(Clone, Copy)]
pub(crate) struct StageItems {
    client: Client,
    toasts: Toasts,
    pending: Pending,
}

/// Where a version can stand, and whether those that stand there are archived.
const STAGES: [(&str, Stage, bool); 6] = [
    ("Staging", Stage::Staging, false),
    ("Staging, the others there archived", Stage::Staging, true),
    ("Production", Stage::Production, false),
    ("Production, the others there archived", Stage::Production, true),
    ("Archived", Stage::Archived, false),
    ("None", Stage::None, false),
];

impl StageItems {
    pub(crate) fn get() -> Self {
        Self { client: Client::get(), toasts: Toasts::get(), pending: Pending::new() }
    }

    pub(crate) fn of(self, version: VersionId, now: Stage) -> Vec<Item> {
        let item = move |(label, stage, archive): (&'static str, Stage, bool)| {
            let is_there = now == stage && !archive;
            Item::new(label, icon::LAYERS, move || self.put(version, stage, archive))
                .under("Stage")
                .blocked(is_there.then(|| "It stands there".to_owned()))
        };
        STAGES.into_iter().map(item).collect()
    }

    fn put(self, version: VersionId, stage: Stage, archive: bool) {
        let request = SetStage { version, stage, archive };
        self.pending.run(async move { self.client.call(request).await }, move |stages| {
            let said = match self::stage(stage) {
                None => "Stands in no stage now".to_owned(),
                Some((word, _)) => format!("Stands in {word} now"),
            };
            self.toasts.undoable(self.client, said, PutStages { stages });
        });
    }
}

/// A description that a click edits.
#[component]
pub(crate) fn Description(
    of: Described,
    #[prop(into)] saved: Signal<String>,
    #[prop(into, default = "Description".into())] title: Signal<String>,
) -> impl IntoView {
    let (client, pending, toasts) = (Client::get(), Pending::new(), Toasts::get());
    let save = move |notes: String| {
        let is_cleared = notes.trim().is_empty();
        let back = DescribeModel { of, notes: saved.get_untracked() };
        pending.run(async move { client.call(DescribeModel { of, notes }).await }, move |()| {
            if is_cleared {
                toasts.undoable(client, "Cleared the description", back);
            }
        });
    };
    view! {
        <Card title class="h">
            <Notes saved placeholder="What it is for, and what it is not for" busy=pending.busy on_save=Callback::new(save) />
        </Card>
    }
}

#[component]
pub(crate) fn Tags(
    of: Described,
    #[prop(into)] tags: Signal<BTreeMap<String, String>>,
    #[prop(into, default = "Tags".into())] title: Signal<String>,
) -> impl IntoView {
    let (client, pending, toasts) = (Client::get(), Pending::new(), Toasts::get());
    let put = move |(key, value): (String, Option<String>)| {
        let before = tags.with_untracked(|tags| tags.get(&key).cloned());
        let said = match &value {
            Some(_) => format!("Set the tag {key}"),
            None => format!("Removed the tag {key}"),
        };
        let back = TagModel { of, key: key.clone(), value: before };
        pending.run(async move { client.call(TagModel { of, key, value }).await }, move |()| {
            toasts.undoable(client, said, back);
        });
    };
    view! { <TagForm tags title busy=pending.busy on_put=Callback::new(put) /> }
}

/// MLflow's stage in a word, and its tone.
pub(crate) const fn stage(stage: Stage) -> Option<(&'static str, &'static str)> {
    match stage {
        Stage::None => None,
        Stage::Staging => Some(("staging", "info")),
        Stage::Production => Some(("production", "good")),
        Stage::Archived => Some(("archived", "")),
    }
}

/// The stage, where a version has one.
#[component]
pub(crate) fn StageChip(stage: Stage) -> impl IntoView {
    self::stage(stage).map(|(text, tone)| view! { <Chip text tone /> })
}

/// Tags and description; nothing where there are none.
#[component]
pub(crate) fn Told(tags: BTreeMap<String, String>, notes: String) -> impl IntoView {
    if is_untold(&tags, &notes) {
        return None;
    }
    let said = |(key, value): (String, String)| if value.is_empty() { key } else { format!("{key}: {value}") };
    let chips: Vec<String> = tags.into_iter().map(said).collect();
    Some(view! {
        <div class="told">
            {(!chips.is_empty()).then(|| view! {
                <div class="flex wrap">{chips.into_iter().map(|text| view! { <Chip text /> }).collect_view()}</div>
            })}
            {(!notes.trim().is_empty()).then(|| view! { <Markdown text=notes /> })}
        </div>
    })
}

/// Whether nothing was said.
pub(crate) fn is_untold(tags: &BTreeMap<String, String>, notes: &str) -> bool {
    tags.is_empty() && notes.trim().is_empty()
}
