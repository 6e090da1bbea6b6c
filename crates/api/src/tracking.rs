//! Tracking beyond one project: experiments and their folders, what clients of the MLflow protocol are told, and
//! what a person does to many runs at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    event::Tag,
    host::Freed,
    id::{ExperimentId, ModelId, ProjectId, RunId, VersionId},
    run::{Run, RunKind},
};

/// A time that a client of MLflow logged, in milliseconds: the first ones wrote those of metrics in seconds.
pub const fn in_milliseconds(time: i64) -> i64 {
    match time {
        // From 1973 on: a smaller number is no date, and is kept as it is.
        100_000_000..100_000_000_000 => time * 1000,
        _ => time,
    }
}

/// The tag in which MLflow keeps what a person wrote about a run or an experiment, in Markdown.
pub const NOTE_TAG: &str = "mlflow.note.content";
/// The tag in which MLflow keeps a run's name.
pub const NAME_TAG: &str = "mlflow.runName";
/// The tag of what MLflow keeps among the models and their versions and is a prompt.
pub const PROMPT_TAG: &str = "mlflow.prompt.is_prompt";
/// The tag in which MLflow keeps the run that a nested run stands under.
pub const PARENT_TAG: &str = "mlflow.parentRunId";
/// The tag by which MLflow's client in a program under way names the program's run: the first run that it begins is that
/// one, which has the tag from then on.
pub const PROGRAM_TAG: &str = "slipway.program";
/// The tags in which MLflow's client notes what runs: the script, and the state of its git repository.
pub const SOURCE_TAG: &str = "mlflow.source.name";
pub const GIT_COMMIT_TAG: &str = "mlflow.source.git.commit";
pub const GIT_BRANCH_TAG: &str = "mlflow.source.git.branch";
pub const GIT_DIRTY_TAG: &str = "mlflow.source.git.dirty";
/// What was not committed, as `git diff` tells it.
pub const GIT_DIFF_TAG: &str = "mlflow.source.git.diff";

/// Whether MLflow's client writes and reads the tag for itself: no person's.
pub fn is_of_client(tag: &str) -> bool {
    tag.starts_with("mlflow.")
}

/// A group of runs. Each project has one of its name; others belong to none until they are moved into one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    pub id: ExperimentId,
    /// MLflow's id of it: 0 is `Default`, which is always there.
    pub number: i64,
    pub project: Option<ProjectId>,
    /// It is the project's own, of its name, and not one that was moved into it.
    #[serde(default)]
    pub is_own: bool,
    /// No two that are there have the same.
    pub name: String,
    /// "vision/resnet"; empty at the top.
    pub folder: String,
    /// Where its client wants its artifacts; `None` is in the workspace.
    pub location: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// Runs that are not deleted, or of a deleted one those that went with it; 0 where nobody counted.
    #[serde(default)]
    pub runs: u64,
    /// When the newest of these was made.
    #[serde(default)]
    pub newest_run_ms: Option<i64>,
    pub created_ms: i64,
    /// When it itself was changed last; 0 is not known.
    pub updated_ms: i64,
    /// When it was deleted; it can be restored until it is deleted for good.
    pub deleted_ms: Option<i64>,
}

impl Experiment {
    /// When something happened in it last, its runs among that; `None` where that is not known.
    pub fn changed_ms(&self) -> Option<i64> {
        self.newest_run_ms.into_iter().chain([self.updated_ms]).max().filter(|ms| *ms > 0)
    }

    /// Its tags without the one that is its notes.
    pub fn plain_tags(&self) -> BTreeMap<String, String> {
        let plain = self.tags.iter().filter(|(key, _)| *key != NOTE_TAG);
        plain.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Whether it is MLflow's `Default`, which clients log to that name none.
    pub const fn is_default(&self) -> bool {
        self.number == 0
    }

    /// Whether it is deleted with its folder: a project's own is not, nor where programs log that name none.
    pub const fn goes_with_folder(&self) -> bool {
        !self.is_own && !self.is_default()
    }
}

/// What a client of the MLflow protocol needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracking {
    /// `http://slipway:TOKEN@127.0.0.1:PORT`, for `MLFLOW_TRACKING_URI`.
    pub address: String,
    pub port: u16,
    /// Clients of this machine need no token.
    pub open: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListExperiments {
    /// Those that were deleted, instead of those that are there.
    #[serde(default)]
    pub deleted: bool,
    /// In the grammar of the runs' filter: `name`, `folder`, `within`, `notes`, `tag.KEY`, `created` and `updated`; words
    /// match names, folders, notes and tags.
    #[serde(default)]
    pub filter: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateExperiment {
    pub name: String,
    #[serde(default)]
    pub folder: String,
}

/// Changes what is given. A new name is refused of a project's own experiment: it is called as the project is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EditExperiment {
    pub experiment: ExperimentId,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub folder: Option<String>,
    /// Markdown.
    #[serde(default)]
    pub notes: Option<String>,
    /// Tag → value; null removes it.
    #[serde(default)]
    pub tags: BTreeMap<String, Option<String>>,
}

impl EditExperiment {
    /// Changes nothing yet.
    pub const fn of(experiment: ExperimentId) -> Self {
        Self { experiment, name: None, folder: None, notes: None, tags: BTreeMap::new() }
    }
}

/// Moves an experiment with its runs into a project, or out of every one. Refused for a project's own experiment, and
/// while it has runs that a project's folder and data belong to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MoveExperiment {
    pub experiment: ExperimentId,
    /// `None` moves it out of its project.
    pub to: Option<ProjectId>,
}

