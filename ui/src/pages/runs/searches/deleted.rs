//! Searches that were forgotten: each comes back as it was.

use api::{
    SearchId,
    search::{ListSearches, RestoreSearch, Search},
};
use leptos::prelude::*;

use super::tried;
use crate::{
    client::{Client, query::query},
    frame::place::Place,
    parts::{
        button::{Button, Pending},
        card::Card,
        icon,
        take_table::{Form, TakeTable, TextTable},
        toast::Toasts,
        when::Ago,
    },
};

/// Nothing where there are none.
#[component]
pub(super) fn DeletedSearches() -> impl IntoView {
    let place = Place::get();
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let all = query(move || Some(ListSearches { project: place.project.get()?, deleted: true }));
    let shown = Memo::new(move |_| all.value.with(|all| all.clone().unwrap_or_default()));
    let restore = move |search: SearchId, name: String| {
        pending.run(async move { client.call(RestoreSearch { search }).await }, move |_| {
            toasts.done(format!("Restored the search {name}"));
        });
    };
    let row = move |search: Search| {
        let (id, name) = (search.id, search.name.clone());
        view! {
            <tr>
                <td>{search.name.clone()}</td>
                <td class="muted">{tried(&search)}</td>
                <td class="num faint"><Ago ms=search.deleted_ms.unwrap_or(search.created_ms) /></td>
                <td class="end">
                    <Button label="Restore" mark=icon::UNDO_2 kind="quiet s" disabled=pending.busy on_press=move || restore(id, name.clone()) />
                </td>
            </tr>
        }
    };
    view! {
        {move || (!shown.with(Vec::is_empty)).then(|| view! {
            <Card title="Forgotten searches" class="section" flush=true extra=ViewFn::from(move || view! {
                <TakeTable of=("forgotten search", "forgotten searches") table=move |form| shown.with_untracked(|shown| as_text(shown, form)) />
            })>
                <table class="small-table" data-deleted="">
                    <thead><tr><th>"Search"</th><th>"Hyperparameters"</th><th class="num">"Forgotten"</th><th></th></tr></thead>
                    <tbody>{move || shown.get().into_iter().map(row).collect_view()}</tbody>
                </table>
            </Card>
        })}
    }
}

fn as_text(all: &[Search], form: Form) -> TextTable {
    let row = |search: &Search| {
        [search.name.clone(), tried(search), form.moment(Some(search.deleted_ms.unwrap_or(search.created_ms)))]
    };
    TextTable::of([("Search", false), ("Hyperparameters", false), ("Forgotten", false)], all.iter().map(row))
}
