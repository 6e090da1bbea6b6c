//! Logged models in their experiment's folder, and the registry beside the experiments.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use api::tracking::LoggedStatus;
use serde::Serialize;

use super::{
    FileStore, Run, hexadecimal,
    keys::{Disk, LONGEST_PART, Refused, Why, refused},
    make_parent, named, put_pairs, put_yaml, texts, uri,
};
use crate::{
    Result,
    file::failed,
    registry::{LoggedHead, ModelHead},
};

#[derive(Serialize)]
struct LoggedMeta<'a> {
    artifact_location: &'a str,
    creation_timestamp: i64,
    experiment_id: &'a str,
    last_updated_timestamp: i64,
    model_id: &'a str,
    model_type: Option<&'a str>,
    name: &'a str,
    source_run_id: Option<&'a str>,
    status: u8,
    status_message: Option<&'a str>,
}

#[derive(Serialize)]
struct ModelMeta<'a> {
    aliases: BTreeMap<&'a str, String>,
    creation_timestamp: i64,
    deployment_job_id: Option<&'a str>,
    deployment_job_state: Option<&'a str>,
    description: Option<&'a str>,
    last_updated_timestamp: i64,
    name: &'a str,
}

#[derive(Serialize)]
struct VersionMeta<'a> {
    creation_timestamp: i64,
    current_stage: &'a str,
    deployment_job_state: Option<&'a str>,
    description: Option<&'a str>,
    last_updated_timestamp: i64,
    model_id: Option<&'a str>,
    name: &'a str,
    run_id: Option<&'a str>,
    run_link: Option<&'a str>,
    source: &'a str,
    status: &'a str,
    status_message: Option<&'a str>,
    storage_location: &'a str,
    user_id: Option<&'a str>,
    version: u32,
}

#[derive(Serialize)]
struct EdgeMeta<'a> {
    source_type: &'a str,
    source_id: &'a str,
    destination_type: &'a str,
    destination_id: &'a str,
    tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<i64>,
}

impl Run {
    /// Says that it was given a logged model, or made it at a step.
    ///
    /// # Errors
    /// Where its file can't be written.
    pub fn model(&self, id: &str, output_at: Option<i64>) -> Result<()> {
        let run = self.meta.run_id.as_str();
        let (folder, types) = match output_at {
            // A client may say any text of a model that it made, also one that leads elsewhere as a path.
            Some(_) if is_id(id) => (self.folder.join("outputs").join(id), ("RUN_OUTPUT", "MODEL_OUTPUT")),
            Some(_) => (self.folder.join("outputs").join(named(id, run)), ("RUN_OUTPUT", "MODEL_OUTPUT")),
            None => (self.folder.join("inputs").join(named(id, run)), ("MODEL", "RUN")),
        };
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
        let meta = EdgeMeta {
            source_type: types.0,
            source_id: id,
            destination_type: types.1,
            // What MLflow reads an output's model from.
            destination_id: if output_at.is_some() { id } else { run },
            tags: BTreeMap::new(),
            step: output_at,
        };
        put_yaml(&folder.join("meta.yaml"), &meta)
    }
}