/// Renames or moves a folder of experiments: all that stand in it and in the folders below go along, deleted ones too.
/// Answers how many of those are there. Refused where a folder of the new path is there, be it of deleted experiments
/// alone, or would stand in itself; the same with `from` and `to` exchanged undoes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MoveFolder {
    /// "vision/resnet".
    pub from: String,
    pub to: String,
}

/// Deletes an experiment with its runs, so that it can be restored. Refused while a run that we supervise is under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteExperiment {
    pub experiment: ExperimentId,
}

/// Restores an experiment with the runs that were deleted with it; not those that were deleted one by one before.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreExperiment {
    pub experiment: ExperimentId,
}

/// Deletes an experiment with its runs, their files and its saved views for good. Refused while a model version was made
/// of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PurgeExperiment {
    pub experiment: ExperimentId,
}

/// Moves runs into another experiment, and so into its project, unless one of them stays in its own: see
/// [`RunKind::stays_because`](crate::run::RunKind::stays_because).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MoveRuns {
    pub runs: Vec<RunId>,
    pub to: ExperimentId,
    /// What stands below them goes along: [`RunPlaces::below`].
    #[serde(default)]
    pub with_children: bool,
}

impl MoveRuns {
    /// These and no others.
    pub const fn alone(runs: Vec<RunId>, to: ExperimentId) -> Self {
        Self { runs, to, with_children: false }
    }
}

/// Where runs are, and the runs that stand below them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetRunPlaces {
    pub runs: Vec<RunId>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunPlaces {
    /// In the order of the request.
    pub named: Vec<RunPlace>,
    /// At any depth, each in the experiment of the run that it stands under; the deleted and those that were named left out.
    pub below: Vec<RunPlace>,
}

/// What of a run says where it is, and where it may go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPlace {
    pub id: RunId,
    pub name: String,
    pub kind: RunKind,
    pub experiment: ExperimentId,
    pub project: Option<ProjectId>,
}

impl RunPlace {
    pub fn of(run: &Run) -> Self {
        let Run { id, name, kind, experiment, project, .. } = run;
        Self { id: *id, name: name.clone(), kind: *kind, experiment: *experiment, project: *project }
    }
}

/// Deletes runs so that they can be restored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrashRuns {
    pub runs: Vec<RunId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreRuns {
    pub runs: Vec<RunId>,
}

/// Deletes runs with their files for good. Refused of one that is not deleted, or that a model version was made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PurgeRuns {
    pub runs: Vec<RunId>,
}

/// The address for clients of the MLflow protocol; its token is made at first use.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GetTracking {
    /// It is handed to somebody who uses it later: the host stays as long as for a page that somebody may open.
    #[serde(default)]
    pub for_later: bool,
}

/// Makes a new token: addresses that were copied before open nothing any more.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RenewTracking {}

/// How the run table is looked at, under a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedView {
    pub name: String,
    /// The page's address behind its path: filter, order, columns, groups.
    pub query: String,
}

/// The views of a project, or of an experiment without one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListViews {
    pub of: Scope,
}

/// Saves a view; one of the same name is replaced, and comes back by [`RestoreView`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaveView {
    pub of: Scope,
    pub view: SavedView,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteView {
    pub of: Scope,
    pub name: String,
}

/// Brings back the view of this name that was deleted or replaced last, within a day. One that has the name meanwhile is
/// kept in its stead, so that the same call undoes itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreView {
    pub of: Scope,
    pub name: String,
}

/// The views that [`RestoreView`] brings back, the newest deletion first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListDeletedViews {
    pub of: Scope,
}

