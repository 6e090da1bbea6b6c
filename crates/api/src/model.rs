//! Registered models, their immutable versions, and the bundle that a version is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    config::{ColumnType, DataKind, ModelChoice},
    evaluation::{Evaluation, Figure, PartRows, Task},
    event::Tag,
    id::{DeploymentId, ModelId, ProjectId, RunId, SnapshotId, VersionId},
    job::Job,
    tracking::{ClientVersion, PROMPT_TAG, VersionNotes},
};

/// The alias that most teams give the version that serves.
pub const CHAMPION: &str = "champion";

/// A name under which versions stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub id: ModelId,
    /// None of a model that a client registered.
    pub project: Option<ProjectId>,
    pub name: String,
    /// Newest first.
    pub versions: Vec<Version>,
    /// Those that clients registered, newest first.
    #[serde(default)]
    pub client_versions: Vec<ClientVersion>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Markdown.
    #[serde(default)]
    pub notes: String,
    pub created_ms: i64,
}

impl Model {
    /// MLflow keeps prompts among the models.
    pub fn is_prompt(&self) -> bool {
        self.tags.get(PROMPT_TAG).is_some_and(|is| is == "true")
    }
}

/// One immutable model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub id: VersionId,
    pub model: ModelId,
    pub project: ProjectId,
    pub model_name: String,
    /// 1, 2, 3 …, shown as "v7".
    pub number: u32,
    /// "champion" …; an alias stands at one version of a model.
    pub aliases: Vec<String>,
    pub run: RunId,
    pub run_name: String,
    pub snapshot: Option<SnapshotId>,
    pub snapshot_number: Option<u32>,
    pub commit: Option<String>,
    pub seed: Option<u64>,
    pub kind: ModelChoice,
    pub task: Task,
    pub signature: Signature,
    pub size_bytes: u64,
    /// BLAKE3 of `bundle.json`, which has the hash of every other file.
    pub content: String,
    pub threshold: Option<f64>,
    pub primary: Option<Figure>,
    pub rows: PartRows,
    /// Those that run it now.
    pub deployments: Vec<DeploymentId>,
    /// The names of those that run it now or did before, and may go back to it: it can't be deleted while one is there.
    #[serde(default)]
    pub kept_by: Vec<String>,
    pub created_ms: i64,
}

impl Version {
    /// Why it can't be deleted now.
    pub fn kept_because(&self) -> Option<String> {
        let names = self.kept_by.join(", ");
        (!names.is_empty()).then(|| format!("It is deployed as {names}, or was before: delete that deployment first"))
    }

    /// Whether its figure on test is better than another version's; `None` where they have no figure of one name.
    pub fn beats(&self, other: &Version) -> Option<bool> {
        self.primary.as_ref()?.beats(other.primary.as_ref()?)
    }

    /// Whether the other one was trained, and measured, on another snapshot: their figures stand for other rows.
    pub fn is_of_other_data(&self, other: &Version) -> bool {
        matches!((self.snapshot, other.snapshot), (Some(own), Some(other)) if own != other)
    }
}

/// What a model is asked and what it answers. Sensitive columns are inputs like any other, but are
/// never logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    pub inputs: Vec<Input>,
    pub outputs: Vec<Output>,
}

