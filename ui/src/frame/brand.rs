//! The mark: a hull on its slipway.

use leptos::prelude::*;

#[component]
pub(crate) fn Brand() -> impl IntoView {
    view! {
        <a class="brand" href="/" aria-label="Slipway: start page">
            <svg width="20" height="20" viewBox="0 0 24 24" aria-hidden="true">
                <path d="M2 18h20M5 18l7-13 7 13" fill="none" stroke="var(--accent)" stroke-width="2.2" stroke-linejoin="round" stroke-linecap="round" />
            </svg>
            "Slipway"
        </a>
    }
}
