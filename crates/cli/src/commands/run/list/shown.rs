//! The run list as a person reads it: as many metrics and params as fit beside what every run has.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    run::{FilterNote, RunKind, RunRow, RunTable, SYSTEM},
    run_table::{BELOW, PARENT, RunCells, SparseRow, below_in, filled, named},
    spending::money,
    tracking::PARENT_TAG,
};
use charts::runs::keys;
use serde_json::{Map, Value, json};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::{
    output::{self, heading_text, one_line, table},
    words,
};

/// So many metrics come before the first param, and so many params before the next metric.
const FIRST: usize = 3;
/// Columns of the terminal that a param takes in a table.
const LONGEST: usize = 32;
/// Columns of the terminal that the name of a run above takes.
const LONGEST_PARENT: usize = 20;
/// Between two columns.
pub(super) const SPACE: usize = 2;

/// Said below a table that has figures of runs below.
pub(super) const BELOW_SAID: &str = "† of a run that the program started: `slipway run show` names it.";

/// A column with a line for each run; its heading begins with `>` where it is aligned to the right.
struct Column {
    /// As `--columns` names it.
    name: String,
    heading: String,
    cells: Vec<String>,
}

impl Column {
    fn of((name, heading): (&str, &str), rows: &[RunRow], cell: impl Fn(&RunRow) -> String) -> Self {
        let (name, heading) = (name.to_owned(), heading.to_owned());
        Self { name, heading, cells: rows.iter().map(cell).collect() }
    }

    fn width(&self) -> usize {
        let heading = heading_text(&self.heading).width();
        self.cells.iter().map(|cell| cell.width()).fold(heading, usize::max)
    }
}

/// What a list was asked by.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) filter: &'a str,
    pub(super) sort: &'a str,
}

impl Asked<'_> {
    fn names(self, kind: &str, key: &str) -> bool {
        // MLflow's filters say `params.` where ours say `param.`.
        [named(kind, key), named(&format!("{kind}s"), key)]
            .iter()
            .any(|name| self.filter.contains(name) || self.sort.contains(name))
    }
}

/// A page of runs, in lines of so many columns. What `asked` names, the filter and the order, is shown first; `everywhere` tells of
/// each run which experiment it stands in.
pub(super) fn page(runs: &RunTable, asked: Asked<'_>, everywhere: bool, width: usize) -> String {
    let rows = &runs.rows;
    if rows.is_empty() {
        return nothing(runs.total, &runs.notes, asked.filter);
    }
    let columns = columns(runs, asked, everywhere, width);
    let headings: Vec<&str> = columns.iter().map(|column| column.heading.as_str()).collect();
    let line = |at: usize| columns.iter().map(|column| column.cells[at].clone()).collect::<Vec<_>>();
    let mut text = table(&headings, (0..rows.len()).map(line));
    if rows.iter().any(|run| run.has_other_rows(runs.best_split)) {
        text.push_str("\n\n* validated on other rows than the newest run: the metrics can't be compared with its.");
    }
    if columns.iter().flat_map(|column| &column.cells).any(|cell| cell.ends_with(BELOW)) {
        text.push_str(&format!("\n\n{BELOW_SAID}"));
    }
    text + &rest(rows.len(), runs.total)
}

/// What `--columns` calls the columns of such a page.
pub(super) fn names(runs: &RunTable, asked: Asked<'_>, everywhere: bool, width: usize) -> Vec<String> {
    columns(runs, asked, everywhere, width).into_iter().map(|column| column.name).collect()
}

