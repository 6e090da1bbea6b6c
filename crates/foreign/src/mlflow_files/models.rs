//! What a file store holds beside its runs: an experiment's tags, its logged models under `models/`, and the registry,
//! which is the folder `models` beside the experiments.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use super::{Experiment, folders, meta::Meta, run};
use crate::{
    Result, Told, artifacts,
    file::{self, warning},
    registry::{Figure, GroupHead, Known, LoggedHead, ModelHead, StandingModel, VersionHead, logged_of, stage, status},
};

type Tell<'a> = dyn FnMut(Told) -> Result<()> + 'a;
type Wrong = Box<dyn std::error::Error>;

/// The keys of the runs by the ids that MLflow knows them by.
pub(super) struct Keys<'a>(HashMap<&'a str, &'a str>);

impl<'a> Keys<'a> {
    pub(super) fn of(keys: impl Iterator<Item = &'a String>) -> Self {
        Self(keys.filter_map(|key| Some((key.rsplit_once('/')?.1, key.as_str()))).collect())
    }

    fn get(&self, id: Option<&str>) -> Option<String> {
        self.0.get(id?).map(|key| (*key).to_owned())
    }
}

/// Tells what was written about an experiment, where it is another than was told.
pub(super) fn group(experiment: &Experiment, known: &mut Known, tell: &mut Tell<'_>) -> Result<()> {
    let mut told = Vec::new();
    let tags = texts(&experiment.folder.join("tags"), &mut told);
    let head = GroupHead { name: experiment.name.clone(), created_ms: experiment.created_ms, tags };
    let says_any = !head.tags.is_empty() || head.created_ms.is_some();
    if known.is_changed(format!("group/{}", experiment.name), &head) && says_any {
        told.push(Told::Group(head));
        told.into_iter().try_for_each(tell)?;
    }
    Ok(())
}

/// Tells the logged models of an experiment that changed; whether it has any.
pub(super) fn logged(experiment: &Experiment, keys: &Keys<'_>, known: &mut Known, tell: &mut Tell<'_>) -> Result<bool> {
    let mut any = false;
    for folder in below(&experiment.folder.join("models"), tell)?.unwrap_or_default() {
        any = true;
        tell(Told::Still)?;
        let mut told = Vec::new();
        let key = format!("logged/{}", folder.file_name().unwrap_or_default().to_string_lossy());
        match logged_head(&folder, experiment, keys, &mut told) {
            Ok(head) if known.is_changed(key.clone(), &head) => told.push(Told::Logged(head)),
            // What could not be read then was told then.
            Ok(_) => told.clear(),
            Err(error) => left_out(&mut told, known, key, &folder, "the logged model", &error.to_string()),
        }
        told.into_iter().try_for_each(&mut *tell)?;
    }
    Ok(any)
}

/// Says once what could not be read.
fn left_out(told: &mut Vec<Told>, known: &mut Known, key: String, folder: &Path, what: &str, why: &str) {
    told.clear();
    if known.is_changed(key, &why) {
        told.push(warning(&folder.join("meta.yaml"), format!("{what} was left out: {why}")));
    }
}

fn logged_head(
    folder: &Path,
    experiment: &Experiment,
    keys: &Keys<'_>,
    told: &mut Vec<Told>,
) -> std::result::Result<LoggedHead, Wrong> {
    let meta = Meta::parse(&file::text(&folder.join("meta.yaml"))?)?;
    let id = meta.get("model_id").ok_or("it names no model")?.to_owned();
    let (files, _) = run::artifacts_of(folder, &id, meta.get("artifact_location"), run::store_of(experiment), told);
    let created_ms = meta.milliseconds("creation_timestamp").unwrap_or_default();
    Ok(LoggedHead {
        group: experiment.name.clone(),
        name: meta.get("name").unwrap_or(&id).to_owned(),
        run: keys.get(meta.get("source_run_id")),
        kind: meta.get("model_type").map(str::to_owned),
        status: status(meta.milliseconds("status")),
        status_message: meta.get("status_message").map(str::to_owned),
        created_ms,
        updated_ms: meta.milliseconds("last_updated_timestamp").unwrap_or(created_ms),
        deleted: experiment.deleted || meta.get("lifecycle_stage") == Some("deleted"),
        params: texts(&folder.join("params"), told),
        tags: texts(&folder.join("tags"), told),
        figures: figures(&folder.join("metrics"), keys, told),
        files,
        id,
    })
}

