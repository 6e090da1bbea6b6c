//! Files of metrics that no tool claims: `metrics.json` with a value, or a list of values, a key, `metrics.csv` and JSON
//! Lines with values by step. A file is a run, called after its folder.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    path::{Path, PathBuf},
};

use api::{figure::counted, run::RunState, series::Point};
use serde::{Deserialize, Serialize};

use crate::{
    ForeignError, Head, Mark, Reader, Result, Sink, Surroundings, Told,
    file::{self, failed, warning},
    rows::{self, Form, Rows, RowsMark},
    value::Value,
};

/// Points of a series that are told at once: who takes them keeps as many, and no more.
const POINTS_AT_ONCE: usize = 1 << 16;

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
    /// It held a list of rows, which is told whole.
    whole: bool,
    /// It is JSON Lines under another name.
    lines: bool,
    /// The earliest and the latest time that its rows say.
    span: Option<(i64, i64)>,
}

/// The series of a file that is told whole.
#[derive(Default)]
struct Whole {
    series: BTreeMap<String, Vec<Point>>,
    texts: ByKey<String>,
    /// Values that are null, or neither numbers nor text.
    unread: u64,
    /// The series that are lists.
    lists: Vec<String>,
    /// All of it is a list of rows.
    by_step: bool,
}

impl Whole {
    /// What a file of JSON holds, or why it can't be read.
    fn read(path: &Path, time_ms: i64) -> std::result::Result<Self, String> {
        let text = file::text(path).map_err(|error| error.to_string())?;
        if text.trim_start_matches('\u{feff}').trim_start().starts_with('[') {
            let (series, unread) = rows::of_list(&text, time_ms).map_err(|error| error.to_string())?;
            return Ok(Self { series, unread, by_step: true, ..Self::default() });
        }
        let value = Value::from_json(&text).map_err(|error| error.to_string())?;
        drop(text);
        Ok(Self::of(&value, time_ms))
    }

    fn of(value: &Value, time_ms: i64) -> Self {
        let (numbers, texts) = single_values(value, ".");
        let step = rows::step_in(value).unwrap_or_default();
        let single = |(key, value)| (key, vec![Point { step, time_ms, value }]);
        let mut whole = Self { series: numbers.into_iter().map(single).collect(), texts, ..Self::default() };
        let steps = rows::steps_in(value);
        for (key, value) in value.leaves(".") {
            match value {
                Value::Null => whole.unread += 1,
                Value::List(_) if steps.as_ref().is_some_and(|(name, _)| *name == key) => {}
                Value::List(values) => whole.list(key, values, steps.as_ref().map(|(_, steps)| &**steps), time_ms),
                _ => {}
            }
        }
        whole
    }

    /// The earliest and the latest time that it says: what says none has the time of the file.
    fn span(&self, modified_ms: i64) -> Option<(i64, i64)> {
        let times = || self.series.values().flatten().map(|point| point.time_ms);
        let span = (times().min()?, times().max()?);
        (span != (modified_ms, modified_ms)).then_some(span)
    }

    /// A list as Keras keeps its history: a value a step.
    fn list(&mut self, key: String, values: &[Value], steps: Option<&[i64]>, time_ms: i64) {
        let mut points = Vec::new();
        for (at, value) in (0..).zip(values) {
            let step = steps.and_then(|steps| steps.get(usize::try_from(at).ok()?).copied()).unwrap_or(at);
            match value.number() {
                Some(value) => points.push(Point { step, time_ms, value }),
                None => self.unread += 1,
            }
        }
        if !points.is_empty() {
            self.lists.push(key.clone());
            self.series.insert(key, points);
        }
    }
}

/// Whether `metrics.json` is JSON Lines, as Detectron2 writes it: an object stands on its first line, and another
/// behind it.
fn is_lines(path: &Path) -> bool {
    let Ok(bytes) = file::rest(path, 0) else { return false };
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return false };
    let (line, behind) = bytes.split_at(end);
    behind.trim_ascii_start().starts_with(b"{") && rows::object(line).is_some()
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
            Some("json") if !is_lines(&self.path) => None,
            _ => Some(Form::JsonLines),
        }
    }

    fn key(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn head(&self, metadata: &Metadata, tags: Vec<(String, String)>, span: Option<(i64, i64)>) -> Head {
        Head { tags, ..head(&self.key(), self.path.parent(), metadata, span) }
    }
}

