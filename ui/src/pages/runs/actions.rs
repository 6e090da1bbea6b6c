//! What can be done with a run from its row: the same by right click, by the context key and by `…`.

use api::{
    id::RunId,
    run::{DeleteRun, ResumeRun, RunKind, RunRow, RunState, StopRun},
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    client::Client,
    frame::place::{self, Place},
    parts::{
        button::Pending, dialog::Confirm, icon, menu::Item, register::Register as Registering, rename_run::RenameRun,
        toast::Toasts, words,
    },
};

/// What can be done with a run, from its row.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    client: Client,
    toasts: Toasts,
    pending: Pending,
    place: Place,
    /// The program that was asked to stop: who asks again has seen that asking is not enough.
    asked: RwSignal<Option<RunId>>,
    renaming: RwSignal<Option<RunRow>>,
    deleting: RwSignal<Option<RunRow>>,
    registering: RwSignal<Option<RunId>>,
    go: StoredValue<Box<dyn Fn(String)>, LocalStorage>,
}

impl Actions {
    pub(super) fn new(
        renaming: RwSignal<Option<RunRow>>,
        deleting: RwSignal<Option<RunRow>>,
        registering: RwSignal<Option<RunId>>,
    ) -> Self {
        let navigate = use_navigate();
        let go: Box<dyn Fn(String)> = Box::new(move |to: String| navigate(&to, Default::default()));
        Self {
            client: Client::get(),
            toasts: Toasts::get(),
            pending: Pending::new(),
            place: Place::get(),
            asked: RwSignal::new(None),
            renaming,
            deleting,
            registering,
            go: StoredValue::new_local(go),
        }
    }

    pub(super) fn items(self, row: &RunRow) -> Vec<Item> {
        let id = row.id;
        let (first, second) = (row.clone(), row.clone());
        let mut items = vec![Item::new("Open", icon::ARROW_RIGHT, move || self.open(&format!("runs/{id}")))];
        match row.state {
            RunState::Running | RunState::Queued => {
                let label = if self.asked.get_untracked() == Some(id) { "End at once" } else { "Stop" };
                items.push(Item::new(label, icon::SQUARE, move || self.stop(id)));
            }
            RunState::Stopped | RunState::Killed | RunState::Failed if row.resumable => {
                items.push(Item::new("Resume", icon::PLAY, move || self.resume(id)));
            }
            RunState::Finished if row.kind == RunKind::Training && row.versions.is_empty() => {
                items.push(Item::new("Register as a model version…", icon::BOX, move || {
                    self.registering.set(Some(id))
                }));
            }
            _ => {}
        }
        items.push(Item::new("Rename…", icon::PENCIL, move || self.renaming.set(Some(first.clone()))));
        items.push(Item::new("Copy id", icon::COPY, move || self.toasts.copy(&id.to_string())));
        let blocked = if !row.state.is_over() {
            Some("It is under way: stop it first.")
        } else if !row.versions.is_empty() {
            Some("A model version came from it: delete that first.")
        } else {
            None
        };
        items.push(
            Item::new("Delete…", icon::TRASH, move || self.deleting.set(Some(second.clone())))
                .danger()
                .blocked(blocked.map(ToOwned::to_owned)),
        );
        items
    }

    fn open(self, page: &str) {
        if let Some(project) = self.place.project.get_untracked() {
            self.go.with_value(|go| go(place::address(project, page)));
        }
    }

    fn stop(self, run: RunId) {
        self.pending.run(async move { self.client.call(StopRun { run }).await }, move |run| {
            if run.kind == RunKind::Command && self.asked.try_get_untracked().flatten() != Some(run.id) {
                self.asked.try_set(Some(run.id));
                self.toasts.done(words::asked_to_stop(&run.name));
            }
        });
    }

    fn resume(self, run: RunId) {
        self.pending.run(async move { self.client.call(ResumeRun { run }).await }, |_| {});
    }
}

#[component]
pub(super) fn Rename(renaming: RwSignal<Option<RunRow>>) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if renaming.get().is_some() {
            open.set(true);
        }
    });
    let run = Signal::derive(move || renaming.with(|row| row.as_ref().map(|row| (row.id, row.name.clone()))));
    view! { <RenameRun open run /> }
}

#[component]
pub(super) fn Register(registering: RwSignal<Option<RunId>>) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if registering.get().is_some() {
            open.set(true);
        }
    });
    view! { <Registering open run=registering on_done=|_| {} /> }
}

#[component]
pub(super) fn Delete(deleting: RwSignal<Option<RunRow>>) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if deleting.get().is_some() {
            open.set(true);
        }
    });
    let delete = move || {
        let Some(row) = deleting.get_untracked() else { return };
        let request = DeleteRun { run: row.id, checkpoints_only: false };
        pending.run(async move { client.call(request).await }, move |freed| {
            toasts.done(format!("Deleted {}; {} freed.", row.name, words::bytes(freed.bytes)));
        });
    };
    view! {
        <Confirm
            open
            title=Signal::derive(move || deleting.get().map_or_else(String::new, |row| format!("Delete {}?", row.name)))
            text="Its metrics, checkpoints, artifacts and logs are gone then. The data that it learned from stay."
            verb="Delete run"
            on_confirm=delete
        />
    }
}
