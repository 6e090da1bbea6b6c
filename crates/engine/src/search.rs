//! Search for hyperparameters: which trials come next, which are stopped early, and what became of them.
//!
//! A search is a row, and so is each trial before its run begins: whoever takes a search up again finds both. Its
//! trainings are started by a job of the host's ([`drive`]), each a job of its own that waits for memory. The trials
//! of a command are begun by whoever searches with it, in its own environment; it asks with `search.step`.

mod judge;
pub(crate) mod space;
mod trials;

use std::{collections::HashMap, time::Duration};

use anyhow::bail;
use api::{
    ApiError, ErrorCode, ProjectId, RunId, SearchId, SnapshotId,
    config::DataKind,
    event::Tag,
    figure,
    job::{JobKind, Subject},
    run::StartRun,
    search::{
        DeleteSearch, GetSearch, ListSearches, NextTrial, RestoreSearch, ResumeSearch, SEARCH_TAG, Search, SearchState,
        StartSearch, Step, StepSearch, StopSearch, TRIAL_TAG, Trial, TrialOf, TrialOutcome,
    },
};
use tokio::sync::Mutex;

use crate::{
    Engine, Mode, error,
    jobs::{JobContext, NewJob, cancelled},
    project,
    run::{name, start},
};
use judge::Judge;
use space::Of;
use trials::InHand;

/// Between two looks at the trials.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// A command's search that nobody asked for so long has nobody who begins its trials.
const ASKED_WITHIN_MS: i64 = 15_000;
/// So many failed trials, and none of another outcome, and the search has failed.
const FAILURES: usize = 3;

/// What this process knows of the searches under way.
#[derive(Default)]
pub(crate) struct Searches {
    judges: Mutex<HashMap<SearchId, Judge>>,
    /// When a command's search was last asked for.
    asked: std::sync::Mutex<HashMap<SearchId, i64>>,
}

impl Searches {
    fn asked(&self, id: SearchId, now_ms: i64) {
        self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id, now_ms);
    }

    fn is_asked_for(&self, id: SearchId, now_ms: i64) -> bool {
        let asked = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        asked.get(&id).is_some_and(|last| now_ms - last < ASKED_WITHIN_MS)
    }
}

pub(crate) async fn find(engine: &Engine, id: SearchId) -> anyhow::Result<Search> {
    let found = engine.store().read(move |c| store::search::get(c, id)).await?;
    found.map(|search| shown(engine, search)).ok_or_else(|| error::missing("search", id))
}

/// As it is told: with its best trial, and as stopped where nobody goes on with it.
fn shown(engine: &Engine, mut search: Search) -> Search {
    search.best = trials::best(&search);
    let is_left = search.command.is_some() && !engine.searches().is_asked_for(search.id, engine.now_ms());
    if search.state == SearchState::Running && is_left {
        search.state = SearchState::Stopped;
    }
    search
}

pub async fn get(engine: &Engine, request: GetSearch) -> anyhow::Result<Search> {
    find(engine, request.search).await
}

pub async fn list(engine: &Engine, request: ListSearches) -> anyhow::Result<Vec<Search>> {
    let found = engine.store().read(move |c| store::search::of_project(c, request.project)).await?;
    Ok(found.into_iter().map(|search| shown(engine, search)).collect())
}

/// Enters a search; with trainings its job begins at once.
pub async fn start(engine: &Engine, request: StartSearch) -> anyhow::Result<Search> {
    let project = project::find(engine, request.project).await?;
    let config = request.config.unwrap_or_else(|| project.file.search.clone());
    let training = request.training.unwrap_or_else(|| project.file.training.clone());
    if let Some(name) = &request.name {
        name::check(name)?;
    }
    let of =
        match &request.command {
            Some(command) => Of::Command(&command.words),
            None if project.file.data.target.is_none() && project.file.data.kind == DataKind::Table => {
                bail!(ApiError::invalid("The project names no target to predict.").with_hint(
                    "Choose it on the Data page, or search with a program: `slipway search start -- COMMAND`."
                ))
            }
            None => Of::Training(&training),
        };
    let space = space::check(&config, of)?;
    if request.command.is_none() {
        space::used(&space, &training, project.file.data.kind)?;
    }
    let planned = space::planned(&config, &space)?;
    let id = SearchId::from_bytes(engine.new_id());
    let search = Search {
        id,
        project: project.id,
        name: request.name.unwrap_or_else(|| name::friendly(id.as_bytes(), 0)),
        training: request.command.is_none().then_some(training),
        command: request.command,
        state: SearchState::Running,
        job: None,
        error: None,
        trials: Vec::new(),
        planned,
        best: None,
        judged: config.metric.clone().zip(config.goal),
        config,
        created_ms: engine.now_ms(),
        ended_ms: None,
    };
    let entered = search.clone();
    engine.store().write(move |tx| store::search::put(tx, &entered)).await?;
    trials::announce(engine, &search);
    begin(engine, search).await
}

