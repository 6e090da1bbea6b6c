//! One column: its distribution in full, and what a person says of it, kept in `slipway.toml`.

use api::{
    config::ColumnType,
    dataset::{ColumnProfile, Profile, Role},
};
use charts::{
    axis::Axis,
    bars::{self, Bars, Categories, Histogram},
    plot::{Scale, Size},
    role,
};
use leptos::prelude::*;

use super::column_menu::{ColumnUses, TYPES};
use crate::parts::{
    card::Card,
    field::{Labelled, Select, Switch},
    pane::Pane,
    picture::{Picture, Zoom},
    take_table::{Form, TakeTable, TextTable},
    words,
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
        "{}, {} distinct{}",
        words::counted(column.count, "value", "values"),
        words::count(column.distinct),
        if column.missing > 0 { format!(", {} missing", words::count(column.missing)) } else { String::new() }
    );
    let height = if column.numeric.is_some() { 170.0 } else { 24.0 * column.top.len().clamp(1, 12) as f64 + 6.0 };
    let scale = if column.kind == ColumnType::Datetime { Scale::Time { offset_minutes: 0 } } else { Scale::Linear };
    let zooms = column.numeric.as_ref().map(|_| Zoom::Across);
    let of = if column.numeric.is_some() { "bin" } else { "value" };
    let drawn = column.clone();
    view! {
        <Card title="Distribution" class="h chart-card" extra=ViewFn::from(move || view! { <span class="faint caption">{facts.clone()}</span> })>
            <Picture name=column.name.clone() of zooms draw=move |width, part| {
                let set = |counts: &[u64]| vec![Bars::counted(drawn.name.clone(), series, counts)];
                match &drawn.numeric {
                    Some(numeric) => bars::histogram(
                        &Histogram {
                            name: drawn.name.clone(),
                            edges: numeric.histogram.edges.clone(),
                            sets: set(&numeric.histogram.counts),
                            x: Axis { scale, range: part.map(|part| part.x), ..Axis::default() },
                            has_counts: false,
                        },
                        Size { width, height },
                    ),
                    None => bars::categories(
                        &Categories {
                            name: drawn.name.clone(),
                            values: drawn.top.iter().take(12).map(|value| value.value.clone()).collect(),
                            sets: set(&drawn.top.iter().take(12).map(|value| value.count).collect::<Vec<_>>()),
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
    let is_time = column.kind == ColumnType::Datetime;
    column.numeric.map(|numeric| {
        let write: fn(f64) -> String = if is_time { words::utc_moment } else { words::step };
        let (title, least, most) = if is_time { ("Times, UTC", "Earliest", "Latest") } else { ("Numbers", "Smallest", "Largest") };
        let mut rows = Vec::new();
        if !is_time {
            rows.extend([("Mean".to_owned(), numeric.mean), ("Standard deviation".to_owned(), numeric.std)]);
        }
        rows.push((least.to_owned(), numeric.min));
        rows.extend(numeric.quantiles.iter().map(|(at, value)| (words::percent(*at), *value)));
        rows.push((most.to_owned(), numeric.max));
        // A moment of 0 is one like any other.
        let odd = [(if is_time { 0 } else { numeric.zeros }, "zeros"), (numeric.infinite, "infinite")];
        let kept = StoredValue::new((rows.clone(), odd));
        let as_text = move |form: Form| {
            kept.with_value(|(rows, odd)| {
                let value = |value: f64| if is_time { write(value) } else { form.number(Some(value)) };
                let rows = rows.iter().map(|(name, at)| [name.clone(), value(*at)]);
                let odd = odd.iter().filter(|(count, _)| *count > 0);
                let odd = odd.map(|(count, name)| [words::capital(name), count.to_string()]);
                TextTable::of([("Figure", false), ("Value", true)], rows.chain(odd))
            })
        };
        let taken = ViewFn::from(move || view! { <TakeTable of=("figure", "figures") table=as_text /> });
        view! {
            <Card title=title class="h" flush=true extra=taken>
                <table class="small-table"><tbody>
                    {rows.into_iter().map(|(name, value)| view! { <tr><td class="muted">{name}</td><td class="num">{write(value)}</td></tr> }).collect_view()}
                    {odd.into_iter().filter(|(count, _)| *count > 0).map(|(count, name)| view! { <tr><td class="muted">{words::capital(name)}</td><td class="num">{words::count(count)}</td></tr> }).collect_view()}
                </tbody></table>
            </Card>
        }
    })
}

/// What the column is used as.
#[component]
fn Uses(column: ColumnProfile) -> impl IntoView {
    let uses = ColumnUses::new();
    let pending = uses.pending;
    let name = StoredValue::new(column.name.clone());
    let role_now = match column.role {
        Role::Feature => "feature",
        Role::Target => "target",
        Role::Timestamp => "timestamp",
        Role::Group => "group",
        Role::Ignored => "ignored",
    };
    let role = RwSignal::new(role_now.to_owned());
    let kind = RwSignal::new(uses.type_now(&column.name, column.kind).word().to_owned());
    let sensitive = RwSignal::new(column.sensitive);
    Effect::new(move |before: Option<String>| {
        let now = role.get();
        if before.as_ref().is_some_and(|before| *before != now) {
            name.with_value(|name| uses.set_role(name, &now));
        }
        now
    });
    Effect::new(move |before: Option<String>| {
        let now = kind.get();
        let chosen = TYPES.into_iter().find(|kind| kind.word() == now);
        if let Some(chosen) = chosen.filter(|_| before.as_ref().is_some_and(|before| *before != now)) {
            name.with_value(|name| uses.set_type(name, chosen));
        }
        now
    });
    Effect::new(move |before: Option<bool>| {
        let now = sensitive.get();
        if before.is_some_and(|before| before != now) {
            name.with_value(|name| uses.set_sensitive(name, now));
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
    let kinds: Vec<_> = TYPES.map(ColumnType::word).map(|kind| (kind.to_owned(), words::capital(kind))).into();
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
