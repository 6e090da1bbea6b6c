//! Runs written as other tools read them: a job reads each run with all its points and gives them to a form. Memory is
//! bounded by a piece of one series.

mod event_files;
mod file_store;
mod media;
mod models;
pub mod points;
mod tables;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, ExperimentId, RunId,
    export::{ExportFormat, ExportRuns},
    figure::counted,
    job::{Job, JobKind, Subject},
    run::Run,
    series::Point,
    tracking::{LoggedModel, RunInput, Scope},
};
use foreign::registry::GroupHead;
use store::run::RunRow;
use tokio::runtime::Handle;

use super::{artifacts_of, elsewhere, meant, open_artifact, table};
use crate::{
    Engine,
    blocking::{Step, Tell},
    halves::Half,
    jobs::{JobContext, NewJob, cancelled, retry_with},
    snapshot::thousands,
    tracking::registry::{self, Registered},
};

/// Points that are held at once.
const PIECE: u64 = 1 << 16;
/// Sentences about what was left out that the job's log keeps.
const SAID: usize = 200;

/// A run as it is written.
struct Told {
    run: Run,
    group: GroupHead,
    inputs: Vec<RunInput>,
    models: models::Named,
}

/// What is written about an experiment.
fn group_of(c: &store::Connection, id: ExperimentId) -> store::Result<GroupHead> {
    let found = store::experiment::get(c, id)?.map(|experiment| GroupHead {
        name: experiment.name,
        // That of MLflow's `Default` is not known.
        created_ms: Some(experiment.created_ms).filter(|ms| *ms > 0),
        tags: experiment.tags.into_iter().collect(),
    });
    Ok(found.unwrap_or_default())
}

/// What a form has no place for, as sentences.
#[derive(Default)]
struct Left {
    said: Vec<String>,
    count: u64,
    /// Runs whose clients put their files where nothing is read.
    elsewhere: u64,
}

impl Left {
    fn say(&mut self, sentence: String) {
        self.count += 1;
        if self.said.len() < SAID {
            self.said.push(sentence);
        }
    }

    /// Says first, in one sentence of all, whose files were not looked for.
    fn say_elsewhere(&mut self) {
        if self.elsewhere == 0 {
            return;
        }
        let runs = counted(self.elsewhere, "run's client logs", "runs' clients log");
        self.said.insert(
            0,
            format!("Files that {runs} lie where Slipway does not read: they are not written, and stay there."),
        );
        self.count += 1;
    }
}

/// What runs are written as. Of each run: its beginning, its series in pieces, its artifacts, its media, its end.
trait Form {
    fn begin(&mut self, told: &Told, left: &mut Left) -> anyhow::Result<()>;
    fn points(&mut self, key: &str, points: &[Point], left: &mut Left) -> anyhow::Result<()>;
    /// The place of an artifact, where there is one: in a form, of all or of none.
    fn artifact(&self, path: &str) -> Option<PathBuf>;
    /// Writes a medium where it has a place.
    fn medium(&mut self, _: media::Medium) -> anyhow::Result<media::Fate> {
        Ok(media::Fate::Left)
    }
    fn end(&mut self) -> anyhow::Result<()>;
    /// Writes a logged model of a run, once; the folder for its files, where there is one.
    fn logged(&mut self, _: &LoggedModel, _: &GroupHead, _: &mut Left) -> anyhow::Result<Option<PathBuf>> {
        Ok(None)
    }
    /// Writes the versions of a registered model that point to what was written.
    fn registered(&mut self, _: &Registered, _: &mut Left) -> anyhow::Result<()> {
        Ok(())
    }
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

/// Enters the job; what can be refused is refused at once.
pub async fn start(engine: &Engine, request: ExportRuns) -> anyhow::Result<Job> {
    let to = PathBuf::from(&request.to);
    let place = tokio::task::spawn_blocking(move || check(&to).map(|()| to)).await??;
    let runs = chosen(engine, &request).await?;
    let tool = match request.format {
        ExportFormat::Mlflow => "for MLflow",
        ExportFormat::Tensorboard => "for TensorBoard",
        ExportFormat::Csv => "as CSV",
        ExportFormat::Parquet => "as Parquet",
    };
    let new = NewJob {
        kind: JobKind::Export,
        title: format!("Export {} {tool}", counted(runs.len() as u64, "run", "runs")),
        project: match request.list.of {
            Scope::Project(project) => Some(project),
            Scope::Experiment(_) | Scope::All => None,
        },
        subject: Subject::None,
        memory_bytes: 0,
        request: retry_with(&request),
    };
    engine.jobs().start(engine, new, move |context| in_job(context, request, runs, place)).await
}

/// A folder that is not there, or an empty one, in a folder that is there.
fn check(to: &Path) -> anyhow::Result<()> {
    if !to.is_absolute() {
        bail!(
            ApiError::invalid(format!("\"{}\" is not a whole path.", to.display())).with_hint("Start it at the root.")
        );
    }
    let parent = to.parent().filter(|parent| parent.is_dir());
    if parent.is_none() || to.file_name().is_none() {
        let parent = to.parent().unwrap_or(to);
        bail!(ApiError::not_found(format!("There is no folder {}.", parent.display())).with_hint("Check the path."));
    }
    let Ok(there) = to.symlink_metadata() else { return Ok(()) };
    let is_empty = there.is_dir() && fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_none());
    if is_empty { Ok(()) } else { Err(taken(to).into()) }
}

