//! Cancelling a rollout that is under way, and what that leaves.

use api::{
    deploy::Deployment,
    id::{DeploymentId, JobId},
    job::{CancelJob, Job, JobKind, ListJobs, Subject},
};
use leptos::prelude::*;

use crate::{
    client::{Client, query::query},
    parts::button::{Button, Pending},
};

/// Jobs that are asked for: those under way stand before those that are over.
const NEWEST: u32 = 50;

/// The button, with what a cancelled rollout leaves beside it.
#[component]
pub(super) fn CancelRollout(job: JobId) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let asked = RwSignal::new(false);
    let cancel = move || pending.run(async move { client.call(CancelJob { job }).await }, move |_| asked.set(true));
    view! {
        <div class="flex">
            <span class="grow caption faint">
                "Cancelling before anything is applied changes nothing. What is applied already stays, and the target goes on with it until you roll back or delete the deployment."
            </span>
            <Button
                label=Signal::derive(move || if asked.get() { "Being cancelled" } else { "Cancel rollout" }.to_owned())
                kind="s" disabled=Signal::derive(move || pending.busy.get() || asked.get()) on_press=cancel />
        </div>
    }
}

/// The way to cancel what rolls out of a deployment now; nothing where nothing does.
#[component]
pub(super) fn Rolling(now: Signal<Deployment>) -> impl IntoView {
    let project = now.with_untracked(|now| now.project);
    let id = now.with_untracked(|now| now.id);
    let is_changing = Memo::new(move |_| now.with(|now| now.rollouts.first().is_some_and(|one| one.outcome.is_none())));
    let jobs = query(move || is_changing.get().then_some(ListJobs { project: Some(project), limit: Some(NEWEST) }));
    let job = Memo::new(move |_| {
        let rolls = jobs.value.with(|jobs| jobs.iter().flatten().find(|job| rolls(job, id)).map(|job| job.id));
        rolls.filter(|_| is_changing.get())
    });
    view! { {move || job.get().map(|job| view! { <CancelRollout job /> })} }
}

fn rolls(job: &Job, id: DeploymentId) -> bool {
    job.kind == JobKind::Deploy && job.subject == Subject::Deployment(id) && !job.state.is_over()
}
