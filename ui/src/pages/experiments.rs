//! Experiments: groups of runs in folders, whether they belong to a project or not.

mod folder;
mod forms;
mod logged;
mod models;
mod sources;
mod tree;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use api::{
    event::{Event, Tag},
    id::{ExperimentId, ProjectId},
    project::ListProjects,
    tracking::{DeleteExperiment, Experiment, ListExperiments, PurgeExperiment, RestoreExperiment},
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use self::{
    folder::{DeleteFolder, Emptied, FolderLine},
    forms::{Ask, Asking},
    logged::{LoggedOfNoRun, LoggedPage},
    models::OtherModels,
    sources::Sources,
    tree::{Line, as_text, lines, note},
};
use crate::{
    client::{
        Client, pace,
        query::{Query, query},
    },
    frame::{address::filter_of_address, crumbs::crumbs, place},
    parts::{
        button::{Button, Pending},
        client_version::{self, ClientVersionPage},
        dialog::Confirm,
        field::{Switch, TextField},
        icon::{self, icon},
        menu::{Item, MenuButton, Menus},
        row_keys::{is_meant_for_row, move_among_rows, opens_row},
        sought::{Wrong, sought},
        states::{Empty, Load},
        take_table::TakeTable,
        toast::Toasts,
        when::Ago,
        words,
    },
};

/// The list, or the page of a version without a project or of a logged model without a run that the address names.
#[component]
pub(crate) fn Experiments() -> impl IntoView {
    let (asked, logged) = (client_version::asked(), logged::asked());
    move || match (asked.get(), logged.get()) {
        (Some(version), _) => {
            view! { <ClientVersionPage version of="Experiments" list="/experiments".to_owned() /> }.into_any()
        }
        (None, Some(model)) => view! { <LoggedPage model /> }.into_any(),
        (None, None) => view! { <List /> }.into_any(),
    }
}

#[component]
fn List() -> impl IntoView {
    crumbs(|| vec![("Experiments".to_owned(), None)]);
    let deleted = RwSignal::new(false);
    let wanted = filter_of_address("filter");
    let folded = RwSignal::new(BTreeSet::<String>::new());
    let all = query(move || Some(ListExperiments { deleted: deleted.get(), ..ListExperiments::default() }));
    follow_runs(all);
    let projects = query(|| Some(ListProjects {}));
    let names = Memo::new(move |_| {
        projects.value.with(|all| {
            let pairs = all.iter().flatten().map(|summary| (summary.project.id, summary.project.name.clone()));
            pairs.collect::<BTreeMap<ProjectId, String>>()
        })
    });
    let folders = Memo::new(move |_| {
        let known = all.value.with(|all| all.iter().flatten().map(|one| one.folder.clone()).collect::<BTreeSet<_>>());
        known.into_iter().filter(|folder| !folder.is_empty()).collect::<BTreeSet<_>>()
    });
    let acts = Acts::new(deleted, folded);
    let sought = sought(
        wanted,
        move |filter| Some(ListExperiments { deleted: deleted.get(), filter }),
        |found: &Vec<Experiment>| found.iter().map(|one| one.id).collect(),
    );
    let fitting = move |all: &[Experiment], keys: Option<&BTreeSet<ExperimentId>>| {
        let fits = |one: &&Experiment| keys.is_none_or(|keys| keys.contains(&one.id));
        all.iter().filter(fits).cloned().collect::<Vec<_>>()
    };
    let adding = RwSignal::new(false);
    let count = move || {
        let (one, many) =
            if deleted.get() { ("deleted experiment", "deleted experiments") } else { ("experiment", "experiments") };
        all.value.with(|all| all.as_ref().map(|all| words::counted(all.len() as u64, one, many)))
    };
    view! {
        <div class="body-of-page experiments">
            <div class="head">
                <div><h1>"Experiments"</h1><div class="sub">{count}</div></div>
                <div class="right flex">
                    <TextField value=wanted name="Filter experiments" placeholder="Filter, such as within = vision" class="jobs-filter" mark=icon::LIST_FILTER is_filter=true />
                    <Switch value=deleted label="Deleted" />
                    <a class="btn" href=place::ALL_RUNS>{icon(icon::ACTIVITY)}"All runs"</a>
                    <Button label="Read a log…" mark=icon::FOLDER_OPEN on_press=move || adding.set(true) />
                    <Button label="New experiment…" mark=icon::PLUS kind="primary" on_press=move || acts.ask(Asking::New(String::new())) />
                </div>
            </div>
            <Wrong of=sought.wrong />
            <Load query=all let:all>
                {
                    let found = Memo::new(move |_| {
                        let all = all.with(|all| sought.keys.with(|keys| fitting(all, keys.as_ref())));
                        // What is searched for is seen wherever it is.
                        if wanted.with(|wanted| wanted.trim().is_empty()) { folded.with(|folded| lines(&all, folded)) } else { lines(&all, &BTreeSet::new()) }
                    });
                    let none = Memo::new(move |_| found.with(Vec::is_empty));
                    let is_sought = Memo::new(move |_| wanted.with(|wanted| !wanted.trim().is_empty()));
                    view! {
                        {move || none.get().then(|| view! { <Nothing deleted wanted is_sought=is_sought.get() acts /> })}
                        <section class="card" class:hidden=none>
                            <header>
                                <h2>{move || if deleted.get() { "Deleted experiments" } else { "All experiments" }}</h2>
                                <span class="right">
                                    <TakeTable of=("experiment", "experiments") table=move |form| {
                                        // Those in folded folders, too.
                                        let fitting = all.with_untracked(|all| sought.keys.with_untracked(|keys| fitting(all, keys.as_ref())));
                                        names.with_untracked(|names| as_text(&fitting, names, form))
                                    } />
                                </span>
                            </header>
                            <Lines found all names acts />
                        </section>
                    }
                }
            </Load>
            <Sources adding />
            <OtherModels deleted />
            <LoggedOfNoRun deleted />
            <Ask asking=acts.asking folders=Signal::from(folders) projects=names />
            <Purge acts />
            <DeleteDefault acts />
            <DeleteFolder acts />
        </div>
    }
}

/// Milliseconds between two counts of all runs.
const COUNTS_APART_MS: i32 = 5_000;

/// A run is a change of its experiment, which is asked for once in a while: one that goes on announces itself again and again.
fn follow_runs(all: Query<Vec<Experiment>>) {
    let again = pace::spaced(|| COUNTS_APART_MS, move || all.refresh());
    Client::get().on_event(move |event| {
        if matches!(event, Event::Changed { tag: Tag::Experiment(_) }) {
            again();
        }
    });
}

#[component]
fn Nothing(
    deleted: RwSignal<bool>,
    /// What is searched for.
    wanted: RwSignal<String>,
    is_sought: bool,
    acts: Acts,
) -> impl IntoView {
    match (is_sought, deleted.get_untracked()) {
        (true, _) => view! {
            <Empty mark=icon::LIST_FILTER title="No experiment fits this filter" text="Words are looked for in names, folders, notes and tags; a condition names a field, like within = vision or tag.team = growth.">
                <Button label="Clear the filter" on_press=move || wanted.set(String::new()) />
            </Empty>
        }
        .into_any(),
        (false, true) => view! {
            <Empty mark=icon::TRASH title="No deleted experiment" text="What is deleted stands here with its runs until it is restored or deleted for good.">
                <Button label="Back to the experiments" on_press=move || deleted.set(false) />
            </Empty>
        }
        .into_any(),
        (false, false) => view! {
            <Empty mark=icon::FOLDER_OPEN title="No experiment yet" text="An experiment groups runs that are compared with each other. Each project has one; programs make others.">
                <Button label="New experiment…" mark=icon::PLUS kind="primary" on_press=move || acts.ask(Asking::New(String::new())) />
            </Empty>
        }
        .into_any(),
    }
}

/// What can be done with an experiment, from its row.
#[derive(Clone, Copy)]
struct Acts {
    client: Client,
    toasts: Toasts,
    pending: Pending,
    deleted: RwSignal<bool>,
    folded: RwSignal<BTreeSet<String>>,
    asking: RwSignal<Option<Asking>>,
    purging: RwSignal<Option<Experiment>>,
    /// Where clients log that name none, which is asked about first.
    deleting: RwSignal<Option<Experiment>>,
    /// A folder whose experiments are to be deleted, which is asked about first, too.
    emptying: RwSignal<Option<Emptied>>,
    go: StoredValue<Box<dyn Fn(String)>, LocalStorage>,
}

impl Acts {
    fn new(deleted: RwSignal<bool>, folded: RwSignal<BTreeSet<String>>) -> Self {
        let navigate = use_navigate();
        let go: Box<dyn Fn(String)> = Box::new(move |to: String| navigate(&to, Default::default()));
        Self {
            client: Client::get(),
            toasts: Toasts::get(),
            pending: Pending::new(),
            deleted,
            folded,
            asking: RwSignal::new(None),
            purging: RwSignal::new(None),
            deleting: RwSignal::new(None),
            emptying: RwSignal::new(None),
            go: StoredValue::new_local(go),
        }
    }

