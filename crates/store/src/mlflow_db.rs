//! MLflow's own SQLite store, `mlflow.db`, read beside a server that writes to it.
//!
//! Of every schema from MLflow 1.0 on: a column that a schema does not have yet is `None`, a table is empty. Nothing
//! is written. Each call is a short read of its own, which gives a bounded number of rows and a cursor: a long one
//! would keep a server with a rollback journal from writing.

mod logged;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    time::Duration,
};

use api::{run::RunState, series::Point, tracking::in_milliseconds};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, params, types::ValueRef};

pub use self::logged::{LoggedMetric, LoggedModel};
use crate::error::{Result, StoreError};

/// How long a write of the server is waited for.
const BUSY: Duration = Duration::from_secs(2);
/// Which rows are of the runs whose ids are `?1`, a JSON list.
const OF_RUNS: &str = "run_uuid IN (SELECT value FROM json_each(?1))";
/// Tables without which it is no store of MLflow's.
const NEEDED: [&str; 5] = ["experiments", "runs", "params", "tags", "metrics"];

/// Rows of one read of a whole table.
const PAGE: u32 = 20_000;

/// Rows of `runs` that [`MlflowDb::sums`] adds up to one.
pub const BLOCK: i64 = 64;

const fn block_of(row: i64) -> i64 {
    row.div_euclid(BLOCK)
}

/// The database, open to be read.
pub struct MlflowDb {
    connection: Connection,
    path: PathBuf,
    /// The columns of each table.
    columns: BTreeMap<String, BTreeSet<String>>,
    schema: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    pub id: i64,
    pub name: String,
    pub workspace: Option<String>,
    pub artifact_location: Option<String>,
    pub deleted: bool,
    pub created_ms: Option<i64>,
    pub updated_ms: Option<i64>,
    pub tags: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Goes on with [`MlflowDb::runs`].
    pub cursor: i64,
    pub id: String,
    pub experiment: i64,
    pub name: Option<String>,
    /// `None` for a state that MLflow did not have when this was written.
    pub state: Option<RunState>,
    pub deleted: bool,
    pub user: Option<String>,
    pub source_name: Option<String>,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub deleted_ms: Option<i64>,
    pub artifact_uri: Option<String>,
    pub params: Vec<(String, String)>,
    /// Params and tags that are no text: SQLite keeps bytes in any column.
    pub bytes: usize,
    pub tags: Vec<(String, String)>,
    /// The value of the greatest step of each metric, of these the latest, of these the greatest.
    pub latest: Vec<(String, Point)>,
    pub inputs: Vec<Dataset>,
    /// The logged models that it was given, and with their steps those that it made.
    pub models: Vec<(String, Option<i64>)>,
}

/// A dataset that a run read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    pub name: String,
    pub digest: String,
    pub source_type: Option<String>,
    /// JSON, as are the schema and the profile.
    pub source: Option<String>,
    pub schema: Option<String>,
    pub profile: Option<String>,
    /// `mlflow.data.context` among them.
    pub tags: Vec<(String, String)>,
}

/// Points of any run and metric, in the order in which they were logged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Piece {
    /// The run's id, the metric's key and the point.
    pub points: Vec<(String, String, Point)>,
    /// Goes on with [`MlflowDb::points`].
    pub cursor: i64,
    /// Rows whose value, step or time is no number.
    pub left_out: usize,
    /// Nothing stood behind it.
    pub last: bool,
    /// Stands for what is in the row of the cursor: rows are numbered anew where runs are deleted for good, the
    /// database is vacuumed or an older one put back. `None` where no row was read.
    pub sum: Option<u64>,
    /// Some times were in seconds, as the first clients wrote them.
    pub in_seconds: bool,
}

