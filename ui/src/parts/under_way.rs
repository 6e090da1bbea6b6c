//! A job where what it makes will stand: how far it is, the time left, the way to stop it, and why it failed.

use api::{
    Request,
    job::{CancelJob, Job, JobState},
};
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    card::Progress,
    states::Problem,
    words,
};
use crate::client::{
    Client,
    job::{Following, failure},
};

/// A button's call that starts a job: until that is over the button is disabled. Pressed again after a failure, it
/// tries again.
#[derive(Clone, Copy)]
pub(crate) struct Starting {
    pub(crate) job: RwSignal<Option<Job>>,
    pub(crate) busy: Signal<bool>,
    pending: Pending,
    following: Following,
    client: Client,
}

impl Starting {
    /// `done` gets each job that has succeeded.
    pub(crate) fn new(done: impl Fn(&Job) + 'static) -> Self {
        let (pending, following) = (Pending::new(), Following::new());
        let job = following.job;
        Effect::new(move |_| {
            if let Some(job) = job.get().filter(|job| job.state == JobState::Done) {
                untrack(|| done(&job));
            }
        });
        let busy = Signal::derive(move || pending.busy.get() || job.with(|job| job.as_ref().is_some_and(is_live)));
        Self { job, busy, pending, following, client: Client::get() }
    }

    /// Calls, and follows the job.
    pub(crate) fn start<R: Request<Response = Job>>(self, request: R) {
        let (client, following) = (self.client, self.following);
        following.forget();
        self.pending.run(async move { client.call(request).await }, move |job| following.begin(job));
    }
}

fn is_live(job: &Job) -> bool {
    !job.state.is_over()
}

/// The job that a button started while it goes on; then why it failed or that it was cancelled, nothing of one that
/// is done.
#[component]
pub(crate) fn Started(starting: Starting) -> impl IntoView {
    let failed = Memo::new(move |_| starting.job.with(|job| job.as_ref().and_then(failure)));
    view! {
        <UnderWay job=starting.job />
        {move || failed.get().map(|error| view! { <Problem error /> })}
    }
}

/// A job while it goes on.
#[component]
pub(crate) fn UnderWay(#[prop(into)] job: Signal<Option<Job>>) -> impl IntoView {
    let live = Memo::new(move |_| {
        job.with(|job| job.as_ref().filter(|job| is_live(job)).map(|job| (job.id, job.title.clone())))
    });
    let client = Client::get();
    let pending = Pending::new();
    move || {
        live.get().map(|(id, title)| {
            let of = move |tell: fn(&Job) -> Option<String>| job.with(|job| job.as_ref().and_then(tell));
            let message = move || of(|job| Some(job.waits_for.clone().unwrap_or_else(|| job.message.clone())));
            let left = move || of(|job| job.seconds_left.map(|left| format!("{} left", words::duration(left))));
            let fraction = Signal::derive(move || job.with(|job| job.as_ref().and_then(|job| job.fraction)));
            view! {
                <div class="keeping card late" role="status">
                    <div class="flex">
                        <b class="cut">{title.clone()}</b>
                        <span class="grow small muted cut">{message}</span>
                        <span class="small faint">{left}</span>
                        <Button
                            label="Cancel"
                            kind="s"
                            disabled=pending.busy
                            on_press=move || pending.run(async move { client.call(CancelJob { job: id }).await }, |_| {})
                        />
                    </div>
                    <Progress fraction label=title />
                </div>
            }
        })
    }
}
