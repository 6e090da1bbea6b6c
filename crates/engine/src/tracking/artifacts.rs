//! Files that clients keep with runs and logged models.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use api::{ApiError, ErrorCode, RunId, event::Tag};
use store::run::RunRow;

use super::Announcer;
use crate::{Engine, error};

/// A path within the artifacts of one run or logged model.
#[derive(Debug, Clone)]
pub struct Place {
    /// The folder of all its artifacts.
    root: PathBuf,
    relative: PathBuf,
    /// Imported artifacts are other tools' and are only read.
    writable: bool,
    run: Option<RunId>,
}

/// One entry of a folder; a folder has no size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub size_bytes: Option<u64>,
}

/// The place that `…/RUN/artifacts/…` or `…/models/MODEL/artifacts/…` names. The parts lead nowhere but down.
pub async fn place(engine: &Engine, parts: &[String]) -> anyhow::Result<Place> {
    match owner(parts) {
        Some((Owner::Run(run), rest)) => {
            let row = engine.store().read(move |c| store::run::bare(c, run)).await?;
            let row = row.ok_or_else(|| error::missing("run", run))?;
            Ok(of_run(engine, &row, rest))
        }
        Some((Owner::Logged(id), rest)) => {
            let wanted = id.clone();
            let known = engine.store().read(move |c| store::logged_model::bare(c, &wanted)).await?;
            let known = known.ok_or_else(|| ApiError::not_found(format!("Logged model with ID '{id}' not found.")))?;
            Ok(of_logged(engine, &known.id, rest))
        }
        None => bail!(ApiError::new(ErrorCode::NotFound, "No run and no logged model has artifacts at this path.")),
    }
}

/// Whose artifacts lie at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    Run(RunId),
    Logged(String),
}

/// Whose artifacts a path of the proxy names, and the parts within them.
pub(crate) fn owner(parts: &[String]) -> Option<(Owner, &[String])> {
    parts.windows(2).enumerate().filter(|(_, pair)| pair[1] == "artifacts").find_map(|(at, pair)| {
        let run = Some(&pair[0]).filter(|id| id.len() == 32).and_then(|id| id.parse::<RunId>().ok()).map(Owner::Run);
        let owner = run.or_else(|| pair[0].starts_with("m-").then(|| Owner::Logged(pair[0].clone())))?;
        Some((owner, &parts[at + 2..]))
    })
}

pub fn of_run(engine: &Engine, row: &RunRow, parts: &[String]) -> Place {
    let (root, writable) = match &row.artifacts {
        Some(folder) => (PathBuf::from(folder), false),
        None => (engine.workspace().run(row.run.id).join("artifacts"), true),
    };
    Place { root, relative: parts.iter().collect(), writable, run: Some(row.run.id) }
}

pub fn of_logged(engine: &Engine, model: &str, parts: &[String]) -> Place {
    let root = engine.workspace().logged(model).join("artifacts");
    Place { root, relative: parts.iter().collect(), writable: true, run: None }
}

impl Place {
    fn path(&self) -> PathBuf {
        self.root.join(&self.relative)
    }

    /// Refuses what a link within the folder leads out to.
    fn checked(&self) -> anyhow::Result<PathBuf> {
        let path = self.path();
        let (real, root) = (path.canonicalize(), self.root.canonicalize());
        match (real, root) {
            (Ok(real), Ok(root)) if real.starts_with(&root) => Ok(path),
            (Ok(_), Ok(_)) => bail!(ApiError::invalid("Invalid path")),
            _ => bail!(ApiError::not_found(format!("No such artifact: '{}'", self.relative.display()))),
        }
    }

    /// Refuses a path that goes through a link, before a folder of it is made: a program may have left one here.
    fn leads_nowhere_else(&self) -> anyhow::Result<()> {
        let mut at = self.root.clone();
        for part in self.relative.iter() {
            at.push(part);
            match at.symlink_metadata() {
                Ok(found) if found.is_symlink() => bail!(ApiError::invalid("Invalid path")),
                Ok(_) => {}
                // Nothing is below what is not there.
                Err(_) => break,
            }
        }
        Ok(())
    }
}

/// The file at a place, to be read.
pub async fn file(place: &Place) -> anyhow::Result<PathBuf> {
    let path = place.checked()?;
    if path.is_dir() {
        bail!(ApiError::invalid(format!("'{}' is a folder.", place.relative.display())));
    }
    if !tokio::fs::metadata(&path).await.is_ok_and(|metadata| metadata.is_file()) {
        bail!(ApiError::not_found(format!("No such artifact: '{}'", place.relative.display())));
    }
    Ok(path)
}

