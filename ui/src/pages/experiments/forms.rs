//! What is asked before an experiment is made, renamed or put into a folder.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    ApiError,
    id::ProjectId,
    tracking::{CreateExperiment, EditExperiment, Experiment, ListExperiments, MoveExperiment, MoveFolder, NOTE_TAG},
};
use leptos::prelude::*;

use crate::{
    client::{Client, query::query},
    parts::{
        button::{Button, Pending},
        dialog::Dialog,
        field::{Labelled, Select, TextField},
        notes::Notes,
        tag_form::{TagForm, lost},
        toast::Toasts,
    },
};

/// What is asked.
#[derive(Clone, PartialEq)]
pub(super) enum Asking {
    /// For another one, in this folder.
    New(String),
    Name(Box<Experiment>),
    Folder(Box<Experiment>),
    /// Which project it belongs to.
    Project(Box<Experiment>),
    /// What a person writes of it, in Markdown.
    Notes(Box<Experiment>),
    /// What programs and people sort it by.
    Tags(Box<Experiment>),
    /// Another name of a folder, by its path.
    FolderName(String),
    /// The folder that a folder stands in.
    FolderPlace(String),
}

impl Asking {
    fn title(&self) -> String {
        match self {
            Self::New(_) => "New experiment".to_owned(),
            Self::Name(experiment) => format!("Rename {}", experiment.name),
            Self::Folder(experiment) => format!("Move {} to a folder", experiment.name),
            Self::Project(experiment) => format!("Move {} to a project", experiment.name),
            Self::Notes(experiment) => format!("Notes of {}", experiment.name),
            Self::Tags(experiment) => format!("Tags of {}", experiment.name),
            Self::FolderName(path) => format!("Rename the folder {}", parts_of(path).1),
            Self::FolderPlace(path) => format!("Move the folder {}", parts_of(path).1),
        }
    }

    const fn verb(&self) -> &'static str {
        match self {
            Self::Notes(_) => "Save notes",
            Self::Tags(_) => "Add",
            Self::New(_) => "Make experiment",
            Self::Name(_) | Self::FolderName(_) => "Rename",
            Self::Folder(_) | Self::Project(_) | Self::FolderPlace(_) => "Move",
        }
    }

    /// The name and the folder that stand there first.
    fn first(&self) -> (String, String) {
        match self {
            Self::New(folder) => (String::new(), folder.clone()),
            Self::FolderName(path) | Self::FolderPlace(path) => {
                let (folder, name) = parts_of(path);
                (name.to_owned(), folder.to_owned())
            }
            Self::Name(experiment)
            | Self::Folder(experiment)
            | Self::Project(experiment)
            | Self::Notes(experiment)
            | Self::Tags(experiment) => (experiment.name.clone(), experiment.folder.clone()),
        }
    }
}

/// The folder that a folder stands in, empty at the top, and its own name.
fn parts_of(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The path of a folder by where it stands and its name.
fn joined(folder: &str, name: &str) -> String {
    let folder = folder.trim().trim_end_matches('/');
    if folder.is_empty() { name.trim().to_owned() } else { format!("{folder}/{}", name.trim()) }
}

#[component]
pub(super) fn Ask(
    asking: RwSignal<Option<Asking>>,
    /// Those that are there, to be offered.
    #[prop(into)]
    folders: Signal<BTreeSet<String>>,
    projects: Memo<BTreeMap<ProjectId, String>>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if asking.with(Option::is_some) {
            open.set(true);
        }
    });
    let title = Signal::derive(move || asking.with(|asking| asking.as_ref().map(Asking::title)).unwrap_or_default());
    view! {
        <Dialog open title>
            {asking.get_untracked().map(|asking| match asking {
                Asking::Notes(experiment) => view! { <NotesOf open experiment=*experiment /> }.into_any(),
                Asking::Tags(experiment) => view! { <TagsOf open experiment=*experiment /> }.into_any(),
                Asking::Project(experiment) => view! { <ToProject open experiment=*experiment projects /> }.into_any(),
                Asking::FolderName(path) => view! { <FolderForm open path is_name=true folders /> }.into_any(),
                Asking::FolderPlace(path) => view! { <FolderForm open path is_name=false folders /> }.into_any(),
                asking => view! { <Form open asking folders /> }.into_any(),
            })}
        </Dialog>
    }
}

