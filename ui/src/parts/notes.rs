//! Notes in Markdown: drawn until one presses Edit, then a field for their text.

use leptos::{html, prelude::*};

use super::{
    button::Button,
    icon::{PENCIL, PLUS},
    markdown::Markdown,
};

#[component]
pub(crate) fn Notes(
    /// As they are saved.
    #[prop(into)]
    saved: Signal<String>,
    #[prop(into)] placeholder: String,
    #[prop(into)] busy: Signal<bool>,
    /// Begin with the field.
    #[prop(optional)]
    begins: bool,
    /// Saves a text; the field closes once `saved` has it.
    #[prop(into)]
    on_save: Callback<String>,
) -> impl IntoView {
    // What a person writes, while they do: the notes may change meanwhile, and that stays as it was typed.
    let written = RwSignal::new(begins.then(|| saved.get_untracked()));
    let is_edited = Memo::new(move |_| written.with(Option::is_some));
    let is_empty = Memo::new(move |_| saved.with(|saved| saved.trim().is_empty()));
    Effect::new(move |before: Option<()>| {
        let is_written = saved.with(|saved| written.with_untracked(|written| written.as_ref() == Some(saved)));
        if before.is_some() && is_written {
            written.set(None);
        }
    });
    let field = NodeRef::<html::Textarea>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            let _ = field.focus();
        }
    });
    let edit = move || written.set(Some(saved.get_untracked()));
    let save = move || {
        let Some(text) = written.get_untracked() else { return };
        if saved.with_untracked(|saved| *saved == text) {
            written.set(None);
        } else {
            on_save.run(text);
        }
    };
    let typed = move |event: leptos::ev::KeyboardEvent| match event.key().as_str() {
        "Enter" if event.ctrl_key() || event.meta_key() => {
            event.prevent_default();
            save();
        }
        "Escape" => {
            // A dialog or pane around it stays.
            event.prevent_default();
            event.stop_propagation();
            // What was typed is not lost by a key.
            if saved.with_untracked(|saved| written.with_untracked(|written| written.as_ref() == Some(saved))) {
                written.set(None);
            }
        }
        _ => {}
    };
    let placeholder = StoredValue::new(placeholder);
    view! {
        {move || match (is_edited.get(), is_empty.get()) {
            (true, _) => view! {
                <div class="form">
                    <span class="field area notes-field">
                        <textarea
                            node_ref=field
                            aria-label="Notes"
                            placeholder=placeholder.get_value()
                            prop:value=move || written.get().unwrap_or_default()
                            on:input=move |event| written.set(Some(event_target_value(&event)))
                            on:keydown=typed
                        ></textarea>
                    </span>
                    <div class="flex">
                        <Button label="Save notes" kind="primary" disabled=busy on_press=save />
                        <Button label="Cancel" on_press=move || written.set(None) />
                        <span class="right faint caption">"Markdown"</span>
                    </div>
                </div>
            }
            .into_any(),
            (false, true) => view! {
                <div class="notes-shown"><Button label="Add a note" mark=PLUS kind="quiet" on_press=edit /></div>
            }
            .into_any(),
            (false, false) => view! {
                <div class="notes-shown">
                    <Markdown text=saved />
                    <Button label="Edit" mark=PENCIL kind="quiet" on_press=edit />
                </div>
            }
            .into_any(),
        }}
    }
}
