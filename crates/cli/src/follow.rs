//! Follows a job to its end: a bar on a terminal, plain lines in a pipe.
//!
//! Ctrl-C stops the waiting where the job goes on in the host, which ends by itself once it is done. Where a
//! command waits for what the job makes, Ctrl-C cancels the job, unless others wait for the same.

use std::time::Duration;

use api::{
    ApiError, ErrorCode, Request,
    event::{Event, Tag},
    job::{GetJob, Job, JobState, LeaveJob, Prepared},
};
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    context::{Context, Outcome},
    interrupts::Interrupts,
    output::harmless,
    words,
};

/// The row is asked again at the latest after this, whatever was announced.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A plain line is not written more often than this, unless its message changes.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What Ctrl-C does to a job that is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interrupted {
    GoesOn,
    /// It ends with the last who waits for it.
    Left,
}

impl Context {
    /// Waits for a job and returns its last row; a job that failed or was cancelled is an error.
    pub(crate) async fn follow(&self, job: Job) -> Outcome<Job> {
        ended(self.until_over(job, Interrupted::GoesOn).await?)
    }

    /// The same for a job that is of no use without this command.
    pub(crate) async fn follow_here(&self, job: Job) -> Outcome<Job> {
        ended(self.until_over(job, Interrupted::Left).await?)
    }

    /// The answer to a question that may have to be computed first.
    pub(crate) async fn prepared<T, R>(&self, request: R) -> Outcome<T>
    where
        R: Request<Response = Prepared<T>> + Clone,
    {
        loop {
            match self.call(request.clone()).await? {
                Prepared::Ready(answer) => return Ok(answer),
                Prepared::UnderWay(job) => {
                    let job = self.call(GetJob { job }).await?;
                    self.follow_here(job).await?;
                }
            }
        }
    }

    /// What a command with `--detach` does with its job.
    pub(crate) async fn follow_unless(&self, detach: bool, job: Job) -> Outcome<Job> {
        if detach { Ok(self.detached(job)) } else { self.follow(job).await }
    }

    /// The same for a job that is of no use without this command, unless it is detached.
    pub(crate) async fn follow_here_unless(&self, detach: bool, job: Job) -> Outcome<Job> {
        if detach { Ok(self.detached(job)) } else { self.follow_here(job).await }
    }

    fn detached(&self, job: Job) -> Job {
        self.output.say(&format!(
            "{}: job {} goes on in the host; see `slipway job show {}`.",
            job.title,
            job.id.short(),
            job.id.short()
        ));
        job
    }

    async fn until_over(&self, mut job: Job, interrupted: Interrupted) -> Outcome<Job> {
        let mut teller = Teller::new(self.output.live, &job);
        let mut events = self.session.events();
        let mut interrupts = Interrupts::take()?;
        // It may have ended before anything of it was heard.
        job = self.call(GetJob { job: job.id }).await?;
        let mut leaves = interrupted == Interrupted::Left;
        loop {
            teller.tell(&job);
            if job.state.is_over() {
                teller.end(&job);
                return Ok(job);
            }
            tokio::select! {
                () = news(&mut events, &job) => {}
                () = tokio::time::sleep(ASK_AGAIN) => {}
                () = interrupts.next() => {
                    // Asked twice, the waiting ends at once.
                    if std::mem::take(&mut leaves) {
                        if self.call(LeaveJob { job: job.id }).await?.goes_on {
                            teller.clear();
                            let message = format!("{} goes on: it is waited for elsewhere, too.", job.title);
                            let hint = format!("`slipway job cancel {}` ends it for all.", job.id.short());
                            return Err(ApiError::new(ErrorCode::Cancelled, message).with_hint(hint));
                        }
                        job = self.call(GetJob { job: job.id }).await?;
                        continue;
                    }
                    teller.clear();
                    let hint = format!("`slipway job wait {0}` waits again; `slipway job cancel {0}` ends it.", job.id.short());
                    return Err(ApiError::new(ErrorCode::Cancelled, format!("{} goes on in the host.", job.title)).with_hint(hint));
                }
            }
            job = self.call(GetJob { job: job.id }).await?;
        }
    }
}

/// A job that failed or was cancelled is an error.
fn ended(job: Job) -> Outcome<Job> {
    match job.state {
        JobState::Failed => {
            Err(job.error.clone().unwrap_or_else(|| ApiError::new(ErrorCode::Internal, job.message.clone())))
        }
        JobState::Cancelled => Err(ApiError::new(ErrorCode::Cancelled, format!("{} was cancelled.", job.title))),
        _ => Ok(job),
    }
}

/// Waits for an announcement that concerns the job.
async fn news(events: &mut futures::stream::BoxStream<'static, Event>, job: &Job) {
    while let Some(event) = events.next().await {
        match event {
            Event::Progress { job: id, .. } if id == job.id => return,
            // Nothing was heard before a connection.
            Event::Changed { tag: Tag::Jobs } | Event::Hello { .. } => return,
            _ => {}
        }
    }
    // Without events the row is asked once a second.
    std::future::pending().await
}

/// Says how a job goes, in the form that fits where it is read.
struct Teller {
    bar: Option<ProgressBar>,
    last: String,
    at: std::time::Instant,
}

impl Teller {
    fn new(live: bool, job: &Job) -> Self {
        let bar = live.then(|| {
            let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr());
            bar.set_style(style("{spinner} {prefix}  {msg}"));
            bar.set_prefix(harmless(&job.title).into_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, last: String::new(), at: std::time::Instant::now() }
    }

    fn tell(&mut self, job: &Job) {
        let message = describe(job);
        match &self.bar {
            Some(bar) => {
                if let Some(fraction) = job.fraction {
                    bar.set_style(style("{spinner} {prefix}  {bar:28}  {msg}"));
                    bar.set_position((fraction.clamp(0.0, 1.0) * 1000.0) as u64);
                }
                bar.set_message(harmless(&message).into_owned());
            }
            None if job.message != self.last || self.at.elapsed() >= LINE_EVERY => {
                eprintln!("{}", harmless(&format!("{}: {message}", job.title)));
                self.last.clone_from(&job.message);
                self.at = std::time::Instant::now();
            }
            None => {}
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn end(&self, job: &Job) {
        self.clear();
        if self.bar.is_some() && job.state == JobState::Done {
            let took =
                job.ended_ms.zip(job.started_ms).map(|(end, start)| words::duration((end - start) as f64 / 1000.0));
            let took = took.map_or_else(String::new, |took| format!(" ({took})"));
            eprintln!("{}", harmless(&format!("{}: {}{took}", job.title, job.message)));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━╸─")
}

fn describe(job: &Job) -> String {
    let mut parts = vec![words::word(&job.state)];
    parts.extend(job.fraction.map(words::percent));
    if let Some(waits) = &job.waits_for {
        parts.push(waits.clone());
    } else if !job.message.is_empty() {
        parts.push(job.message.clone());
    }
    parts.extend(job.seconds_left.map(|left| format!("{} left", words::duration(left))));
    parts.join(" · ")
}
