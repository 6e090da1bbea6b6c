//! `slipway run media`: what a run holds at a step beside numbers.

use std::path::PathBuf;

use api::{
    ApiError,
    media::{Among, GetMedium, ListMedia, MediaOfKey, Medium, MediumContent, RunMedia, SaveMedium},
};
use clap::Subcommand;

use crate::{
    context::{Context, Outcome},
    output::{self, table},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum MediaCommand {
    /// Lists the keys with their steps
    List {
        /// A run's name or id, or `latest`
        run: String,
        /// Only keys that have each of these words, in any case
        #[arg(value_name = "WORD")]
        words: Vec<String>,
        /// Print CSV
        #[arg(long)]
        csv: bool,
    },
    /// Writes one to a file, or prints a text, a table, a histogram
    Get {
        /// A run's name or id, or `latest`
        run: String,
        /// As `list` names it
        key: String,
        /// By default the last
        #[arg(long, allow_negative_numbers = true)]
        step: Option<i64>,
        /// Where the key was logged several times at the step: which of them, by their time, from 1; by default the last
        #[arg(long, value_name = "NUMBER")]
        turn: Option<u64>,
        /// A file that isn't there yet; without one it is printed
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
}

pub(super) async fn run(context: &Context, command: MediaCommand) -> Outcome {
    match command {
        MediaCommand::List { run, words, csv } => {
            let asked = ListMedia { run: context.run(&run).await?, words: words.join(" ") };
            let media = context.call(asked.clone()).await?;
            if csv {
                if let Some(more) = more_keys(&media) {
                    context.output.say(&more);
                }
                let step = |step: Option<&i64>| step.map(i64::to_string).unwrap_or_default();
                let row = |of: &MediaOfKey| {
                    let is_stepped = |_: &&i64| of.by_step || of.steps.len() > 1;
                    let (first, last) = (of.steps.first().filter(is_stepped), of.steps.last().filter(is_stepped));
                    vec![of.key.clone(), words::word(&of.kind), of.total.to_string(), step(first), step(last)]
                };
                let head = ["key", "kind", "count", "first_step", "last_step"];
                return output::pass_csv(&head, media.keys.iter().map(row));
            }
            context.output.show(&media, |media| {
                match (media.keys.is_empty(), asked.words.is_empty()) {
                    (true, true) => return "The run has no media.".to_owned(),
                    (true, false) => return format!("No key of its media has \"{}\".", asked.words),
                    (false, _) => {}
                }
                let row = |of: &MediaOfKey| {
                    let ends = match (of.steps.first(), of.steps.last()) {
                        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
                        (Some(only), _) if of.by_step => only.to_string(),
                        _ => String::new(),
                    };
                    vec![of.key.clone(), words::word(&of.kind), of.total.to_string(), ends]
                };
                let told = table(&["key", "kind", ">count", "steps"], media.keys.iter().map(row));
                match more_keys(media) {
                    None => told,
                    Some(more) => format!("{told}\n\n{more}"),
                }
            })
        }
        MediaCommand::Get { run, key, step, turn, to: None } => {
            let medium = context.call(GetMedium { run: context.run(&run).await?, key, step, turn }).await?;
            if let Some(Among { turn, of }) = medium.among {
                context.output.say(&format!("This is {turn} of {of} at step {}: --turn chooses.", medium.step));
            }
            if let MediumContent::Bytes { size_bytes } = medium.content {
                let kind = words::word(&medium.kind);
                let message =
                    format!("{} is {} of kind {kind}, which can't be printed.", medium.key, words::bytes(size_bytes));
                return Err(ApiError::invalid(message).with_hint(format!("Save it: --to {}", medium.file)));
            }
            context.output.show(&medium, printed)
        }
        MediaCommand::Get { run, key, step, turn, to: Some(to) } => {
            let shown = to.display().to_string();
            let to = std::path::absolute(to)
                .map_err(|error| ApiError::invalid(format!("{shown} is no path of a file: {error}.")))?;
            let to = to.to_string_lossy().into_owned();
            let saved = context.call(SaveMedium { run: context.run(&run).await?, key, step, turn, to }).await?;
            context.output.show(&saved, |saved| {
                format!("Step {} is in {} ({}).", saved.step, saved.path, words::bytes(saved.size_bytes))
            })
        }
    }
}

/// What is said of keys that are too many.
fn more_keys(media: &RunMedia) -> Option<String> {
    let more = media.total.saturating_sub(media.keys.len() as u64);
    (more > 0).then(|| format!("{} more keys are not listed: name words that theirs have.", words::count(more)))
}

/// What a terminal can show of a medium.
fn printed(medium: &Medium) -> String {
    let save = format!("--to {} saves all.", medium.file);
    match &medium.content {
        MediumContent::Text { text, is_cut: false } => text.clone(),
        MediumContent::Text { text, is_cut: true } => format!("{text}\n\nThese are the first 256 KiB: {save}"),
        MediumContent::Table { columns, rows, total_rows } => {
            let names: Vec<String> = columns.iter().map(|name| output::named(name)).collect();
            let head: Vec<&str> = names.iter().map(String::as_str).collect();
            let shown = table(&head, rows.iter().cloned());
            match *total_rows > rows.len() as u64 {
                true => format!("{shown}\n\nThese are the first {} of {total_rows} rows: {save}", rows.len()),
                false => shown,
            }
        }
        MediumContent::Histogram { edges, counts } => {
            let bin = |(edges, count): (&[f64], &f64)| edges.iter().chain([count]).map(f64::to_string).collect();
            table(&[">from", ">to", ">count"], edges.windows(2).zip(counts).map(bin))
        }
        MediumContent::Bytes { .. } => save,
    }
}
