//! `slipway run move`, `delete`, `restore`, `purge`: what is done to several runs at once.

use api::{
    RunId,
    figure::counted,
    run::DeleteCheckpoints,
    tracking::{MoveRuns, PurgeRuns, RestoreRuns, TrashRuns},
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
    },
    /// Deletes runs so that `run restore` brings them back; their files stay until `run purge`
    #[command(visible_alias = "trash")]
    Delete {
        /// Runs by name or id, or `latest`
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
        /// Delete their checkpoints alone, for good: this can't be undone, and the runs stay
        #[arg(long)]
        checkpoints_only: bool,
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

pub(super) async fn run(context: &mut Context, command: SeveralCommand) -> Outcome {
    let told = |runs: &[RunId], what: &str| format!("{} {what}.", counted(runs.len() as u64, "run is", "runs are"));
    match command {
        SeveralCommand::Move { runs, to } => {
            let to = context.experiment(&to, false).await?;
            let runs = context.runs(&runs, false).await?;
            context.call(MoveRuns { runs: runs.clone(), to: to.id }).await?;
            context.output.show(&runs, |runs| told(runs, &format!("in {} now", to.name)))
        }
        SeveralCommand::Delete { runs, checkpoints_only: true } => {
            context.lasting().await?;
            let runs = context.runs(&runs, false).await?;
            let what = format!("The checkpoints of {} are deleted for good", counted(runs.len() as u64, "run", "runs"));
            let freed = context.call(DeleteCheckpoints { runs }).await?;
            context.output.show(&freed, |freed| format!("{what}; {} freed.", words::bytes(freed.bytes)))
        }
        SeveralCommand::Delete { runs, checkpoints_only: false } => {
            let runs = context.runs(&runs, false).await?;
            context.call(TrashRuns { runs: runs.clone() }).await?;
            context.output.show(&runs, |runs| told(runs, "deleted; `slipway run restore` undoes it"))
        }
        SeveralCommand::Restore { runs } => {
            let runs = context.runs(&runs, true).await.map_err(names::on_restore)?;
            context.call(RestoreRuns { runs: runs.clone() }).await?;
            context.output.show(&runs, |runs| told(runs, "restored"))
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
