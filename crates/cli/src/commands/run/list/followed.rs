//! `slipway run list --follow`: the table as it changes, until none of its runs goes on. A terminal shows it over itself;
//! whatever reads a pipe gets the rows that changed.

use std::{collections::BTreeSet, io::IsTerminal as _};

use api::{
    ApiError, ErrorCode,
    run::{ListRuns, RunState, SYSTEM},
    run_table::{GroupRuns, Listing, RunGroup},
};
use serde::Serialize;
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::{Form, List, PAGE, chosen_cells, fields, groups, groups_shown, listed, notes, shown};
use crate::{
    commands::run::curves::{AGAIN, screen::FRESH},
    context::{Context, Outcome},
    interrupts::Interrupts,
    output, terminal,
};

/// Stands in the last line where the table is longer than the screen.
const CUT: &str = "More doesn't fit: --limit and --columns choose.";
/// What grows by itself while a run goes on, and how far it has come: no news by themselves.
const BY_ITSELF: [&str; 5] = ["duration", "duration_secs", "fraction", "cost", "currency"];

/// The table at a moment.
struct Page {
    /// Its heading, a line a row, and what is said below them.
    text: String,
    /// What programs are told of each row.
    rows: Vec<Value>,
}

pub(super) async fn run(context: &Context, list: &List, listing: &Listing, is_whole: bool) -> Outcome {
    let is_shown = !context.output.json && std::io::stdout().is_terminal();
    let mut interrupts = Interrupts::take()?;
    let to_their_end = async {
        let (mut told, mut screen) = (Told::default(), String::new());
        loop {
            // Asked first: the last table is of runs that are over.
            let goes_on = goes_on(context, listing).await?;
            let page = page(context, list, listing, is_whole).await?;
            let has_reader = if context.output.json {
                let mut changed = told.changed(&page.rows).into_iter();
                changed
                    .try_fold(true, |is_read, at| Ok::<_, ApiError>(is_read && output::json_line(&page.rows[at])?))?
            } else if is_shown {
                over(&mut screen, &page.text)?
            } else {
                output::write(&told.lines(&page))?
            };
            if !goes_on || !has_reader {
                return Ok::<(), ApiError>(());
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    tokio::select! {
        ended = to_their_end => ended,
        () = interrupts.next() => {
            Err(ApiError::new(ErrorCode::Cancelled, "The runs are followed no more, and go on."))
        }
    }
}

/// Whether one of all that pass goes on, or waits to, on whichever page.
async fn goes_on(context: &Context, listing: &Listing) -> Outcome<bool> {
    let list = Listing { sort: None, descending: false, ..listing.clone() };
    let by = vec!["state".to_owned()];
    let request = GroupRuns { list, by, metrics: Vec::new(), validated_on: None, offset: 0, limit: None };
    let live = [RunState::Queued, RunState::Running].map(RunState::word);
    let is_live = |group: &RunGroup| group.values.iter().flatten().any(|state| live.contains(&state.as_str()));
    Ok(context.call(request).await?.groups.iter().any(is_live))
}

/// The table as it is now, in the width that the terminal has now.
async fn page(context: &Context, list: &List, listing: &Listing, is_whole: bool) -> Outcome<Page> {
    let (width, _) = terminal::size();
    if let Some(by) = &list.group_by {
        let by = fields(by);
        let (groups, metrics) = groups(context, list, listing.clone(), (&by, Form::Shown)).await?;
        let room = if list.metrics.is_some() { usize::MAX } else { width };
        let rows = groups.groups.iter().map(value).collect::<Outcome<Vec<_>>>()?;
        return Ok(Page { text: groups_shown(&groups, &by, &metrics, room), rows });
    }
    if let Some(columns) = list.columns.as_deref().filter(|_| !is_whole) {
        let columns = fields(columns);
        let cells = chosen_cells(context, list, listing, &columns).await?;
        if cells.rows.is_empty() {
            let notes = notes(context, listing.clone()).await?;
            return Ok(Page { text: shown::nothing(cells.total, &notes, &list.filter), rows: Vec::new() });
        }
        let mut told = shown::as_json(&columns, &cells);
        let rows = told["rows"].as_array_mut().map(std::mem::take).unwrap_or_default();
        return Ok(Page { text: shown::chosen(&columns, &cells), rows });
    }
    let table = listed(context, ListRuns::of(listing.clone(), list.offset, list.limit.unwrap_or(PAGE))).await?;
    let asked = shown::Asked { filter: &list.filter, sort: list.sort.as_deref().unwrap_or_default() };
    let rows = table.rows.iter().map(value).collect::<Outcome<Vec<_>>>()?;
    Ok(Page { text: shown::page(&table, asked, list.everywhere, width), rows })
}

fn value(row: &impl Serialize) -> Outcome<Value> {
    serde_json::to_value(row)
        .map_err(|error| ApiError::new(ErrorCode::Internal, format!("Can't write the answer as JSON: {error}.")))
}

/// Shows the table over the last one, where it is another one; whether there is still a reader.
fn over(screen: &mut String, text: &str) -> Outcome<bool> {
    let shown = fitted(text, terminal::size());
    if shown == *screen {
        return Ok(true);
    }
    let lines = shown.lines().map(output::harmless_line).collect::<Vec<_>>().join("\n");
    *screen = shown;
    output::write(&format!("{FRESH}{lines}\n"))
}

/// As many lines as a screen has room for, of which a long one takes several.
fn fitted(text: &str, (columns, rows): (usize, Option<usize>)) -> String {
    // The cursor has the last line.
    let Some(room) = rows.map(|rows| rows.saturating_sub(1)) else { return text.to_owned() };
    let tall = |line: &str| line.width().div_ceil(columns.max(1)).max(1);
    if text.lines().map(tall).sum::<usize>() <= room {
        return text.to_owned();
    }
    let mut left = room.saturating_sub(1);
    let fits = |&line: &&str| {
        let fits = tall(line) <= left;
        left = left.saturating_sub(tall(line));
        fits
    };
    text.lines().take_while(fits).chain([CUT]).collect::<Vec<_>>().join("\n")
}

/// What was told of the table.
#[derive(Default)]
struct Told {
    heading: String,
    rows: BTreeSet<String>,
}

impl Told {
    /// The places of the rows that are new, or others than they were.
    fn changed(&mut self, rows: &[Value]) -> Vec<usize> {
        let news: Vec<String> = rows.iter().map(news).collect();
        let is_new = |(_, news): &(usize, &String)| !self.rows.contains(*news);
        let changed = news.iter().enumerate().filter(is_new).map(|(at, _)| at).collect();
        self.rows = news.into_iter().collect();
        changed
    }

    /// Those rows as lines, below the heading where that is another one; of a table without rows what is said of it.
    fn lines(&mut self, page: &Page) -> String {
        let changed = self.changed(&page.rows);
        let mut lines = page.text.lines();
        let heading = lines.next().unwrap_or_default();
        let rows: Vec<&str> = lines.take(page.rows.len()).collect();
        let is_said = (page.rows.is_empty() || !changed.is_empty()) && heading != self.heading;
        if is_said {
            heading.clone_into(&mut self.heading);
        }
        let changed = changed.into_iter().filter_map(|at| rows.get(at).copied());
        let told = is_said.then_some(heading).into_iter().chain(changed);
        told.map(|line| format!("{}\n", output::harmless_line(line))).collect()
    }
}

/// What is news of a row: all but what changes by itself, and what the machine used.
fn news(row: &Value) -> String {
    let mut row = row.clone();
    if let Some(row) = row.as_object_mut() {
        row.retain(|key, _| !BY_ITSELF.contains(&key.as_str()));
        if let Some(metrics) = row.get_mut("metrics").and_then(Value::as_object_mut) {
            metrics.retain(|key, _| !key.starts_with(SYSTEM));
        }
    }
    row.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(rows: &[(&str, &str, f64)]) -> Page {
        let line = |(name, state, loss): &(&str, &str, f64)| format!("{name}  {state}  {loss}\n");
        let value = |(name, state, loss): &(&str, &str, f64)| {
            let metrics = json!({ "loss": { "last": loss }, "system/cpu": { "last": rows.len() } });
            json!({ "name": name, "state": state, "metrics": metrics, "duration_secs": rows.len() })
        };
        let text = format!("run  state  loss\n{}\n2 of 9", rows.iter().map(line).collect::<String>());
        Page { text, rows: rows.iter().map(value).collect() }
    }

    #[test]
    fn a_pipe_gets_the_rows_that_changed_below_one_heading() {
        let mut told = Told::default();
        let first = page(&[("a", "running", 4.0), ("b", "finished", 1.0)]);
        assert_eq!(told.lines(&first), "run  state  loss\na  running  4\nb  finished  1\n");
        assert_eq!(told.lines(&first), "");
        let more = page(&[("c", "queued", 0.0), ("a", "running", 2.0), ("b", "finished", 1.0)]);
        assert_eq!(told.lines(&more), "c  queued  0\na  running  2\n", "time and CPU that went on are no news");
        let empty = |text: &str| Page { text: text.to_owned(), rows: Vec::new() };
        assert_eq!(told.lines(&empty("No run passes the filter.")), "No run passes the filter.\n");
        assert_eq!(told.lines(&empty("No run passes the filter.")), "");
    }

    #[test]
    fn a_table_that_is_longer_than_the_screen_is_cut_and_says_so() {
        let text = "run\na\nb\na long line\nc";
        assert_eq!(fitted(text, (80, Some(6))), text);
        assert_eq!(fitted(text, (80, None)), text);
        assert_eq!(fitted(text, (80, Some(4))), format!("run\na\n{CUT}"));
        assert_eq!(fitted(text, (4, Some(7))), format!("run\na\nb\n{CUT}"), "the long line takes three");
    }
}
