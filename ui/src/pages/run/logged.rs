//! The models that a run logged by MLflow's client, one of them with all that is known of it:
//! `?tab=models&model=m-…`.

use api::{
    id::RunId,
    logged::{GetLogged, LoggedBy, LoggedList},
};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    client::query::{Query, query},
    frame::address,
    parts::{
        icon,
        logged::{DeletedLogged, LoggedCards, LoggedTable},
        states::{Empty, Load},
    },
};

#[component]
pub(super) fn ModelsTab(run: Memo<RunId>, models: Query<LoggedList>) -> impl IntoView {
    let named = use_location().query;
    view! {
        <Load query=models let:list>
            {
                // The one that the address names, else the newest; one of another run is shown, too.
                let chosen = Memo::new(move |_| {
                    let asked = named.with(|named| named.get("model"));
                    asked.or_else(|| list.with(|list| list.models.first().map(|model| model.id.clone())))
                });
                let detail = query(move || chosen.get().map(|model| GetLogged { model }));
                // One that is alone needs no list, unless another is shown.
                let is_listed = Memo::new(move |_| {
                    list.with(|list| match list.models.as_slice() {
                        [] => false,
                        [only] => chosen.with(|chosen| chosen.as_ref() != Some(&only.id)),
                        _ => true,
                    })
                });
                let has_deleted = Memo::new(move |_| list.with(|list| list.deleted > 0));
                let to = Callback::new(|id: String| address::asking(vec![("tab", "models".to_owned()), ("model", id)]));
                view! {
                    {move || (chosen.get().is_none()).then(|| view! {
                        <Empty mark=icon::BOX title="No logged model" text="What a program logs by mlflow.sklearn.log_model and its like stands here, whether or not it is registered." />
                    })}
                    {move || is_listed.get().then(|| view! { <LoggedTable list to chosen /> })}
                    {move || chosen.get().map(|_| view! {
                        <div class="section"><Load query=detail lines=8 let:detail><LoggedCards detail here=Signal::derive(move || Some(run.get())) /></Load></div>
                    })}
                    {move || has_deleted.get().then(|| view! {
                        <div class="section"><DeletedLogged of=Signal::derive(move || LoggedBy::Run(run.get())) /></div>
                    })}
                }
            }
        </Load>
    }
}
