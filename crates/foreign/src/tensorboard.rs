//! TensorBoard's event files (`events.out.tfevents.*`): a folder of them is a run, named by its path as TensorBoard
//! names it, and its files are read in the order of their names.

mod proto;
mod record;
pub mod write;

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsStr,
    fs,
    ops::Bound,
    path::{Path, PathBuf},
    time::Duration,
};

use api::{run::RunState, series::Point};
use ignore::WalkBuilder;
use prost::Message as _;
use serde::{Deserialize, Serialize};

use crate::{
    ForeignError, Head, Histogram, Location, Mark, Media, Reader, Result, Sink, Surroundings, Told, file, key,
};
use proto::{Dtype, Event, Histo, HparamsData, Tensor};
use record::{Next, Records};

/// Folders within the log's that are looked into.
const DEPTH: usize = 16;
/// Points that are held before they are told, and that are told at most before a mark is.
const HELD: usize = 80_000;
/// As many points what is told of a run, or a medium, counts for.
const WEIGHT: usize = 64;
/// After so long without a change nobody is taken to be writing any more: PyTorch's writer keeps its points for up to
/// two minutes.
const QUIET: Duration = Duration::from_secs(300);
/// What is said of a value whose tag is no key.
const WRONG_TAG: &str = "tags that are empty, too long or no plain text";
/// Kinds of values that are not read and are named; the rest is counted as one.
const NAMED: usize = 20;

/// A folder of event files in any depth.
pub struct TensorBoard {
    folder: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
struct Place {
    runs: BTreeMap<String, RunPlace>,
    /// How many links it was said of that they are not followed.
    #[serde(default)]
    links: usize,
}

#[derive(Default, Serialize, Deserialize)]
struct RunPlace {
    files: BTreeMap<String, FilePlace>,
    /// The plugin of a tag, which only its first value needs to name.
    plugins: HashMap<String, String>,
    created_ms: Option<i64>,
    params: BTreeMap<String, String>,
    /// What the log itself says.
    end: Option<(RunState, i64)>,
    /// What was told last.
    told: Option<RunState>,
    /// The end that was told with it.
    #[serde(default)]
    told_end: Option<i64>,
    /// The time of its latest event.
    #[serde(default)]
    last_ms: Option<i64>,
    /// The greatest step that holds.
    #[serde(default)]
    last_step: Option<i64>,
    /// Its writer says where it goes on from an earlier step.
    #[serde(default)]
    restarts: bool,
    /// How many values it was said of that they were left out.
    #[serde(default)]
    said: u64,
    /// What was told of it holds no more.
    #[serde(default)]
    replaces: bool,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct FilePlace {
    offset: u64,
    /// Its length and time of change when it was read last: where they are the same, it is not opened.
    #[serde(default)]
    seen: (u64, i64),
    /// The checksum that stands there, behind the last record that was read.
    #[serde(default)]
    checksum: u32,
    /// Its rest can't be read, as it stands.
    lost: bool,
    /// It was told that its last record stays cut off.
    #[serde(default)]
    cut: bool,
    /// Its reading failed, and those behind it were read before its rest.
    #[serde(default)]
    failed: bool,
    /// How many values were left out, by what they are of.
    #[serde(default)]
    unread: BTreeMap<String, u64>,
}

/// Whether a file's name is that of an event file.
pub(crate) fn is_event_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains("tfevents"))
}

/// A name as text, the same for the same bytes and another for others.
fn text(name: &OsStr) -> String {
    name.to_str().map_or_else(|| name.as_encoded_bytes().escape_ascii().to_string(), str::to_owned)
}

/// Of a file that is packed.
fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ["gz", "bz2", "xz", "zst", "zip"].iter().any(|packed| ending == *packed))
}

/// By what a file is known to be as it was.
fn seen(metadata: &fs::Metadata) -> (u64, i64) {
    (metadata.len(), file::modified_ms(metadata))
}

fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

