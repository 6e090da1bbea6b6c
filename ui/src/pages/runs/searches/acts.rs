//! What can be done with a search: the same on its page and from its row.

use api::{
    SearchId,
    search::{DeleteSearch, RestoreSearch, ResumeSearch, Search, SearchState, StopSearch},
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    client::{Client, wire},
    frame::place::Place,
    parts::{button::Pending, icon, menu::Item, toast::Toasts},
};

#[derive(Clone, Copy)]
pub(super) struct Acts {
    client: Client,
    toasts: Toasts,
    pub(super) pending: Pending,
    place: Place,
    go: StoredValue<Box<dyn Fn(String)>, LocalStorage>,
}

impl Acts {
    pub(super) fn new() -> Self {
        let navigate = use_navigate();
        let go: Box<dyn Fn(String)> = Box::new(move |to: String| navigate(&to, Default::default()));
        Self {
            client: Client::get(),
            toasts: Toasts::get(),
            pending: Pending::new(),
            place: Place::get(),
            go: StoredValue::new_local(go),
        }
    }

    fn open(self, page: &str) {
        let to = untrack(|| self.place.link(page));
        self.go.try_with_value(|go| go(to));
    }

    pub(super) fn stop(self, search: SearchId) {
        self.pending.run(async move { self.client.call(StopSearch { search }).await }, |_| {});
    }

    /// Goes on as the project's file says now, to so many trials in all where they are named; a program in this host's
    /// environment.
    pub(super) fn go_on(self, search: SearchId, trials: Option<u64>) {
        let request = ResumeSearch { search, trials, parallel: None, budget: None, environment: None };
        self.pending.run(async move { self.client.call(request).await }, |_| {});
    }

    /// Its page is left, where it is shown.
    pub(super) fn forget(self, search: SearchId, name: String) {
        self.pending.run(async move { self.client.call(DeleteSearch { search }).await }, move |()| {
            let back = RestoreSearch { search };
            self.toasts.undoable(self.client, format!("Forgot the search {name}; its runs stay"), back);
            self.open("runs?searches=1");
        });
    }

    /// A row's menu.
    pub(super) fn items(self, search: &Search) -> Vec<Item> {
        let (id, name) = (search.id, search.name.clone());
        let mut items = vec![Item::new("Open", icon::ARROW_RIGHT, move || self.open(&format!("runs?search={id}")))];
        items.extend(match search.state {
            SearchState::Running => Some(Item::new("Stop", icon::SQUARE, move || self.stop(id))),
            SearchState::Stopped | SearchState::Failed => {
                Some(Item::new("Go on", icon::PLAY, move || self.go_on(id, None)))
            }
            SearchState::Finished => None,
        });
        items.push(Item::new("Trials as runs", icon::LIST_FILTER, move || self.open(&runs_of(id))));
        items.extend(
            search
                .run
                .map(|run| Item::new("Search as a run", icon::ACTIVITY, move || self.open(&format!("runs/{run}")))),
        );
        items.push(Item::new("Copy id", icon::COPY, move || self.toasts.copy(&id.to_string())));
        let under_way = search.state == SearchState::Running;
        items.push(
            Item::new(FORGET, icon::TRASH, move || self.forget(id, name.clone()))
                .danger()
                .blocked(under_way.then(|| "It is under way: stop it first.".to_owned())),
        );
        items
    }
}

/// What is asked for where a search goes and its runs don't.
pub(super) const FORGET: &str = "Forget: its runs stay";

/// The page of a search's runs.
pub(super) fn runs_of(search: SearchId) -> String {
    format!("runs?filter={}", wire::encode(&format!("tag.slipway.search = \"{search}\"")))
}