    fn ask(self, asking: Asking) {
        self.asking.set(Some(asking));
    }

    fn open(self, experiment: &Experiment) {
        let to = runs_of(experiment);
        self.go.with_value(|go| go(to));
    }

    fn fold(self, path: &str, is_open: bool) {
        self.folded.update(|folded| {
            if is_open {
                folded.remove(path);
            } else {
                folded.insert(path.to_owned());
            }
        });
    }

    fn items(self, experiment: &Experiment) -> Vec<Item> {
        if self.deleted.get_untracked() {
            return self.items_of_deleted(experiment);
        }
        let own = |why: &str| experiment.is_own.then(|| why.to_owned());
        let one = || Box::new(experiment.clone());
        let (opened, renamed, moved, given) = (one(), one(), one(), one());
        let (noted, tagged, gone) = (one(), one(), one());
        vec![
            Item::new("Open its runs", icon::ARROW_RIGHT, move || self.open(&opened)),
            Item::new("Rename…", icon::PENCIL, move || self.ask(Asking::Name(renamed.clone())))
                .blocked(own("It has the name of its project: rename that.")),
            Item::new("Move to a folder…", icon::FOLDER, move || self.ask(Asking::Folder(moved.clone()))),
            Item::new("Move to a project…", icon::FOLDER_OPEN, move || self.ask(Asking::Project(given.clone())))
                .blocked(own("It is the experiment of a project: its runs can be moved.")),
            Item::new("Notes…", icon::PENCIL, move || self.ask(Asking::Notes(noted.clone()))),
            Item::new("Tags…", icon::TAG, move || self.ask(Asking::Tags(tagged.clone()))),
            if is_default(experiment) {
                Item::new("Delete…", icon::TRASH, move || self.deleting.set(Some((*gone).clone()))).danger()
            } else {
                Item::new("Delete", icon::TRASH, move || self.delete(&gone))
                    .danger()
                    .blocked(own("It is the experiment of a project: delete the project instead."))
            },
        ]
    }

