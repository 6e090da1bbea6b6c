//! The logged models of exported runs, and the registered versions that point to these.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    path::{Path, PathBuf},
};

use api::{RunId, tracking::LoggedModel};
use cap_std::fs::Dir;
use foreign::registry::{Figure, LoggedHead, ModelHead, VersionHead};

use super::Left;
use crate::{
    Engine, beneath,
    tracking::{artifacts::is_half, registry::Registered},
};

/// What a run says of logged models that it was given and made, each with its step where it made it, and the ids of
/// all that are of it.
#[derive(Default)]
pub(super) struct Named {
    pub(super) said: Vec<(String, Option<i64>)>,
    pub(super) all: BTreeSet<String>,
}

impl Named {
    pub(super) fn of(c: &store::Connection, run: RunId) -> store::Result<Self> {
        let said = store::run_input::models(c, run)?;
        let own = store::logged_model::ids_of_run(c, run)?;
        Ok(Self { all: said.iter().map(|(id, _)| id.clone()).chain(own).collect(), said })
    }
}

/// The folder of a logged model's files.
pub(super) fn folder(engine: &Engine, id: &str, elsewhere: Option<String>) -> PathBuf {
    elsewhere.map_or_else(|| engine.workspace().logged(id).join("artifacts"), PathBuf::from)
}

fn list(folder: &Dir, at: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = if at.as_os_str().is_empty() { folder.entries() } else { folder.read_dir(at) };
    for entry in entries? {
        let entry = entry?;
        let path = at.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(folder, &path, found)?;
        } else if kind.is_file() && !is_half(&entry.file_name().to_string_lossy()) {
            found.push(path);
        }
    }
    Ok(())
}

/// Copies the files of a folder; a link leads nowhere. What can't be read is left out.
pub(super) fn copy(from: &Path, to: &Path, of: &str, left: &mut Left) -> anyhow::Result<()> {
    use anyhow::Context as _;
    let Ok(folder) = beneath::folder(from) else { return Ok(()) };
    let mut files = Vec::new();
    if let Err(error) = list(&folder, Path::new(""), &mut files) {
        left.say(format!("{of}: its files can't be listed: {error}."));
    }
    files.sort();
    for path in files {
        let Ok(mut file) = beneath::file(&folder, &path) else {
            left.say(format!("{of}: the file {} can't be read.", path.display()));
            continue;
        };
        let target = to.join(&path);
        let writing = || format!("write {}", target.display());
        std::fs::create_dir_all(target.parent().with_context(writing)?).with_context(writing)?;
        let mut written = std::fs::File::create_new(&target).with_context(writing)?;
        io::copy(&mut file, &mut written).with_context(writing)?;
    }
    Ok(())
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<(String, String)> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A logged model as a file store has it; `group` is its experiment's name.
pub(super) fn logged_head(model: &LoggedModel, group: &str) -> LoggedHead {
    let figures = model.metrics.iter().map(|metric| Figure {
        run: metric.run.to_string(),
        key: metric.key.clone(),
        dataset_name: metric.dataset_name.clone(),
        dataset_digest: metric.dataset_digest.clone(),
        step: metric.step,
        time_ms: metric.time_ms,
        value: metric.value,
    });
    LoggedHead {
        id: model.id.clone(),
        group: group.to_owned(),
        name: model.name.clone(),
        run: model.run.map(|run| run.to_string()),
        kind: model.kind.clone(),
        status: model.status,
        status_message: model.status_message.clone(),
        created_ms: model.created_ms,
        updated_ms: model.updated_ms,
        deleted: false,
        params: pairs(&model.params),
        tags: pairs(&model.tags),
        figures: figures.collect(),
        files: None,
    }
}

/// Where what was exported stands in the store: the experiments by runs and by logged models.
#[derive(Default)]
pub(super) struct Exported {
    pub(super) runs: HashMap<RunId, String>,
    pub(super) logged: HashMap<String, String>,
}

/// A registered model with its versions that point to what was exported; `None` where none does. `stands` says where the
/// files of a run or of a logged model will be.
pub(super) fn model_head(
    model: &Registered,
    exported: &Exported,
    of_run: &dyn Fn(&str, RunId) -> Option<PathBuf>,
    of_logged: &dyn Fn(&str, &str) -> Option<PathBuf>,
    address: &dyn Fn(&Path) -> String,
) -> Option<ModelHead> {
    let mut versions = Vec::new();
    for version in model.versions.iter().rev() {
        let logged = version.logged.as_ref().and_then(|id| Some((id, exported.logged.get(id)?)));
        let run = version.run.and_then(|run| Some((run, exported.runs.get(&run)?)));
        if logged.is_none() && run.is_none() {
            continue;
        }
        let of_logged = logged.and_then(|(id, group)| of_logged(group, id));
        let of_run = run.and_then(|(run, group)| {
            let rest = within_run(&version.source, run)?;
            Some(of_run(group, run)?.join(rest))
        });
        let is_model = version.source.starts_with("models:/");
        let files = if is_model { of_logged.or(of_run) } else { of_run.or(of_logged) };
        let source = match &files {
            Some(files) if !is_model => address(files),
            _ => version.source.clone(),
        };
        versions.push(VersionHead {
            number: version.number,
            notes: some(&version.notes.notes),
            user: version.user.clone(),
            stage: version.notes.stage,
            source,
            files,
            run: run.map(|(run, _)| run.to_string()),
            run_link: version.run_link.clone(),
            logged: logged.map(|(id, _)| id.clone()),
            created_ms: version.created_ms,
            updated_ms: version.notes.updated_ms,
            tags: pairs(&version.tags),
            aliases: version.aliases.clone(),
        });
    }
    (!versions.is_empty()).then(|| ModelHead {
        name: model.name.clone(),
        notes: some(&model.row.notes),
        created_ms: model.row.created_ms,
        updated_ms: model.row.updated_ms,
        tags: pairs(&model.tags),
        versions,
        standing: None,
        gone_aliases: Vec::new(),
    })
}

/// The path among a run's artifacts that an address names: `runs:/RUN/model`, or the proxy's.
fn within_run(source: &str, run: RunId) -> Option<&str> {
    let run = run.to_string();
    let rest = match source.strip_prefix("runs:/") {
        Some(rest) => rest.trim_start_matches('/').strip_prefix(&run)?,
        None => source.split_once(&format!("{run}/artifacts"))?.1,
    };
    let rest = rest.trim_matches('/');
    rest.split('/').all(|part| !matches!(part, "." | "..")).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_among_a_runs_artifacts_is_known() {
        let run = RunId::from_bytes([7; 16]);
        let of = |source: &str| within_run(&source.replace("RUN", &run.to_string()), run).map(str::to_owned);
        assert_eq!(of("runs:/RUN/model/deep").as_deref(), Some("model/deep"));
        assert_eq!(of("mlflow-artifacts:/1/RUN/artifacts/model").as_deref(), Some("model"));
        assert_eq!(of("runs:/RUN").as_deref(), Some(""));
        assert_eq!((of("runs:/RUN/../x"), of("runs:/other/x"), of("s3://bucket/x")), (None, None, None));
    }
}
