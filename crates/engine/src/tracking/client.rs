//! What a client of the MLflow protocol does to its runs.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    net::SocketAddr,
    sync::Arc,
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, ExperimentId, RunId,
    event::NewestPoint,
    run::{Code, Run, RunKind, RunState},
    series::Point,
    tracking::{
        Experiment, GIT_BRANCH_TAG, GIT_COMMIT_TAG, GIT_DIRTY_TAG, LoggedMetric, NAME_TAG, NOTE_TAG, PARENT_TAG,
        PROGRAM_TAG, RunInput,
    },
};
use store::run::RunRow;
use tokio::sync::OwnedSemaphorePermit;

use super::{Announcer, logged, measured::Measured, own_run, texts};
use crate::{
    Engine,
    run::{self, Lists, board::Query, name, nested},
};

/// A run that a client begins.
#[derive(Debug, Clone, Default)]
pub struct Begin {
    pub user: Option<String>,
    pub name: Option<String>,
    pub started_ms: Option<i64>,
    pub tags: Vec<(String, String)>,
    /// The client's end of its connection, where the process at it may be measured.
    pub peer: Option<SocketAddr>,
}

/// What one request logs. Points stand by key, in the order in which they were sent.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub series: Vec<(String, Vec<Point>)>,
    pub params: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
    /// Figures of logged models: the model's id with each.
    pub of_models: Vec<(String, LoggedMetric)>,
}

/// The work of a batch that is written by the thread which brings it, at most, in points of one series: a thousand of them,
/// as many as MLflow's clients send at once, take about a millisecond.
const BRIEF: usize = 1_200;
/// What a series, a param or a tag takes beside.
const APART: usize = 20;

impl Batch {
    /// Whether it takes about as long as waking another thread for it.
    fn is_brief(&self) -> bool {
        let points: usize = self.series.iter().map(|(_, points)| points.len()).sum();
        let apart = self.series.len() + self.params.len() + self.tags.len() + self.of_models.len();
        points + APART * apart <= BRIEF
    }
}

/// What ends or renames a run.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub state: Option<RunState>,
    pub ended_ms: Option<i64>,
    pub name: Option<String>,
    /// The other end of the client's connection.
    pub peer: Option<SocketAddr>,
}

/// Enters a run of a client, in the experiment with this number; its process is nobody's but the client's. The first
/// that begins in a program that we supervise goes on with the program's own run instead.
pub async fn begin(engine: &Engine, number: &str, begin: Begin) -> anyhow::Result<Told> {
    let id = RunId::from_bytes(engine.new_id());
    let of = |key: &str| begin.tags.iter().find(|(own, _)| own == key).map(|(_, value)| value.clone());
    let given = begin.name.clone().filter(|name| !name.is_empty());
    let tagged = of(NAME_TAG).filter(|name| !name.is_empty());
    if let (Some(given), Some(tagged)) = (&given, &tagged)
        && given != tagged
    {
        bail!(ApiError::invalid(format!(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='{given}', mlflow.runName='{tagged}')."
        )));
    }
    let named = given.or(tagged);
    name::check_of_client("name", named.as_deref().unwrap_or_default())?;
    name::check_of_client("user", begin.user.as_deref().unwrap_or_default())?;
    let notes = of(NOTE_TAG).unwrap_or_default();
    let started_ms = begin.started_ms.unwrap_or_else(|| engine.now_ms());
    let Some(known) = number_of(number)? else { bail!(no_experiment(number)) };
    let (number, peer) = (number.to_owned(), begin.peer);
    let parent = parent_of(&begin.tags);
    // Experiment, run and answer in one transaction: each more would be another wait of the client's.
    let told = engine
        .store()
        .write_briefly(move |tx| {
            let Some(experiment) = store::experiment::numbered(tx, known)? else {
                return Err(no_experiment(&number).into());
            };
            if experiment.deleted_ms.is_some() {
                return Err(ApiError::invalid(format!(
                    "The experiment {} must be in the 'active' state. Current state is deleted.",
                    experiment.number
                ))
                .into());
            }
            if let Some(row) = own_run::find(tx, &begin.tags, &experiment)? {
                let id = own_run::go_on(tx, row, named, begin)?;
                return tell(tx, &[id])?.pop().ok_or_else(|| missing(id).into());
            }
            let name = named.unwrap_or_else(|| name::friendly(id.as_bytes(), 0));
            let row = new_row(id, &experiment, name, RunKind::Client, started_ms);
            let code = code_of(|key| begin.tags.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str()));
            let row = RunRow { run: Run { user: begin.user, notes, code, ..row.run }, ..row };
            store::run::put(tx, &row)?;
            // It is for us alone, and on a program's run it says that a client went on with it.
            let tags: Vec<_> = begin.tags.into_iter().filter(|(key, _)| key != PROGRAM_TAG).collect();
            put_tags(tx, id, &tags)?;
            let artifact_uri = run::artifact_uri(&row, experiment.number, experiment.location.as_deref());
            let mut told = Told::without_data(row, experiment.number, artifact_uri);
            told.row.run.tags = store::tag::of_run(tx, id)?;
            told.name_by_tags();
            Ok(told)
        })
        .await?;
    let id = told.row.run.id;
    Announcer::soon(engine, id, Lists::of(&told.row.run), Vec::new());
    nested::announce(engine, parent);
    if let Some(peer) = peer.filter(|_| told.row.run.kind == RunKind::Client) {
        Measured::begun(engine, id, peer);
    }
    Ok(told)
}

