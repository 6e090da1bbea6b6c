//! What a log holds beside its runs becomes records: logged models, registered models with their versions, tags of
//! experiments, what runs were given.
//!
//! A name or an id that another record has here stays that one's: the log's stands apart, and that is said. What a
//! person deleted here stays deleted.

mod standing;

use std::{
    collections::{BTreeMap, HashSet},
    path::{Component, Path},
};

use api::{
    ModelId, ProjectId, RunId, SourceId, VersionId,
    source::Source,
    tracking::{ClientVersion, Experiment, LoggedMetric, LoggedModel, VersionNotes},
};
use foreign::registry::{GroupHead, Inputs, LoggedHead, ModelHead, StandingModel, VersionHead};
use store::{
    Transaction,
    model::ModelRow,
    source::RecordKind::{Logged, Model, Named, Version},
};

use super::{
    committing::experiment_of,
    heard::{Heard, tag_of},
};
use crate::{Engine, run::name};

/// What is noted of a logged model that its log calls so.
const DELETED: &str = "deleted";
/// What the log's model was called here, and when the log says that it was registered.
const NAME: &str = "name";
const CREATED: &str = "created";
/// Characters of a model's name.
const LONGEST_NAME: usize = 250;

/// What was told and is not committed yet.
#[derive(Default)]
pub(super) struct Others {
    /// What groups were called, and what they are called now.
    pub(super) renamed: Vec<(String, String)>,
    pub(super) logged: Vec<LoggedHead>,
    pub(super) inputs: Vec<Inputs>,
    /// All that stand, where these are others than before.
    pub(super) standing: Option<Vec<StandingModel>>,
    pub(super) models: Vec<ModelHead>,
    pub(super) groups: Vec<GroupHead>,
}

impl Others {
    pub(super) fn len(&self) -> usize {
        let versions: usize = self.models.iter().map(|model| model.versions.len() + 1).sum();
        let own = self.renamed.len() + self.logged.len() + self.inputs.len() + self.groups.len();
        own + usize::from(self.standing.is_some()) + versions
    }
}

/// What writing it did.
#[derive(Default)]
pub(super) struct Wrote {
    /// Sentences about what stands apart or was cut.
    pub(super) apart: Vec<String>,
    pub(super) runs: HashSet<RunId>,
    pub(super) projects: HashSet<ProjectId>,
    pub(super) models: bool,
}

/// Writes to the records of one source.
struct Writing<'a, 'b> {
    tx: &'a Transaction<'b>,
    engine: &'a Engine,
    source: &'a Source,
    now_ms: i64,
    wrote: Wrote,
}

pub(super) fn put(
    tx: &Transaction<'_>,
    engine: &Engine,
    source: &Source,
    others: Others,
    now_ms: i64,
) -> store::Result<Wrote> {
    let mut writing = Writing { tx, engine, source, now_ms, wrote: Wrote::default() };
    let Others { renamed: _, logged, inputs, standing, models, groups } = others;
    logged.into_iter().try_for_each(|head| writing.logged(head))?;
    inputs.into_iter().try_for_each(|inputs| writing.inputs(inputs))?;
    standing.map_or(Ok(()), |standing| writing.standing(standing))?;
    models.into_iter().try_for_each(|head| writing.model(head))?;
    groups.into_iter().try_for_each(|head| writing.group(head))?;
    Ok(writing.wrote)
}

/// Calls experiments here as their groups are called in the log now, but for those that a person called otherwise.
pub(super) fn rename_groups(
    tx: &Transaction<'_>,
    source: SourceId,
    renamed: &[(String, String)],
    now_ms: i64,
) -> store::Result<()> {
    for (was, now) in renamed {
        let Some(id) = store::source::group(tx, source, was)? else { continue };
        // Another of the log's was told under that name.
        if store::source::group(tx, source, now)?.is_some() {
            continue;
        }
        store::source::move_group(tx, source, was, now)?;
        let Some(experiment) = store::experiment::get(tx, id)? else { continue };
        if experiment.name == name::of_log(was) && !experiment.is_own {
            let called = store::experiment::free_name(tx, &name::of_log(now), id)?;
            store::experiment::put(tx, &Experiment { name: called, updated_ms: now_ms, ..experiment })?;
        }
    }
    Ok(())
}

impl Writing<'_, '_> {
    fn run(&self, key: Option<&str>) -> store::Result<Option<RunId>> {
        Ok(key
            .map(|key| store::source::run(self.tx, self.source.id, key))
            .transpose()?
            .and_then(store::source::Became::run))
    }

