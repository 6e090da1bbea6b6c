//! Starting and resuming a training: snapshot, split, plan, worker.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, PROTOCOL, ProjectId, RunId, SnapshotId,
    config::{ColumnType, DataKind, ProjectFile, TrainingConfig},
    dataset::Role,
    evaluation::{Task, is_same_class, usual_positive},
    event::Tag,
    job::{Job, JobKind, Subject},
    run::{ResumeRun, Run, RunKind, RunState, StartRun},
    worker::{Device, Plan, PlanColumn, PlanData},
};
use data::{column::Values, table};
use store::{run::RunRow, snapshot::SnapshotRow, spending::Spending, split::SplitRow};

use super::{command, memory, name, process, spending, split, supervise, uncommitted};
use crate::{
    Engine, folder, hardware,
    jobs::{JobContext, NewJob, retry_with},
    project, project_file,
    run::{self, Lists},
    search::gpus::{self, Place},
    snapshot,
};

/// Enters a training into the queue.
pub async fn start(engine: &Engine, request: StartRun) -> anyhow::Result<Job> {
    let id = RunId::from_bytes(engine.new_id());
    start_as(engine, request, id, Vec::new()).await
}

/// The same as the run of this id, with these tags.
pub(crate) async fn start_as(
    engine: &Engine,
    request: StartRun,
    id: RunId,
    tags: Vec<(String, String)>,
) -> anyhow::Result<Job> {
    // Its folder is another's.
    if engine.store().read(move |c| store::run::bare(c, id)).await?.is_some() {
        bail!(stands(id));
    }
    let (project, seen) = folder::look(engine, request.project).await?;
    // A named snapshot needs neither the folder nor what its file says now: the last good one is in force.
    let taken = match request.snapshot {
        Some(snapshot) => Some(own_snapshot(engine, project.id, snapshot).await?),
        None => None,
    };
    if taken.is_none() {
        if let Some(reason) = seen.missing {
            bail!(
                ApiError::not_found(reason)
                    .with_hint("Bring the folder back, open the project where it is now, or train on a snapshot.")
            );
        }
        if let Some(error) = seen.file_error {
            bail!(error);
        }
    }
    let file = &project.file;
    if file.data.target.is_none() && file.data.kind == DataKind::Table {
        bail!(ApiError::invalid("The project names no target to predict.").with_hint(
            "Choose it on the Data page, or with `slipway project edit data.target=COLUMN`. A program is tracked \
                     with `slipway exec -- COMMAND`."
        ));
    }
    let training = request.training.clone().unwrap_or_else(|| file.training.clone());
    project_file::check_training(&training)?;
    if let Some(name) = &request.name {
        name::check(name)?;
    }
    let mut row = command::new_row(engine, project.id, id, request.name.clone(), (RunKind::Training, &tags)).await?;
    row.run.alert = request.alert;
    row.run.code = command::code(Path::new(&project.path)).await;
    row.run.seed = Some(training.seed);
    row.run.snapshot = request.snapshot;
    row.model = Some(word(&training.model.on(file.data.kind)));
    let spending = Spending::new(spending::terms_with(engine, request.budget.clone(), &file.budget).await?);
    // A folder whose row is not there yet is no garbage.
    let gate = engine.hold_blobs().await;
    let folder = engine.workspace().run(id);
    tokio::fs::create_dir_all(folder.join("artifacts"))
        .await
        .with_context(|| format!("make the folder {}", folder.display()))?;
    if let Some(patch) = uncommitted::taken(Path::new(&project.path), row.run.code.as_ref()).await {
        let workspace = engine.workspace().clone();
        tokio::task::spawn_blocking(move || uncommitted::keep(&workspace, id, &patch))
            .await?
            .context("keep what was not committed")?;
    }
    let memory_bytes = match &taken {
        Some(taken) => memory::of_snapshot(engine, &training, taken).await,
        None => {
            let files = memory::Files { kind: file.data.kind, count: seen.files, bytes: seen.size_bytes };
            memory::of_start(engine, project.id, &training, files).await?
        }
    };
    // The settings of this moment, also if the run waits in the queue.
    write_json(folder.join("request.json"), Requested { file: file.clone(), training }).await?;
    let name = row.run.name.clone();
    let lists = Lists::of(&row.run);
    let entered = row.clone();
    let refused = engine.store().write(move |tx| {
        if store::run::bare(tx, id)?.is_some() {
            return Err(stands(id).into());
        }
        let refused = answered(tx, &entered.run)?;
        if refused.is_none() {
            store::run::put(tx, &entered)?;
            for (key, value) in &tags {
                store::tag::put(tx, id, key, value)?;
            }
            store::spending::put(tx, id, &spending, entered.run.created_ms)?;
        }
        Ok(refused)
    });
    if let Some(refused) = refused.await? {
        let _ = tokio::fs::remove_dir_all(&folder).await;
        bail!(refused);
    }
    drop(gate);
    let new = NewJob {
        kind: JobKind::Train,
        title: format!("Train {name}"),
        project: Some(project.id),
        subject: Subject::Run(id),
        memory_bytes,
        request: retry_with(&request),
    };
    let job = engine.jobs().start(engine, new, move |context| train(context, id)).await?;
    link_job(engine, id, job.id).await?;
    run::announce(engine, id, lists);
    Ok(job)
}

