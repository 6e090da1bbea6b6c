//! The project's settings: what `slipway.toml` says, in words and fields. An address with `?settings=1` opens the
//! dialog on any page of a project. What is saved is written into the file key by key, where it can be reviewed.

mod fields;
mod paths;
mod space;
mod tests_by_column;

use api::{
    ApiError,
    config::ProjectFile,
    package::ListRegistries,
    project::{EditProjectFile, Project},
};
use leptos::prelude::*;

use self::{
    fields::{Field, GROUPS, Group, Kind, all},
    paths::{DataPaths, Paths},
    space::{Space, Tried},
    tests_by_column::{ByColumn, TestsByColumn},
};
use super::{asked, place::Place};
use crate::{
    client::{Client, query::query},
    parts::{
        button::{Button, Pending},
        dialog::Dialog,
        field::{Labelled, Select, TextField},
        icon,
        states::{Load, Problem},
        toast::Toasts,
        words,
    },
};

/// The dialog, closed until the address asks for it.
#[component]
pub(crate) fn SettingsDialog() -> impl IntoView {
    let place = Place::get();
    let open = asked::opened_by("settings");
    view! {
        <Dialog open title="Project settings" wide=true>
            <Load query=place.known lines=6 let:project><Form open project /></Load>
        </Dialog>
    }
}

#[component]
fn Form(open: RwSignal<bool>, project: Signal<Project>) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let first = project.get_untracked();
    let id = first.id;
    let before = StoredValue::new(fields::texts(&first.file));
    let defaults = fields::texts(&ProjectFile::default());
    let texts = StoredValue::new(
        before.with_value(|before| before.iter().map(|(key, text)| (*key, RwSignal::new(text.clone()))).collect()),
    );
    let by_column = ByColumn::of(&first.file.monitoring);
    let paths = Paths::of(&first.file.data.paths);
    let space = Space::of(&first.file.search.space);
    let refused = RwSignal::new(None::<ApiError>);
    let wrong = Memo::new(move |_| {
        let mistakes =
            all().filter_map(|field| Some((field.key, fields::value(field, &text_of(texts, field.key).get()).err()?)));
        mistakes.collect::<std::collections::BTreeMap<&str, String>>()
    });
    let save = move || {
        let changed = all().filter_map(|field| {
            let text = text_of(texts, field.key).get_untracked();
            let same =
                before.with_value(|before| before.get(field.key).is_some_and(|before| before.trim() == text.trim()));
            (!same).then(|| Some((field.key.to_owned(), fields::value(field, &text).ok()?))).flatten()
        });
        let mut set: Vec<_> = changed.collect();
        set.extend(by_column.changes());
        set.extend(paths.change());
        set.extend(space.changes());
        if set.is_empty() {
            open.set(false);
            return;
        }
        refused.set(None);
        let request = EditProjectFile { project: id, set };
        pending.run_or(
            async move { client.call(request).await },
            move |_| {
                toasts.done("Saved in slipway.toml.");
                open.set(false);
            },
            move |error| refused.set(Some(error)),
        );
    };
    let is_wrong =
        move || wrong.with(|wrong| !wrong.is_empty()) || by_column.is_wrong() || paths.is_wrong() || space.is_wrong();
    // What the host refuses of a field stands beside it.
    let refused_of = move |key: &str| {
        refused.with(|refused| {
            let error = refused.as_ref().filter(|error| error.key.as_deref() == Some(key));
            error.map(|error| error.message.clone())
        })
    };
    let has_place = |error: &ApiError| {
        error.key.as_deref().is_some_and(|key| [paths::KEY, space::KEY].contains(&key) || fields::is_seen(key))
    };
    view! {
        <nav class="to-groups" aria-label="Groups of settings">
            {GROUPS.iter().map(|group| view! {
                <button type="button" class="btn quiet s" on:click=move |_| show(group.title)>{group.title}</button>
            }).collect_view()}
        </nav>
        <div class="content form">
            <p class="muted small">"Kept in "<span class="mono">"slipway.toml"</span>" in the project's folder, beside its comments. An empty field takes the default that it shows."</p>
            {GROUPS.iter().map(|group| {
                let rows = |fields: &'static [Field]| {
                    let row = |field: &'static Field| {
                        let default = defaults.get(field.key).cloned().unwrap_or_default();
                        let error = Signal::derive(move || wrong.with(|wrong| wrong.get(field.key).cloned()).or_else(|| refused_of(field.key)));
                        view! { <One field value=text_of(texts, field.key) default error /> }
                    };
                    view! { <div class="more-settings">{fields.iter().map(row).collect_view()}</div> }
                };
                view! {
                    <section class="settings-group" id=place_of(group.title)>
                        <h3>{group.title}</h3>
                        {(group.title == Group::DATA).then(|| view! { <DataPaths paths error=Signal::derive(move || refused_of(paths::KEY)) /> })}
                        {rows(group.fields)}
                        {(group.title == Group::SEARCH).then(|| view! { <Tried space error=Signal::derive(move || refused_of(space::KEY)) /> })}
                        {(!group.more.is_empty()).then(|| view! { <details><summary>"More"</summary>{rows(group.more)}</details> })}
                        {(group.title == Group::DRIFT).then(|| view! { <TestsByColumn by_column /> })}
                    </section>
                }
            }).collect_view()}
            {move || refused.get().filter(|error| !has_place(error)).map(|error| view! { <Problem error /> })}
        </div>
        <footer>
            <span class="grow caption faint">"Runs, windows and deployments from now on use them."</span>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Save" mark=icon::CHECK kind="primary" disabled=Signal::derive(move || pending.busy.get() || is_wrong()) on_press=save />
        </footer>
    }
}