    /// The id that a logged model of the log has here: its own, unless another has that.
    fn logged_id(&self, id: &str) -> store::Result<String> {
        if let Some(known) = store::source::record(self.tx, self.source.id, Named, id)? {
            return Ok(known);
        }
        let is_free = crate::tracking::logged::is_id(id) && store::logged_model::get(self.tx, id)?.is_none();
        let own = if is_free { id.to_owned() } else { format!("m-{}", RunId::from_bytes(self.engine.new_id())) };
        store::source::put_record(self.tx, self.source.id, Named, id, &own)?;
        Ok(own)
    }

    fn logged(&mut self, head: LoggedHead) -> store::Result<()> {
        let id = self.logged_id(&head.id)?;
        let was_told = store::source::record(self.tx, self.source.id, Logged, &head.id)?.is_some();
        let before = store::logged_model::get(self.tx, &id)?;
        if was_told && before.is_none() {
            return Ok(());
        }
        let run = self.run(head.run.as_deref())?;
        let row = run.map(|run| store::run::bare(self.tx, run)).transpose()?.flatten();
        let experiment = match (&before, &row) {
            (Some(before), _) => before.experiment,
            (None, Some(row)) => row.run.experiment,
            (None, None) => experiment_of(self.tx, self.engine, self.source, &head.group, self.now_ms)?.id,
        };
        let mut heard = Heard::of(self.tx, self.source.id, "logged", &id)?;
        let (deleted_ms, here) = before.map_or_else(Default::default, |before| (before.deleted_ms, before.tags));
        // Deleted and restored as it was in its own store since the last reading; in between a person decides here.
        let deleted_ms = if head.deleted {
            let is_news = heard.is_news(DELETED, DELETED);
            deleted_ms.or(is_news.then_some(self.now_ms))
        } else {
            let is_back = heard.ends(DELETED, DELETED);
            deleted_ms.filter(|_| !is_back)
        };
        let model = LoggedModel {
            id: id.clone(),
            experiment,
            name: name::of_log(&head.name),
            run,
            kind: head.kind,
            status: head.status,
            status_message: head.status_message,
            created_ms: head.created_ms,
            updated_ms: head.updated_ms,
            deleted_ms,
            params: head.params.into_iter().collect(),
            tags: head.tags.into_iter().filter(|(key, value)| takes_tag(&mut heard, &here, key, value)).collect(),
            metrics: Vec::new(),
        };
        heard.keep(self.tx)?;
        store::logged_model::put(self.tx, &model)?;
        if !was_told {
            store::source::put_record(self.tx, self.source.id, Logged, &head.id, &id)?;
        }
        for figure in head.figures {
            let Some(run) = self.run(Some(&figure.run))?.or(run) else { continue };
            let metric = LoggedMetric {
                run,
                key: figure.key,
                dataset_name: figure.dataset_name,
                dataset_digest: figure.dataset_digest,
                step: figure.step,
                time_ms: figure.time_ms,
                value: figure.value,
            };
            store::logged_model::put_metric(self.tx, &id, &metric)?;
        }
        if let Some(files) = head.files {
            store::logged_model::put_artifacts(self.tx, &id, &files.to_string_lossy())?;
        }
        self.wrote.runs.extend(run);
        self.wrote.models = true;
        Ok(())
    }

    fn inputs(&mut self, inputs: Inputs) -> store::Result<()> {
        // A run that a person deleted for good stays deleted.
        let Some(run) = self.run(Some(&inputs.run))? else { return Ok(()) };
        for dataset in &inputs.datasets {
            store::run_input::put(self.tx, run, dataset)?;
        }
        for (model, step) in &inputs.models {
            store::run_input::put_model(self.tx, run, &self.logged_id(model)?, *step)?;
        }
        self.wrote.runs.insert(run);
        Ok(())
    }

    fn group(&self, head: GroupHead) -> store::Result<()> {
        let Some(id) = store::source::group(self.tx, self.source.id, &head.name)? else { return Ok(()) };
        let Some(experiment) = store::experiment::get(self.tx, id)? else { return Ok(()) };
        // One that was made for the log is as old as it is there; one that the log's runs came into was there before.
        let created_ms = head.created_ms.filter(|ms| !experiment.is_own && *ms < experiment.created_ms);
        if let Some(created_ms) = created_ms {
            store::experiment::put_created(self.tx, id, created_ms)?;
        }
        let mut heard = Heard::of(self.tx, self.source.id, "experiment", &id)?;
        for (key, value) in head.tags {
            if takes_tag(&mut heard, &experiment.tags, &key, &value) {
                store::experiment::put_tag(self.tx, id, &key, &value)?;
            }
        }
        heard.keep(self.tx)
    }

