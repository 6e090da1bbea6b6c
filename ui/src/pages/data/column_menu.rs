//! What a column is used as, from its head and from its row in the profile: kept in `slipway.toml`.

use api::{
    config::{ColumnType, DataConfig},
    dataset::Role,
    project::EditProjectFile,
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use serde_json::{Value, json};

use super::type_of;
use crate::{
    client::{Client, wire},
    frame::place::Place,
    parts::{
        button::Pending,
        icon,
        menu::{Item, Menus},
        words,
    },
};

/// A column as its menu needs it.
#[derive(Clone, PartialEq)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) kind: ColumnType,
    pub(super) role: Role,
}

/// The types that a person can choose.
pub(super) const TYPES: [ColumnType; 6] = [
    ColumnType::Boolean,
    ColumnType::Integer,
    ColumnType::Decimal,
    ColumnType::Datetime,
    ColumnType::Category,
    ColumnType::Text,
];

/// Edits of the project's file that a column's menu makes.
#[derive(Clone, Copy)]
pub(super) struct ColumnUses {
    client: Client,
    menus: Menus,
    pub(super) pending: Pending,
    place: Place,
    go: StoredValue<Box<dyn Fn(String)>, LocalStorage>,
}

impl ColumnUses {
    pub(super) fn new() -> Self {
        let navigate = use_navigate();
        let go: Box<dyn Fn(String)> = Box::new(move |to: String| navigate(&to, Default::default()));
        Self {
            client: Client::get(),
            menus: Menus::get(),
            pending: Pending::new(),
            place: Place::get(),
            go: StoredValue::new_local(go),
        }
    }

    /// `[data]` of the project's file, as it is now.
    fn data(self) -> DataConfig {
        self.place
            .known
            .value
            .with_untracked(|project| project.as_ref().map(|project| project.file.data.clone()))
            .unwrap_or_default()
    }

    /// The type that the next version is read with.
    pub(super) fn type_now(self, name: &str, kind: ColumnType) -> ColumnType {
        self.data().types.get(name).copied().unwrap_or(kind)
    }

    fn put(self, set: Vec<(String, Value)>) {
        if set.is_empty() {
            return;
        }
        let request = EditProjectFile { project: self.place.id_now(), set };
        self.pending.run(async move { self.client.call(request).await }, |_| {});
    }

    /// "feature", "target", "timestamp", "group" or "ignored".
    pub(super) fn set_role(self, name: &str, role: &str) {
        self.put(changes(&self.data(), name, role));
    }

    pub(super) fn set_type(self, name: &str, kind: ColumnType) {
        let mut types = self.data().types;
        types.insert(name.to_owned(), kind);
        self.put(vec![("data.types".to_owned(), json!(types))]);
    }

    pub(super) fn set_sensitive(self, name: &str, is_sensitive: bool) {
        let mut all = self.data().sensitive;
        all.retain(|other| other != name);
        if is_sensitive {
            all.push(name.to_owned());
        }
        self.put(vec![("data.sensitive".to_owned(), json!(all))]);
    }

    fn show(self, name: &str) {
        let query = window().location().search().unwrap_or_default();
        let version = query.trim_start_matches('?').split('&').find(|part| part.starts_with("v="));
        let version = version.map(|version| format!("&{version}")).unwrap_or_default();
        let to = format!("{}?tab=profile{version}&column={}", untrack(|| self.place.link("data")), wire::encode(name));
        self.go.with_value(|go| go(to));
    }

    /// The lines of a column's menu; `at` is where it stands, for the choice of a type.
    pub(super) fn items(self, column: &Known, at: (f64, f64)) -> Vec<Item> {
        let name = StoredValue::new(column.name.clone());
        let mut items = vec![Item::new("Show its distribution", icon::ACTIVITY, move || {
            name.with_value(|name| self.show(name));
        })];
        if column.kind == ColumnType::Image {
            return items;
        }
        let role = move |to: &'static str| move || name.with_value(|name| self.set_role(name, to));
        match column.role {
            Role::Target => {}
            _ => items.push(Item::new("Predict it: the target", icon::CIRCLE_CHECK, role("target"))),
        }
        match column.role {
            Role::Ignored => items.push(Item::new("Learn from it again", icon::CHECK, role("feature"))),
            _ => items.push(Item::new("Ignore it", icon::X, role("ignored"))),
        }
        match column.role {
            Role::Timestamp => items.push(Item::new("No timestamp", icon::CLOCK, role("feature"))),
            _ => items.push(Item::new("Timestamp: splits go by it", icon::CLOCK, role("timestamp"))),
        }
        match column.role {
            Role::Group => items.push(Item::new("No group", icon::LAYERS, role("feature"))),
            _ => items.push(Item::new("Group: its rows stay together", icon::LAYERS, role("group"))),
        }
        let sensitive = self.data().sensitive.contains(&column.name);
        let label = if sensitive { "Not sensitive" } else { "Sensitive: never logged" };
        items.push(Item::new(label, icon::LOCK, move || {
            name.with_value(|name| self.set_sensitive(name, !sensitive));
        }));
        let kind = self.type_now(&column.name, column.kind);
        items.push(Item::new("Read as…", icon::PENCIL, move || {
            let types = TYPES.into_iter().map(|other| {
                let (mark, word) = type_of(other);
                let now = (other == kind).then(|| "It is read so now.".to_owned());
                Item::new(words::capital(word), mark, move || name.with_value(|name| self.set_type(name, other)))
                    .blocked(now)
            });
            self.menus.open(at.0, at.1, types.collect());
        }));
        items
    }

    /// Opens the menu where the pointer is.
    pub(super) fn open_at(self, event: &web_sys::MouseEvent, column: &Known) {
        let at = (f64::from(event.client_x()), f64::from(event.client_y()));
        self.menus.open_at(event, self.items(column, at));
    }
}

/// The keys of `slipway.toml` that make a column what it shall be and nothing else.
fn changes(data: &DataConfig, name: &str, role: &str) -> Vec<(String, Value)> {
    let mut set = Vec::new();
    let mut ignore = data.ignore.clone();
    ignore.retain(|other| other != name);
    if role == "ignored" {
        ignore.push(name.to_owned());
    }
    if ignore != data.ignore {
        set.push(("data.ignore".to_owned(), json!(ignore)));
    }
    // It is one of the target's values: another target has others.
    if data.positive.is_some() && (role == "target") != (data.target.as_deref() == Some(name)) {
        set.push(("data.positive".to_owned(), Value::Null));
    }
    for (key, now, is) in [
        ("data.target", &data.target, role == "target"),
        ("data.timestamp", &data.timestamp, role == "timestamp"),
        ("data.group", &data.group, role == "group"),
    ] {
        let held = now.as_deref() == Some(name);
        if is && !held {
            set.push((key.to_owned(), json!(name)));
        } else if held && !is {
            set.push((key.to_owned(), Value::Null));
        }
    }
    set
}
