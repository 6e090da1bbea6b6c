//! A run by its id alone, as a link outside of Slipway names it: leads to where its page is.

use api::{
    id::RunId,
    run::{GetRun, Run},
};
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_params_map},
};

use super::missing::Missing;
use crate::{client::query::query, frame::crumbs::crumbs, parts::states::Load};

#[component]
pub(crate) fn Found() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("run")).and_then(|run| run.parse::<RunId>().ok()));
    let run = query(move || id.get().map(|run| GetRun { run }));
    crumbs(|| vec![("Runs".to_owned(), None)]);
    let navigate = use_navigate();
    Effect::new(move |_| {
        if let Some(to) = run.value.with(|run| run.as_ref().map(Run::page)) {
            navigate(&to, NavigateOptions { replace: true, ..Default::default() });
        }
    });
    move || {
        if id.get().is_none() {
            return view! { <Missing /> }.into_any();
        }
        view! { <div class="body-of-page"><Load query=run lines=9 let:_run>""</Load></div> }.into_any()
    }
}
