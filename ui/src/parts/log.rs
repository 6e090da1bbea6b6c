//! Text that grows at its end.

use leptos::{html, prelude::*};

use super::chart::{height_of, width_of};

/// Keeps an element scrolled to its end until a person scrolls up, and again once they are back there; `data-follow`
/// set to "false" holds it where it is. What is answered is called when the element was scrolled.
pub(crate) fn stay_at_end(node: NodeRef<html::Div>, track: impl Fn() + 'static) -> impl Fn() + Copy + 'static {
    let seen = StoredValue::new_local(Seen::default());
    let (width, height) = (width_of(node), height_of(node));
    Effect::new(move |_| {
        track();
        // Another size moves the end, and nobody has scrolled.
        let _ = (width.get(), height.get());
        let Some(element) = node.get() else { return };
        request_animation_frame(move || {
            let Some(before) = seen.try_get_value() else { return };
            let is_held = element.get_attribute("data-follow").as_deref() == Some("false");
            // Who lets it follow again wants its end.
            let has_left = before.has_left && (is_held || !before.is_held);
            if !is_held && !has_left {
                element.set_scroll_top(element.scroll_height());
            }
            let (top, whole) = (element.scroll_top(), element.scroll_height());
            seen.try_set_value(Seen { has_left, is_held, top, whole });
        });
    });
    move || {
        if let Some(element) = node.get_untracked() {
            let (top, whole) = (element.scroll_top(), element.scroll_height());
            seen.try_update_value(|seen| *seen = seen.scrolled(top, whole, element.client_height()));
        }
    }
}

/// How an element stood when it was last looked at, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Seen {
    /// A person went up from the end.
    has_left: bool,
    is_held: bool,
    top: i32,
    whole: i32,
}

impl Seen {
    /// Going up leaves the end, reaching it takes that back. Lines that come move the end away, and what is cut off at
    /// the start moves the place: neither is a person's.
    fn scrolled(self, top: i32, whole: i32, shown: i32) -> Self {
        const NEAR: i32 = 8;
        let went_up = top < self.top && whole == self.whole;
        let is_at_end = whole - top - shown <= NEAR;
        Self { has_left: !is_at_end && (self.has_left || went_up), top, whole, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_person_who_goes_up_leaves_the_end() {
        let at_end = Seen { top: 800, whole: 1000, ..Seen::default() };
        assert!(!at_end.scrolled(800, 1000, 100).has_left, "it became lower, nobody scrolled");
        assert!(!at_end.scrolled(800, 1400, 200).has_left, "lines came");
        assert!(!at_end.scrolled(500, 700, 200).has_left, "lines went, and the end is there");
        assert!(!at_end.scrolled(500, 900, 200).has_left, "lines went and others came");
        let up = at_end.scrolled(760, 1000, 200);
        assert!(up.has_left);
        assert!(up.scrolled(780, 1400, 200).has_left, "on the way down, while lines come");
        assert!(!up.scrolled(1196, 1400, 200).has_left, "back at the end");
    }
}
