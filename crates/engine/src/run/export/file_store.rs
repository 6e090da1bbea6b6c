//! Runs as MLflow's file store.

use std::path::{Path, PathBuf};

use api::{series::Point, tracking::LoggedModel};
use foreign::{
    Head,
    mlflow_files::write::{self, FileStore, models::address},
};

use super::{
    Form, Left, Told,
    models::{Exported, logged_head, model_head},
};
use crate::tracking::registry::Registered;

pub(super) struct FileStoreForm {
    store: FileStore,
    run: Option<write::Run>,
    name: String,
    exported: Exported,
}

impl FileStoreForm {
    /// Written into `folder`, which will be moved to `place`.
    pub(super) fn new(folder: &Path, place: &Path) -> anyhow::Result<Self> {
        let place = match (place.parent().and_then(|parent| parent.canonicalize().ok()), place.file_name()) {
            (Some(parent), Some(name)) => parent.join(name),
            _ => place.to_path_buf(),
        };
        Ok(Self {
            store: FileStore::open_for(folder.to_path_buf(), place)?,
            run: None,
            name: String::new(),
            exported: Exported::default(),
        })
    }
}

impl Form for FileStoreForm {
    fn begin(&mut self, told: &Told, left: &mut Left) -> anyhow::Result<()> {
        let run = &told.run;
        let pairs = |map: &std::collections::BTreeMap<String, String>| {
            map.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
        };
        let mut tags = pairs(&run.tags);
        if run.deleted_ms.is_some() {
            tags.push(("mlflow.lifecycle_stage".to_owned(), "deleted".to_owned()));
        }
        let head = Head {
            key: run.id.to_string(),
            id: Some(*run.id.as_bytes()),
            name: run.name.clone(),
            group: told.experiment.clone(),
            state: run.state,
            created_ms: run.started_ms.unwrap_or(run.created_ms),
            ended_ms: run.ended_ms,
            user: run.user.clone(),
            notes: Some(run.notes.clone()).filter(|notes| !notes.is_empty()),
            params: pairs(&run.params),
            tags,
            artifacts: None,
            commit: run.code.as_ref().map(|code| code.commit.clone()),
            command: run.command.clone(),
        };
        let (written, refused) = self.store.run(*run.id.as_bytes(), &head)?;
        for key in refused {
            left.say(format!("{}: MLflow takes no param or tag named \"{key}\".", run.name));
        }
        for input in &told.inputs {
            written.input(input)?;
        }
        for (model, step) in &told.models.said {
            written.model(model, *step)?;
        }
        self.exported.runs.insert(run.id, told.experiment.clone());
        self.name.clone_from(&run.name);
        self.run = Some(written);
        Ok(())
    }

    fn points(&mut self, key: &str, points: &[Point], left: &mut Left) -> anyhow::Result<()> {
        if let Some(run) = &self.run
            && !run.points(key, points)?
        {
            left.say(format!("{}: MLflow takes no metric named \"{key}\".", self.name));
        }
        Ok(())
    }

    fn artifact(&self, path: &str) -> Option<PathBuf> {
        self.run.as_ref().map(|run| run.artifacts().join(path))
    }

    fn end(&mut self) -> anyhow::Result<()> {
        Ok(self.run.take().map_or(Ok(()), write::Run::finish)?)
    }

    fn logged(&mut self, model: &LoggedModel, group: &str, left: &mut Left) -> anyhow::Result<Option<PathBuf>> {
        if self.exported.logged.insert(model.id.clone(), group.to_owned()).is_some() {
            return Ok(None);
        }
        let (folder, refused) = self.store.logged(&logged_head(model, group))?;
        for key in refused {
            left.say(format!("{}: MLflow takes no param, tag or figure named \"{key}\".", model.name));
        }
        Ok(Some(folder))
    }

    fn registered(&mut self, model: &Registered, left: &mut Left) -> anyhow::Result<()> {
        let of_run = |group: &str, run: api::RunId| self.store.artifacts_of(group, *run.as_bytes());
        let of_logged = |group: &str, id: &str| self.store.artifacts_of_logged(group, id);
        let Some(head) = model_head(model, &self.exported, &of_run, &of_logged, &address) else { return Ok(()) };
        match self.store.registered(&head)? {
            Some(refused) => {
                refused.iter().for_each(|key| left.say(format!("{}: MLflow takes no tag named \"{key}\".", head.name)))
            }
            None => {
                left.say(format!("MLflow's file store takes no model named \"{}\", or it is there twice.", head.name))
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}
