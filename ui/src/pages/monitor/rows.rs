//! The logged rows of a window, the shown column first: all of them, or those of a part of its values.

use std::sync::Arc;

use api::{
    dataset::{Column as Field, Role},
    drift::ColumnDrift,
    id::WindowId,
    monitor::{ColumnPart, GetWindowRows, RowsOf, WindowRows},
};
use leptos::{html, prelude::*};

use crate::{
    client::{Client, paged::paged},
    parts::{
        data_cell::{self, data_cell},
        distribution::bar_name,
        field::Segments,
        rows::Rows,
        states::{Failure, Skeleton},
        table::{Column, Table},
        take_table::{Form, TakeMenu, take_pages},
        toast::Toasts,
        words,
    },
};

type Line = Arc<Vec<Option<String>>>;

/// What is said beside the rows.
#[derive(Debug, Clone, Default, PartialEq)]
struct About {
    fields: Vec<Field>,
    gone_rows: u64,
    log_days: u32,
    not_logged: Vec<String>,
}

/// Which rows are shown.
#[derive(Clone, Copy)]
pub(super) struct Which {
    /// "all", "unseen", "missing", or "bar" for the chosen bar.
    named: RwSignal<String>,
    bar: RwSignal<usize>,
}

impl Which {
    pub(super) fn new() -> Self {
        Self { named: RwSignal::new("all".to_owned()), bar: RwSignal::new(0) }
    }

    pub(super) fn bar(self, bar: usize) {
        self.bar.set(bar);
        self.named.set("bar".to_owned());
    }

    fn part(self) -> Option<ColumnPart> {
        match self.named.get().as_str() {
            "bar" => Some(ColumnPart::Bar { bar: self.bar.get() as u32 }),
            "unseen" => Some(ColumnPart::Unseen),
            "missing" => Some(ColumnPart::Missing),
            _ => None,
        }
    }
}

#[component]
pub(super) fn LoggedRows(window: WindowId, column: ColumnDrift, which: Which) -> impl IntoView {
    let about = RwSignal::new(About::default());
    let (name, shown) = (column.column.clone(), column.column.clone());
    let (client, toasts, taken) = (Client::get(), Toasts::get(), StoredValue::new(column.column.clone()));
    let take = move |form: Form| {
        let only = untrack(|| which.part()).map(|part| RowsOf { column: taken.get_value(), part });
        let head = about.with_untracked(|about| {
            about.fields.iter().map(|field| (field.name.clone(), data_cell::is_number(field.kind))).collect()
        });
        take_pages(toasts, ("row", "rows"), form, head, async move |offset, limit| {
            let page = client.call(GetWindowRows { window, offset, limit, only: only.clone() }).await?.page;
            Ok((page.rows, page.total_rows))
        });
    };
    let list = paged(
        move |offset, limit| {
            let only = which.part().map(|part| RowsOf { column: name.clone(), part });
            Some(GetWindowRows { window, offset, limit, only })
        },
        move |found: WindowRows| {
            let WindowRows { page, gone_rows, log_days, not_logged } = found;
            let now = About { fields: page.columns, gone_rows, log_days, not_logged };
            if about.with_untracked(|about| *about != now) {
                about.set(now);
            }
            Some((page.rows.into_iter().map(Line::new).collect(), page.total_rows))
        },
    );
    let columns = Memo::new_with_compare(move |_| about.with(|about| columns(&about.fields, &shown)), |_, _| true);
    let rows = Rows::<Line>::from(list);
    let distribution = column.distribution;
    // A column without bars has no rows to choose by them.
    let options = if distribution.is_some() {
        vec![("all", "All"), ("unseen", "Not in validation"), ("missing", "Missing")]
    } else {
        vec![("all", "All")]
    };
    let can_choose = options.len() > 1;
    let said = move || {
        let total = list.total.get()?;
        let count = words::counted(total, "row", "rows");
        Some(match which.part() {
            Some(ColumnPart::Bar { bar }) => {
                match distribution.as_ref().and_then(|bars| bar_name(bars, bar as usize)) {
                    Some(name) => format!("{count}: {name}"),
                    None => count,
                }
            }
            _ => count,
        })
    };
    let failed = Memo::new(move |_| if list.total.get().is_none() { list.error.get() } else { None });
    let waits = Memo::new(move |_| list.total.get().is_none() && list.error.get().is_none());
    let is_empty = Memo::new(move |_| list.total.get().is_none_or(|total| total == 0));
    // A bar is pressed above what it chooses, which may be out of sight.
    let node = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        let is_bar = matches!(which.part(), Some(ColumnPart::Bar { .. }));
        if let Some(rows) = node.get_untracked().filter(|_| is_bar) {
            let height = leptos::prelude::window().inner_height().ok().and_then(|height| height.as_f64());
            if height.is_some_and(|height| rows.get_bounding_client_rect().bottom() > height) {
                rows.scroll_into_view_with_bool(false);
            }
        }
    });
    view! {
        <div class="stack" node_ref=node>
            <div class="flex wrap">
                <h3>"Logged"</h3>
                <span class="small muted">{said}</span>
                <span class="right flex">
                    {can_choose.then(|| view! { <Segments value=which.named options name="Which rows" /> })}
                    <TakeMenu take total=list.total />
                </span>
            </div>
            {move || failed.get().map(|error| view! { <Failure error again=move || list.again() /> })}
            {move || waits.get().then(|| view! { <Skeleton lines=4 /> })}
            <div class="fill-table window-rows" class:hidden=move || is_empty.get()>
                <Table rows=rows.clone() columns=Signal::from(columns) label="Rows of this window" />
            </div>
            {move || about.with(gone).map(|text| view! { <p class="small warn">{text}</p> })}
            {move || about.with(|about| {
                (!about.not_logged.is_empty()).then(|| view! { <p class="small faint">"Never logged: "{about.not_logged.join(", ")}</p> })
            })}
        </div>
    }
}

/// "120 of these rows are no longer kept: the log keeps rows for 7 days."
fn gone(about: &About) -> Option<String> {
    (about.gone_rows > 0).then(|| {
        format!(
            "{} of this window {} no longer kept: the log keeps rows for {}.",
            words::counted(about.gone_rows, "row", "rows"),
            if about.gone_rows == 1 { "is" } else { "are" },
            words::counted(u64::from(about.log_days), "day", "days")
        )
    })
}

/// The receipt, the shown column, then the others.
fn columns(fields: &[Field], shown: &str) -> Vec<Column<Line>> {
    let mut places: Vec<usize> = (0..fields.len()).collect();
    places.sort_by_key(|place| (fields[*place].role != Role::Timestamp, fields[*place].name != shown));
    places.into_iter().map(|place| column(place, &fields[place], fields[place].name == shown)).collect()
}

fn column(place: usize, field: &Field, is_shown: bool) -> Column<Line> {
    let kind = field.kind;
    let class = if is_shown { "strong" } else { "muted" };
    let title = if field.role == Role::Timestamp { "received".to_owned() } else { field.name.clone() };
    let width = data_cell::width(&title, kind);
    let head = title.clone();
    let mut column =
        Column::new(title, width, move |line: &Line| data_cell(kind, line.get(place).cloned().flatten(), class));
    column.head = is_shown.then(|| ViewFn::from(move || view! { <span class="strong">{head.clone()}</span> }));
    column.is_number = data_cell::is_number(kind);
    column
}
