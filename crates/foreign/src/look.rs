//! What logs a folder holds: one function a tool, each told one folder, which says what stands directly in it.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use ignore::WalkBuilder;

use crate::{
    ForeignError, Found, Kind, Mark, Reader, Result, Sink,
    dvc::Dvc,
    dvclive::DvcLive,
    file,
    gathered::Gathered,
    metrics::MetricsFile,
    mlflow_files::{self, MlflowFiles},
    rows,
    tensorboard::{TensorBoard, is_event_file},
    wandb::Wandb,
};

/// Folders within folders that are looked into.
const DEPTH: usize = 16;
/// Folders in which tools keep what is no log.
const CLOSED: [&str; 4] = ["node_modules", "__pycache__", "site-packages", "venv"];
/// Bytes of a file of lines that are read to know it.
const FIRST: usize = 64 << 10;
/// The same of a table, of which a folder of data may hold very many.
const FIRST_OF_TABLE: usize = 16 << 10;
/// Tables of a folder that are looked into: where there are more they are data.
const TABLES: usize = 1_000;

/// Names of folders of TensorBoard's runs.
const EVENT_FOLDERS: [&str; 5] = ["runs", "logs", "lightning_logs", "tb_logs", "tensorboard"];

/// Says which logs stand directly in a folder.
type Finder = fn(&Path) -> Vec<Found>;

/// In order: a log that an earlier one found is not given to a later one.
const FINDERS: [Finder; 6] = [mlflow_files, wandb, dvclive, dvc, metrics, tensorboard];

/// The logs in a folder, the outermost only, sorted by path; of a file, that which it is. Links are not followed.
pub(crate) fn look(folder: &Path) -> Vec<Found> {
    if let Some(parent) = folder.parent().filter(|_| folder.is_file()) {
        let mut found = directly_in(parent, &FINDERS);
        found.retain(|one| one.path == folder);
        return found;
    }
    below(folder, &FINDERS)
}

/// The logs of one kind in a folder. TensorBoard's takes nothing away from others here: programs keep their own files of
/// metrics among its event files.
pub(crate) fn of_kind(folder: &Path, kind: Kind) -> Vec<Found> {
    let [finders @ .., _] = &FINDERS;
    let mut found = below(folder, if kind == Kind::TensorBoard { &FINDERS } else { finders });
    found.retain(|one| one.kind == kind);
    found
}

fn below(folder: &Path, finders: &[Finder]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    // The folders that are a log: what lies within is not looked into.
    let logs = Arc::new(Mutex::new(HashSet::new()));
    let known = Arc::clone(&logs);
    let is_in_log = move |path: &Path| {
        path.parent().is_some_and(|above| known.lock().unwrap_or_else(PoisonError::into_inner).contains(above))
    };
    for folder in folders(folder, is_in_log) {
        // The walk comes to a folder before it comes to what it holds.
        let here = directly_in(&folder, finders);
        if here.iter().any(|one| one.path == folder) {
            logs.lock().unwrap_or_else(PoisonError::into_inner).insert(folder);
        }
        found.extend(here);
    }
    found
}

/// The databases of SQLite in a folder and those below it, by the usual endings of their names, and what stands first in them.
pub(crate) fn databases(folder: &Path) -> Vec<PathBuf> {
    let within = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = folders(folder, |_| false).flat_map(within).map(|entry| entry.path());
    let is_named = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| ["db", "sqlite", "sqlite3"].contains(&ending))
    };
    let mut paths: Vec<PathBuf> = paths.filter(|path| is_named(path) && is_database(path)).collect();
    paths.sort();
    paths
}

/// Whether a file is a database of SQLite, whatever it is called.
pub(crate) fn is_database(path: &Path) -> bool {
    use std::io::Read as _;

    let mut first = [0; 16];
    let read = path.is_file().then(|| fs::File::open(path).and_then(|mut file| file.read_exact(&mut first)));
    matches!(read, Some(Ok(()))) && first == *b"SQLite format 3\0"
}

