//! What a person fills in: text, number, choice, switch.

use std::collections::BTreeMap;

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::icon::{Icon, icon};

/// A labelled line of a form; `hint` says what is expected, `warning` what is unusual, `error` what is wrong.
#[component]
pub(crate) fn Labelled(
    #[prop(into)] label: String,
    #[prop(into, optional)] hint: Signal<String>,
    #[prop(into, optional)] warning: Signal<Option<String>>,
    #[prop(into, optional)] error: Signal<Option<String>>,
    children: Children,
) -> impl IntoView {
    view! {
        <label class="labelled">
            <span>{label}</span>
            {children()}
            {move || {
                error
                    .get()
                    .map(|error| view! { <small class="bad" role="alert">{error}</small> }.into_any())
                    .or_else(|| warning.get().map(|warning| view! { <small class="warn" role="status">{warning}</small> }.into_any()))
                    .or_else(|| Some(hint.get()).filter(|hint| !hint.is_empty()).map(|hint| view! { <small>{hint}</small> }.into_any()))
            }}
        </label>
    }
}

/// One line of text.
#[component]
pub(crate) fn TextField(
    value: RwSignal<String>,
    /// The accessible name, where no `Labelled` stands around it.
    #[prop(into, optional)]
    name: Option<String>,
    #[prop(into, optional)] placeholder: String,
    #[prop(optional)] mark: Option<Icon>,
    /// "text", "password", "number".
    #[prop(default = "text")]
    kind: &'static str,
    #[prop(into, optional)] class: String,
    /// Enter was pressed.
    #[prop(optional)]
    on_enter: Option<Callback<()>>,
    /// It was left with another text than it was entered with.
    #[prop(optional)]
    on_change: Option<Callback<()>>,
    /// The id of a `<datalist>` with what is offered.
    #[prop(optional)]
    offers: Option<&'static str>,
    /// `/` brings the focus here.
    #[prop(optional)]
    is_filter: bool,
    #[prop(into, optional)] disabled: Signal<bool>,
) -> impl IntoView {
    // What Escape took out of a filter comes back by Ctrl+Z, which a browser forgets where a program changes the text.
    let emptied = StoredValue::new(String::new());
    let filters = move |event: &web_sys::KeyboardEvent| {
        let (is_empty, has_modifier) = (value.with_untracked(String::is_empty), event.ctrl_key() || event.meta_key());
        match event.key().as_str() {
            "Escape" if is_empty => {
                let held = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
                if let Some(held) = held {
                    let _ = held.blur();
                }
            }
            "Escape" => {
                emptied.set_value(value.get_untracked());
                value.set(String::new());
            }
            "z" if has_modifier && is_empty && emptied.with_value(|text| !text.is_empty()) => {
                event.prevent_default();
                value.set(emptied.try_update_value(std::mem::take).unwrap_or_default());
            }
            _ => {}
        }
    };
    view! {
        <span class=format!("field {class}")>
            {mark.map(|mark| view! { <span class="faint flex">{icon(mark)}</span> })}
            <input
                type=kind
                class="grow"
                aria-label=name
                placeholder=placeholder
                spellcheck="false"
                autocomplete="off"
                list=offers
                data-filter=is_filter.then_some("")
                disabled=move || disabled.get()
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
                on:change=move |_| {
                    // A browser says it also of a field that is taken away while somebody types in it.
                    if let Some(on_change) = on_change {
                        on_change.try_run(());
                    }
                }
                on:keydown=move |event| {
                    if event.key() == "Enter" && let Some(on_enter) = on_enter {
                        event.prevent_default();
                        on_enter.run(());
                    }
                    if is_filter {
                        filters(&event);
                    }
                }
            />
        </span>
    }
}

/// A choice among few: `(value, label)`.
#[component]
pub(crate) fn Select(
    value: RwSignal<String>,
    #[prop(into)] options: Signal<Vec<(String, String)>>,
    /// Options that can't be chosen now, each with why.
    #[prop(into, optional)]
    refused: Signal<BTreeMap<String, String>>,
    /// Said below the options: which of more these are.
    #[prop(into, optional)]
    rest: Signal<Option<String>>,
    #[prop(into, optional)] name: Option<String>,
    #[prop(into, optional)] disabled: Signal<bool>,
) -> impl IntoView {
    view! {
        <span class="field select">
            <select
                class="grow"
                aria-label=name
                disabled=move || disabled.get()
                on:change=move |event| value.set(event_target_value(&event))
                prop:value=move || {
                    options.track();
                    value.get()
                }
            >
                <For each=move || options.get() key=|option| option.clone() let:option>
                    {
                        let own = option.0.clone();
                        let why = {
                            let own = own.clone();
                            Memo::new(move |_| refused.with(|refused| refused.get(&own).cloned()))
                        };
                        view! {
                            <option value=option.0.clone() selected=move || value.get() == own
                                disabled=move || why.with(Option::is_some) title=move || why.get()>
                                {option.1}{move || why.with(Option::is_some).then_some(", not here")}
                            </option>
                        }
                    }
                </For>
                {move || rest.get().map(|rest| view! { <option disabled=true>{rest}</option> })}
            </select>
        </span>
    }
}

/// A choice that stands open: `(value, label)`.
#[component]
pub(crate) fn Segments(
    value: RwSignal<String>,
    options: Vec<(&'static str, &'static str)>,
    #[prop(into)] name: String,
    /// A person pressed one.
    #[prop(optional)]
    on_choose: Option<Callback<()>>,
) -> impl IntoView {
    view! {
        <span class="seg" role="radiogroup" aria-label=name>
            {options
                .into_iter()
                .map(|(key, label)| {
                    view! {
                        <button
                            type="button"
                            role="radio"
                            aria-checked=move || (value.get() == key).to_string()
                            aria-label=label
                            class:on=move || value.get() == key
                            on:click=move |_| {
                                value.set(key.to_owned());
                                if let Some(on_choose) = on_choose {
                                    on_choose.run(());
                                }
                            }
                        >
                            {label}
                        </button>
                    }
                })
                .collect_view()}
        </span>
    }
}

/// On or off.
#[component]
pub(crate) fn Switch(
    value: RwSignal<bool>,
    #[prop(into)] label: String,
    #[prop(into, optional)] disabled: Signal<bool>,
) -> impl IntoView {
    view! {
        <label class="switch">
            <input
                type="checkbox"
                role="switch"
                prop:checked=move || value.get()
                disabled=move || disabled.get()
                on:change=move |event| value.set(event_target_checked(&event))
            />
            <i></i>
            <span>{label}</span>
        </label>
    }
}
