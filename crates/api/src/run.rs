//! Runs: trainings and executed commands, with their params, metrics, tags, notes and artifacts.

mod nested;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    config::TrainingConfig,
    evaluation::Evaluation,
    event::Tag,
    id::{AlertId, ExperimentId, JobId, ProjectId, RunId, SnapshotId, SplitId, VersionId},
    job::Job,
    run_table::Listing,
    search::{Environment, TrialOf},
    spending::{BudgetConfig, Spent},
    tracking::Scope,
};
pub use nested::{GetNested, NESTED, Nested, NestedRun};

/// A run as its page shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    /// The project of its experiment; none of an experiment that belongs to no project.
    pub project: Option<ProjectId>,
    pub experiment: ExperimentId,
    /// Two words that a person can say: "brisk-heron".
    pub name: String,
    pub kind: RunKind,
    pub state: RunState,
    /// Why it failed or stopped, with the step and what to try.
    pub ended_because: Option<crate::ApiError>,
    pub snapshot: Option<SnapshotId>,
    pub snapshot_number: Option<u32>,
    pub split: Option<SplitId>,
    pub job: Option<JobId>,
    /// The alert that it answers, where it is a retraining.
    pub alert: Option<AlertId>,
    pub code: Option<Code>,
    pub seed: Option<u64>,
    pub device: Option<String>,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub notes: String,
    /// The newest value of each series.
    pub metrics: Vec<MetricSummary>,
    pub progress: Option<RunProgress>,
    /// For `exec`: the command line, its exit code.
    pub command: Option<Vec<String>>,
    pub exit_code: Option<i32>,
    /// The environment at the start, secrets masked, the machine's parts, each under [`MACHINE`], and Python's packages,
    /// each under [`PACKAGE`].
    pub environment: BTreeMap<String, String>,
    pub versions: Vec<VersionId>,
    pub has_evaluation: bool,
    pub resumable: bool,
    /// Who started it, as its client says.
    #[serde(default)]
    pub user: Option<String>,
    /// When it was deleted; it can be restored until it is deleted for good.
    #[serde(default)]
    pub deleted_ms: Option<i64>,
    /// Of what we supervise, and of a client's run that is measured here; of others nobody says where they take place.
    #[serde(default)]
    pub spent: Option<Spent>,
    /// Where its client puts its files, where that is a place of the client's own: what lies there is not read here. Said of a
    /// run that is asked for alone.
    #[serde(default)]
    pub files_at: Option<String>,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
}

impl Run {
    /// "Files that its client logs go to s3://…: Slipway does not read there.", of a run whose client chose the place.
    pub fn said_of_files(&self) -> Option<String> {
        self.files_at
            .as_ref()
            .map(|place| format!("Files that its client logs go to {place}: Slipway does not read there."))
    }

    /// Milliseconds since 1970 from which its time counts; that of its making before it begins.
    pub fn began_ms(&self) -> i64 {
        self.started_ms.unwrap_or(self.created_ms)
    }

    /// Series that MLflow's client measures of its program's run, each below [`SYSTEM`]: ours are not entered beside them.
    pub fn measured_by_client(&self) -> impl Iterator<Item = &str> {
        self.environment.get(MACHINE_BY_CLIENT).into_iter().flat_map(|keys| keys.split(", "))
    }

    /// The metric that another lies over until a person chooses, as its log says.
    pub fn step_metric(&self, key: &str) -> Option<&str> {
        let is_curve = |over: &str| self.metrics.iter().any(|metric| metric.key == over && metric.count > 1);
        step_metric(&self.tags, key, is_curve)
    }

    /// The address of its page, without the host's: "/p/PROJECT/runs/RUN", or of its experiment where that belongs to no project.
    pub fn page(&self) -> String {
        match self.project {
            Some(project) => format!("/p/{project}/runs/{}", self.id),
            None => format!("/e/{}/runs/{}", self.experiment, self.id),
        }
    }
}

/// What the names of a run's environment begin with that are no variables but what it ran on: "machine.cpu".
pub const MACHINE: &str = "machine.";
/// What the names of a run's environment begin with that are Python packages, each with its version: "package.torch".
pub const PACKAGE: &str = "package.";