    fn model(&mut self, head: ModelHead) -> store::Result<()> {
        let known = store::source::record(self.tx, self.source.id, Model, &head.name)?;
        let known = known.and_then(|id| id.parse::<ModelId>().ok());
        let before = known.map(|id| store::model::get(self.tx, id)).transpose()?.flatten();
        let mut row = match (known, before) {
            (Some(_), None) => return Ok(()),
            (_, Some(row)) => row,
            (None, None) => self.new_model(&head)?,
        };
        let mut heard = Heard::of(self.tx, self.source.id, "model", &row.id)?;
        if heard.is_first() {
            heard.is_news(NAME, &row.name);
        }
        heard.is_news(CREATED, &head.created_ms.to_string());
        self.versions_gone(&row, &head)?;
        for version in head.versions {
            self.version(&row, &head.name, version, &mut heard)?;
        }
        for alias in head.gone_aliases {
            let here = store::alias::find(self.tx, row.id, &alias)?.map(|here| here.to_string()).unwrap_or_default();
            // Where a person moved it, it stays.
            if heard.ends(&format!("alias.{alias}"), &here) {
                store::alias::delete(self.tx, row.id, &alias)?;
            }
        }
        let here = store::client_version::tags(self.tx, row.id.as_bytes())?;
        for (key, value) in &head.tags {
            if takes_tag(&mut heard, &here, key, value) {
                store::client_version::put_tag(self.tx, row.id.as_bytes(), key, value)?;
            }
        }
        let noted = Some(row.notes.as_str()).filter(|notes| !notes.is_empty());
        let mut notes = head.notes.unwrap_or_default();
        self.cut_notes(&format!("the model \"{}\"", row.name), &mut notes);
        if !notes.is_empty() && heard.takes("notes", noted, &notes) {
            row.notes = notes;
        }
        heard.keep(self.tx)?;
        row.updated_ms = row.updated_ms.max(head.updated_ms);
        store::model::put(self.tx, &row)?;
        self.wrote.models = true;
        Ok(())
    }

    /// Cuts the notes of a model or a version where they are longer than is kept, and says it.
    fn cut_notes(&mut self, of: &str, notes: &mut String) {
        if let Some(bytes) = name::cut_notes(notes) {
            self.wrote.apart.push(format!("The notes of {of} were cut: they have {bytes} bytes, more than are kept."));
        }
    }

    /// The name that a model of the log gets here.
    fn free_name(&mut self, told: &str) -> store::Result<String> {
        let wanted = wanted(told);
        let name = store::model::free_name(self.tx, &wanted)?;
        if name != told {
            let why = if name == wanted { "its name can't stand here" } else { "a model here has its name" };
            self.wrote.apart.push(format!("The model \"{told}\" stands here as \"{name}\": {why}."));
        }
        Ok(name)
    }

    fn new_model(&mut self, head: &ModelHead) -> store::Result<ModelRow> {
        let row = ModelRow {
            // Not made of its name, which another one may have had.
            id: ModelId::from_bytes(self.engine.new_id()),
            project: None,
            name: self.free_name(&head.name)?,
            created_ms: head.created_ms,
            updated_ms: head.updated_ms,
            notes: String::new(),
        };
        store::model::insert(self.tx, &row)?;
        store::source::put_record(self.tx, self.source.id, Model, &head.name, &row.id.to_string())?;
        Ok(row)
    }

