//! The one menu of the window: a right click and a `…` button open the same.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast as _;

use super::{
    button::{Act, IconButton},
    icon::{CHECK, ELLIPSIS, Icon, icon},
};

/// A line of a menu.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) label: String,
    pub(crate) mark: Option<Icon>,
    pub(crate) danger: bool,
    /// Why it can't be chosen now.
    pub(crate) blocked: Option<String>,
    /// Whether it is ticked, where it is a choice of its own: pressing it keeps the menu open.
    checked: Option<Checked>,
    /// The caption that it stands under.
    group: Option<&'static str>,
    pub(crate) act: Act,
}

type Checked = Arc<dyn Fn() -> bool + Send + Sync>;

impl Item {
    pub(crate) fn new(label: impl Into<String>, mark: Icon, act: impl Fn() + 'static) -> Self {
        Self {
            label: label.into(),
            mark: Some(mark),
            danger: false,
            blocked: None,
            checked: None,
            group: None,
            act: Rc::new(act),
        }
    }

    /// A choice that is on or off, whatever the others are.
    pub(crate) fn check(
        label: impl Into<String>,
        checked: impl Fn() -> bool + Send + Sync + 'static,
        act: impl Fn() + 'static,
    ) -> Self {
        Self { mark: None, checked: Some(Arc::new(checked)), ..Self::new(label, CHECK, act) }
    }

    /// Puts it under a caption, together with its neighbours of the same.
    pub(crate) fn under(mut self, group: &'static str) -> Self {
        self.group = Some(group);
        self
    }

    /// Marks it as one that takes something away.
    pub(crate) fn danger(mut self) -> Self {
        self.danger = true;
        self
    }

    /// Not to be chosen now, and why.
    pub(crate) fn blocked(mut self, why: Option<String>) -> Self {
        self.blocked = why;
        self
    }
}

#[derive(Clone)]
struct Open {
    items: Vec<Item>,
    x: f64,
    y: f64,
    /// The right edge of the button that opened it, with which it ends where it would leave the window.
    end: Option<f64>,
    /// What had the keyboard before.
    from: Option<web_sys::HtmlElement>,
    number: u64,
}

/// The window's menu.
#[derive(Clone, Copy)]
pub(crate) struct Menus(RwSignal<Option<Open>, LocalStorage>);

impl Menus {
    pub(crate) fn provide() {
        provide_context(Self(RwSignal::new_local(None)));
    }

    pub(crate) fn get() -> Self {
        expect_context()
    }

    /// Where a right click was; a press of a button or a key opens it under what was pressed.
    pub(crate) fn open_at(self, event: &web_sys::MouseEvent, items: Vec<Item>) {
        event.prevent_default();
        event.stop_propagation();
        let (mut x, mut y) = (f64::from(event.client_x()), f64::from(event.client_y()));
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let button = target.as_ref().and_then(|target| target.closest("button").ok().flatten());
        let pressed =
            if event.type_() == "click" { button.or(target) } else { target.filter(|_| (x, y) == (0.0, 0.0)) };
        let mut end = None;
        if let Some(pressed) = pressed {
            let place = pressed.get_bounding_client_rect();
            (x, y, end) = (place.left(), place.bottom() + 4.0, Some(place.right()));
        }
        self.open_from(x, y, end, items);
    }

    pub(crate) fn open(self, x: f64, y: f64, items: Vec<Item>) {
        self.open_from(x, y, None, items);
    }

    fn open_from(self, x: f64, y: f64, end: Option<f64>, items: Vec<Item>) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        if !items.is_empty() {
            let from = document().active_element().and_then(|element| element.dyn_into().ok());
            self.0.set(Some(Open { items, x, y, end, from, number: NUMBER.fetch_add(1, Ordering::Relaxed) }));
        }
    }

    /// Takes the menu away; the keyboard is again where it was before.
    fn close(self) {
        if let Some(open) = self.0.try_update(Option::take).flatten()
            && let Some(from) = open.from.filter(|from| from.is_connected())
        {
            let _ = from.focus();
        }
    }
}

/// The `…` button.
#[component]
pub(crate) fn MenuButton(
    items: impl Fn() -> Vec<Item> + 'static,
    #[prop(into, default = "More".to_owned())] label: String,
) -> impl IntoView {
    let menus = Menus::get();
    view! { <IconButton label mark=ELLIPSIS on_press=move |event| menus.open_at(&event, items()) /> }
}