/// A package's name as PEP 503 writes it: whatever it is called by, it is one.
pub fn package_name(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

/// Its GPUs, or why none is measured.
pub const MACHINE_GPU: &str = "machine.gpu";
/// What of the project's data had changed since the newest snapshot when a program began, among its run's environment.
pub const DATA_CHANGED: &str = "data.changed";
/// Why a client's run is not measured, where it was to be.
pub const MACHINE_UNMEASURED: &str = "machine.unmeasured";
/// Keys that the client in a program measures itself, by commas ([`Run::measured_by_client`]).
pub const MACHINE_BY_CLIENT: &str = "machine.by_client";
/// What a client's program uses is entered once its run goes on for so long: one that measures itself has said so by then.
pub const CLIENT_MEASURED_SECS: u64 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Trained by our worker.
    Training,
    /// Any program, by `slipway exec`.
    Command,
    /// Logged by a client of the MLflow protocol, which alone says when it is over.
    Client,
    /// Read from another tool's log.
    Imported,
    /// A search for hyperparameters itself; its trials stand below it.
    Search,
}

impl RunKind {
    /// Whether we say when it is over: we watch over its process, or it is a search of ours.
    pub const fn is_supervised(self) -> bool {
        matches!(self, Self::Training | Self::Command | Self::Search)
    }

    /// Whether what its process prints is kept: where there is one that we began.
    pub const fn has_log(self) -> bool {
        matches!(self, Self::Training | Self::Command)
    }

    /// Why a run of a project can't be moved to another one's experiment, or to one of no project, if it can't: what we
    /// supervise goes on in its project's folder, and from its data.
    pub fn stays_because(self, from: Option<ProjectId>, to: Option<ProjectId>) -> Option<&'static str> {
        (self.is_supervised() && from != to).then_some("belongs to its project's folder and data")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Queued,
    Running,
    /// Stopped by a person; may be resumed.
    Stopped,
    Finished,
    Failed,
    /// Its process vanished.
    Killed,
}

impl RunState {
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Stopped | Self::Finished | Self::Failed | Self::Killed)
    }
}

/// The state of the code that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    pub commit: String,
    pub branch: Option<String>,
    /// A file that git tracks differed from the commit.
    pub dirty: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunProgress {
    pub epoch: Option<u64>,
    pub epochs: Option<u64>,
    pub step: u64,
    pub steps: Option<u64>,
    pub fraction: Option<f64>,
    pub seconds_left: Option<f64>,
    pub rows_per_second: Option<f64>,
    pub memory_bytes: Option<u64>,
    pub checkpoint_ms: Option<i64>,
}

impl RunProgress {
    /// Whether the last step is done, so that what is under way is the evaluation.
    pub fn is_trained(&self) -> bool {
        self.fraction.is_some_and(|fraction| fraction >= 1.0)
    }
}

/// Where the series of what a run uses stand, ours and those of MLflow's own client: no results of it.
pub const SYSTEM: &str = "system/";

/// What the keys of tags begin with that say over which metric another lies, or those of a pattern such as "val/*", until a
/// person chooses: "step_metric.val/*" is "epoch".
pub const STEP_METRIC: &str = "step_metric.";

/// The metric that another of a run with these tags lies over until a person chooses: what is said of its name, else of
/// the longest pattern that it fits. A pattern is the beginning of names before a "*". Nothing lies over what is no curve.
pub fn step_metric<'tags>(
    tags: &'tags BTreeMap<String, String>,
    key: &str,
    is_curve: impl Fn(&str) -> bool,
) -> Option<&'tags str> {
    let own = tags.get(&format!("{STEP_METRIC}{key}"));
    let patterns = tags.iter().filter_map(|(tag, over)| {
        let start = tag.strip_prefix(STEP_METRIC)?.strip_suffix('*')?;
        key.starts_with(start).then_some((start.len(), over))
    });
    let over = own.or_else(|| patterns.max_by_key(|(length, _)| *length).map(|(_, over)| over))?;
    (over != key && is_curve(over)).then_some(over.as_str())
}

