//! Rows of the run table as they are shown, for the runs of a page.

use std::collections::BTreeMap;

use api::{
    RunId, SplitId,
    run::{MetricCell, RunKind, RunRow, RunState, SYSTEM, seconds},
    run_table::Below,
    tracking::PARENT_TAG,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{alias, column::Word, error::Result, id_column, metric, param, run, tag};

/// What a metric takes beside its key where it is told, about, and a point of its sparkline.
const METRIC_BYTES: usize = 64;
const SPARK_BYTES: usize = 12;

/// The rows of these runs, in their order; one that is not there any more is left out. They have so many bytes together at
/// most, about, but one in any case: those behind them are not read.
pub fn within(connection: &Connection, runs: &[RunId], most_bytes: usize) -> Result<Vec<RunRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, kind, state, model, (SELECT number FROM snapshot WHERE snapshot.id = run.snapshot),
         json_extract(code, '$.commit'), created_ms, started_ms, ended_ms, json_extract(progress, '$.fraction'), resumable, split,
         (SELECT cost FROM run_spending WHERE run_spending.run = run.id),
         (SELECT json_extract(terms, '$.currency') FROM run_spending WHERE run_spending.run = run.id),
         (SELECT experiment.name FROM experiment WHERE experiment.id = run.experiment), device, user
         FROM run WHERE id = ?1",
    )?;
    let (mut rows, mut bytes) = (Vec::with_capacity(runs.len()), 0_usize);
    for id in runs {
        let found = statement.query_row([id.as_bytes()], |row| {
            let started: Option<i64> = row.get(8)?;
            let ended: Option<i64> = row.get(9)?;
            Ok(RunRow {
                experiment: row.get::<_, Option<String>>(15)?.unwrap_or_default(),
                model: row.get(4)?,
                snapshot_number: row.get(5)?,
                commit: row.get(6)?,
                created_ms: row.get(7)?,
                started_ms: started,
                ended_ms: ended,
                device: row.get(16)?,
                user: row.get(17)?,
                duration_secs: started.zip(ended).map(|(started, ended)| seconds(started, ended)),
                fraction: row.get(10)?,
                resumable: row.get(11)?,
                split: id_column!(row, 12, Option<SplitId>),
                cost: row.get(13)?,
                currency: row.get(14)?,
                ..RunRow::bare(
                    id_column!(row, 0, RunId),
                    row.get(1)?,
                    row.get::<_, Word<RunKind>>(2)?.0,
                    row.get::<_, Word<RunState>>(3)?.0,
                )
            })
        });
        let Some(mut row) = found.optional()? else { continue };
        fill(connection, &mut row)?;
        bytes = bytes.saturating_add(bytes_of(&row));
        if bytes > most_bytes && !rows.is_empty() {
            break;
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Adds what stands in other tables than the run's own.
fn fill(connection: &Connection, row: &mut RunRow) -> Result<()> {
    row.params = param::of_run(connection, row.id)?;
    row.tags = tag::of_run(connection, row.id)?;
    row.metrics = metric::cells(connection, row.id)?;
    row.versions = run::versions(connection, row.id)?;
    for version in &row.versions {
        row.aliases.extend(alias::of_version(connection, *version)?);
    }
    // A client may name any text as the parent, and the run itself.
    let parent: Option<RunId> = row.tags.get(PARENT_TAG).and_then(|parent| parent.parse().ok());
    let parent = parent.filter(|parent| *parent != row.id).map(|parent| run::name(connection, parent));
    row.parent = parent.transpose()?.flatten();
    row.below = below(connection, row.id, row.kind, row.metrics.keys())?;
    Ok(())
}

/// Bytes of the params, tags and metrics of a row, and of the run whose figures are its own, about.
fn bytes_of(row: &RunRow) -> usize {
    let texts =
        |texts: &BTreeMap<String, String>| texts.iter().map(|(key, text)| key.len() + text.len()).sum::<usize>();
    let metrics = |metrics: &BTreeMap<String, MetricCell>| {
        let one = |(key, cell): (&String, &MetricCell)| key.len() + METRIC_BYTES + SPARK_BYTES * cell.spark.len();
        metrics.iter().map(one).sum::<usize>()
    };
    let below = row.below.as_ref().map_or(0, |below| texts(&below.params) + metrics(&below.metrics));
    texts(&row.params) + texts(&row.tags) + metrics(&row.metrics) + below
}

/// The newest run of a client below another that has figures. The tag's key is written out: only so the index of it is
/// used.
const MEASURED_BELOW: &str = "SELECT id, name FROM run
     WHERE id IN (SELECT run FROM tag WHERE key = 'mlflow.parentRunId' AND value = ?1)
     AND kind = 'client' AND deleted_ms IS NULL
     AND EXISTS (SELECT 1 FROM metric WHERE metric.run = run.id AND substr(metric.key, 1, length(?2)) <> ?2)
     ORDER BY created_ms DESC, id DESC LIMIT 1";

/// Where the figures of a run stand that has these metrics: a program alone has them elsewhere, where it has none itself.
pub fn below<'a>(
    connection: &Connection,
    id: RunId,
    kind: RunKind,
    metrics: impl IntoIterator<Item = &'a String>,
) -> Result<Option<Below>> {
    if kind != RunKind::Command || metrics.into_iter().any(|key| !key.starts_with(SYSTEM)) {
        return Ok(None);
    }
    let found = connection
        .prepare_cached(MEASURED_BELOW)?
        .query_row(params![id.to_string(), SYSTEM], |row| Ok((id_column!(row, 0, RunId), row.get::<_, String>(1)?)));
    let Some((run, name)) = found.optional()? else { return Ok(None) };
    let (params, metrics) = (param::of_run(connection, run)?, metric::cells(connection, run)?);
    Ok(Some(Below { run, name, params, metrics }))
}

/// The same of a run whose metrics are not at hand.
pub fn below_of(connection: &Connection, id: RunId, kind: RunKind) -> Result<Option<Below>> {
    if kind != RunKind::Command {
        return Ok(None);
    }
    let own: Vec<String> = {
        let mut statement = connection.prepare_cached("SELECT key FROM metric WHERE run = ?1")?;
        let rows = statement.query_map(params![id.as_bytes()], |row| row.get(0))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    below(connection, id, kind, &own)
}
