//! Dialogs: the browser's own `<dialog>` holds the focus and closes on Escape.

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast as _;

use super::{
    button::{Button, IconButton},
    icon::X,
};

/// A dialog that is there while `open` is true; what is in it is built when it opens.
#[component]
pub(crate) fn Dialog(
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    /// Wide, for tables and differences.
    #[prop(optional)]
    wide: bool,
    children: ChildrenFn,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    let children = StoredValue::new(children);
    Effect::new(move |_| {
        let wanted = open.get();
        if let Some(dialog) = node.get() {
            if wanted && !dialog.open() {
                let _ = dialog.show_modal();
                request_animation_frame(move || focus_first(&dialog));
            } else if !wanted && dialog.open() {
                dialog.close();
            }
        }
    });
    view! {
        <dialog
            node_ref=node
            class:wide=wide
            aria-label=move || title.get()
            on:close=move |_| open.set(false)
            on:mousedown=move |event| {
                // A press on the dialog itself, not on what is in it, is one on the backdrop.
                let hit = node.get_untracked().is_some_and(|dialog| event.target().as_ref() == Some(dialog.as_ref()));
                if hit {
                    open.set(false);
                }
            }
        >
            <Show when=move || open.get()>
                <div class="sheet">
                    <header>
                        <h2>{move || title.get()}</h2>
                        <IconButton label="Close" mark=X on_press=move |_| open.set(false) />
                    </header>
                    {children.with_value(|children| children())}
                </div>
            </Show>
        </dialog>
    }
}

/// The focus goes to what was marked, else to the first field, else to the leading button.
fn focus_first(dialog: &web_sys::HtmlDialogElement) {
    let wishes = ["[data-first] button", ".content input, .content select", "footer .primary", "footer button"];
    let first = wishes.iter().find_map(|wish| dialog.query_selector(wish).ok().flatten());
    if let Some(first) = first.and_then(|first| first.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = first.focus();
    }
}

/// Does so for the dialog that is open, whose content came after it.
pub(crate) fn focus_open() {
    let open = document().query_selector("dialog[open]").ok().flatten();
    if let Some(open) = open.and_then(|open| open.dyn_into::<web_sys::HtmlDialogElement>().ok()) {
        focus_first(&open);
    }
}

/// Asks before something is deleted or stopped.
#[component]
pub(crate) fn Confirm(
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    /// What will be gone and what stays.
    #[prop(into)]
    text: Signal<String>,
    #[prop(into)] verb: String,
    on_confirm: impl Fn() + Clone + Send + Sync + 'static,
) -> impl IntoView {
    view! {
        <Dialog open title>
            {
                let (on_confirm, verb) = (on_confirm.clone(), verb.clone());
                view! {
                    <div class="content">{move || text.get()}</div>
                    <footer>
                        <Button label="Cancel" on_press=move || open.set(false) />
                        <Button
                            label=verb
                            kind="danger"
                            on_press=move || {
                                open.set(false);
                                on_confirm();
                            }
                        />
                    </footer>
                }
            }
        </Dialog>
    }
}
