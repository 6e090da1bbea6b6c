//! The run that is a search itself: its trials stand below it, as MLflow's clients nest runs.
//!
//! Where it was deleted the search goes on without it.

use api::{
    run::{Run, RunKind, RunState},
    search::{EarlyStopping, Search, SearchConfig, SearchState},
    series::Point,
};
use store::{Transaction, run::RunRow};

use crate::run::{start::word, surroundings};

/// The params by which a search can be told from another.
fn params(config: &SearchConfig) -> Vec<(String, String)> {
    let mut params = vec![
        ("method".to_owned(), word(&config.method)),
        ("seed".to_owned(), config.seed.unwrap_or_default().to_string()),
        ("trials".to_owned(), config.trials.to_string()),
        ("parallel".to_owned(), config.parallel.to_string()),
        ("early_stopping".to_owned(), word(&config.early_stopping)),
    ];
    if config.early_stopping == EarlyStopping::Asha {
        params.push(("min_steps".to_owned(), config.min_steps.to_string()));
        params.push(("reduction".to_owned(), config.reduction.to_string()));
    }
    if let (Some(metric), Some(goal)) = (&config.metric, config.goal) {
        params.push(("metric".to_owned(), metric.clone()));
        params.push(("goal".to_owned(), word(&goal)));
    }
    params.extend(config.space.iter().map(|(name, written)| (format!("space.{name}"), written.to_string())));
    params
}

/// Enters the run of a search that begins, or writes anew what going on with it changed.
pub(super) fn enter(tx: &Transaction<'_>, search: &Search, row: RunRow) -> store::Result<()> {
    let command = search.command.as_ref().map(|command| surroundings::masked_command(&command.words));
    let started_ms = Some(search.created_ms);
    let run = Run { command, started_ms, seed: search.config.seed, ..row.run };
    store::run::put(tx, &RunRow { run, ..row })?;
    settle(tx, search).map(|_| ())
}

/// Writes its params and how the search stands, and answers its run.
pub(super) fn settle(tx: &Transaction<'_>, search: &Search) -> store::Result<Option<Run>> {
    let Some(mut row) = of(tx, search)? else { return Ok(None) };
    for (key, value) in params(&search.config) {
        store::param::put(tx, row.run.id, &key, &value)?;
    }
    row.run.state = match search.state {
        SearchState::Running => RunState::Running,
        SearchState::Stopped => RunState::Stopped,
        SearchState::Finished => RunState::Finished,
        SearchState::Failed => RunState::Failed,
    };
    row.run.ended_ms = search.ended_ms;
    row.run.ended_because = match row.run.state {
        RunState::Stopped => Some(search.error.clone().unwrap_or_else(crate::jobs::cancelled)),
        _ => search.error.clone(),
    };
    store::run::put(tx, &row)?;
    Ok(Some(row.run))
}

/// Logs the value of the best trial at that trial's number.
pub(super) fn note_best(tx: &Transaction<'_>, search: &Search, time_ms: i64) -> store::Result<()> {
    let Some(row) = of(tx, search)? else { return Ok(()) };
    let best = search.best_trial().and_then(|trial| Some((trial.number, trial.value?)));
    if let (Some((number, value)), Some((key, _))) = (best, &search.judged) {
        let point = Point { step: number as i64, time_ms, value };
        store::metric::append(tx, row.run.id, &format!("best/{key}"), &[point])?;
    }
    Ok(())
}

fn of(tx: &Transaction<'_>, search: &Search) -> store::Result<Option<RunRow>> {
    let Some(run) = search.run else { return Ok(None) };
    Ok(store::run::bare(tx, run)?.filter(|row| row.run.kind == RunKind::Search))
}
