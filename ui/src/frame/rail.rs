//! The rail: the pages in the order of the data's way, then the machine's own.

use api::{job::ListJobs, project::ListProjects};
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_navigate};

use super::{
    brand::Brand,
    place::{self, Place},
};
use crate::{
    client::query::query,
    parts::{
        icon::{self, Icon, icon},
        menu::{Item, Menus},
    },
};

/// A page of a project: its address's last part, label, icon, key after `g`.
pub(crate) const PAGES: [(&str, &str, Icon, &str); 6] = [
    ("", "Overview", icon::HOUSE, "o"),
    ("data", "Data", icon::DATABASE, "d"),
    ("runs", "Runs", icon::ACTIVITY, "r"),
    ("models", "Models", icon::BOX, "m"),
    ("deploy", "Deploy", icon::UPLOAD, "p"),
    ("monitor", "Monitor", icon::EYE, "w"),
];

/// Where the experiments stand; the pages of one that belongs to no project belong to it.
const EXPERIMENTS: &str = "/experiments";

/// A page of the machine.
pub(crate) const MACHINE: [(&str, &str, Icon, &str); 4] = [
    (EXPERIMENTS, "Experiments", icon::FOLDER_OPEN, "e"),
    ("/hardware", "Hardware", icon::CPU, "h"),
    ("/jobs", "Jobs", icon::LIST_CHECKS, "j"),
    ("/settings", "Settings", icon::SETTINGS, "s"),
];

#[component]
pub(crate) fn Rail() -> impl IntoView {
    let place = Place::get();
    let path = use_location().pathname;
    let jobs = query(|| Some(ListJobs { project: None, limit: Some(100) }));
    let under_way = Memo::new(move |_| {
        jobs.value.with(|jobs| jobs.as_ref().map_or(0, |jobs| jobs.iter().filter(|job| !job.state.is_over()).count()))
    });
    let is_on = move |page: &'static str| {
        let path = path.get();
        let inside = path.split('/').nth(3).unwrap_or("");
        place.project.get().is_some() && inside == page
    };
    let link = move |page: &str| place.at_hand.get().map(|project| place.page_of(project, page));
    view! {
        <nav class="rail" aria-label="Pages">
            <Brand />
            <Show when=move || place.at_hand.get().is_some()>
                <ProjectChoice />
                {PAGES
                    .into_iter()
                    .map(|(page, label, mark, key)| {
                        view! {
                            <a
                                href=move || link(page)
                                title=label
                                class:on=move || is_on(page)
                                aria-current=move || is_on(page).then_some("page")
                            >
                                {icon(mark)}
                                {label}
                                <kbd aria-hidden="true">"g "{key}</kbd>
                            </a>
                        }
                    })
                    .collect_view()}
            </Show>
            <div class="gap"></div>
            {MACHINE
                .into_iter()
                .map(|(address, label, mark, key)| {
                    let on = move || {
                        let path = path.get();
                        path == address || (address == EXPERIMENTS && (path.starts_with("/e/") || path == place::ALL_RUNS))
                    };
                    view! {
                        <a href=address title=label class:on=on aria-current=move || on().then_some("page")>
                            {icon(mark)}
                            {label}
                            {move || {
                                let count = under_way.get();
                                if label == "Jobs" && count > 0 {
                                    view! { <span class="chip accent right" aria-label=format!("{count} under way")>{count}</span> }.into_any()
                                } else {
                                    view! { <kbd aria-hidden="true">"g "{key}</kbd> }.into_any()
                                }
                            }}
                        </a>
                    }
                })
                .collect_view()}
        </nav>
    }
}

/// The open project, and the way to the others.
#[component]
fn ProjectChoice() -> impl IntoView {
    let place = Place::get();
    let menus = Menus::get();
    let projects = query(|| Some(ListProjects {}));
    let navigate = StoredValue::new_local(use_navigate());
    let open = move |event: web_sys::MouseEvent| {
        let go = move |to: String| move || navigate.with_value(|navigate| navigate(&to, Default::default()));
        let mut items: Vec<Item> = projects
            .value
            .get_untracked()
            .unwrap_or_default()
            .into_iter()
            .map(|summary| {
                let here = place.at_hand.get_untracked() == Some(summary.project.id);
                let mark = if here { icon::CHECK } else { icon::FOLDER };
                Item::new(summary.project.name, mark, go(place::address(summary.project.id, "")))
            })
            .collect();
        items.push(Item::new("All projects and samples", icon::HOUSE, go("/".to_owned())));
        menus.open_at(&event, items);
    };
    // The address names one that is not here: the others are a press away.
    let is_gone = move || place.known.error.with(Option::is_some) && place.known.value.with(Option::is_none);
    view! {
        <button type="button" class="project" aria-haspopup="menu" title=move || place.name() on:click=open>
            {icon(icon::FOLDER)}
            <span class="cut">{move || if is_gone() { "Choose a project".to_owned() } else { place.name() }}</span>
            <span class="right faint flex">{icon(icon::CHEVRON_DOWN)}</span>
        </button>
    }
}
