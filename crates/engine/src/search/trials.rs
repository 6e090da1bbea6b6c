//! One look at a search: what became of its trials, which are stopped early, and which come next.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use api::{
    ApiError, ErrorCode, RunId, SearchId,
    event::Tag,
    run::{Run, RunState, StopRun},
    run_table::{ParamImportances, SparseRow},
    search::{
        AssessTrials, Direction, KILLED_TAG, RUNG_TAG, Search, SearchMethod, SearchState, TRIED_AGAIN, Trial,
        TrialOutcome, Value,
    },
};
use store::{Connection, run::RunRow};
use tune::{
    grid, random,
    space::Space,
    tpe::Tpe,
    trial::{Outcome, Row},
};

use super::{find, judge::Judge, parent};
use crate::{Engine, error, run};

/// What one look found.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) search: Search,
    /// Entered, and to be begun now; of an interrupted one the run is resumed.
    pub(super) start: Vec<Trial>,
    /// Trials whose run is under way or about to be.
    pub(super) under_way: usize,
    /// Trials that are to stop and can't be asked to: whoever holds their program ends it.
    pub(super) deaf: Vec<u64>,
    /// Nothing is under way and nothing comes next.
    pub(super) over: bool,
}

/// The trials that this host has begun.
#[derive(Debug, Clone, Default)]
pub(super) struct InHand {
    /// Their program is begun, or about to be.
    pub(super) under_way: HashSet<u64>,
    /// Their program has ended.
    pub(super) ended: HashSet<u64>,
    /// Interrupted trainings whose run could not be resumed: their values are tried again as another trial.
    pub(super) anew: HashSet<u64>,
    /// Interrupted trainings that were resumed since the last look: how they end is news, also where they already have.
    pub(super) resumed: HashSet<u64>,
}

/// Looks at a search; new trials are entered while fewer than `at_once` are under way.
pub(super) async fn look(engine: &Engine, id: SearchId, in_hand: &InHand, at_once: usize) -> anyhow::Result<Seen> {
    let mut judges = engine.searches().judges.lock().await;
    let InHand { ended, anew, resumed, .. } = in_hand.clone();
    let mut judge = judges.remove(&id);
    let (mut search, mut changed, alive, resumable, judge, stop, before) = engine
        .store()
        .read(move |c| {
            let Some(mut search) = store::search::get(c, id)? else { return Err(super::missing(id)) };
            let judged_before = search.judged.clone();
            if search.judged.is_none() {
                search.judged = judged(c, &search)?;
            }
            let before = (judged_before, best(&search));
            let (changed, alive) = (outcomes(c, &mut search, &ended, &resumed)?, alive(c, &search)?);
            let resumable = resumable(c, &search, &anew)?;
            let mut stop = BTreeMap::new();
            if let Some((key, direction)) = search.judged.clone() {
                judge = judge.take().or_else(|| Judge::of(&search, direction));
                if let Some(judge) = &mut judge {
                    stop = judge.look(c, &search, &key)?;
                }
            }
            Ok((search, changed, alive, resumable, judge, stop, before))
        })
        .await?;
    let early = search.trials.iter().filter(|trial| trial.outcome == TrialOutcome::StoppedEarly);
    let alive_early = early.filter(|trial| alive.contains(&trial.number)).map(|trial| trial.number);
    let to_ask: Vec<u64> = alive_early.chain(stop.keys().copied()).collect();
    let mut asked = BTreeSet::new();
    if let Some(mut judge) = judge {
        asked.extend(to_ask.into_iter().filter(|trial| judge.asks(*trial)));
        judges.insert(id, judge);
    }
    for trial in &mut search.trials {
        let Some(rung) = stop.get(&trial.number) else { continue };
        (trial.outcome, trial.rung) = (TrialOutcome::StoppedEarly, *rung);
        changed.insert(trial.number);
    }
    // What was entered and never begun, as after a crash, is begun now.
    let is_unbegun = |trial: &&Trial| trial.outcome == TrialOutcome::Running && !alive.contains(&trial.number);
    let unbegun: Vec<Trial> = search.trials.iter().filter(is_unbegun).cloned().collect();
    let (mut again, mut new): (Vec<Trial>, Vec<Trial>) = (Vec::new(), Vec::new());
    if at_once > 0 {
        let space =
            Space::try_from(search.config.space.clone()).map_err(|error| ApiError::invalid(error.to_string()))?;
        while alive.len() + unbegun.len() + again.len() + new.len() < at_once
            && search.counted() + (again.len() as u64) < search.planned
        {
            // It is noted as running once its run is, so that a crash in between leaves it as it is.
            let is_taken = |number: u64| again.iter().any(|one| one.number == number);
            let is_next = |trial: &&Trial| resumable.contains(&trial.number) && !is_taken(trial.number);
            if let Some(trial) = interrupted(&search).find(is_next).cloned() {
                again.push(trial);
                continue;
            }
            let Some(values) = next(&search, &space, &resumable)? else { break };
            let number = search.trials.last().map_or(1, |last| last.number + 1);
            let run = RunId::from_bytes(engine.new_id());
            let outcome = TrialOutcome::Running;
            let (step, value, rung, killed, because) = (None, None, None, 0, None);
            let trial = Trial { number, run, name: None, values, outcome, step, value, rung, killed, because };
            changed.insert(number);
            new.push(trial.clone());
            search.trials.push(trial);
        }
    }
    let under_way = alive.len() + unbegun.len() + again.len() + new.len();
    let start: Vec<Trial> = unbegun
        .into_iter()
        .filter(|trial| at_once > 0 && !in_hand.under_way.contains(&trial.number))
        .chain(again)
        .chain(new)
        .collect();
    search.best = best(&search);
    let (judged_before, best_before) = before;
    if !changed.is_empty() || search.judged != judged_before || search.best != best_before {
        write(engine, &search, &changed, best_before).await?;
    }
    drop(judges);
    let mut deaf = Vec::new();
    for trial in search.trials.iter().filter(|trial| asked.contains(&trial.number)) {
        match run::stop(engine, StopRun { run: trial.run }).await {
            Err(failure) if error::told(&failure).code == ErrorCode::Unreachable => deaf.push(trial.number),
            stopped => drop(stopped?),
        }
    }
    if !changed.is_empty() {
        announce(engine, &search);
    }
    Ok(Seen { over: under_way == 0 && at_once > 0, search, start, under_way, deaf })
}

