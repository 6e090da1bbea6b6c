//! Selected runs over each other in the pane beside the table: a few curves, and what differs.

use std::collections::BTreeSet;

use api::run_diff::MOST;
use leptos::prelude::*;

use super::{
    comparison::Seen,
    differs::Differs,
    overlaid::{Compared, DRAWN, Overlaid},
};
use crate::parts::{
    curve_look::Look,
    field::Segments,
    icon::{self, icon},
    pane::Pane,
    words,
};

#[component]
pub(super) fn Overlay(
    picked: RwSignal<Vec<String>>,
    /// The picked runs, also those that were scrolled away.
    chosen: Memo<Vec<Compared>>,
    ranked_by: Signal<Option<(String, bool)>>,
    /// Where all their curves are shown large.
    #[prop(into)]
    compare: Signal<String>,
) -> impl IntoView {
    let keys = Memo::new(move |_| {
        let mut keys: Vec<String> = ranked_by.get().into_iter().map(|(key, _)| key).collect();
        let present: BTreeSet<String> =
            chosen.with(|chosen| chosen.iter().flat_map(|run| run.curves.iter().cloned()).collect());
        for key in ["loss/validation", "loss/train"] {
            if present.contains(key) && !keys.iter().any(|other| other == key) {
                keys.push(key.to_owned());
            }
        }
        keys.retain(|key| present.contains(key));
        keys
    });
    let cross = RwSignal::new(None);
    let look = Look::new();
    let seen = Seen::plain(look);
    view! {
        <Pane
            title=Signal::derive(move || words::counted(picked.with(Vec::len) as u64, "run", "runs"))
            on_close=move || picked.set(Vec::new())
        >
            <div class="flex wrap">
                <Segments value=look.along name="Along" options=vec![("step", "Step"), ("share", "Share of the run"), ("time", "Time")] />
                {move || (picked.with(Vec::len) > 1).then(|| view! { <a class="btn s right" href=move || compare.get()>{icon(icon::LAYERS)}"Compare"</a> })}
            </div>
            {move || (picked.with(Vec::len) > DRAWN).then(|| view! { <p class="small muted">{format!("The first {DRAWN} of them are drawn here; Compare draws up to {MOST}.")}</p> })}
            <For each=move || keys.get() key=Clone::clone let:key>
                <Overlaid key chosen cross seen />
            </For>
            <Differs chosen seen ranked_by />
        </Pane>
    }
}
