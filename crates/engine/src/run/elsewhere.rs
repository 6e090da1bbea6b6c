//! Runs whose client puts its files at a place of its own choice (`artifact_location`). Whoever has the tracking token names
//! that place, so nothing there is ever read, written or deleted by us: it is only said (`docs/decisions/0015`).

use api::{RunId, run::RunKind};
use store::run::RunRow;

use super::{artifact_uri, surroundings::without_password};

/// What the addresses of files begin with that lie here.
const HERE: &str = "mlflow-artifacts:";

/// The address, its password masked; none of a run whose files lie here, or where its log says.
pub(crate) fn of(c: &store::Connection, row: &RunRow) -> store::Result<Option<String>> {
    // A program's run is the first that its client starts.
    if !matches!(row.run.kind, RunKind::Client | RunKind::Command) {
        return Ok(None);
    }
    let (number, location) = store::experiment::address(c, row.run.experiment)?.unwrap_or_default();
    let address = artifact_uri(row, number, location.as_deref());
    Ok((!address.starts_with(HERE)).then(|| without_password(&address)))
}

/// How many of these runs it is.
pub(crate) fn count(c: &store::Connection, runs: &[RunId]) -> store::Result<u64> {
    let mut count = 0;
    for run in runs {
        if let Some(row) = store::run::bare(c, *run)?
            && of(c, &row)?.is_some()
        {
            count += 1;
        }
    }
    Ok(count)
}
