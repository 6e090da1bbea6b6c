//! The media of a run by key and step: files among its artifacts, and what other tools' logs hold, read in place.

mod saving;
mod sniffing;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    io::{Read as _, Seek as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, RunId,
    figure::count,
    media::{
        Among, GetMedium, GetMediumSteps, GetNearestStep, ListMedia, MOST_STEPS, MediaOfKey, Medium, MediumContent,
        MediumKind, RunMedia, by_key, delimiter_by_name, medium_by_name, nearest,
    },
    run::{Artifact, ListArtifacts, Run},
};
use foreign::{Location, mlflow_image::LoggedImage};
use store::run::RunRow;

use crate::{Engine, beneath, error};
use saving::file_name;
pub use saving::{save, whole};
pub(super) use sniffing::sniffed;
use sniffing::video;

const KEYS: usize = 1_000;
const STEPS: usize = 10_000;
const TEXT_BYTES: u64 = 256 << 10;
const ROWS: usize = 1_000;
/// A table is parsed whole.
const TABLE_BYTES: u64 = 16 << 20;
/// Of many steps that are asked for at once.
const STEPS_BYTES: u64 = 64 << 20;
/// Names the tables of a run that MLflow's `log_table` wrote.
const LOGGED: &str = "mlflow.loggedArtifacts";

/// Where a medium is.
#[derive(Debug, Clone)]
pub(super) enum Lies {
    /// The path of an artifact.
    Artifact(String),
    /// In a log that was read: at this place, from 0, among what it told of the key at the step.
    Log(u64),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) kind: MediumKind,
    pub(super) time_ms: Option<i64>,
    pub(super) lies: Lies,
}

/// The media of a key: of each step those that were logged at it, in the order of their time.
type Steps = BTreeMap<i64, Vec<Entry>>;

/// The bytes of a medium that is shown by them.
#[derive(Debug)]
pub enum Bytes {
    /// The file and its name.
    File(fs::File, String),
    Held(Vec<u8>),
}

/// What an artifact's path says of it: key, step, time. What is logged at no step is at 0.
fn named(path: &str, tables: &HashSet<String>) -> Option<(String, i64, Option<i64>, MediumKind)> {
    if let Some(image) = LoggedImage::of(path) {
        return Some((image.key, image.step, Some(image.time_ms), MediumKind::Image));
    }
    let (stem, kind) = by_name(path, tables)?;
    let (key, step) = stepped(stem).unwrap_or((path, 0));
    Some((key.to_owned(), step, None, kind))
}

/// A path without its ending, and what it is.
fn by_name<'p>(path: &'p str, tables: &HashSet<String>) -> Option<(&'p str, MediumKind)> {
    let by_name = medium_by_name(path);
    if !tables.contains(path) {
        return by_name;
    }
    let plain = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    Some((by_name.map_or(plain, |(stem, _)| stem), MediumKind::Table))
}

/// `samples/step_12` is `samples` at step 12.
fn stepped(stem: &str) -> Option<(&str, i64)> {
    let without = stem.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let step = stem[without.len()..].parse().ok()?;
    let key = without.trim_end_matches(['_', '-', '=']).strip_suffix("step")?;
    let key = key.trim_end_matches(['_', '-', '/', '.']);
    (!key.is_empty()).then_some((key, step))
}

/// Words in front of a number that say that it counts, with nothing between them.
const COUNTED: [&str; 7] = ["step", "epoch", "iter", "iteration", "batch", "frame", "sample"];

/// `samples/epoch_003` is `samples/epoch_` and 3; `conv1` is one name.
fn numbered(stem: &str) -> Option<(&str, i64)> {
    let before = stem.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let number = stem[before.len()..].parse().ok()?;
    let is_parted = before.ends_with(BETWEEN) || COUNTED.iter().any(|word| before.to_lowercase().ends_with(word));
    (is_parted && !before.trim_end_matches(BETWEEN).is_empty()).then_some((before, number))
}

/// What may stand between a name and its number.
const BETWEEN: [char; 5] = ['_', '-', '=', '.', '/'];

