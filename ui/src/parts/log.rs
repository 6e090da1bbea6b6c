//! Text that grows at its end.

use leptos::{html, prelude::*};

/// Keeps an element scrolled to its end, unless a person scrolled away from it.
pub(crate) fn stay_at_end(node: NodeRef<html::Div>, track: impl Fn() + 'static) {
    const NEAR: i32 = 60;
    // How high it was when it was last brought to its end: lines that came since are not what somebody scrolled away.
    let held = StoredValue::new_local(0_i32);
    Effect::new(move |_| {
        track();
        let Some(element) = node.get() else { return };
        let end = element.scroll_top() + element.client_height();
        let is_near = held.get_value().min(element.scroll_height()) - end < NEAR;
        let may = element.get_attribute("data-follow").as_deref() != Some("false");
        if may && is_near {
            request_animation_frame(move || {
                element.set_scroll_top(element.scroll_height());
                held.try_set_value(element.scroll_height());
            });
        }
    });
}
