//! What can be done with a logged model: registered as a version, deleted, restored. A folder of a run's artifacts that
//! holds a model is registered the same way.

use std::collections::BTreeSet;

use api::{
    logged::{DeleteLogged, LoggedAt, LoggedDetail, RegisterLogged, RestoreLogged},
    model::{ListModels, ListOtherModels},
};
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    dialog::Dialog,
    field::{Labelled, TextField},
    icon,
    menu::{Item, MenuButton},
    toast::Toasts,
};
use crate::{
    client::{Client, query::query},
    frame::place::Place,
};

#[derive(Clone, Copy)]
pub(crate) struct LoggedActs {
    client: Client,
    toasts: Toasts,
    pub(crate) pending: Pending,
    registering: RwSignal<Option<LoggedAt>>,
}

impl LoggedActs {
    pub(crate) fn new() -> Self {
        Self { client: Client::get(), toasts: Toasts::get(), pending: Pending::new(), registering: RwSignal::new(None) }
    }

    /// Asks for the name; a page that does so has a [`RegisterDialog`].
    pub(crate) fn register(self, from: LoggedAt) {
        self.registering.set(Some(from));
    }

    fn delete(self, model: String, name: String) {
        let request = DeleteLogged { model: model.clone() };
        self.pending.run(async move { self.client.call(request).await }, move |_| {
            self.toasts.undoable(self.client, format!("Deleted {name}"), RestoreLogged { model });
        });
    }

    /// What a row's menu offers; one that may not be deleted says so when it is asked to.
    pub(crate) fn items(self, model: &str, name: &str) -> [Item; 3] {
        let (from, copied) = (LoggedAt::Model(model.to_owned()), model.to_owned());
        let (model, name) = (model.to_owned(), name.to_owned());
        [
            Item::new("Register…", icon::BOX, move || self.register(from.clone())),
            Item::new("Copy id", icon::COPY, move || self.toasts.copy(&copied)),
            Item::new("Delete", icon::TRASH, move || self.delete(model.clone(), name.clone())).danger(),
        ]
    }

    pub(crate) fn restore(self, model: String) {
        let request = RestoreLogged { model };
        self.pending.run(async move { self.client.call(request).await }, move |model| {
            self.toasts.done(format!("Restored {}", model.name));
        });
    }
}

/// What its buttons hang on.
#[derive(Clone, PartialEq)]
pub(crate) struct Standing {
    id: String,
    name: String,
    is_deleted: bool,
    /// A version that was registered from it.
    version: Option<String>,
}

impl Standing {
    pub(crate) fn of(detail: &LoggedDetail) -> Self {
        Self {
            id: detail.model.id.clone(),
            name: detail.model.name.clone(),
            is_deleted: detail.model.deleted_ms.is_some(),
            version: detail.versions.first().map(|version| format!("{} v{}", version.name, version.number)),
        }
    }
}

#[component]
pub(crate) fn LoggedButtons(of: Memo<Standing>, acts: LoggedActs) -> impl IntoView {
    move || {
        let Standing { id, name, is_deleted, version } = of.get();
        if is_deleted {
            let restore = move || acts.restore(id.clone());
            return view! { <Button label="Restore" mark=icon::UNDO_2 kind="s" disabled=acts.pending.busy on_press=restore /> }
                .into_any();
        }
        let from = LoggedAt::Model(id.clone());
        let why = version.map(|version| format!("{version} was registered from it: delete that version first"));
        let label = format!("More of {name}");
        let items = move || {
            let (id, name) = (id.clone(), name.clone());
            let delete = Item::new("Delete", icon::TRASH, move || acts.delete(id.clone(), name.clone()));
            vec![delete.danger().blocked(why.clone())]
        };
        view! {
            <Button label="Register…" mark=icon::BOX kind="s" on_press=move || acts.register(from.clone()) />
            <MenuButton items label />
        }
        .into_any()
    }
}

/// Asks for the name of what is registered, once on a page.
#[component]
pub(crate) fn RegisterDialog(acts: LoggedActs) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if acts.registering.with(Option::is_some) {
            open.set(true);
        }
    });
    view! {
        <Dialog open title="Register model">
            {acts.registering.get_untracked().map(|from| view! { <Naming open from acts /> })}
        </Dialog>
    }
}

#[component]
fn Naming(open: RwSignal<bool>, from: LoggedAt, acts: LoggedActs) -> impl IntoView {
    const OFFERS: &str = "registered-models";
    let place = Place::get();
    let of_project = query(move || place.project.get().map(ListModels::of));
    let others = query(|| Some(ListOtherModels::default()));
    let known = Memo::new(move |_| {
        let names = [of_project.value, others.value].map(|models| {
            models.with(|models| models.iter().flatten().map(|model| model.name.clone()).collect::<Vec<_>>())
        });
        names.into_iter().flatten().collect::<BTreeSet<String>>()
    });
    let name = RwSignal::new(String::new());
    let hint = Signal::derive(move || {
        match known.with(|known| name.with(|name| known.contains(name.trim()))) {
            true => "It becomes this model's next version.",
            false => "A name that is not there yet becomes a model of its own.",
        }
        .to_owned()
    });
    let busy = acts.pending.busy;
    let blocked = Signal::derive(move || busy.get() || name.with(|name| name.trim().is_empty()));
    let from = StoredValue::new(from);
    let register = move || {
        if blocked.get_untracked() {
            return;
        }
        let request = RegisterLogged { from: from.get_value(), name: name.get_untracked().trim().to_owned() };
        acts.pending.run(async move { acts.client.call(request).await }, move |version| {
            open.try_set(false);
            acts.toasts.note(format!("Registered as {} v{}", version.name, version.number), None, Some(version.page));
        });
    };
    view! {
        <div class="content form">
            <Labelled label="Name" hint>
                <TextField value=name placeholder="churn" offers=OFFERS on_enter=Callback::new(move |()| register()) />
            </Labelled>
            <datalist id=OFFERS>
                {move || known.get().into_iter().map(|name| view! { <option value=name></option> }).collect_view()}
            </datalist>
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Register" mark=icon::BOX kind="primary" disabled=blocked on_press=register />
        </footer>
    }
}
