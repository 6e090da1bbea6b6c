//! Models as MLflow's clients register them, for a person: a version's page, and what can be changed of a model or a
//! version of either kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    event::Tag,
    host::Freed,
    id::{ModelId, ProjectId, VersionId},
    model::Model,
    run::{Artifact, LineageNode},
    tracking::{ClientVersion, Stage},
};

/// Why a version that a client registered can't be deployed.
pub const NOT_DEPLOYABLE: &str = "A client registered it: its files are not a bundle of ours, so we can't prove that they answer as they were measured.";

/// How MLflow's own tools name a version.
pub fn models_uri(name: &str, number: u32) -> String {
    format!("models:/{name}/{number}")
}

/// A version that a client registered, with all that its page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientVersionDetail {
    /// With all of its versions: an alias may stand at another one.
    pub model: Model,
    pub version: ClientVersion,
    /// What it came from, and itself.
    pub lineage: Vec<LineageNode>,
    /// Of its folder, by their paths in it. `None` where that is not read through us.
    pub files: Option<Vec<Artifact>>,
    /// What its `MLmodel` file says; `None` where there is none.
    pub described: Option<MlModel>,
    /// Why the `MLmodel` file can't be read, where there is one.
    pub unreadable: Option<String>,
}

impl ClientVersionDetail {
    /// Lines of Python that load it.
    pub fn python(&self) -> String {
        let flavors = self.described.iter().flat_map(|described| &described.flavors);
        let names: Vec<&str> = flavors.map(|flavor| flavor.name.as_str()).collect();
        // MLflow calls the flavor that any model can have by another name than its module.
        let module = match names.first() {
            None => "pyfunc",
            Some(_) if names.contains(&PYTHON_FUNCTION) => "pyfunc",
            Some(only) => only,
        };
        // A text of JSON is one of Python, too.
        let address = serde_json::Value::from(models_uri(&self.model.name, self.version.number));
        format!("import mlflow\n\nmodel = mlflow.{module}.load_model({address})")
    }
}

/// The flavor that every model has which Python can call.
const PYTHON_FUNCTION: &str = "python_function";

/// What an `MLmodel` file says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MlModel {
    /// How it can be loaded.
    pub flavors: Vec<Flavor>,
    pub inputs: Vec<ClientColumn>,
    pub outputs: Vec<ClientColumn>,
    /// Params of a prediction.
    pub params: Vec<ClientColumn>,
    pub mlflow_version: Option<String>,
    pub created: Option<String>,
}

/// A way to load a model, with what it needs for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flavor {
    pub name: String,
    /// Single values only: "sklearn_version" …
    pub values: BTreeMap<String, String>,
}

/// What a model is asked or answers, in MLflow's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientColumn {
    /// None of a model without named columns.
    pub name: Option<String>,
    /// "double", "array of string", "tensor of float32, −1 × 28 × 28".
    pub kind: String,
    pub optional: bool,
    pub default: Option<String>,
}

/// A version that a client registered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetClientVersion {
    pub version: VersionId,
}

/// A version of either kind, by a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedVersion {
    pub model: ModelId,
    pub name: String,
    pub version: VersionId,
    pub number: u32,
    /// A client registered it.
    pub of_client: bool,
}

/// Resolves an id, `NAME`, `NAME@ALIAS`, `NAME:NUMBER` or `NAME/NUMBER`, whoever registered the version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolveVersion {
    pub reference: String,
    /// Its models stand before those of others.
    #[serde(default)]
    pub project: Option<ProjectId>,
}

/// A model by its name or id, whoever registered it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindModel {
    pub name: String,
    /// Its models stand before those of others.
    #[serde(default)]
    pub project: Option<ProjectId>,
}

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    pub version: VersionId,
    pub stage: Stage,
}

/// Moves a version to a stage. Answers where each one that moved stood before, so that [`PutStages`] undoes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetStage {
    pub version: VersionId,
    pub stage: Stage,
    /// Those of the model that stand there are archived.
    #[serde(default)]
    pub archive: bool,
}

/// Puts versions where they stood.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PutStages {
    pub stages: Vec<Staged>,
}

/// What a tag or a description is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Described {
    Model(ModelId),
    Version(VersionId),
}

/// Sets a tag, or removes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TagModel {
    pub of: Described,
    pub key: String,
    /// `None` removes it.
    pub value: Option<String>,
}

/// Writes a description, in Markdown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DescribeModel {
    pub of: Described,
    pub notes: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenameModel {
    pub model: ModelId,
    pub name: String,
}

