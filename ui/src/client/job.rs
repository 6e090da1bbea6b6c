//! A job that a page waits for, as it goes on.

use api::{
    ApiError, ErrorCode,
    event::Event,
    id::JobId,
    job::{GetJob, Job, JobState},
};
use leptos::{prelude::*, task::spawn_local};

use super::Client;

/// The newest of a job; its last row too, once it is over.
#[derive(Clone, Copy)]
pub(crate) struct Following {
    pub(crate) job: RwSignal<Option<Job>>,
    /// The job that news are heard of: none before one is begun and after it is over.
    heard: StoredValue<Option<JobId>>,
    client: Client,
}

impl Following {
    /// Follows nothing yet.
    pub(crate) fn new() -> Self {
        let client = Client::get();
        let following = Self { job: RwSignal::new(None), heard: StoredValue::new(None), client };
        client.on_event(move |event| following.hear(event));
        following
    }

    /// Follows a job that was just started.
    pub(crate) fn begin(self, job: Job) {
        let id = job.id;
        self.heard.set_value(Some(id));
        self.job.set(Some(job));
        // It may be over by now.
        self.ask(id);
    }

    /// Follows a job that is known by its id.
    pub(crate) fn begin_by(self, id: JobId) {
        if self.heard.get_value() != Some(id) {
            self.heard.set_value(Some(id));
            self.job.set(None);
            self.ask(id);
        }
    }

    pub(crate) fn forget(self) {
        self.heard.set_value(None);
        if self.job.with_untracked(Option::is_some) {
            self.job.set(None);
        }
    }

    fn hear(self, event: &Event) {
        let Some(heard) = self.heard.try_get_value().flatten() else { return };
        match event {
            Event::Progress { job, state, fraction, message, seconds_left } if *job == heard => {
                if state.is_over() {
                    self.ask(heard);
                    return;
                }
                self.job.try_update(|job| {
                    if let Some(job) = job {
                        (job.state, job.fraction, job.seconds_left) = (*state, *fraction, *seconds_left);
                        job.message.clone_from(message);
                    }
                });
            }
            // What was announced in a gap was missed.
            Event::Hello { .. } => self.ask(heard),
            _ => {}
        }
    }

    fn ask(self, id: JobId) {
        spawn_local(async move {
            // A host that can't be reached is asked again with the next connection.
            let Ok(job) = self.client.call(GetJob { job: id }).await else { return };
            if self.heard.try_get_value().flatten() != Some(id) {
                return;
            }
            if job.state.is_over() {
                self.heard.set_value(None);
            }
            self.job.try_set(Some(job));
        });
    }
}

/// Why a job that is over made nothing; none of one that goes on or is done.
pub(crate) fn failure(job: &Job) -> Option<ApiError> {
    match job.state {
        JobState::Failed => {
            Some(job.error.clone().unwrap_or_else(|| ApiError::new(ErrorCode::Internal, job.message.clone())))
        }
        JobState::Cancelled => Some(ApiError::new(ErrorCode::Cancelled, job.message.clone())),
        JobState::Queued | JobState::Running | JobState::Done => None,
    }
}
