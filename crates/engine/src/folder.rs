//! What a project's folder holds now: the state of its file and of its data, rescanned when asked.
//!
//! The watcher says when to look again; looking decides. Nothing but the last good `slipway.toml`
//! and the sentence about changed data is written down: the rest is seen again after a start.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use api::{
    ApiError, ErrorCode, ExperimentId, ProjectId,
    config::ProjectFile,
    dataset::{BesideFile, Change},
    event::Tag,
    project::{Happening, Stage, StationState},
};
use data::{error::DataError, manifest::Manifest, scan};
use store::{project::ProjectRow, snapshot::SnapshotRow};

use crate::{Engine, Mode, package, project, project_file, tracking, watching};

/// Files offered beside the data paths; a folder with more is told by its first ones.
const BESIDE: usize = 50;

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// The folder is not there, or can't be read.
    pub missing: Option<String>,
    pub file_error: Option<ApiError>,
    pub warnings: Vec<String>,
    pub change: Option<Change>,
    pub files: u64,
    pub size_bytes: u64,
    /// Why the data can't be read.
    pub problem: Option<ApiError>,
    pub beside: Vec<BesideFile>,
}

/// What the host saw last, by project.
#[derive(Default)]
pub struct Folders {
    seen: Mutex<HashMap<ProjectId, Seen>>,
}

impl Folders {
    fn lock(&self) -> MutexGuard<'_, HashMap<ProjectId, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn forget(&self, project: ProjectId) {
        self.lock().remove(&project);
    }
}

/// What is known of a folder: in the host what was seen last, else by looking now.
pub async fn seen(engine: &Engine, row: &ProjectRow) -> anyhow::Result<Seen> {
    let known = engine.folders().lock().get(&row.id).cloned();
    match known {
        Some(seen) if engine.options().mode == Mode::Host => Ok(seen),
        _ => Ok(look(engine, row.id).await?.1),
    }
}

/// Looks at the folder: re-reads `slipway.toml`, rescans the data, announces what changed.
pub async fn look(engine: &Engine, id: ProjectId) -> anyhow::Result<(ProjectRow, Seen)> {
    let (row, newest) = engine
        .store()
        .read(move |c| {
            let newest =
                store::dataset::of_project(c, id)?.map(|dataset| store::snapshot::newest(c, dataset.id)).transpose()?;
            Ok((store::project::get(c, id)?, newest.flatten()))
        })
        .await?;
    let mut row = row.ok_or_else(|| crate::error::missing("project", id))?;
    let manifest = match &newest {
        Some(snapshot) => crate::snapshot::manifest_if_whole(engine, snapshot).await?,
        None => None,
    };
    let now_ms = engine.now_ms();
    let (before, folder) = (row.file.clone(), PathBuf::from(&row.path));
    let (file, mut seen, outside) = tokio::task::spawn_blocking(move || {
        let (file, seen) = look_blocking(&folder, before, newest.as_ref(), manifest.as_ref(), now_ms);
        let outside = scan::outside(&folder, &file.data);
        (file, seen, outside)
    })
    .await?;
    if file != row.file {
        row.file = file.clone();
        let name = project::name_of(&file, Path::new(&row.path));
        let (experiment, now_ms) = (ExperimentId::from_bytes(engine.new_id()), engine.now_ms());
        engine
            .store()
            .write(move |tx| {
                store::project::set_file(tx, id, &file)?;
                tracking::experiments::name_after_project(tx, experiment, id, &name, now_ms)
            })
            .await?;
        engine.changed(Tag::Experiments);
        engine.changed(Tag::Projects);
        engine.changed(Tag::Data(id));
    }
    let before = engine.folders().lock().get(&id).cloned();
    if let (Some(old), Some(new)) = (before.as_ref().and_then(|before| before.change.as_ref()), &mut seen.change)
        && (old.added, old.changed, old.removed, &old.names) == (new.added, new.changed, new.removed, &new.names)
    {
        // The same change, looked at again, was seen when it was first seen.
        new.seen_ms = old.seen_ms;
    }
    watching::follow(engine, id, outside).await;
    engine.folders().lock().insert(id, seen.clone());
    if before.as_ref() != Some(&seen) && before.is_some() {
        announce(engine, &row, before.as_ref(), &seen).await?;
    }
    Ok((row, seen))
}

