//! Saved views: all that a person sees of the table under a name, opened and deleted from a menu beside the filter.

use std::collections::BTreeSet;

use api::{
    table_view::{Plotted, TableView},
    tracking::{DeleteView, DeletedView, ListDeletedViews, ListViews, RestoreView, SaveView, SavedView},
};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{
    Facts,
    columns::{Chosen, Names, metrics::Told},
};
use crate::{
    client::{
        Client,
        query::{Query, query},
        wire,
    },
    frame::{address::follow, place::Place},
    parts::{
        button::{Button, Pending},
        deleted::{Deleted, DeletedItem},
        dialog::Dialog,
        field::{Labelled, TextField},
        icon,
        menu::{Item, Menus},
        states::Problem,
        table::Order,
        toast::Toasts,
    },
};

/// The signals that a view sets.
#[derive(Clone, Copy)]
pub(super) struct Settable {
    pub(super) filter: RwSignal<String>,
    pub(super) order: RwSignal<Option<Order>>,
    pub(super) further: RwSignal<Vec<Order>>,
    pub(super) group: RwSignal<Names>,
    pub(super) group_order: RwSignal<Option<Order>>,
    pub(super) group_further: RwSignal<Vec<Order>>,
    pub(super) deleted: RwSignal<bool>,
    pub(super) plotted: RwSignal<Plotted>,
    pub(super) curve: RwSignal<String>,
    pub(super) columns: Chosen,
    pub(super) facts: RwSignal<Facts>,
}

impl Settable {
    fn shown(self) -> TableView {
        untrack(|| TableView {
            filter: self.filter.get(),
            deleted: self.deleted.get(),
            columns: self.facts.with(|facts| self.columns.chosen(facts)),
            pinned: self.columns.pinned.get(),
            widths: self.columns.widths.get(),
            flat: !self.columns.shaded.get(),
            better: self.columns.told.with(|told| told.better.clone()),
            curves: self.columns.told.with(|told| told.curves.clone()),
            ..self.arranged()
        })
    }

    /// Order, groups and chart of it.
    fn arranged(self) -> TableView {
        TableView {
            order: self.order.get(),
            further: self.further.get(),
            group: self.group.get(),
            group_order: self.group_order.get(),
            group_further: self.group_further.get(),
            plotted: self.plotted.get(),
            curve: self.curve.get(),
            ..TableView::default()
        }
    }

    fn set(self, shown: TableView) {
        let shown = renewed(shown);
        self.arrange(&shown);
        self.filter.set(shown.filter);
        self.deleted.set(shown.deleted);
        self.columns.set(shown.columns);
        self.columns.set_pinned(shown.pinned);
        self.columns.set_widths(shown.widths);
        self.columns.shade(!shown.flat);
        self.columns.tell(Told { better: shown.better, curves: shown.curves });
    }

    fn arrange(self, view: &TableView) {
        self.order.set(view.order.clone());
        self.further.set(view.further.clone());
        self.group.set(view.group.clone());
        self.group_order.set(view.group_order.clone());
        self.group_further.set(view.group_further.clone());
        self.plotted.set(view.plotted.clone());
        self.curve.set(view.curve.clone());
    }
}

/// Takes order, groups, chart and columns from the address when that is changed from elsewhere.
pub(super) fn follow_view(settable: Settable) {
    let search = use_location().search;
    let named = move || renewed(search.with(|search| TableView::read(search, wire::decode)));
    let arranged = |view: TableView| {
        let TableView { order, further, group, group_order, group_further, plotted, curve, .. } = view;
        TableView { order, further, group, group_order, group_further, plotted, curve, ..TableView::default() }
    };
    follow(move || arranged(named()), move || settable.arranged(), move |view| settable.arrange(&view));
    let columns = settable.columns;
    let of_columns = move || {
        let view = named();
        (view.columns, view.pinned)
    };
    follow(of_columns, move || columns.named(), move |(names, pinned)| columns.show(names, pinned));
}

/// A view as it is meant now: the column of the start once sorted by when a run was created.
pub(super) fn renewed(mut view: TableView) -> TableView {
    const CREATED: &str = "created";
    let has_column = view.columns.as_ref().is_some_and(|columns| columns.iter().any(|name| name == CREATED));
    if !has_column {
        let orders = view.order.iter_mut().chain(&mut view.further);
        orders.filter(|(name, _)| name == CREATED).for_each(|(name, _)| "started".clone_into(name));
    }
    view
}