/// Writes what a look found: these trials, and the best one where that is another than before.
async fn write(
    engine: &Engine,
    search: &Search,
    changed: &BTreeSet<u64>,
    best_before: Option<u64>,
) -> anyhow::Result<()> {
    let (found, changed, now_ms) = (search.clone(), changed.clone(), engine.now_ms());
    let written = engine.store().write(move |tx| {
        // A state that somebody else set meanwhile stays.
        let Some(mut now) = store::search::get(tx, found.id)? else { return Ok(()) };
        now.judged.clone_from(&found.judged);
        store::search::put(tx, &now)?;
        for trial in found.trials.iter().filter(|trial| changed.contains(&trial.number)) {
            store::search::put_trial(tx, found.id, trial)?;
            // Its run says it, where that is still there.
            let killed = (trial.killed > 0).then_some(trial.killed);
            let told = [(RUNG_TAG, trial.rung), (KILLED_TAG, killed)];
            let told = told.into_iter().filter_map(|(tag, number)| Some((tag, number?)));
            for (tag, number) in told {
                if store::run::bare(tx, trial.run)?.is_some() {
                    store::tag::put(tx, trial.run, tag, &number.to_string())?;
                }
            }
        }
        if found.best != best_before {
            parent::note_best(tx, &found, now_ms)?;
        }
        Ok(())
    });
    Ok(written.await?)
}

pub(super) fn announce(engine: &Engine, search: &Search) {
    engine.changed(Tag::Search(search.id));
    search.run.into_iter().for_each(|run| engine.changed(Tag::Run(run)));
    engine.changed(Tag::Searches(search.project));
}

/// The number of the best finished trial.
pub(super) fn best(search: &Search) -> Option<u64> {
    let (_, direction) = search.judged.as_ref()?;
    let loss = |trial: &&Trial| trial.value.map_or(f64::INFINITY, |value| direction.loss(value));
    let finished = search.trials.iter().filter(|trial| trial.outcome == TrialOutcome::Finished);
    let judged = finished.filter(|trial| trial.value.is_some_and(|value| !value.is_nan()));
    judged.min_by(|one, two| loss(one).total_cmp(&loss(two))).map(|trial| trial.number)
}

/// The series that is judged: the one that is named, or what ranks the trials that ended, or the project's runs.
fn judged(c: &Connection, search: &Search) -> store::Result<Option<(String, Direction)>> {
    if let (Some(metric), Some(goal)) = (&search.config.metric, search.config.goal) {
        return Ok(Some((metric.clone(), goal)));
    }
    let ranking = store::run::ranking(c, search.project)?;
    Ok(ranking.map(|(key, more)| (key, if more { Direction::Max } else { Direction::Min })))
}

/// The interrupted trials whose values no later one has tried: each goes on, or its values are tried again.
fn interrupted(search: &Search) -> impl Iterator<Item = &Trial> {
    let trials = &search.trials;
    trials.iter().filter(move |trial| {
        let later = trials.iter().filter(|other| other.number > trial.number);
        trial.outcome == TrialOutcome::Interrupted && !later.into_iter().any(|other| other.values == trial.values)
    })
}

