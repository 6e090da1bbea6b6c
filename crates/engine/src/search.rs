//! Search for hyperparameters: which trials come next, which are stopped early, and what became of them.
//!
//! A search is a row, and so is each trial before its run begins: whoever takes a search up again finds both. Its
//! trials are begun by a job of the host's ([`drive`]): each training is a job of its own that waits for memory, each
//! program a process that is admitted by what those before it used ([`programs`]) once that is known ([`need`]), on a GPU
//! of its own where there are several ([`gpus`]).

mod budget;
mod drive;
pub(crate) mod gpus;
mod judge;
mod need;
mod parent;
mod programs;
pub(crate) mod space;
pub(crate) mod trials;

use std::{collections::HashMap, path::Path, sync::Arc};

use anyhow::bail;
use api::{
    ApiError, ErrorCode, ProjectId, RunId, SearchId,
    config::DataKind,
    event::Tag,
    job::{JobKind, Subject},
    run::{Run, RunKind},
    search::{
        DeleteSearch, Environment, GetSearch, ListSearches, RestoreSearch, ResumeSearch, SEARCH_TAG, Search,
        SearchCommand, SearchConfig, SearchState, StartSearch, StopSearch, TRIAL_TAG, Trial, TrialOf, TrialOutcome,
    },
    tracking::PARENT_TAG,
};
use tokio::sync::Mutex;

use crate::{
    Engine, Mode, error, folder,
    jobs::NewJob,
    run::{self, Lists, called_program, command, exec, name, spending},
};
use judge::Judge;
use space::Of;
use trials::InHand;

/// So many failed trials, and none of another outcome, and the search has failed.
const FAILURES: usize = 3;

/// What this process knows of the searches under way.
#[derive(Default)]
pub(crate) struct Searches {
    judges: Mutex<HashMap<SearchId, Judge>>,
    /// Of two that ask to go on with the same search the second finds it under way. One lock each: a slow folder holds
    /// up nobody else's.
    resuming: std::sync::Mutex<HashMap<SearchId, Arc<Mutex<()>>>>,
    /// Why fewer trials run at once than asked for.
    held_back: std::sync::Mutex<HashMap<SearchId, String>>,
    /// How many trials of all searches, and trainings, are on each GPU.
    on_gpus: std::sync::Mutex<HashMap<String, usize>>,
}

impl Searches {
    /// Notes why fewer trials run at once than asked for; whether that is news.
    fn hold_back(&self, id: SearchId, why: Option<String>) -> bool {
        let mut held_back = self.held_back.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = match why.clone() {
            Some(why) => held_back.insert(id, why),
            None => held_back.remove(&id),
        };
        before != why
    }

    /// What one must hold to go on with a search.
    fn resuming(&self, id: SearchId) -> Arc<Mutex<()>> {
        let mut resuming = self.resuming.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Those that nobody holds or waits for are known here alone.
        resuming.retain(|_, lock| Arc::strong_count(lock) > 1);
        resuming.entry(id).or_default().clone()
    }

    fn on_gpus(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.on_gpus.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn held_back(&self, id: SearchId) -> Option<String> {
        self.held_back.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&id).cloned()
    }
}

pub(crate) async fn find(engine: &Engine, id: SearchId) -> anyhow::Result<Search> {
    let found = engine.store().read(move |c| store::search::get(c, id)).await?;
    shown(engine, found.ok_or_else(|| error::missing("search", id))?).await
}

/// As it is told: with its best trial and what it used.
async fn shown(engine: &Engine, mut search: Search) -> anyhow::Result<Search> {
    search.best = trials::best(&search);
    search.held_back = engine.searches().held_back(search.id);
    search.remark = judge::remark(engine, &search).await?;
    search.spent = budget::spent(engine, &search).await?;
    Ok(search)
}

/// The search that a run is.
pub(crate) async fn of_run(engine: &Engine, run: &Run) -> anyhow::Result<Option<SearchId>> {
    let (Some(project), id) = (run.project, run.id) else { return Ok(None) };
    let all = engine.store().read(move |c| store::search::of_project(c, project, false)).await?;
    Ok(all.into_iter().find(|search| search.run == Some(id)).map(|search| search.id))
}

pub async fn get(engine: &Engine, request: GetSearch) -> anyhow::Result<Search> {
    find(engine, request.search).await
}

pub async fn list(engine: &Engine, request: ListSearches) -> anyhow::Result<Vec<Search>> {
    let found = engine.store().read(move |c| store::search::of_project(c, request.project, request.deleted)).await?;
    let mut all = Vec::with_capacity(found.len());
    for search in found {
        all.push(shown(engine, search).await?);
    }
    Ok(all)
}

