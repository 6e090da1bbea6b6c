//! Light or dark: the host's setting, the system's where it says so; kept for the next first paint.

use api::host::{GetSettings, Theme};
use leptos::prelude::*;

use crate::client::query::query;

/// Follows the setting for as long as the window is open.
pub(crate) fn follow() {
    let settings = query(|| Some(GetSettings {}));
    Effect::new(move |_| {
        if let Some(theme) = settings.value.with(|settings| settings.as_ref().map(|settings| settings.theme)) {
            show(theme);
        }
    });
}

/// Shows a theme now.
pub(crate) fn show(theme: Theme) {
    let name = match theme {
        Theme::Dark => "dark",
        Theme::Light => "light",
        Theme::System => {
            let light = window()
                .match_media("(prefers-color-scheme: light)")
                .ok()
                .flatten()
                .is_some_and(|query| query.matches());
            if light { "light" } else { "dark" }
        }
    };
    if let Ok(Some(storage)) = window().local_storage() {
        let kept = if theme == Theme::System { "system" } else { name };
        let _ = storage.set_item("slipway.theme", kept);
    }
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-theme", name);
    }
}