fn stands(id: RunId) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("The run {id} was started already."))
}

async fn own_snapshot(engine: &Engine, project: ProjectId, id: SnapshotId) -> anyhow::Result<SnapshotRow> {
    let row = snapshot::find(engine, id).await?;
    let dataset = engine.store().read(move |c| store::dataset::of_project(c, project)).await?;
    if dataset.is_none_or(|dataset| dataset.id != row.snapshot.dataset) {
        bail!(ApiError::not_found(format!("Snapshot v{} is of another project's data.", row.snapshot.number)));
    }
    Ok(row)
}

/// Why a run can't be the answer to the alert that it names: the alert is another project's, or has one that goes on
/// or went well.
fn answered(tx: &store::Transaction<'_>, run: &Run) -> store::Result<Option<ApiError>> {
    let Some(alert) = run.alert else { return Ok(None) };
    let Some(alert) = store::alert::get(tx, alert)?.filter(|alert| Some(alert.project) == run.project) else {
        return Ok(Some(ApiError::not_found("The project has no such alert.")));
    };
    let Some(id) = alert.run else { return Ok(None) };
    let earlier = store::run::bare(tx, id)?.filter(|row| !matches!(row.run.state, RunState::Failed | RunState::Killed));
    Ok(earlier.map(|row| {
        let name = row.run.name;
        ApiError::new(ErrorCode::Conflict, format!("A retraining was started from this alert already: {name}."))
            .with_hint(format!("See `slipway run show {id}`."))
    }))
}

/// What a queued run was asked with.
#[derive(serde::Serialize, serde::Deserialize)]
struct Requested {
    file: ProjectFile,
    training: TrainingConfig,
}

async fn link_job(engine: &Engine, id: RunId, job: api::JobId) -> anyhow::Result<()> {
    engine
        .store()
        .write(move |tx| {
            if let Some(mut row) = store::run::bare(tx, id)? {
                row.run.job = Some(job);
                store::run::put(tx, &row)?;
            }
            Ok(())
        })
        .await?;
    engine.changed(Tag::Run(id));
    Ok(())
}

/// The work of a training's job: prepares what is not prepared, then follows the worker. Taken up
/// again after a crash, it goes on where the run is.
pub(crate) async fn train(context: JobContext, id: RunId) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    let row = run::find(&engine, id).await?;
    let plan = engine.workspace().run(id).join("plan.json");
    if row.pid.is_none() {
        // What was prepared once stays as it is: a resumed run trains on the rows that it began with.
        if row.run.split.is_some() && plan.is_file() {
            return go_on(context, id, read_json(plan).await?).await;
        }
        let prepared = async {
            context.check()?;
            prepare(&context, &row).await
        };
        return follow(&context, id, prepared.await).await;
    }
    supervise::follow_in_job(&context, id).await
}