/// One series in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// "loss/train", "loss/validation", "average_precision/validation", "system/memory_bytes" …
    pub key: String,
    pub count: u64,
    pub step: i64,
    #[serde(with = "crate::series::float")]
    pub last: f64,
    #[serde(with = "crate::series::float")]
    pub min: f64,
    #[serde(with = "crate::series::float")]
    pub max: f64,
    pub time_ms: i64,
    /// Where `last` is the figure of the model that was kept, and another was logged last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<crate::series::KeptFigure>,
}

/// A row of the run table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    pub id: RunId,
    pub name: String,
    /// The name of its experiment.
    #[serde(default)]
    pub experiment: String,
    pub kind: RunKind,
    pub state: RunState,
    pub model: Option<String>,
    pub snapshot_number: Option<u32>,
    pub commit: Option<String>,
    pub created_ms: i64,
    #[serde(default)]
    pub started_ms: Option<i64>,
    #[serde(default)]
    pub ended_ms: Option<i64>,
    #[serde(default)]
    pub device: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
    pub duration_secs: Option<f64>,
    pub fraction: Option<f64>,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    /// Final validation figures (and whatever else was logged), by key.
    pub metrics: BTreeMap<String, MetricCell>,
    pub versions: Vec<VersionId>,
    /// The names that stand at these versions: "champion".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// It has a checkpoint that `run.resume` goes on from.
    #[serde(default)]
    pub resumable: bool,
    /// Which rows it was validated on; `None` before they were chosen, and of programs.
    #[serde(default)]
    pub split: Option<SplitId>,
    /// Up to its last news, where a price is set.
    #[serde(default)]
    pub cost: Option<f64>,
    #[serde(default)]
    pub currency: Option<String>,
    /// The name of the run that it stands under; `None` also where that is not here.
    #[serde(default)]
    pub parent: Option<String>,
    /// Of a program without figures of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<crate::run_table::Below>,
}

impl RunRow {
    /// As [`Run::began_ms`].
    pub fn began_ms(&self) -> i64 {
        self.started_ms.unwrap_or(self.created_ms)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricCell {
    #[serde(with = "crate::series::float")]
    pub last: f64,
    /// Up to 24 points for the sparkline, oldest first.
    #[serde(with = "crate::series::floats")]
    pub spark: Vec<f32>,
}

/// A page of the run table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunTable {
    pub rows: Vec<RunRow>,
    pub total: u64,
    /// Keys that occur, for column choice and completion.
    pub metric_keys: Vec<String>,
    pub param_keys: Vec<String>,
    #[serde(default)]
    pub tag_keys: Vec<String>,
    /// The validation metric that runs are ranked by, and whether more is better.
    pub ranked_by: Option<(String, bool)>,
    /// The split of the newest run that has a figure; the best run is one of those that have it too.
    #[serde(default)]
    pub best_split: Option<SplitId>,
    /// Of a table without runs: keys that the filter names and none of the runs has.
    #[serde(default)]
    pub notes: Vec<FilterNote>,
}

/// Why a filter may find nothing: a key in it that no run has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterNote {
    /// What is said of it: "No run here has a metric "los". Did you mean "loss"?"
    pub sentence: String,
    pub kind: KeyKind,
    pub key: String,
    /// The key of this kind that runs have and that is the nearest to it, where one is near.
    #[serde(default)]
    pub meant: Option<String>,
}

/// What a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    Metric,
    Param,
    Tag,
}

/// An artifact: a file in the run's folder that the run produced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    pub path: String,
    pub size_bytes: u64,
    pub modified_ms: i64,
}

/// Enters a training into the queue: takes the snapshot if the data changed, splits, trains, evaluates.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartRun {
    pub project: ProjectId,
    /// Overrides of the project's `[training]` for this run only.
    #[serde(default)]
    pub training: Option<TrainingConfig>,
    /// By default the newest content.
    #[serde(default)]
    pub snapshot: Option<SnapshotId>,
    #[serde(default)]
    pub name: Option<String>,
    /// The alert that this retraining answers.
    #[serde(default)]
    pub alert: Option<AlertId>,
    /// Limits for this run alone; one that is not set is that of the project's `[budget]`.
    #[serde(default)]
    pub budget: BudgetConfig,
}

