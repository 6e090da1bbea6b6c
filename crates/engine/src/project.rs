//! Projects: folders of the user's, known by the id in their `slipway.toml`.

pub mod deletion;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use api::{
    ApiError, DatasetId, ErrorCode, ExperimentId, ProjectId,
    config::ProjectFile,
    event::Tag,
    job::{Job, JobKind, Subject},
    project::{
        CreateProject, EditProjectFile, FileThere, GetProject, ListProjects, Look, LookAt, OpenProject, Project,
        ProjectSummary, SameId,
    },
};
use data::scan;
use serde_json::Value;
use store::{dataset::DatasetRow, project::ProjectRow};

use crate::{
    Engine,
    copying::{self, Copy},
    error, folder,
    jobs::{JobContext, NewJob, retry_with},
    overview, project_file, source, uploads, watching,
};

/// So often a project is looked at that is forgotten and comes back meanwhile.
const LOOKS: usize = 5;

pub async fn list(engine: &Engine, _request: ListProjects) -> anyhow::Result<Vec<ProjectSummary>> {
    let rows = engine.store().read(store::project::all).await?;
    let mut summaries = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.id;
        let look = |row: ProjectRow| summary(engine, row);
        let again = || async move { anyhow::Ok(engine.store().read(move |c| store::project::get(c, id)).await?) };
        summaries.extend(while_there(row, look, again).await?);
    }
    Ok(summaries)
}

/// `None` of one that is forgotten while the others are looked at: it takes none of them along. One that comes back
/// meanwhile, as `again` says, is looked at again.
async fn while_there<T, L, A>(
    mut row: ProjectRow,
    look: impl Fn(ProjectRow) -> L,
    again: impl Fn() -> A,
) -> anyhow::Result<Option<T>>
where
    L: Future<Output = anyhow::Result<T>>,
    A: Future<Output = anyhow::Result<Option<ProjectRow>>>,
{
    let mut looks = 0;
    loop {
        let failure = match look(row).await {
            Ok(seen) => return Ok(Some(seen)),
            Err(failure) => failure,
        };
        looks += 1;
        row = match again().await? {
            None => return Ok(None),
            Some(again) if looks < LOOKS && error::told(&failure).code == ErrorCode::NotFound => again,
            Some(_) => return Err(failure),
        };
    }
}

async fn summary(engine: &Engine, row: ProjectRow) -> anyhow::Result<ProjectSummary> {
    let road = overview::road(engine, &row).await?;
    Ok(ProjectSummary { project: describe(engine, row).await?, road })
}

pub async fn get(engine: &Engine, request: GetProject) -> anyhow::Result<Project> {
    let row = find(engine, request.project).await?;
    describe(engine, row).await
}

/// The project's row, or a plain error.
pub async fn find(engine: &Engine, id: ProjectId) -> anyhow::Result<ProjectRow> {
    let row = engine.store().read(move |c| store::project::get(c, id)).await?;
    row.ok_or_else(|| error::missing("project", id))
}

pub(crate) async fn describe(engine: &Engine, row: ProjectRow) -> anyhow::Result<Project> {
    let seen = folder::seen(engine, &row).await?;
    // Looking may have read a newer file.
    let row = find(engine, row.id).await?;
    let polled = engine.watch().polled(row.id);
    Ok(told(row, seen.missing, polled, seen.file_error))
}

/// The same of one that may be deleted, which nobody looks at: as it was.
async fn twin_of(engine: &Engine, row: ProjectRow) -> anyhow::Result<Project> {
    let id = row.id;
    if engine.store().read(move |c| store::project::get(c, id)).await?.is_some() {
        return describe(engine, row).await;
    }
    Ok(told(row, None, None, None))
}

fn told(row: ProjectRow, missing: Option<String>, polled: Option<String>, file_error: Option<ApiError>) -> Project {
    Project {
        id: row.id,
        name: name_of(&row.file, Path::new(&row.path)),
        description: row.file.description.clone(),
        path: row.path,
        missing,
        polled,
        file_error,
        file: row.file,
        opened_ms: row.opened_ms,
        created_ms: row.created_ms,
        sample: row.sample,
    }
}