/// A run that nobody supervises, as it is when it begins.
pub(crate) fn new_row(id: RunId, experiment: &Experiment, name: String, kind: RunKind, started_ms: i64) -> RunRow {
    let mut row = RunRow::new(id, (experiment.id, experiment.project), name, kind, started_ms);
    (row.run.state, row.run.started_ms) = (RunState::Running, Some(started_ms));
    row
}

/// The run, if a client may change it.
fn active(tx: &store::Transaction<'_>, id: RunId) -> store::Result<store::run::Standing> {
    let Some(standing) = store::run::standing(tx, id)? else { return Err(missing(id).into()) };
    if standing.deleted { Err(deleted(id).into()) } else { Ok(standing) }
}

fn deleted(id: RunId) -> ApiError {
    ApiError::invalid(format!("The run {id} must be in the 'active' state. Current state is deleted."))
}

pub(crate) fn missing(id: RunId) -> ApiError {
    ApiError::not_found(format!("Run with id={id} not found"))
}

const fn lists_of(standing: &store::run::Standing) -> Lists {
    Lists { experiment: standing.experiment, project: standing.project }
}

/// Logs all of a batch or nothing of it.
pub async fn log(engine: &Engine, id: RunId, batch: Batch) -> anyhow::Result<()> {
    engine.measured().leave_if_own(id, &batch.series);
    let parent = parent_of(&batch.tags);
    let is_brief = batch.is_brief();
    let texts = Arc::clone(engine.texts());
    let work = move |tx: &store::Transaction<'_>| {
        let standing = active(tx, id)?;
        for (key, value) in &batch.params {
            put_param(tx, id, key, value)?;
        }
        put_tags(tx, id, &batch.tags)?;
        texts.check(tx, id, texts::bytes_of(batch.params.iter().chain(&batch.tags)))?;
        put_code(tx, id, &batch.tags)?;
        own_run::leave_measuring(tx, id, &batch.series)?;
        let mut newest = Vec::with_capacity(batch.series.len());
        for (key, points) in &batch.series {
            let count = store::metric::append(tx, id, key, points)?;
            if let Some(Point { step, time_ms, value }) = points.last().copied() {
                newest.push(NewestPoint { key: key.clone(), step, value, time_ms, count });
            }
        }
        let mut known: Option<&str> = None;
        for (model, metric) in &batch.of_models {
            // One batch is of one model, as a rule: it is looked up once.
            if known != Some(model) {
                store::logged_model::bare(tx, model)?.ok_or_else(|| logged::missing(model))?;
                known = Some(model);
            }
            store::logged_model::put_metric(tx, model, metric)?;
        }
        Ok((lists_of(&standing), newest))
    };
    let store = engine.store();
    let (lists, newest) = if is_brief { store.write_briefly(work).await } else { store.write(work).await }?;
    Announcer::soon(engine, id, lists, newest);
    nested::announce(engine, parent);
    Ok(())
}