impl StartRun {
    /// With all that the project's own settings say, of the newest content.
    pub fn of(project: ProjectId) -> Self {
        Self { project, training: None, snapshot: None, name: None, alert: None, budget: BudgetConfig::default() }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListRuns {
    /// Not looked at where `experiment` is given.
    #[serde(default)]
    pub project: ProjectIdOr,
    /// The runs of this experiment alone.
    #[serde(default)]
    pub experiment: Option<ExperimentId>,
    /// The runs of every experiment, whatever `project` and `experiment` say.
    #[serde(default)]
    pub everywhere: bool,
    /// Those that were deleted, instead of those that are there.
    #[serde(default)]
    pub deleted: bool,
    /// `metric."average_precision/validation" > 0.8 and param.model = "trees"`; words match names.
    #[serde(default)]
    pub filter: String,
    /// `metric.KEY`, `param.KEY`, `started`, `name`, `experiment`, `model`, `duration`, `cost`, `state`; by default ranked.
    /// Several stand by commas, each with its direction: `param.model asc, metric.loss desc`.
    #[serde(default)]
    pub sort: Option<String>,
    #[serde(default)]
    pub descending: bool,
    #[serde(default)]
    pub offset: u64,
    #[serde(default)]
    pub limit: Option<u32>,
}

impl ListRuns {
    /// A page of a table.
    pub fn of(list: Listing, offset: u64, limit: u32) -> Self {
        let (project, experiment) = match list.of {
            Scope::Project(project) => (ProjectIdOr(project), None),
            Scope::Experiment(experiment) => (ProjectIdOr::default(), Some(experiment)),
            Scope::All => (ProjectIdOr::default(), None),
        };
        let (everywhere, limit) = (list.of == Scope::All, Some(limit));
        let Listing { deleted, filter, sort, descending, .. } = list;
        Self { project, experiment, everywhere, deleted, filter, sort, descending, offset, limit }
    }

    /// What is left of a page of which so many rows came: of runs with many and long texts fewer come at once. `None` where
    /// it is whole, and behind the last of all runs.
    pub fn lacking(&self, came: usize, total: u64) -> Option<Self> {
        let came = u32::try_from(came).ok().filter(|came| *came > 0)?;
        let limit = self.limit.map(|limit| limit.saturating_sub(came)).filter(|limit| *limit > 0)?;
        let offset = self.offset + u64::from(came);
        (offset < total).then(|| Self { offset, limit: Some(limit), ..self.clone() })
    }

    pub fn scope(&self) -> Scope {
        match self.experiment {
            _ if self.everywhere => Scope::All,
            Some(experiment) => Scope::Experiment(experiment),
            None => Scope::Project(self.project.0),
        }
    }
}

/// The project to list; a wrapper so that the request has a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProjectIdOr(pub ProjectId);

impl Default for ProjectIdOr {
    fn default() -> Self {
        Self(ProjectId::from_bytes([0; 16]))
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetRun {
    pub run: RunId,
}

/// Runs of every experiment whose names have all of the words, in any case; the newest first, deleted ones left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindRuns {
    pub words: String,
    /// At most 1,000; by default 20.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A run that was found by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRun {
    pub id: RunId,
    pub name: String,
    /// The name of its experiment.
    pub experiment: String,
    pub state: RunState,
    pub created_ms: i64,
}

/// Several runs as [`GetRun`] tells each, without what they spent; `None` where there is none. At most
/// [`crate::run_diff::MOST`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetRuns {
    pub runs: Vec<RunId>,
}

/// Asks the worker to stop after its step; the run can be resumed. A run that nobody supervises is marked as killed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StopRun {
    pub run: RunId,
}

/// Notes of a run that nobody supervises that it is over: its client died and can't say so. Refused of one that is over,
/// or that we supervise. It ended with its newest point, where it has one, else now. What is logged to it later is taken
/// all the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MarkEnded {
    pub run: RunId,
    pub ending: Ending,
}

/// How a run ended whose client can't say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Failed,
    Killed,
}

impl Ending {
    pub const fn state(self) -> RunState {
        match self {
            Self::Failed => RunState::Failed,
            Self::Killed => RunState::Killed,
        }
    }
}