/// Enters a search; its job begins at once.
pub async fn start(engine: &Engine, request: StartSearch) -> anyhow::Result<Search> {
    // What its file says now: a search is begun of what its person sees there.
    let (project, seen) = folder::look(engine, request.project).await?;
    // Whatever else it is told: the file that is in force is not the one that its person sees.
    if let Some(error) = seen.file_error {
        bail!(error);
    }
    let config = request.config.unwrap_or_else(|| project.file.search.clone());
    let training = request.training.unwrap_or_else(|| project.file.training.clone());
    if let Some(name) = &request.name {
        name::check(name)?;
    }
    let of =
        match &config.command {
            Some(words) => Of::Command(words),
            None if project.file.data.target.is_none() && project.file.data.kind == DataKind::Table => {
                bail!(ApiError::invalid("The project names no target to predict.").with_hint(
                    "Choose it on the Data page, or search with a program: `slipway search start -- COMMAND`."
                ))
            }
            None => Of::Training(&training),
        };
    let space = space::check(&config, of)?;
    space::chosen_among(&config)?;
    if config.command.is_none() {
        space::used(&space, &training, project.file.data.kind)?;
    } else {
        exec::program(engine)?;
    }
    budget::check(engine, &config.budget).await?;
    // Each trial's own, which would be refused with its run.
    spending::terms(engine, &project.file.budget, spending::TABLE).await?;
    let planned = space::planned(&config, &space)?;
    let id = SearchId::from_bytes(engine.new_id());
    let run = RunId::from_bytes(engine.new_id());
    // The end of an id is random. It is kept, so that what is tried can be tried again.
    let [.., a, b, c, d] = *id.as_bytes();
    let seed = config.seed.unwrap_or_else(|| u32::from_be_bytes([a, b, c, d]).into());
    let name = request.name.unwrap_or_else(|| name::friendly(id.as_bytes(), 0));
    let directory = match &config.command {
        Some(_) => exec::directory_of(request.directory.as_deref(), &project.path)?.to_string_lossy().into_owned(),
        None => project.path,
    };
    let environment = exec::with_variables(request.environment, request.variables)?;
    if let Some(words) = config.command.as_ref().filter(|words| words.first().is_some_and(|word| !word.contains("${")))
    {
        called_program::check(words, Path::new(&directory), exec::path_of(environment.as_ref()).as_deref())?;
    }
    let config = SearchConfig { seed: Some(seed), ..config };
    let search = Search {
        training: config.command.is_none().then_some(training),
        command: config.command.clone().map(|words| SearchCommand { words, directory }),
        run: Some(run),
        planned,
        ..Search::begun(id, project.id, name.clone(), config, engine.now_ms())
    };
    let (entered, row) =
        (search.clone(), command::new_row(engine, project.id, run, Some(name), (RunKind::Search, &[])).await?);
    let lists = Lists::of(&row.run);
    engine
        .store()
        .write(move |tx| {
            store::search::put(tx, &entered)?;
            parent::enter(tx, &entered, row)
        })
        .await?;
    trials::announce(engine, &search);
    run::announce_lists(engine, [lists]);
    begin(engine, search, environment).await
}

/// Lets a job go on with a search that is entered as running.
async fn begin(engine: &Engine, mut search: Search, environment: Option<Environment>) -> anyhow::Result<Search> {
    let id = search.id;
    let new = NewJob {
        kind: JobKind::Search,
        title: format!("Search {}", search.name),
        project: Some(search.project),
        subject: Subject::Search(id),
        // Each trial asks for its own.
        memory_bytes: 0,
        request: None,
    };
    let job = engine.jobs().start(engine, new, move |context| drive::drive(context, id, environment)).await?;
    search.job = Some(job.id);
    engine
        .store()
        .write(move |tx| {
            let Some(mut now) = store::search::get(tx, id)? else { return Ok(()) };
            now.job = Some(job.id);
            store::search::put(tx, &now)
        })
        .await?;
    trials::announce(engine, &search);
    find(engine, id).await
}

/// A trial stands below its search, where that has a run.
fn tags(search: &Search, number: u64) -> Vec<(String, String)> {
    let mut tags = vec![(SEARCH_TAG.to_owned(), search.id.to_string()), (TRIAL_TAG.to_owned(), number.to_string())];
    tags.extend(search.run.map(|run| (PARENT_TAG.to_owned(), run.to_string())));
    tags
}

async fn end(engine: &Engine, id: SearchId, state: SearchState, because: Option<ApiError>) -> anyhow::Result<Search> {
    let now_ms = engine.now_ms();
    let written = engine.store().write(move |tx| {
        let Some(mut now) = store::search::get(tx, id)? else { return Err(missing(id)) };
        (now.state, now.error, now.ended_ms) = (state, because, Some(now_ms));
        store::search::put(tx, &now)?;
        let run = parent::settle(tx, &now)?;
        Ok((now, run))
    });
    let (search, run) = written.await?;
    trials::announce(engine, &search);
    run::announce_lists(engine, run.map(|run| Lists::of(&run)));
    shown(engine, search).await
}

