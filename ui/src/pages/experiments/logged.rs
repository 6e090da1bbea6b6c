//! Logged models that no run made: no run's page has them.

use api::logged::{GetLogged, ListLogged, LoggedBy};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    client::query::query,
    frame::crumbs::crumbs,
    parts::{
        logged::{DeletedLogged, LoggedCards, LoggedTable},
        states::Load,
    },
};

/// The one that the address names: `?logged=m-…`.
pub(super) fn asked() -> Memo<Option<String>> {
    let query = use_location().query;
    Memo::new(move |_| query.with(|query| query.get("logged")))
}

#[component]
pub(super) fn LoggedPage(model: String) -> impl IntoView {
    let detail = query(move || Some(GetLogged { model: model.clone() }));
    crumbs(move || {
        let name = detail.value.with(|detail| detail.as_ref().map(|detail| detail.model.name.clone()));
        vec![("Experiments".to_owned(), Some("/experiments".to_owned())), (name.unwrap_or_default(), None)]
    });
    view! {
        <div class="body-of-page">
            <Load query=detail lines=8 let:detail><LoggedCards detail here=Signal::stored(None) /></Load>
        </div>
    }
}

/// Nothing where there are none.
#[component]
pub(super) fn LoggedOfNoRun(
    /// Only what is deleted is asked for.
    deleted: RwSignal<bool>,
) -> impl IntoView {
    let all = query(|| Some(ListLogged { of: LoggedBy::NoRun, deleted: false }));
    let list = Signal::derive(move || all.value.get().unwrap_or_default());
    let some = Memo::new(move |_| list.with(|list| (list.total > 0, list.deleted > 0)));
    let to = Callback::new(|id: String| Signal::stored(format!("/experiments?logged={id}")));
    view! {
        {move || (some.get().0 && !deleted.get()).then(|| view! { <div class="section"><LoggedTable list to of=" that no run made" /></div> })}
        {move || some.get().1.then(|| view! { <div class="section"><DeletedLogged of=Signal::stored(LoggedBy::NoRun) /></div> })}
    }
}