/// The run that these tags place another below: its page says what stands there.
fn parent_of(tags: &[(String, String)]) -> Option<RunId> {
    tags.iter().find(|(key, _)| key == PARENT_TAG).and_then(|(_, parent)| parent.parse().ok())
}

/// Params are written once; the same value again is fine, and a trial's program may say what its search gave it.
fn put_param(tx: &store::Transaction<'_>, id: RunId, key: &str, value: &str) -> store::Result<()> {
    match store::param::enter(tx, id, key, value)? {
        None => Ok(()),
        Some(known) if known == value => Ok(()),
        Some(known) if own_run::is_given(tx, id, key, &known)? => store::param::put(tx, id, key, value),
        Some(known) => Err(ApiError::invalid(format!(
            "Changing param values is not allowed. Param with key='{key}' was already logged with value='{known}' for run ID='{id}'. Attempted logging new value '{value}'."
        ))
        .into()),
    }
}

/// Two of MLflow's tags are columns of ours: the name and the notes. Whether one of these changed. An empty name names
/// nothing: as a tag of ours it says that a client deleted the tag of the name.
pub(super) fn put_tags(tx: &store::Transaction<'_>, id: RunId, tags: &[(String, String)]) -> store::Result<bool> {
    let mut own = false;
    for (key, value) in tags {
        match key.as_str() {
            NAME_TAG if value.is_empty() => continue,
            NAME_TAG => {
                name::check_of_client("name", value)?;
                store::run::rename(tx, id, value)?;
                store::tag::remove(tx, id, key)?;
            }
            NOTE_TAG => {
                store::run::set_notes(tx, id, value)?;
                // Empty notes are none of ours: that a client set them stands among the tags.
                if value.is_empty() {
                    store::tag::put(tx, id, key, value)?;
                } else {
                    store::tag::remove(tx, id, key)?;
                }
            }
            _ => {
                store::tag::put(tx, id, key, value)?;
                continue;
            }
        }
        own = true;
    }
    Ok(own)
}

/// The commit that a client's run is of, as its client tags it.
pub(crate) fn code_of<'a>(tag: impl Fn(&str) -> Option<&'a str>) -> Option<Code> {
    let commit = tag(GIT_COMMIT_TAG).filter(|commit| !commit.is_empty())?;
    let branch = tag(GIT_BRANCH_TAG).filter(|branch| !branch.is_empty());
    let dirty = tag(GIT_DIRTY_TAG).is_some_and(|dirty| dirty.eq_ignore_ascii_case("true"));
    Some(Code { commit: commit.to_owned(), branch: branch.map(ToOwned::to_owned), dirty })
}

/// The same of tags that come later; what was noted of a run that we supervise stays.
fn put_code(tx: &store::Transaction<'_>, id: RunId, tags: &[(String, String)]) -> store::Result<()> {
    if !tags.iter().any(|(key, _)| [GIT_COMMIT_TAG, GIT_BRANCH_TAG, GIT_DIRTY_TAG].contains(&key.as_str())) {
        return Ok(());
    }
    let Some(row) = store::run::bare(tx, id)?.filter(|row| row.run.kind == RunKind::Client) else { return Ok(()) };
    let all = store::tag::of_run(tx, id)?;
    match code_of(|key| all.get(key).map(String::as_str)) {
        Some(code) => store::run::put(tx, &RunRow { run: Run { code: Some(code), ..row.run }, ..row }),
        None => Ok(()),
    }
}

pub async fn delete_tag(engine: &Engine, id: RunId, key: String) -> anyhow::Result<()> {
    let (lists, parent) = engine
        .store()
        .write(move |tx| {
            let standing = active(tx, id)?;
            let parent = if key == PARENT_TAG { nested::parent_of(&store::tag::of_run(tx, id)?) } else { None };
            let noted = key == NOTE_TAG && store::run::bare(tx, id)?.is_some_and(|row| !row.run.notes.is_empty());
            if noted {
                store::run::set_notes(tx, id, "")?;
            }
            let is_gone = if key == NAME_TAG {
                // The run keeps its name, as MLflow's does.
                let is_there = store::tag::get(tx, id, &key)?.is_none_or(|value| !value.is_empty());
                if is_there {
                    store::tag::put(tx, id, &key, "")?;
                }
                is_there
            } else {
                // Both are looked for: notes may have been emptied by a client and written here since.
                store::tag::remove(tx, id, &key)? || noted
            };
            if !is_gone {
                return Err(ApiError::not_found(format!("No tag with name: {key} in run with id {id}")).into());
            }
            Ok((lists_of(&standing), parent))
        })
        .await?;
    Announcer::soon(engine, id, lists, Vec::new());
    nested::announce(engine, parent);
    Ok(())
}