fn missing(id: SearchId) -> store::StoreError {
    ApiError::not_found(format!("There is no search {id} any more.")).into()
}

/// Stops a search with its running trials.
pub async fn stop(engine: &Engine, request: StopSearch) -> anyhow::Result<Search> {
    let search = find(engine, request.search).await?;
    if search.state != SearchState::Running && search.command.is_none() {
        return Ok(search);
    }
    if let Some(job) = search.job
        && engine.jobs().cancel(job)
    {
        // The job stops its trials, and says when that is done.
        engine.jobs().wait(engine, job).await?;
        return find(engine, search.id).await;
    }
    if search.ended_ms.is_none() {
        end(engine, search.id, SearchState::Stopped, None).await?;
    }
    trials::stop_all(engine, search.id).await?;
    trials::look(engine, search.id, &InHand::default(), 0).await?;
    find(engine, search.id).await
}

/// Goes on with a search, or asks for more trials of it. One that failed tries again what did.
pub async fn resume(engine: &Engine, request: ResumeSearch) -> anyhow::Result<Search> {
    let resuming = engine.searches().resuming(request.search);
    let _resuming = resuming.lock().await;
    let search = drained(engine, request.search).await?;
    let id = search.id;
    if search.state == SearchState::Running {
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("The search {} is under way.", search.name))
                .with_hint("Stop it first, or wait for its end.")
        );
    }
    let mut config = search.config.clone();
    config.trials = request.trials.unwrap_or(config.trials);
    config.parallel = request.parallel.unwrap_or(config.parallel);
    // Who goes on with a search that its budget stopped has raised it in the folder's file.
    let (project, _) = folder::look(engine, search.project).await?;
    spending::terms(engine, &project.file.budget, spending::TABLE).await?;
    let of_file = Some(project.file.search.budget).filter(|budget| !budget.is_empty());
    if let Some(budget) = request.budget.or(of_file) {
        config.budget = budget;
    }
    if search.command.is_some() {
        exec::program(engine)?;
    }
    let training = search.training.clone().unwrap_or_default();
    let of = search.command.as_ref().map_or(Of::Training(&training), |command| Of::Command(&command.words));
    let planned = space::planned(&config, &space::check(&config, of)?)?;
    budget::renewed(engine, &Search { config: config.clone(), ..search.clone() }).await?;
    if search.state == SearchState::Finished && search.counted() >= planned {
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("The search {} is finished.", search.name))
                .with_hint("Ask for more trials: `slipway search resume NAME --trials N`.")
        );
    }
    let has_failed = search.state == SearchState::Failed;
    // What was under way when its host ended is looked at before it is taken for running.
    end(engine, id, SearchState::Stopped, None).await?;
    trials::look(engine, id, &InHand::default(), 0).await?;
    let written = engine.store().write(move |tx| {
        let Some(mut now) = store::search::get(tx, id)? else { return Err(missing(id)) };
        (now.state, now.error, now.ended_ms) = (SearchState::Running, None, None);
        (now.config, now.planned) = (config, planned);
        store::search::put(tx, &now)?;
        // Where nothing else came of it, what they failed of was the search's: mended by now, or it fails again.
        let is_vain = |trial: &Trial| matches!(trial.outcome, TrialOutcome::Failed | TrialOutcome::Interrupted);
        if has_failed && now.trials.iter().all(is_vain) {
            for trial in &mut now.trials {
                trial.outcome = TrialOutcome::Interrupted;
                store::search::put_trial(tx, id, trial)?;
            }
        }
        let run = parent::settle(tx, &now)?;
        Ok((now, run))
    });
    let (search, run) = written.await?;
    trials::announce(engine, &search);
    run::announce_lists(engine, run.map(|run| Lists::of(&run)));
    begin(engine, search, request.environment).await
}

/// Forgets a search that is not under way; its runs stay.
pub async fn delete(engine: &Engine, request: DeleteSearch) -> anyhow::Result<()> {
    let (id, now_ms) = (request.search, engine.now_ms());
    let resuming = engine.searches().resuming(id);
    let _resuming = resuming.lock().await;
    drained(engine, id).await?;
    let mark = move |tx: &store::Transaction<'_>| {
        let Some(search) = store::search::get(tx, id)? else { return Err(missing(id)) };
        if search.state == SearchState::Running {
            let refusal = ApiError::new(ErrorCode::InUse, format!("The search {} is under way.", search.name));
            return Err(refusal.with_hint("Stop it first.").into());
        }
        store::search::mark_deleted(tx, id, Some(now_ms))?;
        Ok(search)
    };
    let search = engine.store().write_durable(mark).await?;
    engine.searches().judges.lock().await.remove(&id);
    trials::announce(engine, &search);
    Ok(())
}