/// Deletes a model with the versions that clients registered; refused while one that was trained here stands under it.
/// The files stay with their runs, and for a day [`RestoreModel`] brings the rest back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteModel {
    pub model: ModelId,
}

/// Brings back a model that was deleted within a day, of the last 1,000 such deletions, with the versions that went with
/// it: numbers, aliases, stages, tags, descriptions and times. An alias that was given to another version meanwhile stays
/// there, and a run that was deleted for good meanwhile is gone with its files. Refused where another model has its name
/// now. What an MLflow client deleted does not come back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreModel {
    pub model: ModelId,
}

/// The same for a version that [`crate::model::DeleteVersion`] deleted. Refused where another version has its number now; of
/// one that a client registered also where its model is gone, of one that was trained here where its run is gone for good.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreVersion {
    pub version: VersionId,
}

/// Lets go at once of what [`RestoreModel`] or [`RestoreVersion`] could bring back. Of a version that was trained here the
/// files are deleted, too; the files of what a client registered are its run's, and stay.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PurgeModel {
    pub model: ModelId,
    /// The version that was deleted alone; `None` where the model was.
    pub version: Option<VersionId>,
}

/// What [`RestoreModel`] and [`RestoreVersion`] can bring back, the newest deletion first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListDeletedModels {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedModel {
    pub model: ModelId,
    pub name: String,
    /// The version that was deleted alone, with its number; `None` where the model was.
    pub version: Option<(VersionId, u32)>,
    /// How many versions come back.
    pub versions: u64,
    pub deleted_ms: i64,
    /// The project that it stood in; none of what clients registered.
    #[serde(default)]
    pub project: Option<ProjectId>,
    /// What [`PurgeModel`] frees of stored files, those that others use left out.
    #[serde(default)]
    pub frees_bytes: u64,
}

impl DeletedModel {
    /// "churn", or "churn:3" of a version.
    pub fn title(&self) -> String {
        match self.version {
            Some((_, number)) => format!("{}:{number}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Writes a file of a version that a client registered to one that isn't there yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaveVersionFile {
    pub version: VersionId,
    /// In the version's folder.
    pub path: String,
    /// An absolute path on the host's machine.
    pub to: String,
}

crate::requests! { METHODS;
    GetClientVersion => "model.client_version" -> ClientVersionDetail, |_me| vec![Tag::AnyModels];
    ResolveVersion => "model.resolve" -> NamedVersion;
    FindModel => "model.get" -> Model, |_me| vec![Tag::AnyModels];
    SetStage => "model.stage" -> Vec<Staged>;
    PutStages => "model.put_stages" -> ();
    TagModel => "model.tag" -> ();
    DescribeModel => "model.describe" -> ();
    RenameModel => "model.rename" -> Model;
    DeleteModel => "model.delete_name" -> Freed;
    RestoreModel => "model.restore_name" -> Model;
    RestoreVersion => "model.restore" -> NamedVersion;
    PurgeModel => "model.purge" -> Freed;
    ListDeletedModels => "model.list_deleted" -> Vec<DeletedModel>, |_me| vec![Tag::AnyModels];
    SaveVersionFile => "model.save_file" -> crate::run::SavedFile;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_python_load_a_version() {
        let id = "0190000000007000800000000000000a";
        let version = serde_json::json!({
            "id": id, "model": id, "number": 3, "run": null, "run_link": null, "source": "s3://x", "logged": null,
            "user": null, "created_ms": 1, "aliases": [],
        });
        let model =
            serde_json::json!({ "id": id, "project": null, "name": "a \"b\"", "versions": [], "created_ms": 1 });
        let mut detail = ClientVersionDetail {
            model: serde_json::from_value(model).unwrap(),
            version: serde_json::from_value(version).unwrap(),
            lineage: Vec::new(),
            files: None,
            described: None,
            unreadable: None,
        };
        let load = |detail: &ClientVersionDetail| detail.python().lines().last().unwrap().to_owned();
        assert_eq!(load(&detail), r#"model = mlflow.pyfunc.load_model("models:/a \"b\"/3")"#);
        let flavors = ["sklearn", PYTHON_FUNCTION];
        let flavor = |name: &&str| Flavor { name: (*name).to_owned(), values: BTreeMap::new() };
        detail.described = Some(MlModel { flavors: flavors.iter().map(flavor).collect(), ..MlModel::default() });
        assert!(load(&detail).contains("mlflow.pyfunc."));
        detail.described.as_mut().unwrap().flavors.pop();
        assert!(load(&detail).contains("mlflow.sklearn."));
    }
}