/// Changes a run's state, end and name. A run that we supervise ends by its process, not by a client's word. The run
/// is told without its data, as clients are.
pub async fn change(engine: &Engine, id: RunId, change: Change) -> anyhow::Result<Told> {
    name::check_of_client("name", change.name.as_deref().unwrap_or_default())?;
    let peer = change.peer;
    let (told, was_over) = engine
        .store()
        .write_briefly(move |tx| {
            let Some(mut row) = store::run::bare(tx, id)? else { return Err(missing(id).into()) };
            if row.run.deleted_ms.is_some() {
                return Err(deleted(id).into());
            }
            let was_over = row.run.state.is_over();
            if let Some(state) = change.state.filter(|_| !row.run.kind.is_supervised()) {
                row.run.state = state;
            }
            if let Some(ended_ms) = change.ended_ms.filter(|_| !row.run.kind.is_supervised()) {
                row.run.ended_ms = Some(ended_ms);
            }
            if let Some(name) = change.name.filter(|name| !name.is_empty()) {
                row.run.name = name;
                store::tag::remove(tx, id, NAME_TAG)?;
            }
            store::run::set_end(tx, &row.run)?;
            // Whatever ended it before, it goes on.
            if was_over && !row.run.state.is_over() && row.run.ended_because.take().is_some() {
                store::run::put(tx, &row)?;
            }
            let (experiment, location) = store::experiment::address(tx, row.run.experiment)?.unwrap_or_default();
            let artifact_uri = run::artifact_uri(&row, experiment, location.as_deref());
            Ok((Told::without_data(row, experiment, artifact_uri), was_over))
        })
        .await?;
    match (told.row.run.state, peer) {
        (state, _) if state.is_over() => engine.measured().end(id),
        // It goes on, perhaps in another process.
        (RunState::Running, Some(peer)) if was_over => Measured::begun(engine, id, peer),
        _ => {}
    }
    Announcer::soon(engine, id, Lists::of(&told.row.run), Vec::new());
    Ok(told)
}

/// Notes the datasets and logged models that a run was given.
pub async fn inputs(engine: &Engine, id: RunId, inputs: Vec<RunInput>, models: Vec<String>) -> anyhow::Result<()> {
    models_and_inputs(engine, id, inputs, models.into_iter().map(|model| (model, None)).collect()).await
}

/// Notes the logged models that a run made, each at a step.
pub async fn outputs(engine: &Engine, id: RunId, models: Vec<(String, i64)>) -> anyhow::Result<()> {
    models_and_inputs(engine, id, Vec::new(), models.into_iter().map(|(model, step)| (model, Some(step))).collect())
        .await
}

async fn models_and_inputs(
    engine: &Engine,
    id: RunId,
    inputs: Vec<RunInput>,
    models: Vec<(String, Option<i64>)>,
) -> anyhow::Result<()> {
    let lists = engine
        .store()
        .write(move |tx| {
            let standing = active(tx, id)?;
            for input in &inputs {
                store::run_input::put(tx, id, input)?;
            }
            for (model, output_at) in &models {
                store::run_input::put_model(tx, id, model, *output_at)?;
            }
            if !inputs.is_empty() {
                check_inputs(tx, id)?;
            }
            if !models.is_empty() {
                check_models(tx, id)?;
            }
            Ok(lists_of(&standing))
        })
        .await?;
    Announcer::soon(engine, id, lists, Vec::new());
    Ok(())
}