/// The file's name, or the folder's.
pub(crate) fn name_of(file: &ProjectFile, path: &Path) -> String {
    if !file.name.is_empty() {
        return file.name.clone();
    }
    path.file_name().map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Looks without storing anything.
pub async fn look(engine: &Engine, request: LookAt) -> anyhow::Result<Look> {
    let paths = request.paths.iter().map(|path| absolute(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let Some(path) = paths.first().cloned() else { bail!(ApiError::invalid("There is nothing to look at.")) };
    let is_one = paths.len() == 1;
    let known = engine.store().read(store::project::all).await?;
    let at = path.to_string_lossy();
    let row = known.iter().find(|row| is_one && row.path == at);
    let (in_force, folder, ragged) = (row.map(|row| row.file.clone()), path.clone(), request.ragged);
    let (looked, in_force) = tokio::task::spawn_blocking(move || {
        let looked = data::look::look(&paths, ragged).map_err(ApiError::from)?;
        anyhow::Ok((looked, in_force.filter(|file| scan::files(&folder, &file.data).is_ok())))
    })
    .await??;
    let mut look = Look {
        path: at.clone().into_owned(),
        project: row.map(|row| row.id),
        file: FileThere::None,
        same_id_as: None,
        found: looked.found,
        problems: looked.problems,
        ragged_lines: looked.ragged_lines,
        kind: looked.kind,
        columns: looked.columns,
        proposal_toml: project_file::compose(&looked.proposal)?,
        proposal: looked.proposal,
        size_bytes: looked.size_bytes,
        rows: looked.rows,
    };
    // A known project that lost its file gets it back, while its data are where it says.
    if let Some(file) = in_force {
        look.proposal_toml = project_file::compose(&file)?;
        look.proposal = file;
    }
    if is_one && path.join(project_file::NAME).is_file() {
        match folder::read_file(&path) {
            Ok(parsed) => {
                let (here, named) = (look.path.clone(), parsed.file.id);
                let known = engine.store().read(move |c| deletion::known_at(c, &here, named)).await?;
                let twin = named.and_then(|id| known.into_iter().find(|row| row.id == id));
                if let Some(row) = twin.filter(|row| stands_elsewhere(row, &path)) {
                    look.same_id_as = Some(twin_of(engine, row).await?);
                }
                look.proposal_toml = folder::read_text(&path)?;
                look.proposal = parsed.file;
                look.file = FileThere::Good;
            }
            Err(error) => {
                look.problems.insert(0, error);
                look.file = FileThere::Bad;
            }
        }
    }
    Ok(look)
}

/// Opens a folder that has a `slipway.toml`.
pub async fn open(engine: &Engine, request: OpenProject) -> anyhow::Result<Project> {
    let path = absolute(&request.path)?;
    let path =
        if path.ends_with(project_file::NAME) { path.parent().map(Path::to_owned).unwrap_or(path) } else { path };
    open_folder(engine, path, request.same_id, None).await
}

pub(crate) async fn open_folder(
    engine: &Engine,
    path: PathBuf,
    same_id: SameId,
    sample: Option<String>,
) -> anyhow::Result<Project> {
    if !path.is_dir() {
        bail!(ApiError::not_found(format!("There is no folder {}.", path.display())).with_hint("Check the path."));
    }
    let text = folder::read_text(&path)?;
    let at = path.to_string_lossy().into_owned();
    let here = at.clone();
    let parsed = project_file::parse(&text, project_file::NAME);
    let named = parsed.as_ref().ok().and_then(|parsed| parsed.file.id);
    let known = engine.store().read(move |c| deletion::known_at(c, &here, named)).await?;
    let mut file = match parsed {
        Ok(parsed) => parsed.file,
        // A known project stays open by its last good file.
        Err(error) => match known.into_iter().find(|row| row.path == at) {
            Some(row) => return enter(engine, ProjectRow { opened_ms: engine.now_ms(), ..row }).await,
            None => bail!(error),
        },
    };
    // A file that lost its id (an editor that truncates first, a full disk) is still of the project that lives here.
    let lost = file.id.is_none();
    file.id = file.id.or_else(|| known.iter().find(|row| row.path == at).map(|row| row.id));
    let twin = file.id.and_then(|id| known.into_iter().find(|row| row.id == id));
    let elsewhere = twin.as_ref().is_some_and(|row| stands_elsewhere(row, &path));
    if let (true, SameId::Ask, Some(row)) = (elsewhere, same_id, &twin) {
        bail!(
            ApiError::new(
                ErrorCode::Conflict,
                format!("{at} has the id of the project \"{}\", which is still at {}.", row.file.name, row.path),
            )
            .with_hint("Say whether it is another place of this project (`slipway open --same-place`), or a new project (`slipway open --new-project`).")
        );
    }
    let fresh = file.id.is_none() || (elsewhere && same_id == SameId::NewProject);
    let id = match file.id {
        Some(id) if !fresh => id,
        _ => ProjectId::from_bytes(engine.new_id()),
    };
    if fresh || lost {
        let edited = project_file::edit(&text, &[("id".to_owned(), Value::from(id.to_string()))])?;
        let folder = path.clone();
        let written = tokio::task::spawn_blocking(move || project_file::write(&folder, Some(&text), &edited)).await?;
        if let Err(failure) = written {
            // Another opened it at the same time, and gave it the id that it keeps.
            let is_given = project_file::id_in(&path).is_some();
            if error::told(&failure).code == ErrorCode::Conflict && lost && is_given {
                return Box::pin(open_folder(engine, path, same_id, sample)).await;
            }
            return Err(failure);
        }
        file.id = Some(id);
    }
    let now_ms = engine.now_ms();
    let twin = twin.filter(|_| !fresh);
    let created_ms = twin.as_ref().map_or(now_ms, |row| row.created_ms);
    let sample = sample.or(twin.and_then(|row| row.sample));
    enter(engine, ProjectRow { id, path: at, file, sample, created_ms, opened_ms: now_ms }).await
}

/// Writes the project with its dataset and experiment, and begins to watch it.
async fn enter(engine: &Engine, row: ProjectRow) -> anyhow::Result<Project> {
    let dataset = DatasetId::from_bytes(engine.new_id());
    let experiment = ExperimentId::from_bytes(engine.new_id());
    let written = row.clone();
    let entered = engine
        .store()
        .write_durable(move |tx| {
            store::project::put(tx, &written)?;
            let (project, created_ms) = (written.id, written.opened_ms);
            let back = deletion::bring_back(tx, project, created_ms)?;
            if store::dataset::of_project(tx, project)?.is_none() {
                store::dataset::insert(tx, &DatasetRow { id: dataset, project, name: "data".to_owned(), created_ms })?;
            }
            let name = name_of(&written.file, Path::new(&written.path));
            crate::tracking::experiments::name_after_project(tx, experiment, project, &name, created_ms)?;
            Ok(back)
        })
        .await;
    match entered {
        Ok(Some(back)) => {
            deletion::announce(engine, row.id, back);
            source::go_on(engine, row.id).await?;
        }
        Ok(None) => {}
        Err(failure) => {
            let id = row.id;
            let known = engine.store().read(move |c| store::project::get(c, id)).await?;
            // Where only the time of its opening can't be kept, what is there can be read, and deleted to make room.
            let is_as_it_was = known.is_some_and(|known| ProjectRow { opened_ms: row.opened_ms, ..known } == row);
            if !failure.is_full() || !is_as_it_was {
                return Err(failure.into());
            }
            tracing::warn!(%failure, project = %row.id, "a project is opened, but not when");
        }
    }
    follow(engine, row).await
}

/// Looks at a project's folder and begins to watch it.
async fn follow(engine: &Engine, row: ProjectRow) -> anyhow::Result<Project> {
    engine.folders().forget(row.id);
    folder::look(engine, row.id).await?;
    watching::add(&engine.downgrade(), row.id, PathBuf::from(&row.path)).await;
    engine.changed(Tag::Projects);
    describe(engine, row).await
}

/// Whether the project's folder is still where it was last seen, and that is another folder than `path`: a link to
/// that one may have been left there.
fn stands_elsewhere(row: &ProjectRow, path: &Path) -> bool {
    let known = Path::new(&row.path);
    if known == path || known.canonicalize().is_ok_and(|known| path.canonicalize().is_ok_and(|path| path == known)) {
        return false;
    }
    folder::read_text(known)
        .ok()
        .and_then(|text| text.parse::<toml_edit::DocumentMut>().ok())
        .and_then(|document| document.get("id")?.as_str()?.parse::<ProjectId>().ok())
        == Some(row.id)
}

/// Writes a `slipway.toml`, with copies of the named files first, and opens the folder.
pub async fn create(engine: &Engine, request: CreateProject) -> anyhow::Result<Job> {
    let path = lexically_absolute(&request.path)?;
    if path.join(project_file::NAME).exists() {
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("{} is a project already.", path.display()))
                .with_hint("Open it instead (`slipway open`).")
        );
    }
    if request.copy_from.is_empty() && !path.is_dir() {
        bail!(ApiError::not_found(format!("There is no folder {}.", path.display())).with_hint("Check the path."));
    }
    // A known project that lost its file stays the project that it was.
    let at = absolute(&request.path).unwrap_or_else(|_| path.clone()).to_string_lossy().into_owned();
    let known = engine.store().read(store::project::all).await?.into_iter().find(|row| row.path == at);
    let mut file = request.file.clone();
    file.version = project_file::VERSION;
    file.id = Some(known.map_or_else(|| ProjectId::from_bytes(engine.new_id()), |row| row.id));
    if file.name.is_empty() {
        file.name = name_of(&file, &path);
    }
    let text = project_file::compose(&file)?;
    project_file::parse(&text, "the proposed slipway.toml")?;
    let (folder, sources) = (path.clone(), request.copy_from.iter().map(PathBuf::from).collect::<Vec<_>>());
    let copy = tokio::task::spawn_blocking(move || Copy::as_project(&sources, &folder)).await??;
    let new = NewJob {
        kind: JobKind::Copy,
        title: format!("Create {}", file.name),
        project: None,
        subject: Subject::None,
        memory_bytes: 0,
        request: retry_with(&request),
    };
    let work = move |context| create_in_job(context, path, copy, text, request.copy_from);
    engine.jobs().start(engine, new, work).await
}

async fn create_in_job(
    context: JobContext,
    path: PathBuf,
    copy: Copy,
    text: String,
    copy_from: Vec<String>,
) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    let (folder, halves) = (path.clone(), engine.workspace().halves());
    context
        .blocking(move |tell| {
            let is_new = !folder.exists();
            std::fs::create_dir_all(&folder).with_context(|| format!("make the folder {}", folder.display()))?;
            let made = copy
                .make(&halves, tell)
                .and_then(|copied| project_file::write(&folder, None, &text).inspect_err(|_| copying::remove(&copied)));
            if made.is_err() && is_new {
                // Only an empty folder is removed so.
                let _ = std::fs::remove_dir(&folder);
            }
            made
        })
        .await?;
    let project = open_folder(&engine, absolute(&path.to_string_lossy())?, SameId::Ask, None).await?;
    uploads::taken(&engine, copy_from).await?;
    context.set_subject(Subject::Project(project.id)).await?;
    Ok(format!("{} is a project in {}", project.name, project.path))
}