/// Follows a worker that was started; its GPU is its own until it is over.
async fn follow(context: &JobContext, id: RunId, started: anyhow::Result<Option<Place>>) -> anyhow::Result<String> {
    match started {
        Ok(_place) => supervise::follow_in_job(context, id).await,
        Err(failure) => not_started(context.engine(), id, failure).await,
    }
}

/// Ends a run whose worker never ran, unless this process is only closing.
async fn not_started(engine: &Engine, id: RunId, failure: anyhow::Error) -> anyhow::Result<String> {
    if !crate::error::is_closed(&failure) {
        supervise::fail_before_start(engine, id, &crate::error::told(&failure)).await?;
    }
    Err(failure)
}

/// Takes the snapshot, splits, writes the plan and starts the worker.
async fn prepare(context: &JobContext, row: &RunRow) -> anyhow::Result<Option<Place>> {
    let engine = context.engine();
    let id = row.run.id;
    let run_folder = engine.workspace().run(id);
    let requested: Requested = read_json(run_folder.join("request.json")).await?;
    let file = requested.file;
    let mut project = project::find(engine, run::project_of(&row.run)?).await?;
    project.file = file.clone();
    let taken = match row.run.snapshot {
        Some(snapshot) => snapshot::find(engine, snapshot).await?,
        None => {
            let mut report = context.reporter(0.08);
            let (taken, _) = snapshot::take(engine, &project, None, &mut report).await?;
            snapshot::find(engine, taken.id).await?
        }
    };
    let mut report = context.reporter(0.08);
    // A training is not begun on rows whose files can't be found again.
    snapshot::referenced::check(engine, &taken, &mut report).await?;
    snapshot::cache::ready(engine, &taken, &mut report).await?;
    context.check()?;
    context.progress(0.08, "Splits the rows");
    let assigned = split::of(engine, project.id, &file, &taken).await?;
    assigned.remarks.iter().for_each(|remark| context.log(remark.clone()));
    context.check()?;
    context.progress(0.09, "Writes the plan");
    let (plan, program) = plan(engine, row, &file, &requested.training, &taken, &assigned, &run_folder).await?;
    let (snapshot_id, split_id, seed) = (taken.snapshot.id, assigned.id, plan.training.seed);
    let device = plan.training.device;
    write_json(run_folder.join("plan.json"), plan).await?;
    // Before the worker starts: whoever finds it after a crash needs to know only which process it is.
    engine
        .store()
        .write(move |tx| {
            let Some(mut row) = store::run::bare(tx, id)? else {
                return Err(ApiError::not_found(format!("There is no run {id} any more.")).into());
            };
            (row.run.snapshot, row.run.split) = (Some(snapshot_id), Some(split_id));
            row.run.seed = Some(seed);
            store::run::put(tx, &row)
        })
        .await?;
    spawn(engine, id, program.path, device).await
}

/// Starts a worker on a folder whose plan is written, and enters its process.
async fn spawn(engine: &Engine, id: RunId, program: PathBuf, device: Device) -> anyhow::Result<Option<Place>> {
    let folder = engine.workspace().run(id);
    let place = match device {
        Device::Cuda => gpus::of_training(engine).await,
        _ => None,
    };
    let variables = place.as_ref().map(Place::variables).unwrap_or_default();
    let spawned = tokio::task::spawn_blocking(move || {
        // A stop that was asked of an earlier worker is not meant for this one.
        match std::fs::remove_file(folder.join("control")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("clear the run's control file")
            }
            _ => process::spawn(&program, &folder, &variables),
        }
    });
    let (mut child, process) = spawned.await??;
    let now_ms = engine.now_ms();
    let written = engine
        .store()
        .write(move |tx| {
            let Some(mut row) = store::run::bare(tx, id)? else {
                return Err(ApiError::not_found(format!("There is no run {id} any more.")).into());
            };
            row.run.state = RunState::Running;
            row.run.started_ms = row.run.started_ms.or(Some(now_ms));
            (row.run.ended_ms, row.run.ended_because, row.run.exit_code) = (None, None, None);
            row.run.resumable = false;
            (row.pid, row.pid_started_ms) = (Some(process.pid), Some(process.started_ms));
            store::run::put(tx, &row)?;
            spending::begin(tx, id, now_ms)?;
            Ok(Lists::of(&row.run))
        })
        .await;
    // Buried as soon as it ends, so that its pid is seen to be gone.
    std::thread::spawn(move || child.wait());
    run::announce(engine, id, written?);
    Ok(place)
}

