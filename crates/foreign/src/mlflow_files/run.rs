//! A run's folder: `meta.yaml`, and a file a param, tag and metric, whose path is its key.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use api::{
    figure::counted,
    run::RunState,
    series::Point,
    tracking::{Dataset, RunInput, in_milliseconds},
};
use serde::{Deserialize, Serialize};

use super::{Experiment, meta::Meta};
use crate::{
    ForeignError, Head, Result, Surroundings, Told,
    artifacts::{self, Folder},
    file::{self, anew, warning},
    registry::{Inputs, refused},
    value::Value,
};

/// Bytes of a metric that are read beside those of other runs; what is longer is read alone, in pieces.
const SHORT: usize = 64 << 10;
/// Bytes of all of a run's metrics that are read beside those of other runs.
const SHORT_TOGETHER: usize = 512 << 10;
/// Folders within folders of a key.
const DEPTH: usize = 32;

/// How far a run was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RunMark {
    /// Stands for everything but the metrics.
    #[serde(rename = "h")]
    head: u64,
    /// Whether the run is over; `None` where its head could not be read, and nothing else of it was.
    #[serde(rename = "o")]
    over: Option<bool>,
    /// Bytes that were read of each metric's file.
    #[serde(rename = "m", default, skip_serializing_if = "BTreeMap::is_empty")]
    metrics: BTreeMap<String, u64>,
    /// The address of its artifacts, where they lie elsewhere.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(super) elsewhere: Option<String>,
}

/// What one look at a run's folder gave.
pub(super) struct Reading {
    pub(super) told: Vec<Told>,
    pub(super) mark: RunMark,
    /// Metrics that go on behind their mark.
    pub(super) long: Vec<Metric>,
    /// Some times were in seconds, as the first clients wrote them.
    pub(super) in_seconds: bool,
}

/// A metric's file.
pub(super) struct Metric {
    key: String,
    path: PathBuf,
}

/// A file below a folder of keys.
pub(super) struct Entry {
    key: String,
    path: PathBuf,
}

/// Reads what of a run changed since `before`.
pub(super) fn read(folder: &Path, key: &str, experiment: &Experiment, before: Option<&RunMark>) -> Reading {
    let mark = before.cloned().unwrap_or_default();
    let mut reading = Reading { told: Vec::new(), mark, long: Vec::new(), in_seconds: false };
    let path = folder.join("meta.yaml");
    let mut buffer = vec![0; SHORT];
    if !is_no_link(&path, &mut reading.told) {
        return reading;
    }
    let (stamp, tags) = match stamp(folder, &path, &mut reading.told) {
        Ok(stamped) => stamped,
        Err(error) => {
            reading.told.push(warning(&path, format!("the run was left out: {error}")));
            return reading;
        }
    };
    // The first that a server keeps of it may come with nothing else.
    let stamp = stamp ^ u64::from(is_kept_by_server(folder, experiment));
    if before.is_some_and(|before| before.head == stamp) {
        // What could not be read then was told then.
        reading.told.clear();
    } else {
        reading.mark.head = stamp;
        match head(folder, key, experiment, tags, &mut buffer, &mut reading.told) {
            Ok((head, elsewhere)) => {
                reading.mark.over = Some(head.state.is_over());
                reading.mark.elsewhere = elsewhere;
                let inputs = inputs(folder, key, experiment, &mut reading.told);
                reading.told.insert(0, Told::Run(head));
                reading.told.extend(inputs.map(Told::Inputs));
            }
            Err(why) => {
                reading.mark.over = None;
                reading.told.push(warning(&path, format!("the run was left out: {why}")));
            }
        }
    }
    if reading.mark.over.is_some() {
        metrics(folder, key, before.is_some(), &mut buffer, &mut reading);
    }
    reading
}

/// A number that changes with everything of a run but its metrics, and the files of its tags.
fn stamp(folder: &Path, meta: &Path, told: &mut Vec<Told>) -> io::Result<(u64, Vec<Entry>)> {
    let mut hasher = DefaultHasher::new();
    let mut add = |path: &Path| -> io::Result<()> {
        let metadata = fs::symlink_metadata(path)?;
        (metadata.len(), metadata.modified().ok()).hash(&mut hasher);
        Ok(())
    };
    add(meta)?;
    // A param is written once, and an input's folder with its file.
    for name in ["params", "inputs", "outputs"] {
        let _ = add(&folder.join(name));
    }
    let tags = entries(&folder.join("tags"), told);
    for tag in &tags {
        // One that is gone by now is gone from the stamp.
        let _ = add(&tag.path);
    }
    for tag in &tags {
        tag.key.hash(&mut hasher);
    }
    Ok((hasher.finish(), tags))
}

