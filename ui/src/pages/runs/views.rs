//! Saved views: filter, order and columns of the table under a name, opened and deleted from a menu beside the filter.

use api::tracking::{DeleteView, ListViews, SaveView, SavedView};
use leptos::prelude::*;

use super::{
    columns::{Chosen, Names},
    plots::{Plotted, brush_read, brush_said},
};
use crate::{
    client::{Client, query::query, wire},
    frame::place::Place,
    parts::{
        button::{Button, Pending},
        dialog::Dialog,
        field::{Labelled, TextField},
        icon,
        menu::{Item, Menus},
        table::Order,
        toast::Toasts,
    },
};

/// What the table shows, as its address says it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Shown {
    pub(super) filter: String,
    pub(super) order: Option<Order>,
    /// The orders among equals.
    pub(super) further: Vec<Order>,
    /// What runs are grouped by.
    pub(super) group: Names,
    pub(super) deleted: bool,
    /// The columns that a person chose.
    pub(super) columns: Option<Names>,
    /// Those that stay at the left.
    pub(super) pinned: Names,
    /// The chart that stands in the table's place.
    pub(super) plotted: Plotted,
    /// The figure whose curves the pane of the selected runs draws; empty where nobody chose one.
    pub(super) curve: String,
}

impl Shown {
    /// The part of an address behind its path; empty where nothing was chosen.
    pub(super) fn address(&self, encode: impl Fn(&str) -> String) -> String {
        let mut parts = Vec::new();
        if !self.filter.is_empty() {
            parts.push(format!("filter={}", encode(&self.filter)));
        }
        if let Some((key, descending)) = &self.order {
            parts.push(format!("sort={}", encode(key)));
            if !descending {
                parts.push("way=up".to_owned());
            }
        }
        let joined = |names: &Names| names.iter().map(|name| encode(name)).collect::<Vec<_>>().join(",");
        if !self.further.is_empty() {
            // A sign stands before the name: it is none of a name's first letters.
            let sign = |(key, descending): &Order| format!("{}{key}", if *descending { '-' } else { '+' });
            parts.push(format!("then={}", joined(&self.further.iter().map(sign).collect())));
        }
        if !self.group.is_empty() {
            parts.push(format!("group={}", joined(&self.group)));
        }
        if self.deleted {
            parts.push("deleted=1".to_owned());
        }
        if let Some(columns) = &self.columns {
            parts.push(format!("columns={}", joined(columns)));
        }
        if !self.pinned.is_empty() {
            parts.push(format!("pinned={}", joined(&self.pinned)));
        }
        let Plotted { view, axes, x, y, colour, log, contours, brushes } = &self.plotted;
        for (key, text) in [("view", view), ("x", x), ("y", y), ("colour", colour), ("curve", &self.curve)] {
            if !text.is_empty() {
                parts.push(format!("{key}={}", encode(text)));
            }
        }
        let brushed: Names = brushes.iter().map(|(name, brush)| brush_said(name, *brush)).collect();
        for (key, names) in [("axes", axes), ("log", log), ("brush", &brushed)] {
            if !names.is_empty() {
                parts.push(format!("{key}={}", joined(names)));
            }
        }
        if *contours {
            parts.push("contours=1".to_owned());
        }
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }

    /// What such an address says; parts that it does not know are passed over.
    pub(super) fn read(address: &str, decode: impl Fn(&str) -> String) -> Self {
        let mut shown = Self::default();
        let (mut sort, mut is_up) = (None, false);
        let names = |text: &str| text.split(',').filter(|name| !name.is_empty()).map(&decode).collect::<Names>();
        for part in address.trim_start_matches('?').split('&') {
            match part.split_once('=') {
                Some(("filter", text)) => shown.filter = decode(text),
                Some(("sort", key)) => sort = Some(decode(key)),
                Some(("way", way)) => is_up = way == "up",
                Some(("deleted", _)) => shown.deleted = true,
                Some(("then", text)) => {
                    let order = |name: String| match name.strip_prefix('-') {
                        Some(key) => (key.to_owned(), true),
                        None => (name.trim_start_matches('+').to_owned(), false),
                    };
                    shown.further = names(text).into_iter().map(order).collect();
                }
                Some(("group", text)) => shown.group = names(text),
                Some(("columns", text)) => shown.columns = Some(names(text)),
                Some(("pinned", text)) => shown.pinned = names(text),
                Some(("view", text)) => shown.plotted.view = decode(text),
                Some(("x", text)) => shown.plotted.x = decode(text),
                Some(("y", text)) => shown.plotted.y = decode(text),
                Some(("colour", text)) => shown.plotted.colour = decode(text),
                Some(("axes", text)) => shown.plotted.axes = names(text),
                Some(("log", text)) => shown.plotted.log = names(text),
                Some(("contours", _)) => shown.plotted.contours = true,
                Some(("brush", text)) => {
                    shown.plotted.brushes = names(text).iter().filter_map(|said| brush_read(said)).collect();
                }
                Some(("curve", text)) => shown.curve = decode(text),
                _ => {}
            }
        }
        shown.order = sort.map(|key| (key, !is_up));
        shown
    }
}

/// The signals that a view sets.
#[derive(Clone, Copy)]
pub(super) struct Settable {
    pub(super) filter: RwSignal<String>,
    pub(super) order: RwSignal<Option<Order>>,
    pub(super) further: RwSignal<Vec<Order>>,
    pub(super) group: RwSignal<Names>,
    pub(super) deleted: RwSignal<bool>,
    pub(super) plotted: RwSignal<Plotted>,
    pub(super) curve: RwSignal<String>,
    pub(super) columns: Chosen,
}

