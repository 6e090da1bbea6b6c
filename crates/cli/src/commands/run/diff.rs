//! `slipway run diff`: what differs between runs.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    RunId,
    run::{GetRun, Run},
    series::float,
};
use serde::Serialize;

use crate::{
    context::{Context, Outcome},
    output::table,
    words,
};

/// A cell of the table is no longer than this; what all its row's cells begin with gives way first.
const WIDEST: usize = 48;

/// Runs side by side.
#[derive(Debug, Serialize)]
struct Comparison {
    runs: Vec<Compared>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Compared {
    id: RunId,
    name: String,
}

/// One thing of all runs.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    /// "params", "environment", "code", "data", "command", "metrics".
    part: &'static str,
    key: String,
    /// In the order of the runs.
    values: Vec<Option<Cell>>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Cell {
    Text(String),
    #[serde(with = "float")]
    Number(f64),
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => left == right,
            // NaN is the same as NaN here, and 0 as -0.
            (Self::Number(left), Self::Number(right)) => left == right || left.is_nan() && right.is_nan(),
            _ => false,
        }
    }
}

impl Row {
    fn differs(&self) -> bool {
        self.values.windows(2).any(|pair| pair[0] != pair[1])
    }
}

pub(super) async fn run(context: &Context, named: &[String], all: bool) -> Outcome {
    let mut runs = Vec::with_capacity(named.len());
    for named in named {
        runs.push(context.call(GetRun { run: context.run(named).await? }).await?);
    }
    let mut rows = compare(&runs);
    if !all {
        rows.retain(Row::differs);
    }
    let runs = runs.into_iter().map(|run| Compared { id: run.id, name: run.name }).collect();
    context.output.show(&Comparison { runs, rows }, shown)
}

/// Everything of the runs that can be compared, part by part.
fn compare(runs: &[Run]) -> Vec<Row> {
    let texts = |map: &BTreeMap<String, String>| -> BTreeMap<String, Cell> {
        map.iter().map(|(key, value)| (key.clone(), Cell::Text(value.clone()))).collect()
    };
    let parts: [(&'static str, Vec<BTreeMap<String, Cell>>); 6] = [
        ("params", runs.iter().map(|run| texts(&run.params)).collect()),
        ("environment", runs.iter().map(|run| texts(&run.environment)).collect()),
        ("code", runs.iter().map(code).collect()),
        ("data", runs.iter().map(data).collect()),
        ("command", runs.iter().map(command).collect()),
        ("metrics", runs.iter().map(metrics).collect()),
    ];
    let rows = parts.into_iter().flat_map(|(part, of_runs)| {
        let keys: BTreeSet<String> = of_runs.iter().flat_map(|of_run| of_run.keys().cloned()).collect();
        keys.into_iter().map(move |key| {
            let values = of_runs.iter().map(|of_run| of_run.get(&key).cloned()).collect();
            Row { part, key, values }
        })
    });
    rows.collect()
}

/// Those that are there, by name.
fn given<const N: usize>(values: [(&str, Option<String>); N]) -> BTreeMap<String, Cell> {
    values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Cell::Text(value?)))).collect()
}

/// Of a client's run what its tags say.
fn code(run: &Run) -> BTreeMap<String, Cell> {
    let tag = |key: &str| run.tags.get(key).cloned();
    let own = run.code.as_ref();
    given([
        ("commit", own.map(|code| code.commit.clone()).or_else(|| tag("mlflow.source.git.commit"))),
        ("branch", own.and_then(|code| code.branch.clone()).or_else(|| tag("mlflow.source.git.branch"))),
        ("changes", own.map(|code| if code.dirty { "yes" } else { "no" }.to_owned())),
        ("source", tag("mlflow.source.name")),
    ])
}

fn data(run: &Run) -> BTreeMap<String, Cell> {
    given([
        ("snapshot", run.snapshot_number.map(|number| format!("v{number}"))),
        ("split", run.split.map(|split| split.short())),
    ])
}

fn command(run: &Run) -> BTreeMap<String, Cell> {
    given([
        ("command", run.command.as_ref().map(|command| command.join(" "))),
        ("exit code", run.exit_code.map(|code| code.to_string())),
        ("seed", run.seed.map(|seed| seed.to_string())),
        ("device", run.device.clone()),
    ])
}

/// The last values, without what is about the machine.
fn metrics(run: &Run) -> BTreeMap<String, Cell> {
    let told = run.metrics.iter().filter(|metric| !metric.key.starts_with("system/"));
    told.map(|metric| (metric.key.clone(), Cell::Number(metric.last))).collect()
}

fn shown(comparison: &Comparison) -> String {
    if comparison.rows.is_empty() {
        return "The runs do not differ.".to_owned();
    }
    let headings: Vec<&str> =
        ["part", "key"].into_iter().chain(comparison.runs.iter().map(|run| run.name.as_str())).collect();
    let mut before = "";
    let rows = comparison.rows.iter().map(|row| {
        let part = if row.part == before { "" } else { row.part };
        before = row.part;
        let texts: Vec<Option<String>> = row
            .values
            .iter()
            .map(|value| {
                value.as_ref().map(|cell| match cell {
                    Cell::Text(text) => text.clone(),
                    Cell::Number(number) => words::figure(*number),
                })
            })
            .collect();
        [part.to_owned(), row.key.clone()].into_iter().chain(narrow(&texts)).collect()
    });
    table(&headings, rows.collect::<Vec<Vec<String>>>())
}

/// The cells of a row, where they are long from a little before the first place in which they differ.
fn narrow(texts: &[Option<String>]) -> Vec<String> {
    const LEAD: usize = 8;
    let characters: Vec<Vec<char>> =
        texts.iter().flatten().map(|text| text.replace(['\n', '\t'], " ").chars().collect()).collect();
    let longest = characters.iter().map(Vec::len).max().unwrap_or(0);
    let is_shared = |at: &usize| characters.windows(2).all(|pair| pair[0].get(*at) == pair[1].get(*at));
    let shared = (0..longest).take_while(is_shared).count();
    let from = if longest > WIDEST && shared < longest { shared.saturating_sub(LEAD) } else { 0 };
    let mut cut = characters.into_iter().map(|text| {
        let start = if from > 0 { "…" } else { "" };
        let end = if text.len() > from + WIDEST { "…" } else { "" };
        format!("{start}{}{end}", text.iter().skip(from).take(WIDEST).collect::<String>())
    });
    texts.iter().map(|text| words::or_dash(text.as_ref().and_then(|_| cut.next()), |text| text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_show_where_they_differ() {
        let path = |end: &str| Some(format!("{}{end}", "/usr/bin:".repeat(20)));
        assert_eq!(narrow(&[path("a"), None, path("b")]), ["…usr/bin:a", "–", "…usr/bin:b"]);
        assert_eq!(narrow(&[Some("short\nline".into()), Some(String::new())]), ["short line", ""]);
    }

    #[test]
    fn nan_is_no_difference_and_a_missing_value_is_one() {
        let row = |values: [Option<f64>; 2]| {
            let values = values.map(|value| value.map(Cell::Number)).into();
            Row { part: "metrics", key: "loss".into(), values }.differs()
        };
        assert!(!row([Some(f64::NAN), Some(f64::NAN)]));
        assert!(row([Some(f64::NAN), Some(1.0)]) && row([None, Some(1.0)]));
    }
}
