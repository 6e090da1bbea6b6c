//! Weights & Biases' offline runs: `wandb/offline-run-*/run-*.wandb`, a log of everything that a run said, with its
//! files beside it.

mod proto;
mod record;
mod said;
mod surroundings;
mod unknown;
mod value;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{self, Metadata},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    time::Duration,
};

use api::{run::RunState, series::Point};
use prost::Message as _;
use serde::{Deserialize, Serialize};

use crate::{
    ForeignError, Head, Location, Mark, Media, Reader, Result, Sink, Surroundings, Told, file, key, registry::Inputs,
};
use proto::{Alert, Environment, Exit, Git, History, Item, Record, Stats, What};
use record::{Next, Records};
use surroundings::{PATCH, REQUIREMENTS};
use unknown::Unknown;
use value::Row;

/// Points that are held before they are told, and that are told at most before a mark is.
const HELD: usize = 40_000;
/// As many points what is told of a run, or a medium, counts for, and so many bytes of output for one.
const WEIGHT: usize = 64;
/// Bytes of output that are held before they are told.
const HELD_OUTPUT: usize = 1 << 16;
/// A run without an end, whose log did not change for so long, is taken to have died: its client writes at least the
/// machine's load every few seconds.
const QUIET: Duration = Duration::from_secs(600);
/// Goes up where more is read of a log than before: what was read by an earlier version is read anew.
const READS: u32 = 1;
/// The tag of a run that was resumed: the log that it was begun in.
const RESUMED: &str = "resumed_from";
/// Before the key of a text that the summary alone holds, which is a tag.
const SUMMARY: &str = "summary.";
/// Characters of such a text that are kept.
const LONGEST_SAID: usize = 1000;
/// Before the title of an alert, whose text stands at the step that it was given at.
const ALERTS: &str = "alerts/";
/// That of the machine's name.
const HOST: &str = "host";
/// That of where the code's repository is.
const REMOTE: &str = "git_remote";

/// Reads a folder of runs, or that of one run.
pub struct Wandb {
    folder: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
struct Place {
    runs: BTreeMap<String, RunPlace>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct RunPlace {
    /// What was read of it, as [`READS`] counts.
    reads: u32,
    offset: u64,
    /// In the middle of a record that can't be read.
    lost: bool,
    /// Of what lies before the offset: a log of which that is something else is another one.
    checksum: Option<u32>,
    /// Of the log, when it was read last: where it and the time of change are the same, it is not opened.
    length: u64,
    modified_ms: i64,
    /// Where it was said that the log can't be read on, as it stood.
    waits: Option<u64>,
    run_id: String,
    name: String,
    project: String,
    notes: Option<String>,
    commit: Option<String>,
    user: Option<String>,
    command: Option<Vec<String>>,
    params: BTreeMap<String, String>,
    tags: Vec<(String, String)>,
    /// Tags of what other records say than the run's own, which says all of its own again.
    said: BTreeMap<String, String>,
    /// What it ran on, by the names that a run's environment has.
    environment: BTreeMap<String, String>,
    created_ms: Option<i64>,
    /// The latest time in the log.
    last_ms: i64,
    /// Keys of history.
    series: BTreeSet<String>,
    /// The last numbers of keys that history does not hold: what the script itself set.
    summary: BTreeMap<String, Number>,
    /// The last text of each key of history, as a number that changes with it.
    texts: BTreeMap<String, u64>,
    /// The last texts of keys that history does not hold.
    summary_texts: BTreeMap<String, String>,
    /// How often each artifact was logged.
    artifacts: BTreeMap<String, u64>,
    is_resumed: bool,
    /// Samples of the machine's load.
    samples: i64,
    step: i64,
    exit: Option<RunState>,
    exit_code: Option<i32>,
    /// The state that was told last.
    told: Option<RunState>,
    /// Another log stands in the place of the one that was told of.
    replaces: bool,
    /// It was told that its last record stays cut off.
    cut: bool,
    /// What was left out and is not said yet.
    unknown: Unknown,
}

/// A number that may be NaN or ±∞, which JSON has no numbers for.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Number(#[serde(with = "api::series::float")] f64);

impl Wandb {
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The log of a run whose folder it is.
    pub(crate) fn own(&self) -> Vec<PathBuf> {
        logs(&self.folder)
    }