/// Those whose run can go on from a checkpoint.
fn resumable(c: &Connection, search: &Search, anew: &HashSet<u64>) -> store::Result<BTreeSet<u64>> {
    let can_go_on = |run: &Run| {
        let is_cut_short = matches!(run.state, RunState::Stopped | RunState::Killed);
        is_cut_short && run.resumable && run.deleted_ms.is_none()
    };
    let mut found = BTreeSet::new();
    for trial in interrupted(search).filter(|trial| !anew.contains(&trial.number)) {
        if store::run::bare(c, trial.run)?.is_some_and(|row| can_go_on(&row.run)) {
            found.insert(trial.number);
        }
    }
    Ok(found)
}

/// Notes what became of the trials that were running or are again, and answers which changed.
fn outcomes(
    c: &Connection,
    search: &mut Search,
    ended: &HashSet<u64>,
    resumed: &HashSet<u64>,
) -> store::Result<BTreeSet<u64>> {
    let is_stopped = search.state != SearchState::Running;
    let judged = search.judged.clone();
    let again: HashSet<u64> = interrupted(search).map(|trial| trial.number).collect();
    let (mut changed, mut killed) = (BTreeSet::new(), Vec::new());
    for (at, trial) in search.trials.iter_mut().enumerate() {
        let is_resumed = resumed.contains(&trial.number);
        let was_interrupted = again.contains(&trial.number) && !is_resumed;
        if trial.outcome != TrialOutcome::Running && !was_interrupted && !is_resumed {
            continue;
        }
        let before = trial.clone();
        match store::run::bare(c, trial.run)? {
            None if was_interrupted => continue,
            // It is to be begun, or was deleted while nobody looked.
            None if is_stopped => trial.outcome = TrialOutcome::Interrupted,
            None if ended.contains(&trial.number) => trial.outcome = TrialOutcome::Failed,
            None => continue,
            Some(row) => {
                let (step, value) = reached(c, &row, judged.as_ref())?;
                let outcome = match row.run.state {
                    RunState::Queued | RunState::Running => TrialOutcome::Running,
                    RunState::Finished if value.is_some() => TrialOutcome::Finished,
                    // It stays so until its run goes on, whoever resumes that.
                    _ if was_interrupted => continue,
                    RunState::Stopped | RunState::Killed if is_stopped => TrialOutcome::Interrupted,
                    RunState::Stopped => TrialOutcome::Stopped,
                    RunState::Killed => {
                        trial.killed += 1;
                        killed.push(at);
                        TrialOutcome::Interrupted
                    }
                    RunState::Finished | RunState::Failed => TrialOutcome::Failed,
                };
                (trial.step, trial.value, trial.outcome) = (step, value, outcome);
            }
        }
        if *trial != before {
            changed.insert(trial.number);
        }
    }
    // What kills the same values again and again is their own.
    for at in killed {
        if search.kills(&search.trials[at].values) > TRIED_AGAIN {
            search.trials[at].outcome = TrialOutcome::Failed;
        }
    }
    Ok(changed)
}

/// Which of the hyperparameters the judged value follows.
pub(crate) async fn importance(engine: &Engine, request: AssessTrials) -> anyhow::Result<ParamImportances> {
    let search = find(engine, request.search).await?;
    let names: Vec<String> = search.config.space.keys().cloned().collect();
    Ok(tokio::task::spawn_blocking(move || assessed(&names, &search.trials)).await?)
}

/// Of those that are finished: what was stopped early has the value of another step than the others.
fn assessed(names: &[String], trials: &[Trial]) -> ParamImportances {
    let judged: Vec<(f64, &Trial)> = trials
        .iter()
        .filter(|trial| trial.outcome == TrialOutcome::Finished)
        .filter_map(|trial| Some((trial.value.filter(|value| value.is_finite())?, trial)))
        .collect();
    let row = |(value, trial): &(f64, &Trial)| -> SparseRow {
        let given = (1..).zip(names).filter_map(|(at, name)| Some((at, trial.values.get(name)?.to_string())));
        std::iter::once((0, value.to_string())).chain(given).collect()
    };
    let rows = run::importance::some(judged.len()).into_iter().filter_map(|at| judged.get(at)).map(row).collect();
    run::importance::of_rows(names, judged.len() as u64, rows)
}

/// The step and the judged value of a run: its final figure where it has one.
fn reached(
    c: &Connection,
    row: &RunRow,
    judged: Option<&(String, Direction)>,
) -> store::Result<(Option<i64>, Option<f64>)> {
    let Some((key, _)) = judged else { return Ok((None, None)) };
    let run = store::run::with_series(c, row.run.id, row.run.created_ms, key)?.unwrap_or(row.run.id);
    let series = store::metric::summaries(c, run)?.into_iter().find(|series| series.key == *key);
    let ranked = row.ranked.as_ref().filter(|(own, ..)| own == key).and_then(|(_, value, _)| *value);
    let value = ranked.or_else(|| series.as_ref().map(|series| series.last));
    Ok((series.map(|series| series.step), value))
}

