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
        MediaCommand::List { run } => {
            let media = context.call(ListMedia { run: context.run(&run).await? }).await?;
            context.output.show(&media, |media| {
                if media.keys.is_empty() {
                    return "The run has no media.".to_owned();
                }
                let row = |of: &MediaOfKey| {
                    let ends = match (of.steps.first(), of.steps.last()) {
                        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
                        (Some(only), _) if of.by_step => only.to_string(),
                        _ => String::new(),
                    };
                    vec![of.key.clone(), words::word(&of.kind), of.total.to_string(), ends]
                };
                table(&["key", "kind", ">count", "steps"], media.keys.iter().map(row))
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