    fn items_of_deleted(self, experiment: &Experiment) -> Vec<Item> {
        let (id, name, gone) = (experiment.id, experiment.name.clone(), experiment.clone());
        let kept = is_default(experiment).then(|| {
            "Clients that name no experiment log there. It can stay deleted, and its runs can be deleted for good."
                .to_owned()
        });
        let Self { client, toasts, pending, .. } = self;
        let restore = move || {
            let name = name.clone();
            let call = async move { client.call(RestoreExperiment { experiment: id }).await };
            pending.run(call, move |_| toasts.done(format!("Restored {name} with its runs")));
        };
        vec![
            Item::new("Restore", icon::UNDO_2, restore),
            Item::new("Delete for good…", icon::TRASH, move || self.purging.set(Some(gone.clone())))
                .danger()
                .blocked(kept),
        ]
    }

    fn delete(self, experiment: &Experiment) {
        let (id, name) = (experiment.id, experiment.name.clone());
        let Self { client, toasts, .. } = self;
        self.pending.run(async move { client.call(DeleteExperiment { experiment: id }).await }, move |()| {
            toasts.undoable(client, format!("Deleted {name} with its runs"), RestoreExperiment { experiment: id });
        });
    }
}

/// Whether it is the one that clients log to which name none.
const fn is_default(experiment: &Experiment) -> bool {
    experiment.is_default()
}

/// What it means that clients have no experiment to log to which name none.
fn told_of_default(experiment: &Experiment) -> String {
    let runs = match experiment.runs {
        0 => "It has no runs.".to_owned(),
        1 => "Its one run is deleted with it.".to_owned(),
        count => format!("Its {} are deleted with it.", words::counted(count, "run", "runs")),
    };
    format!(
        "Programs that name no experiment log here: until it is restored, each of them is refused when it starts a run. {runs} It stands under Deleted, and can be restored with them."
    )
}

/// Where an experiment's runs are by themselves: those of a project's own stand with the project.
fn runs_of(experiment: &Experiment) -> String {
    match experiment.project.filter(|_| experiment.is_own) {
        Some(project) => place::address(project, "runs"),
        None => place::address_of(experiment.id, "runs"),
    }
}

/// Asks before what programs log to by themselves is deleted.
#[component]
fn DeleteDefault(acts: Acts) -> impl IntoView {
    let deleting = acts.deleting;
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if deleting.with(Option::is_some) {
            open.set(true);
        }
    });
    let of = move |tell: fn(&Experiment) -> String| deleting.with(|one| one.as_ref().map(tell)).unwrap_or_default();
    let delete = move || {
        if let Some(experiment) = deleting.get_untracked() {
            acts.delete(&experiment);
        }
    };
    view! {
        <Confirm
            open
            title=Signal::derive(move || of(|experiment| format!("Delete {}?", experiment.name)))
            text=Signal::derive(move || of(told_of_default))
            verb="Delete"
            on_confirm=delete
        />
    }
}

