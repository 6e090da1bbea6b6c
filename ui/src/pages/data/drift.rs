//! How two versions differ, column by column.

use api::{
    dataset::{CompareSnapshots, Dataset},
    drift::{ColumnDrift, DriftReport, Verdict},
    id::SnapshotId,
};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::TakeButton;
use crate::{
    client::query::prepared::prepared,
    parts::{
        card::{Card, Chip},
        distribution::{TwoDistributions, test_name, value, verdict},
        field::Select,
        icon,
        pane::Pane,
        states::{Empty, Load},
        table::{Column, Table},
        take_table::{Form, TakeTable, TextTable},
        words,
    },
};

/// A snapshot that is none of this project's.
const ELSEWHERE: &str = "another project's";

#[component]
pub(super) fn DriftTab(dataset: Signal<Dataset>, chosen: Memo<SnapshotId>) -> impl IntoView {
    let versions = Memo::new(move |_| {
        dataset.with(|dataset| {
            dataset.snapshots.iter().map(|snapshot| (snapshot.id, snapshot.number, snapshot.rows)).collect::<Vec<_>>()
        })
    });
    // What the address names, as a link from the runs that learned from both: it may be another project's.
    let asked = use_location().query;
    let named = Memo::new(move |_| asked.with(|asked| asked.get("with")).and_then(|id| id.parse::<SnapshotId>().ok()));
    let only = move || versions.with(Vec::len) < 2 && named.with(Option::is_none);
    let reference = RwSignal::new(String::new());
    // By default what stood before the chosen one.
    Effect::new(move |_| {
        let chosen = chosen.get();
        let before = versions.with(|versions| {
            let at = versions.iter().position(|version| version.0 == chosen);
            at.and_then(|at| versions.get(at + 1))
                .or_else(|| versions.iter().find(|version| version.0 != chosen))
                .map(|version| version.0)
        });
        let before = named.get().filter(|named| *named != chosen).or(before);
        reference.set(before.map_or_else(String::new, |id| id.to_string()));
    });
    let compared = prepared(move || {
        let reference = reference.get().parse().ok()?;
        Some(CompareSnapshots { reference, current: chosen.get() })
    });
    let told = compared.query.value;
    let open = RwSignal::new(None::<String>);
    let name = move |id: &str| {
        versions.with(|versions| {
            versions
                .iter()
                .find(|version| version.0.to_string() == id)
                .map_or_else(|| ELSEWHERE.to_owned(), |version| format!("v{}", version.1))
        })
    };
    let options = Signal::derive(move || {
        let chosen = chosen.get();
        versions.with(|versions| {
            let own = versions.iter().filter(|version| version.0 != chosen).map(|version| {
                (version.0.to_string(), format!("v{}, {}", version.1, words::counted(version.2, "row", "rows")))
            });
            let is_own = |named: &SnapshotId| versions.iter().any(|version| version.0 == *named);
            let other =
                named.get().filter(|named| !is_own(named)).map(|named| (named.to_string(), ELSEWHERE.to_owned()));
            own.chain(other).collect::<Vec<_>>()
        })
    });
    view! {
        {move || if only() {
            view! {
                <Empty
                    mark=icon::ACTIVITY
                    title="Only one snapshot"
                    text="With a second snapshot you see here which columns changed, by how much, and whether chance alone could have done it."
                >
                    <TakeButton kind="primary" label="Take a snapshot" />
                </Empty>
            }.into_any()
        } else {
            view! {
                <div class="drift-line flex small muted">
                    "Compared with" <Select value=reference options name="Snapshot to compare with" />
                    {move || told.get().map(|report| view! { <Summary report /> })}
                    {move || told.with(Option::is_some).then(|| view! {
                        <span class="right flex"><TakeTable of=("column", "columns") table=move |form| {
                            told.with_untracked(|report| report.as_ref().map(|report| as_text(&ranked(&report.columns), form))).unwrap_or_default()
                        } /></span>
                    })}
                </div>
                <div class="profile-tab">
                    <Load query=compared.query job=compared.job lines=10 let:report>
                        <div class="profile-main"><Columns report open /></div>
                        {move || open.get().and_then(|column| {
                            let found = report.with(|report| report.columns.iter().find(|other| other.column == column).cloned())?;
                            let (left, right) = (name(&reference.get()), name(&chosen.get().to_string()));
                            Some(view! { <Detail column=found reference=left current=right open /> })
                        })}
                    </Load>
                </div>
            }.into_any()
        }}
    }
}

#[component]
fn Summary(report: DriftReport) -> impl IntoView {
    let tone = if report.dataset_drifted {
        "bad"
    } else if report.drifted > 0 {
        "warn"
    } else {
        "good"
    };
    let text = match report.drifted {
        0 => "no column drifted".to_owned(),
        count => format!("{count} of {} columns drifted", report.columns.len()),
    };
    view! { <Chip text tone=tone dot=true /> }
}

