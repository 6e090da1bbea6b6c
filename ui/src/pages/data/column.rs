//! One column: its distribution in full, and what a person says of it, kept in `slipway.toml`.

use api::{
    config::{ColumnType, DataConfig},
    dataset::{ColumnProfile, Profile, Role},
    project::EditProjectFile,
};
use charts::{
    axis::Axis,
    bars::{self, Bars, Categories, Histogram},
    plot::{Scale, Size},
    role,
};
use leptos::prelude::*;
use serde_json::{Value, json};

use crate::{
    client::Client,
    frame::place::Place,
    parts::{
        button::Pending,
        card::Card,
        chart::Picture,
        field::{Labelled, Select, Switch},
        pane::Pane,
        words,
    },
};

#[component]
pub(super) fn ColumnPane(profile: Signal<Profile>, name: String, open: RwSignal<Option<String>>) -> impl IntoView {
    let title = name.clone();
    let column =
        Memo::new(move |_| profile.with(|profile| profile.columns.iter().find(|column| column.name == name).cloned()));
    view! {
        <Pane title width=360.0 on_close=move || open.set(None)>
            {move || column.get().map(|column| view! {
                <Distribution column=column.clone() />
                <Uses column=column.clone() />
                <Quantiles column />
            })}
        </Pane>
    }
}

#[component]
fn Distribution(column: ColumnProfile) -> impl IntoView {
    let series = if column.role == Role::Target { role::Role::Series(4) } else { role::Role::Series(1) };
    let facts = format!(
        "{} values, {} distinct{}",
        words::count(column.count - column.missing.min(column.count)),
        words::count(column.distinct),
        if column.missing > 0 { format!(", {} missing", words::count(column.missing)) } else { String::new() }
    );
    let height = if column.numeric.is_some() { 170.0 } else { 24.0 * column.top.len().clamp(1, 12) as f64 + 6.0 };
    let scale = if column.kind == ColumnType::Datetime { Scale::Time { offset_minutes: 0 } } else { Scale::Linear };
    let drawn = column.clone();
    view! {
        <Card title="Distribution" class="h chart-card" extra=ViewFn::from(move || view! { <span class="faint caption">{facts.clone()}</span> })>
            <Picture draw=move |width| {
                let set = |counts: Vec<u64>| vec![Bars { name: drawn.name.clone(), role: series, counts }];
                match &drawn.numeric {
                    Some(numeric) => bars::histogram(
                        &Histogram {
                            name: drawn.name.clone(),
                            edges: numeric.histogram.edges.clone(),
                            sets: set(numeric.histogram.counts.clone()),
                            x: Axis { scale, ..Axis::default() },
                        },
                        Size { width, height },
                    ),
                    None => bars::categories(
                        &Categories {
                            name: drawn.name.clone(),
                            values: drawn.top.iter().take(12).map(|value| value.value.clone()).collect(),
                            sets: set(drawn.top.iter().take(12).map(|value| value.count).collect()),
                        },
                        Size { width, height },
                    ),
                }
            } />
        </Card>
    }
}

#[component]
fn Quantiles(column: ColumnProfile) -> impl IntoView {
    column.numeric.filter(|_| column.kind != ColumnType::Datetime).map(|numeric| {
        let mut rows = vec![("Mean".to_owned(), numeric.mean), ("Standard deviation".to_owned(), numeric.std), ("Smallest".to_owned(), numeric.min)];
        rows.extend(numeric.quantiles.iter().map(|(at, value)| (words::percent(*at), *value)));
        rows.push(("Largest".to_owned(), numeric.max));
        let odd = [(numeric.zeros, "zeros"), (numeric.infinite, "infinite")];
        view! {
            <Card title="Numbers" class="h" flush=true>
                <table class="small-table"><tbody>
                    {rows.into_iter().map(|(name, value)| view! { <tr><td class="muted">{name}</td><td class="num">{words::figure(value)}</td></tr> }).collect_view()}
                    {odd.into_iter().filter(|(count, _)| *count > 0).map(|(count, name)| view! { <tr><td class="muted">{words::capital(name)}</td><td class="num">{words::count(count)}</td></tr> }).collect_view()}
                </tbody></table>
            </Card>
        }
    })
}

/// What the column is used as.
#[component]
fn Uses(column: ColumnProfile) -> impl IntoView {
    let place = Place::get();
    let client = Client::get();
    let pending = Pending::new();
    let name = StoredValue::new(column.name.clone());
    let role_now = match column.role {
        Role::Feature => "feature",
        Role::Target => "target",
        Role::Timestamp => "timestamp",
        Role::Group => "group",
        Role::Ignored => "ignored",
    };
    let role = RwSignal::new(role_now.to_owned());
    let kind = RwSignal::new(type_key(column.kind).to_owned());
    let sensitive = RwSignal::new(column.sensitive);
    let put = move |set: Vec<(String, Value)>| {
        let request = EditProjectFile { project: place.id_now(), set };
        pending.run(async move { client.call(request).await }, |_| {});
    };
    let data = move || {
        place
            .known
            .value
            .with_untracked(|project| project.as_ref().map(|project| project.file.data.clone()))
            .unwrap_or_default()
    };
    Effect::new(move |before: Option<String>| {
        let now = role.get();
        if before.as_ref().is_some_and(|before| *before != now) {
            put(name.with_value(|name| changes(&data(), name, &now)));
        }
        now
    });
    Effect::new(move |before: Option<String>| {
        let now = kind.get();
        if before.as_ref().is_some_and(|before| *before != now) {
            let mut types = data().types;
            if let Ok(kind) = serde_json::from_value::<ColumnType>(json!(now)) {
                types.insert(name.get_value(), kind);
            }
            put(vec![("data.types".to_owned(), json!(types))]);
        }
        now
    });
    Effect::new(move |before: Option<bool>| {
        let now = sensitive.get();
        if before.is_some_and(|before| before != now) {
            let mut all = data().sensitive;
            let name = name.get_value();
            all.retain(|other| *other != name);
            if now {
                all.push(name);
            }
            put(vec![("data.sensitive".to_owned(), json!(all))]);
        }
        now
    });
    let options = |all: &[(&str, &str)]| {
        all.iter().map(|(key, label)| ((*key).to_owned(), (*label).to_owned())).collect::<Vec<_>>()
    };
    let roles = options(&[
        ("feature", "Feature: learned from"),
        ("target", "Target: what is predicted"),
        ("timestamp", "Timestamp: splits go by time"),
        ("group", "Group: its rows stay together"),
        ("ignored", "Ignored"),
    ]);
    let kinds = options(&[
        ("boolean", "Boolean"),
        ("integer", "Integer"),
        ("decimal", "Decimal"),
        ("datetime", "Date and time"),
        ("category", "Category"),
        ("text", "Text"),
    ]);
    view! {
        <Card title="Used as" class="h" extra=ViewFn::from(|| view! { <span class="faint caption">"kept in slipway.toml"</span> })>
            <div class="form">
                <Labelled label="Role"><Select value=role options=roles disabled=pending.busy /></Labelled>
                {(column.kind != ColumnType::Image).then(|| view! {
                    <Labelled label="Type"><Select value=kind options=kinds disabled=pending.busy /></Labelled>
                })}
                <Switch value=sensitive label="Sensitive: never logged by a deployment" disabled=pending.busy />
            </div>
        </Card>
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

const fn type_key(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Boolean => "boolean",
        ColumnType::Integer => "integer",
        ColumnType::Decimal => "decimal",
        ColumnType::Datetime => "datetime",
        ColumnType::Category => "category",
        ColumnType::Text => "text",
        ColumnType::Image => "image",
    }
}
