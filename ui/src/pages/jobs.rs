//! Jobs: everything that runs or ran, with progress, time left, cancel, retry and its log.

use api::{
    Request,
    event::Event,
    id::{JobId, ProjectId},
    job::{CancelJob, GetJobLog, Job, JobState, ListJobs, RetryJob, Subject},
    project::ListProjects,
};
use leptos::prelude::*;
use leptos_router::{
    hooks::{use_location, use_navigate},
    params::ParamsMap,
};

use crate::{
    client::{Client, query::query},
    frame::{
        address::{follow_address, keep_in_address},
        crumbs::crumbs,
        place::address,
    },
    parts::{
        button::{Button, IconButton, Pending},
        card::{Chip, Progress},
        field::TextField,
        icon::{self, icon},
        menu::{Item, MenuButton, Menus},
        pane::Pane,
        path_end::path_end,
        picked::{Picked, PickedBar, call_all, of_several},
        row_keys::{move_among_rows, opens_row},
        states::{Empty, Load, Problem, Skeleton},
        take_table::{Form, TakeTable, TextTable},
        toast::Toasts,
        when::Ago,
        words,
    },
};

/// Jobs that are asked for: older ones are of no use here, and their records stand on their own pages.
const NEWEST: u32 = 300;
const JOBS: (&str, &str) = ("job", "jobs");

/// What moves between two commits of a job's row.
#[derive(Clone, PartialEq)]
struct Moved {
    job: JobId,
    fraction: Option<f64>,
    message: String,
    seconds_left: Option<f64>,
}

/// What every line looks at.
#[derive(Clone, Copy)]
struct Seen {
    /// The job whose log is shown.
    open: RwSignal<Option<JobId>>,
    moved: RwSignal<Vec<Moved>>,
    projects: Memo<Vec<(ProjectId, String)>>,
    picked: Picked<JobId>,
    /// The jobs that are selected and stand here.
    chosen: Memo<Vec<Job>>,
    acts: Acts,
}

/// What a line's menu does: a line goes with the state of its job, and the menu outlives it.
#[derive(Clone, Copy)]
struct Acts {
    client: Client,
    pending: Pending,
    toasts: Toasts,
    menus: Menus,
    go: StoredValue<Box<dyn Fn(String)>, LocalStorage>,
}

impl Acts {
    fn new() -> Self {
        let navigate = use_navigate();
        let go: Box<dyn Fn(String)> = Box::new(move |to: String| navigate(&to, Default::default()));
        Self {
            client: Client::get(),
            pending: Pending::new(),
            toasts: Toasts::get(),
            menus: Menus::get(),
            go: StoredValue::new_local(go),
        }
    }
}

impl Seen {
    /// The lines of a job's menu.
    fn items(self, job: &Job) -> Vec<Item> {
        let (id, Acts { toasts, go, .. }) = (job.id, self.acts);
        let mut items = Vec::new();
        if let Some(link) = link(job) {
            items.push(Item::new("Open", icon::ARROW_RIGHT, move || go.with_value(|go| go(link.clone()))));
        }
        items.push(Item::new("Show its log", icon::SCROLL_TEXT, move || self.open.set(Some(id))));
        // Of a job that is selected they are about all that are.
        let chosen = self.chosen.get_untracked();
        let is_chosen = chosen.iter().any(|one| one.id == id);
        items.extend(if is_chosen { self.steps(&chosen) } else { self.steps(std::slice::from_ref(job)) });
        items.push(self.picked.item(id));
        items.push(Item::new("Copy id", icon::COPY, move || toasts.copy(&id.to_string())));
        items
    }

    /// What can be done with these jobs together.
    fn steps(self, jobs: &[Job]) -> Vec<Item> {
        let (live, again) = (ids_of(jobs, |job| !job.state.is_over()), ids_of(jobs, |job| job.retryable));
        let label = |verb: &str, count: usize| of_several(verb, count, jobs.len() == 1, JOBS);
        let mut items = Vec::new();
        if !live.is_empty() {
            items.push(Item::new(label("Cancel", live.len()), icon::X, move || {
                self.ask(live.iter().map(|job| CancelJob { job: *job }).collect());
            }));
        }
        if !again.is_empty() {
            items.push(Item::new(label("Retry", again.len()), icon::ROTATE_CW, move || {
                self.ask(again.iter().map(|job| RetryJob { job: *job }).collect());
            }));
        }
        items
    }

