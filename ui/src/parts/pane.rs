//! The detail pane at the right of a page: resizable, closed by Escape, its width remembered. A keyboard that was in it
//! goes back to where it came from.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use super::{button::IconButton, icon::X, row_keys::ROWS};

const KEY: &str = "slipway.pane";
const NARROWEST: f64 = 300.0;

/// A pane beside a page.
#[component]
pub(crate) fn Pane(
    #[prop(into)] title: Signal<String>,
    #[prop(default = 430.0)] width: f64,
    /// Beside the title.
    #[prop(optional, into)]
    extra: Option<ViewFn>,
    on_close: impl Fn() + Clone + 'static,
    children: Children,
) -> impl IntoView {
    let kept = window().local_storage().ok().flatten().and_then(|storage| storage.get_item(KEY).ok().flatten());
    let width = RwSignal::new(kept.and_then(|kept| kept.parse().ok()).unwrap_or(width));
    let from = RwSignal::new(None::<(f64, f64)>);
    let moved = window_event_listener(ev::pointermove, move |event| {
        if let Some((start, before)) = from.get_untracked() {
            let widest = window().inner_width().ok().and_then(|width| width.as_f64()).unwrap_or(1200.0) * 0.6;
            width.set((before + start - f64::from(event.client_x())).clamp(NARROWEST, widest));
        }
    });
    let left = window_event_listener(ev::pointerup, move |_| {
        if from.get_untracked().is_some() {
            from.set(None);
            if let Ok(Some(storage)) = window().local_storage() {
                let _ = storage.set_item(KEY, &width.get_untracked().to_string());
            }
        }
    });
    // What had the keyboard before it came here.
    let before = StoredValue::new_local(None::<HtmlElement>);
    let close = move || {
        // With the pane this goes too.
        let from = before.try_get_value().flatten();
        on_close();
        request_animation_frame(move || back(from));
    };
    let escape = {
        let close = close.clone();
        window_event_listener(ev::keydown, move |event| {
            if event.key() == "Escape"
                && !event.default_prevented()
                && document().query_selector("dialog[open], .menu").ok().flatten().is_none()
            {
                close();
            }
        })
    };
    on_cleanup(move || {
        moved.remove();
        left.remove();
        escape.remove();
    });
    view! {
        <aside
            class="pane"
            style:width=move || format!("{}px", width.get())
            aria-label=move || title.get()
            on:focusin=move |event| {
                let from = event.related_target().and_then(|from| from.dyn_into::<HtmlElement>().ok());
                let from = from.filter(|from| from.closest(".pane").ok().flatten().is_none());
                if from.is_some() {
                    before.set_value(from);
                }
            }
        >
            <div
                class="grip"
                role="separator"
                aria-orientation="vertical"
                aria-label="Width of the pane"
                tabindex="0"
                on:pointerdown=move |event| {
                    event.prevent_default();
                    from.set(Some((f64::from(event.client_x()), width.get_untracked())));
                }
                on:keydown=move |event| match event.key().as_str() {
                    "ArrowLeft" => width.update(|width| *width += 24.0),
                    "ArrowRight" => width.update(|width| *width = (*width - 24.0).max(NARROWEST)),
                    _ => {}
                }
            ></div>
            <header class="flex">
                <h2 class="grow cut">{move || title.get()}</h2>
                {extra.map(|extra| extra.run())}
                <IconButton label="Close" mark=X on_press=move |_| close() />
            </header>
            {children()}
        </aside>
    }
}

/// A keyboard that nothing has any more goes back to where it was, or to the page's list where that is gone.
fn back(from: Option<HtmlElement>) {
    if document().active_element() != document().body().map(web_sys::Element::from) {
        return;
    }
    let list = || -> Option<HtmlElement> {
        document().query_selector(&format!("main .table, {ROWS}")).ok().flatten()?.dyn_into().ok()
    };
    if let Some(to) = from.filter(|from| from.is_connected()).or_else(list) {
        let _ = to.focus();
    }
}
