//! The work of a search's job: begins trials until none comes next, and stops them where the search ends before.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use anyhow::bail;
use api::{
    ApiError, ErrorCode, RunId, SearchId, SnapshotId, figure,
    job::Subject,
    run::{ResumeRun, Run, RunState, SYSTEM, StartRun},
    search::{Environment, Search, SearchState, Trial, TrialOutcome},
};
use store::Connection;

use super::{
    FAILURES, budget, end,
    programs::Programs,
    space, tags,
    trials::{self, InHand, Seen},
};
use crate::{
    Engine, error,
    jobs::{JobContext, cancelled},
    nearest::did_you_mean,
    run::{self, start},
    tracking::experiments::in_a_shell,
};

/// Between two looks at the trials.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// A program that was asked to stop is asked again after this, which ends it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Trials that are looked at for what they measured instead, and runs below each.
const LOOKED_AT: usize = 20;
const BELOW: u32 = 8;
/// Metrics that an error names.
const NAMED: usize = 12;

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
    // What failed before it went on may be mended by now.
    let before: HashSet<u64> = seen.search.trials.iter().filter(|trial| is_over(trial)).map(|it| it.number).collect();
    let (mut anew, mut went_on) = (HashSet::new(), HashSet::new());
    loop {
        context.check()?;
        programs.kill(|number| seen.deaf.contains(&number));
        if let Some(error) = budget::over(engine, &seen.search).await? {
            bail!(error);
        }
        if programs.bury(context)? {
            // Before the next begins in its place: that may be one too many.
            seen = trials::look(engine, id, &programs.in_hand(), 0).await?;
            if let Some(error) = hopeless(engine, &seen.search, programs, FAILURES, &before).await? {
                bail!(error);
            }
        }
        let (room, why) = match seen.search.command {
            Some(_) => programs.room(engine, &seen.search, seen.under_way).await?,
            None => (seen.search.config.parallel as usize, waits(engine, &seen.search)),
        };
        let in_hand = InHand { anew: anew.clone(), resumed: std::mem::take(&mut went_on), ..programs.in_hand() };
        seen = trials::look(engine, id, &in_hand, room).await?;
        for trial in &seen.start {
            match &seen.search.command {
                Some(command) => programs.begin(engine, &seen.search, command, trial)?,
                None if trial.outcome == TrialOutcome::Interrupted => {
                    let are_with = if resumed(context, trial).await? { &mut went_on } else { &mut anew };
                    are_with.insert(trial.number);
                }
                None => start_training(engine, &seen.search, trial).await?,
            }
        }
        let held_back = why.filter(|_| seen.under_way > 0).map(|why| held_back(engine, &seen, &why));
        progress(context, &seen.search, held_back.as_deref());
        if engine.searches().hold_back(id, held_back) {
            trials::announce(engine, &seen.search);
        }
        // Of a search that is over one failure is enough, where nothing else came of it.
        let none = HashSet::new();
        let (least, before) = if seen.over { (1, &none) } else { (FAILURES, &before) };
        if let Some(error) = hopeless(engine, &seen.search, programs, least, before).await? {
            bail!(error);
        }
        if seen.over {
            return Ok(seen.search);
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
        budget: Default::default(),
    };
    start::start_as(engine, request, trial.run, tags(search, trial.number)).await.map(drop)
}