    fn ask<R: Request>(self, requests: Vec<R>) {
        let Acts { client, pending, .. } = self.acts;
        pending.run(call_all(client, requests), |()| {});
    }
}

/// A project's name among those that are known; empty where it is none.
fn name_in(projects: Memo<Vec<(ProjectId, String)>>, project: Option<ProjectId>) -> String {
    let name =
        |all: &Vec<(ProjectId, String)>| all.iter().find(|(id, _)| Some(*id) == project).map(|(_, name)| name.clone());
    projects.with(name).unwrap_or_default()
}

/// Those of some jobs that are as wanted.
fn ids_of(jobs: &[Job], wanted: impl Fn(&Job) -> bool) -> Vec<JobId> {
    jobs.iter().filter(|job| wanted(job)).map(|job| job.id).collect()
}

#[component]
pub(crate) fn Jobs() -> impl IntoView {
    crumbs(|| vec![("Jobs".to_owned(), None)]);
    let jobs = query(|| Some(ListJobs { project: None, limit: Some(NEWEST) }));
    let projects = query(|| Some(ListProjects {}));
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
    let asked = use_location().query;
    let projects = Memo::new(move |_| {
        let all = projects.value.get().unwrap_or_default();
        all.into_iter().map(|summary| (summary.project.id, summary.project.name)).collect::<Vec<_>>()
    });
    let wanted = RwSignal::new(asked.with_untracked(|asked| asked.get("filter")).unwrap_or_default());
    let picked = Picked::<JobId>::new();
    // What the filter leaves out is not meant, though it stays selected.
    let chosen = Memo::new(move |_| {
        let wanted = wanted.get();
        let is_meant = |job: &&Job| picked.has(job.id) && fits(job, &name_in(projects, job.project), &wanted);
        jobs.value.with(|jobs| jobs.iter().flatten().filter(is_meant).cloned().collect::<Vec<_>>())
    });
    let open = RwSignal::new(asked.with_untracked(log_of));
    let seen = Seen { open, moved, projects, picked, chosen, acts: Acts::new() };
    // The address leads to a log, and follows what is opened.
    Effect::new(move |_| {
        let named = log_of(&asked.get());
        if named.is_some() && named != open.get_untracked() {
            open.set(named);
        }
    });
    follow_address("filter", wanted);
    keep_in_address(move || {
        vec![("log", open.get().map(|job| job.to_string()).unwrap_or_default()), ("filter", wanted.get())]
    });
    view! {
        <div class="with-pane">
            <div class="body-of-page grow scrolls">
                <div class="head">
                    <div>
                        <h1>"Jobs"</h1>
                        <div class="sub">"Work goes on when the window is closed."</div>
                    </div>
                    <span class="right">
                        <TextField value=wanted name="Filter jobs" placeholder="Filter, such as failed train" mark=icon::LIST_FILTER is_filter=true class="jobs-filter" />
                    </span>
                </div>
                <Load query=jobs let:jobs>
                    {
                        let part = move |over: bool| Memo::new(move |_| {
                            let wanted = wanted.get();
                            jobs.with(|jobs| {
                                let part = jobs.iter().filter(|job| job.state.is_over() == over);
                                part.filter(|job| fits(job, &name_in(projects, job.project), &wanted)).cloned().collect::<Vec<_>>()
                            })
                        });
                        let (live, over) = (part(false), part(true));
                        let unfit = move || live.with(Vec::is_empty) && over.with(Vec::is_empty) && !jobs.with(Vec::is_empty);
                        view! {
                            <Show when=move || jobs.with(Vec::is_empty)>
                                <Empty mark=icon::LIST_CHECKS title="Nothing has run yet" text="Snapshots, trainings, packages, pushes and deployments stand here while they run and after." />
                            </Show>
                            <Show when=unfit>
                                <Empty mark=icon::LIST_FILTER title="No job fits this filter" text="Words are looked for in a job's title, its state, its kind and its project.">
                                    <Button label="Clear the filter" on_press=move || wanted.set(String::new()) />
                                </Empty>
                            </Show>
                            <PickedBar count=Signal::derive(move || chosen.with(Vec::len)) of=JOBS items=move || seen.steps(&chosen.get()) on_clear=move || picked.clear() />
                            <List title="Now" jobs=live seen />
                            <List title="Finished" jobs=over seen />
                            <Show when=move || jobs.with(Vec::len).ge(&(NEWEST as usize))>
                                <p class="small faint section">{format!("The newest {} are shown.", words::count(u64::from(NEWEST)))}</p>
                            </Show>
                        }
                    }
                </Load>
            </div>
            {move || {
                open.get().map(|job| {
                    let title = Signal::derive(move || jobs.value.with(|jobs| {
                        jobs.iter().flatten().find(|one| one.id == job).map(|one| one.title.clone()).unwrap_or_default()
                    }));
                    view! { <Pane title=title on_close=move || open.set(None)><Log job /></Pane> }
                })
            }}
        </div>
    }
}