async fn announce(engine: &Engine, row: &ProjectRow, before: Option<&Seen>, seen: &Seen) -> anyhow::Result<()> {
    let first_change = seen.change.is_some() && before.is_some_and(|before| before.change.is_none());
    if let (true, Some(change)) = (first_change, &seen.change) {
        let sentence = format!("Data changed: {}", describe(change));
        let happening = Happening { at_ms: engine.now_ms(), stage: Stage::Data, state: StationState::Warn, sentence };
        let id = row.id;
        engine.store().write(move |tx| store::happening::add(tx, id, &happening)).await?;
    }
    engine.changed(Tag::Data(row.id));
    engine.changed(Tag::Projects);
    Ok(())
}

/// "2 files added, 1 changed (a.csv, b.csv)".
pub fn describe(change: &Change) -> String {
    let parts: Vec<String> = [(change.added, "added"), (change.changed, "changed"), (change.removed, "removed")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {} {what}", if count == 1 { "file" } else { "files" }))
        .collect();
    if change.names.is_empty() {
        parts.join(", ")
    } else {
        format!("{} ({})", parts.join(", "), change.names.join(", "))
    }
}

fn look_blocking(
    folder: &Path,
    in_force: ProjectFile,
    newest: Option<&SnapshotRow>,
    manifest: Option<&Manifest>,
    now_ms: i64,
) -> (ProjectFile, Seen) {
    let mut seen = Seen::default();
    if let Err(error) = std::fs::read_dir(folder) {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => format!("The folder {} is gone.", folder.display()),
            _ => format!("The folder {} can't be read: {error}.", folder.display()),
        };
        seen.problem =
            Some(ApiError::not_found(&reason).with_hint("Bring it back, or open the project where it is now."));
        seen.missing = Some(reason);
        return (in_force, seen);
    }
    let file = match read_file(folder) {
        Ok(parsed) => {
            seen.warnings = parsed.warnings;
            parsed.file
        }
        Err(error) => {
            seen.file_error = Some(error);
            in_force
        }
    };
    match scan::files(folder, &file.data) {
        Ok(files) => {
            seen.files = files.len() as u64;
            seen.size_bytes = files.iter().map(|file| file.size_bytes).sum();
            // Read with other settings, the same files are other rows: that shows when it is taken.
            seen.change = match (manifest, newest) {
                (Some(manifest), Some(_)) => manifest.change(&files, now_ms),
                _ => None,
            };
        }
        // A project that names no data is one of programs, until some are added.
        Err(DataError::NoFiles { paths, .. }) if paths.is_empty() => {}
        Err(error) => seen.problem = Some(error.into()),
    }
    if let Ok(beside) = scan::beside(folder, &file.data) {
        seen.beside = beside
            .into_iter()
            .take(BESIDE)
            .map(|file| BesideFile { path: file.name, size_bytes: file.size_bytes })
            .collect();
    }
    (file, seen)
}

/// Reads and parses a folder's `slipway.toml`.
pub fn read_file(folder: &Path) -> Result<project_file::Parsed, ApiError> {
    project_file::parse(&read_text(folder)?, project_file::NAME)
}

/// The text of a folder's `slipway.toml`.
pub fn read_text(folder: &Path) -> Result<String, ApiError> {
    let path = folder.join(project_file::NAME);
    if let Ok(there) = std::fs::metadata(&path)
        && there.len() > project_file::MOST_BYTES
    {
        let message = format!("{} has {}; at most 1 MB is read.", path.display(), package::size(there.len()));
        return Err(ApiError::new(ErrorCode::InvalidProjectFile, message)
            .with_hint("Something else was written there: bring the file back."));
    }
    let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            ApiError::not_found(format!("There is no slipway.toml in {}.", folder.display()))
                .with_hint("Create the project (`slipway project create PATH`), or open another folder.")
        }
        _ => ApiError::new(ErrorCode::InvalidProjectFile, format!("{} can't be read: {error}.", path.display())),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        ApiError::new(
            ErrorCode::InvalidProjectFile,
            format!("slipway.toml, line {line}: the bytes there are not UTF-8."),
        )
        .with_hint("Save the file as UTF-8.")
    })
}
