//! How curves are looked at: along steps, time or the share of a run, and how much they are smoothed.

use leptos::prelude::*;

use super::{curves::Along, field::Segments};

/// Kept for all runs, but for the axis.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) along: RwSignal<String>,
    pub(crate) smoothing: RwSignal<f64>,
}

const SMOOTHING: &str = "slipway.smoothing";

impl Look {
    pub(crate) fn new() -> Self {
        let smoothing = kept(SMOOTHING).and_then(|kept| kept.parse().ok()).unwrap_or(0.6);
        Self { along: RwSignal::new("step".to_owned()), smoothing: RwSignal::new(smoothing) }
    }

    pub(crate) fn along(self) -> Along {
        self.along.with(|along| match along.as_str() {
            "share" => Along::Share,
            "time" => Along::Seconds,
            _ => Along::Step,
        })
    }
}

/// What this browser remembers under a name.
pub(crate) fn kept(key: &str) -> Option<String> {
    window().local_storage().ok().flatten()?.get_item(key).ok().flatten()
}

pub(crate) fn keep(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}

pub(crate) fn forget(key: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.remove_item(key);
    }
}

#[component]
pub(crate) fn LookChoice(
    look: Look,
    /// Runs of different lengths can be laid over each other.
    #[prop(optional)]
    has_share: bool,
) -> impl IntoView {
    let mut options = vec![("step", "Step"), ("time", "Time")];
    if has_share {
        options.insert(1, ("share", "Share of the run"));
    }
    view! {
        <Segments value=look.along name="Along" options />
        <label class="flex small muted smoothing">
            "Smoothing"
            <input
                type="range"
                min="0"
                max="0.98"
                step="0.02"
                prop:value=move || look.smoothing.get().to_string()
                on:input=move |event| {
                    let value = event_target_value(&event).parse().unwrap_or(0.0);
                    look.smoothing.set(value);
                    keep(SMOOTHING, &value.to_string());
                }
            />
            <span class="num">{move || format!("{:.2}", look.smoothing.get())}</span>
        </label>
    }
}
