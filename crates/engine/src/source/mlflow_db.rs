//! MLflow's SQLite store as a log that is read on: runs by their rows, points as they were logged.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Debug,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
};

use api::{
    figure::counted,
    tracking::{Dataset, RunInput},
};
use foreign::{
    ForeignError, Head, Mark, Reader, Result, Sink, Surroundings, Told,
    artifacts::{self, Folder},
    registry::{
        Figure, GroupHead, IN_SECONDS, Inputs, Known, LoggedHead, ModelHead, StandingModel, VersionHead, logged_of,
        refused, stage, status,
    },
};
use serde::{Deserialize, Serialize};
use store::{
    StoreError,
    mlflow_db::{LoggedModel, MlflowDb, ModelVersion, RegisteredModel, Run},
};

/// Rows of one short read: a server that writes is not kept waiting.
const RUNS: u32 = 500;
const POINTS: u32 = 20_000;
const MODELS: u32 = 500;

pub(super) struct Database {
    path: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    runs: i64,
    points: i64,
    /// Stands for the row of the last point: another one there is another database.
    last_point: Option<u64>,
    /// Runs that were not over: looked at again.
    open: Vec<String>,
    /// What was told of each of these.
    told: BTreeMap<String, u64>,
    /// What the blocks of runs were when they were read.
    sums: BTreeMap<i64, u64>,
    /// What each experiment is called.
    names: BTreeMap<i64, String>,
    /// Experiments that a run or a logged model was told of.
    groups: BTreeSet<i64>,
    known: Known,
}

impl Database {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Reader for Database {
    /// While another program keeps the database locked for longer than [`MlflowDb`] waits, what was read until then
    /// is told and counts: the next reading goes on there.
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        let mut progress: Progress = serde_json::from_value(mark.0.clone()).unwrap_or_default();
        match self.read_on(&mut progress, sink) {
            Err(Stop::Locked) => {
                let why = format!(
                    "{} is locked by a program that writes to it: what was added since is read once it is done.",
                    self.path.display()
                );
                sink(Told::Waits { why }).map_err(ForeignError::NotTaken)?;
            }
            Err(Stop::Failed(error)) => return Err(error),
            Ok(()) => {}
        }
        Ok(Mark(serde_json::to_value(progress).unwrap_or_default()))
    }
}

/// Why a reading ended early.
enum Stop {
    Locked,
    Failed(ForeignError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Locked { .. } => Self::Locked,
            error => Self::Failed(ForeignError::Unreadable(Box::new(error))),
        }
    }
}

