//! The work of a search's job: begins trials until none comes next, and stops them where the search ends before.

use std::time::Duration;

use anyhow::bail;
use api::{
    ApiError, ErrorCode, RunId, SearchId, SnapshotId, figure,
    job::Subject,
    run::StartRun,
    search::{Environment, Search, SearchState, Trial, TrialOutcome},
};

use super::{
    FAILURES, budget, end,
    programs::Programs,
    space, tags,
    trials::{self, Seen},
};
use crate::{
    Engine, error,
    jobs::{JobContext, cancelled},
    run::start,
};

/// Between two looks at the trials.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// A program that was asked to stop is asked again after this, which ends it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The work of a search's job. A program runs in this environment, or in the host's.
pub(super) async fn drive(
    context: JobContext,
    id: SearchId,
    environment: Option<Environment>,
) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    let mut programs = Programs::new(environment);
    let driven = go_on(&context, id, &mut programs).await;
    engine.searches().hold_back(id, None);
    match driven {
        Ok(search) => {
            let search = end(&engine, search.id, SearchState::Finished, None).await?;
            Ok(told(&search))
        }
        Err(failure) if error::is_closed(&failure) => Err(failure),
        Err(failure) => {
            // Stopped first: whatever its trials end with is an interruption.
            let because = error::told(&failure);
            let (state, because) = match because.code {
                _ if context.is_cancelled() => (SearchState::Stopped, None),
                ErrorCode::Cancelled => (SearchState::Stopped, Some(because)),
                _ => (SearchState::Failed, Some(because)),
            };
            end(&engine, id, state, because).await?;
            stop_trials(&context, id, &mut programs).await?;
            Err(if context.is_cancelled() { cancelled().into() } else { failure })
        }
    }
}

/// Asks all trials to stop and waits until they have.
async fn stop_trials(context: &JobContext, id: SearchId, programs: &mut Programs) -> anyhow::Result<()> {
    let engine = context.engine();
    programs.wait_no_more();
    let mut asked: Option<tokio::time::Instant> = None;
    loop {
        programs.bury(context)?;
        let seen = trials::look(engine, id, &programs.in_hand(), 0).await?;
        let is_known =
            |number: u64| seen.search.trials.iter().any(|trial| trial.number == number && trial.name.is_some());
        // What is not entered as a run yet hears of no stop.
        programs.kill(|number| !is_known(number) || seen.deaf.contains(&number));
        if seen.under_way == 0 && programs.is_empty() {
            return Ok(());
        }
        if asked.is_none() || asked.is_some_and(|asked| asked.elapsed() >= PATIENCE && !programs.is_empty()) {
            if let Err(error) = trials::stop_all(engine, id).await {
                // Where programs can't be asked, they are ended.
                tracing::info!(error = format!("{error:#}"), "trials that can't be asked to stop are ended");
                programs.kill(|_| true);
            }
            asked = Some(tokio::time::Instant::now());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn go_on(context: &JobContext, id: SearchId, programs: &mut Programs) -> anyhow::Result<Search> {
    let engine = context.engine();
    let mut seen = trials::look(engine, id, &programs.in_hand(), 0).await?;
    loop {
        context.check()?;
        programs.kill(|number| seen.deaf.contains(&number));
        if let Some(error) = budget::over(engine, &seen.search).await? {
            bail!(error);
        }
        programs.bury(context)?;
        let (room, why) = match seen.search.command {
            Some(_) => programs.room(engine, &seen.search, seen.under_way).await?,
            None => (seen.search.config.parallel as usize, waits(engine, &seen.search)),
        };
        seen = trials::look(engine, id, &programs.in_hand(), room).await?;
        for trial in &seen.start {
            match &seen.search.command {
                Some(command) => programs.begin(engine, &seen.search, command, trial)?,
                None => start_training(engine, &seen.search, trial).await?,
            }
        }
        let held_back = why.filter(|_| seen.under_way > 0).map(|why| held_back(engine, &seen, &why));
        progress(context, &seen.search, held_back.as_deref());
        if engine.searches().hold_back(id, held_back) {
            trials::announce(engine, &seen.search);
        }
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

/// What the first of its trainings that waits for memory waits for.
fn waits(engine: &Engine, search: &Search) -> Option<String> {
    let waits = waiting(engine, search).next();
    waits.map(|short| format!("the next {short}"))
}

fn waiting<'a>(engine: &'a Engine, search: &'a Search) -> impl Iterator<Item = String> + 'a {
    let running = search.trials.iter().filter(|trial| trial.outcome == TrialOutcome::Running);
    running.filter_map(|trial| engine.jobs().waits_for(&Subject::Run(trial.run)))
}

/// "1 at once instead of 4: the next needs 2.1 GB, 1.0 GB are free".
fn held_back(engine: &Engine, seen: &Seen, why: &str) -> String {
    let running = seen.under_way.saturating_sub(waiting(engine, &seen.search).count());
    format!("{running} at once instead of {}: {why}", seen.search.config.parallel)
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
    start::start_as(engine, request, trial.run, tags(search, trial.number)).await.map(drop)
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

fn progress(context: &JobContext, search: &Search, held_back: Option<&str>) {
    let fraction = search.over() as f64 / search.planned.max(1) as f64;
    let held_back = held_back.map_or(String::new(), |why| format!("; {why}"));
    context.progress(fraction, format!("{}{held_back}", told(search)));
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