/// Files of a folder whose names differ in a number at their end alone, each with the key that they have together and its
/// number as the step: `samples/epoch_001.png` and `samples/epoch_002.png` are `samples/epoch` at steps 1 and 2. No key is
/// one of `taken`, and of two files of one number (`a_1.png`, `a_01.png`) each stays by itself, so that none hides another.
fn series<'p>(
    paths: &[&'p str],
    tables: &HashSet<String>,
    mut taken: HashSet<String>,
) -> HashMap<&'p str, (String, i64)> {
    let mut alike: BTreeMap<(&str, &str), BTreeMap<i64, Vec<&'p str>>> = BTreeMap::new();
    for &path in paths {
        let Some((stem, _)) = by_name(path, tables).filter(|_| LoggedImage::of(path).is_none()) else { continue };
        if stepped(stem).is_some() {
            continue;
        }
        let Some((before, number)) = numbered(stem) else { continue };
        alike.entry((before, &path[stem.len()..])).or_default().entry(number).or_default().push(path);
    }
    let mut found = HashMap::new();
    for ((before, ending), numbers) in alike {
        let alone = numbers.iter().filter_map(|(number, files)| match files[..] {
            [only] => Some((*number, only)),
            _ => None,
        });
        let files: Vec<(i64, &str)> = alone.collect();
        if files.len() < 2 {
            continue;
        }
        let plain = before.trim_end_matches(BETWEEN);
        let key = if taken.insert(plain.to_owned()) { plain.to_owned() } else { format!("{before}*{ending}") };
        found.extend(files.into_iter().map(|(number, path)| (path, (key.clone(), number))));
    }
    found
}

/// The paths that the tag of logged tables names.
fn tables(tag: Option<&str>) -> HashSet<String> {
    let listed: Vec<serde_json::Value> = tag.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let is_table = |one: &&serde_json::Value| one["type"] == "table";
    listed.iter().filter(is_table).filter_map(|one| one["path"].as_str().map(str::to_owned)).collect()
}

/// All media, by key and step, and the run that has them. What it holds is looked through for it.
async fn all(engine: &Engine, run: RunId) -> anyhow::Result<(RunRow, BTreeMap<String, Steps>)> {
    let row = super::find(engine, run).await?;
    let artifacts = super::artifacts(engine, ListArtifacts { run }).await?;
    let of_logs = engine.store().read(move |c| store::medium::list(c, run)).await?;
    let found = among(&row.run, &artifacts, of_logs);
    Ok((row, found))
}

/// What a log of Weights & Biases names by its step is not named by its file, too.
pub(super) fn is_named_by_log(has_log: bool, path: &str) -> bool {
    has_log && path.strip_prefix("artifacts/").unwrap_or(path).starts_with("media/")
}

/// By key and step, of a run's artifacts and of what its log tells of.
fn among(run: &Run, artifacts: &[Artifact], of_logs: Vec<(String, i64, MediumKind)>) -> BTreeMap<String, Steps> {
    let tables = tables(run.tags.get(LOGGED).map(String::as_str));
    let paths: Vec<&str> = artifacts.iter().filter_map(|artifact| artifact.path.strip_prefix("artifacts/")).collect();
    // What a model's folder holds belongs to the model.
    let models: Vec<&str> = paths.iter().filter_map(|path| path.strip_suffix("MLmodel")).collect();
    let mut found: BTreeMap<String, Steps> = BTreeMap::new();
    let (mut wholes, mut copies) = (HashSet::new(), Vec::new());
    let is_own = |path: &&str| {
        !models.iter().any(|model| path.starts_with(model)) && !is_named_by_log(!of_logs.is_empty(), path)
    };
    let paths: Vec<&str> = paths.iter().copied().filter(is_own).collect();
    let keys = paths.iter().filter_map(|path| Some(named(path, &tables)?.0));
    let series = series(&paths, &tables, keys.chain(of_logs.iter().map(|(key, ..)| key.clone())).collect());
    for path in paths {
        let Some((mut key, mut step, time_ms, kind)) = named(path, &tables) else { continue };
        if let Some((together, number)) = series.get(path) {
            (key, step) = (together.clone(), *number);
        }
        let entry = Entry { kind, time_ms, lies: Lies::Artifact(format!("artifacts/{path}")) };
        if LoggedImage::of(path).is_some_and(|image| image.compressed) {
            copies.push((path, key, step, entry));
            continue;
        }
        wholes.insert((key.clone(), step, time_ms));
        put(&mut found, path, (key, step), entry);
    }
    // A picture stands before its small copy, which is nothing of its own.
    for (path, key, step, entry) in copies {
        if !wholes.contains(&(key.clone(), step, entry.time_ms)) {
            put(&mut found, path, (key, step), entry);
        }
    }
    found.values_mut().flat_map(BTreeMap::values_mut).for_each(|of_step| of_step.sort_by_key(|entry| entry.time_ms));
    let mut told: BTreeMap<String, Vec<(i64, MediumKind)>> = BTreeMap::new();
    of_logs.into_iter().for_each(|(key, step, kind)| told.entry(key).or_default().push((step, kind)));
    for (key, of_log) in told {
        found.entry(key).or_default().extend(in_log_by_step(of_log));
    }
    found
}

