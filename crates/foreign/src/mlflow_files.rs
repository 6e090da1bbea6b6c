//! MLflow's file store, `mlruns/`: a folder an experiment, within it a folder a run. Runs that were deleted but not
//! for good are told with the tag `mlflow.lifecycle_stage`. Logged models lie in their experiment's
//! folder, the registry beside the experiments. Traces are counted, and not read.

mod meta;
mod models;
mod run;
pub mod write;

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use api::figure::counted;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::{meta::Meta, run::RunMark};
use crate::{
    ForeignError, Mark, Reader, Result, Sink, Told, artifacts,
    file::{self, failed, warning},
    registry::{self, Known},
};

/// Runs that are read at once: what they hold waits in memory to be told.
const TOGETHER: usize = 128;
/// What stands in an experiment's folder beside its runs.
const NO_RUNS: [&str; 4] = ["tags", "datasets", "traces", "models"];
/// Folders that are tried before a folder is taken for no store.
const TRIED: usize = 64;

/// Reads a file store.
pub struct MlflowFiles {
    folder: PathBuf,
}

/// How far a store was read: a mark a run, by its key.
#[derive(Default, Serialize, Deserialize)]
struct StoreMark {
    runs: BTreeMap<String, RunMark>,
    #[serde(default)]
    known: Known,
    /// What each experiment is called, by its folder's name.
    #[serde(default)]
    names: BTreeMap<String, String>,
}

/// A folder of runs.
struct Experiment {
    folder: PathBuf,
    name: String,
    deleted: bool,
    created_ms: Option<i64>,
    /// What it calls its own place, which may have been moved since.
    location: Option<PathBuf>,
}

impl MlflowFiles {
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

/// Whether a folder is a file store: it holds an experiment.
pub(crate) fn is_store(folder: &Path) -> bool {
    let holds = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(TRIED);
        let mut metas = entries.map(|entry| entry.path().join("meta.yaml")).filter(|meta| meta.is_file());
        metas.any(|meta| file::text(&meta).is_ok_and(|text| text.contains("artifact_location:")))
    };
    holds(folder) || holds(&folder.join(".trash"))
}

impl Reader for MlflowFiles {
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        let before: StoreMark = mark.place();
        let (known, names) = (before.known.clone(), before.names.clone());
        let mut after = StoreMark { known, names, ..StoreMark::default() };
        let has_points = Cell::new(false);
        let mut tell = |told: Told| {
            has_points.set(has_points.get() || matches!(told, Told::Points { .. }));
            sink(told).map_err(ForeignError::NotTaken)
        };
        let (experiments, without) = experiments(&self.folder, &mut tell)?;
        let mut without_meta = (without, 0);
        for experiment in &experiments {
            let folder = experiment.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // One without a name that can be read is called after its folder.
            if folder != experiment.name
                && let Some(was) = after.names.insert(folder, experiment.name.clone())
                && was != experiment.name
            {
                tell(Told::Renamed { was, now: experiment.name.clone() })?;
            }
        }
        for experiment in &experiments {
            let runs = match run_folders(&experiment.folder) {
                Ok((runs, without)) => {
                    without_meta.1 += without;
                    runs
                }
                Err(error) => {
                    tell(warning(&experiment.folder, format!("its runs were left out: {error}")))?;
                    continue;
                }
            };
            tell(Told::Still)?;
            for runs in runs.chunks(TOGETHER) {
                tell(Told::Still)?;
                let readings: Vec<_> = runs
                    .par_iter()
                    .map(|folder| {
                        let key = key(folder);
                        let reading = run::read(folder, &key, experiment, before.runs.get(&key));
                        (key, reading)
                    })
                    .collect();
                for (key, mut reading) in readings {
                    std::mem::take(&mut reading.told).into_iter().try_for_each(&mut tell)?;
                    for metric in std::mem::take(&mut reading.long) {
                        reading.go_on(&key, &metric, &mut tell)?;
                    }
                    if reading.in_seconds && after.known.is_changed("times in seconds".to_owned(), &true) {
                        tell(warning(&self.folder, registry::IN_SECONDS))?;
                    }
                    after.runs.insert(key, reading.mark);
                }
            }
            let own: Vec<String> = runs.iter().map(|run| key(run)).collect();
            let keys = models::Keys::of(own.iter());
            let logged = models::logged(experiment, &keys, &mut after.known, &mut tell)?;
            if logged || !runs.is_empty() {
                models::group(experiment, &mut after.known, &mut tell)?;
            }
        }
        let keys = models::Keys::of(after.runs.keys());
        models::registered(&self.folder, &experiments, &keys, &mut after.known, &mut tell)?;
        let is_changed = after.known.is_changed("without meta.yaml".to_owned(), &without_meta);
        if without_meta != (0, 0) && (is_changed || has_points.get()) {
            let (experiments, runs) = without_meta;
            let message = format!(
                "{} and {} were left out: no meta.yaml stands in their folders, which would say what they are",
                counted(experiments, "experiment", "experiments"),
                counted(runs, "run", "runs")
            );
            tell(warning(&self.folder, message))?;
        }
        let traces = experiments.iter().map(|experiment| traces(&experiment.folder)).sum::<u64>();
        let mut elsewhere = after.runs.values().filter_map(|run| run.elsewhere.as_deref()).peekable();
        let address = elsewhere.peek().copied().unwrap_or_default().to_owned();
        let elsewhere = elsewhere.count() as u64;
        // Said again with new points, and of one another, whose reading replaces what was said before.
        let is_changed = after.known.is_changed("traces".to_owned(), &(traces, elsewhere)) || has_points.get();
        if elsewhere > 0 && is_changed {
            tell(warning(&self.folder, artifacts::not_found(elsewhere, &address)))?;
        }
        if traces > 0 && is_changed {
            let what = counted(traces, "trace was", "traces were");
            tell(warning(&self.folder, format!("{what} left out: runs, models and the registry are read")))?;
        }
        Mark::of(&after, &self.folder)
    }
}

