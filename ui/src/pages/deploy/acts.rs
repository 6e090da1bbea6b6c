//! What can be done with a deployment from its place in the table, by right click and by keyboard.

use api::{deploy::Deployment, id::DeploymentId};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::rollouts::{is_changing, roll_back};
use crate::{
    client::Client,
    frame::place::Place,
    parts::{
        button::Pending,
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
    pending: Pending,
    place: Place,
    open: RwSignal<Option<DeploymentId>>,
    go: StoredValue<Box<dyn Fn(String)>, LocalStorage>,
}

impl Acts {
    pub(super) fn new(place: Place, open: RwSignal<Option<DeploymentId>>) -> Self {
        let navigate = use_navigate();
        let go: Box<dyn Fn(String)> = Box::new(move |to: String| navigate(&to, Default::default()));
        Self {
            client: Client::get(),
            toasts: Toasts::get(),
            menus: Menus::get(),
            pending: Pending::new(),
            place,
            open,
            go: StoredValue::new_local(go),
        }
    }

    /// The deployment's pane.
    pub(super) fn show(self, deployment: DeploymentId) {
        self.open.set(Some(deployment));
    }

    pub(super) fn open_at(self, event: &web_sys::MouseEvent, one: &Deployment) {
        self.menus.open_at(event, self.items(one));
    }

    fn items(self, one: &Deployment) -> Vec<Item> {
        let id = one.id;
        let watch = move || {
            let to = untrack(|| self.place.link(&format!("monitor/{id}")));
            self.go.with_value(|go| go(to));
        };
        let mut items = vec![
            Item::new("Open", icon::ARROW_RIGHT, move || self.show(id)),
            Item::new("Watch", icon::ACTIVITY, watch),
        ];
        if let Some(address) = one.address.clone() {
            items.push(Item::new("Copy its address", icon::COPY, move || self.toasts.copy(&address)));
        }
        let label = one.back_to.map_or_else(|| "Roll back".to_owned(), |number| format!("Roll back to v{number}"));
        let back = move || roll_back(self.client, self.toasts, self.pending, id, None);
        items.push(Item::new(label, icon::UNDO_2, back).blocked(why_not_back(one)));
        items
    }
}

/// Why there is no way back now.
fn why_not_back(one: &Deployment) -> Option<String> {
    let why = if is_changing(one) {
        "A rollout is under way"
    } else if one.back_to.is_none() {
        "There is no earlier version"
    } else {
        return None;
    };
    Some(why.to_owned())
}
