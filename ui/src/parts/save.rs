//! Saving: whatever a page saves goes this way, and what is said of it is what happened.

use std::{cell::Cell, rc::Rc, time::Duration};

use api::{ApiError, ErrorCode};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast as _, closure::Closure};

use super::{
    icon::FOLDER_OPEN,
    toast::{Action, Toasts},
};
use crate::client::{
    Client,
    saving::{self, Made},
    shell::{self, Saved},
    wire,
};

/// What takes longer is said to be under way.
const SOON: Duration = Duration::from_secs(1);

/// Saves a drawing.
pub(crate) fn svg(toasts: Toasts, name: &str, drawing: String) {
    put(toasts, format!("{name}.svg"), Made::Text("image/svg+xml", drawing), None);
}

/// Saves a table; `holds` says how much is in it.
pub(crate) fn csv(toasts: Toasts, name: &str, table: String, holds: Option<String>) {
    put(toasts, format!("{name}.csv"), Made::Text("text/csv", table), holds);
}

/// Saves a drawing as a picture of twice its size.
pub(crate) fn png(toasts: Toasts, name: &str, drawing: &str) {
    let file = format!("{name}.png");
    let undrawn = {
        let message = format!("{file} can't be saved: the drawing can't be made a picture here.");
        move || toasts.error(&ApiError::new(ErrorCode::Unsupported, message.clone()).with_hint("Save it as SVG."))
    };
    let Ok(image) = web_sys::HtmlImageElement::new() else { return undrawn() };
    let (loaded, unmade) = (image.clone(), undrawn.clone());
    let drawn = Closure::once_into_js(move || match pixels(&loaded) {
        Some(address) => put(toasts, file, Made::Data(address), None),
        None => unmade(),
    });
    let failed = Closure::once_into_js(undrawn);
    image.set_onload(Some(drawn.unchecked_ref()));
    image.set_onerror(Some(failed.unchecked_ref()));
    image.set_src(&format!("data:image/svg+xml;charset=utf-8,{}", wire::encode(drawing)));
}

/// Saves a file of the host's, by its address there.
pub(crate) fn file(client: Client, toasts: Toasts, name: String, address: String) {
    let is_over = Rc::new(Cell::new(false));
    let (over, called) = (Rc::clone(&is_over), name.clone());
    let late = move || {
        if !over.get() {
            toasts.note(format!("Saving {called}…"), None, None);
        }
    };
    set_timeout(late, SOON);
    spawn_local(async move {
        let saved = saving::of_host(client, &name, &address).await;
        is_over.set(true);
        say(toasts, saved, None);
    });
}

fn put(toasts: Toasts, name: String, made: Made, holds: Option<String>) {
    spawn_local(async move { say(toasts, saving::made(&name, made).await, holds) });
}

fn say(toasts: Toasts, saved: Result<Option<Saved>, ApiError>, holds: Option<String>) {
    match saved {
        Ok(Some(Saved { path, name, folder })) => {
            let show = move || {
                let path = path.clone();
                spawn_local(async move {
                    if let Err(error) = shell::reveal(&path).await {
                        toasts.error(&error);
                    }
                });
            };
            toasts.acting(format!("Saved {name} in {folder}"), holds, Action::new("Show", FOLDER_OPEN, show));
        }
        // A browser shows its downloads itself.
        Ok(None) => {}
        Err(error) => toasts.error(&error),
    }
}

/// A loaded drawing as a `data:` address of a picture; `None` where no canvas takes it.
fn pixels(loaded: &web_sys::HtmlImageElement) -> Option<String> {
    let canvas = document().create_element("canvas").ok()?.dyn_into::<web_sys::HtmlCanvasElement>().ok()?;
    canvas.set_width(loaded.width() * 2);
    canvas.set_height(loaded.height() * 2);
    let context = canvas.get_context("2d").ok()??.dyn_into::<web_sys::CanvasRenderingContext2d>().ok()?;
    let (width, height) = (f64::from(canvas.width()), f64::from(canvas.height()));
    context.draw_image_with_html_image_element_and_dw_and_dh(loaded, 0.0, 0.0, width, height).ok()?;
    // One without any pixels is "data:,".
    canvas.to_data_url().ok().filter(|address| address.starts_with("data:image/png;base64,"))
}
