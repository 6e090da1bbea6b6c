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

/// Dialogs that are opened over any page.
const OVER_PAGES: [&str; 2] = ["train", "settings"];
/// What a dialog's wish is about, beside itself.
const ABOUT: [&str; 2] = ["snapshot", "alert"];

/// The query `now` of a page that showed something else `before`: a dialog over it stays asked for, so that a reload
/// opens it again.
pub(crate) fn with_wishes(now: &str, before: &str) -> String {
    let wishes = parts(before).filter(|(key, _)| OVER_PAGES.contains(key) || ABOUT.contains(key));
    joined(parts(now).chain(wishes))
}

/// The query without a dialog's wish and what the wish is about.
fn without(query: &str, name: &str) -> String {
    joined(parts(query).filter(|(key, _)| *key != name && !ABOUT.contains(key)))
}

/// The parts of a query, each with its key.
fn parts(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.trim_start_matches('?').split('&').filter(|part| !part.is_empty());
    parts.map(|part| (part.split('=').next().unwrap_or_default(), part))
}

fn joined<'a>(parts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let parts: Vec<&str> = parts.map(|(_, part)| part).collect();
    if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
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

    #[test]
    fn a_dialog_stays_asked_for_while_the_page_below_it_changes() {
        let before = "filter=a&train=1&snapshot=x&compare=groups";
        assert_eq!(with_wishes("?filter=ab&sort=name", before), "?filter=ab&sort=name&train=1&snapshot=x");
        assert_eq!(with_wishes("", "?settings=1"), "?settings=1");
        assert_eq!(with_wishes("", "filter=a"), "");
    }
}