/// The job whose log the address names: `?log=ID`.
fn log_of(asked: &ParamsMap) -> Option<JobId> {
    asked.get("log").and_then(|id| id.parse().ok())
}

#[component]
fn List(title: &'static str, jobs: Memo<Vec<Job>>, seen: Seen) -> impl IntoView {
    // What moves by itself is not in the key: a line under the pointer stays while its job goes on.
    let key = |job: &Job| (job.id.to_string(), job.state, job.retryable, job.waits_for.clone(), job.message.clone());
    let table =
        move |form| untrack(|| jobs.with(|jobs| as_text(jobs, |project| name_in(seen.projects, project), form)));
    view! {
        <Show when=move || !jobs.with(Vec::is_empty)>
            <section class="card section jobs">
                <header>
                    <h2>{title}</h2>
                    <span class="right flex">
                        <span class="faint caption">{move || words::count(jobs.with(Vec::len) as u64)}</span>
                        <TakeTable of=JOBS table />
                    </span>
                </header>
                <div class="list" role="list" on:keydown=move_among_rows><For each=move || jobs.get() key=key let:job><Line job seen /></For></div>
            </section>
        </Show>
    }
}

/// `project` says what a project is called.
fn as_text(jobs: &[Job], project: impl Fn(Option<ProjectId>) -> String, form: Form) -> TextTable {
    let row = |job: &Job| {
        let said = match (&job.error, &job.waits_for) {
            (Some(error), _) => error.message.as_str(),
            (None, Some(why)) => why.as_str(),
            (None, None) => job.message.as_str(),
        };
        let text = |text: &str| form.text(Some(text).filter(|text| !text.is_empty()));
        [
            job.title.clone(),
            job.id.to_string(),
            text(&project(job.project)),
            state_word(job.state).to_owned(),
            text(said),
            form.moment(Some(job.created_ms)),
            form.moment(job.started_ms),
            form.moment(job.ended_ms),
        ]
    };
    let head = ["Job", "Id", "Project", "State", "Message", "Created", "Started", "Ended"];
    TextTable::of(head.map(|title| (title, false)), jobs.iter().map(row))
}

