//! `slipway model logged`: what MLflow's clients logged as models, before and apart from any registered name.

use api::{
    ApiError,
    figure::counted,
    logged::{
        DeleteLogged, FiguresByDataset, GetLogged, ListLogged, LoggedAt, LoggedBy, LoggedDetail, LoggedList,
        LoggedPlace, RegisterLogged, RestoreLogged,
    },
    model::ListOtherModels,
    tracking::{LoggedModel, Scope},
};
use clap::Subcommand;

use super::registered;
use crate::{
    context::{Context, Outcome},
    output::{self, one_line, pairs, table},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum LoggedCommand {
    /// Lists those of a run, of an experiment, or all
    List {
        /// A run's name or id, or `latest`; without it those of all experiments
        run: Option<String>,
        /// Those of an experiment, by its name or number
        #[arg(long, conflicts_with = "run")]
        experiment: Option<String>,
        /// Those that no run made
        #[arg(long, conflicts_with_all = ["run", "experiment"])]
        without_run: bool,
        /// Those that were deleted and can be restored
        #[arg(long)]
        deleted: bool,
        /// Print CSV
        #[arg(long)]
        csv: bool,
    },
    /// Shows one: its type, params and metrics, the run that made it, its files and what was registered from it
    Show {
        /// Its id, or its name where no other has it
        model: String,
    },
    /// Registers one as the next version of a model: `register m-0123… --name churn`
    Register {
        /// Its id, or its name where no other has it
        #[arg(required_unless_present = "run", conflicts_with = "run")]
        model: Option<String>,
        /// Instead a folder among the artifacts of this run, by its name or id
        #[arg(long, requires = "folder")]
        run: Option<String>,
        /// The folder's path among the run's artifacts; it has a file called MLmodel
        #[arg(long, value_name = "PATH", requires = "run")]
        folder: Option<String>,
        /// The registered model's name; it is made where there is none
        #[arg(long)]
        name: String,
    },
    /// Deletes one so that it can be restored; refused while a version was registered from it
    Delete {
        /// Its id, or its name where no other has it
        model: String,
    },
    /// Restores one, also what a client deleted; a day later `storage collect` may have taken it
    Restore {
        /// Its id, or its name where no other deleted one has it
        model: String,
    },
}

pub(super) async fn run(context: &Context, command: LoggedCommand) -> Outcome {
    match command {
        LoggedCommand::List { run, experiment, without_run, deleted, csv } => {
            let of = match (run, experiment) {
                (Some(run), _) => LoggedBy::Run(context.run(&run).await?),
                (None, Some(experiment)) => {
                    LoggedBy::Within(Scope::Experiment(context.experiment(&experiment, false).await?.id))
                }
                (None, None) if without_run => LoggedBy::NoRun,
                (None, None) => LoggedBy::Within(Scope::All),
            };
            let found = context.call(ListLogged { of, deleted }).await?;
            if !csv {
                return context.output.show(&found, |found| list(found, deleted));
            }
            if let Some(said) = left_out(&found) {
                context.output.say(&said);
            }
            output::pass(&written(&found)).map(drop)
        }
        LoggedCommand::Show { model } => context.output.show(&context.call(GetLogged { model }).await?, shown),
        LoggedCommand::Register { model, run, folder, name } => {
            let from = match (model, run, folder) {
                (Some(model), ..) => LoggedAt::Model(model),
                (None, Some(run), Some(path)) => LoggedAt::Folder { run: context.run(&run).await?, path },
                _ => return Err(ApiError::invalid("Name a logged model, or a run and a folder of its artifacts.")),
            };
            let version = context.call(RegisterLogged { from, name }).await?;
            let others = context.call(ListOtherModels::default()).await?;
            let of_none = others.iter().any(|model| model.name == version.name);
            context.output.show(&version, |version| {
                let listed = if of_none { "\nListed by: slipway model list --without-project" } else { "" };
                format!("{}:{} is registered.{listed}", version.name, version.number)
            })
        }
        LoggedCommand::Delete { model } => {
            let deleted = context.call(DeleteLogged { model }).await?;
            context.output.show(&deleted, |model| {
                format!("{} is deleted.\nBack: slipway model logged restore {}", model.name, model.id)
            })
        }
        LoggedCommand::Restore { model } => {
            let restored = context.call(RestoreLogged { model }).await?;
            context.output.show(&restored, |model| format!("{} is back.", model.name))
        }
    }
}

fn list(list: &LoggedList, deleted: bool) -> String {
    let row = |(model, place): (&LoggedModel, &LoggedPlace)| {
        vec![
            model.id.clone(),
            model.name.clone(),
            words::or_dash(place.run.as_deref(), one_line),
            one_line(&place.experiment),
            words::or_dash(model.kind.clone(), |kind| kind),
            words::word(&model.status),
            model.params.len().to_string(),
            FiguresByDataset::of(model).rows.len().to_string(),
            words::time(model.deleted_ms.unwrap_or(model.created_ms)),
        ]
    };
    let when = if deleted { "deleted" } else { "logged" };
    let headings = ["id", "name", "run", "experiment", "type", "status", ">params", ">metrics", when];
    let mut told = table(&headings, list.models.iter().zip(&list.places).map(row));
    if let Some(said) = left_out(list) {
        told.push_str(&format!("\n{said}"));
    }
    told
}

/// What is said of those that are too many.
fn left_out(list: &LoggedList) -> Option<String> {
    let left_out = list.total.saturating_sub(list.models.len() as u64);
    (left_out > 0).then(|| format!("{} left out.", counted(left_out, "older one is", "older ones are")))
}

/// A row a logged model, for programs.
fn written(list: &LoggedList) -> String {
    let row = |(model, place): (&LoggedModel, &LoggedPlace)| {
        vec![
            model.id.clone(),
            model.name.clone(),
            place.run.clone().unwrap_or_default(),
            place.experiment.clone(),
            model.kind.clone().unwrap_or_default(),
            words::word(&model.status),
            model.params.len().to_string(),
            FiguresByDataset::of(model).rows.len().to_string(),
            words::exact_time(model.created_ms),
            model.deleted_ms.map(words::exact_time).unwrap_or_default(),
        ]
    };
    let head = ["id", "name", "run", "experiment", "type", "status", "params", "metrics", "logged", "deleted"];
    output::csv(&head, list.models.iter().zip(&list.places).map(row))
}

fn shown(detail: &LoggedDetail) -> String {
    let LoggedDetail { model, run, experiment_name, versions, files, described, unreadable, lineage: _ } = detail;
    let flavors = described.iter().flat_map(|described| &described.flavors);
    let flavors = flavors.map(|flavor| flavor.name.clone()).collect::<Vec<_>>().join(", ");
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let head = pairs(&[
        ("logged model", Some(model.name.clone())),
        ("id", Some(model.id.clone())),
        ("type", model.kind.clone()),
        ("status", Some(words::word(&model.status))),
        ("why", model.status_message.clone()),
        ("deleted", model.deleted_ms.map(words::time)),
        ("experiment", some(experiment_name.clone())),
        ("run", run.as_ref().map(|(name, _)| name.clone())),
        ("flavors", some(flavors)),
        ("files", Some(registered::sum(files))),
        ("logged", Some(words::time(model.created_ms))),
    ]);
    let mut parts = vec![head];
    parts.extend(unreadable.as_ref().map(|why| format!("note: {why}")));
    for (title, of) in [("param", &model.params), ("tag", &model.tags)] {
        if !of.is_empty() {
            parts.push(table(&[title, "value"], of.iter().map(|(key, value)| vec![key.clone(), value.clone()])));
        }
    }
    let figures = FiguresByDataset::of(model);
    if !figures.rows.is_empty() {
        let rows = figures.rows.iter().flat_map(|(key, values)| {
            figures.datasets.iter().zip(values).filter_map(move |(dataset, value)| {
                let (name, digest) = dataset.clone().unwrap_or_default();
                value.map(|figure| vec![key.clone(), figure.value.to_string(), figure.step.to_string(), name, digest])
            })
        });
        parts.push(table(&["metric", ">value", ">step", "dataset", "digest"], rows));
    }
    if !versions.is_empty() {
        let row = |version: &api::logged::LoggedVersion| {
            vec![format!("{}:{}", version.name, version.number), version.aliases.join(", "), version.id.to_string()]
        };
        parts.push(table(&["version", "aliases", "id"], versions.iter().map(row)));
    }
    parts.join("\n\n")
}
