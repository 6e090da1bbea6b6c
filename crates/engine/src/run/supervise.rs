//! Reading what a run's process appends, and noticing that it is gone.
//!
//! The file is the truth: rows and the byte offset up to which they were read are committed in one
//! transaction, so that catching up after any crash counts nothing twice. A process is known by pid
//! and start time; one that is gone without a `done` event was killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, PROTOCOL, RunId,
    evaluation::Evaluation,
    event::{Event, NewestPoint, Tag},
    figure,
    project::{Happening, Stage, StationState},
    run::{MACHINE, PACKAGE, RunKind, RunProgress, RunState},
    series::Point,
    spending::ENERGY_JOULES,
    worker::{EventBody, LogLevel, Outcome, WorkerEvent},
};
use store::run::RunRow;

use super::{process as worker, spending};
use crate::{
    Engine, Mode, error,
    jobs::JobContext,
    process::{self, ProcessId},
    run::{self, Lists},
};

/// Between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// Looks between two checks whether the process lives.
const LOOKS_PER_CHECK: u32 = 7;
/// Read at once, so that a long backlog is committed in pieces.
const CHUNK_BYTES: u64 = 1 << 20;
/// Between two looks while the disk is full.
const ROOM_EVERY: Duration = Duration::from_secs(2);
/// The share of a training's job that is done when it is prepared, and when its last step is done.
const PREPARED: f64 = 0.1;
const TRAINED: f64 = 0.95;

/// Metrics of a run that are said to be left out.
const WARNINGS: usize = 20;

/// What one look brought.
struct Look {
    state: RunState,
    progress: Option<RunProgress>,
    /// Bytes are left to read.
    more: bool,
    ended_because: Option<ApiError>,
    logs: Vec<String>,
    /// Why metrics were left out.
    refused: BTreeSet<String>,
}

impl Look {
    /// What is said of metrics for the first time.
    fn warnings(&self, said: &mut BTreeSet<String>) -> Vec<String> {
        let new: Vec<String> =
            self.refused.difference(said).take(WARNINGS.saturating_sub(said.len())).cloned().collect();
        said.extend(new.iter().cloned());
        new
    }
}

/// Follows a run until it is over, as the work of its job; a cancelled job stops the worker.
pub(crate) async fn follow_in_job(context: &JobContext, id: RunId) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    let mut asked = false;
    let mut said = BTreeSet::new();
    let mut budget = spending::Watch::default();
    let mut looks = 0;
    loop {
        let look = match look(&engine, id).await {
            Ok(look) => look,
            Err(failure) if error::is_full(&failure) => {
                without_room(context, id, failure).await?;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        look.warnings(&mut said).into_iter().for_each(|line| context.log(format!("warning: {line}")));
        look.logs.into_iter().for_each(|line| context.log(line));
        if look.state.is_over() {
            return ended(&engine, id, look.state, look.ended_because).await;
        }
        if let Some(progress) = &look.progress {
            let fraction = progress.fraction.map(|fraction| PREPARED + (TRAINED - PREPARED) * fraction);
            context.progress_left(fraction, describe(progress), progress.seconds_left);
        }
        if context.is_cancelled() && !asked {
            worker::ask_to_stop(&engine, &run::find(&engine, id).await?).await?;
            asked = true;
        }
        if !look.more {
            looks += 1;
            if looks % LOOKS_PER_CHECK == 0 {
                bury(&engine, id).await?;
                // One that can't be asked now is asked the next time.
                match budget.check(&engine, id).await {
                    Ok(reason) => reason.into_iter().for_each(|reason| context.log(reason)),
                    Err(error) => tracing::warn!(run = %id, error = format!("{error:#}"), "a budget can't be kept"),
                }
            }
            if asked {
                tokio::time::sleep(LOOK_EVERY).await;
            } else {
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = context.cancelled() => {}
                }
            }
        }
    }
}

