//! What is asked before an experiment is made, renamed or put into a folder.

use std::collections::BTreeSet;

use api::tracking::{CreateExperiment, EditExperiment, Experiment, NOTE_TAG};
use leptos::prelude::*;

use crate::{
    client::Client,
    parts::{
        button::{Button, Pending},
        dialog::Dialog,
        field::{Labelled, TextField},
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
    /// What a person writes of it, in Markdown.
    Notes(Box<Experiment>),
}

impl Asking {
    fn title(&self) -> String {
        match self {
            Self::New(_) => "New experiment".to_owned(),
            Self::Name(experiment) => format!("Rename {}", experiment.name),
            Self::Folder(experiment) => format!("Move {} to a folder", experiment.name),
            Self::Notes(experiment) => format!("Notes of {}", experiment.name),
        }
    }

    const fn verb(&self) -> &'static str {
        match self {
            Self::New(_) => "Make experiment",
            Self::Name(_) => "Rename",
            Self::Folder(_) => "Move",
            Self::Notes(_) => "Save notes",
        }
    }

    /// The name and the folder that stand there first.
    fn first(&self) -> (String, String) {
        match self {
            Self::New(folder) => (String::new(), folder.clone()),
            Self::Name(experiment) | Self::Folder(experiment) | Self::Notes(experiment) => {
                (experiment.name.clone(), experiment.folder.clone())
            }
        }
    }

    /// The notes that stand there first, where they are asked for.
    fn notes(&self) -> Option<String> {
        match self {
            Self::Notes(experiment) => Some(experiment.tags.get(NOTE_TAG).cloned().unwrap_or_default()),
            _ => None,
        }
    }
}

#[component]
pub(super) fn Ask(
    asking: RwSignal<Option<Asking>>,
    /// Those that are there, to be offered.
    #[prop(into)]
    folders: Signal<BTreeSet<String>>,
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
            {asking.get_untracked().map(|asking| view! { <Form open asking folders /> })}
        </Dialog>
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
    let notes = asking.notes().map(RwSignal::new);
    let verb = asking.verb();
    let is_new = matches!(asking, Asking::New(_));
    let asking = StoredValue::new(asking);
    let blocked = Signal::derive(move || pending.busy.get() || (has_name && name.with(|name| name.trim().is_empty())));
    let save = move || {
        if blocked.get_untracked() {
            return;
        }
        let (name, folder) = (name.get_untracked().trim().to_owned(), folder.get_untracked());
        let noted = notes.map(|notes| notes.get_untracked());
        let asking = asking.get_value();
        let call = async move {
            let (experiment, name, folder, notes) = match asking {
                Asking::New(_) => return client.call(CreateExperiment { name, folder }).await,
                Asking::Name(experiment) => (experiment.id, Some(name), None, None),
                Asking::Folder(experiment) => (experiment.id, None, Some(folder), None),
                Asking::Notes(experiment) => (experiment.id, None, None, noted),
            };
            client.call(EditExperiment { experiment, name, folder, notes }).await
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
            {notes.map(|notes| view! {
                <Labelled label="Notes" hint="In Markdown. MLflow's clients read them as the tag mlflow.note.content.">
                    <span class="field area notes-field">
                        <textarea
                            placeholder="What is tried here, and why"
                            prop:value=move || notes.get()
                            on:input=move |event| notes.set(event_target_value(&event))
                        ></textarea>
                    </span>
                </Labelled>
            })}
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label=verb kind="primary" disabled=blocked on_press=save />
        </footer>
    }
}
