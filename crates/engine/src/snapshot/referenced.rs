//! Files that a snapshot only references: looked for where the project's folder is now, and believed
//! only as the bytes that were hashed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use api::ApiError;
use data::{
    error::DataError,
    manifest::{Manifest, Proven},
    scan::ScannedFile,
};
use store::snapshot::SnapshotRow;

use super::Report;
use crate::{
    Engine,
    blocking::{self, Step},
    package,
};

/// What an earlier look has proven, so that a folder with other times is read once.
pub(super) const PROVEN: &str = "proven.json";

/// The folders that a snapshot's names may be relative to, best first: the project's as it was last
/// seen, then where the snapshot was taken (a copy of the project may be the one last opened).
pub(crate) async fn roots(engine: &Engine, row: &SnapshotRow) -> anyhow::Result<Vec<PathBuf>> {
    let id = row.snapshot.id;
    let project = engine
        .store()
        .read(move |c| match store::snapshot::project(c, id)? {
            Some(project) => store::project::get(c, project),
            None => Ok(None),
        })
        .await?;
    let mut roots: Vec<PathBuf> = project.into_iter().map(|project| PathBuf::from(project.path)).collect();
    let taken_at = PathBuf::from(&row.root);
    if !roots.contains(&taken_at) {
        roots.push(taken_at);
    }
    Ok(roots)
}

/// The first of the roots under which every file is the one that was recorded, with the files; the
/// error is the first root's. `notes` is the folder that keeps what was proven, where there is one.
pub(super) fn find(
    roots: &[PathBuf],
    taken: &Manifest,
    notes: &Path,
    tell: blocking::Tell<'_, Step>,
) -> anyhow::Result<(PathBuf, Vec<ScannedFile>)> {
    let mut proven: Proven = std::fs::read(notes.join(PROVEN))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let before = proven.clone();
    let mut first = None;
    for root in roots {
        let mut read = 0;
        let mut progress = |bytes: u64| {
            read += bytes;
            tell(Step { fraction: 0.0, message: format!("Checks the referenced files, {} read", package::size(read)) })
        };
        match taken.stand(root, &mut proven, &mut progress) {
            Ok(files) => {
                if proven != before {
                    note(notes, &proven);
                }
                return Ok((root.clone(), files));
            }
            Err(DataError::Cancelled) => return Err(ApiError::from(DataError::Cancelled).into()),
            Err(error) => first = first.or(Some(error)),
        }
    }
    let error = first.context("find the project's folder")?;
    Err(ApiError::from(error).into())
}

/// Without the note the next look reads the files again, no more.
fn note(folder: &Path, proven: &Proven) {
    let written = tempfile::NamedTempFile::new_in(folder).map_err(anyhow::Error::from).and_then(|mut file| {
        serde_json::to_writer(&mut file, proven)?;
        file.persist(folder.join(PROVEN))?;
        Ok(())
    });
    if let Err(error) = written {
        tracing::debug!(error = format!("{error:#}"), "what was proven of referenced files can't be noted");
    }
}

/// Proves that the referenced files are still those that were recorded, and says below which folder
/// they are. `None` for a snapshot that keeps its bytes.
pub(crate) async fn check(engine: &Engine, row: &SnapshotRow, report: Report<'_>) -> anyhow::Result<Option<PathBuf>> {
    if row.snapshot.kept {
        return Ok(None);
    }
    let (taken, roots) = (super::manifest(engine, row).await?, roots(engine, row).await?);
    let notes = engine.workspace().snapshot_cache(row.snapshot.id);
    let mut heard = |step: Step| report(step.fraction, &step.message);
    let found = blocking::run(&mut heard, move |tell| find(&roots, &taken, &notes, tell)).await?;
    Ok(Some(found.0))
}

/// One referenced file, proven by itself.
pub(super) async fn one(engine: &Engine, row: &SnapshotRow, name: &str) -> anyhow::Result<PathBuf> {
    let (mut taken, roots) = (super::manifest(engine, row).await?, roots(engine, row).await?);
    taken.entries.retain(|entry| entry.name == name);
    let notes = engine.workspace().snapshot_cache(row.snapshot.id);
    let found = blocking::run(&mut |_: Step| std::ops::ControlFlow::Continue(()), move |tell| {
        find(&roots, &taken, &notes, tell)
    })
    .await?;
    found.1.into_iter().next().map(|file| file.path).with_context(|| format!("find {name}"))
}