/// The project whose runs its runs become, if any.
#[component]
fn ToProject(
    open: RwSignal<bool>,
    experiment: Experiment,
    projects: Memo<BTreeMap<ProjectId, String>>,
) -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let (id, from) = (experiment.id, experiment.project);
    let chosen = RwSignal::new(from.map(|project| project.to_string()).unwrap_or_default());
    let options = Signal::derive(move || {
        let none = (String::new(), "No project".to_owned());
        let mut named: Vec<_> =
            projects.with(|all| all.iter().map(|(id, name)| (id.to_string(), name.clone())).collect());
        named.sort_by_key(|(_, name): &(String, String)| name.to_lowercase());
        std::iter::once(none).chain(named).collect::<Vec<_>>()
    });
    let to = move || chosen.get().parse::<ProjectId>().ok();
    let blocked = Signal::derive(move || pending.busy.get() || to() == from);
    let go = move || {
        let request = MoveExperiment { experiment: id, to: untrack(to) };
        let back = MoveExperiment { experiment: id, to: from };
        let place = projects.with_untracked(|all| request.to.and_then(|project| all.get(&project).cloned()));
        pending.run(async move { client.call(request).await }, move |experiment| {
            open.try_set(false);
            let name = experiment.name;
            let said = match place {
                Some(project) => format!("Moved {name} to {project}"),
                None => format!("Moved {name} out of its project"),
            };
            toasts.undoable(client, said, back);
        });
    };
    view! {
        <div class="content form">
            <Labelled label="Project" hint="Its runs, and what they registered, stand with that project's.">
                <Select value=chosen options />
            </Labelled>
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Move" kind="primary" disabled=blocked on_press=go />
        </footer>
    }
}

/// The notes, drawn until one edits them.
#[component]
fn NotesOf(open: RwSignal<bool>, experiment: Experiment) -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let (id, name) = (experiment.id, experiment.name);
    let saved = RwSignal::new(experiment.tags.get(NOTE_TAG).cloned().unwrap_or_default());
    let save = move |notes: String| {
        let edit = |notes: String| EditExperiment { notes: Some(notes), ..EditExperiment::of(id) };
        let cleared = notes.trim().is_empty().then(|| format!("Cleared the notes of {name}"));
        let (request, back) = (edit(notes), edit(saved.get_untracked()));
        pending.run(async move { client.call(request).await }, move |experiment| {
            saved.try_set(experiment.tags.get(NOTE_TAG).cloned().unwrap_or_default());
            if let Some(said) = cleared {
                toasts.undoable(client, said, back);
            }
        });
    };
    view! {
        <div class="content">
            <Notes saved placeholder="What is tried here, and why" busy=pending.busy begins=saved.with_untracked(String::is_empty) on_save=Callback::new(save) />
        </div>
        <footer>
            <span class="faint caption">"MLflow's clients read it as the tag mlflow.note.content."</span>
            <Button label="Close" on_press=move || open.set(false) />
        </footer>
    }
}

/// The tags as they stand, whoever changes them meanwhile; the one that is the notes has a form of its own.
#[component]
fn TagsOf(open: RwSignal<bool>, experiment: Experiment) -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let id = experiment.id;
    let all = query(|| Some(ListExperiments::default()));
    let tags = Memo::new(move |_| {
        let now = all.value.with(|all| all.iter().flatten().find(|one| one.id == id).map(Experiment::plain_tags));
        now.unwrap_or_else(|| experiment.plain_tags())
    });
    let put = move |(tag, text): (String, Option<String>)| {
        let was = tags.with_untracked(|tags| tags.get(&tag).cloned());
        let said = lost(&tag, was.as_ref(), text.as_ref());
        let edit = |text| EditExperiment { tags: BTreeMap::from([(tag.clone(), text)]), ..EditExperiment::of(id) };
        let (request, back) = (edit(text), edit(was));
        pending.run(async move { client.call(request).await }, move |_| {
            if let Some(said) = said {
                toasts.undoable(client, said, back);
            }
        });
    };
    view! {
        <div class="content">
            <TagForm tags busy=pending.busy on_put=Callback::new(put) />
        </div>
        <footer>
            <span class="faint caption">"MLflow's clients read and set them, too."</span>
            <Button label="Close" on_press=move || open.set(false) />
        </footer>
    }
}