/// Sets or removes keys of the project's file.
pub async fn edit(engine: &Engine, request: EditProjectFile) -> anyhow::Result<Project> {
    let _editing = engine.editing().await;
    edit_held(engine, request).await
}

/// As [`edit`], for who holds [`Engine::editing`].
pub(crate) async fn edit_held(engine: &Engine, request: EditProjectFile) -> anyhow::Result<Project> {
    let row = find(engine, request.project).await?;
    if request.set.iter().any(|(key, _)| key == "id" || key == "version") {
        bail!(ApiError::invalid("`id` and `version` are Slipway's own."));
    }
    let folder = PathBuf::from(&row.path);
    tokio::task::spawn_blocking(move || {
        let text = folder::read_text(&folder)?;
        // An edit of a wrong file would hide what is wrong in it.
        project_file::parse(&text, project_file::NAME)?;
        let edited = project_file::edit(&text, &request.set)?;
        project_file::parse(&edited, project_file::EDITED)?;
        if edited == text { Ok(()) } else { project_file::write(&folder, Some(&text), &edited) }
    })
    .await??;
    folder::look(engine, row.id).await?;
    engine.changed(Tag::Projects);
    engine.changed(Tag::Data(row.id));
    describe(engine, row).await
}

/// The path as the file system has it, so that one folder has one name.
pub(crate) fn absolute(path: &str) -> anyhow::Result<PathBuf> {
    let path = lexically_absolute(path)?;
    // Windows' canonical form is not what people type or programs accept.
    if cfg!(windows) {
        return Ok(path);
    }
    path.canonicalize().map_err(|error| {
        let told = match error.kind() {
            std::io::ErrorKind::NotFound => ApiError::not_found(format!("There is nothing at {}.", path.display())),
            _ => ApiError::invalid(format!("{} can't be read: {error}.", path.display())),
        };
        told.with_hint("Check the path.").into()
    })
}