/// Where a file is to be written; its folder is there.
pub async fn target(place: &Place) -> anyhow::Result<PathBuf> {
    if !place.writable {
        bail!(
            ApiError::new(ErrorCode::Conflict, "The artifacts of an imported run are read where they lie.")
                .with_hint("Log into a run of your own.")
        );
    }
    if place.relative.as_os_str().is_empty() {
        bail!(ApiError::invalid("An artifact needs a name."));
    }
    let path = place.path();
    let parent = path.parent().unwrap_or(&place.root).to_owned();
    place.leads_nowhere_else()?;
    tokio::fs::create_dir_all(&parent).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => {
            ApiError::invalid("A file stands where this path needs a folder.").into()
        }
        _ => anyhow::Error::new(source).context("make the artifact's folder"),
    })?;
    Ok(path)
}

/// Announces that a file was written. Of a run that was deleted for good meanwhile nothing stays.
pub async fn written(engine: &Engine, place: &Place) -> anyhow::Result<()> {
    let Some(run) = place.run else { return Ok(()) };
    if engine.store().read(move |c| store::run::standing(c, run)).await?.is_none() {
        let folder = engine.workspace().run(run);
        tokio::task::spawn_blocking(move || crate::storage::remove_folder(&folder)).await?;
        return Err(error::missing("run", run));
    }
    Announcer::touch(engine, run);
    engine.changed(Tag::Run(run));
    Ok(())
}

/// What an artifact is called while it comes, beside its place: `name` is 32 random hexadecimal digits.
pub fn half_name(name: &str) -> String {
    format!(".{name}.half")
}

/// Whether a file is an artifact that is still coming, or that came by half before its host was killed.
pub(crate) fn is_half(file: &str) -> bool {
    let name = file.strip_prefix('.').and_then(|rest| rest.strip_suffix(".half"));
    name.is_some_and(|name| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Removes what killed hosts left half-written among the artifacts, in a thread of its own. What comes from now on is
/// younger than this host.
pub(crate) fn sweep_halves(engine: &Engine) {
    let folders = [engine.workspace().runs(), engine.workspace().all_logged()];
    let since = UNIX_EPOCH + Duration::from_millis(engine.started_ms().max(0) as u64);
    tokio::task::spawn_blocking(move || {
        for of_one in folders.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten()) {
            sweep(&of_one.path().join("artifacts"), since);
        }
    });
}

fn sweep(folder: &Path, since: SystemTime) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        // A link is not followed: what lies behind it is not ours.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            sweep(&entry.path(), since);
        } else if kind.is_file() && is_half(&entry.file_name().to_string_lossy()) {
            let is_older = entry.metadata().and_then(|found| found.modified()).is_ok_and(|at| at < since);
            if is_older && let Err(error) = std::fs::remove_file(entry.path()) {
                tracing::warn!(path = %entry.path().display(), %error, "a half-written artifact can't be removed");
            }
        }
    }
}

/// The entries of a folder, sorted; of a file none.
pub async fn list(place: &Place) -> anyhow::Result<Vec<Entry>> {
    let Ok(path) = place.checked() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut entries = match tokio::fs::read_dir(&path).await {
        Ok(entries) => entries,
        Err(source) if source.kind() == std::io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        Err(source) => return Err(source).with_context(|| format!("read {}", path.display())),
    };
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_half(&name) {
            continue;
        }
        let metadata = entry.metadata().await?;
        found.push(Entry { name, size_bytes: metadata.is_file().then_some(metadata.len()) });
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}

/// Deletes a file or a folder; whether it was there.
pub async fn delete(engine: &Engine, place: &Place) -> anyhow::Result<bool> {
    if !place.writable || place.relative.as_os_str().is_empty() {
        bail!(ApiError::invalid("These artifacts can't be deleted by this path."));
    }
    let Ok(path) = place.checked() else { return Ok(false) };
    let metadata = tokio::fs::symlink_metadata(&path).await?;
    if metadata.is_dir() {
        tokio::fs::remove_dir_all(&path).await?;
    } else {
        tokio::fs::remove_file(&path).await?;
    }
    written(engine, place).await?;
    Ok(true)
}