/// Waits while nothing can be written. Where the worker has ended too there is nothing to wait for:
/// what it wrote is read once there is room, and the job fails with the reason now.
async fn without_room(context: &JobContext, id: RunId, failure: anyhow::Error) -> anyhow::Result<()> {
    let engine = context.engine();
    let row = run::find(engine, id).await?;
    let worker = row.pid.zip(row.pid_started_ms).map(|(pid, started_ms)| ProcessId { pid, started_ms });
    let alive = match worker {
        Some(worker) => tokio::task::spawn_blocking(move || process::is_alive(worker)).await?,
        None => false,
    };
    if !alive {
        follow_detached(engine, id);
        return Err(failure);
    }
    context.progress(row.run.progress.and_then(|progress| progress.fraction), error::told(&failure).message);
    tokio::time::sleep(ROOM_EVERY).await;
    Ok(())
}

/// Follows a command's run beside whatever else goes on.
pub(crate) fn follow_detached(engine: &Engine, id: RunId) {
    let engine = engine.downgrade();
    tokio::spawn(async move {
        let mut said = BTreeSet::new();
        let mut budget = spending::Watch::default();
        let mut looks: u32 = 0;
        loop {
            let Some(engine) = engine.upgrade() else { return };
            let look = look(&engine, id).await;
            for warning in look.as_ref().map(|look| look.warnings(&mut said)).unwrap_or_default() {
                tracing::warn!(run = %id, "{warning}");
            }
            match look {
                Ok(look) if look.state.is_over() => return,
                Ok(look) if look.more => continue,
                Ok(_) => {}
                Err(failure) if error::is_full(&failure) => {
                    drop(engine);
                    tokio::time::sleep(ROOM_EVERY).await;
                    continue;
                }
                Err(failure) => {
                    if !error::is_closed(&failure) {
                        tracing::warn!(run = %id, error = format!("{failure:#}"), "a run can't be followed");
                    }
                    return;
                }
            }
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(LOOKS_PER_CHECK) {
                if let Err(error) = bury(&engine, id).await {
                    tracing::warn!(run = %id, error = format!("{error:#}"), "a run's process can't be checked");
                }
                if let Err(error) = budget.check(&engine, id).await {
                    tracing::warn!(run = %id, error = format!("{error:#}"), "a budget can't be kept");
                }
            }
            drop(engine);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
}

/// Reads everything that is there now.
pub async fn catch_up(engine: &Engine, id: RunId) -> anyhow::Result<()> {
    while look(engine, id).await?.more {}
    bury(engine, id).await
}

/// Takes up what an earlier process followed: jobs of trainings go on, commands are followed.
pub(crate) async fn after_start(engine: &Engine) -> anyhow::Result<()> {
    let (runs, jobs) = engine.store().read(|c| Ok((store::run::unfinished(c)?, store::job::unfinished(c)?))).await?;
    for row in runs {
        let id = row.run.id;
        if let Err(error) = take_up(engine, row, &jobs).await {
            tracing::error!(run = %id, error = format!("{error:#}"), "a run can't be taken up again");
        }
    }
    // A run that was over when the host died, or is now, ends its job as it ended itself.
    let left = engine.store().read(store::job::unfinished).await?;
    for job in left.into_iter().filter(|row| row.job.kind == api::job::JobKind::Train) {
        let api::job::Subject::Run(id) = job.job.subject else { continue };
        match engine.store().read(move |c| store::run::bare(c, id)).await? {
            None => engine.jobs().fail_interrupted(engine, job).await?,
            Some(row) if row.run.state.is_over() => {
                let result = ended(engine, id, row.run.state, row.run.ended_because).await;
                engine.jobs().end_interrupted(engine, job, result).await?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

async fn take_up(engine: &Engine, row: RunRow, jobs: &[store::job::JobRow]) -> anyhow::Result<()> {
    let id = row.run.id;
    if row.pid.is_none() && row.run.kind == RunKind::Training {
        adopt(engine, id).await?;
    }
    catch_up(engine, id).await?;
    let now = run::find(engine, id).await?;
    if now.run.state.is_over() {
        return Ok(());
    }
    // The newest: a resumed run has had others.
    let own = |job: &&store::job::JobRow| job.job.subject == api::job::Subject::Run(id);
    let job = jobs.iter().filter(own).max_by_key(|job| job.job.created_ms).cloned();
    match (engine.options().mode, now.run.kind, job) {
        (Mode::Host, RunKind::Training, Some(job)) => {
            engine.jobs().resume(engine, job, move |context| run::start::train(context, id)).await?;
            Ok(())
        }
        (_, RunKind::Training, None) if now.pid.is_none() => {
            let error = ApiError::new(ErrorCode::Internal, "Slipway ended before the training started.")
                .with_hint("Start it again.");
            fail_before_start(engine, id, &error).await
        }
        // One command follows nothing; the next host does.
        (Mode::Once, RunKind::Training, Some(job)) if now.pid.is_none() => {
            engine.jobs().leave_waiting(engine, job).await
        }
        (Mode::Once, ..) => Ok(()),
        (Mode::Host, ..) => {
            follow_detached(engine, id);
            Ok(())
        }
    }
}

/// Enters a worker that was started, and whose host died before it could write down which one it is.
async fn adopt(engine: &Engine, id: RunId) -> anyhow::Result<()> {
    let folder = engine.workspace().run(id);
    let Some(found) = tokio::task::spawn_blocking(move || process::started_on(&folder)).await? else { return Ok(()) };
    engine
        .store()
        .write(move |tx| {
            let Some(mut row) = store::run::bare(tx, id)? else { return Ok(()) };
            row.run.state = RunState::Running;
            row.run.started_ms = row.run.started_ms.or(Some(found.started_ms));
            (row.pid, row.pid_started_ms) = (Some(found.pid), Some(found.started_ms));
            spending::begin(tx, id, found.started_ms)?;
            store::run::put(tx, &row)
        })
        .await?;
    Ok(())
}

/// Reads a piece of the file and commits it.
async fn look(engine: &Engine, id: RunId) -> anyhow::Result<Look> {
    let row = engine.store().read(move |c| store::run::bare(c, id)).await?;
    let row = row.ok_or_else(|| crate::error::missing("run", id))?;
    let folder = engine.workspace().run(id);
    let offset = row.events_offset;
    let of = folder.clone();
    let read = tokio::task::spawn_blocking(move || {
        let piece = read_lines(&of.join("events.jsonl"), offset)?;
        anyhow::Ok(piece.map(|piece| (piece, has_checkpoint(&of))))
    });
    let Some((piece, has_checkpoint)) = read.await?? else {
        return Ok(Look {
            state: row.run.state,
            progress: row.run.progress,
            more: false,
            ended_because: row.run.ended_because,
            logs: Vec::new(),
            refused: BTreeSet::new(),
        });
    };
    let now_ms = engine.now_ms();
    let evaluation = match piece.events.iter().any(|event| matches!(event.body, EventBody::Evaluated { .. })) {
        true => read_evaluation(&folder).await,
        false => None,
    };
    let (end, more) = (piece.end, piece.more);
    let (logs, refused) = (logs(&piece.events), refused(&piece.events));
    let events = piece.events;
    let told = engine
        .store()
        .write(move |tx| commit(tx, id, offset, end, &events, evaluation.as_ref(), has_checkpoint, now_ms))
        .await?;
    announce(engine, id, &told);
    Ok(Look {
        state: told.row.run.state,
        progress: told.row.run.progress,
        more,
        ended_because: told.row.run.ended_because,
        logs,
        refused,
    })
}

/// A key that MLflow's API refuses, by which no client and no filter would find the metric.
fn is_refused(key: &str) -> bool {
    key.is_empty() || key.chars().any(char::is_control)
}

/// Why metrics are left out: the run itself goes on.
fn refused(events: &[WorkerEvent]) -> BTreeSet<String> {
    let why = |event: &WorkerEvent| match &event.body {
        EventBody::Metric { key, .. } if key.is_empty() => Some("Metrics without a key are left out.".to_owned()),
        EventBody::Metric { key, .. } if is_refused(key) => {
            Some(format!("The metric {key:?} is left out: a key has no control characters."))
        }
        _ => None,
    };
    events.iter().filter_map(why).collect()
}

struct Piece {
    events: Vec<WorkerEvent>,
    end: u64,
    more: bool,
}

/// Whole lines from an offset on; a line that is still being written is left for the next look.
fn read_lines(path: &Path, offset: u64) -> anyhow::Result<Option<Piece>> {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let total = file.metadata()?.len();
    if total <= offset {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(CHUNK_BYTES).read_to_end(&mut bytes)?;
    let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') else {
        // A line longer than a piece can't be ours: step over it rather than stand still.
        let stuck = bytes.len() as u64 >= CHUNK_BYTES;
        return Ok(stuck.then(|| Piece { events: Vec::new(), end: offset + bytes.len() as u64, more: true }));
    };
    let end = offset + last as u64 + 1;
    let mut events = Vec::new();
    for line in bytes[..last].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice::<WorkerEvent>(line) {
            Ok(event) if event.v <= PROTOCOL => events.push(event),
            Ok(event) => tracing::warn!(version = event.v, "an event of a newer protocol is passed over"),
            Err(error) => tracing::warn!(path = %path.display(), %error, "a line of a run's events can't be read"),
        }
    }
    Ok(Some(Piece { events, end, more: end < total }))
}

async fn read_evaluation(folder: &Path) -> Option<Evaluation> {
    let bytes = tokio::fs::read(folder.join("evaluation.json")).await.ok()?;
    match serde_json::from_slice(&bytes) {
        Ok(evaluation) => Some(evaluation),
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "an evaluation can't be read");
            None
        }
    }
}

fn logs(events: &[WorkerEvent]) -> Vec<String> {
    let line = |event: &WorkerEvent| match &event.body {
        EventBody::Log { level: LogLevel::Info, message } => Some(message.clone()),
        EventBody::Log { level, message } => {
            Some(format!("{}: {message}", if *level == LogLevel::Warn { "warning" } else { "error" }))
        }
        _ => None,
    };
    events.iter().filter_map(line).collect()
}

struct Told {
    row: RunRow,
    newest: Vec<NewestPoint>,
    /// More than points and progress changed.
    state_changed: bool,
    over: bool,
}

#[expect(clippy::too_many_arguments, reason = "all of it is one commit")]
fn commit(
    tx: &store::Transaction<'_>,
    id: RunId,
    from: u64,
    to: u64,
    events: &[WorkerEvent],
    evaluation: Option<&Evaluation>,
    has_checkpoint: bool,
    now_ms: i64,
) -> store::Result<Told> {
    let Some(mut row) = store::run::bare(tx, id)? else {
        return Err(ApiError::not_found(format!("There is no run {id} any more.")).into());
    };
    let mut told = Told { row: row.clone(), newest: Vec::new(), state_changed: false, over: false };
    if row.events_offset != from {
        // Somebody else read this piece: nothing is counted twice.
        return Ok(told);
    }
    row.events_offset = to;
    let mut points: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
    for event in events {
        match &event.body {
            EventBody::Metric { key, .. } if is_refused(key) => {}
            EventBody::Metric { key, step, value } => {
                points.entry(key).or_default().push(Point { step: *step, time_ms: event.time_ms, value: *value });
            }
            EventBody::Progress { .. } => row.run.progress = Some(progress(&event.body, row.run.progress.as_ref())),
            EventBody::Log { .. } => {}
            body => {
                told.state_changed = true;
                told.over |= matches!(body, EventBody::Done { .. });
                apply(tx, &mut row, event, evaluation, has_checkpoint)?;
            }
        }
    }
    // What it took is told, whoever else measures it.
    let joules = points.get(ENERGY_JOULES).and_then(|new| new.last()).map(|newest| newest.value);
    let by_client: BTreeSet<&str> = row.run.measured_by_client().collect();
    points.retain(|key, _| !by_client.contains(*key));
    for (key, new) in &points {
        let count = store::metric::append(tx, id, key, new)?;
        if let Some(newest) = new.last() {
            let (step, value, time_ms) = (newest.step, newest.value, newest.time_ms);
            told.newest.push(NewestPoint { key: (*key).to_owned(), step, value, time_ms, count });
        }
    }
    spending::settle(tx, &mut row, joules, now_ms)?;
    if told.over {
        happen(tx, &row, now_ms)?;
    }
    store::run::put(tx, &row)?;
    told.row = row;
    Ok(told)
}

fn progress(body: &EventBody, before: Option<&RunProgress>) -> RunProgress {
    let checkpoint_ms = before.and_then(|before| before.checkpoint_ms);
    match body {
        EventBody::Progress { epoch, epochs, step, steps, fraction, seconds_left, rows_per_second, memory_bytes } => {
            RunProgress {
                epoch: *epoch,
                epochs: *epochs,
                step: *step,
                steps: *steps,
                fraction: *fraction,
                seconds_left: *seconds_left,
                rows_per_second: *rows_per_second,
                memory_bytes: *memory_bytes,
                checkpoint_ms,
            }
        }
        _ => RunProgress {
            epoch: None,
            epochs: None,
            step: 0,
            steps: None,
            fraction: None,
            seconds_left: None,
            rows_per_second: None,
            memory_bytes: None,
            checkpoint_ms,
        },
    }
}

/// An event that changes more than points and progress.
fn apply(
    tx: &store::Transaction<'_>,
    row: &mut RunRow,
    event: &WorkerEvent,
    evaluation: Option<&Evaluation>,
    has_checkpoint: bool,
) -> store::Result<()> {
    let id = row.run.id;
    match &event.body {
        EventBody::Started { device, params, .. } => {
            row.run.state = RunState::Running;
            row.run.started_ms = row.run.started_ms.or(Some(event.time_ms));
            row.run.device = Some(device.clone());
            for (key, value) in params {
                store::param::put(tx, id, key, value)?;
            }
            if let Some(model) = params.get("model") {
                row.model = Some(model.clone());
            }
        }
        EventBody::Machine { facts } => {
            let named = facts.iter().map(|(name, fact)| (format!("{MACHINE}{name}"), fact.clone()));
            row.run.environment.extend(named);
        }
        EventBody::Packages { versions } => {
            let environment = &mut row.run.environment;
            // What is told again is all that there is.
            environment.retain(|name, _| !name.starts_with(PACKAGE));
            environment.extend(versions.iter().map(|(name, version)| (format!("{PACKAGE}{name}"), version.clone())));
        }
        EventBody::Checkpoint { .. } => {
            // The step stays that of the last progress, as its share and its time left do.
            let mut now = row.run.progress.clone().unwrap_or_else(|| progress(&event.body, None));
            now.checkpoint_ms = Some(event.time_ms);
            row.run.progress = Some(now);
        }
        EventBody::Evaluated { validation } => {
            for (name, value) in validation {
                store::metric::set_figure(tx, id, &format!("{name}/validation"), *value)?;
            }
            if let Some(evaluation) = evaluation {
                let value = validation.get(&evaluation.primary).copied().filter(|value| value.is_finite());
                row.ranked = Some((format!("{}/validation", evaluation.primary), value, evaluation.more_is_better));
                row.run.has_evaluation = true;
            }
        }
        EventBody::Done { outcome, message, hint, exit_code } => {
            row.run.state = match outcome {
                Outcome::Finished => RunState::Finished,
                Outcome::Stopped => RunState::Stopped,
                Outcome::Failed => RunState::Failed,
            };
            row.run.exit_code = *exit_code;
            row.run.ended_ms = Some(event.time_ms);
            row.run.ended_because = because(*outcome, message.as_deref(), hint.as_deref(), *exit_code);
            row.run.resumable = row.run.kind == RunKind::Training && *outcome != Outcome::Finished && has_checkpoint;
            (row.pid, row.pid_started_ms) = (None, None);
        }
        EventBody::Metric { .. } | EventBody::Progress { .. } | EventBody::Log { .. } => {}
    }
    Ok(())
}

fn because(outcome: Outcome, message: Option<&str>, hint: Option<&str>, exit_code: Option<i32>) -> Option<ApiError> {
    let (code, default) = match outcome {
        Outcome::Finished => return None,
        Outcome::Stopped => (ErrorCode::Cancelled, "It was stopped.".to_owned()),
        Outcome::Failed => (
            ErrorCode::Internal,
            match exit_code {
                Some(code) => format!("The command ended with exit code {code}."),
                None => "The training failed.".to_owned(),
            },
        ),
    };
    let mut error = ApiError::new(code, message.map_or(default, str::to_owned));
    error.hint = hint.map(str::to_owned);
    Some(error)
}

fn happen(tx: &store::Transaction<'_>, row: &RunRow, now_ms: i64) -> store::Result<()> {
    let run = &row.run;
    let link = format!("[{}]({})", run.name, run.page());
    let (state, sentence) = match (run.state, &row.ranked) {
        (RunState::Finished, Some((key, Some(value), _))) => {
            let name = figure::name_in_sentence(key.trim_end_matches("/validation"));
            (StationState::Good, format!("{link} finished: {name} {} on validation", figure::measured(*value)))
        }
        (RunState::Finished, _) => (StationState::Good, format!("{link} finished")),
        (RunState::Stopped, _) => (StationState::Warn, format!("{link} was stopped")),
        (RunState::Killed, _) => (StationState::Bad, format!("{link} was killed")),
        _ => (StationState::Bad, format!("{link} failed")),
    };
    let Some(project) = run.project else { return Ok(()) };
    store::happening::add(tx, project, &Happening { at_ms: now_ms, stage: Stage::Train, state, sentence })
}

fn announce(engine: &Engine, id: RunId, told: &Told) {
    let run = &told.row.run;
    if !told.newest.is_empty() {
        engine.events().send(Event::Points { run: id, newest: told.newest.clone() });
    }
    engine.changed(Tag::Run(id));
    if told.state_changed {
        run::announce_lists(engine, [Lists::of(run)]);
    }
    if told.over {
        // That it was stopped is all there is to say of it.
        let because = run.ended_because.as_ref().filter(|_| run.state != RunState::Stopped);
        let reason = because.map(|error| error.message.clone()).unwrap_or_default();
        let link = Some(run.page());
        engine.events().notice(format!("{} {}", run.name, ended_word(run.state)), reason, link);
        engine.changed(Tag::Projects);
    }
}

const fn ended_word(state: RunState) -> &'static str {
    match state {
        RunState::Finished => "finished",
        RunState::Stopped => "was stopped",
        RunState::Killed => "was killed",
        _ => "failed",
    }
}

/// Marks a run whose process is gone without a last word. Reads once more first: the last lines may
/// have come between the look and the check.
async fn bury(engine: &Engine, id: RunId) -> anyhow::Result<()> {
    let row = run::find(engine, id).await?;
    let (Some(pid), Some(started_ms)) = (row.pid, row.pid_started_ms) else { return Ok(()) };
    let process = ProcessId { pid, started_ms };
    if row.run.state.is_over() || tokio::task::spawn_blocking(move || process::is_alive(process)).await? {
        return Ok(());
    }
    while look(engine, id).await?.more {}
    let folder = engine.workspace().run(id);
    let (stderr, has_checkpoint) = tokio::task::spawn_blocking(move || {
        let said = run::read_log(&folder.join("stderr.log"), 0, 1 << 20);
        (said.map(|chunk| chunk.text).unwrap_or_default(), has_checkpoint(&folder))
    })
    .await?;
    let now_ms = engine.now_ms();
    let buried = engine
        .store()
        .write(move |tx| {
            let Some(mut row) = store::run::bare(tx, id)? else { return Ok(None) };
            if row.run.state.is_over() || row.pid != Some(pid) {
                return Ok(None);
            }
            row.run.state = RunState::Killed;
            row.run.ended_ms = Some(now_ms);
            row.run.resumable = row.run.kind == RunKind::Training && has_checkpoint;
            row.run.ended_because = Some(killed(&stderr, row.run.kind, row.run.resumable));
            (row.pid, row.pid_started_ms) = (None, None);
            spending::settle(tx, &mut row, None, now_ms)?;
            store::run::put(tx, &row)?;
            happen(tx, &row, now_ms)?;
            Ok(Some(row))
        })
        .await?;
    if let Some(row) = buried {
        announce(engine, id, &Told { row, newest: Vec::new(), state_changed: true, over: true });
    }
    Ok(())
}

fn killed(stderr: &str, kind: RunKind, resumable: bool) -> ApiError {
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty());
    let said = last.map(|line| format!(" Its last words: {}.", line.trim().trim_end_matches('.'))).unwrap_or_default();
    let what = if kind == RunKind::Training { "The worker" } else { "The command" };
    let error =
        ApiError::new(ErrorCode::Internal, format!("{what} is gone without a last word: something killed it.{said}"));
    error.with_hint(match (kind, resumable) {
        (RunKind::Training, true) => {
            "Resume it: it goes on from its last checkpoint. If memory ran out, use a smaller batch."
        }
        (RunKind::Training, false) => "Start it again. If memory ran out, use a smaller batch or fewer columns.",
        (RunKind::Command | RunKind::Client | RunKind::Imported | RunKind::Search, _) => "Run the command again.",
    })
}

/// Whether a resume has something to go on from. A death between the two renames of a checkpoint's
/// write leaves it under its side name, where the next worker finds it.
fn has_checkpoint(run: &Path) -> bool {
    ["last", "last.old"].iter().any(|name| run.join("checkpoints").join(name).exists())
}

/// Looks again whether a training that is over has something to go on from: its checkpoints came back.
pub(crate) async fn look_for_checkpoint(engine: &Engine, id: RunId) -> anyhow::Result<()> {
    let folder = engine.workspace().run(id);
    let has_checkpoint = tokio::task::spawn_blocking(move || has_checkpoint(&folder)).await?;
    let looked = engine
        .store()
        .write(move |tx| {
            let Some(mut row) = store::run::bare(tx, id)? else { return Ok(None) };
            let is_cut_short = matches!(row.run.state, RunState::Stopped | RunState::Killed | RunState::Failed);
            if row.run.kind != RunKind::Training || !is_cut_short {
                return Ok(None);
            }
            row.run.resumable = has_checkpoint;
            store::run::put(tx, &row)?;
            Ok(Some(Lists::of(&row.run)))
        })
        .await?;
    if let Some(lists) = looked {
        run::announce(engine, id, lists);
    }
    Ok(())
}

/// A training that failed, or was cancelled, before its worker ran.
pub(crate) async fn fail_before_start(engine: &Engine, id: RunId, error: &ApiError) -> anyhow::Result<()> {
    let (error, now_ms) = (error.clone(), engine.now_ms());
    let folder = engine.workspace().run(id);
    let has_checkpoint = tokio::task::spawn_blocking(move || has_checkpoint(&folder)).await?;
    let failed = engine
        .store()
        .write(move |tx| {
            let Some(mut row) = store::run::bare(tx, id)? else { return Ok(None) };
            row.run.state = if error.code == ErrorCode::Cancelled { RunState::Stopped } else { RunState::Failed };
            row.run.ended_ms = Some(now_ms);
            row.run.ended_because = Some(error);
            row.run.resumable = has_checkpoint;
            store::run::put(tx, &row)?;
            happen(tx, &row, now_ms)?;
            Ok(Some(row))
        })
        .await?;
    if let Some(row) = failed {
        announce(engine, id, &Told { row, newest: Vec::new(), state_changed: true, over: true });
    }
    Ok(())
}

async fn ended(engine: &Engine, id: RunId, state: RunState, because: Option<ApiError>) -> anyhow::Result<String> {
    match (state, because) {
        (RunState::Finished, _) => {
            let row = run::find(engine, id).await?;
            Ok(match row.ranked {
                Some((key, Some(value), _)) => {
                    let (name, part) = key
                        .split_once('/')
                        .map_or((key.as_str(), String::new()), |(name, part)| (name, format!(" on {part}")));
                    format!("Finished: {}{part} {}", figure::name_in_sentence(name), figure::measured(value))
                }
                _ => "Finished".to_owned(),
            })
        }
        (RunState::Stopped, because) => {
            let message = because.map_or_else(|| "It was stopped.".to_owned(), |error| error.message);
            bail!(ApiError::new(ErrorCode::Cancelled, message).with_hint("It can be resumed."))
        }
        (_, Some(error)) => bail!(error),
        (_, None) => bail!(ApiError::new(ErrorCode::Internal, "The training failed.")),
    }
}

/// "Epoch 3 of 20", "Step 140 of 500", "Evaluates".
fn describe(progress: &RunProgress) -> String {
    if progress.is_trained() {
        return "Evaluates".to_owned();
    }
    match (progress.epoch, progress.epochs, progress.steps) {
        (Some(epoch), Some(epochs), _) => format!("Epoch {epoch} of {epochs}"),
        (Some(epoch), None, _) => format!("Epoch {epoch}"),
        (None, _, Some(steps)) => format!("Step {} of {steps}", progress.step),
        (None, _, None) => format!("Step {}", progress.step),
    }
}
