//! `slipway tracking` and `slipway experiment`: where MLflow's clients log to, and what groups their runs.

use std::collections::{BTreeMap, HashMap};

use api::{
    ApiError, ErrorCode, ProjectId,
    figure::counted,
    project::ListProjects,
    run_table::quoted,
    tracking::{
        CreateExperiment, DeleteExperiment, EditExperiment, Experiment, GetTracking, ListExperiments, MoveExperiment,
        MoveFolder, NOTE_TAG, PurgeExperiment, RenewTracking, RestoreExperiment,
    },
};
use clap::{Args, Subcommand};

use super::run::tag;
use crate::{
    context::{Context, Outcome, named_project},
    names,
    output::{self, pairs, table},
    words,
};

#[derive(Debug, Args)]
pub(crate) struct TrackingArguments {
    /// Make a new token: addresses that were copied before open nothing any more
    #[arg(long)]
    renew: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExperimentCommand {
    /// Lists experiments: each project's, and those of no project
    List {
        /// `folder = "vision"`, `within = "vision"` (also folders below it), `name`, `notes`, `tag.KEY`, `created` and `updated`
        /// (a date as '2026-11-24'), as `run list` filters; words match names, folders, notes and tags
        #[arg(default_value = "")]
        filter: String,
        /// Those that were deleted, instead of those that are there
        #[arg(long)]
        deleted: bool,
        /// Print CSV, with tags and notes
        #[arg(long)]
        csv: bool,
    },
    /// Shows an experiment: its project, folder, runs, place of artifacts, tags and notes
    Show {
        /// An experiment's name or number
        experiment: String,
    },
    /// Makes an experiment that belongs to no project
    Create {
        /// No two experiments have the same
        name: String,
        /// Where it stands among others: vision/resnet
        #[arg(long, default_value = "")]
        folder: String,
    },
    /// Changes an experiment's name, folder, notes or tags
    Edit {
        /// An experiment's name or number
        experiment: String,
        /// A new name
        #[arg(long)]
        name: Option<String>,
        /// A new folder; an empty one is the top
        #[arg(long)]
        folder: Option<String>,
        /// New notes, in Markdown
        #[arg(long)]
        notes: Option<String>,
        /// Sets a tag; an empty value removes it
        #[arg(long = "tag", value_name = "KEY=VALUE")]
        tags: Vec<String>,
        /// Removes a tag
        #[arg(long = "remove-tag", value_name = "KEY")]
        removed: Vec<String>,
    },
    /// Moves an experiment with its runs into a project, or out of the one that it is in
    Move {
        /// An experiment's name or number
        experiment: String,
        /// A project's name, id or folder; without it the experiment belongs to none afterwards
        #[arg(long)]
        to: Option<String>,
    },
    /// Renames or moves a folder with all that stands in it and below: `vision/resnet vision/resnets`
    MoveFolder {
        /// The folder: vision/resnet
        from: String,
        /// Its new path, which no folder has
        to: String,
    },
    /// Deletes an experiment with its runs, or all of a folder, so that each can be restored
    Delete {
        /// An experiment's name or number
        #[arg(required_unless_present = "folder", conflicts_with = "folder")]
        experiment: Option<String>,
        /// All that stand in this folder and below it, but a project's own and where programs log that name none
        #[arg(long, value_name = "PATH")]
        folder: Option<String>,
    },
    /// Brings a deleted experiment back, with its runs
    Restore {
        /// The deleted experiment's name or number
        experiment: String,
    },
    /// Deletes a deleted experiment for good, with its runs and their files
    Purge {
        /// The deleted experiment's name or number
        experiment: String,
    },
}

/// Prints the address alone, so that a shell can put it into a variable.
pub(crate) async fn address(context: &mut Context, arguments: &TrackingArguments) -> Outcome {
    // Whoever copies the address uses it later, also where another command started the host.
    context.staying().await?;
    let tracking = match arguments.renew {
        true => context.call(RenewTracking {}).await?,
        false => context.call(GetTracking { for_later: true }).await?,
    };
    context.output.show(&tracking, |tracking| tracking.address.clone())
}

pub(crate) async fn experiment(context: &mut Context, command: ExperimentCommand) -> Outcome {
    match command {
        ExperimentCommand::List { filter, deleted, csv } => {
            let is_filtered = !filter.trim().is_empty();
            let experiments = context.call(ListExperiments { deleted, filter }).await?;
            let projects = context.call(ListProjects {}).await?;
            let names = projects.into_iter().map(|summary| (summary.project.id, summary.project.name)).collect();
            if csv {
                return output::pass(&list_written(&experiments, &names)).map(drop);
            }
            context.output.show(&experiments, |experiments| match experiments.is_empty() && is_filtered {
                true => "No experiment passes the filter.".to_owned(),
                false => listed(experiments, &names),
            })
        }
        ExperimentCommand::Show { experiment } => {
            let found = context.experiment(&experiment, false).await?;
            let mut projects = context.call(ListProjects {}).await?.into_iter().map(|summary| summary.project);
            let project = projects.find(|project| found.project == Some(project.id)).map(|project| project.name);
            context.output.show(&found, |found| shown_whole(found, project))
        }
        ExperimentCommand::Create { name, folder } => {
            context.output.show(&context.call(CreateExperiment { name, folder }).await?, shown)
        }
        ExperimentCommand::Edit { experiment, name, folder, notes, tags, removed } => {
            let found = context.experiment(&experiment, false).await?;
            let mut tags = tags.iter().map(|pair| tag(pair)).collect::<Outcome<BTreeMap<_, _>>>()?;
            for key in removed {
                if !found.tags.contains_key(&key) {
                    return Err(no_tag(&found, &key));
                }
                tags.insert(key, None);
            }
            let request = EditExperiment { experiment: found.id, name, folder, notes, tags };
            context.output.show(&context.call(request).await?, shown)
        }
        ExperimentCommand::Move { experiment, to } => {
            let experiment = context.experiment(&experiment, false).await?.id;
            let to = match to {
                Some(project) => Some(named_project(&context.session, &project).await?.id),
                None => None,
            };
            context.output.show(&context.call(MoveExperiment { experiment, to }).await?, shown)
        }
        ExperimentCommand::MoveFolder { from, to } => {
            let moved = context.call(MoveFolder { from: from.clone(), to: to.clone() }).await?;
            let (one, many) = (format!("experiment of {from} stands"), format!("experiments of {from} stand"));
            context.output.show(&moved, |moved| format!("{} in {to} now.", counted(*moved, &one, &many)))
        }
        ExperimentCommand::Delete { folder: Some(folder), .. } => delete_folder(context, &folder).await,
        ExperimentCommand::Delete { experiment, folder: None } => {
            let found = context.experiment(&experiment.unwrap_or_default(), false).await?;
            context.call(DeleteExperiment { experiment: found.id }).await?;
            if found.is_default() {
                context.output.say(
                    "Clients that name no experiment log to it, and are refused until it is back: set MLFLOW_EXPERIMENT_NAME \
                     for them, or restore it.",
                );
            }
            context.output.show(&found, |found| {
                format!(
                    "{} and its runs are deleted; `slipway experiment restore {}` undoes it.",
                    found.name, found.number
                )
            })
        }
        ExperimentCommand::Restore { experiment } => {
            let experiment = context.experiment(&experiment, true).await.map_err(names::on_restore)?.id;
            context.output.show(&context.call(RestoreExperiment { experiment }).await?, shown)
        }
        ExperimentCommand::Purge { experiment } => {
            context.lasting().await?;
            let found = context.experiment(&experiment, true).await;
            let found = found.map_err(|error| names::on_purge(error, "experiment delete"))?;
            let freed = context.call(PurgeExperiment { experiment: found.id }).await?;
            context.output.show(&freed, |freed| super::host::freed("The experiment is deleted for good", freed))
        }
    }
}

/// One after another, as the window does; where one is refused, those before it are deleted and said.
async fn delete_folder(context: &Context, folder: &str) -> Outcome {
    let folder = folder.split('/').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    if folder.is_empty() {
        return Err(ApiError::invalid("A folder needs a path: names joined by /, such as vision/resnet."));
    }
    let filter = format!("within = {}", quoted(&folder));
    let all = context.call(ListExperiments { deleted: false, filter }).await?;
    if all.is_empty() {
        return Err(ApiError::not_found(format!("There is no folder {folder}."))
            .with_hint("`slipway experiment list` shows each experiment's folder."));
    }
    let (gone, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(Experiment::goes_with_folder);
    let kept: Vec<String> = kept.into_iter().map(|one| one.name).collect();
    if gone.is_empty() {
        let message = format!("Nothing of {folder} can be deleted with it: {}.", kept.join(", "));
        return Err(ApiError::new(ErrorCode::Conflict, message)
            .with_hint("They are projects' own, or where programs log that name none."));
    }
    let mut done = Vec::with_capacity(gone.len());
    for one in gone {
        if let Err(refused) = context.call(DeleteExperiment { experiment: one.id }).await {
            if !done.is_empty() {
                context.output.say(&told_of_folder(&folder, &done, &kept));
            }
            return Err(refused);
        }
        done.push(one);
    }
    context.output.show(&done, |done| told_of_folder(&folder, done, &kept))
}

fn told_of_folder(folder: &str, done: &[Experiment], kept: &[String]) -> String {
    let (one, many) = (format!("experiment of {folder} is"), format!("experiments of {folder} are"));
    let deleted = counted(done.len() as u64, &one, &many);
    let runs = counted(done.iter().map(|one| one.runs).sum(), "run", "runs");
    let numbers = done.iter().map(|one| one.number.to_string()).collect::<Vec<_>>().join(", ");
    let kept = match kept {
        [] => String::new(),
        kept => format!("\nNot deleted: {} (a project's own, or where programs log that name none).", kept.join(", ")),
    };
    format!("{deleted} deleted with {runs}.{kept}\nBack: slipway experiment restore NUMBER, of each: {numbers}")
}

fn listed(experiments: &[Experiment], projects: &HashMap<ProjectId, String>) -> String {
    let row = |experiment: &Experiment| {
        let project = experiment.project.and_then(|project| projects.get(&project)).cloned();
        vec![
            experiment.number.to_string(),
            experiment.name.clone(),
            experiment.folder.clone(),
            words::or_dash(project, |name| name),
            words::count(experiment.runs),
            words::or_dash(experiment.changed_ms(), words::time),
        ]
    };
    table(&[">number", "name", "folder", "project", ">runs", "changed"], experiments.iter().map(row))
}

/// A row an experiment, for programs.
fn list_written(experiments: &[Experiment], projects: &HashMap<ProjectId, String>) -> String {
    let row = |experiment: &Experiment| {
        let project = experiment.project.and_then(|project| projects.get(&project)).cloned();
        vec![
            experiment.number.to_string(),
            experiment.name.clone(),
            experiment.folder.clone(),
            project.unwrap_or_default(),
            experiment.runs.to_string(),
            words::exact_time(experiment.created_ms),
            experiment.changed_ms().map(words::exact_time).unwrap_or_default(),
            experiment.deleted_ms.map(words::exact_time).unwrap_or_default(),
            experiment.location.clone().unwrap_or_default(),
            words::joined(&experiment.plain_tags()).unwrap_or_default(),
            experiment.tags.get(NOTE_TAG).cloned().unwrap_or_default(),
        ]
    };
    let head =
        ["number", "name", "folder", "project", "runs", "created", "changed", "deleted", "artifacts", "tags", "notes"];
    output::csv(&head, experiments.iter().map(row))
}

fn shown(experiment: &Experiment) -> String {
    pairs(&facts(experiment))
}

/// With what only a list of experiments tells.
fn shown_whole(experiment: &Experiment, project: Option<String>) -> String {
    let more = [
        ("project", project),
        ("runs", Some(words::count(experiment.runs))),
        ("changed", experiment.changed_ms().map(words::time)),
        ("artifacts", experiment.location.clone()),
    ];
    let [experiment, number, folder, tags, notes] = facts(experiment);
    pairs(&[&[experiment, number, folder], &more[..], &[tags, notes]].concat())
}

fn no_tag(experiment: &Experiment, key: &str) -> ApiError {
    let tags = experiment.plain_tags().into_keys().collect::<Vec<_>>();
    let hint = match tags.is_empty() {
        true => "It has no tags.".to_owned(),
        false => format!("It has {}.", tags.join(", ")),
    };
    ApiError::not_found(format!("{} has no tag \"{key}\".", experiment.name)).with_hint(hint)
}

fn facts(experiment: &Experiment) -> [(&'static str, Option<String>); 5] {
    [
        ("experiment", Some(experiment.name.clone())),
        ("number", Some(experiment.number.to_string())),
        ("folder", Some(experiment.folder.clone()).filter(|folder| !folder.is_empty())),
        ("tags", words::joined(&experiment.plain_tags())),
        ("notes", experiment.tags.get(NOTE_TAG).cloned().filter(|notes| !notes.is_empty())),
    ]
}
