//! The one menu of the window: a right click and a `…` button open the same.

use std::{
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast as _;

use super::{
    button::{Act, IconButton},
    icon::{ELLIPSIS, Icon, icon},
};

/// A line of a menu.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) label: String,
    pub(crate) mark: Option<Icon>,
    pub(crate) danger: bool,
    /// Why it can't be chosen now.
    pub(crate) blocked: Option<String>,
    pub(crate) act: Act,
}

impl Item {
    pub(crate) fn new(label: impl Into<String>, mark: Icon, act: impl Fn() + 'static) -> Self {
        Self { label: label.into(), mark: Some(mark), danger: false, blocked: None, act: Rc::new(act) }
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

    pub(crate) fn open_at(self, event: &web_sys::MouseEvent, items: Vec<Item>) {
        event.prevent_default();
        event.stop_propagation();
        let (mut x, mut y) = (f64::from(event.client_x()), f64::from(event.client_y()));
        // A press by the keyboard has no place of its own: the menu opens under what was pressed.
        if (x, y) == (0.0, 0.0)
            && let Some(pressed) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        {
            let place = pressed.get_bounding_client_rect();
            (x, y) = (place.left(), place.bottom());
        }
        self.open(x, y, items);
    }

    pub(crate) fn open(self, x: f64, y: f64, items: Vec<Item>) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        if !items.is_empty() {
            let from = document().active_element().and_then(|element| element.dyn_into().ok());
            self.0.set(Some(Open { items, x, y, from, number: NUMBER.fetch_add(1, Ordering::Relaxed) }));
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
                // Turned back where it would leave the window.
                let (width, height) = (f64::from(list.offset_width()), f64::from(list.offset_height()));
                let inner = |value: Result<wasm_bindgen::JsValue, _>| {
                    value.ok().and_then(|value| value.as_f64()).unwrap_or(0.0)
                };
                let (right, bottom) = (inner(window().inner_width()), inner(window().inner_height()));
                place.set((open.x.min(right - width - 8.0).max(8.0), open.y.min(bottom - height - 8.0).max(8.0)));
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
                        on:keydown=move |event| {
                            let Some(list) = list.get_untracked() else { return };
                            match event.key().as_str() {
                                "ArrowDown" => move_focus(&list, 1),
                                "ArrowUp" => move_focus(&list, -1),
                                "Home" => focus_child(&list, 0),
                                "End" => focus_child(&list, -1),
                                "Escape" | "Tab" => close(),
                                _ => return,
                            }
                            event.prevent_default();
                            event.stop_propagation();
                        }
                    >
                        {open
                            .items
                            .into_iter()
                            .map(|item| {
                                let blocked = item.blocked.is_some();
                                view! {
                                    <button
                                        type="button"
                                        role="menuitem"
                                        class:danger=item.danger
                                        // Not `disabled`: the keyboard comes by, and reads why it can't be chosen.
                                        aria-disabled=blocked.then_some("true")
                                        on:click=move |event| {
                                            event.stop_propagation();
                                            if !blocked {
                                                close();
                                                (item.act)();
                                            }
                                        }
                                    >
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

fn focus_child(list: &web_sys::HtmlElement, index: i32) {
    let children = list.children();
    let count = children.length() as i32;
    if count > 0
        && let Some(child) = children.item(index.rem_euclid(count) as u32)
        && let Ok(child) = child.dyn_into::<web_sys::HtmlElement>()
    {
        let _ = child.focus();
    }
}

fn move_focus(list: &web_sys::HtmlElement, by: i32) {
    let children = list.children();
    let active = document().active_element();
    let now = (0..children.length()).find(|index| children.item(*index) == active).map_or(0, |index| index as i32);
    focus_child(list, now + by);
}
