//! `dvc.yaml`'s params and metrics across git commits: each commit on the current branch's first parents that has
//! a `dvc.yaml` is a run. Params are those that `dvc.lock` says a stage ran with, else those of the params' files, and the
//! values that the stages' templates use.

mod history;
mod python;
mod template;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    rc::Rc,
};

use api::{run::RunState, series::Point};
use serde::{Deserialize, Serialize};

use self::{
    history::{Commit, History},
    template::{Context, Used},
};
use crate::{ForeignError, Head, Mark, Reader, Result, Sink, Told, file::failed, metrics, rows, value::Value};

/// Commits that are read, at most: the newest.
const COMMITS: usize = 1000;
const PARAMS: &str = "params.yaml";

/// Reads the history of a `dvc.yaml`.
pub struct Dvc {
    path: PathBuf,
}

/// The commits that were told.
#[derive(Default, Serialize, Deserialize)]
struct DvcMark {
    commits: BTreeSet<String>,
}

/// What a `dvc.yaml` names, by paths below the repository.
#[derive(Default)]
struct Pipeline {
    /// The keys of each file of params; none means all of them.
    params: BTreeMap<String, BTreeSet<String>>,
    metrics: BTreeSet<String>,
    /// The folder that each stage runs in.
    folders: BTreeMap<String, String>,
    /// What the templates of stages used.
    used: Used,
    /// What is said with a `${…}` that has no value, and why.
    unread: BTreeSet<String>,
}

/// What one commit holds.
#[derive(Default)]
struct Content {
    /// Each with the file that gave it.
    params: BTreeMap<String, (String, String)>,
    metrics: BTreeMap<String, (i64, f64)>,
    tags: Vec<(String, String)>,
}

impl Dvc {
    /// On a `dvc.yaml`.
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn head(&self, commit: &Commit, content: &Content) -> Head {
        let id = commit.id.to_string();
        let group = self.path.parent().and_then(Path::file_name).unwrap_or_default();
        Head {
            name: id.chars().take(7).collect(),
            key: id.clone(),
            id: None,
            group: group.to_string_lossy().into_owned(),
            state: RunState::Finished,
            created_ms: commit.time_ms,
            ended_ms: Some(commit.time_ms),
            user: (!commit.author.is_empty()).then(|| commit.author.clone()),
            notes: (!commit.message.is_empty()).then(|| commit.message.clone()),
            params: content.params.iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect(),
            tags: content.tags.clone(),
            artifacts: None,
            commit: Some(id),
            command: None,
        }
    }
}

impl Reader for Dvc {
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        let before: DvcMark = serde_json::from_value(mark.0.clone()).unwrap_or_default();
        let mut tell = |told: Told| sink(told).map_err(ForeignError::NotTaken);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut history = History::open(folder)?;
        let commits = history.commits(COMMITS)?;
        if let Some((id, why)) = commits.end
            && commits.read.first().is_none_or(|newest| !before.commits.contains(&newest.id.to_string()))
        {
            let message = format!("it was left out, and what came before it: {why}");
            tell(Told::Warning { place: format!("{}, commit {id}", folder.display()), message })?;
        }
        if let Some(older) = commits.older
            && before.commits.is_empty()
        {
            let place = format!("{}, commit {older}", folder.display());
            let message = format!("it was left out, and what came before it: the newest {COMMITS} commits are read");
            tell(Told::Warning { place, message })?;
        }
        let mut after = DvcMark::default();
        let mut warned = BTreeSet::new();
        // The oldest first, as they came.
        for commit in commits.read.iter().rev() {
            tell(Told::Still)?;
            let id = commit.id.to_string();
            if !before.commits.contains(&id) {
                // The same file is wrong in one commit after the other: it is said of the first.
                let mut warn = |path: &str, message: String| {
                    let place = format!("{path} in commit {}", &id[..7]);
                    let new = warned.insert(format!("{path}: {message}"));
                    if new { tell(Told::Warning { place, message }) } else { Ok(()) }
                };
                if let Some(content) = content(&mut history, commit, &mut warn)? {
                    tell(Told::Run(self.head(commit, &content)))?;
                    for (key, (step, value)) in content.metrics {
                        let points = vec![Point { step, time_ms: commit.time_ms, value }];
                        tell(Told::Points { run: id.clone(), key, points })?;
                    }
                }
            }
            after.commits.insert(id);
        }
        let after = serde_json::to_value(after).map_err(|error| failed(&self.path)(error.into()))?;
        Ok(Mark(after))
    }
}

/// The folders in which git keeps where a `dvc.yaml`'s branch is; empty where it is under no git.
pub fn heads(path: &Path) -> Vec<PathBuf> {
    path.parent().and_then(|folder| History::open(folder).ok()).map(|history| history.heads()).unwrap_or_default()
}

type Warn<'a> = dyn FnMut(&str, String) -> Result<()> + 'a;

