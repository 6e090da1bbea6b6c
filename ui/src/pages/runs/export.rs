//! The table for other programs: Markdown of what is selected or in sight, CSV of all that the filter matches.

use std::ops::Range;

use api::{
    ApiError,
    run_table::{Listing, RunCells, TabulateRuns, quoted},
};
use charts::text_table::{csv_line, markdown};
use leptos::prelude::*;

use super::{
    columns::{self, METRIC, Names},
    exporting::ExportRunsDialog,
};
use crate::{
    client::{Client, wire},
    parts::{
        button::{IconButton, Pending},
        icon,
        menu::{Item, Menus},
        toast::Toasts,
        words,
    },
};

/// Rows that are asked for at once.
const PIECE: u32 = 5_000;

/// What the table shows.
#[derive(Clone, Copy)]
pub(super) struct Showing {
    /// `None` while it is not known whose runs they are.
    pub(super) list: Signal<Option<Listing>>,
    pub(super) names: Signal<Names>,
    pub(super) picked: RwSignal<Vec<String>>,
    /// The rows in sight.
    pub(super) sight: Callback<(), Range<u64>>,
}

#[component]
pub(super) fn Export(showing: Showing) -> impl IntoView {
    let (client, toasts, menus, pending) = (Client::get(), Toasts::get(), Menus::get(), Pending::new());
    let Showing { list, names, picked, sight } = showing;
    let exporting = RwSignal::new(false);
    let copy = move || {
        let Some(list) = list.get_untracked() else { return };
        let ids = picked.get_untracked();
        let (list, offset, limit) = if ids.is_empty() {
            let seen = sight.run(());
            (list, seen.start, (seen.end - seen.start) as u32)
        } else {
            let quoted: Vec<String> = ids.iter().map(|id| quoted(id)).collect();
            (Listing { filter: format!("run_id in ({})", quoted.join(", ")), ..list }, 0, PIECE)
        };
        let names = names.get_untracked();
        let shown = asked(&names);
        let request = TabulateRuns { list, columns: shown.clone(), offset, limit: Some(limit) };
        pending.run(async move { client.call(request).await }, move |cells: RunCells| {
            let count = cells.rows.len() as u64;
            let text = as_markdown(&names, cells);
            toasts.copy_unseen(&text, "Copied as Markdown", &words::counted(count, "run", "runs"));
        });
    };
    let save = move || {
        let Some(list) = list.get_untracked() else { return };
        let mut shown = asked(&names.get_untracked());
        shown.insert(0, "id".to_owned());
        pending.run(async move { all(client, list, shown).await }, move |(text, count): (String, u64)| {
            wire::save_text("runs.csv", "text/csv", &text);
            toasts.done(format!("Saved {} as CSV", words::counted(count, "run", "runs")));
        });
    };
    let items = move || {
        let count = picked.with_untracked(Vec::len) as u64;
        let what = if count == 0 {
            "the rows in sight".to_owned()
        } else {
            words::counted(count, "selected run", "selected runs")
        };
        let export = if count == 0 { "Export runs…".to_owned() } else { format!("Export {what}…") };
        vec![
            Item::new(format!("Copy {what} as Markdown"), icon::COPY, copy),
            Item::new("Save all that match as CSV", icon::DOWNLOAD, save),
            Item::new(export, icon::ARROW_RIGHT, move || exporting.set(true)),
        ]
    };
    view! {
        <IconButton label="Copy, save or export the runs" mark=icon::DOWNLOAD on_press=move |event| menus.open_at(&event, items()) />
        <ExportRunsDialog open=exporting list picked />
    }
}

/// The columns as the table shows them, as the engine names them.
fn asked(names: &Names) -> Names {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let keyed = names.iter().map(|name| api::table_view::field(name));
    own(&["name", "state", "model"]).into_iter().chain(keyed).chain(own(&["duration", "snapshot", "created"])).collect()
}

/// All of it, piece by piece: between two of them the page goes on.
async fn all(client: Client, list: Listing, columns: Names) -> Result<(String, u64), ApiError> {
    let mut text = csv_line(&columns);
    let mut offset = 0;
    loop {
        let request = TabulateRuns { list: list.clone(), columns: columns.clone(), offset, limit: Some(PIECE) };
        let RunCells { rows, total } = client.call(request).await?;
        let count = rows.len() as u64;
        for row in rows {
            text.push_str(&csv_line(row.into_iter().map(Option::unwrap_or_default)));
        }
        offset += count;
        if count == 0 || offset >= total {
            return Ok((text, offset));
        }
    }
}

fn as_markdown(names: &Names, cells: RunCells) -> String {
    let (before, after) = (3, 3);
    let head = ["Run", "State", "Model"].into_iter().map(str::to_owned);
    let head = head.chain(names.iter().map(|name| columns::called(name).1));
    let head: Vec<String> = head.chain(["Took", "Data", "Created"].map(str::to_owned)).collect();
    let is_metric = |at: usize| {
        let own = at.checked_sub(before).and_then(|at| names.get(at));
        own.is_some_and(|name| name.starts_with(METRIC))
    };
    let took = head.len() - after;
    let shown = |(at, cell): (usize, Option<String>)| {
        let Some(text) = cell else { return "–".to_owned() };
        match text.parse::<f64>() {
            Ok(value) if is_metric(at) => words::figure(value),
            Ok(value) if at == took => words::duration(value),
            Ok(_) if at == took + 1 => format!("v{text}"),
            _ => text,
        }
    };
    let rows: Vec<Vec<String>> =
        cells.rows.into_iter().map(|row| row.into_iter().enumerate().map(shown).collect()).collect();
    let is_number: Vec<bool> = (0..head.len()).map(|at| is_metric(at) || at == took).collect();
    markdown(&head, &is_number, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_has_the_columns_as_they_are_shown() {
        let names: Names = ["metric.loss", "param.learning_rate"].map(str::to_owned).to_vec();
        let cell = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let row = ["brisk|heron", "finished", "trees", "0.123456789", "0.1", "61.0", "3", "2026-11-29T05:00:00Z"];
        let rows = vec![row.map(cell).to_vec(), ["a", "failed", "", "", "", "", "", ""].map(cell).to_vec()];
        let text = as_markdown(&names, RunCells { rows, total: 2 });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "| Run | State | Model | Loss | Learning rate | Took | Data | Created |");
        assert_eq!(lines[1], "| --- | --- | --- | ---: | --- | ---: | --- | --- |");
        assert!(lines[2].starts_with("| brisk\\|heron | finished | trees | 0.123"), "{}", lines[2]);
        assert!(lines[2].ends_with(" | v3 | 2026-11-29T05:00:00Z |"), "{}", lines[2]);
        assert_eq!(lines[3], "| a | failed | – | – | – | – | – | – |");
        assert_eq!(asked(&names).len(), 8);
    }
}