/// What a log told of a key, by step; of one step as it stands in the log's time.
fn in_log_by_step(told: Vec<(i64, MediumKind)>) -> Steps {
    let mut steps = Steps::new();
    for (step, kind) in told {
        let of_step = steps.entry(step).or_default();
        of_step.push(Entry { kind, time_ms: None, lies: Lies::Log(of_step.len() as u64) });
    }
    steps
}

/// A key is of one kind: what else is called so keeps its path.
fn put(found: &mut BTreeMap<String, Steps>, path: &str, (key, step): (String, i64), entry: Entry) {
    let known = found.get(&key).and_then(|steps| steps.values().flatten().next());
    let is_other_kind = known.is_some_and(|known| known.kind != entry.kind);
    let key = if is_other_kind { path.to_owned() } else { key };
    found.entry(key).or_default().entry(step).or_default().push(entry);
}

/// What was logged by steps, and all that its log tells of: key and step of each.
pub(super) fn logged(
    run: &Run,
    artifacts: &[Artifact],
    of_logs: Vec<(String, i64, MediumKind)>,
) -> Vec<(String, i64, Entry)> {
    let mut found = Vec::new();
    for (key, steps) in among(run, artifacts, of_logs) {
        let by_step = is_by_step(&key, &steps);
        let each = steps.into_iter().flat_map(|(step, of_step)| of_step.into_iter().map(move |entry| (step, entry)));
        let told = each.filter(|(_, entry)| by_step || matches!(entry.lies, Lies::Log(_)));
        found.extend(told.map(|(step, entry)| (key.clone(), step, entry)));
    }
    found
}

pub async fn list(engine: &Engine, request: ListMedia) -> anyhow::Result<RunMedia> {
    let (_, all) = all(engine, request.run).await?;
    let mut asked: Vec<_> = all.into_iter().filter(|(key, _)| request.asks_for(key)).collect();
    // Before they are cut: the first thousand are the first in the order that is seen.
    asked.sort_by(|(left, _), (right, _)| by_key(left, right));
    let total = asked.len() as u64;
    let keys = asked.into_iter().take(KEYS).filter_map(|(key, steps)| {
        let kind = steps.values().flatten().next()?.kind;
        let (total, by_step) = (steps.len() as u64, is_by_step(&key, &steps));
        Some(MediaOfKey { key, kind, steps: thinned(steps.into_keys().collect()), total, by_step })
    });
    Ok(RunMedia { keys: keys.collect(), total })
}

/// What is called as a file is was logged at no step, which is kept as 0.
fn is_by_step(key: &str, steps: &Steps) -> bool {
    let is_file = |entry: &Entry| match &entry.lies {
        Lies::Artifact(path) => path.strip_prefix("artifacts/") == Some(key),
        Lies::Log(_) => medium_by_name(key).is_some(),
    };
    !(steps.len() == 1 && steps.get(&0).is_some_and(|of_step| of_step.iter().all(is_file)))
}

/// At most [`STEPS`], the first and the last among them.
fn thinned(steps: Vec<i64>) -> Vec<i64> {
    if steps.len() <= STEPS {
        return steps;
    }
    let last = steps.len() - 1;
    (0..STEPS).map(|at| steps[at * last / (STEPS - 1)]).collect()
}

/// A medium as it lies.
pub(super) enum Held {
    File(fs::File),
    Told(foreign::Media),
}

struct Opened {
    step: i64,
    kind: MediumKind,
    time_ms: Option<i64>,
    held: Held,
    /// What parts the cells of a table that is no JSON.
    delimiter: Option<u8>,
    /// The name of its file, where it is one.
    file: Option<String>,
    among: Option<Among>,
}

/// Of the media of a step that of a turn, by default the last; and which of how many it is, where there are several.
fn in_turn(of_step: &[Entry], turn: Option<u64>) -> Option<(&Entry, Option<Among>)> {
    let of = of_step.len() as u64;
    let turn = turn.unwrap_or(of);
    let entry = of_step.get(usize::try_from(turn.checked_sub(1)?).ok()?)?;
    Some((entry, (of > 1).then_some(Among { turn, of })))
}

/// A step, by default the last, and a turn of it.
pub type At = (Option<i64>, Option<u64>);