/// Refuses datasets that whoever asks for the run would have to be told of at once: none of them is to stay.
fn check_inputs(tx: &store::Transaction<'_>, id: RunId) -> store::Result<()> {
    let all = store::run_input::bytes_of(tx, &[id])?.remove(&id).unwrap_or_default();
    if all > texts::MOST_TEXT as u64 {
        let most = texts::MOST_TEXT;
        return Err(ApiError::invalid(format!(
            "The datasets of run {id} would have {all} bytes together with their schemas and profiles, more than {most}."
        ))
        .with_hint("Keep a long profile as an artifact, or log further datasets in another run.")
        .into());
    }
    Ok(())
}

/// Logged models that a run was given and made.
const MOST_MODELS: u64 = 10_000;

/// The same of the logged models of a run.
fn check_models(tx: &store::Transaction<'_>, id: RunId) -> store::Result<()> {
    let all = store::run_input::count_models(tx, id)?;
    if all > MOST_MODELS {
        let message = format!("Run {id} would have been given and have made {all} models, more than {MOST_MODELS}.");
        return Err(ApiError::invalid(message).with_hint("Log further models in another run.").into());
    }
    Ok(())
}

/// A run with all that a client is told of it.
#[derive(Debug, Clone)]
pub struct Told {
    pub row: RunRow,
    /// The number of its experiment.
    pub experiment: i64,
    pub artifact_uri: String,
    pub inputs: Vec<RunInput>,
    /// Logged models, with the step of those that it made.
    pub models: Vec<(String, Option<i64>)>,
}

impl Told {
    fn without_data(row: RunRow, experiment: i64, artifact_uri: String) -> Self {
        Self { row, experiment, artifact_uri, inputs: Vec::new(), models: Vec::new() }
    }

    /// Adds the tags that are columns of ours; not that of the name, where a client deleted it.
    fn name_by_tags(&mut self) {
        let Run { name, notes, tags, .. } = &mut self.row.run;
        if tags.insert(NAME_TAG.to_owned(), name.clone()).is_some_and(|said| said.is_empty()) {
            tags.remove(NAME_TAG);
        }
        if !notes.is_empty() {
            tags.insert(NOTE_TAG.to_owned(), notes.clone());
        }
    }
}

/// The runs in this order, each once, with all that a client is told: not the versions made of them, which it asks of a
/// registry.
pub fn tell(c: &store::Connection, ids: &[RunId]) -> store::Result<Vec<Told>> {
    let mut experiments: BTreeMap<ExperimentId, (i64, Option<String>)> = BTreeMap::new();
    let mut told = Vec::with_capacity(ids.len());
    let mut rows = store::run::bare_of(c, ids)?;
    let (mut params, mut tags) = (store::param::of_runs(c, ids)?, store::tag::of_runs(c, ids)?);
    let mut metrics = store::metric::summaries_of(c, ids)?;
    let (mut inputs, mut models) = (store::run_input::of_runs(c, ids)?, store::run_input::models_of(c, ids)?);
    for id in ids {
        let Some(mut row) = rows.remove(id) else { continue };
        row.run.params = params.remove(id).unwrap_or_default();
        row.run.tags = tags.remove(id).unwrap_or_default();
        row.run.metrics = metrics.remove(id).unwrap_or_default();
        let (experiment, location) = match experiments.entry(row.run.experiment) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                place.insert(store::experiment::address(c, row.run.experiment)?.unwrap_or_default())
            }
        };
        let (experiment, artifact_uri) = (*experiment, run::artifact_uri(&row, *experiment, location.as_deref()));
        let inputs = inputs.remove(id).unwrap_or_default();
        let models = models.remove(id).unwrap_or_default();
        let mut one = Told { row, experiment, artifact_uri, inputs, models };
        one.name_by_tags();
        told.push(one);
    }
    Ok(told)
}

pub async fn get(engine: &Engine, id: RunId) -> anyhow::Result<Told> {
    let told = engine.store().read(move |c| tell(c, &[id])).await?.pop();
    told.ok_or_else(|| missing(id).into())
}

/// Bytes of a page of runs that waits for nobody.
const SMALL_PAGE: u64 = 1 << 20;
/// Larger pages that are composed at once: of what the longest of them say there are several copies until the answer stands.
pub(crate) const LARGE_PAGES: usize = 2;

