//! The profile: every column measured, what a person must know of it, and what it is used as.

use api::{
    config::ColumnType,
    dataset::{ColumnProfile, Profile, ProfileWarning, Role, WarningKind},
    id::SnapshotId,
};
use charts::{bars, plot::Size, role};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{
    column::ColumnPane,
    column_menu::{ColumnUses, Known},
    type_of,
};
use crate::{
    client::query::prepared::Preparing,
    parts::{
        button::{Button, IconButton},
        card::Chip,
        chart::spark,
        icon::{self, icon},
        menu::Item,
        states::Load,
        table::{Column, Order, Table},
        take_table::{Form, TakeTable, TextTable},
        words,
    },
};

#[component]
pub(super) fn ProfileTab(measured: Preparing<Profile>, snapshot: Memo<SnapshotId>) -> impl IntoView {
    // A column's pane has an address: `&column=NAME`.
    let open = RwSignal::new(use_location().query.with_untracked(|asked| asked.get("column")));
    Effect::new(move |before: Option<SnapshotId>| {
        let now = snapshot.get();
        if before.is_some_and(|before| before != now) {
            open.set(None);
        }
        now
    });
    view! {
        <div class="profile-tab">
            <Load query=measured.query job=measured.job lines=10 let:profile>
                <div class="profile-main">
                    <Notes profile />
                    <Columns profile open />
                </div>
                {move || open.get().map(|name| view! { <ColumnPane profile name open /> })}
            </Load>
        </div>
    }
}

/// How the files were read, and what to look at.
#[component]
fn Notes(profile: Signal<Profile>) -> impl IntoView {
    let uses = ColumnUses::new();
    let ignores = move |column: String| {
        let label = format!("Ignore {column}");
        view! { <Button label kind="s" disabled=uses.pending.busy on_press=move || uses.set_role(&column, "ignored") /> }
    };
    move || {
        let (reading, warnings) = profile.with(|profile| {
            let warnings =
                profile.warnings.iter().map(|warning| (warning.message.clone(), ignorable(warning, &profile.columns)));
            (profile.reading.clone(), warnings.collect::<Vec<_>>())
        });
        (!reading.is_empty() || !warnings.is_empty()).then(|| {
            view! {
                <div class="notes">
                    {warnings.into_iter().map(|(message, column)| view! {
                        <div class="flex small">
                            <span class="warn flex">{icon(icon::TRIANGLE_ALERT)}</span>
                            <span>{message}</span>
                            {column.map(ignores)}
                        </div>
                    }).collect_view()}
                    {(!reading.is_empty()).then(|| view! {
                        <div class="flex small muted"><span class="faint flex">{icon(icon::INFO)}</span><span>"How it was read: "{reading.join("; ")}</span></div>
                    })}
                </div>
            }
        })
    }
}

/// The input that a warning says to ignore; what gives the target away is asked about above every view of the data.
fn ignorable(warning: &ProfileWarning, columns: &[ColumnProfile]) -> Option<String> {
    let is_said = matches!(
        warning.kind,
        WarningKind::LooksLikeId | WarningKind::AllMissing | WarningKind::ManyMissing | WarningKind::Constant
    );
    let name = warning.column.as_ref().filter(|_| is_said)?;
    columns.iter().find(|column| column.name == *name && column.role == Role::Feature).map(|column| column.name.clone())
}