#[component]
fn Form(open: RwSignal<bool>, asking: Asking, folders: Signal<BTreeSet<String>>) -> impl IntoView {
    const OFFERS: &str = "experiment-folders";
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let (name, folder) = asking.first();
    let (name, folder) = (RwSignal::new(name), RwSignal::new(folder));
    let has_name = matches!(asking, Asking::New(_) | Asking::Name(_));
    let has_folder = matches!(asking, Asking::New(_) | Asking::Folder(_));
    let verb = asking.verb();
    let is_new = matches!(asking, Asking::New(_));
    let asking = StoredValue::new(asking);
    let blocked = Signal::derive(move || pending.busy.get() || (has_name && name.with(|name| name.trim().is_empty())));
    let save = move || {
        if blocked.get_untracked() {
            return;
        }
        let (name, folder) = (name.get_untracked().trim().to_owned(), folder.get_untracked());
        let asking = asking.get_value();
        let call = async move {
            let (experiment, name, folder) = match asking {
                Asking::New(_) => return client.call(CreateExperiment { name, folder }).await,
                Asking::Name(experiment) => (experiment.id, Some(name), None),
                Asking::Folder(experiment) => (experiment.id, None, Some(folder)),
                // They have a form of their own.
                Asking::Project(_)
                | Asking::Notes(_)
                | Asking::Tags(_)
                | Asking::FolderName(_)
                | Asking::FolderPlace(_) => {
                    return Err(ApiError::invalid("No experiment is named."));
                }
            };
            client.call(EditExperiment { name, folder, ..EditExperiment::of(experiment) }).await
        };
        pending.run(call, move |experiment| {
            open.try_set(false);
            if is_new {
                toasts.done(format!("Made {}", experiment.name));
            }
        });
    };
    let enter = Callback::new(move |()| save());
    view! {
        <div class="content form">
            {has_name.then(|| view! {
                <Labelled label="Name" hint="Programs name it too: mlflow.set_experiment takes this name.">
                    <TextField value=name placeholder="resnet-baseline" on_enter=enter />
                </Labelled>
            })}
            {has_folder.then(|| view! {
                <Labelled label="Folder" hint="Names joined by /, such as vision/resnet. Empty: at the top.">
                    <TextField value=folder placeholder="vision/resnet" offers=OFFERS on_enter=enter />
                </Labelled>
                <datalist id=OFFERS>
                    {move || folders.get().into_iter().map(|folder| view! { <option value=folder></option> }).collect_view()}
                </datalist>
            })}
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label=verb kind="primary" disabled=blocked on_press=save />
        </footer>
    }
}

/// A folder's other name, or where it stands; all that is in it goes along.
#[component]
fn FolderForm(open: RwSignal<bool>, path: String, is_name: bool, folders: Signal<BTreeSet<String>>) -> impl IntoView {
    const OFFERS: &str = "folders-to-move-to";
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let (folder, name) = parts_of(&path);
    let (name, folder) = (RwSignal::new(name.to_owned()), RwSignal::new(folder.to_owned()));
    let path = StoredValue::new(path);
    let to = move || folder.with(|folder| name.with(|name| joined(folder, name)));
    // A folder stands in no folder that is in it.
    let offered = move || {
        let is_own = |one: &String| path.with_value(|path| one == path || one.starts_with(&format!("{path}/")));
        folders
            .get()
            .into_iter()
            .filter(|one| !is_own(one))
            .map(|folder| view! { <option value=folder></option> })
            .collect_view()
    };
    let wrong = Signal::derive(move || {
        let name = name.get();
        (is_name && name.contains('/')).then(|| "A name has no /: move the folder to put it into another.".to_owned())
    });
    let blocked = Signal::derive(move || {
        let is_same = path.with_value(|path| *path == to());
        pending.busy.get() || is_same || wrong.with(Option::is_some) || name.with(|name| name.trim().is_empty())
    });
    let save = move || {
        if blocked.get_untracked() {
            return;
        }
        let (from, to) = (path.get_value(), untrack(to));
        let request = MoveFolder { from: from.clone(), to: to.clone() };
        let back = MoveFolder { from: to.clone(), to: from.clone() };
        pending.run(async move { client.call(request).await }, move |_| {
            open.try_set(false);
            let said = if is_name { format!("Renamed {from} to {to}") } else { format!("Moved {from} to {to}") };
            toasts.undoable(client, said, back);
        });
    };
    let enter = Callback::new(move |()| save());
    view! {
        <div class="content form">
            {if is_name {
                view! {
                    <Labelled label="Name" hint="The experiments in it and in the folders below stay in it." error=wrong>
                        <TextField value=name placeholder="resnet" on_enter=enter />
                    </Labelled>
                }.into_any()
            } else {
                view! {
                    <Labelled label="Into the folder" hint="Names joined by /, such as vision. Empty: at the top. What is in it and below goes along.">
                        <TextField value=folder placeholder="vision" offers=OFFERS on_enter=enter />
                    </Labelled>
                    <datalist id=OFFERS>{offered}</datalist>
                }.into_any()
            }}
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label=if is_name { "Rename" } else { "Move" } kind="primary" disabled=blocked on_press=save />
        </footer>
    }
}

#[cfg(test)]
mod tests {
    use super::{joined, parts_of};

    #[test]
    fn a_folder_has_a_name_and_a_place() {
        assert_eq!((parts_of("vision/resnet/a"), parts_of("text")), (("vision/resnet", "a"), ("", "text")));
        let paths = [joined("", " b "), joined("vision/", "a"), joined(" / ", "a")];
        assert_eq!(paths, ["b", "vision/a", "a"]);
    }
}
