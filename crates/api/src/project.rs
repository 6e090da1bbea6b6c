//! Projects, the sample projects, and the overview: the lifecycle as a road.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    config::{ColumnType, DataKind, ProjectFile, Ragged},
    dataset::WarningKind,
    event::Tag,
    id::ProjectId,
    job::Job,
};

/// A project as the list and the frame show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    pub description: Option<String>,
    /// Where its folder was last seen.
    pub path: String,
    /// The folder can't be found or read now, and why.
    pub missing: Option<String>,
    /// It is on a network drive, which tells nothing of changes: how often it is looked at, as a sentence.
    pub polled: Option<String>,
    /// Why the file on disk is not in force; the last good one is.
    pub file_error: Option<crate::ApiError>,
    pub file: ProjectFile,
    pub opened_ms: i64,
    pub created_ms: i64,
    /// A sample project's name, where it came from one.
    pub sample: Option<String>,
}

/// A project with its road in miniature, for the start page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectSummary {
    pub project: Project,
    pub road: Vec<Station>,
}

/// One station of the road: Data, Train, Evaluate, Model, Deploy, Watch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Station {
    pub stage: Stage,
    pub state: StationState,
    /// The figure that stands large: "v14", "62 %", "0.842", "2 drifted".
    pub figure: String,
    /// One or two short sentences.
    pub detail: String,
    pub since_ms: Option<i64>,
    /// 0 to 1 while something is under way.
    pub progress: Option<f64>,
    /// The next action, as the station's one button.
    pub action: Option<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Data,
    Train,
    Evaluate,
    Model,
    Deploy,
    Watch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StationState {
    /// Nothing there yet.
    Empty,
    Live,
    Good,
    Warn,
    Bad,
}

/// A button: what it says, and the page or call behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    pub label: String,
    /// An in-app address, such as `/p/ID/runs/ID`; a page knows how to act on its query (`?train=1`).
    pub link: String,
    pub primary: bool,
}

/// Something that happened, as a sentence with links.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    pub at_ms: i64,
    pub stage: Stage,
    pub state: StationState,
    /// Plain text; `[label](link)` marks a link.
    pub sentence: String,
}

/// The overview page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub project: Project,
    /// "284,807 rows · predicts is_fraud · watched folder, last change 2 min ago".
    pub headline: String,
    pub road: Vec<Station>,
    pub happened: Vec<Happening>,
    /// What waits for a person.
    pub waits: Vec<Waiting>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    pub title: String,
    pub detail: String,
    pub actions: Vec<Action>,
}

/// Whether a `slipway.toml` stands in a folder: then it is opened, and none is written into it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileThere {
    #[default]
    None,
    Good,
    /// What is wrong with it is the first of the problems.
    Bad,
}

/// What a folder, file or drop turned out to be, before anything is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// The first of the places that were looked at.
    pub path: String,
    /// The project that it already is.
    pub project: Option<ProjectId>,
    #[serde(default)]
    pub file: FileThere,
    /// A second folder with a known id: ask whether it is another place of it, or a new project.
    pub same_id_as: Option<Project>,
    /// What was found, as sentences ("2 CSV files, semicolons, Windows-1252, 31 columns").
    pub found: Vec<String>,
    /// Warnings and errors per file, with line and way out.
    pub problems: Vec<crate::ApiError>,
    /// One of the problems is a line of another width than the header's: asking again with [`Ragged::Skip`]
    /// leaves such lines out.
    #[serde(default)]
    pub ragged_lines: bool,
    pub kind: DataKind,
    /// The columns of the proposed dataset, for choosing the target.
    pub columns: Vec<LookColumn>,
    /// The proposed file, ready to be written.
    pub proposal: ProjectFile,
    /// The same as TOML text.
    pub proposal_toml: String,
    pub size_bytes: u64,
    pub rows: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookColumn {
    pub name: String,
    pub kind: ColumnType,
    /// A few of its values.
    pub examples: Vec<String>,
    pub distinct: Option<u64>,
    /// How good a target it would make, 0 to 1: the likeliest stands first in the choice.
    pub target_score: f64,
    /// Why it can teach a model nothing, in the rows that were looked at: it looks like an id, or is always missing.
    #[serde(default)]
    pub doubt: Option<WarningKind>,
}

impl LookColumn {
    /// The doubt as the rest of a sentence that begins with the column's name.
    pub fn why_doubtful(&self) -> Option<&'static str> {
        Some(match (self.doubt?, self.distinct) {
            (WarningKind::AllMissing, _) => "is empty in every row",
            (_, Some(_)) => "has its own value in every row, as an id has",
            (_, None) if self.kind == ColumnType::Text => "has more than a thousand different values, as an id has",
            (_, None) => "looks like a running number or an id",
        })
    }
}

