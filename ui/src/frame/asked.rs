//! Dialogs that an address opens: `?train=1` on any page of a project.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
};

/// Whether a dialog is open: as soon as the address names it.
pub(super) fn opened_by(name: &'static str) -> RwSignal<bool> {
    let asked = use_query_map();
    let forget = forgets(name);
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
            forget();
        }
        is
    });
    open
}

/// What takes a dialog's wish out of the address.
pub(crate) fn forgets(name: &'static str) -> impl Fn() + 'static {
    let here = use_location();
    let navigate = use_navigate();
    move || {
        let to = format!("{}{}", here.pathname.get_untracked(), without(&here.search.get_untracked(), name));
        navigate(&to, NavigateOptions { replace: true, ..Default::default() });
    }
}

/// The query without a dialog's wish and what the wish is about.
fn without(query: &str, name: &str) -> String {
    let is_of_wish = |part: &&str| {
        let key = part.split('=').next().unwrap_or_default();
        key.is_empty() || key == name || key == "snapshot" || key == "alert"
    };
    let rest: Vec<&str> = query.trim_start_matches('?').split('&').filter(|part| !is_of_wish(part)).collect();
    if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dialog_was_opened_over_stays_in_the_address() {
        assert_eq!(without("?tab=profile&v=2&train=1&snapshot=x", "train"), "?tab=profile&v=2");
        assert_eq!(without("train=1&alert=y", "train"), "");
        assert_eq!(without("?register=1&tab=logs", "register"), "?tab=logs");
        assert_eq!(without("", "settings"), "");
    }
}