/// The id of a group in the document.
fn place_of(title: &str) -> String {
    format!("settings-{}", title.to_lowercase().replace(' ', "-"))
}

/// Scrolls to a group.
fn show(title: &str) {
    if let Some(group) = document().get_element_by_id(&place_of(title)) {
        group.scroll_into_view();
    }
}

type Texts = StoredValue<std::collections::BTreeMap<&'static str, RwSignal<String>>>;

fn text_of(texts: Texts, key: &str) -> RwSignal<String> {
    texts.with_value(|texts| texts.get(key).copied()).unwrap_or_else(|| RwSignal::new(String::new()))
}

#[component]
fn One(
    field: &'static Field,
    value: RwSignal<String>,
    default: String,
    error: Signal<Option<String>>,
) -> impl IntoView {
    let shown = if default.is_empty() { field.empty.to_owned() } else { default };
    view! {
        <Labelled label=field.label hint=field.hint error>
            {match field.kind {
                Kind::Choice(options) => {
                    let options: Vec<_> = options.iter().map(|(key, label)| ((*key).to_owned(), (*label).to_owned())).collect();
                    view! { <Select value options /> }.into_any()
                }
                Kind::Flag => {
                    let options = [("true", "Yes"), ("false", "No")].map(|(key, label)| (key.to_owned(), label.to_owned()));
                    view! { <Select value options=options.to_vec() /> }.into_any()
                }
                Kind::Registry => view! { <RegistryChoice value none=shown /> }.into_any(),
                _ => view! { <TextField value class="mono" placeholder=shown /> }.into_any(),
            }}
        </Labelled>
    }
}

/// The registries of the workspace; a name that the file has and the workspace lacks stays one.
#[component]
fn RegistryChoice(value: RwSignal<String>, none: String) -> impl IntoView {
    let known = query(|| Some(ListRegistries {}));
    let first = value.get_untracked();
    let options = Signal::derive(move || {
        let known = known.value.get().unwrap_or_default();
        let mut options = vec![(String::new(), words::capital(&none))];
        options.extend(known.iter().map(|one| (one.name.clone(), format!("{} ({})", one.name, one.address))));
        if !first.is_empty() && known.iter().all(|one| one.name != first) {
            options.push((first.clone(), format!("{first} (not known here)")));
        }
        options
    });
    view! { <Select value options /> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_a_place_of_its_own() {
        let places: std::collections::BTreeSet<String> = GROUPS.iter().map(|group| place_of(group.title)).collect();
        assert_eq!(places.len(), GROUPS.len());
        assert!(places.contains("settings-budget-of-a-run"), "{places:?}");
    }
}
