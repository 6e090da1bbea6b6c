//! `slipway model`: registering, listing, naming, predicting.

use std::{collections::BTreeMap, path::PathBuf};

use api::{
    ApiError,
    model::{
        DeleteVersion, FindVersion, GetVersion, ListModels, ListOtherModels, Model, Predict, PredictFile, Predictions,
        RegisterModel, SetAlias, Version, VersionDetail,
    },
    tracking::{ClientVersion, Stage},
};
use clap::Subcommand;
use serde_json::Value;

use crate::{
    context::{Context, Outcome, absolute},
    output::{pairs, table},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Registers a finished run's model under a name (by default the project's)
    Register {
        /// By default the newest run
        #[arg(default_value = "latest")]
        run: String,
        /// The model's name
        #[arg(long)]
        name: Option<String>,
        /// An alias for the new version: champion
        #[arg(long = "alias")]
        aliases: Vec<String>,
    },
    /// Lists models with their versions
    List {
        /// Those of MLflow's clients that belong to no project
        #[arg(long)]
        without_project: bool,
    },
    /// Shows a version: what it is, how good, what it is asked and answers, where it came from
    Show {
        /// NAME, NAME@ALIAS, NAME:NUMBER or an id
        version: String,
    },
    /// Prints which version a name stands for
    Find {
        /// NAME, NAME@ALIAS, NAME:NUMBER or an id
        version: String,
    },
    /// Points an alias of a model at one of its versions, or removes it: `fraud champion 2` makes fraud@champion
    Alias {
        /// The model's name, without a version
        model: String,
        /// champion, staging, …
        alias: String,
        /// The version's number, or an id
        #[arg(required_unless_present = "remove")]
        version: Option<String>,
        /// Remove the alias; the version stays
        #[arg(long, conflicts_with = "version")]
        remove: bool,
    },
    /// Deletes a version; refused while deployed
    Delete {
        /// NAME, NAME@ALIAS, NAME:NUMBER or an id
        version: String,
    },
    /// Predicts a file or a folder of pictures into a file, or rows given as JSON
    Predict {
        /// NAME, NAME@ALIAS, NAME:NUMBER or an id
        version: String,
        /// A table to predict row by row, or a folder of pictures
        #[arg(required_unless_present = "row", requires = "output")]
        input: Option<PathBuf>,
        /// The table to write
        output: Option<PathBuf>,
        /// Overwrite the output if it is there
        #[arg(long, requires = "output")]
        force: bool,
        /// A row as a JSON object; may be given several times
        #[arg(long, conflicts_with = "input")]
        row: Vec<String>,
    },
}

pub(crate) async fn run(context: &mut Context, command: ModelCommand) -> Outcome {
    match command {
        ModelCommand::Register { run, name, aliases } => {
            context.lasting().await?;
            let run = context.run(&run).await?;
            let version = context.call(RegisterModel { run, name, aliases }).await?;
            context.output.show(&version, |version| format!("{} is registered.", line(version)))
        }
        ModelCommand::List { without_project } => {
            let models = match without_project {
                true => context.call(ListOtherModels {}).await?,
                false => context.call(ListModels { project: context.project_id().await? }).await?,
            };
            context.output.show(&models, |models| if without_project { list_of_clients(models) } else { list(models) })
        }
        ModelCommand::Show { version } => {
            let detail = context.call(GetVersion { version: context.version(&version).await? }).await?;
            context.output.show(&detail, shown)
        }
        ModelCommand::Find { version } => {
            let project = context.project_if_any().await?;
            context.output.show(&context.call(FindVersion { reference: version, project }).await?, line)
        }
        ModelCommand::Alias { model, alias, version, remove: _ } => {
            let model = context.model(&model).await?;
            let had_it = model.versions.iter().any(|version| version.aliases.contains(&alias));
            if version.is_none() && !had_it {
                return Err(ApiError::not_found(format!("{} has no alias \"{alias}\".", model.name))
                    .with_hint("See `slipway model list`."));
            }
            let version = match &version {
                // "7" and "v7" mean a version of this model.
                Some(named) => {
                    match model.versions.iter().find(|known| known.number.to_string() == named.trim_start_matches('v'))
                    {
                        Some(known) => Some(known.id),
                        None => Some(context.version(named).await?),
                    }
                }
                None => None,
            };
            let model = context.call(SetAlias { model: model.id, alias: alias.clone(), version }).await?;
            let stands = model.versions.iter().find(|known| Some(known.id) == version).map(|known| known.number);
            context.output.show(&model, |model| match stands {
                Some(number) => format!("{0}@{alias} is {0}:{number}.", model.name),
                None => format!("{} has no alias {alias} any more.", model.name),
            })
        }
        ModelCommand::Delete { version } => {
            context.lasting().await?;
            let freed = context.call(DeleteVersion { version: context.version(&version).await? }).await?;
            context.output.show(&freed, |freed| super::host::freed("The version is deleted", freed))
        }
        ModelCommand::Predict { version, input: Some(input), output: Some(output), force, .. } => {
            context.lasting().await?;
            let version = context.version(&version).await?;
            let (input, output) = (absolute(&input)?, absolute(&output)?);
            let job = context.call(PredictFile { version, input, output, overwrite: force }).await?;
            let job = context.follow_here(job).await?;
            context.output.show(&job, |job| format!("{}.", job.message))
        }
        ModelCommand::Predict { version, row, .. } => {
            let version = context.version(&version).await?;
            let rows = row.iter().map(|row| parse_row(row)).collect::<Outcome<Vec<_>>>()?;
            context.output.show(&context.call(Predict { version, rows }).await?, predictions)
        }
    }
}

