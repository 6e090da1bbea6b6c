//! `slipway model`: registering, listing, naming, predicting.

mod logged;
mod registered;

use std::{collections::BTreeMap, path::PathBuf};

use api::{
    ApiError,
    host::Freed,
    model::{
        DeleteVersion, FindVersion, GetVersion, ListModels, ListOtherModels, Model, Predict, PredictFile, Predictions,
        RegisterModel, Version, VersionDetail,
    },
    registered::{DeleteModel, GetClientVersion, ListDeletedModels, NamedVersion, PurgeModel, RenameModel},
    tracking::{ClientVersion, Stage},
};
use clap::Subcommand;
use serde_json::Value;

use crate::{
    context::{Context, Outcome, absolute},
    output::{self, pairs, table},
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
    /// Lists the project's models with their versions, and then those without a project
    List {
        /// `name`, `version`, `alias`, `stage`, `user`, `notes`, `tag.KEY` and `created` (a date as '2026-11-24'), as `run list`
        /// filters; words match all of these and what a version was made of
        #[arg(default_value = "", conflicts_with = "deleted")]
        filter: String,
        /// Only those without a project, which MLflow's clients registered
        #[arg(long)]
        without_project: bool,
        /// What was deleted within a day and can be restored
        #[arg(long, conflicts_with = "without_project")]
        deleted: bool,
        /// Print CSV: a row a version, those of the project and those of none
        #[arg(long)]
        csv: bool,
    },
    /// Shows a version: what it is, how good, what it is asked and answers, where it came from
    Show {
        /// NAME, NAME@ALIAS, NAME:NUMBER, NAME/NUMBER or an id
        version: String,
    },
    /// Prints which version a name stands for
    Find {
        /// NAME, NAME@ALIAS, NAME:NUMBER, NAME/NUMBER or an id
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
    /// Sets tags of a version or of a model: `churn:3 team=growth`
    Tag {
        /// NAME@ALIAS, NAME:NUMBER, NAME/NUMBER or an id of a version; NAME alone is the model
        version: String,
        /// An empty value removes the tag
        #[arg(required = true, value_name = "KEY=VALUE")]
        tags: Vec<String>,
    },
    /// Moves a version to a stage, as MLflow has them
    Stage {
        /// NAME, NAME@ALIAS, NAME:NUMBER, NAME/NUMBER or an id
        version: String,
        /// none, staging, production or archived
        #[arg(value_parser = super::parse_word::<Stage>)]
        stage: Stage,
        /// Archive the versions that stand there now; of staging and production
        #[arg(long)]
        archive: bool,
    },
    /// Writes the description of a version or of a model
    Describe {
        /// NAME@ALIAS, NAME:NUMBER, NAME/NUMBER or an id of a version; NAME alone is the model
        version: String,
        /// Markdown; an empty one removes the description
        text: String,
    },
    /// Gives a model another name
    Rename {
        /// The model's name or id
        model: String,
        /// No other model may have it
        name: String,
    },
    /// Lists the files of a version, or saves one of a version that a client registered
    Files {
        /// NAME, NAME@ALIAS, NAME:NUMBER, NAME/NUMBER or an id
        version: String,
        /// A file as the list names it
        #[arg(long, value_name = "PATH")]
        save: Option<String>,
        /// Where to save it: a file that isn't there yet; by default under its name in the current folder
        #[arg(long, value_name = "FILE", requires = "save")]
        to: Option<PathBuf>,
    },
    /// Deletes a version, refused while deployed; it can be restored for a day
    Delete {
        /// NAME, NAME@ALIAS, NAME:NUMBER, NAME/NUMBER or an id; with --whole the model's name or id
        version: String,
        /// Delete the model itself with all of its versions; refused while one stands there that was trained here
        #[arg(long)]
        whole: bool,
        /// Delete it at once with its files: nothing brings it back then
        #[arg(long)]
        for_good: bool,
    },
    /// Brings back what `delete` deleted, within a day
    Restore {
        /// Its name, NAME:NUMBER or id, as `list --deleted` has it
        named: String,
        /// Only a model, not a version of that name
        #[arg(long)]
        whole: bool,
    },
    /// Deletes for good what `delete` deleted, with its files, before its day is over
    Purge {
        /// Its name, NAME:NUMBER or id, as `list --deleted` has it
        named: String,
        /// Only a model, not a version of that name
        #[arg(long)]
        whole: bool,
    },
    /// Models that MLflow's clients logged, whether or not a version was registered from them
    #[command(subcommand)]
    Logged(logged::LoggedCommand),
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

const NONE_PASSES: &str = "No model passes the filter.";

pub(crate) async fn run(context: &mut Context, command: ModelCommand) -> Outcome {
    match command {
        ModelCommand::Register { run, name, aliases } => {
            context.lasting().await?;
            let run = context.run(&run).await?;
            let version = context.call(RegisterModel { run, name, aliases }).await?;
            context.output.show(&version, |version| format!("{} is registered.", line(version)))
        }
        ModelCommand::List { deleted: true, csv, .. } => {
            let gone = context.call(ListDeletedModels {}).await?;
            match csv {
                true => output::pass(&registered::deleted_written(&gone)).map(drop),
                false => context.output.show(&gone, |gone| registered::deleted(gone)),
            }
        }
        ModelCommand::List { filter, without_project, csv: true, .. } => {
            let project = if without_project { None } else { context.project_if_any().await? };
            let mut models = match project {
                Some(project) => context.call(ListModels { project, filter: filter.clone() }).await?,
                None => Vec::new(),
            };
            models.extend(context.call(ListOtherModels { filter }).await?);
            output::pass(&registered::written(&models)).map(drop)
        }
        ModelCommand::List { filter, without_project, .. } => {
            let project = if without_project { None } else { context.project_if_any().await? };
            let is_filtered = !filter.trim().is_empty();
            let others = context.call(ListOtherModels { filter: filter.clone() }).await?;
            if let Some(project) = project {
                let models = context.call(ListModels { project, filter }).await?;
                return context.output.show(&models, |models| match (models.is_empty(), others.is_empty()) {
                    (true, true) if is_filtered => NONE_PASSES.to_owned(),
                    (_, true) => list(models),
                    (true, false) => format!("Without a project:\n{}", list_of_clients(&others)),
                    (false, false) => format!("{}\n\nWithout a project:\n{}", list(models), list_of_clients(&others)),
                });
            }
            if !without_project {
                context.output.say(
                    "This folder is in no project: these are the models without a project, registered by MLflow's clients. \
                     --project NAME lists those of a project.",
                );
            }
            context.output.show(&others, |models| match models.is_empty() && is_filtered {
                true => NONE_PASSES.to_owned(),
                false => list_of_clients(models),
            })
        }
        ModelCommand::Show { version } => {
            let found = context.any_version(&version).await?;
            if found.of_client {
                let detail = context.call(GetClientVersion { version: found.version }).await?;
                return context.output.show(&detail, registered::shown);
            }
            context.output.show(&context.call(GetVersion { version: found.version }).await?, shown)
        }
        ModelCommand::Find { version } => {
            let found = context.any_version(&version).await?;
            if found.of_client {
                return context.output.show(&found, |found| format!("{} (a client's)", registered::title(found)));
            }
            let request = FindVersion { reference: found.version.to_string(), project: None };
            context.output.show(&context.call(request).await?, line)
        }
        ModelCommand::Alias { model, alias, version, remove: _ } => {
            registered::alias(context, &model, alias, version).await
        }
        ModelCommand::Tag { version, tags } => registered::tag(context, &version, &tags).await,
        ModelCommand::Stage { version, stage, archive } => registered::stage(context, &version, stage, archive).await,
        ModelCommand::Describe { version, text } => registered::describe(context, &version, text).await,
        ModelCommand::Rename { model, name } => {
            let model = context.model(&model).await?;
            let renamed = context.call(RenameModel { model: model.id, name }).await?;
            context.output.show(&renamed, |renamed| format!("{} is called {} now.", model.name, renamed.name))
        }
        ModelCommand::Files { version, save, to } => registered::files(context, &version, save, to).await,
        ModelCommand::Logged(command) => logged::run(context, command).await,
        ModelCommand::Delete { version, whole, for_good } => {
            context.lasting().await?;
            let (what, back, freed, purge) = if whole {
                let model = context.model(&version).await?.id;
                let back = format!("\nBack: slipway model restore --whole {model}");
                let freed = context.call(DeleteModel { model }).await?;
                ("The model is deleted", back, freed, PurgeModel { model, version: None })
            } else {
                let NamedVersion { model, version, .. } = context.any_version(&version).await?;
                let back = format!("\nBack: slipway model restore {version}");
                let freed = context.call(DeleteVersion { version }).await?;
                ("The version is deleted", back, freed, PurgeModel { model, version: Some(version) })
            };
            if for_good {
                let Freed { bytes, in_database, records, elsewhere, parts } = freed;
                let rest = context.call(purge).await?;
                let parts = [parts, rest.parts].concat();
                let in_database = in_database + rest.in_database;
                let freed = Freed { bytes: bytes + rest.bytes, in_database, records, elsewhere, parts };
                return context.output.show(&freed, |freed| super::host::freed(&format!("{what} for good"), freed));
            }
            // What it frees is free once its day is over.
            context.output.show(&freed, |_| format!("{what}; for a day it can be restored.{back}"))
        }
        ModelCommand::Restore { named, whole } => registered::restore(context, &named, whole).await,
        ModelCommand::Purge { named, whole } => {
            context.lasting().await?;
            let gone = context.deleted_model(&named, whole).await?;
            let what = format!("{} is deleted for good", gone.title());
            let purge = PurgeModel { model: gone.model, version: gone.version.map(|(version, _)| version) };
            context.output.show(&context.call(purge).await?, |freed| super::host::freed(&what, freed))
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
    let figure = version.primary.as_ref().map_or_else(String::new, |figure| {
        format!(", {} {} on the test part", figure.name, words::figure(figure.value))
    });
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
        let kind = if model.is_prompt() { "prompt" } else { "client's" };
        vec![name, aliases, kind.to_owned(), dash(), dash(), dash(), dash(), version.source.clone()]
    };
    let ours = models.iter().flat_map(|model| &model.versions).map(row);
    let clients =
        models.iter().flat_map(|model| model.client_versions.iter().map(move |version| client(model, version)));
    table(&["model", "aliases", "kind", "on the test part", "run", "data", ">size", ""], ours.chain(clients))
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
    let [stage, tags, notes] = registered::told(&detail.tags, detail.notes.stage, &detail.notes.notes);
    let head = pairs(&[
        ("model", Some(line(version))),
        ("id", Some(version.id.to_string())),
        ("aliases", Some(version.aliases.join(", ")).filter(|names| !names.is_empty())),
        stage,
        tags,
        notes,
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
    let names: Vec<String> = headings.iter().map(|key| output::named(key)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    table(&names, rows.iter().map(|row| headings.iter().map(|key| cell(row, key)).collect()))
}