/// Where the menu stands while it is open.
#[component]
pub(crate) fn MenuLayer() -> impl IntoView {
    let menus = Menus::get();
    move || {
        menus.0.get().map(|open| {
            let list = NodeRef::<html::Div>::new();
            let place = RwSignal::new((open.x, open.y));
            Effect::new(move |_| {
                let Some(list) = list.get() else { return };
                // Turned back where it would leave the window, to end with its button.
                let (width, height) = (f64::from(list.offset_width()), f64::from(list.offset_height()));
                let inner = |value: Result<wasm_bindgen::JsValue, _>| {
                    value.ok().and_then(|value| value.as_f64()).unwrap_or(0.0)
                };
                let (right, bottom) = (inner(window().inner_width()), inner(window().inner_height()));
                place.set((left_of((open.x, open.end), width, right), open.y.min(bottom - height - 8.0).max(8.0)));
                focus_child(&list, 0);
            });
            let close = move || menus.close();
            view! {
                <div
                    class="menu-layer"
                    data-number=open.number
                    on:mousedown=move |_| close()
                    on:contextmenu=move |event| {
                        event.prevent_default();
                        close();
                    }
                >
                    <div
                        node_ref=list
                        class="menu"
                        role="menu"
                        style:left=move || format!("{}px", place.get().0)
                        style:top=move || format!("{}px", place.get().1)
                        on:mousedown=|event| event.stop_propagation()
                        // Some systems tell of the menu key twice, the second time once the menu has the keyboard.
                        on:contextmenu=|event| {
                            event.prevent_default();
                            event.stop_propagation();
                        }
                        on:keydown=move |event| {
                            let Some(list) = list.get_untracked() else { return };
                            match event.key().as_str() {
                                "ArrowDown" => move_focus(&list, 1),
                                "ArrowUp" => move_focus(&list, -1),
                                "Home" => focus_child(&list, 0),
                                "End" => focus_child(&list, -1),
                                "Escape" | "Tab" => close(),
                                key if key != " " && key.chars().count() == 1 => focus_next(&list, key),
                                _ => return,
                            }
                            event.prevent_default();
                            event.stop_propagation();
                        }
                    >
                        {open
                            .items
                            .into_iter()
                            .scan(None, |group, item| {
                                let caption = item.group.filter(|_| *group != item.group);
                                *group = item.group;
                                Some((caption, item))
                            })
                            .map(|(caption, item)| {
                                let blocked = item.blocked.is_some();
                                let ticked = item.checked.clone();
                                let stays = item.checked.is_some();
                                view! {
                                    {caption.map(|caption| view! { <div class="menu-caption" role="presentation">{caption}</div> })}
                                    <button
                                        type="button"
                                        role=if stays { "menuitemcheckbox" } else { "menuitem" }
                                        aria-checked=move || ticked.as_ref().map(|ticked| ticked().to_string())
                                        class:danger=item.danger
                                        // Not `disabled`: the keyboard comes by, and reads why it can't be chosen.
                                        aria-disabled=blocked.then_some("true")
                                        on:click=move |event| {
                                            event.stop_propagation();
                                            if !blocked {
                                                if !stays {
                                                    close();
                                                }
                                                (item.act)();
                                            }
                                        }
                                    >
                                        {stays.then(|| view! { <i class="tick">{icon(CHECK)}</i> })}
                                        {item.mark.map(icon)}
                                        <span>
                                            {item.label}
                                            {item.blocked.map(|why| view! { <small>{why}</small> })}
                                        </span>
                                    </button>
                                }
                            })
                            .collect_view()}
                    </div>
                </div>
            }
        })
    }
}

/// Where a menu of this width begins that is opened at `x`, by a button that ends at `end`, in a window of this width.
fn left_of((x, end): (f64, Option<f64>), width: f64, window: f64) -> f64 {
    let widest = window - width - 8.0;
    let left = if x > widest { end.map_or(widest, |end| end - width) } else { x };
    left.min(widest).max(8.0)
}

fn buttons(list: &web_sys::HtmlElement) -> Vec<web_sys::HtmlElement> {
    let found = list.get_elements_by_tag_name("button");
    (0..found.length()).filter_map(|index| found.item(index)?.dyn_into().ok()).collect()
}

/// Which of them has the keyboard.
fn at(buttons: &[web_sys::HtmlElement]) -> Option<usize> {
    let active = document().active_element()?;
    buttons.iter().position(|button| **button == active)
}

fn focus_child(list: &web_sys::HtmlElement, index: i32) {
    let buttons = buttons(list);
    if !buttons.is_empty() {
        let _ = buttons[index.rem_euclid(buttons.len() as i32) as usize].focus();
    }
}

fn move_focus(list: &web_sys::HtmlElement, by: i32) {
    let now = at(&buttons(list)).map_or(0, |at| at as i32);
    focus_child(list, now + by);
}

/// A letter leads to the next line that begins with it.
fn focus_next(list: &web_sys::HtmlElement, letter: &str) {
    let buttons = buttons(list);
    let from = at(&buttons).map_or(0, |at| at + 1);
    let begins = |button: &&web_sys::HtmlElement| {
        let text = button.text_content().unwrap_or_default();
        text.trim_start().to_lowercase().starts_with(&letter.to_lowercase())
    };
    if let Some(button) = buttons.iter().cycle().skip(from).take(buttons.len()).find(begins) {
        let _ = button.focus();
    }
}

#[cfg(test)]
mod tests {
    use super::left_of;

    #[test]
    fn a_menu_that_would_leave_the_window_ends_with_its_button() {
        assert_eq!(left_of((100.0, Some(160.0)), 300.0, 1280.0), 100.0);
        assert_eq!(left_of((1_017.0, Some(1_051.0)), 300.0, 1280.0), 751.0);
        assert_eq!(left_of((1_200.0, None), 300.0, 1280.0), 972.0, "a right click has no button");
        assert_eq!(left_of((1_250.0, Some(1_278.0)), 300.0, 1280.0), 972.0);
        assert_eq!(left_of((40.0, Some(80.0)), 300.0, 310.0), 8.0);
    }
}
