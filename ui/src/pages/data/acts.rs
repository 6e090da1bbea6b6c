//! What can be done with a snapshot: the same on its line, by right click and by keyboard, as by `…` of the page.

use api::{
    dataset::{DeleteSnapshot, ExportSnapshot, Snapshot},
    deleted::RestoreSnapshot,
    id::SnapshotId,
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    client::{Client, shell},
    frame::place::Place,
    parts::{
        button::{Button, Pending},
        dialog::{Confirm, Dialog},
        field::{Labelled, TextField},
        icon,
        menu::{Item, Menus},
        toast::Toasts,
    },
};

#[derive(Clone, Copy)]
pub(super) struct Acts {
    client: Client,
    toasts: Toasts,
    menus: Menus,
    place: Place,
    /// What the page shows.
    chosen: Memo<SnapshotId>,
    /// What a dialog is about, with its number: by its answer the page may show another one.
    meant: RwSignal<Option<(SnapshotId, u32)>>,
    exporting: RwSignal<bool>,
    deleting: RwSignal<bool>,
    go: StoredValue<Box<dyn Fn(String)>, LocalStorage>,
}

impl Acts {
    pub(super) fn new(chosen: Memo<SnapshotId>) -> Self {
        let navigate = use_navigate();
        let go: Box<dyn Fn(String)> = Box::new(move |to: String| navigate(&to, Default::default()));
        Self {
            client: Client::get(),
            toasts: Toasts::get(),
            menus: Menus::get(),
            place: Place::get(),
            chosen,
            meant: RwSignal::new(None),
            exporting: RwSignal::new(false),
            deleting: RwSignal::new(false),
            go: StoredValue::new_local(go),
        }
    }

    pub(super) fn items(self, snapshot: &Snapshot) -> Vec<Item> {
        let (meant, content) = ((snapshot.id, snapshot.number), snapshot.content.clone());
        vec![
            Item::new("Copy content id", icon::COPY, move || self.toasts.copy(&content)),
            Item::new("Export files…", icon::DOWNLOAD, move || self.export(meant)),
            Item::new("Delete snapshot…", icon::TRASH, move || self.ask(meant, self.deleting)).danger(),
        ]
    }

    /// The menu of a snapshot's line: the page has a button for what is trained on the one that it shows.
    pub(super) fn open_at(self, event: &web_sys::MouseEvent, snapshot: &Snapshot) {
        let (id, number) = (snapshot.id, snapshot.number);
        let train = move || {
            let data = untrack(|| self.place.link("data"));
            self.go.with_value(|go| go(format!("{data}?v={number}&train=1&snapshot={id}")));
        };
        let train = Item::new(format!("Train on v{number}"), icon::PLAY, train);
        self.menus.open_at(event, [train].into_iter().chain(self.items(snapshot)).collect());
    }

    fn ask(self, meant: (SnapshotId, u32), dialog: RwSignal<bool>) {
        self.meant.set(Some(meant));
        dialog.set(true);
    }

    /// The window's own dialog names the folder; a browser has none, and its person types the path.
    fn export(self, meant: (SnapshotId, u32)) {
        if !shell::is_there() {
            self.ask(meant, self.exporting);
            return;
        }
        let Self { client, toasts, .. } = self;
        leptos::task::spawn_local(async move {
            if let Some(folder) = shell::pick_folder("Export into").await {
                match client.call(ExportSnapshot { snapshot: meant.0, folder }).await {
                    Ok(job) => toasts.note(job.title, None, Some("/jobs".to_owned())),
                    Err(error) => toasts.error(&error),
                }
            }
        });
    }

    /// What stands behind a dialog's words: "v2".
    fn called(self) -> String {
        self.meant.get().map_or_else(String::new, |(_, number)| format!("v{number}"))
    }
}

/// What is asked before something is done.
#[component]
pub(super) fn Dialogs(acts: Acts) -> impl IntoView {
    let pending = Pending::new();
    let Acts { client, toasts, .. } = acts;
    let delete = move || {
        let Some((snapshot, _)) = acts.meant.get_untracked() else { return };
        let is_shown = acts.chosen.get_untracked() == snapshot;
        let list = untrack(|| acts.place.link("data"));
        let request = DeleteSnapshot { snapshot };
        pending.run(async move { client.call(request).await }, move |gone| {
            toasts.undoable(client, format!("Deleted snapshot v{}", gone.number), RestoreSnapshot { snapshot });
            if is_shown {
                acts.go.try_with_value(|go| go(list));
            }
        });
    };
    view! {
        <Dialog open=acts.exporting title=Signal::derive(move || format!("Export the files of {}", acts.called()))>
            <ExportForm acts />
        </Dialog>
        <Confirm
            open=acts.deleting
            title=Signal::derive(move || format!("Delete snapshot {}?", acts.called()))
            text="For a day Undo, or Restore on this page, brings it back; so long its files keep their room. One that a run learned from can't be deleted."
            verb="Delete snapshot"
            on_confirm=delete
        />
    }
}

/// Where to, on the host's machine: a browser has no dialog that names a folder there.
#[component]
fn ExportForm(acts: Acts) -> impl IntoView {
    let pending = Pending::new();
    let Acts { client, toasts, exporting, .. } = acts;
    let folder = RwSignal::new(String::new());
    let refused = RwSignal::new(None::<String>);
    let is_empty = move || folder.with(|folder| folder.trim().is_empty());
    let export = move || {
        refused.set(None);
        let Some((snapshot, _)) = acts.meant.get_untracked() else { return };
        let request = ExportSnapshot { snapshot, folder: folder.get_untracked().trim().to_owned() };
        pending.run_or(
            async move { client.call(request).await },
            move |job| {
                exporting.set(false);
                toasts.note(job.title, None, Some("/jobs".to_owned()));
            },
            move |error| refused.set(Some(error.to_string())),
        );
    };
    let entered = Callback::new(move |()| {
        if !untrack(is_empty) && !pending.busy.get_untracked() {
            export();
        }
    });
    view! {
        <div class="content form">
            <Labelled
                label="Folder"
                hint="An absolute path on the machine that the host runs on; it is made where it is missing. Nothing that is there is replaced."
                error=Signal::derive(move || refused.get())
            >
                <TextField value=folder class="mono" placeholder="/home/me/export" on_enter=entered />
            </Labelled>
        </div>
        <footer>
            <Button label="Cancel" on_press=move || exporting.set(false) />
            <Button label="Export" kind="primary" mark=icon::DOWNLOAD disabled=Signal::derive(move || pending.busy.get() || is_empty()) on_press=export />
        </footer>
    }
}
