//! Files of metrics that no tool claims: `metrics.json` with one value a key, `metrics.csv` and JSON Lines with values
//! by step. A file is a run, called after its folder.

use std::{
    fs::{self, Metadata},
    path::{Path, PathBuf},
};

use api::{run::RunState, series::Point};
use serde::{Deserialize, Serialize};

use crate::{
    ForeignError, Head, Mark, Reader, Result, Sink, Told,
    file::{self, failed, warning},
    rows::{self, Form, Rows, RowsMark},
    value::Value,
};

/// Reads one file of metrics.
pub struct MetricsFile {
    path: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct FileMark {
    state: Option<RunState>,
    modified_ms: i64,
    length: u64,
    rows: RowsMark,
}

impl MetricsFile {
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The form of its rows; `None` where it holds one value a key.
    fn form(&self) -> Option<Form> {
        match self.path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Some(Form::Delimited(b',')),
            Some("tsv") => Some(Form::Delimited(b'\t')),
            Some("json") => None,
            _ => Some(Form::JsonLines),
        }
    }

    fn key(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn head(&self, metadata: &Metadata, tags: Vec<(String, String)>) -> Head {
        Head { tags, ..head(&self.key(), self.path.parent(), metadata) }
    }
}

/// What is known of a run of which a log says nothing but numbers.
pub(crate) fn head(key: &str, folder: Option<&Path>, metadata: &Metadata) -> Head {
    let name = |path: Option<&Path>| path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let state = file::state(metadata);
    let modified_ms = file::modified_ms(metadata);
    Head {
        key: key.to_owned(),
        id: None,
        name: name(folder).unwrap_or_else(|| key.to_owned()),
        group: name(folder.and_then(Path::parent)).unwrap_or_default(),
        state,
        created_ms: modified_ms,
        ended_ms: state.is_over().then_some(modified_ms),
        user: None,
        notes: None,
        params: Vec::new(),
        tags: Vec::new(),
        artifacts: None,
        commit: None,
        command: None,
        replaces: false,
    }
}

/// By key.
type ByKey<T> = Vec<(String, T)>;

/// The numbers of a file of single values, and the text beside them.
pub(crate) fn single_values(value: &Value, separator: &str) -> (ByKey<f64>, ByKey<String>) {
    let mut numbers = Vec::new();
    let mut texts = Vec::new();
    for (key, value) in value.leaves(separator) {
        match (value.number(), value) {
            (Some(number), _) => numbers.push((key, number)),
            (None, Value::Text(text)) => texts.push((key, text.clone())),
            (None, Value::Bool(flag)) => texts.push((key, flag.to_string())),
            (None, _) => {}
        }
    }
    (numbers, texts)
}

impl Reader for MetricsFile {
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        let before: FileMark = serde_json::from_value(mark.0.clone()).unwrap_or_default();
        let mut tell = |told: Told| sink(told).map_err(ForeignError::NotTaken);
        let metadata = fs::metadata(&self.path).map_err(failed(&self.path))?;
        let state = file::state(&metadata);
        let (modified_ms, length) = (file::modified_ms(&metadata), metadata.len());
        let changed = before.state.is_none() || (before.modified_ms, before.length) != (modified_ms, length);
        let mut after = FileMark { state: Some(state), modified_ms, length, rows: before.rows };
        match self.form() {
            None if changed => match file::text(&self.path).map(|text| Value::from_json(&text)) {
                Ok(Ok(value)) => {
                    let (numbers, texts) = single_values(&value, ".");
                    let step = rows::step_in(&value).unwrap_or_default();
                    tell(Told::Run(self.head(&metadata, texts)))?;
                    for (key, value) in numbers {
                        let points = vec![Point { step, time_ms: modified_ms, value }];
                        tell(Told::Points { run: self.key(), key, points })?;
                    }
                }
                Ok(Err(why)) => tell(warning(&self.path, format!("it was left out: {why}")))?,
                Err(why) => tell(warning(&self.path, format!("it was left out: {why}")))?,
            },
            None if before.state != Some(state) => tell(Told::Run(self.head(&metadata, Vec::new())))?,
            None => {}
            Some(form) => {
                if before.state != Some(state) {
                    tell(Told::Run(self.head(&metadata, Vec::new())))?;
                }
                if changed || before.state != Some(state) {
                    let (key, complete) = (self.key(), state.is_over());
                    let rows = Rows { path: &self.path, form, run: &key, key: None, time_ms: modified_ms, complete };
                    after.rows = rows.read(&after.rows, &mut tell)?;
                }
            }
        }
        let after = serde_json::to_value(after).map_err(|error| failed(&self.path)(error.into()))?;
        Ok(Mark(after))
    }
}