#[component]
fn Columns(report: Signal<DriftReport>, open: RwSignal<Option<String>>) -> impl IntoView {
    let rows = Memo::new(move |_| report.with(|report| ranked(&report.columns)));
    let columns = vec![
        Column::new("Column", 122.0, |column: &ColumnDrift| column.column.clone()).grows(),
        Column::new("", 118.0, |column: &ColumnDrift| {
            let (tone, word) = verdict(column.verdict);
            view! { <Chip text=word tone=tone /> }
        }),
        Column::new("Test", 140.0, |column: &ColumnDrift| view! { <span class="muted">{test_name(column.test)}</span> }),
        Column::new("Figure", 84.0, value).number(),
        Column::new("Threshold", 78.0, |column: &ColumnDrift| view! { <span class="faint">{words::figure(column.threshold)}</span> }).number(),
        Column::new("Chance alone", 94.0, |column: &ColumnDrift| view! { <span class="faint">{column.floor.map_or("–".to_owned(), words::figure)}</span> }).number(),
        Column::new("What changed", 214.0, |column: &ColumnDrift| view! { <span class="muted" title=column.sentence.clone()>{column.sentence.clone()}</span> }),
    ];
    view! {
        <div class="fill-table">
            <Table
                rows=rows
                columns=Signal::stored(columns)
                label="Compared columns"
                on_open=Callback::new(move |column: ColumnDrift| open.set(Some(column.column)))
            />
        </div>
    }
}

/// The columns, those that drifted most first.
fn ranked(columns: &[ColumnDrift]) -> Vec<ColumnDrift> {
    let rank = |column: &ColumnDrift| match column.verdict {
        Verdict::Drifted => 0,
        Verdict::Same => 1,
        Verdict::TooFewToDecide => 2,
        Verdict::NoValues => 3,
        Verdict::NotWatched => 4,
    };
    let mut rows = columns.to_vec();
    rows.sort_by(|left, right| rank(left).cmp(&rank(right)).then(strength(right).total_cmp(&strength(left))));
    rows
}

fn as_text(columns: &[ColumnDrift], form: Form) -> TextTable {
    let row = |column: &ColumnDrift| {
        let figure = if column.test.is_p_value() { column.adjusted.or(column.value) } else { column.value };
        [
            column.column.clone(),
            verdict(column.verdict).1.to_owned(),
            test_name(column.test).to_owned(),
            form.number(figure),
            form.number(Some(column.threshold)),
            form.number(column.floor),
            form.number(Some(column.reference_missing)),
            form.number(Some(column.current_missing)),
            column.sentence.clone(),
        ]
    };
    let head = [
        ("Column", false),
        ("Verdict", false),
        ("Test", false),
        ("Figure", true),
        ("Threshold", true),
        ("Chance alone", true),
        ("Missing before", true),
        ("Missing now", true),
        ("What changed", false),
    ];
    TextTable::of(head, columns.iter().map(row))
}

/// How far over its threshold a column is.
fn strength(column: &ColumnDrift) -> f64 {
    let value = column.value.unwrap_or(0.0);
    if column.test.is_p_value() { 1.0 - value } else { value / column.threshold.max(1e-12) }
}

#[component]
fn Detail(column: ColumnDrift, reference: String, current: String, open: RwSignal<Option<String>>) -> impl IntoView {
    let (tone, word) = verdict(column.verdict);
    let rows = [
        ("Test", test_name(column.test).to_owned()),
        ("Figure", value(&column)),
        ("Threshold", words::figure(column.threshold)),
        ("99 % of what chance alone does", column.floor.map_or("–".to_owned(), words::figure)),
        (
            "Without correction and chance",
            column.evidently_drifted.map_or("–", |drifted| if drifted { "drifted" } else { "same" }).to_owned(),
        ),
        ("Missing before", words::percent(column.reference_missing)),
        ("Missing now", words::percent(column.current_missing)),
    ];
    let sentence = column.sentence.clone();
    let kept = StoredValue::new(rows.clone());
    let taken = ViewFn::from(move || {
        view! {
            <TakeTable of=("figure", "figures") table=move |_| kept.with_value(|rows| {
                TextTable::of([("Figure", false), ("Value", true)], rows.iter().map(|(name, value)| [(*name).to_owned(), value.clone()]))
            }) />
        }
    });
    view! {
        <Pane title=column.column.clone() width=380.0 on_close=move || open.set(None)>
            <div class="flex wrap"><Chip text=word tone=tone /><span class="small muted">{sentence}</span></div>
            <Card title="Distribution" class="h chart-card"><TwoDistributions column reference current /></Card>
            <Card title="Comparison" class="h" flush=true extra=taken>
                <table class="small-table"><tbody>
                    {rows.into_iter().map(|(name, value)| view! { <tr><td class="muted">{name}</td><td class="num">{value}</td></tr> }).collect_view()}
                </tbody></table>
            </Card>
        </Pane>
    }
}