impl Database {
    /// Leaves `progress` at what was told, also where it ends early.
    fn read_on(&self, progress: &mut Progress, sink: &mut Sink<'_>) -> std::result::Result<(), Stop> {
        let database = MlflowDb::open(&self.path)?;
        let experiments = database.experiments()?;
        let without = database.experiments_without_number()?;
        let groups: HashMap<i64, String> = experiments.iter().map(|one| (one.id, one.name.clone())).collect();
        let mut tell = |told: Told| sink(told).map_err(|error| Stop::Failed(ForeignError::NotTaken(error)));
        for experiment in &experiments {
            let now = &experiment.name;
            if let Some(was) = progress.names.insert(experiment.id, now.clone()).filter(|was| was != now) {
                tell(Told::Renamed { was, now: now.clone() })?;
            }
        }
        if progress.known.is_changed("experiments without a number".to_owned(), &without) && without > 0 {
            let place = format!("{}, experiments", self.path.display());
            let message = format!(
                "{} left out: no number is their experiment_id",
                counted(without.unsigned_abs(), "experiment was", "experiments were")
            );
            tell(Told::Warning { place, message })?;
        }
        let is_open = |run: &Run| run.state.is_some_and(|state| !state.is_over()) && !run.deleted;
        // Before the runs, so that what changes meanwhile is looked at again.
        let sums = database.sums()?;
        let changed = |(block, sum): (&i64, &u64)| (progress.sums.get(block) != Some(sum)).then_some(*block);
        for block in sums.iter().filter_map(changed).collect::<Vec<_>>() {
            tell(Told::Still)?;
            for run in database.runs_of_block(block)?.into_iter().filter(|run| run.cursor <= progress.runs) {
                if is_open(&run) && !progress.open.contains(&run.id) {
                    progress.open.push(run.id.clone());
                }
                progress.groups.insert(run.experiment);
                if !progress.open.contains(&run.id) {
                    // A run may have come under a number that another had.
                    self.refusal(run.artifact_uri.as_deref(), &run.id).map_or(Ok(()), &mut tell)?;
                    self.bytes(&run, &mut progress.known).map_or(Ok(()), &mut tell)?;
                    let inputs = inputs(&run);
                    tell(Told::Run(self.head(run, &groups)))?;
                    inputs.map_or(Ok(()), |inputs| tell(Told::Inputs(inputs)))?;
                }
            }
        }
        for id in progress.open.clone() {
            let run = database.run(&id)?;
            if !run.as_ref().is_some_and(is_open) {
                progress.open.retain(|open| *open != id);
            }
            let Some(run) = run else { continue };
            self.bytes(&run, &mut progress.known).map_or(Ok(()), &mut tell)?;
            let (inputs, head) = (inputs(&run), self.head(run, &groups));
            let now = sum_of(&(&head, &inputs));
            if progress.told.insert(id, now) != Some(now) {
                tell(Told::Run(head))?;
                inputs.map_or(Ok(()), |inputs| tell(Told::Inputs(inputs)))?;
            }
        }
        let Progress { open, told, .. } = &mut *progress;
        told.retain(|id, _| open.contains(id));
        if progress.points > 0 {
            let last = database.points(progress.points - 1, 1)?;
            let is_there = last.cursor == progress.points && last.sum.is_some();
            if is_there && progress.last_point.is_none() {
                progress.last_point = last.sum;
            }
            // Points that were told before are told again, and count once.
            if !is_there || last.sum != progress.last_point {
                (progress.points, progress.last_point) = (0, None);
            }
        }
        loop {
            tell(Told::Still)?;
            let piece = database.points(progress.points, POINTS)?;
            // Behind the points, so that none is of a run that was entered meanwhile and is not told yet.
            loop {
                let runs = database.runs(progress.runs, RUNS)?;
                let Some(last) = runs.last().map(|run| run.cursor) else { break };
                progress.open.extend(runs.iter().filter(|run| is_open(run)).map(|run| run.id.clone()));
                for run in runs {
                    progress.groups.insert(run.experiment);
                    self.refusal(run.artifact_uri.as_deref(), &run.id).map_or(Ok(()), &mut tell)?;
                    self.bytes(&run, &mut progress.known).map_or(Ok(()), &mut tell)?;
                    let (id, is_open) = (run.id.clone(), is_open(&run));
                    let (inputs, head) = (inputs(&run), self.head(run, &groups));
                    if is_open {
                        progress.told.insert(id, sum_of(&(&head, &inputs)));
                    }
                    tell(Told::Run(head))?;
                    inputs.map_or(Ok(()), |inputs| tell(Told::Inputs(inputs)))?;
                }
                progress.runs = last;
            }
            progress.sums.clone_from(&sums);
            let mut series: HashMap<(String, String), Vec<api::series::Point>> = HashMap::new();
            for (run, key, point) in piece.points {
                series.entry((run, key)).or_default().push(point);
            }
            for ((run, key), points) in series {
                tell(Told::Points { run, key, points })?;
            }
            if piece.left_out > 0 {
                let place = format!("{}, metrics up to row {}", self.path.display(), piece.cursor);
                let message = format!(
                    "{} left out: no number stands there",
                    counted(piece.left_out as u64, "row was", "rows were")
                );
                tell(Told::LeftOut { place, message })?;
            }
            if piece.in_seconds && progress.known.is_changed("times in seconds".to_owned(), &true) {
                let message = IN_SECONDS.to_owned();
                tell(Told::Warning { place: self.path.display().to_string(), message })?;
            }
            progress.points = piece.cursor;
            progress.last_point = piece.sum.or(progress.last_point);
            if piece.last {
                break;
            }
        }
        let mut cursor = 0;
        loop {
            tell(Told::Still)?;
            let models = database.logged_models(cursor, MODELS)?;
            let Some(last) = models.last().map(|model| model.cursor) else { break };
            for model in models {
                progress.groups.insert(model.experiment);
                let refusal = self.refusal(model.artifact_location.as_deref(), &model.id);
                let head = self.logged(model, &groups);
                if progress.known.is_changed(format!("logged/{}", head.id), &head) {
                    refusal.map_or(Ok(()), &mut tell)?;
                    tell(Told::Logged(head))?;
                }
            }
            cursor = last;
        }
        for experiment in experiments {
            let created_ms = experiment.created_ms.filter(|ms| *ms > 0);
            let head = GroupHead { name: experiment.name, created_ms, tags: experiment.tags };
            let says_any = !head.tags.is_empty() || head.created_ms.is_some();
            let is_told = progress.groups.contains(&experiment.id) && says_any;
            if is_told && progress.known.is_changed(format!("group/{}", experiment.id), &head) {
                tell(Told::Group(head))?;
            }
        }
        let models = database.models()?;
        let named = |model: &RegisteredModel| StandingModel { name: model.name.clone(), created_ms: model.created_ms };
        let standing: Vec<StandingModel> = models.iter().map(named).collect();
        if progress.known.are_others(&standing) {
            tell(Told::Models(standing))?;
        }
        // Workspaces may each have a model of a name: whose versions stand is not known of these.
        let mut seen = BTreeMap::<String, u32>::new();
        models.iter().for_each(|model| *seen.entry(model.name.clone()).or_default() += 1);
        for model in models {
            tell(Told::Still)?;
            let is_one = seen.get(&model.name) == Some(&1);
            let read = self.model(&database, &model)?;
            // It was deleted or renamed while it was read.
            if !database.has_model(&model)? {
                continue;
            }
            let mut head = ModelHead { standing: read.standing.filter(|_| is_one), ..read };
            if progress.known.is_changed(format!("model/{}", head.name), &head) {
                progress.known.note_aliases(&mut head);
                tell(Told::Model(head))?;
            }
        }
        let unread = database.unread()?;
        let (elsewhere, address) = self.elsewhere(&database)?;
        // Said again with new points, and of one another, whose reading replaces what was said before.
        if progress.known.is_changed("unread".to_owned(), &(unread, elsewhere, progress.points)) {
            self.left_out(unread).try_for_each(&mut tell)?;
            if elsewhere > 0 {
                let message = artifacts::not_found(elsewhere, &address);
                tell(Told::Warning { place: self.path.display().to_string(), message })?;
            }
        }
        Ok(())
    }

