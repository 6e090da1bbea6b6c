//! What can be done with a run from its row: the same by right click, by the context key and by `…`.

use std::collections::HashMap;

use api::{
    id::RunId,
    run::{ResumeRun, RunKind, RunRow, RunState, StopRun},
    run_diff::MOST,
    tracking::{PurgeRuns, RestoreRuns, TrashRuns},
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::colours;
use crate::{
    client::Client,
    frame::place::Place,
    parts::{
        button::Pending, dialog::Confirm, icon, mark_ended::MarkEnded, menu::Item, move_runs::MoveRuns,
        register::Register as Registering, rename_run::RenameRun, toast::Toasts, words,
    },
};

/// Runs that a dialog asks about.
#[derive(Clone, PartialEq)]
pub(super) struct Several {
    ids: Vec<RunId>,
    /// "brisk-heron", "3 runs".
    called: String,
}

/// A run as its menu knows it, whichever table its row is of.
#[derive(Clone, PartialEq)]
pub(super) struct OfRun {
    pub(super) id: RunId,
    pub(super) name: String,
    pub(super) kind: RunKind,
    pub(super) state: RunState,
    /// It has a checkpoint that it goes on from.
    pub(super) resumable: bool,
    /// A model version came from it.
    pub(super) has_version: bool,
}

impl From<&RunRow> for OfRun {
    fn from(row: &RunRow) -> Self {
        Self {
            id: row.id,
            name: row.name.clone(),
            kind: row.kind,
            state: row.state,
            resumable: row.resumable,
            has_version: !row.versions.is_empty(),
        }
    }
}

/// What is asked before something is done, each with its dialog.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    /// The run, and its name.
    pub(super) renaming: RwSignal<Option<(RunId, String)>>,
    pub(super) registering: RwSignal<Option<RunId>>,
    pub(super) moving: RwSignal<Option<Several>>,
    pub(super) purging: RwSignal<Option<Several>>,
    /// The run that is to be marked as ended, and its name.
    pub(super) ending: RwSignal<Option<(RunId, String)>>,
}

impl Asked {
    pub(super) fn new() -> Self {
        Self {
            renaming: RwSignal::new(None),
            registering: RwSignal::new(None),
            moving: RwSignal::new(None),
            purging: RwSignal::new(None),
            ending: RwSignal::new(None),
        }
    }
}

/// What can be done with a run, from its row.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    client: Client,
    toasts: Toasts,
    pending: Pending,
    place: Place,
    /// The program that was asked to stop: who asks again has seen that asking is not enough.
    asked: RwSignal<Option<RunId>>,
    asks: Asked,
    picked: RwSignal<Vec<String>>,
    /// Which colours the picked ones have.
    places: Memo<HashMap<String, usize>>,
    /// The table shows what was deleted.
    deleted: RwSignal<bool>,
    go: StoredValue<Box<dyn Fn(String)>, LocalStorage>,
}

impl Actions {
    pub(super) fn new(
        asks: Asked,
        picked: RwSignal<Vec<String>>,
        places: Memo<HashMap<String, usize>>,
        deleted: RwSignal<bool>,
    ) -> Self {
        let navigate = use_navigate();
        let go: Box<dyn Fn(String)> = Box::new(move |to: String| navigate(&to, Default::default()));
        Self {
            client: Client::get(),
            toasts: Toasts::get(),
            pending: Pending::new(),
            place: Place::get(),
            asked: RwSignal::new(None),
            asks,
            picked,
            places,
            deleted,
            go: StoredValue::new_local(go),
        }
    }

    /// The picked runs compared with this one as the baseline.
    fn beside(self, id: RunId) -> Option<Item> {
        let others = self.picked.with_untracked(|picked| {
            picked.iter().filter_map(|run| run.parse::<RunId>().ok()).filter(|run| *run != id).collect::<Vec<_>>()
        });
        // The baseline is among those that are drawn, however many are picked.
        let runs: Vec<RunId> = [id].into_iter().chain(others).take(MOST).collect();
        (runs.len() > 1).then(|| self.compare("Compare with this as the baseline", id, &runs))
    }

