//! What every command works with: who answers its calls, how it prints, and which project it means.

use std::path::{Component, Path, PathBuf};

use api::{
    ApiError, ErrorCode, ProjectId,
    project::{ListProjects, OpenProject, Project, SameId},
    search::Environment,
};
use client::workspace::Workspace;
use engine::nearest::did_you_mean;

use crate::{output::Output, session::Session};

/// What to do where a project is needed and this folder is in none.
const WAYS_IN: &str =
    "Go to a project's folder, name it with --project, or make this folder a project with `slipway project create .`";

pub(crate) type Outcome<T = ()> = Result<T, ApiError>;

pub(crate) struct Context {
    pub(crate) workspace: Workspace,
    pub(crate) session: Session,
    pub(crate) output: Output,
    /// `--project`: an id, a name or a folder.
    pub(crate) project: Option<String>,
}

impl Context {
    pub(crate) async fn call<R: api::Request>(&self, request: R) -> Outcome<R::Response> {
        self.session.call(request).await
    }

    /// The project that is named by `--project`, or whose folder this is.
    pub(crate) async fn project(&self) -> Outcome<Project> {
        match &self.project {
            Some(named) => named_project(&self.session, named).await,
            None => self.project_here().await,
        }
    }

    pub(crate) async fn project_id(&self) -> Outcome<ProjectId> {
        Ok(self.project().await?.id)
    }

    /// The project where one is named or this is one's folder; `None` elsewhere.
    pub(crate) async fn project_if_any(&self) -> Outcome<Option<ProjectId>> {
        if self.project.is_none() && project_folder(&current_folder()?).is_none() {
            return Ok(None);
        }
        Ok(Some(self.project_id().await?))
    }

    /// The project whose runs are meant. Whoever is in none is told of `others` that need none.
    pub(crate) async fn project_of_runs(&self, others: &str) -> Outcome<ProjectId> {
        if let Some(project) = self.project_if_any().await? {
            return Ok(project);
        }
        let hint = format!("{WAYS_IN}; {others}.");
        self.project_id().await.map_err(|error| error.with_hint(hint))
    }

    async fn project_here(&self) -> Outcome<Project> {
        let here = current_folder()?;
        match project_folder(&here) {
            Some(folder) => open(&self.session, &folder).await,
            None => Err(ApiError::new(
                ErrorCode::NotFound,
                format!("{} is not in a project: no folder up from here has a slipway.toml.", here.display()),
            )
            .with_hint(format!("{WAYS_IN}."))),
        }
    }
}

/// By id, name, sample or folder; a folder that is not known yet, or one in a project's, is that project.
pub(crate) async fn named_project(session: &Session, named: &str) -> Outcome<Project> {
    if let Some(project) = known_project(session, named).await? {
        return Ok(project);
    }
    // A name that is mistyped is no folder: the project around it would be taken for what was meant.
    let folder = std::path::absolute(named).ok().filter(|path| path.exists());
    match folder.as_deref().and_then(project_folder) {
        Some(folder) => open(session, &folder).await,
        None => Err(no_project(session, named).await),
    }
}

pub(crate) async fn no_project(session: &Session, named: &str) -> ApiError {
    let known = session.call(ListProjects {}).await.unwrap_or_default();
    let meant = did_you_mean(named, known.iter().map(|summary| summary.project.name.as_str()));
    ApiError::not_found(format!("There is no project called {named}.{meant}"))
        .with_hint("`slipway project list` names those that are known; `slipway open FOLDER` opens another.")
}

/// By id, name, sample or its own folder, exactly.
pub(crate) async fn known_project(session: &Session, named: &str) -> Outcome<Option<Project>> {
    let known: Vec<Project> = session.call(ListProjects {}).await?.into_iter().map(|summary| summary.project).collect();
    let path = std::path::absolute(named).ok();
    let mut fits = known.into_iter().filter(|project| {
        project.id.to_string() == named
            || project.name == named
            || project.sample.as_deref() == Some(named)
            || path.as_deref().is_some_and(|path| same_place(Path::new(&project.path), path))
    });
    match (fits.next(), fits.next()) {
        (project, None) => Ok(project),
        (Some(first), Some(second)) => Err(ApiError::invalid(format!(
            "More than one project is called {named}: {} and {}.",
            first.path, second.path
        ))
        .with_hint("Name it by its folder.")),
        (None, Some(_)) => Ok(None),
    }
}

/// Opening what is open already changes nothing, and takes note of a folder that moved.
async fn open(session: &Session, folder: &Path) -> Outcome<Project> {
    session.call(OpenProject { path: folder.display().to_string(), same_id: SameId::Ask }).await
}

pub(crate) fn current_folder() -> Outcome<PathBuf> {
    std::env::current_dir()
        .map_err(|error| ApiError::new(ErrorCode::Invalid, format!("The current folder can't be read: {error}.")))
}

/// This terminal's variables; one that is no text can't be passed on.
pub(crate) fn environment() -> Environment {
    let texts =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Environment(texts.collect())
}

/// The nearest folder upwards that has a `slipway.toml`.
pub(crate) fn project_folder(from: &Path) -> Option<PathBuf> {
    from.ancestors().find(|folder| folder.join("slipway.toml").is_file()).map(Path::to_path_buf)
}

/// A path as the host needs it, which has another current folder.
pub(crate) fn absolute(path: &Path) -> Outcome<String> {
    let absolute = std::path::absolute(path)
        .map_err(|error| ApiError::invalid(format!("{} is no usable path: {error}.", path.display())))?;
    let absolute = straight(&absolute);
    absolute.to_str().map(str::to_owned).ok_or_else(|| {
        ApiError::invalid(format!("The path {} is not valid Unicode.", absolute.display())).with_hint("Rename it.")
    })
}

/// Without its `..`, where the folders are there that these lead through: it is shown and kept. Where one of them is a link, its
/// target's folder is meant, as for every program.
fn straight(path: &Path) -> PathBuf {
    let parts: Vec<Component<'_>> = path.components().collect();
    let Some(last) = parts.iter().rposition(|part| *part == Component::ParentDir) else { return path.to_owned() };
    let (through, rest) = parts.split_at(last + 1);
    match through.iter().collect::<PathBuf>().canonicalize() {
        Ok(there) => rest.iter().fold(there, |place, part| place.join(part)),
        Err(_) => path.to_owned(),
    }
}

/// Where a file of a list is saved: where that is said, else under its own name in the current folder.
pub(crate) fn beside(path: &str, to: Option<PathBuf>) -> PathBuf {
    to.unwrap_or_else(|| PathBuf::from(path.rsplit('/').next().unwrap_or(path)))
}

fn same_place(left: &Path, right: &Path) -> bool {
    left == right || matches!((left.canonicalize(), right.canonicalize()), (Ok(left), Ok(right)) if left == right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_shown_has_no_way_back_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("scripts")).unwrap();
        assert_eq!(straight(&root.join("scripts/../out/new")), root.join("out/new"));
        assert_eq!(straight(&root.join("scripts/..")), root);
        for as_it_is in [root.join("out"), root.join("nowhere/../out")] {
            assert_eq!(straight(&as_it_is), as_it_is);
        }
    }

    #[test]
    fn a_file_is_saved_under_its_own_name_where_none_is_said() {
        assert_eq!(beside("artifacts/plots/loss.png", None), Path::new("loss.png"));
        assert_eq!(beside("MLmodel", None), Path::new("MLmodel"));
        assert_eq!(beside("MLmodel", Some(PathBuf::from("there"))), Path::new("there"));
    }
}
