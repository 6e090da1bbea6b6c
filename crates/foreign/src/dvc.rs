//! `dvc.yaml`'s params and metrics across git commits: each commit on the first parents of a branch or tag that has
//! a `dvc.yaml` is a run, each experiment of `dvc exp` is one, and so is what the workspace holds that is not committed.
//! Params are those that `dvc.lock` says a stage ran with, else those of the params' files, and the values that the
//! stages' templates use.

mod commits;
mod history;
mod python;
mod template;
mod workspace;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    rc::Rc,
};

use api::{
    run::RunState,
    series::Point,
    tracking::{GIT_BRANCH_TAG, GIT_COMMIT_TAG, GIT_DIRTY_TAG},
};
use serde::{Deserialize, Serialize};

use self::{
    commits::{Commits, Labels},
    history::{At, Commit, History},
    template::{Context, Used},
    workspace::{Changed, WorkspaceMark},
};
use crate::{ForeignError, Head, Mark, Reader, Result, Sink, Surroundings, Told, metrics, rows, value::Value};

/// Commits that are read, at most: the newest.
const COMMITS: usize = 1000;
/// The branches that stand at a commit, and the tags.
const BRANCH_TAG: &str = "git.branch";
const TAG_TAG: &str = "git.tag";
/// The commit that an experiment was begun from, as that one's run is called.
const BASELINE_TAG: &str = "dvc.baseline";
const PARAMS: &str = "params.yaml";

/// Reads the history of a `dvc.yaml`.
pub struct Dvc {
    path: PathBuf,
}

/// The commits that were told, what stood at them, and the workspace.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct DvcMark {
    commits: BTreeSet<String>,
    labels: BTreeMap<String, Labels>,
    workspace: WorkspaceMark,
}

/// Whether `dvc.lock` says what a stage ran with: it does of what is committed, while the workspace's own files are what
/// is tried next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    Counts,
    Passed,
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

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    fn head(&self, commit: &Commit, labels: &Labels, content: &Content) -> Head {
        let id = commit.id.to_string();
        let experiment = labels.experiment.as_ref();
        let joined = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let said = [
            (BRANCH_TAG, joined(&labels.branches)),
            (TAG_TAG, joined(&labels.tags)),
            (BASELINE_TAG, experiment.map(|experiment| short(&experiment.baseline)).unwrap_or_default()),
        ];
        let said = said.into_iter().filter(|(_, value)| !value.is_empty());
        Head {
            name: experiment.map_or_else(|| short(&id), |experiment| experiment.name.clone()),
            user: (!commit.author.is_empty()).then(|| commit.author.clone()),
            notes: (!commit.message.is_empty()).then(|| commit.message.clone()),
            tags: content.tags.iter().cloned().chain(said.map(|(key, value)| (key.to_owned(), value))).collect(),
            commit: Some(id.clone()),
            ..self.bare(id, commit.time_ms, content)
        }
    }

    fn workspace(&self, commits: &Commits, changed: &Changed, time_ms: i64) -> Head {
        let id = commits.head.map(|id| id.to_string());
        let code = [
            (GIT_COMMIT_TAG, id.clone()),
            (GIT_BRANCH_TAG, commits.branch.clone()),
            (GIT_DIRTY_TAG, Some(changed.is_dirty.to_string())),
        ];
        let code = code.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Head {
            name: workspace::KEY.to_owned(),
            tags: changed.content.tags.iter().cloned().chain(code).collect(),
            commit: id,
            ..self.bare(workspace::KEY.to_owned(), time_ms, &changed.content)
        }
    }

    /// What is known of every run.
    fn bare(&self, key: String, time_ms: i64, content: &Content) -> Head {
        let group = self.path.parent().and_then(Path::file_name).unwrap_or_default();
        Head {
            name: key.clone(),
            key,
            id: None,
            group: group.to_string_lossy().into_owned(),
            state: RunState::Finished,
            created_ms: time_ms,
            ended_ms: Some(time_ms),
            user: None,
            notes: None,
            params: content.params.iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect(),
            tags: Vec::new(),
            artifacts: None,
            commit: None,
            command: None,
            // A branch that moves on is no more at the commit that it was at, and the workspace is what it is now.
            replaces: true,
            surroundings: Surroundings::default(),
        }
    }

    /// Says what of the history is left out, which stays so.
    fn tell_left_out(&self, commits: &Commits, before: &DvcMark, tell: &mut Tell<'_>) -> Result<()> {
        let folder = self.folder().display();
        let is_news = |commit: &Commit| !before.commits.contains(&commit.id.to_string());
        if commits.read.is_empty() || commits.read.iter().any(is_news) {
            for (what, why) in &commits.ends {
                let message = format!("it was left out, and what came before it: {why}");
                tell(Told::LeftOut { place: format!("{folder}, {what}"), message })?;
            }
        }
        if !before.commits.is_empty() {
            return Ok(());
        }
        if let Some(older) = commits.older {
            let place = format!("{folder}, commit {older}");
            let message = format!("it was left out, and what came before it: the newest {COMMITS} commits are read");
            tell(Told::LeftOut { place, message })?;
        }
        if commits.is_cut {
            let message = format!(
                "some branches, tags and experiments were left out: {} of them are looked at",
                commits::REFERENCES
            );
            tell(Told::LeftOut { place: folder.to_string(), message })?;
        }
        Ok(())
    }

    /// Tells a run's single values.
    fn tell(head: Head, content: Content, time_ms: i64, tell: &mut Tell<'_>) -> Result<()> {
        let run = head.key.clone();
        tell(Told::Run(head))?;
        for (key, (step, value)) in content.metrics {
            tell(Told::Points { run: run.clone(), key, points: vec![Point { step, time_ms, value }] })?;
        }
        Ok(())
    }
}

