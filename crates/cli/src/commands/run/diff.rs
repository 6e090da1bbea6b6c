//! `slipway run diff`: what differs between runs.

use api::{
    ApiError, RunId,
    run_diff::{
        CodeDiff, DiffCell, DiffCode, DiffPart, DiffRow, DiffRuns, DiffedRun, FileChange, FilePatch, Patch, RunDiff,
    },
};

use charts::text_table::{csv_line, markdown};

use crate::{
    context::{Context, Outcome},
    output::{self, one_line, table},
    words,
};

/// A cell of the table is no longer than this; what all its row's cells begin with gives way first.
const WIDEST: usize = 48;

/// How the table is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Csv,
    Markdown,
    /// For a person, or as JSON.
    Shown,
}

/// The runs that are named, within an experiment where one is.
pub(super) async fn meant(context: &Context, named: &[String], experiment: Option<&str>) -> Outcome<Vec<RunId>> {
    let experiment = context.experiment_if_named(experiment).await?;
    let mut runs = Vec::with_capacity(named.len());
    for named in named {
        runs.push(context.run_of(named, experiment.as_ref()).await?);
    }
    // Two names may be one run's.
    match runs.split_first() {
        Some((first, others)) if others.iter().all(|run| run == first) => {
            Err(ApiError::invalid("One run is named several times.")
                .with_hint("A run is compared with others: name one more."))
        }
        _ => Ok(runs),
    }
}

pub(super) async fn run(context: &Context, asked: DiffRuns, form: Form) -> Outcome {
    let comparison = context.call(asked).await?;
    match form {
        Form::Shown => context.output.show(&comparison, shown),
        form => output::pass(&written(&comparison, form)).map(drop),
    }
}

/// The name of a run; of one that is deleted it says so.
fn called(run: &DiffedRun, name: String) -> String {
    if run.is_deleted { format!("{name} (deleted)") } else { name }
}

/// A row a difference, whole however long: CSV with all digits and nothing where a run has none.
fn written(comparison: &RunDiff, form: Form) -> String {
    let cell = |cell: &Option<DiffCell>| match (cell, form) {
        (Some(DiffCell::Text(text)), _) => text.clone(),
        (Some(DiffCell::Number(number)), Form::Csv) => number.to_string(),
        (Some(DiffCell::Number(number)), _) => words::figure(*number),
        (None, Form::Csv) => String::new(),
        (None, _) => "–".to_owned(),
    };
    let row = |row: &DiffRow| -> Vec<String> {
        [words::word(&row.part), row.key.clone()].into_iter().chain(row.values.iter().map(cell)).collect()
    };
    let names = comparison.runs.iter().map(|run| called(run, run.name.clone()));
    let head: Vec<String> = ["part", "key"].map(str::to_owned).into_iter().chain(names).collect();
    let rows: Vec<Vec<String>> = comparison.rows.iter().map(row).collect();
    match form {
        Form::Csv => csv_line(&head) + &rows.iter().map(csv_line).collect::<String>(),
        _ => markdown(&head, &vec![false; head.len()], &rows),
    }
}

pub(super) async fn code(context: &Context, named: &[String], experiment: Option<&str>, as_patch: bool) -> Outcome {
    let [from, to] = named else {
        return Err(ApiError::invalid("The code of two runs is compared at once.").with_hint("Name two runs."));
    };
    let runs = meant(context, named, experiment).await?;
    let diff = context.call(DiffCode { from: runs[0], to: runs[1] }).await?;
    if as_patch {
        diff.remarks.iter().for_each(|remark| context.output.say(remark));
        let patch = diff.between.as_ref().map(Patch::unified).unwrap_or_default();
        return output::pass(&patch).map(drop);
    }
    context.output.show(&diff, |diff| code_shown(diff, from, to))
}