/// A folder and those below it that may hold logs, by path, but for those that are closed.
fn folders<F>(folder: &Path, is_closed: F) -> impl Iterator<Item = PathBuf> + use<F>
where
    F: Fn(&Path) -> bool + Send + Sync + 'static,
{
    let walk = WalkBuilder::new(folder)
        .standard_filters(false)
        .follow_links(false)
        .max_depth(Some(DEPTH))
        .sort_by_file_path(Path::cmp)
        .filter_entry(move |entry| {
            let name = entry.file_name().to_string_lossy();
            let below = entry.depth() > 0;
            entry.file_type().is_some_and(|kind| kind.is_dir())
                && !(below && (name.starts_with('.') || CLOSED.contains(&&*name) || is_closed(entry.path())))
        })
        .build();
    walk.flatten().map(ignore::DirEntry::into_path)
}

fn directly_in(folder: &Path, finders: &[Finder]) -> Vec<Found> {
    let mut here = Vec::new();
    for finder in finders {
        let known = |one: &Found| here.iter().any(|known: &Found| one.path.starts_with(&known.path));
        let mut more = finder(folder);
        more.retain(|one| !known(one));
        here.extend(more);
    }
    here
}

/// The reader of a log, or of those of its kind below a folder that is none itself, but for the `others`.
pub(crate) fn open(found: &Found, others: &[PathBuf]) -> Box<dyn Reader> {
    if found.kind.is_gathered() && found.path.is_dir() && !is_one(found) {
        return Box::new(Gathered::new(found.kind, found.path.clone(), others.to_vec()));
    }
    open_one(found)
}

/// Whether a folder is itself a log of the kind.
fn is_one(found: &Found) -> bool {
    let Found { kind, path } = found;
    let is_found = directly_in(path, &FINDERS).iter().any(|one| one.kind == *kind && one.path == *path);
    let holds = || match kind {
        // Its reader looks into any depth.
        Kind::TensorBoard => true,
        Kind::Wandb => !Wandb::new(path.clone()).files().is_empty(),
        // Named so by whoever added it, where no other is meant.
        Kind::DvcLive => {
            let has = ["metrics.json", "params.yaml", "plots"].iter().any(|name| path.join(name).exists());
            has && of_kind(path, *kind).is_empty()
        }
        _ => false,
    };
    is_found || holds()
}

/// The reader of a log that was found.
pub(crate) fn open_one(found: &Found) -> Box<dyn Reader> {
    let path = found.path.clone();
    match found.kind {
        Kind::MlflowFiles => Box::new(MlflowFiles::new(path)),
        Kind::DvcLive => Box::new(DvcLive::new(path)),
        Kind::Dvc => Box::new(Dvc::new(path)),
        Kind::Metrics => Box::new(MetricsFile::new(path)),
        Kind::TensorBoard => Box::new(TensorBoard::new(path)),
        Kind::Wandb => Box::new(Wandb::new(path)),
        // [`look`] finds none of these.
        Kind::MlflowDb => Box::new(Unknown { path, kind: found.kind }),
    }
}

/// A log of a kind that can't be read yet.
struct Unknown {
    path: PathBuf,
    kind: Kind,
}

impl Reader for Unknown {
    fn read(&self, _mark: &Mark, _sink: &mut Sink<'_>) -> Result<Mark> {
        let why = format!("logs of the kind {:?} can't be read yet", self.kind);
        Err(ForeignError::NotOne { path: self.path.clone(), what: "log", why })
    }
}

fn one(kind: Kind, path: &Path) -> Vec<Found> {
    vec![Found { kind, path: path.to_owned() }]
}

fn mlflow_files(folder: &Path) -> Vec<Found> {
    if mlflow_files::is_store(folder) { one(Kind::MlflowFiles, folder) } else { Vec::new() }
}

/// The folder of runs by its name, or that of one run, whatever it is called, by the log that it holds.
fn wandb(folder: &Path) -> Vec<Found> {
    let log = Wandb::new(folder.to_owned());
    let holds = if folder.file_name().is_some_and(|name| name == "wandb") { log.files() } else { log.own() };
    if holds.is_empty() { Vec::new() } else { one(Kind::Wandb, folder) }
}

