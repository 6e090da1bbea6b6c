//! `slipway project` and `slipway sample`: what the start page and the overview do.

use std::path::{Path, PathBuf};

use api::{
    ApiError, ErrorCode,
    config::{ColumnType, DataKind, ProjectFile, Ragged},
    job::{Job, Subject},
    project::{
        CreateProject, DeleteProject, DeletedProject, EditProjectFile, FileThere, GetOverview, GetProject,
        ListDeletedProjects, ListProjects, ListSamples, Look, LookAt, LookColumn, OpenSample, Overview, Project,
        ProjectSummary, PurgeProject, RestoreProject, Sample, Station, StationState,
    },
};
use clap::Subcommand;
use serde_json::Value;

use crate::{
    context::{Context, Outcome, absolute, known_project, no_project},
    output::{Output, harmless, pairs, table},
    words,
};

/// The page that explains the file: an installation has no other copy of it.
const KEYS: &str = include_str!("../../../../docs/slipway-toml.md");

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectCommand {
    /// Lists the known projects with their road in short
    List {
        /// Those that were forgotten within a day, or are kept longer, instead of those that are there
        #[arg(long)]
        deleted: bool,
    },
    /// Shows the road of a project: its newest state at every stage, and what waits for a person
    Show,
    /// Says what a folder, a table or a folder of images is, without storing anything
    Look {
        /// The folder or file, or several that are to be one project
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// What to do with lines of another width than the header's: `error`, `skip` or `fill`
        #[arg(long, default_value = "error", value_parser = super::parse_word::<Ragged>)]
        ragged: Ragged,
    },
    /// Makes a project of a folder, or of a table or folder of images that is copied into a new one
    Create {
        /// The folder to become a project, or the data to copy: of one folder what is in it, of several files and folders each by its name
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// The folder to make, where the data are copied; for one file by default a folder of its name beside it
        #[arg(long)]
        folder: Option<PathBuf>,
        /// The column to predict; by default the likeliest one
        #[arg(long)]
        target: Option<String>,
        /// The project's name; by default the folder's
        #[arg(long)]
        name: Option<String>,
        /// What to do with lines of another width than the header's: `error`, `skip` or `fill`
        #[arg(long, default_value = "error", value_parser = super::parse_word::<Ragged>)]
        ragged: Ragged,
    },
    /// Sets keys of slipway.toml, keeping comments and order: `training.epochs=20`; an empty value removes the key
    Edit {
        /// Keys as `slipway project keys` explains them, with their values
        #[arg(required = true, value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
    /// Prints the project's file as it is in force
    File,
    /// Explains every key of slipway.toml, with its type and default
    Keys,
    /// Forgets a project with its runs, snapshots and versions; for a day `restore`, or opening its folder, brings all of it
    /// back. Its folder is never touched
    #[command(visible_alias = "delete")]
    Forget {
        /// By id, name or folder; by default that of the current folder, or --project
        #[arg(value_name = "PROJECT")]
        named: Option<String>,
        /// Delete its records at once, and free what only they held: nothing brings them back then
        #[arg(long)]
        for_good: bool,
    },
    /// Brings back a project that was forgotten, with all that went with it
    Restore {
        /// By id, name or folder, as `list --deleted` has it
        #[arg(value_name = "PROJECT")]
        named: String,
    },
    /// Deletes for good what is kept of a project that was forgotten
    Purge {
        /// By id, name or folder, as `list --deleted` has it
        #[arg(value_name = "PROJECT")]
        named: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SampleCommand {
    /// Lists the sample projects
    List,
    /// Copies a sample to the documents folder and opens it
    Open {
        /// The name that `slipway sample list` shows
        name: String,
    },
}

pub(crate) async fn run(context: &mut Context, command: ProjectCommand) -> Outcome {
    match command {
        ProjectCommand::List { deleted: true } => {
            context.output.show(&context.call(ListDeletedProjects {}).await?, |list| forgotten(list))
        }
        ProjectCommand::List { deleted: false } => {
            context.output.show(&context.call(ListProjects {}).await?, |list| projects(list))
        }
        ProjectCommand::Show => {
            let project = context.project_id().await?;
            context.output.show(&context.call(GetOverview { project }).await?, overview)
        }
        ProjectCommand::Look { paths, ragged } => {
            context.lasting().await?;
            context.output.show(&context.call(LookAt { paths: all_absolute(&paths)?, ragged }).await?, look)
        }
        ProjectCommand::Create { paths, folder, target, name, ragged } => {
            if let [folder] = &paths[..] {
                is_there(folder)?;
            }
            context.lasting().await?;
            let look = context.call(LookAt { paths: all_absolute(&paths)?, ragged }).await?;
            create(context, look, &paths, folder, target, name).await
        }
        ProjectCommand::Edit { set } => {
            let set = set.iter().map(|pair| key_value(pair)).collect::<Outcome<Vec<_>>>()?;
            let project = context.project_id().await?;
            let edited = context.call(EditProjectFile { project, set }).await?;
            context.output.show(&edited, |edited| format!("{} is changed.", in_folder(edited)))
        }
        ProjectCommand::File => {
            let project = context.call(GetProject { project: context.project_id().await? }).await?;
            context.output.show(&project.file, written)
        }
        ProjectCommand::Keys => keys(context.output),
        ProjectCommand::Forget { named, for_good } => {
            context.lasting().await?;
            let project = match named {
                // What is deleted is named exactly.
                Some(named) => match known_project(&context.session, &named).await? {
                    Some(project) => project,
                    None => return Err(no_project(&context.session, &named).await),
                },
                None => context.project().await?,
            };
            let deleted = context.call(DeleteProject { project: project.id }).await?;
            if for_good {
                return purge(context, &deleted).await;
            }
            context.output.show(&deleted, |deleted| {
                let stays = match deleted.registered.as_slice() {
                    [] => String::new(),
                    of => format!(
                        "\nIts records stay until what was registered of them is deleted: {}.",
                        harmless(&of.join(", "))
                    ),
                };
                format!(
                    "{} is forgotten; its folder is as it was.{stays}\nBack: slipway project restore {}",
                    deleted.name,
                    words::shell(&deleted.name)
                )
            })
        }
        ProjectCommand::Restore { named } => {
            context.lasting().await?;
            let deleted = context.deleted_project(&named).await?;
            let project = context.call(RestoreProject { project: deleted.project }).await?;
            context.output.show(&project, |project| format!("{} is back, in {}", project.name, project.path))
        }
        ProjectCommand::Purge { named } => {
            context.lasting().await?;
            let deleted = context.deleted_project(&named).await?;
            purge(context, &deleted).await
        }
    }
}

/// Needs no workspace: whoever reads a file may have none yet.
pub(crate) fn keys(output: Output) -> Outcome {
    output.show(&KEYS, |page| (*page).to_owned())
}

async fn purge(context: &Context, deleted: &DeletedProject) -> Outcome {
    let freed = context.call(PurgeProject { project: deleted.project }).await?;
    let what = format!("{} is deleted for good; its folder is as it was", deleted.name);
    context.output.show(&freed, |freed| super::host::freed(&what, freed))
}

fn forgotten(list: &[DeletedProject]) -> String {
    let row = |one: &DeletedProject| {
        vec![
            one.name.clone(),
            words::count(one.runs),
            words::count(one.versions),
            words::time(one.deleted_ms),
            one.path.clone(),
            one.project.to_string(),
        ]
    };
    let kept = list.iter().filter_map(|one| {
        let because = one.kept_because.as_ref()?;
        Some(format!(
            "\n\n{} is kept, though its day is over: {because} Or bring it back: slipway project restore {}",
            one.name,
            words::shell(&one.name)
        ))
    });
    table(&["name", ">runs", ">versions", "deleted", "folder", "id"], list.iter().map(row)) + &kept.collect::<String>()
}

pub(crate) async fn run_sample(context: &mut Context, command: SampleCommand) -> Outcome {
    match command {
        SampleCommand::List => context.output.show(&context.call(ListSamples {}).await?, |list| samples(list)),
        SampleCommand::Open { name } => {
            context.lasting().await?;
            let job = context.call(OpenSample { name }).await?;
            let project = made(context, job).await?;
            // Its folder's name has a space in it, which a shell takes for the end.
            context
                .output
                .show(&project, |project| format!("{} is open: cd {}", project.name, words::shell(&project.path)))
        }
    }
}

/// A new project's folder is a person's to make: what is mistyped must not become one.
fn is_there(folder: &Path) -> Outcome {
    if folder.exists() || folder.extension().is_some() {
        return Ok(());
    }
    let told = folder.to_string_lossy();
    let has_place = folder.parent().is_none_or(|place| place.as_os_str().is_empty() || place.is_dir());
    let (make, named) = (if has_place { "mkdir" } else { "mkdir -p" }, words::shell(&told));
    let hint = format!("For a new project make it first: `{make} {named}`, then `slipway project create {named}`.");
    Err(ApiError::not_found(format!("There is no folder {told}.")).with_hint(hint))
}

fn all_absolute(paths: &[PathBuf]) -> Outcome<Vec<String>> {
    paths.iter().map(|path| absolute(path)).collect()
}

/// The project that a job makes.
async fn made(context: &Context, job: Job) -> Outcome<Project> {
    let job = context.follow_here(job).await?;
    match job.subject {
        Subject::Project(project) => context.call(GetProject { project }).await,
        _ => Err(ApiError::new(ErrorCode::Internal, format!("{} made no project.", job.title))),
    }
}

async fn create(
    context: &Context,
    look: Look,
    paths: &[PathBuf],
    folder: Option<PathBuf>,
    target: Option<String>,
    name: Option<String>,
) -> Outcome {
    // A known project that lost its slipway.toml gets it back.
    if look.project.is_some() && look.file != FileThere::None {
        return Err(
            ApiError::invalid(format!("{} is a project already.", look.path)).with_hint("Open it with `slipway open`.")
        );
    }
    let without_data = look.proposal.data.paths.is_empty();
    let mut problems = look.problems.into_iter();
    // With data that can't be read there is nothing yet to make a project of.
    if without_data && let Some(first) = problems.next() {
        problems.for_each(|problem| context.output.say(&format!("problem: {problem}")));
        return Err(if look.ragged_lines {
            first.with_hint("Mend the file at that line, or leave such lines out with `--ragged skip` (`--ragged fill` cuts and fills them).")
        } else {
            first
        });
    }
    problems.for_each(|problem| context.output.say(&format!("problem: {problem}")));
    look.found.iter().for_each(|found| context.output.say(found));
    // A folder becomes the project itself; a table, or what is for another folder, is copied.
    let copies = folder.is_some() || paths.iter().any(|path| path.is_file());
    let folder = match (folder, paths) {
        (Some(folder), _) => folder,
        (None, [path]) if path.is_file() => path.with_extension(""),
        (None, [path]) => path.clone(),
        (None, _) => {
            return Err(ApiError::invalid("Several files and folders are copied into a folder of their own.")
                .with_hint("Name the folder to make with `--folder`."));
        }
    };
    let mut file = look.proposal;
    if look.kind == DataKind::Table {
        let wanted = target.or(file.data.target.take());
        file.data.target = wanted.or_else(|| look.columns.first().map(|column| column.name.clone()));
    }
    if let Some(name) = name {
        file.name = name;
    }
    doubts(&look.columns, &file).iter().for_each(|doubt| context.output.say(doubt));
    let copy_from = if copies { all_absolute(paths)? } else { Vec::new() };
    let job = context.call(CreateProject { path: absolute(&folder)?, file, copy_from }).await?;
    let project = made(context, job).await?;
    context.output.show(&project, |project| {
        let predicts =
            project.file.data.target.as_ref().map_or_else(String::new, |target| format!(", predicts {target}"));
        if without_data {
            return format!(
                "{} is a project without data yet. Track its programs with `slipway exec -- COMMAND` in {}.",
                project.name, project.path
            );
        }
        format!("{} is a project{predicts}. Train it with `slipway run start` in {}.", project.name, project.path)
    })
}

/// What the window offers to ignore, as lines: columns that can teach a model nothing and are inputs all the same.
fn doubts(columns: &[LookColumn], file: &ProjectFile) -> Vec<String> {
    let is_input = |column: &&LookColumn| {
        !file.data.ignore.contains(&column.name) && file.data.target.as_ref() != Some(&column.name)
    };
    let said = |column: &LookColumn| {
        let why = column.why_doubtful()?;
        // Free text is no input, named or not.
        Some(match column.kind {
            ColumnType::Text => format!("\"{}\" {why}: as free text it is no input", column.name),
            _ => format!("\"{}\" {why}: name it under `ignore` in slipway.toml to leave it out", column.name),
        })
    };
    columns.iter().filter(is_input).filter_map(said).collect()
}

/// `a.b=1` as a dotted key and a JSON value; what is no JSON is text.
pub(crate) fn key_value(pair: &str) -> Outcome<(String, Value)> {
    let Some((key, value)) = pair.split_once('=') else {
        return Err(
            ApiError::invalid(format!("\"{pair}\" is no KEY=VALUE.")).with_hint("For example: training.epochs=20")
        );
    };
    Ok((key.trim().to_owned(), value_of(value)))
}

/// As JSON, or as the file has lists and tables; anything else is text, and nothing takes the key out.
fn value_of(text: &str) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    let in_toml = || {
        let holder = text.starts_with(['{', '[']).then(|| toml_edit::de::from_str::<Value>(&format!("value = {text}")));
        holder?.ok()?.get_mut("value").map(Value::take)
    };
    serde_json::from_str(text).ok().or_else(in_toml).unwrap_or_else(|| Value::from(text))
}

fn written(file: &ProjectFile) -> String {
    toml_edit::ser::to_string_pretty(file)
        .unwrap_or_else(|error| format!("The file can't be written as TOML: {error}."))
}

fn in_folder(project: &Project) -> String {
    Path::new(&project.path).join("slipway.toml").display().to_string()
}

fn projects(list: &[ProjectSummary]) -> String {
    let rows = list.iter().map(|summary| {
        let project = &summary.project;
        let road = summary.road.iter().filter(|station| station.state != StationState::Empty);
        let road = road
            .map(|station| format!("{} {}", words::word(&station.stage), station.figure))
            .collect::<Vec<_>>()
            .join(", ");
        vec![project.name.clone(), road, project.missing.clone().unwrap_or_else(|| project.path.clone())]
    });
    table(&["name", "road", "folder"], rows)
}

fn samples(list: &[Sample]) -> String {
    let row = |sample: &Sample| {
        let open = if sample.project.is_some() { "open" } else { "" };
        vec![
            sample.name.clone(),
            sample.title.clone(),
            open.to_owned(),
            sample.licence.clone(),
            sample.destination.clone(),
        ]
    };
    table(&["name", "title", "", "licence", "folder"], list.iter().map(row))
}

fn overview(overview: &Overview) -> String {
    let mut lines = vec![format!("{}  {}", overview.project.name, overview.headline), String::new()];
    lines.extend(overview.project.polled.iter().map(|told| format!("{told}\n")));
    lines.extend(overview.project.file_error.iter().map(|error| format!("slipway.toml is not in force: {error}\n")));
    let row = |station: &Station| {
        let progress = station.progress.map_or_else(String::new, words::percent);
        vec![
            words::word(&station.stage),
            words::word(&station.state),
            station.figure.clone(),
            station.detail.clone(),
            progress,
        ]
    };
    lines.push(table(&["stage", "state", "", "", ""], overview.road.iter().map(row)));
    if !overview.waits.is_empty() {
        lines.push("\nWaits for you:".to_owned());
        lines.extend(overview.waits.iter().map(|waiting| format!("  {}: {}", waiting.title, waiting.detail)));
    }
    if !overview.happened.is_empty() {
        lines.push("\nLately:".to_owned());
        let happened = overview.happened.iter().take(10);
        lines
            .extend(happened.map(|happening| {
                format!("  {}  {}", words::time(happening.at_ms), without_links(&happening.sentence))
            }));
    }
    lines.join("\n")
}

/// A sentence without its `[label](link)` marks.
fn without_links(sentence: &str) -> String {
    let mut text = String::new();
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('[') {
        let Some((label, after_label)) = after.split_once("](") else { break };
        let Some((_, behind)) = after_label.split_once(')') else { break };
        text.push_str(before);
        text.push_str(label);
        rest = behind;
    }
    text + rest
}

fn look(look: &Look) -> String {
    let mut lines = vec![pairs(&[
        ("path", Some(look.path.clone())),
        ("kind", Some(words::word(&look.kind))),
        ("size", Some(words::bytes(look.size_bytes))),
        ("rows", look.rows.map(words::count)),
    ])];
    lines.extend(look.found.iter().cloned());
    lines.extend(look.problems.iter().map(|problem| format!("problem: {problem}")));
    if !look.columns.is_empty() {
        let row = |column: &api::project::LookColumn| {
            let distinct = words::or_dash(column.distinct, words::count);
            vec![
                column.name.clone(),
                words::word(&column.kind),
                distinct,
                words::percent(column.target_score),
                column.examples.join(", "),
            ]
        };
        lines.push(table(&["column", "type", ">distinct", ">as target", "examples"], look.columns.iter().map(row)));
    }
    match look.file {
        FileThere::None if look.project.is_none() => {
            lines.push(format!("\nProposed slipway.toml:\n{}", look.proposal_toml));
        }
        FileThere::Good => lines.push("It has a slipway.toml: `slipway open` opens it.".to_owned()),
        FileThere::None | FileThere::Bad => {}
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_json_where_they_can_be() {
        assert_eq!(key_value("training.epochs=20").unwrap(), ("training.epochs".into(), Value::from(20)));
        assert_eq!(key_value("name=card fraud").unwrap(), ("name".into(), Value::from("card fraud")));
        assert_eq!(key_value("data.ignore=[\"id\"]").unwrap().1, serde_json::json!(["id"]));
        assert_eq!(key_value("data.target=").unwrap().1, Value::Null);
        assert!(key_value("nonsense").is_err());
    }

    #[test]
    fn links_lose_their_marks() {
        assert_eq!(
            without_links("[brisk-heron](/p/1/runs/2) finished, [v3](/x) is new"),
            "brisk-heron finished, v3 is new"
        );
    }
}