impl TensorBoard {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The event files of each run, by the run's folder. Links are not followed.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<PathBuf>> {
        self.walk().0
    }

    /// The same, and the links that may lead to others.
    fn walk(&self) -> (BTreeMap<PathBuf, Vec<PathBuf>>, Vec<PathBuf>) {
        let walk =
            WalkBuilder::new(&self.folder).standard_filters(false).follow_links(false).max_depth(Some(DEPTH)).build();
        let mut runs: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        let mut links = Vec::new();
        for entry in walk.flatten() {
            let is_link = entry.path_is_symlink();
            let path = entry.into_path();
            if is_link {
                // The log's own folder may be one.
                if path != self.folder && (is_event_file(&path) || path.is_dir()) {
                    links.push(path);
                }
                continue;
            }
            if is_event_file(&path)
                && fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file())
                && let Some(folder) = path.parent()
            {
                runs.entry(folder.to_owned()).or_default().push(path);
            }
        }
        runs.values_mut().for_each(|files| files.sort());
        links.sort();
        (runs, links)
    }

    /// TensorBoard's name of a run: its path below the log's folder, `.` for that folder itself.
    fn name(&self, folder: &Path) -> String {
        let below = folder.strip_prefix(&self.folder).unwrap_or(folder);
        let parts: Vec<String> = below.components().map(|part| text(part.as_os_str())).collect();
        if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
    }

    fn unfollowed(&self, links: &[PathBuf]) -> Told {
        let (count, first) = (links.len(), links.first().map(|path| path.display().to_string()).unwrap_or_default());
        let (links, it) = if count == 1 { ("link is", "it leads") } else { ("links are", "they lead") };
        let message = format!("{count} {links} not followed ({first}): add what {it} to as a log of its own");
        file::warning(&self.folder, message)
    }
}

impl Reader for TensorBoard {
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        fs::read_dir(&self.folder).map_err(file::failed(&self.folder))?;
        let mut place: Place = mark.place();
        let group = self.folder.file_name().map(text).unwrap_or_default();
        let (runs, links) = self.walk();
        if links.len() > place.links {
            sink(self.unfollowed(&links)).map_err(ForeignError::NotTaken)?;
        }
        place.links = links.len();
        let mut since = 0;
        for (folder, files) in runs {
            let name = self.name(&folder);
            let run = place.runs.remove(&name).unwrap_or_default();
            let mut reading = Reading {
                name,
                folder: &folder,
                group: &group,
                run,
                place: &mut place,
                since: &mut since,
                sink,
                held: HashMap::new(),
                count: 0,
                left_out: BTreeMap::new(),
            };
            reading.check(&files)?;
            let mut state = RunState::Finished;
            for path in files {
                if let Ok(metadata) = fs::metadata(&path)
                    && file::state(&metadata, QUIET) == RunState::Running
                {
                    state = RunState::Running;
                }
                (reading.sink)(Told::Still).map_err(ForeignError::NotTaken)?;
                reading.file(&path)?;
            }
            reading.end(state)?;
        }
        Mark::of(&place, &self.folder)
    }
}

/// A medium's place in an event file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPlace {
    pub path: PathBuf,
    /// The first byte of its record.
    pub offset: u64,
    /// The record's masked crc32c: where it differs, the file was changed.
    pub checksum: u32,
    /// The value within the record.
    pub value: usize,
    /// The medium within the value.
    pub part: usize,
    /// What wrote it, which only the first record of its key needs to name.
    pub plugin: Option<String>,
}

/// Reads a medium where it stands, its one record and nothing else of the file.
///
/// # Errors
/// Where the file can't be read, or no longer holds there what it held.
pub fn read_at(place: &EventPlace) -> Result<Media> {
    let EventPlace { path, offset, checksum, value, part, plugin } = place;
    let changed = || file::changed(path, *offset);
    file::check_still(path, *offset)?;
    let mut records = Records::open(path, *offset)?;
    let event = match records.next().map_err(file::failed(path))? {
        Next::Data(data) => Event::decode(data).ok(),
        _ => None,
    };
    event
        .filter(|_| records.checksum == *checksum)
        .and_then(|event| event.summary?.value.into_iter().nth(*value))
        .and_then(|value| media_of(plugin.as_deref(), value)?.into_iter().nth(*part))
        .ok_or_else(changed)
}

/// The record that is read.
struct Record<'a> {
    path: &'a Path,
    /// The file's name.
    key: &'a str,
    offset: u64,
    checksum: u32,
}