#[component]
fn Columns(profile: Signal<Profile>, open: RwSignal<Option<String>>) -> impl IntoView {
    let order = RwSignal::new(None::<Order>);
    let uses = ColumnUses::new();
    let known = |column: &ColumnProfile| Known { name: column.name.clone(), kind: column.kind, role: column.role };
    let menu = StoredValue::new_local({
        // A type is chosen where the table's menu stood: about the middle of the page.
        Box::new(move |column: ColumnProfile| uses.items(&known(&column), middle()))
            as Box<dyn Fn(ColumnProfile) -> Vec<Item>>
    });
    let rows = Memo::new(move |_| {
        let mut rows = profile.with(|profile| profile.columns.clone());
        if let Some((key, descending)) = order.get() {
            rows.sort_by(|left, right| {
                let way = compare(left, right, &key);
                if descending { way.reverse() } else { way }
            });
        }
        rows
    });
    let columns = vec![
        Column::new("Column", 172.0, name_cell).sorted_by("name"),
        Column::new("Type", 68.0, |column: &ColumnProfile| view! { <span class="muted">{type_of(column.kind).1}</span> }),
        Column::new("Distribution", 84.0, |column: &ColumnProfile| {
            let counts: Vec<u64> = match &column.numeric {
                Some(numeric) => numeric.histogram.counts.chunks(numeric.histogram.counts.len().div_ceil(20).max(1)).map(|chunk| chunk.iter().sum()).collect(),
                None => column.top.iter().take(14).map(|value| value.count).collect(),
            };
            let series = if column.role == Role::Target { role::Role::Series(4) } else { role::Role::Series(1) };
            spark(bars::mini(&counts, series, Size { width: 68.0, height: 18.0 }))
        }),
        Column::new("Missing", 58.0, |column: &ColumnProfile| {
            let tone = if column.missing == 0 { "faint" } else { "warn" };
            view! { <span class=tone>{words::percent(column.missing_share())}</span> }
        }).number().sorted_by("missing"),
        Column::new("Distinct", 80.0, |column: &ColumnProfile| {
            format!("{}{}", if column.distinct_is_exact { "" } else { "≈ " }, words::count(column.distinct))
        }).number().sorted_by("distinct"),
        Column::new("Mean or mode", 124.0, |column: &ColumnProfile| match &column.numeric {
            Some(numeric) if column.kind != ColumnType::Datetime => view! { <span>{words::figure(numeric.mean)}" "<span class="faint">"± "{words::figure(numeric.std)}</span></span> }.into_any(),
            _ => column.top.first().map(|value| view! {
                <span class="cut">{value.value.clone()}" "<span class="faint">{words::percent(value.count as f64 / column.count.max(1) as f64)}</span></span>
            }).into_any(),
        }).number(),
        Column::new("Range", 138.0, |column: &ColumnProfile| column.numeric.as_ref().map(|numeric| {
            let is_time = column.kind == ColumnType::Datetime;
            let range = if is_time {
                dates(&words::utc_date(numeric.min), &words::utc_date(numeric.max))
            } else {
                format!("{} … {}", words::step(numeric.min), words::step(numeric.max))
            };
            let whole = is_time.then(|| format!("{} … {}", words::utc_moment(numeric.min), words::utc_moment(numeric.max)));
            view! { <span class="muted" title=whole>{range}</span> }
        })).number(),
        Column::new("With target", 90.0, |column: &ColumnProfile| column.target_association.map(|strength| view! {
            <span class="flex strength" title="How far this column alone decides the target: 0 not at all, 1 entirely.">
                <span class="bar grow"><i style:width=format!("{:.0}%", strength.clamp(0.0, 1.0) * 100.0)></i></span>
                {format!("{strength:.2}")}
            </span>
        })).number().sorted_by("association"),
        Column::new("", 40.0, move |column: &ColumnProfile| {
            let column = known(column);
            view! {
                <IconButton
                    label=format!("Use of {}", column.name)
                    mark=icon::ELLIPSIS
                    on_press=move |event| uses.open_at(&event, &column)
                />
            }
        }),
    ];
    view! {
        <div class="drift-line flex small muted">
            {move || words::counted(rows.with(Vec::len) as u64, "column", "columns")}
            <span class="right flex"><TakeTable of=("column", "columns") table=move |form| rows.with_untracked(|rows| as_text(rows, form)) /></span>
        </div>
        <div class="fill-table">
            <Table
                rows=rows
                columns=Signal::stored(columns)
                label="Columns"
                order
                menu
                on_open=Callback::new(move |column: ColumnProfile| open.set(Some(column.name)))
            />
        </div>
    }
}

/// What was measured of each column, in the order that is shown.
fn as_text(columns: &[ColumnProfile], form: Form) -> TextTable {
    let head = [
        ("Column", false),
        ("Type", false),
        ("Role", false),
        ("Values", true),
        ("Missing", true),
        ("Distinct", true),
        ("Mean", true),
        ("Standard deviation", true),
        ("Least", true),
        ("Greatest", true),
        ("Commonest", false),
        ("With target", true),
    ];
    let row = |column: &ColumnProfile| {
        let is_time = column.kind == ColumnType::Datetime;
        let numeric = column.numeric.as_ref();
        let edge = |value: Option<f64>| match value {
            Some(value) if is_time => words::utc_moment(value),
            value => form.number(value),
        };
        // A mean of times is no time that anybody asks for.
        let of_numbers = numeric.filter(|_| !is_time);
        [
            column.name.clone(),
            type_of(column.kind).1.to_owned(),
            role_word(column.role).to_owned(),
            column.count.to_string(),
            column.missing.to_string(),
            column.distinct.to_string(),
            form.number(of_numbers.map(|numeric| numeric.mean)),
            form.number(of_numbers.map(|numeric| numeric.std)),
            edge(numeric.map(|numeric| numeric.min)),
            edge(numeric.map(|numeric| numeric.max)),
            form.text(column.top.first().map(|value| value.value.as_str())),
            form.number(column.target_association),
        ]
    };
    TextTable::of(head, columns.iter().map(row))
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Feature => "feature",
        Role::Target => "target",
        Role::Timestamp => "timestamp",
        Role::Group => "group",
        Role::Ignored => "ignored",
    }
}