    /// These runs compared, with one of them as the baseline.
    pub(super) fn compare(self, label: &str, baseline: RunId, runs: &[RunId]) -> Item {
        let named = self.places.with_untracked(|places| colours::written_of(runs, places));
        let to = format!("runs?compare={named}&pin={baseline}");
        Item::new(label, icon::LAYERS, move || self.open(&to))
    }

    /// A row's menu; of a row that is picked it is about all that are.
    pub(super) fn items(self, row: &OfRun) -> Vec<Item> {
        let id = row.id;
        let open = Item::new("Open", icon::ARROW_RIGHT, move || self.open(&format!("runs/{id}")));
        let copy = Item::new("Copy id", icon::COPY, move || self.toasts.copy(&id.to_string()));
        let several = self.several(row);
        if self.deleted.get_untracked() {
            return [open, copy].into_iter().chain(self.items_of_deleted(row, several)).collect();
        }
        let (own, moved, many) = ((id, row.name.clone()), several.clone(), several.ids.len() > 1);
        let mut items = vec![open];
        items.extend(self.step(row));
        items.push(Item::new("Rename…", icon::PENCIL, move || self.asks.renaming.set(Some(own.clone()))));
        items.push(copy);
        items.extend(self.beside(id));
        items.push(Item::new(label("Move", &several, " to experiment…"), icon::FOLDER, move || {
            self.asks.moving.set(Some(moved.clone()));
        }));
        let live = row.kind.is_supervised() && !row.state.is_over();
        items.push(
            Item::new(label("Delete", &several, ""), icon::TRASH, move || self.trash(several.clone()))
                .danger()
                .blocked((!many && live).then(|| "It is under way: stop it first.".to_owned())),
        );
        items
    }

    /// What the state of a run offers.
    fn step(self, row: &OfRun) -> Option<Item> {
        let id = row.id;
        match row.state {
            RunState::Running | RunState::Queued if row.kind.is_supervised() => {
                let label = if self.asked.get_untracked() == Some(id) { "End at once" } else { "Stop" };
                Some(Item::new(label, icon::SQUARE, move || self.stop(id)))
            }
            // Only its client says when it is over, unless that died.
            RunState::Running | RunState::Queued => {
                let ended = (id, row.name.clone());
                let ask = move || self.asks.ending.set(Some(ended.clone()));
                Some(Item::new("Mark as ended…", icon::SQUARE, ask))
            }
            RunState::Stopped | RunState::Killed | RunState::Failed if row.resumable => {
                Some(Item::new("Resume", icon::PLAY, move || self.resume(id)))
            }
            RunState::Finished if row.kind == RunKind::Training && !row.has_version => {
                let register = move || self.asks.registering.set(Some(id));
                Some(Item::new("Register as a model version…", icon::BOX, register))
            }
            _ => None,
        }
    }

    fn items_of_deleted(self, row: &OfRun, several: Several) -> [Item; 2] {
        let (restored, many) = (several.clone(), several.ids.len() > 1);
        let kept = (!many && row.has_version).then_some("A model version came from it: delete that first.");
        [
            Item::new(label("Restore", &several, ""), icon::UNDO_2, move || self.restore(restored.clone())),
            Item::new(label("Delete", &several, " for good…"), icon::TRASH, move || {
                self.asks.purging.set(Some(several.clone()));
            })
            .danger()
            .blocked(kept.map(ToOwned::to_owned)),
        ]
    }

    fn several(self, row: &OfRun) -> Several {
        let picked = self.picked.get_untracked();
        let is_picked = picked.contains(&row.id.to_string());
        let ids: Vec<RunId> =
            if is_picked { picked.iter().filter_map(|id| id.parse().ok()).collect() } else { vec![row.id] };
        let called = match ids.len() {
            1 => row.name.clone(),
            count => words::counted(count as u64, "run", "runs"),
        };
        Several { ids, called }
    }

    fn open(self, page: &str) {
        let to = untrack(|| self.place.link(page));
        self.go.with_value(|go| go(to));
    }