    /// What is said of the traces and of what else stands there that is not read.
    fn left_out(&self, counts: [i64; 5]) -> impl Iterator<Item = Told> {
        let words = [
            ("trace was", "traces were"),
            ("assessment was", "assessments were"),
            ("evaluation dataset was", "evaluation datasets were"),
            ("MCP server was", "MCP servers were"),
            ("skill was", "skills were"),
        ];
        counts.into_iter().zip(words).filter(|(count, _)| *count > 0).map(move |(count, (one, many))| {
            let what = counted(count.unsigned_abs(), one, many);
            let message = format!("{what} left out: runs, models and the registry are read");
            Told::Warning { place: self.path.display().to_string(), message }
        })
    }

    fn place(&self, address: &str) -> Option<PathBuf> {
        artifacts::place(address, &self.path)
    }

    fn folder(&self, address: Option<&str>, id: &str) -> Folder {
        artifacts::folder(address, id, &self.path)
    }

    /// Runs whose artifacts lie elsewhere, and the address of one.
    fn elsewhere(&self, database: &MlflowDb) -> std::result::Result<(u64, String), StoreError> {
        let mut addresses = database.artifact_addresses()?;
        addresses.retain(|(address, _)| artifacts::is_elsewhere(address, &self.path));
        let runs = addresses.iter().map(|(_, runs)| runs).sum();
        Ok((runs, addresses.into_iter().next().map(|(address, _)| address).unwrap_or_default()))
    }

    /// What is said of a folder that is not read.
    fn refusal(&self, address: Option<&str>, id: &str) -> Option<Told> {
        match self.folder(address, id) {
            Folder::Refused(named) => {
                Some(Told::Warning { place: self.path.display().to_string(), message: refused(&named, id) })
            }
            _ => None,
        }
    }

    /// What is said, once, of a run's params and tags that are no texts.
    fn bytes(&self, run: &Run, known: &mut Known) -> Option<Told> {
        let is_new = run.bytes > 0 && known.is_changed(format!("bytes/{}", run.id), &run.bytes);
        is_new.then(|| Told::LeftOut {
            place: format!("{}, params and tags of the run {}", self.path.display(), run.id),
            message: format!(
                "{} left out: bytes stand there, and no text",
                counted(run.bytes as u64, "row was", "rows were")
            ),
        })
    }

    fn logged(&self, model: LoggedModel, groups: &HashMap<i64, String>) -> LoggedHead {
        let created_ms = model.created_ms.unwrap_or_default();
        let files = self.folder(model.artifact_location.as_deref(), &model.id).path();
        let figures = model.metrics.into_iter().map(|metric| Figure {
            run: metric.run,
            key: metric.key,
            dataset_name: metric.dataset_name,
            dataset_digest: metric.dataset_digest,
            step: metric.step,
            time_ms: metric.time_ms,
            value: metric.value,
        });
        LoggedHead {
            id: model.id,
            group: groups.get(&model.experiment).cloned().unwrap_or_default(),
            name: model.name,
            run: model.run,
            kind: model.kind,
            status: status(model.status),
            status_message: model.status_message,
            created_ms,
            updated_ms: model.updated_ms.unwrap_or(created_ms),
            deleted: model.deleted,
            params: model.params,
            tags: model.tags,
            figures: figures.collect(),
            files,
        }
    }