/// Where a metric's history goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryCursor {
    step: i64,
    row: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredModel {
    pub name: String,
    pub workspace: Option<String>,
    pub description: Option<String>,
    pub created_ms: Option<i64>,
    pub updated_ms: Option<i64>,
    pub tags: Vec<(String, String)>,
    /// Each with its version.
    pub aliases: Vec<(String, i64)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelVersion {
    pub version: i64,
    pub description: Option<String>,
    pub user: Option<String>,
    pub stage: Option<String>,
    pub source: Option<String>,
    pub run: Option<String>,
    pub run_link: Option<String>,
    pub status: Option<String>,
    pub storage_location: Option<String>,
    pub created_ms: Option<i64>,
    pub updated_ms: Option<i64>,
    pub tags: Vec<(String, String)>,
}

impl MlflowDb {
    /// # Errors
    /// [`StoreError::NotMlflow`] for another file, [`StoreError::Locked`] while a write is under way.
    pub fn open(path: &Path) -> Result<Self> {
        let not_mlflow = |why: String| StoreError::NotMlflow { path: path.to_owned(), why };
        if !path.is_file() {
            return Err(not_mlflow("there is no such file".to_owned()));
        }
        let opened = connect(path).and_then(|connection| Ok((read_columns(&connection)?, connection)));
        let (columns, connection) = match opened {
            Ok(opened) => opened,
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                return Err(not_mlflow("it is no SQLite database".to_owned()));
            }
            Err(error) => return Err(said(path, error)),
        };
        if let Some(missing) = NEEDED.iter().find(|table| !columns.contains_key(**table)) {
            return Err(not_mlflow(format!("it has no table {missing}")));
        }
        let mut database = Self { connection, path: path.to_owned(), columns, schema: None };
        if database.has("alembic_version", "version_num") {
            let schemas = database.ask("SELECT version_num FROM alembic_version", params![], |row| Ok(text(row, 0)))?;
            database.schema = schemas.into_iter().flatten().next();
        }
        Ok(database)
    }

    /// Alembic's name of its schema; `None` before MLflow kept one.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// How many experiments have something else than a number for their id: SQLite keeps any text in any column.
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn experiments_without_number(&self) -> Result<i64> {
        let sql = "SELECT count(*) FROM experiments WHERE typeof(experiment_id) <> 'integer'";
        Ok(self.ask(sql, params![], |row| row.get(0))?.pop().unwrap_or_default())
    }

    /// How many traces, assessments of them, evaluation datasets, MCP servers and, from MLflow 3.18 on, skills it has, of which
    /// nothing is read.
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn unread(&self) -> Result<[i64; 5]> {
        let mut counts = [0; 5];
        let tables = ["trace_info", "assessments", "evaluation_datasets", "mcp_servers", "skills"];
        for (count, table) in counts.iter_mut().zip(tables) {
            if self.columns.contains_key(table) {
                let found = self.ask(&format!("SELECT count(*) FROM {table}"), params![], |row| row.get(0))?;
                *count = found.first().copied().unwrap_or_default();
            }
        }
        Ok(counts)
    }

    /// How many runs have artifacts at an address of each scheme, and one such address of each. Paths have none.
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn artifact_addresses(&self) -> Result<Vec<(String, u64)>> {
        let column = self.columns("runs", &["artifact_uri"]);
        let sql = format!(
            "SELECT min(uri), count(*) FROM (SELECT {column} AS uri FROM runs) WHERE instr(uri, ':') > 0
             GROUP BY substr(uri, 1, instr(uri, ':')) ORDER BY 1"
        );
        self.ask(&sql, params![], |row| Ok((text(row, 0).unwrap_or_default(), row.get::<_, i64>(1)?.unsigned_abs())))
    }

    /// Those whose id is a number.
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn experiments(&self) -> Result<Vec<Experiment>> {
        let columns = ["artifact_location", "lifecycle_stage", "creation_time", "last_update_time", "workspace"];
        let sql = format!(
            "SELECT experiment_id, name, {} FROM experiments WHERE typeof(experiment_id) = 'integer' ORDER BY experiment_id",
            self.columns("experiments", &columns)
        );
        let mut experiments = self.ask(&sql, params![], |row| {
            Ok(Experiment {
                id: row.get(0)?,
                name: text(row, 1).unwrap_or_default(),
                artifact_location: text(row, 2),
                deleted: text(row, 3).as_deref() == Some("deleted"),
                created_ms: integer(row, 4),
                updated_ms: integer(row, 5),
                workspace: text(row, 6),
                tags: Vec::new(),
            })
        })?;
        if self.has("experiment_tags", "key") {
            let sql = "SELECT experiment_id, key, value FROM experiment_tags WHERE experiment_id = ?1 ORDER BY key";
            for experiment in &mut experiments {
                experiment.tags = self.ask(sql, params![experiment.id], pair)?;
            }
        }
        Ok(experiments)
    }

    /// Runs that were made after the one with this cursor; 0 begins.
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn runs(&self, after: i64, limit: u32) -> Result<Vec<Run>> {
        self.runs_where("rowid > ?1 ORDER BY rowid LIMIT ?2", params![after, limit])
    }

    /// For each block of [`BLOCK`] rows a sum that changes with a run's name, state, times, deletion and tags: what
    /// clients change of runs that are over.
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn sums(&self) -> Result<BTreeMap<i64, u64>> {
        let hash = |what: &dyn Fn(&mut DefaultHasher)| {
            let mut hasher = DefaultHasher::new();
            what(&mut hasher);
            hasher.finish()
        };
        let (mut sums, mut blocks) = (BTreeMap::<i64, u64>::new(), HashMap::new());
        let columns = ["name", "status", "lifecycle_stage", "start_time", "end_time"];
        let sql = format!(
            "SELECT rowid, run_uuid, {} FROM runs WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
            self.columns("runs", &columns)
        );
        self.pages(&sql, |row| {
            let block = block_of(row.get(0)?);
            let id = text(row, 1).unwrap_or_default();
            let texts: Vec<_> = (2..5).map(|column| text(row, column)).collect();
            let sum = hash(&|hasher| (&id, &texts, integer(row, 5), integer(row, 6)).hash(hasher));
            *sums.entry(block).or_default() ^= sum;
            blocks.insert(id, block);
            Ok(())
        })?;
        let sql = "SELECT rowid, run_uuid, key, value FROM tags WHERE rowid > ?1 ORDER BY rowid LIMIT ?2";
        self.pages(sql, |row| {
            let tag: Vec<_> = (1..4).map(|column| text(row, column)).collect();
            if let Some(block) = tag[0].as_ref().and_then(|id| blocks.get(id)) {
                *sums.entry(*block).or_default() ^= hash(&|hasher| tag.hash(hasher));
            }
            Ok(())
        })?;
        Ok(sums)
    }

    /// Goes through a table in short reads. The first column is the row's number, `?1` that of the last one before, and
    /// `?2` how many are read at once.
    fn pages(&self, sql: &str, mut row: impl FnMut(&Row<'_>) -> rusqlite::Result<()>) -> Result<()> {
        let mut after = i64::MIN;
        loop {
            let read = self.ask(sql, params![after, PAGE], |found| {
                row(found)?;
                found.get::<_, i64>(0)
            })?;
            match read.last() {
                Some(last) if read.len() == PAGE as usize => after = *last,
                _ => return Ok(()),
            }
        }
    }

    /// The runs of a block of [`MlflowDb::sums`].
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn runs_of_block(&self, block: i64) -> Result<Vec<Run>> {
        let first = block.saturating_mul(BLOCK);
        self.runs_where("rowid >= ?1 AND rowid < ?2 ORDER BY rowid", params![first, first.saturating_add(BLOCK)])
    }

    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn run(&self, id: &str) -> Result<Option<Run>> {
        Ok(self.runs_where("run_uuid = ?1", params![id])?.pop())
    }

    fn runs_where(&self, which: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Run>> {
        let columns = [
            "experiment_id",
            "name",
            "status",
            "lifecycle_stage",
            "user_id",
            "source_name",
            "start_time",
            "end_time",
            "deleted_time",
            "artifact_uri",
        ];
        let sql = format!("SELECT rowid, run_uuid, {} FROM runs WHERE {which}", self.columns("runs", &columns));
        let mut runs = self.ask(&sql, values, |row| {
            Ok(Run {
                cursor: row.get(0)?,
                id: text(row, 1).unwrap_or_default(),
                experiment: integer(row, 2).unwrap_or_default(),
                name: text(row, 3).filter(|name| !name.is_empty()),
                state: text(row, 4).and_then(|status| state(&status)),
                deleted: text(row, 5).as_deref() == Some("deleted"),
                user: text(row, 6).filter(|user| !user.is_empty()),
                source_name: text(row, 7).filter(|source| !source.is_empty()),
                started_ms: integer(row, 8),
                ended_ms: integer(row, 9),
                deleted_ms: integer(row, 10),
                artifact_uri: text(row, 11),
                params: Vec::new(),
                bytes: 0,
                tags: Vec::new(),
                latest: Vec::new(),
                inputs: Vec::new(),
                models: Vec::new(),
            })
        })?;
        // One question for all of them: the first schemas have no index by run.
        let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
        let ids = serde_json::to_string(&ids)?;
        let mut params =
            self.by_run(&format!("SELECT run_uuid, key, value FROM params WHERE {OF_RUNS}"), &ids, text_pair)?;
        let mut tags =
            self.by_run(&format!("SELECT run_uuid, key, value FROM tags WHERE {OF_RUNS}"), &ids, text_pair)?;
        let mut latest = self.latest(&ids)?;
        let mut inputs = self.inputs(&ids)?;
        let mut models = self.models_of_runs(&ids)?;
        for run in &mut runs {
            let (params, tags) = (params.remove(&run.id).unwrap_or_default(), tags.remove(&run.id).unwrap_or_default());
            run.bytes = params.iter().chain(&tags).filter(|pair| pair.is_none()).count();
            run.params = params.into_iter().flatten().collect();
            run.tags = tags.into_iter().flatten().collect();
            run.latest = latest.remove(&run.id).unwrap_or_default();
            run.inputs = inputs.remove(&run.id).unwrap_or_default();
            run.models = models.remove(&run.id).unwrap_or_default();
            run.params.sort();
            run.tags.sort();
            run.latest.sort_by(|a, b| a.0.cmp(&b.0));
        }
        Ok(runs)
    }

    /// The rows of a question of which the first column is a run's id, and `?1` the ids as JSON.
    fn by_run<T>(
        &self,
        sql: &str,
        ids: &str,
        mut row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<BTreeMap<String, Vec<T>>> {
        let mut grouped: BTreeMap<String, Vec<T>> = BTreeMap::new();
        for (run, value) in self.ask(sql, params![ids], |found| Ok((text(found, 0), row(found)?)))? {
            grouped.entry(run.unwrap_or_default()).or_default().push(value);
        }
        Ok(grouped)
    }

    fn latest(&self, ids: &str) -> Result<BTreeMap<String, Vec<(String, Point)>>> {
        let sql = if self.has("latest_metrics", "key") {
            format!("SELECT run_uuid, key, {} FROM latest_metrics WHERE {OF_RUNS}", self.point("latest_metrics"))
        } else {
            format!(
                "SELECT run_uuid, key, {} FROM (SELECT *, row_number() OVER \
                 (PARTITION BY run_uuid, key ORDER BY {} DESC, timestamp DESC, value DESC) AS place \
                 FROM metrics WHERE {OF_RUNS}) WHERE place = 1",
                self.point("metrics"),
                self.columns("metrics", &["step"])
            )
        };
        let points = self.by_run(&sql, ids, |row| Ok(text(row, 1).zip(point(row, 2))))?;
        Ok(points.into_iter().map(|(run, points)| (run, points.into_iter().flatten().collect())).collect())
    }

    fn inputs(&self, ids: &str) -> Result<BTreeMap<String, Vec<Dataset>>> {
        if !self.has("inputs", "input_uuid") || !self.has("datasets", "dataset_uuid") {
            return Ok(BTreeMap::new());
        }
        let sql = "SELECT destination_id, input_uuid, name, digest, dataset_source_type, dataset_source, \
                   dataset_schema, dataset_profile \
                   FROM inputs JOIN datasets ON dataset_uuid = source_id \
                   WHERE source_type = 'DATASET' AND destination_type = 'RUN' \
                   AND destination_id IN (SELECT value FROM json_each(?1)) ORDER BY name, digest";
        let mut inputs = self.by_run(sql, ids, |row| {
            let dataset = Dataset {
                name: text(row, 2).unwrap_or_default(),
                digest: text(row, 3).unwrap_or_default(),
                source_type: text(row, 4),
                source: text(row, 5),
                schema: text(row, 6),
                profile: text(row, 7),
                tags: Vec::new(),
            };
            Ok((text(row, 1), dataset))
        })?;
        if self.has("input_tags", "name") {
            let sql = "SELECT input_uuid, name, value FROM input_tags WHERE input_uuid = ?1 ORDER BY name";
            for (id, dataset) in inputs.values_mut().flatten() {
                dataset.tags = self.ask(sql, params![&*id], pair)?;
            }
        }
        let datasets = |inputs: Vec<(_, Dataset)>| inputs.into_iter().map(|(_, dataset)| dataset).collect();
        Ok(inputs.into_iter().map(|(run, inputs)| (run, datasets(inputs))).collect())
    }

    /// Points that were logged after those up to this cursor; 0 begins. All runs in one scan, which reads each page
    /// of the database once.
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn points(&self, after: i64, limit: u32) -> Result<Piece> {
        let point = self.point("metrics");
        let sql = format!("SELECT {point}, key, run_uuid, rowid FROM metrics WHERE rowid > ?1 ORDER BY rowid LIMIT ?2");
        let mut in_seconds = false;
        let rows = self.ask(&sql, params![after, limit], |row| {
            let found = self::point(row, 0).zip(text(row, 5)).zip(text(row, 4));
            in_seconds |= integer(row, 1).is_some_and(|time| in_milliseconds(time) != time);
            Ok((row.get(6)?, found.map(|((point, run), key)| (run, key, point))))
        })?;
        let last = rows.len() < limit as usize;
        let cursor = rows.last().map_or(after, |(cursor, _)| *cursor);
        let sum = rows.last().map(|(_, found)| {
            let mut hasher = DefaultHasher::new();
            found.as_ref().map(|(run, key, point)| (run, key, point.step, point.time_ms)).hash(&mut hasher);
            hasher.finish()
        });
        let all = rows.len();
        let points: Vec<_> = rows.into_iter().filter_map(|(_, point)| point).collect();
        Ok(Piece { left_out: all - points.len(), points, cursor, last, sum, in_seconds })
    }

    /// A metric's points by step, after those up to the cursor.
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn history(
        &self,
        run: &str,
        key: &str,
        after: Option<HistoryCursor>,
        limit: u32,
    ) -> Result<(Vec<Point>, Option<HistoryCursor>)> {
        let step = if self.has("metrics", "step") { "step" } else { "0" };
        let sql = format!(
            "SELECT {}, rowid FROM metrics WHERE run_uuid = ?1 AND key = ?2 AND ({step}, rowid) > (?3, ?4) \
             ORDER BY {step}, rowid LIMIT ?5",
            self.point("metrics")
        );
        let after = after.unwrap_or(HistoryCursor { step: i64::MIN, row: i64::MIN });
        let rows = self.ask(&sql, params![run, key, after.step, after.row, limit], |row| {
            Ok((point(row, 0), HistoryCursor { step: integer(row, 2).unwrap_or_default(), row: row.get(4)? }))
        })?;
        let full = rows.len() == limit as usize;
        let next = rows.last().map(|(_, cursor)| *cursor).filter(|_| full);
        Ok((rows.into_iter().filter_map(|(point, _)| point).collect(), next))
    }

    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn models(&self) -> Result<Vec<RegisteredModel>> {
        if !self.has("registered_models", "name") {
            return Ok(Vec::new());
        }
        let columns = ["description", "creation_time", "last_updated_time", "workspace"];
        let sql = format!(
            "SELECT name, {} FROM registered_models ORDER BY 5, name",
            self.columns("registered_models", &columns)
        );
        let mut models = self.ask(&sql, params![], |row| {
            Ok(RegisteredModel {
                name: text(row, 0).unwrap_or_default(),
                description: text(row, 1),
                created_ms: integer(row, 2),
                updated_ms: integer(row, 3),
                workspace: text(row, 4),
                tags: Vec::new(),
                aliases: Vec::new(),
            })
        })?;
        for model in &mut models {
            let of = params![model.name, model.workspace];
            if self.has("registered_model_tags", "key") {
                let own = self.same_workspace("registered_model_tags");
                let sql = format!(
                    "SELECT name, key, value FROM registered_model_tags WHERE name = ?1 AND {own} ORDER BY key"
                );
                model.tags = self.ask(&sql, of, pair)?;
            }
            if self.has("registered_model_aliases", "alias") {
                let own = self.same_workspace("registered_model_aliases");
                let sql = format!(
                    "SELECT alias, version FROM registered_model_aliases WHERE name = ?1 AND {own} ORDER BY alias"
                );
                let aliases = self.ask(&sql, of, |row| Ok(text(row, 0).zip(integer(row, 1))))?;
                model.aliases = aliases.into_iter().flatten().collect();
            }
        }
        Ok(models)
    }

    /// Whether a registered model still stands under its name.
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn has_model(&self, model: &RegisteredModel) -> Result<bool> {
        let own = self.same_workspace("registered_models");
        let sql = format!("SELECT 1 FROM registered_models WHERE name = ?1 AND {own}");
        let found = self.ask(&sql, params![model.name, model.workspace], |row| row.get::<_, i64>(0))?;
        Ok(!found.is_empty())
    }

    /// Versions of a model that come after this one; 0 begins.
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn versions(&self, model: &RegisteredModel, after: i64, limit: u32) -> Result<Vec<ModelVersion>> {
        if !self.has("model_versions", "version") {
            return Ok(Vec::new());
        }
        let columns = [
            "description",
            "user_id",
            "current_stage",
            "source",
            "run_id",
            "status",
            "storage_location",
            "creation_time",
            "last_updated_time",
            "run_link",
        ];
        let sql = format!(
            "SELECT version, {} FROM model_versions WHERE name = ?1 AND {} AND version > ?3 ORDER BY version LIMIT ?4",
            self.columns("model_versions", &columns),
            self.same_workspace("model_versions")
        );
        let mut versions = self.ask(&sql, params![model.name, model.workspace, after, limit], |row| {
            Ok(ModelVersion {
                version: row.get(0)?,
                description: text(row, 1),
                user: text(row, 2),
                stage: text(row, 3),
                source: text(row, 4),
                run: text(row, 5).filter(|run| !run.is_empty()),
                status: text(row, 6),
                storage_location: text(row, 7),
                created_ms: integer(row, 8),
                updated_ms: integer(row, 9),
                run_link: text(row, 10).filter(|link| !link.is_empty()),
                tags: Vec::new(),
            })
        })?;
        if self.has("model_version_tags", "key") {
            let own = self.same_workspace("model_version_tags");
            let sql = format!(
                "SELECT name, key, value FROM model_version_tags WHERE name = ?1 AND {own} AND version = ?3 ORDER BY key"
            );
            for version in &mut versions {
                version.tags = self.ask(&sql, params![model.name, model.workspace, version.version], pair)?;
            }
        }
        Ok(versions)
    }

    fn ask<T>(
        &self,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let rows = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(values, row)?.collect()
        };
        rows().map_err(|error| said(&self.path, error))
    }

    fn has(&self, table: &str, column: &str) -> bool {
        self.columns.get(table).is_some_and(|columns| columns.contains(column))
    }

    /// The columns, with `NULL` in the place of those that the table does not have.
    fn columns(&self, table: &str, wanted: &[&'static str]) -> String {
        let columns: Vec<&str> = wanted.iter().map(|name| if self.has(table, name) { name } else { "NULL" }).collect();
        columns.join(", ")
    }

    /// The columns that [`point`] reads.
    fn point(&self, table: &str) -> String {
        format!("value, timestamp, {}", self.columns(table, &["step", "is_nan"]))
    }

    /// Whether a row is of the workspace `?2`, which older schemas do not know.
    fn same_workspace(&self, table: &str) -> &'static str {
        if self.has(table, "workspace") { "workspace IS ?2" } else { "?2 IS ?2" }
    }
}

/// Opens the database as its server does, or, where the folder can't be written to and nobody has it open, without
/// the files that SQLite shares beside it.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |connection: Connection| -> rusqlite::Result<Connection> {
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        // A foreign schema calls no functions.
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    let opened = Connection::open_with_flags(path, flags).and_then(open);
    match opened {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) && !has_log(path) => {
            let address = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(format!("file:{address}?immutable=1"), flags).and_then(open)
        }
        opened => opened,
    }
}