/// Starts a new worker on the same folder and plan.
pub async fn resume(engine: &Engine, request: ResumeRun) -> anyhow::Result<Job> {
    let id = request.run;
    let row = run::find(engine, id).await?;
    let under_way = || ApiError::new(ErrorCode::Conflict, format!("{} is under way.", row.run.name));
    if !row.run.state.is_over() {
        bail!(under_way());
    }
    if row.run.deleted_ms.is_some() {
        bail!(deleted(&row.run));
    }
    if !row.run.resumable {
        bail!(
            ApiError::new(
                ErrorCode::Conflict,
                format!("{} can't be resumed: it has no checkpoint to go on from.", row.run.name)
            )
            .with_hint("Start a new run.")
        );
    }
    let plan: Plan = read_json(engine.workspace().run(id).join("plan.json")).await?;
    let memory_bytes = match row.run.snapshot {
        Some(taken) => memory::of_snapshot(engine, &plan.training, &snapshot::find(engine, taken).await?).await,
        None => {
            let files = memory::Files { kind: plan.data.kind, count: plan.data.images.len() as u64, bytes: 0 };
            memory::of_start(engine, run::project_of(&row.run)?, &plan.training, files).await?
        }
    };
    let new = NewJob {
        kind: JobKind::Train,
        title: format!("Resume {}", row.run.name),
        project: row.run.project,
        subject: Subject::Run(id),
        memory_bytes,
        request: retry_with(&request),
    };
    // What the folder's file says now: who resumes a run that its budget stopped has raised it there.
    let (project, seen) = folder::look(engine, run::project_of(&row.run)?).await?;
    if let Some(error) = seen.file_error {
        bail!(error);
    }
    let spending = spending::renewed(engine, &row.run, &request.budget, &project.file.budget).await?;
    let now_ms = engine.now_ms();
    // Queued before its job is, so that a crash in between leaves nothing that looks alive. Of two that
    // resume it at once one is refused: two workers would write into one folder.
    let ours = engine
        .store()
        .write(move |tx| {
            let can_go_on = |row: &RunRow| row.run.state.is_over() && row.run.resumable;
            let Some(mut row) = store::run::bare(tx, id)?.filter(can_go_on) else {
                return Ok(false);
            };
            if row.run.deleted_ms.is_some() {
                return Err(deleted(&row.run).into());
            }
            row.run.state = RunState::Queued;
            (row.pid, row.pid_started_ms) = (None, None);
            store::run::put(tx, &row)?;
            store::spending::put(tx, id, &spending, now_ms)?;
            Ok(true)
        })
        .await?;
    if !ours {
        bail!(under_way());
    }
    let job = engine.jobs().start(engine, new, move |context| go_on(context, id, plan)).await?;
    link_job(engine, id, job.id).await?;
    run::announce(engine, id, Lists::of(&row.run));
    Ok(job)
}

/// No list shows it: it would train unseen.
fn deleted(run: &Run) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{} is deleted.", run.name))
        .with_hint(format!("Bring it back first: `slipway run restore {}`.", run.id))
}

