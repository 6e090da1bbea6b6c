//! The way to a first model: the runs that could become one, or, where there is none, a training.

use api::run::{ListRuns, ProjectIdOr};
use leptos::prelude::*;

use crate::{client::query::query, frame::place::Place};

#[component]
pub(crate) fn ChooseRun() -> impl IntoView {
    let place = Place::get();
    let finished = query(move || {
        Some(ListRuns {
            project: ProjectIdOr(place.project.get()?),
            filter: "kind = training and state = finished".to_owned(),
            descending: true,
            limit: Some(1),
            ..Default::default()
        })
    });
    move || {
        let known = finished.value.with(|runs| runs.as_ref().map(|runs| runs.total == 0));
        // Where that can't be told, the list of runs says why.
        let none = known.or_else(|| finished.error.with(Option::is_some).then_some(false))?;
        let (page, label) = if none { ("runs?train=1", "Train a model") } else { ("runs", "Choose a run") };
        Some(view! { <a class="btn primary" href=place.link(page)>{label}</a> })
    }
}
