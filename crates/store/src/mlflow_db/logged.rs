//! MLflow 3's logged models in its store, and which runs were given or made them.

use std::collections::BTreeMap;

use rusqlite::{Row, params, types::ValueRef};

use super::{MlflowDb, integer, real, text};
use crate::error::Result;

/// The logged models that a run was given, and with their steps those that it made.
type OfRun = Vec<(String, Option<i64>)>;

/// Which rows are of the models whose ids are `?1`, a JSON list.
const OF_MODELS: &str = "model_id IN (SELECT value FROM json_each(?1))";

#[derive(Debug, Clone, PartialEq)]
pub struct LoggedModel {
    /// Goes on with [`MlflowDb::logged_models`].
    pub cursor: i64,
    /// `m-` and 32 hexadecimal digits.
    pub id: String,
    pub experiment: i64,
    pub name: String,
    pub artifact_location: Option<String>,
    pub created_ms: Option<i64>,
    pub updated_ms: Option<i64>,
    /// MLflow's number of it: 1 pending, 2 ready, 3 failed.
    pub status: Option<i64>,
    pub status_message: Option<String>,
    pub deleted: bool,
    pub kind: Option<String>,
    pub run: Option<String>,
    pub params: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
    pub metrics: Vec<LoggedMetric>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LoggedMetric {
    pub run: String,
    pub key: String,
    pub dataset_name: Option<String>,
    pub dataset_digest: Option<String>,
    pub step: i64,
    pub time_ms: i64,
    pub value: f64,
}

impl MlflowDb {
    /// Logged models that were made after the one with this cursor; 0 begins.
    ///
    /// # Errors
    /// As [`MlflowDb::open`].
    pub fn logged_models(&self, after: i64, limit: u32) -> Result<Vec<LoggedModel>> {
        if !self.has("logged_models", "model_id") {
            return Ok(Vec::new());
        }
        let columns = [
            "experiment_id",
            "name",
            "artifact_location",
            "creation_timestamp_ms",
            "last_updated_timestamp_ms",
            "status",
            "status_message",
            "lifecycle_stage",
            "model_type",
            "source_run_id",
        ];
        let sql = format!(
            "SELECT rowid, model_id, {} FROM logged_models WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
            self.columns("logged_models", &columns)
        );
        let mut models = self.ask(&sql, params![after, limit], |row| {
            Ok(LoggedModel {
                cursor: row.get(0)?,
                id: text(row, 1).unwrap_or_default(),
                experiment: integer(row, 2).unwrap_or_default(),
                name: text(row, 3).unwrap_or_default(),
                artifact_location: text(row, 4),
                created_ms: integer(row, 5),
                updated_ms: integer(row, 6),
                status: integer(row, 7),
                status_message: text(row, 8).filter(|message| !message.is_empty()),
                deleted: text(row, 9).as_deref() == Some("deleted"),
                kind: text(row, 10).filter(|kind| !kind.is_empty()),
                run: text(row, 11).filter(|run| !run.is_empty()),
                params: Vec::new(),
                tags: Vec::new(),
                metrics: Vec::new(),
            })
        })?;
        let ids = serde_json::to_string(&models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>())?;
        let mut params = self.texts("logged_model_params", "param_key, param_value", &ids)?;
        let mut tags = self.texts("logged_model_tags", "tag_key, tag_value", &ids)?;
        let mut metrics = self.figures(&ids)?;
        for model in &mut models {
            model.params = params.remove(&model.id).unwrap_or_default();
            model.tags = tags.remove(&model.id).unwrap_or_default();
            model.metrics = metrics.remove(&model.id).unwrap_or_default();
        }
        Ok(models)
    }

    fn texts(&self, table: &str, columns: &str, ids: &str) -> Result<BTreeMap<String, Vec<(String, String)>>> {
        if !self.has(table, "model_id") {
            return Ok(BTreeMap::new());
        }
        let sql = format!("SELECT model_id, {columns} FROM {table} WHERE {OF_MODELS} ORDER BY 1, 2");
        self.by_run(&sql, ids, super::pair)
    }

    fn figures(&self, ids: &str) -> Result<BTreeMap<String, Vec<LoggedMetric>>> {
        if !self.has("logged_model_metrics", "model_id") {
            return Ok(BTreeMap::new());
        }
        let sql = format!(
            "SELECT model_id, run_id, metric_name, dataset_name, dataset_digest, metric_step, metric_timestamp_ms, \
             metric_value FROM logged_model_metrics WHERE {OF_MODELS} ORDER BY 1, 2, 3, 6, 7"
        );
        let found = self.by_run(&sql, ids, |row| Ok(figure(row)))?;
        Ok(found.into_iter().map(|(model, figures)| (model, figures.into_iter().flatten().collect())).collect())
    }

    /// The logged models of runs, whose ids are a JSON list.
    pub(super) fn models_of_runs(&self, ids: &str) -> Result<BTreeMap<String, OfRun>> {
        if !self.has("inputs", "input_uuid") {
            return Ok(BTreeMap::new());
        }
        let sql = format!(
            "SELECT source_id, destination_id, source_type, {} FROM inputs \
             WHERE source_type IN ('RUN_INPUT', 'RUN_OUTPUT') AND destination_type IN ('MODEL_INPUT', 'MODEL_OUTPUT') \
             AND source_id IN (SELECT value FROM json_each(?1)) ORDER BY 1, 2",
            self.columns("inputs", &["step"])
        );
        self.by_run(&sql, ids, |row| {
            let made = text(row, 2).as_deref() == Some("RUN_OUTPUT");
            Ok((text(row, 1).unwrap_or_default(), made.then(|| integer(row, 3).unwrap_or_default())))
        })
    }
}

/// `None` of one whose numbers are none. MLflow keeps no value of what is NaN.
#[expect(clippy::cast_precision_loss, reason = "SQLite keeps a whole float as an integer")]
fn figure(row: &Row<'_>) -> Option<LoggedMetric> {
    let value = match row.get_ref(7).ok()? {
        ValueRef::Null => f64::NAN,
        ValueRef::Real(value) => real(value),
        ValueRef::Integer(value) => value as f64,
        _ => return None,
    };
    Some(LoggedMetric {
        run: text(row, 1)?,
        key: text(row, 2)?,
        dataset_name: text(row, 3).filter(|name| !name.is_empty()),
        dataset_digest: text(row, 4).filter(|digest| !digest.is_empty()),
        step: integer(row, 5)?,
        time_ms: integer(row, 6)?,
        value,
    })
}