/// A page of runs that a search found, and what they say.
#[derive(Debug)]
pub struct Searched {
    pub told: Vec<Told>,
    /// How many match in all.
    pub total: u64,
    /// Of a large page its place, which is kept until the answer stands where it waits for its client.
    pub place: Option<OwnedSemaphorePermit>,
}

/// The runs that match, of the experiments with these numbers (numbers that nobody knows are none's), as many as a page
/// holds. Large pages are few at once.
pub async fn search(engine: &Engine, numbers: Vec<String>, query: Query) -> anyhow::Result<Searched> {
    let board = engine.clone();
    let (asked, _asking) = engine.board().ask();
    let numbers: BTreeSet<i64> = numbers_of(&numbers)?.collect();
    let found = engine.store().read(move |c| {
        let (mut query, goes_on) = (query, asked.goes_on());
        for number in numbers {
            goes_on()?;
            let known = store::experiment::numbered(c, number)?;
            query.experiments.extend(known.map(|known| known.id).filter(|id| !query.experiments.contains(id)));
        }
        let (mut page, bytes) = board.board().page_within(c, &asked, &query, run::PAGE_BYTES)?;
        let (count, inputs) = with_inputs_within(c, &page.runs, run::PAGE_BYTES as u64)?;
        page.runs.truncate(count);
        // What a large one says is read once it has a place.
        let is_small = inputs.saturating_add(bytes as u64) <= SMALL_PAGE;
        let told = is_small.then(|| tell(c, &page.runs)).transpose()?;
        Ok((page, told))
    });
    let (page, told) = found.await?;
    let total = page.total;
    if let Some(told) = told {
        return Ok(Searched { told, total, place: None });
    }
    let place = Arc::clone(engine.large_pages()).acquire_owned().await.context("wait for other large pages")?;
    // The place goes with the reading, which ends also where its client is gone.
    let told = engine.store().read(move |c| Ok((tell(c, &page.runs)?, place)));
    let (told, place) = told.await?;
    Ok(Searched { told, total, place: Some(place) })
}

/// How many of these runs, from the first, have datasets and models that say no more bytes together, but one in any case, and how
/// many bytes: a table does not hold that.
fn with_inputs_within(c: &store::Connection, runs: &[RunId], most_bytes: u64) -> store::Result<(usize, u64)> {
    let bytes = store::run_input::bytes_of(c, runs)?;
    let (mut count, mut all) = (0, 0_u64);
    for run in runs {
        let with = all.saturating_add(bytes.get(run).copied().unwrap_or_default());
        if with > most_bytes && count > 0 {
            break;
        }
        (count, all) = (count + 1, with);
    }
    Ok((count, all))
}

/// Bytes of a tag that is a list: it is written again with each value, and every search that tells of its run reads it.
const LONGEST_LIST: usize = 4 << 20;

/// Appends to a tag that is a JSON list, as MLflow keeps the models of a run.
pub async fn add_to_list(
    engine: &Engine,
    id: RunId,
    key: &'static str,
    value: serde_json::Value,
) -> anyhow::Result<()> {
    let value = value.to_string();
    let texts = Arc::clone(engine.texts());
    let lists = engine
        .store()
        .write(move |tx| {
            let standing = active(tx, id)?;
            let list = appended(store::tag::get(tx, id, key)?, &value);
            if list.len() > LONGEST_LIST {
                return Err(ApiError::invalid(format!(
                    "The tag '{key}' of run {id} would have {} bytes, more than {LONGEST_LIST}.",
                    list.len()
                ))
                .with_hint("Log further models in another run.")
                .into());
            }
            store::tag::put(tx, id, key, &list)?;
            texts.check(tx, id, value.len())?;
            Ok(lists_of(&standing))
        })
        .await?;
    Announcer::soon(engine, id, lists, Vec::new());
    Ok(())
}

/// A JSON list with a value more; what is no list yet becomes one. What stands in it is not read anew.
fn appended(list: Option<String>, value: &str) -> String {
    let known = list.filter(|list| serde_json::from_str::<Vec<serde::de::IgnoredAny>>(list).is_ok());
    let within = known.as_deref().and_then(|list| list.trim().strip_prefix('[')?.strip_suffix(']'));
    match within.map(str::trim).filter(|within| !within.is_empty()) {
        Some(within) => format!("[{within},{value}]"),
        None => format!("[{value}]"),
    }
}