/// The same for a run that is moved to the trash with its experiment.
fn key(run: &Path) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("{}/{}", run.parent().map(name).unwrap_or_default(), name(run))
}

/// The store's experiments, those in the trash last, and how many have no `meta.yaml`.
fn experiments(folder: &Path, tell: &mut dyn FnMut(Told) -> Result<()>) -> Result<(Vec<Experiment>, u64)> {
    let (mut experiments, mut without) = (Vec::new(), 0);
    let mut folders = folders(folder).map_err(failed(folder))?;
    let trash = folder.join(".trash");
    let mut links = Vec::new();
    let deleted = if run::is_no_link(&trash, &mut links) { self::folders(&trash) } else { Ok(Vec::new()) };
    links.into_iter().try_for_each(&mut *tell)?;
    match deleted {
        Ok(deleted) => folders.extend(deleted),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tell(warning(&trash, format!("it was left out: {error}")))?,
    }
    for folder in folders {
        let meta = folder.join("meta.yaml");
        let name = match file::text(&meta) {
            // The registry's folder, the trash, or one that is none of MLflow's.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                without += u64::from(is_like_experiment(&folder));
                continue;
            }
            Err(error) => Err(error.to_string()),
            Ok(text) => Meta::parse(&text).map_err(|error| error.to_string()).map(|meta| {
                let location = meta.get("artifact_location").and_then(crate::registry::local);
                let deleted = meta.get("lifecycle_stage") == Some("deleted");
                // Of the experiment that is always there MLflow's own store knows the time; a store without one says 0.
                let created_ms = meta.milliseconds("creation_time").filter(|ms| *ms > 0);
                (meta.get("name").map(str::to_owned), deleted, created_ms, location)
            }),
        };
        let (name, deleted, created_ms, location) = match name {
            Ok(read) => read,
            Err(why) => {
                tell(warning(&meta, format!("the experiment is called after its folder: {why}")))?;
                (None, false, None, None)
            }
        };
        let folder_name = || folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = name.unwrap_or_else(folder_name);
        let deleted = deleted || folder.starts_with(&trash);
        experiments.push(Experiment { folder, name, deleted, created_ms, location });
    }
    Ok((experiments, without))
}

/// Whether a folder without `meta.yaml` held an experiment: MLflow names it by a number, and its runs by their ids.
fn is_like_experiment(folder: &Path) -> bool {
    let is_number = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let is_named = folder.file_name().and_then(|name| name.to_str()).is_some_and(is_number);
    is_named
        && folders(folder).is_ok_and(|runs| runs.iter().any(|run| run.join("meta.yaml").is_file() || is_like_run(run)))
}

/// Whether a folder without `meta.yaml` held a run.
fn is_like_run(folder: &Path) -> bool {
    ["metrics", "params", "artifacts"].iter().any(|name| folder.join(name).is_dir())
}

/// The folders of an experiment's runs, and how many have no `meta.yaml`.
fn run_folders(experiment: &Path) -> io::Result<(Vec<PathBuf>, u64)> {
    let mut runs = folders(experiment)?;
    let mut without = 0;
    runs.retain(|run| {
        let is_run = !NO_RUNS.iter().any(|name| run.ends_with(name));
        let is_whole = is_run && run.join("meta.yaml").is_file();
        without += u64::from(is_run && !is_whole && is_like_run(run));
        is_whole
    });
    Ok((runs, without))
}

/// How many traces an experiment has: a folder each.
fn traces(experiment: &Path) -> u64 {
    let folder = experiment.join("traces");
    let is_folder = fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir());
    if is_folder { folders(&folder).map_or(0, |found| found.len() as u64) } else { 0 }
}

/// The folders in a folder, sorted; links are not followed.
fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.flatten();
    let mut folders: Vec<PathBuf> =
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect();
    folders.sort();
    Ok(folders)
}