impl Record<'_> {
    fn location(&self, value: usize, part: usize, plugin: Option<String>) -> Location {
        let (path, offset, checksum) = (self.path.to_owned(), self.offset, self.checksum);
        Location::Event(EventPlace { path, offset, checksum, value, part, plugin })
    }
}

/// The location of a value's part that a plugin wrote.
type Locate<'a> = dyn Fn(usize, Option<String>) -> Location + 'a;

/// One run as it is read.
struct Reading<'a, 'b> {
    name: String,
    folder: &'a Path,
    group: &'a str,
    run: RunPlace,
    /// Of the other runs.
    place: &'a mut Place,
    /// How much was told since the last mark, in points.
    since: &'a mut usize,
    sink: &'a mut Sink<'b>,
    held: HashMap<String, Vec<Point>>,
    count: usize,
    /// How many values of the file were left out now, by what they are of.
    left_out: BTreeMap<String, u64>,
}

impl Reading<'_, '_> {
    fn tell(&mut self, told: Told) -> Result<()> {
        (self.sink)(told).map_err(ForeignError::NotTaken)
    }

    /// When it ended: where the log does not say it, with its last event.
    fn ended(&self, state: RunState) -> Option<i64> {
        self.run.end.map(|(_, at)| at).or(self.run.last_ms.filter(|_| state.is_over()))
    }

    fn head(&mut self, state: RunState) -> Result<()> {
        let ended_ms = self.ended(state);
        (self.run.told, self.run.told_end) = (Some(state), ended_ms);
        let replaces = std::mem::take(&mut self.run.replaces);
        *self.since += WEIGHT;
        let head = Head {
            key: self.name.clone(),
            id: None,
            name: if self.name == "." && !self.group.is_empty() { self.group.to_owned() } else { self.name.clone() },
            group: self.group.to_owned(),
            state,
            created_ms: self.run.created_ms.unwrap_or_default(),
            ended_ms,
            user: None,
            notes: None,
            params: self.run.params.clone().into_iter().collect(),
            tags: Vec::new(),
            artifacts: None,
            commit: None,
            command: None,
            replaces,
            surroundings: Surroundings::default(),
        };
        self.tell(Told::Run(head))
    }

    /// Reads all of the run again where a file of it is not what was read: of a point nobody knows which file told it. What
    /// was told stays until there is something else.
    fn check(&mut self, files: &[PathBuf]) -> Result<()> {
        let is_another = |path: &&PathBuf| {
            let place = path.file_name().map(text).and_then(|key| self.run.files.get(&key));
            // What can't be looked at now is said by who reads it.
            place.is_some_and(|place| {
                let is_seen = fs::metadata(path).is_ok_and(|metadata| place.seen == seen(&metadata));
                let is_read = place.offset > 0 && !is_seen;
                is_read && Records::stands(path, place.offset, place.checksum).is_ok_and(|stands| !stands)
            })
        };
        let others: Vec<&PathBuf> = files.iter().filter(is_another).collect();
        if !others.is_empty() {
            self.run = RunPlace { replaces: true, ..RunPlace::default() };
        }
        let why = "it is not what it was, as if written anew: its run was read from the beginning";
        others.into_iter().try_for_each(|path| self.tell(file::anew(path, why)))
    }

    /// Reads on in a file; what is damaged in it is told.
    fn file(&mut self, path: &Path) -> Result<()> {
        let key = path.file_name().map(text).unwrap_or_default();
        let mut place = self.run.files.remove(&key).unwrap_or_default();
        match self.read_on(path, &key, &mut place) {
            Err(ForeignError::File { source, .. }) => {
                place.failed = true;
                self.tell(file::warning(path, source.to_string()))?;
            }
            other => other?,
        }
        self.count_left_out(&mut place);
        self.run.files.insert(key, place);
        Ok(())
    }

    fn count_left_out(&mut self, place: &mut FilePlace) {
        for (of, count) in std::mem::take(&mut self.left_out) {
            add(&mut place.unread, &of, count);
        }
    }