async fn open(engine: &Engine, run: RunId, key: &str, (step, turn): At) -> anyhow::Result<Opened> {
    let (row, steps) = steps_of(engine, run, key, step.as_slice()).await?;
    let found = match step {
        Some(step) => steps.get_key_value(&step),
        None => steps.last_key_value(),
    };
    let Some((&step, of_step)) = found else {
        bail!(ApiError::not_found(format!("The run has no medium \"{key}\" at step {}.", step.unwrap_or_default())));
    };
    let Some((entry, among)) = in_turn(of_step, turn) else {
        let (turn, of) = (turn.unwrap_or_default(), count(of_step.len() as u64));
        let message = format!("Of \"{key}\" at step {step} the run has {of}, counted from 1: there is no {turn}.");
        bail!(ApiError::not_found(message).with_hint("Name none, which is the last."));
    };
    Ok(Opened { among, ..open_entry(engine, &row, key, step, entry).await? })
}

/// The steps of a key, and the run. Where a log has all that are wanted, these alone: it comes before the artifacts,
/// which need not be looked through then.
async fn steps_of(engine: &Engine, run: RunId, key: &str, wanted: &[i64]) -> anyhow::Result<(RunRow, Steps)> {
    if !wanted.is_empty() {
        let named = key.to_owned();
        let steps = engine.store().read(move |c| store::medium::steps(c, run, &named)).await?;
        let of_log = in_log_by_step(steps);
        if wanted.iter().all(|step| of_log.contains_key(step)) {
            return Ok((super::find(engine, run).await?, of_log));
        }
    }
    let (row, mut all) = all(engine, run).await?;
    let steps = all.remove(key).ok_or_else(|| {
        ApiError::not_found(format!("The run has no medium \"{key}\"."))
            .with_hint("List what it has: `slipway run media list RUN`.")
    })?;
    Ok((row, steps))
}

/// Opens what was found, without looking through the run again.
async fn open_entry(engine: &Engine, row: &RunRow, key: &str, step: i64, entry: &Entry) -> anyhow::Result<Opened> {
    let run = row.run.id;
    let Entry { kind, time_ms, lies } = entry.clone();
    match lies {
        Lies::Artifact(path) => {
            let (delimiter, file) = (delimiter_by_name(&path), path.rsplit('/').next().map(ToOwned::to_owned));
            let held = Held::File(super::listed_artifact(engine, row.clone(), path).await?);
            Ok(Opened { step, kind, time_ms, held, delimiter, file, among: None })
        }
        Lies::Log(at) => {
            let InLog { time_ms, held, delimiter } = in_log(engine, run, key.to_owned(), (step, at)).await?;
            Ok(Opened { step, kind, time_ms: Some(time_ms), held, delimiter, file: None, among: None })
        }
    }
}

/// A medium that a log told of.
pub(super) struct InLog {
    pub(super) time_ms: i64,
    pub(super) held: Held,
    /// As of [`Opened`].
    delimiter: Option<u8>,
}

pub(super) async fn in_log(engine: &Engine, run: RunId, key: String, at: (i64, u64)) -> anyhow::Result<InLog> {
    let of_log = engine
        .store()
        .read(move |c| {
            let row = store::medium::get(c, run, &key, at)?;
            let source = row.as_ref().map(|row| store::source::path(c, row.source)).transpose()?.flatten();
            Ok(row.zip(source))
        })
        .await?;
    let (row, source) = of_log.ok_or_else(|| error::missing("run", run))?;
    let location: Location = serde_json::from_value(row.location).context("the place of a medium in its log")?;
    let delimiter = location.path().to_str().and_then(delimiter_by_name);
    let held = tokio::task::spawn_blocking(move || within(&location, Path::new(&source))).await??;
    Ok(InLog { time_ms: row.time_ms, held, delimiter })
}

/// Reads a medium of a log in place. A link that took the place of a folder leads to nothing.
fn within(location: &Location, log: &Path) -> anyhow::Result<Held> {
    let leads_out = || ApiError::invalid(format!("{} leads out of its log.", location.path().display()));
    let gone = |source: std::io::Error| {
        ApiError::not_found(format!("{} can't be read: {source}.", location.path().display()))
            .with_hint("Its log was moved or deleted since it was read.")
    };
    let (real, root) = (location.path().canonicalize().map_err(gone)?, log.canonicalize().map_err(gone)?);
    if !real.starts_with(&root) {
        bail!(leads_out());
    }
    let told = foreign::read_at(location)
        .map_err(|error| ApiError::not_found(format!("{error}.")).with_hint("Read the log again."))?;
    let foreign::Media::File(path) = told else { return Ok(Held::Told(told)) };
    let folder = if log.is_dir() { log } else { log.parent().unwrap_or(log) };
    let relative = path.strip_prefix(folder).map_err(|_| leads_out())?;
    let opened = beneath::folder(folder).and_then(|folder| beneath::file(&folder, relative));
    opened.map(Held::File).map_err(|error| if beneath::leads_out(&error) { leads_out() } else { gone(error) }.into())
}

