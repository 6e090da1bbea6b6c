//! The table for other programs: Markdown of what is selected or in sight, CSV of all that the filter matches.

use std::ops::Range;

use api::{
    ApiError,
    run_table::{Listing, PickRuns, Pieces, RunCells, TabulateRuns, filled, quoted},
};
use charts::text_table::{csv_line, markdown_head, markdown_line};
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
        let (list, stretch) = if ids.is_empty() {
            (list, sight.run(()))
        } else {
            let quoted: Vec<String> = ids.iter().map(|id| quoted(id)).collect();
            (Listing { filter: format!("run_id in ({})", quoted.join(", ")), ..list }, 0..ids.len() as u64)
        };
        let names = names.get_untracked();
        let shown = asked(&names);
        let markdown = Markdown::of(&names);
        let line = move |row: Cells| markdown.line(row);
        let head = Markdown::of(&names).head();
        pending.run(async move { all(client, list, shown, stretch, line).await }, move |(lines, count)| {
            let text = head + &lines;
            toasts.copy_unseen(&text, "Copied as Markdown", &words::counted(count, "run", "runs"));
        });
    };
    let save = move || {
        let Some(list) = list.get_untracked() else { return };
        let mut shown = asked(&names.get_untracked());
        shown.insert(0, "id".to_owned());
        let head = csv_line(&shown);
        let line = |row: Cells| csv_line(row.into_iter().map(Option::unwrap_or_default));
        pending.run(async move { all(client, list, shown, 0..u64::MAX, line).await }, move |(lines, count)| {
            wire::save_text("runs.csv", "text/csv", &(head + &lines));
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

/// A row's cells, `None` where it has no value.
type Cells = Vec<Option<String>>;

/// A line for each row of a stretch, and how many there are, piece by piece: between two of them the page goes on.
async fn all(
    client: Client,
    list: Listing,
    columns: Names,
    stretch: Range<u64>,
    line: impl Fn(Cells) -> String,
) -> Result<(String, u64), ApiError> {
    let pick = PickRuns { list: list.clone(), offset: stretch.start, limit: Some(stretch.end - stretch.start) };
    let mut pieces = Pieces::of(client.call(pick).await?.runs);
    let (mut lines, mut count) = (String::new(), 0);
    loop {
        let runs = pieces.following();
        if runs.is_empty() {
            return Ok((lines, count));
        }
        let request = TabulateRuns { list: list.clone(), columns: columns.clone(), offset: 0, limit: None, runs };
        let RunCells { rows, looked_at, .. } = client.call(request).await?;
        pieces.came(looked_at);
        count += rows.len() as u64;
        rows.into_iter().for_each(|row| lines.push_str(&line(filled(row, columns.len()))));
    }
}

/// The table as Markdown, with the columns as they are shown.
struct Markdown {
    head: Vec<String>,
    /// Whether a metric stands there.
    is_metric: Vec<bool>,
    took: usize,
}

impl Markdown {
    fn of(names: &Names) -> Self {
        let own = |names: [&str; 3]| names.map(str::to_owned).into_iter();
        let head = own(["Run", "State", "Model"]).chain(names.iter().map(|name| columns::called(name).1));
        let head: Vec<String> = head.chain(own(["Took", "Data", "Created"])).collect();
        let keyed = names.iter().map(|name| name.starts_with(METRIC));
        let is_metric = [false; 3].into_iter().chain(keyed).chain([false; 3]).collect();
        Self { took: head.len() - 3, head, is_metric }
    }

    fn head(&self) -> String {
        let is_number = self.is_metric.iter().enumerate().map(|(at, is_metric)| *is_metric || at == self.took);
        markdown_head(&self.head, &is_number.collect::<Vec<_>>())
    }

    fn line(&self, row: Cells) -> String {
        let shown = |(at, cell): (usize, Option<String>)| {
            let Some(text) = cell else { return "–".to_owned() };
            match text.parse::<f64>() {
                Ok(value) if self.is_metric.get(at) == Some(&true) => words::figure(value),
                Ok(value) if at == self.took => words::duration(value),
                Ok(_) if at == self.took + 1 => format!("v{text}"),
                _ => text,
            }
        };
        markdown_line(&row.into_iter().enumerate().map(shown).collect::<Vec<_>>())
    }
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
        let markdown = Markdown::of(&names);
        let text = markdown.head() + &rows.into_iter().map(|row| markdown.line(row)).collect::<String>();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "| Run | State | Model | Loss | Learning rate | Took | Data | Created |");
        assert_eq!(lines[1], "| --- | --- | --- | ---: | --- | ---: | --- | --- |");
        assert!(lines[2].starts_with("| brisk\\|heron | finished | trees | 0.123"), "{}", lines[2]);
        assert!(lines[2].ends_with(" | v3 | 2026-11-29T05:00:00Z |"), "{}", lines[2]);
        assert_eq!(lines[3], "| a | failed | – | – | – | – | – | – |");
        assert_eq!(asked(&names).len(), 8);
    }
}