    /// The logs, sorted, those of the folder itself or of the runs' folders in it. Links are not followed.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = logs(&self.folder);
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_run = ["offline-run-", "run-"].iter().any(|begin| name.to_string_lossy().starts_with(begin));
            if is_run && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                files.extend(logs(&entry.path()));
            }
        }
        files.sort();
        files
    }
}

/// The logs directly in a folder.
fn logs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let is_log = |path: &PathBuf| {
        let begins = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("run-"));
        begins && path.extension().is_some_and(|ending| ending == "wandb")
    };
    files.map(|entry| entry.path()).filter(is_log).collect()
}

/// Names a run within the log's folder, the same for the same bytes and another for others.
fn key_of(path: &Path, folder: &Path) -> String {
    let below = path.strip_prefix(folder).unwrap_or(path);
    below.to_str().map_or_else(|| below.as_os_str().as_encoded_bytes().escape_ascii().to_string(), str::to_owned)
}

impl Reader for Wandb {
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        fs::read_dir(&self.folder).map_err(file::failed(&self.folder))?;
        let mut place: Place = mark.place();
        let mut since = 0;
        for path in self.files() {
            let key = key_of(&path, &self.folder);
            let run = place.runs.remove(&key).unwrap_or_default();
            let files = files_of(&path);
            let mut reading = Reading {
                key,
                path: &path,
                files,
                run,
                place: &mut place,
                since: &mut since,
                sink,
                held: HashMap::new(),
                count: 0,
                output: String::new(),
                dirty: false,
            };
            reading.tell(Told::Still)?;
            match reading.read() {
                Err(error @ ForeignError::NotTaken(_)) => return Err(error),
                Err(error) => {
                    // Of what is no such log it is said once, and again when it changed; what could not be read is
                    // tried again.
                    if matches!(error, ForeignError::NotOne { .. }) {
                        let stands = fs::metadata(&path).map(|metadata| (metadata.len(), file::modified_ms(&metadata)));
                        (reading.run.length, reading.run.modified_ms) = stands.unwrap_or_default();
                    }
                    reading.tell(file::warning(&path, error.to_string()))?;
                }
                Ok(()) => {}
            }
            reading.place.runs.insert(reading.key, reading.run);
        }
        Mark::of(&place, &self.folder)
    }
}

/// The place of a medium, or of an alert, in a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowPlace {
    pub path: PathBuf,
    /// The first byte of its record.
    pub offset: u64,
    /// The crc32 of the whole record: where it differs, the log was changed.
    pub checksum: u32,
    pub key: String,
    /// The medium within the key's value.
    pub part: usize,
}

/// Reads a medium where it stands, its one record and nothing else of the log.
///
/// # Errors
/// Where the log can't be read, or no longer holds there what it held.
pub fn read_at(place: &RowPlace) -> Result<Media> {
    let RowPlace { path, offset, checksum, key, part } = place;
    let changed = || file::changed(path, *offset);
    file::check_still(path, *offset)?;
    let mut records = Records::open(path, *offset, false)?.ok_or_else(changed)?;
    let Next::Data(data) = records.next().map_err(file::failed(path))? else { return Err(changed()) };
    let media = match Record::decode(data) {
        _ if crc32fast::hash(data) != *checksum => None,
        Ok(Record { what: Some(What::History(history)) }) => {
            let media = Row::of(&history.item).media(&files_of(path)).into_iter().find(|(name, _)| name == key);
            media.and_then(|(_, media)| media.ok())
        }
        Ok(Record { what: Some(What::Alert(alert)) }) => Some(vec![Media::Text(said::alert(&alert))]),
        _ => None,
    };
    media.and_then(|media| media.into_iter().nth(*part)).ok_or_else(changed)
}

/// The folder of a run's files, beside its log.
fn files_of(log: &Path) -> PathBuf {
    log.parent().unwrap_or(Path::new("")).join("files")
}