/// Lets somebody go on with a search that is entered as running.
async fn begin(engine: &Engine, mut search: Search) -> anyhow::Result<Search> {
    let id = search.id;
    if search.command.is_some() {
        engine.searches().asked(id, engine.now_ms());
        return find(engine, id).await;
    }
    let new = NewJob {
        kind: JobKind::Search,
        title: format!("Search {}", search.name),
        project: Some(search.project),
        subject: Subject::Search(id),
        // Each training asks for its own.
        memory_bytes: 0,
        request: None,
    };
    let job = engine.jobs().start(engine, new, move |context| drive(context, id)).await?;
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

/// The work of a search's job: starts trainings until none comes next.
async fn drive(context: JobContext, id: SearchId) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    let driven = go_on(&context, id).await;
    match driven {
        Ok(search) => {
            let search = end(&engine, search.id, SearchState::Finished, None).await?;
            Ok(told(&search))
        }
        Err(failure) if error::is_closed(&failure) => Err(failure),
        Err(failure) => {
            // Stopped first: whatever its trainings end with is an interruption.
            let is_stop = context.is_cancelled();
            let (state, because) = match is_stop {
                true => (SearchState::Stopped, None),
                false => (SearchState::Failed, Some(error::told(&failure))),
            };
            end(&engine, id, state, because).await?;
            trials::stop_all(&engine, id).await?;
            while trials::look(&engine, id, &InHand::default(), false).await?.under_way > 0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Err(if is_stop { cancelled().into() } else { failure })
        }
    }
}

async fn go_on(context: &JobContext, id: SearchId) -> anyhow::Result<Search> {
    let engine = context.engine();
    loop {
        context.check()?;
        let seen = trials::look(engine, id, &InHand::default(), true).await?;
        for trial in &seen.start {
            start_training(engine, &seen.search, trial).await?;
        }
        progress(context, &seen.search);
        if seen.over {
            return Ok(seen.search);
        }
        if let Some(error) = hopeless(engine, &seen.search).await? {
            bail!(error);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = context.cancelled() => {}
        }
    }
}

async fn start_training(engine: &Engine, search: &Search, trial: &Trial) -> anyhow::Result<()> {
    let mut training = space::training_with(search.training.as_ref().unwrap_or(&Default::default()), &trial.values)?;
    if training.threads == 0 && search.config.parallel > 1 {
        // Trainings side by side share the cores instead of each taking all.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        training.threads = (cores / search.config.parallel as usize).max(1);
    }
    let request = StartRun {
        project: search.project,
        training: Some(training),
        snapshot: rows_of(engine, search).await?,
        name: Some(format!("{}-{}", search.name, trial.number)),
        alert: None,
    };
    start::start_as(engine, request, trial.run, tags(search.id, trial.number)).await.map(drop)
}

/// The data that the first trial was begun on: all of a search are, whatever changes meanwhile.
async fn rows_of(engine: &Engine, search: &Search) -> anyhow::Result<Option<SnapshotId>> {
    let runs: Vec<RunId> = search.trials.iter().map(|trial| trial.run).collect();
    let found = engine.store().read(move |c| {
        for run in runs {
            if let Some(snapshot) = store::run::bare(c, run)?.and_then(|row| row.run.snapshot) {
                return Ok(Some(snapshot));
            }
        }
        Ok(None)
    });
    Ok(found.await?)
}

fn tags(search: SearchId, number: u64) -> Vec<(String, String)> {
    vec![(SEARCH_TAG.to_owned(), search.to_string()), (TRIAL_TAG.to_owned(), number.to_string())]
}

