//! Writes runs as a file store that MLflow reads. What lies in the folder stays; a run's `meta.yaml` comes last, so
//! that a run that is half written is none.

pub mod keys;
pub mod models;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use api::{
    run::RunState,
    series::Point,
    tracking::{NAME_TAG, RunInput},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use self::keys::{Disk, Refused, refused};
use super::meta::Meta;
use crate::{
    Head, Result,
    file::{self, failed, unwritable},
    registry::GroupHead,
};

const DEFAULT_ID: &str = "0";
/// Stands in `meta.yaml`, for MLflow.
const LIFECYCLE: &str = "mlflow.lifecycle_stage";

/// A store that is written to.
pub struct FileStore {
    folder: PathBuf,
    /// Where it will be read: what it says of its own places.
    place: PathBuf,
    disk: Disk,
    /// Ids by name.
    experiments: BTreeMap<String, String>,
}

/// A run that is being written; it is one once it is [finished](Run::finish).
pub struct Run {
    folder: PathBuf,
    experiment: PathBuf,
    disk: Disk,
    meta: RunMeta,
}

#[derive(Serialize)]
struct ExperimentMeta<'a> {
    artifact_location: &'a str,
    creation_time: i64,
    experiment_id: &'a str,
    last_update_time: i64,
    lifecycle_stage: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct RunMeta {
    artifact_uri: String,
    end_time: Option<i64>,
    entry_point_name: String,
    experiment_id: String,
    lifecycle_stage: String,
    run_id: String,
    run_name: String,
    run_uuid: String,
    source_name: String,
    source_type: u8,
    source_version: String,
    start_time: i64,
    status: u8,
    tags: [String; 0],
    user_id: String,
}

#[derive(Serialize)]
struct InputMeta<'a> {
    source_type: &'a str,
    source_id: &'a str,
    destination_type: &'a str,
    destination_id: &'a str,
    tags: &'a BTreeMap<String, String>,
}