/// `None` where the commit has no `dvc.yaml`.
fn content(history: &mut History, commit: &Commit, warn: &mut Warn<'_>) -> Result<Option<Content>> {
    history.next();
    let prefix = history.prefix.clone();
    let path = |name: &str| joined(&prefix, name);
    let Some(yaml) = value(history, commit, &path("dvc.yaml"), warn)? else { return Ok(None) };
    let lock = value(history, commit, &path("dvc.lock"), warn)?.unwrap_or(Rc::new(Value::Null));
    let context = match value(history, commit, &path(PARAMS), warn)? {
        Some(params) => Context::default().with_file(&path(PARAMS), (*params).clone()),
        None => Context::default(),
    };
    let context = vars(history, commit, &prefix, yaml.get("vars"), &context, warn)?;
    let mut pipeline = Pipeline::default();
    pipeline.params_of(&prefix, &yaml, &context, true);
    pipeline.metrics_of(&prefix, &yaml, &context);
    for (name, stage) in yaml.get("stages").map(Value::entries).unwrap_or_default() {
        match context.stages(name, stage) {
            Ok(stages) => {
                for stage in stages {
                    pipeline.stage(history, commit, &prefix, stage, warn)?;
                    if context.is_spent() {
                        break;
                    }
                }
            }
            Err(why) => {
                pipeline.unread.insert(format!("the stage {name} was left out: {why}"));
            }
        }
        if context.is_spent() {
            let why = template::Unresolved::Long;
            pipeline.unread.insert(format!("what comes behind the stage {name} was left out, and some of it: {why}"));
            break;
        }
    }
    for unread in &pipeline.unread {
        warn(&path("dvc.yaml"), unread.clone())?;
    }
    let mut content = Content::default();
    let mut outs = BTreeMap::new();
    for (stage, locked) in lock.get("stages").map(Value::entries).unwrap_or_default() {
        let base = pipeline.folders.get(stage).unwrap_or(&prefix).clone();
        for (file, values) in locked.get("params").map(Value::entries).unwrap_or_default() {
            content.params(&joined(&base, file), values.entries().iter().map(|(key, value)| (key.clone(), value)));
        }
        for out in locked.get("outs").map(Value::items).unwrap_or_default() {
            let text = |key: &str| out.get(key).and_then(Value::as_str).map(str::to_owned);
            if let (Some(path), Some(md5)) = (text("path"), text("md5")) {
                outs.insert(joined(&base, &path), md5);
            }
        }
    }
    for (file, keys) in &pipeline.params {
        let Some(value) = value(history, commit, file, warn)? else { continue };
        if keys.is_empty() {
            content.params(file, value.leaves(".").into_iter());
        }
        for key in keys {
            let named = key.split('.').try_fold(&*value, |value, part| value.get(part));
            content.params(file, named.map(|value| (key.clone(), value)).into_iter());
        }
    }
    for (file, values) in &pipeline.used {
        content.params(file, values.iter().map(|(key, value)| (key.clone(), value)));
    }
    for file in &pipeline.metrics {
        let value = match (value(history, commit, file, warn)?, outs.get(file)) {
            (None, Some(md5)) => match history.cached(md5, file) {
                Ok(value) => value,
                Err(why) => {
                    warn(file, format!("DVC's copy of it was left out: {why}"))?;
                    None
                }
            },
            (value, _) => value,
        };
        if let Some(value) = value {
            content.metrics(file, &value);
        }
    }
    Ok(Some(content))
}

/// What `${…}` may name beside what it may above: the values that stand in `vars` itself, and in the files that it names.
fn vars(
    history: &mut History,
    commit: &Commit,
    base: &str,
    vars: Option<&Value>,
    above: &Context,
    warn: &mut Warn<'_>,
) -> Result<Context> {
    let mut context = above.clone();
    for item in vars.map(Value::items).unwrap_or_default() {
        if context.is_full() {
            let message = format!("some of its vars were left out: a stage may have {} of them", template::SCOPES);
            warn("dvc.yaml", message)?;
            break;
        }
        let Value::Text(text) = item else {
            context = context.with(item.clone());
            continue;
        };
        // `file.yaml`, or some of its keys: `file.yaml:train,test`.
        let (file, keys) = text.split_once(':').map_or((&**text, None), |(file, keys)| (file, Some(keys)));
        let path = joined(base, file);
        if context.step(template::FILE).is_err() {
            break;
        }
        let Some(value) = value(history, commit, &path, warn)? else { continue };
        context = match keys {
            None => context.with_file(&path, (*value).clone()),
            Some(keys) => {
                let named = keys.split(',').map(str::trim);
                let named = named.filter_map(|key| Some((key.to_owned(), value.get(key)?.clone())));
                context.with_file(&path, Value::map(named.collect()))
            }
        };
    }
    Ok(context)
}

