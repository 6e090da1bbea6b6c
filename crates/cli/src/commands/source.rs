//! `slipway source`: run logs of other tools, read where they lie.

use std::path::Path;

use api::{
    ApiError, ErrorCode, SourceId,
    source::{
        AddSource, DeletedSource, FollowSource, FoundLog, Kind, ListDeletedSources, ListSources, LookForLogs,
        ReadSource, RemoveSource, RestoreSource, Source, is_address,
    },
};
use clap::Subcommand;

use crate::{
    context::{Context, Outcome, absolute},
    output::{self, table},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// Says which run logs a folder holds: MLflow's, TensorBoard's, W&B's, DVC's, files of metrics
    Look {
        /// The folder
        #[arg(default_value = ".")]
        folder: std::path::PathBuf,
    },
    /// Reads logs into the table of runs, and follows them while the host runs
    Add {
        /// The folders or files that `source look` named, or a folder whose logs are of one kind: it is read as one, with
        /// those that come
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<std::path::PathBuf>,
        /// Whose logs they are, where the path does not say it: mlflow_files, mlflow_db, tensor_board, wandb, dvc_live, metrics
        /// or dvc. Of a folder with logs of several kinds: which of them are read
        #[arg(long, value_parser = super::parse_word::<Kind>)]
        kind: Option<Kind>,
        /// Its runs stand in experiments of no project
        #[arg(long)]
        no_project: bool,
        /// Read it once, and don't follow it
        #[arg(long)]
        once: bool,
        /// Return at once; the reading goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Lists the logs that are read, with what could not be read of them
    List {
        /// Those that were forgotten within a day, instead of those that are read
        #[arg(long)]
        deleted: bool,
        /// Print CSV: a row a log
        #[arg(long)]
        csv: bool,
    },
    /// Reads a log on now
    Read {
        /// Its path, or the end of it
        source: String,
    },
    /// Follows a log while the host runs, or no more
    Follow {
        /// Its path, or the end of it
        source: String,
        /// No more; `source read` still reads it on
        #[arg(long)]
        off: bool,
    },
    /// Forgets a log; the log itself is never touched
    Remove {
        /// Its path, or the end of it
        source: String,
        /// Keep the runs that were read
        #[arg(long)]
        keep_runs: bool,
    },
    /// Brings back a log that was forgotten within a day, with what was deleted with it
    Restore {
        /// Its whole path, as `list --deleted` has it
        path: std::path::PathBuf,
    },
}

/// Sentences of what could not be read of a log.
const WARNINGS: usize = 10;

/// An address is no path, which the host says with the way out.
fn named(path: &std::path::Path) -> Outcome<String> {
    match path.to_str().filter(|path| is_address(path)) {
        Some(address) => Ok(address.to_owned()),
        None => absolute(path),
    }
}

pub(crate) async fn run(context: &mut Context, command: SourceCommand) -> Outcome {
    match command {
        SourceCommand::Look { folder } => {
            let found = context.call(LookForLogs { folder: named(&folder)? }).await?;
            context.output.show(&found, |found| looked(found))
        }
        SourceCommand::Add { paths, kind, no_project, once, detach } => {
            context.lasting().await?;
            let project = if no_project { None } else { context.project_if_any().await? };
            // What is no path is said before anything is read.
            let paths = paths.iter().map(|path| named(path)).collect::<Outcome<Vec<String>>>()?;
            let mut jobs = Vec::new();
            for path in paths {
                let job = context.call(AddSource { path, kind, project, once }).await?;
                jobs.push(context.follow_unless(detach, job).await?);
            }
            match jobs.as_slice() {
                [one] => context.output.show(one, |job| job.message.clone()),
                several => context
                    .output
                    .show(&several, |jobs| jobs.iter().map(|job| job.message.as_str()).collect::<Vec<_>>().join("\n")),
            }
        }
        SourceCommand::List { deleted: true, csv } => {
            let sources = context.call(ListDeletedSources {}).await?;
            match csv {
                true => output::pass_csv(&["kind", "path", "deleted_runs", "forgotten"], sources.iter().map(gone_line)),
                false => context.output.show(&sources, |list| forgotten(list)),
            }
        }
        SourceCommand::List { deleted: false, csv } => {
            let sources = context.call(ListSources {}).await?;
            match csv {
                true => output::pass(&list_written(&sources)).map(drop),
                false => context.output.show(&sources, |sources| listed(sources)),
            }
        }
        SourceCommand::Read { source } => {
            context.lasting().await?;
            let source = find(context, &source).await?;
            let job = context.call(ReadSource { source }).await?;
            let job = context.follow(job).await?;
            context.output.show(&job, |job| job.message.clone())
        }
        SourceCommand::Follow { source, off } => {
            context.lasting().await?;
            let source = find(context, &source).await?;
            let source = context.call(FollowSource { source, follow: !off }).await?;
            context.output.show(&source, |source| match source.watched {
                true => format!("{} is followed.", source.path),
                false => format!("{} is followed no more; `slipway source read` reads it on.", source.path),
            })
        }
        SourceCommand::Remove { source, keep_runs } => {
            context.lasting().await?;
            let source = find(context, &source).await?;
            let removed = context.call(RemoveSource { source, keep_runs }).await?;
            context.output.show(&removed, |removed| match removed.runs.len() {
                0 => "The log is forgotten.".to_owned(),
                count => format!(
                    "The log is forgotten; deleted runs: {count}. `slipway source restore {}` brings all of it back within a day, `slipway run restore` single runs.",
                    words::shell(&removed.path)
                ),
            })
        }
        SourceCommand::Restore { path } => {
            context.lasting().await?;
            let source = context.call(RestoreSource { path: absolute(&path)? }).await?;
            context.output.show(&source, |source| format!("{} is read again.", source.path))
        }
    }
}

async fn find(context: &Context, named: &str) -> Outcome<SourceId> {
    Ok(only(&context.call(ListSources {}).await?, named)?.id)
}

/// The one source whose path ends so: in whole names where one does, so that `runs` is not `mlruns`.
fn only<'s>(sources: &'s [Source], named: &str) -> Outcome<&'s Source> {
    let whole = Path::new(named.strip_prefix("./").unwrap_or(named));
    let mut found: Vec<&Source> = sources.iter().filter(|source| Path::new(&source.path).ends_with(whole)).collect();
    if found.is_empty() {
        found = sources.iter().filter(|source| source.path.ends_with(named)).collect();
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            Err(ApiError::not_found(format!("No log at {named} is read."))
                .with_hint("`slipway source list` names them."))
        }
        several => {
            let paths = several.iter().map(|source| source.path.as_str()).collect::<Vec<_>>().join(", ");
            Err(ApiError::new(ErrorCode::Conflict, format!("Several paths end with {named}."))
                .with_hint(format!("Give more of the path: {paths}.")))
        }
    }
}

