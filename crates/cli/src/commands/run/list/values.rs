//! `slipway run list --values`: what runs have for a field, each value with how many have it.

use api::run_table::{
    Listing,
    values::{ListValues, RunValues},
};
use charts::text_table::{csv_line, markdown};

use super::{Form, List, PAGE};
use crate::{
    context::{Context, Outcome},
    output::{self, named, one_line, table},
    words,
};

/// As many as are told at once.
const MOST: u32 = 1_000;

pub(super) async fn run(context: &Context, list: &List, listing: Listing, field: &str, form: Form) -> Outcome {
    let limit = list.limit.unwrap_or(if form == Form::Shown { PAGE } else { MOST });
    // What a view sorts by says nothing of values.
    let listing = Listing { sort: None, descending: false, ..listing };
    let request = ListValues { list: listing, field: field.to_owned(), part: String::new(), limit: Some(limit) };
    let answer = context.call(request).await?;
    if form != Form::Shown
        && let Some(said) = left_out(&answer)
    {
        context.output.say(&said);
    }
    let rows = || answer.values.iter().map(|value| [value.value.clone(), value.runs.to_string()]);
    match form {
        Form::Shown => context.output.show(&answer, |answer| shown(field, answer)),
        Form::Csv => {
            let lines = [[field.to_owned(), "runs".to_owned()]].into_iter().chain(rows());
            output::pass(&lines.map(csv_line).collect::<String>()).map(drop)
        }
        Form::Markdown => {
            let rows: Vec<Vec<String>> = rows().map(Vec::from).collect();
            output::pass(&markdown(&[field.to_owned(), "runs".to_owned()], &[false, true], &rows)).map(drop)
        }
    }
}

/// The values as a table for people.
fn shown(field: &str, answer: &RunValues) -> String {
    if answer.values.is_empty() {
        return format!("No run here has a value of {}.", one_line(field));
    }
    let rows = answer.values.iter().map(|value| vec![one_line(&value.value), words::count(value.runs)]);
    let heading = named(&one_line(field));
    let text = table(&[heading.as_str(), ">runs"], rows);
    match left_out(answer) {
        Some(said) => format!("{text}\n\n{said}"),
        None => text,
    }
}

/// What is said of values that are too many.
fn left_out(answer: &RunValues) -> Option<String> {
    let shown = answer.values.len() as u64;
    (shown < answer.total).then(|| {
        format!("{} of {} values: those that most runs have.", words::count(shown), words::count(answer.total))
    })
}

#[cfg(test)]
mod tests {
    use api::run_table::values::RunValue;

    use super::*;

    #[test]
    fn values_stand_with_their_runs() {
        let value = |value: &str, runs| RunValue { value: value.to_owned(), runs };
        let answer = RunValues { values: vec![value("trees", 1_200), value("small cnn", 3)], total: 7 };
        let told = shown("param.model", &answer);
        assert!(told.starts_with("param.model   runs\ntrees        1,200\nsmall cnn        3"), "{told}");
        assert!(told.ends_with("2 of 7 values: those that most runs have."), "{told}");
        let none = RunValues { values: Vec::new(), total: 0 };
        assert_eq!(shown("folder", &none), "No run here has a value of folder.");
    }
}
