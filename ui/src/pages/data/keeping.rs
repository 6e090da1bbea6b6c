//! What keeping the data as they are takes: seen before it is done, and while it is done.

use api::{
    ErrorCode,
    dataset::{Dataset, PlanSnapshot, Profile, SnapshotPlan},
    deleted::{DeletedSnapshot, ListDeletedSnapshots, PurgeSnapshot, RestoreSnapshot},
    event::Event,
    id::SnapshotId,
    job::{Job, JobKind, JobState, ListJobs},
    project::EditProjectFile,
};
use leptos::prelude::*;
use serde_json::{Value, json};

use super::{TakeButton, banners};
use crate::{
    client::{
        Client,
        query::{Query, query},
    },
    frame::{arrivals::Arrivals, place::Place},
    parts::{
        button::{Button, Pending},
        deleted::{Deleted, DeletedItem},
        field::Switch,
        icon::{self, icon},
        states::{Empty, Problem},
        toast::Toasts,
        under_way::UnderWay,
        words,
    },
};

/// Nothing was kept yet.
#[component]
pub(super) fn First(dataset: Signal<Dataset>) -> impl IntoView {
    let is_without = Memo::new(move |_| dataset.with(|dataset| dataset.files == 0 && dataset.problem.is_none()));
    view! {
        <div class="body-of-page">
            <div class="head"><h1>"Data"</h1></div>
            {move || dataset.with(|dataset| dataset.problem.clone()).map(|error| view! { <Problem error /> })}
            <banners::Beside dataset />
            <banners::Arrived dataset />
            {move || if is_without.get() { view! { <NoData /> }.into_any() } else { view! { <FirstOfFiles /> }.into_any() }}
            <Gone />
        </div>
    }
}

/// Snapshots that were deleted within a day; beside others they stand in the menu of a snapshot.
#[component]
fn Gone() -> impl IntoView {
    let place = Place::get();
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let all = query(move || place.project.get().map(|project| ListDeletedSnapshots { project }));
    let items = Memo::new(move |_| all.value.with(|all| all.iter().flatten().map(gone).collect::<Vec<_>>()));
    let restore = move |DeletedItem { key, .. }| {
        let Ok(snapshot) = key.parse::<SnapshotId>() else { return };
        pending.run(async move { client.call(RestoreSnapshot { snapshot }).await }, move |back| {
            toasts.done(format!("Restored snapshot v{}", back.number));
        });
    };
    let purge = move |DeletedItem { key, name, .. }| {
        let Ok(snapshot) = key.parse::<SnapshotId>() else { return };
        pending.run(async move { client.call(PurgeSnapshot { snapshot }).await }, move |freed| {
            toasts.done(format!("Deleted {name} for good; {} freed.", words::bytes(freed.bytes)));
        });
    };
    view! {
        <Deleted title="Deleted snapshots" of=("deleted snapshot", "deleted snapshots") items busy=pending.busy restore purge />
    }
}

fn gone(one: &DeletedSnapshot) -> DeletedItem {
    DeletedItem {
        key: one.snapshot.to_string(),
        name: format!("v{} ({})", one.number, words::counted(one.rows, "row", "rows")),
        deleted_ms: one.deleted_ms,
        size_bytes: Some(one.frees_bytes),
    }
}

/// The project names no data: its runs are those of programs, until some are added.
#[component]
fn NoData() -> impl IntoView {
    let arrivals = Arrivals::get();
    view! {
        <Empty
            mark=icon::DATABASE
            title="No data yet"
            text="Programs are tracked without any. To train here, drop a table or a folder of images on this page: it is copied into the project."
        >
            <Button label="Add tables…" kind="primary" mark=icon::FILE on_press=move || arrivals.choose_files() />
            <Button label="Add a folder…" mark=icon::FOLDER on_press=move || arrivals.choose_folder() />
        </Empty>
    }
}

#[component]
fn FirstOfFiles() -> impl IntoView {
    let plan = plan_of();
    let is_short = Memo::new(move |_| plan.value.with(|plan| plan.as_ref().is_some_and(lacks_room)));
    view! {
        <Empty
            mark=icon::DATABASE
            title="No snapshot yet"
            text="A snapshot keeps the data as they are now, so that every model can say what it learned from."
        >
            <TakeButton kind="primary" label="Take the first snapshot" is_first=true blocked=is_short />
        </Empty>
        <Underway />
        <Plan plan />
    }
}

fn plan_of() -> Query<SnapshotPlan> {
    let place = Place::get();
    query(move || place.project.get().map(|project| PlanSnapshot { project }))
}

/// A copy would not fit onto the disk.
fn lacks_room(plan: &SnapshotPlan) -> bool {
    !plan.referenced && !plan.reflink && plan.new_bytes > plan.free_bytes
}

/// How much of it is new, and what happens with it.
fn sentence(plan: &SnapshotPlan) -> String {
    if plan.referenced {
        "Only hashes are kept. The files must stay where and as they are, else the snapshot can't be read again."
            .to_owned()
    } else if plan.new_bytes == 0 {
        "The workspace has all of these bytes already: nothing is copied.".to_owned()
    } else if plan.reflink {
        format!(
            "{} are kept; the file system shares them, so that they take no more room.",
            words::bytes(plan.new_bytes)
        )
    } else {
        format!("{} are copied into the workspace.", words::bytes(plan.new_bytes))
    }
}

