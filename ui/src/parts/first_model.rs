//! The way on where there is no model yet: a run to choose, or a training where none has finished.

use api::{
    id::ProjectId,
    run::{ListRuns, ProjectIdOr},
};
use leptos::prelude::*;

use crate::client::query::query;

/// `runs` is the address of the project's runs.
#[component]
pub(crate) fn FirstModel(project: ProjectId, #[prop(into)] runs: String) -> impl IntoView {
    let finished = query(move || {
        let filter = "state = finished".to_owned();
        Some(ListRuns { project: ProjectIdOr(project), filter, limit: Some(1), ..ListRuns::default() })
    });
    let any = Memo::new(move |_| finished.value.with(|table| table.as_ref().map(|table| table.total > 0)));
    move || {
        any.get().map(|any| {
            if any {
                view! { <a class="btn primary" href=runs.clone()>"Choose a run"</a> }
            } else {
                view! { <a class="btn primary" href=format!("{runs}?train=1")>"Train a model"</a> }
            }
        })
    }
}