#[component]
fn Purge(acts: Acts) -> impl IntoView {
    let Acts { client, toasts, pending, purging, .. } = acts;
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if purging.with(Option::is_some) {
            open.set(true);
        }
    });
    let name = move || purging.get().map(|experiment| experiment.name).unwrap_or_default();
    let purge = move || {
        let Some(Experiment { id, name, .. }) = purging.get_untracked() else { return };
        pending.run(async move { client.call(PurgeExperiment { experiment: id }).await }, move |freed| {
            toasts.done(format!("Deleted {name} for good; {}.", freed.said()));
        });
    };
    view! {
        <Confirm
            open
            title=Signal::derive(move || format!("Delete {} for good?", name()))
            text="Its runs are gone then with their metrics, artifacts and logs, and nothing brings them back."
            verb="Delete for good"
            on_confirm=purge
        />
    }
}

/// Lines that are shown at once; each press shows as many more.
const PIECE: usize = 200;

#[component]
fn Lines(
    found: Memo<Vec<Line>>,
    all: Signal<Vec<Experiment>>,
    names: Memo<BTreeMap<ProjectId, String>>,
    acts: Acts,
) -> impl IntoView {
    let most = RwSignal::new(PIECE);
    let seen = Memo::new(move |_| found.with(|lines| lines.iter().take(most.get()).cloned().collect::<Vec<_>>()));
    let left = move || found.with(Vec::len).saturating_sub(most.get());
    // A line stays where its figures change, and the keyboard with it.
    let by_key = Memo::new(move |_| {
        seen.with(|lines| lines.iter().map(|line| (line.key(), line.clone())).collect::<HashMap<_, _>>())
    });
    let row = move |line: Line| {
        let (key, first) = (line.key(), line.clone());
        let now = Memo::new(move |before: Option<&Line>| {
            let now = by_key.with(|lines| lines.get(&key).cloned());
            now.or_else(|| before.cloned()).unwrap_or_else(|| first.clone())
        });
        match line {
            Line::Folder { path, name, depth, .. } => {
                view! { <FolderLine path name depth line=now all acts /> }.into_any()
            }
            Line::One { experiment: first, depth } => {
                let experiment = Memo::new(move |_| match now.get() {
                    Line::One { experiment, .. } => *experiment,
                    Line::Folder { .. } => (*first).clone(),
                });
                view! { <OneLine experiment depth names acts /> }.into_any()
            }
        }
    };
    view! {
        <div class="scrolls">
            <table class="small-table opens tree" on:keydown=move_among_rows>
                <thead>
                    <tr>
                        <th>"Experiment"</th>
                        <th>"Project"</th>
                        <th class="num">"Runs"</th>
                        <th class="num">"Last change"</th>
                        <th class="apart">"Note"</th>
                        <th></th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || seen.get() key=Line::key let:line>{row(line)}</For>
                </tbody>
            </table>
        </div>
        {move || (left() > 0).then(|| {
            let label = format!("Show {} more of {}", words::count(left().min(PIECE) as u64), words::count(found.with(Vec::len) as u64));
            view! { <div class="padded"><Button label kind="quiet" on_press=move || most.update(|most| *most += PIECE) /></div> }
        })}
    }
}

