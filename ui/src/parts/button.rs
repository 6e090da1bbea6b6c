//! Buttons, and the one way in which a button's call is awaited.

use std::{future::Future, rc::Rc};

use api::ApiError;
use leptos::{prelude::*, task::spawn_local};

use super::{
    icon::{Icon, icon},
    toast::Toasts,
};

/// A button with a label. `kind` is "", "primary", "quiet", "danger", with "s" for the small one.
#[component]
pub(crate) fn Button(
    #[prop(into)] label: Signal<String>,
    #[prop(optional)] mark: Option<Icon>,
    #[prop(into, optional)] kind: String,
    #[prop(into, optional)] disabled: Signal<bool>,
    /// Why it is disabled, or what it does, in a tooltip.
    #[prop(into, optional)]
    tip: Signal<String>,
    on_press: impl Fn() + 'static,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class=format!("btn {kind}")
            title=move || Some(tip.get()).filter(|tip| !tip.is_empty())
            disabled=move || disabled.get()
            on:click=move |event| {
                event.stop_propagation();
                on_press();
            }
        >
            {mark.map(icon)}
            {move || label.get()}
        </button>
    }
}

/// A button that shows only an icon; the label is its accessible name.
#[component]
pub(crate) fn IconButton(
    #[prop(into)] label: Signal<String>,
    mark: Icon,
    #[prop(into, optional)] kind: String,
    on_press: impl Fn(web_sys::MouseEvent) + 'static,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class=format!("btn quiet s icon {kind}")
            title=move || label.get()
            aria-label=move || label.get()
            on:click=move |event| {
                event.stop_propagation();
                on_press(event);
            }
        >
            {icon(mark)}
        </button>
    }
}

/// Copies text, and says so for a moment.
#[component]
pub(crate) fn CopyButton(#[prop(into)] text: Signal<String>, #[prop(into)] label: String) -> impl IntoView {
    let toasts = Toasts::get();
    view! { <IconButton label mark=super::icon::COPY kind="copy" on_press=move |_| toasts.copy(&text.get_untracked()) /> }
}

/// A line to be typed elsewhere.
#[component]
pub(crate) fn CopyLine(#[prop(into)] text: String) -> impl IntoView {
    let label = format!("Copy: {text}");
    view! { <span class="command flex"><code class="mono">{text.clone()}</code><CopyButton text label /></span> }
}

/// Calls of one button: while one is under way the button is disabled, a failure becomes a toast.
#[derive(Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) busy: RwSignal<bool>,
    toasts: Toasts,
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self { busy: RwSignal::new(false), toasts: Toasts::get() }
    }

    /// Awaits a call; `done` gets its answer, also where the page was left meanwhile: it reads what the page
    /// owned by `try_…` only.
    pub(crate) fn run<T: 'static>(
        self,
        call: impl Future<Output = Result<T, ApiError>> + 'static,
        done: impl FnOnce(T) + 'static,
    ) {
        self.run_or(call, done, move |error| self.toasts.error(&error));
    }

    /// As [`Pending::run`], with a place of its own for what went wrong.
    pub(crate) fn run_or<T: 'static>(
        self,
        call: impl Future<Output = Result<T, ApiError>> + 'static,
        done: impl FnOnce(T) + 'static,
        refused: impl FnOnce(ApiError) + 'static,
    ) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        spawn_local(async move {
            let answer = call.await;
            self.busy.try_set(false);
            match answer {
                Ok(answer) => done(answer),
                Err(error) => refused(error),
            }
        });
    }

    /// Calls whenever a value changes, for what acts at once: what changes while a call is under way goes with the next.
    pub(crate) fn at_each<T: Clone + PartialEq + Send + Sync + 'static>(
        self,
        value: impl Fn() -> T + 'static,
        call: impl Fn(T) + 'static,
    ) {
        let sent = StoredValue::new(untrack(&value));
        Effect::new(move |_| {
            let now = value();
            if !self.busy.get() && sent.with_value(|sent| *sent != now) {
                sent.set_value(now.clone());
                call(now);
            }
        });
    }
}

/// A closure that a menu or the palette can keep.
pub(crate) type Act = Rc<dyn Fn()>;
