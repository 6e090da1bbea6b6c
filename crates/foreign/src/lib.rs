//! Run logs that other tools leave in a folder, read where they lie: nothing is copied, nothing is written there.
//!
//! [`look()`] says which logs a folder holds. A [`Reader`] tells what a log holds, and told again what was added
//! since: it remembers how far it read in a [`Mark`], which its caller keeps. What can't be read is told as
//! [`Told::Warning`] and left out; only a log that can't be read at all is an error. This room knows nothing of
//! the store and the network, and never executes anything that it reads (no pickle, no Python).

pub mod artifacts;
pub mod dvc;
pub mod dvclive;
mod file;
mod gathered;
mod key;
mod look;
pub mod metrics;
pub mod mlflow_files;
pub mod mlflow_image;
pub mod mlmodel;
pub mod registry;
mod rows;
pub mod tensorboard;
mod value;
pub mod wandb;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use api::{run::RunState, series::Point, source::Kind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A log that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub kind: Kind,
    /// The folder or file that a [`Reader`] is opened on.
    pub path: PathBuf,
}

/// How far a log was read: opaque to everybody but its reader, kept as JSON beside what was told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark(pub serde_json::Value);

impl Mark {
    /// The mark that says how far a reader came in the log at `path`.
    fn of(place: &impl Serialize, path: &Path) -> Result<Self> {
        serde_json::to_value(place).map(Self).map_err(|error| file::failed(path)(error.into()))
    }

    /// What it says to its reader. One that can't be understood is that of a log that was never read.
    fn place<T: DeserializeOwned + Default>(&self) -> T {
        serde_json::from_value(self.0.clone()).unwrap_or_default()
    }
}

/// What stands in a log about one run. Told first of a run, and again whenever something of it changed: a later
/// head replaces the earlier one's single values, and adds to its params and tags unless it [`replaces`](Head::replaces)
/// them.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Names the run within its log, the same at each reading.
    pub key: String,
    /// The id that its tool gave it, where it is 32 hexadecimal digits.
    pub id: Option<[u8; 16]>,
    pub name: String,
    /// The experiment, project or parent folder that it stands under.
    pub group: String,
    pub state: RunState,
    pub created_ms: i64,
    pub ended_ms: Option<i64>,
    pub user: Option<String>,
    /// Markdown.
    pub notes: Option<String>,
    pub params: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
    /// The folder of its artifacts, to be read in place.
    pub artifacts: Option<PathBuf>,
    /// The commit of its code.
    pub commit: Option<String>,
    pub command: Option<Vec<String>>,
    /// What was told of it before holds no more: its points, media, output and params are replaced, and tags that are not
    /// among these end.
    pub replaces: bool,
    pub surroundings: Surroundings,
}

/// What a run ran on and in, as far as its log says it. Files lie beside the log, and no link leads to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// By the names that a run's environment has: "machine.cpu", "package.python", a variable's own.
    pub environment: BTreeMap<String, String>,
    /// Python's packages, as `pip freeze` lists them.
    pub requirements: Option<PathBuf>,
    /// What was not committed, as `git diff` writes it.
    pub patch: Option<PathBuf>,
    pub exit_code: Option<i32>,
}

/// What was logged at a step beside numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Media {
    /// An encoded picture (PNG, JPEG, GIF, WebP), as it stands in the log.
    Image(Vec<u8>),
    /// An encoded sound (WAV, OGG, MP3).
    Audio(Vec<u8>),
    /// A file beside the log.
    File(PathBuf),
    Text(String),
    Histogram(Histogram),
    /// Column names and rows of text.
    Table {
        columns: Vec<String>,
        rows: Vec<Vec<String>>,
    },
}

/// Counts between edges: one edge more than counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    pub edges: Vec<f64>,
    pub counts: Vec<f64>,
}

