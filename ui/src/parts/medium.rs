//! One medium of a run: a picture, a sound, a video, a page, a text, a table, a histogram.

pub(crate) mod cells;
pub(crate) mod played;

use api::{
    id::RunId,
    media::{Medium, MediumContent},
};
use charts::{
    axis::Axis,
    bars::{self, Bars, Histogram},
    plot::Size,
    role::Role,
};
use leptos::prelude::*;

use self::{
    cells::{Cells, Rows},
    played::Played,
};
use super::{
    markdown::Markdown,
    picture::Picture,
    take_table::{TakeTable, TextTable},
    words,
};
use crate::client::wire;

/// A medium as it is seen, whoever's page it stands on; `by_step` where its step says something.
pub(crate) fn shown(run: RunId, medium: Medium, by_step: bool) -> AnyView {
    let Medium { key, kind, step, content, .. } = medium;
    match content {
        MediumContent::Bytes { size_bytes } => {
            let from = format!("/api/blob/media/{run}?key={}&step={step}", wire::encode(&key));
            let name = if by_step { format!("{key} at step {step}") } else { key };
            view! { <Played from kind size_bytes name /> }.into_any()
        }
        MediumContent::Text { text, is_cut } => view! {
            {if is_markdown(&key) {
                view! { <div class="scrolls padded"><Markdown text=Signal::stored(text) /></div> }.into_any()
            } else {
                view! { <pre class="log">{text}</pre> }.into_any()
            }}
            {is_cut.then(|| view! { <p class="muted small">"Its first 256 KiB are shown."</p> })}
        }
        .into_any(),
        MediumContent::Table { columns, rows, total_rows } => {
            let table = Rows::first_of(&columns, &rows, total_rows);
            let came = rows.len() as u64;
            let kept = StoredValue::new((columns, rows));
            view! {
                <div class="takes">
                    <TakeTable of=("row", "rows") table=move |_| kept.with_value(|(columns, rows)| as_text(columns, rows)) />
                </div>
                <Cells table />
                {(total_rows > came).then(|| view! {
                    <p class="muted small padded">{format!("It has {}: the first {} are copied and saved.", words::counted(total_rows, "row", "rows"), words::count(came))}</p>
                })}
            }
            .into_any()
        }
        MediumContent::Histogram { edges, counts } => {
            let name = key.clone();
            let counts: Vec<f64> = counts.into_iter().map(|count| count.max(0.0)).collect();
            view! {
                <Picture name=key draw=move |width, _| bars::histogram(
                    &Histogram {
                        name: name.clone(),
                        edges: edges.clone(),
                        sets: vec![Bars { name: name.clone(), role: Role::Series(1), counts: counts.clone() }],
                        x: Axis::default(),
                        has_counts: true,
                    },
                    Size { width, height: 180.0 },
                ) />
            }
            .into_any()
        }
    }
}

fn is_markdown(key: &str) -> bool {
    let (_, ending) = key.rsplit_once('.').unwrap_or_default();
    ["md", "markdown"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// The rows that are shown, as they were logged.
fn as_text(columns: &[String], rows: &[Vec<String>]) -> TextTable {
    let is_number = |at: usize| {
        let mut cells = rows.iter().filter_map(|row| row.get(at)).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some() && cells.all(|cell| cell.parse::<f64>().is_ok())
    };
    let head = columns.iter().enumerate().map(|(at, column)| (column.clone(), is_number(at))).collect();
    TextTable { head, rows: rows.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::{as_text, is_markdown};

    #[test]
    fn a_text_in_markdown_is_known_by_its_name() {
        assert_eq!(["notes/report.md", "READ.MD", "md", "notes.txt"].map(is_markdown), [true, true, false, false]);
    }

    #[test]
    fn a_logged_table_is_taken_as_it_was_logged() {
        let cells = |row: [&str; 2]| row.map(str::to_owned).to_vec();
        let table = as_text(&cells(["name", "score"]), &[cells(["a|b", "0.125"]), cells(["c", ""])]);
        assert_eq!(table.head, [("name".to_owned(), false), ("score".to_owned(), true)]);
        assert_eq!(table.rows, [cells(["a|b", "0.125"]), cells(["c", ""])]);
    }
}