/// Whether a text is what MLflow calls a logged model by.
fn is_id(text: &str) -> bool {
    text.strip_prefix("m-")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

impl FileStore {
    /// Writes a logged model whose runs' keys are their ids. Returns the folder in which its files belong, and what was
    /// left out of it.
    ///
    /// # Errors
    /// Where a file can't be written, or the store holds a model of this id.
    pub fn logged(&mut self, head: &LoggedHead) -> Result<(PathBuf, Vec<Refused>)> {
        let experiment = self.experiment(&head.group, head.created_ms)?;
        let folder = self.folder.join(&experiment).join("models").join(&head.id);
        let place = self.place.join(&experiment).join("models").join(&head.id).join("artifacts");
        make_parent(&folder)?;
        fs::create_dir(&folder).map_err(failed(&folder))?;
        let mut left = pairs(self.disk, &folder.join("params"), "param", &head.params)?;
        left.extend(pairs(self.disk, &folder.join("tags"), "tag", &head.tags)?);
        let figures = head.figures.iter().map(|figure| figure.key.as_str());
        let without = refused(self.disk, &folder.join("metrics"), "metric", figures);
        let keyless: BTreeSet<&str> = without.iter().map(|one| one.key.as_str()).collect();
        fs::create_dir_all(folder.join("metrics")).map_err(failed(&folder))?;
        let mut lines: BTreeMap<&str, String> = BTreeMap::new();
        for figure in &head.figures {
            let on = match (&figure.dataset_name, &figure.dataset_digest) {
                (Some(name), Some(digest)) => format!(" {name} {digest}"),
                _ => String::new(),
            };
            if keyless.contains(figure.key.as_str()) {
                continue;
            }
            // MLflow parts the line at its spaces.
            if on.split(' ').count() > 3 || on.contains(['\n', '\r']) {
                left.push(Refused { kind: "metric", key: figure.key.clone(), why: Why::Name });
                continue;
            }
            let line = format!("{} {:?} {} {}{on}\n", figure.time_ms, figure.value, figure.step, figure.run);
            lines.entry(&figure.key).or_default().push_str(&line);
        }
        left.extend(without);
        for (key, lines) in lines {
            put_text(&folder.join("metrics").join(key), &lines)?;
        }
        let meta = LoggedMeta {
            artifact_location: &uri(&place),
            creation_timestamp: head.created_ms,
            experiment_id: &experiment,
            last_updated_timestamp: head.updated_ms,
            model_id: &head.id,
            model_type: head.kind.as_deref(),
            name: &head.name,
            source_run_id: head.run.as_deref(),
            status: match head.status {
                LoggedStatus::Pending => 1,
                LoggedStatus::Ready => 2,
                LoggedStatus::Failed => 3,
            },
            status_message: head.status_message.as_deref(),
        };
        put_yaml(&folder.join("meta.yaml"), &meta)?;
        Ok((folder.join("artifacts"), left))
    }

    /// Where the files of a run of the store will be read, once it is at its place.
    pub fn artifacts_of(&self, group: &str, run: [u8; 16]) -> Option<PathBuf> {
        let experiment = self.experiments.get(group)?;
        Some(self.place.join(experiment).join(hexadecimal(&run)).join("artifacts"))
    }

    /// The same of a logged model.
    pub fn artifacts_of_logged(&self, group: &str, id: &str) -> Option<PathBuf> {
        Some(self.place.join(self.experiments.get(group)?).join("models").join(id).join("artifacts"))
    }

    /// Writes a registered model with its versions, whose runs' keys are their ids; `None` where MLflow takes no model of
    /// this name, no folder can have it, or the store holds one.
    ///
    /// # Errors
    /// Where a file can't be written.
    pub fn registered(&self, head: &ModelHead) -> Result<Option<Vec<Refused>>> {
        let is_name = !head.name.contains(['/', '\\', '%', ':']) && !matches!(head.name.as_str(), "" | "." | "..");
        let folder = self.folder.join("models").join(&head.name);
        if !is_name || head.name.len() > LONGEST_PART || folder.exists() {
            return Ok(None);
        }
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
        let mut left = pairs(self.disk, &folder.join("tags"), "tag", &head.tags)?;
        let aliases = head
            .versions
            .iter()
            .flat_map(|version| version.aliases.iter().map(move |alias| (alias.as_str(), version.number.to_string())));
        let aliases: BTreeMap<&str, String> = aliases.collect();
        let without = refused(self.disk, &folder.join("aliases"), "alias", aliases.keys().copied());
        for (alias, number) in &aliases {
            if !without.iter().any(|one| one.key == *alias) {
                put_text(&folder.join("aliases").join(alias), number)?;
            }
        }
        left.extend(without);
        for version in &head.versions {
            let folder = folder.join(format!("version-{}", version.number));
            fs::create_dir_all(&folder).map_err(failed(&folder))?;
            left.extend(pairs(self.disk, &folder.join("tags"), "tag", &version.tags)?);
            let stands = version.files.as_deref().map(uri);
            let meta = VersionMeta {
                creation_timestamp: version.created_ms,
                current_stage: version.stage.word(),
                deployment_job_state: None,
                description: version.notes.as_deref(),
                last_updated_timestamp: version.updated_ms,
                model_id: version.logged.as_deref(),
                name: &head.name,
                run_id: version.run.as_deref(),
                run_link: version.run_link.as_deref(),
                source: &version.source,
                status: "READY",
                status_message: None,
                storage_location: stands.as_ref().unwrap_or(&version.source),
                user_id: version.user.as_deref(),
                version: version.number,
            };
            put_yaml(&folder.join("meta.yaml"), &meta)?;
        }
        let meta = ModelMeta {
            aliases,
            creation_timestamp: head.created_ms,
            deployment_job_id: None,
            deployment_job_state: None,
            description: head.notes.as_deref(),
            last_updated_timestamp: head.updated_ms,
            name: &head.name,
        };
        put_yaml(&folder.join("meta.yaml"), &meta)?;
        Ok(Some(left))
    }
}

/// The address of a path, as the store names places.
pub fn address(path: &Path) -> String {
    uri(path)
}

fn put_text(path: &Path, text: &str) -> Result<()> {
    make_parent(path)?;
    fs::write(path, text).map_err(failed(path))
}

fn pairs(disk: Disk, folder: &Path, kind: &'static str, pairs: &[(String, String)]) -> Result<Vec<Refused>> {
    fs::create_dir_all(folder).map_err(failed(folder))?;
    put_pairs(disk, folder, kind, &texts(pairs))
}