fn taken(to: &Path) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{} is there already and is no empty folder.", to.display()))
        .with_hint("Name a new folder: nothing that is there is replaced.")
}

/// The runs in their order.
async fn chosen(engine: &Engine, request: &ExportRuns) -> anyhow::Result<Vec<RunId>> {
    let of = request.list.of;
    let filter = meant::filter(engine, of, &request.list.filter).await?;
    let orders = meant::orders(request.list.sort.as_deref(), request.list.descending);
    let orders = meant::or_meant(engine, of, orders).await?;
    let (list, board) = (request.list.clone(), engine.clone());
    let (asked, _asking) = engine.board().ask();
    let all = engine.store().read(move |c| {
        let orders = orders.map_or_else(|| table::ranked(c, list.of), Ok)?;
        board.board().page(c, &asked, &table::query(c, &list, filter, orders, 0, u64::from(u32::MAX))?)
    });
    let mut runs = all.await?.runs;
    if !request.runs.is_empty() {
        let wanted: std::collections::HashSet<RunId> = request.runs.iter().copied().collect();
        runs.retain(|run| wanted.contains(run));
        if runs.len() < wanted.len() {
            let gone = wanted.len() - runs.len();
            bail!(
                ApiError::not_found(format!("{} not in this list.", counted(gone as u64, "run is", "runs are")))
                    .with_hint("They were deleted or moved, or the filter leaves them out: choose them again.")
            );
        }
    }
    if runs.is_empty() {
        bail!(ApiError::not_found("No run matches, so there is nothing to export.").with_hint("Change the filter."));
    }
    Ok(runs)
}

async fn in_job(context: JobContext, request: ExportRuns, runs: Vec<RunId>, place: PathBuf) -> anyhow::Result<String> {
    let (engine, handle) = (context.engine().clone(), Handle::current());
    let count = runs.len() as u64;
    let shown = place.display().to_string();
    let left = context.blocking(move |tell| Exporting { engine, handle, request, runs, place }.write(tell)).await?;
    for sentence in &left.said {
        context.log(sentence.clone());
    }
    if left.count > left.said.len() as u64 {
        context.log(format!("… and {} more", thousands(left.count - left.said.len() as u64)));
    }
    let apart = match left.count {
        0 => String::new(),
        count => {
            format!("; {} left out or changed, which the job's log names", counted(count, "thing was", "things were"))
        }
    };
    Ok(format!("{} in {shown}{apart}", counted(count, "run", "runs")))
}

struct Exporting {
    engine: Engine,
    handle: Handle,
    request: ExportRuns,
    runs: Vec<RunId>,
    place: PathBuf,
}