impl Histogram {
    /// The same with finite edges that rise, as numpy's do: TensorBoard's may begin with a bucket that ends before it
    /// begins. What was counted in such a bucket counts in the next; of one value alone there is one bucket around it.
    pub fn rising(&self) -> Self {
        let finite = |value: &f64| if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) };
        let first = self.edges.first().map_or(0.0, finite);
        let (mut edges, mut counts, mut held) = (vec![first], Vec::new(), 0.0);
        let mut last = first;
        for (right, count) in self.edges.iter().skip(1).map(finite).zip(self.counts.iter().map(finite)) {
            held += count.max(0.0);
            if right > last {
                edges.push(right);
                counts.push(std::mem::take(&mut held));
                last = right;
            }
        }
        match counts.last_mut() {
            Some(count) => *count += held,
            None => {
                let half = (first.abs() * 1e-9).max(0.5);
                edges = [first - half, first + half].map(|edge| edge.clamp(f64::MIN, f64::MAX)).to_vec();
                counts = vec![held];
            }
        }
        Self { edges, counts }
    }
}

/// Where a medium stands in its log, so that it can be read again when it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum Location {
    /// In a record of an event file.
    Event(tensorboard::EventPlace),
    /// In a row of the history of a run of Weights & Biases.
    Row(wandb::RowPlace),
    /// It is a file of its own.
    File { path: PathBuf },
    /// It is the points of a plot of DVCLive's.
    Plot { path: PathBuf },
}

impl Location {
    /// The file that it stands in.
    pub fn path(&self) -> &Path {
        match self {
            Self::Event(tensorboard::EventPlace { path, .. })
            | Self::Row(wandb::RowPlace { path, .. })
            | Self::File { path }
            | Self::Plot { path } => path,
        }
    }
}

/// One thing that a log holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Run(Head),
    /// Points of one series of a run that was told before, in the order of the log.
    Points {
        run: String,
        key: String,
        points: Vec<Point>,
    },
    /// The points that were told before of a series, or of all series of a run, hold no more: they are told again,
    /// from the beginning of what stands at this place. What was told of it as left out holds no more either.
    Forgotten {
        run: String,
        key: Option<String>,
        place: String,
    },
    Media {
        run: String,
        key: String,
        step: i64,
        time_ms: i64,
        media: Media,
        /// Where its log lets it be read again without a copy; [`read_at`] does.
        location: Option<Location>,
    },
    /// What a run was given and made, behind the run.
    Inputs(registry::Inputs),
    /// Behind the run that made it.
    Logged(registry::LoggedHead),
    /// The group of this name has another one now. Before what is told of it under that.
    Renamed {
        was: String,
        now: String,
    },
    /// The registered models that stand in the log: what was told before of others holds no more. Before the first of them.
    Models(Vec<registry::StandingModel>),
    /// Behind what its versions are of.
    Model(registry::ModelHead),
    /// Behind the first run or logged model of the experiment.
    Group(registry::GroupHead),
    /// The run went on from an earlier step: its points and media of this step and later, told before, hold no more.
    Rewound {
        run: String,
        step: i64,
    },
    /// Lines of the run's output.
    Output {
        run: String,
        text: String,
    },
    /// What could not be read, where (a path, with the byte or line where known) and why: a sentence for a person.
    Warning {
        place: String,
        message: String,
    },
    /// What of the rows that were read on, or of a commit, could not be read, told as a [`Told::Warning`] is: it holds as
    /// long as those rows do, also once more is appended.
    LeftOut {
        place: String,
        message: String,
    },
    /// The same of a file that is read from its beginning again, and why: what was told before of it as left out holds no
    /// more.
    Anew {
        place: String,
        message: String,
    },
    /// Nothing: told before each file, commit and question, so that a reading that finds nothing new can be ended.
    Still,
    /// All that was told until now holds up to this mark: a reading that is broken off goes on from there.
    Checkpoint(Mark),
    /// The rest can't be read for now, since another program keeps it to itself: a sentence for a person. The mark
    /// that is returned holds for what was told.
    Waits {
        why: String,
    },
}