/// What is known of a run of which a log says nothing but numbers, with the earliest and the latest time that these say.
pub(crate) fn head(key: &str, folder: Option<&Path>, metadata: &Metadata, span: Option<(i64, i64)>) -> Head {
    let name = |path: Option<&Path>| path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let state = file::state(metadata, file::QUIET);
    let modified_ms = file::modified_ms(metadata);
    let (begun_ms, last_ms) = span.unwrap_or((file::made_ms(metadata), modified_ms));
    Head {
        key: key.to_owned(),
        id: None,
        name: name(folder).unwrap_or_else(|| key.to_owned()),
        group: name(folder.and_then(Path::parent)).unwrap_or_default(),
        state,
        // A clock of another machine may be ahead.
        created_ms: begun_ms.min(modified_ms),
        ended_ms: state.is_over().then_some(last_ms.min(modified_ms)),
        user: None,
        notes: None,
        params: Vec::new(),
        tags: Vec::new(),
        artifacts: None,
        commit: None,
        command: None,
        replaces: false,
        surroundings: Surroundings::default(),
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
        let before: FileMark = mark.place();
        let mut tell = |told: Told| sink(told).map_err(ForeignError::NotTaken);
        let metadata = fs::metadata(&self.path).map_err(failed(&self.path))?;
        let state = file::state(&metadata, file::QUIET);
        let (modified_ms, length) = (file::modified_ms(&metadata), metadata.len());
        let is_known = before.state.is_some();
        let changed = !is_known || (before.modified_ms, before.length) != (modified_ms, length);
        let forgotten = |key| Told::Forgotten { run: self.key(), key, place: self.path.display().to_string() };
        let form = self.form();
        let lines = form == Some(Form::JsonLines) && self.path.extension().is_some_and(|ending| ending == "json");
        let (was_lines, was) = (before.lines, before.state);
        let mut after = FileMark { state: Some(state), modified_ms, length, lines, ..before };
        match form {
            None if changed => match Whole::read(&self.path, modified_ms) {
                Ok(whole) => {
                    after.span = whole.span(modified_ms);
                    tell(Told::Run(self.head(&metadata, whole.texts, after.span)))?;
                    // A single value adds to those before it, what stands there whole replaces them.
                    if is_known && (whole.by_step || after.whole || was_lines) {
                        tell(forgotten(None))?;
                        after.rows = RowsMark::default();
                    } else if is_known {
                        whole.lists.into_iter().try_for_each(|key| tell(forgotten(Some(key))))?;
                    }
                    after.whole = whole.by_step;
                    for (key, points) in whole.series {
                        let piece = |points: &[Point]| (key.clone(), points.to_vec());
                        for (key, points) in points.chunks(POINTS_AT_ONCE).map(piece) {
                            tell(Told::Points { run: self.key(), key, points })?;
                        }
                    }
                    if whole.unread > 0 {
                        let what = counted(whole.unread, "value was left out: it is", "values were left out: they are");
                        let place = self.path.display().to_string();
                        tell(Told::LeftOut { place, message: format!("{what} null, or neither number nor text") })?;
                    }
                }
                // Whoever writes it anew may not be done yet: what was told stays.
                Err(why) => {
                    after.lines = was_lines;
                    tell(warning(&self.path, format!("it was left out: {why}")))?;
                }
            },
            None if was != Some(state) => tell(Told::Run(self.head(&metadata, Vec::new(), after.span)))?,
            None => {}
            Some(form) => {
                if was != Some(state) {
                    let head = self.head(&metadata, Vec::new(), rows::span(&self.path, form));
                    let config = if form == Form::JsonLines { rows::config(&self.path) } else { None };
                    let params = config.iter().flat_map(|config| config.leaves(".")).filter(|(key, _)| !key.is_empty());
                    let params = params.map(|(key, value)| (key, value.text())).collect();
                    tell(Told::Run(Head { params, ..head }))?;
                }
                if is_known && lines && !was_lines {
                    tell(forgotten(None))?;
                    after.rows = RowsMark::default();
                }
                if changed || was != Some(state) {
                    let (key, complete) = (self.key(), state.is_over());
                    let rows = Rows { path: &self.path, form, run: &key, key: None, time_ms: modified_ms, complete };
                    after.rows = rows.read(&after.rows, &mut tell)?;
                }
            }
        }
        Mark::of(&after, &self.path)
    }
}
