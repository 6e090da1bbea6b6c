//! Any program as a run: entered here, executed by the terminal, read from its folder.

use std::path::Path;

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, ProjectId, RunId,
    run::{BeginCommand, BegunCommand, DATA_CHANGED, DIRECTORY, EndCommand, GetRun, Run, RunKind, RunState},
};
use store::{project::ProjectRow, run::RunRow, spending::Spending};

use crate::{
    Engine, Mode,
    folder::{self, Seen},
    project, project_file,
    run::{self, Lists, git, nested, spending, surroundings},
};

/// Enters a command's run; the caller appends events to its folder as a worker does.
pub async fn begin(engine: &Engine, request: BeginCommand) -> anyhow::Result<BegunCommand> {
    // A trial's is made of its search's, which was checked; an empty one is none.
    let named = request.name.as_deref().map(str::trim).filter(|name| request.trial.is_none() && !name.is_empty());
    named.map_or(Ok(()), run::name::check)?;
    let project = match request.project {
        Some(named) => project::find(engine, named).await?,
        None => project_at(engine, &request.directory).await?,
    };
    let trial = match request.trial {
        Some(of) => Some(crate::search::trial(engine, of, project.id).await?),
        None => None,
    };
    let id = match (&trial, request.run) {
        (Some((trial, _)), _) => trial.run,
        (None, Some(run)) => free(engine, run).await?,
        (None, None) => RunId::from_bytes(engine.new_id()),
    };
    // What its file says now, which a host may not have seen yet.
    let (project, seen) = folder::look(engine, project.id).await?;
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
    let mut environment =
        surroundings::masked(request.environment.into_iter().map(|(name, value)| (name.into(), value.into())));
    // What the caller's variable says may be the folder of the shell before it.
    environment.insert(DIRECTORY.to_owned(), request.directory);
    let of = project.id;
    let tags: &[(String, String)] = trial.as_ref().map_or(&[], |(_, tags)| tags);
    let row = new_row(engine, of, id, request.name, (RunKind::Command, tags)).await?;
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
            let mut row = row;
            if let Some(dataset) = store::dataset::of_project(tx, of)? {
                row.run.snapshot = store::snapshot::newest(tx, dataset.id)?.map(|newest| newest.snapshot.id);
            }
            if let (Some(_), Some(since)) = (row.run.snapshot, since(&seen)) {
                row.run.environment.insert(DATA_CHANGED.to_owned(), since);
            }
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

/// How the folder's data are no longer those of the newest snapshot, as far as the sizes and times of its files tell.
fn since(seen: &Seen) -> Option<String> {
    match (&seen.problem, &seen.change) {
        (Some(problem), _) => Some(format!("not known: {}", problem.message)),
        (None, change) => change.as_ref().map(folder::describe),
    }
}

/// The id that a run is to have, where none has it.
async fn free(engine: &Engine, id: RunId) -> anyhow::Result<RunId> {
    if engine.store().read(move |c| store::run::bare(c, id)).await?.is_some() {
        bail!(ApiError::new(ErrorCode::Conflict, format!("There is a run {id} already.")));
    }
    Ok(id)
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
        bail!(ApiError::not_found(format!("{} is in no project.", directory.display())).with_hint(
            "Go to a project's folder, name one with --project, or make one here: `slipway project create .`."
        ));
    };
    let opened = project::open_folder(engine, folder, api::project::SameId::Ask, None).await?;
    project::find(engine, opened.id).await
}

/// A run as it is entered, with a name that no other run of the project has; its tags say what it stands below.
pub(crate) async fn new_row(
    engine: &Engine,
    project: ProjectId,
    id: RunId,
    name: Option<String>,
    (kind, tags): (RunKind, &[(String, String)]),
) -> anyhow::Result<RunRow> {
    let tags = tags.to_vec();
    let wanted = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let (experiment, name) = engine
        .store()
        .read(move |c| {
            let experiment = match nested::experiment_above(c, project, &tags)? {
                None => store::experiment::of_project(c, project)?,
                above => above,
            };
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
/// and what a run leaves lie beside the code without being tracked, and would make every run dirty. Where git can't
/// tell, the code is dirty, since it may be.
pub async fn code(folder: &Path) -> Option<api::run::Code> {
    let commit = git::ask(folder, &[], &["rev-parse", "HEAD"], git::LINE_BYTES).await?.line();
    let branch = git::ask(folder, &[], &["symbolic-ref", "--short", "-q", "HEAD"], git::LINE_BYTES).await;
    let changes = ["status", "--porcelain", "--untracked-files=no"];
    let changes = git::ask(folder, &[], &changes, git::LINE_BYTES).await;
    Some(api::run::Code {
        commit,
        branch: branch.map(|said| said.line()).filter(|branch| !branch.is_empty()),
        dirty: changes.is_none_or(|changes| !changes.bytes.is_empty()),
    })
}