    fn read_on(&mut self, path: &Path, key: &str, place: &mut FilePlace) -> Result<()> {
        let metadata = fs::metadata(path).map_err(file::failed(path))?;
        let seen = seen(&metadata);
        if place.seen != seen {
            if is_packed(path) {
                if !std::mem::replace(&mut place.lost, true) {
                    let message = "it is compressed, and is not read so: unpack it beside this file, then it is read";
                    self.tell(file::warning(path, message))?;
                }
            } else {
                self.records(path, key, place)?;
            }
            place.seen = seen;
        }
        let stays = metadata.len() > place.offset && file::state(&metadata, QUIET).is_over() && !place.lost;
        if !stays || std::mem::replace(&mut place.cut, true) {
            Ok(())
        } else {
            self.tell(file::cut(path, place.offset))
        }
    }

    fn records(&mut self, path: &Path, key: &str, place: &mut FilePlace) -> Result<()> {
        if place.offset > 0 && !Records::stands(path, place.offset, place.checksum)? {
            *place = FilePlace::default();
            self.read_later_again(key);
            self.tell(file::anew(path, "it is not what it was, as if written anew: it was read from its beginning"))?;
        }
        // Where it can't be read on may be another record since.
        let lost = std::mem::take(&mut place.lost).then_some(place.offset);
        let mut records = Records::open(path, place.offset)?;
        loop {
            let (at, last) = (records.offset, records.last);
            let next = match records.next() {
                Ok(next) => next,
                Err(error) => {
                    // What was read before is told, and the next reading begins behind it.
                    self.flush()?;
                    if at > place.offset {
                        (place.offset, place.checksum, place.cut) = (at, last, false);
                    }
                    return Err(file::failed(path)(error));
                }
            };
            let why = match next {
                Next::Data(data) => match Event::decode(data) {
                    Ok(event) => {
                        // It holds one thing.
                        if event.summary.is_none() {
                            proto::unread(data).into_iter().for_each(|of| self.leave_out(of));
                        }
                        if std::mem::take(&mut place.failed) {
                            self.read_later_again(key);
                        }
                        self.event(event, &Record { path, key, offset: at, checksum: records.checksum })?;
                        if self.count + *self.since >= HELD {
                            self.flush()?;
                            self.count_left_out(place);
                            (place.offset, place.checksum, place.cut) = (records.offset, records.last, false);
                            self.checkpoint(key, place)?;
                        }
                        continue;
                    }
                    Err(error) => format!("the record is no event: {error}"),
                },
                Next::Bad(why) => why.to_owned(),
                Next::Lost => {
                    place.lost = true;
                    if lost == Some(at) {
                        break;
                    }
                    "a record's length is damaged; the rest of the file can't be read".to_owned()
                }
                Next::End => break,
            };
            let place_of = format!("{}, byte {at}", path.display());
            self.tell(Told::LeftOut { place: place_of, message: why })?;
            if place.lost {
                break;
            }
        }
        if records.offset > place.offset {
            (place.checksum, place.cut) = (records.last, false);
        }
        (place.offset, place.failed) = (records.offset, false);
        self.flush()
    }

    /// What comes of a file behind those that are later, though it stands before them: where it goes back to an earlier step,
    /// what they say comes behind it again.
    fn read_later_again(&mut self, key: &str) {
        if self.run.restarts {
            let behind = (Bound::Excluded(key), Bound::Unbounded);
            self.run.files.range_mut::<str, _>(behind).for_each(|(_, later)| *later = FilePlace::default());
        }
    }

    /// Tells the mark that stands at a place of one of the run's files.
    fn checkpoint(&mut self, key: &str, file: &FilePlace) -> Result<()> {
        self.run.files.insert(key.to_owned(), file.clone());
        self.place.runs.insert(self.name.clone(), std::mem::take(&mut self.run));
        let mark = Mark::of(self.place, self.folder)?;
        self.run = self.place.runs.remove(&self.name).unwrap_or_default();
        self.run.files.remove(key);
        *self.since = 0;
        self.tell(Told::Checkpoint(mark))
    }