fn looked(found: &[FoundLog]) -> String {
    if found.is_empty() {
        return "There is no run log that can be read.".to_owned();
    }
    let row = |log: &FoundLog| {
        let state = match (log.known, log.logs) {
            (Some(_), _) => "is read".to_owned(),
            (None, Some(logs)) => format!("{} logs, can be read as one", words::count(logs)),
            (None, None) => String::new(),
        };
        vec![log.kind.tool().to_owned(), log.path.clone(), state]
    };
    table(&["kind", "path", ""], found.iter().map(row))
}

fn listed(sources: &[Source]) -> String {
    if sources.is_empty() {
        return "No log is read. `slipway source look` finds them.".to_owned();
    }
    let row = |source: &Source| {
        let state = if source.watched { "followed" } else { "read once" };
        let state = match source.error {
            // Why stands below.
            Some(_) => format!("{state}, can't be read"),
            None if source.warned > 0 => format!("{state}, {} not read", words::count(source.warned)),
            // It is being read, or its host was killed meanwhile.
            None if source.read_ms.is_none() => format!("{state}, not to its end yet"),
            None => state.to_owned(),
        };
        vec![source.kind.tool().to_owned(), source.path.clone(), words::count(source.runs), state]
    };
    let mut text = table(&["kind", "path", ">runs", "state"], sources.iter().map(row));
    for source in sources {
        if let Some(error) = &source.error {
            text.push_str(&format!("\n{}: {}", source.path, error.message));
        }
        for warning in source.warnings.iter().take(WARNINGS) {
            text.push_str(&format!("\n{}: {}", warning.place, warning.message));
        }
        let more = source.warned.saturating_sub(source.warnings.len().min(WARNINGS) as u64);
        if more > 0 {
            text.push_str(&format!("\n{}: and {} more; --json has up to 100", source.path, words::count(more)));
        }
    }
    text
}

/// A row a log, for programs.
fn list_written(sources: &[Source]) -> String {
    let row = |source: &Source| {
        vec![
            source.kind.tool().to_owned(),
            source.path.clone(),
            source.runs.to_string(),
            if source.watched { "followed" } else { "read once" }.to_owned(),
            source.warned.to_string(),
            source.error.as_ref().map(|error| error.message.clone()).unwrap_or_default(),
            words::exact_time(source.added_ms),
            source.read_ms.map(words::exact_time).unwrap_or_default(),
        ]
    };
    let head = ["kind", "path", "runs", "state", "not_read", "error", "added", "read"];
    output::csv(&head, sources.iter().map(row))
}