/// The files, how they are kept, the free room, and the choice between a copy and hashes.
#[component]
fn Plan(plan: Query<SnapshotPlan>) -> impl IntoView {
    let place = Place::get();
    let client = Client::get();
    let pending = Pending::new();
    let asked =
        move || place.known.value.with(|project| project.as_ref().is_some_and(|project| project.file.data.reference));
    let reference = RwSignal::new(untrack(asked));
    Effect::new(move |_| reference.set(asked()));
    Effect::new(move |before: Option<bool>| {
        let now = reference.get();
        if before.is_some_and(|before| before != now) && now != untrack(asked) {
            let value = if now { json!(true) } else { Value::Null };
            let request = EditProjectFile { project: place.id_now(), set: vec![("data.reference".to_owned(), value)] };
            pending.run(async move { client.call(request).await }, move |_| plan.refresh());
        }
        now
    });
    move || {
        if let Some(error) = plan.error.get() {
            // That there is no file yet says the dataset's own problem.
            return (error.code != ErrorCode::NotFound).then(|| view! { <Problem error /> }.into_any());
        }
        plan.value.get().filter(|plan| plan.files > 0).map(|plan| {
            let is_short = lacks_room(&plan);
            let by_limit = plan.referenced && !untrack(asked);
            view! {
                <div class="keeping card">
                    <dl>
                        <dt>"Files"</dt>
                        <dd>{words::counted(plan.files, "file", "files")}", "{words::bytes(plan.size_bytes)}</dd>
                        <dt>"Kept"</dt>
                        <dd>{sentence(&plan)}</dd>
                        <dt>"Free"</dt>
                        <dd class:bad=is_short>{words::bytes(plan.free_bytes)}" on the workspace's disk"</dd>
                    </dl>
                    {is_short.then(|| view! { <p class="small bad" role="alert">"There is no room for a copy: free some, or keep hashes instead."</p> })}
                    {if by_limit {
                        view! { <p class="small muted">"The data outgrow the limit for copies in "<a class="link" href="/settings">"Settings"</a>", so they are referenced."</p> }.into_any()
                    } else {
                        view! {
                            <Switch value=reference label="Keep hashes instead of a copy" disabled=pending.busy />
                            <small class="muted">"The files must then stay where they are."</small>
                        }
                        .into_any()
                    }}
                </div>
            }
            .into_any()
        })
    }
}

/// In one line for a version that follows others.
#[component]
pub(super) fn PlanLine() -> impl IntoView {
    let plan = plan_of();
    move || {
        plan.value.get().filter(|plan| !plan.unchanged).map(|plan| {
            let room = format!("{} free", words::bytes(plan.free_bytes));
            view! { <div class="small" class:muted=!lacks_room(&plan) class:bad=lacks_room(&plan)>{sentence(&plan)}" "{room}"."</div> }
        })
    }
}

/// The snapshot that is being taken, how far it is, and the way to stop it.
#[component]
pub(super) fn Underway() -> impl IntoView {
    let place = Place::get();
    let client = Client::get();
    let jobs = query(move || place.project.get().map(|project| ListJobs { project: Some(project), limit: Some(20) }));
    let found =
        move |jobs: &Vec<Job>| jobs.iter().find(|job| job.kind == JobKind::Snapshot && !job.state.is_over()).cloned();
    let job = RwSignal::new(None::<Job>);
    // One that failed after the newest version says why, until another is taken.
    let failed = Memo::new(move |_| {
        let newest =
            jobs.value.with(|jobs| jobs.as_ref()?.iter().find(|job| job.kind == JobKind::Snapshot).cloned())?;
        newest.error.filter(|_| newest.state == JobState::Failed)
    });
    Effect::new(move |_| job.set(jobs.value.with(|jobs| jobs.as_ref().and_then(found))));
    client.on_event(move |event| {
        if let Event::Progress { job: moved, state, fraction, message, seconds_left } = event {
            job.try_update(|job| {
                if let Some(now) = job.as_mut().filter(|job| job.id == *moved) {
                    (now.state, now.fraction, now.seconds_left) = (*state, *fraction, *seconds_left);
                    now.message.clone_from(message);
                }
                job.take_if(|job| job.state.is_over());
            });
        }
    });
    let is_live = Memo::new(move |_| job.with(Option::is_some));
    view! {
        <UnderWay job />
        {move || failed.get().filter(|_| !is_live.get()).map(|error| view! { <Problem error /> })}
    }
}

/// Columns that `slipway.toml` reads as another type than this version was read with.
#[component]
pub(super) fn Reread(dataset: Signal<Dataset>, profile: RwSignal<Option<Profile>>) -> impl IntoView {
    let place = Place::get();
    let differing = Memo::new(move |_| {
        let types = place
            .known
            .value
            .with(|project| project.as_ref().map(|project| project.file.data.types.clone()))
            .unwrap_or_default();
        profile.with(|profile| {
            let columns = profile.iter().flat_map(|profile| &profile.columns);
            columns
                .filter(|column| types.get(&column.name).is_some_and(|kind| *kind != column.kind))
                .map(|column| column.name.clone())
                .collect::<Vec<_>>()
        })
    });
    move || {
        let names = differing.get();
        (!names.is_empty()).then(|| {
            let next = dataset.with(|dataset| dataset.snapshots.first().map_or(1, |newest| newest.number + 1));
            view! {
                <div class="drop">
                    <span class="accent flex">{icon(icon::REFRESH_CW)}</span>
                    <span class="grow">
                        "Another type is chosen for "<span class="mono">{names.join(", ")}</span>
                        ". This snapshot stays as it was read; the next one reads it so."
                    </span>
                    <TakeButton label=format!("Take v{next}") kind="s primary" />
                </div>
            }
        })
    }
}