fn columns(runs: &RunTable, asked: Asked<'_>, everywhere: bool, width: usize) -> Vec<Column> {
    let rows = &runs.rows;
    let mut before = vec![Column::of(("name", "run"), rows, |run| one_line(&run.name))];
    if rows.iter().any(is_nested) {
        before.push(Column::of((PARENT, "child of"), rows, parent));
    }
    if everywhere {
        before.push(Column::of(("experiment", "experiment"), rows, |run| one_line(&run.experiment)));
    }
    before.push(Column::of(("state", "state"), rows, state));
    if rows.iter().any(|run| run.model.is_some()) {
        before.push(Column::of(("model", "model"), rows, |run| {
            run.model.as_deref().map_or_else(|| words::word(&run.kind), one_line)
        }));
    }
    if rows.iter().any(|run| run.snapshot_number.is_some()) {
        before.push(Column::of(("snapshot", "data"), rows, |run| {
            let data = words::or_dash(run.snapshot_number, |number| format!("v{number}"));
            if run.has_other_rows(runs.best_split) { format!("{data} *") } else { data }
        }));
    }
    let mut after = Vec::new();
    if rows.iter().any(|run| run.cost.is_some()) {
        after.push(Column::of(("cost", ">cost"), rows, |run| {
            words::or_dash(run.cost, |cost| money(cost, run.currency.as_deref().unwrap_or_default()))
        }));
    }
    after.push(Column::of(("duration", ">took"), rows, |run| words::or_dash(run.duration_secs, words::duration)));
    after.push(Column::of(("started", "started"), rows, |run| words::time(run.began_ms())));
    let taken: usize = before.iter().chain(&after).map(|column| column.width() + SPACE).sum();
    let (metrics, params) = measured(runs, asked, width.saturating_sub(taken));
    before.into_iter().chain(metrics).chain(params).chain(after).collect()
}

/// Of a page without runs: why, as far as it is known.
pub(super) fn nothing(total: u64, notes: &[FilterNote], filter: &str) -> String {
    let said = match (total, filter.trim().is_empty()) {
        (0, true) => "Nothing there.".to_owned(),
        (0, false) => "No run passes the filter.".to_owned(),
        (total, _) => format!("Nothing more: there are {}.", words::count(total)),
    };
    [said].into_iter().chain(notes.iter().map(|note| note.sentence.clone())).collect::<Vec<_>>().join("\n")
}

/// What the page leaves out.
fn rest(shown: usize, total: u64) -> String {
    match shown > 0 && (shown as u64) < total {
        true => format!("\n\n{shown} of {}; --limit shows more", words::count(total)),
        false => String::new(),
    }
}

fn is_nested(run: &RunRow) -> bool {
    run.tags.contains_key(PARENT_TAG)
}

/// The run that it stands under.
fn parent(run: &RunRow) -> String {
    match &run.parent {
        Some(name) => short(&one_line(name), LONGEST_PARENT),
        None if is_nested(run) => "one that is not here".to_owned(),
        None => String::new(),
    }
}

fn state(run: &RunRow) -> String {
    match run.fraction.filter(|_| !run.state.is_over()) {
        Some(fraction) => format!("{} {}", words::word(&run.state), words::percent(fraction)),
        None => words::word(&run.state),
    }
}

/// The metrics and the params that fit, one metric in any case.
fn measured(runs: &RunTable, asked: Asked<'_>, room: usize) -> (Vec<Column>, Vec<Column>) {
    let metric = |key: &String| {
        let cell = |run: &RunRow| {
            words::or_dash(run.figure(key), |(cell, is_below)| marked(words::figure(cell.last), is_below))
        };
        (true, Column::of((&named("metric", key), &format!(">{}", one_line(key))), &runs.rows, cell))
    };
    let param = |key: &String| {
        let cell = |run: &RunRow| {
            words::or_dash(run.param(key), |(value, is_below)| marked(short(&one_line(value), LONGEST), is_below))
        };
        (false, Column::of((&named("param", key), &one_line(key)), &runs.rows, cell))
    };
    let (metric_keys, param_keys) = (metric_keys(runs, asked), param_keys(runs, asked));
    let part = |keys: &[String], first: bool| match first {
        true => keys.iter().take(FIRST).cloned().collect::<Vec<_>>(),
        false => keys.iter().skip(FIRST).cloned().collect(),
    };
    let by_worth = [true, false].into_iter().flat_map(|first| {
        let metrics = part(&metric_keys, first).iter().map(metric).collect::<Vec<_>>();
        metrics.into_iter().chain(part(&param_keys, first).iter().map(param).collect::<Vec<_>>())
    });
    let (mut room, mut metrics, mut params) = (room, Vec::new(), Vec::new());
    for (is_metric, mut column) in by_worth {
        if !is_metric {
            column.heading = output::named(&column.heading);
        }
        let width = column.width() + SPACE;
        let is_first = is_metric && metrics.is_empty();
        if width > room && !is_first {
            continue;
        }
        room = room.saturating_sub(width);
        if is_metric { metrics.push(column) } else { params.push(column) }
    }
    (metrics, params)
}

