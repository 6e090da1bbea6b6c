//! `slipway run move`, `trash`, `restore`, `purge`: what is done to several runs at once.

use api::{
    RunId,
    figure::counted,
    tracking::{MoveRuns, PurgeRuns, RestoreRuns, TrashRuns},
};
use clap::Subcommand;

use crate::context::{Context, Outcome};

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
    /// Deletes runs so that they can be restored
    Trash {
        /// Runs by name or id
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
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
        SeveralCommand::Trash { runs } => {
            let runs = context.runs(&runs, false).await?;
            context.call(TrashRuns { runs: runs.clone() }).await?;
            context.output.show(&runs, |runs| told(runs, "deleted; `slipway run restore` undoes it"))
        }
        SeveralCommand::Restore { runs } => {
            let runs = context.runs(&runs, true).await?;
            context.call(RestoreRuns { runs: runs.clone() }).await?;
            context.output.show(&runs, |runs| told(runs, "restored"))
        }
        SeveralCommand::Purge { runs } => {
            context.lasting().await?;
            let runs = context.runs(&runs, true).await?;
            let what = told(&runs, "deleted for good");
            let freed = context.call(PurgeRuns { runs }).await?;
            context.output.show(&freed, |freed| crate::commands::host::freed(what.trim_end_matches('.'), freed))
        }
    }
}
