//! `slipway model logged`: what MLflow's clients logged as models, before and apart from any registered name.

use api::{
    ApiError,
    logged::{FiguresByDataset, GetLogged, ListLogged, LoggedBy, LoggedDetail, LoggedList},
    tracking::{LoggedModel, Scope},
};
use clap::Subcommand;

use super::registered;
use crate::{
    context::{Context, Outcome},
    output::{pairs, table},
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
    },
    /// Shows one: its type, params and figures, the run that made it, its files and what was registered from it
    Show {
        /// Its id, or its name where no other has it
        model: String,
    },
}

pub(super) async fn run(context: &Context, command: LoggedCommand) -> Outcome {
    match command {
        LoggedCommand::List { run, experiment } => {
            let of = match (run, experiment) {
                (Some(run), _) => LoggedBy::Run(context.run(&run).await?),
                (None, Some(experiment)) => {
                    LoggedBy::Within(Scope::Experiment(context.experiment(&experiment, false).await?.id))
                }
                (None, None) => LoggedBy::Within(Scope::All),
            };
            context.output.show(&context.call(ListLogged { of }).await?, list)
        }
        LoggedCommand::Show { model } => {
            let model = named(context, model).await?;
            context.output.show(&context.call(GetLogged { model }).await?, shown)
        }
    }
}

/// The id of a logged model; a name is looked for among those that are listed.
async fn named(context: &Context, model: String) -> Outcome<String> {
    if model.starts_with("m-") {
        return Ok(model);
    }
    let all = context.call(ListLogged { of: LoggedBy::Within(Scope::All) }).await?.models;
    let mut same = all.iter().filter(|one| one.name == model);
    match (same.next(), same.next()) {
        (Some(only), None) => Ok(only.id.clone()),
        (Some(_), Some(_)) => Err(ApiError::invalid(format!("Several logged models are called {model}."))
            .with_hint("Name one by its id: `slipway model logged list` shows them.")),
        (None, _) => Err(ApiError::not_found(format!("No logged model is called {model}."))
            .with_hint("`slipway model logged list` shows them.")),
    }
}

fn list(list: &LoggedList) -> String {
    let row = |model: &LoggedModel| {
        vec![
            model.id.clone(),
            model.name.clone(),
            words::or_dash(model.kind.clone(), |kind| kind),
            words::word(&model.status),
            model.params.len().to_string(),
            FiguresByDataset::of(model).rows.len().to_string(),
            words::time(model.created_ms),
        ]
    };
    let mut told =
        table(&["id", "name", "type", "status", ">params", ">metrics", "logged"], list.models.iter().map(row));
    let left_out = list.total - list.models.len() as u64;
    if left_out > 0 {
        told.push_str(&format!("\n{left_out} older ones are left out."));
    }
    told
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
                value.map(|value| vec![key.clone(), value.to_string(), name, digest])
            })
        });
        parts.push(table(&["metric", ">value", "dataset", "digest"], rows));
    }
    if !versions.is_empty() {
        let row = |version: &api::logged::LoggedVersion| {
            vec![format!("{}:{}", version.name, version.number), version.aliases.join(", "), version.id.to_string()]
        };
        parts.push(table(&["version", "aliases", "id"], versions.iter().map(row)));
    }
    parts.join("\n\n")
}