/// What was asked for, what ranks, and then what most of the runs measured.
fn metric_keys(runs: &RunTable, asked: Asked<'_>) -> Vec<String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    let own = |key: &&String| !key.starts_with(SYSTEM) || asked.names("metric", key);
    for key in runs.rows.iter().flat_map(measured_keys).filter(own) {
        *counts.entry(key).or_default() += 1;
    }
    let ranked = runs.ranked_by.as_ref().map(|(key, _)| key);
    let mut keys: Vec<(&String, usize)> = counts.into_iter().collect();
    keys.sort_by_key(|(key, count)| {
        (!asked.names("metric", key), Some(*key) != ranked, std::cmp::Reverse(*count), keys::by_name(key))
    });
    keys.into_iter().map(|(key, _)| key.clone()).collect()
}

/// What was asked for, and then what is not the same in all of the runs: the rest tells none of them from another. What has
/// several values tells more than what some runs lack; beside other runs the params of a search are its own matter.
fn param_keys(runs: &RunTable, asked: Asked<'_>) -> Vec<String> {
    let is_search = |run: &&RunRow| run.kind == RunKind::Search;
    let told: Vec<&RunRow> = match runs.rows.iter().all(|run| is_search(&run)) {
        true => runs.rows.iter().collect(),
        false => runs.rows.iter().filter(|run| !is_search(run)).collect(),
    };
    let below = runs.rows.iter().filter_map(|run| run.below.as_ref()).flat_map(|below| below.params.keys());
    let all: BTreeSet<&String> = runs.rows.iter().flat_map(|run| run.params.keys()).chain(below).collect();
    let values = |key: &String| -> BTreeSet<Option<&str>> {
        told.iter().map(|run| run.param(key).map(|(value, _)| value)).collect()
    };
    let differs = |key: &String| values(key).len() > 1 || told.len() == 1;
    let asks = |key: &String| asked.names("param", key);
    let mut keys: Vec<&String> = all.into_iter().filter(|key| asks(key) || differs(key)).collect();
    let has_one_value = |key: &String| values(key).into_iter().flatten().count() < 2;
    keys.sort_by_cached_key(|key| (!asks(key), has_one_value(key), keys::order_of_param(key)));
    keys.into_iter().cloned().collect()
}

/// What it measured, and what the run below did.
fn measured_keys(run: &RunRow) -> BTreeSet<&String> {
    let below = run.below.iter().flat_map(|below| below.metrics.keys());
    run.metrics.keys().chain(below).collect()
}

/// A cell, with the mark where it is of the run below.
fn marked(text: String, is_below: bool) -> String {
    if is_below { format!("{text} {BELOW}") } else { text }
}

