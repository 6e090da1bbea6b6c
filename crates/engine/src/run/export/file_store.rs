//! Runs as MLflow's file store.

use std::path::{Path, PathBuf};

use api::series::Point;
use foreign::{
    Head,
    mlflow_files::write::{self, FileStore},
};

use super::{Form, Left, Told};

pub(super) struct FileStoreForm {
    store: FileStore,
    run: Option<write::Run>,
    name: String,
}

impl FileStoreForm {
    /// Written into `folder`, which will be moved to `place`.
    pub(super) fn new(folder: &Path, place: &Path) -> anyhow::Result<Self> {
        let place = match (place.parent().and_then(|parent| parent.canonicalize().ok()), place.file_name()) {
            (Some(parent), Some(name)) => parent.join(name),
            _ => place.to_path_buf(),
        };
        Ok(Self { store: FileStore::open_for(folder.to_path_buf(), place)?, run: None, name: String::new() })
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

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}