/// The trials whose run is under way.
fn alive(c: &Connection, search: &Search) -> store::Result<BTreeSet<u64>> {
    let mut alive = BTreeSet::new();
    let may_be = |trial: &&Trial| matches!(trial.outcome, TrialOutcome::Running | TrialOutcome::StoppedEarly);
    for trial in search.trials.iter().filter(may_be) {
        if store::run::bare(c, trial.run)?.is_some_and(|row| !row.run.state.is_over()) {
            alive.insert(trial.number);
        }
    }
    Ok(alive)
}

/// What is tried next, beside what goes on; `None` where the grid is at its end.
fn next(search: &Search, space: &Space, resumable: &BTreeSet<u64>) -> anyhow::Result<Option<BTreeMap<String, Value>>> {
    if let Some(again) = interrupted(search).find(|trial| !resumable.contains(&trial.number)) {
        return Ok(Some(again.values.clone()));
    }
    let rows: Vec<Row> =
        search.trials.iter().map(|trial| Row { trial: trial.values.clone(), outcome: outcome(trial) }).collect();
    let seed = search.config.seed.unwrap_or_default();
    Ok(match search.config.method {
        SearchMethod::Grid => grid::next(space, &rows)?,
        SearchMethod::Random => Some(random::next(space, seed, &rows)),
        SearchMethod::Tpe => {
            let direction = search.judged.as_ref().map_or(Direction::Max, |(_, direction)| *direction);
            Some(Tpe::new(direction).next(space, seed, &rows))
        }
    })
}

fn outcome(trial: &Trial) -> Outcome {
    match (trial.outcome, trial.value) {
        (TrialOutcome::Running, _) => Outcome::Running,
        (TrialOutcome::Finished, Some(value)) => Outcome::Finished(value),
        (TrialOutcome::StoppedEarly | TrialOutcome::Stopped, value) => Outcome::Pruned(trial.step.zip(value)),
        // What was interrupted says nothing: it goes on, or its values are another trial's. It keeps its place, by
        // which random numbers are drawn.
        (TrialOutcome::Finished | TrialOutcome::Failed | TrialOutcome::Interrupted, _) => Outcome::Failed,
    }
}

/// Asks every run of a search that is under way to stop.
pub(super) async fn stop_all(engine: &Engine, id: SearchId) -> anyhow::Result<()> {
    for trial in find(engine, id).await?.trials {
        let may_run =
            matches!(trial.outcome, TrialOutcome::Running | TrialOutcome::StoppedEarly | TrialOutcome::Interrupted);
        if may_run
            && let Some(row) = engine.store().read(move |c| store::run::bare(c, trial.run)).await?
            && !row.run.state.is_over()
        {
            run::stop(engine, StopRun { run: trial.run }).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn importance_is_of_what_each_finished_trial_was_given_and_judged_by() {
        let trial = |number: u64, outcome, value| Trial {
            number,
            run: RunId::from_bytes([7; 16]),
            name: None,
            values: BTreeMap::from([
                ("lr".to_owned(), Value::Number(number as f64 / 100.0)),
                ("depth".to_owned(), Value::Integer((number % 2) as i64)),
            ]),
            outcome,
            step: None,
            value,
            rung: None,
            killed: 0,
            because: None,
        };
        let mut trials: Vec<Trial> =
            (1..=40).map(|number| trial(number, TrialOutcome::Finished, Some(number as f64))).collect();
        trials.push(trial(41, TrialOutcome::StoppedEarly, Some(-900.0)));
        trials.push(trial(42, TrialOutcome::Finished, Some(f64::NAN)));
        trials.push(trial(43, TrialOutcome::Failed, None));
        let names = ["depth", "lr"].map(str::to_owned);
        let found = assessed(&names, &trials);
        assert_eq!((found.runs, found.runs_used), (40, 40));
        assert_eq!(found.params[0].param, "lr");
        assert!(found.params[0].share > 0.8 && found.params[0].correlation == Some(1.0), "{found:?}");
        let few = assessed(&names, &trials[..3]);
        assert_eq!((few.runs, few.runs_used, few.params.len()), (3, 0, 0));
        let told = [TrialOutcome::Interrupted, TrialOutcome::Stopped].map(|one| outcome(&trial(1, one, Some(0.5))));
        assert_eq!(told, [Outcome::Failed, Outcome::Pruned(None)], "what is tried again says nothing of its values");
    }
}