/// As much of a text as so many columns of the terminal show.
fn short(text: &str, longest: usize) -> String {
    if text.width() <= longest {
        return text.to_owned();
    }
    let mut room = longest - 1;
    let fits = |character: &char| {
        let width = character.width().unwrap_or(0);
        let fits = width <= room;
        room = room.saturating_sub(width);
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// Whether a column that was chosen has numbers.
pub(super) fn is_number(column: &str) -> bool {
    column.starts_with("metric") || matches!(column, "duration" | "cost" | "snapshot")
}

/// Cells that were chosen, as people read them.
pub(super) fn chosen(columns: &[String], cells: &RunCells) -> String {
    let right = |name: &String| format!("{}{}", if is_number(name) { ">" } else { "" }, one_line(name));
    let headings: Vec<String> = columns.iter().map(right).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let line = |(at, row): (usize, &SparseRow)| {
        let marks = below_in(&cells.below, at);
        let cell = |((name, cell), at): ((&String, Option<String>), u32)| {
            let is_below = marks.iter().any(|(_, column)| *column == at);
            words::or_dash(cell.as_deref(), |cell| marked(read(name, cell), is_below))
        };
        columns.iter().zip(filled(row.clone(), columns.len())).zip(0..).map(cell).collect()
    };
    let said = if cells.below.is_empty() { String::new() } else { format!("\n\n{BELOW_SAID}") };
    table(&headings, cells.rows.iter().enumerate().map(line)) + &said + &rest(cells.rows.len(), cells.total)
}

/// A cell of all digits with as many as a person reads.
fn read(column: &str, cell: &str) -> String {
    let moment = || cell.parse::<jiff::Timestamp>().ok().map(|at| words::time(at.as_millisecond()));
    let number = || cell.parse::<f64>().ok();
    let read = match column {
        "created" | "started" | "ended" => moment(),
        "duration" => number().map(words::duration),
        "id" => Some(cell.to_owned()),
        _ if is_number(column) => number().map(words::figure),
        _ => None,
    };
    read.unwrap_or_else(|| one_line(cell))
}

/// Cells that were chosen, for programs: each row by the names of its columns.
pub(super) fn as_json(columns: &[String], cells: &RunCells) -> Value {
    let value = |name: &str, cell: Option<String>| match cell {
        Some(text) => match text.parse::<f64>() {
            Ok(number) if is_number(name) && number.is_finite() => json!(number),
            _ => json!(text),
        },
        None => Value::Null,
    };
    let row = |row: &SparseRow| {
        let cells = filled(row.clone(), columns.len());
        let named = columns.iter().zip(cells).map(|(name, cell)| (name.clone(), value(name, cell)));
        Value::Object(named.collect::<Map<_, _>>())
    };
    json!({ "rows": cells.rows.iter().map(row).collect::<Vec<_>>(), "total": cells.total })
}

#[cfg(test)]
mod tests {
    use api::{
        RunId,
        run::{MetricCell, RunState},
    };

    use super::*;

    fn run(number: u8, metrics: &[(&str, f64)], params: &[(&str, &str)]) -> RunRow {
        let metric = |(key, last): &(&str, f64)| ((*key).to_owned(), MetricCell { last: *last, spark: Vec::new() });
        let param = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let id = RunId::from_bytes([number; 16]);
        RunRow {
            experiment: "churn".to_owned(),
            created_ms: 1_795_928_400_000,
            duration_secs: Some(5.0),
            params: params.iter().map(param).collect(),
            metrics: metrics.iter().map(metric).collect(),
            ..RunRow::bare(id, format!("r{number}"), RunKind::Client, RunState::Finished)
        }
    }

    fn table(total: u64, rows: Vec<RunRow>) -> RunTable {
        RunTable {
            total,
            rows,
            metric_keys: Vec::new(),
            param_keys: Vec::new(),
            tag_keys: Vec::new(),
            ranked_by: None,
            best_split: None,
            notes: Vec::new(),
        }
    }

    fn headings(runs: &RunTable, filter: &str, width: usize) -> Vec<String> {
        let page = page(runs, Asked { filter, sort: "" }, false, width);
        page.lines().next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_most_runs_measured_and_what_differs_stands_in_the_list_as_far_as_it_fits() {
        let params = |lr| [("lr", lr), ("model", "mlp")];
        let rows = vec![
            run(1, &[("accuracy", 0.5), ("loss", 2.0), ("system/cpu", 9.0)], &params("0.1")),
            run(2, &[("loss", 1.0), ("z a very long name of a metric", 1.0)], &params("0.2")),
        ];
        let table = table(3, rows);
        let own = ["run", "state", "loss", "accuracy", "lr", "took", "started"];
        assert_eq!(headings(&table, "", 80), own);
        assert_eq!(headings(&table, "", 20), ["run", "state", "loss", "took", "started"]);
        let asked = headings(&table, "metric.system/cpu > 1 param.model", 80);
        assert_eq!(asked, ["run", "state", "system/cpu", "loss", "accuracy", "model", "lr", "took", "started"]);
        let asked = headings(&table, "params.model = 'mlp'", 80);
        assert_eq!(asked, ["run", "state", "loss", "accuracy", "model", "lr", "took", "started"]);
        let names = names(&table, Asked { filter: "", sort: "" }, false, 80);
        assert_eq!(names, ["name", "state", "metric.loss", "metric.accuracy", "param.lr", "duration", "started"]);
        let page = |width| super::page(&table, Asked { filter: "", sort: "" }, true, width);
        assert!(page(200).contains("z a very long name of a metric"), "it fits");
        assert!(page(80).ends_with("\n\n2 of 3; --limit shows more"));
        assert!(page(80).contains("churn"));
    }

    #[test]
    fn a_run_says_which_run_it_stands_under() {
        let below = |number, parent: Option<&str>| RunRow {
            tags: BTreeMap::from([(PARENT_TAG.to_owned(), "0".repeat(32))]),
            parent: parent.map(str::to_owned),
            ..run(number, &[("loss", 1.0)], &[])
        };
        let top = run(1, &[("loss", 1.0)], &[]);
        assert_eq!(headings(&table(1, vec![top.clone()]), "", 80), ["run", "state", "loss", "took", "started"]);
        let rows =
            vec![top, below(2, Some("base\nline")), below(3, None), below(4, Some("a name of a run that is long"))];
        let told = columns(&table(4, rows), Asked { filter: "", sort: "" }, false, 80);
        assert_eq!((told[1].name.as_str(), told[1].heading.as_str()), ("parent", "child of"));
        assert_eq!(told[1].cells, ["", "base line", "one that is not here", "a name of a run tha…"]);
    }

    #[test]
    fn a_param_of_several_values_comes_before_those_of_one_and_before_a_searchs_own() {
        let search = RunRow { kind: RunKind::Search, ..run(1, &[("best/loss", 0.5)], &[("goal", "min")]) };
        let trial = |number, rate| run(number, &[("loss", 1.0)], &[("cut", "0"), ("rate", rate)]);
        let rows = vec![search, trial(2, "0.1"), trial(3, "0.2"), run(4, &[("loss", 2.0)], &[])];
        let searches = table(4, vec![rows[0].clone()]);
        let own = ["run", "state", "loss", "best/loss", "rate", "cut", "took", "started"];
        assert_eq!(headings(&table(4, rows), "", 80), own);
        assert_eq!(headings(&searches, "", 80), ["run", "state", "best/loss", "goal", "took", "started"]);
    }

    #[test]
    fn names_that_are_wide_or_of_several_lines_keep_to_the_terminals_width() {
        let rows = vec![
            RunRow {
                model: Some("big\nnet".to_owned()),
                ..run(1, &[("損失\n関数", 0.5)], &[("データ", "猫と犬の画像")])
            },
            run(2, &[("損失\n関数", 0.25)], &[("データ", &"猫".repeat(40))]),
        ];
        let table = table(2, rows);
        for width in [60, 80, 120] {
            let page = page(&table, Asked { filter: "", sort: "" }, false, width);
            assert!(page.lines().count() == 3 && page.contains("big net") && page.contains("損失 関数"), "{page}");
            assert!(page.lines().all(|line| line.width() <= width), "{width}: {page}");
            assert!(width < 120 || page.contains(&format!("{}…", "猫".repeat(15))), "{page}");
        }
    }
}
