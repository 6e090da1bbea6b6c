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

    /// Along time, for what is measured by the clock.
    pub(crate) fn over_time() -> Self {
        Self { along: RwSignal::new("time".to_owned()), ..Self::new() }
    }

    pub(crate) fn along(self) -> Along {
        self.along.with(|along| match along.as_str() {
            "share" => Along::Share,
            "time" => Along::Seconds,
            "clock" => Along::Clock,
            _ => Along::Step,
        })
    }

    /// Smooths otherwise from now on, and in this browser the next time too.
    fn smooth(self, by: f64) {
        self.smoothing.set(by);
        keep(SMOOTHING, &by.to_string());
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
pub(crate) fn LookChoice(look: Look) -> impl IntoView {
    view! {
        <AlongChoice look />
        <SmoothingChoice look />
    }
}

#[component]
pub(crate) fn AlongChoice(look: Look) -> impl IntoView {
    view! { <Segments value=look.along name="Along" options=vec![("step", "Step"), ("time", "Time")] /> }
}

/// How much curves are smoothed; the raw line stays behind the smooth one.
#[component]
pub(crate) fn SmoothingChoice(look: Look) -> impl IntoView {
    view! {
        <label class="flex small muted smoothing">
            "Smoothing"
            <input
                type="range"
                min="0"
                max="0.98"
                step="0.02"
                prop:value=move || look.smoothing.get().to_string()
                on:input=move |event| {
                    look.smooth(event_target_value(&event).parse().unwrap_or(0.0));
                }
            />
            <span class="num">{move || format!("{:.2}", look.smoothing.get())}</span>
        </label>
    }
}
