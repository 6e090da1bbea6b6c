//! Text that grows at its end.

use leptos::{html, prelude::*};

/// Keeps an element scrolled to its end, unless a person scrolled away from it.
pub(crate) fn stay_at_end(node: NodeRef<html::Div>, track: impl Fn() + 'static) {
    const NEAR: i32 = 60;
    Effect::new(move |first: Option<()>| {
        track();
        let Some(element) = node.get() else { return };
        let is_near = element.scroll_height() - element.scroll_top() - element.client_height() < NEAR;
        let may = element.get_attribute("data-follow").as_deref() != Some("false");
        if may && (first.is_none() || is_near || element.scroll_top() == 0) {
            request_animation_frame(move || element.set_scroll_top(element.scroll_height()));
        }
    });
}