/// Why a log can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    #[error("{path} can't be read: {source}")]
    File { path: PathBuf, source: std::io::Error },
    /// Of a log that is written, by the tool's own form.
    #[error("{path} can't be written: {source}")]
    Unwritable { path: PathBuf, source: std::io::Error },
    #[error("{path} is no {what}: {why}")]
    NotOne { path: PathBuf, what: &'static str, why: String },
    /// What its own error says.
    #[error("read the log")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The caller did not take what it was told.
    #[error("keep what was read")]
    NotTaken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

pub type Result<T> = std::result::Result<T, ForeignError>;

/// Takes what is told; an error ends the reading.
pub type Sink<'a> = dyn FnMut(Told) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> + 'a;

/// Reads one log.
pub trait Reader: Send {
    /// Tells what was added since `mark`, and returns how far that was. Memory is bounded whatever the log's size:
    /// points are told in pieces. A record that is only half written is left for the next reading.
    ///
    /// # Errors
    /// Where the log can't be read at all, or the sink did not take what it was told.
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark>;
}

/// The logs in a folder, the outermost only: what lies within a found log is its own. Links are not followed, and
/// what can't be looked into is taken to hold none.
pub fn look(folder: &Path) -> Vec<Found> {
    look::look(folder)
}

/// Why a file is no log to us, of which [`look()`] finds none in it, where that is known.
pub fn refused(path: &Path) -> Option<String> {
    look::refused(path)
}

/// The databases of SQLite in a folder, as deep as logs are looked for, whoever's they are; of a file, that which it is.
/// Links to folders are not followed.
pub fn databases(folder: &Path) -> Vec<PathBuf> {
    // A file that is named may be called anything.
    if look::is_database(folder) { vec![folder.to_owned()] } else { look::databases(folder) }
}

/// The reader of a log; of a folder that is none itself, of all logs of its kind below it. What has an empty key, one of
/// more than 500 characters, or one that is no plain text, it says and leaves out.
pub fn open(found: &Found) -> Box<dyn Reader> {
    open_beside(found, &[])
}

/// The same, which leaves out those of the logs below a folder that are read by themselves.
pub fn open_beside(found: &Found, others: &[PathBuf]) -> Box<dyn Reader> {
    Box::new(key::Named { reader: look::open(found, others), place: found.path.display().to_string() })
}

/// Reads a medium where it stands, and nothing else of its log.
///
/// # Errors
/// Where its file can't be read, or no longer holds there what it held.
pub fn read_at(location: &Location) -> Result<Media> {
    match location {
        Location::Event(place) => tensorboard::read_at(place),
        Location::Row(place) => wandb::read_at(place),
        Location::Plot { path } => dvclive::read_at(path),
        Location::File { path } => {
            let metadata = std::fs::symlink_metadata(path).map_err(file::failed(path))?;
            let why = || "it is no file any more".to_owned();
            let none = || ForeignError::NotOne { path: path.clone(), what: "medium of a log", why: why() };
            if metadata.is_file() { Ok(Media::File(path.clone())) } else { Err(none()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_rise_and_nothing_that_was_counted_is_lost() {
        let rising = |edges: &[f64], counts: &[f64]| {
            let Histogram { edges, counts } = Histogram { edges: edges.to_vec(), counts: counts.to_vec() }.rising();
            (edges, counts)
        };
        assert_eq!(rising(&[0.0, 1.0, 2.0], &[3.0, 4.0]), (vec![0.0, 1.0, 2.0], vec![3.0, 4.0]));
        // As PyTorch writes it: an empty bucket before the least value.
        assert_eq!(rising(&[0.3, 0.2, 0.4, 0.5], &[0.0, 2.0, 1.0]), (vec![0.3, 0.4, 0.5], vec![2.0, 1.0]));
        assert_eq!(rising(&[0.0, 2.0, 2.0], &[1.0, 5.0]), (vec![0.0, 2.0], vec![6.0]));
        assert_eq!(rising(&[1.0, 0.9, 1.0], &[0.0, 7.0]), (vec![0.5, 1.5], vec![7.0]));
        assert_eq!(rising(&[], &[]), (vec![-0.5, 0.5], vec![0.0]));
        assert_eq!(rising(&[0.0, f64::INFINITY], &[f64::NAN]), (vec![0.0, f64::MAX], vec![0.0]));
    }
}