/// A project that the app brings along.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The folder's name and the id of the sample: "card-fraud".
    pub name: String,
    pub title: String,
    pub summary: String,
    pub licence: String,
    /// Where opening it will copy it to.
    pub destination: String,
    /// The project, where it was opened before.
    pub project: Option<ProjectId>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListProjects {}

/// Looks at a folder, a table or a folder of images, or at several that are to be one project, without storing
/// anything.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LookAt {
    /// Absolute, one at least; the first gives the name.
    pub paths: Vec<String>,
    /// What to do with lines of another width than the header's; the proposal says the same.
    #[serde(default)]
    pub ragged: Ragged,
}

/// Opens a folder that has a `slipway.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenProject {
    pub path: String,
    /// Where the id is known at another place that still exists.
    #[serde(default)]
    pub same_id: SameId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameId {
    /// Fail with `conflict`, so that the person is asked.
    #[default]
    Ask,
    /// Another place of the same project: it is known here from now on.
    SamePlace,
    /// A new project: a new id is written into its file.
    NewProject,
}

/// Writes a `slipway.toml` and opens the folder, with copies of the named files first, as a job; its subject is the
/// project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateProject {
    /// The folder to become a project; for `copy_from`, the folder to make.
    pub path: String,
    pub file: ProjectFile,
    /// Files or folders to copy into the new project's folder first: of one folder its entries, of several each by
    /// its own name. So the paths that [`LookAt`] proposes for the same places lead to them.
    #[serde(default)]
    pub copy_from: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetProject {
    pub project: ProjectId,
}

/// Forgets a project with its runs, snapshots and versions; its folder is never touched. For a day [`RestoreProject`]
/// brings all of it back, and so does opening its folder. Refused while deployed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteProject {
    pub project: ProjectId,
}

/// A project that was deleted and can be brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedProject {
    pub project: ProjectId,
    pub name: String,
    /// Its folder.
    pub path: String,
    pub deleted_ms: i64,
    /// Of its experiments, as they were deleted with it.
    pub runs: u64,
    /// Of its models.
    pub versions: u64,
    /// Versions (`churn v3`) that clients registered from the files of its runs, under models of no project or of another:
    /// while they stand it does not go for good.
    #[serde(default)]
    pub registered: Vec<String>,
    /// Of one that is still here though its day is over: why it does not go for good, and the way out.
    #[serde(default)]
    pub kept_because: Option<crate::ApiError>,
}

/// Brings a project back that was deleted within a day, or is kept past it, with all that went with it. Refused where
/// another one is open in its folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreProject {
    pub project: ProjectId,
}

/// Deletes a project that was deleted for good, and frees what only its records named.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PurgeProject {
    pub project: ProjectId,
}

/// Those that [`RestoreProject`] brings back, the newest deletion first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListDeletedProjects {}

/// Sets or removes keys of `slipway.toml`, keeping comments, order and unknown keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EditProjectFile {
    pub project: ProjectId,
    /// Dotted key → value; null removes it.
    pub set: Vec<(String, Value)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetOverview {
    pub project: ProjectId,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListSamples {}

/// Copies a sample to `Slipway Samples/NAME` (generating its data where it is generated) and opens it, as a job;
/// its subject is the project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenSample {
    pub name: String,
}

crate::requests! { METHODS;
    ListProjects => "project.list" -> Vec<ProjectSummary>, |_me| vec![Tag::Projects, Tag::AnyModels, Tag::Deployments];
    LookAt => "project.look" -> Look;
    OpenProject => "project.open" -> Project;
    CreateProject => "project.create" -> Job;
    GetProject => "project.get" -> Project, |me| vec![Tag::Projects, Tag::Data(me.project)];
    DeleteProject => "project.delete" -> DeletedProject;
    RestoreProject => "project.restore" -> Project;
    PurgeProject => "project.purge" -> crate::host::Freed;
    ListDeletedProjects => "project.list_deleted" -> Vec<DeletedProject>, |_me| vec![Tag::Projects, Tag::AnyModels];
    EditProjectFile => "project.edit" -> Project;
    GetOverview => "project.overview" -> Overview, |me| vec![Tag::Projects, Tag::Data(me.project), Tag::Runs(me.project), Tag::Models(me.project), Tag::Deployments];
    ListSamples => "sample.list" -> Vec<Sample>, |_me| vec![Tag::Projects];
    OpenSample => "sample.open" -> Job;
}
