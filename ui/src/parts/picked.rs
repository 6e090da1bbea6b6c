//! Rows of a list that are selected: by `x` on the row that has the keyboard, by Ctrl and a press, or in its menu. What
//! can be done with all of them stands above the list, and in the menu of each.

use api::{ApiError, Request};
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::{
    button::Button,
    icon,
    menu::Item,
    row_keys::{ROWS, is_meant_for_row},
    words,
};
use crate::client::Client;

/// Which rows are selected, by their ids.
#[derive(Clone, Copy)]
pub(crate) struct Picked<K: 'static>(RwSignal<Vec<K>>);

impl<K: Copy + PartialEq + Send + Sync + 'static> Picked<K> {
    pub(crate) fn new() -> Self {
        Self(RwSignal::new(Vec::new()))
    }

    pub(crate) fn has(self, row: K) -> bool {
        self.0.with(|rows| rows.contains(&row))
    }

    /// A row's name as it is read out.
    pub(crate) fn named(self, row: K, name: &str) -> String {
        if self.has(row) { format!("{name}, selected") } else { name.to_owned() }
    }

    /// Selects a row, or lets go of it.
    fn turn(self, row: K) {
        self.0.try_update(|rows| turned(rows, row));
    }

    /// Lets go of what is not there any more, or of what there is nothing left to do with.
    pub(crate) fn leave(self, gone: &[K]) {
        self.0.try_update(|rows| rows.retain(|row| !gone.contains(row)));
    }

    pub(crate) fn clear(self) {
        self.0.try_set(Vec::new());
    }

    /// Whether a key was pressed that selects the row, which is done then.
    pub(crate) fn by_key(self, event: &web_sys::KeyboardEvent, row: K) -> bool {
        let is_alone = !event.ctrl_key() && !event.meta_key() && !event.alt_key();
        let selects = is_alone && matches!(event.key().as_str(), "x" | " ") && event.target() == event.current_target();
        if selects {
            event.prevent_default();
            self.turn(row);
        }
        selects
    }

    /// The same of a press with Ctrl.
    pub(crate) fn by_press(self, event: &web_sys::MouseEvent, row: K) -> bool {
        let selects = (event.ctrl_key() || event.meta_key()) && is_meant_for_row(event);
        if selects {
            self.turn(row);
        }
        selects
    }

    /// The line of a row's menu that selects it.
    pub(crate) fn item(self, row: K) -> Item {
        let is_picked = self.0.with_untracked(|rows| rows.contains(&row));
        Item::new(if is_picked { "Unselect" } else { "Select" }, icon::CHECK, move || self.turn(row))
    }
}

fn turned<K: PartialEq>(rows: &mut Vec<K>, row: K) {
    match rows.iter().position(|other| *other == row) {
        Some(at) => drop(rows.remove(at)),
        None => rows.push(row),
    }
}

/// How many rows are selected, and what can be done with them; nothing while none is.
#[component]
pub(crate) fn PickedBar(
    #[prop(into)] count: Signal<usize>,
    /// "job", "jobs".
    of: (&'static str, &'static str),
    items: impl Fn() -> Vec<Item> + Copy + Send + Sync + 'static,
    on_clear: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let is_any = Memo::new(move |_| count.get() > 0);
    // A row that was selected, for the keyboard to go back to.
    let selected = StoredValue::new_local(None::<web_sys::HtmlElement>);
    Effect::new(move |before: Option<bool>| {
        let is = is_any.get();
        if before == Some(true) && !is {
            // Once the bar is gone, and with it the button that was pressed.
            request_animation_frame(move || back_to_rows(selected.try_get_value().flatten()));
        }
        is
    });
    move || {
        is_any.get().then(|| {
            view! {
                <div class="picked-bar" on:focusin=move |_| selected.set_value(element("main .sel[tabindex]"))>
                    <span role="status">{move || format!("{} selected", words::counted(count.get() as u64, of.0, of.1))}</span>
                    {move || items().into_iter().map(|item| {
                        let Item { label, danger, blocked, act, .. } = item;
                        let kind = if danger { "s danger" } else { "s" };
                        let disabled = blocked.is_some();
                        view! { <Button label kind disabled tip=blocked.unwrap_or_default() on_press=move || act() /> }
                    }).collect_view()}
                    <Button label="Clear" kind="quiet s" tip="Select none" on_press=on_clear />
                </div>
            }
        })
    }
}

/// A keyboard that nothing has any more goes back to the row, or to the list's first where that one is gone.
fn back_to_rows(row: Option<web_sys::HtmlElement>) {
    if document().active_element() != document().body().map(web_sys::Element::from) {
        return;
    }
    let row = row.filter(|row| row.is_connected()).or_else(|| element(ROWS));
    if let Some(row) = row {
        let _ = row.focus();
    }
}

fn element(named: &str) -> Option<web_sys::HtmlElement> {
    document().query_selector(named).ok().flatten()?.dyn_into().ok()
}

/// "Cancel", and of several rows "Cancel 3 jobs".
pub(crate) fn of_several(verb: &str, count: usize, is_one: bool, of: (&str, &str)) -> String {
    if is_one { verb.to_owned() } else { format!("{verb} {}", words::counted(count as u64, of.0, of.1)) }
}

/// Makes calls one after another, all of them, and answers the first failure.
pub(crate) async fn call_all<R: Request>(client: Client, requests: Vec<R>) -> Result<(), ApiError> {
    let mut first = Ok(());
    for request in requests {
        if let Err(error) = client.call(request).await {
            first = first.and(Err(error));
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_selected_and_let_go_of_by_the_same() {
        let mut rows = Vec::new();
        for (row, selected) in [(1, vec![1]), (2, vec![1, 2]), (1, vec![2])] {
            turned(&mut rows, row);
            assert_eq!(rows, selected);
        }
    }

    #[test]
    fn it_is_said_how_many_are_meant() {
        assert_eq!(of_several("Cancel", 1, true, ("job", "jobs")), "Cancel");
        assert_eq!(of_several("Cancel", 1, false, ("job", "jobs")), "Cancel 1 job");
        assert_eq!(of_several("Cancel", 3, false, ("job", "jobs")), "Cancel 3 jobs");
    }
}