/// A row of a forgotten log, for programs.
fn gone_line(one: &DeletedSource) -> Vec<String> {
    vec![one.kind.tool().to_owned(), one.path.clone(), one.runs.to_string(), words::exact_time(one.deleted_ms)]
}

fn forgotten(list: &[DeletedSource]) -> String {
    if list.is_empty() {
        return "No log was forgotten within a day.".to_owned();
    }
    let row = |one: &DeletedSource| {
        vec![one.kind.tool().to_owned(), one.path.clone(), words::count(one.runs), words::time(one.deleted_ms)]
    };
    table(&["kind", "path", ">deleted runs", "forgotten"], list.iter().map(row))
}

#[cfg(test)]
mod tests {
    use api::source::SourceWarning;

    use super::*;

    #[test]
    fn a_log_is_named_by_the_end_of_its_path_in_whole_names_first() {
        let sources = ["/work/mlruns", "/work/tb/runs", "/old/mlruns"].map(source);
        let found = |named: &str| only(&sources, named).map(|source| source.path.as_str());
        assert_eq!(found("runs").unwrap(), "/work/tb/runs");
        assert_eq!(found("./tb/runs").unwrap(), "/work/tb/runs");
        assert_eq!(found("k/mlruns").unwrap(), "/work/mlruns");
        let several = found("mlruns").unwrap_err();
        assert_eq!(several.hint.unwrap(), "Give more of the path: /work/mlruns, /old/mlruns.");
        assert_eq!(found("nothing").unwrap_err().code, ErrorCode::NotFound);
    }

    #[test]
    fn a_list_says_below_what_could_not_be_read() {
        let warning = |at| SourceWarning { place: format!("/a:{at}"), message: "no number".to_owned(), of_rows: false };
        let warned = Source { warned: 12, warnings: (0..12).map(warning).collect(), watched: true, ..source("/a") };
        let broken = Source { error: Some(ApiError::invalid("It is no folder under git.")), ..source("/b") };
        let told = listed(&[warned, broken]);
        let lines: Vec<&str> = told.lines().collect();
        assert!(
            lines[1].ends_with("followed, 12 not read") && lines[2].ends_with("read once, can't be read"),
            "{told}"
        );
        assert_eq!((lines[3], lines[12]), ("/a:0: no number", "/a:9: no number"));
        assert_eq!(lines[13..], ["/a: and 2 more; --json has up to 100", "/b: It is no folder under git."]);
    }

    #[test]
    fn a_log_whose_reading_did_not_come_to_its_end_is_told_so() {
        let told = listed(&[source("/a"), Source { read_ms: Some(1), ..source("/b") }]);
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[1].ends_with("read once, not to its end yet") && lines[2].ends_with("read once"), "{told}");
    }

    #[test]
    fn logs_are_written_for_other_programs() {
        let broken = Source { error: Some(ApiError::invalid("No folder, none.")), warned: 1_200, ..source("/a,b") };
        assert_eq!(
            list_written(&[Source { watched: true, read_ms: Some(1_000), ..source("/c") }, broken]),
            "kind,path,runs,state,not_read,error,added,read\r\nMetrics files,/c,0,followed,0,,,1970-01-01T00:00:01Z\r\n\
             Metrics files,\"/a,b\",0,read once,1200,\"No folder, none.\",,\r\n"
        );
    }

    fn source(path: &str) -> Source {
        Source {
            id: SourceId::from_bytes([1; 16]),
            kind: Kind::Metrics,
            path: path.to_owned(),
            project: None,
            watched: false,
            runs: 0,
            warnings: Vec::new(),
            warned: 0,
            error: None,
            added_ms: 0,
            read_ms: None,
        }
    }

    #[test]
    fn logs_that_were_found_are_told_by_the_names_of_their_tools() {
        let found = |kind, path: &str| FoundLog { kind, path: path.to_owned(), known: None, logs: None };
        let folder = FoundLog { logs: Some(12), ..found(Kind::Metrics, "/lightning_logs") };
        let told = looked(&[found(Kind::TensorBoard, "/runs"), found(Kind::MlflowFiles, "/mlruns"), folder]);
        assert!(told.starts_with("kind") && told.contains("TensorBoard") && told.contains("MLflow files"), "{told}");
        assert!(told.ends_with("12 logs, can be read as one"), "{told}");
        assert!(looked(&[]).starts_with("There is no run log"));
    }
}