#[component]
fn Line(job: Job, seen: Seen) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let id = job.id;
    let live = !job.state.is_over();
    // What failed is said once, with its hint, below.
    let told_below = job.error.as_ref().is_some_and(|error| !live || error.message == job.message);
    let message = if told_below { String::new() } else { job.message.clone() };
    let (fraction, left) = (job.fraction, job.seconds_left);
    let now = Memo::new(move |_| seen.moved.with(|all| all.iter().find(|one| one.job == id).cloned()));
    let fraction = Signal::derive(move || now.get().filter(|_| live).map_or(fraction, |now| now.fraction));
    let (waits, called) = (job.waits_for.clone(), job.title.clone());
    let said = Signal::derive(move || {
        let now = now.get().filter(|_| live);
        let left = now.as_ref().map_or(left, |now| now.seconds_left);
        let message = match (&waits, now) {
            (Some(why), _) => format!("Waits: {why}"),
            (None, Some(now)) => sentence(&now.message, &called),
            (None, None) => sentence(&message, &called),
        };
        match left.filter(|_| live) {
            Some(left) => format!("{message} · {} left", words::duration(left)),
            None => message,
        }
    });
    let took = job.ended_ms.zip(job.started_ms).map(|(end, start)| words::duration((end - start) as f64 / 1000.0));
    let link = link(&job);
    let opened = link.clone();
    let known = StoredValue::new(job.clone());
    let items = move || known.with_value(|job| seen.items(job));
    let title = job.title.clone();
    let (log, more, row_name) = (format!("Log of {title}"), format!("More for {title}"), title.clone());
    let in_project = job.project;
    let of = move || name_in(seen.projects, in_project);
    view! {
        <div
            class="job"
            class:on=move || seen.open.get() == Some(id)
            class:sel=move || seen.picked.has(id)
            role="listitem"
            tabindex="0"
            aria-label=move || seen.picked.named(id, &row_name)
            aria-current=move || (seen.open.get() == Some(id)).then_some("true")
            on:contextmenu=move |event| seen.acts.menus.open_at(&event, items())
            on:click=move |event| {
                seen.picked.by_press(&event, id);
            }
            on:keydown=move |event| {
                if seen.picked.by_key(&event, id) {
                    return;
                }
                if opens_row(&event) {
                    match opened.clone() {
                        Some(link) => seen.acts.go.with_value(|go| go(link.clone())),
                        None => seen.open.set(Some(id)),
                    }
                }
            }
        >
            {mark(job.state)}
            <div class="grow">
                <div class="flex what">
                    {match link {
                        Some(link) => view! { <a class="link cut keeps-end" tabindex="-1" title=title.clone() aria-label=title.clone() href=link>{path_end(&title)}</a> }.into_any(),
                        None => view! { <span class="cut keeps-end" title=title.clone()>{path_end(&title)}</span> }.into_any(),
                    }}
                    <span class="small faint cut of">{of}</span>
                    <span class="small muted cut grow" title=said>{said}</span>
                </div>
                {job.error.clone().map(|error| view! { <Problem error /> })}
                {(job.state == JobState::Running).then(|| view! { <Progress fraction label="Progress" /> })}
            </div>
            <span class="small faint end">{took.map(|took| format!("{took} · "))}<Ago ms=job.created_ms /></span>
            {live.then(|| view! {
                <Button label="Cancel" kind="s" disabled=pending.busy
                    on_press=move || pending.run(async move { client.call(CancelJob { job: id }).await }, |_| {}) />
            })}
            {job.retryable.then(|| view! {
                <Button label="Retry" kind="s" mark=icon::ROTATE_CW disabled=pending.busy
                    on_press=move || pending.run(async move { client.call(RetryJob { job: id }).await }, |_| {}) />
            })}
            <IconButton label=log mark=icon::SCROLL_TEXT on_press=move |_| seen.open.set(Some(id)) />
            <MenuButton items label=more />
        </div>
    }
}

/// Whether each word of a filter stands in what is said of a job.
fn fits(job: &Job, project: &str, wanted: &str) -> bool {
    words::fits(&format!("{} {} {:?} {project}", job.title, state_word(job.state), job.kind), wanted)
}

const fn state_word(state: JobState) -> &'static str {
    match state {
        JobState::Done => "done",
        JobState::Queued => "waiting",
        JobState::Running => "running",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    }
}

/// A message with a capital; one that begins with a name of the job's title keeps it as it is written.
fn sentence(message: &str, title: &str) -> String {
    let first = message.split(' ').next().unwrap_or_default();
    let begins_with_name = title.split(' ').any(|word| word == first);
    // "v2: diabetes.csv" begins with a version's number.
    let is_version = first.strip_prefix('v').is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()));
    if begins_with_name || is_version { message.to_owned() } else { words::capital(message) }
}