/// The last figure of each metric, run and dataset, of lines `TIME_MS VALUE STEP RUN [DATASET DIGEST]`.
fn figures(folder: &Path, keys: &Keys<'_>, told: &mut Vec<Told>) -> Vec<Figure> {
    let mut last: HashMap<(String, String, Option<String>, Option<String>), Figure> = HashMap::new();
    for (key, text) in texts(folder, told) {
        let figures = text.lines().filter(|line| !line.trim().is_empty()).map(|line| figure(&key, line, keys));
        let mut wrong = 0;
        for figure in figures {
            let Some(figure) = figure else {
                wrong += 1;
                continue;
            };
            let of = (key.clone(), figure.run.clone(), figure.dataset_name.clone(), figure.dataset_digest.clone());
            let is_later = |known: &Figure| (known.step, known.time_ms) <= (figure.step, figure.time_ms);
            if last.get(&of).is_none_or(is_later) {
                last.insert(of, figure);
            }
        }
        if wrong > 0 {
            told.push(warning(&folder.join(&key), run::left_out(wrong, "time value step run")));
        }
    }
    let mut all: Vec<Figure> = last.into_values().collect();
    let place = |one: &Figure| (one.key.clone(), one.run.clone(), one.dataset_name.clone(), one.dataset_digest.clone());
    all.sort_by_cached_key(place);
    all
}

/// `None` of a line that is none. A figure of a run that is not told belongs to none. The name of a dataset may have blanks.
fn figure(key: &str, line: &str, keys: &Keys<'_>) -> Option<Figure> {
    let mut parts = line.trim().splitn(5, ' ');
    let time_ms = parts.next()?.parse().ok()?;
    let value = parts.next()?.parse().ok()?;
    let step = parts.next()?.parse().ok()?;
    let run = parts.next()?;
    let dataset = parts.next().map(|rest| rest.rsplit_once(' ').map_or((rest, None), |(name, of)| (name, Some(of))));
    let dataset_name = dataset.map(|(name, _)| name.to_owned());
    let dataset_digest = dataset.and_then(|(_, digest)| digest).map(str::to_owned);
    let run = keys.get(Some(run)).unwrap_or_default();
    Some(Figure { run, key: key.to_owned(), dataset_name, dataset_digest, step, time_ms, value })
}

/// Tells the names of the registered models, where they are others than were told, and the models that changed.
pub(super) fn registered(
    store: &Path,
    experiments: &[Experiment],
    keys: &Keys<'_>,
    known: &mut Known,
    tell: &mut Tell<'_>,
) -> Result<()> {
    // Of a registry that is not there nobody knows whether its models are deleted.
    let Some(folders) = below(&store.join("models"), tell)? else { return Ok(()) };
    let standing: Vec<StandingModel> = folders.iter().map(|folder| standing(folder)).collect();
    if known.are_others(&standing) {
        tell(Told::Models(standing))?;
    }
    for folder in folders {
        tell(Told::Still)?;
        let mut told = Vec::new();
        let key = format!("model/{}", folder.file_name().unwrap_or_default().to_string_lossy());
        match model_head(&folder, (store, experiments), keys, &mut told) {
            Ok(mut head) if known.is_changed(key.clone(), &head) => {
                known.note_aliases(&mut head);
                told.push(Told::Model(head));
            }
            Ok(_) => told.clear(),
            Err(error) => left_out(&mut told, known, key, &folder, "the registered model", &error.to_string()),
        }
        told.into_iter().try_for_each(&mut *tell)?;
    }
    Ok(())
}