/// Starts a new worker on the same folder: it ends with the same bits as if never interrupted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResumeRun {
    pub run: RunId,
    /// New limits for this run alone; one that is not set is as it was started with, else that of the project's `[budget]`.
    #[serde(default)]
    pub budget: BudgetConfig,
}

/// Appends to what a person may change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EditRun {
    pub run: RunId,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub notes: Option<String>,
    /// Tag → value; null removes it.
    #[serde(default)]
    pub tags: BTreeMap<String, Option<String>>,
}

/// Deletes the checkpoints of runs; the runs themselves stay. Refused, before anything is deleted, while one of them is
/// under way. Answers the bytes that they hold: for a day they are kept, and brought back by
/// [`RestoreArtifact`](crate::deleted::RestoreArtifact) at [`CHECKPOINTS`](crate::deleted::CHECKPOINTS).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteCheckpoints {
    pub runs: Vec<RunId>,
    /// Only says how many bytes they hold.
    #[serde(default)]
    pub dry_run: bool,
    /// Frees them at once, also those that were deleted before and could still be brought back.
    #[serde(default)]
    pub for_good: bool,
}

/// Runs by the name that a person gives, or by the beginning (six digits at least) or the end (eight) of an id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolveRuns {
    pub named: String,
    /// Their runs are the nearest; of an experiment those of every other are elsewhere.
    pub of: Scope,
}

/// How many [`ResolveRuns`] answers at most of each nearness, of those that are there and of those that are deleted.
pub const MOST_RESOLVED: usize = 100;

/// A run of a name, there or deleted: the nearest first, and of these the newest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedRun {
    pub id: RunId,
    pub name: String,
    /// The name of its experiment.
    pub experiment: String,
    pub nearness: Nearness,
    pub state: RunState,
    pub created_ms: i64,
    pub deleted: bool,
}

/// Where a run stands, seen from a project or an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nearness {
    /// In the project, or the experiment, that is looked in.
    Own,
    /// In an experiment of no project, where none is named.
    Shared,
    /// In another project or experiment, or in an experiment that is deleted.
    Elsewhere,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetEvaluation {
    pub run: RunId,
}

/// Lines of a run's output; `after` is the byte offset that the last answer ended at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetRunLog {
    pub run: RunId,
    pub stream: LogStream,
    #[serde(default)]
    pub after: u64,
    #[serde(default)]
    pub limit_bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    Stdout,
    Stderr,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogChunk {
    pub text: String,
    pub start: u64,
    pub end: u64,
    pub total: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListArtifacts {
    pub run: RunId,
}

/// Writes a file that a run produced to one that isn't there yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaveArtifact {
    pub run: RunId,
    /// As `run.artifacts` names it.
    pub path: String,
    /// An absolute path on the host's machine.
    pub to: String,
}

/// Deletes a file or a folder among the artifacts of a run; for a day [`crate::deleted::RestoreArtifact`] brings it back,
/// and so long it takes its room. Refused while a version that a client registered points at it, and of a run that was
/// imported, whose files are another tool's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteArtifact {
    pub run: RunId,
    /// As `run.artifacts` names it, or a folder of such; below [`ARTIFACTS`].
    pub path: String,
}

/// What the paths of a run's own artifacts begin with; the others are what its training left.
pub const ARTIFACTS: &str = "artifacts/";

/// A file that was written for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFile {
    pub path: String,
    pub size_bytes: u64,
}

/// Enters a command's run (`slipway exec`); the caller then appends events to `folder` as a worker does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BeginCommand {
    /// Where the command runs; the project whose folder that is in, unless `project` names another.
    pub directory: String,
    #[serde(default)]
    pub project: Option<ProjectId>,
    pub command: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub code: Option<Code>,
    pub pid: u32,
    pub pid_started_ms: i64,
    #[serde(default)]
    pub name: Option<String>,
    /// The trial that it is.
    #[serde(default)]
    pub trial: Option<TrialOf>,
    /// The id that the run is to have, which whoever began the program waits for.
    #[serde(default)]
    pub run: Option<RunId>,
    /// Limits for this run alone; one that is not set is that of the project's `[budget]`.
    #[serde(default)]
    pub budget: BudgetConfig,
}