    fn model(&self, database: &MlflowDb, model: &RegisteredModel) -> std::result::Result<ModelHead, StoreError> {
        let (mut versions, mut standing) = (Vec::new(), Vec::new());
        let mut after = 0;
        loop {
            let piece = database.versions(model, after, MODELS)?;
            let Some(last) = piece.last().map(|version| version.version) else { break };
            let stands = |version: &&ModelVersion| stage(version.stage.as_deref()).is_some();
            standing.extend(piece.iter().filter(stands).filter_map(|version| u32::try_from(version.version).ok()));
            versions.extend(piece.into_iter().filter_map(|version| self.version(version, model)));
            after = last;
        }
        let created_ms = model.created_ms.unwrap_or_default();
        Ok(ModelHead {
            name: model.name.clone(),
            notes: model.description.clone().filter(|notes| !notes.is_empty()),
            created_ms,
            updated_ms: model.updated_ms.unwrap_or(created_ms),
            tags: model.tags.clone(),
            versions,
            standing: Some(standing),
            gone_aliases: Vec::new(),
        })
    }

    /// `None` of one that was deleted, or whose files are still coming.
    fn version(&self, version: ModelVersion, model: &RegisteredModel) -> Option<VersionHead> {
        let stage = stage(version.stage.as_deref())?;
        if version.status.as_deref().is_some_and(|status| status != "READY") {
            return None;
        }
        let source = version.source.unwrap_or_default();
        let files = version.storage_location.as_deref().and_then(|at| self.place(at)).or_else(|| self.place(&source));
        let created_ms = version.created_ms.unwrap_or_default();
        let stands = |(_, at): &&(String, i64)| *at == version.version;
        Some(VersionHead {
            number: u32::try_from(version.version).ok()?,
            notes: version.description.filter(|notes| !notes.is_empty()),
            user: version.user.filter(|user| !user.is_empty()),
            stage,
            files,
            run: version.run,
            run_link: version.run_link,
            logged: logged_of(&source),
            source,
            created_ms,
            updated_ms: version.updated_ms.unwrap_or(created_ms),
            tags: version.tags,
            aliases: model.aliases.iter().filter(stands).map(|(alias, _)| alias.clone()).collect(),
        })
    }

    fn head(&self, run: Run, groups: &HashMap<i64, String>) -> Head {
        let (own, mut tags): (Vec<_>, Vec<_>) =
            run.tags.into_iter().partition(|(key, _)| key == api::tracking::NOTE_TAG || key == api::tracking::NAME_TAG);
        let of = |wanted: &str| own.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.clone());
        if run.deleted {
            tags.push(("mlflow.lifecycle_stage".to_owned(), "deleted".to_owned()));
        }
        let id = run.id.parse::<api::RunId>().ok().map(|id| *id.as_bytes());
        // Only what lies on this machine can be read in place.
        let artifacts = self.folder(run.artifact_uri.as_deref(), &run.id).path();
        Head {
            key: run.id.clone(),
            id,
            name: run.name.or_else(|| of(api::tracking::NAME_TAG)).unwrap_or(run.id),
            group: groups.get(&run.experiment).cloned().unwrap_or_default(),
            state: run.state.unwrap_or(api::run::RunState::Finished),
            created_ms: run.started_ms.unwrap_or_default(),
            ended_ms: run.ended_ms,
            user: run.user,
            notes: of(api::tracking::NOTE_TAG),
            params: run.params,
            tags,
            artifacts,
            commit: None,
            command: None,
            replaces: false,
            surroundings: Surroundings::default(),
        }
    }
}

/// A number that changes with what it is of.
fn sum_of(what: &impl Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{what:?}").hash(&mut hasher);
    hasher.finish()
}

/// What a run was given and made, if anything.
fn inputs(run: &Run) -> Option<Inputs> {
    let datasets: Vec<RunInput> = run
        .inputs
        .iter()
        .map(|input| RunInput {
            dataset: Dataset {
                name: input.name.clone(),
                digest: input.digest.clone(),
                source_type: input.source_type.clone().unwrap_or_default(),
                source: input.source.clone().unwrap_or_default(),
                schema: input.schema.clone(),
                profile: input.profile.clone(),
            },
            tags: input.tags.iter().cloned().collect(),
        })
        .collect();
    let any = !datasets.is_empty() || !run.models.is_empty();
    any.then(|| Inputs { run: run.id.clone(), datasets, models: run.models.clone() })
}
