//! A drawing that is no curve: bars, points, a matrix. It fills its width, tells the figures of the part that is
//! pointed at (or gone to by the arrow keys), and is saved from the same menu as a curve. Where it has axes, dragging
//! (or `+`) looks closer, and a double click shows all again.

use charts::{
    plot::{Drawing, Part, Spot},
    text_table::csv_line,
};
use leptos::{html, prelude::*};
use wasm_bindgen::JsCast as _;

use super::{
    chart::{standalone, width_of},
    icon,
    menu::{Item, MenuButton, Menus},
    save,
    tip::beside,
    toast::Toasts,
};

/// How wide it is saved.
const SAVED: f64 = 860.0;
/// What its button is called.
const MENU: &str = "Drawing's menu";
/// Pixels from which a press is a drag.
const FAR: f64 = 6.0;

/// Along which axes a drawing can be looked at closer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zoom {
    Across,
    Both,
}

type Items = Box<dyn Fn() -> Vec<Item> + Send + Sync>;

/// A drawing's menu whose button stands elsewhere: in the head of its card, where it covers no figure.
#[derive(Clone, Copy)]
pub(crate) struct HeldMenu(StoredValue<Option<Items>>);

impl HeldMenu {
    pub(crate) fn new() -> Self {
        Self(StoredValue::new(None))
    }

    /// None before the drawing is there.
    fn items(self) -> Vec<Item> {
        self.0.try_with_value(|items| items.as_ref().map(|items| items())).flatten().unwrap_or_default()
    }
}

/// The button of a drawing's menu.
#[component]
pub(crate) fn DrawingMenu(menu: HeldMenu) -> impl IntoView {
    view! { <MenuButton items=move || menu.items() label=MENU /> }
}

