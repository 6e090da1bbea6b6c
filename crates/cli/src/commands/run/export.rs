//! `slipway run export`: runs as other tools read them.

use std::path::PathBuf;

use api::{
    RunId,
    export::{ExportFormat, ExportRuns},
    job::GetJobLog,
    run::GetRun,
    run_table::Listing,
    tracking::Scope,
};
use clap::Args;

use super::views::Whose;
use crate::context::{Context, Outcome, absolute};

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// A folder that is not there yet, or an empty one
    to: PathBuf,
    /// mlflow (a file store), tensorboard, csv or parquet
    #[arg(long = "as", value_name = "FORMAT", value_parser = crate::commands::parse_word::<ExportFormat>)]
    format: ExportFormat,
    /// `metric."loss/validation" < 0.1 and param.model = "trees"`; by default all runs
    #[arg(long, default_value = "")]
    filter: String,
    #[command(flatten)]
    whose: Whose,
    /// Only this run, by name or id; may stand several times
    #[arg(long = "run", value_name = "RUN")]
    runs: Vec<String>,
    /// Those that were deleted, instead of those that are there
    #[arg(long)]
    deleted: bool,
    /// Leave the artifacts out, which only a file store has a place for
    #[arg(long)]
    no_artifacts: bool,
    /// Add the registered versions that point to these runs, which only a file store has a place for
    #[arg(long)]
    with_models: bool,
    /// Return at once; the export goes on in the host
    #[arg(long)]
    detach: bool,
}

pub(super) async fn run(context: &mut Context, export: Export) -> Outcome {
    context.lasting().await?;
    let runs = context.runs(&export.runs, export.deleted).await?;
    let of = match runs.first() {
        Some(first) if !export.whose.is_said() => scope_of(context, *first).await?,
        _ => export.whose.scope(context).await?,
    };
    let Export { filter, deleted, format, .. } = export;
    let list = Listing { of, deleted, filter, sort: None, descending: false };
    let artifacts = format == ExportFormat::Mlflow && !export.no_artifacts;
    let models = format == ExportFormat::Mlflow && export.with_models;
    let job = context.call(ExportRuns { list, runs, format, to: absolute(&export.to)?, artifacts, models }).await?;
    let job = context.follow_here_unless(export.detach, job).await?;
    // What was left out; of an export that goes on nothing is known yet.
    let left = context.call(GetJobLog { job: job.id }).await?;
    context.output.show(&job, |job| [vec![job.message.clone()], left].concat().join("\n"))
}

/// Where a named run is.
async fn scope_of(context: &Context, run: RunId) -> Outcome<Scope> {
    let run = context.call(GetRun { run }).await?;
    Ok(run.project.map_or(Scope::Experiment(run.experiment), Scope::Project))
}