async fn go_on(context: JobContext, id: RunId, plan: Plan) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    let (kind, device) = (plan.data.kind, plan.training.device);
    let started = async {
        context.check()?;
        let (_, program) = hardware::settle(&engine, device, plan.training.model, kind, 0).await?;
        restore_data(&context, id, plan).await?;
        spawn(&engine, id, program.path, device).await
    };
    follow(&context, id, started.await).await
}

/// The plan names files of the cache, which may have been emptied since, and referenced images, which may
/// have changed or moved. A referenced table that changed is no hindrance: its rows are in the cache.
async fn restore_data(context: &JobContext, id: RunId, mut plan: Plan) -> anyhow::Result<()> {
    let engine = context.engine();
    let Some(taken) = run::find(engine, id).await?.run.snapshot else { return Ok(()) };
    let taken = snapshot::find(engine, taken).await?;
    let mut report = context.reporter(0.08);
    if taken.config.kind == DataKind::Images {
        snapshot::referenced::check(engine, &taken, &mut report).await?;
    }
    snapshot::cache::ready(engine, &taken, &mut report).await?;
    if taken.config.kind == DataKind::Images {
        let (folder, images) = snapshot::cache::pictures(engine, &taken).await?;
        let folder = Some(folder.to_string_lossy().into_owned());
        // The project's folder moved since, or an older Slipway named kept images where they came from.
        if (&plan.data.folder, &plan.data.images) != (&folder, &images) {
            (plan.data.folder, plan.data.images) = (folder, images);
            write_json(engine.workspace().run(id).join("plan.json"), plan).await?;
        }
    }
    Ok(())
}

async fn plan(
    engine: &Engine,
    row: &RunRow,
    file: &ProjectFile,
    training: &TrainingConfig,
    taken: &SnapshotRow,
    assigned: &SplitRow,
    run_folder: &Path,
) -> anyhow::Result<(Plan, crate::WorkerProgram)> {
    let kind = taken.config.kind;
    let parts = run_folder.join("parts");
    split::write_parts(engine, assigned, parts.clone()).await?;
    let parquet = snapshot::cache::table(engine, taken).await?;
    let target = match (&file.data.target, kind) {
        (Some(target), _) => target.clone(),
        (None, DataKind::Images) => "class".to_owned(),
        (None, DataKind::Table) => bail!(ApiError::invalid("The project names no target.")),
    };
    let (folder, images) = match kind {
        DataKind::Table => (None, Vec::new()),
        DataKind::Images => {
            let (folder, images) = snapshot::cache::pictures(engine, taken).await?;
            (Some(folder.to_string_lossy().into_owned()), images)
        }
    };
    let (task, values) = match kind {
        DataKind::Table => {
            let (path, column) = (parquet.clone(), target.clone());
            tokio::task::spawn_blocking(move || task_of(&path, &column)).await??
        }
        DataKind::Images => {
            let classes: BTreeSet<String> = images.iter().map(|(_, class)| class.clone()).collect();
            let task = if classes.len() > 2 { Task::MulticlassClassification } else { Task::BinaryClassification };
            (task, classes)
        }
    };
    let positive = positive_of(file.data.positive.as_deref(), &target, &values)?;
    let cells = taken.snapshot.rows * u64::from(taken.snapshot.columns);
    let model = training.model.on(kind);
    let (device, program) = hardware::settle(engine, training.device, model, kind, cells).await?;
    let threads = match training.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let columns = taken
        .columns
        .iter()
        .map(|column| PlanColumn {
            name: column.name.clone(),
            kind: column.kind,
            role: if column.name == target { Role::Target } else { data::column::role(&column.name, &file.data) },
            sensitive: file.data.sensitive.contains(&column.name),
        })
        .collect();
    let plan = Plan {
        protocol: PROTOCOL,
        run: row.run.id,
        project: project::name_of(file, Path::new(&taken.root)),
        task,
        data: PlanData {
            kind,
            parquet: (kind == DataKind::Table).then(|| parquet.to_string_lossy().into_owned()),
            folder,
            images,
            parts: parts.to_string_lossy().into_owned(),
        },
        columns,
        target,
        positive,
        training: TrainingConfig { model, device, threads, ..training.clone() },
        evaluation: file.evaluation.clone(),
        lineage: lineage(engine, row, taken, training),
    };
    Ok((plan, program))
}

