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

use pages::{data, deploy, hardware, jobs, missing, model, models, monitor, overview, run, runs, settings, start};

fn main() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        leptos::logging::error!("{text}");
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-fault", &text);
        }
    }));
    leptos::mount::mount_to_body(App);
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
    view! {
        <frame::Frame>
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
                <Route path=path!("/hardware") view=hardware::Hardware />
                <Route path=path!("/jobs") view=jobs::Jobs />
                <Route path=path!("/settings") view=settings::Settings />
            </FlatRoutes>
        </frame::Frame>
    }
}