fn progress(context: &JobContext, search: &Search) {
    let fraction = search.over() as f64 / search.planned.max(1) as f64;
    context.progress(fraction, told(search));
}

/// "7 of 20 trials, the best brisk-heron-4 with 0.8421".
fn told(search: &Search) -> String {
    let best = trials::best(search).and_then(|best| search.trials.iter().find(|trial| trial.number == best));
    let best = best.and_then(|trial| Some((trial.name.clone()?, trial.value?)));
    let best =
        best.map_or(String::new(), |(name, value)| format!(", the best {name} with {}", figure::measured(value)));
    format!("{} of {} trials{best}", figure::count(search.over()), figure::count(search.planned))
}

/// Why it makes no sense to go on: the first trials failed, every one.
async fn hopeless(engine: &Engine, search: &Search) -> anyhow::Result<Option<ApiError>> {
    let is_over = |trial: &&Trial| !matches!(trial.outcome, TrialOutcome::Running | TrialOutcome::Interrupted);
    let over: Vec<&Trial> = search.trials.iter().filter(is_over).collect();
    if over.len() < FAILURES || over.iter().any(|trial| trial.outcome != TrialOutcome::Failed) {
        return Ok(None);
    }
    let run = over[over.len() - 1].run;
    let row = engine.store().read(move |c| store::run::bare(c, run)).await?;
    let because = row.and_then(|row| row.run.ended_because);
    let why = because.as_ref().map_or_else(|| "it logged no value of the metric".to_owned(), |why| why.message.clone());
    let message = format!("The first {} trials failed; the last: {why}", over.len());
    let error = ApiError::new(ErrorCode::Conflict, message);
    Ok(Some(match because.and_then(|why| why.hint) {
        Some(hint) => error.with_hint(hint),
        None => error.with_hint("See the log of one of its runs."),
    }))
}

async fn end(engine: &Engine, id: SearchId, state: SearchState, because: Option<ApiError>) -> anyhow::Result<Search> {
    let now_ms = engine.now_ms();
    let written = engine.store().write(move |tx| {
        let Some(mut now) = store::search::get(tx, id)? else { return Err(missing(id)) };
        (now.state, now.error, now.ended_ms) = (state, because, Some(now_ms));
        store::search::put(tx, &now)?;
        Ok(now)
    });
    let search = written.await?;
    trials::announce(engine, &search);
    Ok(shown(engine, search))
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
    trials::look(engine, search.id, &InHand::default(), false).await?;
    find(engine, search.id).await
}

/// Goes on with a search, or asks for more trials of it.
pub async fn resume(engine: &Engine, request: ResumeSearch) -> anyhow::Result<Search> {
    let search = find(engine, request.search).await?;
    let id = search.id;
    if search.state == SearchState::Running {
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("The search {} is under way.", search.name))
                .with_hint("Stop it first, or wait for its end.")
        );
    }
    let mut config = search.config.clone();
    config.trials = request.trials.unwrap_or(config.trials);
    let training = search.training.clone().unwrap_or_default();
    let of = search.command.as_ref().map_or(Of::Training(&training), |command| Of::Command(&command.words));
    let planned = space::planned(&config, &space::check(&config, of)?)?;
    if search.state == SearchState::Finished && search.counted() >= planned {
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("The search {} is finished.", search.name))
                .with_hint("Ask for more trials: `slipway search resume NAME --trials N`.")
        );
    }
    // What was under way when its host or its terminal ended is looked at before it is taken for running.
    end(engine, id, SearchState::Stopped, None).await?;
    trials::look(engine, id, &InHand::default(), false).await?;
    let written = engine.store().write(move |tx| {
        let Some(mut now) = store::search::get(tx, id)? else { return Err(missing(id)) };
        (now.state, now.error, now.ended_ms) = (SearchState::Running, None, None);
        (now.config, now.planned) = (config, planned);
        store::search::put(tx, &now)?;
        Ok(now)
    });
    let search = written.await?;
    trials::announce(engine, &search);
    begin(engine, search).await
}