pub async fn get(engine: &Engine, request: GetMedium) -> anyhow::Result<Medium> {
    let opened = open(engine, request.run, &request.key, (request.step, request.turn)).await?;
    shown(request.key, opened).await
}

pub async fn nearest_step(engine: &Engine, request: GetNearestStep) -> anyhow::Result<i64> {
    let GetNearestStep { run, key, step } = request;
    let (_, steps) = steps_of(engine, run, &key, &[]).await?;
    let found = nearest(steps.into_keys(), step);
    Ok(found.ok_or_else(|| ApiError::not_found(format!("The run has no medium \"{key}\".")))?)
}

pub async fn get_steps(engine: &Engine, request: GetMediumSteps) -> anyhow::Result<Vec<Option<Medium>>> {
    let GetMediumSteps { run, key, steps } = request;
    if steps.len() > MOST_STEPS {
        bail!(ApiError::invalid(format!("At most {MOST_STEPS} steps of a medium are asked for at once.")));
    }
    let (row, of_key) = steps_of(engine, run, &key, &steps).await?;
    let (mut found, mut bytes) = (Vec::with_capacity(steps.len()), 0);
    for step in steps {
        let Some((entry, among)) = of_key.get(&step).and_then(|of_step| in_turn(of_step, None)) else {
            found.push(None);
            continue;
        };
        // One that went, or is damaged, is a gap among the others: asked for by itself it says why.
        let medium = match open_entry(engine, &row, &key, step, entry).await {
            Ok(opened) => shown(key.clone(), Opened { among, ..opened }).await.ok(),
            Err(_) => None,
        };
        bytes += medium.as_ref().map_or(0, |medium| held_bytes(&medium.content));
        if bytes > STEPS_BYTES {
            bail!(ApiError::invalid("These steps of a medium are larger than 64 MiB together: ask for fewer of them."));
        }
        found.push(medium);
    }
    Ok(found)
}

/// What of an answer's size depends on what was logged.
fn held_bytes(content: &MediumContent) -> u64 {
    let texts = |texts: &[String]| texts.iter().map(|text| text.len() as u64).sum::<u64>();
    match content {
        MediumContent::Text { text, .. } => text.len() as u64,
        MediumContent::Table { columns, rows, .. } => texts(columns) + rows.iter().map(|row| texts(row)).sum::<u64>(),
        MediumContent::Histogram { edges, counts } => ((edges.len() + counts.len()) * size_of::<f64>()) as u64,
        MediumContent::Bytes { .. } => 0,
    }
}

async fn shown(key: String, opened: Opened) -> anyhow::Result<Medium> {
    let Opened { step, kind, time_ms, held, delimiter, file, among } = opened;
    let file = file.unwrap_or_else(|| file_name(&key, step, &held));
    let content = tokio::task::spawn_blocking(move || match held {
        Held::File(file) => of_file(file, kind, delimiter),
        Held::Told(media) => of_log(media).and_then(not_huge),
    })
    .await??;
    Ok(Medium { key, kind, step, time_ms, content, file, among })
}

fn of_file(file: fs::File, kind: MediumKind, delimiter: Option<u8>) -> anyhow::Result<MediumContent> {
    let size_bytes = file.metadata().context("read the medium")?.len();
    let read = |limit: u64| -> anyhow::Result<(Vec<u8>, u64)> {
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).context("read the medium")?;
        Ok((bytes, size_bytes))
    };
    match kind {
        MediumKind::Text => {
            let (bytes, size) = read(TEXT_BYTES)?;
            Ok(MediumContent::Text { text: String::from_utf8_lossy(&bytes).into_owned(), is_cut: size > TEXT_BYTES })
        }
        MediumKind::Table => {
            let (bytes, size) = read(TABLE_BYTES)?;
            if size > TABLE_BYTES {
                bail!(
                    ApiError::invalid("The table is larger than 16 MiB, which is not shown.")
                        .with_hint("Save its file from the run's artifacts.")
                );
            }
            delimiter.map_or_else(|| table(&bytes), |delimiter| parted(&bytes, delimiter))
        }
        MediumKind::Histogram => {
            let (bytes, size) = read(TEXT_BYTES)?;
            if size > TEXT_BYTES {
                bail!(
                    ApiError::invalid("The histogram is larger than 256 KiB, which is not shown.")
                        .with_hint("Save its file from the run's artifacts.")
                );
            }
            histogram(&bytes)
        }
        _ => Ok(MediumContent::Bytes { size_bytes }),
    }
}

