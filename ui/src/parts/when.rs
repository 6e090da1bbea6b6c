//! Times relative to now, with the exact one in a tooltip; all of a page tick together.

use leptos::prelude::*;

use super::words;

/// The page's clock: it ticks every ten seconds, since nothing on a page needs finer.
#[derive(Clone, Copy)]
pub(crate) struct Now(RwSignal<i64>);

impl Now {
    pub(crate) fn provide() {
        let now = Self(RwSignal::new(read()));
        provide_context(now);
        let tick = move || now.0.set(read());
        if let Ok(handle) = set_interval_with_handle(tick, std::time::Duration::from_secs(10)) {
            on_cleanup(move || handle.clear());
        }
    }

    pub(crate) fn get() -> Signal<i64> {
        expect_context::<Self>().0.into()
    }
}

/// The time now, for what is not shown.
pub(crate) fn read() -> i64 {
    js_sys::Date::now() as i64
}

/// "2 min ago", exact in the tooltip.
#[component]
pub(crate) fn Ago(#[prop(into)] ms: Signal<i64>) -> impl IntoView {
    let now = Now::get();
    view! { <time title=move || words::exact(ms.get())>{move || words::ago(ms.get(), now.get())}</time> }
}
