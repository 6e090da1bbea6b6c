//! What stands around every page: the rail along the way of the data, the top bar, the status line,
//! and what listens to the whole window (shortcuts, drops, the shell's menu).

pub(crate) mod address;
pub(crate) mod arrivals;
pub(crate) mod asked;
pub(crate) mod brand;
pub(crate) mod crumbs;
pub(crate) mod keys;
pub(crate) mod machine;
pub(crate) mod palette;
pub(crate) mod place;
pub(crate) mod rail;
pub(crate) mod settings;
pub(crate) mod status;
pub(crate) mod theme;
pub(crate) mod train;

use api::event::Event;
use leptos::prelude::*;

use crate::{
    client::{Client, Link, shell},
    parts::{
        icon::{SEARCH, icon},
        menu::MenuLayer,
        states::{Failure, Skeleton},
        toast::{ToastList, Toasts},
    },
};

/// After so many tries without an answer, about 10 seconds, a browser is told where the host may be.
const LONG: u32 = 5;

/// The frame with the page in it.
#[component]
pub(crate) fn Frame(children: Children) -> impl IntoView {
    let client = Client::get();
    let palette = palette::Palette::provide();
    arrivals::listen();
    keys::listen(palette);
    theme::follow();
    hear_notices();
    // Once connected the pages stay, whatever happens to the connection.
    let met = Memo::new(move |before: Option<&bool>| before == Some(&true) || client.link.get() == Link::Up);
    let refused = Memo::new(move |_| match client.link.get() {
        Link::Refused(error) => Some(error),
        _ => None,
    });
    let gone = Memo::new(move |_| {
        !shell::is_there() && matches!(client.link.get(), Link::Lost { tries, .. } if tries >= LONG)
    });
    let page = StoredValue::new_local(Some(children));
    let command_key = if is_mac() { "⌘ K" } else { "Ctrl K" };
    view! {
        <div class="frame">
            <rail::Rail />
            <header class="top">
                <crumbs::CrumbLine />
                <button type="button" class="palette" on:click=move |_| palette.open()>
                    {icon(SEARCH)}
                    <span class="cut">"Search or run a command"</span>
                    <kbd class="right">{command_key}</kbd>
                </button>
            </header>
            <main class="page" id="page">
                {move || refused.get().map(|error| view! {
                    <div class="refused">
                        <Failure error again=|| { let _ = window().location().reload(); } />
                    </div>
                })}
                {move || gone.get().then(|| view! {
                    <p class="problem gone" role="alert">
                        "The host does not answer. This page goes on by itself when it answers here again; a host that was \
                         started anew may have another address, which "<code>"slipway open"</code>" prints."
                    </p>
                })}
                <div class="inside" class:hidden=move || refused.get().is_some()>
                    <Show when=move || met.get() fallback=|| view! { <div class="wait"><Skeleton /></div> }>
                        {page.try_update_value(Option::take).flatten().map(|page| page())}
                    </Show>
                </div>
            </main>
            <status::StatusLine />
        </div>
        <palette::PaletteLayer palette />
        <keys::ShortcutList />
        <train::TrainDialog />
        <settings::SettingsDialog />
        <arrivals::DropLayer />
        <MenuLayer />
        <ToastList />
    }
}

/// What a person should hear once, wherever they are.
fn hear_notices() {
    let toasts = Toasts::get();
    Client::get().on_event(move |event| match event {
        Event::Notice { title, body, link } => {
            toasts.note(title.clone(), Some(body.clone()).filter(|body| !body.is_empty()), link.clone())
        }
        Event::AlertRaised { alert } => {
            let to = place::address(alert.project, &format!("monitor/{}", alert.deployment));
            toasts.note(format!("Drift on {}", alert.deployment_name), Some(alert.sentence.clone()), Some(to))
        }
        _ => {}
    });
}

fn is_mac() -> bool {
    let agent = window().navigator().user_agent().unwrap_or_default();
    agent.contains("Mac") && (shell::is_there() || !agent.contains("iPhone"))
}
