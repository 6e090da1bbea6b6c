//! The table for other programs: Markdown of what is selected or in sight, CSV of all that the filter matches.

use std::{collections::HashSet, ops::Range};

use api::{
    ApiError, RunId,
    run_table::{BELOW, CellPlace, FIGURES_OF, Listing, PickRuns, Pieces, RunCells, TabulateRuns, below_in, filled},
};
use charts::text_table::{csv_line, markdown_head, markdown_line};
use leptos::prelude::*;

use super::{
    columns::{self, METRIC, NAME, Names},
    exporting::ExportRunsDialog,
};
use crate::{
    client::Client,
    parts::{
        button::Pending,
        icon,
        menu::{Item, Menus},
        save,
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
    /// Whether rows show figures of runs below them.
    pub(super) has_below: Signal<bool>,
    pub(super) picked: RwSignal<Vec<String>>,
    /// The rows in sight.
    pub(super) sight: Callback<(), Range<u64>>,
}

#[component]
pub(super) fn Export(showing: Showing) -> impl IntoView {
    let (client, toasts, menus, pending) = (Client::get(), Toasts::get(), Menus::get(), Pending::new());
    let Showing { list, names, has_below, picked, sight } = showing;
    let exporting = RwSignal::new(false);
    let copy = move || {
        let Some(list) = list.get_untracked() else { return };
        let ids: HashSet<RunId> =
            picked.with_untracked(|picked| picked.iter().filter_map(|id| id.parse().ok()).collect());
        // What is selected stays so where the filter leaves it out; as a filter its ids would be too many.
        let (list, stretch, only) = if ids.is_empty() {
            (list, sight.run(()), None)
        } else {
            (Listing { filter: String::new(), ..list }, 0..u64::MAX, Some(ids))
        };
        let names = names.get_untracked();
        let shown = asked(&names);
        let markdown = Markdown::of(&names);
        let line = move |row: Cells, marks: &[CellPlace]| markdown.line(row, marks);
        let head = Markdown::of(&names).head();
        pending.run(
            async move { all(client, list, shown, (stretch, only), line).await },
            move |Lines { lines, count, below }| {
                let said = if below > 0 { BELOW_SAID } else { "" };
                let text = head + &lines + said;
                toasts.copy_unseen(&text, "Copied as Markdown", &words::counted(count, "run", "runs"));
            },
        );
    };
    let save = move || {
        let Some(list) = list.get_untracked() else { return };
        let mut shown = asked(&names.get_untracked());
        if !shown.iter().any(|name| name == "id") {
            shown.insert(0, "id".to_owned());
        }
        // Numbers stay numbers: whose they are stands beside them.
        if has_below.get_untracked() {
            shown.push(FIGURES_OF.to_owned());
        }
        let head = csv_line(&shown);
        let line = |row: Cells, _: &[CellPlace]| csv_line(row.into_iter().map(Option::unwrap_or_default));
        let all = async move { all(client, list, shown, (0..u64::MAX, None), line).await };
        pending.run(all, move |Lines { lines, count, below }| {
            let runs = words::counted(count, "run", "runs");
            let said = if below > 0 {
                format!("{runs}, {} with the metrics of child runs", words::count(below))
            } else {
                runs
            };
            save::csv(toasts, "runs", head + &lines, Some(said));
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
        <button
            type="button"
            class="btn folds-away"
            aria-haspopup="menu"
            aria-label="Copy, save or export the runs"
            title="Copy, save or export the runs"
            on:click=move |event| menus.open_at(&event, items())
        >
            {icon::icon(icon::DOWNLOAD)}
            "Save"
        </button>
        <ExportRunsDialog open=exporting list picked />
    }
}

/// The columns as the table shows them: the state stands there as the colour beside the name.
fn shown(names: &Names) -> Names {
    const STATE: &str = "state";
    let state = Some(STATE.to_owned()).filter(|_| !names.iter().any(|name| name == STATE));
    [NAME.to_owned()].into_iter().chain(state).chain(names.iter().cloned()).collect()
}

/// The same as the engine names them.
fn asked(names: &Names) -> Names {
    shown(names).iter().map(|name| api::table_view::field(name)).collect()
}

/// A row's cells, `None` where it has no value.
type Cells = Vec<Option<String>>;

/// Said below a table in which figures of runs below are marked.
const BELOW_SAID: &str = "\n† of a run that the program started in another experiment\n";

/// A table without its head.
struct Lines {
    lines: String,
    count: u64,
    /// How many of them show figures of runs below.
    below: u64,
}

/// A line for each row of a stretch, or for some of its runs only, piece by piece: between two of them the page goes on.
async fn all(
    client: Client,
    list: Listing,
    columns: Names,
    (stretch, only): (Range<u64>, Option<HashSet<RunId>>),
    line: impl Fn(Cells, &[CellPlace]) -> String,
) -> Result<Lines, ApiError> {
    let limit = Some(stretch.end - stretch.start);
    let pick = PickRuns { list: list.clone(), offset: stretch.start, limit, evenly_by: None };
    let mut pieces = Pieces::of(kept(client.call(pick).await?.runs, only.as_ref()));
    let mut all = Lines { lines: String::new(), count: 0, below: 0 };
    loop {
        let runs = pieces.following();
        if runs.is_empty() {
            return Ok(all);
        }
        let request = TabulateRuns { list: list.clone(), columns: columns.clone(), offset: 0, limit: None, runs };
        let RunCells { rows, looked_at, below, .. } = client.call(request).await?;
        pieces.came(looked_at);
        all.count += rows.len() as u64;
        for (at, row) in rows.into_iter().enumerate() {
            let marks = below_in(&below, at);
            all.below += u64::from(!marks.is_empty());
            all.lines.push_str(&line(filled(row, columns.len()), marks));
        }
    }
}

/// Those of the runs that are asked for, in their order.
fn kept(mut runs: Vec<RunId>, only: Option<&HashSet<RunId>>) -> Vec<RunId> {
    if let Some(only) = only {
        runs.retain(|run| only.contains(run));
    }
    runs
}

/// The table as Markdown, with the columns as they are shown.
struct Markdown(Names);

impl Markdown {
    fn of(names: &Names) -> Self {
        Self(shown(names))
    }

    fn head(&self) -> String {
        let title = |name: &String| if name == NAME { "Run".to_owned() } else { columns::called(name).1 };
        let is_number = |name: &String| name.starts_with(METRIC) || ["duration", "cost"].contains(&name.as_str());
        let head: Vec<String> = self.0.iter().map(title).collect();
        markdown_head(&head, &self.0.iter().map(is_number).collect::<Vec<_>>())
    }

    fn line(&self, row: Cells, marks: &[CellPlace]) -> String {
        let cell = |((name, cell), at): ((&String, Option<String>), u32)| {
            let Some(text) = cell else { return "–".to_owned() };
            let text = match (name.as_str(), text.parse::<f64>()) {
                ("duration", Ok(value)) => words::duration(value),
                ("snapshot", Ok(_)) => format!("v{text}"),
                (name, Ok(value)) if name == "cost" || name.starts_with(METRIC) => words::written(value),
                _ => text,
            };
            if marks.iter().any(|(_, column)| *column == at) { format!("{text} {BELOW}") } else { text }
        };
        markdown_line(&self.0.iter().zip(row).zip(0..).map(cell).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_selected_is_copied_in_the_tables_order() {
        let [first, second, third] = [1, 2, 3].map(|number| RunId::from_bytes([number; 16]));
        let only = HashSet::from([third, first]);
        assert_eq!(kept(vec![first, second, third], Some(&only)), [first, third]);
        assert_eq!(kept(vec![second], None), [second]);
    }

    #[test]
    fn markdown_has_the_columns_as_they_are_shown() {
        let names = ["model", "metric.loss", "param.learning_rate", "duration", "snapshot", "started"];
        let names: Names = names.map(str::to_owned).to_vec();
        let cell = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let row = ["brisk|heron", "finished", "trees", "0.123456789", "0.1", "61.0", "3", "2026-11-29T05:00:00Z"];
        let rows = vec![row.map(cell).to_vec(), ["a", "failed", "", "", "", "", "", ""].map(cell).to_vec()];
        let markdown = Markdown::of(&names);
        let text = markdown.head() + &rows.into_iter().map(|row| markdown.line(row, &[])).collect::<String>();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "| Run | State | Model | Loss | Learning rate | Took | Data | Started |");
        assert_eq!(lines[1], "| --- | --- | --- | ---: | --- | ---: | --- | --- |");
        assert!(lines[2].starts_with("| brisk\\|heron | finished | trees | 0.123"), "{}", lines[2]);
        assert!(lines[2].ends_with(" | v3 | 2026-11-29T05:00:00Z |"), "{}", lines[2]);
        assert_eq!(lines[3], "| a | failed | – | – | – | – | – | – |");
        let borrowed = ["a", "failed", "", "0.5", "", "", "", ""].map(cell).to_vec();
        assert!(
            markdown.line(borrowed, &[(0, 3)]).contains(&format!("| {} † |", words::figure(0.5))),
            "the mark of a run below"
        );
        assert_eq!(asked(&names).len(), 8);
        // A column that is shown stands there once.
        assert_eq!(asked(&["state".to_owned(), "param.a b".to_owned()].to_vec()), ["name", "state", "param.\"a b\""]);
    }
}
