//! Lists whose rows take the focus: arrows go from row to row, Home and End to the ends; Enter is the row's own. What
//! asks for a row's menu by keyboard is a right click to the row.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

/// The rows of the page's lists; of lists below each other the arrows lead from one into the next.
pub(crate) const ROWS: &str = "main tr[tabindex], main .list > [tabindex], main .matrix .placed";
/// Those of a list beside what the page is about: its arrows stay in it.
const BESIDE: &str = "main .vers > a";

/// Moves the focus among the rows, and opens the menu of the one that has it; put on the list.
pub(crate) fn move_among_rows(event: web_sys::KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing(&event) {
        return;
    }
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let Some(target) = target else { return };
    let row_of = |rows: &'static str| Some((rows, target.closest(rows).ok().flatten()?));
    let Some((rows, row)) = row_of(BESIDE).or_else(|| row_of(ROWS)) else { return };
    if asks_for_menu(&event) {
        // A row without a menu leaves the key to the browser.
        if right_clicked(&row) {
            event.prevent_default();
        }
        return;
    }
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

/// Tells a row of a right click that has no place: its menu opens under it. `false` where the row has none.
fn right_clicked(row: &web_sys::Element) -> bool {
    let how = web_sys::MouseEventInit::new();
    how.set_bubbles(true);
    how.set_cancelable(true);
    let click = web_sys::MouseEvent::new_with_mouse_event_init_dict("contextmenu", &how);
    click.is_ok_and(|click| row.dispatch_event(&click).is_ok_and(|was_left| !was_left))
}

/// Whether a key asks for the menu of the row that has the keyboard.
pub(crate) fn asks_for_menu(event: &web_sys::KeyboardEvent) -> bool {
    is_of_menu(&event.key(), event.shift_key())
}

/// The menu key, Shift+F10 as everywhere, and `.`: not every keyboard has the first two.
fn is_of_menu(key: &str, with_shift: bool) -> bool {
    matches!(key, "ContextMenu" | ".") || (key == "F10" && with_shift)
}

/// Whether keys are text now.
pub(crate) fn is_typing(event: &web_sys::KeyboardEvent) -> bool {
    event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()).is_some_and(|target| {
        matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || target.has_attribute("contenteditable")
    })
}

/// Whether an event was meant for the row: a link or button in it goes where it says.
pub(crate) fn is_meant_for_row(event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_none_or(|target| target.closest("a, button, [role=separator]").ok().flatten().is_none())
}

/// Whether Enter was pressed on the row itself, not on a button in it.
pub(crate) fn opens_row(event: &web_sys::KeyboardEvent) -> bool {
    let opens = event.key() == "Enter" && event.target() == event.current_target();
    if opens {
        event.prevent_default();
    }
    opens
}

#[cfg(test)]
mod tests {
    use super::is_of_menu;

    #[test]
    fn a_menu_is_asked_for_on_any_keyboard() {
        for (key, with_shift, asks) in [
            ("ContextMenu", false, true),
            ("F10", true, true),
            (".", false, true),
            ("F10", false, false),
            (">", true, false),
            ("m", false, false),
        ] {
            assert_eq!(is_of_menu(key, with_shift), asks, "{key}");
        }
    }
}