    fn event(&mut self, event: Event, record: &Record<'_>) -> Result<()> {
        let time_ms = millis(event.wall_time);
        if self.run.created_ms.is_none() {
            self.run.created_ms = Some(time_ms);
            self.head(RunState::Running)?;
        }
        self.run.last_ms = self.run.last_ms.max(Some(time_ms));
        if let Some(version) = &event.file_version {
            self.run.restarts = proto::says_restarts(version);
        }
        if event.session_log.is_some_and(|log| log.status == proto::START) {
            self.restart(event.step, record.key)?;
        }
        let Some(summary) = event.summary else { return Ok(()) };
        self.run.last_step = self.run.last_step.max(Some(event.step));
        for (at, value) in summary.value.into_iter().enumerate() {
            self.value(value, event.step, time_ms, &|part, plugin| record.location(at, part, plugin))?;
        }
        Ok(())
    }

    /// A session that starts at a step: what one before it wrote of this step and later holds no more, as TensorBoard's
    /// `event_accumulator.py` has it (`_CheckForRestartAndMaybePurge`).
    fn restart(&mut self, step: i64, key: &str) -> Result<()> {
        if !self.run.restarts || self.run.last_step.is_none_or(|last| last < step) {
            return Ok(());
        }
        self.run.last_step = step.checked_sub(1);
        // Those of them that were read already.
        self.read_later_again(key);
        self.flush()?;
        self.tell(Told::Rewound { run: self.name.clone(), step })
    }

    fn value(&mut self, value: proto::Value, step: i64, time_ms: i64, locate: &Locate<'_>) -> Result<()> {
        // Nothing of it is held, nor kept with the mark.
        if key::wrong(&value.tag).is_some() {
            self.leave_out(WRONG_TAG);
            return Ok(());
        }
        if let Some(number) = value.simple_value {
            self.point(value.tag, Point { step, time_ms, value: f64::from(number) });
            return Ok(());
        }
        let tag = value.tag.clone();
        if let Some(plugin) = value.metadata.as_ref().and_then(|metadata| metadata.plugin.as_ref()) {
            if plugin.name == "hparams" {
                return self.hparams(&plugin.content);
            }
            self.run.plugins.insert(tag.clone(), key::shown(&plugin.name));
        }
        let plugin = self.run.plugins.get(&tag).cloned();
        if let (Some("scalars"), Some(tensor)) = (plugin.as_deref(), &value.tensor) {
            match tensor.numbers().as_deref() {
                Some([value, ..]) => self.point(tag, Point { step, time_ms, value: *value }),
                _ => self.leave_out("scalars that are no real numbers"),
            }
            return Ok(());
        }
        let Some(media) = media_of(plugin.as_deref(), value) else {
            self.leave_out(plugin.as_deref().unwrap_or("no plugin"));
            return Ok(());
        };
        let several = media.len() > 1;
        for (part, media) in media.into_iter().enumerate() {
            let key = if several { format!("{tag}/{part}") } else { tag.clone() };
            let location = Some(locate(part, plugin.clone()));
            *self.since += WEIGHT;
            self.tell(Told::Media { run: self.name.clone(), key, step, time_ms, media, location })?;
        }
        Ok(())
    }

    /// Counts a value that is not read.
    fn leave_out(&mut self, of: &str) {
        let name: String = of.chars().filter(|one| !one.is_control()).take(60).collect();
        add(&mut self.left_out, &name, 1);
    }

    /// Says what of the run was left out, all of it again once it is more.
    fn say_left_out(&mut self) -> Result<()> {
        let mut all = BTreeMap::new();
        for (of, count) in self.run.files.values().flat_map(|file| &file.unread) {
            add(&mut all, of, *count);
        }
        let total: u64 = all.values().sum();
        let before = std::mem::replace(&mut self.run.said, total);
        if total <= before {
            return Ok(());
        }
        let named: Vec<String> = all.iter().map(|(of, count)| format!("{count} of {of}")).collect();
        let values = if total == 1 { "value" } else { "values" };
        let message = format!("{total} {values} of kinds that are not read were left out: {}", named.join(", "));
        self.tell(file::warning(self.folder, message))
    }

    fn point(&mut self, tag: String, point: Point) {
        self.held.entry(tag).or_default().push(point);
        self.count += 1;
    }

    fn flush(&mut self) -> Result<()> {
        *self.since += std::mem::take(&mut self.count);
        for (key, points) in std::mem::take(&mut self.held) {
            self.tell(Told::Points { run: self.name.clone(), key, points })?;
        }
        Ok(())
    }