fn head(
    folder: &Path,
    key: &str,
    experiment: &Experiment,
    tags: Vec<Entry>,
    buffer: &mut [u8],
    told: &mut Vec<Told>,
) -> std::result::Result<(Head, Option<String>), Box<dyn std::error::Error>> {
    let meta = Meta::parse(&text(&folder.join("meta.yaml"), buffer)?)?;
    let id = meta.get("run_id").or_else(|| meta.get("run_uuid"));
    let id = id.or_else(|| folder.file_name()?.to_str()).ok_or("it names no run")?.to_owned();
    let created_ms = meta.milliseconds("start_time").ok_or("its start_time is missing or no number")?;
    let state = match meta.get("status") {
        None | Some("1" | "RUNNING") => RunState::Running,
        Some("2" | "SCHEDULED") => RunState::Queued,
        Some("3" | "FINISHED") => RunState::Finished,
        Some("4" | "FAILED") => RunState::Failed,
        Some("5" | "KILLED") => RunState::Killed,
        Some(other) => return Err(format!("its status is {other}, which MLflow does not know").into()),
    };
    let params = texts(entries(&folder.join("params"), told), buffer, told);
    let mut tags = texts(tags, buffer, told);
    let deleted = meta.get("lifecycle_stage") == Some("deleted") || experiment.deleted;
    if deleted {
        tags.push(("mlflow.lifecycle_stage".to_owned(), "deleted".to_owned()));
    }
    let tag = |name: &str| tags.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let name = meta.get("run_name").map(str::to_owned).or_else(|| tag("mlflow.runName"));
    let (artifacts, elsewhere) = artifacts_of(folder, &id, meta.get("artifact_uri"), store_of(experiment), told);
    let head = Head {
        key: key.to_owned(),
        id: hexadecimal(&id),
        name: name.unwrap_or(id),
        group: experiment.name.clone(),
        state,
        created_ms,
        ended_ms: meta.milliseconds("end_time"),
        user: meta.get("user_id").map(str::to_owned).or_else(|| tag("mlflow.user")),
        notes: tag("mlflow.note.content"),
        commit: tag("mlflow.source.git.commit"),
        command: None,
        replaces: false,
        surroundings: Surroundings::default(),
        artifacts,
        params,
        tags,
    };
    Ok((head, elsewhere))
}

/// The store that an experiment's folder lies in, also where it is in the trash.
pub(super) fn store_of(experiment: &Experiment) -> &Path {
    let above = experiment.folder.parent().unwrap_or(&experiment.folder);
    if above.ends_with(".trash") { above.parent().unwrap_or(above) } else { above }
}

/// Whether a server with its default settings keeps artifacts of a run.
fn is_kept_by_server(folder: &Path, experiment: &Experiment) -> bool {
    let names = experiment.folder.file_name().zip(folder.file_name());
    let kept = artifacts::of_server(store_of(experiment)).zip(names);
    kept.is_some_and(|(kept, (experiment, run))| kept.join(experiment).join(run).join("artifacts").is_dir())
}

/// Where the artifacts of a run or a logged model lie, and their address if that is elsewhere. What lies in its own folder is
/// its own: a store may have been moved. MLflow makes that folder, too, where a server keeps them.
pub(super) fn artifacts_of(
    folder: &Path,
    id: &str,
    address: Option<&str>,
    store: &Path,
    told: &mut Vec<Told>,
) -> (Option<PathBuf>, Option<String>) {
    let own = folder.join("artifacts");
    let is_own = fs::symlink_metadata(&own).is_ok_and(|entry| entry.is_dir());
    if is_own && fs::read_dir(&own).is_ok_and(|mut entries| entries.next().is_some()) {
        return (Some(own), None);
    }
    let own = is_own.then_some(own);
    match artifacts::folder(address, id, store) {
        Folder::At(named) => (Some(named), None),
        Folder::Refused(named) => {
            told.push(warning(folder, refused(&named, id)));
            (own, None)
        }
        Folder::None => (own, address.filter(|address| artifacts::is_elsewhere(address, store)).map(str::to_owned)),
    }
}

