//! Light or dark: the host's setting, the system's where it says so; kept for the next first paint.

use api::host::{GetSettings, PutSettings, Theme};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    client::{Client, query::query},
    parts::toast::Toasts,
};

/// Follows the setting for as long as the window is open.
pub(crate) fn follow() {
    let settings = query(|| Some(GetSettings {}));
    Effect::new(move |_| {
        if let Some(theme) = settings.value.with(|settings| settings.as_ref().map(|settings| settings.theme)) {
            show(theme);
        }
    });
}

/// Makes a theme the workspace's; every open window follows.
pub(crate) fn choose(client: Client, toasts: Toasts, theme: Theme) {
    spawn_local(async move {
        let changed = match client.call(GetSettings {}).await {
            Ok(settings) => client.call(PutSettings { settings: api::host::Settings { theme, ..settings } }).await,
            Err(error) => Err(error),
        };
        if let Err(error) = changed {
            toasts.error(&error);
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