fn dvclive(folder: &Path) -> Vec<Found> {
    let named = folder.file_name().is_some_and(|name| name == "dvclive") && folder.join("metrics.json").is_file();
    let series = folder.join("plots/metrics").is_dir();
    if named || series { one(Kind::DvcLive, folder) } else { Vec::new() }
}

fn dvc(folder: &Path) -> Vec<Found> {
    let path = folder.join("dvc.yaml");
    if path.is_file() { one(Kind::Dvc, &path) } else { Vec::new() }
}

fn metrics(folder: &Path) -> Vec<Found> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut paths: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    paths.sort();
    let mut tables = 0;
    paths.retain(|path| {
        tables += usize::from(is_table(path));
        is_metrics(path, tables <= TABLES)
    });
    paths.into_iter().flat_map(|path| one(Kind::Metrics, &path)).collect()
}

/// Its usual names hold event files in any depth; another folder holds them itself, or each of its folders does, or
/// several do and the rest hold no other log.
fn tensorboard(folder: &Path) -> Vec<Found> {
    let holds = if is_event_folder(folder) {
        !TensorBoard::new(folder.to_owned()).files().is_empty()
    } else {
        has_event_file(folder) || has_event_folders(folder)
    };
    if holds { one(Kind::TensorBoard, folder) } else { Vec::new() }
}

/// By its name.
fn is_event_folder(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| EVENT_FOLDERS.iter().any(|usual| name == *usual))
}

fn has_event_folders(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_open = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with('.') && !CLOSED.contains(&&*name)
    };
    let is_folder = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let below = entries.map(|entry| entry.path()).filter(|path| is_open(path) && is_folder(path));
    let (runs, rest): (Vec<PathBuf>, Vec<PathBuf>) =
        below.partition(|folder| !is_event_folder(folder) && has_event_file(folder));
    let holds_no_other =
        |folder: &PathBuf| !is_event_folder(folder) && look(folder).iter().all(|found| found.kind == Kind::TensorBoard);
    match runs.len() {
        0 => false,
        1 => rest.is_empty(),
        _ => rest.iter().all(holds_no_other),
    }
}

fn has_event_file(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| is_event_file(&entry.path()) && entry.file_type().is_ok_and(|kind| kind.is_file()))
}

/// By its name; other tables, where they are looked into, and JSON Lines, which hold anything, by a step and numbers beside
/// it where they begin.
fn is_metrics(path: &Path, looks_into_tables: bool) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    match (path.file_name().and_then(|name| name.to_str()), ending) {
        (Some("metrics.json" | "metrics.csv" | "metrics.tsv"), _) => true,
        (_, Some("csv")) => looks_into_tables && rows::is_table_by_step(&begin(path, FIRST_OF_TABLE), b','),
        (_, Some("tsv")) => looks_into_tables && rows::is_table_by_step(&begin(path, FIRST_OF_TABLE), b'\t'),
        (_, Some("jsonl" | "ndjson")) => rows::are_lines_by_step(&first_lines(path)),
        _ => false,
    }
}

/// The first lines of a file, of which the first is whole if a row may be so long.
fn first_lines(path: &Path) -> Vec<u8> {
    let few = begin(path, FIRST);
    if few.len() == FIRST && !few.contains(&b'\n') { begin(path, file::PIECE) } else { few }
}

/// Why a file that is named is no log to us, where that is known.
pub(crate) fn refused(path: &Path) -> Option<String> {
    let is_lines = path.extension().is_some_and(|ending| ending == "jsonl" || ending == "ndjson") && path.is_file();
    let first = if is_lines { first_lines(path) } else { Vec::new() };
    let is_too_long = first.len() == file::PIECE && !first.contains(&b'\n');
    is_too_long.then(|| {
        format!("{} can't be read: its first line is longer than 1 MiB, as long as a row may be.", path.display())
    })
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "csv" || ending == "tsv")
}

/// The first bytes of a file; nothing of one that can't be read.
fn begin(path: &Path, bytes_at_most: usize) -> Vec<u8> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(bytes_at_most as u64).read_to_end(&mut bytes));
    if read.is_ok() { bytes } else { Vec::new() }
}