fn hexadecimal(id: &str) -> Option<[u8; 16]> {
    let all = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| u128::from_str_radix(id, 16).ok().map(u128::to_be_bytes)).flatten()
}

/// What a run was given and made, if anything.
fn inputs(folder: &Path, key: &str, experiment: &Experiment, told: &mut Vec<Told>) -> Option<Inputs> {
    let mut inputs = Inputs { run: key.to_owned(), datasets: Vec::new(), models: Vec::new() };
    for path in metas(&folder.join("inputs"), told) {
        match input(&path, experiment) {
            Ok(Input::Dataset(dataset)) => inputs.datasets.push(dataset),
            Ok(Input::Model(id)) => inputs.models.push((id, None)),
            Ok(Input::Unknown) => {}
            Err(error) => told.push(warning(&path, format!("an input was left out: {error}"))),
        }
    }
    for path in metas(&folder.join("outputs"), told) {
        let step = file::text(&path).map_err(Into::into).and_then(|text| step(&text));
        // MLflow names the folder after the model.
        match (step, path.parent().and_then(Path::file_name)) {
            (Ok(step), Some(id)) => inputs.models.push((id.to_string_lossy().into_owned(), Some(step))),
            (Err(error), _) => told.push(warning(&path, format!("an output was left out: {error}"))),
            _ => {}
        }
    }
    (!inputs.datasets.is_empty() || !inputs.models.is_empty()).then_some(inputs)
}

fn metas(folder: &Path, told: &mut Vec<Told>) -> Vec<PathBuf> {
    if !is_no_link(folder, told) {
        return Vec::new();
    }
    let found: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let found = found.into_iter().filter(|path| is_no_link(path, told)).map(|path| path.join("meta.yaml"));
    let mut metas: Vec<PathBuf> = found.collect();
    metas.retain(|path| is_no_link(path, told));
    metas.sort();
    metas
}

fn step(meta: &str) -> std::result::Result<i64, Box<dyn std::error::Error>> {
    Ok(Meta::parse(meta)?.milliseconds("step").unwrap_or_default())
}

enum Input {
    Dataset(RunInput),
    /// The id of a logged model.
    Model(String),
    Unknown,
}

fn input(path: &Path, experiment: &Experiment) -> std::result::Result<Input, Box<dyn std::error::Error>> {
    let input = Value::from_yaml(&file::text(path)?)?;
    let text = |value: &Value, key: &str| value.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    let id = || text(&input, "source_id");
    match text(&input, "source_type").as_deref() {
        Some("DATASET") => {}
        Some("MODEL") => return Ok(Input::Model(id().ok_or("it names no model")?)),
        _ => return Ok(Input::Unknown),
    }
    let id = id().ok_or("it names no dataset")?;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Err(format!("the dataset's id {id} is no name of a folder").into());
    }
    let path = experiment.folder.join("datasets").join(id).join("meta.yaml");
    if !path.canonicalize()?.starts_with(experiment.folder.canonicalize()?) {
        return Err(format!("{} is behind a link that leads out of the log", path.display()).into());
    }
    let dataset = Value::from_yaml(&file::text(&path)?)?;
    let tags = input.get("tags").map(Value::entries).unwrap_or_default();
    Ok(Input::Dataset(RunInput {
        dataset: Dataset {
            name: text(&dataset, "name").ok_or("its dataset has no name")?,
            digest: text(&dataset, "digest").unwrap_or_default(),
            source_type: text(&dataset, "source_type").unwrap_or_default(),
            source: text(&dataset, "source").unwrap_or_default(),
            schema: text(&dataset, "schema"),
            profile: text(&dataset, "profile"),
        },
        tags: tags.iter().map(|(key, value)| (key.clone(), value.text())).collect(),
    }))
}

/// The files of a folder of keys, in any depth, sorted. Links are not followed.
pub(super) fn entries(folder: &Path, told: &mut Vec<Told>) -> Vec<Entry> {
    let mut entries = Vec::new();
    if is_no_link(folder, told) {
        gather(folder, "", 0, &mut entries, told);
    }
    entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    entries
}