/// Whether a write-ahead log with content lies beside the database.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

fn read_columns(connection: &Connection) -> rusqlite::Result<BTreeMap<String, BTreeSet<String>>> {
    let sql = "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'";
    let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        columns.entry(row.get(0)?).or_default().insert(row.get(1)?);
    }
    Ok(columns)
}

/// An error with what a person can do about it.
fn said(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked { path: path.to_owned() },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::DamagedMlflow { path: path.to_owned(), why: error.to_string() }
        }
        _ => StoreError::Mlflow { path: path.to_owned(), why: error.to_string() },
    }
}

fn state(status: &str) -> Option<RunState> {
    Some(match status {
        "RUNNING" => RunState::Running,
        "SCHEDULED" => RunState::Queued,
        "FINISHED" => RunState::Finished,
        "FAILED" => RunState::Failed,
        "KILLED" => RunState::Killed,
        _ => return None,
    })
}

/// A key and its value, behind what they are of.
fn pair(row: &Row<'_>) -> rusqlite::Result<(String, String)> {
    Ok((text(row, 1).unwrap_or_default(), text(row, 2).unwrap_or_default()))
}

/// The same; `None` where either is bytes.
fn text_pair(row: &Row<'_>) -> rusqlite::Result<Option<(String, String)>> {
    let is_bytes = |index| matches!(row.get_ref(index), Ok(ValueRef::Blob(_)));
    if is_bytes(1) || is_bytes(2) { Ok(None) } else { pair(row).map(Some) }
}