/// A file's value; what can't be read is told and left out.
fn value(history: &mut History, commit: &Commit, path: &str, warn: &mut Warn<'_>) -> Result<Option<Rc<Value>>> {
    match history.value(commit, path) {
        Ok(value) => Ok(value),
        Err(why) => {
            warn(path, format!("it was left out: {why}"))?;
            Ok(None)
        }
    }
}

impl Content {
    /// The first to give a key counts, of the same file for good: the lock before the file. Another file's is called
    /// after its file, too.
    fn params<'a>(&mut self, file: &str, values: impl Iterator<Item = (String, &'a Value)>) {
        for (key, value) in values.flat_map(|(key, value)| {
            let leaves = value.leaves(".").into_iter();
            leaves
                .map(move |(more, value)| (if more.is_empty() { key.clone() } else { format!("{key}.{more}") }, value))
        }) {
            let text = value.text();
            match self.params.get(&key) {
                Some((from, known)) if from == file || *known == text => {}
                Some(_) => drop(self.params.entry(format!("{file}:{key}")).or_insert((file.to_owned(), text))),
                None => drop(self.params.insert(key, (file.to_owned(), text))),
            }
        }
    }

    fn metrics(&mut self, file: &str, value: &Value) {
        let step = rows::step_in(value).unwrap_or_default();
        let (numbers, texts) = metrics::single_values(value, ".");
        for (key, value) in numbers {
            let key = if self.metrics.contains_key(&key) { format!("{file}:{key}") } else { key };
            self.metrics.insert(key, (step, value));
        }
        self.tags.extend(texts);
    }
}

impl Pipeline {
    /// Adds what a stage names, whose own vars come before the others.
    fn stage(
        &mut self,
        history: &mut History,
        commit: &Commit,
        prefix: &str,
        stage: template::Stage<'_>,
        warn: &mut Warn<'_>,
    ) -> Result<()> {
        let template::Stage { name, value, mut context } = stage;
        let wdir = value.get("wdir").and_then(Value::as_str);
        let Some(base) = wdir.map_or(Some(prefix.to_owned()), |wdir| {
            let wdir = self.resolved(&context, wdir)?;
            Some(joined(prefix, &wdir))
        }) else {
            return Ok(());
        };
        if let Some(own) = value.get("vars") {
            context = vars(history, commit, &base, Some(own), &context, warn)?;
        }
        for (_, part) in value.entries().iter().filter(|(key, _)| !["matrix", "vars"].contains(&key.as_str())) {
            context.note_used(part, &mut self.used);
        }
        self.params_of(&base, value, &context, false);
        self.metrics_of(&base, value, &context);
        self.folders.insert(name, base);
        Ok(())
    }

    /// `None` where a name has no value, which is noted.
    fn resolved(&mut self, context: &Context, template: &str) -> Option<String> {
        let resolved = context.text(template);
        if let Err(why) = &resolved {
            self.unread.insert(format!("{template} was left out: {why}"));
        }
        resolved.ok()
    }

    /// A stage names keys, or files with their keys; at the top stand files only.
    fn params_of(&mut self, base: &str, value: &Value, context: &Context, top: bool) {
        for item in value.get("params").map(Value::items).unwrap_or_default() {
            match item {
                Value::Text(file) if top => self.add(base, file, None, context),
                Value::Text(key) => self.add(base, PARAMS, Some(key), context),
                files => {
                    for (file, keys) in files.entries() {
                        let keys: Vec<&str> = keys.items().iter().filter_map(Value::as_str).collect();
                        if keys.is_empty() {
                            self.add(base, file, None, context);
                        }
                        keys.into_iter().for_each(|key| self.add(base, file, Some(key), context));
                    }
                }
            }
        }
    }

    fn add(&mut self, base: &str, file: &str, key: Option<&str>, context: &Context) {
        let Some(file) = self.resolved(context, file) else { return };
        let key = match key {
            None => None,
            Some(key) => match self.resolved(context, key) {
                None => return,
                key => key,
            },
        };
        let file = joined(base, &file);
        match (self.params.get_mut(&file), key) {
            // All of it is wanted already.
            (Some(keys), Some(_)) if keys.is_empty() => {}
            (Some(keys), Some(key)) => drop(keys.insert(key)),
            (Some(keys), None) => keys.clear(),
            (None, key) => drop(self.params.insert(file, key.into_iter().collect())),
        }
    }

    fn metrics_of(&mut self, base: &str, value: &Value, context: &Context) {
        for item in value.get("metrics").map(Value::items).unwrap_or_default() {
            let files: Vec<&str> = match item {
                Value::Text(file) => vec![file],
                files => files.entries().iter().map(|(file, _)| file.as_str()).collect(),
            };
            for file in files {
                if let Some(file) = self.resolved(context, file) {
                    self.metrics.insert(joined(base, &file));
                }
            }
        }
    }
}

/// A path below the repository; one that leads out of it names nothing there.
fn joined(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