/// The remarks, what differs as `git diff` would write it, and what stands apart for each run.
fn code_shown(diff: &CodeDiff, from: &str, to: &str) -> String {
    let mut parts = diff.remarks.clone();
    match &diff.between {
        Some(patch) if patch.files.is_empty() => parts.push("The code does not differ.".to_owned()),
        Some(patch) => parts.push(patch_shown(patch)),
        None => {}
    }
    for (run, patch) in [(from, &diff.from_uncommitted), (to, &diff.to_uncommitted)] {
        if let Some(patch) = patch {
            parts.push(format!("Not committed in {run}:\n{}", patch_shown(patch)));
        }
    }
    if parts.is_empty() { "Nothing is known of either run's code.".to_owned() } else { parts.join("\n") }
}

fn patch_shown(patch: &Patch) -> String {
    let files = patch.files.iter().map(|file| {
        let FilePatch { path, renamed_from, change, added, removed, text, is_binary } = file;
        let renamed = renamed_from.as_ref().map(|from| format!(" (was {from})")).unwrap_or_default();
        let change = match change {
            FileChange::Added => "new ",
            FileChange::Removed => "removed ",
            FileChange::Changed | FileChange::Renamed => "",
        };
        let hunks = match text {
            Some(text) => text.trim_end_matches('\n'),
            None if *is_binary => "(no text)",
            None => "(too long to show)",
        };
        let head = format!("{change}{path}{renamed}  +{added} −{removed}");
        if hunks.is_empty() { head } else { format!("{head}\n{hunks}") }
    });
    let more = (patch.more_files > 0 || patch.is_cut).then(|| "… and more files.".to_owned());
    files.chain(more).collect::<Vec<_>>().join("\n")
}

fn shown(comparison: &RunDiff) -> String {
    if comparison.rows.is_empty() {
        return "The runs do not differ.".to_owned();
    }
    let names: Vec<String> = comparison.runs.iter().map(|run| called(run, output::named(&run.name))).collect();
    let headings: Vec<&str> = ["part", "key"].into_iter().chain(names.iter().map(String::as_str)).collect();
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
    let told = table(&headings, rows.collect::<Vec<Vec<String>>>());
    let figures = comparison.runs.iter().filter_map(|run| Some((&run.name, run.figures_of.as_ref()?)));
    let of_figures: Vec<String> = figures
        .map(|(name, of)| {
            format!("Metrics and params of {} are those of {}, which it started.", one_line(name), one_line(of))
        })
        .collect();
    let of_figures = Some(of_figures.join("\n")).filter(|said| !said.is_empty());
    let notes = of_figures.into_iter().chain(of_kept(comparison)).chain(of_data(comparison));
    [told].into_iter().chain(notes).collect::<Vec<_>>().join("\n\n")
}

/// Which of the metrics that differ are those of a kept model, and of which run.
fn of_kept(comparison: &RunDiff) -> Option<String> {
    let metrics = comparison.rows.iter().filter(|row| row.part == DiffPart::Metrics);
    let metrics: Vec<&str> = metrics.map(|row| row.key.as_str()).collect();
    let said = comparison.runs.iter().filter_map(|run| {
        let kept = run.of_kept.iter().map(String::as_str).filter(|key| metrics.contains(key));
        let kept: Vec<&str> = kept.collect();
        let name = one_line(&run.name);
        let told = || format!("Of {name} these are the kept model's, not what was logged last: {}.", kept.join(", "));
        (!kept.is_empty()).then(told)
    });
    Some(said.collect::<Vec<_>>().join("\n")).filter(|said| !said.is_empty())
}