impl Exporting {
    /// Writes beside the place and moves it there once it is whole.
    fn write(self, tell: Tell<'_, Step>) -> anyhow::Result<Left> {
        let parent = self.place.parent().context("find the folder for the export")?;
        let half = Half::begin(parent, &self.engine.workspace().halves())?;
        let folder = half.path().join("export");
        fs::create_dir(&folder).with_context(|| format!("make the folder {}", folder.display()))?;
        let mut form: Box<dyn Form> = match self.request.format {
            ExportFormat::Mlflow => Box::new(file_store::FileStoreForm::new(&folder, &self.place)?),
            ExportFormat::Tensorboard => Box::new(event_files::EventFiles::new(&folder)),
            ExportFormat::Csv => Box::new(tables::Tables::csv(&folder, self.keys(tell)?)?),
            ExportFormat::Parquet => Box::new(tables::Tables::parquet(&folder, self.keys(tell)?)?),
        };
        let mut left = Left::default();
        let all = self.runs.len();
        for (at, run) in self.runs.iter().enumerate() {
            let mut step = |within: f64, of: &str| {
                let message = format!("Writes run {} of {}{of}", thousands(at as u64 + 1), thousands(all as u64));
                let fraction = (at as f64 + within) / all as f64;
                if tell(Step { fraction, message }).is_break() { Err(cancelled()) } else { Ok(()) }
            };
            step(0.0, "")?;
            self.run(*run, form.as_mut(), &mut left, &mut step)?;
        }
        if self.request.models {
            let message = "Writes the registered versions".to_owned();
            if tell(Step { fraction: 1.0, message }).is_break() {
                bail!(cancelled());
            }
            for model in self.read(registry::all)? {
                form.registered(&model, &mut left)?;
            }
        }
        form.finish()?;
        left.say_elsewhere();
        // What came to stand there meanwhile stays.
        check(&self.place)?;
        if self.place.exists() {
            fs::remove_dir(&self.place).map_err(|_| taken(&self.place))?;
        }
        fs::rename(&folder, &self.place).with_context(|| format!("name the folder {}", self.place.display()))?;
        Ok(left)
    }

    fn run(
        &self,
        id: RunId,
        form: &mut dyn Form,
        left: &mut Left,
        step: &mut dyn FnMut(f64, &str) -> Result<(), ApiError>,
    ) -> anyhow::Result<()> {
        let told = self.read(move |c| {
            let Some(row) = store::run::get(c, id)? else { return Ok(None) };
            let group = group_of(c, row.run.experiment)?;
            let is_elsewhere = elsewhere::of(c, &row)?.is_some();
            Ok(Some((row, is_elsewhere, group, store::run_input::of_run(c, id)?, models::Named::of(c, id)?)))
        })?;
        let Some((row, is_elsewhere, group, inputs, models)) = told else {
            left.say(format!("The run {id} was deleted meanwhile."));
            return Ok(());
        };
        let told = Told { run: row.run.clone(), group, inputs, models };
        form.begin(&told, left)?;
        for metric in &row.run.metrics {
            self.series(id, metric, &row.run, form, left, step)?;
        }
        if self.request.artifacts {
            // A form that takes no artifacts has none of those that lie here either.
            left.elsewhere += u64::from(is_elsewhere && form.artifact("").is_some());
            self.artifacts(&row, form, left, step)?;
        }
        self.media(&row, &told, form, left, step)?;
        form.end()?;
        if self.request.format == ExportFormat::Mlflow {
            told.models.all.iter().try_for_each(|model| self.logged(model, form, left, step))?;
        }
        Ok(())
    }

    fn logged(
        &self,
        id: &str,
        form: &mut dyn Form,
        left: &mut Left,
        step: &mut dyn FnMut(f64, &str) -> Result<(), ApiError>,
    ) -> anyhow::Result<()> {
        let wanted = id.to_owned();
        let found = self.read(move |c| {
            let Some(model) = store::logged_model::get(c, &wanted)? else { return Ok(None) };
            let group = group_of(c, model.experiment)?;
            Ok(Some((model, group, store::logged_model::artifacts(c, &wanted)?)))
        })?;
        // What a client deleted is of no run any more.
        let Some((model, group, elsewhere)) = found.filter(|(model, ..)| model.deleted_ms.is_none()) else {
            return Ok(());
        };
        step(0.9, &format!(", {}", model.name))?;
        match form.logged(&model, &group, left)? {
            Some(to) if self.request.artifacts => {
                models::copy(&models::folder(&self.engine, id, elsewhere), &to, &model.name, left)
            }
            _ => Ok(()),
        }
    }