    /// `heard` is of its model, whose an alias is.
    fn version(&mut self, model: &ModelRow, of: &str, head: VersionHead, heard: &mut Heard) -> store::Result<()> {
        let key = version_key(of, head.number);
        let known = store::source::record(self.tx, self.source.id, Version, &key)?;
        let known = known.and_then(|id| id.parse::<VersionId>().ok());
        let before = known.map(|id| store::client_version::get(self.tx, id)).transpose()?.flatten();
        if known.is_some() && before.is_none() {
            return Ok(());
        }
        let logged = head.logged.as_deref().map(|id| self.logged_id(id)).transpose()?;
        let of_logged = logged.as_deref().map(|id| store::logged_model::get(self.tx, id)).transpose()?.flatten();
        let run = self.run(head.run.as_deref())?.or(of_logged.as_ref().and_then(|logged| logged.run));
        let row = run.map(|run| store::run::bare(self.tx, run)).transpose()?.flatten();
        let source = self.address(&head, row.as_ref(), logged.as_deref())?;
        let location = match of_logged {
            Some(logged) if source.strip_prefix("models:/") == Some(logged.id.as_str()) => {
                let number = store::experiment::address(self.tx, logged.experiment)?.unwrap_or_default().0;
                crate::tracking::logged::artifact_uri(number, &logged.id)
            }
            _ => source.clone(),
        };
        let version = ClientVersion {
            id: known.unwrap_or_else(|| VersionId::from_bytes(self.engine.new_id())),
            model: model.id,
            number: head.number,
            run: row.as_ref().map(|row| row.run.id),
            run_told: head.run,
            location,
            run_link: head.run_link,
            source,
            logged,
            user: head.user,
            created_ms: head.created_ms,
            aliases: Vec::new(),
            stage: head.stage,
            tags: BTreeMap::new(),
            notes: String::new(),
        };
        if before.is_some() {
            store::client_version::put_source(self.tx, &version)?;
        } else {
            let number = store::client_version::insert_numbered(self.tx, &version)?;
            if number != head.number {
                let told = format!(
                    "Version {} of the model \"{}\" stands here as version {number}: its number was given here.",
                    head.number, model.name
                );
                self.wrote.apart.push(told);
            }
            store::source::put_record(self.tx, self.source.id, Version, &key, &version.id.to_string())?;
        }
        let mut notes = head.notes.unwrap_or_default();
        self.cut_notes(&format!("version {} of the model \"{}\"", head.number, model.name), &mut notes);
        self.notes(version.id, notes, head.stage, head.updated_ms)?;
        let here = store::client_version::tags(self.tx, version.id.as_bytes())?;
        let mut of_version = Heard::of(self.tx, self.source.id, "version", &version.id)?;
        for (key, value) in &head.tags {
            if takes_tag(&mut of_version, &here, key, value) {
                store::client_version::put_tag(self.tx, version.id.as_bytes(), key, value)?;
            }
        }
        of_version.keep(self.tx)?;
        for alias in &head.aliases {
            let here = store::alias::find(self.tx, model.id, alias)?.map(|here| here.to_string());
            if heard.takes(&format!("alias.{alias}"), here.as_deref(), &version.id.to_string()) {
                store::alias::put(self.tx, model.id, alias, version.id, self.now_ms)?;
            }
        }
        self.wrote.runs.extend(version.run);
        self.wrote.projects.extend(row.and_then(|row| row.run.project));
        Ok(())
    }

    /// What a person wrote here stays, and where a person put it, unless the log changed later.
    fn notes(&self, id: VersionId, notes: String, stage: api::tracking::Stage, updated_ms: i64) -> store::Result<()> {
        let before = store::client_version::notes(self.tx, id)?;
        let is_later = before.as_ref().is_none_or(|before| before.updated_ms < updated_ms);
        if !is_later {
            return Ok(());
        }
        let own = before.map(|before| before.notes).filter(|notes| !notes.is_empty());
        let told = VersionNotes { notes: own.unwrap_or(notes), stage, updated_ms };
        store::client_version::put_notes(self.tx, id, &told)
    }

    /// Where a version's files lie: within what was imported by the address that it has here, so that they are read
    /// through us; else as its client said.
    fn address(
        &self,
        head: &VersionHead,
        run: Option<&store::run::RunRow>,
        logged: Option<&str>,
    ) -> store::Result<String> {
        if let Some(logged) = logged {
            if head.source.starts_with("models:/") {
                return Ok(format!("models:/{logged}"));
            }
            let folder = store::logged_model::artifacts(self.tx, logged)?;
            let is_own = head.files.as_deref().zip(folder.as_deref()).and_then(|(at, folder)| below(at, folder));
            if is_own.is_some_and(|rest| rest.is_empty()) {
                return Ok(format!("models:/{logged}"));
            }
        }
        let Some(row) = run else { return Ok(head.source.clone()) };
        let rest = head.files.as_deref().zip(row.artifacts.as_deref()).and_then(|(at, folder)| below(at, folder));
        Ok(rest.map_or_else(|| head.source.clone(), |rest| format!("runs:/{}/{rest}", row.run.id)))
    }
}

/// What a version of the log is known by.
fn version_key(model: &str, number: u32) -> String {
    format!("{model}/{number}")
}

/// A model's name in the log as it could stand here.
fn wanted(told: &str) -> String {
    let plain = |letter: char| if letter.is_control() || "/:".contains(letter) { '_' } else { letter };
    let wanted: String = told.chars().take(LONGEST_NAME).map(plain).collect();
    if wanted.is_empty() { "imported".to_owned() } else { wanted }
}

/// Whether a tag is taken as the log says it: what a person chose here stays.
fn takes_tag(heard: &mut Heard, here: &BTreeMap<String, String>, key: &str, value: &str) -> bool {
    heard.takes(&tag_of(key), here.get(key).map(String::as_str), value)
}

/// The path within a folder, with slashes; `None` of one that is not within.
fn below(path: &Path, folder: &str) -> Option<String> {
    let rest = path.strip_prefix(folder).ok()?;
    let parts = rest.components().map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}
