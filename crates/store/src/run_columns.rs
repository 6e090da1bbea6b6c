//! What the run table looks at, read whole for an experiment or anew for one run.

use api::{
    ExperimentId, RunId, SplitId,
    run::{Code, RunKind, RunState},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{
    column::{Json, Word},
    error::Result,
    id_column,
};

/// A run's own values that can be filtered by and sorted by.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHead {
    pub id: RunId,
    pub experiment: ExperimentId,
    pub name: String,
    pub kind: RunKind,
    pub state: RunState,
    pub model: Option<String>,
    pub device: Option<String>,
    pub user: Option<String>,
    pub commit: Option<String>,
    pub snapshot: Option<u32>,
    pub notes: String,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub deleted: bool,
    /// The key that ranks, and its value.
    pub ranked: Option<(String, Option<f64>)>,
    /// Up to its last news, where a price is set.
    pub cost: Option<f64>,
    /// Which rows it was validated on.
    pub split: Option<SplitId>,
    /// Of its artifacts, of a run that was moved.
    pub address: Option<String>,
}

const HEAD: &str = "SELECT id, experiment, name, kind, state, model, device, user, code,
    (SELECT number FROM snapshot WHERE snapshot.id = run.snapshot), notes, created_ms, started_ms, ended_ms,
    deleted_ms IS NOT NULL, ranked_by, ranked_value,
    (SELECT cost FROM run_spending WHERE run_spending.run = run.id), split, address FROM run";

fn head(row: &Row<'_>) -> rusqlite::Result<RunHead> {
    let ranked_by: Option<String> = row.get(15)?;
    let ranked_value: Option<f64> = row.get(16)?;
    Ok(RunHead {
        id: id_column!(row, 0, RunId),
        experiment: id_column!(row, 1, ExperimentId),
        name: row.get(2)?,
        kind: row.get::<_, Word<RunKind>>(3)?.0,
        state: row.get::<_, Word<RunState>>(4)?.0,
        model: row.get(5)?,
        device: row.get(6)?,
        user: row.get(7)?,
        commit: row.get::<_, Option<Json<Code>>>(8)?.map(|Json(code)| code.commit),
        snapshot: row.get(9)?,
        notes: row.get(10)?,
        created_ms: row.get(11)?,
        started_ms: row.get(12)?,
        ended_ms: row.get(13)?,
        deleted: row.get(14)?,
        ranked: ranked_by.map(|key| (key, ranked_value)),
        cost: row.get(17)?,
        split: id_column!(row, 18, Option<SplitId>),
        address: row.get(19)?,
    })
}

/// The runs of an experiment, oldest first, deleted ones too.
pub fn heads(connection: &Connection, experiment: ExperimentId, each: &mut dyn FnMut(RunHead)) -> Result<()> {
    let mut statement = connection.prepare_cached(&format!("{HEAD} WHERE experiment = ?1 ORDER BY created_ms, id"))?;
    for row in statement.query_map(params![experiment.as_bytes()], head)? {
        each(row?);
    }
    Ok(())
}

pub fn head_of(connection: &Connection, run: RunId) -> Result<Option<RunHead>> {
    let mut statement = connection.prepare_cached(&format!("{HEAD} WHERE id = ?1"))?;
    Ok(statement.query_row(params![run.as_bytes()], head).optional()?)
}

/// Which runs' values are read.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    Experiment(ExperimentId),
    Run(RunId),
}

impl Of {
    pub(crate) fn key(&self) -> &[u8; 16] {
        match self {
            Self::Experiment(id) => id.as_bytes(),
            Self::Run(id) => id.as_bytes(),
        }
    }

    pub(crate) fn rest(self, table: &str) -> String {
        match self {
            Self::Experiment(_) => format!("FROM run JOIN {table} ON {table}.run = run.id WHERE run.experiment = ?1"),
            Self::Run(_) => format!("FROM {table} WHERE run = ?1"),
        }
    }
}

/// The value that stands for each series; NaN is one.
pub fn metrics(connection: &Connection, of: Of, each: &mut dyn FnMut(RunId, &str, f64)) -> Result<()> {
    let sql = format!("SELECT metric.run, metric.key, coalesce(figure, last) {}", of.rest("metric"));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![of.key()])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        each(id_column!(row, 0, RunId), key, row.get::<_, Option<f64>>(2)?.unwrap_or(f64::NAN));
    }
    Ok(())
}

/// The params, or the tags: `table` is "param" or "tag".
pub fn texts(connection: &Connection, table: &str, of: Of, each: &mut dyn FnMut(RunId, &str, &str)) -> Result<()> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {table}.run, {table}.key, {table}.value {}", of.rest(table)))?;
    let mut rows = statement.query(params![of.key()])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let value = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        each(id_column!(row, 0, RunId), key, value);
    }
    Ok(())
}
