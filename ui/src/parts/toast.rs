//! Short notes at the window's edge: what was done, and what failed, with its way out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use api::{ApiError, ErrorCode, Request};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::{
    button::{Button, IconButton},
    icon::{CIRCLE_CHECK, COPY, INFO, Icon, TRIANGLE_ALERT, UNDO_2, X, icon},
    states::prose,
};
use crate::client::Client;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Done,
    Note,
    Failed,
}

#[derive(Clone)]
struct Toast {
    number: u64,
    tone: Tone,
    text: String,
    detail: Option<String>,
    link: Option<String>,
    action: Option<Action>,
}

/// The button of a note: it takes back what the note says, or goes on from there.
#[derive(Clone)]
pub(crate) struct Action {
    label: &'static str,
    mark: Icon,
    act: Arc<dyn Fn() + Send + Sync>,
}

impl Action {
    pub(crate) fn new(label: &'static str, mark: Icon, act: impl Fn() + Send + Sync + 'static) -> Self {
        Self { label, mark, act: Arc::new(act) }
    }
}

/// The window's notes.
#[derive(Clone, Copy)]
pub(crate) struct Toasts {
    all: RwSignal<Vec<Toast>>,
    /// What had the focus before it came to a note.
    before: StoredValue<Option<web_sys::HtmlElement>, LocalStorage>,
}

const STAYS: Duration = Duration::from_secs(5);
/// One with a button has to be read first.
const STAYS_WITH_ACTION: Duration = Duration::from_secs(12);
const AT_MOST: usize = 4;

impl Toasts {
    pub(crate) fn provide() {
        provide_context(Self { all: RwSignal::new(Vec::new()), before: StoredValue::new_local(None) });
    }

    pub(crate) fn get() -> Self {
        expect_context()
    }

    pub(crate) fn done(self, text: impl Into<String>) {
        self.add(Tone::Done, text.into(), None, None);
    }

    /// Says what was done, with a button whose request takes it back.
    pub(crate) fn undoable<R: Request + Clone>(self, client: Client, text: impl Into<String>, back: R) {
        self.undoable_all(client, text, vec![back]);
    }

    /// The same of what several requests take back, one after another.
    pub(crate) fn undoable_all<R: Request + Clone>(self, client: Client, text: impl Into<String>, back: Vec<R>) {
        let undo = move || {
            let back = back.clone();
            spawn_local(async move {
                for request in back {
                    if let Err(error) = client.call(request).await {
                        self.error(&error);
                        return;
                    }
                }
                self.done("Restored");
            });
        };
        self.acting(text, None, Action::new("Undo", UNDO_2, undo));
    }

    /// Says what was done, with a button.
    pub(crate) fn acting(self, text: impl Into<String>, detail: Option<String>, action: Action) {
        self.put(Tone::Done, text.into(), detail, None, Some(action));
    }

    pub(crate) fn note(self, text: impl Into<String>, detail: Option<String>, link: Option<String>) {
        self.add(Tone::Note, text.into(), detail, link);
    }

    /// An error stays until it is closed.
    pub(crate) fn error(self, error: &ApiError) {
        self.add(Tone::Failed, error.message.clone(), error.hint.clone(), None);
    }

    pub(crate) fn copy(self, text: &str) {
        self.copy_saying(text.to_owned(), "Copied".to_owned(), None);
    }

    /// Copies what is not to be seen, and says what it was and what it is for.
    pub(crate) fn copy_unseen(self, text: &str, said: &str, detail: &str) {
        self.copy_saying(text.to_owned(), said.to_owned(), Some(detail.to_owned()));
    }

    fn copy_saying(self, text: String, said: String, detail: Option<String>) {
        // Begun at once: a webview lets a page write to the clipboard while a press lasts, some only then.
        let written = clipboard(&text);
        spawn_local(async move {
            let Some(written) = written else {
                let message = "Nothing was copied: the browser gives this page no clipboard.";
                return self.error(&ApiError::new(ErrorCode::Unsupported, message));
            };
            if JsFuture::from(written).await.is_ok() {
                return self.add(Tone::Done, said, detail, None);
            }
            // Somebody waited for what is copied, and the press was over: another one takes it.
            let about = detail.clone();
            let copy = move || self.copy_saying(text.clone(), said.clone(), about.clone());
            self.put(Tone::Note, "Ready to be copied".to_owned(), detail, None, Some(Action::new("Copy", COPY, copy)));
        });
    }