impl Reader for Dvc {
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        let before: DvcMark = mark.place();
        let mut tell = |told: Told| sink(told).map_err(ForeignError::NotTaken);
        let mut history = History::open(self.folder())?;
        let commits = history.commits(COMMITS)?;
        self.tell_left_out(&commits, &before, &mut tell)?;
        let mut after = DvcMark { workspace: before.workspace, ..DvcMark::default() };
        let mut warned = BTreeSet::new();
        // The oldest first, as they came.
        for commit in commits.read.iter().rev() {
            tell(Told::Still)?;
            let id = commit.id.to_string();
            let labels = commits.labels(commit.id);
            let is_new = !before.commits.contains(&id);
            if is_new || before.labels.get(&id).map_or(labels != Labels::default(), |said| *said != labels) {
                // The same file is wrong in one commit after the other: it is said of the first.
                let mut warn = |path: &str, message: String| {
                    let place = format!("{path} in commit {}", &id[..7]);
                    let new = is_new && warned.insert(format!("{path}: {message}"));
                    if new { tell(Told::LeftOut { place, message }) } else { Ok(()) }
                };
                let content = content(&mut history, At::Commit(commit), Lock::Counts, &mut warn)?;
                if commits.head == Some(commit.id) {
                    after.workspace.note(commit, &history.named);
                }
                if let Some(content) = content {
                    let head = self.head(commit, &labels, &content);
                    Self::tell(head, content, commit.time_ms, &mut tell)?;
                }
            }
            if labels != Labels::default() {
                after.labels.insert(id.clone(), labels);
            }
            after.commits.insert(id);
        }
        self.read_workspace(&mut history, &commits, &mut after.workspace, &mut tell)?;
        Mark::of(&after, &self.path)
    }
}