/// What is done needs no word; what goes on, waits or failed does.
fn mark(state: JobState) -> AnyView {
    let word = state_word(state);
    let chip = |tone: &'static str, dot: bool| view! { <Chip text=word tone dot /> }.into_any();
    match state {
        JobState::Done => {
            view! { <span class="good flex" role="img" aria-label=word title=word>{icon(icon::CHECK)}</span> }
                .into_any()
        }
        JobState::Queued => chip("info", true),
        JobState::Running => chip("accent", true),
        JobState::Failed => chip("bad", false),
        JobState::Cancelled => chip("", false),
    }
}

fn link(job: &Job) -> Option<String> {
    if let Subject::Project(project) = job.subject {
        return Some(address(project, ""));
    }
    let project = job.project?;
    match job.subject {
        Subject::None | Subject::Project(_) => None,
        Subject::Snapshot(_) => Some(address(project, "data")),
        Subject::Run(run) => Some(address(project, &format!("runs/{run}"))),
        Subject::Search(search) => Some(address(project, &format!("runs?search={search}"))),
        Subject::Version(_) | Subject::Package(_) => Some(address(project, "models")),
        Subject::Deployment(deployment) => Some(address(project, &format!("deploy?deployment={deployment}"))),
    }
}

#[component]
fn Log(job: JobId) -> impl IntoView {
    let log = query(move || Some(GetJobLog { job }));
    view! {
        {move || match (log.value.get(), log.error.get()) {
            (None, Some(error)) => view! { <Problem error /> }.into_any(),
            (None, None) => view! { <Skeleton lines=4 /> }.into_any(),
            (Some(lines), _) if lines.is_empty() => view! { <p class="muted small">"It has written nothing."</p> }.into_any(),
            (Some(lines), _) => view! { <pre class="log">{lines.join("\n")}</pre> }.into_any(),
        }}
    }
}

#[cfg(test)]
mod tests {
    use api::{ApiError, job::JobKind};

    use super::*;

    fn failed() -> Job {
        Job {
            id: JobId::from_bytes([1; 16]),
            project: None,
            kind: JobKind::Train,
            title: "Train brisk-heron".to_owned(),
            state: JobState::Failed,
            fraction: None,
            message: String::new(),
            error: None,
            seconds_left: None,
            waits_for: None,
            subject: Subject::None,
            created_ms: 0,
            started_ms: None,
            ended_ms: None,
            retryable: false,
        }
    }

    #[test]
    fn jobs_are_taken_with_what_is_said_of_each() {
        let mut all = [failed(), failed(), failed()];
        all[0].error = Some(ApiError::not_found("It is gone."));
        all[1].waits_for = Some("needs 2.1 GB".to_owned());
        all[1].state = JobState::Queued;
        let table = as_text(&all, |_| "Penguins".to_owned(), Form::Csv);
        let said: Vec<_> = table.rows.iter().map(|row| (row[2].as_str(), row[3].as_str(), row[4].as_str())).collect();
        let [gone, waits] = ["It is gone.", "needs 2.1 GB"];
        assert_eq!(said, [("Penguins", "failed", gone), ("Penguins", "waiting", waits), ("Penguins", "failed", "")]);
        assert_eq!((table.head.len(), table.rows[0][5].as_str()), (8, "1970-01-01T00:00:00Z"));
        assert_eq!(as_text(&all, |_| String::new(), Form::Markdown).rows[2][2..5], ["–", "failed", "–"]);
    }

    #[test]
    fn a_job_is_found_by_its_words() {
        let job = failed();
        for (wanted, found) in [("", true), ("failed heron", true), ("penguins train", true), ("done", false)] {
            assert_eq!(fits(&job, "Penguins", wanted), found, "{wanted}");
        }
    }

    #[test]
    fn a_message_has_a_capital_and_a_name_keeps_its_own() {
        let title = "Deploy card-fraud v1 to this machine";
        assert_eq!(sentence("card-fraud v1 answers on this machine", title), "card-fraud v1 answers on this machine");
        assert_eq!(sentence("lays out the model", title), "Lays out the model");
        assert_eq!(sentence("", title), "");
    }
}
