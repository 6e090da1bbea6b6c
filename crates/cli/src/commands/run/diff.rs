//! `slipway run diff`: what differs between runs.

use api::run_diff::{DiffCell, DiffRuns, RunDiff};

use crate::{
    context::{Context, Outcome},
    output::table,
    words,
};

/// A cell of the table is no longer than this; what all its row's cells begin with gives way first.
const WIDEST: usize = 48;

pub(super) async fn run(context: &Context, named: &[String], all: bool) -> Outcome {
    let mut runs = Vec::with_capacity(named.len());
    for named in named {
        runs.push(context.run(named).await?);
    }
    context.output.show(&context.call(DiffRuns { runs, all }).await?, shown)
}

fn shown(comparison: &RunDiff) -> String {
    if comparison.rows.is_empty() {
        return "The runs do not differ.".to_owned();
    }
    let headings: Vec<&str> =
        ["part", "key"].into_iter().chain(comparison.runs.iter().map(|run| run.name.as_str())).collect();
    let mut before = None;
    let rows = comparison.rows.iter().map(|row| {
        let part = if before == Some(row.part) { String::new() } else { words::word(&row.part) };
        before = Some(row.part);
        let texts: Vec<Option<String>> = row
            .values
            .iter()
            .map(|value| {
                value.as_ref().map(|cell| match cell {
                    DiffCell::Text(text) => text.clone(),
                    DiffCell::Number(number) => words::figure(*number),
                })
            })
            .collect();
        [part, row.key.clone()].into_iter().chain(narrow(&texts)).collect()
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
}
