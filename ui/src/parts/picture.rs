//! A drawing that is no curve: bars, points, a matrix. It fills its width, tells the figures of the part that is
//! pointed at (or gone to by the arrow keys), and is saved from the same menu as a curve.

use charts::plot::{Drawing, Spot};
use leptos::{html, prelude::*};

use super::{
    chart::{cell, save_png, standalone, width_of},
    icon,
    menu::{Item, MenuButton, Menus},
};
use crate::client::wire;

/// How wide it is saved.
const SAVED: f64 = 860.0;

/// `draw(width)` in pixels; `name` is what it is called when it is saved.
#[component]
pub(crate) fn Picture(
    #[prop(into)] name: String,
    draw: impl Fn(f64) -> Drawing + Send + Sync + 'static,
    /// A part is clicked, or chosen with Enter: its place among the spots.
    #[prop(optional_no_strip)]
    on_part: Option<Callback<usize>>,
) -> impl IntoView {
    let menus = Menus::get();
    let node = NodeRef::<html::Div>::new();
    let width = width_of(node);
    let draw = StoredValue::new(draw);
    let drawing = Memo::new(move |_| match width.get() {
        narrow if narrow <= 20.0 => Drawing::default(),
        width => draw.with_value(|draw| draw(width)),
    });
    let at = RwSignal::new(None::<usize>);
    let called = StoredValue::new(name.clone());
    let saved = move || draw.with_value(|draw| draw(SAVED));
    let items = move || {
        let name = called.get_value();
        let (svg, png, csv) = (format!("{name}.svg"), name.clone(), format!("{name}.csv"));
        vec![
            Item::new("Save as SVG", icon::DOWNLOAD, move || {
                wire::save_text(&svg, "image/svg+xml", &standalone(&saved()));
            }),
            Item::new("Save as PNG", icon::IMAGE, move || save_png(&png, &standalone(&saved()))),
            Item::new("Save as CSV", icon::TABLE, move || wire::save_text(&csv, "text/csv", &table(&saved().spots))),
        ]
    };
    let under = move |event: &web_sys::MouseEvent| {
        let place = node.get_untracked()?.get_bounding_client_rect();
        let (x, y) = (f64::from(event.client_x()) - place.left(), f64::from(event.client_y()) - place.top());
        drawing.with_untracked(|drawing| drawing.spot_at(x, y))
    };
    let pointed = move |event: web_sys::PointerEvent| {
        let now = under(&event);
        if at.get_untracked() != now {
            at.set(now);
        }
    };
    let clicked = move |event: web_sys::MouseEvent| {
        if let (Some(on_part), Some(part)) = (on_part, under(&event)) {
            on_part.run(part);
        }
    };
    let pressed = move |event: web_sys::KeyboardEvent| {
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
            on:pointerleave=move |_| at.set(None)
            on:blur=move |_| at.set(None)
            on:click=clicked
            on:keydown=pressed
            on:contextmenu=move |event| menus.open_at(&event, items())
        >
            <div inner_html=move || drawing.with(|drawing| drawing.svg.clone())></div>
            {move || spot.get().map(|spot| tip(&spot, width.get_untracked()))}
            <span class="plot-menu"><MenuButton items label="Drawing's menu" /></span>
        </div>
    }
}

/// The outline of a part, and its figures beside it.
pub(crate) fn tip(spot: &Spot, width: f64) -> impl IntoView + use<> {
    let middle = spot.left + spot.width / 2.0;
    let is_right = middle > width * 0.55;
    let (left, side) = if is_right {
        (spot.left, "translate(calc(-100% - 8px), 0)")
    } else {
        (spot.left + spot.width, "translate(8px, 0)")
    };
    view! {
        <div
            class="spot-outline"
            style:left=format!("{}px", spot.left)
            style:top=format!("{}px", spot.top)
            style:width=format!("{}px", spot.width)
            style:height=format!("{}px", spot.height)
        ></div>
        <div class="tip" role="status" style:left=format!("{left}px") style:top=format!("{}px", spot.top.max(0.0)) style:transform=side>
            <div class="faint">{spot.head.clone()}</div>
            {spot.figures.iter().map(|said| view! {
                <div>
                    {said.role.map(|role| view! { <i class=format!("swatch fill {}", role.class())></i> })}
                    {said.name.clone()}
                    <span class="num">{said.words.clone()}</span>
                </div>
            }).collect_view()}
        </div>
    }
}

/// One line a part and figure.
fn table(spots: &[Spot]) -> String {
    let mut text = "part,figure,value\n".to_owned();
    for spot in spots {
        for said in &spot.figures {
            text.push_str(&format!("{},{},{}\n", cell(&spot.head), cell(&said.name), said.value));
        }
    }
    text
}