/// Forgets a search that is not under way; its runs stay.
pub async fn delete(engine: &Engine, request: DeleteSearch) -> anyhow::Result<()> {
    let search = find(engine, request.search).await?;
    if search.state == SearchState::Running {
        bail!(
            ApiError::new(ErrorCode::InUse, format!("The search {} is under way.", search.name))
                .with_hint("Stop it first.")
        );
    }
    let now_ms = engine.now_ms();
    engine.store().write_durable(move |tx| store::search::mark_deleted(tx, search.id, Some(now_ms))).await?;
    engine.searches().judges.lock().await.remove(&search.id);
    trials::announce(engine, &search);
    Ok(())
}

/// Brings a search back that was forgotten.
pub async fn restore(engine: &Engine, request: RestoreSearch) -> anyhow::Result<Search> {
    let id = request.search;
    engine.store().write_durable(move |tx| store::search::mark_deleted(tx, id, None)).await?;
    let search = find(engine, id).await?;
    trials::announce(engine, &search);
    Ok(search)
}

/// What a command's search does next.
pub async fn step(engine: &Engine, request: StepSearch) -> anyhow::Result<Step> {
    let id = request.search;
    let search = engine.store().read(move |c| store::search::get(c, id)).await?;
    let search = search.ok_or_else(|| error::missing("search", id))?;
    let Some(command) = search.command else {
        bail!(ApiError::invalid(format!("The search {} is of trainings, which start by themselves.", search.name)));
    };
    engine.searches().asked(id, engine.now_ms());
    let goes_on = search.state == SearchState::Running;
    let seen = trials::look(engine, id, &InHand::of(&request), goes_on).await?;
    let mut search = shown(engine, seen.search);
    if goes_on && seen.over {
        search = end(engine, id, SearchState::Finished, None).await?;
    } else if goes_on && let Some(because) = hopeless(engine, &search).await? {
        search = end(engine, id, SearchState::Failed, Some(because)).await?;
        trials::stop_all(engine, id).await?;
        return Ok(Step { search, start: Vec::new() });
    }
    let next = |trial: Trial| NextTrial {
        number: trial.number,
        run: trial.run,
        words: space::words_with(&command.words, &trial.values),
    };
    Ok(Step { search, start: seen.start.into_iter().map(next).collect() })
}

/// The trial that a command is begun as: its run's id, and what is noted of it.
pub(crate) async fn trial(
    engine: &Engine,
    of: TrialOf,
    project: ProjectId,
) -> anyhow::Result<(Trial, Vec<(String, String)>)> {
    let search = find(engine, of.search).await?;
    let trial = search.trials.into_iter().find(|trial| trial.number == of.number);
    let Some(trial) = trial.filter(|_| search.project == project) else {
        bail!(ApiError::not_found(format!("The search {} has no trial {} in this project.", search.name, of.number)));
    };
    let run = trial.run;
    if engine.store().read(move |c| store::run::bare(c, run)).await?.is_some() {
        bail!(ApiError::new(ErrorCode::Conflict, format!("Trial {} of {} was begun already.", of.number, search.name)));
    }
    Ok((trial, tags(search.id, of.number)))
}

/// Goes on with the searches of trainings that an earlier host left.
pub(crate) async fn after_start(engine: &Engine) -> anyhow::Result<()> {
    let unfinished = engine.store().read(store::job::unfinished).await?;
    for row in unfinished.into_iter().filter(|row| row.job.kind == JobKind::Search) {
        let Subject::Search(id) = row.job.subject else { continue };
        let search = engine.store().read(move |c| store::search::get(c, id)).await?;
        match (engine.options().mode, search) {
            (Mode::Host, Some(search)) if search.state == SearchState::Running => {
                engine.jobs().resume(engine, row, move |context| drive(context, id)).await?;
            }
            (Mode::Once, Some(search)) if search.state == SearchState::Running => {
                engine.jobs().leave_waiting(engine, row).await?;
            }
            _ => engine.jobs().fail_interrupted(engine, row).await?,
        }
    }
    // A host that was killed between the two commits left a search that no job names.
    if engine.options().mode == Mode::Host {
        let running = engine.store().read(store::search::running).await?;
        for search in running.into_iter().filter(|search| search.command.is_none() && search.job.is_none()) {
            begin(engine, search).await?;
        }
    }
    engine.changed(Tag::Jobs);
    Ok(())
}
