//! `slipway run artifacts`: what a run left, file by file, also what of it was deleted.

use std::path::PathBuf;

use api::{
    deleted::{DeletedArtifact, ListDeletedArtifacts, PurgeArtifact, RestoreArtifact},
    run::{Artifact, DeleteArtifact, GetRun, ListArtifacts, SaveArtifact},
};
use clap::Args;

use crate::{
    context::{Context, Outcome, absolute, beside},
    output::{self, table},
    words,
};

#[derive(Debug, Args)]
pub(crate) struct Artifacts {
    /// A run's name or id, or `latest`
    run: String,
    #[command(flatten)]
    act: Act,
    /// Where to save it: a file that isn't there yet; by default under its name in the current folder
    #[arg(long, value_name = "FILE", requires = "save")]
    to: Option<PathBuf>,
    /// Print the list as CSV
    #[arg(long, conflicts_with_all = ["save", "delete", "restore", "purge"])]
    csv: bool,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct Act {
    /// A file as the list names it
    #[arg(long, value_name = "PATH")]
    save: Option<String>,
    /// A file below artifacts/ as the list names it, or a folder there: it is deleted, and can be restored for a day
    #[arg(long, value_name = "PATH")]
    delete: Option<String>,
    /// Lists what was deleted within a day instead
    #[arg(long)]
    deleted: bool,
    /// A file or folder that was deleted, or a file of such a folder, or `checkpoints`: it comes back
    #[arg(long, value_name = "PATH")]
    restore: Option<String>,
    /// A file or folder that was deleted, or `checkpoints`: it goes for good now, which frees its room
    #[arg(long, value_name = "PATH")]
    purge: Option<String>,
}

pub(super) async fn run(context: &mut Context, asked: Artifacts) -> Outcome {
    let Artifacts { run: named, act, to, csv } = asked;
    if let Some(path) = act.delete {
        context.lasting().await?;
        let run = context.run(&named).await?;
        // The latest may be another by then.
        let meant = if named == "latest" { run.to_string() } else { named };
        let again = format!("slipway run artifacts {} --restore {}", words::shell(&meant), words::shell(&path));
        let deleted = context.call(DeleteArtifact { run, path }).await?;
        return context.output.show(&deleted, |deleted| {
            let size = words::bytes(deleted.size_bytes);
            format!("{} is deleted; its {size} go with the first cleaning a day later.\nBack: {again}", deleted.path)
        });
    }
    if let Some(path) = act.restore {
        context.lasting().await?;
        let run = context.run(&named).await?;
        let back = context.call(RestoreArtifact { run, path }).await?;
        let said = |back: &DeletedArtifact| format!("{} is back ({}).", back.path, words::bytes(back.size_bytes));
        return context.output.show(&back, said);
    }
    if let Some(path) = act.purge {
        context.lasting().await?;
        let run = context.run(&named).await?;
        let what = format!("{path} is deleted for good");
        let freed = context.call(PurgeArtifact { run, path }).await?;
        return context.output.show(&freed, |freed| format!("{what}; {} freed.", words::bytes(freed.bytes)));
    }
    if let Some(path) = act.save {
        context.lasting().await?;
        let (run, to) = (context.run(&named).await?, absolute(&beside(&path, to))?);
        let saved = context.call(SaveArtifact { run, path, to }).await?;
        return context
            .output
            .show(&saved, |saved| format!("{} is written ({}).", saved.path, words::bytes(saved.size_bytes)));
    }
    let run = context.run(&named).await?;
    if act.deleted {
        let deleted = context.call(ListDeletedArtifacts { run }).await?;
        if csv {
            let row = |one: &DeletedArtifact| line(&one.path, one.size_bytes, one.deleted_ms);
            return output::pass_csv(&["file", "size_bytes", "deleted"], deleted.iter().map(row));
        }
        return context.output.show(&deleted, |list| {
            if list.is_empty() {
                return "Nothing of the run's files was deleted within a day.".to_owned();
            }
            let row = |one: &DeletedArtifact| {
                vec![one.path.clone(), words::bytes(one.size_bytes), words::time(one.deleted_ms)]
            };
            table(&["file", ">size", "deleted"], list.iter().map(row))
        });
    }
    let artifacts = context.call(ListArtifacts { run }).await?;
    if csv {
        let row = |file: &Artifact| line(&file.path, file.size_bytes, file.modified_ms);
        return output::pass_csv(&["file", "size_bytes", "written"], artifacts.iter().map(row));
    }
    let elsewhere = context.call(GetRun { run }).await?.said_of_files();
    context.output.show(&artifacts, |list| {
        if list.is_empty() {
            return elsewhere.unwrap_or_else(|| "The run has no files.".to_owned());
        }
        let row =
            |file: &Artifact| vec![file.path.clone(), words::bytes(file.size_bytes), words::time(file.modified_ms)];
        let files = table(&["file", ">size", "written"], list.iter().map(row));
        match elsewhere {
            Some(said) => format!("{files}\n\n{said}"),
            None => files,
        }
    })
}

/// A row of either list for programs.
fn line(path: &str, size_bytes: u64, at_ms: i64) -> Vec<String> {
    vec![path.to_owned(), size_bytes.to_string(), words::exact_time(at_ms)]
}
