//! The window's shortcuts. Nothing is more than two keystrokes away; `?` lists them.

use std::cell::Cell;
use std::rc::Rc;

use leptos::{ev, prelude::*};
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast as _;

use super::{
    address,
    arrivals::Arrivals,
    palette::Palette,
    place::Place,
    rail::{MACHINE, PAGES},
};
use crate::{
    client::shell,
    parts::{
        dialog::Dialog,
        row_keys::{ROWS, is_typing},
        toast::Toasts,
    },
};

/// Whether the list of shortcuts is open.
#[derive(Clone, Copy)]
pub(crate) struct ShortcutsOpen(pub(crate) RwSignal<bool>);

/// `g` waits this long for its second key.
const CHORD_MS: f64 = 1200.0;

/// Listens to the keyboard and to the shell's menu.
pub(crate) fn listen(palette: Palette) {
    let shortcuts = RwSignal::new(false);
    provide_context(ShortcutsOpen(shortcuts));
    let arrivals = Arrivals::get();
    let place = Place::get();
    let toasts = Toasts::get();
    let training = address::training(place);
    let navigate = Rc::new(use_navigate());
    let go = {
        let navigate = navigate.clone();
        Rc::new(move |page: &str| {
            let to = if page.starts_with('/') {
                Some(page.to_owned())
            } else {
                place.at_hand.get_untracked().map(|project| place.page_of(project, page))
            };
            match to {
                Some(to) => navigate(&to, Default::default()),
                None => {
                    toasts.note("Open a project first: this page is one of a project's", None, Some("/".to_owned()))
                }
            }
        })
    };
    {
        let go = go.clone();
        shell::listen("menu", move |id: String| match id.as_str() {
            "palette" => palette.open(),
            "shortcuts" => shortcuts.set(true),
            "train" => go(training.get_untracked().as_deref().unwrap_or("runs?train=1")),
            "open-folder" => arrivals.choose_folder(),
            "open-files" => arrivals.choose_files(),
            "go:overview" => go(""),
            other => {
                if let Some(page) = other.strip_prefix("go:") {
                    let machine = MACHINE.iter().find(|entry| entry.0.trim_start_matches('/') == page);
                    go(machine.map_or(page, |entry| entry.0));
                }
            }
        });
    }
    let chord = Cell::new(0.0_f64);
    let pressed = window_event_listener(ev::keydown, move |event| {
        if event.default_prevented() {
            return;
        }
        let key = event.key();
        if (event.ctrl_key() || event.meta_key()) && key.eq_ignore_ascii_case("k") {
            event.prevent_default();
            palette.open();
            return;
        }
        if event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing(&event) || is_covered() {
            return;
        }
        let now = event.time_stamp();
        if now - chord.get() < CHORD_MS {
            chord.set(0.0);
            let page = PAGES.iter().map(|page| (page.0, page.3)).chain(MACHINE.iter().map(|page| (page.0, page.3)));
            if let Some((page, _)) = page.chain([("/", "0")]).find(|(_, own)| *own == key) {
                event.prevent_default();
                go(page);
                return;
            }
        }
        match key.as_str() {
            "g" => chord.set(now),
            "?" => shortcuts.set(true),
            "/" => {
                let field = document().query_selector("[data-filter]").ok().flatten();
                if let Some(field) = field.and_then(|field| field.dyn_into::<web_sys::HtmlElement>().ok()) {
                    event.prevent_default();
                    let _ = field.focus();
                }
            }
            "ArrowDown" | "ArrowUp" | "j" | "k" => {
                // From anywhere on the page the arrows go to its list.
                let body = document().body().map(web_sys::Element::from);
                if document().active_element() == body
                    && let Some(list) = document().query_selector(&format!(".table, {ROWS}")).ok().flatten()
                    && let Ok(list) = list.dyn_into::<web_sys::HtmlElement>()
                {
                    event.prevent_default();
                    let _ = list.focus();
                }
            }
            _ => {}
        }
    });
    on_cleanup(move || pressed.remove());
}

/// A dialog or a menu has the keyboard.
fn is_covered() -> bool {
    document().query_selector("dialog[open], .menu").ok().flatten().is_some()
}

#[component]
pub(crate) fn ShortcutList() -> impl IntoView {
    let open = expect_context::<ShortcutsOpen>().0;
    let anywhere = [
        ("Ctrl K", "Search or run a command"),
        ("?", "This list"),
        ("/", "Filter the list of the page"),
        ("g 0", "Start"),
    ];
    let lists = [
        ("↑ ↓ or j k", "Move"),
        ("Enter", "Open"),
        (". or Menu", "What can be done with the row"),
        ("x", "Select, where several can be chosen"),
        ("Shift ↑ ↓", "Select a stretch of runs"),
        ("Ctrl A", "Select all runs that match"),
        ("c", "Compare the selected runs"),
        ("p", "Next baseline, in a comparison"),
        ("Home End", "First, last"),
        ("Esc", "Close what is open"),
    ];
    view! {
        <Dialog open title="Keyboard shortcuts">
            <div class="content shortcuts">
                <section>
                    <h3>"Go to"</h3>
                    {PAGES.iter().map(|page| (page.3, page.1)).chain(MACHINE.iter().map(|page| (page.3, page.1)))
                        .map(|(key, label)| view! { <div><span>{label}</span><kbd>"g "{key}</kbd></div> }).collect_view()}
                </section>
                <section>
                    <h3>"Anywhere"</h3>
                    {anywhere.into_iter().map(|(key, label)| view! { <div><span>{label}</span><kbd>{key}</kbd></div> }).collect_view()}
                    <h3>"In a list"</h3>
                    {lists.into_iter().map(|(key, label)| view! { <div><span>{label}</span><kbd>{key}</kbd></div> }).collect_view()}
                </section>
            </div>
        </Dialog>
    }
}