/// MLflow calls its folder after it.
fn standing(folder: &Path) -> StandingModel {
    let meta = file::text(&folder.join("meta.yaml")).ok().and_then(|text| Meta::parse(&text).ok());
    let name = meta.as_ref().and_then(|meta| meta.get("name")).map(str::to_owned);
    StandingModel {
        name: name.unwrap_or_else(|| folder.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        created_ms: meta.and_then(|meta| meta.milliseconds("creation_timestamp")),
    }
}

fn model_head(
    folder: &Path,
    within: (&Path, &[Experiment]),
    keys: &Keys<'_>,
    told: &mut Vec<Told>,
) -> std::result::Result<ModelHead, Wrong> {
    let meta = Meta::parse(&file::text(&folder.join("meta.yaml"))?)?;
    let aliases = texts(&folder.join("aliases"), told);
    let (mut versions, mut standing) = (Vec::new(), Vec::new());
    for version in folders(folder)? {
        let number = version.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("version-"));
        let Some(number) = number else { continue };
        match version_head(&version, within, keys, &aliases, told) {
            Ok(Stands::Whole(head)) => {
                standing.push(head.number);
                versions.push(*head);
            }
            Ok(Stands::Coming(number)) => standing.push(number),
            Ok(Stands::Deleted) => {}
            // What can't be read now is not deleted.
            Err(error) => {
                standing.extend(number.parse::<u32>());
                told.push(warning(&version.join("meta.yaml"), format!("the version was left out: {error}")));
            }
        }
    }
    versions.sort_by_key(|version| version.number);
    let created_ms = meta.milliseconds("creation_timestamp").unwrap_or_default();
    Ok(ModelHead {
        name: meta.get("name").ok_or("it has no name")?.to_owned(),
        notes: meta.get("description").map(str::to_owned),
        created_ms,
        updated_ms: meta.milliseconds("last_updated_timestamp").unwrap_or(created_ms),
        tags: texts(&folder.join("tags"), told),
        versions,
        standing: Some(standing),
        gone_aliases: Vec::new(),
    })
}

/// What a version's folder says.
enum Stands {
    Whole(Box<VersionHead>),
    /// The number of one whose files are still coming.
    Coming(u32),
    Deleted,
}

fn version_head(
    folder: &Path,
    (store, experiments): (&Path, &[Experiment]),
    keys: &Keys<'_>,
    aliases: &[(String, String)],
    told: &mut Vec<Told>,
) -> std::result::Result<Stands, Wrong> {
    let meta = Meta::parse(&file::text(&folder.join("meta.yaml"))?)?;
    let Some(stage) = stage(meta.get("current_stage")) else { return Ok(Stands::Deleted) };
    let number: u32 = meta.get("version").ok_or("it has no number")?.parse()?;
    if meta.get("status").is_some_and(|status| status != "READY") {
        return Ok(Stands::Coming(number));
    }
    let source = meta.get("source").unwrap_or_default().to_owned();
    let place = |address: &str| artifacts::place(address, store);
    let files = meta.get("storage_location").and_then(place).or_else(|| place(&source));
    let created_ms = meta.milliseconds("creation_timestamp").unwrap_or_default();
    let stands = |(_, version): &&(String, String)| version.trim().parse() == Ok(number);
    Ok(Stands::Whole(Box::new(VersionHead {
        number,
        notes: meta.get("description").map(str::to_owned),
        user: meta.get("user_id").map(str::to_owned),
        stage,
        files: files.and_then(|path| here(path, experiments)),
        run: keys.get(meta.get("run_id")),
        run_link: meta.get("run_link").map(str::to_owned),
        logged: meta.get("model_id").map(str::to_owned).or_else(|| logged_of(&source)),
        source,
        created_ms,
        updated_ms: meta.milliseconds("last_updated_timestamp").unwrap_or(created_ms),
        tags: texts(&folder.join("tags"), told),
        aliases: aliases.iter().filter(stands).map(|(alias, _)| alias.clone()).collect(),
    })))
}

/// Where a path lies now: a store that was moved still names its old place.
fn here(path: PathBuf, experiments: &[Experiment]) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    let within = |experiment: &Experiment| {
        let rest = path.strip_prefix(experiment.location.as_ref()?).ok()?;
        Some(experiment.folder.join(rest)).filter(|path| path.exists())
    };
    experiments.iter().find_map(within)
}

/// The folders with a `meta.yaml`; `None` of a folder that is not there or not read.
fn below(folder: &Path, tell: &mut Tell<'_>) -> Result<Option<Vec<PathBuf>>> {
    let mut told = Vec::new();
    if !run::is_no_link(folder, &mut told) {
        told.into_iter().try_for_each(tell)?;
        return Ok(None);
    }
    let mut found = match folders(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            tell(warning(folder, format!("its models were left out: {error}")))?;
            return Ok(None);
        }
    };
    found.retain(|folder| {
        let meta = folder.join("meta.yaml");
        meta.is_file() && run::is_no_link(&meta, &mut told)
    });
    told.into_iter().try_for_each(tell)?;
    Ok(Some(found))
}

fn texts(folder: &Path, told: &mut Vec<Told>) -> Vec<(String, String)> {
    let mut buffer = vec![0; 16 << 10];
    run::texts(run::entries(folder, told), &mut buffer, told)
}
