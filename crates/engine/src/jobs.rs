//! The queue: work that takes time is a row with progress, cancellable, never lost silently.
//!
//! A job that a crash interrupted goes on at the next start where its stage takes it up again with
//! [`Jobs::resume`], and is failed plainly otherwise. Jobs that name the memory they need wait until it is free, of what
//! they may take together and of what the machine has left, oldest first; one always runs, however much it needs.

pub(crate) mod admission;

use std::{
    collections::HashMap,
    future::Future,
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use api::{
    ApiError, ErrorCode, JobId, ProjectId,
    event::{Event, Tag},
    job::{CancelJob, GetJob, GetJobLog, Job, JobKind, JobLeft, JobState, LeaveJob, ListJobs, RetryJob, Subject},
};
use serde_json::Value;
use store::job::JobRow;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::admission::Admission;
use crate::{
    Engine,
    blocking::{self, Step, Tell},
    error,
};

/// Rows are written this often at most; events carry what moves in between.
const ROW_EVERY: Duration = Duration::from_millis(500);
const EVENT_EVERY: Duration = Duration::from_millis(100);
/// Between two attempts to write the end of a job.
const WRITE_AGAIN: Duration = Duration::from_secs(5);
/// Who asks for what must first be made waits so long for it. What takes longer is a job that people see.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How fast work is that has just begun says little of how long it takes.
const ESTIMATE_AFTER: Duration = Duration::from_secs(2);

/// What a job is before it runs.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub kind: JobKind,
    /// "Train brisk-heron", "Push fraud:7 to harbour".
    pub title: String,
    pub project: Option<ProjectId>,
    pub subject: Subject,
    /// Estimated need while it runs; 0 starts at once.
    pub memory_bytes: u64,
    /// The call that a retry sends again, by [`retry_with`].
    pub request: Option<Value>,
}

/// The `request` of a job that a retry may send again.
pub fn retry_with<R: api::Request>(request: &R) -> Option<Value> {
    let params = serde_json::to_value(request).ok()?;
    Some(serde_json::json!({ "method": R::METHOD, "params": params }))
}

/// The jobs of this process.
#[derive(Default)]
pub struct Jobs {
    live: Mutex<HashMap<JobId, Live>>,
    /// What is made for those who asked, each by one job.
    making: Mutex<HashMap<PathBuf, Making>>,
    admission: Admission,
}

/// A job that a file of the cache waits for.
struct Making {
    state: watch::Receiver<Job>,
    cancel: CancellationToken,
    /// It has a row, which others may ask for.
    entered: watch::Receiver<bool>,
    /// Those who wait for it: each ask counts once, until it is answered otherwise than by the job, or leaves.
    askers: Arc<AtomicUsize>,
}

/// One who asks, until the answer is that the job is under way.
struct Asking {
    askers: Arc<AtomicUsize>,
    /// It counts on, as one who waits for the job.
    follows: bool,
}