impl FileStore {
    /// Opens a folder, made as needed, with the experiments that it holds.
    ///
    /// # Errors
    /// Where the folder can't be made or read.
    pub fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(unwritable(folder))?;
        let folder = folder.canonicalize().map_err(failed(folder))?;
        Self::open_for(folder.clone(), folder)
    }

    /// The same of a folder that will be moved to `place`.
    ///
    /// # Errors
    /// Where the folder can't be read.
    pub fn open_for(folder: PathBuf, place: PathBuf) -> Result<Self> {
        let mut experiments = BTreeMap::new();
        for experiment in super::folders(&folder).map_err(failed(&folder))? {
            let meta = file::text(&experiment.join("meta.yaml")).ok().and_then(|text| Meta::parse(&text).ok());
            if let Some(meta) = meta
                && let Some(name) = meta.get("name")
                && let Some(id) = experiment.file_name().and_then(|id| id.to_str())
            {
                experiments.insert(name.to_owned(), id.to_owned());
            }
        }
        let default = folder.join(DEFAULT_ID).join("meta.yaml");
        let mut store = Self { folder, place, disk: Disk::of(&default), experiments };
        // Without it MLflow calls the store broken.
        if !store.folder.join(DEFAULT_ID).exists() {
            store.put_experiment(DEFAULT_ID.to_owned(), "Default", 0)?;
            store.disk = Disk::of(&default);
        }
        Ok(store)
    }

    /// Writes what was written about an experiment, which is made where there is none. A tag whose key has no place is left
    /// out and returned.
    ///
    /// # Errors
    /// Where a file can't be written.
    pub fn group(&mut self, head: &GroupHead) -> Result<Vec<Refused>> {
        let created_ms = head.created_ms.unwrap_or_default();
        let id = self.experiment(&head.name, created_ms)?;
        let folder = self.folder.join(&id);
        // That of MLflow's `Default` stands there from the beginning.
        self.put_meta(&id, &head.name, created_ms)?;
        put_pairs(self.disk, &folder.join("tags"), "tag", &texts(&head.tags))
    }

    /// Begins a run in the experiment that its `group` names, with its params and tags. A param or tag whose key
    /// has no place is left out and returned.
    ///
    /// # Errors
    /// Where a file can't be written, or the store holds a run of this id.
    pub fn run(&mut self, id: [u8; 16], head: &Head) -> Result<(Run, Vec<Refused>)> {
        let experiment = self.experiment(&head.group, head.created_ms)?;
        let id = hexadecimal(&id);
        let folder = self.folder.join(&experiment).join(&id);
        fs::create_dir(&folder).map_err(unwritable(&folder))?;
        for name in ["params", "tags", "metrics", "artifacts"] {
            fs::create_dir(folder.join(name)).map_err(unwritable(&folder))?;
        }
        let deleted = |(key, value): &(String, String)| key == LIFECYCLE && value == "deleted";
        let meta = RunMeta {
            artifact_uri: uri(&self.place.join(&experiment).join(&id).join("artifacts")),
            end_time: head.ended_ms,
            entry_point_name: String::new(),
            experiment_id: experiment.clone(),
            lifecycle_stage: if head.tags.iter().any(deleted) { "deleted" } else { "active" }.to_owned(),
            run_id: id.clone(),
            run_name: head.name.clone(),
            run_uuid: id,
            source_name: String::new(),
            source_type: 4,
            source_version: String::new(),
            start_time: head.created_ms,
            status: status(head.state),
            tags: [],
            user_id: head.user.clone().unwrap_or_default(),
        };
        let run = Run { folder, experiment: self.folder.join(experiment), disk: self.disk, meta };
        let refused = run.pairs(head)?;
        Ok((run, refused))
    }

    /// The id of the experiment of this name, made where there is none.
    fn experiment(&mut self, name: &str, now_ms: i64) -> Result<String> {
        if let Some(id) = self.experiments.get(name) {
            return Ok(id.clone());
        }
        let next = |id: &u32| !self.folder.join(id.to_string()).exists();
        let id = (1..).find(next).unwrap_or_default().to_string();
        self.put_experiment(id.clone(), name, now_ms)?;
        Ok(id)
    }

    fn put_experiment(&mut self, id: String, name: &str, created_ms: i64) -> Result<()> {
        let folder = self.folder.join(&id);
        fs::create_dir(&folder).map_err(unwritable(&folder))?;
        self.put_meta(&id, name, created_ms)?;
        self.experiments.insert(name.to_owned(), id);
        Ok(())
    }

    fn put_meta(&self, id: &str, name: &str, created_ms: i64) -> Result<()> {
        let meta = ExperimentMeta {
            artifact_location: &uri(&self.place.join(id)),
            creation_time: created_ms,
            experiment_id: id,
            last_update_time: created_ms,
            lifecycle_stage: "active",
            name,
        };
        put_yaml(&self.folder.join(id).join("meta.yaml"), &meta)
    }
}

impl Run {
    /// Where its artifacts belong.
    pub fn artifacts(&self) -> PathBuf {
        self.folder.join("artifacts")
    }

    /// The keys of metrics that have no place. Of two that clash the first is kept.
    pub fn refused_metrics<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Vec<Refused> {
        refused(self.disk, &self.folder.join("metrics"), "metric", keys)
    }

    /// Appends points of a metric, whose key is none that [`Run::refused_metrics`] names. `false`: it has no place by
    /// itself, and nothing was written.
    ///
    /// # Errors
    /// Where the metric's file can't be written.
    pub fn points(&self, key: &str, points: &[Point]) -> Result<bool> {
        if !self.refused_metrics([key]).is_empty() {
            return Ok(false);
        }
        let path = self.folder.join("metrics").join(key);
        make_parent(&path)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(unwritable(&path))?;
        let mut file = BufWriter::new(file);
        for Point { step, time_ms, value } in points {
            writeln!(file, "{time_ms} {value:?} {step}").map_err(unwritable(&path))?;
        }
        file.flush().map_err(unwritable(&path))?;
        Ok(true)
    }

