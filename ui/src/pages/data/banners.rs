//! What asks for a decision above the tabs: the folder changed, files lie beside the data, files
//! were dropped.

use api::{
    dataset::{AddData, Dataset},
    project::LookAt,
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::{TakeButton, keeping::PlanLine};
use crate::{
    client::query::query,
    frame::{
        arrivals::{Arrival, Arrivals},
        place::Place,
    },
    parts::{
        button::{Button, IconButton},
        icon::{self, icon},
        states::{Load, Problem},
        toast::Toasts,
        under_way::{Started, Starting},
        when::Ago,
        words,
    },
};

/// The folder differs from the newest version.
#[component]
pub(super) fn Changed(dataset: Signal<Dataset>) -> impl IntoView {
    let changed = Memo::new(move |_| dataset.with(|dataset| dataset.changed.clone()));
    // What is typed stays while more files change.
    let is_changed = Memo::new(move |_| changed.with(Option::is_some));
    let number =
        Memo::new(move |_| dataset.with(|dataset| dataset.snapshots.first().map_or(1, |snapshot| snapshot.number + 1)));
    let said = move || {
        changed.get().map(|change| {
            let parts: Vec<String> =
                [(change.added, "added"), (change.changed, "changed"), (change.removed, "removed")]
                    .into_iter()
                    .filter(|(count, _)| *count > 0)
                    .map(|(count, verb)| format!("{} {verb}", words::counted(count, "file", "files")))
                    .collect();
            view! {
                <b>{parts.join(", ")}</b>" since the newest snapshot, "<Ago ms=change.seen_ms />
                {(!change.names.is_empty()).then(|| view! { ": "<span class="mono">{change.names.join(", ")}</span> })}
            }
        })
    };
    view! {
        <Show when=move || is_changed.get()>
            <div class="drop">
                <span class="accent flex">{icon(icon::REFRESH_CW)}</span>
                <span class="grow">{said}<PlanLine /></span>
                {move || view! { <TakeButton label=format!("Take v{}", number.get()) kind="s primary" /> }}
            </div>
        </Show>
    }
}

/// Files of the folder that the data paths leave out.
#[component]
pub(super) fn Beside(dataset: Signal<Dataset>) -> impl IntoView {
    let place = Place::get();
    let toasts = Toasts::get();
    let adding = Starting::new(move |_| toasts.done("Added to the data paths in slipway.toml."));
    let open = RwSignal::new(false);
    let beside = Memo::new(move |_| dataset.with(|dataset| dataset.beside.clone()));
    let add = move |paths: Vec<String>| adding.start(AddData { project: place.id_now(), paths });
    let files = move || {
        let files = beside.get();
        let first = files.first()?.clone();
        let size = files.iter().map(|file| file.size_bytes).sum::<u64>();
        let all: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        let many = files.len() > 1;
        Some(view! {
            <div class="beside small">
                <span class="faint flex">{icon(icon::FILE)}</span>
                <span class="grow cut">
                    <span class="mono">{first.path.clone()}</span>
                    {many.then(|| format!(" and {} more", files.len() - 1))}
                    <span class="muted">{format!(" · {} · {} beside the data", words::bytes(size), if many { "lie" } else { "lies" })}</span>
                </span>
                {many.then(|| view! { <Button label=Signal::derive(move || if open.get() { "Hide".to_owned() } else { "Show".to_owned() }) kind="quiet s" on_press=move || open.update(|open| *open = !*open) /> })}
                <Button label=if many { "Add all to the data" } else { "Add to the data" } kind="s" disabled=adding.busy on_press=move || add(all.clone()) />
            </div>
            {move || open.get().then(|| {
                files.clone().into_iter().map(|file| {
                    let path = file.path.clone();
                    view! {
                        <div class="beside small">
                            <span class="grow cut mono">{file.path}</span>
                            <span class="faint num">{words::bytes(file.size_bytes)}</span>
                            <Button label="Add" kind="s" disabled=adding.busy on_press=move || add(vec![path.clone()]) />
                        </div>
                    }
                }).collect_view()
            })}
        })
    };
    view! {
        {files}
        <Started starting=adding />
    }
}

/// What was dropped on this project.
#[component]
pub(super) fn Arrived(dataset: Signal<Dataset>) -> impl IntoView {
    let arrivals = Arrivals::get();
    let taken = RwSignal::new(None::<Arrival>);
    Effect::new(move |_| {
        if let Some(arrival) = arrivals.newest.get() {
            arrivals.newest.set(None);
            taken.set(Some(arrival));
        }
    });
    move || taken.get().map(|arrival| view! { <Looked arrival taken dataset /> })
}

#[component]
fn Looked(arrival: Arrival, taken: RwSignal<Option<Arrival>>, dataset: Signal<Dataset>) -> impl IntoView {
    let place = Place::get();
    let toasts = Toasts::get();
    let arrivals = Arrivals::get();
    let adding = Starting::new(move |_| {
        taken.set(None);
        toasts.done("Copied into the project and added to its data paths. Take a snapshot when it is complete.");
    });
    let navigate = StoredValue::new_local(use_navigate());
    let paths = arrival.paths.clone();
    // As the project reads its data.
    let ragged =
        Memo::new(move |_| place.known.value.with(|project| project.as_ref().map(|project| project.file.data.ragged)));
    let look = query(move || ragged.get().map(|ragged| LookAt { paths: paths.clone(), ragged }));
    let name = arrival.name();
    let arrival = StoredValue::new(arrival);
    let add = move || {
        let paths = arrival.with_value(|arrival| arrival.paths.clone());
        adding.start(AddData { project: place.id_now(), paths });
    };
    let alone = move || {
        taken.set(None);
        navigate.with_value(|navigate| navigate("/", Default::default()));
        arrivals.newest.set(Some(arrival.get_value()));
    };
    let next = move || dataset.with(|dataset| dataset.snapshots.first().map_or(1, |snapshot| snapshot.number + 1));
    view! {
        <div class="drop tall">
            <span class="accent flex">{icon(icon::DOWNLOAD)}</span>
            <div class="grow">
                <Load query=look lines=2 let:look>
                    <div>
                        <b>{name.clone()}</b>
                        {move || look.with(|look| look.rows).map(|rows| format!(" — {}", words::counted(rows, "row", "rows")))}
                        {move || look.with(|look| look.found.clone()).into_iter().map(|sentence| view! { <div class="small muted">{sentence}</div> }).collect_view()}
                    </div>
                    {move || look.with(|look| look.problems.clone()).into_iter().map(|error| view! { <Problem error /> }).collect_view()}
                </Load>
                <Started starting=adding />
            </div>
            <Button label="Open alone" kind="s" on_press=alone />
            <Button label=Signal::derive(move || format!("Add for v{}", next())) kind="s primary" disabled=adding.busy on_press=add />
            <IconButton label="Leave it" mark=icon::X on_press=move |_| taken.set(None) />
        </div>
    }
}