fn middle() -> (f64, f64) {
    let half = |size: Result<wasm_bindgen::JsValue, _>| size.ok().and_then(|size| size.as_f64()).unwrap_or(800.0) / 2.0;
    (half(window().inner_width()), half(window().inner_height()) / 2.0)
}

/// "2026-03-01 … 05-30", of several years "2024-11 … 2026-05": as much as the column has room for.
fn dates(first: &str, last: &str) -> String {
    match (first.split_once('-'), last.split_once('-')) {
        (Some((year, _)), Some((same, rest))) if year == same => format!("{first} … {rest}"),
        _ => {
            let month =
                |date: &str| date.rsplit_once('-').map_or_else(|| date.to_owned(), |(month, _)| month.to_owned());
            format!("{} … {}", month(first), month(last))
        }
    }
}

fn name_cell(column: &ColumnProfile) -> impl IntoView + use<> {
    let role = match column.role {
        Role::Feature => None,
        Role::Target => Some(("target", "accent")),
        Role::Timestamp => Some(("timestamp", "info")),
        Role::Group => Some(("group", "info")),
        Role::Ignored => Some(("ignored", "")),
    };
    view! {
        <span class="flex">
            <span class="cut" class:faint=column.role == Role::Ignored>{column.name.clone()}</span>
            {role.map(|(word, tone)| view! { <Chip text=word tone=tone /> })}
            {column.sensitive.then(|| view! { <Chip text="sensitive" tone="warn" /> })}
        </span>
    }
}

fn compare(left: &ColumnProfile, right: &ColumnProfile, key: &str) -> std::cmp::Ordering {
    match key {
        "missing" => left.missing.cmp(&right.missing),
        "distinct" => left.distinct.cmp(&right.distinct),
        "association" => left.target_association.unwrap_or(-1.0).total_cmp(&right.target_association.unwrap_or(-1.0)),
        // Names stand in the reading order when they ascend.
        _ => right.name.cmp(&left.name).reverse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_dates_says_its_year_once() {
        assert_eq!(dates("2026-03-01", "2026-05-30"), "2026-03-01 … 05-30");
        assert_eq!(dates("2024-11-03", "2026-05-30"), "2024-11 … 2026-05");
    }

    #[test]
    fn a_profile_is_taken_with_a_row_a_column() {
        let column = ColumnProfile {
            name: "amount".to_owned(),
            kind: ColumnType::Decimal,
            role: Role::Feature,
            sensitive: false,
            count: 60,
            missing: 2,
            distinct: 58,
            distinct_is_exact: true,
            numeric: None,
            top: Vec::new(),
            target_association: Some(0.123_456_789),
        };
        let table = as_text(&[column], Form::Csv);
        assert_eq!(table.rows[0][..6], ["amount", "decimal", "feature", "60", "2", "58"]);
        assert_eq!(table.rows[0][6..], ["", "", "", "", "", "0.123456789"]);
    }

    #[test]
    fn only_an_input_that_is_warned_of_can_be_ignored_there() {
        let column = |name: &str, role| ColumnProfile {
            name: name.to_owned(),
            kind: ColumnType::Text,
            role,
            sensitive: false,
            count: 60,
            missing: 0,
            distinct: 60,
            distinct_is_exact: true,
            numeric: None,
            top: Vec::new(),
            target_association: None,
        };
        let columns = [column("order", Role::Feature), column("result", Role::Target)];
        let named = |kind, column: &str| {
            let warning = ProfileWarning { column: Some(column.to_owned()), kind, message: String::new() };
            ignorable(&warning, &columns)
        };
        assert_eq!(named(WarningKind::LooksLikeId, "order").as_deref(), Some("order"));
        assert_eq!(named(WarningKind::AllMissing, "result"), None);
        assert_eq!(named(WarningKind::Leakage, "order"), None);
    }
}