/// Whether a path of the log's stays in it; that it is a link is said.
pub(super) fn is_no_link(path: &Path, told: &mut Vec<Told>) -> bool {
    let is_link = fs::symlink_metadata(path).is_ok_and(|entry| entry.is_symlink());
    if is_link {
        told.push(warning(path, "it was left out: it is a link, which could lead out of the log"));
    }
    !is_link
}

fn gather(folder: &Path, prefix: &str, depth: usize, entries: &mut Vec<Entry>, told: &mut Vec<Told>) {
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            told.push(warning(folder, format!("what it holds was left out: {error}")));
            return;
        }
    };
    for entry in found.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            told.push(warning(&path, "it was left out: its name is no UTF-8"));
            continue;
        };
        let key = format!("{prefix}{name}");
        if kind.is_file() {
            entries.push(Entry { key, path });
        } else if kind.is_dir() && depth < DEPTH {
            gather(&path, &format!("{key}/"), depth + 1, entries, told);
        } else {
            told.push(warning(&path, "it was left out: it is no file, or lies too deep; links are not followed"));
        }
    }
}

pub(super) fn texts(entries: Vec<Entry>, buffer: &mut [u8], told: &mut Vec<Told>) -> Vec<(String, String)> {
    let mut texts = Vec::with_capacity(entries.len());
    for entry in entries {
        match text(&entry.path, buffer) {
            Ok(text) => texts.push((entry.key, text)),
            Err(error) => told.push(warning(&entry.path, format!("it was left out: {error}"))),
        }
    }
    texts
}

/// The text of a file, in one read where it is as short as they are.
fn text(path: &Path, buffer: &mut [u8]) -> io::Result<String> {
    let read = start(path, 0, buffer)?;
    if read == buffer.len() {
        return file::text_of_file(path);
    }
    let text = std::str::from_utf8(&buffer[..read]);
    text.map(str::to_owned).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text"))
}

/// Reads the start of what is new of each metric; what goes on behind it is left as `long`.
fn metrics(folder: &Path, run: &str, known: bool, buffer: &mut [u8], reading: &mut Reading) {
    let mut together = 0;
    let mut left_out = Vec::new();
    let files = entries(&folder.join("metrics"), &mut left_out);
    if !known {
        reading.told.append(&mut left_out);
    }
    for Entry { key, path } in files {
        let mut offset = reading.mark.metrics.get(&key).copied().unwrap_or(0);
        if known {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.len() == offset {
                continue;
            }
            if metadata.len() < offset {
                let place = path.display().to_string();
                reading.told.push(Told::Forgotten { run: run.to_owned(), key: Some(key.clone()), place });
                reading.told.push(anew(&path, "it is shorter than it was: it was read anew"));
                offset = 0;
            }
        }
        if together >= SHORT_TOGETHER {
            reading.mark.metrics.insert(key.clone(), offset);
            reading.long.push(Metric { key, path });
            continue;
        }
        match start(&path, offset, buffer) {
            Ok(read) => {
                let piece = &buffer[..read];
                let all = read < buffer.len();
                let lines = piece.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let end = if all && reading.mark.over == Some(true) { read } else { lines };
                let mut lines = Lines::new(run, &key, &path, offset);
                reading.told.extend(lines.points(&piece[..end]));
                reading.in_seconds |= lines.in_seconds;
                reading.told.extend(lines.warnings());
                together += end;
                reading.mark.metrics.insert(key.clone(), offset + end as u64);
                if !all {
                    reading.long.push(Metric { key, path });
                }
            }
            Err(error) => reading.told.push(warning(&path, format!("it was left out: {error}"))),
        }
    }
}

/// Fills the buffer from the byte `offset` on; less than that is the file's end.
fn start(path: &Path, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut file = File::open(path)?;
    if offset > 0 {
        file.seek(SeekFrom::Start(offset))?;
    }
    let mut held = 0;
    loop {
        let asked = buffer.len() - held;
        let read = file.read(&mut buffer[held..])?;
        held += read;
        // A regular file gives less than asked at its end only.
        if read < asked || held == buffer.len() {
            return Ok(held);
        }
    }
}

