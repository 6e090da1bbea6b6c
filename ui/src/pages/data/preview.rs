//! The rows of a version: millions scroll like ten; each column's head shows its distribution.

use std::sync::Arc;

use api::{
    ApiError, ErrorCode,
    config::ColumnType,
    dataset::{Column as Field, ColumnProfile, GetPreview, Profile, Role, WarningKind},
    id::SnapshotId,
    job::Prepared,
};
use charts::{bars, plot::Size, role};
use leptos::prelude::*;

use super::column_menu::{ColumnUses, Known};
use crate::{
    client::{
        Client,
        job::{Following, failure},
        paged::paged,
        wire,
    },
    parts::{
        button::IconButton,
        chart::spark,
        data_cell::{self, data_cell},
        icon::{self, icon},
        rows::Rows,
        states::{Failure, Skeleton},
        table::{Column, Table},
        take_table::{Form, TakeMenu, take_pages},
        toast::Toasts,
        under_way::UnderWay,
        words,
    },
};

/// A row with its number.
#[derive(Clone, PartialEq)]
struct Line {
    number: u64,
    cells: Arc<Vec<Option<String>>>,
}

const HEAD: f64 = 76.0;

#[component]
pub(super) fn PreviewTab(snapshot: Memo<SnapshotId>, profile: RwSignal<Option<Profile>>) -> impl IntoView {
    let fields = RwSignal::new(Vec::<Field>::new());
    // The cache of the snapshot is built again first where it was lost.
    let reading = Following::new();
    let list = paged(
        move |offset, limit| Some(GetPreview { snapshot: snapshot.get(), offset, limit }),
        move |preview| {
            let preview = match preview {
                Prepared::Ready(preview) => preview,
                Prepared::UnderWay(job) => {
                    reading.begin_by(job);
                    return None;
                }
            };
            if fields.with_untracked(|fields| *fields != preview.columns) {
                fields.set(preview.columns);
            }
            let lines = preview
                .rows
                .into_iter()
                .enumerate()
                .map(|(index, cells)| Line { number: preview.offset + index as u64 + 1, cells: Arc::new(cells) });
            Some((lines.collect(), preview.total_rows))
        },
    );
    Effect::new(move |_| {
        let Some(job) = reading.job.get().filter(|job| job.state.is_over()) else { return };
        reading.forget();
        match failure(&job) {
            Some(error) => list.error.set(Some(error)),
            None => list.again(),
        }
    });
    Effect::new(move |_| {
        // The job of another snapshot is none of this one.
        snapshot.track();
        reading.forget();
    });
    let uses = ColumnUses::new();
    let columns = Memo::new_with_compare(
        move |_| {
            let fields = fields.get();
            let profile = profile.get();
            let mut columns = vec![
                Column::new("#", 84.0, |line: &Line| view! { <span class="faint">{words::count(line.number)}</span> })
                    .number(),
            ];
            for (index, field) in fields.into_iter().enumerate() {
                let measured = profile
                    .as_ref()
                    .and_then(|profile| profile.columns.iter().find(|column| column.name == field.name).cloned());
                let leaks = profile.as_ref().is_some_and(|profile| {
                    let mut warnings = profile.warnings.iter();
                    warnings.any(|warning| {
                        warning.kind == WarningKind::Leakage && warning.column.as_deref() == Some(&field.name)
                    })
                });
                columns.push(column(index, field, measured.map(|measured| (measured, leaks)), snapshot, uses));
            }
            columns
        },
        |_, _| true,
    );
    let rows = Rows::from(list);
    let failed = Memo::new(move |_| if list.total.get().is_none() { list.error.get() } else { None });
    let waits = Memo::new(move |_| {
        list.total.get().is_none() && list.error.get().is_none() && reading.job.with(Option::is_none)
    });
    let (client, toasts) = (Client::get(), Toasts::get());
    let take = move |form: Form| {
        let snapshot = snapshot.get_untracked();
        let head = fields.with_untracked(|fields| {
            fields.iter().map(|field| (field.name.clone(), data_cell::is_number(field.kind))).collect()
        });
        take_pages(toasts, ("row", "rows"), form, head, async move |offset, limit| {
            match client.call(GetPreview { snapshot, offset, limit }).await? {
                Prepared::Ready(preview) => Ok((preview.rows, preview.total_rows)),
                Prepared::UnderWay(_) => Err(ApiError::new(ErrorCode::Conflict, "The rows are being read again.")
                    .with_hint("Take them once they stand here.")),
            }
        });
    };
    view! {
        {move || failed.get().map(|error| view! { <div class="padded"><Failure error again=move || list.again() /></div> })}
        <div class="drift-line flex small muted" class:hidden=move || list.total.get().is_none()>
            {move || list.total.get().map(|total| words::counted(total, "row", "rows"))}
            <span class="right flex"><TakeMenu take total=list.total /></span>
        </div>
        <div class="padded" class:hidden=move || reading.job.with(Option::is_none)><UnderWay job=reading.job /></div>
        {move || waits.get().then(|| view! { <div class="padded"><Skeleton lines=8 /></div> })}
        <div class="fill-table preview" class:hidden=move || list.total.get().is_none()>
            <Table rows=rows.clone() columns=Signal::from(columns) label="Rows of this snapshot" head=HEAD />
        </div>
    }
}

