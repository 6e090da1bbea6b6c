//! What a log holds beside its runs: logged models, registered models with their versions, what was written about an
//! experiment, and what runs were given.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Debug,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use api::tracking::{LoggedStatus, RunInput, Stage};
use serde::{Deserialize, Serialize};

/// A model that a client logged. A later head replaces the earlier one's single values, and adds to the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedHead {
    /// "m-" and 32 hexadecimal digits.
    pub id: String,
    /// The experiment that it stands in.
    pub group: String,
    pub name: String,
    /// The key of the run that made it.
    pub run: Option<String>,
    pub kind: Option<String>,
    pub status: LoggedStatus,
    pub status_message: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub deleted: bool,
    pub params: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
    pub figures: Vec<Figure>,
    /// The folder of its files, to be read in place.
    pub files: Option<PathBuf>,
}

/// A figure of a logged model, on a dataset where one is named.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The run's key.
    pub run: String,
    pub key: String,
    pub dataset_name: Option<String>,
    pub dataset_digest: Option<String>,
    pub step: i64,
    pub time_ms: i64,
    pub value: f64,
}

/// A registered model with all of its versions.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelHead {
    pub name: String,
    /// Markdown.
    pub notes: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub tags: Vec<(String, String)>,
    pub versions: Vec<VersionHead>,
    /// The numbers of all versions that stand in the log, also of those that are not told; `None` where nobody knows.
    pub standing: Option<Vec<u32>>,
    /// Aliases that were told before, and stand at no version any more.
    pub gone_aliases: Vec<String>,
}

/// The name of a registered model that stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingModel {
    pub name: String,
    /// When it was registered, which a renamed one keeps; `None` of one that can't be read.
    pub created_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionHead {
    pub number: u32,
    /// Markdown.
    pub notes: Option<String>,
    pub user: Option<String>,
    pub stage: Stage,
    /// The address of its files, as its client gave it.
    pub source: String,
    /// Where they lie, if that is on this machine.
    pub files: Option<PathBuf>,
    /// The run's key.
    pub run: Option<String>,
    pub run_link: Option<String>,
    /// The id of the logged model that it is.
    pub logged: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub tags: Vec<(String, String)>,
    pub aliases: Vec<String>,
}

/// What was written about an experiment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupHead {
    /// As in a run's head.
    pub name: String,
    pub created_ms: Option<i64>,
    /// Its note among them, as MLflow's `mlflow.note.content`.
    pub tags: Vec<(String, String)>,
}

/// What a run was given and made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The run's key.
    pub run: String,
    pub datasets: Vec<RunInput>,
    /// Ids of logged models, each with its step where the run made it.
    pub models: Vec<(String, Option<i64>)>,
}

/// What of a log beside its runs was told: part of a mark.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// A number that changes with what was told, by what it was told of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    told: BTreeMap<String, u64>,
    /// The aliases of each registered model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    aliases: BTreeMap<String, Vec<String>>,
}

impl Known {
    /// Notes what is to be told of `key`; whether it is another than was told.
    pub fn is_changed(&mut self, key: String, what: &impl Debug) -> bool {
        let mut hasher = DefaultHasher::new();
        format!("{what:?}").hash(&mut hasher);
        let now = hasher.finish();
        self.told.insert(key, now) != Some(now)
    }

    /// Notes which registered models stand in the log; whether they are others than were told. Of a log that never had
    /// one nothing is told.
    pub fn are_others(&mut self, standing: &[StandingModel]) -> bool {
        const KEY: &str = "models";
        let has_any = !standing.is_empty() || self.told.contains_key(KEY);
        let are_others = has_any && self.is_changed(KEY.to_owned(), &standing);
        if are_others {
            // One that is back is told anew.
            let names: HashSet<&str> = standing.iter().map(|model| model.name.as_str()).collect();
            self.told.retain(|key, _| key.strip_prefix("model/").is_none_or(|name| names.contains(name)));
            self.aliases.retain(|name, _| names.contains(name.as_str()));
        }
        are_others
    }

    /// Notes the model's aliases, and names those in it that are gone.
    pub fn note_aliases(&mut self, model: &mut ModelHead) {
        let now: Vec<String> = model.versions.iter().flat_map(|version| version.aliases.clone()).collect();
        let before = self.aliases.insert(model.name.clone(), now.clone()).unwrap_or_default();
        model.gone_aliases = before.into_iter().filter(|alias| !now.contains(alias)).collect();
    }
}

/// MLflow's stage of this word; `None` of a version that was deleted, which it calls a stage, too.
pub fn stage(word: Option<&str>) -> Option<Stage> {
    let known = || Stage::ALL.into_iter().find(|stage| word == Some(stage.word()));
    (word != Some("Deleted_Internal")).then(|| known().unwrap_or_default())
}

/// MLflow's status of this number.
pub const fn status(number: Option<i64>) -> LoggedStatus {
    match number {
        Some(2) => LoggedStatus::Ready,
        Some(3) => LoggedStatus::Failed,
        _ => LoggedStatus::Pending,
    }
}

/// The logged model that an address `models:/m-…` names.
pub fn logged_of(source: &str) -> Option<String> {
    let id = source.strip_prefix("models:/")?.split('/').next()?;
    id.starts_with("m-").then(|| id.to_owned())
}

/// Whether a folder is one of MLflow's layout for the artifacts of this id, `…/ID/artifacts`, of which no link leads
/// elsewhere: a log may name any folder of this machine.
pub fn is_folder_of(named: &Path, id: &str) -> bool {
    let is_name = Path::new(id).file_name().is_some_and(|name| name == id);
    is_name
        && named.canonicalize().is_ok_and(|place| place.is_dir() && place.ends_with(Path::new(id).join("artifacts")))
}

/// What is said where times of metrics are in seconds.
pub const IN_SECONDS: &str =
    "times of metrics are in seconds, as the first versions of MLflow wrote them: they are read as such";

/// What is said of another folder.
pub fn refused(named: &Path, id: &str) -> String {
    format!(
        "the artifacts of {id} are said to be in {}, which is no folder {id}/artifacts as MLflow makes them: they are \
         not read",
        named.display()
    )
}

/// The path of an address on this machine.
pub fn local(address: &str) -> Option<PathBuf> {
    if address.starts_with("file:") {
        return url::Url::parse(address).ok()?.to_file_path().ok();
    }
    Some(Path::new(address)).filter(|path| path.is_absolute()).map(Path::to_owned)
}