impl Settable {
    fn shown(self) -> Shown {
        untrack(|| Shown {
            filter: self.filter.get(),
            order: self.order.get(),
            further: self.further.get(),
            group: self.group.get(),
            deleted: self.deleted.get(),
            plotted: self.plotted.get(),
            curve: self.curve.get(),
            columns: self.columns.chosen(),
            pinned: self.columns.pinned.get(),
        })
    }

    fn set(self, shown: Shown) {
        self.filter.set(shown.filter);
        self.order.set(shown.order);
        self.further.set(shown.further);
        self.group.set(shown.group);
        self.deleted.set(shown.deleted);
        self.plotted.set(shown.plotted);
        self.curve.set(shown.curve);
        self.columns.set(shown.columns);
        self.columns.set_pinned(shown.pinned);
    }
}

#[component]
pub(super) fn Views(settable: Settable) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let menus = Menus::get();
    let pending = Pending::new();
    let place = Place::get();
    let views = query(move || place.scope.get().map(|of| ListViews { of }));
    let saving = RwSignal::new(false);
    let delete = move |view: SavedView| {
        let Some(of) = place.scope.get_untracked() else { return };
        let request = DeleteView { of, name: view.name.clone() };
        pending.run(async move { client.call(request).await }, move |_| {
            let said = format!("Deleted the view {}; the runs stay", view.name);
            toasts.undoable(client, said, SaveView { of, view: view.clone() });
        });
    };
    let items = move || {
        let known = views.value.get_untracked().unwrap_or_default();
        let is_plain = settable.shown() == Shown::default();
        let plain = is_plain.then(|| "Filter, sort or choose columns first: it is shown so anyway.".to_owned());
        let mut items = vec![Item::new("Save this view as…", icon::PLUS, move || saving.set(true)).blocked(plain)];
        for view in &known {
            let query = view.query.clone();
            let open = move || settable.set(Shown::read(&query, wire::decode));
            items.push(Item::new(view.name.clone(), icon::LIST_FILTER, open).under("Open a view"));
        }
        for view in known {
            let label = format!("Delete {}", view.name);
            items.push(Item::new(label, icon::TRASH, move || delete(view.clone())).danger().under("Delete a view"));
        }
        items
    };
    view! {
        <button
            type="button"
            class="btn"
            aria-haspopup="menu"
            title="Saved views of this table"
            on:click=move |event| menus.open_at(&event, items())
        >
            {icon::icon(icon::LAYERS)}
            "Views"
        </button>
        <Dialog open=saving title="Save this view"><Save open=saving settable /></Dialog>
    }
}

#[component]
fn Save(open: RwSignal<bool>, settable: Settable) -> impl IntoView {
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
        pending.run(async move { client.call(request).await }, move |_| {
            open.try_set(false);
            toasts.done(format!("Saved the view {named}"));
        });
    };
    let blocked = Signal::derive(move || pending.busy.get() || name.with(|name| name.trim().is_empty()));
    view! {
        <div class="content form">
            <Labelled label="Name" hint="Filter, order and columns are kept under it; a view of the same name is replaced.">
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
    use charts::parallel::Brush;

    use super::*;

    #[test]
    fn what_a_view_keeps_is_what_it_opens() {
        let encode = |text: &str| text.replace('%', "%25").replace('&', "%26").replace(',', "%2C");
        let decode = |text: &str| text.replace("%2C", ",").replace("%26", "&").replace("%25", "%");
        for shown in [
            Shown::default(),
            Shown {
                filter: "a = \"50 % & more\"".to_owned(),
                order: Some(("metric.f1".to_owned(), true)),
                ..Shown::default()
            },
            Shown {
                order: Some(("created".to_owned(), false)),
                deleted: true,
                columns: Some(["param.a,b".to_owned(), "metric.f1".to_owned()].into()),
                ..Shown::default()
            },
            Shown { columns: Some(Vec::new()), ..Shown::default() },
            Shown {
                order: Some(("metric.f1".to_owned(), true)),
                further: vec![("param.a,b".to_owned(), false), ("created".to_owned(), true)],
                group: vec!["param.a,b".to_owned(), "state".to_owned()],
                pinned: vec!["metric.f1".to_owned()],
                ..Shown::default()
            },
            Shown {
                plotted: Plotted {
                    view: "scatter".to_owned(),
                    axes: vec!["param.a,b".to_owned(), "metric.f1".to_owned()],
                    x: "param.a&b".to_owned(),
                    y: "metric.f1".to_owned(),
                    colour: "metric.loss".to_owned(),
                    log: vec!["param.a&b".to_owned()],
                    contours: true,
                    brushes: [
                        ("param.a~b,c".to_owned(), Brush::Between(0.5, f64::INFINITY)),
                        ("metric.f1".to_owned(), Brush::Between(f64::NEG_INFINITY, -1e-9)),
                        ("metric.loss".to_owned(), Brush::Between(-3.0, 1e20)),
                        ("param.lr".to_owned(), Brush::Missing),
                    ]
                    .into(),
                },
                curve: "train/loss & more".to_owned(),
                ..Shown::default()
            },
        ] {
            assert_eq!(Shown::read(&shown.address(encode), decode), shown);
        }
        assert_eq!(Shown::default().address(encode), "");
        let odd = Shown::read("?brush=1,0.1~x~param.a,~~param.b,0~1~&contours=1", decode).plotted;
        assert!(odd.brushes.is_empty() && odd.contours, "{odd:?}");
    }
}
