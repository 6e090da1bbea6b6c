//! `slipway run move`, `delete`, `restore`, `purge`: what is done to several runs at once.

use api::{
    ErrorCode, RunId,
    deleted::CHECKPOINTS,
    figure::counted,
    run::{DeleteCheckpoints, GetRun},
    tracking::{GetRunPlaces, MoveRuns, PurgeRuns, RestoreRuns, RunPlace, TrashRuns},
};
use clap::Subcommand;

use crate::{
    context::{Context, Outcome},
    names, words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum SeveralCommand {
    /// Moves runs into another experiment, and so into its project; what runs under Slipway only within its project
    Move {
        /// Runs by name or id
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
        /// The experiment's name or number
        #[arg(long, value_name = "EXPERIMENT")]
        to: String,
        /// With what stands below them: nested runs, the trials of a search; so it is unless --alone is said
        #[arg(long, conflicts_with = "alone")]
        with_children: bool,
        /// Leave what stands below them where it is
        #[arg(long)]
        alone: bool,
    },
    /// Deletes runs so that `run restore` brings them back; their files stay until `run purge`
    #[command(visible_alias = "trash")]
    Delete {
        /// Runs by name or id, or `latest`
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
        /// Delete their checkpoints alone, so that they can be restored for a day; the runs stay
        #[arg(long)]
        checkpoints_only: bool,
        /// Free the checkpoints at once, also those that were deleted before: nothing restores them
        #[arg(long, requires = "checkpoints_only")]
        for_good: bool,
        /// Only say how many bytes their checkpoints hold
        #[arg(long, requires = "checkpoints_only")]
        dry_run: bool,
    },
    /// Brings deleted runs back
    Restore {
        /// Deleted runs by name or id
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
    },
    /// Deletes deleted runs for good, with their files; refused while a model points at one
    Purge {
        /// Deleted runs by name or id
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
    },
}

/// Runs that are named behind a command.
const NAMED: usize = 5;

/// The runs that are to be deleted or restored, and what is said of those that are so already.
async fn sorted(context: &Context, runs: Vec<RunId>, delete: bool) -> Outcome<(Vec<RunId>, Vec<String>)> {
    let (mut left, mut already) = (Vec::with_capacity(runs.len()), Vec::new());
    for id in runs {
        let run = context.call(GetRun { run: id }).await.map_err(|error| match error.code {
            ErrorCode::NotFound => error.with_hint("It was deleted for good, or is of another workspace."),
            _ => error,
        })?;
        match (delete, run.deleted_ms.is_some()) {
            (true, true) => already.push(format!("{} was deleted already.\n{}", run.name, way_back(&[id]))),
            (false, false) => already.push(format!("{} is not deleted.", run.name)),
            _ => left.push(id),
        }
    }
    Ok((left, already))
}

fn way_back(runs: &[RunId]) -> String {
    match runs.len() > NAMED {
        true => "Back: slipway run restore RUN…, as `slipway run list --deleted` names them".to_owned(),
        false => {
            let ids = runs.iter().map(RunId::to_string).collect::<Vec<_>>().join(" ");
            format!("Back: slipway run restore {ids}")
        }
    }
}

/// How the checkpoints of runs come back, which are named as the command named them.
fn way_back_of_checkpoints(runs: &[String]) -> String {
    match runs {
        [run] => format!("Back: slipway run artifacts {} --restore {CHECKPOINTS}", words::shell(run)),
        _ => format!("Back, of each: slipway run artifacts RUN --restore {CHECKPOINTS}"),
    }
}

/// What became of the runs below those that were moved.
fn told_of_children(below: &[RunPlace], alone: bool) -> String {
    let count = counted(below.len() as u64, "child run", "child runs");
    match (below, alone) {
        ([], _) => String::new(),
        (_, true) => format!("\nLeft where they were: {count}, which the table there shows below nothing."),
        (_, false) => format!("\nWith them: {count}; --alone would have left them."),
    }
}

pub(super) async fn run(context: &mut Context, command: SeveralCommand) -> Outcome {
    let told = |runs: &[RunId], what: &str| format!("{} {what}.", counted(runs.len() as u64, "run is", "runs are"));
    match command {
        SeveralCommand::Move { runs, to, alone, .. } => {
            let to = context.experiment(&to, false).await?;
            let runs = context.runs(&runs, false).await?;
            let below = context.call(GetRunPlaces { runs: runs.clone() }).await?.below;
            context.call(MoveRuns { runs: runs.clone(), to: to.id, with_children: !alone }).await?;
            let said = format!("{}{}", told(&runs, &format!("in {} now", to.name)), told_of_children(&below, alone));
            let moved = below.into_iter().filter(|_| !alone).map(|place| place.id);
            context.output.show(&runs.into_iter().chain(moved).collect::<Vec<_>>(), |_| said)
        }
        SeveralCommand::Delete { runs, checkpoints_only: true, for_good, dry_run: true } => {
            let runs = context.runs(&runs, false).await?;
            let what = format!("The checkpoints of {} hold", counted(runs.len() as u64, "run", "runs"));
            let held = context.call(DeleteCheckpoints { runs, dry_run: true, for_good }).await?;
            context.output.show(&held, |held| {
                let then = if for_good { "nothing would restore them" } else { "they could be restored for a day" };
                format!("{what} {}; {then}.", words::bytes(held.bytes))
            })
        }
        SeveralCommand::Delete { runs: named, checkpoints_only: true, for_good, dry_run: false } => {
            context.lasting().await?;
            let runs = context.runs(&named, false).await?;
            let what = format!("The checkpoints of {} are deleted", counted(runs.len() as u64, "run", "runs"));
            let freed = context.call(DeleteCheckpoints { runs, dry_run: false, for_good }).await?;
            context.output.show(&freed, |freed| {
                let size = words::bytes(freed.bytes);
                if for_good {
                    return format!("{what} for good; {size} freed.");
                }
                let back = way_back_of_checkpoints(&named);
                format!("{what}; their {size} go with the first cleaning a day later.\n{back}")
            })
        }
        SeveralCommand::Delete { runs, checkpoints_only: false, .. } => {
            let runs = context.runs(&runs, false).await?;
            let (runs, already) = sorted(context, runs, true).await?;
            context.call(TrashRuns { runs: runs.clone() }).await?;
            context.output.show(&runs, |runs| {
                let said = (!runs.is_empty()).then(|| format!("{}\n{}", told(runs, "deleted"), way_back(runs)));
                already.into_iter().chain(said).collect::<Vec<_>>().join("\n")
            })
        }
        SeveralCommand::Restore { runs } => {
            let runs = context.runs(&runs, true).await.map_err(names::on_restore)?;
            let (runs, already) = sorted(context, runs, false).await?;
            context.call(RestoreRuns { runs: runs.clone() }).await?;
            context.output.show(&runs, |runs| {
                let said = (!runs.is_empty()).then(|| told(runs, "restored"));
                already.into_iter().chain(said).collect::<Vec<_>>().join("\n")
            })
        }
        SeveralCommand::Purge { runs } => {
            context.lasting().await?;
            let runs = context.runs(&runs, true).await.map_err(|error| names::on_purge(error, "run delete"))?;
            let what = told(&runs, "deleted for good");
            let freed = context.call(PurgeRuns { runs }).await?;
            context.output.show(&freed, |freed| crate::commands::host::freed(what.trim_end_matches('.'), freed))
        }
    }
}
