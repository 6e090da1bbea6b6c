//! Lists whose rows take the focus: arrows go from row to row, Home and End to the ends; Enter is the row's own.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

/// The rows of the page's lists; of lists below each other the arrows lead from one into the next.
pub(crate) const ROWS: &str = "main tr[tabindex], main .list > [tabindex], main .matrix .placed";
/// Those of a list beside what the page is about: its arrows stay in it.
const BESIDE: &str = "main .vers > a";

/// Moves the focus among the rows; put on the list.
pub(crate) fn move_among_rows(event: web_sys::KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let Some(target) = target else { return };
    let row_of = |rows: &'static str| Some((rows, target.closest(rows).ok().flatten()?));
    let Some((rows, row)) = row_of(BESIDE).or_else(|| row_of(ROWS)) else { return };
    let Ok(rows) = document().query_selector_all(rows) else { return };
    let Some(at) = (0..rows.length()).find(|at| rows.get(*at).is_some_and(|other| other.is_same_node(Some(&row))))
    else {
        return;
    };
    let to = match event.key().as_str() {
        "ArrowDown" | "j" => at + 1,
        "ArrowUp" | "k" => at.saturating_sub(1),
        "Home" => 0,
        "End" => rows.length().saturating_sub(1),
        _ => return,
    };
    event.prevent_default();
    if let Some(to) = rows.get(to).and_then(|to| to.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = to.focus();
    }
}

/// Whether an event was meant for the row: a link or button in it goes where it says.
pub(crate) fn is_meant_for_row(event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_none_or(|target| target.closest("a, button, [role=separator]").ok().flatten().is_none())
}

/// Whether a key is pressed in a field or a choice, which has letters and Escape for itself.
pub(crate) fn is_typing(event: &web_sys::KeyboardEvent) -> bool {
    event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()).is_some_and(|target| {
        matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || target.has_attribute("contenteditable")
    })
}

/// Whether Enter was pressed on the row itself, not on a button in it.
pub(crate) fn opens_row(event: &web_sys::KeyboardEvent) -> bool {
    let opens = event.key() == "Enter" && event.target() == event.current_target();
    if opens {
        event.prevent_default();
    }
    opens
}