#[component]
pub(super) fn Views(settable: Settable) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let menus = Menus::get();
    let pending = Pending::new();
    let place = Place::get();
    let views = query(move || place.scope.get().map(|of| ListViews { of }));
    let (saving, restoring) = (RwSignal::new(false), RwSignal::new(false));
    let delete = move |view: SavedView| {
        let Some(of) = place.scope.get_untracked() else { return };
        let request = DeleteView { of, name: view.name.clone() };
        pending.run(async move { client.call(request).await }, move |_| {
            let said = format!("Deleted the view {}; the runs stay", view.name);
            toasts.undoable(client, said, RestoreView { of, name: view.name.clone() });
        });
    };
    let items = move || {
        let known = views.value.get_untracked().unwrap_or_default();
        let is_plain = settable.shown() == TableView::default();
        let plain = is_plain.then(|| "Nothing is changed yet: filter, sort or choose columns.".to_owned());
        let mut items = vec![Item::new("Save this view as…", icon::PLUS, move || saving.set(true)).blocked(plain)];
        for view in &known {
            let query = view.query.clone();
            let open = move || settable.set(TableView::read(&query, wire::decode));
            items.push(Item::new(view.name.clone(), icon::LIST_FILTER, open).under("Open a view"));
        }
        for view in known {
            let label = format!("Delete {}", view.name);
            items.push(Item::new(label, icon::TRASH, move || delete(view.clone())).danger().under("Delete a view"));
        }
        let restore = move || restoring.set(true);
        items.push(Item::new("Restore a view…", icon::UNDO_2, restore).under("Deleted or replaced within a day"));
        items
    };
    view! {
        <button
            type="button"
            class="btn folds-away"
            aria-haspopup="menu"
            title="Saved views of this table"
            on:click=move |event| menus.open_at(&event, items())
        >
            {icon::icon(icon::LAYERS)}
            "Views"
        </button>
        <Dialog open=saving title="Save this view"><Save open=saving settable views /></Dialog>
        <Dialog open=restoring title="Restore a view"><Gone /></Dialog>
    }
}

/// Views that were deleted or replaced within a day.
#[component]
fn Gone() -> impl IntoView {
    let place = Place::get();
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let all = query(move || place.scope.get().map(|of| ListDeletedViews { of }));
    let items = Memo::new(move |_| all.value.with(|all| gone(all.as_deref().unwrap_or_default())));
    let none = Memo::new(move |_| all.value.with(|all| all.as_ref().is_some_and(Vec::is_empty)));
    let restore = move |DeletedItem { key: name, .. }| {
        let Some(of) = place.scope.get_untracked() else { return };
        let request = RestoreView { of, name: name.clone() };
        pending.run(async move { client.call(request).await }, move |_| {
            toasts.done(format!("Restored the view {name}"));
        });
    };
    view! {
        <div class="content">
            {move || all.error.get().map(|error| view! { <Problem error /> })}
            {move || none.get().then(|| view! { <p class="muted small">"No view of this table was deleted or replaced within a day."</p> })}
            <Deleted title="Deleted or replaced" of=("deleted view", "deleted views") items busy=pending.busy restore />
        </div>
    }
}

/// One of each name, for the newest is what comes back.
fn gone(all: &[DeletedView]) -> Vec<DeletedItem> {
    let mut seen = BTreeSet::new();
    let newest = all.iter().filter(|one| seen.insert(one.view.name.as_str()));
    let item = |one: &DeletedView| DeletedItem {
        key: one.view.name.clone(),
        name: one.view.name.clone(),
        deleted_ms: one.deleted_ms,
        size_bytes: None,
    };
    newest.map(item).collect()
}

#[component]
fn Save(open: RwSignal<bool>, settable: Settable, views: Query<Vec<SavedView>>) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let place = Place::get();
    let name = RwSignal::new(String::new());
    let save = move || {
        let named = name.get_untracked().trim().to_owned();
        let Some(of) = place.scope.get_untracked().filter(|_| !named.is_empty()) else { return };
        let query = settable.shown().address(wire::encode);
        let request = SaveView { of, view: SavedView { name: named.clone(), query } };
        // Saved again as it was, it replaces nothing.
        let is_another = |view: &SavedView| view.name == named && view.query != request.view.query;
        let replaces = views.value.with_untracked(|views| views.iter().flatten().any(is_another));
        pending.run(async move { client.call(request).await }, move |_| {
            open.try_set(false);
            if replaces {
                let said = format!("Replaced the view {named}");
                toasts.undoable(client, said, RestoreView { of, name: named.clone() });
            } else {
                toasts.done(format!("Saved the view {named}"));
            }
        });
    };
    let blocked = Signal::derive(move || pending.busy.get() || name.with(|name| name.trim().is_empty()));
    view! {
        <div class="content form">
            <Labelled label="Name" hint="All that the table shows is kept under it: filter, order, columns, groups, chart. A view of the same name is replaced; Undo brings that one back.">
                <TextField value=name placeholder="Best of this week" on_enter=Callback::new(move |()| save()) />
            </Labelled>
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Save view" kind="primary" disabled=blocked on_press=save />
        </footer>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_view_that_was_deleted_twice_the_newest_is_offered() {
        let view = |name: &str, deleted_ms| DeletedView {
            view: SavedView { name: name.to_owned(), query: String::new() },
            deleted_ms,
        };
        let items = gone(&[view("best", 3), view("late", 2), view("best", 1)]);
        let offered: Vec<(&str, i64)> = items.iter().map(|item| (item.key.as_str(), item.deleted_ms)).collect();
        assert_eq!(offered, [("best", 3), ("late", 2)]);
    }

    #[test]
    fn a_view_that_was_sorted_by_its_start_still_is() {
        let order = |name: &str| (name.to_owned(), true);
        let before = TableView {
            order: Some(order("metric.f1")),
            further: vec![order("created"), order("name")],
            columns: Some(vec!["metric.f1".to_owned()]),
            ..TableView::default()
        };
        assert_eq!(renewed(before.clone()).further, [order("started"), order("name")]);
        let with_column = TableView { columns: Some(vec!["name".to_owned(), "created".to_owned()]), ..before };
        assert_eq!(renewed(with_column.clone()), with_column);
    }
}