/// The table that `log_table` wrote: pandas' orientation "split".
fn table(bytes: &[u8]) -> anyhow::Result<MediumContent> {
    #[derive(serde::Deserialize)]
    struct Split {
        columns: Vec<serde_json::Value>,
        data: Vec<Vec<serde_json::Value>>,
    }
    let cell = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    let Split { columns, data } = serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("The table's file holds no columns and data: {error}.")))?;
    Ok(MediumContent::Table {
        columns: columns.iter().map(cell).collect(),
        rows: data.iter().take(ROWS).map(|row| row.iter().map(cell).collect()).collect(),
        total_rows: data.len() as u64,
    })
}

/// A table of lines: the names of its columns, and its rows below them, which need not be of one length.
fn parted(bytes: &[u8], delimiter: u8) -> anyhow::Result<MediumContent> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(bytes);
    let cells = |record: &csv::ByteRecord| -> Vec<String> {
        record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
    };
    let wrong = |error: csv::Error| ApiError::invalid(format!("The table's file can't be read: {error}."));
    let mut record = csv::ByteRecord::new();
    let (mut columns, mut rows, mut total_rows) = (Vec::new(), Vec::new(), 0);
    if reader.read_byte_record(&mut record).map_err(wrong)? {
        columns = cells(&record);
    }
    while reader.read_byte_record(&mut record).map_err(wrong)? {
        if rows.len() < ROWS {
            rows.push(cells(&record));
        }
        total_rows += 1;
    }
    Ok(MediumContent::Table { columns, rows, total_rows })
}

/// Edges and what was counted between each two, as `numpy.histogram` answers them.
pub(super) fn histogram(bytes: &[u8]) -> anyhow::Result<MediumContent> {
    #[derive(serde::Deserialize)]
    struct Counted {
        bins: Vec<f64>,
        counts: Vec<f64>,
    }
    let wrong = |why: String| {
        ApiError::invalid(format!("The histogram's file can't be shown: {why}.")).with_hint(
            "Write {\"bins\": [0, 1, 2], \"counts\": [5, 3]}: the edges rise, and there is one more than counts.",
        )
    };
    let Counted { bins, counts } = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if counts.is_empty() || bins.len() != counts.len() + 1 {
        bail!(wrong(format!("it has {} edges and {} counts", bins.len(), counts.len())));
    }
    if !bins.is_sorted_by(|left, right| left < right) || counts.iter().any(|count| *count < 0.0) {
        bail!(wrong("its edges don't rise, or a count is negative".to_owned()));
    }
    Ok(MediumContent::Histogram { edges: bins, counts })
}

/// What a page can show: as large as a file of the kind may be.
fn not_huge(content: MediumContent) -> anyhow::Result<MediumContent> {
    let bytes = held_bytes(&content);
    match &content {
        MediumContent::Histogram { counts, .. } if bytes > TEXT_BYTES => {
            let buckets = count(counts.len() as u64);
            Err(ApiError::invalid(format!("The histogram has {buckets} buckets, more than are shown.")))
        }
        MediumContent::Table { .. } if bytes > TABLE_BYTES => {
            Err(ApiError::invalid("The table's first rows are larger than 16 MiB, which is not shown."))
        }
        _ => Ok(()),
    }
    .map_err(|error: ApiError| error.with_hint("Save it from the run's media."))?;
    Ok(content)
}

fn of_log(media: foreign::Media) -> anyhow::Result<MediumContent> {
    Ok(match media {
        foreign::Media::Image(bytes) | foreign::Media::Audio(bytes) => {
            MediumContent::Bytes { size_bytes: bytes.len() as u64 }
        }
        foreign::Media::File(path) => bail!(ApiError::invalid(format!("{} is a file of its own.", path.display()))),
        foreign::Media::Text(mut text) => {
            let is_cut = text.len() as u64 > TEXT_BYTES;
            text.truncate(text.floor_char_boundary(TEXT_BYTES as usize));
            MediumContent::Text { text, is_cut }
        }
        foreign::Media::Histogram(histogram) => {
            let finite = |value: f64| if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) };
            MediumContent::Histogram {
                edges: histogram.edges.into_iter().map(finite).collect(),
                counts: histogram.counts.into_iter().map(finite).collect(),
            }
        }
        foreign::Media::Table { columns, rows } => {
            let total_rows = rows.len() as u64;
            MediumContent::Table { columns, rows: rows.into_iter().take(ROWS).collect(), total_rows }
        }
    })
}