/// A search, once the trials of one that is over have ended too: until then its job goes on, and would take those of
/// another for its own.
async fn drained(engine: &Engine, id: SearchId) -> anyhow::Result<Search> {
    let search = find(engine, id).await?;
    match engine.jobs().on(&Subject::Search(id)) {
        Some(job) if search.state != SearchState::Running => {
            engine.jobs().wait(engine, job).await?;
            find(engine, id).await
        }
        _ => Ok(search),
    }
}

/// Brings a search back that was forgotten.
pub async fn restore(engine: &Engine, request: RestoreSearch) -> anyhow::Result<Search> {
    let id = request.search;
    engine.store().write_durable(move |tx| store::search::mark_deleted(tx, id, None)).await?;
    let search = find(engine, id).await?;
    if search.state == SearchState::Running && engine.jobs().on(&Subject::Search(id)).is_none() {
        // Nobody goes on with it: it was forgotten while it was running, which is refused today.
        return end(engine, id, SearchState::Stopped, Some(left())).await;
    }
    trials::announce(engine, &search);
    Ok(search)
}

/// The trial that a command is begun as: its run's id, and what is noted of it.
pub(crate) async fn trial(
    engine: &Engine,
    of: TrialOf,
    project: ProjectId,
) -> anyhow::Result<(Trial, Vec<(String, String)>)> {
    let search = find(engine, of.search).await?;
    let trial = search.trials.iter().find(|trial| trial.number == of.number).cloned();
    let Some(trial) = trial.filter(|_| search.project == project) else {
        bail!(ApiError::not_found(format!("The search {} has no trial {} in this project.", search.name, of.number)));
    };
    let run = trial.run;
    if engine.store().read(move |c| store::run::bare(c, run)).await?.is_some() {
        bail!(ApiError::new(
            ErrorCode::Conflict,
            format!("Trial {} of {} was started already.", of.number, search.name)
        ));
    }
    if search.state != SearchState::Running || trial.outcome != TrialOutcome::Running {
        bail!(ApiError::new(ErrorCode::Conflict, format!("The search {} was stopped meanwhile.", search.name)));
    }
    let tags = tags(&search, of.number);
    Ok((trial, tags))
}

/// Goes on with the searches of trainings that an earlier host left. One of a program waits for its person: in whose
/// environment its trials ran is not known any more. Its trials under way go on.
pub(crate) async fn after_start(engine: &Engine) -> anyhow::Result<()> {
    let unfinished = engine.store().read(store::job::unfinished).await?;
    for row in unfinished.into_iter().filter(|row| row.job.kind == JobKind::Search) {
        let Subject::Search(id) = row.job.subject else { continue };
        let search = engine.store().read(move |c| store::search::get(c, id)).await?;
        let goes_on = |search: &Search| search.state == SearchState::Running && search.command.is_none();
        match (engine.options().mode, search) {
            (Mode::Host, Some(search)) if goes_on(&search) => {
                engine.jobs().resume(engine, row, move |context| drive::drive(context, id, None)).await?;
            }
            (Mode::Once, Some(search)) if goes_on(&search) => engine.jobs().leave_waiting(engine, row).await?,
            _ => engine.jobs().fail_interrupted(engine, row).await?,
        }
    }
    for search in engine.store().read(store::search::running).await? {
        let id = search.id;
        match take_up(engine, search).await {
            Err(failure) if error::is_closed(&failure) => return Err(failure),
            // One search is no reason for no host to start.
            Err(failure) => {
                tracing::error!(search = %id, error = format!("{failure:#}"), "a search that was left can't be taken up");
            }
            Ok(()) => {}
        }
    }
    engine.changed(Tag::Jobs);
    Ok(())
}

/// Goes on with a search that an earlier host left running and no job names, or notes that it ended.
async fn take_up(engine: &Engine, search: Search) -> anyhow::Result<()> {
    if search.command.is_some() {
        end(engine, search.id, SearchState::Stopped, Some(left())).await?;
    } else if search.job.is_none() && engine.options().mode == Mode::Host {
        // A host that was killed between the two commits left it so.
        begin(engine, search, None).await?;
    }
    Ok(())
}

fn left() -> ApiError {
    ApiError::new(ErrorCode::Cancelled, "Slipway ended while the search was under way.")
        .with_hint("Go on with it: what was tried is not tried again.")
}
