//! The run of a program that `slipway exec` started, and MLflow's client within the program: the first run that the client
//! begins is the program's own, and those that it begins later stand below it.
//!
//! The client is given [`PROGRAM_TAG`] among the tags of whatever it begins. `MLFLOW_RUN_ID`, by which MLflow's projects do
//! the same, ends a script that chooses an experiment by itself; here such a script's runs stand below the program's.

use std::collections::BTreeSet;

use api::{
    RunId, SearchId,
    run::{MACHINE_BY_CLIENT, Run, RunKind, SYSTEM},
    search::{SEARCH_TAG, TRIAL_TAG},
    series::Point,
    tracking::{Experiment, NAME_TAG, PARENT_TAG, PROGRAM_TAG},
};
use store::{Transaction, run::RunRow};

use super::client::{Begin, put_tags};
use crate::run::name;

/// The program's run, where a client begins its first in it: one that is under way in the experiment that the client
/// names, unless the client chose a parent of its own.
pub(super) fn find(
    tx: &Transaction<'_>,
    tags: &[(String, String)],
    experiment: &Experiment,
) -> store::Result<Option<RunRow>> {
    let of = |key: &str| tags.iter().find(|(own, _)| own == key).and_then(|(_, value)| value.parse::<RunId>().ok());
    let Some(program) = of(PROGRAM_TAG).filter(|program| of(PARENT_TAG) == Some(*program)) else { return Ok(None) };
    let row = store::run::bare(tx, program)?.filter(|row| {
        let Run { kind, state, deleted_ms, .. } = &row.run;
        let is_under_way = !state.is_over() && deleted_ms.is_none();
        *kind == RunKind::Command && is_under_way && row.run.experiment == experiment.id
    });
    // The tag stands on it once a client has gone on with it.
    let is_taken = store::tag::get(tx, program, PROGRAM_TAG)?.is_some();
    Ok(row.filter(|_| !is_taken))
}

/// Enters what a client says of the program's run as it goes on with it. A name that somebody gave to the program stays.
pub(super) fn go_on(tx: &Transaction<'_>, row: RunRow, named: Option<String>, begin: Begin) -> store::Result<RunId> {
    let id = row.run.id;
    let is_chosen = !name::is_friendly(id.as_bytes(), &row.run.name);
    let named = named.filter(|named| !named.is_empty() && !is_chosen);
    let run = Run { name: named.unwrap_or(row.run.name), user: row.run.user.or(begin.user), ..row.run };
    store::run::put(tx, &RunRow { run, ..row })?;
    let tags = begin.tags.into_iter().filter(|(key, _)| key != PARENT_TAG && key != NAME_TAG);
    put_tags(tx, id, &tags.collect::<Vec<_>>())?;
    Ok(id)
}

/// Leaves to a client what it measures of its program's run by itself (`mlflow.enable_system_metrics_logging`): of each series
/// under [`SYSTEM`] that it logs what our meter entered goes, and nothing of ours is entered any more. Its steps are the
/// numbers of its looks and ours are seconds: of both no curve could be read.
pub(super) fn leave_measuring(tx: &Transaction<'_>, run: RunId, series: &[(String, Vec<Point>)]) -> store::Result<()> {
    // MLflow's keys have no commas, by which they are noted.
    let is_measured = |key: &&String| key.starts_with(SYSTEM) && !key.contains(',');
    let told: Vec<&String> = series.iter().map(|(key, _)| key).filter(is_measured).collect();
    if told.is_empty() {
        return Ok(());
    }
    let Some(mut row) = store::run::bare(tx, run)?.filter(|row| row.run.kind == RunKind::Command) else {
        return Ok(());
    };
    let mut keys: BTreeSet<String> = row.run.measured_by_client().map(str::to_owned).collect();
    let known = keys.len();
    for key in told {
        if keys.insert(key.clone()) {
            store::metric::forget_series(tx, run, key)?;
        }
    }
    if keys.len() == known {
        return Ok(());
    }
    let keys = keys.into_iter().collect::<Vec<_>>().join(", ");
    row.run.environment.insert(MACHINE_BY_CLIENT.to_owned(), keys);
    store::run::put(tx, &row)
}

/// Whether a search gave this value to the run, which is its trial. What the program says of it itself goes before: the
/// text of a number differs from language to language.
pub(super) fn is_given(tx: &Transaction<'_>, run: RunId, key: &str, value: &str) -> store::Result<bool> {
    let Some(search) = store::tag::get(tx, run, SEARCH_TAG)?.and_then(|id| id.parse::<SearchId>().ok()) else {
        return Ok(false);
    };
    let number = store::tag::get(tx, run, TRIAL_TAG)?.and_then(|number| number.parse::<u64>().ok());
    let Some(search) = store::search::get(tx, search)? else { return Ok(false) };
    let trial = search.trials.iter().find(|trial| Some(trial.number) == number);
    Ok(trial.and_then(|trial| trial.values.get(key)).is_some_and(|given| given.to_string() == value))
}
