//! DVCLive's folder: `params.yaml`, `metrics.json` with the last values, `plots/metrics/**/*.tsv` with those by step,
//! pictures in `plots/images`, points of other plots as JSON in `plots/custom` and `plots/sklearn`, which are tables here.
//! Its report, which repeats them, is left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use api::{run::RunState, series::Point};
use serde::{Deserialize, Serialize};

use crate::{
    ForeignError, Head, Location, Mark, Media, Reader, Result, Sink, Told,
    file::{self, failed, warning},
    metrics,
    rows::{self, Form, Rows, RowsMark},
    value::Value,
};

const RUN: &str = "dvclive";
/// Endings of pictures: matplotlib draws SVG, too.
const PICTURES: [&str; 6] = ["png", "jpg", "jpeg", "gif", "webp", "svg"];
/// Folders of plots that are neither series nor pictures.
const PLOTS: [&str; 2] = ["custom", "sklearn"];
/// Folders within folders of a key.
const DEPTH: usize = 32;

/// Reads a folder of DVCLive's.
pub struct DvcLive {
    folder: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct LiveMark {
    state: Option<RunState>,
    /// When each file that is read whole was changed, and its length.
    whole: BTreeMap<String, (i64, u64)>,
    series: BTreeMap<String, RowsMark>,
}

/// A file, with its path below the folder that was walked.
struct Entry {
    key: String,
    path: PathBuf,
    changed: (i64, u64),
}

impl DvcLive {
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The file's value if it changed since `mark`, else `None`; what can't be read is told.
    fn changed(
        &self,
        name: &str,
        parse: fn(&str) -> std::result::Result<Value, crate::value::Malformed>,
        mark: &mut LiveMark,
        tell: &mut dyn FnMut(Told) -> Result<()>,
    ) -> Result<Option<Value>> {
        let path = self.folder.join(name);
        let Ok(metadata) = fs::metadata(&path) else { return Ok(None) };
        let changed = (file::modified_ms(&metadata), metadata.len());
        if mark.whole.insert(name.to_owned(), changed) == Some(changed) {
            return Ok(None);
        }
        let why = match file::text(&path).map(|text| parse(&text)) {
            Ok(Ok(value)) => return Ok(Some(value)),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tell(warning(&path, format!("it was left out: {why}")))?;
        Ok(None)
    }

    /// Whether another training was begun in the folder: DVCLive removes then what the one before left, and writes anew. What
    /// was told stays until there is something else.
    fn is_another(&self, mark: &LiveMark, series: &[Entry]) -> bool {
        let is_anew = |entry: &Entry| {
            let stands = |before: &RowsMark| before.stands(&entry.path).unwrap_or(true);
            let has_line = || file::rest(&entry.path, 0).is_ok_and(|bytes| bytes.contains(&b'\n'));
            mark.series.get(name_of(&entry.key)).is_some_and(|before| !stands(before) && has_line())
        };
        let is_gone = |known: &String| series.iter().all(|entry| name_of(&entry.key) != known);
        let summary = fs::metadata(self.folder.join("metrics.json")).ok();
        let summary = summary.map(|found| (file::modified_ms(&found), found.len()));
        let is_other = !series.is_empty() || summary.is_some_and(|now| mark.whole.get("metrics.json") != Some(&now));
        series.iter().any(is_anew) || is_other && mark.series.keys().any(is_gone)
    }

    /// What is known of the run but for what it says of itself: it began with its first row, else as its first file was made.
    fn head(&self, last: &fs::Metadata, series: &[Entry]) -> Head {
        let spans = series.iter().filter_map(|entry| rows::span(&entry.path, form_of(&entry.key)));
        let span = spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        let head = metrics::head(RUN, Some(&self.folder), last, span);
        let made = series.iter().filter_map(|entry| fs::metadata(&entry.path).ok()).map(|found| file::made_ms(&found));
        let made = made.min().filter(|_| span.is_none());
        Head { created_ms: made.map_or(head.created_ms, |made| made.min(head.created_ms)), ..head }
    }

    /// The points of values that have no series of their own.
    fn last_values(
        value: &Value,
        series: &BTreeSet<&str>,
        time_ms: i64,
        tell: &mut dyn FnMut(Told) -> Result<()>,
    ) -> Result<()> {
        let step = rows::step_in(value).unwrap_or_default();
        let (numbers, _) = metrics::single_values(value, "/");
        for (key, value) in numbers.into_iter().filter(|(key, _)| key != "step" && !series.contains(&**key)) {
            tell(Told::Points { run: RUN.to_owned(), key, points: vec![Point { step, time_ms, value }] })?;
        }
        Ok(())
    }
}

impl Reader for DvcLive {
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        let mut mark: LiveMark = mark.place();
        let mut tell = |told: Told| sink(told).map_err(ForeignError::NotTaken);
        let folder = fs::metadata(&self.folder).map_err(failed(&self.folder))?;
        // What is no file of its own is said at the first reading only.
        let first = mark.state.is_none();
        let mut say = |told: Told| if first { tell(told) } else { Ok(()) };
        let series = files(&self.folder.join("plots/metrics"), &["tsv", "csv"], &mut say)?;
        let images = files(&self.folder.join("plots/images"), &PICTURES, &mut say)?;
        let mut plots = Vec::new();
        for of in PLOTS {
            let found = files(&self.folder.join("plots").join(of), &["json"], &mut say)?;
            plots.extend(found.into_iter().map(|plot| Entry { key: format!("{of}/{}", plot.key), ..plot }));
        }
        let is_another = self.is_another(&mark, &series);
        if is_another {
            let why = "another training was begun in it: what was told of the one before was replaced";
            tell(file::anew(&self.folder, why))?;
            mark = LiveMark::default();
        }
        // The last file that changed says when the run did.
        let single = fs::metadata(self.folder.join("metrics.json")).ok();
        let last = single.into_iter().chain(series.iter().filter_map(|entry| fs::metadata(&entry.path).ok()));
        let last = last.max_by_key(file::modified_ms).unwrap_or(folder);
        let params = self.changed("params.yaml", Value::from_yaml, &mut mark, &mut tell)?;
        let values = self.changed("metrics.json", Value::from_json, &mut mark, &mut tell)?;
        let state = file::state(&last, file::QUIET);
        if mark.state.replace(state) != Some(state) || params.is_some() || values.is_some() {
            let params = params.iter().flat_map(|value| value.leaves(".")).filter(|(key, _)| !key.is_empty());
            let tags = values.iter().flat_map(|value| metrics::single_values(value, "/").1).collect();
            let params = params.map(|(key, value)| (key, value.text())).collect();
            tell(Told::Run(Head { params, tags, replaces: is_another, ..self.head(&last, &series) }))?;
        }
        for Entry { key, path, changed } in &series {
            tell(Told::Still)?;
            let name = name_of(key);
            let (form, complete) = (form_of(key), state.is_over());
            let rows = Rows { path, form, run: RUN, key: Some(name), time_ms: changed.0, complete };
            let before = mark.series.remove(name).unwrap_or_default();
            let after = match rows.read(&before, &mut tell) {
                Err(ForeignError::File { source, .. }) => {
                    tell(warning(path, format!("it was left out: {source}")))?;
                    before
                }
                read => read?,
            };
            mark.series.insert(name.to_owned(), after);
        }
        if let Some(values) = values {
            let known: BTreeSet<&str> = mark.series.keys().map(String::as_str).collect();
            Self::last_values(&values, &known, file::modified_ms(&last), &mut tell)?;
        }
        for image in images {
            let before = mark.whole.insert(format!("plots/images/{}", image.key), image.changed);
            if before != Some(image.changed) {
                tell(picture(image))?;
            }
        }
        for entry in plots {
            let before = mark.whole.insert(format!("plots/{}", entry.key), entry.changed);
            if before != Some(entry.changed) {
                tell(Told::Still)?;
                tell(plotted(entry))?;
            }
        }
        Mark::of(&mark, &self.folder)
    }
}

/// The key of a series by its file.
fn name_of(key: &str) -> &str {
    key.rsplit_once('.').map_or(key, |(name, _)| name)
}

fn form_of(key: &str) -> Form {
    Form::Delimited(if key.ends_with(".csv") { b',' } else { b'\t' })
}

/// A picture whose name is a number was logged at that step under its folder's name. Another is written over each
/// time: it stands at no step, which is 0, once.
fn picture(image: Entry) -> Told {
    let Entry { key, path, changed: (time_ms, _) } = image;
    let numbered = key.rsplit_once('/').and_then(|(folder, name)| {
        let step = name.split_once('.')?.0.parse().ok()?;
        Some((folder.to_owned(), step))
    });
    let (key, step) = numbered.unwrap_or((key, 0));
    let location = Some(Location::File { path: path.clone() });
    Told::Media { run: RUN.to_owned(), key, step, time_ms, media: Media::File(path), location }
}

/// A plot as the table of its points, or why it was left out.
fn plotted(entry: Entry) -> Told {
    let Entry { key, path, changed: (time_ms, _) } = entry;
    let key = key.strip_suffix(".json").unwrap_or(&key).to_owned();
    match points_of(&path) {
        Ok(media) => {
            let location = Some(Location::Plot { path });
            Told::Media { run: RUN.to_owned(), key, step: 0, time_ms, media, location }
        }
        // It may be written just now.
        Err(why) => warning(&path, format!("it was left out: {why}")),
    }
}

/// Reads a plot again where it stands.
///
/// # Errors
/// Where its file can't be read, or holds no points any more.
pub(crate) fn read_at(path: &Path) -> Result<Media> {
    points_of(path).map_err(|why| ForeignError::NotOne { path: path.to_owned(), what: "plot of DVCLive's", why })
}

/// The points of a plot: a list of objects, which those of scikit-learn have under the plot's own name.
fn points_of(path: &Path) -> std::result::Result<Media, String> {
    let text = file::text(path).map_err(|error| error.to_string())?;
    let plot = Value::from_json(&text).map_err(|error| error.to_string())?;
    drop(text);
    let within = plot.entries().iter().map(|(_, value)| value).find(|value| matches!(value, Value::List(_)));
    let points = within.unwrap_or(&plot).items();
    if points.is_empty() || points.iter().any(|point| point.entries().is_empty()) {
        return Err("it holds no list of points".to_owned());
    }
    let mut columns: Vec<String> = Vec::new();
    let mut known = BTreeSet::new();
    for (name, _) in points.iter().flat_map(Value::entries) {
        if known.insert(name.as_str()) {
            columns.push(name.clone());
        }
    }
    let cell = |point: &Value, column: &String| point.get(column).map(Value::text).unwrap_or_default();
    let row = |point: &Value| columns.iter().map(|column| cell(point, column)).collect();
    Ok(Media::Table { rows: points.iter().map(row).collect(), columns })
}

/// The files with one of these endings below a folder, sorted; links are not followed.
fn files(folder: &Path, endings: &[&str], tell: &mut dyn FnMut(Told) -> Result<()>) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    let mut waiting = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = waiting.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                tell(warning(&folder, format!("it was left out: {error}")))?;
                continue;
            }
        };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let Some(name) = name.to_str() else {
                tell(warning(&path, "it was left out: its name is no UTF-8"))?;
                continue;
            };
            let Ok(metadata) = entry.metadata() else { continue };
            let wanted = path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted));
            if metadata.is_dir() && depth < DEPTH {
                waiting.push((path, format!("{prefix}{name}/"), depth + 1));
            } else if metadata.is_file() && wanted {
                let changed = (file::modified_ms(&metadata), metadata.len());
                found.push(Entry { key: format!("{prefix}{name}"), path, changed });
            } else if metadata.is_symlink() {
                tell(warning(&path, "it was left out: links are not followed"))?;
            }
        }
    }
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}
