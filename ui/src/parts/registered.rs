//! What clients say of the models that they register: stage, tags, a description in Markdown.

use std::collections::BTreeMap;

use api::tracking::Stage;
use leptos::prelude::*;

use super::{card::Chip, markdown::Markdown};

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