impl Signature {
    /// The class that "probability" is of; none but of a binary model.
    pub fn positive(&self) -> Option<&str> {
        self.outputs.iter().find(|output| output.name == "probability").and_then(|output| output.class.as_deref())
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub name: String,
    pub kind: ColumnType,
    /// A request may leave it out or send null: it is imputed.
    pub optional: bool,
    pub sensitive: bool,
    /// Known categories, commonest first (at most 1,000), for the form; none of a sensitive column.
    pub categories: Vec<String>,
    /// Range seen in training, for the form's hint; none of a sensitive column.
    pub range: Option<(f64, f64)>,
    /// Images: height, width, channels.
    pub shape: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// "prediction" (class or number), "probability" (of the positive class), or
    /// "probability_CLASS" for each class of a multiclass model.
    pub name: String,
    pub kind: ColumnType,
    /// The class whose probability it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// `bundle.json`: the head of a bundle folder. Every other file stands here with its hashes, and is
/// checked against them at every load.
///
/// A bundle holds `weights.safetensors` or `trees.ubj`, `preprocessing.json`, `reference.parquet`
/// (a seeded sample of at most 50,000 raw validation rows with the model's outputs), `profile.json`
/// (of the validation part), `evaluation.json`, `examples.json` (five raw rows for forms and
/// sample calls).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    pub format: u32,
    pub task: Task,
    pub kind: ModelChoice,
    pub data: DataKind,
    pub target: String,
    pub classes: Vec<String>,
    pub threshold: Option<f64>,
    /// Of more than two classes, where rare ones are preferred: what each probability is multiplied by before the
    /// greatest is called (see [`crate::evaluation::class_of`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_factors: Vec<f64>,
    pub signature: Signature,
    /// The network or the booster, as `infer` reads it.
    pub architecture: Value,
    /// Snapshot content, code commit, seed, run, tool version.
    pub lineage: BTreeMap<String, String>,
    pub files: Vec<BundleFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleFile {
    /// Relative, with forward slashes.
    pub path: String,
    pub size_bytes: u64,
    pub blake3: String,
    pub sha256: String,
}

/// Registers a finished run's model under a name (by default the project's).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisterModel {
    pub run: RunId,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub aliases: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListModels {
    pub project: ProjectId,
    /// In the grammar of the runs' filter, about versions with their model: `name`, `version`, `alias`, `stage`, `user`,
    /// `notes`, `tag.KEY` (a version's own, else its model's) and `created`; words match all of these and what a version was
    /// made of. A model stands with the versions that match; one without versions is looked at by itself.
    #[serde(default)]
    pub filter: String,
}

impl ListModels {
    pub const fn of(project: ProjectId) -> Self {
        Self { project, filter: String::new() }
    }
}

/// Models of clients under which no version names a run of a project: they stand with no project's models.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListOtherModels {
    /// As [`ListModels::filter`].
    #[serde(default)]
    pub filter: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetVersion {
    pub version: VersionId,
}

/// A version with its report and five example rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionDetail {
    pub version: Version,
    pub evaluation: Option<Evaluation>,
    /// Rows as JSON objects, keyed by input name.
    pub examples: Vec<Value>,
    pub lineage: BTreeMap<String, String>,
    pub files: Vec<BundleFile>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Stage and description.
    #[serde(default)]
    pub notes: VersionNotes,
}

/// Resolves `NAME`, `NAME@ALIAS` or `NAME:NUMBER` (in a project, where names repeat).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindVersion {
    pub reference: String,
    #[serde(default)]
    pub project: Option<ProjectId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetAlias {
    pub model: ModelId,
    pub alias: String,
    /// `None` removes it.
    pub version: Option<VersionId>,
}

/// Refused while deployed. For a day [`crate::registered::RestoreVersion`] takes it back; the files of one that was trained
/// here stay so long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteVersion {
    pub version: VersionId,
}

/// Predicts rows given as JSON objects, in this process, without a deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Predict {
    pub version: VersionId,
    pub rows: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predictions {
    /// One JSON object a row, keyed by output name.
    pub rows: Vec<Value>,
    pub duration_secs: f64,
}

/// Predicts a file into a file, streaming, as a job: `slipway model predict NAME@ALIAS in.csv out.csv`. The input
/// of a model of pictures is a folder of them, each a row with its `file`.
///
/// Both paths are the caller's own and may lie anywhere. The output has its name only once it is whole; a
/// file that is there is refused (`conflict`) unless `overwrite` is set, and then stays until that moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PredictFile {
    pub version: VersionId,
    pub input: String,
    pub output: String,
    #[serde(default)]
    pub overwrite: bool,
}

crate::requests! { METHODS;
    RegisterModel => "model.register" -> Version;
    ListModels => "model.list" -> Vec<Model>, |me| vec![Tag::ClientModels, Tag::Models(me.project)];
    ListOtherModels => "model.list_other" -> Vec<Model>, |_me| vec![Tag::ClientModels];
    GetVersion => "model.version" -> VersionDetail, |_me| vec![Tag::AnyModels, Tag::Deployments];
    FindVersion => "model.find" -> Version;
    SetAlias => "model.alias" -> Model;
    DeleteVersion => "model.delete" -> crate::host::Freed;
    Predict => "model.predict" -> Predictions;
    PredictFile => "model.predict_file" -> Job;
}
