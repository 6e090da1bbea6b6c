//! Files that clients keep with runs and logged models.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, RunId,
    deleted::CHECKPOINTS,
    event::Tag,
    run::{Artifact, RunKind},
};
use cap_std::fs::{Dir, OpenOptions};
use store::run::RunRow;

use super::Announcer;
use crate::{Engine, beneath, error};

/// A path within the artifacts of one run or logged model.
#[derive(Debug, Clone)]
pub struct Place {
    /// The folder of all its artifacts.
    root: PathBuf,
    relative: PathBuf,
    /// Imported artifacts are other tools' and are only read, and so is what a training made.
    writable: bool,
    made: Made,
    run: Option<RunId>,
}

/// Where what a training made is, seen from a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    No,
    /// An entry of this folder.
    Below,
    /// It is this, or a part of it.
    This,
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
            Ok(seen_of_run(engine, &row, rest))
        }
        Some((Owner::Logged(id), rest)) => {
            let wanted = id.clone();
            let known = engine.store().read(move |c| store::logged_model::bare(c, &wanted)).await?;
            let known = known.ok_or_else(|| ApiError::not_found(format!("Logged model with ID '{id}' not found.")))?;
            of_logged(engine, &known.id, rest).await
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

/// What a training makes, beside the folder of its artifacts.
const MODEL: &str = "model";

/// A path among the artifacts of a run.
pub fn of_run(engine: &Engine, row: &RunRow, parts: &[String]) -> Place {
    let (root, writable) = match &row.artifacts {
        Some(folder) => (PathBuf::from(folder), false),
        None => (engine.workspace().run(row.run.id).join("artifacts"), true),
    };
    Place { root, relative: parts.iter().collect(), writable, made: Made::No, run: Some(row.run.id) }
}

/// The same as clients see it: what a training made stands there, by the address that versions of it have, unless a client
/// called something so.
pub fn seen_of_run(engine: &Engine, row: &RunRow, parts: &[String]) -> Place {
    let place = of_run(engine, row, parts);
    let model = engine.workspace().run(row.run.id).join(MODEL);
    let is_training = row.run.kind == RunKind::Training && row.artifacts.is_none();
    let has_made = || std::fs::symlink_metadata(&model).is_ok_and(|found| found.is_dir());
    let is_free = || place.root.join(MODEL).symlink_metadata().is_err();
    match parts {
        [] if is_training && has_made() && is_free() => Place { made: Made::Below, ..place },
        [first, rest @ ..] if first == MODEL && is_training && has_made() && is_free() => {
            Place { root: model, relative: rest.iter().collect(), writable: false, made: Made::This, ..place }
        }
        _ => place,
    }
}

/// The checkpoints of a run, which lie beside its artifacts.
pub(crate) fn checkpoints_of_run(engine: &Engine, run: RunId) -> Place {
    let (root, relative) = (engine.workspace().run(run), PathBuf::from(CHECKPOINTS));
    Place { root, relative, writable: true, made: Made::No, run: Some(run) }
}

pub async fn of_logged(engine: &Engine, model: &str, parts: &[String]) -> anyhow::Result<Place> {
    let wanted = model.to_owned();
    let elsewhere = engine.store().read(move |c| store::logged_model::artifacts(c, &wanted)).await?;
    let writable = elsewhere.is_none();
    let root = elsewhere.map_or_else(|| engine.workspace().logged(model).join("artifacts"), PathBuf::from);
    Ok(Place { root, relative: parts.iter().collect(), writable, made: Made::No, run: None })
}

impl Place {
    /// The folder of all artifacts, where it is there.
    fn folder(&self) -> io::Result<Dir> {
        beneath::folder(&self.root)
    }

    fn refused(&self, error: io::Error) -> anyhow::Error {
        let shown = self.relative.display();
        match error.kind() {
            _ if beneath::leads_out(&error) => ApiError::invalid("Invalid path").into(),
            _ if beneath::is_nothing(&error) => ApiError::not_found(format!("No such artifact: '{shown}'")).into(),
            ErrorKind::IsADirectory => ApiError::invalid(format!("'{shown}' is a folder.")).into(),
            _ => anyhow::Error::new(error).context(format!("read the artifact '{shown}'")),
        }
    }

    /// Refuses a path that goes through a link, before a folder of it is made: a program may have left one here.
    fn leads_nowhere_else(&self, root: &Dir) -> anyhow::Result<()> {
        let mut at = PathBuf::new();
        for part in self.relative.iter() {
            at.push(part);
            match root.symlink_metadata(&at) {
                Ok(found) if found.is_symlink() => bail!(ApiError::invalid("Invalid path")),
                Ok(_) => {}
                Err(error) if beneath::leads_out(&error) => bail!(ApiError::invalid("Invalid path")),
                // Nothing is below what is not there.
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Refuses what is not ours to delete, or all of it at once.
    fn check_deletable(&self) -> anyhow::Result<()> {
        if !self.writable {
            bail!(ApiError::new(ErrorCode::Conflict, format!("{}: nothing is deleted there.", self.in_place())));
        }
        if self.relative.as_os_str().is_empty() {
            bail!(ApiError::invalid("These artifacts can't be deleted by this path."));
        }
        Ok(())
    }

    /// The folder of all artifacts, where something lies at this place.
    fn folder_of_what_is_there(&self) -> anyhow::Result<Option<Dir>> {
        match self.folder().and_then(|root| root.symlink_metadata(&self.relative).map(|_| root)) {
            Ok(root) => Ok(Some(root)),
            Err(error) if beneath::leads_out(&error) => bail!(ApiError::invalid("Invalid path")),
            Err(_) => Ok(None),
        }
    }

    /// Why the artifacts of another tool's log, and what a training made, stay as they are.
    fn in_place(&self) -> String {
        match self.made {
            Made::This => "What a training made stays as it is".to_owned(),
            Made::No | Made::Below => format!("What was imported is read where it lies, in {}", self.root.display()),
        }
    }

    /// Where it stands, for a person.
    pub fn shown(&self) -> PathBuf {
        self.root.join(&self.relative)
    }

    /// A place below this one.
    pub(crate) fn below(&self, path: &str) -> Self {
        Self { relative: self.relative.join(path), ..self.clone() }
    }

    /// What it is called in its folder.
    pub fn name(&self) -> String {
        self.relative.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The file at a place, open to be read.
pub async fn file(place: &Place) -> anyhow::Result<File> {
    let place = place.clone();
    tokio::task::spawn_blocking(move || {
        let opened = place.folder().and_then(|root| beneath::file(&root, &place.relative));
        opened.map_err(|error| place.refused(error))
    })
    .await?
}

/// A file that comes beside the name that it gets once it is whole. Of one that is dropped before, nothing stays.
pub struct Coming {
    folder: Dir,
    half: String,
    name: OsString,
    is_finished: bool,
}

impl Drop for Coming {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = self.folder.remove_file(&self.half);
        }
    }
}

impl Coming {
    /// Gives a whole file its name; a file of that name is replaced, as MLflow does.
    ///
    /// # Errors
    /// Where a folder stands there, or the system refuses it. Blocks.
    pub fn finish(mut self) -> anyhow::Result<()> {
        match self.folder.rename(&self.half, &self.folder, &self.name) {
            Ok(()) => {
                self.is_finished = true;
                Ok(())
            }
            Err(_) if self.folder.symlink_metadata(&self.name).is_ok_and(|found| found.is_dir()) => {
                Err(ApiError::invalid("A folder stands where the file is to be.").into())
            }
            Err(error) => Err(anyhow::Error::new(error).context("give the artifact its name")),
        }
    }
}

/// Refuses a place whose files are only read.
///
/// # Errors
/// A conflict, of what was imported and of what a training made.
pub fn check_writable(place: &Place) -> anyhow::Result<()> {
    if !place.writable {
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("{}: nothing is written there.", place.in_place()))
                .with_hint("Log into a run of your own.")
        );
    }
    Ok(())
}

/// Begins the file of a place, whose folder is made: `fresh` is 32 random hexadecimal digits.
pub async fn begin(place: &Place, fresh: &str) -> anyhow::Result<(Coming, File)> {
    check_writable(place)?;
    if place.relative.as_os_str().is_empty() {
        bail!(ApiError::invalid("An artifact needs a name."));
    }
    if let Some(part) = place.relative.iter().map(|part| part.to_string_lossy()).find(|part| is_half(part)) {
        let message = format!("'{part}' is what files are called here while they come: choose another name.");
        bail!(ApiError::invalid(message));
    }
    let (place, half) = (place.clone(), half_name(fresh));
    tokio::task::spawn_blocking(move || begin_at(&place, half)).await?
}

fn begin_at(place: &Place, half: String) -> anyhow::Result<(Coming, File)> {
    let making = |error: io::Error| match error.kind() {
        _ if beneath::leads_out(&error) => ApiError::invalid("Invalid path").into(),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            ApiError::invalid("A file stands where this path needs a folder.").into()
        }
        _ => anyhow::Error::new(error).context("make the artifact's folder"),
    };
    std::fs::create_dir_all(&place.root).map_err(making)?;
    let root = place.folder().map_err(making)?;
    place.leads_nowhere_else(&root)?;
    let parent = place.relative.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = match parent {
        Some(parent) => root.create_dir_all(parent).and_then(|()| root.open_dir(parent)).map_err(making)?,
        None => root,
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let file = folder.open_with(&half, &options).context("begin the artifact")?.into_std();
    let name = place.relative.file_name().unwrap_or_default().to_owned();
    Ok((Coming { folder, half, name, is_finished: false }, file))
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

/// The entries of a folder, sorted; of a file none. A link is the file that it leads to, where that is an artifact, too: another
/// link, or a pipe, is no entry.
pub async fn list(place: &Place) -> anyhow::Result<Vec<Entry>> {
    let place = place.clone();
    tokio::task::spawn_blocking(move || list_at(&place)).await?
}

/// What a training made, among the entries of its artifacts.
fn made_at(place: &Place) -> Vec<Entry> {
    (place.made == Made::Below).then(|| Entry { name: MODEL.to_owned(), size_bytes: None }).into_iter().collect()
}

fn list_at(place: &Place) -> anyhow::Result<Vec<Entry>> {
    let opened = place.folder().and_then(|root| {
        let is_root = place.relative.as_os_str().is_empty();
        let entries = if is_root { root.entries()? } else { root.open_dir(&place.relative)?.entries()? };
        Ok((root, entries))
    });
    let none = |error: &io::Error| beneath::is_nothing(error) || beneath::leads_out(error);
    let (root, entries) = match opened {
        Ok(opened) => opened,
        Err(error) if none(&error) => return Ok(made_at(place)),
        Err(error) => return Err(error).with_context(|| format!("read {}", place.shown().display())),
    };
    let mut found = made_at(place);
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_half(&name) {
            continue;
        }
        // One that went since is no entry any more.
        let Ok(metadata) = entry.metadata() else { continue };
        let size_bytes = match metadata.is_symlink() {
            true => beneath::linked(&root, &place.relative.join(entry.file_name())).map(|found| found.len()),
            false => metadata.is_file().then_some(metadata.len()),
        };
        if size_bytes.is_some() || metadata.is_dir() {
            found.push(Entry { name, size_bytes });
        }
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}

/// Every file at a place and below it, by its path from there; a link to a file of them is one.
pub async fn files(place: &Place) -> anyhow::Result<Vec<Artifact>> {
    let place = place.clone();
    Ok(tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        if let Ok(root) = place.folder() {
            crate::run::list_files(&root, &place.relative, &mut found);
        }
        let folder = place.relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        for artifact in &mut found {
            let rest = artifact.path.strip_prefix(&folder).map(|rest| rest.trim_start_matches('/').to_owned());
            artifact.path = rest.filter(|rest| !rest.is_empty()).unwrap_or_else(|| place.name());
        }
        found
    })
    .await?)
}

/// The bytes of a file, or of all in a folder: a link holds none.
pub(crate) async fn held_bytes(place: &Place) -> anyhow::Result<u64> {
    let place = place.clone();
    let held = tokio::task::spawn_blocking(move || {
        let Ok(root) = place.folder() else { return 0 };
        held_at(&root, &place.relative)
    });
    Ok(held.await?)
}

/// Blocks.
pub(crate) fn held_at(root: &Dir, path: &Path) -> u64 {
    match root.symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            let entries = root.read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| held_at(root, &path.join(entry.file_name()))).sum()
        }
        Ok(found) if found.is_file() => found.len(),
        _ => 0,
    }
}