/// A text, whatever type SQLite kept it in; what is no UTF-8 is replaced.
fn text(row: &Row<'_>, index: usize) -> Option<String> {
    match row.get_ref(index).ok()? {
        ValueRef::Null => None,
        ValueRef::Integer(value) => Some(value.to_string()),
        ValueRef::Real(value) => Some(value.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn integer(row: &Row<'_>, index: usize) -> Option<i64> {
    match row.get_ref(index).ok()? {
        ValueRef::Integer(value) => Some(value),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}

/// MLflow keeps an infinity as the greatest float.
fn real(value: f64) -> f64 {
    if value.abs() == f64::MAX { f64::INFINITY.copysign(value) } else { value }
}

/// `value, timestamp, step, is_nan` from the column `first` on; `None` where they are no numbers.
#[expect(clippy::cast_precision_loss, reason = "SQLite keeps a whole float as an integer")]
fn point(row: &Row<'_>, first: usize) -> Option<Point> {
    let value = match row.get_ref(first).ok()? {
        _ if integer(row, first + 3).is_some_and(|is_nan| is_nan != 0) => f64::NAN,
        ValueRef::Real(value) => real(value),
        ValueRef::Integer(value) => value as f64,
        _ => return None,
    };
    let step = match row.get_ref(first + 2).ok()? {
        ValueRef::Null => 0,
        _ => integer(row, first + 2)?,
    };
    Some(Point { step, time_ms: in_milliseconds(integer(row, first + 1)?), value })
}