    fn trash(self, several: Several) {
        let Self { client, toasts, .. } = self;
        let request = TrashRuns { runs: several.ids.clone() };
        self.pending.run(async move { client.call(request).await }, move |()| {
            self.leave(&several.ids);
            let back = RestoreRuns { runs: several.ids };
            toasts.undoable(client, format!("Deleted {}", several.called), back);
        });
    }

    fn restore(self, several: Several) {
        let Self { client, toasts, .. } = self;
        let request = RestoreRuns { runs: several.ids.clone() };
        self.pending.run(async move { client.call(request).await }, move |()| {
            self.leave(&several.ids);
            toasts.done(format!("Restored {}", several.called));
        });
    }

    /// What is not in the table any more is not picked.
    fn leave(self, runs: &[RunId]) {
        let gone: Vec<String> = runs.iter().map(ToString::to_string).collect();
        self.picked.try_update(|picked| picked.retain(|id| !gone.contains(id)));
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
        self.pending.run(async move { self.client.call(ResumeRun { run, budget: Default::default() }).await }, |_| {});
    }
}

/// What the menus of a table ask.
#[component]
pub(super) fn Dialogs(actions: Actions) -> impl IntoView {
    let Asked { renaming, registering, ending, .. } = actions.asks;
    view! {
        <Rename renaming />
        <Register registering />
        <Moving actions />
        <Ending ending />
        <Purge actions />
    }
}

#[component]
fn Rename(renaming: RwSignal<Option<(RunId, String)>>) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if renaming.with(Option::is_some) {
            open.set(true);
        }
    });
    view! { <RenameRun open run=renaming /> }
}

#[component]
fn Register(registering: RwSignal<Option<RunId>>) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if registering.get().is_some() {
            open.set(true);
        }
    });
    view! { <Registering open run=registering on_done=|_| {} /> }
}

#[component]
fn Ending(ending: RwSignal<Option<(RunId, String)>>) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if ending.with(Option::is_some) {
            open.set(true);
        }
    });
    view! { <MarkEnded open run=ending /> }
}

#[component]
fn Moving(actions: Actions) -> impl IntoView {
    let Asked { moving, .. } = actions.asks;
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if moving.with(Option::is_some) {
            open.set(true);
        }
    });
    let runs = Signal::derive(move || moving.get().map(|several| several.ids).unwrap_or_default());
    // As after a deletion, what was done is done with the selection.
    let on_moved = Callback::new(move |()| actions.leave(&runs.get_untracked()));
    view! { <MoveRuns open runs on_moved /> }
}

#[component]
fn Purge(actions: Actions) -> impl IntoView {
    let Actions { client, toasts, pending, asks: Asked { purging, .. }, .. } = actions;
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if purging.with(Option::is_some) {
            open.set(true);
        }
    });
    let purge = move || {
        let Some(several) = purging.get_untracked() else { return };
        let request = PurgeRuns { runs: several.ids.clone() };
        pending.run(async move { client.call(request).await }, move |freed| {
            actions.leave(&several.ids);
            toasts.done(format!("Deleted {} for good; {}.", several.called, freed.said()));
        });
    };
    let called = move || purging.get().map(|several| several.called).unwrap_or_default();
    view! {
        <Confirm
            open
            title=Signal::derive(move || format!("Delete {} for good?", called()))
            text="Metrics, checkpoints, artifacts and logs are gone then, and nothing brings them back. Data that was learned from stays."
            verb="Delete for good"
            on_confirm=purge
        />
    }
}

/// "Delete", and of several runs "Delete 3 runs".
fn label(verb: &str, several: &Several, rest: &str) -> String {
    match several.ids.len() {
        1 => format!("{verb}{rest}"),
        count => format!("{verb} {}{rest}", words::counted(count as u64, "run", "runs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_says_how_many_runs_it_is_about() {
        let of = |count: u8| Several {
            ids: (0..count).map(|id| RunId::from_bytes([id; 16])).collect(),
            called: String::new(),
        };
        assert_eq!(label("Delete", &of(1), " for good…"), "Delete for good…");
        assert_eq!(label("Move", &of(3), " to experiment…"), "Move 3 runs to experiment…");
    }
}