/// Deletes a file or a folder for good, as a client does; whether it was there.
pub async fn delete(engine: &Engine, place: &Place) -> anyhow::Result<bool> {
    place.check_deletable()?;
    let of = place.clone();
    if !tokio::task::spawn_blocking(move || delete_at(&of)).await?? {
        return Ok(false);
    }
    written(engine, place).await?;
    Ok(true)
}

fn delete_at(place: &Place) -> anyhow::Result<bool> {
    let Some(root) = place.folder_of_what_is_there()? else { return Ok(false) };
    match remove(&root, &place.relative) {
        // Another did so meanwhile.
        Err(error) if beneath::is_nothing(&error) => Ok(false),
        removed => removed.with_context(|| format!("delete {}", place.shown().display())).map(|()| true),
    }
}

/// So often a folder is deleted that others change meanwhile.
const TRIES: usize = 32;

/// Deletes a file, or a folder with all that is in it, also while others write to it or delete of it. Blocks.
pub(crate) fn remove(root: &Dir, path: &Path) -> io::Result<()> {
    tried(|| {
        let is_folder = root.symlink_metadata(path)?.is_dir();
        Ok(if is_folder { root.remove_dir_all(path) } else { root.remove_file(path) })
    })
}

/// Tries again what broke off since something came or went meanwhile: of a folder whose file went nothing says that it is gone
/// itself. An error of looking at it is the last.
fn tried(mut once: impl FnMut() -> io::Result<io::Result<()>>) -> io::Result<()> {
    for _ in 1..TRIES {
        match once()? {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty || beneath::is_nothing(&error) => {}
            removed => return removed,
        }
    }
    once()?
}