/// The command that says how the data differ, for the first run whose are others.
fn of_data(comparison: &RunDiff) -> Option<String> {
    let apart = comparison.data_apart(None);
    let (from, run, to) = apart.first()?;
    let name = one_line(&run.name);
    Some(format!("How the data of {name} differ, column by column: slipway data compare {} {}", from.id, to.id))
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
    fn differences_are_written_for_other_programs() {
        let run = |at: u8| DiffedRun {
            id: RunId::from_bytes([at; 16]),
            name: format!("r{at}"),
            figures_of: None,
            snapshot: None,
            is_deleted: false,
            of_kept: Vec::new(),
        };
        let row = |part, key: &str, values| DiffRow { part, key: key.to_owned(), values };
        let comparison = RunDiff {
            runs: vec![run(1), run(2)],
            rows: vec![
                row(DiffPart::Params, "lr", vec![Some(DiffCell::Text("0.1,0.2".to_owned())), None]),
                row(DiffPart::Metrics, "loss", vec![Some(DiffCell::Number(0.123_456_789)), None]),
            ],
        };
        assert_eq!(
            written(&comparison, Form::Csv),
            "part,key,r1,r2\r\nparams,lr,\"0.1,0.2\",\r\nmetrics,loss,0.123456789,\r\n"
        );
        let table = written(&comparison, Form::Markdown);
        assert!(
            table.starts_with("| part | key | r1 | r2 |\n| --- | --- | --- | --- |\n| params | lr | 0.1,0.2 | – |\n"),
            "{table}"
        );
    }

    #[test]
    fn a_deleted_run_is_called_so() {
        let run = |at: u8, is_deleted| DiffedRun {
            id: RunId::from_bytes([at; 16]),
            name: format!("r{at}"),
            figures_of: None,
            snapshot: None,
            is_deleted,
            of_kept: if is_deleted { vec!["f1".to_owned(), "loss".to_owned()] } else { Vec::new() },
        };
        let values = vec![Some(DiffCell::Text("0.1".to_owned())), None];
        let rows = vec![DiffRow { part: DiffPart::Params, key: "lr".to_owned(), values }];
        let comparison = RunDiff { runs: vec![run(1, true), run(2, false)], rows };
        assert!(written(&comparison, Form::Csv).starts_with("part,key,r1 (deleted),r2\r\n"));
        let told = shown(&comparison);
        assert!(told.lines().next().is_some_and(|head| head.contains("r1 (deleted)")), "{told}");
        assert!(!told.contains("kept"), "of what does not differ nothing is said: {told}");
        let values = vec![Some(DiffCell::Number(0.5)), Some(DiffCell::Number(0.25))];
        let row = DiffRow { part: DiffPart::Metrics, key: "loss".to_owned(), values };
        let told = shown(&RunDiff { rows: vec![row], ..comparison });
        assert!(told.ends_with("\n\nOf r1 these are the kept model's, not what was logged last: loss."), "{told}");
    }

    #[test]
    fn a_run_keeps_the_whole_of_its_name() {
        let run = |at: u8, name: &str| DiffedRun {
            id: RunId::from_bytes([at; 16]),
            name: name.to_owned(),
            figures_of: None,
            snapshot: None,
            is_deleted: false,
            of_kept: Vec::new(),
        };
        let values = vec![Some(DiffCell::Text("0.1".to_owned())), Some(DiffCell::Text("0.2".to_owned()))];
        let rows = vec![DiffRow { part: DiffPart::Params, key: "lr".to_owned(), values }];
        let told = shown(&RunDiff { runs: vec![run(1, ">50K"), run(2, "<=50K")], rows });
        let head: Vec<&str> = told.lines().next().unwrap_or_default().split_whitespace().collect();
        assert_eq!(head, ["part", "key", ">50K", "<=50K"], "{told}");
    }

    #[test]
    fn long_cells_show_where_they_differ() {
        let path = |end: &str| Some(format!("{}{end}", "/usr/bin:".repeat(20)));
        assert_eq!(narrow(&[path("a"), None, path("b")]), ["…usr/bin:a", "–", "…usr/bin:b"]);
        assert_eq!(narrow(&[Some("short\nline".into()), Some(String::new())]), ["short line", ""]);
    }
}