impl Dvc {
    fn read_workspace(
        &self,
        history: &mut History,
        commits: &Commits,
        mark: &mut WorkspaceMark,
        tell: &mut Tell<'_>,
    ) -> Result<()> {
        tell(Told::Still)?;
        // One that can't be read was said to be so, and nothing can be compared with it.
        let head = match commits.head.map(|id| history.commit(id)) {
            Some(Ok((head, _))) => Some(head),
            Some(Err(_)) => return Ok(()),
            None => None,
        };
        let Some(mut changed) = mark.look(history, head.as_ref(), commits.branch.as_deref())? else { return Ok(()) };
        for (path, message) in std::mem::take(&mut changed.warnings) {
            tell(Told::Warning { place: format!("{path} in the workspace"), message })?;
        }
        if !changed.is_run {
            return Ok(());
        }
        let committed_ms = head.map_or(0, |head| head.time_ms);
        let time_ms = if changed.is_dirty { changed.time_ms } else { committed_ms };
        let run = self.workspace(commits, &changed, time_ms);
        Self::tell(run, changed.content, time_ms, tell)
    }
}

/// The first digits of a commit's id.
fn short(id: &str) -> String {
    id.chars().take(7).collect()
}

/// The files of the workspace that a `dvc.yaml` named when it was last read, there or not.
pub fn files(path: &Path, mark: &Mark) -> Vec<PathBuf> {
    let mark: DvcMark = mark.place();
    let Ok(history) = History::open(Dvc::new(path.to_owned()).folder()) else { return Vec::new() };
    mark.workspace.files.iter().filter_map(|file| history.place(file)).collect()
}

/// The folders in which git keeps where branches, tags and experiments are; empty where it is under no git.
pub fn heads(path: &Path) -> Vec<PathBuf> {
    path.parent().and_then(|folder| History::open(folder).ok()).map(|history| history.heads()).unwrap_or_default()
}

type Tell<'a> = dyn FnMut(Told) -> Result<()> + 'a;
type Warn<'a> = dyn FnMut(&str, String) -> Result<()> + 'a;

/// `None` where there is no `dvc.yaml`.
fn content(history: &mut History, at: At<'_>, ran: Lock, warn: &mut Warn<'_>) -> Result<Option<Content>> {
    history.next();
    let prefix = history.prefix.clone();
    let path = |name: &str| joined(&prefix, name);
    let Some(yaml) = value(history, at, &path("dvc.yaml"), warn)? else { return Ok(None) };
    let lock = value(history, at, &path("dvc.lock"), warn)?.unwrap_or(Rc::new(Value::Null));
    let context = match value(history, at, &path(PARAMS), warn)? {
        Some(params) => Context::default().with_file(&path(PARAMS), (*params).clone()),
        None => Context::default(),
    };
    let context = vars(history, at, &prefix, yaml.get("vars"), &context, warn)?;
    let mut pipeline = Pipeline::default();
    pipeline.params_of(&prefix, &yaml, &context, true);
    pipeline.metrics_of(&prefix, &yaml, &context);
    for (name, stage) in yaml.get("stages").map(Value::entries).unwrap_or_default() {
        match context.stages(name, stage) {
            Ok(stages) => {
                for stage in stages {
                    pipeline.stage(history, at, &prefix, stage, warn)?;
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
        let params = locked.get("params").filter(|_| ran == Lock::Counts);
        for (file, values) in params.map(Value::entries).unwrap_or_default() {
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
        let Some(value) = value(history, at, file, warn)? else { continue };
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
        let value = match (value(history, at, file, warn)?, outs.get(file)) {
            (None, Some(md5)) => match history.cached(md5, file) {
                Ok(Some(value)) => Some(value),
                Ok(None) => {
                    let why = "its values lie in DVC's cache, which does not hold them here: `dvc fetch` brings them";
                    warn(file, why.to_owned())?;
                    None
                }
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
    at: At<'_>,
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
        let Some(value) = value(history, at, &path, warn)? else { continue };
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
fn value(history: &mut History, at: At<'_>, path: &str, warn: &mut Warn<'_>) -> Result<Option<Rc<Value>>> {
    match history.value(at, path) {
        Ok(value) => Ok(value),
        Err(why) => {
            warn(path, format!("it was left out: {why}"))?;
            Ok(None)
        }
    }
}

impl Content {
    fn is_empty(&self) -> bool {
        self.params.is_empty() && self.metrics.is_empty() && self.tags.is_empty()
    }

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
        at: At<'_>,
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
            context = vars(history, at, &base, Some(own), &context, warn)?;
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