    fn hparams(&mut self, content: &[u8]) -> Result<()> {
        let Ok(data) = HparamsData::decode(content) else {
            let message = "its hyperparameters can't be read".to_owned();
            return self.tell(Told::Warning { place: self.name.clone(), message });
        };
        for (name, value) in data.start.into_iter().flat_map(|start| start.hparams) {
            if key::wrong(&name).is_some() {
                self.leave_out(WRONG_TAG);
            } else {
                self.run.params.insert(name, value.shown());
            }
        }
        if let Some(end) = data.end {
            let state = match end.status {
                1 => Some(RunState::Finished),
                2 => Some(RunState::Failed),
                _ => None,
            };
            self.run.end = state.map(|state| (state, millis(end.end_time_secs)));
        }
        self.head(self.run.end.map_or(RunState::Running, |(state, _)| state))
    }

    /// The state at the end of a reading: what the log says, else whether somebody writes to it.
    fn end(mut self, state: RunState) -> Result<()> {
        let state = self.run.end.map_or(state, |(state, _)| state);
        let is_told = self.run.told == Some(state) && self.run.told_end == self.ended(state);
        if self.run.created_ms.is_some() && !is_told {
            self.head(state)?;
        }
        self.say_left_out()?;
        self.place.runs.insert(self.name, self.run);
        Ok(())
    }
}

/// Counts among few names.
fn add(counts: &mut BTreeMap<String, u64>, name: &str, count: u64) {
    let full = counts.len() >= NAMED && !counts.contains_key(name);
    *counts.entry(if full { "others" } else { name }.to_owned()).or_default() += count;
}

/// Its first edge is the least value and its last the greatest, as TensorBoard's `data_compat` shows it.
fn old_histogram(histogram: Histo) -> Option<Media> {
    let Histo { min, max, bucket_limit: limits, bucket: counts } = histogram;
    let (_, inner) = limits.split_last()?;
    if limits.len() != counts.len() {
        return None;
    }
    let edges = std::iter::once(min).chain(inner.iter().copied()).chain([max]).collect();
    Some(Media::Histogram(Histogram { edges, counts }))
}

/// What a value holds beside a number, in either of TensorBoard's forms; `None` where that is not read.
fn media_of(plugin: Option<&str>, value: proto::Value) -> Option<Vec<Media>> {
    match (value.image, value.histo, value.audio, value.tensor) {
        (Some(image), ..) => Some(vec![Media::Image(image.encoded)]),
        (_, Some(histogram), ..) => old_histogram(histogram).map(|histogram| vec![histogram]),
        (_, _, Some(audio), _) => Some(vec![Media::Audio(audio.encoded)]),
        (.., Some(tensor)) => tensor_media(plugin, tensor),
        _ => None,
    }
}

/// What a plugin's tensor holds: histograms are rows of left edge, right edge and count; images two strings of
/// their width and height before the pictures; sounds may come with a label each.
fn tensor_media(plugin: Option<&str>, tensor: Tensor) -> Option<Vec<Media>> {
    match plugin {
        Some("histograms") => {
            let numbers = tensor.numbers()?;
            let (rows, _) = numbers.as_chunks::<3>();
            // One of no values has no rows.
            let Some([_, last, _]) = rows.last() else { return Some(Vec::new()) };
            let edges = rows.iter().map(|[left, ..]| *left).chain([*last]).collect();
            let counts = rows.iter().map(|[.., count]| *count).collect();
            Some(vec![Media::Histogram(Histogram { edges, counts })])
        }
        Some("images") => Some(tensor.string_val.into_iter().skip(2).map(Media::Image).collect()),
        Some("audio") => {
            let labelled = tensor.shape.as_ref().is_some_and(|shape| shape.dim.len() == 2);
            Some(tensor.string_val.into_iter().step_by(if labelled { 2 } else { 1 }).map(Media::Audio).collect())
        }
        Some("text") if tensor.dtype() == Dtype::String => {
            let lines: Vec<_> = tensor.string_val.iter().map(|line| String::from_utf8_lossy(line)).collect();
            Some(vec![Media::Text(lines.join("\n"))])
        }
        _ => None,
    }
}
