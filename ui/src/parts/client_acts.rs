//! What can be done with a version that a client registered, and with its model: from a row, and on its page.

use api::{
    id::{ModelId, VersionId},
    model::{CHAMPION, DeleteVersion, SetAlias},
    registered::{DeleteModel, Described, FindModel, NOT_DEPLOYABLE, RenameModel, RestoreModel, RestoreVersion},
    tracking::ClientVersion,
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::{
    aliases,
    button::{Button, Pending},
    dialog::{Confirm, Dialog},
    field::{Labelled, TextField},
    icon,
    menu::Item,
    registered::{Description, StageItems, Tags},
    states::Load,
    toast::Toasts,
    words,
};
use crate::client::{Client, query::query};

/// What is about to be deleted.
#[derive(Clone, PartialEq)]
enum Going {
    /// With its name, and whether a run or a logged model of ours has its files.
    Version(VersionId, String, bool),
    /// With its name and how many versions go along.
    Model(ModelId, String, u64),
}

#[derive(Clone, Copy)]
pub(crate) struct ClientActs {
    client: Client,
    toasts: Toasts,
    pending: Pending,
    stages: StageItems,
    renaming: RwSignal<Option<(ModelId, String)>>,
    describing: RwSignal<Option<(ModelId, String)>>,
    going: RwSignal<Option<Going>>,
    go: StoredValue<Box<dyn Fn(String)>, LocalStorage>,
}

impl ClientActs {
    pub(crate) fn new() -> Self {
        let navigate = use_navigate();
        let go: Box<dyn Fn(String)> = Box::new(move |to: String| navigate(&to, Default::default()));
        Self {
            client: Client::get(),
            toasts: Toasts::get(),
            pending: Pending::new(),
            stages: StageItems::get(),
            renaming: RwSignal::new(None),
            describing: RwSignal::new(None),
            going: RwSignal::new(None),
            go: StoredValue::new_local(go),
        }
    }

    pub(crate) fn open(self, page: String) {
        self.go.try_with_value(|go| go(page));
    }

    /// Of a version; `page` is its own where the menu stands elsewhere.
    pub(crate) fn of_version(self, model_name: &str, version: &ClientVersion, page: Option<String>) -> Vec<Item> {
        let (model, id, number) = (version.model, version.id, version.number);
        let name = format!("{model_name} v{number}");
        let is_champion = version.aliases.iter().any(|alias| alias == CHAMPION);
        let (source, has_files) = (version.source.clone(), version.run.is_some() || version.logged.is_some());
        let mut items: Vec<Item> = page
            .map(|page| Item::new("Open", icon::ARROW_RIGHT, move || self.open(page.clone())))
            .into_iter()
            .collect();
        items.extend([
            Item::new("Deploy…", icon::UPLOAD, || {}).blocked(Some(NOT_DEPLOYABLE.to_owned())),
            Item::new(format!("Name it {CHAMPION}"), icon::TAG, move || {
                let request = SetAlias { model, alias: CHAMPION.to_owned(), version: Some(id) };
                self.pending.run(aliases::set(self.client, request), move |back| {
                    self.toasts.undoable(self.client, format!("{CHAMPION} is v{number} now"), back);
                });
            })
            .blocked(is_champion.then(|| "It has that name".to_owned())),
            Item::new("Copy where its files are", icon::COPY, move || self.toasts.copy(&source)),
        ]);
        items.extend(self.stages.of(id, version.stage));
        let going = Going::Version(id, name, has_files);
        items.push(Item::new("Delete…", icon::TRASH, move || self.going.set(Some(going.clone()))).danger());
        items
    }

    /// Of a model under which `versions` of clients stand, and with `trained` one that was trained here.
    pub(crate) fn of_model(self, model: ModelId, name: &str, versions: u64, trained: bool) -> Vec<Item> {
        let (rename, describe) = ((model, name.to_owned()), (model, name.to_owned()));
        let going = Going::Model(model, name.to_owned(), versions);
        let why = trained.then(|| "Versions that were trained here stand under it: delete these first".to_owned());
        vec![
            Item::new("Rename…", icon::PENCIL, move || self.renaming.set(Some(rename.clone()))),
            Item::new("Describe the model…", icon::PENCIL, move || self.describing.set(Some(describe.clone()))),
            Item::new("Delete the model…", icon::TRASH, move || self.going.set(Some(going.clone())))
                .danger()
                .blocked(why),
        ]
    }
}

/// The dialogs of what is to be done, once on a page.
#[component]
pub(crate) fn ClientDialogs(
    acts: ClientActs,
    /// Where to go once what the page shows is deleted.
    #[prop(into, optional)]
    leave: Option<String>,
) -> impl IntoView {
    let [renames, deletes] = std::array::from_fn(|_| RwSignal::new(false));
    let name = RwSignal::new(String::new());
    Effect::new(move |_| {
        if let Some((_, before)) = acts.renaming.get() {
            name.set(before);
            renames.set(true);
        }
    });
    Effect::new(move |_| {
        if acts.going.with(Option::is_some) {
            deletes.set(true);
        }
    });
    let rename = move || {
        let Some((model, before)) = acts.renaming.get_untracked() else { return };
        let request = RenameModel { model, name: name.get_untracked().trim().to_owned() };
        acts.pending.run(async move { acts.client.call(request).await }, move |renamed| {
            renames.try_set(false);
            let back = RenameModel { model, name: before };
            acts.toasts.undoable(acts.client, format!("It is called {} now", renamed.name), back);
        });
    };
    let title = Signal::derive(move || match acts.going.get() {
        Some(Going::Version(_, name, _) | Going::Model(_, name, _)) => format!("Delete {name}?"),
        None => String::new(),
    });
    let text = Signal::derive(move || acts.going.get().as_ref().map(told).unwrap_or_default());
    let leave = StoredValue::new(leave);
    let delete = move || {
        let Some(going) = acts.going.get_untracked() else { return };
        let client = acts.client;
        let of = going.clone();
        let call = async move {
            match of {
                Going::Version(version, ..) => client.call(DeleteVersion { version }).await,
                Going::Model(model, ..) => client.call(DeleteModel { model }).await,
            }
        };
        acts.pending.run(call, move |_| {
            let said = |name: &str| format!("Deleted {name}; its files stay where they are");
            match going {
                Going::Version(version, name, _) => {
                    acts.toasts.undoable(client, said(&name), RestoreVersion { version });
                }
                Going::Model(model, name, _) => acts.toasts.undoable(client, said(&name), RestoreModel { model }),
            }
            if let Some(to) = leave.try_get_value().flatten() {
                acts.open(to);
            }
        });
    };
    view! {
        <Dialog open=renames title="Rename model">
            <div class="content"><Labelled label="Name"><TextField value=name on_enter=Callback::new(move |()| rename()) /></Labelled></div>
            <footer>
                <Button label="Cancel" on_press=move || renames.set(false) />
                <Button label="Rename" kind="primary" disabled=Signal::derive(move || acts.pending.busy.get() || name.with(|name| name.trim().is_empty())) on_press=rename />
            </footer>
        </Dialog>
        <Confirm open=deletes title text verb="Delete" on_confirm=delete />
        <Describe acts />
    }
}

/// The description and the tags of a model, whether or not a version stands under it.
#[component]
fn Describe(acts: ClientActs) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if acts.describing.with(Option::is_some) {
            open.set(true);
        }
    });
    let title = Signal::derive(move || {
        acts.describing.with(|model| model.as_ref().map_or_else(String::new, |(_, name)| format!("Describe {name}")))
    });
    view! {
        <Dialog open title>
            {acts.describing.get_untracked().map(|(model, _)| {
                let known = query(move || Some(FindModel { name: model.to_string(), project: None }));
                let of = Described::Model(model);
                view! {
                    <div class="content form">
                        <Load query=known lines=4 let:model>
                            <Description of saved=Signal::derive(move || model.with(|model| model.notes.clone())) />
                            <Tags of tags=Signal::derive(move || model.with(|model| model.tags.clone())) />
                        </Load>
                    </div>
                    <footer><Button label="Close" on_press=move || open.set(false) /></footer>
                }
            })}
        </Dialog>
    }
}

/// What goes and what stays.
fn told(going: &Going) -> String {
    match going {
        Going::Version(_, _, true) => {
            "Its number, aliases, tags and description are deleted, also for clients. Its files stay with its run: no room is freed."
                .to_owned()
        }
        Going::Version(_, _, false) => {
            "Its number, aliases, tags and description are deleted, also for clients. Its files stay where they are: no room is freed."
                .to_owned()
        }
        Going::Model(_, _, versions) => format!(
            "Its name, tags and description are deleted with {}, also for clients. The files stay with their runs: no room is freed.",
            words::counted(*versions, "version", "versions")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deleted_is_said() {
        let model = Going::Model(ModelId::from_bytes([1; 16]), "churn".to_owned(), 2);
        assert!(told(&model).contains("with 2 versions"));
        let version =
            |has_files| told(&Going::Version(VersionId::from_bytes([1; 16]), "churn v1".to_owned(), has_files));
        assert!(version(true).contains("with its run") && version(false).contains("where they are"));
    }
}
