//! Short notes at the window's edge: what was done, and what failed, with its way out.

use std::time::Duration;

use api::ApiError;
use leptos::prelude::*;

use super::{
    button::IconButton,
    icon::{CIRCLE_CHECK, COPY, INFO, TRIANGLE_ALERT, X, icon},
    states::prose,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Done,
    Note,
    Failed,
}

#[derive(Clone, PartialEq)]
struct Toast {
    number: u64,
    tone: Tone,
    text: String,
    detail: Option<String>,
    link: Option<String>,
}

/// The window's notes.
#[derive(Clone, Copy)]
pub(crate) struct Toasts(RwSignal<Vec<Toast>>);

const STAYS: Duration = Duration::from_secs(5);
const AT_MOST: usize = 4;

impl Toasts {
    pub(crate) fn provide() {
        provide_context(Self(RwSignal::new(Vec::new())));
    }

    pub(crate) fn get() -> Self {
        expect_context()
    }

    pub(crate) fn done(self, text: impl Into<String>) {
        self.add(Tone::Done, text.into(), None, None);
    }

    pub(crate) fn note(self, text: impl Into<String>, detail: Option<String>, link: Option<String>) {
        self.add(Tone::Note, text.into(), detail, link);
    }

    /// An error stays until it is closed.
    pub(crate) fn error(self, error: &ApiError) {
        self.add(Tone::Failed, error.message.clone(), error.hint.clone(), None);
    }

    pub(crate) fn copy(self, text: &str) {
        let clipboard = window().navigator().clipboard();
        let _ = clipboard.write_text(text);
        self.done("Copied");
    }

    fn add(self, tone: Tone, text: String, detail: Option<String>, link: Option<String>) {
        let number = self.0.with_untracked(|toasts| toasts.last().map_or(0, |toast| toast.number + 1));
        self.0.update(|toasts| {
            toasts.retain(|toast| toast.text != text);
            toasts.push(Toast { number, tone, text, detail, link });
            if toasts.len() > AT_MOST {
                toasts.remove(0);
            }
        });
        if tone != Tone::Failed {
            set_timeout(move || self.close(number), STAYS);
        }
    }

    fn close(self, number: u64) {
        self.0.try_update(|toasts| toasts.retain(|toast| toast.number != number));
    }
}

/// Where the notes stand; readers hear them as they come.
#[component]
pub(crate) fn ToastList() -> impl IntoView {
    let toasts = Toasts::get();
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || toasts.0.get() key=|toast| toast.number let:toast>
                {
                    let (class, mark) = match toast.tone {
                        Tone::Done => ("good", CIRCLE_CHECK),
                        Tone::Note => ("info", INFO),
                        Tone::Failed => ("bad", TRIANGLE_ALERT),
                    };
                    let whole = toast.detail.as_ref().map_or_else(|| toast.text.clone(), |detail| format!("{} {detail}", toast.text));
                    let failed = toast.tone == Tone::Failed;
                    let number = toast.number;
                    view! {
                        <div class="toast" data-tone=class>
                            <span class=class>{icon(mark)}</span>
                            <div class="grow">
                                {match toast.link {
                                    Some(link) => view! { <a class="link" href=link>{toast.text}</a> }.into_any(),
                                    None => prose(&toast.text).into_any(),
                                }}
                                {toast.detail.map(|detail| view! { <div class="small muted">{prose(&detail)}</div> })}
                            </div>
                            {failed.then(|| view! { <IconButton label="Copy details" mark=COPY on_press=move |_| toasts.copy(&whole) /> })}
                            <IconButton label="Close" mark=X on_press=move |_| toasts.close(number) />
                        </div>
                    }
                }
            </For>
        </div>
    }
}
