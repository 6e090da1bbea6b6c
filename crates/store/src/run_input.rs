//! The datasets that clients say a run was given, and the logged models that it was given and made.

use std::collections::HashMap;

use api::{
    RunId,
    tracking::{Dataset, RunInput},
};
use rusqlite::{Connection, Row, Transaction, params};

use crate::{column::Json, error::Result, id_column, of_runs, run_columns::Of};

pub(crate) const CREATE: &str = "
CREATE TABLE run_input (
    run         BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    digest      TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source      TEXT NOT NULL,
    schema      TEXT,
    profile     TEXT,
    tags        TEXT NOT NULL, -- JSON, the context among them
    PRIMARY KEY (run, name, digest)
) WITHOUT ROWID;
CREATE TABLE run_model (
    run       BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    model     TEXT NOT NULL,
    is_output INTEGER NOT NULL,
    step      INTEGER NOT NULL,
    PRIMARY KEY (run, model, is_output)
) WITHOUT ROWID;
";

const COLUMNS: &str = "run, name, digest, source_type, source, schema, profile, tags";

fn read(row: &Row<'_>) -> rusqlite::Result<(RunId, RunInput)> {
    let dataset = Dataset {
        name: row.get(1)?,
        digest: row.get(2)?,
        source_type: row.get(3)?,
        source: row.get(4)?,
        schema: row.get(5)?,
        profile: row.get(6)?,
    };
    Ok((id_column!(row, 0, RunId), RunInput { dataset, tags: row.get::<_, Json<_>>(7)?.0 }))
}

pub fn of_run(connection: &Connection, run: RunId) -> Result<Vec<RunInput>> {
    Ok(of_runs(connection, &[run])?.remove(&run).unwrap_or_default())
}

/// The same of several runs, of those that have any: each run's by name and digest.
pub fn of_runs(connection: &Connection, runs: &[RunId]) -> Result<HashMap<RunId, Vec<RunInput>>> {
    let mut found: HashMap<RunId, Vec<RunInput>> = HashMap::new();
    of_runs::each(connection, &format!("SELECT {COLUMNS} FROM run_input WHERE run"), runs, &mut |row| {
        let (run, input) = read(row)?;
        found.entry(run).or_default().push(input);
        Ok(())
    })?;
    let by = |input: &RunInput| (input.dataset.name.clone(), input.dataset.digest.clone());
    found.values_mut().for_each(|of_run| of_run.sort_by_cached_key(by));
    Ok(found)
}

/// Bytes of what an input says.
const BYTES: &str = "octet_length(name) + octet_length(source) + octet_length(tags)
    + coalesce(octet_length(schema), 0) + coalesce(octet_length(profile), 0)";

/// Bytes of a logged model that a run was given, or made.
const MODEL_BYTES: &str = "octet_length(model) + 60";

/// Bytes of what the inputs and logged models of runs say, of those that have any.
pub fn bytes_of(connection: &Connection, runs: &[RunId]) -> Result<HashMap<RunId, u64>> {
    let mut found: HashMap<RunId, u64> = HashMap::new();
    for (table, bytes) in [("run_input", BYTES), ("run_model", MODEL_BYTES)] {
        of_runs::each(connection, &format!("SELECT run, {bytes} FROM {table} WHERE run"), runs, &mut |row| {
            *found.entry(id_column!(row, 0, RunId)).or_default() += row.get::<_, i64>(1)? as u64;
            Ok(())
        })?;
    }
    Ok(found)
}

/// How many logged models a run was given and made.
pub fn count_models(connection: &Connection, run: RunId) -> Result<u64> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM run_model WHERE run = ?1")?;
    Ok(statement.query_row(params![run.as_bytes()], |row| row.get::<_, i64>(0))? as u64)
}

/// What is asked of a dataset that a run was given, without its source, schema and profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatasetHead {
    pub name: String,
    pub digest: String,
    /// "training", "evaluation" …
    pub context: Option<String>,
}

/// The datasets of an experiment's runs, or of one run.
pub fn heads(connection: &Connection, of: Of, each: &mut dyn FnMut(RunId, DatasetHead)) -> Result<()> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT run_input.run, run_input.name, run_input.digest, json_extract(run_input.tags, '$.\"mlflow.data.context\"') {}",
        of.rest("run_input")
    ))?;
    let mut rows = statement.query(params![of.key()])?;
    while let Some(row) = rows.next()? {
        let head = DatasetHead { name: row.get(1)?, digest: row.get(2)?, context: row.get(3)? };
        each(id_column!(row, 0, RunId), head);
    }
    Ok(())
}

/// Adds an input; the same dataset again changes nothing.
pub fn put(transaction: &Transaction<'_>, run: RunId, input: &RunInput) -> Result<()> {
    let dataset = &input.dataset;
    transaction
        .prepare_cached(&format!(
            "INSERT OR IGNORE INTO run_input ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        ))?
        .execute(params![
            run.as_bytes(),
            dataset.name,
            dataset.digest,
            dataset.source_type,
            dataset.source,
            dataset.schema,
            dataset.profile,
            Json(&input.tags),
        ])?;
    Ok(())
}

/// Notes a logged model that a run was given, or made at a step.
pub fn put_model(transaction: &Transaction<'_>, run: RunId, model: &str, output_at: Option<i64>) -> Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO run_model (run, model, is_output, step) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![run.as_bytes(), model, output_at.is_some(), output_at.unwrap_or(0)])?;
    Ok(())
}

/// The logged models of a run: the id, and the step where it made it.
pub fn models(connection: &Connection, run: RunId) -> Result<Vec<(String, Option<i64>)>> {
    Ok(models_of(connection, &[run])?.remove(&run).unwrap_or_default())
}

/// A logged model's id, and the step where a run made it.
type OfModel = (String, Option<i64>);

/// The same of several runs, of those that have any: each run's by the model, what it was given first.
pub fn models_of(connection: &Connection, runs: &[RunId]) -> Result<HashMap<RunId, Vec<OfModel>>> {
    let mut found: HashMap<RunId, Vec<OfModel>> = HashMap::new();
    of_runs::each(connection, "SELECT run, model, is_output, step FROM run_model WHERE run", runs, &mut |row| {
        let made_at = if row.get(2)? { Some(row.get(3)?) } else { None };
        found.entry(id_column!(row, 0, RunId)).or_default().push((row.get(1)?, made_at));
        Ok(())
    })?;
    // No step stands before all steps.
    found.values_mut().for_each(|of_run| of_run.sort_unstable());
    Ok(found)
}