/// The bytes of a medium and what they are, which their first bytes say and their name doesn't.
///
/// A drawing and a page are text that a browser could let act: whoever sends them says that nobody may.
pub async fn bytes(engine: &Engine, run: RunId, key: &str, at: At) -> anyhow::Result<(Bytes, &'static str)> {
    let opened = open(engine, run, key, at).await?;
    let bytes = match opened.held {
        Held::File(file) if opened.kind.has_bytes() => Bytes::File(file, key.to_owned()),
        Held::Told(foreign::Media::Image(bytes) | foreign::Media::Audio(bytes)) => Bytes::Held(bytes),
        _ => bail!(ApiError::invalid(format!("\"{key}\" is no picture, sound, video or page."))),
    };
    match opened.kind {
        MediumKind::Drawing => return Ok((bytes, "image/svg+xml")),
        MediumKind::Page => return Ok((bytes, "text/html; charset=utf-8")),
        _ => {}
    }
    let start = match &bytes {
        Bytes::Held(bytes) => bytes[..bytes.len().min(16)].to_vec(),
        Bytes::File(file, _) => {
            let mut file = file.try_clone().context("read the medium")?;
            tokio::task::spawn_blocking(move || {
                let mut start = Vec::new();
                (&file).take(16).read_to_end(&mut start)?;
                file.rewind().map(|()| start)
            })
            .await?
            .context("read the medium")?
        }
    };
    let is_video = opened.kind == MediumKind::Video;
    let Some(kind) = (if is_video { video(&start) } else { sniffed(&start) }) else {
        bail!(ApiError::invalid(format!(
            "\"{key}\" is in no format that is shown: PNG, JPEG, GIF, WebP, AVIF, BMP, SVG, WAV, MP3, AAC, M4A, Ogg, Opus, FLAC, MP4, WebM."
        )));
    };
    Ok((bytes, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_holds_is_shown_where_it_is_not_huge() {
        let histogram = |buckets: usize| {
            let edges = (0..=buckets).map(|edge| edge as f64).collect();
            foreign::Media::Histogram(foreign::Histogram { edges, counts: vec![1.0; buckets] })
        };
        let table = |cell: usize| foreign::Media::Table {
            columns: vec!["a".to_owned()],
            rows: vec![vec!["x".repeat(cell)]; 1_000],
        };
        assert_eq!(held_bytes(&of_log(histogram(10_000)).and_then(not_huge).unwrap()), 20_001 * 8);
        assert_eq!(held_bytes(&of_log(table(1_000)).and_then(not_huge).unwrap()), 1_000_001);
        for (huge, why) in [(histogram(100_000), "has 100,000 buckets"), (table(20_000), "larger than 16 MiB")] {
            let refused = of_log(huge).and_then(not_huge).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn a_name_says_key_and_step() {
        let none = HashSet::new();
        let of = |path: &str| named(path, &none).map(|(key, step, ..)| (key, step));
        assert_eq!(of("samples/step_12.png"), Some(("samples".to_owned(), 12)));
        assert_eq!(of("out-step7.wav"), Some(("out".to_owned(), 7)));
        assert_eq!(of("plot.png"), Some(("plot.png".to_owned(), 0)));
        assert_eq!(of("step_3.png"), Some(("step_3.png".to_owned(), 0)));
        assert_eq!(of("seen/step_4.svg"), Some(("seen".to_owned(), 4)));
        assert_eq!((of("weights.bin"), of("none")), (None, None));
        assert_eq!(of("p.plotly.json"), Some(("p.plotly.json".to_owned(), 0)));
        assert_eq!(of("weights/step_3.histogram.json"), Some(("weights".to_owned(), 3)));
        assert_eq!(of("weights.histogram.json"), Some(("weights.histogram.json".to_owned(), 0)));
        let found = named("seen/step_2.table.json", &none);
        assert_eq!(found, Some(("seen".to_owned(), 2, None, MediumKind::Table)), "nobody needs to say that it is one");
        let tables: HashSet<String> =
            ["seen/step_5.json", "seen_step_6.json", "all.json", "own/step_7.table.json"].map(str::to_owned).into();
        let table = |path: &str| named(path, &tables).map(|(key, step, _, kind)| (key, step, kind));
        for (path, key, step) in [
            ("seen/step_5.json", "seen", 5),
            ("seen_step_6.json", "seen", 6),
            ("all.json", "all.json", 0),
            ("own/step_7.table.json", "own", 7),
        ] {
            assert_eq!(table(path), Some((key.to_owned(), step, MediumKind::Table)));
        }
    }

    #[test]
    fn files_that_differ_in_a_number_alone_are_steps_of_one_key() {
        let tables: HashSet<String> = ["t_1.json", "t_2.json"].map(str::to_owned).into();
        let of = |paths: &[&'static str]| {
            let taken = paths.iter().filter_map(|path| Some(named(path, &tables)?.0)).collect();
            let found = series(paths, &tables, taken);
            let all: BTreeMap<&str, (String, i64)> = found.into_iter().collect();
            all.into_iter().map(|(path, (key, step))| format!("{path} {key} {step}")).collect::<Vec<_>>()
        };
        assert_eq!(
            of(&["samples/epoch_003.png", "samples/epoch_010.png", "samples/plot.png"]),
            ["samples/epoch_003.png samples/epoch 3", "samples/epoch_010.png samples/epoch 10"]
        );
        assert_eq!(
            of(&["img_000120.png", "img_000240.png", "audio-12.wav", "audio-13.wav", "t_1.json", "t_2.json"]),
            [
                "audio-12.wav audio 12",
                "audio-13.wav audio 13",
                "img_000120.png img 120",
                "img_000240.png img 240",
                "t_1.json t 1",
                "t_2.json t 2"
            ]
        );
        assert_eq!(of(&["seen/1.txt", "seen/2.txt", "Epoch7.svg", "Epoch8.svg"]).len(), 4);
        // One alone, another folder, another ending, a name with a number, no name, one that says its step itself.
        assert!(of(&["a_1.png", "b/a_2.png", "a_3.jpg", "conv1.png", "conv2.png", "1.png", "2.png"]).is_empty());
        assert!(of(&["s/step_1.png", "s/step_2.png", "weights_1.bin", "weights_2.bin"]).is_empty());
        assert!(of(&["a_99999999999999999999.png", "a_99999999999999999998.png"]).is_empty(), "no number of ours");
        // None hides another: two of one number, and two of one name.
        assert_eq!(of(&["a_1.png", "a_01.png", "a_2.png", "a_3.png"]), ["a_2.png a 2", "a_3.png a 3"]);
        assert_eq!(
            of(&["a_1.png", "a_2.png", "a_1.wav", "a_2.wav", "b/step_1.png", "b_1.png", "b_2.png"]),
            [
                "a_1.png a 1",
                "a_1.wav a_*.wav 1",
                "a_2.png a 2",
                "a_2.wav a_*.wav 2",
                "b_1.png b_*.png 1",
                "b_2.png b_*.png 2"
            ]
        );
    }

    #[test]
    fn a_histogram_has_one_edge_more_than_counts() {
        let read = |text: &str| histogram(text.as_bytes());
        let content = read(r#"{"bins": [0, 0.5, 2], "counts": [3, 4], "name": "w"}"#).unwrap();
        assert_eq!(content, MediumContent::Histogram { edges: vec![0.0, 0.5, 2.0], counts: vec![3.0, 4.0] });
        for wrong in [
            "[]",
            r#"{"bins": [], "counts": []}"#,
            r#"{"bins": [0], "counts": []}"#,
            r#"{"bins": [0, 1], "counts": [1, 2]}"#,
            r#"{"bins": [1, 0], "counts": [1]}"#,
            r#"{"bins": [0, 1], "counts": [-1]}"#,
            r#"{"bins": [0, 1e999], "counts": [1]}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn of_a_table_of_lines_the_first_names_the_columns() {
        let texts = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let content = parted(b"\xef\xbb\xbfname,score\r\n\"a,\nb\",0.5\nc\n", b',').unwrap();
        let rows = vec![texts(&["a,\nb", "0.5"]), texts(&["c"])];
        assert_eq!(content, MediumContent::Table { columns: texts(&["name", "score"]), rows, total_rows: 2 });
        let content = parted(b"a\tb\n1\t\xff\n", b'\t').unwrap();
        let rows = vec![texts(&["1", "\u{fffd}"])];
        assert_eq!(content, MediumContent::Table { columns: texts(&["a", "b"]), rows, total_rows: 1 });
        let long = "x\n".repeat(ROWS + 6);
        let MediumContent::Table { rows, total_rows, .. } = parted(long.as_bytes(), b',').unwrap() else { panic!() };
        assert_eq!((rows.len(), total_rows), (ROWS, ROWS as u64 + 5));
        assert!(matches!(parted(b"", b',').unwrap(), MediumContent::Table { total_rows: 0, .. }));
    }

    #[test]
    fn of_many_steps_the_ends_stay() {
        let steps = thinned((0..25_000).collect());
        assert_eq!((steps.len(), steps[0], steps[STEPS - 1]), (STEPS, 0, 24_999));
        assert!(steps.is_sorted_by(|left, right| left < right));
    }
}