impl Reading {
    /// Tells the rest of a metric in pieces.
    pub(super) fn go_on(&mut self, run: &str, metric: &Metric, tell: &mut dyn FnMut(Told) -> Result<()>) -> Result<()> {
        let Metric { key, path } = metric;
        let offset = self.mark.metrics.get(key).copied().unwrap_or(0);
        let mut lines = Lines::new(run, key, path, offset);
        let end = file::lines_from(path, offset, self.mark.over == Some(true), &mut |piece| {
            lines.points(piece).map_or(Ok(()), &mut *tell)
        });
        let end = match end {
            Ok(Some(end)) => end,
            Ok(None) => {
                tell(warning(path, "its rest was left out: a line is longer than 1 MiB"))?;
                fs::symlink_metadata(path).map_or(offset, |metadata| metadata.len())
            }
            // What the sink refused ends the reading, what the disk refused only this file's.
            Err(ForeignError::File { source, .. }) => {
                return tell(warning(path, format!("its rest was left out: {source}")));
            }
            Err(error) => return Err(error),
        };
        self.mark.metrics.insert(key.clone(), end);
        self.in_seconds |= lines.in_seconds;
        lines.warnings().try_for_each(tell)
    }
}

/// Reads lines `TIME_MS VALUE STEP`, of which early versions wrote no step, and later ones behind it the name and the digest
/// of a dataset, which MLflow's own tracking keeps of a logged model's figures alone. The name may have blanks.
struct Lines<'a> {
    run: &'a str,
    key: &'a str,
    path: &'a Path,
    /// The byte that the next piece begins at.
    offset: u64,
    wrong: usize,
    first_wrong: u64,
    /// Where a line begins that was taken without its end.
    unended: Option<u64>,
    in_seconds: bool,
}

impl<'a> Lines<'a> {
    fn new(run: &'a str, key: &'a str, path: &'a Path, offset: u64) -> Self {
        Self { run, key, path, offset, wrong: 0, first_wrong: 0, unended: None, in_seconds: false }
    }

    /// The points of whole lines; `None` where there is none.
    fn points(&mut self, piece: &[u8]) -> Option<Told> {
        let mut points = Vec::with_capacity(piece.len() / 24);
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            if !line.trim_ascii().is_empty() {
                match point(line) {
                    Some(mut point) => {
                        let time_ms = in_milliseconds(point.time_ms);
                        self.in_seconds |= time_ms != point.time_ms;
                        point.time_ms = time_ms;
                        points.push(point);
                        self.unended = (!line.ends_with(b"\n")).then_some(self.offset);
                    }
                    None => {
                        self.first_wrong = if self.wrong == 0 { self.offset } else { self.first_wrong };
                        self.wrong += 1;
                    }
                }
            }
            self.offset += line.len() as u64;
        }
        (!points.is_empty()).then(|| Told::Points { run: self.run.to_owned(), key: self.key.to_owned(), points })
    }

    /// What is said of lines that were left out, and of a last one that MLflow would read, too: it ends each that it writes.
    fn warnings(&self) -> impl Iterator<Item = Told> {
        let place = |byte: u64| format!("{}, byte {byte}", self.path.display());
        let left_out = (self.wrong > 0).then(|| Told::LeftOut {
            place: place(self.first_wrong),
            message: left_out(self.wrong, "time value step"),
        });
        let message = || "the last line has no end: the number that stands there may be cut off".to_owned();
        let unended = self.unended.map(|byte| Told::Warning { place: place(byte), message: message() });
        left_out.into_iter().chain(unended)
    }
}

/// What is said of lines that are not of a form.
pub(super) fn left_out(lines: usize, form: &str) -> String {
    let lines = counted(lines as u64, "line was left out: it is", "lines were left out: they are");
    format!("{lines} no `{form}`")
}

fn point(line: &[u8]) -> Option<Point> {
    let mut parts = std::str::from_utf8(line.trim_ascii()).ok()?.split(' ');
    let time_ms = parts.next()?.parse().ok()?;
    let value = parts.next()?.parse().ok()?;
    let step = parts.next().map_or(Ok(0), str::parse).ok()?;
    let is_whole = parts.count() != 1;
    is_whole.then_some(Point { step, time_ms, value })
}
