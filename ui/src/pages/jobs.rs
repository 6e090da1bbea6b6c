//! Jobs: everything that runs or ran, with progress, time left, cancel, retry and its log.

use api::{
    event::Event,
    id::JobId,
    job::{CancelJob, GetJobLog, Job, JobState, ListJobs, RetryJob, Subject},
};
use leptos::prelude::*;

use crate::{
    client::{Client, query::query},
    frame::{crumbs::crumbs, place::address},
    parts::{
        button::{Button, Pending},
        card::{Chip, Progress},
        icon,
        pane::Pane,
        states::{Empty, Load, Problem, Skeleton},
        when::Ago,
        words,
    },
};

/// What moves between two commits of a job's row.
#[derive(Clone, PartialEq)]
struct Moved {
    job: JobId,
    fraction: Option<f64>,
    message: String,
    seconds_left: Option<f64>,
}

#[component]
pub(crate) fn Jobs() -> impl IntoView {
    crumbs(|| vec![("Jobs".to_owned(), None)]);
    let jobs = query(|| Some(ListJobs { project: None, limit: Some(300) }));
    let open = RwSignal::new(None::<JobId>);
    let moved = RwSignal::new(Vec::<Moved>::new());
    Client::get().on_event(move |event| {
        if let Event::Progress { job, fraction, message, seconds_left, .. } = event {
            let now = Moved { job: *job, fraction: *fraction, message: message.clone(), seconds_left: *seconds_left };
            moved.update(|all| match all.iter_mut().find(|one| one.job == now.job) {
                Some(one) => *one = now,
                None => all.push(now),
            });
        }
    });
    view! {
        <div class="with-pane">
            <div class="body-of-page grow scrolls">
                <div class="head">
                    <div>
                        <h1>"Jobs"</h1>
                        <div class="sub">"Work goes on when the window is closed."</div>
                    </div>
                </div>
                <Load query=jobs let:jobs>
                    {move || {
                        let all = jobs.get();
                        if all.is_empty() {
                            return view! {
                                <Empty mark=icon::LIST_CHECKS title="Nothing has run yet" text="Snapshots, trainings, packages, pushes and deployments stand here while they run and after." />
                            }
                            .into_any();
                        }
                        let (live, over): (Vec<Job>, Vec<Job>) = all.into_iter().partition(|job| !job.state.is_over());
                        view! {
                            {(!live.is_empty()).then(|| view! { <List title="Now" jobs=live open moved /> })}
                            {(!over.is_empty()).then(|| view! { <List title="Before" jobs=over open moved /> })}
                        }
                        .into_any()
                    }}
                </Load>
            </div>
            {move || {
                open.get().map(|job| {
                    let title = jobs.value.with_untracked(|jobs| {
                        jobs.iter().flatten().find(|one| one.id == job).map(|one| one.title.clone()).unwrap_or_default()
                    });
                    view! { <Pane title=title on_close=move || open.set(None)><Log job /></Pane> }
                })
            }}
        </div>
    }
}

#[component]
fn List(
    title: &'static str,
    jobs: Vec<Job>,
    open: RwSignal<Option<JobId>>,
    moved: RwSignal<Vec<Moved>>,
) -> impl IntoView {
    view! {
        <section class="card section">
            <header><h2>{title}</h2><span class="right faint caption">{words::count(jobs.len() as u64)}</span></header>
            <div class="list">{jobs.into_iter().map(|job| view! { <Line job open moved /> }).collect_view()}</div>
        </section>
    }
}

#[component]
fn Line(job: Job, open: RwSignal<Option<JobId>>, moved: RwSignal<Vec<Moved>>) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let id = job.id;
    let (state, tone) = match job.state {
        JobState::Queued => ("queued", "info"),
        JobState::Running => ("running", "accent"),
        JobState::Done => ("done", "good"),
        JobState::Failed => ("failed", "bad"),
        JobState::Cancelled => ("cancelled", ""),
    };
    let live = !job.state.is_over();
    let (fraction, message, left) = (job.fraction, job.message.clone(), job.seconds_left);
    let now = Memo::new(move |_| moved.with(|all| all.iter().find(|one| one.job == id).cloned()));
    let fraction = Signal::derive(move || now.get().map_or(fraction, |now| now.fraction));
    let waits = job.waits_for.clone();
    let said = Signal::derive(move || {
        let left = now.get().map_or(left, |now| now.seconds_left);
        let message = waits.clone().map_or_else(
            || now.get().map_or_else(|| message.clone(), |now| now.message),
            |why| format!("Waits: {why}"),
        );
        match left.filter(|_| live) {
            Some(left) => format!("{message} · {} left", words::duration(left)),
            None => message,
        }
    });
    let took = job.ended_ms.zip(job.started_ms).map(|(end, start)| words::duration((end - start) as f64 / 1000.0));
    let link = link(&job);
    let title = job.title.clone();
    view! {
        <div class="job">
            <Chip text=state tone=tone dot=live />
            <div class="grow">
                <div class="cut">
                    {match link {
                        Some(link) => view! { <a class="link" href=link>{title}</a> }.into_any(),
                        None => title.into_any(),
                    }}
                </div>
                {match job.error.clone() {
                    Some(error) => view! { <Problem error /> }.into_any(),
                    None => view! { <div class="small muted cut">{move || said.get()}</div> }.into_any(),
                }}
                {(job.state == JobState::Running).then(|| view! { <Progress fraction label="Progress" /> })}
            </div>
            <span class="small faint end">
                <Ago ms=job.created_ms />
                {took.map(|took| view! { <div class="num">{took}</div> })}
            </span>
            <Button label="Log" kind="quiet s" mark=icon::SCROLL_TEXT on_press=move || open.set(Some(id)) />
            {live.then(|| view! {
                <Button label="Cancel" kind="s" disabled=pending.busy
                    on_press=move || pending.run(async move { client.call(CancelJob { job: id }).await }, |_| {}) />
            })}
            {job.retryable.then(|| view! {
                <Button label="Retry" kind="s" mark=icon::ROTATE_CW disabled=pending.busy
                    on_press=move || pending.run(async move { client.call(RetryJob { job: id }).await }, |_| {}) />
            })}
        </div>
    }
}

fn link(job: &Job) -> Option<String> {
    let project = job.project?;
    match job.subject {
        Subject::None => None,
        Subject::Snapshot(_) => Some(address(project, "data")),
        Subject::Run(run) => Some(address(project, &format!("runs/{run}"))),
        Subject::Package(_) => Some(address(project, "models")),
        Subject::Deployment(_) => Some(address(project, "deploy")),
    }
}

#[component]
fn Log(job: JobId) -> impl IntoView {
    let log = query(move || Some(GetJobLog { job }));
    view! {
        {move || match log.value.get() {
            None => view! { <Skeleton lines=4 /> }.into_any(),
            Some(lines) if lines.is_empty() => view! { <p class="muted small">"It has written nothing."</p> }.into_any(),
            Some(lines) => view! { <pre class="log">{lines.join("\n")}</pre> }.into_any(),
        }}
    }
}