/// `draw(width, part)`, the width in pixels, all of it without a part; `name` is what it is called when it is saved.
#[component]
pub(crate) fn Picture(
    #[prop(into)] name: String,
    draw: impl Fn(f64, Option<Part>) -> Drawing + Send + Sync + 'static,
    #[prop(optional_no_strip)] zooms: Option<Zoom>,
    /// A part is clicked, or chosen with Enter: its place among the spots.
    #[prop(optional_no_strip)]
    on_part: Option<Callback<usize>>,
    /// What its parts are, as the head of their column in what is saved as CSV: every drawing says it.
    of: &'static str,
    /// What is saved as CSV, where the drawing's parts are not the rows of what is drawn.
    #[prop(optional_no_strip)]
    csv: Option<Callback<(), String>>,
    /// Where its menu's button stands elsewhere.
    #[prop(optional)]
    menu: Option<HeldMenu>,
) -> impl IntoView {
    let (menus, toasts) = (Menus::get(), Toasts::get());
    let node = NodeRef::<html::Div>::new();
    let width = width_of(node);
    let draw = StoredValue::new(draw);
    let part = RwSignal::new(None::<Part>);
    // Parts to go back to, the newest last; `None` is all of it.
    let before = StoredValue::new(Vec::<Option<Part>>::new());
    let look_at = move |to: Option<Part>| {
        match to {
            Some(_) => before.update_value(|before| before.push(part.get_untracked())),
            None => before.update_value(Vec::clear),
        }
        part.set(to);
    };
    let drawing = Memo::new(move |_| match width.get() {
        narrow if narrow <= 20.0 => Drawing::default(),
        width => draw.with_value(|draw| draw(width, part.get())),
    });
    let at = RwSignal::new(None::<usize>);
    let called = StoredValue::new(name.clone());
    let saved = move |part: Option<Part>| draw.with_value(|draw| draw(SAVED, part));
    let items = move || {
        let name = called.get_value();
        let (svg, png, rows) = (name.clone(), name.clone(), name);
        let now = part.get_untracked();
        let mut items = Vec::new();
        if now.is_some() {
            items.push(Item::new("Show all", icon::UNDO_2, move || look_at(None)));
        }
        items.extend([
            Item::new("Save as SVG", icon::DOWNLOAD, move || {
                save::svg(toasts, &svg, standalone(&saved(now)));
            }),
            Item::new("Save as PNG", icon::IMAGE, move || save::png(toasts, &png, &standalone(&saved(now)))),
            Item::new("Save as CSV", icon::TABLE, move || {
                let text = csv.map_or_else(|| table(of, &saved(None).spots), |csv| csv.run(()));
                save::csv(toasts, &rows, text, None);
            }),
        ]);
        items
    };
    if let Some(HeldMenu(held)) = menu {
        held.set_value(Some(Box::new(items)));
    }
    let pixel = move |event: &web_sys::MouseEvent| {
        let place = node.get_untracked()?.get_bounding_client_rect();
        Some((f64::from(event.client_x()) - place.left(), f64::from(event.client_y()) - place.top()))
    };
    let under = move |event: &web_sys::MouseEvent| {
        let (x, y) = pixel(event)?;
        drawing.with_untracked(|drawing| drawing.spot_at(x, y))
    };
    // From where to where is dragged, in pixels.
    let brush = RwSignal::new(None::<((f64, f64), (f64, f64))>);
    // A drag ends with a click, which is none of the part below it.
    let has_dragged = StoredValue::new(false);
    let grabbed = move |event: web_sys::PointerEvent| {
        let on_menu = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
            .is_some_and(|target| target.closest(".plot-menu").ok().flatten().is_some());
        has_dragged.set_value(false);
        let Some(from) = pixel(&event).filter(|_| zooms.is_some() && event.button() == 0 && !on_menu) else { return };
        if drawing.with_untracked(|drawing| drawing.plot.contains(from.0, from.1)) {
            if let Some(element) = node.get_untracked() {
                let _ = element.set_pointer_capture(event.pointer_id());
            }
            brush.set(Some((from, from)));
        }
    };
    let released = move |_: web_sys::PointerEvent| {
        let Some((from, to)) = brush.get_untracked() else { return };
        brush.set(None);
        let far = |one: f64, other: f64| (one - other).abs() > FAR;
        if far(from.0, to.0) && (zooms == Some(Zoom::Across) || far(from.1, to.1)) {
            look_at(Some(drawing.with_untracked(|drawing| drawing.plot.part(from, to))));
            at.set(None);
            has_dragged.set_value(true);
        }
    };
    let pointed = move |event: web_sys::PointerEvent| {
        if let (Some((from, _)), Some(to)) = (brush.get_untracked(), pixel(&event)) {
            brush.set(Some((from, to)));
            return;
        }
        let now = under(&event);
        if at.get_untracked() != now {
            at.set(now);
        }
    };
    let clicked = move |event: web_sys::MouseEvent| {
        if let (Some(on_part), Some(part), false) = (on_part, under(&event), has_dragged.get_value()) {
            on_part.run(part);
        }
    };
    let pressed = move |event: web_sys::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let is_own = event.target() == event.current_target();
        if let ("Enter", true, Some(on_part), Some(part)) = (event.key().as_str(), is_own, on_part, at.get_untracked())
        {
            event.prevent_default();
            on_part.run(part);
            return;
        }
        let count = drawing.with_untracked(|drawing| drawing.spots.len());
        let now = at.get_untracked();
        let to = match event.key().as_str() {
            "ArrowRight" | "ArrowDown" => Some(now.map_or(0, |now| (now + 1).min(count.saturating_sub(1)))),
            "ArrowLeft" | "ArrowUp" => Some(now.unwrap_or(count).saturating_sub(1)),
            "Escape" if now.is_some() => None,
            "Escape" if part.get_untracked().is_some() => {
                look_at(None);
                None
            }
            "+" | "=" if zooms.is_some() => {
                look_at(Some(drawing.with_untracked(|drawing| closer(drawing, now))));
                None
            }
            "-" if zooms.is_some() => {
                part.set(before.try_update_value(Vec::pop).flatten().flatten());
                None
            }
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        at.set(to.filter(|_| count > 0));
    };
    let spot = Memo::new(move |_| drawing.with(|drawing| drawing.spots.get(at.get()?).cloned()));
    view! {
        <div
            class="plot picture"
            class:opens=on_part.is_some()
            node_ref=node
            tabindex="0"
            role="group"
            aria-label=name
            on:pointermove=pointed
            on:pointerdown=grabbed
            on:pointerup=released
            on:dblclick=move |_| look_at(None)
            on:pointerleave=move |_| at.set(None)
            on:blur=move |_| at.set(None)
            on:click=clicked
            on:keydown=pressed
            on:contextmenu=move |event| menus.open_at(&event, items())
        >
            <div inner_html=move || drawing.with(|drawing| drawing.svg.clone())></div>
            {move || brush.get().map(|(from, to)| {
                let plot = drawing.with(|drawing| drawing.plot);
                let across = |x: f64| x.clamp(plot.left, plot.left + plot.width);
                let down = |y: f64| y.clamp(plot.top, plot.top + plot.height);
                let (left, right) = (across(from.0.min(to.0)), across(from.0.max(to.0)));
                let (top, bottom) = match zooms {
                    Some(Zoom::Both) => (down(from.1.min(to.1)), down(from.1.max(to.1))),
                    _ => (plot.top, plot.top + plot.height),
                };
                view! {
                    <div
                        class="brush"
                        style:left=format!("{left}px")
                        style:width=format!("{}px", right - left)
                        style:top=format!("{top}px")
                        style:height=format!("{}px", bottom - top)
                    ></div>
                }
            })}
            {move || spot.get().map(|spot| tip(&spot, width.get_untracked()))}
            {menu.is_none().then(|| view! { <span class="plot-menu"><MenuButton items label=MENU /></span> })}
        </div>
    }
}