/// Moves a file or a folder out of the artifacts, into a folder of its own below `aside` that is called by the time, where
/// it has the same path; whether it was there.
pub(crate) async fn set_aside(engine: &Engine, place: &Place, aside: PathBuf, now_ms: i64) -> anyhow::Result<bool> {
    place.check_deletable()?;
    let of = place.clone();
    if !tokio::task::spawn_blocking(move || set_aside_at(&of, &aside, now_ms)).await?? {
        return Ok(false);
    }
    written(engine, place).await?;
    Ok(true)
}

fn set_aside_at(place: &Place, aside: &Path, now_ms: i64) -> anyhow::Result<bool> {
    let Some(root) = place.folder_of_what_is_there()? else { return Ok(false) };
    let moved = || -> io::Result<()> {
        std::fs::create_dir_all(aside)?;
        let folder = own_folder(aside, now_ms)?;
        move_to(&root, &beneath::folder(&folder)?, &place.relative).inspect_err(|_| {
            crate::storage::remove_folder(&folder);
        })
    };
    moved().with_context(|| format!("delete {}", place.shown().display()))?;
    Ok(true)
}

/// A new folder that is called by the time, or by the next that none is called by.
fn own_folder(below: &Path, mut at_ms: i64) -> io::Result<PathBuf> {
    loop {
        let folder = below.join(format!("{at_ms:013}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => at_ms += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Moves what was set aside back to its place; not where something stands there.
pub(crate) async fn bring_back(engine: &Engine, place: &Place, from: PathBuf) -> anyhow::Result<bool> {
    let of = place.clone();
    if !tokio::task::spawn_blocking(move || bring_back_at(&of, &from)).await?? {
        return Ok(false);
    }
    written(engine, place).await?;
    Ok(true)
}

fn bring_back_at(place: &Place, from: &Path) -> anyhow::Result<bool> {
    let restoring = || format!("restore {}", place.shown().display());
    std::fs::create_dir_all(&place.root).with_context(restoring)?;
    let (root, from) = (place.folder().with_context(restoring)?, beneath::folder(from).with_context(restoring)?);
    place.leads_nowhere_else(&root)?;
    if root.symlink_metadata(&place.relative).is_ok() {
        return Ok(false);
    }
    match move_to(&from, &root, &place.relative) {
        // A file has the name of a folder that it lay in.
        Err(error) if matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::AlreadyExists) => Ok(false),
        moved => moved.with_context(restoring).map(|()| true),
    }
}

/// Moves what lies at a path of one folder to the same path of another; never over what stands there.
fn move_to(from: &Dir, to: &Dir, path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        to.create_dir_all(parent)?;
    }
    beneath::rename_free(from, to, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_deleted_while_another_writes_to_it_or_deletes_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = beneath::folder(folder.path()).unwrap();
        let model = folder.path().join("model");
        std::fs::create_dir_all(model.join("code")).unwrap();
        let mut meanwhile = vec![ErrorKind::NotFound, ErrorKind::DirectoryNotEmpty];
        let removed = tried(|| {
            root.symlink_metadata("model")?;
            Ok(meanwhile.pop().map_or_else(|| root.remove_dir_all("model"), |kind| Err(kind.into())))
        });
        assert!(removed.is_ok() && !model.exists(), "{removed:?}");
        let gone = remove(&root, Path::new("model")).unwrap_err();
        assert!(beneath::is_nothing(&gone), "{gone}");
        let mut tries = 0;
        let filled = tried(|| {
            tries += 1;
            Ok(Err(ErrorKind::DirectoryNotEmpty.into()))
        });
        assert_eq!((filled.unwrap_err().kind(), tries), (ErrorKind::DirectoryNotEmpty, TRIES));
    }
}
