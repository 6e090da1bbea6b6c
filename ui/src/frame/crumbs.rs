//! The way to this page: each page says its last crumbs, the frame puts the project or experiment before them.

use api::tracking::Scope;
use leptos::prelude::*;

use super::place::Place;
use crate::parts::icon::{CHEVRON_RIGHT, icon};

/// A crumb: its label and, where it isn't this page, its address.
pub(crate) type Crumb = (String, Option<String>);

#[derive(Clone, Copy)]
pub(crate) struct Crumbs(RwSignal<Vec<Crumb>>);

impl Crumbs {
    pub(crate) fn provide() {
        provide_context(Self(RwSignal::new(Vec::new())));
    }
}

/// Says where this page stands, and the window's title with it.
pub(crate) fn crumbs(of_page: impl Fn() -> Vec<Crumb> + 'static) {
    let crumbs = expect_context::<Crumbs>();
    let place = Place::get();
    Effect::new(move |_| {
        let mut all = Vec::new();
        if place.project.get().is_some() {
            all.push((place.name(), Some(place.link(""))));
        } else if place.scope.get().is_some() {
            all.push(("Experiments".to_owned(), Some("/experiments".to_owned())));
            let name = place.experiment.with(|known| known.as_ref().map(|known| known.name.clone()));
            let name = if place.scope.get() == Some(Scope::All) { Some("All".to_owned()) } else { name };
            all.push((name.unwrap_or_default(), Some(place.runs())));
        }
        all.extend(of_page());
        let title = all
            .iter()
            .rev()
            .map(|crumb| crumb.0.as_str())
            .filter(|label| !label.is_empty())
            .collect::<Vec<_>>()
            .join(" · ");
        document().set_title(&if title.is_empty() { "Slipway".to_owned() } else { format!("{title} · Slipway") });
        // What has no name yet, or isn't there, leaves no trailing arrow.
        all.retain(|crumb| !crumb.0.is_empty());
        crumbs.0.set(all);
    });
}

#[component]
pub(crate) fn CrumbLine() -> impl IntoView {
    let crumbs = expect_context::<Crumbs>();
    view! {
        <nav class="crumbs" aria-label="Where you are">
            {move || {
                let all = crumbs.0.get();
                let last = all.len().saturating_sub(1);
                all.into_iter()
                    .enumerate()
                    .map(|(index, (label, link))| {
                        if index == last {
                            view! { <b class="cut" aria-current="page">{label}</b> }.into_any()
                        } else {
                            view! {
                                <a class="cut" href=link>{label}</a>
                                {icon(CHEVRON_RIGHT)}
                            }
                            .into_any()
                        }
                    })
                    .collect_view()
            }}
        </nav>
    }
}
