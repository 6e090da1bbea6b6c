//! The filter line of a list: text with completion of fields, operators and values, by keyboard.
//!
//! Arrows choose, Tab or Enter takes, Escape puts the offers away, then empties the line, and then leaves it. What was
//! emptied, or changed in any other way, comes back by Ctrl+Z.

mod chips;
mod complete;
mod history;
mod mend;

pub(crate) use chips::Chips;
pub(crate) use complete::{Vocabulary, Wanted};
pub(crate) use mend::mended;

use std::ops::Range;

use chips::place_now;
use complete::{Completion, complete, is_whole, take};
use history::History;
use leptos::{html, prelude::*};

use super::{
    icon::{LIST_FILTER, UNDO_2, icon},
    toast::{Action, Toasts},
};

/// Letters of a filter that nobody writes again in a moment: emptied, it is offered back.
const LONG: usize = 24;

#[component]
pub(crate) fn FilterLine(
    value: RwSignal<String>,
    #[prop(into)] vocabulary: Signal<Vocabulary>,
    /// Asks for values that the vocabulary may not have yet.
    on_wanted: Callback<Wanted>,
    #[prop(into)] name: String,
    #[prop(into)] placeholder: String,
    /// Where in the value a condition stands that is to be selected: a chip was pressed.
    #[prop(optional)]
    selected: Option<RwSignal<Option<Range<usize>>>>,
    /// Set while what stands in the line is not what the list has.
    #[prop(optional)]
    is_typed: Option<RwSignal<bool>>,
    /// Set while a person still writes: from the first letter until Enter, or until the line is left. The list follows each
    /// filter that is whole meanwhile; what would be unquiet then waits for the last one.
    #[prop(optional)]
    is_writing: Option<RwSignal<bool>>,
) -> impl IntoView {
    let (input, toasts) = (NodeRef::<html::Input>::new(), Toasts::get());
    // What stands in the line; the list gets it once it is a whole filter.
    let draft = RwSignal::new(value.get_untracked());
    // What is typed reaches the list with it: a list whose filter differs had it from elsewhere.
    let history = StoredValue::new(History::default());
    Effect::new(move |_| {
        let now = value.get();
        draft.with_untracked(|before| history.update_value(|history| history.note(before, &now)));
        draft.set(now);
    });
    Effect::new(move |_| {
        let is = draft.with(|draft| value.with(|value| draft != value));
        if let Some(is_typed) = is_typed.filter(|is_typed| is_typed.get_untracked() != is) {
            is_typed.set(is);
        }
    });
    let writes = move |is: bool| {
        // A line that is taken away is left too, when nobody asks any more.
        if let Some(is_writing) = is_writing
            && is_writing.try_get_untracked() == Some(!is)
        {
            is_writing.set(is);
        }
    };
    let write = move |text: String| {
        writes(true);
        draft.with_untracked(|before| history.update_value(|history| history.note(before, &text)));
        if is_whole(&text) {
            value.set(text.clone());
        }
        draft.set(text);
    };
    let found = RwSignal::new(Completion::default());
    let open = RwSignal::new(false);
    let at = RwSignal::new(None::<usize>);
    // What was wanted last, and whether its values are still waited for.
    let (wanted, waits) = (StoredValue::new(None::<Wanted>), StoredValue::new(false));
    let completed = move || {
        let input = input.get_untracked()?;
        let text = input.value();
        // The document counts in UTF-16.
        let cursor = input.selection_start().ok().flatten().map_or(text.len(), |units| bytes_of(&text, units as usize));
        Some(vocabulary.with_untracked(|words| complete(&text, cursor, words)))
    };
    let offer = move |completion: Completion| {
        at.set(None);
        open.set(!completion.offers.is_empty());
        found.set(completion);
    };
    let look = move || {
        let Some(completion) = completed() else { return };
        waits.set_value(completion.wanted.is_some());
        if let Some(now) = &completion.wanted
            && wanted.with_value(|wanted| wanted.as_ref() != Some(now))
        {
            wanted.set_value(Some(now.clone()));
            on_wanted.run(now.clone());
        }
        offer(completion);
    };
    // Values that came are offered where they are still waited for.
    Effect::new(move |before: Option<()>| {
        vocabulary.track();
        if before.is_none() || !waits.get_value() {
            return;
        }
        if let Some(now) = completed().filter(|now| found.with_untracked(|found| found != now)) {
            offer(now);
        }
    });
    let close = move || {
        waits.try_set_value(false);
        open.set(false);
    };
    Effect::new(move |_| {
        let Some(selected) = selected else { return };
        let Some(before) = selected.get() else { return };
        selected.set(None);
        let Some(input) = input.get_untracked() else { return };
        let words = value.with_untracked(|value| value.get(before.clone()).map(str::to_owned));
        let text = input.value();
        let _ = input.focus();
        if let Some(place) = words.and_then(|words| place_now(&text, &words, before)) {
            let units = |end: usize| text[..end].encode_utf16().count() as u32;
            let _ = input.set_selection_range(units(place.start), units(place.end));
        }
    });
    let accept = move |index: usize| {
        let Some(input) = input.get_untracked() else { return };
        let text = input.value();
        let taken = found.with_untracked(|found| found.offers.get(index).map(|offer| take(&text, found, offer)));
        if let Some((text, cursor)) = taken {
            let units = text[..cursor].encode_utf16().count() as u32;
            write(text.clone());
            // Now, not with the next effect: the cursor stands in the new text.
            input.set_value(&text);
            let _ = input.focus();
            let _ = input.set_selection_range(units, units);
            look();
        }
    };
    let empty = move || {
        let text = draft.get_untracked();
        write(String::new());
        writes(false);
        if text.trim().chars().count() > LONG {
            let undo = Action::new("Undo", UNDO_2, move || drop(value.try_set(text.clone())));
            toasts.acting("Emptied the filter", None, undo);
        }
    };
    // Back, or on again where it is true.
    let step = move |on: bool| {
        let now = draft.get_untracked();
        let text = history.try_update_value(|history| if on { history.on(now) } else { history.back(now) }).flatten();
        let (Some(text), Some(input)) = (text, input.get_untracked()) else { return };
        writes(true);
        // Before the list has it: what comes from there would be a step of its own.
        draft.set(text.clone());
        if is_whole(&text) {
            value.set(text.clone());
        }
        input.set_value(&text);
        look();
    };
    let pressed = move |event: web_sys::KeyboardEvent| {
        if let Some(on) = undone(&event) {
            step(on);
            event.prevent_default();
            event.stop_propagation();
            return;
        }
        let count = found.with_untracked(|found| found.offers.len());
        let shown = open.get_untracked() && count > 0;
        match (event.key().as_str(), at.get_untracked()) {
            ("ArrowDown", chosen) if shown => at.set(Some(chosen.map_or(0, |chosen| (chosen + 1) % count))),
            ("ArrowUp", chosen) if shown => {
                at.set(Some(chosen.map_or(count - 1, |chosen| (chosen + count - 1) % count)))
            }
            ("ArrowDown", _) => look(),
            ("Tab", chosen) if shown && !event.shift_key() => accept(chosen.unwrap_or(0)),
            ("Enter", Some(chosen)) if shown => accept(chosen),
            ("Enter", _) => {
                close();
                value.set(draft.get_untracked());
                writes(false);
            }
            ("Escape", _) if shown => close(),
            ("Escape", _) if draft.with_untracked(String::is_empty) => {
                if let Some(input) = input.get_untracked() {
                    let _ = input.blur();
                }
            }
            ("Escape", _) => empty(),
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    view! {
        <span class="field grow mono filter-line">
            <span class="faint flex">{icon(LIST_FILTER)}</span>
            <input
                node_ref=input
                type="text"
                class="grow"
                role="combobox"
                aria-label=name
                aria-expanded=move || open.get().to_string()
                aria-controls="filter-offers"
                aria-autocomplete="list"
                aria-activedescendant=move || at.get().map(|at| format!("filter-offer-{at}"))
                placeholder=placeholder
                spellcheck="false"
                autocomplete="off"
                data-filter=""
                prop:value=move || draft.get()
                on:input=move |event| {
                    write(event_target_value(&event));
                    look();
                }
                on:click=move |_| look()
                on:blur=move |_| {
                    close();
                    // Whoever comes back is told what runs have by then.
                    wanted.try_set_value(None);
                    writes(false);
                }
                on:keydown=pressed
            />
            <Show when=move || open.get()>
                <div class="offers" id="filter-offers" role="listbox" aria-label="What can stand here">
                    {move || found.get().offers.into_iter().enumerate().map(|(index, offer)| view! {
                        <div
                            id=format!("filter-offer-{index}")
                            role="option"
                            class="offer"
                            class:on=move || at.get() == Some(index)
                            aria-selected=move || (at.get() == Some(index)).to_string()
                            on:mousedown=move |event| {
                                // The line keeps the keyboard.
                                event.prevent_default();
                                accept(index);
                            }
                        >
                            <span class="grow cut">{offer.text}</span>
                            <span class="faint caption">{offer.what.into_owned()}</span>
                        </div>
                    }).collect_view()}
                </div>
            </Show>
        </span>
    }
}

/// Whether a key takes a step back, or on again where it is true.
fn undone(event: &web_sys::KeyboardEvent) -> Option<bool> {
    if !(event.ctrl_key() || event.meta_key()) || event.alt_key() {
        return None;
    }
    match event.key().to_lowercase().as_str() {
        "z" => Some(event.shift_key()),
        "y" => Some(true),
        _ => None,
    }
}

/// How many bytes a number of UTF-16 units are.
fn bytes_of(text: &str, units: usize) -> usize {
    let mut left = units;
    for (at, one) in text.char_indices() {
        if left == 0 {
            return at;
        }
        left = left.saturating_sub(one.len_utf16());
    }
    text.len()
}