/// A number that changes with a text.
fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Whether there is something in a file.
fn is_written(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// One run as it is read.
struct Reading<'a, 'b> {
    key: String,
    path: &'a Path,
    /// The folder of its files.
    files: PathBuf,
    run: RunPlace,
    /// Of the other runs.
    place: &'a mut Place,
    /// How much was told since the last mark, in points.
    since: &'a mut usize,
    sink: &'a mut Sink<'b>,
    held: HashMap<String, Vec<Point>>,
    count: usize,
    output: String,
    /// Something of the head changed since it was told.
    dirty: bool,
}

/// Where a record stands in the log.
struct Stands<'a> {
    offset: u64,
    record: &'a [u8],
}

impl Reading<'_, '_> {
    fn tell(&mut self, told: Told) -> Result<()> {
        (self.sink)(told).map_err(ForeignError::NotTaken)
    }

    fn read(&mut self) -> Result<()> {
        let metadata = fs::metadata(self.path).map_err(file::failed(self.path))?;
        if let Some(why) = self.replaced(&metadata)? {
            // What was told stays until there is something else.
            self.run = RunPlace { replaces: true, ..RunPlace::default() };
            self.tell(file::anew(self.path, why))?;
        } else if self.run.offset > 0 && self.run.reads < READS {
            self.run = RunPlace { replaces: true, ..RunPlace::default() };
        }
        self.run.reads = READS;
        if self.changed(&metadata)
            && let Some(mut records) = Records::open(self.path, self.run.offset, self.run.lost)?
        {
            loop {
                let (at, lost) = (records.offset, records.lost);
                let next = match records.next() {
                    Ok(next) => next,
                    Err(error) => {
                        // What was read before is told, and the next reading begins behind it.
                        self.flush(&metadata)?;
                        self.stand(at, lost);
                        return Err(file::failed(self.path)(error));
                    }
                };
                match next {
                    Next::Data(data) => match Record::decode(data) {
                        Ok(Record { what: Some(What::History(history)) }) => {
                            let stands = Stands { offset: at, record: data };
                            self.history(&history, &stands, &metadata)?;
                            self.flush_full(&metadata)?;
                        }
                        Ok(Record { what: Some(What::Alert(alert)) }) => {
                            self.alert(&alert, &Stands { offset: at, record: data }, &metadata)?;
                        }
                        Ok(Record { what: Some(what) }) => self.record(what, &metadata)?,
                        Ok(Record { what: None }) => self.run.unknown.records += 1,
                        Err(error) => self.warn(at, &format!("the record can't be read: {error}"))?,
                    },
                    Next::Bad(at, why) => {
                        // It may have been said while the block was still written to.
                        if self.run.waits.take() != Some(at) {
                            self.warn(at, why)?;
                        }
                    }
                    Next::Waits(at, why) => {
                        if self.run.waits.replace(at) != Some(at) {
                            self.warn(at, why)?;
                        }
                        break;
                    }
                    Next::End => break,
                }
                if self.count + *self.since + self.output.len() / WEIGHT >= HELD {
                    self.flush(&metadata)?;
                    self.stand(records.offset, records.lost);
                    self.checkpoint()?;
                }
            }
            if records.offset > self.run.offset {
                self.run.cut = false;
            }
            self.stand(records.offset, records.lost);
            (self.run.length, self.run.modified_ms) = (metadata.len(), file::modified_ms(&metadata));
            self.run.waits = self.run.waits.filter(|at| *at >= records.offset);
        }
        // One that has died says no summary any more.
        if self.run.exit.is_none() && self.state(&metadata).is_over() {
            self.summary();
        }
        self.flush(&metadata)?;
        if let Some(message) = std::mem::take(&mut self.run.unknown).said() {
            self.tell(file::warning(self.path, message))?;
        }
        let is_said = self.run.lost || self.run.waits.is_some();
        let stays = self.run.length > self.run.offset && self.state(&metadata).is_over() && !is_said;
        if stays && !std::mem::replace(&mut self.run.cut, true) {
            self.tell(file::cut(self.path, self.run.offset))?;
        }
        let begun = self.run.offset > record::HEADER.len() as u64;
        if begun && self.run.told != Some(self.state(&metadata)) { self.head(&metadata) } else { Ok(()) }
    }

