//! `slipway data`: snapshots, previews, profiles, comparisons.

use std::path::PathBuf;

use api::{
    config::ColumnType,
    dataset::{
        AddData, CompareSnapshots, Dataset, DeleteSnapshot, ExportSnapshot, GetDataset, GetPreview, GetProfile,
        PlanSnapshot, Preview, Profile, Snapshot, SnapshotPlan, TakeSnapshot,
    },
    deleted::{DeletedSnapshot, ListDeletedSnapshots, PurgeSnapshot, RestoreSnapshot},
    drift::{ColumnDrift, DriftReport},
    figure::counted,
    job::Subject,
    project::GetProject,
};
use clap::Subcommand;

use crate::{
    context::{Context, Outcome, absolute},
    output::{self, pairs, table},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Shows the project's data: what changed since the newest snapshot, and all snapshots
    #[command(alias = "show")]
    List {
        /// The snapshots that were deleted within a day, instead
        #[arg(long)]
        deleted: bool,
    },
    /// Says what a snapshot would store, without taking it
    Plan,
    /// Keeps the data as it is now; free where nothing changed
    Snapshot {
        /// What changed, in your words; by default it is said by counts
        #[arg(long, short)]
        message: Option<String>,
        /// Return at once; the job goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Prints rows of a snapshot
    Preview {
        /// `14`, `v14`, an id; by default the newest
        snapshot: Option<String>,
        /// Rows to leave out, from the first on
        #[arg(long, default_value_t = 0)]
        offset: u64,
        /// At most so many rows
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Measures every column of a snapshot
    Profile {
        /// `14`, `v14`, an id; by default the newest
        snapshot: Option<String>,
    },
    /// Says how one snapshot differs from another, column by column
    Compare {
        /// The snapshot to compare with: `14`, `v14` or an id
        reference: String,
        /// By default the newest
        current: Option<String>,
    },
    /// Writes a snapshot's files into a folder
    Export {
        /// `14`, `v14` or an id
        snapshot: String,
        /// The folder to make
        folder: PathBuf,
        /// Return at once; the job goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Deletes a snapshot; for a day `restore` brings it back. Refused while a run or model points at it
    Delete {
        /// `14`, `v14` or an id
        snapshot: String,
    },
    /// Brings a deleted snapshot back
    Restore {
        /// `14`, `v14` or an id, as `list --deleted` has it
        snapshot: String,
    },
    /// Deletes a deleted snapshot for good, and frees what only it used
    Purge {
        /// `14`, `v14` or an id, as `list --deleted` has it
        snapshot: String,
    },
    /// Adds files to the data paths; files from outside the project are copied in
    Add {
        /// Files or folders
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

pub(crate) async fn run(context: &mut Context, command: DataCommand) -> Outcome {
    match command {
        DataCommand::List { deleted: true } => {
            let project = context.project_id().await?;
            context.output.show(&context.call(ListDeletedSnapshots { project }).await?, |list| {
                let row = |one: &DeletedSnapshot| {
                    let (rows, frees) = (words::count(one.rows), words::bytes(one.frees_bytes));
                    vec![format!("v{}", one.number), rows, frees, words::time(one.deleted_ms)]
                };
                table(&["snapshot", ">rows", ">frees", "deleted"], list.iter().map(row))
            })
        }
        DataCommand::List { deleted: false } => {
            let project = context.project_id().await?;
            context.output.show(&context.call(GetDataset { project }).await?, dataset)
        }
        DataCommand::Plan => {
            let project = context.project_id().await?;
            context.output.show(&context.call(PlanSnapshot { project }).await?, plan)
        }
        DataCommand::Snapshot { message, detach } => {
            context.lasting().await?;
            let project = context.project_id().await?;
            let job = context.call(TakeSnapshot { project, message }).await?;
            let job = context.follow_unless(detach, job).await?;
            let Subject::Snapshot(id) = job.subject else {
                return context.output.show(&job, |job| job.message.clone());
            };
            let snapshots = context.call(GetDataset { project }).await?.snapshots;
            match snapshots.into_iter().find(|snapshot| snapshot.id == id) {
                Some(snapshot) => {
                    context.output.show(&snapshot, |snapshot| format!("v{}  {}", snapshot.number, size(snapshot)))
                }
                None => context.output.show(&job, |job| job.message.clone()),
            }
        }
        DataCommand::Preview { snapshot, offset, limit } => {
            context.lasting().await?;
            let snapshot = context.snapshot(snapshot.as_deref()).await?;
            context.output.show(&context.prepared(GetPreview { snapshot, offset, limit }).await?, preview)
        }
        DataCommand::Profile { snapshot } => {
            context.lasting().await?;
            let snapshot = context.snapshot(snapshot.as_deref()).await?;
            context.output.show(&context.prepared(GetProfile { snapshot }).await?, profile)
        }
        DataCommand::Compare { reference, current } => {
            context.lasting().await?;
            let (reference, current) =
                (context.snapshot(Some(&reference)).await?, context.snapshot(current.as_deref()).await?);
            context.output.show(&context.prepared(CompareSnapshots { reference, current }).await?, drift)
        }
        DataCommand::Export { snapshot, folder, detach } => {
            context.lasting().await?;
            let request =
                ExportSnapshot { snapshot: context.snapshot(Some(&snapshot)).await?, folder: absolute(&folder)? };
            let job = context.call(request).await?;
            let job = context.follow_here_unless(detach, job).await?;
            context.output.show(&job, |job| job.message.clone())
        }
        DataCommand::Delete { snapshot } => {
            context.lasting().await?;
            let snapshot = context.snapshot(Some(&snapshot)).await?;
            let deleted = context.call(DeleteSnapshot { snapshot }).await?;
            context.output.show(&deleted, |deleted| {
                let (number, size) = (deleted.number, words::bytes(deleted.frees_bytes));
                format!(
                    "v{number} is deleted; its {size} go with the first cleaning a day later.\nBack: slipway data restore v{number}"
                )
            })
        }
        DataCommand::Restore { snapshot } => {
            context.lasting().await?;
            let snapshot = context.deleted_snapshot(&snapshot).await?;
            let back = context.call(RestoreSnapshot { snapshot }).await?;
            context.output.show(&back, |back| format!("v{} is back: {}.", back.number, size(back)))
        }
        DataCommand::Purge { snapshot } => {
            context.lasting().await?;
            let snapshot = context.deleted_snapshot(&snapshot).await?;
            let freed = context.call(PurgeSnapshot { snapshot }).await?;
            context.output.show(&freed, |freed| super::host::freed("The snapshot is deleted for good", freed))
        }
        DataCommand::Add { paths } => {
            context.lasting().await?;
            let project = context.project_id().await?;
            let paths = paths.iter().map(|path| absolute(path)).collect::<Outcome<Vec<_>>>()?;
            let job = context.call(AddData { project, paths }).await?;
            context.follow_here(job).await?;
            let paths = context.call(GetProject { project }).await?.file.data.paths;
            let said = |now: &Dataset| format!("data paths  {}\n{}", paths.join(", "), dataset(now));
            context.output.show(&context.call(GetDataset { project }).await?, said)
        }
    }
}

fn size(snapshot: &Snapshot) -> String {
    format!(
        "{}, {}, {}",
        counted(snapshot.rows, "row", "rows"),
        counted(u64::from(snapshot.columns), "column", "columns"),
        words::bytes(snapshot.size_bytes)
    )
}

fn dataset(dataset: &Dataset) -> String {
    let changed = dataset.changed.as_ref().map(|change| {
        format!(
            "{} added, {} changed, {} removed ({})",
            change.added,
            change.changed,
            change.removed,
            change.names.join(", ")
        )
    });
    let beside = dataset.beside.iter().map(|file| format!("{} ({})", file.path, words::bytes(file.size_bytes)));
    let beside = Some(beside.collect::<Vec<_>>().join(", ")).filter(|names| !names.is_empty());
    let newest = dataset.snapshots.first();
    let head = pairs(&[
        ("data", Some(dataset.name.clone())),
        ("kind", Some(words::word(&dataset.kind))),
        ("files", Some(format!("{}, {}", words::count(dataset.files), words::bytes(dataset.size_bytes)))),
        ("changed", changed.or_else(|| newest.map(|newest| format!("no, as v{} has it", newest.number)))),
        ("beside", beside),
        ("problem", dataset.problem.as_ref().map(ToString::to_string)),
    ]);
    let row = |snapshot: &Snapshot| {
        let version = format!("v{}", snapshot.number);
        let rows = words::count(snapshot.rows);
        vec![
            version,
            words::time(snapshot.created_ms),
            rows,
            words::bytes(snapshot.size_bytes),
            snapshot.message.clone(),
        ]
    };
    format!(
        "{head}\n\n{}",
        table(&["snapshot", "taken", ">rows", ">size", "what changed"], dataset.snapshots.iter().map(row))
    )
}

fn plan(plan: &SnapshotPlan) -> String {
    if plan.unchanged {
        return "Nothing changed: a snapshot is free.".to_owned();
    }
    if plan.referenced {
        return format!(
            "{}, {}; only their hashes are kept. The files must stay where and as they are, else the snapshot can't be read again.",
            files(plan.files),
            words::bytes(plan.size_bytes)
        );
    }
    let how = if plan.reflink { "shared with the files where the file system can" } else { "copied" };
    format!(
        "{}, {}; {} new, {how}; {} are free.",
        files(plan.files),
        words::bytes(plan.size_bytes),
        words::bytes(plan.new_bytes),
        words::bytes(plan.free_bytes)
    )
}

fn files(count: u64) -> String {
    counted(count, "file", "files")
}

pub(super) fn preview(preview: &Preview) -> String {
    const WIDEST: usize = 32;
    let cell = |cell: &Option<String>| match cell {
        Some(text) if text.chars().count() > WIDEST => text.chars().take(WIDEST - 1).chain(['…']).collect(),
        Some(text) => text.clone(),
        None => "–".to_owned(),
    };
    let names: Vec<String> = preview.columns.iter().map(|column| output::named(&column.name)).collect();
    let headings: Vec<&str> = names.iter().map(String::as_str).collect();
    let last = preview.offset + preview.rows.len() as u64;
    let rows = table(&headings, preview.rows.iter().map(|row| row.iter().map(cell).collect()));
    format!(
        "{rows}\n\nrows {} to {} of {}",
        words::count(preview.offset + 1),
        words::count(last),
        words::count(preview.total_rows)
    )
}

fn profile(profile: &Profile) -> String {
    let row = |column: &api::dataset::ColumnProfile| {
        let about = if column.distinct_is_exact { "" } else { "≈ " };
        // Moments are milliseconds since 1970.
        let write = if column.kind == ColumnType::Datetime { words::moment } else { words::figure };
        let numbers = column.numeric.as_ref().map(|numeric| {
            let median = numeric.quantiles.iter().find(|(at, _)| (*at - 0.5).abs() < 1e-9).map(|(_, value)| *value);
            (write(numeric.min), words::or_dash(median, write), write(numeric.max))
        });
        let top = column.top.iter().take(3).map(|value| value.value.clone()).collect::<Vec<_>>().join(", ");
        let (low, median, high) = numbers.unwrap_or_default();
        let association = column.target_association.map_or_else(String::new, words::figure);
        let missing = words::count(column.missing);
        let distinct = format!("{about}{}", words::count(column.distinct));
        vec![
            column.name.clone(),
            words::word(&column.kind),
            words::word(&column.role),
            missing,
            distinct,
            low,
            median,
            high,
            association,
            top,
        ]
    };
    let headings =
        ["column", "type", "role", ">missing", ">distinct", ">min", ">median", ">max", ">target", "commonest"];
    let mut lines = vec![counted(profile.rows, "row", "rows")];
    lines.extend(profile.reading.iter().cloned());
    lines.push(table(&headings, profile.columns.iter().map(row)));
    lines.extend(profile.warnings.iter().map(|warning| format!("warning: {}", warning.message)));
    lines.join("\n")
}

pub(crate) fn drift(report: &DriftReport) -> String {
    let row = |column: &ColumnDrift| {
        vec![
            column.column.clone(),
            words::word(&column.verdict),
            words::word(&column.test),
            words::or_dash(column.value, words::figure),
            words::figure(column.threshold),
            words::or_dash(column.floor, words::figure),
            column.sentence.clone(),
        ]
    };
    let verdict =
        if report.dataset_drifted { "the data as a whole drifted" } else { "the data as a whole is the same" };
    let remarks: String = report.remarks.iter().map(|remark| format!("\n{remark}")).collect();
    format!(
        "{}\n\n{} of {} columns drifted ({}): {verdict}. {} rows against {}.{remarks}",
        table(&["column", "verdict", "test", ">value", ">limit", ">floor", ""], report.columns.iter().map(row)),
        report.drifted,
        report.columns.len(),
        words::percent(report.share),
        words::count(report.current_rows),
        words::count(report.reference_rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_how_the_files_are_kept() {
        let kept = SnapshotPlan {
            files: 2,
            size_bytes: 3_000_000,
            new_bytes: 1_000_000,
            reflink: false,
            free_bytes: 9_000_000,
            unchanged: false,
            referenced: false,
        };
        assert!(plan(&kept).contains("copied"), "{}", plan(&kept));
        let referenced = plan(&SnapshotPlan { new_bytes: 0, referenced: true, ..kept.clone() });
        assert!(referenced.contains("only their hashes are kept") && !referenced.contains("copied"), "{referenced}");
        let unchanged = plan(&SnapshotPlan { unchanged: true, referenced: true, ..kept });
        assert!(unchanged.contains("Nothing changed"), "{unchanged}");
    }
}