fn column(
    index: usize,
    mut field: Field,
    // What was measured, and whether it gives the target away.
    measured: Option<(ColumnProfile, bool)>,
    snapshot: Memo<SnapshotId>,
    uses: ColumnUses,
) -> Column<Line> {
    // A role is chosen in the project's file: the profile follows it, the rows were read before.
    if let Some((measured, _)) = &measured {
        field.role = measured.role;
    }
    let kind = field.kind;
    let is_image = field.kind == ColumnType::Image;
    let is_target = field.role == Role::Target;
    let class = if field.role == Role::Ignored { "faint" } else { "" };
    // A role and the type stand under the name, in letters of one width: "target · category".
    let under = match field.role {
        Role::Target | Role::Group => (kind.word().len() + 9) as f64 * 6.4 + 22.0,
        _ => 0.0,
    };
    let least = data_cell::width(&field.name, kind).max(under);
    // The commonest categories are seen whole.
    let commonest = measured.iter().filter(|_| kind == ColumnType::Category).flat_map(|(column, _)| &column.top);
    let longest = commonest.map(|value| value.value.chars().count()).max().unwrap_or(0);
    let width = (longest as f64 * 7.2 + 22.0).clamp(least, data_cell::WIDEST);
    let mut column =
        Column::new(field.name.clone(), width, move |line: &Line| match line.cells.get(index).cloned().flatten() {
            Some(path) if is_image => view! { <Thumbnail snapshot path /> }.into_any(),
            text => data_cell(kind, text, class),
        });
    column.is_number = data_cell::is_number(kind);
    column.head = Some(ViewFn::from(move || head(&field, measured.as_ref(), is_target, uses)));
    column
}

fn head(
    field: &Field,
    measured: Option<&(ColumnProfile, bool)>,
    is_target: bool,
    uses: ColumnUses,
) -> impl IntoView + use<> {
    let leaks = measured.is_some_and(|(column, leaks)| *leaks && column.role != Role::Ignored);
    let measured = measured.map(|(column, _)| column);
    let known = Known { name: field.name.clone(), kind: field.kind, role: field.role };
    let own = known.clone();
    let counts: Vec<u64> = measured.map_or_else(Vec::new, |column| match &column.numeric {
        Some(numeric) if column.top.is_empty() || numeric.histogram.counts.len() > 2 => {
            fewer(&numeric.histogram.counts, 16)
        }
        _ => column.top.iter().take(12).map(|value| value.count).collect(),
    });
    let series = if is_target { role::Role::Series(4) } else { role::Role::Series(1) };
    let missing = measured.filter(|column| column.missing > 0).map(|column| {
        let share = column.missing_share();
        format!("{} missing", words::percent(share))
    });
    let kind = match (field.role, measured) {
        (Role::Target, _) => format!("target · {}", field.kind.word()),
        (Role::Ignored, _) => "ignored".to_owned(),
        (Role::Timestamp, _) => format!("timestamp · {}", field.kind.word()),
        (Role::Group, _) => format!("group · {}", field.kind.word()),
        (Role::Feature, Some(column)) if field.kind == ColumnType::Category => {
            words::counted(column.distinct, "value", "values")
        }
        (Role::Feature, _) => field.kind.word().to_owned(),
    };
    let warned = missing.is_some();
    view! {
        <div class="c" on:contextmenu=move |event| uses.open_at(&event, &own)>
            <span class="flex column-name">
                {leaks.then(|| view! { <span class="warn flex" title="It alone predicts the target.">{icon(icon::TRIANGLE_ALERT)}</span> })}
                <span class="cut grow" title=field.name.clone()>{field.name.clone()}</span>
                <IconButton
                    label=format!("Use of {}", field.name)
                    mark=icon::ELLIPSIS
                    on_press=move |event| uses.open_at(&event, &known)
                />
            </span>
            <span class="bars">{(!counts.is_empty()).then(|| spark(bars::mini(&counts, series, Size { width: 72.0, height: 20.0 })))}</span>
            <small class="cut" class:warn=warned>{missing.unwrap_or(kind)}</small>
        </div>
    }
}

/// At most so many bars, neighbours added up.
fn fewer(counts: &[u64], most: usize) -> Vec<u64> {
    let together = counts.len().div_ceil(most).max(1);
    counts.chunks(together).map(|chunk| chunk.iter().sum()).collect()
}

/// An image of a version, as small as its row.
#[component]
fn Thumbnail(snapshot: Memo<SnapshotId>, path: String) -> impl IntoView {
    let client = Client::get();
    let address = RwSignal::new(None::<String>);
    let name = path.clone();
    let encoded = path.split('/').map(wire::encode).collect::<Vec<_>>().join("/");
    leptos::task::spawn_local(async move {
        let from = format!("/api/blob/snapshots/{}/{encoded}", snapshot.get_untracked());
        if let Ok(found) = client.blob(&from).await
            && address.try_set(Some(found.clone())).is_some()
        {
            // The row was scrolled away before its picture came.
            wire::forget_object(&found);
        }
    });
    on_cleanup(move || {
        if let Some(address) = address.try_get_untracked().flatten() {
            wire::forget_object(&address);
        }
    });
    view! {
        <span class="flex thumb">
            {move || address.get().map(|address| view! { <img src=address alt=name.clone() /> })}
            <span class="cut mono caption faint">{path.clone()}</span>
        </span>
    }
}
