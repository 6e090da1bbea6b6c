//! `slipway run media`: what a run holds at a step beside numbers.

use std::path::PathBuf;

use api::{
    ApiError,
    media::{ListMedia, MediaOfKey, SaveMedium},
};
use clap::Subcommand;

use crate::{
    context::{Context, Outcome},
    output::table,
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
    },
    /// Writes one to a file
    Get {
        /// A run's name or id, or `latest`
        run: String,
        /// As `list` names it
        key: String,
        /// By default the last
        #[arg(long, allow_negative_numbers = true)]
        step: Option<i64>,
        /// A file that isn't there yet
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

pub(super) async fn run(context: &Context, command: MediaCommand) -> Outcome {
    match command {
        MediaCommand::List { run, words } => {
            let asked = ListMedia { run: context.run(&run).await?, words: words.join(" ") };
            let media = context.call(asked.clone()).await?;
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
                match media.total.saturating_sub(media.keys.len() as u64) {
                    0 => told,
                    more => format!(
                        "{told}\n\n{} more keys are not listed: name words that theirs have.",
                        words::count(more)
                    ),
                }
            })
        }
        MediaCommand::Get { run, key, step, to } => {
            let shown = to.display().to_string();
            let to = std::path::absolute(to)
                .map_err(|error| ApiError::invalid(format!("{shown} is no path of a file: {error}.")))?;
            let to = to.to_string_lossy().into_owned();
            let saved = context.call(SaveMedium { run: context.run(&run).await?, key, step, to }).await?;
            context.output.show(&saved, |saved| {
                format!("Step {} is in {} ({}).", saved.step, saved.path, words::bytes(saved.size_bytes))
            })
        }
    }
}