/// A row that was given on the command line.
pub(crate) fn parse_row(text: &str) -> Outcome<Value> {
    match serde_json::from_str(text) {
        Ok(row @ Value::Object(_)) => Ok(row),
        Ok(_) => Err(ApiError::invalid(format!("\"{text}\" is no JSON object."))),
        Err(error) => Err(ApiError::invalid(format!("\"{text}\" is no JSON: {error}."))),
    }
    .map_err(|error| error.with_hint("For example: --row '{\"amount\": 12.5}'"))
}

fn line(version: &Version) -> String {
    let figure = version
        .primary
        .as_ref()
        .map_or_else(String::new, |figure| format!(", {} {}", figure.name, words::figure(figure.value)));
    format!("{}:{} ({}{figure})", version.model_name, version.number, version.run_name)
}

fn list(models: &[Model]) -> String {
    let row = |version: &Version| {
        vec![
            format!("{}:{}", version.model_name, version.number),
            version.aliases.iter().map(|alias| format!("@{alias}")).collect::<Vec<_>>().join(" "),
            words::word(&version.kind),
            version
                .primary
                .as_ref()
                .map_or_else(|| "–".to_owned(), |figure| format!("{} {}", figure.name, words::figure(figure.value))),
            version.run_name.clone(),
            words::or_dash(version.snapshot_number, |number| format!("v{number}")),
            words::bytes(version.size_bytes),
            if version.deployments.is_empty() {
                String::new()
            } else {
                format!("{} deployed", version.deployments.len())
            },
        ]
    };
    // Of what a client registered it says where the files are, and no more.
    let client = |model: &Model, version: &ClientVersion| {
        let aliases = version.aliases.iter().map(|alias| format!("@{alias}")).collect::<Vec<_>>().join(" ");
        let dash = || "–".to_owned();
        let name = format!("{}:{}", model.name, version.number);
        vec![name, aliases, "client's".to_owned(), dash(), dash(), dash(), dash(), version.source.clone()]
    };
    let ours = models.iter().flat_map(|model| &model.versions).map(row);
    let clients =
        models.iter().flat_map(|model| model.client_versions.iter().map(move |version| client(model, version)));
    table(&["model", "aliases", "kind", "figure", "run", "data", ">size", ""], ours.chain(clients))
}

/// Models that only clients know; one without a version has a line too.
fn list_of_clients(models: &[Model]) -> String {
    let first_line = |notes: &str| notes.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
    let tags = |tags: &BTreeMap<String, String>| {
        tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    };
    let own = |model: &Model| {
        let name = model.name.clone();
        vec![name, String::new(), String::new(), tags(&model.tags), first_line(&model.notes), String::new()]
    };
    let version = |model: &Model, version: &ClientVersion| {
        let aliases = version.aliases.iter().map(|alias| format!("@{alias}")).collect::<Vec<_>>().join(" ");
        let stage = if version.stage == Stage::None { String::new() } else { words::word(&version.stage) };
        let name = format!("{}:{}", model.name, version.number);
        vec![name, aliases, stage, tags(&version.tags), first_line(&version.notes), version.source.clone()]
    };
    let rows = models.iter().flat_map(|model| {
        let says_something = model.client_versions.is_empty() || !model.tags.is_empty() || !model.notes.is_empty();
        let own = says_something.then(|| own(model));
        own.into_iter().chain(model.client_versions.iter().map(move |one| version(model, one)))
    });
    table(&["model", "aliases", "stage", "tags", "description", "files"], rows)
}

fn shown(detail: &VersionDetail) -> String {
    let version = &detail.version;
    let head = pairs(&[
        ("model", Some(line(version))),
        ("id", Some(version.id.to_string())),
        ("aliases", Some(version.aliases.join(", ")).filter(|names| !names.is_empty())),
        ("task", Some(words::word(&version.task))),
        ("size", Some(words::bytes(version.size_bytes))),
        ("content", Some(version.content.clone())),
        ("data", version.snapshot_number.map(|number| format!("v{number}"))),
        ("code", version.commit.clone()),
        ("seed", version.seed.map(|seed| seed.to_string())),
        ("threshold", version.threshold.map(words::figure)),
        ("registered", Some(words::time(version.created_ms))),
    ]);
    let input = |input: &api::model::Input| {
        let known = match input.range {
            Some((low, high)) => format!("{} to {}", words::figure(low), words::figure(high)),
            None => input.categories.iter().take(5).cloned().collect::<Vec<_>>().join(", "),
        };
        let marks = [(input.optional, "optional"), (input.sensitive, "sensitive")];
        let marks = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect::<Vec<_>>().join(", ");
        vec![input.name.clone(), words::word(&input.kind), known, marks]
    };
    let outputs =
        version.signature.outputs.iter().map(|output| format!("{} ({})", output.name, words::word(&output.kind)));
    format!(
        "{head}\n\n{}\n\nanswers {}",
        table(&["input", "type", "seen in training", ""], version.signature.inputs.iter().map(input)),
        outputs.collect::<Vec<_>>().join(", ")
    )
}

fn predictions(predictions: &Predictions) -> String {
    rows(&predictions.rows)
}

/// Answered rows as a table, their keys as columns.
pub(crate) fn rows(rows: &[Value]) -> String {
    let headings: Vec<String> = match rows.first() {
        Some(Value::Object(first)) => first.keys().cloned().collect(),
        _ => return rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"),
    };
    let cell = |row: &Value, key: &String| match &row[key] {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => number.as_f64().map_or_else(String::new, words::figure),
        other => other.to_string(),
    };
    let names: Vec<&str> = headings.iter().map(String::as_str).collect();
    table(&names, rows.iter().map(|row| headings.iter().map(|key| cell(row, key)).collect()))
}