    /// Sets a tag that was not known when the run began.
    ///
    /// # Errors
    /// Where the tag's file can't be written.
    pub fn tag(&self, key: &str, value: &str) -> Result<()> {
        let path = self.folder.join("tags").join(key);
        fs::write(&path, value).map_err(unwritable(&path))
    }

    /// Says that it was given a dataset.
    ///
    /// # Errors
    /// Where its files can't be written.
    pub fn input(&self, input: &RunInput) -> Result<()> {
        let RunInput { dataset, tags } = input;
        let id = named(&dataset.name, &dataset.digest);
        let folder = self.experiment.join("datasets").join(&id);
        if !folder.exists() {
            fs::create_dir_all(&folder).map_err(unwritable(&folder))?;
            put_yaml(&folder.join("meta.yaml"), dataset)?;
        }
        let folder = self.folder.join("inputs").join(named(&id, &self.meta.run_id));
        fs::create_dir_all(&folder).map_err(unwritable(&folder))?;
        let meta = InputMeta {
            source_type: "DATASET",
            source_id: &id,
            destination_type: "RUN",
            destination_id: &self.meta.run_id,
            tags,
        };
        put_yaml(&folder.join("meta.yaml"), &meta)
    }

    /// Makes it a run.
    ///
    /// # Errors
    /// Where its `meta.yaml` can't be written.
    pub fn finish(self) -> Result<()> {
        put_yaml(&self.folder.join("meta.yaml"), &self.meta)
    }

    fn pairs(&self, head: &Head) -> Result<Vec<Refused>> {
        let own = [
            (NAME_TAG, Some(&head.name)),
            ("mlflow.user", head.user.as_ref()),
            ("mlflow.note.content", head.notes.as_ref()),
            ("mlflow.source.git.commit", head.commit.as_ref()),
        ];
        let own = own.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let kept = head.tags.iter().filter(|(key, _)| key != LIFECYCLE && key != NAME_TAG);
        let tags: Vec<(&str, &String)> = own.chain(kept.map(|(key, value)| (key.as_str(), value))).collect();
        let mut refused = put_pairs(self.disk, &self.folder.join("params"), "param", &texts(&head.params))?;
        refused.extend(put_pairs(self.disk, &self.folder.join("tags"), "tag", &tags)?);
        Ok(refused)
    }
}

fn texts(pairs: &[(String, String)]) -> Vec<(&str, &String)> {
    pairs.iter().map(|(key, value)| (key.as_str(), value)).collect()
}

/// Writes a file a pair; the keys that have no place are returned.
fn put_pairs(disk: Disk, folder: &Path, kind: &'static str, pairs: &[(&str, &String)]) -> Result<Vec<Refused>> {
    let refused = refused(disk, folder, kind, pairs.iter().map(|(key, _)| *key));
    let left: BTreeSet<&str> = refused.iter().map(|one| one.key.as_str()).collect();
    for (key, value) in pairs.iter().filter(|(key, _)| !left.contains(key)) {
        let path = folder.join(key);
        make_parent(&path)?;
        fs::write(&path, value).map_err(unwritable(&path))?;
    }
    Ok(refused)
}

/// The name of a folder that two texts always have: MLflow takes any of 32 digits.
fn named(one: &str, other: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(one.as_bytes());
    hasher.update([0]);
    hasher.update(other.as_bytes());
    hexadecimal(&hasher.finalize()[..16])
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn make_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(unwritable(parent))
}

const fn status(state: RunState) -> u8 {
    match state {
        RunState::Running => 1,
        RunState::Queued => 2,
        RunState::Finished => 3,
        RunState::Failed => 4,
        RunState::Stopped | RunState::Killed => 5,
    }
}

/// A path as a `file:` address; empty where it is none, which MLflow takes for the folder itself.
fn uri(path: &Path) -> String {
    url::Url::from_file_path(path).map(String::from).unwrap_or_default()
}

fn put_yaml(path: &Path, value: &impl Serialize) -> Result<()> {
    let text =
        serde_saphyr::to_string(value).map_err(|error| unwritable(path)(std::io::Error::other(error.to_string())))?;
    fs::write(path, text).map_err(unwritable(path))
}