    /// Whether the log is not as it was when it was read last.
    fn changed(&self, metadata: &Metadata) -> bool {
        (metadata.len(), file::modified_ms(metadata)) != (self.run.length, self.run.modified_ms)
    }

    /// Why another log stands in the place of the one that was read: nobody takes back what was appended.
    fn replaced(&self, metadata: &Metadata) -> Result<Option<&'static str>> {
        if metadata.len() < self.run.length {
            return Ok(Some("it is shorter than it was: it was read anew"));
        }
        let is_known = self.run.checksum.is_some() && self.changed(metadata);
        let is_another = is_known && file::checksum(self.path, self.run.offset)? != self.run.checksum;
        Ok(is_another.then_some("it is not what it was, as if another stood in its place: it was read anew"))
    }

    /// The log was read up to this byte.
    fn stand(&mut self, offset: u64, lost: bool) {
        (self.run.offset, self.run.lost) = (offset, lost);
        // Where it can't be read now, the next reading has nothing to compare with.
        self.run.checksum = file::checksum(self.path, offset).ok().flatten();
    }

    /// Tells the mark that stands where the log is read.
    fn checkpoint(&mut self) -> Result<()> {
        self.place.runs.insert(self.key.clone(), std::mem::take(&mut self.run));
        let mark = Mark::of(self.place, self.path)?;
        self.run = self.place.runs.remove(&self.key).unwrap_or_default();
        *self.since = 0;
        self.tell(Told::Checkpoint(mark))
    }

    /// The log of the same run that was begun before this one, where it was resumed.
    fn resumed(&self) -> Option<(String, String)> {
        let before = self.place.runs.range(..self.key.clone());
        let mut same = before.filter(|(_, run)| !run.run_id.is_empty() && run.run_id == self.run.run_id);
        let elsewhere = || self.run.is_resumed.then(|| ("resumed".to_owned(), "true".to_owned()));
        same.next().map(|(key, _)| (RESUMED.to_owned(), key.clone())).or_else(elsewhere)
    }

    fn warn(&mut self, at: u64, why: &str) -> Result<()> {
        let place = format!("{}, byte {at}", self.path.display());
        self.tell(Told::LeftOut { place, message: why.to_owned() })
    }

    /// What its end says, else whether somebody writes to it.
    fn state(&self, metadata: &Metadata) -> RunState {
        let quiet = file::unchanged_for(metadata).is_some_and(|since| since > QUIET);
        self.run.exit.unwrap_or(if quiet { RunState::Killed } else { RunState::Running })
    }

    fn head(&mut self, metadata: &Metadata) -> Result<()> {
        // Older clients wrote it beside the log.
        if self.run.environment.is_empty()
            && let Some(environment) = surroundings::written(&self.files)
        {
            self.environment(environment);
        }
        let state = self.state(metadata);
        self.dirty = false;
        self.run.told = Some(state);
        let replaces = std::mem::take(&mut self.run.replaces);
        *self.since += WEIGHT;
        let run = &self.run;
        let created_ms = run.created_ms.unwrap_or_else(|| file::modified_ms(metadata));
        let id = Some(&run.run_id).filter(|id| id.len() == 32).and_then(|id| u128::from_str_radix(id, 16).ok());
        let names = [&run.name, &run.run_id, &self.key];
        let head = Head {
            key: self.key.clone(),
            id: id.map(u128::to_be_bytes),
            name: names.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_default(),
            group: run.project.clone(),
            state,
            created_ms,
            ended_ms: state.is_over().then_some(run.last_ms.max(created_ms)),
            user: run.user.clone(),
            notes: run.notes.clone(),
            params: run.params.clone().into_iter().collect(),
            tags: self.tags(),
            artifacts: Some(self.files.clone()).filter(|files| files.is_dir()),
            commit: run.commit.clone(),
            command: run.command.clone(),
            replaces,
            surroundings: Surroundings {
                environment: run.environment.clone(),
                requirements: value::file_below(REQUIREMENTS, &self.files).ok(),
                patch: value::file_below(PATCH, &self.files).ok().filter(|path| is_written(path)),
                exit_code: run.exit_code,
            },
        };
        self.tell(Told::Run(head))
    }

    /// Of two of one key that of the run's own record.
    fn tags(&self) -> Vec<(String, String)> {
        let own: BTreeSet<&String> = self.run.tags.iter().map(|(key, _)| key).collect();
        let said = self.run.said.iter().filter(|(key, _)| !own.contains(key));
        let said = said.map(|(key, value)| (key.clone(), value.clone()));
        self.run.tags.iter().cloned().chain(said).chain(self.resumed()).collect()
    }

    fn record(&mut self, what: What, metadata: &Metadata) -> Result<()> {
        match what {
            What::Run(run) => self.begin(*run),
            What::Config(config) => {
                self.config(&config.update);
                for item in &config.remove {
                    let gone = value::path_of(item).join(".");
                    let is_below = |key: &str| key.strip_prefix(&gone).is_some_and(|rest| rest.starts_with('.'));
                    self.run.params.retain(|key, _| *key != gone && !is_below(key));
                }
            }
            What::Stats(stats) => self.stats(&stats),
            What::OutputRaw(output) => self.output.push_str(&output.line),
            What::Summary(summary) => {
                let row = Row::of(&summary.update);
                for (key, number) in row.numbers {
                    if !key.starts_with('_') && !self.run.series.contains(&key) && self.is_kept(&key) {
                        self.run.summary.insert(key, Number(number));
                    }
                }
                for (key, text) in row.texts {
                    if !self.run.texts.contains_key(&key) && self.is_kept(&key) {
                        self.run.summary_texts.insert(key, text.chars().take(LONGEST_SAID).collect());
                    }
                }
            }
            What::Environment(environment) => self.environment(*environment),
            What::Exit(exit) => self.exit(exit),
            What::Files(added) => {
                let tells = |path: &str| surroundings::FILES.contains(&path);
                self.dirty |= added.files.iter().any(|file| tells(&file.path));
            }
            What::Artifact(artifact) => {
                let times = self.run.artifacts.entry(artifact.name.clone()).or_default();
                *times += 1;
                let said = said::artifact(&artifact, *times, &self.files);
                self.says(said);
            }
            What::UseArtifact(artifact) => {
                self.says(Some(said::used(&artifact)));
                if let Some(dataset) = said::dataset(&artifact) {
                    self.head(metadata)?;
                    let (run, datasets) = (self.key.clone(), vec![dataset]);
                    self.tell(Told::Inputs(Inputs { run, datasets, models: Vec::new() }))?;
                }
            }
            What::Metric(metric) => self.says(said::step_metric(&metric)),
            What::Preempting(_) => self.says(Some(("preempting".to_owned(), "true".to_owned()))),
            What::OutputLogger(logged) => {
                self.output.push_str(logged.line.trim_end_matches('\n'));
                self.output.push('\n');
            }
            _ => {}
        }
        self.flush_full(metadata)
    }

    fn says(&mut self, tag: Option<(String, String)>) {
        self.dirty |= tag.is_some();
        self.run.said.extend(tag);
    }

    fn flush_full(&mut self, metadata: &Metadata) -> Result<()> {
        if self.count >= HELD || self.output.len() >= HELD_OUTPUT { self.flush(metadata) } else { Ok(()) }
    }

    fn begin(&mut self, run: proto::Run) {
        self.run.is_resumed = run.resumed;
        self.run.said.extend(said::branch(&run));
        self.run.tags = run.tags.into_iter().map(|tag| (tag, String::new())).collect();
        let named = [
            ("group", run.group),
            ("job_type", run.job_type),
            (HOST, run.host),
            ("entity", run.entity),
            ("sweep", run.sweep_id),
        ];
        let named = named.into_iter().filter(|(_, value)| !value.is_empty());
        self.run.tags.extend(named.map(|(key, value)| (key.to_owned(), value)));
        (self.run.run_id, self.run.name, self.run.project) = (run.run_id, run.display_name, run.project);
        self.run.notes = Some(run.notes).filter(|notes| !notes.is_empty());
        self.git(run.git);
        if let Some(time) = run.start_time {
            self.run.created_ms = Some(time.millis());
            self.run.last_ms = self.run.last_ms.max(time.millis());
        }
        // Resumed, it has no end yet.
        (self.run.exit, self.run.exit_code) = (None, None);
        self.config(&run.config.unwrap_or_default().update);
    }

    fn exit(&mut self, exit: Exit) {
        // Another of its writers goes on.
        if exit.not_complete {
            return;
        }
        self.summary();
        let failed = exit.exit_code != 0;
        self.run.exit = Some(if failed { RunState::Failed } else { RunState::Finished });
        self.run.exit_code = Some(exit.exit_code);
        let lasted = i64::from(exit.runtime) * 1000;
        self.run.last_ms = self.run.last_ms.max(self.run.created_ms.unwrap_or_default() + lasted);
        self.dirty = true;
    }

    fn environment(&mut self, environment: Environment) {
        self.dirty = true;
        self.run.environment.extend(surroundings::told(&environment));
        let Environment { args, program, git, host, username, .. } = environment;
        self.run.user = Some(username).filter(|user| !user.is_empty()).or(self.run.user.take());
        if !program.is_empty() {
            self.run.command = Some(std::iter::once(program).chain(args).collect());
        }
        if !host.is_empty() {
            self.run.said.insert(HOST.to_owned(), host);
        }
        self.git(git);
    }

    fn git(&mut self, git: Option<Git>) {
        let Some(Git { remote_url, commit }) = git else { return };
        self.run.commit = Some(commit).filter(|commit| !commit.is_empty()).or(self.run.commit.take());
        if !remote_url.is_empty() {
            self.run.said.insert(REMOTE.to_owned(), surroundings::without_user(&remote_url));
        }
    }

    /// What the summary alone holds becomes points at the last step, and its texts tags.
    fn summary(&mut self) {
        let (step, time_ms) = (self.run.step, self.run.last_ms);
        for (key, Number(value)) in std::mem::take(&mut self.run.summary) {
            if !self.run.series.contains(&key) {
                self.point(key, Point { step, time_ms, value });
            }
        }
        for (key, text) in std::mem::take(&mut self.run.summary_texts) {
            if !self.run.texts.contains_key(&key) {
                self.says(Some((format!("{SUMMARY}{key}"), text)));
            }
        }
    }

    fn config(&mut self, items: &[Item]) {
        self.dirty = true;
        for item in items {
            let path = value::path_of(item);
            // The client's own.
            if path.first().is_some_and(|key| key == "_wandb") {
                continue;
            }
            for (below, leaf) in value::value_of(item).iter().flat_map(|value| value.leaves(".")) {
                let above = path.join(".");
                let key = if below.is_empty() { above } else { format!("{above}.{below}") };
                if self.is_kept(&key) {
                    self.run.params.insert(key, leaf.text());
                }
            }
        }
    }

    fn history(&mut self, history: &History, stands: &Stands<'_>, metadata: &Metadata) -> Result<()> {
        let row = Row::of(&history.item);
        let own = |name: &str| row.numbers.iter().find(|(key, _)| key == name).map(|(_, number)| *number);
        // A row without a step, which no client writes, stands at the one before.
        let step = own("_step").map(|step| step as i64).or(history.step.map(|step| step.num));
        let step = step.unwrap_or(self.run.step);
        let time_ms = own("_timestamp").map_or(self.run.last_ms, |seconds| (seconds * 1000.0).round() as i64);
        self.run.step = step;
        self.run.last_ms = self.run.last_ms.max(time_ms);
        if row.malformed > 0 {
            self.run.unknown.value("history", "a value that is no JSON");
        }
        let media = row.media(&self.files);
        for (key, value) in row.numbers.into_iter().filter(|(key, _)| !key.starts_with('_')) {
            if !self.is_kept(&key) {
                continue;
            }
            if !self.run.series.contains(&key) {
                self.run.summary.remove(&key);
                self.run.series.insert(key.clone());
            }
            self.point(key, Point { step, time_ms, value });
        }
        for (key, media) in media {
            if !self.is_kept(&key) {
                continue;
            }
            let media = match media {
                Ok(media) => media,
                Err(why) => {
                    self.run.unknown.value(&key, &why);
                    continue;
                }
            };
            if let [Media::Text(text)] = &media[..] {
                self.run.summary_texts.remove(&key);
                // One that stays the same, as the phase in each of a million rows, stands where it began.
                let now = hash_of(text);
                if self.run.texts.insert(key.clone(), now) == Some(now) {
                    continue;
                }
            }
            self.media(&key, media, (step, time_ms), stands, metadata)?;
        }
        Ok(())
    }

    /// Tells media of a key, each at its place in a record.
    fn media(
        &mut self,
        key: &str,
        media: Vec<Media>,
        (step, time_ms): (i64, i64),
        stands: &Stands<'_>,
        metadata: &Metadata,
    ) -> Result<()> {
        if self.dirty || self.run.told.is_none() {
            self.head(metadata)?;
        }
        let several = media.len() > 1;
        for (part, media) in media.into_iter().enumerate() {
            let location = Some(match &media {
                Media::File(path) => Location::File { path: path.clone() },
                _ => Location::Row(RowPlace {
                    path: self.path.to_owned(),
                    offset: stands.offset,
                    checksum: crc32fast::hash(stands.record),
                    key: key.to_owned(),
                    part,
                }),
            });
            let key = if several { format!("{key}/{part}") } else { key.to_owned() };
            *self.since += WEIGHT;
            self.tell(Told::Media { run: self.key.clone(), key, step, time_ms, media, location })?;
        }
        Ok(())
    }

    /// Tells an alert as a text under its title.
    fn alert(&mut self, alert: &Alert, stands: &Stands<'_>, metadata: &Metadata) -> Result<()> {
        let key = format!("{ALERTS}{}", alert.title);
        if !self.is_kept(&key) {
            return Ok(());
        }
        let at = (self.run.step, self.run.last_ms);
        self.media(&key, vec![Media::Text(said::alert(alert))], at, stands, metadata)
    }

    /// The machine's load, by the number of the sample.
    fn stats(&mut self, stats: &Stats) {
        let time_ms = stats.timestamp.map_or(self.run.last_ms, proto::Time::millis);
        self.run.last_ms = self.run.last_ms.max(time_ms);
        let step = self.run.samples;
        self.run.samples += 1;
        for item in &stats.item {
            let value = value::json(&item.value_json).as_ref().and_then(crate::value::Value::number);
            if let Some(value) = value.filter(|_| self.is_kept(&item.key)) {
                self.point(format!("system/{}", item.key), Point { step, time_ms, value });
            }
        }
    }

    /// Whether a key is kept; of one that is not nothing is held, and nothing stays with the mark.
    fn is_kept(&mut self, key: &str) -> bool {
        let wrong = key::wrong(key);
        wrong.iter().for_each(|why| self.run.unknown.value(key, why));
        wrong.is_none()
    }

    fn point(&mut self, key: String, point: Point) {
        self.held.entry(key).or_default().push(point);
        self.count += 1;
    }

    /// Tells what is held, after the head where that changed.
    fn flush(&mut self, metadata: &Metadata) -> Result<()> {
        *self.since += std::mem::take(&mut self.count);
        let held = std::mem::take(&mut self.held);
        let output = std::mem::take(&mut self.output);
        if self.dirty || self.run.told.is_none() && !(held.is_empty() && output.is_empty()) {
            self.head(metadata)?;
        }
        for (key, points) in held {
            self.tell(Told::Points { run: self.key.clone(), key, points })?;
        }
        if output.is_empty() {
            return Ok(());
        }
        *self.since += output.len() / WEIGHT;
        self.tell(Told::Output { run: self.key.clone(), text: output })
    }
}
