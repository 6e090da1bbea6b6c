//! Any program as a run: entered here, executed by the terminal, read from its folder.

use std::path::Path;

use anyhow::{Context as _, bail};
use api::{
    ApiError, ProjectId, RunId,
    run::{BeginCommand, BegunCommand, EndCommand, GetRun, Run, RunKind, RunState},
};
use store::{project::ProjectRow, run::RunRow, spending::Spending};

use crate::{
    Engine, Mode, folder, project, project_file,
    run::{self, Lists, spending, surroundings},
};

/// Enters a command's run; the caller appends events to its folder as a worker does.
pub async fn begin(engine: &Engine, request: BeginCommand) -> anyhow::Result<BegunCommand> {
    let project = match request.project {
        Some(named) => project::find(engine, named).await?,
        None => project_at(engine, &request.directory).await?,
    };
    let trial = match request.trial {
        Some(of) => Some(crate::search::trial(engine, of, project.id).await?),
        None => None,
    };
    let id = trial.as_ref().map_or_else(|| RunId::from_bytes(engine.new_id()), |(trial, _)| trial.run);
    // What its file says now, which a host may not have seen yet.
    let (project, _) = folder::look(engine, project.id).await?;
    let terms = spending::terms_with(engine, request.budget, &project.file.budget).await?;
    let has_budget = !terms.budget.is_empty();
    let now_ms = engine.now_ms();
    // A folder whose row is not there yet is no garbage.
    let _gate = engine.hold_blobs().await;
    let folder = engine.workspace().run(id);
    tokio::fs::create_dir_all(folder.join("artifacts"))
        .await
        .with_context(|| format!("make the folder {}", folder.display()))?;
    // The command line masks them too, before they leave it.
    let environment =
        surroundings::masked(request.environment.into_iter().map(|(name, value)| (name.into(), value.into())));
    let row = new_row(engine, project.id, id, request.name, RunKind::Command).await?;
    let row = RunRow {
        run: Run {
            state: RunState::Running,
            code: request.code,
            command: Some(request.command),
            environment,
            started_ms: Some(now_ms),
            ..row.run
        },
        pid: Some(request.pid),
        pid_started_ms: Some(request.pid_started_ms),
        ..row
    };
    let (name, lists) = (row.run.name.clone(), Lists::of(&row.run));
    engine
        .store()
        .write(move |tx| {
            store::run::put(tx, &row)?;
            let (params, tags) = trial.map_or_else(Default::default, |(trial, tags)| (trial.values, tags));
            for (key, value) in params {
                store::param::put(tx, id, &key, &value.to_string())?;
            }
            for (key, value) in tags {
                store::tag::put(tx, id, &key, &value)?;
            }
            let mut spending = Spending::new(terms);
            spending.begin(now_ms);
            store::spending::put(tx, id, &spending, now_ms)
        })
        .await?;
    run::announce(engine, id, lists);
    if engine.options().mode == Mode::Host {
        run::supervise::follow_detached(engine, id);
    }
    Ok(BegunCommand { run: id, name, folder: folder.to_string_lossy().into_owned(), has_budget })
}

/// Reads what the command wrote last.
pub async fn end(engine: &Engine, request: EndCommand) -> anyhow::Result<Run> {
    run::supervise::catch_up(engine, request.run).await?;
    run::get(engine, GetRun { run: request.run }).await
}

/// The open project whose folder the directory is in; one with a `slipway.toml` is opened.
async fn project_at(engine: &Engine, directory: &str) -> anyhow::Result<ProjectRow> {
    let directory = project::absolute(directory)?;
    let known = engine.store().read(store::project::all).await?;
    let holds = |row: &&ProjectRow| directory.starts_with(&row.path);
    if let Some(row) = known.iter().filter(holds).max_by_key(|row| row.path.len()) {
        return Ok(row.clone());
    }
    let below = directory.clone();
    let with_file = tokio::task::spawn_blocking(move || {
        below.ancestors().find(|folder| folder.join(project_file::NAME).is_file()).map(Path::to_owned)
    });
    let Some(folder) = with_file.await? else {
        bail!(
            ApiError::not_found(format!("{} is in no project.", directory.display()))
                .with_hint("Make one there first: `slipway project create PATH`.")
        );
    };
    let opened = project::open_folder(engine, folder, api::project::SameId::Ask, None).await?;
    project::find(engine, opened.id).await
}

/// A run as it is entered, with a name that no other run of the project has.
pub(crate) async fn new_row(
    engine: &Engine,
    project: ProjectId,
    id: RunId,
    name: Option<String>,
    kind: RunKind,
) -> anyhow::Result<RunRow> {
    let wanted = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let (experiment, name) = engine
        .store()
        .read(move |c| {
            let experiment = store::experiment::of_project(c, project)?;
            if let Some(name) = wanted {
                return Ok((experiment, name));
            }
            let mut attempt = 0;
            loop {
                let name = run::name::friendly(id.as_bytes(), attempt);
                if !store::run::name_taken(c, project, &name)? {
                    return Ok((experiment, name));
                }
                attempt += 1;
            }
        })
        .await?;
    let experiment = experiment.context("find the project's experiment")?;
    Ok(RunRow::new(id, (experiment, Some(project)), name, kind, engine.now_ms()))
}

/// The state of the code in a folder; `None` where it is not under git, has no commit yet, or no `git` is there.
///
/// Dirty is what `git describe --dirty` calls so: a file that git tracks differs from the commit. Data, environments
/// and what a run leaves lie beside the code without being tracked, and would make every run dirty.
pub async fn code(folder: &Path) -> Option<api::run::Code> {
    let git = async |arguments: &[&str]| -> Option<String> {
        let output = tokio::process::Command::new("git")
            // Without optional locks: reading the state must not get in the way of the user's own git.
            .arg("--no-optional-locks")
            .arg("-C")
            .arg(folder)
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .await
            .ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"]).await?;
    let branch = git(&["symbolic-ref", "--short", "-q", "HEAD"]).await.filter(|branch| !branch.is_empty());
    let dirty =
        git(&["status", "--porcelain", "--untracked-files=no"]).await.is_some_and(|changes| !changes.is_empty());
    Some(api::run::Code { commit, branch, dirty })
}