/// The distinct datasets that the runs of experiments were given, `most` of them, each with its experiment's number.
pub async fn datasets(
    engine: &Engine,
    numbers: Vec<String>,
    most: usize,
) -> anyhow::Result<Vec<(i64, store::run_input::DatasetHead)>> {
    let board = engine.clone();
    let (asked, _asking) = engine.board().ask();
    let numbers: Vec<i64> = numbers_of(&numbers)?.collect();
    let read = move |c: &store::Connection| {
        let mut known: Vec<Experiment> = Vec::new();
        for number in numbers {
            let found = store::experiment::numbered(c, number)?;
            known.extend(found.filter(|found| known.iter().all(|known| known.id != found.id)));
        }
        let ids: Vec<ExperimentId> = known.iter().map(|experiment| experiment.id).collect();
        let number_of = |id: ExperimentId| known.iter().find(|known| known.id == id).map_or(0, |known| known.number);
        let found = board.board().datasets(c, &asked, (&ids, most))?;
        Ok(found.into_iter().map(|(id, dataset)| (number_of(id), dataset)).collect())
    };
    Ok(engine.store().read(read).await?)
}

/// The experiments that a client calls by these numbers, each once; a number that nobody knows is none's.
pub async fn experiments(engine: &Engine, numbers: Vec<String>) -> anyhow::Result<Vec<Experiment>> {
    let known = numbers.iter().filter_map(|number| number_of(number).transpose());
    let numbers = known.collect::<Result<BTreeSet<i64>, ApiError>>()?;
    let (asked, _asking) = engine.board().ask();
    let read = move |c: &store::Connection| {
        let goes_on = asked.goes_on();
        let mut found = Vec::new();
        for number in numbers {
            goes_on()?;
            found.extend(store::experiment::numbered(c, number)?);
        }
        Ok(found)
    };
    Ok(engine.store().read(read).await?)
}

/// The experiment that a client calls by its number.
pub async fn experiment(engine: &Engine, number: &str) -> anyhow::Result<Experiment> {
    let found = match number_of(number)? {
        Some(parsed) => engine.store().read(move |c| store::experiment::numbered(c, parsed)).await?,
        None => None,
    };
    found.ok_or_else(|| no_experiment(number).into())
}

/// The number by which a client names an experiment; `None` of one that is larger than any is.
fn number_of(text: &str) -> Result<Option<i64>, ApiError> {
    let plain = text.trim();
    let digits = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    match plain.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) => Ok(None),
        Err(_) => {
            let message = format!("Invalid experiment ID '{text}'. Experiment ID must be a valid integer.");
            Err(ApiError::invalid(message))
        }
    }
}

/// Those by which experiments may be known.
fn numbers_of(texts: &[String]) -> Result<impl Iterator<Item = i64>, ApiError> {
    let numbers = texts.iter().map(|text| number_of(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(numbers.into_iter().flatten())
}

fn no_experiment(number: &str) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("No Experiment with id={number} exists"))
}

#[cfg(test)]
mod tests {
    use super::{appended, number_of};

    #[test]
    fn an_experiment_is_named_by_an_integer() {
        for (text, number) in [("0", Some(0)), (" 7 ", Some(7)), ("-1", Some(-1)), (&"9".repeat(30), None)] {
            assert_eq!(number_of(text).unwrap(), number, "{text}");
        }
        for wrong in ["", "churn", "1.0", "1e3", "0x1", "-", "+", "1 2"] {
            let refused = number_of(wrong).unwrap_err();
            assert!(refused.message.contains("must be a valid integer"), "{wrong}: {refused}");
        }
    }

    #[test]
    fn a_list_grows_by_what_is_appended() {
        for (list, expected) in [
            (None, "[{}]"),
            (Some("[]"), "[{}]"),
            (Some(" [ 1, [2] ] \n"), "[1, [2],{}]"),
            // What a client set in its place is no list.
            (Some("[1"), "[{}]"),
            (Some("[1] [2]"), "[{}]"),
            (Some("{\"a\": []}"), "[{}]"),
        ] {
            assert_eq!(appended(list.map(str::to_owned), "{}"), expected);
        }
    }
}
