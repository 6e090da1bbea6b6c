//! The window's pages: the same in the desktop window and in a browser, over the host's one wire.

#![allow(unreachable_pub, reason = "Leptos' component macro makes the props of every component `pub`")]

mod client;
mod frame;
mod pages;
mod parts;

use leptos::prelude::*;
use leptos_router::{
    components::{FlatRoutes, Route, Router},
    path,
};
use wasm_bindgen::JsCast as _;

use pages::{
    data, deploy, experiments, found, hardware, jobs, missing, model, models, monitor, overview, run, runs, settings,
    start,
};

fn main() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        leptos::logging::error!("{text}");
        tell_fault(&text);
    }));
    leptos::mount::mount_to_body(App);
}

/// Says that the page is dead, without what may be broken in it, and offers a new one.
fn tell_fault(text: &str) {
    let document = document();
    let (Some(root), Some(body)) = (document.document_element(), document.body()) else { return };
    if root.has_attribute("data-fault") {
        return;
    }
    let _ = root.set_attribute("data-fault", text);
    let add = |to: &web_sys::Element, tag: &str, text: &str| {
        let element = document.create_element(tag).ok()?;
        element.set_text_content(Some(text));
        to.append_child(&element).ok()?;
        Some(element)
    };
    let Some(told) = add(&body, "div", "").filter(|told| told.set_attribute("role", "alert").is_ok()) else { return };
    told.set_class_name("fault");
    // In front of an open dialog too.
    let _ = told.set_attribute("popover", "manual");
    add(&told, "strong", "This page stopped by a fault of its own");
    add(&told, "span", "What is under way goes on in the host, and nothing that was saved is lost.");
    add(&told, "code", text.lines().next().unwrap_or_default());
    if let Some(again) = add(&told, "a", "Load the page again") {
        let _ =
            again.set_attribute("href", &document.location().and_then(|place| place.href().ok()).unwrap_or_default());
        // The router of the dead page would take the press for itself.
        let _ = again.set_attribute("rel", "external");
    }
    if let Some(told) = told.dyn_ref::<web_sys::HtmlElement>() {
        let _ = told.show_popover();
    }
    // Beside an open dialog nothing can be pressed.
    while let Some(dialog) = document.query_selector("dialog[open]").ok().flatten() {
        let Ok(dialog) = dialog.dyn_into::<web_sys::HtmlDialogElement>() else { return };
        dialog.close();
    }
}

#[component]
fn App() -> impl IntoView {
    client::Client::provide();
    parts::when::Now::provide();
    frame::machine::Machine::provide();
    parts::toast::Toasts::provide();
    parts::menu::Menus::provide();
    view! {
        <Router>
            <Inside />
        </Router>
    }
}

/// What needs the address.
#[component]
fn Inside() -> impl IntoView {
    frame::place::Place::provide();
    frame::crumbs::Crumbs::provide();
    let is_lost = frame::place::Place::get().is_lost;
    view! {
        <frame::Frame>
            <Show when=move || !is_lost.get() fallback=missing::Missing>
                <FlatRoutes fallback=missing::Missing>
                    <Route path=path!("/") view=start::Start />
                    <Route path=path!("/p/:id") view=overview::Overview />
                    <Route path=path!("/p/:id/data") view=data::Data />
                    <Route path=path!("/p/:id/runs") view=runs::Runs />
                    <Route path=path!("/p/:id/runs/:run") view=run::RunPage />
                    <Route path=path!("/p/:id/models") view=models::Models />
                    <Route path=path!("/p/:id/models/:version") view=model::Model />
                    <Route path=path!("/p/:id/deploy") view=deploy::Deploy />
                    <Route path=path!("/p/:id/monitor") view=monitor::Monitor />
                    <Route path=path!("/p/:id/monitor/:deployment") view=monitor::Monitor />
                    <Route path=path!("/experiments") view=experiments::Experiments />
                    <Route path=path!("/runs") view=runs::Runs />
                    <Route path=path!("/e/:id/runs") view=runs::Runs />
                    <Route path=path!("/e/:id/runs/:run") view=run::RunPage />
                    <Route path=path!("/r/:run") view=found::Found />
                    <Route path=path!("/hardware") view=hardware::Hardware />
                    <Route path=path!("/jobs") view=jobs::Jobs />
                    <Route path=path!("/settings") view=settings::Settings />
                </FlatRoutes>
            </Show>
        </frame::Frame>
    }
}