/// Pixels that a folder's content stands to its right.
const STEP: usize = 18;

fn indent(depth: usize) -> String {
    format!("{}px", depth * STEP)
}

#[component]
fn OneLine(
    /// As it is now.
    experiment: Memo<Experiment>,
    depth: usize,
    names: Memo<BTreeMap<ProjectId, String>>,
    acts: Acts,
) -> impl IntoView {
    let menus = Menus::get();
    // A line of another name is another line.
    let name = experiment.with_untracked(|one| one.name.clone());
    let items = move || experiment.with_untracked(|one| acts.items(one));
    let noted = move || acts.ask(Asking::Notes(Box::new(experiment.get_untracked())));
    let is_deleted = Memo::new(move |_| experiment.with(|one| one.deleted_ms.is_some()));
    // What is deleted has no page of runs until it is restored.
    let open = move || {
        if !is_deleted.get_untracked() {
            experiment.with_untracked(|one| acts.open(one));
        }
    };
    let project = Memo::new(move |_| experiment.with(|one| one.project));
    let of = move || match project.get() {
        Some(project) => {
            let name = names.with(|names| names.get(&project).cloned()).unwrap_or_else(|| "…".to_owned());
            view! { <a class="link" href=place::address(project, "")>{name}</a> }.into_any()
        }
        None => view! { <span class="faint">"no project"</span> }.into_any(),
    };
    let title = name.clone();
    let called = move || {
        let name = title.clone();
        if is_deleted.get() {
            view! { <b class="cut">{name}</b> }.into_any()
        } else {
            let to = move || experiment.with(runs_of);
            view! { <a class="link strong cut" title=name.clone() tabindex="-1" href=to>{name.clone()}</a> }.into_any()
        }
    };
    // Of one that is deleted those that went with it.
    let runs = move || words::count(experiment.with(|one| one.runs));
    let changed_ms = Signal::derive(move || experiment.with(|one| one.changed_ms().unwrap_or_default()));
    let told = Memo::new(move |_| experiment.with(note));
    view! {
        <tr
            class="opens"
            tabindex="0"
            aria-label=format!("Open {name}")
            on:click=move |event| {
                if is_meant_for_row(&event) {
                    open();
                }
            }
            on:keydown=move |event| {
                if opens_row(&event) {
                    open();
                }
            }
            on:contextmenu=move |event| menus.open_at(&event, items())
        >
            <td>
                <span class="flex" style:padding-left=indent(depth)>
                    <span class="faint flex">{icon(icon::ACTIVITY)}</span>
                    {called}
                </span>
            </td>
            <td>{of}</td>
            <td class="num">{runs}</td>
            <td class="num faint"><Ago ms=changed_ms /></td>
            <td class="muted apart">
                {move || told.get().map(|note| view! {
                    <button type="button" class="reads cut seen" title="Read the notes" on:click=move |_| noted()>{note}</button>
                })}
            </td>
            <td class="end"><MenuButton items label=format!("More of {name}") /></td>
        </tr>
    }
}