    fn series(
        &self,
        id: RunId,
        metric: &api::run::MetricSummary,
        run: &Run,
        form: &mut dyn Form,
        left: &mut Left,
        step: &mut dyn FnMut(f64, &str) -> Result<(), ApiError>,
    ) -> anyhow::Result<()> {
        let key = metric.key.clone();
        let Some((number, count)) = self.read(move |c| store::metric::find(c, id, &key))? else { return Ok(()) };
        if count == 0 {
            // A figure that is of no step, as what is measured once.
            let time_ms = run.ended_ms.or(run.started_ms).unwrap_or(run.created_ms);
            return form.points(&metric.key, &[Point { step: metric.step, time_ms, value: metric.last }], left);
        }
        let mut done = 0;
        while done < count {
            let points = self.read(move |c| store::points::raw_points(c, number, done, PIECE))?;
            if points.is_empty() {
                break;
            }
            form.points(&metric.key, &points, left)?;
            done += points.len() as u64;
            step(0.0, &format!(", {} {} of {}", metric.key, thousands(done), thousands(count)))?;
        }
        Ok(())
    }

    /// Copies what lies in the run's folder; a link that took the place of something leads nowhere.
    fn artifacts(
        &self,
        row: &RunRow,
        form: &dyn Form,
        left: &mut Left,
        step: &mut dyn FnMut(f64, &str) -> Result<(), ApiError>,
    ) -> anyhow::Result<()> {
        let folder = self.engine.workspace().run(row.run.id);
        for artifact in artifacts_of(row, &folder) {
            let Some(to) = form.artifact(artifact.path.strip_prefix("artifacts/").unwrap_or(&artifact.path)) else {
                return Ok(());
            };
            step(0.5, &format!(", {}", artifact.path))?;
            let opened = open_artifact(row, &folder, &artifact.path);
            let (Ok(mut opened), false) = (opened, to.exists()) else {
                left.say(format!(
                    "{}: the artifact {} can't be read, or lies there twice.",
                    row.run.name, artifact.path
                ));
                continue;
            };
            let writing = || format!("write {}", to.display());
            let folder = to.parent().with_context(writing)?;
            match fs::create_dir_all(folder) {
                Err(_) if file_store::stands_in_the_way(folder) => {
                    left.say(format!("{}: a file stands where the artifact {} belongs.", row.run.name, artifact.path));
                    continue;
                }
                made => made.with_context(writing)?,
            }
            let mut file = fs::File::create_new(&to).with_context(writing)?;
            std::io::copy(&mut opened, &mut file).with_context(writing)?;
        }
        Ok(())
    }

    /// What the runs have, sorted: the columns of a table.
    fn keys(&self, tell: Tell<'_, Step>) -> anyhow::Result<tables::Keys> {
        let mut keys = tables::Keys::default();
        for (at, ids) in self.runs.chunks(500).enumerate() {
            let message = format!("Looks what {}", counted(self.runs.len() as u64, "run has", "runs have"));
            if at > 0 && tell(Step { fraction: 0.0, message }).is_break() {
                bail!(cancelled());
            }
            let ids = ids.to_vec();
            // One after the other: a run may have tens of thousands of them.
            keys = self.read(move |c| {
                for id in ids {
                    if let Some(row) = store::run::get(c, id)? {
                        keys.add(&row.run);
                    }
                }
                Ok(keys)
            })?;
        }
        Ok(keys)
    }

    /// Reads from a thread that may wait.
    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&store::Connection) -> store::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        Ok(self.handle.block_on(self.engine.store().read(work))?)
    }
}