/// A view that was deleted or replaced within a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeletedView {
    pub view: SavedView,
    pub deleted_ms: i64,
}

/// Whose runs: a project's (of all its experiments), an experiment's, or those of every experiment that is not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Project(ProjectId),
    Experiment(ExperimentId),
    All,
}

impl Scope {
    /// What a list of its runs hangs on.
    pub const fn tag(self) -> Tag {
        match self {
            Self::Project(project) => Tag::Runs(project),
            Self::Experiment(experiment) => Tag::Experiment(experiment),
            Self::All => Tag::AnyRuns,
        }
    }
}

/// A dataset as a client describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    pub name: String,
    pub digest: String,
    pub source_type: String,
    pub source: String,
    pub schema: Option<String>,
    pub profile: Option<String>,
}

/// A dataset that a run was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInput {
    pub dataset: Dataset,
    pub tags: BTreeMap<String, String>,
}

impl RunInput {
    /// "training", "evaluation" …
    pub fn context(&self) -> Option<&str> {
        self.tags.get("mlflow.data.context").map(String::as_str)
    }
}

/// A model that a client logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedModel {
    /// "m-" and 32 hexadecimal digits.
    pub id: String,
    pub experiment: ExperimentId,
    pub name: String,
    /// The run that made it.
    pub run: Option<RunId>,
    pub kind: Option<String>,
    pub status: LoggedStatus,
    pub status_message: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub deleted_ms: Option<i64>,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub metrics: Vec<LoggedMetric>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoggedStatus {
    Pending,
    Ready,
    Failed,
}

/// A figure of a logged model on a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedMetric {
    pub run: RunId,
    pub key: String,
    pub dataset_name: Option<String>,
    pub dataset_digest: Option<String>,
    pub step: i64,
    pub time_ms: i64,
    #[serde(with = "crate::series::float")]
    pub value: f64,
}

/// A model version that a client registered: an address of files, which we neither check nor run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientVersion {
    pub id: VersionId,
    pub model: ModelId,
    pub number: u32,
    pub run: Option<RunId>,
    /// The run's id as its client told it, which may be none of ours.
    #[serde(default)]
    pub run_told: Option<String>,
    pub run_link: Option<String>,
    /// What it was registered from.
    pub source: String,
    /// Where its files lie: the source as it was resolved when it was registered.
    #[serde(default)]
    pub location: String,
    /// The logged model that it is.
    pub logged: Option<String>,
    pub user: Option<String>,
    pub created_ms: i64,
    pub aliases: Vec<String>,
    #[serde(default)]
    pub stage: Stage,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Markdown.
    #[serde(default)]
    pub notes: String,
}

/// What a person or a client wrote about a version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VersionNotes {
    /// Markdown.
    pub notes: String,
    pub stage: Stage,
    pub updated_ms: i64,
}

/// MLflow's stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    #[default]
    None,
    Staging,
    Production,
    Archived,
}

impl Stage {
    pub const ALL: [Self; 4] = [Self::None, Self::Staging, Self::Production, Self::Archived];

    /// MLflow's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Staging => "Staging",
            Self::Production => "Production",
            Self::Archived => "Archived",
        }
    }
}

crate::requests! { METHODS;
    ListExperiments => "experiment.list" -> Vec<Experiment>, |_me| vec![Tag::Experiments];
    CreateExperiment => "experiment.create" -> Experiment;
    EditExperiment => "experiment.edit" -> Experiment;
    MoveExperiment => "experiment.move" -> Experiment;
    MoveFolder => "experiment.move_folder" -> u64;
    DeleteExperiment => "experiment.delete" -> ();
    RestoreExperiment => "experiment.restore" -> Experiment;
    PurgeExperiment => "experiment.purge" -> Freed;
    MoveRuns => "run.move" -> ();
    GetRunPlaces => "run.places" -> RunPlaces, |_me| vec![Tag::AnyRuns];
    TrashRuns => "run.trash" -> ();
    RestoreRuns => "run.restore" -> ();
    PurgeRuns => "run.purge" -> Freed;
    GetTracking => "tracking.get" -> Tracking, |_me| vec![Tag::Settings, Tag::Secrets];
    RenewTracking => "tracking.renew" -> Tracking;
    ListViews => "view.list" -> Vec<SavedView>, |me| vec![me.of.tag()];
    SaveView => "view.save" -> Vec<SavedView>;
    DeleteView => "view.delete" -> Vec<SavedView>;
    RestoreView => "view.restore" -> Vec<SavedView>;
    ListDeletedViews => "view.list_deleted" -> Vec<DeletedView>, |me| vec![me.of.tag()];
}