fn lexically_absolute(path: &str) -> anyhow::Result<PathBuf> {
    let given = Path::new(path);
    if !given.is_absolute() {
        bail!(ApiError::invalid(format!("\"{path}\" is not an absolute path.")));
    }
    Ok(std::path::absolute(given)?)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn row(opened_ms: i64) -> ProjectRow {
        let (id, path) = (ProjectId::from_bytes([1; 16]), "/p".to_owned());
        ProjectRow { id, path, file: ProjectFile::default(), sample: None, created_ms: 1, opened_ms }
    }

    /// What is told of a project of which so many looks fail, and how often it was looked at. `there` is when it was opened
    /// as it is found again, where it is.
    async fn told_of(failing: usize, code: ErrorCode, there: Option<i64>) -> (Result<Option<i64>, ErrorCode>, usize) {
        let looks = Cell::new(0);
        let look = |row: ProjectRow| {
            looks.set(looks.get() + 1);
            let fails = looks.get() <= failing;
            async move {
                if fails { Err(anyhow::Error::from(ApiError::new(code, "It failed."))) } else { Ok(row.opened_ms) }
            }
        };
        let seen = while_there(row(1), look, || async move { Ok(there.map(row)) }).await;
        (seen.map_err(|failure| error::told(&failure).code), looks.get())
    }

    #[tokio::test]
    async fn a_project_that_goes_and_comes_while_it_is_looked_at_is_looked_at_again() {
        let gone = ErrorCode::NotFound;
        assert_eq!(told_of(0, gone, None).await, (Ok(Some(1)), 1));
        // As it is by then.
        assert_eq!(told_of(1, gone, Some(2)).await, (Ok(Some(2)), 2));
        assert_eq!(told_of(LOOKS - 1, gone, Some(2)).await, (Ok(Some(2)), LOOKS));
        // One that always goes ends somewhere, and one that stays away is left out.
        assert_eq!(told_of(LOOKS, gone, Some(2)).await, (Err(gone), LOOKS));
        assert_eq!(told_of(LOOKS, gone, None).await, (Ok(None), 1));
        assert_eq!(told_of(1, ErrorCode::Internal, Some(2)).await, (Err(ErrorCode::Internal), 1));
    }
}
