//! Dialogs that an address opens: `?train=1` on any page of a project.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
};

/// Whether a dialog is open: as soon as the address names it.
pub(super) fn opened_by(name: &'static str) -> RwSignal<bool> {
    let asked = use_query_map();
    let here = use_location();
    let navigate = use_navigate();
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if asked.with(|asked| asked.get(name).is_some()) {
            open.set(true);
        }
    });
    // Closing it takes the wish out of the address, so that a reload does not open it again.
    Effect::new(move |was: Option<bool>| {
        let is = open.get();
        if was == Some(true) && !is && asked.with_untracked(|asked| asked.get(name).is_some()) {
            navigate(&here.pathname.get_untracked(), NavigateOptions { replace: true, ..Default::default() });
        }
        is
    });
    open
}