impl Asking {
    fn of(askers: &Arc<AtomicUsize>) -> Self {
        askers.fetch_add(1, Ordering::Relaxed);
        Self { askers: Arc::clone(askers), follows: false }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.follows {
            self.askers.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

struct Live {
    cancel: CancellationToken,
    state: watch::Receiver<Job>,
}

/// What a job's work is given.
#[derive(Clone)]
pub struct JobContext {
    inner: Arc<ContextInner>,
}

struct ContextInner {
    engine: Engine,
    cancel: CancellationToken,
    job: watch::Sender<Job>,
    last: Mutex<Last>,
    /// Lines of the log that are not written yet, in their order. What queues to be written holds them alone, and keeps no engine.
    lines: Arc<Mutex<Vec<String>>>,
    /// An event came too soon after another: what is newest is told when the next one is due.
    is_owed: AtomicBool,
}

/// When progress was last told and written, and what was written.
#[derive(Default)]
struct Last {
    event: Option<Instant>,
    row: Option<Instant>,
    written: (Option<f64>, String),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Jobs {
    /// Enters a job and starts it when there is room. The work's last word becomes the job's message.
    pub async fn start<F, W>(&self, engine: &Engine, new: NewJob, work: F) -> anyhow::Result<Job>
    where
        F: FnOnce(JobContext) -> W + Send + 'static,
        W: Future<Output = anyhow::Result<String>> + Send + 'static,
    {
        let row = queued(engine, new);
        let (job, memory_bytes) = (row.job.clone(), row.memory_bytes);
        engine.store().write(move |tx| store::job::insert(tx, &row)).await?;
        engine.changed(Tag::Jobs);
        self.spawn(engine, job.clone(), memory_bytes, None, work);
        Ok(job)
    }

    /// Lets a job make a file of the cache, unless one makes it already, and waits a moment for it. `None` once
    /// it is made, and no list shows that job; the job where that takes longer. Errs as the job did.
    pub(crate) async fn make<F, W>(
        &self,
        engine: &Engine,
        file: PathBuf,
        new: NewJob,
        work: F,
    ) -> anyhow::Result<Option<JobId>>
    where
        F: FnOnce(JobContext) -> W + Send + 'static,
        W: Future<Output = anyhow::Result<String>> + Send + 'static,
    {
        let (mut state, mut entered, mut asking) = {
            let mut making = lock(&self.making);
            // Whoever asks after a job was cancelled asks anew.
            making.retain(|_, one| !one.state.borrow().state.is_over() && !one.cancel.is_cancelled());
            let start = || {
                let row = queued(engine, new);
                let (sender, entered) = watch::channel(false);
                let (state, cancel) = self.spawn(engine, row.job.clone(), row.memory_bytes, Some((row, sender)), work);
                Making { state, cancel, entered, askers: Arc::default() }
            };
            let one = making.entry(file).or_insert_with(start);
            (one.state.clone(), one.entered.clone(), Asking::of(&one.askers))
        };
        // An error means that the sender is gone: what it said last is the end.
        let over = async {
            let _ = state.wait_for(|job| job.state.is_over()).await;
        };
        let entered = async {
            if entered.wait_for(|entered| *entered).await.is_err() {
                // It was never entered, so that it ends at once.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = over => {}
            () = entered => {}
        }
        let job = state.borrow().clone();
        match (job.state, job.error) {
            (JobState::Done, _) => Ok(None),
            (JobState::Cancelled, _) => Err(cancelled().into()),
            (JobState::Failed, Some(error)) => Err(error.into()),
            _ => {
                asking.follows = true;
                Ok(Some(job.id))
            }
        }
    }

    /// One who waits for a job's outcome goes: it is asked to stop where nobody else waits. Whether it goes on.
    fn leave(&self, id: JobId) -> bool {
        let making = lock(&self.making);
        let Some(one) = making.values().find(|one| one.state.borrow().id == id) else {
            self.cancel(id);
            return false;
        };
        let less = |askers: usize| askers.checked_sub(1);
        // Nobody counted is nobody left: what was asked for is stopped.
        let before = one.askers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).unwrap_or(1);
        if before <= 1 {
            one.cancel.cancel();
        }
        before > 1
    }

    /// Leaves an interrupted job to the next host: one command takes up nothing.
    pub(crate) async fn leave_waiting(&self, engine: &Engine, row: JobRow) -> anyhow::Result<()> {
        let mut job = row.job;
        if job.state == JobState::Queued {
            return Ok(());
        }
        job.state = JobState::Queued;
        job.message = "Goes on with the next host".to_owned();
        engine.store().write(move |tx| store::job::update(tx, &job)).await?;
        engine.changed(Tag::Jobs);
        Ok(())
    }

    /// Takes up a job that an earlier process left unfinished.
    pub async fn resume<F, W>(&self, engine: &Engine, row: JobRow, work: F) -> anyhow::Result<Job>
    where
        F: FnOnce(JobContext) -> W + Send + 'static,
        W: Future<Output = anyhow::Result<String>> + Send + 'static,
    {
        let mut job = row.job;
        job.state = JobState::Queued;
        (job.error, job.ended_ms) = (None, None);
        let written = job.clone();
        engine.store().write(move |tx| store::job::update(tx, &written)).await?;
        self.spawn(engine, job.clone(), row.memory_bytes, None, work);
        Ok(job)
    }

    /// Runs a job's work. One that is not entered yet (`row`) is entered once it takes longer than a moment.
    fn spawn<F, W>(
        &self,
        engine: &Engine,
        job: Job,
        memory_bytes: u64,
        row: Option<(JobRow, watch::Sender<bool>)>,
        work: F,
    ) -> (watch::Receiver<Job>, CancellationToken)
    where
        F: FnOnce(JobContext) -> W + Send + 'static,
        W: Future<Output = anyhow::Result<String>> + Send + 'static,
    {
        let id = job.id;
        let cancel = CancellationToken::new();
        let (sender, receiver) = watch::channel(job);
        lock(&self.live).insert(id, Live { cancel: cancel.clone(), state: receiver.clone() });
        let asked = cancel.clone();
        let context = JobContext {
            inner: Arc::new(ContextInner {
                engine: engine.clone(),
                cancel,
                job: sender,
                last: Mutex::default(),
                lines: Arc::default(),
                is_owed: AtomicBool::new(false),
            }),
        };
        let engine = engine.clone();
        tokio::spawn(async move {
            let working = std::pin::pin!(run(&context, memory_bytes, work));
            let result = unless_quick(&context, row, working).await;
            let mut end = context.end(result).await;
            // A full disk: who asks is answered from memory until there is room for the row.
            while let Err(failure) = end {
                if error::is_closed(&failure) {
                    tracing::info!(job = %id, "a job is left to the next host");
                    break;
                }
                tracing::error!(job = %id, error = format!("{failure:#}"), "the end of a job can't be written");
                tokio::time::sleep(WRITE_AGAIN).await;
                end = context.change(|_| ()).await;
            }
            lock(&engine.jobs().live).remove(&id);
        });
        (receiver, asked)
    }

    /// Waits for the end of a job of this process; one that is not alive is read.
    pub async fn wait(&self, engine: &Engine, id: JobId) -> anyhow::Result<Job> {
        let state = lock(&self.live).get(&id).map(|live| live.state.clone());
        if let Some(mut state) = state {
            // An error means that the sender is gone, so that the row has the end.
            let _ = state.wait_for(|job| job.state.is_over()).await;
        }
        find(engine, id).await
    }

    /// Jobs alive in this process, as sentences: what keeps the host.
    pub fn alive(&self) -> Vec<String> {
        let live = lock(&self.live);
        let jobs = live.values().map(|live| live.state.borrow());
        jobs.filter(|job| !job.state.is_over()).map(|job| job.title.clone()).collect()
    }

    /// The job of this process on a subject that has not ended, where there is one.
    pub(crate) fn on(&self, subject: &Subject) -> Option<JobId> {
        let live = lock(&self.live);
        live.values().find_map(|live| {
            let job = live.state.borrow();
            (job.subject == *subject && !job.state.is_over()).then_some(job.id)
        })
    }

    /// What the job on a subject waits for, where one waits.
    pub(crate) fn waits_for(&self, subject: &Subject) -> Option<String> {
        let live = lock(&self.live);
        live.values().find_map(|live| {
            let job = live.state.borrow();
            job.waits_for.clone().filter(|_| job.subject == *subject)
        })
    }

    /// Asks a live job to stop.
    pub fn cancel(&self, id: JobId) -> bool {
        match lock(&self.live).get(&id) {
            Some(live) => {
                live.cancel.cancel();
                true
            }
            None => false,
        }
    }

    /// Asks every live job to stop.
    pub fn cancel_all(&self) {
        lock(&self.live).values().for_each(|live| live.cancel.cancel());
    }

    /// Waits until every live job has ended.
    pub async fn settled(&self) {
        let states: Vec<watch::Receiver<Job>> = lock(&self.live).values().map(|live| live.state.clone()).collect();
        for mut state in states {
            let _ = state.wait_for(|job| job.state.is_over()).await;
        }
    }

    /// Fails what an earlier process left, but for what its stage takes up.
    pub(crate) async fn after_start(&self, engine: &Engine) -> anyhow::Result<()> {
        let rows = engine.store().read(store::job::unfinished).await?;
        for row in rows.into_iter().filter(|row| !is_taken_up(&row.job)) {
            self.fail_interrupted(engine, row).await?;
        }
        Ok(())
    }

    /// Ends an unfinished job of an earlier process as its work is known to have ended.
    pub(crate) async fn end_interrupted(
        &self,
        engine: &Engine,
        row: JobRow,
        result: anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let mut job = row.job;
        ended(&mut job, result, engine.now_ms());
        engine.store().write(move |tx| store::job::update(tx, &job)).await?;
        engine.changed(Tag::Jobs);
        Ok(())
    }

    /// Fails an unfinished job of an earlier process, plainly.
    pub async fn fail_interrupted(&self, engine: &Engine, row: JobRow) -> anyhow::Result<()> {
        let mut job = row.job;
        job.state = JobState::Failed;
        job.ended_ms = Some(engine.now_ms());
        let mut error = ApiError::new(ErrorCode::Internal, "Slipway ended while this was under way.");
        if row.request.is_some() {
            error = error.with_hint(match job.kind {
                JobKind::Copy => "Retry it: a copy that is whole already is named then.",
                _ => "Retry it: what is there already is not done again.",
            });
        } else if matches!(job.kind, JobKind::Cache | JobKind::Profile | JobKind::Compare) {
            error = error.with_hint("It starts again when it is asked for.");
        }
        job.message.clone_from(&error.message);
        job.error = Some(error);
        engine.store().write(move |tx| store::job::update(tx, &job)).await?;
        engine.changed(Tag::Jobs);
        Ok(())
    }
}

fn queued(engine: &Engine, new: NewJob) -> JobRow {
    let job = Job {
        id: JobId::from_bytes(engine.new_id()),
        project: new.project,
        kind: new.kind,
        title: new.title,
        state: JobState::Queued,
        fraction: None,
        message: "Waits for its turn".to_owned(),
        error: None,
        seconds_left: None,
        waits_for: None,
        subject: new.subject,
        created_ms: engine.now_ms(),
        started_ms: None,
        ended_ms: None,
        retryable: false,
    };
    JobRow { job, request: new.request, memory_bytes: new.memory_bytes }
}

/// Whether a stage goes on with a job that a crash interrupted. A package's export begins anew.
fn is_taken_up(job: &Job) -> bool {
    match job.kind {
        JobKind::Train | JobKind::Search | JobKind::Deploy | JobKind::Snapshot => true,
        JobKind::Export => matches!(job.subject, Subject::Snapshot(_)),
        _ => false,
    }
}

/// Waits for a job's work; enters the job where its row is still to be entered and the work is not quick.
async fn unless_quick(
    context: &JobContext,
    row: Option<(JobRow, watch::Sender<bool>)>,
    mut working: std::pin::Pin<&mut (impl Future<Output = anyhow::Result<String>> + Send)>,
) -> anyhow::Result<String> {
    let Some((row, entered)) = row else { return working.await };
    if let Ok(result) = tokio::time::timeout(AT_ONCE, &mut working).await {
        return result;
    }
    let row = JobRow { job: context.inner.job.borrow().clone(), ..row };
    let id = row.job.id;
    match context.engine().store().write(move |tx| store::job::insert(tx, &row)).await {
        Ok(()) => context.engine().changed(Tag::Jobs),
        // Who asked for it is answered all the same.
        Err(error) => {
            tracing::warn!(job = %id, %error, "a job can't be entered");
            return working.await;
        }
    }
    entered.send_replace(true);
    working.await
}

async fn run<F, W>(context: &JobContext, memory_bytes: u64, work: F) -> anyhow::Result<String>
where
    F: FnOnce(JobContext) -> W + Send + 'static,
    W: Future<Output = anyhow::Result<String>> + Send + 'static,
{
    let _admitted = match admission::admit(context, memory_bytes).await {
        Ok(admitted) => {
            context.begin().await?;
            admitted
        }
        // Cancelled while it waited: the work hears of it all the same, it may have a record to end.
        Err(_) if context.is_cancelled() => None,
        Err(failure) => return Err(failure),
    };
    // A panic fails this job, not the host.
    match tokio::spawn(work(context.clone())).await {
        Ok(result) => result,
        Err(error) => Err(anyhow::anyhow!("the job broke off: {error}")),
    }
}

/// What work that was asked to stop ends with.
pub(crate) fn cancelled() -> ApiError {
    ApiError::new(ErrorCode::Cancelled, "It was cancelled.")
}

/// What is left of work that took so long from one fraction to another, if it goes on evenly.
fn seconds_left(took: Duration, from: f64, to: f64) -> Option<f64> {
    let is_known = took >= ESTIMATE_AFTER && to > from && to < 1.0;
    is_known.then(|| took.as_secs_f64() * (1.0 - to) / (to - from))
}

impl JobContext {
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub fn id(&self) -> JobId {
        self.inner.job.borrow().id
    }

    /// Says how far it is; cheap enough for every step.
    pub fn progress(&self, fraction: impl Into<Option<f64>>, message: impl Into<String>) {
        self.progress_left(fraction, message, None);
    }

    pub fn progress_left(
        &self,
        fraction: impl Into<Option<f64>>,
        message: impl Into<String>,
        seconds_left: Option<f64>,
    ) {
        self.inner.job.send_modify(|job| {
            job.fraction = fraction.into().map(|fraction| fraction.clamp(0.0, 1.0));
            job.message = message.into();
            job.seconds_left = seconds_left;
        });
        let now = Instant::now();
        let due = |last: &mut Option<Instant>, every: Duration| {
            let due = last.is_none_or(|last| now.duration_since(last) >= every);
            if due {
                *last = Some(now);
            }
            due
        };
        let (event, row) = {
            let mut last = lock(&self.inner.last);
            let job = self.inner.job.borrow();
            let is_written = last.written.0 == job.fraction && last.written.1 == job.message;
            let row = !is_written && due(&mut last.row, ROW_EVERY);
            if row {
                last.written = (job.fraction, job.message.clone());
            }
            (due(&mut last.event, EVENT_EVERY), row)
        };
        if event {
            self.announce();
        } else {
            self.announce_later();
        }
        if row {
            let job = self.inner.job.borrow().clone();
            let engine = self.inner.engine.clone();
            tokio::spawn(async move {
                // A row that lags is mended by the next one; the end is written for certain.
                let _ = engine.store().write(move |tx| update_live(tx, &job)).await;
            });
        }
    }

    /// Progress and cancelling as a report, over the first `share` of the job. Of one that is all of it the time
    /// left is estimated.
    pub(crate) fn reporter(&self, share: f64) -> impl FnMut(f64, &str) -> ControlFlow<()> + Send + use<> {
        let (context, mut begun) = (self.clone(), None);
        move |fraction, message| {
            let (at, from) = *begun.get_or_insert_with(|| (Instant::now(), fraction));
            let left = (share >= 1.0).then(|| seconds_left(at.elapsed(), from, fraction)).flatten();
            context.progress_left(share * fraction, message, left);
            if context.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    /// Does the work on a blocking thread; its steps are the job's, and it is told to end when a person asks to stop.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Tell<'_, Step>) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let mut report = self.reporter(1.0);
        blocking::run(&mut move |step: Step| report(step.fraction, &step.message), work).await
    }

    /// Appends a line to the job's log, which has all of them in their order once the job is over.
    pub fn log(&self, line: impl Into<String>) {
        lock(&self.inner.lines).push(line.into());
        let context = self.clone();
        tokio::spawn(async move { context.write_lines().await });
    }

    async fn write_lines(&self) {
        if lock(&self.inner.lines).is_empty() {
            return;
        }
        let (unwritten, id) = (Arc::clone(&self.inner.lines), self.id());
        // Taken within the transaction: what is missing here was written by one before it.
        let written = self.inner.engine.store().write(move |tx| {
            let lines = std::mem::take(&mut *lock(&unwritten));
            lines.iter().try_for_each(|line| store::job_log::add(tx, id, line))
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, "lines of a job's log can't be written");
        }
    }

    /// Whether a person asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancel.is_cancelled()
    }

    /// Resolves when a person asks to stop.
    pub async fn cancelled(&self) {
        self.inner.cancel.cancelled().await;
    }

    /// Errs with `cancelled` where a person asked to stop.
    pub fn check(&self) -> Result<(), ApiError> {
        if self.is_cancelled() { Err(cancelled()) } else { Ok(()) }
    }

    /// What the job made or works on, once there is one.
    pub async fn set_subject(&self, subject: Subject) -> anyhow::Result<()> {
        self.change(|job| job.subject = subject).await
    }

    async fn begin(&self) -> anyhow::Result<()> {
        let now = self.inner.engine.now_ms();
        self.change(|job| {
            job.state = JobState::Running;
            job.started_ms = job.started_ms.or(Some(now));
            job.waits_for = None;
            job.message = "Starts".to_owned();
        })
        .await
    }

    async fn end(&self, result: anyhow::Result<String>) -> anyhow::Result<()> {
        let now = self.inner.engine.now_ms();
        if let Err(failure) = &result {
            tracing::info!(job = %self.id(), error = format!("{failure:#}"), "a job ended without success");
        }
        self.write_lines().await;
        self.change(|job| ended(job, result, now)).await
    }

    /// Changes the job, writes the row, announces it. Waiters hear of it after the commit.
    async fn change(&self, change: impl FnOnce(&mut Job)) -> anyhow::Result<()> {
        let mut job = self.inner.job.borrow().clone();
        change(&mut job);
        let written = job.clone();
        let result = self.inner.engine.store().write(move |tx| store::job::update(tx, &written)).await;
        self.inner.job.send_replace(job);
        self.announce();
        self.inner.engine.changed(Tag::Jobs);
        Ok(result?)
    }

    /// Announces what is newest once the next event is due: a step that lasts follows a quick one within a moment.
    fn announce_later(&self) {
        // A thread of its own, without the runtime, tells with its next report.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.inner.is_owed.swap(true, Ordering::Relaxed) {
            return;
        }
        let inner = Arc::downgrade(&self.inner);
        runtime.spawn(async move {
            tokio::time::sleep(EVENT_EVERY).await;
            let Some(inner) = inner.upgrade() else { return };
            inner.is_owed.store(false, Ordering::Relaxed);
            lock(&inner.last).event = Some(Instant::now());
            let context = JobContext { inner };
            // Its end was told by itself.
            let is_over = context.inner.job.borrow().state.is_over();
            if !is_over {
                context.announce();
            }
        });
    }

    fn announce(&self) {
        let job = self.inner.job.borrow();
        self.inner.engine.events().send(Event::Progress {
            job: job.id,
            state: job.state,
            fraction: job.fraction,
            message: job.message.clone(),
            seconds_left: job.seconds_left,
        });
    }
}

fn ended(job: &mut Job, result: anyhow::Result<String>, now_ms: i64) {
    job.ended_ms = Some(now_ms);
    (job.waits_for, job.seconds_left) = (None, None);
    match result.map_err(|failure| error::told(&failure)) {
        Ok(message) => (job.state, job.fraction, job.message) = (JobState::Done, Some(1.0), message),
        Err(error) if error.code == ErrorCode::Cancelled => {
            (job.state, job.message) = (JobState::Cancelled, error.message);
        }
        Err(error) => {
            (job.state, job.message) = (JobState::Failed, error.message.clone());
            job.error = Some(error);
        }
    }
}

/// Writes a progress that may come late: an end that was written meanwhile stays.
fn update_live(tx: &store::Transaction<'_>, job: &Job) -> store::Result<()> {
    match store::job::get(tx, job.id)? {
        Some(row) if !row.job.state.is_over() => store::job::update(tx, job),
        _ => Ok(()),
    }
}

async fn find(engine: &Engine, id: JobId) -> anyhow::Result<Job> {
    let row = engine.store().read(move |c| store::job::get(c, id)).await?;
    // One that is made for who asked is not entered in its first moment.
    let live = || lock(&engine.jobs().live).get(&id).map(|live| live.state.borrow().clone());
    let mut job = row.map(|row| row.job).or_else(live).ok_or_else(|| error::missing("job", id))?;
    fill(engine, &mut job);
    Ok(job)
}

/// What is newer in memory than in the row.
fn fill(engine: &Engine, job: &mut Job) {
    if let Some(live) = lock(&engine.jobs().live).get(&job.id)
        && !job.state.is_over()
    {
        let retryable = job.retryable;
        *job = live.state.borrow().clone();
        job.retryable = retryable;
    }
}

pub async fn list(engine: &Engine, request: ListJobs) -> anyhow::Result<Vec<Job>> {
    let limit = request.limit.unwrap_or(200).min(1000);
    let rows = engine.store().read(move |c| store::job::list(c, request.project, limit)).await?;
    let mut jobs: Vec<Job> = rows.into_iter().map(|row| row.job).collect();
    jobs.iter_mut().for_each(|job| fill(engine, job));
    Ok(jobs)
}

pub async fn get(engine: &Engine, request: GetJob) -> anyhow::Result<Job> {
    find(engine, request.job).await
}

pub async fn cancel(engine: &Engine, request: CancelJob) -> anyhow::Result<Job> {
    let job = find(engine, request.job).await?;
    if job.state.is_over() {
        return Ok(job);
    }
    if !engine.jobs().cancel(request.job) {
        anyhow::bail!(ApiError::new(ErrorCode::Conflict, format!("\"{}\" runs in another process.", job.title)));
    }
    find(engine, request.job).await
}

/// Ends the waiting of one who asked for what the job makes.
pub async fn leave(engine: &Engine, request: LeaveJob) -> anyhow::Result<JobLeft> {
    let job = find(engine, request.job).await?;
    Ok(JobLeft { goes_on: !job.state.is_over() && engine.jobs().leave(request.job) })
}

/// Sends the job's call again; the answer is the new job.
pub async fn retry(engine: &Engine, request: RetryJob) -> anyhow::Result<Job> {
    let row = engine.store().read(move |c| store::job::get(c, request.job)).await?;
    let row = row.ok_or_else(|| error::missing("job", request.job))?;
    let call = match row.request {
        Some(call) if row.job.retryable => call,
        _ => anyhow::bail!(ApiError::new(ErrorCode::Conflict, format!("\"{}\" can't be retried.", row.job.title))),
    };
    let method = call["method"].as_str().unwrap_or_default().to_owned();
    let answer = Box::pin(crate::dispatch::dispatch(engine, &method, call["params"].clone())).await?;
    Ok(serde_json::from_value(answer)?)
}

pub async fn log(engine: &Engine, request: GetJobLog) -> anyhow::Result<Vec<String>> {
    Ok(engine.store().read(move |c| store::job_log::of_job(c, request.job, 2000)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_said_once_the_pace_is_known() {
        assert_eq!(seconds_left(Duration::from_secs(10), 0.0, 0.25), Some(30.0));
        assert_eq!(seconds_left(Duration::from_secs(10), 0.5, 0.75), Some(10.0), "the first half was there");
        assert_eq!(seconds_left(Duration::from_secs(1), 0.0, 0.25), None);
        assert_eq!(seconds_left(Duration::from_secs(10), 0.0, 0.0), None);
    }
}