    fn add(self, tone: Tone, text: String, detail: Option<String>, link: Option<String>) {
        self.put(tone, text, detail, link, None);
    }

    fn put(self, tone: Tone, text: String, detail: Option<String>, link: Option<String>, action: Option<Action>) {
        let stays = if action.is_some() { STAYS_WITH_ACTION } else { STAYS };
        let number = next_number();
        self.all.update(|toasts| {
            toasts.retain(|toast| toast.text != text);
            toasts.push(Toast { number, tone, text, detail, link, action });
            if let Some(at) = surplus(&toasts.iter().map(|toast| toast.tone).collect::<Vec<_>>()) {
                toasts.remove(at);
            }
        });
        if tone != Tone::Failed {
            set_timeout(move || self.close(number), stays);
        }
    }

    /// Takes a note away; the focus that was in it goes back to where it came from.
    fn close(self, number: u64) {
        let in_note = document().active_element().and_then(|focused| focused.closest(".toast").ok().flatten());
        let had_focus = in_note.and_then(|note| note.get_attribute("data-number")) == Some(number.to_string());
        self.all.try_update(|toasts| toasts.retain(|toast| toast.number != number));
        if had_focus
            && let Some(before) = self.before.try_update_value(Option::take).flatten()
            && before.is_connected()
        {
            let _ = before.focus();
        }
    }

    /// Keeps where the focus came from that comes to the notes.
    fn comes(self, from: Option<web_sys::EventTarget>) {
        let from = from.and_then(|from| from.dyn_into::<web_sys::HtmlElement>().ok());
        let is_of_notes = from.as_ref().is_some_and(|from| from.closest(".toasts").ok().flatten().is_some());
        if !is_of_notes {
            self.before.set_value(from);
        }
    }
}

/// A number that no note had before: the time that one stays must not end with that of another.
fn next_number() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// Which of too many notes goes: the oldest before the newest, but an error only where all of those are errors.
fn surplus(tones: &[Tone]) -> Option<usize> {
    let before = tones.len().saturating_sub(1);
    let is_other = |tone: &Tone| *tone != Tone::Failed;
    (tones.len() > AT_MOST).then(|| tones.iter().take(before).position(is_other).unwrap_or(0))
}

/// Begins to write a text to the clipboard; `None` where a page has none.
fn clipboard(text: &str) -> Option<js_sys::Promise> {
    let clipboard = window().navigator().clipboard();
    let is_there = !AsRef::<JsValue>::as_ref(&clipboard).is_undefined();
    is_there.then(|| clipboard.write_text(text))
}

/// Where the notes stand; readers hear them as they come.
#[component]
pub(crate) fn ToastList() -> impl IntoView {
    let toasts = Toasts::get();
    view! {
        <div class="toasts" role="status" aria-live="polite" on:focusin=move |event| toasts.comes(event.related_target())>
            <For each=move || toasts.all.get() key=|toast| toast.number let:toast>
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
                        <div class="toast" data-tone=class data-number=number.to_string()>
                            <span class=class>{icon(mark)}</span>
                            <div class="grow">
                                {match toast.link {
                                    Some(link) => view! { <a class="link" href=link>{toast.text}</a> }.into_any(),
                                    None => prose(&toast.text).into_any(),
                                }}
                                {toast.detail.map(|detail| view! { <div class="small muted">{prose(&detail)}</div> })}
                            </div>
                            {toast.action.map(|Action { label, mark, act }| {
                                let press = move || {
                                    toasts.close(number);
                                    act();
                                };
                                view! { <Button label mark kind="s" on_press=press /> }
                            })}
                            {failed.then(|| view! { <IconButton label="Copy details" mark=COPY on_press=move |_| toasts.copy(&whole) /> })}
                            <IconButton label="Close" mark=X on_press=move |_| toasts.close(number) />
                        </div>
                    }
                }
            </For>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_note_has_the_number_of_one_before() {
        let (first, second) = (next_number(), next_number());
        assert!(second > first);
    }

    #[test]
    fn an_error_stays_where_other_notes_can_go() {
        let [done, failed] = [Tone::Done, Tone::Failed];
        assert_eq!(surplus(&[failed, done, done, done]), None);
        assert_eq!(surplus(&[failed, done, failed, done, done]), Some(1));
        // What has just been said is seen in any case.
        assert_eq!(surplus(&[failed, failed, failed, failed, done]), Some(0));
    }
}