/// Half of what is shown, around a spot or the middle.
fn closer(drawing: &Drawing, spot: Option<usize>) -> Part {
    let plot = drawing.plot;
    let (x, y) = match spot.and_then(|spot| drawing.spots.get(spot)) {
        Some(spot) => (spot.left + spot.width / 2.0, spot.top + spot.height / 2.0),
        None => (plot.left + plot.width / 2.0, plot.top + plot.height / 2.0),
    };
    let (wide, high) = (plot.width / 4.0, plot.height / 4.0);
    plot.part((x - wide, y - high), (x + wide, y + high))
}

/// The outline of a part, and its figures beside it.
pub(crate) fn tip(spot: &Spot, width: f64) -> impl IntoView + use<> {
    let across = (spot.left, spot.left + spot.width);
    view! {
        <div
            class="spot-outline"
            style:left=format!("{}px", spot.left)
            style:top=format!("{}px", spot.top)
            style:width=format!("{}px", spot.width)
            style:height=format!("{}px", spot.height)
        ></div>
        <div class="at-part" style=beside(across, spot.top, width)>
            <div class="tip" role="status">
                <div class="faint">{spot.head.clone()}</div>
                {spot.figures.iter().map(|said| view! {
                    <div>
                        {said.role.map(|role| view! { <i class=format!("swatch fill {}", role.class())></i> })}
                        {said.name.clone()}
                        <span class="num">{said.words.clone()}</span>
                    </div>
                }).collect_view()}
            </div>
        </div>
    }
}

/// One line a part and figure; `of` says what the parts are.
fn table(of: &str, spots: &[Spot]) -> String {
    let mut text = csv_line([of, "figure", "value"]);
    for spot in spots {
        for said in &spot.figures {
            text.push_str(&csv_line([&spot.head, &said.name, &said.value.to_string()]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use charts::{confusion, plot::Size};

    use super::*;

    #[test]
    fn what_is_saved_as_csv_says_what_the_parts_are() {
        let classes = ["ja".to_owned(), "nein, nie".to_owned()];
        let matrix = confusion::draw(&classes, &[vec![3, 1], vec![0, 4]], Size { width: 400.0, height: 300.0 });
        let text = table("cell", &matrix.spots);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["cell,figure,value", "\"actual ja, predicted ja\",rows,3"]);
        assert_eq!(lines[2], "\"actual ja, predicted ja\",of all that are ja,0.75");
        assert_eq!(lines.len(), 1 + 2 * matrix.spots.len());
    }
}