fn lineage(engine: &Engine, row: &RunRow, taken: &SnapshotRow, training: &TrainingConfig) -> BTreeMap<String, String> {
    let mut lineage = BTreeMap::from([
        ("run".to_owned(), row.run.id.to_string()),
        ("run_name".to_owned(), row.run.name.clone()),
        ("snapshot".to_owned(), taken.snapshot.content.clone()),
        ("snapshot_number".to_owned(), taken.snapshot.number.to_string()),
        ("seed".to_owned(), training.seed.to_string()),
        ("slipway".to_owned(), engine.options().version.clone()),
    ]);
    if let Some(code) = &row.run.code {
        lineage.insert("commit".to_owned(), code.commit.clone());
        lineage.insert("dirty".to_owned(), code.dirty.to_string());
    }
    lineage
}

/// The positive class: what the project's file names, which must be there, or the usual one of two values.
fn positive_of(named: Option<&str>, target: &str, values: &BTreeSet<String>) -> Result<Option<String>, ApiError> {
    let two = match Vec::from_iter(values)[..] {
        [one, other] => Some((one, other)),
        _ => None,
    };
    let Some(named) = named else {
        return Ok(two.map(|(one, other)| usual_positive(one, other).to_owned()));
    };
    let has = match two {
        Some((one, other)) if is_same_class(one, named) || is_same_class(other, named) => {
            return Ok(Some(named.to_owned()));
        }
        Some((one, other)) => format!("has the values \"{one}\" and \"{other}\""),
        None => "does not have two values".to_owned(),
    };
    Err(ApiError::new(
        ErrorCode::InvalidProjectFile,
        format!("`data.positive` is \"{named}\", but \"{target}\" {has}."),
    )
    .with_hint(match two {
        Some(_) => "Set it to one of them in the project's settings, or leave it empty.",
        None => "Leave it empty in the project's settings: a positive class is one of two.",
    }))
}

/// What the target's values make of the task, and those values (of a regression only the first many).
fn task_of(parquet: &Path, target: &str) -> anyhow::Result<(Task, BTreeSet<String>)> {
    let mut values = BTreeSet::new();
    let mut kind = ColumnType::Text;
    for batch in table::batches(parquet, Some(&[target])).map_err(ApiError::from)? {
        let batch = batch.map_err(ApiError::from)?;
        kind = data::column::kind(batch.schema().field(0));
        let column = Values::of(batch.column(0)).with_context(|| format!("read the column {target}"))?;
        for row in 0..batch.num_rows() {
            if let Some(text) = column.text(row) {
                values.insert(text);
            }
        }
        if values.len() > 100_000 {
            break;
        }
    }
    Ok((data::column::task(kind, values.len() as u64), values))
}

/// The word of an enum on the wire.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

async fn write_json<T: serde::Serialize + Send + 'static>(path: PathBuf, value: T) -> anyhow::Result<()> {
    let write = move || {
        let folder = path.parent().context("find the run's folder")?;
        let mut file = tempfile::NamedTempFile::new_in(folder).with_context(|| format!("write {}", path.display()))?;
        serde_json::to_writer_pretty(&mut file, &value)?;
        file.as_file().sync_all().with_context(|| format!("write {}", path.display()))?;
        file.persist(&path).map_err(|error| error.error).with_context(|| format!("write {}", path.display()))?;
        Ok(())
    };
    tokio::task::spawn_blocking(write).await?
}

async fn read_json<T: serde::de::DeserializeOwned + Send + 'static>(path: PathBuf) -> anyhow::Result<T> {
    let read = move || {
        let bytes = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display()))
    };
    tokio::task::spawn_blocking(read).await?
}