/// The variable of a command's run that is the folder that it ran in.
pub const DIRECTORY: &str = "PWD";

/// Starts a program in a project, as a run of the kind [`RunKind::Command`]: what `slipway exec` does from a terminal, the
/// host does by itself. Answers once the run is entered; the program goes on whoever goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartCommand {
    pub project: ProjectId,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it runs; by default the project's folder.
    #[serde(default)]
    pub directory: Option<String>,
    /// What it runs in; by default the host's own variables.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// Set beside these, where one of the same name is replaced; kept as these are.
    #[serde(default)]
    pub variables: Option<Environment>,
    #[serde(default)]
    pub name: Option<String>,
    /// Limits for this run alone; one that is not set is that of the project's `[budget]`.
    #[serde(default)]
    pub budget: BudgetConfig,
}

impl StartCommand {
    /// The program of a run once more, where it ran and with the limits of its own that it had; `None` where that is no
    /// program of a project, or its folder is not known.
    pub fn again(run: &Run) -> Option<Self> {
        let directory = run.environment.get(DIRECTORY).filter(|_| run.kind == RunKind::Command)?;
        Some(Self {
            project: run.project?,
            command: run.command.clone()?,
            directory: Some(directory.clone()),
            environment: None,
            variables: None,
            name: None,
            budget: run.spent.as_ref().map(|spent| spent.terms.own.clone()).unwrap_or_default(),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BegunCommand {
    pub run: RunId,
    pub name: String,
    pub folder: String,
    /// It has a budget, which only a host watches.
    #[serde(default)]
    pub has_budget: bool,
}

/// Tells the host that a command's folder has its `done` event, so that it is read at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EndCommand {
    pub run: RunId,
}

/// What came from what, as a walk over foreign keys from the run's data to where its versions run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetLineage {
    pub run: RunId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineageNode {
    /// "snapshot", "split", "run", "version", "package", "deployment"; of clients "dataset", "logged model" and "version".
    pub kind: String,
    pub id: String,
    pub label: String,
    pub detail: String,
    pub link: Option<String>,
    /// Indices of the nodes that it came from.
    pub from: Vec<usize>,
}

/// Seconds from one moment to another. Clients say their own times, whose difference may be beyond an integer.
pub const fn seconds(from_ms: i64, to_ms: i64) -> f64 {
    (to_ms as f64 - from_ms as f64) / 1000.0
}

crate::requests! { METHODS;
    StartRun => "run.start" -> Job;
    ListRuns => "run.list" -> RunTable, |me| vec![me.scope().tag(), Tag::Models(me.project.0)];
    GetRun => "run.get" -> Run, |me| vec![Tag::Run(me.run)];
    FindRuns => "run.find" -> Vec<FoundRun>;
    ResolveRuns => "run.resolve" -> Vec<ResolvedRun>;
    GetRuns => "run.get_many" -> Vec<Option<Run>>, |me| me.runs.iter().map(|run| Tag::Run(*run)).collect();
    StopRun => "run.stop" -> Run;
    MarkEnded => "run.mark_ended" -> Run;
    ResumeRun => "run.resume" -> Job;
    EditRun => "run.edit" -> Run;
    DeleteCheckpoints => "run.delete_checkpoints" -> crate::host::Freed;
    GetEvaluation => "run.evaluation" -> Evaluation, |me| vec![Tag::Run(me.run)];
    GetRunLog => "run.log" -> LogChunk;
    ListArtifacts => "run.artifacts" -> Vec<Artifact>, |me| vec![Tag::Run(me.run)];
    SaveArtifact => "run.save_artifact" -> SavedFile;
    DeleteArtifact => "run.delete_artifact" -> crate::deleted::DeletedArtifact;
    BeginCommand => "run.begin_command" -> BegunCommand;
    StartCommand => "run.start_command" -> Run;
    EndCommand => "run.end_command" -> Run;
    GetNested => "run.nested" -> Nested, |me| vec![Tag::Run(me.run)];
    GetLineage => "run.lineage" -> Vec<LineageNode>, |me| vec![Tag::Run(me.run), Tag::ClientModels, Tag::Deployments];
}