/// Lets the run of an interrupted trial go on from its checkpoint; whether it does. Else its values begin anew.
async fn resumed(context: &JobContext, trial: &Trial) -> anyhow::Result<bool> {
    let (engine, run) = (context.engine(), trial.run);
    let Err(failure) = start::resume(engine, ResumeRun { run, budget: Default::default() }).await else {
        return Ok(true);
    };
    if error::is_closed(&failure) {
        return Err(failure);
    }
    // Somebody else may have resumed it.
    let row = engine.store().read(move |c| store::run::bare(c, run)).await?;
    if row.is_some_and(|row| !row.run.state.is_over()) {
        return Ok(true);
    }
    context.log(format!("trial {} starts anew: {}", trial.number, error::told(&failure).message));
    Ok(false)
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

fn is_over(trial: &Trial) -> bool {
    !matches!(trial.outcome, TrialOutcome::Running | TrialOutcome::Interrupted)
}

/// Why it makes no sense to go on: every trial failed, `least` of them beside those of `before`.
async fn hopeless(
    engine: &Engine,
    search: &Search,
    programs: &Programs,
    least: usize,
    before: &HashSet<u64>,
) -> anyhow::Result<Option<ApiError>> {
    let over = search.trials.iter().filter(|trial| is_over(trial));
    let (over, earlier): (Vec<&Trial>, Vec<&Trial>) = over.partition(|trial| !before.contains(&trial.number));
    if over.len() < least || over.iter().chain(&earlier).any(|trial| trial.outcome != TrialOutcome::Failed) {
        return Ok(None);
    }
    let (count, runs) = (over.len(), over.iter().map(|trial| trial.run).collect::<Vec<_>>());
    let (last, measured) = engine.store().read(move |c| measured(c, &runs)).await?;
    if let (Some(run), Some((key, _))) = (&last, &search.judged)
        && run.state == RunState::Finished
    {
        return Ok(Some(unmeasured(key, count, &measured, &run.name)));
    }
    let because = match &last {
        Some(run) => run.ended_because.clone(),
        None => over.last().and_then(|trial| programs.unbegun(trial.number)),
    };
    let unsaid =
        if last.is_some() { "it logged no value of the metric" } else { "its run was not started, or is deleted" };
    let why = because.as_ref().map_or_else(|| unsaid.to_owned(), |why| why.message.clone());
    let message = match count {
        1 => format!("The trial failed: {why}"),
        _ if earlier.is_empty() => format!("The first {count} trials failed; the last: {why}"),
        _ => format!("The first {count} trials failed since it went on; the last: {why}"),
    };
    let error = ApiError::new(ErrorCode::Conflict, message);
    Ok(Some(match (because.and_then(|why| why.hint), last) {
        (Some(hint), _) => error.with_hint(hint),
        (None, None) => error.with_hint("See the log of its job: `slipway job log`."),
        (None, Some(run)) => {
            let said = run::last_said(engine, run.id).await;
            let said = said.map_or_else(String::new, |line| format!(" It ends with: {line}"));
            error.with_hint(format!("See `slipway run log --stderr {}`.{said}", in_a_shell(&run.name)))
        }
    }))
}

/// The last of these runs, and the metrics that they measured, they themselves or runs below them.
fn measured(c: &Connection, runs: &[RunId]) -> store::Result<(Option<Run>, BTreeSet<String>)> {
    let mut keys = BTreeSet::new();
    for run in runs.iter().rev().take(LOOKED_AT) {
        let (below, _) = store::run::below(c, *run, BELOW)?;
        for run in [*run].into_iter().chain(below.into_iter().map(|row| row.run.id)) {
            keys.extend(store::metric::summaries(c, run)?.into_iter().map(|series| series.key));
        }
    }
    keys.retain(|key| !key.starts_with(SYSTEM));
    let last = runs.last().map(|run| store::run::bare(c, *run)).transpose()?.flatten();
    Ok((last.map(|row| row.run), keys))
}

/// Programs that ended well, of a metric that none of them logged.
fn unmeasured(key: &str, trials: usize, measured: &BTreeSet<String>, last: &str) -> ApiError {
    let told = match trials {
        1 => format!("The trial that ended did not measure \"{key}\"."),
        _ => format!("None of the {trials} trials that ended measured \"{key}\"."),
    };
    let error = ApiError::new(ErrorCode::Conflict, told);
    if measured.is_empty() {
        return error.with_hint(format!("They measured nothing at all: see `slipway run log {}`.", in_a_shell(last)));
    }
    let few = measured.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = if measured.len() > NAMED { " …" } else { "" };
    let meant = did_you_mean(key, measured.iter().map(String::as_str));
    error.with_hint(format!(
        "They measured {few}{more}.{meant} `metric` of `[search]`, or --metric, says what is judged."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_that_no_trial_measured_is_told_with_those_that_they_did() {
        let told = |measured: &[&str]| {
            let measured = measured.iter().map(|key| (*key).to_owned()).collect();
            let error = unmeasured("los", 1, &measured, "bowl-1");
            (error.message, error.hint.unwrap_or_default())
        };
        let (message, hint) = told(&["accuracy", "loss"]);
        assert_eq!(message, "The trial that ended did not measure \"los\".");
        assert!(hint.starts_with("They measured accuracy, loss. Did you mean \"loss\"?"), "{hint}");
        assert!(told(&[]).1.contains("nothing at all"));
        let many: Vec<String> = (0..20).map(|at| format!("m{at}")).collect();
        assert!(told(&many.iter().map(String::as_str).collect::<Vec<_>>()).1.contains(" …. "));
    }
}
